//! Program versions: immutable items, read with a bounded age, parsed once.

use std::sync::Arc;
use std::time::Duration;

use domain::ledger::RECORD_FORM;
use event::ids::ProgramId;
use event::planted;
use jiff::Timestamp;
use program::{Program, Programs, Version};
use serde::{Deserialize, Serialize};

use crate::cache::lock;
use crate::tables::items::{Content, Item, read as read_item, state_key, text, with_key};
use crate::tables::keys;
use crate::{Store, StoreError, state};

/// A version as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVersion {
    /// Its number.
    pub number: u32,
    /// SHA-256 of the file, in hex.
    pub hash: String,
    /// From when it is in force.
    pub effective_from: Timestamp,
    /// When it was published.
    pub published_at: Timestamp,
    /// The file.
    pub file: String,
    /// The form of the records that are decided by it.
    #[serde(default = "first_form")]
    pub form: u16,
    /// When it was withdrawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

/// Versions that do not say so are of the first form.
fn first_form() -> u16 {
    1
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
    let programs = standing(versions, &items);
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

/// Those of a program's versions that were not withdrawn; `None` if there are none.
fn standing(versions: Vec<Version>, items: &[StoredVersion]) -> Option<Programs> {
    let withdrawn = items.iter().filter(|item| item.withdrawn_at.is_some() && !planted("a withdrawn version decides"));
    withdrawn.fold(Programs::new(versions), |programs, item| programs?.without(item.number))
}

/// The programs that stored versions make; `None` if there are none.
///
/// # Errors
/// [`StoreError::Unreadable`]: one is not what was published.
pub fn of(items: &[StoredVersion]) -> Result<Option<Programs>, StoreError> {
    let versions = items.iter().map(|item| {
        let program = Arc::new(read_file(item)?);
        Ok(Version { number: item.number, hash: item.hash.clone(), effective_from: item.effective_from, program })
    });
    Ok(standing(versions.collect::<Result<Vec<_>, StoreError>>()?, items))
}

/// Every version of a program, as it is stored.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`], [`StoreError::OtherForm`].
pub async fn stored(store: &Store, id: &ProgramId) -> Result<Vec<StoredVersion>, StoreError> {
    versions(store, id.as_str()).await
}

pub(super) fn parsed(store: &Store, item: &StoredVersion) -> Result<Version, StoreError> {
    let known = lock(&store.programs.parsed).get(&item.hash).cloned();
    let program = match known {
        Some(program) => program,
        None => {
            let parsed = Arc::new(read_file(item)?);
            lock(&store.programs.parsed).insert(item.hash.clone(), parsed.clone());
            parsed
        }
    };
    Ok(Version { number: item.number, hash: item.hash.clone(), effective_from: item.effective_from, program })
}

/// The program that a version's file is.
fn read_file(item: &StoredVersion) -> Result<Program, StoreError> {
    let unreadable = |why| StoreError::Unreadable { what: "program version", why };
    if Version::content_hash(&item.file) != item.hash {
        return Err(unreadable(format!("version {} is not what was published", item.number)));
    }
    Program::published(&item.file).map_err(unreadable)
}

pub(super) async fn versions(store: &Store, program: &str) -> Result<Vec<StoredVersion>, StoreError> {
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
        let item: StoredVersion = read_item(&item?, "program version")?;
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
