//! The ledger: records, what they move and change, and the account they add up to.
//!
//! Postings and effects are all an account is made of (I10).

mod account;
mod balance;
mod effect;
mod outcome;
mod posting;
mod reason;
mod record;

pub(crate) use account::pending_parts;
pub use account::{Account, FoldError, Head, MEASURE_MONTHS_KEPT, Profile, Standing};
pub use balance::{Balance, Frequency, Measures, Pending, Status};
pub use effect::{Effect, FrequencyKey};
pub use outcome::{Outcome, Reply};
pub use posting::{Bucket, Posting, PostingKind, never};
pub use reason::{Reason, Trial, Verdict};
pub use record::{EDITION, Record};
