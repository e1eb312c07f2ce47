//! Partners that are new: whether they are productive by the day that the program says, and what comes of it if not (M17).

use event::{Event, Kind};

use super::book::Book;
use super::context::{Case, Context};
use super::stop::Stop;
use crate::earn::{opens_gates, shut};
use crate::ledger::{Effect, Errand, FoldError, Membership, Milestone, Outcome, Reason};
use crate::tier::{Moment, assess};

/// Whoever is in the program from now on is looked at when its time to be productive is over.
pub(super) fn begin(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<(), FoldError> {
    let Some(onboarding) = &context.program().onboarding else { return Ok(()) };
    let day = onboarding.by.after(case.day);
    book.effect(Effect::Sends(Errand::Onboarding { day, due: context.start_of(day), plan: false }))
}

/// What a partner reaches for the first time with an event: it is trained, or productive (M29).
pub(super) fn reach(context: &Context<'_>, book: &mut Book, case: &Case<'_>) -> Result<(), FoldError> {
    let Some(onboarding) = &context.program().onboarding else { return Ok(()) };
    let trains = opens_gates(&case.event.kind) && !onboarding.trained.is_empty();
    if trains && new(book, Milestone::Trained) {
        let shut = shut(context.program(), book.account(), &onboarding.trained, context.now)?;
        if shut.is_none() {
            book.effect(Effect::Trained)?;
        }
    }
    if new(book, Milestone::Productive) {
        let at = Moment::of(context.now, context.today);
        let (program, motion) = (context.program(), &onboarding.motion);
        if assess(&onboarding.productive, program, book.account(), motion, at, &mut |_| ())? {
            book.effect(Effect::Productive)?;
        }
    }
    Ok(())
}

fn new(book: &Book, milestone: Milestone) -> bool {
    !book.account().profile.reached.contains_key(&milestone)
}

/// The place of the record of a look at a partner that is new. `None` if the event is none; moot where the partner left, or the program
/// asks nothing any more.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let Kind::OnboardingReviewed { due, plan } = &event.kind else { return Ok(None) };
    let program = context.program();
    let onboarding = program.onboarding.as_ref().ok_or(Stop::Moot(Reason::Superseded))?;
    if matches!(book.account().head.membership(), Membership::Unknown | Membership::Offboarded) {
        return Err(Stop::Moot(Reason::Superseded));
    }
    // As things were on its day, whenever somebody looks.
    let day = (*due).min(context.today);
    let at = Moment::of(context.start_of(day), day);
    let met = assess(&onboarding.productive, program, book.account(), &onboarding.motion, at, &mut |_| ())?;
    if met && new(book, Milestone::Productive) {
        book.effect(Effect::Productive)?;
    }
    let needs = || onboarding.productive.words();
    let reason = match (met, plan) {
        (true, _) => Reason::Productive,
        (false, true) => Reason::PlanDue { needs: needs() },
        (false, false) => {
            if let Some(after) = onboarding.plan_after {
                let day = after.after(*due);
                book.effect(Effect::Sends(Errand::Onboarding { day, due: context.start_of(day), plan: true }))?;
            }
            Reason::OnboardingLate { needs: needs() }
        }
    };
    let concluded = (Outcome::Applied, Some(reason));
    Ok(Some(book.seal(context, event, concluded, Some(context.current), context.today)))
}
