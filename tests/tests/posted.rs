//! `POST /v1/events`: what a sender is told at once, and in which forms it may send.

use laurel_tests::{Api, TestStack, body};
use serde_json::{Value, json};

const STRUCTURED: &str = "application/cloudevents+json";

struct Sender {
    test: TestStack,
    api: Api,
}

impl Sender {
    async fn start() -> Self {
        let test = TestStack::start().await;
        let api = test.api(None, "hr-software", &["ingest"]);
        Self { test, api }
    }

    /// Posts a body under these headers: status and answer.
    async fn post(&self, headers: &[(&str, &str)], body: impl Into<String>) -> (u16, Value) {
        let mut request = self.api.request("POST", "/v1/events").body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.expect("an answer");
        (reply.status().as_u16(), reply.json().await.expect("JSON"))
    }

    async fn structured(&self, body: impl Into<String>) -> (u16, Value) {
        self.post(&[("content-type", STRUCTURED)], body).await
    }

    /// Whether the partner is known by now.
    async fn knows(&self, partner: &str) {
        let api = self.test.api(Some(partner), "hr-software", &["read"]);
        let path = format!("/v1/partners/{partner}");
        self.test.until(partner, async || (api.get(&path).await.0 == 200).then_some(())).await;
    }
}

fn enrolled(partner: &str, source: &str) -> String {
    let data = json!({ "name": partner, "motions": ["sell"] });
    body("partner.enrolled", partner, "hr-software", source, &format!("{partner}-enrolled"), &data)
}

