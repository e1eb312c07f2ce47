//! Rating a deal again: what it earned is brought to what it is worth now (M36). Amending to a value and reversing down to it
//! come to the same.

use event::ids::{Motion, RuleId};
use event::money::{Money, at_rate};
use event::time::Month;
use event::{Influence, Kind, PartnerFacts, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Gives, Measure, Program, Rule, WHOLE};
use rust_decimal::Decimal;

use super::award::{accrue, credit_place};
use super::book::{Book, Why};
use super::context::{Case, Context, Part};
use super::due::{lots_since, runs_out};
use super::pools;
use super::stop::Stop;
use super::true_up::{Rated, rated_by};
use crate::deal::{Closed, Credit, Deal, Taken, VALUES};
use crate::earn::{
    Corrected, Seen, Value, factors, free_caps, holds, left, pays_again, rate_again, rule_caps, shut, use_caps,
};
use crate::ledger::{
    Asset, Bucket, Effect, FoldError, PostingKind, Reason, Release, Trial, Verdict, factor, never, someday,
};

/// What a deal that is closed was worth, as it was said last, and what is left of it.
pub(super) struct Values {
    /// The closing itself.
    pub(super) kind: Kind,
    closing: Value,
    said: Value,
    pub(super) left: Value,
}

impl Values {
    /// Of a deal as it will be.
    ///
    /// # Errors
    /// [`FoldError::OtherForm`]: its closing was written by another edition.
    pub(super) fn of(context: &Context<'_>, deal: &Deal, closed: &Closed) -> Result<Self, FoldError> {
        let currency = closed.acv.map(Money::currency);
        let rate = currency.and_then(|currency| context.closing_rate(deal, currency)).unwrap_or(Decimal::ONE);
        let value = |(acv, total)| Value { acv, total, currency: currency.unwrap_or_default(), rate };
        let position = closed.credits.values().map(|credit| credit.position).min().unwrap_or_default();
        Ok(Self {
            kind: closed.happened().ok_or(FoldError::OtherForm(position))?,
            closing: value((closed.acv.map_or(Decimal::ZERO, Money::amount), closed.total)),
            said: value(deal.said()),
            left: value((deal.effective_acv(), deal.effective_total())),
        })
    }

    /// What rules see of what is left: their caps are those of the periods that the award is booked in.
    pub(super) fn seen<'a>(&'a self, closed: &Closed, facts: &'a PartnerFacts, program: &Program) -> Seen<'a> {
        Seen {
            kind: &self.kind,
            amounts: self.left.amounts(),
            value: None,
            share: WHOLE,
            influence: None,
            sold: None,
            facts,
            person: None,
            at: closed.at,
            booked: closed.booked,
            day: program.calendar.day(closed.at),
        }
    }

    /// The same, with a partner's part in it.
    pub(super) fn corrected<'a>(
        &self,
        share: u32,
        influence: Option<Influence>,
        facts: &'a PartnerFacts,
    ) -> Corrected<'a> {
        let (closed, said, left) = (self.closing.clone(), self.said.clone(), self.left.clone());
        Corrected { share, influence, facts, closed, said, left }
    }
}

