//! What becomes due by itself: releases, expiries, reviews. Each is an event of Laurel's own with a record of its own, whose
//! identity holds the position: whatever a version does to days, no two are one.

use event::ids::Identity;
use event::time::Month;
use event::{Event, Kind};
use jiff::civil::Date;

use super::book::{Book, Why};
use super::context::Context;
use super::due::{next_due, runs_out};
use crate::ledger::{Asset, Bucket, FoldError, Outcome, PostingKind};
use crate::tier::{self, next_review};

/// Most records that catching up with the clock may add to one decision; the rest comes with the next.
pub const CATCH_UP_MAX: usize = 40;

/// Brings the account to now. False if more is due than one decision should hold.
pub(super) fn catch_up(context: &Context<'_>, book: &mut Book) -> Result<bool, FoldError> {
    while let Some(day) =
        next_due(context.programs, context.current, &mut book.state.account).filter(|day| *day <= context.today)
    {
        if book.records.len() >= CATCH_UP_MAX {
            return Ok(false);
        }
        release(context, book, day)?;
        expire(context, book, day)?;
        review(context, book, day)?;
    }
    Ok(true)
}

/// What was put into a lot that has run out runs out with the event that put it there: nobody spends it meanwhile, whatever comes
/// in the same group.
pub(super) fn run_out(context: &Context<'_>, book: &mut Book) -> Result<(), FoldError> {
    expire(context, book, context.today)
}

fn release(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    let held = book.account().pending.get(&Asset::Points).into_iter().flatten();
    let due: Vec<(Month, i64)> =
        held.filter(|(release, _)| release.day == day).map(|(release, points)| (release.lot, *points)).collect();
    if due.is_empty() {
        return Ok(());
    }
    for (lot, points) in due {
        let (from, to) = (Bucket::Pending { release: day, lot }, Bucket::Available(lot));
        book.post(PostingKind::Release, points, from, to, Why::default())?;
        let netted = points.min(book.account().balance().owed);
        book.post(PostingKind::Netting, netted, to, Bucket::Owed, Why::default())?;
    }
    record(context, book, Kind::PointsReleased { due: day }, day);
    Ok(())
}

fn expire(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    // Lots run out in their order.
    let lots = book.account().head.funds(Asset::Points).lots.iter().map(|(lot, points)| (*lot, *points));
    for (lot, points) in lots.take_while(|(lot, _)| runs_out(*lot, day)).collect::<Vec<_>>() {
        book.post(PostingKind::Expiry, points, Bucket::Available(lot), Bucket::Expired(lot), Why::default())?;
        record(context, book, Kind::PointsExpired { due: day }, day);
    }
    Ok(())
}

fn review(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    let standings = book.account().head.tiers.iter();
    let due = standings.filter_map(|(motion, held)| {
        let next = next_review(context.programs, context.current, motion, held)?;
        (next.on <= day).then(|| (motion.clone(), held.clone(), next))
    });
    for (motion, held, next) in due.collect::<Vec<_>>() {
        let effect = tier::review(context.program(), book.account(), (&motion, &held), next)?;
        book.effect(effect)?;
        record(context, book, Kind::TierReviewed { due: day, motion }, day);
    }
    Ok(())
}

fn record(context: &Context<'_>, book: &mut Book, kind: Kind, day: Date) {
    let partner = book.state.partner.clone();
    let position = (book.account().head.position + 1).to_string();
    let identity = Identity::internal(&context.program().id, "clock", &[&partner, &position]);
    let event = Event::internal(identity, partner, context.start_of(day), kind);
    book.seal(context, &event, (Outcome::Applied, None), Some(context.current), day);
}
