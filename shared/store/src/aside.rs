//! What claims no identity and must not be forgotten: conflicts and rejections in the ledger, quarantine in the state.

use aws_sdk_dynamodb::types::Put;
use domain::ledger::Outcome;
use event::ids::PersonId;
use event::{Event, MeaningHash, Rejection, body_hash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::unless_moved;
use crate::tables::items::{
    Item, Page, ledger_key, number, read, start_from_text, start_to_text, state_key, text, with_key,
};
use crate::tables::{built, keys};
use crate::{Store, StoreError};

/// A conflict or a rejection, kept beside the records. Append-only like them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    /// The program, as the event says.
    pub program: String,
    /// The source, as the event says.
    pub source: String,
    /// The event's id.
    pub id: String,
    /// The partner, as the event says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// `conflict` or `rejected`.
    pub outcome: Outcome,
    /// The hash of its meaning, persons left blank, in hex; of what has none, of what is wrong with it. Never of a body, in which
    /// a name could be found by trying.
    pub hash: MeaningHash,
    /// The pseudonyms of the persons it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<PersonId>,
    /// Of a conflict: the hash that has the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_hash: Option<MeaningHash>,
    /// Of a conflict: what was sent, persons as pseudonyms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Of a rejection: what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
    /// When it was kept.
    pub kept_at: Timestamp,
}

/// Ids of rejected events are unchecked: kept to this many characters.
const SHOWN_CHARS_MAX: usize = 200;

impl Aside {
    /// An event that repeats an identity with another meaning (I4).
    pub fn conflict(event: &Event, first_hash: MeaningHash, now: Timestamp) -> Self {
        let data = event.kind.canonical();
        Self { first_hash: Some(first_hash), data: Some(data), ..Self::of(event, Outcome::Conflict, now) }
    }

    /// An event in good form that is not accepted.
    pub fn rejected(event: &Event, rejection: &Rejection, now: Timestamp) -> Self {
        Self { rejection: Some(rejection.clone()), ..Self::of(event, Outcome::Rejected, now) }
    }

    fn of(event: &Event, outcome: Outcome, kept_at: Timestamp) -> Self {
        let identity = &event.identity;
        Self {
            program: identity.program.to_string(),
            source: identity.source.to_string(),
            id: identity.id.to_string(),
            partner: Some(event.partner.to_string()),
            outcome,
            hash: event.hash,
            persons: event.persons(),
            first_hash: None,
            data: None,
            rejection: None,
            kept_at,
        }
    }

    /// A body that is not in good form, of which the identity can be read.
    pub fn unreadable(
        identity: &[String; 3],
        partner: Option<&str>,
        rejection: &Rejection,
        kept_at: Timestamp,
    ) -> Self {
        let [program, source, id] = identity;
        // Names that are too long to be shown are told apart all the same.
        let wrong = serde_json::to_string(&(rejection, identity)).unwrap_or_default();
        Self {
            program: shown(program),
            source: shown(source),
            id: shown(id),
            partner: partner.map(shown),
            outcome: Outcome::Rejected,
            hash: MeaningHash::of(&wrong),
            persons: Vec::new(),
            first_hash: None,
            data: None,
            rejection: Some(rejection.clone()),
            kept_at,
        }
    }

    /// Why it is kept beside the records, in a sentence.
    pub fn sentence(&self) -> String {
        match &self.rejection {
            Some(rejection) => format!("{}: {}", rejection.field, rejection.message),
            None => "the same source and id came before with another meaning; nothing was changed".to_owned(),
        }
    }

    /// Named by identity and meaning: the same thing sent again is kept once.
    fn key(&self) -> String {
        let partner = self.partner.as_deref().unwrap_or_default();
        // A hold that ends a second time, under another deadline, is told a second time.
        let wrong = self.rejection.as_ref().map_or("", |rejection| rejection.message.as_str());
        let parts = [&*self.program, &*self.source, &*self.id, partner, &self.hash.to_string(), wrong];
        let parts = parts.into_iter().chain(self.persons.iter().map(|person| person.as_str()));
        let name: String = parts.map(body_hash).collect();
        keys::kept(self.outcome.word(), &body_hash(&name))
    }
}

/// So many of what was kept of one event are looked at for the last of them.
const LAST_MAX: i32 = 10;

/// As much of a name as is kept.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// A message of which no identity can be read. Its body is in the quarantine queue only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The queue's id of the message.
    pub message_id: String,
    /// Why no identity could be read.
    pub reason: String,
    /// Bytes from the start of the body, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// How long the body is.
    pub bytes: usize,
    /// When it was put aside.
    pub kept_at: Timestamp,
}

/// The write of what is kept, on condition that it is not kept yet.
pub(crate) fn put(store: &Store, kept: &Aside) -> Result<Put, StoreError> {
    let put = Put::builder().table_name(store.ledger()).set_item(Some(item(kept)?));
    put.condition_expression("attribute_not_exists(k)").build().map_err(built)
}

