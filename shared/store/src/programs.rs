//! Program versions: immutable items, read with a bounded age, parsed once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use domain::decide::{Publication, publication, withdrawal};
use domain::ledger::{RECORD_FORM, Record};
use event::ids::ProgramId;
use event::{Kind, planted};
use jiff::{SignedDuration, Timestamp};
use program::{Diagnostic, Program, Programs, Version};
use serde::{Deserialize, Serialize};

use crate::cache::lock;
use crate::error::unless_moved;
use crate::tables::items::{Content, Item, number, read as read_item, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Condition, put_record};
use crate::{Store, StoreError, state};

/// A version as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct VersionItem {
    number: u32,
    hash: String,
    effective_from: Timestamp,
    published_at: Timestamp,
    file: String,
    /// The form of the records that are decided by it.
    #[serde(default = "first_form")]
    form: u16,
    /// When it was withdrawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
}

/// Versions that do not say so are of the first form.
fn first_form() -> u16 {
    1
}

/// A version that is in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The program.
    pub program: String,
    /// The version's number.
    pub number: u32,
    /// Its content hash.
    pub hash: String,
    /// From when it is in force.
    pub effective_from: Timestamp,
    /// False if this very content was the latest version already.
    pub is_new: bool,
}

/// Why a file was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is no program.
    #[error("the file has {} errors", .0.len())]
    Invalid(Vec<Diagnostic>),
    /// Functions may decide by the versions they have read for some time yet; only a first version may reach back.
    #[error("a version takes effect no earlier than {earliest}; only a program's first version may be backdated")]
    TooEarly {
        /// The earliest instant possible.
        earliest: Timestamp,
    },
    /// The file names a version that is published with other content.
    #[error("version {number} is published with other content; raise `version` to {next} or leave it out")]
    Edited {
        /// The version it names.
        number: u32,
        /// The number it must have.
        next: u32,
    },
    /// Somebody else published just now.
    #[error("somebody else published a version just now; look at it and publish again")]
    Raced,
    /// The table's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The versions of a program; `None` if it has none. As old as the settings allow.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn read(store: &Store, id: &ProgramId) -> Result<Option<Programs>, StoreError> {
    let now = store.clock.now();
    let cached = lock(&store.programs.read).get(id.as_str()).cloned();
    if let Some((_, programs)) = cached.filter(|(read, _)| is_fresh(now, *read, store.settings.program_age_max)) {
        return Ok(Some(programs));
    }
    let items = versions(store, id.as_str()).await?;
    let versions = items.iter().map(|item| parsed(store, item)).collect::<Result<Vec<_>, _>>()?;
    let withdrawn = items.iter().filter(|item| item.withdrawn_at.is_some() && !planted("a withdrawn version decides"));
    let programs = Programs::new(versions);
    let programs = withdrawn.fold(programs, |programs, item| programs?.without(item.number));
    if let Some(programs) = &programs {
        lock(&store.programs.read).insert(id.to_string(), (now, programs.clone()));
    }
    Ok(programs)
}

/// The versions to decide by at `now`: what this process has read, unless that is too old by then, however the time has passed
/// since: a version published meanwhile may be in force.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn at(store: &Store, given: &Programs, now: Timestamp) -> Result<Programs, StoreError> {
    let id = &given.current(now).program.id;
    let cached = lock(&store.programs.read).get(id.as_str()).cloned();
    // Where nothing is to be kept, nothing is: a version may take effect, or be withdrawn, at once.
    let age_max = store.settings.program_age_max;
    match cached.filter(|(read, _)| is_fresh(now, *read, age_max)) {
        Some((_, programs)) => Ok(programs),
        None => Ok(read(store, id).await?.unwrap_or_else(|| given.clone())),
    }
}

/// By the wall's clock, which goes on while a function sleeps between two calls: the runtime's own may stand still then. Where it
/// went back nobody knows how old the versions are.
fn is_fresh(now: Timestamp, read: Timestamp, age_max: Duration) -> bool {
    Duration::try_from(now.duration_since(read)).is_ok_and(|age| age < age_max)
}

/// Looks whether the tables hold records of the form that this edition reads.
///
/// # Errors
/// [`StoreError::OtherForm`] if not; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn check_form(store: &Store) -> Result<(), StoreError> {
    for id in ids(store).await? {
        versions(store, &id).await?;
    }
    Ok(())
}