/// A12: what the program surely refuses is told at once; what may still be taken is queued.
#[tokio::test]
async fn a12_what_is_surely_refused_is_told_at_once() {
    let sender = Sender::start().await;
    let (status, told) = sender.structured(enrolled("p", "/blog/x")).await;
    assert_eq!(
        (status, &told["code"], &told["pointer"]),
        (422, &json!("source_not_allowed"), &json!("/source")),
        "{told}"
    );
    let detail = told["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("takes partner.enrolled from") && detail.contains("/crm/*"), "names who may: {detail}");
    let batch = format!("[{},{}]", enrolled("p", "/blog/x"), enrolled("p", "/crm/x"));
    let (status, told) = sender.post(&[("content-type", "application/cloudevents-batch+json")], batch).await;
    let item = |at: usize| (told["items"][at]["disposition"].clone(), told["items"][at]["rejection"]["code"].clone());
    assert_eq!(status, 202);
    assert_eq!([item(0), item(1)], [(json!("rejected"), json!("source_not_allowed")), (json!("queued"), Value::Null)]);
    sender.knows("p").await;
    // A program without a version may still get one: its events wait.
    let unknown = sender.test.api(None, "not-published", &["ingest"]);
    let post = unknown.request("POST", "/v1/events").header("content-type", STRUCTURED);
    let reply = post.body(enrolled("p", "/blog/x").replace("hr-software", "not-published")).send().await;
    assert_eq!(reply.expect("an answer").status().as_u16(), 202);
    // A version that takes effect soon takes what the one in force does not.
    let file = include_str!("../../infra/programs/hr-software.toml");
    assert!(file.contains("\n\"/crm/*\""), "the program file names its sources");
    let later = file.replacen("\n\"/crm/*\"", "\n\"/blog/*\" = [\"partner.*\"]\n\"/crm/*\"", 1);
    let soon = sender.test.stack.store.clock().now() + jiff::SignedDuration::from_mins(5);
    store::programs::publish(&sender.test.stack.store, &later, Some(soon), "staff").await.expect("published");
    assert_eq!(sender.structured(enrolled("r", "/blog/x")).await.0, 202);
    assert_eq!(sender.structured(enrolled("r", "/wiki/x")).await.0, 422);
}

/// Who had no answer was told on the second try that its event is refused, though it counted: a version had taken effect between.
#[tokio::test]
async fn a12_what_was_counted_is_not_refused_when_it_is_sent_again() {
    let sender = Sender::start().await;
    assert_eq!(sender.structured(enrolled("p", "/crm/x")).await.0, 202);
    sender.knows("p").await;
    let file = include_str!("../../infra/programs/hr-software.toml");
    let without = file.replacen("[\"partner.*\", \"agreement", "[\"agreement", 1);
    assert_ne!(file, without, "the program file lets /crm/* send partner.*");
    store::programs::publish(&sender.test.stack.store, &without, None, "staff").await.expect("published");
    let (status, told) = sender.structured(enrolled("p", "/crm/x")).await;
    assert_eq!((status, &told["items"][0]["disposition"]), (202, &json!("queued")), "{told}");
    sender.test.worked_off(local::queues::PARTNER_EVENTS).await;
    let api = sender.test.api(Some("p"), "hr-software", &["read"]);
    let (_, kept) = api.get("/v1/partners/p/events?outcome=rejected").await;
    assert_eq!(kept["items"], json!([]), "it is the event that counted");
}

/// E3: binary mode, `application/json` and `data_base64` make the same event.
#[tokio::test]
async fn e3_events_may_be_sent_in_every_legal_form() {
    let sender = Sender::start().await;
    let data = r#"{"name":"Acme","motions":["sell"]}"#;
    let attributes = |partner: &'static str| {
        [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", partner),
            ("ce-source", "/crm/test"),
            ("ce-type", "partner.enrolled"),
            ("ce-subject", partner),
            ("ce-program", "hr-software"),
            ("ce-time", "2026-01-05t09:00:00z"),
        ]
    };
    let (status, told) = sender.post(&attributes("binary"), data).await;
    assert_eq!((status, &told["items"][0]["disposition"]), (202, &json!("queued")), "{told}");
    assert_eq!(sender.post(&[("content-type", "application/json")], enrolled("json", "/crm/x")).await.0, 202);
    let mut base64: Value = serde_json::from_str(&enrolled("base64", "/crm/x")).expect("JSON");
    base64.as_object_mut().expect("an object").remove("data");
    // {"name":"Acme","motions":["sell"]}
    base64["data_base64"] = json!("eyJuYW1lIjoiQWNtZSIsIm1vdGlvbnMiOlsic2VsbCJdfQ==");
    let (status, told) = sender.structured(base64.to_string()).await;
    assert_eq!(status, 202, "{told}");
    for partner in ["binary", "json", "base64"] {
        sender.knows(partner).await;
    }
    // Illegal forms, each told.
    let mut no_version = attributes("x").to_vec();
    no_version.remove(1);
    let (status, told) = sender.post(&no_version, data).await;
    assert_eq!((status, &told["pointer"]), (422, &json!("/specversion")), "{told}");
    let (status, told) = sender.post(&attributes("untyped")[1..], data).await;
    assert_eq!(status, 202, "without a content type it is JSON: {told}");
    let (status, told) = sender.post(&attributes("x"), "oops").await;
    assert_eq!((status, &told["code"]), (400, &json!("bad_body")), "{told}");
    let mut twice = attributes("x").to_vec();
    twice.push(("ce-type", "deal.closed"));
    let (status, told) = sender.post(&twice, data).await;
    assert_eq!((status, &told["code"]), (422, &json!("duplicate_key")), "{told}");
    let upper = enrolled("x", "/crm/x").replacen('{', "{\"traceParent\":\"00-x\",", 1);
    let (status, told) = sender.structured(upper).await;
    assert_eq!((status, &told["pointer"]), (422, &json!("/traceParent")), "{told}");
    assert_eq!(sender.post(&[("content-type", "text/plain")], data).await.0, 415);
    let list = format!("[{}]", enrolled("x", "/crm/x"));
    let (status, told) = sender.post(&[("content-type", "application/json")], list).await;
    assert!(status == 400 && told["detail"].as_str().is_some_and(|d| d.contains("batch")), "{told}");
}

/// A type of the vendor's own is posted, judged and told like any other, its person under a pseudonym; in bad form it is told at once.
#[tokio::test]
async fn a_type_that_the_program_declares_is_taken() {
    let sender = Sender::start().await;
    let attended = |kind: &str, id: &str, data: &Value| body(kind, "w", "hr-software", "/webinars/zoom", id, data);
    let good =
        json!({ "webinar_id": "w1", "person_id": "dana@w.example", "minutes": 45, "mode": "live", "room": "7b" });
    let batch = [
        enrolled("w", "/crm/x"),
        attended("webinar.attended", "a1", &good),
        attended("webinar.attended", "a2", &json!({ "person_id": "dana@w.example", "minutes": "45", "mode": "maybe" })),
        attended("webinar.watched", "a3", &good),
    ];
    let (status, told) =
        sender.post(&[("content-type", "application/cloudevents-batch+json")], format!("[{}]", batch.join(","))).await;
    let item = |at: usize| (told["items"][at]["disposition"].clone(), told["items"][at]["rejection"]["code"].clone());
    let rejected = |code: &str| (json!("rejected"), json!(code));
    assert_eq!((status, item(1)), (202, (json!("queued"), Value::Null)), "{told}");
    assert_eq!([item(2), item(3)], [rejected("bad_form"), rejected("unsupported_type")], "{told}");
    assert_eq!(told["items"][2]["rejection"]["also"].as_array().map(Vec::len), Some(2), "{told}");
    let api = sender.test.api(Some("w"), "hr-software", &["read"]);
    let path = "/v1/partners/w/explanation?source=/webinars/zoom&id=a1";
    let told = sender
        .test
        .until("judged", async || {
            let (status, told) = api.get(path).await;
            (status == 200 && told["outcome"] == "awarded").then_some(told)
        })
        .await;
    assert_eq!((&told["type"], &told["points"]), (&json!("webinar.attended"), &json!(20)), "{told}");
    assert_eq!(told["rules"][0]["why"], "Who listens to us can speak for us.");
    let (_, events) = api.get("/v1/partners/w/events").await;
    assert!(!events.to_string().contains("dana@") && !told.to_string().contains("dana@"), "{events}");
}

/// C4: a token that names its sources sends under no other.
#[tokio::test]
async fn c4_a_token_sends_only_as_the_sources_it_names() {
    let mut sender = Sender::start().await;
    let sources = ["/crm/acme".to_owned(), "/lms/*".to_owned()];
    let token = sender.test.stack.tokens.sign_for(None, "hr-software", &["ingest".to_owned()], &sources);
    sender.api.token = token.expect("a token");
    for (source, status, says) in [
        ("/crm/acme", 202, ""),
        ("/crm/acmee", 422, "the token"),
        ("/crm/other", 422, "the token"),
        ("/lms/x", 422, "the program takes"),
    ] {
        let (got, told) = sender.structured(enrolled("q", source)).await;
        assert_eq!(got, status, "{source}: {told}");
        assert!(told["detail"].as_str().unwrap_or_default().starts_with(says), "{source}: {told}");
    }
}

/// E4: all that is wrong at once, and what is too large as HTTP says it.
#[tokio::test]
async fn e4_everything_that_is_wrong_is_told_at_once() {
    let sender = Sender::start().await;
    let won = json!({ "deal_id": "d", "outcome": "maybe", "acv": { "amount": "x", "currency": "USD" } });
    let wrong = body("deal.closed", "p", "hr-software", "/crm/x", "bad", &won).replace("2026-", "26-");
    let (status, told) = sender.structured(wrong).await;
    let errors = told["errors"].as_array().into_iter().flatten();
    let pointers: Vec<&str> = errors.filter_map(|e| e["pointer"].as_str()).collect();
    assert_eq!((status, pointers), (422, vec!["/time", "/data/outcome", "/data/acv/amount"]), "{told}");
    let large =
        enrolled("p", "/crm/x").replace("\"motions\"", &format!("\"note\":\"{}\",\"motions\"", "x".repeat(70_000)));
    let (status, told) = sender.structured(large).await;
    assert_eq!((status, &told["code"]), (413, &json!("too_large")));
}

/// Of an amount that is wrong twice one fault was told, and of what is no JSON not where it stops being that.
#[tokio::test]
async fn every_fault_of_an_amount_is_told_and_where_json_ends() {
    let sender = Sender::start().await;
    let data = json!({ "deal_id": "d", "outcome": "won", "acv": { "amount": 5, "currency": "usd" } });
    let (status, told) = sender.structured(body("deal.closed", "p", "hr-software", "/crm/x", "c", &data)).await;
    let faults: Vec<(&str, &str)> = told["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|fault| (fault["pointer"].as_str().unwrap_or(""), fault["code"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(status, 422);
    assert_eq!(faults, [("/data/acv/amount", "bad_amount"), ("/data/acv/currency", "bad_currency")]);
    let (status, told) = sender.structured(r#"{"specversion":"1.0","id":"1""#).await;
    assert_eq!((status, &told["detail"]), (400, &json!("it ends within an object, at byte 28")), "{told}");
}

/// E4: a place in one list is none in another: of another filter, of another list, or where somebody changed it.
#[tokio::test]
async fn e4_a_cursor_is_of_the_list_it_came_from() {
    let sender = Sender::start().await;
    for id in ["p", "p-again"] {
        let body = enrolled("p", "/crm/x").replace("p-enrolled", id);
        assert_eq!(sender.structured(body).await.0, 202);
    }
    sender.knows("p").await;
    sender.test.worked_off(local::queues::PARTNER_EVENTS).await;
    let api = sender.test.api(Some("p"), "hr-software", &["read"]);
    let (_, first) = api.get("/v1/partners/p/events?limit=1").await;
    let cursor = first["next_cursor"].as_str().expect("another page").to_owned();
    let (status, second) = api.get(&format!("/v1/partners/p/events?limit=1&cursor={cursor}")).await;
    assert_eq!((status, second["items"].as_array().map(Vec::len)), (200, Some(1)));
    assert_ne!(first["items"], second["items"]);
    let changed = format!("{}x", cursor.trim_end_matches(char::is_alphanumeric));
    for query in [
        format!("events?outcome=no_rule&cursor={cursor}"),
        format!("statement?cursor={cursor}"),
        format!("events?cursor={changed}"),
    ] {
        let (status, told) = api.get(&format!("/v1/partners/p/{query}")).await;
        assert_eq!((status, &told["code"]), (400, &json!("bad_cursor")), "{query}: {told}");
    }
}

/// A filter that was mistyped was no filter, and what the framework says of a query was told as it stands.
#[tokio::test]
async fn a_query_that_is_not_read_is_told() {
    let sender = Sender::start().await;
    assert_eq!(sender.structured(enrolled("p", "/crm/x")).await.0, 202);
    sender.knows("p").await;
    let api = sender.test.api(Some("p"), "hr-software", &["read"]);
    let queries = [
        ("events?outcom=held", "bad_query", "there is no parameter `outcom` here; known: `outcome`, `cursor`, `limit`"),
        ("events?limit=5&limit=6", "bad_query", "`limit` is there twice"),
        ("explanation?id=x", "bad_query", "`source` is missing"),
        ("statement?page=2", "bad_query", "there is no parameter `page` here; known: `cursor`, `limit`"),
        ("events?outcome=duplicate", "bad_outcome", "awarded, no_rule, refused, applied, conflict, rejected, held"),
    ];
    for (query, code, detail) in queries {
        let (status, told) = api.get(&format!("/v1/partners/p/{query}")).await;
        assert_eq!((status, &told["code"]), (400, &json!(code)), "{query}: {told}");
        assert!(told["detail"].as_str().is_some_and(|text| text.contains(detail)), "{query}: {told}");
    }
    let (status, told) = api.get("/v1/partners/%FF").await;
    assert_eq!((status, &told["code"]), (400, &json!("bad_request")), "{told}");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("UTF-8, percent-encoded")), "{told}");
}
