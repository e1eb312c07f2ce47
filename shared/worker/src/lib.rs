//! The edge between AWS and Laurel: settings, clients, SQS batches, logs and metrics. Holds no business word.

mod batch;
mod clients;
mod queue;
mod secret;
mod settings;
mod telemetry;

pub use batch::{Message, NamelessMessage, failures, messages};
pub use clients::Clients;
pub use queue::{Queue, QueueError};
pub use secret::{Secret, SecretError};
pub use settings::{Settings, SettingsError};
pub use telemetry::{count, start_logs};

use std::time::{Duration, Instant, SystemTime};

/// Time that an invocation has where its deadline is none.
const NO_DEADLINE: Duration = Duration::from_secs(30);

/// The instant by which an invocation must be over, from the deadline Lambda gives in milliseconds since 1970. One that has
/// passed before the work began is none: `cargo lambda watch` sends ten minutes after 1970.
pub fn deadline(epoch_ms: u64) -> Instant {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(epoch_ms);
    Instant::now() + end.duration_since(SystemTime::now()).unwrap_or(NO_DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_long_ago_is_none() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let left = |epoch: Duration| deadline(u64::try_from(epoch.as_millis()).expect("ms")) - Instant::now();
        assert!(left(Duration::from_secs(600)) > Duration::from_secs(29));
        assert!(left(now + Duration::from_secs(5)) <= Duration::from_secs(5));
    }
}
