//! What is shown of a program file before it is in force: its examples, its risks as short stories, and the guide that partners read.
//!
//! What a program gives, pays and asks for is what the deciding code answered; what leads to a tier, and settings that nothing is asked
//! of, are told in the file's own figures. No async, no AWS type, no clock, no randomness, no float.

mod compare;
pub mod describe;
pub mod example;
mod field;
pub mod page;
mod probe;
pub mod story;
pub mod witness;

use std::collections::BTreeMap;

pub use compare::{Stands, soon_spent};
use program::{Code, Diagnostic, Leap, Program, Severity};
use serde::Serialize;

use story::Ground;
use witness::Witness;

/// A finding in a program file, and what shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The finding.
    #[serde(flatten)]
    pub finding: Diagnostic,
    /// Of a warning: a story that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// So many warnings of one kind are shown by a story: who reads those knows what the others mean.
const WITNESSES_MAX: usize = 5;

/// Every finding in a program file, errors first: of its form, of what it says, of its examples. An empty list means: publish it.
pub fn check(text: &str) -> Vec<Found> {
    let found = program::check(text);
    let ground = Ground::of(text).ok();
    let mut of_code: BTreeMap<Code, usize> = BTreeMap::new();
    let mut all: Vec<Found> = found
        .into_iter()
        .map(|finding| {
            let count = of_code.entry(finding.code).or_default();
            *count += 1;
            shown(finding, ground.as_ref().filter(|_| *count <= WITNESSES_MAX))
        })
        .collect();
    let Some(ground) = ground else { return all };
    if !story::may_enrol(ground.program()) {
        let message =
            "no source may send `partner.enrolled`: nobody takes part, and what is sent of partners waits".to_owned();
        let help = "let the system that enrols partners: \"/crm/*\" = [\"partner.*\", ...]".to_owned();
        let kind = (Severity::Warning, Code::UnsentEvent);
        all.push(Found { finding: Diagnostic::at(kind, text, &["sources"], message, Some(help)), witness: None });
    }
    if let Some((path, message, witness)) = witness::contradicting_clocks(&ground) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let kind = (Severity::Warning, Code::ContradictingClocks);
        let help = "let the ladder wait: more reviews in `prune_after`, or a shorter `plan_after` in [onboarding]";
        let finding = Diagnostic::at(kind, text, &path, message, Some(help.to_owned()));
        all.push(Found { finding, witness: Some(witness) });
    }
    all.extend(example::faults(text, &ground).into_iter().map(|finding| Found { finding, witness: None }));
    all.sort_by_key(|one| one.finding.severity);
    all
}

/// Reads a program file that is to be published: it is in good form, holds nothing that cannot be meant, and its examples are so.
///
/// # Errors
/// The findings that stop it.
pub fn to_publish(text: &str) -> Result<Program, Vec<Diagnostic>> {
    let program = Program::to_publish(text)?;
    let faults = example::faults(text, &Ground::of(text)?);
    if faults.is_empty() { Ok(program) } else { Err(faults) }
}

/// A finding against the program before, with the story that shows it: what gave so much gives so much now.
pub fn leapt(leap: Leap, before: Option<&Ground>, after: &Ground) -> Found {
    let witness = before.and_then(|before| compare::leap(before, after, &leap));
    Found { finding: leap.finding, witness }
}

/// A finding with its witness, where it is a warning that one is found of.
pub fn shown(finding: Diagnostic, ground: Option<&Ground>) -> Found {
    let ground = ground.filter(|_| finding.severity == Severity::Warning);
    let witness = ground.and_then(|ground| witness::witness(ground, &finding));
    Found { finding, witness }
}
