//! Items as they stand in the tables.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use event::Gather;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys;
use crate::error::{StoreError, unreadable};

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key of a state item.
pub fn state_key(pk: &str, sk: &str) -> Item {
    HashMap::from([(keys::PK.to_owned(), text(pk)), (keys::SK.to_owned(), text(sk))])
}

/// The key of a ledger item.
pub fn ledger_key(id: &str) -> Item {
    HashMap::from([(keys::ID.to_owned(), text(id))])
}

/// The value with its key: a whole item.
///
/// # Errors
/// [`StoreError::Unreadable`] if the value has no form in DynamoDB.
pub fn with_key<T: Serialize>(key: Item, value: &T, what: &'static str) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(unreadable(what))?;
    item.extend(key);
    Ok(item)
}

/// Reads an item's value; keys and index attributes are passed over.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub fn read<T: DeserializeOwned>(item: &Item, what: &'static str) -> Result<T, StoreError> {
    serde_dynamo::from_item(item.clone()).map_err(unreadable(what))
}

/// The attributes that put an item into the due index, under a shard and a day or instant.
pub(crate) fn due(shard: String, on: impl ToString) -> Item {
    HashMap::from([(keys::DUE_SHARD.to_owned(), text(shard)), (keys::DUE_ON.to_owned(), text(on.to_string()))])
}

/// Items whose content is one map.
#[derive(Serialize, Deserialize)]
pub(crate) struct Content<T> {
    pub(crate) content: T,
}

/// A part of an account that stands in an item of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct PartItem {
    /// What it holds.
    #[serde(rename = "b")]
    pub(crate) content: String,
    /// When it may be dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<i64>,
}

/// A reward's stock. Always: loaded = free + reserved + issued (I18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Pieces ever loaded.
    pub loaded: i64,
    /// Pieces that can be redeemed.
    pub free: i64,
    /// Pieces set aside for redemptions.
    pub reserved: i64,
    /// Pieces delivered.
    pub issued: i64,
}

/// A page of a list, and where the next one starts.
#[derive(Clone, Debug)]
pub struct Page<T, N = String> {
    /// Its items.
    pub items: Vec<T>,
    /// Where the next page starts; none after the last.
    pub next: Option<N>,
}

/// Where a page starts, as text: the names and values of a key, all of which are texts or numbers.
pub(crate) fn start_to_text(key: &Item) -> String {
    let value = |value: &AttributeValue| match value {
        AttributeValue::N(digits) => format!("n{digits}"),
        other => format!("s{}", other.as_s().map_or("", String::as_str)),
    };
    let members: BTreeMap<&String, String> = key.iter().map(|(name, v)| (name, value(v))).gather();
    serde_json::to_string(&members).unwrap_or_default()
}

/// Where a page starts; `None` if the text names no place.
pub(crate) fn start_from_text(text_of_key: &str) -> Option<Item> {
    let members: BTreeMap<String, String> = serde_json::from_str(text_of_key).ok()?;
    let value = |value: String| match value.split_at_checked(1)? {
        ("n", digits) => Some(number(digits)),
        ("s", chars) => Some(text(chars)),
        _ => None,
    };
    members.into_iter().map(|(name, v)| Some((name, value(v)?))).collect()
}

/// How large DynamoDB counts an item, in bytes: names and values, as its documentation has it.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.trim_start_matches('-').len().div_ceil(2) + 1,
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|v| 1 + value_size(v)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(k, v)| 1 + k.len() + value_size(v)).sum::<usize>(),
        _ => 1,
    }
}
