//! What happened: every event type, with what its `data` must hold.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::fields::{Data, bad_value, read_money};
use super::rejection::{Code, Rejection};
use crate::json::Json;
use crate::money::Money;
use crate::text::PartnerId;

/// How a deal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Closed won.
    Won,
    /// Closed lost.
    Lost,
}

/// One revenue line of a deal (M07).
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
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
        outcome: Outcome,
        acv: Option<Money>,
        tenor_months: Option<i64>,
        motion: Option<String>,
        lines: Vec<Line>,
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
    /// Reads the `data` of a sender's event of type `name`.
    pub(super) fn read(name: &str, data: &Data) -> Result<Self, Rejection> {
        let (family, _) = name.split_once('.').unwrap_or((name, ""));
        match family {
            "deal" => read_deal(name, data),
            "partner" | "agreement" => read_partner(name, data),
            "course" | "certification" | "content" | "project" | "reward" | "attestation" => read_activity(name, data),
            "target" | "purchase_order" | "exclusivity" | "benefit" | "invoice" => read_agreement_fact(name, data),
            _ => Err(unsupported(name)),
        }
    }

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

    pub(super) fn replace_person(&mut self, pseudonym: &str) {
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

fn unsupported(name: &str) -> Rejection {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let message = format!("`{shown}` is not a type Laurel knows; it knows {}", SENT_TYPES.join(", "));
    Rejection::new(Code::UnsupportedType, "type", message)
}

fn read_deal(name: &str, data: &Data) -> Result<Kind, Rejection> {
    let deal_id = || data.id("deal_id");
    Ok(match name {
        "deal.registered" => {
            data.text("customer")?;
            Kind::DealRegistered {
                deal_id: deal_id()?,
                opportunity_id: data.id("opportunity_id")?,
                expected_acv: data.money_if_any("expected_acv")?,
                motion: data.id_if_any("motion")?,
                public_tender: data.flag_if_any("public_tender")?.unwrap_or(false),
                person_id: data.id_if_any("person_id")?,
            }
        }
        "deal.qualified" => Kind::DealQualified { deal_id: deal_id()? },
        "deal.influenced" => {
            data.one_of("kind", &["endorsement", "integration_requirement", "active_in_sale"])?;
            data.integer_if_any("share_percent", 0..=100)?;
            Kind::DealInfluenced { deal_id: deal_id()? }
        }
        "deal.closed" => read_closed(deal_id()?, data)?,
        "deal.amended" => Kind::DealAmended { deal_id: deal_id()?, acv: data.money("acv")? },
        "deal.reversed" => {
            data.text("reason")?;
            Kind::DealReversed { deal_id: deal_id()?, amount: data.money_if_any("amount")? }
        }
        "deal.reassigned" => {
            let to = PartnerId::try_from(data.id("to_partner")?).map_err(|e| Rejection::id("data.to_partner", &e))?;
            Kind::DealReassigned { deal_id: deal_id()?, to_partner: to }
        }
        _ => return Err(unsupported(name)),
    })
}

fn read_closed(deal_id: String, data: &Data) -> Result<Kind, Rejection> {
    let outcome = match data.one_of("outcome", &["won", "lost"])? {
        "won" => Outcome::Won,
        _ => Outcome::Lost,
    };
    let acv = data.money_if_any("acv")?;
    let lines = data
        .list_if_any("lines")?
        .iter()
        .enumerate()
        .map(|(i, line)| read_line(i, line))
        .collect::<Result<Vec<_>, _>>()?;
    if outcome == Outcome::Won && acv.is_none() {
        return Err(Rejection::missing("data.acv"));
    }
    let currency = acv.map(Money::currency);
    if lines.iter().any(|line| Some(line.amount.currency()) != currency) {
        return Err(Rejection::new(Code::BadCurrency, "data.lines", "every line must have the currency of `acv`"));
    }
    Ok(Kind::DealClosed {
        deal_id,
        outcome,
        acv,
        tenor_months: data.integer_if_any("tenor_months", 1..=600)?,
        motion: data.id_if_any("motion")?,
        lines,
        renewal: data.flag_if_any("renewal")?.unwrap_or(false),
    })
}

fn read_line(index: usize, line: &Json) -> Result<Line, Rejection> {
    let at = format!("data.lines[{index}]");
    let revenue_type = line.get("revenue_type").and_then(Json::as_text);
    let amount = line.get("amount").ok_or_else(|| Rejection::missing(&format!("{at}.amount")))?;
    Ok(Line {
        revenue_type: revenue_type.ok_or_else(|| Rejection::missing(&format!("{at}.revenue_type")))?.to_owned(),
        amount: read_money(&format!("{at}.amount"), amount)?,
    })
}

fn read_partner(name: &str, data: &Data) -> Result<Kind, Rejection> {
    let reason = |kind| data.text("reason").map(|_| kind);
    match name {
        "partner.enrolled" => Ok(Kind::PartnerEnrolled {
            name: data.text("name")?,
            motions: data.texts("motions")?,
            agreement_version: data.text_if_any("agreement_version")?,
            territory: data.text_if_any("territory")?,
            timezone: data.text_if_any("timezone")?,
        }),
        "partner.suspended" => reason(Kind::PartnerSuspended),
        "partner.reinstated" => reason(Kind::PartnerReinstated),
        "partner.offboarded" => reason(Kind::PartnerOffboarded),
        "agreement.accepted" => {
            Ok(Kind::AgreementAccepted { version: data.text("version")?, person_id: data.id("person_id")? })
        }
        _ => Err(unsupported(name)),
    }
}

fn read_activity(name: &str, data: &Data) -> Result<Kind, Rejection> {
    let person_id = || data.id("person_id");
    Ok(match name {
        "course.completed" => {
            data.level_if_any()?;
            data.integer_if_any("score", 0..=1_000_000)?;
            Kind::CourseCompleted { course_id: data.id("course_id")?, person_id: person_id()? }
        }
        "certification.granted" => {
            data.level_if_any()?;
            Kind::CertificationGranted {
                certification_id: data.id("certification_id")?,
                person_id: person_id()?,
                valid_until: data.instant_if_any("valid_until")?,
            }
        }
        "certification.expired" => {
            Kind::CertificationExpired { certification_id: data.id("certification_id")?, person_id: person_id()? }
        }
        "content.viewed" => {
            data.integer_if_any("seconds", 0..=86_400)?;
            data.text_if_any("team")?;
            Kind::ContentViewed { content_id: data.id("content_id")?, person_id: person_id()? }
        }
        "project.completed" => {
            data.id("project_id")?;
            let successful = data.one_of("outcome", &["successful", "unsuccessful"])? == "successful";
            Kind::ProjectCompleted { successful, motion: data.id_if_any("motion")? }
        }
        "reward.viewed" => {
            data.id("reward_id")?;
            Kind::RewardViewed { person_id: data.id_if_any("person_id")? }
        }
        "attestation.recorded" => {
            data.id("criterion")?;
            data.text("by")?;
            data.json().get("value").ok_or_else(|| Rejection::missing("data.value"))?;
            Kind::AttestationRecorded
        }
        _ => return Err(unsupported(name)),
    })
}

fn read_agreement_fact(name: &str, data: &Data) -> Result<Kind, Rejection> {
    match name {
        "target.set" => {
            for field in ["motion", "measure", "period"] {
                data.id(field)?;
            }
            data.json().get("value").ok_or_else(|| Rejection::missing("data.value"))?;
            Ok(Kind::TargetSet)
        }
        "purchase_order.received" => {
            Ok(Kind::PurchaseOrderReceived { deal_id: data.id("deal_id")?, amount: data.money("amount")? })
        }
        "exclusivity.granted" | "exclusivity.ended" => {
            if data.text_if_any("territory")?.is_none() && data.text_if_any("vertical")?.is_none() {
                return Err(bad_value("territory", "write a territory or a vertical".to_owned()));
            }
            data.instant_if_any("until")?;
            Ok(if name.ends_with("granted") { Kind::ExclusivityGranted } else { Kind::ExclusivityEnded })
        }
        "benefit.booked" | "benefit.released" => {
            data.id("benefit")?;
            data.text("slot")?;
            Ok(if name.ends_with("booked") { Kind::BenefitBooked } else { Kind::BenefitReleased })
        }
        "invoice.paid" => {
            data.id("invoice_id")?;
            data.instant_if_any("period_start")?;
            data.instant_if_any("period_end")?;
            Ok(Kind::InvoicePaid { deal_id: data.id("deal_id")?, amount: data.money("amount")? })
        }
        _ => Err(unsupported(name)),
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
