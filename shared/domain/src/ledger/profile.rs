//! What is said of a partner itself: who it is, what it accepted, and what it is to reach.

use std::collections::BTreeMap;

use event::ids::{IdError, Motion, Name};
use event::period::TargetPeriod;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::exclusive::{Exclusive, Scope};
use super::fact::{Fact, Stamp};

/// What the enrolment says of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The motions it takes part in.
    #[serde(rename = "m")]
    pub motions: Vec<Motion>,
    /// Its territory.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// Its time zone.
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// Facts about a partner, written when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What the enrolment says.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Fact<Facts>>,
    /// The agreement version last accepted (M43).
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Fact<String>>,
    /// Targets that were set (M09): the latest periods.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<TargetKey, Fact<Decimal>>,
    /// What is the partner's alone (M23), at most [`EXCLUSIVE_MAX`].
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exclusive: BTreeMap<Scope, Exclusive>,
}

/// Most territories and verticals that are one partner's alone.
pub const EXCLUSIVE_MAX: usize = 32;

/// So many targets of a partner are kept; of more, those of the earliest periods are forgotten.
const TARGETS_MAX: usize = 64;

/// What a target is set for. Written as `2026-Q3 acv sell`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetKey {
    /// In which period: written first, so that the earliest is the first to be forgotten.
    pub period: TargetPeriod,
    /// Of what.
    pub measure: Name,
    /// In which motion.
    pub motion: Motion,
}

impl From<TargetKey> for String {
    fn from(TargetKey { period, measure, motion }: TargetKey) -> Self {
        format!("{period} {measure} {motion}")
    }
}

impl TryFrom<String> for TargetKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let period = TargetPeriod::try_from(part())?;
        let bad = |error: IdError| error.to_string();
        Ok(Self { period, measure: part().try_into().map_err(bad)?, motion: part().try_into().map_err(bad)? })
    }
}

impl Profile {
    /// Takes over a target. False if a later event set it otherwise before.
    pub(super) fn set(&mut self, key: TargetKey, target: Decimal, since: Stamp) -> bool {
        let mut slot = self.targets.remove(&key);
        let newer = Fact::learn(&mut slot, target.normalize(), since);
        self.targets.extend(slot.map(|fact| (key, fact)));
        while self.targets.len() > TARGETS_MAX {
            self.targets.pop_first();
        }
        newer
    }
}
