//! What looks like gaming: what a rule gives then stays pending until a person or time releases it (M40).

use event::time::{Calendar, Month};
use rust_decimal::Decimal;

use crate::cap::Cap;
use crate::ladder::Measure;
use crate::window::Within;

/// Something that looks like gaming.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// What looks so.
    pub test: Suspect,
    /// It in words, for partners and staff.
    pub words: String,
}

/// What looks like gaming.
#[derive(Clone, Debug)]
pub enum Suspect {
    /// More awards of the rule than this in a minute, an hour, a day ...: counted as a cap is, and cuts nothing.
    MoreThan(Cap),
    /// A smaller part of what is counted comes to something than this.
    LessThan {
        /// The part, above zero, at most 1.
        part: Decimal,
        /// What is counted.
        of: Measure,
        /// What it is to come to.
        which: Measure,
        /// From so many of `of` on.
        from: Decimal,
        /// Over which months, this one so far among them.
        within: Within,
    },
}

impl Suspicion {
    /// The first month that it looks at in `month`; none where it counts.
    pub fn first_month(&self, month: Month, calendar: &Calendar) -> Option<Month> {
        match self.test {
            Suspect::MoreThan(_) => None,
            Suspect::LessThan { within, .. } => Some(within.first_month(month, false, calendar)),
        }
    }

    /// What it counts as a cap does.
    pub fn counts(&self) -> Option<&Cap> {
        match &self.test {
            Suspect::MoreThan(cap) => Some(cap),
            Suspect::LessThan { .. } => None,
        }
    }
}
