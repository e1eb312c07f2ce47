//! The SDK's way to the network: HTTP/1.1 over hyper, TLS by rustls on ring, and no authority trusted but Amazon's.
//!
//! The SDK's own client always brings HTTP/2 along, which no service here needs and every deployment package would carry.

use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector as Tcp, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::settings::SettingsError;

/// The authorities that sign every AWS endpoint (Amazon Trust Services): nothing else is trusted, and no file is read.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_millis(3_100);
/// How long an unused connection is kept; AWS ends its side after a few seconds more.
const IDLE: Duration = Duration::from_secs(15);

/// A client that trusts Amazon's authorities.
pub(crate) fn over_tls() -> Result<SharedHttpClient, SettingsError> {
    let broken = || SettingsError::Unreadable { name: "amazon-roots.pem", why: "the build is broken" };
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
        let root = root.map_err(|_| broken())?;
        roots.add(root).map_err(|_| broken())?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(|_| broken())?.with_root_certificates(roots).with_no_client_auth();
    Ok(of(tls))
}

/// A client for an engine on this machine, which speaks plain HTTP.
pub fn plain() -> SharedHttpClient {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match tls {
        Ok(tls) => of(tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
        Err(error) => unreachable!("ring has the default versions: {error}"),
    }
}

fn of(tls: ClientConfig) -> SharedHttpClient {
    let mut tcp = Tcp::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build::<_, SdkBody>(https);
    SharedHttpClient::new(Network { client, read: None })
}

/// The pool of connections; shared by all SDK clients that are made of it.
#[derive(Clone, Debug)]
struct Network {
    client: Client<HttpsConnector<Tcp>, SdkBody>,
    /// How long an answer may take.
    read: Option<Duration>,
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { client: self.client.clone(), read: settings.read_timeout() })
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, read } = self.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            show_connection(&mut request);
            let answer = client.request(request);
            let response = match read {
                None => answer.await,
                Some(read) => {
                    tokio::time::timeout(read, answer).await.map_err(|e| ConnectorError::timeout(e.into()))?
                }
            };
            let response = response.map_err(failed)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK close the connection over which a call failed or hung, so that the next one does not wait on it.
fn show_connection(request: &mut http::Request<SdkBody>) {
    let captured = capture_connection(request);
    if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
        capture.set_connection_retriever(move || {
            let connected = captured.connection_metadata().is_some();
            let captured = captured.clone();
            let poison = move || {
                if let Some(connection) = captured.connection_metadata().as_ref() {
                    connection.poison();
                }
            };
            connected.then(|| ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
        });
    }
}

/// What the SDK may try again: a connection that was not made or broke.
fn failed(error: Error) -> ConnectorError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(&error);
    let mut broke = error.is_connect();
    while let Some(inner) = source {
        let hyper = inner.downcast_ref::<hyper::Error>();
        broke |= inner.is::<std::io::Error>();
        broke |= hyper.is_some_and(|e| e.is_incomplete_message() || e.is_canceled() || e.is_closed());
        source = inner.source();
    }
    if broke {
        return ConnectorError::io(error.into());
    }
    ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
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
        assert!(over_tls().is_ok());
    }

    /// Answers 500 to everybody, over connections that it would keep. How many connections were made, and calls answered.
    fn always_failing(listener: std::net::TcpListener, seen: std::sync::mpsc::Sender<usize>) {
        use std::io::{BufRead, BufReader, Read, Write};
        let body = br#"{"__type":"InternalServerError"}"#;
        for (connection, stream) in listener.incoming().flatten().enumerate() {
            let seen = seen.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                loop {
                    let mut length = 0;
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        let line = line.trim().to_ascii_lowercase();
                        if let Some(value) = line.strip_prefix("content-length:") {
                            length = value.trim().parse().expect("a length");
                        }
                        if line.is_empty() {
                            break;
                        }
                    }
                    reader.read_exact(&mut vec![0; length]).expect("a body");
                    seen.send(connection).expect("a listener");
                    let head = format!("HTTP/1.1 500 Oops\r\ncontent-length: {}\r\n\r\n", body.len());
                    let mut stream = &stream;
                    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("an answer");
                }
            });
        }
    }

    #[tokio::test]
    async fn a_connection_over_which_a_call_failed_is_not_used_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || always_failing(listener, tell));
        let client = crate::Clients::local(&endpoint).dynamodb();
        assert!(client.list_tables().send().await.is_err());
        let connections: Vec<usize> = told.try_iter().collect();
        assert_eq!(connections, [0, 1, 2], "each of three tries has a connection of its own");
    }
}
