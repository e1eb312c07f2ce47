//! Processes: functions that are started, called, killed and started again.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use award_points::AwardPoints;
use aws_lambda_events::sqs::SqsBatchResponse;
use axum::Router;
use fulfil_redemptions::FulfilRedemptions;
use read_accounts::ReadAccounts;
use redeem_rewards::{CardKeys, RedeemRewards};
use relay_changes::RelayChanges;
use review_partners::{ReviewPartners, Trigger};
use serde_json::Value;
use store::{Store, StoreSettings};
use worker::{Clients, Queue, Secret};

use crate::aws::{Aws, LEDGER, Process, STATE, WAITING, Wire, lock};
use crate::fate::Fault;
use crate::plant::Plant;
use crate::queues::event;

/// How long a function may take.
const TIME: Duration = Duration::from_secs(30);
/// How long a function may decide by the versions that it has read.
const PROGRAM_AGE: Duration = Duration::from_secs(60);
/// Most messages of one delivery.
const BATCH: usize = 12;

/// A future that may be dropped between any two polls: the process that ran it is gone.
struct Mortal<F> {
    aws: Arc<Aws>,
    process: Arc<Process>,
    inner: Pin<Box<F>>,
}

/// It was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dead;

impl<F: Future> Future for Mortal<F> {
    type Output = Result<F::Output, Dead>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.inner.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => {
                let awaits = self.process.awaits();
                if lock(&self.aws.fate).happens(Fault::Killed, &awaits) {
                    Poll::Ready(Err(Dead))
                } else {
                    Poll::Pending
                }
            }
        }
    }
}

/// Runs one call of a function, as long as it lives and has time.
async fn called<F: Future>(aws: &Arc<Aws>, process: &Arc<Process>, call: F) -> Result<F::Output, Dead> {
    let _going_on = aws.calls.begin().await;
    let mortal = Mortal { aws: aws.clone(), process: process.clone(), inner: Box::pin(call) };
    match tokio::time::timeout(TIME, mortal).await {
        Ok(output) => output,
        Err(_) => {
            lock(&aws.fate).note(Fault::OutOfTime, process.function);
            Err(Dead)
        }
    }
}

/// A client that counts its retries for itself, as each process does: the SDK's own count is one for all of a process, and a
/// simulation is many.
macro_rules! own {
    ($sdk:ident, $client:expr) => {{
        let retries = $sdk::config::retry::RetryPartition::custom("process").build();
        $sdk::Client::from_conf($client.config().to_builder().retry_partition(retries).build())
    }};
}

/// What one process is given.
pub(crate) struct Given {
    aws: Arc<Aws>,
    process: Arc<Process>,
    clients: Clients,
}

impl Given {
    /// A new process of a function.
    pub(crate) fn new(aws: &Arc<Aws>, function: &'static str) -> Self {
        let process = Process::new(function);
        let clients = Clients::local_over("http://aws.simulated", Wire::client(aws, &process));
        Self { aws: aws.clone(), process, clients }
    }

    /// Its store.
    pub(crate) fn store(&self) -> Store {
        let settings = StoreSettings {
            ledger_table: LEDGER.to_owned(),
            state_table: STATE.to_owned(),
            waiting_table: WAITING.to_owned(),
            program_age_max: PROGRAM_AGE,
        };
        Store::new(
            own!(aws_sdk_dynamodb, self.clients.dynamodb()),
            settings,
            self.aws.clock.clone(),
            self.aws.random.clone(),
        )
    }

    fn queue(&self, name: &str) -> Queue {
        Queue::new(own!(aws_sdk_sqs, self.clients.sqs()), &format!("http://aws.simulated/0/{name}"))
    }

    /// A call of it that may be killed.
    ///
    /// # Errors
    /// [`Dead`].
    pub(crate) async fn call<F: Future>(&self, call: F) -> Result<F::Output, Dead> {
        called(&self.aws, &self.process, call).await
    }

