//! `laurel`: the command line.

mod arguments;
mod audit;
mod budgets;
mod codes;
mod connect;
mod demo;
mod describe;
mod events;
mod everybody;
mod exclusivity;
mod export;
mod file;
mod interest;
mod leaderboard;
mod onboarding;
mod output;
mod payouts;
mod programs;
mod rebuild;
mod redrive;
mod schema;
mod serve;
mod show;
mod simulate;
mod suspects;
mod tiers;
mod torture;
mod versions;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Points, tiers and rewards for channel partners, from events to gift cards.
#[derive(Parser)]
#[command(name = "laurel", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the sample events on an engine in this process: events, points, tiers, a redeemed gift card, and the reasons.
    #[command(after_help = "Examples:\n  laurel demo\n  laurel demo --torture --seed 7")]
    Demo(demo::Demo),
    /// Run the whole stack on this machine: an AWS endpoint (DynamoDB, SQS) and the HTTP API, both on loopback.
    #[command(after_help = "Example:\n  laurel serve --data .laurel")]
    Serve(serve::Serve),
    /// Print a development token for `serve`, and nothing else.
    #[command(
        after_help = "Example:\n  TOKEN=$(laurel token --partner partner-17 --program hr-software --scope read --scope redeem)"
    )]
    Token(serve::Token),
    /// Parse and lint a program file.
    #[command(after_help = "Example:\n  laurel check infra/programs/hr-software.toml")]
    Check(programs::Check),
    /// Play a history of events by a program file, in memory: what everybody would have.
    #[command(
        after_help = "Example:\n  laurel simulate --generate > year.jsonl\n  laurel simulate infra/programs/hr-software.toml --events year.jsonl\n\nExit code 1 if a line cannot be read."
    )]
    Simulate(simulate::Simulate),
    /// Publish a program file as its program's next version.
    #[command(
        after_help = "Example:\n  laurel publish infra/programs/hr-software.toml --effective-from 2027-01-01T00:00:00Z --reason \"The new year's points\""
    )]
    Publish(programs::Publish),
    /// The versions of programs: list, show, compare, withdraw.
    #[command(subcommand)]
    Programs(versions::Versions),
    Describe(describe::Describe),
    /// JSON Schemas for editors and senders.
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Show a partner's statement: every movement of points and money, newest first.
    #[command(after_help = "Example:\n  laurel statement partner-17 --program hr-software")]
    Statement(events::Statement),
    /// Explain what became of one event, rule by rule.
    #[command(after_help = "Example:\n  laurel explain partner-17 /crm/acme crm-8841-won")]
    Explain(events::Explain),
    /// List events that need a person.
    #[command(after_help = "Example:\n  laurel events --outcome conflict")]
    Events(events::Events),
    /// Prove that every account is what its records add up to, and that the records hold their invariants.
    #[command(
        after_help = "Examples:\n  laurel audit --program hr-software\n  laurel export --to laurel.jsonl && laurel audit --from laurel.jsonl\n\nExit code 1 if anything is found."
    )]
    Audit(audit::Audit),
    /// Write everything that an audit looks at into a file, to be kept and audited elsewhere.
    #[command(after_help = "Example:\n  laurel export --to laurel.jsonl --aws\n\nOne that was cut short goes on.")]
    Export(export::Export),
    /// Write the state anew from the ledger alone, and say what no record holds.
    #[command(
        after_help = "Example:\n  laurel rebuild --ledger-table laurel.ledger.r1 --state-table laurel.state.r1 --aws\n\nExit code 1 if something does not add up."
    )]
    Rebuild(rebuild::Rebuild),
    /// Send what a queue put aside, after too many deliveries that failed, to be delivered again.
    #[command(
        after_help = "Example:\n  laurel redrive partner-events\n  laurel redrive --aws https://sqs.eu-west-1.amazonaws.com/1234/laurel-partner-events"
    )]
    Redrive(redrive::Redrive),
    /// Commission payouts: run, list, file, cancel.
    #[command(subcommand)]
    Payouts(payouts::Payouts),
    /// Budgets: list, fund, reduce.
    #[command(subcommand)]
    Budgets(budgets::Budgets),
    /// Who stands where on each ladder, and how many would pass a review as things are.
    #[command(
        after_help = "Examples:\n  laurel tiers --program hr-software\n  laurel tiers --program hr-software --file next.toml"
    )]
    Tiers(tiers::Tiers),
    /// Which territories and verticals are one partner's alone, and whose.
    #[command(after_help = "Example:\n  laurel exclusivity --program perx")]
    Exclusivity(exclusivity::Exclusivity),
    #[command(after_help = "Example:\n  laurel interest --program hr-software --since 2026-01-01")]
    Interest(interest::Interest),
    /// Partners beside each other by what a challenge measures, as things are.
    #[command(
        after_help = "Example:\n  laurel leaderboard --program hr-software --challenge deals-of-the-quarter --period 2026-Q2"
    )]
    Leaderboard(leaderboard::Leaderboard),
    /// List awards that look like gaming, and are held until somebody has looked at them.
    Suspects(suspects::Suspects),
    #[command(after_help = "Example:\n  laurel onboarding --program apex --since 2026-01-01")]
    Onboarding(onboarding::Onboarding),
    /// Voucher card codes.
    #[command(subcommand)]
    Codes(codes::Codes),
}

