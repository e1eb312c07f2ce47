//! Random programs, versions, batches of two partners: decided from what is loaded, stored as JSON, rebuilt from records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::audit::{Shared, check_account, check_records, rebuild, rebuild_redemptions, rebuild_shared};
use domain::deal::{Deal, Opportunity};
use domain::decide::{Judgement, State, decide, more_parts, named, needs};
use domain::ledger::packed::{self, StoredHead};
use domain::ledger::{Account, Part, Record};
use domain::redemption::{Redemption, RedemptionStep, Wish};
use event::ids::{DealId, OpportunityId, PartnerId, ProgramId, RedemptionId, RewardId};
use event::{Event, ReleaseReason, Whole};
use jiff::{SignedDuration, Timestamp};
use laurel_replay::grammar::{Choices, text};
use program::{Program, Programs, Version};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn through<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("json");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn prog() -> impl Strategy<Value = Choices> {
    (
        prop::collection::vec(0..14usize, 0..4),
        prop::collection::vec(0..8usize, 0..3),
        any::<(bool, bool, bool, bool, bool, bool, bool, bool, bool)>(),
        any::<(u8, u8, u8, u8, u8, u8)>(),
    )
        .prop_map(
            |(
                caps,
                views,
                (forgive, hold, monthly, own, required, amended_rule, second, frees, suspended),
                (expiry, ladder, fiscal, zone, rcap, pays),
            )| Choices {
                caps,
                views,
                forgive,
                expiry,
                hold,
                monthly,
                own,
                ladder,
                required,
                fiscal,
                zone,
                rcap,
                amended_rule,
                second,
                frees,
                suspended,
                pays,
                pools: 0,
                facts: 0,
            },
        )
}

#[derive(Clone, Debug)]
enum Step {
    Send { who: u8, kinds: Vec<(u8, u8, u32, u16)> },
    Redeem(u8, u8),
    Order(u8),
    Fulfil(u8),
    Release(u8, bool),
    Wait(u16),
    Publish(Choices),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..2u8, prop::collection::vec((0..16u8, 0..5u8, prop_oneof![Just(0u32), Just(1), Just(999), Just(1000), 1..30_000u32], prop_oneof![4 => 0..3u16, 1 => 0..400u16]), 1..6)).prop_map(|(who, kinds)| Step::Send { who, kinds }),
        2 => (0..2u8, 0..8u8).prop_map(|(w, k)| Step::Redeem(w, k)),
        1 => (0..8u8).prop_map(Step::Order),
        1 => (0..8u8).prop_map(Step::Fulfil),
        1 => (0..8u8, any::<bool>()).prop_map(|(k, d)| Step::Release(k, d)),
        3 => (1..3_000u16).prop_map(Step::Wait),
        1 => prog().prop_map(Step::Publish),
    ]
}

struct W {
    programs: Programs,
    now: Timestamp,
    /// Accounts as a table has them: the head, and the parts beside it.
    accounts: BTreeMap<PartnerId, (StoredHead, BTreeMap<Part, String>)>,
    deals: BTreeMap<DealId, Deal>,
    opps: BTreeMap<OpportunityId, Opportunity>,
    reds: BTreeMap<RedemptionId, Redemption>,
    stock: BTreeMap<RewardId, i64>,
    records: Vec<Record>,
    held: Vec<Event>,
}

fn version(program: &str, number: u32, from: Timestamp) -> Version {
    Version {
        number,
        hash: Version::content_hash(program),
        effective_from: from,
        program: Arc::new(Program::parse(program).unwrap_or_else(|e| panic!("{e:?}\n{program}"))),
    }
}

