//! `data` as a bag of members, and strict readers for each form a member can have.

use jiff::Timestamp;

use crate::ids::PartnerId;
use crate::json::Json;
use crate::money::{Money, MoneyError};
use crate::rejection::{Code, Rejection};
use crate::time::parse_instant;

/// An event's `data`: an object, unknown members included (they are hashed and otherwise ignored).
#[derive(Clone, Debug, PartialEq)]
pub struct Data(Json);

impl Data {
    pub(crate) fn new(json: Json) -> Self {
        Self(json)
    }

    /// The tree.
    pub fn json(&self) -> &Json {
        &self.0
    }

    /// Replaces a text member, as a person's id is by its pseudonym before it is kept.
    pub fn replace_text(&mut self, name: &str, text: &str) {
        if let Json::Map(map) = &mut self.0 {
            map.insert(name.to_owned(), Json::Text(text.to_owned()));
        }
    }

    fn required<T>(name: &str, value: Option<T>) -> Result<T, Rejection> {
        value.ok_or_else(|| Rejection::missing(&path(name)))
    }

    /// An id: 1 to 128 visible characters.
    pub(crate) fn id(&self, name: &str) -> Result<String, Rejection> {
        Self::required(name, self.id_if_any(name)?)
    }

    pub(crate) fn id_if_any(&self, name: &str) -> Result<Option<String>, Rejection> {
        let Some(text) = self.text_if_any(name)? else { return Ok(None) };
        // Ids inside `data` follow the rule of partner ids.
        PartnerId::try_from(text).map(|id| Some(id.into())).map_err(|e| Rejection::id(&path(name), &e))
    }

    /// Any text of at most 1,000 characters.
    pub(crate) fn text(&self, name: &str) -> Result<String, Rejection> {
        Self::required(name, self.text_if_any(name)?)
    }

    pub(crate) fn text_if_any(&self, name: &str) -> Result<Option<String>, Rejection> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::Text(text)) if text.chars().count() <= 1_000 => Ok(Some(text.clone())),
            Some(Json::Text(_)) => Err(Rejection::form(&path(name), "write at most 1,000 characters")),
            Some(_) => Err(Rejection::form(&path(name), "write a string")),
        }
    }

    pub(crate) fn one_of<'w>(&self, name: &str, words: &'w [&'w str]) -> Result<&'w str, Rejection> {
        let text = self.text(name)?;
        let known = words.iter().find(|word| **word == text);
        known.copied().ok_or_else(|| bad_value(name, format!("write one of: {}", words.join(", "))))
    }

    pub(crate) fn integer_if_any(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Rejection> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let integer = value.as_integer();
        let integer = integer.ok_or_else(|| Rejection::form(&path(name), "write a whole number without quotes"))?;
        if range.contains(&integer) {
            return Ok(Some(integer));
        }
        Err(bad_value(name, format!("must lie between {} and {}", range.start(), range.end())))
    }

    pub(crate) fn level_if_any(&self) -> Result<Option<i64>, Rejection> {
        match self.integer_if_any("level", 1..=999)? {
            None | Some(101 | 201 | 301) => self.integer_if_any("level", 1..=999),
            Some(_) => Err(bad_value("level", "write 101, 201 or 301".to_owned())),
        }
    }

    pub(crate) fn flag_if_any(&self, name: &str) -> Result<Option<bool>, Rejection> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Rejection::form(&path(name), "write true or false")),
        }
    }

    pub(crate) fn instant_if_any(&self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text_if_any(name)? else { return Ok(None) };
        let bad = || Rejection::new(Code::BadTime, &path(name), "write RFC 3339 with an offset");
        parse_instant(&text).map(Some).ok_or_else(bad)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Rejection> {
        let words = || Rejection::form(&path(name), "write a list of strings");
        match self.0.get(name) {
            None => Err(Rejection::missing(&path(name))),
            Some(Json::List(items)) => items.iter().map(|i| i.as_text().map(str::to_owned).ok_or_else(words)).collect(),
            Some(_) => Err(words()),
        }
    }

    pub(crate) fn money(&self, name: &str) -> Result<Money, Rejection> {
        Self::required(name, self.money_if_any(name)?)
    }

    pub(crate) fn money_if_any(&self, name: &str) -> Result<Option<Money>, Rejection> {
        self.0.get(name).map(|value| read_money(&path(name), value)).transpose()
    }

    pub(crate) fn list_if_any(&self, name: &str) -> Result<&[Json], Rejection> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(Json::List(items)) => Ok(items),
            Some(_) => Err(Rejection::form(&path(name), "write a list")),
        }
    }
}

fn path(name: &str) -> String {
    format!("data.{name}")
}

pub(crate) fn bad_value(name: &str, message: String) -> Rejection {
    Rejection::new(Code::BadValue, &path(name), message)
}

pub(crate) fn read_money(at: &str, value: &Json) -> Result<Money, Rejection> {
    const FORM: &str = "write {\"amount\":\"48000.00\",\"currency\":\"USD\"}, both as strings";
    if !matches!(value, Json::Map(_)) {
        return Err(Rejection::new(Code::BadAmount, at, FORM));
    }
    let part = |name: &str, code| {
        let text = value.get(name).and_then(Json::as_text);
        text.ok_or_else(|| Rejection::new(code, &format!("{at}.{name}"), FORM))
    };
    let (amount, currency) = (part("amount", Code::BadAmount)?, part("currency", Code::BadCurrency)?);
    Money::parse(amount, currency).map_err(|error| {
        let (code, member) = match error {
            MoneyError::Amount(_) | MoneyError::TooLarge => (Code::BadAmount, "amount"),
            MoneyError::Currency(_) => (Code::BadCurrency, "currency"),
            MoneyError::Decimals { .. } => (Code::BadCurrency, "amount"),
        };
        Rejection::new(code, &format!("{at}.{member}"), error.to_string())
    })
}
