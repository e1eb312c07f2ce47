//! What an HTTP API does before the function is called: checks the token, bounds the headers, hands on the claims.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use web::Token;

use crate::tokens::{Claims, Tokens};

/// Most bytes of all headers together, as API Gateway has it.
const HEADER_BYTES_MAX: usize = 10_240;

pub(crate) fn app(api: Router, tokens: Tokens) -> Router {
    api.layer(from_fn_with_state(tokens, authorize)).route("/healthz", axum::routing::get(|| async { "ok\n" }))
}

async fn authorize(State(tokens): State<Tokens>, mut request: Request, next: Next) -> Response {
    if header_bytes(request.headers()) > HEADER_BYTES_MAX {
        return problem(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "all headers together have at most 10,240 bytes",
        );
    }
    match bearer(request.headers()).map(|token| tokens.check(token)) {
        Some(Ok(claims)) => {
            request.extensions_mut().insert(token(claims));
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

/// The token as the gateway hands it on: claims are strings.
fn token(claims: Claims) -> Token {
    let mut words: BTreeMap<String, String> = [
        ("program", claims.program),
        ("scope", claims.scope),
        ("iss", claims.iss),
        ("aud", claims.aud),
        ("exp", claims.exp.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    words.extend(claims.sources.map(|sources| ("sources".to_owned(), sources)));
    words.extend(claims.partner_id.map(|id| ("partner_id".to_owned(), id)));
    Token { claims: words, scopes: None }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
