//! `payouts`: what partners may have is set aside in a run, written for finance, and paid or given up (M10).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment};
use domain::ledger::Asset;
use domain::tell::csv_field;
use engine::payouts::{OfRun, Open, Payable};
use event::ids::{Name, PartnerId};
use event::money::Money;
use event::payout::{PayoutId, PayoutRun, RUNS_OF_A_DAY_MAX};
use jiff::civil::Date;
use store::Store;
use store::patience::Patience;

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{shown, table};

/// So long a partner is tried where others keep writing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows of one table.
const ROWS_MAX: usize = 50;

/// Commission payouts.
#[derive(Subcommand)]
pub(crate) enum Payouts {
    /// Set aside what partners may have, in each currency. Made again, it goes on where it was, and changes nothing that stands.
    #[command(
        after_help = "Example:\n  laurel payouts run --program perx --until 2026-11-30 --dry-run\n  laurel payouts run --program perx --until 2026-11-30\n  laurel payouts file 2026-11-30 --program perx --to payouts.csv\n\nFinance then says by `payout.settled` or `payout.returned`, from /finance/*, what became of each."
    )]
    Run(Run),
    /// The runs of which something is on its way.
    #[command(after_help = "Example:\n  laurel payouts list --program perx")]
    List(List),
    /// Write a run for finance: a line for each payout, and control totals.
    #[command(after_help = "Example:\n  laurel payouts file 2026-11-30 --program perx --to payouts.csv")]
    File(File),
    /// Give up what is on its way in a run and was not sent: it is payable again, in another run.
    #[command(after_help = "Example:\n  laurel payouts cancel 2026-11-30 --program perx")]
    Cancel(Cancel),
}

/// The runs of which something is on its way.
#[derive(Args)]
pub(crate) struct List {
    /// Print JSON: a line for each run and currency.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Set aside what partners may have.
#[derive(Args)]
pub(crate) struct Run {
    /// The day: what was payable by its end is paid.
    #[arg(long, value_parser = day)]
    until: Date,
    /// Which run of that day it is; another after one that was cancelled.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(RUNS_OF_A_DAY_MAX)))]
    number: u8,
    /// Only say what it would pay.
    #[arg(long = "dry-run")]
    only_look: bool,
    /// Print JSON, one payout a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Write a run for finance.
#[derive(Args)]
pub(crate) struct File {
    /// The run, as 2026-11-30.
    #[arg(value_parser = run)]
    run: PayoutRun,
    /// Where to; the output where it is left out.
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    whose: Whose,
}

/// Give up what is on its way in a run.
#[derive(Args)]
pub(crate) struct Cancel {
    /// The run, as 2026-11-30.
    #[arg(value_parser = run)]
    run: PayoutRun,
    #[command(flatten)]
    whose: Whose,
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a day as 2026-11-30".to_owned())
}

fn run(text: &str) -> Result<PayoutRun, String> {
    text.parse().map_err(|_| {
        "write a run as 2026-11-30, or 2026-11-30.2 for another of that day; one payout of it has a currency beside"
            .to_owned()
    })
}

fn patience(store: &Store) -> Patience {
    Patience::until(store.clock().instant() + PATIENCE)
}

fn right(id: PayoutId, amount: i64) -> Cell {
    Cell::new(Asset::Money(id.currency).told(amount)).set_alignment(CellAlignment::Right)
}

/// What came of a partner in a run, in a word and in words.
fn told(payable: &Payable, dry: bool) -> (&'static str, &'static str) {
    match payable {
        Payable::Pays(_) if dry => ("pays", "would be set aside"),
        Payable::Pays(_) => ("pays", "set aside"),
        Payable::Stands(_) => ("stands", "set aside before"),
        Payable::BelowMinimum(_) => ("below_minimum", "below the minimum, carried forward"),
        Payable::Suspended(_) => ("suspended", "the partner is suspended"),
        Payable::TooMany(_) => ("too_many", "too many payouts are on their way: settle them first"),
        Payable::NoPayee(_) => (
            "no_payee",
            "whom finance is to pay, or what it withholds, is not stated as the program asks: carried forward",
        ),
        Payable::GivenUp(_) => ("given_up", "given up in this run: another pays it (--number)"),
        Payable::Ended(_) => ("ended", "paid or returned; what is payable now another run pays (--number)"),
        Payable::Nothing => ("nothing", "nothing is payable"),
    }
}

impl Payouts {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Payouts::Run(run) => run.run().await,
            Payouts::List(list) => list.run().await,
            Payouts::File(file) => file.run().await,
            Payouts::Cancel(cancel) => cancel.run().await,
        }
    }
}

