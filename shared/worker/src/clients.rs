//! AWS clients from the environment that Lambda sets, without `aws-config`: one HTTP client, TLS by rustls on ring.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::http;
use crate::settings::SettingsError;

/// How long one try of a call to a table may take: it answers in milliseconds, and a try that hangs must not cost the
/// invocation. The SDK tries again; what it writes carries a token, so nothing is written twice.
const TABLE_TRY: Duration = Duration::from_secs(4);
/// How long one try of any other call may take: longer than the longest poll of a queue (20 s).
const OTHER_TRY: Duration = Duration::from_secs(25);

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

/// The configuration of one service's client; a macro because each SDK crate has its own type of the same shape.
macro_rules! service {
    ($sdk:ident, $place:expr, $http:expr, $try:expr) => {{
        let config = $sdk::Config::builder()
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout($try).build())
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
        Ok(Self::at(Place::from_env()?, http::over_tls()?))
    }

    /// Clients of an engine on this machine, which takes any credentials and speaks plain HTTP.
    pub fn local(endpoint: &str) -> Self {
        Self::local_over(endpoint, http::plain())
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

    /// The id of the access key that its requests are signed with.
    pub fn key_id(&self) -> &str {
        self.place.credentials.access_key_id()
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        service!(aws_sdk_dynamodb, self.place, self.http, TABLE_TRY)
    }

    /// SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        service!(aws_sdk_sqs, self.place, self.http, OTHER_TRY)
    }

    /// EventBridge.
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        service!(aws_sdk_eventbridge, self.place, self.http, OTHER_TRY)
    }

    /// Secrets Manager.
    pub fn secretsmanager(&self) -> aws_sdk_secretsmanager::Client {
        service!(aws_sdk_secretsmanager, self.place, self.http, OTHER_TRY)
    }
}
