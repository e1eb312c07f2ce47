//! Pools on a table: many writers who draw on one budget at once, faults between them, and what a rebuild and an audit make of it (N10,
//! M22, I22, I26).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::decide::budgets;
use domain::ledger::{Outcome, PoolBalance, PoolPart};
use engine::events::{Arrival, judge};
use event::Event;
use event::ids::{PartnerId, ProgramId};
use laurel_tests::{Fault, TestStack, body, faulty_store};
use serde_json::{Value, json};
use store::Store;
use store::patience::Patience;

const PROGRAM: &str = r#"
[program]
id = "pools"
name = "Pools"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[budget.fund]
of = "points"
parts = 4
[budget.all]
of = "points"
when_short = "give nothing"
[earn.closed]
on = "deal.closed"
points = 70
budget = "fund"
[earn.qualified]
on = "deal.qualified"
points = 30
budget = "all"
[benefit.stand]
name = "Stand"
slots = 5
"#;

const WRITERS: usize = 16;

fn program() -> ProgramId {
    "pools".try_into().expect("a program")
}

fn partner(n: usize) -> PartnerId {
    format!("p{n}").try_into().expect("a partner")
}

/// One event, judged by a store of its own.
async fn send(store: &Store, kind: &str, of: &PartnerId, id: &str, data: Value) -> Outcome {
    let now = store.clock().now();
    let event = Event::parse(&body(kind, of, "pools", "/crm/t", id, &data), now).expect("an event");
    let programs = store::programs::read(store, &program()).await.expect("versions").expect("a version");
    let patience = Patience::until(store.clock().instant() + Duration::from_secs(120));
    judge(store, &programs, of, &[Arrival::from(event)], patience).await.remove(0).outcome
}

async fn left(store: &Store) -> Vec<(String, PoolBalance)> {
    let programs = store::programs::read(store, &program()).await.expect("versions").expect("a version");
    let budgets = budgets(&programs, store.clock().now(), None);
    let parts: Vec<PoolPart> = budgets.iter().flat_map(|budget| &budget.parts).cloned().collect();
    let stored = store::state::pools(store, &program(), parts).await.expect("pools");
    budgets.iter().map(|budget| (budget.budget.id.to_string(), budget.balance(&stored))).collect()
}

async fn findings(store: &Store) -> Vec<String> {
    let mut records = Vec::new();
    for of in (0..WRITERS).map(partner).chain([PartnerId::program()]) {
        records.extend(engine::audit::whole_history(store, &program(), &of).await.expect("a history"));
    }
    engine::audit::shared(store, &program(), &records, |_| true).await.expect("an audit")
}

/// N10, I22: sixteen writers, every transaction of whom meets a conflict now and then, or loses its reply: a budget gives all of what was
/// put into it, and no more; one that gives all or nothing gives nothing where too little is left.
#[tokio::test(flavor = "multi_thread")]
async fn n10_sixteen_writers_never_overdraw_a_budget() {
    let test = TestStack::start().await;
    test.publish(PROGRAM).await;
    let store = &test.stack.store;
    for n in 0..WRITERS {
        let data = json!({ "name": "P", "motions": ["sell"] });
        assert_eq!(send(store, "partner.enrolled", &partner(n), &format!("e{n}"), data).await, Outcome::NoRule);
    }
    let own = PartnerId::program();
    for (budget, points) in [("fund", 3_000), ("all", 1_000)] {
        let data = json!({ "budget": budget, "points": points });
        assert_eq!(send(store, "budget.funded", &own, &format!("f-{budget}"), data).await, Outcome::Applied);
    }
    let endpoint = test.stack.aws.endpoint();
    let writers = (0..WRITERS).map(|n| {
        let calls = AtomicU32::new(u32::try_from(n).expect("few"));
        let store = faulty_store(&endpoint, move |_| match calls.fetch_add(1, Ordering::Relaxed) % 5 {
            1 | 3 => Fault::Conflict,
            4 => Fault::LostReply,
            _ => Fault::None,
        });
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for deal in 0..4 {
                let deal = format!("d{n}-{deal}");
                let acv = json!({ "amount": "100", "currency": "USD" });
                let registered = json!({ "deal_id": deal, "opportunity_id": deal, "customer": "C" });
                send(&store, "deal.registered", &partner(n), &format!("{deal}-r"), registered).await;
                let qualified = json!({ "deal_id": deal });
                outcomes.push(send(&store, "deal.qualified", &partner(n), &format!("{deal}-q"), qualified).await);
                let closed = json!({ "deal_id": deal, "outcome": "won", "acv": acv });
                outcomes.push(send(&store, "deal.closed", &partner(n), &format!("{deal}-c"), closed).await);
            }
            outcomes
        })
    });
    let mut outcomes = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        outcomes.extend(writer.await.expect("a writer"));
    }
    // One whose reply was lost is a duplicate of itself.
    let sound = [Outcome::Awarded, Outcome::Refused, Outcome::Duplicate];
    assert!(outcomes.iter().all(|outcome| sound.contains(outcome)), "{outcomes:?}");
    let balance = |left, drawn, moves| PoolBalance { left, drawn, moves };
    let [all, fund] = &left(store).await[..] else { panic!("two budgets") };
    // 33 awards of 30 are 990: of the last ten nothing is given.
    assert_eq!((all.0.as_str(), balance(all.1.left, all.1.drawn, 0)), ("all", balance(10, 990, 0)));
    assert_eq!((fund.0.as_str(), balance(fund.1.left, fund.1.drawn, 0)), ("fund", balance(0, 3_000, 0)));
    let mut points = 0;
    for n in 0..WRITERS {
        let head = store::state::head(store, &program(), &partner(n)).await.expect("a head").expect("a partner");
        points += head.balance(domain::ledger::Asset::Points).available;
    }
    assert_eq!(points, 3_990);
    assert_eq!(findings(store).await, Vec::<String>::new());
}

