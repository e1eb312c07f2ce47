//! Instants, months and the program's calendar. Nothing here reads a clock: `now` is always handed in.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Events further in the future than this are refused, in seconds: 5 minutes for clocks that differ.
pub const FUTURE_SECONDS_MAX: i64 = 5 * 60;
/// The oldest year an event may carry.
pub const YEAR_MIN: i16 = 2000;
/// Its first instant, in seconds since 1970.
pub(crate) const EARLIEST: i64 = 946_684_800;

/// The last second, in seconds since 1970, of the years in which days can be reckoned with: 8999.
const LATEST: i64 = 221_845_391_999;
/// The first one: 1900.
const USUAL: i64 = -2_208_988_800;

/// Whether an instant lies in years in which days can be reckoned with.
pub(crate) fn is_usual(instant: Timestamp) -> bool {
    (USUAL..=LATEST).contains(&instant.as_second())
}

/// An event's `time`: RFC 3339 with an offset of less than a day, nothing looser. `None` for any other form.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    fn shaped(bytes: &[u8], shape: &[u8]) -> bool {
        let alike = |byte: &u8, shape: &u8| match shape {
            b'0' => byte.is_ascii_digit(),
            shape => byte.eq_ignore_ascii_case(shape),
        };
        bytes.len() == shape.len() && bytes.iter().zip(shape).all(|(byte, shape)| alike(byte, shape))
    }
    let (whole, rest) = text.as_bytes().split_at_checked(SHAPE.len())?;
    let leap_second = whole.ends_with(b":60");
    let digits = rest.strip_prefix(b".").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let offset = &rest[digits.map_or(0, |digits| digits + 1)..];
    let in_utc = offset.eq_ignore_ascii_case(b"Z");
    let known_offset = in_utc || shaped(offset, b"+00:00") || shaped(offset, b"-00:00");
    let known_fraction = digits.is_none_or(|digits| (1..=9).contains(&digits));
    if !shaped(whole, SHAPE) || !known_offset || !known_fraction || leap_second {
        return None;
    }
    // What reads texts here takes offsets of a day and more, and minutes beyond an hour.
    let within = |from_end: usize, most: u8| {
        let two = text.get(text.len() - from_end..text.len() - from_end + 2);
        two.and_then(|two| two.parse().ok()).is_some_and(|n: u8| n <= most)
    };
    if !(in_utc || within(5, 23) && within(2, 59)) {
        return None;
    }
    text.parse().ok()
}

/// A calendar month in the program's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month `date` lies in.
    pub fn of(date: Date) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// The month `n` months later (earlier if negative). Stays within the years Laurel accepts, so it cannot overflow.
    pub fn plus(self, n: i32) -> Self {
        let index = i32::from(self.year) * 12 + i32::from(self.month) - 1 + n;
        let year = i16::try_from(index.div_euclid(12)).unwrap_or(i16::MAX);
        let month = i8::try_from(index.rem_euclid(12) + 1).unwrap_or(1);
        Self { year, month }
    }

    /// How many months later another is; below zero where it is earlier.
    pub fn months_to(self, other: Self) -> i32 {
        let index = |month: Self| i32::from(month.year) * 12 + i32::from(month.month);
        index(other) - index(self)
    }

    /// The first month of its calendar quarter.
    pub fn quarter(self) -> Self {
        self.plus(-i32::from((self.month - 1) % 3))
    }

    /// The first day.
    pub fn first_day(self) -> Date {
        jiff::civil::date(self.year.clamp(1, 9999), self.month, 1)
    }

    /// The calendar year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// 1 for January to 12 for December.
    pub fn number(self) -> i8 {
        self.month
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(y, m)| Some((y.parse().ok()?, m.parse().ok()?)));
        match parts {
            Some((year, month)) if (1..=12).contains(&month) => Ok(Self { year, month }),
            _ => Err(format!("`{text}` is not a month such as 2026-03")),
        }
    }
}

/// How long something lasts, in the vendor's words: `"30 days"`, `"1 quarter"`, `"2 years"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Whole months.
    pub months: i32,
    /// Days on top.
    pub days: i32,
}

impl Length {
    /// Reads `"<n> day|week|month|quarter|year(s)"`, 1 to 999 of them.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once(' ')?;
        let n: i32 = count.parse().ok().filter(|n| (1..=999).contains(n))?;
        let (months, days) = match unit.strip_suffix('s').unwrap_or(unit) {
            "day" => (0, n),
            "week" => (0, 7 * n),
            "month" => (n, 0),
            "quarter" => (3 * n, 0),
            "year" => (12 * n, 0),
            _ => return None,
        };
        Some(Self { months, days })
    }

    /// The day this long after `date`; a day the month does not have becomes its last.
    pub fn after(self, date: Date) -> Date {
        date.saturating_add(self.span())
    }

    /// The day this long before `date`.
    pub fn before(self, date: Date) -> Date {
        date.saturating_sub(self.span())
    }

    fn span(self) -> Span {
        self.months.months().days(self.days)
    }
}

