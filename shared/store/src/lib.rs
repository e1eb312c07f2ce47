//! Laurel on DynamoDB: two tables, one transaction per decision.
//!
//! One concrete store and no port trait: tests hand its client an engine in the process, and inject faults below the SDK.

mod audit;
pub mod commit;
mod error;
mod group;
mod holds;
pub mod items;
mod kept;
pub mod keys;
mod load;
mod own;
mod programs;
mod redemptions;
mod sealer;
mod tables;
mod views;
mod vouchers;

pub use audit::Audited;
pub use error::StoreError;
pub use group::{Patience, Settled, Why};
pub use holds::Hold;
pub use kept::{Kept, Quarantined};
pub use own::Step;
pub use programs::{PublishError, Published};
pub use sealer::Sealer;
pub use tables::create_tables;
pub use views::Page;
pub use vouchers::LoadedCodes;

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random};
use aws_sdk_dynamodb::Client;

/// Where the tables are, and how long read programs may be trusted.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Name of the append-only table.
    pub ledger_table: String,
    /// Name of the working table.
    pub state_table: String,
    /// How long a function may decide by the program versions it has read.
    pub program_age_max: Duration,
}

/// The two tables.
#[derive(Clone)]
pub struct Store {
    client: Client,
    settings: Arc<StoreSettings>,
    programs: Arc<programs::Cache>,
    clock: Clock,
    random: Random,
}

impl Store {
    /// A store on `client`. Nothing is read yet.
    pub fn new(client: Client, settings: StoreSettings, clock: Clock, random: Random) -> Self {
        Self { client, settings: Arc::new(settings), programs: Arc::default(), clock, random }
    }

    /// A store as a function's settings say: the ledger's name, the state's name, and how long read programs may be used.
    pub fn open(
        client: Client,
        (ledger_table, state_table, program_age_max): (String, String, Duration),
        clock: Clock,
        random: Random,
    ) -> Self {
        Self::new(client, StoreSettings { ledger_table, state_table, program_age_max }, clock, random)
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

    fn ledger(&self) -> &str {
        &self.settings.ledger_table
    }

    fn state(&self) -> &str {
        &self.settings.state_table
    }
}
