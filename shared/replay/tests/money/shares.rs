//! Shares of what customers pay, invoice by invoice: for a time or for as long as they come (M10).

use domain::ledger::Outcome::{self, Awarded, Duplicate, NoRule, Refused};
use domain::ledger::{Balance, Reason};
use domain::tell::explain;
use laurel_replay::World;

use super::{USD, money, of, program, world};

const SHARE: &str = "[commission.share]\non = \"invoice.paid\"\nrate = \"10%\"\n";

/// Sends what names deal `d` now, under its own id.
fn send(world: &mut World, kind: &str, id: &str, more: &str) -> Outcome {
    let time = world.now.to_string();
    world.send(kind, "p", id, &time, &format!(r#"{{"deal_id":"d"{more}}}"#))
}

fn close(world: &mut World) -> Outcome {
    send(world, "deal.closed", "closed", &format!(r#","outcome":"won","acv":{}"#, money("1200", "USD")))
}

fn pay(world: &mut World, invoice: &str, amount: &str) -> Outcome {
    send(world, "invoice.paid", invoice, &format!(r#","invoice_id":"{invoice}","amount":{}"#, money(amount, "USD")))
}

fn payable(world: &World) -> String {
    let Balance { available, pending: 0, reserved: 0, owed: 0 } = of(world, USD) else {
        panic!("{:?}", of(world, USD))
    };
    USD.amount(available)
}

fn sentences(world: &World) -> Vec<String> {
    let program = &world.programs.all()[0].program;
    explain(world.last(), Some(program)).rules.into_iter().map(|rule| rule.sentence).collect()
}

/// M10: a share of each invoice, for two years from the closing on, and not a day longer.
#[test]
fn m10_a_share_of_each_invoice_for_two_years() {
    let mut w = world(&format!("{SHARE}for = \"24 months\"\n"));
    close(&mut w);
    assert_eq!(pay(&mut w, "i1", "100.05"), Awarded);
    let told = explain(w.last(), Some(&w.programs.all()[0].program));
    assert_eq!(told.sentence, "10.01 USD for deal d by commission.share");
    assert_eq!(sentences(&w), ["10.01 USD: 10% of 100.05 USD invoiced amount"]);
    w.at("2028-03-01T23:59:59Z");
    assert_eq!(pay(&mut w, "i24", "100"), Awarded);
    w.at("2028-03-02T00:00:00Z");
    assert_eq!(pay(&mut w, "i25", "100"), NoRule);
    let words = "`for` is `closed on 2026-03-02`; the rule asks for `invoices within 2 years of the closing`";
    assert_eq!(sentences(&w), [words]);
    assert_eq!(payable(&w), "20.01");
}

/// Where nothing is said of how long, as long as invoices come.
#[test]
fn m10_a_share_for_life() {
    let mut w = world(SHARE);
    close(&mut w);
    w.at("2046-03-02T00:00:00Z");
    assert_eq!(pay(&mut w, "i240", "100"), Awarded);
    assert_eq!(payable(&w), "10.00");
}

/// However often somebody tells of it and under whatever ids, an invoice of a deal pays once; one invoice may be of two deals.
#[test]
fn an_invoice_pays_once() {
    let mut w = world(SHARE);
    close(&mut w);
    let again = |w: &mut World, id: &str| {
        send(w, "invoice.paid", id, &format!(r#","invoice_id":"i1","amount":{}"#, money("100", "USD")))
    };
    assert_eq!([again(&mut w, "a"), again(&mut w, "b"), again(&mut w, "a")], [Awarded, Refused, Duplicate]);
    let capped = w.records.iter().find(|record| record.identity.id.as_str() == "b").expect("a record");
    assert_eq!(capped.reason, Some(Reason::CapReached { cap: "once per partner per invoice".to_owned() }));
    let data = format!(r#"{{"deal_id":"other","outcome":"won","acv":{}}}"#, money("5", "USD"));
    w.send("deal.closed", "p", "other", "2026-03-02T15:00:00Z", &data);
    let data = format!(r#"{{"deal_id":"other","invoice_id":"i1","amount":{}}}"#, money("50", "USD"));
    assert_eq!(w.send("invoice.paid", "p", "c", "2026-03-02T15:00:00Z", &data), Awarded);
    assert_eq!(payable(&w), "15.00");
}

/// By what is paid of it, in another currency at the program's rate, with the tier of the day and under its caps.
#[test]
fn a_share_is_rated_as_any_commission_is() {
    let tables = r#"
[commission.share]
on = "invoice.paid"
rate = { by = "amount", bands = [{ from = "100", rate = "10%" }, { from = "1000", rate = "20%" }] }
times = [{ tier = "gold", by = "2" }]
at_most = "450 USD per partner per year"
at_least = "12"
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 2, within = "1 year" }
"#;
    let mut w = world(tables);
    close(&mut w);
    assert_eq!(
        [pay(&mut w, "i1", "99.99"), pay(&mut w, "i2", "100"), pay(&mut w, "i3", "1000")],
        [NoRule, Awarded, Awarded]
    );
    assert_eq!(payable(&w), "212.00", "the floor, and 20 % of a thousand");
    let euros = r#","invoice_id":"i4","amount":{"amount":"100","currency":"EUR"}"#;
    assert_eq!(send(&mut w, "invoice.paid", "i4", euros), Awarded);
    assert_eq!(sentences(&w), ["12.00 USD: 10% of 100 EUR invoiced amount, at least 12 USD, at 1.1 USD for 1 EUR"]);
    w.close("p", "second", "2026-03-02T15:00:00Z", "10");
    assert_eq!(pay(&mut w, "i5", "600"), Awarded);
    assert_eq!(sentences(&w), ["120.00 USD: 10% of 600 USD invoiced amount, 2 times for tier gold"]);
    assert_eq!(pay(&mut w, "i6", "1000"), Awarded);
    assert_eq!(payable(&w), "450.00");
    assert!(sentences(&w)[0].ends_with("cut from 400.00 by \"450 USD per partner per year\""), "{:?}", sentences(&w));
}

/// In whatever order a deal's closing, its invoices and its reversal come, the same is payable: of a deal that is taken back, nothing.
#[test]
fn the_order_of_closing_invoices_and_reversal_does_not_matter() {
    let run = |order: [usize; 4], void: bool| {
        let mut w = world(SHARE);
        let start = w.now;
        let closed = format!(r#","outcome":"won","acv":{}"#, money("1200", "USD"));
        let invoice = |id: &str, amount: &str| format!(r#","invoice_id":"{id}","amount":{}"#, money(amount, "USD"));
        let part = if void { String::new() } else { format!(r#","amount":{}"#, money("600", "USD")) };
        let all = [
            ("deal.closed", closed),
            ("invoice.paid", invoice("i1", "100")),
            ("invoice.paid", invoice("i2", "50.55")),
            ("deal.reversed", format!(r#","reason":"x"{part}"#)),
        ];
        for place in order {
            let (kind, more) = &all[place];
            let time = start - jiff::SignedDuration::from_mins(10 - i64::try_from(place).expect("few"));
            w.send(kind, "p", &format!("e{place}"), &time.to_string(), &format!(r#"{{"deal_id":"d"{more}}}"#));
        }
        assert!(w.held.is_empty(), "{}", w.ledger());
        payable(&w)
    };
    for (void, expected) in [(false, "15.06"), (true, "0.00")] {
        for first in 0..4 {
            for second in (0..4).filter(|two| *two != first) {
                for third in (0..4).filter(|three| ![first, second].contains(three)) {
                    let order = [first, second, third, 6 - first - second - third];
                    assert_eq!(run(order, void), expected, "{order:?}");
                }
            }
        }
    }
}

/// A deal of which nothing is left by parts waits with its invoices: an amendment may leave something again.
#[test]
fn a_deal_taken_back_in_parts_may_come_back() {
    let mut w = world(SHARE);
    close(&mut w);
    pay(&mut w, "i1", "100");
    w.at("2026-03-03T15:00:00Z");
    assert_eq!(
        send(&mut w, "deal.reversed", "all", &format!(r#","reason":"x","amount":{}"#, money("1200", "USD"))),
        NoRule
    );
    assert_eq!(w.last().reason, Some(Reason::CommissionTakenBack));
    assert_eq!(payable(&w), "0.00");
    pay(&mut w, "i2", "50");
    assert_eq!((w.held.len(), payable(&w).as_str()), (1, "0.00"));
    w.at("2026-03-04T15:00:00Z");
    assert_eq!(send(&mut w, "deal.amended", "some", &format!(r#","acv":{}"#, money("700", "USD"))), Awarded);
    assert_eq!((w.held.len(), payable(&w).as_str()), (0, "15.00"), "{}", w.ledger());
    assert_eq!(send(&mut w, "deal.reversed", "whole", r#","reason":"x""#), NoRule);
    assert_eq!(payable(&w), "0.00");
    assert_eq!(pay(&mut w, "i3", "50"), NoRule);
    assert_eq!(w.last().reason, Some(Reason::AlreadyReversed));
    assert_eq!(
        (payable(&w).as_str(), sentences(&w)[0].as_str()),
        ("0.00", "`deal` is `reversed`; the rule asks for `a deal that stands`")
    );
}

/// What was paid out of it before is owed, and netted from the next invoice of another deal; what is held still goes first.
#[test]
fn a_share_that_was_paid_out_is_owed() {
    let mut w = world(&format!("{SHARE}hold = \"10 days\"\n"));
    close(&mut w);
    pay(&mut w, "i1", "100");
    w.at("2026-03-20T00:00:00Z").catch_up();
    assert_eq!(payable(&w), "10.00");
    pay(&mut w, "i2", "30");
    let amount = event::money::Money::parse("10.00", "USD").expect("money");
    let payout = "2026-03-19-USD".parse().expect("a payout");
    let paid = domain::payout::reserve(&w.id(), &"p".try_into().expect("a partner"), payout, amount.into(), w.now);
    assert_eq!(w.take_step(&paid), Some(Outcome::Applied));
    assert_eq!(of(&w, USD), Balance { available: 0, pending: 300, reserved: 1000, owed: 0 });
    send(&mut w, "deal.reversed", "void", r#","reason":"x""#);
    assert_eq!(of(&w, USD), Balance { available: 0, pending: 0, reserved: 1000, owed: 1000 });
}

/// No deal is paid twice by one commission: what paid at its closing has no share in its invoices, whatever the commission became.
#[test]
fn a_commission_that_paid_at_closing_pays_no_invoices() {
    let mut w = world("[commission.share]\nrate = \"10%\"\n");
    close(&mut w);
    assert_eq!(payable(&w), "120.00");
    w.publish(&program("1.10", SHARE), "2026-04-01T00:00:00Z");
    w.at("2026-04-02T00:00:00Z");
    assert_eq!(pay(&mut w, "i1", "100"), NoRule);
    let told = explain(w.last(), Some(&w.programs.all()[1].program));
    let words = "this commission was of the deal's closing, and pays none of its invoices";
    assert_eq!(told.rules[0].sentence, words);
    let data = format!(r#"{{"deal_id":"new","outcome":"won","acv":{}}}"#, money("5", "USD"));
    w.send("deal.closed", "p", "new", "2026-04-02T00:00:00Z", &data);
    let data = format!(r#"{{"deal_id":"new","invoice_id":"i2","amount":{}}}"#, money("50", "USD"));
    assert_eq!(w.send("invoice.paid", "p", "i2", "2026-04-02T00:00:00Z", &data), Awarded);
    assert_eq!(payable(&w), "125.00");
    // What it paid at the closing is taken back as such.
    send(&mut w, "deal.reversed", "void", r#","reason":"x""#);
    assert_eq!(payable(&w), "5.00");
}

/// A deal that was lost has no share; one that is not closed waits.
#[test]
fn a_share_is_of_a_won_deal() {
    let mut w = world(SHARE);
    pay(&mut w, "i1", "100");
    assert_eq!(w.held.len(), 1);
    send(&mut w, "deal.closed", "closed", r#","outcome":"lost""#);
    assert_eq!((w.held.len(), w.last().reason.clone()), (0, Some(Reason::DealLost)));
    assert_eq!(payable(&w), "0.00");
}
