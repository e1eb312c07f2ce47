//! The vendor's phrases: durations, caps, windows, conditions.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{Comparison, Test};
use crate::money::parse_decimal;
use crate::time::{Calendar, Every, Length, Month};

/// Longest window a criterion may look back over, in months: measures are kept that long.
pub(super) const WINDOW_MONTHS_MAX: i32 = 36;

/// How often a rule or reward may count: `"20 per partner per month"`, `"50 points per partner per month"`,
/// `"1 per person per content per week"`, `"once per person per course"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The phrase, as it stands in the file.
    pub words: String,
    /// The limit, above zero.
    pub limit: i64,
    /// Whether the limit counts points (else times).
    pub points: bool,
    /// Whose count it is.
    pub scope: Scope,
    /// The `data` field that splits the count, such as `course_id`.
    pub field: Option<String>,
    /// When it starts anew.
    pub every: Every,
}

/// Whose count a cap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The partner's.
    Partner,
    /// One person's at the partner.
    Person,
    /// One team's at the partner (the event's `team`).
    Team,
}

impl Cap {
    /// Reads a phrase.
    ///
    /// # Errors
    /// A sentence that says what form a cap has.
    pub fn parse(words: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{words}` is not a cap; write \"20 per partner per month\", \"50 points per partner per month\" or \"once per person per course\""
            )
        };
        let mut parts = words.split(" per ");
        let (limit, points) = match parts.next().map(|head| head.split(' ').collect::<Vec<_>>()).as_deref() {
            Some(["once"]) => (1, false),
            Some(["twice"]) => (2, false),
            Some([n]) => (n.parse().map_err(|_| bad())?, false),
            Some([n, "points" | "point"]) => (n.parse().map_err(|_| bad())?, true),
            _ => return Err(bad()),
        };
        let scope = match parts.next() {
            Some("partner") => Scope::Partner,
            Some("person") => Scope::Person,
            Some("team") => Scope::Team,
            _ => return Err(bad()),
        };
        let (mut field, mut every) = (None, Every::Ever);
        for part in parts {
            match (every_word(part), &field, every) {
                (Some(word), _, Every::Ever) => every = word,
                (None, None, Every::Ever) => field = Some(field_word(part).ok_or_else(bad)?),
                _ => return Err(bad()),
            }
        }
        if limit < 1 {
            return Err(bad());
        }
        if scope == Scope::Partner && field.is_none() && every == Every::Ever {
            return Err(format!(
                "`{words}` never starts anew and is not split by anything; say per what, as in \"{words} per year\""
            ));
        }
        Ok(Self { words: words.to_owned(), limit, points, scope, field, every })
    }
}

fn every_word(word: &str) -> Option<Every> {
    Some(match word {
        "day" => Every::Day,
        "week" => Every::Week,
        "month" => Every::Month,
        "quarter" => Every::Quarter,
        "year" => Every::Year,
        _ => return None,
    })
}

fn field_word(word: &str) -> Option<String> {
    let known = ["content", "course", "deal", "project", "certification", "reward", "opportunity", "invoice"];
    known.contains(&word).then(|| format!("{word}_id"))
}

/// The months a criterion looks at, ending with the month of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// This many calendar months, the current one included.
    Rolling(i32),
    /// From the start of the fiscal year.
    FiscalYear,
    /// From the start of the fiscal quarter.
    FiscalQuarter,
}

impl Within {
    /// Reads `"1 year"`, `"6 months"`, `"fiscal year"` or `"fiscal quarter"`.
    ///
    /// # Errors
    /// A sentence that says what form a window has.
    pub fn parse(words: &str) -> Result<Self, String> {
        match (words, Length::parse(words)) {
            ("fiscal year", _) => Ok(Within::FiscalYear),
            ("fiscal quarter", _) => Ok(Within::FiscalQuarter),
            (_, Some(Length { months, days: 0 })) if (1..=WINDOW_MONTHS_MAX).contains(&months) => {
                Ok(Within::Rolling(months))
            }
            _ => Err(format!(
                "`{words}` is not a window; write \"1 year\", \"2 quarters\", \"fiscal year\" or \"fiscal quarter\", at most {WINDOW_MONTHS_MAX} months"
            )),
        }
    }

    /// The first month looked at, if the last is `month`.
    pub fn first_month(self, month: Month, calendar: &Calendar) -> Month {
        match self {
            Within::Rolling(months) => month.plus(1 - months),
            Within::FiscalYear => calendar.year_start(month),
            Within::FiscalQuarter => calendar.quarter_start(month),
        }
    }

    /// Months it can span at the most.
    pub fn months_max(self) -> i32 {
        match self {
            Within::Rolling(months) => months,
            Within::FiscalYear => 12,
            Within::FiscalQuarter => 3,
        }
    }

    /// The window in words.
    pub fn words(self) -> String {
        match self {
            Within::Rolling(months) if months % 12 == 0 && months > 12 => format!("{} years", months / 12),
            Within::Rolling(12) => "1 year".to_owned(),
            Within::Rolling(1) => "1 month".to_owned(),
            Within::Rolling(months) => format!("{months} months"),
            Within::FiscalYear => "the fiscal year".to_owned(),
            Within::FiscalQuarter => "the fiscal quarter".to_owned(),
        }
    }
}

impl Test {
    /// Reads a condition: `"won"`, `"!= lost"`, `">= 30"`, `"one of a, b"`.
    ///
    /// # Errors
    /// A sentence when a comparison has no number.
    pub fn parse(words: &str) -> Result<Self, String> {
        let number = |text: &str| parse_decimal(text.trim()).map_err(|e| e.to_string());
        let comparisons = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::MoreThan),
            ("<", Comparison::LessThan),
        ];
        for (sign, comparison) in comparisons {
            if let Some(rest) = words.strip_prefix(sign) {
                return Ok(Test::Compare(comparison, number(rest)?));
            }
        }
        if let Some(rest) = words.strip_prefix("!=") {
            return Ok(Test::IsNot(rest.trim().to_owned()));
        }
        if let Some(rest) = words.strip_prefix("one of ") {
            return Ok(Test::OneOf(rest.split(',').map(|w| w.trim().to_owned()).collect()));
        }
        Ok(Test::Is(words.to_owned()))
    }
}

impl Comparison {
    /// Whether `seen` compares to `wanted` as asked.
    pub fn holds(self, seen: Decimal, wanted: Decimal) -> bool {
        match self {
            Comparison::AtLeast => seen >= wanted,
            Comparison::MoreThan => seen > wanted,
            Comparison::AtMost => seen <= wanted,
            Comparison::LessThan => seen < wanted,
        }
    }
}

/// A date in a program file: `"2026-10-01"`.
pub(super) fn parse_date(words: &str) -> Result<Date, String> {
    words.parse().map_err(|_| format!("`{words}` is not a date; write \"2026-10-01\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_in_the_vendors_words() {
        let cap = Cap::parse("50 points per partner per month").expect("cap");
        assert_eq!((cap.limit, cap.points, cap.scope, cap.every), (50, true, Scope::Partner, Every::Month));
        let cap = Cap::parse("1 per person per content per week").expect("cap");
        assert_eq!((cap.field.as_deref(), cap.every), (Some("content_id"), Every::Week));
        let cap = Cap::parse("once per person per course").expect("cap");
        assert_eq!((cap.limit, cap.field.as_deref(), cap.every), (1, Some("course_id"), Every::Ever));
        for bad in [
            "20",
            "20 per month",
            "0 per partner per month",
            "-1 per partner per month",
            "1 per person per moon",
            "1 per partner",
            "2.5 per partner per day",
        ] {
            assert!(Cap::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_stay_within_what_is_kept() {
        assert_eq!(Within::parse("3 years"), Ok(Within::Rolling(36)));
        assert!(Within::parse("37 months").is_err());
        assert!(Within::parse("30 days").is_err());
    }

    #[test]
    fn conditions_read_as_written() {
        assert_eq!(Test::parse(">= 30"), Ok(Test::Compare(Comparison::AtLeast, Decimal::new(30, 0))));
        assert_eq!(Test::parse("won"), Ok(Test::Is("won".into())));
        assert_eq!(Test::parse("one of a, b"), Ok(Test::OneOf(vec!["a".into(), "b".into()])));
        assert!(Test::parse(">= many").is_err());
    }
}
