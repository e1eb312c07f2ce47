//! What partners register deals for (M30, M31, M33).

use event::Kind;
use event::ids::{OpportunityId, PartnerId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ledger::{Effect, Record, Stamp};

/// An opportunity at a customer, as the records of registrations say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Counts the records that changed it; every write is conditioned on it.
    pub version: u64,
    /// Who registered first and has it to itself.
    pub holder: PartnerId,
    /// The first day on which it is free again.
    pub until: Date,
    /// When staff said that last, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended: Option<Stamp>,
    /// Everybody who registered it, at most [`program::REGISTRANTS_MAX`].
    pub registrants: Vec<PartnerId>,
}

impl Opportunity {
    /// The place that a registration took; 0 where it took none.
    pub(crate) fn place(record: &Record) -> u32 {
        let place = |effect: &Effect| if let Effect::Place { place, .. } = effect { Some(*place) } else { None };
        record.effects.iter().find_map(place).unwrap_or(0)
    }

    /// The first day on which an opportunity is free again, says a record that leases it.
    pub(crate) fn leased(record: &Record) -> Option<Date> {
        record.effects.iter().find_map(|effect| match effect {
            Effect::Place { place: 1, until, .. } => *until,
            Effect::Lease { until, .. } => Some(*until),
            _ => None,
        })
    }

    /// The opportunity that a record of `kind` changes, if it changes one.
    pub fn changed_by<'r>(record: &'r Record, kind: &'r Kind) -> Option<&'r OpportunityId> {
        let leased =
            |effect: &'r Effect| if let Effect::Lease { opportunity, .. } = effect { Some(opportunity) } else { None };
        match kind {
            Kind::DealRegistered { opportunity_id, .. } => Some(opportunity_id).filter(|_| record.holds()),
            Kind::DealLeaseExtended { .. } => record.effects.iter().find_map(leased),
            _ => None,
        }
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
        let taken = Self::leased(record);
        let partner = record.partner.clone();
        if let (Kind::DealLeaseExtended { .. }, Some(until)) = (kind, taken) {
            let extended = Some(Stamp::of(record.time, &record.identity));
            return opportunity.map(|o| Self { version, until, extended, ..o });
        }
        match (taken, opportunity) {
            (Some(until), _) => {
                Some(Self { version, holder: partner.clone(), until, extended: None, registrants: vec![partner] })
            }
            (None, Some(mut o)) => {
                o.registrants.push(partner);
                Some(Self { version, ..o })
            }
            (None, None) => None,
        }
    }
}
