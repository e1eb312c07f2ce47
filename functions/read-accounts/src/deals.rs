//! `GET .../deals/{deal_id}`: how a partner's deal stands: its place, its lease, its price protection (M31-M33, M37).

use axum::Json;
use axum::extract::{Path, State};
use domain::deal::{Deal, Opportunity};
use domain::decide::{Named, State as Partner};
use event::ids::{DealId, Motion, OpportunityId};
use event::money::Money;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use web::{Caller, Nothing, Problem, Query, Scope};

use crate::ReadAccounts;

/// A deal as the API shows it.
#[derive(Serialize)]
pub(crate) struct DealView {
    deal_id: DealId,
    #[serde(skip_serializing_if = "Option::is_none")]
    opportunity_id: Option<OpportunityId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    motion: Option<Motion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    price_protected: bool,
    /// The first day on which others may register its opportunity; none if that is not the partner's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive_until: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_tender: Option<TenderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualified_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_invoice_paid_at: Option<Timestamp>,
}

/// How many bid for a public tender, and how many it asks for.
#[derive(Serialize)]
struct TenderView {
    bidders: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<u32>,
    won_by_another: bool,
}

#[derive(Serialize)]
struct ClosedView {
    at: Timestamp,
    won: bool,
    /// What it is worth a year now, as amended and reversed.
    #[serde(skip_serializing_if = "Option::is_none")]
    acv: Option<Money>,
    reversed: bool,
}

pub(crate) async fn show(
    State(api): State<ReadAccounts>,
    Path((id, deal)): Path<(String, String)>,
    Query(Nothing {}): Query<Nothing>,
    caller: Caller,
) -> Result<Json<DealView>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let deal_id = DealId::try_from(deal.as_str()).map_err(|_| Problem::not_found())?;
    let (programs, now) = (web::programs(&api.store, &caller).await?, api.store.clock().now());
    let mut state = Partner::new(partner.clone());
    let named = Named { deals: [deal_id.clone()].into(), ..Named::default() };
    store::state::fill_named(&api.store, &caller.program, &named, &mut state).await?;
    let deal = state.deals.get(&deal_id).cloned().flatten().filter(|deal| deal.owner == partner);
    let deal = deal.ok_or_else(Problem::not_found)?;
    if let Some(opportunity) = &deal.opportunity {
        let named = Named { opportunities: [opportunity.clone()].into(), ..Named::default() };
        store::state::fill_named(&api.store, &caller.program, &named, &mut state).await?;
    }
    let opportunity = deal.opportunity.as_ref().and_then(|id| state.opportunities.get(id)?.as_ref());
    let program = &programs.current(now).program;
    let asks = program.registration.bidders;
    Ok(Json(view(deal_id, &deal, opportunity, (program.calendar.day(now), asks))))
}

fn view(
    deal_id: DealId,
    deal: &Deal,
    opportunity: Option<&Opportunity>,
    (today, asks): (Date, Option<u32>),
) -> DealView {
    let own = opportunity.filter(|taken| taken.deal == deal_id && !taken.tender && taken.until > today);
    let bidders = opportunity.map_or(0, |taken| taken.registrants.len());
    let won_by_another = opportunity.is_some_and(|taken| !taken.won.is_empty() && !taken.won.contains(&deal.owner));
    let closed = deal.closed.as_ref().map(|closed| ClosedView {
        at: closed.at,
        won: closed.won,
        acv: closed.acv.and_then(|acv| Money::parse(&deal.effective_acv().to_string(), acv.currency()).ok()),
        reversed: deal.is_void(),
    });
    DealView {
        deal_id,
        opportunity_id: deal.opportunity.clone(),
        customer: deal.customer.clone(),
        motion: deal.motion.clone(),
        registered_at: deal.registered,
        place: Some(deal.place).filter(|place| *place > 0),
        price_protected: deal.price_protected,
        exclusive_until: own.map(|taken| taken.until),
        public_tender: deal.tender.then_some(TenderView { bidders, asks, won_by_another }),
        qualified_at: deal.qualified,
        closed,
        first_invoice_paid_at: deal.invoiced,
    }
}
