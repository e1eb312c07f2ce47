//! The program: what the vendor wrote in one TOML file, checked and ready to decide by.

mod check;
mod compile;
mod earning;
mod file;
mod ladders;
mod lint;
mod versions;
mod words;

pub use check::{Diagnostic, Severity, check};
pub use versions::{Programs, Version};
pub use words::{Cap, Scope, Within};

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::text::{ProgramId, Source, matches_pattern};
use crate::time::{Calendar, Length, Month};

/// A sales motion's name, as in `sell` or `service` (M19).
pub type Motion = String;
/// A tier's name, unique in its ladder.
pub type TierId = String;

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
    /// Earning rules by id.
    pub rules: BTreeMap<String, Rule>,
    /// Dated multipliers by id.
    pub campaigns: BTreeMap<String, Campaign>,
    /// Tier ladders by motion; each ladder's tiers by ascending rank.
    pub ladders: BTreeMap<Motion, Vec<Tier>>,
    /// Deal registration.
    pub registration: Registration,
    /// The reward catalogue by id.
    pub rewards: BTreeMap<String, Reward>,
    /// Everything else that is a setting.
    pub policy: Policy,
}

impl Program {
    /// Reads and checks a program file; every error found, none hidden.
    ///
    /// # Errors
    /// The diagnostics of severity [`Severity::Error`].
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(text)
    }

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

    /// The first day that is still open for booking at `today` (late-event policy).
    pub fn open_from(&self, today: Date) -> Date {
        let this_month = Month::of(today);
        let start = |month| if self.policy.period_is_quarter { self.calendar.quarter_start(month) } else { month };
        let current = start(this_month);
        let previous = start(current.plus(-1));
        let closes = self.policy.periods_close_after.after(current.first_day());
        if today < closes { previous.first_day() } else { current.first_day() }
    }
}

/// An earning rule: which events, how many points, how often (M36-M40).
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in the file: `[earn.<id>]`.
    pub id: String,
    /// The event type it looks at.
    pub on: String,
    /// Conditions on the event's fields; all must hold.
    pub conditions: Vec<Condition>,
    /// Points before multipliers.
    pub points: Points,
    /// Multipliers; those that apply are multiplied, the result is rounded down once.
    pub times: Vec<Times>,
    /// Caps; the narrowest counts.
    pub at_most: Vec<Cap>,
    /// How long points stay pending.
    pub hold: Option<Length>,
    /// The vendor's reason, shown to partners.
    pub why: Option<String>,
}

/// A condition on one field of an event's `data`.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// What must hold, as the file says it.
    pub words: String,
    /// What must hold.
    pub test: Test,
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Equal, by plain text.
    Is(String),
    /// Not equal, by plain text.
    IsNot(String),
    /// One of several.
    OneOf(Vec<String>),
    /// A number, or money in the program's currency, compared.
    Compare(Comparison, Decimal),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
}

/// Points before multipliers. Integers; amounts in the program's currency.
#[derive(Clone, Debug)]
pub enum Points {
    /// Always the same.
    Fixed(i64),
    /// By the highest band whose `from` is not above the amount; below the first band none.
    Bands {
        /// The field looked at.
        by: String,
        /// `(from, points)`, ascending.
        bands: Vec<(Decimal, i64)>,
    },
    /// By a field's value.
    Table {
        /// The field looked at.
        by: String,
        /// Points by the field's plain text.
        table: BTreeMap<String, i64>,
    },
    /// For each full `per` of an amount.
    Per {
        /// The field looked at.
        by: String,
        /// The step, above zero.
        per: Decimal,
        /// Points for each full step.
        points: i64,
    },
}

/// A multiplier on a rule.
#[derive(Clone, Debug)]
pub enum Times {
    /// While the partner holds a tier.
    Tier {
        /// The ladder; any ladder that has the tier if absent.
        motion: Option<Motion>,
        /// The tier.
        tier: TierId,
        /// The factor.
        by: Decimal,
    },
    /// While a campaign runs.
    Campaign(String),
}

