//! A partner's redemptions.

use domain::redemption::Redemption;
use event::ids::{PartnerId, ProgramId, RedemptionId};

use crate::tables::items::{Item, read, text};
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
    limit: i32,
) -> Result<Vec<Redemption>, StoreError> {
    let query =
        store.client.query().table_name(store.state()).consistent_read(true).scan_index_forward(false).limit(limit);
    let query = query.key_condition_expression("pk = :pk AND sk < :last");
    let query = query.expression_attribute_values(":pk", text(keys::partner(program, partner)));
    // `~` sorts after every id.
    let last = keys::redemption(before.unwrap_or("~"));
    let reply = query.expression_attribute_values(":last", text(last)).send().await?;
    // Below the oldest redemption stand the partner's other items.
    let is_one =
        |item: &&Item| item.get(keys::SK).and_then(|v| v.as_s().ok()).is_some_and(|sk| sk.starts_with("redemption#"));
    reply.items().iter().take_while(is_one).map(|item| read(item, "redemption")).collect()
}
