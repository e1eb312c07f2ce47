//! Payouts: what is payable is set aside in a run, then paid, or payable again; one record for each step (M10, I5).

use event::money::Money;
use event::payout::PayoutId;
use event::{Event, Kind};

use super::book::{Book, Why};
use super::context::Context;
use super::stop::Stop;
use crate::ledger::{Asset, Bucket, Effect, Errand, FoldError, Membership, Outcome, PostingKind, Reason, never};
use crate::payout::{self, Terms};

/// Most payouts of a partner in one currency that are on their way at once.
pub const PAYOUTS_MAX: usize = 24;

/// The place of the record that a step of Laurel's own makes. `None` if the event is none.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    match &event.kind {
        Kind::PayoutReserved { payout_id, amount, payee, withheld } => {
            let terms = Terms { amount: *amount, payee: payee.clone(), withheld: *withheld };
            reserve(context, book, *payout_id, &terms)?;
            look_again(context, book)?;
        }
        Kind::PayoutStanding { payout_id } => {
            open(book, *payout_id).ok_or(Stop::Moot(Reason::PayoutNotOpen))?;
            look_again(context, book)?;
        }
        Kind::PayoutCancelled { payout_id } => {
            let open = open(book, *payout_id).ok_or(Stop::Moot(Reason::PayoutNotOpen))?;
            give_back(book, *payout_id, (Bucket::InPayout(payout_id.run), open))?;
        }
        _ => return Ok(None),
    }
    Ok(Some(book.seal(context, event, (Outcome::Applied, None), Some(context.current), context.today)))
}

/// Whether it is still on its way is looked at when finance should have answered, and again until it has (I20).
fn look_again(context: &Context<'_>, book: &mut Book) -> Result<(), FoldError> {
    let due = context.start_of(context.program().payouts.answered_within.after(context.today));
    book.effect(Effect::Sends(Errand::PayoutStanding { due }))
}

/// Whoever is suspended is not paid until it is reinstated; whoever left is paid what it earned.
fn reserve(context: &Context<'_>, book: &mut Book, id: PayoutId, terms: &Terms) -> Result<(), Stop> {
    let amount = terms.amount;
    let asset = Asset::Money(id.currency);
    let funds = book.account().head.funds(asset);
    let payable = funds.balance().available;
    let asked =
        amount.minor_units().filter(|asked| (1..=payable.min(Money::minor_units_max(id.currency))).contains(asked));
    let asked = asked.filter(|_| amount.currency() == id.currency && funds.payouts.len() < PAYOUTS_MAX);
    match (book.account().head.membership(), asked) {
        (Membership::Suspended, _) => Err(Stop::Moot(Reason::PartnerSuspended)),
        (_, None) => Err(Stop::Moot(Reason::NotEnoughPayable)),
        (_, Some(_)) if payout::terms(context.program(), book.account(), amount)?.as_ref() != Some(terms) => {
            Err(Stop::Moot(Reason::OtherPayee))
        }
        (_, Some(asked)) => {
            let (from, to) = (Bucket::Available(never()), Bucket::InPayout(id.run));
            Ok(book.post(PostingKind::Reservation, (asset, asked), from, to, Why::default())?)
        }
    }
}

/// How much of a payout is on its way.
fn open(book: &Book, id: PayoutId) -> Option<i64> {
    book.account().head.funds(Asset::Money(id.currency)).payouts.get(&id.run).copied()
}

/// What finance says became of a payout: it is paid, or payable again, also where the bank sends back what was paid. In whatever order
/// that comes, what came back is payable. It earns nothing by nature.
pub(super) fn ended(book: &mut Book, event: &Event, id: PayoutId) -> Result<Option<Reason>, Stop> {
    let asset = Asset::Money(id.currency);
    let paid = book.account().head.funds(asset).settled.get(&id.run).copied();
    match (&event.kind, open(book, id), paid) {
        (Kind::PayoutReturned { .. }, Some(open), _) => give_back(book, id, (Bucket::InPayout(id.run), open))?,
        (Kind::PayoutReturned { .. }, None, Some(paid)) => give_back(book, id, (Bucket::Paid(id.run), paid))?,
        (_, Some(open), _) => {
            let (from, to) = (Bucket::InPayout(id.run), Bucket::Paid(id.run));
            book.post(PostingKind::Payout, (asset, open), from, to, Why::default())?;
            return Ok(Some(Reason::PaidOut));
        }
        (_, None, _) => return Err(Stop::Refused(Reason::PayoutNotOpen)),
    }
    Ok(Some(Reason::PayoutReturned))
}

/// What was set aside, or paid, is payable again, and first pays back what is owed by now.
fn give_back(book: &mut Book, id: PayoutId, (from, amount): (Bucket, i64)) -> Result<(), FoldError> {
    let (asset, to) = (Asset::Money(id.currency), Bucket::Available(never()));
    book.post(PostingKind::Cancellation, (asset, amount), from, to, Why::default())?;
    let netted = amount.min(book.account().head.funds(asset).owed);
    book.post(PostingKind::Netting, (asset, netted), to, Bucket::Owed, Why::default())
}
