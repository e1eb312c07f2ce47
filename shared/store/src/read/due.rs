//! What is due: accounts by day, redemptions that stand still.

use event::ids::ProgramId;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::tables::items::text;
use crate::tables::keys;
use crate::{Store, StoreError};

/// Partners of one shard of the due index on whom something is due by `day`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn partners(store: &Store, program: &ProgramId, shard: u32, day: Date) -> Result<Vec<String>, StoreError> {
    let due = due_keys(store, keys::due_shard_number(program, shard), day.to_string()).await?;
    Ok(due.iter().filter_map(|(pk, _)| partner_of(pk)).collect())
}

/// Redemptions of a program, by partner and id, that are not final and have not moved since `before`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn standing_redemptions(
    store: &Store,
    program: &ProgramId,
    before: Timestamp,
) -> Result<Vec<(String, String)>, StoreError> {
    let standing = due_keys(store, keys::standing(program), before.to_string()).await?;
    let id = |sk: &str| sk.split('#').nth(1).map(str::to_owned);
    Ok(standing.iter().filter_map(|(pk, sk)| Some((partner_of(pk)?, id(sk)?))).collect())
}

async fn due_keys(store: &Store, shard: String, until: String) -> Result<Vec<(String, String)>, StoreError> {
    let mut pages = store
        .client
        .query()
        .table_name(store.state())
        .index_name(keys::BY_DUE)
        .key_condition_expression("due_shard = :shard AND due_on <= :until")
        .expression_attribute_values(":shard", text(shard))
        .expression_attribute_values(":until", text(until))
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while let Some(item) = pages.next().await {
        let item = item?;
        let part = |name| item.get(name).and_then(|v| v.as_s().ok()).cloned();
        found.extend(part(keys::PK).zip(part(keys::SK)));
    }
    Ok(found)
}

/// The partner in the partition key of a partner's items.
fn partner_of(key: &str) -> Option<String> {
    let last = key.split('#').nth(2)?;
    Some(last.replace("%23", "#").replace("%25", "%"))
}
