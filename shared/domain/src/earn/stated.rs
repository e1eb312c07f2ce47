//! What is stated of a partner, as rules and criteria see it (M47).

use event::PartnerFacts;
use event::ids::Name;
use event::money::parse_decimal;
use program::{ATTESTED, FactForm, PARTNER, Program, TERRITORY, fact};

use crate::ledger::{Account, FoldError, Part};

/// What a fact of the partner says, or what is attested of it, by the field that a program names it by; a number as it is compared, `120`
/// of `120.00`. None where nobody has stated it, or not in the form that the program declares.
///
/// # Errors
/// [`FoldError::NotLoaded`]: the profile was not loaded (I25).
pub(crate) fn stated(program: &Program, account: &Account, field: &str) -> Result<Option<Name>, FoldError> {
    account.must_know(|| Part::Profile)?;
    if let Some(criterion) = field.strip_prefix(ATTESTED) {
        return Ok(account.profile.attested.get(criterion).map(|fact| fact.value.clone()));
    }
    let name = field.strip_prefix(PARTNER).unwrap_or(field);
    let Some(facts) = account.profile.facts.as_ref().map(|facts| &facts.value) else { return Ok(None) };
    let said = if name == TERRITORY { facts.territory.as_deref() } else { facts.stated.get(name) };
    let form = fact(&program.facts, field);
    // What was stated under another version is nothing that this one knows.
    let said = said.filter(|said| form.is_some_and(|form| form.refuses(said).is_none()));
    let is_number = matches!(form, Some(FactForm::Number | FactForm::Percent));
    let number = said.filter(|_| is_number).and_then(|said| parse_decimal(said).ok());
    let number = number.map(|number| number.normalize().to_string());
    Ok(number.as_deref().or(said).and_then(|said| Name::try_from(said).ok()))
}

/// Whether something is stated of a fact, in whichever form.
pub(crate) fn has_stated(account: &Account, name: &Name) -> bool {
    account.profile.facts.as_ref().is_some_and(|facts| facts.value.stated.get(name).is_some())
}

/// What is stated of the partner that the rules on a type look at.
///
/// # Errors
/// As [`stated`].
pub(crate) fn looked_at(program: &Program, account: &Account, kind: &str) -> Result<PartnerFacts, FoldError> {
    let mut facts = PartnerFacts::default();
    for name in program.rules_on(kind).flat_map(|rule| &rule.facts) {
        if facts.get(name).is_none()
            && let Some(said) = stated(program, account, &format!("{PARTNER}{name}"))?
        {
            facts.insert(name.clone(), said);
        }
    }
    Ok(facts)
}
