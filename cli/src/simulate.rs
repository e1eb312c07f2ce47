//! `simulate`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use comfy_table::{Cell, CellAlignment};
use domain::ledger::{Account, Asset, Balance};
use domain::tell::commissions;
use event::ids::ProgramId;
use event::{Event, Unreadable};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use program::{Programs, Version};
use replay::{MIX, Replay, Year};
use serde_json::json;

use crate::arguments::instant;
use crate::file::program_of;
use crate::output::verdict;
use crate::show::{number, shown, table};

/// Play a history of events by a program file, in memory: what everybody would have.
///
/// A history is a file with one event on each line, as senders send them. They are decided in the order of their own time, each at
/// that time, by the code that decides on AWS. What waits (for an enrolment, a deal) is judged in the order in which it came; a queue
/// may bring it in another, so that caps which it shares may fall differently there. Two runs of one history by one file end in the same digest.
#[derive(Args)]
pub(crate) struct Simulate {
    /// The program file.
    #[arg(required_unless_present = "generate", conflicts_with = "generate")]
    file: Option<PathBuf>,
    /// The history.
    #[arg(long, required_unless_present = "generate", conflicts_with = "generate")]
    events: Option<PathBuf>,
    /// Bring every account to this instant at the end; to the last event where it is left out.
    #[arg(long, conflicts_with = "generate", value_parser = instant)]
    until: Option<Timestamp>,
    /// How many partners are shown, those with the most points first.
    #[arg(long, default_value_t = 20, conflicts_with = "generate")]
    top: usize,
    /// Print JSON, every partner in it.
    #[arg(long, conflicts_with = "generate")]
    json: bool,
    /// Write a made-up year of events to the output instead.
    #[arg(long)]
    generate: bool,
    /// The program the events are made for.
    #[arg(long, default_value = "hr-software", requires = "generate")]
    program: String,
    /// How many events.
    #[arg(long, default_value_t = 100_000, requires = "generate")]
    count: u64,
    /// How many partners.
    #[arg(long, default_value_t = 600, requires = "generate")]
    partners: u64,
    /// The year's first instant.
    #[arg(long, default_value = "2026-01-01T00:00:00Z", requires = "generate", value_parser = instant)]
    from: Timestamp,
    /// Another seed, another year.
    #[arg(long, default_value_t = 1, requires = "generate")]
    seed: u64,
}

impl Simulate {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (Some(file), Some(events)) = (&self.file, &self.events) else { return self.generate() };
        let (program, text) = program_of(file)?;
        let version = Version {
            number: 1,
            hash: Version::content_hash(&text),
            effective_from: Timestamp::MIN,
            program: Arc::new(program),
        };
        let programs = Programs::new(vec![version]).context("one version")?;
        let began = ambient::Clock::system();
        let started = began.now();
        let mut played = Played::of(&programs, &History::of(events)?)?;
        if played.replay.tally().events == 0 && played.unreadable == 0 {
            bail!("{} has no events: write one on each line, as {EXAMPLE}", events.display());
        }
        if let Some(until) = self.until.filter(|until| *until < played.last) {
            bail!("the last event is of {}, and --until {until} lies before it", played.last);
        }
        played.replay.bring_to(self.until.unwrap_or(played.last))?;
        let took = Duration::try_from(began.now().duration_since(started)).unwrap_or_default();
        let verdict = verdict(played.unreadable == 0);
        for (place, what) in &played.told {
            eprintln!("line {place}: {what}");
        }
        if played.unreadable > SHOWN_MAX {
            eprintln!("and {} lines more", played.unreadable - SHOWN_MAX);
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&played.json())?);
        } else {
            played.print(file, events, self.top, took);
        }
        Ok(verdict)
    }

    fn generate(&self) -> anyhow::Result<ExitCode> {
        if self.partners == 0 {
            bail!("a year of no partners has nothing that counts; ask for --partners 1 or more");
        }
        let program = ProgramId::try_from(self.program.as_str()).map_err(|error| anyhow!("--program {error}"))?;
        if self.partners >= self.count {
            bail!("{} events enrol no more than {} partners and do nothing else; ask for more", self.count, self.count);
        }
        let (program, from) = (program.to_string(), self.from);
        let year = Year { program, from, partners: self.partners, events: self.count, seed: self.seed };
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let written = year.lines().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
        match written {
            // Whoever reads has read enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            written => written.context("the output cannot be written")?,
        }
        let mix = MIX.map(|(kind, share)| format!("{kind} {}.{} %", share / 10, share % 10));
        eprintln!("{} events of {} partners: {}", self.count, self.partners, mix.join(", "));
        Ok(ExitCode::SUCCESS)
    }
}

