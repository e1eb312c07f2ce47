//! `GET /v1/partners/{partner_id}/statement`: every posting, newest first, as JSON or CSV.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ledger::{Asset, Balance, Bucket, Posting, PostingKind, Record};
use domain::tell::{Added, Amount, Commissions, Sum, csv_field};
use event::ids::{PartnerId, RuleId};
use jiff::Timestamp;
use jiff::civil::Date;
use program::Programs;
use serde::Serialize;

use web::{Caller, PageQuery, Problem, Query, Scope, cursor};

use crate::ReadAccounts;
use crate::partner::current_account;

/// Most records that one page is read from: of a partner to whom much happens and little moves, a page has fewer lines than were
/// asked for, or none, and the next one goes on.
const RECORDS_MAX: usize = 1_000;

/// One line of a statement.
#[derive(Serialize)]
pub(crate) struct StatementLine {
    position: u64,
    at: Timestamp,
    booked: Date,
    kind: PostingKind,
    /// What it means, in words.
    words: String,
    /// What it is about, as `deal D-17`.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    /// What the line adds to the partner's total.
    #[serde(flatten)]
    added: Added,
    /// What moved: `points`, or a currency.
    asset: Asset,
    /// How much of it.
    amount: Amount,
    from: Bucket,
    to: Bucket,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrects: Option<u64>,
    source: String,
    id: String,
    #[serde(rename = "type")]
    event: String,
    program_version: u32,
    balance: Balance,
}

