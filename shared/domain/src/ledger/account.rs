//! The account: what a partner's records add up to. A cache of the fold, never a source (I10).

use std::collections::{BTreeMap, BTreeSet};

use event::Level;
use event::ids::{CertificationId, CourseId, Motion, PersonId, TierId};
use event::period::TargetPeriod;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::asset::Asset;
use super::balance::{Balance, Expired, FoldError, Funds, Pending};
use super::cap::{CapKey, Frequency};
use super::certificate::{Certificates, Days, level_number};
use super::fact::{Fact, Stamp};
use super::part::{Edges, Known, Part};
use super::posting::{never, someday};
use super::profile::{Profile, TargetKey};

/// Whether a partner takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// Never enrolled.
    #[default]
    Unknown,
    /// It earns and redeems.
    Active,
    /// It never redeems; whether it earns is policy.
    Suspended,
    /// It left: it neither earns nor redeems.
    Offboarded,
}

/// A standing's last review, by the day as of which it was held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reviewed {
    /// There was none since the tier was entered.
    #[default]
    Never,
    /// It brought the partner down to this tier.
    Down(Date),
    /// The tier was kept, with a warning or without.
    Kept(Date),
}

/// Where a partner stands on one ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The tier held.
    pub tier: TierId,
    /// Since this day.
    pub since: Date,
    /// The review before. When the next one is follows from the ladder in force.
    #[serde(default)]
    pub reviewed: Reviewed,
    /// Warned: lost at the first review as of this day or later, unless it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demotes_on: Option<Date>,
    /// On the lowest tier: how many reviews in a row it has failed (M16).
    #[serde(default, skip_serializing_if = "is_kept")]
    pub below: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_kept(below: &u32) -> bool {
    *below == 0
}

/// The head: small, written with every decision, its position is the version everything is conditioned on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last record's position; 0 before the first.
    pub position: u64,
    /// When the last decision was made.
    pub as_of: Option<Timestamp>,
    /// The day of the last decision; never goes back, also where a version moves the time zone.
    pub day: Option<Date>,
    /// The latest enrolment by its own time.
    pub enrolled: Option<Stamp>,
    /// Whether it is suspended, as was said last by the events' own time.
    pub suspended: Option<Fact<bool>>,
    /// When it left last, by the events' own time.
    pub left: Option<Stamp>,
    /// What it has, by asset.
    pub funds: LiteMap<Asset, Funds>,
    /// Standing by motion.
    pub tiers: LiteMap<Motion, Standing>,
    /// The first open day; never goes back. Caps of periods that are closed leave the head.
    pub open_from: Option<Date>,
    /// How many sections have left the head for items of their own; never fewer.
    pub spilled: u8,
    /// The last day whose counts have left the head, as they did not fit; never goes back.
    pub days_left: Option<Date>,
}

/// One calendar quarter of measures: by motion, month (1 to 12) and measure.
pub type Measures = LiteMap<Motion, LiteMap<(i8, Measure), Decimal>>;

/// How much of a cap is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// So much.
    So(i64),
    /// Nobody can say: its period is long over and its count dropped.
    Forgotten,
}

/// Everything that belongs to one partner alone. Parts that were not read are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The head.
    pub head: Head,
    /// What the enrolment and the agreement say.
    pub profile: Profile,
    /// Courses completed by anybody, with the first day.
    pub courses: BTreeMap<CourseId, Date>,
    /// Certificates by person and certification. One that is no longer held stays as a fact, so that an older grant that comes late does not bring
    /// it back.
    pub holders: BTreeMap<PersonId, BTreeMap<CertificationId, Certificates>>,
    /// How many certificates are valid: of each certification, and of all.
    pub certified: BTreeMap<Option<CertificationId>, Days>,
    /// Held amounts.
    pub pending: BTreeMap<Asset, Pending>,
    /// What ran out unspent.
    pub expired: BTreeMap<Asset, Expired>,
    /// Measures by calendar quarter.
    pub measures: LiteMap<Month, Measures>,
    /// Used caps.
    pub frequency: Frequency,
    /// Which parts were read.
    pub(super) known: Known,
    /// When its ladders were looked at.
    pub(crate) looked: Looked,
}

/// By which version and in which month the ladders were looked at last, and what has moved since: where nothing has that a ladder
/// looks at, nobody is promoted. And by which version the next review was found, and its day. No part of what an account is: two
/// that differ in this only are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looked {
    at: Option<(u32, Month)>,
    since: Moved,
    review: Option<(u32, Option<Date>)>,
}

/// A set of measures.
#[derive(Clone, Copy, Debug, Default)]
struct Moved(u32);

impl Moved {
    /// Those of the vendor's own share one: that it moved says no more than that the ladders are to be looked at.
    fn bit(measure: Measure) -> u32 {
        let place = Measure::ALL.iter().position(|one| *one == measure).unwrap_or(Measure::ALL.len());
        1 << place
    }

