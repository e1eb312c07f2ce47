//! One seed: start everything, let the workload happen, come to rest, look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, Random};
use domain::tell::open_periods;
use event::ids::PartnerId;
use event::payout::PayoutRun;
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use serde_json::json;
use store::cards::Sealer;
use store::patience::Patience;
use store::programs::WithdrawError;
use tokio::task::LocalSet;

use crate::aws::{Aws, Calls, lock};
use crate::check::{Sent, Snapshot, Watch, at_rest, m39_leaderboard};
use crate::fate::{Fate, Fault, Tell};
use crate::plant::{self, Plant};
use crate::process::{self, Given, Redeems};
use crate::queues::{Queues, dead_letters};
use crate::stream::Stream;
use crate::table::Dynamo;
use crate::workload::{Action, Payout, Step, Workload};

/// How often everything is looked at while it goes on: every so many steps.
const WHOLE_EVERY: usize = 50;
/// Of seeds that are longer than this it is, from then on, whenever there is half more.
const LONG: usize = 1_000;
/// So many events may wait in their queue before the next step; more workers than there are would have come by then.
const BACKLOG_MAX: usize = 400;
/// Tries of a client whose request was not answered.
const ASKS_MAX: usize = 12;
/// Rounds of sweeping until everything must be at rest.
const ROUNDS_MAX: usize = 60;

/// A clock may move on by so much while a function is at work: less than functions decide by versions that they have read.
const LITTLE: SignedDuration = SignedDuration::from_secs(20);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many events, at least.
    pub events: usize,
    /// How many partners; a few where it does not say.
    pub partners: Option<usize>,
    /// Faults that do not happen.
    pub without: Vec<Fault>,
    /// Steps that are left out.
    pub skip: BTreeSet<usize>,
    /// A planted defect.
    pub plant: Option<Plant>,
    /// Shows whatever holds this text as it happens.
    pub shows: Option<String>,
    /// Is told of each fault as it happens.
    pub tells: Option<Tell>,
    /// Is told after each step how many of how many are done.
    pub walked: Option<fn(usize, usize)>,
}

