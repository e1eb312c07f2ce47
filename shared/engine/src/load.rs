//! Reading everything that a decision looks at, and deciding by it.

use std::collections::BTreeSet;

use domain::decide::{Decision, Needs, State, decide, more_parts, named, needs};
use event::Event;
use event::Gather;
use event::ids::{PartnerId, PersonId};
use jiff::Timestamp;
use program::Programs;
use store::persons::Names;
use store::{Store, StoreError, persons, state};

/// What events of one partner are decided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The state.
    pub state: State,
    /// The events, with pseudonyms in the place of persons.
    pub events: Vec<Event>,
    /// The pseudonyms.
    pub names: Names,
}

/// Reads everything that deciding `events` of one partner looks at, in two rounds: what the events name, and what the head tells of.
/// A third is for lots that stand beside the head on the day one of them runs out, and for the steps of a redemption.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn load(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    events: &[Event],
    now: Timestamp,
) -> Result<Loaded, StoreError> {
    let program = &programs.current(now).program.id;
    let mut events = events.to_vec();
    let persons: BTreeSet<PersonId> = events.iter().flat_map(Event::persons_as_sent).gather();
    let (mut state, found) =
        state::begin(store, program, partner, &named(&events), persons::sort_keys(&persons)).await?;
    let names = persons::named(store, &persons, &found)?;
    for event in events.iter_mut().filter(|_| !persons.is_empty()) {
        event.pseudonymise(&names.all);
    }
    state::fill(store, program, &needs(programs, &state, &events, now), &mut state).await?;
    let parts = more_parts(programs, &state, now);
    state::fill(store, program, &Needs { parts, ..Needs::default() }, &mut state).await?;
    Ok(Loaded { state, events, names })
}

/// Decides what was loaded. What was read while others wrote may be of different moments and not add up: that is contention. Only
/// what does not add up when it is read again and has not moved is unsound.
///
/// # Errors
/// [`StoreError::Contention`], [`StoreError::Unsound`]; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn decided(
    store: &Store,
    programs: &Programs,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Decision, StoreError> {
    let before = &loaded.state;
    match decide(programs, before.clone(), &loaded.events, now) {
        Ok(decision) => Ok(decision),
        Err(error) => {
            let again = load(store, programs, &before.partner, &loaded.events, now).await?;
            Err(if again.state == *before { error.into() } else { StoreError::Contention })
        }
    }
}
