//! Values that many keys share: caps, lengths, points, decimals, dates.

use event::money::parse_decimal;
use event::time::Length;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::Quoted;
use crate::cap::Cap;
use crate::findings::Findings;

/// Most points a rule may give at once: far above any program, far below an overflow.
pub(crate) const POINTS_MAX: i64 = 1_000_000_000;

/// Caps of a rule; `fields` are those of the vendor's own event type that it is on.
pub(crate) fn caps(path: &[&str], words: &[String], fields: &[&str], f: &mut Findings<'_>) -> Vec<Cap> {
    words.iter().filter_map(|w| f.take(path, Cap::parse(w, fields))).collect()
}

pub(crate) fn length(path: &[&str], words: &str, f: &mut Findings<'_>) -> Option<Length> {
    f.take(
        path,
        Length::parse(words)
            .ok_or_else(|| format!("`{words}` is no length; write \"30 days\", \"1 quarter\" or \"2 years\"")),
    )
}

pub(crate) fn whole_points(path: &[&str], points: i64, f: &mut Findings<'_>) -> Option<i64> {
    if (0..=POINTS_MAX).contains(&points) {
        return Some(points);
    }
    f.take(path, Err(format!("points lie between 0 and {POINTS_MAX}")))
}

pub(crate) fn decimal(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    f.take(path, parse_decimal(&quoted.0).map_err(|e| e.to_string()))
}

pub(crate) fn positive(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    let value = decimal(path, quoted, f)?;
    if value > Decimal::ZERO { Some(value) } else { f.take(path, Err("must be above zero".to_owned())) }
}

/// A rate in percent: `"7%"`, `"12.5%"`; above zero, at most a hundred.
pub(crate) fn rate(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    let percent = quoted.0.strip_suffix('%').and_then(|number| parse_decimal(number.trim_end()).ok());
    let fits = percent.filter(|percent| *percent > Decimal::ZERO && *percent <= Decimal::ONE_HUNDRED);
    let rate = fits.and_then(|percent| percent.checked_div(Decimal::ONE_HUNDRED));
    f.take(path, rate.ok_or_else(|| format!("`{}` is no rate; write \"7%\" or \"12.5%\", at most \"100%\"", quoted.0)))
}

/// Most that a multiplier multiplies by: more is a slip of the hand, and several of them together stay far below an overflow.
pub(crate) const FACTOR_MAX: i64 = 1_000;

pub(crate) fn multiplier(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    let by = positive(path, quoted, f)?;
    if by <= Decimal::from(FACTOR_MAX) {
        return Some(by);
    }
    f.take(path, Err(format!("multiplies by {by}; a multiplier is at most {FACTOR_MAX}")))
}

/// A date in a program file: `"2026-10-01"`.
pub(crate) fn parse_date(words: &str) -> Result<Date, String> {
    words.parse().map_err(|_| format!("`{words}` is not a date; write \"2026-10-01\""))
}
