//! Defects that were found by readers or by the simulation, each mended: a test is named after what was found.

use domain::redemption::{RedemptionStep, Wish};
use engine::steps::Step;
use event::{ReleaseReason, Whole};
use jiff::{SignedDuration, Timestamp};
use laurel_tests::filled::{also, engine, fill, northwind, now, program};
use laurel_tests::interrupted_store;
use store::patience::Patience;

const PERX: &str = include_str!("../../infra/programs/perx.toml");

/// What was read while others wrote did not add up, and was called broken: found by messages of one partner in parallel.
#[tokio::test(flavor = "multi_thread")]
async fn a10_a_torn_read_is_contention() {
    let (aws, store) = engine().await;
    fill(&store).await;
    let acv = serde_json::json!({ "amount": "90000", "currency": "USD" });
    also(&store, "deal.closed", "D9-won", &serde_json::json!({ "deal_id": "D9", "outcome": "won", "acv": acv })).await;
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let id: event::ids::RedemptionId = "0190-second".try_into().expect("an id");
    let patience = || Patience::until(ambient::Instant::now() + std::time::Duration::from_secs(30));
    // Nothing is reserved any more.
    let release = |id: &event::ids::RedemptionId| {
        RedemptionStep::Released(ReleaseReason::Cancelled).event(&program(), &northwind(), id, now())
    };
    let first = release(&"0190-card".try_into().expect("an id"));
    engine::steps::take(&store, &programs, &first, patience(), |_| ()).await.expect("released");
    let (other, meant, ours) = (store.clone(), id.clone(), programs.clone());
    // Between head and redemption, another request makes the redemption: the head knows of nothing that is reserved.
    let meanwhile = async move {
        let wish =
            Wish { reward_id: "starbucks-10".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
        let event = wish.event(&program(), &northwind(), "order-2", meant, now());
        let step = engine::steps::take(&other, &ours, &event, patience(), |_| ()).await;
        assert!(matches!(&step, Ok(Step::Recorded(record)) if record.reason.is_none()), "{step:?}");
    };
    let torn = interrupted_store(&aws.endpoint(), "BatchGetItem", meanwhile).under(store.clock().clone());
    let step = engine::steps::take(&torn, &programs, &release(&id), patience(), |_| ()).await;
    assert!(matches!(step, Ok(Step::Recorded(_))), "{step:?}");
}

/// A deal moved to a partner who left, or came back, while that was written: found by the simulation (I11).
#[tokio::test(flavor = "multi_thread")]
async fn a9_a_deal_moves_by_who_its_new_owner_is_when_that_is_written() {
    let (aws, store) = engine().await;
    fill(&store).await;
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let patience = || Patience::until(ambient::Instant::now() + std::time::Duration::from_secs(30));
    let to: event::ids::PartnerId = "contoso".try_into().expect("an id");
    let of = |kind: &str, partner: &str, id: &str, data: serde_json::Value| {
        let text = laurel_tests::body(kind, partner, "hr-software", "/crm/acme", id, &data);
        event::Event::parse(&text, now()).expect("an event")
    };
    let enrolled =
        of("partner.enrolled", "contoso", "contoso-1", serde_json::json!({ "name": "C", "motions": ["sell"] }));
    let registered = serde_json::json!({ "deal_id": "D7", "opportunity_id": "O7", "customer": "Fabrikam" });
    also(&store, "deal.registered", "D7-registered", &registered).await;
    engine::events::judge(&store, &programs, &to, &[enrolled.into()], patience()).await;
    let left = of("partner.offboarded", "contoso", "contoso-2", serde_json::json!({ "reason": "left" }));
    let (other, ours, whose) = (store.clone(), programs.clone(), to.clone());
    let meanwhile = async move {
        engine::events::judge(&other, &ours, &whose, &[left.into()], patience()).await;
    };
    let slow = interrupted_store(&aws.endpoint(), "TransactWriteItems", meanwhile).under(store.clock().clone());
    let moved = serde_json::json!({ "deal_id": "D7", "to_partner": "contoso" });
    let moved = of("deal.reassigned", "northwind", "D7-moved", moved);
    let settled = engine::events::judge(&slow, &programs, &northwind(), &[moved.into()], patience()).await;
    let record = settled[0].record.as_ref().expect("a record");
    assert_eq!(record.reason, Some(domain::ledger::Reason::NewOwnerLeft));
    let head = store::state::head(&store, &program(), &to).await.expect("read").expect("a head");
    assert_eq!(record.relied_on.partner, Some(head.position), "and the record says by which position");
}

/// A first version took effect the second it was published: an enrolment of that morning was refused for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a11_a_first_version_is_in_force_from_the_start_of_its_day() {
    let (_engine, store) = engine().await;
    let now = store.clock().now();
    let done = store::programs::publish(&store, PERX, None, "test").await.expect("published");
    let programs = store::programs::read(&store, &"perx".try_into().expect("an id")).await.expect("read").expect("it");
    let calendar = &programs.current(now).program.calendar;
    assert_eq!(done.effective_from, calendar.start_of(calendar.day(now)));
    assert!(done.effective_from <= now && programs.in_force(now).is_some());
}

