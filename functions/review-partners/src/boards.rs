//! Leaderboards are counted now and then over all partners, shard by shard (M39).

use domain::decide::{Needs, State};
use domain::tell::{Board, Ranked, open_periods, parts_to_rank, ranked};
use event::ids::PartnerId;
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use serde::{Deserialize, Serialize};
use store::boards::{Begun, BoardOf, Counted};
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

/// How long a count stands: of few partners it costs little, of many it is made once a day.
fn stands_for(partners: usize) -> SignedDuration {
    match partners {
        0..=1_000 => SignedDuration::from_mins(10),
        1_001..=3_000 => SignedDuration::from_hours(2),
        _ => SignedDuration::from_hours(24),
    }
}

/// The counts that are due, and what is noted once they are sent: of each challenge and each of its open periods, every shard. `None`
/// where what was counted stands still, or nobody is there to be counted.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn to_count(
    store: &Store,
    programs: &Programs,
    now: Timestamp,
) -> Result<Option<(Vec<Count>, Begun)>, StoreError> {
    let current = programs.current(now);
    let program = &current.program;
    if program.challenges.is_empty() {
        return Ok(None);
    }
    let before = boards::begun(store, &program.id).await?;
    let day = |at| program.calendar.day(at);
    let stands = |begun: &Begun| {
        let lately = now.duration_since(begun.at) < stands_for(begun.partners);
        lately && begun.version == current.number && day(begun.at) == day(now)
    };
    if before.is_some_and(|begun| stands(&begun)) {
        return Ok(None);
    }
    let partners = due::how_many(store, &program.id).await?;
    if partners == 0 {
        return Ok(None);
    }
    let mut all = Vec::new();
    for challenge in program.challenges.values() {
        for period in open_periods(programs, challenge, now) {
            let (of, places) = (BoardOf::of(challenge, period), challenge.places);
            let count = |shard| Count { of: of.clone(), places, shard, so_far: Board::default() };
            all.extend((0..keys::DUE_SHARDS).map(count));
        }
    }
    Ok(Some((all, Begun { at: now, partners, version: current.number })))
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
