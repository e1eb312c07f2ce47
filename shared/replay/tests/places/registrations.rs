//! Registrations: who has an opportunity to itself, for how long, and who else may register (M30-M33).

use domain::ledger::Outcome::{self, Applied, Awarded, NoRule, Refused};
use domain::ledger::{Effect, Reason};
use laurel_replay::World;

use super::world;

/// The partner registers its own deal for opportunity `o`.
fn register(world: &mut World, partner: &str, tender: bool) -> Outcome {
    super::register(world, partner, &format!("d-{partner}"), tender)
}

fn extend(world: &mut World, partner: &str, id: &str, time: &str, until: &str) -> Outcome {
    super::extend(world, partner, &format!("d-{partner}"), id, time, until)
}

fn close(world: &mut World, partner: &str, outcome: &str) -> Outcome {
    super::close(world, partner, &format!("d-{partner}"), outcome)
}

/// What happened of a type, as `partner position`.
fn of_type(world: &World, kind: &str) -> Vec<String> {
    let records = world.records.iter().filter(|record| record.kind == kind);
    records.map(|record| format!("{} {}", record.partner, record.decided_at)).collect()
}

fn reason(world: &World) -> Option<Reason> {
    world.last().reason.clone()
}

/// M30: each place by its own setting; who is refused is told until when, who is accepted which place it has.
#[test]
fn m30_each_place_by_its_own_setting() {
    let places = |settings: &str| {
        let mut w = world(settings);
        (0..5).map(|n| register(&mut w, &format!("p{n}"), false) == Awarded).collect::<Vec<_>>()
    };
    let notify = "\"accept and notify\"";
    assert_eq!(places(""), [true, false, false, false, false]);
    assert_eq!(places(&format!("second_registrant = {notify}")), [true; 5]);
    let two = format!("second_registrant = {notify}\nthird_registrant = \"reject\"");
    assert_eq!(places(&two), [true, true, false, false, false]);
    let three = format!("second_registrant = {notify}\nfurther_registrants = \"reject\"");
    assert_eq!(places(&three), [true, true, true, false, false]);
    // Who was refused took no place: the third is still the second.
    assert_eq!(places(&format!("third_registrant = {notify}")), [true, false, false, false, false]);
    let mut w = world("");
    register(&mut w, "p0", false);
    assert_eq!(register(&mut w, "p1", false), Refused);
    assert_eq!(reason(&w), Some(Reason::OpportunityTaken { until: "2026-05-31".parse().expect("a day") }));
}

/// At most sixteen, however many are accepted.
#[test]
fn m30_sixteen_registrants_at_most() {
    let mut w = world("second_registrant = \"accept and notify\"");
    (10..20).for_each(|n| w.enrol(&format!("p{n}")));
    let outcomes: Vec<Outcome> = (0..17).map(|n| register(&mut w, &format!("p{n}"), false)).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Awarded).count(), 16);
    assert_eq!(reason(&w), Some(Reason::OpportunityFull));
    assert_eq!(w.opportunities["o"].registrants.len(), 16);
}

/// M31: a lease of thirty, sixty or ninety days, its last day whole; then it is free for whoever comes first.
#[test]
fn m31_a_lease_ends_with_its_last_day() {
    for (length, last, first_free) in [
        ("30 days", "2026-03-31T15:59:59Z", "2026-03-31T16:00:00Z"),
        ("60 days", "2026-04-30T15:59:59Z", "2026-04-30T16:00:00Z"),
        ("90 days", "2026-05-30T15:59:59Z", "2026-05-30T16:00:00Z"),
    ] {
        let mut w = world(&format!("exclusive_for = \"{length}\""));
        register(&mut w, "p0", false);
        w.at(last);
        assert_eq!(register(&mut w, "p1", false), Refused, "{length}");
        w.at(first_free);
        assert_eq!(register(&mut w, "p1", false), Awarded, "{length}");
        assert_eq!(w.opportunities["o"].holder.as_str(), "p1");
    }
}

/// M31: the partner is reminded before its lease ends, as often as the program says, at the beginning of the day; whoever closed the deal
/// or lost the lease is not.
#[test]
fn m31_reminders_before_a_lease_ends() {
    let settings = "exclusive_for = \"30 days\"\nremind = [\"3 days\", \"2 weeks\"]";
    let days = ["2026-03-17T16:00:00Z", "2026-03-28T16:00:00Z"];
    let mut w = world(settings);
    register(&mut w, "p0", false);
    for day in ["2026-03-17T15:59:59Z", days[0], "2026-03-28T15:59:59Z", days[1], "2026-04-10T00:00:00Z"] {
        w.at(day).catch_up();
    }
    let told: Vec<String> = days.iter().map(|day| format!("p0 {day}")).collect();
    assert_eq!(of_type(&w, "lease.ending"), told);
    assert_eq!((w.last().outcome, w.last().postings.len(), w.outbox.len()), (Applied, 0, 0));
    // A deal that is closed needs no reminder.
    let mut w = world(settings);
    register(&mut w, "p0", false);
    close(&mut w, "p0", "lost");
    w.at("2026-03-29T00:00:00Z").catch_up();
    assert_eq!(of_type(&w, "lease.ending"), Vec::<String>::new());
    assert_eq!(w.outbox.len(), 0);
    // What is registered late is not reminded of days that are over.
    let mut w = world(settings);
    w.at("2026-03-20T00:00:00Z");
    let data = r#"{"deal_id":"d-p0","opportunity_id":"o","customer":"c"}"#;
    w.send("deal.registered", "p0", "r", "2026-03-02T04:00:00Z", data);
    assert_eq!(w.outbox.len(), 1);
}

