//! Points that move between buckets: every posting is an entry on both sides, so conservation (I1) holds by form.

use std::fmt;

use event::ids::RuleId;
use event::time::Month;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
    pub rule: Option<RuleId>,
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
