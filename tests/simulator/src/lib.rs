//! The real handlers, engine and store on a simulated AWS, on one thread, from one seed.
//!
//! The seams are the SDK's HTTP connector, `Clock` and `Random`: every step passes the SDK's serialised request. What AWS may do to
//! a request, a message, a change or a process is done here, by chance drawn from the seed, and after every write the checkers
//! look (`check`). One seed is one run: the same trace, in whatever process.

mod aws;
mod check;
mod fate;
mod many;
mod plant;
mod process;
mod queues;
mod run;
mod stream;
pub mod table;
mod workload;

pub use fate::{Fault, Tell};
pub use many::{command, invariant, many, shrink};
pub use plant::Plant;
pub use run::{Outcome, Plan, run};
pub use workload::{Action, Workload};
