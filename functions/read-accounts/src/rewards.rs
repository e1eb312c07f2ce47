//! `GET /v1/rewards`: the catalogue as the caller may redeem it.

use axum::Json;
use axum::extract::State;
use domain::decide::reward_gate;
use domain::ledger::Reason;
use domain::tell::sentence;
use event::ids::RewardId;
use program::Provider;
use serde::Serialize;
use store::StoreError;

use crate::partner::current_account;
use web::{Caller, Nothing, Problem, Query, Scope};

use crate::ReadAccounts;

/// A reward as the caller sees it.
#[derive(Serialize)]
struct RewardView {
    reward_id: RewardId,
    name: String,
    points: i64,
    /// Whether the caller may redeem one now.
    available: bool,
    /// Pieces left.
    stock: i64,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Rewards {
    items: Vec<RewardView>,
}

pub(crate) async fn list(
    State(api): State<ReadAccounts>,
    Query(Nothing {}): Query<Nothing>,
    caller: Caller,
) -> Result<Json<Rewards>, Problem> {
    caller.may(Scope::Read)?;
    let (partner, now) = (caller.own_partner()?, api.store.clock().now());
    let programs = web::programs(&api.store, &caller).await?;
    let program = &programs.current(now).program;
    let account = current_account(&api, &programs, &caller, &partner, now).await?;
    let available = account.balance().available;
    let mut items = Vec::new();
    for reward in program.rewards.values() {
        let stock = match reward.provider {
            Provider::Vouchers => store::cards::stock(&api.store, &caller.program, &reward.id).await?.free,
        };
        let short =
            || (available < reward.points).then_some(Reason::NotEnoughPoints { needed: reward.points, available });
        let empty = || (stock < 1).then_some(Reason::OutOfStock { left: stock });
        let reason =
            reward_gate(program, &account, reward, now).map_err(StoreError::from)?.or_else(empty).or_else(short);
        items.push(RewardView {
            reward_id: reward.id.clone(),
            name: reward.name.clone(),
            points: reward.points,
            available: reason.is_none(),
            stock,
            sentence: reason.as_ref().map(sentence),
            reason: reason.as_ref().map(Reason::code),
        });
    }
    Ok(Json(Rewards { items }))
}
