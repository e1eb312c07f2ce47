//! Redemptions: points set aside, ordered, spent or given back; one record for each step (I5, I6, I18).

use event::ids::{RedemptionId, RewardId};
use event::time::Month;
use event::{Event, Kind, ReleaseReason};
use jiff::Timestamp;
use program::{Gate, Program, Provider, Reward};

use super::book::{Book, Why};
use super::context::Context;
use super::stop::Stop;
use crate::earn::{passes, reward_caps};
use crate::ledger::{
    Account, Asset, Bucket, CapKey, Effect, FoldError, MISSING, Membership, Outcome, PostingKind, Reason, Used, never,
};
use crate::redemption::{Redemption, RedemptionStatus, StockMove};

/// The place of the record that an event of a redemption makes. `None` if the event is no redemption's.
pub(super) fn judge(context: &Context<'_>, book: &mut Book, event: &Event) -> Result<Option<usize>, Stop> {
    let place = match &event.kind {
        Kind::RedemptionRequested { redemption_id, reward_id, quantity } => {
            request(context, book, event, redemption_id, reward_id, quantity.get())?
        }
        Kind::RedemptionOrdering { redemption_id } => {
            step(context, book, event, redemption_id, RedemptionStatus::Ordering, None)?
        }
        Kind::RedemptionFulfilled { redemption_id } => {
            step(context, book, event, redemption_id, RedemptionStatus::Fulfilled, None)?
        }
        Kind::RedemptionReleased { redemption_id, reason } => {
            step(context, book, event, redemption_id, RedemptionStatus::Released, Some(*reason))?
        }
        _ => return Ok(None),
    };
    Ok(Some(place))
}

fn request(
    context: &Context<'_>,
    book: &mut Book,
    event: &Event,
    id: &RedemptionId,
    reward_id: &RewardId,
    quantity: i64,
) -> Result<usize, Stop> {
    let current = context.current;
    let reason = match current.program.rewards.get(reward_id) {
        None => Some(Reason::UnknownReward),
        Some(reward) => match refusal(context, book, reward, quantity)? {
            Some(reason) => Some(reason),
            None => {
                reserve(context, book, event, reward, id, quantity)?;
                None
            }
        },
    };
    let outcome = if reason.is_some() { Outcome::Refused } else { Outcome::Applied };
    Ok(book.seal(context, event, (outcome, reason), Some(current), context.today))
}

/// Why the partner may not have this reward now; the first reason that holds.
///
/// # Errors
/// [`FoldError::NotLoaded`].
fn refusal(context: &Context<'_>, book: &Book, reward: &Reward, quantity: i64) -> Result<Option<Reason>, FoldError> {
    let gate = reward_gate(context.program(), book.account(), reward, context.now)?;
    if gate.is_some() {
        return Ok(gate);
    }
    for (key, cap) in reward_caps(context.program(), reward, context.today) {
        let fits = match book.account().used(&key)? {
            Used::So(used) => used.saturating_add(quantity) <= cap.limit,
            Used::Forgotten => false,
        };
        if !fits {
            return Ok(Some(Reason::CapReached { cap: cap.words.clone() }));
        }
    }
    match reward.provider {
        Provider::Vouchers => {
            let left = book.state.stock.get(&reward.id).copied().unwrap_or(0);
            if left < quantity {
                return Ok(Some(Reason::OutOfStock { left }));
            }
        }
    }
    let needed = reward.points.saturating_mul(quantity);
    let available = book.account().balance().available;
    Ok((available < needed).then_some(Reason::NotEnoughPoints { needed, available }))
}

fn reserve(
    context: &Context<'_>,
    book: &mut Book,
    event: &Event,
    reward: &Reward,
    id: &RedemptionId,
    quantity: i64,
) -> Result<(), FoldError> {
    let points = reward.points * quantity;
    let lots = book.soonest_lots(points);
    let held: i64 = lots.iter().map(|(_, taken)| taken).sum();
    if held != points {
        // The refusals above have seen enough points; a reservation that is not paid in full is never written (I5).
        let bucket = Bucket::Available(lots.last().map_or_else(never, |(lot, _)| *lot));
        return Err(FoldError::Overdrawn { bucket, amount: points, held });
    }
    for (lot, taken) in &lots {
        let (from, to) = (Bucket::Available(*lot), Bucket::Reserved(*lot));
        book.post(PostingKind::Reservation, (Asset::Points, *taken), from, to, Why::default())?;
    }
    let mut counts: Vec<CapKey> =
        reward_caps(context.program(), reward, context.today).into_iter().map(|(key, _)| key).collect();
    // Two caps that say the same of other limits are one count.
    counts.sort();
    counts.dedup();
    for key in &counts {
        book.effect(Effect::Cap { key: key.clone(), by: quantity })?;
    }
    move_stock(book, &reward.id, (-quantity, quantity, 0));
    let redemption = Redemption {
        version: 1,
        id: id.clone(),
        partner: event.partner.clone(),
        reward_id: reward.id.clone(),
        quantity,
        points,
        status: RedemptionStatus::Reserved,
        lots,
        counts,
        requested_at: event.time,
        updated_at: context.now,
        recipient: None,
    };
    book.state.redemptions.insert(id.clone(), redemption);
    Ok(())
}

