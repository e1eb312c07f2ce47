//! What an audit reads: a history in its order, an account as it is stored, and what the records add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::audit::Shared;
use domain::deal::{Deal, Opportunity};
use domain::decide::{Named, State};
use domain::ledger::{Account, PoolBalance, PoolPart, Record, packed};
use domain::redemption::Redemption;
use event::ids::{DealId, OpportunityId, PartnerId, ProgramId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use store::tables::keys;
use store::{Store, StoreError, history, redemptions, state};

/// Most records of one page of a history.
const PAGE: usize = 1_000;

/// How often a partner that is written to, or whose history lags behind its head, is read again.
const TRIES_MAX: u32 = 20;

/// Pause before that.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the index by position may lag behind a head.
const LAG_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Deals or opportunities read at once.
const SHARED_AT_ONCE: usize = 100;

/// A partner's account as it is stored, and as its records add up.
#[derive(Debug)]
pub struct Audited {
    /// The records, by position.
    pub records: Vec<Record>,
    /// What is stored.
    pub stored: Account,
    /// What the records add up to, or why they do not.
    pub rebuilt: Result<Account, String>,
    /// The redemptions as they are stored.
    pub redemptions: Vec<Redemption>,
    /// Sort keys of what is stored of the account and stands in no record.
    pub stray: Vec<String>,
}

impl Audited {
    /// What is stored and stands in no record, as findings (I10).
    pub fn strays(&self) -> impl Iterator<Item = String> + '_ {
        self.stray.iter().map(|sort_key| format!("I10: `{sort_key}` is stored and stands in no record"))
    }
}

/// One partner's records, its stored account, and what the records add up to, all of one moment: where the partner is
/// written to meanwhile, they are read again.
///
/// # Errors
/// [`StoreError::Contention`] if it never stands still; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn partner(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    now: Timestamp,
) -> Result<Audited, StoreError> {
    for attempt in 0..TRIES_MAX {
        let head = state::head(store, program, partner).await?.unwrap_or_default();
        let audited = audit_from(store, program, partner, now).await?;
        let still = state::head(store, program, partner).await?.unwrap_or_default().position == head.position;
        // The index by position may lag behind the head, a while; what is missing then is a finding.
        let lags = head.as_of.is_none_or(|as_of| now.duration_since(as_of) < LAG_MAX);
        let whole = audited.records.len() as u64 >= head.position || !lags || attempt + 1 == TRIES_MAX;
        if still && whole {
            return Ok(audited);
        }
        store.clock().sleep(PAUSE).await;
    }
    Err(StoreError::Contention)
}

/// What is read after the head: as old as the head, or the head has moved.
async fn audit_from(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    now: Timestamp,
) -> Result<Audited, StoreError> {
    let records = whole_history(store, program, partner).await?;
    let rebuilt = domain::audit::rebuild(&records, TimeZone::UTC.to_datetime(now).date());
    let (stored, mut sort_keys) = state::whole(store, program, partner).await?;
    if let Ok(rebuilt) = &rebuilt {
        for part in packed::parts(rebuilt).keys() {
            sort_keys.remove(&keys::part(part));
        }
    } else {
        sort_keys.clear();
    }
    let stray = sort_keys.into_iter().collect();
    let redemptions = redemptions::all(store, program, partner).await?;
    Ok(Audited { records, stored, rebuilt, redemptions, stray })
}

/// Whether a record bears on what partners share.
pub fn names_what_is_shared(record: &Record) -> bool {
    let (deal, opportunity) = (record.relied_on.deal, record.relied_on.opportunity);
    deal.is_some() || opportunity.is_some() || record.pools().next().is_some()
}

/// What is stored of deals, opportunities and pools; `None` where there is nothing.
#[derive(Clone, Debug, Default)]
pub struct StoredShared {
    /// Deals.
    pub deals: BTreeMap<DealId, Option<Deal>>,
    /// Opportunities.
    pub opportunities: BTreeMap<OpportunityId, Option<Opportunity>>,
    /// Sub-balances of pools.
    pub pools: BTreeMap<PoolPart, PoolBalance>,
}

