//! Scenarios of the shipped programs, each with the ledger a person can read.

use laurel_replay::World;

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");
const PERX: &str = include_str!("../../../infra/programs/perx.toml");
const APEX: &str = include_str!("../../../infra/programs/apex.toml");

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

/// M19, M20, M21, M25, M26, M27, M28, M34, M43, M47: a year of one partner on four ladders: it learns, sells, delivers, looks after its
/// customers, builds, and a year later loses what it no longer holds.
#[test]
fn a_year_on_four_ladders() {
    let mut w = World::new(APEX, "2026-02-02T15:00:00Z");
    w.load_stock("starbucks-10", 10);
    let mut n = 0;
    let mut say = |w: &mut World, now: &str, kind: &str, data: &str| {
        n += 1;
        w.at(now).catch_up();
        w.send(kind, "cascade", &format!("e{n:02}"), now, data)
    };
    let enrolled = r#"{"name":"Cascade Systems","motions":["sell","manage","service","build"],"territory":"US-WA","facts":{"type":"reseller","vertical":"retail","employees":"140","vendor":"V-4711","tax":"0"}}"#;
    say(&mut w, "2026-02-02T15:00:00Z", "partner.enrolled", enrolled);
    say(&mut w, "2026-02-03T15:00:00Z", "agreement.accepted", r#"{"version":"2026-01","person_id":"ann"}"#);
    let course = |id: &str, level: u32| format!(r#"{{"course_id":"{id}","level":{level},"person_id":"ann"}}"#);
    say(&mut w, "2026-02-10T15:00:00Z", "course.completed", &course("apex-201", 201));
    say(&mut w, "2026-02-11T15:00:00Z", "course.completed", &course("apex-101", 101));
    say(&mut w, "2026-02-20T15:00:00Z", "course.completed", &course("apex-202", 201));
    let deal = |id: &str, acv: &str| {
        format!(r#"{{"deal_id":"{id}","outcome":"won","acv":{{"amount":"{acv}","currency":"USD"}}}}"#)
    };
    // Nobody is certified yet: the deal earns points, and no commission.
    say(&mut w, "2026-03-02T15:00:00Z", "deal.closed", &deal("D1", "60000"));
    let certificate = |what: &str, person: &str| {
        format!(r#"{{"certification_id":"{what}","person_id":"{person}","valid_until":"2027-03-31T00:00:00Z"}}"#)
    };
    for (what, person) in
        [("apex-sales", "ann"), ("apex-sales", "bob"), ("apex-delivery", "cem"), ("apex-delivery", "dora")]
    {
        say(&mut w, "2026-03-10T15:00:00Z", "certification.granted", &certificate(what, person));
    }
    say(&mut w, "2026-04-06T15:00:00Z", "deal.closed", &deal("D2", "250000"));
    let project = |id: &str| format!(r#"{{"project_id":"{id}","outcome":"successful","motion":"service"}}"#);
    say(&mut w, "2026-05-04T15:00:00Z", "project.completed", &project("P1"));
    say(&mut w, "2026-06-01T15:00:00Z", "project.completed", &project("P2"));
    let attested =
        |criterion: &str, value: &str| format!(r#"{{"criterion":"{criterion}","value":{value},"by":"meg"}}"#);
    say(&mut w, "2026-06-10T15:00:00Z", "attestation.recorded", &attested("renewals", "93"));
    say(&mut w, "2026-06-10T15:05:00Z", "attestation.recorded", &attested("satisfaction", "4.4"));
    say(&mut w, "2026-07-01T15:00:00Z", "attestation.recorded", &attested("integration", "\"validated\""));
    say(&mut w, "2026-08-03T15:00:00Z", "deal.closed", &deal("D3", "240000"));
    w.redeem("cascade", "starbucks-10", 1, "first");
    w.step("cascade", "first", "ordering");
    w.step("cascade", "first", "fulfilled");
    // What it was attested falls, and the certificates run out: warned, and down a quarter later.
    say(&mut w, "2026-12-15T15:00:00Z", "attestation.recorded", &attested("renewals", "71"));
    for now in ["2027-02-12T15:00:00Z", "2027-05-12T15:00:00Z", "2027-08-12T15:00:00Z", "2027-11-12T15:00:00Z"] {
        w.at(now).catch_up();
    }
    assert_eq!(w.findings(), Vec::<String>::new());
    insta::assert_snapshot!(w.ledger());
}
