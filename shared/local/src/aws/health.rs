//! Whether the engine can write. Where it cannot (the disk is full, the folder is gone), that is said once, delivery waits until it
//! can, and so no message uses up its deliveries for a fault that is not its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::Clock;
use dynoxide::Database;

use super::journal;

/// How long delivery waits before it tries whether the engine writes again.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the engine's own faults.
#[derive(Debug, Default)]
pub(crate) struct Health {
    fault: Mutex<Option<String>>,
}

impl Health {
    /// The engine could not do what was asked, for no fault of who asked.
    pub(crate) fn failed(&self, why: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.is_none() {
            tracing::error!(why, "the engine cannot write; delivery waits until it can. Is the disk full?");
            *fault = Some(why.to_owned());
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Waits until the engine writes. An engine without a folder has nothing to wait for.
    pub(crate) async fn sound(&self, db: &Database, clock: &Clock) {
        while !self.is_sound() {
            clock.sleep(PAUSE).await;
            match journal::probe(db) {
                Ok(()) => {
                    let before = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if before.is_some() {
                        tracing::error!("the engine writes again; delivery goes on");
                    }
                }
                Err(error) => tracing::debug!(%error, "the engine still cannot write"),
            }
        }
    }
}
