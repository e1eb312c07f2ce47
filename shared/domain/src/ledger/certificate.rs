//! Certificates of persons, by level (M25, M27), and how many persons hold one.

use std::collections::BTreeMap;

use event::Gather;
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
#[serde(from = "StoredDays", into = "StoredDays")]
pub struct Days {
    /// For ever.
    ever: i64,
    /// Until the end of a day in UTC.
    until: BTreeMap<Date, i64>,
    /// Of those, who holds one of at least a level: each person once, by the one that lasts longest (M25).
    at_least: BTreeMap<u16, Days>,
}

/// The same as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredDays {
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    ever: i64,
    #[serde(rename = "u", default, skip_serializing_if = "BTreeMap::is_empty", with = "runs")]
    until: BTreeMap<Date, i64>,
    /// None: as of the level below, or as of all where there is none below.
    #[serde(rename = "l", default, skip_serializing_if = "BTreeMap::is_empty")]
    at_least: BTreeMap<u16, Option<StoredDays>>,
}

impl From<Days> for StoredDays {
    fn from(Days { ever, until, at_least }: Days) -> Self {
        let mut below = (ever, until.clone());
        let level = |(level, of): (u16, Days)| {
            let same = (of.ever, &of.until) == (below.0, &below.1);
            below = (of.ever, of.until.clone());
            (level, (!same).then(|| of.into()))
        };
        let at_least = at_least.into_iter().map(level).gather();
        Self { ever, until, at_least }
    }
}

impl From<StoredDays> for Days {
    fn from(StoredDays { ever, until, at_least }: StoredDays) -> Self {
        let mut below = Self { ever, until: until.clone(), at_least: BTreeMap::new() };
        let level = |(level, of): (u16, Option<StoredDays>)| {
            if let Some(of) = of {
                below = of.into();
            }
            (level, below.clone())
        };
        let at_least = at_least.into_iter().map(level).gather();
        Self { ever, until, at_least }
    }
}

/// Counts by day as runs, so that a day costs little more than its count: `2028-03-01 12,,3` is 12 of the first and 3 of the third; a
/// new run starts after a long gap.
mod runs {
    use std::collections::BTreeMap;

    use jiff::Span;
    use jiff::civil::Date;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    /// Longest gap in a run, in days: a new one costs as much.
    const GAP_MAX: i32 = 11;

    pub(super) fn serialize<S: Serializer>(days: &BTreeMap<Date, i64>, to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        let mut last: Option<Date> = None;
        for (day, count) in days {
            let gap = last.and_then(|last| last.until(*day).ok()).map(|span| span.get_days());
            match gap.filter(|gap| *gap <= GAP_MAX) {
                Some(gap) => (0..gap).for_each(|_| text.push(',')),
                None => {
                    text.push_str(if last.is_some() { ";" } else { "" });
                    text.extend([&*day.to_string(), " "]);
                }
            }
            text.push_str(&count.to_string());
            last = Some(*day);
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Date, i64>, D::Error> {
        let text = String::deserialize(from)?;
        let bad = || D::Error::custom(format!("`{text}` are no counts by day"));
        let mut days = BTreeMap::new();
        for run in text.split(';').filter(|run| !run.is_empty()) {
            let (first, counts) = run.split_once(' ').ok_or_else(bad)?;
            let first: Date = first.parse().map_err(|_| bad())?;
            for (after, count) in (0_i64..).zip(counts.split(',')).filter(|(_, count)| !count.is_empty()) {
                let day = first.checked_add(Span::new().days(after)).map_err(|_| bad())?;
                days.insert(day, count.parse().map_err(|_| bad())?);
            }
        }
        Ok(days)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_they_were_written() {
        let mut seed = 7_u32;
        for many in [0, 1, 2, 40, 400] {
            let mut days = Days::default();
            let mut day = jiff::civil::date(2026, 2, 20);
            for _ in 0..many {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                day = day.saturating_add(jiff::Span::new().days(1 + i64::from(seed >> 28)));
                days.until.insert(day, i64::from(seed >> 20 & 255) + 1);
            }
            let (same, mut fewer) = (days.clone(), days.clone());
            fewer.until.pop_first();
            fewer.ever = i64::from(many);
            for levels in
                [vec![(101, &same)], vec![(101, &fewer), (201, &fewer)], vec![(201, &same), (301, &fewer)], vec![]]
            {
                days.at_least = levels.into_iter().map(|(level, of)| (level, of.clone())).collect();
                let text = serde_json::to_string(&days).expect("JSON");
                assert_eq!(serde_json::from_str::<Days>(&text).expect("counts"), days, "{text}");
            }
        }
        for bad in ["2026-02-30 1", "1", "2026-02-20 x", "2026-02-20 1;2"] {
            assert!(serde_json::from_str::<Days>(&format!(r#"{{"u":"{bad}"}}"#)).is_err(), "{bad}");
        }
    }
}
