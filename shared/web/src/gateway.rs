//! From the gateway's call (HTTP API, payload 2.0) to a request, and from the response to its answer.
//!
//! A caller decides what is in path, query and headers, so nothing here can fail but with a 400.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use crate::{Problem, RequestId};

/// What a path may not hold as it is. The gateway hands paths on decoded in part.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Largest answer, in bytes: what Lambda hands on.
const ANSWER_BYTES_MAX: usize = 6_000_000;

/// One call of the gateway: those members of payload 2.0 that matter here, and no more, since every type read is code that
/// a cold start loads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: Context,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Http,
    #[serde(default)]
    request_id: String,
    authorizer: Option<Authorizer>,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

#[derive(Debug, Deserialize)]
struct Authorizer {
    jwt: Option<Token>,
}

/// A token that the gateway verified, as an extension of the request. Claims are strings there, numbers too.
#[derive(Clone, Debug, Deserialize)]
pub struct Token {
    /// What it says.
    pub claims: BTreeMap<String, String>,
    /// Its scopes, where the gateway lists them apart from the claims.
    pub scopes: Option<Vec<String>>,
}

/// What the gateway is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Answers one call of the gateway.
pub async fn answer(router: Router, call: Call) -> Reply {
    let response = match request(call) {
        Ok(request) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
        Err(problem) => problem.into_response(),
    };
    given(response).await
}

fn request(call: Call) -> Result<Request<Body>, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail);
    let path = if call.raw_path.starts_with('/') { &call.raw_path } else { "/" };
    let mut uri = utf8_percent_encode(path, NOT_IN_PATH).to_string();
    if !call.raw_query_string.is_empty() {
        uri = format!("{uri}?{}", call.raw_query_string);
    }
    let body = match (call.body, call.is_base64_encoded) {
        (Some(body), true) => STANDARD.decode(body).map_err(|_| bad("the body is not Base64"))?,
        (body, _) => body.unwrap_or_default().into_bytes(),
    };
    let request = Request::builder().method(call.request_context.http.method.as_str()).uri(uri);
    let mut request = request.body(Body::from(body)).map_err(|_| bad("method, path and query are no request"))?;
    *request.headers_mut() = headers(&call.headers).ok_or_else(|| bad("a header is none"))?;
    request.extensions_mut().insert(RequestId(call.request_context.request_id));
    if let Some(token) = call.request_context.authorizer.and_then(|a| a.jwt) {
        request.extensions_mut().insert(token);
    }
    Ok(request)
}

fn headers(given: &BTreeMap<String, String>) -> Option<HeaderMap> {
    let pair = |(name, value): (&String, &String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    given.iter().map(pair).collect()
}

async fn given(response: Response) -> Reply {
    let (parts, body) = response.into_parts();
    let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
    let headers = parts.headers.iter().filter_map(text).collect();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.ok().and_then(|bytes| String::from_utf8(bytes.into()).ok());
    if let Some(body) = body {
        return Reply { status_code: parts.status.as_u16(), headers, body };
    }
    // All answers are text, and pages keep them small.
    tracing::error!("an answer is no text, or too large");
    Reply { status_code: StatusCode::INTERNAL_SERVER_ERROR.as_u16(), headers: BTreeMap::new(), body: String::new() }
}

#[cfg(test)]
mod tests {
    use axum::extract::{Path, Query};
    use axum::routing::{get, post};
    use serde_json::{Value, json};

    use super::*;

    fn router() -> Router {
        let show = async |Path(id): Path<String>, query: Query<Vec<(String, String)>>| format!("{id} {:?}", query.0);
        Router::new().route("/v1/partners/{id}", get(show)).route("/echo", post(async |body: String| body))
    }

    async fn ask(method: &str, path: &str, query: &str, body: Option<&str>, encoded: bool) -> (i64, String) {
        let call = json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": { "Host": "a b:c" }, "body": body,
            "isBase64Encoded": encoded, "requestContext": { "http": { "method": method }, "stage": "$default" },
        });
        let call = serde_json::from_value(call).expect("a call");
        let answer: Value = serde_json::to_value(answer(router(), call).await).expect("an answer");
        (answer["statusCode"].as_i64().expect("a status"), answer["body"].as_str().unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn path_and_query_come_through() {
        let expected = (200, "partner-17 [(\"limit\", \"5\"), (\"cursor\", \"a b\")]".to_owned());
        assert_eq!(ask("GET", "/v1/partners/partner-17", "limit=5&cursor=a%20b", None, false).await, expected);
        for (path, id) in [("a b", "a b"), ("a%20b", "a b"), ("ä{|}\\^`", "ä{|}\\^`"), ("a?b#c", "a?b#c"), ("..", "..")]
        {
            let (status, body) = ask("GET", &format!("/v1/partners/{path}"), "", None, false).await;
            assert_eq!((status, body), (200, format!("{id} []")), "{path}");
        }
    }

    #[tokio::test]
    async fn no_address_is_a_bad_request_and_never_a_fault() {
        for (path, query) in [("/", "a b"), ("/", "\u{0}"), ("/v1", "ä ")] {
            let (status, body) = ask("GET", path, query, None, false).await;
            assert!(status == 400 && body.contains("bad_request"), "{path} {query}: {status} {body}");
        }
        assert_eq!(ask("G T", "/", "", None, false).await.0, 400);
        for path in ["", "no-slash", "//", "/v1/partners/../../x", "http://elsewhere/", "*"] {
            assert_eq!(ask("GET", path, "", None, false).await.0, 404, "{path}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_base64() {
        assert_eq!(ask("POST", "/echo", "", Some("aMOpbGxv"), true).await, (200, "héllo".to_owned()));
        assert_eq!(ask("POST", "/echo", "", Some("plain"), false).await, (200, "plain".to_owned()));
        assert_eq!(ask("POST", "/echo", "", Some("?"), true).await.0, 400);
        assert_eq!(ask("POST", "/echo", "", None, false).await, (200, String::new()));
    }
}
