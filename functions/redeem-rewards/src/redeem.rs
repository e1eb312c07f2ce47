//! Redemptions: asked for once per key, cancelled, revealed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ledger::{PostingKind, Record};
use domain::redemption::{Redemption, RedemptionStatus, RedemptionStep, Wish};
use engine::steps::Step;
use event::ids::{PartnerId, RedemptionId, RewardId};
use event::json::Json as Tree;
use event::{Event, Kind, MeaningHash, ReleaseReason, Whole};
use program::Provider;

use web::{Caller, FieldError, Problem, RedemptionView, Scope, media_type, redemption};

use crate::{RedeemRewards, patience};

/// Largest body read, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Most pieces of one redemption: each is a card to be issued in one delivery of the queue.
const QUANTITY_MAX: i64 = 20;

/// What a partner asks for.
struct Request {
    wish: Wish,
    /// Who it is for: personal data, so it is neither in the ledger nor in a hash there.
    recipient: Option<String>,
    hash: MeaningHash,
}

pub(crate) async fn create(
    State(api): State<RedeemRewards>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Redeem)?;
    let key = idempotency_key(&headers)?;
    let request = read_request(&headers, &body)?;
    let event = request_event(&api, &caller, &partner, &key, &request)?;
    let programs = web::programs(&api.store, &caller).await?;
    let ready = match programs.reward(&request.wish.reward_id).map(|reward| reward.provider) {
        Some(Provider::Vouchers) => api.cards.ready(&api.store).await,
        // It is refused below.
        None => Ok(()),
    };
    if let Err(problem) = ready {
        // What was answered before is answered so again, whether or not anything can be opened by now (I7).
        let Some(record) = store::history::record(&api.store, &event.identity).await? else { return Err(problem) };
        return answer_again(&api, &caller, &request, &record).await;
    }
    if store::state::head(&api.store, &caller.program, &partner).await?.is_none() {
        return Err(Problem::not_found());
    }
    let recipient = request.recipient.clone();
    let finish = |redemption: &mut Redemption| redemption.recipient.clone_from(&recipient);
    match engine::steps::take(&api.store, &programs, &event, patience(api.store.clock()), finish).await? {
        Step::Recorded(record) => {
            told(&record);
            Ok(answer(&record, false))
        }
        Step::Existing(record) => answer_again(&api, &caller, &request, &record).await,
        Step::Moot(reason) => Err(Problem::refusal(&reason)),
    }
}

/// The answer that a key had before, if it came with the same request.
async fn answer_again(
    api: &RedeemRewards,
    caller: &Caller,
    request: &Request,
    record: &Record,
) -> Result<Response, Problem> {
    if same_request(api, caller, request, record).await? {
        return Ok(answer(record, true));
    }
    let detail = "this Idempotency-Key came before with another body; use a new key";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", detail))
}

/// Whether a record is of this very request: the same wish, for the same recipient.
async fn same_request(
    api: &RedeemRewards,
    caller: &Caller,
    request: &Request,
    record: &Record,
) -> Result<bool, Problem> {
    if record.hash != request.hash {
        return Ok(false);
    }
    let Some(id) = record.happened().and_then(|kind| kind.redemption_id().cloned()) else { return Ok(true) };
    let made = store::redemptions::one(&api.store, &caller.program, &record.partner, &id).await?;
    Ok(made.is_none_or(|made| made.recipient == request.recipient))
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let bad = |detail| Problem::new(StatusCode::BAD_REQUEST, "idempotency_key", detail);
    let mut keys = headers.get_all("idempotency-key").iter();
    let value = keys
        .next()
        .ok_or_else(|| bad("send an Idempotency-Key: a new one for each redemption, the same one to try again"))?;
    if keys.next().is_some() {
        return Err(bad("there are two Idempotency-Keys; send one"));
    }
    let text =
        value.to_str().ok().filter(|t| !t.is_empty() && t.len() <= 128 && t.bytes().all(|b| b.is_ascii_graphic()));
    text.map(str::to_owned).ok_or_else(|| bad("an Idempotency-Key has 1 to 128 visible ASCII characters"))
}