/// Publishing known content at another time said that nothing was published.
#[tokio::test(flavor = "multi_thread")]
async fn b12_an_effective_time_is_never_ignored() {
    let (_engine, store) = engine().await;
    let at = |hours: i64| Some(store.clock().now() + SignedDuration::from_hours(hours));
    let publish = async |from: Option<Timestamp>| store::programs::publish(&store, PERX, from, "test").await;
    let first = publish(None).await.expect("published");
    let again = publish(None).await.expect("known");
    assert_eq!((first.number, first.is_new, again.number, again.is_new), (1, true, 1, false));
    let tomorrow = at(24);
    let later = publish(tomorrow).await.expect("published");
    assert_eq!((later.number, later.is_new, Some(later.effective_from)), (2, true, tomorrow));
    let same = publish(tomorrow).await.expect("known");
    assert_eq!((same.number, same.is_new), (2, false));
    let sooner = publish(at(12)).await.expect("published");
    assert_eq!((sooner.number, sooner.is_new), (3, true));
    assert!(publish(at(-1)).await.is_err(), "only a first version reaches back");
}

/// Nothing took a version back that was to take effect later.
#[tokio::test(flavor = "multi_thread")]
async fn b12_a_version_is_withdrawn_before_it_takes_effect() {
    let (_engine, store) = engine().await;
    let id = "perx".try_into().expect("an id");
    let now = store.clock().now();
    let store = store.under(ambient::Clock::standing_at(now));
    let withdraw = async |number: u32| {
        let done = store::programs::withdraw(&store, &id, number, "test").await;
        done.map_err(|error| error.to_string())
    };
    let starts = |error: Result<Timestamp, String>, with: &str| error.is_err_and(|error| error.starts_with(with));
    assert!(starts(withdraw(1).await, "the program has no version 1"));
    let first = now + SignedDuration::from_hours(24);
    store::programs::publish(&store, PERX, Some(first), "test").await.expect("published");
    assert!(starts(withdraw(1).await, "version 1 is the only one"));
    // A version can be withdrawn as long as no function can decide by it: as long as publishing it takes to take effect.
    let wait = SignedDuration::from_secs(2 * 60 + 30);
    store::programs::publish(&store, PERX, Some(now + wait), "test").await.expect("published");
    store::programs::publish(&store, PERX, Some(first), "test").await.expect("published");
    let at = |seconds: i64| store.under(ambient::Clock::standing_at(now + SignedDuration::from_secs(seconds)));
    let late = store::programs::withdraw(&at(1), &id, 2, "test").await.map_err(|error| error.to_string());
    assert!(starts(late, "version 2 takes effect at"));
    assert_eq!(withdraw(2).await, Ok(now + wait));
    assert!(starts(withdraw(2).await, "version 2 was withdrawn at"));
    let programs = store::programs::read(&store, &id).await.expect("read").expect("it");
    let standing: Vec<u32> = programs.all().iter().map(|version| version.number).collect();
    assert_eq!((standing, programs.number(2).is_some()), (vec![1, 3], true));
    // Its number stays taken; its history is dense.
    let next = store::programs::publish(&store, PERX, Some(now + wait), "test").await.expect("published");
    assert_eq!(next.number, 4);
    let page = store::history::page(&store, &id, &event::ids::PartnerId::program(), None, 10).await.expect("read");
    let history: Vec<(u64, &str, u32)> =
        page.items.iter().map(|r| (r.position, r.kind.as_str(), r.decided_by)).collect();
    let [published, withdrawn] = ["program.published", "program.withdrawn"];
    let expected = [(5, published, 4), (4, withdrawn, 2), (3, published, 3), (2, published, 2), (1, published, 1)];
    assert_eq!(history, expected);
}

