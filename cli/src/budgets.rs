//! `budgets`: what rules give out of, what is left of it, and more of it (N10).

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment};
use domain::decide::{BudgetOf, budgets};
use domain::ledger::{Outcome, Pool, PoolPart, Record};
use domain::tell::explain;
use engine::events::{Arrival, Settled, Why};
use event::Event;
use event::ids::{PartnerId, ProgramId};
use event::period::TargetPeriod;
use jiff::civil::Date;
use program::Programs;
use rust_decimal::Decimal;
use store::Store;
use store::patience::Patience;

use crate::connect::Connect;
use crate::show::{shown, table};

/// So long it is tried where others keep writing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Budgets.
#[derive(Subcommand)]
pub(crate) enum Budgets {
    /// What each budget was funded with, what is drawn, and what is left.
    #[command(
        after_help = "Examples:\n  laurel budgets list --program hr-software\n  laurel budgets list --program hr-software --period 2026-Q1"
    )]
    List(ListBudgets),
    /// Put more into a budget. Under one id it is done once, however often it is run.
    #[command(
        after_help = "Example:\n  laurel budgets fund launch-fund 50000 --program hr-software --id fy26-q4 --source /finance/staff --period 2026-Q4\n\nOf money the amount is in the program's currency, as 1200.00."
    )]
    Fund(Change),
    /// Take out of a budget what is left of it.
    #[command(
        after_help = "Example:\n  laurel budgets reduce launch-fund 5000 --program hr-software --id fy26-q4-cut --source /finance/staff --reason \"moved to the next quarter\""
    )]
    Reduce(Reduce),
}

/// Which program.
#[derive(Args)]
pub(crate) struct Of {
    /// The program.
    #[arg(long)]
    program: String,
    /// The budgets' period: a fiscal year as 2026, a fiscal quarter as 2026-Q3, a month as 2026-03; the current one if absent.
    #[arg(long, value_parser = period)]
    period: Option<TargetPeriod>,
    #[command(flatten)]
    connect: Connect,
}

fn period(text: &str) -> Result<TargetPeriod, String> {
    TargetPeriod::try_from(text.to_owned()).map_err(|_| "write 2026, 2026-Q3 or 2026-03".to_owned())
}

/// What each budget was funded with.
#[derive(Args)]
pub(crate) struct ListBudgets {
    /// Print JSON, one budget a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    of: Of,
}

/// Put more into a budget.
#[derive(Args)]
pub(crate) struct Change {
    /// The budget, as the program calls it.
    budget: String,
    /// How much: points, or money in the program's currency.
    amount: String,
    /// What names it, for ever: run again under this id, it changes nothing.
    #[arg(long)]
    id: String,
    /// Under which source it is recorded; the program says which may.
    #[arg(long)]
    source: String,
    #[command(flatten)]
    of: Of,
}

/// Take out of a budget.
#[derive(Args)]
pub(crate) struct Reduce {
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    change: Change,
}

impl Budgets {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Budgets::List(list) => list.run().await,
            Budgets::Fund(change) => change.run("budget.funded", None).await,
            Budgets::Reduce(reduce) => reduce.change.run("budget.reduced", Some(&reduce.reason)).await,
        }
    }
}

impl Of {
    async fn programs(&self) -> anyhow::Result<(Store, Programs)> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str()).context("--program is no id")?;
        let programs = store::programs::read(&store, &program).await?;
        let programs = programs.ok_or_else(|| anyhow!("the program {program} has no published version"))?;
        Ok((store, programs))
    }
}

impl ListBudgets {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let (store, programs) = self.of.programs().await?;
        let now = store.clock().now();
        let program = &programs.current(now).program;
        let found = budgets(&programs, now, self.of.period);
        let parts: Vec<PoolPart> = found.iter().flat_map(|budget| &budget.parts).cloned().collect();
        let stored = store::state::pools(&store, &program.id, parts).await?;
        let (first, today) = (first_funded(&store, &program.id).await?, program.calendar.day(now));
        let mut rows = table(&["budget", "period", "funded", "drawn", "left", ""]);
        for budget in &found {
            let balance = budget.balance(&stored);
            let sums = [balance.funded(), balance.drawn, balance.left];
            let period = budget.pool.period;
            let funded = first.get(&budget.pool);
            let spent_on = funded.and_then(|funded| budget.spent_on(balance, *funded, today, Decimal::ONE));
            if self.json {
                let [funded, drawn, left] = sums.map(|sum| unit(budget).amount(sum));
                let line = serde_json::json!({
                    "budget": budget.budget.id, "period": period, "of": unit(budget), "funded": funded, "drawn": drawn,
                    "left": left, "low": budget.is_low(balance), "spent_on": spent_on,
                });
                println!("{line}");
            }
            let low = budget.is_low(balance).then(|| "low".to_owned());
            let pace = spent_on.map(|day| format!("at this pace spent on {day}"));
            let note = match balance.funded() {
                0 => "not funded".to_owned(),
                _ => low.into_iter().chain(pace).collect::<Vec<_>>().join(", "),
            };
            let right = |sum| Cell::new(budget.pool.told(sum)).set_alignment(CellAlignment::Right);
            let [funded, drawn, left] = sums.map(right);
            let name = budget.budget.id.to_string();
            rows.add_row([Cell::new(name), Cell::new(period.to_string()), funded, drawn, left, Cell::new(note)]);
        }
        if self.json {
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            println!("{} has no budget{}", program.id, self.of.period.map(|p| format!(" of {p}")).unwrap_or_default());
            return Ok(ExitCode::SUCCESS);
        }
        println!("{}", shown(&rows));
        Ok(ExitCode::SUCCESS)
    }
}

