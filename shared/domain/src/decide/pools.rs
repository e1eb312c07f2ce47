//! Pools: budgets that rules give out of (N10), and benefits of which there are only so many (M22). What a pool is short of is decided by
//! what was read; the write holds to it, so that nothing is given twice, and nothing is refused that is there (I22).

use event::ids::{PartnerId, RuleId};
use event::{Code, Event, Kind, Rejection, planted, steady_hash};
use jiff::civil::Date;
use program::{Program, Rule};

use super::book::Book;
use super::context::{Case, Context};
use super::pooled::{
    FUNDED_MAX, budget_of, count_of_slots, current_pool, funding, member, parts, pool_of_rule, pool_of_slot,
    pools_of_slot, slot_named, wanted_slot,
};
use super::redemptions::gates;
use super::state::PoolGuard;
use super::stop::Stop;
use crate::deal::Credit;
use crate::earn::Purse;
use crate::ledger::{Effect, FoldError, Outcome, Pool, PoolBalance, PoolOf, Reason, Used};

/// What a rule may give out of its budget, where it has one, of what is booked on a day.
///
/// # Errors
/// [`FoldError::PoolNotLoaded`] (I25).
pub(super) fn purse(
    context: &Context<'_>,
    book: &Book,
    (program, rule): (&Program, &Rule),
    booked: Date,
) -> Result<Option<Purse>, FoldError> {
    let Some(pool) = pool_of_rule(program, rule, booked) else { return Ok(None) };
    let all_or_nothing = rule.budget.as_ref().and_then(|id| program.budgets.get(id)).is_some_and(|b| b.all_or_nothing);
    let parts = parts(context, &pool);
    Ok(Some(Purse { left: left(book, &pool, parts)?, pool, parts, all_or_nothing }))
}

fn left(book: &Book, pool: &Pool, parts: u8) -> Result<i64, FoldError> {
    (0..parts).try_fold(0, |sum: i64, number| Ok(sum.saturating_add(book.state.pools.get(&pool.part(number))?.left)))
}

/// Takes an amount out of a pool, each partner first out of a sub-balance of its own; `funded` where it is no longer in the pool at all,
/// else it is drawn. The caller has seen that there is enough.
fn take(
    book: &mut Book,
    (pool, parts): (&Pool, u8),
    rule: Option<&RuleId>,
    (amount, funded): (i64, bool),
) -> Result<(), FoldError> {
    let first = steady_hash(book.state.partner.bytes()) % u32::from(parts.max(1));
    let mut wanted = amount;
    for at in 0..parts {
        let number = u8::try_from((first + u32::from(at)) % u32::from(parts)).unwrap_or_default();
        let part = pool.part(number);
        let some = wanted.min(book.state.pools.get(&part)?.left);
        if some > 0 {
            let (funded, drawn) = if funded { (-some, 0) } else { (0, some) };
            book.effect(Effect::Pool { part, funded, drawn, rule: rule.cloned() })?;
            wanted -= some;
        }
    }
    if wanted > 0 { Err(FoldError::PoolShort) } else { Ok(()) }
}

/// Draws what a rule gave on its budget, and holds the write to what the budget was short of: more may have come into it.
///
/// # Errors
/// [`FoldError::PoolShort`]: more than there is, which the purse had not given.
pub(super) fn draw(
    book: &mut Book,
    purse: Option<&Purse>,
    rule: &RuleId,
    (gave, short): (i64, bool),
) -> Result<(), FoldError> {
    let Some(purse) = purse else { return Ok(()) };
    if short {
        book.guard((0..purse.parts).map(|number| purse.pool.part(number)), PoolGuard::NoMore);
    }
    if gave == 0 || planted("a budget is not drawn") {
        return Ok(());
    }
    take(book, (&purse.pool, purse.parts), Some(rule), (gave, false))
}

/// Gives back what a credit drew, as far as so much of it was taken back: to the period it was drawn in, or to the current one, as
/// the program says of a budget whose period has closed.
pub(super) fn give_back(
    context: &Context<'_>,
    book: &mut Book,
    rule: &RuleId,
    (credit, taken): (&Credit, i64),
) -> Result<(), FoldError> {
    let mut left = taken;
    for (part, drawn) in credit.drawn.iter().rev() {
        let back = left.min(*drawn);
        if back == 0 || planted("a budget gets nothing back") {
            continue;
        }
        left -= back;
        let to = current_pool(context, &part.pool).map(|pool| pool.part(part.number));
        let (part, rule) = (part.clone(), Some(rule.clone()));
        let funded = if to.is_some() { -back } else { 0 };
        book.effect(Effect::Pool { part, funded, drawn: -back, rule: rule.clone() })?;
        if let Some(part) = to {
            book.effect(Effect::Pool { part, funded: back, drawn: 0, rule })?;
        }
    }
    Ok(())
}

/// Draws again what a credit gave back to budgets and is to give once more, from where that was put, as far as it is there still. What was
/// given out of no budget needs none. How much may be given.
pub(super) fn draw_again(
    context: &Context<'_>,
    book: &mut Book,
    rule: &RuleId,
    (credit, wanted): (&Credit, i64),
) -> Result<(i64, Option<String>), FoldError> {
    let returned: i64 = credit.returned.values().sum();
    let mut given = wanted.min((credit.taken() - returned).max(0));
    let mut pools: Vec<(Pool, i64)> = Vec::new();
    for (part, amount) in credit.returned.iter().rev() {
        match pools.iter_mut().find(|(pool, _)| *pool == part.pool) {
            Some((_, sum)) => *sum += amount,
            None => pools.push((part.pool.clone(), *amount)),
        }
    }
    let mut short = None;
    for (pool, amount) in pools {
        let some = amount.min(wanted - given);
        if some == 0 {
            continue;
        }
        let parts = parts(context, &pool);
        let all_or_nothing = budget_of(context, &pool).is_some_and(|budget| budget.all_or_nothing);
        let purse = Purse { left: left(book, &pool, parts)?, pool, parts, all_or_nothing };
        let gave = purse.gives(some);
        draw(book, Some(&purse), rule, (gave, gave < some))?;
        if gave < some {
            short = Some(purse.pool.to_string());
        }
        given += gave;
    }
    Ok((given, short))
}

