//! What happened: every event type, with what its `data` must hold.

mod read;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::ids::PartnerId;
use crate::money::Money;

/// How a deal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealOutcome {
    /// Closed won.
    Won,
    /// Closed lost.
    Lost,
}

/// One revenue line of a deal (M07).
#[derive(Clone, Debug, PartialEq)]
pub struct RevenueLine {
    /// What kind of revenue, in the vendor's words.
    pub revenue_type: String,
    /// Total value of the line.
    pub amount: Money,
}

/// What happened. Types that only inform hold what later reports read; all of them may earn by a rule.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each member is the field of the same name in the contract's table of types")]
pub enum Kind {
    PartnerEnrolled {
        name: String,
        motions: Vec<String>,
        agreement_version: Option<String>,
        territory: Option<String>,
        timezone: Option<String>,
    },
    PartnerSuspended,
    PartnerReinstated,
    PartnerOffboarded,
    AgreementAccepted {
        version: String,
        person_id: String,
    },
    TargetSet,
    PurchaseOrderReceived {
        deal_id: String,
        amount: Money,
    },
    ExclusivityGranted,
    ExclusivityEnded,
    BenefitBooked,
    BenefitReleased,
    DealReassigned {
        deal_id: String,
        to_partner: PartnerId,
    },
    RewardViewed {
        person_id: Option<String>,
    },
    DealRegistered {
        deal_id: String,
        opportunity_id: String,
        expected_acv: Option<Money>,
        motion: Option<String>,
        public_tender: bool,
        person_id: Option<String>,
    },
    DealQualified {
        deal_id: String,
    },
    DealInfluenced {
        deal_id: String,
    },
    DealClosed {
        deal_id: String,
        outcome: DealOutcome,
        acv: Option<Money>,
        tenor_months: Option<i64>,
        motion: Option<String>,
        lines: Vec<RevenueLine>,
        renewal: bool,
    },
    DealAmended {
        deal_id: String,
        acv: Money,
    },
    DealReversed {
        deal_id: String,
        amount: Option<Money>,
    },
    InvoicePaid {
        deal_id: String,
        amount: Money,
    },
    CourseCompleted {
        course_id: String,
        person_id: String,
    },
    CertificationGranted {
        certification_id: String,
        person_id: String,
        valid_until: Option<Timestamp>,
    },
    CertificationExpired {
        certification_id: String,
        person_id: String,
    },
    ContentViewed {
        content_id: String,
        person_id: String,
    },
    ProjectCompleted {
        successful: bool,
        motion: Option<String>,
    },
    AttestationRecorded,
    /// Laurel's own: held points become available.
    PointsReleased,
    /// Laurel's own: a lot runs out.
    PointsExpired,
    /// Laurel's own: a ladder's review.
    TierReviewed {
        motion: String,
    },
    /// Laurel's own: a partner asked for a reward.
    RedemptionRequested,
    /// Laurel's own: the order went to the provider.
    RedemptionOrdering,
    /// Laurel's own: the provider delivered.
    RedemptionFulfilled,
    /// Laurel's own: points went back.
    RedemptionReleased,
}

/// The types that senders may use, in the order of the contract.
pub const SENT_TYPES: [&str; 26] = [
    "partner.enrolled",
    "partner.suspended",
    "partner.reinstated",
    "partner.offboarded",
    "agreement.accepted",
    "target.set",
    "purchase_order.received",
    "exclusivity.granted",
    "exclusivity.ended",
    "benefit.booked",
    "benefit.released",
    "deal.reassigned",
    "reward.viewed",
    "deal.registered",
    "deal.qualified",
    "deal.influenced",
    "deal.closed",
    "deal.amended",
    "deal.reversed",
    "invoice.paid",
    "course.completed",
    "certification.granted",
    "certification.expired",
    "content.viewed",
    "project.completed",
    "attestation.recorded",
];

