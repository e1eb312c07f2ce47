//! What happens from outside: events in stories and out of order, redemptions, versions, cards, the schedule, and time.

use event::payout::PayoutRun;
use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use replay::grammar::{self, Choices, stated};
use serde_json::{Value, json};

use crate::check::{CODE, PERSON};

/// One thing from outside.
#[derive(Clone, Debug)]
pub enum Action {
    /// A sender sends a message.
    Send(String),
    /// A partner asks for a reward, under a key.
    Redeem {
        /// Who.
        partner: String,
        /// The key.
        key: String,
        /// What.
        reward: String,
        /// How many.
        quantity: i64,
        /// For whom.
        recipient: String,
    },
    /// A partner cancels what it asked for under a key.
    Cancel(String, String),
    /// Staff pay a partner in a run, or give that up.
    Pay(String, PayoutRun, Payout),
    /// A partner looks at the cards that it got under a key.
    Reveal(String, String),
    /// Staff publish a version, which takes effect as soon as it can or so much later.
    Publish(String, Option<SignedDuration>),
    /// Staff publish a version that takes effect so much later, and think better of it.
    Regret(String, SignedDuration),
    /// Staff withdraw what takes effect last.
    Withdraw,
    /// Staff load cards.
    Load(String, Vec<String>),
    /// The schedule.
    Sweep,
    /// Somebody moves dead letters back.
    Redrive,
    /// Items whose time is over are dropped.
    Expire,
    /// The clock goes back by so many seconds, for a moment.
    Back(i64),
}

/// What staff and finance do with what is payable to a partner.
#[derive(Clone, Copy, Debug)]
pub enum Payout {
    /// A run sets it aside.
    Run,
    /// A run is given up.
    Cancel,
}

/// An action, when it happens by the clock, and for how long the system is left alone after it.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// Milliseconds until the next.
    pub pause_ms: u64,
    /// Whether the clock jumped.
    pub jumped: bool,
}

/// What a seed makes happen.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The program's id.
    pub program: String,
    /// Its first version.
    pub file: String,
    /// When it begins.
    pub begins: Timestamp,
    /// Everything else, in order.
    pub steps: Vec<Step>,
}

/// Partners of a seed, at least.
const PARTNERS_MIN: usize = 5;
/// Most partners that want the same cards at once.
const CROWD_MAX: usize = 8;

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");
const PERX: &str = include_str!("../../../infra/programs/perx.toml");

struct Maker {
    rng: Rng,
    program: String,
    now: Timestamp,
    partners: usize,
    /// How many times as many partners as a small seed has: so many times more deals there are, and so many times seldomer is what
    /// happens to all of them.
    scale: usize,
    count: usize,
    /// Bodies that may be sent again.
    sent: Vec<String>,
    keys: Vec<(String, String)>,
    rewards: Vec<&'static str>,
    cards: usize,
    /// What happens next, on the heels of what happens now.
    rush: Vec<Action>,
    /// Events of stories that were begun, to be mixed in.
    coming: Vec<(Timestamp, String)>,
}

impl Workload {
    /// The workload of a seed: at least so many events, of so many partners, or of a few.
    pub fn new(seed: u64, events: usize, partners: Option<usize>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (program, file, rewards) = match rng.usize(..6) {
            0 => ("hr-software", HR.to_owned(), vec!["starbucks-10", "amazon-50"]),
            1 => ("perx", PERX.to_owned(), vec!["starbucks-10"]),
            _ => ("test", grammar::text(&choices(&mut rng)), vec!["card"]),
        };
        // Anywhere in a year: quarter ends, changes of daylight saving time, the end of February.
        let begins = "2026-01-08T09:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let begins = begins + SignedDuration::from_hours(rng.i64(0..300 * 24));
        let few = PARTNERS_MIN + rng.usize(..3);
        let partners = partners.unwrap_or(few);
        let mut maker = Maker {
            rng,
            program: program.to_owned(),
            now: begins,
            partners,
            scale: (partners / PARTNERS_MIN).max(1),
            count: 0,
            sent: Vec::new(),
            keys: Vec::new(),
            rewards,
            cards: 0,
            coming: Vec::new(),
            rush: Vec::new(),
        };
        let mut steps = Vec::new();
        for partner in 0..partners {
            // Some enrol late, after what they did came.
            if maker.rng.usize(..4) > 0 {
                let body = maker.enrol(partner);
                steps.push(maker.step(Action::Send(body)));
            }
        }
        // Something to spend.
        for partner in 0..partners {
            for body in maker.means(partner) {
                steps.push(maker.step(Action::Send(body)));
            }
        }
        for reward in maker.rewards.clone() {
            let load = maker.load(reward);
            steps.push(maker.step(load));
        }
        while maker.count < events || !maker.coming.is_empty() || !maker.rush.is_empty() {
            let more = maker.count < events;
            let action = maker.next(more);
            steps.push(maker.step(action));
        }
        let steps = paid(seed, program, partners, steps);
        let steps = met(seed, program, partners, steps);
        let steps = tendered(seed, program, partners, steps);
        let steps = pooled(seed, program, partners, steps);
        Self { program: program.to_owned(), file, begins, steps }
    }
}

