//! Event types of a vendor's own: declared in the program file, read as strictly as the built-in ones.
//!
//! A record is read without its program, so what a stored member is can be seen by itself: an amount by its form, a person by its
//! name.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::form::{Form, Member, Named, Whole};
use super::{INTERNAL, ROWS, Shown};
use crate::ids::{Label, Name, PersonId};
use crate::json::Json;
use crate::money::Money;
use crate::rejection::{Code, Faults, Rejection};

/// Most fields that a type of a vendor's own declares.
pub const OWN_FIELDS_MAX: usize = 12;
/// Longest name of such a type, in characters.
pub const OWN_NAME_CHARS_MAX: usize = 64;
/// The largest number that such a field holds.
pub const OWN_NUMBER_MAX: i64 = 1_000_000_000_000;

/// An event type of a vendor's own, as a version of its program declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnType {
    /// The CloudEvents `type`.
    pub name: Label,
    /// What it says, in a sentence; empty where the vendor says nothing.
    pub about: String,
    /// The members of its `data`, sorted by name.
    pub fields: Vec<OwnField>,
}

/// What is known of a type that is not Laurel's.
#[derive(Clone, Copy, Debug)]
pub enum Declared<'t> {
    /// What its program declares.
    So(&'t OwnType),
    /// Nobody knows its program yet: it is read as it looks, to wait until somebody does.
    NotYet,
}

/// A member of the `data` of such a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnField {
    /// Its name.
    pub name: Label,
    /// What it must look like.
    pub form: OwnForm,
    /// Whether it must be there.
    pub required: bool,
}

/// What such a member must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnForm {
    /// An id: 1 to 128 visible characters.
    Id,
    /// The id of a person: kept as a pseudonym only.
    Person,
    /// Any text of at most 1,000 characters.
    Text,
    /// A whole number, 0 to [`OWN_NUMBER_MAX`].
    Number,
    /// An amount with its currency.
    Money,
    /// `true` or `false`; left out, it is false.
    Flag,
    /// RFC 3339 with an offset.
    Instant,
    /// A calendar day.
    Day,
    /// One of these words.
    Words(Vec<Name>),
}

impl OwnForm {
    /// The form of a built-in type's member that looks the same; `None` where each vendor has its own words.
    pub fn plain(&self) -> Option<Form> {
        Some(match self {
            OwnForm::Id => Form::Id,
            OwnForm::Person => Form::Person,
            OwnForm::Text => Form::Text,
            OwnForm::Number => Form::Whole(0, OWN_NUMBER_MAX),
            OwnForm::Money => Form::Money,
            OwnForm::Flag => Form::Flag,
            OwnForm::Instant => Form::Instant,
            OwnForm::Day => Form::Day,
            OwnForm::Words(_) => return None,
        })
    }

    fn read(&self, value: &Json<'_>, at: &str) -> Result<OwnValue, Rejection> {
        let value = Some(value);
        let text = |text: String| OwnValue::Text(text);
        Ok(match self {
            OwnForm::Id => text(Name::read(value, at)?.to_string()),
            OwnForm::Person => OwnValue::Person(PersonId::read(value, at)?),
            OwnForm::Text => text(String::read(value, at)?),
            OwnForm::Number => OwnValue::Number(Whole::read(value, at)?),
            OwnForm::Money => OwnValue::Money(Money::read(value, at)?),
            OwnForm::Flag => OwnValue::Flag(Answer(bool::read(value, at)?)),
            OwnForm::Instant => text(Timestamp::read(value, at)?.to_string()),
            OwnForm::Day => {
                let day = Date::read(value, at)?;
                let is_usual =
                    value.and_then(Json::as_text) == Some(&*day.to_string()) && (1900..9000).contains(&day.year());
                let bad =
                    || Rejection::new(Code::BadTime, at, "write a day of the years 1900 to 8999, as in \"2026-03-14\"");
                text(is_usual.then(|| day.to_string()).ok_or_else(bad)?)
            }
            OwnForm::Words(words) => {
                let word = String::read(value, at)?;
                if words.iter().all(|known| **known != *word) {
                    let words = words.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
                    return Err(Rejection::new(Code::BadValue, at, format!("write one of: {words}")));
                }
                text(word)
            }
        })
    }
}