/// A line as it was read: its place, and the event.
type Line = (u64, Result<Event, Unreadable>);

/// So many lines go from the thread that reads to the one that decides at once.
const BATCH: usize = 512;
/// So many unreadable lines are shown.
const SHOWN_MAX: u64 = 5;

struct Played {
    replay: Replay,
    /// The time of the last event.
    last: Timestamp,
    /// Lines that are no events, or another program's.
    unreadable: u64,
    /// The first of them, with what is wrong.
    told: Vec<(u64, String)>,
}

/// An event as a line of a history.
const EXAMPLE: &str = "`laurel simulate --generate` does";

/// A history on disk: what is no file there, a pipe or the standard input, is written to one first.
struct History {
    name: PathBuf,
    path: PathBuf,
    /// Removed when it is read no more.
    _spooled: Option<tempfile::NamedTempFile>,
}

impl History {
    fn of(name: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{} cannot be read", name.display());
        let mut file = File::open(name).with_context(cannot)?;
        let kind = file.metadata().with_context(cannot)?;
        if kind.is_dir() {
            bail!("{} is a folder; name a file with one event on each line", name.display());
        }
        if kind.is_file() {
            return Ok(Self { name: name.to_owned(), path: name.to_owned(), _spooled: None });
        }
        let mut spooled = tempfile::NamedTempFile::new().context("no room for a copy of the history")?;
        std::io::copy(&mut file, &mut spooled).with_context(cannot)?;
        Ok(Self { name: name.to_owned(), path: spooled.path().to_owned(), _spooled: Some(spooled) })
    }
}

/// The next line into `bytes`, and how many it has with its end; `None` behind the last.
fn next_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    bytes.clear();
    let length = reader.read_until(b'\n', bytes)?;
    Ok((length > 0).then_some(length))
}

/// A line as it is read: without what a program for Windows writes before the first, and after each.
fn parsed(programs: &Programs, place: u64, bytes: &[u8]) -> Result<Event, Unreadable> {
    let bytes = if place == 1 { bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes) } else { bytes };
    match std::str::from_utf8(bytes) {
        // How far ahead an event may be is asked where it is sent.
        Ok(line) => programs.parse(line.trim_end(), Timestamp::MAX, Timestamp::MAX),
        Err(error) => {
            let offset = Some(error.valid_up_to());
            Err(Unreadable::Quarantined { reason: "it is no UTF-8".to_owned(), offset })
        }
    }
}

impl Played {
    fn of(programs: &Programs, history: &History) -> anyhow::Result<Self> {
        let mut played = Self::new(programs);
        if played.all(programs, in_file_order(programs, history)?)? {
            return Ok(played);
        }
        eprintln!("note: {} is not in the order of time; it is sorted first", history.name.display());
        let mut played = Self::new(programs);
        played.all(programs, in_time_order(programs, history)?)?;
        Ok(played)
    }

    fn new(programs: &Programs) -> Self {
        Self { replay: Replay::new(programs.clone()), last: Timestamp::MIN, unreadable: 0, told: Vec::new() }
    }

    /// Takes every event. False if one is older than the one before it.
    fn all(&mut self, programs: &Programs, lines: Lines) -> anyhow::Result<bool> {
        let program = &programs.all()[0].program.id;
        for batch in lines.batches {
            let mut bytes = 0;
            for (length, (place, read)) in batch? {
                bytes += length;
                let event = match read {
                    Ok(event) if event.identity.program == *program => event,
                    Ok(event) => {
                        let named = &event.identity.program;
                        self.tell(place, &format!("an event of program `{named}`, where the file is of `{program}`"));
                        continue;
                    }
                    Err(Unreadable::Quarantined { reason, .. }) => {
                        self.tell(place, &reason);
                        continue;
                    }
                    Err(Unreadable::Rejected { rejection, .. }) => {
                        self.tell(place, &format!("{}: {}", rejection.field, rejection.message));
                        continue;
                    }
                };
                if event.time < self.last && !self.replay.has_seen(&event) {
                    return Ok(false);
                }
                self.last = self.last.max(event.time);
                self.replay.take(event).with_context(|| format!("line {place}"))?;
            }
            lines.bar.inc(bytes);
        }
        lines.bar.finish_and_clear();
        Ok(true)
    }

    fn tell(&mut self, place: u64, what: &str) {
        self.unreadable += 1;
        if self.unreadable <= SHOWN_MAX {
            self.told.push((place, what.to_owned()));
        }
    }

