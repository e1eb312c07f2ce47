//! A program's own history: what its records make of its versions, written with each record, and anew from all of them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use domain::ledger::{Account, RECORD_FORM, Record, packed};
use event::Kind;
use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::read::{StoredVersion, versions};
use crate::cache::lock;
use crate::tables::items::{Item, number, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Condition, put_record};
use crate::{Store, StoreError, state};

/// A program's place in the list of programs: how many versions it has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Listed {
    versions: u32,
}

/// What the program's own history adds up to: its head is the version of all that is written with it, so that what is published,
/// withdrawn and funded is so one after the other.
pub(super) async fn own_history(store: &Store, program: &ProgramId) -> Result<Account, StoreError> {
    state::begun(store, program, &PartnerId::program()).await
}

/// What a record of a program's own history makes of its versions.
enum Change {
    Published(StoredVersion),
    Withdrawn(u32, Timestamp),
}

impl Change {
    /// `None` of a record of something else, as of a budget.
    fn of(record: &Record) -> Option<Self> {
        let (number, at) = (record.decided_by, record.decided_at);
        match record.happened()? {
            Kind::ProgramPublished { content_hash: hash, effective_from, file, .. } => {
                let (file, form) = (file.0, RECORD_FORM);
                let item =
                    StoredVersion { number, hash, effective_from, published_at: at, file, form, withdrawn_at: None };
                Some(Self::Published(item))
            }
            Kind::ProgramWithdrawn { .. } => Some(Self::Withdrawn(number, at)),
            _ => None,
        }
    }
}

/// Writes a record of a program's own history with what it adds up to, after what was read; false if somebody was faster.
pub(super) async fn put(store: &Store, record: &Record, before: Account) -> Result<bool, StoreError> {
    let program = &record.identity.program;
    let action = TransactWriteItem::builder();
    let change = Change::of(record);
    let change =
        change.ok_or(StoreError::Unreadable { what: "publication", why: "the record is of something else".to_owned() });
    let mut listed = None;
    let version = match change? {
        Change::Published(item) => {
            listed = Some(Listed { versions: item.number });
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
    let (unmoved, names, values) =
        Condition::Version(keys::POSITION, Some(before.head.position).filter(|position| *position > 0)).parts();
    let mut after = before;
    after.apply(record)?;
    let key = state_key(&keys::partner(program, &PartnerId::program()), keys::HEAD);
    let head = Put::builder().table_name(store.state()).set_item(Some(with_key(key, &packed::head(&after), "head")?));
    let head = head.set_condition_expression(unmoved).set_expression_attribute_names(names);
    let head = head.set_expression_attribute_values(values).build().map_err(built)?;
    let mut puts = vec![put_record(store, record)?.0, head];
    if let Some(listed) = listed {
        let place = Put::builder().table_name(store.state()).set_item(Some(listed_item(program, listed)?));
        puts.push(place.build().map_err(built)?);
    }
    let mut actions: Vec<_> = puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
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
    for change in records.iter().filter_map(Change::of) {
        match change {
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
    let (Some(last), Some(versions_of)) = (records.last(), items.keys().next_back()) else { return Ok(0) };
    let listed = Listed { versions: *versions_of };
    let stored = match versions(store, program).await {
        // What does not read is written anew.
        Err(StoreError::Unreadable { .. }) => Vec::new(),
        stored => stored?,
    };
    // Each is written whole, so that one that was withdrawn decides at no time in between; as long as nothing follows the last record.
    let key = state_key(&keys::partner(program, &PartnerId::program()), keys::HEAD);
    let unmoved = ConditionCheck::builder().table_name(store.state()).set_key(Some(key));
    let unmoved = unmoved.condition_expression("attribute_not_exists(#position) OR #position <= :position");
    let unmoved = unmoved.expression_attribute_names("#position", keys::POSITION);
    let unmoved = unmoved.expression_attribute_values(":position", number(last.position)).build().map_err(built)?;
    let wrong = items.values().filter(|item| !stored.contains(item)).map(Some);
    for item in wrong.chain([None]) {
        let place = listed_item(program, listed)?;
        let version = item.map(|item| version_item(program, item)).transpose()?;
        let puts = version.into_iter().chain([place]);
        let puts = puts.map(|item| Put::builder().table_name(store.state()).set_item(Some(item)).build());
        let puts = puts.collect::<Result<Vec<_>, _>>().map_err(built)?;
        let mut actions: Vec<_> = puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
        actions.push(TransactWriteItem::builder().condition_check(unmoved.clone()).build());
        if !sent(store, actions).await? {
            return Err(StoreError::Contention);
        }
    }
    lock(&store.programs.read).remove(program.as_str());
    Ok(items.len())
}
