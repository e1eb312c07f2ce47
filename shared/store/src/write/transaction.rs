//! One decision, one transaction: every record on condition that it does not exist, every changed item on condition of
//! its version, and a check of what the decision relied on and did not change.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use domain::decide::{Decision, State};
use domain::ledger::{Record, packed, record_key};
use domain::redemption::StockMove;
use event::ids::{PartnerId, ProgramId};
use event::{Meaning, planted};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use program::Programs;
use serde::Serialize;

use super::actions::{Condition, meaning_of, merged, stock_names};
use super::pools;
use crate::error::unless_in_motion;
use crate::state::EMPTY;
use crate::tables::items::{Item, PartItem, due, ledger_key, number, size, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::{Store, StoreError, outbox};

/// Most actions DynamoDB takes in one transaction.
pub const ACTIONS_MAX: usize = 100;

/// Most bytes in one transaction: DynamoDB takes 4 MB; the rest is for keys and conditions.
pub const BYTES_MAX: usize = 3_500_000;

/// A check of something that no decision looks at, to be written with one.
pub type Check = TransactWriteItem;

/// A decision as the table will be asked to write it.
#[derive(Debug, Default)]
pub struct Transaction {
    actions: Vec<Action>,
}

#[derive(Debug)]
struct Action {
    item: TransactWriteItem,
    /// The record it puts.
    record: Option<usize>,
    bytes: usize,
}

/// How a write ended that did not fail.
#[derive(Debug, PartialEq)]
pub enum Written {
    /// It is in the table, for so many write units.
    Committed {
        /// Write units as the engine reports them.
        write_units: f64,
    },
    /// Records that are there already, with what they mean: drop their events and decide again.
    Exists(Vec<(usize, Meaning)>),
    /// Something moved under the decision: read again, decide again.
    Stale,
}

impl Transaction {
    /// How many actions it has.
    pub fn actions(&self) -> usize {
        self.actions.len()
    }

    /// Whether one transaction can hold it.
    pub fn fits(&self) -> bool {
        self.actions.len() <= ACTIONS_MAX && self.actions.iter().map(|action| action.bytes).sum::<usize>() <= BYTES_MAX
    }

    /// Does this too.
    pub fn also(&mut self, action: TransactWriteItem) {
        self.push(action, None, 0);
    }

    fn push(&mut self, item: TransactWriteItem, record: Option<usize>, bytes: usize) {
        self.actions.push(Action { item, record, bytes });
    }

    /// Parts that fit, the first action in the last.
    fn parts(self) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        for action in self.actions.into_iter().rev() {
            let Some(part) = parts.last_mut() else { continue };
            part.actions.push(action);
            if !part.fits() {
                let over = part.actions.split_off(part.actions.len() - 1);
                parts.push(Self { actions: over });
            }
        }
        parts
    }
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(e)) => Some(e.cancellation_reasons()),
        _ => None,
    }
}

impl Transaction {
    /// What a cancellation means: records that exist, items that moved, contention, throttling or a refusal.
    fn cancelled(&self, reasons: &[CancellationReason]) -> Result<Written, StoreError> {
        let mut exists = Vec::new();
        let (mut stale, mut contention, mut throttled) = (false, false, false);
        for (index, reason) in reasons.iter().enumerate() {
            match reason.code().unwrap_or("None") {
                "None" => {}
                "ConditionalCheckFailed" => match self.actions.get(index).and_then(|action| action.record) {
                    Some(record) => exists.push((record, meaning_of(reason)?)),
                    None => stale = true,
                },
                "TransactionConflict" => contention = true,
                "ThrottlingError" | "ProvisionedThroughputExceeded" => throttled = true,
                code => {
                    return Err(StoreError::Refused(format!("{code}: {}", reason.message().unwrap_or("no message"))));
                }
            }
        }
        match (exists.is_empty(), stale, contention, throttled) {
            (false, ..) => Ok(Written::Exists(exists)),
            (_, true, ..) => Ok(Written::Stale),
            (_, _, true, _) => Err(StoreError::Contention),
            (_, _, _, true) => Err(StoreError::Unavailable("throttled".to_owned())),
            _ => Err(StoreError::Refused("cancelled without a reason".to_owned())),
        }
    }
}

