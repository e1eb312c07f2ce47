//! The steps of a payout that are Laurel's own: each an event whose identity is the payout's, so that asked twice it is recorded once.

use event::ids::{Identity, PartnerId, ProgramId};
use event::money::Money;
use event::payout::PayoutId;
use event::{Event, Kind};
use jiff::Timestamp;

/// The family of identities that payouts have.
const FAMILY: &str = "payout";

/// The identity of the record that sets a payout aside: whoever knows its name finds it, and nothing is set aside twice under it.
pub fn reserved(program: &ProgramId, partner: &PartnerId, id: PayoutId) -> Identity {
    Identity::internal(program, FAMILY, &[partner, &id.to_string()])
}

/// The event that sets a payout aside.
pub fn reserve(program: &ProgramId, partner: &PartnerId, id: PayoutId, amount: Money, now: Timestamp) -> Event {
    let kind = Kind::PayoutReserved { payout_id: id, amount };
    Event::internal(reserved(program, partner, id), partner.clone(), now, kind)
}

/// The identity of the record that gives a payout up.
pub fn cancelled(program: &ProgramId, partner: &PartnerId, id: PayoutId) -> Identity {
    Identity::internal(program, FAMILY, &[partner, &id.to_string(), "cancelled"])
}

/// The event that gives a payout up.
pub fn cancel(program: &ProgramId, partner: &PartnerId, id: PayoutId, now: Timestamp) -> Event {
    let kind = Kind::PayoutCancelled { payout_id: id };
    Event::internal(cancelled(program, partner, id), partner.clone(), now, kind)
}
