//! What must be loaded before a group of events can be decided.

use std::collections::BTreeSet;

use event::Gather;
use event::ids::{CertificationId, DealId, OpportunityId, PartnerId, RedemptionId, RewardId, RuleId};
use event::period::TargetPeriod;
use event::time::Month;
use event::{Event, Kind, PartnerFacts, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::{Criteria, Gate, Program, Programs, Rule, Times, WHOLE};

use super::context::Context;
use super::due::{lots_since, runs_out};
use super::pooled;
use super::state::State;
use crate::deal::{Closed, Credit, Deal};
use crate::earn::{Seen, opens_gates, reward_caps, rule_caps, suspicion_counts};
use crate::ledger::{Account, CapKey, Part, Pool, PoolPart, Scope};
use crate::tier::next_review;

/// What events name outside of their partner's account: known before anything is read, and guarded by versions of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Other partners, of whom only the head is looked at.
    pub others: BTreeSet<PartnerId>,
    /// Deals.
    pub deals: BTreeSet<DealId>,
    /// Opportunities.
    pub opportunities: BTreeSet<OpportunityId>,
}

/// What a decision looks at beside the head and what its events name. It is read after the head, whose version guards it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Parts of the account that stand in items of their own.
    pub parts: BTreeSet<Part>,
    /// Rewards whose stock is asked.
    pub rewards: BTreeSet<RewardId>,
    /// Redemptions.
    pub redemptions: BTreeSet<RedemptionId>,
    /// Opportunities of deals that the events name.
    pub opportunities: BTreeSet<OpportunityId>,
    /// Sub-balances of pools that the events may draw on.
    pub pools: BTreeSet<PoolPart>,
}

/// The opportunity of a deal, where what happens to the deal looks at it: whose lease it is, or who else bids.
pub fn opportunity_of_deal<'d>(kind: &Kind, deal: &'d Deal) -> Option<&'d OpportunityId> {
    let looks = matches!(kind, Kind::DealLeaseExtended { .. } | Kind::DealReassigned { .. })
        || matches!(kind, Kind::DealClosed { .. }) && deal.tender;
    deal.opportunity.as_ref().filter(|_| looks)
}

/// Needs in the making: of an account as its head says, at a decision's day.
struct Asking<'a> {
    context: Context<'a>,
    account: &'a Account,
    needs: Needs,
}

impl<'a> Asking<'a> {
    fn of(programs: &'a Programs, account: &'a Account, now: Timestamp) -> Self {
        Self { context: Context::at(programs, &account.head, now), account, needs: Needs::default() }
    }

    /// A part, unless it was read, or stands in the head and will after this decision.
    fn part(&mut self, part: Part) {
        let inside = || self.account.is_inside(&part, self.context.today, self.context.open_from);
        if !self.account.has_read(&part) && !inside() {
            self.needs.parts.insert(part);
        }
    }

