//! What an event does to its partner and its deal, before any rule looks at it. Nothing here changes a deal: the record does,
//! when it is folded (I26).

use event::ids::{DealId, Motion, OpportunityId, PartnerId};
use event::money::Money;
use event::time::Month;
use event::{Code, DealOutcome, Kind, ProjectOutcome, Rejection, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Measure, REGISTRANTS_MAX};
use rust_decimal::Decimal;

use super::award::Amounts;
use super::book::{Book, Why};
use super::context::{Case, Context};
use super::exclusivity;
use super::onboarding;
use super::payouts;
use super::pools;
use super::rating::rate_deal_again;
use super::shares;
use super::stop::{Awaited, Stop};
use crate::deal::{Deal, Measured};
use crate::ledger::{
    ATTESTED_MAX, Bucket, Effect, Errand, FoldError, Membership, PostingKind, Reason, Release, Stamp, TargetKey, never,
    someday,
};

/// What the event does. `Ok(Some(reason))` where it counts and earns nothing by nature, such as a reversal.
pub(super) fn lifecycle(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    amounts: &Amounts<'_>,
) -> Result<Option<Reason>, Stop> {
    match &case.event.kind {
        Kind::DealRegistered { deal_id, opportunity_id, public_tender, .. } => {
            register(context, book, case, deal_id, opportunity_id, *public_tender)
        }
        Kind::DealLeaseExtended { deal_id, until, .. } => extend(context, book, case, deal_id, *until),
        Kind::DealQualified { deal_id } => qualify(context, book, case, deal_id),
        Kind::DealClosed { deal_id, outcome, .. } => close(context, book, case, amounts, deal_id, *outcome),
        Kind::DealAmended { deal_id, acv } => amend(context, book, case, deal_id, *acv),
        Kind::DealReversed { deal_id, amount, .. } => reverse(context, book, case, deal_id, *amount),
        Kind::DealInfluenced { deal_id, share_percent, .. } => {
            shares::influenced(context, book, case, deal_id, *share_percent)
        }
        Kind::DealReassigned { deal_id, to_partner } => reassign(context, book, case, deal_id, to_partner),
        Kind::ProjectCompleted { outcome: ProjectOutcome::Successful, .. } => {
            measure_one(context, book, case, Measure::Projects)
        }
        Kind::Own(_) => match context.declared(case.event).and_then(|own| own.counts) {
            Some(measure) => measure_one(context, book, case, measure),
            None => Ok(None),
        },
        Kind::PurchaseOrderReceived { deal_id, .. } => order(context, book, case, amounts, deal_id),
        Kind::PayoutSettled { payout_id, .. } | Kind::PayoutReturned { payout_id, .. } => {
            payouts::ended(book, case.event, *payout_id)
        }
        Kind::ExclusivityGranted { until, .. } => exclusivity::grant(context, book, case, *until),
        Kind::ExclusivityEnded { .. } => exclusivity::end(context, book, case),
        Kind::PartnerOffboarded { .. } => {
            let learned = learn(book, case)?;
            exclusivity::leave(context, book)?;
            Ok(learned)
        }
        Kind::BenefitBooked { .. } | Kind::BenefitReleased { .. } => pools::slot(context, book, case),
        Kind::InvoicePaid { deal_id, .. } => invoice(context, book, case, deal_id),
        Kind::TargetSet { motion, measure, period, .. } => {
            has_motion(context, book, case, motion)?;
            let key = TargetKey { period: *period, measure: measure.clone(), motion: motion.clone() };
            if !book.account().profile.takes(&key, case.booked) {
                return Err(Stop::Refused(Reason::TargetsMany));
            }
            Ok(learn(book, case)?.or(Some(Reason::TargetTaken)))
        }
        Kind::PartnerEnrolled { .. } => {
            let was_in = matches!(book.account().head.membership(), Membership::Active | Membership::Suspended);
            let learned = learn(book, case)?;
            if !was_in && !matches!(book.account().head.membership(), Membership::Offboarded) {
                onboarding::begin(context, book, case)?;
            }
            Ok(learned)
        }
        Kind::AttestationRecorded { criterion, .. } => {
            let attested = &book.account().profile.attested;
            if attested.len() >= ATTESTED_MAX && !attested.contains_key(criterion) {
                return Err(Stop::Refused(Reason::AttestedMany));
            }
            learn(book, case)
        }
        // What the account learns of it is all there is. From `AwardReleased` on they were judged before, each in its own place.
        Kind::PartnerSuspended { .. }
        | Kind::PartnerReinstated { .. }
        | Kind::AgreementAccepted { .. }
        | Kind::CourseCompleted { .. }
        | Kind::CertificationGranted { .. }
        | Kind::CertificationExpired { .. }
        | Kind::ContentViewed { .. }
        | Kind::RewardViewed { .. }
        | Kind::ProjectCompleted { .. }
        | Kind::AwardReleased { .. }
        | Kind::AwardWithdrawn { .. }
        | Kind::BudgetFunded { .. }
        | Kind::BudgetReduced { .. }
        | Kind::LeaseEnding { .. }
        | Kind::ExclusivityReviewed { .. }
        | Kind::OnboardingReviewed { .. }
        | Kind::DealShared { .. }
        | Kind::DealTruedUp { .. }
        | Kind::BidLost { .. }
        | Kind::PointsReleased { .. }
        | Kind::CommissionReleased { .. }
        | Kind::PayoutReserved { .. }
        | Kind::PayoutCancelled { .. }
        | Kind::PayoutStanding { .. }
        | Kind::PointsExpired { .. }
        | Kind::TierReviewed { .. }
        | Kind::ProgramPublished { .. }
        | Kind::ProgramWithdrawn { .. }
        | Kind::RedemptionRequested { .. }
        | Kind::RedemptionOrdering { .. }
        | Kind::RedemptionFulfilled { .. }
        | Kind::RedemptionReleased { .. } => learn(book, case),
    }
}

