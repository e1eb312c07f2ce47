//! Budgets of which little is left: staff are told before awards are refused for want of them (N10).

use domain::decide::budgets;
use domain::ledger::PoolPart;
use jiff::Timestamp;
use program::Programs;
use store::{Store, StoreError, state};

/// How many budgets of a program have less left than it says staff are told of, in their current periods. As many are read as its file
/// has (I27).
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
pub(crate) async fn low(store: &Store, programs: &Programs, now: Timestamp) -> Result<u64, StoreError> {
    let budgets = budgets(programs, now, None);
    let parts: Vec<PoolPart> = budgets.iter().flat_map(|budget| &budget.parts).cloned().collect();
    if parts.is_empty() {
        return Ok(0);
    }
    let program = &programs.current(now).program.id;
    let stored = state::pools(store, program, parts).await?;
    let mut low = 0;
    for budget in &budgets {
        let balance = budget.balance(&stored);
        if budget.is_low(balance) {
            let left = budget.pool.told(balance.left);
            tracing::warn!(program = program.as_str(), budget = %budget.pool, left, "little is left of a budget");
            low += 1;
        }
    }
    Ok(low)
}