/// The day on which each pool was funded first.
pub(crate) async fn first_funded(store: &Store, program: &ProgramId) -> anyhow::Result<BTreeMap<Pool, Date>> {
    let mut first = BTreeMap::new();
    for record in engine::audit::whole_history(store, program, &PartnerId::program()).await? {
        for (part, ..) in record.pools().filter(|(_, funded, _)| *funded > 0) {
            first.entry(part.pool.clone()).or_insert(record.on);
        }
    }
    Ok(first)
}

/// What a budget is of.
fn unit(budget: &BudgetOf<'_>) -> domain::ledger::Asset {
    budget.budget.currency.map_or(domain::ledger::Asset::Points, domain::ledger::Asset::Money)
}

impl Change {
    /// Judges it as an event of the program's own, and says what became of it.
    async fn run(&self, kind: &str, reason: Option<&str>) -> anyhow::Result<ExitCode> {
        let (store, programs) = self.of.programs().await?;
        let now = store.clock().now();
        let program = &programs.current(now).program;
        let budget = program.budgets.values().find(|budget| budget.id.as_str() == self.budget);
        let budget = budget.ok_or_else(|| {
            let known: Vec<&str> = program.budgets.keys().map(|id| id.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            anyhow!("{} has no budget `{}`; it has {known}", program.id, self.budget)
        })?;
        let mut data = serde_json::json!({ "budget": self.budget });
        match budget.currency {
            Some(currency) => data["amount"] = serde_json::json!({ "amount": self.amount, "currency": currency }),
            None => {
                data["points"] = self
                    .amount
                    .parse::<i64>()
                    .map_err(|_| anyhow!("a budget of points takes a whole number, not `{}`", self.amount))?
                    .into();
            }
        }
        if let Some(period) = self.of.period {
            data["period"] = period.to_string().into();
        }
        if let Some(reason) = reason {
            data["reason"] = reason.into();
        }
        // The same at any hour of the day is the same event.
        let day = program.calendar.start_of(program.calendar.day(now));
        let body = serde_json::json!({
            "specversion": "1.0", "id": self.id, "source": self.source, "type": kind, "subject": PartnerId::program(),
            "program": program.id, "time": day.to_string(), "data": data,
        });
        let event = Event::parse(&body.to_string(), now).map_err(|unreadable| anyhow!("{}", said(&unreadable)))?;
        let arrival = Arrival::from(event.clone());
        if let Some(record) = store::history::record(&store, &event.identity).await? {
            return self.again(&record, &event);
        }
        let patience = Patience::until(store.clock().instant() + PATIENCE);
        let partner = PartnerId::program();
        let settled = engine::events::judge(&store, &programs, &partner, &[arrival], patience).await;
        match settled.into_iter().next() {
            Some(Settled { outcome: Outcome::Applied, record: Some(record), .. }) => {
                println!("{}", explain(&record, None).sentence);
                Ok(ExitCode::SUCCESS)
            }
            Some(Settled { record: Some(record), .. }) => self.again(&record, &event),
            Some(Settled { why: Some(Why::Rejected(rejection)), .. }) => {
                bail!("nothing was changed: {}", rejection.message)
            }
            Some(Settled { why: Some(Why::Failed(error)), .. }) => Err(error.into()),
            // Somebody else did it at the same moment.
            Some(Settled { outcome: Outcome::Duplicate | Outcome::Conflict, .. }) => {
                let record = store::history::record(&store, &event.identity).await?;
                self.again(&record.context("its record is gone; run it again")?, &event)
            }
            other => bail!("nothing was changed: {:?}", other.map(|settled| settled.outcome)),
        }
    }

    /// What was done under this id before.
    fn again(&self, record: &Record, event: &Event) -> anyhow::Result<ExitCode> {
        let told = explain(record, None).sentence;
        // What was refused stays refused under this id, whatever there is by now.
        if !record.holds() {
            bail!("nothing was changed: {told} (said on {}); to try again, write another --id", record.on);
        }
        if record.happened().as_ref() == Some(&event.kind) {
            println!("done before, on {}: {told}", record.on);
            return Ok(ExitCode::SUCCESS);
        }
        bail!("`{}` of {} names something else: {told}; write another --id", self.id, self.source)
    }
}

/// Why an event does not read.
fn said(unreadable: &event::Unreadable) -> String {
    match unreadable {
        event::Unreadable::Quarantined { reason, .. } => reason.clone(),
        event::Unreadable::Rejected { rejection, .. } => format!("{}: {}", rejection.field, rejection.message),
    }
}
