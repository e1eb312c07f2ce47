//! What records send: events of Laurel's own, each written beside the record that it comes of, and judged in its turn in the history
//! of whom it is for. What is sent is a fold of the record, as everything is.

use event::ids::Identity;
use event::{Event, Kind, body_hash};
use jiff::Timestamp;

use crate::deal::Opportunity;
use crate::ledger::{Effect, Errand, Record, Scope};

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
        | Effect::Moved { .. }
        | Effect::Won { .. }
        | Effect::Influences
        | Effect::Share { .. }
        | Effect::Stated { .. }
        | Effect::Attained { .. }
        | Effect::Suspected { .. }
        | Effect::Cleared { .. }
        | Effect::Trained
        | Effect::Productive
        | Effect::Pool { .. }
        | Effect::Exclusive { .. }
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
    // Whoever it is for must not read the name of another's event in it.
    let opaque = body_hash(&[program.as_str(), source, id, &nth.to_string()].map(body_hash).concat());
    let named = |parts: &[&str]| Identity::internal(program, FAMILY, parts);
    let (identity, to, due, kind) = match errand {
        Errand::LeaseEnding { due, to } => {
            let (to, deal_id) = (to.as_ref().unwrap_or(&record.partner), kind.deal_id()?.clone());
            let opportunity_id = Opportunity::changed_by(record, kind)?.clone();
            let until = Opportunity::leased(record)?;
            // Of one end it reminds once, however often that is said.
            let identity = named(&["lease", &deal_id, to, &until.to_string(), &due.to_string()]);
            (identity, to, *due, Kind::LeaseEnding { deal_id, opportunity_id, until })
        }
        Errand::Share { to } => {
            let kind = Kind::DealShared { deal_id: kind.deal_id()?.clone() };
            (named(&[&opaque]), to, record.decided_at, kind)
        }
        Errand::TrueUp { day, due, .. } => {
            let kind = Kind::DealTruedUp { deal_id: kind.deal_id()?.clone(), due: *day };
            (named(&[&opaque]), &record.partner, *due, kind)
        }
        Errand::Onboarding { day, due, plan } => {
            let kind = Kind::OnboardingReviewed { due: *day, plan: *plan };
            (named(&[&opaque]), &record.partner, *due, kind)
        }
        Errand::PayoutStanding { due } => {
            (named(&[&opaque]), &record.partner, *due, Kind::PayoutStanding { payout_id: kind.payout_id()? })
        }
        Errand::Exclusivity { of, day, due } => {
            let (territory, vertical) = match of.clone() {
                Scope::Territory(name) => (Some(name), None),
                Scope::Vertical(name) => (None, Some(name)),
            };
            (named(&[&opaque]), &record.partner, *due, Kind::ExclusivityReviewed { territory, vertical, due: *day })
        }
        Errand::BidLost { to, opportunity } => {
            (named(&[&opaque]), to, record.decided_at, Kind::BidLost { opportunity_id: opportunity.clone() })
        }
    };
    Some(Outbound { event: Event::internal(identity, to.clone(), due, kind), due })
}
