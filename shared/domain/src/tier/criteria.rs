//! Criteria of a ladder: what is measured, over which window, and whether it is enough.

use event::Level;
use event::ids::CertificationId;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use program::{Condition, Criteria, Criterion, Measure, Program, Tier};
use rust_decimal::{Decimal, RoundingStrategy};
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
    /// When the tier was entered of which only the part of a window since then is asked; none where all of it is.
    pub(crate) entered: Option<Month>,
}

impl Moment {
    /// As things are now: windows end with today's month.
    pub(crate) fn of(now: Timestamp, today: Date) -> Self {
        Self { now, today, month: Month::of(today), whole: false, entered: None }
    }

    /// As a review as of `day` sees it: windows end with the month before, and certificates count that are valid then.
    pub(crate) fn before(day: Date, start: Timestamp) -> Self {
        Self { now: start, today: day, month: Month::of(day).plus(-1), whole: true, entered: None }
    }

    /// The same, of a tier that was entered then: where its ladder says so, only the part of a window since then is asked.
    pub(crate) fn entered(self, tier: &Tier, since: Date) -> Self {
        Self { entered: tier.pro_rata.then(|| Month::of(since)), ..self }
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
    /// Of certifications: the one whose holders are counted (M27).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certification: Option<CertificationId>,
    /// Of that: the least level that counts, 101, 201 or 301 (M25).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<i64>,
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
            value >= enough(one, program, at)
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

/// So many characters of one criterion, and of all of them, are told in a record.
const ONE_CHARS_MAX: usize = 120;
const ALL_CHARS_MAX: usize = 400;

/// What there is too little of where criteria are not met, in words: of alternatives each that is not met, of what is asked together what
/// is missing. Empty where they are met.
///
/// # Errors
/// As [`assess`].
pub(crate) fn short(
    criteria: &Criteria,
    program: &Program,
    account: &Account,
    motion: &str,
    at: Moment,
) -> Result<String, FoldError> {
    let mut one = None;
    let mut tell = |looked: Looked<'_>| one = Progress::of(looked, program, at).short();
    if assess(criteria, program, account, motion, at, &mut tell)? {
        return Ok(String::new());
    }
    let (parts, word) = match criteria {
        Criteria::Any(parts) => (parts, " or "),
        Criteria::All(parts) => (parts, " and "),
        Criteria::One(_) | Criteria::Fact(_) => return Ok(cut(one.unwrap_or_default(), ONE_CHARS_MAX)),
    };
    let mut all = Vec::new();
    for part in parts {
        let text = short(part, program, account, motion, at)?;
        let several = matches!(part, Criteria::Any(parts) | Criteria::All(parts) if parts.len() > 1);
        if !text.is_empty() {
            all.push(if several && parts.len() > 1 { format!("({text})") } else { text });
        }
    }
    Ok(cut(all.join(word), ALL_CHARS_MAX))
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
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
        let least = enough(one, program, at);
        Progress::Measured(Measured {
            measure: one.measure,
            certification: one.certification.clone(),
            level: one.level.map(Level::get),
            within: one.within.words(),
            from: first_month(one, program, at).first_day(),
            to: at.month.plus(1).first_day().yesterday().unwrap_or(at.today),
            seen,
            least,
            met: seen >= least,
        })
    }

    /// What there is too little of, in words; none where it is enough.
    fn short(&self) -> Option<String> {
        match self {
            Progress::Measured(Measured { met: true, .. }) | Progress::Fact { met: true, .. } => None,
            Progress::Measured(Measured { measure, certification, level, within, seen, least, .. }) => {
                let level = level.map_or_else(String::new, |level| format!(" at level {level} or above"));
                Some(match (certification, measure) {
                    (Some(id), _) => format!("{seen} of {least} persons certified {id}{level}"),
                    (None, Measure::Certifications) => format!("{seen} of {least} {}", measure.word()),
                    (None, _) => format!("{seen} of {least} {} within {within}", measure.word()),
                })
            }
            Progress::Fact { fact, asked, stated, .. } => {
                let stated = stated.as_deref().unwrap_or("not stated");
                Some(format!("{fact} is {stated}, asked is {asked}"))
            }
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
        Measure::Certifications => match &one.certification {
            Some(id) => account.certified(id, one.level, at.now).map(Decimal::from),
            None => account.certificates(at.now).map(Decimal::from),
        },
        measure => account.measured(motion, measure, first_month(one, program, at), at.month),
    }
}

/// What is enough of a criterion: all that the program says, or the part of it that falls on the months since the tier was entered,
/// rounded up to whole deals, or to hundredths of the currency.
fn enough(one: &Criterion, program: &Program, at: Moment) -> Decimal {
    let first = first_month(one, program, at);
    let Some(entered) = at.entered.filter(|entered| *entered > first && one.measure != Measure::Certifications) else {
        return one.least;
    };
    let (held, window) = (entered.months_to(at.month) + 1, first.months_to(at.month) + 1);
    let part = one.least.checked_mul(held.max(0).into()).and_then(|least| least.checked_div(window.max(1).into()));
    let decimals = if one.measure == Measure::Acv { 2 } else { 0 };
    part.map_or(one.least, |part| part.round_dp_with_strategy(decimals, RoundingStrategy::AwayFromZero))
}

fn first_month(one: &Criterion, program: &Program, at: Moment) -> Month {
    one.within.first_month(at.month, at.whole, &program.calendar)
}
