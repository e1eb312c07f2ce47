//! A program against the one before: what a rule gives by both in the same case, and what that makes of a budget's pace.

use domain::decide::BudgetOf;
use domain::ledger::PoolBalance;
use event::ids::{Name, RuleId};
use jiff::civil::Date;
use program::{Code, Diagnostic, Figure, Gives, Leap, Points, Program, Rate, Rule, Severity};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::probe::{Case, ask, motion_of, tiers_of, within};
use crate::story::Ground;
use crate::witness::{Witness, given, given_in_words};

/// So many values of a scale are tried where any will do.
const VALUES_MAX: usize = 12;

/// A value within each step of a rule's scale, with where the step begins or the row's value.
fn values(program: &Program, rule: &Rule) -> Vec<(String, Option<String>)> {
    let steps = |from: Vec<Decimal>| {
        let tops = from.iter().skip(1).map(Some).chain([None]);
        let each = from.iter().zip(tops);
        let each = each.filter_map(|(from, top)| {
            within(program, rule, *from, top.copied()).map(|value| (from.to_string(), Some(value)))
        });
        each.collect::<Vec<_>>()
    };
    let plain = || vec![(String::new(), None)];
    match &rule.gives {
        Gives::Points(Points::Fixed(_)) => plain(),
        Gives::Points(Points::Bands { bands, .. }) => steps(bands.iter().map(|(from, _)| *from).collect()),
        Gives::Points(Points::Table { table, .. }) => {
            table.keys().map(|value| (value.clone(), Some(value.clone()))).collect()
        }
        Gives::Points(Points::Per { per, .. }) => steps(vec![*per]),
        Gives::Money(commission) => match &commission.rate {
            Rate::Fixed(_) => plain(),
            Rate::Bands { bands: all, .. } | Rate::Slices { slices: all, .. } => {
                steps(all.iter().map(|(from, _)| *from).collect())
            }
            Rate::Table { table, .. } => table.iter().map(|(value, _)| (value.clone(), Some(value.clone()))).collect(),
        },
    }
}

/// The cases that may show a figure of a rule: one of its step; of what multiplies, one for each step of its scale, up to so many.
fn cases_of(program: &Program, rule: &Rule, figure: &Figure) -> Vec<Case> {
    let values = values(program, rule);
    let each = |case: Case| {
        let values = values.iter().rev().take(VALUES_MAX).map(|(_, value)| value.clone());
        values.map(|value| Case { value, ..case.clone() }).collect::<Vec<_>>()
    };
    match figure {
        Figure::Step(from) => {
            let of_step = values.iter().filter(|(step, _)| step == from);
            of_step.map(|(_, value)| Case { value: value.clone(), ..Case::default() }).collect()
        }
        Figure::Tier(tier) => motion_of(program, tier)
            .map(|motion| each(Case { tier: Some((motion, tier.clone())), ..Case::default() }))
            .unwrap_or_default(),
        Figure::Months(months) => each(Case { months: Some(*months), ..Case::default() }),
        Figure::Only => each(Case::default()),
    }
}

