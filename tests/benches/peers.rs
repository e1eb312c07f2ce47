//! One award beside others' functions: the same event, tables, index and certainty, in Python with boto3, with Powertools, and in
//! JavaScript.
//!
//! `cargo bench -p laurel-tests --bench peers` makes a virtual environment and a folder of modules in the target folder (`python3`,
//! `node` and `npm` are needed, and their registries), starts everybody against one runtime API and one engine, and prints what each
//! needs: to start, to its first award, and for one more; in memory and in write units. With `-- --write` the table stands in the
//! README. It ends with 1 if a bound is missed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use laurel_tests::{TestStack, body, envelope_bodies, noting_store};
use runtime::{Running, batch, built, median, variables};
use serde_json::{Value, json};

mod runtime;

/// Cold starts of each.
const STARTS: usize = 11;
/// Awards of a warm function, alone and in batches.
const ALONE: usize = 200;
const BATCHES: usize = 30;
const OF_A_BATCH: usize = 10;
/// How many times less than the best peer: to start, processor to the first award, memory, processor of a warm award alone and in a
/// batch.
const BOUNDS: [(&str, f64); 5] =
    [("start", 35.0), ("first award", 24.0), ("memory", 5.0), ("warm award", 3.0), ("in a batch of ten", 5.0)];
/// What stands around the table in the README.
const MARKS: [&str; 2] = ["<!-- peers -->", "<!-- /peers -->"];

/// What one of them needs: milliseconds, megabytes, write units.
struct Measured {
    name: &'static str,
    needs: [f64; 5],
    units: [f64; 2],
}

fn run(command: &mut Command, what: &str) {
    let status = command.status().unwrap_or_else(|error| panic!("{what} does not start: {error}"));
    assert!(status.success(), "{what} failed");
}

/// The peers, each with how it is started. What they need is made in the target folder.
fn peers() -> Vec<(&'static str, Vec<PathBuf>)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    std::fs::create_dir_all(&made).expect("a folder");
    let python = made.join("python/bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(made.join("python")), "python3 -m venv");
    }
    let requirements = here.join("requirements.txt");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements), "pip");
    for file in ["package.json", "node_peer.mjs", "loop.py", "award.py", "boto3_peer.py", "powertools_peer.py"] {
        std::fs::copy(here.join(file), made.join(file)).expect("copied");
    }
    run(Command::new("npm").args(["install", "--silent", "--no-package-lock", "--no-audit"]).current_dir(&made), "npm");
    vec![
        ("Python, boto3", vec![python.clone(), made.join("boto3_peer.py")]),
        ("Python, Powertools", vec![python, made.join("powertools_peer.py")]),
        ("JavaScript", vec![PathBuf::from("node"), made.join("node_peer.mjs")]),
    ]
}

/// An event that a person of the partner's looked at content, or that the partner closed a deal.
fn viewed(partner: &str, n: usize) -> String {
    let data =
        json!({ "content_id": format!("c-{}", n % 20), "person_id": format!("person-{}", n % 3), "seconds": 45 });
    body("content.viewed", partner, "hr-software", "/cms/portal", &format!("{partner}-view-{n}"), &data)
}

fn closed(partner: &str) -> String {
    let acv = json!({ "amount": "48000.00", "currency": "USD" });
    let data = json!({ "deal_id": format!("{partner}-deal"), "outcome": "won", "acv": acv, "tenor_months": 12 });
    body("deal.closed", partner, "hr-software", "/crm/acme", &format!("{partner}-closed"), &data)
}

/// The write units that a peer has needed so far.
fn units(answer: &str) -> f64 {
    serde_json::from_str::<Value>(answer).ok().and_then(|answer| answer["units"].as_f64()).unwrap_or_default()
}

