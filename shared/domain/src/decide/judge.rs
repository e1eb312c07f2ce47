//! The order of checks for one event: sender, partner, deal, rules, caps, tier. Identity and form came before.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::book::Draft;
use super::case::{Block, Case};
use super::{Awaited, Desk, Verdict};
use crate::deal::Credit;
use crate::earn::try_rule;
use crate::ledger::Effect;
use crate::ledger::Outcome;
use crate::ledger::{FoldError, Status};
use crate::ledger::{Reason, Verdict as Tried};
use crate::tier::{Moment, promotions};
use event::catalogue::TOTAL_VALUE;
use event::ids::Motion;
use event::money::at_rate;
use event::time::Month;
use event::{Code, Event, Kind, Rejection};
use program::{Measure, Version};

impl Desk<'_> {
    pub(super) fn judge(&mut self, event: &Event) -> Result<Verdict, FoldError> {
        if let Some(verdict) = self.judge_redemption(event)? {
            return Ok(verdict);
        }
        if !self.program().accepts(&event.identity.source, event.kind.name()) {
            return Ok(Verdict::Rejected(self.source_not_allowed(event)));
        }
        if !self.account().is_enrolled() && !matches!(event.kind, Kind::PartnerEnrolled { .. }) {
            return Ok(self.hold(Awaited::Partner));
        }
        let programs = self.programs;
        let day = self.program().calendar.day(event.time);
        let Some(earning) = programs.in_force(event.time) else {
            return Ok(self.refuse(event, Reason::NoProgram, None, self.booked(day)));
        };
        if let Some(reason) = self.shut_out(event) {
            return Ok(self.refuse(event, reason, Some(earning), self.booked(day)));
        }
        let amounts = match self.amounts(event, earning) {
            Ok(amounts) => amounts,
            Err(currency) => return Ok(self.hold(Awaited::Rate(currency))),
        };
        let case =
            Case { event, earning, day, booked: self.booked(day), amounts, person: event.persons().into_iter().next() };
        let mut draft = Draft::default();
        match self.lifecycle(&case, &mut draft)? {
            Ok(reason) => self.award(&case, draft, reason),
            Err(Block::Held(awaited)) => Ok(self.hold(awaited)),
            Err(Block::Refused(reason)) => Ok(self.refuse(event, reason, Some(earning), case.booked)),
        }
    }

    fn hold(&self, awaited: Awaited) -> Verdict {
        let until = self.program().policy.held_for.after(self.today);
        Verdict::Held { awaited, until: self.start_of(until) }
    }

    fn refuse(&mut self, event: &Event, reason: Reason, earning: Option<&Version>, booked: Date) -> Verdict {
        Verdict::Recorded(self.seal(event, Draft::default(), Outcome::Refused, Some(reason), earning, booked))
    }

    fn source_not_allowed(&self, event: &Event) -> Rejection {
        let (source, kind) = (&event.identity.source, event.kind.name());
        let allowed: Vec<&str> = self
            .program()
            .sources
            .iter()
            .filter(|(_, kinds)| kinds.iter().any(|k| event::ids::matches_pattern(k, kind)))
            .map(|(pattern, _)| pattern.as_str())
            .collect();
        let from = if allowed.is_empty() { "no source".to_owned() } else { allowed.join(", ") };
        Rejection::new(
            Code::SourceNotAllowed,
            "source",
            format!("the program takes {kind} from {from}, not from {source}"),
        )
    }

    /// Whether the partner's standing keeps the event from counting. What takes points back always counts.
    fn shut_out(&self, event: &Event) -> Option<Reason> {
        let always = matches!(
            event.kind,
            Kind::PartnerEnrolled { .. }
                | Kind::PartnerSuspended { .. }
                | Kind::PartnerReinstated { .. }
                | Kind::PartnerOffboarded { .. }
                | Kind::DealReversed { .. }
                | Kind::DealAmended { .. }
                | Kind::CertificationExpired { .. }
        );
        match self.account().head.status {
            _ if always => None,
            Status::Suspended if !self.program().policy.suspended_earn => Some(Reason::PartnerSuspended),
            Status::Offboarded => Some(Reason::PartnerOffboarded),
            Status::Unknown | Status::Active | Status::Suspended => None,
        }
    }

    /// The event's amounts in the program's currency: at the rate of the version it earns by, else at today's.
    fn amounts(&self, event: &Event, earning: &Version) -> Result<BTreeMap<&'static str, Decimal>, String> {
        let mut amounts = BTreeMap::new();
        for (field, money) in event.kind.amounts() {
            let rate = self.rate(money.currency(), earning)?;
            amounts.insert(field, at_rate(money.amount(), rate));
            if let Some(total) = event.kind.total_value() {
                amounts.insert(TOTAL_VALUE, at_rate(total, rate));
            }
        }
        Ok(amounts)
    }

    pub(super) fn rate(&self, currency: &str, earning: &Version) -> Result<Decimal, String> {
        let rate = earning.program.rate(currency).or_else(|| self.program().rate(currency));
        rate.ok_or_else(|| currency.to_owned())
    }

    /// Tries every rule, then looks whether the partner reached a tier, and records it all.
    fn award(&mut self, case: &Case<'_>, mut draft: Draft, reason: Option<Reason>) -> Result<Verdict, FoldError> {
        let program = &case.earning.program;
        let mut credits = BTreeMap::new();
        // A deal rated again has measured its own points already.
        let measured_before = draft.accrued();
        if reason != Some(Reason::AlreadyEnrolled) {
            for rule in program.rules_on(case.event.kind.name()) {
                let award = try_rule(program, rule, &case.facts(), self.account());
                let (lot, release) = self.credit_place(program, rule, case.booked);
                if award.points > 0 {
                    self.accrue(&mut draft, &rule.id, award.points, lot, release)?;
                }
                for effect in award.effects {
                    self.effect(&mut draft, effect)?;
                }
                if !matches!(award.trial.verdict, Tried::Capped { .. }) {
                    let worth = if award.points > 0 { award.trial.worth } else { 0 };
                    let position = self.account().head.position + 1;
                    credits.insert(
                        rule.id.clone(),
                        Credit { points: award.points, worth, position, factor: award.factor, release, lot },
                    );
                }
                draft.trials.push(award.trial);
            }
        }
        let motion = self.motion(case.event);
        let points = draft.accrued() - measured_before;
        self.measure(&mut draft, &motion, case.booked, Measure::Points, Decimal::from(points))?;
        self.credit_deal(case, credits);
        let month = Month::of(self.today);
        for effect in promotions(self.program(), self.account(), Moment { now: self.now, today: self.today, month }) {
            self.effect(&mut draft, effect)?;
        }
        let (outcome, reason) = conclude(&draft, reason);
        Ok(Verdict::Recorded(self.seal(case.event, draft, outcome, reason, Some(case.earning), case.booked)))
    }

    /// The motion an event is measured in.
    pub(super) fn motion(&self, event: &Event) -> Motion {
        let of_deal = event.kind.deal_id().and_then(|id| self.state.deals.get(id)?.as_ref()?.motion.clone());
        event.kind.motion().cloned().or(of_deal).unwrap_or_else(|| self.program().default_motion.clone())
    }

    pub(super) fn measure(
        &mut self,
        draft: &mut Draft,
        motion: &Motion,
        booked: Date,
        measure: Measure,
        by: Decimal,
    ) -> Result<(), FoldError> {
        if by.is_zero() {
            return Ok(());
        }
        let effect = Effect::Measure { motion: motion.clone(), month: Month::of(booked), measure, by: by.normalize() };
        self.effect(draft, effect)
    }
}

/// The outcome word of a judged event, and why it earned nothing.
fn conclude(draft: &Draft, reason: Option<Reason>) -> (Outcome, Option<Reason>) {
    if draft.accrued() > 0 {
        return (Outcome::Awarded, None);
    }
    if reason.is_some() {
        return (Outcome::NoRule, reason);
    }
    let capped = draft.trials.iter().find_map(|trial| match &trial.verdict {
        Tried::Capped { cap, .. } => Some(cap.clone()),
        _ => None,
    });
    match capped {
        Some(cap) => (Outcome::Refused, Some(Reason::CapReached { cap })),
        None if draft.trials.is_empty() => (Outcome::NoRule, Some(Reason::NoRuleForType)),
        None => (Outcome::NoRule, Some(Reason::NoRuleMatched)),
    }
}
