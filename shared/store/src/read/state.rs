//! Reading a partner's state, strongly consistent.
//!
//! Everything that is the partner's alone is written together with the head. So whatever is read after the head is either
//! as old as the head, or the head has moved and the commit, conditioned on the head, fails and reads again.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::decide::{Needs, State};
use domain::ledger::{Account, Head};
use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;

use crate::tables::items::{Content, FrequencyItem, Item, Stock, read, state_key, text};
use crate::tables::{built, keys};
use crate::{Store, StoreError};

/// Most keys of one BatchGetItem.
const BATCH_KEYS_MAX: usize = 100;

/// How often keys that were left unprocessed are asked for again.
const BATCH_TRIES_MAX: u32 = 8;

/// The head of a partner, if the partner has a history.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn head(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Option<Head>, StoreError> {
    let item = get(store, &keys::partner(program, partner), keys::HEAD).await?;
    item.map(|item| read(&item, "head")).transpose()
}

/// The whole account, every year of measures that is kept, for reading.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn account(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    now: Timestamp,
) -> Result<Account, StoreError> {
    let mut state = State::new(partner.clone());
    state.account.head = head(store, program, partner).await?.unwrap_or_default();
    let year = jiff::tz::TimeZone::UTC.to_datetime(now).year();
    let needs = Needs { years: (year - 4..=year + 1).collect(), ..Needs::default() };
    fill(store, program, &needs, &mut state).await?;
    Ok(state.account)
}

/// Reads what a decision looks at beside the head into `state`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn fill(store: &Store, program: &ProgramId, needs: &Needs, state: &mut State) -> Result<(), StoreError> {
    let own = keys::partner(program, &state.partner);
    let mut wanted = vec![(own.clone(), keys::PROFILE.to_owned()), (own.clone(), keys::PENDING.to_owned())];
    wanted.extend(needs.years.iter().map(|year| (own.clone(), keys::measures(*year))));
    wanted.extend(needs.frequency.iter().map(|key| (own.clone(), keys::frequency(key))));
    wanted.extend(needs.redemptions.iter().map(|id| (own.clone(), keys::redemption(id))));
    wanted.extend(needs.deals.iter().map(|id| (keys::deal(program, id), keys::ONLY.to_owned())));
    wanted.extend(needs.opportunities.iter().map(|id| (keys::opportunity(program, id), keys::ONLY.to_owned())));
    wanted.extend(needs.rewards.iter().map(|id| (keys::reward(program, id), keys::STOCK.to_owned())));
    let found = batch_get(store, wanted).await?;
    let item = |pk: &str, sk: &str| found.get(&(pk.to_owned(), sk.to_owned()));
    let account = &mut state.account;
    if let Some(found) = item(&own, keys::PROFILE) {
        account.profile = read(found, "profile")?;
    }
    if let Some(found) = item(&own, keys::PENDING) {
        account.pending = read::<Content<_>>(found, "held points")?.content;
    }
    for year in &needs.years {
        let found = item(&own, &keys::measures(*year)).map(|i| read::<Content<_>>(i, "measures")).transpose()?;
        account.measures.insert(*year, found.map(|c| c.content).unwrap_or_default());
    }
    for key in &needs.frequency {
        let found = item(&own, &keys::frequency(key)).map(|i| read::<FrequencyItem>(i, "frequency")).transpose()?;
        let counts = found.map(|found| key.read(found.content)).transpose();
        let counts = counts.map_err(|why| StoreError::Unreadable { what: "frequency", why })?;
        account.frequency.insert(key.clone(), counts.unwrap_or_default());
    }
    for id in &needs.deals {
        let deal = item(&keys::deal(program, id), keys::ONLY).map(|i| read(i, "deal")).transpose()?;
        state.deals.insert(id.clone(), deal);
    }
    for id in &needs.opportunities {
        let opportunity =
            item(&keys::opportunity(program, id), keys::ONLY).map(|i| read(i, "opportunity")).transpose()?;
        state.opportunities.insert(id.clone(), opportunity);
    }
    for id in &needs.rewards {
        let stock = item(&keys::reward(program, id), keys::STOCK).map(|i| read::<Stock>(i, "stock")).transpose()?;
        state.stock.insert(id.clone(), stock.unwrap_or_default().free);
    }
    for id in &needs.redemptions {
        if let Some(found) = item(&own, &keys::redemption(id)) {
            state.redemptions.insert(id.clone(), read(found, "redemption")?);
        }
    }
    Ok(())
}

/// The sort keys of a partner's measures and counts.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn parts(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for family in [keys::MEASURES, keys::FREQUENCY] {
        let query = store.client.query().table_name(store.state()).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :family)");
        let query = query.expression_attribute_values(":pk", text(keys::partner(program, partner)));
        let query = query.expression_attribute_values(":family", text(format!("{family}#")));
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item?;
            let is_empty = item.get("content").and_then(|c| c.as_m().ok()).is_some_and(HashMap::is_empty);
            found.extend(item.get(keys::SK).and_then(|v| v.as_s().ok()).filter(|_| !is_empty).cloned());
        }
    }
    Ok(found)
}

/// The sort keys of the measures and counts that are needed.
pub fn sort_keys(needs: &Needs) -> BTreeSet<String> {
    let years = needs.years.iter().map(|year| keys::measures(*year));
    years.chain(needs.frequency.iter().map(keys::frequency)).collect()
}

pub(crate) async fn get(store: &Store, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
    let get = store.client.get_item().table_name(store.state()).set_key(Some(state_key(pk, sk)));
    Ok(get.consistent_read(true).send().await?.item)
}

pub(crate) async fn batch_get(
    store: &Store,
    wanted: Vec<(String, String)>,
) -> Result<HashMap<(String, String), Item>, StoreError> {
    let mut found = HashMap::new();
    for chunk in wanted.chunks(BATCH_KEYS_MAX) {
        let all: Vec<Item> = chunk.iter().map(|(pk, sk)| state_key(pk, sk)).collect();
        for item in batch_get_chunk(store, store.state(), all).await? {
            let part = |name| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
            found.insert((part(keys::PK), part(keys::SK)), item);
        }
    }
    Ok(found)
}

/// One BatchGetItem, asked again for what was left unprocessed.
pub(crate) async fn batch_get_chunk(store: &Store, table: &str, mut left: Vec<Item>) -> Result<Vec<Item>, StoreError> {
    let mut found = Vec::new();
    for attempt in 0..BATCH_TRIES_MAX {
        if left.is_empty() {
            return Ok(found);
        }
        crate::patience::pause(store, attempt).await;
        let ask = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build().map_err(built)?;
        let reply = store.client.batch_get_item().request_items(table, ask).send().await?;
        found.extend(reply.responses.unwrap_or_default().remove(table).unwrap_or_default());
        left = reply.unprocessed_keys.unwrap_or_default().remove(table).map(|k| k.keys).unwrap_or_default();
    }
    Err(StoreError::Unavailable("keys were left unprocessed".to_owned()))
}
