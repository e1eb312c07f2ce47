//! What an event is: its identity, its form, what happened. The leaf that everything else stands on.
//!
//! No async, no AWS type, no clock, no randomness, no float.

pub mod catalogue;
mod envelope;
mod gather;
pub mod ids;
pub mod json;
pub mod money;
pub mod payout;
pub mod period;
mod planted;
mod rejection;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod time;
mod types;

pub use envelope::{
    BODY_BYTES_MAX, Event, Meaning, MeaningHash, OwnTypes, Unreadable, body_hash, is_json, steady_hash,
};
pub use gather::{Gather, Gathered};
pub use planted::planted;
#[cfg(feature = "planted")]
pub use planted::{fired, plant};
pub use rejection::{Code, Rejection};
pub use types::{
    DealOutcome, Document, FACT_CHARS_MAX, FACT_NAME_CHARS_MAX, FACTS_MAX, Form, Influence, Kind, Level, PartnerFacts,
    ProjectOutcome, ReleaseReason, RevenueLine, TENOR_MONTHS, TEXT_CHARS_MAX, Whole,
};
pub use types::{
    Declared, OWN_FIELDS_MAX, OWN_NAME_CHARS_MAX, OWN_NUMBER_MAX, Own, OwnField, OwnForm, OwnType, names_person,
    no_own_name,
};
pub use types::{attested, target};
