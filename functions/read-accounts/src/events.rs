//! `GET .../events` and `GET .../explanation`: what became of every event, and why.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ledger::{Asset, Outcome, Reason, Record};
use domain::tell::{Explanation, earned, explain as explain_record};
use event::ids::{EventId, Identity, PartnerId, Source};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{aside::Aside, beside::Beside, holds::Hold};

use web::{Caller, PageQuery, Problem, Query, Scope, cursor};

use crate::ReadAccounts;

/// Pages of history looked through for one page of a filtered list.
const PAGES_MAX: usize = 20;

/// Which events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    commissions: BTreeMap<Asset, String>,
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
    // A place in one filtered list is none in another.
    let name = format!("events {}", outcome.map(Outcome::word).unwrap_or_default());
    let cursor = wanted.cursor.as_ref().map(|c| cursor::read(&name, &caller.program, &partner, c)).transpose()?;
    let limit = PageQuery { cursor: None, limit: wanted.limit }.limit()?;
    let (mut list, mut start) = List::starts(cursor.as_deref());
    let mut items = Vec::new();
    let place = loop {
        let rest = limit - items.len();
        let (rows, next) = match list {
            _ if rest == 0 => break Some((list, start)),
            _ if outcome.is_some_and(|outcome| !list.has(outcome)) => (Vec::new(), None),
            List::Judged => judged(&api, &caller, &partner, outcome, rest, start).await?,
            List::Held | List::Rejected | List::Conflicts => aside(&api, &caller, &partner, list, rest, start).await?,
        };
        items.extend(rows);
        match (next, list.then()) {
            (Some(next), _) if list == List::Judged && items.len() < limit => break Some((list, Some(next))),
            (Some(next), _) => start = Some(next),
            (None, Some(after)) => (list, start) = (after, None),
            (None, None) => break None,
        }
    };
    let text = |(list, start): (List, Option<String>)| format!("{} {}", list.word(), start.unwrap_or_default());
    let next_cursor = place.map(|place| cursor::write(&name, &caller.program, &partner, &text(place)));
    Ok(Json(Rows { items, next_cursor }))
}

/// The lists that a partner's events stand in, one after the other: what claims no identity has no place in the history, and
/// stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Held,
    Rejected,
    Conflicts,
    Judged,
}

impl List {
    const ALL: [Self; 4] = [List::Held, List::Rejected, List::Conflicts, List::Judged];

    /// The list and the place in it that a cursor names; without one, the first.
    fn starts(cursor: Option<&str>) -> (Self, Option<String>) {
        let (word, start) = cursor.and_then(|place| place.split_once(' ')).unwrap_or_default();
        let list = Self::ALL.into_iter().find(|list| list.word() == word).unwrap_or(List::Held);
        (list, Some(start.to_owned()).filter(|start| !start.is_empty()))
    }

    fn word(self) -> &'static str {
        match self {
            List::Held => Outcome::Held.word(),
            List::Rejected => Outcome::Rejected.word(),
            List::Conflicts => Outcome::Conflict.word(),
            List::Judged => "judged",
        }
    }

    fn then(self) -> Option<Self> {
        match self {
            List::Held => Some(List::Rejected),
            List::Rejected => Some(List::Conflicts),
            List::Conflicts => Some(List::Judged),
            List::Judged => None,
        }
    }

    fn has(self, outcome: Outcome) -> bool {
        match self {
            List::Judged => outcome.claims_identity(),
            List::Held | List::Rejected | List::Conflicts => outcome.word() == self.word(),
        }
    }
}

type Found = (Vec<Row>, Option<String>);

/// At most `limit` judged events, and where those after them start; looks at so many pages at most.
async fn judged(
    api: &ReadAccounts,
    caller: &Caller,
    partner: &PartnerId,
    outcome: Option<Outcome>,
    limit: usize,
    start: Option<String>,
) -> Result<Found, Problem> {
    let mut before = start.and_then(|position| position.parse().ok());
    let mut rows = Vec::new();
    // What was sent, what a deal came to, and how a review ended; other steps of Laurel's own are asked for by their outcome.
    let ends = |r: &Record| !matches!(r.reason, Some(Reason::ExclusiveUnreviewed | Reason::ExclusiveKept));
    let own = |r: &Record| match &*r.kind {
        "deal.shared" | "deal.trued_up" | "onboarding.reviewed" => true,
        "exclusivity.reviewed" => ends(r),
        _ => false,
    };
    let told = |r: &Record| !r.identity.source.is_internal() || own(r);
    let shown = |r: &&Record| outcome.map_or_else(|| told(r), |o| r.outcome == o);
    for _ in 0..PAGES_MAX {
        let page = store::history::page(&api.store, &caller.program, partner, before, limit - rows.len()).await?;
        rows.extend(page.items.iter().filter(shown).map(row));
        before = page.next;
        if rows.len() >= limit || before.is_none() {
            break;
        }
    }
    Ok((rows, before.map(|position| position.to_string())))
}

