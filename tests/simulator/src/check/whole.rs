//! Everything that is stored, as it is at one moment, beside what the records add up to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{check_account, check_records, check_redemptions, rebuild, rebuild_shared_of};
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

use super::{read_all, record};
use crate::aws::{LEDGER, STATE};
use crate::table::Dynamo;
use crate::table::item::{Item, Key, attributes, number, text};

type Found = Vec<(&'static str, Vec<String>)>;

/// So many records are held as they were read; of more, each partner's are read again where they are looked at.
const HELD_MAX: usize = 100_000;

/// Whose a history is.
type Whose = (ProgramId, PartnerId);

/// Records of each partner, by position, as they stood at one moment.
#[derive(Default)]
pub(crate) struct Histories {
    keys: BTreeMap<Whose, Vec<(u64, Key)>>,
    /// Nothing where there are too many.
    held: Option<BTreeMap<Whose, Vec<Record>>>,
    count: usize,
}

impl Histories {
    fn of(table: &Dynamo, unread: &mut Vec<String>) -> Self {
        let mut all = Self { held: Some(BTreeMap::new()), ..Self::default() };
        for (key, item) in table.items(LEDGER).filter(|(_, item)| item.contains_key("f")) {
            match record(&item) {
                Ok(record) => {
                    let whose = (record.identity.program.clone(), record.partner.clone());
                    all.keys.entry(whose.clone()).or_default().push((record.position, key.clone()));
                    all.count += 1;
                    all.held = all.held.filter(|_| all.count <= HELD_MAX);
                    if let Some(held) = &mut all.held {
                        held.entry(whose).or_default().push(record);
                    }
                }
                Err(why) => unread.push(why),
            }
        }
        all.keys.values_mut().for_each(|keys| keys.sort());
        for records in all.held.iter_mut().flat_map(|held| held.values_mut()) {
            records.sort_by_key(|record| record.position);
        }
        all
    }

    /// Each history.
    pub(super) fn iter<'a>(&'a self, table: &'a Dynamo) -> impl Iterator<Item = (&'a Whose, Cow<'a, [Record]>)> {
        self.keys.iter().map(|(whose, keys)| {
            let held = self.held.as_ref().and_then(|held| held.get(whose));
            let again = || Cow::Owned(read_all(table, keys.iter().map(|(_, key)| key)));
            (whose, held.map_or_else(again, |records| Cow::Borrowed(records.as_slice())))
        })
    }

    /// What is made of each record.
    pub(super) fn each(&self, table: &Dynamo, mut makes: impl FnMut(&Record)) {
        self.iter(table).for_each(|(_, records)| records.iter().for_each(&mut makes));
    }
}