    fn insert(&mut self, measure: Measure) {
        self.0 |= Self::bit(measure);
    }

    fn has(self, measure: Measure) -> bool {
        self.0 & Self::bit(measure) != 0
    }
}

impl Looked {
    /// Ladders must be looked at again, whatever moves: the partner stands elsewhere, or takes part in other motions.
    pub(super) fn forget(&mut self) {
        self.at = None;
        self.review = None;
    }

    /// Another review comes next.
    pub(super) fn reviewed(&mut self) {
        self.review = None;
    }

    /// The day of the next review by this version: as `find` says, where it is not known.
    pub(crate) fn next_review(&mut self, version: u32, find: impl FnOnce() -> Option<Date>) -> Option<Date> {
        match self.review {
            Some((by, day)) if by == version => day,
            _ => self.review.insert((version, find())).1,
        }
    }

    pub(super) fn moved(&mut self, measure: Measure) {
        if self.at.is_some() {
            self.since.insert(measure);
        }
    }

    /// Whether all of it was seen: by this version, in this month, and nothing of these measures has moved since.
    pub(crate) fn has_seen(&self, version: u32, month: Month, measures: &BTreeSet<Measure>) -> bool {
        self.at == Some((version, month)) && !measures.iter().any(|measure| self.since.has(*measure))
    }

    pub(crate) fn see(&mut self, version: u32, month: Month) {
        self.at = Some((version, month));
        self.since = Moved::default();
    }
}

impl PartialEq for Looked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Head {
    /// Whether the partner takes part. Enrolling lifts no suspension; whoever left is back with a later enrolment, and with
    /// nothing else, and a suspension of before is over then.
    pub fn membership(&self) -> Membership {
        let Some(enrolled) = self.enrolled else { return Membership::Unknown };
        if self.left.is_some_and(|left| left > enrolled) {
            return Membership::Offboarded;
        }
        let of_now = |fact: &&Fact<bool>| self.left.is_none_or(|left| fact.since > left);
        let suspended = self.suspended.as_ref().filter(of_now).is_some_and(|fact| fact.value);
        if suspended { Membership::Suspended } else { Membership::Active }
    }

    /// What there is of an asset, in sums.
    pub fn balance(&self, asset: Asset) -> Balance {
        self.funds.get(&asset).map(Funds::balance).unwrap_or_default()
    }

    /// What there is of an asset, by bucket.
    pub fn funds(&self, asset: Asset) -> &Funds {
        static NOTHING: Funds = Funds::nothing();
        self.funds.get(&asset).unwrap_or(&NOTHING)
    }
}

impl Account {
    /// An account that lives in memory and is read from nowhere: all of it is known always, and nothing leaves its head.
    pub fn in_memory() -> Self {
        Self { known: Known::in_memory(), ..Self::default() }
    }

