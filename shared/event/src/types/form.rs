//! The forms that a member of `data` can have: how each is read, written, and told to others.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::Date;

use rust_decimal::Decimal;

use crate::Gather;
use crate::ids::{
    CertificationId, ContentId, CourseId, DealId, IdError, InvoiceId, Motion, Name, OpportunityId, PartnerId, PersonId,
    ProjectId, RedemptionId, RewardId,
};
use crate::json::Json;
use crate::money::{Money, MoneyError, parse_currency, parse_decimal};
use crate::payout::{NoPayout, PayoutId};
use crate::period::TargetPeriod;
use crate::rejection::{Code, Faults, Rejection};
use crate::time::{is_usual, parse_instant};

/// Longest text of a member, in characters.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// What a member must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An id: 1 to 128 visible characters.
    Id,
    /// The id of a person: kept as a pseudonym only.
    Person,
    /// Any text of at most [`TEXT_CHARS_MAX`] characters.
    Text,
    /// A JSON integer from the first to the second.
    Whole(i64, i64),
    /// One of these JSON integers.
    Numbers(&'static [i64]),
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`; left out, it is false.
    Flag,
    /// RFC 3339 with an offset.
    Instant,
    /// A calendar day.
    Day,
    /// `{"amount":"48000.00","currency":"USD"}`.
    Money,
    /// A list of ids.
    Ids,
    /// A list of revenue lines.
    Lines,
    /// Short texts by name.
    Facts,
    /// Any JSON value of at most [`TEXT_CHARS_MAX`] characters.
    Any,
}

impl Form {
    /// Whether a rule's condition or scale may look at it.
    pub fn is_plain(self) -> bool {
        !matches!(self, Form::Lines | Form::Facts)
    }
}

/// What a member names: by its type alone, so that no event type can forget to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named<'m> {
    /// Nothing that is found by its name.
    Nothing,
    /// A person.
    Person(&'m PersonId),
    /// A deal.
    Deal(&'m DealId),
    /// An opportunity.
    Opportunity(&'m OpportunityId),
    /// A partner beside the event's own.
    Partner(&'m PartnerId),
    /// A redemption.
    Redemption(&'m RedemptionId),
    /// A payout.
    Payout(PayoutId),
    /// A sales motion.
    Motion(&'m Motion),
}

impl<'m> Named<'m> {
    /// The person.
    pub(crate) fn person(self) -> Option<&'m PersonId> {
        if let Self::Person(person) = self { Some(person) } else { None }
    }
}

/// A Rust type that stands for a member of `data`.
pub(crate) trait Member: Sized {
    /// What it must look like.
    const FORM: Form;
    /// Whether it must be there.
    const REQUIRED: bool = true;

    /// Reads it. `at` is its path, for the rejection; a member that is not there or `null` is `None`.
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection>;

    /// Its JSON; `None` where it is left out.
    fn json(&self) -> Option<Json<'_>>;

    /// Writes its JSON; false where it is left out.
    fn write(&self, out: &mut String) -> bool {
        self.json().map(|json| json.write(out)).is_some()
    }

    /// It as a number; `None` where it is left out, or none.
    fn number(&self) -> Option<Decimal> {
        parse_decimal(&self.json()?.into_plain()).ok()
    }

    /// What it names.
    fn named(&self) -> Named<'_> {
        Named::Nothing
    }

    /// The person it names, to be named otherwise.
    fn person_mut(&mut self) -> Option<&mut PersonId> {
        None
    }

    /// The amount it holds.
    fn money(&self) -> Option<Money> {
        None
    }
}

impl<T: Member> Member for Option<T> {
    const FORM: Form = T::FORM;
    const REQUIRED: bool = false;

    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        value.map(|value| T::read(Some(value), at)).transpose()
    }

    fn json(&self) -> Option<Json<'_>> {
        self.as_ref()?.json()
    }

    fn write(&self, out: &mut String) -> bool {
        self.as_ref().is_some_and(|member| member.write(out))
    }

    fn number(&self) -> Option<Decimal> {
        self.as_ref()?.number()
    }

    fn named(&self) -> Named<'_> {
        self.as_ref().map_or(Named::Nothing, T::named)
    }

    fn person_mut(&mut self) -> Option<&mut PersonId> {
        self.as_mut()?.person_mut()
    }

    fn money(&self) -> Option<Money> {
        self.as_ref()?.money()
    }
}

#[inline(never)]
fn there<'a, 'b>(value: Option<&'b Json<'a>>, at: &str) -> Result<&'b Json<'a>, Rejection> {
    value.ok_or_else(|| Rejection::missing(at))
}

#[inline(never)]
fn text<'a>(value: Option<&'a Json<'_>>, at: &str) -> Result<&'a str, Rejection> {
    match there(value, at)? {
        Json::Text(text) if text.chars().count() <= TEXT_CHARS_MAX => Ok(text),
        Json::Text(_) => Err(Rejection::form(at, "write at most 1,000 characters")),
        _ => Err(Rejection::form(at, "write a string")),
    }
}

#[inline(never)]
fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(value: Option<&Json<'_>>, at: &str) -> Result<T, Rejection> {
    T::try_from(text(value, at)?).map_err(|error| Rejection::id(at, &error))
}

#[inline(never)]
fn integer(value: Option<&Json<'_>>, at: &str) -> Result<i64, Rejection> {
    let integer = there(value, at)?.as_integer();
    integer.ok_or_else(|| Rejection::form(at, "write a whole number without quotes"))
}

macro_rules! id_members {
    ($($name:ident $(: $named:ident)?),*) => {$(
        impl Member for $name {
            const FORM: Form = Form::Id;
            #[inline(never)]
            fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
                id(value, at)
            }
            fn json(&self) -> Option<Json<'_>> {
                Some(Json::Text(self.as_str().into()))
            }
            $(fn named(&self) -> Named<'_> {
                Named::$named(self)
            })?
        }
    )*};
}
id_members!(CertificationId, ContentId, CourseId, InvoiceId, Name, ProjectId, RewardId);
id_members!(DealId: Deal, OpportunityId: Opportunity, PartnerId: Partner, RedemptionId: Redemption, Motion: Motion);

impl Member for PersonId {
    const FORM: Form = Form::Person;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        id(value, at)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.as_str().into()))
    }
    fn named(&self) -> Named<'_> {
        Named::Person(self)
    }
    fn person_mut(&mut self) -> Option<&mut PersonId> {
        Some(self)
    }
}

impl Member for String {
    const FORM: Form = Form::Text;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        text(value, at).map(str::to_owned)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.as_str().into()))
    }
}

/// A text of any length, of which only Laurel itself is the author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(pub String);

impl Member for Document {
    const FORM: Form = Form::Any;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        match there(value, at)? {
            Json::Text(text) => Ok(Self(text.clone().into_owned())),
            _ => Err(Rejection::form(at, "write a string")),
        }
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.0.as_str().into()))
    }
}

impl Member for bool {
    const FORM: Form = Form::Flag;
    const REQUIRED: bool = false;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        match value {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Rejection::form(at, "write true or false")),
        }
    }
    fn json(&self) -> Option<Json<'_>> {
        self.then_some(Json::Bool(true))
    }
}

impl Member for Timestamp {
    const FORM: Form = Form::Instant;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let bad = |message| Rejection::new(Code::BadTime, at, message);
        let instant = parse_instant(text(value, at)?).ok_or_else(|| bad("write RFC 3339 with an offset"))?;
        // What is written of it, in UTC, must be read again.
        if is_usual(instant) { Ok(instant) } else { Err(bad("lies outside of the years 1900 to 8999")) }
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.to_string().into()))
    }
}

impl Member for Date {
    const FORM: Form = Form::Day;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let bad = |_| Rejection::new(Code::BadTime, at, "write a day, as in \"2026-03-14\"");
        text(value, at)?.parse().map_err(bad)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.to_string().into()))
    }
}

impl Member for Money {
    const FORM: Form = Form::Money;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        read_money(there(value, at)?, at)
    }
    fn json(&self) -> Option<Json<'_>> {
        let parts = [("amount", self.amount().to_string().into()), ("currency", self.currency().into())];
        Some(Json::Map(parts.into_iter().map(|(name, text)| (name.into(), Json::Text(text))).gather()))
    }
    fn write(&self, out: &mut String) -> bool {
        // Neither has anything to be escaped.
        write!(out, r#"{{"amount":"{}","currency":"{}"}}"#, self.amount(), self.currency()).is_ok()
    }
    fn money(&self) -> Option<Money> {
        Some(*self)
    }
}

fn read_money(value: &Json, at: &str) -> Result<Money, Rejection> {
    const FORM: &str = "write {\"amount\":\"48000.00\",\"currency\":\"USD\"}, both as strings";
    if !matches!(value, Json::Map(_)) {
        return Err(Rejection::new(Code::BadAmount, at, FORM));
    }
    let part = |name: &str, code| {
        let text = value.get(name).and_then(Json::as_text);
        text.ok_or_else(|| Rejection::new(code, &format!("{at}.{name}"), FORM))
    };
    let bad = |error: MoneyError| {
        let (code, member) = match error {
            MoneyError::Amount(_) | MoneyError::TooLarge | MoneyError::TooFine => (Code::BadAmount, "amount"),
            MoneyError::Currency(_) => (Code::BadCurrency, "currency"),
            MoneyError::Decimals { .. } => (Code::BadCurrency, "amount"),
        };
        Rejection::new(code, &format!("{at}.{member}"), error.to_string())
    };
    let mut faults = Faults::default();
    let amount = part("amount", Code::BadAmount).and_then(|text| parse_decimal(text).map(|_| text).map_err(bad));
    let currency = part("currency", Code::BadCurrency).and_then(|text| parse_currency(text).map(|_| text).map_err(bad));
    let (amount, currency) = (faults.keep(amount), faults.keep(currency));
    match (amount.zip(currency), faults.told()) {
        (Some((amount, currency)), None) => Money::parse(amount, currency).map_err(bad),
        (_, fault) => Err(fault.unwrap_or_else(|| Rejection::new(Code::BadAmount, at, FORM))),
    }
}

impl Member for Vec<Motion> {
    const FORM: Form = Form::Ids;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let Json::List(items) = there(value, at)? else {
            return Err(Rejection::form(at, "write a list of strings"));
        };
        let motion = |(place, item): (usize, &Json)| match item {
            Json::Text(_) => id(Some(item), &format!("{at}[{place}]")),
            _ => Err(Rejection::form(at, "write a list of strings")),
        };
        items.iter().enumerate().map(motion).collect()
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::List(self.iter().map(|motion| Json::Text(motion.as_str().into())).collect()))
    }
}

impl Member for Json<'static> {
    const FORM: Form = Form::Any;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let value = there(value, at)?;
        if value.canonical().chars().count() > TEXT_CHARS_MAX {
            return Err(Rejection::form(at, "write a value of at most 1,000 characters"));
        }
        Ok(value.clone().into_owned())
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(self.clone())
    }
}

/// One revenue line of a deal (M07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevenueLine {
    /// What kind of revenue, in the vendor's words.
    pub revenue_type: String,
    /// Total value of the line.
    pub amount: Money,
}

impl Member for Vec<RevenueLine> {
    const FORM: Form = Form::Lines;
    const REQUIRED: bool = false;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let items = match value {
            None => return Ok(Vec::new()),
            Some(Json::List(items)) => items,
            Some(_) => return Err(Rejection::form(at, "write a list")),
        };
        let line = |(place, item): (usize, &Json)| {
            let at = format!("{at}[{place}]");
            Ok(RevenueLine {
                amount: Money::read(item.get("amount"), &format!("{at}.amount"))?,
                revenue_type: String::read(item.get("revenue_type"), &format!("{at}.revenue_type"))?,
            })
        };
        items.iter().enumerate().map(line).collect()
    }
    fn json(&self) -> Option<Json<'_>> {
        fn line(line: &RevenueLine) -> Json<'_> {
            let amount = line.amount.json().map(|amount| ("amount".into(), amount));
            let kind = ("revenue_type".into(), Json::Text(line.revenue_type.as_str().into()));
            Json::Map(amount.into_iter().chain([kind]).gather())
        }
        (!self.is_empty()).then(|| Json::List(self.iter().map(line).collect()))
    }
}

impl Member for PayoutId {
    const FORM: Form = Form::Text;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        text(value, at)?.parse().map_err(|error: NoPayout| Rejection::new(Code::BadValue, at, error.to_string()))
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.to_string().into()))
    }
    fn named(&self) -> Named<'_> {
        Named::Payout(*self)
    }
}

impl Member for TargetPeriod {
    const FORM: Form = Form::Text;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        Self::try_from(text(value, at)?.to_owned()).map_err(|error| Rejection::new(Code::BadValue, at, error))
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Text(self.to_string().into()))
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const LEAST: i64, const MOST: i64>(i64);

impl<const LEAST: i64, const MOST: i64> Whole<LEAST, MOST> {
    /// The number, if it lies within.
    pub fn new(number: i64) -> Option<Self> {
        (LEAST..=MOST).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const LEAST: i64, const MOST: i64> Member for Whole<LEAST, MOST> {
    const FORM: Form = Form::Whole(LEAST, MOST);
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let bad = || Rejection::new(Code::BadValue, at, format!("must lie between {LEAST} and {MOST}"));
        Self::new(integer(value, at)?).ok_or_else(bad)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Number(self.0.to_string().into()))
    }
    fn write(&self, out: &mut String) -> bool {
        write!(out, "{}", self.0).is_ok()
    }
    fn number(&self) -> Option<Decimal> {
        Some(self.0.into())
    }
}

/// The level of a course or certification (M26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(i64);

impl Level {
    const ALL: [i64; 3] = [101, 201, 301];

    /// The level of this number; `None` where there is none.
    pub fn of(number: i64) -> Option<Self> {
        Self::ALL.contains(&number).then_some(Self(number))
    }

    /// Each of them, the lowest first.
    pub fn each() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(Self)
    }

    /// Its number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl Member for Level {
    const FORM: Form = Form::Numbers(&Level::ALL);
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        let level = integer(value, at)?;
        let bad = || Rejection::new(Code::BadValue, at, "write 101, 201 or 301");
        Level::of(level).ok_or_else(bad)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Number(self.0.to_string().into()))
    }
    fn write(&self, out: &mut String) -> bool {
        write!(out, "{}", self.0).is_ok()
    }
    fn number(&self) -> Option<Decimal> {
        Some(self.0.into())
    }
}

/// A type whose values are a few words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// What a word says; `None` if it is none of them.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($text => Some($name::$word),)*
                    _ => None,
                }
            }

            /// The word.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$word => $text,)*
                }
            }
        }

        impl Member for $name {
            const FORM: Form = Form::Words(&[$($text),*]);
            fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
                match text(value, at)? {
                    $($text => Ok($name::$word),)*
                    _ => {
                        let words = [$($text),*].join(", ");
                        Err(Rejection::new(Code::BadValue, at, format!("write one of: {words}")))
                    }
                }
            }
            fn json(&self) -> Option<Json<'_>> {
                Some(Json::Text(self.word().into()))
            }
        }
    )*};
}

words! {
    /// How a deal ended.
    DealOutcome {
        /// Closed won.
        Won = "won",
        /// Closed lost.
        Lost = "lost",
    }
    /// How a partner had a part in another's deal (M34).
    Influence {
        /// It spoke for the vendor.
        Endorsement = "endorsement",
        /// The customer needs its integration.
        IntegrationRequirement = "integration_requirement",
        /// It took part in the sale.
        ActiveInSale = "active_in_sale",
    }
    /// How a project ended.
    ProjectOutcome {
        /// To the customer's content.
        Successful = "successful",
        /// Not so.
        Unsuccessful = "unsuccessful",
    }
    /// Why a redemption's points went back.
    ReleaseReason {
        /// The provider declined.
        Declined = "declined",
        /// The partner cancelled.
        Cancelled = "cancelled",
    }
}
