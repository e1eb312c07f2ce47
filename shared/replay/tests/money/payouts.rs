//! Payouts: what is payable is set aside, paid, or payable again, in each currency apart (M10).

use domain::ledger::Outcome::{Applied, NoRule, Refused};
use domain::ledger::{Balance, Outcome, Reason};
use domain::payout;
use event::money::Money;
use event::payout::PayoutId;
use laurel_replay::World;

use super::USD;

const PROGRAM: &str = "[commission.c]\nrate = \"10%\"\n";

fn world(more: &str) -> World {
    let mut world = super::world(&format!("{PROGRAM}{more}"));
    world.at("2026-03-31T15:00:00Z");
    world.close("p", "d", "2026-03-02T14:00:00Z", "1000");
    world
}

fn id(text: &str) -> PayoutId {
    text.parse().expect("a payout")
}

/// Sets a payout aside; `None` if that is moot.
fn reserve(world: &mut World, payout: &str, amount: &str) -> Option<Outcome> {
    let money = Money::parse(amount, "USD").expect("money");
    let event = payout::reserve(&world.id(), &"p".try_into().expect("a partner"), id(payout), money.into(), world.now);
    world.take_step(&event)
}

fn cancel(world: &mut World, payout: &str) -> Option<Outcome> {
    let event = payout::cancel(&world.id(), &"p".try_into().expect("a partner"), id(payout), world.now);
    world.take_step(&event)
}

fn finance(world: &mut World, what: &str, payout: &str, event: &str) -> Outcome {
    let data = format!(r#"{{"payout_id":"{payout}","reason":"x"}}"#);
    world.send(&format!("payout.{what}"), "p", event, "2026-03-31T14:00:00Z", &data)
}

fn reverse(world: &mut World, amount: &str, event: &str) {
    let amount = format!(r#"{{"amount":"{amount}","currency":"USD"}}"#);
    let data = format!(r#"{{"deal_id":"d","reason":"x","amount":{amount}}}"#);
    world.send("deal.reversed", "p", event, "2026-03-31T14:00:00Z", &data);
}

/// Payable, in payouts, owed, ever paid: in cents.
fn sums(world: &World) -> [i64; 4] {
    let funds = world.account("p").head.funds(USD);
    let Balance { available, pending: 0, reserved, owed } = funds.balance() else { panic!("something is accrued") };
    [available, reserved, owed, funds.paid]
}

#[test]
fn a_payout_is_set_aside_and_paid() {
    let mut w = world("");
    assert_eq!(sums(&w), [10_000, 0, 0, 0]);
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "60.00"), Some(Applied));
    assert_eq!(sums(&w), [4_000, 6_000, 0, 0]);
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "60.00"), Some(Outcome::Duplicate), "under one name once");
    assert_eq!(finance(&mut w, "settled", "2026-03-31-USD", "s1"), NoRule);
    assert_eq!((w.last().reason.clone(), sums(&w)), (Some(Reason::PaidOut), [4_000, 0, 0, 6_000]));
    // Finance says it twice, under another id: it is paid once.
    assert_eq!(finance(&mut w, "settled", "2026-03-31-USD", "s2"), Refused);
    assert_eq!((w.last().reason.clone(), sums(&w)), (Some(Reason::PayoutNotOpen), [4_000, 0, 0, 6_000]));
    assert_eq!(cancel(&mut w, "2026-03-31-USD"), None, "what is paid is not given up");
}

