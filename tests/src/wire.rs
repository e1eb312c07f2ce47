//! The seam of the tests: what stands between an SDK client and the engine.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use worker::Clients;

/// Answers a request, or hands it on to the engine.
type Answer = dyn Fn(HttpRequest, &SharedHttpConnector) -> HttpConnectorFuture + Send + Sync;

/// Clients of the engine at `endpoint` whose every request goes through `answer`.
pub(crate) fn clients_through(
    endpoint: &str,
    answer: impl Fn(HttpRequest, &SharedHttpConnector) -> HttpConnectorFuture + Send + Sync + 'static,
) -> Clients {
    let wire = Wire { inner: worker::http::plain(), answer: Arc::new(answer) };
    Clients::local_over(endpoint, SharedHttpClient::new(wire))
}

/// What a request asks for: `DynamoDB_20120810.Query`.
pub(crate) fn target(request: &HttpRequest) -> &str {
    request.headers().get("x-amz-target").unwrap_or_default()
}

/// An answer that no engine made.
pub(crate) fn ready(status: u16, body: impl Into<SdkBody>) -> HttpConnectorFuture {
    let body = body.into();
    HttpConnectorFuture::new(async move {
        let status = status.try_into().map_err(|_| ConnectorError::other("no status".into(), None))?;
        let mut response = HttpResponse::new(status, body);
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    })
}

#[derive(Clone)]
struct Wire {
    inner: SharedHttpClient,
    answer: Arc<Answer>,
}

struct Connector {
    inner: SharedHttpConnector,
    answer: Arc<Answer>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, answer: self.answer.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.answer)(request, &self.inner)
    }
}
