//! The sweep: partners on whom something is due, events whose wait is over, redemptions that stand still.

use std::collections::BTreeMap;

use event::ids::{PartnerId, ProgramId};
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use store::{holds::Hold, tables::keys};
use worker::count;

use crate::handler::{Due, ReviewError, ReviewPartners};

/// What a sweep counts, by metric.
type Counts = BTreeMap<&'static str, u64>;

/// Metric: sweeps that came to their end.
const SWEEPS: &str = "sweeps";
/// Metric: held events that were ended at their deadline (I20).
const HELD_PAST_DEADLINE: &str = "held_past_deadline";
/// Metric: redemptions that stood still and were sent to be fulfilled again (I20).
const REDEMPTIONS_STANDING: &str = "redemptions_standing";
/// Holds looked at in one sweep of a program.
const HOLDS_AT_ONCE: i32 = 1_000;
/// A redemption that has not moved for this long is sent to be fulfilled again.
const STANDS_STILL: SignedDuration = SignedDuration::from_mins(10);

impl ReviewPartners {
    /// Sweeps every program, and counts what it found.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), ReviewError> {
        let mut counts = Counts::from([(SWEEPS, 1), (HELD_PAST_DEADLINE, 0), (REDEMPTIONS_STANDING, 0)]);
        for id in store::programs::ids(&self.store).await? {
            let Ok(id) = ProgramId::try_from(id) else { continue };
            let Some(programs) = store::programs::read(&self.store, &id).await? else { continue };
            self.send_due(&programs, &id, now).await?;
            self.sweep_holds(&programs, &id, now, &mut counts).await?;
            self.send_standing(&id, now, &mut counts).await?;
        }
        count(&counts);
        Ok(())
    }

    async fn send_due(&self, programs: &Programs, program: &ProgramId, now: Timestamp) -> Result<(), ReviewError> {
        let today = programs.current(now).program.calendar.day(now);
        for shard in 0..keys::DUE_SHARDS {
            let partners = store::due::partners(&self.store, program, shard, today).await?;
            let due =
                |partner: String| Some(Due { program: program.clone(), partner: PartnerId::try_from(partner).ok()? });
            let bodies: Vec<String> =
                partners.into_iter().filter_map(due).filter_map(|due| serde_json::to_string(&due).ok()).collect();
            let failed = self.reviews.send_all(&bodies).await;
            if !failed.is_empty() {
                return Err(ReviewError::NotSent(failed.len()));
            }
        }
        Ok(())
    }

    /// Sends on what no longer needs to wait, and ends what waited too long.
    async fn sweep_holds(
        &self,
        programs: &Programs,
        program: &ProgramId,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), ReviewError> {
        for hold in store::holds::list(&self.store, program.as_str(), "", HOLDS_AT_ONCE).await? {
            if self.has_come(programs, program, &hold, now).await? {
                self.partner_events.send(hold.body.clone()).await?;
                tracing::info!(correlation_id = %hold.identity, "what it waited for has come; the event is sent again");
                store::holds::drop(&self.store, &hold).await?;
            } else if hold.until <= now {
                let correlation_id = hold.identity.to_string();
                tracing::warn!(correlation_id, awaits = hold.awaits, "a held event reached its deadline");
                *counts.entry(HELD_PAST_DEADLINE).or_default() += 1;
                store::holds::expire(&self.store, &hold, now).await?;
            }
        }
        Ok(())
    }

    async fn has_come(
        &self,
        programs: &Programs,
        program: &ProgramId,
        hold: &Hold,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        Ok(match hold.awaits.as_str() {
            "program" => true,
            "rate" => programs.current(now).program.rate(&hold.what).is_some(),
            "partner" => match PartnerId::try_from(hold.what.as_str()) {
                Ok(partner) => {
                    store::state::head(&self.store, program, &partner).await?.is_some_and(|h| h.enrolled.is_some())
                }
                Err(_) => false,
            },
            // Whether a deal is far enough is the decision's to say: one that has moved since is worth asking again.
            _ => store::holds::deal_moved(&self.store, program, hold).await?,
        })
    }

    async fn send_standing(&self, program: &ProgramId, now: Timestamp, counts: &mut Counts) -> Result<(), ReviewError> {
        let before = now.saturating_sub(STANDS_STILL).unwrap_or(now);
        for (partner, id) in store::due::standing_redemptions(&self.store, program, before).await? {
            let due = serde_json::json!({ "program": program, "partner": partner, "redemption_id": id });
            self.redemptions.send(due.to_string()).await?;
            tracing::warn!(correlation_id = id, "a redemption stands still; it is sent to be fulfilled again");
            *counts.entry(REDEMPTIONS_STANDING).or_default() += 1;
        }
        Ok(())
    }
}
