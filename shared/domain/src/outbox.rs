//! What records send: events of Laurel's own, each written beside the record that it comes of, and judged in its turn in the history
//! of whom it is for. What is sent is a fold of the record, as everything is.

use event::ids::{Identity, PartnerId};
use event::{Event, Kind};
use jiff::Timestamp;

use crate::deal::Opportunity;
use crate::ledger::{Effect, Errand, Record};

/// The family of the identities of what is sent.
const FAMILY: &str = "outbox";

/// An event of Laurel's own that is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbound {
    /// The event.
    pub event: Event,
    /// When it is to be judged, at the earliest.
    pub due: Timestamp,
}

/// What a record sends, in the order of its effects: however often that is asked, the same events under the same identities.
pub fn outbound(record: &Record) -> Vec<Outbound> {
    let errands = record.effects.iter().filter_map(|effect| match effect {
        Effect::Sends(errand) => Some(errand),
        Effect::Measured { .. }
        | Effect::Cap { .. }
        | Effect::Place { .. }
        | Effect::Lease { .. }
        | Effect::Tier { .. }
        | Effect::Reviewed { .. } => None,
    });
    let mut errands = errands.peekable();
    if errands.peek().is_none() {
        return Vec::new();
    }
    let Some(kind) = record.happened() else { return Vec::new() };
    errands.enumerate().filter_map(|(nth, errand)| sent(record, &kind, nth, errand)).collect()
}

fn sent(record: &Record, kind: &Kind, nth: usize, errand: &Errand) -> Option<Outbound> {
    let Identity { program, source, id } = &record.identity;
    let identity = Identity::internal(program, FAMILY, &[source, id, &nth.to_string()]);
    let (to, due, kind): (&PartnerId, Timestamp, Kind) = match errand {
        Errand::LeaseEnding { due } => {
            let deal_id = kind.deal_id()?.clone();
            let opportunity_id = Opportunity::changed_by(record, kind)?.clone();
            (&record.partner, *due, Kind::LeaseEnding { deal_id, opportunity_id, until: Opportunity::leased(record)? })
        }
        Errand::PayoutStanding { due } => {
            (&record.partner, *due, Kind::PayoutStanding { payout_id: kind.payout_id()? })
        }
        Errand::BidLost { to, opportunity } => {
            (to, record.decided_at, Kind::BidLost { opportunity_id: opportunity.clone() })
        }
    };
    Some(Outbound { event: Event::internal(identity, to.clone(), due, kind), due })
}
