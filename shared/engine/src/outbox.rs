//! What records sent: judged once, and ended in the transaction that judges it.

use event::ids::{EventId, ProgramId};
use program::Programs;
use store::patience::Patience;
use store::{Store, StoreError, outbox};

use crate::steps::{self, Step};

/// Judges an event that a record sent, if its time has come and it was not judged before. However often it is asked, one record comes
/// of it, or none where nothing is left to do.
///
/// # Errors
/// Every [`StoreError`]; [`StoreError::Contention`] when others kept writing first until patience ended.
pub async fn judge(
    store: &Store,
    programs: &Programs,
    program: &ProgramId,
    id: &EventId,
    patience: Patience,
) -> Result<Option<Step>, StoreError> {
    let Some(sent) = outbox::one(store, program, id).await? else { return Ok(None) };
    if sent.due > store.clock().now() {
        return Ok(None);
    }
    let identity = &sent.event.identity;
    let ending = outbox::ending(store, identity)?;
    let step = steps::take_only_if(store, programs, &sent.event, patience, |_| (), Some(ending)).await?;
    if let Step::Existing(_) | Step::Moot(_) = &step {
        outbox::end(store, identity).await?;
    }
    Ok(Some(step))
}
