//! What partners register deals for (M30, M31).

use event::ids::PartnerId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What partners register deals for (M30, M31).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Counts writes; every write is conditioned on it.
    pub version: u64,
    /// Who registered first and has it to itself.
    pub holder: PartnerId,
    /// The first day on which it is free again.
    pub until: Date,
    /// Everybody who registered it.
    pub registrants: Vec<PartnerId>,
}
