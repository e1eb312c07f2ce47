//! What one rule credited to a deal.

use std::collections::BTreeMap;

use event::ids::RuleId;
use event::time::Month;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::{Bucket, Posting, PostingKind, Record, Trial, Verdict, is_zero};

/// The type whose rules are credited.
const CLOSING: &str = "deal.closed";

/// What one rule credited to a deal, in points. What it was worth and did not give was forgone to a cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// What the rule is worth at the deal's value now, before caps.
    pub worth: i64,
    /// What it gave, all in all.
    pub given: i64,
    /// What is taken back of that; what came back since is not in it.
    pub taken: i64,
    /// How much of what is taken had expired before, by lot.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken_expired: BTreeMap<Month, i64>,
    /// What was to be taken back and was not there, and is not owed either, as the clawback policy says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgiven: i64,
    /// The record that gave first.
    pub position: u64,
    /// The multipliers that applied at the award, multiplied.
    pub factor: Decimal,
    /// When it is released; none if it was available at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Date>,
    /// Its lot; none as long as it gave nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Month>,
    /// What it gave in other lots, before that one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier: BTreeMap<Month, i64>,
}

impl Credit {
    /// Of a rule that has given nothing yet.
    pub(crate) fn none(position: u64) -> Self {
        Self {
            worth: 0,
            given: 0,
            taken: 0,
            taken_expired: BTreeMap::new(),
            forgiven: 0,
            position,
            factor: Decimal::ONE,
            release: None,
            lot: None,
            earlier: BTreeMap::new(),
        }
    }

    /// Every lot in which it gave, and what it gave there less what was taken of that as expired.
    pub(crate) fn by_lot(&self) -> BTreeMap<Month, i64> {
        let mut lots = self.earlier.clone();
        if let Some(lot) = self.lot {
            *lots.entry(lot).or_default() += self.given - self.earlier.values().sum::<i64>();
        }
        for (lot, taken) in &self.taken_expired {
            *lots.entry(*lot).or_default() -= taken;
        }
        lots
    }

    /// From now on it gives in `lot`, `new` of what it gave so far included.
    fn gives_in(&mut self, lot: Month, release: Option<Date>, new: i64) {
        if let Some(before) = self.lot.filter(|before| *before != lot) {
            let there = self.given - new - self.earlier.values().sum::<i64>();
            *self.earlier.entry(before).or_default() += there;
        }
        (self.release, self.lot) = (release, Some(lot));
    }

    /// What stands to its credit now.
    pub fn net(&self) -> i64 {
        self.given - self.taken - self.forgiven
    }

    /// What a fall to `worth` forgives: what was due and is not among what `record` took back. A rise takes it up again, since
    /// those points never left.
    fn forgive(&mut self, worth: i64, record: &Record, rule: &RuleId) {
        let net = self.net();
        if worth >= net {
            self.forgiven -= self.forgiven.min(worth - net);
            return;
        }
        let of_rule = |p: &&Posting| p.kind == PostingKind::Reversal && p.rule.as_ref() == Some(rule);
        let taken: i64 = record.postings.iter().filter(of_rule).map(|p| p.amount).sum();
        self.forgiven += (net - worth - taken).max(0);
    }

    /// Credits after one more record of their deal.
    pub(super) fn fold(credits: &mut BTreeMap<RuleId, Self>, record: &Record) {
        let closes = record.kind == CLOSING;
        // A rule that looks at corrections themselves may bear the name of one that looked at closings: it is none of these.
        let rated = |trial: &&Trial| closes || matches!(trial.verdict, Verdict::RatedAgain { .. });
        for trial in record.trials.iter().filter(rated) {
            // What a rule would have given is none of its credit.
            let worth = if let Verdict::Unmatched { .. } = trial.verdict { 0 } else { trial.worth };
            if worth == 0 && !credits.contains_key(&trial.rule) {
                continue;
            }
            let new = || Self { factor: trial.verdict.factor(), ..Self::none(record.position) };
            let credit = credits.entry(trial.rule.clone()).or_insert_with(new);
            if !closes {
                credit.forgive(worth, record, &trial.rule);
            }
            credit.worth = worth;
        }
        for posting in record.postings.iter().filter(|posting| closes || posting.corrects.is_some()) {
            let Some(rule) = &posting.rule else { continue };
            let Some(credit) = credits.get_mut(rule) else { continue };
            if posting.kind == PostingKind::Reversal {
                credit.taken += posting.amount;
                if let Bucket::Expired(lot) = posting.from {
                    *credit.taken_expired.entry(lot).or_default() += posting.amount;
                }
                continue;
            }
            if let Bucket::Expired(lot) = posting.to {
                credit.taken -= posting.amount;
                *credit.taken_expired.entry(lot).or_default() -= posting.amount;
                credit.taken_expired.retain(|_, taken| *taken != 0);
                continue;
            }
            if credit.given == 0 {
                credit.position = record.position;
            }
            // What was taken back comes back first.
            let restored = posting.amount.min(credit.taken);
            credit.taken -= restored;
            let new = posting.amount - restored;
            credit.given += new;
            match posting.to {
                Bucket::Pending { release, lot } => credit.gives_in(lot, Some(release), new),
                Bucket::Available(lot) => credit.gives_in(lot, None, new),
                Bucket::Program | Bucket::Reserved(_) | Bucket::Owed | Bucket::Expired(_) => {}
            }
        }
    }
}
