//! AWS clients from the environment that Lambda sets, without `aws-config`: one HTTP client, TLS by rustls on ring.

use aws_credential_types::Credentials;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::settings::SettingsError;

/// Most messages of one SendMessageBatch.
const SEND_MAX: usize = 10;
/// The authorities that sign every AWS endpoint (Amazon Trust Services): nothing else is trusted, and no file is read.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Makes clients that share one HTTP client. Each is made when it is asked for, so that a function's build holds no SDK
/// that the function does not use.
#[derive(Clone, Debug)]
pub struct Clients {
    place: Place,
    http: SharedHttpClient,
}

/// Where AWS is and who asks.
#[derive(Clone, Debug)]
struct Place {
    region: String,
    endpoint: Option<String>,
    credentials: Credentials,
}

impl Place {
    fn from_env() -> Result<Self, SettingsError> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let need = |name: &'static str| text(name).ok_or(SettingsError::Missing(name));
        let (key, secret) = (need("AWS_ACCESS_KEY_ID")?, need("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(key, secret, text("AWS_SESSION_TOKEN"), None, "environment");
        let region =
            text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")).ok_or(SettingsError::Missing("AWS_REGION"))?;
        Ok(Self { region, endpoint: text("AWS_ENDPOINT_URL"), credentials })
    }
}

/// The SDK's HTTP client on rustls with ring.
fn http_client() -> Result<SharedHttpClient, SettingsError> {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let tls = tls.map_err(|_| SettingsError::Unreadable { name: "amazon-roots.pem", why: "the build is broken" })?;
    let builder = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(builder.tls_context(tls).build_https())
}

/// The configuration of one service's client; a macro because each SDK crate has its own type of the same shape.
macro_rules! service {
    ($sdk:ident, $place:expr, $http:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($place.region.clone()))
            .credentials_provider($place.credentials.clone())
            .http_client($http.clone());
        let config = match &$place.endpoint {
            Some(url) => config.endpoint_url(url),
            None => config,
        };
        $sdk::Client::from_conf(config.build())
    }};
}

impl Clients {
    /// Clients as the environment says: region, credentials, and where `AWS_ENDPOINT_URL` is set, another endpoint.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn from_env() -> Result<Self, SettingsError> {
        Ok(Self::at(Place::from_env()?, http_client()?))
    }

    /// Clients of an engine on this machine, which takes any credentials and speaks plain HTTP.
    pub fn local(endpoint: &str) -> Self {
        Self::local_over(endpoint, aws_smithy_http_client::Builder::new().build_http())
    }

    /// Clients of an engine on this machine over another HTTP client: where tests listen in and inject faults.
    pub fn local_over(endpoint: &str, http: SharedHttpClient) -> Self {
        let credentials = Credentials::new("local", "local", None, None, "local");
        let place = Place { region: "us-east-1".to_owned(), endpoint: Some(endpoint.to_owned()), credentials };
        Self::at(place, http)
    }

    fn at(place: Place, http: SharedHttpClient) -> Self {
        Self { place, http }
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        service!(aws_sdk_dynamodb, self.place, self.http)
    }

    /// SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        service!(aws_sdk_sqs, self.place, self.http)
    }

    /// EventBridge.
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        service!(aws_sdk_eventbridge, self.place, self.http)
    }

    /// Secrets Manager.
    pub fn secretsmanager(&self) -> aws_sdk_secretsmanager::Client {
        service!(aws_sdk_secretsmanager, self.place, self.http)
    }
}

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

/// Why messages were not sent.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take {count} messages: {why}")]
pub struct QueueError {
    /// How many.
    pub count: usize,
    /// The service's code for it, or what stood in the way.
    pub why: String,
}

impl QueueError {
    /// `count` messages were not taken.
    pub fn new(count: usize, error: &(impl ProvideErrorMetadata + std::fmt::Display)) -> Self {
        Self { count, why: error.code().map_or_else(|| error.to_string(), str::to_owned) }
    }
}

/// One queue to send to.
#[derive(Clone, Debug)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    pub fn new(client: aws_sdk_sqs::Client, url: &str) -> Self {
        Self { client, url: url.to_owned() }
    }

    /// Sends one body.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send(&self, body: String) -> Result<(), QueueError> {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map(|_| ()).map_err(|e| QueueError::new(1, &e))
    }

    /// Sends a body with a note beside it, as an attribute `reason`.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send_with_reason(&self, body: String, reason: &str) -> Result<(), QueueError> {
        let note = aws_sdk_sqs::types::MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|e| QueueError { count: 1, why: e.to_string() })?;
        let send =
            self.client.send_message().queue_url(&self.url).message_body(body).message_attributes("reason", note);
        send.send().await.map(|_| ()).map_err(|e| QueueError::new(1, &e))
    }

    /// Sends many bodies; which of them were not taken, by their place.
    pub async fn send_all(&self, bodies: &[String]) -> Vec<usize> {
        let mut failed = Vec::new();
        for (chunk_at, chunk) in bodies.chunks(SEND_MAX).enumerate() {
            let entry = |(at, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build().ok()
            };
            let entries: Vec<_> = chunk.iter().enumerate().filter_map(entry).collect();
            let place = |at: usize| chunk_at * SEND_MAX + at;
            match self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
                Ok(reply) => failed.extend(reply.failed.iter().filter_map(failed_at).map(place)),
                Err(error) => {
                    tracing::warn!(error = %QueueError::new(chunk.len(), &error), "messages were not sent");
                    failed.extend((0..chunk.len()).map(place));
                }
            }
        }
        failed
    }
}

fn failed_at(entry: &BatchResultErrorEntry) -> Option<usize> {
    entry.id.parse().ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    /// SHA-256 of the five authorities, as Amazon Trust Services publishes them.
    const PUBLISHED: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_pinned_authorities_are_the_published_ones() {
        let text = std::str::from_utf8(AMAZON_ROOTS).expect("text");
        let bodies = text.split("-----BEGIN CERTIFICATE-----").skip(1);
        let print = |body: &str| {
            let lines = body.split("-----END").next().expect("a body");
            let base64: String = lines.chars().filter(|c| !c.is_whitespace()).collect();
            let der = base64::engine::general_purpose::STANDARD.decode(base64).expect("Base64");
            hex::encode(ring::digest::digest(&ring::digest::SHA256, &der))
        };
        assert_eq!(bodies.map(print).collect::<Vec<_>>(), PUBLISHED);
        assert!(http_client().is_ok());
    }
}
