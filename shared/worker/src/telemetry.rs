//! Logs and metrics. No body, token or card code ever reaches either (I17).

use std::collections::BTreeMap;

use tracing_subscriber::EnvFilter;

/// Starts JSON logs on standard output, at the level of `RUST_LOG` or `info`.
pub fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let started =
        tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_env_filter(filter).try_init();
    if started.is_err() {
        tracing::debug!("logs were started before");
    }
}

/// Counts what became of a batch, one log line for all words; the metrics of the alarms are read from it.
pub fn count_outcomes(function: &str, counts: &BTreeMap<&'static str, usize>) {
    let summary = counts.iter().map(|(word, n)| format!("{word}={n}")).collect::<Vec<_>>().join(" ");
    tracing::info!(function, outcomes = summary, "batch done");
}
