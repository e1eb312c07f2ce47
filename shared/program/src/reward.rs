//! The reward catalogue (M38) and its gates (M28).

use std::fmt;

use event::Level;
use event::ids::{CertificationId, CourseId, RewardId, TierId};

use crate::cap::Cap;

/// Declares every provider once, with its word in the file.
macro_rules! providers {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// Who delivers a reward.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Provider {
            $($(#[$doc])* $name,)*
        }

        impl Provider {
            /// All of them.
            pub const ALL: &[Self] = &[$(Provider::$name),*];

            /// Their words, in the same order.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word in the file.
            pub fn word(self) -> &'static str {
                match self {
                    $(Provider::$name => $word,)*
                }
            }
        }
    };
}

providers! {
    /// The pool of voucher cards that staff load.
    Vouchers "vouchers",
}

/// A reward of the catalogue (M38).
#[derive(Clone, Debug)]
pub struct Reward {
    /// Its id.
    pub id: RewardId,
    /// Its name for partners.
    pub name: String,
    /// Its price in points, above zero.
    pub points: i64,
    /// Who delivers it.
    pub provider: Provider,
    /// How often a partner may have it.
    pub at_most: Vec<Cap>,
    /// Its gates, in the order they are looked at (M28).
    pub gates: Vec<Gate>,
    /// No longer redeemable.
    pub retired: bool,
}

/// What a partner must have before a reward is redeemable (M28).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// A valid certificate of some person, of any level, or of one or above.
    Certification(CertificationId, Option<Level>),
    /// A completed course of some person.
    Course(CourseId),
    /// A tier of at least this tier's rank, in a ladder that has it.
    Tier(TierId),
    /// The agreement accepted last is one of these versions (M43).
    Agreement(Vec<String>),
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gate::Certification(id, None) => write!(f, "certification {id}"),
            Gate::Certification(id, Some(level)) => write!(f, "certification {id} at level {} or above", level.get()),
            Gate::Course(id) => write!(f, "course {id}"),
            Gate::Tier(id) => write!(f, "tier {id}"),
            Gate::Agreement(versions) => write!(f, "agreement {}", versions.join(" or ")),
        }
    }
}
