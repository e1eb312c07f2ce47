//! Leaderboards (M39): counted now and then over all partners, each shard of them in an item of its own, and put together by who reads.

use domain::tell::Board;
use event::ids::{Motion, ProgramId};
use event::period::TargetPeriod;
use jiff::{SignedDuration, Timestamp};
use program::{Challenge, Measure};
use serde::{Deserialize, Serialize};

use crate::state::get;
use crate::tables::items::{Content, number, read, state_key, text, with_key};
use crate::tables::keys;
use crate::{Store, StoreError};

/// What a leaderboard is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardOf {
    /// What is measured.
    pub metric: Measure,
    /// In which motion.
    pub motion: Motion,
    /// In which period.
    pub period: TargetPeriod,
}

impl BoardOf {
    /// A challenge in a period.
    pub fn of(challenge: &Challenge, period: TargetPeriod) -> Self {
        Self { metric: challenge.metric, motion: challenge.motion.clone(), period }
    }

    fn shards(&self) -> String {
        keys::board_shards([self.metric.word(), &self.motion, &self.period.to_string()])
    }
}

/// One shard of a leaderboard, as it was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counted {
    /// When.
    pub as_of: Timestamp,
    /// What came of it.
    pub board: Board,
}

/// A leaderboard is kept for so long after it was counted last.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 800);

/// Keeps a shard of a leaderboard.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`], [`StoreError::Unreadable`].
pub async fn put(
    store: &Store,
    program: &ProgramId,
    (of, shard): (&BoardOf, u32),
    counted: &Counted,
) -> Result<(), StoreError> {
    // One text: nobody looks inside of it but who reads all of it.
    let content = Content { content: serde_json::to_string(counted).map_err(unreadable)? };
    let key = state_key(&keys::boards(program), &format!("{}{shard}", of.shards()));
    let mut item = with_key(key, &content, "leaderboard")?;
    let until = counted.as_of.saturating_add(KEPT).unwrap_or(counted.as_of);
    item.insert(keys::EXPIRES_AT.to_owned(), number(until.as_second()));
    store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    Ok(())
}

/// A leaderboard, put together of its shards: as of the oldest of them, and the places that are listed. `None` where it was never counted.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn board(
    store: &Store,
    program: &ProgramId,
    of: &BoardOf,
    places: usize,
) -> Result<Option<Counted>, StoreError> {
    let mut pages = store
        .client
        .query()
        .table_name(store.state())
        .key_condition_expression("pk = :pk AND begins_with(sk, :board)")
        .expression_attribute_values(":pk", text(keys::boards(program)))
        .expression_attribute_values(":board", text(of.shards()))
        .into_paginator()
        .items()
        .send();
    let mut whole: Option<Counted> = None;
    while let Some(item) = pages.next().await {
        let content: Content<String> = read(&item?, "leaderboard")?;
        let part: Counted = serde_json::from_str(&content.content).map_err(unreadable)?;
        let so_far = whole.get_or_insert_with(|| Counted { as_of: part.as_of, board: Board::default() });
        so_far.as_of = so_far.as_of.min(part.as_of);
        so_far.board.merge(part.board, places);
    }
    Ok(whole)
}

/// When leaderboards were counted last, of how many partners, and by which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// When that began.
    pub at: Timestamp,
    /// Of how many partners, as far as that was counted.
    pub partners: usize,
    /// The number of the version.
    pub version: u32,
}

/// When leaderboards were counted last, if they were.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn begun(store: &Store, program: &ProgramId) -> Result<Option<Begun>, StoreError> {
    let item = get(store, &keys::boards(program), keys::BEGUN).await?;
    Ok(item.map(|item| read::<Content<Begun>>(&item, "counting")).transpose()?.map(|begun| begun.content))
}

/// Notes that they are counted.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`], [`StoreError::Unreadable`].
pub async fn begin(store: &Store, program: &ProgramId, begun: Begun) -> Result<(), StoreError> {
    let item = with_key(state_key(&keys::boards(program), keys::BEGUN), &Content { content: begun }, "counting")?;
    store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    Ok(())
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Unreadable { what: "leaderboard", why: error.to_string() }
}
