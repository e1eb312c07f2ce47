//! How judging an event may stop before its end.

use std::fmt;
use std::str::FromStr;

use event::ids::{DealId, PartnerId};
use event::{Kind, Rejection};
use serde::{Deserialize, Serialize};

use crate::deal::Deal;
use crate::ledger::{FoldError, Reason};

/// What an event waits for. As text: `partner P-1`, `deal D-1`, `reassignment D-1`, `booking P-1`, `rate EUR`,
/// `program`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Awaited {
    /// A partner's enrolment.
    Partner(PartnerId),
    /// A deal's registration or closing.
    Deal(DealId),
    /// That a deal of another partner becomes this one's.
    Reassignment(DealId),
    /// That this partner books a slot, or is granted what it has alone, that it gives back here.
    Booking(PartnerId),
    /// A rate for this currency in the program.
    Rate(String),
    /// The program's first version.
    Program,
}

/// A text names nothing that an event could wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing that an event could wait for")]
pub struct NotAwaited;

impl Awaited {
    /// Whether an event that waited for this is judged once more when its deadline has passed, and has a record then: nobody could
    /// send it again with another end.
    pub fn is_judged_at_its_end(&self) -> bool {
        match self {
            Awaited::Reassignment(_) | Awaited::Booking(_) => true,
            Awaited::Partner(_) | Awaited::Deal(_) | Awaited::Rate(_) | Awaited::Program => false,
        }
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Awaited::Partner(id) => write!(f, "partner {id}"),
            Awaited::Deal(id) => write!(f, "deal {id}"),
            Awaited::Reassignment(id) => write!(f, "reassignment {id}"),
            Awaited::Booking(id) => write!(f, "booking {id}"),
            Awaited::Rate(currency) => write!(f, "rate {currency}"),
            Awaited::Program => write!(f, "program"),
        }
    }
}

impl FromStr for Awaited {
    type Err = NotAwaited;

    fn from_str(text: &str) -> Result<Self, NotAwaited> {
        match text.split_once(' ') {
            None if text == "program" => Ok(Awaited::Program),
            Some(("partner", id)) => PartnerId::try_from(id).map(Awaited::Partner).map_err(|_| NotAwaited),
            Some(("reassignment", id)) => DealId::try_from(id).map(Awaited::Reassignment).map_err(|_| NotAwaited),
            Some(("booking", id)) => PartnerId::try_from(id).map(Awaited::Booking).map_err(|_| NotAwaited),
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

/// What it brings that something happened to a partner, and that other events may wait for. What a program's version brings says its
/// file.
pub fn brought(kind: &Kind, partner: &PartnerId) -> Vec<Awaited> {
    match kind {
        Kind::PartnerEnrolled { .. } => vec![Awaited::Partner(partner.clone())],
        Kind::BenefitBooked { .. } | Kind::ExclusivityGranted { .. } => vec![Awaited::Booking(partner.clone())],
        // One that is closed moves no more.
        Kind::DealReassigned { deal_id, .. } | Kind::DealClosed { deal_id, .. } => {
            vec![Awaited::Deal(deal_id.clone()), Awaited::Reassignment(deal_id.clone())]
        }
        kind if Deal::is_changed_by(kind) => kind.deal_id().cloned().map(Awaited::Deal).into_iter().collect(),
        _ => vec![],
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
        let moved = Awaited::Reassignment("D 1 #2".try_into().expect("an id"));
        let partner = Awaited::Partner("P 1".try_into().expect("an id"));
        let booked = Awaited::Booking("P 1".try_into().expect("an id"));
        for awaited in [partner, deal, moved, booked, Awaited::Rate("EUR".to_owned()), Awaited::Program] {
            assert_eq!(awaited.to_string().parse(), Ok(awaited));
        }
        for nothing in ["", "deal", "rate", "partner", "weather"] {
            assert_eq!(nothing.parse::<Awaited>(), Err(NotAwaited), "{nothing}");
        }
    }
}
