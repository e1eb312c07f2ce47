//! A history that is played in memory comes to what the same events come to where each account is read from a table, part by part.

use domain::ledger::Outcome;
use event::Event;
use event::ids::PartnerId;
use jiff::Timestamp;
use laurel_replay::{Replay, World, Year, summary};

const PROGRAM: &str = include_str!("../../../infra/programs/hr-software.toml");

fn year(seed: u64) -> Vec<Event> {
    let from = "2026-01-01T05:00:00Z".parse().expect("an instant");
    let lines = Year { program: "hr-software".to_owned(), from, partners: 6, events: 600, seed }.lines();
    lines.map(|line| Event::parse(&line, Timestamp::MAX).expect("an event")).collect()
}

/// Both ways, to the end of the year after, so that everything is reviewed.
fn played(events: &[Event]) -> [String; 2] {
    let end: Timestamp = "2027-12-31T00:00:00Z".parse().expect("an instant");
    let mut world = World::of(PROGRAM, "2020-01-01T00:00:00Z", events[0].time);
    let mut replay = Replay::new(world.programs.clone());
    let mut outcomes = Vec::new();
    for event in events {
        world.now = event.time;
        outcomes.extend(world.judge(std::slice::from_ref(event)));
        replay.take(event.clone()).expect("a sound account");
    }
    if !outcomes.contains(&Outcome::Held) {
        for (outcome, count) in &replay.tally().outcomes {
            let by_world = outcomes.iter().filter(|by_world| *by_world == outcome).count();
            assert_eq!(by_world as u64, *count, "{}", outcome.word());
        }
    }
    world.now = end;
    world.catch_up();
    replay.bring_to(end).expect("sound accounts");
    assert_eq!((replay.waiting(), world.held.len()), (0, 0));
    let read = world.accounts.iter();
    [summary(read), replay.summary()]
}

/// What comes before its partner's enrolment waits for it: three weeks of a partner's events, before any has waited too long.
#[test]
fn what_waits_is_the_same_in_memory() {
    let mut events = year(7);
    let mut late = events.remove(0);
    let at = 35;
    late.time = events[at].time;
    events.insert(at, late);
    let [read, in_memory] = played(&events);
    assert_eq!(read, in_memory);
}

#[test]
fn a_year_is_the_same_in_memory() {
    for seed in 1..3 {
        let [read, in_memory] = played(&year(seed));
        assert!(read.contains("sell=gold") && read.contains("sell=silver"), "{read}");
        assert_eq!(read, in_memory, "seed {seed}");
    }
}

const WAITS: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "UTC"
counts_as_deal = ["deal.closed:won"]
periods_close = "10 days after the quarter"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", per = "1", points = 1 }
"#;

fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

/// What waited for a reassignment and then for its deal has as long as anything that waits for a deal, as a hold has
/// (`store::holds::put`: "What turns out to wait for something else than a reassignment has as long as anything that does").
#[test]
fn what_waits_for_its_deal_after_a_reassignment_waits_as_long_in_memory() {
    let world = World::new(WAITS, "2026-06-01T00:00:00Z");
    let event = |kind: &str, partner: &str, id: &str, time: &str, data: &str| -> Event {
        world.event(kind, partner, id, time, data)
    };
    let enrolled = r#"{"name":"P","motions":["sell"]}"#;
    let won = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"100","currency":"USD"}}"#;
    let mut replay = Replay::new(world.programs.clone());
    for event in [
        event("partner.enrolled", "a", "a", "2026-03-01T00:00:00Z", enrolled),
        event("partner.enrolled", "b", "b", "2026-03-01T00:00:00Z", enrolled),
        event(
            "deal.registered",
            "a",
            "r",
            "2026-03-02T00:00:00Z",
            r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#,
        ),
        // It overtook the reassignment, and the closing.
        event("deal.reversed", "b", "v", "2026-03-03T00:00:00Z", r#"{"deal_id":"d","reason":"returned"}"#),
        event("deal.reassigned", "a", "m", "2026-03-03T01:00:00Z", r#"{"deal_id":"d","to_partner":"b"}"#),
        // Six days later: held events wait thirty.
        event("deal.closed", "b", "w", "2026-03-09T00:00:00Z", won),
    ] {
        replay.take(event).expect("a sound account");
    }
    replay.bring_to(at("2026-04-15T00:00:00Z")).expect("sound accounts");
    let b: PartnerId = "b".try_into().expect("a partner");
    let available = replay.accounts()[&b].balance().available;
    assert_eq!((available, replay.tally().outcomes.get(&Outcome::Rejected)), (0, None), "{:?}", replay.tally());
}

/// I4: another meaning under the identity of what waits is a conflict, in memory as in `store::holds::put`.
#[test]
fn another_meaning_of_what_waits_is_a_conflict_in_memory() {
    let world = World::new(WAITS, "2026-06-01T00:00:00Z");
    let mut replay = Replay::new(world.programs.clone());
    let enrolled = r#"{"name":"P","motions":["sell"]}"#;
    let won = |acv: &str| format!(r#"{{"deal_id":"d","outcome":"won","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
    for event in [
        // Both wait for the enrolment of `b`: thirty days each.
        world.event("deal.closed", "b", "w", "2026-03-01T00:00:00Z", &won("100")),
        world.event("deal.closed", "b", "w", "2026-03-20T00:00:00Z", &won("900")),
        // The first of them has ended by then.
        world.event("partner.enrolled", "b", "b", "2026-04-10T00:00:00Z", enrolled),
    ] {
        replay.take(event).expect("a sound account");
    }
    let b: PartnerId = "b".try_into().expect("a partner");
    let available = replay.accounts()[&b].balance().available;
    assert_eq!((available, replay.tally().outcomes.get(&Outcome::Conflict)), (0, Some(&1)), "{:?}", replay.tally());
}
