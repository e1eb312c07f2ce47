//! Everybody who has a history or an account.

use std::collections::BTreeSet;

use domain::ledger::history_of;

use crate::tables::items::{Item, text};
use crate::tables::keys;
use crate::{Store, StoreError};

/// Everybody who has a history or an account: program and partner. Reads the keys of ledger and state.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(store: &Store) -> Result<BTreeSet<(String, String)>, StoreError> {
    let mut found = BTreeSet::new();
    let records = store.client.scan().table_name(store.ledger()).projection_expression(keys::HISTORY);
    let mut items = records.filter_expression("attribute_exists(f)").into_paginator().items().send();
    while let Some(item) = items.next().await {
        let key = item?.get(keys::HISTORY).and_then(|v| v.as_s().ok()).and_then(|key| history_of(key));
        found.extend(key.map(|(program, partner)| (program.into(), partner.into())));
    }
    let heads =
        store.client.scan().table_name(store.state()).projection_expression(keys::PK).filter_expression("sk = :head");
    let mut items = heads.expression_attribute_values(":head", text(keys::HEAD)).into_paginator().items().send();
    while let Some(item) = items.next().await {
        found.extend(whose(&item?));
    }
    Ok(found)
}

/// Program and partner of a partner's key.
fn whose(item: &Item) -> Option<(String, String)> {
    let key = item.get(keys::PK)?.as_s().ok()?;
    let mut parts = key.split('#').map(|part| part.replace("%23", "#").replace("%25", "%"));
    (parts.next()? == "partner").then_some(())?;
    Some((parts.next()?, parts.next()?))
}
