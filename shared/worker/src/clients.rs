//! AWS clients from the environment that Lambda sets, without `aws-config`: one HTTP client, TLS by rustls on ring.

use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::settings::SettingsError;

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

    /// The id of the access key that its requests are signed with.
    pub fn key_id(&self) -> &str {
        self.place.credentials.access_key_id()
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
