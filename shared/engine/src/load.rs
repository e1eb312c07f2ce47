//! Reading everything that a decision looks at, head first.

use domain::decide::{Needs, State, more_needs, needs};
use event::Event;
use event::ids::PartnerId;
use jiff::Timestamp;
use program::Programs;
use store::{Store, StoreError, state};

/// Reads everything that deciding `events` of one partner looks at.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn load(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    events: &[Event],
    now: Timestamp,
) -> Result<State, StoreError> {
    let program = &programs.current(now).program.id;
    let mut state = State::new(partner.clone());
    state.account = state::begun(store, program, partner).await?;
    let needs = needs(programs, &state.account, events, now);
    state::fill(store, program, &needs, &mut state).await?;
    let more = more_needs(programs, &state, now);
    if more != Needs::default() {
        state::fill(store, program, &more, &mut state).await?;
    }
    Ok(state)
}
