//! What a commission pays (M01-M07): a rate of a base, rounded to the smallest unit once.

use event::Kind;
use event::money::{at_rate, minor_units, parse_currency};
use litemap::LiteMap;
use program::{Base, Commission, Program, Rate};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::seen::{Seen, Value};
use crate::deal::in_proportion;
use crate::ledger::{Asset, FoldError};

/// Months of a contract that says nothing of its length.
const TENOR_MONTHS: u32 = 12;

/// A rate as a fraction, so that nothing is lost before it is rounded.
struct Fraction {
    of: Decimal,
    in_all: Decimal,
}

/// The asset that a commission pays, and how much of it, whatever its caps; `factor` is what its multipliers come to.
///
/// # Errors
/// [`FoldError::Overflow`].
pub(super) fn pays(
    program: &Program,
    commission: &Commission,
    seen: &Seen<'_>,
    factor: Decimal,
) -> Result<(Asset, i64), FoldError> {
    let policy = &program.policy.commissions;
    // Of a deal without a value nothing is paid, in no currency that anybody has said.
    let own = parse_currency(&program.currency).map(|currency| currency.code()).unwrap_or_default();
    let Some(value) = &seen.value else { return Ok((Asset::Money(own), 0)) };
    let rate = rate(&commission.rate, seen);
    let rate = Fraction { of: rate.of.checked_mul(factor).ok_or(FoldError::Overflow)?, ..rate };
    let above = policy.at_most.filter(|most| rate.of > most.saturating_mul(rate.in_all));
    let rate = above.map_or(rate, |most| Fraction { of: most, in_all: Decimal::ONE });
    let base = base(&commission.base, value, seen.kind);
    let (currency, base) = if policy.in_deals_currency {
        (value.currency, base)
    } else {
        (own, base.checked_mul(value.rate).ok_or(FoldError::Overflow)?)
    };
    let exact = in_proportion(base, rate.of, rate.in_all);
    let least = commission.at_least.filter(|_| !exact.is_zero()).unwrap_or(Decimal::ZERO);
    let paid = minor_units(exact.max(least), currency).ok_or(FoldError::Overflow)?;
    Ok((Asset::Money(currency), paid))
}

fn base(base: &Base, value: &Value, kind: &Kind) -> Decimal {
    let Kind::DealClosed { lines, acv, .. } = kind else { return Decimal::ZERO };
    match base {
        Base::FirstYear => value.acv,
        Base::Total => value.total,
        Base::Lines(wanted) => {
            let of_kind = lines.iter().filter(|line| line.revenue_type.as_str() == wanted);
            let sum = of_kind.fold(Decimal::ZERO, |sum, line| sum.saturating_add(line.amount.amount()));
            let closed = acv.map_or(Decimal::ZERO, |acv| acv.amount());
            let scaled = in_proportion(sum, value.acv, closed);
            let total = kind.total_value().unwrap_or_default();
            if closed.is_zero() { in_proportion(sum, value.total, total) } else { scaled }
        }
    }
}

fn rate(rate: &Rate, seen: &Seen<'_>) -> Fraction {
    let plain = |rate| Fraction { of: rate, in_all: Decimal::ONE };
    match rate {
        Rate::Fixed(rate) => plain(*rate),
        Rate::Bands { by, bands } => {
            let amount = seen.number(by);
            let band = amount.and_then(|amount| bands.iter().rev().find(|(from, _)| *from <= amount));
            plain(band.map_or(Decimal::ZERO, |(_, rate)| *rate))
        }
        Rate::Slices { by, slices } => {
            let Some(amount) = seen.number(by).filter(|amount| !amount.is_zero()) else { return plain(Decimal::ZERO) };
            let ends = slices.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
            let parts = slices.iter().zip(ends).map(|((from, rate), end)| {
                let end = end.map_or(amount, |end| end.min(amount));
                (end - *from).max(Decimal::ZERO).saturating_mul(*rate)
            });
            Fraction { of: parts.fold(Decimal::ZERO, |sum, part| sum.saturating_add(part)), in_all: amount }
        }
        Rate::Table { by, table } => {
            let row = table.iter().find(|(value, _)| seen.is(by, value));
            plain(row.map_or(Decimal::ZERO, |(_, rate)| *rate))
        }
    }
}

