//! What is kept, held, rebuilt and audited at its edges.

use std::time::Duration;

use ambient::Instant;
use domain::decide::{Awaited, State};
use domain::ledger::Outcome::{self, Awarded, Conflict, Duplicate};
use domain::redemption::{RedemptionStep, Wish};
use engine::events::Arrival;
use engine::steps::Step;
use event::ids::{PartnerId, PersonId, ProgramId};
use event::{Event, MeaningHash, ReleaseReason, Whole};
use jiff::Timestamp;
use laurel_tests::filled::{engine, now, program};
use laurel_tests::{TestStack, body};
use serde_json::{Value, json};
use store::holds::{self, Held, ToHold};
use store::{Store, StoreError, patience::Patience};

const HR: &str = "hr-software";

fn hr() -> ProgramId {
    HR.try_into().expect("program")
}

fn partner(id: &str) -> PartnerId {
    id.try_into().expect("partner")
}

fn event(kind: &str, who: &str, of: &str, id: &str, data: &Value) -> Event {
    let source = match kind.split('.').next() {
        Some("course") => "/lms/t",
        Some("content") => "/cms/t",
        Some("attestation") => "/admin/t",
        _ => "/crm/t",
    };
    Event::parse(&body(kind, who, of, source, id, data), Timestamp::now()).expect("an event")
}

fn enrolled(who: &str, of: &str) -> Event {
    event("partner.enrolled", who, of, &format!("{who}-enrolled"), &json!({ "name": who, "motions": ["sell"] }))
}

fn won(who: &str, deal: &str) -> Event {
    let acv = json!({ "amount": "60000", "currency": "USD" });
    let data = json!({ "deal_id": deal, "outcome": "won", "acv": acv, "motion": "sell" });
    event("deal.closed", who, HR, &format!("{deal}-won"), &data)
}

async fn commit(store: &Store, who: &str, of: &str, events: &[Event]) -> Vec<Outcome> {
    let programs = store::programs::read(store, &of.try_into().expect("id")).await.expect("read").expect("published");
    let patience = Patience { tries_max: 60, ..Patience::until(Instant::now() + Duration::from_secs(60)) };
    let mut events = events.to_vec();
    for event in &mut events {
        let persons = event.persons().into_iter().collect();
        let names = store::persons::pseudonyms(store, &of.try_into().expect("id"), &partner(who), &persons)
            .await
            .expect("names");
        event.pseudonymise(&names);
    }
    let arrivals: Vec<Arrival> = events.into_iter().map(Arrival::from).collect();
    let settled = engine::events::judge(store, &programs, &partner(who), &arrivals, patience).await;
    settled.into_iter().map(|s| s.outcome).collect()
}

/// C11: a partner's own waiting event is listed and explained, whatever else waits in the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_partners_waiting_event_is_found_among_others() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", HR, &[enrolled("p", HR)]).await;
    commit(store, "q", HR, &[enrolled("q", HR)]).await;
    let until = Timestamp::now() + jiff::SignedDuration::from_hours(24);
    for n in 0..1_001 {
        let waits = event("deal.qualified", "p", HR, &format!("w{n}"), &json!({ "deal_id": format!("d{n:04}") }));
        let awaited = Awaited::Deal(format!("d{n:04}").try_into().expect("a deal"));
        let to_hold = ToHold { event: &waits, held_until: None, awaits: &awaited, until };
        let held = holds::put(store, to_hold, &State::new(partner("p")), Timestamp::now()).await;
        assert_eq!(held.expect("held"), Held::Waits);
    }
    let acv = json!({ "amount": "5", "currency": "XOF" });
    let data = json!({ "deal_id": "q1", "outcome": "won", "acv": acv });
    assert_eq!(commit(store, "q", HR, &[event("deal.closed", "q", HR, "q-won", &data)]).await, [Outcome::Held]);
    let api = test.api(Some("q"), HR, &["read"]);
    let (_, rows) = api.get("/v1/partners/q/events?outcome=held").await;
    let (status, _) = api.get("/v1/partners/q/explanation?source=/crm/t&id=q-won").await;
    assert_eq!((rows["items"].as_array().map(Vec::len), status), (Some(1), 200), "{rows}");
}

