//! Reading a program file: into a program, or into everything that is wrong with it.

use crate::file::compile;
use crate::findings::Diagnostic;
use crate::lint::lint;
use crate::program::Program;

impl Program {
    /// Reads and checks a program file; every error found, none hidden.
    ///
    /// # Errors
    /// The diagnostics of severity [`crate::Severity::Error`].
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        compile(text)
    }
}

/// Every finding in a program file, errors first. An empty list means: publish it.
pub fn check(text: &str) -> Vec<Diagnostic> {
    match Program::parse(text) {
        Ok(program) => lint(&program, text),
        Err(errors) => errors,
    }
}