/// M22, I22: five slots, sixteen who want one at once: five have one, and each of the others is told that none is left. I26: what the
/// table lost of pools is written again, as the records add up.
#[tokio::test(flavor = "multi_thread")]
async fn m22_as_many_slots_as_there_are() {
    let test = TestStack::start().await;
    test.publish(PROGRAM).await;
    let store = &test.stack.store;
    for n in 0..WRITERS {
        let data = json!({ "name": "P", "motions": ["sell"] });
        send(store, "partner.enrolled", &partner(n), &format!("e{n}"), data).await;
    }
    send(store, "budget.funded", &PartnerId::program(), "f", json!({ "budget": "fund", "points": 9 })).await;
    let book = |n: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            let data = json!({ "benefit": "stand", "slot": "any" });
            send(&store, "benefit.booked", &partner(n), &format!("b{n}"), data).await
        })
    };
    let mut outcomes = Vec::new();
    for booking in (0..WRITERS).map(book).collect::<Vec<_>>() {
        outcomes.push(booking.await.expect("a booking"));
    }
    let booked = outcomes.iter().filter(|outcome| **outcome == Outcome::NoRule).count();
    assert_eq!((booked, outcomes.iter().collect::<BTreeSet<_>>().len()), (5, 2), "{outcomes:?}");
    assert_eq!(findings(store).await, Vec::<String>::new());

    let part: PoolPart = "benefit|stand||ever|0".parse().expect("a pool");
    let key = |part: &PoolPart| (store::tables::keys::pool(&program(), part), store::tables::keys::ONLY);
    let (pk, sk) = key(&part);
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let gone = store.client().delete_item().table_name(local::STATE_TABLE).key("pk", text(&pk)).key("sk", text(sk));
    gone.send().await.expect("deleted");
    let found = findings(store).await;
    assert!(found.iter().any(|what| what.starts_with("I26: pool benefit|stand")), "{found:?}");
    let partners: Vec<PartnerId> = (0..WRITERS).map(partner).collect();
    let rebuilt = engine::rebuild::program(store, &program(), &partners, |_| ()).await.expect("rebuilt");
    assert_eq!((rebuilt.pools, rebuilt.findings), (5, vec![]));
    assert_eq!(findings(store).await, Vec::<String>::new());
    let release = json!({ "benefit": "stand", "slot": "any" });
    let holder = outcomes.iter().position(|outcome| *outcome == Outcome::NoRule).expect("somebody");
    assert_eq!(send(store, "benefit.released", &partner(holder), "back", release).await, Outcome::NoRule);
    assert_eq!(book(holder).await.expect("a booking"), Outcome::Duplicate, "its first booking is judged");
}
