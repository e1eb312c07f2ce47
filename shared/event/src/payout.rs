//! The names of payouts: a run pays what partners may have until a day, in each currency apart.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::money::parse_currency;

/// Most runs until one day: after one that was cancelled another may follow.
pub const RUNS_OF_A_DAY_MAX: u8 = 99;

/// A payout run: the day until which it pays, and which run of that day it is. Written as `2026-11-30`, the second as `2026-11-30.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PayoutRun {
    /// The day: what was payable by its end is paid.
    pub until: Date,
    /// 1 for the first run of that day.
    pub number: u8,
}

/// A partner's payout in one currency. Written as `2026-11-30-USD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayoutId {
    /// The run.
    pub run: PayoutRun,
    /// ISO 4217.
    pub currency: &'static str,
}

/// That a text names no payout, or no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no payout; write it as the run's file does: 2026-11-30-USD, its run 2026-11-30")]
pub struct NoPayout(String);

impl fmt::Display for PayoutRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => write!(f, "{}", self.until),
            number => write!(f, "{}.{number}", self.until),
        }
    }
}

impl FromStr for PayoutRun {
    type Err = NoPayout;
    fn from_str(text: &str) -> Result<Self, NoPayout> {
        let (day, number) = text.split_once('.').unwrap_or((text, "1"));
        let day = day.parse().ok().filter(|read: &Date| read.to_string() == day && read.year() >= 2000);
        let number = number.parse().ok().filter(|number| (1..=RUNS_OF_A_DAY_MAX).contains(number));
        let run = day.zip(number).map(|(until, number)| Self { until, number });
        run.filter(|run| run.to_string() == text).ok_or_else(|| NoPayout(text.chars().take(64).collect()))
    }
}

impl From<PayoutRun> for String {
    fn from(run: PayoutRun) -> Self {
        run.to_string()
    }
}

impl TryFrom<String> for PayoutRun {
    type Error = NoPayout;
    fn try_from(text: String) -> Result<Self, NoPayout> {
        text.parse()
    }
}

impl fmt::Display for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.currency)
    }
}

impl FromStr for PayoutId {
    type Err = NoPayout;
    fn from_str(text: &str) -> Result<Self, NoPayout> {
        let parts = text.rsplit_once('-');
        let read = parts.and_then(|(run, currency)| Some((run.parse().ok()?, parse_currency(currency).ok()?.code())));
        let (run, currency) = read.ok_or_else(|| NoPayout(text.chars().take(64).collect()))?;
        Ok(Self { run, currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payouts_read_as_they_are_written() {
        for text in ["2026-11-30-USD", "2026-11-30.2-JPY", "2026-01-01.99-EUR"] {
            assert_eq!(text.parse::<PayoutId>().map(|id| id.to_string()).as_deref(), Ok(text));
        }
        let bad =
            ["", "USD", "2026-11-30", "2026-11-30-usd", "2026-11-30.1-USD", "2026-11-30.0-USD", "2026-11-30.100-USD"];
        for bad in bad.into_iter().chain([
            "2026-11-31-USD",
            "2026-1-3-USD",
            "2026-11-30-USD ",
            "2026-11-30.02-USD",
            "1999-12-31-USD",
        ]) {
            assert!(bad.parse::<PayoutId>().is_err(), "{bad}");
        }
    }
}
