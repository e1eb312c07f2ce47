//! Money: a decimal amount and an ISO 4217 currency, never a float.

use std::fmt;
use std::str::FromStr;

use iso_currency::Currency;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Most digits before the decimal point: amounts stay below 10^15 of any currency.
pub const WHOLE_DIGITS_MAX: usize = 15;
/// Most decimals of an amount or a rate.
const DECIMALS_MAX: usize = 12;

/// Highest rate between two currencies, so that converted sums always fit.
pub const RATE_MAX: i64 = 1_000_000_000;

/// Why a text is no amount or currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one point.
    #[error("`{0}` is not an amount; write digits with a point, as in \"48000.00\"")]
    Amount(String),
    /// More digits than Laurel counts with.
    #[error("has more than {WHOLE_DIGITS_MAX} digits before the point")]
    TooLarge,
    /// More decimals than Laurel counts with, in any currency.
    #[error("has more than {DECIMALS_MAX} decimals")]
    TooFine,
    /// Not a current ISO 4217 code in capitals.
    #[error("`{0}` is not a currency; write an ISO 4217 code in capitals, as in \"USD\"")]
    Currency(String),
    /// More decimals than the currency has.
    #[error("`{amount}` has more decimals than {currency} has ({decimals})")]
    Decimals {
        /// The amount as it came.
        amount: String,
        /// The currency.
        currency: String,
        /// How many decimals the currency has.
        decimals: u16,
    },
}

/// An amount in one currency. Not negative; at most as many decimals as the currency has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// Money as it stands in JSON: both parts are strings.
#[derive(Serialize, Deserialize)]
struct Written {
    amount: String,
    currency: String,
}

impl Money {
    /// Reads an amount and a currency.
    ///
    /// # Errors
    /// [`MoneyError::Amount`], [`MoneyError::TooLarge`], [`MoneyError::TooFine`], [`MoneyError::Currency`], [`MoneyError::Decimals`].
    pub fn parse(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        let code = parse_currency(currency)?;
        let value = parse_decimal(amount)?;
        let decimals = code.exponent().unwrap_or(0);
        if value.scale() > u32::from(decimals) {
            return Err(MoneyError::Decimals { amount: amount.into(), currency: currency.into(), decimals });
        }
        Ok(Self { amount: value, currency: code })
    }

    /// The amount, in units of the currency.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// So many minor units of a currency, as cents of dollars.
    ///
    /// # Errors
    /// As [`Money::parse`]: below zero, more than an amount can say ([`Money::minor_units_max`]), no currency.
    pub fn of_minor_units(units: i64, currency: &str) -> Result<Self, MoneyError> {
        Self::parse(&of_minor_units(units, currency).to_string(), currency)
    }

    /// Most minor units of a currency that an amount can say.
    pub fn minor_units_max(currency: &str) -> i64 {
        let whole = 10_i64.pow(u32::try_from(WHOLE_DIGITS_MAX).unwrap_or(15));
        whole.checked_mul(10_i64.pow(decimals(currency))).map_or(i64::MAX, |units| units - 1)
    }

    /// The amount in the currency's minor units, as cents of dollars. `None` where that does not fit 64 bits.
    pub fn minor_units(self) -> Option<i64> {
        minor_units(self.amount, self.currency())
    }

    /// The ISO 4217 code.
    pub fn currency(self) -> &'static str {
        self.currency.code()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency.code())
    }
}

impl TryFrom<Written> for Money {
    type Error = MoneyError;
    fn try_from(written: Written) -> Result<Self, MoneyError> {
        Self::parse(&written.amount, &written.currency)
    }
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self { amount: money.amount.to_string(), currency: money.currency.code().to_owned() }
    }
}

/// `amount` at `rate` units of another currency for one of its own, rounded half away from zero to two decimals.
/// Saturates; with amounts and rates within their limits it never does.
pub fn at_rate(amount: Decimal, rate: Decimal) -> Decimal {
    amount.saturating_mul(rate).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// How many decimals a currency has; 0 for what is none.
pub fn decimals(currency: &str) -> u32 {
    Currency::from_code(currency).and_then(Currency::exponent).unwrap_or(0).into()
}

/// An amount of a currency in its minor units, rounded half away from zero once. `None` where that does not fit 64 bits.
pub fn minor_units(amount: Decimal, currency: &str) -> Option<i64> {
    let decimals = decimals(currency);
    let rounded = amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    rounded.checked_mul(Decimal::from(10_i64.pow(decimals)))?.to_i64()
}

/// So many minor units of a currency as its amount, with all of its decimals: 525000 of USD are 5250.00.
pub fn of_minor_units(units: i64, currency: &str) -> Decimal {
    Decimal::new(units, decimals(currency))
}

/// An ISO 4217 code in capitals.
///
/// # Errors
/// [`MoneyError::Currency`].
pub fn parse_currency(code: &str) -> Result<Currency, MoneyError> {
    let known = code.chars().all(|c| c.is_ascii_uppercase()).then(|| Currency::from_code(code)).flatten();
    known.ok_or_else(|| MoneyError::Currency(clip(code)))
}

/// A decimal written in plain digits: no sign, exponent, blank, thousands mark or leading zero.
///
/// # Errors
/// [`MoneyError::Amount`], [`MoneyError::TooLarge`], [`MoneyError::TooFine`].
pub fn parse_decimal(text: &str) -> Result<Decimal, MoneyError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || !digits(fraction) || leading_zero {
        return Err(MoneyError::Amount(clip(text)));
    }
    if whole.len() > WHOLE_DIGITS_MAX {
        return Err(MoneyError::TooLarge);
    }
    if fraction.len() > DECIMALS_MAX {
        return Err(MoneyError::TooFine);
    }
    Decimal::from_str(text).map_err(|_| MoneyError::TooLarge)
}

/// A foreign text short enough for an error message.
fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_the_right_form() {
        for good in ["0", "0.5", "48000.00", "999999999999999.99"] {
            assert!(Money::parse(good, "USD").is_ok(), "{good}");
        }
        assert!(Money::parse("10", "JPY").is_ok());
        assert!(Money::parse("1.234", "KWD").is_ok());
    }

    #[test]
    fn every_bad_amount_is_named() {
        for bad in ["-5", "+5", "12,5", "$100", " 1 ", "１２", "1e400", "NaN", "", ".5", "5.", "1.2.3", "007"] {
            assert!(matches!(Money::parse(bad, "USD"), Err(MoneyError::Amount(_))), "{bad}");
        }
        assert_eq!(Money::parse("1000000000000000", "USD"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse(&"9".repeat(29), "USD"), Err(MoneyError::TooLarge));
    }

    #[test]
    fn every_bad_currency_is_named() {
        for bad in ["usd", "ZZZ", "", "US", "USDX", "ＵＳＤ"] {
            assert!(matches!(Money::parse("1", bad), Err(MoneyError::Currency(_))), "{bad}");
        }
        assert!(matches!(Money::parse("10.50", "JPY"), Err(MoneyError::Decimals { decimals: 0, .. })));
        assert!(matches!(Money::parse("1.005", "USD"), Err(MoneyError::Decimals { decimals: 2, .. })));
    }

    #[test]
    fn a_number_is_no_amount() {
        assert!(serde_json::from_str::<Money>(r#"{"amount":48000.00,"currency":"USD"}"#).is_err());
    }

    #[test]
    fn rates_round_half_away_from_zero() {
        assert_eq!(at_rate(Decimal::new(5, 2), Decimal::new(5, 1)), Decimal::new(3, 2));
    }
}
