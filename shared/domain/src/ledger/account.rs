//! The account: what a partner's records add up to. A cache of the fold, never a source (I10).

use std::collections::BTreeMap;

use event::ids::{CertificationId, CourseId, Motion, PersonId, TierId};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::balance::{Balance, Frequency, Measures, Pending, Status};
use super::effect::{Effect, FrequencyKey};
use super::posting::{Bucket, Posting, never};
use super::record::Record;

/// How long measures are kept, in months, whatever today's program asks.
pub const MEASURE_MONTHS_KEPT: i32 = 36;

/// Why records do not add up. A stored account that says so is broken, never repaired in passing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A bucket would hold less than nothing (I5).
    #[error("{points} points are to leave {bucket}, which holds {held}")]
    Overdrawn {
        /// The bucket.
        bucket: Bucket,
        /// What was to leave.
        points: i64,
        /// What it holds.
        held: i64,
    },
    /// Positions are not dense (I9).
    #[error("record {found} follows record {last}")]
    Gap {
        /// The account's last position.
        last: u64,
        /// The record's.
        found: u64,
    },
    /// A decision would change an item that was not loaded.
    #[error("an item to be changed was not loaded")]
    NotLoaded,
    /// A sum does not fit 64 bits.
    #[error("a sum does not fit")]
    Overflow,
}

/// Where a partner stands on one ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The tier held.
    pub tier: TierId,
    /// Since this day.
    pub since: Date,
    /// The next review; none if the tier is never lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_review: Option<Date>,
    /// Warned: lost at the first review from this day on, unless it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demotes_on: Option<Date>,
}

/// The head item: small, written with every decision, its position is the version everything is conditioned on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last record's position; 0 before the first.
    pub position: u64,
    /// When the last decision was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Whether the partner takes part.
    pub status: Status,
    /// Spendable points by the month at whose end they expire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lots: BTreeMap<Month, i64>,
    /// Points earned and not yet released.
    pub pending: i64,
    /// Points set aside, by the lot they came from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reserved: BTreeMap<Month, i64>,
    /// Points owed.
    pub owed: i64,
    /// Standing by motion.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<Motion, Standing>,
    /// Used caps of the partner, of periods that can still be booked in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<String, i64>,
}

/// Facts about a partner, written when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The motions it takes part in.
    pub motions: Vec<Motion>,
    /// Its territory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// Its time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The agreement version last accepted (M43).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Courses completed by anybody, with the first day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub courses: BTreeMap<CourseId, Date>,
    /// Certificates by certification and person, with the end of validity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<CertificationId, BTreeMap<PersonId, Option<Timestamp>>>,
}

/// Everything that belongs to one partner alone. Parts that were not loaded are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The head item.
    pub head: Head,
    /// The facts.
    pub profile: Profile,
    /// Held points.
    pub pending: Pending,
    /// Measures by calendar year.
    pub measures: BTreeMap<i16, Measures>,
    /// Frequency counts.
    pub frequency: BTreeMap<FrequencyKey, Frequency>,
}

