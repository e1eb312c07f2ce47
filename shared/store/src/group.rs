//! Committing one partner's events: decide, write, and when others write first, read and decide again.

use std::time::Duration;

use ambient::{Clock, Instant};
use domain::decide::{Decision, Verdict, decide};
use domain::event::{Event, Rejection};
use domain::ledger::Record;
use domain::outcome::Outcome;
use domain::program::Programs;
use domain::reason::Reason;
use domain::text::{PartnerId, ProgramId};
use jiff::Timestamp;

use crate::commit::Written;
use crate::{Store, StoreError};

/// Events decided in one transaction at first: a record each, and what they touch, within 100 actions.
const CHUNK_EVENTS: usize = 40;
/// Longest pause between two tries: many writers of one account must spread over more time than their writes take.
const PAUSE_MS_MAX: u64 = 800;

/// How long to keep trying.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries when somebody else writes first.
    pub tries_max: u32,
    /// Nothing new is started with less time left than [`Patience::reserve`].
    pub deadline: Instant,
    /// Time a write may take, kept back before the deadline.
    pub reserve: Duration,
}

impl Patience {
    /// Until `deadline`, with two seconds kept back and tries enough for any contention that is no fault.
    pub fn until(deadline: Instant) -> Self {
        Self { tries_max: 60, deadline, reserve: Duration::from_secs(2) }
    }

    pub(crate) fn is_over(&self, clock: &Clock) -> bool {
        clock.instant() + self.reserve >= self.deadline
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

impl Store {
    /// Waits a jittered, growing moment before try number `attempt`; not at all before the first.
    pub(crate) async fn pause(&self, attempt: u32) {
        if attempt > 0 {
            let most = (5_u64 << attempt.min(8)).min(PAUSE_MS_MAX);
            self.clock.sleep(Duration::from_millis(1 + self.random.below(most))).await;
        }
    }

    /// Decides and commits the events of one partner, in chunks, in the order of their time. One event that cannot be
    /// committed is found by halving and does not keep the others. Answers in the order the events were given.
    pub async fn commit_group(
        &self,
        programs: &Programs,
        partner: &PartnerId,
        events: &[Event],
        patience: Patience,
    ) -> Vec<Settled> {
        let mut settled: Vec<Option<Settled>> = events.iter().map(|_| None).collect();
        let mut order: Vec<usize> = (0..events.len()).collect();
        order.sort_by_key(|i| (events[*i].time, &events[*i].identity));
        let mut size = CHUNK_EVENTS;
        while !order.is_empty() {
            let chunk: Vec<usize> = order.iter().copied().take(size).collect();
            match self.commit_chunk(programs, partner, events, &chunk, patience).await {
                Ok(done) => {
                    for (index, outcome) in done {
                        settled[index] = Some(outcome);
                    }
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

    /// Settles at least one event of the chunk, or says why not.
    async fn commit_chunk(
        &self,
        programs: &Programs,
        partner: &PartnerId,
        events: &[Event],
        chunk: &[usize],
        patience: Patience,
    ) -> Result<Vec<(usize, Settled)>, StoreError> {
        let mut last = StoreError::Contention;
        for attempt in 0..patience.tries_max {
            self.pause(attempt).await;
            if patience.is_over(&self.clock) {
                return Err(StoreError::OutOfTime);
            }
            match self.try_chunk(programs, partner, events, chunk, self.clock.now()).await {
                Ok(Step::Settled(done)) => return Ok(done),
                Ok(Step::Again) => {}
                Err(error @ (StoreError::Contention | StoreError::Unavailable(_))) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn try_chunk(
        &self,
        programs: &Programs,
        partner: &PartnerId,
        events: &[Event],
        chunk: &[usize],
        now: Timestamp,
    ) -> Result<Step, StoreError> {
        let program = &programs.current(now).program.id;
        let group: Vec<Event> = chunk.iter().map(|i| events[*i].clone()).collect();
        let before = self.load(programs, partner, &group, now).await?;
        let decision = decide(programs, before.clone(), &group, now)?;
        let tx = self.transaction(program, &before, &decision)?;
        if !tx.fits() {
            // Halving finds the one event that is too large; that one is a person's business.
            return Err(StoreError::Refused("more than one transaction holds".to_owned()));
        }
        if tx.actions() > 0 {
            match self.write(&tx).await? {
                Written::Committed { .. } => {}
                Written::Stale => return Ok(Step::Again),
                Written::Exists(found) => {
                    return self.already_there(&group, chunk, &decision, found, now).await;
                }
            }
        }
        let mut done = Vec::new();
        for (at, index) in chunk.iter().enumerate() {
            if let Some(settled) =
                self.settle(program, &group[at], &decision, &decision.verdicts[at], &before, now).await?
            {
                done.push((*index, settled));
            }
        }
        Ok(if done.is_empty() { Step::Again } else { Step::Settled(done) })
    }

    /// What became of an event whose chunk is written. `None`: not looked at yet, or it must be decided again.
    async fn settle(
        &self,
        program: &ProgramId,
        event: &Event,
        decision: &Decision,
        verdict: &Verdict,
        before: &domain::decide::State,
        now: Timestamp,
    ) -> Result<Option<Settled>, StoreError> {
        Ok(match verdict {
            Verdict::Later => None,
            Verdict::Recorded(at) => {
                let record = decision.records[*at].clone();
                Some(Settled { outcome: record.outcome, record: Some(Box::new(record)), why: None })
            }
            Verdict::Moot(reason) => {
                Some(Settled { outcome: Outcome::Duplicate, record: None, why: Some(Why::Moot(reason.clone())) })
            }
            Verdict::Rejected(rejection) => {
                let kept = crate::Kept::rejected(event, rejection, now);
                self.keep(&kept).await?;
                Some(Settled { outcome: Outcome::Rejected, record: None, why: Some(Why::Rejected(rejection.clone())) })
            }
            Verdict::Held { awaited, until } => {
                self.hold(program, event, awaited, *until, before, now).await?.map(Settled::plain)
            }
        })
    }

    /// Events of which records are there already: the same meaning is a duplicate, another is a conflict (I2, I4).
    async fn already_there(
        &self,
        group: &[Event],
        chunk: &[usize],
        decision: &Decision,
        found: Vec<(usize, String)>,
        now: Timestamp,
    ) -> Result<Step, StoreError> {
        let mut done = Vec::new();
        for (record, hash) in found {
            // A record of the clock's that is there means the head has moved: read again.
            let Some(at) = decision.verdicts.iter().position(|v| *v == Verdict::Recorded(record)) else { continue };
            done.push((chunk[at], Settled::plain(self.repeated(&group[at], &hash, now).await?)));
        }
        Ok(if done.is_empty() { Step::Again } else { Step::Settled(done) })
    }

    /// The outcome of an event whose identity is taken: by the same meaning, or by another, which is kept beside.
    pub(crate) async fn repeated(
        &self,
        event: &Event,
        first_hash: &str,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        if event.hash == first_hash {
            return Ok(Outcome::Duplicate);
        }
        self.keep(&crate::Kept::conflict(event, first_hash, now)).await?;
        Ok(Outcome::Conflict)
    }

    /// The event's outcome if its identity is taken already; asked for messages that were received before, so that
    /// repeated deliveries do not cancel a whole group.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn seen_before(&self, event: &Event, now: Timestamp) -> Result<Option<Outcome>, StoreError> {
        match self.record(&event.identity).await? {
            Some(record) => self.repeated(event, &record.hash, now).await.map(Some),
            None => Ok(None),
        }
    }
}