    fn reviews(&self) -> ReviewPartners {
        let [reviews, events, redemptions] =
            ["partner-reviews", "partner-events", "redemptions"].map(|name| self.queue(name));
        ReviewPartners::new(self.store(), reviews, events, redemptions)
    }
}

/// A pause of a poller that found nothing so many times in a row.
async fn idle(aws: &Aws, times: &mut u32) {
    *times = (*times + 1).min(6);
    let pause = lock(&aws.fate).millis(10, 20) * (1 << *times);
    aws.clock.sleep(pause).await;
}

/// Whoever works off a queue: one process after the other.
pub(crate) async fn works_off<H, R>(
    aws: Arc<Aws>,
    function: &'static str,
    queue: &'static str,
    make: impl Fn(&Given) -> H,
) where
    H: AsyncFn(aws_lambda_events::sqs::SqsEvent, ambient::Instant) -> R,
    R: IntoReply,
{
    loop {
        let given = Given::new(&aws, function);
        let handler = make(&given);
        let mut idle_times = 0;
        loop {
            let batch = {
                let (mut queues, mut fate) = (lock(&aws.queues), lock(&aws.fate));
                let most = 1 + fate.below(BATCH);
                queues.deliver(queue, most, aws.now(), &mut fate)
            };
            if batch.is_empty() {
                idle(&aws, &mut idle_times).await;
                continue;
            }
            idle_times = 0;
            let deadline = aws.now() + TIME;
            match given.call(handler(event(&batch), deadline)).await {
                Ok(reply) => {
                    // What failed as a whole is handed back as a whole.
                    let all = || batch.iter().map(|message| message.id.clone()).collect();
                    let failed = reply.into_reply().map_or_else(all, |reply| {
                        reply.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect::<Vec<_>>()
                    });
                    let acknowledges = |_: &Vec<String>| aws.plant.is_some_and(Plant::acknowledges);
                    let failed =
                        Some(failed).filter(|failed| failed.is_empty() || !acknowledges(failed)).unwrap_or_default();
                    let (mut queues, mut fate) = (lock(&aws.queues), lock(&aws.fate));
                    queues.settle(queue, &batch, &failed, aws.now(), &mut fate);
                }
                Err(Dead) => break,
            }
        }
    }
}

/// The reply of a handler, if it did not fail as a whole.
pub(crate) trait IntoReply {
    /// The reply.
    fn into_reply(self) -> Option<SqsBatchResponse>;
}

impl<E> IntoReply for Result<SqsBatchResponse, E> {
    fn into_reply(self) -> Option<SqsBatchResponse> {
        self.ok()
    }
}

/// `award-points`.
pub(crate) async fn awards(aws: Arc<Aws>) {
    Box::pin(works_off(aws, "award-points", "partner-events", |given| {
        let handler = AwardPoints::new(given.store(), given.queue("quarantine"));
        async move |batch, deadline| handler.handle(batch, deadline).await
    }))
    .await;
}

/// `fulfil-redemptions`.
pub(crate) async fn fulfils(aws: Arc<Aws>) {
    Box::pin(works_off(aws, "fulfil-redemptions", "redemptions", |given| {
        let handler = FulfilRedemptions::new(given.store());
        async move |batch, deadline| handler.handle(batch, deadline).await
    }))
    .await;
}

/// `review-partners`, from its queue.
pub(crate) async fn reviews(aws: Arc<Aws>) {
    works_off(aws, "review-partners", "partner-reviews", |given| {
        let handler = given.reviews();
        async move |batch, deadline| handler.handle(Trigger::Batch(batch), deadline).await
    })
    .await;
}

/// `review-partners`, from its schedule: once.
pub(crate) async fn sweeps(aws: Arc<Aws>) -> bool {
    let given = Given::new(&aws, "review-partners");
    let handler = given.reviews();
    let deadline = aws.now() + TIME;
    matches!(given.call(handler.handle(Trigger::Schedule(Value::Null), deadline)).await, Ok(Ok(_)))
}

