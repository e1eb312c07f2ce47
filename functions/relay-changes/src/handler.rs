//! Read the stream, send what follows, reply with the first record that could not be sent on.

use std::collections::BTreeMap;

use ambient::{Clock, Random};
use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::decide::Awaited;
use domain::ledger::{Outcome, Record};
use domain::outbox::{Outbound, outbound};
use event::Kind;
use program::Program;
use store::{Store, StoreError, aside::Aside, holds::Waiting, tables::keys};
use worker::{Clients, HELD_UNTIL, Outgoing, Queue, QueueError, Settings, SettingsError, count};

use crate::notice::{Notice, of_aside, of_record};

/// Holds sent on at once when what they wait for has come; the sweep takes the rest.
const HOLDS_AT_ONCE: i32 = 1_000;
/// Metric: changes relayed.
const RELAYED: &str = "relayed";
/// Metric: changes that could not be relayed and are delivered again.
const NOT_RELAYED: &str = "not_relayed";
/// Metric: ledger items modified or removed, which nothing may do (I9).
const LEDGER_CHANGED: &str = "ledger_changed";
/// Most entries of one PutEvents.
const NOTICES_AT_ONCE: usize = 10;

/// The function's state between invocations.
#[derive(Clone)]
pub struct RelayChanges {
    store: Store,
    partner_events: Queue,
    redemptions: Queue,
    partner_reviews: Queue,
    bus: Option<(aws_sdk_eventbridge::Client, String)>,
}

/// Why a record was not sent on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The table's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue's fault.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The bus's fault.
    #[error("the bus did not take {0} notices")]
    Bus(usize),
    /// The stream record is no item of ours.
    #[error("the stream record does not read: {0}")]
    Unreadable(String),
}

impl RelayChanges {
    /// A handler on this store; without a bus no notices are sent.
    pub fn new(
        store: Store,
        partner_events: Queue,
        redemptions: Queue,
        partner_reviews: Queue,
        bus: Option<(aws_sdk_eventbridge::Client, String)>,
    ) -> Self {
        Self { store, partner_events, redemptions, partner_reviews, bus }
    }

