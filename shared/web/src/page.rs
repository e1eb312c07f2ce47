//! Which page of a list.

use axum::http::StatusCode;
use serde::Deserialize;

use crate::Problem;

/// Items of one page where the caller does not say.
const LIMIT: usize = 50;
/// Most items of one page (a record's lines stay together, so a page of a statement may have a few more).
const LIMIT_MAX: usize = 500;

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Where it starts, as the page before says.
    pub cursor: Option<String>,
    /// How many items it has, as the caller writes it.
    pub limit: Option<String>,
}

impl PageQuery {
    /// How many items it has, 1 to 500.
    ///
    /// # Errors
    /// A [`Problem`] `bad_limit`.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = &self.limit else { return Ok(LIMIT) };
        let limit = text.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n));
        limit.ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_limit", format!("`limit` lies between 1 and {LIMIT_MAX}"))
        })
    }
}
