//! When something of an account becomes due by itself.

use event::time::Month;
use jiff::civil::Date;
use program::{Programs, Version};

use crate::ledger::{Account, Membership, never};
use crate::tier::next_review;

/// The day on which somebody must look at an account: when something becomes due by itself, and for whoever takes part no later
/// than the next close of a period.
pub fn due_on(programs: &Programs, current: &Version, account: &Account, today: Date) -> Option<Date> {
    let close = match account.head.membership() {
        Membership::Active | Membership::Suspended => Some(current.program.next_close(today)),
        Membership::Unknown | Membership::Offboarded => None,
    };
    next_due(programs, current, account).into_iter().chain(close).min()
}

/// The next day on which something becomes due by itself: a release, an expiry, a review.
pub(super) fn next_due(programs: &Programs, current: &Version, account: &Account) -> Option<Date> {
    let reviews = account.head.tiers.iter();
    let reviews = reviews.filter_map(|(motion, held)| Some(next_review(programs, current, motion, held)?.on));
    account.due().into_iter().chain(reviews).min()
}

/// Whether a lot has run out on `day`.
pub(super) fn runs_out(lot: Month, day: Date) -> bool {
    lot < never() && lot.plus(1).first_day() <= day
}
