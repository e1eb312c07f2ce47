//! Seeds without a finding; defects that are planted and found; one seed, one trace.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use simulator::{Fault, Plan, Plant, command, invariant, many, run, shrink};

/// A seed takes up and gives back small pieces of memory by the million.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds of each run; `cargo torture --seeds N` runs any number.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=24;
/// And some more, in which a function that seldom asks for a program dies of the answer.
const MORE_SEEDS: std::ops::RangeInclusive<u64> = 41..=48;
/// Seeds in which a planted defect is found at the latest.
const PLANTED_SEEDS: u64 = 120;

/// Where the seeds of a planted defect begin: a race that few seeds have is looked for where it is, and beyond if it is there no more.
fn first_seed(plant: Plant) -> u64 {
    match plant {
        // In the first only by what it leaves behind.
        Plant::ConflictForgotten
        | Plant::PseudonymUnconditioned
        | Plant::TierFromNowhere
        | Plant::UnknownProgramsNotSwept => 2,
        Plant::AmendmentByArrival | Plant::BudgetKept | Plant::DealUnconditioned | Plant::FactByArrival => 3,
        Plant::ReleasedInDoubt => 5,
        Plant::OtherUnchecked => 6,
        Plant::DealOfNobody | Plant::StockUnconditioned => 7,
        Plant::OrderUnderNewId => 12,
        Plant::UnlistedShown => 13,
        Plant::StandingNotIndexed => 15,
        Plant::CardUnconditioned => 26,
        Plant::ExpiredTakenAgain => 33,
        _ => 1,
    }
}

