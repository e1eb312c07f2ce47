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
    let head = state::head(store, program, partner).await?.unwrap_or_default();
    let needs = needs(programs, &head, events, now);
    let mut state = State::new(partner.clone());
    state.account.head = head;
    state::fill(store, program, &needs, &mut state).await?;
    let mut more = more_needs(programs, &state, now);
    more.years.retain(|year| !state.account.measures.contains_key(year));
    more.frequency.retain(|key| !state.account.frequency.contains_key(key));
    if more != Needs::default() {
        state::fill(store, program, &more, &mut state).await?;
    }
    Ok(state)
}
