//! The reward catalogue (M38) and its gates (M28).

use crate::cap::Cap;
use crate::ladder::TierId;

/// A reward of the catalogue (M38).
#[derive(Clone, Debug)]
pub struct Reward {
    /// Its id.
    pub id: String,
    /// Its name for partners.
    pub name: String,
    /// Its price in points, above zero.
    pub points: i64,
    /// How often a partner may have it.
    pub at_most: Vec<Cap>,
    /// Gates (M28).
    pub needs: Needs,
    /// No longer redeemable.
    pub retired: bool,
}

/// What a partner must have before a reward is redeemable (M28).
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// A tier of at least this tier's rank, in a ladder that has it.
    pub tier: Option<TierId>,
    /// A valid certificate of some person.
    pub certification: Option<String>,
    /// A completed course of some person.
    pub course: Option<String>,
}