/// I4: each conflict is kept, also where two differ in the person only.
#[tokio::test(flavor = "multi_thread")]
async fn conflicts_of_two_persons_are_two() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let view = |person: &str| {
        event("content.viewed", "p", HR, "v", &json!({ "content_id": "c", "person_id": person, "seconds": 40 }))
    };
    commit(store, "p", HR, &[enrolled("p", HR)]).await;
    assert_eq!(commit(store, "p", HR, &[view("ann")]).await, [Awarded]);
    assert_eq!(commit(store, "p", HR, &[view("bob")]).await, [Conflict]);
    assert_eq!(commit(store, "p", HR, &[view("eve")]).await, [Conflict]);
    let kept = store::aside::list(store, HR, "conflict", 100).await.expect("read");
    assert_eq!(kept.len(), 2, "{kept:#?}");
}

/// C2, I28: nothing in the ledger names a person, also not by trying.
#[tokio::test(flavor = "multi_thread")]
async fn no_name_is_found_by_trying() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let sent = |person: &str| {
        body(
            "content.viewed",
            "p",
            HR,
            "/cms/t",
            "v",
            &json!({ "content_id": "c", "person_id": person, "seconds": "40" }),
        )
    };
    test.send(&[sent("dana@northwind.example")]).await;
    let kept = store::aside::list(store, HR, "rejected", 100).await.expect("read").remove(0);
    let staff = ["ann@northwind.example", "bob@northwind.example", "dana@northwind.example"];
    let found: Vec<_> = staff.iter().filter(|name| MeaningHash::of(&sent(name)) == kept.hash).collect();
    assert!(found.is_empty(), "{found:?} is in the append-only table for ever");
}

/// A rebuild writes whatever the records add up to and is missing: the list of programs too.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_programs_is_rebuilt() {
    let (_engine, store) = engine().await;
    let key = store::tables::items::state_key("programs", HR);
    store.client().delete_item().table_name(local::STATE_TABLE).set_key(Some(key)).send().await.expect("lost");
    engine::rebuild::program(&store, &program(), &[], |_| ()).await.expect("rebuilt");
    assert_eq!(store::programs::ids(&store).await.expect("ids"), [HR], "no sweep would find it");
}

/// I8: an event that waits, whose person is erased, still waits when it is sent on and must wait on.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_outlives_the_erasure_of_its_person() {
    let (_engine, store) = engine().await;
    let p = partner("p");
    let dana: PersonId = "dana".try_into().expect("a person");
    let hold = async |held_until: Option<Timestamp>| {
        let data = json!({ "content_id": "c", "person_id": "dana", "seconds": 40 });
        let mut event = Event::parse(&body("content.viewed", "p", HR, "/cms/t", "r", &data), now()).expect("event");
        let names = store::persons::pseudonyms(&store, &program(), &p, &[dana.clone()].into()).await.expect("names");
        event.pseudonymise(&names);
        let until = now() + jiff::SignedDuration::from_hours(24);
        let to_hold = ToHold { event: &event, held_until, awaits: &Awaited::Partner(p.clone()), until };
        holds::put(&store, to_hold, &State::new(p.clone()), now()).await.expect("held")
    };
    assert_eq!(hold(None).await, Held::Waits);
    store::persons::erase(&store, &program(), &p, &dana).await.expect("erased");
    assert_eq!(hold(Some(now() + jiff::SignedDuration::from_hours(24))).await, Held::Waits);
    let left = holds::of_partner(&store, &program(), &p, 10, None).await.expect("holds");
    assert_eq!(left.items.len(), 1, "the event waits on");
}

/// One legal event is never too large for its own record.
#[tokio::test(flavor = "multi_thread")]
async fn a_legal_event_is_recorded() {
    let (_engine, store) = engine().await;
    let rule =
        |n: usize| format!("[earn.r{n}]\non = \"agreement.accepted\"\nif = {{ version = \"x{n}\" }}\npoints = 1\n");
    let rules = (0..300).map(rule).collect::<Vec<_>>().concat();
    let file = format!(
        "[program]\nid = \"mad\"\nname = \"Mad\"\ncurrency = \"USD\"\n[sources]\n\"/crm/*\" = [\"partner.*\", \"agreement.*\"]\n{rules}"
    );
    store::programs::publish(&store, &file, "2020-01-01T00:00:00Z".parse().ok(), "test").await.expect("published");
    commit(&store, "p", "mad", &[enrolled("p", "mad")]).await;
    let long = "\u{10000}".repeat(990);
    let accepts = event("agreement.accepted", "p", "mad", "a", &json!({ "version": long, "person_id": "b" }));
    assert_eq!(commit(&store, "p", "mad", &[accepts]).await, [Outcome::NoRule]);
}

