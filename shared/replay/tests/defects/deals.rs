//! The life of a deal.

use super::*;
use domain::ledger::Reason;

/// A reversal in a currency without a rate waited 30 days for one.
#[test]
fn a13_a_reversal_in_another_currency_than_the_deals_is_refused_at_once() {
    let mut world = world();
    services(&mut world);
    let data = r#"{"deal_id":"d","reason":"returned","amount":{"amount":"10","currency":"JPY"}}"#;
    assert_eq!(send(&mut world, "deal.reversed", "r", data), Outcome::Refused);
    let reason = world.last().reason.clone();
    assert_eq!(reason, Some(Reason::OtherCurrency { deal: "USD".to_owned(), event: "JPY".to_owned() }));
    let amended = r#"{"deal_id":"d","acv":{"amount":"10","currency":"JPY"}}"#;
    assert_eq!(send(&mut world, "deal.amended", "a", amended), Outcome::Refused);
}

/// Of a deal without annual value, refunding a dollar took all points or none, and refunding all kept the fixed ones.
#[test]
fn b8_a_deal_without_annual_value_is_reversed_by_its_total() {
    let mut world = world();
    services(&mut world);
    assert_eq!(reversed(&mut world, "r1", "1"), Outcome::NoRule);
    assert_eq!(available(&world), 149, "49,999 are left, and 49 whole thousands");
    reversed(&mut world, "r2", "24999");
    assert_eq!((available(&world), deals(&world).as_str()), (125, "1"));
    reversed(&mut world, "r3", "25000");
    assert_eq!(
        (available(&world), deals(&world).as_str()),
        (0, "0"),
        "a full refund is void: fixed points and the deal, too"
    );
}

/// Refunding an annual value in parts until nothing is left is a full refund; an older amendment that comes late may leave some.
#[test]
fn b8_a_deal_that_was_refunded_in_parts_is_void_until_more_turns_out_to_be_there() {
    let mut world = world();
    let data = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"10000","currency":"USD"}}"#;
    assert_eq!(send(&mut world, "deal.closed", "closed", data), Outcome::Awarded);
    let earned = available(&world);
    reversed(&mut world, "r1", "4000");
    reversed(&mut world, "r2", "6000");
    assert_eq!((available(&world), deals(&world).as_str()), (0, "0"));
    let amended = r#"{"deal_id":"d","acv":{"amount":"20000","currency":"USD"}}"#;
    world.send("deal.amended", "p", "late", "2026-03-14T09:00:00Z", amended);
    assert_eq!((available(&world), deals(&world).as_str()), (earned, "1"), "10,000 of 20,000 are left");
}

