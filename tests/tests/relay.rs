//! What the relay tells the bus, and from where it wants the stream again.

use ambient::{Clock, Random};
use aws_lambda_events::dynamodb::Event as StreamEvent;
use domain::ledger::Record;
use laurel_tests::Bus;
use relay_changes::RelayChanges;
use serde_json::{Value, json};

fn relay(bus: &Bus) -> RelayChanges {
    let clients = bus.clients();
    let queue = |name: &str| worker::Queue::new(clients.sqs(), &format!("http://127.0.0.1/0/{name}"));
    RelayChanges::new(
        local::open_store(&clients, Clock::system(), Random::system()),
        queue("partner-events"),
        queue("redemptions"),
        queue("partner-reviews"),
        Some((clients.eventbridge(), "bus".to_owned())),
    )
}

/// A change of the stream for each record, numbered from 0.
fn batch(records: &[Record]) -> StreamEvent {
    let change = |(at, record): (usize, &Record)| {
        let image: serde_dynamo::Item = serde_dynamo::to_item(record).expect("an item");
        let change = json!({
            "eventID": at.to_string(), "eventName": "INSERT", "awsRegion": "local",
            "dynamodb": { "NewImage": image, "Keys": {}, "SizeBytes": 1, "SequenceNumber": at.to_string() },
        });
        serde_json::from_value(change).expect("a change")
    };
    let mut batch = StreamEvent::default();
    batch.records = records.iter().enumerate().map(change).collect();
    batch
}

/// Notices of many changes share calls, and a change of which one was not taken comes again, with all that came after it: a notice
/// may be told twice, and none is left out.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_change_that_was_not_told_comes_again() {
    let corpus = format!("{}/corpus", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(format!("{corpus}/hr-year/history.jsonl")).expect("a history");
    let world = replay::history::world(&lines, format!("{corpus}/programs").as_ref());
    let batch = batch(&world.records);
    let bus = Bus::that_takes(usize::MAX);
    assert!(relay(&bus).handle(batch.clone()).await.batch_item_failures.is_empty());
    let told = bus.told();
    assert!(told.len() > 20, "a history with many notices");
    assert_eq!(bus.calls(), told.len().div_ceil(10), "ten to a call");

    let about = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON");
        let is = |record: &Record| {
            json!(record.identity.id) == detail["id"]
                && json!(record.position) == detail["position"]
                && json!(record.partner) == detail["partner"]
        };
        world.records.iter().position(is).expect("the record that the notice is of")
    };
    for takes in 0..told.len() {
        let bus = Bus::that_takes(takes);
        let reply = relay(&bus).handle(batch.clone()).await;
        let [again] = reply.batch_item_failures.as_slice() else { panic!("after {takes}: {reply:?}") };
        assert_eq!(again.item_identifier, Some(about(&told[takes]).to_string()), "after {takes}");
        assert_eq!(bus.told(), told[..takes], "what came before is told");
    }
}
