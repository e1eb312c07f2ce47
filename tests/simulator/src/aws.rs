//! One account of the simulated AWS, and the way of an SDK's request into it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Instant, Random};
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use crate::check::Watch;
use crate::fate::{Fate, Fault};
use crate::plant::Plant;
use crate::queues::Queues;
use crate::stream::Stream;
use crate::table::{Change, Dynamo, Refusal};

/// Names of the tables.
pub(crate) const LEDGER: &str = "ledger";
/// The table of what records add up to.
pub(crate) const STATE: &str = "state";
/// The table of what waits.
pub(crate) const WAITING: &str = "waiting";

/// Faults that a call may meet before anything was done.
const BEFORE: [Fault; 5] = [Fault::Throttled, Fault::Internal, Fault::Unreachable, Fault::LateRequest, Fault::Conflict];
/// Faults that a call may meet when it was done.
const AFTER: [Fault; 3] = [Fault::LostReply, Fault::TruncatedReply, Fault::Slow];

/// One account.
pub(crate) struct Aws {
    pub(crate) table: Mutex<Dynamo>,
    pub(crate) queues: Mutex<Queues>,
    pub(crate) stream: Mutex<Stream>,
    pub(crate) fate: Mutex<Fate>,
    pub(crate) watch: Mutex<Watch>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    /// The ring of card keys.
    pub(crate) ring: String,
    pub(crate) plant: Option<Plant>,
    pub(crate) calls: Calls,
}

/// Calls of functions that go on just now. A clock that jumps does so between calls: no invocation lasts that long.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    going_on: AtomicUsize,
    /// Of them those that publish or withdraw, and by how many milliseconds the clock crept on since the first of them began.
    publishing: AtomicUsize,
    crept_ms: AtomicI64,
    halted: AtomicBool,
    changed: Notify,
}

/// One call, until it is dropped.
pub(crate) struct GoingOn<'a>(&'a Calls);

impl Drop for GoingOn<'_> {
    fn drop(&mut self) {
        self.0.going_on.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }
}

/// A publication on its way, until it is dropped: also where its process is killed.
struct Publishing<'a>(&'a Calls);

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        self.0.publishing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Calls {
    /// Begins a call, when no clock is about to jump.
    pub(crate) async fn begin(&self) -> GoingOn<'_> {
        while self.halted.load(Ordering::Relaxed) {
            self.changed.notified().await;
        }
        self.going_on.fetch_add(1, Ordering::Relaxed);
        GoingOn(self)
    }

    /// A request that is on its way: it arrives before a clock jumps, also where whoever sent it is gone by then.
    fn sends(&self) -> GoingOn<'_> {
        self.going_on.fetch_add(1, Ordering::Relaxed);
        GoingOn(self)
    }

    /// Publishes or withdraws, as part of a call.
    pub(crate) async fn publish<T>(&self, publication: impl Future<Output = T>) -> T {
        if self.publishing.fetch_add(1, Ordering::Relaxed) == 0 {
            self.crept_ms.store(0, Ordering::Relaxed);
        }
        let _until_done = Publishing(self);
        publication.await
    }

    /// Moves the clock on by a little while calls go on. A version that is being written takes effect no later than its writer allows
    /// for, so that little steps which come to more wait for it.
    pub(crate) async fn creep(&self, clock: &Clock, to: jiff::Timestamp, most: SignedDuration) {
        let ahead = i64::try_from(to.duration_since(clock.now()).as_millis()).unwrap_or(i64::MAX);
        let crept = self.crept_ms.load(Ordering::Relaxed).saturating_add(ahead.max(0));
        if self.publishing.load(Ordering::Relaxed) > 0 && i128::from(crept) > most.as_millis() {
            self.jump(clock, to).await;
        } else {
            self.crept_ms.store(crept, Ordering::Relaxed);
            clock.set(to);
        }
    }

    /// Sets the clock when no call goes on.
    pub(crate) async fn jump(&self, clock: &Clock, to: jiff::Timestamp) {
        self.halted.store(true, Ordering::Relaxed);
        while self.going_on.load(Ordering::Relaxed) > 0 {
            self.changed.notified().await;
        }
        clock.set(to);
        self.crept_ms.store(0, Ordering::Relaxed);
        self.halted.store(false, Ordering::Relaxed);
        self.changed.notify_waiters();
    }
}

/// Locks; nothing here is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One process of a function: who calls, and how far its last call is.
#[derive(Debug)]
pub(crate) struct Process {
    /// The function.
    pub function: &'static str,
    at: Mutex<(String, &'static str)>,
}

impl Process {
    /// A process that has called nothing yet.
    pub(crate) fn new(function: &'static str) -> Arc<Self> {
        Arc::new(Self { function, at: Mutex::new((String::new(), "between calls")) })
    }

