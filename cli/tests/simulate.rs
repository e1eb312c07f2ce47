//! `simulate`: histories as people have them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const LAUREL: &str = env!("CARGO_BIN_EXE_laurel");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/programs/hr-software.toml");

/// A deal that was closed, reversed in part, and amended: 500 points.
const HISTORY: [&str; 4] = [
    r#"{"specversion":"1.0","id":"1","source":"/crm/a","type":"partner.enrolled","subject":"p","program":"hr-software","time":"2026-01-05T09:00:00Z","data":{"name":"P","motions":["sell"]}}"#,
    r#"{"specversion":"1.0","id":"2","source":"/crm/a","type":"deal.closed","subject":"p","program":"hr-software","time":"2026-02-01T09:00:00Z","data":{"deal_id":"d","outcome":"won","acv":{"amount":"60000.00","currency":"USD"}}}"#,
    r#"{"specversion":"1.0","id":"3","source":"/crm/a","type":"deal.reversed","subject":"p","program":"hr-software","time":"2026-02-02T09:00:00Z","data":{"deal_id":"d","reason":"x","amount":{"amount":"50000.00","currency":"USD"}}}"#,
    r#"{"specversion":"1.0","id":"4","source":"/crm/a","type":"deal.amended","subject":"p","program":"hr-software","time":"2026-02-03T09:00:00Z","data":{"deal_id":"d","acv":{"amount":"30000.00","currency":"USD"}}}"#,
];

fn simulate(args: &[&str], input: &[u8]) -> Output {
    let mut laurel = Command::new(LAUREL);
    laurel.args(["simulate", PROGRAM]).args(args);
    let piped = laurel.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("laurel starts");
    child.stdin.take().expect("an input").write_all(input).expect("written");
    child.wait_with_output().expect("it ends")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a history in a file comes to: exit code, points of `p`, what was said of it.
fn played(name: &str, history: &[u8]) -> (Option<i32>, i64, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join(name);
    std::fs::write(&file, history).expect("written");
    let output = simulate(&["--json", "--events", &file.display().to_string()], b"");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let points = json["partners"]["p"]["available"].as_i64().unwrap_or(-1);
    (output.status.code(), points, said(&output.stderr))
}

/// From a pipe, a history that was not in order was empty, and nothing said so.
#[test]
fn a_history_from_a_pipe_is_one_from_a_file() {
    let mut lines = HISTORY;
    for order in ["as it is", "turned round"] {
        let history = lines.join("\n");
        let piped = simulate(&["--json", "--events", "/dev/stdin"], history.as_bytes());
        let json: serde_json::Value = serde_json::from_slice(&piped.stdout).expect("JSON");
        assert_eq!(json["partners"]["p"]["available"], 500, "{order}");
        assert_eq!(played("history", history.as_bytes()).1, 500, "{order}");
        lines.reverse();
    }
}

#[test]
fn what_other_programs_write_around_lines_is_no_part_of_them() {
    let windows = format!("\u{feff}{}\r\n\r\n", HISTORY.join("\r\n"));
    assert_eq!(played("windows", windows.as_bytes()), (Some(0), 500, String::new()));
}

/// One byte that is no UTF-8 refused a whole history.
#[test]
fn what_is_no_event_is_told_by_its_line_and_left_out() {
    let mut bytes = HISTORY.join("\n").into_bytes();
    bytes.extend_from_slice(b"\n\xff\xfe\nno event\n");
    let (code, points, told) = played("bytes", &bytes);
    assert_eq!((code, points), (Some(1), 500), "{told}");
    assert!(told.contains("line 5: it is no UTF-8") && told.contains("line 6: "), "{told}");
    // Out of order, each is told once.
    let mut turned = b"no event\n".to_vec();
    turned.extend(HISTORY.iter().rev().flat_map(|line| line.bytes().chain([b'\n'])));
    let (code, points, told) = played("turned", &turned);
    assert_eq!((code, points, told.matches("line 1: ").count()), (Some(1), 500, 1), "{told}");
    let many = "no event\n".repeat(8);
    assert!(played("many", many.as_bytes()).2.contains("and 3 lines more"));
}

#[test]
fn what_cannot_be_played_says_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history");
    std::fs::write(&history, HISTORY.join("\n")).expect("written");
    let (history, here) = (history.display().to_string(), folder.path().display().to_string());
    let bad = [
        (vec!["--events", "/dev/null"], "has no events"),
        (vec!["--events", &here], "is a folder"),
        (vec!["--events", &history, "--until", "2026-02-01T00:00:00Z"], "lies before it"),
        (vec!["--events", &history, "--until", "2027-01-01"], "as 2027-01-01T00:00:00Z"),
        (vec!["--events", &history, "--until", "9999-12-31T00:00:00Z"], "of the years 2000 to 8999"),
    ];
    for (args, way_out) in bad {
        let output = simulate(&args, b"");
        let told = said(&output.stderr);
        assert!(!output.status.success() && told.contains(way_out), "{args:?}: {told}");
    }
    let none = Command::new(LAUREL).args(["simulate", "--generate", "--partners", "0"]).output().expect("it runs");
    assert!(!none.status.success() && said(&none.stderr).contains("--partners 1"), "{}", said(&none.stderr));
}

/// What was held and judged later was counted twice.
#[test]
fn every_event_has_one_outcome() {
    let late = [HISTORY[1], HISTORY[2], HISTORY[3], &HISTORY[0].replace("2026-01-05", "2026-02-05")].join("\n");
    let output = simulate(&["--json", "--events", "/dev/stdin"], late.as_bytes());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcomes = json["outcomes"].as_object().expect("outcomes");
    let sum: i64 = outcomes.values().filter_map(serde_json::Value::as_i64).sum();
    assert_eq!((&json["events"], sum, outcomes.contains_key("held")), (&4.into(), 4, false), "{json}");
}

/// Whoever read no further was told that all was well.
#[test]
fn an_output_that_is_cut_keeps_its_exit_code() {
    let cut = |args: &[&str], input: &str| {
        let mut laurel = Command::new(LAUREL);
        let piped = laurel.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().expect("laurel starts");
        drop(child.stdout.take());
        child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
        child.wait().expect("it ends").code()
    };
    let play = ["simulate", PROGRAM, "--json", "--events", "/dev/stdin"];
    assert_eq!(cut(&play, &HISTORY.join("\n")), Some(0));
    assert_eq!(cut(&play, "no event\n"), Some(1));
    assert_eq!(cut(&["check", "/dev/null", "--json"], ""), Some(1));
    assert_eq!(cut(&["check", PROGRAM], ""), Some(0));
}
