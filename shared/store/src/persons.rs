//! Persons: kept as pseudonyms only (I28).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use event::Meaning;
use event::ids::{PSEUDONYM, PartnerId, PersonId, ProgramId};

use crate::tables::items::{Content, Item, read, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::{Store, StoreError, state};

/// The pseudonym of each person at a partner; new persons get one now, whatever becomes of the event. Random, so that overwriting
/// the mapping erases the person from the ledger.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn pseudonyms(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    persons: &BTreeSet<PersonId>,
) -> Result<BTreeMap<PersonId, PersonId>, StoreError> {
    let own = keys::partner(program, partner);
    let found = state::batch_get(store, persons.iter().map(|p| (own.clone(), keys::pseudonym(p))).collect()).await?;
    let mut names = BTreeMap::new();
    for person in persons {
        let name = match found.get(&(own.clone(), keys::pseudonym(person))) {
            Some(item) => read::<Content<PersonId>>(item, "pseudonym")?.content,
            None => new_pseudonym(store, &own, person).await?,
        };
        names.insert(person.clone(), name);
    }
    Ok(names)
}

/// How the persons of one partner are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The pseudonym of each.
    pub all: BTreeMap<PersonId, PersonId>,
    /// Those that nobody has called anything yet: what they are to be called from the decision on that records them first.
    pub new: BTreeSet<PersonId>,
}

/// The sort keys at which pseudonyms stand.
pub fn sort_keys(persons: &BTreeSet<PersonId>) -> Vec<String> {
    persons.iter().map(keys::pseudonym).collect()
}

/// How persons are called, of whom the items at their sort keys were read; who is new gets a name that is to be written.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub fn named(store: &Store, persons: &BTreeSet<PersonId>, found: &BTreeMap<String, Item>) -> Result<Names, StoreError> {
    let mut names = Names::default();
    for person in persons {
        let name = match found.get(&keys::pseudonym(person)) {
            Some(item) => read::<Content<PersonId>>(item, "pseudonym")?.content,
            None => {
                names.new.insert(person.clone());
                fresh(store)?
            }
        };
        names.all.insert(person.clone(), name);
    }
    Ok(names)
}

/// Writes what a new person is called, on condition that nobody called the person anything meanwhile.
///
/// # Errors
/// [`StoreError::Unreadable`] if a value has no form in DynamoDB.
pub fn naming(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    (person, name): (&PersonId, &PersonId),
) -> Result<TransactWriteItem, StoreError> {
    let item = mapping(&keys::partner(program, partner), person, name)?;
    let put = Put::builder().table_name(store.state()).set_item(Some(item));
    let put = put.condition_expression("attribute_not_exists(pk)");
    Ok(TransactWriteItem::builder().put(put.build().map_err(built)?).build())
}

fn mapping(own: &str, person: &PersonId, name: &PersonId) -> Result<Item, StoreError> {
    with_key(state_key(own, &keys::pseudonym(person)), &Content { content: name.clone() }, "pseudonym")
}

/// A name that says nothing.
fn fresh(store: &Store) -> Result<PersonId, StoreError> {
    let name = format!("{PSEUDONYM}{}", &store.random.uuid()?.simple().to_string()[..12]);
    PersonId::try_from(name).map_err(|error| StoreError::Refused(error.to_string()))
}

async fn new_pseudonym(store: &Store, own: &str, person: &PersonId) -> Result<PersonId, StoreError> {
    let name = fresh(store)?;
    let item = mapping(own, person, &name)?;
    let put = store.client.put_item().table_name(store.state()).set_item(Some(item));
    match put.condition_expression("attribute_not_exists(pk)").send().await {
        Ok(_) => Ok(name),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            // Somebody else named the same person just now: theirs stands.
            let item = state::get(store, own, &keys::pseudonym(person)).await?;
            let item = item.ok_or_else(|| StoreError::Unavailable("a pseudonym came and went".to_owned()))?;
            Ok(read::<Content<PersonId>>(&item, "pseudonym")?.content)
        }
        Err(error) => Err(error.into()),
    }
}

/// Erases a person: the mapping is overwritten by a new name, and the old one is noted as nobody's any more, so that what
/// was said of it compares as equal to whatever comes.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn erase(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    person: &PersonId,
) -> Result<(), StoreError> {
    let own = keys::partner(program, partner);
    let Some(item) = state::get(store, &own, &keys::pseudonym(person)).await? else { return Ok(()) };
    let old = read::<Content<PersonId>>(&item, "pseudonym")?.content;
    let mapping = mapping(&own, person, &fresh(store)?)?;
    let actions = [mapping, state_key(&own, &keys::erased(&old))].map(|item| {
        let put = Put::builder().table_name(store.state()).set_item(Some(item)).build().map_err(built)?;
        Ok::<_, StoreError>(TransactWriteItem::builder().put(put).build())
    });
    let actions = actions.into_iter().collect::<Result<Vec<_>, _>>()?;
    store.client.transact_write_items().set_transact_items(Some(actions)).send().await?;
    Ok(())
}

/// Notes of those pseudonyms that are nobody's that they are nobody's any more: whose mapping was lost is as erased.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn note_unnamed(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    mut pseudonyms: BTreeSet<PersonId>,
) -> Result<(), StoreError> {
    if pseudonyms.is_empty() {
        return Ok(());
    }
    let own = keys::partner(program, partner);
    let query = store.client.query().table_name(store.state()).consistent_read(true);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :family)");
    let query = query.expression_attribute_values(":pk", text(&own));
    let query = query.expression_attribute_values(":family", text(format!("{}#", keys::PERSON)));
    let mut items = query.into_paginator().items().send();
    while let Some(item) = items.next().await {
        pseudonyms.remove(&read::<Content<PersonId>>(&item?, "pseudonym")?.content);
    }
    for pseudonym in pseudonyms {
        let note = state_key(&own, &keys::erased(&pseudonym));
        store.client.put_item().table_name(store.state()).set_item(Some(note)).send().await?;
    }
    Ok(())
}

/// Whether a pseudonym is nobody's any more.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn is_erased(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    pseudonym: &PersonId,
) -> Result<bool, StoreError> {
    Ok(state::get(store, &keys::partner(program, partner), &keys::erased(pseudonym)).await?.is_some())
}

/// Whether an event means what another meant that came first under its identity. A person who was erased since is nobody, and so
/// the same as anybody (I4, I28).
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn same_meaning(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    meaning: &Meaning,
    first: &Meaning,
) -> Result<bool, StoreError> {
    if meaning.hash != first.hash || meaning.persons.len() != first.persons.len() {
        return Ok(false);
    }
    for (_, was) in meaning.persons.iter().zip(&first.persons).filter(|(now, was)| now != was) {
        if !is_erased(store, program, partner, was).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
