//! What partners see: account, statement, what became of each event and why, rewards, redemptions. It writes nothing.

mod deals;
mod events;
mod leaderboard;
mod partner;
mod redemptions;
mod rewards;
mod statement;

use ambient::{Clock, Random};
use axum::Router;
use axum::routing::get;
use store::Store;
use web::Edge;
use worker::{Clients, Settings, SettingsError};

/// The function's state between requests.
#[derive(Clone)]
pub struct ReadAccounts {
    store: Store,
}

impl Edge for ReadAccounts {
    fn clock(&self) -> &Clock {
        self.store.clock()
    }
}

impl ReadAccounts {
    /// Routes that read this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Routes as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random)))
    }

    /// The routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/v1/rewards", get(rewards::list))
            .route("/v1/leaderboard", get(leaderboard::show))
            .route("/v1/partners/{partner_id}", get(partner::show))
            .route("/v1/partners/{partner_id}/statement", get(statement::show))
            .route("/v1/partners/{partner_id}/commissions", get(statement::commissions))
            .route("/v1/partners/{partner_id}/payouts", get(statement::payouts))
            .route("/v1/partners/{partner_id}/deals/{deal_id}", get(deals::show))
            .route("/v1/partners/{partner_id}/events", get(events::list))
            .route("/v1/partners/{partner_id}/explanation", get(events::explain))
            .route("/v1/partners/{partner_id}/redemptions", get(redemptions::list))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}", get(redemptions::show))
            .with_state(self)
    }
}
