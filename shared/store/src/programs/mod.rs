//! Program versions: read, published, withdrawn, and written anew from the program's own history.

mod history;
mod publish;
mod read;

pub use domain::decide::By;
pub use history::restore;
pub use publish::{PublishError, Published, WithdrawError, publish, withdraw};
pub use read::{StoredVersion, age_seconds, at, check_form, ids, of, read, set_age_seconds, stored};
