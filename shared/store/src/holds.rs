//! Events that wait, each until its own deadline. They stand in the table of what waits under their identity, so that one
//! identity waits once; indexes have them by what they wait for, by deadline, and by partner.
//!
//! An event's first deadline stays, whatever it waits for next: it goes with the message that sends it again. Its hold goes in the
//! transaction that judges it, and only its own does: however often it is sent, it is neither lost nor without an end.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use domain::decide::{Awaited, State};
use domain::ledger::{Outcome, record_key};
use event::ids::{Identity, PartnerId, PersonId, ProgramId};
use event::{Code, Event, Meaning, MeaningHash, Rejection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aside::{self, Aside};
use crate::error::{unless_in_motion, unless_moved};
use crate::tables::items::{Item, Page, ledger_key, read, start_from_text, start_to_text, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Condition, meaning_of, state_check};
use crate::{Store, StoreError, persons, state};

/// A held event, without its body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Its identity.
    pub identity: Identity,
    /// Its partner.
    pub partner: PartnerId,
    /// What it waits for.
    pub awaits: Awaited,
    /// The deal's version when it was held; none if there was no deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// The hash of its meaning, persons left blank.
    pub hash: MeaningHash,
    /// The pseudonyms of the persons it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<PersonId>,
    /// When it was held first.
    pub held_at: Timestamp,
    /// When it stops waiting: set when it was held first, and never moved.
    pub until: Timestamp,
    /// When the sweep sent it again, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

/// The attribute that holds an event's body. In no index.
const BODY: &str = "body";

/// How holding an event ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It waits.
    Waits,
    /// Its identity is taken, by this meaning.
    Taken(Meaning),
    /// Something moved: decide again.
    Moved,
}

/// The key of a hold: the identity of who waits.
fn key(identity: &Identity) -> Item {
    state_key(&keys::hold(identity), keys::ONLY)
}

impl Hold {
    fn new(event: &Event, awaits: &Awaited, until: Timestamp, before: &State, held_at: Timestamp) -> Self {
        let seen = match awaits {
            Awaited::Deal(id) | Awaited::Reassignment(id) => {
                before.deals.get(id).and_then(Option::as_ref).map(|deal| deal.version)
            }
            Awaited::Partner(_) | Awaited::Booking(_) | Awaited::Rate(_) | Awaited::Program => None,
        };
        let (identity, partner, awaits) = (event.identity.clone(), event.partner.clone(), awaits.clone());
        let (hash, persons) = (event.hash, event.persons());
        Self { identity, partner, awaits, seen, hash, persons, held_at, until, sent_at: None }
    }

    fn item(&self, body: &str) -> Result<Item, StoreError> {
        let mut item = with_key(key(&self.identity), self, "held event")?;
        item.insert(BODY.to_owned(), text(body));
        let awaited = keys::awaited(&self.identity.program, &self.awaits);
        item.insert(keys::WAITS_FOR.to_owned(), text(awaited));
        item.insert(keys::WAITS_IN.to_owned(), text(keys::waits_in(&self.identity.program, &self.awaits)));
        item.insert(keys::WHOSE.to_owned(), text(keys::partner(&self.identity.program, &self.partner)));
        Ok(item)
    }

    /// What it means.
    fn meaning(&self) -> Meaning {
        Meaning { hash: self.hash, persons: self.persons.clone() }
    }

    /// What is kept of it when it ends with an outcome that claims nothing.
    fn aside(&self, outcome: Outcome, now: Timestamp) -> Aside {
        Aside {
            program: self.identity.program.to_string(),
            source: self.identity.source.to_string(),
            id: self.identity.id.to_string(),
            partner: Some(self.partner.to_string()),
            outcome,
            hash: self.hash,
            persons: self.persons.clone(),
            first_hash: None,
            data: None,
            rejection: None,
            kept_at: now,
        }
    }

    /// What it waits for, in words.
    pub fn awaited(&self) -> String {
        match &self.awaits {
            Awaited::Partner(id) => format!("partner `{id}`"),
            Awaited::Deal(id) => format!("deal `{id}`"),
            Awaited::Reassignment(id) => format!("reassignment of deal `{id}`"),
            Awaited::Booking(id) => format!("what is taken from `{id}` to be given to it first"),
            Awaited::Rate(currency) => format!("rate `{currency}`"),
            Awaited::Program => format!("program `{}`", self.identity.program),
        }
    }

    /// What becomes of it, in a sentence.
    pub fn sentence(&self) -> String {
        format!("waits for {} until {}", self.awaited(), self.until)
    }

