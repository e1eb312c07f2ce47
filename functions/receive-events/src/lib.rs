//! Where senders post events: checked as far as the event itself goes, and put on the queue.

mod events;

use ambient::Clock;
use axum::Router;
use axum::routing::post;
use web::Edge;
use worker::{Clients, Queue, Settings, SettingsError};

/// The function's state between requests.
#[derive(Clone)]
pub struct ReceiveEvents {
    partner_events: Queue,
    clock: Clock,
}

impl Edge for ReceiveEvents {
    fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl ReceiveEvents {
    /// Routes that put posted events on `partner_events`.
    pub fn new(partner_events: Queue, clock: Clock) -> Self {
        Self { partner_events, clock }
    }

    /// Routes as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let url = Settings::need(settings.partner_events_queue.as_deref(), "PARTNER_EVENTS_QUEUE_URL")?;
        Ok(Self::new(Queue::new(clients.sqs(), url), clock))
    }

    /// The routes.
    pub fn routes(self) -> Router {
        Router::new().route("/v1/events", post(events::post)).with_state(self)
    }
}
