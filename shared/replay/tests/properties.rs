//! What must hold for any history (I1, I2, I5, I9, I10, I13, I14, I15).

use std::collections::BTreeMap;

use domain::audit::{check_account, check_records, check_redemptions, rebuild, rebuild_redemptions};
use domain::ledger::{Account, Asset, Record};
use domain::redemption::{Redemption, RedemptionStatus};
use event::Event;
use event::time::Month;
use laurel_replay::World;
use program::Measure;
use proptest::prelude::*;
use rust_decimal::Decimal;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["partner.*", "deal.*", "invoice.paid"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", bands = [{ from = "1", points = 10 }, { from = "1000", points = 100 }, { from = "10000", points = 1000 }] }
[earn.bonus]
on = "deal.closed"
if = { outcome = "won", acv = ">= 5000" }
points = { by = "acv", per = "1000", points = 1 }
hold = "30 days"
[earn.registered]
on = "deal.registered"
points = 5
[earn.qualified]
on = "deal.qualified"
points = 7
[earn.reading]
on = "content.viewed"
points = 3
at_most = ["1 per person per content per week", "20 points per partner per month"]
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 2, within = "1 year" }
keep = { deals = 2, within = "6 months" }
grace = "1 quarter"
[commission.base]
rate = { by = "acv", bands = [{ from = "100", rate = "3%" }, { from = "1000", rate = "5%" }, { from = "10000", rate = "7.5%" }] }
hold = "45 days"
[commission.slices]
base = "total value"
rate = { by = "acv", slices = [{ from = "0", rate = "10%" }, { from = "5000", rate = "8%" }] }
[commission.share]
on = "invoice.paid"
rate = "10%"
for = "2 months"
at_most = "900 USD per partner per quarter"
hold = "20 days"
[reward.card]
name = "Card"
points = 60
at_most = "5 per partner per quarter"
[policy]
expiry = "3 months after earning, at the end of the month"
"#;

/// One thing that may happen.
#[derive(Clone, Debug)]
enum Step {
    Register(u8),
    Qualify(u8),
    Close(u8, u32, bool),
    Amend(u8, u32),
    Reverse(u8, Option<u32>),
    Invoice(u8, u8, u32),
    View(u8, u8),
    Redeem(u8),
    Order(u8),
    Fulfil(u8),
    Release(u8, bool),
    Suspend(bool),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let deal = 0..5_u8;
    let acv = prop_oneof![Just(0_u32), 1..20_000_u32, Just(1_000), Just(10_000)];
    prop_oneof![
        2 => deal.clone().prop_map(Step::Register),
        1 => deal.clone().prop_map(Step::Qualify),
        3 => (deal.clone(), acv.clone(), prop::bool::weighted(0.9)).prop_map(|(d, a, w)| Step::Close(d, a, w)),
        2 => (deal.clone(), acv.clone()).prop_map(|(d, a)| Step::Amend(d, a)),
        2 => (deal.clone(), prop::option::of(acv.clone())).prop_map(|(d, a)| Step::Reverse(d, a)),
        2 => (deal, 0..3_u8, acv).prop_map(|(d, i, a)| Step::Invoice(d, i, a)),
        2 => (0..3_u8, 0..3_u8).prop_map(|(c, p)| Step::View(c, p)),
        3 => (0..8_u8).prop_map(Step::Redeem),
        2 => (0..8_u8).prop_map(Step::Order),
        2 => (0..8_u8).prop_map(Step::Fulfil),
        2 => (0..8_u8, any::<bool>()).prop_map(|(k, d)| Step::Release(k, d)),
        1 => any::<bool>().prop_map(Step::Suspend),
        2 => (1..2_000_u16).prop_map(Step::Wait),
    ]
}

