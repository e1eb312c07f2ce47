//! A schedule starts the sweep; the queue `partner-reviews` brings one partner a message.

use std::collections::BTreeMap;

use crate::task::Task;
use ambient::{Clock, Instant, Random};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use engine::steps::Step;
use event::Kind;
use event::ids::{EventId, PartnerId, ProgramId};
use serde::Deserialize;
use store::{Store, StoreError, patience::Patience};
use worker::{Clients, NamelessMessage, Queue, Settings, SettingsError, count, failures, messages};

/// Metric: payouts that were still on their way when finance should have answered (I20).
const PAYOUTS_STANDING: &str = "payouts_standing";

/// The function's state between invocations.
#[derive(Clone)]
pub struct ReviewPartners {
    pub(crate) store: Store,
    pub(crate) reviews: Queue,
    pub(crate) partner_events: Queue,
    pub(crate) redemptions: Queue,
}

/// What starts the function: a batch of the queue, or anything else for the schedule.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Partners on whom something is due.
    Batch(SqsEvent),
    /// The schedule.
    Schedule(serde_json::Value),
}

/// Why an invocation failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No reply can name a message.
    #[error(transparent)]
    Nameless(#[from] NamelessMessage),
    /// The table's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue's fault.
    #[error(transparent)]
    Queue(#[from] worker::QueueError),
    /// The queue did not take so many partners.
    #[error("{0} partners were not sent to be reviewed")]
    NotSent(usize),
}

impl ReviewPartners {
    /// A handler on this store and these queues.
    pub fn new(store: Store, reviews: Queue, partner_events: Queue, redemptions: Queue) -> Self {
        Self { store, reviews, partner_events, redemptions }
    }

    /// A handler as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let queue = |url: Option<&str>, name| Settings::need(url, name).map(|url| Queue::new(clients.sqs(), url));
        let reviews = queue(settings.partner_reviews_queue.as_deref(), "PARTNER_REVIEWS_QUEUE_URL")?;
        let events = queue(settings.partner_events_queue.as_deref(), "PARTNER_EVENTS_QUEUE_URL")?;
        let redemptions = queue(settings.redemptions_queue.as_deref(), "REDEMPTIONS_QUEUE_URL")?;
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random), reviews, events, redemptions))
    }

    /// Reviews the partners of a batch, or sweeps.
    ///
    /// # Errors
    /// [`ReviewError`]: the invocation is tried again as a whole.
    pub async fn handle(&self, trigger: Trigger, deadline: Instant) -> Result<SqsBatchResponse, ReviewError> {
        match trigger {
            Trigger::Batch(batch) => Ok(Box::pin(self.review(batch, deadline)).await?),
            Trigger::Schedule(_) => {
                Box::pin(self.sweep(self.store.clock().now(), deadline)).await?;
                Ok(SqsBatchResponse::default())
            }
        }
    }

    async fn review(&self, batch: SqsEvent, deadline: Instant) -> Result<SqsBatchResponse, NamelessMessage> {
        let mut failed = Vec::new();
        for message in messages(batch)? {
            let (partner, done) = match Task::read(&message.body) {
                Some(Task::Review { program, partner }) => {
                    let reviewed = self.review_one(&program, &partner, deadline).await;
                    (Some(partner.to_string()), reviewed)
                }
                Some(Task::Judge { program, id }) => (None, self.judge_sent(&program, &id, deadline).await),
                Some(Task::Walk(walk)) => (None, Box::pin(self.go_on(walk, self.store.clock().now())).await),
                None => (None, Err(unreadable().into())),
            };
            if let Err(error) = done {
                tracing::warn!(partner, message_id = message.id, %error, "a partner was not reviewed");
                failed.push(message.id);
            }
        }
        Ok(failures(failed))
    }

    async fn review_one(&self, program: &ProgramId, partner: &PartnerId, deadline: Instant) -> Result<(), ReviewError> {
        let Some(programs) = store::programs::read(&self.store, program).await? else { return Ok(()) };
        let records = engine::steps::catch_up(&self.store, &programs, partner, Patience::until(deadline)).await?;
        let (partner, position) = (partner.as_str(), records.last().map(|r| r.position));
        tracing::info!(partner, position, records = records.len(), "a partner was reviewed");
        Ok(())
    }

    /// Judges an event that a record sent.
    async fn judge_sent(&self, program: &ProgramId, id: &EventId, deadline: Instant) -> Result<(), ReviewError> {
        let Some(programs) = store::programs::read(&self.store, program).await? else { return Ok(()) };
        match engine::outbox::judge(&self.store, &programs, program, id, Patience::until(deadline)).await? {
            Some(Step::Recorded(record)) => {
                let (correlation_id, partner) = (record.correlation_id(), record.partner.as_str());
                let event_type = &*record.kind;
                if let Some(Kind::PayoutStanding { .. }) = record.happened() {
                    count(&BTreeMap::from([(PAYOUTS_STANDING, 1)]));
                }
                tracing::info!(
                    correlation_id,
                    partner,
                    position = record.position,
                    event_type,
                    "what was sent is judged"
                );
            }
            Some(Step::Moot(reason)) => {
                tracing::info!(
                    correlation_id = id.as_str(),
                    reason = reason.code(),
                    "what was sent has nothing left to do"
                );
            }
            Some(Step::Existing(_)) | None => {}
        }
        Ok(())
    }
}

fn unreadable() -> StoreError {
    StoreError::Unreadable {
        what: "message",
        why: "it names no partner of a program, no event that was sent, and no part of a sweep".to_owned(),
    }
}
