//! The keys of voucher cards, read from their secret before the first points are spent or the first card is revealed.

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

    /// That cards can be opened once points were spent on them: the secret has every key that sealed cards here.
    ///
    /// # Errors
    /// A [`Problem`] `no_card_keys` if not.
    pub(crate) async fn ready(&self, store: &Store) -> Result<(), Problem> {
        if self.read.read().await.is_some() {
            return Ok(());
        }
        let sealer = self.read_secret(store).await?;
        match store::cards::check(store, &sealer).await {
            Ok(()) => {
                *self.read.write().await = Some(sealer);
                Ok(())
            }
            Err(error @ StoreError::OtherKeys { .. }) => {
                tracing::error!(%error, "cards that were loaded cannot be opened");
                Err(no_keys("cards cannot be delivered just now, so no points were spent; try again in a while"))
            }
            Err(error) => Err(error.into()),
        }
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
        // Kept only once they were looked at: what opens this card may lack the keys of others.
        let sealer = self.read_secret(store).await?;
        let revealed = store::cards::reveal(store, &caller.program, redemption, &sealer).await?;
        let checked = store::cards::check(store, &sealer).await.is_ok();
        *self.read.write().await = Some(sealer).filter(|_| checked);
        Ok(revealed)
    }

    async fn read_secret(&self, store: &Store) -> Result<Sealer, Problem> {
        let text = self.secret.read().await.map_err(|error| {
            tracing::error!(%error, "the card keys cannot be read");
            no_keys("what opens cards does not answer just now; nothing is lost, try again in a while")
        })?;
        Ok(Sealer::from_ring(&text, store.random().clone())?)
    }
}

fn no_keys(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_card_keys", detail)
}
