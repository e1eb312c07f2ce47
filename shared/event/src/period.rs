//! The periods that caps count in.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::{Calendar, Month};

/// Declares once how often a cap may start anew: each with its word in the file, empty for what never does.
macro_rules! every {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// How often a cap starts anew.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Every {
            $($(#[$doc])* $name,)*
        }

        impl Every {
            /// All of them.
            pub const ALL: &[Self] = &[$(Every::$name),*];

            /// The word in the file; empty for what never starts anew.
            pub fn word(self) -> &'static str {
                match self {
                    $(Every::$name => $word,)*
                }
            }
        }
    };
}

every! {
    /// Each minute.
    Minute "minute",
    /// Each hour, of UTC.
    Hour "hour",
    /// Each calendar day.
    Day "day",
    /// Each ISO week.
    Week "week",
    /// Each calendar month.
    Month "month",
    /// Each fiscal quarter.
    Quarter "quarter",
    /// Each fiscal year.
    Year "year",
    /// Never: the cap is for ever.
    Ever "",
}

/// One period, in which a cap counts. Written as `2026-03-14T09:30Z`, `2026-03-14T09Z`, `2026-03-14`, `2026-W11`, `2026-03`, `ever`; quarters and years by their
/// first and last month, as `2026-04..2026-06`, so that a fiscal year that is moved has periods of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// A minute, counted since 1970.
    Minute(i32),
    /// An hour of UTC, counted since 1970.
    Hour(i32),
    /// A calendar day.
    Day(Date),
    /// An ISO week: year and number.
    Week(i16, i8),
    /// A calendar month.
    Month(Month),
    /// A fiscal quarter, by its first month.
    Quarter(Month),
    /// A fiscal year, by its first month.
    Year(Month),
    /// All time.
    Ever,
}

/// Seconds of a minute, and of an hour.
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// Minutes of an hour, and of a day.
const HOUR_MINUTES: i32 = 60;
const DAY_MINUTES: i32 = 24 * HOUR_MINUTES;

impl Period {
    /// The period of what happened at an instant, and is booked on a day.
    pub fn at(every: Every, at: Timestamp, day: Date, calendar: &Calendar) -> Self {
        // Every instant that is read fits.
        let since = |length: i64| i32::try_from(at.as_second().div_euclid(length)).unwrap_or_default();
        match every {
            Every::Minute => Period::Minute(since(MINUTE)),
            Every::Hour => Period::Hour(since(HOUR)),
            Every::Day | Every::Week | Every::Month | Every::Quarter | Every::Year | Every::Ever => {
                Period::of(every, day, calendar)
            }
        }
    }

    /// The period that a day lies in; of what has a time of day, that day.
    pub fn of(every: Every, day: Date, calendar: &Calendar) -> Self {
        let month = Month::of(day);
        match every {
            Every::Minute | Every::Hour | Every::Day => Period::Day(day),
            Every::Week => Period::Week(day.iso_week_date().year(), day.iso_week_date().week()),
            Every::Month => Period::Month(month),
            Every::Quarter => Period::Quarter(calendar.quarter_start(month)),
            Every::Year => Period::Year(calendar.year_start(month)),
            Every::Ever => Period::Ever,
        }
    }

    /// The day, of UTC, that a minute or an hour is of; of all else, it is what it is.
    pub fn whole_day(self) -> Self {
        match self {
            Period::Minute(_) | Period::Hour(_) => self.last_day().map_or(self, Period::Day),
            Period::Day(_)
            | Period::Week(..)
            | Period::Month(_)
            | Period::Quarter(_)
            | Period::Year(_)
            | Period::Ever => self,
        }
    }

    /// The hour that a minute is of; of all else, it is what it is.
    pub fn whole_hour(self) -> Self {
        if let Period::Minute(minute) = self { Period::Hour(minute.div_euclid(HOUR_MINUTES)) } else { self }
    }

    /// The first hour of a day, of UTC.
    pub fn first_hour(day: Date) -> Option<Self> {
        Self::on_day(day, "00")
    }