/// `relay-changes`, from the stream.
pub(crate) async fn relays(aws: Arc<Aws>) {
    loop {
        let given = Given::new(&aws, "relay-changes");
        let bus = own!(aws_sdk_eventbridge, given.clients.eventbridge());
        let handler = RelayChanges::new(
            given.store(),
            given.queue("partner-events"),
            given.queue("redemptions"),
            given.queue("partner-reviews"),
            Some((bus, "bus".to_owned())),
        );
        let mut idle_times = 0;
        loop {
            let delivery = lock(&aws.stream).deliver(aws.now(), &mut lock(&aws.fate));
            let Some(delivery) = delivery else {
                idle(&aws, &mut idle_times).await;
                continue;
            };
            idle_times = 0;
            match Box::pin(given.call(handler.handle(delivery.event.clone()))).await {
                Ok(reply) => {
                    let failed = reply.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
                    lock(&aws.stream).settle(&delivery, failed.as_deref(), &mut lock(&aws.fate));
                }
                Err(Dead) => break,
            }
        }
    }
}

/// A leaderboard as `read-accounts` answers a partner who asks for it: status, and body.
///
/// # Errors
/// [`Dead`].
pub(crate) async fn leaderboard(
    aws: &Arc<Aws>,
    (program, partner): (&str, &str),
    query: &str,
) -> Result<(u16, String), Dead> {
    let given = Given::new(aws, "read-accounts");
    let router = web::closed(ReadAccounts::new(given.store()).routes(), web::ClaimNames::default());
    let claims =
        BTreeMap::from([("program", program), ("partner_id", partner), ("scope", "read"), ("exp", "99999999999")]);
    let call = serde_json::json!({
        "rawPath": "/v1/leaderboard", "rawQueryString": query, "headers": {},
        "requestContext": { "http": { "method": "GET" }, "authorizer": { "jwt": { "claims": claims, "scopes": null } } },
    });
    answered(&given, router, call).await
}

/// One request: status, and body.
async fn answered(given: &Given, router: Router, call: Value) -> Result<(u16, String), Dead> {
    let Ok(call) = serde_json::from_value(call) else { return Err(Dead) };
    let reply = given.call(web::answer(router, call)).await?;
    let reply = serde_json::to_value(&reply).unwrap_or_default();
    let status = reply["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    Ok((status, reply["body"].as_str().unwrap_or_default().to_owned()))
}

/// `redeem-rewards`, for one request: a process of its own, which may die of it.
pub(crate) struct Redeems {
    given: Given,
    router: Router,
}

impl Redeems {
    /// A process of it.
    pub(crate) fn new(aws: &Arc<Aws>) -> Self {
        let given = Given::new(aws, "redeem-rewards");
        let keys =
            CardKeys::new(Secret::new(own!(aws_sdk_secretsmanager, given.clients.secretsmanager()), "card-keys"));
        let router = web::closed(RedeemRewards::new(given.store(), keys).routes(), web::ClaimNames::default());
        Self { given, router }
    }

    /// One request: status, and body.
    ///
    /// # Errors
    /// [`Dead`].
    pub(crate) async fn ask(
        &self,
        program: &str,
        partner: &str,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<(u16, String), Dead> {
        let claims = BTreeMap::from([
            ("program", program),
            ("partner_id", partner),
            ("scope", "redeem read"),
            ("exp", "99999999999"),
        ]);
        let mut headers = BTreeMap::from([("content-type", "application/json")]);
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let call = serde_json::json!({
            "rawPath": path, "headers": headers, "body": body.to_string(),
            "requestContext": { "http": { "method": "POST" }, "authorizer": { "jwt": { "claims": claims, "scopes": null } } },
        });
        answered(&self.given, self.router.clone(), call).await
    }
}
