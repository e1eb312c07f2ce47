//! A row of the catalogue: what the declaration of a type says of it.

use super::form::Form;

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
