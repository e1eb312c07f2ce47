//! A history that is played in memory comes to what the same events come to where each account is read from a table, part by part.

use domain::ledger::Outcome;
use event::Event;
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
