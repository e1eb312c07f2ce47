//! `demo --torture`: one seed of the simulation, told as it happens.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::bail;
use comfy_table::Cell;
use simulator::{Fault, Outcome, Plan, run};

use crate::show::table;

/// So many of each kind are told as they happen; the rest is counted.
const TOLD_MAX: u32 = 2;

/// How often each kind has been told.
static TOLD: Mutex<BTreeMap<Fault, u32>> = Mutex::new(BTreeMap::new());

/// Runs a seed and tells it.
///
/// # Errors
/// If the simulation itself breaks.
pub(crate) fn torture(seed: u64) -> anyhow::Result<ExitCode> {
    println!(
        "The same functions on an AWS that does everything its documents allow, all of\n\
         it drawn from seed {seed}: at least 200 events of five partners, several workers a\n\
         queue, and processes that may die at any await.\n"
    );
    let plan = Plan { tells: Some(tell), ..Plan::of(seed) };
    // A runtime of its own, whose time jumps to the next thing that happens.
    let Ok(outcome) = std::thread::spawn(move || run(&plan)).join() else { bail!("the simulation broke off") };
    println!("    ... and so on.\n");
    println!("{}", counts(&outcome));
    println!(
        "{} messages were sent and {} records written, in {} writes. After every\nwrite every invariant was looked at.",
        outcome.sent, outcome.records, outcome.writes
    );
    if let Some(finding) = outcome.findings.first() {
        println!("Found: {finding}\nAgain: cargo torture --seed {seed}");
        return Ok(ExitCode::FAILURE);
    }
    let [ledger, again] = outcome.ledgers;
    println!("\nThe ledger as it is:                 {ledger:016x}");
    println!("The same events in one quiet pass:   {again:016x}\n");
    println!("Equal: nothing was lost, counted twice, overdrawn or left standing.");
    println!("Another seed: cargo laurel demo --torture --seed {}", seed + 1);
    Ok(ExitCode::SUCCESS)
}

fn tell(fault: Fault, met: &str) {
    let mut told = TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let times = told.entry(fault).or_default();
    *times += 1;
    if *times <= TOLD_MAX {
        println!("    {:26} {met}", fault.word());
    }
}

fn counts(outcome: &Outcome) -> comfy_table::Table {
    let mut counts = table(&["what went wrong", "times"]);
    for fault in Fault::ALL {
        let times: u64 = outcome.met.iter().filter(|((one, _), _)| one == fault).map(|(_, times)| times).sum();
        if times > 0 {
            counts.add_row([Cell::new(fault.word()), Cell::new(times)]);
        }
    }
    counts
}
