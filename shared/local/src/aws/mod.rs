//! One loopback port that speaks DynamoDB, its streams, SQS, a bus and one secret, told apart by `X-Amz-Target`: SDKs pool their
//! connections by host, so one connection may carry all of them.

mod durable;
mod error;
mod health;
mod journal;
mod limits;
mod secrets;
mod stream;
mod tables;

pub use error::EngineError;
pub(crate) use error::failed;
pub(crate) use health::Health;
pub(crate) use stream::Stream;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};
use axum::body::Body;
use bytes::Bytes;
use dynoxide::Database;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustack_sqs_core::{config::SqsConfig, handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::{dispatch::SqsHandler, response::error_to_response, router::resolve_operation};
use rustack_sqs_model::operations::SqsOperation;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::listen::accept;
use crate::names::queues;
use crate::private::{hold_fast, open_private};
use durable::Durable;
use journal::Journal;
use secrets::Secrets;

/// The account in queue addresses; every local engine uses this one.
const ACCOUNT: &str = "000000000000";
/// Deliveries of a message before it is put aside.
const RECEIVES_MAX: u32 = 5;

/// How long a notice stays in its queue, in seconds.
const NOTICES_SECONDS_KEPT: u32 = 3_600;

/// The running engine.
pub struct Aws {
    addr: SocketAddr,
    db: Database,
    port: Arc<Port>,
    _tasks: JoinSet<()>,
}

/// What one request needs.
struct Port {
    dynamodb: SocketAddr,
    http: Client<HttpConnector, Body>,
    db: Database,
    /// Of an engine with a data folder.
    durable: Option<Durable>,
    sqs: Arc<RustackSqs>,
    handler: RustackSqsHandler,
    journal: Option<Journal>,
    secrets: Secrets,
    addr: SocketAddr,
    random: Random,
    /// Told after each write to a table.
    changed: Arc<Notify>,
    health: Arc<Health>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Aws {
    /// Serves on `listener`. With a data folder everything that was answered survives the end of the process.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn start(
        listener: TcpListener,
        data: Option<&Path>,
        clock: Clock,
        random: Random,
    ) -> Result<Self, EngineError> {
        let addr = listener.local_addr().map_err(failed)?;
        let db = match data {
            Some(folder) => {
                let file = folder.join("engine.sqlite");
                // Made here, so that nobody else reads it; what the engine puts beside it has the same mode.
                open_private(&file).map_err(failed)?;
                tables::open(&file)?
            }
            None => Database::memory().map_err(failed)?,
        };
        // The engine's router is not public, so it listens on a port of its own, known to nobody else.
        let inner = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let dynamodb = inner.local_addr().map_err(failed)?;
        let mut tasks = JoinSet::new();
        let served = db.clone();
        tasks.spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(inner, served, std::future::pending()).await {
                tracing::error!(error, "the table engine stopped");
            }
        });
        let config = SqsConfig { host: "127.0.0.1".to_owned(), port: addr.port(), ..SqsConfig::default() };
        let sqs = Arc::new(RustackSqs::new(config));
        let handler = RustackSqsHandler::new(sqs.clone());
        let journal = match data {
            Some(_) => Some(Journal::restore(db.clone(), clock, &sqs, &handler).await?),
            None => None,
        };
        let durable = data.map(|folder| Durable::start(&mut tasks, folder.join("engine.sqlite-wal")));
        if let Some(folder) = data {
            // That the log is there, too.
            hold_fast(folder).map_err(failed)?;
        }
        let http = Client::builder(TokioExecutor::new()).build_http();
        let secrets = Secrets::open(data, &random)?;
        let port = Arc::new(Port {
            dynamodb,
            http,
            db: db.clone(),
            durable,
            sqs,
            handler,
            journal,
            secrets,
            addr,
            random,
            changed: Arc::default(),
            health: Arc::default(),
        });
        let shared = port.clone();
        tasks.spawn(accept(listener, service_fn(move |request| answer(shared.clone(), request))));
        Ok(Self { addr, db, port, _tasks: tasks })
    }

    /// Where any AWS SDK finds it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The address of a queue.
    pub fn queue_url(&self, name: &str) -> String {
        format!("http://{}/{ACCOUNT}/{name}", self.addr)
    }

    /// The table engine, for what no SDK offers: its stream in the process, time to live.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// Whether it can write.
    pub(crate) fn health(&self) -> Arc<Health> {
        self.port.health.clone()
    }

    /// Told after each write to a table, so that who follows the stream need not ask again and again.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        self.port.changed.clone()
    }

    /// Makes the queues of the stack where they are missing, each with its dead-letter queue.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn make_queues(&self, visibility: Duration) -> Result<(), EngineError> {
        for plain in [queues::QUARANTINE, queues::RELAY_FAILURES] {
            self.make_queue(plain, json!({})).await?;
        }
        // Nobody has to read notices here, so they do not pile up.
        self.make_queue(queues::NOTICES, json!({ "MessageRetentionPeriod": NOTICES_SECONDS_KEPT.to_string() })).await?;
        let pairs = [
            (queues::PARTNER_EVENTS, queues::PARTNER_EVENTS_DEAD),
            (queues::REDEMPTIONS, queues::REDEMPTIONS_DEAD),
            (queues::PARTNER_REVIEWS, queues::PARTNER_REVIEWS_DEAD),
        ];
        for (name, dead) in pairs {
            self.make_queue(dead, json!({})).await?;
            let redrive = json!({ "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{dead}"), "maxReceiveCount": RECEIVES_MAX });
            let attributes =
                json!({ "VisibilityTimeout": visibility.as_secs().to_string(), "RedrivePolicy": redrive.to_string() });
            self.make_queue(name, attributes).await?;
        }
        Ok(())
    }

    async fn make_queue(&self, name: &str, attributes: Value) -> Result<(), EngineError> {
        let listed = self.port.sqs_call(SqsOperation::ListQueues, json!({ "QueueNamePrefix": name })).await?;
        let url = self.queue_url(name);
        let exists = listed["QueueUrls"]
            .as_array()
            .is_some_and(|urls| urls.iter().any(|u| u.as_str().is_some_and(|u| u.ends_with(&format!("/{name}")))));
        if exists {
            if attributes.as_object().is_some_and(|a| !a.is_empty()) {
                self.port
                    .sqs_call(SqsOperation::SetQueueAttributes, json!({ "QueueUrl": url, "Attributes": attributes }))
                    .await?;
            }
            return Ok(());
        }
        self.port
            .sqs_call(SqsOperation::CreateQueue, json!({ "QueueName": name, "Attributes": attributes }))
            .await
            .map(|_| ())
    }
}

