//! Reading records: one by its identity, a partner's by position.

use domain::ledger::{Record, history_key, record_key};
use event::ids::{Identity, PartnerId, ProgramId};

use crate::tables::items::{Item, Page, ledger_key, number, read, text};
use crate::tables::keys;
use crate::{Store, StoreError};

/// A record; one that does not read is named by its identity.
fn read_record(item: &Item) -> Result<Record, StoreError> {
    read(item, "record").map_err(|error| match error {
        StoreError::Unreadable { what, why } => {
            let key = item.get(keys::ID).and_then(|key| key.as_s().ok()).map_or("?", String::as_str);
            StoreError::Unreadable { what, why: format!("{why} (`{key}`)") }
        }
        error => error,
    })
}

/// The record that has an identity.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn record(store: &Store, identity: &Identity) -> Result<Option<Record>, StoreError> {
    let get = store.client.get_item().table_name(store.ledger()).set_key(Some(ledger_key(&record_key(identity))));
    let item = get.consistent_read(true).send().await?.item;
    item.map(|item| read_record(&item)).transpose()
}

/// A partner's records, newest first, from below position `before`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn page(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    before: Option<u64>,
    limit: usize,
) -> Result<Page<Record, u64>, StoreError> {
    let limit = limit.clamp(1, 1_000);
    let query = store.client.query().table_name(store.ledger()).index_name(keys::BY_HISTORY).scan_index_forward(false);
    let query = query.expression_attribute_values(":partner", text(history_key(program, partner)));
    let query = query.key_condition_expression("w = :partner AND n < :before");
    let query = query.expression_attribute_values(":before", number(before.unwrap_or(u64::from(u32::MAX) * 1_000)));
    let mut items: Vec<Record> = Vec::new();
    let mut start: Option<Item> = None;
    loop {
        let rest = i32::try_from(limit - items.len()).unwrap_or(1);
        let reply = query.clone().limit(rest).set_exclusive_start_key(start).send().await?;
        for item in reply.items() {
            items.push(read_record(item)?);
        }
        start = reply.last_evaluated_key;
        if start.is_none() || items.len() >= limit {
            break;
        }
    }
    let next = items.last().map(|r| r.position).filter(|p| *p > 1 && items.len() >= limit);
    Ok(Page { items, next })
}
