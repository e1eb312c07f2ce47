//! Deciding: from stored state and events to records. Total, deterministic, synchronous; nothing else computes a point.
//!
//! The order of checks reads top to bottom in `judge`; a check that stops early is a [`stop::Stop`]. What is being made is a
//! `Book`, what it is judged by a `Context`.

mod award;
mod book;
mod clock;
mod context;
mod deals;
mod due;
mod errands;
mod exclusivity;
mod judge;
mod membership;
mod needs;
mod onboarding;
mod payouts;
mod pooled;
mod pools;
mod publication;
mod rating;
mod redemptions;
mod shares;
mod state;
mod stop;
mod suspects;
mod true_up;

pub use clock::CATCH_UP_MAX;
pub use due::due_on;
pub use judge::{may_send, states};
pub use needs::{Named, Needs, more_parts, named, needs, opportunity_of_deal, parts_to_show};
pub use payouts::PAYOUTS_MAX;
pub use pooled::{BudgetOf, budgets};
pub use publication::{By, Publication, publication, withdrawal};
pub use redemptions::reward_gate;

pub use crate::earn::passes;
pub use state::{Decision, Judgement, PoolGuard, State};
pub use stop::{Awaited, brought};

use event::Event;
use jiff::Timestamp;
use program::Programs;

use crate::ledger::FoldError;
use book::Book;
use context::Context;

/// Decides a group of events of one partner, in the order of their own time. First the account is brought to `now`: due
/// releases, expiries and reviews become records of the same decision, so that a redemption never races an expiry; what an event
/// puts into a lot that has run out runs out behind it.
///
/// # Errors
/// [`FoldError`]: the stored account does not add up; nothing may be written.
pub fn decide(programs: &Programs, state: State, events: &[Event], now: Timestamp) -> Result<Decision, FoldError> {
    let context = Context::at(programs, &state.account.head, now);
    let mut book = Book::open(state, context.today);
    let mut judgements = vec![Judgement::Later; events.len()];
    if clock::catch_up(&context, &mut book)? {
        let mut order: Vec<usize> = (0..events.len()).collect();
        order.sort_by_key(|i| (events[*i].time, &events[*i].identity));
        for index in order {
            judgements[index] = judge::judge(&context, &mut book, &events[index])?;
            clock::run_out(&context, &mut book)?;
        }
    }
    Ok(book.close(&context, judgements))
}
