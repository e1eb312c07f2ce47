//! Partners beside each other: who brings most of what a challenge measures, ties included, and nobody who would not be seen (M39).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use event::ids::PartnerId;
use event::period::{Period, TargetPeriod};
use event::planted;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Challenge, Measure, Program, Programs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::{Account, FoldError, Membership, Part};

/// Most values that are told apart: of who brings less than all of them, the place is not known.
pub const BOARD_VALUES_MAX: usize = 2_000;

/// A partner on a leaderboard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ranked {
    /// What it brought; the most come first.
    #[serde(rename = "v")]
    pub value: Reverse<Decimal>,
    /// The partner.
    #[serde(rename = "p")]
    pub partner: PartnerId,
    /// Its name for people.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A leaderboard, or a part of one: the best, and how many brought how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// The best, the most first; of equals the id that is first in the order of bytes.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeSet::is_empty")]
    best: BTreeSet<Ranked>,
    /// How many brought so much.
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<Decimal, u64>,
    /// Of how many it is.
    #[serde(rename = "o", default)]
    of: u64,
    /// Smaller values were left out: of who brought less, the place is not known.
    #[serde(rename = "k", default, skip_serializing_if = "Decimal::is_zero")]
    known_from: Decimal,
}

impl Board {
    /// Adds a partner, where `places` are shown.
    pub fn add(&mut self, one: Ranked, places: usize) {
        *self.values.entry(one.value.0).or_default() += 1;
        self.of += 1;
        self.best.insert(one);
        self.keep(places);
    }

    /// Adds another part.
    pub fn merge(&mut self, other: Self, places: usize) {
        for (value, many) in other.values {
            *self.values.entry(value).or_default() += many;
        }
        self.of += other.of;
        // What a part left out may lie above what another kept.
        self.known_from = self.known_from.max(other.known_from);
        self.best.extend(other.best);
        self.keep(places);
    }

    fn keep(&mut self, places: usize) {
        while self.best.len() > places {
            self.best.pop_last();
        }
        while self.values.len() > BOARD_VALUES_MAX {
            self.values.pop_first();
            self.known_from =
                self.values.first_key_value().map_or(Decimal::ZERO, |(least, _)| *least).max(self.known_from);
        }
    }

    /// Of how many it is.
    pub fn of(&self) -> u64 {
        self.of
    }

    /// The place of who brings so much; equals share one, and the next has as many places less. `None` of who brings nothing, or less
    /// than what is told apart.
    pub fn place(&self, value: Decimal) -> Option<u64> {
        let is_known = value >= self.known_from;
        let before = self.values.range((std::ops::Bound::Excluded(value), std::ops::Bound::Unbounded));
        (value > Decimal::ZERO && is_known).then(|| 1 + before.map(|(_, many)| many).sum::<u64>())
    }

    /// The place of a partner that brings so much by now: of whom what it brought before is counted is not behind itself.
    pub fn place_of(&self, partner: &PartnerId, value: Decimal) -> Option<u64> {
        let before = self.best.iter().find(|one| one.partner == *partner).map(|one| one.value.0);
        let itself = u64::from(before.is_some_and(|before| before > value));
        self.place(value).map(|place| place - itself)
    }

    /// The best, each with its place.
    pub fn best(&self) -> impl Iterator<Item = (u64, &Ranked)> {
        self.best.iter().filter_map(|one| Some((self.place(one.value.0)?, one)))
    }
}

/// The months of a challenge's period.
fn months(program: &Program, period: TargetPeriod) -> Option<(Month, Month)> {
    let last = period.in_calendar(&program.calendar).last_day()?;
    let (Period::Month(first) | Period::Quarter(first) | Period::Year(first)) = period.in_calendar(&program.calendar)
    else {
        return None;
    };
    Some((first, Month::of(last)))
}

/// The first and the last day of a period.
pub fn days_of(program: &Program, period: TargetPeriod) -> Option<(Date, Date)> {
    let (first, last) = months(program, period)?;
    Some((first.first_day(), last.plus(1).first_day().yesterday().ok()?))
}

/// The periods of a challenge that are counted at `now`: the one that it is in, and those before it of which the books are open; once more
/// on the day on which they close.
pub fn open_periods(programs: &Programs, challenge: &Challenge, now: Timestamp) -> Vec<TargetPeriod> {
    let program = &programs.current(now).program;
    let today = program.calendar.day(now);
    let mut periods = Vec::new();
    let mut day = Some(today);
    while let Some((period, first, last)) =
        day.and_then(|day| TargetPeriod::of(challenge.every, day, &program.calendar))
    {
        let ended = last.plus(1).first_day().yesterday().ok();
        let is_open = ended.is_some_and(|ended| ended >= today || program.closes(ended) >= today);
        if !is_open || periods.len() >= PERIODS_MAX {
            break;
        }
        periods.push(period);
        day = first.first_day().yesterday().ok();
    }
    periods
}

/// Most periods of a challenge that are counted on one day.
const PERIODS_MAX: usize = 12;

/// What ranking an account looks at and was not read.
pub fn parts_to_rank(program: &Program, account: &Account, periods: &[TargetPeriod]) -> BTreeSet<Part> {
    let mut parts = BTreeSet::new();
    parts.insert(Part::Profile);
    for (first, last) in periods.iter().filter_map(|period| months(program, *period)) {
        let quarters = std::iter::successors(Some(first.quarter()), |quarter| Some(quarter.plus(3)));
        parts.extend(quarters.take_while(|quarter| *quarter <= last).map(Part::Measures));
    }
    parts.retain(|part| !account.knows(part));
    parts
}

/// What a partner brought in a period, and its name; `None` of who brought nothing, takes no part, or would not be seen.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what is measured was not loaded (I25).
pub fn ranked(
    program: &Program,
    partner: &PartnerId,
    account: &Account,
    (metric, motion, period): (Measure, &str, TargetPeriod),
) -> Result<Option<Ranked>, FoldError> {
    if !is_listed(account) {
        return Ok(None);
    }
    let facts = account.profile.facts.as_ref().map(|fact| &fact.value);
    let value = brought(program, account, (metric, motion, period))?;
    let name = facts.map(|facts| facts.name.clone()).unwrap_or_default();
    let one = || Ranked { value: Reverse(value), partner: partner.clone(), name };
    Ok((value > Decimal::ZERO).then(one))
}

/// Whether others see a partner on leaderboards: who takes part, is not suspended, and would be seen.
pub fn is_listed(account: &Account) -> bool {
    let unlisted = account.profile.facts.as_ref().is_some_and(|facts| facts.value.unlisted);
    account.head.membership() == Membership::Active && (!unlisted || planted("who would not be seen is listed"))
}

/// What a partner brought in a period.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what is measured was not loaded (I25).
pub fn brought(
    program: &Program,
    account: &Account,
    (metric, motion, period): (Measure, &str, TargetPeriod),
) -> Result<Decimal, FoldError> {
    let Some((first, last)) = months(program, period) else { return Ok(Decimal::ZERO) };
    account.measured(motion, metric, first, last)
}
