//! Where a partner stands on its ladders: what leads up, what keeps, what threatens.

use event::ids::{Motion, TierId};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Criteria, Program};
use serde::Serialize;

use crate::ledger::{Account, Standing};
use crate::tier::{Moment, Progress, assess};

/// Where a partner stands on one ladder: what leads up, what keeps, what threatens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scoreboard {
    /// The tier held.
    pub tier: TierId,
    /// Since this day.
    pub since: Date,
    /// The next tier up, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<TierId>,
    /// What leads to it.
    pub to_next: Vec<Progress>,
    /// Whether that is reached.
    pub reaches_next: bool,
    /// What keeps the tier held, at the next review.
    pub to_stay: Vec<Progress>,
    /// Whether the tier would be kept today.
    pub stays: bool,
    /// The next review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_review: Option<Date>,
    /// Warned: lost at the first review from this day on, unless it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demotes_on: Option<Date>,
}

/// Every ladder a partner stands on, by motion.
pub fn scoreboards(
    program: &Program,
    account: &Account,
    now: Timestamp,
) -> std::collections::BTreeMap<Motion, Scoreboard> {
    let today = program.calendar.day(now);
    let at = Moment { now, today, month: Month::of(today) };
    let board = |(motion, held): (&Motion, &Standing)| {
        let tiers = program.ladders.get(motion).map_or(&[][..], Vec::as_slice);
        let place = tiers.iter().position(|t| t.id == held.tier);
        let next = place.and_then(|p| tiers.get(p + 1));
        let look = |criteria: Option<&Criteria>| {
            let mut seen = Vec::new();
            let met = criteria.map(|criteria| assess(criteria, program, account, motion, at, &mut seen));
            (seen, met)
        };
        let (to_next, reaches_next) = look(next.and_then(|t| t.enter.as_ref()));
        let (to_stay, stays) = look(place.and_then(|p| tiers[p].keep.as_ref()));
        let board = Scoreboard {
            tier: held.tier.clone(),
            since: held.since,
            next: next.map(|t| t.id.clone()),
            to_next,
            reaches_next: reaches_next.unwrap_or(false),
            to_stay,
            // A tier that asks for nothing is kept.
            stays: stays.unwrap_or(true),
            next_review: held.next_review,
            demotes_on: held.demotes_on,
        };
        (motion.clone(), board)
    };
    account.head.tiers.iter().map(board).collect()
}
