//! Reading a partner's state, strongly consistent.
//!
//! Everything that is the partner's alone is written together with the head. So whatever is read after the head is either
//! as old as the head, or the head has moved and the commit, conditioned on the head, fails and reads again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::decide::{Named, Needs, State};
use domain::ledger::packed::{self, StoredHead};
use domain::ledger::{Account, Head, PoolBalance, PoolPart};
use event::Gather;
use event::ids::{PartnerId, ProgramId};

use crate::tables::items::{Item, PartItem, Stock, read, state_key, text};
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
    Ok(Some(begun(store, program, partner).await?.head).filter(|head| head.position > 0))
}

/// The account that the partner's head begins; empty if the partner has no history.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn begun(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<Account, StoreError> {
    let Some(item) = get(store, &keys::partner(program, partner), keys::HEAD).await? else {
        return Ok(Account::default());
    };
    opened(&item)
}

/// The account that a head's item begins.
fn opened(item: &Item) -> Result<Account, StoreError> {
    packed::open(&read::<StoredHead>(item, "head")?).map_err(|why| StoreError::Unreadable { what: "head", why })
}

/// The version of a partner's head, whether or not the rest of it reads; 0 if the partner has no history.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn position(store: &Store, program: &ProgramId, partner: &PartnerId) -> Result<u64, StoreError> {
    let item = get(store, &keys::partner(program, partner), keys::HEAD).await?;
    let position = item.as_ref().and_then(|item| item.get(keys::POSITION)?.as_n().ok()?.parse().ok());
    let bad = || StoreError::Unreadable { what: "head", why: "it has no position".to_owned() };
    if item.is_none() { Ok(0) } else { position.ok_or_else(bad) }
}

/// The whole account, with the sort key of every part that is stored beside its head.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn whole(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
) -> Result<(Account, BTreeSet<String>), StoreError> {
    let mut account = begun(store, program, partner).await?;
    let mut sort_keys = BTreeSet::new();
    for family in keys::FAMILIES {
        let query = store.client.query().table_name(store.state()).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :family)");
        let query = query.expression_attribute_values(":pk", text(keys::partner(program, partner)));
        let query = query.expression_attribute_values(":family", text(family));
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item?;
            let part: PartItem = read(&item, family)?;
            // It may be dropped at any time, and nobody needs it.
            if part.expires_at.is_some_and(|at| at <= store.clock.now().as_second()) {
                continue;
            }
            packed::take(&mut account, &part.content).map_err(|why| StoreError::Unreadable { what: family, why })?;
            // One that was emptied holds nothing.
            let sort_key = item.get(keys::SK).and_then(|value| value.as_s().ok());
            sort_keys.extend(sort_key.filter(|_| part.content != EMPTY).cloned());
        }
    }
    packed::read_all(&mut account);
    Ok((account, sort_keys))
}

/// What a part holds that was emptied.
pub(crate) const EMPTY: &str = "{}";

/// What is read first, in one call: the head of a partner, what events name beside it, and the items of `more`, by their sort keys
/// at the partner.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn begin(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    named: &Named,
    more: Vec<String>,
) -> Result<(State, BTreeMap<String, Item>), StoreError> {
    let own = keys::partner(program, partner);
    let mut wanted = keys_of(program, named);
    wanted.extend([keys::HEAD.to_owned()].iter().chain(&more).map(|sort_key| (own.clone(), sort_key.clone())));
    let mut found = batch_get(store, wanted).await?;
    let head = found.remove(&(own.clone(), keys::HEAD.to_owned()));
    let account = head.as_ref().map(opened).transpose()?.unwrap_or_default();
    let mut state = State::of(partner.clone(), Box::new(account));
    take_named(&mut found, program, named, &mut state)?;
    let more = more.into_iter().filter_map(|sort_key| {
        let item = found.remove(&(own.clone(), sort_key.clone()))?;
        Some((sort_key, item))
    });
    Ok((state, more.gather()))
}

/// Reads what is named outside of an account into `state`.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn fill_named(
    store: &Store,
    program: &ProgramId,
    named: &Named,
    state: &mut State,
) -> Result<(), StoreError> {
    take_named(&mut batch_get(store, keys_of(program, named)).await?, program, named, state)
}

/// Sub-balances of pools as they are stored; those that are not there hold nothing.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn pools(
    store: &Store,
    program: &ProgramId,
    parts: impl IntoIterator<Item = PoolPart>,
) -> Result<BTreeMap<PoolPart, PoolBalance>, StoreError> {
    let needs = Needs { pools: parts.into_iter().collect(), ..Needs::default() };
    let mut state = State::new(PartnerId::program());
    fill(store, program, &needs, &mut state).await?;
    Ok(state.pools.read)
}