/// A function that had read the versions long before it decided (a slow table, a clock that jumped) went by one that was in force no
/// more: found by the simulation.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_goes_by_the_versions_of_its_own_instant() {
    let (_engine, store) = engine().await;
    let id = "perx".try_into().expect("an id");
    let now = store.clock().now();
    store::programs::publish(&store, PERX, None, "test").await.expect("published");
    let read = store::programs::read(&store, &id).await.expect("read").expect("it");
    let (changed, later) = (PERX.replace("points = 500", "points = 400"), now + SignedDuration::from_mins(3));
    assert_ne!(changed, PERX);
    store::programs::publish(&store, &changed, Some(later), "test").await.expect("published");
    // The clock jumps while the function is at work: the versions that it read are those of before.
    let at = later + SignedDuration::from_secs(1);
    let store = store.under(ambient::Clock::standing_at(at));
    let fresh = store::programs::at(&store, &read, at).await.expect("read");
    assert_eq!((read.current(at).number, fresh.current(at).number), (1, 2));
}

/// A sender's clock may be five minutes ahead, and a version takes effect after two and a half: an event earned by a version that was
/// withdrawn afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_by_which_an_event_has_earned_is_withdrawn() {
    let (_engine, store) = engine().await;
    fill(&store).await;
    let hr = include_str!("../corpus/programs/hr-software.toml");
    let dear = hr.replacen("points = 50\n", "points = 50000\n", 1);
    assert_ne!(hr, dear);
    let soon = now() + SignedDuration::from_secs(200);
    let second = store::programs::publish(&store, &dear, Some(soon), "test").await.expect("published").number;
    let programs = store::programs::read(&store, &program()).await.expect("read").expect("published");
    let registered = serde_json::json!({ "deal_id": "D8", "opportunity_id": "O8", "customer": "Fabrikam" });
    let mut event: serde_json::Value = serde_json::from_str(&laurel_tests::body(
        "deal.registered",
        "northwind",
        "hr-software",
        "/crm/acme",
        "D8-r",
        &registered,
    ))
    .expect("JSON");
    event["time"] = serde_json::json!((now() + SignedDuration::from_secs(240)).to_string());
    let event = event::Event::parse(&event.to_string(), now()).expect("an event");
    let patience = Patience::until(ambient::Instant::now() + std::time::Duration::from_secs(30));
    let settled = engine::events::judge(&store, &programs, &northwind(), &[event.into()], patience).await;
    let earned_by = settled[0].record.as_ref().and_then(|r| r.earned_by.clone()).expect("a version");
    let later = store.under(ambient::Clock::standing_at(now() + SignedDuration::from_secs(10)));
    let withdrawn = store::programs::withdraw(&later, &program(), second, "test").await;
    assert!(
        earned_by.number != second || withdrawn.is_err(),
        "{:?} points by version {}, and that was withdrawn: {withdrawn:?}",
        settled[0].record.as_ref().map(|r| r.after),
        earned_by.number
    );
}

/// Where functions keep nothing (`serve`) a version could be withdrawn up to the instant it takes effect, and the write was on its way
/// while it decided.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_withdrawn_well_before_it_takes_effect() {
    let (_engine, staff) = engine().await;
    store::programs::set_age_seconds(&staff, 0).await.expect("as serve does");
    let changed = format!("{}\n# Changed.\n", include_str!("../corpus/programs/hr-software.toml"));
    let from = now() + SignedDuration::from_secs(60);
    let number = store::programs::publish(&staff, &changed, Some(from), "test").await.expect("published").number;
    let at = |seconds| staff.under(ambient::Clock::standing_at(now() + SignedDuration::from_secs(seconds)));
    assert!(store::programs::withdraw(&at(31), &program(), number, "test").await.is_err());
    store::programs::withdraw(&at(30), &program(), number, "test").await.expect("half a minute is enough");
}

