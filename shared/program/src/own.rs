//! Event types of the vendor's own: what the program file declares of them beside their fields.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Label, Motion};
use event::{Form, OwnForm, OwnType, catalogue};

use crate::ladder::Measure;

/// Most event types that a program declares.
pub const OWN_TYPES_MAX: usize = 32;
/// Most measures that they count to: each is kept by motion and month, in one item a quarter.
pub const OWN_MEASURES_MAX: usize = 8;

/// An event type of the vendor's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnEvent {
    /// Its name, and its fields.
    pub form: OwnType,
    /// What each of them counts to on a ladder; none: nothing.
    pub counts: Option<Measure>,
    /// The motion in which it counts; none: the program's default.
    pub motion: Option<Motion>,
}

/// The types that a program declares, by name.
pub type OwnEvents = BTreeMap<Label, OwnEvent>;

/// The fields of an event type that rules may look at: of a built-in one, or of one that the program declares.
pub(crate) fn fields<'e>(events: &'e OwnEvents, on: &str) -> Vec<&'e str> {
    match events.get(on) {
        Some(own) => own.form.fields.iter().map(|field| &*field.name).collect(),
        None => catalogue::rule_fields(on),
    }
}

/// The fields of a type that the program declares by which a cap may be split: those that say one of few short things. None of a
/// built-in type.
pub(crate) fn splits<'e>(events: &'e OwnEvents, on: &str) -> Vec<&'e str> {
    let splits = |form: &OwnForm| !matches!(form, OwnForm::Text | OwnForm::Money | OwnForm::Instant);
    let fields = events.get(on).into_iter().flat_map(|own| &own.form.fields);
    fields.filter(|field| splits(&field.form)).map(|field| &*field.name).collect()
}

/// The persons that a type of the vendor's own names, in the order of their fields.
pub(crate) fn persons<'e>(events: &'e OwnEvents, on: &str) -> Vec<&'e str> {
    let fields = events.get(on).into_iter().flat_map(|own| &own.form.fields);
    fields.filter(|field| field.form == OwnForm::Person).map(|field| &*field.name).collect()
}

/// Whether events of a type name this field, or a person where none is asked for.
pub(crate) fn names(events: &OwnEvents, on: &str, field: Option<&str>) -> bool {
    let named = |name: &str, is_person: bool| field.map_or(is_person, |field| field == name);
    match events.get(on) {
        Some(own) => own.form.fields.iter().any(|field| named(&field.name, field.form == OwnForm::Person)),
        None => {
            let members = catalogue::row(on).into_iter().flat_map(|row| row.members);
            members.into_iter().any(|member| named(member.name, member.form == Form::Person))
        }
    }
}

/// What a target is set for by this name.
///
/// # Errors
/// A sentence that names what there is.
pub(crate) fn targeted(events: &OwnEvents, word: &str) -> Result<Measure, String> {
    let flows = Measure::ALL.iter().filter(|measure| **measure != Measure::Certifications);
    let all: BTreeSet<Measure> = flows.copied().chain(events.values().filter_map(|event| event.counts)).gather();
    let no_measure = || {
        let known: Vec<&str> = all.iter().map(Measure::word).collect();
        format!("no target is set for `{word}`; write one of: {}", known.join(", "))
    };
    all.iter().find(|measure| measure.word() == word).copied().ok_or_else(no_measure)
}

/// Every event type that a rule may be on.
pub(crate) fn types(events: &OwnEvents) -> Vec<&str> {
    catalogue::names().into_iter().chain(events.keys().map(|name| &**name)).collect()
}
