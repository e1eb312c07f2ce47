//! Rules, caps and tier: what an event earns once its lifecycle has let it through.

use event::Gather;
use event::catalogue::TOTAL_VALUE;
use event::money::{Money, at_rate};
use event::time::Month;
use event::{DealOutcome, Kind};
use jiff::civil::Date;
use litemap::LiteMap;
use program::{Measure, Payable, Program, Rule, WHOLE};
use rust_decimal::Decimal;

use super::book::{Book, Why};
use super::context::{Case, Context, Part};
use super::due::runs_out;
use super::onboarding;
use super::pools;
use super::stop::Stop;
use super::{suspects, true_up};
use crate::deal::{Credit, Deal};
use crate::earn::{Seen, Sold, Value, looked_at, try_rule};
use crate::ledger::{Asset, Bucket, Effect, FoldError, Outcome, PostingKind, Reason, Trial, Verdict, never, someday};
use crate::tier::{Moment, promotions};

/// The event's amounts in the program's currency, by field.
pub(super) type Amounts<'e> = LiteMap<&'e str, Decimal>;

/// Converts the event's amounts: what corrects a deal goes by the rate at which the deal was closed.
pub(super) fn amounts<'e>(context: &Context<'_>, book: &Book, case: &Case<'e>) -> Result<Amounts<'e>, Stop> {
    let mut amounts = Amounts::new();
    let corrects = matches!(case.event.kind, Kind::DealAmended { .. } | Kind::DealReversed { .. });
    let deal = case.event.kind.deal_id().filter(|_| corrects).and_then(|id| book.state.deal(id));
    for (field, money) in case.event.kind.amounts() {
        if let Some(own) = deal.filter(|deal| deal.owner == book.state.partner) {
            // Before a rate is waited for: another currency than the deal's is none, whatever its rate.
            same_currency(own, money)?;
        }
        let of_deal = deal.and_then(|deal| context.closing_rate(deal, money.currency()));
        let rate = match of_deal {
            Some(rate) => rate,
            None => context.rate(money.currency(), case.earning)?,
        };
        amounts.insert(field, at_rate(money.amount(), rate));
        if let Some(total) = case.event.kind.total_value() {
            amounts.insert(TOTAL_VALUE, at_rate(total, rate));
        }
    }
    Ok(amounts)
}

fn same_currency(deal: &Deal, money: Money) -> Result<(), Stop> {
    let of_deal = deal.closed.as_ref().and_then(|closed| closed.acv).map(Money::currency);
    match of_deal {
        Some(deal) if deal != money.currency() => {
            Err(Stop::Refused(Reason::OtherCurrency { deal: deal.to_owned(), event: money.currency().to_owned() }))
        }
        Some(_) | None => Ok(()),
    }
}

/// Tries every rule, then looks whether the partner reached a tier, and records it all. The record's place.
pub(super) fn award(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    amounts: Amounts<'_>,
    reason: Option<Reason>,
) -> Result<usize, Stop> {
    // A deal rated again has measured its own points already.
    let measured_before = book.accrued();
    let enrols_again = matches!(reason, Some(Reason::AlreadyEnrolled | Reason::EnrolledLater));
    if !enrols_again && matches!(case.part, Part::Full) {
        let person = case.event.kind.person();
        // A campaign lasts by the days of the version that says so.
        let day = context.day(case.event.time, case.earning);
        let value = Value::of(&case.event.kind, |currency| context.rate(currency, case.earning).ok());
        let sold = sold(context, book, case);
        let kind = &case.event.kind;
        let share = share(book, case)?;
        let facts = looked_at(&case.earning.program, book.account(), kind.name())?;
        if !facts.is_empty() {
            book.effect(Effect::Stated { facts: facts.clone() })?;
        }
        let seen = Seen {
            kind,
            amounts,
            value,
            share,
            influence: None,
            sold,
            facts: &facts,
            person: person.as_ref(),
            at: case.event.time,
            booked: case.booked,
            day,
        };
        try_rules(context, book, case, &seen)?;
        if matches!(kind, Kind::DealClosed { .. }) {
            true_up::later(context, book, &case.earning.program, &seen)?;
        }
    }
    let points = Decimal::from(book.accrued() - measured_before);
    let motion = context.motion(&book.state, case.event);
    book.measure(context, &motion, Month::of(case.booked), Measure::Points, points)?;
    if let Part::Full = case.part {
        let at = Moment::of(context.now, context.today);
        for effect in promotions(context.current, &mut book.state.account, at)? {
            book.effect(effect)?;
        }
        onboarding::reach(context, book, case)?;
    }
    let concluded = conclude(book, &case.part, reason);
    Ok(book.seal(context, case.event, concluded, Some(case.earning), case.booked))
}

