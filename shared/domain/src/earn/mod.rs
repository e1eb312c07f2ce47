//! Earning: does a rule match, what is it worth, what do its caps leave (M36-M40).

mod caps;
mod facts;

pub(crate) use caps::{frequency_needs, points_left, use_points};
pub(crate) use facts::Facts;

use event::ids::Motion;
use program::{Condition, Points, Program, Rule, Test, Times};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use caps::{use_cap, used};

use crate::ledger::{Account, Effect, Trial, Verdict};

/// What one rule gives one event.
pub(crate) struct Award {
    pub(crate) trial: Trial,
    /// Points after caps; zero gives no posting.
    pub(crate) points: i64,
    /// The multipliers that applied, multiplied.
    pub(crate) factor: Decimal,
    /// The caps that were used.
    pub(crate) effects: Vec<Effect>,
}

/// Tries one rule. `tier_of` is the account before the event: a promotion multiplies from the next event on.
pub(crate) fn try_rule(program: &Program, rule: &Rule, facts: &Facts<'_>, account: &Account) -> Award {
    let times = factors(program, rule, facts, account);
    let factor = product(&times);
    let worth = worth(rule, facts, factor);
    let nothing =
        |verdict| Award { trial: Trial { rule: rule.id.clone(), verdict, worth }, points: 0, factor, effects: vec![] };
    if let Some(failed) = rule.conditions.iter().find(|c| !holds(c, facts)) {
        let seen = facts.text(&failed.field);
        return nothing(Verdict::Unmatched { field: failed.field.clone(), wanted: failed.words.clone(), seen });
    }
    if worth == 0 {
        return nothing(Verdict::Nothing);
    }
    let mut points = worth;
    let mut cut_by = None;
    for cap in &rule.at_most {
        let used = used(program, rule, cap, facts, account);
        let left = if cap.points { cap.limit - used } else { i64::from(used < cap.limit) * worth };
        if left <= 0 {
            return nothing(Verdict::Capped { cap: cap.words.clone(), used });
        }
        if left < points {
            points = left;
            cut_by = Some(cap.words.clone());
        }
    }
    let effects = rule.at_most.iter().map(|cap| use_cap(program, rule, cap, facts, points)).collect();
    let verdict = Verdict::Gave { points, times, cut_by };
    Award { trial: Trial { rule: rule.id.clone(), verdict, worth }, points, factor, effects }
}

/// What a deal's rule is worth at its value now, whatever its caps: for rating an amended or reversed deal again.
pub(crate) fn rate_again(rule: &Rule, facts: &Facts<'_>, factor: Decimal) -> i64 {
    if rule.conditions.iter().all(|c| holds(c, facts)) { worth(rule, facts, factor) } else { 0 }
}

/// Base points times the factor, rounded down to whole points once.
fn worth(rule: &Rule, facts: &Facts<'_>, factor: Decimal) -> i64 {
    let exact = Decimal::from(base_points(&rule.points, facts)).checked_mul(factor);
    exact.and_then(|v| v.round_dp_with_strategy(0, RoundingStrategy::ToZero).to_i64()).unwrap_or(i64::MAX / 4)
}

fn base_points(points: &Points, facts: &Facts<'_>) -> i64 {
    match points {
        Points::Fixed(points) => *points,
        Points::Bands { by, bands } => {
            let Some(amount) = facts.number(by) else { return 0 };
            bands.iter().rev().find(|(from, _)| *from <= amount).map_or(0, |(_, points)| *points)
        }
        Points::Table { by, table } => facts.text(by).and_then(|value| table.get(&value).copied()).unwrap_or(0),
        Points::Per { by, per, points } => {
            let steps = facts.number(by).and_then(|amount| amount.checked_div(*per));
            let steps = steps.map(|s| s.round_dp_with_strategy(0, RoundingStrategy::ToZero));
            steps.and_then(|s| s.to_i64()).and_then(|s| s.checked_mul(*points)).unwrap_or(0)
        }
    }
}

fn holds(condition: &Condition, facts: &Facts<'_>) -> bool {
    match &condition.test {
        Test::Is(wanted) => facts.text(&condition.field).as_ref() == Some(wanted),
        Test::IsNot(unwanted) => facts.text(&condition.field).as_ref() != Some(unwanted),
        Test::OneOf(wanted) => facts.text(&condition.field).is_some_and(|seen| wanted.contains(&seen)),
        Test::Compare(comparison, wanted) => {
            facts.number(&condition.field).is_some_and(|seen| comparison.holds(seen, *wanted))
        }
    }
}

fn factors(program: &Program, rule: &Rule, facts: &Facts<'_>, account: &Account) -> Vec<(String, Decimal)> {
    let mut applied = Vec::new();
    for times in &rule.times {
        match times {
            Times::Tier { motion, tier, by } => {
                let held = |(m, standing): (&Motion, &crate::ledger::Standing)| {
                    motion.as_ref().is_none_or(|wanted| wanted == m) && standing.tier == *tier
                };
                if account.head.tiers.iter().any(held) {
                    applied.push((format!("tier {tier}"), *by));
                }
            }
            Times::Campaign(id) => {
                if let Some(campaign) = program.campaigns.get(id).filter(|c| c.from <= facts.day && facts.day < c.until)
                {
                    applied.push((format!("campaign {id}"), campaign.by));
                }
            }
        }
    }
    applied
}

fn product(times: &[(String, Decimal)]) -> Decimal {
    times.iter().fold(Decimal::ONE, |product, (_, by)| product.saturating_mul(*by))
}
