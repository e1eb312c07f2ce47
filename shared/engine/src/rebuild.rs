//! Rebuilding the state from the ledger alone: program versions, accounts, redemptions, deals, opportunities and pools.
//!
//! What it does not touch, because no record holds it: keys, cards and stock, pseudonyms, recipients, events that wait.

use domain::audit::{Shared, check_account, rebuild_redemptions, rebuild_shared};
use domain::decide::State;
use domain::ledger::{Account, Record};
use event::ids::{PartnerId, ProgramId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::{Store, StoreError, redemptions, state, write};

use crate::audit::{Audited, partner as audit, stored_beside, whole_history};

/// What a rebuild found and wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Program versions in the ledger.
    pub versions: usize,
    /// Partners with a history.
    pub partners: usize,
    /// Their records.
    pub records: usize,
    /// Redemptions.
    pub redemptions: usize,
    /// Deals.
    pub deals: usize,
    /// Opportunities.
    pub opportunities: usize,
    /// Sub-balances of pools.
    pub pools: usize,
    /// Events that records sent and that are still to be judged.
    pub sent: usize,
    /// Accounts that were not as their records add up, and are now.
    pub written: usize,
    /// What does not add up: nothing of it was written.
    pub findings: Vec<String>,
}

/// Writes everything of one program that its records add up to and that is not so yet. Nobody else may write meanwhile: where
/// somebody does, it says so and can be run again. `progress` is told how many partners are done.
///
/// # Errors
/// [`StoreError::Contention`] if somebody wrote meanwhile; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn program(
    store: &Store,
    program: &ProgramId,
    partners: &[PartnerId],
    mut progress: impl FnMut(usize),
) -> Result<Rebuilt, StoreError> {
    let mut done = Rebuilt::default();
    let publications = whole_history(store, program, &PartnerId::program()).await?;
    done.versions = store::programs::restore(store, program, &publications).await?;
    // A program's history has a head as a partner's has, and no account beside it.
    let mut own = Rebuilt::default();
    let mut shared = account(store, program, &PartnerId::program(), &mut own).await?;
    shared.retain(crate::audit::names_what_is_shared);
    done.written += own.written;
    done.findings.extend(own.findings);
    for (at, partner) in partners.iter().filter(|partner| !partner.is_internal()).enumerate() {
        let records = account(store, program, partner, &mut done).await?;
        shared.extend(records.into_iter().filter(crate::audit::names_what_is_shared));
        progress(at + 1);
    }
    let (shared, found) = rebuild_shared(&shared);
    done.findings.extend(found);
    let mut shared = shared;
    for part in state::pool_parts(store, program).await? {
        // What no record moved holds nothing.
        shared.pools.entry(part).or_default();
    }
    put_shared(store, program, shared, &mut done).await?;
    Ok(done)
}

