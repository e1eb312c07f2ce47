//! AWS clients from the environment that Lambda sets, without `aws-config`: one HTTP client, TLS by rustls on ring.

use aws_credential_types::Credentials;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::settings::SettingsError;

/// Most messages of one SendMessageBatch.
const SEND_MAX: usize = 10;

/// What every client of a function shares.
#[derive(Clone, Debug)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// EventBridge.
    pub eventbridge: aws_sdk_eventbridge::Client,
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
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
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
        Ok(Self::at(&Place::from_env()?))
    }

    /// Clients of an engine on this machine, which takes any credentials.
    pub fn local(endpoint: &str) -> Self {
        let credentials = Credentials::new("local", "local", None, None, "local");
        Self::at(&Place { region: "us-east-1".to_owned(), endpoint: Some(endpoint.to_owned()), credentials })
    }

    fn at(place: &Place) -> Self {
        let http = http_client();
        Self {
            dynamodb: service!(aws_sdk_dynamodb, place, http),
            sqs: service!(aws_sdk_sqs, place, http),
            eventbridge: service!(aws_sdk_eventbridge, place, http),
        }
    }
}

/// The DynamoDB configuration of an engine on this machine, with another HTTP client: how tests inject faults.
pub fn sdk_config(endpoint: &str, http: SharedHttpClient) -> aws_sdk_dynamodb::Config {
    let place = Place {
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Credentials::new("local", "local", None, None, "local"),
    };
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::new(place.region))
        .credentials_provider(place.credentials)
        .endpoint_url(endpoint)
        .http_client(http)
        .build()
}

/// Why messages were not sent.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take {0} messages")]
pub struct QueueError(pub usize);

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
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .map(|_| ())
            .map_err(|_| QueueError(1))
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
            .map_err(|_| QueueError(1))?;
        let send =
            self.client.send_message().queue_url(&self.url).message_body(body).message_attributes("reason", note);
        send.send().await.map(|_| ()).map_err(|_| QueueError(1))
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
                Err(_) => failed.extend((0..chunk.len()).map(place)),
            }
        }
        failed
    }
}

fn failed_at(entry: &BatchResultErrorEntry) -> Option<usize> {
    entry.id.parse().ok()
}
