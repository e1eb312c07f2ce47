//! Files that commands are given.

use std::path::Path;

use anyhow::Context;

/// The text of a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
