//! What is counted of a cap: named by what the cap says, not by its place or its limit (M40).

use std::collections::BTreeMap;
use std::fmt;

use event::period::Period;
use event::steady_hash;
use jiff::Span;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};

/// A count of a cap in one period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CapKey {
    /// The rule, or `reward <id>`.
    pub of: String,
    /// What it counts and by what it splits, as in `points per partner`.
    pub says: String,
    /// The period it counts in.
    pub period: Period,
    /// The person's pseudonym or the team; empty for the partner's own.
    pub who: String,
    /// The value it is split by; empty where it is not split.
    pub value: String,
}

/// Which item a count stands in: one per person (or none) and period. What never starts anew and is split by a value only
/// grows: it is spread over buckets, so that items stay small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrequencyKey {
    /// The person's pseudonym or the team; empty for the partner's own.
    pub who: String,
    /// The period it counts in.
    pub period: Period,
    /// The bucket, by the value; 0 for what starts anew.
    pub bucket: u8,
}

/// Used caps of one item.
pub type Frequency = BTreeMap<CapKey, i64>;

/// Used caps of one item as they are stored, by rule, cap and `=` before the value, since a name may not be empty: what the
/// item's own key says is left out.
pub type StoredFrequency = BTreeMap<String, BTreeMap<String, BTreeMap<String, i64>>>;

/// How long counts are kept after their period: no period that can still be booked in is older (a year, and a quarter for
/// closing).
const DAYS_KEPT: i64 = 500;

impl FrequencyKey {
    /// The first day on which its counts are of no use to anybody; none if they never start anew.
    pub fn drops_on(&self) -> Option<Date> {
        let ended = match self.period {
            Period::Day(day) => day,
            Period::Week(year, week) => ISOWeekDate::new(year, week, Weekday::Sunday).ok()?.date(),
            Period::Month(month) => month.plus(1).first_day(),
            // A fiscal year is named by the year it starts in, and ends in the next.
            Period::Quarter(year, _) | Period::Year(year) => Date::new(year.checked_add(1)?, 12, 31).ok()?,
            Period::Ever => return None,
        };
        ended.checked_add(Span::new().days(DAYS_KEPT)).ok()
    }

    /// Counts as they are stored.
    pub fn store(counts: &Frequency) -> StoredFrequency {
        let mut stored = StoredFrequency::new();
        for (CapKey { of, says, value, .. }, used) in counts {
            let by_cap = stored.entry(of.clone()).or_default();
            by_cap.entry(says.clone()).or_default().insert(format!("={value}"), *used);
        }
        stored
    }

    /// Counts as they were stored in this item.
    pub fn read(&self, stored: StoredFrequency) -> Frequency {
        let by_cap = stored.into_iter().flat_map(|(of, caps)| caps.into_iter().map(move |cap| (of.clone(), cap)));
        let all = by_cap.flat_map(|(of, (says, values))| {
            let value = |value: String| value.strip_prefix('=').map(str::to_owned).unwrap_or(value);
            values.into_iter().map(move |(named, used)| (of.clone(), says.clone(), value(named), used))
        });
        let key = |of, says, value| CapKey { of, says, period: self.period, who: self.who.clone(), value };
        all.map(|(of, says, value, used)| (key(of, says, value), used)).collect()
    }
}

impl CapKey {
    /// The item it stands in; `None` for the head, which holds the partner's own counts by month, quarter and year: few
    /// periods are open at once.
    pub fn item(&self) -> Option<FrequencyKey> {
        let few = match self.period {
            Period::Month(_) | Period::Quarter(..) | Period::Year(_) => true,
            Period::Day(_) | Period::Week(..) | Period::Ever => false,
        };
        if self.who.is_empty() && self.value.is_empty() && few {
            return None;
        }
        let grows = self.period == Period::Ever && !self.value.is_empty();
        let bucket = if grows { steady_hash(self.value.bytes()).to_le_bytes()[0] } else { 0 };
        Some(FrequencyKey { who: self.who.clone(), period: self.period, bucket })
    }
}

impl fmt::Display for CapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |part: &str| part.replace('%', "%25").replace('|', "%7C");
        write!(f, "{}|{}|{}", escape(&self.of), escape(&self.says), self.period)?;
        if !self.who.is_empty() || !self.value.is_empty() {
            write!(f, "|{}", escape(&self.who))?;
        }
        if self.value.is_empty() { Ok(()) } else { write!(f, "|{}", escape(&self.value)) }
    }
}

impl From<CapKey> for String {
    fn from(key: CapKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for CapKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<String> = text.split('|').map(|part| part.replace("%7C", "|").replace("%25", "%")).collect();
        let part = |at: usize| parts.get(at).cloned().unwrap_or_default();
        if !(3..=5).contains(&parts.len()) {
            return Err(format!("`{text}` is no count of a cap"));
        }
        Ok(Self { of: part(0), says: part(1), period: Period::try_from(part(2))?, who: part(3), value: part(4) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::time::Month;

    #[test]
    fn counts_are_dropped_long_after_their_period() {
        let drops = |period: &str| {
            let period = Period::try_from(period.to_owned()).expect("a period");
            let key = FrequencyKey { who: String::new(), period, bucket: 0 };
            key.drops_on().map(|day| day.to_string())
        };
        for (period, day) in [
            ("2026-03-14", "2027-07-27"),
            ("2026-W11", "2027-07-28"),
            ("2026-03", "2027-08-14"),
            ("2026-Q1", "2029-05-14"),
            ("2026", "2029-05-14"),
        ] {
            assert_eq!(drops(period).as_deref(), Some(day), "{period}");
        }
        assert_eq!(drops("ever"), None);
    }

    #[test]
    fn a_key_reads_as_it_was_written() {
        for (who, value) in [("", ""), ("person-1", ""), ("", "D|1%"), ("team a", "c")] {
            let part = |text: &str| text.to_owned();
            let key = CapKey {
                of: part("a|b"),
                says: part("points per partner"),
                period: Period::Month(Month::of(jiff::civil::date(2026, 3, 1))),
                who: part(who),
                value: part(value),
            };
            assert_eq!(CapKey::try_from(key.to_string()), Ok(key));
        }
        assert!(CapKey::try_from("a|b".to_owned()).is_err());
    }
}
