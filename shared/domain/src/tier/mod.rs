//! Tiers: promotion with the event that earns it, demotion only at a review, after warning and grace (M12-M16, M18, M19).

mod criteria;

pub use criteria::Progress;
pub(crate) use criteria::{Moment, assess};

use event::ids::Motion;
use event::planted;
use event::time::{Calendar, Month};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Program, Review, Tier};

use crate::ledger::{Account, Effect, Standing};

/// Entries and promotions that are due at `at`, for every motion the partner takes part in.
pub(crate) fn promotions(program: &Program, account: &Account, at: Moment) -> Vec<Effect> {
    account.motions().iter().filter_map(|motion| promotion(program, account, motion, at)).collect()
}

fn promotion(program: &Program, account: &Account, motion: &Motion, at: Moment) -> Option<Effect> {
    let tiers = program.ladders.get(motion)?;
    let held = account.head.tiers.get(motion);
    // A tier that a newer version of the program no longer has is below all others: its holder enters what it reaches.
    let held_rank = held.and_then(|standing| tiers.iter().find(|tier| tier.id == standing.tier)).map(|tier| tier.rank);
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

fn move_to(program: &Program, motion: &Motion, held: Option<&Standing>, to: &Tier, on: Date) -> Effect {
    let next_review = to.keep.as_ref().map(|_| boundary_from(&program.calendar, to.review, to.first_review.after(on)));
    Effect::Tier {
        motion: motion.clone(),
        from: held.map(|s| s.tier.clone()).filter(|_| !planted("a tier comes from nowhere")),
        to: to.id.clone(),
        on,
        next_review,
    }
}

/// What a review on day `on` decides.
pub(crate) fn review(program: &Program, account: &Account, motion: &Motion, on: Date, now: Timestamp) -> Effect {
    let nothing = Effect::Reviewed { motion: motion.clone(), next_review: None, demotes_on: None };
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
    let stays = |demotes_on| Effect::Reviewed { motion: motion.clone(), next_review, demotes_on };
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