    /// The rejection that ends a hold past its deadline.
    pub fn expired(&self) -> Rejection {
        let message = format!(
            "waited for {} until {}, which did not come; send the event again under the same id",
            self.awaited(),
            self.until
        );
        Rejection::new(Code::HoldExpired, "data", message)
    }
}

/// A held event with the body to send again. Bodies are here, in the queues and in the sender's system only.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// What it waits for, and until when.
    pub hold: Hold,
    /// Its body.
    pub body: String,
}

impl Waiting {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let body = item.get(BODY).and_then(|body| body.as_s().ok()).cloned();
        let missing = || StoreError::Unreadable { what: "held event", why: "it has no body".to_owned() };
        Ok(Self { hold: read(item, "held event")?, body: body.ok_or_else(missing)? })
    }
}

async fn get(store: &Store, identity: &Identity) -> Result<Option<Waiting>, StoreError> {
    let get = store.client.get_item().table_name(store.waiting()).set_key(Some(key(identity)));
    let item = get.consistent_read(true).send().await?.item;
    item.map(|item| Waiting::read(&item)).transpose()
}

/// The hold of an event, without its body: only what the indexes show is read. `None` if it does not wait.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn shown(store: &Store, identity: &Identity) -> Result<Option<Hold>, StoreError> {
    let mut get = store.client.get_item().table_name(store.waiting()).set_key(Some(key(identity)));
    for name in keys::SHOWN {
        get = get.expression_attribute_names(format!("#{name}"), name);
    }
    let get = get.projection_expression(keys::SHOWN.map(|name| format!("#{name}")).join(", "));
    let item = get.consistent_read(true).send().await?.item;
    item.map(|item| read(&item, "held event")).transpose()
}

/// An event that is to be held.
#[derive(Clone, Copy, Debug)]
pub struct ToHold<'a> {
    /// The event.
    pub event: &'a Event,
    /// Until when it was to wait, says the message, if it was sent again after it had been held.
    pub held_until: Option<Timestamp>,
    /// What it waits for now.
    pub awaits: &'a Awaited,
    /// Until when, if it has not waited before.
    pub until: Timestamp,
}

/// Holds an event, on condition that what it waits for is still missing and that no record has its identity. Its first deadline
/// stays.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn put(store: &Store, to: ToHold<'_>, before: &State, now: Timestamp) -> Result<Held, StoreError> {
    let (event, body) = (to.event, to.event.body());
    // A hold that ended while its message was on its way is not held for longer than before.
    let until = to.held_until.map_or(to.until, |first| first.min(to.until));
    let mut hold = Hold::new(event, to.awaits, until, before, now);
    let there = get(store, &event.identity).await?;
    if let Some(Waiting { hold: first, body: first_body }) = &there {
        // What was held and is sent again names the same persons, whatever they are called by now.
        let same = (&first.hash, &first.persons) == (&hold.hash, &hold.persons) || *first_body == body;
        if !same {
            return Ok(Held::Taken(first.meaning()));
        }
        // What turns out to wait for something else than a reassignment has as long as anything that does.
        let longer = first.awaits.is_judged_at_its_end() && !hold.awaits.is_judged_at_its_end();
        (hold.held_at, hold.until) = (first.held_at, if longer { to.until } else { first.until });
    }
    let put = Put::builder().table_name(store.waiting()).set_item(Some(hold.item(&body)?));
    let put = match &there {
        None => put.condition_expression("attribute_not_exists(pk)"),
        // As it was read: neither ended nor held anew by another delivery.
        Some(Waiting { hold: first, body }) => put
            .condition_expression("#until = :until AND held_at = :held_at AND body = :body")
            .expression_attribute_names("#until", keys::UNTIL)
            .expression_attribute_values(":until", text(first.until.to_string()))
            .expression_attribute_values(":held_at", text(first.held_at.to_string()))
            .expression_attribute_values(":body", text(body)),
    };
    let mut actions = vec![
        not_recorded(store, &event.identity)?,
        TransactWriteItem::builder().put(put.build().map_err(built)?).build(),
    ];
    actions.extend(still_missing(store, &event.identity.program, to.awaits, before)?);
    match store.client.transact_write_items().set_transact_items(Some(actions)).send().await {
        Ok(_) => Ok(Held::Waits),
        Err(error) => match failed_conditions(error)?.first() {
            Some(Some(reason)) => Ok(Held::Taken(meaning_of(reason)?)),
            _ => Ok(Held::Moved),
        },
    }
}

/// A check that no record has an identity; the record comes back if one has.
fn not_recorded(store: &Store, identity: &Identity) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(store.ledger())
        .set_key(Some(ledger_key(&record_key(identity))))
        .condition_expression("attribute_not_exists(k)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(built)?).build())
}

