//! What waits: one deadline for ever, an end in the transaction that judges, and nobody who hides another.

use std::time::Duration;

use ambient::{Clock, Instant};
use domain::decide::Awaited;
use domain::ledger::Outcome::{self, Awarded, Conflict, Duplicate, Held, Rejected};
use engine::events::Arrival;
use event::ids::{PartnerId, PersonId, ProgramId};
use event::{Event, MeaningHash};
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

/// Another meaning under the identity of [`reversed`].
fn fraud(deal: &str) -> Event {
    sent("deal.reversed", &format!("{deal}-reversed"), &json!({ "deal_id": deal, "reason": "fraud" }))
}

fn awaits_deal(deal: &str) -> Awaited {
    Awaited::Deal(deal.try_into().expect("a deal"))
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Judges one event at an instant, as one that was held until then or not.
async fn judge_at(store: &Store, at: Timestamp, event: Event, held_until: Option<Timestamp>) -> Outcome {
    let store = store.under(Clock::standing_at(at));
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let patience = Patience::until(Instant::now() + Duration::from_secs(60));
    let arrival = Arrival { event, held_until };
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
    let [(Awaited::Partner(_), first)] = waiting(&store).await[..] else { panic!("it waits for its partner") };
    judge_at(&store, now() + days(1), enrolled(), None).await;
    // Sent again after the enrolment: it waits for the deal now.
    let again = judge_at(&store, now() + days(2), reversed("D1"), Some(first)).await;
    assert_eq!((again, waiting(&store).await), (Held, vec![(awaits_deal("D1"), first)]));
    // The deal was only registered: it waits on.
    let registered = sent(
        "deal.registered",
        "D1-registered",
        &json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "Contoso", "expected_acv": { "amount": "1", "currency": "USD" } }),
    );
    judge_at(&store, now() + days(3), registered, None).await;
    let again = judge_at(&store, now() + days(4), reversed("D1"), Some(first)).await;
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
    let judged = judge_at(&store, now(), reversed("D1"), Some(now() + days(30))).await;
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
    assert_eq!(judge_at(&store, now(), won("D1"), Some(now() + days(30))).await, Duplicate);
    assert_eq!(judge_at(&store, now(), won("D2"), Some(now() + days(30))).await, Conflict);
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
        let pk = format!("held#hr-software#/crm/acme#r{}", deal.trim_start_matches('d'));
        let update = table.update_item().table_name(WAITING_TABLE).key("sk", key("-")).key("pk", key(&pk));
        let update = update.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        update.expression_attribute_values(":v", value).send().await.expect("set");
    };
    set("d0", "awaits", aws_sdk_dynamodb::types::AttributeValue::S("weather".to_owned())).await;
    set("d1049", "seen", aws_sdk_dynamodb::types::AttributeValue::N("99".to_owned())).await;
    test.stack.sweep().await.expect("swept");
    test.worked_off(queues::PARTNER_EVENTS).await;
    let program: ProgramId = "hr-software".try_into().expect("a program");
    let awaits = awaits_deal("d1049");
    let found = store::holds::waiting_for(store, &program, &awaits, 10).await.expect("holds");
    assert_eq!(found.iter().map(|w| w.hold.seen).collect::<Vec<_>>(), [None], "it was asked again");
}

