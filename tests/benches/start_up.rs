//! What a cold start costs: the release bootstraps against a Lambda runtime API on loopback, with the embedded engine behind.
//!
//! `cargo bench --bench start_up` builds `award-points` and the functions of the HTTP API as they are deployed (for this machine's
//! processor), starts each many times, gives each one event, and prints size, time to the first `/next`, the first and
//! a warm invocation, and resident memory, beside the bound each must keep. It ends with 1 if one does not.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use laurel_tests::{TestStack, body, envelope_bodies};
use runtime::{Running, batch, built, median, variables};
use serde_json::{Value, json};

#[expect(dead_code, reason = "shared with the other bench")]
mod runtime;

/// Cold starts of each function.
const STARTS: usize = 30;
/// Largest deployment package, in bytes: 2.9 MiB.
const ZIP_BYTES_MAX: usize = 29 * 1024 * 1024 / 10;
/// Longest time from the process's start to its first `/next`, in milliseconds, in the median.
const START_MS_MAX: f64 = 10.0;
/// Most memory resident after the first invocation, in kilobytes of 1,024 bytes: 12 MB.
const RESIDENT_KB_MAX: u64 = 12 * 1024;

/// Bytes of the deployment package.
fn zipped(program: &PathBuf) -> usize {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_level(Some(9)).unix_permissions(0o755);
    archive.start_file("bootstrap", options).expect("an entry");
    std::io::Write::write_all(&mut archive, &std::fs::read(program).expect("a bootstrap")).expect("written");
    archive.finish().expect("a package").into_inner().len()
}

/// What was measured of a function.
struct Measured {
    function: &'static str,
    zip: usize,
    starts: Vec<f64>,
    first: Vec<f64>,
    warm: Vec<f64>,
    resident: u64,
}

async fn measure(
    function: &'static str,
    variables: &[(&str, String)],
    event: impl Fn(usize) -> (Value, &'static str),
) -> Measured {
    let program = built(function);
    let mut measured =
        Measured { function, zip: zipped(&program), starts: vec![], first: vec![], warm: vec![], resident: 0 };
    for n in 0..STARTS {
        let mut running = Running::start(Command::new(&program), variables).await;
        measured.starts.push(running.ready().await);
        for (times, number) in [(&mut measured.first, 2 * n), (&mut measured.warm, 2 * n + 1)] {
            let (event, answer) = event(number);
            let (time, given) = running.invoke(event).await;
            assert!(given.contains(answer), "{function} answered {given}");
            times.push(time);
            if number % 2 == 0 {
                measured.resident = measured.resident.max(running.resident_kb());
            }
        }
    }
    for times in [&mut measured.starts, &mut measured.first, &mut measured.warm] {
        times.sort_by(f64::total_cmp);
    }
    measured
}

impl Measured {
    fn within(&self) -> bool {
        self.zip <= ZIP_BYTES_MAX && median(&self.starts) <= START_MS_MAX && self.resident <= RESIDENT_KB_MAX
    }

    fn line(&self) -> String {
        let verdict = if self.within() { "within" } else { "OVER" };
        format!(
            "{:<16} {:>7} KB {:>7.1} {:>6.1} {:>9.1} {:>7.1} {:>9} KB   {verdict}",
            self.function,
            self.zip / 1024,
            median(&self.starts),
            self.starts[self.starts.len() - 1],
            median(&self.first),
            median(&self.warm),
            self.resident,
        )
    }
}

/// A request as the HTTP API gives it.
fn request(method: &str, path: &str, headers: &Value, body: Option<String>) -> Value {
    let claims = json!({ "partner_id": "partner-17", "program": "hr-software", "scope": "read redeem ingest", "sources": "/*", "exp": "4102444800" });
    let http = json!({ "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench" });
    let context = json!({ "accountId": "0", "apiId": "a", "authorizer": { "jwt": { "claims": claims, "scopes": ["read"] } }, "http": http, "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "14/Mar/2026:09:30:00 +0000", "timeEpoch": 1 });
    json!({ "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers, "body": body, "requestContext": context, "isBase64Encoded": false })
}

#[tokio::main]
async fn main() -> ExitCode {
    let test = TestStack::start().await;
    test.send(&envelope_bodies("partner.enrolled")).await;
    let variables = variables(&test.stack);
    let award = measure("award-points", &variables, |n| {
        let acv = json!({ "amount": "48000.00", "currency": "USD" });
        let data = json!({ "deal_id": format!("B-{n}"), "outcome": "won", "acv": acv, "tenor_months": 12 });
        let event = body("deal.closed", "partner-17", "hr-software", "/crm/acme", &format!("bench-{n}"), &data);
        (batch(&[event]), r#"{"batchItemFailures":[]}"#)
    });
    let award = award.await;
    let show = request("GET", "/v1/partners/partner-17", &json!({}), None);
    let read = measure("read-accounts", &variables, |_| (show.clone(), r#""statusCode":200"#)).await;
    let redeem = measure("redeem-rewards", &variables, |n| {
        let headers = json!({ "content-type": "application/json", "idempotency-key": format!("bench-{n}") });
        let wish = json!({ "reward_id": "starbucks-10", "quantity": 1 }).to_string();
        let path = "/v1/partners/partner-17/redemptions";
        (request("POST", path, &headers, Some(wish)), r#""statusCode":409"#)
    });
    let redeem = redeem.await;
    let receive = measure("receive-events", &variables, |n| {
        let headers = json!({ "content-type": "application/cloudevents+json" });
        let data = json!({ "content_id": "c", "person_id": "p", "seconds": 45 });
        let event = body("content.viewed", "partner-17", "hr-software", "/cms/portal", &format!("posted-{n}"), &data);
        (request("POST", "/v1/events", &headers, Some(event)), r#""statusCode":202"#)
    });
    let all = [award, read, redeem, receive.await];
    println!(
        "\n{STARTS} cold starts each; times in ms; the invocations are against the embedded engine in this process\n"
    );
    println!(
        "{:<16} {:>10} {:>7} {:>6} {:>9} {:>7} {:>12}",
        "function", "zip", "start", "max", "1st call", "warm", "resident"
    );
    for measured in &all {
        println!("{}", measured.line());
    }
    println!("{:<16} {:>7} KB {START_MS_MAX:>7.1} {:>34} KB\n", "bound", ZIP_BYTES_MAX / 1024, RESIDENT_KB_MAX);
    if all.iter().all(Measured::within) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