    fn parts(&mut self, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            self.part(part);
        }
    }

    fn quarters(&mut self, first: Month, last: Month) {
        let mut quarter = first.quarter();
        while quarter <= last {
            self.part(Part::Measures(quarter));
            quarter = quarter.plus(3);
        }
    }

    fn counts<'k>(&mut self, keys: impl IntoIterator<Item = &'k CapKey>) {
        self.parts(keys.into_iter().filter(|_| !planted("an item is not loaded")).map(|key| Part::Count(key.item())));
    }

    /// What every decision looks at: what there is, who the partner is, and every window of its ladders.
    fn always(&mut self) {
        self.parts([Part::Lots, Part::Profile, Part::Certified(None)]);
        // A review that is overdue looks back from its own day.
        let today = self.context.today;
        let (programs, current) = (self.context.programs, self.context.current);
        let reviews = self.account.head.tiers.iter();
        let reviews = reviews.filter_map(|(motion, held)| Some(next_review(programs, current, motion, held)?.as_of));
        let oldest = reviews.min().map_or(today, |day| day.min(today));
        self.expiries();
        for id in certifications(self.context.program()) {
            self.part(Part::Certified(Some(id)));
        }
        let first = Month::of(oldest).plus(-longest_window(self.context.program()));
        self.quarters(first, Month::of(today));
    }

    /// What runs out today or ran out before: lots of the account that end with this decision.
    fn expiries(&mut self) {
        let (account, today) = (self.account, self.context.today);
        let lots = account.head.funds.values().flat_map(|funds| funds.lots.keys());
        let held = account.pending.values().flat_map(LiteMap::keys).map(|release| &release.lot);
        let ending: BTreeSet<Month> = lots.chain(held).copied().filter(|lot| runs_out(*lot, today)).gather();
        self.parts(ending.into_iter().map(|lot| Part::Expired(lot.quarter())));
    }

    /// What expired of an award's lots, and of all that ran out since the first of them.
    fn expired_since(&mut self, lots: impl IntoIterator<Item = Month>) {
        let today = self.context.today;
        let lots: BTreeSet<Month> = lots.into_iter().filter(|lot| runs_out(*lot, today)).gather();
        let since = lots.first().into_iter().flat_map(|first| lots_since(*first, today));
        let quarters: BTreeSet<Month> = since.chain(lots.iter().copied()).map(Month::quarter).gather();
        self.parts(quarters.into_iter().map(Part::Expired));
    }

    fn gates(&mut self, gates: &[Gate]) {
        for gate in gates {
            match gate {
                Gate::Certification(id, _) => self.part(Part::Certified(Some(id.clone()))),
                Gate::Course(id) => self.part(Part::Course(id.clone())),
                // Every decision looks at the profile.
                Gate::Agreement(_) | Gate::Tier(_) => {}
            }
        }
    }

    /// All of a pool, and of the one that gets back what was drawn on it in the same group.
    fn pool(&mut self, pool: Option<Pool>) {
        let Some(pool) = pool else { return };
        let now = pooled::current_pool(&self.context, &pool);
        for pool in now.into_iter().chain([pool]) {
            let parts = pooled::parts(&self.context, &pool);
            self.needs.pools.extend((0..parts).map(|number| pool.part(number)));
        }
    }

    /// What was drawn on budgets for credits, where it goes once it is given back, and where what was given back lies.
    fn drawn(&mut self, credits: &LiteMap<RuleId, Credit>) {
        let parts = credits.values().flat_map(|credit| credit.drawn.keys().chain(credit.returned.keys()));
        let pools: BTreeSet<Pool> = parts.map(|part| part.pool.clone()).gather();
        for pool in pools {
            self.pool(Some(pool));
        }
    }

    fn event(&mut self, event: &Event) {
        let (current, today) = (self.context.program(), self.context.today);
        let day = current.calendar.day(event.time);
        // Both days it may be booked on, so that the decision is free to choose.
        self.part(Part::Measures(Month::of(day).quarter()));
        self.parts(Part::learned(&event.kind));
        match &event.kind {
            Kind::RedemptionRequested { reward_id, .. } => {
                self.needs.rewards.insert(reward_id.clone());
                if let Some(reward) = current.rewards.get(reward_id) {
                    self.gates(&reward.gates);
                    self.counts(reward_caps(current, reward, today).iter().map(|(key, _)| key));
                }
            }
            kind => self.needs.redemptions.extend(kind.redemption_id().cloned()),
        }
        self.pool(pooled::pool_to_fund(&self.context, event));
        if let Some(named) = pooled::slot_named(&event.kind) {
            for pool in pooled::pools_of_slot(&self.context, named) {
                self.counts(&pooled::count_of_slots(&pool));
                self.pool(Some(pool));
            }
            self.gates(slot_gates(current, &event.kind));
        }
        if let Some(of) = Scope::of(&event.kind) {
            self.pool(Some(pooled::pool_of_scope(of)));
            self.gates(&current.exclusivity.gates);
            // A review judges as of a period that has closed lately.
            let back = current.exclusivity.months() + CLOSED_LATELY;
            self.quarters(Month::of(today).plus(-back), Month::of(today));
        }
        if let Some(onboarding) = current.onboarding.as_ref().filter(|_| opens_gates(&event.kind)) {
            self.gates(&onboarding.trained);
        }
        if let (Kind::OnboardingReviewed { due, .. }, Some(onboarding)) = (&event.kind, &current.onboarding) {
            let day = Month::of((*due).min(today));
            self.quarters(day.plus(-onboarding.productive.months()), day);
        }
        let Some(earning) = self.context.earning(event) else { return };
        let person = event.kind.person();
        for booked in [day, today] {
            // What it earns may run out at once, and be taken back in the same group.
            let expiry = earning.program.policy.expiry;
            self.expired_since(expiry.map(|expiry| expiry.lot(booked, &earning.program.calendar)));
            let seen = Seen {
                kind: &event.kind,
                amounts: LiteMap::new(),
                value: None,
                share: WHOLE,
                influence: None,
                sold: None,
                facts: PartnerFacts::none(),
                person: person.as_ref(),
                at: event.time,
                booked,
                day,
            };
            for rule in earning.program.rules_on(event.kind.name()) {
                self.counts(&rule_caps(&earning.program, rule, &seen));
                self.counts(&suspicion_counts(&earning.program, rule, &seen));
                self.suspected(&earning.program, rule);
                self.gates(&rule.gates);
                self.attained(&earning.program, rule, booked);
                self.pool(pooled::pool_of_rule(&earning.program, rule, booked));
            }
        }
    }

    fn closed(&mut self, closed: &Closed) {
        if let Some((_, month)) = &closed.measured {
            self.part(Part::Measures(month.quarter()));
        }
        let earning = self.context.programs.number(closed.version);
        // More of an award may be booked on any open day; what went back as expired may be taken once more.
        let expiry = earning.and_then(|version| Some((version.program.policy.expiry?, &version.program.calendar)));
        let open = [self.context.open_from, self.context.today];
        self.expired_since(expiry.into_iter().flat_map(|(expiry, calendar)| open.map(|day| expiry.lot(day, calendar))));
        for credit in closed.credits.values() {
            let back = credit.taken.iter().filter_map(|taken| taken.from.award_lot());
            self.expired_since(credit.placed.keys().copied().chain(back));
        }
        let Some((earning, kind)) = earning.zip(closed.happened()) else { return };
        let day = earning.program.calendar.day(closed.at);
        let seen = Seen {
            kind: &kind,
            amounts: LiteMap::new(),
            value: None,
            share: WHOLE,
            influence: None,
            sold: None,
            facts: PartnerFacts::none(),
            person: None,
            at: closed.at,
            booked: closed.booked,
            day,
        };
        let influenced = earning.program.rules_on("deal.influenced").filter(|rule| rule.commission().is_some());
        for rule in earning.program.rules_on("deal.closed").chain(influenced) {
            self.counts(&rule_caps(&earning.program, rule, &seen));
            self.gates(&rule.gates);
            self.attained(&earning.program, rule, closed.booked);
            self.pool(pooled::pool_of_rule(&earning.program, rule, closed.booked));
        }
        self.drawn(&closed.credits);
    }

    /// What is measured where a rule may look like gaming.
    fn suspected(&mut self, program: &Program, rule: &Rule) {
        let last = Month::of(self.context.today);
        for first in rule.hold_if.iter().filter_map(|one| one.first_month(last, &program.calendar)) {
            self.quarters(first, last);
        }
    }

    /// What targets are attained by in the periods that a rule looks at, of what is booked on a day.
    fn attained(&mut self, program: &Program, rule: &Rule, booked: Date) {
        for times in &rule.times {
            let Times::Attainment(attainment) = times else { continue };
            if let Some((_, first, last)) = TargetPeriod::of(attainment.every, booked, &program.calendar) {
                self.quarters(first, last.min(Month::of(self.context.today)));
            }
        }
    }
}

