//! Shares in deals that others influenced: each is paid in its partner's own history, by what the deal is worth and who shares it by
//! then, so that it does not matter in which order that became known (M34, I23).

use event::ids::DealId;
use event::{Event, Kind, Whole, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{INFLUENCERS_MAX, PARTNER, WHOLE};

use super::award::conclude;
use super::book::Book;
use super::context::{Case, Context, Part};
use super::membership::takes_part;
use super::rating::{Values, asset, rate_credit_again, rate_deal_again};
use super::stop::{Awaited, Stop};
use super::true_up::{self, Rated, rated_by};
use crate::deal::{Closed, Credit, Deal, SAID_MAX};
use crate::earn::{factors, holds, lacks, looked_at, other_tiers, pays_again, shut};
use crate::ledger::{Effect, Errand, FoldError, Outcome, Reason, Trial, Verdict, factor};

/// The place of the record that rates a partner's share. `None` if the event is none; moot where there is nothing to share.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let (deal_id, trued_up) = match &event.kind {
        Kind::DealShared { deal_id } => (deal_id, None),
        Kind::DealTruedUp { deal_id, due } => (deal_id, Some(*due)),
        _ => return Ok(None),
    };
    let deal = book.state.deal(deal_id).cloned().ok_or(Stop::Moot(Reason::Superseded))?;
    let closed = deal.closed.as_deref().filter(|closed| closed.won).ok_or(Stop::Moot(Reason::Superseded))?;
    let earning = context.programs.number(closed.version).ok_or(Stop::Moot(Reason::NoProgram))?;
    let part = takes_part(context, book, event)?;
    let day = context.day(event.time, context.current);
    let case = Case { event, earning, part, day, booked: context.booked(day) };
    let own = deal.influencers.iter().find(|one| one.partner == book.state.partner);
    let credits = if deal.owner == book.state.partner { Some(&closed.credits) } else { own.map(|own| &own.credits) };
    if let Some(due) = trued_up {
        let is_due = |credit: &Credit| credit.true_up.is_some_and(|true_up| true_up.on == due);
        if !credits.is_some_and(|credits| credits.values().any(is_due)) {
            // Another errand of that day has done it.
            return Err(Stop::Moot(Reason::Superseded));
        }
    }
    if let Some((credits, due)) = credits.zip(trued_up)
        && true_up::again(context, book, (&earning.program, closed), (credits, due))?
    {
        let concluded = (Outcome::NoRule, Some(Reason::BooksOpen));
        return Ok(Some(book.seal(context, event, concluded, Some(earning), case.booked)));
    }
    if let Some((credits, due)) = credits.zip(trued_up) {
        true_up::freeze(context, book, (&earning.program, closed), (credits, due))?;
    }
    let reason = if deal.owner == book.state.partner {
        rate_deal_again(context, book, &deal, &case, trued_up)?
    } else {
        rate_share(context, book, &case, (&deal, closed), trued_up)?
    };
    let reason = match (&case.part, trued_up) {
        (Part::Full, Some(_)) => Some(Reason::TruedUp),
        _ => reason,
    };
    let concluded = conclude(book, &case.part, reason);
    Ok(Some(book.seal(context, event, concluded, Some(earning), case.booked)))
}

/// A partner influenced a deal of another's: where the program shares deals, it has a share from now on. What comes once the deal is
/// closed, of a time before, changes everybody's share; what is of a time after it counts for nothing, and is not kept.
pub(super) fn influenced(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    id: &DealId,
    share: Option<Whole<0, 100>>,
) -> Result<Option<Reason>, Stop> {
    let Some(deal) = book.state.deal(id).cloned() else { return Err(Stop::Held(Awaited::Deal(id.clone()))) };
    let Some(sharing) = &case.earning.program.sharing else { return Ok(None) };
    let partner = book.state.partner.clone();
    let closed_at = deal.closed.as_ref().map(|closed| closed.at);
    if deal.owner == partner {
        // It may have overtaken the deal's reassignment.
        let may_move = closed_at.is_none() && !context.has_waited(case.event);
        let waits = Stop::Held(Awaited::Reassignment(id.clone()));
        return Err(if may_move { waits } else { Stop::Refused(Reason::OwnDeal) });
    }
    if closed_at.is_some_and(|closed| closed < case.event.time) {
        return Ok(Some(Reason::AfterClosing));
    }
    let others = || deal.influencers.iter().filter(|one| one.partner != partner && one.partner != deal.owner);
    let counting = || others().filter_map(|one| one.at(closed_at));
    let said_before = deal.influencers.iter().find(|one| one.partner == partner);
    if said_before.map_or(counting().count() >= INFLUENCERS_MAX, |one| one.said.len() >= SAID_MAX) {
        return Err(Stop::Refused(Reason::SharedByMany));
    }
    let said: u32 = counting().filter_map(|said| said.share).sum();
    let own = share.and_then(|percent| u32::try_from(percent.get()).ok()).unwrap_or(0) * 100;
    if own > 0 && said + own + sharing.part > WHOLE {
        return Err(Stop::Refused(Reason::SharedAway));
    }
    book.effect(Effect::Influences)?;
    if deal.closed.as_ref().is_some_and(|closed| closed.won) {
        let all = others().map(|one| one.partner.clone());
        for to in all.chain([deal.owner.clone(), partner.clone()]).collect::<Vec<_>>() {
            book.effect(Effect::Sends(Errand::Share { to }))?;
        }
    }
    Ok(Some(Reason::ShareNoted))
}