/// A reward capped per week can be redeemed.
#[tokio::test(flavor = "multi_thread")]
async fn a_reward_capped_per_week_can_be_redeemed() {
    let (_engine, store) = engine().await;
    let file = "[program]\nid = \"mad\"\nname = \"Mad\"\ncurrency = \"USD\"\n[sources]\n\"/crm/*\" = [\"partner.*\"]\n[earn.w]\non = \"partner.enrolled\"\npoints = 100\n[reward.card]\nname = \"Card\"\npoints = 10\nat_most = \"1 per partner per week\"\n";
    assert!(program::check(file).is_empty(), "{:?}", program::check(file));
    let published =
        store::programs::publish(&store, file, "2020-01-01T00:00:00Z".parse().ok(), "test").await.expect("published");
    assert!(published.is_new);
    commit(&store, "p", "mad", &[enrolled("p", "mad")]).await;
    let stock =
        store::tables::items::state_key(&store::tables::keys::reward(&"mad".try_into().expect("p"), "card"), "stock");
    let item = store::tables::items::with_key(
        stock,
        &store::tables::items::Stock { loaded: 5, free: 5, reserved: 0, issued: 0 },
        "stock",
    )
    .expect("item");
    store.client().put_item().table_name(local::STATE_TABLE).set_item(Some(item)).send().await.expect("stock");
    let programs =
        store::programs::read(&store, &"mad".try_into().expect("p")).await.expect("read").expect("published");
    let wish = Wish { reward_id: "card".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
    let event = wish.event(&"mad".try_into().expect("p"), &partner("p"), "k", "r1".try_into().expect("an id"), now());
    let patience = Patience::until(Instant::now() + Duration::from_secs(20));
    let step = engine::steps::take(&store, &programs, &event, patience, |_| ()).await;
    assert!(step.is_ok(), "{step:?}");
}

/// I10: what is stored and stands in no record is found, and goes with a rebuild: it decides tiers.
#[tokio::test(flavor = "multi_thread")]
async fn stored_measures_without_records_are_found() {
    let (_engine, store) = engine().await;
    let enrols = Event::parse(
        &body("partner.enrolled", "p", HR, "/crm/t", "e", &json!({ "name": "p", "motions": ["sell"] })),
        now(),
    )
    .expect("event");
    commit(&store, "p", HR, &[enrols]).await;
    let key = store::tables::items::state_key(&store::tables::keys::partner(&hr(), &partner("p")), "measures#2026-01");
    let content = json!({ "b": json!({ "m": { "2026-01": { "sell": "2 d50 a9000000" } } }).to_string() });
    let item = store::tables::items::with_key(key, &content, "measures").expect("item");
    store.client().put_item().table_name(local::STATE_TABLE).set_item(Some(item)).send().await.expect("stray");
    let audited = engine::audit::partner(&store, &hr(), &partner("p"), now()).await.expect("read");
    let found: Vec<String> = audited.strays().collect();
    let done = engine::rebuild::program(&store, &hr(), &[partner("p")], |_| ()).await.expect("rebuilt");
    let data = json!({ "deal_id": "d", "outcome": "lost" });
    let lost = Event::parse(&body("deal.closed", "p", HR, "/crm/t", "l", &data), now()).expect("event");
    commit(&store, "p", HR, &[lost]).await;
    let head = store::state::head(&store, &hr(), &partner("p")).await.expect("head").expect("a history");
    assert!(
        !found.is_empty() && done.written == 1,
        "found {found:?}, written {}, and a lost deal makes it {:?}",
        done.written,
        head.tiers
    );
}

async fn deal_item(store: &Store, deal: &str) -> store::tables::items::Item {
    let key = store::tables::keys::deal(&hr(), deal);
    let key = store::tables::items::state_key(&key, store::tables::keys::ONLY);
    let get = store.client().get_item().table_name(local::STATE_TABLE).set_key(Some(key)).send().await;
    get.expect("read").item.expect("a deal")
}

async fn put_state(store: &Store, item: store::tables::items::Item) {
    store.client().put_item().table_name(local::STATE_TABLE).set_item(Some(item)).send().await.expect("put");
}

fn of_now(kind: &str, source: &str, id: &str, data: &Value) -> Event {
    Event::parse(&body(kind, "p", HR, source, id, data), now()).expect("an event")
}

async fn two_deals(store: &Store) {
    let won = |deal: &str| {
        let acv = json!({ "amount": "48000.00", "currency": "USD" });
        of_now("deal.closed", "/crm/t", deal, &json!({ "deal_id": deal, "outcome": "won", "acv": acv }))
    };
    let enrolled = of_now("partner.enrolled", "/crm/t", "e", &json!({ "name": "p", "motions": ["sell"] }));
    commit(store, "p", HR, &[enrolled, won("D1"), won("D2")]).await;
}

/// I26: what was written since its records were read is newer, and no rebuild puts an older one over it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_puts_nothing_old_over_what_is_newer() {
    let (_engine, store) = engine().await;
    two_deals(&store).await;
    let mut newer = deal_item(&store, "D1").await;
    newer.insert("version".to_owned(), store::tables::items::number(2));
    put_state(&store, newer.clone()).await;
    let mut older = deal_item(&store, "D2").await;
    older.insert("motion".to_owned(), store::tables::items::text("other"));
    put_state(&store, older.clone()).await;
    let done = engine::rebuild::program(&store, &hr(), &[partner("p")], |_| ()).await.expect("rebuilt");
    assert_eq!(done.findings, ["deal D1 was written meanwhile; it stays as it is"]);
    assert_eq!(deal_item(&store, "D1").await, newer);
    assert_ne!(deal_item(&store, "D2").await, older, "the other one is as its records add up");
}

