//! `POST /v1/events`: the same events as on the queue, put on the queue.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event::{BODY_BYTES_MAX, Event, Rejection, Unreadable};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use web::{Caller, FieldError, Problem, Scope, media_type};

use crate::ReceiveEvents;

/// Most events of one request.
const BATCH_MAX: usize = 100;

/// What became of one posted event.
#[derive(Serialize)]
struct Posted {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// `queued`, `rejected` (told to the sender here and kept nowhere) or `not_queued` (send it again).
    disposition: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct PostedEvents {
    items: Vec<Posted>,
}

pub(crate) async fn post(
    State(api): State<ReceiveEvents>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.may(Scope::Ingest)?;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the body is not UTF-8"))?;
    let batch = is_batch(&headers)?;
    if !batch && text.len() > BODY_BYTES_MAX {
        let detail = format!("an event has at most {BODY_BYTES_MAX} bytes, this one has {}", text.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let bodies = if batch { split(text)? } else { vec![text.to_owned()] };
    let now = api.clock.now();
    let read: Vec<Result<Event, Posted>> = bodies.iter().map(|body| read_event(body, &caller, now)).collect();
    if let (false, Some(Err(bad))) = (batch, read.first()) {
        return Err(single_problem(bad));
    }
    let good: Vec<String> = read.iter().filter_map(|r| r.as_ref().ok()).map(Event::body).collect();
    let mut failed = api.partner_events.send_all(&good).await;
    if !good.is_empty() && failed.len() == good.len() {
        return Err(Problem::unavailable());
    }
    failed.sort_unstable();
    let mut place = 0;
    let items = read.into_iter().map(|result| match result {
        Err(bad) => bad,
        Ok(event) => {
            place += 1;
            let taken = failed.binary_search(&(place - 1)).is_err();
            tracing::info!(correlation_id = %event.identity, taken, "an event was posted");
            queued(&event, taken)
        }
    });
    Ok((StatusCode::ACCEPTED, Json(PostedEvents { items: items.collect() })).into_response())
}

fn is_batch(headers: &HeaderMap) -> Result<bool, Problem> {
    let given = media_type(headers);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "encoded",
            "send the body as it is, without Content-Encoding",
        ));
    }
    match given.as_str() {
        "application/cloudevents+json" => Ok(false),
        "application/cloudevents-batch+json" => Ok(true),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            "send application/cloudevents+json or application/cloudevents-batch+json",
        )),
    }
}

fn split(text: &str) -> Result<Vec<String>, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail);
    let events: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|_| bad("the body is not a JSON array".to_owned()))?;
    if events.len() > BATCH_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_many",
            format!("send at most {BATCH_MAX} events at once"),
        ));
    }
    Ok(events.iter().map(|raw| raw.get().to_owned()).collect())
}

fn read_event(body: &str, caller: &Caller, now: Timestamp) -> Result<Event, Posted> {
    match Event::parse(body, now) {
        Ok(event) if event.identity.program != caller.program => {
            let rejection =
                Rejection::new(event::Code::SourceNotAllowed, "program", "the token is for another program");
            Err(rejected(event.identity.id.to_string(), event.identity.source.to_string(), rejection))
        }
        Ok(event) if !caller.may_send_as(&event.identity.source) => {
            let message = format!("the token may not send as `{}`", event.identity.source);
            let rejection = Rejection::new(event::Code::SourceNotAllowed, "source", message);
            Err(rejected(event.identity.id.to_string(), event.identity.source.to_string(), rejection))
        }
        Ok(event) => Ok(event),
        Err(Unreadable::Rejected { identity: [_, source, id], rejection, .. }) => Err(rejected(id, source, *rejection)),
        Err(Unreadable::Quarantined { reason, .. }) => {
            Err(Posted { id: None, source: None, disposition: "rejected", rejection: None, reason: Some(reason) })
        }
    }
}

fn rejected(id: String, source: String, rejection: Rejection) -> Posted {
    Posted { id: Some(id), source: Some(source), disposition: "rejected", rejection: Some(rejection), reason: None }
}

fn queued(event: &Event, taken: bool) -> Posted {
    let (id, source) = (event.identity.id.to_string(), event.identity.source.to_string());
    let disposition = if taken { "queued" } else { "not_queued" };
    Posted { id: Some(id), source: Some(source), disposition, rejection: None, reason: None }
}

/// A single bad event is answered as a bad request.
fn single_problem(bad: &Posted) -> Problem {
    match &bad.rejection {
        Some(rejection) => {
            Problem::values(std::iter::once(rejection).chain(&rejection.also).map(field_error).collect())
        }
        None => Problem::new(StatusCode::BAD_REQUEST, "bad_body", bad.reason.clone().unwrap_or_default()),
    }
}

fn field_error(rejection: &Rejection) -> FieldError {
    let pointer = format!("/{}", rejection.field.replace(['.', '['], "/").replace(']', ""));
    let code = serde_json::to_value(rejection.code).ok();
    let code = code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    FieldError { pointer, code, detail: rejection.message.clone() }
}
