//! Reading the `data` of each event type: what must be there, and in which form.

use super::{DealOutcome, Kind, RevenueLine, SENT_TYPES};
use crate::fields::{Data, bad_value, read_money};
use crate::ids::PartnerId;
use crate::json::Json;
use crate::money::Money;
use crate::rejection::{Code, Rejection};

impl Kind {
    /// Reads the `data` of a sender's event of type `name`.
    pub(crate) fn read(name: &str, data: &Data) -> Result<Self, Rejection> {
        let (family, _) = name.split_once('.').unwrap_or((name, ""));
        match family {
            "deal" => read_deal(name, data),
            "partner" | "agreement" => read_partner(name, data),
            "course" | "certification" | "content" | "project" | "reward" | "attestation" => read_activity(name, data),
            "target" | "purchase_order" | "exclusivity" | "benefit" | "invoice" => read_agreement_fact(name, data),
            _ => Err(unsupported(name)),
        }
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
        "won" => DealOutcome::Won,
        _ => DealOutcome::Lost,
    };
    let acv = data.money_if_any("acv")?;
    let lines = data
        .list_if_any("lines")?
        .iter()
        .enumerate()
        .map(|(i, line)| read_line(i, line))
        .collect::<Result<Vec<_>, _>>()?;
    if outcome == DealOutcome::Won && acv.is_none() {
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

fn read_line(index: usize, line: &Json) -> Result<RevenueLine, Rejection> {
    let at = format!("data.lines[{index}]");
    let revenue_type = line.get("revenue_type").and_then(Json::as_text);
    let amount = line.get("amount").ok_or_else(|| Rejection::missing(&format!("{at}.amount")))?;
    Ok(RevenueLine {
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
