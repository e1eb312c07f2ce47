//! Scenarios of the shipped programs, each with the ledger a person can read.

use laurel_replay::World;

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");
const PERX: &str = include_str!("../../../infra/programs/perx.toml");

/// M36, M38, M40: registration, qualified registration, course, content, closure, a gift card.
#[test]
fn points_for_everything_a_partner_does() {
    let mut w = World::new(HR, "2026-03-02T15:00:00Z");
    w.load_stock("starbucks-10", 10);
    w.enrol("northwind");
    let t = "2026-03-02T14:00:00Z";
    w.send("course.completed", "northwind", "course", t, r#"{"course_id":"sales-101","level":101,"person_id":"ann"}"#);
    w.send(
        "deal.registered",
        "northwind",
        "registered",
        t,
        r#"{"deal_id":"D1","opportunity_id":"O1","customer":"Contoso"}"#,
    );
    w.send("deal.qualified", "northwind", "qualified", t, r#"{"deal_id":"D1"}"#);
    w.send("content.viewed", "northwind", "viewed", t, r#"{"content_id":"card","person_id":"ann","seconds":45}"#);
    w.close("northwind", "D1", t, "48000.00");
    w.redeem("northwind", "starbucks-10", 1, "first");
    w.step("northwind", "first", "ordering");
    w.step("northwind", "first", "fulfilled");
    insta::assert_snapshot!(w.ledger());
}

/// M12: five deals in a year make a referral partner a reseller.
#[test]
fn a_referral_partner_becomes_a_reseller() {
    let mut w = World::new(PERX, "2026-09-15T04:00:00Z");
    w.enrol("merlion");
    for (at, acv) in ["20000", "30000", "110000", "26000", "41000"].iter().enumerate() {
        w.close("merlion", &format!("M{}", at + 1), "2026-09-15T03:00:00Z", acv);
    }
    insta::assert_snapshot!(w.ledger());
}

/// M12 by value, M13: a reseller below ten deals is warned and goes back to referral.
#[test]
fn a_reseller_below_ten_deals_goes_back() {
    let mut w = World::new(PERX, "2026-02-10T04:00:00Z");
    w.enrol("merlion");
    w.close("merlion", "M1", "2026-02-10T03:00:00Z", "500000");
    for now in ["2027-04-01T00:00:00Z", "2027-07-01T00:00:00Z", "2027-10-01T00:00:00Z"] {
        w.at(now).catch_up();
    }
    insta::assert_snapshot!(w.ledger());
}

/// M14: an OEM that falls short becomes a reseller.
#[test]
fn an_oem_that_falls_short_becomes_a_reseller() {
    let mut w = World::new(PERX, "2026-02-10T04:00:00Z");
    w.enrol("merlion");
    w.send(
        "purchase_order.received",
        "merlion",
        "po-1",
        "2026-02-10T03:00:00Z",
        r#"{"deal_id":"M1","amount":{"amount":"1500000","currency":"USD"}}"#,
    );
    for now in ["2027-04-01T00:00:00Z", "2027-07-01T00:00:00Z"] {
        w.at(now).catch_up();
    }
    insta::assert_snapshot!(w.ledger());
}

/// A deal that is reversed after its points were spent: the rest is owed, then netted.
#[test]
fn a_clawback_after_the_points_were_spent() {
    let mut w = World::new(HR, "2026-03-02T15:00:00Z");
    w.load_stock("starbucks-10", 10);
    let t = "2026-03-02T14:00:00Z";
    w.enrol("northwind");
    w.close("northwind", "D1", t, "48000.00");
    w.redeem("northwind", "starbucks-10", 1, "first");
    w.send("deal.reversed", "northwind", "reversed", t, r#"{"deal_id":"D1","reason":"customer withdrew"}"#);
    w.close("northwind", "D2", t, "60000.00");
    insta::assert_snapshot!(w.ledger());
}

/// Earned points run out two years later, at the end of the month.
#[test]
fn points_run_out() {
    let mut w = World::new(HR, "2026-03-02T15:00:00Z");
    w.enrol("northwind");
    w.close("northwind", "D1", "2026-03-02T14:00:00Z", "48000.00");
    w.at("2028-04-01T05:00:00Z").catch_up();
    insta::assert_snapshot!(w.ledger());
}

/// M36: a registration earns when it is registered, and once more when it is qualified; told again it earns nothing.
#[test]
fn m36_a_qualified_registration_earns_by_itself() {
    let mut w = World::new(HR, "2026-03-02T15:00:00Z");
    w.enrol("northwind");
    let t = "2026-03-02T14:00:00Z";
    let has = |w: &World| {
        let balance = w.account("northwind").balance();
        balance.available + balance.pending
    };
    let deal = r#"{"deal_id":"D1","opportunity_id":"O1","customer":"Contoso"}"#;
    w.send("deal.registered", "northwind", "registered", t, deal);
    let registered = has(&w);
    w.send("deal.qualified", "northwind", "qualified", t, r#"{"deal_id":"D1"}"#);
    let qualified = has(&w) - registered;
    let rule = |id: &str| match &w.programs.all()[0].program.rules[id].gives {
        program::Gives::Points(program::Points::Fixed(points)) => *points,
        other => panic!("{other:?}"),
    };
    assert_eq!((registered, qualified), (rule("registration"), rule("qualified")));
    assert!(qualified > 0 && w.last().kind == "deal.qualified");
    w.send("deal.qualified", "northwind", "again", t, r#"{"deal_id":"D1"}"#);
    assert_eq!(has(&w), registered + qualified);
}
