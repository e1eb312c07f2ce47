//! What the tests share: a world in memory that decides without a table, and a stack to test end to end.

mod faults;
pub mod filled;
mod recorder;
mod stack;
pub mod template;
mod wire;

pub use faults::{Fault, faulty_store, interrupted_store};
pub use recorder::{Permission, permissions_needed, recording_clients, told_clients};
pub use stack::{Api, TestStack, body, envelope_bodies};
