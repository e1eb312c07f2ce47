//! An event that has no record: it waits, or was kept beside the records.

use event::ids::{EventId, Identity, PartnerId, ProgramId, Source};

use crate::aside::{self, Aside};
use crate::holds::{self, Hold};
use crate::{Store, StoreError};

/// Where an event is that has no record.
#[derive(Clone, Debug)]
pub enum Beside {
    /// It waits.
    Held(Hold),
    /// It was rejected, or says otherwise than the event that has its identity.
    Kept(Aside),
}

/// A partner's event among those that wait, and those that were kept beside the records: what was kept last.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn find(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    (source, id): (&str, &str),
) -> Result<Option<Beside>, StoreError> {
    if let (Ok(source), Ok(id)) = (Source::try_from(source), EventId::try_from(id)) {
        let identity = Identity { program: program.clone(), source, id };
        if let Some(hold) = holds::shown(store, &identity).await?.filter(|hold| hold.partner == *partner) {
            return Ok(Some(Beside::Held(hold)));
        }
    }
    Ok(aside::of_event(store, program, partner, (source, id)).await?.map(Beside::Kept))
}
