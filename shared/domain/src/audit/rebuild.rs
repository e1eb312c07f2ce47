//! What records add up to: accounts, redemptions, deals and opportunities (I10, I26).

use std::collections::BTreeMap;

use event::ids::{DealId, OpportunityId, RedemptionId};
use jiff::civil::Date;

use crate::deal::{Deal, Opportunity};
use crate::ledger::{Account, Outcome, PoolBalance, PoolPart, Record};
use crate::redemption::Redemption;

/// The account that one partner's records add up to, in the order of their positions, as the table has it on `today`: it
/// drops counts of periods that are long over.
///
/// # Errors
/// What does not apply, as a finding.
pub fn rebuild(records: &[Record], today: Date) -> Result<Account, String> {
    let mut account = Account::default();
    for record in records {
        let applied = account.apply(record);
        applied.map_err(|error| format!("I10: record #{} does not apply: {error}", record.position))?;
    }
    account.forget_expired(today);
    Ok(account)
}

/// The redemptions that one partner's records add up to, and what is wrong on the way (I6).
pub fn rebuild_redemptions(records: &[Record]) -> (BTreeMap<RedemptionId, Redemption>, Vec<String>) {
    let (mut redemptions, mut found) = (BTreeMap::<RedemptionId, Redemption>::new(), Vec::new());
    for record in records.iter().filter(|record| record.outcome == Outcome::Applied) {
        let Some(id) = record.happened().and_then(|kind| kind.redemption_id().cloned()) else { continue };
        let before = redemptions.remove(&id);
        if let Some(ended) = before.as_ref().filter(|before| before.status.is_final()) {
            found.push(format!("I6: redemption {id} moved on after it was {}", ended.status.word()));
        }
        redemptions.extend(Redemption::fold(before, record).map(|after| (id, after)));
    }
    (redemptions, found)
}

/// What partners share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Deals.
    pub deals: BTreeMap<DealId, Deal>,
    /// Opportunities.
    pub opportunities: BTreeMap<OpportunityId, Opportunity>,
    /// Sub-balances of pools.
    pub pools: BTreeMap<PoolPart, PoolBalance>,
}

/// The deals and opportunities that records of one program add up to, whoever's they are and in whatever order they come:
/// each record says which version it was decided from. Beside them what does not add up, as findings (I25): records that were
/// decided from one version, or from one that is not there. What is found so is left out, and keeps nothing else.
pub fn rebuild_shared<'a>(records: impl IntoIterator<Item = &'a Record>) -> (Shared, Vec<String>) {
    rebuild_shared_of(records, |_| true)
}

/// The same, of the deals and opportunities whose ids are asked for.
pub fn rebuild_shared_of<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    asked: impl Fn(&str) -> bool,
) -> (Shared, Vec<String>) {
    let mut found = Vec::new();
    let mut shared = Shared::default();
    let mut of_deals: BTreeMap<DealId, Vec<(u64, &Record)>> = BTreeMap::new();
    let mut of_opportunities: BTreeMap<OpportunityId, Vec<(u64, &Record)>> = BTreeMap::new();
    for record in records.into_iter().filter(|record| record.holds()) {
        for (part, funded, drawn) in record.pools().filter(|(part, ..)| asked(&part.to_string())) {
            shared.pools.entry(part.clone()).or_default().add(funded, drawn);
        }
        let Some(kind) = record.happened() else { continue };
        if let (Some(version), Some(id)) =
            (record.relied_on.deal, kind.deal_id().filter(|id| Deal::is_changed_by_record(record, &kind) && asked(id)))
        {
            of_deals.entry(id.clone()).or_default().push((version, record));
        }
        let opportunity = Opportunity::changed_by(record, &kind).filter(|id| asked(id));
        if let (Some(version), Some(id)) = (record.relied_on.opportunity, opportunity) {
            of_opportunities.entry(id.clone()).or_default().push((version, record));
        }
    }
    for (part, pool) in &shared.pools {
        if pool.left < 0 || pool.drawn < 0 {
            let (left, drawn) = (part.pool.told(pool.left), part.pool.told(pool.drawn));
            found.push(format!("I22: of {part} {left} would be left, and {drawn} drawn"));
        }
    }
    for (id, records) in of_deals {
        let folded = in_order("deal", &id, records, &mut found).and_then(|all| all.into_iter().fold(None, Deal::fold));
        shared.deals.extend(folded.map(|deal| (id, deal)));
    }
    for (id, records) in of_opportunities {
        let records = in_order("opportunity", &id, records, &mut found);
        let folded = records.and_then(|all| all.into_iter().fold(None, Opportunity::fold));
        shared.opportunities.extend(folded.map(|opportunity| (id, opportunity)));
    }
    (shared, found)
}

/// Records by the version they were decided from; `None` if these are not dense.
fn in_order<'a>(
    what: &str,
    id: &str,
    mut records: Vec<(u64, &'a Record)>,
    found: &mut Vec<String>,
) -> Option<Vec<&'a Record>> {
    records.sort_by_key(|(version, _)| *version);
    let before = found.len();
    for (at, (version, record)) in records.iter().enumerate() {
        if *version != at as u64 {
            let (partner, position) = (&record.partner, record.position);
            found.push(format!("I25: {what} {id}: {partner} #{position} was decided from version {version}, not {at}"));
        }
    }
    (found.len() == before).then(|| records.into_iter().map(|(_, record)| record).collect())
}
