//! Leaderboards, beside what the records of every partner add up to.

use std::cmp::Reverse;

use domain::audit::rebuild;
use domain::ledger::{Membership, packed};
use domain::tell::brought;
use event::period::TargetPeriod;
use jiff::{SignedDuration, Timestamp};
use program::{Challenge, Program};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Snapshot;
use crate::table::Dynamo;

/// How long a count stands at most, and the time that a sweep takes.
const A_DAY: SignedDuration = SignedDuration::from_hours(25);

/// M39: what a leaderboard shows is what the records say of every partner, and no day passes without a count. `None` where something was
/// recorded after it was counted.
pub(crate) fn m39_leaderboard(
    (table, all): (&Dynamo, &Snapshot),
    program: &Program,
    (challenge, period): (&Challenge, TargetPeriod),
    (shown, now): (&Value, Timestamp),
) -> Option<Vec<String>> {
    let own = || all.records.iter(table).filter(|((of, _), _)| *of == program.id);
    let as_of: Option<Timestamp> = shown["as_of"].as_str().and_then(|text| text.parse().ok());
    let asked = (challenge.metric, challenge.motion.as_str(), period);
    let mut expected = Vec::new();
    for ((_, partner), records) in own() {
        let Ok(mut account) = rebuild(&records, program.calendar.day(now)) else { continue };
        packed::read_all(&mut account);
        let value = brought(program, &account, asked).unwrap_or_default();
        let would_be_seen = account.profile.facts.as_ref().is_some_and(|facts| !facts.value.unlisted);
        if account.head.membership() == Membership::Active && would_be_seen && value > Decimal::ZERO {
            expected.push((Reverse(value), partner.to_string()));
        }
    }
    if !expected.is_empty() && as_of.is_none_or(|as_of| now.duration_since(as_of) > A_DAY) {
        return Some(vec![format!("{period} was counted last at {as_of:?}, and it is {now}")]);
    }
    let as_of = as_of?;
    if own().any(|(_, records)| records.iter().any(|record| record.decided_at >= as_of)) {
        return None;
    }
    expected.sort();
    let place = |value: &Reverse<Decimal>| 1 + expected.iter().filter(|(other, _)| other < value).count();
    let places: Vec<String> = expected
        .iter()
        .take(challenge.places)
        .map(|(value, partner)| format!("{} {partner} {}", place(value), value.0.normalize()))
        .collect();
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<Decimal>().ok()).unwrap_or_default();
    let found: Vec<String> = shown["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let partner = one["partner_id"].as_str().unwrap_or_default();
            format!("{} {partner} {}", one["place"], number(&one["value"]).normalize())
        })
        .collect();
    let says = || format!("{period}: {found:?} of {}, not {places:?} of {}", shown["of"], expected.len());
    let same = found == places && shown["of"].as_u64() == u64::try_from(expected.len()).ok();
    Some((!same).then(says).into_iter().collect())
}
