//! What an event does to its partner and its deal, before any rule looks at it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::book::Draft;
use super::case::{Block, Case};
use super::{Awaited, Desk};
use crate::deal::{Amended, Closed, Credit, Deal, Opportunity};
use crate::earn::{Facts, points_left, rate_again, use_points};
use crate::ledger::Effect;
use crate::ledger::Reason;
use crate::ledger::{FoldError, Status};
use event::ids::{DealId, OpportunityId, PartnerId, RuleId};
use event::money::{Money, at_rate};
use event::time::Month;
use event::{DealOutcome, Event, Kind, ProjectOutcome};
use program::Measure;

/// `Ok(Some(reason))` where the event counts and earns nothing by nature, such as a reversal.
type Lifecycle = Result<Option<Reason>, Block>;

impl Desk<'_> {
    pub(super) fn lifecycle(&mut self, case: &Case<'_>, draft: &mut Draft) -> Result<Lifecycle, FoldError> {
        match &case.event.kind {
            Kind::DealRegistered { .. } => self.register(case, draft),
            Kind::DealQualified { deal_id } => self.qualify(case, draft, deal_id),
            Kind::DealClosed { .. } => self.close(case, draft),
            Kind::DealAmended { deal_id, acv } => self.amend(case, draft, deal_id, *acv),
            Kind::DealReversed { deal_id, amount, .. } => self.reverse(case, draft, deal_id, *amount),
            Kind::DealInfluenced { deal_id, .. } => Ok(match self.deal(deal_id) {
                Some(_) => Ok(None),
                None => Err(Block::Held(Awaited::Deal(deal_id.clone()))),
            }),
            Kind::DealReassigned { deal_id, to_partner } => Ok(self.reassign(deal_id, to_partner.clone())),
            _ => self.partner_facts(case, draft),
        }
    }

    fn partner_facts(&mut self, case: &Case<'_>, draft: &mut Draft) -> Result<Lifecycle, FoldError> {
        let (one, on) = (Decimal::ONE, case.booked);
        let motion = self.motion(case.event);
        let effect = match &case.event.kind {
            Kind::PartnerEnrolled { .. } => return self.enrol(case.event, draft).map(Ok),
            Kind::PartnerSuspended { .. } => Effect::Status(Status::Suspended),
            Kind::PartnerReinstated { .. } => Effect::Status(Status::Active),
            Kind::PartnerOffboarded { .. } => Effect::Status(Status::Offboarded),
            Kind::AgreementAccepted { version, .. } => Effect::Agreement(version.clone()),
            Kind::CourseCompleted { course_id, .. } => Effect::Course { id: course_id.clone(), on },
            Kind::CertificationGranted { certification_id, person_id, valid_until, .. } => {
                Effect::Certified { id: certification_id.clone(), person: person_id.clone(), until: *valid_until }
            }
            Kind::CertificationExpired { certification_id, person_id, .. } => {
                Effect::Decertified { id: certification_id.clone(), person: person_id.clone() }
            }
            Kind::ProjectCompleted { outcome: ProjectOutcome::Successful, .. } => {
                self.measure(draft, &motion, on, Measure::Projects, one)?;
                return Ok(Ok(None));
            }
            Kind::PurchaseOrderReceived { .. } => {
                if self.program().is_deal(case.event.kind.name(), None) {
                    let amount = case.amounts.get("amount").copied().unwrap_or_default();
                    self.measure(draft, &motion, on, Measure::Deals, one)?;
                    self.measure(draft, &motion, on, Measure::Acv, amount)?;
                }
                return Ok(Ok(None));
            }
            _ => return Ok(Ok(None)),
        };
        self.effect(draft, effect)?;
        Ok(Ok(None))
    }

    fn enrol(&mut self, event: &Event, draft: &mut Draft) -> Result<Option<Reason>, FoldError> {
        let Kind::PartnerEnrolled { motions, agreement_version, territory, timezone, .. } = &event.kind else {
            return Ok(None);
        };
        let again = self.account().is_enrolled();
        let effect =
            Effect::Enrolled { motions: motions.clone(), territory: territory.clone(), timezone: timezone.clone() };
        self.effect(draft, effect)?;
        if let Some(version) = agreement_version {
            self.effect(draft, Effect::Agreement(version.clone()))?;
        }
        // A suspension outlives a correction of facts; whoever left and enrols again is back.
        if self.account().head.status != Status::Suspended {
            self.effect(draft, Effect::Status(Status::Active))?;
        }
        Ok(again.then_some(Reason::AlreadyEnrolled))
    }

    fn deal(&self, id: &DealId) -> Option<&Deal> {
        self.state.deals.get(id)?.as_ref()
    }

    /// The partner's own deal, closed or not.
    fn own_deal(&self, id: &DealId) -> Result<Deal, Block> {
        let deal = self.deal(id).ok_or_else(|| Block::Held(Awaited::Deal(id.clone())))?;
        if deal.owner == self.state.partner {
            Ok(deal.clone())
        } else {
            Err(Block::Refused(Reason::DealOfAnotherPartner))
        }
    }

    /// The partner's own deal, closed and won.
    fn won_deal(&self, id: &DealId) -> Result<Deal, Block> {
        let deal = self.own_deal(id)?;
        match &deal.closed {
            None => Err(Block::Held(Awaited::Deal(id.clone()))),
            Some(closed) if !closed.won => Err(Block::Refused(Reason::DealLost)),
            Some(_) => Ok(deal),
        }
    }

    fn keep_deal(&mut self, id: &DealId, mut deal: Deal) {
        deal.version += 1;
        self.state.deals.insert(id.clone(), Some(deal));
    }

    fn register(&mut self, case: &Case<'_>, draft: &mut Draft) -> Result<Lifecycle, FoldError> {
        let Kind::DealRegistered { deal_id, opportunity_id, motion, public_tender, .. } = &case.event.kind else {
            return Ok(Ok(None));
        };
        let mut deal = match self.own_deal(deal_id) {
            Ok(deal) if deal.registered.is_some() => return Ok(Err(Block::Refused(Reason::AlreadyRegistered))),
            Ok(deal) => deal,
            Err(Block::Held(_)) => Deal::new(self.state.partner.clone()),
            Err(refused) => return Ok(Err(refused)),
        };
        let place = match self.enter_opportunity(case, opportunity_id, *public_tender) {
            Ok(place) => place,
            Err(reason) => return Ok(Err(Block::Refused(reason))),
        };
        deal.registered = Some(case.event.time);
        deal.opportunity = Some(opportunity_id.clone());
        deal.price_protected = place == 1;
        deal.motion = deal.motion.or_else(|| motion.clone());
        self.keep_deal(deal_id, deal);
        if place > 1 {
            self.effect(draft, Effect::Registrant { place })?;
        }
        let motion = self.motion(case.event);
        self.measure(draft, &motion, case.booked, Measure::Registrations, Decimal::ONE)?;
        Ok(Ok(None))
    }

    /// Takes a place on an opportunity: 1 for the first (or the first after the lease ran out), else 2, 3 ... (M30, M31).
    fn enter_opportunity(&mut self, case: &Case<'_>, id: &OpportunityId, public_tender: bool) -> Result<u32, Reason> {
        let partner = self.state.partner.clone();
        let policy = &case.earning.program.registration;
        let until = policy.exclusive_for.after(case.day);
        let found = self.state.opportunities.get(id).cloned().flatten();
        let mut place = 1;
        let next = match found {
            None => Opportunity { version: 1, holder: partner.clone(), until, registrants: vec![partner] },
            Some(o) if o.until > case.day && o.registrants.contains(&partner) => {
                return Err(Reason::OpportunityRegistered);
            }
            Some(o) if o.until <= case.day => {
                Opportunity { version: o.version + 1, holder: partner.clone(), until, registrants: vec![partner] }
            }
            Some(mut o) if public_tender || policy.accept_second => {
                o.registrants.push(partner);
                o.version += 1;
                place = u32::try_from(o.registrants.len()).unwrap_or(u32::MAX);
                o
            }
            Some(o) => return Err(Reason::OpportunityTaken { until: o.until }),
        };
        self.state.opportunities.insert(id.clone(), Some(next));
        Ok(place)
    }

    fn qualify(&mut self, case: &Case<'_>, draft: &mut Draft, id: &DealId) -> Result<Lifecycle, FoldError> {
        let mut deal = match self.own_deal(id) {
            Ok(deal) => deal,
            Err(block) => return Ok(Err(block)),
        };
        if deal.registered.is_none() && self.program().registration.required {
            return Ok(Err(Block::Held(Awaited::Deal(id.clone()))));
        }
        if deal.qualified.is_some() {
            return Ok(Err(Block::Refused(Reason::AlreadyQualified)));
        }
        deal.qualified = Some(case.event.time);
        self.keep_deal(id, deal);
        let motion = self.motion(case.event);
        self.measure(draft, &motion, case.booked, Measure::Qualified, Decimal::ONE)?;
        Ok(Ok(None))
    }

    fn close(&mut self, case: &Case<'_>, draft: &mut Draft) -> Result<Lifecycle, FoldError> {
        let Kind::DealClosed { deal_id, outcome, acv, motion, .. } = &case.event.kind else { return Ok(Ok(None)) };
        let required = self.program().registration.required;
        let mut deal = match self.own_deal(deal_id) {
            Ok(deal) if deal.closed.is_some() => return Ok(Err(Block::Refused(Reason::AlreadyClosed))),
            Ok(deal) if deal.registered.is_none() && required => {
                return Ok(Err(Block::Held(Awaited::Deal(deal_id.clone()))));
            }
            Ok(deal) => deal,
            Err(Block::Held(_)) if !required => Deal::new(self.state.partner.clone()),
            Err(block) => return Ok(Err(block)),
        };
        deal.motion = motion.clone().or(deal.motion);
        let won = *outcome == DealOutcome::Won;
        let measured_in = deal.motion.clone().unwrap_or_else(|| self.program().default_motion.clone());
        let counts = won && self.program().is_deal(case.event.kind.name(), Some(outcome.word()));
        let value = if counts { case.amounts.get("acv").copied().unwrap_or_default() } else { Decimal::ZERO };
        deal.closed = Some(Closed {
            at: case.event.time,
            won,
            acv: if won { *acv } else { None },
            total: case.event.kind.total_value().unwrap_or_default(),
            data: case.event.data.canonical(),
            version: case.earning.number,
            rate: acv.and_then(|m| self.rate(m.currency(), case.earning).ok()).unwrap_or(Decimal::ONE),
            measured: (measured_in.clone(), Month::of(case.booked)),
            counts: i64::from(counts),
            measured_acv: value,
            credits: BTreeMap::new(),
        });
        self.keep_deal(deal_id, deal);
        self.measure(draft, &measured_in, case.booked, Measure::Deals, Decimal::from(i64::from(counts)))?;
        self.measure(draft, &measured_in, case.booked, Measure::Acv, value)?;
        Ok(Ok(None))
    }

    /// Notes on a deal that just closed what its rules credited, so that a reversal takes back just that.
    pub(super) fn credit_deal(&mut self, case: &Case<'_>, credits: BTreeMap<RuleId, Credit>) {
        let Kind::DealClosed { deal_id, .. } = &case.event.kind else { return };
        if let Some(closed) = self.state.deals.get_mut(deal_id).and_then(Option::as_mut).and_then(|d| d.closed.as_mut())
        {
            closed.credits = credits;
        }
    }

    fn amend(&mut self, case: &Case<'_>, draft: &mut Draft, id: &DealId, acv: Money) -> Result<Lifecycle, FoldError> {
        let mut deal = match self.won_deal(id) {
            Ok(deal) => deal,
            Err(block) => return Ok(Err(block)),
        };
        if let Some(reason) = other_currency(&deal, acv) {
            return Ok(Err(Block::Refused(reason)));
        }
        let this = (case.event.time, &case.event.identity.id);
        if deal.amended.as_ref().is_some_and(|a| (a.at, &a.id) > this) {
            return Ok(Err(Block::Refused(Reason::Superseded)));
        }
        deal.amended = Some(Amended { at: case.event.time, id: case.event.identity.id.clone(), acv });
        self.rate_deal_again(case, draft, id, deal).map(Ok)
    }

    fn reverse(
        &mut self,
        case: &Case<'_>,
        draft: &mut Draft,
        id: &DealId,
        amount: Option<Money>,
    ) -> Result<Lifecycle, FoldError> {
        let mut deal = match self.won_deal(id) {
            Ok(deal) => deal,
            Err(block) => return Ok(Err(block)),
        };
        if deal.void {
            return Ok(Err(Block::Refused(Reason::AlreadyReversed)));
        }
        if let Some(reason) = amount.and_then(|money| other_currency(&deal, money)) {
            return Ok(Err(Block::Refused(reason)));
        }
        match amount {
            Some(amount) => deal.reversed = deal.reversed.saturating_add(amount.amount()),
            None => {
                deal.void = true;
                deal.reversed = Decimal::ZERO;
            }
        }
        self.rate_deal_again(case, draft, id, deal).map(Ok)
    }

    /// Brings what a deal earned to what it is worth now. Amending to a value and reversing down to it come to the same.
    fn rate_deal_again(
        &mut self,
        case: &Case<'_>,
        draft: &mut Draft,
        id: &DealId,
        mut deal: Deal,
    ) -> Result<Option<Reason>, FoldError> {
        let (acv, total, data) = (deal.effective_acv(), deal.effective_total(), deal.closing_data());
        let void = deal.void;
        let Some(closed) = deal.closed.as_mut() else { return Ok(None) };
        let amounts =
            BTreeMap::from([("acv", at_rate(acv, closed.rate)), ("total_value", at_rate(total, closed.rate))]);
        let facts = Facts { data: &data, amounts, person: None, booked: case.booked, day: case.day };
        let mut change = 0;
        let earned_by = self.programs.number(closed.version).map(|v| v.program.clone());
        for rule in earned_by.iter().flat_map(|program| program.rules_on("deal.closed")) {
            let Some(credit) = closed.credits.get_mut(&rule.id) else { continue };
            change += self.rate_credit_again(case, draft, rule, &facts, credit, void)?;
        }
        let (motion, month) = closed.measured.clone();
        let value = if closed.counts == 0 { Decimal::ZERO } else { at_rate(acv, closed.rate) };
        let deals = if void { -closed.counts } else { 0 };
        let day = month.first_day();
        self.measure(draft, &motion, day, Measure::Points, Decimal::from(change))?;
        self.measure(draft, &motion, day, Measure::Deals, Decimal::from(deals))?;
        self.measure(draft, &motion, day, Measure::Acv, value - closed.measured_acv)?;
        closed.measured_acv = value;
        closed.counts += deals;
        self.keep_deal(id, deal);
        Ok(Some(if change < 0 { Reason::TookBack { points: -change } } else { Reason::Unchanged }))
    }

    /// Brings one rule's credit to what the rule is worth now; what that adds, or takes below zero.
    fn rate_credit_again(
        &mut self,
        case: &Case<'_>,
        draft: &mut Draft,
        rule: &program::Rule,
        facts: &Facts<'_>,
        credit: &mut Credit,
        void: bool,
    ) -> Result<i64, FoldError> {
        let program = &case.earning.program;
        let worth = if void { 0 } else { rate_again(rule, facts, credit.factor) };
        let change = if worth > credit.worth {
            let more = (worth - credit.worth).min(points_left(program, rule, facts, self.account()));
            // More of an award belongs where the award is, unless that lot has run out.
            if credit.lot < Month::of(self.today) {
                (credit.lot, credit.release) = self.credit_place(program, rule, case.booked);
            }
            let (lot, release) = (credit.lot, credit.release.filter(|day| *day > self.today));
            self.accrue(draft, &rule.id, more, lot, release)?;
            for effect in use_points(program, rule, facts, more).into_iter().filter(|_| more > 0) {
                self.effect(draft, effect)?;
            }
            more
        } else {
            let less = (credit.points - worth).max(0);
            self.take_back(draft, &rule.id, less, credit)?;
            -less
        };
        credit.points += change;
        credit.worth = worth;
        Ok(change)
    }

    fn reassign(&mut self, id: &DealId, to: PartnerId) -> Lifecycle {
        let mut deal = self.own_deal(id)?;
        // What a closed deal earned stays with whom it was awarded to, so that a reversal finds it.
        if deal.closed.is_some() {
            return Err(Block::Refused(Reason::AlreadyClosed));
        }
        deal.owner = to;
        self.keep_deal(id, deal);
        Ok(None)
    }
}

fn other_currency(deal: &Deal, money: Money) -> Option<Reason> {
    let own = deal.closed.as_ref()?.acv?.currency();
    (own != money.currency())
        .then(|| Reason::OtherCurrency { deal: own.to_owned(), event: money.currency().to_owned() })
}
