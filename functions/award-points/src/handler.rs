//! Load, decide, commit, reply.

use std::collections::{BTreeMap, BTreeSet};

use ambient::{Clock, Instant, Random};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::ledger::{Outcome, Reply};
use engine::events::{Arrival, Settled, Why};
use event::Gather;
use event::ids::{PartnerId, PersonId, ProgramId};
use event::{Event, Unreadable};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use store::{Store, StoreError, aside::Aside, aside::Quarantined, patience::Patience};
use worker::{Clients, Message, NamelessMessage, Outgoing, Queue, Settings, SettingsError, count, failures, messages};

use crate::batch::{Bad, Received, group};

/// Partners committed at once: the table is waited for, not the processor.
const PARTNERS_AT_ONCE: usize = 16;
/// How long an event waits for a program that has no version yet.
const PROGRAM_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The attribute of a message in the quarantine: why it is there.
const REASON: &str = "reason";

/// The function's state between invocations.
#[derive(Clone)]
pub struct AwardPoints {
    store: Store,
    quarantine: Queue,
}

/// What became of one message.
struct Done {
    message: Message,
    outcome: Outcome,
}

impl AwardPoints {
    /// A handler on this store; `quarantine` takes what cannot be read.
    pub fn new(store: Store, quarantine: Queue) -> Self {
        Self { store, quarantine }
    }

