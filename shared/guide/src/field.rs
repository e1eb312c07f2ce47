//! The members of an event type, Laurel's own or the vendor's.

use event::catalogue::row;
use event::ids::Name;
use event::{Form, OwnForm};
use program::Program;

/// The form of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'p> {
    /// As a built-in type's member.
    BuiltIn(Form),
    /// One of the vendor's own words.
    Words(&'p [Name]),
}

/// The names of a type's members; `None` where there is no such type.
pub(crate) fn fields_of<'p>(program: &'p Program, kind: &str) -> Option<Vec<&'p str>> {
    match (row(kind), program.events.get(kind)) {
        (Some(row), _) => Some(row.members.iter().map(|member| member.name).collect()),
        (None, Some(own)) => Some(own.form.fields.iter().map(|field| &*field.name).collect()),
        (None, None) => None,
    }
}

/// The form of a type's member; `None` where it has none of that name.
pub(crate) fn field_of<'p>(program: &'p Program, kind: &str, name: &str) -> Option<Field<'p>> {
    let built_in = row(kind).and_then(|row| row.members.iter().find(|member| member.name == name));
    let own = || program.events.get(kind)?.form.fields.iter().find(|field| &*field.name == name);
    match (built_in, own()) {
        (Some(member), _) => Some(Field::BuiltIn(member.form)),
        (None, Some(field)) => Some(match &field.form {
            OwnForm::Words(words) => Field::Words(words),
            other => Field::BuiltIn(other.plain()?),
        }),
        (None, None) => None,
    }
}

/// Whether a member is an amount of money.
pub(crate) fn is_money(program: &Program, kind: &str, name: &str) -> bool {
    matches!(field_of(program, kind, name), Some(Field::BuiltIn(Form::Money)))
}