/// Payout runs among everything else, and what finance says of them: rightly, twice, of a run that never was, or of one that came back.
/// By chance of its own, so that what happens beside stays as it is.
fn paid(seed: u64, program: &str, partners: usize, steps: Vec<Step>) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x9a70);
    let mut paid = Vec::with_capacity(steps.len());
    let mut runs: Vec<(String, PayoutRun)> = Vec::new();
    let mut invoices: Vec<String> = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let at = step.at;
        if rng.usize(..3) == 0 {
            // Mostly one, told once.
            let few = [1, 1, 2, 3][rng.usize(..4)];
            invoices.extend((0..few).filter_map(|nth| invoiced(&step, (number, nth, rng.usize(..2)), program)));
        }
        paid.push(step);
        let mut add = |action| paid.push(Step { at, action, pause_ms: 0, jumped: false });
        match rng.usize(..60) {
            0..=2 => {
                let until = TimeZone::UTC.to_datetime(at - SignedDuration::from_hours(48)).date();
                let run = PayoutRun { until, number: rng.u8(1..3) };
                let partner = format!("p{}", rng.usize(..partners));
                // Two who are impatient at once.
                for _ in 0..rng.usize(1..3) {
                    add(Action::Pay(partner.clone(), run, Payout::Run));
                }
                runs.push((partner, run));
            }
            3..=5 if !runs.is_empty() => {
                let (partner, run) = runs[runs.len() - 1 - rng.usize(..runs.len().min(6))].clone();
                if rng.usize(..5) == 0 {
                    add(Action::Pay(partner, run, Payout::Cancel));
                    continue;
                }
                let currency = if rng.usize(..4) == 0 { "EUR" } else { "USD" };
                let kind = if rng.usize(..3) == 0 { "payout.returned" } else { "payout.settled" };
                let body = json!({
                    "specversion": "1.0", "id": format!("fin-{number}"), "source": "/finance/bank", "type": kind,
                    "subject": partner, "program": program, "time": at.to_string(),
                    "data": { "payout_id": format!("{run}-{currency}"), "reason": "as the bank says" },
                });
                for _ in 0..rng.usize(1..3) {
                    add(Action::Send(body.to_string()));
                }
            }
            12 | 13 => {
                let partner = format!("p{}", rng.usize(..partners));
                let (year, quarter) = (2025 + rng.usize(..2), 1 + rng.usize(..4));
                let target = [("acv", format!("{year}"), "40000"), ("deals", format!("{year}-Q{quarter}"), "2")];
                let (measure, period, value) = &target[rng.usize(..2)];
                let body = json!({
                    "specversion": "1.0", "id": format!("target-{number}"), "source": "/crm/t", "type": "target.set",
                    "subject": partner, "program": program, "time": at.to_string(),
                    "data": { "motion": "sell", "measure": measure, "period": period, "value": value },
                });
                add(Action::Send(body.to_string()));
            }
            6..=11 if !invoices.is_empty() => add(Action::Send(invoices.remove(rng.usize(..invoices.len())))),
            _ => {}
        }
    }
    paid
}

/// Persons whom nobody has heard of, each named by several messages at once, of a partner that is enrolled or of one that waits to be.
fn met(seed: u64, program: &str, partners: usize, steps: Vec<Step>) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x3e7);
    let mut met = Vec::with_capacity(steps.len());
    for (number, step) in steps.into_iter().enumerate() {
        let at = step.at;
        met.push(step);
        if rng.usize(..50) > 0 {
            continue;
        }
        let partner = match rng.usize(..3) {
            0 => format!("p{}", rng.usize(..partners)),
            _ => format!("new{}", rng.usize(..2)),
        };
        for view in 0..rng.usize(2..5) {
            let body = json!({
                "specversion": "1.0", "id": format!("met-{number}-{view}"), "source": "/cms/t", "type": "content.viewed",
                "subject": partner, "program": program, "time": at.to_string(),
                "data": { "content_id": format!("c{view}"), "person_id": format!("new{number}{PERSON}"), "seconds": 60 },
            });
            met.push(Step { at, action: Action::Send(body.to_string()), pause_ms: rng.u64(..4), jumped: false });
        }
    }
    met
}

