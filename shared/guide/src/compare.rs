//! A program against the one before: what a rule gives by both in the same case, and what that makes of a budget's pace.

use domain::decide::BudgetOf;
use domain::ledger::PoolBalance;
use event::ids::Name;
use jiff::civil::Date;
use program::{Code, Diagnostic, Gives, Points, Program, Rate, Rule, Severity};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::probe::{Case, Given, ask, motion_of, tiers_of, within};
use crate::story::Ground;
use crate::witness::{Witness, given};

/// Every case in which a rule may give another amount: by tier, by the steps of its scale, by the length of the contract; the plainest
/// first.
fn cases(program: &Program, rule: &Rule) -> Vec<Case> {
    let own = rule.commission().into_iter().flat_map(|commission| &commission.tiers);
    let own = own.filter_map(|tier| Some((motion_of(program, tier)?, tier.clone())));
    let tiers: Vec<_> = [None].into_iter().chain(tiers_of(program, rule).into_iter().chain(own).map(Some)).collect();
    let values = values(program, rule);
    let tenor = rule.commission().into_iter().flat_map(|commission| &commission.tenor);
    let months: Vec<Option<u32>> = [None].into_iter().chain(tenor.map(|(months, _)| Some(*months))).collect();
    let mut all = Vec::new();
    for tier in &tiers {
        for value in &values {
            for months in &months {
                all.push(Case { tier: tier.clone(), value: value.clone(), months: *months, ..Case::default() });
            }
        }
    }
    all
}

/// A value within each step of a rule's scale.
fn values(program: &Program, rule: &Rule) -> Vec<Option<String>> {
    let steps = |from: Vec<Decimal>| {
        let tops = from.iter().skip(1).map(Some).chain([None]);
        let inside = from.iter().zip(tops).filter_map(|(from, top)| within(program, rule, *from, top.copied()));
        inside.map(Some).collect::<Vec<_>>()
    };
    match &rule.gives {
        Gives::Points(Points::Fixed(_)) => vec![None],
        Gives::Points(Points::Bands { bands, .. }) => steps(bands.iter().map(|(from, _)| *from).collect()),
        Gives::Points(Points::Table { table, .. }) => table.keys().cloned().map(Some).collect(),
        Gives::Points(Points::Per { per, .. }) => steps(vec![*per]),
        Gives::Money(commission) => match &commission.rate {
            Rate::Fixed(_) => vec![None],
            Rate::Bands { bands: all, .. } | Rate::Slices { slices: all, .. } => {
                steps(all.iter().map(|(from, _)| *from).collect())
            }
            Rate::Table { table, .. } => table.iter().map(|(value, _)| Some(value.clone())).collect(),
        },
    }
}

/// What a rule gives by the program before and by this one, in each case in which it gives by both.
fn both(before: &Ground, after: &Ground, rule: &Rule) -> Vec<(Case, Given, Given)> {
    let Some(old) = before.program().rules.get(&rule.id) else { return Vec::new() };
    let each = cases(after.program(), rule).into_iter().filter_map(|case| {
        let (gave, gives) = (ask(before, old, &case)?, ask(after, rule, &case)?);
        (gave.asset == gives.asset && gave.amount > 0 && gives.amount > 0).then_some((case, gave, gives))
    });
    each.collect()
}

/// How many times as much as one amount another is, whichever is more.
fn apart(gave: Given, gives: Given) -> Decimal {
    let (less, more) = (gave.amount.min(gives.amount), gave.amount.max(gives.amount));
    Decimal::from(more).checked_div(Decimal::from(less)).unwrap_or(Decimal::ZERO)
}

/// The story of a figure that leaps against the program before: the case in which that shows most. `None` where no case shows it.
pub(crate) fn leap(before: &Ground, after: &Ground, finding: &Diagnostic) -> Option<Witness> {
    let path: Vec<&str> = finding.path.iter().map(String::as_str).collect();
    let rule = match (finding.code, path.as_slice()) {
        (Code::PointsLeap, ["earn", id, ..]) => after.program().rules.get(*id)?,
        (Code::PointsLeap, ["commission", id, ..]) => after.program().rules.get(format!("commission.{id}").as_str())?,
        _ => return None,
    };
    let mut most: Option<(Case, Given, Given)> = None;
    for one in both(before, after, rule) {
        let further = most.as_ref().is_none_or(|(_, gave, gives)| apart(one.1, one.2) > apart(*gave, *gives));
        most = if further { Some(one) } else { most };
    }
    let (case, gave, gives) = most.filter(|(_, gave, gives)| gave.amount != gives.amount)?;
    let gave = gave.asset.told(gave.amount);
    // What one event gives is told by the ledger, which may be cut by a cap.
    let gives = gives.asset.told(gives.amount);
    given(after, rule, &case, |_| format!("what gave {gave} by the version before gives {gives} by this one"))
}

/// How a budget stands in its current period.
#[derive(Clone, Debug)]
pub struct Stands<'a> {
    /// The budget.
    pub of: BudgetOf<'a>,
    /// What it holds.
    pub balance: PoolBalance,
    /// The day on which it was funded first.
    pub funded: Date,
}

/// So many days are a month.
const MONTH_DAYS: i32 = 31;

/// Budgets of which nothing is left within a month, at the pace at which they are drawn on: where the rules of one give more by a
/// program than by the one before, that many times as fast.
pub fn soon_spent(
    before: Option<&Ground>,
    (after, text): (&Ground, &str),
    all: &[Stands<'_>],
    today: Date,
) -> Vec<Diagnostic> {
    let kept = |stands: &&Stands<'_>| after.program().budgets.contains_key(&stands.of.budget.id);
    let each = all.iter().filter(kept).filter_map(|Stands { of, balance, funded }| {
        let (pool, id) = (&of.pool, &of.budget.id);
        let more = before.and_then(|before| gives_more(before, after, id));
        let times = more.as_ref().map_or(Decimal::ONE, |(_, times)| *times);
        let day = of.spent_on(*balance, *funded, today, times)?;
        if today.until(day).ok()?.get_days() >= MONTH_DAYS {
            return None;
        }
        let [put, drawn, left] = [balance.funded(), balance.drawn, balance.left].map(|sum| pool.told(sum));
        let by = more.map(|(rule, times)| format!(", and `{rule}` gives {times} times as much by this version"));
        let message = format!(
            "at this pace nothing is left of the {pool} on {day}: {drawn} of {put} are drawn, and {left} are left{}",
            by.unwrap_or_default()
        );
        let help = format!("put more into it, with `laurel budgets fund {id}`, or let its rules give less");
        let kind = (Severity::Warning, Code::BudgetSoonSpent);
        Some(Diagnostic::at(kind, text, &["budget", id.as_str()], message, Some(help)))
    });
    each.collect()
}

/// The rule of a budget that gives the most times as much by a program as by the one before, and how many times; `None` where none
/// gives more.
fn gives_more(before: &Ground, after: &Ground, budget: &Name) -> Option<(String, Decimal)> {
    let of_budget = after.program().rules.values().filter(|rule| rule.budget.as_ref() == Some(budget));
    let each = of_budget.filter_map(|rule| {
        let more = both(before, after, rule).into_iter().filter(|(_, gave, gives)| gives.amount > gave.amount);
        let most = more.map(|(_, gave, gives)| apart(gave, gives)).max()?;
        let most = most.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero).normalize();
        Some((rule.id.to_string(), most))
    });
    each.max_by_key(|(_, times)| *times)
}
