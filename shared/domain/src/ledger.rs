//! The ledger: one record for everything that was judged, with its postings, effects and reasons.
//!
//! Points move between buckets, so every posting is an entry on both sides and conservation (I1) holds by form. What is
//! no points is an effect. Postings and effects are all an account is made of (I10).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::account::{Balance, Status};
use crate::json::Json;
use crate::outcome::Outcome;
use crate::program::{Measure, Motion, TierId};
use crate::reason::{Reason, Trial};
use crate::text::{Identity, PartnerId};
use crate::time::Month;

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
        let data = Json::parse(&self.data).unwrap_or(Json::Null);
        let redemption = data.get("redemption_id").and_then(Json::as_text);
        let own = redemption.filter(|_| self.identity.source.is_own());
        own.map_or_else(|| self.identity.to_string(), str::to_owned)
    }
}

/// Points that moved from one bucket to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// What kind of movement.
    pub kind: PostingKind,
    /// How many points, above zero.
    pub points: i64,
    /// Out of.
    pub from: Bucket,
    /// Into.
    pub to: Bucket,
    /// The rule that moved them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The position of the record this one corrects (I14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<u64>,
}

/// What kind of movement a posting is, in a ledger's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostingKind {
    /// Points earned by a rule.
    Accrual,
    /// Earned points that pay back what is owed.
    Netting,
    /// Held points become available.
    Release,
    /// A lot runs out.
    Expiry,
    /// An award is taken back.
    Reversal,
    /// Points set aside for a redemption.
    Reservation,
    /// Set-aside points are spent.
    Redemption,
    /// Set-aside points go back.
    Cancellation,
}

/// Where points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bucket {
    /// With the vendor: not (or no longer) the partner's.
    Program,
    /// Earned, not yet available.
    Pending {
        /// The day they become available.
        release: Date,
        /// The lot they will belong to.
        lot: Month,
    },
    /// Spendable, until the end of the lot's month.
    Available(Month),
    /// Set aside for a redemption.
    Reserved(Month),
    /// Taken back but already spent: a debt.
    Owed,
}

/// The lot of points that never expire.
pub fn never() -> Month {
    Month::of(jiff::civil::date(9999, 12, 1))
}

impl Posting {
    /// What this posting adds to the partner's total, in points (I1).
    pub fn sum(&self) -> i64 {
        let side = |bucket| if bucket == Bucket::Program { 0 } else { self.points };
        side(self.to) - side(self.from)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bucket::Program => f.write_str("program"),
            Bucket::Pending { release, lot } => write!(f, "pending/{release}/{lot}"),
            Bucket::Available(lot) => write!(f, "available/{lot}"),
            Bucket::Reserved(lot) => write!(f, "reserved/{lot}"),
            Bucket::Owed => f.write_str("owed"),
        }
    }
}

impl From<Bucket> for String {
    fn from(bucket: Bucket) -> Self {
        bucket.to_string()
    }
}

impl TryFrom<String> for Bucket {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is no bucket");
        let month = |m: &str| Month::try_from(m.to_owned());
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["program"] => Ok(Bucket::Program),
            ["owed"] => Ok(Bucket::Owed),
            ["available", lot] => Ok(Bucket::Available(month(lot)?)),
            ["reserved", lot] => Ok(Bucket::Reserved(month(lot)?)),
            ["pending", release, lot] => {
                Ok(Bucket::Pending { release: release.parse().map_err(|_| bad())?, lot: month(lot)? })
            }
            _ => Err(bad()),
        }
    }
}

/// A change that is no points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The partner's facts, as enrolled.
    Enrolled {
        /// The motions it takes part in.
        motions: Vec<Motion>,
        /// Its territory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        territory: Option<String>,
        /// Its time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// The partner's standing in the program.
    Status(Status),
    /// An agreement version was accepted (M43).
    Agreement(String),
    /// Somebody completed a course.
    Course {
        /// The course.
        id: String,
        /// The day it was booked on.
        on: Date,
    },
    /// Somebody holds a certificate (M27).
    Certified {
        /// The certification.
        id: String,
        /// The person's pseudonym.
        person: String,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Somebody no longer holds one.
    Decertified {
        /// The certification.
        id: String,
        /// The person's pseudonym.
        person: String,
    },
    /// A measure of the tier ladders moved.
    Measure {
        /// The motion.
        motion: Motion,
        /// The month it is booked in.
        month: Month,
        /// Which measure.
        measure: Measure,
        /// By how much; may be negative.
        by: Decimal,
    },
    /// A cap of the partner was used.
    Count {
        /// `<rule>|<cap>|<period>`.
        key: String,
        /// By how much.
        by: i64,
    },
    /// A cap of a person, a team or a field's value was used.
    Frequency {
        /// The item it is counted in.
        item: FrequencyKey,
        /// `<rule>|<cap>|<value>`.
        key: String,
        /// By how much.
        by: i64,
    },
    /// A deal was registered beside others on its opportunity: somebody should know (M30).
    Registrant {
        /// 2 for the second, 3 for the third ...
        place: u32,
    },
    /// The partner holds another tier.
    Tier {
        /// The ladder.
        motion: Motion,
        /// The tier before; none at enrolment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<TierId>,
        /// The tier from now on.
        to: TierId,
        /// From this day.
        on: Date,
        /// The day of its first review; none if it is never lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_review: Option<Date>,
    },
    /// A review that changed no tier.
    Reviewed {
        /// The ladder.
        motion: Motion,
        /// The day of the next one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_review: Option<Date>,
        /// If the tier is not kept by then, it is lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        demotes_on: Option<Date>,
    },
}

/// Which frequency item a count stands in: one per person (or none) and period, so that items stay small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrequencyKey {
    /// The person's pseudonym or the team; empty for the partner's own.
    pub who: String,
    /// The period's name, `ever` for caps that never start anew.
    pub period: String,
}