    /// Whether the partner was ever enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.head.membership() != Membership::Unknown
    }

    /// The enrolment with which the partner's membership began; of who left and is back, that of then.
    pub(crate) fn began(&self) -> Option<Stamp> {
        let of_now = |began: &Stamp| self.head.left.is_none_or(|left| *began > left);
        self.profile.began().filter(of_now).or(self.head.enrolled)
    }

    /// The four sums of points.
    pub fn balance(&self) -> Balance {
        self.head.balance(Asset::Points)
    }

    /// The motions it takes part in.
    pub fn motions(&self) -> &[Motion] {
        self.profile.facts.as_ref().map_or(&[], |facts| &facts.value.motions)
    }

    /// Whether a part stands in the head, and will when its day and first open day are these.
    pub(crate) fn is_inside(&self, part: &Part, day: Date, open_from: Date) -> bool {
        let now = self.edges();
        let then = Edges { day: now.day.max(Some(day)), open_from: now.open_from.max(Some(open_from)), ..now };
        !part.section().left(self.head.spilled) && part.belongs_inside(then)
    }

    fn edges(&self) -> Edges {
        Edges { day: self.head.day, open_from: self.head.open_from, days_left: self.head.days_left }
    }

    /// Whether a part stands in the head.
    pub(super) fn inside(&self, part: &Part) -> bool {
        !part.section().left(self.head.spilled) && part.belongs_inside(self.edges())
    }

    /// Whether what the account says of a part is all there is: a part that was not read is never written (I25).
    pub(crate) fn knows(&self, part: &Part) -> bool {
        let read = || self.known.has(part, self.edges());
        self.knows_all() || self.inside(part) || read()
    }

    /// Forgets counts whose items a table has dropped by `today`; what stands in the head stays.
    pub fn forget_expired(&mut self, today: Date) {
        let mut frequency = std::mem::take(&mut self.frequency);
        frequency.retain(|item| {
            let part = Part::Count(item.clone());
            self.inside(&part) || part.expires_on().is_none_or(|day| day > today)
        });
        self.frequency = frequency;
    }

    /// Whether a part was read beside the head.
    pub(crate) fn has_read(&self, part: &Part) -> bool {
        self.known.has_part(part)
    }

    /// That the account knows a part.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`] if not.
    pub(crate) fn must_know(&self, part: impl FnOnce() -> Part) -> Result<(), FoldError> {
        if self.knows_all() {
            return Ok(());
        }
        let part = part();
        if self.knows(&part) { Ok(()) } else { Err(FoldError::NotLoaded(Box::new(part))) }
    }

    /// Whether there is nothing beside what the account says.
    fn knows_all(&self) -> bool {
        self.known.is_whole() || self.head.position == 0
    }

    /// The next day on which points are released or run out by themselves.
    pub fn due(&self) -> Option<Date> {
        let releases = self.pending.values().filter_map(|held| held.keys().next()).map(|release| release.day);
        let releases = releases.filter(|day| *day < someday());
        // The first lot of each asset runs out first.
        let lots = self.head.funds.values().filter_map(|funds| funds.lots.keys().next());
        let expiries = lots.filter(|lot| **lot < never()).min().map(|lot| lot.plus(1).first_day());
        releases.min().into_iter().chain(expiries).min()
    }

    /// What ran out unspent in a lot, less what was taken back of it since.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: its item was not loaded (I25).
    pub(crate) fn expired(&self, asset: Asset, lot: Month) -> Result<i64, FoldError> {
        self.must_know(|| Part::Expired(lot.quarter()))?;
        Ok(self.expired.get(&asset).and_then(|lots| lots.get(&lot)).copied().unwrap_or(0))
    }

    /// A measure's sum from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: a quarter among them was not loaded (I25).
    pub fn measured(&self, motion: &str, measure: Measure, first: Month, last: Month) -> Result<Decimal, FoldError> {
        // Nothing is booked after today.
        let last = self.head.day.map_or(last, |today| last.min(Month::of(today)));
        let mut sum = Decimal::ZERO;
        let mut quarter = first.quarter();
        while quarter <= last {
            self.must_know(|| Part::Measures(quarter))?;
            let cells = self.measures.get(&quarter).and_then(|quarter| quarter.get(motion));
            // A quarter lies in one year: its months are in the order of their numbers.
            let from = first.max(quarter).number();
            let to = last.min(quarter.plus(2)).number();
            for ((month, of), cell) in cells.into_iter().flatten() {
                if *of == measure && (from..=to).contains(month) {
                    sum = sum.saturating_add(*cell);
                }
            }
            quarter = quarter.plus(3);
        }
        Ok(sum)
    }

    /// The target that was set for a measure in a period; none where nobody set one.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: the profile was not loaded (I25).
    pub(crate) fn target(
        &self,
        period: TargetPeriod,
        measure: Measure,
        motion: &Motion,
    ) -> Result<Option<Decimal>, FoldError> {
        self.must_know(|| Part::Profile)?;
        let is = |key: &&TargetKey| key.period == period && *key.measure == *measure.word() && key.motion == *motion;
        Ok(self.profile.targets.iter().find(|(key, _)| is(key)).map(|(_, fact)| fact.value))
    }

    /// How much of a cap is used.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: its item was not loaded (I25).
    pub(crate) fn used(&self, key: &CapKey) -> Result<Used, FoldError> {
        if key.is_forgotten(self.head.day) {
            return Ok(Used::Forgotten);
        }
        let item = key.item();
        self.must_know(|| Part::Count(item.clone()))?;
        Ok(Used::So(self.frequency.used(key, &item)))
    }

    /// How many certificates are valid at `at` (M27), each to the end of its last day in UTC.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: their counts were not loaded (I25).
    pub fn certificates(&self, at: Timestamp) -> Result<i64, FoldError> {
        self.valid(None, None, at)
    }

    /// How many persons hold a certificate of a certification at `at`: of any level, or of one and those above (M25).
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: their count was not loaded (I25).
    pub fn certified(&self, id: &CertificationId, least: Option<Level>, at: Timestamp) -> Result<i64, FoldError> {
        self.valid(Some(id.clone()), least.map(level_number), at)
    }

    /// Whether anybody holds a certificate valid at `at`, of any level, or of one or above.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: their counts were not loaded (I25).
    pub fn is_certified(&self, id: &CertificationId, least: Option<Level>, at: Timestamp) -> Result<bool, FoldError> {
        Ok(self.certified(id, least, at)? > 0)
    }

    fn valid(&self, of: Option<CertificationId>, least: Option<u16>, at: Timestamp) -> Result<i64, FoldError> {
        self.must_know(|| Part::Certified(of.clone()))?;
        Ok(self.certified.get(&of).map_or(0, |days| days.valid(least, at)))
    }
}