/// M31: staff let a lease last longer: others stay out, and the partner is reminded of the new day only.
#[test]
fn m31_staff_extend_a_lease() {
    let mut w = world("exclusive_for = \"30 days\"\nremind = \"3 days\"");
    register(&mut w, "p0", false);
    let until = "2026-04-30T00:00:00+08:00";
    assert_eq!(extend(&mut w, "p0", "x", "2026-03-02T04:00:00Z", until), NoRule);
    assert_eq!(reason(&w), Some(Reason::LeasedUntil { until: "2026-04-30".parse().expect("a day") }));
    w.at("2026-04-20T00:00:00Z").catch_up();
    assert_eq!(register(&mut w, "p1", false), Refused);
    w.at("2026-04-26T16:00:00Z").catch_up();
    assert_eq!(of_type(&w, "lease.ending"), ["p0 2026-04-26T16:00:00Z"]);
    w.at("2026-04-29T16:00:00Z").catch_up();
    assert_eq!(register(&mut w, "p1", false), Awarded);
    // Nobody extends what is another's by now, or is nobody's.
    assert_eq!(extend(&mut w, "p0", "late", "2026-04-29T16:00:00Z", "2026-06-01T00:00:00Z"), Refused);
    assert_eq!(reason(&w), Some(Reason::NoLease));
}

/// I24: what staff said last by the events' own time holds, in whatever order it came; and it waits for the registration.
#[test]
fn an_extension_is_a_fact() {
    let run = |order: [usize; 3]| {
        let mut w = world("");
        let data = r#"{"deal_id":"d-p0","opportunity_id":"o","customer":"c"}"#;
        for step in order {
            match step {
                0 => w.send("deal.registered", "p0", "r", "2026-03-02T01:00:00Z", data),
                1 => extend(&mut w, "p0", "x1", "2026-03-02T02:00:00Z", "2026-09-01T00:00:00Z"),
                _ => extend(&mut w, "p0", "x2", "2026-03-02T03:00:00Z", "2026-07-01T00:00:00Z"),
            };
        }
        assert!(w.held.is_empty(), "{}", w.ledger());
        w.opportunities["o"].until.to_string()
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(run(order), "2026-07-01", "{order:?}");
    }
}

/// M32: who registered first has price protection, and nobody else.
#[test]
fn m32_the_first_registrant_has_price_protection() {
    let mut w = world("second_registrant = \"accept and notify\"");
    register(&mut w, "p0", false);
    register(&mut w, "p1", false);
    let of = |deal: &str| (w.deals[deal].place, w.deals[deal].price_protected);
    assert_eq!([of("d-p0"), of("d-p1")], [(1, true), (2, false)]);
}

/// M33: a public tender takes all bidders side by side, none with a lease or price protection; when one has won, the others are told,
/// each in its own history.
#[test]
fn m33_a_public_tender_takes_bidders_and_tells_who_lost() {
    let mut w = world("remind = \"3 days\"\npublic_tender = { bidders = 3 }");
    let outcomes: Vec<Outcome> = (0..4).map(|n| register(&mut w, &format!("p{n}"), true)).collect();
    assert_eq!((outcomes, w.outbox.len()), (vec![Awarded; 4], 0), "nobody is reminded of a lease");
    assert_eq!(w.deals["d-p0"].place, 1);
    assert!(w.deals.values().all(|deal| deal.tender && !deal.price_protected));
    let third = w.records.iter().find(|record| record.partner.as_str() == "p2" && record.kind == "deal.registered");
    let place = Effect::Place { place: 3, until: None, asks: Some(3), tender: true };
    assert!(third.expect("a registration").effects.contains(&place), "as many as are asked for");
    assert_eq!(extend(&mut w, "p0", "x", "2026-03-02T04:00:00Z", "2026-09-01T00:00:00Z"), Refused);
    close(&mut w, "p1", "lost");
    assert_eq!(of_type(&w, "bid.lost"), Vec::<String>::new());
    close(&mut w, "p2", "won");
    let told = ["p0", "p1", "p3"].map(|partner| format!("{partner} 2026-03-02T04:00:00Z"));
    assert_eq!(of_type(&w, "bid.lost"), told);
    assert_eq!(w.last().outcome, Applied);
}

/// M37: a renewal is an earning event of its own, and whose customer it is stands with the deal.
#[test]
fn m37_renewals_and_whose_customer_it_is() {
    let earn = r#"
[earn.new]
on = "deal.closed"
if = { outcome = "won", renewal = "false" }
points = 100
[earn.renewal]
on = "deal.closed"
if = { outcome = "won", renewal = "true" }
points = 30
"#;
    let mut w = world(earn);
    register(&mut w, "p0", false);
    let mut closed = |deal: &str, more: &str| {
        let before = w.account("p0").balance().available;
        let acv = r#"{"amount":"1","currency":"USD"}"#;
        let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{acv}{more}}}"#);
        assert_eq!(w.send("deal.closed", "p0", deal, "2026-03-02T04:00:00Z", &data), Awarded);
        w.account("p0").balance().available - before
    };
    assert_eq!([closed("d-p0", ""), closed("d-2027", r#","renewal":true"#)], [100, 30]);
    let deal = &w.deals["d-p0"];
    assert_eq!((deal.owner.as_str(), deal.customer.as_deref()), ("p0", Some("Contoso")));
}
