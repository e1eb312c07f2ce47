//! Whether a partner takes part, and what it may still do if not.

use event::{Event, Kind};

use super::book::Book;
use super::context::{Context, Part};
use super::stop::Stop;
use crate::ledger::{Fact, Membership, Reason, Stamp};

/// Whether a partner takes part once it is reinstated: not if it left, or was suspended later than that.
fn is_active_after(book: &Book, event: &Event) -> bool {
    let mut head = book.account().head.clone();
    Fact::learn(&mut head.suspended, false, Stamp::of(event.time, &event.identity));
    head.membership() == Membership::Active
}

/// Does the partner's membership let the event count, and may it earn? What is said of the partner always counts; so does what
/// corrects a deal, but nobody who may not earn gains by it.
pub(super) fn takes_part(context: &Context<'_>, book: &Book, event: &Event) -> Result<Part, Stop> {
    let reason = match book.account().head.membership() {
        Membership::Suspended if !context.program().policy.suspended_earn => Reason::PartnerSuspended,
        Membership::Offboarded => Reason::PartnerOffboarded,
        Membership::Unknown | Membership::Active | Membership::Suspended => return Ok(Part::Full),
    };
    match event.kind {
        Kind::PartnerEnrolled { .. } => Ok(Part::Full),
        Kind::PartnerReinstated { .. } if is_active_after(book, event) => Ok(Part::Full),
        Kind::PartnerReinstated { .. }
        | Kind::PartnerSuspended { .. }
        | Kind::PartnerOffboarded { .. }
        | Kind::DealReversed { .. }
        | Kind::DealAmended { .. }
        | Kind::DealReassigned { .. }
        | Kind::DealLeaseExtended { .. }
        | Kind::DealShared { .. }
        | Kind::DealTruedUp { .. }
        | Kind::BenefitReleased { .. }
        | Kind::ExclusivityEnded { .. }
        | Kind::InvoicePaid { .. }
        | Kind::PayoutSettled { .. }
        | Kind::PayoutReturned { .. }
        | Kind::AttestationRecorded { .. }
        | Kind::TargetSet { .. }
        | Kind::CertificationExpired { .. } => Ok(Part::Corrections(reason)),
        _ => Err(Stop::Refused(reason)),
    }
}