/// Brings what `deal` earned to what it is worth, given the deal as it will be; on the `day` on which it is trued up, what is trued up
/// then.
pub(super) fn rate_deal_again(
    context: &Context<'_>,
    book: &mut Book,
    deal: &Deal,
    case: &Case<'_>,
    day: Option<Date>,
) -> Result<Option<Reason>, Stop> {
    let Some(closed) = &deal.closed else { return Ok(None) };
    let Some(earning) = context.programs.number(closed.version) else { return Ok(Some(Reason::Unchanged)) };
    let values = Values::of(context, deal, closed)?;
    let (kind, left) = (&values.kind, &values.left);
    let acv = at_rate(left.acv, left.rate);
    let seen = values.seen(closed, &closed.facts, &earning.program);
    let share = deal.share_of(&deal.owner, earning.program.sharing.as_ref(), None);
    // What its rules looked at when it closed, also where nobody had stated it: first, before what rules on the event itself look at.
    if earning.program.rules_on("deal.closed").any(|rule| !rule.facts.is_empty()) {
        book.effect(Effect::Stated { facts: closed.facts.clone() })?;
    }
    if !deal.influencers.is_empty() {
        book.effect(Effect::Share { points: share })?;
    }
    // What is attained by then counts the deal as it is now.
    measure_value_again(context, book, (deal, closed), acv, case.booked)?;
    let (mut change, mut took_money) = (0, false);
    for rule in earning.program.rules_on("deal.closed") {
        let credit = closed.credits.get(&rule.id).cloned();
        // What a pause withheld stays so, and is told as that.
        if let Some(pause) = rule.paused_on(seen.day).filter(|_| credit.is_none()) {
            if day.is_none() && would_match(rule, &seen) {
                let of_money = rule.commission().map(|_| asset(&earning.program, closed));
                let (verdict, asset) = (Verdict::Paused { until: pause.until }, of_money.unwrap_or(Asset::Points));
                book.try_out(Trial { rule: rule.id.clone(), worth: 0, asset, verdict });
            }
            continue;
        }
        let rated = match &credit {
            Some(credit) => rated_by(context, book, (&earning.program, rule), (credit, &seen), day)?,
            None if day.is_some() => None,
            None => {
                let times = factors(&earning.program, rule, &seen, book.account())?;
                Some((factor(&times), Rated::Again(times)))
            }
        };
        let Some((by, rated)) = rated else { continue };
        let worth = match (&rule.gives, &credit) {
            _ if deal.is_void() => 0,
            // What the partner had not when it closed it may have by now; as long as it has not, it is not given.
            (Gives::Points(_), None) if is_shut(context, book, (&earning.program, rule), closed.at)? => continue,
            (Gives::Points(points), _) => rate_again(rule, points, &seen, by)?,
            (Gives::Money(commission), Some(_)) => {
                let corrected = values.corrected(share, None, &closed.facts);
                pays_again(&earning.program, (rule, commission), kind, corrected, by)?
            }
            // Whether it pays was decided when the deal closed.
            (Gives::Money(_), None) => continue,
        };
        if worth == 0 && credit.is_none() {
            continue;
        }
        let credit = credit.unwrap_or_else(|| Credit::none(Asset::Points, book.account().head.position + 1));
        let asset = credit.asset;
        let (moved, short) =
            rate_credit_again(context, book, (&earning.program, rule), &seen, (deal, &credit, worth), case)?;
        if asset.is_points() {
            change += moved;
        } else {
            took_money |= moved < 0;
        }
        book.try_out(Trial { rule: rule.id.clone(), worth, asset, verdict: rated.verdict(short) });
    }
    took_money |= share_again(context, book, &earning.program, (deal, closed))?;
    let (motion, month) = measured_in(context, (deal, closed), case.booked);
    book.measure(context, &motion, month, Measure::Points, Decimal::from(change))?;
    Ok(Some(match change {
        ..0 => Reason::TookBack { points: -change, expired: book.expired_taken() },
        _ if took_money => Reason::CommissionTakenBack,
        _ => Reason::Unchanged,
    }))
}

/// What a commission of a deal is paid in.
pub(super) fn asset(program: &Program, closed: &Closed) -> Asset {
    let of_deal = closed.acv.map(|acv| acv.currency()).filter(|_| program.policy.commissions.in_deals_currency);
    let own = || event::money::parse_currency(&program.currency).map(|currency| currency.code()).unwrap_or_default();
    Asset::Money(of_deal.unwrap_or_else(own))
}

/// Whether a rule's conditions hold of a deal, but for those on what it is worth, which that may come to.
fn would_match(rule: &Rule, seen: &Seen<'_>) -> bool {
    rule.conditions.iter().all(|asked| VALUES.contains(&asked.field.as_str()) || holds(asked, seen))
}

