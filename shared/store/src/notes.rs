//! Notes of the deployment's own, such as how far a stream was delivered.

use crate::tables::items::{Content, read as read_item, state_key, with_key};
use crate::tables::keys;
use crate::{Store, StoreError, state};

/// A note of the deployment's own, such as how far a stream was delivered.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn read(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    let item = state::get(store, keys::SETTINGS, name).await?;
    item.map(|i| read_item::<Content<String>>(&i, "note").map(|c| c.content)).transpose()
}

/// Sets a note.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn set(store: &Store, name: &str, text: &str) -> Result<(), StoreError> {
    let item = with_key(state_key(keys::SETTINGS, name), &Content { content: text }, "note")?;
    store.client.put_item().table_name(store.state()).set_item(Some(item)).send().await?;
    Ok(())
}
