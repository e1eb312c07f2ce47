//! A history decided again in memory, event by event at the events' own time: what `decide` makes of it, and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use domain::deal::{Deal, Opportunity};
use domain::decide::{Awaited, Decision, Judgement, State, brought, decide, opportunity_of_deal};
use domain::ledger::{Account, Asset, Balance, FoldError, Head, Outcome, Pools, PostingKind, Record, Verdict};
use domain::outbox::{Outbound, outbound};
use event::Event;
use event::ids::{DealId, Identity, OpportunityId, PartnerId};
use foldhash::quality::FixedState;
use jiff::Timestamp;
use program::Programs;
use sha2::{Digest, Sha256};

/// A program and everything its events have made so far.
pub struct Replay {
    programs: Programs,
    now: Timestamp,
    accounts: HashMap<PartnerId, Box<Account>, FixedState>,
    deals: HashMap<DealId, Deal, FixedState>,
    opportunities: HashMap<OpportunityId, Opportunity, FixedState>,
    pools: Pools,
    /// What each identity meant, both as hashes: what came before is told apart without being kept.
    seen: HashMap<u128, u128, BuildHasherDefault<Low>>,
    waiting: Waiting,
    /// What records sent and was not judged yet, by when it is due.
    outbox: BTreeMap<(Timestamp, u64), Event>,
    /// How much they sent.
    sent: u64,
    tally: Tally,
}

/// How much there was of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events, those sent again among them.
    pub events: u64,
    /// Events by what became of them; held are those that still wait.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Records, the clock's among them.
    pub records: u64,
    /// What moved, by asset and how: points, or the currency's minor units.
    pub moved: BTreeMap<(Asset, PostingKind), i64>,
    /// Records of what rules gave nothing for as they were paused.
    pub paused: u64,
    /// What those would have given, before their caps, by asset.
    pub withheld: BTreeMap<Asset, i64>,
}

/// Events that wait, by when their waiting ends.
#[derive(Default)]
struct Waiting {
    events: BTreeMap<(Timestamp, u64), (Awaited, Event)>,
    by: BTreeMap<Awaited, Vec<(Timestamp, u64)>>,
    /// What each of their identities means, both as hashes.
    means: HashMap<u128, u128, BuildHasherDefault<Low>>,
    count: u64,
}

impl Waiting {
    fn put(&mut self, awaited: Awaited, until: Timestamp, event: Event) {
        self.count += 1;
        let key = (until, self.count);
        self.means.insert(digest(&event.identity), meaning(&event));
        self.by.entry(awaited.clone()).or_default().push(key);
        self.events.insert(key, (awaited, event));
    }

    /// What waited for this, in the order in which it came.
    fn take(&mut self, awaited: &Awaited) -> Vec<Event> {
        let keys = self.by.remove(awaited).unwrap_or_default();
        let events: Vec<Event> =
            keys.into_iter().filter_map(|key| self.events.remove(&key)).map(|(_, event)| event).collect();
        for event in &events {
            self.means.remove(&digest(&event.identity));
        }
        events
    }

    /// What has waited long enough at `now`.
    fn ended(&mut self, now: Timestamp) -> Option<(Awaited, Event)> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= now)?;
        let (awaited, event) = first.remove();
        self.means.remove(&digest(&event.identity));
        Some((awaited, event))
    }

    /// Whether an event of this identity waits, as what it means.
    fn has(&self, event: &Event) -> Option<bool> {
        if self.means.is_empty() {
            return None;
        }
        self.means.get(&digest(&event.identity)).map(|means| *means == meaning(event))
    }
}

impl Replay {
    /// Before the first event.
    pub fn new(programs: Programs) -> Self {
        Self {
            programs,
            now: Timestamp::MIN,
            accounts: HashMap::default(),
            deals: HashMap::default(),
            opportunities: HashMap::default(),
            pools: Pools { all: true, ..Pools::default() },
            seen: HashMap::default(),
            waiting: Waiting::default(),
            outbox: BTreeMap::new(),
            sent: 0,
            tally: Tally::default(),
        }
    }

    /// Takes the next event, at its own time or at that of an earlier one, whichever is later.
    ///
    /// # Errors
    /// [`FoldError`]: an account would not add up.
    pub fn take(&mut self, event: Event) -> Result<(), FoldError> {
        self.now = self.now.max(event.time);
        self.end_waiting()?;
        self.judge_sent()?;
        self.tally.events += 1;
        // I4, of what waits as of what was judged.
        let outcome = match self.waiting.has(&event) {
            Some(same) => repeated(same),
            None => self.judge(event, None)?,
        };
        self.count(outcome);
        self.judge_sent()
    }

