//! What others rely on and nobody should change by accident: stored items, problem bodies, notices.

use std::collections::BTreeMap;
use std::fmt::Write;

use aws_lambda_events::dynamodb::Event as StreamEvent;
use aws_sdk_dynamodb::types::AttributeValue;
use laurel_tests::filled::{engine, fill};
use laurel_tests::{Api, Bus, TestStack, envelope_bodies};
use local::{LEDGER_TABLE, STATE_TABLE, WAITING_TABLE};
use relay_changes::RelayChanges;
use serde_json::{Value, json};
use store::Store;

fn told(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) if text.len() > 2_000 => json!(format!("({} characters)", text.len())),
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(digits) => json!(format!("N {digits}")),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::B(bytes) => json!(format!("{} bytes", bytes.as_ref().len())),
        AttributeValue::L(list) => list.iter().map(told).collect(),
        AttributeValue::M(map) => {
            let sorted: BTreeMap<&String, &AttributeValue> = map.iter().collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), told(value))).collect()
        }
        other => panic!("an attribute of another type: {other:?}"),
    }
}

/// Every item of the tables, in the order of their keys.
async fn items(store: &Store) -> String {
    let mut text = String::new();
    for table in [LEDGER_TABLE, STATE_TABLE, WAITING_TABLE] {
        writeln!(text, "{table}").expect("text");
        let found = store.client().scan().table_name(table).send().await.expect("items").items.unwrap_or_default();
        let mut rows: Vec<String> = found.into_iter().map(|item| told(&AttributeValue::M(item)).to_string()).collect();
        rows.sort();
        for row in rows {
            writeln!(text, "  {row}").expect("text");
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_items() {
    let (_engine, store) = engine().await;
    fill(&store).await;
    insta::assert_snapshot!(items(&store).await);
}

/// An attribute in DynamoDB's own JSON.
fn in_dynamodb_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(in_dynamodb_json).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(name, value)| (name, in_dynamodb_json(value))).collect();
            json!({ "M": sorted })
        }
        other => panic!("an attribute of another type: {other:?}"),
    }
}

/// `events/functions/relay-changes.json`: a record, something kept beside, and an item that somebody removed.
#[tokio::test(flavor = "multi_thread")]
async fn the_sample_of_the_stream_holds_items_as_they_are() {
    const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/functions/relay-changes.json");
    let (_engine, store) = engine().await;
    fill(&store).await;
    let found = store.client().scan().table_name(LEDGER_TABLE).send().await.expect("items").items.unwrap_or_default();
    let with = |name: &str, text: &str| {
        found.iter().find(|item| item.get(name).and_then(|v| v.as_s().ok()).is_some_and(|s| s.starts_with(text)))
    };
    let (record, conflict) = (with("y", "deal.closed").expect("a record"), with("k", "conflict#").expect("a conflict"));
    let changes = [("INSERT", record), ("INSERT", conflict), ("REMOVE", conflict)];
    let records = changes.iter().zip(1..).map(|((name, item), at)| {
        let key = in_dynamodb_json(&item["k"]);
        let mut change = json!({
            "ApproximateCreationDateTime": 1_773_480_600.0, "Keys": { "k": key }, "SizeBytes": 1_000,
            "SequenceNumber": (100_000_000_000_000_000_000_u128 + at).to_string(), "StreamViewType": "NEW_IMAGE",
        });
        if *name == "INSERT" {
            change["NewImage"] = in_dynamodb_json(&AttributeValue::M((*item).clone()))["M"].clone();
        }
        json!({
            "eventID": format!("{at:032}"), "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1", "dynamodb": change,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/laurel.ledger/stream/2026-01-01T00:00:00.000",
        })
    });
    let sample = json!({ "Records": records.collect::<Vec<_>>() });
    let text = serde_json::to_string_pretty(&sample).expect("JSON") + "\n";
    if std::env::var("LAUREL_EVENTS").is_ok_and(|mode| mode == "write") {
        std::fs::write(SAMPLE, &text).expect("written");
    }
    assert_eq!(std::fs::read_to_string(SAMPLE).expect("the sample"), text, "write it with LAUREL_EVENTS=write");
}