impl StoredShared {
    /// What is stored otherwise than records add up to (I26). What was written since they were read is no finding.
    pub fn differs_from(&self, rebuilt: &Shared) -> Vec<String> {
        let mut found = Vec::new();
        let differs = |what: &str, id: &str, stored: Option<u64>, adds_up_to: u64| {
            let stored = stored.map_or("not stored".to_owned(), |version| format!("stored at version {version}"));
            format!("I26: {what} {id} is {stored}, and not as its records add up to version {adds_up_to}")
        };
        for (id, deal) in &rebuilt.deals {
            let stored = self.deals.get(id).and_then(Option::as_ref);
            if stored.is_none_or(|stored| stored.version <= deal.version && stored != deal) {
                found.push(differs("deal", id, stored.map(|stored| stored.version), deal.version));
            }
        }
        for (id, one) in &rebuilt.opportunities {
            let stored = self.opportunities.get(id).and_then(Option::as_ref);
            if stored.is_none_or(|stored| stored.version <= one.version && stored != one) {
                found.push(differs("opportunity", id, stored.map(|stored| stored.version), one.version));
            }
        }
        for (part, pool) in &rebuilt.pools {
            let stored = self.pools.get(part).copied().unwrap_or_default();
            if stored.moves <= pool.moves && stored != *pool {
                let told = |pool: &PoolBalance| {
                    format!("{} left and {} drawn", part.pool.told(pool.left), part.pool.told(pool.drawn))
                };
                let (stored, adds_up_to) = (told(&stored), told(pool));
                found.push(format!("I26: pool {part} is stored with {stored}, and its records add up to {adds_up_to}"));
            }
        }
        found
    }
}

/// What of the deals and opportunities that `records` name does not hold, as far as their ids are asked for: records decided from one
/// version (I25), and what is stored otherwise than they add up to (I26).
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn shared(
    store: &Store,
    program: &ProgramId,
    records: &[Record],
    asked: impl Fn(&str) -> bool,
) -> Result<Vec<String>, StoreError> {
    let (rebuilt, mut found) = domain::audit::rebuild_shared_of(records, asked);
    found.extend(stored_of(store, program, records).await?.differs_from(&rebuilt));
    Ok(found)
}

/// What is stored of the deals and opportunities that records name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn stored_of(store: &Store, program: &ProgramId, records: &[Record]) -> Result<StoredShared, StoreError> {
    let (mut deals, mut opportunities) = (BTreeSet::new(), BTreeSet::new());
    for record in records.iter().filter(|record| names_what_is_shared(record)) {
        let Some(kind) = record.happened() else { continue };
        deals.extend(kind.deal_id().cloned());
        opportunities.extend(Opportunity::named_by(record, &kind).cloned());
    }
    let pools: BTreeSet<PoolPart> =
        records.iter().flat_map(|record| record.pools()).map(|(part, ..)| part.clone()).collect();
    let (deals, opportunities): (Vec<_>, Vec<_>) = (deals.into_iter().collect(), opportunities.into_iter().collect());
    let named =
        deals.chunks(SHARED_AT_ONCE).map(|ids| Named { deals: ids.iter().cloned().collect(), ..Named::default() });
    let more = opportunities
        .chunks(SHARED_AT_ONCE)
        .map(|ids| Named { opportunities: ids.iter().cloned().collect(), ..Named::default() });
    let pools = state::pools(store, program, pools).await?;
    let mut all = StoredShared { pools, ..StoredShared::default() };
    for named in named.chain(more) {
        let mut stored = State::new(PartnerId::program());
        state::fill_named(store, program, &named, &mut stored).await?;
        all.deals.extend(stored.deals);
        all.opportunities.extend(stored.opportunities);
    }
    Ok(all)
}

/// Deals, opportunities and pools as they are stored, beside what their records add up to, some at a time.
pub(crate) async fn stored_beside(
    store: &Store,
    program: &ProgramId,
    rebuilt: Shared,
) -> Result<Vec<(State, Shared)>, StoreError> {
    let (deals, opportunities): (Vec<_>, Vec<_>) =
        (rebuilt.deals.into_iter().collect(), rebuilt.opportunities.into_iter().collect());
    let pools: Vec<_> = rebuilt.pools.into_iter().collect();
    let deals = deals
        .chunks(SHARED_AT_ONCE)
        .map(|chunk| Shared { deals: chunk.iter().cloned().collect(), ..Shared::default() });
    let opportunities = opportunities
        .chunks(SHARED_AT_ONCE)
        .map(|chunk| Shared { opportunities: chunk.iter().cloned().collect(), ..Shared::default() });
    let pools = pools
        .chunks(SHARED_AT_ONCE)
        .map(|chunk| Shared { pools: chunk.iter().cloned().collect(), ..Shared::default() });
    let mut beside = Vec::new();
    for rebuilt in deals.chain(opportunities).chain(pools) {
        let mut stored = State::new(PartnerId::program());
        let named = Named {
            deals: rebuilt.deals.keys().cloned().collect(),
            opportunities: rebuilt.opportunities.keys().cloned().collect(),
            ..Named::default()
        };
        state::fill_named(store, program, &named, &mut stored).await?;
        stored.pools.read = state::pools(store, program, rebuilt.pools.keys().cloned()).await?;
        beside.push((stored, rebuilt));
    }
    Ok(beside)
}

/// Every record of a partner, or of the program itself, by position.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn whole_history(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    let mut before = None;
    loop {
        let page = history::page(store, program, partner, before, PAGE).await?;
        records.extend(page.items);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    records.reverse();
    Ok(records)
}