    fn enter(&self, operation: &str, stage: &'static str) {
        *lock(&self.at) = (operation.to_owned(), stage);
    }

    /// What it waits for, for the count of kills by await point.
    pub(crate) fn awaits(&self) -> String {
        let at = lock(&self.at);
        format!("{} {} {}", self.function, at.0, at.1)
    }
}

/// What comes back over the network: status and body, or nothing.
type Reply = Option<(u16, String)>;

impl Aws {
    /// What the time of the simulation is.
    pub(crate) fn now(&self) -> Instant {
        self.clock.instant()
    }

    async fn serve(
        self: Arc<Self>,
        process: Arc<Process>,
        target: String,
        request: Value,
        faults: [Option<Fault>; 2],
        tell: oneshot::Sender<Reply>,
    ) {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let [before, after] = faults;
        // What staff publish or withdraw counts from when it is written: no day passes until it is.
        let on_its_way = (process.function == "staff").then(|| self.calls.sends());
        let late = if before == Some(Fault::LateRequest) { Duration::from_secs(6) } else { Duration::ZERO };
        let way = lock(&self.fate).millis(1, 9) + late;
        self.clock.sleep(way).await;
        let refused = match before {
            Some(Fault::Throttled) => Some(Refusal::new(400, "ThrottlingException", "Rate exceeded")),
            Some(Fault::Internal) => Some(Refusal::new(500, "InternalServerError", "Internal server error")),
            Some(Fault::Conflict) => conflict(&operation, &request),
            _ => None,
        };
        let answered = match refused {
            Some(refusal) => Err(refusal),
            None => self.answer(&process, &target, &operation, &request).await,
        };
        drop(on_its_way);
        process.enter(&operation, "done, reply on its way");
        let (status, body) = match answered {
            Ok(mut body) => {
                if let Some(plant) = self.plant {
                    plant.in_answer(process.function, &operation, &mut body, &self.random);
                }
                (200, body)
            }
            Err(refusal) => {
                let mut body = refusal.more;
                body["__type"] = json!(format!("com.amazonaws#{}", refusal.code));
                (refusal.status, body)
            }
        };
        let mut body = body.to_string();
        let back = lock(&self.fate).millis(1, 5);
        let slow = if after == Some(Fault::Slow) { Duration::from_secs(30) } else { Duration::ZERO };
        self.clock.sleep(back + slow).await;
        if after == Some(Fault::TruncatedReply) {
            body.truncate((0..=body.len() / 2).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0));
        }
        let reply = (after != Some(Fault::LostReply)).then_some((status, body));
        // Whoever asked may have died, or given up.
        let _ = tell.send(reply);
    }

