//! Challenges: partners beside each other by what they bring in a period (M39).

use event::ids::{Motion, Name};
use event::period::Every;

use crate::ladder::Measure;

/// Most challenges of a program: each is counted every day over all partners.
pub const CHALLENGES_MAX: usize = 8;
/// Most places that a challenge shows.
pub const PLACES_MAX: usize = 100;

/// A challenge: who brings most in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Its name in the file.
    pub id: Name,
    /// Its name for people.
    pub name: String,
    /// What is measured, as a criterion of a ladder is.
    pub metric: Measure,
    /// In which motion.
    pub motion: Motion,
    /// Over which periods: each month, fiscal quarter or fiscal year.
    pub every: Every,
    /// How many partners are listed, 1 to [`PLACES_MAX`].
    pub places: usize,
}
