//! Where points are spent: a redemption asked for, cancelled, its cards revealed.

mod cards;
mod redeem;

use std::time::Duration;

use ambient::{Clock, Random};
use axum::Router;
use axum::routing::post;
use store::{Store, patience::Patience};
use web::Edge;
use worker::{Clients, Secret, Settings, SettingsError};

pub use cards::CardKeys;

/// How long a request may try to commit: well below the 30 s of an HTTP API.
const PATIENCE: Duration = Duration::from_secs(20);

/// The function's state between requests.
#[derive(Clone)]
pub struct RedeemRewards {
    store: Store,
    cards: CardKeys,
}

impl Edge for RedeemRewards {
    fn clock(&self) -> &Clock {
        self.store.clock()
    }
}

impl RedeemRewards {
    /// Routes on this store; `cards` opens codes.
    pub fn new(store: Store, cards: CardKeys) -> Self {
        Self { store, cards }
    }

    /// Routes as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let secret = Settings::need(settings.card_secret.as_deref(), "CARD_SECRET")?;
        let cards = CardKeys::new(Secret::new(clients.secretsmanager(), secret));
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random), cards))
    }

    /// The routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/v1/partners/{partner_id}/redemptions", post(redeem::create))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}/cancel", post(redeem::cancel))
            .route("/v1/partners/{partner_id}/redemptions/{redemption_id}/reveal", post(redeem::reveal))
            .with_state(self)
    }
}

/// How long one request may keep trying, from now: time is the bound, since many keys of one partner may contend and each
/// round lets only one of them through.
pub(crate) fn patience(clock: &Clock) -> Patience {
    Patience { tries_max: u32::MAX, ..Patience::until(clock.instant() + PATIENCE) }
}