    /// A handler as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        let url = Settings::need(settings.quarantine_queue.as_deref(), "QUARANTINE_QUEUE_URL")?;
        let quarantine = Queue::new(clients.sqs(), url);
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random), quarantine))
    }

    /// Judges one batch. The reply names the messages to be delivered again, and no other.
    ///
    /// # Errors
    /// A message without an id: the reply could not name it, so the whole batch is delivered again.
    pub async fn handle(&self, batch: SqsEvent, deadline: Instant) -> Result<SqsBatchResponse, NamelessMessage> {
        let messages = messages(batch)?;
        let now = self.store.clock().now();
        let (read, mut done) = self.read(messages, now).await;
        let grouped = group(read);
        for (message, bad) in grouped.bad {
            let outcome = self.put_aside(&message, bad, now).await;
            done.push(Done { message, outcome });
        }
        let groups = futures::stream::iter(grouped.groups)
            .map(|((program, partner), group)| self.group(program, partner, group, deadline));
        let groups: Vec<Vec<Done>> = groups.buffer_unordered(PARTNERS_AT_ONCE).collect().await;
        done.extend(groups.into_iter().flatten());
        for received in grouped.repeated {
            let outcome = self.repeated(&received, &done).await;
            done.push(Done { message: received.message, outcome });
        }
        Ok(reply(done))
    }

    /// Reads every body. What its program may declare is read once that is known; until then it is delivered again.
    async fn read(
        &self,
        messages: Vec<Message>,
        now: Timestamp,
    ) -> (Vec<(Message, Result<Event, Unreadable>)>, Vec<Done>) {
        let (mut all, mut again) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in messages {
            let mut read = Event::parse(&message.body, now);
            let program = read.as_ref().err().and_then(Unreadable::undeclared).map(ProgramId::try_from);
            if let Some(Ok(program)) = program {
                match store::programs::read(&self.store, &program).await {
                    Ok(Some(programs)) => read = programs.parse(&message.body, now, now),
                    Ok(None) => read = Event::parse_early(&message.body, now),
                    Err(error) => {
                        tracing::warn!(message_id = message.id, %error, "an event waits for its program to be read");
                        again.push(Done { message, outcome: Outcome::Transient });
                        continue;
                    }
                }
            }
            all.push((message, read));
        }
        (all, again)
    }

    /// Keeps a bad message where a person finds it. Only if that fails is it delivered again.
    async fn put_aside(&self, message: &Message, bad: Bad, now: Timestamp) -> Outcome {
        let correlation_id = match &bad {
            Bad::Quarantined { .. } => message.id.clone(),
            Bad::Rejected { identity, .. } => identity.join(" "),
        };
        let (outcome, kept) = match bad {
            Bad::Quarantined { reason, offset } => {
                (Outcome::Quarantined, self.quarantine(message, reason, offset, now).await)
            }
            Bad::Rejected { identity, partner, rejection } => {
                let kept = Aside::unreadable(&identity, partner.as_deref(), &rejection, now);
                (Outcome::Rejected, store::aside::keep(&self.store, &kept).await)
            }
        };
        match kept {
            Ok(()) => {
                tracing::warn!(
                    correlation_id,
                    outcome = outcome.word(),
                    message_id = message.id,
                    "an event needs a person"
                );
                outcome
            }
            Err(error) => {
                tracing::warn!(correlation_id, message_id = message.id, %error, "a bad message could not be put aside");
                Outcome::Transient
            }
        }
    }

    async fn quarantine(
        &self,
        message: &Message,
        reason: String,
        offset: Option<usize>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let bytes = message.body.len();
        let note = Quarantined { message_id: message.id.clone(), reason, offset, bytes, kept_at: now };
        store::aside::note_quarantined(&self.store, &note).await?;
        // A queue takes no empty body; the reason says that it was empty.
        let body = if message.body.is_empty() { " ".to_owned() } else { message.body.clone() };
        let sent = self.quarantine.send(Outgoing { body, attribute: Some((REASON, note.reason.clone())) }).await;
        sent.map_err(|e| StoreError::Unavailable(e.to_string()))
    }

    /// Judges one partner's events.
    async fn group(
        &self,
        program: ProgramId,
        partner: PartnerId,
        group: Vec<Received>,
        deadline: Instant,
    ) -> Vec<Done> {
        let (messages, mut arrivals): (Vec<Message>, Vec<Arrival>) =
            group.into_iter().map(|r| (r.message, r.arrival)).unzip();
        let again: Vec<bool> = messages.iter().map(|m| m.receive_count > 1).collect();
        let outcomes = self.judge(&program, &partner, &mut arrivals, &again, deadline).await;
        messages.into_iter().zip(outcomes).map(|(message, outcome)| Done { message, outcome }).collect()
    }

    /// Judges events of one partner, in the order given; `again` marks those that were received before.
    async fn judge(
        &self,
        program: &ProgramId,
        partner: &PartnerId,
        arrivals: &mut [Arrival],
        again: &[bool],
        deadline: Instant,
    ) -> Vec<Outcome> {
        match self.try_judge(program, partner, arrivals, again, deadline).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcome = if error.is_transient() { Outcome::Transient } else { Outcome::Broken };
                for Arrival { event, .. } in arrivals.iter() {
                    let (correlation_id, partner) = (event.identity.to_string(), event.partner.as_str());
                    tracing::warn!(correlation_id, partner, outcome = outcome.word(), %error, "an event was not judged");
                }
                vec![outcome; arrivals.len()]
            }
        }
    }

    async fn try_judge(
        &self,
        program: &ProgramId,
        partner: &PartnerId,
        arrivals: &mut [Arrival],
        again: &[bool],
        deadline: Instant,
    ) -> Result<Vec<Outcome>, StoreError> {
        let now = self.store.clock().now();
        let mut outcomes = vec![None; arrivals.len()];
        if again.contains(&true) {
            self.pseudonymise(program, partner, arrivals).await?;
        }
        for (at, arrival) in arrivals.iter().enumerate().filter(|(at, _)| again[*at]) {
            outcomes[at] = self.seen_before(arrival, now).await?;
        }
        let fresh: Vec<usize> = (0..arrivals.len()).filter(|at| outcomes[*at].is_none()).collect();
        let group: Vec<Arrival> = fresh.iter().map(|at| arrivals[*at].clone()).collect();
        let settled = match store::programs::read(&self.store, program).await? {
            Some(programs) => {
                engine::events::judge(&self.store, &programs, partner, &group, Patience::until(deadline)).await
            }
            None => {
                let mut group = group;
                self.pseudonymise(program, partner, &mut group).await?;
                self.hold_for_program(&group, now).await?
            }
        };
        for (at, settled) in fresh.into_iter().zip(settled) {
            report(&arrivals[at].event, &settled);
            outcomes[at] = Some(settled.outcome);
        }
        Ok(outcomes.into_iter().map(|o| o.unwrap_or(Outcome::Transient)).collect())
    }

    /// What an earlier delivery of this event came to, if it came to anything.
    async fn seen_before(&self, arrival: &Arrival, now: Timestamp) -> Result<Option<Outcome>, StoreError> {
        let outcome = engine::events::seen_before(&self.store, arrival, now).await?;
        if let Some(outcome) = outcome {
            report(&arrival.event, &Settled { outcome, record: None, why: None });
        }
        Ok(outcome)
    }

    async fn hold_for_program(&self, arrivals: &[Arrival], now: Timestamp) -> Result<Vec<Settled>, StoreError> {
        let until = now.saturating_add(PROGRAM_WAIT).unwrap_or(Timestamp::MAX);
        let mut settled = Vec::new();
        for arrival in arrivals {
            let outcome = engine::events::hold_for_program(&self.store, arrival, until, now).await?;
            settled.push(Settled { outcome, record: None, why: None });
        }
        Ok(settled)
    }

    async fn pseudonymise(
        &self,
        program: &ProgramId,
        partner: &PartnerId,
        arrivals: &mut [Arrival],
    ) -> Result<(), StoreError> {
        let persons: BTreeSet<PersonId> = arrivals.iter().flat_map(|arrival| arrival.event.persons_as_sent()).gather();
        if persons.is_empty() {
            return Ok(());
        }
        let names = store::persons::pseudonyms(&self.store, program, partner, &persons).await?;
        for arrival in arrivals {
            arrival.event.pseudonymise(&names);
        }
        Ok(())
    }

    /// An event whose identity an earlier message of this batch has: judged by the record that message left. If it left
    /// none (it was held, rejected or failed), this one is delivered again and judged then.
    async fn repeated(&self, received: &Received, done: &[Done]) -> Outcome {
        if done.iter().all(|d| d.outcome.reply() == Reply::HandBack) {
            return Outcome::Transient;
        }
        let mut arrivals = [received.arrival.clone()];
        let event = &received.arrival.event;
        if self.pseudonymise(&event.identity.program, &event.partner, &mut arrivals).await.is_err() {
            return Outcome::Transient;
        }
        match self.seen_before(&arrivals[0], self.store.clock().now()).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) | Err(_) => Outcome::Transient,
        }
    }
}

