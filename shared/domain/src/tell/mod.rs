//! Telling: what a record or an account means, in words for people. Rendered when somebody reads, never stored.

mod board;
mod csv;
mod explain;
mod interest;
mod movement;
mod onboarded;
mod scoreboard;
mod targets;

pub use board::{BOARD_VALUES_MAX, Board, Ranked, brought, days_of, is_listed, open_periods, parts_to_rank, ranked};
pub use csv::csv_field;
pub use explain::{Explanation, FailedCondition, RuleExplanation, earned, explain, paid, sentence, trial_sentence};
pub use interest::{Interest, Wanted};
pub use movement::{Added, Amount, Commissions, Sum, about, commissions, movement, payouts};
pub use onboarded::{Onboarded, Reached, onboarded};
pub use scoreboard::{Scoreboard, scoreboards};
pub use targets::{Target, parts_of_targets, targets};
