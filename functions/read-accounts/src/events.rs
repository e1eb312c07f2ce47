//! `GET .../events` and `GET .../explanation`: what became of every event, and why.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::ledger::Outcome;
use domain::ledger::Record;
use domain::tell::{Explanation, earned, explain as explain_record};
use event::ids::{EventId, Identity, PartnerId, Source};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{aside::Kept, holds::Hold};

use web::{Caller, Page, Problem, Scope, cursor};

use crate::ReadAccounts;

/// Rows looked through for what waits or was kept beside.
const ASIDE_MAX: i32 = 1_000;
/// Pages of history looked through for one page of a filtered list.
const PAGES_MAX: usize = 20;

/// Which events.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    outcome: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

/// One event as the list shows it.
#[derive(Serialize)]
pub(crate) struct Row {
    source: String,
    id: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    outcome: Outcome,
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    at: Timestamp,
    sentence: String,
}

#[derive(Serialize)]
pub(crate) struct Rows {
    items: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(crate) async fn list(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    caller: Caller,
) -> Result<Json<Rows>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let outcome = wanted.outcome.as_deref().map(read_outcome).transpose()?;
    let before = wanted.cursor.as_ref().map(|c| cursor::read("events", &caller.program, &partner, c)).transpose()?;
    let mut before = before.and_then(|place| place.parse().ok());
    let limit = Page { cursor: None, limit: wanted.limit }.limit()?;
    let mut items = Vec::new();
    // What claims no identity has no place in the history: it stands before the first page.
    if before.is_none() {
        items.extend(aside(&api, &caller, &partner, outcome).await?);
    }
    let mut next = None;
    if outcome.is_none_or(Outcome::claims_identity) {
        for _ in 0..PAGES_MAX {
            let page = store::history::page(&api.store, &caller.program, &partner, before, limit).await?;
            let shown = |r: &&Record| outcome.map_or(!r.identity.source.is_internal(), |o| r.outcome == o);
            items.extend(page.items.iter().filter(shown).map(row));
            next = page.next;
            before = page.next;
            if items.len() >= limit || next.is_none() {
                break;
            }
        }
    }
    let next_cursor = next.map(|position| cursor::write("events", &caller.program, &partner, &position.to_string()));
    Ok(Json(Rows { items, next_cursor }))
}

fn read_outcome(word: &str) -> Result<Outcome, Problem> {
    Outcome::from_word(word)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "bad_outcome", "there is no such outcome word"))
}

/// The partner's conflicts, rejections and held events, as far as they are asked for.
async fn aside(
    api: &ReadAccounts,
    caller: &Caller,
    partner: &PartnerId,
    outcome: Option<Outcome>,
) -> Result<Vec<Row>, Problem> {
    let wanted = |o| outcome.is_none_or(|wanted| wanted == o);
    let mut rows = Vec::new();
    for kind in [Outcome::Conflict, Outcome::Rejected].into_iter().filter(|o| wanted(*o)) {
        let kept = store::aside::of_partner(&api.store, &caller.program, partner, kind.word(), ASIDE_MAX).await?;
        rows.extend(kept.iter().map(kept_row));
    }
    if wanted(Outcome::Held) {
        let holds = store::holds::of_partner(&api.store, &caller.program, partner, ASIDE_MAX).await?;
        rows.extend(holds.iter().map(hold_row));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    Ok(rows)
}

fn row(record: &Record) -> Row {
    let explanation = explain_record(record, None);
    Row {
        source: explanation.source,
        id: explanation.id,
        kind: record.kind.clone(),
        outcome: record.outcome,
        points: earned(&record.postings),
        position: Some(record.position),
        at: record.decided_at,
        sentence: explanation.sentence,
    }
}

fn kept_row(kept: &Kept) -> Row {
    let sentence = match (&kept.rejection, kept.outcome) {
        (Some(rejection), _) => format!("{}: {}", rejection.field, rejection.message),
        (None, _) => "the same source and id came before with another meaning; nothing was changed".to_owned(),
    };
    Row {
        source: kept.source.clone(),
        id: kept.id.clone(),
        kind: String::new(),
        outcome: kept.outcome,
        points: 0,
        position: None,
        at: kept.kept_at,
        sentence,
    }
}

fn hold_row(hold: &Hold) -> Row {
    let sentence = format!("waits for {} until {}", hold.awaited(), hold.until);
    Row {
        source: hold.identity.source.to_string(),
        id: hold.identity.id.to_string(),
        kind: String::new(),
        outcome: Outcome::Held,
        points: 0,
        position: None,
        at: hold.held_at,
        sentence,
    }
}

/// Which event.
#[derive(Deserialize)]
pub(crate) struct Asked {
    source: String,
    id: String,
}

/// An explanation of a judged event, or the row of one that was not.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Judged(Box<Explanation>),
    Aside(Row),
}

pub(crate) async fn explain(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    caller: Caller,
) -> Result<Json<Answer>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let programs = web::programs(&api.store, &caller).await?;
    let source = Source::try_from(asked.source.as_str()).map_err(|_| Problem::not_found())?;
    let event = EventId::try_from(asked.id.as_str()).map_err(|_| Problem::not_found())?;
    let identity = Identity { program: caller.program.clone(), source, id: event };
    if let Some(record) = store::history::record(&api.store, &identity).await?.filter(|r| r.partner == partner) {
        let version = programs.number(record.version());
        return Ok(Json(Answer::Judged(Box::new(explain_record(&record, version.map(|v| &*v.program))))));
    }
    let rows = aside(&api, &caller, &partner, None).await?;
    let found = rows.into_iter().find(|row| row.source == asked.source && row.id == asked.id);
    found.map(|row| Json(Answer::Aside(row))).ok_or_else(Problem::not_found)
}