/// Public tenders for which several bid, that one of them wins or nobody does, and leases that staff extend: of what is registered, of what
/// is not yet, and again.
fn tendered(seed: u64, program: &str, partners: usize, steps: Vec<Step>) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x7e5d);
    let mut all = Vec::with_capacity(steps.len());
    let mut bids: Vec<(String, String)> = Vec::new();
    let mut registered: Vec<(String, String)> = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let at = step.at;
        if let Action::Send(body) = &step.action
            && let Ok(event) = serde_json::from_str::<Value>(body)
            && event["type"] == "deal.registered"
        {
            let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            registered.push((part(&event["subject"]), part(&event["data"]["deal_id"])));
        }
        all.push(step);
        let event = |kind: &str, partner: &str, nth: usize, data: Value| {
            let body = json!({
                "specversion": "1.0", "id": format!("bid-{number}-{nth}"), "source": "/crm/t", "type": kind,
                "subject": partner, "program": program, "time": at.to_string(), "data": data,
            });
            Step { at, action: Action::Send(body.to_string()), pause_ms: 0, jumped: false }
        };
        match rng.usize(..160) {
            0 | 1 => {
                for nth in 0..rng.usize(2..5) {
                    let (partner, deal) = (format!("p{}", rng.usize(..partners)), format!("bid-{number}-{nth}"));
                    let data = json!({ "deal_id": deal, "opportunity_id": format!("tender-{}", number / 40), "customer": "City", "public_tender": true });
                    all.push(event("deal.registered", &partner, nth, data));
                    bids.push((partner, deal));
                }
            }
            2 | 3 if !bids.is_empty() => {
                let (partner, deal) = bids.swap_remove(rng.usize(..bids.len()));
                let outcome = if rng.usize(..3) == 0 { "lost" } else { "won" };
                let data =
                    json!({ "deal_id": deal, "outcome": outcome, "acv": { "amount": "7000", "currency": "USD" } });
                all.push(event("deal.closed", &partner, 9, data));
            }
            8..=13 if !registered.is_empty() => {
                let (_, deal) = &registered[registered.len() - 1 - rng.usize(..registered.len().min(6))];
                for nth in 0..rng.usize(1..4) {
                    let kind = ["endorsement", "integration_requirement", "active_in_sale"][rng.usize(..3)];
                    let mut data = json!({ "deal_id": deal, "kind": kind });
                    if rng.usize(..5) == 0 {
                        data["share_percent"] = json!(rng.u32(1..60));
                    }
                    all.push(event("deal.influenced", &format!("p{}", rng.usize(..partners)), 20 + nth, data));
                }
            }
            4..=7 if !registered.is_empty() => {
                let (partner, deal) = &registered[registered.len() - 1 - rng.usize(..registered.len().min(12))];
                let until = at + SignedDuration::from_hours(rng.i64(-48..24 * 60));
                let data = json!({ "deal_id": deal, "until": until.to_string(), "by": format!("ann{PERSON}") });
                all.push(event("deal.lease_extended", partner, 8, data));
            }
            _ => {}
        }
    }
    all
}

