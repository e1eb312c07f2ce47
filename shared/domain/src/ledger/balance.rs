//! What a partner has of one asset, in buckets and in sums.

use std::collections::BTreeMap;

use event::payout::PayoutRun;
use event::time::Month;
use jiff::civil::Date;
use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::asset::Asset;
use super::part::Part;
use super::posting::{Bucket, Posting};
use super::reason::is_zero;

/// Why records do not add up. A stored account that says so is broken, never repaired in passing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A bucket would hold less than nothing (I5).
    #[error("{amount} are to leave {bucket}, which holds {held}")]
    Overdrawn {
        /// The bucket.
        bucket: Bucket,
        /// What was to leave.
        amount: i64,
        /// What it holds.
        held: i64,
    },
    /// Positions are not dense (I9).
    #[error("record {found} follows record {last}")]
    Gap {
        /// The account's last position.
        last: u64,
        /// The record's.
        found: u64,
    },
    /// A decision would change an item that was not loaded (I25).
    #[error("an item to be changed was not loaded: {0:?}")]
    NotLoaded(Box<Part>),
    /// A sub-balance of a pool was not read (I25).
    #[error("a pool was not loaded: {0}")]
    PoolNotLoaded(String),
    /// Less than nothing would be left of a pool, or drawn on it (I22).
    #[error("a pool would hold less than nothing")]
    PoolShort,
    /// A sum does not fit 64 bits.
    #[error("a sum does not fit")]
    Overflow,
    /// A record is of another form than this edition reads.
    #[error("record {0} is of another form")]
    OtherForm(u64),
}

/// Four sums of one asset, none below zero. available + pending + reserved - owed is the sum of all postings (I1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Spendable now.
    pub available: i64,
    /// Earned, released later.
    pub pending: i64,
    /// Set aside for redemptions, or to be paid out.
    pub reserved: i64,
    /// Taken back but already spent.
    pub owed: i64,
}

impl Balance {
    /// The partner's total.
    pub fn total(self) -> i64 {
        self.available + self.pending + self.reserved - self.owed
    }
}

/// What a partner has of one asset, by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    /// Spendable, by the month at whose end it expires.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub lots: LiteMap<Month, i64>,
    /// Earned and not yet released.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pending: i64,
    /// Set aside, by the lot it came from.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub reserved: LiteMap<Month, i64>,
    /// Owed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub owed: i64,
    /// Set aside to be paid out, by run.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub payouts: LiteMap<PayoutRun, i64>,
    /// Paid out in the latest runs, which the bank may still send back: a few of them.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub settled: LiteMap<PayoutRun, i64>,
    /// Paid out, ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paid: i64,
}

/// So many runs that were paid are told apart; what of an older one comes back is none of Laurel's.
pub(super) const SETTLED_MAX: usize = 4;

/// When a held amount is released, and into which lot. Written as `2026-04-13/2028-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release {
    /// The day it becomes available.
    pub day: Date,
    /// The lot it will belong to.
    pub lot: Month,
}

impl From<Release> for String {
    fn from(Release { day, lot }: Release) -> Self {
        format!("{day}/{lot}")
    }
}

impl TryFrom<String> for Release {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let (day, lot) = text.split_once('/').ok_or_else(|| format!("`{text}` is no release"))?;
        let day = day.parse().map_err(|_| format!("`{day}` is no day"))?;
        Ok(Self { day, lot: Month::try_from(lot.to_owned())? })
    }
}

/// Held amounts of one asset.
pub type Pending = LiteMap<Release, i64>;

/// What ran out unspent of one asset, by lot, less what was taken back of it since.
pub type Expired = BTreeMap<Month, i64>;

impl Funds {
    /// Nothing of an asset.
    pub const fn nothing() -> Self {
        Self {
            lots: LiteMap::new(),
            pending: 0,
            reserved: LiteMap::new(),
            owed: 0,
            payouts: LiteMap::new(),
            settled: LiteMap::new(),
            paid: 0,
        }
    }

    /// The four sums.
    pub fn balance(&self) -> Balance {
        Balance {
            available: self.lots.values().sum(),
            pending: self.pending,
            reserved: self.reserved.values().chain(self.payouts.values()).sum(),
            owed: self.owed,
        }
    }

    /// Whether there is nothing of the asset, and no debt.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Moves an amount between buckets. `held` and `expired` stand beside the funds of each asset: held amounts by day, and what ran
    /// out unspent by lot.
    pub(crate) fn post(
        &mut self,
        (held, expired): (&mut BTreeMap<Asset, Pending>, &mut BTreeMap<Asset, Expired>),
        posting: &Posting,
    ) -> Result<(), FoldError> {
        for (bucket, amount) in [(posting.from, -posting.amount), (posting.to, posting.amount)] {
            self.add((held, expired), posting.asset, bucket, amount)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        (held, expired): (&mut BTreeMap<Asset, Pending>, &mut BTreeMap<Asset, Expired>),
        asset: Asset,
        bucket: Bucket,
        amount: i64,
    ) -> Result<(), FoldError> {
        match bucket {
            Bucket::Program => Ok(()),
            // What leaves `owed` increases the debt, what enters pays it.
            Bucket::Owed => add_to(&mut self.owed, -amount, bucket),
            Bucket::Available(lot) => add_in(&mut self.lots, lot, amount, bucket),
            Bucket::Reserved(lot) => add_in(&mut self.reserved, lot, amount, bucket),
            Bucket::InPayout(run) => add_in(&mut self.payouts, run, amount, bucket),
            Bucket::Paid(run) => {
                add_to(&mut self.paid, amount, bucket)?;
                add_in(&mut self.settled, run, amount, bucket)?;
                while self.settled.len() > SETTLED_MAX {
                    let oldest = self.settled.keys().next().copied();
                    oldest.and_then(|oldest| self.settled.remove(&oldest));
                }
                Ok(())
            }
            // One that is empty again stays: it is written so.
            Bucket::Expired(lot) => add_to(expired.entry(asset).or_default().entry(lot).or_default(), amount, bucket),
            Bucket::Pending { release, lot } => {
                add_to(&mut self.pending, amount, bucket)?;
                let held_of_asset = held.entry(asset).or_default();
                let added = add_in(held_of_asset, Release { day: release, lot }, amount, bucket);
                if held_of_asset.is_empty() {
                    held.remove(&asset);
                }
                added
            }
        }
    }
}

fn add_to(held: &mut i64, amount: i64, bucket: Bucket) -> Result<(), FoldError> {
    let sum = held.checked_add(amount).ok_or(FoldError::Overflow)?;
    if sum < 0 {
        return Err(FoldError::Overdrawn { bucket, amount: amount.saturating_neg(), held: *held });
    }
    *held = sum;
    Ok(())
}

/// Adds in a map of buckets; an empty bucket is forgotten.
fn add_in<K: Ord + Copy>(map: &mut LiteMap<K, i64>, key: K, amount: i64, bucket: Bucket) -> Result<(), FoldError> {
    // All of them together must fit, too.
    map.values().try_fold(amount, |sum, held| sum.checked_add(*held)).ok_or(FoldError::Overflow)?;
    let held = map.entry(key).or_default();
    let result = add_to(held, amount, bucket);
    if *held == 0 {
        map.remove(&key);
    }
    result
}
