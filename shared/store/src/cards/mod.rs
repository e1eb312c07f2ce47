//! Voucher cards: their pool, and the keys that seal their codes.

mod pool;
mod sealer;

pub use pool::{LoadedCodes, load, none_issued, order, reveal, stock};
pub use sealer::Sealer;
