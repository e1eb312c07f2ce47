//! The sweep: partners on whom something is due, events whose wait is over, redemptions that stand still.

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Instant;
use domain::decide::Awaited;
use event::Gather;
use event::ids::{DealId, PartnerId, ProgramId};
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use store::StoreError;
use store::due::Moment;
use store::holds::{Hold, Of};
use store::outbox::Due;
use worker::{HELD_UNTIL, Outgoing, count};

use crate::boards::{self, count_on};
use crate::budgets;
use crate::handler::{ReviewError, ReviewPartners};
use crate::task::{Over, Task, Walk};

/// What a sweep counts, by metric.
type Counts = BTreeMap<&'static str, u64>;

/// Metric: sweeps that came to their end.
const SWEEPS: &str = "sweeps";
/// Metric: held events that were ended at their deadline (I20).
const HELD_PAST_DEADLINE: &str = "held_past_deadline";
/// Metric: redemptions that stood still and were sent to be fulfilled again (I20).
const REDEMPTIONS_STANDING: &str = "redemptions_standing";
/// Metric: held events that still wait.
const HELD: &str = "held";
/// Metric: held events that were sent again.
const HELD_SENT: &str = "held_sent";
/// Metric: held events that could not be looked at; the next sweep tries again (I20).
const HOLDS_NOT_SWEPT: &str = "holds_not_swept";
/// Metric: budgets of which little is left.
const BUDGETS_LOW: &str = "budgets_low";
/// What the sweep has sent again it leaves alone for so long: the message is on its way.
const SENT_LATELY: SignedDuration = SignedDuration::from_mins(10);
/// Who was sent to be reviewed is not sent again before: all tries of a message, and where it is put aside then, the next one.
const REVIEWED_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// So much time a part of a sweep may take.
const TIME_OF_A_PART: Duration = Duration::from_secs(25);
/// So many pages of a part of a sweep are looked at in one invocation.
const PAGES_AT_ONCE: u32 = 4;
/// A redemption that has not moved for this long is sent to be fulfilled again.
const STANDS_STILL: SignedDuration = SignedDuration::from_mins(10);

/// What this sweep has found out about what is awaited, so that nothing is read for everybody who waits for it.
#[derive(Debug, Default)]
struct Known {
    programs: BTreeMap<ProgramId, bool>,
    partners: BTreeMap<PartnerId, bool>,
    deals: BTreeMap<DealId, Option<u64>>,
}

/// What one page of a walk is looked at with.
struct Sweep<'a> {
    programs: Option<&'a Programs>,
    now: Timestamp,
    known: Known,
    counts: &'a mut Counts,
}

