//! Faults below the SDK: what the table says, or never says, to a transaction.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::result::ConnectorError;
use store::{Store, StoreSettings};

use crate::wire::{clients_through, ready, target};

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

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}"#;
const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
const INTERNAL: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}"#;

/// A store on the engine at `endpoint` whose transactions meet faults: `plan` says what happens to number `n`, counted
/// from 0.
pub fn faulty_store(endpoint: &str, plan: impl Fn(u32) -> Fault + Send + Sync + 'static) -> Store {
    let count = AtomicU32::new(0);
    let clients = clients_through(endpoint, move |request, inner| {
        if !target(&request).ends_with("TransactWriteItems") {
            return inner.call(request);
        }
        match plan(count.fetch_add(1, Ordering::SeqCst)) {
            Fault::None => inner.call(request),
            Fault::Conflict => ready(400, CONFLICT),
            Fault::Throttled => ready(400, THROTTLED),
            Fault::Internal => ready(500, INTERNAL),
            Fault::LostReply => {
                let written = inner.call(request);
                HttpConnectorFuture::new(async move {
                    written.await?;
                    Err(ConnectorError::io("the reply is lost".into()))
                })
            }
        }
    });
    let settings = StoreSettings {
        ledger_table: local::LEDGER_TABLE.into(),
        state_table: local::STATE_TABLE.into(),
        waiting_table: local::WAITING_TABLE.into(),
        program_age_max: std::time::Duration::ZERO,
    };
    Store::new(clients.dynamodb(), settings, ambient::Clock::system(), ambient::Random::system())
}

/// A store on the engine at `endpoint` before whose first call of `operation` something else happens, once.
pub fn interrupted_store<F>(endpoint: &str, operation: &'static str, meanwhile: F) -> Store
where
    F: Future<Output = ()> + Send + 'static,
{
    let meanwhile = Mutex::new(Some(Box::pin(meanwhile)));
    let clients = clients_through(endpoint, move |request, inner| {
        let is_it = target(&request).ends_with(operation);
        let first = meanwhile.lock().unwrap_or_else(PoisonError::into_inner).take_if(|_| is_it);
        let Some(first) = first else { return inner.call(request) };
        let inner = inner.clone();
        HttpConnectorFuture::new(async move {
            first.await;
            inner.call(request).await
        })
    });
    local::open_store(&clients, ambient::Clock::system(), ambient::Random::system())
}
