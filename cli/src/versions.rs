//! `programs`: the versions of programs, what differs between them, and taking one back before it takes effect.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use event::Kind;
use event::ids::{PartnerId, ProgramId};
use jiff::Timestamp;
use serde::Serialize;
use similar::TextDiff;
use store::Store;
use store::programs::By;

use crate::arguments::reason;
use crate::connect::Connect;
use crate::file::read;
use crate::show::{shown, table};

/// The versions of programs.
#[derive(Subcommand)]
pub(crate) enum Versions {
    /// List the versions of every program, or of one.
    #[command(after_help = "Example:\n  laurel programs list --program hr-software")]
    List(List),
    /// Print the file of a version, as it was published.
    #[command(after_help = "Example:\n  laurel programs show hr-software 2 > hr-software.toml")]
    Show(Show),
    /// Show what differs between two versions, or between a version and a file.
    #[command(
        after_help = "Examples:\n  laurel programs diff hr-software 2\n  laurel programs diff hr-software 2 4\n  laurel programs diff hr-software 4 --file hr-software.toml\n\nExit code 1 if anything differs."
    )]
    Diff(Diff),
    /// Withdraw a version before it takes effect.
    #[command(
        after_help = "Example:\n  laurel programs withdraw hr-software 4 --reason \"the campaign is off\"\n\nIts number stays taken. A version in force is never withdrawn: publish another one."
    )]
    Withdraw(Withdraw),
}

impl Versions {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Versions::List(list) => list.run().await,
            Versions::Show(show) => show.run().await,
            Versions::Diff(diff) => diff.run().await,
            Versions::Withdraw(withdraw) => withdraw.run().await,
        }
    }
}

/// How a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// It takes effect later.
    Pending,
    /// By it is decided now.
    InForce,
    /// Another took over.
    Past,
    /// Another took effect at the same time or before, and stands above it: by it nothing is ever decided.
    NeverInForce,
    /// It was taken back.
    Withdrawn,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Standing::Pending => "pending",
            Standing::InForce => "in force",
            Standing::Past => "past",
            Standing::NeverInForce => "never in force",
            Standing::Withdrawn => "withdrawn",
        }
    }
}

/// One version, as its records say.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    program: String,
    pub(crate) number: u32,
    standing: Standing,
    pub(crate) effective_from: Timestamp,
    /// Until another takes over, as far as is published.
    until: Option<Timestamp>,
    published_at: Timestamp,
    published_by: String,
    /// Why it was published, as far as somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_by: Option<String>,
    /// Why it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_reason: Option<String>,
    pub(crate) content_hash: String,
    #[serde(skip)]
    file: String,
}

/// Every version of a program, oldest first.
pub(crate) async fn versions(store: &Store, program: &ProgramId) -> anyhow::Result<Vec<Listed>> {
    let records = engine::audit::whole_history(store, program, &PartnerId::program()).await?;
    let mut versions = BTreeMap::new();
    for record in &records {
        let number = record.decided_by;
        match record.happened() {
            Some(Kind::ProgramPublished { content_hash, effective_from, actor, reason, file, .. }) => {
                let listed = Listed {
                    program: program.to_string(),
                    number,
                    standing: Standing::NeverInForce,
                    effective_from,
                    until: None,
                    published_at: record.decided_at,
                    published_by: actor,
                    reason,
                    withdrawn_at: None,
                    withdrawn_by: None,
                    withdrawn_reason: None,
                    content_hash,
                    file: file.0,
                };
                versions.insert(number, listed);
            }
            Some(Kind::ProgramWithdrawn { actor, reason, .. }) => {
                if let Some(version) = versions.get_mut(&number) {
                    (version.withdrawn_at, version.withdrawn_by) = (Some(record.decided_at), Some(actor));
                    version.withdrawn_reason = reason;
                }
            }
            // A program's history has more in it than publications: budgets are funded there.
            _ => {}
        }
    }
    let mut versions: Vec<Listed> = versions.into_values().collect();
    stand(&mut versions, store.clock().now());
    Ok(versions)
}

/// Which version takes over when: the latest effective, and of two effective at once the later published.
fn stand(versions: &mut [Listed], now: Timestamp) {
    let mut order: Vec<usize> = (0..versions.len()).filter(|at| versions[*at].withdrawn_at.is_none()).collect();
    order.sort_by_key(|at| (versions[*at].effective_from, versions[*at].number));
    for (place, at) in order.iter().enumerate() {
        let until = order.get(place + 1).map(|next| versions[*next].effective_from);
        let version = &mut versions[*at];
        version.until = until;
        version.standing = match until {
            Some(until) if until == version.effective_from => Standing::NeverInForce,
            Some(until) if until <= now => Standing::Past,
            _ if version.effective_from > now => Standing::Pending,
            _ => Standing::InForce,
        };
    }
    for version in versions.iter_mut().filter(|version| version.withdrawn_at.is_some()) {
        version.standing = Standing::Withdrawn;
    }
}

/// Those of a program that take effect later.
pub(crate) async fn pending(store: &Store, program: &ProgramId) -> anyhow::Result<Vec<Listed>> {
    let mut all = versions(store, program).await?;
    all.retain(|version| version.standing == Standing::Pending);
    all.sort_by_key(|version| (version.effective_from, version.number));
    Ok(all)
}

