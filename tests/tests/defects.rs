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