    /// The time of day that a minute or an hour begins at, as `0930` or `09`; none for what has none.
    pub fn time_of_day(self) -> Option<String> {
        match self {
            Period::Minute(minute) => {
                let of_day = minute.rem_euclid(DAY_MINUTES);
                Some(format!("{:02}{:02}", of_day / HOUR_MINUTES, of_day % HOUR_MINUTES))
            }
            Period::Hour(hour) => Some(format!("{:02}", hour.rem_euclid(DAY_MINUTES / HOUR_MINUTES))),
            Period::Day(_)
            | Period::Week(..)
            | Period::Month(_)
            | Period::Quarter(_)
            | Period::Year(_)
            | Period::Ever => None,
        }
    }

    /// The minute or the hour of a day, by its [`time_of_day`](Self::time_of_day).
    pub fn on_day(day: Date, time: &str) -> Option<Self> {
        let midnight =
            i32::try_from(TimeZone::UTC.to_timestamp(day.into()).ok()?.as_second().div_euclid(MINUTE)).ok()?;
        let digits = time.bytes().all(|byte| byte.is_ascii_digit());
        let (hour, minute) = time.split_at_checked(2).filter(|_| digits)?;
        let hour: i32 = hour.parse().ok().filter(|hour| (0..DAY_MINUTES / HOUR_MINUTES).contains(hour))?;
        if minute.is_empty() {
            return Some(Period::Hour(midnight / HOUR_MINUTES + hour));
        }
        let minute: i32 =
            minute.parse().ok().filter(|of_hour| minute.len() == 2 && (0..HOUR_MINUTES).contains(of_hour))?;
        Some(Period::Minute(midnight + HOUR_MINUTES * hour + minute))
    }

    /// Its last day; none if it never ends.
    pub fn last_day(self) -> Option<Date> {
        let before = |month: Month| month.first_day().yesterday().ok();
        match self {
            Period::Minute(minute) => day_of(i64::from(minute) * MINUTE),
            Period::Hour(hour) => day_of(i64::from(hour) * HOUR),
            Period::Day(day) => Some(day),
            Period::Week(year, week) => ISOWeekDate::new(year, week, Weekday::Sunday).ok().map(ISOWeekDate::date),
            Period::Month(month) => before(month.plus(1)),
            Period::Quarter(first) => before(first.plus(3)),
            Period::Year(first) => before(first.plus(12)),
            Period::Ever => None,
        }
    }
}

/// The day, of UTC, that lies so many seconds after 1970 began.
fn day_of(seconds: i64) -> Option<Date> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).ok()?).date())
}

/// The period of a target: a fiscal year, a fiscal quarter or a month. Written as `2026`, `2026-Q3`, `2026-03`; a fiscal year is named by
/// the calendar year in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TargetPeriod {
    /// A fiscal year.
    Year(i16),
    /// A fiscal quarter: the year and which of its four.
    Quarter(i16, i8),
    /// A calendar month.
    Month(Month),
}

impl Ord for TargetPeriod {
    /// The earlier first: a year and its quarters as if they began with the calendar's.
    fn cmp(&self, other: &Self) -> Ordering {
        let end = |period: &Self| match period {
            Self::Year(year) => (*year, 12, 2),
            Self::Quarter(year, quarter) => (*year, 3 * quarter, 1),
            Self::Month(month) => (month.year(), month.number(), 0),
        };
        end(self).cmp(&end(other))
    }
}

impl PartialOrd for TargetPeriod {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TargetPeriod {
    /// The one of its kind that a day lies in, and its first and last month; none but years, quarters and months.
    pub fn of(every: Every, day: Date, calendar: &Calendar) -> Option<(Self, Month, Month)> {
        let month = Month::of(day);
        let year = calendar.year_start(month);
        let named = year.first_day().year();
        Some(match every {
            Every::Year => (Self::Year(named), year, year.plus(11)),
            Every::Quarter => {
                let first = calendar.quarter_start(month);
                let before = (0..4).find(|quarter| year.plus(3 * quarter) == first)?;
                (Self::Quarter(named, i8::try_from(before + 1).ok()?), first, first.plus(2))
            }
            Every::Month => (Self::Month(month), month, month),
            Every::Minute | Every::Hour | Every::Day | Every::Week | Every::Ever => return None,
        })
    }
}

impl TargetPeriod {
    /// How often such a period begins.
    pub fn every(self) -> Every {
        match self {
            Self::Year(_) => Every::Year,
            Self::Quarter(..) => Every::Quarter,
            Self::Month(_) => Every::Month,
        }
    }