    /// A handler as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let queue = |url: Option<&str>, name| Settings::need(url, name).map(|url| Queue::new(clients.sqs(), url));
        let events = queue(settings.partner_events_queue.as_deref(), "PARTNER_EVENTS_QUEUE_URL")?;
        let redemptions = queue(settings.redemptions_queue.as_deref(), "REDEMPTIONS_QUEUE_URL")?;
        let reviews = queue(settings.partner_reviews_queue.as_deref(), "PARTNER_REVIEWS_QUEUE_URL")?;
        let bus = settings.event_bus.clone().map(|name| (clients.eventbridge(), name));
        let store = Store::open(clients.dynamodb(), settings.tables()?, clock, random);
        Ok(Self::new(store, events, redemptions, reviews, bus))
    }

    /// Relays the changes of one batch in their order, up to the first that fails: the stream delivers from there again.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        let mut metrics = Vec::new();
        let mut untold = Vec::new();
        let mut first_failed = None;
        for (place, change) in batch.records.iter().enumerate() {
            match self.relay(change).await {
                Ok((metric, notices)) => {
                    metrics.push(metric);
                    untold.extend(notices.into_iter().map(|notice| (place, notice)));
                }
                Err(error) => first_failed = Some((place, error)),
            }
            // What came before a change that failed is told all the same.
            let last = first_failed.is_some() || place + 1 == batch.records.len();
            if let Err(failed) = self.tell(&mut untold, last).await {
                first_failed = Some(failed);
            }
            if first_failed.is_some() {
                break;
            }
        }
        let mut response = DynamoDbEventResponse::default();
        let done = first_failed.as_ref().map_or(metrics.len(), |(place, _)| *place);
        let mut counts = BTreeMap::new();
        for metric in metrics.into_iter().take(done) {
            *counts.entry(metric).or_insert(0) += 1;
        }
        if let Some((place, error)) = first_failed {
            let change = &batch.records[place];
            tracing::warn!(change = change.event_id, %error, "a change was not relayed");
            counts.insert(NOT_RELAYED, 1);
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier.clone_from(&change.change.sequence_number);
            response.batch_item_failures.push(failure);
        }
        count(&counts);
        response
    }

    /// Relays one change, and says as what it counts, and what is still to be told of it.
    async fn relay(&self, change: &EventRecord) -> Result<(&'static str, Vec<Notice>), RelayError> {
        if change.event_name != "INSERT" {
            // The ledger is append-only: anything else is an alarm, raised from this count (I9).
            tracing::error!(change = change.event_name, keys = ?change.change.keys, "a ledger item was modified or removed");
            return Ok((LEDGER_CHANGED, vec![]));
        }
        let item = change.change.new_image.clone();
        let unreadable = |e: serde_dynamo::Error| RelayError::Unreadable(e.to_string());
        if !item.contains_key(keys::FORM) {
            let kept: Aside = serde_dynamo::from_item(item).map_err(unreadable)?;
            return Ok((RELAYED, vec![of_aside(&kept)]));
        }
        let record: Record = serde_dynamo::from_item(item).map_err(unreadable)?;
        self.send_waiting(&record).await?;
        self.send_redemption(&record).await?;
        self.send_errands(&record).await?;
        let notices = of_record(&record);
        let kinds = notices.iter().map(|n| n.kind).collect::<Vec<_>>().join(",");
        let correlation_id = record.correlation_id();
        tracing::info!(correlation_id, position = record.position, notices = kinds, "a record is relayed");
        Ok((RELAYED, notices))
    }

    /// Sends on the events that waited for what this record brought.
    async fn send_waiting(&self, record: &Record) -> Result<(), RelayError> {
        let program = &record.identity.program;
        for awaited in brought(record)? {
            let waiting = store::holds::waiting_for(&self.store, program, &awaited, HOLDS_AT_ONCE).await?;
            for Waiting { hold, .. } in &waiting {
                tracing::info!(correlation_id = %hold.identity, "what it waited for has come; the event is sent again");
            }
            let again = |waiting: Waiting| Outgoing {
                attribute: Some((HELD_UNTIL, waiting.hold.until.to_string())),
                body: waiting.body,
            };
            let failed = self.partner_events.send_all(waiting.into_iter().map(again)).await;
            if !failed.is_empty() {
                return Err(RelayError::Queue(QueueError {
                    count: failed.len(),
                    why: "they stay for the next try".to_owned(),
                }));
            }
        }
        Ok(())
    }

    async fn send_redemption(&self, record: &Record) -> Result<(), RelayError> {
        let Some(Kind::RedemptionRequested { redemption_id, .. }) = record.happened() else { return Ok(()) };
        if record.outcome != Outcome::Applied {
            return Ok(());
        }
        let due = serde_json::json!({ "program": record.identity.program, "partner": record.partner, "redemption_id": redemption_id });
        Ok(self.redemptions.send(due.to_string()).await?)
    }

    /// Has what the record sent judged at once, as far as it is due; the sweep finds what is due later.
    async fn send_errands(&self, record: &Record) -> Result<(), RelayError> {
        let sent = outbound(record).into_iter().filter(|sent| sent.due <= record.decided_at);
        let task = |sent: Outbound| serde_json::json!({ "program": record.identity.program, "outbox": sent.event.identity.id });
        let failed = self.partner_reviews.send_all(sent.map(|sent| task(sent).to_string())).await;
        if failed.is_empty() {
            return Ok(());
        }
        Err(RelayError::Queue(QueueError { count: failed.len(), why: "they stay for the next try".to_owned() }))
    }

    /// Puts notices on the bus, each with the place of its change, in calls of [`NOTICES_AT_ONCE`]; those that do not fill a call
    /// wait for the next change, unless this is the `last`.
    ///
    /// # Errors
    /// The place of the first change of which a notice was not taken, and [`RelayError::Bus`].
    async fn tell(&self, untold: &mut Vec<(usize, Notice)>, last: bool) -> Result<(), (usize, RelayError)> {
        let Some((client, bus)) = &self.bus else {
            untold.clear();
            return Ok(());
        };
        while untold.len() >= NOTICES_AT_ONCE || last && !untold.is_empty() {
            let told: Vec<_> = untold.drain(..untold.len().min(NOTICES_AT_ONCE)).collect();
            let entry = |(_, n): &(usize, Notice)| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(bus)
                    .source("laurel")
                    .detail_type(n.kind)
                    .detail(n.detail.to_string())
                    .build()
            };
            let sent = client.put_events().set_entries(Some(told.iter().map(entry).collect())).send().await;
            let refused = match &sent {
                Ok(reply) => usize::try_from(reply.failed_entry_count).unwrap_or(told.len()),
                Err(_) => told.len(),
            };
            if refused > 0 {
                // One answer for each entry, in their order; without one, nothing is known to be taken.
                let entries = sent.as_ref().map(|reply| reply.entries()).unwrap_or_default();
                let first = entries.iter().position(|entry| entry.error_code.is_some()).unwrap_or(0);
                return Err((told[first].0, RelayError::Bus(refused)));
            }
        }
        Ok(())
    }
}

/// What a record brings that events may wait for.
fn brought(record: &Record) -> Result<Vec<Awaited>, RelayError> {
    let Some(kind) = record.happened().filter(|_| record.holds()) else { return Ok(vec![]) };
    Ok(match &kind {
        // A version brings the program, and any rate that the one before had not.
        Kind::ProgramPublished { file, .. } => {
            let program = Program::published(&file.0).map_err(RelayError::Unreadable)?;
            let rates = program.rates.into_keys().map(Awaited::Rate);
            std::iter::once(Awaited::Program).chain(rates).collect()
        }
        kind => domain::decide::brought(kind, &record.partner),
    })
}
