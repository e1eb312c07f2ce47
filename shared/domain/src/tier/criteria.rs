//! Criteria of a ladder: what is measured, over which window, and whether it is enough.

use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Condition, Criteria, Criterion, Measure, Program};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::earn::{is_stated, stated};
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
#[serde(untagged)]
pub enum Progress {
    /// Something is measured.
    Measured(Measured),
    /// Something is to be stated of the partner (M47).
    Fact {
        /// What is looked at: `partner.type`.
        fact: String,
        /// What is asked, in the vendor's words.
        asked: String,
        /// What is stated; none where nobody has said it.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated: Option<String>,
        /// Whether it is what is asked.
        met: bool,
    },
}

/// What is measured for a criterion, and what is enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
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

/// What a criterion looked at.
pub(crate) enum Looked<'a> {
    /// A measure, and what there is of it.
    Measure(&'a Criterion, Decimal),
    /// What is asked of the partner, what is stated, and whether that is so.
    Fact(&'a Condition, Option<&'a str>, bool),
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
    tell: &mut impl FnMut(Looked<'_>),
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
            tell(Looked::Measure(one, value));
            value >= one.least
        }
        Criteria::Fact(asked) => {
            let stated = stated(program, account, &asked.field)?;
            let stated = stated.as_deref();
            let met = is_stated(asked, stated);
            tell(Looked::Fact(asked, stated, met));
            met
        }
    })
}

impl Progress {
    /// How far a criterion is met by what was looked at.
    pub(crate) fn of(looked: Looked<'_>, program: &Program, at: Moment) -> Self {
        let (one, seen) = match looked {
            Looked::Measure(one, seen) => (one, seen),
            Looked::Fact(asked, stated, met) => {
                let (fact, asked) = (asked.field.clone(), asked.words.clone());
                return Progress::Fact { fact, asked, stated: stated.map(str::to_owned), met };
            }
        };
        Progress::Measured(Measured {
            measure: one.measure,
            within: one.within.words(),
            from: first_month(one, program, at).first_day(),
            to: at.month.plus(1).first_day().yesterday().unwrap_or(at.today),
            seen,
            least: one.least,
            met: seen >= one.least,
        })
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
