//! Which pools a decision looks at: of budgets that rules give out of or that are funded (N10), and of benefits (M22). It is known before
//! any pool is read.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Label, Name};
use event::period::{Every, Period, TargetPeriod};
use event::{Code, Event, Kind, Rejection, Whole};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Benefit, Budget, Program, Programs, Rule, Version};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::context::{Case, Context};
use super::stop::Stop;
use crate::ledger::{Asset, CapKey, CapOf, Pool, PoolBalance, PoolOf, PoolPart, Reason, Scope};

/// So many days it is looked at how much is drawn before anything is said of its pace.
const PACE_DAYS_MIN: i32 = 7;

/// Most that a budget holds, in its smallest unit: far above any program, far below an overflow.
pub(super) const FUNDED_MAX: i64 = 1_000_000_000_000_000;

fn pool(budget: &Budget, period: Period) -> Pool {
    let asset = budget.currency.map_or(Asset::Points, Asset::Money);
    Pool { of: PoolOf::Budget(budget.id.clone(), asset), period }
}

/// A budget of a program in one of its periods, and its sub-balances.
#[derive(Clone, Debug)]
pub struct BudgetOf<'a> {
    /// The budget, as the version says that is in force.
    pub budget: &'a Budget,
    /// It in the period.
    pub pool: Pool,
    /// Its sub-balances.
    pub parts: Vec<PoolPart>,
}

/// The budgets of the version in force at `now`, each in the period in which `now` lies, or in the one that is asked for; without those that
/// have no such period.
pub fn budgets(programs: &Programs, now: Timestamp, asked: Option<TargetPeriod>) -> Vec<BudgetOf<'_>> {
    let program = &programs.current(now).program;
    let calendar = &program.calendar;
    let each = program.budgets.values().filter_map(|budget| {
        let period = match asked {
            None => Period::of(budget.every, calendar.day(now), calendar),
            Some(asked) => Some(asked).filter(|asked| asked.every() == budget.every)?.in_calendar(calendar),
        };
        let pool = pool(budget, period);
        let parts = (0..parts_at(programs, now, &pool)).map(|number| pool.part(number)).collect();
        Some(BudgetOf { budget, pool, parts })
    });
    each.collect()
}

impl BudgetOf<'_> {
    /// What it holds in all, given what its sub-balances hold.
    pub fn balance(&self, stored: &BTreeMap<PoolPart, PoolBalance>) -> PoolBalance {
        let mut sum = PoolBalance::default();
        for part in self.parts.iter().filter_map(|part| stored.get(part)) {
            sum.add(part.funded(), part.drawn);
        }
        sum
    }

    /// The first day of its period; none if that never begins.
    fn begins(&self) -> Option<Date> {
        match self.pool.period {
            Period::Month(first) | Period::Quarter(first) | Period::Year(first) => Some(first.first_day()),
            Period::Day(day) => Some(day),
            Period::Minute(_) | Period::Hour(_) | Period::Week(..) | Period::Ever => None,
        }
    }

    /// The day on which nothing is left of it, if `times` as much as on each day since it was funded first is drawn from today on:
    /// `funded` is the day of that. `None` where its period ends before, where nothing is drawn, and before the first week is over.
    pub fn spent_on(&self, balance: PoolBalance, funded: Date, today: Date, times: Decimal) -> Option<Date> {
        let since = self.begins().map_or(funded, |begins| begins.max(funded));
        let days = since.until(today).ok()?.get_days();
        if days < PACE_DAYS_MIN || balance.drawn <= 0 || balance.left <= 0 {
            return None;
        }
        // What is left, by what is drawn a day: so many whole days.
        let a_day = Decimal::from(balance.drawn).checked_mul(times)?.checked_div(Decimal::from(days))?;
        let lasts = Decimal::from(balance.left).checked_div(a_day)?.to_i64()?;
        let day = today.checked_add(jiff::Span::new().try_days(lasts).ok()?).ok()?;
        self.pool.period.last_day().is_none_or(|last| day <= last).then_some(day)
    }

    /// Whether less is left of what it was funded with than the program says staff are told of.
    pub fn is_low(&self, balance: PoolBalance) -> bool {
        Decimal::from(balance.left) < self.budget.low.saturating_mul(Decimal::from(balance.funded()))
    }
}

/// The pool of the budget that a rule gives out of, for what is booked on a day.
pub(super) fn pool_of_rule(program: &Program, rule: &Rule, booked: Date) -> Option<Pool> {
    let budget = program.budgets.get(rule.budget.as_ref()?)?;
    Some(pool(budget, Period::of(budget.every, booked, &program.calendar)))
}

