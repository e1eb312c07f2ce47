//! What looks like gaming: what a rule gives then stays pending until a person or time releases it (M40).

use event::time::{Calendar, Month};
use rust_decimal::Decimal;

use crate::cap::Cap;
use crate::ladder::Measure;
use crate::window::Within;

/// Something that looks like gaming.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// How it is found.
    pub test: SuspicionTest,
    /// It in words, for partners and staff.
    pub words: String,
}

/// How it is found.
#[derive(Clone, Debug)]
pub enum SuspicionTest {
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
            SuspicionTest::MoreThan(_) => None,
            SuspicionTest::LessThan { within, .. } => Some(within.first_month(month, false, calendar)),
        }
    }

    /// What it counts as a cap does.
    pub fn counts(&self) -> Option<&Cap> {
        match &self.test {
            SuspicionTest::MoreThan(cap) => Some(cap),
            SuspicionTest::LessThan { .. } => None,
        }
    }
}
