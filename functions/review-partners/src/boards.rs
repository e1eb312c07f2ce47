//! Leaderboards are counted once a day over all partners, shard by shard (M39).

use domain::decide::{Needs, State};
use domain::tell::{Board, Ranked, open_periods, parts_to_rank, ranked};
use event::ids::{Name, PartnerId};
use event::period::TargetPeriod;
use jiff::Timestamp;
use program::{Challenge, Programs};
use serde::{Deserialize, Serialize};
use store::boards::{BoardOf, Counted};
use store::tables::keys;
use store::{Store, StoreError, boards, due, state};

/// What was counted so far of one shard, by period: it goes along from one invocation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SoFar(Vec<(TargetPeriod, Board)>);

/// The counts that today asks for, if they were not begun yet: of each challenge, every shard, with nothing counted so far.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn to_count(
    store: &Store,
    programs: &Programs,
    now: Timestamp,
) -> Result<Vec<(Name, u32, SoFar)>, StoreError> {
    let program = &programs.current(now).program;
    let today = program.calendar.day(now);
    if program.challenges.is_empty() || boards::day(store, &program.id).await?.is_some_and(|day| day >= today) {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for challenge in program.challenges.values() {
        let periods = open_periods(programs, challenge, now);
        let so_far = SoFar(periods.into_iter().map(|period| (period, Board::default())).collect());
        all.extend((0..keys::DUE_SHARDS).map(|shard| (challenge.id.clone(), shard, so_far.clone())));
    }
    Ok(all)
}

/// Counts a page of partners of one shard; whoever takes part is in the due index, whatever is due and when. Behind the last page what
/// was counted is kept.
pub(crate) async fn count_page(
    store: &Store,
    programs: &Programs,
    (shard, challenge): (u32, &Name),
    so_far: &mut SoFar,
    (from, now): (Option<&str>, Timestamp),
) -> Result<Option<String>, StoreError> {
    let program = &programs.current(now).program;
    // A version may have done away with it meanwhile.
    let Some(challenge) = program.challenges.get(challenge) else { return Ok(None) };
    let page = due::everybody(store, &program.id, shard, from).await?;
    let periods: Vec<TargetPeriod> = so_far.0.iter().map(|(period, _)| *period).collect();
    let rank = |partner| Box::pin(rank(store, programs, (partner, challenge), &periods, now));
    let (fours, rest) = page.items.as_chunks::<4>();
    let mut found = Vec::with_capacity(page.items.len());
    for [one, two, three, four] in fours {
        let (one, two, three, four) = tokio::try_join!(rank(one), rank(two), rank(three), rank(four))?;
        found.extend([one, two, three, four]);
    }
    for partner in rest {
        found.push(rank(partner).await?);
    }
    for of_partner in found {
        for ((_, board), one) in so_far.0.iter_mut().zip(of_partner) {
            if let Some(one) = one {
                board.add(one, challenge.places);
            }
        }
    }
    if page.next.is_none() {
        for (period, board) in &so_far.0 {
            let counted = Counted { as_of: now, board: board.clone() };
            boards::put(store, &program.id, (&BoardOf::of(challenge, *period), shard), &counted).await?;
        }
    }
    Ok(page.next)
}

/// What a partner brought in each of the periods.
async fn rank(
    store: &Store,
    programs: &Programs,
    (partner, challenge): (&PartnerId, &Challenge),
    periods: &[TargetPeriod],
    now: Timestamp,
) -> Result<Vec<Option<Ranked>>, StoreError> {
    let program = &programs.current(now).program;
    let mut account = State::new(partner.clone());
    *account.account = state::begun(store, &program.id, partner).await?;
    let parts = parts_to_rank(program, &account.account, periods);
    state::fill(store, &program.id, &Needs { parts, ..Needs::default() }, &mut account).await?;
    let one = |period: &TargetPeriod| ranked(program, partner, &account.account, (challenge, *period));
    Ok(periods.iter().map(one).collect::<Result<_, _>>()?)
}
