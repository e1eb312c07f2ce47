//! The tables as one value: a client, their names, the clock and the chance it was handed.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};
use aws_sdk_dynamodb::Client;

use crate::cache::Cache;

/// Where the tables are, and how long read programs may be trusted.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Name of the append-only table.
    pub ledger_table: String,
    /// Name of the table of what records add up to.
    pub state_table: String,
    /// Name of the table of what waits.
    pub waiting_table: String,
    /// How long a function may decide by the program versions it has read.
    pub program_age_max: Duration,
}

/// The three tables.
#[derive(Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) settings: Arc<StoreSettings>,
    pub(crate) programs: Arc<Cache>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
}

impl Store {
    /// A store on `client`. Nothing is read yet.
    pub fn new(client: Client, settings: StoreSettings, clock: Clock, random: Random) -> Self {
        Self { client, settings: Arc::new(settings), programs: Arc::default(), clock, random }
    }

    /// A store as a function's settings say: the names of ledger, state and what waits, and how long read programs may be
    /// used.
    pub fn open(
        client: Client,
        ([ledger_table, state_table, waiting_table], program_age_max): ([String; 3], Duration),
        clock: Clock,
        random: Random,
    ) -> Self {
        let settings = StoreSettings { ledger_table, state_table, waiting_table, program_age_max };
        Self::new(client, settings, clock, random)
    }

    /// This store under another clock.
    pub fn under(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    /// The clock it decides by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where its chance comes from.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// The client, for what is no business of the store's.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Name of the append-only table.
    pub fn ledger(&self) -> &str {
        &self.settings.ledger_table
    }

    /// Name of the table of what records add up to.
    pub fn state(&self) -> &str {
        &self.settings.state_table
    }

    /// Name of the table of what waits.
    pub fn waiting(&self) -> &str {
        &self.settings.waiting_table
    }
}
