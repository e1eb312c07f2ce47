//! Events that wait: for a partner, a deal, a rate or a program, each until its own deadline.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::decide::{Awaited, State};
use domain::ledger::{Outcome, record_key};
use event::ids::{Identity, PersonId, ProgramId};
use event::{Code, Event, Meaning, Rejection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aside::{self, Kept};
use crate::tables::items::{ledger_key, read, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Condition, meaning_of, state_check};
use crate::{Store, StoreError, state};

/// A held event, as it waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Its sort key: what it waits for, and its identity.
    pub sk: String,
    /// Its identity.
    pub identity: Identity,
    /// Its partner.
    pub partner: String,
    /// What it waits for: `partner`, `deal`, `rate` or `program`.
    pub awaits: String,
    /// Which one.
    pub what: String,
    /// The deal's version when it was held; none if there was no deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// The event as a body to send again. Here, in the queues and in the sender's system only.
    pub body: String,
    /// The hash of its meaning, persons left blank.
    pub hash: String,
    /// The pseudonyms of the persons it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<PersonId>,
    /// When it was held last.
    pub held_at: Timestamp,
    /// When it stops waiting.
    pub until: Timestamp,
}

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

impl Hold {
    fn new(event: &Event, awaited: &Awaited, until: Timestamp, before: &State, held_at: Timestamp) -> Self {
        let seen = match awaited {
            Awaited::Deal(id) => before.deals.get(id).and_then(Option::as_ref).map(|deal| deal.version),
            _ => None,
        };
        let (awaits, what) = match awaited {
            Awaited::Partner => ("partner", event.partner.to_string()),
            Awaited::Deal(id) => ("deal", id.to_string()),
            Awaited::Rate(currency) => ("rate", currency.clone()),
            Awaited::Program => ("program", event.identity.program.to_string()),
        };
        Self {
            sk: keys::hold(&keys::awaited(awaits, &what), &event.identity),
            identity: event.identity.clone(),
            partner: event.partner.to_string(),
            awaits: awaits.to_owned(),
            what,
            seen,
            body: event.body(),
            hash: event.hash.clone(),
            persons: event.persons(),
            held_at,
            until,
        }
    }

    /// The rejection that ends a hold past its deadline.
    pub fn expired(&self) -> Rejection {
        let message = format!(
            "waited for {} `{}` until {}, which did not come; send the event again under the same id",
            self.awaits, self.what, self.until
        );
        Rejection::new(Code::HoldExpired, "data", message)
    }
}

/// Holds an event, on condition that what it waits for is still missing and that no record has its identity. The
/// same event may be held again: its deadline starts when it first waited.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn put(
    store: &Store,
    program: &ProgramId,
    event: &Event,
    awaited: &Awaited,
    until: Timestamp,
    before: &State,
    now: Timestamp,
) -> Result<Held, StoreError> {
    let mut hold = Hold::new(event, awaited, until, before, now);
    let pk = keys::holds(program.as_str());
    if let Some(item) = state::get(store, &pk, &hold.sk).await? {
        let held: Hold = read(&item, "held event")?;
        if (&held.hash, &held.persons) != (&hold.hash, &hold.persons) {
            return Ok(Held::Taken(Meaning { hash: held.hash, persons: held.persons }));
        }
        hold.until = held.until;
    }
    let item = with_key(state_key(&pk, &hold.sk), &hold, "held event")?;
    let put = Put::builder()
        .table_name(store.state())
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk) OR #hash = :hash")
        .expression_attribute_names("#hash", "hash")
        .expression_attribute_values(":hash", text(&hold.hash));
    let unjudged = ConditionCheck::builder()
        .table_name(store.ledger())
        .set_key(Some(ledger_key(&record_key(&event.identity))))
        .condition_expression("attribute_not_exists(k)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let mut actions = vec![
        TransactWriteItem::builder().condition_check(unjudged.build().map_err(built)?).build(),
        TransactWriteItem::builder().put(put.build().map_err(built)?).build(),
    ];
    actions.extend(still_missing(store, program, awaited, before)?);
    match store.client.transact_write_items().set_transact_items(Some(actions)).send().await {
        Ok(_) => Ok(Held::Waits),
        Err(error) => not_held(error),
    }
}

