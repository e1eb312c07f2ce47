//! The ledger's change stream: in order for each item, at least once, late, and now and then not at all.

use std::collections::VecDeque;

use ambient::Instant;
use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};

use crate::fate::{Fate, Fault};
use crate::table::Change;
use crate::table::item::Key;

/// Shards, so that changes of different items overtake each other.
const SHARDS: usize = 3;
/// Most changes of one delivery.
const BATCH: usize = 10;
/// Tries of a change before it is put aside.
const TRIES_MAX: u32 = 5;

#[derive(Clone, Debug)]
struct Entry {
    number: u64,
    name: &'static str,
    key: Value,
    image: Value,
    arrives: Instant,
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Stream {
    shards: Vec<VecDeque<Entry>>,
    tries: Vec<u32>,
    count: u64,
    /// Changes that were put aside.
    pub failed: usize,
}

/// Changes that were delivered.
#[derive(Debug)]
pub(crate) struct Delivery {
    shard: usize,
    numbers: Vec<u64>,
    /// As Lambda hands them to a function.
    pub event: Event,
}

impl Default for Stream {
    fn default() -> Self {
        Self { shards: vec![VecDeque::new(); SHARDS], tries: vec![0; SHARDS], count: 0, failed: 0 }
    }
}

impl Stream {
    /// Whether everything was delivered.
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(VecDeque::is_empty)
    }

    /// Takes a change of the ledger.
    pub(crate) fn push(&mut self, change: &Change, now: Instant, fate: &mut Fate) {
        if fate.happens(Fault::SkippedChange, "stream") {
            return;
        }
        self.count += 1;
        let name = match (&change.old, &change.new) {
            (None, Some(_)) => "INSERT",
            (_, Some(_)) => "MODIFY",
            (_, None) => "REMOVE",
        };
        let late = fate.happens(Fault::LateChange, "stream");
        let arrives = now + if late { fate.millis(500, 20_000) } else { fate.millis(1, 60) };
        let (hash, _): &Key = &change.key;
        let shard = hash.text().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
            % SHARDS;
        let image = change.new.clone().map_or(Value::Null, Value::Object);
        self.shards[shard].push_back(Entry {
            number: self.count,
            name,
            key: json!({ "k": hash.value() }),
            image,
            arrives,
        });
    }

    /// The next changes of a shard, if any have arrived.
    pub(crate) fn deliver(&mut self, now: Instant, fate: &mut Fate) -> Option<Delivery> {
        let first = fate.below(SHARDS);
        for shard in (first..SHARDS).chain(0..first) {
            let ready: Vec<&Entry> =
                self.shards[shard].iter().take_while(|entry| entry.arrives <= now).take(BATCH).collect();
            if ready.is_empty() {
                continue;
            }
            let records: Vec<Value> = ready
                .iter()
                .map(|entry| {
                    json!({
                        "eventID": entry.number.to_string(), "eventName": entry.name, "eventSource": "aws:dynamodb",
                        "eventVersion": "1.1", "awsRegion": "us-east-1", "eventSourceARN": "arn:stream",
                        "dynamodb": {
                            "ApproximateCreationDateTime": 0.0, "Keys": entry.key, "NewImage": entry.image,
                            "SequenceNumber": entry.number.to_string(), "SizeBytes": 1, "StreamViewType": "NEW_IMAGE",
                        },
                    })
                })
                .collect();
            let numbers = ready.iter().map(|entry| entry.number).collect();
            let event = serde_json::from_value(json!({ "Records": records })).ok()?;
            return Some(Delivery { shard, numbers, event });
        }
        None
    }

    /// Ends a delivery: up to the first that failed, or not at all if it is to be repeated.
    pub(crate) fn settle(&mut self, delivery: &Delivery, failed: Option<&str>, fate: &mut Fate) {
        let failed_at = failed.and_then(|id| delivery.numbers.iter().position(|number| number.to_string() == id));
        let mut done = failed_at.unwrap_or(delivery.numbers.len());
        if failed_at.is_none() && fate.happens(Fault::RepeatedChanges, "stream") {
            done = 0;
        }
        let shard = delivery.shard;
        if failed_at.is_some() {
            self.tries[shard] += 1;
            if self.tries[shard] >= TRIES_MAX {
                self.failed += 1;
                self.tries[shard] = 0;
                done += 1;
            }
        } else {
            self.tries[shard] = 0;
        }
        let gone: Vec<u64> = delivery.numbers[..done].to_vec();
        self.shards[shard].retain(|entry| !gone.contains(&entry.number));
    }
}
