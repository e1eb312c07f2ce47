//! A world in memory: programs, partners, deals and redemptions that are decided about without a table.
//!
//! What is tried here is decided by the code that decides on AWS. No async, no AWS type, no clock, no randomness, no float.

pub mod grammar;
pub mod history;
mod replay;
mod world;
mod year;

pub use replay::{Replay, Tally, summary};
pub use world::World;
pub use year::{Lines, MIX, Year};
