//! An event that has no record: it waits, or was kept beside the records.

use domain::ledger::Outcome;
use event::ids::{PartnerId, ProgramId};

use crate::aside::{self, Aside};
use crate::holds::{self, Hold};
use crate::{Store, StoreError};

/// Rows of one page of each list.
const PAGE: i32 = 1_000;
/// Pages of each list looked through: whoever asks waits for the answer.
const PAGES_MAX: usize = 20;

/// Where an event is that has no record.
#[derive(Clone, Debug)]
pub enum Beside {
    /// It waits.
    Held(Hold),
    /// It was rejected, or says otherwise than the event that has its identity.
    Kept(Aside),
}

/// A partner's event among those that wait, and those that were kept beside the records: the newest of its name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn find(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    (source, id): (&str, &str),
) -> Result<Option<Beside>, StoreError> {
    let mut start = None;
    for _ in 0..PAGES_MAX {
        let page = holds::of_partner(store, program, partner, PAGE, start.as_deref()).await?;
        let is_it = |hold: &Hold| hold.identity.source == *source && hold.identity.id == *id;
        if let Some(hold) = page.items.into_iter().find(is_it) {
            return Ok(Some(Beside::Held(hold)));
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    for outcome in [Outcome::Conflict, Outcome::Rejected] {
        let mut start = None;
        for _ in 0..PAGES_MAX {
            let page = aside::of_partner(store, program, partner, outcome.word(), PAGE, start.as_deref()).await?;
            if let Some(kept) = page.items.into_iter().find(|kept| kept.source == source && kept.id == id) {
                return Ok(Some(Beside::Kept(kept)));
            }
            start = page.next;
            if start.is_none() {
                break;
            }
        }
    }
    Ok(None)
}