/// A8: the new owner's closing that overtakes the reassignment is awarded when that comes; where none comes, it is refused when its
/// time is over, with a record.
#[tokio::test(flavor = "multi_thread")]
async fn a8_a_closing_that_overtakes_the_reassignment_is_no_refusal() {
    let (_engine, store) = engine().await;
    let northwind_has = |deal: &str| {
        let data = json!({ "deal_id": deal, "opportunity_id": format!("O-{deal}"), "customer": "Contoso", "expected_acv": { "amount": "1", "currency": "USD" } });
        sent("deal.registered", &format!("{deal}-registered"), &data)
    };
    for event in [enrolled(), northwind_has("D1"), northwind_has("D2")] {
        assert!(judge_at(&store, now(), event, None).await.claims_identity());
    }
    let of_fabrikam = |kind: &str, id: &str, data: &Value| {
        Event::parse(&body(kind, "fabrikam", "hr-software", "/crm/acme", id, data), now()).expect("an event")
    };
    let fabrikam: PartnerId = "fabrikam".try_into().expect("a partner");
    let judge = async |at: Timestamp, event: Event, held_until: Option<Timestamp>| {
        let store = store.under(Clock::standing_at(at));
        let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
        let patience = Patience::until(Instant::now() + Duration::from_secs(60));
        let settled =
            engine::events::judge(&store, &programs, &fabrikam, &[Arrival { event, held_until }], patience).await;
        (settled[0].outcome, settled[0].record.as_ref().and_then(|record| record.reason.clone()))
    };
    let enrolled = of_fabrikam("partner.enrolled", "f", &json!({ "name": "Fabrikam", "motions": ["sell"] }));
    judge(now(), enrolled, None).await;
    let won = |deal: &str| {
        let acv = json!({ "amount": "48000.00", "currency": "USD" });
        let data = json!({ "deal_id": deal, "outcome": "won", "acv": acv });
        of_fabrikam("deal.closed", &format!("{deal}-by-fabrikam"), &data)
    };
    for deal in ["D1", "D2"] {
        assert_eq!(judge(now(), won(deal), None).await.0, Held);
    }
    let [(Awaited::Reassignment(_), until), _] = waiting(&store).await[..] else { panic!("they wait for their deals") };
    assert!(until <= now() + days(2), "not for a month");
    let moved = sent("deal.reassigned", "moved", &json!({ "deal_id": "D1", "to_partner": "fabrikam" }));
    assert!(judge_at(&store, now(), moved, None).await.claims_identity());
    assert_eq!(judge(now() + days(1), won("D1"), Some(until)).await.0, Awarded);
    let over = judge(until, won("D2"), Some(until)).await;
    assert_eq!(over, (Outcome::Refused, Some(domain::ledger::Reason::DealOfAnotherPartner)));
    assert_eq!(waiting(&store).await, []);
}

/// I4: one identity waits once: another meaning is a conflict, whatever each of them waits for.
#[tokio::test(flavor = "multi_thread")]
async fn another_meaning_that_waits_for_something_else_is_a_conflict() {
    let (_engine, store) = engine().await;
    let first = reversed("D1");
    assert_eq!(judge_at(&store, now(), first.clone(), None).await, Held);
    judge_at(&store, now(), enrolled(), None).await;
    let other = judge_at(&store, now() + days(1), fraud("D1"), None).await;
    let again = judge_at(&store, now() + days(2), first.clone(), Some(now() + days(30))).await;
    let left: Vec<MeaningHash> =
        holds(&store, Of::Program(&program())).await.into_iter().map(|hold| hold.hash).collect();
    assert_eq!((other, again, left), (Conflict, Held, vec![first.hash]));
}

/// I8: a late message of what ended before ends no other's hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_ends_no_hold_of_another_meaning() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    // Its deadline passes: rejected, "send the event again under the same id". A copy of it is still in the queue.
    let hold = holds(&store, Of::Program(&program())).await.remove(0);
    store::holds::expire(&store, &hold, hold.until).await.expect("ended");
    // The sender corrects it under the same id; a rejection claims nothing.
    let corrected = fraud("D1");
    assert_eq!(judge_at(&store, now() + days(31), corrected.clone(), None).await, Held);
    // The copy.
    let copy = judge_at(&store, now() + days(31), reversed("D1"), Some(now() + days(30))).await;
    let left: Vec<MeaningHash> =
        holds(&store, Of::Program(&program())).await.into_iter().map(|hold| hold.hash).collect();
    assert_eq!((copy, left), (Conflict, vec![corrected.hash]), "what waits is still there");
}

/// I8: a rejected event ends no other's hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_event_ends_no_hold_of_another() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let data = json!({ "content_id": "c", "person_id": "dana", "seconds": 60 });
    let other = sent("content.viewed", "D1-reversed", &data);
    let outcome = judge_at(&store, now(), other, Some(now() + days(30))).await;
    assert_eq!((outcome, holds(&store, Of::Program(&program())).await.len()), (Outcome::Rejected, 1));
}

/// A3, I20: a sweep that looks at an old page ends no hold that was held since.
#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_sweep_ends_no_fresh_hold() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let seen = holds(&store, Of::Program(&program())).await.remove(0);
    store::holds::expire(&store, &seen, seen.until).await.expect("ended");
    // As the rejection says: sent again under the same id.
    let later = seen.until + days(1);
    assert_eq!(judge_at(&store, later, reversed("D1"), None).await, Held);
    let fresh = holds(&store, Of::Program(&program())).await;
    assert!(fresh[0].until > later);
    // The lagging page has the old one still.
    store::holds::expire(&store, &seen, later).await.expect("looked at");
    assert_eq!(holds(&store, Of::Program(&program())).await, fresh, "a hold that has a month left is there");
}