    /// Whether an event was judged before, or another under its identity: it changes nothing, whenever it comes.
    pub fn has_seen(&self, event: &Event) -> bool {
        self.seen.contains_key(&digest(&event.identity))
    }

    /// Brings every account to `now`, and ends what has waited until then.
    ///
    /// # Errors
    /// As [`Replay::take`].
    pub fn bring_to(&mut self, now: Timestamp) -> Result<(), FoldError> {
        self.now = self.now.max(now);
        self.end_waiting()?;
        self.judge_sent()?;
        for partner in self.accounts.keys().cloned().collect::<Vec<_>>() {
            while !self.decide(&partner, &[])?.0.is_empty() {}
        }
        Ok(())
    }

    fn count(&mut self, outcome: Outcome) {
        *self.tally.outcomes.entry(outcome).or_default() += 1;
    }

    /// Counts what has waited by what became of it, and no longer as held.
    fn count_again(&mut self, outcome: Outcome) {
        if let Some(held) = self.tally.outcomes.get_mut(&Outcome::Held) {
            *held -= 1;
        }
        self.count(outcome);
        self.tally.outcomes.retain(|_, events| *events > 0);
    }

    /// What records sent is judged as far as it is due.
    fn judge_sent(&mut self) -> Result<(), FoldError> {
        while let Some(first) = self.outbox.first_entry().filter(|first| first.key().0 <= self.now) {
            let event = first.remove();
            if self.seen.insert(digest(&event.identity), meaning(&event)).is_some() {
                continue;
            }
            let partner = event.partner.clone();
            while self.decide(&partner, std::slice::from_ref(&event))?.1.contains(&Judgement::Later) {}
        }
        Ok(())
    }

    /// What waits no longer is judged once more where nobody could send it with another end, and else rejected.
    fn end_waiting(&mut self) -> Result<(), FoldError> {
        while let Some((awaited, event)) = self.waiting.ended(self.now) {
            let again = awaited.is_judged_at_its_end();
            let outcome = if again { self.judge(event, Some(&awaited))? } else { Outcome::Rejected };
            self.count_again(outcome);
        }
        Ok(())
    }

    /// What becomes of one event, which may have waited before, and of those that waited for what it brings.
    fn judge(&mut self, event: Event, waited: Option<&Awaited>) -> Result<Outcome, FoldError> {
        let identity = digest(&event.identity);
        let means = meaning(&event);
        if let Some(before) = self.seen.get(&identity) {
            return Ok(repeated(*before == means));
        }
        let partner = event.partner.clone();
        let judgement = loop {
            let (records, judgements) = self.decide(&partner, std::slice::from_ref(&event))?;
            match judgements.into_iter().next() {
                Some(Judgement::Later) => {}
                Some(Judgement::Recorded(at)) => break Ok((records[at].outcome, records[at].holds())),
                other => break Err(other),
            }
        };
        let (outcome, holds) = match judgement {
            Ok(recorded) => recorded,
            Err(Some(Judgement::Held { awaited, until })) => {
                let mut event = event;
                // What turns out to wait for something else than a reassignment has as long as anything that does.
                if waited.is_some_and(Awaited::is_judged_at_its_end) && !awaited.is_judged_at_its_end() {
                    event.held_until = None;
                }
                let until = *event.held_until.get_or_insert(until);
                self.waiting.put(awaited, until, event);
                return Ok(Outcome::Held);
            }
            Err(_) => return Ok(Outcome::Rejected),
        };
        self.seen.insert(identity, means);
        if holds && !self.waiting.events.is_empty() {
            for awaited in brought(&event.kind, &event.partner) {
                for event in self.waiting.take(&awaited) {
                    let outcome = self.judge(event, Some(&awaited))?;
                    self.count_again(outcome);
                }
            }
        }
        Ok(outcome)
    }

