//! The catalogue: every type that senders may send, with its members. Reader, checks, schema, reference and samples derive
//! from it.

use crate::types::ROWS;
pub use crate::types::{MemberRow, Row, Sample};

/// Every type that senders may send, in the order of the contract.
pub fn rows() -> &'static [Row] {
    ROWS
}

/// The row of a type.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// Whether events of a type are of the program itself: their subject is `@program`, and nobody earns by them (N10).
pub fn is_of_program(name: &str) -> bool {
    matches!(name, "budget.funded" | "budget.reduced")
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
