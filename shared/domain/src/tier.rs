//! Tiers: promotion with the event that earns it, demotion only at a review, after warning and grace (M12-M16, M18, M19).

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::account::{Account, Standing};
use crate::ledger::Effect;
use crate::program::{Criteria, Criterion, Measure, Motion, Program, Review, Tier};
use crate::time::{Calendar, Month};

/// When and as of which month criteria are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) today: Date,
    /// The last month of every window.
    pub(crate) month: Month,
}

/// One criterion and how far it is met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is measured.
    pub measure: Measure,
    /// Over which window, in words.
    pub within: String,
    /// What there is.
    pub seen: Decimal,
    /// What is enough.
    pub least: Decimal,
    /// Whether it is enough.
    pub met: bool,
}

/// Whether criteria are met, with every value seen.
pub(crate) fn assess(
    criteria: &Criteria,
    program: &Program,
    account: &Account,
    motion: &str,
    at: Moment,
    seen: &mut Vec<Progress>,
) -> bool {
    match criteria {
        // Every part is looked at, so that an explanation can show all of them.
        Criteria::Any(parts) => {
            parts.iter().fold(false, |met, part| assess(part, program, account, motion, at, seen) | met)
        }
        Criteria::All(parts) => {
            parts.iter().fold(true, |met, part| assess(part, program, account, motion, at, seen) & met)
        }
        Criteria::One(one) => {
            let value = measured(one, program, account, motion, at);
            let met = value >= one.least;
            seen.push(Progress {
                measure: one.measure,
                within: one.within.words(),
                seen: value,
                least: one.least,
                met,
            });
            met
        }
    }
}

fn measured(one: &Criterion, program: &Program, account: &Account, motion: &str, at: Moment) -> Decimal {
    match one.measure {
        Measure::Certifications => Decimal::from(account.certificates(at.now)),
        measure => account.measured(motion, measure, one.within.first_month(at.month, &program.calendar), at.month),
    }
}

/// Entries and promotions that are due at `at`, for every motion the partner takes part in.
pub(crate) fn promotions(program: &Program, account: &Account, at: Moment) -> Vec<Effect> {
    account.profile.motions.iter().filter_map(|motion| promotion(program, account, motion, at)).collect()
}

fn promotion(program: &Program, account: &Account, motion: &Motion, at: Moment) -> Option<Effect> {
    let tiers = program.ladders.get(motion)?;
    let held = account.head.tiers.get(motion);
    // A tier that a newer version of the program no longer has counts as the lowest.
    let held_rank = held.map(|s| tiers.iter().find(|t| t.id == s.tier).or(tiers.first()).map_or(0, |t| t.rank));
    let reached = |tier: &&Tier| {
        let enter = tier.enter.as_ref();
        enter.is_some_and(|criteria| assess(criteria, program, account, motion, at, &mut Vec::new()))
    };
    let best = tiers.iter().rev().find(reached).or(tiers.first())?;
    if held_rank.is_some_and(|rank| rank >= best.rank) {
        return None;
    }
    Some(move_to(program, motion, held, best, at.today))
}

fn move_to(program: &Program, motion: &str, held: Option<&Standing>, to: &Tier, on: Date) -> Effect {
    let next_review = to.keep.as_ref().map(|_| boundary_from(&program.calendar, to.review, to.first_review.after(on)));
    Effect::Tier { motion: motion.to_owned(), from: held.map(|s| s.tier.clone()), to: to.id.clone(), on, next_review }
}

/// What a review on day `on` decides.
pub(crate) fn review(program: &Program, account: &Account, motion: &str, on: Date, now: Timestamp) -> Effect {
    let nothing = Effect::Reviewed { motion: motion.to_owned(), next_review: None, demotes_on: None };
    let (Some(tiers), Some(held)) = (program.ladders.get(motion), account.head.tiers.get(motion)) else {
        return nothing;
    };
    let Some(place) = tiers.iter().position(|t| t.id == held.tier) else { return nothing };
    let tier = &tiers[place];
    let Some(keep) = &tier.keep else { return nothing };
    // A review looks back: its windows end with the month before it.
    let at = Moment { now, today: on, month: Month::of(on).plus(-1) };
    let kept = assess(keep, program, account, motion, at, &mut Vec::new());
    let next_review = Some(boundary_after(&program.calendar, tier.review, on));
    let stays = |demotes_on| Effect::Reviewed { motion: motion.to_owned(), next_review, demotes_on };
    match (kept, held.demotes_on, tier.grace) {
        (true, _, _) => stays(None),
        (false, None, Some(grace)) => stays(Some(grace.after(on))),
        (false, Some(day), _) if on < day => stays(Some(day)),
        (false, _, _) => match place.checked_sub(1).and_then(|lower| tiers.get(lower)) {
            Some(lower) => move_to(program, motion, Some(held), lower, on),
            None => nothing,
        },
    }
}

/// The first review day on or after `day`.
fn boundary_from(calendar: &Calendar, review: Review, day: Date) -> Date {
    let start = period_start(calendar, review, Month::of(day));
    if start.first_day() >= day { start.first_day() } else { next_period(review, start).first_day() }
}

/// The first review day after `day`.
fn boundary_after(calendar: &Calendar, review: Review, day: Date) -> Date {
    next_period(review, period_start(calendar, review, Month::of(day))).first_day()
}

fn period_start(calendar: &Calendar, review: Review, month: Month) -> Month {
    match review {
        Review::Monthly => month,
        Review::Quarterly => calendar.quarter_start(month),
        Review::Annually => calendar.year_start(month),
    }
}

fn next_period(review: Review, start: Month) -> Month {
    start.plus(match review {
        Review::Monthly => 1,
        Review::Quarterly => 3,
        Review::Annually => 12,
    })
}

/// Where a partner stands on one ladder: what leads up, what keeps, what threatens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scoreboard {
    /// The tier held.
    pub tier: String,
    /// Since this day.
    pub since: Date,
    /// The next tier up, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
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
