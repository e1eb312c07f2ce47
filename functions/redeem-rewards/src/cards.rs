//! The keys of voucher cards, read from their secret when the first card is revealed.

use std::sync::Arc;

use axum::http::StatusCode;
use domain::redemption::Redemption;
use store::{Store, StoreError, cards::Sealer};
use tokio::sync::RwLock;
use web::{Caller, Problem};
use worker::Secret;

/// The keys and where they come from.
#[derive(Clone)]
pub struct CardKeys {
    secret: Secret,
    read: Arc<RwLock<Option<Sealer>>>,
}

impl CardKeys {
    /// The keys of this secret. Nothing is read yet.
    pub fn new(secret: Secret) -> Self {
        Self { secret, read: Arc::default() }
    }

    /// The codes of a fulfilled redemption. A card that the keys read so far do not open may be younger than they are, so
    /// they are read once more.
    pub(crate) async fn reveal(
        &self,
        store: &Store,
        caller: &Caller,
        redemption: &Redemption,
    ) -> Result<Vec<String>, Problem> {
        let known = self.read.read().await.clone();
        if let Some(sealer) = known {
            match store::cards::reveal(store, &caller.program, redemption, &sealer).await {
                Err(StoreError::Sealed) => {}
                known => return Ok(known?),
            }
        }
        let sealer = self.read_again(store).await?;
        Ok(store::cards::reveal(store, &caller.program, redemption, &sealer).await?)
    }

    async fn read_again(&self, store: &Store) -> Result<Sealer, Problem> {
        let text = self.secret.read().await.map_err(|error| {
            tracing::error!(%error, "the card keys cannot be read");
            let detail = "cards cannot be shown just now; try again in a while";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_card_keys", detail)
        })?;
        let sealer = Sealer::from_ring(&text, store.random().clone())?;
        *self.read.write().await = Some(sealer.clone());
        Ok(sealer)
    }
}
