//! Whether a condition of a rule holds.

use program::{Condition, Test};

use super::seen::Seen;

/// Whether a condition holds of what is seen.
pub(super) fn holds(condition: &Condition, seen: &Seen<'_>) -> bool {
    match &condition.test {
        Test::Is(wanted) => seen.is(&condition.field, wanted),
        Test::IsNot(unwanted) => !seen.is(&condition.field, unwanted),
        Test::OneOf(wanted) => wanted.iter().any(|wanted| seen.is(&condition.field, wanted)),
        Test::Compare(comparison, wanted) => {
            seen.number(&condition.field).is_some_and(|seen| comparison.holds(seen, *wanted))
        }
    }
}
