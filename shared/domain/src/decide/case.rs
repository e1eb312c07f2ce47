//! What judging one event needs to know beyond the event, and how it may stop early.

use std::collections::BTreeMap;

use event::Event;
use event::ids::PersonId;
use jiff::civil::Date;
use program::Version;
use rust_decimal::Decimal;

use super::Awaited;
use crate::earn::Facts;
use crate::ledger::Reason;

/// What judging one event needs to know beyond the event.
pub(super) struct Case<'a> {
    pub(super) event: &'a Event,
    /// The version the event earns by.
    pub(super) earning: &'a Version,
    pub(super) day: Date,
    pub(super) booked: Date,
    /// The event's amounts in the program's currency, by field.
    pub(super) amounts: BTreeMap<&'static str, Decimal>,
    /// The person it names.
    pub(super) person: Option<PersonId>,
}

impl Case<'_> {
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            data: &self.event.data,
            amounts: self.amounts.clone(),
            person: self.person.as_ref(),
            booked: self.booked,
            day: self.day,
        }
    }
}

/// Why an event does not go on to the rules.
pub(super) enum Block {
    Held(Awaited),
    Refused(Reason),
}