fn main() -> ExitCode {
    output::end_with_it();
    let command = Cli::parse().command;
    // What a torture does to the functions is told by itself, and not by each of them.
    let usual = if matches!(&command, Command::Demo(demo) if demo.is_torture()) { "off" } else { "error" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error} ({logs:?})");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(command));
    // A stack that is stopped has nothing left to wait for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Token(token) => token.run().await,
        Command::Check(check) => check.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Describe(describe) => describe.run(),
        Command::Schema(schema) => schema.run(),
        Command::Programs(versions) => versions.run().await,
        Command::Publish(publish) => publish.run().await,
        Command::Statement(statement) => statement.run().await,
        Command::Explain(explain) => explain.run().await,
        Command::Events(events) => events.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Export(export) => export.run().await,
        Command::Rebuild(rebuild) => rebuild.run().await,
        Command::Redrive(redrive) => redrive.run().await,
        Command::Payouts(payouts) => payouts.run().await,
        Command::Tiers(tiers) => tiers.run().await,
        Command::Exclusivity(exclusivity) => exclusivity.run().await,
        Command::Interest(interest) => interest.run().await,
        Command::Leaderboard(leaderboard) => leaderboard.run().await,
        Command::Suspects(suspects) => suspects.run().await,
        Command::Onboarding(onboarding) => onboarding.run().await,
        Command::Budgets(budgets) => budgets.run().await,
        Command::Codes(codes) => codes.run().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Every command that does something, by the words that call it.
    fn commands(of: &clap::Command, called: &str, found: &mut Vec<(String, clap::Command)>) {
        for command in of.get_subcommands().filter(|command| command.get_name() != "help") {
            let called = format!("{called} {}", command.get_name());
            if command.has_subcommands() {
                commands(command, &called, found);
            } else {
                found.push((called, command.clone()));
            }
        }
    }

    /// A line of an example as a shell would hand it over: what follows on the line is for the shell, or said beside it.
    fn arguments(line: &str) -> Vec<String> {
        let line = line.split("     ").next().unwrap_or_default();
        let ends = [" > ", " && "].iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
        // Quotes hold words together.
        let mut words = vec![String::new()];
        for (place, part) in line[..ends].trim_end_matches(')').split('"').enumerate() {
            let mut first = true;
            let words_of: Vec<&str> = if place % 2 == 0 { part.split(' ').collect() } else { vec![part] };
            for word in words_of {
                if !first {
                    words.push(String::new());
                }
                first = false;
                words.last_mut().expect("a word").push_str(word);
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    /// Whoever asks for help finds an example that can be typed so, the README tells of every command, and a test runs it.
    #[test]
    fn every_command_has_an_example_a_line_in_the_readme_and_a_test() {
        let mut found = Vec::new();
        commands(&Cli::command(), "laurel", &mut found);
        assert!(found.len() > 30, "{}", found.len());
        let readme = include_str!("../../README.md");
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).expect("tests");
        let tests: String = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok()).collect();
        for (called, command) in found {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let typed: Vec<&str> =
                help.lines().filter_map(|line| line.split_once("laurel ")).map(|(_, line)| line).collect();
            assert!(help.contains("Example") && !typed.is_empty(), "`{called} --help` has no example");
            for line in typed {
                let line = format!("laurel {line}");
                let taken = Cli::try_parse_from(arguments(&line));
                assert!(
                    taken.is_ok(),
                    "`{called}`: {line}: {}",
                    taken.err().map(|error| error.to_string()).unwrap_or_default()
                );
            }
            assert!(readme.contains(&format!("`{called}`")), "the README does not tell of `{called}`");
            for word in called.split(' ').skip(1) {
                assert!(tests.contains(&format!("\"{word}\"")), "no test in cli/tests runs `{called}`");
            }
        }
    }
}
