//! What an audit reads: everybody who has a history, a history in its order, an account as it is stored. And the one write
//! that mends an account.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::account::{Account, Head};
use domain::decide::{Needs, State};
use domain::ledger::Record;
use domain::program::Programs;
use domain::redemption::Redemption;
use domain::text::{PartnerId, ProgramId};
use jiff::{SignedDuration, Timestamp};

use crate::commit::{FREQUENCY_SECONDS_KEPT, Transaction, Written};
use crate::items::{Item, text};
use crate::{Store, StoreError, keys};

/// Most records of one page of a history.
const PAGE: usize = 1_000;
/// How often a partner that is written to, or whose history lags behind its head, is read again.
const TRIES_MAX: u32 = 20;
/// Pause before that.
const PAUSE: Duration = Duration::from_millis(500);

/// A partner's account as it is stored, and as its records add up.
#[derive(Debug)]
pub struct Audited {
    /// The records, by position.
    pub records: Vec<Record>,
    /// What is stored.
    pub stored: Account,
    /// What the records add up to, or why they do not.
    pub rebuilt: Result<Account, String>,
    /// The redemptions as they are stored.
    pub redemptions: Vec<Redemption>,
}

impl Store {
    /// Everybody who has a history or an account: program and partner. Reads the keys of both tables.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn partners(&self) -> Result<BTreeSet<(String, String)>, StoreError> {
        let mut found = BTreeSet::new();
        let mut pages = self.client.scan().table_name(self.ledger()).projection_expression(keys::PARTNER_KEY);
        pages = pages.filter_expression("attribute_exists(partner_key)");
        let mut items = pages.into_paginator().items().send();
        while let Some(item) = items.next().await {
            found.extend(whose(&item?, keys::PARTNER_KEY));
        }
        let heads =
            self.client.scan().table_name(self.state()).projection_expression(keys::PK).filter_expression("sk = :head");
        let mut items = heads.expression_attribute_values(":head", text(keys::HEAD)).into_paginator().items().send();
        while let Some(item) = items.next().await {
            found.extend(whose(&item?, keys::PK));
        }
        Ok(found)
    }

    /// One partner's records, its stored account, and what the records add up to, all of one moment: where the partner is
    /// written to meanwhile, they are read again.
    ///
    /// # Errors
    /// [`StoreError::Contention`] if it never stands still; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn audit(&self, program: &ProgramId, partner: &PartnerId, now: Timestamp) -> Result<Audited, StoreError> {
        for attempt in 0..TRIES_MAX {
            let head = self.head(program, partner).await?.unwrap_or_default();
            let audited = self.audit_from(program, partner, &head, now).await?;
            let still = self.head(program, partner).await?.unwrap_or_default().position == head.position;
            // The index by position may lag behind the head; what is missing after the last try is a finding.
            let whole = audited.records.len() as u64 >= head.position || attempt + 1 == TRIES_MAX;
            if still && whole {
                return Ok(audited);
            }
            self.clock.sleep(PAUSE).await;
        }
        Err(StoreError::Contention)
    }

    /// What is read after the head: as old as the head, or the head has moved.
    async fn audit_from(
        &self,
        program: &ProgramId,
        partner: &PartnerId,
        head: &Head,
        now: Timestamp,
    ) -> Result<Audited, StoreError> {
        let records = self.whole_history(program, partner).await?;
        let rebuilt = domain::audit::rebuild(&records, now, SignedDuration::from_secs(FREQUENCY_SECONDS_KEPT));
        let mut state = State::new(partner.clone());
        state.account.head = head.clone();
        let mut needs = Needs::default();
        if let Ok(rebuilt) = &rebuilt {
            needs.years = rebuilt.measures.keys().copied().collect();
            needs.frequency = rebuilt.frequency.keys().cloned().collect();
        }
        self.fill(program, &needs, &mut state).await?;
        let mut redemptions = Vec::new();
        let mut before = None;
        loop {
            let page = self.redemptions(program, partner, before.as_deref(), 100).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id.clone());
            redemptions.extend(page);
        }
        Ok(Audited { records, stored: state.account, rebuilt, redemptions })
    }

    async fn whole_history(&self, program: &ProgramId, partner: &PartnerId) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        let mut before = None;
        loop {
            let page = self.history(program, partner, before, PAGE).await?;
            records.extend(page.items);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        records.reverse();
        Ok(records)
    }

    /// Writes an account as its records add up (I10), on condition that nobody wrote it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Contention`] if somebody did; [`StoreError::Refused`] if it does not fit one transaction;
    /// [`StoreError::Unavailable`].
    pub async fn mend_account(
        &self,
        programs: &Programs,
        partner: &PartnerId,
        stored: &Account,
        rebuilt: &Account,
    ) -> Result<(), StoreError> {
        let program = &programs.current(self.clock.now()).program.id;
        let state = |account: &Account| State { account: account.clone(), ..State::new(partner.clone()) };
        let mut tx = Transaction::default();
        self.write_account(&mut tx, program, &state(stored), &state(rebuilt))?;
        match self.write(&tx).await? {
            Written::Committed { .. } => Ok(()),
            Written::Stale | Written::Exists(_) => Err(StoreError::Contention),
        }
    }
}

/// Program and partner of a partner's key.
fn whose(item: &Item, name: &str) -> Option<(String, String)> {
    let key = item.get(name)?.as_s().ok()?;
    let mut parts = key.split('#').map(|part| part.replace("%23", "#").replace("%25", "%"));
    (parts.next()? == "partner").then_some(())?;
    Some((parts.next()?, parts.next()?))
}
