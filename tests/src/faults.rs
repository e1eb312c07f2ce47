//! Faults below the SDK: what the table says, or never says, to a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use store::{Store, StoreSettings};

/// What happens to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is written.
    None,
    /// It is refused: another transaction holds an item.
    Conflict,
    /// It is written, and the reply is lost.
    LostReply,
    /// The table is throttled.
    Throttled,
    /// The table fails inside.
    Internal,
}

/// Says what happens to transaction number `n`, counted from 0.
type Plan = dyn Fn(u32) -> Fault + Send + Sync;

#[derive(Clone)]
struct Faulty {
    inner: SharedHttpClient,
    plan: Arc<Plan>,
    count: Arc<AtomicU32>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

#[derive(Debug)]
struct Wire {
    inner: SharedHttpConnector,
    faulty: Faulty,
}

impl HttpClient for Faulty {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Wire { inner, faulty: self.clone() })
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transaction = request.headers().get("x-amz-target").is_some_and(|t| t.ends_with("TransactWriteItems"));
        if !transaction {
            return self.inner.call(request);
        }
        let fault = (self.faulty.plan)(self.faulty.count.fetch_add(1, Ordering::SeqCst));
        match fault {
            Fault::None => self.inner.call(request),
            Fault::Conflict => ready(400, CONFLICT),
            Fault::Throttled => {
                ready(400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#)
            }
            Fault::Internal => {
                ready(500, r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}"#)
            }
            Fault::LostReply => {
                let written = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    written.await?;
                    Err(ConnectorError::io("the reply is lost".into()))
                })
            }
        }
    }
}

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}"#;

fn ready(status: u16, body: &'static str) -> HttpConnectorFuture {
    HttpConnectorFuture::new(async move {
        let status = status.try_into().map_err(|_| ConnectorError::other("no status".into(), None))?;
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    })
}

/// A store on the engine at `endpoint` whose transactions meet faults.
pub fn faulty_store(endpoint: &str, plan: impl Fn(u32) -> Fault + Send + Sync + 'static) -> Store {
    let faulty = Faulty { inner: Builder::new().build_http(), plan: Arc::new(plan), count: Arc::default() };
    let clients = worker::Clients::local_over(endpoint, SharedHttpClient::new(faulty));
    let settings = StoreSettings {
        ledger_table: local::LEDGER_TABLE.into(),
        state_table: local::STATE_TABLE.into(),
        program_age_max: std::time::Duration::ZERO,
    };
    Store::new(clients.dynamodb(), settings)
}