    /// Whether it is over on a day and its books have closed, in whatever calendar: a fiscal year ends in November of the next at the
    /// latest, and books close within sixty days.
    pub fn is_over(self, day: Date) -> bool {
        let last = match self {
            Self::Year(named) | Self::Quarter(named, _) => Month::of(Date::constant(named, 12, 1)).plus(11),
            Self::Month(month) => month,
        };
        last.plus(3) < Month::of(day)
    }

    /// The period that it names.
    pub fn in_calendar(self, calendar: &Calendar) -> Period {
        let year = |named: i16| calendar.year_start(Month::of(Date::constant(named, 12, 1)));
        match self {
            Self::Year(named) => Period::Year(year(named)),
            Self::Quarter(named, quarter) => Period::Quarter(year(named).plus(3 * (i32::from(quarter) - 1))),
            Self::Month(month) => Period::Month(month),
        }
    }
}

impl fmt::Display for TargetPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year}"),
            Self::Quarter(year, quarter) => write!(f, "{year}-Q{quarter}"),
            Self::Month(month) => write!(f, "{month}"),
        }
    }
}

impl From<TargetPeriod> for String {
    fn from(period: TargetPeriod) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for TargetPeriod {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let year = |text: &str| text.parse().ok().filter(|year| (2000..=8999).contains(year));
        let read = match text.split_once("-Q") {
            Some((of, quarter)) => {
                let quarter = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter));
                year(of).zip(quarter).map(|(year, quarter)| Self::Quarter(year, quarter))
            }
            None => match text.split_once('-') {
                Some((of, _)) => year(of).and_then(|_| Month::try_from(text.clone()).map(Self::Month).ok()),
                None => year(&text).map(Self::Year),
            },
        };
        let bad = || {
            format!("`{}` is no period of a target; write \"2026\", \"2026-Q3\" or \"2026-03\"", text.escape_default())
        };
        read.filter(|period| period.to_string() == text).ok_or_else(bad)
    }
}

