//! A decision in the making: the state as it is so far, and the records that brought it there.

use std::collections::BTreeMap;

use event::Gather;
use event::ids::{Motion, OpportunityId, RuleId};
use event::time::Month;
use event::{Event, planted};
use jiff::civil::Date;
use program::{Measure, Version};
use rust_decimal::Decimal;

use super::context::Context;
use super::needs::opportunity_of_deal;
use super::state::{Decision, Judgement, PoolGuard, State};
use crate::deal::{Deal, Opportunity};
use crate::ledger::{
    Account, Asset, Balance, Bucket, EDITION, Effect, FoldError, HASH_DIGITS, Outcome, Part, PoolPart, Posting,
    PostingKind, Reason, Record, ReliedOn, Stamp, Trial, VersionRef,
};
use crate::redemption::StockMove;

/// Motions in which a partner is measured in one quarter, beside those that a ladder is of.
const MOTIONS_MAX: usize = 64;

/// A decision in the making.
pub(super) struct Book {
    pub(super) state: State,
    pub(super) stock: Vec<StockMove>,
    pub(super) records: Vec<Record>,
    guards: BTreeMap<PoolPart, PoolGuard>,
    draft: Draft,
}

/// A record before it is sealed.
#[derive(Default)]
struct Draft {
    postings: Vec<Posting>,
    effects: Vec<Effect>,
    trials: Vec<Trial>,
}

/// Why something is posted: the rule, and the record it corrects.
#[derive(Clone, Copy, Default)]
pub(super) struct Why<'a> {
    pub(super) rule: Option<&'a RuleId>,
    pub(super) corrects: Option<u64>,
}

impl<'a> Why<'a> {
    pub(super) fn rule(rule: &'a RuleId) -> Self {
        Self { rule: Some(rule), corrects: None }
    }
}

impl Book {
    /// On `today`, which is the account's day from now on, though its last record may be long ago.
    pub(super) fn open(mut state: State, today: Date) -> Self {
        if state.account.head.position > 0 {
            state.account.head.day = state.account.head.day.max(Some(today));
        }
        Self { state, stock: Vec::new(), records: Vec::new(), guards: BTreeMap::new(), draft: Draft::default() }
    }

    pub(super) fn close(self, context: &Context<'_>, judgements: Vec<Judgement>) -> Decision {
        let Self { records, state, stock, guards, .. } = self;
        Decision { records, judgements, state, stock, guards, now: context.now }
    }

    /// Holds the write to what was read of sub-balances.
    pub(super) fn guard(&mut self, parts: impl IntoIterator<Item = PoolPart>, guard: PoolGuard) {
        if planted("a short pool is not checked") {
            return;
        }
        for part in parts {
            let held = self.guards.entry(part).or_insert(guard);
            *held = guard.max(*held);
        }
    }

    pub(super) fn account(&self) -> &Account {
        &self.state.account
    }

    /// Moves an amount of an asset now, so that the next look at the account sees it.
    pub(super) fn post(
        &mut self,
        kind: PostingKind,
        (asset, amount): (Asset, i64),
        from: Bucket,
        to: Bucket,
        why: Why<'_>,
    ) -> Result<(), FoldError> {
        if amount == 0 {
            return Ok(());
        }
        for bucket in [from, to] {
            if let Bucket::Expired(lot) = bucket {
                self.state.account.must_know(|| Part::Expired(lot.quarter()))?;
            }
        }
        let (rule, corrects) = (why.rule.cloned(), why.corrects);
        let posting = Posting { kind, amount, asset, from, to, corrects, rule };
        self.state.account.post(&posting)?;
        if planted("an award is written twice") && kind == PostingKind::Accrual {
            self.draft.postings.push(posting.clone());
        }
        self.draft.postings.push(posting);
        Ok(())
    }

