//! The template allows each function what its calls need, and nothing else; staff too.
//!
//! The functions run on the embedded stack, with somebody listening below their SDK clients, and do everything they can do.
//! What was heard must be exactly what the roles' `Code` policies allow. That everything was done is checked against the
//! sources: no operation is called there that was not heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use laurel_tests::template::{Template, kebab, statements};
use laurel_tests::{Permission, TestStack, body, envelope_bodies, permissions_needed, recording_clients};
use local::{Options, STATE_TABLE, WAITING_TABLE, queues};
use serde_json::json;
use store::holds::Of;

const FUNCTIONS: [&str; 7] = [
    "AwardPoints",
    "FulfilRedemptions",
    "ReviewPartners",
    "RelayChanges",
    "RedeemRewards",
    "ReadAccounts",
    "ReceiveEvents",
];

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Events of every kind and every form, twice.
async fn senders(test: &TestStack) {
    let story =
        ["partner.enrolled", "deal.registered", "deal.qualified", "course.completed", "deal.closed", "deal.influenced"];
    let hostile = ["hostile.unreadable", "hostile.form", "hostile.repeated", "hostile.waiting", "story.reseller"];
    for name in story.iter().chain(&hostile).chain(&["content.viewed", "deal.amended", "deal.reversed"]) {
        test.send(&envelope_bodies(name)).await;
    }
    test.send(&envelope_bodies("deal.closed")).await;
    let course = json!({ "course_id": "sales-101", "level": 101, "person_id": "dana" });
    let view = |who: &str| json!({ "content_id": "x", "person_id": who, "seconds": 45 });
    let late = |partner: &str| {
        body("course.completed", partner, "hr-software", "/lms/academy", &format!("{partner}-1"), &course)
    };
    test.send(&[late("latecomer"), late("never-enrolled")]).await;
    // The same event of another person: whether the first was erased is asked.
    test.send(&[body("content.viewed", "partner-17", "hr-software", "/cms/portal", "who", &view("dana"))]).await;
    test.send(&[body("content.viewed", "partner-17", "hr-software", "/cms/portal", "who", &view("eve"))]).await;
    let enrolled = json!({ "name": "Late", "motions": ["sell"] });
    test.send(&[body("partner.enrolled", "latecomer", "hr-software", "/crm/acme", "late-enrolled", &enrolled)]).await;
    let won = json!({ "deal_id": "D-77", "outcome": "won", "acv": { "amount": "60000.00", "currency": "USD" }, "tenor_months": 12 });
    test.send(&[body("deal.closed", "partner-17", "hr-software", "/crm/acme", "one-more", &won)]).await;
    // Another partner's deal is looked at, and must not move meanwhile.
    let deal = json!({ "deal_id": "D-8841" });
    test.send(&[body("deal.qualified", "latecomer", "hr-software", "/crm/acme", "late-qualified", &deal)]).await;
    // A public tender that one of two bidders wins: the other is told.
    let hr = |kind: &str, partner: &str, id: &str, data: serde_json::Value| {
        body(kind, partner, "hr-software", "/crm/acme", id, &data)
    };
    test.send(&[hr("partner.enrolled", "bidder", "bidder", json!({ "name": "B", "motions": ["sell"] }))]).await;
    for partner in ["partner-17", "bidder"] {
        let deal = json!({ "deal_id": format!("bid-{partner}"), "opportunity_id": "tender", "customer": "City", "public_tender": true });
        test.send(&[hr("deal.registered", partner, &format!("bid-{partner}"), deal)]).await;
    }
    test.send(&[hr(
        "deal.closed",
        "bidder",
        "bid-won",
        json!({ "deal_id": "bid-bidder", "outcome": "won", "acv": { "amount": "1", "currency": "USD" } }),
    )])
    .await;
}

