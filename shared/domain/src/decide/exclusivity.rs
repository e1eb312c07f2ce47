//! What is one partner's alone: a territory or a vertical, granted by staff to who has earned it, reviewed, and lost on shortfall (M23).
//! There is one of each, so that it is a pool of one.

use event::{Event, Kind};
use jiff::Timestamp;
use jiff::civil::Date;
use program::Exclusivity;

use super::book::Book;
use super::context::{Case, Context};
use super::pooled::pool_of_scope;
use super::redemptions::gates;
use super::state::PoolGuard;
use super::stop::Stop;
use crate::ledger::{EXCLUSIVE_MAX, Effect, Errand, Exclusive, FoldError, Membership, Outcome, Reason, Scope, Stamp};
use crate::tier::{Moment, assess, boundary_after, boundary_from};

/// A partner has something alone from now on, or, where it has that already, until another day.
pub(super) fn grant(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    until: Option<Timestamp>,
) -> Result<Option<Reason>, Stop> {
    let of = Scope::of(&case.event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let policy = &context.program().exclusivity;
    let until = until.map(|until| context.day(until, context.current));
    let until = until.or_else(|| policy.lasts.map(|lasts| lasts.after(case.day)));
    if until.is_some_and(|until| until <= context.today) {
        return Err(Stop::Refused(Reason::ExclusiveOver));
    }
    let said = Stamp::of(case.event.time, &case.event.identity);
    let before = book.account().profile.exclusive.get(&of).cloned();
    if let Some(before) = before {
        if said < before.said {
            return Err(Stop::Refused(Reason::Superseded));
        }
        hold(context, book, of, Exclusive { until, said, ..before })?;
        return Ok(Some(Reason::Exclusive { until }));
    }
    if book.account().profile.exclusive.len() >= EXCLUSIVE_MAX {
        return Err(Stop::Refused(Reason::ExclusiveMany));
    }
    if let Some(reason) = gates(context.program(), book.account(), &policy.gates, context.now)? {
        return Err(Stop::Refused(reason));
    }
    if let Some(earn) = &policy.earn {
        let at = Moment::of(context.now, context.today);
        if !assess(earn, context.program(), book.account(), &policy.motion, at, &mut |_, _| ())? {
            return Err(Stop::Refused(Reason::ExclusiveNotEarned { needs: earn.words() }));
        }
    }
    let part = pool_of_scope(of.clone()).part(0);
    let balance = book.state.pools.get(&part)?;
    book.guard([part.clone()], PoolGuard::Same);
    if balance.drawn > 0 {
        return Err(Stop::Refused(Reason::ExclusiveTaken));
    }
    book.effect(Effect::Pool { part, funded: 1 - balance.funded(), drawn: 1, rule: None })?;
    let since = context.today;
    let held = Exclusive { since, until, said, reviewed: None, warned: None, look: since };
    hold(context, book, of, held)?;
    Ok(Some(Reason::Exclusive { until }))
}

/// Staff end what a partner has alone.
pub(super) fn end(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<Option<Reason>, Stop> {
    let of = Scope::of(&case.event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let Some(held) = book.account().profile.exclusive.get(&of) else {
        return Err(context.before_its_booking(&book.state.partner, case.event, Reason::NotExclusive));
    };
    if Stamp::of(case.event.time, &case.event.identity) < held.said {
        return Err(Stop::Refused(Reason::Superseded));
    }
    free(book, of)?;
    Ok(Some(Reason::ExclusiveOver))
}

/// Whoever has left has nothing alone: it is looked at at once.
pub(super) fn leave(context: &Context<'_>, book: &mut Book) -> Result<(), FoldError> {
    if book.account().head.membership() != Membership::Offboarded {
        return Ok(());
    }
    for (of, held) in book.account().profile.exclusive.clone() {
        look_on(context, book, of, Exclusive { look: context.today, ..held })?;
    }
    Ok(())
}

/// The place of the record of a look at what a partner has alone. `None` if the event is none; moot where it is looked at on another day.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let Kind::ExclusivityReviewed { due, .. } = &event.kind else { return Ok(None) };
    let of = Scope::of(&event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let held = book.account().profile.exclusive.get(&of).filter(|held| held.look == *due);
    let held = held.cloned().ok_or(Stop::Moot(Reason::Superseded))?;
    let has_left = book.account().head.membership() == Membership::Offboarded;
    let reason = if has_left || held.until.is_some_and(|until| until <= context.today) {
        free(book, of)?;
        Reason::ExclusiveOver
    } else {
        review(context, book, of, held)?
    };
    let concluded = (Outcome::Applied, Some(reason));
    Ok(Some(book.seal(context, event, concluded, Some(context.current), context.today)))
}

/// Holds the review of the latest period whose books have closed, if that was not held before.
fn review(context: &Context<'_>, book: &mut Book, of: Scope, held: Exclusive) -> Result<Reason, FoldError> {
    let program = context.program();
    let policy = &program.exclusivity;
    let mut as_of = None;
    let mut next = next_review(context, policy, &held);
    while closes(context, next) <= context.today {
        as_of = Some(next);
        next = boundary_after(&program.calendar, policy.review, next);
    }
    let Some(as_of) = as_of else {
        hold(context, book, of, held)?;
        return Ok(Reason::ExclusiveKept);
    };
    let met = |at| match &policy.keep {
        Some(keep) => assess(keep, program, book.account(), &policy.motion, at, &mut |_, _| ()),
        None => Ok(true),
    };
    // What came since the period's end counts too: nobody loses what they have earned anew by then.
    let kept =
        met(Moment::before(as_of, program.calendar.start_of(as_of)))? || met(Moment::of(context.now, context.today))?;
    let stays = |warned| Exclusive { reviewed: Some(as_of), warned, ..held.clone() };
    let at_risk = match (kept, held.warned, policy.grace) {
        (true, _, _) => None,
        (false, None, Some(grace)) => Some(grace.after(as_of)),
        (false, Some(day), _) if as_of < day => Some(day),
        (false, _, _) => {
            free(book, of)?;
            return Ok(Reason::ExclusiveLost);
        }
    };
    hold(context, book, of, stays(at_risk))?;
    Ok(at_risk.map_or(Reason::ExclusiveKept, |until| Reason::ExclusiveAtRisk { until }))
}

/// The day as of which it is reviewed next.
fn next_review(context: &Context<'_>, policy: &Exclusivity, held: &Exclusive) -> Date {
    let calendar = &context.program().calendar;
    match held.reviewed {
        None => boundary_from(calendar, policy.review, policy.first_review.after(held.since)),
        Some(as_of) => boundary_after(calendar, policy.review, as_of),
    }
}

/// The day on which a review as of another is held.
fn closes(context: &Context<'_>, as_of: Date) -> Date {
    context.program().closes(as_of.yesterday().unwrap_or(as_of))
}

/// The partner has it so from now on, and it is looked at when it is reviewed next, or ends.
fn hold(context: &Context<'_>, book: &mut Book, of: Scope, held: Exclusive) -> Result<(), FoldError> {
    let policy = &context.program().exclusivity;
    let review = closes(context, next_review(context, policy, &held)).max(tomorrow(context.today));
    let look = held.until.map_or(review, |until| until.min(review));
    look_on(context, book, of, Exclusive { look, ..held })
}

fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

fn look_on(context: &Context<'_>, book: &mut Book, of: Scope, held: Exclusive) -> Result<(), FoldError> {
    let day = held.look;
    book.effect(Effect::Exclusive { of: of.clone(), held: Some(held) })?;
    book.effect(Effect::Sends(Errand::Exclusivity { of, day, due: context.start_of(day) }))
}

fn free(book: &mut Book, of: Scope) -> Result<(), FoldError> {
    let part = pool_of_scope(of.clone()).part(0);
    book.guard([part.clone()], PoolGuard::Same);
    book.effect(Effect::Exclusive { of, held: None })?;
    book.effect(Effect::Pool { part, funded: 0, drawn: -1, rule: None })
}