    fn json(&self) -> serde_json::Value {
        let tally = self.replay.tally();
        let partner = |account: &Account| {
            let balance = account.balance();
            let tiers: BTreeMap<_, _> =
                account.head.tiers.iter().map(|(motion, held)| (motion.to_string(), held.tier.to_string())).collect();
            json!({ "available": balance.available, "pending": balance.pending, "reserved": balance.reserved, "owed": balance.owed, "commissions": commissions(account), "tiers": tiers })
        };
        let partners: BTreeMap<_, _> =
            self.replay.accounts().iter().map(|(id, account)| (id.to_string(), partner(account))).collect();
        let withheld: BTreeMap<_, _> =
            tally.withheld.iter().map(|(asset, sum)| (asset.to_string(), asset.amount(*sum))).collect();
        let paused = serde_json::json!({ "events": tally.paused, "withheld": withheld });
        let outcomes: BTreeMap<_, _> =
            tally.outcomes.iter().map(|(outcome, events)| (outcome.word(), events)).collect();
        let points = tally.moved.iter().filter(|((asset, _), _)| asset.is_points());
        let points: BTreeMap<_, _> = points.map(|((_, kind), points)| (kind.word(), points)).collect();
        let mut money: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
        for ((asset, kind), sum) in tally.moved.iter().filter(|((asset, _), _)| !asset.is_points()) {
            money.entry(asset.to_string()).or_default().insert(kind.word(), asset.amount(*sum));
        }
        json!({
            "events": tally.events, "unreadable": self.unreadable, "waiting": self.replay.waiting(),
            "outcomes": outcomes, "paused": paused, "points": points, "commissions": money, "partners": partners, "digest": self.replay.digest(),
        })
    }

    fn print(&self, file: &Path, history: &Path, top: usize, took: Duration) {
        let tally = self.replay.tally();
        println!("{} by {}", history.display(), file.display());
        let mut outcomes = table(&["outcome", "events"]);
        for (outcome, count) in &tally.outcomes {
            outcomes.add_row([outcome.word().into(), number(i64::try_from(*count).unwrap_or(i64::MAX))]);
        }
        println!("{}", shown(&outcomes));
        if tally.paused > 0 {
            let withheld = tally.withheld.iter().map(|(asset, sum)| asset.told(*sum)).collect::<Vec<_>>();
            println!(
                "paused: {} of them, which would have brought {} before caps",
                tally.paused,
                withheld.join(" and ")
            );
        }
        let mut moved = table(&["moved by", "asset", "how much"]);
        for ((asset, kind), sum) in &tally.moved {
            let how_much = Cell::new(asset.amount(*sum)).set_alignment(CellAlignment::Right);
            moved.add_row([kind.word().into(), asset.to_string().into(), how_much]);
        }
        println!("{}", shown(&moved));
        let accounts = self.replay.accounts();
        let mut most: Vec<_> = accounts.iter().collect();
        most.sort_by_key(|(id, account)| (-account.balance().total(), **id));
        let mut partners = table(&["partner", "available", "pending", "owed", "commissions", "tiers"]);
        for (id, account) in most.iter().take(top) {
            let balance = account.balance();
            let tiers = account.head.tiers.iter().map(|(motion, held)| format!("{motion}: {}", held.tier));
            partners.add_row([
                id.to_string().into(),
                number(balance.available),
                number(balance.pending),
                number(balance.owed),
                earned(account).into(),
                tiers.collect::<Vec<_>>().join(", ").into(),
            ]);
        }
        println!("{}", shown(&partners));
        if most.len() > top {
            println!("and {} partners more (--top, --json)", most.len() - top);
        }
        let liability: i64 = accounts.values().map(|account| account.balance().total()).sum();
        println!("liability: {liability} points of {} partners; {} events wait", accounts.len(), self.replay.waiting());
        for (asset, sums) in liabilities(accounts.values().copied()) {
            let Balance { available, pending, reserved, owed } = sums;
            let told = [(available, "payable"), (pending, "accrued"), (reserved, "in payouts"), (owed, "owed")];
            let told = told.map(|(sum, word)| format!("{} {word}", asset.amount(sum)));
            println!("liability in {asset}: {}", told.join(", "));
        }
        if self.unreadable > 0 {
            println!("left out, as no events of this program in good form: {} lines", self.unreadable);
        }
        println!("digest: {}", self.replay.digest());
        let seconds = took.as_secs_f64();
        let memory = peak_memory().map_or(String::new(), |kib| format!(", {} MiB of memory at most", kib / 1024));
        let micros = seconds * 1e6 / f64::from(u32::try_from(tally.events.max(1)).unwrap_or(u32::MAX));
        println!("{} events in {seconds:.1} s, {micros:.1} us each{memory}", tally.events);
        if cfg!(debug_assertions) {
            println!("(a build for debugging, many times slower than `cargo build --profile fast -p laurel`)");
        }
    }
}