/// The transaction that writes `decision`, decided from `before` by `programs`.
///
/// # Errors
/// [`StoreError::Unreadable`] if a value has no form in DynamoDB.
pub fn transaction(
    store: &Store,
    programs: &Programs,
    before: &State,
    decision: &Decision,
) -> Result<Transaction, StoreError> {
    let program = &programs.current(decision.now).program.id;
    let mut tx = Transaction::default();
    if decision.records.is_empty() {
        return Ok(tx);
    }
    for (index, record) in decision.records.iter().enumerate() {
        let (put, bytes) = put_record(store, record)?;
        tx.push(TransactWriteItem::builder().put(put).build(), Some(index), bytes);
        for (sent, bytes) in outbox::puts(store, record)? {
            tx.push(sent, None, bytes);
        }
    }
    write_account(store, &mut tx, program, (before, &decision.state), decision.due_on(programs))?;
    write_shared(store, &mut tx, program, before, &decision.state)?;
    for moved in pools::moves(store, program, &before.pools, decision)? {
        tx.also(moved);
    }
    for (reward, moved) in merged(&decision.stock) {
        move_stock(store, &mut tx, program, &reward, &moved)?;
    }
    Ok(tx)
}

/// The write of a record, on condition that its identity is not taken, and how many bytes it has.
pub(crate) fn put_record(store: &Store, record: &Record) -> Result<(Put, usize), StoreError> {
    let item = with_key(ledger_key(&record_key(&record.identity)), record, "record")?;
    let bytes = size(&item);
    let put = Put::builder()
        .table_name(store.ledger())
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(k)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok((put.build().map_err(built)?, bytes))
}

/// The items of an account that changed, each guarded by the head, which is the first.
fn write_account(
    store: &Store,
    tx: &mut Transaction,
    program: &ProgramId,
    (before, after): (&State, &State),
    due_on: Option<Date>,
) -> Result<(), StoreError> {
    let own = keys::partner(program, &after.partner);
    let (old, new) = (&before.account, &after.account);
    let mut key = state_key(&own, keys::HEAD);
    key.extend(due_on.map(|day| due(keys::due_shard(program, &after.partner), day)).into_iter().flatten());
    let version = Some(old.head.position).filter(|p| *p > 0);
    put_item(store, tx, key, &packed::head(new), "head", Condition::Version(keys::POSITION, version))?;
    let stored = packed::parts(old);
    for (part, content) in packed::parts(new) {
        if stored.get(&part) != Some(&content) {
            let expires_on = part.expires_on().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
            let item = PartItem { content, expires_at: expires_on.map(|day| day.timestamp().as_second()) };
            put_item(store, tx, state_key(&own, &keys::part(&part)), &item, "part of an account", Condition::None)?;
        }
    }
    for (id, redemption) in &after.redemptions {
        let old = before.redemptions.get(id);
        if old != Some(redemption) {
            let condition = Condition::Version(keys::VERSION, old.map(|r| r.version));
            let mut key = state_key(&own, &keys::redemption(id));
            if !redemption.status.is_final() {
                key.extend(due(keys::standing(program), redemption.updated_at));
            }
            put_item(store, tx, key, redemption, "redemption", condition)?;
        }
    }
    Ok(())
}

/// Writes an account that no decision made: its items first, in as many writes as it takes, and last the head that guards
/// them.
///
/// # Errors
/// [`StoreError::Contention`] if somebody else wrote it meanwhile; [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn send_account(
    store: &Store,
    program: &ProgramId,
    (before, after): (&State, &State),
    due_on: Option<Date>,
) -> Result<(), StoreError> {
    let mut tx = Transaction::default();
    write_account(store, &mut tx, program, (before, after), due_on)?;
    send_parts(store, tx).await
}

