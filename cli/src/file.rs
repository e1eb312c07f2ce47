//! Files that commands are given.

use std::path::Path;

use anyhow::{Context, anyhow};
use program::Program;

/// The text of a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// The program of a file, and its text.
pub(crate) fn program_of(file: &Path) -> anyhow::Result<(Program, String)> {
    let text = read(file)?;
    let program = Program::parse(&text)
        .map_err(|_| anyhow!("{} is in bad form: `laurel check {0}` says where", file.display()))?;
    Ok((program, text))
}
