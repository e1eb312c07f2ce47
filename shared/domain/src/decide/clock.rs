//! What becomes due by itself: releases, expiries, reviews. Each is an event of Laurel's own with a record of its own, whose
//! identity holds the position: whatever a version does to days, no two are one.

use event::ids::Identity;
use event::{Event, Kind};
use jiff::civil::Date;

use super::book::{Book, Why};
use super::context::Context;
use super::due::{is_reviewed, next_due, runs_out};
use super::suspects;
use crate::ledger::{Asset, Bucket, FoldError, Outcome, PostingKind, Release};
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
    for kind in [Kind::PointsReleased { due: day }, Kind::CommissionReleased { due: day }] {
        let is_points = matches!(kind, Kind::PointsReleased { .. });
        let held = book.account().pending.iter().filter(|(asset, _)| asset.is_points() == is_points);
        let held = held.flat_map(|(asset, held)| held.iter().map(|(release, amount)| (*asset, *release, *amount)));
        let due: Vec<(Asset, Release, i64)> = held.filter(|(_, release, _)| release.day == day).collect();
        if due.is_empty() {
            continue;
        }
        for (asset, Release { lot, .. }, amount) in due {
            let (from, to) = (Bucket::Pending { release: day, lot }, Bucket::Available(lot));
            book.post(PostingKind::Release, (asset, amount), from, to, Why::default())?;
            let netted = amount.min(book.account().head.funds(asset).owed);
            book.post(PostingKind::Netting, (asset, netted), to, Bucket::Owed, Why::default())?;
        }
        if is_points {
            suspects::count_released(context, book, day)?;
        }
        record(context, book, kind, day);
    }
    Ok(())
}

fn expire(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    // Lots run out in their order.
    let lots = book.account().head.funds(Asset::Points).lots.iter().map(|(lot, points)| (*lot, *points));
    for (lot, points) in lots.take_while(|(lot, _)| runs_out(*lot, day)).collect::<Vec<_>>() {
        book.post(
            PostingKind::Expiry,
            (Asset::Points, points),
            Bucket::Available(lot),
            Bucket::Expired(lot),
            Why::default(),
        )?;
        record(context, book, Kind::PointsExpired { due: day }, day);
    }
    Ok(())
}

fn review(context: &Context<'_>, book: &mut Book, day: Date) -> Result<(), FoldError> {
    let head = &book.account().head;
    let standings = head.tiers.iter().filter(|(motion, held)| is_reviewed(context.current, head, motion, held));
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
