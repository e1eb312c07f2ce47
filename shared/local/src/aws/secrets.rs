//! The one secret of the local stack, the ring of card keys: kept in the data folder, answered for as Secrets Manager does.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ambient::Random;
use serde_json::{Value, json};
use store::cards::Sealer;

use super::{EngineError, failed};
use crate::names::CARD_SECRET;
use crate::private::write_private;

/// The secret, and where it is kept.
pub(crate) struct Secrets {
    text: Mutex<String>,
    path: Option<PathBuf>,
}

impl Secrets {
    /// The ring of a data folder, which is made where it is missing; without a folder a ring of this process.
    pub(crate) fn open(data: Option<&Path>, random: &Random) -> Result<Self, EngineError> {
        let path = data.map(|folder| folder.join("card-keys.json"));
        // Only a ring that is not there is made: one that cannot be read just now must not be written over.
        let kept = match path.as_ref().map(std::fs::read_to_string) {
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            kept => kept.and_then(Result::ok),
        };
        let secrets = Self { text: Mutex::new(kept.clone().unwrap_or_default()), path };
        if kept.is_none() {
            secrets.set(&Sealer::new_ring(random).map_err(failed)?)?;
        }
        Ok(secrets)
    }

    fn set(&self, text: &str) -> Result<(), EngineError> {
        let mut held = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path {
            // A ring that is half written opens no card.
            write_private(path, text.as_bytes()).map_err(failed)?;
        }
        text.clone_into(&mut held);
        Ok(())
    }

    /// The answer to GetSecretValue or PutSecretValue: status and body.
    pub(crate) fn answer(&self, operation: &str, input: &Value) -> (u16, Value) {
        if input["SecretId"] != CARD_SECRET {
            let why = format!("the only secret here is {CARD_SECRET}");
            return (400, json!({ "__type": "ResourceNotFoundException", "Message": why }));
        }
        let mut answer = json!({ "ARN": CARD_SECRET, "Name": CARD_SECRET, "VersionStages": ["AWSCURRENT"] });
        match (operation, input["SecretString"].as_str()) {
            ("GetSecretValue", _) => {
                answer["SecretString"] = self.text.lock().unwrap_or_else(PoisonError::into_inner).clone().into();
                (200, answer)
            }
            ("PutSecretValue", Some(text)) => match self.set(text) {
                Ok(()) => (200, answer),
                Err(error) => (500, json!({ "__type": "InternalServiceError", "Message": error.to_string() })),
            },
            _ => (400, json!({ "__type": "InvalidRequestException", "Message": "not offered here" })),
        }
    }
}
