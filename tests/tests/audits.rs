//! What an audit finds and a rebuild mends, and what neither must touch; lists that lose nothing.

use std::time::Duration;

use ambient::{Clock, Instant};
use domain::audit::check_account;
use domain::ledger::Outcome::{self, Awarded};
use engine::events::Arrival;
use event::Event;
use jiff::{SignedDuration, Timestamp};
use laurel_tests::body;
use laurel_tests::filled::{engine, northwind, now, program};
use serde_json::{Value, json};
use store::Store;
use store::patience::Patience;

fn sent(kind: &str, id: &str, data: &Value) -> Event {
    Event::parse(&body(kind, "northwind", "hr-software", "/crm/acme", id, data), now()).expect("an event")
}

fn enrolled() -> Event {
    sent("partner.enrolled", "enrolled", &json!({ "name": "Northwind", "motions": ["sell"] }))
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

async fn judge_at(store: &Store, at: Timestamp, event: Event, held_until: Option<Timestamp>) -> Outcome {
    let store = store.under(Clock::standing_at(at));
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let patience = Patience::until(Instant::now() + Duration::from_secs(60));
    let arrival = Arrival { event, held_until };
    engine::events::judge(&store, &programs, &northwind(), &[arrival], patience).await[0].outcome
}

async fn audited(store: &Store, at: Timestamp) -> engine::audit::Audited {
    engine::audit::partner(&store.under(Clock::standing_at(at)), &program(), &northwind(), at).await.expect("audited")
}

/// I10: who was not seen for long is no finding.
#[tokio::test(flavor = "multi_thread")]
async fn a_dormant_partner_is_no_finding() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let registered = json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "Contoso", "expected_acv": { "amount": "1", "currency": "USD" } });
    judge_at(&store, now(), sent("deal.registered", "r", &registered), None).await;
    let fine = audited(&store, now()).await;
    assert_eq!(check_account(&fine.stored, &fine.rebuilt.expect("sound")), Vec::<String>::new());
    let late = now() + days(600);
    let audited = audited(&store, late).await;
    let strays: Vec<String> = audited.strays().collect();
    let found = check_account(&audited.stored, &audited.rebuilt.expect("sound"));
    assert_eq!((found, strays), (Vec::<String>::new(), Vec::<String>::new()));
}

/// I10: and nothing is written of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_of_a_dormant_partner_writes_nothing() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let registered = json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "Contoso", "expected_acv": { "amount": "1", "currency": "USD" } });
    judge_at(&store, now(), sent("deal.registered", "r", &registered), None).await;
    let late = store.under(Clock::standing_at(now() + days(600)));
    let head = async || {
        let account = store::state::begun(&store, &program(), &northwind()).await.expect("a head");
        format!("{:?}", domain::ledger::packed::head(&account))
    };
    let before = head().await;
    let done = engine::rebuild::program(&late, &program(), &[northwind()], |_| ()).await.expect("rebuilt");
    assert_eq!((done.written, head().await), (0, before));
}

/// I10: an item that may be dropped is no finding.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_time_to_live_is_over_is_no_finding() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let registered = |deal: &str| {
        let data = json!({ "deal_id": deal, "opportunity_id": deal, "customer": "C", "expected_acv": { "amount": "1", "currency": "USD" } });
        sent("deal.registered", deal, &data)
    };
    assert_eq!(judge_at(&store, now(), registered("D1"), None).await, Awarded);
    // The quarter is closed: its count leaves the head, as an item with a time to live.
    let later = now() + days(60);
    assert_eq!(judge_at(&store, later, registered("D2"), None).await, Awarded);
    // It is over by a minute (2027-08-13), and another event brings the head to today.
    let late: Timestamp = "2027-08-13T00:01:00Z".parse().expect("an instant");
    judge_at(&store, late, registered("D3"), None).await;
    let audited = audited(&store, late).await;
    let strays: Vec<String> = audited.strays().collect();
    let found = check_account(&audited.stored, &audited.rebuilt.expect("sound"));
    assert_eq!((found, strays), (Vec::<String>::new(), Vec::<String>::new()));
}

