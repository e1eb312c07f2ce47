//! The account: what a partner's records add up to. A cache of the fold, never a source (I10).

use std::collections::BTreeMap;

use event::Kind;
use event::ids::{CertificationId, CourseId, Motion, PersonId, TierId};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::asset::Asset;
use super::balance::{Balance, FoldError, Funds, Pending};
use super::cap::{CapKey, CapPlace, Frequency, FrequencyKey};
use super::effect::Effect;
use super::fact::{Fact, Stamp};
use super::posting::{Posting, never};
use super::record::Record;

/// How long measures are kept, in months, whatever today's program asks.
pub const MEASURE_MONTHS_KEPT: i32 = 36;

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
    /// The day of the last decision; never goes back, also where a version moves the time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// The latest enrolment by its own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled: Option<Stamp>,
    /// Whether it is suspended, as was said last by the events' own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Fact<bool>>,
    /// When it left last, by the events' own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Stamp>,
    /// What it has, by asset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub funds: BTreeMap<Asset, Funds>,
    /// Standing by motion.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<Motion, Standing>,
    /// The first open day; never goes back. Which caps stand in the head goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_from: Option<Date>,
    /// Used caps of the partner, of periods that were never closed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<CapKey, i64>,
}

/// What the enrolment says of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The motions it takes part in.
    pub motions: Vec<Motion>,
    /// Its territory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// Its time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// Facts about a partner, written when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What the enrolment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Fact<Facts>>,
    /// The agreement version last accepted (M43).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Fact<String>>,
    /// Courses completed by anybody, with the first day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub courses: BTreeMap<CourseId, Date>,
    /// Certificates by certification and person. One that is no longer held stays as a fact, so that an older grant that
    /// comes late does not bring it back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<CertificationId, BTreeMap<PersonId, Fact<Certificate>>>,
}

/// Whether a certificate is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// For ever.
    Held,
    /// Until then.
    Until(Timestamp),
    /// No longer.
    Lost,
}

impl Certificate {
    fn is_valid(self, at: Timestamp) -> bool {
        match self {
            Certificate::Held => true,
            Certificate::Until(until) => until > at,
            Certificate::Lost => false,
        }
    }
}

/// One calendar year of measures: motion, then `<month>.<measure>`.
pub type Measures = BTreeMap<Motion, BTreeMap<String, Decimal>>;

/// How much of a cap is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// So much.
    So(i64),
    /// Nobody can say: its period is long over and its count dropped.
    Forgotten,
}

/// Everything that belongs to one partner alone. Parts that were not loaded are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The head item.
    pub head: Head,
    /// The facts.
    pub profile: Profile,
    /// Held amounts.
    pub pending: BTreeMap<Asset, Pending>,
    /// Measures by calendar year.
    pub measures: BTreeMap<i16, Measures>,
    /// Frequency counts.
    pub frequency: BTreeMap<FrequencyKey, Frequency>,
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
    pub fn funds(&self, asset: Asset) -> Funds {
        self.funds.get(&asset).cloned().unwrap_or_default()
    }
}

