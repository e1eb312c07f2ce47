//! `POST /v1/events`: the same events as on the queue, put on the queue.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::decide::{may_send, states};
use event::{BODY_BYTES_MAX, Code, Event, Rejection, Unreadable};
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use serde::Serialize;
use store::StoreError;
use web::{Caller, FieldError, Problem, Scope};

use crate::ReceiveEvents;
use crate::sent::Sent;

/// For how long a sender may send again what it had no answer to.
const SENT_AGAIN_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The disposition of what its sender is to send again.
const NOT_QUEUED: &str = "not_queued";

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
    let sent = Sent::read(&headers, &body)?;
    let now = api.clock.now();
    let programs = api.programs(&caller).await;
    let read = |body: &String| read_event(body, &caller, &programs, now);
    let read: Vec<Result<Event, Posted>> = match &sent {
        Sent::One(body) => vec![read(body)],
        Sent::Batch(bodies) => bodies.iter().map(read).collect(),
    };
    if let (Sent::One(body), Some(Err(bad))) = (&sent, read.first()) {
        return Err(single_problem(bad, body.len()));
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

/// An event that is worth queueing: one that reads, that this caller may send, and that the program may take.
fn read_event(
    body: &str,
    caller: &Caller,
    programs: &Result<Option<Programs>, StoreError>,
    now: Timestamp,
) -> Result<Event, Posted> {
    let known = programs.as_ref().ok().and_then(Option::as_ref);
    // A version that is published already may take effect before the event is judged.
    let declared = |programs: &Programs| programs.parse(body, now, Timestamp::MAX);
    // One whose program nobody knows yet waits for it.
    let unknown_program = || if programs.is_ok() { Event::parse_early(body, now) } else { Event::parse(body, now) };
    let event = match known.map_or_else(unknown_program, declared) {
        Err(unreadable) if unreadable.undeclared().is_some() && programs.is_err() => return Err(unknown(unreadable)),
        Ok(event) => event,
        Err(Unreadable::Rejected { identity: [_, source, id], rejection, .. }) => {
            return Err(rejected(id, source, *rejection));
        }
        Err(Unreadable::Quarantined { reason, offset }) => {
            let reason = offset.map_or(reason.clone(), |offset| format!("{reason}, at byte {offset}"));
            let rejection = Some(Rejection::new(Code::BadForm, "", reason.clone()));
            return Err(Posted { id: None, source: None, disposition: "rejected", rejection, reason: Some(reason) });
        }
    };
    match refusal(&event, caller, known, now) {
        Some(rejection) => Err(rejected(event.identity.id.to_string(), event.identity.source.to_string(), rejection)),
        None => Ok(event),
    }
}

/// Why an event that reads will surely not be judged, however long it waits.
fn refusal(event: &Event, caller: &Caller, programs: Option<&Programs>, now: Timestamp) -> Option<Rejection> {
    let source = &event.identity.source;
    if event.identity.program != caller.program {
        return Some(Rejection::new(Code::SourceNotAllowed, "program", "the token is for another program"));
    }
    if !caller.may_send_as(source) {
        let message = format!("the token may not send as `{source}`");
        return Some(Rejection::new(Code::SourceNotAllowed, "source", message));
    }
    // A version that is published already may take effect before the event is judged; and what one took until lately may be
    // counted by now, and sent again by who had no answer.
    let programs = programs?;
    let mut asked = programs.from(now.checked_sub(SENT_AGAIN_FOR).unwrap_or(now));
    if let Err(refused) = may_send(&programs.current(now).program, event) {
        return asked.all(|version| may_send(&version.program, event).is_err()).then_some(refused);
    }
    // What it states is taken by the version of its own time, which is published.
    states(&programs.in_force(event.time.min(now))?.program, event).err()
}

/// Of a type that only its program knows, which cannot be read just now.
fn unknown(unreadable: Unreadable) -> Posted {
    let (id, source) = match unreadable {
        Unreadable::Rejected { identity: [_, source, id], .. } => (Some(id), Some(source)),
        Unreadable::Quarantined { .. } => (None, None),
    };
    Posted { id, source, disposition: NOT_QUEUED, rejection: None, reason: None }
}

fn rejected(id: String, source: String, rejection: Rejection) -> Posted {
    Posted { id: Some(id), source: Some(source), disposition: "rejected", rejection: Some(rejection), reason: None }
}

fn queued(event: &Event, taken: bool) -> Posted {
    let (id, source) = (event.identity.id.to_string(), event.identity.source.to_string());
    let disposition = if taken { "queued" } else { NOT_QUEUED };
    Posted { id: Some(id), source: Some(source), disposition, rejection: None, reason: None }
}

/// A single bad event is answered as a bad request.
fn single_problem(bad: &Posted, bytes: usize) -> Problem {
    match &bad.rejection {
        None if bad.disposition == NOT_QUEUED => Problem::unavailable(),
        _ if bytes > BODY_BYTES_MAX => {
            let detail = format!("an event has at most {BODY_BYTES_MAX} bytes, this one has {bytes}");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        }
        Some(rejection) if bad.id.is_some() => {
            Problem::values(std::iter::once(rejection).chain(&rejection.also).map(field_error).collect())
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad_body", bad.reason.clone().unwrap_or_default()),
    }
}

fn field_error(rejection: &Rejection) -> FieldError {
    // Only below `data` do dots and brackets lead anywhere; what stands above is one name, as the sender wrote it.
    let field = &rejection.field;
    let pointer = if field.starts_with("data.") {
        format!("/{}", field.replace(['.', '['], "/").replace(']', ""))
    } else {
        format!("/{}", field.replace('~', "~0").replace('/', "~1"))
    };
    let code = serde_json::to_value(rejection.code).ok();
    let code = code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    FieldError { pointer, code, detail: rejection.message.clone() }
}
