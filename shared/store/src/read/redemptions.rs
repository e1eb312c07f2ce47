//! A partner's redemptions.

use domain::redemption::Redemption;
use event::ids::{PartnerId, ProgramId, RedemptionId};

use crate::tables::items::{read, text};
use crate::tables::keys;
use crate::{Store, StoreError, state};

/// One redemption.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn one(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    id: &RedemptionId,
) -> Result<Option<Redemption>, StoreError> {
    let item = state::get(store, &keys::partner(program, partner), &keys::redemption(id)).await?;
    item.map(|item| read(&item, "redemption")).transpose()
}

/// A partner's redemptions, newest first, from before id `before`, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn page(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Redemption>, StoreError> {
    let query = store.client.query().table_name(store.state()).consistent_read(true).scan_index_forward(false);
    let query = query.key_condition_expression("pk = :pk AND sk < :last");
    let query = query.expression_attribute_values(":pk", text(keys::partner(program, partner)));
    // `~` sorts after every id.
    let query = query.expression_attribute_values(":last", text(keys::redemption(before.unwrap_or("~"))));
    let mut found = Vec::new();
    // A page of the table may end before the limit does.
    let mut items = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).into_paginator().items().send();
    while found.len() < limit
        && let Some(item) = items.next().await
    {
        let item = item?;
        // Below the oldest redemption stand the partner's other items.
        if !item.get(keys::SK).and_then(|v| v.as_s().ok()).is_some_and(|sk| sk.starts_with("redemption#")) {
            break;
        }
        found.push(read(&item, "redemption")?);
    }
    Ok(found)
}

/// Every redemption of a partner, newest first.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn all(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Vec<Redemption>, StoreError> {
    page(store, program, partner, None, usize::MAX).await
}
