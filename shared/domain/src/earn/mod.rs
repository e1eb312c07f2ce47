//! Earning: does a rule match, what is it worth, what do its caps leave (M01-M07, M10, M36-M40).

mod caps;
mod conditions;
mod gates;
mod pay;
mod seen;
mod stated;
mod suspicion;

pub(crate) use caps::{free_caps, left, reward_caps, rule_caps, use_caps};
pub(crate) use conditions::{holds, is_stated};
pub use gates::passes;
pub(crate) use gates::{opens_gates, shut};
pub(crate) use pay::{Corrected, pays_again, terms};
pub(crate) use seen::{Seen, Sold, Value, in_data};
pub(crate) use stated::{has_stated, looked_at, stated};
pub(crate) use suspicion::{suspicion, suspicion_counts};

use event::Kind;
use event::ids::{Motion, Name};
use event::money::parse_currency;
use event::period::TargetPeriod;
use event::time::Month;
use jiff::civil::Date;
use program::{Attainment, CapUnit, Commission, Gate, Gives, Measure, Points, Program, Rule, Times};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use caps::{INVOICE, bounds, rule_cap, unused};

use crate::ledger::{
    Account, Asset, Effect, Ended, FoldError, Part, Pool, PoolOf, Standing, TargetKey, Trial, Verdict, factor,
};

/// The field of a trial whose rule asks for what the partner has not.
pub(crate) const NEEDS: &str = "needs";

/// A trial keeps so much of the value that did not match, in characters: the record's data has all of it.
pub(crate) const SEEN_CHARS_MAX: usize = 64;

/// What a rule may give out of a budget: a pool of which so much is left (N10).
pub(crate) struct Purse {
    /// The budget of a period.
    pub(crate) pool: Pool,
    /// In how many sub-balances it is held.
    pub(crate) parts: u8,
    /// What is left of it, in the smallest unit of its asset.
    pub(crate) left: i64,
    /// Whether what it is short of is not given at all.
    pub(crate) all_or_nothing: bool,
}

impl Purse {
    /// Whether it is of this asset: a deal's invoices may be paid in another money than the program has by now.
    pub(crate) fn is_of(&self, asset: Asset) -> bool {
        matches!(self.pool.of, PoolOf::Budget(_, of) if of == asset)
    }

    /// How much of an amount it gives.
    pub(crate) fn gives(&self, wanted: i64) -> i64 {
        if self.all_or_nothing && self.left < wanted { 0 } else { wanted.min(self.left) }
    }
}

/// What one rule gives one event.
pub(crate) struct Award {
    pub(crate) trial: Trial,
    /// What it gives after caps, in the smallest unit of the trial's asset; zero gives no posting.
    pub(crate) amount: i64,
    /// The caps that were used.
    pub(crate) effects: Vec<Effect>,
    /// Whether its budget was short of it.
    pub(crate) short: bool,
}

