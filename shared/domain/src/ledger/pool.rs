//! Pools: what partners draw on together and never more than was put into it (N10, M22, I22). Each is held in sub-balances, so that
//! writers do not wait for one another.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use event::ids::Name;
use event::period::{Period, TargetPeriod};
use serde::{Deserialize, Serialize};

use super::asset::Asset;
use super::balance::FoldError;
use super::exclusive::Scope;

/// What a pool is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolOf {
    /// A budget of an asset (N10).
    Budget(Name, Asset),
    /// The slots of a benefit, by what its sender calls them: a year, a quarter or a month; of one that has no periods nothing (M22).
    Benefit(Name, Option<TargetPeriod>),
    /// What is one partner's alone (M23): there is one of it.
    Exclusive(Scope),
}

/// A pool: what it is of, and in which period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pool {
    /// What it is of.
    pub of: PoolOf,
    /// Its period; for ever where it has none.
    pub period: Period,
}

impl Pool {
    /// One of its sub-balances.
    pub fn part(&self, number: u8) -> PoolPart {
        PoolPart { pool: self.clone(), number }
    }

    /// An amount of it, in words.
    pub fn told(&self, amount: i64) -> String {
        match &self.of {
            PoolOf::Budget(_, asset) => asset.told(amount),
            PoolOf::Benefit(..) | PoolOf::Exclusive(_) => format!("{amount} slots"),
        }
    }
}

/// It in words: `budget launch-fund of 2026-01..2026-03`.
impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            PoolOf::Budget(name, _) => write!(f, "budget {name}")?,
            PoolOf::Benefit(name, None) => write!(f, "benefit {name}")?,
            PoolOf::Benefit(name, Some(slot)) => write!(f, "benefit {name} of {slot}")?,
            PoolOf::Exclusive(scope) => write!(f, "{scope}")?,
        }
        if self.period == Period::Ever { Ok(()) } else { write!(f, " of {}", self.period) }
    }
}

/// A sub-balance of a pool, as text: `budget|launch-fund|points|2026-01..2026-03|0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PoolPart {
    /// The pool.
    pub pool: Pool,
    /// Which of its sub-balances, from 0.
    pub number: u8,
}

const BUDGET: &str = "budget";
const BENEFIT: &str = "benefit";

impl fmt::Display for PoolPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |name: &Name| name.replace('%', "%25").replace('|', "%7C");
        match &self.pool.of {
            PoolOf::Budget(name, asset) => write!(f, "{BUDGET}|{}|{asset}", escape(name))?,
            PoolOf::Benefit(name, slot) => {
                let slot = slot.map(|slot| slot.to_string()).unwrap_or_default();
                write!(f, "{BENEFIT}|{}|{slot}", escape(name))?;
            }
            PoolOf::Exclusive(scope) => {
                let (word, name) = scope.parts();
                write!(f, "{word}|{}|", escape(name))?;
            }
        }
        write!(f, "|{}|{}", self.pool.period, self.number)
    }
}

impl FromStr for PoolPart {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no part of a pool");
        let name = |part: &str| Name::try_from(part.replace("%7C", "|").replace("%25", "%")).map_err(|_| bad());
        let [word, id, asset, period, number] = text.split('|').collect::<Vec<_>>()[..] else { return Err(bad()) };
        let of = match (word, asset) {
            (BUDGET, asset) => PoolOf::Budget(name(id)?, Asset::try_from(asset.to_owned())?),
            (BENEFIT, "") => PoolOf::Benefit(name(id)?, None),
            (BENEFIT, slot) => PoolOf::Benefit(name(id)?, Some(TargetPeriod::try_from(slot.to_owned())?)),
            ("territory", "") => PoolOf::Exclusive(Scope::Territory(name(id)?)),
            ("vertical", "") => PoolOf::Exclusive(Scope::Vertical(name(id)?)),
            _ => return Err(bad()),
        };
        let period = Period::try_from(period.to_owned())?;
        Ok(Self { pool: Pool { of, period }, number: number.parse().map_err(|_| bad())? })
    }
}

