//! Awards that look like gaming: what each of them holds until a person or time releases it (M40).

use event::ids::{Label, Motion, RuleId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::balance::Release;

/// So many awards of a partner are held at once; what of more looks like gaming gives nothing until somebody has looked, or time.
pub const SUSPECTS_MAX: usize = 32;

/// What one rule gave one event, and is held for its looks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suspect {
    /// When it is released, and into which lot.
    #[serde(rename = "d")]
    pub release: Release,
    /// The event, by a hash of its identity.
    #[serde(rename = "e")]
    pub event: Label,
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// In which motion it counts once it is released.
    #[serde(rename = "o")]
    pub motion: Motion,
    /// The position of its record.
    #[serde(rename = "p")]
    pub position: u64,
    /// How many points.
    #[serde(rename = "n")]
    pub points: i64,
}

impl Suspect {
    /// Whether it is one that is asked for; none asks for all.
    pub fn is_of(&self, event: Option<&Label>) -> bool {
        event.is_none_or(|event| self.event == *event)
    }
}

/// Whether it is held on a day.
pub fn is_held(one: &Suspect, day: Date) -> bool {
    one.release.day > day
}
