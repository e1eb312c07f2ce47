//! The samples of `events/`: what the functions behind the gateway answer to theirs is what the deployed ones must answer.

use laurel_tests::{TestStack, envelope_bodies};
use serde_json::Value;

const ANSWERS: &str = include_str!("../../infra/local/answers.json");

/// The answer of the gateway to a sample: its status, and its body as JSON.
async fn answer(test: &TestStack, function: &str) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let call = serde_json::from_str(&std::fs::read_to_string(path).expect("the sample")).expect("a call");
    let reply = serde_json::to_value(web::answer(test.stack.routes.clone(), call).await).expect("JSON");
    let body = reply["body"].as_str().expect("a body");
    serde_json::json!({ "statusCode": reply["statusCode"], "body": serde_json::from_str::<Value>(body).expect("JSON") })
}

/// In the order of `answers.json`: events to the queue, calls to the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn functions_behind_the_gateway_answer_their_samples() {
    let test = TestStack::start().await;
    let wanted: Vec<Value> = serde_json::from_str(ANSWERS).expect("JSON");
    let mut calls = 0;
    for case in &wanted {
        let sample = case["sample"].as_str().expect("a name");
        if !sample.starts_with("functions/") {
            test.send(&envelope_bodies(sample)).await;
        } else if !case["answer"]["statusCode"].is_null() {
            assert_eq!(answer(&test, sample).await, case["answer"], "{sample}");
            calls += 1;
        }
    }
    assert_eq!(calls, 3, "read-accounts, redeem-rewards and receive-events");
}
