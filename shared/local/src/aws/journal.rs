//! The queue engine keeps messages in memory; this journal makes them outlive the process. One row for each message that
//! was not deleted, in a table of the same engine, and one for the queues. After a restart receive counts start anew.

use std::sync::Arc;

use ambient::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dynoxide::Database;
use http_body_util::BodyExt;
use jiff::Timestamp;
use rustack_sqs_core::{handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_model::operations::SqsOperation;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{EngineError, failed};

/// Name of the journal's table.
const TABLE: &str = "local-queue-journal";
/// Most writes of one BatchWriteItem.
const WRITES_MAX: usize = 25;

/// So many messages are put back by one transaction, which takes 100 changes.
const PUT_BACK_AT_ONCE: usize = 50;
/// So many bytes of them: a transaction takes 4 MB.
const PUT_BACK_BYTES: usize = 3 * 1024 * 1024;

/// Bytes of a probe: a write that fits where a message does not says nothing.
const PROBE_BYTES: usize = 256 * 1024;

/// Writes something and takes it away again, as far as there is a journal.
pub(super) fn probe(db: &Database) -> Result<(), EngineError> {
    if db.describe_table(ask(json!({ "TableName": TABLE }))?).is_err() {
        return Ok(());
    }
    let key = json!({ "pk": { "S": "probe" }, "sk": { "S": "-" } });
    let mut item = key.clone();
    item["v"] = json!({ "S": "x".repeat(PROBE_BYTES) });
    db.put_item(ask(json!({ "TableName": TABLE, "Item": item }))?).map_err(failed)?;
    db.delete_item(ask(json!({ "TableName": TABLE, "Key": key }))?).map(|_| ()).map_err(failed)
}

/// A request of the table engine, from its JSON form.
pub(crate) fn ask<T: DeserializeOwned>(value: Value) -> Result<T, EngineError> {
    serde_json::from_value(value).map_err(failed)
}

pub(crate) struct Journal {
    db: Database,
    clock: Clock,
}

impl Journal {
    /// Opens the journal and sends again what was not deleted.
    pub(crate) async fn restore(
        db: Database,
        clock: Clock,
        sqs: &Arc<RustackSqs>,
        handler: &RustackSqsHandler,
    ) -> Result<Self, EngineError> {
        let journal = Self { db, clock };
        journal.make_table()?;
        let rows = journal.rows()?;
        if let Some(queues) = rows.iter().find(|row| row["pk"]["S"] == "queues") {
            let snapshot = serde_json::from_str(text(&queues["v"])).map_err(failed)?;
            sqs.import_snapshot(snapshot).await.map_err(failed)?;
        }
        let mut messages: Vec<&Value> = rows.iter().filter(|row| row["pk"]["S"] == "message").collect();
        messages.sort_by_key(|row| text(&row["at"]).to_owned());
        let mut rest = &messages[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |row: &&&Value| {
                bytes += text(&row["v"]).len();
                bytes <= PUT_BACK_BYTES
            };
            let many = rest.iter().take(PUT_BACK_AT_ONCE).take_while(fits).count().max(1);
            let (some, others) = rest.split_at(many);
            journal.send_again(handler, some).await?;
            rest = others;
        }
        Ok(journal)
    }

    fn make_table(&self) -> Result<(), EngineError> {
        if self.db.describe_table(ask(json!({ "TableName": TABLE }))?).is_ok() {
            return Ok(());
        }
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let create = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
        });
        self.db.create_table(ask(create)?).map(|_| ()).map_err(failed)
    }

    fn rows(&self) -> Result<Vec<Value>, EngineError> {
        let (mut rows, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut scan = json!({ "TableName": TABLE });
            if !start.is_null() {
                scan["ExclusiveStartKey"] = start;
            }
            let page = self.db.scan(ask(scan)?).map_err(failed)?;
            let page = serde_json::to_value(page).map_err(failed)?;
            rows.extend(page["Items"].as_array().cloned().unwrap_or_default());
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                return Ok(rows);
            }
        }
    }

    /// Sends messages again and puts the rows of their new ids in the place of the old ones.
    async fn send_again(&self, handler: &RustackSqsHandler, rows: &[&Value]) -> Result<(), EngineError> {
        let mut changes = Vec::new();
        for row in rows {
            let request = Bytes::from(text(&row["v"]).to_owned());
            let reply = handler.handle_operation(SqsOperation::SendMessage, request).await.map_err(failed)?;
            let out = reply.into_body().collect().await.map_err(failed)?.to_bytes();
            let out: Value = serde_json::from_slice(&out).map_err(failed)?;
            let key = json!({ "pk": { "S": "message" }, "sk": row["sk"] });
            let item =
                json!({ "pk": { "S": "message" }, "sk": { "S": out["MessageId"] }, "at": row["at"], "v": row["v"] });
            changes.push(json!({ "Delete": { "TableName": TABLE, "Key": key } }));
            changes.push(json!({ "Put": { "TableName": TABLE, "Item": item } }));
        }
        self.db.transact_write_items(ask(json!({ "TransactItems": changes }))?).map(|_| ()).map_err(failed)
    }

    /// Notes what an operation changed. Whether that must outlive a loss of power: a message that was deleted may come again.
    pub(crate) async fn record(
        &self,
        sqs: &RustackSqs,
        operation: SqsOperation,
        request: &Bytes,
        reply: &Bytes,
    ) -> Result<bool, EngineError> {
        let asked: Value = serde_json::from_slice(request).unwrap_or_default();
        let told: Value = serde_json::from_slice(reply).unwrap_or_default();
        match operation {
            SqsOperation::SendMessage => self.write(&[put(self.clock.now(), text(&told["MessageId"]), &asked)])?,
            SqsOperation::SendMessageBatch => self.write(&sent_batch(self.clock.now(), &asked, &told))?,
            SqsOperation::DeleteMessage => {
                self.write(&deletes(std::iter::once(text(&asked["ReceiptHandle"]))))?;
                return Ok(false);
            }
            SqsOperation::DeleteMessageBatch => {
                let done = told["Successful"].as_array().cloned().unwrap_or_default();
                let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
                let deleted = entries.iter().filter(|entry| done.iter().any(|d| d["Id"] == entry["Id"]));
                self.write(&deletes(deleted.map(|entry| text(&entry["ReceiptHandle"]))))?;
                return Ok(false);
            }
            SqsOperation::CreateQueue
            | SqsOperation::DeleteQueue
            | SqsOperation::SetQueueAttributes
            | SqsOperation::TagQueue
            | SqsOperation::UntagQueue => self.note_queues(sqs).await?,
            SqsOperation::PurgeQueue => self.purge(text(&asked["QueueUrl"]))?,
            SqsOperation::ReceiveMessage
            | SqsOperation::ChangeMessageVisibility
            | SqsOperation::ChangeMessageVisibilityBatch
            | SqsOperation::GetQueueUrl
            | SqsOperation::ListQueues
            | SqsOperation::GetQueueAttributes
            | SqsOperation::ListQueueTags
            | SqsOperation::AddPermission
            | SqsOperation::RemovePermission
            | SqsOperation::ListDeadLetterSourceQueues
            | SqsOperation::StartMessageMoveTask
            | SqsOperation::CancelMessageMoveTask
            | SqsOperation::ListMessageMoveTasks => return Ok(false),
        }
        Ok(true)
    }

    async fn note_queues(&self, sqs: &RustackSqs) -> Result<(), EngineError> {
        let snapshot = sqs.export_snapshot().await.map_err(failed)?;
        let queues = serde_json::to_string(&snapshot).map_err(failed)?;
        let item = json!({ "pk": { "S": "queues" }, "sk": { "S": "-" }, "v": { "S": queues } });
        self.db.put_item(ask(json!({ "TableName": TABLE, "Item": item }))?).map(|_| ()).map_err(failed)
    }

    fn purge(&self, queue: &str) -> Result<(), EngineError> {
        let of_queue = |row: &&Value| {
            row["pk"]["S"] == "message"
                && serde_json::from_str::<Value>(text(&row["v"])).is_ok_and(|v| v["QueueUrl"] == queue)
        };
        let ids: Vec<String> = self.rows()?.iter().filter(of_queue).map(|row| text(&row["sk"]).to_owned()).collect();
        self.write(&ids.iter().map(|id| delete(id)).collect::<Vec<_>>())
    }

    fn write(&self, writes: &[Value]) -> Result<(), EngineError> {
        for chunk in writes.chunks(WRITES_MAX) {
            self.db.batch_write_item(ask(json!({ "RequestItems": { TABLE: chunk } }))?).map_err(failed)?;
        }
        Ok(())
    }
}

