//! What a partner is to reach, and how far it is (M09, M15).

use std::collections::BTreeSet;

use event::Gather;
use event::ids::{Motion, Name};
use event::period::{Every, TargetPeriod};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Measure, Programs};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::ledger::{Account, FoldError, Part};

/// A target of a period that is not over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// The motion.
    pub motion: Motion,
    /// What is measured.
    pub measure: Name,
    /// The period.
    pub period: TargetPeriod,
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// What there is.
    pub seen: Decimal,
    /// What is to be reached.
    pub target: Decimal,
    /// How much of it that is, in percent, rounded down to one decimal.
    pub percent: Decimal,
}

/// The first and last month of the period that a target is of, if `day` lies in it.
fn months(programs: &Programs, now: Timestamp, day: Date, period: TargetPeriod) -> Option<(Month, Month)> {
    let calendar = &programs.current(now).program.calendar;
    let periods = [Every::Year, Every::Quarter, Every::Month];
    let mut open = periods.iter().filter_map(|every| TargetPeriod::of(*every, day, calendar));
    open.find(|(open, ..)| *open == period).map(|(_, first, last)| (first, last))
}

fn today(programs: &Programs, account: &Account, now: Timestamp) -> Date {
    let day = programs.current(now).program.calendar.day(now);
    account.head.day.map_or(day, |last| last.max(day))
}

/// What telling the targets of an account looks at and was not read.
pub fn parts_of_targets(programs: &Programs, account: &Account, now: Timestamp) -> BTreeSet<Part> {
    let day = today(programs, account, now);
    let open = account.profile.targets.keys().filter_map(|key| months(programs, now, day, key.period));
    let first = open.map(|(first, _)| first.quarter()).min();
    let last = Month::of(day);
    let quarters = std::iter::successors(first, |quarter| Some(quarter.plus(3))).take_while(|quarter| *quarter <= last);
    quarters.map(Part::Measures).filter(|part| !account.knows(part)).gather()
}

/// The targets of an account in periods that are not over.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what is measured was not loaded (I25).
pub fn targets(programs: &Programs, account: &Account, now: Timestamp) -> Result<Vec<Target>, FoldError> {
    let day = today(programs, account, now);
    let mut told = Vec::new();
    for (key, fact) in &account.profile.targets {
        let Some((first, last)) = months(programs, now, day, key.period) else { continue };
        let Some(measure) = Measure::named(&key.measure) else { continue };
        let seen = account.measured(&key.motion, measure, first, last)?;
        let percent = seen.checked_div(fact.value).unwrap_or(Decimal::MAX).saturating_mul(Decimal::ONE_HUNDRED);
        told.push(Target {
            motion: key.motion.clone(),
            measure: key.measure.clone(),
            period: key.period,
            from: first.first_day(),
            to: last.plus(1).first_day().yesterday().unwrap_or(day),
            seen,
            target: fact.value,
            percent: percent.round_dp_with_strategy(1, RoundingStrategy::ToZero).normalize(),
        });
    }
    Ok(told)
}
