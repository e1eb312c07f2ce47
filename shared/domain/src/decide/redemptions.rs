//! Redemptions: points set aside, ordered, spent or given back; one record for each step (I5, I6, I18).

use super::book::Draft;
use super::{Desk, Verdict};
use crate::ledger::Outcome;
use crate::ledger::Reason;
use crate::ledger::{Account, Bucket, Effect, PostingKind, never};
use crate::ledger::{FoldError, Status as Standing};
use crate::redemption::{Redemption, Status, StockMove};
use event::ids::{RedemptionId, RewardId, TierId};
use event::{Event, Kind, ReleaseReason};
use jiff::Timestamp;
use program::{Gate, Program, Reward};

/// What a partner asked for, as the requesting event says.
struct Request<'a> {
    id: &'a RedemptionId,
    quantity: i64,
}

impl Desk<'_> {
    /// `None` if the event is no redemption's.
    pub(super) fn judge_redemption(&mut self, event: &Event) -> Result<Option<Verdict>, FoldError> {
        let verdict = match &event.kind {
            Kind::RedemptionRequested { redemption_id, reward_id, quantity } => {
                self.request(event, reward_id, &Request { id: redemption_id, quantity: quantity.get() })?
            }
            Kind::RedemptionOrdering { redemption_id } => self.step(event, redemption_id, Status::Ordering, None)?,
            Kind::RedemptionFulfilled { redemption_id } => self.step(event, redemption_id, Status::Fulfilled, None)?,
            Kind::RedemptionReleased { redemption_id, reason } => {
                self.step(event, redemption_id, Status::Released, Some(*reason))?
            }
            _ => return Ok(None),
        };
        Ok(Some(verdict))
    }

    fn request(&mut self, event: &Event, reward_id: &RewardId, request: &Request<'_>) -> Result<Verdict, FoldError> {
        let current = self.current;
        let mut draft = Draft::default();
        let reason = match current.program.rewards.get(reward_id) {
            None => Some(Reason::UnknownReward),
            Some(reward) => match self.refusal(reward, request.quantity) {
                Some(reason) => Some(reason),
                None => {
                    self.reserve(event, reward, request, &mut draft)?;
                    None
                }
            },
        };
        let outcome = if reason.is_some() { Outcome::Refused } else { Outcome::Applied };
        Ok(Verdict::Recorded(self.seal(event, draft, outcome, reason, Some(current), self.today)))
    }

    /// Why the partner may not have this reward now; the first reason that holds.
    fn refusal(&self, reward: &Reward, quantity: i64) -> Option<Reason> {
        let gate = reward_gate(self.program(), self.account(), reward, self.now);
        if gate.is_some() {
            return gate;
        }
        for (key, cap) in self.reward_caps(reward) {
            let used = self.account().head.caps.get(&key).copied().unwrap_or(0);
            if used.saturating_add(quantity) > cap.limit {
                return Some(Reason::CapReached { cap: cap.words.clone() });
            }
        }
        let left = self.state.stock.get(&reward.id).copied().unwrap_or(0);
        if left < quantity {
            return Some(Reason::OutOfStock { left });
        }
        let needed = reward.points.saturating_mul(quantity);
        let available = self.account().balance().available;
        (available < needed).then_some(Reason::NotEnoughPoints { needed, available })
    }

    fn reward_caps<'r>(&self, reward: &'r Reward) -> Vec<(String, &'r program::Cap)> {
        let key = |(place, cap): (usize, &'r program::Cap)| {
            let period = self.program().calendar.period(cap.every, self.today);
            (format!("reward:{}|{place}|{period}", reward.id), cap)
        };
        reward.at_most.iter().enumerate().map(key).collect()
    }

    fn reserve(
        &mut self,
        event: &Event,
        reward: &Reward,
        request: &Request<'_>,
        draft: &mut Draft,
    ) -> Result<(), FoldError> {
        let points = reward.points * request.quantity;
        let lots = self.soonest_lots(points);
        let held: i64 = lots.iter().map(|(_, taken)| taken).sum();
        if held != points {
            // The refusals above have seen enough points; a reservation that is not paid in full is never written (I5).
            let bucket = Bucket::Available(lots.last().map_or_else(never, |(lot, _)| *lot));
            return Err(FoldError::Overdrawn { bucket, points, held });
        }
        for (lot, taken) in &lots {
            self.post(
                draft,
                PostingKind::Reservation,
                *taken,
                Bucket::Available(*lot),
                Bucket::Reserved(*lot),
                (None, None),
            )?;
        }
        let counts: Vec<String> = self.reward_caps(reward).into_iter().map(|(key, _)| key).collect();
        for key in &counts {
            self.effect(draft, Effect::Count { key: key.clone(), by: request.quantity })?;
        }
        self.stock.push(StockMove {
            reward_id: reward.id.clone(),
            free: -request.quantity,
            reserved: request.quantity,
            issued: 0,
        });
        if let Some(free) = self.state.stock.get_mut(&reward.id) {
            *free -= request.quantity;
        }
        let redemption = Redemption {
            version: 1,
            id: request.id.clone(),
            partner: event.partner.clone(),
            reward_id: reward.id.clone(),
            quantity: request.quantity,
            points,
            status: Status::Reserved,
            lots,
            counts,
            requested_at: event.time,
            updated_at: self.now,
            recipient: None,
        };
        self.state.redemptions.insert(request.id.clone(), redemption);
        Ok(())
    }

    /// Moves a redemption on. A step that came before, or that its state does not allow, is moot.
    fn step(
        &mut self,
        event: &Event,
        id: &RedemptionId,
        to: Status,
        why: Option<ReleaseReason>,
    ) -> Result<Verdict, FoldError> {
        let Some(mut redemption) = self.state.redemptions.get(id).cloned() else {
            return Ok(Verdict::Moot(Reason::WrongState { status: "unknown".to_owned() }));
        };
        let declined = why == Some(ReleaseReason::Declined);
        let allowed = match (redemption.status, to) {
            (Status::Reserved, Status::Ordering | Status::Released) | (Status::Ordering, Status::Fulfilled) => true,
            // A partner may not cancel what the provider may already have issued.
            (Status::Ordering, Status::Released) => declined,
            _ => false,
        };
        if !allowed {
            return Ok(Verdict::Moot(Reason::WrongState { status: redemption.status.word().to_owned() }));
        }
        let mut draft = Draft::default();
        let mut reason = None;
        match to {
            Status::Fulfilled => self.spend(&redemption, &mut draft)?,
            Status::Released => {
                self.give_back(&redemption, &mut draft)?;
                reason = Some(if declined { Reason::Declined } else { Reason::Cancelled });
            }
            Status::Reserved | Status::Ordering => {}
        }
        redemption.status = to;
        redemption.version += 1;
        redemption.updated_at = self.now;
        self.state.redemptions.insert(redemption.id.clone(), redemption);
        Ok(Verdict::Recorded(self.seal(event, draft, Outcome::Applied, reason, Some(self.current), self.today)))
    }

    fn spend(&mut self, redemption: &Redemption, draft: &mut Draft) -> Result<(), FoldError> {
        for (lot, points) in &redemption.lots {
            self.post(draft, PostingKind::Redemption, *points, Bucket::Reserved(*lot), Bucket::Program, (None, None))?;
        }
        let quantity = redemption.quantity;
        self.stock.push(StockMove {
            reward_id: redemption.reward_id.clone(),
            free: 0,
            reserved: -quantity,
            issued: quantity,
        });
        Ok(())
    }

    /// Points go back to the lots they came from; a lot that ran out meanwhile expires at the next look at the clock.
    fn give_back(&mut self, redemption: &Redemption, draft: &mut Draft) -> Result<(), FoldError> {
        for (lot, points) in &redemption.lots {
            self.post(
                draft,
                PostingKind::Cancellation,
                *points,
                Bucket::Reserved(*lot),
                Bucket::Available(*lot),
                (None, None),
            )?;
            let netted = self.account().head.owed.min(*points);
            self.post(draft, PostingKind::Netting, netted, Bucket::Available(*lot), Bucket::Owed, (None, None))?;
        }
        for key in &redemption.counts {
            // A count whose period is closed is forgotten and needs nothing back.
            if self.account().head.caps.contains_key(key) {
                self.effect(draft, Effect::Count { key: key.clone(), by: -redemption.quantity })?;
            }
        }
        let quantity = redemption.quantity;
        self.stock.push(StockMove {
            reward_id: redemption.reward_id.clone(),
            free: quantity,
            reserved: -quantity,
            issued: 0,
        });
        Ok(())
    }
}

