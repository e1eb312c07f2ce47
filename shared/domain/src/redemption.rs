//! Redemptions: points for rewards, one state at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use event::ids::PartnerId;
use event::time::Month;

/// Where a redemption stands. Fulfilled and released are final (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Points and stock are set aside.
    Reserved,
    /// The order is with the provider.
    Ordering,
    /// Delivered; the points are spent.
    Fulfilled,
    /// Not delivered; the points went back.
    Released,
}

impl Status {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Reserved => "reserved",
            Status::Ordering => "ordering",
            Status::Fulfilled => "fulfilled",
            Status::Released => "released",
        }
    }
}

/// One redemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// Counts writes; every write is conditioned on it.
    pub version: u64,
    /// Its id; the provider is asked under it, however often (I6).
    pub id: String,
    /// Whose it is.
    pub partner: PartnerId,
    /// The reward.
    pub reward_id: String,
    /// How many, above zero.
    pub quantity: i64,
    /// The price of all of them, in points.
    pub points: i64,
    /// Where it stands.
    pub status: Status,
    /// The lots the points came from.
    pub lots: Vec<(Month, i64)>,
    /// The caps it used, to give back if it is released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Who it is for, as JSON; personal data, so it never enters the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

/// How the stock of a reward moves with a decision. Always: initial = free + reserved + issued (I18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockMove {
    /// The reward.
    pub reward_id: String,
    /// Added to the free pieces.
    pub free: i64,
    /// Added to the reserved ones.
    pub reserved: i64,
    /// Added to the issued ones.
    pub issued: i64,
}
