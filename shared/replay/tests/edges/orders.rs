//! Late, old, repeated and corrected: what once came out wrong in some order stays right.

use domain::ledger::Outcome::{Awarded, NoRule, Refused};
use domain::ledger::{Membership, Reason};
use laurel_replay::World;

use super::{TODAY, amend, points, world_of};

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "Asia/Singapore"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", bands = [{ from = "1", points = 100 }, { from = "1000", points = 1000 }] }
at_most = "1 per partner per month"
[earn.reading]
on = "content.viewed"
points = 5
at_most = ["7 points per partner per month", "9 per person per month"]
[ladder.sell.base]
rank = 1
[policy]
expiry = "3 months after earning, at the end of the month"
"#;

/// I25: whatever an amendment writes was loaded, also where the cap is per deal or per person.
#[test]
fn an_upward_amendment_under_a_cap_per_deal_is_decided() {
    for cap in ["1000 points per partner per deal", "1000 points per person per deal"] {
        let mut world = world_of(&PROGRAM.replace("1 per partner per month", cap));
        world.close("p", "d", TODAY, "500");
        amend(&mut world, "a", "d", TODAY, "5000");
        assert_eq!(points(&world), 1_000, "{cap}");
    }
}

/// A version that moves the time zone west repeats a day; the clock's records go on, and no day goes back.
#[test]
fn a_time_zone_that_moves_west_stops_nobody() {
    let mut world = world_of(PROGRAM);
    world.close("p", "d", TODAY, "1");
    // In Singapore it is the first of September: the lot of August has run out.
    world.at("2026-08-31T17:00:00Z").catch_up();
    assert_eq!(points(&world), 0);
    world.publish(&PROGRAM.replace("Asia/Singapore", "America/Los_Angeles"), "2026-08-31T18:00:00Z");
    world.at("2026-08-31T19:00:00Z");
    assert_eq!(world.close("p", "e", "2026-08-31T18:30:00Z", "1"), Awarded);
    world.at("2026-12-15T00:00:00Z").catch_up();
    let days: Vec<_> = world.records.iter().map(|record| record.on).collect();
    assert!(days.is_sorted(), "{days:?}");
    assert_eq!(points(&world), 0, "and the second lot ran out in its turn");
}

/// I24: what was true later counts, whenever it is heard of.
#[test]
fn facts_go_by_their_own_time() {
    let membership = |world: &World| world.account("p").head.membership();
    let say = |world: &mut World, kind: &str, id: &str, time: &str| {
        let data = if kind == "partner.enrolled" { r#"{"name":"Old","motions":[]}"# } else { r#"{"reason":"x"}"# };
        world.send(kind, "p", id, time, data)
    };
    let mut world = world_of(PROGRAM);
    say(&mut world, "partner.suspended", "s", "2026-05-10T00:00:00Z");
    assert_eq!(say(&mut world, "partner.reinstated", "r", "2026-05-09T00:00:00Z"), NoRule);
    assert_eq!((membership(&world), &world.last().reason), (Membership::Suspended, &Some(Reason::Superseded)));
    say(&mut world, "partner.offboarded", "o", "2026-05-11T00:00:00Z");
    say(&mut world, "partner.enrolled", "e", "2026-05-01T00:00:00Z");
    assert_eq!(membership(&world), Membership::Offboarded, "an enrolment of before brings nobody back");
    say(&mut world, "partner.enrolled", "f", "2026-05-12T00:00:00Z");
    assert_eq!(membership(&world), Membership::Active, "a new one does");

    let mut world = world_of(PROGRAM);
    let grant = |world: &mut World, id: &str, time: &str, until: &str| {
        let data = format!(r#"{{"certification_id":"c","person_id":"ann","valid_until":"{until}"}}"#);
        world.send("certification.granted", "p", id, time, &data);
    };
    grant(&mut world, "new", "2026-05-01T00:00:00Z", "2028-01-01T00:00:00Z");
    grant(&mut world, "old", "2024-05-01T00:00:00Z", "2025-01-01T00:00:00Z");
    let id = "c".try_into().expect("an id");
    let held = |at: &str| world.account("p").is_certified(&id, None, at.parse().expect("an instant")).expect("known");
    assert_eq!([held("2027-12-31T23:59:59Z"), held("2028-01-01T00:00:00Z")], [true, false]);
}

/// I14: what is rated again stays under the caps of the award's own period.
#[test]
fn amending_up_does_not_pass_a_cap_on_how_often() {
    let mut world = world_of(&PROGRAM.replace("from = \"1\", points = 100", "from = \"100\", points = 100"));
    for deal in ["a", "b", "c", "d"] {
        world.close("p", deal, TODAY, "1");
        amend(&mut world, &format!("{deal}-up"), deal, TODAY, "100");
    }
    assert_eq!(points(&world), 100, "one a month");
}

#[test]
fn amending_down_and_up_gains_nothing() {
    let capped = PROGRAM.replace("1 per partner per month", "600 points per partner per month");
    let forgiving = PROGRAM.replace("[policy]", "[policy]\nclawback = \"within balance, rest forgiven\"");
    for (program, most) in [(capped, 600), (forgiving, 1_000)] {
        let mut world = world_of(&program);
        world.close("p", "d", TODAY, "5000");
        assert_eq!(points(&world), most);
        for round in 0..3 {
            amend(&mut world, &format!("{round}-down"), "d", &format!("2026-05-15T10:1{round}:00Z"), "1");
            amend(&mut world, &format!("{round}-up"), "d", &format!("2026-05-15T10:1{round}:30Z"), "5000");
            assert!(points(&world) <= most, "round {round}: {}\n{}", points(&world), world.ledger());
        }
    }
}

/// M40: a cap is what it says, not its place in the list.
#[test]
fn caps_that_change_places_count_on() {
    let mut world = world_of(PROGRAM);
    let view = |world: &mut World, n: u32, time: &str| {
        let data = format!(r#"{{"content_id":"c{n}","person_id":"ann"}}"#);
        world.send("content.viewed", "p", &format!("v{n}"), time, &data)
    };
    view(&mut world, 1, TODAY);
    view(&mut world, 2, TODAY);
    assert_eq!(points(&world), 7);
    let swapped = PROGRAM.replace(
        r#"["7 points per partner per month", "9 per person per month"]"#,
        r#"["9 per person per month", "7 points per partner per month"]"#,
    );
    world.publish(&swapped, "2026-05-15T13:00:00Z");
    world.at("2026-05-15T15:00:00Z");
    assert_eq!(view(&mut world, 3, "2026-05-15T14:00:00Z"), Refused);
    assert_eq!(points(&world), 7);
}

/// I28: members that a type does not declare are not stored, and who is named makes no other meaning.
#[test]
fn the_ledger_holds_no_person() {
    let mut world = world_of(PROGRAM);
    world.send("deal.qualified", "p", "q", TODAY, r#"{"deal_id":"d","person_id":"dana@example.com"}"#);
    let stored = serde_json::to_string(&world.records).expect("JSON");
    assert!(!stored.contains("dana"), "{stored}");
    let view = |person: &str| {
        let data = format!(r#"{{"content_id":"c","person_id":"{person}"}}"#);
        world.event("content.viewed", "p", "v", TODAY, &data).hash
    };
    assert_eq!(view("dana@example.com"), view("person-1"));
}
