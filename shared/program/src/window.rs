//! The window a criterion looks back over, in the vendor's words.

use event::time::{Calendar, Length, Month};

/// Longest window a criterion may look back over, in months: measures are kept that long.
pub(crate) const WINDOW_MONTHS_MAX: i32 = 36;

/// The months a criterion looks at. Whole months: a window covers at least the time that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// This many calendar months, and the one that is not over yet.
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

    /// The first month looked at, if the last is `month`; `whole` if that one is over, as it is for a review.
    pub fn first_month(self, month: Month, whole: bool, calendar: &Calendar) -> Month {
        match self {
            Within::Rolling(months) => month.plus(i32::from(whole) - months),
            Within::FiscalYear => calendar.year_start(month),
            Within::FiscalQuarter => calendar.quarter_start(month),
        }
    }

    /// Months it names; what is not over yet may be one more.
    pub fn months(self) -> i32 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stay_within_what_is_kept() {
        assert_eq!(Within::parse("3 years"), Ok(Within::Rolling(36)));
        assert!(Within::parse("37 months").is_err());
        assert!(Within::parse("30 days").is_err());
    }

    #[test]
    fn a_window_reads_as_it_is_told() {
        let told = |words: &str| Within::parse(words).map(Within::words);
        for words in ["1 month", "6 months", "1 year", "18 months", "2 years", "3 years"] {
            assert_eq!(told(words).as_deref(), Ok(words));
        }
        assert_eq!(told("12 months").as_deref(), Ok("1 year"));
        assert_eq!(told("fiscal year").as_deref(), Ok("the fiscal year"));
        assert_eq!(told("fiscal quarter").as_deref(), Ok("the fiscal quarter"));
    }
}
