//! Telling: what a record or an account means, in words for people. Rendered when somebody reads, never stored.

mod explain;
mod movement;
mod scoreboard;

pub use explain::{Explanation, FailedCondition, RuleExplanation, earned, explain, sentence, trial_sentence};
pub use movement::{about, movement};
pub use scoreboard::{Scoreboard, scoreboards};
