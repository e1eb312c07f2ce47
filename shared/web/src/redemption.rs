//! A redemption as the API shows it.

use domain::redemption::{Redemption, RedemptionStatus};
use event::ids::{PartnerId, RedemptionId, RewardId};
use jiff::Timestamp;
use serde::Serialize;
use store::Store;

use crate::{Caller, Problem};

/// A redemption as the API shows it.
#[derive(Debug, Serialize)]
pub struct RedemptionView {
    /// Its id.
    pub id: RedemptionId,
    /// How far it is.
    pub status: RedemptionStatus,
    /// What is redeemed.
    pub reward_id: RewardId,
    /// How many pieces.
    pub quantity: i64,
    /// For how many points.
    pub points: i64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it moved last; not in the answer to a request, which is the same for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl From<Redemption> for RedemptionView {
    fn from(r: Redemption) -> Self {
        Self {
            id: r.id,
            status: r.status,
            reward_id: r.reward_id,
            quantity: r.quantity,
            points: r.points,
            requested_at: r.requested_at,
            updated_at: Some(r.updated_at),
        }
    }
}

/// The redemption of a path.
///
/// # Errors
/// A [`Problem`]: `not_found` if the partner has none of this id, or what the store says.
pub async fn redemption(store: &Store, caller: &Caller, partner: &PartnerId, id: &str) -> Result<Redemption, Problem> {
    let id = RedemptionId::try_from(id).map_err(|_| Problem::not_found())?;
    let found = store::redemptions::one(store, &caller.program, partner, &id).await?;
    found.ok_or_else(Problem::not_found)
}
