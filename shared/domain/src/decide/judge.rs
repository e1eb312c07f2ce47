//! The order of checks for one event: sender, partner, lifecycle, rules, caps, tier. Identity and form came before.

use event::{Code, Event, Kind, Rejection};
use program::{Program, Version, refused};

use super::book::Book;
use super::context::{Case, Context};
use super::membership::takes_part;
use super::state::Judgement;
use super::stop::{Awaited, Stop};
use super::{award, deals, errands, exclusivity, onboarding, payouts, pools, redemptions, shares, suspects};
use crate::ledger::{FoldError, Outcome, Reason};

/// Judges one event to its end, or to where it stops.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Judgement, FoldError> {
    let earning = context.earning(event);
    match try_judge(context, book, event, earning) {
        Ok(place) => Ok(Judgement::Recorded(place)),
        Err(Stop::Refused(reason)) => {
            let booked = context.booked(context.day(event.time, context.current));
            let place = book.seal(context, event, (Outcome::Refused, Some(reason)), earning, booked);
            Ok(Judgement::Recorded(place))
        }
        Err(Stop::Held(awaited)) => {
            let until = context.waits_until(&awaited);
            Ok(Judgement::Held { awaited, until })
        }
        Err(Stop::Rejected(rejection)) => Ok(Judgement::Rejected(rejection)),
        Err(Stop::Moot(reason)) => Ok(Judgement::Moot(reason)),
        Err(Stop::Unsound(error)) => Err(error),
    }
}

fn try_judge(context: &Context<'_>, book: &mut Book, event: &Event, earning: Option<&Version>) -> Result<usize, Stop> {
    if let Some(place) = redemptions::judge(context, book, event)? {
        return Ok(place);
    }
    if let Some(place) = payouts::judge(context, book, event)? {
        return Ok(place);
    }
    if let Some(place) = errands::judge(context, book, event)? {
        return Ok(place);
    }
    if let Some(place) = onboarding::judge(context, book, event)? {
        return Ok(place);
    }
    if let Some(place) = exclusivity::judge(context, book, event)? {
        return Ok(place);
    }
    if let Some(place) = shares::judge(context, book, event)? {
        return Ok(place);
    }
    may_send(context.program(), event).map_err(Stop::Rejected)?;
    states(earning.map_or(context.program(), |version| &version.program), event).map_err(Stop::Rejected)?;
    if let Some(place) = pools::judge(context, book, event)? {
        return Ok(place);
    }
    is_known(book, event)?;
    let earning = earning.ok_or(Stop::Refused(Reason::NoProgram))?;
    if let Some(place) = suspects::judge(context, book, event)? {
        return Ok(place);
    }
    let part = takes_part(context, book, event)?;
    let day = context.day(event.time, context.current);
    let case = Case { event, earning, part, day, booked: context.booked(day) };
    let amounts = award::amounts(context, book, &case)?;
    let reason = deals::lifecycle(context, book, &case, &amounts)?;
    award::award(context, book, &case, amounts, reason)
}

/// Does an event state what the program knows, by its version in force when that happened: facts of a partner, a measure of a target?
///
/// # Errors
/// A [`Rejection`] `bad_value`, which names every fact that the program does not take, with what it takes (M47), or the measures.
pub fn states(program: &Program, event: &Event) -> Result<(), Rejection> {
    let facts = match &event.kind {
        Kind::PartnerEnrolled { facts: Some(facts), .. } => facts,
        Kind::TargetSet { measure, .. } => return is_measured(program, measure),
        _ => return Ok(()),
    };
    let wrong = refused(&program.facts, facts).into_iter();
    let mut wrong = wrong.map(|(name, why)| Rejection::new(Code::BadValue, &format!("data.facts.{name}"), why));
    let Some(first) = wrong.next() else { return Ok(()) };
    Err(Rejection { also: wrong.collect(), ..first })
}

/// Whether something is measured by this name of which a target can be set.
fn is_measured(program: &Program, name: &str) -> Result<(), Rejection> {
    let why = program.targeted(name).err();
    why.map_or(Ok(()), |why| Err(Rejection::new(Code::BadValue, "data.measure", why)))
}

/// May this source send this type, says the program?
///
/// # Errors
/// A [`Rejection`] `source_not_allowed`, which names the sources that may.
pub fn may_send(program: &Program, event: &Event) -> Result<(), Rejection> {
    let (source, kind) = (&event.identity.source, event.kind.name());
    if program.accepts(source, kind) {
        return Ok(());
    }
    let sources = program.sources.iter();
    let allowed: Vec<&str> = sources
        .filter(|(_, kinds)| kinds.iter().any(|pattern| event::ids::matches_pattern(pattern, kind)))
        .map(|(pattern, _)| pattern.as_str())
        .collect();
    let from = if allowed.is_empty() { "no source".to_owned() } else { allowed.join(", ") };
    let message = format!("the program takes {kind} from {from}, not from {source}");
    Err(Rejection::new(Code::SourceNotAllowed, "source", message))
}

/// Is the partner enrolled?
fn is_known(book: &Book, event: &Event) -> Result<(), Stop> {
    let known = book.account().is_enrolled() || matches!(event.kind, Kind::PartnerEnrolled { .. });
    if known { Ok(()) } else { Err(Stop::Held(Awaited::Partner(event.partner.clone()))) }
}