#[derive(Serialize)]
struct Statement {
    items: Vec<StatementLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lines of a partner's history, newest first, and where the next page begins.
async fn page_of(
    api: &ReadAccounts,
    (caller, partner): (&Caller, &PartnerId),
    (list, page): (&str, &PageQuery),
    wanted: fn(&Record, Asset) -> bool,
) -> Result<(Vec<StatementLine>, Option<String>), Problem> {
    let programs = web::programs(&api.store, caller).await?;
    let before = page.cursor.as_ref().map(|c| cursor::read(list, &caller.program, partner, c)).transpose()?;
    let mut before = before.and_then(|place| place.parse().ok());
    let limit = page.limit()?;
    let mut items = Vec::new();
    // Records without a movement have no line: a page goes on until it has lines, has read so many records, or the history ends.
    let (mut read, mut at_once) = (0, limit);
    loop {
        at_once = at_once.min(RECORDS_MAX - read);
        let records = store::history::page(&api.store, &caller.program, partner, before, at_once).await?;
        before = records.next;
        read += records.items.len();
        at_once *= 2;
        for record in &records.items {
            items.extend(lines(record, &programs, wanted));
            if items.len() >= limit {
                before = Some(record.position).filter(|position| *position > 1);
                break;
            }
        }
        if items.len() >= limit || read >= RECORDS_MAX || before.is_none() {
            break;
        }
    }
    let next_cursor = before.map(|at| cursor::write(list, &caller.program, partner, &at.to_string()));
    Ok((items, next_cursor))
}

pub(crate) async fn show(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let (items, next_cursor) = page_of(&api, (&caller, &partner), ("statement", &page), |_, _| true).await?;
    let mut response = match web::preferred(&headers, &["application/json", "text/csv"]) {
        1 => csv(&items, next_cursor),
        _ => Json(Statement { items, next_cursor }).into_response(),
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(response)
}

/// What a partner has of commissions, and each movement of them.
#[derive(Serialize)]
pub(crate) struct CommissionsView {
    balances: BTreeMap<&'static str, Commissions>,
    items: Vec<StatementLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /v1/partners/{partner_id}/commissions`: what is accrued, payable, in a payout and owed in each currency, and every movement
/// with its deal, rule and reason (M01-M07).
pub(crate) async fn commissions(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
    caller: Caller,
) -> Result<Json<CommissionsView>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let (programs, now) = (web::programs(&api.store, &caller).await?, api.store.clock().now());
    let account = current_account(&api, &programs, &caller, &partner, now).await?;
    let is_money = |_: &Record, asset: Asset| !asset.is_points();
    let (items, next_cursor) = page_of(&api, (&caller, &partner), ("commissions", &page), is_money).await?;
    Ok(Json(CommissionsView { balances: domain::tell::commissions(&account), items, next_cursor }))
}

/// What is on its way to a partner, and each movement of payouts.
#[derive(Serialize)]
pub(crate) struct PayoutsView {
    open: Vec<OpenPayout>,
    items: Vec<StatementLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A payout that is on its way.
#[derive(Serialize)]
struct OpenPayout {
    payout_id: String,
    amount: Sum,
}

/// `GET /v1/partners/{partner_id}/payouts`: what is on its way, and every step of every payout (M10).
pub(crate) async fn payouts(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
    caller: Caller,
) -> Result<Json<PayoutsView>, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let (programs, now) = (web::programs(&api.store, &caller).await?, api.store.clock().now());
    let account = current_account(&api, &programs, &caller, &partner, now).await?;
    let is_step = |record: &Record, _: Asset| record.kind.starts_with("payout.");
    let (items, next_cursor) = page_of(&api, (&caller, &partner), ("payouts", &page), is_step).await?;
    let open = domain::tell::payouts(&account).into_iter();
    let open = open.map(|(id, amount)| OpenPayout { payout_id: id.to_string(), amount }).collect();
    Ok(Json(PayoutsView { open, items, next_cursor }))
}

/// The lines of one record about the assets that are wanted, the last movement first.
fn lines<'a>(
    record: &'a Record,
    programs: &'a Programs,
    wanted: fn(&Record, Asset) -> bool,
) -> impl Iterator<Item = StatementLine> + 'a {
    let program = programs.number(record.version()).map(|v| v.program.clone());
    let postings = record.postings.iter().rev().filter(move |posting| wanted(record, posting.asset));
    postings.map(move |posting: &Posting| StatementLine {
        position: record.position,
        at: record.decided_at,
        booked: record.booked,
        kind: posting.kind,
        words: domain::tell::movement(record, posting, program.as_deref()),
        about: domain::tell::about(record),
        added: Added::by(posting),
        asset: posting.asset,
        amount: Amount::of(posting),
        from: posting.from,
        to: posting.to,
        rule: posting.rule.clone(),
        why: posting.rule.as_ref().and_then(|id| program.as_ref()?.rules.get(id)?.why.clone()),
        corrects: posting.corrects,
        source: record.identity.source.to_string(),
        id: record.identity.id.to_string(),
        event: record.kind.to_string(),
        program_version: record.version(),
        balance: record.after,
    })
}

fn csv(lines: &[StatementLine], next_cursor: Option<String>) -> Response {
    let mut text = "position,at,booked,kind,points,money,asset,amount,from,to,rule,source,id,type,program_version,available,pending,reserved,owed,about,words\r\n".to_owned();
    for line in lines {
        let kind = serde_json::to_value(line.kind).unwrap_or_default();
        let b = line.balance;
        let money = line.added.money.as_ref().map(|sum| sum.amount.clone()).unwrap_or_default();
        let fields = [
            line.position.to_string(),
            line.at.to_string(),
            line.booked.to_string(),
            kind.as_str().unwrap_or_default().to_owned(),
            line.added.points.to_string(),
            money,
            line.asset.to_string(),
            match &line.amount {
                Amount::Points(points) => points.to_string(),
                Amount::Money(amount) => amount.clone(),
            },
            line.from.to_string(),
            line.to.to_string(),
            line.rule.as_ref().map(ToString::to_string).unwrap_or_default(),
            line.source.clone(),
            line.id.clone(),
            line.event.clone(),
            line.program_version.to_string(),
            b.available.to_string(),
            b.pending.to_string(),
            b.reserved.to_string(),
            b.owed.to_string(),
            line.about.clone().unwrap_or_default(),
            line.words.clone(),
        ];
        text.push_str(&fields.map(|f| csv_field(&f)).join(","));
        text.push_str("\r\n");
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Some(next) = next_cursor.and_then(|c| header::HeaderValue::try_from(c).ok()) {
        headers.insert("next-cursor", next);
    }
    (StatusCode::OK, headers, text).into_response()
}