fn parsed(store: &Store, item: &VersionItem) -> Result<Version, StoreError> {
    let known = lock(&store.programs.parsed).get(&item.hash).cloned();
    let program = match known {
        Some(program) => program,
        None if Version::content_hash(&item.file) != item.hash => {
            let why = format!("version {} is not what was published", item.number);
            return Err(StoreError::Unreadable { what: "program version", why });
        }
        None => {
            let parsed = Program::parse(&item.file).map_err(|found| StoreError::Unreadable {
                what: "program version",
                why: found.first().map(|d| d.message.clone()).unwrap_or_default(),
            })?;
            let parsed = Arc::new(parsed);
            lock(&store.programs.parsed).insert(item.hash.clone(), parsed.clone());
            parsed
        }
    };
    Ok(Version { number: item.number, hash: item.hash.clone(), effective_from: item.effective_from, program })
}

async fn versions(store: &Store, program: &str) -> Result<Vec<VersionItem>, StoreError> {
    let mut pages = store
        .client
        .query()
        .table_name(store.state())
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text(keys::program(program)))
        .into_paginator()
        .items()
        .send();
    let mut versions = Vec::new();
    while let Some(item) = pages.next().await {
        let item: VersionItem = read_item(&item?, "program version")?;
        if item.form != RECORD_FORM {
            return Err(StoreError::OtherForm { found: item.form });
        }
        versions.push(item);
    }
    Ok(versions)
}

/// The ids of all programs that have a version.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn ids(store: &Store) -> Result<Vec<String>, StoreError> {
    let query = store.client.query().table_name(store.state()).key_condition_expression("pk = :pk");
    let reply = query.expression_attribute_values(":pk", text(keys::PROGRAMS)).send().await?;
    let id = |item: &Item| item.get(keys::SK).and_then(|v| v.as_s().ok()).cloned();
    Ok(reply.items().iter().filter_map(id).collect())
}

/// How long functions may decide by what they have read, as the deployment says; a minute where it says nothing.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn age_seconds(store: &Store) -> Result<i64, StoreError> {
    let item = state::get(store, keys::SETTINGS, "program_age_seconds").await?;
    Ok(item.map(|i| read_item::<Content<i64>>(&i, "setting")).transpose()?.map_or(60, |c| c.content))
}

/// Sets how long functions may decide by what they have read.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn set_age_seconds(store: &Store, seconds: i64) -> Result<(), StoreError> {
    let item = with_key(state_key(keys::SETTINGS, "program_age_seconds"), &Content { content: seconds }, "setting")?;
    store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    Ok(())
}

/// Publishes a file as the next version of its program, and records it in the history of the program itself. The same
/// content twice in a row is one version, unless it is to take effect at another time. `actor` is who publishes, as far as is known.
///
/// # Errors
/// Every [`PublishError`].
pub async fn publish(
    store: &Store,
    file: &str,
    effective_from: Option<Timestamp>,
    actor: &str,
) -> Result<Published, PublishError> {
    let program = Program::parse(file).map_err(PublishError::Invalid)?;
    let id = program.id.to_string();
    let listed = listed(store, &id).await?;
    let versions = versions(store, &id).await?;
    let wait = wait(age_seconds(store).await?);
    // Nothing is read from here on: what is written now is there before any function decides by it.
    let now = store.clock.now();
    let hash = Version::content_hash(file);
    let last = versions.iter().rev().find(|version| version.withdrawn_at.is_none());
    // The same content at another time is another version: what is asked for is never ignored.
    let as_asked = |last: &&VersionItem| effective_from.is_none_or(|asked| asked == last.effective_from);
    if let Some(last) = last.filter(|v| v.hash == hash).filter(as_asked) {
        return Ok(Published {
            program: id,
            number: last.number,
            hash,
            effective_from: last.effective_from,
            is_new: false,
        });
    }
    let number = versions.last().map_or(1, |v| v.number + 1);
    if let Some(asked) = program.version.filter(|asked| *asked != number) {
        return Err(PublishError::Edited { number: asked, next: number });
    }
    let earliest = match last {
        // From the start of the day: what happened this morning counts.
        None => program.calendar.start_of(program.calendar.day(now)),
        Some(_) => takes_effect(effective_from, now, wait)?,
    };
    let effective_from = effective_from.unwrap_or(earliest);
    let version = Version { number, hash: hash.clone(), effective_from, program: Arc::new(program) };
    let position = listed.map_or(0, |listed| listed.position) + 1;
    let record = publication(Publication { version: &version, position, actor, now }, file);
    if !put(store, &record, listed).await? {
        return Err(PublishError::Raced);
    }
    Ok(Published { program: id, number, hash, effective_from, is_new: true })
}