/// Whether a motion is one of the partner's, or the program names it: by the version of then or of now.
fn has_motion(context: &Context<'_>, book: &Book, case: &Case<'_>, motion: &Motion) -> Result<(), Stop> {
    let known = case.earning.program.motions();
    let own = book.account().motions().contains(motion);
    if own || known.contains(motion) || context.program().motions().contains(motion) {
        return Ok(());
    }
    let list: Vec<&str> = known.iter().map(|motion| motion.as_str()).collect();
    let message = format!("the program has no motion `{motion}`; write one of: {}", list.join(", "));
    Err(Stop::Rejected(Rejection::new(Code::BadValue, "data.motion", message)))
}

/// Takes over what the event says of the partner, by its own time.
fn learn(book: &mut Book, case: &Case<'_>) -> Result<Option<Reason>, Stop> {
    let enrols = matches!(case.event.kind, Kind::PartnerEnrolled { .. });
    let again = enrols && book.account().is_enrolled();
    Ok(match book.learn(case.event, case.booked)? {
        true if again => Some(Reason::AlreadyEnrolled),
        true => None,
        // An enrolment that a later one overtook enrols all the same.
        false if enrols => Some(Reason::EnrolledLater),
        false => Some(Reason::Superseded),
    })
}

/// The deal if there is one: the partner's own. What is said of another partner's may have overtaken its reassignment, and waits for
/// it a while; of one that is closed already it has not: that stays where it is.
fn own_deal(context: &Context<'_>, book: &Book, case: &Case<'_>, id: &DealId) -> Result<Option<Deal>, Stop> {
    let Some(deal) = book.state.deal(id) else { return Ok(None) };
    if deal.owner == book.state.partner {
        return Ok(Some(deal.clone()));
    }
    let may_move = deal.closed.is_none() && !context.has_waited(case.event);
    if may_move && !matches!(case.event.kind, Kind::DealRegistered { .. }) {
        return Err(Stop::Held(Awaited::Reassignment(id.clone())));
    }
    Err(Stop::Refused(Reason::DealOfAnotherPartner))
}

