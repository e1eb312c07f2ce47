//! How long a partner took to be trained and to become productive (M17, M29).

use jiff::Timestamp;
use jiff::civil::Date;
use program::Programs;
use serde::Serialize;

use crate::ledger::{Account, Milestone};

/// How far a partner has come that was new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Onboarded {
    /// The day on which its membership began; of who left and is back, the one of then.
    pub enrolled: Date,
    /// The day on which an agreement was accepted first, of who left and is back since then; none where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Date>,
    /// When it had every course, certification and agreement that the program asks for: days since it signed, or, where it has not,
    /// since it was enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained: Option<Reached>,
    /// When it brought what the program asks for: days since it was enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub productive: Option<Reached>,
}

/// A milestone that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// The day on which what completed it happened, says its sender.
    pub on: Date,
    /// After so many days; none where that lies before the membership began, or before the agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// How far a partner has come. `None` where it was never enrolled.
pub fn onboarded(programs: &Programs, account: &Account, now: Timestamp) -> Option<Onboarded> {
    let calendar = &programs.current(now).program.calendar;
    let head = &account.head;
    let enrolled = calendar.day(account.began()?.time());
    // Of who left and is back, what was accepted since.
    let of_now = |signed: &Timestamp| head.left.is_none_or(|left| *signed > left.time());
    let latest = || account.profile.agreement.as_ref().map(|fact| fact.since.time());
    let signed = account.profile.signed.filter(of_now).or_else(|| latest().filter(of_now));
    let signed = signed.map(|signed| calendar.day(signed));
    let reached = |milestone, since: Date| {
        let on = calendar.day(*account.profile.reached.get(&milestone)?);
        let days = since.until(on).ok().map(|span| i64::from(span.get_days()));
        Some(Reached { on, days: days.filter(|days| *days >= 0) })
    };
    let trained = reached(Milestone::Trained, signed.unwrap_or(enrolled));
    Some(Onboarded { enrolled, signed, trained, productive: reached(Milestone::Productive, enrolled) })
}
