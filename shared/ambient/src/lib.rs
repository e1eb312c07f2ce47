//! Time and chance: two values that everything is handed at construction, so that a run can be repeated.
//!
//! Nothing else in `functions`, `shared` and `cli` asks the system for either; `clippy.toml` says so with the reason.

mod clock;
mod random;

pub use clock::{Clock, Instant};
pub use random::{NoRandom, Random};
