//! One queue to send to.

use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Most messages of one SendMessageBatch.
const SEND_MAX: usize = 10;

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

    /// Sends one body.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send(&self, body: String) -> Result<(), QueueError> {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map(|_| ()).map_err(|e| QueueError::new(1, &e))
    }

    /// Sends a body with a note beside it, as an attribute `reason`.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send_with_reason(&self, body: String, reason: &str) -> Result<(), QueueError> {
        let note = aws_sdk_sqs::types::MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|e| QueueError { count: 1, why: e.to_string() })?;
        let send =
            self.client.send_message().queue_url(&self.url).message_body(body).message_attributes("reason", note);
        send.send().await.map(|_| ()).map_err(|e| QueueError::new(1, &e))
    }

    /// Sends many bodies; which of them were not taken, by their place.
    pub async fn send_all(&self, bodies: &[String]) -> Vec<usize> {
        let mut failed = Vec::new();
        for (chunk_at, chunk) in bodies.chunks(SEND_MAX).enumerate() {
            let entry = |(at, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build().ok()
            };
            let entries: Vec<_> = chunk.iter().enumerate().filter_map(entry).collect();
            let place = |at: usize| chunk_at * SEND_MAX + at;
            match self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
                Ok(reply) => failed.extend(reply.failed.iter().filter_map(failed_at).map(place)),
                Err(error) => {
                    tracing::warn!(error = %QueueError::new(chunk.len(), &error), "messages were not sent");
                    failed.extend((0..chunk.len()).map(place));
                }
            }
        }
        failed
    }
}

fn failed_at(entry: &BatchResultErrorEntry) -> Option<usize> {
    entry.id.parse().ok()
}