    /// Changes the account now. An item that was not loaded is never written: it would lose what it holds (I25).
    pub(super) fn effect(&mut self, effect: Effect) -> Result<(), FoldError> {
        let account = &self.state.account;
        match &effect {
            Effect::Measured { month, .. } => account.must_know(|| Part::Measures(month.quarter()))?,
            Effect::Cap { key, .. } => account.must_know(|| Part::Count(key.item()))?,
            Effect::Exclusive { .. }
            | Effect::Attained { .. }
            | Effect::Trained
            | Effect::Productive
            | Effect::Suspected { .. }
            | Effect::Cleared { .. } => {
                account.must_know(|| Part::Profile)?;
            }
            Effect::Pool { part, funded, drawn, .. } => self.state.pools.post(part, *funded, *drawn)?,
            Effect::Place { .. }
            | Effect::Lease { .. }
            | Effect::Moved { .. }
            | Effect::Won { .. }
            | Effect::Influences
            | Effect::Share { .. }
            | Effect::Stated { .. }
            | Effect::Sends(_)
            | Effect::Tier { .. }
            | Effect::Reviewed { .. } => {}
        }
        self.state.account.take_effect(&effect)?;
        self.draft.effects.push(effect);
        Ok(())
    }

    /// Moves a measure; all of one motion and month are one effect. Of motions that no ladder is of, [`MOTIONS_MAX`] are measured in a
    /// quarter: what senders make up leaves the item bounded (I27).
    pub(super) fn measure(
        &mut self,
        context: &Context<'_>,
        motion: &Motion,
        month: Month,
        measure: Measure,
        by: Decimal,
    ) -> Result<(), FoldError> {
        if by.is_zero() {
            return Ok(());
        }
        let quarter = self.account().measures.get(&month.quarter());
        let is_full = quarter.is_some_and(|quarter| quarter.len() >= MOTIONS_MAX && !quarter.contains_key(motion));
        if is_full && !context.program().ladders.contains_key(motion) {
            return Ok(());
        }
        let one =
            Effect::Measured { motion: motion.clone(), month, by: [(measure, by.normalize())].into_iter().gather() };
        self.effect(one)?;
        self.join_measures(measure, by)
    }

    /// Puts the last effect together with an earlier one of the same motion and month.
    fn join_measures(&mut self, measure: Measure, moved: Decimal) -> Result<(), FoldError> {
        let effects = &mut self.draft.effects;
        let Some((Effect::Measured { motion: this, month: at, .. }, earlier)) = effects.split_last_mut() else {
            return Ok(());
        };
        let earlier = earlier.iter_mut().find_map(|effect| match effect {
            Effect::Measured { motion, month, by } if (&*motion, &*month) == (&*this, &*at) => Some(by),
            _ => None,
        });
        let Some(by) = earlier else { return Ok(()) };
        let sum = by.get(&measure).copied().unwrap_or_default().checked_add(moved).ok_or(FoldError::Overflow)?;
        by.insert(measure, sum.normalize());
        by.retain(|_, by| !by.is_zero());
        effects.pop();
        Ok(())
    }

    pub(super) fn try_out(&mut self, trial: Trial) {
        self.draft.trials.push(trial);
    }

    pub(super) fn trials(&self) -> &[Trial] {
        &self.draft.trials
    }

    /// Takes over what the event itself says of the partner. False if a later one said otherwise before.
    ///
    /// # Errors
    /// [`FoldError::NotLoaded`] (I25).
    pub(super) fn learn(&mut self, event: &Event, booked: Date) -> Result<bool, FoldError> {
        self.state.account.learn(&event.kind, Stamp::of(event.time, &event.identity), booked)
    }

    /// What entered the account by a rule in this draft.
    fn earnings(&self) -> impl Iterator<Item = &Posting> {
        let earned = |p: &&Posting| p.is_award() && p.from == Bucket::Program && p.to.is_partners();
        self.draft.postings.iter().filter(earned)
    }

    /// Points that entered the account by a rule in this draft, but for what is held for its looks: that counts once it is released.
    pub(super) fn accrued(&self) -> i64 {
        let earned: i64 = self.earnings().filter(|p| p.asset.is_points()).map(|p| p.amount).sum();
        earned - self.suspected().sum::<i64>()
    }

    /// Points that are held for their looks in this draft, award by award.
    pub(super) fn suspected(&self) -> impl Iterator<Item = i64> {
        self.draft.effects.iter().filter_map(|effect| match effect {
            Effect::Suspected { points, .. } => Some(*points),
            _ => None,
        })
    }

    /// Whether anything entered the account by a rule in this draft, points or money.
    pub(super) fn earned(&self) -> bool {
        self.earnings().next().is_some()
    }

