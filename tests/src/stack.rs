//! A stack of its own for each test, and what tests do with it.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use local::{Options, Stack, queues};
use serde_json::Value;
use worker::Queue;

/// Longest wait for anything, generous for a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// A running stack with the shipped programs.
pub struct TestStack {
    /// The stack.
    pub stack: Stack,
}

/// The API as one caller.
pub struct Api {
    http: reqwest::Client,
    /// Where it is.
    pub base: String,
    /// The caller's token.
    pub token: String,
}

impl TestStack {
    /// In memory, with every program of `infra/programs` in force since 2020.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        Self::with(Options { visibility: Duration::from_secs(5), sweep_every: None, ..Options::default() }).await
    }

    /// With other options.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn with(options: Options) -> Self {
        let this = Self { stack: Stack::start(options).await.expect("a stack") };
        this.publish(include_str!("../../infra/programs/hr-software.toml")).await;
        this.publish(include_str!("../../infra/programs/perx.toml")).await;
        this
    }

    /// Publishes the first version of a program, in force since 2020.
    ///
    /// # Panics
    /// If it is not taken.
    pub async fn publish(&self, file: &str) {
        let from = "2020-01-01T00:00:00Z".parse().ok();
        store::programs::publish(&self.stack.store, file, from, "test").await.expect("published");
    }

    /// Sends bodies to `partner-events` and waits until all are worked off.
    ///
    /// # Panics
    /// If the queue does not take them or is not worked off in time.
    pub async fn send(&self, bodies: &[String]) {
        let queue = Queue::new(self.stack.clients.sqs(), &self.stack.aws.queue_url(queues::PARTNER_EVENTS));
        assert_eq!(queue.send_all(bodies).await, Vec::<usize>::new(), "every message is taken");
        self.worked_off(queues::PARTNER_EVENTS).await;
    }

    /// Waits until a queue holds nothing.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn worked_off(&self, queue: &str) {
        let end = Instant::now() + WAIT_MAX;
        while self.in_queue(queue).await > 0 {
            assert!(Instant::now() < end, "the queue {queue} was not worked off");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Messages in a queue, those with a worker included.
    ///
    /// # Panics
    /// If the queue does not answer.
    pub async fn in_queue(&self, queue: &str) -> u64 {
        let ask = self.stack.clients.sqs().get_queue_attributes().queue_url(self.stack.aws.queue_url(queue));
        let ask =
            ask.attribute_names(ApproximateNumberOfMessages).attribute_names(ApproximateNumberOfMessagesNotVisible);
        let counts = ask.send().await.expect("attributes").attributes.unwrap_or_default();
        counts.values().filter_map(|n| n.parse::<u64>().ok()).sum()
    }

    /// Takes all messages of a queue that nobody else reads; their bodies.
    ///
    /// # Panics
    /// If the queue does not answer.
    pub async fn take_all(&self, queue: &str) -> Vec<String> {
        let (sqs, url) = (self.stack.clients.sqs(), self.stack.aws.queue_url(queue));
        let mut bodies = Vec::new();
        loop {
            let got = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.expect("messages");
            let got = got.messages.unwrap_or_default();
            if got.is_empty() {
                return bodies;
            }
            for message in got {
                let handle = message.receipt_handle.expect("a handle");
                sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("deleted");
                bodies.extend(message.body);
            }
        }
    }

    /// Waits until `look` gives something.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let end = Instant::now() + WAIT_MAX;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < end, "{what} did not happen in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The API as a caller with these scopes.
    ///
    /// # Panics
    /// If no token can be signed.
    pub fn api(&self, partner: Option<&str>, program: &str, scopes: &[&str]) -> Api {
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let token = self.stack.tokens.sign(partner, program, &scopes).expect("a token");
        Api { http: reqwest::Client::new(), base: self.stack.http_url(), token }
    }
}

impl Api {
    /// A request to a path, with the token.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap_or(reqwest::Method::GET);
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// GETs a path: status and body.
    ///
    /// # Panics
    /// If there is no answer in JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let reply = self.request("GET", path).send().await.expect("an answer");
        (reply.status().as_u16(), reply.json().await.expect("JSON"))
    }

    /// Asks for a reward under a key: status and body as text.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn redeem(&self, partner: &str, key: &str, body: &str) -> (u16, String) {
        let ask = self.request("POST", &format!("/v1/partners/{partner}/redemptions"));
        let reply = ask
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("text"))
    }
}

/// An event's body.
pub fn body(kind: &str, partner: &str, program: &str, source: &str, id: &str, data: &Value) -> String {
    let time = "2026-03-14T09:30:00Z";
    serde_json::json!({ "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": partner, "program": program, "time": time, "data": data }).to_string()
}

/// The bodies of a sample file. SQS takes no empty body, so an empty one becomes a blank.
///
/// # Panics
/// If the sample is not there.
pub fn envelope_bodies(name: &str) -> Vec<String> {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let envelope: Value = serde_json::from_str(&text).expect("JSON");
    let records = envelope["Records"].as_array().expect("records");
    let body = |r: &Value| r["body"].as_str().filter(|b| !b.is_empty()).unwrap_or(" ").to_owned();
    records.iter().map(body).collect()
}
