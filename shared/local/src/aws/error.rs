//! Why the engine did not start or answer.

/// Why the engine did not start or answer.
#[derive(Debug, thiserror::Error)]
#[error("the embedded engine: {0}")]
pub struct EngineError(String);

pub(crate) fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError(error.to_string())
}
