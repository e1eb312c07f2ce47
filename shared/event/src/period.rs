//! The periods that caps count in.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::time::{Calendar, Month};

/// How often a cap starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Each calendar day.
    Day,
    /// Each ISO week.
    Week,
    /// Each calendar month.
    Month,
    /// Each fiscal quarter.
    Quarter,
    /// Each fiscal year.
    Year,
    /// Never: the cap is for ever.
    Ever,
}

/// One period, in which a cap counts. Written as `2026-03-14`, `2026-W11`, `2026-03`, `2026-Q1`, `2026` or `ever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// A calendar day.
    Day(Date),
    /// An ISO week: year and number.
    Week(i16, i8),
    /// A calendar month.
    Month(Month),
    /// A fiscal quarter: the calendar year in which its fiscal year starts, and 1 to 4.
    Quarter(i16, i8),
    /// A fiscal year, by the calendar year in which it starts.
    Year(i16),
    /// All time.
    Ever,
}

impl Period {
    /// The period that a day lies in.
    pub fn of(every: Every, day: Date, calendar: &Calendar) -> Self {
        let month = Month::of(day);
        match every {
            Every::Day => Period::Day(day),
            Every::Week => Period::Week(day.iso_week_date().year(), day.iso_week_date().week()),
            Every::Month => Period::Month(month),
            Every::Quarter => Period::Quarter(calendar.fiscal_year(month), calendar.fiscal_quarter(month)),
            Every::Year => Period::Year(calendar.fiscal_year(month)),
            Every::Ever => Period::Ever,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Day(day) => write!(f, "{day}"),
            Period::Week(year, week) => write!(f, "{year:04}-W{week:02}"),
            Period::Month(month) => write!(f, "{month}"),
            Period::Quarter(year, quarter) => write!(f, "{year:04}-Q{quarter}"),
            Period::Year(year) => write!(f, "{year:04}"),
            Period::Ever => f.write_str("ever"),
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is no period");
        if text == "ever" {
            return Ok(Period::Ever);
        }
        let Some((year, part)) = text.split_once('-') else {
            return text.parse().map(Period::Year).map_err(|_| bad());
        };
        let numbered = |number: &str| Some((year.parse().ok()?, number.parse().ok()?));
        if let Some(week) = part.strip_prefix('W') {
            return numbered(week).map(|(year, week)| Period::Week(year, week)).ok_or_else(bad);
        }
        if let Some(quarter) = part.strip_prefix('Q') {
            return numbered(quarter).map(|(year, quarter)| Period::Quarter(year, quarter)).ok_or_else(bad);
        }
        let day = text.parse().map(Period::Day);
        day.or_else(|_| Month::try_from(text.clone()).map(Period::Month)).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    #[test]
    fn a_period_reads_as_it_was_written() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        for every in [Every::Day, Every::Week, Every::Month, Every::Quarter, Every::Year, Every::Ever] {
            for day in [date(2026, 3, 31), date(2026, 4, 1), date(2027, 1, 1)] {
                let period = Period::of(every, day, &calendar);
                assert_eq!(Period::try_from(period.to_string()), Ok(period));
            }
        }
        for bad in ["", "2026-", "2026-W", "soon", "2026-13"] {
            assert!(Period::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn fiscal_periods_are_named_by_the_year_they_start_in() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        let name = |every, day| Period::of(every, day, &calendar).to_string();
        assert_eq!(name(Every::Quarter, date(2026, 3, 31)), "2025-Q4");
        assert_eq!(name(Every::Quarter, date(2026, 4, 1)), "2026-Q1");
        assert_eq!(name(Every::Year, date(2026, 3, 31)), "2025");
    }
}
