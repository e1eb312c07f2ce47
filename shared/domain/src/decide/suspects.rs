//! What looks like gaming is held, and what a person says of it: that it is the partner's after all, or was gaming (M40).

use event::ids::{EventId, Identity, Label, Motion, Source};
use event::time::Month;
use event::{Event, Kind};
use jiff::civil::Date;
use program::{Measure, Rule};
use rust_decimal::Decimal;

use super::book::{Book, Why};
use super::context::{Case, Context};
use super::stop::Stop;
use crate::earn::{Seen, suspicion};
use crate::ledger::{
    Asset, Bucket, Effect, FoldError, Outcome, PostingKind, Reason, Release, SUSPECTS_MAX, Suspect, Verdict, is_held,
    someday, suspect_of,
};

/// What a rule gave is to be held until, if it looks like gaming, and what looks so; what it counts for that is counted.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what is counted or measured was not loaded (I25).
pub(super) fn holds(
    context: &Context<'_>,
    book: &mut Book,
    (case, rule): (&Case<'_>, &Rule),
    seen: &Seen<'_>,
    (lot, hold): (Month, Option<Date>),
    used: &mut Vec<Effect>,
) -> Result<Option<Held>, FoldError> {
    if rule.hold_if.is_empty() {
        return Ok(None);
    }
    let motion = context.motion(&book.state, case.event);
    let program = &case.earning.program;
    let (words, counts) = suspicion(program, rule, seen, (book.account(), &motion, context.today))?;
    for key in counts {
        let counted = |effect: &Effect| matches!(effect, Effect::Cap { key: same, .. } if *same == key);
        if !used.iter().any(counted) {
            used.push(Effect::Cap { key, by: 1 });
        }
    }
    let Some(words) = words else { return Ok(None) };
    let day = rule.held_for.map_or(someday(), |time| time.after(context.today)).max(hold.unwrap_or(context.today));
    // What time releases lives as long as what comes back does.
    let soonest = (day < someday()).then(|| Month::of(context.program().policy.returned_for.after(day)));
    let lot = lot.max(soonest.unwrap_or(lot));
    Ok(Some(Held { release: Release { day, lot }, motion, why: words.to_owned() }))
}

/// How an award is held.
pub(super) struct Held {
    release: Release,
    motion: Motion,
    why: String,
}

/// Gives nothing instead, where as much of the partner is held as may be: who floods has no more of it.
pub(super) fn is_full(book: &Book) -> bool {
    book.account().profile.suspects.len() + book.suspected().count() >= SUSPECTS_MAX
}

/// The verdict then.
pub(super) fn full(times: Vec<(String, Decimal)>) -> Verdict {
    let cap = format!("{SUSPECTS_MAX} awards held for their looks");
    Verdict::Capped { cap, used: i64::try_from(SUSPECTS_MAX).unwrap_or(i64::MAX), times }
}

/// Awards what looks like gaming: it waits in a bucket of its own day, and pays back no debt before it is the partner's.
pub(super) fn hold(
    book: &mut Book,
    rule: &Rule,
    points: i64,
    Held { release, motion, why }: Held,
) -> Result<(), FoldError> {
    let to = Bucket::Pending { release: release.day, lot: release.lot };
    book.post(PostingKind::Accrual, (Asset::Points, points), Bucket::Program, to, Why::rule(&rule.id))?;
    book.effect(Effect::Suspected { rule: rule.id.clone(), points, release, motion, why })
}

/// The place of the record of what a person says of such awards. `None` if the event says nothing of them.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let (of, withdrawn) = match &event.kind {
        Kind::AwardReleased { event_source, event_id, .. } => (event_source.as_ref().zip(event_id.as_ref()), false),
        Kind::AwardWithdrawn { event_source, event_id, .. } => (event_source.as_ref().zip(event_id.as_ref()), true),
        _ => return Ok(None),
    };
    let named = of.map(|(source, id)| {
        let source = Source::try_from(source.as_str()).ok()?;
        let id = EventId::try_from(id.as_str()).ok()?;
        Some(suspect_of(&Identity { program: event.identity.program.clone(), source, id }))
    });
    let wanted: Option<Label> = match named {
        Some(None) => return Err(Stop::Refused(Reason::NothingHeld)),
        Some(found) => found,
        None => None,
    };
    let suspects = book.account().profile.suspects.iter();
    let held = suspects.filter(|one| one.is_of(wanted.as_ref()) && is_held(one, context.today));
    let held: Vec<Suspect> = held.cloned().collect();
    let mut any = false;
    for one in held {
        any |= if withdrawn { withdraw(book, &one)? } else { release(context, book, &one)? } > 0;
    }
    if !any {
        return Err(Stop::Refused(Reason::NothingHeld));
    }
    book.effect(Effect::Cleared { event: wanted })?;
    Ok(Some(book.seal(context, event, (Outcome::Applied, None), context.earning(event), context.today)))
}

/// How much of it is held still.
fn left(book: &Book, one: &Suspect) -> i64 {
    let pending = book.account().pending.get(&Asset::Points);
    one.points.min(pending.and_then(|held| held.get(&one.release)).copied().unwrap_or(0))
}

/// It is the partner's: into its lot, or into one that lives as long as what comes back does.
fn release(context: &Context<'_>, book: &mut Book, one: &Suspect) -> Result<i64, FoldError> {
    let points = left(book, one);
    let soonest = Month::of(context.program().policy.returned_for.after(context.today));
    let from = Bucket::Pending { release: one.release.day, lot: one.release.lot };
    let to = Bucket::Available(one.release.lot.max(soonest));
    book.post(PostingKind::Release, (Asset::Points, points), from, to, Why::default())?;
    let netted = points.min(book.account().head.funds(Asset::Points).owed);
    book.post(PostingKind::Netting, (Asset::Points, netted), to, Bucket::Owed, Why::default())?;
    count(context, book, one, points)?;
    Ok(points)
}

/// It was gaming: it goes back.
fn withdraw(book: &mut Book, one: &Suspect) -> Result<i64, FoldError> {
    let points = left(book, one);
    let from = Bucket::Pending { release: one.release.day, lot: one.release.lot };
    let why = Why { rule: Some(&one.rule), corrects: Some(one.position) };
    book.post(PostingKind::Reversal, (Asset::Points, points), from, Bucket::Program, why)?;
    Ok(points)
}

/// What is released on a day counts from now on.
///
/// # Errors
/// [`FoldError::NotLoaded`], [`FoldError::Overflow`].
pub(super) fn count_released(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    let suspects = book.account().profile.suspects.iter().filter(|one| one.release.day == day);
    for one in suspects.cloned().collect::<Vec<_>>() {
        count(context, book, &one, one.points)?;
    }
    Ok(())
}

fn count(context: &Context<'_>, book: &mut Book, one: &Suspect, points: i64) -> Result<(), FoldError> {
    book.measure(context, &one.motion, Month::of(context.today), Measure::Points, Decimal::from(points))
}
