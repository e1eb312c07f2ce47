//! The samples of `events/`: what comes of each is what must come of it where they are deployed (`infra/local/verify a`).

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use ambient::{Clock, Random};
use award_points::AwardPoints;
use aws_lambda_events::sqs::SqsEvent;
use laurel_tests::TestStack;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use worker::Queue;

const ANSWERS: &str = include_str!("../../infra/local/answers.json");

/// Keeps what a function counted last: the field `counts` of a metric. Only on the test's own thread; the stack's own functions run
/// on others.
#[derive(Clone)]
struct Counted(Arc<Mutex<Value>>, ThreadId);

impl Counted {
    fn last(&self) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if std::thread::current().id() == self.1 {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Counted {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "counts" {
            let counts = serde_json::from_str(&format!("{value:?}")).expect("counts as JSON");
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        }
    }
}

fn sample(name: &str) -> String {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The answer of the gateway to a sample: its status, and its body as JSON.
async fn answer(test: &TestStack, function: &str) -> Value {
    let call = serde_json::from_str(&sample(function)).expect("a call");
    let reply = serde_json::to_value(web::answer(test.stack.routes.clone(), call).await).expect("JSON");
    let body = reply["body"].as_str().expect("a body");
    serde_json::json!({ "statusCode": reply["statusCode"], "body": serde_json::from_str::<Value>(body).expect("JSON") })
}

/// In the order of `answers.json`: batches to award-points, calls to the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_answered_and_counted() {
    let test = TestStack::start().await;
    let quarantine = Queue::new(test.stack.clients.sqs(), &test.stack.aws.queue_url(local::queues::QUARANTINE));
    let award = AwardPoints::new(local::open_store(&test.stack.clients, Clock::system(), Random::system()), quarantine);
    let counted = Counted(Arc::default(), std::thread::current().id());
    let listening = tracing_subscriber::registry().with(counted.clone());
    tracing::subscriber::set_global_default(listening).expect("nothing else listens");
    let wanted: Vec<Value> = serde_json::from_str(ANSWERS).expect("JSON");
    let (mut calls, mut batches, mut wrong) = (0, 0, Vec::new());
    for case in &wanted {
        let name = case["sample"].as_str().expect("a name");
        let (answer, counts) = if !name.starts_with("functions/") {
            batches += 1;
            let batch: SqsEvent = serde_json::from_str(&sample(name)).expect("a batch");
            let reply =
                award.handle(batch, Clock::system().instant() + Duration::from_secs(30)).await.expect("a reply");
            (serde_json::to_value(reply).expect("JSON"), counted.last())
        } else if !case["answer"]["statusCode"].is_null() {
            calls += 1;
            (answer(&test, name).await, case["counts"].clone())
        } else {
            continue;
        };
        if answer != case["answer"] || counts != case["counts"] {
            wrong.push(format!("{name}: {answer} {counts}, expected {} {}", case["answer"], case["counts"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        (calls, batches),
        (3, wanted.len() - 6),
        "three calls; three samples are the relay's, the sweep's, the orders'"
    );
}