    /// Decides events of one partner: the records, and what became of each.
    fn decide(&mut self, partner: &PartnerId, events: &[Event]) -> Result<(Vec<Record>, Vec<Judgement>), FoldError> {
        let account = self.accounts.remove(partner).unwrap_or_else(|| Box::new(Account::in_memory()));
        let mut state = State::of(partner.clone(), account);
        for event in events {
            let mut opportunity = event.kind.opportunity_id();
            if let Some(id) = event.kind.deal_id() {
                state.deals.insert(id.clone(), self.deals.remove(id));
                let deal = state.deals.get(id).and_then(Option::as_ref);
                opportunity = opportunity.or_else(|| opportunity_of_deal(&event.kind, deal?));
            }
            if let Some(id) = opportunity {
                let taken = self.opportunities.remove(id);
                state.opportunities.insert(id.clone(), taken);
            }
            if let Some(id) = event.kind.other_partner().filter(|other| *other != partner) {
                let head = self.accounts.get(id).map_or_else(Head::default, |account| account.head.clone());
                state.others.insert(id.clone(), head);
            }
        }
        state.pools = std::mem::take(&mut self.pools);
        let Decision { records, judgements, state, .. } = decide(&self.programs, state, events, self.now)?;
        self.accounts.insert(state.partner, state.account);
        self.pools = state.pools;
        self.deals.extend(state.deals.into_iter().filter_map(|(id, deal)| Some((id, deal?))));
        self.opportunities.extend(state.opportunities.into_iter().filter_map(|(id, taken)| Some((id, taken?))));
        for record in &records {
            self.tally.add(record);
            for Outbound { event, due } in outbound(record) {
                self.sent += 1;
                self.outbox.insert((due, self.sent), event);
            }
        }
        Ok((records, judgements))
    }

    /// How much there was of everything so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The accounts, by partner.
    pub fn accounts(&self) -> BTreeMap<&PartnerId, &Account> {
        let of_partners = self.accounts.iter().filter(|(partner, _)| !partner.is_internal());
        of_partners.map(|(partner, account)| (partner, &**account)).collect()
    }

    /// Events that still wait.
    pub fn waiting(&self) -> usize {
        self.waiting.events.len()
    }

    /// What there is at the end: [`summary`].
    pub fn summary(&self) -> String {
        summary(self.accounts())
    }

    /// SHA-256 of the summary, in hex.
    pub fn digest(&self) -> String {
        Sha256::digest(self.summary()).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// What accounts hold as text, by partner: balance, lots, commissions, tiers. Equal histories give equal texts.
pub fn summary<'a>(accounts: impl IntoIterator<Item = (&'a PartnerId, &'a Account)>) -> String {
    let mut text = String::new();
    for (partner, account) in accounts {
        let Balance { available, pending, reserved, owed } = account.balance();
        let _ = write!(text, "{partner} {available} {pending} {reserved} {owed}");
        for (lot, points) in &account.head.funds(Asset::Points).lots {
            let _ = write!(text, " {lot}:{points}");
        }
        for (asset, funds) in account.head.funds.iter().filter(|(asset, _)| !asset.is_points()) {
            let Balance { available, pending, reserved, owed } = funds.balance();
            let _ = write!(text, " {asset} {available} {pending} {reserved} {owed}");
        }
        for (motion, held) in &account.head.tiers {
            let _ = write!(text, " {motion}={} since {}", held.tier, held.since);
        }
        text.push('\n');
    }
    text
}

/// The outcome of an event whose identity is taken.
fn repeated(same: bool) -> Outcome {
    if same { Outcome::Duplicate } else { Outcome::Conflict }
}

impl Tally {
    fn add(&mut self, record: &Record) {
        self.records += 1;
        for posting in &record.postings {
            *self.moved.entry((posting.asset, posting.kind)).or_default() += posting.amount;
        }
        let mut is_paused = false;
        for trial in record.trials.iter().filter(|trial| matches!(trial.verdict, Verdict::Paused { .. })) {
            is_paused = true;
            let sum = self.withheld.entry(trial.asset).or_default();
            *sum = sum.saturating_add(trial.worth);
        }
        self.paused += u64::from(is_paused);
    }

    /// Points that moved so.
    pub fn points(&self, kind: PostingKind) -> i64 {
        self.moved.get(&(Asset::Points, kind)).copied().unwrap_or(0)
    }
}

/// Where a hash is looked for in a table of them: at its low half, since it is evenly spread itself.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_ne_bytes(*first));
    }
}

fn digest(identity: &Identity) -> u128 {
    digest_of([identity.program.as_str(), identity.source.as_str(), identity.id.as_str()].into_iter())
}

/// What an event means: its hash, which knows no persons, and them beside it.
fn meaning(event: &Event) -> u128 {
    let hash = event.hash.bytes().first_chunk().map_or(0, |half| u128::from_le_bytes(*half));
    let persons = event.persons();
    if persons.is_empty() { hash } else { hash ^ digest_of(persons.iter().map(|person| person.as_str())) }
}

/// Two hashes of 64 bits, each of its own seed: what is compared in memory only, and with nobody who would look for two that are equal.
fn digest_of<'a>(parts: impl Iterator<Item = &'a str> + Clone) -> u128 {
    let half = |seed| {
        let mut hash = FixedState::with_seed(seed).build_hasher();
        parts.clone().for_each(|part| part.hash(&mut hash));
        u128::from(hash.finish())
    };
    half(0) << 64 | half(1)
}
