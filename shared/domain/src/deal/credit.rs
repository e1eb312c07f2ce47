//! What one rule credited to a deal.

use std::collections::BTreeMap;

use event::ids::RuleId;
use event::time::Month;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::{Bucket, PostingKind, Record, Verdict};

/// What one rule credited to a deal, in points. What it was worth and did not give was forgone to a cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// What the rule is worth at the deal's value now, before caps.
    pub worth: i64,
    /// What it gave, all in all.
    pub given: i64,
    /// What is taken back of that; what came back since is not in it.
    pub taken: i64,
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
}

impl Credit {
    /// Of a rule that has given nothing yet.
    pub(crate) fn none(position: u64) -> Self {
        Self { worth: 0, given: 0, taken: 0, position, factor: Decimal::ONE, release: None, lot: None }
    }

    /// What stands to its credit now.
    pub fn net(&self) -> i64 {
        self.given - self.taken
    }

    /// Credits after one more record of their deal.
    pub(super) fn fold(credits: &mut BTreeMap<RuleId, Self>, record: &Record) {
        for trial in &record.trials {
            // What a rule would have given is none of its credit.
            let worth = if let Verdict::Unmatched { .. } = trial.verdict { 0 } else { trial.worth };
            if worth == 0 && !credits.contains_key(&trial.rule) {
                continue;
            }
            let new = || Self { factor: trial.verdict.factor(), ..Self::none(record.position) };
            credits.entry(trial.rule.clone()).or_insert_with(new).worth = worth;
        }
        for posting in &record.postings {
            let Some(rule) = &posting.rule else { continue };
            let Some(credit) = credits.get_mut(rule) else { continue };
            if posting.kind == PostingKind::Reversal {
                credit.taken += posting.amount;
                continue;
            }
            if credit.given == 0 {
                credit.position = record.position;
            }
            // What was taken back comes back first.
            let restored = posting.amount.min(credit.taken);
            credit.taken -= restored;
            credit.given += posting.amount - restored;
            match posting.to {
                Bucket::Pending { release, lot } => (credit.release, credit.lot) = (Some(release), Some(lot)),
                Bucket::Available(lot) => (credit.release, credit.lot) = (None, Some(lot)),
                Bucket::Program | Bucket::Reserved(_) | Bucket::Owed => {}
            }
        }
    }
}
