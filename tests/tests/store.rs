//! The store on the embedded engine: contention, lost replies, cost, growth.

use std::time::Duration;

use ambient::{Clock, Instant};
use domain::audit::{check_account, check_records, check_redemptions};
use domain::decide::decide;
use domain::ledger::Outcome::{self, Applied, Awarded, Duplicate, Refused, Transient};
use domain::ledger::Record;
use domain::redemption::Wish;
use engine::events::Arrival;
use engine::steps::Step;
use event::ids::{PartnerId, ProgramId};
use event::{Event, Whole};
use futures::future::join_all;
use jiff::Timestamp;
use laurel_tests::{Fault, TestStack, body, faulty_store, noting_store};
use local::queues;
use review_partners::{ReviewPartners, Trigger};
use store::due::Moment;
use store::write::Written;
use store::{Store, patience::Patience};

const HR: &str = "hr-software";

fn program() -> ProgramId {
    HR.try_into().expect("program")
}

fn partner(id: &str) -> PartnerId {
    id.try_into().expect("partner")
}

fn event(kind: &str, who: &str, id: &str, data: &serde_json::Value) -> Event {
    let source = match kind.split('.').next() {
        Some("course") => "/lms/t",
        Some("content") => "/cms/t",
        _ => "/crm/t",
    };
    Event::parse(&body(kind, who, HR, source, id, data), Timestamp::now()).expect("an event")
}

fn enrolled(who: &str) -> Event {
    event("partner.enrolled", who, &format!("{who}-enrolled"), &serde_json::json!({ "name": who, "motions": ["sell"] }))
}

/// Somebody reads the `n`th content: ten in a minute, as many as do not look like gaming, and all on one day.
fn view(who: &str, n: usize, person: &str) -> Event {
    let data = serde_json::json!({ "content_id": format!("c{n}"), "person_id": person, "seconds": 40 });
    let mut view = event("content.viewed", who, &format!("view-{n}"), &data);
    view.time += jiff::SignedDuration::from_mins(i64::try_from(n / 10 % 600).expect("few"));
    view
}

fn won(who: &str, deal: &str, acv: &str) -> Event {
    let acv = serde_json::json!({ "amount": acv, "currency": "USD" });
    event(
        "deal.closed",
        who,
        &format!("{deal}-won"),
        &serde_json::json!({ "deal_id": deal, "outcome": "won", "acv": acv, "motion": "sell" }),
    )
}

async fn commit(store: &Store, who: &str, events: &[Event]) -> Vec<Outcome> {
    commit_within(store, who, events, 60).await
}

async fn commit_within(store: &Store, who: &str, events: &[Event], tries_max: u32) -> Vec<Outcome> {
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let patience = Patience { tries_max, ..Patience::until(Instant::now() + Duration::from_secs(60)) };
    let arrivals: Vec<Arrival> = events.iter().cloned().map(Arrival::from).collect();
    let settled = engine::events::judge(store, &programs, &partner(who), &arrivals, patience).await;
    settled.into_iter().map(|s| s.outcome).collect()
}

/// Every record of a partner, oldest first.
async fn history(store: &Store, who: &str) -> Vec<Record> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = store::history::page(store, &program(), &partner(who), before, 500).await.expect("history");
        all.extend(page.items);
        before = page.next;
        if before.is_none() {
            all.reverse();
            return all;
        }
    }
}