/// The partner's share in the deal that it closes, which the record says where others have one (M34).
fn share(book: &mut Book, case: &Case<'_>) -> Result<u32, FoldError> {
    let is_won = matches!(case.event.kind, Kind::DealClosed { outcome: DealOutcome::Won, .. });
    let closing = case.event.kind.deal_id().filter(|_| is_won);
    let deal = closing.and_then(|id| book.state.deal(id)).filter(|deal| !deal.influencers.is_empty());
    let Some(deal) = deal else { return Ok(WHOLE) };
    let share = deal.share_of(&book.state.partner, case.earning.program.sharing.as_ref(), Some(case.event.time));
    book.effect(Effect::Share { points: share })?;
    Ok(share)
}

/// How the deal was sold of which the customer pays an invoice.
fn sold<'a>(context: &Context<'a>, book: &Book, case: &Case<'_>) -> Option<Sold<'a>> {
    let Kind::InvoicePaid { deal_id, .. } = &case.event.kind else { return None };
    let deal = book.state.deal(deal_id)?;
    let closed = deal.closed.as_ref()?;
    let version = context.programs.number(closed.version)?;
    let money = |credit: &Credit| match credit.asset {
        Asset::Money(currency) => Some(currency),
        Asset::Points => None,
    };
    let paid_in = closed.credits.iter().filter_map(|(rule, credit)| Some((rule.clone(), money(credit)?))).gather();
    Some(Sold { on: context.day(closed.at, version), by: &version.program, void: deal.void, paid_in })
}

fn try_rules(context: &Context<'_>, book: &mut Book, case: &Case<'_>, seen: &Seen<'_>) -> Result<(), Stop> {
    let program = &case.earning.program;
    let deal = case.event.kind.deal_id().and_then(|id| book.state.deal(id));
    let is_invoiced = deal.is_some_and(|deal| deal.invoiced.is_some());
    // Who influenced a deal is paid once it is closed.
    let later = |rule: &&Rule| rule.on == "deal.influenced" && rule.commission().is_some();
    for rule in program.rules_on(case.event.kind.name()).filter(|rule| !later(rule)) {
        let purse = pools::purse(context, book, (program, rule), case.booked)?;
        let mut award = try_rule(program, rule, seen, book.account(), purse.as_ref())?;
        let purse = purse.filter(|purse| purse.is_of(award.trial.asset));
        pools::draw(book, purse.as_ref(), &rule.id, (award.amount, award.short))?;
        let place = credit_place(context, program, rule, (case.booked, is_invoiced));
        let suspect = match award.amount {
            0 => None,
            _ => suspects::holds(context, book, (case, rule), seen, place, &mut award.effects)?,
        };
        if suspect.is_some() && suspects::is_full(book) {
            let Trial { verdict, .. } = &mut award.trial;
            *verdict = suspects::full(verdict.times().to_vec());
            award.effects.clear();
        } else if let Some(held) = suspect {
            suspects::hold(book, rule, award.amount, held)?;
        } else if award.amount > 0 {
            let (lot, release) = place;
            accrue(book, Why::rule(&rule.id), (award.trial.asset, award.amount), lot, release)?;
        }
        for effect in award.effects {
            book.effect(effect)?;
        }
        book.try_out(award.trial);
    }
    Ok(())
}