impl Account {
    /// Whether the partner was ever enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.head.membership() != Membership::Unknown
    }

    /// The four sums of points.
    pub fn balance(&self) -> Balance {
        self.head.balance(Asset::Points)
    }

    /// The motions it takes part in.
    pub fn motions(&self) -> &[Motion] {
        self.profile.facts.as_ref().map_or(&[], |facts| &facts.value.motions)
    }

    /// The next day on which something becomes due by itself: a release, an expiry, a review.
    pub fn due(&self) -> Option<Date> {
        let releases = self.pending.values().flat_map(BTreeMap::keys).map(|release| release.day);
        let lots = self.head.funds.values().flat_map(|funds| funds.lots.keys());
        let expiries = lots.filter(|lot| **lot < never()).map(|lot| lot.plus(1).first_day());
        let reviews = self.head.tiers.values().filter_map(|standing| standing.next_review);
        releases.chain(expiries).chain(reviews).min()
    }

    /// Adds one record. The only way an account ever changes.
    ///
    /// # Errors
    /// [`FoldError::Gap`], [`FoldError::Overdrawn`], [`FoldError::Overflow`]: the record does not fit this account.
    /// [`FoldError::OtherForm`]: its data is not of a type this edition knows.
    pub fn apply(&mut self, record: &Record) -> Result<(), FoldError> {
        if record.position != self.head.position + 1 {
            return Err(FoldError::Gap { last: self.head.position, found: record.position });
        }
        if record.holds() {
            let kind = record.happened().ok_or(FoldError::OtherForm(record.position))?;
            self.learn(&kind, Stamp::of(record.time, &record.identity), record.booked);
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
        self.head.day = self.head.day.max(Some(record.on));
        self.head.open_from = self.head.open_from.max(Some(record.open_from));
        self.put_closed_away();
    }

    /// Takes over what an event itself says of the partner. False if a later event said otherwise before (I24).
    pub(crate) fn learn(&mut self, kind: &Kind, since: Stamp, booked: Date) -> bool {
        match kind {
            Kind::PartnerEnrolled { motions, territory, timezone, agreement_version, .. } => {
                let mut distinct = motions.clone();
                distinct.dedup_by(|a, b| a == b);
                let (motions, territory, timezone) = (distinct, territory.clone(), timezone.clone());
                if let Some(version) = agreement_version {
                    Fact::learn(&mut self.profile.agreement, version.clone(), since);
                }
                self.head.enrolled = self.head.enrolled.max(Some(since));
                Fact::learn(&mut self.profile.facts, Facts { motions, territory, timezone }, since)
            }
            Kind::PartnerSuspended { .. } => Fact::learn(&mut self.head.suspended, true, since),
            Kind::PartnerReinstated { .. } => Fact::learn(&mut self.head.suspended, false, since),
            Kind::PartnerOffboarded { .. } => {
                let newer = self.head.left.is_none_or(|left| left <= since);
                self.head.left = self.head.left.max(Some(since));
                newer
            }
            Kind::AgreementAccepted { version, .. } => Fact::learn(&mut self.profile.agreement, version.clone(), since),
            Kind::CourseCompleted { course_id, .. } => {
                let first = self.profile.courses.entry(course_id.clone()).or_insert(booked);
                *first = booked.min(*first);
                true
            }
            Kind::CertificationGranted { certification_id, person_id, valid_until, .. } => {
                let certificate = valid_until.map_or(Certificate::Held, Certificate::Until);
                self.certificate(certification_id, person_id, certificate, since)
            }
            Kind::CertificationExpired { certification_id, person_id, .. } => {
                self.certificate(certification_id, person_id, Certificate::Lost, since)
            }
            // These say nothing of the partner; a new type must be told apart here.
            Kind::TargetSet { .. }
            | Kind::PurchaseOrderReceived { .. }
            | Kind::ExclusivityGranted { .. }
            | Kind::ExclusivityEnded { .. }
            | Kind::BenefitBooked { .. }
            | Kind::BenefitReleased { .. }
            | Kind::RewardViewed { .. }
            | Kind::DealRegistered { .. }
            | Kind::DealQualified { .. }
            | Kind::DealInfluenced { .. }
            | Kind::DealClosed { .. }
            | Kind::DealAmended { .. }
            | Kind::DealReversed { .. }
            | Kind::DealReassigned { .. }
            | Kind::InvoicePaid { .. }
            | Kind::ContentViewed { .. }
            | Kind::ProjectCompleted { .. }
            | Kind::AttestationRecorded { .. }
            | Kind::PointsReleased { .. }
            | Kind::PointsExpired { .. }
            | Kind::TierReviewed { .. }
            | Kind::ProgramPublished { .. }
            | Kind::RedemptionRequested { .. }
            | Kind::RedemptionOrdering { .. }
            | Kind::RedemptionFulfilled { .. }
            | Kind::RedemptionReleased { .. } => true,
        }
    }

    fn certificate(&mut self, id: &CertificationId, person: &PersonId, value: Certificate, since: Stamp) -> bool {
        let holders = self.profile.certificates.entry(id.clone()).or_default();
        let mut slot = holders.remove(person);
        let newer = Fact::learn(&mut slot, value, since);
        holders.extend(slot.map(|fact| (person.clone(), fact)));
        newer
    }

    /// Moves an amount between buckets.
    pub(crate) fn post(&mut self, posting: &Posting) -> Result<(), FoldError> {
        let funds = self.head.funds.entry(posting.asset).or_default();
        let held = self.pending.entry(posting.asset).or_default();
        let posted = funds.post(held, posting);
        self.head.funds.retain(|_, funds| !funds.is_empty());
        self.pending.retain(|_, held| !held.is_empty());
        posted
    }

    pub(crate) fn take_effect(&mut self, effect: &Effect) -> Result<(), FoldError> {
        match effect {
            Effect::Measured { motion, month, by } => {
                for (measure, by) in by {
                    self.measure(motion, *month, *measure, *by)?;
                }
            }
            Effect::Cap { key, by } => {
                let counts = match key.place(self.head.open_from) {
                    CapPlace::Head => &mut self.head.caps,
                    CapPlace::Item(item) => self.frequency.entry(item).or_default(),
                };
                let used = counts.entry(key.clone()).or_default();
                *used = used.checked_add(*by).ok_or(FoldError::Overflow)?;
            }
            Effect::Place { .. } => {}
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

    /// How much of a cap is used.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: its item was not loaded (I25).
    pub(crate) fn used(&self, key: &CapKey) -> Result<Used, FoldError> {
        if key.is_forgotten(self.head.day) {
            return Ok(Used::Forgotten);
        }
        let counts = match key.place(self.head.open_from) {
            CapPlace::Head => &self.head.caps,
            CapPlace::Item(item) => self.frequency.get(&item).ok_or(FoldError::NotLoaded)?,
        };
        Ok(Used::So(counts.get(key).copied().unwrap_or(0)))
    }

    /// How many certificates are valid at `at` (M27).
    pub fn certificates(&self, at: Timestamp) -> usize {
        let all = self.profile.certificates.values().flat_map(BTreeMap::values);
        all.filter(|certificate| certificate.value.is_valid(at)).count()
    }

    /// Whether anybody holds a certificate valid at `at`.
    pub fn is_certified(&self, id: &str, at: Timestamp) -> bool {
        let holders = self.profile.certificates.get(id);
        holders.is_some_and(|holders| holders.values().any(|certificate| certificate.value.is_valid(at)))
    }

    /// Moves caps of periods that are closed now out of the head, so that it stays small. Nothing stands in their items before:
    /// as long as a period was open, its counts stood in the head.
    fn put_closed_away(&mut self) {
        let open_from = self.head.open_from;
        let is_closed = |key: &CapKey| key.place(open_from) != CapPlace::Head;
        for key in self.head.caps.keys().filter(|key| is_closed(key)).cloned().collect::<Vec<_>>() {
            let used = self.head.caps.remove(&key);
            if let (Some(used), CapPlace::Item(item)) = (used, key.place(open_from)) {
                self.frequency.entry(item).or_default().insert(key, used);
            }
        }
    }
}

fn measure_cell(month: Month, measure: Measure) -> String {
    format!("{:02}.{}", month.number(), measure.word())
}
