//! Many seeds at once, and one seed made small.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::aws::lock;
use crate::fate::Fault;
use crate::run::{Outcome, Plan, run};

/// Does one thing after the other on so many threads, and hands each outcome on as it comes. It stops early where `took` says so.
///
/// # Panics
/// If a thread does.
pub fn many<T: Sync, O>(
    things: &[T],
    threads: usize,
    run: impl Fn(&T) -> O + Sync,
    took: impl FnMut(&T, &O) -> bool + Send,
) {
    let next = AtomicU64::new(0);
    let took = Mutex::new((took, true));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(thing) =
                    things.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX))
                {
                    if !lock(&took).1 {
                        return;
                    }
                    let outcome = run(thing);
                    let mut took = lock(&took);
                    took.1 &= took.0(thing, &outcome);
                }
            });
        }
    });
}

/// The invariant that a finding is of.
pub fn invariant(finding: &str) -> &str {
    finding.split(':').next().unwrap_or_default()
}

/// The smallest plan that still shows the finding of the same invariant: with fewer steps, with fewer kinds of faults, and with the steps
/// that need not be without them.
pub fn shrink(plan: &Plan, outcome: &Outcome, mut told: impl FnMut(&Plan)) -> Plan {
    let Some(wanted) = outcome.findings.first().map(|finding| invariant(finding).to_owned()) else {
        return plan.clone();
    };
    let mut small = plan.clone();
    let mut still = |candidate: &Plan| {
        let shows = run(candidate).findings.iter().any(|finding| invariant(finding) == wanted);
        if shows {
            told(candidate);
        }
        shows
    };
    fewer_steps(&mut small, outcome.steps, &mut still);
    for fault in Fault::ALL {
        let mut fewer = small.clone();
        fewer.without.push(*fault);
        if still(&fewer) {
            small = fewer;
        }
    }
    fewer_steps(&mut small, outcome.steps, &mut still);
    small
}

fn fewer_steps(small: &mut Plan, steps: usize, still: &mut impl FnMut(&Plan) -> bool) {
    let mut size = (steps - small.skip.len()).div_ceil(2);
    while size > 0 {
        let left: Vec<usize> = (0..steps).filter(|at| !small.skip.contains(at)).collect();
        for chunk in left.chunks(size) {
            let mut fewer = small.clone();
            fewer.skip.extend(chunk);
            if still(&fewer) {
                *small = fewer;
            }
        }
        size /= 2;
    }
}

/// The command that runs a plan again.
pub fn command(plan: &Plan, steps: usize) -> String {
    let mut words = vec![format!("cargo torture --seed {}", plan.seed)];
    if plan.events != Plan::of(plan.seed).events {
        words.push(format!("--events {}", plan.events));
    }
    words.extend(plan.partners.map(|partners| format!("--partners {partners}")));
    words.extend(plan.plant.map(|plant| format!("--plant {:?}", plant.name())));
    words.extend(plan.without.iter().map(|fault| format!("--without {:?}", fault.word())));
    let kept: BTreeSet<usize> = (0..steps).filter(|at| !plan.skip.contains(at)).collect();
    if kept.len() < steps {
        words.push(format!("--steps {}", kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")));
    }
    words.join(" ")
}