/// Why a partner may not have a reward whatever its points: standing, retirement, gates, tier (M28).
pub fn reward_gate(program: &Program, account: &Account, reward: &Reward, now: Timestamp) -> Option<Reason> {
    match account.head.status {
        Standing::Active => {}
        Standing::Suspended | Standing::Unknown => return Some(Reason::PartnerSuspended),
        Standing::Offboarded => return Some(Reason::PartnerOffboarded),
    }
    if reward.retired {
        return Some(Reason::Retired);
    }
    let closed = reward.gates.iter().find(|gate| !passes(program, account, gate, now))?;
    Some(match closed {
        Gate::Tier(needs) => Reason::TierTooLow { needs: needs.clone() },
        gate @ (Gate::Certification(_) | Gate::Course(_)) => Reason::GateNotPassed { needs: gate.to_string() },
    })
}

/// Whether a gate is open to a partner (M28).
pub fn passes(program: &Program, account: &Account, gate: &Gate, now: Timestamp) -> bool {
    match gate {
        Gate::Certification(id) => account.is_certified(id, now),
        Gate::Course(id) => account.profile.courses.contains_key(id),
        Gate::Tier(needed) => program.ladders.iter().any(|(motion, tiers)| {
            let rank = |id: &TierId| tiers.iter().find(|t| t.id == *id).map(|t| t.rank);
            let held = account.head.tiers.get(motion).and_then(|standing| rank(&standing.tier));
            rank(needed).is_some_and(|needed| held.is_some_and(|held| held >= needed))
        }),
    }
}
