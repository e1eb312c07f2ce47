//! SQS as its documents describe it: at least once, in no order, with visibility, receive counts, dead letters and redrive.

use std::collections::{BTreeMap, BTreeSet};
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
    number: u64,
    /// Its body.
    pub body: String,
    attributes: BTreeMap<String, String>,
    sent_ms: i64,
    received: u32,
    visible: Instant,
}

/// Messages among which the next one is chosen: the service looks at some of its servers only.
const LOOKED_AT: usize = 1_000;

/// One queue: its messages by number, and when each is in sight.
#[derive(Debug, Default)]
struct Line {
    all: BTreeMap<u64, Message>,
    sight: BTreeSet<(Instant, u64)>,
}

impl Line {
    fn put(&mut self, message: Message) {
        self.sight.insert((message.visible, message.number));
        self.all.insert(message.number, message);
    }

    fn take(&mut self, number: u64) -> Option<Message> {
        let message = self.all.remove(&number)?;
        self.sight.remove(&(message.visible, number));
        Some(message)
    }

    /// Has a message in sight again at `visible`.
    fn show(&mut self, number: u64, visible: Instant) {
        if let Some(message) = self.take(number) {
            self.put(Message { visible, ..message });
        }
    }

    /// What is in sight, in the order in which it came.
    fn in_sight(&self, now: Instant) -> Vec<u64> {
        let seen = self.sight.iter().take_while(|(visible, _)| *visible <= now).take(LOOKED_AT);
        let mut numbers: Vec<u64> = seen.map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// The queues of one account.
#[derive(Debug)]
pub(crate) struct Queues {
    lines: BTreeMap<String, Line>,
    count: u64,
    receives_max: u64,
}

impl Queues {
    /// None yet, as the run of `seed` has them.
    pub(crate) fn of(seed: u64) -> Self {
        let (least, most) = RECEIVES_MAX;
        Self { lines: BTreeMap::new(), count: 0, receives_max: least + seed % (most - least + 1) }
    }

    /// The messages of a queue, with a worker or not.
    pub(crate) fn all(&self, queue: &str) -> impl Iterator<Item = &Message> {
        self.lines.get(queue).into_iter().flat_map(|line| line.all.values())
    }

    /// How many messages a queue holds, with a worker or not.
    pub(crate) fn len(&self, queue: &str) -> usize {
        self.lines.get(queue).map_or(0, |line| line.all.len())
    }

    /// Names of the queues that hold something.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (&str, usize)> {
        let filled = self.lines.iter().filter(|(_, line)| !line.all.is_empty());
        filled.map(|(name, line)| (name.as_str(), line.all.len()))
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
        let (id, number) = (format!("m-{:06}", self.count), self.count);
        let message = Message { id: id.clone(), number, body, attributes, sent_ms, received: 0, visible: now };
        self.lines.entry(queue.to_owned()).or_default().put(message);
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
        let Some(line) = self.lines.get_mut(queue) else { return Vec::new() };
        let is_dead = |number: &u64| u64::from(line.all[number].received) >= self.receives_max;
        let (over, mut in_sight): (Vec<u64>, Vec<u64>) = line.in_sight(now).into_iter().partition(is_dead);
        let dead: Vec<Message> = over.into_iter().filter_map(|number| line.take(number)).collect();
        let mut batch = Vec::new();
        while batch.len() < most && !in_sight.is_empty() {
            let reordered = in_sight.len() > 1 && fate.happens(Fault::Reordered, queue);
            let next = in_sight.remove(if reordered { fate.below(in_sight.len()) } else { 0 });
            let Some(mut message) = line.take(next) else { continue };
            message.received += 1;
            // "On rare occasions": one of the service's servers did not hear of the delivery.
            let again = fate.happens(Fault::Redelivered, queue);
            message.visible = if again { now + fate.millis(0, 2_000) } else { now + VISIBILITY };
            batch.push(message.clone());
            line.put(message);
        }
        if !dead.is_empty() {
            let letters = self.lines.entry(dead_letters(queue)).or_default();
            for message in dead {
                letters.put(message);
            }
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
        let Some(line) = self.lines.get_mut(queue) else { return };
        for message in batch {
            if handed_back.contains(&message.id) {
                line.show(message.number, now + fate.millis(10, 500));
            } else if !fate.happens(Fault::Redelivered, queue) {
                line.take(message.number);
            } else {
                // Deleted, and delivered once more: a server that was away still had a copy.
                line.show(message.number, now + fate.millis(0, 5_000));
            }
        }
    }

    /// Moves dead letters back, as a new send each.
    pub(crate) fn redrive(&mut self, queue: &str, sent_ms: i64, now: Instant, fate: &mut Fate) -> usize {
        let dead = self.lines.remove(&dead_letters(queue)).unwrap_or_default();
        let count = dead.all.len();
        for message in dead.all.into_values() {
            fate.note(Fault::Redriven, queue);
            self.put(queue, message.body, message.attributes, sent_ms, now);
        }
        count
    }

    /// Whether a queue holds nothing, with a worker or not.
    pub(crate) fn is_empty(&self, queue: &str) -> bool {
        self.len(queue) == 0
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
