//! What time brings: releases, expiries, reviews; and the sweep that lets nothing hang.

mod boards;
mod budgets;
mod handler;
mod sweep;
mod task;

pub use handler::{ReviewError, ReviewPartners, Trigger};