/// Points beyond what can be counted were none at all.
#[test]
#[should_panic(expected = "a sound account: Overflow")]
fn b10_more_points_than_can_be_counted_fail_loudly() {
    let per = r#"points = { by = "total_value", per = "0.000000001", points = 1000000000 }"#;
    let mut world = World::new(
        &PROGRAM.replace(r#"points = { by = "total_value", per = "1000", points = 1 }"#, per),
        "2026-03-14T09:30:00Z",
    );
    world.enrol("p");
    services(&mut world);
}

/// A reassignment to a partner that does not exist was accepted in silence, and the owner's closing refused.
#[test]
fn a9_a_reassignment_waits_for_its_partner_and_says_that_the_deal_moved() {
    let mut world = world();
    let registered =
        r#"{"deal_id":"d","opportunity_id":"o","customer":"Contoso","expected_acv":{"amount":"1","currency":"USD"}}"#;
    send(&mut world, "deal.registered", "registered", registered);
    let moved = r#"{"deal_id":"d","to_partner":"q"}"#;
    assert_eq!(send(&mut world, "deal.reassigned", "moved", moved), Outcome::Held);
    assert_eq!(world.deals.values().map(|deal| deal.owner.as_str()).collect::<Vec<_>>(), ["p"]);
    // The partner comes, and what waits is sent again.
    world.enrol("q");
    let record = world.records.iter().find(|record| record.identity.id.as_str() == "moved").expect("a record");
    assert_eq!((record.outcome, record.reason.clone()), (Outcome::NoRule, Some(Reason::DealMoved)));
    assert_eq!(world.deals.values().map(|deal| deal.owner.as_str()).collect::<Vec<_>>(), ["q"]);
    let sentence = domain::tell::sentence(&Reason::DealMoved);
    assert!(!sentence.contains('`') && sentence.contains("moved to another partner"), "{sentence}");
}

/// Open deals of a partner that left could never be moved, and a deal could be moved to one that had left.
#[test]
fn a9_a_deal_of_a_partner_that_left_moves_and_none_moves_to_one() {
    let mut world = world();
    world.enrol("q");
    let registered =
        r#"{"deal_id":"d","opportunity_id":"o","customer":"Contoso","expected_acv":{"amount":"1","currency":"USD"}}"#;
    send(&mut world, "deal.registered", "registered", registered);
    world.at("2026-03-15T09:30:00Z");
    world.send("partner.offboarded", "p", "left", "2026-03-14T10:00:00Z", r#"{"reason":"sold"}"#);
    let moved = |to: &str| format!(r#"{{"deal_id":"d","to_partner":"{to}"}}"#);
    world.send("deal.reassigned", "p", "moved", "2026-03-15T09:00:00Z", &moved("q"));
    assert_eq!(world.last().reason, Some(Reason::DealMoved));
    assert_eq!(world.send("deal.reassigned", "q", "back", "2026-03-15T09:10:00Z", &moved("p")), Outcome::Refused);
    assert_eq!(world.last().reason, Some(Reason::NewOwnerLeft));
    assert_eq!(world.close("q", "d", "2026-03-15T09:20:00Z", "100"), Outcome::Awarded);
}

/// What came more than a day late did not wait at all for its reassignment, even one right behind it.
#[test]
fn a8_what_comes_late_waits_too() {
    let mut world = world();
    world.enrol("q");
    let registered =
        r#"{"deal_id":"d","opportunity_id":"o","customer":"Contoso","expected_acv":{"amount":"1","currency":"USD"}}"#;
    send(&mut world, "deal.registered", "registered", registered);
    world.at("2026-03-25T09:30:00Z");
    assert_eq!(world.close("q", "d", "2026-03-17T10:00:00Z", "100"), Outcome::Held);
    world.send("deal.reassigned", "p", "moved", "2026-03-16T10:00:00Z", r#"{"deal_id":"d","to_partner":"q"}"#);
    let closed = world.records.iter().find(|record| record.identity.id.as_str() == "d-closed").expect("a record");
    assert_eq!((closed.outcome, closed.partner.as_str()), (Outcome::Awarded, "q"));
    assert_eq!(closed.held_until.map(|until| until.to_string()).as_deref(), Some("2026-03-27T00:00:00Z"));
}

/// An invoice or an order of another partner's deal earned, and an order counted to the ladder, though nobody says so of a deal
/// that is not its own; one of a deal that nobody has told of counts.
#[test]
fn a_invoices_and_orders_of_another_partners_deal_earn_nothing() {
    let rules = "[earn.paid]\non = \"invoice.paid\"\npoints = 10\n[earn.ordered]\non = \"purchase_order.received\"\npoints = 10\n";
    let program = PROGRAM
        .replace("\"deal.*\"", "\"deal.*\", \"invoice.paid\", \"purchase_order.received\"")
        .replace("[\"deal.closed:won\"]", "[\"deal.closed:won\", \"purchase_order.received\"]")
        .replace("[earn.closed]", &format!("{rules}[earn.closed]"));
    let mut world = World::new(&program, "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.enrol("q");
    services(&mut world);
    let (at, of) = ("2026-03-14T09:30:00Z", |deal: &str, more: &str| {
        format!(r#"{{"deal_id":"{deal}",{more}"amount":{{"amount":"5","currency":"USD"}}}}"#)
    });
    let invoice = r#""invoice_id":"i","#;
    for (kind, id, more) in [("invoice.paid", "i1", invoice), ("purchase_order.received", "o1", "")] {
        assert_eq!(world.send(kind, "q", id, at, &of("d", more)), Outcome::Refused, "{kind}");
        assert_eq!(world.last().reason, Some(Reason::DealOfAnotherPartner));
    }
    assert_eq!((world.account("q").balance().available, world.account("q").measures.is_empty()), (0, true));
    for (kind, id, deal, more) in
        [("invoice.paid", "i2", "unknown", invoice), ("purchase_order.received", "o2", "unknown", "")]
    {
        assert_eq!(world.send(kind, "q", id, at, &of(deal, more)), Outcome::Awarded, "{kind}");
    }
    assert_eq!(send(&mut world, "invoice.paid", "i3", &of("d", invoice)), Outcome::Awarded);
}

/// An amendment said the value with what was reversed in part before, and that was taken off once more.
#[test]
fn an_amendment_says_the_value_with_what_was_reversed_before() {
    let run = |order: [usize; 3]| {
        let mut world = world();
        world.at("2026-03-18T09:30:00Z");
        let part = r#"{"deal_id":"d","reason":"x","amount":{"amount":"50000","currency":"USD"}}"#;
        let won = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"60000","currency":"USD"}}"#;
        let less = r#"{"deal_id":"d","acv":{"amount":"30000","currency":"USD"}}"#;
        let events = [
            world.event("deal.closed", "p", "c", "2026-03-14T09:30:00Z", won),
            world.event("deal.reversed", "p", "r", "2026-03-15T09:30:00Z", part),
            world.event("deal.amended", "p", "a", "2026-03-16T09:30:00Z", less),
        ];
        for at in order {
            world.judge(&[events[at].clone()]);
        }
        (world.deals["d"].effective_acv().to_string(), available(&world))
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(run(order), ("30000".to_owned(), 130), "{order:?}");
    }
}

/// Of very many partial reversals the oldest count as one, and all that was taken back stays so.
#[test]
fn many_partial_reversals_take_little_room() {
    let mut world = world();
    world.close("p", "d", "2026-03-14T09:30:00Z", "60000");
    for part in 0..60 {
        assert_eq!(reversed(&mut world, &format!("r{part}"), "100"), Outcome::NoRule);
    }
    let deal = &world.deals["d"];
    assert_eq!((deal.effective_acv().to_string(), deal.reversed.len()), ("54000".to_owned(), 32));
}
