//! Reading everything that a decision looks at, head first, and deciding by it.

use domain::decide::{Decision, Needs, State, decide, more_needs, needs};
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
    state.account = Box::new(state::begun(store, program, partner).await?);
    let needs = needs(programs, &state.account, events, now);
    state::fill(store, program, &needs, &mut state).await?;
    let more = more_needs(programs, &state, now);
    if more != Needs::default() {
        state::fill(store, program, &more, &mut state).await?;
    }
    Ok(state)
}

/// Decides `events` of one partner by what was read. What was read while others wrote may be of different moments and not add up:
/// that is contention. Only what does not add up when it is read again and has not moved is unsound.
///
/// # Errors
/// [`StoreError::Contention`], [`StoreError::Unsound`]; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn decided(
    store: &Store,
    programs: &Programs,
    before: &State,
    events: &[Event],
    now: Timestamp,
) -> Result<Decision, StoreError> {
    match decide(programs, before.clone(), events, now) {
        Ok(decision) => Ok(decision),
        Err(error) => {
            let again = load(store, programs, &before.partner, events, now).await?;
            Err(if again == *before { error.into() } else { StoreError::Contention })
        }
    }
}
