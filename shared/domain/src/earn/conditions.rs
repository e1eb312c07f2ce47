//! Whether a condition of a rule holds.

use event::money::parse_decimal;
use program::{Condition, Test};

use super::seen::Seen;

/// Whether what is stated of a partner is as a criterion asks.
pub(crate) fn is_stated(asked: &Condition, stated: Option<&str>) -> bool {
    match &asked.test {
        Test::Is(wanted) => stated == Some(wanted),
        Test::IsNot(unwanted) => stated != Some(unwanted),
        Test::OneOf(wanted) => wanted.iter().any(|wanted| stated == Some(wanted)),
        Test::Compare(comparison, wanted) => {
            stated.and_then(|stated| parse_decimal(stated).ok()).is_some_and(|seen| comparison.holds(seen, *wanted))
        }
    }
}

/// Whether a condition holds of what is seen.
pub(crate) fn holds(condition: &Condition, seen: &Seen<'_>) -> bool {
    match &condition.test {
        Test::Is(wanted) => seen.is(&condition.field, wanted),
        Test::IsNot(unwanted) => !seen.is(&condition.field, unwanted),
        Test::OneOf(wanted) => wanted.iter().any(|wanted| seen.is(&condition.field, wanted)),
        Test::Compare(comparison, wanted) => {
            seen.number(&condition.field).is_some_and(|seen| comparison.holds(seen, *wanted))
        }
    }
}
