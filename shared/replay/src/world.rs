//! A program, its partners and deals in memory: `decide` and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use domain::audit::{Shared, check_account, check_records, rebuild, rebuild_shared};
use domain::deal::{Deal, Opportunity};
use domain::decide::{Decision, Judgement, State, decide, more_parts, named, needs};
use domain::ledger::{Account, Effect, Outcome, Part, PoolBalance, PoolPart, Record, packed};
use domain::outbox::{Outbound, outbound};
use domain::redemption::{Redemption, RedemptionStep, Wish};
use event::ids::{DealId, OpportunityId, PartnerId, ProgramId, RedemptionId, RewardId};
use event::{Event, ReleaseReason, Unreadable, Whole};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Program, Programs, Version};

/// A world with one program.
pub struct World {
    /// The program's versions.
    pub programs: Programs,
    /// What the clock says.
    pub now: Timestamp,
    /// Accounts, whole.
    pub accounts: BTreeMap<PartnerId, Account>,
    /// Deals.
    pub deals: BTreeMap<DealId, Deal>,
    /// Opportunities.
    pub opportunities: BTreeMap<OpportunityId, Opportunity>,
    /// Redemptions.
    pub redemptions: BTreeMap<RedemptionId, Redemption>,
    /// Free pieces by reward.
    pub stock: BTreeMap<RewardId, i64>,
    /// Sub-balances of pools.
    pub pools: BTreeMap<PoolPart, PoolBalance>,
    /// Every record, in the order of recording.
    pub records: Vec<Record>,
    /// Held events, to be sent again when something of theirs came.
    pub held: Vec<Event>,
    /// What records sent and was not judged yet.
    pub outbox: Vec<Outbound>,
}

impl World {
    /// A world in which this program is in force since 2020, at `now`.
    ///
    /// # Panics
    /// If the program is in bad form or `now` no instant.
    pub fn new(program: &str, now: &str) -> Self {
        Self::of(program, "2020-01-01T00:00:00Z", now.parse().expect("an instant"))
    }

    /// A world in which this program is in force from `effective_from`, at `now`.
    ///
    /// # Panics
    /// If the program is in bad form or `effective_from` no instant.
    pub fn of(program: &str, effective_from: &str, now: Timestamp) -> Self {
        Self::with(Programs::new(vec![version(program, 1, effective_from)]).expect("a version"), now)
    }

