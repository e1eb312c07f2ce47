//! Load, order, commit, reply.

use std::collections::BTreeMap;

use ambient::{Clock, Instant, Random};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::redemption::{Redemption, RedemptionStatus, RedemptionStep};
use engine::steps::Step;
use event::ids::{PartnerId, ProgramId, RedemptionId};
use event::{ReleaseReason, planted};
use program::{Programs, Provider};
use serde::Deserialize;
use store::{Store, StoreError, patience::Patience, write::Check};
use worker::{Clients, Message, NamelessMessage, Settings, SettingsError, count, failures, messages};

use crate::provider::{Ordered, order};

/// Tries to record that an order was declined, before it is looked at anew.
const DECLINE_TRIES_MAX: u32 = 6;

/// The function's state between invocations.
#[derive(Clone)]
pub struct FulfilRedemptions {
    store: Store,
}

/// A message of the queue `redemptions`.
#[derive(Debug, Deserialize)]
struct Order {
    program: ProgramId,
    partner: PartnerId,
    redemption_id: RedemptionId,
}

impl FulfilRedemptions {
    /// A handler on this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// A handler as the environment says.
    ///
    /// # Errors
    /// [`SettingsError`]: a variable is missing or does not read.
    pub fn from_env(clock: Clock, random: Random) -> Result<Self, SettingsError> {
        let (settings, clients) = (Settings::from_env()?, Clients::from_env()?);
        Ok(Self::new(Store::open(clients.dynamodb(), settings.tables()?, clock, random)))
    }

    /// Moves each redemption on until it is final. What fails is delivered again and goes on where it stands.
    ///
    /// # Errors
    /// A message without an id: the reply could not name it, so the whole batch is delivered again.
    pub async fn handle(&self, batch: SqsEvent, deadline: Instant) -> Result<SqsBatchResponse, NamelessMessage> {
        let mut failed = Vec::new();
        for message in messages(batch)? {
            let moved = match read(&message) {
                Ok(due) => {
                    self.fulfil(&due, deadline).await.map_err(|error| (Some(due.redemption_id.to_string()), error))
                }
                Err(error) => Err((None, error)),
            };
            if let Err((correlation_id, error)) = moved {
                tracing::warn!(correlation_id, message_id = message.id, %error, "a redemption was not moved on");
                failed.push(message.id);
            }
        }
        Ok(failures(failed))
    }

    async fn fulfil(&self, due: &Order, deadline: Instant) -> Result<(), StoreError> {
        let Some(programs) = store::programs::read(&self.store, &due.program).await? else { return Ok(()) };
        let patience = Patience::until(deadline);
        let Some(redemption) =
            store::redemptions::one(&self.store, &due.program, &due.partner, &due.redemption_id).await?
        else {
            return Ok(());
        };
        if redemption.status.is_final() {
            return Ok(());
        }
        if redemption.status == RedemptionStatus::Reserved
            && !self.step(&programs, &redemption, RedemptionStep::Ordering, patience, None).await?
        {
            // Cancelled just now: nothing was ordered and nothing is to be.
            return Ok(());
        }
        let unknown = || StoreError::Unreadable { what: "reward", why: "no version has it".to_owned() };
        let provider = programs.reward(&redemption.reward_id).ok_or_else(unknown)?.provider;
        let ordered = match order(&self.store, &due.program, provider, &redemption).await {
            Err(_) if planted("an order in doubt is released") => Ordered::Declined,
            ordered => ordered?,
        };
        match ordered {
            Ordered::Delivered => self.step(&programs, &redemption, RedemptionStep::Fulfilled, patience, None).await?,
            Ordered::Declined => {
                let none = match provider {
                    Provider::Vouchers => store::cards::none_issued(&self.store, &due.program, &redemption)?,
                };
                let none = Some(none).filter(|_| !planted("an order in doubt is released"));
                // Where another worker has just been given a card, the next delivery finds it.
                let patience = Patience { tries_max: DECLINE_TRIES_MAX, ..patience };
                let released = RedemptionStep::Released(ReleaseReason::Declined);
                self.step(&programs, &redemption, released, patience, none).await?
            }
        };
        Ok(())
    }

    /// Records one step, if what is checked holds. False: its state does not allow it any more.
    async fn step(
        &self,
        programs: &Programs,
        redemption: &Redemption,
        to: RedemptionStep,
        patience: Patience,
        check: Option<Check>,
    ) -> Result<bool, StoreError> {
        let now = self.store.clock().now();
        let program = &programs.current(now).program.id;
        let event = to.event(program, &redemption.partner, &redemption.id, now);
        let name = event.kind.name();
        let step = engine::steps::take_only_if(&self.store, programs, &event, patience, |_| (), check).await?;
        let (correlation_id, moot) = (&*redemption.id, matches!(step, Step::Moot(_)));
        tracing::info!(correlation_id, step = name, moot, "a redemption was moved on");
        if matches!(step, Step::Recorded(_)) {
            count(&BTreeMap::from([(name, 1)]));
        }
        Ok(!moot)
    }
}

fn read(message: &Message) -> Result<Order, StoreError> {
    serde_json::from_str(&message.body).map_err(|e| StoreError::Unreadable { what: "message", why: e.to_string() })
}
