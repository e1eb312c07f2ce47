//! Why an event whose identity can be read is not acceptable.

use serde::{Deserialize, Serialize};

use crate::ids::IdError;

/// A stable word for each kind of bad form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A member that must be there is not.
    MissingField,
    /// A member has the wrong JSON type or form.
    BadForm,
    /// An id is empty, too long or holds invisible characters.
    BadId,
    /// A value outside its range or list.
    BadValue,
    /// No amount.
    BadAmount,
    /// No currency, or more decimals than it has.
    BadCurrency,
    /// No instant, too old or in the future.
    BadTime,
    /// The same key twice.
    DuplicateKey,
    /// Nested too deep, too many values.
    TooComplex,
    /// A `type` that Laurel does not know.
    UnsupportedType,
    /// Another major version.
    UnsupportedVersion,
    /// A source that only Laurel uses.
    ReservedSource,
    /// A partner's id that only Laurel uses.
    ReservedPartner,
    /// The program does not accept this type from this source.
    SourceNotAllowed,
    /// What the event waited for did not come before its deadline.
    HoldExpired,
}

/// What is wrong with an event: the word, the field and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The kind of fault.
    pub code: Code,
    /// The member at fault, as a path: `time`, `data.acv.amount`.
    pub field: String,
    /// What to write instead. Holds nothing of the body but short, cleaned values.
    pub message: String,
    /// What else is wrong, so that all of it can be mended at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Rejection>,
}

/// Most faults that are told of one event beside the first.
const ALSO_MAX: usize = 20;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Rejection>);

impl Faults {
    /// What is there, or notes why it is not.
    #[inline(never)]
    pub(crate) fn note(&mut self, fault: Rejection) {
        self.0.push(fault);
    }

    pub(crate) fn keep<T>(&mut self, read: Result<T, Rejection>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(fault) => {
                self.note(fault);
                None
            }
        }
    }

    /// The first fault, with the others beside it. `None` if nothing is wrong.
    pub(crate) fn told(self) -> Option<Rejection> {
        let mut all = self.0.into_iter().flat_map(|mut fault| {
            let also = std::mem::take(&mut fault.also);
            std::iter::once(fault).chain(also)
        });
        let first = all.next()?;
        Some(Rejection { also: all.take(ALSO_MAX).collect(), ..first })
    }
}

impl Rejection {
    /// A rejection in its three parts.
    pub fn new(code: Code, field: &str, message: impl Into<String>) -> Self {
        Self { code, field: field.to_owned(), message: message.into(), also: Vec::new() }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::new(Code::MissingField, field, format!("`{field}` is missing"))
    }

    pub(crate) fn form(field: &str, message: &str) -> Self {
        Self::new(Code::BadForm, field, message)
    }

    pub(crate) fn id(field: &str, error: &IdError) -> Self {
        Self::new(Code::BadId, field, format!("`{field}` {error}"))
    }

    pub(crate) fn reserved(field: &str) -> Self {
        Self::new(Code::ReservedPartner, field, "ids of partners that start with @ are Laurel's own; name a partner")
    }

    pub(crate) fn duplicate_key(field: &str, key: &str) -> Self {
        let key: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
        Self::new(Code::DuplicateKey, field, format!("the key `{key}` is there twice; send it once"))
    }
}
