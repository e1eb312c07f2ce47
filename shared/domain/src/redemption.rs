//! Redemptions: points for rewards, one state at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::{Bucket, CapKey, Effect, Outcome, Posting, PostingKind, Record};

use event::ids::{Identity, PartnerId, ProgramId, RedemptionId, RewardId};
use event::time::Month;
use event::{Event, Kind, ReleaseReason, Whole};

/// Where a redemption stands. Fulfilled and released are final (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionStatus {
    /// Points and stock are set aside.
    Reserved,
    /// The order is with the provider.
    Ordering,
    /// Delivered; the points are spent.
    Fulfilled,
    /// Not delivered; the points went back.
    Released,
}

impl RedemptionStatus {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            RedemptionStatus::Reserved => "reserved",
            RedemptionStatus::Ordering => "ordering",
            RedemptionStatus::Fulfilled => "fulfilled",
            RedemptionStatus::Released => "released",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        match self {
            RedemptionStatus::Fulfilled | RedemptionStatus::Released => true,
            RedemptionStatus::Reserved | RedemptionStatus::Ordering => false,
        }
    }

    /// Whether a redemption may move on so. A partner may not cancel what the provider may already have issued.
    pub fn may_become(self, to: Self, why: Option<ReleaseReason>) -> bool {
        match (self, to) {
            (RedemptionStatus::Reserved, RedemptionStatus::Ordering | RedemptionStatus::Released)
            | (RedemptionStatus::Ordering, RedemptionStatus::Fulfilled) => true,
            (RedemptionStatus::Ordering, RedemptionStatus::Released) => why == Some(ReleaseReason::Declined),
            _ => false,
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
    pub status: RedemptionStatus,
    /// The lots the points came from.
    pub lots: Vec<(Month, i64)>,
    /// The caps it used, to give back if it is released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<CapKey>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Who it is for, as JSON; personal data, so it never enters the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

impl Redemption {
    /// The redemption after a record that is a step of it. Who it is for is in no record.
    pub fn fold(redemption: Option<Self>, record: &Record) -> Option<Self> {
        if record.outcome != Outcome::Applied {
            return redemption;
        }
        let to = match record.happened()? {
            Kind::RedemptionRequested { redemption_id, reward_id, quantity } => {
                return Some(Self::requested(record, redemption_id, reward_id, quantity.get()));
            }
            Kind::RedemptionOrdering { .. } => RedemptionStatus::Ordering,
            Kind::RedemptionFulfilled { .. } => RedemptionStatus::Fulfilled,
            Kind::RedemptionReleased { .. } => RedemptionStatus::Released,
            _ => return redemption,
        };
        redemption.map(|r| Self { status: to, version: r.version + 1, updated_at: record.decided_at, ..r })
    }

    fn requested(record: &Record, id: RedemptionId, reward_id: RewardId, quantity: i64) -> Self {
        let reserved = record.postings.iter().filter(|posting| posting.kind == PostingKind::Reservation);
        let lot = |posting: &Posting| match posting.to {
            Bucket::Reserved(lot) => Some((lot, posting.amount)),
            Bucket::Program
            | Bucket::Pending { .. }
            | Bucket::Available(_)
            | Bucket::Owed
            | Bucket::InPayout(_)
            | Bucket::Paid(_)
            | Bucket::Expired(_) => None,
        };
        let lots: Vec<(Month, i64)> = reserved.filter_map(lot).collect();
        let count = |effect: &Effect| match effect {
            Effect::Cap { key, .. } => Some(key.clone()),
            Effect::Measured { .. }
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
            | Effect::Sends(_)
            | Effect::Pool { .. }
            | Effect::Exclusive { .. }
            | Effect::Tier { .. }
            | Effect::Reviewed { .. } => None,
        };
        Self {
            version: 1,
            id,
            partner: record.partner.clone(),
            reward_id,
            quantity,
            points: lots.iter().map(|(_, points)| points).sum(),
            status: RedemptionStatus::Reserved,
            lots,
            counts: record.effects.iter().filter_map(count).collect(),
            requested_at: record.time,
            updated_at: record.decided_at,
            recipient: None,
        }
    }
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