/// Whether a partner has not what a rule needs: when the deal closed, as far as that is known, or now.
fn is_shut(
    context: &Context<'_>,
    book: &Book,
    (program, rule): (&Program, &Rule),
    closed: Timestamp,
) -> Result<bool, FoldError> {
    let shut_at = |at| Ok::<_, FoldError>(shut(program, book.account(), &rule.gates, at)?.is_some());
    Ok(shut_at(closed)? || shut_at(context.now)?)
}

/// Takes back the shares in what the customer paid of a deal of which nothing is left, or gives them again where an amendment left
/// something (M10). What is amended or reversed in part changes the invoices to come. Whether it took any.
fn share_again(
    context: &Context<'_>,
    book: &mut Book,
    program: &Program,
    (deal, closed): (&Deal, &Closed),
) -> Result<bool, FoldError> {
    let mut took = false;
    let paid_at_closing = |rule: &RuleId| program.rules.get(rule).is_some_and(|rule| rule.on == "deal.closed");
    for (rule, credit) in closed.credits.iter().filter(|(rule, _)| !paid_at_closing(rule)) {
        let worth = if deal.is_nothing() { 0 } else { credit.peak };
        if worth == credit.worth {
            continue;
        }
        let due = (worth - credit.net()).min(credit.taken());
        if due < 0 {
            take_back(context, book, rule, -due, credit)?;
            let taken = book.moved_by(rule, PostingKind::Reversal);
            pools::give_back(context, book, rule, (credit, taken))?;
            took = true;
        }
        let (due, short) = pools::draw_again(context, book, rule, (credit, due.max(0)))?;
        let why = Why { rule: Some(rule), corrects: Some(credit.position) };
        give_back(context, book, why, (credit, due), (never(), None))?;
        let verdict = Verdict::RatedAgain { times: Vec::new(), short };
        book.try_out(Trial { rule: rule.clone(), worth, asset: credit.asset, verdict });
    }
    Ok(took)
}

/// Brings one rule's credit to what the rule is worth now; what that moved, and the budget that was short of it. What was taken back is restored to where it was; what
/// is new is under the caps of the award's own period; what a cap cut then stays cut.
pub(super) fn rate_credit_again(
    context: &Context<'_>,
    book: &mut Book,
    (program, rule): (&Program, &Rule),
    seen: &Seen<'_>,
    (deal, credit, worth): (&Deal, &Credit, i64),
    case: &Case<'_>,
) -> Result<(i64, Option<String>), Stop> {
    let keys = rule_caps(program, rule, seen);
    if worth < credit.net() {
        take_back(context, book, &rule.id, credit.net() - worth, credit)?;
        let taken = book.moved_by(&rule.id, PostingKind::Reversal);
        if program.policy.reversal_frees_caps {
            for effect in free_caps(
                rule,
                &keys,
                book.account(),
                (credit.asset, taken, taken == credit.net() && credit.forgiven == 0),
            )? {
                book.effect(effect)?;
            }
        }
        pools::give_back(context, book, &rule.id, (credit, taken))?;
        return Ok((-taken, None));
    }
    let frees = program.policy.reversal_frees_caps;
    // What was forgiven never left: it comes back first, without points.
    let due = worth - credit.net() - credit.forgiven.min(worth - credit.net());
    // Where caps were freed, somebody else may have used them meanwhile. What was forgiven is still there, and still counted.
    let gave = if frees { credit.net() + credit.forgiven > 0 } else { credit.given > 0 };
    let left = if due > 0 { left(rule, &keys, book.account(), gave)? } else { 0 };
    // What was withheld when it was worth as much before is not made up for later.
    let rises = (worth - credit.worth).max(0);
    let restored = credit.taken().min(due).min(rises).min(if frees { left } else { i64::MAX });
    // Who may not earn gets back what an amendment gives back, and gains nothing by what was attained in the end.
    let gains_nothing =
        matches!(case.event.kind, Kind::DealTruedUp { .. }) && matches!(case.part, Part::Corrections(_));
    let restored = if gains_nothing { 0 } else { restored };
    let new = (worth - credit.peak).max(0).min(due - restored);
    let new = match case.part {
        Part::Full if frees => new.min(left - restored),
        Part::Full => new.min(left),
        Part::Corrections(_) => 0,
    };
    let (restored, kept) = pools::draw_again(context, book, &rule.id, (credit, restored))?;
    // Where there was too little for what was given before, there is nothing new.
    let new = if kept.is_some() { 0 } else { new };
    let purse = if new > 0 { pools::purse(context, book, (program, rule), seen.booked)? } else { None };
    let given = purse.as_ref().map_or(new, |purse| purse.gives(new));
    pools::draw(book, purse.as_ref(), &rule.id, (given, given < new))?;
    let short = kept.or_else(|| purse.filter(|_| given < new).map(|purse| purse.pool.to_string()));
    let new = given;
    // More of an award belongs where the award is, or would have been, unless that lot has run out.
    let is_invoiced = deal.invoiced.is_some();
    let would_be = || credit_place(context, program, rule, (seen.booked, is_invoiced));
    let (lot, release) = credit.lot.map_or_else(would_be, |lot| (lot, credit.release));
    let place = if lot < Month::of(context.today) {
        credit_place(context, program, rule, (case.booked, is_invoiced))
    } else {
        (lot, release.filter(|day| *day > context.today))
    };
    let why = Why { rule: Some(&rule.id), corrects: Some(credit.position) };
    give_back(context, book, why, (credit, restored), place)?;
    accrue(book, why, (credit.asset, new), place.0, place.1)?;
    let counted = if frees { restored + new } else { new };
    if counted > 0 {
        for effect in use_caps(rule, &keys, (credit.asset, counted), gave) {
            book.effect(effect)?;
        }
    }
    Ok((restored + new, short))
}

