//! Telling: what a record or an account means, in words for people. Rendered when somebody reads, never stored.

mod explain;
mod movement;
mod scoreboard;

pub use explain::{Explanation, FailedCondition, RuleExplanation, earned, explain, paid, sentence, trial_sentence};
pub use movement::{Added, Amount, Commissions, Sum, about, commissions, movement};
pub use scoreboard::{Scoreboard, scoreboards};
