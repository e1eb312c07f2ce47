//! Moving points: the draft of a record and the movements it can hold.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Desk;
use crate::deal::Credit;
use crate::ledger::FoldError;
use crate::ledger::Outcome;
use crate::ledger::{Bucket, EDITION, Effect, Posting, PostingKind, Record, never};
use crate::ledger::{Reason, Trial};
use event::Event;
use event::ids::RuleId;
use event::time::Month;
use program::{Program, Rule, Version};

/// Content hashes are kept in records to this many hex digits: 128 bits.
const HASH_DIGITS: usize = 32;

/// A record before it is sealed.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) postings: Vec<Posting>,
    pub(super) effects: Vec<Effect>,
    pub(super) trials: Vec<Trial>,
}

impl Draft {
    /// Points that entered the account by a rule.
    pub(super) fn accrued(&self) -> i64 {
        let earned = |p: &&Posting| {
            matches!(p.kind, PostingKind::Accrual) || (p.kind == PostingKind::Netting && p.from == Bucket::Program)
        };
        self.postings.iter().filter(earned).map(|p| p.points).sum()
    }
}

impl Desk<'_> {
    /// Moves points now, so that the next look at the account sees it.
    pub(super) fn post(
        &mut self,
        draft: &mut Draft,
        kind: PostingKind,
        points: i64,
        from: Bucket,
        to: Bucket,
        why: (Option<&RuleId>, Option<u64>),
    ) -> Result<(), FoldError> {
        if points == 0 {
            return Ok(());
        }
        let posting = Posting { kind, points, from, to, rule: why.0.cloned(), corrects: why.1 };
        self.state.account.post(&posting)?;
        draft.postings.push(posting);
        Ok(())
    }

    /// Changes the account now. An item that was not loaded is never written: it would lose what it holds.
    pub(super) fn effect(&mut self, draft: &mut Draft, effect: Effect) -> Result<(), FoldError> {
        let loaded = match &effect {
            Effect::Measure { month, .. } => self.account().measures.contains_key(&month.year()),
            Effect::Frequency { item, .. } => self.account().frequency.contains_key(item),
            _ => true,
        };
        if !loaded {
            return Err(FoldError::NotLoaded);
        }
        self.state.account.take_effect(&effect)?;
        draft.effects.push(effect);
        Ok(())
    }

    /// Where points of a rule go when they are booked on `booked`, and when they are released.
    pub(super) fn credit_place(&self, program: &Program, rule: &Rule, booked: Date) -> (Month, Option<Date>) {
        let lot = program.policy.expiry_months.map_or_else(never, |months| Month::of(booked).plus(months));
        let release = rule.hold.map(|hold| hold.after(booked)).filter(|day| *day > self.today);
        (lot, release)
    }

    /// Awards points: first against what is owed, the rest pending or available.
    pub(super) fn accrue(
        &mut self,
        draft: &mut Draft,
        rule: &RuleId,
        points: i64,
        lot: Month,
        release: Option<Date>,
    ) -> Result<(), FoldError> {
        let netted = points.min(self.account().head.owed);
        self.post(draft, PostingKind::Netting, netted, Bucket::Program, Bucket::Owed, (Some(rule), None))?;
        let to = match release {
            Some(release) => Bucket::Pending { release, lot },
            None => Bucket::Available(lot),
        };
        self.post(draft, PostingKind::Accrual, points - netted, Bucket::Program, to, (Some(rule), None))
    }

    /// Takes back points of an award: from pending, then its own lot, then other lots soonest-first; the rest is owed, as
    /// the clawback policy says (I5, I14).
    pub(super) fn take_back(
        &mut self,
        draft: &mut Draft,
        rule: &RuleId,
        points: i64,
        credit: &Credit,
    ) -> Result<(), FoldError> {
        let why = (Some(rule), Some(credit.position));
        let mut left = points;
        let pending = credit
            .release
            .map(|release| (Bucket::Pending { release, lot: credit.lot }, format!("{release}/{}", credit.lot)));
        if let Some((bucket, key)) = pending {
            let held = self.account().pending.get(&key).copied().unwrap_or(0);
            let taken = left.min(held);
            self.post(draft, PostingKind::Reversal, taken, bucket, Bucket::Program, why)?;
            left -= taken;
        }
        let mut lots: Vec<(Month, i64)> = self.account().head.lots.iter().map(|(lot, held)| (*lot, *held)).collect();
        lots.sort_by_key(|(lot, _)| (*lot != credit.lot, *lot));
        for (lot, held) in lots {
            let taken = left.min(held);
            self.post(draft, PostingKind::Reversal, taken, Bucket::Available(lot), Bucket::Program, why)?;
            left -= taken;
        }
        if self.program().policy.owe_the_rest {
            self.post(draft, PostingKind::Reversal, left, Bucket::Owed, Bucket::Program, why)?;
        }
        Ok(())
    }

    /// Takes points out of the lots that expire soonest. The caller has seen that there are enough.
    pub(super) fn soonest_lots(&self, points: i64) -> Vec<(Month, i64)> {
        let mut left = points;
        let take = |(lot, held): (&Month, &i64)| {
            let taken = left.min(*held);
            left -= taken;
            (taken > 0).then_some((*lot, taken))
        };
        self.account().head.lots.iter().filter_map(take).collect()
    }

    /// Makes the draft the next record.
    pub(super) fn seal(
        &mut self,
        event: &Event,
        draft: Draft,
        outcome: Outcome,
        reason: Option<Reason>,
        version: Option<&Version>,
        booked: Date,
    ) -> usize {
        let head = &mut self.state.account.head;
        let mut record = Record {
            identity: event.identity.clone(),
            partner: event.partner.clone(),
            position: head.position + 1,
            kind: event.kind.name().to_owned(),
            time: event.time,
            data: event.data.canonical(),
            hash: event.hash.clone(),
            outcome,
            reason,
            postings: draft.postings,
            effects: draft.effects,
            trials: draft.trials,
            version: version.map_or(0, |v| v.number),
            program_hash: version.map_or_else(String::new, |v| v.hash.chars().take(HASH_DIGITS).collect()),
            edition: EDITION,
            decided_at: self.now,
            booked,
            open_from: self.open_from,
            after: crate::ledger::Balance::default(),
        };
        self.state.account.close_record(&record);
        record.after = self.state.account.balance();
        self.records.push(record);
        self.records.len() - 1
    }

    pub(super) fn start_of(&self, day: Date) -> Timestamp {
        self.program().calendar.start_of(day)
    }
}
