//! Caps: how much of a rule is used, and what is left (M40). A cap's count is named by what the cap says, so that neither its
//! place nor a new limit starts it anew.

use event::Kind;
use event::ids::Label;
use event::period::Period;
use jiff::Span;
use jiff::civil::Date;
use program::{Cap, CapBy, CapUnit, Program, Reward, Rule};

use super::seen::Seen;
use crate::ledger::{Account, Asset, CapKey, CapOf, Effect, FoldError, Used};

/// The counts of a reward's caps on a day; they are the partner's own.
pub(crate) fn reward_caps<'r>(program: &Program, reward: &'r Reward, day: Date) -> Vec<(CapKey, &'r Cap)> {
    let key = |cap: &Cap| CapKey {
        of: CapOf::Reward(reward.id.clone()),
        says: cap.says.clone(),
        period: Period::of(cap.every, day, &program.calendar),
        who: Label::default(),
        value: Label::default(),
    };
    reward.at_most.iter().map(|cap| (key(cap), cap)).collect()
}

/// The field by which what customers pay is told apart.
pub(super) const INVOICE: &str = "invoice_id";

/// So many days ago minutes and hours are told apart: fewer than counts are kept.
const LATELY_DAYS: i64 = 365;

/// The count that a cap looks at for an event.
pub(super) fn rule_cap(program: &Program, rule: &Rule, cap: &Cap, seen: &Seen<'_>) -> CapKey {
    // What becomes known long after it happened counts on the day on which it is booked: its minute, or hour, is forgotten by then.
    let lately = seen.booked.checked_sub(Span::new().days(LATELY_DAYS)).is_ok_and(|since| seen.day >= since);
    let calendar = &program.calendar;
    let period = if lately {
        Period::at(cap.every, seen.at, seen.booked, calendar)
    } else {
        Period::of(cap.every, seen.booked, calendar)
    };
    let who = match cap.by {
        CapBy::Partner => Label::default(),
        CapBy::Person => seen.person.map_or_else(|| "nobody".into(), Label::from),
        CapBy::Team => format!("team {}", seen.text("team").unwrap_or_default()).into(),
        CapBy::Territory => format!("territory {}", seen.text("territory").unwrap_or_default()).into(),
    };
    let value = cap.field.as_ref().and_then(|field| seen.text(field)).map(|value| match seen.kind {
        // One invoice may be of several deals.
        Kind::InvoicePaid { deal_id, .. } if cap.field.as_deref() == Some(INVOICE) => {
            format!("{}/{deal_id}/{value}", deal_id.len()).into()
        }
        _ => Label::from(&*value),
    });
    CapKey { of: CapOf::Rule(rule.id.clone()), says: cap.says.clone(), period, who, value: value.unwrap_or_default() }
}

/// The counts that a rule's caps look at for an event, in the order of the caps.
pub(crate) fn rule_caps(program: &Program, rule: &Rule, seen: &Seen<'_>) -> Vec<CapKey> {
    rule.at_most.iter().map(|cap| rule_cap(program, rule, cap, seen)).collect()
}

/// Whether a cap is of what is given: an amount of one money bounds no other.
pub(crate) fn bounds(cap: &Cap, asset: Asset) -> bool {
    match cap.unit {
        CapUnit::Money(currency) => asset == Asset::Money(currency),
        CapUnit::Times | CapUnit::Points => true,
    }
}

/// How much a cap leaves, and how much of it is used. What is forgotten leaves nothing.
pub(crate) fn unused(cap: &Cap, key: &CapKey, account: &Account) -> Result<(i64, i64), FoldError> {
    Ok(match account.used(key)? {
        Used::So(used) => ((cap.limit - used).max(0), used),
        Used::Forgotten => (0, cap.limit),
    })
}

/// What the caps of a rule leave for an award that is rated again. Caps on how often count only where it gave
/// nothing before.
pub(crate) fn left(rule: &Rule, keys: &[CapKey], account: &Account, gave: bool) -> Result<i64, FoldError> {
    let mut left = i64::MAX;
    for (cap, key) in rule.at_most.iter().zip(keys) {
        let (unused, _) = unused(cap, key, account)?;
        match (cap.unit, gave, unused) {
            (CapUnit::Points | CapUnit::Money(_), _, unused) => left = left.min(unused),
            (CapUnit::Times, false, 0) => left = 0,
            (CapUnit::Times, ..) => {}
        }
    }
    Ok(left)
}

fn says(effect: &Effect) -> Option<(&CapKey, i64)> {
    if let Effect::Cap { key, by } = effect { Some((key, *by)) } else { None }
}

/// The caps of a rule, used by an award of `amount`; those on how often only where it gave nothing before. Two caps that say
/// the same of other limits are one count.
pub(crate) fn use_caps(rule: &Rule, keys: &[CapKey], (asset, amount): (Asset, i64), gave: bool) -> Vec<Effect> {
    let counted = rule.at_most.iter().zip(keys).filter(|(cap, _)| cap.unit != CapUnit::Times || !gave);
    let counted = counted.filter(|(cap, _)| bounds(cap, asset));
    let mut used: Vec<Effect> = Vec::with_capacity(keys.len());
    for (cap, key) in counted {
        let by = if cap.unit == CapUnit::Times { 1 } else { amount };
        if !used.iter().any(|effect| says(effect) == Some((key, by))) {
            used.push(Effect::Cap { key: key.clone(), by });
        }
    }
    used.sort_by(|a, b| says(a).cmp(&says(b)));
    used
}

/// The caps of a rule, given back by what was taken of an award; those on how often only where nothing of it is left. What is
/// forgotten stays so, and no count falls below none.
pub(crate) fn free_caps(
    rule: &Rule,
    keys: &[CapKey],
    account: &Account,
    (asset, taken, all): (Asset, i64, bool),
) -> Result<Vec<Effect>, FoldError> {
    let mut freed = Vec::new();
    for effect in use_caps(rule, keys, (asset, taken), !all) {
        let Effect::Cap { key, by } = effect else { continue };
        if let Used::So(used) = account.used(&key)? {
            freed.push(Effect::Cap { key, by: -by.min(used) });
        }
    }
    freed.retain(|effect| !matches!(effect, Effect::Cap { by: 0, .. }));
    Ok(freed)
}
