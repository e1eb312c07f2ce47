//! What follows from a record: waiting events sent again, redemptions sent to be fulfilled, notices put on the bus.

mod handler;
mod notice;

pub use handler::{RelayChanges, RelayError};