/// A3: a hold that ended while its message was on its way is held no longer than before.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_gets_no_second_deadline() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let hold = holds(&store, Of::Program(&program())).await.remove(0);
    store::holds::expire(&store, &hold, hold.until).await.expect("ended");
    let outcome = judge_at(&store, hold.until, reversed("D1"), Some(hold.until)).await;
    let left: Vec<Timestamp> =
        holds(&store, Of::Program(&program())).await.into_iter().map(|hold| hold.until).collect();
    assert!(left.iter().all(|until| *until <= hold.until), "{outcome:?}: first {}, now {left:?}", hold.until);
}

/// I20: a hold that ends a second time is told a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ends_a_second_time_is_told() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let mut told = Vec::new();
    for round in 0..2 {
        assert_eq!(judge_at(&store, now() + days(40 * round), reversed("D1"), None).await, Held);
        let hold = holds(&store, Of::Program(&program())).await.remove(0);
        store::holds::expire(&store, &hold, hold.until).await.expect("ended");
        let kept = store::aside::list(&store, "hr-software", "rejected", 10).await.expect("kept");
        told.push((kept.len(), kept[0].kept_at, hold.until));
    }
    assert!(told[1].0 == 2 || told[1].1 == told[1].2, "the second end left no trace: {told:?}");
}

/// I4: who says that it was held does not take the place of who was.
#[tokio::test(flavor = "multi_thread")]
async fn who_says_that_it_was_held_swaps_no_person() {
    let (_engine, store) = engine().await;
    let of = |person: &str| {
        let data = json!({ "certification_id": "pro", "person_id": person });
        let text = body("certification.granted", "northwind", "hr-software", "/lms/academy", "granted", &data);
        Event::parse(&text, now()).expect("an event")
    };
    assert_eq!(judge_at(&store, now(), of("person-a"), None).await, Held);
    let outcome = judge_at(&store, now(), of("person-b"), Some(now() + days(30))).await;
    let persons: Vec<PersonId> = holds(&store, Of::Program(&program())).await.remove(0).persons;
    let first: PersonId = "person-a".try_into().expect("a person");
    let (program, partner) = (program(), "northwind".try_into().expect("a partner"));
    let names = store::persons::pseudonyms(&store, &program, &partner, &[first.clone()].into()).await.expect("names");
    assert_eq!((outcome, persons), (Conflict, vec![names[&first].clone()]));
}

/// C8: an id that looks like a hashed one is none.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_looks_like_a_shortened_one() {
    let (_engine, store) = engine().await;
    let long = "x".repeat(120);
    let event = |id: &str, deal: &str| sent("deal.reversed", id, &json!({ "deal_id": deal, "reason": "withdrew" }));
    let crafted = format!("~{}", &event::body_hash(&long)[..32]);
    let first = judge_at(&store, now(), event(&crafted, "D1"), None).await;
    let second = judge_at(&store, now(), event(&long, "D2"), None).await;
    assert_eq!((first, second, holds(&store, Of::Program(&program())).await.len()), (Held, Held, 2));
    let _ = (won("D1"), Duplicate);
}

/// I8, found by the simulation: one meaning waits, another of the same identity is judged, and the deadline comes. What waited was
/// forgotten; it is the conflict that it is, and a repetition of what was judged is none.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_another_meaning_ends_as_a_conflict() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    assert_eq!(judge_at(&store, now(), reversed("D1"), None).await, Held);
    let [hold] = &holds(&store, Of::Program(&program())).await[..] else { panic!("it waits for its deal") };
    let other = sent("partner.reinstated", "D1-reversed", &json!({ "reason": "audit passed" }));
    assert_eq!(judge_at(&store, now(), other, None).await, Outcome::NoRule);
    store::holds::expire(&store, hold, hold.until).await.expect("ended");
    assert_eq!(waiting(&store).await, []);
    let kept = store::aside::list(&store, "hr-software", "conflict", 10).await.expect("conflicts");
    let kept: Vec<_> = kept.iter().map(|one| (one.id.as_str(), one.hash, one.first_hash.is_some())).collect();
    assert_eq!(kept, [("D1-reversed", hold.hash, true)]);
    // Judged by another delivery meanwhile: nothing more to say.
    assert_eq!(judge_at(&store, now(), reversed("D2"), None).await, Held);
    let [same] = &holds(&store, Of::Program(&program())).await[..] else { panic!("it waits for its deal") };
    judge_at(&store, now(), won("D2"), None).await;
    judge_at(&store, now(), reversed("D2"), None).await;
    store::holds::expire(&store, same, same.until).await.expect("ended");
    assert_eq!(store::aside::list(&store, "hr-software", "conflict", 10).await.expect("conflicts").len(), 1);
}