/// Everything, read at one moment.
pub(crate) struct Snapshot {
    /// Records.
    pub records: Histories,
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
        let mut unread = Vec::new();
        let mut all = Self {
            records: Histories::of(table, &mut unread),
            deals: BTreeMap::new(),
            opportunities: BTreeMap::new(),
            pools: BTreeMap::new(),
            redemptions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            unread,
        };
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
    pub(crate) fn check(&self, table: &Dynamo, programs: &BTreeMap<ProgramId, Programs>, now: Timestamp) -> Found {
        let mut found: Found = vec![("I10", self.unread.clone())];
        let today = TimeZone::UTC.to_datetime(now).date();
        for ((program, partner), records) in self.records.iter(table) {
            let records = &*records;
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
        found.push(("I26", self.i26_shared(table)));
        found.push(("I22", self.i22_credits(table)));
        found.push(("I13", self.i13_amendments(table)));
        found
    }

    /// I13: a deal is worth what its latest amendment says by its own time, in whatever order they came. Told apart from the fold
    /// that the deal makes.
    fn i13_amendments(&self, table: &Dynamo) -> Vec<String> {
        let mut latest: BTreeMap<(ProgramId, DealId), (Stamp, Money)> = BTreeMap::new();
        self.records.each(table, |record| {
            if record.kind != "deal.amended" {
                return;
            }
            let counts = record.holds() || record.reason == Some(Reason::Superseded);
            if let Some(Kind::DealAmended { deal_id, acv }) = record.happened().filter(|_| counts) {
                let said = (Stamp::of(record.time, &record.identity), acv);
                let best = latest.entry((record.identity.program.clone(), deal_id)).or_insert(said);
                if best.0 < said.0 {
                    *best = said;
                }
            }
        });
        let stored = |key| self.deals.get(key).and_then(|deal| deal.amended.as_ref()).map(|fact| fact.value);
        let other = latest.iter().filter(|(key, (_, acv))| stored(key) != Some(*acv));
        other
            .map(|((_, deal), (_, acv))| format!("deal {deal} is not worth what its latest amendment says, {acv:?}"))
            .collect()
    }

    /// Deals of which a rule gave something that it drew on no budget: an invoice by a version in which it has none.
    fn gave_without_budget(&self, table: &Dynamo) -> BTreeSet<(ProgramId, DealId, RuleId)> {
        let mut gave = BTreeSet::new();
        self.records.each(table, |record| {
            let Some(deal) = record.happened().and_then(|kind| kind.deal_id().cloned()) else { return };
            let of =
                |effect: &Effect, by: &RuleId| matches!(effect, Effect::Pool { rule: Some(rule), .. } if rule == by);
            let drew = |rule: &RuleId| record.effects.iter().any(|effect| of(effect, rule));
            let rules = record.postings.iter().filter(|posting| posting.is_award()).filter_map(|p| p.rule.as_ref());
            for rule in rules.filter(|rule| !drew(rule)) {
                gave.insert((record.identity.program.clone(), deal.clone(), rule.clone()));
            }
        });
        gave
    }

    /// I22: what a deal's award drew on budgets is what it gave and was not taken back of it; no more where a version had no budget for it.
    fn i22_credits(&self, table: &Dynamo) -> Vec<String> {
        let mut found = Vec::new();
        let without = self.gave_without_budget(table);
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

    /// I26, I25: deals, opportunities and pools are what records add up to, each decided from the version before. Of many, some of
    /// them at a time: each that is shared with all the records that touch it.
    fn i26_shared(&self, table: &Dynamo) -> Vec<String> {
        let programs: BTreeSet<&ProgramId> = self.records.keys.keys().map(|(program, _)| program).collect();
        let times = u32::try_from(1 + self.records.count / HELD_MAX).unwrap_or(u32::MAX);
        let turns = programs.into_iter().flat_map(|program| (0..times).map(move |time| (program, time)));
        turns.flat_map(|(program, time)| self.some_shared(table, program, |id| of_turn(id, times) == time)).collect()
    }

    fn some_shared(&self, table: &Dynamo, program: &ProgramId, asked: impl Fn(&str) -> bool) -> Vec<String> {
        let mut records = Vec::new();
        for (_, all) in self.records.iter(table).filter(|((of, _), _)| of == program) {
            records.extend(all.iter().filter(|record| touches(record, &asked)).cloned());
        }
        let (rebuilt, mut found) = rebuild_shared_of(&records, &asked);
        let deals = self.deals.iter().filter(|((of, id), _)| of == program && asked(id));
        let deals: BTreeMap<&DealId, &Deal> = deals.map(|((_, id), deal)| (id, deal)).collect();
        for id in rebuilt.deals.keys().chain(deals.keys().copied()) {
            let (stored, adds_up_to) = (deals.get(id).copied(), rebuilt.deals.get(id));
            if stored != adds_up_to {
                found.push(format!("deal {id} is stored as {stored:?}, and its records add up to {adds_up_to:?}"));
            }
        }
        let pools = self.pools.iter().filter(|((of, part), _)| of == program && asked(&part.to_string()));
        let pools: BTreeMap<&PoolPart, &PoolBalance> = pools.map(|((_, part), pool)| (part, pool)).collect();
        for part in rebuilt.pools.keys().chain(pools.keys().copied()) {
            let (stored, adds_up_to) = (pools.get(part).copied(), rebuilt.pools.get(part));
            if stored != adds_up_to {
                found.push(format!("pool {part} is {stored:?}, and its records add up to {adds_up_to:?}"));
            }
        }
        let all = self.opportunities.iter().filter(|((of, id), _)| of == program && asked(id));
        let all: BTreeMap<&OpportunityId, &Opportunity> = all.map(|((_, id), one)| (id, one)).collect();
        for id in rebuilt.opportunities.keys().chain(all.keys().copied()) {
            if rebuilt.opportunities.get(id) != all.get(id).copied() {
                found.push(format!("opportunity {id} is not what its records add up to"));
            }
        }
        found
    }
}

/// In which of so many turns what has this id is looked at.
fn of_turn(id: &str, times: u32) -> u32 {
    event::steady_hash(id.bytes()) % times
}

/// Whether a record moves something shared whose id is asked for.
fn touches(record: &Record, asked: &impl Fn(&str) -> bool) -> bool {
    let deal = || {
        let kind = record.happened();
        kind.is_some_and(|kind| {
            kind.deal_id().is_some_and(|id| asked(id))
                || Opportunity::changed_by(record, &kind).is_some_and(|id| asked(id))
        })
    };
    record.pools().any(|(part, ..)| asked(&part.to_string())) || deal()
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
