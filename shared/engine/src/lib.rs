//! The one loop: load, decide, write, and again when somebody else wrote first.

pub mod audit;
pub mod events;
mod load;
pub mod outbox;
pub mod payouts;
pub mod rebuild;
pub mod steps;

pub use load::load;
