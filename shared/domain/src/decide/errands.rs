//! Events that Laurel sends itself: what there is left to do of them when their time has come (M31, M33).

use event::{Event, Kind};

use super::book::Book;
use super::context::Context;
use super::stop::Stop;
use crate::ledger::{Outcome, Reason};

/// The place of the record that an errand makes. `None` if the event is none; moot where things are otherwise by now.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    match &event.kind {
        Kind::LeaseEnding { deal_id, opportunity_id, until } => {
            let partner = &book.state.partner;
            let deal = book.state.deal(deal_id).filter(|deal| deal.owner == *partner);
            let is_open = deal.is_some_and(|deal| deal.closed.is_none());
            let taken = book.state.opportunities.get(opportunity_id).and_then(Option::as_ref);
            let ends = taken.is_some_and(|taken| taken.deal == *deal_id && taken.until == *until);
            if !is_open || !ends || *until <= context.today {
                return Err(Stop::Moot(Reason::Superseded));
            }
        }
        Kind::BidLost { .. } => {}
        _ => return Ok(None),
    }
    Ok(Some(book.seal(context, event, (Outcome::Applied, None), Some(context.current), context.today)))
}