impl Plan {
    /// All of a seed.
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            events: 200,
            partners: None,
            without: Vec::new(),
            skip: BTreeSet::new(),
            plant: None,
            shows: None,
            tells: None,
            walked: None,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was found; nothing if everything holds.
    pub findings: Vec<String>,
    /// A hash over everything that happened, in its order.
    pub trace: u64,
    /// How often the planted defect was met.
    pub fired: u64,
    /// Writes to the tables.
    pub writes: u64,
    /// Records.
    pub records: usize,
    /// How many records of each type held.
    pub applied: BTreeMap<String, usize>,
    /// Messages that were sent.
    pub sent: usize,
    /// A digest of the ledger, in the order of its writes; and of the one that the same events leave when they are decided again
    /// in that order, in one quiet pass. Both 0 where it never came to rest.
    pub ledgers: [u64; 2],
    /// Steps of the workload.
    pub steps: usize,
    /// How often each fault met what.
    pub met: BTreeMap<(Fault, String), u64>,
    /// Requests, by function and operation.
    pub calls: BTreeMap<(&'static str, String), u64>,
    /// How often each invariant was looked at.
    pub looked: BTreeMap<&'static str, u64>,
}

/// Runs a plan.
///
/// # Panics
/// If no runtime can be made.
pub fn run(plan: &Plan) -> Outcome {
    // The SDK's own chance: jitter of its retries, its tokens.
    fastrand::seed(plan.seed);
    plant::plant(plan.plant);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let local = LocalSet::new();
    let outcome = runtime.block_on(local.run_until(whole(plan)));
    drop(local);
    outcome
}

/// Starts an account with empty tables.
async fn account(plan: &Plan, begins: Timestamp) -> Arc<Aws> {
    let random = Random::seeded(plan.seed);
    let aws = Arc::new(Aws {
        table: Mutex::new(Dynamo::default()),
        queues: Mutex::new(Queues::of(plan.seed)),
        stream: Mutex::new(Stream::default()),
        fate: Mutex::new(Fate::new(plan.seed, &plan.without)),
        watch: Mutex::new(Watch::default()),
        clock: Clock::standing_at(begins),
        ring: Sealer::new_ring(&random).expect("a ring"),
        random,
        plant: plan.plant,
        calls: Calls::default(),
    });
    store::tables::create_tables(&Given::new(&aws, "staff").store()).await.expect("tables");
    aws
}

async fn whole(plan: &Plan) -> Outcome {
    let work = Workload::new(plan.seed, plan.events, plan.partners);
    let aws = account(plan, work.begins).await;
    let first = work.begins - SignedDuration::from_hours(300 * 24);
    let store = Given::new(&aws, "staff").store();
    let published = store::programs::publish(&store, &work.file, Some(first), "staff").await;
    assert!(published.is_ok(), "{published:?}\n{}", work.file);
    lock(&aws.fate).tells = plan.tells;
    lock(&aws.fate).unleash();
    lock(&aws.watch).shows.clone_from(&plan.shows);
    let workers = [
        tokio::task::spawn_local(process::awards(aws.clone())),
        tokio::task::spawn_local(process::awards(aws.clone())),
        tokio::task::spawn_local(process::fulfils(aws.clone())),
        tokio::task::spawn_local(process::fulfils(aws.clone())),
        tokio::task::spawn_local(process::fulfils(aws.clone())),
        tokio::task::spawn_local(process::fulfils(aws.clone())),
        tokio::task::spawn_local(process::reviews(aws.clone())),
        tokio::task::spawn_local(process::relays(aws.clone())),
    ];
    let client = Arc::new(Client { program: work.program.clone(), made: Mutex::default() });
    let mut guests = Vec::new();
    let mut whole_at = WHOLE_EVERY;
    for (at, step) in work.steps.iter().enumerate() {
        if !plan.skip.contains(&at) {
            take(&aws, &client, step, &mut guests).await;
            guests.retain(|guest| !guest.is_finished());
        }
        aws.clock.sleep(Duration::from_millis(step.pause_ms)).await;
        while lock(&aws.queues).len("partner-events") > BACKLOG_MAX {
            aws.clock.sleep(Duration::from_millis(100)).await;
        }
        if at + 1 >= whole_at {
            look(&aws);
            whole_at += if whole_at < LONG { WHOLE_EVERY } else { whole_at / 2 };
        }
        if !lock(&aws.watch).findings.is_empty() {
            break;
        }
        if let Some(walked) = plan.walked {
            walked(at + 1, work.steps.len());
        }
    }
    if lock(&aws.watch).findings.is_empty() {
        for guest in guests {
            let _ = guest.await;
        }
        rest(&aws).await;
    }
    for worker in workers {
        worker.abort();
    }
    let watch = lock(&aws.watch);
    Outcome {
        findings: watch.findings.clone(),
        trace: watch.trace,
        fired: plant::fired(),
        writes: watch.writes,
        records: watch.log.records(),
        applied: watch.log.applied.clone(),
        sent: watch.sent.len(),
        ledgers: watch.ledgers,
        steps: work.steps.len(),
        met: lock(&aws.fate).met.clone(),
        calls: watch.calls.clone(),
        looked: watch.looked.clone(),
    }
}

fn look(aws: &Aws) {
    let now = aws.clock.now();
    let table = lock(&aws.table);
    let mut watch = lock(&aws.watch);
    let found = Snapshot::of(&table, now).check(&table, &watch.programs, now);
    watch.add(found);
}

/// What clients know.
struct Client {
    program: String,
    made: Mutex<BTreeMap<(String, String), String>>,
}

async fn take(aws: &Arc<Aws>, client: &Arc<Client>, step: &Step, guests: &mut Vec<tokio::task::JoinHandle<()>>) {
    if step.at.duration_since(aws.clock.now()).abs() < LITTLE {
        aws.calls.creep(&aws.clock, step.at, LITTLE).await;
    } else {
        aws.calls.jump(&aws.clock, step.at).await;
    }
    if step.jumped {
        lock(&aws.fate).note(Fault::ClockAhead, "clock");
    }
    match step.action.clone() {
        Action::Send(body) => {
            let now = aws.clock.now();
            lock(&aws.queues).put("partner-events", body.clone(), BTreeMap::new(), now.as_millisecond(), aws.now());
            lock(&aws.watch).trace(&format!("sent {now} {body}"));
            lock(&aws.watch).sent.push(Sent { body, at: now });
        }
        Action::Redeem { partner, key, reward, quantity, recipient } => {
            let body = json!({ "reward_id": reward, "quantity": quantity, "recipient": { "email": recipient } });
            guests.push(tokio::task::spawn_local(redeem(aws.clone(), client.clone(), partner, key, body)));
        }
        Action::Cancel(partner, key) => {
            guests.push(tokio::task::spawn_local(about(aws.clone(), client.clone(), partner, key, "cancel")));
        }
        Action::Reveal(partner, key) => {
            guests.push(tokio::task::spawn_local(about(aws.clone(), client.clone(), partner, key, "reveal")));
        }
        Action::Publish(file, later) => {
            let from = later.map(|later| step.at + later);
            guests.push(tokio::task::spawn_local(publish(aws.clone(), file, from)));
        }
        Action::Regret(file, later) => {
            let (from, aws, program) = (Some(step.at + later), aws.clone(), client.program.clone());
            guests.push(tokio::task::spawn_local(async move {
                publish(aws.clone(), file, from).await;
                withdraw(aws, program).await;
            }));
        }
        Action::Withdraw => {
            guests.push(tokio::task::spawn_local(withdraw(aws.clone(), client.program.clone())));
        }
        Action::Pay(partner, run, what) => {
            guests.push(tokio::task::spawn_local(pay(aws.clone(), client.program.clone(), partner, run, what)));
        }
        Action::Load(reward, codes) => {
            guests.push(tokio::task::spawn_local(load(aws.clone(), client.program.clone(), reward, codes)));
        }
        Action::Sweep => guests.push(tokio::task::spawn_local(sweep(aws.clone()))),
        Action::Redrive => redrive(aws),
        Action::Expire => expire(aws, |fate| fate.below(3) > 0),
        Action::Back(seconds) => {
            lock(&aws.fate).note(Fault::ClockBack, "clock");
            aws.clock.set(step.at - SignedDuration::from_secs(seconds));
        }
    }
}

fn redrive(aws: &Aws) {
    let now = aws.clock.now().as_millisecond();
    let (mut queues, mut fate) = (lock(&aws.queues), lock(&aws.fate));
    for queue in ["partner-events", "redemptions", "partner-reviews"] {
        queues.redrive(queue, now, aws.now(), &mut fate);
    }
}

fn expire(aws: &Aws, chooses: impl Fn(&mut Fate) -> bool) {
    let now = aws.clock.now();
    let (mut table, mut fate) = (lock(&aws.table), lock(&aws.fate));
    let mut picks = Fate::new(now.as_millisecond().unsigned_abs(), &[]);
    let changes = table.expire(now.as_second(), aws.now(), &mut *fate, || chooses(&mut picks));
    if !changes.is_empty() {
        fate.note(Fault::Expired, "state");
        for change in changes {
            lock(&aws.watch).written("time to live", now, &table, &[change]);
        }
    }
}

async fn sweep(aws: Arc<Aws>) {
    process::sweeps(aws).await;
}

/// A partner asks until it is answered, as clients of an API with keys do.
async fn redeem(aws: Arc<Aws>, client: Arc<Client>, partner: String, key: String, body: serde_json::Value) {
    let path = format!("/v1/partners/{partner}/redemptions");
    for _ in 0..ASKS_MAX {
        let asked = Redeems::new(&aws).ask(&client.program, &partner, &path, Some(&key), &body).await;
        match asked {
            // Another body under the key, or nobody the program knows: answers that are kept nowhere.
            Ok((404 | 422, _)) => return,
            Ok((status, answer)) if status < 500 => {
                lock(&aws.watch).answered(&partner, &key, status, &answer);
                let id = serde_json::from_str::<serde_json::Value>(&answer)
                    .ok()
                    .and_then(|made| made["id"].as_str().map(str::to_owned));
                if status == 201 {
                    lock(&client.made).extend(id.map(|id| ((partner, key), id)));
                }
                return;
            }
            Ok(_) | Err(_) => {
                let pause = lock(&aws.fate).millis(50, 800);
                aws.clock.sleep(pause).await;
            }
        }
    }
}

async fn about(aws: Arc<Aws>, client: Arc<Client>, partner: String, key: String, what: &'static str) {
    let Some(id) = lock(&client.made).get(&(partner.clone(), key)).cloned() else { return };
    let path = format!("/v1/partners/{partner}/redemptions/{id}/{what}");
    let answer = Redeems::new(&aws).ask(&client.program, &partner, &path, None, &json!({})).await;
    if let Ok((status, body)) = answer {
        lock(&aws.watch).trace(&format!("{what} {status} {body}"));
    }
}

async fn publish(aws: Arc<Aws>, file: String, from: Option<Timestamp>) {
    for _ in 0..ASKS_MAX {
        let given = Given::new(&aws, "staff");
        let store = given.store();
        let published = aws.calls.publish(store::programs::publish(&store, &file, from, "staff"));
        if let Ok(Ok(_)) = Box::pin(given.call(published)).await {
            return;
        }
        aws.clock.sleep(Duration::from_millis(200)).await;
    }
}

/// Withdraws the version that takes effect last, if that is still to come.
async fn withdraw(aws: Arc<Aws>, program: String) {
    let Ok(program) = program.as_str().try_into() else { return };
    for _ in 0..ASKS_MAX {
        let given = Given::new(&aws, "staff");
        let store = given.store();
        let read = Box::pin(given.call(store::programs::read(&store, &program))).await;
        if let Ok(Ok(Some(programs))) = read {
            let now = store.clock().now();
            let Some(last) = programs.all().last().filter(|version| version.effective_from > now) else { return };
            let withdrawn = aws.calls.publish(store::programs::withdraw(&store, &program, last.number, "staff"));
            let sent = Box::pin(given.call(withdrawn)).await;
            if sent.is_ok_and(|sent| !matches!(sent, Err(WithdrawError::Store(_) | WithdrawError::Raced))) {
                return;
            }
        }
        aws.clock.sleep(Duration::from_millis(200)).await;
    }
}

/// Pays a partner in a run, or gives that up, as the command line does; again where it was cut short.
async fn pay(aws: Arc<Aws>, program: String, partner: String, run: PayoutRun, what: Payout) {
    let (Ok(program), Ok(partner)) = (program.as_str().try_into(), PartnerId::try_from(partner.as_str())) else {
        return;
    };
    for _ in 0..ASKS_MAX {
        let given = Given::new(&aws, "staff");
        let store = given.store();
        let read = Box::pin(given.call(store::programs::read(&store, &program))).await;
        if let Ok(Ok(Some(programs))) = read {
            let patience = Patience::until(aws.clock.instant() + Duration::from_secs(20));
            let done = match what {
                Payout::Run => {
                    let paid = engine::payouts::run(&store, &programs, &partner, run, patience);
                    Box::pin(given.call(paid)).await.is_ok_and(|paid| paid.is_ok())
                }
                Payout::Cancel => {
                    let given_up = engine::payouts::cancel(&store, &programs, &partner, run, patience);
                    Box::pin(given.call(given_up)).await.is_ok_and(|given_up| given_up.is_ok())
                }
            };
            if done {
                return;
            }
        }
        aws.clock.sleep(Duration::from_millis(200)).await;
    }
}

async fn load(aws: Arc<Aws>, program: String, reward: String, codes: Vec<String>) {
    let Ok(program) = program.as_str().try_into() else { return };
    for _ in 0..ASKS_MAX {
        let given = Given::new(&aws, "staff");
        let store = given.store();
        let Ok(sealer) = Sealer::from_ring(&aws.ring, aws.random.clone()) else { return };
        let load = store::cards::load(&store, &program, &reward, &codes, &sealer, |_| {});
        if let Ok(Ok(_)) = Box::pin(given.call(load)).await {
            return;
        }
        aws.clock.sleep(Duration::from_millis(200)).await;
    }
}

/// Nothing goes wrong any more: everything comes to its end, also what waits.
async fn rest(aws: &Arc<Aws>) {
    lock(&aws.fate).calm_down();
    quiet(aws).await;
    look(aws);
    // Past every deadline of what waits, and past every hold of points.
    for days in [1, 1, 8, 40, 40] {
        aws.calls.jump(&aws.clock, aws.clock.now() + SignedDuration::from_hours(24 * days)).await;
        quiet(aws).await;
        leaderboards(aws).await;
        if !lock(&aws.watch).findings.is_empty() {
            return;
        }
    }
    expire(aws, |_| true);
    let found = at_rest(aws);
    lock(&aws.watch).add(found);
}

/// Somebody asks for every leaderboard.
async fn leaderboards(aws: &Arc<Aws>) {
    let programs: Vec<Programs> = lock(&aws.watch).programs.values().cloned().collect();
    let now = aws.clock.now();
    for programs in programs {
        let program = &programs.current(now).program;
        if program.challenges.is_empty() {
            continue;
        }
        let all = Snapshot::of(&lock(&aws.table), now);
        for challenge in program.challenges.values() {
            for period in open_periods(&programs, challenge, now) {
                let query = format!("metric={}&motion={}&period={period}", challenge.metric.word(), challenge.motion);
                let answer = process::leaderboard(aws, (&program.id, "p0"), &query).await;
                let found = match answer {
                    Ok((200, body)) => {
                        let shown = serde_json::from_str(&body).unwrap_or_default();
                        m39_leaderboard((&lock(&aws.table), &all), program, (challenge, period), (&shown, now))
                    }
                    other => Some(vec![format!("{query} is answered by {other:?}")]),
                };
                lock(&aws.watch).add(found.map(|found| ("M39", found)).into_iter().collect());
            }
        }
    }
}

/// Sweeps and waits until nothing moves.
async fn quiet(aws: &Arc<Aws>) {
    for _ in 0..ROUNDS_MAX {
        idle(aws).await;
        redrive(aws);
        idle(aws).await;
        let before = lock(&aws.watch).writes;
        aws.calls.jump(&aws.clock, aws.clock.now() + SignedDuration::from_mins(11)).await;
        process::sweeps(aws.clone()).await;
        idle(aws).await;
        if lock(&aws.watch).writes == before {
            return;
        }
    }
    lock(&aws.watch).findings.push("I20: it never comes to rest".to_owned());
}

/// Waits until queues, stream and indexes have nothing on their way.
async fn idle(aws: &Aws) {
    for round in 0..2_000 {
        aws.clock.sleep(Duration::from_millis(if round < 20 { 100 } else { 2_000 })).await;
        let empty = {
            let queues = lock(&aws.queues);
            ["partner-events", "redemptions", "partner-reviews"].iter().all(|queue| queues.is_empty(queue))
        };
        if empty && lock(&aws.stream).is_empty() && lock(&aws.table).is_settled(aws.now()) {
            return;
        }
    }
    let held: Vec<String> = lock(&aws.queues)
        .filled()
        .map(|(queue, count)| format!("{count} in {queue}, {}", dead_letters(queue)))
        .collect();
    lock(&aws.watch).findings.push(format!("I8: queues are never empty: {held:?}"));
}
