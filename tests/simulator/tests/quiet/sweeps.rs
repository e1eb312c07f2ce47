//! What a sweep sends, marks and leaves, whoever writes meanwhile and whatever the clocks say.

use super::*;

fn review_of(wire: &Wire, store: &Store) -> ReviewPartners {
    let clients = Clients::local_over("http://aws.simulated", SharedHttpClient::new(wire.clone()));
    let queue = |name: &str| Queue::new(clients.sqs(), &format!("http://aws.simulated/0/{name}"));
    let [reviews, events, redemptions] = ["partner-reviews", "partner-events", "redemptions"].map(queue);
    ReviewPartners::new(store.clone(), reviews, events, redemptions)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

async fn sweep(wire: &Wire, store: &Store) -> Vec<String> {
    review_of(wire, store).handle(Trigger::Schedule(json!({})), soon()).await.expect("it runs");
    sent(wire)
}

/// What was sent, but for leaderboards: of those each shard of each period once, and every shard or none.
fn sent(wire: &Wire) -> Vec<String> {
    let is_board = |message: &String| message.contains(r#""sweep":"board""#);
    let (boards, rest): (Vec<String>, _) = wire.sent("partner-reviews").into_iter().partition(is_board);
    let parsed = boards.iter().map(|board| serde_json::from_str(board).expect("JSON"));
    let of = |board: Value| (board["board"]["of"].to_string(), board["board"]["shard"].as_u64().expect("a shard"));
    let counted: BTreeMap<_, u64> = parsed.map(of).fold(BTreeMap::new(), |mut all, of| {
        *all.entry(of).or_default() += 1;
        all
    });
    assert!(counted.values().all(|times| *times == 1), "{counted:?}");
    for (of, _) in counted.keys() {
        assert_eq!(counted.keys().filter(|(same, _)| same == of).count(), 8, "{counted:?}");
    }
    rest
}

async fn deliver(wire: &Wire, store: &Store, messages: Vec<String>) {
    for message in messages {
        let batch = json!({ "Records": [{ "messageId": "m", "body": message }] });
        let trigger = Trigger::Batch(serde_json::from_value(batch).expect("a batch"));
        let reply = review_of(wire, store).handle(trigger, soon()).await.expect("it runs");
        assert!(reply.batch_item_failures.is_empty());
    }
}

/// A store that reads programs anew each time.
fn reading_anew(bench: &Bench, clock: Clock) -> Store {
    let table = |name: &str| format!("laurel-{name}");
    let settings = StoreSettings {
        ledger_table: table("ledger"),
        state_table: table("state"),
        waiting_table: table("waiting"),
        program_age_max: Duration::ZERO,
    };
    Store::new(bench.store.client().clone(), settings, clock, Random::system())
}

fn at(instant: &str) -> Clock {
    Clock::standing_at(instant.parse().expect("an instant"))
}

fn due_on(bench: &Bench, who: &str) -> Option<String> {
    let key = json!({ "TableName": "laurel-state", "Key": {
        "pk": { "S": format!("partner#hr-software#{who}") }, "sk": { "S": "head" } } });
    let (status, item) = bench.wire.services(|services| services.answer("GetItem", &key));
    assert_eq!(status, 200);
    item["Item"]["due_on"]["S"].as_str().map(str::to_owned)
}

/// One sweep runs on a machine whose clock is ahead; all others are right. Nobody is looked at too late for it.
#[tokio::test]
async fn a_clock_that_was_ahead_for_one_sweep_delays_nobody() {
    let bench = Bench::start().await;
    let enrolled = bench.event("partner.enrolled", "/crm/a", "p", "e", &json!({ "name": "P", "motions": ["sell"] }));
    bench.judge("p", enrolled).await;
    let right = due_on(&bench, "p");
    assert_eq!(right.as_deref(), Some("2026-07-11"), "the close of the second quarter");
    // Sixty days ahead.
    let sent = sweep(&bench.wire, &bench.store.under(at("2026-08-14T12:00:00Z"))).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    deliver(&bench.wire, &bench.store, sent).await;
    assert_eq!(due_on(&bench, "p"), right, "it was looked at by the right clock, which knows its next day");
}

/// The same, seen from the sweep.
#[tokio::test]
async fn a_partner_is_looked_at_on_its_day_after_a_clock_was_ahead() {
    let bench = Bench::start().await;
    let enrolled = bench.event("partner.enrolled", "/crm/a", "p", "e", &json!({ "name": "P", "motions": ["sell"] }));
    bench.judge("p", enrolled).await;
    let sent = sweep(&bench.wire, &bench.store.under(at("2026-08-14T12:00:00Z"))).await;
    deliver(&bench.wire, &bench.store, sent).await;
    for day in 12..=31 {
        let store = bench.store.under(at(&format!("2026-07-{day}T12:00:00Z")));
        let sent = sweep(&bench.wire, &store).await;
        if !sent.is_empty() {
            return;
        }
    }
    panic!("due on 11 July, and nobody looked at it until the end of July");
}

/// Of whom nothing becomes due any more is looked at once, not every hour for ever.
#[tokio::test]
async fn who_has_nothing_due_any_more_leaves_the_index() {
    let bench = Bench::start().await;
    // No points that run out.
    let never = PROGRAM.replace("expiry = \"24 months after earning, at the end of the month\"", "expiry = \"never\"");
    let from = |at: &str| at.parse().ok();
    store::programs::publish(&bench.store, &never, from("2026-06-15T13:00:00Z"), "test").await.expect("published");
    let store = reading_anew(&bench, at("2026-06-16T12:00:00Z"));
    let judge = async |store: &Store, kind: &str, id: &str, time: &str, data: Value| {
        let body = json!({ "specversion": "1.0", "id": id, "source": "/crm/a", "type": kind, "subject": "p", "program": "hr-software", "time": time, "data": data });
        let event = Event::parse(&body.to_string(), store.clock().now()).expect("an event");
        let programs = store::programs::read(store, &bench.program).await.expect("read").expect("published");
        engine::events::judge(store, &programs, &partner("p"), &[Arrival::from(event)], Bench::patience()).await[0]
            .outcome
    };
    let time = "2026-06-16T11:00:00Z";
    judge(&store, "partner.enrolled", "e", time, json!({ "name": "P", "motions": ["sell"] })).await;
    let acv = json!({ "amount": "100", "currency": "USD" });
    let won = judge(&store, "deal.closed", "w", time, json!({ "deal_id": "d", "outcome": "won", "acv": acv })).await;
    assert_eq!(won, Outcome::Awarded);
    judge(&store, "partner.offboarded", "o", "2026-06-16T11:30:00Z", json!({ "reason": "ended" })).await;
    let day = due_on(&bench, "p");
    assert!(day.is_some(), "its silver tier is reviewed");
    // A version whose tiers have other names: who left stands on none of them, and nothing of it becomes due.
    let renamed = never.replace("ladder.sell.silver", "ladder.sell.argent");
    assert_ne!(renamed, never);
    let two = store.under(at("2026-06-17T12:00:00Z"));
    store::programs::publish(&two, &renamed, from("2026-06-18T00:00:00Z"), "test").await.expect("published");
    let mut sent = Vec::new();
    for hour in (0..48).step_by(2) {
        let now: Timestamp = "2027-12-01T00:00:00Z".parse().expect("an instant");
        let store = store.under(Clock::standing_at(now + jiff::SignedDuration::from_hours(hour)));
        let now = sweep(&bench.wire, &store).await;
        sent.push(now.len());
        deliver(&bench.wire, &store, now).await;
    }
    assert!(sent.iter().sum::<usize>() <= 1, "{day:?}: reviews sent by 24 sweeps of two days: {sent:?}");
}

/// A program that does not read keeps no other from being swept.
#[tokio::test]
async fn a_program_that_does_not_read_keeps_no_other() {
    let bench = Bench::start().await;
    let other = PROGRAM.replace("id = \"hr-software\"", "id = \"zeta\"");
    let from = "2020-01-01T00:00:00Z".parse().ok();
    store::programs::publish(&bench.store, &other, from, "test").await.expect("published");
    let zeta: ProgramId = "zeta".try_into().expect("a program");
    let programs = store::programs::read(&bench.store, &zeta).await.expect("read").expect("published");
    let body = json!({ "specversion": "1.0", "id": "e", "source": "/crm/a", "type": "partner.enrolled", "subject": "p", "program": "zeta", "time": "2026-06-14T12:00:00Z", "data": { "name": "P", "motions": ["sell"] } });
    let event = Event::parse(&body.to_string(), bench.now()).expect("an event");
    let done =
        engine::events::judge(&bench.store, &programs, &partner("p"), &[Arrival::from(event)], Bench::patience()).await;
    assert_eq!(done[0].outcome, Outcome::NoRule);
    // The file of the first program is not what was published any more.
    bench.wire.services(|services| {
        let key = json!({ "pk": { "S": "program#hr-software" }, "sk": { "S": "version#0000000001" } });
        let (_, found) = services.answer("GetItem", &json!({ "TableName": "laurel-state", "Key": key }));
        let mut item = found["Item"].clone();
        item["file"]["S"] = format!("{}\n# bit rot", item["file"]["S"].as_str().expect("a file")).into();
        services.answer("PutItem", &json!({ "TableName": "laurel-state", "Item": item }));
    });
    let store = reading_anew(&bench, at("2026-07-12T12:00:00Z"));
    let done = review_of(&bench.wire, &store).handle(Trigger::Schedule(json!({})), soon()).await;
    let sent = bench.wire.sent("partner-reviews");
    assert!(sent.iter().any(|body| body.contains("zeta")), "{:?}: {sent:?}", done.map(|_| ()));
}

/// The reason that is told is that of what was kept last, also within a second.
#[tokio::test]
async fn what_was_kept_last_is_told_within_a_second() {
    let bench = Bench::start().await;
    let event = bench.event(
        "content.viewed",
        "/crm/a",
        "p",
        "x",
        &json!({ "content_id": "c", "person_id": "ann", "seconds": 1 }),
    );
    for (when, says) in [("2026-06-15T12:00:00Z", "first"), ("2026-06-15T12:00:00.5Z", "last")] {
        let rejection = Rejection::new(Code::SourceNotAllowed, "source", says);
        let kept = Aside::rejected(&event, &rejection, when.parse().expect("an instant"));
        store::aside::keep(&bench.store, &kept).await.expect("kept");
    }
    let found = store::aside::of_event(&bench.store, "hr-software", "p", ("/crm/a", "x")).await.expect("read");
    assert_eq!(found.and_then(|kept| kept.rejection).map(|why| why.message).as_deref(), Some("last"));
}

/// While marks are made, those who were sent are being reviewed: a transaction that holds one head is no end of a sweep.
#[tokio::test]
async fn a_partner_who_is_written_to_ends_no_sweep() {
    let bench = Bench::start().await;
    for who in ["p", "q", "r"] {
        let enrolled = bench.event(
            "partner.enrolled",
            "/crm/a",
            who,
            &format!("{who}-e"),
            &json!({ "name": "P", "motions": ["sell"] }),
        );
        bench.judge(who, enrolled).await;
    }
    // Something waits, and its deadline passes.
    let early = bench.event("deal.qualified", "/crm/a", "p", "early", &json!({ "deal_id": "unknown" }));
    assert_eq!(bench.judge("p", early).await, Outcome::Held);
    let held = async || {
        store::holds::page(&bench.store, store::holds::Of::Program(&bench.program), None)
            .await
            .expect("holds")
            .items
            .len()
    };
    assert_eq!(held().await, 1);
    // `award-points`, or another `review-partners`, writes `p` just now.
    let transaction = json!({ "TransactItems": [{ "ConditionCheck": {
        "TableName": "laurel-state", "Key": { "pk": { "S": "partner#hr-software#p" }, "sk": { "S": "head" } },
        "ConditionExpression": "attribute_exists(pk)" } }] });
    bench.wire.services(|services| services.tables.take_up(&transaction).expect("taken up"));
    let store = bench.store.under(at("2026-07-20T12:00:00Z"));
    let done = review_of(&bench.wire, &store).handle(Trigger::Schedule(json!({})), soon()).await;
    let sent = sent(&bench.wire);
    assert_eq!((sent.len(), held().await), (3, 0), "{:?}", done.map(|_| ()));
}

/// A hold that was sent again and is being judged when it is marked can be looked at.
#[tokio::test]
async fn a_hold_that_is_being_judged_is_marked_or_left() {
    let bench = Bench::start().await;
    let enrolled = bench.event("partner.enrolled", "/crm/a", "p", "e", &json!({ "name": "P", "motions": ["sell"] }));
    bench.judge("p", enrolled).await;
    let early = bench.event("deal.qualified", "/crm/a", "p", "early", &json!({ "deal_id": "unknown" }));
    let key = store::tables::keys::hold(&early.identity);
    assert_eq!(bench.judge("p", early).await, Outcome::Held);
    let page = store::holds::page(&bench.store, store::holds::Of::Program(&bench.program), None).await.expect("holds");
    let hold = page.items.into_iter().next().expect("one").expect("reads");
    let transaction = json!({ "TransactItems": [{ "Delete": {
        "TableName": "laurel-waiting", "Key": { "pk": { "S": key }, "sk": { "S": "-" } } } }] });
    bench.wire.services(|services| services.tables.take_up(&transaction).expect("taken up"));
    let marked = store::holds::mark_sent(&bench.store, &hold, bench.now()).await;
    assert!(marked.is_ok(), "{marked:?}: counted as holds_not_swept, which is an alarm");
}
