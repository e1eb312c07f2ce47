//! How judging an event may stop before its end.

use event::Rejection;
use event::ids::DealId;

use crate::ledger::{FoldError, Reason};

/// What an event waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