    /// A world in which these versions are published, at `now`.
    pub fn with(programs: Programs, now: Timestamp) -> Self {
        Self {
            programs,
            now,
            accounts: BTreeMap::new(),
            deals: BTreeMap::new(),
            opportunities: BTreeMap::new(),
            redemptions: BTreeMap::new(),
            stock: BTreeMap::new(),
            pools: BTreeMap::new(),
            records: Vec::new(),
            held: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Publishes another version.
    ///
    /// # Panics
    /// If the program is in bad form.
    pub fn publish(&mut self, program: &str, effective_from: &str) {
        let number = u32::try_from(self.programs.all().len()).expect("few versions") + 1;
        self.programs = self.programs.with(version(program, number, effective_from));
    }

    /// The program's id.
    pub fn id(&self) -> ProgramId {
        self.programs.all()[0].program.id.clone()
    }

    /// Sets the clock.
    ///
    /// # Panics
    /// If `now` is no instant.
    pub fn at(&mut self, now: &str) -> &mut Self {
        self.now = now.parse().expect("an instant");
        self
    }

    /// An event of type `kind` for `partner`, as it is read from a body.
    ///
    /// # Panics
    /// If it is in bad form.
    pub fn event(&self, kind: &str, partner: &str, id: &str, time: &str, data: &str) -> Event {
        let family = kind.split('.').next().unwrap_or_default();
        let source = match family {
            "course" | "certification" => "/lms/test",
            "content" | "reward" => "/cms/test",
            "attestation" | "benefit" | "exclusivity" => "/admin/test",
            "budget" => "/finance/test",
            "webinar" => "/webinars/test",
            _ => "/crm/test",
        };
        let program = self.id();
        let body = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"{kind}","subject":"{partner}","program":"{program}","time":"{time}","data":{data}}}"#
        );
        self.parse(&body).expect("an event in good form")
    }

    /// Reads a body as of now.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub fn parse(&self, body: &str) -> Result<Event, Unreadable> {
        self.programs.parse(body, self.now, self.now)
    }

    /// Sends one event at its own time's clock or later; its outcome.
    pub fn send(&mut self, kind: &str, partner: &str, id: &str, time: &str, data: &str) -> Outcome {
        let event = self.event(kind, partner, id, time, data);
        self.judge(&[event])[0]
    }

    /// Enrols a partner in the motion `sell`.
    pub fn enrol(&mut self, partner: &str) {
        let time = self.now.to_string();
        let data = r#"{"name":"Test Partner","motions":["sell"]}"#;
        self.send("partner.enrolled", partner, &format!("{partner}-enrolled"), &time, data);
    }

    /// Closes a deal won.
    pub fn close(&mut self, partner: &str, deal: &str, time: &str, acv: &str) -> Outcome {
        let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
        self.send("deal.closed", partner, &format!("{deal}-closed"), time, &data)
    }

    /// Loads pieces of a reward.
    ///
    /// # Panics
    /// If the reward's id is none.
    pub fn load_stock(&mut self, reward: &str, pieces: i64) {
        *self.stock.entry(reward.try_into().expect("a reward")).or_default() += pieces;
    }

    /// Asks for a reward under a key; the outcome.
    ///
    /// # Panics
    /// If the partner's id is none.
    pub fn redeem(&mut self, partner: &str, reward: &str, quantity: i64, key: &str) -> Outcome {
        let quantity = Whole::new(quantity).expect("a quantity");
        let wish = Wish { reward_id: reward.try_into().expect("a reward"), quantity };
        let (partner, id) = (partner.try_into().expect("a partner"), format!("r-{key}").try_into().expect("an id"));
        let event = wish.event(&self.id(), &partner, key, id, self.now);
        self.judge(&[event])[0]
    }

    /// Moves a redemption on: to `ordering`, `fulfilled`, `declined` or `cancelled`. `None` if that is moot.
    ///
    /// # Panics
    /// If the partner's id is none, or there is no such step.
    pub fn step(&mut self, partner: &str, key: &str, to: &str) -> Option<Outcome> {
        let step = match to {
            "ordering" => RedemptionStep::Ordering,
            "fulfilled" => RedemptionStep::Fulfilled,
            "declined" => RedemptionStep::Released(ReleaseReason::Declined),
            "cancelled" => RedemptionStep::Released(ReleaseReason::Cancelled),
            _ => panic!("there is no step {to}"),
        };
        let id = format!("r-{key}").try_into().expect("an id");
        let event = step.event(&self.id(), &partner.try_into().expect("a partner"), &id, self.now);
        self.decide_group(&[event]).and_then(|d| d.outcome(0))
    }

    /// Takes a step of Laurel's own, as a payout's. `None` if that is moot.
    pub fn take_step(&mut self, event: &Event) -> Option<Outcome> {
        if self.records.iter().any(|record| record.identity == event.identity) {
            return Some(Outcome::Duplicate);
        }
        self.decide_group(std::slice::from_ref(event)).and_then(|decision| decision.outcome(0))
    }

    /// Judges events as the function does: what has a record is not decided again, what waits is sent again when
    /// something came.
    pub fn judge(&mut self, events: &[Event]) -> Vec<Outcome> {
        let outcomes = events.iter().map(|event| self.judge_one(event)).collect();
        self.judge_sent();
        let mut waiting = std::mem::take(&mut self.held);
        let mut before = usize::MAX;
        while waiting.len() < before {
            before = waiting.len();
            for event in std::mem::take(&mut waiting) {
                self.judge_one(&event);
                self.judge_sent();
            }
            waiting = std::mem::take(&mut self.held);
        }
        self.held = waiting;
        outcomes
    }

    /// Judges what records sent and is due by now.
    fn judge_sent(&mut self) {
        while let Some(at) = self.outbox.iter().position(|sent| sent.due <= self.now) {
            let sent = self.outbox.remove(at);
            if self.records.iter().all(|record| record.identity != sent.event.identity) {
                self.decide_group(&[sent.event]).expect("decided");
            }
        }
    }

    fn judge_one(&mut self, event: &Event) -> Outcome {
        if let Some(record) = self.records.iter().find(|r| r.identity == event.identity) {
            return if record.meaning() == event.meaning() { Outcome::Duplicate } else { Outcome::Conflict };
        }
        let decision = self.decide_group(std::slice::from_ref(event)).expect("decided");
        let outcome = decision.outcome(0).expect("looked at");
        if let Some(Judgement::Held { until, .. }) = decision.judgements.first() {
            let mut event = event.clone();
            event.held_until.get_or_insert(*until);
            self.held.push(event);
        }
        outcome
    }

    /// Brings every account to now.
    pub fn catch_up(&mut self) {
        self.judge_sent();
        for partner in self.accounts.keys().cloned().collect::<Vec<_>>() {
            while !self.decide_for(&partner, &[]).records.is_empty() {}
        }
    }

    fn decide_group(&mut self, events: &[Event]) -> Option<Decision> {
        let partner = events.first()?.partner.clone();
        // A decision holds so much of the clock's at once; the rest comes with the next.
        loop {
            let decision = self.decide_for(&partner, events);
            if !decision.judgements.contains(&Judgement::Later) {
                return Some(decision);
            }
        }
    }

    /// One decision: what became due of a partner's, and these events of the partner's as far as one decision holds them.
    ///
    /// # Panics
    /// If the account is not sound.
    pub fn decide_for(&mut self, partner: &PartnerId, events: &[Event]) -> Decision {
        let state = self.load(partner, events);
        let decision = decide(&self.programs, state, events, self.now).expect("a sound account");
        if !decision.records.is_empty() {
            self.keep(partner, &decision);
        }
        decision
    }

    fn load(&self, partner: &PartnerId, events: &[Event]) -> State {
        let mut state = State::new(partner.clone());
        // What stands in the head, and of what stands beside it only what is asked for, as it would be read from a table.
        let all = self.accounts.get(partner).cloned().unwrap_or_default();
        state.account = Box::new(packed::open(&packed::head(&all)).expect("a head that reads"));
        let beside = packed::parts(&all);
        let read = |account: &mut Account, parts: BTreeSet<Part>| {
            for part in parts {
                let content = beside.get(&part).map(String::as_str);
                packed::read(account, part, content).expect("a part that reads");
            }
        };
        let named = named(events);
        let head = |id: &PartnerId| self.accounts.get(id).map(|account| account.head.clone()).unwrap_or_default();
        state.others = named.others.iter().map(|id| (id.clone(), head(id))).collect();
        state.deals = named.deals.iter().map(|id| (id.clone(), self.deals.get(id).cloned())).collect();
        let opportunity = |id: &OpportunityId| (id.clone(), self.opportunities.get(id).cloned());
        state.opportunities = named.opportunities.iter().map(opportunity).collect();
        let needs = needs(&self.programs, &state, events, self.now);
        read(&mut state.account, needs.parts);
        state.opportunities.extend(needs.opportunities.iter().map(opportunity));
        let pool = |part: &PoolPart| (part.clone(), self.pools.get(part).copied().unwrap_or_default());
        state.pools.read = needs.pools.iter().map(pool).collect();
        let redemption = |id: &RedemptionId| Some((id.clone(), self.redemptions.get(id)?.clone()));
        state.redemptions = needs.redemptions.iter().filter_map(redemption).collect();
        let more = more_parts(&self.programs, &state, self.now);
        read(&mut state.account, more);
        state.stock = needs.rewards.iter().map(|id| (id.clone(), self.stock.get(id).copied().unwrap_or(0))).collect();
        state
    }

    fn keep(&mut self, partner: &PartnerId, decision: &Decision) {
        let state = &decision.state;
        // What was not read stays as it was.
        let mut account = packed::open(&packed::head(&state.account)).expect("a head that reads");
        let mut beside = self.accounts.get(partner).map(packed::parts).unwrap_or_default();
        beside.extend(packed::parts(&state.account));
        for content in beside.values() {
            packed::take(&mut account, content).expect("a part that reads");
        }
        packed::read_all(&mut account);
        self.accounts.insert(partner.clone(), account);
        self.deals.extend(state.deals.iter().filter_map(|(id, deal)| Some((id.clone(), deal.clone()?))));
        self.opportunities.extend(state.opportunities.iter().filter_map(|(id, o)| Some((id.clone(), o.clone()?))));
        self.redemptions.extend(state.redemptions.clone());
        self.pools.extend(state.pools.read.iter().map(|(part, pool)| (part.clone(), *pool)));
        self.pools.retain(|_, pool| pool.moves > 0);
        for moved in &decision.stock {
            *self.stock.entry(moved.reward_id.clone()).or_default() += moved.free;
        }
        for sent in decision.records.iter().flat_map(outbound) {
            self.outbox.retain(|other| other.event.identity != sent.event.identity);
            self.outbox.push(sent);
        }
        self.records.extend(decision.records.clone());
    }

    /// A partner's account.
    ///
    /// # Panics
    /// If the partner has none.
    pub fn account(&self, partner: &str) -> &Account {
        &self.accounts[&PartnerId::try_from(partner).expect("partner")]
    }

    /// A partner's tier in the motion `sell`.
    ///
    /// # Panics
    /// If it has none.
    pub fn tier(&self, partner: &str) -> &str {
        &self.account(partner).head.tiers.get("sell").expect("a standing").tier
    }

    /// What does not hold of all that was recorded: each partner's history (I1, I2, I5, I9, I11, I14), what accounts add up to (I10),
    /// and what partners share (I22, I25, I26).
    pub fn findings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (partner, account) in &self.accounts {
            let records: Vec<Record> =
                self.records.iter().filter(|record| record.partner == *partner).cloned().collect();
            found.extend(check_records(&records, &self.programs));
            match rebuild(&records, Date::MIN) {
                Ok(rebuilt) => found.extend(check_account(account, &rebuilt)),
                Err(what) => found.push(what),
            }
        }
        // In any order.
        let (shared, more) = rebuild_shared(self.records.iter().rev());
        found.extend(more);
        let (deals, opportunities, pools) = (self.deals.clone(), self.opportunities.clone(), self.pools.clone());
        if shared != (Shared { deals, opportunities, pools }) {
            found.push(format!("I26: the records add up to {shared:?}"));
        }
        found
    }

    /// The last record.
    ///
    /// # Panics
    /// If there is none.
    pub fn last(&self) -> &Record {
        self.records.last().expect("a record")
    }

    /// The ledger as a person reads it: a line for each record, below it what moved and what changed.
    pub fn ledger(&self) -> String {
        let mut text = String::new();
        for r in &self.records {
            let why = r.reason.as_ref().map(|reason| format!(" ({})", reason.code())).unwrap_or_default();
            let line = format!(
                "{} #{} {} {} -> {}{why}, booked {}",
                r.partner,
                r.position,
                r.kind,
                r.identity.id,
                r.outcome.word(),
                r.booked
            );
            writeln!(text, "{line}").expect("text");
            for p in &r.postings {
                let rule = p.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
                let corrects = p.corrects.map(|at| format!(" correcting #{at}")).unwrap_or_default();
                let amount = if p.asset.is_points() { p.amount.to_string() } else { p.asset.told(p.amount) };
                writeln!(text, "    {amount:>6} {} -> {}{rule}{corrects}", p.from, p.to).expect("text");
            }
            for effect in &r.effects {
                let told = |short: &str| if short.is_empty() { String::new() } else { format!(": {short}") };
                if let Effect::Tier { motion, from, to, on, short, .. } = effect {
                    writeln!(
                        text,
                        "    {motion}: {} -> {to} on {on}{}",
                        from.as_ref().map_or("none", |tier| tier.as_str()),
                        told(short)
                    )
                    .expect("text");
                }
                if let Effect::Reviewed { motion, demotes_on, below, short, .. } = effect {
                    let word = match (demotes_on, below) {
                        (Some(day), _) => format!("below what keeps it, lost from {day}"),
                        (None, Some(below)) => format!("below what is asked, {} of {} times", below.times, below.of),
                        (None, None) => "kept".to_owned(),
                    };
                    writeln!(text, "    {motion}: {word}{}", told(short)).expect("text");
                }
            }
            let b = r.after;
            writeln!(
                text,
                "    = {} available, {} pending, {} reserved, {} owed",
                b.available, b.pending, b.reserved, b.owed
            )
            .expect("text");
        }
        text
    }
}

fn version(program: &str, number: u32, effective_from: &str) -> Version {
    let parsed = Program::parse(program).expect("a program in good form");
    Version {
        number,
        hash: Version::content_hash(program),
        effective_from: effective_from.parse().expect("instant"),
        program: Arc::new(parsed),
    }
}