/// Tries one rule, which gives out of `purse` where it has a budget. Multipliers go by the account before the event: a promotion
/// multiplies from the next event on. Caps cut first, then the budget.
///
/// # Errors
/// [`FoldError::NotLoaded`], [`FoldError::Overflow`].
pub(crate) fn try_rule(
    program: &Program,
    rule: &Rule,
    seen: &Seen<'_>,
    account: &Account,
    purse: Option<&Purse>,
) -> Result<Award, FoldError> {
    let paused = rule.paused_on(seen.day);
    let times = factors(program, rule, seen, account)?;
    let (asset, worth) = match worth(program, rule, seen, factor(&times)) {
        // A pause stops a rule also where nobody can count what it would give.
        Err(FoldError::Overflow) if paused.is_some() => (asset_of(program, rule, seen), 0),
        worth => worth?,
    };
    let trial = |verdict| Trial { rule: rule.id.clone(), worth, asset, verdict };
    let nothing = |verdict| Award { trial: trial(verdict), amount: 0, effects: vec![], short: false };
    let clipped = |text: &str| Some(text.chars().take(SEEN_CHARS_MAX).collect());
    // Whether the partner may have it at all comes first, since that is decided for good.
    if let Some(gate) = shut(program, account, &rule.gates, seen.at)? {
        return Ok(nothing(lacks(gate)));
    }
    if let Some(held) = rule.commission().and_then(|commission| other_tiers(commission, account)) {
        return Ok(nothing(Verdict::Unmatched { seen: clipped(&held), field: "tier".to_owned(), times: Vec::new() }));
    }
    if let Some((field, seen)) = rule.commission().and_then(|commission| no_share(rule, commission, seen)) {
        return Ok(nothing(Verdict::Unmatched { seen: Some(seen), field: field.to_owned(), times: Vec::new() }));
    }
    let may_come = |field: &str| !asset.is_points() && seen.amounts.contains_key(field);
    // What a value may come to later, a pause withholds for good.
    let failed = rule.conditions.iter().find(|c| !holds(c, seen));
    if let Some(failed) = failed.filter(|failed| paused.is_none() || !may_come(&failed.field)) {
        let field = failed.field.clone();
        // What the record's data says of it is not said twice.
        let text = seen.text(&field).filter(|text| in_data(seen.kind, &field).as_ref() != Some(text));
        let times = if may_come(&field) { times } else { Vec::new() };
        return Ok(nothing(Verdict::Unmatched { seen: text.and_then(|text| clipped(&text)), field, times }));
    }
    if let Some(pause) = paused {
        let effects = told_of(program, rule, seen, account)?;
        return Ok(Award { effects, ..nothing(Verdict::Paused { until: pause.until }) });
    }
    if worth == 0 {
        let times = if asset.is_points() { Vec::new() } else { times };
        return Ok(nothing(Verdict::Nothing { times }));
    }
    let mut amount = worth;
    let mut cut_by = None;
    let keys = rule_caps(program, rule, seen);
    for (cap, key) in rule.at_most.iter().zip(&keys).filter(|(cap, _)| bounds(cap, asset)) {
        let (unused, used) = unused(cap, key, account)?;
        let left = if cap.unit == CapUnit::Times { i64::from(unused > 0) * worth } else { unused };
        if left <= 0 {
            return Ok(nothing(Verdict::Capped { cap: cap.words.clone(), used, times }));
        }
        if left < amount {
            amount = left;
            cut_by = Some(cap.words.clone());
        }
    }
    let short = purse.filter(|purse| purse.is_of(asset) && purse.left < amount);
    if let Some(purse) = short {
        let budget = purse.pool.to_string();
        amount = purse.gives(amount);
        if amount == 0 {
            return Ok(Award { short: true, ..nothing(Verdict::Spent { budget, left: purse.left, times }) });
        }
        cut_by = Some(budget);
    }
    let effects = use_caps(rule, &keys, (asset, amount), false);
    Ok(Award { trial: trial(Verdict::Gave { times, cut_by }), amount, effects, short: short.is_some() })
}

/// What a rule gives where it is not counted how much: money in the currency in which it would be paid.
fn asset_of(program: &Program, rule: &Rule, seen: &Seen<'_>) -> Asset {
    if rule.commission().is_none() {
        return Asset::Points;
    }
    let paid_in = seen.sold.as_ref().and_then(|sold| sold.paid_in.get(&rule.id).copied());
    let of_deal = seen.value.as_ref().map(|value| value.currency);
    let of_deal = of_deal.filter(|_| program.policy.commissions.in_deals_currency);
    let own = || parse_currency(&program.currency).map(|currency| currency.code()).unwrap_or_default();
    Asset::Money(paid_in.or(of_deal).unwrap_or_else(own))
}

/// An invoice that was paid in a pause has been told of: told again after it, it is the same one.
///
/// # Errors
/// [`FoldError::NotLoaded`]: its counts were not read (I25).
fn told_of(program: &Program, rule: &Rule, seen: &Seen<'_>, account: &Account) -> Result<Vec<Effect>, FoldError> {
    let mut told = Vec::new();
    let Kind::InvoicePaid { .. } = seen.kind else { return Ok(told) };
    for cap in rule.at_most.iter().filter(|cap| cap.unit == CapUnit::Times && cap.field.as_deref() == Some(INVOICE)) {
        let key = rule_cap(program, rule, cap, seen);
        let is_new = unused(cap, &key, account)?.0 > 0;
        told.extend(Some(Effect::Cap { key, by: 1 }).filter(|effect| is_new && !told.contains(effect)));
    }
    Ok(told)
}

/// The verdict on a rule that asks for what the partner has not.
pub(crate) fn lacks(gate: &Gate) -> Verdict {
    let whole = gate.to_string();
    let mut seen: String = whole.chars().take(SEEN_CHARS_MAX).collect();
    if seen.len() < whole.len() {
        seen.push('…');
    }
    Verdict::Unmatched { field: NEEDS.to_owned(), seen: Some(seen), times: Vec::new() }
}

/// The tiers that the partner holds, if a commission asks for others.
pub(crate) fn other_tiers(commission: &Commission, account: &Account) -> Option<String> {
    let standings = account.head.tiers.values();
    if commission.tiers.is_empty() || standings.clone().any(|held| commission.tiers.contains(&held.tier)) {
        return None;
    }
    let held: Vec<String> = standings.map(|held| held.tier.to_string()).collect();
    Some(if held.is_empty() { "none".to_owned() } else { held.join(", ") })
}