/// At most `limit` events that were kept beside or wait, and where those after them start.
async fn aside(
    api: &ReadAccounts,
    caller: &Caller,
    partner: &PartnerId,
    list: List,
    limit: usize,
    start: Option<String>,
) -> Result<Found, Problem> {
    let (limit, start) = (i32::try_from(limit).unwrap_or(i32::MAX), start.as_deref());
    if list == List::Held {
        let held = store::holds::of_partner(&api.store, &caller.program, partner, limit, start).await?;
        return Ok((held.items.iter().map(hold_row).collect(), held.next));
    }
    let kept = store::aside::of_partner(&api.store, &caller.program, partner, list.word(), limit, start).await?;
    Ok((kept.items.iter().map(aside_row).collect(), kept.next))
}

/// An outcome with which events stand in a list: what came twice or could not be read stands in none.
fn read_outcome(word: &str) -> Result<Outcome, Problem> {
    let listed = || Outcome::ALL.into_iter().filter(|outcome| List::ALL.iter().any(|list| list.has(*outcome)));
    listed().find(|outcome| outcome.word() == word).ok_or_else(|| {
        let known: Vec<&str> = listed().map(Outcome::word).collect();
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_outcome",
            format!("events are listed by one of {}", known.join(", ")),
        )
    })
}

fn row(record: &Record) -> Row {
    let explanation = explain_record(record, None);
    Row {
        commissions: explanation.commissions,
        source: explanation.source,
        id: explanation.id,
        kind: record.kind.to_string(),
        outcome: record.outcome,
        points: earned(&record.postings),
        position: Some(record.position),
        at: record.decided_at,
        sentence: explanation.sentence,
    }
}

fn aside_row(kept: &Aside) -> Row {
    Row {
        source: kept.source.clone(),
        id: kept.id.clone(),
        kind: String::new(),
        outcome: kept.outcome,
        commissions: BTreeMap::new(),
        points: 0,
        position: None,
        at: kept.kept_at,
        sentence: kept.sentence(),
    }
}

fn hold_row(hold: &Hold) -> Row {
    Row {
        source: hold.identity.source.to_string(),
        id: hold.identity.id.to_string(),
        kind: String::new(),
        outcome: Outcome::Held,
        commissions: BTreeMap::new(),
        points: 0,
        position: None,
        at: hold.held_at,
        sentence: hold.sentence(),
    }
}

/// Which event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    source: String,
    id: String,
}

/// An explanation of a judged event, or the row of one that was not.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Explained {
    Judged(Box<Explanation>),
    Aside(Row),
}

pub(crate) async fn explain(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    caller: Caller,
) -> Result<Json<Explained>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let programs = web::programs(&api.store, &caller).await?;
    // What is no identity has no record, and may have been rejected for just that.
    if let (Ok(source), Ok(id)) = (Source::try_from(asked.source.as_str()), EventId::try_from(asked.id.as_str())) {
        let identity = Identity { program: caller.program.clone(), source, id };
        if let Some(record) = store::history::record(&api.store, &identity).await?.filter(|r| r.partner == partner) {
            let version = programs.number(record.version());
            return Ok(Json(Explained::Judged(Box::new(explain_record(&record, version.map(|v| &*v.program))))));
        }
    }
    let found = store::beside::find(&api.store, &caller.program, &partner, (&asked.source, &asked.id)).await?;
    match found {
        Some(Beside::Held(hold)) => Ok(Json(Explained::Aside(hold_row(&hold)))),
        Some(Beside::Kept(kept)) => Ok(Json(Explained::Aside(aside_row(&kept)))),
        None => Err(Problem::not_found()),
    }
}