/// In the largest units that it is whole of: `2 years`, `18 months`, `1 month and 3 days`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (months, unit) = if self.months % 12 == 0 { (self.months / 12, "year") } else { (self.months, "month") };
        let told = |count: i32, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        let parts = [(months, unit), (self.days, "day")].into_iter().filter(|(count, _)| *count != 0);
        f.write_str(&parts.map(|(count, unit)| told(count, unit)).collect::<Vec<_>>().join(" and "))
    }
}

/// The program's days, quarters and years.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    fiscal_start: i8,
}

impl Calendar {
    /// A calendar in `zone` whose fiscal year starts on the first of month `fiscal_start` (1 to 12).
    pub fn new(zone: TimeZone, fiscal_start: i8) -> Self {
        Self { zone, fiscal_start }
    }

    /// The day an instant falls on.
    pub fn day(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The first instant of a day. A day that starts in a gap starts after it.
    pub fn start_of(&self, day: Date) -> Timestamp {
        day.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// The first month of the fiscal quarter of `month`.
    pub fn quarter_start(&self, month: Month) -> Month {
        month.plus(-(i32::from(month.number()) - i32::from(self.fiscal_start)).rem_euclid(3))
    }

    /// The first month of the fiscal year of `month`.
    pub fn year_start(&self, month: Month) -> Month {
        month.plus(-(i32::from(month.number()) - i32::from(self.fiscal_start)).rem_euclid(12))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn instants_are_strict() {
        let good = [
            "2026-03-14T09:30:00Z",
            "2026-03-14T09:30:00.5+08:00",
            "2024-02-29T00:00:00-05:30",
            "2026-03-14t09:30:00z",
            "2026-03-14T09:30:00+23:59",
        ];
        for good in good {
            assert!(parse_instant(good).is_some(), "{good}");
        }
        let bad = [
            "2026-03-14T09:30:00",
            "2026-03-14T24:00:00Z",
            "2026-03-14",
            "2026-02-29T00:00:00Z",
            "2026-03-14T09:30:60Z",
            "2026-03-14 09:30:00Z",
            "2026-03-14T09:30:00.Z",
            "2026-03-14T09:30:00Z[UTC]",
            "+002026-03-14T09:30:00Z",
            "２026-03-14T09:30:00Z",
            "2026-03-14T09:30:00+24:00",
            "2026-03-14T09:30:00-23:60",
        ];
        for text in bad {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn one_instant_whatever_its_offset() {
        assert_eq!(parse_instant("2026-03-14T09:30:00+00:00"), parse_instant("2026-03-14T17:30:00+08:00"));
    }

    #[test]
    fn months_carry_over_years() {
        let march = Month::of(date(2026, 3, 31));
        assert_eq!(march.plus(-3).to_string(), "2025-12");
        assert_eq!(march.plus(24).to_string(), "2028-03");
    }

    #[test]
    fn a_fiscal_year_may_start_in_april() {
        let calendar = Calendar::new(TimeZone::UTC, 4);
        assert_eq!(calendar.year_start(Month::of(date(2026, 3, 1))).to_string(), "2025-04");
    }

    #[test]
    fn days_are_the_programs() {
        let singapore = Calendar::new(TimeZone::get("Asia/Singapore").expect("zone"), 1);
        let late = parse_instant("2026-03-31T18:00:00Z").expect("instant");
        assert_eq!(singapore.day(late), date(2026, 4, 1));
    }

    #[test]
    fn lengths_clip_to_the_month() {
        let month = Length::parse("1 month").expect("length");
        assert_eq!(month.after(date(2024, 1, 31)), date(2024, 2, 29));
        assert_eq!(month.before(date(2024, 3, 31)), date(2024, 2, 29));
        let quarters = Length::parse("2 quarters").expect("length");
        assert_eq!((quarters.months, quarters.after(date(2024, 1, 31))), (6, date(2024, 7, 31)));
        assert_eq!(Length::parse("1 year").expect("length").after(date(2024, 2, 29)), date(2025, 2, 28));
        for bad in ["30", "days", "0 days", "-1 days", "1.5 years", "1 fortnight", "1000 days"] {
            assert_eq!(Length::parse(bad), None, "{bad}");
        }
    }
}
