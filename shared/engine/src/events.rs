//! Judging one partner's events: decide, write, and when others write first, read and decide again.

use std::collections::BTreeSet;

use domain::decide::{Awaited, Decision, Judgement, State};
use domain::ledger::{Outcome, Reason, Record};
use event::Gather;
use event::ids::{PartnerId, PersonId};
use event::{Event, Kind, Meaning, Rejection};
use jiff::Timestamp;
use program::Programs;
use store::aside::{self, Aside};
use store::holds::{self, Held, ToHold};
use store::patience::{Patience, pause};
use store::persons::Names;
use store::write::{self, Written};
use store::{Store, StoreError, history, persons};

use crate::load::{Loaded, decided, load};

/// Most events that are decided in one transaction.
const CHUNK_EVENTS: usize = 40;
/// Actions of a transaction beside those of its events: the head, and what stands beside it.
const ACTIONS_OF_ACCOUNT: usize = 10;

/// An event as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The event.
    pub event: Event,
    /// Until when it was to wait, if it was held and is sent again: its hold ends when it is judged.
    pub held_until: Option<Timestamp>,
}

impl From<Event> for Arrival {
    fn from(event: Event) -> Self {
        Self { event, held_until: None }
    }
}

/// What became of one event.
#[derive(Debug)]
pub struct Settled {
    /// The word.
    pub outcome: Outcome,
    /// Its record, if this call wrote one.
    pub record: Option<Box<Record>>,
    /// Why, where it has no record.
    pub why: Option<Why>,
}

/// Why an event has no record from this call.
#[derive(Debug)]
pub enum Why {
    /// Not accepted.
    Rejected(Rejection),
    /// Nothing left to do.
    Moot(Reason),
    /// The store's fault.
    Failed(StoreError),
}

impl Settled {
    fn plain(outcome: Outcome) -> Self {
        Self { outcome, record: None, why: None }
    }

    fn failed(error: StoreError) -> Self {
        let outcome = if error.is_transient() { Outcome::Transient } else { Outcome::Broken };
        Self { outcome, record: None, why: Some(Why::Failed(error)) }
    }
}

/// What to do after one chunk was tried.
enum Step {
    /// These events are settled; the rest of the chunk stays to be decided.
    Settled(Vec<(usize, Settled)>),
    /// Nothing was settled, and trying again with new reads may settle something.
    Again,
}

/// Decides and commits the events of one partner, in chunks, in the order of their time. One event that cannot be
/// committed is found by halving and does not keep the others. Answers in the order the events were given.
pub async fn judge(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    arrivals: &[Arrival],
    patience: Patience,
) -> Vec<Settled> {
    let mut settled: Vec<Option<Settled>> = arrivals.iter().map(|_| None).collect();
    let mut order: Vec<usize> = (0..arrivals.len()).collect();
    order.sort_by_key(|i| (arrivals[*i].event.time, &arrivals[*i].event.identity));
    let mut size = CHUNK_EVENTS;
    while !order.is_empty() {
        let chunk = first_chunk(arrivals, &order, size);
        match commit_chunk(store, programs, partner, arrivals, &chunk, patience).await {
            Ok(done) => {
                for (index, outcome) in done {
                    settled[index] = Some(outcome);
                }
                // The one that could not be committed is behind: larger again, step by step.
                size = (size * 2).min(CHUNK_EVENTS);
            }
            Err(error) if !error.is_transient() && chunk.len() > 1 => {
                size = (chunk.len() / 2).max(1);
                continue;
            }
            Err(error) if !error.is_transient() => settled[chunk[0]] = Some(Settled::failed(error)),
            Err(error) => {
                // Without time or table there is no sense in trying the rest: all of it is handed back.
                let why = error.to_string();
                for index in order.drain(..) {
                    settled[index] = Some(Settled::failed(StoreError::Unavailable(why.clone())));
                }
            }
        }
        order.retain(|i| settled[*i].is_none());
    }
    settled.into_iter().map(|s| s.unwrap_or_else(|| Settled::plain(Outcome::Transient))).collect()
}

/// The first of these events, at most `size`, whose decisions one transaction is expected to hold. What takes more than was expected
/// is found when it is written.
fn first_chunk(arrivals: &[Arrival], order: &[usize], size: usize) -> Vec<usize> {
    let mut actions = ACTIONS_OF_ACCOUNT;
    let fits = |index: &usize| {
        actions += actions_of(&arrivals[*index]);
        actions <= write::ACTIONS_MAX
    };
    let some: Vec<usize> = order.iter().copied().take(size).take_while(fits).collect();
    if some.is_empty() { order[..1].to_vec() } else { some }
}

