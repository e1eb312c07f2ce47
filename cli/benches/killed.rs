//! `serve` killed again and again while events come in: none is lost, none counted twice.
//!
//! `cargo bench --bench killed -- --events 20000` sends so many events to a hundred partners over the queue, each twentieth twice,
//! and kills `serve` with SIGKILL every second or two while they are judged; a sender that gets no answer sends again. It then
//! compares every balance with what was sent, runs `laurel audit`, and prints events a second. It ends with 1 if anything differs.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock, Random};
use serde_json::json;
use serve::{LAUREL, Serve, event, laurel, text};
use worker::{Clients, Queue};

#[path = "../tests/serve/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

/// Events where nothing is said.
const EVENTS: usize = 20_000;
const PARTNERS: usize = 100;
/// Points of one renewal.
const POINTS: usize = 100;
/// Events sent at once.
const BATCH: usize = 10;

fn won(n: usize) -> String {
    let acv = json!({ "amount": "100", "currency": "USD" });
    let data = json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": acv, "motion": "sell", "renewal": true });
    event("deal.closed", &format!("p{}", n % PARTNERS), &format!("d{n}-won"), &data)
}

/// Sends until the queue has taken each.
async fn send(queue: &Queue, clock: &Clock, events: &[String]) {
    let mut left: Vec<String> = events.to_vec();
    while !left.is_empty() {
        let failed = queue.send_all(&left).await;
        left = failed.into_iter().map(|at| left[at].clone()).collect();
        if !left.is_empty() {
            clock.sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let asked = args.iter().position(|arg| arg == "--events").and_then(|at| args.get(at + 1)?.parse().ok());
    let events = asked.unwrap_or(EVENTS);
    let (clock, random) = (Clock::system(), Random::system());
    let data = tempfile::tempdir().expect("a folder");
    let mut serve = Serve::start(data.path()).await;
    // Started again where its sender knows it.
    let ports = [&serve.http, &serve.aws].map(|url| url.rsplit(':').next().and_then(|port| port.parse().ok()));
    let ports = (ports[0].expect("a port"), ports[1].expect("a port"));
    let queue = Queue::new(Clients::local(&serve.aws).sqs(), &serve.queue_url());
    let enrolled = |n: usize| {
        let data = json!({ "name": format!("Partner {n}"), "motions": ["sell"] });
        event("partner.enrolled", &format!("p{n}"), &format!("p{n}-enrolled"), &data)
    };
    send(&queue, &clock, &(0..PARTNERS).map(enrolled).collect::<Vec<_>>()).await;
    let began = clock.now();
    let all_sent = Arc::new(AtomicBool::new(false));
    let (sent, sender_clock) = (all_sent.clone(), clock.clone());
    let sender = tokio::spawn(async move {
        for start in (0..events).step_by(BATCH) {
            let batch: Vec<String> = (start..events.min(start + BATCH)).map(won).collect();
            send(&queue, &sender_clock, &batch).await;
            if (start / BATCH).is_multiple_of(2) {
                send(&queue, &sender_clock, &batch[..1]).await;
            }
        }
        sent.store(true, Ordering::Release);
    });
    let mut kills = 0;
    while !all_sent.load(Ordering::Acquire) {
        clock.sleep(Duration::from_millis(800 + random.below(1_600))).await;
        drop(serve);
        kills += 1;
        serve = Serve::start_as(Command::new(LAUREL), data.path(), ports).await;
        eprint!("\r{kills} kills");
    }
    sender.await.expect("everything is sent");
    serve.worked_off_within(Duration::from_secs(3_600)).await;
    let seconds = clock.now().duration_since(began).as_secs_f64();
    let folder = data.path().to_string_lossy().into_owned();
    let mut wrong = 0;
    for n in 0..PARTNERS {
        let partner = format!("p{n}");
        let token =
            laurel(&["token", "--partner", &partner, "--program", "hr-software", "--scope", "read", "--data", &folder]);
        let expected = (n..events).step_by(PARTNERS).count() * POINTS;
        let available = serve.available(text(&token.stdout).trim(), &partner).await;
        if available != i64::try_from(expected).ok() {
            eprintln!("{partner}: {available:?} available, {expected} were earned");
            wrong += 1;
        }
    }
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    println!("\n{events} events and {} duplicates, {kills} kills, {seconds:.0} s", events / BATCH / 2);
    println!("{wrong} of {PARTNERS} balances are wrong; audit: {}", text(&audit.stdout).trim());
    if wrong == 0 && audit.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
