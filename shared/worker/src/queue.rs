//! One queue to send to.

use std::collections::HashMap;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Most messages of one SendMessageBatch.
const SEND_MAX: usize = 10;

/// Most bytes of the bodies of one SendMessageBatch, 256 KiB with room for attributes.
const BATCH_BYTES_MAX: usize = 240 * 1024;

/// A message to be sent: its body, and an attribute beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The body.
    pub body: String,
    /// Name and value of the attribute.
    pub attribute: Option<(&'static str, String)>,
}

impl From<String> for Outgoing {
    fn from(body: String) -> Self {
        Self { body, attribute: None }
    }
}

impl From<&String> for Outgoing {
    fn from(body: &String) -> Self {
        body.clone().into()
    }
}

impl Outgoing {
    fn attributes(&self) -> Result<Option<HashMap<String, MessageAttributeValue>>, BuildError> {
        let Some((name, value)) = &self.attribute else { return Ok(None) };
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
        Ok(Some(HashMap::from([((*name).to_owned(), value)])))
    }
}

/// Why messages were not sent.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take {count} messages: {why}")]
pub struct QueueError {
    /// How many.
    pub count: usize,
    /// The service's code for it, or what stood in the way.
    pub why: String,
}

impl QueueError {
    /// `count` messages were not taken.
    pub fn new(count: usize, error: &(impl ProvideErrorMetadata + std::fmt::Display)) -> Self {
        Self { count, why: error.code().map_or_else(|| error.to_string(), str::to_owned) }
    }
}

/// One queue to send to.
#[derive(Clone, Debug)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    pub fn new(client: aws_sdk_sqs::Client, url: &str) -> Self {
        Self { client, url: url.to_owned() }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send(&self, message: impl Into<Outgoing>) -> Result<(), QueueError> {
        let message = message.into();
        let attributes = message.attributes().map_err(|e| QueueError { count: 1, why: e.to_string() })?;
        let send = self.client.send_message().queue_url(&self.url).message_body(message.body);
        let sent = send.set_message_attributes(attributes).send().await;
        sent.map(|_| ()).map_err(|e| QueueError::new(1, &e))
    }

    /// Sends many messages; which of them were not taken, by their place.
    pub async fn send_all(&self, messages: impl IntoIterator<Item: Into<Outgoing>>) -> Vec<usize> {
        let messages: Vec<Outgoing> = messages.into_iter().map(Into::into).collect();
        let mut failed = Vec::new();
        let mut at = 0;
        while at < messages.len() {
            let chunk = first_batch(&messages[at..]);
            let entries: Vec<_> = chunk.iter().enumerate().filter_map(entry).collect();
            match self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
                Ok(reply) => failed.extend(reply.failed.iter().filter_map(failed_at).map(|place| at + place)),
                Err(error) => {
                    tracing::warn!(error = %QueueError::new(chunk.len(), &error), "messages were not sent");
                    failed.extend(at..at + chunk.len());
                }
            }
            at += chunk.len();
        }
        failed
    }
}

/// As many of the messages as one request holds; at least one.
fn first_batch(messages: &[Outgoing]) -> &[Outgoing] {
    let mut bytes = 0;
    let fits = |message: &&Outgoing| {
        bytes += message.body.len();
        bytes <= BATCH_BYTES_MAX
    };
    let count = messages.iter().take(SEND_MAX).take_while(fits).count();
    &messages[..count.clamp(1, messages.len())]
}

fn entry((at, message): (usize, &Outgoing)) -> Option<SendMessageBatchRequestEntry> {
    let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(message.body.clone());
    entry.set_message_attributes(message.attributes().ok()?).build().ok()
}

fn failed_at(entry: &BatchResultErrorEntry) -> Option<usize> {
    entry.id.parse().ok()
}