/// Whether a field names a person: it is `person_id`, or ends in `_person_id`. No other field does, so that nobody's id is kept
/// because a declaration forgot to say whose it is.
pub fn names_person(field: &str) -> bool {
    field.strip_suffix("person_id").is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

/// Why a name is none for a type of a vendor's own; `None` where it is one.
pub fn no_own_name(name: &str) -> Option<&'static str> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let first = name.split('.').next().unwrap_or_default();
    let laurels = ROWS
        .iter()
        .map(|row| row.name)
        .chain(INTERNAL.iter().copied())
        .any(|known| known.split('.').next() == Some(first));
    if name.len() > OWN_NAME_CHARS_MAX || name.split('.').count() < 2 || !name.split('.').all(word) {
        Some(
            "a type is two or more words of small letters, digits and underscores with dots between, as in \"webinar.attended\"",
        )
    } else if laurels || first == "laurel" {
        Some("types that begin so are Laurel's own; begin it with another word, as in \"webinar.attended\"")
    } else {
        None
    }
}

/// An event of a type of a vendor's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    name: Label,
    /// Sorted by name.
    members: Vec<(Label, OwnValue)>,
}

impl Own {
    /// The CloudEvents `type`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the members that the type declares.
    ///
    /// # Errors
    /// Every member that is missing or in bad form.
    pub(crate) fn read(of: &OwnType, data: &Json<'_>) -> Result<Self, Rejection> {
        let mut faults = Faults::default();
        let mut members = Vec::with_capacity(of.fields.len());
        for OwnField { name, form, required } in &of.fields {
            let at = format!("data.{name}");
            let read = match data.get(name) {
                Some(value) => form.read(value, &at).map(Some),
                None if *form == OwnForm::Flag => Ok(Some(OwnValue::Flag(Answer(false)))),
                None if *required => Err(Rejection::missing(&at)),
                None => Ok(None),
            };
            members.extend(faults.keep(read).flatten().map(|value| (name.clone(), value)));
        }
        faults.told().map_or(Ok(Self { name: of.name.clone(), members }), Err)
    }

    /// Reads what a record holds of such an event.
    ///
    /// # Errors
    /// A member that no such event has.
    pub(crate) fn stored(name: &str, data: &Json<'_>) -> Result<Self, Rejection> {
        let Json::Map(all) = data else { return Err(Rejection::form("data", "write an object")) };
        if all.len() > OWN_FIELDS_MAX {
            return Err(Rejection::form("data", "no such event has so many members"));
        }
        let member = |(name, value): (&str, &Json<'_>)| {
            let at = format!("data.{name}");
            let form = match value {
                // As good as absent.
                Json::Null => return Ok(None),
                Json::Text(_) if names_person(name) => OwnForm::Person,
                Json::Text(_) => OwnForm::Text,
                Json::Number(_) => OwnForm::Number,
                Json::Bool(_) => OwnForm::Flag,
                Json::Map(_) => OwnForm::Money,
                Json::List(_) => return Err(Rejection::form(&at, "no such event has a list")),
            };
            Ok(Some((Label::from(name), form.read(value, &at)?)))
        };
        let members = all.iter().map(|(name, value)| member((&**name, value))).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { name: name.into(), members: members.into_iter().flatten().collect() })
    }

    pub(super) fn each_member<'a>(&'a self, mut tell: impl FnMut(&'a str, &'a dyn Shown)) {
        for (name, value) in &self.members {
            tell(name, value.shown());
        }
    }

    pub(super) fn persons_mut(&mut self) -> impl Iterator<Item = &mut PersonId> {
        self.members.iter_mut().filter_map(|(_, value)| match value {
            OwnValue::Person(person) => Some(person),
            _ => None,
        })
    }

    pub(super) fn amounts(&self) -> impl Iterator<Item = (&str, Money)> {
        self.members.iter().filter_map(|(name, value)| match value {
            OwnValue::Money(money) => Some((&**name, *money)),
            _ => None,
        })
    }
}

/// What a member of such an event says: an id, a time, a day and a word are texts once they are read.
#[derive(Clone, Debug, PartialEq)]
enum OwnValue {
    Text(String),
    Number(Whole<0, OWN_NUMBER_MAX>),
    Flag(Answer),
    Money(Money),
    Person(PersonId),
}

impl OwnValue {
    fn shown(&self) -> &dyn Shown {
        match self {
            OwnValue::Text(text) => text,
            OwnValue::Number(number) => number,
            OwnValue::Flag(flag) => flag,
            OwnValue::Money(money) => money,
            OwnValue::Person(person) => person,
        }
    }
}

/// Yes or no, which is written either way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Answer(bool);

impl Shown for Answer {
    fn write(&self, out: &mut String) -> bool {
        out.push_str(if self.0 { "true" } else { "false" });
        true
    }

    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Bool(self.0))
    }

    fn number(&self) -> Option<Decimal> {
        None
    }

    fn named(&self) -> Named<'_> {
        Named::Nothing
    }
}
