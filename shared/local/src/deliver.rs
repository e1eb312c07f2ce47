//! Delivering as SQS and Lambda do: batches, visibility, receive counts, partial batch replies; a stream in order; a
//! schedule. No batching window: a message is delivered when it comes.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Instant};
use award_points::AwardPoints;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage, SqsMessageAttribute};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use fulfil_redemptions::FulfilRedemptions;
use futures::FutureExt;
use relay_changes::RelayChanges;
use review_partners::{ReviewPartners, Trigger};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use worker::{Broke, Clients, Queue, apart};

use crate::aws::{Aws, Health, Stream};
use crate::names::queues;
use crate::options::{Options, open_store};

/// Messages of one delivery.
const BATCH: usize = 100;
/// Pause of the relay before it looks again by itself; a write wakes it at once.
const RELAY_PAUSE: Duration = Duration::from_secs(1);
/// Tries of a change before it is put aside.
const RELAY_TRIES_MAX: u32 = 5;
/// Workers of the queue `partner-events`, to have the contention that several Lambda instances have.
const AWARD_WORKERS: usize = 2;

/// The deployed functions.
pub(crate) struct Functions {
    pub(crate) award: AwardPoints,
    pub(crate) fulfil: FulfilRedemptions,
    pub(crate) review: ReviewPartners,
    pub(crate) relay: RelayChanges,
}

impl Functions {
    /// Starts everything that delivers.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, aws: &Aws, clients: &Clients, options: &Options) {
        let Self { award, fulfil, review, relay } = self;
        // A function's time is below the visibility timeout, so that no message is with two workers by design.
        let time = options.visibility.mul_f32(0.8).max(Duration::from_secs(4));
        let queue = |name: &str| Poller {
            sqs: clients.sqs(),
            url: aws.queue_url(name),
            time,
            clock: options.clock.clone(),
            database: aws.database().clone(),
            health: aws.health(),
        };
        for _ in 0..AWARD_WORKERS {
            let award = award.clone();
            tasks.spawn(queue(queues::PARTNER_EVENTS).run(move |batch, deadline| {
                let award = award.clone();
                async move { award.handle(batch, deadline).await.map_err(|e| e.to_string()) }
            }));
        }
        tasks.spawn(queue(queues::REDEMPTIONS).run(move |batch, deadline| {
            let fulfil = fulfil.clone();
            async move { fulfil.handle(batch, deadline).await.map_err(|e| e.to_string()) }
        }));
        let reviews = review.clone();
        tasks.spawn(queue(queues::PARTNER_REVIEWS).run(move |batch, deadline| {
            let review = reviews.clone();
            async move { review.handle(Trigger::Batch(batch), deadline).await.map_err(|e| e.to_string()) }
        }));
        if let Some(every) = options.sweep_every {
            tasks.spawn(schedule(review.clone(), options.clock.clone(), every));
        }
        let failures = Queue::new(clients.sqs(), &aws.queue_url(queues::RELAY_FAILURES));
        tasks.spawn(relay_stream(
            relay,
            aws.database().clone(),
            (aws.changed(), aws.health()),
            open_store(clients, options.clock.clone(), options.random.clone()),
            failures,
        ));
    }
}

/// One queue's event source mapping.
struct Poller {
    sqs: aws_sdk_sqs::Client,
    url: String,
    time: Duration,
    clock: Clock,
    database: dynoxide::Database,
    health: Arc<Health>,
}

impl Poller {
    async fn run<F, R>(self, function: F)
    where
        F: Fn(SqsEvent, Instant) -> R,
        R: Future<Output = Result<SqsBatchResponse, String>>,
    {
        loop {
            self.health.sound(&self.database, &self.clock).await;
            let batch = self.receive().await;
            if batch.is_empty() {
                self.clock.sleep(Duration::from_millis(20)).await;
                continue;
            }
            let mut event = SqsEvent::default();
            event.records = batch.iter().map(sqs_message).collect();
            let deadline = self.clock.instant() + self.time;
            match apart(event, (&self.clock, deadline), |batch| caught(function(batch, deadline))).await {
                Ok(reply) => self.delete_done(&batch, &reply).await,
                Err(error) => tracing::warn!(%error, "a batch failed as a whole and is delivered again"),
            }
        }
    }

    /// Waits for a message, then takes what is there, without waiting for more.
    async fn receive(&self) -> Vec<Message> {
        let mut batch = self.receive_some(10).await;
        while !batch.is_empty() && batch.len() < BATCH {
            let more = self.receive_some(0).await;
            if more.is_empty() {
                break;
            }
            batch.extend(more);
        }
        batch
    }

