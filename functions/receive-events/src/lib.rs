//! Where senders post events: checked as far as event, token and program go, and put on the queue.

mod events;
mod sent;

use ambient::{Clock, Random};
use axum::Router;
use axum::routing::post;
use program::Programs;
use store::{Store, StoreError};
use web::{Caller, Edge};
use worker::{Clients, Queue, Settings, SettingsError};

/// The function's state between requests.
#[derive(Clone)]
pub struct ReceiveEvents {
    store: Store,
    partner_events: Queue,
    clock: Clock,
}

impl Edge for ReceiveEvents {
    fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl ReceiveEvents {
    /// Routes that put posted events on `partner_events`; of `store` only the versions of programs are read.
    pub fn new(store: Store, partner_events: Queue) -> Self {
        let clock = store.clock().clone();
        Self { store, partner_events, clock }
    }

    /// Routes as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let url = Settings::need(settings.partner_events_queue.as_deref(), "PARTNER_EVENTS_QUEUE_URL")?;
        let store = Store::open(clients.dynamodb(), settings.tables()?, clock, random);
        Ok(Self::new(store, Queue::new(clients.sqs(), url)))
    }

    /// The versions of the caller's program. Where they cannot be read just now, or there are none yet, events are queued all the
    /// same: whoever judges them reads them; but for those of a type that only their program knows.
    async fn programs(&self, caller: &Caller) -> Result<Option<Programs>, StoreError> {
        let read = store::programs::read(&self.store, &caller.program).await;
        read.inspect_err(|error| tracing::warn!(%error, "events are queued without a look at their program"))
    }

    /// The routes.
    pub fn routes(self) -> Router {
        Router::new().route("/v1/events", post(events::post)).with_state(self)
    }
}
