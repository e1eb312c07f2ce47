//! What a cold start costs: the release bootstraps against a Lambda runtime API on loopback, with the embedded engine behind.
//!
//! `cargo bench --bench start_up` builds `award-points` and the functions of the HTTP API as they are deployed (for this machine's
//! processor), starts each many times, gives each one event, and prints size, time to the first `/next`, the first and
//! a warm invocation, and resident memory, beside the bound each must keep. It ends with 1 if one does not.

use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::{get, post};
use laurel_tests::{TestStack, body, envelope_bodies};
use local::{CARD_SECRET, LEDGER_TABLE, STATE_TABLE, WAITING_TABLE, queues};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

/// Cold starts of each function.
const STARTS: usize = 30;
/// Largest deployment package, in bytes: 2.9 MiB.
const ZIP_BYTES_MAX: usize = 29 * 1024 * 1024 / 10;
/// Longest time from the process's start to its first `/next`, in milliseconds, in the median.
const START_MS_MAX: f64 = 10.0;
/// Most memory resident after the first invocation, in kilobytes of 1,024 bytes: 12 MB.
const RESIDENT_KB_MAX: u64 = 12 * 1024;

/// The runtime API, as one function sees it.
struct RuntimeApi {
    /// When the function asked for its next invocation.
    asked: mpsc::Sender<Instant>,
    /// What it is given.
    events: Mutex<mpsc::Receiver<Value>>,
    /// What it answered, and when.
    answers: mpsc::Sender<(Instant, String)>,
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> (HeaderMap, String) {
    let asked = api.asked.send(Instant::now()).await;
    let event = match asked {
        Ok(()) => api.events.lock().await.recv().await,
        Err(_) => None,
    };
    // Nobody gives it another event: it waits as a frozen environment does.
    let Some(event) = event else { return std::future::pending().await };
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
    ];
    let header = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a header"))
    };
    (headers.map(header).into_iter().collect(), event.to_string())
}

async fn answered(State(api): State<Arc<RuntimeApi>>, body: String) {
    let told = api.answers.send((Instant::now(), body)).await;
    told.expect("the bench listens until the function ends");
}

/// A started function and the ends of its runtime API.
struct Running {
    child: Child,
    started: Instant,
    asked: mpsc::Receiver<Instant>,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<(Instant, String)>,
    server: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(program: &PathBuf, variables: &[(&str, String)]) -> Self {
        let (asked_in, asked) = mpsc::channel(4);
        let (events, events_out) = mpsc::channel(4);
        let (answers_in, answers) = mpsc::channel(4);
        let api = RuntimeApi { asked: asked_in, events: Mutex::new(events_out), answers: answers_in };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answered))
            .with_state(Arc::new(api));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the runtime API") });
        let mut command = Command::new(program);
        command.env_clear().envs(variables.iter().map(|(n, v)| (*n, v.as_str())));
        command.env("AWS_LAMBDA_RUNTIME_API", address).stdout(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().expect("the bootstrap starts");
        Self { child, started, asked, events, answers, server }
    }

    /// Milliseconds to the first `/next`.
    async fn ready(&mut self) -> f64 {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.asked.recv()).await;
        let asked = asked.ok().flatten().expect("the function asks for an invocation");
        millis(asked - self.started)
    }

    /// Milliseconds of one invocation, and its answer.
    async fn invoke(&mut self, event: Value) -> (f64, String) {
        let sent = Instant::now();
        self.events.send(event).await.expect("the function is up");
        let (at, answer) = self.answers.recv().await.expect("an answer");
        (millis(at - sent), answer)
    }

    /// Kilobytes resident.
    fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.expect("the bootstrap ends");
        self.server.abort();
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The release build of a function.
fn built(function: &str) -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--locked", "--package", function, "--message-format=json-render-diagnostics"]);
    let output = build.stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(output.status.success(), "the release build of {function} failed");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.filter_map(|m| Some(PathBuf::from(m["executable"].as_str()?))).next_back();
    executable.expect("an executable")
}

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
        let mut running = Running::start(&program, variables).await;
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

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// One message of a queue, as Lambda gives it.
fn batch(body: &str) -> Value {
    let attributes = json!({ "ApproximateReceiveCount": "1", "SentTimestamp": "1773480600000" });
    json!({ "Records": [{ "messageId": "m-1", "receiptHandle": "r", "body": body, "attributes": attributes, "messageAttributes": {} }] })
}

/// A request as the HTTP API gives it.
fn request(method: &str, path: &str, headers: &Value, body: Option<String>) -> Value {
    let claims = json!({ "partner_id": "partner-17", "program": "hr-software", "scope": "read redeem ingest", "exp": "4102444800" });
    let http = json!({ "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench" });
    let context = json!({ "accountId": "0", "apiId": "a", "authorizer": { "jwt": { "claims": claims, "scopes": ["read"] } }, "http": http, "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "14/Mar/2026:09:30:00 +0000", "timeEpoch": 1 });
    json!({ "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers, "body": body, "requestContext": context, "isBase64Encoded": false })
}

#[tokio::main]
async fn main() -> ExitCode {
    let test = TestStack::start().await;
    test.send(&envelope_bodies("partner.enrolled")).await;
    let engine = &test.stack.aws;
    let variables = [
        ("AWS_ENDPOINT_URL", engine.endpoint()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
        ("LEDGER_TABLE", LEDGER_TABLE.to_owned()),
        ("STATE_TABLE", STATE_TABLE.to_owned()),
        ("WAITING_TABLE", WAITING_TABLE.to_owned()),
        ("QUARANTINE_QUEUE_URL", engine.queue_url(queues::QUARANTINE)),
        ("PARTNER_EVENTS_QUEUE_URL", engine.queue_url(queues::PARTNER_EVENTS)),
        ("CARD_SECRET", CARD_SECRET.to_owned()),
    ];
    let award = measure("award-points", &variables, |n| {
        let acv = json!({ "amount": "48000.00", "currency": "USD" });
        let data = json!({ "deal_id": format!("B-{n}"), "outcome": "won", "acv": acv, "tenor_months": 12 });
        let event = body("deal.closed", "partner-17", "hr-software", "/crm/acme", &format!("bench-{n}"), &data);
        (batch(&event), r#"{"batchItemFailures":[]}"#)
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
