//! When something of an account becomes due by itself.

use event::ids::Motion;
use event::time::Month;
use jiff::civil::Date;
use program::{Programs, Version};

use super::context::Context;
use super::state::Decision;
use crate::ledger::{Account, Head, Membership, Standing, never};
use crate::tier::next_review;

/// The day on which somebody must look at an account: when something becomes due by itself, and for whoever takes part no later
/// than the next close of a period.
pub fn due_on(programs: &Programs, current: &Version, account: &Account, today: Date) -> Option<Date> {
    let close = match account.head.membership() {
        Membership::Active | Membership::Suspended => Some(current.program.next_close(today)),
        Membership::Unknown | Membership::Offboarded => None,
    };
    account.due().into_iter().chain(first_review(programs, current, &account.head)).chain(close).min()
}

impl Decision {
    /// The day on which somebody must look at the account again: when something becomes due by itself, and for whoever takes part no
    /// later than the next close of a period. `programs` are those it was decided by.
    pub fn due_on(&self, programs: &Programs) -> Option<Date> {
        let context = Context::at(programs, &self.state.account.head, self.now);
        due_on(programs, context.current, &self.state.account, context.today)
    }
}

/// The next day on which something becomes due by itself: a release, an expiry, a review.
pub(super) fn next_due(programs: &Programs, current: &Version, account: &mut Account) -> Option<Date> {
    let head = &account.head;
    let review = account.looked.next_review(current.number, || first_review(programs, current, head));
    account.due().into_iter().chain(review).min()
}

fn first_review(programs: &Programs, current: &Version, head: &Head) -> Option<Date> {
    let tiers = head.tiers.iter().filter(|(motion, held)| is_reviewed(current, head, motion, held));
    tiers.filter_map(|(motion, held)| Some(next_review(programs, current, motion, held)?.on)).min()
}

/// Whether a standing is reviewed at all: who left falls to the lowest tier, and nobody is pruned who is gone.
pub(super) fn is_reviewed(current: &Version, head: &Head, motion: &Motion, held: &Standing) -> bool {
    let tier = current.program.ladders.get(motion).and_then(|tiers| tiers.iter().find(|tier| tier.id == held.tier));
    let prunes = tier.is_some_and(|tier| tier.prune_after.is_some());
    !prunes || head.membership() != Membership::Offboarded
}

/// Whether a lot has run out on `day`.
pub(super) fn runs_out(lot: Month, day: Date) -> bool {
    lot < never() && lot.plus(1).first_day() <= day
}

/// Most months that are looked back over for what expired.
const EXPIRED_MONTHS_MAX: i32 = 120;

/// Lots from `first` on that may have run out by `today`, the latest ones.
pub(super) fn lots_since(first: Month, today: Date) -> impl Iterator<Item = Month> {
    let last = Month::of(today).plus(-1);
    let first = first.max(last.plus(1 - EXPIRED_MONTHS_MAX));
    (0..EXPIRED_MONTHS_MAX).map(move |more| first.plus(more)).take_while(move |lot| *lot <= last)
}