impl Kind {
    /// The CloudEvents `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::PartnerEnrolled { .. } => "partner.enrolled",
            Kind::PartnerSuspended => "partner.suspended",
            Kind::PartnerReinstated => "partner.reinstated",
            Kind::PartnerOffboarded => "partner.offboarded",
            Kind::AgreementAccepted { .. } => "agreement.accepted",
            Kind::TargetSet => "target.set",
            Kind::PurchaseOrderReceived { .. } => "purchase_order.received",
            Kind::ExclusivityGranted => "exclusivity.granted",
            Kind::ExclusivityEnded => "exclusivity.ended",
            Kind::BenefitBooked => "benefit.booked",
            Kind::BenefitReleased => "benefit.released",
            Kind::DealReassigned { .. } => "deal.reassigned",
            Kind::RewardViewed { .. } => "reward.viewed",
            Kind::DealRegistered { .. } => "deal.registered",
            Kind::DealQualified { .. } => "deal.qualified",
            Kind::DealInfluenced { .. } => "deal.influenced",
            Kind::DealClosed { .. } => "deal.closed",
            Kind::DealAmended { .. } => "deal.amended",
            Kind::DealReversed { .. } => "deal.reversed",
            Kind::InvoicePaid { .. } => "invoice.paid",
            Kind::CourseCompleted { .. } => "course.completed",
            Kind::CertificationGranted { .. } => "certification.granted",
            Kind::CertificationExpired { .. } => "certification.expired",
            Kind::ContentViewed { .. } => "content.viewed",
            Kind::ProjectCompleted { .. } => "project.completed",
            Kind::AttestationRecorded => "attestation.recorded",
            Kind::PointsReleased => "points.released",
            Kind::PointsExpired => "points.expired",
            Kind::TierReviewed { .. } => "tier.reviewed",
            Kind::RedemptionRequested => "redemption.requested",
            Kind::RedemptionOrdering => "redemption.ordering",
            Kind::RedemptionFulfilled => "redemption.fulfilled",
            Kind::RedemptionReleased => "redemption.released",
        }
    }

    /// The deal it names, if it names one.
    pub fn deal_id(&self) -> Option<&str> {
        match self {
            Kind::DealRegistered { deal_id, .. }
            | Kind::DealQualified { deal_id }
            | Kind::DealInfluenced { deal_id }
            | Kind::DealClosed { deal_id, .. }
            | Kind::DealAmended { deal_id, .. }
            | Kind::DealReversed { deal_id, .. }
            | Kind::DealReassigned { deal_id, .. }
            | Kind::PurchaseOrderReceived { deal_id, .. }
            | Kind::InvoicePaid { deal_id, .. } => Some(deal_id),
            _ => None,
        }
    }

    /// The person it names, if it names one. Kept as a pseudonym only.
    pub fn person_id(&self) -> Option<&str> {
        match self {
            Kind::AgreementAccepted { person_id, .. }
            | Kind::CourseCompleted { person_id, .. }
            | Kind::CertificationGranted { person_id, .. }
            | Kind::CertificationExpired { person_id, .. }
            | Kind::ContentViewed { person_id, .. } => Some(person_id),
            Kind::RewardViewed { person_id } | Kind::DealRegistered { person_id, .. } => person_id.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn replace_person(&mut self, pseudonym: &str) {
        match self {
            Kind::AgreementAccepted { person_id, .. }
            | Kind::CourseCompleted { person_id, .. }
            | Kind::CertificationGranted { person_id, .. }
            | Kind::CertificationExpired { person_id, .. }
            | Kind::ContentViewed { person_id, .. }
            | Kind::RewardViewed { person_id: Some(person_id) }
            | Kind::DealRegistered { person_id: Some(person_id), .. } => pseudonym.clone_into(person_id),
            _ => {}
        }
    }

    /// The sales motion it names, if it names one.
    pub fn motion(&self) -> Option<&str> {
        match self {
            Kind::DealRegistered { motion, .. }
            | Kind::DealClosed { motion, .. }
            | Kind::ProjectCompleted { motion, .. } => motion.as_deref(),
            _ => None,
        }
    }

    /// Total contract value in the deal's currency: the sum of the lines, or ACV times tenor in years where there are
    /// none. `None` if it has no value or does not fit.
    pub fn total_value(&self) -> Option<Decimal> {
        let Kind::DealClosed { acv, tenor_months, lines, .. } = self else { return None };
        if !lines.is_empty() {
            return lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount.amount()));
        }
        let months = Decimal::from(tenor_months.unwrap_or(12));
        acv.as_ref()?.amount().checked_mul(months)?.checked_div(Decimal::from(12))
    }
}

/// The fields of `data` that rules may look at, by event type.
pub fn fields_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "partner.enrolled" => &["name", "motions", "agreement_version", "territory", "timezone"],
        "partner.suspended" | "partner.reinstated" | "partner.offboarded" => &["reason"],
        "agreement.accepted" => &["version", "person_id"],
        "target.set" => &["motion", "measure", "period", "value"],
        "purchase_order.received" => &["deal_id", "amount"],
        "exclusivity.granted" | "exclusivity.ended" => &["territory", "vertical", "until"],
        "benefit.booked" | "benefit.released" => &["benefit", "slot"],
        "deal.reassigned" => &["deal_id", "to_partner"],
        "reward.viewed" => &["reward_id", "person_id"],
        "deal.registered" => {
            &["deal_id", "opportunity_id", "customer", "expected_acv", "motion", "public_tender", "person_id"]
        }
        "deal.qualified" => &["deal_id"],
        "deal.influenced" => &["deal_id", "kind", "share_percent"],
        "deal.closed" => &["deal_id", "outcome", "acv", "total_value", "tenor_months", "motion", "renewal"],
        "deal.amended" => &["deal_id", "acv"],
        "deal.reversed" => &["deal_id", "reason", "amount"],
        "invoice.paid" => &["deal_id", "invoice_id", "amount"],
        "course.completed" => &["course_id", "level", "person_id", "score"],
        "certification.granted" => &["certification_id", "level", "person_id", "valid_until"],
        "certification.expired" => &["certification_id", "level", "person_id"],
        "content.viewed" => &["content_id", "person_id", "seconds", "team"],
        "project.completed" => &["project_id", "outcome", "motion"],
        "attestation.recorded" => &["criterion", "value", "by"],
        _ => &[],
    }
}
