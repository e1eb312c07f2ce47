//! What waits: one deadline for ever, an end in the transaction that judges, and nobody who hides another.

use std::time::Duration;

use ambient::{Clock, Instant};
use domain::decide::Awaited;
use domain::ledger::Outcome::{self, Awarded, Conflict, Duplicate, Held, Rejected};
use engine::events::Arrival;
use event::Event;
use event::ids::{PartnerId, ProgramId};
use jiff::{SignedDuration, Timestamp};
use laurel_tests::filled::{engine, northwind, now, program};
use laurel_tests::{TestStack, body};
use local::{WAITING_TABLE, queues};
use serde_json::{Value, json};
use store::Store;
use store::holds::{Hold, Of};
use store::patience::Patience;

fn sent(kind: &str, id: &str, data: &Value) -> Event {
    Event::parse(&body(kind, "northwind", "hr-software", "/crm/acme", id, data), now()).expect("an event")
}

fn enrolled() -> Event {
    sent("partner.enrolled", "enrolled", &json!({ "name": "Northwind", "motions": ["sell"] }))
}

fn won(deal: &str) -> Event {
    let acv = json!({ "amount": "48000.00", "currency": "USD" });
    sent("deal.closed", &format!("{deal}-won"), &json!({ "deal_id": deal, "outcome": "won", "acv": acv }))
}

fn reversed(deal: &str) -> Event {
    sent("deal.reversed", &format!("{deal}-reversed"), &json!({ "deal_id": deal, "reason": "withdrew" }))
}

fn awaits_deal(deal: &str) -> Awaited {
    Awaited::Deal(deal.try_into().expect("a deal"))
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Judges one event at an instant, as one that was held for something or not.
async fn judge_at(store: &Store, at: Timestamp, event: Event, held_for: Option<Awaited>) -> Outcome {
    let store = store.under(Clock::standing_at(at));
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let patience = Patience::until(Instant::now() + Duration::from_secs(60));
    let arrival = Arrival { event, held_for };
    engine::events::judge(&store, &programs, &northwind(), &[arrival], patience).await[0].outcome
}

async fn holds(store: &Store, of: Of<'_>) -> Vec<Hold> {
    let page = store::holds::page(store, of, None).await.expect("holds");
    page.items.into_iter().collect::<Result<_, _>>().expect("every hold reads")
}

/// What waits, and until when.
async fn waiting(store: &Store) -> Vec<(Awaited, Timestamp)> {
    let holds = holds(store, Of::Program(&program())).await;
    holds.into_iter().map(|hold| (hold.awaits, hold.until)).collect()
}

/// A3: what it waits for changes, when it stops waiting does not; and it is one hold all the way.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_its_first_deadline() {
    let (_engine, store) = engine().await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let [(Awaited::Partner, first)] = waiting(&store).await[..] else { panic!("it waits for its partner") };
    judge_at(&store, now() + days(1), enrolled(), None).await;
    // Sent again after the enrolment: it waits for the deal now.
    let again = judge_at(&store, now() + days(2), reversed("D1"), Some(Awaited::Partner)).await;
    assert_eq!((again, waiting(&store).await), (Held, vec![(awaits_deal("D1"), first)]));
    // The deal was only registered: it waits on.
    let registered = sent(
        "deal.registered",
        "D1-registered",
        &json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "Contoso", "expected_acv": { "amount": "1", "currency": "USD" } }),
    );
    judge_at(&store, now() + days(3), registered, None).await;
    let again = judge_at(&store, now() + days(4), reversed("D1"), Some(awaits_deal("D1"))).await;
    assert_eq!((again, waiting(&store).await), (Held, vec![(awaits_deal("D1"), first)]));
}

/// A3: the hold is there until the transaction that judges its event, and gone with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_in_the_transaction_that_judges() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    assert_eq!(judge_at(&store, now(), won("D1"), None).await, Awarded);
    assert_eq!(waiting(&store).await.len(), 1, "sending an event again ends nothing");
    let judged = judge_at(&store, now(), reversed("D1"), Some(awaits_deal("D1"))).await;
    assert!(judged.claims_identity(), "{judged:?}");
    assert_eq!(waiting(&store).await, []);
}

/// Judged once by another way, the hold of an event ends when it is sent again: as a duplicate, a conflict or a rejection.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_of_a_judged_event_ends() {
    let (_engine, store) = engine().await;
    for deal in ["D1", "D2"] {
        assert_eq!(judge_at(&store, now(), won(deal), None).await, Held);
    }
    judge_at(&store, now(), enrolled(), None).await;
    // The sender's own repetition comes first.
    assert_eq!(judge_at(&store, now(), won("D1"), None).await, Awarded);
    let other = json!({ "deal_id": "D2", "outcome": "won", "acv": { "amount": "7", "currency": "USD" } });
    assert_eq!(judge_at(&store, now(), sent("deal.closed", "D2-won", &other), None).await, Awarded);
    assert_eq!(waiting(&store).await.len(), 2);
    assert_eq!(judge_at(&store, now(), won("D1"), Some(Awaited::Partner)).await, Duplicate);
    assert_eq!(judge_at(&store, now(), won("D2"), Some(Awaited::Partner)).await, Conflict);
    assert_eq!(waiting(&store).await, []);
}

