//! What can go wrong between a decision and the tables, and what follows.

use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::ledger::{FoldError, RECORD_FORM};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, unreachable, timed out, or a fault of the table's: trying again may help.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// Somebody else wrote first, again and again.
    #[error("others kept writing first")]
    Contention,
    /// No time is left to start another write.
    #[error("no time is left")]
    OutOfTime,
    /// The table refuses the request as such: trying again cannot help.
    #[error("the table refuses the request: {0}")]
    Refused(String),
    /// A stored item does not read as what it should be.
    #[error("the stored {what} does not read: {why}")]
    Unreadable {
        /// Which item.
        what: &'static str,
        /// What is wrong with it. Holds names of members, never their values.
        why: String,
    },
    /// The tables were written by another edition.
    #[error(
        "the tables hold records of form {found}; this Laurel reads form {RECORD_FORM}: \
         start with empty ones (another --data folder, or a new stack) and send the events again"
    )]
    OtherForm {
        /// The form of what is stored.
        found: u16,
    },
    /// The stored account does not add up.
    #[error("the account does not add up: {0}")]
    Unsound(#[from] FoldError),
    /// Cards here were sealed with a key that the ring does not have.
    #[error(
        "cards here are sealed with another key `{name}` than the ring of card keys has: put back the ring that was here \
         (card-keys.json of the data folder, or the stack's secret); without it these cards open for nobody"
    )]
    OtherKeys {
        /// The key's name.
        name: String,
    },
    /// A sealed card does not open with this key.
    #[error("the card cannot be opened with this key")]
    Sealed,
}

impl StoreError {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Unavailable(_) | StoreError::Contention | StoreError::OutOfTime => true,
            StoreError::Refused(_)
            | StoreError::Unreadable { .. }
            | StoreError::OtherForm { .. }
            | StoreError::Unsound(_)
            | StoreError::OtherKeys { .. }
            | StoreError::Sealed => false,
        }
    }
}

impl From<ambient::NoRandom> for StoreError {
    fn from(error: ambient::NoRandom) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Error codes with which the table says: not as asked, and not later either.
const REFUSALS: [&str; 5] = [
    "ValidationException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ItemCollectionSizeLimitExceededException",
    "SerializationException",
];

impl<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static, R> From<SdkError<E, R>> for StoreError {
    fn from(error: SdkError<E, R>) -> Self {
        let Some(service) = error.as_service_error() else {
            return Self::Unavailable(plain(&error));
        };
        let code = service.code().unwrap_or("unknown");
        let text = format!("{code}: {}", service.message().unwrap_or("no message"));
        if REFUSALS.contains(&code) { Self::Refused(text) } else { Self::Unavailable(text) }
    }
}

/// Whether a write that may find its condition false went through or found it so: somebody else did it, or moved on, and
/// there is nothing left to do.
pub(crate) fn unless_moved<T, E, R>(sent: Result<T, SdkError<E, R>>) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Err(error) if error.code() != Some("ConditionalCheckFailedException") => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// As [`unless_moved`], of a note that whoever writes the item makes needless: a transaction that holds it is as good as one that was
/// written.
pub(crate) fn unless_in_motion<T, E, R>(sent: Result<T, SdkError<E, R>>) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Err(error) if error.code() == Some("TransactionConflictException") => Ok(()),
        sent => unless_moved(sent),
    }
}

/// What kind of failure it was, without the request in it.
fn plain<E, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "could not be reached",
        SdkError::ResponseError(_) => "the reply could not be read",
        _ => "failed",
    }
    .to_owned()
}

pub(crate) fn unreadable(what: &'static str) -> impl Fn(serde_dynamo::Error) -> StoreError {
    move |error| StoreError::Unreadable { what, why: error.to_string() }
}
