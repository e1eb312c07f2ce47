//! What is counted of a cap: named by what the cap says, not by its place or its limit (M40).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use event::ids::{Label, Name, RewardId, RuleId};
use event::period::Period;
use event::steady_hash;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a cap is a cap of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapOf {
    /// A rule's award.
    Rule(RuleId),
    /// A reward's redemption.
    Reward(RewardId),
    /// The slots of a benefit (M22).
    Benefit(Name),
}

/// Before a reward's id; a rule's id stands alone, its colons escaped.
const REWARD: &str = "reward:";
/// Before a benefit's id.
const BENEFIT: &str = "benefit:";

impl fmt::Display for CapOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |id: &str| id.replace('%', "%25").replace(':', "%3A");
        match self {
            CapOf::Rule(id) => f.write_str(&escape(id)),
            CapOf::Reward(id) => write!(f, "{REWARD}{}", escape(id)),
            CapOf::Benefit(id) => write!(f, "{BENEFIT}{}", escape(id)),
        }
    }
}

impl FromStr for CapOf {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unescape = |id: &str| id.replace("%3A", ":").replace("%25", "%");
        let bad = |_| format!("`{text}` is no rule, no reward and no benefit");
        if let Some(id) = text.strip_prefix(BENEFIT) {
            return Name::try_from(unescape(id)).map(CapOf::Benefit).map_err(bad);
        }
        match text.strip_prefix(REWARD) {
            Some(id) => RewardId::try_from(unescape(id)).map(CapOf::Reward).map_err(bad),
            None => RuleId::try_from(unescape(text)).map(CapOf::Rule).map_err(bad),
        }
    }
}

/// A count of a cap in one period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CapKey {
    /// The rule or the reward.
    pub of: CapOf,
    /// What it counts and by what it splits, as in `points per partner`.
    pub says: Label,
    /// The period it counts in.
    pub period: Period,
    /// The person's pseudonym, the team or the territory; empty for the partner's own.
    pub who: Label,
    /// The value it is split by; empty where it is not split.
    pub value: Label,
}

/// Which item a count stands in: one per person (or none) and period, of minutes one for their hour. What is split by a value is
/// spread over buckets, so that items stay small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrequencyKey {
    /// The period it counts in: first, so that what is counted now stands together.
    pub period: Period,
    /// The person's pseudonym, the team or the territory; `partner` for the partner's own, empty for the partner's own that is split by a
    /// value.
    pub who: Label,
    /// The bucket, by the value; 0 for what is not split by one.
    pub bucket: u8,
}

/// Used caps. There are as many as persons, contents and weeks: each is found by its item, and takes no more room than it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frequency {
    /// The partner's own, split by nothing: few, and looked at with most that a partner does.
    own: BTreeMap<FrequencyKey, Counts>,
    beside: BTreeMap<FrequencyKey, Counts>,
}

/// Used caps of one item, in the order of their keys.
type Counts = Vec<(CapKey, i64)>;

impl Frequency {
    /// What is counted in an item.
    pub(crate) fn counts(&self, item: &FrequencyKey) -> &[(CapKey, i64)] {
        let counts = if item.is_own() { self.own.get(item) } else { self.beside.get(item) };
        counts.map_or(&[], Vec::as_slice)
    }

    /// How much of a cap is used.
    pub(crate) fn used(&self, key: &CapKey, item: &FrequencyKey) -> i64 {
        let counts = self.counts(item);
        counts.binary_search_by(|(of, _)| of.cmp(key)).map_or(0, |at| counts[at].1)
    }

    fn count(&mut self, key: CapKey) -> &mut i64 {
        let item = key.item();
        let counts =
            if item.is_own() { self.own.entry(item).or_default() } else { self.beside.entry(item).or_default() };
        let at = counts.binary_search_by(|(of, _)| of.cmp(&key)).unwrap_or_else(|at| {
            if counts.is_empty() {
                // Most items hold one for ever.
                counts.reserve_exact(1);
            }
            counts.insert(at, (key, 0));
            at
        });
        &mut counts[at].1
    }

    /// Uses a cap, or gives of it back. `None`, and nothing counted, where the sum does not fit.
    pub(crate) fn add(&mut self, key: CapKey, by: i64) -> Option<()> {
        let used = self.count(key);
        *used = used.checked_add(by)?;
        Some(())
    }

    /// Takes over how much of a cap is used.
    pub fn set(&mut self, key: CapKey, used: i64) {
        *self.count(key) = used;
    }

    /// Items that count by weeks or what is longer: the partner's own, or the others.
    pub(crate) fn longer(&self, own: bool) -> impl Iterator<Item = &FrequencyKey> {
        let items = if own { &self.own } else { &self.beside };
        items.range(FrequencyKey::first(FIRST_WEEK)..).map(|(item, _)| item)
    }

    /// Items that count by days or what is shorter, of days after `day`; of all where there is none.
    pub(crate) fn days_after(&self, day: Option<Date>) -> impl Iterator<Item = &FrequencyKey> {
        let first = day.map_or(Some(Date::MIN), |day| day.tomorrow().ok());
        let hour = day.map_or(Some(Period::Hour(i32::MIN)), |_| first.and_then(Period::first_hour));
        let hours = hour.map(|hour| FrequencyKey::first(hour)..FrequencyKey::first(Period::Day(Date::MIN)));
        let days = first.map(|day| FrequencyKey::first(Period::Day(day))..FrequencyKey::first(FIRST_WEEK));
        let spans = hours.into_iter().chain(days);
        spans.flat_map(|span| self.own.range(span.clone()).chain(self.beside.range(span))).map(|(item, _)| item)
    }

