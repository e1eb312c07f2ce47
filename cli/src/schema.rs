//! `schema`.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use event::catalogue::{names, row};
use event::schema::event_schema;

/// JSON Schemas for editors and senders.
#[derive(Subcommand)]
pub(crate) enum Schema {
    /// Print the JSON Schema of an event type.
    #[command(after_help = "Example:\n  laurel schema event deal.closed > deal.closed.schema.json")]
    Event(Event),
}

/// Print the JSON Schema of an event type.
#[derive(Args)]
pub(crate) struct Event {
    /// The type, as in deal.closed.
    #[arg(value_name = "TYPE")]
    name: String,
}

impl Schema {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Schema::Event(Event { name }) = self;
        let Some(row) = row(name) else { bail!("there is no event type `{name}`; known: {}", names().join(", ")) };
        println!("{}", serde_json::to_string_pretty(&event_schema(row))?);
        Ok(ExitCode::SUCCESS)
    }
}
