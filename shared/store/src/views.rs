//! Reading: records, histories, what needs a person, what is due.

use domain::ledger::Record;
use domain::text::{Identity, PartnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::items::{Item, ledger_key, number, read, text};
use crate::{Kept, Quarantined, Store, StoreError, keys};

/// A page of a list, and where the next one starts.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; none after the last.
    pub next: Option<u64>,
}

impl Store {
    /// The record that has an identity.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn record(&self, identity: &Identity) -> Result<Option<Record>, StoreError> {
        let get = self.client.get_item().table_name(self.ledger()).set_key(Some(ledger_key(&keys::record(identity))));
        let item = get.consistent_read(true).send().await?.item;
        item.map(|item| read(&item, "record")).transpose()
    }

    /// A partner's records, newest first, from below position `before`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn history(
        &self,
        program: &ProgramId,
        partner: &PartnerId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<Record>, StoreError> {
        let limit = limit.clamp(1, 1_000);
        let query =
            self.client.query().table_name(self.ledger()).index_name(keys::BY_POSITION).scan_index_forward(false);
        let query = query.expression_attribute_values(":partner", text(keys::partner(program, partner)));
        let query = query.expression_attribute_names("#position", keys::POSITION);
        let query = query.key_condition_expression("partner_key = :partner AND #position < :before");
        let query = query.expression_attribute_values(":before", number(before.unwrap_or(u64::from(u32::MAX) * 1_000)));
        let mut items: Vec<Record> = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let rest = i32::try_from(limit - items.len()).unwrap_or(1);
            let reply = query.clone().limit(rest).set_exclusive_start_key(start).send().await?;
            for item in reply.items() {
                items.push(read(item, "record")?);
            }
            start = reply.last_evaluated_key;
            if start.is_none() || items.len() >= limit {
                break;
            }
        }
        let next = items.last().map(|r| r.position).filter(|p| *p > 1 && items.len() >= limit);
        Ok(Page { items, next })
    }

    /// What was kept beside the records of a program with one outcome, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn kept(&self, program: &str, outcome: &str, limit: i32) -> Result<Vec<Kept>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.ledger())
            .index_name(keys::BY_ATTENTION)
            .scan_index_forward(false)
            .limit(limit);
        let query = query.expression_attribute_values(":attention", text(keys::attention(program, outcome)));
        let reply = query.key_condition_expression("attention = :attention").send().await?;
        reply.items().iter().map(|item| read(item, "kept event")).collect()
    }

    /// Quarantined messages, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn quarantined(&self, limit: i32) -> Result<Vec<Quarantined>, StoreError> {
        let query = self.client.query().table_name(self.state()).key_condition_expression("pk = :pk").limit(limit);
        let reply = query.expression_attribute_values(":pk", text(keys::QUARANTINE)).send().await?;
        reply.items().iter().map(|item| read(item, "quarantine note")).collect()
    }

    /// Partners of one shard of the due index on whom something is due by `day`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn due(&self, program: &ProgramId, shard: u32, day: Date) -> Result<Vec<String>, StoreError> {
        let due = self.due_keys(keys::due_shard_number(program, shard), day.to_string()).await?;
        Ok(due.iter().filter_map(|(pk, _)| partner_of(pk)).collect())
    }

    /// Redemptions of a program, by partner and id, that are not final and have not moved since `before`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn standing_redemptions(
        &self,
        program: &ProgramId,
        before: Timestamp,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let standing = self.due_keys(keys::standing(program), before.to_string()).await?;
        let id = |sk: &str| sk.split('#').nth(1).map(str::to_owned);
        Ok(standing.iter().filter_map(|(pk, sk)| Some((partner_of(pk)?, id(sk)?))).collect())
    }

    async fn due_keys(&self, shard: String, until: String) -> Result<Vec<(String, String)>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(self.state())
            .index_name(keys::BY_DUE)
            .key_condition_expression("due_shard = :shard AND due_on <= :until")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(":until", text(until))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item?;
            let part = |name| item.get(name).and_then(|v| v.as_s().ok()).cloned();
            found.extend(part(keys::PK).zip(part(keys::SK)));
        }
        Ok(found)
    }
}

/// The partner in the partition key of a partner's items.
fn partner_of(key: &str) -> Option<String> {
    let last = key.split('#').nth(2)?;
    Some(last.replace("%23", "#").replace("%25", "%"))
}

impl Store {
    /// A note of the deployment's own, such as how far a stream was delivered.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        let item = self.get(keys::SETTINGS, name).await?;
        item.map(|i| read::<crate::items::Content<String>>(&i, "note").map(|c| c.content)).transpose()
    }

    /// Sets a note.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Refused`].
    pub async fn set_note(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let item = crate::items::with_key(
            crate::items::state_key(keys::SETTINGS, name),
            &crate::items::Content { content: text },
            "note",
        )?;
        self.client.put_item().table_name(self.state()).set_item(Some(item)).send().await?;
        Ok(())
    }
}
