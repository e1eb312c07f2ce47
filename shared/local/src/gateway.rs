//! What an HTTP API does before the function is called: checks the token, bounds the headers, hands on the claims.

use std::collections::HashMap;

use aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;

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
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let claims = given.and_then(|v| v.strip_prefix("Bearer ")).and_then(|token| tokens.check(token).ok());
    let Some(context) = claims.and_then(|claims| context(&claims)) else {
        return problem(StatusCode::UNAUTHORIZED, "unauthorized", "send a valid token: Authorization: Bearer <token>");
    };
    request.extensions_mut().insert(context);
    next.run(request).await
}

/// The request context with which API Gateway calls the function: claims are strings.
fn context(claims: &Claims) -> Option<ApiGatewayV2httpRequestContext> {
    let mut words: HashMap<&str, String> = HashMap::from([
        ("program", claims.program.clone()),
        ("scope", claims.scope.clone()),
        ("iss", claims.iss.clone()),
        ("aud", claims.aud.clone()),
        ("exp", claims.exp.to_string()),
    ]);
    words.extend(claims.partner_id.clone().map(|id| ("partner_id", id)));
    let context = json!({ "authorizer": { "jwt": { "claims": words, "scopes": null } }, "timeEpoch": 0, "http": { "method": "GET" } });
    serde_json::from_value(context).ok()
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