/// The partner's own deal, which must be there.
fn known_deal(context: &Context<'_>, book: &Book, case: &Case<'_>, id: &DealId) -> Result<Deal, Stop> {
    own_deal(context, book, case, id)?.ok_or_else(|| Stop::Held(Awaited::Deal(id.clone())))
}

/// The partner's own deal, closed and won.
fn won_deal(context: &Context<'_>, book: &Book, case: &Case<'_>, id: &DealId) -> Result<Deal, Stop> {
    let deal = known_deal(context, book, case, id)?;
    match &deal.closed {
        None => Err(Stop::Held(Awaited::Deal(id.clone()))),
        Some(closed) if !closed.won => Err(Stop::Refused(Reason::DealLost)),
        Some(_) => Ok(deal),
    }
}

fn measure_one(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    measure: Measure,
) -> Result<Option<Reason>, Stop> {
    let motion = context.motion(&book.state, case.event);
    book.measure(context, &motion, Month::of(case.booked), measure, Decimal::ONE)?;
    Ok(None)
}

fn register(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    deal_id: &DealId,
    opportunity_id: &OpportunityId,
    public_tender: bool,
) -> Result<Option<Reason>, Stop> {
    let deal = own_deal(context, book, case, deal_id)?;
    if deal.as_ref().is_some_and(|deal| deal.registered.is_some()) {
        return Err(Stop::Refused(Reason::AlreadyRegistered));
    }
    let Place { number: place, until, tender } = place(book, case, opportunity_id, public_tender)?;
    let asks = case.earning.program.registration.bidders.filter(|_| tender);
    book.effect(Effect::Place { place, until, asks, tender })?;
    if let Some(until) = until {
        remind(context, book, case, (until, None))?;
    }
    if tender {
        let won = deal.as_ref().and_then(|deal| deal.closed.as_ref()).is_some_and(|closed| closed.won);
        tell_of_win(book, opportunity_id, (won, place))?;
    }
    place_measures(context, book, case, deal.as_ref())?;
    measure_one(context, book, case, Measure::Registrations)
}

/// What a deal measured before anybody said its motion was measured in the default one: it moves to where it belongs, in the months it
/// was measured in.
fn place_measures(context: &Context<'_>, book: &mut Book, case: &Case<'_>, deal: Option<&Deal>) -> Result<(), Stop> {
    let Some((deal, to)) = deal.zip(case.event.kind.motion()) else { return Ok(()) };
    for Measured { motion: from, month, by } in deal.unplaced.iter().filter(|unplaced| unplaced.motion != *to) {
        for (measure, amount) in by {
            book.measure(context, from, *month, *measure, -*amount)?;
            book.measure(context, to, *month, *measure, *amount)?;
        }
    }
    Ok(())
}

/// A place on an opportunity.
struct Place {
    number: u32,
    until: Option<Date>,
    tender: bool,
}

/// The place on an opportunity: 1 for the first (or the first after the lease ran out), else 2, 3 ... (M30, M31). Whether it is a public
/// tender says the first: in one all have a place, up to the most that there are (M33).
fn place(book: &Book, case: &Case<'_>, id: &OpportunityId, public_tender: bool) -> Result<Place, Stop> {
    let policy = &case.earning.program.registration;
    let taken = book.state.opportunities.get(id).and_then(Option::as_ref).filter(|taken| taken.until > case.day);
    let Some(taken) = taken else {
        let until = Some(policy.exclusive_for.after(case.day)).filter(|_| !public_tender);
        return Ok(Place { number: 1, until, tender: public_tender });
    };
    if taken.registrants.contains(&book.state.partner) {
        return Err(Stop::Refused(Reason::OpportunityRegistered));
    }
    let tender = taken.tender;
    match taken.registrants.len() + 1 {
        2 if !tender && !policy.accepts(2) => Err(Stop::Refused(Reason::OpportunityTaken { until: taken.until })),
        next if next > REGISTRANTS_MAX || !tender && !policy.accepts(next) => {
            Err(Stop::Refused(Reason::OpportunityFull))
        }
        next => Ok(Place { number: u32::try_from(next).unwrap_or(u32::MAX), until: None, tender }),
    }
}