/// Has the share of everybody rated who influenced a deal, but of the partner whose it is. `closes`: when it is closed, where it is so
/// only now.
pub(super) fn tell_sharers(book: &mut Book, deal: Option<&Deal>, closes: Option<Timestamp>) -> Result<(), FoldError> {
    let closed_at = closes.or_else(|| deal?.closed.as_ref().map(|closed| closed.at));
    let all = deal.into_iter().flat_map(|deal| &deal.influencers).filter(|one| one.at(closed_at).is_some());
    for one in all.filter(|_| !planted("a share is not rated again")) {
        if one.partner != book.state.partner {
            book.effect(Effect::Sends(Errand::Share { to: one.partner.clone() }))?;
        }
    }
    Ok(())
}

/// Brings what a partner has of a deal of another's to what its share is worth. Whether a rule pays it at all is decided when its share
/// is rated first.
fn rate_share(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    (deal, closed): (&Deal, &Closed),
    trued_up: Option<Date>,
) -> Result<Option<Reason>, Stop> {
    let program = &case.earning.program;
    let own = deal.influencers.iter().find(|one| one.partner == book.state.partner);
    let own = own.cloned().ok_or(Stop::Moot(Reason::Superseded))?;
    let share = deal.share_of(&own.partner, program.sharing.as_ref(), None);
    book.effect(Effect::Share { points: share })?;
    let values = Values::of(context, deal, closed)?;
    // What it is paid by was decided when its share was rated first.
    let facts = if own.rated { own.facts.clone() } else { looked_at(program, book.account(), "deal.influenced")? };
    if !facts.is_empty() {
        book.effect(Effect::Stated { facts: facts.clone() })?;
    }
    let seen = values.seen(closed, &facts, program);
    let mut took = false;
    for rule in program.rules_on("deal.influenced") {
        let Some(commission) = rule.commission() else { continue };
        let asset = asset(program, closed);
        let trial = |worth, verdict| Trial { rule: rule.id.clone(), worth, asset, verdict };
        let credit = own.credits.get(&rule.id).cloned();
        let rated = match &credit {
            Some(credit) => rated_by(context, book, (program, rule), (credit, &seen), trued_up)?,
            None if own.rated => None,
            None => {
                let times = factors(program, rule, &seen, book.account())?;
                Some((factor(&times), Rated::Again(times)))
            }
        };
        let Some((by, rated)) = rated else { continue };
        if let Some(pause) = rule.paused_on(seen.day).filter(|_| credit.is_none()) {
            book.try_out(trial(0, Verdict::Paused { until: pause.until }));
            continue;
        }
        if let Some(held) = other_tiers(commission, book.account()).filter(|_| credit.is_none()) {
            let verdict = Verdict::Unmatched { field: "tier".to_owned(), seen: Some(held), times: Vec::new() };
            book.try_out(trial(0, verdict));
            continue;
        }
        if let Some(gate) = shut(program, book.account(), &rule.gates, closed.at)?.filter(|_| credit.is_none()) {
            let verdict = lacks(gate);
            book.try_out(trial(0, verdict));
            continue;
        }
        // What was stated stays so: it never comes to anything.
        let unlike = rule.conditions.iter().find(|asked| asked.field.starts_with(PARTNER) && !holds(asked, &seen));
        if let Some(asked) = unlike.filter(|_| credit.is_none()) {
            let (field, seen) = (asked.field.clone(), seen.text(&asked.field).map(|text| text.into_owned()));
            book.try_out(trial(0, Verdict::Unmatched { field, seen, times: Vec::new() }));
            continue;
        }
        let corrected = values.corrected(share, own.at(Some(closed.at)).map(|said| said.kind), &facts);
        let worth =
            if deal.is_void() { 0 } else { pays_again(program, (rule, commission), &values.kind, corrected, by)? };
        if worth == 0 && credit.is_none() {
            // Its value, or a larger share, may come to something later.
            let times = rated.times();
            book.try_out(trial(0, Verdict::Nothing { times }));
            continue;
        }
        let credit = credit.unwrap_or_else(|| Credit::none(asset, book.account().head.position + 1));
        let (moved, short) = rate_credit_again(context, book, (program, rule), &seen, (deal, &credit, worth), case)?;
        took |= moved < 0;
        book.try_out(trial(worth, rated.verdict(short)));
    }
    if !own.rated {
        true_up::later(context, book, program, &seen)?;
    }
    Ok(Some(if took { Reason::CommissionTakenBack } else { Reason::Unchanged }))
}
