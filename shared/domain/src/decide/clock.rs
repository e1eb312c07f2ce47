//! What becomes due by itself: releases, expiries, reviews. Each is an event of our own with a record of its own.

use jiff::civil::Date;

use super::book::Draft;
use super::{CATCH_UP_MAX, Desk};
use crate::ledger::Outcome;
use crate::ledger::{Bucket, PostingKind, never};
use crate::ledger::{FoldError, pending_parts};
use crate::tier;
use event::ids::{Identity, Motion};
use event::time::Month;
use event::{Event, Kind};

impl Desk<'_> {
    /// Brings the account to now. False if more is due than one decision should hold.
    pub(super) fn catch_up(&mut self) -> Result<bool, FoldError> {
        while let Some(day) = self.account().due().filter(|day| *day <= self.today) {
            if self.records.len() >= CATCH_UP_MAX {
                return Ok(false);
            }
            self.release(day)?;
            self.expire(day)?;
            self.review(day)?;
        }
        Ok(true)
    }

    fn release(&mut self, day: Date) -> Result<(), FoldError> {
        let due = |(key, points): (&String, &i64)| {
            pending_parts(key).filter(|(d, _)| *d == day).map(|(_, lot)| (lot, *points))
        };
        let held: Vec<(Month, i64)> = self.account().pending.iter().filter_map(due).collect();
        if held.is_empty() {
            return Ok(());
        }
        let mut draft = Draft::default();
        for (lot, points) in held {
            self.post(
                &mut draft,
                PostingKind::Release,
                points,
                Bucket::Pending { release: day, lot },
                Bucket::Available(lot),
                (None, None),
            )?;
            let netted = points.min(self.account().head.owed);
            self.post(&mut draft, PostingKind::Netting, netted, Bucket::Available(lot), Bucket::Owed, (None, None))?;
        }
        self.record_internal(Kind::PointsReleased { due: day }, "released", &day.to_string(), day, draft);
        Ok(())
    }

    fn expire(&mut self, day: Date) -> Result<(), FoldError> {
        let due = |lot: &Month| *lot < never() && lot.plus(1).first_day() <= day;
        let lots: Vec<(Month, i64)> =
            self.account().head.lots.iter().filter(|(lot, _)| due(lot)).map(|(l, p)| (*l, *p)).collect();
        for (lot, points) in lots {
            let mut draft = Draft::default();
            self.post(&mut draft, PostingKind::Expiry, points, Bucket::Available(lot), Bucket::Program, (None, None))?;
            // A released hold can refill a lot that has run out already, so the day is part of the identity.
            self.record_internal(
                Kind::PointsExpired { due: day },
                "expired",
                &format!("{lot}:{}", self.account().head.position),
                day,
                draft,
            );
        }
        Ok(())
    }

    fn review(&mut self, day: Date) -> Result<(), FoldError> {
        let due = self.account().head.tiers.iter().filter(|(_, s)| s.next_review.is_some_and(|d| d <= day));
        let motions: Vec<Motion> = due.map(|(motion, _)| motion.clone()).collect();
        for motion in motions {
            let effect = tier::review(self.program(), self.account(), &motion, day, self.now);
            let mut draft = Draft::default();
            self.effect(&mut draft, effect)?;
            self.record_internal(
                Kind::TierReviewed { due: day, motion: motion.clone() },
                "reviewed",
                &format!("{motion}:{day}"),
                day,
                draft,
            );
        }
        Ok(())
    }

    fn record_internal(&mut self, kind: Kind, word: &str, what: &str, day: Date, draft: Draft) {
        let partner = self.state.partner.clone();
        let identity = Identity::internal(&self.program().id, "clock", &[partner.as_str(), word, what]);
        let event = Event::internal(identity, partner, self.start_of(day), kind);
        self.seal(&event, draft, Outcome::Applied, None, Some(self.current), day);
    }
}
