//! What an audit reads: a history in its order, an account as it is stored, and what the records add up to.

use std::time::Duration;

use domain::decide::{Needs, State};
use domain::ledger::{Account, Head, Record};
use domain::redemption::Redemption;
use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::{Store, StoreError, history, redemptions, state};

/// Most records of one page of a history.
const PAGE: usize = 1_000;

/// How often a partner that is written to, or whose history lags behind its head, is read again.
const TRIES_MAX: u32 = 20;

/// Pause before that.
const PAUSE: Duration = Duration::from_millis(500);

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
        let audited = audit_from(store, program, partner, &head, now).await?;
        let still = state::head(store, program, partner).await?.unwrap_or_default().position == head.position;
        // The index by position may lag behind the head; what is missing after the last try is a finding.
        let whole = audited.records.len() as u64 >= head.position || attempt + 1 == TRIES_MAX;
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
    head: &Head,
    now: Timestamp,
) -> Result<Audited, StoreError> {
    let records = whole_history(store, program, partner).await?;
    let rebuilt = domain::audit::rebuild(&records, TimeZone::UTC.to_datetime(now).date());
    let mut state = State::new(partner.clone());
    state.account.head = head.clone();
    let mut needs = Needs::default();
    if let Ok(rebuilt) = &rebuilt {
        needs.years = rebuilt.measures.keys().copied().collect();
        needs.frequency = rebuilt.frequency.keys().cloned().collect();
    }
    state::fill(store, program, &needs, &mut state).await?;
    let mut redemptions = Vec::new();
    let mut before = None;
    loop {
        let page = redemptions::page(store, program, partner, before.as_deref(), 100).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.id.clone());
        redemptions.extend(page);
    }
    Ok(Audited { records, stored: state.account, rebuilt, redemptions })
}

pub(crate) async fn whole_history(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
) -> Result<Vec<Record>, StoreError> {
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
