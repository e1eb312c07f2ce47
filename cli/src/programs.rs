//! `check` and `publish`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use domain::decide::budgets;
use guide::describe::describe;
use guide::story::Ground;
use guide::witness::Witness;
use guide::{Found, Stands};
use jiff::Timestamp;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use program::{Code, Diagnostic, Program, Programs, Severity, Version, breaks, leaps};
use store::Store;
use store::deals::InFlight;
use store::programs::{By, PublishError, Published};

use crate::arguments::{instant, reason};
use crate::budgets::first_funded;
use crate::connect::Connect;
use crate::file::read;
use crate::output::verdict;
use crate::versions;

/// Parse and lint a program file.
#[derive(Args)]
pub(crate) struct Check {
    /// The program file.
    file: PathBuf,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Let warnings fail too.
    #[arg(long)]
    strict: bool,
    /// The file as it was before: says which rules give many times as much, or as little.
    #[arg(long)]
    against: Option<PathBuf>,
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match read(&self.file) {
            Ok(text) => text,
            Err(error) if self.json => {
                let found = serde_json::json!([{
                    "severity": Severity::Error, "code": Code::Unreadable, "message": format!("{error:#}"),
                    "help": "name a file that is there", "span": { "start": 0, "end": 0 }, "line": 1, "column": 1,
                }]);
                let verdict = verdict(false);
                println!("{}", serde_json::to_string_pretty(&found)?);
                return Ok(verdict);
            }
            Err(error) => return Err(error),
        };
        let mut found = guide::check(&text);
        if let (Some(against), Ok(program)) = (&self.against, Program::parse(&text)) {
            let ground = |text: &str, file: &Path| {
                Ground::of(text).map_err(|_| anyhow!("{} is in bad form itself", file.display()))
            };
            let (before, after) = (ground(&read(against)?, against)?, ground(&text, &self.file)?);
            let broken = breaks(before.program(), &program, &text);
            if broken.is_empty() {
                let leaps = leaps(before.program(), &program, &text).into_iter();
                found.extend(leaps.map(|leap| guide::leapt(leap, Some(&before), &after)));
            }
            found.splice(0..0, broken.into_iter().map(|finding| guide::shown(finding, None)));
        }
        let errors = found.iter().filter(|d| d.finding.severity == Severity::Error || self.strict).count();
        let verdict = verdict(errors == 0);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            report(&self.file, &text, found.iter().map(|one| (&one.finding, one.witness.as_ref())));
            if found.is_empty() {
                println!("{}: in good form", self.file.display());
            }
        }
        Ok(verdict)
    }
}