    async fn answer(
        &self,
        process: &Process,
        target: &str,
        operation: &str,
        request: &Value,
    ) -> Result<Value, Refusal> {
        let sent_ms = self.clock.now().as_millisecond();
        if target.starts_with("AmazonSQS.") {
            let (mut queues, mut fate) = (lock(&self.queues), lock(&self.fate));
            let answer = queues.answer(operation, request, sent_ms, self.now(), &mut fate);
            if self.plant.is_some() {
                self.drop_holds(request, &mut fate);
            }
            lock(&self.watch).told(operation, &answer);
            return Ok(answer);
        }
        match (target, operation) {
            (_, "PutEvents") => {
                let count = request["Entries"].as_array().map(Vec::len).unwrap_or_default();
                let mut entries = vec![json!({ "EventId": "e" }); count];
                let mut fate = lock(&self.fate);
                let partial = count > 0 && fate.happens(Fault::PartialBatch, operation);
                if partial {
                    entries[fate.below(count)] = json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "not taken" });
                }
                lock(&self.watch).noticed(request);
                return Ok(json!({ "FailedEntryCount": u8::from(partial), "Entries": entries }));
            }
            (_, "GetSecretValue") => return Ok(json!({ "Name": "card-keys", "SecretString": self.ring })),
            _ => {}
        }
        if operation == "TransactWriteItems" {
            let held = lock(&self.table).take_up(request)?;
            let Some(held) = held else { return Ok(json!({})) };
            let takes = lock(&self.fate).millis(0, 6);
            self.clock.sleep(takes).await;
            let (mut table, mut fate) = (lock(&self.table), lock(&self.fate));
            let (answer, changes) = table.finish(request, &held, self.now(), &mut *fate)?;
            self.written(process, &mut fate, &table, changes);
            return Ok(answer);
        }
        let (mut table, mut fate) = (lock(&self.table), lock(&self.fate));
        let (answer, changes) = table.answer(operation, request, self.now(), &mut *fate)?;
        if !changes.is_empty() {
            self.written(process, &mut fate, &table, changes);
        }
        Ok(answer)
    }

    /// What a planted defect does when events that waited are sent again.
    fn drop_holds(&self, request: &Value, fate: &mut Fate) {
        let entries = request["Entries"].as_array().cloned().unwrap_or_else(|| vec![request.clone()]);
        let held = entries.iter().filter(|entry| !entry["MessageAttributes"]["held_until"].is_null());
        for entry in held.filter(|_| self.plant.is_some_and(Plant::drops_holds)) {
            let Ok(event) = event::Event::parse(entry["MessageBody"].as_str().unwrap_or_default(), self.clock.now())
            else {
                continue;
            };
            let key = format!("held#{}", domain::ledger::record_key(&event.identity));
            let delete = json!({ "TableName": WAITING, "Key": { "pk": { "S": key }, "sk": { "S": "-" } } });
            let mut table = lock(&self.table);
            if let Ok((_, changes)) = table.answer("DeleteItem", &delete, self.now(), fate) {
                lock(&self.watch).written("planted", self.clock.now(), &table, &changes);
            }
        }
    }

    fn written(&self, process: &Process, fate: &mut Fate, table: &Dynamo, changes: Vec<Change>) {
        let mut stream = lock(&self.stream);
        for change in changes.iter().filter(|change| change.table == LEDGER) {
            stream.push(change, self.now(), fate);
        }
        lock(&self.watch).written(process.function, self.clock.now(), table, &changes);
    }

    fn faults(&self, operation: &str) -> [Option<Fault>; 2] {
        let mut fate = lock(&self.fate);
        let before = fate.one_of(&BEFORE, operation);
        let before = before.filter(|fault| *fault != Fault::Conflict || operation == "TransactWriteItems");
        [before, if before.is_none() { fate.one_of(&AFTER, operation) } else { None }]
    }
}

/// Somebody else's transaction holds the first item.
fn conflict(operation: &str, request: &Value) -> Option<Refusal> {
    let actions = request["TransactItems"].as_array().filter(|_| operation == "TransactWriteItems")?.len();
    let code = |at| json!({ "Code": if at == 0 { "TransactionConflict" } else { "None" }, "Message": "Transaction is ongoing for the item" });
    let more = json!({ "Message": "Transaction cancelled", "CancellationReasons": (0..actions).map(code).collect::<Vec<_>>() });
    Some(Refusal { status: 400, code: "TransactionCanceledException", more })
}

/// The seam: an SDK's HTTP client whose requests go into the simulation.
#[derive(Clone)]
pub(crate) struct Wire {
    aws: Arc<Aws>,
    process: Arc<Process>,
}

impl Wire {
    /// The way of one process.
    pub(crate) fn client(aws: &Arc<Aws>, process: &Arc<Process>) -> SharedHttpClient {
        SharedHttpClient::new(Self { aws: aws.clone(), process: process.clone() })
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({})", self.process.function)
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { aws, process } = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            show_connection(&request);
            let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
            let target = target.unwrap_or_default().to_owned();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let body = request.body().bytes().unwrap_or_default();
            let mut body: Value = serde_json::from_slice(body).map_err(|e| ConnectorError::user(e.into()))?;
            process.enter(&operation, "not sent yet");
            aws.clock.sleep(Duration::from_millis(1)).await;
            if let Some(plant) = aws.plant
                && plant.in_request(process.function, &operation, &mut body, &aws.random).is_none()
            {
                return response(200, "{}".to_owned());
            }
            *lock(&aws.watch).calls.entry((process.function, operation.clone())).or_default() += 1;
            let faults = aws.faults(&operation);
            process.enter(&operation, "sent");
            if faults[0] == Some(Fault::Unreachable) {
                return Err(ConnectorError::io("unreachable".into()));
            }
            let (tell, told) = oneshot::channel();
            // The network goes on whether or not the sender lives.
            tokio::spawn(aws.clone().serve(process.clone(), target, body, faults, tell));
            let reply = told.await.ok().flatten();
            process.enter(&operation, "answered");
            let Some((status, body)) = reply else { return Err(ConnectorError::io("the reply is lost".into())) };
            response(status, body)
        })
    }
}

fn response(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|_| ConnectorError::other("no status".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// There is a connection, which may be closed: each call here has its own.
fn show_connection(request: &http::Request<SdkBody>) {
    if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
        capture
            .set_connection_retriever(|| Some(ConnectionMetadata::builder().proxied(false).poison_fn(|| ()).build()));
    }
}
