//! Tiers: promotion with the event that earns it, demotion only at a review, after warning and grace (M12-M16, M18, M19).

mod criteria;

use criteria::short;
pub(crate) use criteria::{Looked, Moment, assess};
pub use criteria::{Measured, Progress};

use event::ids::Motion;
use event::planted;
use event::time::{Calendar, Month};
use jiff::civil::Date;
use program::{Program, Programs, Review, Tier, Version};

use crate::ledger::{Account, Below, Effect, FoldError, Reviewed, Standing};

/// Entries and promotions that are due at `at`, for every motion the partner takes part in. None where nothing that a ladder looks at
/// has moved since they were looked at: as a month goes on, what is measured only grows by what happens.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a ladder measures was not loaded (I25).
pub(crate) fn promotions(version: &Version, account: &mut Account, at: Moment) -> Result<Vec<Effect>, FoldError> {
    let program = &version.program;
    if account.looked.has_seen(version.number, at.month, &program.promoting) {
        return Ok(Vec::new());
    }
    let mut due = Vec::new();
    for motion in account.motions() {
        due.extend(promotion(program, account, motion, at)?);
    }
    account.looked.see(version.number, at.month);
    Ok(due)
}

fn promotion(program: &Program, account: &Account, motion: &Motion, at: Moment) -> Result<Option<Effect>, FoldError> {
    let Some(tiers) = program.ladders.get(motion) else { return Ok(None) };
    let held = account.head.tiers.get(motion);
    // A tier that a newer version of the program no longer has is below all others: its holder enters what it reaches.
    let held_rank = held.and_then(|standing| tiers.iter().find(|tier| tier.id == standing.tier)).map(|tier| tier.rank);
    let higher = |tier: &&Tier| held_rank.is_none_or(|rank| rank < tier.rank);
    for tier in tiers.iter().rev().take_while(higher) {
        if reaches(program, account, motion, tier, at)? {
            return Ok(Some(move_to(motion, held, tier, (at.today, None), String::new())));
        }
    }
    // Who takes part stands somewhere.
    Ok(tiers.first().filter(higher).map(|lowest| move_to(motion, held, lowest, (at.today, None), String::new())))
}

/// Whether a partner meets what promotes to a tier.
fn reaches(program: &Program, account: &Account, motion: &Motion, tier: &Tier, at: Moment) -> Result<bool, FoldError> {
    let enter = tier.enter.as_ref();
    enter.map_or(Ok(false), |criteria| assess(criteria, program, account, motion, at, &mut |_| ()))
}

fn move_to(
    motion: &Motion,
    held: Option<&Standing>,
    to: &Tier,
    (on, as_of): (Date, Option<Date>),
    short: String,
) -> Effect {
    Effect::Tier {
        motion: motion.clone(),
        from: held.map(|s| s.tier.clone()).filter(|_| !planted("a tier comes from nowhere")),
        to: to.id.clone(),
        on,
        as_of,
        short,
    }
}

/// A review that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextReview {
    /// The day as of which it judges: windows end the day before.
    pub as_of: Date,
    /// The day on which it is held: when the books of what it looks at have closed.
    pub on: Date,
}

/// The next review of a standing by the ladder in force; none if the tier is never lost. A tier that
/// is reviewed from now on, or more often, is so with the first period whose books close under the version that says so.
pub fn next_review(programs: &Programs, current: &Version, motion: &Motion, held: &Standing) -> Option<NextReview> {
    let program = &current.program;
    let tier = program.ladders.get(motion)?.iter().find(|tier| tier.id == held.tier)?;
    tier.keep.as_ref()?;
    let calendar = &program.calendar;
    let first = |entry| boundary_from(calendar, tier.review, tier.first_review.after(entry));
    let mut as_of = match held.reviewed {
        Reviewed::Kept(as_of) => boundary_after(calendar, tier.review, as_of),
        Reviewed::Down(as_of) => first(as_of).max(boundary_after(calendar, tier.review, as_of)),
        Reviewed::Never => first(held.since),
    };
    let closes = |as_of: Date| program.closes(as_of.yesterday().unwrap_or(as_of));
    let in_force = calendar.day(programs.reviewed_since(current, motion, &tier.id));
    while closes(as_of) < in_force {
        as_of = boundary_after(calendar, tier.review, as_of);
    }
    Some(NextReview { as_of, on: closes(as_of) })
}

/// What a review decides.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what keeps the tier was not loaded (I25).
pub(crate) fn review(
    program: &Program,
    account: &Account,
    (motion, held): (&Motion, &Standing),
    NextReview { as_of, on }: NextReview,
) -> Result<Effect, FoldError> {
    let stays = |demotes_on, short| Effect::Reviewed { motion: motion.clone(), as_of, demotes_on, below: None, short };
    let tiers = program.ladders.get(motion).map_or(&[][..], Vec::as_slice);
    let place = tiers.iter().position(|tier| tier.id == held.tier);
    let Some((place, tier, keep)) = place.and_then(|place| Some((place, &tiers[place], tiers[place].keep.as_ref()?)))
    else {
        return Ok(stays(None, String::new()));
    };
    let at = Moment::before(as_of, program.calendar.start_of(as_of)).entered(tier, held.since);
    // What came since the period's end counts too: nobody loses what they have earned anew by then.
    let today = Moment::of(program.calendar.start_of(on), on).entered(tier, held.since);
    let met = |at| assess(keep, program, account, motion, at, &mut |_| ());
    let kept = met(at)? || met(today)?;
    let short = if kept { String::new() } else { short(keep, program, account, motion, at)? };
    if let Some(of) = tier.prune_after {
        let calendar = &program.calendar;
        let follows =
            matches!(held.reviewed, Reviewed::Kept(before) if boundary_after(calendar, tier.review, before) == as_of);
        let before = if follows { held.below } else { 0 };
        // Nobody is held to what it did not do while it was away, or in a motion that it left.
        let began = account.began().map(|began| calendar.day(began.time()));
        let is_due = began.is_none_or(|began| tier.first_review.after(began) <= as_of);
        let takes_part = is_due && account.motions().contains(motion);
        let below = (!kept && takes_part).then(|| Below { times: before.saturating_add(1), of });
        let short = if below.is_some() { short } else { String::new() };
        return Ok(Effect::Reviewed { motion: motion.clone(), as_of, demotes_on: None, below, short });
    }
    Ok(match (kept, held.demotes_on, tier.grace) {
        (true, _, _) => stays(None, short),
        (false, None, Some(grace)) => stays(Some(grace.after(as_of)), short),
        (false, Some(day), _) if as_of < day => stays(Some(day), short),
        (false, _, _) => match place.checked_sub(1).and_then(|lower| tiers.get(lower)) {
            Some(lower) => move_to(motion, Some(held), lower, (on, Some(as_of)), short),
            None => stays(None, short),
        },
    })
}

/// The first review day on or after `day`.
pub(crate) fn boundary_from(calendar: &Calendar, review: Review, day: Date) -> Date {
    let start = period_start(calendar, review, Month::of(day));
    if start.first_day() >= day { start.first_day() } else { next_period(review, start).first_day() }
}

/// The first review day after `day`.
pub(crate) fn boundary_after(calendar: &Calendar, review: Review, day: Date) -> Date {
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