async fn measure(
    name: &'static str,
    start: impl Fn() -> Command,
    variables: &[(&str, String)],
    partner: &'static str,
) -> Measured {
    let (mut starts, mut first, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    let mut n = 0;
    let mut next = || {
        n += 1;
        viewed(partner, n)
    };
    let none_failed = [r#""batchItemFailures":[]"#, r#""batchItemFailures": []"#];
    let done = |answer: &str| assert!(none_failed.iter().any(|none| answer.contains(none)), "{name}: {answer}");
    let mut warm = None;
    for _ in 0..STARTS {
        let mut running = Running::start(start(), variables).await;
        starts.push(running.ready().await);
        let (_, answer) = running.invoke(batch(&[next()])).await;
        done(&answer);
        first.push(running.used_ms());
        memory.push(f64::from(u32::try_from(running.resident_kb()).expect("few")) / 1024.0);
        warm = Some(running);
    }
    let mut warm = warm.expect("one is up");
    let (_, before) = warm.invoke(batch(&[next()])).await;
    let (_, view) = warm.invoke(batch(&[next()])).await;
    let (_, closing) = warm.invoke(batch(&[closed(partner)])).await;
    let began = warm.used_ms();
    for _ in 0..ALONE {
        done(&warm.invoke(batch(&[next()])).await.1);
    }
    let alone = (warm.used_ms() - began) / f64::from(u32::try_from(ALONE).expect("few"));
    let began = warm.used_ms();
    for _ in 0..BATCHES {
        let events: Vec<String> = (0..OF_A_BATCH).map(|_| next()).collect();
        done(&warm.invoke(batch(&events)).await.1);
    }
    let batched = (warm.used_ms() - began) / f64::from(u32::try_from(BATCHES * OF_A_BATCH).expect("few"));
    for figures in [&mut starts, &mut first, &mut memory] {
        figures.sort_by(f64::total_cmp);
    }
    Measured {
        name,
        needs: [median(&starts), median(&first), median(&memory), alone, batched],
        units: [units(&view) - units(&before), units(&closing) - units(&view)],
    }
}

/// Write units of Laurel's, as the engine reports them.
async fn own_units(test: &TestStack) -> [f64; 2] {
    let partner = "measured";
    let enrolled = json!({ "name": "Measured", "motions": ["sell"] });
    test.send(&[body("partner.enrolled", partner, "hr-software", "/crm/acme", "measured-enrolled", &enrolled)]).await;
    test.send(&[viewed(partner, 3), viewed(partner, 6), viewed(partner, 9)]).await;
    let mut found = [0.0; 2];
    for (units, body) in found.iter_mut().zip([viewed(partner, 12), closed(partner)]) {
        let (store, calls) = noting_store(&test.stack.aws.endpoint());
        let now = store.clock().now();
        let program = "hr-software".try_into().expect("a program");
        let programs = store::programs::read(&store, &program).await.expect("read").expect("published");
        let event = event::Event::parse(&body, now).expect("an event");
        let patience = store::patience::Patience::until(store.clock().instant() + std::time::Duration::from_secs(30));
        let partner = event.partner.clone();
        engine::events::judge(&store, &programs, &partner, &[event.into()], patience).await;
        *units = calls.lock().expect("calls").iter().map(|(_, units)| units).sum();
    }
    found
}

fn table(all: &[Measured]) -> String {
    let mut text = "| | start, ms | processor to the first award, ms | memory, MB | a warm award, ms | in a batch of ten, ms | write units: content, closing |\n|---|---|---|---|---|---|---|\n".to_owned();
    for Measured { name, needs: [start, first, memory, alone, batched], units: [view, closing] } in all {
        writeln!(
            text,
            "| {name} | {start:.1} | {first:.1} | {memory:.1} | {alone:.2} | {batched:.2} | {view:.0}, {closing:.0} |"
        )
        .expect("text");
    }
    text
}

#[tokio::main]
async fn main() -> ExitCode {
    let peers = peers();
    let function = built("award-points");
    let test = TestStack::start().await;
    test.send(&envelope_bodies("partner.enrolled")).await;
    let mut variables = variables(&test.stack);
    let mut all = vec![measure("**Laurel**", || Command::new(&function), &variables, "partner-17").await];
    all[0].units = own_units(&test).await;
    // An interpreter is found by the path.
    variables.push(("PATH", std::env::var("PATH").expect("a path")));
    for ((name, command), partner) in peers.iter().zip(["boto3", "powertools", "node"]) {
        let start = || {
            let mut started = Command::new(&command[0]);
            started.args(&command[1..]);
            started
        };
        all.push(measure(name, start, &variables, partner).await);
    }
    let table = table(&all);
    println!("{table}");
    if std::env::args().any(|arg| arg == "--write") {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let text = std::fs::read_to_string(&readme).expect("the README");
        let (before, rest) = text.split_once(MARKS[0]).expect("a mark");
        let (_, after) = rest.split_once(MARKS[1]).expect("a mark");
        std::fs::write(&readme, format!("{before}{}\n{table}{}{after}", MARKS[0], MARKS[1])).expect("written");
    }
    let mut kept = true;
    for (at, (what, times)) in BOUNDS.iter().enumerate() {
        let best = all[1..].iter().map(|peer| peer.needs[at]).fold(f64::INFINITY, f64::min);
        let less = best / all[0].needs[at];
        kept &= less >= *times;
        println!(
            "{what:<20} {less:>6.1} times less than the best of them, at least {times}{}",
            if less >= *times { "" } else { "  MISSED" }
        );
    }
    let fewest = all[1..].iter().map(|peer| peer.units[0]).fold(f64::INFINITY, f64::min);
    kept &= all[0].units[0] <= fewest;
    println!("write units          {} beside {fewest}", all[0].units[0]);
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
