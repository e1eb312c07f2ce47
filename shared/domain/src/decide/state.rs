//! What a decision is made from, and what it comes to.

use std::collections::BTreeMap;

use event::Rejection;
use event::ids::{DealId, OpportunityId, PartnerId, RedemptionId, RewardId};
use jiff::Timestamp;
use litemap::LiteMap;

use super::stop::Awaited;
use crate::deal::{Deal, Opportunity};
use crate::ledger::{Account, Head, Outcome, PoolPart, Pools, Reason, Record};
use crate::redemption::{Redemption, StockMove};

/// Everything a decision about one partner's events looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The partner.
    pub partner: PartnerId,
    /// What is the partner's alone.
    pub account: Box<Account>,
    /// Heads of other partners that the events name.
    pub others: LiteMap<PartnerId, Head>,
    /// Deals that the events name; `None` where there is none yet.
    pub deals: LiteMap<DealId, Option<Deal>>,
    /// Opportunities that the events name; `None` where there is none yet.
    pub opportunities: LiteMap<OpportunityId, Option<Opportunity>>,
    /// Free pieces of the rewards asked for.
    pub stock: LiteMap<RewardId, i64>,
    /// Pools that the events may draw on.
    pub pools: Pools,
    /// Redemptions that the events name or make, by id.
    pub redemptions: LiteMap<RedemptionId, Redemption>,
}

impl State {
    /// A partner nothing is known of.
    pub fn new(partner: PartnerId) -> Self {
        Self::of(partner, Box::default())
    }

    /// A partner of whom nothing but the account is known.
    pub fn of(partner: PartnerId, account: Box<Account>) -> Self {
        Self {
            partner,
            account,
            others: LiteMap::new(),
            deals: LiteMap::new(),
            opportunities: LiteMap::new(),
            stock: LiteMap::new(),
            pools: Pools::default(),
            redemptions: LiteMap::new(),
        }
    }

    /// The position of the partner's history, or of another's that was loaded; none if it was not.
    pub fn position_of(&self, partner: &PartnerId) -> Option<u64> {
        let other = || self.others.get(partner).map(|head| head.position);
        if *partner == self.partner { Some(self.account.head.position) } else { other() }
    }

    /// A deal that was loaded and is there.
    pub(crate) fn deal(&self, id: &DealId) -> Option<&Deal> {
        self.deals.get(id)?.as_ref()
    }
}

/// What was decided about one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It has a record: its place in [`Decision::records`].
    Recorded(usize),
    /// It waits.
    Held {
        /// For what.
        awaited: Awaited,
        /// Until when.
        until: Timestamp,
    },
    /// This sender may not send it.
    Rejected(Rejection),
    /// A step of Laurel's own that has nothing left to do; nothing is recorded.
    Moot(Reason),
    /// Not looked at: the clock must be caught up with first, in a decision of its own.
    Later,
}

/// What a decision relied on of a sub-balance that it read, beside that what it draws is there (I22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolGuard {
    /// No more was left than that: the pool was short.
    NoMore,
    /// It held just that.
    Same,
}

/// What was decided about a group of events of one partner.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Records in the order of their positions, the clock's among them.
    pub records: Vec<Record>,
    /// One judgement for each event, in the order the events were given.
    pub judgements: Vec<Judgement>,
    /// The state after it.
    pub state: State,
    /// How stock moves.
    pub stock: Vec<StockMove>,
    /// What the decision relied on of sub-balances beside that there is enough in them.
    pub guards: BTreeMap<PoolPart, PoolGuard>,
    /// When it was made.
    pub now: Timestamp,
}

impl Decision {
    /// The outcome word of event `index`; `None` if it was not looked at or is moot.
    pub fn outcome(&self, index: usize) -> Option<Outcome> {
        match &self.judgements[index] {
            Judgement::Recorded(at) => Some(self.records[*at].outcome),
            Judgement::Held { .. } => Some(Outcome::Held),
            Judgement::Rejected(_) => Some(Outcome::Rejected),
            Judgement::Moot(_) | Judgement::Later => None,
        }
    }
}
