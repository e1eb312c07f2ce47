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
}

impl Rejection {
    /// A rejection in its three parts.
    pub fn new(code: Code, field: &str, message: impl Into<String>) -> Self {
        Self { code, field: field.to_owned(), message: message.into() }
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
