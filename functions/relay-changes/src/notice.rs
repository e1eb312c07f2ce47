//! What others are told: never an event's body, never a card.

use std::collections::BTreeMap;

use domain::ledger::{Asset, Bucket, Effect, Outcome, PostingKind, Reason, Record, Scope};
use event::Kind;
use serde_json::{Value, json};
use store::aside::Aside;

/// A notice for the bus: its detail type and its detail.
pub(crate) struct Notice {
    pub(crate) kind: &'static str,
    pub(crate) detail: Value,
}

/// What a record is worth telling.
pub(crate) fn of_record(record: &Record) -> Vec<Notice> {
    let about = |extra: Value| {
        let mut detail = json!({
            "program": record.identity.program, "partner": record.partner, "position": record.position,
            "source": record.identity.source, "id": record.identity.id, "type": record.kind, "outcome": record.outcome,
            "correlation_id": record.correlation_id(),
            "decided_at": record.decided_at, "balance": record.after,
        });
        if let (Some(detail), Value::Object(extra)) = (detail.as_object_mut(), extra) {
            detail.extend(extra);
        }
        detail
    };
    let mut notices: Vec<Notice> =
        commissions(record).into_iter().map(|(kind, detail)| Notice { kind, detail: about(detail) }).collect();
    match record.outcome {
        Outcome::Awarded => {
            let points = domain::tell::earned(&record.postings);
            if points > 0 || notices.is_empty() {
                notices.push(Notice { kind: "PointsAwarded", detail: about(json!({ "points": points })) });
            }
        }
        // The notice of that says more.
        Outcome::NoRule
            if exclusivity(record).is_some()
                || slot(record).is_some()
                || matches!(
                    record.reason,
                    Some(
                        Reason::CommissionTakenBack
                            | Reason::TruedUp
                            | Reason::BooksOpen
                            | Reason::CustomerPaid
                            | Reason::PaidOut
                            | Reason::PayoutReturned
                    )
                ) => {}
        Outcome::Refused => {
            notices.push(Notice { kind: "EventRefused", detail: about(json!({ "reason": record.reason })) });
        }
        Outcome::NoRule => {
            notices.push(Notice { kind: "NothingEarned", detail: about(json!({ "reason": record.reason })) });
        }
        _ => {}
    }
    if let Some(Kind::DealReassigned { deal_id, to_partner }) = record.happened()
        && record.reason == Some(Reason::DealMoved)
    {
        let detail = about(json!({ "deal": deal_id, "to_partner": to_partner }));
        notices.push(Notice { kind: "DealMoved", detail });
    }
    if let Some((kind, of)) = exclusivity(record) {
        let sentence = domain::tell::explain(record, None).sentence;
        notices.push(Notice {
            kind,
            detail: about(json!({ "exclusive": of, "reason": record.reason, "sentence": sentence })),
        });
    }
    let late = match &record.reason {
        Some(Reason::OnboardingLate { .. }) => Some("OnboardingLate"),
        Some(Reason::PlanDue { .. }) => Some("ImprovementPlanDue"),
        _ => None,
    };
    if let Some(kind) = late {
        let sentence = domain::tell::explain(record, None).sentence;
        notices.push(Notice { kind, detail: about(json!({ "reason": record.reason, "sentence": sentence })) });
    }
    if let Some((kind, slot)) = slot(record) {
        notices.push(Notice { kind, detail: about(json!({ "slot": slot })) });
    }
    match record.happened() {
        Some(Kind::LeaseEnding { deal_id, opportunity_id, until }) => {
            let detail = about(json!({ "deal": deal_id, "opportunity": opportunity_id, "until": until }));
            notices.push(Notice { kind: "LeaseEnding", detail });
        }
        Some(kind @ (Kind::AwardReleased { .. } | Kind::AwardWithdrawn { .. }))
            if record.outcome == Outcome::Applied =>
        {
            let points = |kind: PostingKind| -> i64 {
                record.postings.iter().filter(|posting| posting.kind == kind).map(|posting| posting.amount).sum()
            };
            let (kind, points) = match kind {
                Kind::AwardReleased { .. } => ("AwardReleased", points(PostingKind::Release)),
                _ => ("AwardWithdrawn", points(PostingKind::Reversal)),
            };
            notices.push(Notice { kind, detail: about(json!({ "points": points })) });
        }
        Some(Kind::PayoutStanding { payout_id }) => {
            notices
                .push(Notice { kind: "PayoutStanding", detail: about(json!({ "payout_id": payout_id.to_string() })) });
        }
        Some(Kind::BidLost { opportunity_id }) => {
            notices.push(Notice { kind: "BidLost", detail: about(json!({ "opportunity": opportunity_id })) });
        }
        _ => {}
    }
    for milestone in record.effects.iter().filter_map(Effect::milestone) {
        let detail = about(json!({ "milestone": milestone.word(), "at": record.time }));
        notices.push(Notice { kind: "MilestoneReached", detail });
    }
    for effect in &record.effects {
        match effect {
            Effect::Tier { motion, from, to, short, .. } => {
                let mut detail = json!({ "motion": motion, "from": from, "to": to });
                if !short.is_empty() {
                    detail["short"] = json!(short);
                }
                notices.push(Notice { kind: "TierChanged", detail: about(detail) });
            }
            Effect::Reviewed { motion, below: Some(below), short, .. } => {
                let kind = if below.is_due() { "PruningDue" } else { "BelowMinimum" };
                let detail = about(json!({ "motion": motion, "times": below.times, "of": below.of, "short": short }));
                notices.push(Notice { kind, detail });
            }
            Effect::Reviewed { motion, demotes_on: Some(day), short, .. } => {
                let detail = about(json!({ "motion": motion, "demotes_on": day, "short": short }));
                notices.push(Notice { kind: "TierAtRisk", detail });
            }
            Effect::Suspected { rule, points, release, why, .. } => {
                let detail = about(json!({ "rule": rule, "points": points, "until": release.day, "why": why }));
                notices.push(Notice { kind: "AwardHeld", detail });
            }
            Effect::Place { place, asks: Some(asks), .. } => {
                let detail = about(json!({ "bidders": place, "asks": asks, "complete": place >= asks }));
                notices.push(Notice { kind: "BidderRegistered", detail });
            }
            Effect::Place { place, .. } if *place > 1 => {
                notices.push(Notice { kind: "OpportunityShared", detail: about(json!({ "place": place })) });
            }
            _ => {}
        }
    }
    notices
}