/// The version that one takes over from which takes effect at an instant, with its file.
pub(crate) async fn taken_over(
    store: &Store,
    program: &ProgramId,
    at: Timestamp,
) -> anyhow::Result<Option<(u32, String)>> {
    let all = versions(store, program).await?.into_iter();
    let before = all.filter(|version| version.withdrawn_at.is_none() && version.effective_from <= at);
    let last = before.max_by_key(|version| (version.effective_from, version.number));
    Ok(last.map(|version| (version.number, version.file)))
}

/// Whether a person at the terminal says yes. Where there is none, `otherwise` says what to do.
pub(crate) fn asked(question: &str, otherwise: &str) -> anyhow::Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        bail!("{otherwise}");
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// List the versions of programs.
#[derive(Args)]
pub(crate) struct List {
    /// One program only.
    #[arg(long)]
    program: Option<String>,
    /// Print JSON, one version a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

impl List {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let ids = match &self.program {
            Some(program) => vec![program.clone()],
            None => store::programs::ids(&store).await?,
        };
        let mut rows = table(&["program", "version", "stands", "in force from", "until", "published", "by, and why"]);
        for id in ids {
            let versions = versions(&store, &ProgramId::try_from(id.as_str())?).await?;
            if versions.is_empty() {
                bail!("the program {id} has no version; `laurel publish FILE` publishes one");
            }
            for version in &versions {
                if self.json {
                    println!("{}", serde_json::to_string(version)?);
                    continue;
                }
                let why = |why: &Option<String>| why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                let mut by = format!("{}{}", version.published_by, why(&version.reason));
                if let (Some(at), Some(who)) = (&version.withdrawn_at, &version.withdrawn_by) {
                    let _ = write!(by, "; withdrawn {at:.0} by {who}{}", why(&version.withdrawn_reason));
                }
                let second = |at: Timestamp| format!("{at:.0}");
                rows.add_row(vec![
                    Cell::new(&version.program),
                    Cell::new(version.number),
                    Cell::new(version.standing.word()),
                    Cell::new(second(version.effective_from)),
                    Cell::new(version.until.map(second).unwrap_or_default()),
                    Cell::new(second(version.published_at)),
                    Cell::new(by),
                ]);
            }
        }
        if !self.json {
            println!("{}", shown(&rows));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One version of a program.
async fn one(store: &Store, program: &ProgramId, number: u32) -> anyhow::Result<Listed> {
    let found = versions(store, program).await?.into_iter().find(|version| version.number == number);
    found.with_context(|| format!("{program} has no version {number}; `laurel programs list` lists what there is"))
}

/// Print the file of a version.
#[derive(Args)]
pub(crate) struct Show {
    /// The program.
    program: String,
    /// The version's number.
    version: u32,
    #[command(flatten)]
    connect: Connect,
}

impl Show {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str())?;
        print!("{}", one(&store, &program, self.version).await?.file);
        Ok(ExitCode::SUCCESS)
    }
}

/// Show what differs.
#[derive(Args)]
pub(crate) struct Diff {
    /// The program.
    program: String,
    /// The version that is compared.
    version: u32,
    /// With which other version; the one that it takes over from if absent.
    #[arg(conflicts_with = "file")]
    with: Option<u32>,
    /// With a file that is not published.
    #[arg(long)]
    file: Option<PathBuf>,
    #[command(flatten)]
    connect: Connect,
}

impl Diff {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str())?;
        let this = one(&store, &program, self.version).await?;
        let named = |version: &Listed| format!("{program} version {}", version.number);
        let (before, after) = match (&self.file, self.with) {
            (Some(file), _) => {
                let text = read(file)?;
                ((named(&this), this.file), (file.display().to_string(), text))
            }
            (None, Some(with)) => {
                let other = one(&store, &program, with).await?;
                ((named(&this), this.file), (named(&other), other.file))
            }
            (None, None) => {
                let all = versions(&store, &program).await?;
                // What it takes over from; of one that never is in force, what was published before it.
                let before = all.iter().filter(|other| other.withdrawn_at.is_none() && other.number != this.number);
                let taken_over = before.clone().filter(|other| {
                    (other.effective_from, other.number) < (this.effective_from, this.number)
                        && other.standing != Standing::NeverInForce
                });
                let taken_over = taken_over.max_by_key(|other| (other.effective_from, other.number));
                let published = before.filter(|other| other.number < this.number).max_by_key(|other| other.number);
                let Some(other) = taken_over.or(published).cloned() else {
                    bail!("version {} is the first; name another to compare it with, or a --file", this.number);
                };
                ((named(&other), other.file), (named(&this), this.file))
            }
        };
        let diff = TextDiff::from_lines(&before.1, &after.1);
        print!("{}", diff.unified_diff().header(&before.0, &after.0));
        Ok(if before.1 == after.1 {
            println!("{} and {} are the same", before.0, after.0);
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Withdraw a version before it takes effect.
#[derive(Args)]
pub(crate) struct Withdraw {
    /// The program.
    program: String,
    /// The version's number.
    version: u32,
    /// Why, for those who look at the version later.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

impl Withdraw {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str())?;
        let actor = self.connect.actor()?;
        let by = By { actor: &actor, reason: self.reason.as_deref() };
        match store::programs::withdraw(&store, &program, self.version, by).await {
            Ok(from) => println!("{program}: version {} is withdrawn and does not take effect at {from}", self.version),
            Err(error) => bail!("{program}: nothing was withdrawn: {error}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
