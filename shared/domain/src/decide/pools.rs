//! Pools: budgets that rules give out of (N10), and benefits of which there are only so many (M22). What a pool is short of is decided by
//! what was read; the write holds to it, so that nothing is given twice, and nothing is refused that is there (I22).

use event::ids::{PartnerId, RuleId};
use event::{Code, Event, Kind, Rejection, planted, steady_hash};
use jiff::civil::Date;
use program::{Program, Rule};

use super::book::Book;
use super::context::{Case, Context};
use super::pooled::{FUNDED_MAX, current_pool, funding, member, parts, pool_of_rule, wanted_slot};
use super::redemptions::gates;
use super::state::PoolGuard;
use super::stop::Stop;
use crate::deal::Credit;
use crate::earn::Purse;
use crate::ledger::{Effect, FoldError, Outcome, Pool, Reason, Used};

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
    let parts = parts(context.programs, &pool);
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
        book.effect(Effect::Pool { part, funded, drawn: -back, rule })?;
        if let Some(part) = to {
            book.effect(Effect::Pool { part, funded: back, drawn: 0, rule: None })?;
        }
    }
    Ok(())
}

/// The place of the record of what the program itself does: a budget is funded, or has less to give. `None` if the event is of
/// something else.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let (Kind::BudgetFunded { .. } | Kind::BudgetReduced { .. }) = &event.kind else { return Ok(None) };
    debug_assert!(event.partner == PartnerId::program(), "it is of the program itself");
    let (pool, amount) = funding(context, event)?;
    let parts = parts(context.programs, &pool);
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
    let (benefit, pool, key) = wanted_slot(context, case)?;
    let part = pool.part(0);
    let balance = book.state.pools.get(&part)?;
    // How many there are says the version that decides, and another may decide by another: they wait for each other.
    book.guard([part.clone()], PoolGuard::Same);
    let held = match book.account().used(&key)? {
        Used::So(held) => held,
        Used::Forgotten => return Err(Stop::Refused(Reason::SlotOver)),
    };
    let takes = matches!(case.event.kind, Kind::BenefitBooked { .. });
    if takes {
        if pool.period.last_day().is_some_and(|last| last < case.day) {
            return Err(Stop::Refused(Reason::SlotOver));
        }
        if let Some(reason) = gates(context.program(), book.account(), &benefit.gates, context.now)? {
            return Err(Stop::Refused(reason));
        }
        if held >= benefit.at_most {
            return Err(Stop::Refused(Reason::SlotsHeld));
        }
        if balance.drawn >= benefit.slots {
            return Err(Stop::Refused(Reason::NoSlotLeft));
        }
    } else if held == 0 {
        return Err(Stop::Refused(Reason::NoSlot));
    }
    let by = if takes { 1 } else { -1 };
    // As many slots as the program says by now, unless more are taken.
    let funded = benefit.slots.max(balance.drawn + by) - balance.funded();
    book.effect(Effect::Cap { key, by })?;
    book.effect(Effect::Pool { part, funded, drawn: by, rule: None })?;
    Ok(Some(if takes { Reason::SlotBooked } else { Reason::SlotReleased }))
}
