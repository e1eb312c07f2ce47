//! Events in, records out: the queue `partner-events`, message by message.

mod batch;
mod handler;

pub use handler::AwardPoints;
