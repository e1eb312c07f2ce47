//! Deciding: from stored state and events to records. Total, deterministic, synchronous; nothing else computes a point.

mod book;
mod case;
mod clock;
mod deals;
mod judge;
mod needs;
mod redemptions;

pub use needs::{Needs, needs};
pub use redemptions::{passes, reward_gate};

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::deal::{Deal, Opportunity};
use crate::ledger::Outcome;
use crate::ledger::Reason;
use crate::ledger::Record;
use crate::ledger::{Account, FoldError};
use crate::redemption::{Redemption, StockMove};
use event::ids::{DealId, OpportunityId, PartnerId, RedemptionId, RewardId};
use event::{Event, Rejection};
use program::{Program, Programs, Version};

/// Most records that catching up with the clock may add to one decision; the rest comes with the next.
pub const CATCH_UP_MAX: usize = 40;

/// Everything a decision about one partner's events looks at.
#[derive(Clone, Debug)]
pub struct State {
    /// The partner.
    pub partner: PartnerId,
    /// What is the partner's alone.
    pub account: Account,
    /// Deals that the events name; `None` where there is none yet.
    pub deals: BTreeMap<DealId, Option<Deal>>,
    /// Opportunities that the events name; `None` where there is none yet.
    pub opportunities: BTreeMap<OpportunityId, Option<Opportunity>>,
    /// Free pieces of the rewards asked for.
    pub stock: BTreeMap<RewardId, i64>,
    /// Redemptions that the events name or make, by id.
    pub redemptions: BTreeMap<RedemptionId, Redemption>,
}

impl State {
    /// A partner nothing is known of.
    pub fn new(partner: PartnerId) -> Self {
        Self {
            partner,
            account: Account::default(),
            deals: BTreeMap::new(),
            opportunities: BTreeMap::new(),
            stock: BTreeMap::new(),
            redemptions: BTreeMap::new(),
        }
    }
}

/// What an event waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// The partner's enrolment.
    Partner,
    /// A deal's registration or closing.
    Deal(DealId),
    /// A rate for this currency in the program.
    Rate(String),
    /// The program's first version.
    Program,
}

/// What was decided about one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
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
    /// A step of our own that has nothing left to do; nothing is recorded.
    Moot(Reason),
    /// Not looked at: the clock must be caught up with first, in a decision of its own.
    Later,
}

/// What was decided about a group of events of one partner.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Records in the order of their positions, the clock's among them.
    pub records: Vec<Record>,
    /// One verdict for each event, in the order the events were given.
    pub verdicts: Vec<Verdict>,
    /// The state after it.
    pub state: State,
    /// How stock moves.
    pub stock: Vec<StockMove>,
}

impl Decision {
    /// The outcome word of event `index`; `None` if it was not looked at or is moot.
    pub fn outcome(&self, index: usize) -> Option<Outcome> {
        match &self.verdicts[index] {
            Verdict::Recorded(at) => Some(self.records[*at].outcome),
            Verdict::Held { .. } => Some(Outcome::Held),
            Verdict::Rejected(_) => Some(Outcome::Rejected),
            Verdict::Moot(_) | Verdict::Later => None,
        }
    }
}

/// Decides a group of events of one partner, in the order of their own time. First the account is brought to `now`: due
/// releases, expiries and reviews become records of the same decision, so that a redemption never races an expiry.
///
/// # Errors
/// [`FoldError`]: the stored account does not add up; nothing may be written.
pub fn decide(programs: &Programs, state: State, events: &[Event], now: Timestamp) -> Result<Decision, FoldError> {
    // An account never goes back in time, whatever the clocks of two machines say.
    let now = state.account.head.as_of.map_or(now, |as_of| now.max(as_of));
    let current = programs.current(now);
    let today = current.program.calendar.day(now);
    let open_from = current.program.open_from(today);
    let mut desk = Desk { programs, current, now, today, open_from, state, records: Vec::new(), stock: Vec::new() };
    let caught_up = desk.catch_up()?;
    let mut verdicts = vec![Verdict::Later; events.len()];
    if caught_up {
        let mut order: Vec<usize> = (0..events.len()).collect();
        order.sort_by_key(|i| (events[*i].time, &events[*i].identity));
        for index in order {
            verdicts[index] = desk.judge(&events[index])?;
        }
    }
    Ok(Decision { records: desk.records, verdicts, state: desk.state, stock: desk.stock })
}

/// A decision in the making.
struct Desk<'a> {
    programs: &'a Programs,
    current: &'a Version,
    now: Timestamp,
    today: Date,
    open_from: Date,
    state: State,
    records: Vec<Record>,
    stock: Vec<StockMove>,
}

impl Desk<'_> {
    fn account(&self) -> &Account {
        &self.state.account
    }

    /// The program by which ladders, bookings, redemptions and the clock are decided.
    fn program(&self) -> &Program {
        &self.current.program
    }

    /// The day an event of day `day` is booked on (late-event policy).
    fn booked(&self, day: Date) -> Date {
        let own = self.program().policy.book_in_own_period && day >= self.open_from;
        if own { day.min(self.today) } else { self.today }
    }
}