/// I4: another meaning under the identity of an event that waits is a conflict, and the first one waits on.
#[tokio::test(flavor = "multi_thread")]
async fn another_meaning_does_not_take_the_place_of_what_waits() {
    let (_engine, store) = engine().await;
    let other = sent("deal.reversed", "D1-reversed", &json!({ "deal_id": "D1", "reason": "fraud" }));
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let first = waiting(&store).await;
    assert_eq!(judge_at(&store, now() + days(1), other, None).await, Conflict);
    assert_eq!(judge_at(&store, now() + days(2), reversed("D1"), None).await, Held);
    assert_eq!(waiting(&store).await, first);
}

/// I20: a hold past its deadline is one rejection, kept; if its event was judged meanwhile, there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_past_its_deadline_is_rejected_once() {
    let (_engine, store) = engine().await;
    for deal in ["D1", "D2"] {
        judge_at(&store, now(), won(deal), None).await;
    }
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), won("D2"), None).await, Awarded);
    let late = now() + days(31);
    for hold in holds(&store, Of::Program(&program())).await {
        for _ in 0..2 {
            store::holds::expire(&store, &hold, late).await.expect("ended");
        }
    }
    assert_eq!(waiting(&store).await, []);
    let kept = store::aside::list(&store, "hr-software", "rejected", 10).await.expect("kept");
    assert_eq!(kept.iter().map(|k| (k.id.as_str(), k.outcome)).collect::<Vec<_>>(), [("D1-won", Rejected)]);
}

/// A1: an event of a program that nobody published is listed, whatever its program is called, and ends at its deadline.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_unknown_program_is_found() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let store = &test.stack.store;
    test.send(&[body(
        "partner.enrolled",
        "p",
        "hr-sofware",
        "/crm/acme",
        "e",
        &json!({ "name": "p", "motions": ["sell"] }),
    )])
    .await;
    let held = holds(store, Of::Unknown).await;
    assert_eq!(held.iter().map(|h| h.identity.program.as_str()).collect::<Vec<_>>(), ["hr-sofware"]);
    let table = test.stack.clients.dynamodb();
    let item = table.scan().table_name(WAITING_TABLE).send().await.expect("items").items.unwrap_or_default();
    let set =
        table.update_item().table_name(WAITING_TABLE).key("pk", item[0]["pk"].clone()).key("sk", item[0]["sk"].clone());
    let past = aws_sdk_dynamodb::types::AttributeValue::S("2025-01-01T00:00:00Z".to_owned());
    let set = set.update_expression("SET #u = :p").expression_attribute_names("#u", "until");
    set.expression_attribute_values(":p", past).send().await.expect("set");
    test.stack.sweep().await.expect("swept");
    assert_eq!(holds(store, Of::Unknown).await, []);
    let kept = store::aside::list(store, "hr-sofware", "rejected", 10).await.expect("kept");
    assert_eq!(kept.len(), 1, "{kept:?}");
}

/// A2, A4: more than a thousand events that wait, and one hold that does not read, hide nobody from the sweep.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_finds_what_stands_behind_a_thousand_others() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let store = &test.stack.store;
    let reversed = |n: usize| {
        let data = json!({ "deal_id": format!("d{n}"), "reason": "x" });
        body("deal.reversed", "p", "hr-software", "/crm/acme", &format!("r{n}"), &data)
    };
    let enrolled = json!({ "name": "p", "motions": ["sell"] });
    test.send(&[body("partner.enrolled", "p", "hr-software", "/crm/acme", "e", &enrolled)]).await;
    test.send(&(0..1_050).map(reversed).collect::<Vec<_>>()).await;
    // One does not read; of another the deal has moved and nobody was told.
    let table = test.stack.clients.dynamodb();
    let set = async |deal: &str, name: &str, value: aws_sdk_dynamodb::types::AttributeValue| {
        let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        let sk = format!("/crm/acme#r{}", deal.trim_start_matches('d'));
        let update = table.update_item().table_name(WAITING_TABLE).key("sk", key(&sk));
        let update = update.key("pk", key(&format!("held#hr-software#deal#{deal}")));
        let update = update.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        update.expression_attribute_values(":v", value).send().await.expect("set");
    };
    set("d0", "awaits", aws_sdk_dynamodb::types::AttributeValue::S("weather".to_owned())).await;
    set("d1049", "seen", aws_sdk_dynamodb::types::AttributeValue::N("99".to_owned())).await;
    test.stack.sweep().await.expect("swept");
    test.worked_off(queues::PARTNER_EVENTS).await;
    let program: ProgramId = "hr-software".try_into().expect("a program");
    let partner: PartnerId = "p".try_into().expect("a partner");
    let awaits = awaits_deal("d1049");
    let found = store::holds::waiting_for(store, &program, &partner, &awaits, 10).await.expect("holds");
    assert_eq!(found.iter().map(|w| w.hold.seen).collect::<Vec<_>>(), [None], "it was asked again");
}