/// Actions that an event's decision takes where nothing fits the head: a record, what it names, what is counted of its person and
/// what is known of them, the end of its hold.
fn actions_of(Arrival { event, held_until }: &Arrival) -> usize {
    let kind = &event.kind;
    let learned = matches!(
        kind,
        Kind::CourseCompleted { .. } | Kind::CertificationGranted { .. } | Kind::CertificationExpired { .. }
    );
    let beside = [
        kind.deal_id().is_some(),
        kind.opportunity_id().is_some(),
        kind.other_partner().is_some(),
        kind.person().is_some(),
        learned,
        held_until.is_some(),
    ];
    1 + beside.into_iter().filter(|is| *is).count()
}

/// Settles at least one event of the chunk, or says why not.
async fn commit_chunk(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    arrivals: &[Arrival],
    chunk: &[usize],
    patience: Patience,
) -> Result<Vec<(usize, Settled)>, StoreError> {
    let mut last = StoreError::Contention;
    for attempt in 0..patience.tries_max {
        pause(store, attempt).await;
        if patience.is_over(store.clock()) {
            return Err(StoreError::OutOfTime);
        }
        match try_chunk(store, programs, partner, arrivals, chunk, store.clock().now()).await {
            Ok(Step::Settled(done)) => return Ok(done),
            Ok(Step::Again) => {}
            Err(error @ (StoreError::Contention | StoreError::Unavailable(_))) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

async fn try_chunk(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    arrivals: &[Arrival],
    chunk: &[usize],
    now: Timestamp,
) -> Result<Step, StoreError> {
    let programs = &store::programs::at(store, programs, now).await?;
    let as_held = |index: &usize| {
        let arrival = &arrivals[*index];
        let mut event = arrival.event.clone();
        event.held_until = arrival.held_until;
        event
    };
    let loaded = load(store, programs, partner, &chunk.iter().map(as_held).collect::<Vec<_>>(), now).await?;
    let decision = decided(store, programs, &loaded, now).await?;
    let Loaded { state: before, events, names } = loaded;
    let mut tx = write::transaction(store, programs, &before, &decision)?;
    for person in new_in_records(&events, &names, &decision) {
        let program = &programs.current(now).program.id;
        tx.also(persons::naming(store, program, partner, (person, &names.all[person]))?);
    }
    let of_chunk = |(event, index): (Event, &usize)| Arrival { event, held_until: arrivals[*index].held_until };
    let mut group: Vec<Arrival> = events.into_iter().zip(chunk).map(of_chunk).collect();
    for (arrival, judgement) in group.iter().zip(&decision.judgements) {
        if let (Some(_), Judgement::Recorded(_)) = (&arrival.held_until, judgement)
            && let Some(ending) = holds::ending(store, &arrival.event).await?
        {
            tx.also(ending);
        }
    }
    if !tx.fits() {
        // Halving finds the one event that is too large; that one is a person's business.
        return Err(StoreError::Refused("more than one transaction holds".to_owned()));
    }
    if tx.actions() > 0 {
        match write::send(store, &tx).await? {
            Written::Committed { .. } => {}
            Written::Stale => return Ok(Step::Again),
            Written::Exists(found) => {
                return already_there(store, (&mut group, &names), chunk, &decision, found, now).await;
            }
        }
    }
    let mut done = Vec::new();
    for (at, index) in chunk.iter().enumerate() {
        if matches!(decision.judgements[at], Judgement::Held { .. } | Judgement::Rejected(_)) {
            name(store, &mut group[at].event, &names).await?;
        }
        if let Some(settled) = settle(store, &group[at], &decision, &decision.judgements[at], &before, now).await? {
            done.push((*index, settled));
        }
    }
    Ok(if done.is_empty() { Step::Again } else { Step::Settled(done) })
}

/// The persons whom a record is the first to name.
fn new_in_records<'n>(events: &[Event], names: &'n Names, decision: &Decision) -> BTreeSet<&'n PersonId> {
    let recorded = events.iter().zip(&decision.judgements).filter(|(_, on)| matches!(on, Judgement::Recorded(_)));
    let named = recorded.flat_map(|(event, _)| event.persons_as_sent());
    named.filter_map(|person| names.new.get(&person)).gather()
}

/// Gives the new persons of an event that is kept without a record the names that they are to have.
async fn name(store: &Store, event: &mut Event, names: &Names) -> Result<(), StoreError> {
    let persons: BTreeSet<PersonId> = event.persons_as_sent().into_iter().gather();
    if persons.iter().any(|person| names.new.contains(person)) {
        let (program, partner) = (&event.identity.program, &event.partner);
        let names = persons::pseudonyms(store, program, partner, &persons).await?;
        event.pseudonymise(&names);
    }
    Ok(())
}

/// What became of an event whose chunk is written. `None`: not looked at yet, or it must be decided again.
async fn settle(
    store: &Store,
    arrival: &Arrival,
    decision: &Decision,
    judgement: &Judgement,
    before: &State,
    now: Timestamp,
) -> Result<Option<Settled>, StoreError> {
    Ok(match judgement {
        Judgement::Later => None,
        Judgement::Recorded(at) => {
            let record = decision.records[*at].clone();
            Some(Settled { outcome: record.outcome, record: Some(Box::new(record)), why: None })
        }
        Judgement::Moot(reason) => {
            Some(Settled { outcome: Outcome::Duplicate, record: None, why: Some(Why::Moot(reason.clone())) })
        }
        Judgement::Rejected(rejection) => {
            // A version that forbids its source may have come since it counted.
            if let Some(outcome) = seen_before(store, arrival, now).await? {
                return Ok(Some(Settled::plain(outcome)));
            }
            aside::keep(store, &Aside::rejected(&arrival.event, rejection, now)).await?;
            end_hold(store, arrival).await?;
            Some(Settled { outcome: Outcome::Rejected, record: None, why: Some(Why::Rejected(rejection.clone())) })
        }
        Judgement::Held { awaited, until } => {
            hold(store, arrival, awaited, *until, before, now).await?.map(Settled::plain)
        }
    })
}

/// Holds an event. `None`: it must be decided again.
async fn hold(
    store: &Store,
    arrival: &Arrival,
    awaits: &Awaited,
    until: Timestamp,
    before: &State,
    now: Timestamp,
) -> Result<Option<Outcome>, StoreError> {
    let to_hold = ToHold { event: &arrival.event, held_until: arrival.held_until, awaits, until };
    match holds::put(store, to_hold, before, now).await? {
        Held::Waits => Ok(Some(Outcome::Held)),
        Held::Taken(first) => repeated(store, arrival, &first, now).await.map(Some),
        Held::Moved => Ok(None),
    }
}

/// Ends the hold of an event that was judged without a record of this call's.
async fn end_hold(store: &Store, arrival: &Arrival) -> Result<(), StoreError> {
    match arrival.held_until {
        Some(_) => holds::end(store, &arrival.event).await,
        None => Ok(()),
    }
}

/// Events of which records are there already: the same meaning is a duplicate, another is a conflict (I2, I4).
async fn already_there(
    store: &Store,
    (group, names): (&mut [Arrival], &Names),
    chunk: &[usize],
    decision: &Decision,
    found: Vec<(usize, Meaning)>,
    now: Timestamp,
) -> Result<Step, StoreError> {
    let mut done = Vec::new();
    for (record, first) in found {
        // A record of the clock's that is there means the head has moved: read again.
        let Some(at) = decision.judgements.iter().position(|v| *v == Judgement::Recorded(record)) else { continue };
        // Whoever wrote it may have named its persons just now.
        name(store, &mut group[at].event, names).await?;
        done.push((chunk[at], Settled::plain(repeated(store, &group[at], &first, now).await?)));
    }
    Ok(if done.is_empty() { Step::Again } else { Step::Settled(done) })
}

/// The outcome of an event whose identity is taken: by the same meaning, or by another, which is kept beside.
async fn repeated(store: &Store, arrival: &Arrival, first: &Meaning, now: Timestamp) -> Result<Outcome, StoreError> {
    let event = &arrival.event;
    let same = persons::same_meaning(store, &event.identity.program, &event.partner, &event.meaning(), first).await?;
    if !same {
        aside::keep(store, &Aside::conflict(event, first.hash, now)).await?;
    }
    end_hold(store, arrival).await?;
    Ok(if same { Outcome::Duplicate } else { Outcome::Conflict })
}

/// The event's outcome if its identity is taken already; asked for messages that were received before, so that
/// repeated deliveries do not cancel a whole group.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn seen_before(store: &Store, arrival: &Arrival, now: Timestamp) -> Result<Option<Outcome>, StoreError> {
    match history::record(store, &arrival.event.identity).await? {
        Some(record) => repeated(store, arrival, &record.meaning(), now).await.map(Some),
        None => Ok(None),
    }
}

/// Holds an event of a program that has no version yet.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn hold_for_program(
    store: &Store,
    arrival: &Arrival,
    until: Timestamp,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let nothing = State::new(arrival.event.partner.clone());
    let outcome = hold(store, arrival, &Awaited::Program, until, &nothing, now).await?;
    outcome.ok_or(StoreError::Contention)
}
