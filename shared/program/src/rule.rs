//! Rules: which events, how many points or how much money, how often (M01-M07, M36-M40).

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Motion, Name, RuleId, TierId};
use event::period::Every;
use event::time::Length;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::cap::Cap;
use crate::commission::Commission;
use crate::condition::Condition;
use crate::fact::PARTNER;
use crate::ladder::Measure;
use crate::reward::Gate;
use crate::suspicion::Suspicion;

/// A rule: which events, how many points or how much money, how often (M01-M07, M36-M40).
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in the file: `closed` of `[earn.closed]`, `commission.referral` of `[commission.referral]`.
    pub id: RuleId,
    /// The event type it looks at.
    pub on: String,
    /// Conditions on the event's fields; all must hold.
    pub conditions: Vec<Condition>,
    /// What the partner must have (M26, M27, M43). Whether a commission pays a deal is decided when it closes; points that a deal did
    /// not earn for want of it may come with a correction, once the partner has it.
    pub gates: Vec<Gate>,
    /// The facts of the partner that its conditions and its scale look at, without [`PARTNER`](crate::PARTNER) (M47).
    pub facts: Vec<Name>,
    /// What it gives, before multipliers.
    pub gives: Gives,
    /// Multipliers; those that apply are multiplied, the result is rounded down once.
    pub times: Vec<Times>,
    /// Caps; the narrowest counts.
    pub at_most: Vec<Cap>,
    /// The budget that it gives out of (N10).
    pub budget: Option<Name>,
    /// How long what it gives stays pending.
    pub hold: Option<Length>,
    /// What looks like gaming: what it gives then is held (M40).
    pub hold_if: Vec<Suspicion>,
    /// For how long; none: until a person releases it.
    pub held_for: Option<Length>,
    /// The days on which it gives nothing.
    pub paused: Option<Pause>,
    /// The vendor's reason, shown to partners.
    pub why: Option<String>,
}

/// The days on which a rule gives nothing for what happens on them, nor for what corrects that later.
#[derive(Clone, Debug)]
pub struct Pause {
    /// First day.
    pub from: Date,
    /// First day after it; none: until another version says otherwise.
    pub until: Option<Date>,
    /// The vendor's reason, shown to partners.
    pub why: Option<String>,
}

impl Pause {
    /// The days in words, with the last one: `from 2027-01-15 to 2027-01-31`, `from 2027-01-15 on`.
    pub fn words(&self) -> String {
        let last = self.until.and_then(|until| until.yesterday().ok());
        match last {
            None => format!("from {} on", self.from),
            Some(last) if last == self.from => format!("on {last}"),
            Some(last) => format!("from {} to {last}", self.from),
        }
    }
}

/// What a rule gives.
#[derive(Clone, Debug)]
pub enum Gives {
    /// Points, as `[earn.<id>]` does.
    Points(Points),
    /// Money, as `[commission.<id>]` does.
    Money(Commission),
}

/// How the ids of commission rules begin; those of earning rules do not.
pub const COMMISSION: &str = "commission.";
/// How they begin where they are stored, to be short; those of earning rules do not.
pub const COMMISSION_STORED: &str = "$";

impl Rule {
    /// Where it stands in the file.
    pub fn place(&self) -> [&str; 2] {
        match self.id.strip_prefix(COMMISSION) {
            Some(id) => ["commission", id],
            None => ["earn", &self.id],
        }
    }

    /// Where what it gives stands, below its place.
    pub(crate) fn key(&self) -> &'static str {
        match self.gives {
            Gives::Points(_) => "points",
            Gives::Money(_) => "rate",
        }
    }

    /// The pause that a day falls into.
    pub fn paused_on(&self, day: Date) -> Option<&Pause> {
        self.paused.as_ref().filter(|pause| pause.from <= day && pause.until.is_none_or(|until| day < until))
    }

    /// The commission it pays; none of a rule that gives points.
    pub fn commission(&self) -> Option<&Commission> {
        match &self.gives {
            Gives::Points(_) => None,
            Gives::Money(commission) => Some(commission),
        }
    }
}

/// The facts of the partner that conditions and a scale look at.
pub(crate) fn facts(conditions: &[Condition], by: Option<&str>) -> Vec<Name> {
    let fields = conditions.iter().map(|condition| condition.field.as_str()).chain(by);
    let names = fields.filter_map(|field| Name::try_from(field.strip_prefix(PARTNER)?).ok());
    let names: BTreeSet<Name> = names.gather();
    names.into_iter().collect()
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

impl Points {
    /// The field it looks at.
    pub fn by(&self) -> Option<&str> {
        match self {
            Points::Fixed(_) => None,
            Points::Bands { by, .. } | Points::Table { by, .. } | Points::Per { by, .. } => Some(by),
        }
    }
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
    /// By how far the partner's target is attained (M09).
    Attainment(Attainment),
}

impl Times {
    /// Whether it is brought to what the target is attained by in the end (M09).
    pub fn is_trued_up(&self) -> bool {
        matches!(self, Times::Attainment(Attainment { true_up: true, .. }))
    }
}

impl Rule {
    /// What it is trued up by (M09).
    pub fn trued_up(&self) -> impl Iterator<Item = &Attainment> {
        self.times.iter().filter_map(|times| match times {
            Times::Attainment(attainment) if attainment.true_up => Some(attainment),
            Times::Attainment(_) | Times::Tier { .. } | Times::Campaign(_) => None,
        })
    }
}

/// A multiplier by how far a target is attained in the period that an event is booked in, itself counted: accelerators and decelerators
/// (M09). Where no target was set nothing multiplies.
#[derive(Clone, Debug)]
pub struct Attainment {
    /// What is measured; a flow.
    pub measure: Measure,
    /// The motion; the program's default where it says none.
    pub motion: Motion,
    /// Of which period the target is: year, quarter or month.
    pub every: Every,
    /// `(from, factor)`, ascending: the highest whose `from`, a part of the target, is reached; below the first the factor is one.
    pub bands: Vec<(Decimal, Decimal)>,
    /// Whether what a commission paid of a deal is brought to what the target is attained by once the books of its period have closed.
    pub true_up: bool,
}

impl Attainment {
    /// The factor of a part of the target that is attained.
    pub fn factor(&self, attained: Decimal) -> Decimal {
        let reached = self.bands.iter().rev().find(|(from, _)| *from <= attained);
        reached.map_or(Decimal::ONE, |(_, by)| *by)
    }
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
