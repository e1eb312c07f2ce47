//! How judging an event may stop before its end.

use std::fmt;
use std::str::FromStr;

use event::Rejection;
use event::ids::DealId;
use serde::{Deserialize, Serialize};

use crate::ledger::{FoldError, Reason};

/// What an event waits for. As text one or two words: `partner`, `deal D-1`, `rate EUR`, `program`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Awaited {
    /// The partner's enrolment.
    Partner,
    /// A deal's registration or closing.
    Deal(DealId),
    /// A rate for this currency in the program.
    Rate(String),
    /// The program's first version.
    Program,
}

/// A text names nothing that an event could wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing that an event could wait for")]
pub struct NotAwaited;

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Awaited::Partner => write!(f, "partner"),
            Awaited::Deal(id) => write!(f, "deal {id}"),
            Awaited::Rate(currency) => write!(f, "rate {currency}"),
            Awaited::Program => write!(f, "program"),
        }
    }
}

impl FromStr for Awaited {
    type Err = NotAwaited;

    fn from_str(text: &str) -> Result<Self, NotAwaited> {
        match text.split_once(' ') {
            None if text == "partner" => Ok(Awaited::Partner),
            None if text == "program" => Ok(Awaited::Program),
            Some(("deal", id)) => DealId::try_from(id).map(Awaited::Deal).map_err(|_| NotAwaited),
            Some(("rate", currency)) => Ok(Awaited::Rate(currency.to_owned())),
            _ => Err(NotAwaited),
        }
    }
}

impl From<Awaited> for String {
    fn from(awaited: Awaited) -> Self {
        awaited.to_string()
    }
}

impl TryFrom<String> for Awaited {
    type Error = NotAwaited;

    fn try_from(text: String) -> Result<Self, NotAwaited> {
        text.parse()
    }
}

/// Why an event is not judged to its end. Nothing was changed when a check says so.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    /// It waits; it claims no identity.
    Held(Awaited),
    /// This sender may not send it; it claims no identity.
    Rejected(Rejection),
    /// It must not count; the record says why.
    Refused(Reason),
    /// A step of Laurel's own that has nothing left to do.
    Moot(Reason),
    /// The stored state does not add up.
    Unsound(FoldError),
}

impl From<FoldError> for Stop {
    fn from(error: FoldError) -> Self {
        Stop::Unsound(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_awaited_reads_as_it_is_written() {
        let deal = Awaited::Deal("D 1 #2".try_into().expect("an id"));
        for awaited in [Awaited::Partner, deal, Awaited::Rate("EUR".to_owned()), Awaited::Program] {
            assert_eq!(awaited.to_string().parse(), Ok(awaited));
        }
        for nothing in ["", "deal", "rate", "partner x", "weather"] {
            assert_eq!(nothing.parse::<Awaited>(), Err(NotAwaited), "{nothing}");
        }
    }
}
