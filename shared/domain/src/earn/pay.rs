//! What a commission pays (M01-M07, M10): a rate of a base, rounded to the smallest unit once.

use std::fmt::Write;

use event::Gather;
use event::PartnerFacts;
use event::catalogue::TOTAL_VALUE;
use event::money::{at_rate, minor_units, parse_currency};
use event::{Influence, Kind, TENOR_MONTHS};
use jiff::Timestamp;
use litemap::LiteMap;
use program::{Base, Commission, Program, Rate, Rule, WHOLE};
use rust_decimal::{Decimal, RoundingStrategy};

use super::conditions::holds;
use super::seen::{Seen, Value};
use crate::deal::in_proportion;
use crate::ledger::{Asset, FoldError};

/// A rate as a fraction, so that nothing is lost before it is rounded.
struct Fraction {
    of: Decimal,
    in_all: Decimal,
}

/// What a commission comes to, exactly, before its floor: in its asset, with the value that the program lets it have at most.
struct Exact {
    asset: Asset,
    paid: Decimal,
    most: Option<Decimal>,
}

impl Exact {
    /// So much of it as is left of a value.
    fn share(self, now: &Value, before: &Value) -> Self {
        let (now, before) = if before.acv.is_zero() { (now.total, before.total) } else { (now.acv, before.acv) };
        let share = |amount| in_proportion(amount, now, before);
        Self { paid: share(self.paid), most: self.most.map(share), ..self }
    }

    /// In whole minor units, rounded half away from zero once: at least the floor where it is anything, at most what the program lets
    /// it have.
    fn rounded(&self, commission: &Commission) -> Result<(Asset, i64), FoldError> {
        let Asset::Money(currency) = self.asset else { return Ok((self.asset, 0)) };
        let least = commission.at_least.filter(|_| !self.paid.is_zero()).unwrap_or(Decimal::ZERO);
        let paid = self.paid.max(least);
        let paid = self.most.map_or(paid, |most| paid.min(most));
        Ok((self.asset, minor_units(paid, currency).ok_or(FoldError::Overflow)?))
    }
}

/// The asset that a commission pays, and how much of it, whatever its caps; `factor` is what its multipliers come to.
///
/// # Errors
/// [`FoldError::Overflow`].
pub(super) fn pays(
    program: &Program,
    (rule, commission): (&Rule, &Commission),
    seen: &Seen<'_>,
    factor: Decimal,
) -> Result<(Asset, i64), FoldError> {
    let paid_in = seen.sold.as_ref().and_then(|sold| sold.paid_in.get(&rule.id).copied());
    exactly(program, commission, seen, (factor, paid_in))?.rounded(commission)
}