#[test]
fn no_more_is_set_aside_than_is_payable_and_in_its_own_currency() {
    let mut w = world("");
    for (payout, amount) in [("2026-03-31-USD", "100.01"), ("2026-03-31-EUR", "50.00"), ("2026-03-31-USD", "0")] {
        assert_eq!(reserve(&mut w, payout, amount), None, "{payout} {amount}");
    }
    w.send("partner.suspended", "p", "s", "2026-03-31T14:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "60.00"), None, "nobody is paid while it is suspended");
    w.send("partner.offboarded", "p", "o", "2026-03-31T14:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(sums(&w), [10_000, 0, 0, 0]);
}

/// What comes back, or was never sent, is payable again; what was taken back meanwhile is netted from it first.
#[test]
fn what_comes_back_is_payable_again_less_what_is_owed() {
    for returned in [true, false] {
        let mut w = world("");
        reserve(&mut w, "2026-03-31-USD", "100.00");
        reverse(&mut w, "300", "part");
        assert_eq!(sums(&w), [0, 10_000, 3_000, 0], "what is on its way is not taken: it is owed");
        if returned {
            assert_eq!(finance(&mut w, "returned", "2026-03-31-USD", "back"), NoRule);
            assert_eq!(w.last().reason, Some(Reason::PayoutReturned));
        } else {
            assert_eq!(cancel(&mut w, "2026-03-31-USD"), Some(Applied));
        }
        assert_eq!(sums(&w), [7_000, 0, 0, 0]);
        assert_eq!(reserve(&mut w, "2026-03-31-USD", "70.00"), Some(Outcome::Duplicate), "its name is used up");
        assert_eq!(reserve(&mut w, "2026-03-31.2-USD", "70.00"), Some(Applied));
    }
}

/// The bank sends back what was paid: it is payable again, in whatever order finance's words come, and once.
#[test]
fn what_bounces_after_it_was_paid_is_payable_again() {
    for order in [["settled", "returned"], ["returned", "settled"]] {
        let mut w = world("");
        reserve(&mut w, "2026-03-31-USD", "60.00");
        for what in order {
            finance(&mut w, what, "2026-03-31-USD", what);
        }
        assert_eq!(sums(&w), [10_000, 0, 0, 0], "{order:?}");
        // What comes back was earned before: no record of a payout earns.
        let earned = w.records.iter().filter(|record| record.kind.starts_with("payout."));
        assert!(earned.into_iter().all(|record| domain::tell::paid(&record.postings).is_empty()));
        assert_eq!(finance(&mut w, "returned", "2026-03-31-USD", "again"), Refused);
        assert_eq!(reserve(&mut w, "2026-03-31.2-USD", "100.00"), Some(Applied));
    }
    // Of the latest runs only: what was paid long ago does not come back.
    let mut w = world("");
    for run in 1..=9 {
        let payout = format!("2026-03-31{}-USD", if run == 1 { String::new() } else { format!(".{run}") });
        reserve(&mut w, &payout, "10.00");
        finance(&mut w, "settled", &payout, &format!("s{run}"));
    }
    assert_eq!(sums(&w), [1_000, 0, 0, 9_000]);
    assert_eq!(finance(&mut w, "returned", "2026-03-31-USD", "old"), Refused);
    assert_eq!(finance(&mut w, "returned", "2026-03-31.6-USD", "new"), NoRule);
    assert_eq!(sums(&w), [2_000, 0, 0, 8_000]);
}

/// After it was paid a deal is reversed: what was paid is owed at the rate that was paid, and netted from what becomes payable next.
#[test]
fn a_reversal_after_payment_is_netted_from_the_next_run() {
    let mut w = world("");
    reserve(&mut w, "2026-03-31-USD", "100.00");
    finance(&mut w, "settled", "2026-03-31-USD", "s");
    reverse(&mut w, "250", "part");
    assert_eq!(sums(&w), [0, 0, 2_500, 10_000]);
    w.close("p", "next", "2026-03-31T14:00:00Z", "1000");
    assert_eq!(sums(&w), [7_500, 0, 0, 10_000]);
    // Forgiven, where the program says so.
    let mut w = world("[policy.commissions]\nclawback = \"forgiven\"\n");
    reserve(&mut w, "2026-03-31-USD", "100.00");
    finance(&mut w, "settled", "2026-03-31-USD", "s");
    reverse(&mut w, "250", "part");
    assert_eq!(sums(&w), [0, 0, 0, 10_000]);
}

/// Forgiven is what was paid: what was only on its way when its deal was taken back is owed, and is not paid by another run.
#[test]
fn what_is_on_its_way_is_not_forgiven() {
    for reverse_first in [true, false] {
        let mut w = world("[policy.commissions]\nclawback = \"forgiven\"\n");
        reserve(&mut w, "2026-03-31-USD", "100.00");
        let steps: [fn(&mut World); 2] = [
            |w| reverse(w, "1000", "void"),
            |w| {
                cancel(w, "2026-03-31-USD");
            },
        ];
        for step in if reverse_first { [0, 1] } else { [1, 0] } {
            steps[step](&mut w);
        }
        assert_eq!(sums(&w), [0, 0, 0, 0], "reversed first: {reverse_first}");
    }
}

/// A payout holds no more than an amount can say: its record reads, and the rest is for another run.
#[test]
fn a_payout_is_an_amount_that_reads() {
    let mut w = world("[commission.all]\nrate = \"100%\"\n");
    for deal in ["x", "y"] {
        w.close("p", deal, "2026-03-02T14:00:00Z", "999999999999999");
    }
    let [payable, ..] = sums(&w);
    let most = Money::minor_units_max("USD");
    assert!(payable > most);
    let ask = |w: &mut World, amount: i64, run: &str| {
        let money = Money::of_minor_units(amount, "USD").ok()?;
        let event = payout::reserve(&w.id(), &"p".try_into().expect("a partner"), id(run), money.into(), w.now);
        w.take_step(&event)
    };
    assert_eq!(ask(&mut w, payable, "2026-03-31-USD"), None);
    assert_eq!(ask(&mut w, most, "2026-03-31-USD"), Some(Applied));
    let written = serde_json::to_string(w.last()).expect("JSON");
    let read: domain::ledger::Record = serde_json::from_str(&written).expect("a record");
    assert!(read.happened().is_some(), "{written}");
}

/// Whoever left is paid what it earned; finance may still say what became of the payout of somebody who is suspended.
#[test]
fn whoever_left_is_paid_what_it_earned() {
    let mut w = world("");
    w.send("partner.offboarded", "p", "o", "2026-03-31T14:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "100.00"), Some(Applied));
    assert_eq!(finance(&mut w, "settled", "2026-03-31-USD", "s"), NoRule);
    assert_eq!(sums(&w), [0, 0, 0, 10_000]);
    let mut w = world("");
    reserve(&mut w, "2026-03-31-USD", "100.00");
    w.send("partner.suspended", "p", "s", "2026-03-31T14:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(finance(&mut w, "settled", "2026-03-31-USD", "paid"), NoRule);
    assert_eq!(sums(&w), [0, 0, 0, 10_000]);
}

/// I20: what finance has not answered in time is told, and again, until it has an end; and then no more.
#[test]
fn what_finance_does_not_answer_is_told() {
    let mut w = world("[payouts]\nanswered_within = \"10 days\"\n");
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "100.00"), Some(Applied));
    let told = |w: &World| w.records.iter().filter(|record| record.kind == "payout.standing").count();
    for (now, times) in [
        ("2026-04-09T23:59:59Z", 0),
        ("2026-04-10T00:00:00Z", 1),
        ("2026-04-19T23:59:59Z", 1),
        ("2026-04-20T00:00:00Z", 2),
    ] {
        w.at(now).catch_up();
        assert_eq!(told(&w), times, "{now}");
    }
    assert_eq!((w.last().outcome, w.last().postings.len()), (Applied, 0));
    assert_eq!(finance(&mut w, "settled", "2026-03-31-USD", "late"), NoRule);
    w.at("2026-06-01T00:00:00Z").catch_up();
    assert_eq!((told(&w), w.outbox.len()), (2, 0));
}

/// M47: whom finance pays, and what it withholds, is as was stated of the partner: rounded once, told to the partner, and nobody is paid
/// of whom it is not stated.
#[test]
fn m47_a_payout_is_paid_as_was_stated() {
    let facts = "[facts]\nvendor = \"text\"\ntax = \"percent\"\n[payouts]\npayee = \"partner.vendor\"\nwithholding = \"partner.tax\"\n";
    let mut w = world(facts);
    let terms = |w: &World, amount: &str| {
        let program = w.programs.current(w.now).program.clone();
        payout::terms(&program, w.account("p"), Money::parse(amount, "USD").expect("money")).expect("loaded")
    };
    assert_eq!(terms(&w, "60.00"), None, "nobody said who is paid");
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "60.00"), None);
    let state = |w: &mut World, id: &str, facts: &str| {
        let (time, data) = (w.now.to_string(), format!(r#"{{"name":"P","motions":["sell"],"facts":{facts}}}"#));
        w.send("partner.enrolled", "p", id, &time, &data);
    };
    state(&mut w, "s1", r#"{"vendor":"V-77","tax":"12.5"}"#);
    let paid = terms(&w, "60.01").expect("stated");
    let withheld = paid.withheld.expect("a part");
    assert_eq!((paid.payee.as_deref(), withheld.to_string()), (Some("V-77"), "7.50 USD".to_owned()), "7.50125");
    assert_eq!(
        terms(&w, "60.04").expect("stated").withheld.expect("a part").to_string(),
        "7.51 USD",
        "7.505, away from zero"
    );
    // What was read before it was stated otherwise is set aside by nobody.
    w.at("2026-03-31T16:00:00Z");
    state(&mut w, "s2", r#"{"vendor":"V-78","tax":"30.0"}"#);
    let step = |w: &World, terms| {
        payout::reserve(&w.id(), &"p".try_into().expect("a partner"), id("2026-03-31-USD"), terms, w.now)
    };
    let old = step(&w, paid);
    assert_eq!(w.take_step(&old), None);
    let now = step(&w, terms(&w, "60.01").expect("stated"));
    assert_eq!(w.take_step(&now), Some(Applied));
    assert_eq!(sums(&w), [3_999, 6_001, 0, 0], "the whole of it leaves");
    let record = w.last().clone();
    let told = domain::tell::movement(&record, &record.postings[0], None);
    assert_eq!(told, "60.01 USD on its way to you, in the run of 2026-03-31; 18.00 USD of it is withheld");
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// M47: a withholding that was stated in a form that the program does not know is no nothing: who stated it is not paid until it is stated anew.
#[test]
fn m47_a_withholding_that_cannot_be_read_is_not_left_out() {
    let file = |form: &str, more: &str| super::program("1.10", &format!("{PROGRAM}[facts]\ntax = \"{form}\"\n{more}"));
    let mut w = World::new(&file("text", ""), "2026-03-02T15:00:00Z");
    let state = |w: &mut World, id: &str, tax: &str| {
        let time = w.now.to_string();
        let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{{"tax":"{tax}"}}}}"#);
        w.send("partner.enrolled", "p", id, &time, &data);
    };
    state(&mut w, "e1", "30%");
    w.close("p", "d", "2026-03-02T14:00:00Z", "1000");
    w.publish(&file("percent", "[payouts]\nwithholding = \"partner.tax\"\n"), "2026-03-10T00:00:00Z");
    w.at("2026-03-31T15:00:00Z");
    let terms = |w: &World| {
        let program = w.programs.current(w.now).program.clone();
        payout::terms(&program, w.account("p"), Money::parse("60.00", "USD").expect("money")).expect("loaded")
    };
    assert_eq!(terms(&w), None);
    assert_eq!(reserve(&mut w, "2026-03-31-USD", "60.00"), None);
    state(&mut w, "e2", "30");
    assert_eq!(terms(&w).and_then(|terms| terms.withheld).map(|one| one.to_string()), Some("18.00 USD".to_owned()));
}
