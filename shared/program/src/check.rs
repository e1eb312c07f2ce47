//! Reading a program file: into a program, or into everything that is wrong with it.

use crate::file::{compile, published};
use crate::findings::{Code, Diagnostic, Severity};
use crate::lint::lint;
use crate::program::Program;

/// Most bytes of a file that is published: a version's item and its record hold it whole.
pub const FILE_BYTES_MAX: usize = 180 * 1024;

/// That a file has too many bytes, if it has.
pub fn too_large(text: &str) -> Option<Diagnostic> {
    let message = || format!("the file has {} bytes, and a version holds {FILE_BYTES_MAX}", text.len());
    let help = || Some("leave out what repeats itself; bands, tables and patterns say much in little".to_owned());
    let kind = (Severity::Error, Code::TooLarge);
    (text.len() > FILE_BYTES_MAX).then(|| Diagnostic::new(kind, text, 0..0, message(), help()))
}

impl Program {
    /// Reads a program file, as it is to be published or was: every error of its form, none hidden.
    ///
    /// # Errors
    /// The diagnostics of severity [`crate::Severity::Error`].
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        compile(text)
    }

    /// Reads a program file that was published: what [`Program::parse`] reads, without saying where it goes wrong.
    ///
    /// # Errors
    /// The first thing that is wrong, in a sentence.
    pub fn published(text: &str) -> Result<Self, String> {
        published(text)
    }

    /// Reads a program file that is to be published: beside its form, it holds nothing that cannot be meant.
    ///
    /// # Errors
    /// The diagnostics of severity [`Severity::Error`].
    pub fn to_publish(text: &str) -> Result<Self, Vec<Diagnostic>> {
        if let Some(found) = too_large(text) {
            return Err(vec![found]);
        }
        let program = compile(text)?;
        let found = lint(&program, text);
        let errors: Vec<Diagnostic> = found.into_iter().filter(|found| found.severity == Severity::Error).collect();
        if errors.is_empty() { Ok(program) } else { Err(errors) }
    }
}

/// Every finding in a program file, errors first. An empty list means: publish it.
pub fn check(text: &str) -> Vec<Diagnostic> {
    let found = match Program::parse(text) {
        Ok(program) => lint(&program, text),
        Err(errors) => errors,
    };
    too_large(text).into_iter().chain(found).collect()
}
