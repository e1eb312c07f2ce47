//! The pure core of Laurel: what an event means, what a program says, what is decided and why.
//!
//! No async, no AWS type, no clock, no randomness, no float. `now` and every stored value are handed in, so the Lambda
//! functions, the command line and the tests reach the same decision from the same inputs.

pub mod account;
pub mod audit;
pub mod deal;
pub mod decide;
mod earn;
pub mod event;
pub mod explain;
pub mod json;
pub mod ledger;
pub mod money;
pub mod outcome;
pub mod program;
pub mod reason;
pub mod redemption;
pub mod text;
pub mod tier;
pub mod time;
