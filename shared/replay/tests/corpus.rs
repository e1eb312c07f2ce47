//! The committed corpus: histories of events, programs and clock, each with the ledger it makes, as a person reads it.
//!
//! A decision that changes is a ledger that changes. `LAUREL_CORPUS=write cargo test -p laurel-replay --test corpus` writes the ledgers anew;
//! a commit that changes one says why in a line `Corpus: <reason>` (`.ci/corpus` holds every commit to it).

use std::path::PathBuf;

use laurel_replay::history::play;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

/// Where two texts part, with the lines around.
fn difference(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let at = old.iter().zip(&new).position(|(a, b)| a != b).unwrap_or(old.len().min(new.len()));
    let around =
        |lines: &[&str]| lines.iter().skip(at.saturating_sub(4)).take(9).copied().collect::<Vec<_>>().join("\n");
    format!("line {}\nexpected:\n{}\nfound:\n{}", at + 1, around(&old), around(&new))
}

#[test]
fn every_history_makes_its_ledger() {
    let write = std::env::var("LAUREL_CORPUS").is_ok_and(|word| word == "write");
    let mut histories: Vec<PathBuf> = std::fs::read_dir(corpus())
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("history.jsonl").exists())
        .collect();
    histories.sort();
    assert!(histories.len() >= 13, "{} histories", histories.len());
    let mut differ = Vec::new();
    for history in &histories {
        let lines = std::fs::read_to_string(history.join("history.jsonl")).expect("a history");
        let told = play(&lines, &corpus().join("programs"));
        let ledger = history.join("ledger.txt");
        if write {
            std::fs::write(&ledger, told).expect("written");
            continue;
        }
        let expected = std::fs::read_to_string(&ledger).unwrap_or_default();
        if expected != told {
            differ.push(format!("{}: {}", history.display(), difference(&expected, &told)));
        }
    }
    assert!(differ.is_empty(), "{} of {} ledgers differ\n{}", differ.len(), histories.len(), differ.join("\n\n"));
}