/// The partner is reminded before it has an opportunity to itself no longer, as the program says, as far as that is still to come.
fn remind(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    (until, to): (Date, Option<&PartnerId>),
) -> Result<(), FoldError> {
    for before in &case.earning.program.registration.remind {
        let due = context.start_of(before.before(until));
        if due > context.now {
            book.effect(Effect::Sends(Errand::LeaseEnding { due, to: to.cloned() }))?;
        }
    }
    Ok(())
}

/// Staff let a partner have an opportunity to itself until another day; what was said last by the events' own time holds (I24).
fn extend(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    id: &DealId,
    until: Timestamp,
) -> Result<Option<Reason>, Stop> {
    let deal = known_deal(context, book, case, id)?;
    if deal.closed.is_some() {
        return Err(Stop::Refused(Reason::AlreadyClosed));
    }
    let Some(opportunity) = deal.opportunity else { return Err(Stop::Held(Awaited::Deal(id.clone()))) };
    let taken = book.state.opportunities.get(&opportunity).and_then(Option::as_ref);
    let Some(taken) = taken.filter(|taken| taken.deal == *id && !taken.tender) else {
        return Err(Stop::Refused(Reason::NoLease));
    };
    if taken.said > Stamp::of(case.event.time, &case.event.identity) {
        return Err(Stop::Refused(Reason::Superseded));
    }
    let until = context.day(until, context.current);
    book.effect(Effect::Lease { opportunity, until })?;
    remind(context, book, case, (until, None))?;
    Ok(Some(Reason::LeasedUntil { until }))
}

/// A public tender is won (M33): all others are told, once, whoever closes after that; and so is who registers for one that is won.
fn tell_of_win(book: &mut Book, id: &OpportunityId, (won, place): (bool, u32)) -> Result<(), FoldError> {
    let partner = book.state.partner.clone();
    let taken = book.state.opportunities.get(id).and_then(Option::as_ref).filter(|_| place != 1);
    let is_won = taken.is_some_and(|taken| !taken.won.is_empty());
    let others: Vec<PartnerId> = match (won, is_won) {
        (true, false) => taken.map(|taken| taken.registrants.clone()).unwrap_or_default(),
        (false, true) => vec![partner.clone()],
        (true, true) | (false, false) => Vec::new(),
    };
    if won {
        book.effect(Effect::Won { opportunity: id.clone() })?;
    }
    for to in others.into_iter().filter(|bidder| !won || *bidder != partner) {
        book.effect(Effect::Sends(Errand::BidLost { to, opportunity: id.clone() }))?;
    }
    Ok(())
}

fn qualify(context: &Context<'_>, book: &mut Book, case: &Case<'_>, id: &DealId) -> Result<Option<Reason>, Stop> {
    let deal = known_deal(context, book, case, id)?;
    if deal.registered.is_none() && context.program().registration.required {
        return Err(Stop::Held(Awaited::Deal(id.clone())));
    }
    if deal.qualified.is_some() {
        return Err(Stop::Refused(Reason::AlreadyQualified));
    }
    measure_one(context, book, case, Measure::Qualified)
}

fn close(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    amounts: &Amounts<'_>,
    id: &DealId,
    outcome: DealOutcome,
) -> Result<Option<Reason>, Stop> {
    let required = context.program().registration.required;
    let deal = own_deal(context, book, case, id)?;
    if deal.as_ref().is_some_and(|deal| deal.closed.is_some()) {
        return Err(Stop::Refused(Reason::AlreadyClosed));
    }
    if required && deal.as_ref().is_none_or(|deal| deal.registered.is_none()) {
        return Err(Stop::Held(Awaited::Deal(id.clone())));
    }
    let counts = outcome == DealOutcome::Won && context.program().is_deal("deal.closed", Some(outcome.word()));
    if counts {
        let (motion, month) = (context.motion(&book.state, case.event), Month::of(case.booked));
        book.measure(context, &motion, month, Measure::Deals, Decimal::ONE)?;
        book.measure(context, &motion, month, Measure::Acv, amounts.get("acv").copied().unwrap_or_default())?;
    }
    place_measures(context, book, case, deal.as_ref())?;
    if outcome == DealOutcome::Won {
        let tender = deal.as_ref().filter(|deal| deal.tender);
        if let Some((opportunity, place)) = tender.and_then(|deal| Some((deal.opportunity.as_ref()?, deal.place))) {
            tell_of_win(book, opportunity, (true, place.max(2)))?;
        }
        if case.earning.program.sharing.is_some() {
            shares::tell_sharers(book, deal.as_ref(), Some(case.event.time))?;
        }
    }
    Ok(None)
}

