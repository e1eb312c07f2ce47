//! `describe`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use guide::describe::describe;
use guide::page::Page;
use program::Diagnostic;

use crate::file::read;

/// Write the guide that partners read: what earns, what leads to each tier, what points buy.
///
/// What is given, paid and asked for is asked of the code that decides; thresholds of tiers and settings are told as the file has them.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  laurel describe infra/programs/perx.toml\n  laurel describe infra/programs/perx.toml --as html --to guide.html\n  laurel describe new.toml --against infra/programs/perx.toml     what changes for partners"
)]
pub(crate) struct Describe {
    /// The program file.
    file: PathBuf,
    /// Say what differs from this file, for partners, and nothing else.
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
    /// Markdown, or one HTML page for a screen and for paper.
    #[arg(long = "as", value_enum, default_value_t = Form::Markdown)]
    form: Form,
    /// Write it to a file; to the output where it is left out.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// How a guide is written.
#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Markdown.
    Markdown,
    /// One HTML page.
    Html,
}

impl Describe {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let page = page_of(&self.file)?;
        let page = match &self.against {
            Some(before) => page.against(&page_of(before)?),
            None => page,
        };
        let text = match self.form {
            Form::Markdown => page.markdown(),
            Form::Html => page.html(),
        };
        match &self.to {
            Some(to) => {
                std::fs::write(to, text).with_context(|| format!("{} cannot be written", to.display()))?;
                println!("{}: written", to.display());
            }
            None => print!("{text}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn page_of(file: &Path) -> anyhow::Result<Page> {
    describe(&read(file)?).or_else(|found: Vec<Diagnostic>| {
        let first = found.first().map(|one| format!("line {}: {}", one.line, one.message)).unwrap_or_default();
        bail!("{0} is not in good form ({first}); see `laurel check {0}`", file.display())
    })
}
