//! Voucher cards: their pool, and the keys that seal their codes.

mod pool;
mod sealer;

pub use pool::{LoadedCodes, load, order, reveal, stock};
pub use sealer::Sealer;
