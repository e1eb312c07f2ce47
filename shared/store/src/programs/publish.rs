//! Publishing a version, and withdrawing one before it takes effect.

use std::sync::Arc;

use domain::decide::{By, Publication, publication, withdrawal};
use event::ids::ProgramId;
use jiff::{SignedDuration, Timestamp};
use program::{Diagnostic, Program, Version, breaks};

use super::history::{own_history, put};
use super::read::{StoredVersion, age_seconds, parsed, versions};
use crate::{Store, StoreError};

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

/// Publishes a file as the next version of its program, and records it in the history of the program itself. The same
/// content twice in a row is one version, unless it is to take effect at another time.
///
/// # Errors
/// Every [`PublishError`].
pub async fn publish(
    store: &Store,
    file: &str,
    effective_from: Option<Timestamp>,
    by: impl Into<By<'_>>,
) -> Result<Published, PublishError> {
    let by = by.into();
    let program = Program::to_publish(file).map_err(PublishError::Invalid)?;
    let id = program.id.to_string();
    let before = own_history(store, &program.id).await?;
    let versions = versions(store, &id).await?;
    let wait = wait(age_seconds(store).await?);
    // Nothing is read from here on: what is written now is there before any function decides by it.
    let now = store.clock.now();
    let hash = Version::content_hash(file);
    let last = versions.iter().rev().find(|version| version.withdrawn_at.is_none());
    // The same content at another time is another version: what is asked for is never ignored.
    let as_asked = |last: &&StoredVersion| effective_from.is_none_or(|asked| asked == last.effective_from);
    if let Some(last) = last.filter(|v| v.hash == hash).filter(as_asked) {
        return Ok(Published {
            program: id,
            number: last.number,
            hash,
            effective_from: last.effective_from,
            is_new: false,
        });
    }
    if let Some(last) = last {
        let broken = breaks(&parsed(store, last)?.program, &program, file);
        if !broken.is_empty() {
            return Err(PublishError::Invalid(broken));
        }
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
    let record = publication(Publication { version: &version, head: &before.head, by, now }, file);
    if !put(store, &record, before).await? {
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
    by: impl Into<By<'_>>,
) -> Result<Timestamp, WithdrawError> {
    let by = by.into();
    let before = own_history(store, program).await?;
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
    let record = withdrawal(Publication { version: &version, head: &before.head, by, now });
    let record = record.ok_or(WithdrawError::Unknown(number))?;
    if put(store, &record, before).await? { Ok(item.effective_from) } else { Err(WithdrawError::Raced) }
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