/// The story of a figure that leaps against the program before: what it gives by both. `None` where no case shows it.
pub(crate) fn leap(before: &Ground, after: &Ground, leap: &Leap) -> Option<Witness> {
    let (id, figure) = leap.figure.as_ref()?;
    let (old, rule) = (before.program().rules.get(id)?, after.program().rules.get(id)?);
    // Tiers that pay hold for the story of both.
    cases_of(after.program(), rule, figure).into_iter().find_map(|case| {
        let gave = given_in_words(before, old, &case)?;
        let gives = given_in_words(after, rule, &case)?;
        let told = |_: &str| format!("what gave {gave} by the version before gives {gives} by this one");
        if gave == gives { None } else { given(after, rule, &case, told) }
    })
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

/// Budgets of which nothing is left within a month, at the pace at which they are drawn on; or that may be so where rules of theirs give
/// more by a program than by the one before.
pub fn soon_spent(
    before: Option<&Ground>,
    (after, text): (&Ground, &str),
    all: &[Stands<'_>],
    today: Date,
) -> Vec<Diagnostic> {
    let kept = |stands: &&Stands<'_>| after.program().budgets.contains_key(&stands.of.budget.id);
    let each = all.iter().filter(kept).filter_map(|Stands { of, balance, funded }| {
        let (pool, id) = (&of.pool, &of.budget.id);
        let soon = |day: &Date| today.until(*day).is_ok_and(|left| left.get_days() < MONTH_DAYS);
        let spent = |times| of.spent_on(*balance, *funded, today, times).filter(soon);
        let more = before.and_then(|before| gives_more(before, after, id, today));
        let faster = more.and_then(|(rule, times)| Some((spent(times)?, rule, times)));
        let by = faster.map(|(day, rule, times)| {
            format!(
                "on {day} already where `{rule}` draws all of it, which gives {times} times as much by this version"
            )
        });
        let at_this_pace = spent(Decimal::ONE).map(|day| format!("on {day} at this pace"));
        if at_this_pace.is_none() && by.is_none() {
            return None;
        }
        let [put, drawn, left] = [balance.funded(), balance.drawn, balance.left].map(|sum| pool.told(sum));
        let when = at_this_pace.into_iter().chain(by).collect::<Vec<_>>().join(", ");
        let message = format!("nothing is left of the {pool} {when}: {drawn} of {put} are drawn, and {left} are left");
        let help = format!("put more into it, with `laurel budgets fund {id}`, or let its rules give less");
        let kind = (Severity::Warning, Code::BudgetSoonSpent);
        Some(Diagnostic::at(kind, text, &["budget", id.as_str()], message, Some(help)))
    });
    each.collect()
}

/// The rule of a budget that gives the most times as much by a program as by the one before, in any one case, and how many times;
/// `None` where none gives more. One that is paused today draws nothing.
fn gives_more(before: &Ground, after: &Ground, budget: &Name, today: Date) -> Option<(RuleId, Decimal)> {
    let (old, new) = (before.without_pauses(), after.without_pauses());
    let draws = |rule: &&Rule| rule.budget.as_ref() == Some(budget) && rule.paused_on(today).is_none();
    let each = after.program().rules.values().filter(draws).filter_map(|rule| {
        let was = old.program().rules.get(&rule.id)?;
        let steps = cases_of(after.program(), rule, &Figure::Only);
        let tiers = tiers_of(after.program(), rule).into_iter();
        let tiers =
            tiers.filter_map(|(_, tier)| cases_of(after.program(), rule, &Figure::Tier(tier)).into_iter().next());
        let times = steps.into_iter().chain(tiers).filter_map(|case| {
            let (gave, gives) = (ask(&old, was, &case)?, ask(&new, rule, &case)?);
            let times = Decimal::from(gives.amount).checked_div(Decimal::from(gave.amount))?;
            (gave.asset == gives.asset).then(|| times.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
        });
        Some((rule.id.clone(), times.max()?.normalize()))
    });
    each.filter(|(_, times)| *times > Decimal::ONE).max_by_key(|(_, times)| *times)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many bands and tenors a rule has, a figure of it is tried in few cases.
    #[test]
    fn a_figure_is_tried_in_few_cases() {
        let bands: Vec<String> =
            (0..200).map(|n| format!("{{ from = \"{}\", rate = \"4%\" }}", 1 + n * 1_000)).collect();
        let tenor: Vec<String> = (1..200).map(|n| format!("\"{n} months\" = \"1.1\"")).collect();
        let file = format!(
            "[program]\nid = \"p\"\nname = \"P\"\ncurrency = \"USD\"\n[sources]\n\"/crm/*\" = [\"*\"]\n[commission.base]\nrate = {{ by = \"acv\", bands = [{}] }}\ntenor = {{ {} }}\n",
            bands.join(", "),
            tenor.join(", ")
        );
        let program = Program::parse(&file).expect("a program");
        let rule = program.rules.values().next().expect("a rule");
        let cases = |figure: Figure| cases_of(&program, rule, &figure).len();
        assert_eq!([cases(Figure::Only), cases(Figure::Months(12))], [VALUES_MAX; 2]);
        assert_eq!(cases(Figure::Step("5001".to_owned())), 1);
    }
}
