//! How to start the stack.

use std::path::PathBuf;
use std::time::Duration;

use ambient::{Clock, Random};
use store::{Store, StoreSettings};
use worker::Clients;

use crate::names::{LEDGER_TABLE, STATE_TABLE, WAITING_TABLE};

/// How to start the stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where data lies; in memory if absent.
    pub data: Option<PathBuf>,
    /// Port of the AWS endpoint; 0 for any free one.
    pub aws_port: u16,
    /// Port of the HTTP API; 0 for any free one.
    pub http_port: u16,
    /// How long a delivered message stays invisible.
    pub visibility: Duration,
    /// How often the sweep runs; never if absent.
    pub sweep_every: Option<Duration>,
    /// Makes a function's clients, from the endpoint and the function's name; tests listen in here.
    pub clients: fn(&str, &str) -> Clients,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: None,
            aws_port: 0,
            http_port: 0,
            visibility: Duration::from_secs(10),
            sweep_every: Some(Duration::from_secs(5)),
            clients: |endpoint, _| Clients::local(endpoint),
            clock: Clock::system(),
            random: Random::system(),
        }
    }
}

/// A store on an engine of this machine: its tables, and programs read anew each time.
pub fn open_store(clients: &Clients, clock: Clock, random: Random) -> Store {
    let settings = StoreSettings {
        ledger_table: LEDGER_TABLE.to_owned(),
        state_table: STATE_TABLE.to_owned(),
        waiting_table: WAITING_TABLE.to_owned(),
        program_age_max: Duration::ZERO,
    };
    Store::new(clients.dynamodb(), settings, clock, random)
}
