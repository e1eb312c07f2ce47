//! Caps: how much of a rule is used, and what is left (M40).

use event::time::Every;
use program::{Cap, Program, Rule, Scope};

use super::facts::Facts;
use crate::ledger::{Account, Effect, FrequencyKey};

/// What the rule's caps on points leave, and the effects of using `points` of them.
pub(crate) fn points_left(program: &Program, rule: &Rule, facts: &Facts<'_>, account: &Account) -> i64 {
    let caps = rule.at_most.iter().filter(|cap| cap.points);
    caps.map(|cap| (cap.limit - used(program, rule, cap, facts, account)).max(0)).min().unwrap_or(i64::MAX)
}

/// The caps on points, used by `points`.
pub(crate) fn use_points(program: &Program, rule: &Rule, facts: &Facts<'_>, points: i64) -> Vec<Effect> {
    rule.at_most.iter().filter(|cap| cap.points).map(|cap| use_cap(program, rule, cap, facts, points)).collect()
}

/// Where a cap is counted: in the head, or in the frequency item of a person, a team or a field.
enum Counted {
    Head(String),
    Frequency(FrequencyKey, String),
}

fn counted(program: &Program, rule: &Rule, cap: &Cap, facts: &Facts<'_>) -> Counted {
    let period = program.calendar.period(cap.every, facts.booked);
    let place = rule.at_most.iter().position(|c| c == cap).unwrap_or(0);
    let who = match cap.scope {
        Scope::Partner => String::new(),
        Scope::Person => facts.person.map_or("nobody", |person| person.as_str()).to_owned(),
        Scope::Team => format!("team {}", facts.text("team").unwrap_or_default()),
    };
    let value = cap.field.as_ref().map(|field| facts.text(field).unwrap_or_default());
    if cap.scope == Scope::Partner && value.is_none() && cap.every != Every::Ever {
        return Counted::Head(format!("{}|{place}|{period}", rule.id));
    }
    let key = format!("{}|{place}|{}", rule.id, value.unwrap_or_default());
    Counted::Frequency(FrequencyKey { who, period }, key)
}

/// The frequency items a rule needs for an event.
pub(crate) fn frequency_needs(program: &Program, rule: &Rule, facts: &Facts<'_>) -> Vec<FrequencyKey> {
    let places = rule.at_most.iter().map(|cap| counted(program, rule, cap, facts));
    places.filter_map(|place| if let Counted::Frequency(key, _) = place { Some(key) } else { None }).collect()
}

pub(crate) fn used(program: &Program, rule: &Rule, cap: &Cap, facts: &Facts<'_>, account: &Account) -> i64 {
    let found = match counted(program, rule, cap, facts) {
        Counted::Head(key) => account.head.caps.get(&key),
        Counted::Frequency(item, key) => account.frequency.get(&item).and_then(|counts| counts.get(&key)),
    };
    found.copied().unwrap_or(0)
}

pub(crate) fn use_cap(program: &Program, rule: &Rule, cap: &Cap, facts: &Facts<'_>, points: i64) -> Effect {
    let by = if cap.points { points } else { 1 };
    match counted(program, rule, cap, facts) {
        Counted::Head(key) => Effect::Count { key, by },
        Counted::Frequency(item, key) => Effect::Frequency { item, key, by },
    }
}
