//! Program versions: read, published, withdrawn, and written anew from the program's own history.

mod history;
mod publish;
mod read;

pub use history::restore;
pub use publish::{PublishError, Published, WithdrawError, publish, withdraw};
pub use read::{age_seconds, at, check_form, ids, read, set_age_seconds};
