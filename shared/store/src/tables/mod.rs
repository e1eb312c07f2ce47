//! The tables' shape, for the embedded engine and for tests. On AWS the template has the same shape.

pub mod items;
pub mod keys;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};

use crate::{Store, StoreError};

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, StoreError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(built)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(built)
}

fn index(name: &str, hash: &str, range: &str, projection: Projection) -> Result<GlobalSecondaryIndex, StoreError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(hash, KeyType::Hash)?)
        .key_schema(key(range, KeyType::Range)?)
        .projection(projection)
        .build()
        .map_err(built)
}

fn all() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}

/// Attributes beside the keys; those that are the index's own keys are there anyhow.
fn these(names: &[&str], own: [&str; 2]) -> Projection {
    let names = names.iter().filter(|name| !own.contains(name)).map(|name| (*name).to_owned());
    Projection::builder().projection_type(ProjectionType::Include).set_non_key_attributes(Some(names.collect())).build()
}

pub(crate) fn built(error: impl std::fmt::Display) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// Creates the tables where they are missing.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn create_tables(store: &Store) -> Result<(), StoreError> {
    use ScalarAttributeType::{N, S};
    let existing = store.client.list_tables().send().await?.table_names.unwrap_or_default();
    if !existing.contains(&store.settings.ledger_table) {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewImage)
            .build()
            .map_err(built)?;
        let create = store
            .client
            .create_table()
            .table_name(store.ledger())
            .billing_mode(BillingMode::PayPerRequest)
            .stream_specification(stream);
        create
            .attribute_definitions(attribute(keys::ID, S)?)
            .attribute_definitions(attribute(keys::HISTORY, S)?)
            .attribute_definitions(attribute(keys::PLACE, N)?)
            .attribute_definitions(attribute(keys::ASIDE, S)?)
            .attribute_definitions(attribute(keys::KEPT_AT, S)?)
            .attribute_definitions(attribute(keys::NAMED, S)?)
            .key_schema(key(keys::ID, KeyType::Hash)?)
            .global_secondary_indexes(index(keys::BY_HISTORY, keys::HISTORY, keys::PLACE, all())?)
            .global_secondary_indexes(index(keys::BY_ASIDE, keys::ASIDE, keys::KEPT_AT, all())?)
            .global_secondary_indexes(index(keys::BY_NAMED, keys::NAMED, keys::KEPT_AT, all())?)
            .send()
            .await?;
    }
    if !existing.contains(&store.settings.state_table) {
        let create = store.client.create_table().table_name(store.state()).billing_mode(BillingMode::PayPerRequest);
        create
            .attribute_definitions(attribute(keys::PK, S)?)
            .attribute_definitions(attribute(keys::SK, S)?)
            .attribute_definitions(attribute(keys::DUE_SHARD, S)?)
            .attribute_definitions(attribute(keys::DUE_ON, S)?)
            .key_schema(key(keys::PK, KeyType::Hash)?)
            .key_schema(key(keys::SK, KeyType::Range)?)
            .global_secondary_indexes(index(keys::BY_DUE, keys::DUE_SHARD, keys::DUE_ON, keys_only())?)
            .send()
            .await?;
    }
    if !existing.contains(&store.settings.waiting_table) {
        let create = store.client.create_table().table_name(store.waiting()).billing_mode(BillingMode::PayPerRequest);
        let until = these(&keys::SHOWN, [keys::WAITS_IN, keys::UNTIL]);
        let whose = these(&keys::SHOWN, [keys::WHOSE, keys::HELD_AT]);
        create
            .attribute_definitions(attribute(keys::PK, S)?)
            .attribute_definitions(attribute(keys::SK, S)?)
            .attribute_definitions(attribute(keys::WAITS_FOR, S)?)
            .attribute_definitions(attribute(keys::WAITS_IN, S)?)
            .attribute_definitions(attribute(keys::UNTIL, S)?)
            .attribute_definitions(attribute(keys::WHOSE, S)?)
            .attribute_definitions(attribute(keys::HELD_AT, S)?)
            .key_schema(key(keys::PK, KeyType::Hash)?)
            .key_schema(key(keys::SK, KeyType::Range)?)
            .global_secondary_indexes(index(keys::BY_AWAITED, keys::WAITS_FOR, keys::UNTIL, all())?)
            .global_secondary_indexes(index(keys::BY_UNTIL, keys::WAITS_IN, keys::UNTIL, until)?)
            .global_secondary_indexes(index(keys::BY_WHOSE, keys::WHOSE, keys::HELD_AT, whose)?)
            .send()
            .await?;
    }
    Ok(())
}
