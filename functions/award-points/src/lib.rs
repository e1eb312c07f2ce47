//! Events in, records out: the queue `partner-events`, message by message.

mod handler;
mod sort;

pub use handler::AwardPoints;