impl Account {
    /// Whether the partner was ever enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.head.status != Status::Unknown
    }

    /// The four sums.
    pub fn balance(&self) -> Balance {
        Balance {
            available: self.head.lots.values().sum(),
            pending: self.head.pending,
            reserved: self.head.reserved.values().sum(),
            owed: self.head.owed,
        }
    }

    /// The next day on which something becomes due by itself: a release, an expiry, a review.
    pub fn due(&self) -> Option<Date> {
        let releases = self.pending.keys().filter_map(|key| pending_parts(key)).map(|(day, _)| day);
        let expiries = self.head.lots.keys().filter(|lot| **lot < never()).map(|lot| lot.plus(1).first_day());
        let reviews = self.head.tiers.values().filter_map(|standing| standing.next_review);
        releases.chain(expiries).chain(reviews).min()
    }

    /// Adds one record. The only way an account ever changes.
    ///
    /// # Errors
    /// [`FoldError::Gap`], [`FoldError::Overdrawn`], [`FoldError::Overflow`]: the record does not fit this account.
    pub fn apply(&mut self, record: &Record) -> Result<(), FoldError> {
        if record.position != self.head.position + 1 {
            return Err(FoldError::Gap { last: self.head.position, found: record.position });
        }
        for posting in &record.postings {
            self.post(posting)?;
        }
        for effect in &record.effects {
            self.take_effect(effect)?;
        }
        self.close_record(record);
        Ok(())
    }

    /// What every record does once its postings and effects are in.
    pub(crate) fn close_record(&mut self, record: &Record) {
        self.head.position = record.position;
        self.head.as_of = self.head.as_of.max(Some(record.decided_at));
        self.forget_closed(record.open_from);
    }

    /// Moves points between buckets.
    pub(crate) fn post(&mut self, posting: &Posting) -> Result<(), FoldError> {
        self.add(posting.from, -posting.points)?;
        self.add(posting.to, posting.points)
    }

    fn add(&mut self, bucket: Bucket, points: i64) -> Result<(), FoldError> {
        match bucket {
            Bucket::Program => Ok(()),
            // Points that leave `owed` increase the debt, points that enter pay it.
            Bucket::Owed => add_to(&mut self.head.owed, -points, bucket),
            Bucket::Available(lot) => add_in(&mut self.head.lots, &lot, points, bucket),
            Bucket::Reserved(lot) => add_in(&mut self.head.reserved, &lot, points, bucket),
            Bucket::Pending { release, lot } => {
                add_to(&mut self.head.pending, points, bucket)?;
                add_in(&mut self.pending, &format!("{release}/{lot}"), points, bucket)
            }
        }
    }

    pub(crate) fn take_effect(&mut self, effect: &Effect) -> Result<(), FoldError> {
        match effect {
            Effect::Enrolled { motions, territory, timezone } => {
                self.profile.motions.clone_from(motions);
                self.profile.territory.clone_from(territory);
                self.profile.timezone.clone_from(timezone);
            }
            Effect::Status(status) => self.head.status = *status,
            Effect::Agreement(version) => self.profile.agreement = Some(version.clone()),
            Effect::Course { id, on } => {
                self.profile.courses.entry(id.clone()).or_insert(*on);
            }
            Effect::Certified { id, person, until } => {
                self.profile.certificates.entry(id.clone()).or_default().insert(person.clone(), *until);
            }
            Effect::Registrant { .. } => {}
            Effect::Decertified { id, person } => self.decertify(id, person),
            Effect::Measure { motion, month, measure, by } => self.measure(motion, *month, *measure, *by)?,
            Effect::Count { key, by } => count(&mut self.head.caps, key, *by)?,
            Effect::Frequency { item, key, by } => count(self.frequency.entry(item.clone()).or_default(), key, *by)?,
            Effect::Tier { motion, to, on, next_review, .. } => {
                let standing = Standing { tier: to.clone(), since: *on, next_review: *next_review, demotes_on: None };
                self.head.tiers.insert(motion.clone(), standing);
            }
            Effect::Reviewed { motion, next_review, demotes_on } => {
                if let Some(standing) = self.head.tiers.get_mut(motion) {
                    standing.next_review = *next_review;
                    standing.demotes_on = *demotes_on;
                }
            }
        }
        Ok(())
    }

    fn decertify(&mut self, id: &str, person: &str) {
        if let Some(holders) = self.profile.certificates.get_mut(id) {
            holders.remove(person);
            if holders.is_empty() {
                self.profile.certificates.remove(id);
            }
        }
    }

    fn measure(&mut self, motion: &Motion, month: Month, measure: Measure, by: Decimal) -> Result<(), FoldError> {
        let year = self.measures.entry(month.year()).or_default();
        let cells = year.entry(motion.clone()).or_default();
        let cell = cells.entry(measure_cell(month, measure)).or_insert(Decimal::ZERO);
        *cell = cell.checked_add(by).ok_or(FoldError::Overflow)?.normalize();
        Ok(())
    }

    /// A measure's sum from `first` to `last`, both included.
    pub fn measured(&self, motion: &str, measure: Measure, first: Month, last: Month) -> Decimal {
        let mut sum = Decimal::ZERO;
        let mut month = first;
        while month <= last {
            let cells = self.measures.get(&month.year()).and_then(|year| year.get(motion));
            let cell = cells.and_then(|cells| cells.get(&measure_cell(month, measure)));
            sum = sum.saturating_add(cell.copied().unwrap_or_default());
            month = month.plus(1);
        }
        sum
    }

    /// How many certificates are valid at `at` (M27).
    pub fn certificates(&self, at: Timestamp) -> usize {
        self.profile
            .certificates
            .values()
            .flat_map(BTreeMap::values)
            .filter(|until| until.is_none_or(|u| u > at))
            .count()
    }

    /// Whether anybody holds a certificate valid at `at`.
    pub fn is_certified(&self, id: &str, at: Timestamp) -> bool {
        let holders = self.profile.certificates.get(id);
        holders.is_some_and(|holders| holders.values().any(|until| until.is_none_or(|u| u > at)))
    }

    /// Drops caps of months, weeks and days that can no longer be booked in, so that the head stays small.
    fn forget_closed(&mut self, open_from: Date) {
        let (day, month) = (open_from.to_string(), Month::of(open_from).to_string());
        let week = open_from.iso_week_date();
        let week = format!("{:04}-W{:02}", week.year(), week.week());
        let year = i32::from(open_from.year());
        self.head.caps.retain(|key, _| {
            let period = key.rsplit('|').next().unwrap_or_default();
            match period.len() {
                10 => *period >= *day,
                7 if !period.contains('Q') => *period >= *month,
                // Quarters and years are few; a fiscal year is named by the year it starts in.
                7 => period[..4].parse::<i32>().is_ok_and(|y| y >= year - 1),
                8 => *period >= *week,
                4 if period != "ever" => period.parse::<i32>().is_ok_and(|y| y >= year - 1),
                _ => true,
            }
        });
    }
}

fn measure_cell(month: Month, measure: Measure) -> String {
    format!("{:02}.{}", month.number(), measure.word())
}

/// The parts of a [`Pending`] key.
pub(crate) fn pending_parts(key: &str) -> Option<(Date, Month)> {
    let (day, lot) = key.split_once('/')?;
    Some((day.parse().ok()?, Month::try_from(lot.to_owned()).ok()?))
}

fn count(counts: &mut BTreeMap<String, i64>, key: &str, by: i64) -> Result<(), FoldError> {
    let used = counts.entry(key.to_owned()).or_default();
    *used = used.checked_add(by).ok_or(FoldError::Overflow)?;
    Ok(())
}

fn add_to(held: &mut i64, points: i64, bucket: Bucket) -> Result<(), FoldError> {
    let sum = held.checked_add(points).ok_or(FoldError::Overflow)?;
    if sum < 0 {
        return Err(FoldError::Overdrawn { bucket, points: points.saturating_neg(), held: *held });
    }
    *held = sum;
    Ok(())
}

/// Adds in a map of buckets; an empty bucket is forgotten.
fn add_in<K: Ord + Clone>(map: &mut BTreeMap<K, i64>, key: &K, points: i64, bucket: Bucket) -> Result<(), FoldError> {
    let held = map.entry(key.clone()).or_default();
    let result = add_to(held, points, bucket);
    if *held == 0 {
        map.remove(key);
    }
    result
}
