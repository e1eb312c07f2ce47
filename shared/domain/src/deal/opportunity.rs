//! What partners register deals for (M30, M31).

use event::Kind;
use event::ids::PartnerId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ledger::{Effect, Record};

/// An opportunity at a customer, as the records of registrations say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Counts the records that changed it; every write is conditioned on it.
    pub version: u64,
    /// Who registered first and has it to itself.
    pub holder: PartnerId,
    /// The first day on which it is free again.
    pub until: Date,
    /// Everybody who registered it.
    pub registrants: Vec<PartnerId>,
}

impl Opportunity {
    /// The place that a registration took; 0 where it took none.
    pub(crate) fn place(record: &Record) -> u32 {
        let place = |effect: &Effect| if let Effect::Place { place, .. } = effect { Some(*place) } else { None };
        record.effects.iter().find_map(place).unwrap_or(0)
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
        if !matches!(kind, Kind::DealRegistered { .. }) || !record.holds() {
            return opportunity;
        }
        let version = opportunity.as_ref().map_or(0, |o| o.version) + 1;
        let taken = record.effects.iter().find_map(|effect| match effect {
            Effect::Place { place: 1, until: Some(until) } => Some(*until),
            _ => None,
        });
        let partner = record.partner.clone();
        match (taken, opportunity) {
            (Some(until), _) => Some(Self { version, holder: partner.clone(), until, registrants: vec![partner] }),
            (None, Some(mut o)) => {
                o.registrants.push(partner);
                Some(Self { version, ..o })
            }
            (None, None) => None,
        }
    }
}