    /// What a rule moved in this draft.
    pub(super) fn moved_by(&self, rule: &RuleId, kind: PostingKind) -> i64 {
        let of = |p: &&Posting| p.rule.as_ref() == Some(rule) && p.kind == kind;
        self.draft.postings.iter().filter(of).map(|p| p.amount).sum()
    }

    /// Points that this draft takes out of what had expired.
    pub(super) fn expired_taken(&self) -> i64 {
        let of = |p: &&Posting| matches!(p.from, Bucket::Expired(_));
        self.draft.postings.iter().filter(of).map(|p| p.amount).sum()
    }

    /// Takes points out of the lots that expire soonest. The caller has seen that there are enough.
    pub(super) fn soonest_lots(&self, points: i64) -> Vec<(Month, i64)> {
        let mut left = points;
        let take = |(lot, held): (&Month, &i64)| {
            let taken = left.min(*held);
            left -= taken;
            (taken > 0).then_some((*lot, taken))
        };
        let lots = &self.account().head.funds(Asset::Points).lots;
        if planted("spends the lot that lasts longest") {
            return lots.iter().rev().filter_map(take).collect();
        }
        lots.iter().filter_map(take).collect()
    }

    /// Makes the draft the next record, and folds it into the deal and the opportunity that it names. Its place.
    pub(super) fn seal(
        &mut self,
        context: &Context<'_>,
        event: &Event,
        (outcome, reason): (Outcome, Option<Reason>),
        earning: Option<&Version>,
        booked: Date,
    ) -> usize {
        let Draft { postings, effects, trials } = std::mem::take(&mut self.draft);
        let mut record = Record {
            identity: event.identity.clone(),
            partner: event.partner.clone(),
            position: self.state.account.head.position + 1 + u64::from(planted("a position is left out")),
            kind: event.kind.name().into(),
            time: event.time,
            data: event.kind.canonical(),
            hash: event.hash,
            outcome,
            reason,
            postings,
            effects,
            trials,
            earned_by: earning
                .map(|v| VersionRef { number: v.number, hash: v.hash.get(..HASH_DIGITS).unwrap_or(&v.hash).into() }),
            decided_by: context.current.number,
            relied_on: self.relied_on(event),
            held_until: event.held_until,
            edition: EDITION,
            decided_at: context.now,
            on: context.today,
            booked,
            open_from: context.open_from,
            after: Balance::default(),
        };
        self.state.account.close_record(&record);
        record.after = self.state.account.balance();
        if planted("the balance of before") {
            record.after.available += 1;
        }
        self.fold_shared(event, &record);
        self.records.push(record);
        self.records.len() - 1
    }

    /// Versions of what the event names, as they are before its record.
    fn relied_on(&self, event: &Event) -> ReliedOn {
        let deal = event.kind.deal_id().and_then(|id| self.state.deals.get(id));
        let opportunity = self.opportunity_of(event).and_then(|id| self.state.opportunities.get(&id));
        let partner = event.kind.other_partner().and_then(|id| self.state.others.get(id));
        ReliedOn {
            deal: deal.map(|deal| deal.as_ref().map_or(0, |deal| deal.version)),
            opportunity: opportunity.map(|o| o.as_ref().map_or(0, |o| o.version)),
            partner: partner.map(|head| head.position),
        }
    }

    /// The opportunity that an event names, or that of its deal where that is looked at.
    fn opportunity_of(&self, event: &Event) -> Option<OpportunityId> {
        let of_deal = || opportunity_of_deal(&event.kind, self.state.deal(event.kind.deal_id()?)?).cloned();
        event.kind.opportunity_id().cloned().or_else(of_deal)
    }

    fn fold_shared(&mut self, event: &Event, record: &Record) {
        if let Some(opportunity) = self.opportunity_of(event).and_then(|id| self.state.opportunities.get_mut(&id)) {
            *opportunity = Opportunity::fold_what(opportunity.take(), record, &event.kind);
        }
        if let Some(deal) = event.kind.deal_id().and_then(|id| self.state.deals.get_mut(id)) {
            *deal = Deal::fold_what(deal.take(), record, &event.kind);
        }
    }
}
