//! `serve` and `token`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ambient::{Clock, Random};
use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use local::{Options, Stack, StartError, queues};

/// From when programs are in force that `serve` finds when it starts for the first time.
const FIRST_EFFECTIVE: &str = "2020-01-01T00:00:00Z";
/// The shipped programs, for a `serve` outside the repository.
const SHIPPED: [&str; 3] = [
    include_str!("../../infra/programs/apex.toml"),
    include_str!("../../infra/programs/hr-software.toml"),
    include_str!("../../infra/programs/perx.toml"),
];

/// Run the whole stack on this machine.
#[derive(Args)]
pub(crate) struct Serve {
    /// Where data lies. What was answered survives the end of the process, queues included; what a queue of notices holds does not.
    #[arg(long, env = "LAUREL_DATA", default_value_os_t = default_data())]
    data: PathBuf,
    /// Port of the HTTP API.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Port of the AWS endpoint.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Folder of program files to publish on the first start; infra/programs, or the shipped ones where there is none.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// How long a delivered message stays invisible, in seconds.
    #[arg(long, default_value_t = 10)]
    visibility_seconds: u64,
}

impl Serve {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let options = Options {
            data: Some(self.data.clone()),
            aws_port: self.aws_port,
            http_port: self.port,
            visibility: Duration::from_secs(self.visibility_seconds.max(1)),
            ..Options::default()
        };
        let stack = Stack::start(options).await.map_err(explain)?;
        let files = program_files(self.programs.as_deref())?;
        publish_missing(&stack, &files).await?;
        stack.set_ready();
        self.print(&stack).await?;
        told_to_stop().await?;
        println!("stopped; the data stays in {}", self.data.display());
        Ok(ExitCode::SUCCESS)
    }

    async fn print(&self, stack: &Stack) -> anyhow::Result<()> {
        let programs = store::programs::ids(&stack.store).await?.join(", ");
        println!("Laurel is up. Programs: {programs}. Data: {}", self.data.display());
        println!("  HTTP API      {}", stack.http_url());
        println!("  AWS endpoint  {} (DynamoDB, SQS)", stack.aws.endpoint());
        println!("  events go to  {}", stack.aws.queue_url(queues::PARTNER_EVENTS));
        println!("\nFor another AWS client:");
        println!(
            "  export AWS_ENDPOINT_URL={} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
            stack.aws.endpoint()
        );
        println!("\nA token for the API:");
        println!(
            "  cargo laurel token --partner partner-17 --program hr-software --scope read --scope redeem --data {}",
            self.data.display()
        );
        println!("\nCtrl-C stops it.");
        Ok(())
    }
}

/// Ctrl-C, or the signal by which a system or a supervisor ends a process.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn explain(error: StartError) -> anyhow::Error {
    let way_out = match &error {
        StartError::Port { .. } => Some("choose another with --port or --aws-port"),
        StartError::InUse(_) => Some("stop it, or give --data another folder"),
        _ => None,
    };
    match way_out {
        Some(way_out) => anyhow::anyhow!("{error}; {way_out}"),
        None => error.into(),
    }
}

/// Program files, each with its name: those of the folder, or where none is named those of `infra/programs`, or the shipped
/// ones.
pub(crate) fn program_files(folder: Option<&Path>) -> anyhow::Result<Vec<(String, String)>> {
    let entries = match (folder, std::fs::read_dir(folder.unwrap_or(Path::new("infra/programs")))) {
        (_, Ok(entries)) => entries,
        (None, Err(_)) => return Ok(SHIPPED.map(|text| ("a shipped program".to_owned(), text.to_owned())).to_vec()),
        (Some(folder), Err(error)) => bail!("--programs {} cannot be read: {error}", folder.display()),
    };
    let paths =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.extension().is_some_and(|x| x == "toml"));
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    paths.iter().map(read).collect()
}

/// Publishes the programs that have no version yet. A changed file is published by `publish`, never by a restart.
pub(crate) async fn publish_missing(stack: &Stack, files: &[(String, String)]) -> anyhow::Result<()> {
    let known = store::programs::ids(&stack.store).await?;
    let from: Timestamp = FIRST_EFFECTIVE.parse()?;
    for (name, file) in files {
        let program = guide::to_publish(file).map_err(|found| {
            let first = found.first().map(|d| format!("line {}: {}", d.line, d.message)).unwrap_or_default();
            anyhow::anyhow!("{name} is not in good form ({first}); see `cargo laurel check {name}`")
        })?;
        if !known.contains(&program.id.to_string()) {
            store::programs::publish(&stack.store, file, Some(from), "laurel serve").await?;
        }
    }
    Ok(())
}

/// Print a development token for `serve`, and nothing else.
#[derive(Args)]
pub(crate) struct Token {
    /// The partner it is for; none for senders and the vendor's staff.
    #[arg(long)]
    partner: Option<String>,
    /// The program.
    #[arg(long)]
    program: String,
    /// What it allows: read, redeem, ingest, admin. Give it once for each.
    #[arg(long = "scope", required = true, value_parser = ["read", "redeem", "ingest", "admin"])]
    scopes: Vec<String>,
    /// A source under which it may send events, as /crm/acme or /crm/*; any where none is given. Give it once for each.
    #[arg(long = "source")]
    sources: Vec<String>,
    /// The data folder of `serve`, which holds the key.
    #[arg(long, env = "LAUREL_DATA", default_value_os_t = default_data())]
    data: PathBuf,
}

impl Token {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        if !self.data.is_dir() {
            anyhow::bail!(
                "there is no data folder {}; name that of `serve` with --data, or start `cargo laurel serve` first",
                self.data.display()
            );
        }
        self.check_program().await?;
        let tokens = local::Tokens::of_folder(&self.data, Clock::system(), &Random::system())?;
        if self.partner.as_deref().is_some_and(|partner| partner.starts_with('@')) {
            bail!("ids that begin with @ are Laurel's own; name a partner");
        }
        println!("{}", tokens.sign_for(self.partner.as_deref(), &self.program, &self.scopes, &self.sources)?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Token {
    /// That there is the program, where `serve` runs and can say so: a token for none opens nothing.
    async fn check_program(&self) -> anyhow::Result<()> {
        let Some(clients) = local::clients_of_folder(&self.data) else { return Ok(()) };
        let store = local::open_store(&clients, Clock::system(), Random::system());
        let Ok(known) = store::programs::ids(&store).await else { return Ok(()) };
        if !known.contains(&self.program) {
            bail!("there is no program `{}`; published here: {}", self.program, known.join(", "));
        }
        Ok(())
    }
}

/// Where the data of `serve` lies when nothing is said.
fn default_data() -> PathBuf {
    PathBuf::from(".laurel")
}
