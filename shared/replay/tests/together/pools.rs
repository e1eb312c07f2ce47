//! What partners draw on together: budgets that rules give out of (N10), benefits of which there are only so many (M22). Never more is
//! given than was put in, and what is taken back is there again (I22).

use std::collections::BTreeMap;

use domain::ledger::Outcome::{self, Applied, Awarded, Held, NoRule, Refused, Rejected};
use domain::ledger::{Asset, Effect, Reason, Record};
use domain::tell::explain;
use laurel_replay::World;

use super::{MARCH, USD, pool, publish, usd};

const PROGRAM: &str = r#"
[budget.launch]
of = "points"
per = "quarter"
[budget.spiffs]
of = "USD"
when_short = "give nothing"
[earn.closed]
on = "deal.closed"
points = { by = "acv", per = "100", points = 1 }
at_most = "5000 points per partner per year"
budget = "launch"
[earn.registered]
on = "deal.registered"
points = 5
[commission.spiff]
rate = "10%"
budget = "spiffs"
[influence]
part = "30%"
endorsement = "100%"
integration_requirement = "0%"
active_in_sale = "0%"
[commission.influence]
on = "deal.influenced"
rate = "10%"
budget = "spiffs"
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 1, within = "1 year" }
[benefit.stand]
name = "Stand at the fair"
slots = 2
per = "month"
needs = { tier = "gold" }
[benefit.pilot]
name = "Pilot license"
slots = 3
at_most = 2
"#;

fn world_of(tables: &str) -> World {
    super::world_of(tables, MARCH, ["p", "q", "r"])
}

fn world() -> World {
    world_of(PROGRAM)
}

fn fund(w: &mut World, id: &str, data: &str) -> Outcome {
    w.send("budget.funded", "@program", id, "2026-03-01T12:00:00Z", data)
}

