//! What commissions paid by how far targets were attained is brought to what they are attained by in the end: an errand for each day on
//! which books of their periods have closed (M09).

use std::collections::BTreeMap;

use event::ids::RuleId;
use jiff::civil::Date;
use litemap::LiteMap;
use program::{Program, Rule};
use rust_decimal::Decimal;

use super::book::Book;
use super::context::Context;
use crate::deal::{Closed, Credit, is_credited};
use crate::earn::{Seen, attained_by_now, factor_of_others, targets_end, trued_up};
use crate::ledger::{Effect, Errand, FoldError, Verdict, factor};

/// What multiplies a credit that is rated again: `None` where it is trued up on `day` and has nothing to be trued up then. Of what is
/// rated for another reason, what multiplied it when it was paid.
pub(super) fn rated_by(
    context: &Context<'_>,
    book: &Book,
    (program, rule): (&Program, &Rule),
    (credit, seen): (&Credit, &Seen<'_>),
    day: Option<Date>,
) -> Result<Option<(Decimal, Rated)>, FoldError> {
    let Some(day) = day else { return Ok(Some((credit.factor, Rated::Again(Vec::new())))) };
    let Some(true_up) = credit.true_up.filter(|true_up| true_up.on == day) else { return Ok(None) };
    // Its books may be open still where those of another rule have closed.
    let (_, has_closed) = closes(context, program, rule, seen.booked);
    if !has_closed {
        return Ok(None);
    }
    let times = trued_up(program, rule, (seen, true_up.rest), book.account())?;
    Ok(Some((factor(&times), Rated::Up(times))))
}

/// Keeps how far targets were attained by which credits are trued up on `due`, where their books have closed: by that all deals of their
/// periods are, whatever becomes known between one and the next.
pub(super) fn freeze(
    context: &Context<'_>,
    book: &mut Book,
    (program, closed): (&Program, &Closed),
    (credits, due): (&LiteMap<RuleId, Credit>, Date),
) -> Result<(), FoldError> {
    let is_due = |credit: &Credit| credit.true_up.is_some_and(|true_up| true_up.on == due);
    for (id, _) in credits.iter().filter(|(_, credit)| is_due(credit)) {
        let Some(rule) = program.rules.get(id) else { continue };
        for (key, end, ended) in attained_by_now(program, rule, closed.booked, book.account())? {
            let is_open = context.program().closes(end) > context.today;
            let known = book.account().profile.attained.get(&key).is_some_and(|known| known.first == ended.first);
            if !is_open && !known {
                book.effect(Effect::Attained { key, ended })?;
            }
        }
    }
    Ok(())
}

/// How a credit is rated again, with the multipliers that apply from now on.
pub(super) enum Rated {
    /// At what the deal is worth now.
    Again(Vec<(String, Decimal)>),
    /// By what was attained in the end (M09).
    Up(Vec<(String, Decimal)>),
}

impl Rated {
    pub(super) fn times(self) -> Vec<(String, Decimal)> {
        match self {
            Rated::Again(times) | Rated::Up(times) => times,
        }
    }

    pub(super) fn verdict(self, short: Option<String>) -> Verdict {
        match self {
            Rated::Again(times) => Verdict::RatedAgain { times, short },
            Rated::Up(times) => Verdict::TruedUp { times, short },
        }
    }
}

/// What is to be trued up, by the day on which the next books of a target's period have closed: of each rule its other multipliers.
type TrueUps = BTreeMap<Date, LiteMap<RuleId, Decimal>>;

/// The days on which the books of a rule's targets close, by the version of now, that are still to come; and whether one has come.
fn closes(context: &Context<'_>, program: &Program, rule: &Rule, booked: Date) -> (Option<Date>, bool) {
    let all = || targets_end(program, rule, booked).map(|last| context.program().closes(last));
    (all().filter(|day| *day > context.today).min(), all().any(|day| day <= context.today))
}

/// What was paid of a deal is brought to what targets are attained by, whenever the books of a period of theirs have closed, where the
/// program asks for it (M09).
pub(super) fn later(
    context: &Context<'_>,
    book: &mut Book,
    program: &Program,
    seen: &Seen<'_>,
) -> Result<(), FoldError> {
    let mut days = TrueUps::new();
    for trial in book.trials().iter().filter(|trial| is_credited(trial)) {
        let Some(rule) = program.rules.get(&trial.rule) else { continue };
        let (Some(day), _) = closes(context, program, rule, seen.booked) else { continue };
        let rest = factor_of_others(program, rule, seen, book.account())?;
        days.entry(day).or_default().insert(rule.id.clone(), rest);
    }
    send_true_ups(context, book, days)
}

/// What of what was to be trued up on `due` is so later, or once more: its books are open still by the version of now, or in its time
/// zone, or it has another target of a longer period. Whether there is nothing to be trued up now.
pub(super) fn again(
    context: &Context<'_>,
    book: &mut Book,
    (program, closed): (&Program, &Closed),
    (credits, due): (&LiteMap<RuleId, Credit>, Date),
) -> Result<bool, FoldError> {
    let (mut days, mut waits) = (TrueUps::new(), true);
    for (id, credit) in credits.iter() {
        let Some(true_up) = credit.true_up.filter(|true_up| true_up.on == due) else { continue };
        let Some(rule) = program.rules.get(id) else { continue };
        let (later, has_closed) = closes(context, program, rule, closed.booked);
        waits &= !has_closed;
        if let Some(day) = later {
            days.entry(day).or_default().insert(id.clone(), true_up.rest);
        }
    }
    let waits = waits && !days.is_empty();
    send_true_ups(context, book, days)?;
    Ok(waits)
}

fn send_true_ups(context: &Context<'_>, book: &mut Book, days: TrueUps) -> Result<(), FoldError> {
    for (day, rest) in days {
        book.effect(Effect::Sends(Errand::TrueUp { day, due: context.start_of(day), rest }))?;
    }
    Ok(())
}