impl ReviewPartners {
    /// Sweeps every program, and counts what it found. What there is no time for is left to other invocations; a program that cannot be
    /// looked at keeps no other.
    ///
    /// # Errors
    /// The first [`ReviewError`] there was.
    pub(crate) async fn sweep(&self, now: Timestamp, deadline: Instant) -> Result<(), ReviewError> {
        let none = [HELD_PAST_DEADLINE, HOLDS_NOT_SWEPT, REDEMPTIONS_STANDING, BUDGETS_LOW].map(|metric| (metric, 0));
        let mut counts: Counts = none.into_iter().chain([(SWEEPS, 1)]).gather();
        let mut done = Ok(());
        for id in store::programs::ids(&self.store).await? {
            let Ok(id) = ProgramId::try_from(id) else { continue };
            let programs = match store::programs::read(&self.store, &id).await {
                Ok(Some(programs)) => programs,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(program = id.as_str(), %error, "a program could not be swept");
                    done = done.and(Err(error.into()));
                    continue;
                }
            };
            match Box::pin(budgets::low(&self.store, &programs, now)).await {
                Ok(low) => *counts.entry(BUDGETS_LOW).or_default() += low,
                Err(error) => {
                    tracing::error!(program = id.as_str(), %error, "a program's budgets could not be looked at");
                    done = done.and(Err(error.into()));
                }
            }
            if let Err(error) = Box::pin(self.have_boards_counted(&programs, now)).await {
                tracing::error!(program = id.as_str(), %error, "a program's leaderboards could not be counted");
                done = done.and(Err(error));
            }
            for over in Over::all(&id) {
                let walk = Walk { over, from: None };
                done = done.and(Box::pin(self.walk_or_leave(walk, Some(&programs), now, deadline, &mut counts)).await);
            }
        }
        let walk = Walk { over: Over::HoldsForPrograms, from: None };
        done = done.and(Box::pin(self.walk_or_leave(walk, None, now, deadline, &mut counts)).await);
        if done.is_err() {
            counts.remove(SWEEPS);
        }
        count(&counts);
        done
    }

    /// Has the challenges of a program counted, where that is due: sent first and noted then, since twice is as once.
    async fn have_boards_counted(&self, programs: &Programs, now: Timestamp) -> Result<(), ReviewError> {
        let program = &programs.current(now).program;
        let Some((counts, begun)) = boards::to_count(&self.store, programs, now).await? else { return Ok(()) };
        let walk = |count| {
            let over = Over::Board { program: program.id.clone(), count };
            Task::Walk(Walk { over, from: None }).body()
        };
        let failed = self.reviews.send_all(counts.into_iter().map(walk)).await;
        if !failed.is_empty() {
            return Err(ReviewError::NotSent(failed.len()));
        }
        Ok(store::boards::begin(&self.store, &program.id, begun).await?)
    }

    /// Looks at a part of a sweep, or leaves all of it to another invocation where this one has little time left.
    async fn walk_or_leave(
        &self,
        walk: Walk,
        programs: Option<&Programs>,
        now: Timestamp,
        deadline: Instant,
        counts: &mut Counts,
    ) -> Result<(), ReviewError> {
        if self.store.clock().instant() + TIME_OF_A_PART > deadline {
            return Ok(self.reviews.send(Task::Walk(walk).body()).await?);
        }
        self.walk(walk, programs, now, counts).await
    }

    /// Goes on with a sweep that was more than one invocation should do.
    pub(crate) async fn go_on(&self, walk: Walk, now: Timestamp) -> Result<(), ReviewError> {
        let programs = match walk.over.program() {
            Some(id) => store::programs::read(&self.store, id).await?,
            None => None,
        };
        let mut counts = Counts::new();
        Box::pin(self.walk(walk, programs.as_ref(), now, &mut counts)).await?;
        count(&counts);
        Ok(())
    }

    /// Looks at so many pages, and leaves the rest to another invocation (I27).
    async fn walk(
        &self,
        mut walk: Walk,
        programs: Option<&Programs>,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), ReviewError> {
        let mut sweep = Sweep { programs, now, known: Known::default(), counts };
        for _ in 0..PAGES_AT_ONCE {
            let from = walk.from.as_deref();
            walk.from = match &mut walk.over {
                Over::Due { program, shard } => self.sweep_due(&sweep, program, *shard, from).await?,
                Over::Holds { program } => self.sweep_holds(&mut sweep, Of::Program(program), from).await?,
                Over::HoldsForPrograms => self.sweep_holds(&mut sweep, Of::Unknown, from).await?,
                Over::Standing { program } => self.sweep_standing(&mut sweep, program, from).await?,
                Over::Outbox { program } => self.sweep_outbox(&sweep, program, from).await?,
                Over::Board { count, .. } => {
                    let Some(programs) = programs else { return Ok(()) };
                    count_on(&self.store, programs, count, (from, now)).await?
                }
            };
            if walk.from.is_none() {
                return Ok(());
            }
        }
        Ok(self.reviews.send(Task::Walk(walk).body()).await?)
    }

    async fn sweep_due(
        &self,
        sweep: &Sweep<'_>,
        program: &ProgramId,
        shard: u32,
        from: Option<&str>,
    ) -> Result<Option<String>, ReviewError> {
        let Some(programs) = sweep.programs else { return Ok(None) };
        let at = Moment { today: programs.current(sweep.now).program.calendar.day(sweep.now), now: sweep.now };
        let page = store::due::partners(&self.store, program, shard, at, from).await?;
        self.send_to_be_reviewed(program, &page.items, at).await?;
        Ok(page.next)
    }

    /// Sends partners to be looked at, and notes that they were: while they are on their way, no sweep sends them again.
    async fn send_to_be_reviewed(
        &self,
        program: &ProgramId,
        partners: &[PartnerId],
        at: Moment,
    ) -> Result<(), ReviewError> {
        let due = |partner: &PartnerId| Task::Review { program: program.clone(), partner: partner.clone() }.body();
        let failed = self.reviews.send_all(partners.iter().map(due)).await;
        if !failed.is_empty() {
            return Err(ReviewError::NotSent(failed.len()));
        }
        let again = at.now.saturating_add(REVIEWED_WITHIN).unwrap_or(at.now);
        let mark = |partner| Box::pin(store::due::mark_sent(&self.store, program, partner, at, again));
        let (fours, rest) = partners.as_chunks::<4>();
        for [one, two, three, four] in fours {
            tokio::try_join!(mark(one), mark(two), mark(three), mark(four))?;
        }
        for partner in rest {
            mark(partner).await?;
        }
        Ok(())
    }

    /// Sends on what no longer needs to wait, and ends what waited too long. One hold that does not read keeps no other.
    async fn sweep_holds(
        &self,
        sweep: &mut Sweep<'_>,
        of: Of<'_>,
        from: Option<&str>,
    ) -> Result<Option<String>, ReviewError> {
        let page = store::holds::page(&self.store, of, from).await?;
        for hold in page.items {
            let swept = match &hold {
                Ok(hold) => self.sweep_hold(sweep, hold).await,
                Err(error) => Err(StoreError::Unavailable(error.to_string()).into()),
            };
            match swept {
                Ok(metric) => *sweep.counts.entry(metric.unwrap_or(HELD)).or_default() += 1,
                Err(error) => {
                    let correlation_id = hold.ok().map(|hold| hold.identity.to_string());
                    tracing::error!(correlation_id, %error, "a held event could not be looked at");
                    *sweep.counts.entry(HOLDS_NOT_SWEPT).or_default() += 1;
                }
            }
        }
        Ok(page.next)
    }

    /// As what it counts, if not as one that just waits.
    async fn sweep_hold(&self, sweep: &mut Sweep<'_>, hold: &Hold) -> Result<Option<&'static str>, ReviewError> {
        let now = sweep.now;
        let correlation_id = hold.identity.to_string();
        let sent_lately = hold.sent_at.is_some_and(|sent| now.duration_since(sent) < SENT_LATELY);
        if hold.until <= now {
            if hold.awaits.is_judged_at_its_end() && hold.sent_at.is_none_or(|sent| sent < hold.until) {
                self.send_again(hold, now).await?;
                return Ok(Some(HELD_SENT));
            }
            if hold.awaits.is_judged_at_its_end() && sent_lately {
                return Ok(None);
            }
            tracing::warn!(correlation_id, awaits = %hold.awaits, "a held event reached its deadline");
            store::holds::expire(&self.store, hold, now).await?;
            return Ok(Some(HELD_PAST_DEADLINE));
        }
        if sent_lately || !self.has_come(sweep, hold).await? {
            return Ok(None);
        }
        self.send_again(hold, now).await?;
        Ok(Some(HELD_SENT))
    }

    /// Sends a held event to be judged again; if it waits no more, there is nothing to send.
    async fn send_again(&self, hold: &Hold, now: Timestamp) -> Result<(), ReviewError> {
        let Some(waiting) = store::holds::one(&self.store, hold).await? else { return Ok(()) };
        let attribute = Some((HELD_UNTIL, hold.until.to_string()));
        self.partner_events.send(Outgoing { body: waiting.body, attribute }).await?;
        store::holds::mark_sent(&self.store, hold, now).await?;
        let correlation_id = hold.identity.to_string();
        tracing::info!(correlation_id, awaits = %hold.awaits, "a held event is sent again");
        Ok(())
    }

    async fn has_come(&self, sweep: &mut Sweep<'_>, hold: &Hold) -> Result<bool, ReviewError> {
        let Sweep { programs, now, known, .. } = sweep;
        let program = &hold.identity.program;
        Ok(match &hold.awaits {
            Awaited::Program => match known.programs.get(program) {
                Some(published) => *published,
                None => {
                    let published = store::programs::read(&self.store, program).await?.is_some();
                    known.programs.insert(program.clone(), published);
                    published
                }
            },
            Awaited::Rate(currency) => programs.is_some_and(|all| all.current(*now).program.rate(currency).is_some()),
            Awaited::Partner(partner) => match known.partners.get(partner) {
                Some(enrolled) => *enrolled,
                None => {
                    let head = store::state::head(&self.store, program, partner).await?;
                    let enrolled = head.is_some_and(|head| head.enrolled.is_some());
                    known.partners.insert(partner.clone(), enrolled);
                    enrolled
                }
            },
            // What it brings sends it again; and its end.
            Awaited::Booking(_) => false,
            // Whether a deal is far enough is the decision's to say: one that has moved since is worth asking again.
            Awaited::Deal(id) | Awaited::Reassignment(id) => match known.deals.get(id) {
                Some(version) => *version != hold.seen,
                None => {
                    let version = store::holds::deal_version(&self.store, program, id).await?;
                    known.deals.insert(id.clone(), version);
                    version != hold.seen
                }
            },
        })
    }

    /// Sends what is due of what records sent, but what was sent lately, to be judged.
    async fn sweep_outbox(
        &self,
        sweep: &Sweep<'_>,
        program: &ProgramId,
        from: Option<&str>,
    ) -> Result<Option<String>, ReviewError> {
        let now = sweep.now;
        let page = store::outbox::page(&self.store, program, now, from).await?;
        let sent_lately = |due: &Due| due.sent_at.is_some_and(|sent| now.duration_since(sent) < SENT_LATELY);
        let due: Vec<&Due> = page.items.iter().filter(|due| !sent_lately(due)).collect();
        let task = |due: &&Due| Task::Judge { program: program.clone(), id: due.identity.id.clone() }.body();
        let failed = self.reviews.send_all(due.iter().map(task)).await;
        if !failed.is_empty() {
            return Err(ReviewError::NotSent(failed.len()));
        }
        for due in due {
            store::outbox::mark_sent(&self.store, due, now).await?;
        }
        Ok(page.next)
    }

    async fn sweep_standing(
        &self,
        sweep: &mut Sweep<'_>,
        program: &ProgramId,
        from: Option<&str>,
    ) -> Result<Option<String>, ReviewError> {
        let before = sweep.now.saturating_sub(STANDS_STILL).unwrap_or(sweep.now);
        let page = store::due::standing_redemptions(&self.store, program, before, from).await?;
        let due = |(partner, id): &(PartnerId, String)| {
            tracing::warn!(correlation_id = id, "a redemption stands still; it is sent to be fulfilled again");
            serde_json::json!({ "program": program, "partner": partner, "redemption_id": id }).to_string()
        };
        let failed = self.redemptions.send_all(page.items.iter().map(due)).await;
        let sent = page.items.len() - failed.len();
        *sweep.counts.entry(REDEMPTIONS_STANDING).or_default() += u64::try_from(sent).unwrap_or_default();
        Ok(page.next)
    }
}
