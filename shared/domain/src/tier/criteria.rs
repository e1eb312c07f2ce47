//! Criteria of a ladder: what is measured, over which window, and whether it is enough.

use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Criteria, Criterion, Measure, Program};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ledger::{Account, FoldError};

/// When and as of which month criteria are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) today: Date,
    /// The last month of every window.
    pub(crate) month: Month,
    /// Whether that month is over.
    pub(crate) whole: bool,
}

impl Moment {
    /// As things are now: windows end with today's month.
    pub(crate) fn of(now: Timestamp, today: Date) -> Self {
        Self { now, today, month: Month::of(today), whole: false }
    }

    /// As a review as of `day` sees it: windows end with the month before, and certificates count that are valid then.
    pub(crate) fn before(day: Date, start: Timestamp) -> Self {
        Self { now: start, today: day, month: Month::of(day).plus(-1), whole: true }
    }
}

/// One criterion and how far it is met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is measured.
    pub measure: Measure,
    /// Over which window, in words.
    pub within: String,
    /// The window's first day.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// What there is.
    pub seen: Decimal,
    /// What is enough.
    pub least: Decimal,
    /// Whether it is enough.
    pub met: bool,
}

/// Whether criteria are met; every value that is looked at is told.
///
/// # Errors
/// [`FoldError::NotLoaded`]: what is measured was not loaded (I25).
pub(crate) fn assess(
    criteria: &Criteria,
    program: &Program,
    account: &Account,
    motion: &str,
    at: Moment,
    tell: &mut impl FnMut(&Criterion, Decimal),
) -> Result<bool, FoldError> {
    // Every part is looked at, so that an explanation can show all of them.
    let mut all = |parts: &[Criteria], enough: bool| -> Result<bool, FoldError> {
        let mut found = false;
        for part in parts {
            found |= assess(part, program, account, motion, at, tell)? == enough;
        }
        Ok(found)
    };
    Ok(match criteria {
        Criteria::Any(parts) => all(parts, true)?,
        Criteria::All(parts) => !all(parts, false)?,
        Criteria::One(one) => {
            let value = measured(one, program, account, motion, at)?;
            tell(one, value);
            value >= one.least
        }
    })
}

impl Progress {
    /// How far a criterion is met by `seen`.
    pub(crate) fn of(one: &Criterion, seen: Decimal, program: &Program, at: Moment) -> Self {
        Self {
            measure: one.measure,
            within: one.within.words(),
            from: first_month(one, program, at).first_day(),
            to: at.month.plus(1).first_day().yesterday().unwrap_or(at.today),
            seen,
            least: one.least,
            met: seen >= one.least,
        }
    }
}

fn measured(
    one: &Criterion,
    program: &Program,
    account: &Account,
    motion: &str,
    at: Moment,
) -> Result<Decimal, FoldError> {
    match one.measure {
        Measure::Certifications => account.certificates(at.now).map(Decimal::from),
        measure => account.measured(motion, measure, first_month(one, program, at), at.month),
    }
}

fn first_month(one: &Criterion, program: &Program, at: Moment) -> Month {
    one.within.first_month(at.month, at.whole, &program.calendar)
}