/// Publish a program file as its program's next version.
#[derive(Args)]
pub(crate) struct Publish {
    /// The program file.
    file: PathBuf,
    /// From when it is in force, as 2027-01-01T00:00:00Z; as soon as every function can know it if absent.
    #[arg(long, value_parser = instant)]
    effective_from: Option<Timestamp>,
    /// Why, for those who look at the version later.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// Publish without asking, also where versions are pending or points leap.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Publish {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let text = read(&self.file)?;
        let store = self.connect.store().await?;
        if let Err(found) = guide::to_publish(&text) {
            report(&self.file, &text, found.iter().map(|one| (one, None)));
            bail!("{} was not published; the version in force is untouched", self.file.display());
        }
        if !self.agreed(&store, &text).await? {
            bail!("{} was not published", self.file.display());
        }
        let actor = self.connect.actor()?;
        let by = By { actor: &actor, reason: self.reason.as_deref() };
        match store::programs::publish(&store, &text, self.effective_from, by).await {
            Ok(done) if done.is_new => {
                println!(
                    "{}: version {} is in force from {} (content {})",
                    done.program,
                    done.number,
                    done.effective_from,
                    &done.hash[..16]
                );
                self.note_what_surprises(&store, &done).await?;
            }
            Ok(done) => {
                println!(
                    "{}: this is version {} already, in force from {}; nothing was published{}",
                    done.program,
                    done.number,
                    done.effective_from,
                    if self.reason.is_some() { ", and the reason is not kept" } else { "" }
                );
                if done.effective_from > store.clock().now() {
                    println!(
                        "note: to have it earlier, name a time with --effective-from; `laurel programs withdraw {} {}` takes it back",
                        done.program, done.number
                    );
                }
            }
            Err(PublishError::Invalid(found)) => {
                report(&self.file, &text, found.iter().map(|one| (one, None)));
                bail!("{} was not published; the version in force is untouched", self.file.display());
            }
            Err(error) => bail!("{} was not published: {error}", self.file.display()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Publish {
    /// Names the versions that take effect later and rules that leap, and asks whether to publish all the same.
    async fn agreed(&self, store: &Store, text: &str) -> anyhow::Result<bool> {
        // A file in bad form is told as such.
        let Ok(program) = Program::parse(text) else { return Ok(true) };
        let hash = Version::content_hash(text);
        let pending = versions::pending(store, &program.id).await?;
        let others: Vec<_> = pending.iter().filter(|version| version.content_hash != hash).collect();
        for version in &others {
            eprintln!(
                "{}: version {} is pending and takes over from {} on; `laurel programs withdraw {} {}` takes it back",
                program.id, version.number, version.effective_from, program.id, version.number
            );
        }
        let now = store.clock().now();
        let at = self.effective_from.unwrap_or(now);
        let Some((number, before)) = versions::taken_over(store, &program.id, at).await? else {
            return self.is_meant(others.is_empty());
        };
        eprintln!("{}: compared with version {number}, which it takes over from", program.id);
        tell_changes(text, &before);
        self.tell_deals(store, &program, &before).await?;
        tell_pauses(&program, &before, at);
        let (old, after) = (Ground::of(&before).ok(), Ground::of(text));
        // What was published by rules of old may be no file of today's: its figures are compared all the same.
        let leaps = Program::published(&before).map_err(anyhow::Error::msg);
        let leaps = leaps.map(|was| ::program::leaps(&was, &program, text))?;
        if let Ok(after) = &after {
            let told: Vec<Found> = leaps.iter().map(|leap| guide::leapt(leap.clone(), old.as_ref(), after)).collect();
            report(&self.file, text, told.iter().map(|one| (&one.finding, one.witness.as_ref())));
        }
        if let (Some(known), Ok(after)) = (store::programs::read(store, &program.id).await?, &after) {
            let spent = soon_spent(store, &known, (old.as_ref(), after), text).await?;
            report(&self.file, text, spent.iter().map(|finding| (finding, None)));
        }
        self.is_meant(others.is_empty() && leaps.is_empty())
    }

    /// Whether to publish, where something may not be meant.
    fn is_meant(&self, is_plain: bool) -> anyhow::Result<bool> {
        if self.yes || is_plain {
            return Ok(true);
        }
        let otherwise = "look at what is said above; publish with --yes if it is meant; nothing was published";
        versions::asked("Publish it all the same?", otherwise)
    }

    /// Says which deals are on their way, and by which version each of them goes.
    async fn tell_deals(&self, store: &Store, program: &Program, before: &str) -> anyhow::Result<()> {
        let InFlight { open, partners, won } = store::deals::in_flight(store, &program.id).await?;
        let from =
            self.effective_from.map_or("once this version is in force".to_owned(), |from| format!("from {from} on"));
        if open > 0 {
            eprintln!(
                "{}, of {}: this version rates those that close {from}",
                count(open, "open deal"),
                count(partners, "partner")
            );
        }
        if won > 0 {
            eprintln!("{}: corrections go by the version that each of them earned by", count(won, "won deal"));
            let before = Program::parse(before).ok();
            let by_invoice = |program: &Program| program.rules_on("invoice.paid").next().is_some();
            if by_invoice(program) || before.as_ref().is_some_and(by_invoice) {
                eprintln!("what their customers pay {from} goes by this version");
            }
        }
        Ok(())
    }

    /// Says what nobody expects: that a first version reaches no further back, and that an earlier one takes over later.
    async fn note_what_surprises(&self, store: &Store, done: &Published) -> anyhow::Result<()> {
        if done.number == 1 && self.effective_from.is_none() {
            println!(
                "note: what happened before {} is refused, for ever; only a first version may reach back, with --effective-from",
                done.effective_from
            );
        }
        let pending = versions::pending(store, &done.program.as_str().try_into()?).await?;
        for version in pending.iter().filter(|version| version.number < done.number) {
            if version.effective_from > done.effective_from {
                println!(
                    "note: version {}, published earlier, takes over from {} on",
                    version.number, version.effective_from
                );
            }
        }
        Ok(())
    }
}

/// Says where a pause reaches back before the version that says it: what happens until then goes by the version before.
fn tell_pauses(program: &Program, before: &str, at: Timestamp) {
    let before = Program::parse(before).ok();
    let day = program.calendar.day(at);
    for rule in program.rules.values() {
        let Some(pause) = rule.paused.as_ref().filter(|pause| pause.from < day) else { continue };
        let was = before.as_ref().and_then(|before| before.rules.get(&rule.id));
        if was.is_some_and(|was| was.paused_on(pause.from).is_none()) {
            eprintln!(
                "note: `{}` is paused from {} on, and this version takes effect on {day}: what happens before goes by the version before, paused or not",
                rule.id, pause.from
            );
        }
    }
}

fn count(of: usize, what: &str) -> String {
    if of == 1 { format!("1 {what}") } else { format!("{of} {what}s") }
}

/// Budgets of which nothing is left within a month, at the pace at which they are drawn on and by what their rules give from now on.
async fn soon_spent(
    store: &Store,
    known: &Programs,
    (before, after): (Option<&Ground>, &Ground),
    text: &str,
) -> anyhow::Result<Vec<Diagnostic>> {
    let now = store.clock().now();
    let current = &known.current(now).program;
    let all = budgets(known, now, None);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let stored = store::state::pools(store, &current.id, all.iter().flat_map(|of| of.parts.clone())).await?;
    let first = first_funded(store, &current.id).await?;
    let stand = all.into_iter().filter_map(|of| {
        let funded = *first.get(&of.pool)?;
        Some(Stands { balance: of.balance(&stored), of, funded })
    });
    Ok(guide::soon_spent(before, (after, text), &stand.collect::<Vec<_>>(), current.calendar.day(now)))
}

/// Says what changes for partners against the file in force.
fn tell_changes(text: &str, before: &str) {
    // What was published by rules of old may be no page of today's.
    if let (Ok(page), Ok(before)) = (describe(text), describe(before)) {
        let changes = page.against(&before);
        if !changes.sections.is_empty() {
            eprintln!("{}", changes.markdown());
        }
    }
}

/// Prints findings with file, line, column and caret, and below each the story that shows it.
fn report<'f>(file: &Path, text: &str, found: impl Iterator<Item = (&'f Diagnostic, Option<&'f Witness>)>) {
    for (one, witness) in found {
        let severity =
            if one.severity == Severity::Error { miette::Severity::Error } else { miette::Severity::Warning };
        let length = one.span.len().max(1);
        let label = LabeledSpan::at(one.span.start..one.span.start + length, "here");
        let code = serde_json::to_value(one.code).unwrap_or_default();
        let mut diagnostic = MietteDiagnostic::new(one.message.clone()).with_severity(severity).with_label(label);
        diagnostic = diagnostic.with_code(code.as_str().unwrap_or_default());
        if let Some(help) = &one.help {
            diagnostic = diagnostic.with_help(help.clone());
        }
        let source = NamedSource::new(file.display().to_string(), text.to_owned());
        eprintln!("{:?}", Report::new(diagnostic).with_source_code(source));
        if let Some(witness) = witness {
            eprintln!("{}", told(witness));
        }
    }
}

/// Most events of a story that are shown.
const EVENTS_SHOWN_MAX: usize = 30;

/// A story as lines: what happens, and what comes of it, by its days.
fn told(witness: &Witness) -> String {
    let mut text = format!("  for example, {}:\n", witness.shows);
    let mut ledger = witness.ledger.iter().peekable();
    for (at, step) in witness.events.iter().enumerate() {
        while let Some(line) = ledger.next_if(|line| line.on < step.on) {
            let _ = writeln!(text, "      {line}");
        }
        if at < EVENTS_SHOWN_MAX {
            let _ = writeln!(text, "    {step}");
        } else if at == EVENTS_SHOWN_MAX {
            let _ = writeln!(text, "    and {} more", witness.events.len() - EVENTS_SHOWN_MAX);
        }
    }
    for line in ledger {
        let _ = writeln!(text, "      {line}");
    }
    text
}
