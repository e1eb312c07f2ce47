//! The deals of a program that a new version of it meets on their way.

use std::collections::BTreeSet;

use event::ids::ProgramId;

use crate::tables::items::{Item, text};
use crate::tables::keys;
use crate::{Store, StoreError};

/// Deals in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Those that have not closed: the version in force then rates them.
    pub open: usize,
    /// Whose they are: so many partners.
    pub partners: usize,
    /// Those that were won and not reversed as a whole since: what corrects them goes by the version that they earned by.
    pub won: usize,
}

/// Counts the deals in flight of a program. Reads the keys of the state, and of deals how they closed.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn in_flight(store: &Store, program: &ProgramId) -> Result<InFlight, StoreError> {
    let scan = store.client.scan().table_name(store.state()).filter_expression("begins_with(pk, :deals)");
    let scan = scan.expression_attribute_values(":deals", text(keys::deals(program)));
    let names = [("#owner", "owner"), ("#closed", "closed"), ("#won", "won"), ("#void", "void")];
    let scan = names.iter().fold(scan, |scan, (name, of)| scan.expression_attribute_names(*name, *of));
    let mut items = scan.projection_expression("pk, #owner, #void, #closed.#won").into_paginator().items().send();
    let (mut found, mut owners) = (InFlight::default(), BTreeSet::new());
    while let Some(item) = items.next().await {
        let item: Item = item?;
        let is = |value: Option<&_>| {
            value.is_some_and(|value: &aws_sdk_dynamodb::types::AttributeValue| value.as_bool() == Ok(&true))
        };
        let Some(closed) = item.get("closed").and_then(|closed| closed.as_m().ok()) else {
            found.open += 1;
            owners.extend(item.get("owner").and_then(|owner| owner.as_s().ok().cloned()));
            continue;
        };
        found.won += usize::from(is(closed.get("won")) && !is(item.get("void")));
    }
    found.partners = owners.len();
    Ok(found)
}