/// Writes deals, opportunities and pools that no decision made, where they are not as they were read.
///
/// # Errors
/// As [`send_account`].
pub async fn send_shared(store: &Store, program: &ProgramId, before: &State, after: &State) -> Result<(), StoreError> {
    let mut changed = after.clone();
    changed.deals.retain(|id, deal| before.deals.get(id) != Some(deal));
    changed.opportunities.retain(|id, opportunity| before.opportunities.get(id) != Some(opportunity));
    let mut tx = Transaction::default();
    write_shared(store, &mut tx, program, before, &changed)?;
    for (part, is) in &after.pools.read {
        let was = before.pools.read.get(part).copied().unwrap_or_default();
        if was != *is {
            tx.also(pools::restored(store, program, part, (was, *is))?);
        }
    }
    send_parts(store, tx).await
}

/// Sets an account's day in the due index where nothing was due and so nothing was recorded; none where nothing ever becomes due. Not
/// if somebody wrote the account meanwhile: whoever did has set the day. What stood there before may be a mark of a clock that was
/// ahead, and goes whether it is earlier or later.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn move_due(
    store: &Store,
    program: &ProgramId,
    looked_at: &State,
    on: Option<Date>,
) -> Result<(), StoreError> {
    let key = state_key(&keys::partner(program, &looked_at.partner), keys::HEAD);
    let update = store.client.update_item().table_name(store.state()).set_key(Some(key));
    let update = update.update_expression("SET due_on = :on").condition_expression("#v = :v AND due_on <> :on");
    let update = update.expression_attribute_names("#v", keys::POSITION);
    let update = update.expression_attribute_values(":v", number(looked_at.account.head.position));
    // Behind every day that is asked for.
    let on = on.unwrap_or(Date::MAX);
    unless_in_motion(update.expression_attribute_values(":on", text(on.to_string())).send().await)
}

/// Empties items of a partner's that stand in no record. No function may delete from the state, so they stay, empty.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn empty(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    sort_keys: &[String],
) -> Result<(), StoreError> {
    let pk = keys::partner(program, partner);
    for sort_key in sort_keys {
        let nothing = PartItem { content: EMPTY.to_owned(), expires_at: None };
        let item = with_key(state_key(&pk, sort_key), &nothing, "emptied item")?;
        store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    }
    Ok(())
}

async fn send_parts(store: &Store, tx: Transaction) -> Result<(), StoreError> {
    for part in tx.parts().iter().filter(|part| part.actions() > 0) {
        match send(store, part).await? {
            Written::Committed { .. } => {}
            Written::Stale | Written::Exists(_) => return Err(StoreError::Contention),
        }
    }
    Ok(())
}

/// Deals, opportunities and other partners: what was changed is written, what was only looked at is checked.
fn write_shared(
    store: &Store,
    tx: &mut Transaction,
    program: &ProgramId,
    before: &State,
    after: &State,
) -> Result<(), StoreError> {
    for (id, deal) in &after.deals {
        let old = before.deals.get(id).and_then(Option::as_ref);
        let key = state_key(&keys::deal(program, id), keys::ONLY);
        put_or_check(store, tx, key, "deal", old.map(|d| (d, d.version)), deal.as_ref())?;
    }
    for (id, opportunity) in &after.opportunities {
        let old = before.opportunities.get(id).and_then(Option::as_ref);
        let key = state_key(&keys::opportunity(program, id), keys::ONLY);
        put_or_check(store, tx, key, "opportunity", old.map(|o| (o, o.version)), opportunity.as_ref())?;
    }
    for (id, head) in before.others.iter().filter(|_| !planted("another partner is not checked")) {
        let position = Some(head.position).filter(|position| *position > 0);
        let key = state_key(&keys::partner(program, id), keys::HEAD);
        check(store, tx, key, Condition::Version(keys::POSITION, position))?;
    }
    Ok(())
}

