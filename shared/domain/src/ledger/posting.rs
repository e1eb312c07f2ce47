//! What moves between buckets: every posting is an entry on both sides, so conservation (I1) holds by form, for each asset
//! apart (I21).

use std::fmt;
use std::str::FromStr;

use event::ids::RuleId;
use event::payout::PayoutRun;
use event::time::Month;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::asset::Asset;

/// An amount that moved from one bucket to another. Stored as a line:
/// `accrual 500 points program available/2028-03 - closed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Posting {
    /// What kind of movement.
    pub kind: PostingKind,
    /// How much, above zero, in the asset's smallest unit.
    pub amount: i64,
    /// What moved.
    pub asset: Asset,
    /// Out of.
    pub from: Bucket,
    /// Into.
    pub to: Bucket,
    /// The position of the record this one corrects (I14).
    pub corrects: Option<u64>,
    /// The rule that moved it.
    pub rule: Option<RuleId>,
}

/// Declares words of a ledger, each once.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal,)*) => {
        /// What kind of movement a posting is, in a ledger's words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum PostingKind {
            $($(#[$doc])* $kind,)*
        }

        impl PostingKind {
            /// The word.
            pub fn word(self) -> &'static str {
                match self {
                    $(PostingKind::$kind => $word,)*
                }
            }
        }

        impl FromStr for PostingKind {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(PostingKind::$kind),)*
                    _ => Err(format!("`{word}` is no kind of posting")),
                }
            }
        }
    };
}

kinds! {
    /// Earned by a rule.
    Accrual = "accrual",
    /// What is earned pays back what is owed.
    Netting = "netting",
    /// What was held becomes available.
    Release = "release",
    /// A lot runs out.
    Expiry = "expiry",
    /// An award is taken back.
    Reversal = "reversal",
    /// Set aside for a redemption.
    Reservation = "reservation",
    /// What was set aside is spent.
    Redemption = "redemption",
    /// What was set aside goes back.
    Cancellation = "cancellation",
    /// What was set aside is paid out.
    Payout = "payout",
}

/// Where an amount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bucket {
    /// With the vendor: not (or no longer) the partner's.
    Program,
    /// Earned, not yet available.
    Pending {
        /// The day it becomes available.
        release: Date,
        /// The lot it will belong to.
        lot: Month,
    },
    /// Spendable, until the end of the lot's month.
    Available(Month),
    /// Set aside for a redemption.
    Reserved(Month),
    /// Taken back but already spent: a debt.
    Owed,
    /// Set aside to be paid, in this run.
    InPayout(PayoutRun),
    /// Paid out in this run: no longer the partner's, unless the bank sends it back.
    Paid(PayoutRun),
    /// Run out unspent, by the lot it was in: no longer the partner's. A reversal draws on it first, so that it is not taken twice.
    Expired(Month),
}

/// The lot of what never expires.
pub fn never() -> Month {
    Month::of(jiff::civil::date(9999, 12, 1))
}

/// The day of what is held until something happens, and not until a day: until the customer pays.
pub fn someday() -> Date {
    jiff::civil::date(9999, 12, 31)
}

impl Bucket {
    /// The lot in which a partner's award stands here; none where it is not by lot, or set aside for something else.
    pub(crate) fn award_lot(self) -> Option<Month> {
        match self {
            Bucket::Available(lot) | Bucket::Pending { lot, .. } | Bucket::Expired(lot) => Some(lot),
            Bucket::Program | Bucket::Reserved(_) | Bucket::Owed | Bucket::InPayout(_) | Bucket::Paid(_) => None,
        }
    }

    /// Whether what is in it counts for the partner, as what it has or as what it owes.
    pub fn is_partners(self) -> bool {
        match self {
            Bucket::Program | Bucket::Expired(_) | Bucket::Paid(_) => false,
            Bucket::Pending { .. }
            | Bucket::Available(_)
            | Bucket::Reserved(_)
            | Bucket::Owed
            | Bucket::InPayout(_) => true,
        }
    }
}

impl Posting {
    /// What this posting adds to the partner's total of its asset (I1).
    pub fn sum(&self) -> i64 {
        let side = |bucket: Bucket| if bucket.is_partners() { self.amount } else { 0 };
        side(self.to) - side(self.from)
    }

    /// Whether a rule gave it, not took it back.
    pub fn is_award(&self) -> bool {
        self.rule.is_some() && self.kind != PostingKind::Reversal
    }
}

impl fmt::Display for Posting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, amount, asset, from, to, corrects, rule } = self;
        write!(f, "{} {amount} {asset} {from} {to} ", kind.word())?;
        match corrects {
            Some(position) => write!(f, "#{position}")?,
            None => f.write_str("-")?,
        }
        rule.as_ref().map_or(Ok(()), |rule| write!(f, " {rule}"))
    }
}

impl From<Posting> for String {
    fn from(posting: Posting) -> Self {
        posting.to_string()
    }
}

impl TryFrom<String> for Posting {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is no posting");
        let mut parts = text.splitn(7, ' ');
        let mut part = || parts.next().ok_or_else(bad);
        let kind = part()?.parse()?;
        let amount = part()?.parse().map_err(|_| bad())?;
        let asset = Asset::try_from(part()?.to_owned())?;
        let from = Bucket::try_from(part()?.to_owned())?;
        let to = Bucket::try_from(part()?.to_owned())?;
        let corrects = match part()? {
            "-" => None,
            position => Some(position.strip_prefix('#').and_then(|n| n.parse().ok()).ok_or_else(bad)?),
        };
        let rule = parts.next().map(RuleId::try_from).transpose().map_err(|_| bad())?;
        Ok(Self { kind, amount, asset, from, to, corrects, rule })
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
            Bucket::InPayout(run) => write!(f, "payout/{run}"),
            Bucket::Paid(run) => write!(f, "paid/{run}"),
            Bucket::Expired(lot) => write!(f, "expired/{lot}"),
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
            ["paid", run] => Ok(Bucket::Paid(run.parse().map_err(|_| bad())?)),
            ["payout", run] => Ok(Bucket::InPayout(run.parse().map_err(|_| bad())?)),
            ["available", lot] => Ok(Bucket::Available(month(lot)?)),
            ["reserved", lot] => Ok(Bucket::Reserved(month(lot)?)),
            ["expired", lot] => Ok(Bucket::Expired(month(lot)?)),
            ["pending", release, lot] => {
                Ok(Bucket::Pending { release: release.parse().map_err(|_| bad())?, lot: month(lot)? })
            }
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posting_reads_as_it_was_written() {
        let lines = [
            "accrual 500 points program available/2028-03 - closed",
            "reversal 5250 USD pending/2026-04-13/2028-03 program #17 a rule with blanks",
            "expiry 7 points available/2028-03 expired/2028-03 -",
            "netting 1 JPY program owed - x",
            "reservation 5250 USD available/9999-12 payout/2026-11-30.2 -",
            "payout 5250 USD payout/2026-11-30 paid/2026-11-30 -",
        ];
        for line in lines {
            let posting = Posting::try_from(line.to_owned()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(posting.to_string(), line);
        }
        for bad in [
            "",
            "accrual 500 points program",
            "accrual x points program owed -",
            "gift 5 points program owed -",
            "accrual 5 pounds program owed -",
        ] {
            assert!(Posting::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
