//! The runtime API of Lambda on loopback, for what is started against it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::{get, post};
use local::{CARD_SECRET, LEDGER_TABLE, STATE_TABLE, Stack, WAITING_TABLE, queues};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

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
    // Nobody looks at more than the first.
    let asked = api.asked.try_send(Instant::now());
    let event = match asked {
        Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => api.events.lock().await.recv().await,
        Err(mpsc::error::TrySendError::Closed(_)) => None,
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
pub(crate) struct Running {
    child: Child,
    started: Instant,
    asked: mpsc::Receiver<Instant>,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<(Instant, String)>,
    server: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Starts a program whose environment is these variables, and nothing else but its path.
    pub(crate) async fn start(mut command: Command, variables: &[(&str, String)]) -> Self {
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
        command.env_clear().envs(variables.iter().map(|(n, v)| (*n, v.as_str())));
        command.env("AWS_LAMBDA_RUNTIME_API", address).stdout(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().expect("the bootstrap starts");
        Self { child, started, asked, events, answers, server }
    }

    /// Milliseconds to the first `/next`.
    pub(crate) async fn ready(&mut self) -> f64 {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.asked.recv()).await;
        let asked = asked.ok().flatten().expect("the function asks for an invocation");
        millis(asked - self.started)
    }

    /// Milliseconds of one invocation, and its answer.
    pub(crate) async fn invoke(&mut self, event: Value) -> (f64, String) {
        let sent = Instant::now();
        self.events.send(event).await.expect("the function is up");
        let (at, answer) = self.answers.recv().await.expect("an answer");
        (millis(at - sent), answer)
    }

    /// Milliseconds of a processor that it has used, in all its threads.
    pub(crate) fn used_ms(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let used = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
        let nanos: u64 = used.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum();
        Duration::from_nanos(nanos).as_secs_f64() * 1_000.0
    }

    /// Kilobytes resident.
    pub(crate) fn resident_kb(&self) -> u64 {
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

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The release build of a function.
pub(crate) fn built(function: &str) -> PathBuf {
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

pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Messages of a queue, as Lambda gives them.
pub(crate) fn batch(bodies: &[String]) -> Value {
    let attributes = json!({ "ApproximateReceiveCount": "1", "SentTimestamp": "1773480600000" });
    let message = |(n, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{n}"), "receiptHandle": "r", "body": body, "attributes": attributes, "messageAttributes": {},
            "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:partner-events",
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>() })
}

/// What a function finds in its environment.
pub(crate) fn variables(stack: &Stack) -> Vec<(&'static str, String)> {
    let engine = &stack.aws;
    vec![
        ("AWS_ENDPOINT_URL", engine.endpoint()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
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
    ]
}