/// Why a commission has no share in an invoice of a deal, by the key of its rule that says so: it paid when the deal closed, or for no
/// longer than this (M10).
fn no_share(rule: &Rule, commission: &Commission, seen: &Seen<'_>) -> Option<(&'static str, String)> {
    let sold = seen.sold.as_ref()?;
    if sold.void {
        return Some(("deal", "reversed".to_owned()));
    }
    if let Some(paid) = sold.by.rules.get(&rule.id).filter(|paid| paid.on != rule.on) {
        return Some(("on", paid.on.clone()));
    }
    let ended = commission.lasts.is_some_and(|lasts| lasts.after(sold.on) <= seen.day);
    ended.then(|| ("for", format!("closed on {}", sold.on)))
}

/// What a deal's earning rule is worth at its value now, whatever its caps: for rating an amended or reversed deal again.
///
/// # Errors
/// [`FoldError::Overflow`].
pub(crate) fn rate_again(rule: &Rule, points: &Points, seen: &Seen<'_>, factor: Decimal) -> Result<i64, FoldError> {
    let matches = rule.conditions.iter().all(|c| holds(c, seen));
    if matches { whole_points(points, seen, factor) } else { Ok(0) }
}

fn worth(program: &Program, rule: &Rule, seen: &Seen<'_>, factor: Decimal) -> Result<(Asset, i64), FoldError> {
    match &rule.gives {
        Gives::Points(points) => Ok((Asset::Points, whole_points(points, seen, factor)?)),
        Gives::Money(commission) => pay::pays(program, (rule, commission), seen, factor),
    }
}

/// Base points times the factor, rounded down to whole points once.
fn whole_points(points: &Points, seen: &Seen<'_>, factor: Decimal) -> Result<i64, FoldError> {
    let exact = Decimal::from(base_points(points, seen)?).checked_mul(factor);
    let whole = exact.and_then(|v| v.round_dp_with_strategy(0, RoundingStrategy::ToZero).to_i64());
    whole.ok_or(FoldError::Overflow)
}

fn base_points(points: &Points, seen: &Seen<'_>) -> Result<i64, FoldError> {
    Ok(match points {
        Points::Fixed(points) => *points,
        Points::Bands { by, bands } => {
            let Some(amount) = seen.number(by) else { return Ok(0) };
            bands.iter().rev().find(|(from, _)| *from <= amount).map_or(0, |(_, points)| *points)
        }
        Points::Table { by, table } => seen.text(by).and_then(|value| table.get(&*value).copied()).unwrap_or(0),
        Points::Per { by, per, points } => {
            let Some(amount) = seen.number(by) else { return Ok(0) };
            let steps = amount.checked_div(*per).map(|s| s.round_dp_with_strategy(0, RoundingStrategy::ToZero));
            // More than can be counted is no reason to give nothing.
            let points = steps.and_then(|s| s.to_i64()).and_then(|s| s.checked_mul(*points));
            points.ok_or(FoldError::Overflow)?
        }
    })
}

/// The multipliers of a rule that apply, each with its name.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a target is attained by was not read (I25).
pub(crate) fn factors(
    program: &Program,
    rule: &Rule,
    seen: &Seen<'_>,
    account: &Account,
) -> Result<Vec<(String, Decimal)>, FoldError> {
    multipliers(program, rule, seen, account, |_| true)
}

/// The multipliers of a rule by which it is not trued up, multiplied: they stay as they are now (M09).
///
/// # Errors
/// [`FoldError::NotLoaded`]: what another target is attained by was not read (I25).
pub(crate) fn factor_of_others(
    program: &Program,
    rule: &Rule,
    seen: &Seen<'_>,
    account: &Account,
) -> Result<Decimal, FoldError> {
    Ok(factor(&multipliers(program, rule, seen, account, |times| !times.is_trued_up())?))
}

/// The last days of the targets' periods by which what a rule gives for something that is booked on a day is trued up.
pub(crate) fn targets_end(program: &Program, rule: &Rule, booked: Date) -> impl Iterator<Item = Date> {
    let periods = rule.trued_up().filter_map(move |one| TargetPeriod::of(one.every, booked, &program.calendar));
    periods.filter_map(|(_, _, last)| last.plus(1).first_day().yesterday().ok())
}

