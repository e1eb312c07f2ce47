//! Writing: a decision as one transaction.

mod actions;
mod pools;
mod transaction;

pub(crate) use actions::{Condition, meaning_of, stock_names};
pub use transaction::{
    ACTIONS_MAX, BYTES_MAX, Check, Transaction, Written, empty, move_due, send, send_account, send_shared, transaction,
};
pub(crate) use transaction::{put_record, state_check};
