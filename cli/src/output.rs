//! The output, and how a command ends that writes to it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether what is being printed is of something that failed.
static FAILED: AtomicBool = AtomicBool::new(false);

/// The exit code of what is printed next, which it has also if nobody reads it to its end.
pub(crate) fn verdict(good: bool) -> ExitCode {
    FAILED.store(!good, Ordering::Relaxed);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Ends quietly when whoever reads the output has read enough, as `laurel statement ... | head` does, and in one line where the
/// output cannot be written.
pub(crate) fn end_with_it() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let why = info.payload_as_str().unwrap_or_default();
        if why.contains("Broken pipe") {
            std::process::exit(FAILED.load(Ordering::Relaxed).into());
        }
        if let Some(why) = why.strip_prefix("failed printing to stdout: ") {
            eprintln!("error: the output cannot be written: {why}");
            std::process::exit(1);
        }
        usual(info);
    }));
}
