//! What others are told: never an event's body, never a card.

use std::collections::BTreeMap;

use domain::ledger::{Asset, Bucket, Effect, Outcome, PostingKind, Reason, Record};
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
        commissions(record).map(|(kind, detail)| Notice { kind, detail: about(detail) }).collect();
    match record.outcome {
        Outcome::Awarded => {
            let points = domain::tell::earned(&record.postings);
            if points > 0 || notices.is_empty() {
                notices.push(Notice { kind: "PointsAwarded", detail: about(json!({ "points": points })) });
            }
        }
        // The notice of that says more.
        Outcome::NoRule
            if matches!(
                record.reason,
                Some(Reason::CommissionTakenBack | Reason::CustomerPaid | Reason::PaidOut | Reason::PayoutReturned)
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
    for effect in &record.effects {
        match effect {
            Effect::Tier { motion, from, to, .. } => {
                notices.push(Notice {
                    kind: "TierChanged",
                    detail: about(json!({ "motion": motion, "from": from, "to": to })),
                });
            }
            Effect::Reviewed { motion, demotes_on: Some(day), .. } => {
                notices
                    .push(Notice { kind: "TierAtRisk", detail: about(json!({ "motion": motion, "demotes_on": day })) });
            }
            Effect::Place { place, .. } if *place > 1 => {
                notices.push(Notice { kind: "OpportunityShared", detail: about(json!({ "place": place })) });
            }
            _ => {}
        }
    }
    notices
}

/// What happened to commissions: earned, payable, or taken back and why, by currency.
fn commissions(record: &Record) -> impl Iterator<Item = (&'static str, Value)> {
    let sums = domain::tell::paid(&record.postings);
    let told = |wanted: fn(i64) -> bool| -> BTreeMap<String, String> {
        let those = sums.iter().filter(|(_, sum)| wanted(**sum));
        those.map(|(asset, sum)| (asset.to_string(), asset.amount(sum.abs()))).collect()
    };
    // What became payable, less what of it paid back a debt.
    let mut payable = BTreeMap::<Asset, i64>::new();
    let is_available = |bucket| i64::from(matches!(bucket, Bucket::Available(_)));
    for posting in record.postings.iter().filter(|posting| !posting.asset.is_points()) {
        let by = posting.amount * (is_available(posting.to) - is_available(posting.from));
        if matches!(posting.kind, PostingKind::Release | PostingKind::Netting) {
            *payable.entry(posting.asset).or_default() += by;
        }
    }
    payable.retain(|_, sum| *sum > 0);
    let released: BTreeMap<_, _> = payable.iter().map(|(asset, sum)| (asset.to_string(), asset.amount(*sum))).collect();
    let step = match record.happened() {
        Some(Kind::PayoutReserved { .. }) => Some("PayoutReserved"),
        Some(Kind::PayoutCancelled { .. }) => Some("PayoutCancelled"),
        Some(Kind::PayoutSettled { .. }) => Some("PayoutSettled"),
        Some(Kind::PayoutReturned { .. }) => Some("PayoutReturned"),
        _ => None,
    };
    let moved = record.postings.iter().filter(|p| [p.from, p.to].iter().any(|b| matches!(b, Bucket::InPayout(_))));
    let moved: BTreeMap<_, _> = moved.map(|p| (p.asset.to_string(), p.asset.amount(p.amount))).collect();
    let about = domain::tell::about(record);
    let sentence = domain::tell::explain(record, None).sentence;
    let all = [
        ("CommissionAccrued", told(|sum| sum > 0)),
        ("CommissionTakenBack", told(|sum| sum < 0)),
        ("CommissionPayable", released),
    ];
    let some = all.into_iter().chain(step.map(|step| (step, moved))).filter(|(_, sums)| !sums.is_empty());
    some.map(move |(kind, sums)| (kind, json!({ "commissions": sums, "about": about, "sentence": sentence })))
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
