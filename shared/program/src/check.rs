//! Reading a program file: into a program, or into everything that is wrong with it.

use crate::file::compile;
use crate::findings::{Diagnostic, Severity};
use crate::lint::lint;
use crate::program::Program;

impl Program {
    /// Reads a program file, as it is to be published or was: every error of its form, none hidden.
    ///
    /// # Errors
    /// The diagnostics of severity [`crate::Severity::Error`].
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        compile(text)
    }

    /// Reads a program file that is to be published: beside its form, it holds nothing that cannot be meant.
    ///
    /// # Errors
    /// The diagnostics of severity [`Severity::Error`].
    pub fn to_publish(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let program = compile(text)?;
        let found = lint(&program, text);
        let errors: Vec<Diagnostic> = found.into_iter().filter(|found| found.severity == Severity::Error).collect();
        if errors.is_empty() { Ok(program) } else { Err(errors) }
    }
}

/// Every finding in a program file, errors first. An empty list means: publish it.
pub fn check(text: &str) -> Vec<Diagnostic> {
    match Program::parse(text) {
        Ok(program) => lint(&program, text),
        Err(errors) => errors,
    }
}