/// Everything the API offers. The redemption that was made.
async fn callers(test: &TestStack) -> String {
    let api = test.api(Some("partner-17"), "hr-software", &["read", "redeem", "ingest"]);
    let posted = body(
        "content.viewed",
        "partner-17",
        "hr-software",
        "/cms/portal",
        "posted",
        &json!({ "content_id": "x", "person_id": "dana", "seconds": 45 }),
    );
    let post = api.request("POST", "/v1/events").header("content-type", "application/cloudevents+json").body(posted);
    assert_eq!(post.send().await.expect("an answer").status(), 202);
    let own = "/v1/partners/partner-17";
    let views = [
        "",
        "/statement",
        "/commissions",
        "/payouts",
        "/events",
        "/events?outcome=conflict",
        "/events?outcome=rejected",
        "/events?outcome=held",
        "/redemptions",
        "/explanation?source=/crm/acme&id=crm-8841-won",
        "/deals/D-8841",
    ];
    for view in views {
        assert_eq!(api.get(&format!("{own}{view}")).await.0, 200, "{view}");
    }
    assert_eq!(api.get(&format!("{own}/explanation?source=/crm/acme&id=nothing")).await.0, 404);
    assert_eq!(api.get("/v1/rewards").await.0, 200);
    assert_eq!(api.get("/v1/leaderboard").await.0, 200);
    let ask = r#"{"reward_id":"starbucks-10","quantity":1}"#;
    let (status, taken) = api.redeem("partner-17", "order-1", ask).await;
    assert_eq!(status, 201, "{taken}");
    let id = serde_json::from_str::<serde_json::Value>(&taken).expect("JSON")["id"].as_str().expect("an id").to_owned();
    test.until("the card", async || {
        (api.get(&format!("{own}/redemptions/{id}")).await.1["status"] == "fulfilled").then_some(())
    })
    .await;
    for (step, status) in [("reveal", 200), ("cancel", 409)] {
        let reply = api.request("POST", &format!("{own}/redemptions/{id}/{step}")).send().await.expect("an answer");
        assert_eq!(reply.status(), status, "{step}");
    }
    id
}

/// Makes due what waits, and sweeps: held points, a wait past its deadline, a redemption that stands still.
async fn time(test: &TestStack, redemption: &str) {
    let db = &test.stack.clients.dynamodb();
    let set = async |table: &str, pk: &str, sk: &str, name: &str, value: AttributeValue| {
        let update = db.update_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
        let update = update.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        update.expression_attribute_values(":v", value).send().await.expect("set");
    };
    let perx = "partner#perx#partner-31";
    let get = db.get_item().table_name(STATE_TABLE).key("pk", text(perx)).key("sk", text("head")).send().await;
    let content = get.expect("read").item.expect("a head")["b"].as_s().expect("text").clone();
    let mut content: serde_json::Value = serde_json::from_str(&content).expect("JSON");
    content["l"]["points"]["p"] = json!({ "2025-01-01/2028-11": 3_200 });
    set(STATE_TABLE, perx, "head", "b", text(&content.to_string())).await;
    set(STATE_TABLE, perx, "head", "due_on", text("2025-01-01")).await;
    // One who stands in the index and on whom nothing is due.
    set(STATE_TABLE, "partner#hr-software#latecomer", "head", "due_on", text("2025-01-01")).await;
    let all = db.scan().table_name(WAITING_TABLE).send().await.expect("what waits").items.unwrap_or_default();
    let of = |awaits: &str, partner: &str| {
        let found = all.iter().find(|item| {
            let is = |name: &str, start: &str| {
                item.get(name).and_then(|v| v.as_s().ok()).is_some_and(|v| v.starts_with(start))
            };
            is("awaits", awaits) && is("partner", partner)
        });
        found.expect("a hold")["pk"].as_s().expect("text").clone()
    };
    set(WAITING_TABLE, &of("partner", "never-enrolled"), "-", "until", text("2025-01-01T00:00:00Z")).await;
    // A deal that moved, and of which the relay was not told.
    set(WAITING_TABLE, &of("deal", ""), "-", "seen", AttributeValue::N("99".to_owned())).await;
    // A redemption that is in the index of standing ones although it is final: it is sent, and nothing is left to do.
    let redemption = format!("redemption#{redemption}");
    set(STATE_TABLE, "partner#hr-software#partner-17", &redemption, "due_shard", text("standing#hr-software")).await;
    set(STATE_TABLE, "partner#hr-software#partner-17", &redemption, "due_on", text("2025-01-01T00:00:00Z")).await;
    test.stack.sweep().await.expect("swept");
    test.worked_off(queues::PARTNER_REVIEWS).await;
    test.worked_off(queues::PARTNER_EVENTS).await;
}

