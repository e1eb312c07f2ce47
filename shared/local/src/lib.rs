//! The embedded stack: DynamoDB and SQS engines in the process, pollers that deliver as SQS and Lambda do, the HTTP API.
//!
//! For the command line and the tests only. The functions are the deployed ones; nothing here decides.

mod aws;
mod deliver;
mod gateway;
mod listen;
mod names;
mod options;
mod private;
mod stack;
mod tokens;

pub use aws::{Aws, EngineError};
pub use names::{CARD_SECRET, LEDGER_TABLE, STATE_TABLE, WAITING_TABLE, queues};
pub use options::{Options, open_store};
pub use stack::{Stack, StartError, clients_of_folder};
pub use tokens::{TokenError, Tokens};
