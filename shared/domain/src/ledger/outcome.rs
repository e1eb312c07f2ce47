//! What became of a message: one word each, used everywhere.

use serde::{Deserialize, Serialize};

/// What became of one message. `match` on it without a wildcard: a new word must be thought through everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It earned points.
    Awarded,
    /// It was judged and earned nothing; the record says why.
    NoRule,
    /// It was judged and must not count: a cap, a taken deal, a suspended partner.
    Refused,
    /// An event of our own took effect: a release, an expiry, a review, a redemption's step.
    Applied,
    /// Same identity, same meaning as one already judged.
    Duplicate,
    /// Same identity, another meaning: kept beside, changes nothing (I4).
    Conflict,
    /// Its identity can be read, its form is not acceptable; claims nothing.
    Rejected,
    /// No identity can be read, or too large.
    Quarantined,
    /// It waits for a deal, a partner, a rate or a program.
    Held,
    /// Throttled, in contention or out of time: try again.
    Transient,
    /// It cannot be committed: it ends in the dead-letter queue.
    Broken,
}

/// What the queue is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done: the queue may forget the message.
    Acknowledge,
    /// Not done: the queue delivers it again, and after enough deliveries puts it aside.
    HandBack,
}

impl Outcome {
    /// Whether the identity is taken for ever.
    pub fn claims_identity(self) -> bool {
        match self {
            Outcome::Awarded | Outcome::NoRule | Outcome::Refused | Outcome::Applied => true,
            Outcome::Duplicate
            | Outcome::Conflict
            | Outcome::Rejected
            | Outcome::Quarantined
            | Outcome::Held
            | Outcome::Transient
            | Outcome::Broken => false,
        }
    }

    /// What the queue is told.
    pub fn reply(self) -> Reply {
        match self {
            Outcome::Transient | Outcome::Broken => Reply::HandBack,
            Outcome::Awarded
            | Outcome::NoRule
            | Outcome::Refused
            | Outcome::Applied
            | Outcome::Duplicate
            | Outcome::Conflict
            | Outcome::Rejected
            | Outcome::Quarantined
            | Outcome::Held => Reply::Acknowledge,
        }
    }

    /// Whether a person should look.
    pub fn needs_a_person(self) -> bool {
        match self {
            Outcome::Conflict | Outcome::Rejected | Outcome::Quarantined | Outcome::Broken => true,
            Outcome::Awarded
            | Outcome::NoRule
            | Outcome::Refused
            | Outcome::Applied
            | Outcome::Duplicate
            | Outcome::Held
            | Outcome::Transient => false,
        }
    }

    /// Every outcome.
    pub const ALL: [Outcome; 11] = [
        Outcome::Awarded,
        Outcome::NoRule,
        Outcome::Refused,
        Outcome::Applied,
        Outcome::Duplicate,
        Outcome::Conflict,
        Outcome::Rejected,
        Outcome::Quarantined,
        Outcome::Held,
        Outcome::Transient,
        Outcome::Broken,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Awarded => "awarded",
            Outcome::NoRule => "no_rule",
            Outcome::Refused => "refused",
            Outcome::Applied => "applied",
            Outcome::Duplicate => "duplicate",
            Outcome::Conflict => "conflict",
            Outcome::Rejected => "rejected",
            Outcome::Quarantined => "quarantined",
            Outcome::Held => "held",
            Outcome::Transient => "transient",
            Outcome::Broken => "broken",
        }
    }
}
