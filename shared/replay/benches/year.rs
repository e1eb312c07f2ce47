//! A generated year, replayed on one core, parse and hash included, beside the same rules in Python.
//!
//! `cargo bench --profile fast -p laurel-replay --bench year`, or with a number of events behind `--`. Both start from the same bytes,
//! make a record of every decision, and come to the same outcomes, points and digest, or it ends with 1. Where there is no
//! `python3`, it says so and shows Laurel alone.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "what takes how long is what is asked here"
)]

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Event;
use jiff::Timestamp;
use laurel_replay::{Replay, Year};
use program::{Program, Programs, Version};

/// The allocator of `laurel`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let events = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/programs/hr-software.toml");
    let file = std::fs::read_to_string(path).expect("the program");
    let from: Timestamp = "2026-01-01T05:00:00Z".parse().expect("an instant");
    let year = Year { program: "hr-software".to_owned(), from, partners: 600, events, seed: 1 };
    let lines: Vec<String> = year.lines().collect();
    let version = Version {
        number: 1,
        hash: Version::content_hash(&file),
        effective_from: "2020-01-01T00:00:00Z".parse().expect("an instant"),
        program: Arc::new(Program::parse(&file).expect("a program")),
    };
    let parse = |line: &String| Event::parse(line, Timestamp::MAX).expect("an event");

    let started = Instant::now();
    let read = lines.iter().map(parse).map(std::hint::black_box).count();
    let parsing = started.elapsed();
    let started = Instant::now();
    let programs = Programs::new(vec![version]).expect("a version");
    let mut replay = Replay::new(programs);
    for line in &lines {
        replay.take(parse(line)).expect("a sound account");
    }
    let whole = started.elapsed();
    let nanos = |time: Duration| time.as_nanos() / lines.len().max(1) as u128;
    println!("{read} events: {} ns each to parse, {} ns to parse and decide", nanos(parsing), nanos(whole));
    println!("{:?}, {} waiting", replay.tally(), replay.waiting());
    let tally = replay.tally();
    let outcomes: serde_json::Value =
        tally.outcomes.iter().map(|(outcome, events)| (outcome.word(), *events)).collect();
    let moved: serde_json::Value = tally.moved.iter().map(|((_, kind), points)| (kind.word(), *points)).collect();
    // A year later every tier was reviewed.
    replay.bring_to("2027-12-31T12:00:00Z".parse().expect("an instant")).expect("sound accounts");
    let Some(peer) = peer(&lines) else { return ExitCode::SUCCESS };
    let seconds = peer["seconds"].as_f64().expect("seconds");
    println!(
        "the same in Python: {:.0} ns each, {:.1} times as long",
        seconds * 1e9 / lines.len().max(1) as f64,
        seconds / whole.as_secs_f64()
    );
    let same = peer["digest"] == replay.digest() && peer["outcomes"] == outcomes && peer["moved"] == moved;
    if !same {
        println!("NOT EQUAL: {peer}");
    }
    println!(
        "outcomes, points, and {} of balances, lots and tiers: {}",
        replay.digest(),
        if same { "equal" } else { "not equal" }
    );
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the peer says of the same lines; none where there is no Python.
fn peer(lines: &[String]) -> Option<serde_json::Value> {
    let file = std::env::temp_dir().join(format!("laurel-year-{}.jsonl", std::process::id()));
    std::fs::write(&file, lines.join("\n")).expect("written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer.py");
    let ran = Command::new("python3").arg(script).arg(&file).arg("2027-12-31").output();
    std::fs::remove_file(&file).expect("removed");
    match ran {
        Ok(output) if output.status.success() => serde_json::from_slice(&output.stdout).ok(),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            println!("no python3 to compare with: {error}");
            None
        }
    }
}
