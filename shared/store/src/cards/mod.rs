//! Voucher cards: their pool, and the keys that seal their codes.

mod card;
mod pool;
mod ring;
mod sealer;

pub use pool::{LoadedCodes, load, none_issued, order, reveal, stock};
pub use ring::{check, unopened};
pub use sealer::Sealer;
