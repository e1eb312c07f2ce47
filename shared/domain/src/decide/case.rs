//! What judging one event needs to know beyond the event, and how it may stop early.

use std::collections::BTreeMap;

use event::Event;
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
}

impl Case<'_> {
    pub(super) fn facts(&self) -> Facts<'_> {
        let person = self.event.kind.person_id();
        Facts {
            data: self.event.data.json(),
            amounts: self.amounts.clone(),
            person,
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
