//! Rules, caps, deals, tiers and redemptions, each at its edges.

use domain::ledger::Outcome::{self, Applied, Awarded, Conflict, Duplicate, Held, NoRule, Refused};
use domain::ledger::{Reason, Verdict};
use laurel_replay::World;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[program.rates]
EUR = "2"
[sources]
"/crm/*" = ["partner.*", "deal.*", "purchase_order.received", "project.completed"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]

[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", bands = [{ from = "100", points = 10 }, { from = "1000", points = 100 }, { from = "10000", points = 1000 }] }
times = [{ tier = "gold", by = "1.25" }, { campaign = "summer" }]

[earn.registered]
on = "deal.registered"
points = 5
at_most = "2 per partner per month"

[earn.reading]
on = "content.viewed"
if = { seconds = ">= 30" }
points = 3
at_most = ["1 per person per content per week", "7 points per partner per month"]

[earn.course]
on = "course.completed"
points = { by = "level", table = { 101 = 10, 201 = 20 } }
at_most = "once per person per course"

[campaign.summer]
from = "2026-07-01"
until = "2026-08-01"
by = "1.5"

[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { any = [{ deals = 3, within = "1 year" }, { acv = "50000", within = "1 year" }] }
keep = { deals = 2, within = "1 year" }
review = "quarterly"
first_review = "1 year"
grace = "1 quarter"

[registration]
exclusive_for = "30 days"

[reward.card]
name = "Card"
points = 100
at_most = "3 per partner per month"
[reward.gold-card]
name = "Gold card"
points = 100
needs = { tier = "gold" }
[reward.gated]
name = "Gated"
points = 1
needs = { certification = "sales-101" }
[reward.old]
name = "Old"
points = 1
retired = true

[policy]
expiry = "3 months after earning, at the end of the month"
"#;

fn world() -> World {
    let mut world = World::new(PROGRAM, "2026-05-15T12:00:00Z");
    world.enrol("p");
    world
}

const TODAY: &str = "2026-05-15T10:00:00Z";

fn points(world: &World) -> i64 {
    world.account("p").balance().available
}

fn reason(world: &World) -> Option<Reason> {
    world.last().reason.clone()
}

#[test]
fn bands_at_their_edges() {
    for (acv, expected) in [
        ("0", 0),
        ("99.99", 0),
        ("100", 10),
        ("999.99", 10),
        ("1000", 100),
        ("9999.99", 100),
        ("10000", 1000),
        ("10000.01", 1000),
    ] {
        let mut world = world();
        let outcome = world.close("p", "d", TODAY, acv);
        assert_eq!(points(&world), expected, "{acv}");
        assert_eq!(outcome, if expected > 0 { Awarded } else { NoRule }, "{acv}");
    }
}

#[test]
fn an_amount_in_another_currency_is_rated_in_the_programs() {
    let mut world = world();
    let data = |c: &str, a: &str| {
        format!(r#"{{"deal_id":"d-{c}","outcome":"won","acv":{{"amount":"{a}","currency":"{c}"}}}}"#)
    };
    world.send("deal.closed", "p", "1", TODAY, &data("EUR", "499.99"));
    assert_eq!(points(&world), 10);
    world.send("deal.closed", "p", "2", TODAY, &data("EUR", "500").replace("d-EUR", "d-EUR2"));
    assert_eq!(points(&world), 110);
    assert_eq!(world.send("deal.closed", "p", "3", TODAY, &data("GBP", "500")), Held);
    world.publish(&PROGRAM.replace("EUR = \"2\"", "EUR = \"2\"\nGBP = \"3\""), "2026-05-15T12:00:00Z");
    assert_eq!(world.send("course.completed", "p", "c", TODAY, r#"{"course_id":"x","person_id":"a"}"#), NoRule);
    assert_eq!(points(&world), 210, "the rate of a newer version ends the wait");
}

#[test]
fn multipliers_round_down_once() {
    let mut world = world();
    world.at("2026-07-15T12:00:00Z");
    for deal in ["a", "b", "c"] {
        world.close("p", deal, "2026-07-10T00:00:00Z", "100");
    }
    assert_eq!(points(&world), 45, "3 x 10 x 1.5");
    assert_eq!(world.tier("p"), "gold");
    world.close("p", "d", "2026-07-10T00:00:00Z", "100");
    assert_eq!(points(&world), 45 + 18, "10 x 1.25 x 1.5 = 18.75, rounded down");
}

#[test]
fn campaigns_start_and_end_with_their_days() {
    for (time, expected) in [
        ("2026-06-30T23:59:59Z", 10),
        ("2026-07-01T00:00:00Z", 15),
        ("2026-07-31T23:59:59Z", 15),
        ("2026-08-01T00:00:00Z", 10),
    ] {
        let mut world = world();
        world.at("2026-08-02T00:00:00Z");
        world.close("p", "d", time, "100");
        assert_eq!(points(&world), expected, "{time}");
    }
}

#[test]
fn a_cap_counts_what_was_awarded_and_starts_anew() {
    let mut world = world();
    let register = |world: &mut World, n: u32, time: &str| {
        let data = format!(r#"{{"deal_id":"d{n}","opportunity_id":"o{n}","customer":"c"}}"#);
        world.send("deal.registered", "p", &format!("r{n}"), time, &data)
    };
    assert_eq!((1..=3).map(|n| register(&mut world, n, TODAY)).collect::<Vec<_>>(), [Awarded, Awarded, Refused]);
    assert_eq!(reason(&world), Some(Reason::CapReached { cap: "2 per partner per month".into() }));
    assert_eq!(world.last().trials[0].worth, 5, "what it would have earned");
    assert!(world.deals["d3"].registered.is_some(), "the cap is on points, not on registering");
    assert_eq!(register(&mut world, 4, "2026-04-30T10:00:00Z"), Awarded, "another month");
    world.at("2026-06-01T12:00:00Z");
    assert_eq!(register(&mut world, 5, "2026-06-01T10:00:00Z"), Awarded, "a new month");
}

#[test]
fn caps_on_points_cut_the_last_award() {
    let mut world = world();
    let view = |world: &mut World, content: &str, person: &str| {
        let data = format!(r#"{{"content_id":"{content}","person_id":"{person}","seconds":30}}"#);
        let id = format!("{content}-{person}-{}", world.records.len());
        world.send("content.viewed", "p", &id, TODAY, &data)
    };
    assert_eq!(view(&mut world, "x", "ann"), Awarded);
    assert_eq!(view(&mut world, "x", "ann"), Refused, "once per person per content per week");
    assert_eq!(view(&mut world, "x", "bob"), Awarded);
    assert_eq!(points(&world), 6);
    assert_eq!(view(&mut world, "y", "ann"), Awarded);
    assert_eq!(points(&world), 7, "cut by the monthly cap");
    let given = &world.last().postings[0].amount;
    let Verdict::Gave { cut_by, .. } = &world.last().trials[0].verdict else { panic!() };
    assert_eq!((*given, cut_by.as_deref()), (1, Some("7 points per partner per month")));
    assert_eq!(view(&mut world, "z", "ann"), Refused);
}

#[test]
fn an_unmatched_condition_says_what_it_saw() {
    let mut world = world();
    for (seconds, outcome) in [("29", NoRule), ("30", Awarded), ("31", Awarded)] {
        let data = format!(r#"{{"content_id":"{seconds}","person_id":"a","seconds":{seconds}}}"#);
        assert_eq!(world.send("content.viewed", "p", seconds, TODAY, &data), outcome);
    }
    world.send("content.viewed", "p", "none", TODAY, r#"{"content_id":"c","person_id":"a"}"#);
    let expected = Verdict::Unmatched { field: "seconds".into(), seen: None, times: Vec::new() };
    assert_eq!((&world.last().trials[0].verdict, world.last().trials[0].worth), (&expected, 3));
}

#[test]
fn a_course_counts_once_for_a_person() {
    let mut world = world();
    let complete = |world: &mut World, id: &str, person: &str, level: u32| {
        let data = format!(r#"{{"course_id":"c","level":{level},"person_id":"{person}"}}"#);
        world.send("course.completed", "p", id, TODAY, &data)
    };
    assert_eq!(complete(&mut world, "1", "ann", 101), Awarded);
    assert_eq!(complete(&mut world, "2", "ann", 201), Refused);
    assert_eq!(complete(&mut world, "3", "bob", 201), Awarded);
    assert_eq!(complete(&mut world, "4", "eve", 301), NoRule, "a level the table does not have");
    assert_eq!(points(&world), 30);
}

#[test]
fn one_identity_is_judged_once() {
    let mut world = world();
    assert_eq!(world.close("p", "d", TODAY, "100"), Awarded);
    assert_eq!(world.close("p", "d", TODAY, "100"), Duplicate);
    assert_eq!(world.close("p", "d", TODAY, "100.00"), Conflict);
    assert_eq!(points(&world), 10);
}

#[test]
fn every_refusal_of_a_deal_has_its_reason() {
    let mut world = world();
    world.enrol("q");
    let registered = r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#;
    world.send("deal.registered", "p", "r", TODAY, registered);
    let refusals: [(&str, &str, &str, Reason); 4] = [
        ("deal.registered", "p", registered, Reason::AlreadyRegistered),
        (
            "deal.registered",
            "p",
            r#"{"deal_id":"d2","opportunity_id":"o","customer":"c"}"#,
            Reason::OpportunityRegistered,
        ),
        ("deal.registered", "q", registered, Reason::DealOfAnotherPartner),
        (
            "deal.registered",
            "q",
            r#"{"deal_id":"d3","opportunity_id":"o","customer":"c"}"#,
            Reason::OpportunityTaken { until: "2026-06-14".parse().expect("date") },
        ),
    ];
    for (at, (kind, partner, data, expected)) in refusals.into_iter().enumerate() {
        assert_eq!(world.send(kind, partner, &format!("x{at}"), TODAY, data), Refused);
        assert_eq!(reason(&world), Some(expected));
    }
    // It may be the new owner's, ahead of the reassignment: refused when that is late.
    assert_eq!(world.send("deal.qualified", "q", "q0", TODAY, r#"{"deal_id":"d"}"#), Held);
    world.at("2026-05-17T12:00:00Z").judge(&[]);
    assert_eq!((world.last().outcome, reason(&world)), (Refused, Some(Reason::DealOfAnotherPartner)));
    world.send("deal.qualified", "p", "q1", TODAY, r#"{"deal_id":"d"}"#);
    assert_eq!(world.send("deal.qualified", "p", "q2", TODAY, r#"{"deal_id":"d"}"#), Refused);
    assert_eq!(reason(&world), Some(Reason::AlreadyQualified));
    world.close("p", "d", TODAY, "1000");
    let again = r#"{"deal_id":"d","outcome":"lost"}"#;
    assert_eq!(world.send("deal.closed", "p", "again", TODAY, again), Refused);
    assert_eq!(reason(&world), Some(Reason::AlreadyClosed));
    let reverse = r#"{"deal_id":"d","reason":"x"}"#;
    world.send("deal.reversed", "p", "v1", TODAY, reverse);
    assert_eq!(reason(&world), Some(Reason::TookBack { points: 100, expired: 0 }));
    assert_eq!(world.send("deal.reversed", "p", "v2", TODAY, reverse), Refused);
    assert_eq!(reason(&world), Some(Reason::AlreadyReversed));
    assert_eq!(
        world.send("deal.amended", "p", "a", TODAY, r#"{"deal_id":"d","acv":{"amount":"1","currency":"EUR"}}"#),
        Refused
    );
    assert_eq!(reason(&world), Some(Reason::OtherCurrency { deal: "USD".into(), event: "EUR".into() }));
}

#[test]
fn a_lease_ends_on_its_day() {
    for (time, outcome) in [("2026-06-13T10:00:00Z", Refused), ("2026-06-14T00:00:00Z", Awarded)] {
        let mut world = world();
        world.enrol("q");
        world.send("deal.registered", "p", "r", TODAY, r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#);
        assert!(world.deals["d"].price_protected);
        world.at("2026-06-15T00:00:00Z");
        let second = r#"{"deal_id":"e","opportunity_id":"o","customer":"c"}"#;
        assert_eq!(world.send("deal.registered", "q", "s", time, second), outcome, "{time}");
    }
}

#[test]
fn a_second_registrant_may_be_accepted_and_noted() {
    let mut world = World::new(
        &PROGRAM.replace("exclusive_for", "second_registrant = \"accept and notify\"\nexclusive_for"),
        "2026-05-15T12:00:00Z",
    );
    world.enrol("p");
    world.enrol("q");
    world.send("deal.registered", "p", "r", TODAY, r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#);
    assert_eq!(
        world.send("deal.registered", "q", "s", TODAY, r#"{"deal_id":"e","opportunity_id":"o","customer":"c"}"#),
        Awarded
    );
    assert!(world.last().effects.contains(&domain::ledger::Effect::Place {
        place: 2,
        until: None,
        asks: None,
        tender: false
    }));
    assert!(!world.deals["e"].price_protected, "only the first is protected");
}

#[test]
fn a_public_tender_takes_every_registrant() {
    let mut world = world();
    world.enrol("q");
    let data =
        |deal: &str| format!(r#"{{"deal_id":"{deal}","opportunity_id":"o","customer":"c","public_tender":true}}"#);
    world.send("deal.registered", "p", "r", TODAY, &data("d"));
    assert_eq!(world.send("deal.registered", "q", "s", TODAY, &data("e")), Awarded);
}

#[test]
fn what_waits_is_judged_when_the_missing_piece_comes() {
    let mut world = World::new(PROGRAM, "2026-05-15T12:00:00Z");
    assert_eq!(world.close("p", "d", TODAY, "1000"), Held, "an unknown partner");
    assert_eq!(world.send("deal.reversed", "p", "v", TODAY, r#"{"deal_id":"d","reason":"x"}"#), Held);
    world.enrol("p");
    assert!(world.held.is_empty());
    assert_eq!(points(&world), 0);
    assert!(world.deals["d"].void);
}

#[test]
fn a_program_may_require_registration() {
    let mut world =
        World::new(&PROGRAM.replace("exclusive_for", "required = true\nexclusive_for"), "2026-05-15T12:00:00Z");
    world.enrol("p");
    assert_eq!(world.close("p", "d", TODAY, "1000"), Held);
    world.send("deal.registered", "p", "r", TODAY, r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#);
    assert_eq!(points(&world), 105);
}

#[test]
fn an_amendment_rates_the_deal_again() {
    let mut world = world();
    world.close("p", "d", TODAY, "10000");
    let amend = |world: &mut World, id: &str, time: &str, acv: &str| {
        let data = format!(r#"{{"deal_id":"d","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
        world.send("deal.amended", "p", id, time, &data)
    };
    assert_eq!(amend(&mut world, "a1", "2026-05-15T11:00:00Z", "1000"), NoRule);
    assert_eq!(points(&world), 100);
    assert_eq!(amend(&mut world, "a2", "2026-05-15T11:30:00Z", "20000"), Awarded);
    assert_eq!(points(&world), 1000);
    assert_eq!(amend(&mut world, "a0", "2026-05-15T10:30:00Z", "5"), Refused, "older than the last");
    assert_eq!(reason(&world), Some(Reason::Superseded));
    let partial = r#"{"deal_id":"d","reason":"x","amount":{"amount":"19500","currency":"USD"}}"#;
    assert_eq!(world.send("deal.reversed", "p", "v0", TODAY, partial), Refused, "from before the last");
    assert_eq!((reason(&world), points(&world)), (Some(Reason::Superseded), 1000));
    world.send("deal.reversed", "p", "v1", "2026-05-15T11:45:00Z", partial);
    assert_eq!(points(&world), 10, "what 500 is worth");
}

#[test]
fn a_reversal_takes_what_is_there_and_the_rest_is_owed() {
    let mut world = world();
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "1000");
    assert_eq!(world.redeem("p", "card", 1, "k"), Applied);
    world.send("deal.reversed", "p", "v", TODAY, r#"{"deal_id":"d","reason":"x"}"#);
    let balance = world.account("p").balance();
    assert_eq!((balance.available, balance.reserved, balance.owed, balance.total()), (0, 100, 100, 0));
    world.close("p", "e", TODAY, "1000");
    let balance = world.account("p").balance();
    assert_eq!((balance.available, balance.owed), (0, 0), "the next award pays the debt");
    world.step("p", "k", "cancelled");
    assert_eq!(points(&world), 100);
}

#[test]
fn a_forgiving_program_lets_the_rest_go() {
    let mut world = World::new(
        &PROGRAM.replace("[policy]", "[policy]\nclawback = \"within balance, rest forgiven\""),
        "2026-05-15T12:00:00Z",
    );
    world.enrol("p");
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "1000");
    world.redeem("p", "card", 1, "k");
    world.send("deal.reversed", "p", "v", TODAY, r#"{"deal_id":"d","reason":"x"}"#);
    assert_eq!(world.account("p").balance().owed, 0);
}

#[test]
fn held_points_are_released_on_their_day() {
    let held = PROGRAM.replace("[earn.closed]", "[earn.closed]\nhold = \"30 days\"");
    let mut world = World::new(&held, "2026-05-15T12:00:00Z");
    world.enrol("p");
    world.close("p", "d", TODAY, "1000");
    world.close("p", "e", TODAY, "1000");
    assert_eq!(world.account("p").balance().pending, 200);
    world.send("deal.reversed", "p", "v", TODAY, r#"{"deal_id":"e","reason":"x"}"#);
    assert_eq!(world.account("p").balance().pending, 100, "taken from what is held");
    world.at("2026-06-13T23:59:59Z").catch_up();
    assert_eq!(points(&world), 0);
    world.at("2026-06-14T00:00:00Z").catch_up();
    assert_eq!(points(&world), 100);
}

#[test]
fn lots_run_out_at_the_end_of_their_month() {
    let mut world = world();
    world.close("p", "d", TODAY, "1000");
    world.at("2026-08-31T23:59:59Z").catch_up();
    assert_eq!(points(&world), 100);
    world.at("2026-09-01T00:00:00Z").catch_up();
    assert_eq!(points(&world), 0);
    assert_eq!(world.last().kind, "points.expired");
}

#[test]
fn promotion_comes_with_the_event_and_demotion_after_warning_and_grace() {
    let mut world = world();
    for (deal, expected) in [("a", "base"), ("b", "base"), ("c", "gold")] {
        world.close("p", deal, TODAY, "100");
        assert_eq!(world.tier("p"), expected);
    }
    let steps = [
        // The first review is as of a year after entry, on the day the books of that quarter close; its window (July to June)
        // holds no deal.
        ("2027-07-10T23:59:59Z", "gold", None),
        ("2027-07-11T00:00:00Z", "gold", Some("2027-10-01")),
        ("2027-10-10T23:59:59Z", "gold", Some("2027-10-01")),
        ("2027-10-11T00:00:00Z", "base", None),
    ];
    for (now, tier, demotes_on) in steps {
        world.at(now).catch_up();
        let standing = &world.account("p").head.tiers.get("sell").expect("a standing");
        assert_eq!(
            (standing.tier.as_str(), standing.demotes_on),
            (tier, demotes_on.map(|d| d.parse().expect("date"))),
            "{now}"
        );
    }
}

#[test]
fn a_warning_is_lifted_when_the_tier_is_kept_again() {
    let mut world = world();
    for deal in ["a", "b", "c"] {
        world.close("p", deal, TODAY, "100");
    }
    world.at("2027-07-11T00:00:00Z").catch_up();
    assert!(world.account("p").head.tiers.get("sell").expect("a standing").demotes_on.is_some());
    world.close("p", "d", "2027-07-01T00:00:00Z", "100");
    world.close("p", "e", "2027-07-01T00:00:00Z", "100");
    world.at("2027-10-11T00:00:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold");
    assert_eq!(world.account("p").head.tiers.get("sell").expect("a standing").demotes_on, None);
}

#[test]
fn acv_promotes_at_the_edge() {
    for (acv, tier) in [("49999.99", "base"), ("50000", "gold"), ("50000.01", "gold")] {
        let mut world = world();
        world.close("p", "d", TODAY, acv);
        assert_eq!(world.tier("p"), tier, "{acv}");
    }
}

#[test]
fn a_late_event_is_judged_by_its_own_version_and_booked_in_an_open_period() {
    let mut world = world();
    world.publish(&PROGRAM.replace("points = 1000 }", "points = 2000 }"), "2026-05-01T00:00:00Z");
    world.close("p", "old", "2026-04-30T23:59:59Z", "10000");
    assert_eq!(
        (points(&world), world.last().version(), world.last().booked.to_string().as_str()),
        (1000, 1, "2026-04-30")
    );
    world.close("p", "new", "2026-05-01T00:00:00Z", "10000");
    assert_eq!((points(&world), world.last().version()), (3000, 2));
    world.close("p", "late", "2025-08-01T00:00:00Z", "100");
    assert_eq!(world.last().booked.to_string(), "2026-05-15", "its quarter is closed");
    world.at("2026-07-10T00:00:00Z");
    world.close("p", "just", "2026-06-30T00:00:00Z", "100");
    assert_eq!(world.last().booked.to_string(), "2026-06-30", "open for ten days more");
    world.at("2026-07-11T00:00:00Z");
    world.close("p", "too-late", "2026-06-30T00:00:00Z", "100");
    assert_eq!(world.last().booked.to_string(), "2026-07-11");
}

/// Finance's lock is its own: what is locked stays as it is, and what becomes known later is booked when it does, though the books that
/// ladders are reviewed by are open still.
#[test]
fn what_finance_locked_takes_no_later_booking() {
    let mut world = world();
    let locked = |day: &str| PROGRAM.replacen("currency", &format!("locked_until = \"{day}\"\ncurrency"), 1);
    world.publish(&locked("2026-05-31"), "2026-06-02T00:00:00Z");
    world.at("2026-06-05T12:00:00Z");
    let mut booked = |deal: &str, time: &str| {
        world.close("p", deal, time, "100");
        world.last().booked.to_string()
    };
    assert_eq!(booked("locked", "2026-05-31T23:59:59Z"), "2026-06-05");
    assert_eq!(booked("open", "2026-06-01T00:00:00Z"), "2026-06-01");
    world.publish(&locked("2026-06-04"), "2026-06-05T13:00:00Z");
    world.at("2026-06-06T12:00:00Z");
    let corrected = r#"{"deal_id":"open","reason":"x"}"#;
    world.send("deal.reversed", "p", "back", "2026-06-04T00:00:00Z", corrected);
    assert_eq!(world.last().booked.to_string(), "2026-06-06", "what corrects it is booked later, too");
    // A lock that is still to come locks nothing but the past.
    world.publish(&locked("2027-01-01"), "2026-06-06T13:00:00Z");
    world.at("2026-06-07T12:00:00Z");
    world.close("p", "today", "2026-06-07T11:00:00Z", "100");
    assert_eq!(world.last().booked.to_string(), "2026-06-07");
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[test]
fn an_event_before_the_first_version_is_refused() {
    let mut world = world();
    assert_eq!(world.close("p", "d", "2019-12-31T23:59:59Z", "1000"), Refused);
    assert_eq!(reason(&world), Some(Reason::NoProgram));
}

#[test]
fn a_suspended_partner_earns_nothing_and_never_redeems() {
    let mut world = world();
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "10000");
    world.send("partner.suspended", "p", "s", TODAY, r#"{"reason":"x"}"#);
    assert_eq!(world.close("p", "e", TODAY, "10000"), Refused);
    assert_eq!(reason(&world), Some(Reason::PartnerSuspended));
    assert_eq!(world.redeem("p", "card", 1, "k"), Refused);
    world.send("deal.reversed", "p", "v", TODAY, r#"{"deal_id":"d","reason":"x"}"#);
    assert_eq!(points(&world), 0, "what takes back always counts");
    world.send("partner.reinstated", "p", "i", "2026-05-15T10:00:01Z", r#"{"reason":"x"}"#);
    assert_eq!(world.close("p", "f", TODAY, "10000"), Awarded);
}

#[test]
fn a_second_enrolment_updates_and_awards_nothing() {
    let mut world = World::new(
        &PROGRAM
            .replace("[earn.registered]", "[earn.welcome]\non = \"partner.enrolled\"\npoints = 9\n[earn.registered]"),
        "2026-05-15T12:00:00Z",
    );
    world.enrol("p");
    assert_eq!(points(&world), 9);
    assert_eq!(
        world.send(
            "partner.enrolled",
            "p",
            "again",
            "2026-05-15T12:00:01Z",
            r#"{"name":"New","motions":["sell","build"]}"#
        ),
        NoRule
    );
    assert_eq!((points(&world), reason(&world)), (9, Some(Reason::AlreadyEnrolled)));
    assert_eq!(world.account("p").motions(), ["sell", "build"]);
}

#[test]
fn a_redemption_is_refused_for_the_first_reason_that_holds() {
    let mut world = world();
    let refused = |world: &mut World, reward: &str, quantity: i64, key: &str| -> Option<Reason> {
        assert_eq!(world.redeem("p", reward, quantity, key), Refused);
        reason(world)
    };
    assert_eq!(refused(&mut world, "nothing", 1, "1"), Some(Reason::UnknownReward));
    assert_eq!(refused(&mut world, "old", 1, "2"), Some(Reason::Retired));
    assert_eq!(
        refused(&mut world, "gated", 1, "3"),
        Some(Reason::GateNotPassed { needs: "certification sales-101".into() })
    );
    assert_eq!(
        refused(&mut world, "gold-card", 1, "4"),
        Some(Reason::TierTooLow { needs: "gold".try_into().expect("a tier") })
    );
    assert_eq!(refused(&mut world, "card", 4, "5"), Some(Reason::CapReached { cap: "3 per partner per month".into() }));
    assert_eq!(refused(&mut world, "card", 1, "6"), Some(Reason::OutOfStock { left: 0 }));
    world.load_stock("card", 9);
    world.close("p", "d", TODAY, "100");
    assert_eq!(refused(&mut world, "card", 1, "7"), Some(Reason::NotEnoughPoints { needed: 100, available: 10 }));
    assert_eq!(points(&world), 10, "nothing moved");
}

#[test]
fn a_price_is_paid_to_the_point() {
    for (price, outcome) in [(99, Applied), (100, Applied), (101, Refused)] {
        let program = PROGRAM.replace("name = \"Card\"\npoints = 100", &format!("name = \"Card\"\npoints = {price}"));
        let mut world = World::new(&program, "2026-05-15T12:00:00Z");
        world.enrol("p");
        world.load_stock("card", 5);
        world.close("p", "d", TODAY, "1000");
        assert_eq!(world.redeem("p", "card", 1, "k"), outcome, "{price} of 100 points");
        let reserved = if outcome == Applied { price } else { 0 };
        assert_eq!((points(&world), world.account("p").balance().reserved), (100 - reserved, reserved));
    }
}

#[test]
fn stock_is_given_to_the_last_piece() {
    for (stock, outcome) in [(1, Refused), (2, Applied), (3, Applied)] {
        let mut world = world();
        world.load_stock("card", stock);
        world.close("p", "d", TODAY, "10000");
        assert_eq!(world.redeem("p", "card", 2, "k"), outcome, "2 of {stock}");
    }
}

#[test]
fn a_gate_opens_with_a_valid_certificate() {
    let mut world = world();
    world.load_stock("gated", 9);
    world.close("p", "d", TODAY, "100");
    let certify = r#"{"certification_id":"sales-101","person_id":"ann","valid_until":"2026-06-01T00:00:00Z"}"#;
    world.send("certification.granted", "p", "c", TODAY, certify);
    assert_eq!(world.redeem("p", "gated", 1, "1"), Applied);
    world.at("2026-06-01T00:00:00Z");
    assert_eq!(world.redeem("p", "gated", 1, "2"), Refused, "it ran out");
}

#[test]
fn a_redemption_takes_one_way_to_one_end() {
    let mut world = world();
    world.load_stock("card", 1);
    world.close("p", "d", TODAY, "1000");
    assert_eq!(world.redeem("p", "card", 1, "k"), Applied);
    assert_eq!((world.account("p").balance().reserved, world.stock["card"]), (100, 0));
    assert_eq!(world.step("p", "k", "fulfilled"), None, "not before it was ordered");
    assert_eq!(world.step("p", "k", "ordering"), Some(Applied));
    assert_eq!(world.step("p", "k", "cancelled"), None, "the provider may have issued it");
    assert_eq!(world.step("p", "k", "fulfilled"), Some(Applied));
    for to in ["ordering", "fulfilled", "declined"] {
        assert_eq!(world.step("p", "k", to), None, "fulfilled is final");
    }
    assert_eq!(world.account("p").balance().total(), 0);
}

#[test]
fn a_released_redemption_gives_everything_back() {
    let mut world = world();
    world.load_stock("card", 3);
    world.close("p", "d", TODAY, "10000");
    world.redeem("p", "card", 3, "k");
    assert_eq!(world.redeem("p", "card", 1, "l"), Refused, "the monthly cap");
    assert_eq!(world.step("p", "k", "cancelled"), Some(Applied));
    assert_eq!((points(&world), world.stock["card"]), (1000, 3));
    assert_eq!(world.redeem("p", "card", 3, "m"), Applied, "the cap is given back too");
}

#[test]
fn a_source_that_may_not_send_a_type_claims_nothing() {
    let mut world = world();
    let body = format!(
        r#"{{"specversion":"1.0","id":"x","source":"/lms/test","type":"deal.closed","subject":"p","program":"test","time":"{TODAY}","data":{{"deal_id":"d","outcome":"lost"}}}}"#
    );
    let event = event::Event::parse(&body, world.now).expect("event");
    assert_eq!(world.judge(&[event]), [Outcome::Rejected]);
    assert!(world.records.iter().all(|r| r.identity.id.as_str() != "x"));
}