fn put_or_check<T: Serialize + PartialEq>(
    store: &Store,
    tx: &mut Transaction,
    key: Item,
    what: &'static str,
    old: Option<(&T, u64)>,
    new: Option<&T>,
) -> Result<(), StoreError> {
    let condition = Condition::Version(keys::VERSION, old.map(|(_, version)| version));
    match new {
        Some(new) if old.map(|(value, _)| value) != Some(new) => put_item(store, tx, key, new, what, condition),
        _ => check(store, tx, key, condition),
    }
}

fn put_item<T: Serialize>(
    store: &Store,
    tx: &mut Transaction,
    key: Item,
    value: &T,
    what: &'static str,
    condition: Condition,
) -> Result<(), StoreError> {
    let item = with_key(key, value, what)?;
    let bytes = size(&item);
    let (expression, names, values) = condition.parts();
    let put = Put::builder()
        .table_name(store.state())
        .set_item(Some(item))
        .set_condition_expression(expression)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values);
    tx.push(TransactWriteItem::builder().put(put.build().map_err(built)?).build(), None, bytes);
    Ok(())
}

fn check(store: &Store, tx: &mut Transaction, key: Item, condition: Condition) -> Result<(), StoreError> {
    tx.push(state_check(store, key, condition)?, None, 0);
    Ok(())
}

/// A check of a state item that is not written.
pub(crate) fn state_check(store: &Store, key: Item, condition: Condition) -> Result<TransactWriteItem, StoreError> {
    let (expression, names, values) = condition.parts();
    let check = ConditionCheck::builder()
        .table_name(store.state())
        .set_key(Some(key))
        .set_condition_expression(expression)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values);
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(built)?).build())
}

/// Stock is conditioned on its quantity, not on a version: partners who take different cards do not contend. The whole
/// transaction carries a token, so a lost reply is not counted twice.
fn move_stock(
    store: &Store,
    tx: &mut Transaction,
    program: &ProgramId,
    reward: &str,
    moved: &StockMove,
) -> Result<(), StoreError> {
    let update = Update::builder()
        .table_name(store.state())
        .set_key(Some(state_key(&keys::reward(program, reward), keys::STOCK)))
        .update_expression("ADD #free :free, #reserved :reserved, #issued :issued")
        .condition_expression("#free >= :free_needed AND #reserved >= :reserved_needed")
        .set_expression_attribute_names(Some(stock_names()))
        .expression_attribute_values(":free", number(moved.free))
        .expression_attribute_values(":reserved", number(moved.reserved))
        .expression_attribute_values(":issued", number(moved.issued))
        .expression_attribute_values(":free_needed", number((-moved.free).max(0)))
        .expression_attribute_values(":reserved_needed", number((-moved.reserved).max(0)));
    tx.push(TransactWriteItem::builder().update(update.build().map_err(built)?).build(), None, 0);
    Ok(())
}

/// Writes a transaction once.
///
/// # Errors
/// [`StoreError::Contention`] when only contention stood in the way, [`StoreError::Unavailable`],
/// [`StoreError::Refused`].
pub async fn send(store: &Store, tx: &Transaction) -> Result<Written, StoreError> {
    let items = tx.actions.iter().map(|action| action.item.clone()).collect();
    let send = store.client.transact_write_items().set_transact_items(Some(items));
    match send.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
        Ok(reply) => {
            let write_units = reply.consumed_capacity.unwrap_or_default().iter().filter_map(|c| c.capacity_units).sum();
            Ok(Written::Committed { write_units })
        }
        Err(error) => match cancelled(&error) {
            Some(reasons) => tx.cancelled(reasons),
            None => Err(error.into()),
        },
    }
}