/// M27: a lost count of certificates is found and rebuilt.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_count_of_certificates_is_found_and_rebuilt() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    for n in 0..20 {
        let data = json!({ "certification_id": "pro", "person_id": format!("person-{n:0>12}") });
        let text =
            body("certification.granted", "northwind", "hr-software", "/lms/academy", &format!("granted-{n}"), &data);
        judge_at(&store, now(), Event::parse(&text, now()).expect("an event"), None).await;
    }
    let count = async || {
        let (account, _) = store::state::whole(&store, &program(), &northwind()).await.expect("whole");
        (
            account.certificates(now()).expect("read"),
            account.is_certified(&"pro".try_into().expect("id"), None, now()).expect("read"),
        )
    };
    assert_eq!(count().await, (20, true));
    for sort_key in ["certified", "certified#pro"] {
        let key = store::tables::items::state_key("partner#hr-software#northwind", sort_key);
        let delete = store.client().delete_item().table_name(local::STATE_TABLE).set_key(Some(key));
        let old = delete.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld).send().await.expect("deleted");
        assert!(old.attributes.is_some(), "{sort_key} stands in an item of its own");
    }
    assert_eq!(count().await, (0, false));
    let here = audited(&store, now()).await;
    let found = check_account(&here.stored, &here.rebuilt.clone().expect("sound")).len() + here.stray.len();
    let done = engine::rebuild::program(&store, &program(), &[northwind()], |_| ()).await.expect("rebuilt");
    assert_eq!((found > 0, done.written, count().await), (true, 1, (20, true)));
}

/// I10: what does not read is written anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_writes_what_does_not_read() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let key = store::tables::items::state_key("partner#hr-software#northwind", "head");
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let broken = store.client().update_item().table_name(local::STATE_TABLE).set_key(Some(key));
    let broken = broken
        .update_expression("SET b = :b")
        .expression_attribute_values(":b", text("{\"m\":{\"2026-01\":{\"sell\":\"3 ?\"}}}"));
    broken.send().await.expect("broken");
    let done = engine::rebuild::program(&store, &program(), &[northwind()], |_| ()).await;
    assert!(done.is_ok(), "{done:?}");
}

/// C11: a page that the table cuts loses no row.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_page_of_redemptions_loses_no_row() {
    let test = laurel_tests::TestStack::start().await;
    let store = &test.stack.store;
    let recipient = json!({ "note": "x".repeat(15_000) }).to_string();
    for n in 100..200 {
        let item = json!({ "id": format!("0190-{n}"), "partner": "northwind", "reward_id": "starbucks-10", "quantity": 1, "points": 100,
            "status": "reserved", "requested_at": "2026-03-14T12:00:00Z", "updated_at": "2026-03-14T12:00:00Z", "version": 1, "recipient": recipient,
            "lots": [] });
        let mut item: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
            serde_dynamo::to_item(item).expect("an item");
        item.extend(store::tables::items::state_key("partner#hr-software#northwind", &format!("redemption#0190-{n}")));
        store.client().put_item().table_name(local::STATE_TABLE).set_item(Some(item)).send().await.expect("put");
    }
    let api = test.api(Some("northwind"), "hr-software", &["read"]);
    let (mut seen, mut path) = (0, "/v1/partners/northwind/redemptions?limit=500".to_owned());
    loop {
        let (status, page) = api.get(&path).await;
        assert_eq!(status, 200, "{page}");
        seen += page["items"].as_array().expect("items").len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/partners/northwind/redemptions?limit=500&cursor={next}");
    }
    assert_eq!(seen, 100);
}

/// C11: an old conflict is explained.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_conflict_is_explained() {
    let test = laurel_tests::TestStack::start().await;
    let store = &test.stack.store;
    for n in 0..30 {
        let event = sent("deal.reversed", &format!("c{n}"), &json!({ "deal_id": "D1", "reason": "withdrew" }));
        let kept = store::aside::Aside::conflict(
            &event,
            event::MeaningHash::of("another"),
            now() + SignedDuration::from_secs(n),
        );
        let kept = store::aside::Aside { data: Some("x".repeat(60_000)), ..kept };
        store::aside::keep(store, &kept).await.expect("kept");
    }
    let api = test.api(Some("northwind"), "hr-software", &["read"]);
    let mut found = Vec::new();
    for n in [29, 0] {
        found.push(api.get(&format!("/v1/partners/northwind/explanation?source=/crm/acme&id=c{n}")).await.0);
    }
    assert_eq!(found, [200, 200]);
}

/// A record that does not read is named, and keeps nobody else from being rebuilt.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_read_is_named() {
    let (_engine, store) = engine().await;
    judge_at(&store, now(), enrolled(), None).await;
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let update = store.client().update_item().table_name(local::LEDGER_TABLE);
    let update = update.key("k", text("hr-software#/crm/acme#enrolled")).update_expression("SET o = :o");
    update.expression_attribute_values(":o", text("what?")).send().await.expect("broken");
    let done = engine::rebuild::program(&store, &program(), &[northwind()], |_| ()).await.expect("the others go on");
    assert!(done.findings[0].contains("hr-software#/crm/acme#enrolled"), "{:?}", done.findings);
}
