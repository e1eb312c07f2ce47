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

/// What staff are told of who is new, and of who brings too little (M16, M17, M29).
#[tokio::test(flavor = "multi_thread")]
async fn staff_hear_of_who_is_new_and_who_falls_short() {
    const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
[ladder.sell.referral]
rank = 1
keep = { registrations = 1, within = "fiscal quarter" }
review = "quarterly"
first_review = "1 quarter"
prune_after = 2
[onboarding]
productive = { deals = 1, within = "1 year" }
by = "90 days"
trained = { course = "sales-101" }
"#;
    let program = format!(
        "{PROGRAM}[earn.course]\non = \"course.completed\"\npoints = 9\nhold_if = [{{ more_than = \"1 per person per day\" }}]\n"
    );
    let mut world = replay::World::new(&program, "2026-01-15T12:00:00Z");
    world.enrol("p");
    let course = r#"{"course_id":"sales-101","level":101,"person_id":"ann"}"#;
    world.send("course.completed", "p", "c", "2026-01-15T12:00:00Z", course);
    for (id, then) in [("c2", "released"), ("c3", "withdrawn")] {
        world.send("course.completed", "p", id, "2026-01-15T12:00:00Z", course);
        let data = format!(r#"{{"event_source":"/lms/test","event_id":"{id}","by":"staff","reason":"looked at"}}"#);
        world.send(&format!("award.{then}"), "p", then, "2026-01-15T12:00:00Z", &data);
    }
    for now in ["2026-05-12T12:00:00Z", "2026-10-12T12:00:00Z", "2027-01-12T12:00:00Z"] {
        world.at(now).catch_up();
    }
    world.close("p", "d", "2027-01-12T12:00:00Z", "1000");
    let bus = Bus::that_takes(usize::MAX);
    assert!(relay(&bus).handle(batch(&world.records)).await.batch_item_failures.is_empty());
    let told = bus.told();
    let of = |kind: &str, members: [&str; 2]| -> Vec<String> {
        let of_kind = told.iter().filter(|entry| entry["DetailType"] == kind);
        let detail = |entry: &Value| -> Value {
            serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON")
        };
        of_kind.map(detail).map(|detail| members.map(|member| detail[member].to_string()).join(" ")).collect()
    };
    assert_eq!(
        of("MilestoneReached", ["milestone", "at"]),
        [r#""trained" "2026-01-15T12:00:00Z""#, r#""productive" "2027-01-12T12:00:00Z""#]
    );
    let held = r#""course" "more than 1 per person per day""#;
    assert_eq!(of("AwardHeld", ["rule", "why"]), [held, held]);
    assert_eq!(of("AwardReleased", ["points", "partner"]), [r#"9 "p""#]);
    assert_eq!(of("AwardWithdrawn", ["points", "partner"]), [r#"9 "p""#]);
    assert_eq!(of("OnboardingLate", ["partner", "none"]), [r#""p" null"#]);
    assert_eq!(of("BelowMinimum", ["times", "of"]), ["1 2"]);
    assert_eq!(of("PruningDue", ["times", "of"]), ["2 2", "3 2"], "and at each review after it");
}