/// Budgets that are funded, scarcely, and reduced; slots of which there are few, that everybody wants and some give back.
fn pooled(seed: u64, program: &str, partners: usize, steps: Vec<Step>) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x9001);
    let mut all = Vec::with_capacity(steps.len());
    let [fund, spiffs, stand] = match program {
        "hr-software" => ["launch-fund", "none", "launch-slot"],
        "perx" => ["none", "none", "small-campaign"],
        _ => ["fund", "spiffs", "stand"],
    };
    for (number, step) in steps.into_iter().enumerate() {
        let at = step.at;
        all.push(step);
        let mut add = |nth: usize, kind: &str, subject: &str, source: &str, data: Value| {
            let body = json!({
                "specversion": "1.0", "id": format!("pool-{number}-{nth}"), "source": source, "type": kind,
                "subject": subject, "program": program, "time": at.to_string(), "data": data,
            });
            all.push(Step { at, action: Action::Send(body.to_string()), pause_ms: 0, jumped: false });
        };
        match rng.usize(..if number < 12 { 12 } else { 60 }) {
            0..=2 => {
                let kind = if rng.usize(..4) == 0 { "budget.reduced" } else { "budget.funded" };
                let points = [7, 100, 1_500, 4_000][rng.usize(..4)];
                let mut data = json!({ "budget": fund, "points": points, "reason": "as finance says" });
                if rng.bool() {
                    let amount = ["0.05", "120", "999.99", "5000"][rng.usize(..4)];
                    data = json!({ "budget": spiffs, "reason": "as finance says", "amount": { "amount": amount, "currency": "USD" } });
                }
                for _ in 0..rng.usize(1..3) {
                    add(0, kind, "@program", "/finance/bank", data.clone());
                }
            }
            7 | 8 => {
                for nth in 1..=rng.usize(1..4) {
                    let kind = if rng.usize(..5) == 0 { "exclusivity.ended" } else { "exclusivity.granted" };
                    let mut data = json!({ "territory": format!("t{}", rng.usize(..2)) });
                    if rng.usize(..3) == 0 {
                        data["until"] = json!((at + SignedDuration::from_hours(rng.i64(12..24 * 60))).to_string());
                    }
                    add(nth, kind, &format!("p{}", rng.usize(..partners)), "/admin/staff", data);
                }
            }
            3..=6 => {
                let day = TimeZone::UTC.to_datetime(at).date();
                let slot = format!("{:04}-{:02}", day.year(), day.month());
                for nth in 1..=rng.usize(1..5) {
                    let kind = if rng.usize(..3) == 0 { "benefit.released" } else { "benefit.booked" };
                    let data = json!({ "benefit": stand, "slot": slot });
                    add(nth, kind, &format!("p{}", rng.usize(..partners)), "/admin/staff", data);
                }
            }
            _ => {}
        }
    }
    all
}

/// What the customer of a deal that closes pays: the event that tells it, of invoice `which` of the deal.
fn invoiced(step: &Step, (number, nth, which): (usize, usize, usize), program: &str) -> Option<String> {
    let Action::Send(body) = &step.action else { return None };
    let event: Value = serde_json::from_str(body).ok().filter(|event: &Value| event["type"] == "deal.closed")?;
    let invoice = json!({
        "specversion": "1.0", "id": format!("inv-{number}-{nth}"), "source": "/finance/erp", "type": "invoice.paid",
        "subject": event["subject"], "program": program, "time": event["time"],
        "data": { "deal_id": event["data"]["deal_id"], "invoice_id": format!("i{number}-{which}"), "amount": event["data"]["acv"] },
    });
    Some(invoice.to_string())
}

/// Random choices of the grammar.
pub(crate) fn choices(rng: &mut Rng) -> Choices {
    let mut some = |of: usize, most: usize| (0..rng.usize(..=most)).map(|_| rng.usize(..of)).collect::<Vec<_>>();
    let (caps, views) = (some(14, 3), some(8, 2));
    let (forgive, frees, suspended) = (rng.bool(), rng.u8(..3) == 0, rng.u8(..4) == 0);
    let (hold, monthly, own) = (rng.bool(), rng.bool(), rng.bool());
    let (required, amended_rule, second) = (rng.u8(..3) == 0, rng.bool(), rng.bool());
    let [expiry, ladder, fiscal, zone, rcap] = std::array::from_fn(|_| rng.u8(..));
    Choices {
        caps,
        views,
        forgive,
        frees,
        suspended,
        hold,
        monthly,
        own,
        required,
        amended_rule,
        second,
        expiry,
        ladder,
        fiscal,
        zone,
        rcap,
        pays: if rcap >> 6 == 0 { 0 } else { (rcap & 0xF0) | (expiry >> 4) },
        pools: if zone >> 6 == 0 { 0 } else { zone.rotate_left(3) ^ ladder },
        facts: if fiscal >> 7 == 0 { 0 } else { fiscal.rotate_left(3) ^ rcap },
    }
}

