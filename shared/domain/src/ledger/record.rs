//! One record for everything that was judged, with its postings, effects and reasons.

use event::ids::{Identity, Label, PartnerId};
use event::json::Json;
use event::{Kind, Meaning, MeaningHash, PartnerFacts};
use jiff::Timestamp;
use jiff::civil::Date;

use super::balance::Balance;
use super::effect::Effect;
use super::outcome::Outcome;
use super::pool::PoolPart;
use super::posting::Posting;
use super::reason::{Reason, Trial};

/// The edition of the deciding code. A change that alters any recorded decision is a new edition, once there was a release.
pub const EDITION: u16 = 1;

/// The form in which records are stored. Data of another form is not read.
pub const RECORD_FORM: u16 = 5;

/// What was decided about one event, for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The event's identity.
    pub identity: Identity,
    /// The partner in whose history it stands.
    pub partner: PartnerId,
    /// 1, 2, 3 ... in that history, without a gap (I9).
    pub position: u64,
    /// The event's type.
    pub kind: Label,
    /// When it happened, says the sender.
    pub time: Timestamp,
    /// The members of its `data` that its type declares, in canonical form, persons as pseudonyms.
    pub data: String,
    /// The hash of the event's meaning, persons left blank.
    pub hash: MeaningHash,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it earned nothing or was refused.
    pub reason: Option<Reason>,
    /// What moved.
    pub postings: Vec<Posting>,
    /// What else changed that the data does not say.
    pub effects: Vec<Effect>,
    /// Every rule on this type that was tried.
    pub trials: Vec<Trial>,
    /// The program version it earned by; none where no version was in force.
    pub earned_by: Option<VersionRef>,
    /// The number of the program version that decided: ladders, bookings, caps, policies.
    pub decided_by: u32,
    /// Versions of what was read outside the account (I25).
    pub relied_on: ReliedOn,
    /// Until when it was to wait, if it was held before it was judged.
    pub held_until: Option<Timestamp>,
    /// The edition of the deciding code.
    pub edition: u16,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The day of that in the program's zone; never before the day of an earlier record.
    pub on: Date,
    /// The day it is booked on (late-event policy).
    pub booked: Date,
    /// The first day that was open for booking.
    pub open_from: Date,
    /// The balance of points after it.
    pub after: Balance,
}

/// A program version, by number and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRef {
    /// Its number.
    pub number: u32,
    /// The first hex digits of its content's hash.
    pub hash: Label,
}

/// Versions of what the event names outside the account, as they were before this record. 0: there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReliedOn {
    /// The deal that the event names.
    pub deal: Option<u64>,
    /// The opportunity that the event names.
    pub opportunity: Option<u64>,
    /// The position of the other partner that the event names.
    pub partner: Option<u64>,
}

impl Record {
    /// What is stated of the partner that its rules looked at (M47): of what corrects a deal, when that closed.
    pub fn stated(&self) -> &PartnerFacts {
        self.all_stated().next().unwrap_or(PartnerFacts::none())
    }

    /// What rules on the event itself looked at.
    pub fn stated_now(&self) -> &PartnerFacts {
        self.all_stated().last().unwrap_or(PartnerFacts::none())
    }

    fn all_stated(&self) -> impl Iterator<Item = &PartnerFacts> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Stated { facts } => Some(facts),
            _ => None,
        })
    }

    /// What names this in logs and notices from end to end: the redemption for each of its steps, else the event's identity.
    pub fn correlation_id(&self) -> String {
        let redemption = self.happened().and_then(|kind| kind.redemption_id().cloned());
        redemption.map_or_else(|| self.identity.to_string(), String::from)
    }

    /// The number of the version it earned by; 0 where none was in force.
    pub fn version(&self) -> u32 {
        self.earned_by.as_ref().map_or(0, |version| version.number)
    }

    /// Whether what the event says holds from now on: it was not refused, or only a cap or a budget stood between it and its points.
    pub fn holds(&self) -> bool {
        self.outcome != Outcome::Refused
            || matches!(self.reason, Some(Reason::CapReached { .. } | Reason::BudgetSpent { .. }))
    }

    /// The sub-balances of pools that it moves: how much more was put into each, and how much more is drawn on it.
    pub fn pools(&self) -> impl Iterator<Item = (&PoolPart, i64, i64)> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Pool { part, funded, drawn, .. } => Some((part, *funded, *drawn)),
            _ => None,
        })
    }

    /// What the event meant.
    pub fn meaning(&self) -> Meaning {
        Meaning { hash: self.hash, persons: self.happened().map(|kind| kind.persons()).unwrap_or_default() }
    }

    /// What happened, as the event said it. `None` only if the record was written by another edition.
    pub fn happened(&self) -> Option<Kind> {
        Kind::read(&self.kind, &Json::parse(&self.data).ok()?).ok()
    }
}