/// An order counts as a deal where the program says so; the deal that it names need not be known.
fn order(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    amounts: &Amounts<'_>,
    id: &DealId,
) -> Result<Option<Reason>, Stop> {
    own_deal(context, book, case, id)?;
    if context.program().is_deal(case.event.kind.name(), None) {
        let (motion, month) = (context.motion(&book.state, case.event), Month::of(case.booked));
        book.measure(context, &motion, month, Measure::Deals, Decimal::ONE)?;
        book.measure(context, &motion, month, Measure::Acv, amounts.get("amount").copied().unwrap_or_default())?;
    }
    Ok(None)
}

/// The customer paid: what waited for that is payable, or held as long as its rule says. Where commissions wait for invoices, or are a
/// share of them, one that comes before its deal waits for that.
fn invoice(context: &Context<'_>, book: &mut Book, case: &Case<'_>, id: &DealId) -> Result<Option<Reason>, Stop> {
    let Some(deal) = own_deal(context, book, case, id)? else {
        let waits = context.program().pays_at_invoices() || case.earning.program.shares_invoices();
        return if waits { Err(Stop::Held(Awaited::Deal(id.clone()))) } else { Ok(None) };
    };
    let mut of_nothing = None;
    if case.earning.program.shares_invoices() {
        has_a_share(&deal, id)?;
        in_its_currency(context, case, &deal)?;
        of_nothing = deal.void.then_some(Reason::AlreadyReversed);
    }
    let Some(closed) = &deal.closed else { return Ok(None) };
    let mut paid = false;
    for (rule, credit) in &closed.credits {
        let waiting = Release { day: someday(), lot: never() };
        let pending = book.account().pending.get(&credit.asset).and_then(|held| held.get(&waiting)).copied();
        let amount = credit.held.get(&waiting).copied().unwrap_or(0).min(pending.unwrap_or(0));
        if amount == 0 {
            continue;
        }
        let earning = context.programs.number(closed.version);
        let hold = earning.and_then(|version| version.program.rules.get(rule)?.hold);
        let day = hold.map(|hold| hold.after(case.booked)).filter(|day| *day > context.today);
        let to = day.map_or(Bucket::Available(never()), |release| Bucket::Pending { release, lot: never() });
        let from = Bucket::Pending { release: waiting.day, lot: waiting.lot };
        book.post(PostingKind::Release, (credit.asset, amount), from, to, Why::rule(rule))?;
        if day.is_none() {
            let netted = amount.min(book.account().head.funds(credit.asset).owed);
            book.post(PostingKind::Netting, (credit.asset, netted), to, Bucket::Owed, Why::default())?;
        }
        paid = true;
    }
    Ok(of_nothing.or(paid.then_some(Reason::CustomerPaid)))
}

/// Commissions that are paid in the deal's currency are paid of invoices in it: each has one asset, in which it is taken back.
fn in_its_currency(context: &Context<'_>, case: &Case<'_>, deal: &Deal) -> Result<(), Stop> {
    let of_deal = deal.closed.as_ref().and_then(|closed| closed.acv).map(Money::currency);
    let Kind::InvoicePaid { amount, .. } = &case.event.kind else { return Ok(()) };
    let in_deals_currency = case.earning.program.policy.commissions.in_deals_currency;
    let earned_so = deal.closed.as_ref().and_then(|closed| context.programs.number(closed.version));
    let pays_so =
        in_deals_currency || earned_so.is_some_and(|version| version.program.policy.commissions.in_deals_currency);
    match of_deal.filter(|currency| pays_so && *currency != amount.currency()) {
        Some(deal) => {
            let (deal, event) = (deal.to_owned(), amount.currency().to_owned());
            Err(Stop::Refused(Reason::OtherCurrency { deal, event }))
        }
        None => Ok(()),
    }
}