/// All invariants over what is in the table.
async fn assert_sound(store: &Store, who: &str) {
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let audited = engine::audit::partner(store, &program(), &partner(who), Timestamp::now()).await.expect("read");
    let mut found = check_records(&audited.records, &programs);
    found.extend(check_account(&audited.stored, &audited.rebuilt.expect("the records apply")));
    found.extend(check_redemptions(&audited.redemptions, &audited.records));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

async fn redeem(store: &Store, who: &str, key: usize) -> Outcome {
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let wish = Wish { reward_id: "starbucks-10".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
    let id = format!("r{key:04}").try_into().expect("an id");
    let event = wish.event(&program(), &partner(who), &key.to_string(), id, Timestamp::now());
    let patience = Patience { tries_max: 400, ..Patience::until(Instant::now() + Duration::from_secs(120)) };
    match engine::steps::take(store, &programs, &event, patience, |_| ()).await.expect("decided") {
        Step::Recorded(record) | Step::Existing(record) => record.outcome,
        Step::Moot(reason) => panic!("{reason:?}"),
    }
}

/// A partner with 1,500 points, and 50 cards of 500 points each.
async fn partner_that_pays_for_three(test: &TestStack, who: &str) {
    let codes: Vec<String> = (0..50).map(|n| format!("CODE-{n}")).collect();
    store::cards::load(&test.stack.store, &program(), "starbucks-10", &codes, &test.stack.sealer, |_| ())
        .await
        .expect("loaded");
    let outcomes = commit(&test.stack.store, who, &[enrolled(who), won(who, "d1", "50000")]).await;
    assert_eq!(outcomes, [Outcome::NoRule, Awarded]);
}

async fn fifty_at_once(store: Store, test: &TestStack) {
    partner_that_pays_for_three(test, "p").await;
    let outcomes = join_all((0..50).map(|key| redeem(&store, "p", key))).await;
    assert_eq!(outcomes.iter().filter(|o| **o == Applied).count(), 3);
    assert_eq!(outcomes.iter().filter(|o| **o == Refused).count(), 47);
    let records = history(&test.stack.store, "p").await;
    let requests = records.iter().filter(|r| r.kind == "redemption.requested").count();
    assert_eq!(requests, 50, "every refusal is recorded too, once");
    // The queue's workers go on with the three; what was reserved is then spent.
    let spent = |r: &Record| r.kind == "redemption.fulfilled";
    test.until("three cards", async || {
        (history(&test.stack.store, "p").await.iter().filter(|r| spent(r)).count() == 3).then_some(())
    })
    .await;
    let stock = store::cards::stock(&test.stack.store, &program(), "starbucks-10").await.expect("stock");
    assert_eq!((stock.loaded, stock.free, stock.reserved, stock.issued), (50, 47, 0, 3), "I18");
    assert_sound(&test.stack.store, "p").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_redemptions_at_once_of_a_balance_that_pays_for_three() {
    let test = TestStack::start().await;
    fifty_at_once(test.stack.store.clone(), &test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_redemptions_at_once_with_contention_in_a_third_of_the_commits() {
    let test = TestStack::start().await;
    let store = faulty_store(&test.stack.aws.endpoint(), |n| if n % 3 == 1 { Fault::Conflict } else { Fault::None });
    fifty_at_once(store, &test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_deliveries_make_one_award() {
    let test = TestStack::start().await;
    commit(&test.stack.store, "p", &[enrolled("p")]).await;
    let group = [won("p", "d", "50000"), view("p", 1, "ann")];
    let outcomes = join_all((0..12).map(|_| commit(&test.stack.store, "p", &group))).await;
    assert_eq!(outcomes.iter().flatten().filter(|o| **o == Awarded).count(), 2);
    assert_eq!(outcomes.iter().flatten().filter(|o| **o == Duplicate).count(), 22);
    assert_sound(&test.stack.store, "p").await;
}

/// Faults of the table, each followed by the checkers.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_table_cost_no_event_and_double_none() {
    let three_then_well = |fault: Fault| move |n: u32| if n < 3 { fault } else { Fault::None };
    for fault in [Fault::Conflict, Fault::LostReply, Fault::Throttled, Fault::Internal] {
        let test = TestStack::start().await;
        commit(&test.stack.store, "p", &[enrolled("p")]).await;
        let store = faulty_store(&test.stack.aws.endpoint(), three_then_well(fault));
        let outcomes = commit(&store, "p", &[won("p", "d", "50000")]).await;
        // After a lost reply the event's own record may be met again: it is a duplicate of itself, and acknowledged.
        assert!(matches!(outcomes[0], Awarded | Duplicate), "{fault:?}: {outcomes:?}");
        assert_eq!(history(&test.stack.store, "p").await.len(), 2, "{fault:?}");
        assert_sound(&test.stack.store, "p").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contention_without_end_hands_the_message_back() {
    let test = TestStack::start().await;
    commit(&test.stack.store, "p", &[enrolled("p")]).await;
    let store = faulty_store(&test.stack.aws.endpoint(), |_| Fault::Conflict);
    assert_eq!(commit_within(&store, "p", &[won("p", "d", "50000")], 20).await, [Transient]);
    assert_eq!(
        commit(&test.stack.store, "p", &[won("p", "d", "50000")]).await,
        [Awarded],
        "nothing was left half done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_partners_register_one_opportunity_at_once() {
    let test = TestStack::start().await;
    commit(&test.stack.store, "p", &[enrolled("p")]).await;
    commit(&test.stack.store, "q", &[enrolled("q")]).await;
    for round in 0..8 {
        let register = |who: &str| {
            let data = serde_json::json!({ "deal_id": format!("{who}-{round}"), "opportunity_id": format!("o-{round}"), "customer": "c" });
            [event("deal.registered", who, &format!("{who}-r-{round}"), &data)]
        };
        let (p, q) = (register("p"), register("q"));
        let (p, q) = futures::join!(commit(&test.stack.store, "p", &p), commit(&test.stack.store, "q", &q));
        let won = [p[0], q[0]].iter().filter(|o| **o == Awarded).count();
        assert_eq!(won, 1, "round {round}: {p:?} {q:?}");
    }
    let refused = history(&test.stack.store, "p")
        .await
        .into_iter()
        .chain(history(&test.stack.store, "q").await)
        .filter(|r| r.outcome == Refused);
    assert!(refused.into_iter().all(|r| r.reason.is_some_and(|why| why.code() == "opportunity_taken")));
}

/// What a decision relied on and did not change is checked too: a refusal decided from an old deal is not written.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_from_an_old_deal_is_not_written() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p"), won("p", "d", "100")]).await;
    commit(store, "q", &[enrolled("q")]).await;
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let group = [event("deal.qualified", "q", "q-d", &serde_json::json!({ "deal_id": "d" }))];
    let now = Timestamp::now();
    let before = engine::load(store, &programs, &partner("q"), &group, now).await.expect("loaded").state;
    let decision = decide(&programs, before.clone(), &group, now).expect("decided");
    assert_eq!(decision.outcome(0), Some(Refused), "the deal is another partner's");
    let tx = store::write::transaction(store, &programs, &before, &decision).expect("transaction");
    let qualified = [event("deal.qualified", "p", "p-d", &serde_json::json!({ "deal_id": "d" }))];
    assert_eq!(commit(store, "p", &qualified).await, [Awarded], "meanwhile the deal moves");
    assert_eq!(store::write::send(store, &tx).await.expect("an answer"), Written::Stale);
    assert_eq!(commit(store, "q", &group).await, [Refused], "decided again, from the deal as it is");
}

/// What time brings is found by the due index and recorded once, however often it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_due_is_found_and_recorded_once() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let (perx, m): (ProgramId, PartnerId) = ("perx".try_into().expect("program"), partner("m"));
    let event = |kind: &str, id: &str, data: serde_json::Value| {
        let body =
            body(kind, "m", "perx", "/crm/t", id, &data).replace("2026-03-14T09:30:00Z", &Timestamp::now().to_string());
        Event::parse(&body, Timestamp::now()).expect("an event")
    };
    let acv = serde_json::json!({ "amount": "30000", "currency": "USD" });
    let group = [
        event("partner.enrolled", "e", serde_json::json!({ "name": "m", "motions": ["sell"] })),
        event("deal.closed", "w", serde_json::json!({ "deal_id": "d", "outcome": "won", "acv": acv })),
        event("deal.closed", "x", serde_json::json!({ "deal_id": "e", "outcome": "won", "acv": acv, "renewal": true })),
    ];
    let programs = store::programs::read(store, &perx).await.expect("read").expect("published");
    let patience = Patience::until(Instant::now() + Duration::from_secs(60));
    engine::events::judge(store, &programs, &partner("m"), &group.map(Arrival::from), patience).await;
    let balance = async || store::state::whole(store, &perx, &partner("m")).await.expect("account").0.balance();
    assert_eq!((balance().await.pending, balance().await.available), (500, 0));

    let later = Timestamp::now() + jiff::SignedDuration::from_hours(31 * 24);
    let day = |at: Timestamp| jiff::tz::TimeZone::UTC.to_datetime(at).date();
    let due = async |at: Timestamp| due_at(store, &perx, Moment { today: day(at), now: at }).await;
    assert_eq!(due(Timestamp::now()).await, Vec::<String>::new());
    assert_eq!(due(later).await, ["m"]);
    let then = store.under(Clock::standing_at(later));
    let reviews = join_all((0..4).map(|_| engine::steps::catch_up(&then, &programs, &m, patience))).await;
    let records: Vec<Record> = reviews.into_iter().flat_map(|r| r.expect("caught up")).collect();
    assert_eq!(records.iter().map(|r| r.kind.as_str()).collect::<Vec<_>>(), ["points.released", "commission.released"]);
    assert_eq!((balance().await.pending, balance().await.available), (0, 500));
    assert_eq!(due(later).await, Vec::<String>::new(), "nothing is due any more");
}

/// Everybody who is due, by the whole of the index.
async fn due_at(store: &Store, program: &ProgramId, at: Moment) -> Vec<String> {
    let mut found = Vec::new();
    for shard in 0..store::tables::keys::DUE_SHARDS {
        let page = store::due::partners(store, program, shard, at, None).await.expect("due");
        assert_eq!(page.next, None);
        found.extend(page.items.iter().map(ToString::to_string));
    }
    found
}

/// D8: who was sent to be reviewed is not sent again by the next sweep, but an hour later; and a review sets the day anew.
#[tokio::test(flavor = "multi_thread")]
async fn d8_who_was_sent_is_not_sent_again() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let store = &test.stack.store;
    for who in ["p", "q"] {
        commit(store, who, &[enrolled(who)]).await;
    }
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let calendar = &programs.current(Timestamp::now()).program.calendar;
    let today = programs.current(Timestamp::now()).program.next_close(calendar.day(Timestamp::now()));
    let now = calendar.start_of(today);
    // Into a queue that nobody reads.
    let queue = |name: &str| worker::Queue::new(test.stack.clients.sqs(), &test.stack.aws.queue_url(name));
    let sent_by_sweep = async |minutes: i64| {
        let then = store.under(Clock::standing_at(now + jiff::SignedDuration::from_mins(minutes)));
        let [events, redemptions] = [queue(queues::PARTNER_EVENTS), queue(queues::REDEMPTIONS)];
        let handler = ReviewPartners::new(then, queue(queues::QUARANTINE), events, redemptions);
        let schedule = Trigger::Schedule(serde_json::json!({}));
        handler.handle(schedule, Instant::now() + Duration::from_secs(60)).await.expect("swept");
        let sent = test.take_all(queues::QUARANTINE).await;
        // Leaderboards are counted beside.
        sent.iter().filter(|message| !message.contains(r#""sweep":"board""#)).count()
    };
    assert_eq!(sent_by_sweep(0).await, 2);
    assert_eq!([sent_by_sweep(15).await, sent_by_sweep(59).await], [0, 0], "they are on their way");
    assert_eq!(sent_by_sweep(60).await, 2, "nobody was reviewed in time");
    let tomorrow = Moment { today: today.tomorrow().expect("a day"), now };
    assert_eq!(due_at(store, &program(), tomorrow).await.len(), 2, "a mark is of its day");
    let patience = Patience::until(Instant::now() + Duration::from_secs(60));
    let then = store.under(Clock::standing_at(now));
    engine::steps::catch_up(&then, &programs, &partner("p"), patience).await.expect("caught up");
    // A mark that comes late moves nothing back.
    store::due::mark_sent(store, &program(), &partner("p"), tomorrow, tomorrow.now).await.expect("marked");
    assert_eq!(due_at(store, &program(), tomorrow).await, ["q"]);
}

/// Everybody who takes part is looked at when a period closes, and if nothing is due then, not before the next one again.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_part_is_looked_at_when_a_period_closes() {
    let test = TestStack::with(local::Options { sweep_every: None, ..Default::default() }).await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p")]).await;
    let programs = store::programs::read(store, &program()).await.expect("read").expect("published");
    let calendar = &programs.current(Timestamp::now()).program.calendar;
    let mut close = programs.current(Timestamp::now()).program.next_close(calendar.day(Timestamp::now()));
    let due = async |today| due_at(store, &program(), Moment { today, now: Timestamp::now() }).await;
    for _ in 0..3 {
        assert_eq!(due(close.yesterday().expect("a day")).await, Vec::<String>::new());
        assert_eq!(due(close).await, ["p"]);
        let then = store.under(Clock::standing_at(calendar.start_of(close)));
        let patience = Patience::until(Instant::now() + Duration::from_secs(60));
        let records = engine::steps::catch_up(&then, &programs, &partner("p"), patience).await.expect("caught up");
        assert_eq!(records.len(), 0, "nothing was due");
        assert_eq!(due(close).await, Vec::<String>::new(), "it is not sent again and again");
        close = programs.current(Timestamp::now()).program.next_close(close);
    }
}

/// C2, I4, I28: another person under one identity is a conflict; one who was erased is nobody, and conflicts with nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_makes_no_conflict() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let judge = async |event: Event| {
        let mut event = event;
        let persons = event.persons().into_iter().collect();
        let names = store::persons::pseudonyms(store, &program(), &partner("p"), &persons).await.expect("names");
        event.pseudonymise(&names);
        commit(store, "p", &[event]).await[0]
    };
    commit(store, "p", &[enrolled("p")]).await;
    assert_eq!(judge(view("p", 1, "ann")).await, Awarded);
    assert_eq!(judge(view("p", 1, "ann")).await, Duplicate);
    assert_eq!(judge(view("p", 1, "bob")).await, Outcome::Conflict);
    let ann = "ann".try_into().expect("a person");
    store::persons::erase(store, &program(), &partner("p"), &ann).await.expect("erased");
    assert_eq!(judge(view("p", 1, "ann")).await, Duplicate, "sent again, ann has another name now");
    let records = serde_json::to_string(&history(store, "p").await).expect("JSON");
    assert!(!records.contains("ann"), "{records}");
}

/// I4: two deliveries that are judged at once name a new person each; the name of one of them stands, and the other is no conflict.
#[tokio::test(flavor = "multi_thread")]
async fn two_who_name_a_new_person_at_once_agree() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p")]).await;
    for n in 0..20 {
        let event = [course("p", n, &format!("person{n}"))];
        let (first, second) = futures::join!(commit(store, "p", &event), commit(store, "p", &event));
        let mut both = [first[0], second[0]];
        both.sort_by_key(|outcome| outcome.word());
        assert_eq!(both, [Awarded, Duplicate], "person{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_250_events_commits_in_order() {
    let test = TestStack::start().await;
    commit(&test.stack.store, "p", &[enrolled("p")]).await;
    let group: Vec<Event> = (0..250).map(|n| view("p", n, &format!("person{}", n % 5))).collect();
    let outcomes = commit(&test.stack.store, "p", &group).await;
    assert_eq!(outcomes.len(), 250);
    assert!(outcomes.iter().all(|o| matches!(o, Awarded | Refused)), "the monthly cap refuses some");
    let records = history(&test.stack.store, "p").await;
    assert_eq!(records.len(), 251);
    assert!(records.windows(2).all(|pair| (pair[0].time, &pair[0].identity) <= (pair[1].time, &pair[1].identity) || pair[0].position == 1));
    assert_sound(&test.stack.store, "p").await;
}

/// Judges one group that is new; the write units as the engine reports them.
async fn cost(test: &TestStack, who: &str, events: &[Event]) -> f64 {
    let (store, calls) = noting_store(&test.stack.aws.endpoint());
    let outcomes = commit(&store, who, events).await;
    assert!(outcomes.iter().all(|outcome| *outcome != Duplicate && *outcome != Transient), "{outcomes:?}");
    let calls = calls.lock().expect("calls");
    calls.iter().map(|(_, units)| units).sum()
}

fn assert_units(found: f64, expected: u32, what: &str) {
    assert!((found - f64::from(expected)).abs() < 0.01, "{what}: {found} units, not {expected}");
}

fn course(who: &str, n: usize, person: &str) -> Event {
    let data = serde_json::json!({ "course_id": format!("k{n}"), "level": 101, "person_id": person });
    event("course.completed", who, &format!("course-{who}-{n}-{person}"), &data)
}

fn registered(who: &str, deal: &str) -> Event {
    let data = serde_json::json!({ "deal_id": deal, "opportunity_id": format!("o-{deal}"), "customer": "Contoso" });
    event("deal.registered", who, &format!("{deal}-registered"), &data)
}

fn qualified(who: &str, deal: &str) -> Event {
    event("deal.qualified", who, &format!("{deal}-qualified"), &serde_json::json!({ "deal_id": deal }))
}

/// A record is two units and one of its index; every other item of the transaction two; a due day that moves two.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_costs_its_record_its_head_and_what_it_names() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    // A year's tier and expiry are settled, so that no due day moves.
    commit(store, "p", &[enrolled("p"), won("p", "settled", "1"), view("p", 999, "ann"), view("p", 998, "bob")]).await;
    let of = async |event: Event| cost(&test, "p", &[event]).await;
    assert_units(of(view("p", 1, "ann")).await, 5, "content: record and head");
    assert_units(of(course("p", 1, "ann")).await, 5, "course: record and head");
    assert_units(of(registered("p", "d1")).await, 9, "registered: record, head, deal, opportunity");
    assert_units(of(qualified("p", "d1")).await, 7, "qualified: record, head, deal");
    assert_units(of(won("p", "d1", "1")).await, 7, "closed: record, head, deal");
    let closing = event(
        "deal.closed",
        "q",
        "q-won",
        &serde_json::json!({ "deal_id": "dq", "outcome": "won", "acv": { "amount": "48000", "currency": "USD" }, "motion": "sell" }),
    );
    commit(store, "q", &[enrolled("q")]).await;
    assert_units(cost(&test, "q", &[closing]).await, 7, "closed and promoted: it stands in the due index already");
    assert_units(
        cost(&test, "r", &[enrolled("r")]).await,
        5 + 1,
        "enrolled: record, head, in the due index for the first time",
    );
}

/// A lone event: two rounds of reads at most, and one write. A person who is new costs two units more, and no round.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_read_in_two_rounds_and_written_in_one() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let (noting, calls) = noting_store(&test.stack.aws.endpoint());
    let deal = |kind: &str, deal: &str, data: serde_json::Value| {
        let mut data = data;
        data["deal_id"] = deal.into();
        event(kind, "p", &format!("{deal}-{kind}"), &data)
    };
    let money = |amount: &str| serde_json::json!({ "amount": amount, "currency": "USD" });
    // Of a partner whose head holds all, and of one whose persons, profile, measures and lots stand beside it.
    for (who, many) in [("p", 1), ("q", 400)] {
        let of = |mut event: Event| {
            event.partner = partner(who);
            event
        };
        commit(store, who, &[enrolled(who), of(won(who, &format!("{who}-settled"), "1"))]).await;
        let courses: Vec<Event> = (0..many).map(|n| course(who, n, &format!("person{n}"))).collect();
        commit(store, who, &courses).await;
        commit(&noting, who, &[of(view(who, 10 * many, "ann"))]).await;
        let id = |name: &str| format!("{who}-{name}");
        let rows = [
            ("content of a new person", of(view(who, 10 * many + 1, &id("bob")))),
            ("content", of(view(who, 10 * many + 2, &id("bob")))),
            ("course of a new person", of(course(who, 1_001, &id("eve")))),
            ("course", of(course(who, 1_002, &id("eve")))),
            ("registered", of(registered(who, &id("d")))),
            ("qualified", of(qualified(who, &id("d")))),
            ("closed", of(won(who, &id("d"), "60000"))),
            ("amended", of(deal("deal.amended", &id("d"), serde_json::json!({ "acv": money("5000") })))),
            ("reversed", of(deal("deal.reversed", &id("d"), serde_json::json!({ "reason": "refund" })))),
        ];
        for (what, event) in rows {
            calls.lock().expect("calls").clear();
            let outcome = commit(&noting, who, std::slice::from_ref(&event)).await[0];
            assert!(!matches!(outcome, Refused | Transient), "{who}: {what}: {outcome:?}");
            // A function keeps the program's versions for a while; this store asks for them each time.
            let made = calls.lock().expect("calls").clone().into_iter().map(|(operation, _)| operation);
            let made: Vec<String> = made.skip_while(|operation| operation == "Query").collect();
            let reads = made.iter().filter(|operation| *operation == "BatchGetItem").count();
            assert!((1..=2).contains(&reads), "{who}: {what}: {made:?}");
            assert_eq!(made[reads..], ["TransactWriteItems"], "{who}: {what}: {made:?}");
        }
    }
    let of = async |event: Event| cost(&test, "p", &[event]).await;
    assert_units(of(view("p", 5, "p-bob")).await, 5, "content");
    assert_units(of(view("p", 6, "somebody")).await, 5 + 2, "content of a new person");
    assert_sound(store, "q").await;
}

/// Where persons do not fit the head any more, their counts stand beside it; a course is a fact beside it, too.
#[tokio::test(flavor = "multi_thread")]
async fn persons_who_do_not_fit_the_head_cost_their_own_items() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p"), won("p", "settled", "1")]).await;
    let many: Vec<Event> = (0..40).map(|n| course("p", 500, &format!("person{n}"))).collect();
    commit(store, "p", &many).await;
    let of = async |event: Event| cost(&test, "p", &[event]).await;
    assert_units(of(view("p", 1, "ann")).await, 9, "content: record, head, the person's counts, and the person's name");
    assert_units(of(view("p", 2, "ann")).await, 7, "content: record, head, the person's counts");
    assert_units(of(course("p", 500, "ann")).await, 7, "course: record, head, the person's counts");
    assert_units(of(course("p", 1, "ann")).await, 7, "course nobody completed before: that fact is in the head yet");
    assert_units(of(won("p", "d1", "1")).await, 7, "closed: record, head, deal");
    assert_sound(store, "p").await;
}

/// Many events of one partner cost no more than their records and what they name.
#[tokio::test(flavor = "multi_thread")]
async fn many_events_cost_no_more_than_their_records() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    for (round, n) in [10_usize, 40].into_iter().enumerate() {
        let who = format!("p{round}");
        let id = |at: usize| round * 1_000 + at;
        commit(store, &who, &[enrolled(&who), view(&who, id(999), "ann")]).await;
        let records = u32::try_from(3 * n).expect("few");
        let views = cost(&test, &who, &(0..n).map(|at| view(&who, id(at), "ann")).collect::<Vec<_>>()).await;
        // With measures and counts in items of their own these were six.
        assert!(views <= f64::from(records + 6), "{n} views: {views}");
        let won = |at: usize| won(&who, &format!("d{}", id(at)), "0");
        let deals = cost(&test, &who, &(0..n).map(won).collect::<Vec<_>>()).await;
        assert!(deals <= f64::from(records + 6 + u32::try_from(2 * n).expect("few")), "{n} deals: {deals}");
    }
    commit(store, "c", &[enrolled("c")]).await;
    // With profile, measures and counts in items of their own these were eight more than the records.
    let courses = cost(&test, "c", &(0..10).map(|at| course("c", at, "ann")).collect::<Vec<_>>()).await;
    assert!(courses <= 38.0, "10 courses of one person: {courses}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_leave_the_head_small_and_the_cost_unchanged() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p"), view("p", 1_000_000, "person0")]).await;
    let first = cost(&test, "p", &[view("p", 999_999, "person0")]).await;
    // Few people look at few pieces again and again, as portals see it; most of it is capped and all of it recorded.
    for chunk in (0..10_000_usize).collect::<Vec<_>>().chunks(250) {
        let again = |n: usize| {
            let data = serde_json::json!({ "content_id": format!("c{}", n % 40), "person_id": format!("person{}", n % 7), "seconds": 40 });
            event("content.viewed", "p", &format!("view-{n}"), &data)
        };
        commit(store, "p", &chunk.iter().map(|n| again(*n)).collect::<Vec<_>>()).await;
    }
    let head = store::state::head(store, &program(), &partner("p")).await.expect("head").expect("a history");
    assert_eq!(head.position, 10_003);
    let item = test.stack.clients.dynamodb().get_item().table_name(local::STATE_TABLE);
    let item = item.set_key(Some(store::tables::items::state_key(
        &store::tables::keys::partner(&program(), &partner("p")),
        store::tables::keys::HEAD,
    )));
    let head = item.send().await.expect("head").item.expect("head");
    assert!(store::tables::items::size(&head) < 1_024, "the head has {} bytes", store::tables::items::size(&head));
    let last = cost(&test, "p", &[view("p", 999_998, "somebody new")]).await;
    assert!(last <= first + 2.0, "the first commit cost {first} units, the last {last}");
    assert_sound(store, "p").await;
}

