//! The pool of voucher cards: our own provider. Codes are sealed when they are loaded and opened when they are revealed.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};
use domain::redemption::{Redemption, RedemptionStatus};
use event::ids::ProgramId;

use super::card::Card;
use super::sealer::Sealer;
use crate::tables::items::{Content, Item, Stock, number, read, state_key, text, with_key};
use crate::tables::{built, keys};
use crate::write::{Check, stock_names};
use crate::{Store, StoreError, state};

/// Cards loaded in one transaction: two actions each, and the stock.
const LOAD_CHUNK: usize = 40;

/// Tries to load a chunk of which others load some.
const LOAD_TRIES_MAX: u32 = 12;

/// Free cards looked at when one is taken; the choice among them is random, so that takers seldom meet.
const CHOICE: i32 = 16;

/// Tries to take a card before the order is left for the next delivery.
const TAKE_TRIES_MAX: u32 = 12;

/// What became of a file of codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadedCodes {
    /// Codes that are new.
    pub loaded: usize,
    /// Codes that were loaded before, here or earlier.
    pub repeated: usize,
    /// Codes that were loaded for another reward, of this or another program: a card is given once.
    pub elsewhere: usize,
}

/// Loads card codes of a reward, each once, however often the file is loaded. `progress` is told how many are done.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`], [`StoreError::Sealed`]; [`StoreError::OtherKeys`]: other keys of these names
/// have sealed cards here.
pub async fn load(
    store: &Store,
    program: &ProgramId,
    reward: &str,
    codes: &[String],
    sealer: &Sealer,
    mut progress: impl FnMut(usize),
) -> Result<LoadedCodes, StoreError> {
    let pk = keys::reward(program, reward);
    let mut result = LoadedCodes::default();
    let mut seen = HashSet::new();
    super::ring::note(store, sealer).await?;
    for chunk in codes.chunks(LOAD_CHUNK) {
        let prints = chunk.iter().map(|code| Ok((sealer.print(code)?, code)));
        let mut prints: Vec<(String, &String)> = prints.collect::<Result<_, StoreError>>()?;
        prints.retain(|(print, _)| seen.insert(print.clone()));
        let (loaded, elsewhere) = load_chunk(store, &pk, &prints, sealer).await?;
        result.loaded += loaded;
        result.elsewhere += elsewhere;
        result.repeated += chunk.len() - loaded - elsewhere;
        progress(result.loaded + result.repeated + result.elsewhere);
    }
    Ok(result)
}

/// Loads those cards of a chunk that are not there; how many, and how many are another reward's. Where somebody else loads the same,
/// it looks again.
async fn load_chunk(
    store: &Store,
    pk: &str,
    prints: &[(String, &String)],
    sealer: &Sealer,
) -> Result<(usize, usize), StoreError> {
    let mark = |print: &str| (keys::card_print(print), keys::ONLY.to_owned());
    for attempt in 0..LOAD_TRIES_MAX {
        crate::patience::pause(store, attempt).await;
        let known = state::batch_get(store, prints.iter().map(|(print, _)| mark(print)).collect()).await?;
        let fresh: Vec<_> = prints.iter().filter(|(print, _)| !known.contains_key(&mark(print))).cloned().collect();
        let of = |item: &Item| read::<Content<String>>(item, "mark of a card").map(|mark| mark.content);
        let rewards = known.values().map(of).collect::<Result<Vec<_>, _>>()?;
        if fresh.is_empty() || put_cards(store, pk, &fresh, sealer).await? {
            return Ok((fresh.len(), rewards.iter().filter(|reward| *reward != pk).count()));
        }
    }
    Err(StoreError::Contention)
}