/// Gives back so much of what was taken of a credit, the latest first.
fn give_back(
    context: &Context<'_>,
    book: &mut Book,
    why: Why<'_>,
    (credit, amount): (&Credit, i64),
    place: (Month, Option<Date>),
) -> Result<(), FoldError> {
    let mut back = amount;
    for taken in credit.taken.iter().rev() {
        let amount = back.min(taken.amount);
        give_again(context, book, why, (credit.asset, Taken { amount, ..*taken }), place)?;
        back -= amount;
    }
    Ok(())
}

/// Gives back what was taken, to where it was: as expired, or to its lot, or to `place` where there is none or it has run out.
fn give_again(
    context: &Context<'_>,
    book: &mut Book,
    why: Why<'_>,
    (asset, Taken { from, amount }): (Asset, Taken),
    place: (Month, Option<Date>),
) -> Result<(), FoldError> {
    let lives = |lot: Month| !runs_out(lot, context.today);
    let (lot, release) = match from {
        Bucket::Expired(_) => return book.post(PostingKind::Accrual, (asset, amount), Bucket::Program, from, why),
        // Whether that still waits says the place.
        Bucket::Pending { release, .. } if release == someday() => place,
        Bucket::Available(lot) if lives(lot) => (lot, None),
        Bucket::Pending { release, lot } if lives(lot) => (lot, Some(release).filter(|day| *day > context.today)),
        Bucket::Available(_)
        | Bucket::Pending { .. }
        | Bucket::Program
        | Bucket::Reserved(_)
        | Bucket::Owed
        | Bucket::InPayout(_)
        | Bucket::Paid(_) => place,
    };
    accrue(book, why, (asset, amount), lot, release)
}

