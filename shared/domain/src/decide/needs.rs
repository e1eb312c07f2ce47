//! What must be loaded before a group of events can be decided.

use std::collections::{BTreeMap, BTreeSet};

use event::ids::{DealId, OpportunityId, RedemptionId, RewardId};

use jiff::Timestamp;

use crate::deal::Deal;
use crate::earn::{Seen, frequency_needs};
use crate::ledger::FrequencyKey;
use crate::ledger::Head;
use event::json::Json;
use event::time::Month;
use event::{Event, Kind};
use program::{Criteria, Program, Programs};

/// Keys of the items a decision looks at, beside the head, the profile and the held points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Years of measures.
    pub years: BTreeSet<i16>,
    /// Frequency counts.
    pub frequency: BTreeSet<FrequencyKey>,
    /// Deals.
    pub deals: BTreeSet<DealId>,
    /// Opportunities.
    pub opportunities: BTreeSet<OpportunityId>,
    /// Rewards whose stock is asked.
    pub rewards: BTreeSet<RewardId>,
    /// Redemptions.
    pub redemptions: BTreeSet<RedemptionId>,
}

/// What deciding `events` at `now` looks at, given the partner's head.
pub fn needs(programs: &Programs, head: &Head, events: &[Event], now: Timestamp) -> Needs {
    let now = head.as_of.map_or(now, |as_of| now.max(as_of));
    let program = &programs.current(now).program;
    let today = program.calendar.day(now);
    let mut needs = Needs::default();
    // A review that is overdue looks back from its own day.
    let reviews = head.tiers.values().filter_map(|standing| standing.next_review);
    let oldest = reviews.min().map_or(today, |day| day.min(today));
    let first = Month::of(oldest).plus(-longest_window(program));
    needs.years.extend(first.year()..=today.year());
    for event in events {
        need_of(programs, program, event, now, &mut needs);
    }
    needs
}

fn need_of(programs: &Programs, current: &Program, event: &Event, now: Timestamp, needs: &mut Needs) {
    let (today, day) = (current.calendar.day(now), current.calendar.day(event.time));
    // Both days it may be booked on, so that the decision is free to choose.
    needs.years.insert(day.year());
    needs.deals.extend(event.kind.deal_id().cloned());
    needs.opportunities.extend(event.kind.opportunity_id().cloned());
    match &event.kind {
        Kind::RedemptionRequested { reward_id, .. } => {
            needs.rewards.insert(reward_id.clone());
        }
        kind => needs.redemptions.extend(kind.redemption_id().cloned()),
    }
    let Some(earning) = programs.in_force(event.time) else { return };
    let persons = event.persons();
    for booked in [day, today] {
        let seen = Seen { data: &event.data, amounts: BTreeMap::new(), person: persons.first(), booked, day };
        for rule in earning.program.rules_on(event.kind.name()) {
            needs.frequency.extend(frequency_needs(&earning.program, rule, &seen));
        }
    }
}

/// What loaded deals add: a correction changes the month in which its deal was measured, and the caps of the periods in which
/// its award is booked.
pub fn needs_of_deals(programs: &Programs, deals: &BTreeMap<DealId, Option<Deal>>) -> Needs {
    let mut needs = Needs::default();
    for closed in deals.values().flatten().filter_map(|deal| deal.closed.as_ref()) {
        needs.years.extend(closed.measured.as_ref().map(|(_, month)| month.year()));
        let Some(earning) = programs.number(closed.version) else { continue };
        let data = Json::parse(&closed.data).unwrap_or(Json::Null);
        let day = earning.program.calendar.day(closed.at);
        let seen = Seen { data: &data, amounts: BTreeMap::new(), person: None, booked: closed.booked, day };
        for rule in earning.program.rules_on("deal.closed") {
            needs.frequency.extend(frequency_needs(&earning.program, rule, &seen));
        }
    }
    needs
}

/// The longest window of any ladder, in months.
fn longest_window(program: &Program) -> i32 {
    let criteria = program.ladders.values().flatten().flat_map(|tier| tier.enter.iter().chain(&tier.keep));
    criteria.map(Criteria::months_max).max().unwrap_or(0)
}
