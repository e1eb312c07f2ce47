//! A program's own history: what its records make of its versions, written with each record, and anew from all of them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use domain::ledger::{RECORD_FORM, Record};
use event::Kind;
use event::ids::ProgramId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::read::{StoredVersion, versions};
use crate::cache::lock;
use crate::tables::items::{Item, number, read as read_item, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Condition, put_record};
use crate::{Store, StoreError, state};

/// A program's place in the list of programs: how many versions it has, and how many records of its own. What is published and
/// withdrawn is so one after the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    versions: u32,
    pub(super) position: u64,
}

pub(super) async fn listed(store: &Store, program: &str) -> Result<Option<Listed>, StoreError> {
    let item = state::get(store, keys::PROGRAMS, program).await?;
    item.map(|item| read_item(&item, "list of programs")).transpose()
}

/// What a record of a program's own history makes of its versions.
enum Change {
    Published(StoredVersion),
    Withdrawn(u32, Timestamp),
}

impl Change {
    fn of(record: &Record) -> Result<Self, StoreError> {
        let (number, at) = (record.decided_by, record.decided_at);
        match record.happened() {
            Some(Kind::ProgramPublished { content_hash: hash, effective_from, file, .. }) => {
                let (file, form) = (file.0, RECORD_FORM);
                let item =
                    StoredVersion { number, hash, effective_from, published_at: at, file, form, withdrawn_at: None };
                Ok(Self::Published(item))
            }
            Some(Kind::ProgramWithdrawn { .. }) => Ok(Self::Withdrawn(number, at)),
            _ => Err(StoreError::Unreadable { what: "publication", why: "the record is of something else".to_owned() }),
        }
    }
}

/// Writes a record of a program's own history with what it adds up to, after what was read; false if somebody was faster.
pub(super) async fn put(store: &Store, record: &Record, before: Option<Listed>) -> Result<bool, StoreError> {
    let program = &record.identity.program;
    let action = TransactWriteItem::builder();
    let version = match Change::of(record)? {
        Change::Published(item) => {
            let put = Put::builder().table_name(store.state()).set_item(Some(version_item(program, &item)?));
            action.put(put.condition_expression("attribute_not_exists(pk)").build().map_err(built)?)
        }
        Change::Withdrawn(number, at) => {
            let update = Update::builder().table_name(store.state());
            let update = update.set_key(Some(state_key(&keys::program(program), &keys::version(number))));
            let update = update.update_expression("SET withdrawn_at = :at");
            let update = update.expression_attribute_values(":at", text(at.to_string()));
            let condition = "attribute_exists(pk) AND attribute_not_exists(withdrawn_at)";
            action.update(update.condition_expression(condition).build().map_err(built)?)
        }
    };
    let versions = record.decided_by.max(before.map_or(0, |before| before.versions));
    let place = listed_item(program, Listed { versions, position: record.position })?;
    let (unmoved, names, values) = Condition::Version(keys::POSITION, before.map(|before| before.position)).parts();
    let place = Put::builder().table_name(store.state()).set_item(Some(place)).set_condition_expression(unmoved);
    let place = place.set_expression_attribute_names(names).set_expression_attribute_values(values).build();
    let puts = [put_record(store, record)?.0, place.map_err(built)?];
    let mut actions: Vec<_> = puts.map(|put| TransactWriteItem::builder().put(put).build()).into();
    actions.push(version.build());
    let sent = sent(store, actions).await;
    lock(&store.programs.read).remove(program.as_str());
    sent
}

/// Whether a transaction was written; false if a condition did not hold, or somebody else is at it.
async fn sent(store: &Store, actions: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
    match store.client.transact_write_items().set_transact_items(Some(actions)).send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn version_item(program: &str, item: &StoredVersion) -> Result<Item, StoreError> {
    with_key(state_key(&keys::program(program), &keys::version(item.number)), item, "program version")
}

fn listed_item(program: &str, listed: Listed) -> Result<Item, StoreError> {
    with_key(state_key(keys::PROGRAMS, program), &listed, "list of programs")
}

/// Writes the state that a program's own history adds up to, where it is another: `records` in their order. How many versions there
/// are.
///
/// # Errors
/// [`StoreError::Contention`] if somebody published or withdrew after `records` were read: nothing of theirs is undone.
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`] if a record is of something else.
pub async fn restore(store: &Store, program: &ProgramId, records: &[Record]) -> Result<usize, StoreError> {
    let mut items: BTreeMap<u32, StoredVersion> = BTreeMap::new();
    for record in records {
        match Change::of(record)? {
            Change::Published(item) => {
                items.insert(item.number, item);
            }
            Change::Withdrawn(number, at) => {
                if let Some(item) = items.get_mut(&number) {
                    item.withdrawn_at = Some(at);
                }
            }
        }
    }
    let Some(position) = records.last().map(|last| last.position) else { return Ok(0) };
    let listed = Listed { versions: items.keys().next_back().copied().unwrap_or_default(), position };
    let stored = match versions(store, program).await {
        // What does not read is written anew.
        Err(StoreError::Unreadable { .. }) => Vec::new(),
        stored => stored?,
    };
    // Each is written whole, so that one that was withdrawn decides at no time in between; with its place in the list, which says
    // whether it is still the last.
    let wrong = items.values().filter(|item| !stored.contains(item)).map(Some);
    for item in wrong.chain([None]) {
        let version = item.map(|item| version_item(program, item)).transpose()?;
        let version = version.map(|item| Put::builder().table_name(store.state()).set_item(Some(item)).build());
        let unmoved = "attribute_not_exists(#position) OR #position <= :position";
        let place = Put::builder().table_name(store.state()).set_item(Some(listed_item(program, listed)?));
        let place = place.condition_expression(unmoved).expression_attribute_names("#position", keys::POSITION);
        let place = place.expression_attribute_values(":position", number(position)).build();
        let puts = version.into_iter().chain([place]).collect::<Result<Vec<_>, _>>().map_err(built)?;
        if !sent(store, puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect()).await? {
            return Err(StoreError::Contention);
        }
    }
    lock(&store.programs.read).remove(program.as_str());
    Ok(items.len())
}