/// In how many sub-balances a pool is held: a budget in as many as any version says that was ever in force, since what was put into one
/// stays there. One that is to come may still be withdrawn.
pub(super) fn parts(context: &Context<'_>, pool: &Pool) -> u8 {
    parts_at(context.programs, context.now, pool)
}

fn parts_at(programs: &Programs, now: Timestamp, pool: &Pool) -> u8 {
    let PoolOf::Budget(id, _) = &pool.of else { return 1 };
    let of = |version: &Version| version.program.budgets.get(id).map(|budget| budget.parts);
    let came = programs.all().iter().filter(|version| version.effective_from <= now);
    came.chain([programs.current(now)]).filter_map(of).max().unwrap_or(1)
}

/// The budget that a pool is of, as the program says by now.
pub(super) fn budget_of<'a>(context: &Context<'a>, pool: &Pool) -> Option<&'a Budget> {
    let PoolOf::Budget(id, _) = &pool.of else { return None };
    context.program().budgets.get(id)
}

/// The pool that gets back what was drawn in a period that has closed, where the program says so.
pub(super) fn current_pool(context: &Context<'_>, drawn: &Pool) -> Option<Pool> {
    let budget = budget_of(context, drawn).filter(|budget| budget.late_returns_to_current)?;
    drawn.period.last_day().filter(|last| *last < context.open_from)?;
    let now = Pool { period: Period::of(budget.every, context.today, &context.program().calendar), ..drawn.clone() };
    (now != *drawn).then_some(now)
}

/// The member that says how much.
pub(super) fn member(event: &Event) -> &'static str {
    match &event.kind {
        Kind::BudgetFunded { points: None, .. } | Kind::BudgetReduced { points: None, .. } => "data.amount",
        _ => "data.points",
    }
}