fn item(kept: &Aside) -> Result<Item, StoreError> {
    let mut item = with_key(ledger_key(&kept.key()), kept, "kept event")?;
    item.insert(keys::ASIDE.to_owned(), text(keys::aside(&kept.program, kept.outcome.word())));
    if let Some(partner) = &kept.partner {
        item.insert(keys::HISTORY.to_owned(), text(keys::beside(&kept.program, partner, kept.outcome.word())));
        item.insert(keys::PLACE.to_owned(), number(kept.kept_at.as_millisecond()));
        item.insert(keys::NAMED.to_owned(), text(keys::named(&kept.program, partner, &kept.source, &kept.id)));
    }
    Ok(item)
}

/// Keeps a conflict or a rejection, once.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn keep(store: &Store, kept: &Aside) -> Result<(), StoreError> {
    let put = store.client.put_item().table_name(store.ledger()).set_item(Some(item(kept)?));
    unless_moved(put.condition_expression("attribute_not_exists(k)").send().await)
}

/// Notes a quarantined message, once per message.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn note_quarantined(store: &Store, note: &Quarantined) -> Result<(), StoreError> {
    let item = with_key(state_key(keys::QUARANTINE, &note.message_id), note, "quarantine note")?;
    store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    Ok(())
}

/// What was kept beside the records of one partner with one outcome, newest first, at most `limit`, from `start` on.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn of_partner(
    store: &Store,
    program: &str,
    partner: &str,
    outcome: &str,
    limit: i32,
    start: Option<&str>,
) -> Result<Page<Aside>, StoreError> {
    let query = store.client.query().table_name(store.ledger()).index_name(keys::BY_HISTORY);
    let query = query.scan_index_forward(false).limit(limit).key_condition_expression("w = :beside");
    let query = query.expression_attribute_values(":beside", text(keys::beside(program, partner, outcome)));
    let reply = query.set_exclusive_start_key(start.and_then(start_from_text)).send().await?;
    let items = reply.items().iter().map(|item| read(item, "kept event")).collect::<Result<_, _>>()?;
    Ok(Page { items, next: reply.last_evaluated_key.as_ref().map(start_to_text) })
}

/// What was kept last of a partner's event; none if nothing was.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn of_event(
    store: &Store,
    program: &str,
    partner: &str,
    (source, id): (&str, &str),
) -> Result<Option<Aside>, StoreError> {
    let query = store.client.query().table_name(store.ledger()).index_name(keys::BY_NAMED);
    // Instants within one second are not in the order of their texts.
    let query = query.scan_index_forward(false).limit(LAST_MAX).key_condition_expression("named = :named");
    let named = keys::named(program, partner, &shown(source), &shown(id));
    let reply = query.expression_attribute_values(":named", text(named)).send().await?;
    let kept = reply.items().iter().map(|item| read(item, "kept event")).collect::<Result<Vec<Aside>, _>>()?;
    Ok(kept.into_iter().max_by_key(|kept| kept.kept_at))
}

/// What was kept beside the records of a program with one outcome, newest first, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn list(store: &Store, program: &str, outcome: &str, limit: i32) -> Result<Vec<Aside>, StoreError> {
    let query = store
        .client
        .query()
        .table_name(store.ledger())
        .index_name(keys::BY_ASIDE)
        .scan_index_forward(false)
        .limit(limit);
    let query = query.expression_attribute_values(":aside", text(keys::aside(program, outcome)));
    let reply = query.key_condition_expression("aside = :aside").send().await?;
    reply.items().iter().map(|item| read(item, "kept event")).collect()
}

/// What was kept beside the records with one outcome, of programs that are none of these, newest first; at most `limit`. Looks
/// through all that was kept with that outcome, which is for staff, now and then.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn of_others(
    store: &Store,
    programs: &[String],
    outcome: &str,
    limit: usize,
) -> Result<Vec<Aside>, StoreError> {
    // Nothing else stands in this index.
    let scan = store.client.scan().table_name(store.ledger()).index_name(keys::BY_ASIDE);
    let scan = scan.filter_expression("begins_with(aside, :outcome)");
    let scan = scan.expression_attribute_values(":outcome", text(keys::aside("", outcome)));
    let mut items = scan.into_paginator().items().send();
    let mut found: Vec<Aside> = Vec::new();
    while let Some(item) = items.next().await {
        let kept: Aside = read(&item?, "kept event")?;
        if !programs.contains(&kept.program) {
            found.push(kept);
        }
        // What is shown is the newest; the rest need not be held.
        if found.len() > 2 * limit {
            newest(&mut found, limit);
        }
    }
    newest(&mut found, limit);
    Ok(found)
}

fn newest(kept: &mut Vec<Aside>, limit: usize) {
    kept.sort_by_key(|kept| std::cmp::Reverse(kept.kept_at));
    kept.truncate(limit);
}

/// Quarantined messages, at most `limit`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn quarantined(store: &Store, limit: i32) -> Result<Vec<Quarantined>, StoreError> {
    let query = store.client.query().table_name(store.state()).key_condition_expression("pk = :pk").limit(limit);
    let reply = query.expression_attribute_values(":pk", text(keys::QUARANTINE)).send().await?;
    reply.items().iter().map(|item| read(item, "quarantine note")).collect()
}
