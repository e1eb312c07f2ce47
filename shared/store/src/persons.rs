//! Persons: kept as pseudonyms only.

use std::collections::BTreeMap;

use event::ids::{PartnerId, ProgramId};

use crate::tables::items::{Content, read, state_key, with_key};
use crate::tables::keys;
use crate::{Store, StoreError, state};

/// The pseudonym of each person at a partner; new persons get one. Random, so that deleting the mapping erases the
/// person from the ledger.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn pseudonyms(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    persons: &[&str],
) -> Result<BTreeMap<String, String>, StoreError> {
    let own = keys::partner(program, partner);
    let wanted = persons.iter().map(|p| (own.clone(), keys::pseudonym(p))).collect::<std::collections::BTreeSet<_>>();
    let found = state::batch_get(store, wanted.into_iter().collect()).await?;
    let mut names = BTreeMap::new();
    for person in persons {
        let known = found.get(&(own.clone(), keys::pseudonym(person)));
        let name = match known {
            Some(item) => read::<Content<String>>(item, "pseudonym")?.content,
            None if names.contains_key(*person) => continue,
            None => new_pseudonym(store, &own, person).await?,
        };
        names.insert((*person).to_owned(), name);
    }
    Ok(names)
}

async fn new_pseudonym(store: &Store, own: &str, person: &str) -> Result<String, StoreError> {
    let name = format!("person-{}", &store.random.uuid()?.simple().to_string()[..12]);
    let item = with_key(state_key(own, &keys::pseudonym(person)), &Content { content: name.clone() }, "pseudonym")?;
    let put = store.client.put_item().table_name(store.state()).set_item(Some(item));
    match put.condition_expression("attribute_not_exists(pk)").send().await {
        Ok(_) => Ok(name),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            // Somebody else named the same person just now: theirs stands.
            let item = state::get(store, own, &keys::pseudonym(person)).await?;
            let item = item.ok_or_else(|| StoreError::Unavailable("a pseudonym came and went".to_owned()))?;
            Ok(read::<Content<String>>(&item, "pseudonym")?.content)
        }
        Err(error) => Err(error.into()),
    }
}
