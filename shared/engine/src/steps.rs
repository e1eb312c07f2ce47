//! Steps of our own: a redemption's, and the clock's.

use domain::decide::Judgement;
use domain::ledger::{Reason, Record};
use domain::redemption::Redemption;
use event::Event;
use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;
use program::Programs;
use store::patience::{Patience, pause};
use store::write::{self, Check, Written};
use store::{Store, StoreError, history};

use crate::load::{decided, load};

/// What became of a step.
#[derive(Debug)]
pub enum Step {
    /// It is recorded now.
    Recorded(Box<Record>),
    /// It was recorded before.
    Existing(Box<Record>),
    /// There was nothing to do.
    Moot(Reason),
}

/// Decides and commits one event of our own, however often it is asked: a second time gives the first record (I7).
/// `finish` may add to a new redemption what the ledger must not hold.
///
/// # Errors
/// Every [`StoreError`]; [`StoreError::Contention`] when others kept writing first until patience ended.
pub async fn take(
    store: &Store,
    programs: &Programs,
    event: &Event,
    patience: Patience,
    finish: impl Fn(&mut Redemption),
) -> Result<Step, StoreError> {
    take_only_if(store, programs, event, patience, finish, None).await
}

/// As [`take`], in one transaction with a check of something that no decision looks at.
///
/// # Errors
/// As [`take`]; [`StoreError::Contention`] also where what is checked does not hold.
pub async fn take_only_if(
    store: &Store,
    programs: &Programs,
    event: &Event,
    patience: Patience,
    finish: impl Fn(&mut Redemption),
    check: Option<Check>,
) -> Result<Step, StoreError> {
    if let Some(record) = history::record(store, &event.identity).await? {
        return Ok(Step::Existing(Box::new(record)));
    }
    let mut last = StoreError::Contention;
    for attempt in 0..patience.tries_max {
        pause(store, attempt).await;
        if patience.is_over(store.clock()) {
            return Err(last);
        }
        match try_step(store, programs, event, store.clock().now(), &finish, check.as_ref()).await {
            Ok(Some(step)) => return Ok(step),
            Ok(None) => last = StoreError::Contention,
            Err(error) if error.is_transient() => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

async fn try_step(
    store: &Store,
    programs: &Programs,
    event: &Event,
    now: Timestamp,
    finish: &impl Fn(&mut Redemption),
    check: Option<&Check>,
) -> Result<Option<Step>, StoreError> {
    let programs = &store::programs::at(store, programs, now).await?;
    let group = std::slice::from_ref(event);
    let loaded = load(store, programs, &event.partner, group, now).await?;
    let mut decision = decided(store, programs, &loaded, now).await?;
    let before = loaded.state;
    let judgement = decision.judgements.first().cloned().unwrap_or(Judgement::Later);
    if let Judgement::Moot(reason) = judgement {
        return Ok(Some(Step::Moot(reason)));
    }
    for (id, redemption) in &mut decision.state.redemptions {
        if !before.redemptions.contains_key(id) {
            finish(redemption);
        }
    }
    let mut tx = write::transaction(store, programs, &before, &decision)?;
    if let Some(check) = check {
        tx.also(check.clone());
    }
    match (write::send(store, &tx).await?, judgement) {
        (Written::Committed { .. }, Judgement::Recorded(at)) => {
            Ok(Some(Step::Recorded(Box::new(decision.records.swap_remove(at)))))
        }
        // Somebody else was asked the same just now, or an earlier try of ours was written and its reply lost.
        (Written::Exists(_), _) => {
            Ok(history::record(store, &event.identity).await?.map(|record| Step::Existing(Box::new(record))))
        }
        // Something moved; or what was written is only what the clock had due.
        (Written::Stale, _)
        | (
            Written::Committed { .. },
            Judgement::Later | Judgement::Held { .. } | Judgement::Rejected(_) | Judgement::Moot(_),
        ) => Ok(None),
    }
}

/// Brings one partner's account to now: releases, expiries, reviews. How many records that made.
///
/// # Errors
/// Every [`StoreError`].
pub async fn catch_up(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    patience: Patience,
) -> Result<Vec<Record>, StoreError> {
    let mut done = Vec::new();
    let mut tries = 0;
    while tries < patience.tries_max {
        pause(store, tries).await;
        if patience.is_over(store.clock()) {
            return Err(StoreError::OutOfTime);
        }
        let now = store.clock().now();
        let programs = &store::programs::at(store, programs, now).await?;
        let program: &ProgramId = &programs.current(now).program.id;
        let loaded = load(store, programs, partner, &[], now).await?;
        let decision = match decided(store, programs, &loaded, now).await {
            Err(StoreError::Contention) => {
                tries += 1;
                continue;
            }
            decision => decision?,
        };
        let before = loaded.state;
        if decision.records.is_empty() {
            // Looked at, and nothing was due: not before its next day again.
            if done.is_empty() && before.account.head.position > 0 {
                write::move_due(store, program, &before, decision.due_on(programs)).await?;
            }
            return Ok(done);
        }
        let tx = write::transaction(store, programs, &before, &decision)?;
        match write::send(store, &tx).await {
            // What is left, if one decision could not hold it all, comes with the next round.
            Ok(Written::Committed { .. }) => {
                done.extend(decision.records);
                tries = 0;
            }
            Ok(_) | Err(StoreError::Contention) => tries += 1,
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Contention)
}