/// Tells what became of an event, under its correlation id. Never its body.
fn report(event: &Event, settled: &Settled) {
    let correlation_id = event.identity.to_string();
    let (outcome, partner) = (settled.outcome.word(), event.partner.as_str());
    match (&settled.why, settled.outcome) {
        (Some(Why::Failed(error)), Outcome::Transient) => {
            tracing::warn!(correlation_id, partner, outcome, %error, "an event was not committed yet; it is delivered again");
        }
        (Some(Why::Failed(error)), _) => {
            tracing::error!(correlation_id, partner, outcome, %error, "an event was not committed");
        }
        (_, judged) if judged.needs_a_person() => {
            tracing::warn!(correlation_id, partner, outcome, "an event needs a person");
        }
        _ => {
            let position = settled.record.as_ref().map(|r| r.position);
            tracing::info!(
                correlation_id,
                partner,
                outcome,
                position,
                event_type = event.kind.name(),
                "an event was judged"
            );
        }
    }
}

fn reply(done: Vec<Done>) -> SqsBatchResponse {
    let mut counts = BTreeMap::new();
    for one in &done {
        *counts.entry(one.outcome.word()).or_insert(0) += 1;
    }
    count(&counts);
    failures(done.into_iter().filter(|d| d.outcome.reply() == Reply::HandBack).map(|d| d.message.id))
}