/// An instant of UTC to its hour, or to its minute.
struct Clock(i64, bool);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_second(self.0).map_err(|_| fmt::Error)?;
        let at = TimeZone::UTC.to_datetime(at);
        write!(f, "{}T{:02}", at.date(), at.hour())?;
        if self.1 { write!(f, ":{:02}Z", at.minute()) } else { f.write_str("Z") }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Minute(minute) => write!(f, "{}", Clock(i64::from(*minute) * MINUTE, true)),
            Period::Hour(hour) => write!(f, "{}", Clock(i64::from(*hour) * HOUR, false)),
            Period::Day(day) => write!(f, "{day}"),
            Period::Week(year, week) => write!(f, "{year:04}-W{week:02}"),
            Period::Month(month) => write!(f, "{month}"),
            Period::Quarter(first) => write!(f, "{first}..{}", first.plus(2)),
            Period::Year(first) => write!(f, "{first}..{}", first.plus(11)),
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
        if let Some(time) = text.strip_suffix('Z') {
            let is_hour = !time.contains(':');
            let whole = if is_hour { format!("{time}:00:00Z") } else { format!("{time}:00Z") };
            let at: Timestamp = whole.parse().map_err(|_| bad())?;
            let since = |length: i64| i32::try_from(at.as_second().div_euclid(length)).map_err(|_| bad());
            return Ok(if is_hour { Period::Hour(since(HOUR)?) } else { Period::Minute(since(MINUTE)?) });
        }
        if let Some((first, last)) = text.split_once("..") {
            let first = Month::try_from(first.to_owned())?;
            let all = [Period::Quarter(first), Period::Year(first)];
            return all.into_iter().find(|period| period.to_string().ends_with(&format!("..{last}"))).ok_or_else(bad);
        }
        if let Some((year, week)) = text.split_once("-W") {
            let (year, week) = year.parse().ok().zip(week.parse().ok()).ok_or_else(bad)?;
            return ISOWeekDate::new(year, week, Weekday::Monday).map(|_| Period::Week(year, week)).map_err(|_| bad());
        }
        let day = text.parse().map(Period::Day);
        day.or_else(|_| Month::try_from(text.clone()).map(Period::Month)).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_period_reads_as_it_was_written() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        for every in Every::ALL.iter().copied() {
            for day in [date(2026, 3, 31), date(2026, 4, 1), date(2027, 1, 1)] {
                let at: Timestamp = "2026-03-31T23:59:59Z".parse().expect("an instant");
                for period in [Period::of(every, day, &calendar), Period::at(every, at, day, &calendar)] {
                    assert_eq!(Period::try_from(period.to_string()), Ok(period));
                }
            }
        }
        let at: Timestamp = "2026-03-14T09:30:59Z".parse().expect("an instant");
        let name = |every| Period::at(every, at, date(2026, 3, 31), &calendar).to_string();
        assert_eq!((name(Every::Minute), name(Every::Hour)), ("2026-03-14T09:30Z".into(), "2026-03-14T09Z".into()));
        for every in [Every::Minute, Every::Hour] {
            for text in ["2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z", "1969-12-31T23:59:00Z"] {
                let at: Timestamp = text.parse().expect("an instant");
                let period = Period::at(every, at, date(2026, 3, 31), &calendar);
                let Period::Day(day) = period.whole_day() else { panic!("{period}") };
                assert_eq!(Period::on_day(day, &period.time_of_day().expect("a time")), Some(period), "{text}");
                assert_eq!(period.whole_hour(), Period::at(Every::Hour, at, day, &calendar), "{text}");
            }
        }
        assert!(
            ["", "9", "24", "0960", "093", "09300", "+930"]
                .iter()
                .all(|bad| Period::on_day(date(2026, 3, 31), bad).is_none())
        );
        for bad in ["", "2026", "2026-", "2026-W", "2026-W60", "2026-01..2026-02", "soon", "2026-13"] {
            assert!(Period::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_are_of_fiscal_years_quarters_and_months() {
        let calendar = Calendar::new(TimeZone::UTC, 7);
        let of = |every, day| {
            let (period, first, last) = TargetPeriod::of(every, day, &calendar).expect("a period");
            assert_eq!(TargetPeriod::try_from(period.to_string()), Ok(period));
            assert_eq!((period.every(), period.in_calendar(&calendar)), (every, Period::of(every, day, &calendar)));
            format!("{period}: {first} to {last}")
        };
        assert_eq!(of(Every::Year, date(2026, 6, 30)), "2025: 2025-07 to 2026-06");
        assert_eq!(of(Every::Year, date(2026, 7, 1)), "2026: 2026-07 to 2027-06");
        assert_eq!(of(Every::Quarter, date(2026, 6, 30)), "2025-Q4: 2026-04 to 2026-06");
        assert_eq!(of(Every::Quarter, date(2026, 7, 1)), "2026-Q1: 2026-07 to 2026-09");
        assert_eq!(of(Every::Month, date(2026, 7, 1)), "2026-07: 2026-07 to 2026-07");
        for bad in
            ["", "26", "2026-Q5", "2026-Q0", "2026-Q01", "2026-q1", "2026-13", "2026-3", "FY2026", " 2026", "9000"]
        {
            assert!(TargetPeriod::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn fiscal_periods_are_named_by_their_months() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        let name = |every, day| Period::of(every, day, &calendar).to_string();
        assert_eq!(name(Every::Quarter, date(2026, 3, 31)), "2026-01..2026-03");
        assert_eq!(name(Every::Quarter, date(2026, 4, 1)), "2026-04..2026-06");
        assert_eq!(name(Every::Year, date(2026, 3, 31)), "2025-04..2026-03");
    }

    #[test]
    fn a_period_ends_with_its_last_day() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        let last = |every| Period::of(every, date(2026, 5, 14), &calendar).last_day();
        let every = [Every::Day, Every::Week, Every::Month, Every::Quarter, Every::Year];
        let days = [date(2026, 5, 14), date(2026, 5, 17), date(2026, 5, 31), date(2026, 6, 30), date(2027, 3, 31)];
        assert_eq!(every.map(last), days.map(Some));
        assert_eq!(last(Every::Ever), None);
        let at: Timestamp = "2026-05-14T23:59:59Z".parse().expect("an instant");
        let last = |every| Period::at(every, at, date(2026, 7, 1), &calendar).last_day();
        assert_eq!([Every::Minute, Every::Hour].map(last), [Some(date(2026, 5, 14)); 2]);
    }
}
