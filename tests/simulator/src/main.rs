//! Runs seeds of the simulation: some, or one again, or each with a planted defect.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use simulator::{Fault, Outcome, Plan, Plant, command, invariant, many, run, shrink};

/// A seed takes up and gives back small pieces of memory by the million.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the real functions on a simulated AWS, one seed after the other, and looks at every invariant after every write.
///
/// Example: `cargo torture --seeds 1000`. A seed with a finding is made small, and told as the command that runs it again.
#[derive(Parser)]
#[command(name = "torture")]
struct Ask {
    /// Run this seed alone.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Events of a seed, at least.
    #[arg(long, default_value_t = 200)]
    events: usize,
    /// Partners of a seed; deals and keys go with them, and time passes slower. A few where nothing is said.
    #[arg(long)]
    partners: Option<usize>,
    /// Threads.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// A kind of fault that does not happen; several times for several.
    #[arg(long, value_parser = fault)]
    without: Vec<Fault>,
    /// Steps of the seed that happen, by their numbers; all where none is named.
    #[arg(long, value_delimiter = ',', requires = "seed")]
    steps: Vec<usize>,
    /// A planted defect; `all` plants each in turn and tells in how many seeds it was found, by which checkers.
    #[arg(long)]
    plant: Option<String>,
    /// Shows whatever holds this text as it happens, and everything of which the functions warn.
    #[arg(long)]
    show: Option<String>,
    /// Shows which fault met what, how often.
    #[arg(long)]
    faults: bool,
    /// A finding is told as it is, not made small first.
    #[arg(long)]
    raw: bool,
}

fn fault(word: &str) -> Result<Fault, String> {
    let known = || Fault::ALL.iter().map(|fault| fault.word()).collect::<Vec<_>>().join(", ");
    Fault::ALL.iter().copied().find(|fault| fault.word() == word).ok_or_else(|| format!("known are {}", known()))
}

impl Ask {
    fn plan(&self, seed: u64, plant: Option<Plant>) -> Plan {
        let (without, shows) = (self.without.clone(), self.show.clone());
        Plan { events: self.events, partners: self.partners, without, plant, shows, ..Plan::of(seed) }
    }
}

fn main() -> ExitCode {
    let ask = Ask::parse();
    if ask.show.is_some() {
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).without_time().init();
    }
    match ask.plant.as_deref() {
        Some("all") => planted(&ask),
        Some(name) => match Plant::ALL.iter().copied().find(|plant| plant.name() == name) {
            Some(plant) => seeds(&ask, Some(plant)),
            None => {
                let known: Vec<&str> = Plant::ALL.iter().map(|plant| plant.name()).collect();
                eprintln!("there is no planted defect `{name}`; there are:\n  {}", known.join("\n  "));
                ExitCode::from(2)
            }
        },
        None => seeds(&ask, None),
    }
}

/// From so many events on, a seed tells how far it is.
const LONG: usize = 10_000;

/// How far a long seed is, a hundred times.
fn walked(done: usize, of: usize) {
    if done.is_multiple_of((of / 100).max(1)) {
        eprintln!("step {done} of {of}");
    }
}

fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {per_sec}, {eta} left {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn seeds(ask: &Ask, plant: Option<Plant>) -> ExitCode {
    if let Some(seed) = ask.seed {
        let mut plan = ask.plan(seed, plant);
        if !ask.steps.is_empty() {
            let steps = simulator::Workload::new(seed, ask.events, ask.partners).steps.len();
            plan.skip = (0..steps).filter(|at| !ask.steps.contains(at)).collect();
        }
        if ask.events >= LONG {
            plan.walked = Some(walked);
        }
        let outcome = run(&plan);
        println!(
            "seed {seed}: trace {:016x}, {} steps, {} records, {} writes, {} faults",
            outcome.trace,
            outcome.steps,
            outcome.records,
            outcome.writes,
            outcome.met.values().sum::<u64>()
        );
        if ask.faults {
            tell_faults(&outcome.met);
        }
        return tell(ask, &[(plan, outcome)]);
    }
    let plans: Vec<Plan> = (ask.from..ask.from + ask.seeds).map(|seed| ask.plan(seed, plant)).collect();
    let (bar, began) = (bar(ask.seeds), Instant::now());
    let (mut found, mut met) = (Vec::new(), BTreeMap::<(Fault, String), u64>::new());
    let (mut records, mut writes) = (0, 0);
    many(&plans, ask.threads, run, |plan, outcome| {
        bar.inc(1);
        records += outcome.records;
        writes += outcome.writes;
        for (fault, count) in &outcome.met {
            *met.entry(fault.clone()).or_default() += count;
        }
        if !outcome.findings.is_empty() {
            bar.suspend(|| println!("seed {}: {}", plan.seed, shown(&outcome.findings[0])));
            found.push((plan.clone(), outcome.clone()));
        }
        found.len() < 20
    });
    bar.finish_and_clear();
    let a_minute = u128::from(bar.position()) * 60_000 / began.elapsed().as_millis().max(1);
    println!(
        "{} seeds, {records} records, {writes} writes, {} faults, {a_minute} seeds a minute, {} with a finding",
        ask.seeds,
        met.values().sum::<u64>(),
        found.len()
    );
    if ask.faults {
        tell_faults(&met);
    }
    tell(ask, &found)
}

fn shown(finding: &str) -> String {
    finding.chars().take(600).collect()
}

fn tell_faults(met: &BTreeMap<(Fault, String), u64>) {
    for fault in Fault::ALL {
        let of: Vec<_> = met.iter().filter(|((one, _), _)| one == fault).collect();
        println!("{:26} {:>7}", fault.word(), of.iter().map(|(_, count)| **count).sum::<u64>());
        for ((_, what), count) in of {
            println!("    {what:60} {count:>7}");
        }
    }
}

fn tell(ask: &Ask, found: &[(Plan, Outcome)]) -> ExitCode {
    let with = found.iter().find(|(_, outcome)| !outcome.findings.is_empty());
    let Some((plan, outcome)) = with else { return ExitCode::SUCCESS };
    for finding in &outcome.findings {
        println!("{}", shown(finding));
    }
    let mut small = plan.clone();
    if !ask.raw && ask.steps.is_empty() {
        let spinner = ProgressBar::new_spinner();
        small = shrink(plan, outcome, |plan| {
            spinner.set_message(format!(
                "smaller: {} steps, {} kinds of faults",
                outcome.steps - plan.skip.len(),
                Fault::ALL.len() - plan.without.len()
            ));
            spinner.tick();
        });
        spinner.finish_and_clear();
    }
    println!("again: {}", command(&small, outcome.steps));
    ExitCode::FAILURE
}

/// Plants each defect in turn.
fn planted(ask: &Ask) -> ExitCode {
    let mut missed = Vec::new();
    println!("{:44} {:>8} {:>6}  found by", "defect", "found in", "first");
    for plant in Plant::ALL.iter().copied() {
        let plans: Vec<Plan> = (ask.from..ask.from + ask.seeds).map(|seed| ask.plan(seed, Some(plant))).collect();
        let (mut by, mut first, mut count, mut fired) = (BTreeSet::new(), None, 0, 0);
        many(&plans, ask.threads, run, |plan, outcome| {
            fired += outcome.fired;
            if !outcome.findings.is_empty() && outcome.fired > 0 {
                count += 1;
                first = Some(first.unwrap_or(u64::MAX).min(plan.seed - ask.from + 1));
                by.extend(outcome.findings.iter().map(|finding| invariant(finding).to_owned()));
            }
            true
        });
        let by: Vec<String> = by.into_iter().collect();
        let first = first.map_or("-".to_owned(), |first: u64| first.to_string());
        println!(
            "{:44} {:>8} {first:>6}  {}{}",
            plant.name(),
            format!("{count}/{}", ask.seeds),
            by.join(" "),
            if fired == 0 { "(never met)" } else { "" }
        );
        if count == 0 {
            missed.push(plant.name());
        }
    }
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("not found: {}", missed.join("; "));
    ExitCode::FAILURE
}
