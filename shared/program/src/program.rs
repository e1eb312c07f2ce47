//! The program: what the vendor wrote in one TOML file, checked and ready to decide by.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Motion, Name, ProgramId, RewardId, RuleId, Source, matches_pattern};
use event::time::{Calendar, Month};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::challenge::Challenge;
use crate::commission::Payable;
use crate::fact::Facts;
use crate::ladder::{Measure, Tier};
use crate::own::{self, OwnEvents};
use crate::policy::{Exclusivity, Onboarding, Payouts, Policy, Registration};
use crate::pool::{Benefit, Budget};
use crate::reward::Reward;
use crate::rule::{Campaign, Rule, Times};
use crate::sharing::Sharing;

/// One program, as one version of its file says.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its id: a table key, the same in every version.
    pub id: ProgramId,
    /// The version the file says it is; publishing numbers versions where it says nothing.
    pub version: Option<u32>,
    /// Its name for people.
    pub name: String,
    /// The currency thresholds are in, ISO 4217.
    pub currency: String,
    /// Units of `currency` for one unit of another, pinned with this version.
    pub rates: BTreeMap<String, Decimal>,
    /// Its days, quarters and fiscal years.
    pub calendar: Calendar,
    /// The motion of an event that names none.
    pub default_motion: Motion,
    /// Which events count as a deal, as `type` or `type:outcome`.
    pub counts_as_deal: Vec<String>,
    /// Who may send what.
    pub sources: Vec<(String, Vec<String>)>,
    /// What is stated of partners, and rules may look at (M47).
    pub facts: Facts,
    /// Event types of the vendor's own by name.
    pub events: OwnEvents,
    /// Earning and commission rules by id.
    pub rules: BTreeMap<RuleId, Rule>,
    /// Budgets by id (N10).
    pub budgets: BTreeMap<Name, Budget>,
    /// Benefits with a capacity by id (M22).
    pub benefits: BTreeMap<Name, Benefit>,
    /// Challenges by id (M39).
    pub challenges: BTreeMap<Name, Challenge>,
    /// What is one partner's alone (M23).
    pub exclusivity: Exclusivity,
    /// What is asked of a partner that is new (M17); none: nothing is.
    pub onboarding: Option<Onboarding>,
    /// Dated multipliers by id.
    pub campaigns: BTreeMap<String, Campaign>,
    /// Tier ladders by motion; each ladder's tiers by ascending rank.
    pub ladders: BTreeMap<Motion, Vec<Tier>>,
    /// Every measure that promotes on one of them.
    pub promoting: BTreeSet<Measure>,
    /// Deal registration.
    pub registration: Registration,
    /// How deals are shared with who influenced them (M34); none: they are not.
    pub sharing: Option<Sharing>,
    /// The reward catalogue by id.
    pub rewards: BTreeMap<RewardId, Reward>,
    /// Everything else that is a setting.
    pub policy: Policy,
    /// What a payout run pays.
    pub payouts: Payouts,
}

/// Most periods that are open beside the current one.
const OPEN_PERIODS_MAX: usize = 12;

impl Program {
    /// Whether `source` may send events of type `kind`.
    pub fn accepts(&self, source: &Source, kind: &str) -> bool {
        self.sources.iter().any(|(pattern, kinds)| {
            matches_pattern(pattern, source.as_str()) && kinds.iter().any(|k| matches_pattern(k, kind))
        })
    }

    /// The rules that look at events of type `kind`.
    pub fn rules_on<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Rule> + 'a {
        self.rules.values().filter(move |rule| rule.on == kind)
    }

    /// What a target is set for by this name (M09).
    ///
    /// # Errors
    /// A sentence that names what there is.
    pub fn targeted(&self, word: &str) -> Result<Measure, String> {
        own::targeted(&self.events, word)
    }

    /// Whether a commission waits for the customer to pay, or is of what the customer pays.
    pub fn pays_at_invoices(&self) -> bool {
        let mut commissions = self.rules.values().filter_map(Rule::commission);
        commissions.any(|commission| commission.payable == Payable::AtFirstInvoice) || self.shares_invoices()
    }

    /// Whether a commission is of what the customer pays, invoice by invoice (M10).
    pub fn shares_invoices(&self) -> bool {
        self.rules_on("invoice.paid").any(|rule| rule.commission().is_some())
    }

    /// Whether a commission is for who influenced a deal (M34).
    pub fn pays_influence(&self) -> bool {
        self.rules_on("deal.influenced").any(|rule| rule.commission().is_some())
    }

    /// Every motion that it names: of a ladder, of a target, of an exclusivity, and its default.
    pub fn motions(&self) -> BTreeSet<&Motion> {
        let targets = self.rules.values().flat_map(|rule| &rule.times).filter_map(|times| match times {
            Times::Attainment(attainment) => Some(&attainment.motion),
            Times::Tier { .. } | Times::Campaign(_) => None,
        });
        let onboarding = self.onboarding.iter().map(|onboarding| &onboarding.motion);
        let events = self.events.values().filter_map(|event| event.motion.as_ref());
        let challenges = self.challenges.values().map(|challenge| &challenge.motion);
        let own = [&self.default_motion, &self.exclusivity.motion];
        self.ladders.keys().chain(targets).chain(onboarding).chain(events).chain(challenges).chain(own).gather()
    }

    /// Units of the program's currency for one unit of `currency`.
    pub fn rate(&self, currency: &str) -> Option<Decimal> {
        if currency == self.currency { Some(Decimal::ONE) } else { self.rates.get(currency).copied() }
    }

    /// Whether an event of type `kind` (and deal outcome, where it has one) counts as a deal.
    pub fn is_deal(&self, kind: &str, outcome: Option<&str>) -> bool {
        self.counts_as_deal.iter().any(|entry| match entry.split_once(':') {
            Some((k, o)) => k == kind && Some(o) == outcome,
            None => entry == kind,
        })
    }

    /// The day on which the oldest period that is open at `today` closes; after `today`.
    pub fn next_close(&self, today: Date) -> Date {
        let length = if self.policy.period_is_quarter { 3 } else { 1 };
        let next = Month::of(self.open_from(today)).plus(length);
        self.policy.periods_close_after.after(next.first_day())
    }

    /// The day on which the booking period of `day` closes.
    pub fn closes(&self, day: Date) -> Date {
        let month = Month::of(day);
        let next =
            if self.policy.period_is_quarter { self.calendar.quarter_start(month).plus(3) } else { month.plus(1) };
        self.policy.periods_close_after.after(next.first_day())
    }

    /// The first day that is still open for booking at `today` (late-event policy).
    pub fn open_from(&self, today: Date) -> Date {
        let this_month = Month::of(today);
        let start = |month| if self.policy.period_is_quarter { self.calendar.quarter_start(month) } else { month };
        let mut first = start(this_month);
        // As many periods as are not closed yet; counts of older ones are dropped.
        for _ in 0..OPEN_PERIODS_MAX {
            if today >= self.policy.periods_close_after.after(first.first_day()) {
                break;
            }
            first = start(first.plus(-1));
        }
        first.first_day()
    }
}
