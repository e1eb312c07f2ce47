//! One secret of Secrets Manager.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Why a secret was not read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The secret was not answered for.
    #[error("the secret {id} cannot be used: {why}")]
    Unavailable {
        /// Its name or ARN.
        id: String,
        /// The service's code for it.
        why: String,
    },
    /// It holds bytes, not text.
    #[error("the secret {0} holds no text")]
    NoText(String),
}

/// One secret. What it says is never logged.
#[derive(Clone, Debug)]
pub struct Secret {
    client: aws_sdk_secretsmanager::Client,
    id: String,
}

impl Secret {
    /// The secret with this name or ARN. Nothing is read yet.
    pub fn new(client: aws_sdk_secretsmanager::Client, id: &str) -> Self {
        Self { client, id: id.to_owned() }
    }

    /// What it says now.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`], [`SecretError::NoText`].
    pub async fn read(&self) -> Result<String, SecretError> {
        let reply = self.client.get_secret_value().secret_id(&self.id).send().await;
        let reply = reply.map_err(|e| self.unavailable(e.code(), &e))?;
        reply.secret_string.ok_or_else(|| SecretError::NoText(self.id.clone()))
    }

    /// Makes it say something else from now on.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`].
    pub async fn write(&self, text: &str) -> Result<(), SecretError> {
        let put = self.client.put_secret_value().secret_id(&self.id).secret_string(text).send().await;
        put.map(|_| ()).map_err(|e| self.unavailable(e.code(), &e))
    }

    fn unavailable(&self, code: Option<&str>, error: &impl std::fmt::Display) -> SecretError {
        SecretError::Unavailable { id: self.id.clone(), why: code.map_or_else(|| error.to_string(), str::to_owned) }
    }
}
