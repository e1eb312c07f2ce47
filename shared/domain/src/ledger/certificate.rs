//! Certificates of persons, by level (M25, M27), and how many persons hold one.

use std::collections::BTreeMap;

use event::Level;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Stamp};
use super::reason::is_zero;

/// Whether a certificate is held. What lasts longer is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// No longer.
    Lost,
    /// Until then.
    Until(Timestamp),
    /// For ever.
    Held,
}

/// The number of a level as it is stored; that of a certificate without one.
const NO_LEVEL: u16 = 0;

/// The certificates of one person of one certification: each level is said by itself, by what was said of it last. What is lost stays as
/// a fact, so that an older grant that comes late does not bring it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// By the number of the level; 0 of what has none.
    #[serde(rename = "f", default, skip_serializing_if = "BTreeMap::is_empty")]
    levels: BTreeMap<u16, Fact<Validity>>,
    /// When it was last said that none of them is held any more.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    ended: Option<Stamp>,
}

impl Certificates {
    /// Takes over a grant. False if a later event said otherwise of that level.
    pub(super) fn grant(&mut self, level: Option<Level>, validity: Validity, since: Stamp) -> bool {
        let level = level.map_or(NO_LEVEL, level_number);
        let mut slot = self.levels.remove(&level);
        let newer = Fact::learn(&mut slot, validity, since);
        self.levels.extend(slot.map(|fact| (level, fact)));
        newer && self.ended.is_none_or(|ended| ended <= since)
    }

    /// Takes over the end of one level, or of all. False if a later event granted all of it again.
    pub(super) fn end(&mut self, level: Option<Level>, since: Stamp) -> bool {
        if level.is_some() {
            return self.grant(level, Validity::Lost, since);
        }
        let newer = self.levels.is_empty() || self.levels.values().any(|fact| fact.since <= since);
        self.ended = self.ended.max(Some(since));
        newer
    }

    /// How long the person holds one of at least this level.
    pub(super) fn validity(&self, least: u16) -> Validity {
        let counts = |fact: &&Fact<Validity>| self.ended.is_none_or(|ended| fact.since > ended);
        let valid = self.levels.range(least..).map(|(_, fact)| fact).filter(counts);
        valid.map(|fact| fact.value).max().unwrap_or(Validity::Lost)
    }
}

/// How many persons hold a certificate, by the last day they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// For ever.
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    ever: i64,
    /// Until the end of a day in UTC.
    #[serde(rename = "u", default, skip_serializing_if = "BTreeMap::is_empty")]
    until: BTreeMap<Date, i64>,
    /// Of those, who holds one of at least a level: each person once, by the one that lasts longest (M25).
    #[serde(rename = "l", default, skip_serializing_if = "BTreeMap::is_empty")]
    at_least: BTreeMap<u16, Days>,
}

impl Days {
    /// Counts a person's certificates of a certification, or no longer; `levelled` where levels are told apart.
    pub(super) fn count(&mut self, certificates: &Certificates, by: i64, levelled: bool) {
        self.add(certificates.validity(NO_LEVEL), by);
        for least in Level::each().map(level_number).filter(|_| levelled) {
            let validity = certificates.validity(least);
            if validity == Validity::Lost {
                continue;
            }
            let of_level = self.at_least.entry(least).or_default();
            of_level.add(validity, by);
            if *of_level == Self::default() {
                self.at_least.remove(&least);
            }
        }
    }

    fn add(&mut self, validity: Validity, by: i64) {
        let until = match validity {
            Validity::Lost => return,
            Validity::Held => {
                self.ever += by;
                return;
            }
            Validity::Until(until) => until,
        };
        let last = until.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(until);
        let day = TimeZone::UTC.to_datetime(last).date();
        let count = self.until.entry(day).or_default();
        *count += by;
        if *count == 0 {
            self.until.remove(&day);
        }
    }

    /// How many are valid at `at`: of all, or of a level and those above.
    pub(super) fn valid(&self, least: Option<u16>, at: Timestamp) -> i64 {
        if let Some(least) = least {
            return self.at_least.get(&least).map_or(0, |of_level| of_level.valid(None, at));
        }
        let today = TimeZone::UTC.to_datetime(at).date();
        self.ever + self.until.range(today..).map(|(_, count)| count).sum::<i64>()
    }
}

/// A level as it is stored.
pub(super) fn level_number(level: Level) -> u16 {
    // There are three, far below the bound.
    u16::try_from(level.get()).unwrap_or(u16::MAX)
}
