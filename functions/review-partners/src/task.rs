//! What the queue `partner-reviews` holds.

use event::ids::{PartnerId, ProgramId};
use serde::{Deserialize, Serialize};
use store::tables::keys;

/// A message of the queue `partner-reviews`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Task {
    /// The rest of a sweep.
    Walk(Walk),
    /// A partner on whom something is due.
    Review(Review),
}

/// A partner on whom something is due.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) program: ProgramId,
    pub(crate) partner: PartnerId,
}

/// A part of a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "sweep", rename_all = "snake_case")]
pub(crate) enum Over {
    /// Accounts on which something is due, of one shard of the index.
    Due { program: ProgramId, shard: u32 },
    /// Events of a program that wait.
    Holds { program: ProgramId },
    /// Events that wait for their program, whichever that is.
    HoldsForPrograms,
    /// Redemptions that stand still.
    Standing { program: ProgramId },
}

/// A part of a sweep, from where it has come to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Walk {
    #[serde(flatten)]
    pub(crate) over: Over,
    pub(crate) from: Option<String>,
}

impl Over {
    pub(crate) fn program(&self) -> Option<&ProgramId> {
        match self {
            Over::Due { program, .. } | Over::Holds { program } | Over::Standing { program } => Some(program),
            Over::HoldsForPrograms => None,
        }
    }

    /// Every part of a program's.
    pub(crate) fn all(program: &ProgramId) -> Vec<Self> {
        let due = (0..keys::DUE_SHARDS).map(|shard| Over::Due { program: program.clone(), shard });
        due.chain([Over::Holds { program: program.clone() }, Over::Standing { program: program.clone() }]).collect()
    }
}
