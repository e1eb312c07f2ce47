//! SQS as its documents describe it: at least once, in no order, with visibility, receive counts, dead letters and redrive.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Instant;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use serde_json::{Value, json};

use crate::fate::{Fate, Fault};

/// Deliveries before a message is put aside: of each run its own, from the first to the second.
const RECEIVES_MAX: (u64, u64) = (2, 5);
/// How long a delivered message is out of sight: six times a function's time, as the service's documents advise.
const VISIBILITY: Duration = Duration::from_secs(180);

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    attributes: BTreeMap<String, String>,
    sent_ms: i64,
    received: u32,
    visible: Instant,
}

/// The queues of one account.
#[derive(Debug)]
pub(crate) struct Queues {
    queues: BTreeMap<String, Vec<Message>>,
    count: u64,
    receives_max: u64,
}

impl Queues {
    /// None yet, as the run of `seed` has them.
    pub(crate) fn of(seed: u64) -> Self {
        let (least, most) = RECEIVES_MAX;
        Self { queues: BTreeMap::new(), count: 0, receives_max: least + seed % (most - least + 1) }
    }

    /// The messages of a queue, with a worker or not.
    pub(crate) fn all(&self, queue: &str) -> &[Message] {
        self.queues.get(queue).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names of the queues that hold something.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (&str, usize)> {
        self.queues.iter().filter(|(_, all)| !all.is_empty()).map(|(name, all)| (name.as_str(), all.len()))
    }

    /// Takes a message.
    pub(crate) fn put(
        &mut self,
        queue: &str,
        body: String,
        attributes: BTreeMap<String, String>,
        sent_ms: i64,
        now: Instant,
    ) -> String {
        self.count += 1;
        let id = format!("m-{:06}", self.count);
        let message = Message { id: id.clone(), body, attributes, sent_ms, received: 0, visible: now };
        self.queues.entry(queue.to_owned()).or_default().push(message);
        id
    }

    /// Answers SendMessage and SendMessageBatch.
    pub(crate) fn answer(
        &mut self,
        operation: &str,
        request: &Value,
        sent_ms: i64,
        now: Instant,
        fate: &mut Fate,
    ) -> Value {
        let queue = request["QueueUrl"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        if operation == "SendMessage" {
            let id = self.take(&queue, request, sent_ms, now);
            return json!({ "MessageId": id });
        }
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let partial = entries.len() > 1 && fate.happens(Fault::PartialBatch, operation);
        for entry in &entries {
            if partial && fate.below(2) == 0 {
                failed.push(json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }));
            } else {
                let id = self.take(&queue, entry, sent_ms, now);
                done.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "" }));
            }
        }
        json!({ "Successful": done, "Failed": failed })
    }

    fn take(&mut self, queue: &str, entry: &Value, sent_ms: i64, now: Instant) -> String {
        let attributes = entry["MessageAttributes"].as_object().into_iter().flatten();
        let text = |value: &Value| value["StringValue"].as_str().unwrap_or_default().to_owned();
        let attributes = attributes.map(|(name, value)| (name.clone(), text(value))).collect();
        self.put(queue, entry["MessageBody"].as_str().unwrap_or_default().to_owned(), attributes, sent_ms, now)
    }

    /// Delivers up to `most` messages that are in sight.
    pub(crate) fn deliver(&mut self, queue: &str, most: usize, now: Instant, fate: &mut Fate) -> Vec<Message> {
        let Some(all) = self.queues.get_mut(queue) else { return Vec::new() };
        let mut dead = Vec::new();
        all.retain(|message| {
            let is_dead = message.visible <= now && u64::from(message.received) >= self.receives_max;
            if is_dead {
                dead.push(message.clone());
            }
            !is_dead
        });
        let mut batch = Vec::new();
        let mut in_sight: Vec<usize> = (0..all.len()).filter(|at| all[*at].visible <= now).collect();
        while batch.len() < most && !in_sight.is_empty() {
            let reordered = in_sight.len() > 1 && fate.happens(Fault::Reordered, queue);
            let next = in_sight.remove(if reordered { fate.below(in_sight.len()) } else { 0 });
            let message = &mut all[next];
            message.received += 1;
            // "On rare occasions": one of the service's servers did not hear of the delivery.
            let again = fate.happens(Fault::Redelivered, queue);
            message.visible = if again { now + fate.millis(0, 2_000) } else { now + VISIBILITY };
            batch.push(message.clone());
        }
        if !dead.is_empty() {
            self.queues.entry(dead_letters(queue)).or_default().extend(dead);
        }
        batch
    }

    /// Ends a delivery: what is done goes, what is handed back is in sight again.
    pub(crate) fn settle(
        &mut self,
        queue: &str,
        batch: &[Message],
        handed_back: &[String],
        now: Instant,
        fate: &mut Fate,
    ) {
        let Some(all) = self.queues.get_mut(queue) else { return };
        for message in batch {
            if handed_back.contains(&message.id) {
                for one in all.iter_mut().filter(|one| one.id == message.id) {
                    one.visible = now + fate.millis(10, 500);
                }
            } else if !fate.happens(Fault::Redelivered, queue) {
                all.retain(|one| one.id != message.id);
            } else {
                // Deleted, and delivered once more: a server that was away still had a copy.
                for one in all.iter_mut().filter(|one| one.id == message.id) {
                    one.visible = now + fate.millis(0, 5_000);
                }
            }
        }
    }

    /// Moves dead letters back, as a new send each.
    pub(crate) fn redrive(&mut self, queue: &str, sent_ms: i64, now: Instant, fate: &mut Fate) -> usize {
        let dead = self.queues.remove(&dead_letters(queue)).unwrap_or_default();
        let count = dead.len();
        for message in dead {
            fate.note(Fault::Redriven, queue);
            self.put(queue, message.body, message.attributes, sent_ms, now);
        }
        count
    }

    /// Whether a queue holds nothing, with a worker or not.
    pub(crate) fn is_empty(&self, queue: &str) -> bool {
        self.all(queue).is_empty()
    }
}

/// Where messages of a queue end that are never done.
pub(crate) fn dead_letters(queue: &str) -> String {
    format!("{queue}-dead-letters")
}

/// A batch as Lambda hands it to a function.
pub(crate) fn event(batch: &[Message]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(record).collect();
    event
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.id.clone());
    record.body = Some(message.body.clone());
    record.attributes.insert("ApproximateReceiveCount".to_owned(), message.received.to_string());
    record.attributes.insert("SentTimestamp".to_owned(), message.sent_ms.to_string());
    for (name, value) in &message.attributes {
        let mut attribute = SqsMessageAttribute::default();
        attribute.string_value = Some(value.clone());
        attribute.data_type = Some("String".to_owned());
        record.message_attributes.insert(name.clone(), attribute);
    }
    record
}