/// Where what a rule gives goes when it is booked on `booked`, and when it is released. Money has no lot that runs out.
pub(super) fn credit_place(
    context: &Context<'_>,
    program: &Program,
    rule: &Rule,
    (booked, is_invoiced): (Date, bool),
) -> (Month, Option<Date>) {
    let expiry = program.policy.expiry.filter(|_| rule.commission().is_none());
    let lot = expiry.map_or_else(never, |expiry| expiry.lot(booked, &program.calendar));
    let waits = rule.commission().is_some_and(|commission| commission.payable == Payable::AtFirstInvoice);
    let release = if waits && !is_invoiced { Some(someday()) } else { rule.hold.map(|hold| hold.after(booked)) };
    let release = release.filter(|day| *day > context.today);
    // What is released when its lot has run out lives as long as what comes back does.
    let late = release.filter(|day| *day < someday() && runs_out(lot, *day));
    let lot = late.map_or(lot, |day| lot.max(Month::of(program.policy.returned_for.after(day))));
    (lot, release)
}

/// Awards an amount: first against what is owed, the rest pending or available. Money nets when it becomes payable.
pub(super) fn accrue(
    book: &mut Book,
    why: Why<'_>,
    (asset, amount): (Asset, i64),
    lot: Month,
    release: Option<Date>,
) -> Result<(), FoldError> {
    let nets = asset.is_points() || release.is_none();
    let netted = if nets { amount.min(book.account().head.funds(asset).owed) } else { 0 };
    book.post(PostingKind::Netting, (asset, netted), Bucket::Program, Bucket::Owed, why)?;
    let to = match release {
        Some(release) => Bucket::Pending { release, lot },
        None => Bucket::Available(lot),
    };
    book.post(PostingKind::Accrual, (asset, amount - netted), Bucket::Program, to, why)
}

/// The outcome word of a judged event, and why it earned nothing.
pub(super) fn conclude(book: &Book, part: &Part, reason: Option<Reason>) -> (Outcome, Option<Reason>) {
    let reason = match (part, reason) {
        // What corrects a deal of somebody who may not earn says what it took, or why it gave nothing.
        (Part::Corrections(why), None | Some(Reason::Unchanged)) => Some(why.clone()),
        (_, reason) => reason,
    };
    if book.earned() {
        // A rule that gives something for a slot or a territory takes nothing from what is said of it.
        let told = |reason: &Reason| {
            matches!(
                reason,
                Reason::TruedUp
                    | Reason::SlotBooked { .. }
                    | Reason::SlotReleased { .. }
                    | Reason::Exclusive { .. }
                    | Reason::ExclusiveOver
            )
        };
        return (Outcome::Awarded, reason.filter(told));
    }
    if reason.is_some() {
        return (Outcome::NoRule, reason);
    }
    let capped = book.trials().iter().find_map(|trial| match &trial.verdict {
        Verdict::Capped { cap, .. } => Some(Reason::CapReached { cap: cap.clone() }),
        Verdict::Spent { budget, .. } => Some(Reason::BudgetSpent { budget: budget.clone() }),
        Verdict::Gave { .. }
        | Verdict::Paused { .. }
        | Verdict::Unmatched { .. }
        | Verdict::Nothing { .. }
        | Verdict::RatedAgain { .. }
        | Verdict::TruedUp { .. } => None,
    });
    // Of several pauses the one that ends last; of none that ends it is not known.
    let paused = book.trials().iter().filter_map(|trial| match trial.verdict {
        Verdict::Paused { until } => Some(until),
        _ => None,
    });
    let paused = paused.max_by_key(|until| (until.is_none(), *until)).map(|until| Reason::RulePaused { until });
    match capped {
        Some(reason) => (Outcome::Refused, Some(reason)),
        None if paused.is_some() => (Outcome::NoRule, paused),
        None if book.trials().is_empty() => (Outcome::NoRule, Some(Reason::NoRuleForType)),
        None => (Outcome::NoRule, Some(Reason::NoRuleMatched)),
    }
}
