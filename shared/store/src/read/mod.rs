//! Reading: a partner's state, its history and redemptions, what is due.

pub mod beside;
pub mod deals;
pub mod due;
pub mod everybody;
pub mod history;
pub mod redemptions;
pub mod state;