/// What events name outside of their partner's account.
pub fn named(events: &[Event]) -> Named {
    let mut named = Named::default();
    for event in events {
        named.others.extend(event.kind.other_partner().filter(|other| **other != event.partner).cloned());
        named.deals.extend(event.kind.deal_id().cloned());
        named.opportunities.extend(event.kind.opportunity_id().cloned());
    }
    named
}

/// What deciding `events` at `now` looks at, given the account that the partner's head begins, and what the events name: a
/// correction changes the month in which its deal was measured, and the caps of the periods in which its award is booked.
pub fn needs(programs: &Programs, state: &State, events: &[Event], now: Timestamp) -> Needs {
    let mut asking = Asking::of(programs, &state.account, now);
    asking.always();
    for event in events {
        asking.event(event);
        let deal = event.kind.deal_id().and_then(|id| state.deal(id));
        let opportunity = deal.and_then(|deal| opportunity_of_deal(&event.kind, deal));
        let unread = opportunity.filter(|id| !state.opportunities.contains_key(*id));
        asking.needs.opportunities.extend(unread.cloned());
    }
    for deal in state.deals.values().flatten() {
        asking.parts(deal.unplaced.iter().map(|unplaced| Part::Measures(unplaced.month.quarter())));
        if let Some(closed) = &deal.closed {
            asking.closed(closed);
        }
        for one in deal.influencers.iter().filter(|one| one.partner == state.partner) {
            asking.drawn(&one.credits);
        }
    }
    asking.needs
}