/// False: some of them are there by now.
async fn put_cards(store: &Store, pk: &str, cards: &[(String, &String)], sealer: &Sealer) -> Result<bool, StoreError> {
    let mut actions = Vec::new();
    let put = |table: &str, item| Put::builder().table_name(table).set_item(Some(item));
    for (print, code) in cards {
        let card = Card { print: print.clone(), code: sealer.seal(code, &format!("{pk} {print}"))? };
        let free = with_key(state_key(pk, &keys::free_card(print)), &card, "card")?;
        let mark = state_key(&keys::card_print(print), keys::ONLY);
        let mark = with_key(mark, &Content { content: pk.to_owned() }, "mark of a card")?;
        // The mark alone says whether a code was loaded. Its free card may stand there already, where the state was
        // made anew and the waiting table kept: then the card is counted again by being loaded again.
        let mark = put(store.state(), mark).condition_expression("attribute_not_exists(pk)");
        for item in [put(store.waiting(), free), mark] {
            actions.push(TransactWriteItem::builder().put(item.build().map_err(built)?).build());
        }
    }
    let stock = Update::builder()
        .table_name(store.state())
        .set_key(Some(state_key(pk, keys::STOCK)))
        .update_expression("ADD loaded :n, #free :n, #reserved :zero, #issued :zero")
        .set_expression_attribute_names(Some(stock_names()))
        .expression_attribute_values(":n", number(cards.len()))
        .expression_attribute_values(":zero", number(0));
    actions.push(TransactWriteItem::builder().update(stock.build().map_err(built)?).build());
    match store.client.transact_write_items().set_transact_items(Some(actions)).send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The stock of a reward.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub async fn stock(store: &Store, program: &ProgramId, reward: &str) -> Result<Stock, StoreError> {
    let item = state::get(store, &keys::reward(program, reward), keys::STOCK).await?;
    Ok(item.map(|i| read(&i, "stock")).transpose()?.unwrap_or_default())
}

/// Orders the cards of a redemption from the pool, under the redemption's own id: however often it is asked, the
/// redemption has the same cards (I6). False: the pool is empty, and no card was taken.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Contention`], [`StoreError::Unreadable`]; the last also if the pool ends
/// before the redemption has all its cards: stock and cards disagree (I18), which is a person's business.
pub async fn order(store: &Store, program: &ProgramId, redemption: &Redemption) -> Result<bool, StoreError> {
    let pk = keys::reward(program, &redemption.reward_id);
    for piece in 0..redemption.quantity {
        let taken = take_card(store, &pk, program, redemption, &keys::issued_card(&redemption.id, piece)).await?;
        if !taken && piece == 0 {
            return Ok(false);
        }
        if !taken {
            let why = format!("it ended after {piece} of {} cards", redemption.quantity);
            return Err(StoreError::Unreadable { what: "pool of cards", why });
        }
    }
    Ok(true)
}

async fn take_card(
    store: &Store,
    pk: &str,
    program: &ProgramId,
    redemption: &Redemption,
    issued: &str,
) -> Result<bool, StoreError> {
    for attempt in 0..TAKE_TRIES_MAX {
        crate::patience::pause(store, attempt).await;
        if state::get(store, pk, issued).await?.is_some() {
            return Ok(true);
        }
        let query = store.client.query().table_name(store.waiting()).consistent_read(true).limit(CHOICE);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :free)")
            .expression_attribute_values(":pk", text(pk));
        let found = query.expression_attribute_values(":free", text("free#")).send().await?;
        let Some(item) = store.random.choice(found.items()) else { return Ok(false) };
        let card: Card = read(item, "card")?;
        if move_card(store, pk, &card, still_ordering(store, program, redemption)?, issued).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Contention)
}

/// A check that the redemption is being ordered: nothing is issued for one that was released meanwhile (I6).
fn still_ordering(
    store: &Store,
    program: &ProgramId,
    redemption: &Redemption,
) -> Result<TransactWriteItem, StoreError> {
    let key = state_key(&keys::partner(program, &redemption.partner), &keys::redemption(&redemption.id));
    let check = ConditionCheck::builder().table_name(store.state()).set_key(Some(key));
    let check = check.condition_expression("#status = :ordering").expression_attribute_names("#status", "status");
    let check = check.expression_attribute_values(":ordering", text(RedemptionStatus::Ordering.word()));
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(built)?).build())
}

/// That a redemption has no card: what releases it because the pool is empty is written on this condition, since another worker on
/// the same redemption may just have taken the last one (I6).
///
/// # Errors
/// [`StoreError::Refused`].
pub fn none_issued(store: &Store, program: &ProgramId, redemption: &Redemption) -> Result<Check, StoreError> {
    // Cards are issued in order, so the first is there if any is.
    let pk = keys::reward(program, &redemption.reward_id);
    let check = ConditionCheck::builder().table_name(store.state());
    let check = check.set_key(Some(state_key(&pk, &keys::issued_card(&redemption.id, 0))));
    let check = check.condition_expression("attribute_not_exists(pk)").build().map_err(built)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// False: somebody else took that card, or this piece has one already.
async fn move_card(
    store: &Store,
    pk: &str,
    card: &Card,
    still_ordering: TransactWriteItem,
    issued: &str,
) -> Result<bool, StoreError> {
    let delete =
        Delete::builder().table_name(store.waiting()).set_key(Some(state_key(pk, &keys::free_card(&card.print))));
    let delete = delete.condition_expression("attribute_exists(pk)").build().map_err(built)?;
    let item = with_key(state_key(pk, issued), card, "card")?;
    let put = Put::builder()
        .table_name(store.state())
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .map_err(built)?;
    let actions = vec![
        still_ordering,
        TransactWriteItem::builder().delete(delete).build(),
        TransactWriteItem::builder().put(put).build(),
    ];
    match store.client.transact_write_items().set_transact_items(Some(actions)).send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_transaction_canceled_exception()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The codes of a fulfilled redemption's cards.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`], [`StoreError::Sealed`].
pub async fn reveal(
    store: &Store,
    program: &ProgramId,
    redemption: &Redemption,
    sealer: &Sealer,
) -> Result<Vec<String>, StoreError> {
    let pk = keys::reward(program, &redemption.reward_id);
    let mut codes = Vec::new();
    for piece in 0..redemption.quantity {
        let item = state::get(store, &pk, &keys::issued_card(&redemption.id, piece)).await?;
        let item = item.ok_or(StoreError::Unreadable { what: "card", why: "it is missing".to_owned() })?;
        let card: Card = read(&item, "card")?;
        codes.push(card.open(&pk, sealer)?);
    }
    Ok(codes)
}
