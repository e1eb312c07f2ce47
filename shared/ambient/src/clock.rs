//! What time it is, how much of it has passed, and waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A point on the runtime's own time, for deadlines and ages: it never goes back, and stands still where a test pauses it.
pub type Instant = tokio::time::Instant;

/// A clock.
#[derive(Clone, Debug)]
pub struct Clock(Wall);

#[derive(Clone, Debug)]
enum Wall {
    System,
    Standing(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self(Wall::System)
    }

    /// One that shows `at` until it is set. Its clones show the same.
    pub fn standing_at(at: Timestamp) -> Self {
        Self(Wall::Standing(Arc::new(Mutex::new(at))))
    }

    /// Sets a standing clock; the system's is not ours to set and stays as it is.
    pub fn set(&self, at: Timestamp) {
        if let Wall::Standing(shown) = &self.0 {
            *shown.lock().unwrap_or_else(PoisonError::into_inner) = at;
        }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
            Wall::System => Timestamp::now(),
            Wall::Standing(shown) => *shown.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The point in the runtime's own time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the runtime's time")]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Waits.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    pub async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_shows_what_it_was_set_to_in_every_clone() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let clock = Clock::standing_at(at("2026-03-14T09:30:00Z"));
        let other = clock.clone();
        assert_eq!(other.now(), at("2026-03-14T09:30:00Z"));
        clock.set(at("2026-04-01T00:00:00Z"));
        assert_eq!(other.now(), at("2026-04-01T00:00:00Z"));
    }

    #[test]
    fn the_systems_clock_cannot_be_set() {
        let clock = Clock::system();
        let before = clock.now();
        clock.set(Timestamp::UNIX_EPOCH);
        assert!(clock.now() >= before);
    }
}
