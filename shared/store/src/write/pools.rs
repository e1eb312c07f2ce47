//! Pools: moved on condition that there is enough, not on a version, so that partners who draw on one do not wait for each other
//! (I22).

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use domain::decide::{Decision, PoolGuard};
use domain::ledger::{PoolBalance, PoolPart, Pools};
use event::ids::ProgramId;

use crate::tables::items::{Item, number, state_key, with_key};
use crate::tables::{built, keys};
use crate::{Store, StoreError};

/// The attributes of a sub-balance; `left` is a reserved word of the expression language.
const NAMES: [&str; 3] = ["left", "drawn", "moves"];

pub(crate) fn key(program: &ProgramId, part: &PoolPart) -> Item {
    state_key(&keys::pool(program, part), keys::ONLY)
}

/// What a decision does to sub-balances, and what it relied on of them.
pub(super) fn moves(
    store: &Store,
    program: &ProgramId,
    before: &Pools,
    decision: &Decision,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let after = &decision.state.pools;
    let was = |part: &PoolPart| before.read.get(part).copied().unwrap_or_default();
    let moved = after.read.iter().filter(|(part, after)| **after != was(part)).map(|(part, _)| part);
    let mut parts: Vec<&PoolPart> = moved.chain(decision.guards.keys()).collect();
    parts.sort();
    parts.dedup();
    let each = parts.into_iter().map(|part| {
        let (was, is) = (was(part), after.read.get(part).copied().unwrap_or_default());
        action(store, key(program, part), (was, is), decision.guards.get(part).copied())
    });
    each.collect()
}

fn action(
    store: &Store,
    key: Item,
    (was, is): (PoolBalance, PoolBalance),
    guard: Option<PoolGuard>,
) -> Result<TransactWriteItem, StoreError> {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<(&str, String)> = Vec::new();
    let (left, drawn) = (is.left - was.left, is.drawn - was.drawn);
    if left < 0 {
        conditions.push("#left >= :taken");
        values.push((":taken", (-left).to_string()));
    }
    if drawn < 0 {
        conditions.push("#drawn >= :back");
        values.push((":back", (-drawn).to_string()));
    }
    match guard {
        Some(PoolGuard::NoMore) => {
            conditions.push("(attribute_not_exists(pk) OR #left <= :seen)");
            values.push((":seen", was.left.to_string()));
        }
        Some(PoolGuard::Same) if was.moves == 0 => conditions.push("attribute_not_exists(pk)"),
        Some(PoolGuard::Same) => {
            conditions.push("#moves = :was");
            values.push((":was", was.moves.to_string()));
        }
        None => {}
    }
    let condition = conditions.join(" AND ");
    let action = TransactWriteItem::builder();
    let moves = is.moves - was.moves;
    if moves == 0 {
        let mut check = ConditionCheck::builder().table_name(store.state()).set_key(Some(key));
        for name in NAMES.iter().filter(|name| condition.contains(&format!("#{name}"))) {
            check = check.expression_attribute_names(format!("#{name}"), *name);
        }
        for (name, value) in values {
            check = check.expression_attribute_values(name, number(value));
        }
        let check = check.condition_expression(condition).build().map_err(built)?;
        return Ok(action.condition_check(check).build());
    }
    let mut update = Update::builder().table_name(store.state()).set_key(Some(key));
    update = update.update_expression("ADD #left :left, #drawn :drawn, #moves :moves");
    for name in NAMES {
        update = update.expression_attribute_names(format!("#{name}"), name);
    }
    let sums = [(":left", left.to_string()), (":drawn", drawn.to_string()), (":moves", moves.to_string())];
    for (name, value) in values.into_iter().chain(sums) {
        update = update.expression_attribute_values(name, number(value));
    }
    let update = update.set_condition_expression(Some(condition).filter(|condition| !condition.is_empty()));
    Ok(action.update(update.build().map_err(built)?).build())
}

/// Writes a sub-balance that no decision made, where it has not moved since it was read.
pub(super) fn restored(
    store: &Store,
    program: &ProgramId,
    part: &PoolPart,
    (was, is): (PoolBalance, PoolBalance),
) -> Result<TransactWriteItem, StoreError> {
    let item = with_key(key(program, part), &is, "pool")?;
    let put = Put::builder().table_name(store.state()).set_item(Some(item));
    let put = if was.moves == 0 {
        put.condition_expression("attribute_not_exists(pk)")
    } else {
        put.condition_expression("#moves = :was")
            .expression_attribute_names("#moves", "moves")
            .expression_attribute_values(":was", number(was.moves))
    };
    Ok(TransactWriteItem::builder().put(put.build().map_err(built)?).build())
}
