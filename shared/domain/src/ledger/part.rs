//! The parts an account is stored in, and which of them stand in the head.

use std::collections::BTreeSet;

use event::Kind;
use event::ids::{CertificationId, CourseId, PersonId};
use event::time::Month;
use jiff::Span;
use jiff::civil::Date;

use super::cap::FrequencyKey;

/// How long an item stays after nobody needs it, in days.
const EXPIRY_DAYS: i64 = 3;

/// A part that may be stored for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What there is of each asset, by bucket.
    Lots,
    /// What ran out unspent in the lots of a calendar quarter, by its first month: written when they run out, read when an award of
    /// theirs is rated again.
    Expired(Month),
    /// What the enrolment, the agreement and the targets say.
    Profile,
    /// When a course was completed first.
    Course(CourseId),
    /// A person's certificate.
    Holder(PersonId, CertificationId),
    /// How many certificates are valid, of one certification or of all.
    Certified(Option<CertificationId>),
    /// The measures of a calendar quarter, by its first month.
    Measures(Month),
    /// Used caps.
    Count(FrequencyKey),
}

/// What leaves the head together, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Persons = 1,
    Profile,
    Measures,
    Lots,
    Caps,
    /// What counts by days, hours and minutes: a day leaves by itself, and the next one begins in the head again.
    Days,
}

impl Section {
    pub(super) const ALL: [Self; 6] =
        [Section::Persons, Section::Profile, Section::Measures, Section::Lots, Section::Caps, Section::Days];
    /// Those that leave for good.
    pub(super) const LEAVING: [Self; 5] =
        [Section::Persons, Section::Profile, Section::Measures, Section::Lots, Section::Caps];

    /// Whether it has left a head of which so many have.
    pub(super) fn left(self, spilled: u8) -> bool {
        self as u8 <= spilled
    }
}

impl Part {
    pub(super) fn section(&self) -> Section {
        match self {
            Part::Lots | Part::Expired(_) => Section::Lots,
            Part::Profile | Part::Course(_) => Section::Profile,
            Part::Measures(_) => Section::Measures,
            Part::Count(key) if key.day().is_some() => Section::Days,
            Part::Count(key) if key.is_own() => Section::Caps,
            Part::Holder(..) | Part::Certified(_) | Part::Count(_) => Section::Persons,
        }
    }

    /// The parts that what an event says of its partner changes, beside the head's own.
    pub fn learned(kind: &Kind) -> Vec<Self> {
        match kind {
            Kind::PartnerEnrolled { .. }
            | Kind::AgreementAccepted { .. }
            | Kind::AttestationRecorded { .. }
            | Kind::TargetSet { .. } => vec![Part::Profile],
            Kind::CourseCompleted { course_id, .. } => vec![Part::Course(course_id.clone())],
            Kind::CertificationGranted { certification_id, person_id, .. }
            | Kind::CertificationExpired { certification_id, person_id, .. } => vec![
                Part::Holder(person_id.clone(), certification_id.clone()),
                Part::Certified(Some(certification_id.clone())),
                Part::Certified(None),
            ],
            Kind::Own(_)
            | Kind::AwardReleased { .. }
            | Kind::AwardWithdrawn { .. }
            | Kind::PartnerSuspended { .. }
            | Kind::PartnerReinstated { .. }
            | Kind::PartnerOffboarded { .. }
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
            | Kind::RedemptionReleased { .. } => Vec::new(),
        }
    }

    /// Whether it may stand in a head at all: measures of this quarter, caps of periods that are open, days that have not left.
    pub(super) fn belongs_inside(&self, edges: Edges) -> bool {
        match self {
            Part::Measures(quarter) => edges.day.is_none_or(|day| *quarter >= Month::of(day).quarter()),
            Part::Count(key) => match key.day() {
                Some(day) => Some(day) > edges.days_left,
                None => key.period.last_day().zip(edges.open_from).is_none_or(|(last, open)| last >= open),
            },
            Part::Expired(_) => false,
            Part::Lots | Part::Profile | Part::Course(_) | Part::Holder(..) | Part::Certified(_) => true,
        }
    }

    /// The day, in UTC, from which its item may be dropped: a while after it is of no use to anybody in any time zone.
    pub fn expires_on(&self) -> Option<Date> {
        let Part::Count(key) = self else { return None };
        key.drops_on()?.checked_add(Span::new().days(EXPIRY_DAYS)).ok()
    }
}

/// What of an account's head says which parts may stand in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edges {
    /// The account's day.
    pub day: Option<Date>,
    /// Its first open day.
    pub open_from: Option<Date>,
    /// The last day whose counts have left.
    pub days_left: Option<Date>,
}

/// Which parts of an account are there, beside those in its head. No part of what an account is: two that differ in this only
/// are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Whether all of them are.
    whole: bool,
    /// Whether the account lives in memory, where nothing leaves its head.
    in_memory: bool,
    parts: BTreeSet<Part>,
    /// Sections that left the head since it was read.
    sections: BTreeSet<Section>,
    /// The last day whose counts had left when it was read: what a later one counted stood in it.
    days_left: Option<Date>,
}

impl Known {
    pub(super) fn in_memory() -> Self {
        Self { whole: true, in_memory: true, ..Self::default() }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    pub(super) fn add_all(&mut self) {
        self.whole = true;
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn add(&mut self, part: Part) {
        self.parts.insert(part);
    }

    pub(super) fn has_part(&self, part: &Part) -> bool {
        self.whole || self.parts.contains(part)
    }

    /// A section left the head just now: all that stood in it is known.
    pub(super) fn add_section(&mut self, section: Section) {
        self.sections.insert(section);
    }

    /// The head was read: counts up to this day are not in it.
    pub(super) fn begin_days(&mut self, days_left: Option<Date>) {
        self.days_left = days_left;
    }

    pub(super) fn has(&self, part: &Part, edges: Edges) -> bool {
        let stood_inside = || match part.section() {
            Section::Days => part.belongs_inside(Edges { days_left: self.days_left, ..edges }),
            section => self.sections.contains(&section) && part.belongs_inside(edges),
        };
        self.has_part(part) || stood_inside()
    }
}

impl PartialEq for Known {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
