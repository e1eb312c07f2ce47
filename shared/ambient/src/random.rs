//! Chance.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandom;

/// A source of random values.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<fastrand::Rng>>),
}

impl Random {
    /// The system's: nobody can tell what comes next.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// One that gives the same values for the same seed. For tests: whoever knows the seed knows every value.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)))))
    }

    /// Random bytes.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandom> {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => getrandom::fill(&mut bytes).map_err(|_| NoRandom)?,
            Source::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes),
        }
        Ok(bytes)
    }

    /// A number below `limit`, or 0 where that is 0. Evenly spread as far as spreading load needs it, and no secret.
    pub fn below(&self, limit: u64) -> u64 {
        match &self.0 {
            _ if limit == 0 => 0,
            #[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
            Source::System => fastrand::u64(..limit),
            Source::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).u64(..limit),
        }
    }

    /// One of several; none of none.
    pub fn choice<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        usize::try_from(self.below(of.len() as u64)).ok().and_then(|at| of.get(at))
    }

    /// A UUID of version 4: nothing but random.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn uuid(&self) -> Result<Uuid, NoRandom> {
        Ok(uuid::Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// A UUID of version 7: sorts by the millisecond `at`.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn uuid_at(&self, at: Timestamp) -> Result<Uuid, NoRandom> {
        let ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(ms, &self.bytes()?).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_run() {
        let run = |seed| {
            let random = Random::seeded(seed);
            let choice = random.choice(&[1, 2, 3, 4, 5]).copied();
            (random.bytes::<16>(), random.below(1_000_000), random.uuid(), choice)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn chance_keeps_its_bounds() {
        let random = Random::system();
        assert_eq!(random.below(0), 0);
        assert!((0..1_000).all(|_| random.below(3) < 3));
        assert_eq!(random.choice::<u8>(&[]), None);
    }

    #[test]
    fn ids_sort_by_their_time() {
        let random = Random::system();
        let at = |text: &str| random.uuid_at(text.parse().expect("an instant")).expect("an id").to_string();
        let (early, late) = (at("2026-03-14T09:30:00Z"), at("2026-03-14T09:30:00.001Z"));
        assert!(early < late);
        assert_eq!(early.as_bytes()[14], b'7');
    }
}