/// I25, I26: an audit finds a deal that is lost or otherwise than its records; one that does not add up keeps no other from
/// being restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_deal_that_is_not_as_its_records_is_found() {
    let (_engine, store) = engine().await;
    two_deals(&store).await;
    let records = engine::audit::partner(&store, &hr(), &partner("p"), now()).await.expect("audited").records;
    let found = async || engine::audit::shared(&store, &hr(), &records, |_| true).await.expect("audited");
    assert_eq!(found().await, Vec::<String>::new());
    let mut lost = deal_item(&store, "D1").await;
    lost.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
    store.client().delete_item().table_name(local::STATE_TABLE).set_key(Some(lost)).send().await.expect("lost");
    assert_eq!(found().await, ["I26: deal D1 is not stored, and not as its records add up to version 1"]);
    // Closed again, since nobody knows that it was: the second record was decided from the first one's version.
    let acv = json!({ "amount": "1.00", "currency": "USD" });
    let again = of_now("deal.closed", "/crm/t", "again", &json!({ "deal_id": "D1", "outcome": "won", "acv": acv }));
    commit(&store, "p", HR, &[again]).await;
    let done = engine::rebuild::program(&store, &hr(), &[partner("p")], |_| ()).await.expect("rebuilt");
    assert_eq!((done.deals, done.findings.len()), (1, 1), "{:?}", done.findings);
}

/// I4: what is sent again after the state was lost is a duplicate, though its person has another name by now.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_after_a_rebuild_is_a_duplicate() {
    let (_engine, store) = engine().await;
    two_deals(&store).await;
    let view = |id: &str| {
        of_now("content.viewed", "/cms/t", id, &json!({ "content_id": "c", "person_id": "ann", "seconds": 40 }))
    };
    assert_eq!(commit(&store, "p", HR, &[view("v")]).await, [Awarded]);
    let lost = state_item(&store, "person#").await;
    store.client().delete_item().table_name(local::STATE_TABLE).set_key(Some(lost)).send().await.expect("lost");
    engine::rebuild::program(&store, &hr(), &[partner("p")], |_| ()).await.expect("rebuilt");
    commit(&store, "p", HR, &[view("w")]).await;
    assert_eq!(commit(&store, "p", HR, &[view("v")]).await, [Duplicate]);
}