impl W {
    fn event(&self, kind: &str, who: &str, id: &str, time: Timestamp, data: String) -> Event {
        let source = match kind.split('.').next().expect("it is in good form") {
            "course" | "certification" => "/lms/t",
            "content" => "/cms/t",
            _ => "/crm/t",
        };
        let body = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"{kind}","subject":"{who}","program":"test","time":"{time}","data":{data}}}"#
        );
        Event::parse(&body, self.now).unwrap_or_else(|e| panic!("{e:?} {body}"))
    }
    fn load(&self, partner: &PartnerId, events: &[Event]) -> State {
        let mut s = State::new(partner.clone());
        let mut beside = self.accounts.get(partner).map(|(_, beside)| beside.clone()).unwrap_or_default();
        // A table drops what nobody needs any more.
        let today = jiff::tz::TimeZone::UTC.to_datetime(self.now).date();
        beside.retain(|part, _| part.expires_on().is_none_or(|day| day > today));
        if let Some((head, _)) = self.accounts.get(partner) {
            s.account = Box::new(packed::open(&through(head)).expect("a head that reads"));
        }
        let read = |account: &mut Account, parts: BTreeSet<Part>| {
            for part in parts {
                let content = beside.get(&part).map(String::as_str);
                packed::read(account, part, content).expect("a part that reads");
            }
        };
        let names = named(events);
        s.deals = names.deals.iter().map(|id| (id.clone(), self.deals.get(id).map(through))).collect();
        let mut n = needs(&self.programs, &s, events, self.now);
        read(&mut s.account, std::mem::take(&mut n.parts));
        s.redemptions = n.redemptions.iter().filter_map(|id| Some((id.clone(), through(self.reds.get(id)?)))).collect();
        let more = more_parts(&self.programs, &s, self.now);
        read(&mut s.account, more);
        s.opportunities = names.opportunities.iter().map(|id| (id.clone(), self.opps.get(id).map(through))).collect();
        s.stock = n.rewards.iter().map(|id| (id.clone(), self.stock.get(id).copied().unwrap_or(0))).collect();
        s
    }
    fn group(&mut self, partner: &PartnerId, events: Vec<Event>) {
        let mut left: Vec<Event> =
            events.into_iter().filter(|e| !self.records.iter().any(|r| r.identity == e.identity)).collect();
        let mut uniq = Vec::<Event>::new();
        for e in left.drain(..) {
            if !uniq.iter().any(|u| u.identity == e.identity) {
                uniq.push(e);
            }
        }
        let events = uniq;
        for _ in 0..50 {
            let before = self.load(partner, &events);
            let parts_before = packed::parts(&before.account);
            let d = match decide(&self.programs, before, &events, self.now) {
                Ok(d) => d,
                Err(e) => panic!(
                    "BROKEN {e:?}\nevents {events:#?}\nnow {} program {:?}",
                    self.now,
                    self.programs.current(self.now).program
                ),
            };
            if !d.records.is_empty() {
                let st = &d.state;
                // Only what changed is written.
                let mut changed = packed::parts(&st.account);
                changed.retain(|part, content| parts_before.get(part) != Some(content));
                let none = || (packed::head(&Account::default()), BTreeMap::new());
                let (head, beside) = self.accounts.entry(partner.clone()).or_insert_with(none);
                *head = packed::head(&st.account);
                beside.extend(changed);
                self.deals.extend(st.deals.iter().filter_map(|(i, d)| Some((i.clone(), d.clone()?))));
                self.opps.extend(st.opportunities.iter().filter_map(|(i, d)| Some((i.clone(), d.clone()?))));
                self.reds.extend(st.redemptions.clone());
                for m in &d.stock {
                    *self.stock.entry(m.reward_id.clone()).or_default() += m.free;
                }
                self.records.extend(d.records.clone());
            }
            if d.judgements.contains(&Judgement::Later) {
                continue;
            }
            for (e, j) in events.iter().zip(&d.judgements) {
                if matches!(j, Judgement::Held { .. }) {
                    self.held.push(e.clone());
                }
            }
            return;
        }
        panic!("never caught up");
    }
    fn again(&mut self) {
        let mut n = usize::MAX;
        while self.held.len() < n {
            n = self.held.len();
            let held = std::mem::take(&mut self.held);
            for e in held {
                let p = e.partner.clone();
                self.group(&p, vec![e]);
            }
        }
    }
}

