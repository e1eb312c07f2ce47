//! Listens in below the SDK: which permissions each function's calls need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock, Random};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::Store;
use worker::Clients;

use crate::wire::{clients_through, ready, target};

/// An action and what it is done to: `("dynamodb:Query", "ledger/by_position")`.
pub type Permission = (String, String);

/// What each caller's calls needed so far in this process.
static NEEDED: Mutex<BTreeMap<String, BTreeSet<Permission>>> = Mutex::new(BTreeMap::new());

/// What each caller's calls needed so far in this process, by the caller's name.
pub fn permissions_needed() -> BTreeMap<String, BTreeSet<Permission>> {
    NEEDED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Clients whose calls are recorded under `caller`.
pub fn recording_clients(endpoint: &str, caller: &str) -> Clients {
    let caller = caller.to_owned();
    clients_through(endpoint, move |request, inner| {
        let body: Value = request.body().bytes().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        let mut needed = NEEDED.lock().unwrap_or_else(PoisonError::into_inner);
        needed.entry(caller.clone()).or_default().extend(permissions(target(&request), &body));
        drop(needed);
        inner.call(request)
    })
}

/// A bus that keeps what it is told.
#[derive(Clone)]
pub struct Bus {
    told: Arc<Mutex<Vec<Value>>>,
    takes: usize,
    calls: Arc<AtomicUsize>,
}

impl Bus {
    /// A bus that refuses every entry after the first `takes`.
    pub fn that_takes(takes: usize) -> Self {
        Self { told: Arc::default(), takes, calls: Arc::default() }
    }

    /// The entries that it took since it was asked last.
    pub fn told(&self) -> Vec<Value> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Clients of this bus, of empty tables, and of queues that take everything.
    pub fn clients(&self) -> Clients {
        let bus = self.clone();
        clients_through("http://127.0.0.1:1", move |request, _| {
            if !target(&request).ends_with("PutEvents") {
                return ready(200, r#"{"MessageId":"sent","Items":[],"Count":0}"#);
            }
            let body: Value = request.body().bytes().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
            ready(200, bus.answer(body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default()).to_string())
        })
    }

    fn answer(&self, entries: &[Value]) -> Value {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = entries.len().min(self.takes - told.len());
        told.extend_from_slice(&entries[..taken]);
        let refused = json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "not taken" });
        let answer = |at: usize| if at < taken { json!({ "EventId": "e" }) } else { refused.clone() };
        let answers: Vec<Value> = (0..entries.len()).map(answer).collect();
        json!({ "FailedEntryCount": entries.len() - taken, "Entries": answers })
    }
}

/// A call of the table: its operation, and the write units that its answer reports.
pub type Call = (String, f64);

/// A store on the engine at `endpoint`, and the calls that it makes from now on.
pub fn noting_store(endpoint: &str) -> (Store, Arc<Mutex<Vec<Call>>>) {
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let noted = calls.clone();
    let clients = clients_through(endpoint, move |request, inner| {
        let operation = target(&request).rsplit('.').next().unwrap_or_default().to_owned();
        let (answer, noted) = (inner.call(request), noted.clone());
        HttpConnectorFuture::new(async move {
            let mut response = answer.await?;
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            let body = body.collect().await.map_err(|error| ConnectorError::other(error, None))?.to_bytes();
            let told: Value = serde_json::from_slice(&body).unwrap_or_default();
            let units = told["ConsumedCapacity"].as_array().into_iter().flatten();
            let units = units.filter_map(|table| table["CapacityUnits"].as_f64()).sum();
            noted.lock().unwrap_or_else(PoisonError::into_inner).push((operation, units));
            *response.body_mut() = SdkBody::from(body);
            Ok(response)
        })
    });
    (local::open_store(&clients, Clock::system(), Random::system()), calls)
}

/// What IAM asks of a call. A transaction needs what its parts need, an SQS batch what one message needs.
fn permissions(target: &str, body: &Value) -> Vec<Permission> {
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let of = |action: String, resource: &str| vec![(action, resource.to_owned())];
    match (service, operation) {
        ("DynamoDB_20120810", "TransactWriteItems") => {
            let parts = body["TransactItems"].as_array().into_iter().flatten();
            let parts = parts.flat_map(|part| part.as_object().into_iter().flatten());
            let action = |kind: &str| match kind {
                "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                _ => format!("dynamodb:{kind}Item"),
            };
            parts.map(|(kind, part)| (action(kind), table(part))).collect()
        }
        ("DynamoDB_20120810", "BatchGetItem") => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, _)| ("dynamodb:BatchGetItem".to_owned(), short(name))).collect()
        }
        ("DynamoDB_20120810", _) => of(format!("dynamodb:{operation}"), &table(body)),
        ("AmazonSQS", _) => {
            let queue = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            of(format!("sqs:{}", operation.trim_end_matches("Batch")), queue)
        }
        ("AWSEvents", _) => of(format!("events:{operation}"), "notices"),
        ("secretsmanager", _) => of(format!("secretsmanager:{operation}"), "card-keys"),
        _ => of(target.to_owned(), "?"),
    }
}

/// The table or index that a DynamoDB request names.
fn table(body: &Value) -> String {
    let name = short(body["TableName"].as_str().unwrap_or_default());
    match body["IndexName"].as_str() {
        Some(index) => format!("{name}/{index}"),
        None => name,
    }
}

fn short(table: &str) -> String {
    table.trim_start_matches("laurel-").to_owned()
}
