//! What records send, until it is judged: each event of Laurel's own stands in the table of what waits from the transaction that
//! writes its record to the one that judges it. A message that names it only hastens that; the index by deadline has all that are due.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use domain::ledger::Record;
use domain::outbox::{Outbound, outbound};
use event::ids::{EventId, Identity, PartnerId, ProgramId};
use event::json::Json;
use event::{Event, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{unless_in_motion, unless_moved};
use crate::tables::items::{Item, Page, read, size, start_from_text, start_to_text, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::{Store, StoreError, history};

/// An event that is to be judged, as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    identity: Identity,
    partner: PartnerId,
    kind: String,
    data: String,
    /// When it is to be judged.
    until: Timestamp,
}

/// What the index shows of one.
#[derive(Clone, Debug, Deserialize)]
pub struct Due {
    /// Its identity.
    pub identity: Identity,
    /// When it is to be judged.
    pub until: Timestamp,
    /// When a sweep sent it to be judged, if one did.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
}

fn key(program: &ProgramId, id: &EventId) -> Item {
    state_key(&keys::outbox(program, id), keys::ONLY)
}

fn item(Outbound { event, due }: Outbound) -> Result<Item, StoreError> {
    let key = key(&event.identity.program, &event.identity.id);
    let waits_in = keys::sent_in(&event.identity.program);
    let (kind, data) = (event.kind.name().to_owned(), event.kind.canonical());
    let stored = Stored { identity: event.identity, partner: event.partner, kind, data, until: due };
    let mut item = with_key(key, &stored, "event to be judged")?;
    item.insert(keys::WAITS_IN.to_owned(), text(waits_in));
    Ok(item)
}

/// Writes again what a record sent and was not judged; what has nothing left to do is found so when it is judged. How much that is.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`], [`StoreError::Refused`].
pub async fn restore(store: &Store, record: &Record) -> Result<usize, StoreError> {
    let mut restored = 0;
    for sent in outbound(record) {
        if history::record(store, &sent.event.identity).await?.is_some() {
            continue;
        }
        let put = store.client.put_item().table_name(store.waiting()).set_item(Some(item(sent)?));
        unless_moved(put.condition_expression("attribute_not_exists(pk)").send().await)?;
        restored += 1;
    }
    Ok(restored)
}

/// The writes of what a record sends, each with its size in bytes.
///
/// # Errors
/// [`StoreError::Unreadable`] if a value has no form in DynamoDB.
pub(crate) fn puts(store: &Store, record: &Record) -> Result<Vec<(TransactWriteItem, usize)>, StoreError> {
    let put = |sent: Outbound| {
        let item = item(sent)?;
        let bytes = size(&item);
        let put = Put::builder().table_name(store.waiting()).set_item(Some(item)).build().map_err(built)?;
        Ok((TransactWriteItem::builder().put(put).build(), bytes))
    };
    outbound(record).into_iter().map(put).collect()
}

/// An event that is to be judged; `None` if it was.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn one(store: &Store, program: &ProgramId, id: &EventId) -> Result<Option<Outbound>, StoreError> {
    let get = store.client.get_item().table_name(store.waiting()).set_key(Some(key(program, id)));
    let Some(item) = get.consistent_read(true).send().await?.item else { return Ok(None) };
    let Stored { identity, partner, kind, data, until } = read(&item, "event to be judged")?;
    let unreadable = |why: String| StoreError::Unreadable { what: "event to be judged", why };
    let data = Json::parse(&data).map_err(|error| unreadable(error.to_string()))?;
    let kind = Kind::read(&kind, &data).map_err(|rejection| unreadable(rejection.message))?;
    Ok(Some(Outbound { event: Event::internal(identity, partner, until, kind), due: until }))
}

/// The action that ends it in the transaction that judges it.
///
/// # Errors
/// [`StoreError::Refused`].
pub fn ending(store: &Store, identity: &Identity) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder().table_name(store.waiting()).set_key(Some(key(&identity.program, &identity.id)));
    Ok(TransactWriteItem::builder().delete(delete.build().map_err(built)?).build())
}

/// Ends what was judged before, or has nothing left to do.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn end(store: &Store, identity: &Identity) -> Result<(), StoreError> {
    let delete = store.client.delete_item().table_name(store.waiting());
    delete.set_key(Some(key(&identity.program, &identity.id))).send().await?;
    Ok(())
}

/// So many are looked at at once.
const PAGE: i32 = 250;

/// A page of what is due at `now`, the earliest first, from `start` on.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn page(
    store: &Store,
    program: &ProgramId,
    now: Timestamp,
    start: Option<&str>,
) -> Result<Page<Due>, StoreError> {
    let query = store.client.query().table_name(store.waiting()).index_name(keys::BY_UNTIL);
    let query = query.key_condition_expression("waits_in = :in AND #until <= :now");
    let query = query.expression_attribute_names("#until", keys::UNTIL);
    let query = query.expression_attribute_values(":in", text(keys::sent_in(program)));
    let query = query.expression_attribute_values(":now", text(now.to_string()));
    let reply = query.limit(PAGE).set_exclusive_start_key(start.and_then(start_from_text)).send().await?;
    let items = reply.items().iter().map(|item| read(item, "event to be judged")).collect::<Result<_, _>>()?;
    Ok(Page { items, next: reply.last_evaluated_key.as_ref().map(start_to_text) })
}

/// Marks one as sent to be judged, if it still is to be.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn mark_sent(store: &Store, due: &Due, now: Timestamp) -> Result<(), StoreError> {
    let update = store.client.update_item().table_name(store.waiting());
    let update = update.set_key(Some(key(&due.identity.program, &due.identity.id)));
    let update = update.update_expression("SET sent_at = :now").condition_expression("attribute_exists(pk)");
    unless_in_motion(update.expression_attribute_values(":now", text(now.to_string())).send().await)
}
