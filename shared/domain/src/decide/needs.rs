//! What must be loaded before a group of events can be decided.

use std::collections::{BTreeMap, BTreeSet};

use event::ids::{DealId, OpportunityId, RedemptionId, RewardId};

use jiff::Timestamp;
use jiff::civil::Date;

use super::context::Context;
use super::state::State;
use crate::earn::{Seen, reward_caps, rule_caps};
use crate::ledger::{CapKey, CapPlace, FrequencyKey, Head};
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

impl Needs {
    /// The items that counts stand in, as far as they stand in one: as the head has it, or will have it after this decision.
    fn count<'k>(&mut self, keys: impl IntoIterator<Item = &'k CapKey>, open_from: Option<Date>) {
        for key in keys {
            if let CapPlace::Item(item) = key.place(open_from) {
                self.frequency.insert(item);
            }
        }
    }
}

/// What deciding `events` at `now` looks at, given the partner's head.
pub fn needs(programs: &Programs, head: &Head, events: &[Event], now: Timestamp) -> Needs {
    let context = Context::at(programs, head, now);
    let mut needs = Needs::default();
    // A review that is overdue looks back from its own day.
    let reviews = head.tiers.values().filter_map(|standing| standing.next_review);
    let oldest = reviews.min().map_or(context.today, |day| day.min(context.today));
    let first = Month::of(oldest).plus(-longest_window(context.program()));
    needs.years.extend(first.year()..=context.today.year());
    for event in events {
        need_of(&context, head, event, &mut needs);
    }
    needs
}

fn need_of(context: &Context<'_>, head: &Head, event: &Event, needs: &mut Needs) {
    let (current, open_from) = (context.program(), head.open_from.max(Some(context.open_from)));
    let day = current.calendar.day(event.time);
    // Both days it may be booked on, so that the decision is free to choose.
    needs.years.insert(day.year());
    needs.deals.extend(event.kind.deal_id().cloned());
    needs.opportunities.extend(event.kind.opportunity_id().cloned());
    match &event.kind {
        Kind::RedemptionRequested { reward_id, .. } => {
            needs.rewards.insert(reward_id.clone());
            if let Some(reward) = current.rewards.get(reward_id) {
                let caps = reward_caps(current, reward, context.today);
                needs.count(caps.iter().map(|(key, _)| key), open_from);
            }
        }
        kind => needs.redemptions.extend(kind.redemption_id().cloned()),
    }
    let Some(earning) = context.programs.in_force(event.time) else { return };
    let persons = event.persons();
    for booked in [day, context.today] {
        let seen = Seen { data: &event.data, amounts: BTreeMap::new(), person: persons.first(), booked, day };
        for rule in earning.program.rules_on(event.kind.name()) {
            needs.count(&rule_caps(&earning.program, rule, &seen), open_from);
        }
    }
}

/// What loaded deals and redemptions add: a correction changes the month in which its deal was measured, and the caps of the
/// periods in which its award is booked; a redemption that ends gives its counts back.
pub fn more_needs(programs: &Programs, state: &State, now: Timestamp) -> Needs {
    let context = Context::at(programs, &state.account.head, now);
    let open_from = state.account.head.open_from.max(Some(context.open_from));
    let mut needs = Needs::default();
    for closed in state.deals.values().flatten().filter_map(|deal| deal.closed.as_ref()) {
        needs.years.extend(closed.measured.as_ref().map(|(_, month)| month.year()));
        let Some(earning) = programs.number(closed.version) else { continue };
        let data = Json::parse(&closed.data).unwrap_or(Json::Null);
        let day = earning.program.calendar.day(closed.at);
        let seen = Seen { data: &data, amounts: BTreeMap::new(), person: None, booked: closed.booked, day };
        for rule in earning.program.rules_on("deal.closed") {
            needs.count(&rule_caps(&earning.program, rule, &seen), open_from);
        }
    }
    for redemption in state.redemptions.values() {
        needs.count(&redemption.counts, open_from);
    }
    needs
}

/// The longest window of any ladder, in months.
fn longest_window(program: &Program) -> i32 {
    let criteria = program.ladders.values().flatten().flat_map(|tier| tier.enter.iter().chain(&tier.keep));
    criteria.map(Criteria::months_max).max().unwrap_or(0)
}