async fn answer(port: Arc<Port>, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok()).unwrap_or_default().to_owned();
    if target.starts_with("AmazonSQS.") {
        return port.sqs(request).await;
    }
    if target == "AWSEvents.PutEvents" {
        return port.put_events(request).await;
    }
    if let Some(operation) = target.strip_prefix("secretsmanager.") {
        return port.secret(operation, request).await;
    }
    port.table(&target, request).await
}

/// Notices that the queue `notices` keeps.
const NOTICES_KEPT: u64 = 1_000;

/// How the SDK that functions use names itself: what it sends is in good form.
const OWN_SDK: &str = "aws-sdk-rust";

impl Port {
    async fn table(&self, target: &str, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let operation = target.strip_prefix("DynamoDB_20120810.").unwrap_or_default();
        let changes = tables::WRITES.contains(&operation);
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let agent = parts.headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let ours = agent.is_some_and(|agent| agent.contains(OWN_SDK));
        let answer = if ours { tables::answer(&self.db, operation, &body) } else { None };
        let reply = match answer {
            Some((status, body)) => {
                let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
                reply.body(Body::from(body))?
            }
            None => self.forward(Request::from_parts(parts, Body::from(body))).await?,
        };
        if changes {
            self.changed.notify_one();
            if reply.status().is_success()
                && let Err(error) = self.hold_fast().await
            {
                let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": error.to_string() });
                return json_reply(500, &body);
            }
        }
        Ok(reply)
    }

    /// Waits until what is committed survives a loss of power.
    async fn hold_fast(&self) -> Result<(), EngineError> {
        let Some(durable) = &self.durable else { return Ok(()) };
        durable.synced().await.inspect_err(|error| self.health.failed(&error.to_string()))
    }