/// A version that was published without delay (`serve`) is missed by whoever read within a second before.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_force_is_missed_where_nothing_is_kept() {
    let (aws, staff) = engine().await;
    store::programs::set_age_seconds(&staff, 0).await.expect("as serve does");
    let hr = include_str!("../corpus/programs/hr-software.toml");
    let serve = local::open_store(
        &worker::Clients::local(&aws.endpoint()),
        ambient::Clock::standing_at(now()),
        ambient::Random::seeded(3),
    );
    let given = store::programs::read(&serve, &program()).await.expect("read").expect("it");
    let staff = staff.under(ambient::Clock::standing_at(now() + SignedDuration::from_millis(100)));
    let done = store::programs::publish(&staff, &format!("{hr}\n# Changed.\n"), None, "test").await.expect("published");
    let decides = now() + SignedDuration::from_millis(700);
    assert!(done.effective_from < decides);
    let serve = serve.under(ambient::Clock::standing_at(decides));
    let programs = store::programs::at(&serve, &given, decides).await.expect("read");
    assert_eq!(programs.current(decides).number, done.number, "in force since {}", done.effective_from);
}

/// A rebuild puts the list of programs where the history stood when it read it: a version that is published meanwhile, or after a
/// rebuild that was cut short, leaves the next one a position that is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_moves_the_history_of_a_program_back() {
    let (_engine, store) = engine().await;
    let hr = include_str!("../corpus/programs/hr-software.toml");
    let history = async || {
        let page =
            store::history::page(&store, &program(), &event::ids::PartnerId::program(), None, 10).await.expect("read");
        page.items
    };
    let read = history().await;
    let publish = async |text: &str| {
        store::programs::publish(&store, &format!("{hr}\n# {text}\n"), None, "test").await.expect("published");
    };
    publish("While the rebuild goes.").await;
    let moved = store::programs::restore(&store, &program(), &read).await;
    assert!(matches!(moved, Err(store::StoreError::Contention)), "{moved:?}");
    publish("After it.").await;
    let positions: Vec<u64> = history().await.iter().map(|record| record.position).collect();
    assert_eq!(positions, [3, 2, 1], "positions are dense (I9)");
}

/// A version in the table that is not what was published (another effective time, another file) stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_leaves_a_version_that_is_not_what_was_published() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let (aws, store) = engine().await;
    fill(&store).await;
    let rows = store.client().scan().table_name(local::STATE_TABLE).send().await.expect("items").items.expect("items");
    let version = rows.into_iter().find(|row| row.contains_key("effective_from")).expect("a version");
    let mut other = version.clone();
    other.insert("effective_from".to_owned(), S("2026-02-01T00:00:00Z".to_owned()));
    let file = version["file"].as_s().expect("text").replacen("points = 50\n", "points = 50000\n", 1);
    other.insert("file".to_owned(), S(file));
    store.client().put_item().table_name(local::STATE_TABLE).set_item(Some(other)).send().await.expect("put");
    let done = engine::rebuild::program(&store, &program(), &[northwind()], |_| ()).await.expect("rebuilt");
    let fresh =
        local::open_store(&worker::Clients::local(&aws.endpoint()), store.clock().clone(), ambient::Random::seeded(4));
    let programs = store::programs::read(&fresh, &program()).await.expect("read").expect("it");
    let first = &programs.all()[0];
    assert_eq!(first.effective_from.to_string(), "2020-01-01T00:00:00Z", "{done:?}");
}

/// What a partner asks for in the tests of lost keys.
const WISH: &str = r#"{"reward_id":"starbucks-10","quantity":1}"#;

