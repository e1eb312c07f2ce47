//! What partners register deals for (M30, M31, M33).

use event::Kind;
use event::ids::{DealId, OpportunityId, PartnerId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ledger::{Effect, Record, Stamp, someday};

/// An opportunity at a customer, as the records of registrations say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Counts the records that changed it; every write is conditioned on it.
    pub version: u64,
    /// Who registered first, and has it to itself unless it is a public tender.
    pub holder: PartnerId,
    /// The deal that it registered.
    pub deal: DealId,
    /// The first day on which it is free again; of a public tender none that comes.
    pub until: Date,
    /// When that was said last, by its registration or by staff.
    pub said: Stamp,
    /// Whether it is a public tender: all who register bid side by side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tender: bool,
    /// Who won it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub won: Vec<PartnerId>,
    /// Everybody who registered it, at most [`program::REGISTRANTS_MAX`].
    pub registrants: Vec<PartnerId>,
}

impl Opportunity {
    /// The place that a registration took; 0 where it took none. And whether it is one of a public tender's.
    pub(crate) fn place(record: &Record) -> (u32, bool) {
        let place = |effect: &Effect| match effect {
            Effect::Place { place, tender, .. } => Some((*place, *tender)),
            _ => None,
        };
        record.effects.iter().find_map(place).unwrap_or((0, false))
    }

    /// The first day on which an opportunity is free again, says a record that leases it, or moves the lease.
    pub(crate) fn leased(record: &Record) -> Option<Date> {
        record.effects.iter().find_map(|effect| match effect {
            Effect::Place { place: 1, until, .. } | Effect::Moved { until, .. } => *until,
            Effect::Lease { until, .. } => Some(*until),
            _ => None,
        })
    }

    /// The opportunity that a record of `kind` changes, if it changes one.
    pub fn changed_by<'r>(record: &'r Record, kind: &'r Kind) -> Option<&'r OpportunityId> {
        let of = |effect: &'r Effect| match effect {
            Effect::Lease { opportunity, .. } | Effect::Moved { opportunity, .. } | Effect::Won { opportunity } => {
                Some(opportunity)
            }
            _ => None,
        };
        match kind {
            Kind::DealRegistered { opportunity_id, .. } => Some(opportunity_id).filter(|_| record.holds()),
            _ => record.effects.iter().find_map(of),
        }
    }

    /// The opportunity that a record names: by its event, or as one that it changes.
    pub fn named_by<'r>(record: &'r Record, kind: &'r Kind) -> Option<&'r OpportunityId> {
        kind.opportunity_id().or_else(|| Self::changed_by(record, kind))
    }

    /// The opportunity after a record that names it.
    pub fn fold(opportunity: Option<Self>, record: &Record) -> Option<Self> {
        match record.happened() {
            Some(kind) => Self::fold_what(opportunity, record, &kind),
            None => opportunity,
        }
    }

    /// The same, of a record of `kind`.
    pub(crate) fn fold_what(opportunity: Option<Self>, record: &Record, kind: &Kind) -> Option<Self> {
        if Self::changed_by(record, kind).is_none() {
            return opportunity;
        }
        let version = opportunity.as_ref().map_or(0, |o| o.version) + 1;
        let (partner, said) = (&record.partner, Stamp::of(record.time, &record.identity));
        let mut after = match (Self::place(record), kind.deal_id(), opportunity) {
            ((1, tender), Some(deal), _) => {
                let until = Self::leased(record).unwrap_or_else(someday);
                let (holder, registrants) = (partner.clone(), vec![partner.clone()]);
                Self { version, holder, deal: deal.clone(), until, said, tender, won: Vec::new(), registrants }
            }
            (_, _, opportunity) => Self { version, ..opportunity? },
        };
        if Self::place(record).0 > 1 {
            after.registrants.push(partner.clone());
        }
        for effect in &record.effects {
            match effect {
                Effect::Lease { until, .. } => (after.until, after.said) = (*until, said),
                Effect::Won { .. } => after.won.push(partner.clone()),
                Effect::Moved { to, until, .. } => {
                    after.registrants.retain(|one| one != to);
                    after.registrants.iter_mut().filter(|one| *one == partner).for_each(|one| one.clone_from(to));
                    if until.is_some() {
                        after.holder.clone_from(to);
                    }
                }
                Effect::Measured { .. }
                | Effect::Cap { .. }
                | Effect::Place { .. }
                | Effect::Influences
                | Effect::Share { .. }
                | Effect::Stated { .. }
                | Effect::Attained { .. }
                | Effect::Suspected { .. }
                | Effect::Cleared { .. }
                | Effect::Trained
                | Effect::Productive
                | Effect::Sends(_)
                | Effect::Pool { .. }
                | Effect::Exclusive { .. }
                | Effect::Tier { .. }
                | Effect::Reviewed { .. } => {}
            }
        }
        Some(after)
    }
}
