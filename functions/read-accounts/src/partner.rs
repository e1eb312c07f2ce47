//! `GET /v1/partners/{partner_id}`: balance, tiers, progress, gates.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State};
use domain::decide::{Needs, State as Partner, decide, more_parts, parts_to_show, passes};
use domain::ledger::{Account, Asset, FoldError, Membership, never};
use domain::tell::{Onboarded, Scoreboard, Target, onboarded, parts_of_targets, scoreboards, targets};
use event::PartnerFacts;
use event::ids::{Motion, Name, PartnerId};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Gate, Program, Programs};
use serde::Serialize;
use store::StoreError;

use web::{Caller, Nothing, Problem, Query, Scope};

use crate::ReadAccounts;

/// A partner as the API shows it.
#[derive(Serialize)]
pub(crate) struct PartnerView {
    partner_id: PartnerId,
    /// Its name for people, as its latest enrolment says.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    program: String,
    status: Membership,
    balance: BalanceView,
    tiers: BTreeMap<Motion, Scoreboard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<Target>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclusive: Vec<ExclusiveView>,
    gates: Vec<GateView>,
    agreement: Option<String>,
    /// How far it has come that was new (M29).
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding: Option<Onboarded>,
    /// What is stated of it (M47).
    #[serde(skip_serializing_if = "PartnerFacts::is_empty")]
    facts: PartnerFacts,
    /// What persons attest of it (M20).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attested: BTreeMap<Name, Name>,
    as_of: Timestamp,
}

#[derive(Serialize)]
struct BalanceView {
    available: i64,
    pending: i64,
    reserved: i64,
    owed: i64,
    expiring: Vec<Expiring>,
}

/// Points and the first day on which they are gone.
#[derive(Serialize)]
struct Expiring {
    points: i64,
    on: Date,
}

/// A territory or a vertical that is the partner's alone (M23).
#[derive(Serialize)]
struct ExclusiveView {
    /// `territory` or `vertical`.
    of: &'static str,
    name: Name,
    since: Date,
    /// The first day on which it is free again.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
    /// It is lost at the first review as of this day or later, unless it is kept by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_risk: Option<Date>,
}

#[derive(Serialize)]
struct GateView {
    needs: String,
    passed: bool,
}

pub(crate) async fn show(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    caller: Caller,
) -> Result<Json<PartnerView>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let (programs, now) = (web::programs(&api.store, &caller).await?, api.store.clock().now());
    let account = current_account(&api, &programs, &caller, &partner, now).await?;
    let program = &programs.current(now).program;
    let balance = account.balance();
    let lots = account.head.funds(Asset::Points).lots.iter().filter(|(lot, _)| **lot < never());
    let exclusive = account.profile.exclusive.iter().map(|(scope, held)| {
        let (of, name) = scope.parts();
        ExclusiveView { of, name: name.clone(), since: held.since, until: held.until, at_risk: held.warned }
    });
    let exclusive = exclusive.collect();
    let expiring = lots.map(|(lot, points)| Expiring { points: *points, on: lot.plus(1).first_day() }).collect();
    Ok(Json(PartnerView {
        partner_id: partner,
        name: account.profile.facts.as_ref().map(|facts| facts.value.name.clone()).unwrap_or_default(),
        program: caller.program.to_string(),
        status: account.head.membership(),
        balance: BalanceView {
            available: balance.available,
            pending: balance.pending,
            reserved: balance.reserved,
            owed: balance.owed,
            expiring,
        },
        tiers: scoreboards(&programs, &account, now).map_err(StoreError::from)?,
        targets: targets(&programs, &account, now).map_err(StoreError::from)?,
        exclusive,
        gates: gates(program, &account, now).map_err(StoreError::from)?,
        facts: account.profile.facts.as_ref().map(|facts| facts.value.stated.clone()).unwrap_or_default(),
        attested: account.profile.attested.iter().map(|(of, fact)| (of.clone(), fact.value.clone())).collect(),
        agreement: account.profile.agreement.clone().map(|fact| fact.value),
        onboarding: onboarded(&programs, &account, now).filter(|_| program.onboarding.is_some()),
        as_of: now,
    }))
}

/// The account as of now: what is due and not yet recorded is shown as if it were.
pub(crate) async fn current_account(
    api: &ReadAccounts,
    programs: &Programs,
    caller: &Caller,
    partner: &PartnerId,
    now: Timestamp,
) -> Result<Account, Problem> {
    let mut state = Partner::new(partner.clone());
    state.account = Box::new(store::state::begun(&api.store, &caller.program, partner).await?);
    if state.account.head.position == 0 {
        return Err(Problem::not_found());
    }
    let parts = parts_to_show(programs, &state.account, now);
    store::state::fill(&api.store, &caller.program, &Needs { parts, ..Needs::default() }, &mut state).await?;
    let mut parts = more_parts(programs, &state, now);
    parts.extend(parts_of_targets(programs, &state.account, now));
    store::state::fill(&api.store, &caller.program, &Needs { parts, ..Needs::default() }, &mut state).await?;
    let decision = decide(programs, state, &[], now).map_err(StoreError::from)?;
    Ok(*decision.state.account)
}

/// Every gate of the catalogue and of the rules, and whether it is open.
fn gates(program: &Program, account: &Account, now: Timestamp) -> Result<Vec<GateView>, FoldError> {
    let of_rules = program.rules.values().flat_map(|rule| &rule.gates);
    let distinct: BTreeSet<&Gate> = program.rewards.values().flat_map(|reward| &reward.gates).chain(of_rules).collect();
    let listed = distinct.into_iter().filter(|gate| !matches!(gate, Gate::Tier(_)));
    let view =
        |gate: &Gate| passes(program, account, gate, now).map(|passed| GateView { needs: gate.to_string(), passed });
    listed.map(view).collect()
}
