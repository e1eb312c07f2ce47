//! `interest`: which rewards partners look at and ask for (M44).

use std::process::ExitCode;

use clap::Args;
use domain::tell::{Interest as Seen, Wanted};
use event::ids::RewardId;
use jiff::civil::Date;

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{number, shown, table};

/// Records that are read at once.
const PAGE: usize = 500;

/// Which rewards partners look at and ask for.
#[derive(Args)]
pub(crate) struct Interest {
    /// From this day on, by the day on which Laurel judged it.
    #[arg(long)]
    since: Option<Date>,
    /// Print JSON, one reward a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

impl Interest {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let program = programs.current(store.clock().now()).program.clone();
        let bar = bar(partners.len())?;
        let mut seen = Seen::default();
        for reward in program.rewards.keys() {
            seen.rewards.entry(reward.clone()).or_default();
        }
        for partner in &partners {
            let mut before = None;
            loop {
                let page = store::history::page(&store, &program.id, partner, before, PAGE).await?;
                let is_asked = |on: Date| self.since.is_none_or(|since| on >= since);
                page.items.iter().filter(|record| is_asked(record.on)).for_each(|record| seen.add(record));
                // The newest come first.
                let is_before = page.items.last().is_some_and(|last| !is_asked(last.on));
                before = page.next;
                if before.is_none() || is_before {
                    break;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut rewards: Vec<(RewardId, Wanted)> = seen.rewards.into_iter().collect();
        rewards.sort_by_key(|(_, wanted)| std::cmp::Reverse((wanted.looked.len(), wanted.ordered.len())));
        if self.json {
            for (reward, wanted) in &rewards {
                let line = serde_json::json!({
                    "reward_id": reward, "looks": wanted.looks, "partners_looked": wanted.looked.len(), "orders": wanted.orders,
                    "pieces": wanted.pieces, "partners_ordered": wanted.ordered.len(), "only_looked": wanted.only_looked(),
                    "refused": wanted.refused,
                });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if rewards.is_empty() {
            println!("{} has no reward", program.id);
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(&["reward", "looks", "partners", "pieces", "partners", "only looked", "refused"]);
        for (reward, wanted) in &rewards {
            let many = |many: usize| number(i64::try_from(many).unwrap_or(i64::MAX));
            let count = |count: u64| number(i64::try_from(count).unwrap_or(i64::MAX));
            rows.add_row([
                reward.to_string().into(),
                count(wanted.looks),
                many(wanted.looked.len()),
                number(wanted.pieces),
                many(wanted.ordered.len()),
                many(wanted.only_looked()),
                count(wanted.refused),
            ]);
        }
        println!("{}", shown(&rows));
        Ok(ExitCode::SUCCESS)
    }
}
