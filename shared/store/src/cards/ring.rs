//! Which keys have sealed cards here: so that a ring without them is refused before points are spent on cards that nobody can open.

use std::collections::BTreeMap;

use event::ids::{ProgramId, RewardId};

use super::card::Card;
use super::sealer::Sealer;
use crate::tables::items::{Content, read, state_key, text, with_key};
use crate::tables::keys;
use crate::{Store, StoreError};

/// Notes the keys with which cards are about to be sealed. Only the first to use a name says whose it is.
pub(super) async fn note(store: &Store, sealer: &Sealer) -> Result<(), StoreError> {
    for (name, content) in sealer.in_use()? {
        let key = state_key(keys::SETTINGS, &keys::card_key(&name));
        let item = with_key(key, &Content { content: content.clone() }, "card key")?;
        let put = store.client.put_item().table_name(store.state()).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk) OR content = :same");
        match put.expression_attribute_values(":same", text(content)).send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                return Err(StoreError::OtherKeys { name });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// That the ring has every key that has sealed cards here.
///
/// # Errors
/// [`StoreError::OtherKeys`] if not; [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn check(store: &Store, sealer: &Sealer) -> Result<(), StoreError> {
    let query = store.client.query().table_name(store.state()).consistent_read(true);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :key)");
    let query = query.expression_attribute_values(":pk", text(keys::SETTINGS));
    let mut items = query.expression_attribute_values(":key", text(keys::card_key(""))).into_paginator().items().send();
    while let Some(item) = items.next().await {
        let item = item?;
        let Content { content } = read::<Content<String>>(&item, "card key")?;
        let name = item.get(keys::SK).and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default();
        let name = name.strip_prefix(&keys::card_key("")).unwrap_or_default().to_owned();
        if !sealer.has(&name) || sealer.fingerprint(&name)? != content {
            return Err(StoreError::OtherKeys { name });
        }
    }
    Ok(())
}

/// Cards of a reward that this ring does not open, free ones and given ones, by the name of the key that sealed them.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn unopened(
    store: &Store,
    program: &ProgramId,
    reward: &RewardId,
    sealer: &Sealer,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let pk = keys::reward(program, reward);
    let mut found = BTreeMap::new();
    for (table, family) in [(store.waiting(), keys::free_card("")), (store.state(), keys::ISSUED.to_owned())] {
        let query = store.client.query().table_name(table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :family)");
        let query =
            query.expression_attribute_values(":pk", text(&pk)).expression_attribute_values(":family", text(family));
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let card: Card = read(&item?, "card")?;
            if card.open(&pk, sealer).is_err() {
                *found.entry(card.key().to_owned()).or_default() += 1;
            }
        }
    }
    Ok(found)
}
