//! How a record changes an account. Nothing else ever does (I10).

use event::ids::{CertificationId, Motion, PersonId};
use event::time::Month;
use event::{Kind, attested, target};
use jiff::civil::Date;
use program::Measure;
use rust_decimal::Decimal;

use super::account::{Account, Reviewed, Standing};
use super::balance::FoldError;
use super::certificate::{Certificates, Validity};
use super::effect::Effect;
use super::fact::{Fact, Stamp};
use super::packed;
use super::part::Part;
use super::posting::Posting;
use super::profile::{Facts, NAME_CHARS_MAX, TargetKey};
use super::record::Record;
use super::suspect_fold;

impl Account {
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
            self.learn(&kind, Stamp::of(record.time, &record.identity), record.booked)?;
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
        let reached = record.effects.iter().filter_map(Effect::milestone);
        self.profile.reached.extend(reached.map(|milestone| (milestone, record.time)));
        suspect_fold::fold(&mut self.profile.suspects, record);
        packed::spill(self);
    }

    /// Takes over what an event itself says of the partner. False if a later event said otherwise before (I24).
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`]: a part that it changes was not read (I25).
    pub(crate) fn learn(&mut self, kind: &Kind, since: Stamp, booked: Date) -> Result<bool, FoldError> {
        for part in Part::learned(kind) {
            self.must_know(|| part)?;
        }
        Ok(match kind {
            Kind::PartnerEnrolled { name, motions, territory, timezone, agreement_version, facts, unlisted } => {
                self.looked.forget();
                let mut distinct = motions.clone();
                distinct.dedup_by(|a, b| a == b);
                let (motions, territory, timezone) = (distinct, territory.clone(), timezone.clone());
                if let Some(version) = agreement_version {
                    self.profile.accept(version, since);
                }
                self.head.enrolled = self.head.enrolled.max(Some(since));
                let stated = facts.clone().unwrap_or_default();
                let name = name.chars().take(NAME_CHARS_MAX).collect();
                let said = Facts { motions, territory, timezone, name, unlisted: *unlisted, stated };
                self.profile.enrol(said, since, self.head.left)
            }
            Kind::PartnerSuspended { .. } => Fact::learn(&mut self.head.suspended, true, since),
            Kind::PartnerReinstated { .. } => Fact::learn(&mut self.head.suspended, false, since),
            Kind::PartnerOffboarded { .. } => {
                let newer = self.head.left.is_none_or(|left| left <= since);
                self.head.left = self.head.left.max(Some(since));
                newer
            }
            Kind::AgreementAccepted { version, .. } => self.profile.accept(version, since),
            Kind::CourseCompleted { course_id, .. } => {
                let first = self.courses.entry(course_id.clone()).or_insert(booked);
                *first = booked.min(*first);
                true
            }
            Kind::CertificationGranted { certification_id, person_id, valid_until, level } => {
                let validity = valid_until.map_or(Validity::Held, Validity::Until);
                self.certificate(certification_id, person_id, |held| held.grant(*level, validity, since))
            }
            Kind::CertificationExpired { certification_id, person_id, level } => {
                self.certificate(certification_id, person_id, |held| held.end(*level, since))
            }
            Kind::AttestationRecorded { criterion, value, .. } => {
                self.looked.forget();
                attested(value).is_some_and(|value| self.profile.attest(criterion, value, since))
            }
            Kind::TargetSet { motion, measure, period, value } => {
                let (measure, motion) = (measure.clone(), motion.clone());
                let key = TargetKey { period: *period, measure, motion };
                target(value).is_some_and(|target| self.profile.set(key, target, since, booked))
            }
            // These say nothing of the partner; a new type must be told apart here.
            Kind::Own(_)
            | Kind::AwardReleased { .. }
            | Kind::AwardWithdrawn { .. }
            | Kind::PurchaseOrderReceived { .. }
            | Kind::ExclusivityGranted { .. }
            | Kind::ExclusivityEnded { .. }
            | Kind::BenefitBooked { .. }
            | Kind::BenefitReleased { .. }
            | Kind::BudgetFunded { .. }
            | Kind::BudgetReduced { .. }
            | Kind::RewardViewed { .. }
            | Kind::DealRegistered { .. }
            | Kind::DealQualified { .. }
            | Kind::DealInfluenced { .. }
            | Kind::DealClosed { .. }
            | Kind::DealAmended { .. }
            | Kind::DealReversed { .. }
            | Kind::DealReassigned { .. }
            | Kind::DealLeaseExtended { .. }
            | Kind::LeaseEnding { .. }
            | Kind::ExclusivityReviewed { .. }
            | Kind::OnboardingReviewed { .. }
            | Kind::DealShared { .. }
            | Kind::DealTruedUp { .. }
            | Kind::BidLost { .. }
            | Kind::InvoicePaid { .. }
            | Kind::ContentViewed { .. }
            | Kind::ProjectCompleted { .. }
            | Kind::PointsReleased { .. }
            | Kind::CommissionReleased { .. }
            | Kind::PayoutSettled { .. }
            | Kind::PayoutReturned { .. }
            | Kind::PayoutReserved { .. }
            | Kind::PayoutCancelled { .. }
            | Kind::PayoutStanding { .. }
            | Kind::PointsExpired { .. }
            | Kind::TierReviewed { .. }
            | Kind::ProgramPublished { .. }
            | Kind::ProgramWithdrawn { .. }
            | Kind::RedemptionRequested { .. }
            | Kind::RedemptionOrdering { .. }
            | Kind::RedemptionFulfilled { .. }
            | Kind::RedemptionReleased { .. } => true,
        })
    }

    fn certificate(
        &mut self,
        id: &CertificationId,
        person: &PersonId,
        say: impl FnOnce(&mut Certificates) -> bool,
    ) -> bool {
        let held = self.holders.entry(person.clone()).or_default().entry(id.clone()).or_default();
        let before = held.clone();
        let newer = say(held);
        if *held != before {
            self.looked.moved(Measure::Certifications);
            for of in [None, Some(id.clone())] {
                let levelled = of.is_some();
                let days = self.certified.entry(of).or_default();
                days.count(&before, -1, levelled);
                days.count(held, 1, levelled);
            }
        }
        newer
    }

    /// Moves an amount between buckets.
    pub(crate) fn post(&mut self, posting: &Posting) -> Result<(), FoldError> {
        let funds = self.head.funds.entry(posting.asset).or_default();
        let posted = funds.post((&mut self.pending, &mut self.expired), posting);
        if funds.is_empty() {
            self.head.funds.remove(&posting.asset);
        }
        posted
    }

    pub(crate) fn take_effect(&mut self, effect: &Effect) -> Result<(), FoldError> {
        match effect {
            Effect::Measured { motion, month, by } => {
                for (measure, by) in by {
                    self.measure(motion, *month, *measure, *by)?;
                }
            }
            Effect::Cap { key, by } => self.frequency.add(key.clone(), *by).ok_or(FoldError::Overflow)?,
            Effect::Place { .. }
            | Effect::Lease { .. }
            | Effect::Moved { .. }
            | Effect::Won { .. }
            | Effect::Influences
            | Effect::Share { .. }
            | Effect::Stated { .. }
            | Effect::Sends(_)
            | Effect::Pool { .. }
            // Once the record is known that says when, and of what.
            | Effect::Suspected { .. }
            | Effect::Cleared { .. }
            | Effect::Trained
            | Effect::Productive => {}
            Effect::Attained { key, ended } => self.profile.attain(key.clone(), *ended),
            Effect::Exclusive { of, said, held } => self.profile.say(of, *said, held.as_ref()),
            Effect::Tier { motion, to, on, as_of, .. } => {
                self.looked.forget();
                let reviewed = as_of.map_or(Reviewed::Never, Reviewed::Down);
                let standing = Standing { tier: to.clone(), since: *on, reviewed, demotes_on: None, below: 0 };
                self.head.tiers.insert(motion.clone(), standing);
            }
            Effect::Reviewed { motion, as_of, demotes_on, below, short: _ } => {
                self.looked.reviewed();
                if let Some(standing) = self.head.tiers.get_mut(motion) {
                    standing.reviewed = Reviewed::Kept(*as_of);
                    standing.demotes_on = *demotes_on;
                    standing.below = below.map_or(0, |below| below.times);
                }
            }
        }
        Ok(())
    }

    fn measure(&mut self, motion: &Motion, month: Month, measure: Measure, by: Decimal) -> Result<(), FoldError> {
        let quarter = self.measures.entry(month.quarter()).or_default();
        let cells = quarter.entry(motion.clone()).or_default();
        let cell = cells.entry((month.number(), measure)).or_insert(Decimal::ZERO);
        *cell = cell.checked_add(by).ok_or(FoldError::Overflow)?.normalize();
        self.looked.moved(measure);
        Ok(())
    }
}
