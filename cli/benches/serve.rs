//! `serve` as it gets older: whether it still judges, answers and rests as on its first day.
//!
//! `cargo bench -p laurel --bench serve -- --stored 50000` gives a `serve` so many events of a hundred partners, and prints events a
//! second on the fresh folder and behind them, what it needs when nothing happens, its memory, how long redemptions take with that
//! history, and how soon it is up again with ten thousand undelivered messages, each beside its bound. It ends with 1 if one is
//! missed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use ambient::Clock;
use jiff::{SignedDuration, Timestamp};
use replay::Year;
use serde_json::json;
use serve::{LAUREL, Serve, event, laurel, text};

#[path = "../tests/serve/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

/// Events where nothing is said.
const STORED: usize = 50_000;
/// Events that are timed at once.
const TIMED: usize = 4_000;
const PARTNERS: usize = 100;
/// Least events a second, and least part of the fresh folder's.
const PER_SECOND_MIN: f64 = 400.0;
const OF_FRESH_MIN: f64 = 0.8;
/// Most time until nothing is left to relay.
const RELAYED_WITHIN: SignedDuration = SignedDuration::from_secs(300);
/// Most of a core when nothing happens.
const IDLE_MAX: f64 = 0.01;
/// Most memory, in KiB.
const MEMORY_MAX: f64 = 64.0 * 1024.0;
/// Redemptions, and how long the slowest of a hundred may take, in milliseconds.
const REDEMPTIONS: usize = 300;
const REDEMPTION_MS_MAX: f64 = 20.0;
/// Messages that nobody has judged when it starts, and how long that may take, in seconds.
const UNDELIVERED: usize = 10_000;
const RESTART_MAX: f64 = 2.0;
/// Least records a second of an audit from a file.
const AUDITED_MIN: f64 = 20_000.0;
/// How a line of an export begins that holds a record.
const RECORD: &str = "{\"record\":";

/// Prints a figure beside its bound; whether it keeps it.
fn bound(what: &str, figure: f64, least: Option<f64>, most: Option<f64>) -> bool {
    let keeps = least.is_none_or(|least| figure >= least) && most.is_none_or(|most| figure <= most);
    let word = match (least, most) {
        (Some(least), _) => format!("at least {least}"),
        (_, Some(most)) => format!("at most {most}"),
        (None, None) => String::new(),
    };
    println!("{what:<56} {figure:>10.3}  {word}{}", if keeps { "" } else { "  MISSED" });
    keeps
}

/// Events a second from the first sent to the last judged.
async fn judged(serve: &Serve, clock: &Clock, events: &[String]) -> f64 {
    let began = clock.now();
    for some in events.chunks(100) {
        assert_eq!(serve.queue().send_all(some).await, Vec::<usize>::new(), "taken");
    }
    serve.worked_off_within(Duration::from_secs(3_600)).await;
    f64::from(u32::try_from(events.len()).expect("few")) / clock.now().duration_since(began).as_secs_f64()
}

/// Seconds of a processor that a process has used.
fn used(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
    ticks / 100.0
}

/// Memory of a process now, in KiB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) else { return 0.0 };
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How long the slowest of a hundred redemptions takes, in milliseconds.
async fn redeemed(serve: &Serve, clock: &Clock, folder: &Path) -> f64 {
    let rich = |n: usize| {
        let acv = json!({ "amount": "90000", "currency": "USD" });
        event(
            "deal.closed",
            "partner-1",
            &format!("rich-{n}"),
            &json!({ "deal_id": format!("rich-{n}"), "outcome": "won", "acv": acv, "motion": "sell" }),
        )
    };
    judged(serve, clock, &(0..REDEMPTIONS).map(rich).collect::<Vec<_>>()).await;
    let codes = folder.join("codes.txt");
    let lines: Vec<String> = (0..REDEMPTIONS).map(|n| format!("CODE-{n}")).collect();
    std::fs::write(&codes, lines.join("\n")).expect("written");
    let loaded = laurel(&["codes", "load", "starbucks-10", &codes.display().to_string(), "--endpoint", &serve.aws]);
    assert!(loaded.status.success(), "{}", text(&loaded.stderr));
    let data = folder.join("data").display().to_string();
    let args = ["token", "--partner", "partner-1", "--program", "hr-software", "--scope", "redeem", "--data", &data];
    let token = text(&laurel(&args).stdout).trim().to_owned();
    let client = reqwest::Client::new();
    let mut took = Vec::new();
    for n in 0..REDEMPTIONS {
        let ask = client.post(format!("{}/v1/partners/partner-1/redemptions", serve.http)).bearer_auth(&token);
        let ask = ask.header("idempotency-key", format!("k{n}"));
        let began = clock.now();
        let reply = ask.json(&json!({ "reward_id": "starbucks-10", "quantity": 1 })).send().await.expect("an answer");
        let (status, body) = (reply.status(), reply.text().await.expect("a body"));
        took.push(clock.now().duration_since(began).as_secs_f64() * 1e3);
        // A cap of the reward refuses most, as fast or as slow: it is an answer with a record.
        assert!(status.is_success() || status.as_u16() == 409, "{status}: {body}");
    }
    took.sort_by(f64::total_cmp);
    took[REDEMPTIONS * 99 / 100]
}

