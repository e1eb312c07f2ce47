//! The edge between AWS and Laurel: settings, clients, SQS batches, logs and metrics. Holds no business word.

mod batch;
mod clients;
mod settings;
mod telemetry;

pub use batch::{Message, NamelessMessage, failures, messages};
pub use clients::{Clients, Queue, QueueError, sdk_config};
pub use settings::{Settings, SettingsError};
pub use telemetry::{count_outcomes, start_logs};

use std::time::{Duration, Instant, SystemTime};

/// The instant by which an invocation must be over, from the deadline Lambda gives in milliseconds since 1970.
pub fn deadline(epoch_ms: u64) -> Instant {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(epoch_ms);
    Instant::now() + end.duration_since(SystemTime::now()).unwrap_or_default()
}