/// Whether a partner may have a share in what the customer pays for a deal: once it is won, and as long as something is left of it. Of
/// what was reversed in parts, or amended to nothing, an amendment may leave something again.
fn has_a_share(deal: &Deal, id: &DealId) -> Result<(), Stop> {
    match &deal.closed {
        Some(closed) if !closed.won => Err(Stop::Refused(Reason::DealLost)),
        Some(_) if deal.void || !deal.is_nothing() => Ok(()),
        Some(_) | None => Err(Stop::Held(Awaited::Deal(id.clone()))),
    }
}

fn amend(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    id: &DealId,
    acv: Money,
) -> Result<Option<Reason>, Stop> {
    let mut deal = won_deal(context, book, case, id)?;
    if !deal.amend(acv, Stamp::of(case.event.time, &case.event.identity)) {
        return Err(Stop::Refused(Reason::Superseded));
    }
    shares::tell_sharers(book, Some(&deal), None)?;
    rate_deal_again(context, book, &deal, case, None)
}

fn reverse(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    id: &DealId,
    amount: Option<Money>,
) -> Result<Option<Reason>, Stop> {
    let mut deal = won_deal(context, book, case, id)?;
    if deal.void {
        return Err(Stop::Refused(Reason::AlreadyReversed));
    }
    if !deal.reverse(amount, Stamp::of(case.event.time, &case.event.identity)) {
        return Err(Stop::Refused(Reason::Superseded));
    }
    shares::tell_sharers(book, Some(&deal), None)?;
    rate_deal_again(context, book, &deal, case, None)
}

/// What a deal has of its opportunity goes where the deal goes: its place, its lease, and who is reminded of its end.
fn move_place(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    (id, deal): (&DealId, &Deal),
    to: &PartnerId,
) -> Result<(), FoldError> {
    let Some(opportunity) = deal.opportunity.clone() else { return Ok(()) };
    let Some(taken) = book.state.opportunities.get(&opportunity).and_then(Option::as_ref) else { return Ok(()) };
    if !taken.registrants.contains(&book.state.partner) {
        return Ok(());
    }
    let until = Some(taken.until).filter(|_| taken.deal == *id && !taken.tender);
    book.effect(Effect::Moved { opportunity, to: to.clone(), until })?;
    match until {
        Some(until) => remind(context, book, case, (until, Some(to))),
        None => Ok(()),
    }
}

/// A deal moves to a partner that is known; what it earns from now on is that partner's.
fn reassign(
    context: &Context<'_>,
    book: &mut Book,
    case: &Case<'_>,
    id: &DealId,
    to: &PartnerId,
) -> Result<Option<Reason>, Stop> {
    let deal = known_deal(context, book, case, id)?;
    // What a closed deal earned stays with whom it was awarded to, so that a reversal finds it.
    if deal.closed.is_some() {
        return Err(Stop::Refused(Reason::AlreadyClosed));
    }
    if *to == book.state.partner {
        return Ok(None);
    }
    let membership = book.state.others.get(to).map_or(Membership::Unknown, |head| head.membership());
    match membership {
        Membership::Active | Membership::Suspended => {
            move_place(context, book, case, (id, &deal), to)?;
            Ok(Some(Reason::DealMoved))
        }
        Membership::Offboarded => Err(Stop::Refused(Reason::NewOwnerLeft)),
        Membership::Unknown if planted("a deal goes to nobody") => Ok(Some(Reason::DealMoved)),
        Membership::Unknown => Err(Stop::Held(Awaited::Partner(to.clone()))),
    }
}