/// A JSON string, or the one inside a DynamoDB string attribute.
fn text(value: &Value) -> &str {
    value.as_str().or_else(|| value["S"].as_str()).unwrap_or_default()
}

fn put(at: Timestamp, id: &str, message: &Value) -> Value {
    let at = at.as_nanosecond();
    let item = json!({ "pk": { "S": "message" }, "sk": { "S": id }, "at": { "S": format!("{at:030}") }, "v": { "S": message.to_string() } });
    json!({ "PutRequest": { "Item": item } })
}

fn delete(id: &str) -> Value {
    json!({ "DeleteRequest": { "Key": { "pk": { "S": "message" }, "sk": { "S": id } } } })
}

fn sent_batch(at: Timestamp, asked: &Value, told: &Value) -> Vec<Value> {
    let sent = |done: &Value| {
        let mut message = asked["Entries"].as_array()?.iter().find(|entry| entry["Id"] == done["Id"])?.clone();
        message.as_object_mut()?.remove("Id");
        message["QueueUrl"] = asked["QueueUrl"].clone();
        Some(put(at, text(&done["MessageId"]), &message))
    };
    told["Successful"].as_array().into_iter().flatten().filter_map(sent).collect()
}

/// A receipt handle is Base64 of `<message id>:...`.
fn deletes<'a>(handles: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let id = |handle: &str| {
        let bytes = STANDARD.decode(handle).ok()?;
        String::from_utf8(bytes).ok()?.split(':').next().map(str::to_owned)
    };
    let ids: std::collections::BTreeSet<String> = handles.filter_map(id).collect();
    ids.iter().map(|id| delete(id)).collect()
}