fn read_request(headers: &HeaderMap, body: &[u8]) -> Result<Request, Problem> {
    let unsupported = |code, detail| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, detail);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("encoded", "send the body as it is, without Content-Encoding"));
    }
    if media_type(headers) != "application/json" {
        return Err(unsupported("wrong_content_type", "send application/json"));
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("send at most {BODY_BYTES_MAX} bytes"),
        ));
    }
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail);
    let text = std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8".to_owned()))?;
    let tree = Tree::parse(text).map_err(|e| bad(e.to_string()))?;
    let Tree::Map(members) = &tree else { return Err(Problem::value("", "not_an_object", "send a JSON object")) };
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, code: &str, detail: &str| {
        faults.push(FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() });
    };
    for unknown in members.keys().filter(|k| !["reward_id", "quantity", "recipient"].contains(&&***k)) {
        let pointer = format!("/{}", unknown.replace('~', "~0").replace('/', "~1"));
        fault(&pointer, "unknown_field", "there is no such field; known: reward_id, quantity, recipient");
    }
    let reward_id = match tree.get("reward_id").and_then(Tree::as_text) {
        None => Err("write the id of a reward as a string".to_owned()),
        Some(id) => RewardId::try_from(id).map_err(|why| format!("the id {why}")),
    };
    if let Err(why) = &reward_id {
        fault("/reward_id", "bad_reward_id", why);
    }
    let quantity = tree.get("quantity").and_then(Tree::as_integer).filter(|q| *q <= QUANTITY_MAX).and_then(Whole::new);
    if quantity.is_none() {
        fault("/quantity", "bad_quantity", &format!("write a whole number from 1 to {QUANTITY_MAX}"));
    }
    let recipient = match tree.get("recipient") {
        None => None,
        Some(recipient @ Tree::Map(_)) => Some(recipient.canonical()),
        Some(_) => {
            fault("/recipient", "bad_recipient", "write an object");
            None
        }
    };
    let (Ok(reward_id), Some(quantity), true) = (reward_id, quantity, faults.is_empty()) else {
        return Err(Problem::values(faults));
    };
    let mut meant = members.clone();
    meant.remove("recipient");
    Ok(Request { wish: Wish { reward_id, quantity }, recipient, hash: MeaningHash::of(&Tree::Map(meant).canonical()) })
}

/// The request as an event of our own. Its identity is the partner's key; its hash is the request's, so that the same key
/// with another body is told apart. Who it is for stays out of the ledger.
fn request_event(
    api: &RedeemRewards,
    caller: &Caller,
    partner: &PartnerId,
    key: &str,
    request: &Request,
) -> Result<Event, Problem> {
    let now = api.store.clock().now();
    let id = api.store.random().uuid_at(now).map_err(store::StoreError::from)?;
    let id = RedemptionId::try_from(id.to_string()).map_err(|_| Problem::unavailable())?;
    let mut event = request.wish.clone().event(&caller.program, partner, key, id, now);
    event.hash = request.hash;
    Ok(event)
}

/// Metrics: redemptions taken, and redemptions refused.
const TAKEN: &str = "redemption.requested";
const REFUSED: &str = "redemption.refused";

fn told(record: &Record) {
    let (correlation_id, partner) = (record.correlation_id(), record.partner.as_str());
    let metric = if record.reason.is_some() { REFUSED } else { TAKEN };
    tracing::info!(correlation_id, partner, step = metric, position = record.position, "a redemption was asked for");
    worker::count(&std::collections::BTreeMap::from([(metric, 1)]));
}

/// The answer to a request, from its record alone: a replay is the first answer byte for byte (I7).
fn answer(record: &Record, replayed: bool) -> Response {
    let mut response = match &record.reason {
        Some(reason) => Problem::refusal(reason).into_response(),
        None => created(record),
    };
    if replayed {
        response
            .headers_mut()
            .insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    response
}

fn created(record: &Record) -> Response {
    let Some(Kind::RedemptionRequested { redemption_id, reward_id, quantity }) = record.happened() else {
        return Problem::unreadable("the record of the request").into_response();
    };
    let reserved = record.postings.iter().filter(|p| p.kind == PostingKind::Reservation);
    let view = RedemptionView {
        id: redemption_id,
        status: RedemptionStatus::Reserved,
        reward_id,
        quantity: quantity.get(),
        points: reserved.map(|p| p.amount).sum(),
        requested_at: record.time,
        updated_at: None,
    };
    (StatusCode::CREATED, Json(view)).into_response()
}

pub(crate) async fn cancel(
    State(api): State<RedeemRewards>,
    Path((id, asked)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Redeem)?;
    let programs = web::programs(&api.store, &caller).await?;
    let found = redemption(&api.store, &caller, &partner, &asked).await?;
    let step = RedemptionStep::Released(ReleaseReason::Cancelled);
    let event = step.event(&caller.program, &partner, &found.id, api.store.clock().now());
    match engine::steps::take(&api.store, &programs, &event, patience(api.store.clock()), |_| ()).await? {
        Step::Recorded(record) => {
            tracing::info!(correlation_id = %found.id, position = record.position, "a redemption was cancelled");
        }
        Step::Existing(_) => {}
        // Where another request released it just now, what was asked for is so.
        Step::Moot(reason) => {
            store::history::record(&api.store, &event.identity).await?.ok_or_else(|| Problem::refusal(&reason))?;
        }
    }
    Ok(Json(RedemptionView::from(redemption(&api.store, &caller, &partner, &found.id).await?)).into_response())
}

pub(crate) async fn reveal(
    State(api): State<RedeemRewards>,
    Path((id, asked)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Redeem)?;
    let found = redemption(&api.store, &caller, &partner, &asked).await?;
    if found.status != RedemptionStatus::Fulfilled {
        let status = found.status.word().to_owned();
        return Err(Problem::refusal(&domain::ledger::Reason::WrongState { status }));
    }
    let codes = api.cards.reveal(&api.store, &caller, &found).await?;
    tracing::info!(correlation_id = %found.id, "cards were revealed");
    let body = serde_json::json!({ "id": found.id, "code": codes.first(), "codes": codes });
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
