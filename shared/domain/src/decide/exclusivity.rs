//! What is one partner's alone: a territory or a vertical, granted by staff to who has earned it, reviewed, and lost on shortfall (M23).
//! There is one of each, so that it is a pool of one.

use event::{Event, Kind};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Exclusivity, Review};

use super::book::Book;
use super::context::{Case, Context};
use super::pooled::pool_of_scope;
use super::redemptions::gates;
use super::state::PoolGuard;
use super::stop::Stop;
use crate::ledger::{
    Account, EXCLUSIVE_MAX, Effect, Errand, Exclusive, FoldError, Membership, Outcome, Reason, Scope, Stamp,
};
use crate::tier::{Moment, assess, boundary_after, boundary_from};

/// A partner has something alone from now on, or, where it has that already, until another day. What was said last by its own time holds.
pub(super) fn grant(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    until: Option<Timestamp>,
) -> Result<Option<Reason>, Stop> {
    let claim = Claim::of(case.event).ok_or(Stop::Moot(Reason::Unchanged))?;
    let policy = &context.program().exclusivity;
    let until = until.map(|until| context.day(until, context.current));
    let until = until.or_else(|| policy.lasts.map(|lasts| lasts.after(case.day)));
    let account = book.account();
    if is_older(account, &claim) || account.head.left.is_some_and(|left| claim.said < left) {
        return Err(Stop::Refused(Reason::Superseded));
    }
    let is_past = until.is_some_and(|until| until <= context.today);
    let held = account.profile.exclusive.get(&claim.of).cloned();
    // What it had before it left is over, also where nobody has looked yet: it has to be earned again.
    let before_it_left = |claim: Claim| is_of_before_it_left(account, &claim);
    let anew = held.is_some() && said_last(account, claim.of.clone()).is_some_and(before_it_left);
    if let Some(before) = held.as_ref().filter(|_| !anew) {
        if is_past {
            free(book, claim)?;
            return Ok(Some(Reason::ExclusiveOver));
        }
        // A review that is due is not put off by what is said.
        hold(context, book, claim, Some(before), Exclusive { until, ..before.clone() }, context.today)?;
        return Ok(Some(Reason::Exclusive { until }));
    }
    if is_past {
        return Err(Stop::Refused(Reason::ExclusivePast));
    }
    if held.is_none() && account.profile.exclusive.len() >= EXCLUSIVE_MAX {
        return Err(Stop::Refused(Reason::ExclusiveMany));
    }
    if let Some(reason) = gates(context.program(), account, &policy.gates, context.now)? {
        return Err(Stop::Refused(reason));
    }
    if let Some(earn) = &policy.earn {
        let at = Moment::of(context.now, context.today);
        if !assess(earn, context.program(), account, &policy.motion, at, &mut |_| ())? {
            return Err(Stop::Refused(Reason::ExclusiveNotEarned { needs: earn.words() }));
        }
    }
    if held.is_none() {
        take(book, &claim.of)?;
    }
    let since = case.day.min(context.today);
    let held = Exclusive { since, until, reviewed: None, warned: None, look: since };
    hold(context, book, claim, None, held, context.today)?;
    Ok(Some(Reason::Exclusive { until }))
}

/// There is one of each.
fn take(book: &mut Book, of: &Scope) -> Result<(), Stop> {
    let part = pool_of_scope(of.clone()).part(0);
    let balance = book.state.pools.get(&part)?;
    book.guard([part.clone()], PoolGuard::Same);
    if balance.drawn > 0 {
        return Err(Stop::Refused(Reason::ExclusiveTaken));
    }
    book.effect(Effect::Pool { part, funded: 1 - balance.funded(), drawn: 1, rule: None })?;
    Ok(())
}

