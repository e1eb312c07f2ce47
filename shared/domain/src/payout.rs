//! The steps of a payout that are Laurel's own: each an event whose identity is the payout's, so that asked twice it is recorded once.

use event::ids::{Identity, Name, PartnerId, ProgramId};
use event::money::{Money, minor_units};
use event::payout::PayoutId;
use event::{Event, Kind};
use jiff::Timestamp;
use program::{PARTNER, Program, percent};
use rust_decimal::Decimal;

use crate::earn::{has_stated, stated};
use crate::ledger::{Account, FoldError};

/// The family of identities that payouts have.
const FAMILY: &str = "payout";

/// How a payout is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What is set aside, and leaves the partner's account.
    pub amount: Money,
    /// Who is paid, as finance knows it; none where the program does not ask.
    pub payee: Option<Name>,
    /// What of the amount is withheld, and is not sent; none where nothing is.
    pub withheld: Option<Money>,
}

impl From<Money> for Terms {
    fn from(amount: Money) -> Self {
        Self { amount, payee: None, withheld: None }
    }
}

/// How a partner is paid an amount, as is stated of it (M47): what is withheld is rounded half away from zero to whole minor units. `None`
/// where it is not stated who is paid, and the program asks for it; or what was stated of either is in no form that the program knows.
///
/// # Errors
/// [`FoldError::NotLoaded`]: the profile was not loaded (I25). [`FoldError::Overflow`].
pub fn terms(program: &Program, account: &Account, amount: Money) -> Result<Option<Terms>, FoldError> {
    let fact = |name: &Name| stated(program, account, &format!("{PARTNER}{name}"));
    let payee = program.payouts.payee.as_ref().map(fact).transpose()?;
    if payee == Some(None) {
        return Ok(None);
    }
    let part = program.payouts.withholding.as_ref().map(fact).transpose()?.flatten();
    // What cannot be read is no nothing.
    if part.is_none() && program.payouts.withholding.as_ref().is_some_and(|name| has_stated(account, name)) {
        return Ok(None);
    }
    let part = part.and_then(|part| percent(&part)).filter(|part| !part.is_zero());
    let withheld = part.map(|part| {
        let exact = amount.amount().checked_mul(part)?.checked_div(Decimal::ONE_HUNDRED)?;
        Money::of_minor_units(minor_units(exact, amount.currency())?, amount.currency()).ok()
    });
    let withheld = withheld.map(|withheld| withheld.ok_or(FoldError::Overflow)).transpose()?;
    Ok(Some(Terms {
        amount,
        payee: payee.flatten(),
        withheld: withheld.filter(|withheld| !withheld.amount().is_zero()),
    }))
}

/// The identity of the record that sets a payout aside: whoever knows its name finds it, and nothing is set aside twice under it.
pub fn reserved(program: &ProgramId, partner: &PartnerId, id: PayoutId) -> Identity {
    Identity::internal(program, FAMILY, &[partner, &id.to_string()])
}

/// The event that sets a payout aside.
pub fn reserve(program: &ProgramId, partner: &PartnerId, id: PayoutId, terms: Terms, now: Timestamp) -> Event {
    let Terms { amount, payee, withheld } = terms;
    let kind = Kind::PayoutReserved { payout_id: id, amount, payee, withheld };
    Event::internal(reserved(program, partner, id), partner.clone(), now, kind)
}

/// The identity of the record that gives a payout up.
pub fn cancelled(program: &ProgramId, partner: &PartnerId, id: PayoutId) -> Identity {
    Identity::internal(program, FAMILY, &[partner, &id.to_string(), "cancelled"])
}

/// The event that gives a payout up.
pub fn cancel(program: &ProgramId, partner: &PartnerId, id: PayoutId, now: Timestamp) -> Event {
    let kind = Kind::PayoutCancelled { payout_id: id };
    Event::internal(cancelled(program, partner, id), partner.clone(), now, kind)
}