/// Why a version was not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    /// The program has none of this number.
    #[error("the program has no version {0}")]
    Unknown(u32),
    /// It was withdrawn before.
    #[error("version {number} was withdrawn at {at} already")]
    Already {
        /// Its number.
        number: u32,
        /// When.
        at: Timestamp,
    },
    /// Something may be decided by it already.
    #[error(
        "version {number} takes effect at {from}, and functions may decide by it from then on, whatever is withdrawn after {}; publish another one instead",
        latest.map_or_else(|| "its publication".to_owned(), |latest| latest.to_string())
    )]
    TooLate {
        /// Its number.
        number: u32,
        /// From when it is in force.
        from: Timestamp,
        /// Until when it could have been withdrawn.
        latest: Option<Timestamp>,
    },
    /// The program would have no version.
    #[error("version {0} is the only one of its program; publish another one first")]
    Only(u32),
    /// Somebody else published or withdrew just now.
    #[error("somebody else published or withdrew a version just now; look at it and try again")]
    Raced,
    /// The table's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Withdraws a version before it takes effect, and records that in the history of the program itself. Its number stays taken. Gives
/// the instant from which it would have been in force.
///
/// # Errors
/// Every [`WithdrawError`].
pub async fn withdraw(
    store: &Store,
    program: &ProgramId,
    number: u32,
    actor: &str,
) -> Result<Timestamp, WithdrawError> {
    let listed = listed(store, program).await?;
    let versions = versions(store, program).await?;
    // The write may be on its way for a while, however little functions keep.
    let wait = wait(age_seconds(store).await?).max(SignedDuration::from_secs(WRITE_SECONDS));
    let now = store.clock.now();
    let item = versions.iter().find(|version| version.number == number).ok_or(WithdrawError::Unknown(number))?;
    if let Some(at) = item.withdrawn_at {
        return Err(WithdrawError::Already { number, at });
    }
    if now.saturating_add(wait).unwrap_or(Timestamp::MAX) > item.effective_from {
        let latest = item.effective_from.checked_sub(wait).ok().filter(|latest| *latest > item.published_at);
        return Err(WithdrawError::TooLate { number, from: item.effective_from, latest });
    }
    if !versions.iter().any(|other| other.number != number && other.withdrawn_at.is_none()) {
        return Err(WithdrawError::Only(number));
    }
    let version = parsed(store, item)?;
    let position = listed.map_or(0, |listed| listed.position) + 1;
    let record = withdrawal(Publication { version: &version, position, actor, now });
    let record = record.ok_or(WithdrawError::Unknown(number))?;
    if put(store, &record, listed).await? { Ok(item.effective_from) } else { Err(WithdrawError::Raced) }
}

/// How long the write of a publication may be on its way, in seconds, where functions keep what they have read at all.
const WRITE_SECONDS: i64 = 30;

/// How long after it is published a version takes effect, if it is not the first: by then it is written, and no function can decide
/// any more without having read it.
fn wait(age_seconds: i64) -> SignedDuration {
    let write = if age_seconds > 0 { WRITE_SECONDS } else { 0 };
    SignedDuration::from_secs(2 * age_seconds + write)
}

fn takes_effect(asked: Option<Timestamp>, now: Timestamp, wait: SignedDuration) -> Result<Timestamp, PublishError> {
    let earliest = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    match asked {
        Some(asked) if asked < earliest => Err(PublishError::TooEarly { earliest }),
        Some(_) | None => Ok(earliest),
    }
}

/// A program's place in the list of programs: how many versions it has, and how many records of its own. What is published and
/// withdrawn is so one after the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Listed {
    versions: u32,
    position: u64,
}

async fn listed(store: &Store, program: &str) -> Result<Option<Listed>, StoreError> {
    let item = state::get(store, keys::PROGRAMS, program).await?;
    item.map(|item| read_item(&item, "list of programs")).transpose()
}

/// What a record of a program's own history makes of its versions.
enum Change {
    Published(VersionItem),
    Withdrawn(u32, Timestamp),
}

