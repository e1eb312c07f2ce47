//! One record for everything that was judged, with its postings, effects and reasons.

use event::ids::{Identity, PartnerId};
use event::json::Json;
use event::{Kind, Meaning};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::balance::Balance;
use super::effect::Effect;
use super::outcome::Outcome;
use super::posting::Posting;
use super::reason::{Reason, Trial};

/// The edition of the deciding code. A change that alters any recorded decision is a new edition.
pub const EDITION: u16 = 1;

/// What was decided about one event, for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The event's identity.
    #[serde(flatten)]
    pub identity: Identity,
    /// The partner in whose history it stands.
    pub partner: PartnerId,
    /// 1, 2, 3 ... in that history, without a gap (I9).
    pub position: u64,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, says the sender.
    pub time: Timestamp,
    /// Its `data` in canonical form, persons as pseudonyms.
    pub data: String,
    /// SHA-256 of the event's meaning as it was sent, in hex.
    pub hash: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it earned nothing or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Points that moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postings: Vec<Posting>,
    /// Everything else that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// Every rule that was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
    /// The program version it earned by; 0 where no version was in force.
    pub version: u32,
    /// That version's content hash, the first 32 hex digits.
    pub program_hash: String,
    /// The edition of the deciding code.
    pub edition: u16,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The day it is booked on (late-event policy).
    pub booked: Date,
    /// The first day that was open for booking.
    pub open_from: Date,
    /// The balance after it.
    pub after: Balance,
}

impl Record {
    /// What names this in logs and notices from end to end: the redemption for each of its steps, else the event's identity.
    pub fn correlation_id(&self) -> String {
        let redemption = self.happened().and_then(|kind| kind.redemption_id().cloned());
        redemption.map_or_else(|| self.identity.to_string(), String::from)
    }

    /// What the event meant.
    pub fn meaning(&self) -> Meaning {
        Meaning { hash: self.hash.clone(), persons: self.happened().map(|kind| kind.persons()).unwrap_or_default() }
    }

    /// What happened, as the event said it. `None` only if the record was written by another edition.
    pub fn happened(&self) -> Option<Kind> {
        Kind::read(&self.kind, &Json::parse(&self.data).ok()?).ok()
    }
}
