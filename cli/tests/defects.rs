//! Defects of the command line that were found by trying, each mended: a test is named after what was found.

use std::process::{Command, Output, Stdio};

const LAUREL: &str = env!("CARGO_BIN_EXE_laurel");

fn laurel(args: &[&str]) -> Command {
    let mut command = Command::new(LAUREL);
    command.args(args).env_remove("AWS_ENDPOINT_URL");
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// An empty endpoint was a panic.
#[test]
fn e5_an_endpoint_that_is_none_is_an_error_in_one_line() {
    for endpoint in ["", "here", "127.0.0.1:4566/x y"] {
        let mut command = laurel(&["events", "--program", "hr-software", "--outcome", "held"]);
        let output = command.env("AWS_ENDPOINT_URL", endpoint).output().expect("laurel runs");
        let (code, error) = said(&output);
        assert_eq!(code, Some(1), "{endpoint:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains("no address of an endpoint"), "{endpoint:?}: {error}");
    }
}

/// A full disk below the output was a panic with a backtrace.
#[cfg(target_os = "linux")]
#[test]
fn e5_an_output_that_cannot_be_written_is_an_error_in_one_line() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let output = laurel(&["schema", "event", "deal.closed"]).stdout(Stdio::from(full)).output().expect("laurel runs");
    let (code, error) = said(&output);
    assert_eq!((code, error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.starts_with("error: the output cannot be written: "), "{error}");
}

/// A mistyped folder was made, and a token signed that no stack takes.
#[test]
fn c10_a_token_for_a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let mistyped = folder.path().join("mistyped");
    let data = mistyped.to_str().expect("text");
    let mut token = laurel(&["token", "--partner", "p", "--program", "hr-software", "--scope", "read", "--data", data]);
    let (code, error) = said(&token.output().expect("laurel runs"));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("there is no data folder"), "{error}");
    assert!(!mistyped.exists());
}