/// A dated multiplier.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// First day.
    pub from: Date,
    /// First day after it.
    pub until: Date,
    /// The factor.
    pub by: Decimal,
}

/// One tier of a ladder.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub id: TierId,
    /// 1 for where partners start; higher is better.
    pub rank: u32,
    /// What promotes to it; `None` for the first tier.
    pub enter: Option<Criteria>,
    /// What keeps it; `None` if it is never lost.
    pub keep: Option<Criteria>,
    /// How often it is reviewed.
    pub review: Review,
    /// Reviews start this long after entry, so that a new tier has time to be earned.
    pub first_review: Length,
    /// Between the warning and the demotion; `None` demotes at the first failed review.
    pub grace: Option<Length>,
}

/// How often a ladder is reviewed: on the first day of each fiscal period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// Each month.
    Monthly,
    /// Each fiscal quarter.
    Quarterly,
    /// Each fiscal year.
    Annually,
}

/// A tree of criteria.
#[derive(Clone, Debug)]
pub enum Criteria {
    /// One of them is enough.
    Any(Vec<Criteria>),
    /// All of them are needed.
    All(Vec<Criteria>),
    /// One measure over one window.
    One(Criterion),
}

/// One measure over one window.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// What is measured.
    pub measure: Measure,
    /// The least that is enough.
    pub least: Decimal,
    /// Over which months.
    pub within: Within,
}

/// What is measured per motion and month; kept whatever today's program asks, so that publishing never needs a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Deals that count (`counts_as_deal`).
    Deals,
    /// Their annual contract value in the program's currency.
    Acv,
    /// Accepted deal registrations (M21).
    Registrations,
    /// Qualified registrations (M36).
    Qualified,
    /// Successful projects (M19).
    Projects,
    /// Certificates held now (M27); a level, not a flow.
    Certifications,
    /// Points awarded less points reversed.
    Points,
}

impl Measure {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Measure::Deals => "deals",
            Measure::Acv => "acv",
            Measure::Registrations => "registrations",
            Measure::Qualified => "qualified",
            Measure::Projects => "projects",
            Measure::Certifications => "certifications",
            Measure::Points => "points",
        }
    }
}

/// Deal registration (M30, M31).
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whether a deal must be registered before it is closed.
    pub required: bool,
    /// How long the first registrant has the opportunity to itself.
    pub exclusive_for: Length,
    /// Whether a second registrant is accepted, with a notice, or refused.
    pub accept_second: bool,
}

/// A reward of the catalogue (M38).
#[derive(Clone, Debug)]
pub struct Reward {
    /// Its id.
    pub id: String,
    /// Its name for partners.
    pub name: String,
    /// Its price in points, above zero.
    pub points: i64,
    /// How often a partner may have it.
    pub at_most: Vec<Cap>,
    /// Gates (M28).
    pub needs: Needs,
    /// No longer redeemable.
    pub retired: bool,
}

/// What a partner must have before a reward is redeemable (M28).
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// A tier of at least this tier's rank, in a ladder that has it.
    pub tier: Option<TierId>,
    /// A valid certificate of some person.
    pub certification: Option<String>,
    /// A completed course of some person.
    pub course: Option<String>,
}

/// The remaining settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Months from earning to the end of which points live; `None` for ever.
    pub expiry_months: Option<i32>,
    /// Whether what a reversal cannot take is owed (else it is forgiven).
    pub owe_the_rest: bool,
    /// How long a held event waits.
    pub held_for: Length,
    /// Whether suspended partners still earn. They never redeem.
    pub suspended_earn: bool,
    /// Whether a late event is booked in its own period while that is open (else always in the current one).
    pub book_in_own_period: bool,
    /// Booking periods are quarters (else months).
    pub period_is_quarter: bool,
    /// How long after its end a period stays open.
    pub periods_close_after: Length,
}
