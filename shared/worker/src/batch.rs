//! SQS batches, message by message: a bad one never touches its neighbours.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};

/// One message as the queue delivered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The queue's id of it.
    pub id: String,
    /// How often it was received, this time included; 1 is the first.
    pub receive_count: u32,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// Its body.
    pub body: String,
    /// Until when the event was to wait, if it was held and is sent again ([`HELD_UNTIL`]).
    pub held_until: Option<String>,
}

/// The message attribute of an event that was held and is sent again: its first deadline, RFC 3339.
pub const HELD_UNTIL: &str = "held_until";

/// The queue's attribute of how often a message was received.
pub(crate) const RECEIVES: &str = "ApproximateReceiveCount";
/// The queue's attribute of when a message was sent.
pub(crate) const SENT: &str = "SentTimestamp";

/// A batch held messages without an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} messages have no id, so no reply can name them")]
pub struct NamelessMessage(pub usize);

/// The messages of a batch. One without an id could not be named in the reply, so the whole batch is handed back.
///
/// # Errors
/// [`NamelessMessage`].
pub fn messages(event: SqsEvent) -> Result<Vec<Message>, NamelessMessage> {
    let total = event.records.len();
    let read: Vec<Message> = event.records.into_iter().filter_map(message).collect();
    if read.len() == total { Ok(read) } else { Err(NamelessMessage(total - read.len())) }
}

fn message(record: aws_lambda_events::sqs::SqsMessage) -> Option<Message> {
    let number = |name: &str| record.attributes.get(name).and_then(|v| v.parse::<i64>().ok());
    let receive_count = number(RECEIVES).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    let sent_ms = number(SENT).unwrap_or_default();
    let id = record.message_id.filter(|id| !id.is_empty())?;
    let held_until = record.message_attributes.get(HELD_UNTIL).and_then(|attribute| attribute.string_value.clone());
    Some(Message { id, receive_count, sent_ms, body: record.body.unwrap_or_default(), held_until })
}

/// The reply that hands back these messages; an empty list means all is done.
pub fn failures(ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for id in ids {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: serde_json::Value) -> SqsEvent {
        serde_json::from_value(json).expect("sqs event")
    }

    #[test]
    fn counts_times_and_attributes_are_read_and_a_missing_body_is_empty() {
        let attributes = serde_json::json!({"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000"});
        let batch = event(
            serde_json::json!({"Records": [{"messageId": "m", "attributes": attributes, "messageAttributes": {"held_until": {"stringValue": "2026-04-13T04:00:00Z", "dataType": "String"}}}]}),
        );
        let (id, body, held_until) = ("m".to_owned(), String::new(), Some("2026-04-13T04:00:00Z".to_owned()));
        let expected = Message { id, receive_count: 3, sent_ms: 1_700_000_000_000, body, held_until };
        assert_eq!(messages(batch), Ok(vec![expected]));
    }

    #[test]
    fn a_message_without_an_id_hands_back_the_batch() {
        let batch = event(serde_json::json!({"Records": [{"attributes": {}, "messageAttributes": {}, "body": "x"}]}));
        assert_eq!(messages(batch), Err(NamelessMessage(1)));
    }
}