/// What staff do at the terminal.
async fn staff(test: &TestStack) {
    let clients = recording_clients(&test.stack.aws.endpoint(), "Operator");
    let store = local::open_store(&clients, ambient::Clock::system(), ambient::Random::system());
    let secret = worker::Secret::new(clients.secretsmanager(), local::CARD_SECRET);
    let ring = secret.read().await.expect("a ring");
    let sealer = store::cards::Sealer::from_ring(&ring, ambient::Random::system()).expect("a sealer");
    secret.write(&sealer.with_new_key("second").expect("a ring")).await.expect("written");
    let program = "hr-software".try_into().expect("a program");
    let file = format!("{}\n# Looked through again.\n", include_str!("../../infra/programs/hr-software.toml"));
    assert!(store::programs::publish(&store, &file, None, "operator").await.expect("published").is_new);
    let later = store.clock().now() + jiff::SignedDuration::from_hours(1);
    let next = store::programs::publish(&store, &file, Some(later), "operator").await.expect("published");
    store::programs::withdraw(&store, &program, next.number, "operator").await.expect("withdrawn");
    let codes = ["A-1".to_owned(), "A-2".to_owned()];
    store::cards::load(&store, &program, "starbucks-10", &codes, &sealer, |_| ()).await.expect("loaded");
    store::cards::stock(&store, &program, "starbucks-10").await.expect("a stock");
    let reward = "starbucks-10".try_into().expect("a reward");
    assert!(store::cards::unopened(&store, &program, &reward, &sealer).await.expect("cards").is_empty());
    for outcome in ["conflict", "rejected"] {
        store::aside::list(&store, "hr-software", outcome, 100).await.expect("rows");
    }
    store::aside::of_others(&store, &[], "rejected", 100).await.expect("rows");
    store::holds::page(&store, Of::Program(&program), None).await.expect("holds");
    store::aside::quarantined(&store, 100).await.expect("rows");
    let partner = "partner-17".try_into().expect("a partner");
    store::beside::find(&store, &program, &partner, ("/crm/acme", "nothing")).await.expect("a search");
    store::everybody::list(&store).await.expect("everybody");
    engine::audit::partner(&store, &program, &partner, jiff::Timestamp::now()).await.expect("an audit");
    engine::rebuild::program(&store, &program, std::slice::from_ref(&partner), |_| ()).await.expect("rebuilt");
    let page = store::history::page(&store, &program, &partner, None, 10).await.expect("a history");
    engine::audit::whole_history(&store, &program, &partner).await.expect("a history");
    engine::audit::shared(&store, &program, &page.items, |_| true).await.expect("what is shared");
    store::history::record(&store, &page.items[0].identity).await.expect("a record");
    store::state::head(&store, &program, &partner).await.expect("a head");
    let mut state = domain::decide::State::new(partner.clone());
    *state.account = store::state::begun(&store, &program, &partner).await.expect("a head");
    let parts = [domain::ledger::Part::Lots].into();
    let needs = domain::decide::Needs { parts, ..domain::decide::Needs::default() };
    store::state::fill(&store, &program, &needs, &mut state).await.expect("its lots");
    let programs = store::programs::read(&store, &program).await.expect("versions").expect("a version");
    let run = "2026-11-01".parse().expect("a run");
    let patience = || store::patience::Patience::until(store.clock().instant() + std::time::Duration::from_secs(60));
    engine::payouts::look(&store, &programs, &partner, run).await.expect("a look");
    engine::payouts::run(&store, &programs, &partner, run, patience()).await.expect("a run");
    engine::payouts::open(&store, &programs, &partner).await.expect("payouts");
    engine::payouts::of_run(&store, &programs, &partner, run).await.expect("payouts");
    engine::payouts::cancel(&store, &programs, &partner, run, patience()).await.expect("given up");
    store::programs::ids(&store).await.expect("programs");
    store::programs::check_form(&store).await.expect("a form");
    store::programs::read(&store, &program).await.expect("versions");
    let stored = store::programs::stored(&store, &program).await.expect("versions");
    assert!(store::programs::of(&stored).expect("programs").is_some());
    engine::audit::stored_of(&store, &program, &page.items).await.expect("what is shared");
    let budgets = domain::decide::budgets(&programs, store.clock().now(), None);
    let parts = budgets.into_iter().flat_map(|budget| budget.parts);
    store::state::pools(&store, &program, parts).await.expect("what is left of budgets");
    store::state::pool_parts(&store, &program).await.expect("pools");
    store::state::whole(&store, &program, &partner).await.expect("a whole account");
    store::deals::in_flight(&store, &program).await.expect("deals");
    let data = json!({ "budget": "launch-fund", "points": 10_000 });
    let funded = body("budget.funded", "@program", "hr-software", "/finance/staff", "by-staff", &data);
    let funded = event::Event::parse(&funded, store.clock().now()).expect("an event");
    let own = event::ids::PartnerId::program();
    let settled = engine::events::judge(&store, &programs, &own, &[funded.into()], patience()).await;
    assert_eq!(settled[0].outcome, domain::ledger::Outcome::Applied);
}

