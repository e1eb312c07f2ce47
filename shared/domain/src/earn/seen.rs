//! What a rule can see of an event.

use std::borrow::Cow;

use event::ids::{PersonId, RuleId};
use event::json::Json;
use event::money::parse_decimal;
use event::{Influence, Kind, PartnerFacts};
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::{PARTNER, Program};
use rust_decimal::Decimal;

/// What a rule can see of an event: its `data`, with amounts already in the program's currency.
pub(crate) struct Seen<'a> {
    pub(crate) kind: &'a Kind,
    /// Amounts by field, in the program's currency.
    pub(crate) amounts: LiteMap<&'a str, Decimal>,
    /// What the deal that it closes is worth, or what the invoice is over; none of other events, and where no commission is looked at.
    pub(crate) value: Option<Value>,
    /// The partner's share in the deal, in basis points (M34).
    pub(crate) share: u32,
    /// In which way the partner influenced the deal; none where it is its own.
    pub(crate) influence: Option<Influence>,
    /// How the deal was sold of which the customer pays an invoice; none of other events.
    pub(crate) sold: Option<Sold<'a>>,
    /// What is stated of the partner that rules on it look at (M47).
    pub(crate) facts: &'a PartnerFacts,
    /// The pseudonym of the person it names.
    pub(crate) person: Option<&'a PersonId>,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The day it is booked on.
    pub(crate) booked: Date,
    /// The day it happened, in the zone of the version it earns by.
    pub(crate) day: Date,
}

/// How a deal was sold.
pub(crate) struct Sold<'a> {
    /// The day it was closed, in the zone of the version that it earned by.
    pub(crate) on: Date,
    /// The program that it earned by.
    pub(crate) by: &'a Program,
    /// Whether it was taken back since.
    pub(crate) void: bool,
    /// In which money each rule paid its first invoice: it pays the others in that, whatever a version says by now.
    pub(crate) paid_in: LiteMap<RuleId, &'static str>,
}

/// What a deal or an invoice is worth, in its own currency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// The annual value; of an invoice what was paid.
    pub(crate) acv: Decimal,
    /// The total value.
    pub(crate) total: Decimal,
    /// The currency.
    pub(crate) currency: &'static str,
    /// Units of the program's currency for one of it.
    pub(crate) rate: Decimal,
}

impl Value {
    /// Of a closing or an invoice, at the rate of its currency. `None` of what says no value, or in a currency without a rate.
    pub(crate) fn of(kind: &Kind, rate: impl FnOnce(&str) -> Option<Decimal>) -> Option<Self> {
        let (money, total) = match kind {
            Kind::DealClosed { acv: Some(acv), .. } => (acv, kind.total_value()?),
            Kind::InvoicePaid { amount, .. } => (amount, amount.amount()),
            _ => return None,
        };
        let currency = money.currency();
        Some(Self { acv: money.amount(), total, currency, rate: rate(currency)? })
    }
}

/// What the data of an event says of a field, an amount in its own currency. What a sender leaves out as false is false.
pub(crate) fn in_data<'k>(kind: &'k Kind, field: &str) -> Option<Cow<'k, str>> {
    if let Some((_, money)) = kind.amounts().into_iter().find(|(of, _)| *of == field) {
        return Some(money.amount().to_string().into());
    }
    match (field, kind.member(field)) {
        ("renewal" | "public_tender", None) if !matches!(kind, Kind::Own(_)) => Some("false".into()),
        (_, value) => value.map(Json::into_plain),
    }
}

impl Seen<'_> {
    pub(crate) fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        if let Some(amount) = self.amounts.get(field) {
            return Some(amount.to_string().into());
        }
        if let Some(kind) = self.influence.filter(|_| field == "kind") {
            return Some(kind.word().into());
        }
        match field.strip_prefix(PARTNER) {
            Some(name) => self.facts.get(name).map(Cow::Borrowed),
            None => in_data(self.kind, field),
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
            None if field.starts_with(PARTNER) => parse_decimal(&self.text(field)?).ok(),
            None => self.kind.number(field),
        }
    }
}
