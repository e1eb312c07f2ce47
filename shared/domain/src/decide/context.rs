//! What a decision is judged by: the program's versions, and the day.

use event::ids::{Motion, PartnerId};
use event::{Event, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use program::{OwnEvent, Program, Programs, Version};
use rust_decimal::Decimal;

use super::state::State;
use super::stop::{Awaited, Stop};
use crate::deal::Deal;
use crate::ledger::{Head, Reason};

/// What does not change while one group of events is decided.
pub(super) struct Context<'a> {
    pub(super) programs: &'a Programs,
    /// The version by which ladders, bookings, redemptions and the clock are decided.
    pub(super) current: &'a Version,
    pub(super) now: Timestamp,
    /// The day of `now` in the zone of the current version.
    day_of_now: Date,
    /// The day of `now`; never before the day of an earlier record, whatever a version does to the time zone.
    pub(super) today: Date,
    /// The first day that is open for booking.
    pub(super) open_from: Date,
}

impl<'a> Context<'a> {
    /// As of `now`, or of the last decision where the clock of this machine is behind.
    pub(super) fn at(programs: &'a Programs, head: &Head, now: Timestamp) -> Self {
        let now = head.as_of.map_or(now, |as_of| now.max(as_of));
        let current = programs.current(now);
        let day_of_now = current.program.calendar.day(now);
        let today = head.day.map_or(day_of_now, |day| day.max(day_of_now));
        Self { programs, current, now, day_of_now, today, open_from: current.program.open_from(today) }
    }

    /// The day of an instant in the zone of `version`.
    pub(super) fn day(&self, at: Timestamp, version: &Version) -> Date {
        // Most events are judged by the version of now, and a history at the time of each.
        if at == self.now && version.number == self.current.number {
            return self.day_of_now;
        }
        version.program.calendar.day(at)
    }

    /// The version that an event earns by: the one in force at its own time, as far as that has come. A sender's clock may be ahead,
    /// and what takes effect later may still be withdrawn.
    pub(super) fn earning(&self, event: &Event) -> Option<&'a Version> {
        let at = if planted("earns by the version of now") { self.now } else { event.time.min(self.now) };
        self.programs.in_force(at)
    }

    pub(super) fn program(&self) -> &'a Program {
        &self.current.program
    }

    /// The day an event of day `day` is booked on (late-event policy): its own while that is open, and not locked by finance.
    pub(super) fn booked(&self, day: Date) -> Date {
        let policy = &self.program().policy;
        let is_locked = policy.locked_until.is_some_and(|locked| day <= locked);
        let own = policy.book_in_own_period && day >= self.open_from && !is_locked;
        if own { day.min(self.today) } else { self.today }
    }

    /// Units of the program's currency for one of `currency`: of the version it earns by, else of today's.
    pub(super) fn rate(&self, currency: &str, earning: &Version) -> Result<Decimal, Stop> {
        let rate = earning.program.rate(currency).or_else(|| self.program().rate(currency));
        rate.ok_or_else(|| Stop::Held(Awaited::Rate(currency.to_owned())))
    }

    /// The rate at which a deal was closed: of the version it earned by, else of the one that decided. `None` if it is not closed,
    /// or in another currency.
    pub(super) fn closing_rate(&self, deal: &Deal, currency: &str) -> Option<Decimal> {
        let closed = deal.closed.as_ref()?;
        closed.acv.filter(|acv| acv.currency() == currency)?;
        let of = |version| self.programs.number(version)?.program.rate(currency);
        of(closed.version).or_else(|| of(closed.decided_by))
    }

    /// What the version that it earns by declares of an event of the vendor's own.
    pub(super) fn declared(&self, event: &Event) -> Option<&'a OwnEvent> {
        self.earning(event)?.program.events.get(event.kind.name())
    }

    /// The motion an event is measured in: its own, else its deal's, else the program's default.
    pub(super) fn motion(&self, state: &State, event: &Event) -> Motion {
        let kind = &event.kind;
        let of_deal = || kind.deal_id().and_then(|id| state.deal(id)?.motion.clone());
        let of_type = || self.declared(event)?.motion.clone();
        kind.motion()
            .cloned()
            .or_else(of_deal)
            .or_else(of_type)
            .unwrap_or_else(|| self.program().default_motion.clone())
    }

    /// When an event that waits from today on stops waiting.
    pub(super) fn waits_until(&self, awaited: &Awaited) -> Timestamp {
        let policy = &self.program().policy;
        let last = match awaited {
            Awaited::Reassignment(_) => policy.reassigned_within.after(self.today),
            Awaited::Partner(_) | Awaited::Deal(_) | Awaited::Booking(_) | Awaited::Rate(_) | Awaited::Program => {
                return self.start_of(policy.held_for.after(self.today));
            }
        };
        // The whole of that day.
        self.start_of(last.tomorrow().unwrap_or(last))
    }

    /// Whether an event has waited as long as it was to.
    pub(super) fn has_waited(&self, event: &Event) -> bool {
        event.held_until.is_some_and(|until| until <= self.now)
    }

    /// What gives back something that the partner has not: it may have overtaken the booking, and waits for it; in the end it is refused.
    pub(super) fn before_its_booking(&self, partner: &PartnerId, event: &Event, reason: Reason) -> Stop {
        if self.has_waited(event) { Stop::Refused(reason) } else { Stop::Held(Awaited::Booking(partner.clone())) }
    }

    pub(super) fn start_of(&self, day: Date) -> Timestamp {
        self.program().calendar.start_of(day)
    }
}

/// What an event may do for its partner.
pub(super) enum Part {
    /// It may earn.
    Full,
    /// It corrects what there is, and earns nothing new, for this reason.
    Corrections(Reason),
}

/// An event on its way: the version it earns by, what it may do, and its days.
pub(super) struct Case<'a> {
    pub(super) event: &'a Event,
    pub(super) earning: &'a Version,
    pub(super) part: Part,
    pub(super) day: Date,
    pub(super) booked: Date,
}