fn still_missing(
    store: &Store,
    program: &ProgramId,
    awaited: &Awaited,
    before: &State,
) -> Result<Option<TransactWriteItem>, StoreError> {
    let (key, condition) = match awaited {
        Awaited::Partner(id) | Awaited::Booking(id) => {
            let position = before.position_of(id).filter(|p| *p > 0);
            (state_key(&keys::partner(program, id), keys::HEAD), Condition::Version(keys::POSITION, position))
        }
        Awaited::Deal(id) | Awaited::Reassignment(id) => {
            let version = before.deals.get(id).and_then(Option::as_ref).map(|deal| deal.version);
            (state_key(&keys::deal(program, id), keys::ONLY), Condition::Version(keys::VERSION, version))
        }
        Awaited::Program => (state_key(keys::PROGRAMS, program), Condition::Version(keys::VERSION, None)),
        // A function may decide by a version that is no longer the last; the sweep finds what was held meanwhile.
        Awaited::Rate(_) => return Ok(None),
    };
    state_check(store, key, condition).map(Some)
}

/// Which actions of a cancelled transaction had a condition that did not hold, by their place.
fn failed_conditions<R>(
    error: SdkError<TransactWriteItemsError, R>,
) -> Result<Vec<Option<CancellationReason>>, StoreError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Err(error.into());
    };
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let reasons = cancelled.cancellation_reasons().iter();
    Ok(reasons.map(|reason| Some(reason.clone()).filter(failed)).collect())
}

/// The action that ends an event's own hold in the transaction that judges it; none if it does not wait, or another event under
/// its identity does.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn ending(store: &Store, event: &Event) -> Result<Option<TransactWriteItem>, StoreError> {
    let body = event.body();
    if get(store, &event.identity).await?.is_none_or(|waiting| waiting.body != body) {
        return Ok(None);
    }
    let delete = Delete::builder().table_name(store.waiting()).set_key(Some(key(&event.identity)));
    let delete = delete.condition_expression("attribute_not_exists(pk) OR body = :body");
    let delete = delete.expression_attribute_values(":body", text(body)).build().map_err(built)?;
    Ok(Some(TransactWriteItem::builder().delete(delete).build()))
}

/// Ends the own hold of an event that was judged: its identity has a record, or it was rejected and that is kept.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn end(store: &Store, event: &Event) -> Result<(), StoreError> {
    let delete = store.client.delete_item().table_name(store.waiting()).set_key(Some(key(&event.identity)));
    let delete = delete.condition_expression("body = :body").expression_attribute_values(":body", text(event.body()));
    unless_moved(delete.send().await)
}

/// That a hold is as it was looked at.
const AS_SEEN: &str = "#until = :until AND held_at = :held_at";

/// Ends a hold past its deadline with a rejection that claims nothing, kept with its reason. If its identity has a record
/// meanwhile the hold just ends; but where that record means something else, it ends as the conflict it is.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn expire(store: &Store, hold: &Hold, now: Timestamp) -> Result<(), StoreError> {
    let rejected = Aside { rejection: Some(hold.expired()), ..hold.aside(Outcome::Rejected, now) };
    let keep = TransactWriteItem::builder().put(aside::put(store, &rejected)?).build();
    let delete = TransactWriteItem::builder().delete(as_seen(store, hold)?).build();
    let actions = vec![not_recorded(store, &hold.identity)?, keep, delete];
    let Err(error) = store.client.transact_write_items().set_transact_items(Some(actions)).send().await else {
        return Ok(());
    };
    let failed = failed_conditions(error)?;
    if !failed.iter().any(Option::is_some) {
        return Err(StoreError::Contention);
    }
    if let Some(Some(recorded)) = failed.first() {
        let (first, meaning) = (meaning_of(recorded)?, hold.meaning());
        if !persons::same_meaning(store, &hold.identity.program, &hold.partner, &meaning, &first).await? {
            let conflict = Aside { first_hash: Some(first.hash), ..hold.aside(Outcome::Conflict, now) };
            aside::keep(store, &conflict).await?;
        }
    }
    // It was judged, or ended for this very reason before: if it still stands there as it was, it goes.
    let Delete {
        table_name, key, condition_expression, expression_attribute_names, expression_attribute_values, ..
    } = as_seen(store, hold)?;
    let delete = store.client.delete_item().table_name(table_name).set_key(Some(key));
    let delete = delete.set_condition_expression(condition_expression);
    let delete = delete.set_expression_attribute_names(expression_attribute_names);
    unless_moved(delete.set_expression_attribute_values(expression_attribute_values).send().await)
}

