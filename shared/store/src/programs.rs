//! Program versions: immutable items, read with a bounded age, parsed once.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::decide::{Publication, publication};
use domain::ledger::{RECORD_FORM, Record};
use event::Kind;
use event::ids::ProgramId;
use jiff::{SignedDuration, Timestamp};
use program::{Diagnostic, Program, Programs, Version};
use serde::{Deserialize, Serialize};

use crate::cache::lock;
use crate::error::unless_moved;
use crate::tables::items::{Content, Item, read as read_item, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::put_record;
use crate::{Store, StoreError, state};

/// A version as it stands in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct VersionItem {
    number: u32,
    hash: String,
    effective_from: Timestamp,
    published_at: Timestamp,
    file: String,
    /// The form of the records that are decided by it.
    #[serde(default = "first_form")]
    form: u16,
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
    let programs = Programs::new(versions);
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
    let age_max = store.settings.program_age_max.max(MOMENT);
    match cached.filter(|(read, _)| is_fresh(now, *read, age_max)) {
        Some((_, programs)) => Ok(programs),
        None => Ok(read(store, id).await?.unwrap_or_else(|| given.clone())),
    }
}

/// What was read so lately is not read again for the next step.
const MOMENT: Duration = Duration::from_secs(1);

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
    let versions = versions(store, &id).await?;
    let wait = wait(age_seconds(store).await?);
    // Nothing is read from here on: what is written now is there before any function decides by it.
    let now = store.clock.now();
    let hash = Version::content_hash(file);
    let last = versions.last();
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
    let number = last.map_or(1, |v| v.number + 1);
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
    put_version(store, &publication(Publication { version: &version, file, actor, now })).await?;
    lock(&store.programs.read).remove(&id);
    Ok(Published { program: id, number, hash, effective_from, is_new: true })
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

impl VersionItem {
    /// The version that a record says was published; `None` if the record is of something else.
    fn of(record: &Record) -> Option<Self> {
        let Some(Kind::ProgramPublished { content_hash: hash, effective_from, file, .. }) = record.happened() else {
            return None;
        };
        let (number, published_at) = (record.decided_by, record.decided_at);
        Some(Self { number, hash, effective_from, published_at, file: file.0, form: RECORD_FORM })
    }
}

/// The state that the record of a publication adds up to: the version, and the program's place in the list.
fn puts(store: &Store, record: &Record) -> Result<[Put; 2], StoreError> {
    let id = record.identity.program.as_str();
    let not_one = || StoreError::Unreadable { what: "publication", why: "the record is of something else".to_owned() };
    let item = VersionItem::of(record).ok_or_else(not_one)?;
    let version = with_key(state_key(&keys::program(id), &keys::version(item.number)), &item, "program version")?;
    let listed = with_key(state_key(keys::PROGRAMS, id), &Content { content: item.number }, "list of programs")?;
    let put = |item| Put::builder().table_name(store.state()).set_item(Some(item));
    let version = put(version).condition_expression("attribute_not_exists(pk)");
    Ok([version.build().map_err(built)?, put(listed).build().map_err(built)?])
}

/// Writes the state that the record of a publication adds up to, where it is missing: the version, and the program's place in
/// the list, each for itself.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`] if the record is of something else.
pub async fn restore(store: &Store, record: &Record) -> Result<(), StoreError> {
    for put in puts(store, record)? {
        let put_item = store.client.put_item().table_name(put.table_name()).set_item(Some(put.item().clone()));
        unless_moved(put_item.set_condition_expression(put.condition_expression().map(str::to_owned)).send().await)?;
    }
    lock(&store.programs.read).remove(record.identity.program.as_str());
    Ok(())
}

async fn put_version(store: &Store, record: &Record) -> Result<(), PublishError> {
    let [version, listed] = puts(store, record)?;
    let puts = [put_record(store, record)?.0, version, listed];
    let actions = puts.map(|put| TransactWriteItem::builder().put(put).build());
    match store.client.transact_write_items().set_transact_items(Some(actions.into())).send().await {
        Ok(_) => Ok(()),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => {
            Err(PublishError::Raced)
        }
        Err(error) => Err(PublishError::Store(error.into())),
    }
}
