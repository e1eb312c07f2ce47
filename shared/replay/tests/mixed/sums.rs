//! The events of one deal in any order, invoices among them (I13): sums of money at the end.
use domain::ledger::{Asset, Balance};
use event::Event;
use jiff::SignedDuration;
use laurel_replay::World;

use super::Rng;

fn usd(amount: u64) -> String {
    format!(r#"{{"amount":"{}.{:02}","currency":"USD"}}"#, amount / 100, amount % 100)
}

fn run(program: &str, events: &[Event], order: &[usize]) -> (Vec<(Asset, Balance)>, String, usize) {
    let mut w = World::new(program, "2026-03-20T12:00:00Z");
    w.send("partner.enrolled", "p", "enrolled", "2026-01-01T00:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
    for at in order {
        w.judge(std::slice::from_ref(&events[*at]));
    }
    w.at("2026-12-20T12:00:00Z").catch_up();
    let held = w.held.len();
    let all = w.account("p").head.funds.iter().map(|(a, f)| (*a, f.balance())).collect();
    (all, w.ledger(), held)
}

fn case(seed: u64) -> Option<String> {
    let mut r = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..10 {
        r.next(2);
    }
    let rated = |again: bool| if again { "rated again" } else { "at the rate that was paid" };
    let program = format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[commission.share]
on = "invoice.paid"
rate = {{ by = "amount", bands = [{{ from = "1", rate = "6.5%" }}, {{ from = "100", rate = "11%" }}] }}
for = "2 months"
{}{}
[commission.first]
rate = {{ by = "acv", bands = [{{ from = "100", rate = "5%" }}, {{ from = "1000", rate = "7%" }}] }}
payable = "at the first invoice"
{}
[policy.commissions]
amended_deals = "{}"
reversed_deals = "{}"
clawback = "{}"
"#,
        if r.is(50) { "hold = \"20 days\"\n" } else { "" },
        if r.is(50) { "at_least = \"3\"\n" } else { "" },
        if r.is(50) { "hold = \"10 days\"\n" } else { "" },
        rated(r.is(50)),
        rated(r.is(50)),
        if r.is(50) { "forgiven" } else { "netted from what becomes payable next" },
    );
    let w = World::new(&program, "2026-03-20T12:00:00Z");
    let start: jiff::Timestamp = "2026-03-01T00:00:00Z".parse().expect("an instant");
    let mut n = 0;
    let mut at = |r: &mut Rng| {
        n += 1;
        (start + SignedDuration::from_hours((r.next(24 * 18)) as i64)).to_string()
    };
    let mut events = Vec::new();
    let time = at(&mut r);
    let amounts = [0, 50, 9_999, 10_000, 50_000, 100_000, 250_000];
    let any = |r: &mut Rng| usd(amounts[r.next(7) as usize]);
    events.push(w.event(
        "deal.closed",
        "p",
        "c",
        &time,
        &format!(r#"{{"deal_id":"d","outcome":"won","acv":{}}}"#, any(&mut r)),
    ));
    for i in 0..r.next(4) {
        let time = at(&mut r);
        events.push(w.event(
            "invoice.paid",
            "p",
            &format!("i{i}"),
            &time,
            &format!(r#"{{"deal_id":"d","invoice_id":"i{i}","amount":{}}}"#, any(&mut r)),
        ));
    }
    for i in 0..r.next(3) {
        let time = at(&mut r);
        events.push(w.event(
            "deal.amended",
            "p",
            &format!("a{i}"),
            &time,
            &format!(r#"{{"deal_id":"d","acv":{}}}"#, any(&mut r)),
        ));
    }
    for i in 0..r.next(3) {
        let time = at(&mut r);
        let part = if r.next(4) == 0 { String::new() } else { format!(r#","amount":{}"#, any(&mut r)) };
        events.push(w.event(
            "deal.reversed",
            "p",
            &format!("r{i}"),
            &time,
            &format!(r#"{{"deal_id":"d","reason":"x"{part}}}"#),
        ));
    }
    let mut orders = Vec::new();
    for _ in 0..6 {
        let mut order: Vec<usize> = (0..events.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, r.next(i as u64 + 1) as usize);
        }
        let again = order[r.next(order.len() as u64) as usize];
        order.push(again);
        orders.push(order);
    }
    let first = run(&program, &events, &orders[0]);
    for order in &orders[1..] {
        let other = run(&program, &events, order);
        if other.0 != first.0 {
            return Some(format!(
                "seed {seed}: {:?} {:?}\n{:?} {:?}\n{}\n--- {order:?}\n{}",
                orders[0], first.0, order, other.0, first.1, other.1
            ));
        }
    }
    None
}

#[test]
fn the_events_of_one_deal_in_any_order() {
    let bad: Vec<String> = (1..400).filter_map(case).collect();
    assert!(bad.is_empty(), "{}:\n{}", bad.len(), bad.iter().min_by_key(|b| b.len()).expect("one"));
}
