//! Orders what was redeemed, one state at a time, under the redemption's own id.

mod handler;
mod provider;

pub use handler::FulfilRedemptions;