/// What the length of the contract multiplies by, with its name (M02); none where it is one.
pub(super) fn tenor(commission: &Commission, seen: &Seen<'_>) -> Option<(String, Decimal)> {
    let months = seen.number("tenor_months").unwrap_or(TENOR_MONTHS.into());
    let (_, by) = commission.tenor.iter().rev().find(|(least, _)| Decimal::from(*least) <= months)?;
    (*by != Decimal::ONE).then(|| (format!("tenor {} months", months.normalize()), *by))
}

/// What a deal was worth when it closed, as it was said last, and what is left of that.
pub(crate) struct Corrected {
    pub(crate) closed: Value,
    pub(crate) said: Value,
    pub(crate) left: Value,
}

/// What a commission is worth after corrections, whatever its caps. What is amended or reversed is paid at the rate at which the deal
/// was paid, or rated again, as the program says for each.
///
/// # Errors
/// [`FoldError::Overflow`].
pub(crate) fn pays_again(
    program: &Program,
    commission: &Commission,
    kind: &Kind,
    corrected: Corrected,
    factor: Decimal,
) -> Result<i64, FoldError> {
    let policy = &program.policy.commissions;
    let at = |value: &Value| {
        let day = jiff::civil::Date::MIN;
        let seen = Seen { kind, amounts: value.amounts(), value: Some(value.clone()), person: None, booked: day, day };
        pays(program, commission, &seen, factor)
    };
    let Corrected { closed, said, left } = corrected;
    let is_amended = said != closed;
    let (_, paid) = if is_amended && policy.amended_again { at(&said)? } else { at(&closed)? };
    let paid = if is_amended && !policy.amended_again { share(paid, &said, &closed)? } else { paid };
    match left == said {
        true => Ok(paid),
        false if policy.reversed_again => Ok(at(&left)?.1),
        false => share(paid, &left, &said),
    }
}

/// A commission in proportion to how the deal's value changed.
fn share(paid: i64, now: &Value, before: &Value) -> Result<i64, FoldError> {
    let (now, before) = if before.acv.is_zero() { (now.total, before.total) } else { (now.acv, before.acv) };
    let scaled = in_proportion(Decimal::from(paid), now, before);
    scaled.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().ok_or(FoldError::Overflow)
}

impl Value {
    /// What rules see of it, in the program's currency.
    pub(crate) fn amounts(&self) -> LiteMap<&'static str, Decimal> {
        LiteMap::from_iter([("acv", at_rate(self.acv, self.rate)), ("total_value", at_rate(self.total, self.rate))])
    }
}

/// The terms of a commission for a deal, in words: `7% of 100000.00 USD first-year value`. `None` where nothing is paid.
pub(crate) fn terms(program: &Program, commission: &Commission, kind: &Kind, factor: Decimal) -> Option<String> {
    let value = Value::of(kind, |currency| program.rate(currency))?;
    let seen = Seen {
        kind,
        amounts: value.amounts(),
        value: None,
        person: None,
        booked: jiff::civil::Date::MIN,
        day: jiff::civil::Date::MIN,
    };
    let Fraction { of, in_all } = rate(&commission.rate, &seen);
    let percent = |rate: Decimal| {
        let percent = rate.checked_mul(Decimal::ONE_HUNDRED)?;
        Some(percent.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize())
    };
    let what = base(&commission.base, &value, kind);
    let (rate, words) = (of.checked_div(in_all)?, commission.base.words());
    let cut = program.policy.commissions.at_most.filter(|most| rate.saturating_mul(factor) > *most);
    let cut = cut.and_then(percent).map(|most| format!(", cut to {most}% as the program's most")).unwrap_or_default();
    Some(format!("{}% of {what} {} {words}{cut}", percent(rate)?, value.currency))
}
