//! Writing: a decision as one transaction.

mod actions;
mod transaction;

pub(crate) use actions::{Condition, meaning_of, stock_names};
pub use transaction::{
    ACTIONS_MAX, BYTES_MAX, FREQUENCY_SECONDS_KEPT, Transaction, Written, send, transaction, write_account,
};