/// The invariants by which a planted defect is found in the first seed that has it, and how often it was met until then.
fn find(plant: Plant) -> (BTreeSet<String>, u64) {
    let (mut found, mut fired) = (BTreeSet::new(), 0);
    for seed in first_seed(plant)..first_seed(plant) + PLANTED_SEEDS {
        let outcome = run(&Plan { plant: Some(plant), ..Plan::of(seed) });
        fired += outcome.fired;
        found.extend(outcome.findings.iter().map(|finding| invariant(finding).to_owned()));
        if !found.is_empty() {
            break;
        }
    }
    (found, fired)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn seeds_hold_every_invariant() {
    let plans: Vec<Plan> = SEEDS.chain(MORE_SEEDS).map(Plan::of).collect();
    let mut met: BTreeMap<(Fault, String), u64> = BTreeMap::new();
    let (mut called, mut looked) = (BTreeSet::new(), BTreeSet::new());
    let mut found = None;
    let mut applied = BTreeMap::<String, usize>::new();
    many(&plans, threads(), run, |plan, outcome| {
        for (kind, count) in &outcome.applied {
            *applied.entry(kind.clone()).or_default() += count;
        }
        for (fault, times) in &outcome.met {
            *met.entry(fault.clone()).or_default() += times;
        }
        called.extend(outcome.calls.keys().cloned());
        looked.extend(outcome.looked.keys().copied());
        let faults: u64 = outcome.met.values().sum();
        if outcome.findings.is_empty() {
            assert!(outcome.sent >= 200, "seed {} sends {} messages", plan.seed, outcome.sent);
            assert!(faults >= 20, "seed {} meets {faults} faults", plan.seed);
            assert_eq!(outcome.ledgers[0], outcome.ledgers[1], "seed {}", plan.seed);
        } else {
            found = Some((plan.clone(), outcome.clone()));
        }
        found.is_none()
    });
    if let Some((plan, outcome)) = found {
        let small = shrink(&plan, &outcome, |_| ());
        panic!("{}\nagain: {}", outcome.findings.join("\n"), command(&small, outcome.steps));
    }
    for fault in Fault::ALL {
        let times: u64 = met.iter().filter(|((one, _), _)| one == fault).map(|(_, times)| times).sum();
        // A function that is killed by its time is so because nothing else ended what it waits for.
        assert!(times > 0 || *fault == Fault::OutOfTime, "{} never happened", fault.word());
    }
    println!("records that held: {applied:?}");
    let paid = [
        "commission.released",
        "payout.reserved",
        "payout.settled",
        "payout.returned",
        "payout.cancelled",
        "invoice.paid",
        "budget.funded",
        "budget.reduced",
        "benefit.booked",
        "benefit.released",
        "exclusivity.granted",
        "exclusivity.ended",
        "exclusivity.reviewed",
        "deal.trued_up",
    ];
    for kind in paid {
        assert!(applied.contains_key(kind), "no {kind} ever held");
    }
    // Who asks for something often dies of it before it is sent, while it is, and when it is done.
    let often = |(function, operation): &&(&str, String)| {
        *function == "award-points" && !["SendMessage", "DeleteItem", "PutItem"].contains(&operation.as_str())
    };
    for (function, operation) in called.iter().filter(often) {
        for stage in ["not sent yet", "sent", "done, reply on its way"] {
            let point = format!("{function} {operation} {stage}");
            assert!(met.contains_key(&(Fault::Killed, point.clone())), "nobody died at: {point}");
        }
    }
    let all = [
        "I1", "I2", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I16", "I17", "I18",
        "I19", "I20", "I21", "I22", "I23", "I24", "I25", "I26", "I27", "I28", "I3", "M39",
    ];
    assert_eq!(looked, BTreeSet::from(all), "invariants that were looked at");
}

#[test]
fn planted_defects_are_found() {
    let mut missed = Vec::new();
    let mut by = BTreeMap::<&str, BTreeSet<String>>::new();
    // One thread looks for one defect, so that what comes after the seed that has it is not run.
    many(
        Plant::ALL,
        threads(),
        |plant| find(*plant),
        |plant, (found, fired)| {
            if *fired == 0 || found.is_empty() {
                missed.push(format!("{} (met {fired} times)", plant.name()));
            }
            by.insert(plant.name(), found.clone());
            true
        },
    );
    assert!(missed.is_empty(), "no checker found: {}", missed.join("; "));
    assert!(Plant::ALL.len() >= 30, "{} defects", Plant::ALL.len());
    // Each checker finds some defect: one that cannot fail is no checker.
    let fail: BTreeSet<&str> = by.values().flatten().map(String::as_str).collect();
    for invariant in [
        "I1", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12", "I14", "I15", "I16", "I17", "I18", "I19", "I20",
        "I21", "I25", "I26", "I27", "I28", "M39",
    ] {
        assert!(fail.contains(invariant), "{invariant} found nothing; it did find {fail:?}");
    }
}

#[test]
fn one_seed_is_one_run_in_any_process() {
    let run = || {
        let out =
            Command::new(env!("CARGO_BIN_EXE_torture")).args(["--seed", "5", "--events", "60"]).output().expect("run");
        String::from_utf8(out.stdout).expect("text")
    };
    let (first, second) = (run(), run());
    assert!(first.starts_with("seed 5: trace "), "{first}");
    assert_eq!(first, second);
    // As in a process that ran others before.
    let after = [4, 5].map(|seed| simulator::run(&Plan { events: 60, ..Plan::of(seed) }));
    assert!(first.contains(&format!("{:016x}", after[1].trace)), "{first}");
}

#[test]
fn a_finding_is_made_small_and_can_be_run_again() {
    let plan = Plan { plant: Some(Plant::QuarantineForgotten), events: 60, ..Plan::of(1) };
    let plans: Vec<Plan> = (1..20).map(|seed| Plan { seed, ..plan.clone() }).collect();
    let mut found = None;
    many(&plans, 1, run, |plan, outcome| {
        if !outcome.findings.is_empty() {
            found = Some((plan.clone(), outcome.clone()));
        }
        found.is_none()
    });
    let (plan, outcome) = found.expect("a finding");
    let small = shrink(&plan, &outcome, |_| ());
    assert!(outcome.steps - small.skip.len() <= 3, "{} steps are left", outcome.steps - small.skip.len());
    let again = simulator::run(&small);
    assert_eq!(invariant(&again.findings[0]), "I8");
    assert!(command(&small, outcome.steps).starts_with("cargo torture --seed "));
}
