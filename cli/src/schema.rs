//! `schema`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use event::catalogue::{names, row};
use event::ids::matches_pattern;
use event::schema::{event_schema, own_schema};
use program::Program;

use crate::file::program_of;

/// JSON Schemas for editors and senders.
#[derive(Subcommand)]
pub(crate) enum Schema {
    /// Print the JSON Schema of an event type.
    #[command(
        after_help = "Examples:\n  laurel schema event deal.closed > deal.closed.schema.json\n  laurel schema event webinar.attended --program infra/programs/hr-software.toml"
    )]
    Event(Event),
    /// Print the JSON Schema of a program file: editors complete and underline by it.
    #[command(
        after_help = "Example:\n  laurel schema program > program.schema.json     then begin the file with: #:schema ./program.schema.json"
    )]
    Program,
}

/// Print the JSON Schema of an event type.
#[derive(Args)]
pub(crate) struct Event {
    /// The type, as in deal.closed.
    #[arg(value_name = "TYPE")]
    name: String,
    /// A program file, for a type that it declares.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Schema {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Schema::Event(Event { name, program }) = self else {
            println!("{}", serde_json::to_string_pretty(&program::reference::schema())?);
            return Ok(ExitCode::SUCCESS);
        };
        let program = program.as_deref().map(program_of).transpose()?;
        let program = program.as_ref().map(|(program, _)| program);
        let own = program.and_then(|program| Some((program, program.events.get(&**name)?)));
        let schema = match (row(name), own) {
            (Some(row), _) => event_schema(row),
            (None, Some((program, own))) => own_schema(&own.form, (&program.id, &source_of(program, name))),
            (None, None) => {
                let declared = program.iter().flat_map(|program| program.events.keys().map(|name| &**name));
                let known: Vec<&str> = names().into_iter().chain(declared).collect();
                let way = if program.is_some() { "" } else { "; --program FILE has those that a program declares" };
                bail!("there is no event type `{name}`; known: {}{way}", known.join(", "));
            }
        };
        println!("{}", serde_json::to_string_pretty(&schema)?);
        Ok(ExitCode::SUCCESS)
    }
}

/// A source that may send a type, for its example.
fn source_of(program: &Program, name: &str) -> String {
    let may = |kinds: &Vec<String>| kinds.iter().any(|kind| matches_pattern(kind, name));
    let found = program.sources.iter().find(|(_, kinds)| may(kinds));
    found.map_or_else(|| "/crm/acme".to_owned(), |(source, _)| source.replace('*', "acme"))
}