#[tokio::test]
async fn a_damaged_account_is_found_and_rebuilt() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    commit(store, "p", &[enrolled("p"), won("p", "d1", "48000.00"), view("p", 1, "dana")]).await;
    assert_sound(store, "p").await;
    assert_eq!(
        store::everybody::list(store).await.expect("everybody"),
        [("hr-software", "@program"), ("hr-software", "p"), ("perx", "@program")]
            .map(|(program, partner)| (program.to_owned(), partner.to_owned()))
            .into()
    );
    let db = store.client();
    let key = store::tables::items::state_key(
        &store::tables::keys::partner(&program(), &partner("p")),
        store::tables::keys::HEAD,
    );
    let get = db.get_item().table_name(local::STATE_TABLE).set_key(Some(key)).send().await.expect("read");
    let mut head = get.item.expect("a head");
    let content = head["b"].as_s().expect("text").clone();
    let lots = content.split("\"l\":\"").last().and_then(|rest| rest.split('"').next()).expect("lots").to_owned();
    let damaged = content.replace(&lots, &format!("{lots}9"));
    assert_ne!(damaged, content);
    head.insert("b".to_owned(), store::tables::items::text(damaged));
    db.put_item().table_name(local::STATE_TABLE).set_item(Some(head)).send().await.expect("damaged");
    let audit =
        async || engine::audit::partner(store, &program(), &partner("p"), Timestamp::now()).await.expect("read");
    let audited = audit().await;
    let rebuilt = audited.rebuilt.expect("the records apply");
    let found = check_account(&audited.stored, &rebuilt);
    assert!(found.len() == 1 && found[0].starts_with("I10: the balance: stored"), "{found:?}");
    let done = engine::rebuild::program(store, &program(), &[partner("p")], |_| ()).await.expect("rebuilt");
    assert_eq!((done.written, done.findings), (1, vec![]));
    assert_sound(store, "p").await;
    let done = engine::rebuild::program(store, &program(), &[partner("p")], |_| ()).await.expect("rebuilt");
    assert_eq!(done.written, 0, "nothing is left to write");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_of_a_partner_who_is_written_to_finds_nothing() {
    let test = TestStack::start().await;
    let store = test.stack.store.clone();
    commit(&store, "p", &[enrolled("p")]).await;
    let writer = store.clone();
    let writes = tokio::spawn(async move {
        for n in 0..60 {
            commit(&writer, "p", &[view("p", n, "dana")]).await;
        }
    });
    while !writes.is_finished() {
        let Ok(audited) = engine::audit::partner(&store, &program(), &partner("p"), Timestamp::now()).await else {
            continue;
        };
        let found = check_account(&audited.stored, &audited.rebuilt.expect("the records apply"));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
    writes.await.expect("written");
    assert_sound(&store, "p").await;
}

/// Units and rounds by type, of one event, ten and forty of one partner. A record is two units and one of its index, every other item
/// of the transaction two, and the head is written once for all that one transaction holds.
#[tokio::test(flavor = "multi_thread")]
async fn units_and_rounds_by_type() {
    let test = TestStack::start().await;
    let store = &test.stack.store;
    let (noting, calls) = noting_store(&test.stack.aws.endpoint());
    let acv = serde_json::json!({ "acv": { "amount": "5000", "currency": "USD" } });
    let refund = serde_json::json!({ "reason": "refund" });
    // By type: units of one, ten and forty, and transactions of forty. The counts of forty courses, one for each person and course, do
    // not fit the head, nor does that they were completed: two items each, and one for what is left.
    let rows = [
        ("content.viewed", [5, 32, 122], 1),
        ("course.completed", [5, 32, 4 + 40 * (3 + 4) + 2], 2),
        ("deal.registered", [9, 72, 4 + 40 * (3 + 4)], 2),
        ("deal.qualified", [7, 52, 202], 1),
        ("deal.closed", [7, 52, 202], 1),
        ("deal.amended", [7, 52, 202], 1),
        ("deal.reversed", [7, 52, 202], 1),
    ];
    for (kind, units, of_forty) in rows {
        for (n, expected, transactions) in [(1, units[0], 1), (10, units[1], 1), (40, units[2], of_forty)] {
            let who = format!("{kind}-{n}");
            commit(store, &who, &[enrolled(&who), won(&who, &format!("{who}-settled"), "1")]).await;
            commit(store, &who, &[view(&who, 9_000 + n, "ann")]).await;
            let deals: Vec<String> = (0..n).map(|at| format!("{who}-{at}")).collect();
            if kind == "deal.registered" {
                // Of so many at least one in ten is qualified: nothing looks like gaming.
                let honest: Vec<String> = (0..5).map(|at| format!("{who}-honest-{at}")).collect();
                let both = honest.iter().flat_map(|id| [registered(&who, id), qualified(&who, id)]);
                commit(store, &who, &both.collect::<Vec<_>>()).await;
            }
            if kind == "deal.qualified" {
                commit(store, &who, &deals.iter().map(|id| registered(&who, id)).collect::<Vec<_>>()).await;
            }
            if matches!(kind, "deal.amended" | "deal.reversed") {
                commit(store, &who, &deals.iter().map(|id| won(&who, id, "60000")).collect::<Vec<_>>()).await;
            }
            let of_deal = |id: &String, data: &serde_json::Value| {
                let mut data = data.clone();
                data["deal_id"] = id.as_str().into();
                event(kind, &who, &format!("{id}-{kind}"), &data)
            };
            let one = |at: usize| match kind {
                "content.viewed" => view(&who, 100 * n + at, "ann"),
                "course.completed" => course(&who, at, "ann"),
                "deal.registered" => registered(&who, &deals[at]),
                "deal.qualified" => qualified(&who, &deals[at]),
                "deal.closed" => won(&who, &deals[at], "60000"),
                "deal.amended" => of_deal(&deals[at], &acv),
                _ => of_deal(&deals[at], &refund),
            };
            let events: Vec<Event> = (0..n).map(one).collect();
            calls.lock().expect("calls").clear();
            let outcomes = commit(&noting, &who, &events).await;
            assert!(!outcomes.contains(&Transient), "{kind}: {outcomes:?}");
            let made = calls.lock().expect("calls").clone();
            let count = |of: &str| made.iter().filter(|(operation, _)| operation == of).count();
            let rounds = (count("BatchGetItem"), count("TransactWriteItems"));
            let units: f64 = made.iter().map(|(_, units)| units).sum();
            assert_units(units, expected, &format!("{n} of {kind}"));
            assert_eq!(rounds, (2 * transactions, transactions), "rounds of {n} of {kind}");
        }
    }
}

/// Money costs no more than points: a closing that pays commission is the same items, within the same units; so is its reversal. Here
/// both move the day on which the account is due, which is two units more.
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_pays_commission_costs_what_a_closing_costs() {
    let test = TestStack::start().await;
    let (noting, calls) = noting_store(&test.stack.aws.endpoint());
    let perx: ProgramId = "perx".try_into().expect("program");
    let programs = store::programs::read(&noting, &perx).await.expect("read").expect("published");
    let acv = serde_json::json!({ "amount": "60000", "currency": "USD" });
    let closed =
        serde_json::json!({ "deal_id": "d-1", "outcome": "won", "acv": acv, "tenor_months": 36, "motion": "sell" });
    let steps = [
        ("partner.enrolled", serde_json::json!({ "name": "m", "motions": ["sell"] }), None),
        ("deal.closed", closed, Some(7 + 2)),
        ("deal.reversed", serde_json::json!({ "deal_id": "d-1", "reason": "x" }), Some(7 + 2)),
    ];
    for (kind, data, expected) in steps {
        let event = Event::parse(&body(kind, "m", "perx", "/crm/t", kind, &data), Timestamp::now()).expect("an event");
        calls.lock().expect("calls").clear();
        let patience = Patience::until(Instant::now() + Duration::from_secs(60));
        engine::events::judge(&noting, &programs, &partner("m"), &[Arrival::from(event)], patience).await;
        let units: f64 = calls.lock().expect("calls").iter().map(|(_, units)| units).sum();
        if let Some(expected) = expected {
            assert_units(units, expected, kind);
        }
    }
    // The stack may have looked at the new partner meanwhile: all of its records.
    let record = store::history::page(&noting, &perx, &partner("m"), None, 10).await.expect("a page");
    let paid: Vec<String> =
        record.items.iter().rev().flat_map(|record| &record.postings).map(ToString::to_string).collect();
    assert!(paid.iter().any(|line| line.starts_with("accrual 450000 USD program ")), "{paid:?}");
}