impl Run {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let now = store.clock().now();
        let today = programs.current(now).program.calendar.day(now);
        if self.until > today {
            bail!(
                "--until {} is still to come: a run pays what is payable by a day that has come; today is {today}",
                self.until
            );
        }
        if today.year() - self.until.year() > 1 {
            bail!("--until {} is long ago: a run pays what was payable by a day of this year or the last", self.until);
        }
        let run = PayoutRun { until: self.until, number: self.number };
        let bar = bar(partners.len())?;
        let (mut rows, mut totals) = (Vec::new(), BTreeMap::<(&str, &str), (usize, i64)>::new());
        for partner in &partners {
            let found = if self.only_look {
                engine::payouts::look(&store, &programs, partner, run).await
            } else {
                engine::payouts::run(&store, &programs, partner, run, patience(&store)).await
            };
            let found = found.with_context(|| {
                format!("the run stopped at {partner}; what is set aside stands, and the same command goes on")
            })?;
            for (id, payable) in found.into_iter().filter(|(_, payable)| *payable != Payable::Nothing) {
                let (count, sum) = totals.entry((id.currency, told(&payable, self.only_look).0)).or_default();
                (*count, *sum) = (*count + 1, sum.saturating_add(payable.amount()));
                rows.push((partner.clone(), id, payable));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if self.json {
            for (partner, id, payable) in &rows {
                let amount = Asset::Money(id.currency).amount(payable.amount());
                let line = serde_json::json!({
                    "payout_id": id.to_string(), "partner_id": partner, "amount": { "amount": amount, "currency": id.currency },
                    "status": told(payable, self.only_look).0,
                });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.print(run, &rows, &totals);
        Ok(ExitCode::SUCCESS)
    }

    fn print(
        &self,
        run: PayoutRun,
        rows: &[(PartnerId, PayoutId, Payable)],
        totals: &BTreeMap<(&'static str, &'static str), (usize, i64)>,
    ) {
        if rows.is_empty() {
            println!("run {run}: nothing is payable");
            return;
        }
        let mut lines = table(&["partner", "payout", "amount", "what"]);
        for (partner, id, payable) in rows.iter().take(ROWS_MAX) {
            let what = told(payable, self.only_look).1;
            lines.add_row([
                partner.to_string().into(),
                id.to_string().into(),
                right(*id, payable.amount()),
                what.into(),
            ]);
        }
        println!("{}", shown(&lines));
        if rows.len() > ROWS_MAX {
            println!("{} more; --json has all of them", rows.len() - ROWS_MAX);
        }
        for ((currency, status), (count, sum)) in totals {
            println!("{currency} {status}: {count} of them, {}", Asset::Money(currency).told(*sum));
        }
        let pays = totals.keys().any(|(_, status)| matches!(*status, "pays" | "stands"));
        if pays && !self.only_look {
            println!("next: laurel payouts file {run} --program {} --to payouts.csv", self.whose.program);
        }
    }
}

impl List {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let bar = bar(partners.len())?;
        let mut open = BTreeMap::<PayoutId, (usize, i64)>::new();
        for partner in &partners {
            for (id, amount) in engine::payouts::open(&store, &programs, partner).await? {
                let (count, sum) = open.entry(id).or_default();
                (*count, *sum) = (*count + 1, sum.saturating_add(amount));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if self.json {
            for (id, (count, sum)) in &open {
                let amount = Asset::Money(id.currency).amount(*sum);
                let line =
                    serde_json::json!({ "run": id.run, "currency": id.currency, "partners": count, "amount": amount });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if open.is_empty() {
            println!("no payout of {} is on its way", self.whose.program);
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(&["run", "currency", "partners", "on its way"]);
        for (id, (count, sum)) in open {
            rows.add_row([id.run.to_string().into(), id.currency.into(), count.into(), right(id, sum)]);
        }
        println!("{}", shown(&rows));
        Ok(ExitCode::SUCCESS)
    }
}

/// What is to be sent in a currency, in minor units.
#[derive(Default)]
struct Totals {
    count: usize,
    withheld: i64,
    to_pay: i64,
}

impl File {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let bar = bar(partners.len())?;
        let mut lines = Vec::new();
        for partner in &partners {
            let of_run = engine::payouts::of_run(&store, &programs, partner, self.run).await?;
            lines.extend(of_run.into_iter().map(|one| (partner, one)));
            bar.inc(1);
        }
        bar.finish_and_clear();
        if lines.is_empty() {
            bail!("{} has no run {}; `laurel payouts list` shows what is on its way", self.whose.program, self.run);
        }
        let mut text = "payout_id,partner_id,payee,currency,amount,withheld,to_pay,status\r\n".to_owned();
        let mut totals = BTreeMap::<&str, Totals>::new();
        for (partner, OfRun { id, became, terms }) in &lines {
            let asset = Asset::Money(id.currency);
            let (amount, withheld) = (became.amount(), terms.withheld.and_then(Money::minor_units).unwrap_or(0));
            let to_pay = amount.saturating_sub(withheld);
            let is_open = matches!(became, Payable::Stands(_));
            let status = if is_open { "open" } else { told(became, false).0 };
            let payee = terms.payee.as_ref().map_or("", Name::as_str);
            let [amount_told, withheld_told, to_pay_told] = [amount, withheld, to_pay].map(|one| asset.amount(one));
            let fields = [
                id.to_string(),
                partner.to_string(),
                payee.to_owned(),
                id.currency.to_owned(),
                amount_told,
                withheld_told,
                to_pay_told,
                status.to_owned(),
            ];
            text.push_str(&fields.map(|field| csv_field(&field)).join(","));
            text.push_str("\r\n");
            if is_open {
                let all = totals.entry(id.currency).or_default();
                all.count += 1;
                all.withheld = all.withheld.saturating_add(withheld);
                all.to_pay = all.to_pay.saturating_add(to_pay);
            }
        }
        match &self.to {
            Some(path) => fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?,
            None => print!("{text}"),
        }
        // Control totals are of what is to be sent; they stand beside the file, which holds payouts and nothing else.
        for (currency, Totals { count, withheld, to_pay }) in &totals {
            let asset = Asset::Money(currency);
            let withheld = Some(withheld).filter(|withheld| **withheld != 0);
            let kept = withheld.map(|withheld| format!(", and {} is withheld", asset.told(*withheld)));
            eprintln!("to be sent in {currency}: {count} payouts, {}{}", asset.told(*to_pay), kept.unwrap_or_default());
        }
        if totals.is_empty() {
            eprintln!("nothing of it is to be sent any more");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Cancel {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let bar = bar(partners.len())?;
        let (mut count, mut sums) = (0_usize, BTreeMap::<&str, i64>::new());
        for partner in &partners {
            let given_up: Vec<Open> =
                engine::payouts::cancel(&store, &programs, partner, self.run, patience(&store)).await?;
            for (id, amount) in given_up {
                count += 1;
                let sum = sums.entry(id.currency).or_default();
                *sum = sum.saturating_add(amount);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let sums: Vec<String> = sums.iter().map(|(currency, sum)| Asset::Money(currency).told(*sum)).collect();
        if count == 0 {
            bail!(
                "of run {} nothing is on its way: `laurel payouts list` shows the runs of which something is",
                self.run
            );
        }
        println!(
            "run {}: {count} payouts given up{}",
            self.run,
            if sums.is_empty() { String::new() } else { format!(", {}", sums.join(", ")) }
        );
        println!(
            "it is payable again: laurel payouts run --program {} --until {} --number {}",
            self.whose.program,
            self.run.until,
            self.run.number.saturating_add(1)
        );
        Ok(ExitCode::SUCCESS)
    }
}
