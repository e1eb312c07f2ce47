//! What a rule can see of an event.

use std::borrow::Cow;

use event::Kind;
use event::ids::PersonId;
use event::json::Json;
use event::money::parse_decimal;
use jiff::civil::Date;
use litemap::LiteMap;
use rust_decimal::Decimal;

/// What a rule can see of an event: its `data`, with amounts already in the program's currency.
pub(crate) struct Seen<'a> {
    pub(crate) kind: &'a Kind,
    /// Amounts by field, in the program's currency.
    pub(crate) amounts: LiteMap<&'static str, Decimal>,
    /// The pseudonym of the person it names.
    pub(crate) person: Option<&'a PersonId>,
    /// The day it is booked on.
    pub(crate) booked: Date,
    /// The day it happened, in the zone of the version it earns by.
    pub(crate) day: Date,
}

impl Seen<'_> {
    pub(crate) fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        if let Some(amount) = self.amounts.get(field) {
            return Some(amount.to_string().into());
        }
        match (field, self.kind.member(field)) {
            // What a sender leaves out as false is false.
            ("renewal" | "public_tender", None) => Some("false".into()),
            (_, value) => value.map(Json::into_plain),
        }
    }

    /// Whether a field is so: an amount by its value, anything else by its text.
    pub(crate) fn is(&self, field: &str, wanted: &str) -> bool {
        match self.amounts.get(field) {
            Some(amount) => parse_decimal(wanted).is_ok_and(|wanted| wanted == *amount),
            None => self.text(field).as_deref() == Some(wanted),
        }
    }

    pub(crate) fn number(&self, field: &str) -> Option<Decimal> {
        match self.amounts.get(field) {
            Some(amount) => Some(*amount),
            None => self.kind.number(field),
        }
    }
}