/// The parts that only what was read tells of: what ends today of lots that stand beside the head, and counts that a redemption
/// gives back when it ends. Few decisions have any.
pub fn more_parts(programs: &Programs, state: &State, now: Timestamp) -> BTreeSet<Part> {
    let mut asking = Asking::of(programs, &state.account, now);
    asking.expiries();
    for redemption in state.redemptions.values() {
        asking.counts(&redemption.counts);
    }
    asking.needs.parts
}

/// What showing an account at `now` looks at: what every decision does, and every gate of the catalogue.
pub fn parts_to_show(programs: &Programs, account: &Account, now: Timestamp) -> BTreeSet<Part> {
    let mut asking = Asking::of(programs, account, now);
    asking.always();
    let program = asking.context.program();
    for gates in
        program.rewards.values().map(|reward| &reward.gates).chain(program.rules.values().map(|rule| &rule.gates))
    {
        asking.gates(gates);
    }
    asking.needs.parts
}

/// The gates of the benefit of which an event names a slot.
fn slot_gates<'p>(program: &'p Program, kind: &Kind) -> &'p [Gate] {
    let benefit = pooled::slot_named(kind).and_then(|(id, _)| program.benefits.get(id));
    benefit.map_or(&[], |benefit| &benefit.gates)
}

/// The longest window of any ladder, and of what a new partner is asked for, in months before the one that is not over, or before the
/// day as of which is reviewed.
fn longest_window(program: &Program) -> i32 {
    let criteria = program.ladders.values().flatten().flat_map(|tier| tier.enter.iter().chain(&tier.keep));
    let onboarding = program.onboarding.iter().map(|new| &new.productive);
    criteria.chain(onboarding).map(Criteria::months).max().unwrap_or(0)
}

/// Every certification that a ladder or an exclusivity counts.
fn certifications(program: &Program) -> BTreeSet<CertificationId> {
    let tiers = program.ladders.values().flatten().flat_map(|tier| tier.enter.iter().chain(&tier.keep));
    let exclusivity = &program.exclusivity;
    let onboarding = program.onboarding.iter().map(|new| &new.productive);
    let all = tiers.chain(&exclusivity.earn).chain(&exclusivity.keep).chain(onboarding);
    all.flat_map(Criteria::certifications).cloned().gather()
}

/// Months within which a period closes that ended, with those of the longest period.
const CLOSED_LATELY: i32 = 15;