/// The pool that a budget's event names, and how much of it in its smallest unit.
pub(super) fn funding(context: &Context<'_>, event: &Event) -> Result<(Pool, i64), Stop> {
    let rejected = |field: &str, message: String| Stop::Rejected(Rejection::new(Code::BadValue, field, message));
    let (id, points, amount, period) = match &event.kind {
        Kind::BudgetFunded { budget, points, amount, period }
        | Kind::BudgetReduced { budget, points, amount, period, .. } => (budget, *points, *amount, *period),
        _ => return Err(Stop::Moot(Reason::Unchanged)),
    };
    let of = |program: &'_ Program| program.budgets.get(id).cloned();
    // What is put in is there for awards from now on: by what the program says by now.
    let budget = of(context.program());
    let budget = budget.ok_or_else(|| {
        let known: Vec<&str> = context.program().budgets.keys().map(Name::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        rejected("data.budget", format!("the program has no budget `{id}`; it has {known}"))
    })?;
    let wanted = budget.currency.map_or(Asset::Points, Asset::Money);
    let given = match (points.map(Whole::get), amount) {
        (Some(points), _) => Some((Asset::Points, points)),
        (None, Some(amount)) => amount.minor_units().map(|units| (Asset::Money(amount.currency()), units)),
        (None, None) => None,
    };
    let given = given.filter(|(asset, amount)| *asset == wanted && *amount > 0);
    let (_, amount) = given.ok_or_else(|| rejected(member(event), format!("`{id}` is a budget of {wanted}")))?;
    if amount > FUNDED_MAX {
        return Err(rejected(member(event), format!("a budget holds at most {}", wanted.told(FUNDED_MAX))));
    }
    let calendar = &context.program().calendar;
    let own = || Period::of(budget.every, context.day(event.time, context.current), calendar);
    let period = match period {
        None => own(),
        Some(period) if period.every() == budget.every => period.in_calendar(calendar),
        Some(_) => return Err(rejected("data.period", wrong_period(id, budget.every))),
    };
    Ok((pool(&budget, period), amount))
}

fn wrong_period(id: &Name, every: Every) -> String {
    match every {
        Every::Ever => format!("`{id}` has no periods; leave `period` out"),
        every => format!("a period of `{id}` is a {}", every.word()),
    }
}

/// The benefit of which an event names a slot, as the program says by now, and the slot's pool.
pub(super) fn wanted_slot<'a>(context: &Context<'a>, case: &Case<'_>) -> Result<(&'a Benefit, Pool), Stop> {
    let rejected = |field: &str, message: String| Stop::Rejected(Rejection::new(Code::BadValue, field, message));
    let named = slot_named(&case.event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let benefits = &context.program().benefits;
    let benefit = benefits.get(named.0).ok_or_else(|| {
        let known: Vec<&str> = benefits.keys().map(Name::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        rejected("data.benefit", format!("the program has no benefit `{}`; it has {known}", named.0))
    })?;
    let pool = pool_of_slot(context.program(), named).ok_or_else(|| {
        let form = match benefit.every {
            Every::Year => "a year, as \"2026\"",
            Every::Quarter => "a quarter, as \"2026-Q2\"",
            _ => "a month, as \"2026-04\"",
        };
        rejected("data.slot", format!("a slot of `{}` is {form}", benefit.id))
    })?;
    Ok((benefit, pool))
}

/// The pools that a slot may be of, by any version that was ever in force: whoever has one gives it back, whatever the program says since.
pub(super) fn pools_of_slot(context: &Context<'_>, named: (&Name, &str)) -> BTreeSet<Pool> {
    let came = context.programs.all().iter().filter(|version| version.effective_from <= context.now);
    let versions = came.chain([context.current]);
    versions.filter_map(|version| pool_of_slot(&version.program, named)).gather()
}

/// The benefit and the slot that an event names.
pub(super) fn slot_named(kind: &Kind) -> Option<(&Name, &str)> {
    match kind {
        Kind::BenefitBooked { benefit, slot } | Kind::BenefitReleased { benefit, slot } => Some((benefit, slot)),
        _ => None,
    }
}

/// The pool of a slot; none where the program has no such benefit, or the benefit no such slot.
pub(super) fn pool_of_slot(program: &Program, (id, slot): (&Name, &str)) -> Option<Pool> {
    let benefit = program.benefits.get(id)?;
    let named = || TargetPeriod::try_from(slot.to_owned()).ok().filter(|named| named.every() == benefit.every);
    let slot = match benefit.every {
        Every::Ever => None,
        _ => Some(named()?),
    };
    Some(Pool { of: PoolOf::Benefit(id.clone(), slot), period: Period::Ever })
}

/// The pool of what is one partner's alone.
pub(super) fn pool_of_scope(of: Scope) -> Pool {
    Pool { of: PoolOf::Exclusive(of), period: Period::Ever }
}

/// What counts the slots that a partner has of a pool: for good, since they may be given back at any time.
pub(super) fn count_of_slots(pool: &Pool) -> Option<CapKey> {
    let PoolOf::Benefit(id, slot) = &pool.of else { return None };
    let (of, says) = (CapOf::Benefit(id.clone()), "slots per partner".into());
    let value = slot.map(|slot| slot.to_string().into()).unwrap_or_default();
    Some(CapKey { of, says, period: Period::Ever, who: Label::default(), value })
}

/// The pool of a budget for an event that funds it, as far as that can be said before it is judged.
pub(super) fn pool_to_fund(context: &Context<'_>, event: &Event) -> Option<Pool> {
    funding(context, event).ok().map(|(pool, _)| pool)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn budget(every: Option<Every>) -> Budget {
        let file = format!(
            "[program]\nid = \"p\"\nname = \"P\"\ncurrency = \"USD\"\n[sources]\n\"/crm/*\" = [\"*\"]\n[budget.fund]\nof = \"points\"\n{}",
            every.map(|every| format!("per = \"{}\"\n", every.word())).unwrap_or_default()
        );
        let program = Program::parse(&file).expect("a program");
        program.budgets.into_values().next().expect("a budget")
    }

    /// 100 points in 10 days leave 200 for 20 days more; half of that at twice the pace; until its period ends and no longer.
    #[test]
    fn a_budget_is_spent_at_the_pace_at_which_it_is_drawn() {
        let today = date(2026, 3, 11);
        let spent = |every, left, drawn, funded, times: u32| {
            let budget = budget(every);
            let period = Period::of(budget.every, today, &event::time::Calendar::new(jiff::tz::TimeZone::UTC, 1));
            let of = BudgetOf { budget: &budget, pool: pool(&budget, period), parts: Vec::new() };
            of.spent_on(PoolBalance { left, drawn, moves: 1 }, funded, today, Decimal::from(times))
        };
        let first = date(2026, 3, 1);
        assert_eq!(spent(None, 200, 100, first, 1), Some(date(2026, 3, 31)));
        assert_eq!(spent(None, 200, 100, first, 2), Some(date(2026, 3, 21)));
        assert_eq!(spent(Some(Every::Month), 200, 100, date(2026, 2, 1), 1), Some(date(2026, 3, 31)));
        assert_eq!(spent(Some(Every::Month), 210, 100, date(2026, 2, 1), 1), None, "its month ends before");
        assert_eq!(spent(Some(Every::Quarter), 210, 100, first, 1), None, "so does its quarter");
        assert_eq!(spent(None, 200, 100, date(2026, 3, 5), 1), None, "six days are no pace");
        assert_eq!([spent(None, 200, 0, first, 1), spent(None, 0, 100, first, 1)], [None, None]);
    }
}
