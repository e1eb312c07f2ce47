//! Errors as RFC 9457 says, each with a stable `code`. Nothing internal and no other partner's data is in them.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::ledger::Reason;
use serde::Serialize;
use store::StoreError;

/// An error as the caller sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    title: String,
    status: u16,
    code: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// Every value that is not acceptable, where there is more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// One value that is not acceptable.
#[derive(Clone, Debug, Serialize)]
pub struct FieldError {
    /// Where it stands, as a JSON pointer.
    pub pointer: String,
    /// The stable word for what is wrong.
    pub code: String,
    /// What to write instead.
    pub detail: String,
}

impl Problem {
    /// A problem with a status, a stable code and a sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self {
            title,
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            pointer: None,
            reason: None,
            errors: Vec::new(),
        }
    }

    /// A value that is not acceptable, named by a JSON pointer.
    pub fn value(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.to_owned()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    /// Values that are not acceptable, all at once.
    pub fn values(all: Vec<FieldError>) -> Self {
        let Some(first) = all.first() else { return Self::internal() };
        let problem = Self::value(&first.pointer, &first.code, first.detail.clone());
        if all.len() > 1 { Self { errors: all, ..problem } } else { problem }
    }

    /// A refusal that was judged and recorded.
    pub fn refusal(reason: &Reason) -> Self {
        let sentence = domain::tell::sentence(reason);
        let problem = match reason {
            Reason::UnknownReward => Self::value("/reward_id", "unknown_reward", sentence),
            _ => Self::new(StatusCode::CONFLICT, &reason.code(), sentence),
        };
        Self { reason: Some(reason.clone()), ..problem }
    }

    /// Somebody else's, or nobody's: the answer is the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing for you")
    }

    /// Something stored does not read as what it should be.
    pub fn unreadable(what: &str) -> Self {
        tracing::error!(what, "something stored does not read");
        Self::internal()
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong on our side; it was noted")
    }

    /// Trying again helps: others kept writing first.
    fn contended() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", "many are writing at once; try again with the same key")
    }

    /// Trying again later helps: what stands behind this does not answer.
    pub fn unavailable() -> Self {
        let detail = "what keeps the points does not answer just now; nothing is lost, try again with the same key";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }
}

/// The gateway's name for a request, as an extension of the request; in every answer as `x-request-id`, so that a caller can tell
/// which one it means.
#[derive(Clone, Debug, Default)]
pub struct RequestId(pub String);

/// The header that says a request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// Says in every answer which request it is of, and what the framework refuses by itself (a path that does not read, a body too
/// large) in the form of every other error.
pub(crate) async fn told_as_problem(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let mut response = as_problem(next.run(request).await);
    if response.status().is_server_error() {
        tracing::warn!(request_id = id, status = response.status().as_u16(), "a request was not served");
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn as_problem(response: Response) -> Response {
    let status = response.status();
    let own = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/problem+json");
    if own || !status.is_client_error() {
        return response;
    }
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "wrong_content_type",
        _ => "bad_request",
    };
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(status, code, "a request has at most 2 MiB; send a batch in parts").into_response();
    }
    Problem::new(status, code, "the path or the body does not read: a path is UTF-8, percent-encoded").into_response()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Contention | StoreError::OutOfTime => {
                tracing::warn!(%error, "a request was not served");
                Self::contended()
            }
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request was not served");
                Self::unavailable()
            }
            StoreError::Refused(_)
            | StoreError::Unreadable { .. }
            | StoreError::OtherForm { .. }
            | StoreError::Unsound(_)
            | StoreError::OtherKeys { .. }
            | StoreError::Sealed => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        (status, headers, serde_json::to_string(&self).unwrap_or_default()).into_response()
    }
}