fn exactly(
    program: &Program,
    commission: &Commission,
    seen: &Seen<'_>,
    (factor, paid_in): (Decimal, Option<&'static str>),
) -> Result<Exact, FoldError> {
    let policy = &program.policy.commissions;
    // Of a deal without a value nothing is paid, in no currency that anybody has said.
    let own = parse_currency(&program.currency).map(|currency| currency.code()).unwrap_or_default();
    let Some(value) = &seen.value else {
        return Ok(Exact { asset: Asset::Money(own), paid: Decimal::ZERO, most: None });
    };
    let rate = rate(&commission.rate, seen);
    let rate = Fraction { of: rate.of.checked_mul(factor).ok_or(FoldError::Overflow)?, ..rate };
    let above = policy.at_most.filter(|most| rate.of > most.saturating_mul(rate.in_all));
    let rate = above.map_or(rate, |most| Fraction { of: most, in_all: Decimal::ONE });
    let base = base(&commission.base, value, seen.kind);
    let in_its_own = paid_in.map_or(policy.in_deals_currency, |paid_in| paid_in != own);
    let (currency, base) = if in_its_own {
        (value.currency, base)
    } else {
        (own, base.checked_mul(value.rate).ok_or(FoldError::Overflow)?)
    };
    let of_share = |amount| in_proportion(amount, seen.share.into(), WHOLE.into());
    let most = policy.at_most.map(|most| of_share(base.saturating_mul(most)));
    Ok(Exact { asset: Asset::Money(currency), paid: of_share(in_proportion(base, rate.of, rate.in_all)), most })
}

/// An amount that a rate looks at, in the program's currency to the last digit; what says nothing of its length is a year.
fn looked_at(by: &str, seen: &Seen<'_>) -> Option<Decimal> {
    let of_value = |amount: fn(&Value) -> Decimal| {
        let value = seen.value.as_ref()?;
        amount(value).checked_mul(value.rate)
    };
    match by {
        "acv" | "amount" => of_value(|value| value.acv),
        TOTAL_VALUE => of_value(|value| value.total),
        "tenor_months" => Some(seen.number(by).unwrap_or(TENOR_MONTHS.into())),
        _ => seen.number(by),
    }
}

fn base(base: &Base, value: &Value, kind: &Kind) -> Decimal {
    let no_lines = (&Vec::new(), &None);
    let (lines, acv) = if let Kind::DealClosed { lines, acv, .. } = kind { (lines, acv) } else { no_lines };
    match base {
        Base::FirstYear | Base::Invoiced => value.acv,
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
            let amount = looked_at(by, seen);
            let band = amount.and_then(|amount| bands.iter().rev().find(|(from, _)| *from <= amount));
            plain(band.map_or(Decimal::ZERO, |(_, rate)| *rate))
        }
        Rate::Slices { by, slices } => {
            let Some(amount) = looked_at(by, seen).filter(|amount| !amount.is_zero()) else {
                return plain(Decimal::ZERO);
            };
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

/// What a deal was worth when it closed, as it was said last, and what is left of that; and the partner's part in it.
pub(crate) struct Corrected<'a> {
    /// The partner's share in it, in basis points.
    pub(crate) share: u32,
    /// In which way it influenced the deal; none where it is its own.
    pub(crate) influence: Option<Influence>,
    /// What was stated of the partner when it was decided whether it is paid.
    pub(crate) facts: &'a PartnerFacts,
    pub(crate) closed: Value,
    pub(crate) said: Value,
    pub(crate) left: Value,
}

/// What a commission is worth after corrections, whatever its caps. What is amended or reversed is paid at the rate at which the deal
/// was paid, or rated again, conditions on its value among that, as the program says for each.
///
/// # Errors
/// [`FoldError::Overflow`].
pub(crate) fn pays_again(
    program: &Program,
    (rule, commission): (&Rule, &Commission),
    kind: &Kind,
    corrected: Corrected<'_>,
    factor: Decimal,
) -> Result<i64, FoldError> {
    let policy = &program.policy.commissions;
    let Corrected { share, influence, facts, closed, said, left } = corrected;
    let at = |value: &Value| {
        let seen = Seen { share, influence, ..of_value((kind, facts), value) };
        let exact = exactly(program, commission, &seen, (factor, None))?;
        let paid =
            if rule.conditions.iter().all(|condition| holds(condition, &seen)) { exact.paid } else { Decimal::ZERO };
        Ok::<_, FoldError>(Exact { paid, ..exact })
    };
    let nothing = |value: &Value| value.acv.is_zero() && value.total.is_zero();
    // Of a deal that closed without a value there is no rate that was paid.
    let exact = if said == closed || !policy.amended_again && !nothing(&closed) {
        at(&closed)?.share(&said, &closed)
    } else {
        at(&said)?
    };
    let exact = if left == said || !policy.reversed_again { exact.share(&left, &said) } else { at(&left)? };
    Ok(exact.rounded(commission)?.1)
}

/// What rules see of a deal's closing at a value.
fn of_value<'k>((kind, facts): (&'k Kind, &'k PartnerFacts), value: &Value) -> Seen<'k> {
    let day = jiff::civil::Date::MIN;
    Seen {
        kind,
        amounts: value.amounts(),
        value: Some(value.clone()),
        share: WHOLE,
        influence: None,
        sold: None,
        facts,
        person: None,
        at: Timestamp::UNIX_EPOCH,
        booked: day,
        day,
    }
}

impl Value {
    /// What rules see of it, in the program's currency.
    pub(crate) fn amounts(&self) -> LiteMap<&'static str, Decimal> {
        [("acv", at_rate(self.acv, self.rate)), (TOTAL_VALUE, at_rate(self.total, self.rate))].into_iter().gather()
    }
}

/// The terms of a commission for a share in a deal, in words, before and after what multiplies it: `7% of 100000.00 USD first-year value`, and
/// `, cut to 8% as the program's most`, `, at least 50.00 USD`, `, at 1.08 USD for 1 EUR`. `None` where the deal has no value.
pub(crate) fn terms(
    program: &Program,
    commission: &Commission,
    (kind, facts): (&Kind, &PartnerFacts),
    (factor, share): (Decimal, u32),
) -> Option<(String, String)> {
    let value = Value::of(kind, |currency| program.rate(currency))?;
    let seen = Seen { share, ..of_value((kind, facts), &value) };
    let Fraction { of, in_all } = rate(&commission.rate, &seen);
    let percent = |rate: Decimal| {
        let percent = rate.checked_mul(Decimal::ONE_HUNDRED)?;
        Some(percent.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize())
    };
    let what = base(&commission.base, &value, kind);
    let (rate, words) = (of.checked_div(in_all)?, commission.base.words());
    let policy = &program.policy.commissions;
    let mut after = String::new();
    if let Some(most) = policy.at_most.filter(|most| rate.saturating_mul(factor) > *most) {
        let _ = write!(after, ", cut to {}% as the program's most", percent(most)?);
    }
    let exact = exactly(program, commission, &seen, (factor, None)).ok()?;
    if let Some(least) = commission.at_least.filter(|least| !exact.paid.is_zero() && exact.paid < *least) {
        let _ = write!(after, ", at least {least} {}", program.currency);
        if let Some(most) = policy.at_most.filter(|_| exact.most.is_some_and(|most| most < least)) {
            let _ = write!(after, ", and at most {}% as the program's most", percent(most)?);
        }
    }
    if !policy.in_deals_currency && value.currency != program.currency {
        let _ = write!(after, ", at {} {} for 1 {}", value.rate.normalize(), program.currency, value.currency);
    }
    Some((format!("{}% of {what} {} {words}", percent(rate)?, value.currency), after))
}
