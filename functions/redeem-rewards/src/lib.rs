//! The HTTP API: what partners see, redeem and ask; where senders post events.

mod auth;
mod cards;
mod cursor;
mod events;
mod gateway;
mod ingest;
mod partner;
mod problem;
mod redeem;
mod rewards;
mod statement;

use std::time::Duration;

use ambient::{Clock, Random};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use program::Programs;
use store::{Store, patience::Patience};
use worker::{Clients, Queue, Secret, Settings, SettingsError};

pub(crate) use auth::{Caller, Scope};
pub use cards::CardKeys;
pub use gateway::{Answer, Call, Token, answer};
pub(crate) use problem::Problem;

/// How long a request may try to commit: well below the 30 s of an HTTP API.
const PATIENCE: Duration = Duration::from_secs(20);

/// The function's state between requests.
#[derive(Clone)]
pub struct RedeemRewards {
    store: Store,
    partner_events: Queue,
    cards: CardKeys,
}

impl RedeemRewards {
    /// An API on this store; `partner_events` takes posted events, `cards` opens codes.
    pub fn new(store: Store, partner_events: Queue, cards: CardKeys) -> Self {
        Self { store, partner_events, cards }
    }

    /// An API as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let url = Settings::need(settings.partner_events_queue.as_deref(), "PARTNER_EVENTS_QUEUE_URL")?;
        let events = Queue::new(clients.sqs(), url);
        let secret = Settings::need(settings.card_secret.as_deref(), "CARD_SECRET")?;
        let cards = CardKeys::new(Secret::new(clients.secretsmanager(), secret));
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random), events, cards))
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/v1/events", post(ingest::post_events))
            .route("/v1/rewards", get(rewards::list))
            .route("/v1/partners/{partner_id}", get(partner::show))
            .route("/v1/partners/{partner_id}/statement", get(statement::show))
            .route("/v1/partners/{partner_id}/events", get(events::list))
            .route("/v1/partners/{partner_id}/explanation", get(events::explain))
            .route("/v1/partners/{partner_id}/redemptions", post(redeem::create).get(redeem::list))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}", get(redeem::show))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}/cancel", post(redeem::cancel))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}/reveal", post(redeem::reveal))
            .fallback(|| async {
                Problem::new(StatusCode::NOT_FOUND, "no_such_route", "there is nothing at this path")
            })
            .method_not_allowed_fallback(|| async {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path takes another method")
            })
            .layer(axum::middleware::map_response(problem::told_as_problem))
            .with_state(self)
    }

    /// The versions of the caller's program.
    pub(crate) async fn programs(&self, caller: &Caller) -> Result<Programs, Problem> {
        let programs = store::programs::read(&self.store, &caller.program).await?;
        programs.ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "no_such_program", "the program has no published version")
        })
    }
}

/// How long one request may keep trying, from now: time is the bound, since many keys of one partner may contend and each
/// round lets only one of them through.
pub(crate) fn patience(clock: &Clock) -> Patience {
    Patience { tries_max: u32::MAX, ..Patience::until(clock.instant() + PATIENCE) }
}