/// The multipliers of a rule that is trued up: what its targets are attained by now, and the others as they were.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a target is attained by was not read (I25).
pub(crate) fn trued_up(
    program: &Program,
    rule: &Rule,
    (seen, rest): (&Seen<'_>, Decimal),
    account: &Account,
) -> Result<Vec<(String, Decimal)>, FoldError> {
    let mut times = Vec::new();
    if rest != Decimal::ONE {
        times.push(("what multiplied it when it was paid".to_owned(), rest));
    }
    for attainment in rule.trued_up() {
        times.extend(attained(program, attainment, seen, account, true)?);
    }
    Ok(times)
}

fn multipliers(
    program: &Program,
    rule: &Rule,
    seen: &Seen<'_>,
    account: &Account,
    wanted: impl Fn(&Times) -> bool,
) -> Result<Vec<(String, Decimal)>, FoldError> {
    let mut applied = Vec::new();
    for times in rule.times.iter().filter(|times| wanted(times)) {
        match times {
            Times::Tier { motion, tier, by } => {
                let held = |(m, standing): (&Motion, &Standing)| {
                    motion.as_ref().is_none_or(|wanted| wanted == m) && standing.tier == *tier
                };
                if account.head.tiers.iter().any(held) {
                    applied.push((format!("tier {tier}"), *by));
                }
            }
            Times::Campaign(id) => {
                if let Some(campaign) = program.campaigns.get(id).filter(|c| c.from <= seen.day && seen.day < c.until) {
                    applied.push((format!("campaign {id}"), campaign.by));
                }
            }
            Times::Attainment(attainment) => {
                let attained = attained(program, attainment, seen, account, attainment.true_up)?;
                applied.extend(attained.filter(|(_, by)| *by != Decimal::ONE));
            }
        }
    }
    applied.extend(rule.commission().and_then(|commission| pay::tenor(commission, seen)));
    Ok(applied)
}

/// The part of a target of a period that is attained by what was measured from its first month to its last; none where no target was set.
///
/// # Errors
/// [`FoldError::NotLoaded`]: the target, or what was measured, was not read (I25).
fn part_by_now(
    account: &Account,
    (period, first, last): (TargetPeriod, Month, Month),
    measure: Measure,
    motion: &Motion,
) -> Result<Option<Decimal>, FoldError> {
    let Some(target) = account.target(period, measure, motion)? else { return Ok(None) };
    // More than can be told is more than any band asks for.
    Ok(Some(account.measured(motion, measure, first, last)?.checked_div(target).unwrap_or(Decimal::MAX)))
}

/// How far the targets of a rule are attained by which it is trued up, for something that is booked on a day, with the last days of their
/// periods.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a target is attained by was not read (I25).
pub(crate) fn attained_by_now(
    program: &Program,
    rule: &Rule,
    booked: Date,
    account: &Account,
) -> Result<Vec<(TargetKey, Date, Ended)>, FoldError> {
    let mut all = Vec::new();
    for Attainment { measure, motion, every, .. } in rule.trued_up() {
        let Some((period, first, last)) = TargetPeriod::of(*every, booked, &program.calendar) else { continue };
        let part = part_by_now(account, (period, first, last), *measure, motion)?.map(|part| part.normalize());
        let Ok(word) = Name::try_from(measure.word()) else { continue };
        let Ok(end) = last.plus(1).first_day().yesterday() else { continue };
        all.push((TargetKey { period, measure: word, motion: motion.clone() }, end, Ended { first, part }));
    }
    Ok(all)
}

/// What the attainment of a target multiplies by, with its name: `62% of the acv target of 2026-Q2` (M09). Percents are told rounded down.
/// `in_the_end`: as it was when the books of its period had closed, where that is known.
fn attained(
    program: &Program,
    attainment: &Attainment,
    seen: &Seen<'_>,
    account: &Account,
    in_the_end: bool,
) -> Result<Option<(String, Decimal)>, FoldError> {
    let Attainment { measure, motion, every, .. } = attainment;
    let Some((period, first, last)) = TargetPeriod::of(*every, seen.booked, &program.calendar) else { return Ok(None) };
    account.must_know(|| Part::Profile)?;
    let is = |key: &TargetKey| key.period == period && *key.measure == *measure.word() && key.motion == *motion;
    let mut ended = account.profile.attained.iter().filter(|(key, ended)| is(key) && ended.first == first);
    let part = match ended.next().filter(|_| in_the_end) {
        Some((_, ended)) => ended.part,
        None => part_by_now(account, (period, first, last), *measure, motion)?,
    };
    let Some(part) = part else { return Ok(None) };
    let by = attainment.factor(part);
    let percent = part.saturating_mul(Decimal::ONE_HUNDRED).round_dp_with_strategy(1, RoundingStrategy::ToZero);
    Ok(Some((format!("{}% of the {} target of {period}", percent.normalize(), measure.word()), by)))
}