impl Maker {
    fn step(&mut self, action: Action) -> Step {
        if !self.rush.is_empty() {
            return Step { at: self.now, action, pause_ms: 0, jumped: false };
        }
        let ahead = match self.rng.usize(..100) {
            // Now and then over a year, so that counts of periods long past lapse.
            0 if self.rng.usize(..8) == 0 => SignedDuration::from_hours(24 * self.rng.i64(390..420)),
            0 => SignedDuration::from_hours(self.rng.i64(24..24 * 40)),
            1..=4 => SignedDuration::from_hours(self.rng.i64(1..48)),
            5..=30 => SignedDuration::from_mins(self.rng.i64(1..240)),
            31..=45 => SignedDuration::from_secs(self.rng.i64(0..120)),
            _ => SignedDuration::from_secs(self.rng.i64(0..10)),
        };
        let ahead = ahead / i32::try_from(self.scale).unwrap_or(i32::MAX);
        self.now += ahead;
        // Mostly on the heels of each other, so that workers meet.
        let pause_ms = match self.rng.usize(..10) {
            0 => self.rng.u64(500..3_000),
            1..=3 => self.rng.u64(20..200),
            _ => self.rng.u64(0..15),
        };
        Step { at: self.now, action, pause_ms, jumped: ahead.as_hours() >= 24 }
    }

    fn partner(&mut self) -> usize {
        self.rng.usize(..self.partners)
    }

    /// Whether something of which a small seed sees one happens by now.
    fn happens_to_all(&mut self) -> bool {
        self.scale == 1 || self.rng.usize(..self.scale) == 0
    }

    fn deal(&mut self) -> String {
        format!("d{}", self.rng.usize(..40 * self.scale))
    }

    fn opportunity(&mut self) -> String {
        format!("o{}", self.rng.usize(..15 * self.scale))
    }

