//! The ledger: records, what they move and change, and the account they add up to.
//!
//! Postings, effects and the events' own data are all an account is made of (I10).

mod account;
mod asset;
mod balance;
mod cap;
mod certificate;
mod effect;
mod exclusive;
mod fact;
mod fold;
mod outcome;
pub mod packed;
mod part;
mod pool;
mod posting;
mod profile;
mod reason;
mod record;
mod stored;
mod suspect;
mod suspect_fold;

pub(crate) use account::Used;
pub use account::{Account, Head, Measures, Membership, Reviewed, Standing};
pub use asset::Asset;
pub use balance::{Balance, Expired, FoldError, Funds, Pending, Release};
pub use cap::{CapKey, CapOf, Frequency, FrequencyKey};
pub use certificate::{Certificates, Days, Validity};
pub use effect::{Below, Effect, Errand};
pub use exclusive::{Exclusive, Scope};
pub use fact::{Fact, Stamp};
pub use outcome::{Outcome, Reply};
pub use part::Part;
pub use pool::{Pool, PoolBalance, PoolOf, PoolPart, Pools};
pub use posting::{Bucket, Posting, PostingKind, never, someday};
pub use profile::{ATTESTED_MAX, EXCLUSIVE_MAX, Ended, Facts, Milestone, Profile, TARGETS_MAX, TargetKey};
pub(crate) use reason::MISSING;
pub use reason::{Reason, Trial, Verdict};
pub(crate) use reason::{factor, is_zero};
pub use record::{EDITION, RECORD_FORM, Record, ReliedOn, VersionRef};
pub(crate) use stored::HASH_DIGITS;
pub use stored::{history_key, history_of, record_key};
pub use suspect::{SUSPECTS_MAX, Suspect, is_held};
pub use suspect_fold::suspect_of;