fn run(first: &Choices, steps: &[Step]) -> W {
    let now: Timestamp = "2026-01-15T12:00:00Z".parse().expect("it is in good form");
    let mut w = W {
        programs: Programs::new(vec![version(
            &text(first),
            1,
            "2020-01-01T00:00:00Z".parse().expect("it is in good form"),
        )])
        .expect("it is in good form"),
        now,
        accounts: BTreeMap::new(),
        deals: BTreeMap::new(),
        opps: BTreeMap::new(),
        reds: BTreeMap::new(),
        stock: BTreeMap::new(),
        records: vec![],
        held: vec![],
    };
    w.stock.insert("card".try_into().expect("it is in good form"), 6);
    let who = |n: u8| -> PartnerId { ["p", "q"][n as usize % 2].try_into().expect("it is in good form") };
    for (at, s) in steps.iter().enumerate() {
        match s {
            Step::Wait(h) => {
                w.now = w.now.checked_add(SignedDuration::from_hours(i64::from(*h))).expect("it is in good form");
            }
            Step::Publish(p) => {
                let mut vs = w.programs.all().to_vec();
                let number = u32::try_from(vs.len()).expect("few versions") + 1;
                vs.push(version(
                    &text(p),
                    number,
                    w.now.checked_add(SignedDuration::from_secs(60)).expect("it is in good form"),
                ));
                w.programs = Programs::new(vs).expect("it is in good form");
            }
            Step::Redeem(p, k) => {
                let wish = Wish {
                    reward_id: "card".try_into().expect("it is in good form"),
                    quantity: Whole::new(1).expect("it is in good form"),
                };
                let id: RedemptionId = format!("r{}-{}", p % 2, k).try_into().expect("it is in good form");
                if w.reds.contains_key(&id) {
                    continue;
                }
                let e = wish.event(
                    &ProgramId::try_from("test").expect("it is in good form"),
                    &who(*p),
                    &k.to_string(),
                    id,
                    w.now,
                );
                w.group(&who(*p), vec![e]);
            }
            Step::Order(k) | Step::Fulfil(k) | Step::Release(k, _) => {
                let st = match s {
                    Step::Order(_) => RedemptionStep::Ordering,
                    Step::Fulfil(_) => RedemptionStep::Fulfilled,
                    Step::Release(_, true) => RedemptionStep::Released(ReleaseReason::Declined),
                    _ => RedemptionStep::Released(ReleaseReason::Cancelled),
                };
                for p in 0..2u8 {
                    let id: RedemptionId = format!("r{p}-{k}").try_into().expect("it is in good form");
                    let e = st.event(&ProgramId::try_from("test").expect("it is in good form"), &who(p), &id, w.now);
                    if w.accounts.contains_key(&who(p)) {
                        w.group(&who(p), vec![e]);
                    }
                }
            }
            Step::Send { who: p, kinds } => {
                let mut events = vec![];
                let name = who(*p).to_string();
                for (i, (kind, d, acv, late)) in kinds.iter().enumerate() {
                    let time = w
                        .now
                        .checked_sub(SignedDuration::from_hours(
                            i64::from(*late) * 24 + i64::try_from(i).expect("few events") % 3,
                        ))
                        .expect("it is in good form");
                    let id = format!("e{at}-{i}");
                    let cur = if acv % 5 == 4 { "EUR" } else { "USD" };
                    let money = format!(r#"{{"amount":"{acv}","currency":"{cur}"}}"#);
                    let usd = format!(r#"{{"amount":"{acv}","currency":"USD"}}"#);
                    let motion = ["", r#","motion":"sell""#, r#","motion":"service""#][*acv as usize % 3];
                    let (k, data) = match kind {
                        0 => ("partner.enrolled", r#"{"name":"P","motions":["sell","service"]}"#.to_owned()),
                        1 => (
                            "deal.registered",
                            format!(r#"{{"deal_id":"d{d}","opportunity_id":"o{}","customer":"c"{motion}}}"#, acv % 3),
                        ),
                        2 => ("deal.qualified", format!(r#"{{"deal_id":"d{d}"}}"#)),
                        3 | 4 => (
                            "deal.closed",
                            format!(
                                r#"{{"deal_id":"d{d}","outcome":"won","acv":{money}{motion},"tenor_months":{}}}"#,
                                acv % 36 + 1
                            ),
                        ),
                        5 => ("deal.closed", format!(r#"{{"deal_id":"d{d}","outcome":"lost"{motion}}}"#)),
                        6 | 7 => ("deal.amended", format!(r#"{{"deal_id":"d{d}","acv":{usd}}}"#)),
                        8 => ("deal.reversed", format!(r#"{{"deal_id":"d{d}","reason":"x","amount":{usd}}}"#)),
                        9 => ("deal.reversed", format!(r#"{{"deal_id":"d{d}","reason":"x"}}"#)),
                        10 => (
                            "deal.reassigned",
                            format!(r#"{{"deal_id":"d{d}","to_partner":"{}"}}"#, if *p % 2 == 0 { "q" } else { "p" }),
                        ),
                        11 => (
                            "content.viewed",
                            format!(r#"{{"content_id":"c{d}","person_id":"p{}","team":"t{}"}}"#, acv % 2, acv % 3),
                        ),
                        12 => (
                            "certification.granted",
                            format!(r#"{{"certification_id":"c{d}","person_id":"p{}"}}"#, acv % 2),
                        ),
                        13 => (
                            ["partner.suspended", "partner.reinstated", "partner.offboarded"][*acv as usize % 3],
                            r#"{"reason":"x"}"#.to_owned(),
                        ),
                        14 => ("purchase_order.received", format!(r#"{{"deal_id":"d{d}","amount":{money}}}"#)),
                        _ => ("deal.influenced", format!(r#"{{"deal_id":"d{d}","kind":"endorsement"}}"#)),
                    };
                    events.push(w.event(k, &name, &id, time, data));
                }
                w.group(&who(*p), events);
                w.again();
            }
        }
    }
    w
}

fn sound(w: &W) {
    for (partner, account) in &w.accounts {
        let records: Vec<Record> = w.records.iter().filter(|r| r.partner == *partner).cloned().collect();
        let mut found = check_records(&records, &w.programs);
        let rebuilt = rebuild(&records, jiff::civil::Date::MIN).expect("applies");
        assert!(found.is_empty(), "{}", found.join("\n"));
        let (head, beside) = account;
        assert_eq!((head, beside), (&packed::head(&rebuilt), &packed::parts(&rebuilt)), "bytes");
        let mut read = packed::open(head).expect("a head that reads");
        for content in beside.values() {
            packed::take(&mut read, content).expect("a part that reads");
        }
        found.extend(check_account(&read, &rebuilt));
        assert!(found.is_empty(), "{}", found.join("\n"));
        let reds: BTreeMap<_, _> =
            w.reds.iter().filter(|(_, r)| r.partner == *partner).map(|(i, r)| (i.clone(), r.clone())).collect();
        assert_eq!(rebuild_redemptions(&records), (reds, vec![]));
        assert!(rebuilt.frequency.iter().all(|(_, used)| *used >= 0));
    }
    let (shared, found) = rebuild_shared(w.records.iter().rev());
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        serde_json::to_string(&(&shared.deals, &shared.opportunities)).expect("it is in good form"),
        serde_json::to_string(&(&w.deals, &w.opps)).expect("it is in good form")
    );
    assert_eq!(shared, Shared { deals: w.deals.clone(), opportunities: w.opps.clone(), ..Shared::default() });
    for r in &w.records {
        assert_eq!(&through(r), r);
        for e in &r.effects {
            if let domain::ledger::Effect::Measured { by, .. } = e {
                assert!(!by.is_empty(), "an effect of nothing: {r:?}");
            }
        }
    }
    let taken = w.reds.values().filter(|r| r.status != domain::redemption::RedemptionStatus::Released).count();
    let taken = i64::try_from(taken).expect("few redemptions");
    assert_eq!(w.stock["card"] + taken, 6);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() })]
    #[test]
    fn random(first in prog(), steps in prop::collection::vec(step(), 1..40)) {
        let mut all = vec![Step::Send { who: 0, kinds: vec![(0, 0, 0, 14)] }, Step::Send { who: 1, kinds: vec![(0, 0, 0, 14)] }];
        all.extend(steps);
        let w = run(&first, &all);
        sound(&w);
    }
}
