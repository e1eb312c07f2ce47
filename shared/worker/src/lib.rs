//! The edge between AWS and Laurel: settings, clients, SQS batches, logs and metrics. Holds no business word.

mod apart;
mod batch;
mod clients;
pub mod http;
mod queue;
mod secret;
mod settings;
mod telemetry;

pub use apart::{Apart, ApartError, BatchError, Broke, apart};
pub use batch::{HELD_UNTIL, Message, NamelessMessage, failures, messages};
pub use clients::Clients;
pub use queue::{Outgoing, Queue, QueueError};
pub use secret::{Secret, SecretError};
pub use settings::{Settings, SettingsError};
pub use telemetry::{count, start_logs};

use std::time::Duration;

use ambient::{Clock, Instant};
use jiff::Timestamp;

/// Time that an invocation has where its deadline is none.
const NO_DEADLINE: Duration = Duration::from_secs(30);

/// The instant by which an invocation must be over, from the deadline Lambda gives in milliseconds since 1970. One that has
/// passed before the work began is none: `cargo lambda watch` sends ten minutes after 1970.
pub fn deadline(clock: &Clock, epoch_ms: u64) -> Instant {
    let end = i64::try_from(epoch_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let left = end.and_then(|end| Duration::try_from(end.duration_since(clock.now())).ok());
    clock.instant() + left.unwrap_or(NO_DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_long_ago_is_none() {
        let clock = Clock::standing_at(Timestamp::from_second(1_800_000_000).expect("an instant"));
        let left = |epoch_ms: u64| deadline(&clock, epoch_ms) - clock.instant();
        assert!(left(600_000) > Duration::from_secs(29));
        assert!(left(1_800_000_005_000) <= Duration::from_secs(5));
        assert!(left(u64::MAX) > Duration::from_secs(29));
    }
}