impl Change {
    fn of(record: &Record) -> Result<Self, StoreError> {
        let (number, at) = (record.decided_by, record.decided_at);
        match record.happened() {
            Some(Kind::ProgramPublished { content_hash: hash, effective_from, file, .. }) => {
                let (file, form) = (file.0, RECORD_FORM);
                let item =
                    VersionItem { number, hash, effective_from, published_at: at, file, form, withdrawn_at: None };
                Ok(Self::Published(item))
            }
            Some(Kind::ProgramWithdrawn { .. }) => Ok(Self::Withdrawn(number, at)),
            _ => Err(StoreError::Unreadable { what: "publication", why: "the record is of something else".to_owned() }),
        }
    }
}

/// The version that a record adds.
fn put_version(store: &Store, program: &str, item: &VersionItem) -> Result<Put, StoreError> {
    let item = with_key(state_key(&keys::program(program), &keys::version(item.number)), item, "program version")?;
    let put = Put::builder().table_name(store.state()).set_item(Some(item));
    put.condition_expression("attribute_not_exists(pk)").build().map_err(built)
}

/// The version that a record takes back.
fn mark_version(store: &Store, program: &str, number: u32, at: Timestamp) -> Result<Update, StoreError> {
    let update = Update::builder().table_name(store.state());
    let update = update.set_key(Some(state_key(&keys::program(program), &keys::version(number))));
    let update =
        update.update_expression("SET withdrawn_at = :at").expression_attribute_values(":at", text(at.to_string()));
    let condition = "attribute_exists(pk) AND attribute_not_exists(withdrawn_at)";
    update.condition_expression(condition).build().map_err(built)
}

/// The program's place in the list after a record.
fn put_listed(store: &Store, record: &Record, before: Option<Listed>, condition: Condition) -> Result<Put, StoreError> {
    let versions = record.decided_by.max(before.map_or(0, |before| before.versions));
    let listed = Listed { versions, position: record.position };
    let item = with_key(state_key(keys::PROGRAMS, &record.identity.program), &listed, "list of programs")?;
    let (condition, names, values) = condition.parts();
    let put = Put::builder().table_name(store.state()).set_item(Some(item)).set_condition_expression(condition);
    put.set_expression_attribute_names(names).set_expression_attribute_values(values).build().map_err(built)
}

/// Writes the state that a program's own history adds up to, where it is another: `records` in their order. How many versions there
/// are. Somebody who publishes meanwhile is neither undone nor moved back.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`] if a record is of something else.
pub async fn restore(store: &Store, program: &ProgramId, records: &[Record]) -> Result<usize, StoreError> {
    let mut items: BTreeMap<u32, VersionItem> = BTreeMap::new();
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
    // Each is written once and whole: one that was withdrawn decides at no time in between.
    let stored = match versions(store, program).await {
        // What does not read is written anew.
        Err(StoreError::Unreadable { .. }) => Vec::new(),
        stored => stored?,
    };
    for item in items.values().filter(|item| !stored.contains(item)) {
        let key = state_key(&keys::program(program), &keys::version(item.number));
        let item = with_key(key, item, "program version")?;
        store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    }
    if let Some(last) = records.last() {
        let versions = items.keys().next_back().copied().unwrap_or_default();
        let listed = Listed { versions, position: last.position };
        let item = with_key(state_key(keys::PROGRAMS, program), &listed, "list of programs")?;
        let put = store.client.put_item().table_name(store.state()).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(#position) OR #position < :position");
        let put = put.expression_attribute_names("#position", keys::POSITION);
        unless_moved(put.expression_attribute_values(":position", number(last.position)).send().await)?;
    }
    lock(&store.programs.read).remove(program.as_str());
    Ok(items.len())
}

/// Writes a record of a program's own history with what it adds up to, after what was read; false if somebody was faster.
async fn put(store: &Store, record: &Record, before: Option<Listed>) -> Result<bool, StoreError> {
    let program = record.identity.program.as_str();
    let action = TransactWriteItem::builder();
    let version = match Change::of(record)? {
        Change::Published(item) => action.put(put_version(store, program, &item)?),
        Change::Withdrawn(number, at) => action.update(mark_version(store, program, number, at)?),
    };
    let unmoved = Condition::Version(keys::POSITION, before.map(|before| before.position));
    let puts = [put_record(store, record)?.0, put_listed(store, record, before, unmoved)?];
    let mut actions: Vec<_> = puts.map(|put| TransactWriteItem::builder().put(put).build()).into();
    actions.push(version.build());
    let sent = store.client.transact_write_items().set_transact_items(Some(actions)).send().await;
    lock(&store.programs.read).remove(program);
    match sent {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
