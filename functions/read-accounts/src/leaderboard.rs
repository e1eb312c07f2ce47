//! `GET /v1/leaderboard`: partners beside each other, by what a challenge measures (M39).

use axum::Json;
use axum::extract::State;
use domain::decide::{Needs, State as Partner};
use domain::tell::{brought, days_of, is_listed, parts_to_rank};
use event::ids::{Motion, Name, PartnerId};
use event::period::TargetPeriod;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Challenge, Program};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::boards::BoardOf;
use web::{Caller, Problem, Query, Scope};

use crate::ReadAccounts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    metric: Option<String>,
    period: Option<String>,
    motion: Option<String>,
}

/// A leaderboard as the caller sees it.
#[derive(Serialize)]
pub(crate) struct LeaderboardView {
    challenge: Name,
    name: String,
    metric: String,
    motion: Motion,
    period: TargetPeriod,
    from: Date,
    to: Date,
    /// When it was counted; none where that was not done yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    /// Of how many partners.
    of: u64,
    items: Vec<PlaceView>,
    /// The caller itself, as of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    you: Option<YouView>,
}

/// One place of it. Who brought as much shares a place.
#[derive(Serialize)]
struct PlaceView {
    place: u64,
    partner_id: PartnerId,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    value: Decimal,
}

#[derive(Serialize)]
struct YouView {
    value: Decimal,
    /// None of who brought nothing yet, or is far behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u64>,
    /// Whether others see it.
    listed: bool,
}

pub(crate) async fn show(
    State(api): State<ReadAccounts>,
    Query(asked): Query<Asked>,
    caller: Caller,
) -> Result<Json<LeaderboardView>, Problem> {
    caller.may(Scope::Read)?;
    let (programs, now) = (web::programs(&api.store, &caller).await?, api.store.clock().now());
    let program = &programs.current(now).program;
    let (challenge, period) = asked.of(program, now)?;
    let (from, to) = days_of(program, period).ok_or_else(Problem::not_found)?;
    let of = BoardOf::of(challenge, period);
    let counted = store::boards::board(&api.store, &caller.program, &of, challenge.places).await?;
    let you = match caller.own_partner() {
        Ok(partner) => {
            let own = you(&api, &caller, program, &partner, (challenge, period)).await?;
            own.map(|(value, listed)| (partner, value, listed))
        }
        Err(_) => None,
    };
    let board = counted.as_ref().map(|counted| &counted.board);
    let places = board.into_iter().flat_map(|board| board.best());
    let items = places.map(|(place, one)| PlaceView {
        place,
        partner_id: one.partner.clone(),
        name: one.name.clone(),
        value: one.value.0,
    });
    Ok(Json(LeaderboardView {
        challenge: challenge.id.clone(),
        name: challenge.name.clone(),
        metric: challenge.metric.word().to_owned(),
        motion: challenge.motion.clone(),
        period,
        from,
        to,
        as_of: counted.as_ref().map(|counted| counted.as_of),
        of: board.map_or(0, |board| board.of()),
        items: items.collect(),
        you: you.map(|(partner, value, listed)| {
            let place = board.filter(|board| board.of() > 0).and_then(|board| board.place_of(&partner, value));
            YouView { value, place, listed }
        }),
    }))
}

/// What the caller brought itself by now, and whether others see it; `None` of who has no account.
async fn you(
    api: &ReadAccounts,
    caller: &Caller,
    program: &Program,
    partner: &PartnerId,
    (challenge, period): (&Challenge, TargetPeriod),
) -> Result<Option<(Decimal, bool)>, Problem> {
    let mut own = Partner::new(partner.clone());
    *own.account = store::state::begun(&api.store, &caller.program, partner).await?;
    if own.account.head.position == 0 {
        return Ok(None);
    }
    let parts = parts_to_rank(program, &own.account, &[period]);
    store::state::fill(&api.store, &caller.program, &Needs { parts, ..Needs::default() }, &mut own).await?;
    let asked = (challenge.metric, challenge.motion.as_str(), period);
    let value = brought(program, &own.account, asked).map_err(StoreError::from)?;
    Ok(Some((value, is_listed(&own.account))))
}

impl Asked {
    /// The challenge that is asked for, and its period: what is left out is the only one there is, and the period of now.
    fn of<'p>(&self, program: &'p Program, now: Timestamp) -> Result<(&'p Challenge, TargetPeriod), Problem> {
        let period = self.period.as_ref().map(|text| TargetPeriod::try_from(text.clone()));
        let period = period.transpose().map_err(|why| refused("period", why))?;
        let is_it = |one: &&Challenge| {
            self.metric.as_ref().is_none_or(|metric| one.metric.word() == metric)
                && self.motion.as_ref().is_none_or(|motion| *one.motion == **motion)
                && period.is_none_or(|period| period.every() == one.every)
        };
        let mut found = program.challenges.values().filter(is_it);
        let first = found.next();
        let known = || {
            let one =
                |one: &Challenge| format!("metric={} per {} in {}", one.metric.word(), one.every.word(), one.motion);
            let all: Vec<String> = program.challenges.values().map(one).collect();
            if all.is_empty() { "the program has none".to_owned() } else { format!("there is {}", all.join("; ")) }
        };
        let Some(challenge) = first else {
            return Err(refused("metric", format!("no challenge is of that: {}", known())));
        };
        if found.next().is_some() {
            return Err(refused("metric", format!("several challenges are of that: {}", known())));
        }
        let current = || TargetPeriod::of(challenge.every, program.calendar.day(now), &program.calendar);
        let period = period.or_else(|| Some(current()?.0)).ok_or_else(Problem::not_found)?;
        Ok((challenge, period))
    }
}

fn refused(name: &str, why: impl Into<String>) -> Problem {
    Problem::value(&format!("/{name}"), "bad_value", why)
}
