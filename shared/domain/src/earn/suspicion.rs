//! Whether what a rule gives looks like gaming (M40).

use event::time::Month;
use jiff::civil::Date;
use program::{Program, Rule, SuspicionTest};

use super::caps::{rule_cap, unused};
use super::seen::Seen;
use crate::ledger::{Account, CapKey, FoldError};

/// What of it looks so, in words, if anything does; and what is counted for that, whether or not it does.
///
/// # Errors
/// [`FoldError::NotLoaded`].
pub(crate) fn suspicion<'r>(
    program: &Program,
    rule: &'r Rule,
    seen: &Seen<'_>,
    (account, motion, today): (&Account, &str, Date),
) -> Result<(Option<&'r str>, Vec<CapKey>), FoldError> {
    let (mut found, mut counts) = (None, Vec::new());
    for one in &rule.hold_if {
        let looks_so = match &one.test {
            SuspicionTest::MoreThan(cap) => {
                let key = rule_cap(program, rule, cap, seen);
                let (left, _) = unused(cap, &key, account)?;
                counts.push(key);
                left == 0
            }
            SuspicionTest::LessThan { part, of, which, from, within } => {
                let last = Month::of(today);
                let first = within.first_month(last, false, &program.calendar);
                let all = account.measured(motion, *of, first, last)?;
                let some = account.measured(motion, *which, first, last)?;
                all >= *from && some < all.saturating_mul(*part)
            }
        };
        if looks_so && found.is_none() {
            found = Some(one.words.as_str());
        }
    }
    Ok((found, counts))
}

/// The counts that what looks like gaming is found by, for an event.
pub(crate) fn suspicion_counts(program: &Program, rule: &Rule, seen: &Seen<'_>) -> Vec<CapKey> {
    rule.hold_if.iter().filter_map(|one| one.counts()).map(|cap| rule_cap(program, rule, cap, seen)).collect()
}