fn still_missing(
    store: &Store,
    program: &ProgramId,
    awaited: &Awaited,
    before: &State,
) -> Result<Option<TransactWriteItem>, StoreError> {
    let (key, condition) = match awaited {
        Awaited::Partner => {
            let position = Some(before.account.head.position).filter(|p| *p > 0);
            (
                state_key(&keys::partner(program, &before.partner), keys::HEAD),
                Condition::Version(keys::POSITION, position),
            )
        }
        Awaited::Deal(id) => {
            let version = before.deals.get(id).and_then(Option::as_ref).map(|deal| deal.version);
            (state_key(&keys::deal(program, id), keys::ONLY), Condition::Version(keys::VERSION, version))
        }
        Awaited::Program => (state_key(keys::PROGRAMS, program), Condition::Version(keys::VERSION, None)),
        // A function may decide by a version that is no longer the last; the sweep finds what was held meanwhile.
        Awaited::Rate(_) => return Ok(None),
    };
    state_check(store, key, condition).map(Some)
}

fn not_held<R>(error: SdkError<TransactWriteItemsError, R>) -> Result<Held, StoreError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Err(error.into());
    };
    let judged = cancelled.cancellation_reasons().first().filter(|r| r.code() == Some("ConditionalCheckFailed"));
    let Some(reason) = judged else { return Ok(Held::Moved) };
    Ok(Held::Taken(meaning_of(reason)?))
}

/// Events that wait for one thing, or with an empty `awaited` for anything, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn list(store: &Store, program: &str, awaited: &str, limit: i32) -> Result<Vec<Hold>, StoreError> {
    let query = store.client.query().table_name(store.state()).consistent_read(true).limit(limit);
    let query = query.expression_attribute_values(":pk", text(keys::holds(program)));
    let query = if awaited.is_empty() {
        query.key_condition_expression("pk = :pk")
    } else {
        query
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":sk", text(format!("{awaited}#")))
    };
    query.send().await?.items().iter().map(|item| read(item, "held event")).collect()
}

/// Drops a hold whose event was sent on, unless it was held anew meanwhile.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn drop(store: &Store, hold: &Hold) -> Result<(), StoreError> {
    let delete = store
        .client
        .delete_item()
        .table_name(store.state())
        .set_key(Some(state_key(&keys::holds(hold.identity.program.as_str()), &hold.sk)));
    let delete = delete
        .condition_expression("held_at = :seen")
        .expression_attribute_values(":seen", text(hold.held_at.to_string()));
    match delete.send().await {
        Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

/// Ends a hold past its deadline: a rejection that claims nothing, kept with its reason.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn expire(store: &Store, hold: &Hold, now: Timestamp) -> Result<(), StoreError> {
    let kept = Kept {
        program: hold.identity.program.to_string(),
        source: hold.identity.source.to_string(),
        id: hold.identity.id.to_string(),
        partner: Some(hold.partner.clone()),
        outcome: Outcome::Rejected,
        hash: hold.hash.clone(),
        first_hash: None,
        data: None,
        rejection: Some(hold.expired()),
        kept_at: now,
    };
    aside::keep(store, &kept).await?;
    drop(store, hold).await
}

/// Whether the deal an event waits for has changed since it was held.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn deal_moved(store: &Store, program: &ProgramId, hold: &Hold) -> Result<bool, StoreError> {
    let item = state::get(store, &keys::deal(program, &hold.what), keys::ONLY).await?;
    let deal: Option<domain::deal::Deal> = item.map(|i| read(&i, "deal")).transpose()?;
    Ok(deal.map(|d| d.version) != hold.seen)
}