fn money(amount: u32) -> String {
    format!(r#"{{"amount":"{amount}","currency":"USD"}}"#)
}

/// Takes one step, as event number `at`; some events are late by months.
fn take(world: &mut World, at: usize, step: &Step) {
    let late = jiff::SignedDuration::from_hours(if at % 7 == 3 { 24 * 150 } else { 1 });
    let time = world.now.checked_sub(late).expect("in range").to_string();
    let id = format!("e{at}");
    let mut send = |kind: &str, data: String| {
        world.send(kind, "p", &id, &time, &data);
    };
    match step {
        Step::Register(d) => {
            send("deal.registered", format!(r#"{{"deal_id":"d{d}","opportunity_id":"o{d}","customer":"c"}}"#));
        }
        Step::Qualify(d) => send("deal.qualified", format!(r#"{{"deal_id":"d{d}"}}"#)),
        Step::Close(d, acv, true) => {
            send("deal.closed", format!(r#"{{"deal_id":"d{d}","outcome":"won","acv":{}}}"#, money(*acv)));
        }
        Step::Close(d, _, false) => send("deal.closed", format!(r#"{{"deal_id":"d{d}","outcome":"lost"}}"#)),
        Step::Amend(d, acv) => send("deal.amended", format!(r#"{{"deal_id":"d{d}","acv":{}}}"#, money(*acv))),
        Step::Reverse(d, Some(amount)) => {
            send("deal.reversed", format!(r#"{{"deal_id":"d{d}","reason":"x","amount":{}}}"#, money(*amount)));
        }
        Step::Reverse(d, None) => send("deal.reversed", format!(r#"{{"deal_id":"d{d}","reason":"x"}}"#)),
        Step::Invoice(d, i, amount) => {
            send("invoice.paid", format!(r#"{{"deal_id":"d{d}","invoice_id":"i{i}","amount":{}}}"#, money(*amount)));
        }
        Step::View(c, p) => send("content.viewed", format!(r#"{{"content_id":"c{c}","person_id":"p{p}"}}"#)),
        Step::Suspend(true) => send("partner.suspended", r#"{"reason":"x"}"#.to_owned()),
        Step::Suspend(false) => send("partner.reinstated", r#"{"reason":"x"}"#.to_owned()),
        Step::Redeem(key) => {
            world.redeem("p", "card", 1, &key.to_string());
        }
        Step::Order(key) => {
            world.step("p", &key.to_string(), "ordering");
        }
        Step::Fulfil(key) => {
            world.step("p", &key.to_string(), "fulfilled");
        }
        Step::Release(key, declined) => {
            world.step("p", &key.to_string(), if *declined { "declined" } else { "cancelled" });
        }
        Step::Wait(hours) => {
            world.now = world.now.checked_add(jiff::SignedDuration::from_hours(i64::from(*hours))).expect("in range");
        }
    }
}

fn assert_sound(world: &World) {
    let found = world.findings();
    for partner in world.accounts.keys() {
        let records: Vec<Record> = world.records.iter().filter(|r| r.partner == *partner).cloned().collect();
        let redemptions =
            world.redemptions.values().filter(|r| r.partner == *partner).map(|r| (r.id.clone(), r.clone()));
        assert_eq!(rebuild_redemptions(&records), (redemptions.collect(), vec![]));
    }
    // A record reads as it was written.
    for record in &world.records {
        let written = serde_json::to_string(record).expect("JSON");
        assert_eq!(&serde_json::from_str::<Record>(&written).expect("a record"), record, "{written}");
    }
    assert!(found.is_empty(), "{}\n{}", found.join("\n"), world.ledger());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any history leaves a ledger that adds up, and an account that is what its records add up to.
    #[test]
    fn any_history_adds_up(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(PROGRAM, "2026-01-15T12:00:00Z");
        world.load_stock("card", 4);
        world.enrol("p");
        for (at, step) in steps.iter().enumerate() {
            take(&mut world, at, step);
        }
        assert_sound(&world);
        let stock_left = world.stock["card"];
        let taken = world.redemptions.values().filter(|r| r.status != domain::redemption::RedemptionStatus::Released).count();
        prop_assert_eq!(stock_left + i64::try_from(taken).expect("few"), 4, "I18");
        // A sent event once more changes nothing (I2).
        world.catch_up();
        let before = world.account("p").clone();
        let count = world.records.len();
        for (at, step) in steps.iter().enumerate().filter(|(_, s)| !matches!(s, Step::Wait(_))) {
            let known = world.records.iter().any(|r| r.identity.id.as_str() == format!("e{at}"));
            if known && matches!(step, Step::Register(_) | Step::Close(..) | Step::View(..)) {
                let record = world.records.iter().find(|r| r.identity.id.as_str() == format!("e{at}")).expect("record").clone();
                let event = world.event(&record.kind, "p", &format!("e{at}"), &record.time.to_string(), &record.data);
                world.judge(&[event]);
            }
        }
        prop_assert_eq!(world.records.len(), count);
        prop_assert_eq!(world.account("p"), &before);
    }

    /// Whatever was amended and reversed before: when every deal is void, nothing of it is left, points and money alike.
    #[test]
    fn voiding_every_deal_leaves_nothing(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new(PROGRAM, "2026-01-15T12:00:00Z");
        world.enrol("p");
        let of_deals = |step: &&Step| matches!(step, Step::Close(..) | Step::Amend(..) | Step::Reverse(..) | Step::Invoice(..) | Step::Wait(_));
        for (at, step) in steps.iter().filter(of_deals).enumerate() {
            take(&mut world, at, step);
        }
        for deal in 0..5 {
            take(&mut world, 1_000 + deal, &Step::Reverse(u8::try_from(deal).expect("few"), None));
        }
        assert_sound(&world);
        let left = world.account("p").head.funds.iter().filter(|(_, funds)| funds.balance().total() != 0).count();
        prop_assert_eq!(left, 0, "{}", world.ledger());
        prop_assert!(measured(&world).is_empty(), "{}", world.ledger());
    }

    /// The events of one deal, in any order and with duplicates, end in the same deal and the same points (I13).
    #[test]
    fn the_order_of_a_deals_events_does_not_matter(
        order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..7_usize, 0..5),
        (required, other, between, amended, reversed) in any::<(bool, bool, bool, bool, bool)>(),
        amounts in (1..20_000_u32, 1..20_000_u32, 1..20_000_u32, 1..5_000_u32),
        void in any::<bool>(),
    ) {
        let rated = |again: bool| if again { "rated again" } else { "at the rate that was paid" };
        let (amended, reversed) = (rated(amended), rated(reversed));
        let settings = format!("[policy.commissions]\namended_deals = \"{amended}\"\nreversed_deals = \"{reversed}\"\n");
        let program = format!("{PROGRAM}\n{settings}[registration]\nrequired = {required}\n").replace("[ladder.sell.gold]", "[ladder.other.x]\nrank = 1\n[ladder.sell.gold]");
        let run = |order: &[usize]| {
            let mut world = World::new(&program, "2026-01-15T12:00:00Z");
            let events = deal_events(&world, amounts, void, (other, between));
            for at in order {
                world.judge(&[events[*at].clone()]);
            }
            world
        };
        let straight = run(&[0, 1, 2, 3, 4, 5, 6]);
        let mixed: Vec<usize> = order.iter().chain(&again).copied().collect();
        let mixed = run(&mixed);
        let mut deals = (straight.deals["d"].clone(), mixed.deals["d"].clone());
        for deal in [&mut deals.0, &mut deals.1] {
            // Where in the history the award stands, and by which ways it came to what it is, are not the deal's state.
            if let Some(closed) = &mut deal.closed {
                closed.credits.retain(|_, credit| (credit.worth, credit.net()) != (0, 0));
                for credit in closed.credits.iter_mut().map(|(_, credit)| credit) {
                    (credit.position, credit.given) = (0, credit.net());
                    credit.peak = credit.worth;
                    credit.taken.clear();
                }
            }
            deal.version = 0;
        }
        prop_assert_eq!(&deals.0, &deals.1);
        let all = |world: &World| world.account("p").head.funds.iter().map(|(asset, funds)| (*asset, funds.balance())).collect::<Vec<_>>();
        prop_assert_eq!(all(&straight), all(&mixed), "{}\n---\n{}", straight.ledger(), mixed.ledger());
        prop_assert_eq!(measured(&straight), measured(&mixed), "{}\n---\n{}", straight.ledger(), mixed.ledger());
        prop_assert!(mixed.held.is_empty());
        assert_sound(&mixed);
    }
}

/// What a partner's ladders measure, without what came to nothing.
fn measured(world: &World) -> BTreeMap<(String, Month, i8, Measure), Decimal> {
    let quarters = world.account("p").measures.iter();
    let motions =
        quarters.flat_map(|(quarter, motions)| motions.iter().map(move |(motion, cells)| (quarter, motion, cells)));
    let cells = motions.flat_map(|(quarter, motion, cells)| {
        cells.iter().map(move |((month, measure), value)| ((motion.to_string(), *quarter, *month, *measure), *value))
    });
    cells.filter(|(_, value)| !value.is_zero()).collect()
}

/// Everything that may be said of one deal, in its natural order. Times are those of the events, not of their arrival.
fn deal_events(
    world: &World,
    (acv, first, second, part): (u32, u32, u32, u32),
    void: bool,
    (other, between): (bool, bool),
) -> Vec<Event> {
    let motion = if other { r#","motion":"other""# } else { "" };
    let day = |d: u32| format!("2026-01-{d:02}T00:00:00Z");
    let amend = |acv: u32| format!(r#"{{"deal_id":"d","acv":{}}}"#, money(acv));
    let last = if void {
        r#"{"deal_id":"d","reason":"x"}"#.to_owned()
    } else {
        format!(r#"{{"deal_id":"d","reason":"x","amount":{}}}"#, money(part))
    };
    vec![
        world.event("partner.enrolled", "p", "e0", &day(1), r#"{"name":"P","motions":["sell"]}"#),
        world.event(
            "deal.registered",
            "p",
            "e1",
            &day(2),
            &format!(r#"{{"deal_id":"d","opportunity_id":"o","customer":"c"{motion}}}"#),
        ),
        world.event("deal.qualified", "p", "e2", &day(3), r#"{"deal_id":"d"}"#),
        world.event(
            "deal.closed",
            "p",
            "e3",
            &day(4),
            &format!(r#"{{"deal_id":"d","outcome":"won","acv":{}}}"#, money(acv)),
        ),
        world.event("deal.amended", "p", "e4", &day(5), &amend(first)),
        world.event("deal.amended", "p", "e5", &day(6), &amend(second)),
        world.event(
            "deal.reversed",
            "p",
            "e6",
            if between { "2026-01-05T12:00:00Z" } else { "2026-01-07T00:00:00Z" },
            &last,
        ),
    ]
}

/// A checker that cannot fail is no checker: each finds the defect made for it.
#[test]
fn each_checker_finds_its_defect() {
    let mut world = World::new(PROGRAM, "2026-01-15T12:00:00Z");
    world.enrol("p");
    world.close("p", "d", "2026-01-15T11:00:00Z", "1000");
    world.send("deal.reversed", "p", "v", "2026-01-15T11:00:00Z", r#"{"deal_id":"d","reason":"x"}"#);
    assert_sound(&world);
    let defect = |change: &dyn Fn(&mut Vec<domain::ledger::Record>), invariant: &str| {
        let mut records = world.records.clone();
        change(&mut records);
        let found = check_records(&records, &world.programs);
        assert!(found.iter().any(|f| f.starts_with(invariant)), "{invariant}: {found:?}");
    };
    defect(&|r| r[1].postings[0].amount += 1, "I1:");
    defect(&|r| r[1].after.available = -1, "I5:");
    defect(&|r| r[2].position = 9, "I9:");
    defect(&|r| r[1].earned_by.as_mut().expect("a version").hash = "other".into(), "I11:");
    defect(&|r| r[2].postings[0].amount += 1, "I14:");
    defect(&|r| r[1].postings[0].amount = 0, "I15:");
    defect(
        &|r| {
            let twice = r[1].postings[0].clone();
            r[1].postings.push(twice);
        },
        "I2:",
    );
    let mut stored = world.account("p").clone();
    stored.head.funds.entry(domain::ledger::Asset::Points).or_default().owed += 1;
    assert!(!check_account(&stored, &rebuilt(&world)).is_empty(), "I10");
}

/// What the world's records add up to.
fn rebuilt(world: &World) -> domain::ledger::Account {
    rebuild(&world.records, jiff::civil::Date::MIN).expect("the records apply")
}

/// A history of what a checker could take for a defect: a spend out of two lots, an award in two steps that is taken back whole, and a
/// debt.
fn eventful() -> World {
    let mut world = World::new(PROGRAM, "2026-01-15T12:00:00Z");
    world.load_stock("card", 4);
    world.enrol("p");
    world.close("p", "a", "2026-01-15T12:00:00Z", "1000");
    world.redeem("p", "card", 1, "first");
    let today = "2026-02-16T12:00:00Z";
    world.at(today);
    world.close("p", "b", today, "1000");
    // 40 of April's lot and 20 of May's.
    world.redeem("p", "card", 1, "second");
    world.step("p", "second", "ordering");
    world.step("p", "second", "fulfilled");
    world.send("certification.granted", "p", "granted", today, r#"{"certification_id":"pro","person_id":"ann"}"#);
    world.close("p", "c", today, "1000");
    world.send("deal.amended", "p", "c-up", today, &format!(r#"{{"deal_id":"c","acv":{}}}"#, money(10_000)));
    for deal in ["c", "a"] {
        let data = format!(r#"{{"deal_id":"{deal}","reason":"x"}}"#);
        world.send("deal.reversed", "p", &format!("{deal}-void"), today, &data);
    }
    world
}

#[test]
fn what_is_sound_is_no_finding() {
    let mut world = eventful();
    let none = Vec::<String>::new();
    assert_eq!(world.account("p").balance().owed, 20);
    assert_eq!(check_records(&world.records, &world.programs), none, "{}", world.ledger());
    assert_eq!(check_account(world.account("p"), &rebuilt(&world)), none);
    let stored: Vec<Redemption> = world.redemptions.values().cloned().collect();
    assert_eq!(check_redemptions(&stored, &world.records), none);
    // Nothing was decided by a version that was withdrawn.
    world.publish(PROGRAM, "2030-01-01T00:00:00Z");
    let programs = world.programs.without(2).expect("the first");
    assert_eq!(check_records(&world.records, &programs), none);
}

#[test]
fn each_checker_finds_what_is_only_a_little_off() {
    let mut world = eventful();
    let finds = |found: Vec<String>, what: &str| {
        assert!(found.len() == 1 && found[0].starts_with(what), "{what}: {found:?}");
    };
    // More is taken back of a deal than it was awarded, though others were awarded more by the same rule.
    let mut records = world.records.clone();
    let void = records.iter_mut().find(|record| record.identity.id.as_str() == "c-void").expect("a reversal");
    let by_rule = |rule: &str, posting: &&mut domain::ledger::Posting| {
        posting.rule.as_ref().is_some_and(|of| of.as_str() == rule)
    };
    let taken = void.postings.iter_mut().find(|posting| by_rule("closed", posting)).expect("it takes back");
    assert_eq!(taken.amount, 1000);
    taken.amount += 1;
    let found = check_records(&records, &world.programs);
    assert!(found.iter().any(|one| one.starts_with("I14: 1001 points of 1000 of")), "{found:?}");
    // What is taken back is of another asset than what was given.
    let mut records = world.records.clone();
    let void = records.iter_mut().find(|record| record.identity.id.as_str() == "c-void").expect("a reversal");
    void.postings.iter_mut().find(|posting| by_rule("closed", posting)).expect("it takes back").asset =
        Asset::Money("USD");
    let found = check_records(&records, &world.programs);
    assert!(found.iter().any(|one| one.starts_with("I14: 10.00 USD of 0.00 of")), "{found:?}");
    // A version decides that was withdrawn.
    world.publish(PROGRAM, "2030-01-01T00:00:00Z");
    let programs = world.programs.without(2).expect("the first");
    let mut records = world.records.clone();
    records[1].decided_by = 2;
    let found = check_records(&records, &programs);
    assert!(found.len() == 1 && found[0].ends_with("was decided by a version that was withdrawn"), "{found:?}");
    // A redemption stands otherwise than its records say, is not there, or moved on after its end.
    let stored: Vec<Redemption> = world.redemptions.values().cloned().collect();
    let mut other = stored.clone();
    other[0].status = RedemptionStatus::Fulfilled;
    let otherwise = "I6: redemption r-first: stored fulfilled, its records say reserved";
    finds(check_redemptions(&other, &world.records), otherwise);
    finds(check_redemptions(&stored[1..], &world.records), "I6: redemption r-first is recorded and not stored");
    let mut records = world.records.clone();
    let last = records.iter().find(|record| record.kind == "redemption.fulfilled").expect("a step").clone();
    records.push(last);
    finds(rebuild_redemptions(&records).1, "I6: redemption r-second moved on after it was fulfilled");
    // An account differs in one thing: that is told, and nothing else.
    let rebuilt = rebuilt(&world);
    let differs = |change: &dyn Fn(&mut Account), what: &str| {
        let mut stored = world.account("p").clone();
        change(&mut stored);
        finds(check_account(&stored, &rebuilt), &format!("I10: {what}: "));
    };
    differs(&|stored| stored.head.position += 1, "the position");
    differs(&|stored| stored.head.funds.entry(Asset::Points).or_default().owed += 1, "the balance");
    differs(&|stored| stored.head.tiers.clear(), "the head");
    differs(&|stored| stored.measures.clear(), "measures");
    differs(&|stored| stored.holders.clear(), "certificates");
}
