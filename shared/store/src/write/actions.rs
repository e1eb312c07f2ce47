//! The parts of a transaction: conditions, stock, what a cancellation gives back.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use domain::ledger::Record;
use domain::redemption::StockMove;
use event::Meaning;
use event::ids::RewardId;

use crate::StoreError;
use crate::tables::items::{Item, read};

/// What the record means that stands in the way.
pub(crate) fn meaning_of(reason: &CancellationReason) -> Result<Meaning, StoreError> {
    let item =
        reason.item().ok_or(StoreError::Unreadable { what: "record", why: "it was not given back".to_owned() })?;
    Ok(read::<Record>(item, "record")?.meaning())
}

/// The attributes of a stock item; some are reserved words of the expression language.
pub(crate) fn stock_names() -> std::collections::HashMap<String, String> {
    ["free", "reserved", "issued"].map(|name| (format!("#{name}"), name.to_owned())).into()
}

/// One move per reward: DynamoDB takes one action per item.
pub(crate) fn merged(moves: &[StockMove]) -> BTreeMap<RewardId, StockMove> {
    let mut merged: BTreeMap<RewardId, StockMove> = BTreeMap::new();
    for moved in moves {
        let sum = merged.entry(moved.reward_id.clone()).or_insert(StockMove {
            reward_id: moved.reward_id.clone(),
            free: 0,
            reserved: 0,
            issued: 0,
        });
        sum.free += moved.free;
        sum.reserved += moved.reserved;
        sum.issued += moved.issued;
    }
    merged
}

/// What must still hold of an item when it is written.
pub(crate) enum Condition {
    /// Guarded by another item of the same transaction.
    None,
    /// The counter in this attribute, or that the item does not exist.
    Version(&'static str, Option<u64>),
}

type Parts = (Option<String>, Option<std::collections::HashMap<String, String>>, Option<Item>);

impl Condition {
    pub(crate) fn parts(self) -> Parts {
        match self {
            Condition::None => (None, None, None),
            Condition::Version(_, None) => (Some("attribute_not_exists(pk)".to_owned()), None, None),
            Condition::Version(name, Some(version)) => {
                let names = std::collections::HashMap::from([("#v".to_owned(), name.to_owned())]);
                let values: Item =
                    std::collections::HashMap::from([(":v".to_owned(), AttributeValue::N(version.to_string()))]);
                (Some("#v = :v".to_owned()), Some(names), Some(values))
            }
        }
    }
}
