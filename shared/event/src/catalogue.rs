//! The catalogue: every type that senders may send, with its members. Reader, checks, schema, reference and samples derive
//! from it.

use crate::types::{Form, ROWS};

/// One event type.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The CloudEvents `type`.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub summary: &'static str,
    /// The envelope of its sample.
    pub sample: Sample,
    /// The members of its `data`.
    pub members: &'static [MemberRow],
}

/// The envelope of a sample event.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its id.
    pub id: &'static str,
    /// Its source.
    pub source: &'static str,
    /// Its time.
    pub time: &'static str,
}

/// One member of an event's `data`.
#[derive(Clone, Copy, Debug)]
pub struct MemberRow {
    /// Its name.
    pub name: &'static str,
    /// What it must look like.
    pub form: Form,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// Its value in the sample, as JSON; none where the sample leaves it out.
    pub example: &'static [&'static str],
}

/// Every type that senders may send, in the order of the contract.
pub fn rows() -> &'static [Row] {
    ROWS
}

/// The row of a type.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// The names of all types that senders may send.
pub fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).collect()
}

/// Fields that rules may look at, by event type: the plain members, and what is derived from them.
pub fn rule_fields(name: &str) -> Vec<&'static str> {
    let plain = row(name).into_iter().flat_map(|row| row.members).filter(|member| member.form.is_plain());
    let derived = (name == "deal.closed").then_some(TOTAL_VALUE);
    plain.map(|member| member.name).chain(derived).collect()
}

/// The field derived from a closing: the sum of its lines, or annual value times tenor in years (M06).
pub const TOTAL_VALUE: &str = "total_value";
