//! What partners draw on together: budgets (N10) and benefits with a capacity (M22).

use event::ids::Name;
use event::period::Every;
use rust_decimal::Decimal;

use crate::reward::Gate;

/// Most sub-balances of a budget.
pub const PARTS_MAX: u8 = 16;

/// What rules give out of, and no more than was put into it (N10).
#[derive(Clone, Debug)]
pub struct Budget {
    /// Its name in the file.
    pub id: Name,
    /// The currency it is in; none: it is of points.
    pub currency: Option<&'static str>,
    /// How often it is funded anew: each year, quarter or month, or once for all.
    pub every: Every,
    /// Whether an award that it is short of gives nothing, and not what is left.
    pub all_or_nothing: bool,
    /// Whether what a reversal gives back after its period has closed is there for the current one.
    pub late_returns_to_current: bool,
    /// Staff are told when less than this part of what it was funded with is left.
    pub low: Decimal,
    /// In how many sub-balances it is held, 1 to [`PARTS_MAX`]: as many writers draw on it side by side.
    pub parts: u8,
}

/// What only so many partners can have at a time (M22).
#[derive(Clone, Debug)]
pub struct Benefit {
    /// Its name in the file.
    pub id: Name,
    /// Its name for people.
    pub name: String,
    /// How many there are in each of its periods, above zero.
    pub slots: i64,
    /// Its periods: each year, quarter or month; for ever: there are so many in all.
    pub every: Every,
    /// What a partner must have to book it, in the order in which it is looked at (M28).
    pub gates: Vec<Gate>,
    /// How many of them a partner may have in a period.
    pub at_most: i64,
}
