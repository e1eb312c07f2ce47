//! Awards that look like gaming: what each of them holds until a person or time releases it (M40).

use event::MeaningHash;
use event::ids::{Identity, Label, Motion, RuleId};
use event::time::Month;
use jiff::civil::Date;
use program::Measure;
use serde::{Deserialize, Serialize};

use super::balance::Release;
use super::effect::Effect;
use super::record::Record;
use super::stored::{HASH_DIGITS, record_key};

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
    /// In which motion it was measured.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<Motion>,
    /// In which month.
    #[serde(rename = "m")]
    pub month: Month,
    /// The position of its record.
    #[serde(rename = "p")]
    pub position: u64,
    /// How many points.
    #[serde(rename = "n")]
    pub points: i64,
}

/// What an event is found by among them.
pub fn suspect_of(identity: &Identity) -> Label {
    MeaningHash::of(&record_key(identity)).to_string().get(..HASH_DIGITS).unwrap_or_default().into()
}

impl Suspect {
    /// Those of a record.
    fn of(record: &Record) -> impl Iterator<Item = Self> {
        let measured = record.effects.iter().find_map(|effect| match effect {
            Effect::Measured { motion, month, by } if by.contains_key(&Measure::Points) => {
                Some((motion.clone(), *month))
            }
            _ => None,
        });
        record.effects.iter().filter_map(move |effect| match effect {
            Effect::Suspected { rule, points, release, .. } => Some(Self {
                release: *release,
                event: suspect_of(&record.identity),
                rule: rule.clone(),
                motion: measured.as_ref().map(|(motion, _)| motion.clone()),
                month: measured.as_ref().map_or_else(|| Month::of(record.booked), |(_, month)| *month),
                position: record.position,
                points: *points,
            }),
            _ => None,
        })
    }

    /// Whether it is one that is asked for; none asks for all.
    pub fn is_of(&self, event: Option<&Label>) -> bool {
        event.is_none_or(|event| self.event == *event)
    }
}

/// Takes over what a record holds, and what it lets go: what time has released is held no more.
pub(super) fn fold(all: &mut Vec<Suspect>, record: &Record) {
    all.extend(Suspect::of(record));
    for effect in &record.effects {
        if let Effect::Cleared { event } = effect {
            all.retain(|one| !one.is_of(event.as_ref()));
        }
    }
    all.retain(|one| is_held(one, record.on));
    all.sort();
}

/// Whether it is held on a day.
pub fn is_held(one: &Suspect, day: Date) -> bool {
    one.release.day > day
}