    /// Forgets all items that are not to be kept.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(&FrequencyKey) -> bool) {
        self.own.retain(|item, _| keeps(item));
        self.beside.retain(|item, _| keeps(item));
    }

    /// Every cap that was ever used, and how much of it is.
    pub fn iter(&self) -> impl Iterator<Item = &(CapKey, i64)> {
        self.own.values().chain(self.beside.values()).flatten()
    }
}

/// Before all weeks, and what is longer; behind all days.
const FIRST_WEEK: Period = Period::Week(i16::MIN, i8::MIN);

/// How long counts are kept after their period, in days. What is rated again later than that gives nothing new.
const DAYS_KEPT: i64 = 500;

impl FrequencyKey {
    /// The first day on which its counts are of no use to anybody; none if they never start anew.
    pub fn drops_on(&self) -> Option<Date> {
        drops_on(self.period)
    }

    /// The day it counts in, where it counts by days or what is shorter.
    pub(super) fn day(&self) -> Option<Date> {
        if self.period < FIRST_WEEK { self.period.last_day() } else { None }
    }

    /// The first of all of a period.
    fn first(period: Period) -> Self {
        Self { period, who: Label::default(), bucket: 0 }
    }

    /// Whether it is the partner's own, split by nothing.
    pub(super) fn is_own(&self) -> bool {
        &*self.who == OWN
    }
}

/// Who the counts of the partner's own are of.
const OWN: &str = "partner";
static OWN_LABEL: LazyLock<Label> = LazyLock::new(|| OWN.into());

fn drops_on(period: Period) -> Option<Date> {
    period.last_day()?.checked_add(Span::new().days(DAYS_KEPT)).ok()
}

impl CapKey {
    /// The item it stands in, or would stand in.
    pub fn item(&self) -> FrequencyKey {
        let hash = steady_hash(self.value.bytes()).to_le_bytes()[0];
        // What is split by a value is spread, the more the longer it counts, so that ten thousand values leave items small.
        let bucket = match self.period {
            _ if self.value.is_empty() => 0,
            Period::Minute(_) | Period::Hour(_) | Period::Day(_) | Period::Week(..) | Period::Month(_) => hash % 16,
            Period::Quarter(_) | Period::Year(_) | Period::Ever => hash,
        };
        let own = self.who.is_empty() && self.value.is_empty();
        let who = if own { OWN_LABEL.clone() } else { self.who.clone() };
        FrequencyKey { who, period: self.period.whole_hour(), bucket }
    }

    /// Whether what it counted is forgotten by `day`: nobody can say how much of it is used.
    pub fn is_forgotten(&self, day: Option<Date>) -> bool {
        let Some((last, day)) = self.period.last_day().zip(day) else { return false };
        last < day && drops_on(self.period).is_some_and(|drops| drops <= day)
    }
}

impl fmt::Display for CapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |part: &str| part.replace('%', "%25").replace('|', "%7C");
        write!(f, "{}|{}|{}", escape(&self.of.to_string()), escape(&self.says), self.period)?;
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
        Ok(Self {
            of: part(0).parse()?,
            says: part(1).into(),
            period: Period::try_from(part(2))?,
            who: part(3).into(),
            value: part(4).into(),
        })
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
            let key = FrequencyKey { who: Label::default(), period, bucket: 0 };
            key.drops_on().map(|day| day.to_string())
        };
        for (period, day) in [
            ("2026-03-14", "2027-07-27"),
            ("2026-W11", "2027-07-28"),
            ("2026-03", "2027-08-13"),
            ("2026-01..2026-03", "2027-08-13"),
            ("2026-01..2026-12", "2028-05-14"),
        ] {
            assert_eq!(drops(period).as_deref(), Some(day), "{period}");
        }
        assert_eq!(drops("ever"), None);
    }

    #[test]
    fn a_key_reads_as_it_was_written() {
        for (who, value) in [("", ""), ("person-1", ""), ("", "D|1%"), ("team a", "c")] {
            let part = |text: &str| text.into();
            let key = CapKey {
                of: CapOf::Rule("a|b:%".try_into().expect("a rule")),
                says: part("points per partner"),
                period: Period::Month(Month::of(jiff::civil::date(2026, 3, 1))),
                who: part(who),
                value: part(value),
            };
            assert_eq!(CapKey::try_from(key.to_string()), Ok(key));
        }
        assert!(CapKey::try_from("a|b".to_owned()).is_err());
    }

    #[test]
    fn a_rule_named_as_a_reward_is_none() {
        let (rule, reward) = ("reward:card".try_into().expect("a rule"), "card".try_into().expect("a reward"));
        let (rule, reward) = (CapOf::Rule(rule), CapOf::Reward(reward));
        assert_ne!(rule.to_string(), reward.to_string());
        let benefit = CapOf::Benefit("a%:slot".try_into().expect("a benefit"));
        for of in [rule, reward, benefit] {
            assert_eq!(of.to_string().parse(), Ok(of));
        }
    }

    /// Items are stored under these names.
    #[test]
    fn a_count_stands_in_the_item_of_its_value() {
        let bucket = |period: &str, value: &str| {
            let key = CapKey {
                of: CapOf::Rule("reading".try_into().expect("a rule")),
                says: "times per partner per course".into(),
                period: Period::try_from(period.to_owned()).expect("a period"),
                who: Label::default(),
                value: value.into(),
            };
            key.item().bucket
        };
        let buckets = |period: &str| ["", "course-1", "course-2"].map(|value| bucket(period, value));
        for period in ["2026-03-14", "2026-W11", "2026-03"] {
            assert_eq!(buckets(period), [0, 10, 7], "{period}");
        }
        for period in ["2026-01..2026-03", "2026-01..2026-12", "ever"] {
            assert_eq!(buckets(period), [0, 58, 167], "{period}");
        }
    }
}