/// The end of a hold that is as it was looked at.
fn as_seen(store: &Store, hold: &Hold) -> Result<Delete, StoreError> {
    let delete = Delete::builder().table_name(store.waiting()).set_key(Some(key(&hold.identity)));
    let delete = delete.condition_expression(AS_SEEN).expression_attribute_names("#until", keys::UNTIL);
    let delete = delete.expression_attribute_values(":until", text(hold.until.to_string()));
    delete.expression_attribute_values(":held_at", text(hold.held_at.to_string())).build().map_err(built)
}

/// Events that wait for one thing, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn waiting_for(
    store: &Store,
    program: &ProgramId,
    awaits: &Awaited,
    limit: i32,
) -> Result<Vec<Waiting>, StoreError> {
    let query = store.client.query().table_name(store.waiting()).index_name(keys::BY_AWAITED).limit(limit);
    let query = query.key_condition_expression("waits_for = :awaited");
    let query = query.expression_attribute_values(":awaited", text(keys::awaited(program, awaits)));
    let mut pages = query.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = pages.next().await {
        found.push(Waiting::read(&item?)?);
        if found.len() >= usize::try_from(limit).unwrap_or_default() {
            break;
        }
    }
    Ok(found)
}

/// One held event, with its body; `None` if it waits no more.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn one(store: &Store, hold: &Hold) -> Result<Option<Waiting>, StoreError> {
    Ok(get(store, &hold.identity).await?.filter(|waiting| waiting.hold.until == hold.until))
}

/// Marks a hold as sent again, if it still waits.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn mark_sent(store: &Store, hold: &Hold, now: Timestamp) -> Result<(), StoreError> {
    let update = store.client.update_item().table_name(store.waiting()).set_key(Some(key(&hold.identity)));
    let update = update.update_expression("SET sent_at = :now").condition_expression(AS_SEEN);
    let update = update.expression_attribute_names("#until", keys::UNTIL);
    let update = update.expression_attribute_values(":until", text(hold.until.to_string()));
    let update = update.expression_attribute_values(":held_at", text(hold.held_at.to_string()));
    unless_in_motion(update.expression_attribute_values(":now", text(now.to_string())).send().await)
}

/// Whose holds a page has.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// A program's; but for events that wait for the program itself.
    Program(&'a ProgramId),
    /// Events that wait for their program, whichever that is.
    Unknown,
}

/// So many holds are looked at at once.
const PAGE: i32 = 250;

/// A page of holds by deadline, the earliest first, from `start` on. What does not read is an error of its own and keeps nobody else.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn page(
    store: &Store,
    of: Of<'_>,
    start: Option<&str>,
) -> Result<Page<Result<Hold, StoreError>>, StoreError> {
    let partition = match of {
        Of::Program(program) => keys::waits_in_program(program),
        Of::Unknown => keys::WAITS_FOR_PROGRAM.to_owned(),
    };
    let query = store.client.query().table_name(store.waiting()).index_name(keys::BY_UNTIL);
    let query = query.key_condition_expression("waits_in = :in").expression_attribute_values(":in", text(partition));
    let reply = query.limit(PAGE).set_exclusive_start_key(start.and_then(start_from_text)).send().await?;
    let items = reply.items().iter().map(|item| read(item, "held event")).collect();
    Ok(Page { items, next: reply.last_evaluated_key.as_ref().map(start_to_text) })
}

/// A partner's held events, newest first, at most `limit`, from `start` on.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn of_partner(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    limit: i32,
    start: Option<&str>,
) -> Result<Page<Hold>, StoreError> {
    let query = store.client.query().table_name(store.waiting()).index_name(keys::BY_WHOSE);
    let query = query.scan_index_forward(false).limit(limit).key_condition_expression("whose = :whose");
    let query = query.expression_attribute_values(":whose", text(keys::partner(program, partner)));
    let reply = query.set_exclusive_start_key(start.and_then(start_from_text)).send().await?;
    let items = reply.items().iter().map(|item| read(item, "held event")).collect::<Result<_, _>>()?;
    Ok(Page { items, next: reply.last_evaluated_key.as_ref().map(start_to_text) })
}

/// The version of a deal; none if there is none.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn deal_version(store: &Store, program: &ProgramId, deal: &str) -> Result<Option<u64>, StoreError> {
    let item = state::get(store, &keys::deal(program, deal), keys::ONLY).await?;
    let deal: Option<domain::deal::Deal> = item.map(|i| read(&i, "deal")).transpose()?;
    Ok(deal.map(|d| d.version))
}