fn move_stock(book: &mut Book, reward_id: &RewardId, (free, reserved, issued): (i64, i64, i64)) {
    book.stock.push(StockMove { reward_id: reward_id.clone(), free, reserved, issued });
    if let Some(left) = book.state.stock.get_mut(reward_id) {
        *left += free;
    }
}

/// Moves a redemption on. A step that came before, or that its state does not allow, is moot.
fn step(
    context: &Context<'_>,
    book: &mut Book,
    event: &Event,
    id: &RedemptionId,
    to: RedemptionStatus,
    why: Option<ReleaseReason>,
) -> Result<usize, Stop> {
    let moot = |status: &str| Stop::Moot(Reason::WrongState { status: status.to_owned() });
    let mut redemption = book.state.redemptions.get(id).cloned().ok_or_else(|| moot("unknown"))?;
    if !redemption.status.may_become(to, why) {
        return Err(moot(redemption.status.word()));
    }
    match to {
        RedemptionStatus::Fulfilled => spend(book, &redemption)?,
        RedemptionStatus::Released => give_back(context, book, &redemption)?,
        RedemptionStatus::Reserved | RedemptionStatus::Ordering => {}
    }
    redemption.status = to;
    redemption.version += 1;
    redemption.updated_at = context.now;
    book.state.redemptions.insert(redemption.id.clone(), redemption);
    let reason = why.map(|why| match why {
        ReleaseReason::Declined => Reason::Declined,
        ReleaseReason::Cancelled => Reason::Cancelled,
    });
    Ok(book.seal(context, event, (Outcome::Applied, reason), Some(context.current), context.today))
}

fn spend(book: &mut Book, redemption: &Redemption) -> Result<(), FoldError> {
    for (lot, points) in &redemption.lots {
        book.post(
            PostingKind::Redemption,
            (Asset::Points, *points),
            Bucket::Reserved(*lot),
            Bucket::Program,
            Why::default(),
        )?;
    }
    move_stock(book, &redemption.reward_id, (0, -redemption.quantity, redemption.quantity));
    Ok(())
}

/// Points go back to the lots they came from; where these end too soon, to one that lives as long as the policy says.
fn give_back(context: &Context<'_>, book: &mut Book, redemption: &Redemption) -> Result<(), FoldError> {
    let soonest = Month::of(context.program().policy.returned_for.after(context.today));
    for (lot, points) in &redemption.lots {
        let lot: Month = *lot;
        let (from, to) = (Bucket::Reserved(lot), Bucket::Available(lot.max(soonest)));
        book.post(PostingKind::Cancellation, (Asset::Points, *points), from, to, Why::default())?;
        let netted = book.account().balance().owed.min(*points);
        book.post(PostingKind::Netting, (Asset::Points, netted), to, Bucket::Owed, Why::default())?;
    }
    for key in &redemption.counts {
        match book.account().used(key)? {
            Used::So(_) => book.effect(Effect::Cap { key: key.clone(), by: -redemption.quantity })?,
            Used::Forgotten => {}
        }
    }
    move_stock(book, &redemption.reward_id, (redemption.quantity, -redemption.quantity, 0));
    Ok(())
}

/// Why a partner may not have a reward whatever its points: standing, retirement, gates, tier (M28).
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a gate looks at was not loaded (I25).
pub fn reward_gate(
    program: &Program,
    account: &Account,
    reward: &Reward,
    now: Timestamp,
) -> Result<Option<Reason>, FoldError> {
    match account.head.membership() {
        Membership::Active => {}
        Membership::Suspended | Membership::Unknown => return Ok(Some(Reason::PartnerSuspended)),
        Membership::Offboarded => return Ok(Some(Reason::PartnerOffboarded)),
    }
    if reward.retired {
        return Ok(Some(Reason::Retired));
    }
    gates(program, account, &reward.gates, now)
}

/// Why gates are not open to a partner: the tier if that is all that is missing, else everything that is (M28).
///
/// # Errors
/// [`FoldError::NotLoaded`]: what a gate looks at was not loaded (I25).
pub(super) fn gates(
    program: &Program,
    account: &Account,
    gates: &[Gate],
    now: Timestamp,
) -> Result<Option<Reason>, FoldError> {
    let mut missing = Vec::new();
    for gate in gates {
        if !passes(program, account, gate, now)? {
            missing.push(gate);
        }
    }
    if let [Gate::Tier(needs)] = missing[..] {
        return Ok(Some(Reason::TierTooLow { needs: needs.clone() }));
    }
    let needs = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(MISSING);
    Ok((!missing.is_empty()).then_some(Reason::GateNotPassed { needs }))
}
