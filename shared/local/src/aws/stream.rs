//! The table's change stream in the process, delivered as the event source mapping does: in order, again from the first
//! record that failed, and after enough tries put aside.

use aws_lambda_events::dynamodb::Event;
use dynoxide::Database;
use serde_json::{Value, json};
use store::StoreError;

use super::journal::ask;
use super::{EngineError, failed};
use crate::names::LEDGER_TABLE;

/// Changes delivered at once.
const BATCH: usize = 100;
/// Where the place in the stream is kept.
const CHECKPOINT: &str = "stream-checkpoint";

/// The stream, and how far it was delivered.
pub(crate) struct Stream {
    db: Database,
    /// The stream's ARN and its one shard, once they are known.
    place: Option<(String, Value)>,
    after: Option<String>,
    store: store::Store,
}

/// Changes, each with its sequence number.
pub(crate) struct Batch {
    pub(crate) event: Event,
    pub(crate) sequence: Vec<String>,
}

impl Stream {
    pub(crate) async fn open(db: Database, store: store::Store) -> Result<Self, StoreError> {
        let after = store::notes::read(&store, CHECKPOINT).await?;
        Ok(Self { db, place: None, after, store })
    }

    /// The next changes; none if there are none yet.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>, EngineError> {
        let (arn, shard) = self.place()?;
        let from = match &self.after {
            Some(after) => {
                json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after })
            }
            None => json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" }),
        };
        let iterator = value(self.db.get_shard_iterator(ask(from)?).map_err(failed)?)?;
        let asked = json!({ "ShardIterator": iterator["ShardIterator"], "Limit": BATCH });
        let mut read = value(self.db.get_records(ask(asked)?).map_err(failed)?)?;
        let Some(records) = read["Records"].as_array_mut().filter(|r| !r.is_empty()) else { return Ok(None) };
        for record in records.iter_mut() {
            // GetRecords gives no ARN; the event source mapping adds it.
            record["eventSourceARN"] = json!(arn);
        }
        let sequence =
            records.iter().filter_map(|r| r["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned)).collect();
        Ok(Some(Batch { event: serde_json::from_value(read).map_err(failed)?, sequence }))
    }

    /// Everything up to this sequence number is done.
    pub(crate) async fn done(&mut self, sequence: &str) -> Result<(), StoreError> {
        self.after = Some(sequence.to_owned());
        store::notes::set(&self.store, CHECKPOINT, sequence).await
    }

    fn place(&mut self) -> Result<(String, Value), EngineError> {
        if let Some(place) = &self.place {
            return Ok(place.clone());
        }
        let table = value(self.db.describe_table(ask(json!({ "TableName": LEDGER_TABLE }))?).map_err(failed)?)?;
        let arn = table["Table"]["LatestStreamArn"].as_str();
        let arn = arn.ok_or_else(|| failed("the ledger has no stream"))?.to_owned();
        let described = value(self.db.describe_stream(ask(json!({ "StreamArn": arn }))?).map_err(failed)?)?;
        let place = (arn, described["StreamDescription"]["Shards"][0]["ShardId"].clone());
        Ok(self.place.insert(place).clone())
    }
}

fn value(answer: impl serde::Serialize) -> Result<Value, EngineError> {
    serde_json::to_value(answer).map_err(failed)
}
