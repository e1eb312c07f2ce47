//! What a partner has, in sums: balances and the parts of an account that are counts.

use std::collections::BTreeMap;

use event::ids::Motion;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Whether a partner takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never enrolled.
    #[default]
    Unknown,
    /// It earns and redeems.
    Active,
    /// It never redeems; whether it earns is policy.
    Suspended,
    /// It left: it neither earns nor redeems.
    Offboarded,
}

/// Four sums of points, none below zero. available + pending + reserved - owed is the sum of all postings (I1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Spendable now.
    pub available: i64,
    /// Earned, released later.
    pub pending: i64,
    /// Set aside for redemptions.
    pub reserved: i64,
    /// Taken back but already spent.
    pub owed: i64,
}

impl Balance {
    /// The partner's total, in points.
    pub fn total(self) -> i64 {
        self.available + self.pending + self.reserved - self.owed
    }
}

/// Held points by release day and lot, as `2026-12-21/2028-11`.
pub type Pending = BTreeMap<String, i64>;

/// One calendar year of measures: motion, then `<month>.<measure>`.
pub type Measures = BTreeMap<Motion, BTreeMap<String, Decimal>>;

/// Used caps of one person (or team) in one period.
pub type Frequency = BTreeMap<String, i64>;