/// What happened to commissions and payouts: earned, payable, taken back and why, on their way, paid, or back again; by currency.
fn commissions(record: &Record) -> Vec<(&'static str, Value)> {
    if record.postings.iter().all(|posting| posting.asset.is_points()) {
        return Vec::new();
    }
    let earned = domain::tell::paid(&record.postings);
    let step = match record.happened() {
        Some(Kind::PayoutReserved { .. }) => Some("PayoutReserved"),
        Some(Kind::PayoutCancelled { .. }) => Some("PayoutCancelled"),
        Some(Kind::PayoutSettled { .. }) => Some("PayoutSettled"),
        Some(Kind::PayoutReturned { .. }) => Some("PayoutReturned"),
        _ => None,
    };
    let is_payout = |bucket| matches!(bucket, Bucket::InPayout(_) | Bucket::Paid(_));
    let is_payable = |bucket| i64::from(matches!(bucket, Bucket::Available(_)));
    let (mut payable, mut moved) = (BTreeMap::<Asset, i64>::new(), BTreeMap::<Asset, i64>::new());
    for posting in record.postings.iter().filter(|posting| !posting.asset.is_points()) {
        // What became payable, less what of it paid back a debt.
        if matches!(posting.kind, PostingKind::Release | PostingKind::Netting) {
            let by = posting.amount * (is_payable(posting.to) - is_payable(posting.from));
            *payable.entry(posting.asset).or_default() += by;
        }
        if is_payout(posting.from) || is_payout(posting.to) {
            *moved.entry(posting.asset).or_default() += posting.amount;
        }
    }
    let told = |sums: &BTreeMap<Asset, i64>, wanted: fn(i64) -> bool| -> BTreeMap<String, String> {
        let those = sums.iter().filter(|(_, sum)| wanted(**sum));
        those.map(|(asset, sum)| (asset.to_string(), asset.amount(sum.abs()))).collect()
    };
    let all = [
        ("CommissionAccrued", told(&earned, |sum| sum > 0)),
        ("CommissionTakenBack", told(&earned, |sum| sum < 0)),
        ("CommissionPayable", told(&payable, |sum| sum > 0)),
    ];
    let (about, sentence) = (domain::tell::about(record), domain::tell::explain(record, None).sentence);
    let all = all.into_iter().chain(step.map(|step| (step, told(&moved, |_| true))));
    let some = all.filter(|(_, sums)| !sums.is_empty());
    some.map(|(kind, sums)| (kind, json!({ "commissions": sums, "about": about, "sentence": sentence }))).collect()
}

/// What is told of a slot that was booked or given back (M22).
fn slot(record: &Record) -> Option<(&'static str, &str)> {
    match record.reason.as_ref()? {
        Reason::SlotBooked { slot } => Some(("SlotBooked", slot)),
        Reason::SlotReleased { slot } => Some(("SlotReleased", slot)),
        _ => None,
    }
}

/// What is told of a territory or a vertical that is one partner's alone, or is so no longer (M23).
fn exclusivity(record: &Record) -> Option<(&'static str, Scope)> {
    let of = Scope::of(&record.happened()?)?;
    let kind = match record.reason.as_ref()? {
        Reason::Exclusive { .. } => "ExclusivityGranted",
        Reason::ExclusiveAtRisk { .. } => "ExclusivityAtRisk",
        Reason::ExclusiveLost { .. } => "ExclusivityLost",
        Reason::ExclusiveOver if record.holds() => "ExclusivityEnded",
        _ => return None,
    };
    Some((kind, of))
}

/// What a conflict or a rejection is worth telling.
pub(crate) fn of_aside(kept: &Aside) -> Notice {
    let kind = if kept.outcome == Outcome::Conflict { "EventConflict" } else { "EventRejected" };
    let detail = json!({
        "correlation_id": format!("{} {} {}", kept.program, kept.source, kept.id), "program": kept.program, "partner": kept.partner, "source": kept.source, "id": kept.id,
        "outcome": kept.outcome, "rejection": kept.rejection, "kept_at": kept.kept_at,
    });
    Notice { kind, detail }
}
