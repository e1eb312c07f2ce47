//! Earning rules: which events, how many points, how often (M36-M40).

use std::collections::BTreeMap;

use event::ids::{Motion, RuleId, TierId};
use event::time::Length;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::cap::Cap;
use crate::condition::Condition;

/// An earning rule: which events, how many points, how often (M36-M40).
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in the file: `[earn.<id>]`.
    pub id: RuleId,
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
