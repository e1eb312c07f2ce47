//! Where a partner stands on its ladders: what leads up, what keeps, what threatens.

use std::collections::BTreeMap;

use event::ids::{Motion, TierId};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Criteria, Programs};
use serde::Serialize;

use crate::ledger::{Account, FoldError, Standing};
use crate::tier::{Looked, Moment, Progress, assess, next_review};

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
    /// Whether that is enough as it is now.
    pub stays: bool,
    /// The day of the next review: when the books of what it looks at have closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_review: Option<Date>,
    /// The day as of which that judges: what happened before counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewed_as_of: Option<Date>,
    /// Warned: lost at the first review as of this day or later, unless it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demotes_on: Option<Date>,
    /// On the lowest tier, where something is asked to stay: after how many failed reviews in a row the partner is due to be pruned
    /// (M16).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_after: Option<u32>,
    /// There: how many reviews in a row it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_reviews: Option<u32>,
}

/// Every ladder a partner stands on, by motion.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a ladder measures was not loaded (I25).
pub fn scoreboards(
    programs: &Programs,
    account: &Account,
    now: Timestamp,
) -> Result<BTreeMap<Motion, Scoreboard>, FoldError> {
    // As the account is: no earlier than its last decision, whatever the clock of this machine or a version's time zone says.
    let now = account.head.as_of.map_or(now, |as_of| now.max(as_of));
    let current = programs.current(now);
    let program = &*current.program;
    let day = program.calendar.day(now);
    let today = Moment::of(now, account.head.day.map_or(day, |last| last.max(day)));
    let board = |(motion, held): (&Motion, &Standing)| {
        let tiers = program.ladders.get(motion).map_or(&[][..], Vec::as_slice);
        let place = tiers.iter().position(|t| t.id == held.tier);
        let next = place.and_then(|p| tiers.get(p + 1));
        let look = |criteria: Option<&Criteria>, at: Moment| {
            let mut seen = Vec::new();
            let mut note = |looked: Looked<'_>| seen.push(Progress::of(looked, program, at));
            let met = criteria.map(|criteria| assess(criteria, program, account, motion, at, &mut note));
            met.transpose().map(|met| (seen, met))
        };
        let review = next_review(programs, current, motion, held);
        // The review's own windows, once the longest of them has begun.
        let keep = place.and_then(|p| tiers[p].keep.as_ref());
        let of_review = review.map(|next| Moment::before(next.as_of, program.calendar.start_of(next.as_of)));
        let has_begun = |at: &Moment| keep.is_some_and(|keep| at.month.plus(1 - keep.months()) <= today.month);
        let (to_next, reaches_next) = look(next.and_then(|t| t.enter.as_ref()), today)?;
        let of_tier = |at: Moment| place.map_or(at, |p| at.entered(&tiers[p], held.since));
        let (to_stay, stays) = look(keep, of_tier(of_review.filter(has_begun).unwrap_or(today)))?;
        let prune_after = place.and_then(|p| tiers[p].prune_after);
        let board = Scoreboard {
            tier: held.tier.clone(),
            since: held.since,
            next: next.map(|t| t.id.clone()),
            to_next,
            reaches_next: reaches_next.unwrap_or(false),
            to_stay,
            // A tier that asks for nothing is kept.
            stays: stays.unwrap_or(true),
            next_review: review.map(|next| next.on),
            reviewed_as_of: review.map(|next| next.as_of),
            demotes_on: held.demotes_on.filter(|_| prune_after.is_none()),
            prune_after,
            failed_reviews: prune_after.map(|_| held.below),
        };
        Ok((motion.clone(), board))
    };
    account.head.tiers.iter().map(board).collect()
}