/// Everything that the corpus of this story tells the bus.
#[tokio::test(flavor = "multi_thread")]
async fn notices() {
    let mut told_so_far = String::new();
    for history in ["hr-year", "perx-years", "debts", "money"] {
        let folder = format!("{}/corpus/{history}/history.jsonl", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(folder).expect("a history");
        let world = replay::history::world(&lines, format!("{}/corpus/programs", env!("CARGO_MANIFEST_DIR")).as_ref());
        let bus = Bus::that_takes(usize::MAX);
        let clients = bus.clients();
        let queue = |name: &str| worker::Queue::new(clients.sqs(), &format!("http://127.0.0.1/0/{name}"));
        let relay = RelayChanges::new(
            local::open_store(&clients, ambient::Clock::system(), ambient::Random::system()),
            queue("partner-events"),
            queue("redemptions"),
            queue("partner-reviews"),
            Some((clients.eventbridge(), "bus".to_owned())),
        );
        let mut seen = BTreeMap::new();
        for record in &world.records {
            let mut batch = StreamEvent::default();
            let image = serde_dynamo::to_item::<_, serde_dynamo::Item>(record).expect("an item");
            let change = json!({ "eventID": "1", "eventName": "INSERT", "awsRegion": "local", "dynamodb": { "NewImage": image, "Keys": {}, "SizeBytes": 1 } });
            batch.records = vec![serde_json::from_value(change).expect("a change")];
            assert!(relay.handle(batch).await.batch_item_failures.is_empty());
            for entry in bus.told() {
                // One of each kind and reason is enough to see its form.
                let detail: Value = serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON");
                let kind = entry["DetailType"].as_str().expect("a type").to_owned();
                seen.entry((kind, detail["reason"]["code"].to_string())).or_insert(detail);
            }
        }
        writeln!(told_so_far, "{history}").expect("text");
        for ((kind, _), detail) in seen {
            writeln!(told_so_far, "  {kind} {detail}").expect("text");
        }
    }
    insta::assert_snapshot!(told_so_far);
}

async fn problem(text: &mut String, what: &str, request: reqwest::RequestBuilder) {
    let reply = request.send().await.expect("an answer");
    let (status, kind) = (reply.status().as_u16(), reply.headers().get("content-type").cloned());
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or("-").to_owned();
    let body = reply.text().await.expect("text");
    writeln!(text, "{what}\n  {status} {kind}\n  {body}").expect("text");
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_bodies() {
    let test = TestStack::start().await;
    let api = test.api(Some("partner-17"), "hr-software", &["read", "redeem"]);
    let ingest = test.api(None, "hr-software", &["ingest"]);
    let reader = test.api(Some("partner-17"), "hr-software", &["read"]);
    test.send(&envelope_bodies("partner.enrolled")).await;
    let redemptions = "/v1/partners/partner-17/redemptions";
    let ask = |key: &str, body: &str| {
        api.request("POST", redemptions)
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let post = |body: &str, kind: &str| {
        ingest.request("POST", "/v1/events").header("content-type", kind).body(body.to_owned())
    };
    let good = r#"{"reward_id":"starbucks-10","quantity":1}"#;
    let event = "application/cloudevents+json";
    let mut text = String::new();
    let get = |api: &Api, path: &str| api.request("GET", path);
    let rows = [
        ("quantity 0", ask("k", r#"{"reward_id":"starbucks-10","quantity":0}"#)),
        ("no quantity", ask("k", r#"{"reward_id":"starbucks-10"}"#)),
        ("a member too many", ask("k", r#"{"reward_id":"starbucks-10","quantity":1,"points":5}"#)),
        ("no JSON", ask("k", "nonsense")),
        ("no such reward", ask("u", r#"{"reward_id":"nothing","quantity":1}"#)),
        ("a tier too low", ask("t", r#"{"reward_id":"amazon-250","quantity":1}"#)),
        ("out of stock", ask("s", good)),
        ("the same key, another body", ask("s", r#"{"reward_id":"starbucks-10","quantity":2}"#)),
        ("no key", api.request("POST", redemptions).header("content-type", "application/json").body(good)),
        (
            "another content type",
            api.request("POST", redemptions)
                .header("idempotency-key", "k")
                .header("content-type", "text/plain")
                .body(good),
        ),
        ("too large", ask("k", &format!(r#"{{"x":"{}"}}"#, "y".repeat(20_000)))),
        (
            "no scope",
            reader
                .request("POST", redemptions)
                .header("idempotency-key", "k")
                .header("content-type", "application/json")
                .body(good),
        ),
        ("another partner", get(&api, "/v1/partners/somebody")),
        ("no such route", get(&api, "/v1/nothing")),
        ("no such method", api.request("DELETE", "/v1/partners/partner-17")),
        ("a cursor", get(&api, "/v1/partners/partner-17/statement?cursor=AAAA")),
        ("a limit", get(&api, "/v1/partners/partner-17/statement?limit=0")),
        ("an outcome", get(&api, "/v1/partners/partner-17/events?outcome=lost")),
        ("an explanation of nothing", get(&api, "/v1/partners/partner-17/explanation?source=/crm/acme&id=none")),
        ("an explanation without an id", get(&api, "/v1/partners/partner-17/explanation?source=/crm/acme")),
        ("an event that is none", post("[]", event)),
        (
            "an event in bad form",
            post(
                r#"{"specversion":"1.0","id":"x","source":"/crm/acme","type":"deal.closed","subject":"partner-17","program":"hr-software","time":"2026-03-14T09:30:00Z","data":{"deal_id":"D","outcome":"won","acv":{"amount":1,"currency":"USD"}}}"#,
                event,
            ),
        ),
        (
            "an event of another program",
            post(
                r#"{"specversion":"1.0","id":"x","source":"/crm/acme","type":"deal.qualified","subject":"partner-17","program":"perx","time":"2026-03-14T09:30:00Z","data":{"deal_id":"D"}}"#,
                event,
            ),
        ),
        ("an event as text", post("x", "text/plain")),
        ("an event without the scope", reader.request("POST", "/v1/events").header("content-type", event).body("{}")),
    ];
    for (what, request) in rows {
        problem(&mut text, what, request).await;
    }
    problem(&mut text, "no token", reqwest::Client::new().get(format!("{}/v1/partners/partner-17", api.base))).await;
    insta::assert_snapshot!(text);
}
