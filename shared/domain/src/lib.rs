//! Deciding: what an event does to its partner, its deal and its points, and why.
//!
//! No async, no AWS type, no clock, no randomness, no float. `now` and every stored value are handed in, so the Lambda
//! functions, the command line and the tests reach the same decision from the same inputs.

pub mod audit;
pub mod deal;
pub mod decide;
mod earn;
pub mod ledger;
pub mod outbox;
pub mod payout;
pub mod redemption;
pub mod tell;
pub mod tier;
