//! The HTTP edge of those functions that the gateway calls: its calls, who calls, problems, pages.

mod accept;
mod auth;
pub mod cursor;
mod gateway;
mod page;
mod problem;
mod query;
mod redemption;

use ambient::Clock;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use program::Programs;
use store::Store;

pub use accept::preferred;
pub use auth::{Caller, ClaimNames, Scope};
pub use gateway::{Call, Reply, Token, answer};
pub use page::PageQuery;
pub use problem::{FieldError, Problem, REQUEST_ID, RequestId};
pub use query::{Nothing, Query};
pub use redemption::{RedemptionView, redemption};

/// A function's state, as far as this edge looks at it.
pub trait Edge: Clone + Send + Sync + 'static {
    /// What time it is.
    fn clock(&self) -> &Clock;
}

/// Routes, and what is said to everybody who takes none of them: problems, like every other error. Every answer says the request's
/// id. `names` says what the issuer calls its claims.
pub fn closed(routes: Router, names: ClaimNames) -> Router {
    routes
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no_such_route", "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path takes another method")
        })
        .layer(axum::Extension(names))
        .layer(axum::middleware::from_fn(problem::told_as_problem))
}

/// The versions of the caller's program.
///
/// # Errors
/// A [`Problem`]: `no_such_program` if it has none, or what the store says.
pub async fn programs(store: &Store, caller: &Caller) -> Result<Programs, Problem> {
    let programs = store::programs::read(store, &caller.program).await?;
    programs
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no_such_program", "the program has no published version"))
}

/// The type of a body, without its parameters.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