/// Lines on their way, with a bar that tells how far they are.
struct Lines {
    batches: Receiver<anyhow::Result<Vec<(u64, Line)>>>,
    bar: ProgressBar,
}

/// Reads a history on a thread of its own.
fn lines(
    programs: &Programs,
    history: &History,
    bytes: u64,
    each: impl FnOnce(&mut dyn FnMut(u64, &[u8]) -> bool) -> std::io::Result<()> + Send + 'static,
) -> anyhow::Result<Lines> {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg} {eta}")?;
    let bar = ProgressBar::new(bytes).with_style(style).with_message(history.name.display().to_string());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let (sender, batches) = sync_channel(8);
    let (name, programs) = (history.name.clone(), programs.clone());
    std::thread::spawn(move || {
        let mut batch = Vec::with_capacity(BATCH);
        let read = each(&mut |place, line| {
            if line.iter().all(u8::is_ascii_whitespace) {
                return true;
            }
            batch.push((line.len() as u64, (place, parsed(&programs, place, line))));
            batch.len() < BATCH || sender.send(Ok(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))).is_ok()
        });
        let read = read.with_context(|| format!("{} cannot be read", name.display()));
        // Whoever decides may have stopped.
        let _ = sender.send(read.map(|()| batch));
    });
    Ok(Lines { batches, bar })
}

fn opened(history: &History) -> anyhow::Result<BufReader<File>> {
    let file = File::open(&history.path).with_context(|| format!("{} cannot be read", history.name.display()))?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn in_file_order(programs: &Programs, history: &History) -> anyhow::Result<Lines> {
    let mut reader = opened(history)?;
    let bytes = reader.get_ref().metadata().map_or(0, |file| file.len());
    lines(programs, history, bytes, move |take| {
        let (mut line, mut place) = (Vec::new(), 0);
        while next_line(&mut reader, &mut line)?.is_some() {
            place += 1;
            if !take(place, &line) {
                break;
            }
        }
        Ok(())
    })
}

/// As [`in_file_order`], by the events' own time; of one time, as they stand. Keeps where each line begins, and not the lines.
fn in_time_order(programs: &Programs, history: &History) -> anyhow::Result<Lines> {
    let mut order: Vec<(Timestamp, u64, u64)> = Vec::new();
    let mut reader = opened(history)?;
    let (mut line, mut at) = (Vec::new(), 0);
    while let Some(length) = next_line(&mut reader, &mut line)? {
        let place = order.len() as u64 + 1;
        // What cannot be read is told first, at its place.
        let time = parsed(programs, place, &line).map_or(Timestamp::MIN, |event| event.time);
        order.push((time, place, at));
        at += length as u64;
    }
    order.sort_unstable();
    lines(programs, history, at, move |take| {
        let mut line = Vec::new();
        for (_, place, at) in order {
            reader.seek(SeekFrom::Start(at))?;
            next_line(&mut reader, &mut line)?;
            if !take(place, &line) {
                break;
            }
        }
        Ok(())
    })
}

/// The most memory that this process had at once, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What all accounts have of commissions, by currency.
fn liabilities<'a>(accounts: impl Iterator<Item = &'a Account>) -> BTreeMap<Asset, Balance> {
    let mut all = BTreeMap::<Asset, Balance>::new();
    let funds = accounts.flat_map(|account| account.head.funds.iter());
    for (asset, funds) in funds.filter(|(asset, _)| !asset.is_points()) {
        let (sums, more) = (all.entry(*asset).or_default(), funds.balance());
        sums.available = sums.available.saturating_add(more.available);
        sums.pending = sums.pending.saturating_add(more.pending);
        sums.reserved = sums.reserved.saturating_add(more.reserved);
        sums.owed = sums.owed.saturating_add(more.owed);
    }
    all
}

/// Commissions of an account, earned and not taken back, in each currency.
fn earned(account: &Account) -> String {
    let money = account.head.funds.iter().filter(|(asset, _)| !asset.is_points());
    let told = money.map(|(asset, funds)| asset.told(funds.balance().total()));
    told.collect::<Vec<_>>().join(", ")
}