/// The key of the partner's one item of a family.
async fn state_item(store: &Store, family: &str) -> store::tables::items::Item {
    let query = store.client().query().table_name(local::STATE_TABLE);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :family)");
    let pk = store::tables::items::text(store::tables::keys::partner(&hr(), &partner("p")));
    let query = query.expression_attribute_values(":pk", pk);
    let found = query.expression_attribute_values(":family", store::tables::items::text(family)).send().await;
    let mut item = found.expect("read").items.expect("items").remove(0);
    item.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
    item
}

/// C11: a page has no more rows than it is asked for, whatever they are, and the pages together have each row once.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_events_has_no_more_than_its_limit() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let sent = |kind: &str, id: &str, data: &Value| body(kind, "p", HR, "/crm/acme", id, data);
    test.send(&[sent("partner.enrolled", "e", &json!({ "name": "p", "motions": ["sell"] }))]).await;
    let won = |n: usize, acv: &str| {
        let acv = json!({ "amount": acv, "currency": "USD" });
        sent("deal.closed", &format!("w{n}"), &json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": acv }))
    };
    let waits = |n: usize| sent("deal.qualified", &format!("q{n}"), &json!({ "deal_id": format!("none{n}") }));
    let all = (0..7).map(|n| won(n, "5")).chain((20..25).map(|n| won(n, "-5"))).chain((0..3).map(waits));
    test.send(&all.collect::<Vec<_>>()).await;
    test.send(&(0..4).map(|n| won(n, "6")).collect::<Vec<_>>()).await;
    let api = test.api(Some("p"), HR, &["read"]);
    for limit in [1, 2, 3, 5, 50] {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = api.get(&format!("/v1/partners/p/events?limit={limit}{cursor}")).await;
            assert_eq!(status, 200, "{page}");
            let rows = page["items"].as_array().expect("rows");
            assert!(rows.len() <= limit, "{} of {limit}", rows.len());
            ids.extend(rows.iter().map(|row| format!("{} {}", row["outcome"], row["id"])));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (20, 20), "{limit}: {ids:?}");
    }
}

/// I18: a file of codes loaded by several at once is loaded once, and nobody fails.
#[tokio::test(flavor = "multi_thread")]
async fn codes_loaded_at_once_are_loaded_once() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let (store, sealer) = (&test.stack.store, &test.stack.sealer);
    let codes: Vec<String> = (0..150).map(|n| format!("CODE-{n}")).collect();
    let hr_program = hr();
    let loads = (0..3).map(|_| store::cards::load(store, &hr_program, "starbucks-10", &codes, sealer, |_| ()));
    let done = futures::future::join_all(loads).await;
    let loaded: usize = done.into_iter().map(|one| one.expect("loaded").loaded).sum();
    let stock = store::cards::stock(store, &hr_program, "starbucks-10").await.expect("a stock");
    assert_eq!((loaded, stock.loaded, stock.free), (150, 150, 150));
}

/// I18: where the state was made anew beside the waiting table that was kept, free cards are counted by loading them
/// again, and cards that were not there are new.
#[tokio::test(flavor = "multi_thread")]
async fn free_cards_of_a_lost_state_are_loaded_again() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let (store, sealer) = (&test.stack.store, &test.stack.sealer);
    let load = async |codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        store::cards::load(store, &hr(), "starbucks-10", &codes, sealer, |_| ()).await.expect("loaded").loaded
    };
    assert_eq!(load(&["A", "B"]).await, 2);
    let client = store.client();
    let cards = client
        .scan()
        .table_name(local::STATE_TABLE)
        .filter_expression("begins_with(pk, :reward) OR begins_with(pk, :mark)");
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let cards = cards
        .expression_attribute_values(":reward", text("reward#"))
        .expression_attribute_values(":mark", text("card#"));
    let cards = cards.send().await.expect("items");
    assert_eq!(cards.items().len(), 3, "two marks and the stock");
    for card in cards.items() {
        let key = ["pk", "sk"].map(|name| (name.to_owned(), card[name].clone()));
        let delete = client.delete_item().table_name(local::STATE_TABLE).set_key(Some(key.into()));
        delete.send().await.expect("lost");
    }
    assert_eq!((load(&["B", "A", "C"]).await, load(&["A", "C"]).await), (3, 0));
    let stock = store::cards::stock(store, &hr(), "starbucks-10").await.expect("a stock");
    let free = client.scan().table_name(local::WAITING_TABLE).send().await.expect("items");
    assert_eq!((stock.loaded, stock.free, free.items().len()), (3, 3, 3));
}

