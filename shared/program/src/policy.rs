//! Settings that are no rule: registration, expiry, clawback, late events.

use event::ids::{Motion, Name};
use event::time::{Calendar, Length, Month};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::commission::CommissionPolicy;
use crate::ladder::{Criteria, Review};
use crate::reward::Gate;

/// Deal registration (M30, M31).
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whether a deal must be registered before it is closed.
    pub required: bool,
    /// How long the first registrant has the opportunity to itself.
    pub exclusive_for: Length,
    /// How long before its end whoever has an opportunity to itself is reminded; the longest first.
    pub remind: Vec<Length>,
    /// Whether a second registrant is accepted, with a notice, or refused (M30); and a third, and all further ones.
    pub accepts: [bool; 3],
    /// How many bidders a public tender asks for (M33); none where nothing is asked.
    pub bidders: Option<u32>,
}

/// Most partners that register one opportunity.
pub const REGISTRANTS_MAX: usize = 16;

impl Registration {
    /// Whether whoever would be registrant number `place` is accepted beside those before it.
    pub fn accepts(&self, place: usize) -> bool {
        let by_setting = self.accepts[place.saturating_sub(2).min(2)];
        place <= 1 || by_setting
    }
}

/// Payouts (M10).
#[derive(Clone, Debug)]
pub struct Payouts {
    /// Less than this, in the program's currency, is carried forward to the next run; none: every amount is paid.
    pub minimum: Option<Decimal>,
    /// The fact of a partner that says whom finance pays (M47): a partner of which it is not stated is not paid yet. None: finance knows.
    pub payee: Option<Name>,
    /// The fact of a partner that says how much is withheld of what it is paid, in percent (M47): nothing where it is not stated.
    pub withholding: Option<Name>,
    /// How long finance has to settle or return a payout; after that staff are told that it is still on its way (I20).
    pub answered_within: Length,
}

/// How long points live: so many months after the one that they are booked in, to the end of that month, fiscal quarter or fiscal year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Months.
    pub months: i32,
    /// To whose end.
    pub ends: Ends,
}

/// What points live to the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The calendar month.
    Month,
    /// The fiscal quarter.
    Quarter,
    /// The fiscal year.
    Year,
}

/// Most months that points live, to the end of the period in which they are over.
const EXPIRY_MONTHS_MAX: i32 = 36;

impl Expiry {
    /// Reads `"24 months after earning, at the end of the quarter"`, or `"at the end of the quarter"`.
    ///
    /// # Errors
    /// A sentence that says what an expiry is.
    pub(crate) fn parse(words: &str) -> Result<Self, String> {
        let (length, end) = match words.split_once(" after earning, ") {
            Some((length, end)) => (Length::parse(length), end),
            None => (Some(Length { months: 0, days: 0 }), words),
        };
        let ends = match end {
            "at the end of the month" => Some(Ends::Month),
            "at the end of the quarter" => Some(Ends::Quarter),
            "at the end of the year" => Some(Ends::Year),
            _ => None,
        };
        let months = length.filter(|length| length.days == 0 && length.months <= EXPIRY_MONTHS_MAX);
        let both = months.map(|length| length.months).zip(ends);
        both.map(|(months, ends)| Self { months, ends }).ok_or_else(|| {
            format!(
                "write \"never\", \"at the end of the quarter\" (or month, or year), or \"24 months after earning, at the end of the quarter\", {EXPIRY_MONTHS_MAX} months at most; a year and its quarters are the fiscal ones"
            )
        })
    }

    /// In words: `for 24 months, to the end of that month`, `to the end of the fiscal quarter in which they are earned`.
    pub fn words(self) -> String {
        let end = match self.ends {
            Ends::Month => "month",
            Ends::Quarter => "fiscal quarter",
            Ends::Year => "fiscal year",
        };
        match self.months {
            0 => format!("to the end of the {end} in which they are earned"),
            1 => format!("for 1 month, to the end of that {end}"),
            months => format!("for {months} months, to the end of that {end}"),
        }
    }

    /// The lot of points that are booked on a day: the month with whose end they are over.
    pub fn lot(self, booked: Date, calendar: &Calendar) -> Month {
        let month = Month::of(booked).plus(self.months);
        match self.ends {
            Ends::Month => month,
            Ends::Quarter => calendar.quarter_start(month).plus(2),
            Ends::Year => calendar.year_start(month).plus(11),
        }
    }
}

/// The remaining settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long points live; `None` for ever.
    pub expiry: Option<Expiry>,
    /// Whether what a reversal cannot take is owed (else it is forgiven).
    pub owe_the_rest: bool,
    /// Whether an award that is taken back frees the caps that it used, of its own period (else they stay used).
    pub reversal_frees_caps: bool,
    /// How long a held event waits.
    pub held_for: Length,
    /// How long an event about another partner's deal waits for that deal's reassignment, before it is refused: to the end of the day.
    pub reassigned_within: Length,
    /// How long points live at least that go back to the partner, also where their lot has run out meanwhile: an order that is declined
    /// costs nobody points.
    pub returned_for: Length,
    /// Whether suspended partners still earn. They never redeem.
    pub suspended_earn: bool,
    /// Whether a late event is booked in its own period while that is open (else always in the current one).
    pub book_in_own_period: bool,
    /// Booking periods are quarters (else months).
    pub period_is_quarter: bool,
    /// How long after its end a period stays open.
    pub periods_close_after: Length,
    /// Finance's lock: nothing is booked on this day or before any more; what becomes known later is booked when it does. Another thing
    /// than the close of a period, by which ladders are reviewed.
    pub locked_until: Option<Date>,
    /// What holds of all commissions.
    pub commissions: CommissionPolicy,
}

/// What is asked of a partner that is new (M17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onboarding {
    /// The motion it is measured in.
    pub motion: Motion,
    /// What makes a partner productive.
    pub productive: Criteria,
    /// How long it has for that after its enrolment; then staff are told that it is late.
    pub by: Length,
    /// How much later an improvement plan is due where it still is not; none: nothing more comes of it.
    pub plan_after: Option<Length>,
    /// What a partner has once it is trained: all of it (M29). Empty where nothing is asked.
    pub trained: Vec<Gate>,
}

/// What makes a territory or a vertical one partner's alone, and what loses it (M23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusivity {
    /// The motion it is measured in.
    pub motion: Motion,
    /// What a partner must have earned by the time it is granted; none: whatever staff say.
    pub earn: Option<Criteria>,
    /// What keeps it; none: it is never lost for what is sold.
    pub keep: Option<Criteria>,
    /// How often it is reviewed.
    pub review: Review,
    /// Reviews start this long after it was granted.
    pub first_review: Length,
    /// Between the warning and the loss; none: it is lost at the first review that it fails.
    pub grace: Option<Length>,
    /// How long it lasts where a grant does not say; none: until it is ended.
    pub lasts: Option<Length>,
    /// What a partner must have to be granted one, in the order in which it is looked at.
    pub gates: Vec<Gate>,
}

impl Exclusivity {
    /// The longest window that it looks at, in months.
    pub fn months(&self) -> i32 {
        self.earn.iter().chain(&self.keep).map(Criteria::months).max().unwrap_or(0)
    }
}
