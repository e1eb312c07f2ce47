//! How often deciding asks for memory: most of what it costs, and the same on every machine.

use std::sync::Arc;

use event::Event;
use jiff::Timestamp;
use laurel_replay::{Replay, Year};
use program::{Program, Programs, Version};

const EVENTS: u64 = 20_000;

/// Most allocations of an event, to read and to decide it, in tenths.
const TENTHS_MAX: u64 = 170;

#[test]
fn an_event_is_decided_with_few_allocations() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/programs/hr-software.toml");
    let file = std::fs::read_to_string(path).expect("the program");
    let from: Timestamp = "2026-01-01T05:00:00Z".parse().expect("an instant");
    let year = Year { program: "hr-software".to_owned(), from, partners: 60, events: EVENTS, seed: 1 };
    let lines: Vec<String> = year.lines().collect();
    let version = Version {
        number: 1,
        hash: Version::content_hash(&file),
        effective_from: "2020-01-01T00:00:00Z".parse().expect("an instant"),
        program: Arc::new(Program::parse(&file).expect("a program")),
    };
    let parse = |line: &String| Event::parse(line, Timestamp::MAX).expect("an event");
    let allocated = |work: &mut dyn FnMut(&String)| {
        allocation_counter::measure(|| lines.iter().for_each(work)).count_total * 10 / EVENTS
    };
    let to_parse = allocated(&mut |line| drop(parse(line)));
    let mut replay = Replay::new(Programs::new(vec![version]).expect("a version"));
    let in_all = allocated(&mut |line| replay.take(parse(line)).expect("a sound account"));
    println!("tenths of allocations each: {to_parse} to parse, {in_all} to parse and decide");
    assert!(in_all <= TENTHS_MAX, "{in_all} tenths of allocations an event");
}
