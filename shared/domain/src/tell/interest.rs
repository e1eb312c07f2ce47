//! Which rewards partners look at and ask for (M44).

use std::collections::{BTreeMap, BTreeSet};

use event::Kind;
use event::ids::{PartnerId, RewardId};

use crate::ledger::{Outcome, Record};

/// How much one reward is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How often somebody looked at it.
    pub looks: u64,
    /// The partners that looked at it.
    pub looked: BTreeSet<PartnerId>,
    /// Orders of it that were taken.
    pub orders: u64,
    /// Pieces that were ordered in them.
    pub pieces: i64,
    /// The partners that ordered it.
    pub ordered: BTreeSet<PartnerId>,
    /// Orders of it that were refused: too few points, no piece left, a gate, a cap.
    pub refused: u64,
}

impl Wanted {
    /// The partners that looked at it and did not order it.
    pub fn only_looked(&self) -> usize {
        self.looked.difference(&self.ordered).count()
    }
}

/// How much each reward is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// By reward, those among them that no program has any more.
    pub rewards: BTreeMap<RewardId, Wanted>,
}

impl Interest {
    /// Counts what a record says of a reward. Whether it was later delivered or given back is another question.
    pub fn add(&mut self, record: &Record) {
        let partner = &record.partner;
        match record.happened() {
            Some(Kind::RewardViewed { reward_id, .. }) if record.holds() => {
                let wanted = self.rewards.entry(reward_id).or_default();
                wanted.looks += 1;
                wanted.looked.insert(partner.clone());
            }
            Some(Kind::RedemptionRequested { reward_id, quantity, .. }) => {
                let wanted = self.rewards.entry(reward_id).or_default();
                if record.outcome == Outcome::Refused {
                    wanted.refused += 1;
                    return;
                }
                wanted.orders += 1;
                wanted.pieces += quantity.get();
                wanted.ordered.insert(partner.clone());
            }
            _ => {}
        }
    }
}