/// The place of the record of what the program itself does: a budget is funded, or has less to give. `None` if the event is of
/// something else.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let (Kind::BudgetFunded { .. } | Kind::BudgetReduced { .. }) = &event.kind else { return Ok(None) };
    debug_assert!(event.partner == PartnerId::program(), "it is of the program itself");
    let (pool, amount) = funding(context, event)?;
    let parts = parts(context, &pool);
    let left = left(book, &pool, parts)?;
    if matches!(event.kind, Kind::BudgetReduced { .. }) {
        if left < amount {
            book.guard((0..parts).map(|number| pool.part(number)), PoolGuard::Same);
            return Err(Stop::Refused(Reason::BudgetShort { is_left: pool.told(left) }));
        }
        take(book, (&pool, parts), None, (amount, true))?;
    } else {
        if left.saturating_add(amount) > FUNDED_MAX {
            let message = format!("a budget holds at most {}", pool.told(FUNDED_MAX));
            return Err(Stop::Rejected(Rejection::new(Code::BadValue, member(event), message)));
        }
        let (each, more) = (amount / i64::from(parts), amount % i64::from(parts));
        for number in 0..parts {
            let funded = each + i64::from(i64::from(number) < more);
            if funded > 0 {
                book.effect(Effect::Pool { part: pool.part(number), funded, drawn: 0, rule: None })?;
            }
        }
    }
    Ok(Some(book.seal(context, event, (Outcome::Applied, None), context.earning(event), context.today)))
}

/// A partner takes a slot of a benefit, or gives one back (M22). What earns nothing says why.
pub(super) fn slot(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<Option<Reason>, Stop> {
    if matches!(case.event.kind, Kind::BenefitReleased { .. }) {
        return release(context, book, case);
    }
    let (benefit, pool) = wanted_slot(context, case)?;
    let slot = pool.to_string();
    let balance = slots(book, &pool)?;
    let held = held(book, &pool)?;
    let last = match &pool.of {
        PoolOf::Benefit(_, Some(slot)) => slot.in_calendar(&context.program().calendar).last_day(),
        _ => None,
    };
    if last.is_some_and(|last| last < case.day) {
        return Err(Stop::Refused(Reason::SlotOver));
    }
    if let Some(reason) = gates(context.program(), book.account(), &benefit.gates, context.now)? {
        return Err(Stop::Refused(reason));
    }
    if held >= benefit.at_most {
        return Err(Stop::Refused(Reason::SlotsHeld));
    }
    if balance.drawn >= benefit.slots {
        return Err(Stop::Refused(Reason::NoSlotLeft { slot }));
    }
    move_slot(book, &pool, (benefit.slots, balance), 1)?;
    Ok(Some(Reason::SlotBooked { slot }))
}

/// Whoever has a slot gives it back, by whatever version it booked it.
fn release(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<Option<Reason>, Stop> {
    let named = slot_named(&case.event.kind).ok_or(Stop::Moot(Reason::Unchanged))?;
    let pools = pools_of_slot(context, named);
    if pools.is_empty() {
        wanted_slot(context, case)?;
    }
    for pool in pools {
        if held(book, &pool)? == 0 {
            continue;
        }
        let balance = slots(book, &pool)?;
        let benefit = context.program().benefits.get(named.0);
        let same = benefit.filter(|_| pool_of_slot(context.program(), named).as_ref() == Some(&pool));
        move_slot(book, &pool, (same.map_or(0, |benefit| benefit.slots), balance), -1)?;
        return Ok(Some(Reason::SlotReleased { slot: pool.to_string() }));
    }
    Err(context.before_its_booking(&book.state.partner, case.event, Reason::NoSlot))
}

/// What stands in the pool of a slot. How many there are says the version that decides, and another may decide by another: they wait for
/// each other.
fn slots(book: &mut Book, pool: &Pool) -> Result<PoolBalance, FoldError> {
    let part = pool.part(0);
    let balance = book.state.pools.get(&part)?;
    book.guard([part], PoolGuard::Same);
    Ok(balance)
}

/// How many slots of a pool the partner has.
fn held(book: &Book, pool: &Pool) -> Result<i64, FoldError> {
    let Some(key) = count_of_slots(pool) else { return Ok(0) };
    Ok(match book.account().used(&key)? {
        Used::So(held) => held,
        Used::Forgotten => 0,
    })
}

/// Takes a slot, or gives one back, where there are so many by now, unless more are taken.
fn move_slot(book: &mut Book, pool: &Pool, (slots, balance): (i64, PoolBalance), by: i64) -> Result<(), FoldError> {
    let funded = slots.max(balance.drawn + by) - balance.funded();
    if let Some(key) = count_of_slots(pool) {
        book.effect(Effect::Cap { key, by })?;
    }
    book.effect(Effect::Pool { part: pool.part(0), funded, drawn: by, rule: None })
}
