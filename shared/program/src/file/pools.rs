//! From the words of `[budget.*]` and `[benefit.*]` to what partners draw on together.

use event::ids::Name;
use event::money::parse_currency;
use event::period::Every;
use rust_decimal::Decimal;

use super::rewards::{Ladders, gates};
use super::rules::Around;
use super::values::rate;
use super::{BenefitTable, BudgetTable};
use crate::findings::{Code, Findings};
use crate::pool::{Benefit, Budget, PARTS_MAX};

/// Most slots of a benefit in one period.
const SLOTS_MAX: i64 = 1_000_000;

/// How often it begins anew: each year, quarter or month, or never.
fn every(path: &[&str], per: Option<&str>, f: &mut Findings<'_>) -> Option<Every> {
    let Some(per) = per else { return Some(Every::Ever) };
    let known = [Every::Year, Every::Quarter, Every::Month];
    let every = known.into_iter().find(|every| every.word() == per);
    f.take(path, every.ok_or_else(|| "write \"year\", \"quarter\" or \"month\", or leave it out".to_owned()))
}

pub(crate) fn budget(id: &Name, table: &BudgetTable, around: &Around<'_>, f: &mut Findings<'_>) -> Option<Budget> {
    let at = |key| ["budget", id.as_str(), key];
    let own = parse_currency(around.currency).ok().map(|currency| currency.code());
    let currency = match table.of.as_str() {
        "points" => Some(None),
        of if Some(of) == own => Some(own),
        of => {
            let message = format!("a budget is of points, or of money in the program's currency, not of `{of}`");
            let help = format!("write \"points\" or \"{}\"", around.currency);
            f.error(Code::BadValue, &at("of"), message, Some(help));
            None
        }
    };
    if currency.is_some_and(|currency| currency.is_some()) && around.in_deals_currency {
        let message = "commissions are paid in the currency of each deal, and a budget is in one";
        let help = "let policy.commissions.currency be \"of the program\"".to_owned();
        f.error(Code::BadCurrency, &at("of"), message, Some(help));
    }
    let all_or_nothing = match table.when_short.as_str() {
        "give what is left" => Ok(false),
        "give nothing" => Ok(true),
        _ => Err("write \"give what is left\" or \"give nothing\"".to_owned()),
    };
    let late_returns_to_current = match table.returned.as_str() {
        "to its own period" => Ok(false),
        "to the current period" => Ok(true),
        _ => Err("write \"to its own period\" or \"to the current period\"".to_owned()),
    };
    let all_or_nothing = f.take(&at("when_short"), all_or_nothing);
    let late_returns_to_current = f.take(&at("returned"), late_returns_to_current);
    let low = if table.low.0 == "0%" { Some(Decimal::ZERO) } else { rate(&at("low"), &table.low, f) };
    let parts = u8::try_from(table.parts).ok().filter(|parts| (1..=PARTS_MAX).contains(parts));
    let parts = f.take(&at("parts"), parts.ok_or_else(|| format!("a budget is held in 1 to {PARTS_MAX} sub-balances")));
    Some(Budget {
        id: id.clone(),
        currency: currency?,
        every: every(&at("per"), table.per.as_deref(), f)?,
        all_or_nothing: all_or_nothing?,
        late_returns_to_current: late_returns_to_current?,
        low: low?,
        parts: parts?,
    })
}

pub(crate) fn benefit(id: &Name, table: &BenefitTable, ladders: &Ladders, f: &mut Findings<'_>) -> Option<Benefit> {
    let at = |key| ["benefit", id.as_str(), key];
    if !(1..=SLOTS_MAX).contains(&table.slots) {
        let message = format!("a benefit has 1 to {SLOTS_MAX} slots");
        f.error(Code::BadValue, &at("slots"), message, None);
    }
    if !(1..=table.slots.max(1)).contains(&table.at_most) {
        let message = "a partner may have at least one slot, and no more than there are";
        f.error(Code::BadValue, &at("at_most"), message, None);
    }
    let gates = gates(&["benefit", id, "needs"], &table.needs, ladders, f);
    Some(Benefit {
        id: id.clone(),
        name: table.name.clone(),
        slots: table.slots,
        every: every(&at("per"), table.per.as_deref(), f)?,
        gates,
        at_most: table.at_most,
    })
}