/// Everything that an audit looks at, in a file, and how many records that is.
fn exported(serve: &Serve, folder: &Path) -> (PathBuf, f64) {
    let file = folder.join("export.jsonl");
    let exported = laurel(&["export", "--to", &file.display().to_string(), "--endpoint", &serve.aws]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let lines = BufReader::new(std::fs::File::open(&file).expect("an export")).lines();
    let records = lines.filter(|line| line.as_ref().is_ok_and(|line| line.starts_with(RECORD))).count();
    (file, f64::from(u32::try_from(records).expect("few")))
}

/// An audit of a file: its seconds, the most memory it was seen with, in KiB, and whether it found nothing.
async fn audited(clock: &Clock, file: &Path) -> (f64, f64, bool) {
    let began = clock.now();
    let audit = Command::new(LAUREL).arg("audit").arg("--from").arg(file).stdout(Stdio::null()).spawn();
    let mut audit = audit.expect("it starts");
    let mut peak = 0.0;
    let status = loop {
        if let Some(status) = audit.try_wait().expect("a child") {
            break status;
        }
        peak = resident(audit.id()).max(peak);
        clock.sleep(Duration::from_millis(5)).await;
    };
    (clock.now().duration_since(began).as_secs_f64(), peak, status.success())
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let asked = args.iter().position(|arg| arg == "--stored").and_then(|at| args.get(at + 1)?.parse().ok());
    let stored: usize = asked.unwrap_or(STORED).max(2 * TIMED);
    let clock = Clock::system();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let serve = Serve::start(&data).await;
    let from: Timestamp = "2025-06-01T00:00:00Z".parse().expect("an instant");
    let all = u64::try_from(stored + TIMED + UNDELIVERED).expect("few");
    let year = Year { program: "hr-software".to_owned(), from, partners: PARTNERS as u64, events: all, seed: 1 };
    let events: Vec<String> = year.lines().collect();

    let mut keeps = Vec::new();
    judged(&serve, &clock, &events[..1_000]).await;
    let fresh = judged(&serve, &clock, &events[1_000..1_000 + TIMED]).await;
    println!("{:<56} {fresh:>10.3}", "events a second on a fresh folder");
    judged(&serve, &clock, &events[1_000 + TIMED..stored]).await;
    let old = judged(&serve, &clock, &events[stored..stored + TIMED]).await;
    let behind = format!("events a second behind {stored}");
    keeps.push(bound(&behind, old, Some(PER_SECOND_MIN), None));
    keeps.push(bound("of those on a fresh folder", old / fresh, Some(OF_FRESH_MIN), None));
    keeps.push(bound(
        "redemption, slowest of a hundred, ms",
        redeemed(&serve, &clock, folder.path()).await,
        None,
        Some(REDEMPTION_MS_MAX),
    ));
    let pid = serve.child.id();
    let began = clock.now();
    loop {
        // The stream is relayed behind the awards.
        let before = used(pid);
        clock.sleep(Duration::from_secs(2)).await;
        if used(pid) - before < 0.1 {
            break;
        }
        assert!(clock.now().duration_since(began) < RELAYED_WITHIN, "it does not come to rest");
    }
    bound("seconds until it rests", clock.now().duration_since(began).as_secs_f64(), None, None);
    let before = used(pid);
    clock.sleep(Duration::from_secs(20)).await;
    keeps.push(bound("of a core when nothing happens", (used(pid) - before) / 20.0, None, Some(IDLE_MAX)));
    keeps.push(bound("memory, KiB", resident(pid), None, Some(MEMORY_MAX)));

    for some in events[stored + TIMED..].chunks(1_000) {
        assert_eq!(serve.queue().send_all(some).await, Vec::<usize>::new(), "taken");
    }
    drop(serve);
    let began = clock.now();
    let serve = Serve::start(&data).await;
    let up = clock.now().duration_since(began).as_secs_f64();
    keeps.push(bound("seconds until it is up with undelivered messages", up, None, Some(RESTART_MAX)));
    serve.worked_off_within(Duration::from_secs(3_600)).await;
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    println!("audit: {}", text(&audit.stdout).trim());
    let (file, records) = exported(&serve, folder.path());
    let (seconds, peak, proved) = audited(&clock, &file).await;
    keeps.push(bound("records a second of an audit from a file", records / seconds, Some(AUDITED_MIN), None));
    keeps.push(bound("memory of that, KiB", peak, None, None));
    keeps.push(proved);
    if keeps.iter().all(|kept| *kept) && audit.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