/// I6, I18: nothing is issued for a redemption that is not being ordered any more.
#[tokio::test(flavor = "multi_thread")]
async fn no_card_is_issued_for_what_was_released() {
    let (_engine, store) = engine().await;
    laurel_tests::filled::fill(&store).await;
    let northwind = laurel_tests::filled::northwind();
    let id = "0190-card".try_into().expect("an id");
    let asked = store::redemptions::one(&store, &hr(), &northwind, &id).await.expect("read").expect("a redemption");
    let before = store::cards::stock(&store, &hr(), "starbucks-10").await.expect("a stock");
    assert!(store::cards::order(&store, &hr(), &asked).await.is_err(), "it is reserved, and not being ordered");
    let free = store.client().scan().table_name(local::WAITING_TABLE).send().await.expect("what waits");
    let free = free.items().iter().filter(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("free#"))).count();
    assert_eq!(i64::try_from(free).expect("few"), before.loaded, "no card left the pool");
}

/// I6: two workers are on one redemption. One finds the pool empty because the other has just been given the last card: it must not
/// release what has a card.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_card_is_not_released() {
    let (_engine, store) = engine().await;
    laurel_tests::filled::fill(&store).await;
    let northwind = laurel_tests::filled::northwind();
    let id = "0190-card".try_into().expect("an id");
    let programs = store::programs::read(&store, &hr()).await.expect("read").expect("published");
    let patience = Patience { tries_max: 2, ..Patience::until(store.clock().instant() + Duration::from_secs(30)) };
    let step = async |step: RedemptionStep, check| {
        let event = step.event(&hr(), &northwind, &id, store.clock().now());
        engine::steps::take_only_if(&store, &programs, &event, patience, |_| (), check).await
    };
    step(RedemptionStep::Ordering, None).await.expect("ordering");
    let ordering = store::redemptions::one(&store, &hr(), &northwind, &id).await.expect("read").expect("a redemption");
    let none = || Some(store::cards::none_issued(&store, &hr(), &ordering).expect("a check"));
    assert!(store::cards::order(&store, &hr(), &ordering).await.expect("ordered"));
    let released = step(RedemptionStep::Released(ReleaseReason::Declined), none()).await;
    assert!(matches!(released, Err(StoreError::Contention)), "{released:?}");
    let fulfilled = step(RedemptionStep::Fulfilled, None).await.expect("fulfilled");
    assert!(matches!(fulfilled, Step::Recorded(_)), "{fulfilled:?}");
}

/// D3: a page of a partner to whom very much happens and nothing moves read all of it.
#[tokio::test(flavor = "multi_thread")]
async fn d3_a_page_of_a_statement_reads_so_many_records_and_goes_on() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", HR, &[enrolled("p", HR), won("p", "d")]).await;
    for start in (0..1_100).step_by(40) {
        let agreed = |n: usize| {
            event(
                "agreement.accepted",
                "p",
                HR,
                &format!("a{n}"),
                &json!({ "version": n.to_string(), "person_id": "dana" }),
            )
        };
        commit(store, "p", HR, &(start..1_100.min(start + 40)).map(agreed).collect::<Vec<_>>()).await;
    }
    let api = test.api(Some("p"), HR, &["read"]);
    let (_, first) = api.get("/v1/partners/p/statement?limit=20").await;
    assert_eq!(first["items"], json!([]), "nothing moved in the latest thousand records");
    let cursor = first["next_cursor"].as_str().expect("it goes on");
    let (_, second) = api.get(&format!("/v1/partners/p/statement?limit=20&cursor={cursor}")).await;
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1), "the award: {second}");
    assert_eq!(second["next_cursor"], Value::Null);
}