/// Every sub-balance that is stored of a program.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn pool_parts(store: &Store, program: &ProgramId) -> Result<BTreeSet<PoolPart>, StoreError> {
    let scan = store.client.scan().table_name(store.state()).projection_expression(keys::PK);
    let scan = scan.filter_expression("begins_with(pk, :pools)");
    let mut items =
        scan.expression_attribute_values(":pools", text(keys::pools(program))).into_paginator().items().send();
    let mut found = BTreeSet::new();
    while let Some(item) = items.next().await {
        let item = item?;
        let pk = item.get(keys::PK).and_then(|pk| pk.as_s().ok());
        found.extend(pk.and_then(|pk| keys::pool_part(pk)));
    }
    Ok(found)
}

fn keys_of(program: &ProgramId, named: &Named) -> Vec<(String, String)> {
    let others = named.others.iter().map(|id| (keys::partner(program, id), keys::HEAD.to_owned()));
    let deals = named.deals.iter().map(|id| (keys::deal(program, id), keys::ONLY.to_owned()));
    let opportunities = named.opportunities.iter().map(|id| (keys::opportunity(program, id), keys::ONLY.to_owned()));
    others.chain(deals).chain(opportunities).collect()
}

fn take_named(found: &mut Found, program: &ProgramId, named: &Named, state: &mut State) -> Result<(), StoreError> {
    let mut take = |pk: String, sk: &str| found.remove(&(pk, sk.to_owned()));
    for id in &named.others {
        let head = take(keys::partner(program, id), keys::HEAD).as_ref().map(opened).transpose()?;
        state.others.insert(id.clone(), head.map(|account| account.head).unwrap_or_default());
    }
    for id in &named.deals {
        let deal = take(keys::deal(program, id), keys::ONLY).map(|item| read(&item, "deal")).transpose()?;
        state.deals.insert(id.clone(), deal);
    }
    for id in &named.opportunities {
        let item = take(keys::opportunity(program, id), keys::ONLY);
        state.opportunities.insert(id.clone(), item.map(|item| read(&item, "opportunity")).transpose()?);
    }
    Ok(())
}

/// Reads what a decision looks at beside that into `state`. Nothing is asked where nothing is needed.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn fill(store: &Store, program: &ProgramId, needs: &Needs, state: &mut State) -> Result<(), StoreError> {
    let own = keys::partner(program, &state.partner);
    let mut wanted: Vec<_> = needs.parts.iter().map(|part| (own.clone(), keys::part(part))).collect();
    wanted.extend(needs.redemptions.iter().map(|id| (own.clone(), keys::redemption(id))));
    wanted.extend(needs.opportunities.iter().map(|id| (keys::opportunity(program, id), keys::ONLY.to_owned())));
    wanted.extend(needs.rewards.iter().map(|id| (keys::reward(program, id), keys::STOCK.to_owned())));
    wanted.extend(needs.pools.iter().map(|part| (keys::pool(program, part), keys::ONLY.to_owned())));
    let found = batch_get(store, wanted).await?;
    let item = |pk: &str, sk: &str| found.get(&(pk.to_owned(), sk.to_owned()));
    for part in &needs.parts {
        let stored = item(&own, &keys::part(part)).map(|i| read::<PartItem>(i, "part of an account")).transpose()?;
        let content = stored.as_ref().map(|stored| stored.content.as_str());
        packed::read(&mut state.account, part.clone(), content)
            .map_err(|why| StoreError::Unreadable { what: "part of an account", why })?;
    }
    for id in &needs.rewards {
        let stock = item(&keys::reward(program, id), keys::STOCK).map(|i| read::<Stock>(i, "stock")).transpose()?;
        state.stock.insert(id.clone(), stock.unwrap_or_default().free);
    }
    for part in &needs.pools {
        let stored = item(&keys::pool(program, part), keys::ONLY).map(|item| read(item, "pool")).transpose()?;
        state.pools.read.insert(part.clone(), stored.unwrap_or_default());
    }
    for id in &needs.opportunities {
        let found = item(&keys::opportunity(program, id), keys::ONLY);
        state.opportunities.insert(id.clone(), found.map(|item| read(item, "opportunity")).transpose()?);
    }
    for id in &needs.redemptions {
        if let Some(found) = item(&own, &keys::redemption(id)) {
            state.redemptions.insert(id.clone(), read(found, "redemption")?);
        }
    }
    Ok(())
}

pub(crate) async fn get(store: &Store, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
    let get = store.client.get_item().table_name(store.state()).set_key(Some(state_key(pk, sk)));
    Ok(get.consistent_read(true).send().await?.item)
}

/// Items that were read, by their keys.
type Found = HashMap<(String, String), Item>;

pub(crate) async fn batch_get(store: &Store, wanted: Vec<(String, String)>) -> Result<Found, StoreError> {
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