/// A stack whose cards are sealed with a key that is in the secret, or with one that is lost, and a partner whose request `order-0`
/// was taken before that was known.
async fn asked_for_a_card(lost: bool) -> laurel_tests::TestStack {
    use serde_json::json;
    let test = laurel_tests::TestStack::start().await;
    let store = &test.stack.store;
    let of = |kind: &str, id: &str, data: serde_json::Value| {
        laurel_tests::body(kind, "partner-17", "hr-software", "/crm/acme", id, &data)
    };
    let acv = json!({ "amount": "90000", "currency": "USD" });
    for event in [
        of("partner.enrolled", "e", json!({ "name": "N", "motions": ["sell"] })),
        of("deal.registered", "r", json!({ "deal_id": "D1", "opportunity_id": "O1", "customer": "C" })),
        of("deal.closed", "c", json!({ "deal_id": "D1", "outcome": "won", "acv": acv })),
    ] {
        test.send(&[event]).await;
    }
    let ring = json!({ "current": "first", "first": "k".repeat(32) }).to_string();
    let other = store::cards::Sealer::from_ring(&ring, ambient::Random::seeded(2)).expect("a ring");
    let codes = ["CODE-1".to_owned(), "CODE-2".to_owned()];
    let sealer = if lost { &other } else { &test.stack.sealer };
    store::cards::load(store, &program(), "starbucks-10", &codes, sealer, |_| ()).await.expect("loaded");
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let wish = Wish { reward_id: "starbucks-10".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
    let (partner, id) = ("partner-17".try_into().expect("an id"), "0190-card".try_into().expect("an id"));
    let mut event = wish.event(&program(), &partner, "order-0", id, store.clock().now());
    event.hash = event::MeaningHash::of(r#"{"quantity":1,"reward_id":"starbucks-10"}"#);
    let patience = Patience::until(ambient::Instant::now() + std::time::Duration::from_secs(30));
    let step = engine::steps::take(store, &programs, &event, patience, |_| ()).await;
    assert!(matches!(&step, Ok(Step::Recorded(record)) if record.reason.is_none()), "{step:?}");
    test
}

/// The keys were not looked at again once somebody had tried to see a card: points were spent on cards that nobody can open.
#[tokio::test(flavor = "multi_thread")]
async fn points_are_spent_while_cards_cannot_be_opened() {
    let test = asked_for_a_card(true).await;
    let api = test.api(Some("partner-17"), "hr-software", &["read", "redeem"]);
    let path = "/v1/partners/partner-17/redemptions/0190-card";
    test.until("delivery", async || (api.get(path).await.1["status"] == "fulfilled").then_some(())).await;
    assert_eq!(api.redeem("partner-17", "order-1", WISH).await.0, 503, "no points are spent");
    let revealed = api.request("POST", &format!("{path}/reveal")).send().await.expect("an answer");
    assert!(revealed.status().is_server_error(), "the card does not open");
    let (status, told) = api.redeem("partner-17", "order-1", WISH).await;
    assert_eq!(status, 503, "{told}");
}

/// A reward that was asked for and paid: asked again under the same key while the keys of cards are lost, the answer was that no points
/// were spent (I7).
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_told_that_no_points_were_spent() {
    for lost in [false, true] {
        let test = asked_for_a_card(lost).await;
        let api = test.api(Some("partner-17"), "hr-software", &["read", "redeem"]);
        let (status, told) = api.redeem("partner-17", "order-0", WISH).await;
        assert_eq!(status, 201, "lost: {lost}: {told}");
    }
}

/// A file of codes loaded for a second reward gave every card twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_of_one_reward() {
    let (_engine, store) = engine().await;
    let ring = serde_json::json!({ "current": "first", "first": "k".repeat(32) }).to_string();
    let sealer = store::cards::Sealer::from_ring(&ring, ambient::Random::seeded(2)).expect("a ring");
    let load = async |reward: &str, codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        let done = store::cards::load(&store, &program(), reward, &codes, &sealer, |_| ()).await.expect("loaded");
        (done.loaded, done.repeated, done.elsewhere)
    };
    assert_eq!(load("starbucks-10", &["A-1", "A-2"]).await, (2, 0, 0));
    assert_eq!(load("starbucks-10", &["A-1", "A-3"]).await, (1, 1, 0));
    assert_eq!(load("amazon-50", &["A-1", "A-2", "B-1"]).await, (1, 0, 2));
    let stock = store::cards::stock(&store, &program(), "amazon-50").await.expect("a stock");
    assert_eq!((stock.loaded, stock.free), (1, 1));
}