/// One partner's account and redemptions; the records they are made of.
async fn account(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    done: &mut Rebuilt,
) -> Result<Vec<Record>, StoreError> {
    let now = store.clock().now();
    let audited = match audit(store, program, partner, now).await {
        // What does not read is written anew, unless it is a record.
        Err(StoreError::Unreadable { .. }) => unread(store, program, partner).await,
        audited => audited,
    };
    let Audited { records, stored, rebuilt, redemptions, stray } = match audited {
        Err(error @ StoreError::Unreadable { .. }) => {
            done.findings.push(format!("{partner}: {error}"));
            return Ok(Vec::new());
        }
        audited => audited?,
    };
    done.partners += 1;
    done.records += records.len();
    let rebuilt = match rebuilt {
        Ok(rebuilt) => rebuilt,
        Err(what) => {
            done.findings.push(format!("{partner}: {what}"));
            return Ok(records);
        }
    };
    let mut before = State::of(partner.clone(), Box::new(stored));
    before.redemptions = redemptions.into_iter().map(|redemption| (redemption.id.clone(), redemption)).collect();
    let mut after = State::of(partner.clone(), Box::new(rebuilt));
    let (redemptions, found) = rebuild_redemptions(&records);
    done.findings.extend(found.into_iter().map(|what| format!("{partner}: {what}")));
    done.redemptions += redemptions.len();
    after.redemptions = redemptions.into_iter().collect();
    for (id, redemption) in &mut after.redemptions {
        // Who it is for is in no record: where it is still there, it stays.
        redemption.recipient = before.redemptions.get(id).and_then(|stored| stored.recipient.clone());
    }
    let differs = !check_account(&before.account, &after.account).is_empty();
    if differs || before.redemptions != after.redemptions {
        let due_on = due_on(store, program, &records, &after.account).await?;
        write::send_account(store, program, (&before, &after), due_on).await?;
    }
    write::empty(store, program, partner, &stray).await?;
    done.written += usize::from(differs || before.redemptions != after.redemptions || !stray.is_empty());
    for record in &records {
        done.sent += store::outbox::restore(store, record).await?;
    }
    // Whoever has no name here any more is nobody: what was said of them compares as equal to whatever comes (I4).
    let named = records.iter().filter_map(|record| record.happened()).flat_map(|kind| kind.persons()).collect();
    store::persons::note_unnamed(store, program, partner, named).await?;
    Ok(records)
}

/// A partner's records, beside an account that is stored and does not read: of which only the version is known.
async fn unread(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Audited, StoreError> {
    let records = whole_history(store, program, partner).await?;
    let today = TimeZone::UTC.to_datetime(store.clock().now()).date();
    let mut stored = Account::default();
    stored.head.position = state::position(store, program, partner).await?;
    let redemptions = redemptions::all(store, program, partner).await?;
    Ok(Audited { rebuilt: domain::audit::rebuild(&records, today), records, stored, redemptions, stray: Vec::new() })
}

/// The day that the last decision set, by the version that decided it.
async fn due_on(
    store: &Store,
    program: &ProgramId,
    records: &[Record],
    account: &Account,
) -> Result<Option<Date>, StoreError> {
    let programs = store::programs::read(store, program).await?;
    let due = |record: &Record| {
        let programs = programs.as_ref()?;
        Some(domain::decide::due_on(programs, programs.number(record.decided_by)?, account, record.on))
    };
    Ok(records.last().and_then(due).unwrap_or_else(|| account.due()))
}

/// Writes what is older than its records add up to. What is newer was written since they were read: it stays.
async fn put_shared(store: &Store, program: &ProgramId, shared: Shared, done: &mut Rebuilt) -> Result<(), StoreError> {
    (done.deals, done.opportunities) = (shared.deals.len(), shared.opportunities.len());
    done.pools = shared.pools.len();
    for (before, rebuilt) in stored_beside(store, program, shared).await? {
        let mut after = State::new(PartnerId::program());
        for (id, deal) in rebuilt.deals {
            let newer = before.deals.get(&id).and_then(Option::as_ref).filter(|stored| stored.version > deal.version);
            if newer.is_some() {
                done.findings.push(format!("deal {id} was written meanwhile; it stays as it is"));
            } else {
                after.deals.insert(id, Some(deal));
            }
        }
        for (part, pool) in rebuilt.pools {
            let stored = before.pools.read.get(&part).copied().unwrap_or_default();
            if stored.moves > pool.moves && pool.moves > 0 {
                done.findings.push(format!("pool {part} was written meanwhile; it stays as it is"));
            } else {
                after.pools.read.insert(part, pool);
            }
        }
        for (id, one) in rebuilt.opportunities {
            let stored = before.opportunities.get(&id).and_then(Option::as_ref);
            if stored.is_some_and(|stored| stored.version > one.version) {
                done.findings.push(format!("opportunity {id} was written meanwhile; it stays as it is"));
            } else {
                after.opportunities.insert(id, Some(one));
            }
        }
        write::send_shared(store, program, &before, &after).await?;
    }
    Ok(())
}
