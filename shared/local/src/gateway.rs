//! What an HTTP API does before the function is called: checks the token, bounds the headers, hands on the claims.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::Random;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use web::{REQUEST_ID, RequestId, Token};

use crate::tokens::{CONFIGURATION_PATH, KEYS_PATH, Tokens};

/// Most bytes of all headers together, as API Gateway has it.
const HEADER_BYTES_MAX: usize = 10_240;

/// The API behind a gate, and what stands before it: the issuer of tokens, and whether everything is up.
pub(crate) fn app(api: Router, tokens: Tokens, random: Random, ready: Arc<AtomicBool>) -> Router {
    let health = move || async move {
        if ready.load(Ordering::Acquire) {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
        }
    };
    let (configuration, keys) = (tokens.configuration(), tokens.keys());
    api.layer(from_fn_with_state((tokens, random), authorize))
        .route("/healthz", get(health))
        .route(CONFIGURATION_PATH, get(|| async { Json(configuration) }))
        .route(KEYS_PATH, get(|| async { Json(keys) }))
}

async fn authorize(State((tokens, random)): State<(Tokens, Random)>, mut request: Request, next: Next) -> Response {
    let id = random.uuid().map(|id| id.to_string()).unwrap_or_default();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = authorized(&tokens, request, next).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn authorized(tokens: &Tokens, mut request: Request, next: Next) -> Response {
    if header_bytes(request.headers()) > HEADER_BYTES_MAX {
        return problem(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "all headers together have at most 10,240 bytes",
        );
    }
    match bearer(request.headers()).map(|token| tokens.check(token)) {
        Some(Ok(claims)) => {
            request.extensions_mut().insert(Token { claims, scopes: None });
            next.run(request).await
        }
        Some(Err(error)) => {
            tracing::info!(%error, "a token was refused");
            unauthorized(&format!(r#"Bearer scope="" error="invalid_token" error_description="{error}""#))
        }
        None => unauthorized("Bearer"),
    }
}

/// The token of a request. The scheme's name is written in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Says how to be let in, and which check failed, as API Gateway does.
fn unauthorized(challenge: &str) -> Response {
    let detail = "send a valid token: Authorization: Bearer <token>";
    let mut response = problem(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