/// Takes back some of an award: from what expired unspent of its lots, then from pending, its own lots, other lots
/// soonest-first, whatever else expired since; the rest is owed, as the clawback policy says (I5, I14).
fn take_back(
    context: &Context<'_>,
    book: &mut Book,
    rule: &RuleId,
    amount: i64,
    credit: &Credit,
) -> Result<(), FoldError> {
    let asset = credit.asset;
    let why =
        Why { rule: Some(rule), corrects: Some(credit.position).filter(|_| !planted("a reversal names nothing")) };
    let mut left = if planted("takes back twice") { amount * 2 } else { amount };
    let ran_out = |lot: Month| runs_out(lot, context.today) && !planted("takes what expired again");
    for (lot, placed) in credit.placed.iter().map(|(lot, placed)| (*lot, *placed)).filter(|(lot, _)| ran_out(*lot)) {
        // What is held still has not expired, whatever became of the lot that it will belong to.
        let still_held = |release: &Release| release.lot == lot && release.day > context.today;
        let held: i64 = credit.held.iter().filter(|(release, _)| still_held(release)).map(|(_, held)| held).sum();
        let taken = left.min((placed - held).max(0)).min(book.account().expired(asset, lot)?);
        book.post(PostingKind::Reversal, (asset, taken), Bucket::Expired(lot), Bucket::Program, why)?;
        left -= taken;
    }
    for (place, own) in credit.held.iter().rev() {
        let held = book.account().pending.get(&asset).and_then(|held| held.get(place)).copied();
        let (taken, Release { day: release, lot }) = (left.min(*own).min(held.unwrap_or(0)), *place);
        book.post(PostingKind::Reversal, (asset, taken), Bucket::Pending { release, lot }, Bucket::Program, why)?;
        left -= taken;
    }
    let funds = book.account().head.funds(asset);
    let mut lots: Vec<(Month, i64)> = funds.lots.iter().map(|(lot, held)| (*lot, *held)).collect();
    lots.sort_by_key(|(lot, _)| (!credit.placed.contains_key(lot), *lot));
    for (lot, held) in lots {
        let taken = left.min(held);
        book.post(PostingKind::Reversal, (asset, taken), Bucket::Available(lot), Bucket::Program, why)?;
        left -= taken;
    }
    // What went back after an order may have run out in another lot: before anything is owed, all that expired since is drawn on.
    let first = credit.placed.keys().next().copied().filter(|lot| ran_out(*lot));
    for lot in first.into_iter().flat_map(|first| lots_since(first, context.today)) {
        let taken = left.min(book.account().expired(asset, lot)?);
        book.post(PostingKind::Reversal, (asset, taken), Bucket::Expired(lot), Bucket::Program, why)?;
        left -= taken;
    }
    let policy = &context.program().policy;
    let owes = if asset.is_points() { policy.owe_the_rest } else { policy.commissions.owe_the_rest };
    // What is on its way was not paid: it is owed, also where what was paid is forgiven.
    let on_its_way: i64 = book.account().head.funds(asset).payouts.values().sum();
    let owed = book.account().head.funds(asset).owed;
    let left = if owes { left } else { left.min((on_its_way - owed).max(0)) };
    if left > 0 {
        book.post(PostingKind::Reversal, (asset, left), Bucket::Owed, Bucket::Program, why)?;
    }
    Ok(())
}

/// The motion and the month in which a deal was measured, or would be.
fn measured_in(context: &Context<'_>, (deal, closed): (&Deal, &Closed), booked: Date) -> (Motion, Month) {
    let default = || {
        let motion = deal.motion.clone().unwrap_or_else(|| context.program().default_motion.clone());
        (motion, Month::of(booked))
    };
    closed.measured.clone().unwrap_or_else(default)
}

/// Corrects what a deal that counts is measured by, in the month in which it was measured.
fn measure_value_again(
    context: &Context<'_>,
    book: &mut Book,
    (deal, closed): (&Deal, &Closed),
    acv: Decimal,
    booked: Date,
) -> Result<(), FoldError> {
    if closed.counted.is_zero() {
        return Ok(());
    }
    let (motion, month) = measured_in(context, (deal, closed), booked);
    let counts = if deal.is_void() { Decimal::ZERO } else { closed.counted };
    book.measure(context, &motion, month, Measure::Deals, counts - closed.counts)?;
    book.measure(context, &motion, month, Measure::Acv, acv - closed.measured_acv)
}
