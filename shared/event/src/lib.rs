//! What an event is: its identity, its form, what happened. The leaf that everything else stands on.
//!
//! No async, no AWS type, no clock, no randomness, no float.

mod envelope;
mod fields;
pub mod ids;
pub mod json;
pub mod money;
mod rejection;
#[cfg(test)]
mod tests;
pub mod time;
mod types;

pub use envelope::{BODY_BYTES_MAX, Event, Unreadable, body_hash};
pub use fields::Data;
pub use rejection::{Code, Rejection};
pub use types::{DealOutcome, Kind, RevenueLine, SENT_TYPES, fields_of};
