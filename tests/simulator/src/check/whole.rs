//! Everything that is stored, as it is at one moment, beside what the records add up to.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{check_account, check_records, check_redemptions, rebuild, rebuild_shared};
use domain::deal::{Deal, Opportunity};
use domain::ledger::packed::{self, StoredHead};
use domain::ledger::{Account, Effect, PoolBalance, PoolPart, Reason, Record, Stamp, history_key};
use domain::redemption::Redemption;
use event::Kind;
use event::ids::{DealId, OpportunityId, PartnerId, ProgramId, RuleId};
use event::money::Money;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use program::Programs;
use serde::de::DeserializeOwned;

use super::record;
use crate::aws::{LEDGER, STATE};
use crate::table::Dynamo;
use crate::table::item::{Item, attributes, number, text};

type Found = Vec<(&'static str, Vec<String>)>;

/// Everything, read at one moment.
pub(crate) struct Snapshot {
    /// Records of each partner, by position.
    pub records: BTreeMap<(ProgramId, PartnerId), Vec<Record>>,
    /// Deals.
    pub deals: BTreeMap<(ProgramId, DealId), Deal>,
    /// Opportunities.
    pub opportunities: BTreeMap<(ProgramId, OpportunityId), Opportunity>,
    /// Sub-balances of pools.
    pub pools: BTreeMap<(ProgramId, PoolPart), PoolBalance>,
    /// Redemptions of each partner's key.
    pub redemptions: BTreeMap<String, Vec<Redemption>>,
    accounts: BTreeMap<String, Account>,
    unread: Vec<String>,
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, String> {
    serde_dynamo::from_item(attributes(item)).map_err(|error| error.to_string())
}

impl Snapshot {
    /// Reads everything.
    pub(crate) fn of(table: &Dynamo, now: Timestamp) -> Self {
        let mut all = Self {
            records: BTreeMap::new(),
            deals: BTreeMap::new(),
            opportunities: BTreeMap::new(),
            pools: BTreeMap::new(),
            redemptions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            unread: Vec::new(),
        };
        for (_, item) in table.items(LEDGER).filter(|(_, item)| item.contains_key("f")) {
            match record(&item) {
                Ok(record) => {
                    let key = (record.identity.program.clone(), record.partner.clone());
                    all.records.entry(key).or_default().push(record);
                }
                Err(why) => all.unread.push(why),
            }
        }
        for records in all.records.values_mut() {
            records.sort_by_key(|record| record.position);
        }
        // Heads first: what stands beside them is taken into the account that they begin.
        let is_head = |sk: &str| sk == "head";
        for heads in [true, false] {
            for key in table.keys(STATE) {
                let (pk, sk) = (key.0.text(), key.1.as_ref().map_or("", |sk| sk.text()));
                if heads == is_head(sk)
                    && let Some(item) = table.item(STATE, key)
                    && let Err(why) = all.take(pk, sk, &item, now)
                {
                    all.unread.push(format!("{pk} {sk}: {why}"));
                }
            }
        }
        all
    }

    fn take(&mut self, pk: &str, sk: &str, item: &Item, now: Timestamp) -> Result<(), String> {
        let parts: Vec<String> = pk.split('#').map(|part| part.replace("%23", "#").replace("%25", "%")).collect();
        let id = |at: usize| parts.get(at).cloned().unwrap_or_default();
        match (parts[0].as_str(), sk) {
            ("partner", "head") => {
                self.accounts.insert(pk.to_owned(), packed::open(&read::<StoredHead>(item)?)?);
            }
            ("partner", sk) if sk.starts_with("redemption#") => {
                self.redemptions.entry(pk.to_owned()).or_default().push(read(item)?);
            }
            ("partner", sk) if sk.starts_with("person#") || sk.starts_with("erased#") => {}
            ("partner", _) => {
                // It may be dropped at any time, and nobody needs it.
                if number(item, "expires_at").is_some_and(|at| at <= now.as_second()) {
                    return Ok(());
                }
                let account = self.accounts.get_mut(pk).ok_or("stands without a head")?;
                packed::take(account, text(item, "b").ok_or("holds nothing")?)?;
            }
            ("deal", _) => {
                let program = ProgramId::try_from(id(1)).map_err(|e| e.to_string())?;
                self.deals.insert((program, DealId::try_from(id(2)).map_err(|e| e.to_string())?), read(item)?);
            }
            ("pool", _) => {
                let program = ProgramId::try_from(id(1)).map_err(|e| e.to_string())?;
                self.pools.insert((program, id(2).parse()?), read(item)?);
            }
            ("opportunity", _) => {
                let program = ProgramId::try_from(id(1)).map_err(|e| e.to_string())?;
                let id = OpportunityId::try_from(id(2)).map_err(|e| e.to_string())?;
                self.opportunities.insert((program, id), read(item)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Accounts, by the partition they stand in.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (&String, &Account)> {
        self.accounts.iter()
    }

    /// All that can be said of what is stored, at any moment.
    pub(crate) fn check(&self, programs: &BTreeMap<ProgramId, Programs>, now: Timestamp) -> Found {
        let mut found: Found = vec![("I10", self.unread.clone())];
        let today = TimeZone::UTC.to_datetime(now).date();
        for ((program, partner), records) in &self.records {
            let key = format!("partner#{}", history_key(program, partner));
            let name = |mut all: Vec<String>| {
                for text in &mut all {
                    *text = format!("{partner}: {text}");
                }
                all
            };
            if let Some(programs) = programs.get(program) {
                found.push(("I11", name(check_records(records, programs))));
                found.push(("I11", name(i11_version_of_its_time(records, programs))));
            }
            found.push(("I12", name(i12_tiers(records))));
            found.push(("I24", name(super::rest::i24_facts(records, self.accounts.get(&key)))));
            let stored = self.accounts.get(&key);
            found.push((
                "I10",
                match (stored, rebuild(records, today)) {
                    (Some(stored), Ok(rebuilt)) => name(check_account(stored, &rebuilt)),
                    (None, _) => vec![format!("{partner} has records and no head")],
                    (_, Err(why)) => vec![format!("{partner}: {why}")],
                },
            ));
            let redemptions = self.redemptions.get(&key).map(Vec::as_slice).unwrap_or_default();
            found.push(("I6", name(check_redemptions(redemptions, records))));
        }
        found.push(("I26", self.i26_shared()));
        found.push(("I22", self.i22_credits()));
        found.push(("I13", self.i13_amendments()));
        found
    }

    /// I13: a deal is worth what its latest amendment says by its own time, in whatever order they came. Told apart from the fold
    /// that the deal makes.
    fn i13_amendments(&self) -> Vec<String> {
        let mut latest: BTreeMap<(ProgramId, DealId), (Stamp, Money)> = BTreeMap::new();
        for record in self.records.values().flatten().filter(|record| record.kind == "deal.amended") {
            let counts = record.holds() || record.reason == Some(Reason::Superseded);
            if let Some(Kind::DealAmended { deal_id, acv }) = record.happened().filter(|_| counts) {
                let said = (Stamp::of(record.time, &record.identity), acv);
                let best = latest.entry((record.identity.program.clone(), deal_id)).or_insert(said);
                if best.0 < said.0 {
                    *best = said;
                }
            }
        }
        let stored = |key| self.deals.get(key).and_then(|deal| deal.amended.as_ref()).map(|fact| fact.value);
        let other = latest.iter().filter(|(key, (_, acv))| stored(key) != Some(*acv));
        other
            .map(|((_, deal), (_, acv))| format!("deal {deal} is not worth what its latest amendment says, {acv:?}"))
            .collect()
    }

    /// Deals of which a rule gave something that it drew on no budget: an invoice by a version in which it has none.
    fn gave_without_budget(&self) -> BTreeSet<(ProgramId, DealId, RuleId)> {
        let mut gave = BTreeSet::new();
        for record in self.records.values().flatten() {
            let Some(deal) = record.happened().and_then(|kind| kind.deal_id().cloned()) else { continue };
            let of =
                |effect: &Effect, by: &RuleId| matches!(effect, Effect::Pool { rule: Some(rule), .. } if rule == by);
            let drew = |rule: &RuleId| record.effects.iter().any(|effect| of(effect, rule));
            let rules = record.postings.iter().filter(|posting| posting.is_award()).filter_map(|p| p.rule.as_ref());
            for rule in rules.filter(|rule| !drew(rule)) {
                gave.insert((record.identity.program.clone(), deal.clone(), rule.clone()));
            }
        }
        gave
    }

    /// I22: what a deal's award drew on budgets is what it gave and was not taken back of it; no more where a version had no budget for it.
    fn i22_credits(&self) -> Vec<String> {
        let mut found = Vec::new();
        let without = self.gave_without_budget();
        for ((program, id), deal) in &self.deals {
            let own = deal.closed.iter().flat_map(|closed| closed.credits.iter());
            let credits = own.chain(deal.influencers.iter().flat_map(|one| one.credits.iter()));
            for (rule, credit) in credits.filter(|(_, credit)| !credit.drawn.is_empty()) {
                let (drawn, stands) = (credit.drawn.values().sum::<i64>(), credit.given - credit.taken());
                let may_be_less = without.contains(&(program.clone(), id.clone(), rule.clone()));
                if drawn > stands || drawn < stands && !may_be_less {
                    found.push(format!("deal {id}: {rule} has {drawn} drawn on its budget, and gave {stands}"));
                }
            }
        }
        found
    }

    /// I26, I25: deals, opportunities and pools are what records add up to, each decided from the version before.
    fn i26_shared(&self) -> Vec<String> {
        let mut found = Vec::new();
        let programs: std::collections::BTreeSet<&ProgramId> =
            self.records.keys().map(|(program, _)| program).collect();
        for program in programs {
            let records = self.records.iter().filter(|((of, _), _)| of == program).flat_map(|(_, records)| records);
            let (rebuilt, more) = rebuild_shared(records);
            found.extend(more);
            let deals = self
                .deals
                .iter()
                .filter(|((of, _), _)| of == program)
                .map(|((_, id), deal)| (id.clone(), deal.clone()));
            let deals: BTreeMap<DealId, Deal> = deals.collect();
            let all = self.opportunities.iter().filter(|((of, _), _)| of == program);
            let all: BTreeMap<OpportunityId, Opportunity> =
                all.map(|((_, id), one)| (id.clone(), one.clone())).collect();
            for id in rebuilt.deals.keys().chain(deals.keys()) {
                if rebuilt.deals.get(id) != deals.get(id) {
                    found.push(format!(
                        "deal {id} is stored as {:?}, and its records add up to {:?}",
                        deals.get(id),
                        rebuilt.deals.get(id)
                    ));
                }
            }
            let pools = self.pools.iter().filter(|((of, _), _)| of == program);
            let pools: BTreeMap<PoolPart, PoolBalance> = pools.map(|((_, part), pool)| (part.clone(), *pool)).collect();
            for part in rebuilt.pools.keys().chain(pools.keys()) {
                let (stored, adds_up_to) = (pools.get(part), rebuilt.pools.get(part));
                if stored != adds_up_to {
                    found.push(format!("pool {part} is {stored:?}, and its records add up to {adds_up_to:?}"));
                }
            }
            for id in rebuilt.opportunities.keys().chain(all.keys()) {
                if rebuilt.opportunities.get(id) != all.get(id) {
                    found.push(format!("opportunity {id} is not what its records add up to"));
                }
            }
        }
        found
    }
}

/// I12: by position, every change of a tier goes on from the one before.
fn i12_tiers(records: &[Record]) -> Vec<String> {
    let mut tiers = BTreeMap::new();
    let mut found = Vec::new();
    for record in records {
        for effect in &record.effects {
            if let domain::ledger::Effect::Tier { motion, from, to, .. } = effect {
                let before = tiers.insert(motion.clone(), to.clone());
                if before != *from {
                    found
                        .push(format!("#{}: {motion} goes from {from:?} to {to}, and was {before:?}", record.position));
                }
            }
        }
    }
    found
}

/// I11: what senders send earns by the version in force at its own time.
fn i11_version_of_its_time(records: &[Record], programs: &Programs) -> Vec<String> {
    let sent = records.iter().filter(|record| !record.identity.source.is_internal());
    let other = sent.filter(|record| {
        let version = programs.in_force(record.time.min(record.decided_at)).map(|version| version.number);
        record.earned_by.as_ref().map(|version| version.number) != version
    });
    other
        .map(|record| format!("#{} of {} earned by version {}", record.position, record.time, record.version()))
        .collect()
}
