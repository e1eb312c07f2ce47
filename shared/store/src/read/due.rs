//! What is due: accounts by day, redemptions that stand still.

use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::unless_in_motion;
use crate::tables::items::{Page, start_from_text, start_to_text, state_key, text};
use crate::tables::keys;
use crate::{Store, StoreError};

/// A day on which accounts are due, and an instant of it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The day, in the program's time zone.
    pub today: Date,
    /// The instant.
    pub now: Timestamp,
}

impl Moment {
    /// Where it stands among the days of the index: behind the day itself, before the next one.
    fn place(self) -> String {
        // Whole seconds have one length, so that their texts are in the order of time.
        let seconds = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        format!("{} {seconds}", self.today)
    }
}

/// Partners of one shard of the due index, whatever is due and when, from `start` on: as many as are looked at one by one, or as are only
/// passed by. Their days move while others go through them, so that one may come twice, or not at all.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn everybody(
    store: &Store,
    program: &ProgramId,
    (shard, passed_by): (u32, bool),
    start: Option<&str>,
) -> Result<Page<PartnerId>, StoreError> {
    let many = if passed_by { PAGE } else { FEW };
    let page = due(store, keys::due_shard_number(program, shard), (WHENEVER.to_owned(), many), start).await?;
    let items = page.items.iter().filter_map(|(pk, _)| partner_of(pk)).collect();
    Ok(Page { items, next: page.next })
}

/// How many partners the due index holds, as far as one page of each shard tells.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn how_many(store: &Store, program: &ProgramId) -> Result<usize, StoreError> {
    let mut many = 0;
    for shard in 0..keys::DUE_SHARDS {
        let shard = keys::due_shard_number(program, shard);
        many += due(store, shard, (WHENEVER.to_owned(), GLANCE), None).await?.items.len();
    }
    Ok(many)
}

/// Behind every day.
const WHENEVER: &str = "~";
/// So many partners are looked at one by one.
const FEW: i32 = 200;
/// So many of each shard are counted where it is only asked whether they are many.
const GLANCE: i32 = 63;

/// Partners of one shard of the due index on whom something is due at `at`, from `start` on; not those who were sent to be looked
/// at and have time until later: [`mark_sent`].
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn partners(
    store: &Store,
    program: &ProgramId,
    shard: u32,
    at: Moment,
    start: Option<&str>,
) -> Result<Page<PartnerId>, StoreError> {
    let page = due(store, keys::due_shard_number(program, shard), (at.place(), PAGE), start).await?;
    let items = page.items.iter().filter_map(|(pk, _)| partner_of(pk)).collect();
    Ok(Page { items, next: page.next })
}

/// Notes that a partner was sent to be looked at, at `at`, and has until `again`. Not if somebody wrote the account meanwhile: whoever
/// did has set the day.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn mark_sent(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    at: Moment,
    again: Timestamp,
) -> Result<(), StoreError> {
    let key = state_key(&keys::partner(program, partner), keys::HEAD);
    let update = store.client.update_item().table_name(store.state()).set_key(Some(key));
    let update = update.update_expression("SET due_on = :again").condition_expression("due_on <= :now");
    let update = update.expression_attribute_values(":now", text(at.place()));
    let again = Moment { now: again, ..at }.place();
    unless_in_motion(update.expression_attribute_values(":again", text(again)).send().await)
}

/// Redemptions of a program, by partner and id, that are not final and have not moved since `before`, from `start` on.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn standing_redemptions(
    store: &Store,
    program: &ProgramId,
    before: Timestamp,
    start: Option<&str>,
) -> Result<Page<(PartnerId, String)>, StoreError> {
    let page = due(store, keys::standing(program), (before.to_string(), PAGE), start).await?;
    let id = |sk: &str| sk.split('#').nth(1).map(str::to_owned);
    let items = page.items.iter().filter_map(|(pk, sk)| Some((partner_of(pk)?, id(sk)?))).collect();
    Ok(Page { items, next: page.next })
}

/// A page of a partition of the due index: the keys of what is due.
async fn due(
    store: &Store,
    shard: String,
    (until, many): (String, i32),
    start: Option<&str>,
) -> Result<Page<(String, String)>, StoreError> {
    let query = store.client.query().table_name(store.state()).index_name(keys::BY_DUE);
    let query = query.key_condition_expression("due_shard = :shard AND due_on <= :until");
    let query = query.expression_attribute_values(":shard", text(shard)).limit(many);
    let query = query.expression_attribute_values(":until", text(until));
    let reply = query.set_exclusive_start_key(start.and_then(start_from_text)).send().await?;
    let part = |item: &crate::tables::items::Item, name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned();
    let items = reply.items().iter().filter_map(|item| part(item, keys::PK).zip(part(item, keys::SK))).collect();
    Ok(Page { items, next: reply.last_evaluated_key.as_ref().map(start_to_text) })
}

/// So much is looked at and sent at once.
const PAGE: i32 = 500;

/// The partner in the partition key of a partner's items.
fn partner_of(key: &str) -> Option<PartnerId> {
    let last = key.split('#').nth(2)?;
    PartnerId::try_from(last.replace("%23", "#").replace("%25", "%")).ok()
}