    async fn receive_some(&self, wait_seconds: i32) -> Vec<Message> {
        let receive =
            self.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10).wait_time_seconds(wait_seconds);
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let reply = receive.message_attribute_names("All").send().await;
        match reply {
            Ok(reply) => reply.messages.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(?error, "a queue did not answer");
                Vec::new()
            }
        }
    }

    async fn delete_done(&self, batch: &[Message], reply: &SqsBatchResponse) {
        let failed = |id: &str| reply.batch_item_failures.iter().any(|f| f.item_identifier == id);
        let done: Vec<&Message> = batch.iter().filter(|m| !failed(m.message_id().unwrap_or_default())).collect();
        for chunk in done.chunks(10) {
            let entry = |(at, m): (usize, &&Message)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(m.receipt_handle().unwrap_or_default())
                    .build()
                    .ok()
            };
            let entries = chunk.iter().enumerate().filter_map(entry).collect();
            if let Err(error) =
                self.sqs.delete_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await
            {
                tracing::warn!(?error, "done messages were not deleted and will come again");
            }
        }
    }
}

fn sqs_message(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id.clone_from(&message.message_id);
    record.receipt_handle.clone_from(&message.receipt_handle);
    record.body.clone_from(&message.body);
    let attributes = message.attributes.iter().flatten();
    record.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    for (name, value) in message.message_attributes.iter().flatten() {
        let mut attribute = SqsMessageAttribute::default();
        attribute.string_value.clone_from(&value.string_value);
        attribute.data_type = Some(value.data_type.clone());
        record.message_attributes.insert(name.clone(), attribute);
    }
    record
}

/// A call that may panic: here it unwinds, where a deployed function leaves its thread standing.
async fn caught<R>(call: impl Future<Output = R>) -> Result<R, Broke> {
    AssertUnwindSafe(call).catch_unwind().await.map_err(|_| Broke::default())
}

async fn schedule(review: ReviewPartners, clock: Clock, every: Duration) {
    loop {
        clock.sleep(every).await;
        let deadline = clock.instant() + Duration::from_secs(30);
        match caught(review.handle(Trigger::Schedule(serde_json::Value::Null), deadline)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a sweep failed"),
            Err(Broke(_)) => tracing::error!("a sweep panicked"),
        }
    }
}

async fn relay_stream(
    relay: RelayChanges,
    db: dynoxide::Database,
    (changed, health): (Arc<Notify>, Arc<Health>),
    store: store::Store,
    failures: Queue,
) {
    let mut stream = loop {
        match Stream::open(db.clone(), store.clone()).await {
            Ok(stream) => break stream,
            Err(error) => tracing::debug!(%error, "the stream is not there yet"),
        }
        store.clock().sleep(Duration::from_millis(50)).await;
    };
    let (mut tries, mut alone) = (0, 0);
    loop {
        health.sound(&db, store.clock()).await;
        let mut batch = match stream.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                let woken = tokio::time::timeout(RELAY_PAUSE, changed.notified()).await;
                tracing::trace!(woken = woken.is_ok(), "the relay looks again");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the stream does not read");
                store.clock().sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        if alone > 0 {
            batch.event.records.truncate(1);
            batch.sequence.truncate(1);
        }
        let failed = match caught(relay.handle(batch.event)).await {
            Ok(reply) => reply.batch_item_failures.first().and_then(|f| f.item_identifier.clone()),
            // One of them does it: each is tried alone.
            Err(Broke(_)) if batch.sequence.len() > 1 => {
                alone = batch.sequence.len();
                continue;
            }
            Err(Broke(_)) => batch.sequence.first().cloned(),
        };
        alone = alone.saturating_sub(1);
        let place = failed.as_ref().and_then(|id| batch.sequence.iter().position(|s| s == id));
        let mut done = place.unwrap_or(batch.sequence.len());
        if place.is_some() && !health.is_sound() {
            // No fault of the change's.
            tries = 0;
        } else if place.is_some() {
            tries += 1;
            if tries >= RELAY_TRIES_MAX && failures.send(failed.unwrap_or_default()).await.is_ok() {
                done += 1;
                tries = 0;
            } else {
                store.clock().sleep(Duration::from_millis(50 << tries.min(6))).await;
            }
        } else {
            tries = 0;
        }
        if let Some(last) = done.checked_sub(1).and_then(|at| batch.sequence.get(at))
            && let Err(error) = stream.done(last).await
        {
            tracing::warn!(%error, "how far the stream was relayed was not kept; changes will be relayed again");
        }
    }
}
