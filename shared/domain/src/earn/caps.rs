//! Caps: how much of a rule is used, and what is left (M40). A cap's count is named by what the cap says, so that neither its
//! place nor a new limit starts it anew.

use event::period::Period;
use program::{Cap, CapScope, Program, Rule};

use super::seen::Seen;
use crate::ledger::{Account, CapKey, Effect, FoldError, FrequencyKey};

/// The count of a cap in a period.
pub(crate) fn cap_key(of: String, cap: &Cap, period: Period, who: &str, value: &str) -> CapKey {
    CapKey { of, says: cap.says(), period, who: who.to_owned(), value: value.to_owned() }
}

fn key(program: &Program, rule: &Rule, cap: &Cap, seen: &Seen<'_>) -> CapKey {
    let period = Period::of(cap.every, seen.booked, &program.calendar);
    let who = match cap.scope {
        CapScope::Partner => String::new(),
        CapScope::Person => seen.person.map_or("nobody", |person| person.as_str()).to_owned(),
        CapScope::Team => format!("team {}", seen.text("team").unwrap_or_default()),
    };
    let value = cap.field.as_ref().map(|field| seen.text(field).unwrap_or_default()).unwrap_or_default();
    cap_key(rule.id.to_string(), cap, period, &who, &value)
}

/// The frequency items a rule needs for an event.
pub(crate) fn frequency_needs(program: &Program, rule: &Rule, seen: &Seen<'_>) -> Vec<FrequencyKey> {
    rule.at_most.iter().filter_map(|cap| key(program, rule, cap, seen).item()).collect()
}

/// What a cap has used, of its item, which must be loaded (I25).
pub(crate) fn used(
    program: &Program,
    rule: &Rule,
    cap: &Cap,
    seen: &Seen<'_>,
    account: &Account,
) -> Result<i64, FoldError> {
    account.used(&key(program, rule, cap, seen)).ok_or(FoldError::NotLoaded)
}

/// What the caps of a rule leave of points for an award that is rated again. Caps on how often count only where it gave
/// nothing before.
pub(crate) fn left(
    program: &Program,
    rule: &Rule,
    seen: &Seen<'_>,
    account: &Account,
    gave: bool,
) -> Result<i64, FoldError> {
    let mut left = i64::MAX;
    for cap in &rule.at_most {
        let unused = (cap.limit - used(program, rule, cap, seen, account)?).max(0);
        match (cap.points, gave, unused) {
            (true, _, unused) => left = left.min(unused),
            (false, false, 0) => left = 0,
            (false, ..) => {}
        }
    }
    Ok(left)
}

/// The caps of a rule, used by an award of `points`; those on how often only where it gave nothing before. Two caps that say
/// the same of other limits are one count.
pub(crate) fn use_caps(program: &Program, rule: &Rule, seen: &Seen<'_>, points: i64, gave: bool) -> Vec<Effect> {
    let counted = rule.at_most.iter().filter(|cap| cap.points || !gave);
    let mut used: Vec<(CapKey, i64)> =
        counted.map(|cap| (key(program, rule, cap, seen), if cap.points { points } else { 1 })).collect();
    used.sort();
    used.dedup();
    used.into_iter().map(|(key, by)| Effect::Cap { key, by }).collect()
}