    async fn forward(&self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        *request.uri_mut() = format!("http://{}{path}", self.dynamodb).parse()?;
        let reply = self.http.request(request).await?;
        if !reply.status().is_server_error() {
            return Ok(reply.map(Body::new));
        }
        let (parts, body) = reply.into_parts();
        let body = body.collect().await?.to_bytes();
        self.health.failed(&String::from_utf8_lossy(&body));
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn sqs(&self, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let operation = match resolve_operation(request.headers()) {
            Ok(operation) => operation,
            Err(error) => return Ok(error_to_response(&error, "-").map(Body::new)),
        };
        let mut body = request.into_body().collect().await?.to_bytes();
        let mut failed = Vec::new();
        if let Ok(mut asked) = serde_json::from_slice::<Value>(&body) {
            failed = match limits::check(operation, &mut asked) {
                Ok(failed) => failed,
                Err(refusal) => {
                    let mut reply = json_reply(400, &refusal.body())?;
                    reply.headers_mut().insert("x-amzn-query-error", refusal.query_error().parse()?);
                    return Ok(reply);
                }
            };
            if !failed.is_empty() {
                if asked["Entries"].as_array().is_some_and(Vec::is_empty) {
                    return json_reply(200, &json!({ "Successful": [], "Failed": failed }));
                }
                body = Bytes::from(asked.to_string());
            }
        }
        let reply = match self.handler.handle_operation(operation, body.clone()).await {
            Ok(reply) => reply,
            Err(error) => return Ok(error_to_response(&error, "-").map(Body::new)),
        };
        let (parts, stream) = reply.into_parts();
        let mut out = stream.collect().await?.to_bytes();
        // Written before the caller is told: what was answered survives the end of the process.
        if let Err(error) = self.keep(operation, &body, &out).await {
            self.health.failed(&error.to_string());
            return json_reply(500, &json!({ "__type": "InternalFailure", "message": error.to_string() }));
        }
        if !failed.is_empty() {
            let mut told: Value = serde_json::from_slice(&out)?;
            failed.extend(told["Failed"].as_array().cloned().unwrap_or_default());
            told["Failed"] = Value::Array(failed);
            out = Bytes::from(told.to_string());
        }
        let mut reply = Response::from_parts(parts, Body::from(out));
        reply.headers_mut().remove(http::header::CONTENT_LENGTH);
        Ok(reply)
    }

    /// Notes in the journal what an operation changed.
    async fn keep(&self, operation: SqsOperation, body: &Bytes, out: &Bytes) -> Result<(), EngineError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        if journal.record(&self.sqs, operation, body, out).await? {
            self.hold_fast().await?;
        }
        Ok(())
    }

    /// One call of our own that need not outlive the process.
    async fn sqs_unkept(&self, operation: SqsOperation, input: Value) -> Result<Bytes, EngineError> {
        let reply = self.handler.handle_operation(operation, Bytes::from(input.to_string())).await.map_err(failed)?;
        Ok(reply.into_body().collect().await.map_err(failed)?.to_bytes())
    }

    /// One call of our own, journalled like anybody's.
    async fn sqs_call(&self, operation: SqsOperation, input: Value) -> Result<Value, EngineError> {
        let body = Bytes::from(input.to_string());
        let out = self.sqs_unkept(operation, input).await?;
        self.keep(operation, &body, &out).await?;
        if out.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&out).map_err(failed) }
    }

    /// The bus: every entry becomes a message of the queue `notices`.
    async fn put_events(&self, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let body = request.into_body().collect().await?.to_bytes();
        let input: Value = serde_json::from_slice(&body)?;
        let entries = input["Entries"].as_array().cloned().unwrap_or_default();
        let mut accepted = Vec::new();
        for entry in &entries {
            let url = format!("http://{}/{ACCOUNT}/{}", self.addr, queues::NOTICES);
            self.sqs_unkept(SqsOperation::SendMessage, json!({ "QueueUrl": url, "MessageBody": entry.to_string() }))
                .await?;
            accepted.push(json!({ "EventId": self.random.uuid()?.to_string() }));
        }
        self.forget_notices().await?;
        json_reply(200, &json!({ "FailedEntryCount": 0, "Entries": accepted }))
    }

    /// Takes the oldest notices away where more than [`NOTICES_KEPT`] wait: nobody need read them.
    async fn forget_notices(&self) -> Result<(), BoxError> {
        let queue = format!("http://{}/{ACCOUNT}/{}", self.addr, queues::NOTICES);
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"] });
        let told = self.sqs_unkept(SqsOperation::GetQueueAttributes, asked).await?;
        let told: Value = serde_json::from_slice(&told)?;
        let waiting = told["Attributes"]["ApproximateNumberOfMessages"].as_str().and_then(|n| n.parse::<u64>().ok());
        for _ in 0..waiting.unwrap_or_default().saturating_sub(NOTICES_KEPT).div_ceil(10) {
            let asked = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
            let told: Value = serde_json::from_slice(&self.sqs_unkept(SqsOperation::ReceiveMessage, asked).await?)?;
            for message in told["Messages"].as_array().into_iter().flatten() {
                let asked = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
                self.sqs_unkept(SqsOperation::DeleteMessage, asked).await?;
            }
        }
        Ok(())
    }

    async fn secret(&self, operation: &str, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let body = request.into_body().collect().await?.to_bytes();
        let (status, answer) = self.secrets.answer(operation, &serde_json::from_slice(&body)?);
        json_reply(status, &answer)
    }
}

fn json_reply(status: u16, body: &Value) -> Result<Response<Body>, BoxError> {
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    Ok(reply.body(Body::from(body.to_string()))?)
}
