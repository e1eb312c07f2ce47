//! Redemptions: points for rewards, one state at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use event::ids::{Identity, PartnerId, ProgramId, RedemptionId, RewardId};
use event::time::Month;
use event::{Event, Kind, ReleaseReason, Whole};

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
    pub id: RedemptionId,
    /// Whose it is.
    pub partner: PartnerId,
    /// The reward.
    pub reward_id: RewardId,
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
    pub reward_id: RewardId,
    /// Added to the free pieces.
    pub free: i64,
    /// Added to the reserved ones.
    pub reserved: i64,
    /// Added to the issued ones.
    pub issued: i64,
}

/// The family of identities that redemptions have.
const FAMILY: &str = "redemption";

/// How a redemption moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedemptionStep {
    /// The order goes to the provider.
    Ordering,
    /// The provider delivered.
    Fulfilled,
    /// The points go back.
    Released(ReleaseReason),
}

impl RedemptionStep {
    /// The event of this step. Its identity is the redemption's and the step's: asked twice, it is recorded once (I7).
    pub fn event(self, program: &ProgramId, partner: &PartnerId, id: &RedemptionId, now: Timestamp) -> Event {
        let redemption_id = id.clone();
        let (word, kind) = match self {
            RedemptionStep::Ordering => ("ordering", Kind::RedemptionOrdering { redemption_id }),
            RedemptionStep::Fulfilled => ("fulfilled", Kind::RedemptionFulfilled { redemption_id }),
            RedemptionStep::Released(reason) => ("released", Kind::RedemptionReleased { redemption_id, reason }),
        };
        Event::internal(Identity::internal(program, FAMILY, &[id, word]), partner.clone(), now, kind)
    }
}

/// A partner's wish for a reward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The reward.
    pub reward_id: RewardId,
    /// How many.
    pub quantity: Whole<1, 1_000_000>,
}

impl Wish {
    /// The event that asks for it, under the partner's own `key`: asked twice, it is recorded once (I7).
    pub fn event(
        self,
        program: &ProgramId,
        partner: &PartnerId,
        key: &str,
        redemption_id: RedemptionId,
        now: Timestamp,
    ) -> Event {
        let identity = Identity::internal(program, FAMILY, &[partner, "request", key]);
        let Wish { reward_id, quantity } = self;
        let kind = Kind::RedemptionRequested { redemption_id, reward_id, quantity };
        Event::internal(identity, partner.clone(), now, kind)
    }
}