impl From<PoolPart> for String {
    fn from(part: PoolPart) -> Self {
        part.to_string()
    }
}

impl TryFrom<String> for PoolPart {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What a sub-balance holds, in its pool's smallest unit. What was put in is what is left and what is drawn (I22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolBalance {
    /// What is left, never below zero.
    pub left: i64,
    /// What is drawn and was not given back, never below zero.
    pub drawn: i64,
    /// How often it moved.
    pub moves: u64,
}

impl PoolBalance {
    /// After more was put in (or taken out) and more was drawn (or given back).
    ///
    /// # Errors
    /// [`FoldError::PoolShort`]: less than nothing would be left, or drawn (I22). [`FoldError::Overflow`].
    pub fn moved(self, funded: i64, drawn: i64) -> Result<Self, FoldError> {
        let left = funded.checked_sub(drawn).and_then(|more| self.left.checked_add(more)).ok_or(FoldError::Overflow)?;
        let drawn = self.drawn.checked_add(drawn).ok_or(FoldError::Overflow)?;
        let after = Self { left, drawn, moves: self.moves + 1 };
        if left < 0 || drawn < 0 { Err(FoldError::PoolShort) } else { Ok(after) }
    }

    /// The same, of records that come in any order: what is below zero in between is so no longer once all are there.
    pub(crate) fn add(&mut self, funded: i64, drawn: i64) {
        self.left = self.left.saturating_add(funded).saturating_sub(drawn);
        self.drawn = self.drawn.saturating_add(drawn);
        self.moves += 1;
    }

    /// What was put into it.
    pub fn funded(self) -> i64 {
        self.left.saturating_add(self.drawn)
    }
}

/// The sub-balances that a decision looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools {
    /// Those that were read; what was not there holds nothing.
    pub read: BTreeMap<PoolPart, PoolBalance>,
    /// Whether these are all that there are, so that one that is not among them holds nothing.
    pub all: bool,
}

impl Pools {
    /// What a sub-balance holds.
    ///
    /// # Errors
    /// [`FoldError::PoolNotLoaded`]: it was not read (I25).
    pub fn get(&self, part: &PoolPart) -> Result<PoolBalance, FoldError> {
        match self.read.get(part) {
            Some(balance) => Ok(*balance),
            None if self.all => Ok(PoolBalance::default()),
            None => Err(FoldError::PoolNotLoaded(part.to_string())),
        }
    }

    /// Moves a sub-balance.
    ///
    /// # Errors
    /// As [`Pools::get`] and [`PoolBalance::moved`].
    pub fn post(&mut self, part: &PoolPart, funded: i64, drawn: i64) -> Result<(), FoldError> {
        let after = self.get(part)?.moved(funded, drawn)?;
        self.read.insert(part.clone(), after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_as_it_was_written() {
        for text in [
            "budget|launch|points|2026-01..2026-03|0",
            "budget|a%7Cb%25|USD|ever|15",
            "benefit|slot|2026-04|ever|0",
            "benefit|slot||ever|0",
            "territory|US%7C||ever|0",
        ] {
            assert_eq!(text.parse::<PoolPart>().map(|part| part.to_string()), Ok(text.to_owned()));
        }
        for bad in ["", "budget|a|points|ever", "budget|a|pounds|ever|0", "benefit|a|points|ever|0", "pot|a||ever|0"] {
            assert!(bad.parse::<PoolPart>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_falls_below_nothing() {
        let some = PoolBalance::default().moved(100, 0).and_then(|after| after.moved(0, 60)).expect("enough");
        assert_eq!((some.left, some.drawn, some.funded()), (40, 60, 100));
        for (funded, drawn) in [(0, 41), (-41, 0), (0, -61)] {
            assert_eq!(some.moved(funded, drawn), Err(FoldError::PoolShort), "{funded} {drawn}");
        }
        assert_eq!(some.moved(i64::MAX, 0), Err(FoldError::Overflow));
    }
}