    fn reward(&mut self) -> &'static str {
        self.rewards[self.rng.usize(..self.rewards.len())]
    }

    fn load(&mut self, reward: &'static str) -> Action {
        let many = 1 + self.rng.usize(..5);
        let codes = (0..many).map(|_| {
            self.cards += 1;
            format!("{CODE}{reward}-{}", self.cards)
        });
        Action::Load(reward.to_owned(), codes.collect())
    }

    fn next(&mut self, more: bool) -> Action {
        if let Some(action) = self.rush.pop() {
            return action;
        }
        if !more {
            // What was begun comes to its end.
            let (_, body) = self.coming.remove(0);
            return Action::Send(body);
        }
        match self.rng.usize(..100) {
            0..=34 => self.story(),
            35..=52 => {
                let body = self.lone();
                self.send(body)
            }
            53..=56 => self.duel(),
            57..=60 => self.run_on_stock(),
            61..=68 => self.again(),
            69..=70 => self.hostile(),
            71..=80 => {
                let (partner, quantity) = (self.partner(), self.rng.i64(1..4));
                self.redeem(partner, quantity)
            }
            81..=86 if !self.keys.is_empty() => {
                let (partner, key) = self.keys[self.rng.usize(..self.keys.len())].clone();
                if self.rng.bool() { Action::Cancel(partner, key) } else { Action::Reveal(partner, key) }
            }
            87 if self.happens_to_all() => {
                let file = grammar::text(&choices(&mut self.rng));
                let later = self.rng.bool().then(|| SignedDuration::from_mins(self.rng.i64(10..40 * 60)));
                match self.rng.usize(..6) {
                    _ if self.program != "test" => Action::Sweep,
                    0 => Action::Withdraw,
                    1 => {
                        let at = later.unwrap_or(SignedDuration::from_mins(30));
                        Action::Regret(file, at)
                    }
                    2 => {
                        // Two are to take effect in one instant.
                        let at = later.unwrap_or(SignedDuration::from_hours(2));
                        self.rush.push(Action::Publish(grammar::text(&choices(&mut self.rng)), Some(at)));
                        Action::Publish(file, Some(at))
                    }
                    _ => Action::Publish(file, later),
                }
            }
            88..=89 => {
                let reward = self.reward();
                self.load(reward)
            }
            94..=96 => Action::Redrive,
            97..=98 if self.happens_to_all() => Action::Expire,
            87 | 90..=93 | 97..=98 => {
                if self.happens_to_all() {
                    Action::Sweep
                } else {
                    self.story()
                }
            }
            _ => Action::Back(self.rng.i64(1..20)),
        }
    }

    /// What a partner earns at first.
    fn means(&mut self, partner: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        let money = json!({ "amount": "60000", "currency": "USD" });
        for deal in 0..2 {
            let deal = format!("first-{partner}-{deal}");
            let registered =
                json!({ "deal_id": deal, "opportunity_id": deal, "customer": "Contoso", "motion": "sell" });
            bodies.push(self.body("deal.registered", partner, 0, registered));
            bodies.push(self.body(
                "deal.closed",
                partner,
                0,
                json!({ "deal_id": deal, "outcome": "won", "acv": money, "tenor_months": 36 }),
            ));
        }
        let person = format!("dana{}{PERSON}", self.rng.usize(..4));
        bodies.push(self.body(
            "certification.granted",
            partner,
            0,
            json!({ "certification_id": "sales-101", "person_id": person }),
        ));
        self.count += bodies.len();
        self.sent.extend(bodies.iter().cloned());
        bodies
    }

    fn redeem(&mut self, partner: usize, quantity: i64) -> Action {
        let (partner, reward) = (format!("p{partner}"), self.reward().to_owned());
        let key = format!("k{}", self.rng.usize(..60 * self.scale));
        self.keys.push((partner.clone(), key.clone()));
        let recipient = format!("r{}{PERSON}", self.rng.usize(..4));
        Action::Redeem { partner, key, reward, quantity, recipient }
    }

    /// Everybody wants the same cards at once.
    fn run_on_stock(&mut self) -> Action {
        let crowd: Vec<usize> = match self.partners {
            few @ 0..=CROWD_MAX => (0..few).collect(),
            _ => (0..CROWD_MAX).map(|_| self.partner()).collect(),
        };
        for partner in crowd {
            let quantity = 1 + self.rng.i64(0..6) / 3;
            let action = self.redeem(partner, quantity);
            self.rush.push(action);
        }
        let partner = self.partner();
        self.redeem(partner, 1)
    }

    /// Two partners speak of one deal or one opportunity at once.
    fn duel(&mut self) -> Action {
        let (deal, opportunity) = (self.deal(), self.opportunity());
        let (first, other) = (self.partner(), self.partner());
        let registered = |deal: &str| json!({ "deal_id": deal, "opportunity_id": opportunity, "customer": "Contoso", "motion": "sell" });
        let both = match self.rng.usize(..4) {
            0 => [("deal.registered", registered(&deal)), ("deal.registered", registered(&deal))],
            1 => [("deal.registered", registered(&deal)), ("deal.registered", registered(&format!("{deal}-2")))],
            2 => {
                let closed = |amount: u32| json!({ "deal_id": deal, "outcome": "won", "acv": { "amount": amount.to_string(), "currency": "USD" } });
                [("deal.closed", closed(self.rng.u32(..50_000))), ("deal.closed", closed(self.rng.u32(..50_000)))]
            }
            _ => {
                let to = json!({ "deal_id": deal, "to_partner": format!("p{other}") });
                [
                    ("deal.reassigned", to),
                    ("deal.amended", json!({ "deal_id": deal, "acv": { "amount": "7000", "currency": "USD" } })),
                ]
            }
        };
        let [(kind, data), (other_kind, other_data)] = both;
        let second = self.body(other_kind, other, 0, other_data);
        let second = self.send(second);
        self.rush.push(second);
        let body = self.body(kind, first, 0, data);
        self.send(body)
    }

    fn send(&mut self, body: String) -> Action {
        self.count += 1;
        self.sent.push(body.clone());
        Action::Send(body)
    }

    /// A message that was sent before: as it was, with other white space, or with another meaning under its identity.
    fn again(&mut self) -> Action {
        if self.sent.is_empty() {
            return Action::Sweep;
        }
        let body = self.sent[self.rng.usize(..self.sent.len())].clone();
        let body = match (self.rng.usize(..8), serde_json::from_str::<Value>(&body)) {
            (0, Ok(mut event)) => {
                event["data"]["reason"] = json!("another one");
                event["data"]["acv"] = json!({ "amount": self.rng.u32(1..9_000).to_string(), "currency": "USD" });
                event["time"] = json!(self.now.to_string());
                event.to_string()
            }
            (1, Ok(event)) => serde_json::to_string_pretty(&event).unwrap_or(body),
            _ => body,
        };
        self.count += 1;
        Action::Send(body)
    }

    /// What no sender should send.
    fn hostile(&mut self) -> Action {
        let bodies = ["", "not json", "[1,2]", r#"{"id":"x"}"#, r#"{"specversion":"1.0","id":"","source":"/crm/t"}"#];
        let good = self.body(
            "deal.closed",
            0,
            0,
            json!({ "deal_id": "d0", "outcome": "won", "acv": { "amount": "-5", "currency": "USD" } }),
        );
        let sound = self.body("partner.reinstated", 0, 0, json!({ "reason": "sent to another program" }));
        let elsewhere = sound.replace(&format!("\"program\":\"{}\"", self.program), "\"program\":\"nobody-has-this\"");
        let foreign = self
            .body("course.completed", 0, 0, json!({ "course_id": "101", "person_id": "x", "level": 101 }))
            .replace("/lms/t", "/crm/t");
        let future = self.body("deal.qualified", 0, -4_000_000, json!({ "deal_id": "d0" }));
        let mut all: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
        all.extend([good, elsewhere, foreign, future]);
        self.count += 1;
        Action::Send(all[self.rng.usize(..all.len())].clone())
    }

    fn enrol(&mut self, partner: usize) -> String {
        let mut data = json!({ "name": "Partner", "motions": ["sell", "service"] });
        // Another each time; what nobody declares is nobody's business.
        let seed = event::steady_hash(format!("{partner} {}", self.count).bytes());
        data["facts"] = serde_json::from_str(&stated(seed)).unwrap_or_default();
        if seed % 5 == 0 {
            data["unlisted"] = json!(true);
        }
        let late = self.rng.i64(0..20 * 24 * 3_600);
        self.body("partner.enrolled", partner, late, data)
    }

    /// An event; `late` seconds before now.
    fn body(&mut self, kind: &str, partner: usize, late: i64, data: Value) -> String {
        let source = match kind.split('.').next().unwrap_or_default() {
            "course" | "certification" => "/lms/t",
            "content" => "/cms/t",
            "webinar" => "/webinars/t",
            "attestation" => "/admin/t",
            "award" => {
                if self.program == "test" {
                    "/staff/t"
                } else {
                    "/admin/t"
                }
            }
            _ => "/crm/t",
        };
        let id = format!("e{}-{}", self.sent.len(), self.rng.u32(..1_000_000));
        let time = (self.now - SignedDuration::from_secs(late)).to_string();
        json!({
            "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": format!("p{partner}"),
            "program": self.program, "time": time, "data": data,
        })
        .to_string()
    }

    fn late(&mut self) -> i64 {
        match self.rng.usize(..20) {
            0 => self.rng.i64(0..200 * 24 * 3_600),
            1..=4 => self.rng.i64(0..20 * 24 * 3_600),
            _ => self.rng.i64(0..4 * 3_600),
        }
    }

    fn money(&mut self) -> Value {
        let amount = match self.rng.usize(..5) {
            0 => self.rng.u32(..3),
            1 => 999 + self.rng.u32(..3),
            _ => self.rng.u32(..60_000),
        };
        let currency = if self.rng.usize(..6) == 0 { "EUR" } else { "USD" };
        json!({ "amount": amount.to_string(), "currency": currency })
    }

    /// A deal from its registration on, its events mixed with others.
    fn story(&mut self) -> Action {
        if !self.coming.is_empty() && self.rng.usize(..3) > 0 {
            let next = self.rng.usize(..self.coming.len().min(12));
            let (_, body) = self.coming.remove(next);
            return self.send(body);
        }
        let (partner, deal) = (self.partner(), self.deal());
        let mut late = 5 * 24 * 3_600 + self.late();
        let mut events = Vec::new();
        let mut closed = json!({ "deal_id": deal, "outcome": if self.rng.usize(..6) == 0 { "lost" } else { "won" }, "acv": self.money(), "tenor_months": self.rng.u32(1..37) });
        let mut registered = json!({ "deal_id": deal, "opportunity_id": self.opportunity(), "customer": "Contoso" });
        // Who says a deal's motion, and whether both say the same, is the senders' business.
        for said in [&mut registered, &mut closed] {
            if let Some(motion) = ["sell", "sell", "service"].get(self.rng.usize(..5)) {
                said["motion"] = json!(motion);
            }
        }
        let kinds =
            [("deal.registered", registered), ("deal.qualified", json!({ "deal_id": deal })), ("deal.closed", closed)];
        for (kind, data) in kinds {
            if self.rng.usize(..7) > 0 {
                events.push((kind, data));
            }
        }
        for _ in 0..self.rng.usize(..4) {
            let usd = json!({ "amount": self.rng.u32(..20_000).to_string(), "currency": "USD" });
            events.push(match self.rng.usize(..4) {
                0 => ("deal.reversed", json!({ "deal_id": deal, "reason": "returned" })),
                1 => ("deal.reversed", json!({ "deal_id": deal, "reason": "in part", "amount": usd })),
                _ => ("deal.amended", json!({ "deal_id": deal, "acv": usd })),
            });
        }
        if self.rng.usize(..8) == 0 {
            let to = self.partner();
            let at = self.rng.usize(..=events.len());
            events.insert(at, ("deal.reassigned", json!({ "deal_id": deal, "to_partner": format!("p{to}") })));
        }
        for (kind, data) in events {
            let whose = if self.rng.usize(..25) == 0 { self.partner() } else { partner };
            let body = self.body(kind, whose, late, data);
            late -= self.rng.i64(0..30_000);
            self.coming.push((self.now, body));
        }
        if self.coming.is_empty() {
            return Action::Sweep;
        }
        let (_, body) = self.coming.remove(0);
        self.send(body)
    }

    /// What staff say of awards that are held for their looks: of one event's, or of all.
    fn looked_at(&mut self) -> (&'static str, Value) {
        let mut data = json!({ "by": format!("channel{PERSON}"), "reason": "looked at" });
        let sent = (!self.sent.is_empty()).then(|| &self.sent[self.rng.usize(..self.sent.len())]);
        let event = sent.and_then(|body| serde_json::from_str::<Value>(body).ok());
        if let Some(event) = event.filter(|_| self.rng.usize(..3) > 0) {
            (data["event_source"], data["event_id"]) = (event["source"].clone(), event["id"].clone());
        }
        (if self.rng.bool() { "award.released" } else { "award.withdrawn" }, data)
    }

    /// What an event of the vendor's own says; now and then in bad form.
    fn attended(&mut self, person: &str) -> Value {
        let mode = ["live", "live", "recorded", "maybe"]
            [self.rng.usize(..4).min(2 + usize::from(self.count.is_multiple_of(9)))];
        let mut data = json!({ "webinar_id": format!("w{}", self.rng.usize(..5)), "person_id": person, "mode": mode });
        if self.rng.bool() {
            data["minutes"] = json!(self.rng.u32(..60));
        }
        if self.rng.usize(..3) == 0 {
            data["fee"] = self.money();
        }
        if self.rng.usize(..3) == 0 {
            data["asked"] = json!(self.rng.bool());
        }
        // Some versions of the program declare it, and others look away from it.
        if self.rng.usize(..3) == 0 {
            data["room"] = json!("7b");
        }
        data
    }

    /// An event of no story.
    fn lone(&mut self) -> String {
        let (partner, late) = (self.partner(), self.late());
        let person = format!("dana{}{PERSON}", self.rng.usize(..4));
        let (kind, data) = match self.rng.usize(..16) {
            0 => return self.enrol(partner),
            1 if self.count.is_multiple_of(3) => self.looked_at(),
            1 | 2 => ("webinar.attended", self.attended(&person)),
            3..=6 => (
                "content.viewed",
                json!({ "content_id": format!("c{}", self.rng.usize(..4)), "person_id": person, "team": format!("t{}", self.rng.usize(..2)), "territory": format!("US-{}", self.rng.usize(..2)), "seconds": self.rng.u32(..90) }),
            ),
            7..=9 => (
                "course.completed",
                json!({ "course_id": format!("sales-{}", self.rng.usize(..3)), "person_id": person, "level": 101 + 100 * self.rng.u32(..3) }),
            ),
            10 => (
                "certification.granted",
                match self.rng.usize(..2) {
                    0 => json!({ "certification_id": "sales-100", "person_id": person }),
                    _ => json!({ "certification_id": "sales-101", "person_id": person, "level": 201 }),
                },
            ),
            11 if self.count.is_multiple_of(2) => (
                "attestation.recorded",
                json!({ "criterion": "good", "value": self.count.is_multiple_of(3), "by": format!("channel{PERSON}") }),
            ),
            11 => ("certification.expired", json!({ "certification_id": "sales-101", "person_id": person })),
            12 | 13 => {
                let kind = if self.rng.usize(..4) == 0 { "partner.suspended" } else { "partner.reinstated" };
                (kind, json!({ "reason": "audit" }))
            }
            14 if self.rng.usize(..6) == 0 => ("partner.offboarded", json!({ "reason": "ended" })),
            14 => ("purchase_order.received", json!({ "deal_id": self.deal(), "amount": self.money() })),
            _ => ("deal.influenced", json!({ "deal_id": self.deal(), "kind": "endorsement" })),
        };
        self.body(kind, partner, late, data)
    }
}