fn points(w: &mut World, points: i64) -> Outcome {
    let id = format!("funded-{}", w.records.len());
    fund(w, &id, &format!(r#"{{"budget":"launch","points":{points}}}"#))
}

fn dollars(w: &mut World, amount: &str) -> Outcome {
    let id = format!("funded-{}", w.records.len());
    fund(w, &id, &format!(r#"{{"budget":"spiffs","amount":{{"amount":"{amount}","currency":"USD"}}}}"#))
}

fn close(w: &mut World, partner: &str, deal: &str, amount: &str) -> Outcome {
    w.close(partner, deal, "2026-03-05T12:00:00Z", amount)
}

fn correct(w: &mut World, partner: &str, kind: &str, day: u32, more: &str) -> Outcome {
    let time = format!("2026-03-{day:02}T13:00:00Z");
    let id = format!("{kind}-{}", w.records.len());
    w.send(kind, partner, &id, &time, &format!(r#"{{"deal_id":"d-{partner}",{more}}}"#))
}

/// What awards of rules with a budget stand to the credit of partners, by asset: what a budget gave and did not get back (I22).
fn given(w: &World) -> BTreeMap<Asset, i64> {
    let mut given = BTreeMap::new();
    let of_budget = |rule: &str| ["closed", "commission.spiff", "commission.influence"].contains(&rule);
    for posting in w.records.iter().flat_map(|record| &record.postings) {
        if posting.rule.as_ref().is_some_and(|rule| of_budget(rule)) {
            let sign = if posting.is_award() { 1 } else { -1 };
            *given.entry(posting.asset).or_default() += sign * posting.amount;
        }
    }
    given.retain(|_, amount| *amount != 0);
    given
}

fn assert_sound(w: &World) {
    super::assert_sound(w);
    let drawn = [(Asset::Points, pool(w, "launch").1), (USD, pool(w, "spiffs").1)];
    assert_eq!(given(w), drawn.into_iter().filter(|(_, drawn)| *drawn != 0).collect(), "{}", w.ledger());
}

fn told(w: &World, record: &Record) -> String {
    let program = &w.programs.current(w.now).program;
    explain(record, Some(program)).rules.iter().map(|rule| rule.sentence.clone()).collect::<Vec<_>>().join("; ")
}

fn sentence(w: &World) -> String {
    explain(w.last(), None).sentence
}

/// N10: a rule gives what is left of its budget and no more; whoever comes later is told that nothing is left; what is put in again is
/// there.
#[test]
fn n10_a_budget_is_never_overdrawn() {
    let mut w = world();
    assert_eq!(close(&mut w, "p", "d-0", "10000"), Refused);
    assert_eq!(
        told(&w, w.last()),
        "nothing is left of the budget launch of 2026-01..2026-03; nothing is left of the budget spiffs"
    );
    assert_eq!(points(&mut w, 150), Applied);
    assert_eq!(close(&mut w, "p", "d-p", "10000"), Awarded);
    assert_eq!(close(&mut w, "q", "d-q", "10000"), Awarded);
    assert!(told(&w, w.last()).starts_with(r#"50 points, cut from 100 by "budget launch of 2026-01..2026-03""#));
    assert_eq!(close(&mut w, "r", "d-r", "10000"), Refused);
    let Some(Reason::BudgetSpent { budget }) = &w.last().reason else { panic!("{:?}", w.last().reason) };
    assert_eq!(budget, "budget launch of 2026-01..2026-03");
    assert_eq!(pool(&w, "launch"), (0, 150));
    assert_sound(&w);
    // What a budget was short of is not made up for; later deals have it.
    assert_eq!(points(&mut w, 1000), Applied);
    assert_eq!(close(&mut w, "r", "d-s", "10000"), Awarded);
    assert_eq!(pool(&w, "launch"), (900, 250));
    assert_sound(&w);
}

/// Of a deal that a budget was short of the measures count, and its registration is known: only what it gives is refused.
#[test]
fn what_a_budget_was_short_of_happened() {
    let mut w = world();
    assert_eq!(close(&mut w, "p", "d-p", "10000"), Refused);
    assert_eq!(w.tier("p"), "gold");
    assert_eq!(correct(&mut w, "p", "deal.reversed", 6, r#""reason":"r""#), NoRule);
    assert_sound(&w);
}

/// N10: what a reversal takes back goes back to the budget, as much as that; an amendment draws it again, as far as it is there.
#[test]
fn n10_what_is_taken_back_is_there_again() {
    let mut w = world();
    points(&mut w, 120);
    dollars(&mut w, "1000.00");
    assert_eq!(close(&mut w, "p", "d-p", "10000"), Awarded);
    assert_eq!((pool(&w, "launch"), pool(&w, "spiffs")), ((20, 100), (0, 100_000)));
    correct(&mut w, "p", "deal.reversed", 6, &format!(r#""reason":"r",{}"#, usd("amount", "4000")));
    assert_eq!((pool(&w, "launch"), pool(&w, "spiffs")), ((60, 60), (40_000, 60_000)));
    // Somebody else has some of it meanwhile; of an all or nothing budget the rest is too little for the whole.
    assert_eq!(close(&mut w, "q", "d-q", "3000"), Awarded);
    assert_eq!((pool(&w, "launch"), pool(&w, "spiffs")), ((30, 90), (10_000, 90_000)));
    correct(&mut w, "p", "deal.amended", 7, &usd("acv", "10000"));
    assert_eq!((pool(&w, "launch"), pool(&w, "spiffs")), ((0, 120), (10_000, 90_000)));
    assert_sound(&w);
    correct(&mut w, "p", "deal.reversed", 8, r#""reason":"r""#);
    correct(&mut w, "q", "deal.reversed", 8, r#""reason":"r""#);
    assert_eq!((pool(&w, "launch"), pool(&w, "spiffs")), ((120, 0), (100_000, 0)));
    assert_sound(&w);
}

/// Points that are spent or expired by the time a deal is reversed are owed; the budget has back what was taken back, owed or not.
#[test]
fn what_is_owed_is_back_in_the_budget() {
    let mut w = world_of(&PROGRAM.replace("[policy]", "").replace("[ladder.sell.member]", "[policy]\nclawback = \"within balance, rest forgiven\"\n[reward.card]\nname = \"Card\"\npoints = 100\n[ladder.sell.member]"));
    points(&mut w, 100);
    w.load_stock("card", 1);
    assert_eq!(close(&mut w, "p", "d-p", "10000"), Awarded);
    assert_eq!(w.redeem("p", "card", 1, "k"), Applied);
    // What is forgiven never came back.
    correct(&mut w, "p", "deal.reversed", 6, r#""reason":"r""#);
    assert_eq!(pool(&w, "launch"), (0, 100));
    assert_sound(&w);
}

/// Who influenced a deal is paid out of the budget of its rule, in its own history, and gives it back.
#[test]
fn shares_of_influence_are_drawn_by_whom_they_are_paid() {
    let mut w = world();
    dollars(&mut w, "1000.00");
    let data = r#"{"deal_id":"d-p","opportunity_id":"o","customer":"c"}"#;
    w.send("deal.registered", "p", "reg", "2026-03-01T12:00:00Z", data);
    let data = r#"{"deal_id":"d-p","kind":"endorsement"}"#;
    w.send("deal.influenced", "q", "inf", "2026-03-02T12:00:00Z", data);
    assert_eq!(close(&mut w, "p", "d-p", "5000"), Awarded);
    assert_eq!(pool(&w, "spiffs"), (50_000, 50_000));
    assert_eq!(w.account("q").head.balance(USD).available, 15_000);
    correct(&mut w, "p", "deal.reversed", 6, r#""reason":"r""#);
    assert_eq!(pool(&w, "spiffs"), (100_000, 0));
    assert_sound(&w);
}

/// Shares of invoices are drawn when they are paid, and go back with their deal.
#[test]
fn shares_of_invoices_are_drawn_on_their_own_day() {
    let program = PROGRAM
        .replace("[commission.spiff]\nrate = \"10%\"", "[commission.spiff]\non = \"invoice.paid\"\nrate = \"10%\"")
        .replace("[influence]\npart = \"30%\"\nendorsement = \"100%\"\nintegration_requirement = \"0%\"\nactive_in_sale = \"0%\"\n[commission.influence]\non = \"deal.influenced\"\nrate = \"10%\"\nbudget = \"spiffs\"\n", "");
    let mut w = world_of(&program);
    dollars(&mut w, "250.00");
    close(&mut w, "p", "d-p", "5000");
    let pay = |w: &mut World, id: &str, day: u32| {
        let data = format!(r#"{{"deal_id":"d-p","invoice_id":"{id}",{}}}"#, usd("amount", "1000"));
        w.send("invoice.paid", "p", id, &format!("2026-03-{day:02}T12:00:00Z"), &data)
    };
    assert_eq!((pay(&mut w, "i1", 6), pay(&mut w, "i2", 7)), (Awarded, Awarded));
    assert_eq!(pay(&mut w, "i3", 8), Refused);
    assert_eq!(pool(&w, "spiffs"), (5_000, 20_000));
    assert_sound(&w);
    correct(&mut w, "p", "deal.reversed", 8, &format!(r#""reason":"r",{}"#, usd("amount", "5000")));
    assert_eq!(pool(&w, "spiffs"), (25_000, 0));
    // It stands again: as much of what it had as is there comes back, all or nothing.
    correct(&mut w, "p", "deal.amended", 9, &usd("acv", "10"));
    assert_eq!(pool(&w, "spiffs"), (5_000, 20_000));
    assert_sound(&w);
}

/// Each quarter has its own; what comes back after its books have closed goes to its own quarter, or to the current one.
#[test]
fn each_period_has_its_own() {
    for (returned, first, now) in [("to its own period", (100, 0), (0, 0)), ("to the current period", (0, 0), (100, 0))]
    {
        let mut w =
            world_of(&PROGRAM.replace("per = \"quarter\"", &format!("per = \"quarter\"\nreturned = \"{returned}\"")));
        fund(&mut w, "f1", r#"{"budget":"launch","points":100,"period":"2026-Q1"}"#);
        assert_eq!(close(&mut w, "p", "d-p", "10000"), Awarded);
        w.at("2026-06-10T12:00:00Z");
        let time = "2026-06-09T12:00:00Z";
        assert_eq!(w.close("q", "d-q", time, "10000"), Refused);
        w.send("deal.reversed", "p", "rev", time, r#"{"deal_id":"d-p","reason":"r"}"#);
        let of = |period: &str| {
            let parts = w.pools.iter().filter(|(part, _)| part.to_string().contains(period));
            parts.fold((0, 0), |(left, drawn), (_, pool)| (left + pool.left, drawn + pool.drawn))
        };
        assert_eq!((of("2026-01..2026-03"), of("2026-04..2026-06")), (first, now), "{returned}");
        assert_sound(&w);
    }
}

/// A budget that many draw on is held in parts: each partner draws on its own first, and on the others before it is short.
#[test]
fn an_award_draws_on_several_parts() {
    let mut w = world_of(&PROGRAM.replace("of = \"points\"", "of = \"points\"\nparts = 7"));
    points(&mut w, 100);
    assert_eq!(w.pools.len(), 7);
    assert_eq!(close(&mut w, "p", "d-p", "3000"), Awarded);
    let draws =
        |w: &World| w.last().effects.iter().filter(|effect| matches!(effect, Effect::Pool { drawn: 1.., .. })).count();
    assert_eq!(draws(&w), 3, "of 14 and 15 in each");
    assert_eq!(close(&mut w, "q", "d-q", "9000"), Awarded);
    assert_eq!((draws(&w), pool(&w, "launch")), (5, (0, 100)));
    correct(&mut w, "p", "deal.reversed", 6, r#""reason":"r""#);
    assert_eq!(pool(&w, "launch"), (30, 70));
    // More parts in a later version leave what is in the first where it is.
    publish(&mut w, &PROGRAM.replace("of = \"points\"", "of = \"points\"\nparts = 2"), "2026-03-01T00:00:00Z");
    assert_eq!(close(&mut w, "r", "d-r", "3000"), Awarded);
    assert_eq!(pool(&w, "launch"), (0, 100));
    assert_sound(&w);
}

/// Staff take out what is left, never what was drawn; a slip names what is wrong, and claims no identity.
#[test]
fn n10_staff_fund_and_reduce() {
    let mut w = world();
    assert_eq!(points(&mut w, 100), Applied);
    assert_eq!(sentence(&w), "100 points put into the budget launch of 2026-01..2026-03");
    close(&mut w, "p", "d-p", "6000");
    let reduce = |w: &mut World, id: &str, points: i64| {
        let data = format!(r#"{{"budget":"launch","points":{points},"reason":"moved"}}"#);
        w.send("budget.reduced", "@program", id, "2026-03-06T12:00:00Z", &data)
    };
    assert_eq!(reduce(&mut w, "r1", 41), Refused);
    assert_eq!(sentence(&w), "no more than 40 points are left of the budget");
    assert_eq!(reduce(&mut w, "r2", 40), Applied);
    assert_eq!(sentence(&w), "40 points taken out of the budget launch of 2026-01..2026-03");
    assert_eq!(pool(&w, "launch"), (0, 60));
    let wrong = [
        r#"{"budget":"lunch","points":1}"#,
        r#"{"budget":"spiffs","points":1}"#,
        r#"{"budget":"launch","amount":{"amount":"1","currency":"USD"}}"#,
        r#"{"budget":"spiffs","amount":{"amount":"1","currency":"EUR"}}"#,
        r#"{"budget":"launch","points":1,"period":"2026"}"#,
        r#"{"budget":"spiffs","amount":{"amount":"1","currency":"USD"},"period":"2026"}"#,
    ];
    for data in wrong {
        assert_eq!(fund(&mut w, "wrong", data), Rejected, "{data}");
    }
    assert_eq!(w.account("@program").head.position, 3);
    assert_sound(&w);
}

fn slot(w: &mut World, partner: &str, kind: &str, benefit: &str, slot: &str) -> (Outcome, String) {
    let id = format!("{partner}-{kind}-{}", w.records.len());
    let data = format!(r#"{{"benefit":"{benefit}","slot":"{slot}"}}"#);
    let outcome = w.send(&format!("benefit.{kind}"), partner, &id, "2026-03-09T12:00:00Z", &data);
    (outcome, if matches!(outcome, Rejected | Held) { String::new() } else { sentence(w) })
}

/// M22: so many slots a month, for whom the program says, each partner so many; whoever comes too late is told, until one is free again.
#[test]
fn m22_slots_of_a_benefit() {
    let mut w = world();
    assert_eq!(slot(&mut w, "p", "booked", "stand", "2026-04"), (Refused, "the tier gold is needed".to_owned()));
    for partner in ["p", "q", "r"] {
        close(&mut w, partner, &format!("d-{partner}"), "100");
    }
    let booked = |month: &str| (NoRule, format!("a slot is the partner's: benefit stand of 2026-{month}"));
    assert_eq!(slot(&mut w, "p", "booked", "stand", "2026-04"), booked("04"));
    let held = "the partner has as many slots of it as it may";
    assert_eq!(slot(&mut w, "p", "booked", "stand", "2026-04"), (Refused, held.to_owned()));
    assert_eq!(slot(&mut w, "q", "booked", "stand", "2026-04"), booked("04"));
    assert_eq!(
        slot(&mut w, "r", "booked", "stand", "2026-04"),
        (Refused, "no slot is left: benefit stand of 2026-04".to_owned())
    );
    assert_eq!(slot(&mut w, "r", "booked", "stand", "2026-05"), booked("05"));
    assert_eq!(slot(&mut w, "r", "released", "stand", "2026-03").0, Held, "until it was booked");
    assert_eq!(
        slot(&mut w, "q", "released", "stand", "2026-04"),
        (NoRule, "a slot is free again: benefit stand of 2026-04".to_owned())
    );
    assert_eq!(slot(&mut w, "r", "booked", "stand", "2026-04"), booked("04"));
    assert_eq!(slot(&mut w, "q", "booked", "stand", "2026-02"), (Refused, "the time of the slot is over".to_owned()));
    assert_eq!(slot(&mut w, "q", "booked", "stand", "2026-Q2").0, Rejected);
    assert_eq!(slot(&mut w, "q", "booked", "chair", "2026-04").0, Rejected);
    assert_eq!(pool(&w, "stand"), (1, 3));
    assert_sound(&w);
}

/// A later version has more slots, or fewer: whoever has one keeps it.
#[test]
fn m22_the_number_of_slots_changes() {
    let mut w = world();
    let book = |w: &mut World, partner| slot(w, partner, "booked", "pilot", "x").0;
    assert_eq!([book(&mut w, "p"), book(&mut w, "p"), book(&mut w, "p")], [NoRule, NoRule, Refused]);
    assert_eq!([book(&mut w, "q"), book(&mut w, "q")], [NoRule, Refused]);
    assert_eq!(pool(&w, "pilot"), (0, 3));
    publish(&mut w, &PROGRAM.replace("slots = 3", "slots = 2"), "2026-03-01T00:00:00Z");
    assert_eq!(book(&mut w, "q"), Refused);
    assert_eq!(slot(&mut w, "p", "released", "pilot", "x").0, NoRule);
    assert_eq!((book(&mut w, "q"), pool(&w, "pilot")), (Refused, (0, 2)));
    publish(&mut w, &PROGRAM.replace("slots = 3", "slots = 5"), "2026-03-01T00:00:00Z");
    assert_eq!([book(&mut w, "q"), book(&mut w, "q"), book(&mut w, "r")], [NoRule, Refused, NoRule]);
    assert_eq!(pool(&w, "pilot"), (1, 4));
    assert_sound(&w);
}
