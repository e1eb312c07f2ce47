//! Tables with one of every kind of item, at an instant that stands still.

use std::time::Duration;

use ambient::{Clock, Instant, Random};
use domain::redemption::Wish;
use event::ids::{PartnerId, ProgramId};
use event::{Event, Rejection, Whole};
use jiff::Timestamp;
use local::Aws;
use serde_json::{Value, json};
use store::{Store, aside::Aside, aside::Quarantined, patience::Patience, tables::create_tables};

use crate::body;

const HR: &str = include_str!("../corpus/programs/hr-software.toml");

/// The program.
///
/// # Panics
/// Never: it is in good form.
pub fn program() -> ProgramId {
    "hr-software".try_into().expect("a program")
}

/// The partner.
///
/// # Panics
/// Never: it is in good form.
pub fn northwind() -> PartnerId {
    "northwind".try_into().expect("a partner")
}

/// The instant.
///
/// # Panics
/// Never: it is in good form.
pub fn now() -> Timestamp {
    "2026-03-14T12:00:00Z".parse().expect("an instant")
}

fn patience() -> Patience {
    Patience::until(Instant::now() + Duration::from_secs(60))
}

fn sent(kind: &str, id: &str, data: &Value) -> Event {
    let source = if kind.starts_with('c') { "/lms/academy" } else { "/crm/acme" };
    Event::parse(&body(kind, "northwind", "hr-software", source, id, data), now()).expect("an event")
}

/// A table engine with our tables, and nobody who works on them.
///
/// # Panics
/// If the engine does not answer.
pub async fn engine() -> (Aws, Store) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (clock, random) = (Clock::standing_at(now()), Random::seeded(1));
    let engine = Aws::start(listener, None, clock.clone(), random.clone()).await.expect("an engine");
    let store = local::open_store(&worker::Clients::local(&engine.endpoint()), clock, random);
    create_tables(&store).await.expect("tables");
    store::programs::publish(&store, HR, "2020-01-01T00:00:00Z".parse().ok(), "somebody").await.expect("published");
    (engine, store)
}

/// Another event of the partner.
///
/// # Panics
/// If it is in bad form, or the engine does not answer.
pub async fn also(store: &Store, kind: &str, id: &str, data: &Value) {
    judge(store, sent(kind, id, data)).await;
}

async fn judge(store: &Store, mut event: Event) {
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let persons = event.persons().into_iter().collect();
    event.pseudonymise(&store::persons::pseudonyms(store, &program(), &northwind(), &persons).await.expect("names"));
    engine::events::judge(store, &programs, &northwind(), &[event.into()], patience()).await;
}

async fn redeem(store: &Store) {
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let wish = Wish { reward_id: "starbucks-10".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
    let event = wish.event(&program(), &northwind(), "order-1", "0190-card".try_into().expect("an id"), now());
    let finish = |redemption: &mut domain::redemption::Redemption| {
        redemption.recipient = Some(r#"{"email":"dana@example.com"}"#.to_owned());
    };
    engine::steps::take(store, &programs, &event, patience(), finish).await.expect("decided");
}

/// One of every kind of item.
///
/// # Panics
/// If the engine does not answer.
pub async fn fill(store: &Store) {
    let money = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    let enrolled =
        json!({ "name": "Northwind", "motions": ["sell"], "territory": "US", "agreement_version": "2026-1" });
    judge(store, sent("partner.enrolled", "enrolled", &enrolled)).await;
    let lines = json!([{ "revenue_type": "subscription", "amount": money("48000.00") }, { "revenue_type": "services", "amount": money("500") }]);
    for event in [
        sent("course.completed", "course", &json!({ "course_id": "sales-101", "level": 101, "person_id": "dana" })),
        sent(
            "certification.granted",
            "granted",
            &json!({ "certification_id": "pro", "person_id": "dana", "valid_until": "2027-01-01T00:00:00Z" }),
        ),
        sent(
            "deal.registered",
            "registered",
            &json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "Contoso", "expected_acv": money("40000") }),
        ),
        sent(
            "deal.closed",
            "won",
            &json!({ "deal_id": "D1", "outcome": "won", "acv": money("48000.00"), "tenor_months": 36, "motion": "sell", "lines": lines }),
        ),
        sent("deal.reversed", "too-early", &json!({ "deal_id": "D2", "reason": "withdrew" })),
        sent(
            "deal.closed",
            "in-yen",
            &json!({ "deal_id": "D3", "outcome": "won", "acv": { "amount": "48000", "currency": "JPY" } }),
        ),
    ] {
        judge(store, event).await;
    }
    let ring = json!({ "current": "first", "first": "k".repeat(32) }).to_string();
    let sealer = store::cards::Sealer::from_ring(&ring, Random::seeded(2)).expect("a ring");
    let codes = ["CODE-1".to_owned(), "CODE-2".to_owned()];
    store::cards::load(store, &program(), "starbucks-10", &codes, &sealer, |_| ()).await.expect("loaded");
    redeem(store).await;
    let event = sent("deal.closed", "won", &json!({ "deal_id": "D1", "outcome": "won", "acv": money("1") }));
    store::aside::keep(store, &Aside::conflict(&event, event::MeaningHash::of("the first meaning"), now()))
        .await
        .expect("kept");
    let rejection = Rejection::new(event::Code::BadAmount, "data.acv.amount", "write digits");
    store::aside::keep(
        store,
        &Aside::unreadable(
            &["hr-software", "/crm/acme", "bad"].map(str::to_owned),
            Some("northwind"),
            &rejection,
            now(),
        ),
    )
    .await
    .expect("kept");
    let note = Quarantined {
        message_id: "m-1".to_owned(),
        reason: "not JSON".to_owned(),
        offset: Some(0),
        bytes: 4,
        kept_at: now(),
    };
    store::aside::note_quarantined(store, &note).await.expect("noted");
}
