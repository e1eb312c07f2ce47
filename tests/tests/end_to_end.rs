//! Through queue, functions, ledger and HTTP: every sample event and every hostile one, every bad request.

use std::collections::BTreeSet;

use domain::decide::Awaited;
use event::ids::{PartnerId, ProgramId};
use laurel_tests::{Api, TestStack, body, envelope_bodies};
use local::queues;
use serde_json::{Value, json};
use store::holds::{Hold, Of};

const READ_REDEEM: [&str; 2] = ["read", "redeem"];

fn enrolled(partner: &str) -> String {
    body(
        "partner.enrolled",
        partner,
        "hr-software",
        "/crm/acme",
        &format!("{partner}-enrolled"),
        &json!({ "name": partner, "motions": ["sell"] }),
    )
}

fn won(partner: &str, deal: &str, acv: &str) -> String {
    let data = json!({ "deal_id": deal, "outcome": "won", "acv": { "amount": acv, "currency": "USD" }, "tenor_months": 12, "motion": "sell" });
    body("deal.closed", partner, "hr-software", "/crm/acme", &format!("{deal}-won"), &data)
}

async fn events(api: &Api, partner: &str, query: &str) -> Vec<Value> {
    let (status, list) = api.get(&format!("/v1/partners/{partner}/events?limit=500{query}")).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().cloned().unwrap_or_default()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Every sample of `events/`, one of each type, is judged; none ends in a dead-letter queue.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_is_judged() {
    let test = TestStack::start().await;
    let api = test.api(Some("partner-17"), "hr-software", &["read"]);
    let order = [
        "partner.enrolled",
        "agreement.accepted",
        "target.set",
        "course.completed",
        "certification.granted",
        "deal.registered",
        "deal.lease_extended",
        "deal.qualified",
        "deal.influenced",
        "content.viewed",
        "reward.viewed",
        "project.completed",
        "attestation.recorded",
        "award.released",
        "award.withdrawn",
        "exclusivity.granted",
        "exclusivity.ended",
        "benefit.booked",
        "benefit.released",
        "deal.closed",
        "deal.amended",
        "deal.reassigned",
        "invoice.paid",
        "payout.settled",
        "payout.returned",
        "deal.reversed",
        "purchase_order.received",
        "certification.expired",
        "partner.suspended",
        "partner.reinstated",
        "partner.offboarded",
        "budget.funded",
        "budget.reduced",
    ];
    assert_eq!(
        order.iter().copied().collect::<BTreeSet<_>>(),
        event::catalogue::names().into_iter().collect(),
        "one sample for each type"
    );
    let of_partner = order.iter().filter(|name| !event::catalogue::is_of_program(name)).count();
    for name in order {
        test.send(&envelope_bodies(name)).await;
    }
    let rows = test
        .until("all are judged", async || {
            Some(events(&api, "partner-17", "").await).filter(|rows| rows.len() == of_partner)
        })
        .await;
    let outcome = |kind: &str| {
        rows.iter()
            .find(|r| r["type"] == kind)
            .map(|r| r["outcome"].as_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    };
    for kind in
        ["course.completed", "deal.registered", "deal.qualified", "deal.closed", "deal.amended", "content.viewed"]
    {
        assert_eq!(outcome(kind), "awarded", "{kind}");
    }
    assert_eq!(outcome("deal.reassigned"), "refused", "what a closed deal earned stays where it is");
    assert_eq!(test.in_queue(queues::PARTNER_EVENTS_DEAD).await, 0);
    // The bus hears of what was earned, of tiers, and nothing of a person.
    let notices = test
        .stack
        .clients
        .sqs()
        .receive_message()
        .queue_url(test.stack.aws.queue_url(queues::NOTICES))
        .max_number_of_messages(10);
    let bodies: Vec<String> = notices
        .send()
        .await
        .expect("notices")
        .messages
        .unwrap_or_default()
        .into_iter()
        .filter_map(|m| m.body)
        .collect();
    assert!(
        bodies.iter().any(|b| b.contains("TierChanged")) && bodies.iter().all(|b| !b.contains("northwind.example"))
    );
}

/// No ledger item holds a person's id: it is a pseudonym there.
#[tokio::test(flavor = "multi_thread")]
async fn persons_stay_out_of_the_ledger() {
    let test = TestStack::start().await;
    for name in ["partner.enrolled", "course.completed", "content.viewed", "hostile.repeated"] {
        test.send(&envelope_bodies(name)).await;
    }
    let scan = test.stack.clients.dynamodb().scan().table_name(local::LEDGER_TABLE).send().await.expect("scan");
    assert!(scan.count > 3);
    assert!(!format!("{:?}", scan.items()).contains("northwind.example"), "no e-mail address in the ledger");
    assert!(format!("{:?}", scan.items()).contains("person-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_event_ends_where_it_should() {
    let test = TestStack::start().await;
    let api = test.api(Some("partner-17"), "hr-software", &["read"]);
    test.send(&[enrolled("partner-17"), enrolled("partner-18")]).await;
    for name in ["hostile.unreadable", "hostile.form", "hostile.time", "hostile.money", "hostile.waiting"] {
        test.send(&envelope_bodies(name)).await;
    }
    // One after the other: of two bodies sent at once under one identity, whichever is judged first stands.
    for repeated in envelope_bodies("hostile.repeated") {
        test.send(&[repeated]).await;
    }
    let store = &test.stack.store;
    let quarantined = store::aside::quarantined(store, 100).await.expect("read");
    assert_eq!(quarantined.len(), envelope_bodies("hostile.unreadable").len());
    assert_eq!(test.in_queue(queues::QUARANTINE).await, quarantined.len() as u64);
    assert!(quarantined.iter().any(|q| q.offset.is_some()));

    let kept = store::aside::list(store, "hr-software", "rejected", 100).await.expect("read");
    let expected: usize =
        ["hostile.form", "hostile.time", "hostile.money"].iter().map(|n| envelope_bodies(n).len()).sum();
    assert_eq!(kept.len(), expected);
    let rejected = |id: &str| {
        let row = kept.iter().find(|k| k.id == id).unwrap_or_else(|| panic!("{id} was not rejected"));
        let rejection = row.rejection.clone().expect("a reason");
        (serde_json::to_value(rejection.code).expect("code").as_str().unwrap_or_default().to_owned(), rejection.field)
    };
    for (id, code, field) in [
        ("h-type", "unsupported_type", "type"),
        ("h-version", "unsupported_version", "specversion"),
        ("h-subject", "bad_id", "subject"),
        ("h-own", "reserved_source", "source"),
        ("h-source", "source_not_allowed", "source"),
        ("h-nested", "too_complex", "data"),
        ("h-wide", "too_complex", "data"),
        ("h-duplicate-key", "duplicate_key", "data"),
        ("h-future", "bad_time", "time"),
        ("h-24", "bad_time", "time"),
        ("h-amount-3", "bad_amount", "data.acv.amount"),
        ("h-amount-number", "bad_amount", "data.acv.amount"),
        ("h-jpy", "bad_currency", "data.acv.amount"),
        ("h-zzz", "bad_currency", "data.acv.currency"),
    ] {
        assert_eq!(rejected(id), (code.to_owned(), field.to_owned()), "{id}");
    }

    let conflicts = store::aside::list(store, "hr-software", "conflict", 100).await.expect("read");
    assert_eq!(conflicts.len(), 2, "another amount, and another partner");
    assert!(
        conflicts.iter().all(|c| c.first_hash.as_ref().is_some_and(|first| *first != c.hash)),
        "both hashes are kept (I4)"
    );
    assert_eq!(conflicts.iter().map(|c| c.first_hash).collect::<BTreeSet<_>>().len(), 1);

    let held = held(&test).await;
    let kind = |hold: &Hold| hold.awaits.to_string().split(' ').next().map(str::to_owned);
    let awaits: BTreeSet<String> = held.iter().filter_map(kind).collect();
    assert_eq!((held.len(), awaits), (4, ["deal", "partner", "rate"].map(str::to_owned).into()));
    assert_eq!(test.in_queue(queues::PARTNER_EVENTS_DEAD).await, 0);

    let (_, partner) = api.get("/v1/partners/partner-17").await;
    assert_eq!(partner["balance"]["available"], 500, "one award for all of it");
    let rows = events(&api, "partner-17", "&outcome=conflict").await;
    assert_eq!(ids(&rows), ["crm-8841-won".to_owned()].into());
    let (status, explained) = api.get("/v1/partners/partner-17/explanation?source=/crm/acme&id=h-type").await;
    assert_eq!((status, explained["outcome"].as_str()), (200, Some("rejected")));
}

/// A rejected event claims nothing: corrected under the same id it is judged.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_event_is_judged() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &["read"]);
    test.send(&[enrolled("p")]).await;
    test.send(&[won("p", "d", "-5")]).await;
    test.send(&[won("p", "d", "5")]).await;
    let (_, partner) = api.get("/v1/partners/p").await;
    assert_eq!(partner["balance"]["available"], 200);
}

/// Every held event of the program.
async fn held(test: &TestStack) -> Vec<Hold> {
    let program = "hr-software".try_into().expect("a program");
    let page = store::holds::page(&test.stack.store, Of::Program(&program), None).await.expect("holds");
    page.items.into_iter().collect::<Result<_, _>>().expect("every hold reads")
}

/// What waits for a partner, a deal, a rate is judged when it comes, without anybody sending it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_judged_when_it_comes() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &["read"]);
    let reversed =
        body("deal.reversed", "p", "hr-software", "/crm/acme", "d-reversed", &json!({ "deal_id": "d", "reason": "x" }));
    let krone = won("p", "n", "1000").replace("\"USD\"", "\"NOK\"");
    test.send(&[won("p", "d", "60000"), reversed, krone, won("p", "e", "20000")]).await;
    assert_eq!(held(&test).await.len(), 4);
    test.send(&[enrolled("p")]).await;
    let balance = async || api.get("/v1/partners/p").await.1["balance"]["available"].as_i64();
    test.until("the deals are judged", async || balance().await.filter(|b| *b == 500)).await;
    test.until("only the rate is missing", async || {
        Some(held(&test).await).filter(|h| h.len() == 1 && h[0].awaits == Awaited::Rate("NOK".to_owned()))
    })
    .await;
    let program = include_str!("../../infra/programs/hr-software.toml")
        .replace("[program.rates]", "[program.rates]\nNOK = \"0.1\"\n#");
    store::programs::publish(&test.stack.store, &program, None, "test").await.expect("published");
    test.stack.sweep().await.expect("swept");
    test.until("the krone deal is judged", async || balance().await.filter(|b| *b == 700)).await;
}

/// One event that cannot be committed ends in the dead-letter queue; its neighbours do not.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_cannot_commit_keeps_none_of_the_others() {
    let test = TestStack::with(local::Options {
        visibility: std::time::Duration::from_secs(1),
        sweep_every: None,
        ..Default::default()
    })
    .await;
    let api = test.api(Some("p"), "hr-software", &["read"]);
    test.send(&[enrolled("p")]).await;
    // A stored deal that does not read as one: nothing about it can be decided.
    let mut item = store::tables::items::state_key(
        &store::tables::keys::deal(&"hr-software".try_into().expect("id"), "broken"),
        store::tables::keys::ONLY,
    );
    item.insert("version".to_owned(), store::tables::items::text("what?"));
    test.stack
        .clients
        .dynamodb()
        .put_item()
        .table_name(local::STATE_TABLE)
        .set_item(Some(item))
        .send()
        .await
        .expect("put");
    let mut group: Vec<String> = (0..20).map(|n| won("p", &format!("d{n}"), "100")).collect();
    group.insert(7, won("p", "broken", "100"));
    test.send(&group).await;
    test.until("the dead letter", async || (test.in_queue(queues::PARTNER_EVENTS_DEAD).await == 1).then_some(())).await;
    let rows = events(&api, "p", "").await;
    assert_eq!(rows.len(), 21, "the enrolment and twenty deals");
    assert!(!ids(&rows).contains("broken-won"));
    let dead = test
        .stack
        .clients
        .sqs()
        .receive_message()
        .queue_url(test.stack.aws.queue_url(queues::PARTNER_EVENTS_DEAD))
        .send()
        .await
        .expect("dead letters");
    assert!(dead.messages()[0].body().is_some_and(|b| b.contains("broken-won")));
}

/// A point value changed and published: later events have it, earlier ones keep the old.
#[tokio::test(flavor = "multi_thread")]
async fn a_published_change_counts_from_its_time_on() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &["read"]);
    test.send(&[enrolled("p")]).await;
    let changed = include_str!("../../infra/programs/hr-software.toml")
        .replace("{ from = \"10000\", points = 500 }", "{ from = \"10000\", points = 555 }");
    store::programs::publish(&test.stack.store, &changed, None, "test").await.expect("published");
    let later = won("p", "new", "20000").replace("2026-03-14T09:30:00Z", &jiff::Timestamp::now().to_string());
    test.send(&[won("p", "old", "20000"), later]).await;
    let rows = events(&api, "p", "").await;
    let points = |id: &str| rows.iter().find(|r| r["id"] == id).map(|r| r["points"].clone());
    assert_eq!((points("old-won"), points("new-won")), (Some(json!(500)), Some(json!(555))));
    let backdated = store::programs::publish(
        &test.stack.store,
        &changed.replace("555", "556"),
        "2026-01-01T00:00:00Z".parse().ok(),
        "test",
    )
    .await;
    assert!(matches!(backdated, Err(store::programs::PublishError::TooEarly { .. })));
    let numbered = changed.replace("id = \"hr-software\"", "id = \"hr-software\"\nversion = 2").replace("555", "557");
    assert!(matches!(
        store::programs::publish(&test.stack.store, &numbered, None, "test").await,
        Err(store::programs::PublishError::Edited { number: 2, next: 3 })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_from_request_to_card() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &READ_REDEEM);
    let program: ProgramId = "hr-software".try_into().expect("id");
    let codes = ["SECRET-1".to_owned(), "SECRET-2".to_owned(), "SECRET-1".to_owned()];
    let loaded = store::cards::load(&test.stack.store, &program, "starbucks-10", &codes, &test.stack.sealer, |_| ())
        .await
        .expect("loaded");
    assert_eq!((loaded.loaded, loaded.repeated), (2, 1));
    test.send(&[enrolled("p")]).await;
    test.send(&[won("p", "d", "50000")]).await;
    let order = r#"{"reward_id":"starbucks-10","quantity":2,"recipient":{"name":"Ann Example"}}"#;
    let (status, first) = api.redeem("p", "key-1", order).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(api.redeem("p", "key-1", order).await, (201, first.clone()), "byte for byte");
    assert_eq!(api.redeem("p", "key-1", r#"{"reward_id":"starbucks-10","quantity":1}"#).await.0, 422, "another body");
    let made: Value = serde_json::from_str(&first).expect("json");
    let path = format!("/v1/partners/p/redemptions/{}", made["id"].as_str().expect("id"));
    test.until("fulfilled", async || (api.get(&path).await.1["status"] == "fulfilled").then_some(())).await;
    let card: Value =
        api.request("POST", &format!("{path}/reveal")).send().await.expect("reveal").json().await.expect("json");
    let shown: BTreeSet<&str> = card["codes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(shown, ["SECRET-1", "SECRET-2"].into());
    let cancel = api.request("POST", &format!("{path}/cancel")).send().await.expect("cancel");
    assert_eq!(cancel.status().as_u16(), 409, "fulfilled is final");
    let (_, list) = api.get("/v1/partners/p/redemptions").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert!(!list.to_string().contains("SECRET"), "no code in a list (I17)");
    // No code and no recipient anywhere in the clear.
    for table in [local::LEDGER_TABLE, local::STATE_TABLE, local::WAITING_TABLE] {
        let all =
            format!("{:?}", test.stack.clients.dynamodb().scan().table_name(table).send().await.expect("scan").items());
        assert!(!all.contains("SECRET-"), "{table}");
        assert_eq!(all.contains("Ann Example"), table == local::STATE_TABLE);
    }
    let head = store::state::head(&test.stack.store, &program, &PartnerId::try_from("p").expect("id"))
        .await
        .expect("head")
        .expect("head");
    assert_eq!(head.balance(domain::ledger::Asset::Points).reserved, 0);
}

/// Fifty keys at once over HTTP, of a balance that pays for three; then all of them again.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_at_once_of_a_balance_that_pays_for_three() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &READ_REDEEM);
    let codes: Vec<String> = (0..50).map(|n| format!("CODE-{n}")).collect();
    let program: ProgramId = "hr-software".try_into().expect("id");
    store::cards::load(&test.stack.store, &program, "starbucks-10", &codes, &test.stack.sealer, |_| ())
        .await
        .expect("loaded");
    test.send(&[enrolled("p")]).await;
    test.send(&[won("p", "d", "50000")]).await;
    let keys: Vec<String> = (0..50).map(|n| format!("key-{n}")).collect();
    let order = r#"{"reward_id":"starbucks-10","quantity":1}"#;
    let ask = || futures::future::join_all(keys.iter().map(|key| api.redeem("p", key, order)));
    let first = ask().await;
    assert_eq!(first.iter().filter(|(status, _)| *status == 201).count(), 3, "{first:?}");
    let refused = first.iter().filter(|(status, body)| {
        *status == 409 && (body.contains("not_enough_points") || body.contains("cap_reached"))
    });
    assert_eq!(refused.count(), 47);
    assert_eq!(ask().await, first, "every answer is saved, the refusals too");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_request_has_its_answer() {
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &READ_REDEEM);
    test.send(&[enrolled("p"), enrolled("q"), won("p", "d", "100")]).await;
    let redemptions = "/v1/partners/p/redemptions";
    let ask = |body: &str| {
        api.request("POST", redemptions)
            .header("idempotency-key", "k")
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let bodies = [
        (r#"{"reward_id":"starbucks-10","quantity":0}"#, 422, "/quantity"),
        (r#"{"reward_id":"starbucks-10","quantity":-1}"#, 422, "/quantity"),
        (r#"{"reward_id":"starbucks-10","quantity":1.5}"#, 422, "/quantity"),
        (r#"{"reward_id":"starbucks-10","quantity":"100"}"#, 422, "/quantity"),
        (r#"{"reward_id":"starbucks-10","quantity":9223372036854775808}"#, 422, "/quantity"),
        (r#"{"reward_id":"starbucks-10"}"#, 422, "/quantity"),
        (r#"{"quantity":1}"#, 422, "/reward_id"),
        (r#"{"reward_id":7,"quantity":1}"#, 422, "/reward_id"),
        (r#"{"reward_id":"starbucks-10","quantity":1,"points":5}"#, 422, "/points"),
        (r#"{"reward_id":"starbucks-10","quantity":1,"quantity":1}"#, 400, ""),
        ("[1]", 422, ""),
        ("nonsense", 400, ""),
        ("", 400, ""),
    ];
    for (body, status, pointer) in bodies {
        let reply = ask(body).send().await.expect("an answer");
        assert_eq!(reply.status().as_u16(), status, "{body}");
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
        let problem: Value = reply.json().await.expect("a problem");
        assert_eq!(problem["pointer"].as_str().unwrap_or_default(), pointer, "{body}");
        assert!(problem["code"].is_string());
    }
    let good = r#"{"reward_id":"starbucks-10","quantity":1}"#;
    for (key, reward, code) in [("r1", "starbucks-10", "out_of_stock"), ("r2", "amazon-250", "tier_too_low")] {
        let (status, problem) = api.redeem("p", key, &good.replace("starbucks-10", reward)).await;
        assert_eq!(status, 409, "{problem}");
        assert!(problem.contains(code), "{problem}");
        assert_eq!(
            api.redeem("p", key, &good.replace("starbucks-10", reward)).await,
            (409, problem),
            "the refusal is saved"
        );
    }
    let status = async |request: reqwest::RequestBuilder| request.send().await.expect("an answer").status().as_u16();
    let raw =
        |method: &str, path: &str| api.request(method, path).header("content-type", "application/json").body(good);
    assert_eq!(status(raw("POST", redemptions)).await, 400, "no key");
    let two = raw("POST", redemptions).header("idempotency-key", "k").header("idempotency-key", "l");
    assert_eq!(status(two).await, 400, "two keys");
    assert_eq!(
        status(
            api.request("POST", redemptions)
                .header("idempotency-key", "k")
                .header("content-type", "text/plain")
                .body(good)
        )
        .await,
        415
    );
    assert_eq!(
        status(raw("POST", redemptions).header("idempotency-key", "k").header("content-encoding", "gzip")).await,
        415,
        "no gzip bombs"
    );
    assert_eq!(status(ask(&format!(r#"{{"x":"{}"}}"#, "y".repeat(20_000)))).await, 413);
    assert_eq!(status(api.request("GET", "/v1/partners/p").header("x-long", "y".repeat(10_300))).await, 431);
    assert_eq!(status(api.request("GET", "/v1/../../etc/passwd")).await, 404);
    assert_eq!(status(api.request("GET", "/v1/partners/..%2f..%2fp")).await, 404);
    assert_eq!(status(api.request("DELETE", "/v1/partners/p")).await, 405);
    assert_eq!(status(api.request("GET", "/v1/partners/q")).await, 404, "another partner's");
    assert_eq!(status(api.request("GET", "/v1/partners/nobody")).await, 404);
    assert_eq!(status(api.request("GET", "/v1/partners/p/statement?cursor=AAAA")).await, 400);
    assert_eq!(status(api.request("GET", "/v1/partners/p/statement?limit=0")).await, 400);
    assert_eq!(status(api.request("GET", "/v1/partners/p/redemptions/nothing")).await, 404);
    let reader = test.api(Some("p"), "hr-software", &["read"]);
    assert_eq!(reader.redeem("p", "k9", good).await.0, 403);
    assert_eq!(reader.get("/v1/partners/p").await.0, 200);
    let other = test.api(Some("q"), "hr-software", &READ_REDEEM);
    let (_, first) = api.redeem("p", "same-key", good).await;
    let (_, second) = other.redeem("q", "same-key", good).await;
    assert!(
        first.contains("out_of_stock") && second.contains("out_of_stock"),
        "the same key of another partner is independent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_token_opens() {
    use base64::Engine;
    let test = TestStack::start().await;
    let api = test.api(Some("p"), "hr-software", &["read"]);
    test.send(&[enrolled("p")]).await;
    let with = async |token: &str| {
        let get = reqwest::Client::new()
            .get(format!("{}/v1/partners/p", api.base))
            .header("authorization", format!("Bearer {token}"));
        get.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(with(&api.token).await, 200);
    let parts: Vec<&str> = api.token.split('.').collect();
    let b64 = |v: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(v.to_string());
    let none = format!("{}.{}.", b64(&json!({ "alg": "none", "typ": "JWT" })), parts[1]);
    let tampered = format!(
        "{}.{}.{}",
        parts[0],
        b64(
            &json!({ "partner_id": "q", "program": "hr-software", "scope": "read", "iss": api.base, "aud": "laurel", "exp": 4_000_000_000_u64 })
        ),
        parts[2]
    );
    let elsewhere = std::env::temp_dir().join(format!("laurel-elsewhere-{}", std::process::id()));
    let foreign =
        local::Tokens::open(Some(&elsewhere), &api.base, ambient::Clock::system(), &ambient::Random::system())
            .expect("keys")
            .sign(Some("p"), "hr-software", &["read".to_owned()])
            .expect("token");
    std::fs::remove_dir_all(elsewhere).expect("removed");
    for bad in ["", "x", &none, &tampered, &foreign] {
        assert_eq!(with(bad).await, 401, "{bad}");
    }
    let bare = reqwest::get(format!("{}/v1/partners/p", api.base)).await.expect("an answer");
    assert_eq!(bare.status().as_u16(), 401);
    assert_eq!(bare.headers()["www-authenticate"], "Bearer");
    // C5: the scheme in any case; E8: a 401 says which check failed.
    let get = |authorization: String| {
        reqwest::Client::new().get(format!("{}/v1/partners/p", api.base)).header("authorization", authorization).send()
    };
    assert_eq!(get(format!("bearer {}", api.token)).await.expect("an answer").status().as_u16(), 200);
    assert_eq!(get(format!("Basic {}", api.token)).await.expect("an answer").status().as_u16(), 401);
    let refused = get(format!("Bearer {foreign}")).await.expect("an answer");
    let challenge = refused.headers()["www-authenticate"].to_str().expect("text").to_owned();
    assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains("InvalidSignature"), "{challenge}");
    // E8: every answer says which request it is of.
    let [one, other] = [api.request("GET", "/v1/partners/p"), api.request("GET", "/v1/nowhere")];
    let mut ids = vec![refused.headers()["x-request-id"].to_str().expect("text").to_owned()];
    for request in [one, other] {
        let answer = request.send().await.expect("an answer");
        ids.push(answer.headers()["x-request-id"].to_str().expect("text").to_owned());
    }
    assert!(ids.iter().all(|id| id.len() == 36) && ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_may_be_posted() {
    let test = TestStack::start().await;
    let sender = test.api(None, "hr-software", &["ingest"]);
    let api = test.api(Some("p"), "hr-software", &["read"]);
    let post = |kind: &'static str, body: String| {
        sender.request("POST", "/v1/events").header("content-type", kind).body(body).send()
    };
    let one = post("application/cloudevents+json", enrolled("p")).await.expect("an answer");
    assert_eq!(one.status().as_u16(), 202);
    let batch = format!(
        "[{},{},{}]",
        won("p", "d", "20000"),
        won("p", "bad", "x"),
        won("p", "d2", "0.5").replace("hr-software", "perx")
    );
    let reply = post("application/cloudevents-batch+json", batch).await.expect("an answer");
    assert_eq!(reply.status().as_u16(), 202);
    let items: Value = reply.json().await.expect("json");
    let words: Vec<&str> =
        items["items"].as_array().into_iter().flatten().filter_map(|i| i["disposition"].as_str()).collect();
    assert_eq!(words, ["queued", "rejected", "rejected"], "a token is for one program");
    let bad = post("application/cloudevents+json", won("p", "bad", "x")).await.expect("an answer");
    assert_eq!(bad.status().as_u16(), 422);
    assert_eq!(bad.json::<Value>().await.expect("json")["pointer"], "/data/acv/amount");
    assert_eq!(
        api.request("POST", "/v1/events")
            .header("content-type", "application/cloudevents+json")
            .body("{}")
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16(),
        403
    );
    test.until("the points", async || {
        Some(api.get("/v1/partners/p").await.1).filter(|p| p["balance"]["available"] == 500)
    })
    .await;
    let (_, page) = api.get("/v1/partners/p/statement?limit=1").await;
    assert!(page["items"].as_array().is_some_and(|i| i.len() == 1) && page["next_cursor"].is_string());
    let next = api
        .get(&format!("/v1/partners/p/statement?limit=1&cursor={}", page["next_cursor"].as_str().unwrap_or_default()))
        .await
        .1;
    assert_eq!(next["items"], json!([]), "the enrolment moved no points");
    let csv = api
        .request("GET", "/v1/partners/p/statement")
        .header("accept", "text/csv")
        .send()
        .await
        .expect("csv")
        .text()
        .await
        .expect("text");
    assert!(csv.starts_with("position,at,") && csv.contains(",accrual,500,,points,500,program,"));
    let (_, rewards) = api.get("/v1/rewards").await;
    let star = rewards["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|r| r["reward_id"] == "starbucks-10")
        .cloned()
        .expect("the card");
    assert_eq!((star["available"].clone(), star["reason"].clone()), (json!(false), json!("out_of_stock")));
}
