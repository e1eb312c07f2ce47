//! The query of a request, read strictly: a parameter that nothing reads would be a filter that does nothing.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The query of a request. What it names must be known to `T`, which denies unknown fields.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(asked) = read.map_err(|rejection| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_query", in_words(&rejection.body_text()))
        })?;
        Ok(Self(asked))
    }
}

/// The query of a request that has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What the reader of queries says, as a sentence about the query.
fn in_words(told: &str) -> String {
    let names: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
    let all = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names[..] {
        [name] if told.contains("duplicate field") => format!("`{name}` is there twice"),
        [name] if told.contains("missing field") => format!("`{name}` is missing"),
        [name] if told.contains("unknown field") => format!("there is no parameter `{name}` here, nor any other"),
        [name, ref known @ ..] if told.contains("unknown field") => {
            format!("there is no parameter `{name}` here; known: {}", all(known))
        }
        _ => "the query does not read: write `name=value`, several with `&` between them".to_owned(),
    }
}