/// Staff end what a partner has alone.
pub(super) fn end(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<Option<Reason>, Stop> {
    let claim = Claim::of(case.event).ok_or(Stop::Moot(Reason::Unchanged))?;
    if !book.account().profile.exclusive.contains_key(&claim.of) {
        return Err(context.before_its_booking(&book.state.partner, case.event, Reason::NotExclusive));
    }
    if is_older(book.account(), &claim) {
        return Err(Stop::Refused(Reason::Superseded));
    }
    free(book, claim)?;
    Ok(Some(Reason::ExclusiveOver))
}

/// What was a partner's alone when it left is free: it is looked at at once, also where it is back by now. What was said after it left is
/// looked at when nobody waits any longer for what it may have overtaken: that the partner is back.
pub(super) fn leave(context: &Context<'_>, book: &mut Book) -> Result<(), FoldError> {
    for (of, held) in book.account().profile.exclusive.clone() {
        let Some(claim) = said_last(book.account(), of) else { continue };
        let account = book.account();
        let look = match (is_of_before_it_left(account, &claim), account.head.membership()) {
            (true, _) => context.today,
            (false, Membership::Offboarded) => held.look.min(context.program().policy.held_for.after(context.today)),
            (false, _) => continue,
        };
        look_on(context, book, claim, Some(&held), Exclusive { look, ..held.clone() })?;
    }
    Ok(())
}

/// The place of the record of a look at what a partner has alone. `None` if the event is none; moot where it is looked at on another day.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let Kind::ExclusivityReviewed { due, .. } = &event.kind else { return Ok(None) };
    let of = Scope::of(&event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let held = book.account().profile.exclusive.get(&of).filter(|held| held.look == *due);
    let held = held.cloned().ok_or(Stop::Moot(Reason::Superseded))?;
    let claim = said_last(book.account(), of).ok_or(Stop::Moot(Reason::Superseded))?;
    let is_over = held.until.is_some_and(|until| until <= context.today);
    let reason = if is_over || has_left_since(book.account(), &claim) {
        free(book, claim)?;
        Reason::ExclusiveOver
    } else {
        review(context, book, event, (claim, held))?
    };
    let concluded = (Outcome::Applied, Some(reason));
    Ok(Some(book.seal(context, event, concluded, Some(context.current), context.today)))
}

/// What somebody said of a territory or a vertical, and when.
struct Claim {
    of: Scope,
    said: Stamp,
}

impl Claim {
    /// What an event says.
    fn of(event: &Event) -> Option<Self> {
        Some(Self { of: Scope::of(&event.kind)?, said: Stamp::of(event.time, &event.identity) })
    }
}

/// What was said last of what the partner has alone.
fn said_last(account: &Account, of: Scope) -> Option<Claim> {
    let said = *account.profile.said.get(&of)?;
    Some(Claim { of, said })
}

fn is_older(account: &Account, claim: &Claim) -> bool {
    account.profile.said.get(&claim.of).is_some_and(|last| claim.said < *last)
}

fn has_left_since(account: &Account, claim: &Claim) -> bool {
    account.head.membership() == Membership::Offboarded || is_of_before_it_left(account, claim)
}

fn is_of_before_it_left(account: &Account, claim: &Claim) -> bool {
    account.head.left.is_some_and(|left| claim.said < left)
}

/// Holds the review of the latest period whose books have closed, if that was not held before.
fn review(
    context: &Context<'_>,
    book: &mut Book,
    event: &Event,
    (claim, held): (Claim, Exclusive),
) -> Result<Reason, FoldError> {
    let program = context.program();
    let policy = &program.exclusivity;
    let mut as_of = None;
    let mut next = next_review(context, policy, &held);
    while closes(context, next) <= context.today {
        as_of = Some(next);
        next = boundary_after(&program.calendar, policy.review, next);
    }
    let least = tomorrow(context.today);
    let (Some(as_of), Some(keep)) = (as_of, &policy.keep) else {
        // Nobody is at risk where nothing has to be sold; else a warning stands until it is reviewed.
        let warned = held.warned.filter(|_| policy.keep.is_some());
        let held = Exclusive { reviewed: as_of.or(held.reviewed), warned, ..held };
        hold(context, book, claim, None, held, least)?;
        return Ok(Reason::ExclusiveUnreviewed);
    };
    let met = |at| assess(keep, program, book.account(), &policy.motion, at, &mut |_| ());
    // What came since the period's end counts too: nobody loses what they have earned anew by then.
    let kept =
        met(Moment::before(as_of, program.calendar.start_of(as_of)))? || met(Moment::of(context.now, context.today))?;
    let at_risk = match (kept, held.warned, policy.grace) {
        (true, _, _) => None,
        (false, None, Some(grace)) => Some(grace.after(as_of)),
        (false, Some(day), _) if as_of < day => Some(day),
        (false, _, _) => {
            // What was said before that does not bring it back, whenever it becomes known, or the look is judged.
            let lost = context.start_of(closes(context, as_of)).max(event.time);
            let said = Stamp::of(lost, &event.identity).max(claim.said);
            free(book, Claim { said, ..claim })?;
            return Ok(Reason::ExclusiveLost { needs: keep.words() });
        }
    };
    let held = Exclusive { reviewed: Some(as_of), warned: at_risk, ..held };
    hold(context, book, claim, None, held, least)?;
    let needs = || keep.words();
    Ok(at_risk.map_or(Reason::ExclusiveKept, |until| Reason::ExclusiveAtRisk { until, needs: needs() }))
}

/// The day as of which it is reviewed next.
fn next_review(context: &Context<'_>, policy: &Exclusivity, held: &Exclusive) -> Date {
    let calendar = &context.program().calendar;
    let first = boundary_from(calendar, policy.review, policy.first_review.after(held.since));
    // What nothing was asked of, by a version of before, was no review.
    held.reviewed.map_or(first, |as_of| boundary_after(calendar, policy.review, as_of).max(first))
}

/// The day on which a review as of another is held.
fn closes(context: &Context<'_>, as_of: Date) -> Date {
    context.program().closes(as_of.yesterday().unwrap_or(as_of))
}

/// The partner has it so from now on, and it is looked at when it is reviewed next, or ends; at each quarter's close at the latest, since
/// another version may review it sooner. Never before `least`. `before`: as it was, where an errand for its look is on the way still.
fn hold(
    context: &Context<'_>,
    book: &mut Book,
    claim: Claim,
    before: Option<&Exclusive>,
    held: Exclusive,
    least: Date,
) -> Result<(), FoldError> {
    let program = context.program();
    let next_quarter = boundary_after(&program.calendar, Review::Quarterly, context.today);
    let review = next_review(context, &program.exclusivity, &held).min(next_quarter);
    let review = closes(context, review).max(least);
    let look = held.until.map_or(review, |until| until.min(review));
    look_on(context, book, claim, before, Exclusive { look, ..held })
}

fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

/// An errand waits for the day on which it is looked at: one, however often the same day is said.
fn look_on(
    context: &Context<'_>,
    book: &mut Book,
    Claim { of, said }: Claim,
    before: Option<&Exclusive>,
    held: Exclusive,
) -> Result<(), FoldError> {
    let day = held.look;
    book.effect(Effect::Exclusive { of: of.clone(), said, held: Some(held) })?;
    if before.is_some_and(|before| before.look == day) {
        return Ok(());
    }
    book.effect(Effect::Sends(Errand::Exclusivity { of, day, due: context.start_of(day) }))
}

fn free(book: &mut Book, Claim { of, said }: Claim) -> Result<(), FoldError> {
    let part = pool_of_scope(of.clone()).part(0);
    book.guard([part.clone()], PoolGuard::Same);
    book.effect(Effect::Exclusive { of, said, held: None })?;
    book.effect(Effect::Pool { part, funded: 0, drawn: -1, rule: None })
}
