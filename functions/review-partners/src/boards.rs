//! Leaderboards are counted once a day over all partners, shard by shard (M39).

use domain::decide::{Needs, State};
use domain::tell::{Board, Ranked, open_periods, parts_to_rank, ranked};
use event::ids::PartnerId;
use jiff::Timestamp;
use program::Programs;
use serde::{Deserialize, Serialize};
use store::boards::{BoardOf, Counted};
use store::tables::keys;
use store::{Store, StoreError, boards, due, state};

/// What is counted of one shard, and what came of it so far: it goes along from one invocation to the next, whatever versions say
/// meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    of: BoardOf,
    places: usize,
    pub(crate) shard: u32,
    so_far: Board,
}

/// The counts that today asks for, if they were not begun yet: of each challenge and each of its open periods, every shard.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn to_count(store: &Store, programs: &Programs, now: Timestamp) -> Result<Vec<Count>, StoreError> {
    let program = &programs.current(now).program;
    let today = program.calendar.day(now);
    if program.challenges.is_empty() || boards::day(store, &program.id).await?.is_some_and(|day| day >= today) {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for challenge in program.challenges.values() {
        for period in open_periods(programs, challenge, now) {
            let (of, places) = (BoardOf::of(challenge, period), challenge.places);
            let count = |shard| Count { of: of.clone(), places, shard, so_far: Board::default() };
            all.extend((0..keys::DUE_SHARDS).map(count));
        }
    }
    Ok(all)
}

/// Counts the next partners of one shard; whoever takes part is in the due index, whatever is due and when. Behind the last of them what
/// was counted is kept.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`], [`StoreError::Refused`].
pub(crate) async fn count_on(
    store: &Store,
    programs: &Programs,
    count: &mut Count,
    (after, now): (Option<&str>, Timestamp),
) -> Result<Option<String>, StoreError> {
    let program = &programs.current(now).program;
    let page = due::everybody(store, &program.id, count.shard, after).await?;
    let of = &count.of;
    let rank = |partner| Box::pin(rank(store, programs, partner, of, now));
    let (fours, rest) = page.items.as_chunks::<4>();
    let mut found = Vec::with_capacity(page.items.len());
    for [one, two, three, four] in fours {
        let (one, two, three, four) = tokio::try_join!(rank(one), rank(two), rank(three), rank(four))?;
        found.extend([one, two, three, four]);
    }
    for partner in rest {
        found.push(rank(partner).await?);
    }
    for one in found.into_iter().flatten() {
        count.so_far.add(one, count.places);
    }
    if page.next.is_none() {
        let counted = Counted { as_of: now, board: count.so_far.clone() };
        boards::put(store, &program.id, (&count.of, count.shard), &counted).await?;
    }
    Ok(page.next)
}

/// What a partner brought.
async fn rank(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    of: &BoardOf,
    now: Timestamp,
) -> Result<Option<Ranked>, StoreError> {
    let program = &programs.current(now).program;
    let mut account = State::new(partner.clone());
    *account.account = state::begun(store, &program.id, partner).await?;
    let parts = parts_to_rank(program, &account.account, &[of.period]);
    state::fill(store, &program.id, &Needs { parts, ..Needs::default() }, &mut account).await?;
    Ok(ranked(program, partner, &account.account, (of.metric, &of.motion, of.period))?)
}
