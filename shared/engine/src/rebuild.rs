//! Rebuilding the state from the ledger alone: program versions, accounts, redemptions, deals and opportunities.
//!
//! What it does not touch, because no record holds it: keys, cards and stock, pseudonyms, recipients, events that wait.

use domain::audit::{Shared, check_account, rebuild_redemptions, rebuild_shared};
use domain::decide::{Needs, State};
use domain::ledger::Record;
use event::ids::{PartnerId, ProgramId};
use store::{Store, StoreError, state, write};

use crate::audit::{Audited, partner as audit, whole_history};

/// Deals and opportunities read and written at once.
const SHARED_AT_ONCE: usize = 100;

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
    for record in whole_history(store, program, &PartnerId::program()).await? {
        store::programs::restore(store, &record).await?;
        done.versions += 1;
    }
    let mut shared = Vec::new();
    for (at, partner) in partners.iter().filter(|partner| !partner.is_internal()).enumerate() {
        let records = account(store, program, partner, &mut done).await?;
        shared.extend(records.into_iter().filter(names_what_is_shared));
        progress(at + 1);
    }
    match rebuild_shared(&shared) {
        Ok(shared) => put_shared(store, program, shared, &mut done).await?,
        Err(found) => done.findings.extend(found),
    }
    Ok(done)
}

fn names_what_is_shared(record: &Record) -> bool {
    record.relied_on.deal.is_some() || record.relied_on.opportunity.is_some()
}

/// One partner's account and redemptions; the records they are made of.
async fn account(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    done: &mut Rebuilt,
) -> Result<Vec<Record>, StoreError> {
    let Audited { records, stored, rebuilt, redemptions } = audit(store, program, partner, store.clock().now()).await?;
    done.partners += 1;
    done.records += records.len();
    let rebuilt = match rebuilt {
        Ok(rebuilt) => rebuilt,
        Err(what) => {
            done.findings.push(format!("{partner}: {what}"));
            return Ok(records);
        }
    };
    let mut before = State { account: stored, ..State::new(partner.clone()) };
    before.redemptions = redemptions.into_iter().map(|redemption| (redemption.id.clone(), redemption)).collect();
    let mut after = State { account: rebuilt, ..State::new(partner.clone()) };
    let (redemptions, found) = rebuild_redemptions(&records);
    done.findings.extend(found.into_iter().map(|what| format!("{partner}: {what}")));
    done.redemptions += redemptions.len();
    after.redemptions = redemptions;
    for (id, redemption) in &mut after.redemptions {
        // Who it is for is in no record: where it is still there, it stays.
        redemption.recipient = before.redemptions.get(id).and_then(|stored| stored.recipient.clone());
    }
    let differs = !check_account(&before.account, &after.account).is_empty();
    if differs || before.redemptions != after.redemptions {
        write::send_account(store, program, &before, &after).await?;
        done.written += 1;
    }
    Ok(records)
}

async fn put_shared(store: &Store, program: &ProgramId, shared: Shared, done: &mut Rebuilt) -> Result<(), StoreError> {
    (done.deals, done.opportunities) = (shared.deals.len(), shared.opportunities.len());
    let deals: Vec<_> = shared.deals.into_iter().map(|(id, deal)| (id, Some(deal))).collect();
    let opportunities: Vec<_> = shared.opportunities.into_iter().map(|(id, one)| (id, Some(one))).collect();
    let chunks = deals.chunks(SHARED_AT_ONCE).map(|deals| (deals, &[][..]));
    for (deals, opportunities) in chunks.chain(opportunities.chunks(SHARED_AT_ONCE).map(|chunk| (&[][..], chunk))) {
        let mut after = State::new(PartnerId::program());
        after.deals.extend(deals.iter().cloned());
        after.opportunities.extend(opportunities.iter().cloned());
        let mut before = State::new(PartnerId::program());
        let needs = Needs {
            deals: after.deals.keys().cloned().collect(),
            opportunities: after.opportunities.keys().cloned().collect(),
            ..Needs::default()
        };
        state::fill(store, program, &needs, &mut before).await?;
        write::send_shared(store, program, &before, &after).await?;
    }
    Ok(())
}
