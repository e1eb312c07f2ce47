//! I27: no request and no sweep reads without a bound, whatever there are ten thousand of, a partner's own or the others'. What a
//! table goes through is counted, not what it gives.

use super::*;

#[tokio::test]
async fn no_request_reads_without_a_bound() {
    let bench = Bench::start().await;
    let redemption = bench.one_of_each("p").await;
    bench.one_of_each("o").await;
    for who in ["p", "o"] {
        bench.many_of_each(who);
    }
    let router = web::closed(ReadAccounts::new(bench.store.clone()).routes(), web::ClaimNames::default());
    let get = async |path: &str, query: &str| {
        let claims = json!({ "program": "hr-software", "partner_id": "p", "scope": "read", "exp": "99999999999" });
        let call = json!({
            "rawPath": path, "rawQueryString": query, "headers": {},
            "requestContext": { "http": { "method": "GET" }, "authorizer": { "jwt": { "claims": claims, "scopes": null } } },
        });
        let reply = web::answer(router.clone(), serde_json::from_value(call).expect("a call")).await;
        serde_json::to_value(&reply).expect("JSON")
    };
    // A page has fifty; of a list by outcome twenty are looked through, of a statement a thousand records that moved nothing.
    let rows = [
        ("", "", 10),
        ("/statement", "", 1_010),
        ("/events", "", 60),
        ("/events", "outcome=conflict", 60),
        ("/events", "outcome=rejected", 60),
        ("/events", "outcome=held", 60),
        ("/events", "outcome=awarded", 1_010),
        ("/redemptions", "", 60),
        ("/explanation", "source=/crm/a&id=p-won-id", 10),
        ("/explanation", "source=/crm/a&id=p-early-id7", 10),
        ("/explanation", "source=/crm/a&id=p-foreign-id7", 10),
        ("/explanation", "source=/crm/a&id=there-is-none", 10),
    ];
    let one = format!("/redemptions/{redemption}");
    let own = rows.map(|(path, query, most)| (format!("/v1/partners/p{path}"), query, most));
    let others = [(format!("/v1/partners/p{one}"), "", 10), ("/v1/rewards".to_owned(), "", 15)];
    bench.wire.read();
    for (path, query, most) in own.into_iter().chain(others) {
        let reply = get(&path, query).await;
        assert!(reply["statusCode"] == 200 || query.ends_with("none"), "{path} {query}: {reply}");
        let read = bench.wire.read();
        assert!((1..=most).contains(&read), "{read} items were read for {path} {query}");
    }
}

/// A sweep looks at so much in one invocation, leaves the rest to the next, and comes to its end; who was sent to be reviewed is not
/// sent again by the one after it.
#[tokio::test]
async fn no_sweep_reads_without_a_bound() {
    let bench = Bench::start().await;
    bench.one_of_each("p").await;
    bench.one_of_each("o").await;
    bench.many_of_each("p");
    // Ten thousand partners more, of whom something is due.
    bench.wire.multiply("laurel-state", "partner#hr-software#o", "\"due_on\"", |_, copy| {
        copy["due_on"]["S"] = "2026-06-01".into();
    });
    let clients = Clients::local_over("http://aws.simulated", SharedHttpClient::new(bench.wire.clone()));
    let queue = |name: &str| Queue::new(clients.sqs(), &format!("http://aws.simulated/0/{name}"));
    let [reviews, events, redemptions] = ["partner-reviews", "partner-events", "redemptions"].map(queue);
    let handler = ReviewPartners::new(bench.store.clone(), reviews, events, redemptions);
    let invoke = async |trigger: Trigger| {
        bench.wire.read();
        let deadline = Instant::now() + Duration::from_secs(600);
        let reply = handler.handle(trigger, deadline).await.expect("it runs");
        assert!(reply.batch_item_failures.is_empty());
        bench.wire.read()
    };
    for (sweep, partners, redemptions) in [("first", MANY, MANY), ("second", 0, MANY)] {
        let mut read = vec![invoke(Trigger::Schedule(json!({}))).await];
        let mut sent = bench.wire.sent("partner-reviews");
        let mut reviewed = 0;
        while let Some(message) = sent.pop() {
            let task: Value = serde_json::from_str(&message).expect("JSON");
            if task["sweep"].is_null() {
                reviewed += 1;
                continue;
            }
            let batch = json!({ "Records": [{ "messageId": "m", "body": message }] });
            read.push(invoke(Trigger::Batch(serde_json::from_value(batch).expect("a batch"))).await);
            sent.extend(bench.wire.sent("partner-reviews"));
        }
        assert_eq!(reviewed, partners, "{sweep}: partners sent to be reviewed");
        assert_eq!(bench.wire.sent("redemptions").len(), redemptions, "{sweep}: redemptions sent again");
        let most = read.iter().max().copied().unwrap_or_default();
        println!("{sweep}: {} invocations, at most {most} items", read.len());
        // Four pages each of a shard of the index and of redemptions, by five hundred, and of holds, by two hundred and fifty.
        assert!(most <= 5_100 && read[1..].iter().all(|read| *read <= 2_010), "{sweep}: {read:?}");
        assert!(read.len() < 60, "{sweep}: {} invocations", read.len());
    }
}
