//! The table engine: opened with the index that its stream needs, and asked in the process where a request is one that functions send.

use std::path::Path;

use dynoxide::Database;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::errors::DynoxideError;
use dynoxide::storage::Storage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{EngineError, failed};

/// What the engine asks of its stream with each write, and whoever follows it: without this, all that was ever written is looked at.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS laurel_stream_places \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Operations that change a table.
pub(super) const WRITES: [&str; 5] = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"];

/// Opens the engine's file. What it commits is in the file when it answers, and held fast by [`super::durable::Durable`].
pub(super) fn open(file: &Path) -> Result<Database, EngineError> {
    let path = file.to_string_lossy();
    let db = Database::new(&path).map_err(failed)?;
    let indexed = Storage::new(&path).map_err(failed)?;
    indexed.conn().execute_batch(STREAM_INDEX).map_err(failed)?;
    // The engine's word for commits that are not synced one by one: the file stays whole whatever happens.
    db.disable_bulk_loading().map_err(failed)?;
    Ok(db)
}

/// An answer: its status, and its body.
pub(super) type Answer = (u16, String);

/// Answers a request in good form. `None`: the engine's own server is to say what it says of it; nothing was changed.
pub(super) fn answer(db: &Database, operation: &str, body: &[u8]) -> Option<Answer> {
    match operation {
        "GetItem" => run(body, |request| db.get_item(request)),
        "BatchGetItem" => run(body, |request| db.batch_get_item(request)),
        "Query" => run(body, |request| db.query(request)),
        "PutItem" => run(body, |request| db.put_item(request)),
        "UpdateItem" => run(body, |request| db.update_item(request)),
        "DeleteItem" => run(body, |request| db.delete_item(request)),
        "BatchWriteItem" => run(body, |request| db.batch_write_item(request)),
        "TransactWriteItems" => run(body, |mut request: TransactWriteItemsRequest| {
            // The engine keeps each request with a token for ten minutes. A reply is never lost here, and what is written twice is
            // stopped by its conditions.
            request.client_request_token = None;
            db.transact_write_items(request)
        }),
        _ => None,
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    call: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Option<Answer> {
    match call(serde_json::from_slice(body).ok()?) {
        Ok(answer) => Some((200, serde_json::to_string(&answer).ok()?)),
        Err(
            error @ (DynoxideError::ConditionalCheckFailedException(..)
            | DynoxideError::TransactionCanceledException(..)),
        ) => Some((error.status_code(), error.to_json())),
        Err(_) => None,
    }
}
