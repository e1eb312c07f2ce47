//! How long to keep trying, and the pause between two tries.

use std::time::Duration;

use ambient::{Clock, Instant};

use crate::Store;

/// Longest pause between two tries: many writers of one account must spread over more time than their writes take.
const PAUSE_MS_MAX: u64 = 800;

/// How long to keep trying.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries when somebody else writes first.
    pub tries_max: u32,
    /// Nothing new is started with less time left than [`Patience::reserve`].
    pub deadline: Instant,
    /// Time a write may take, kept back before the deadline.
    pub reserve: Duration,
}

impl Patience {
    /// Until `deadline`, with two seconds kept back and tries enough for any contention that is no fault.
    pub fn until(deadline: Instant) -> Self {
        Self { tries_max: 60, deadline, reserve: Duration::from_secs(2) }
    }

    /// Whether it is too late to start another write.
    pub fn is_over(&self, clock: &Clock) -> bool {
        clock.instant() + self.reserve >= self.deadline
    }
}

/// Waits a jittered, growing moment before try number `attempt`; not at all before the first.
pub async fn pause(store: &Store, attempt: u32) {
    if attempt > 0 {
        let most = (5_u64 << attempt.min(8)).min(PAUSE_MS_MAX);
        store.clock.sleep(Duration::from_millis(1 + store.random.below(most))).await;
    }
}
