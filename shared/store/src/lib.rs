//! Laurel on DynamoDB: tables, keys, reading, and writing one transaction for a decision. It decides nothing.
//!
//! One concrete store and no port trait: tests hand its client an engine in the process, and inject faults below the SDK.

pub mod aside;
pub mod boards;
mod cache;
pub mod cards;
mod error;
pub mod holds;
pub mod notes;
pub mod outbox;
pub mod patience;
pub mod persons;
pub mod programs;
mod read;
mod store;
pub mod tables;
pub mod write;

pub use error::StoreError;
pub use read::{beside, deals, due, everybody, history, redemptions, state};
pub use store::{Store, StoreSettings};
