//! Gates: what a partner must have, before it earns, is paid or spends (M26, M27, M28, M43).

use event::Kind;
use event::ids::TierId;
use jiff::Timestamp;
use program::{Gate, Program};

use crate::ledger::{Account, FoldError, Part};

/// The first of these gates that is not open to a partner.
///
/// # Errors
/// As [`passes`].
pub(crate) fn shut<'g>(
    program: &Program,
    account: &Account,
    gates: &'g [Gate],
    now: Timestamp,
) -> Result<Option<&'g Gate>, FoldError> {
    for gate in gates {
        if !passes(program, account, gate, now)? {
            return Ok(Some(gate));
        }
    }
    Ok(None)
}

/// Whether a gate is open to a partner (M28).
///
/// # Errors
/// [`FoldError::NotLoaded`]: what it looks at was not loaded (I25).
pub fn passes(program: &Program, account: &Account, gate: &Gate, now: Timestamp) -> Result<bool, FoldError> {
    Ok(match gate {
        Gate::Certification(id, level) => account.is_certified(id, *level, now)?,
        Gate::Course(id) => {
            account.must_know(|| Part::Course(id.clone()))?;
            account.courses.contains_key(id)
        }
        Gate::Agreement(versions) => {
            account.must_know(|| Part::Profile)?;
            account.profile.agreement.as_ref().is_some_and(|accepted| versions.contains(&accepted.value))
        }
        Gate::Tier(needed) => program.ladders.iter().any(|(motion, tiers)| {
            let rank = |id: &TierId| tiers.iter().find(|t| t.id == *id).map(|t| t.rank);
            let held = account.head.tiers.get(motion).and_then(|standing| rank(&standing.tier));
            rank(needed).is_some_and(|needed| held.is_some_and(|held| held >= needed))
        }),
    })
}

/// Whether what an event says of its partner may open a gate that is no tier's.
pub(crate) fn opens_gates(kind: &Kind) -> bool {
    let learned = matches!(kind, Kind::CourseCompleted { .. } | Kind::CertificationGranted { .. });
    learned || matches!(kind, Kind::AgreementAccepted { .. } | Kind::PartnerEnrolled { .. })
}
