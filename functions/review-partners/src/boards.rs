//! Leaderboards are counted now and then over all partners, shard by shard (M39).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::decide::{Needs, State};
use domain::tell::{Board, Ranked, open_periods, parts_to_rank, ranked};
use event::MeaningHash;
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
    /// Who was counted: the index moves under who goes through it.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    seen: Seen,
    /// How often all of them were gone through, and whether somebody was new this time.
    #[serde(default)]
    passes: (u8, bool),
}

/// Partners by a hash of each, so that they go along in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Seen(BTreeSet<[u8; 6]>);

/// So many are remembered: a message holds no more. Of more partners one may be counted twice on a day.
const SEEN_MAX: usize = 20_000;

impl Seen {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a partner is new.
    fn add(&mut self, partner: &PartnerId) -> bool {
        let Some(hash) = MeaningHash::of(partner).bytes().first_chunk::<6>().copied() else { return true };
        !self.0.contains(&hash) && (self.0.len() >= SEEN_MAX || self.0.insert(hash))
    }
}

impl From<Seen> for String {
    fn from(Seen(all): Seen) -> Self {
        STANDARD_NO_PAD.encode(all.into_iter().flatten().collect::<Vec<u8>>())
    }
}

impl TryFrom<String> for Seen {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD_NO_PAD.decode(text)?;
        Ok(Self(bytes.as_chunks::<6>().0.iter().copied().collect()))
    }
}

/// So often at most all partners are gone through, until nobody is new.
const PASSES_MAX: u8 = 3;

/// Partners that are few.
const FEW: usize = 500;

/// How long a count stands: of few partners it costs little, of many it is made once a day.
fn stands_for(partners: usize) -> SignedDuration {
    if partners <= FEW { SignedDuration::from_hours(6) } else { SignedDuration::from_hours(24) }
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
            let count = |shard| Count {
                of: of.clone(),
                places,
                shard,
                so_far: Board::default(),
                seen: Seen::default(),
                passes: (0, false),
            };
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
    let (pass, _) = count.passes;
    let page = due::everybody(store, &program.id, (count.shard, pass > 0), after).await?;
    let new: Vec<PartnerId> = page.items.into_iter().filter(|partner| count.seen.add(partner)).collect();
    count.passes.1 |= !new.is_empty();
    let of = &count.of;
    let rank = |partner| Box::pin(rank(store, programs, partner, of, now));
    let (fours, rest) = new.as_chunks::<4>();
    let mut found = Vec::with_capacity(new.len());
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
    if page.next.is_some() {
        return Ok(page.next);
    }
    let (pass, any) = count.passes;
    if any && pass + 1 < PASSES_MAX {
        // Whoever moved to where others had been gone through is found now.
        count.passes = (pass + 1, false);
        return Ok(Some(FROM_THE_START.to_owned()));
    }
    let counted = Counted { as_of: now, board: count.so_far.clone() };
    boards::put(store, &program.id, (&count.of, count.shard), &counted).await?;
    Ok(None)
}

/// A place in the index that is none: it begins anew.
const FROM_THE_START: &str = "";

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