/// What staff's commands call is called by [`staff`] too, so that a command cannot need what nobody heard.
#[test]
fn staff_do_here_what_their_commands_do() {
    let here = include_str!("permissions.rs");
    let start = here.find("async fn staff(").expect("what staff do");
    let staff = &here[start..start + here[start..].find("\n}\n").expect("its end")];
    let staff: String = staff.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut calls = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/src")).expect("commands") {
        let path = file.expect("a file").path();
        let command = path.file_stem().expect("a name").to_string_lossy().into_owned();
        // What runs the local stack is no command of staff.
        if ["demo", "serve", "torture"].contains(&command.as_str()) {
            continue;
        }
        let source = std::fs::read_to_string(path).expect("a command");
        for start in ["store::", "engine::"] {
            let paths = source.split(start).skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_' && c != ':').unwrap_or(rest.len());
                (&rest[..end], rest[end..].starts_with('('))
            });
            calls.extend(paths.filter(|(_, called)| *called).map(|(path, _)| format!("{start}{path}(")));
        }
    }
    assert!(calls.len() > 10, "the commands call something: {calls:?}");
    let missing: Vec<_> = calls.iter().filter(|call| !staff.contains(*call)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Calls as the sources write them, and the action that each is.
const OPERATIONS: [(&str, &str); 16] = [
    ("get_item()", "dynamodb:GetItem"),
    ("batch_get_item()", "dynamodb:BatchGetItem"),
    ("query()", "dynamodb:Query"),
    ("scan()", "dynamodb:Scan"),
    ("put_item()", "dynamodb:PutItem"),
    ("update_item()", "dynamodb:UpdateItem"),
    ("delete_item()", "dynamodb:DeleteItem"),
    ("batch_write_item()", "dynamodb:BatchWriteItem"),
    ("transact_get_items()", "dynamodb:GetItem"),
    ("ConditionCheck::builder()", "dynamodb:ConditionCheckItem"),
    ("Update::builder()", "dynamodb:UpdateItem"),
    ("Delete::builder()", "dynamodb:DeleteItem"),
    ("send_message()", "sqs:SendMessage"),
    ("put_events()", "events:PutEvents"),
    ("get_secret_value()", "secretsmanager:GetSecretValue"),
    ("put_secret_value()", "secretsmanager:PutSecretValue"),
];

/// The operations that the sources call.
fn called() -> BTreeSet<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folders = ["shared/store/src", "shared/worker/src", "functions"];
    let sources: Vec<String> =
        folders.iter().flat_map(|folder| laurel_tests::sources(&format!("{root}/{folder}"))).collect();
    let found = OPERATIONS.iter().filter(|(call, _)| sources.iter().any(|s| s.contains(call)));
    found.map(|(_, action)| (*action).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_allows_what_the_code_does_and_nothing_else() {
    let options = Options {
        visibility: Duration::from_secs(5),
        sweep_every: None,
        clients: recording_clients,
        ..Options::default()
    };
    let test = TestStack::with(options).await;
    staff_first(&test).await;
    senders(&test).await;
    let redemption = callers(&test).await;
    time(&test, &redemption).await;
    staff(&test).await;
    let needed = permissions_needed();

    let template = Template::read();
    let mut allowed: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
    for function in FUNCTIONS {
        allowed.insert(kebab(function), template.allowed(&format!("{function}Role"), "Code"));
    }
    allowed.insert("Operator".to_owned(), statements(&template.resource("OperatorPolicy")["PolicyDocument"]));
    assert_eq!(shown(&needed), shown(&allowed), "left: what the code does; right: what the template allows");

    let heard: BTreeSet<String> = needed.values().flatten().map(|(action, _)| action.clone()).collect();
    let unheard: Vec<String> = called().difference(&heard).cloned().collect();
    assert_eq!(unheard, Vec::<String>::new(), "called in the sources and not heard: this test does not do everything");
}

/// Cards to redeem, before anybody listens.
async fn staff_first(test: &TestStack) {
    let codes: Vec<String> = (0..5).map(|n| format!("CARD-{n}")).collect();
    let program = "hr-software".try_into().expect("a program");
    store::cards::load(&test.stack.store, &program, "starbucks-10", &codes, &test.stack.sealer, |_| ())
        .await
        .expect("loaded");
}

/// One line per permission, so that a difference can be read.
fn shown(permissions: &BTreeMap<String, BTreeSet<Permission>>) -> String {
    let lines = permissions.iter().flat_map(|(who, all)| all.iter().map(move |(a, r)| format!("{who}: {a} on {r}\n")));
    lines.collect()
}

#[test]
fn lambda_may_do_for_a_function_what_its_triggers_need_and_nothing_else() {
    let template = Template::read();
    let own = |actions: &[&str], resource: &str| -> Vec<Permission> {
        actions.iter().map(|a| ((*a).to_owned(), resource.to_owned())).collect()
    };
    for (name, function) in template.resources("AWS::Serverless::Function") {
        let mut expected: BTreeSet<Permission> = BTreeSet::new();
        expected.extend(own(&["logs:CreateLogStream", "logs:PutLogEvents"], &format!("{}-logs", kebab(name))));
        expected.extend(own(&["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"));
        for (_, event) in function["Events"].as_hash().into_iter().flatten() {
            let properties = &event["Properties"];
            match event["Type"].as_str() {
                Some("SQS") => {
                    let queue = kebab(properties["Queue"].as_str().expect("a queue").trim_end_matches(".Arn"));
                    let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
                    expected.extend(own(&actions, &queue));
                }
                Some("DynamoDB") => {
                    let actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];
                    let actions: Vec<String> = actions.iter().map(|a| format!("dynamodb:{a}")).collect();
                    expected.extend(actions.into_iter().map(|a| (a, "ledger/stream/".to_owned())));
                    expected.extend(own(&["sqs:SendMessage"], "relay-failures"));
                }
                other => panic!("{name} has a trigger that this test does not know: {other:?}"),
            }
        }
        assert_eq!(template.allowed(&format!("{name}Role"), "Platform"), expected, "{name}");
    }
}
