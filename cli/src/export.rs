//! `export`, and the file that it writes: everything that an audit looks at, one JSON value a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use domain::deal::{Deal, Opportunity};
use domain::ledger::packed::StoredHead;
use domain::ledger::{PoolBalance, PoolPart, RECORD_FORM, Record, packed};
use domain::redemption::Redemption;
use engine::audit::Audited;
use event::ids::{DealId, OpportunityId, PartnerId, ProgramId, RewardId};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Store;
use store::programs::StoredVersion;

use crate::connect::Connect;

/// Write everything that an audit looks at into a file, to be kept and audited elsewhere.
///
/// Partner by partner: the account as it is stored, its records by position, the deals, opportunities and pools that they name; before them
/// every version of every program, behind them stock. Each partner is of one moment. An export that was cut short goes on behind the
/// last partner that is whole in the file. What is stored of persons are pseudonyms, and cards are in no export.
#[derive(Args)]
pub(crate) struct Export {
    /// The file.
    #[arg(long)]
    to: PathBuf,
    /// One program only.
    #[arg(long)]
    program: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

/// One line of an export.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exported {
    /// The first line.
    Export {
        /// The form of the records.
        form: u16,
        /// When it was begun.
        at: Timestamp,
        /// The program that it is of; none where it is of all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<String>,
    },
    /// A program's version, as it is stored.
    Version { program: ProgramId, version: StoredVersion },
    /// A partner: its account as it is stored. Its records follow.
    Partner(Box<Stored>),
    /// A record of the partner above.
    Record(Box<Record>),
    /// A deal that records of the partner above name, as it is stored.
    Deal { program: ProgramId, id: DealId, deal: Option<Box<Deal>> },
    /// An opportunity, likewise.
    Opportunity { program: ProgramId, id: OpportunityId, opportunity: Option<Box<Opportunity>> },
    /// A sub-balance of a pool that records of the partner above move, as it is stored.
    Pool { program: ProgramId, part: PoolPart, pool: PoolBalance },
    /// The partner above is whole.
    Whole {
        /// How many records it has.
        records: u64,
    },
    /// A reward's stock.
    Stock { program: ProgramId, reward: RewardId, stock: store::tables::items::Stock },
    /// The last line.
    End {
        /// How many partners there are, programs' own histories among them.
        partners: u64,
        /// Of how many rewards stock is told.
        rewards: u64,
    },
}

/// What is stored of a partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) program: ProgramId,
    pub(crate) partner: PartnerId,
    head: StoredHead,
    parts: Vec<String>,
    redemptions: Vec<Redemption>,
    stray: Vec<String>,
    /// The day of it, in UTC: what was long over by then is dropped.
    today: jiff::civil::Date,
    /// What did not read when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unread: Option<String>,
}

impl Stored {
    fn of(program: &ProgramId, partner: &PartnerId, audited: &Audited, now: Timestamp) -> Self {
        Self {
            program: program.clone(),
            partner: partner.clone(),
            head: packed::head(&audited.stored),
            parts: packed::parts(&audited.stored).into_values().collect(),
            // Who a card is for is a person's name, and in no record.
            redemptions: audited.redemptions.iter().map(|one| Redemption { recipient: None, ..one.clone() }).collect(),
            stray: audited.stray.clone(),
            today: jiff::tz::TimeZone::UTC.to_datetime(now).date(),
            unread: None,
        }
    }

    /// With the partner's records, what an audit looks at.
    pub(crate) fn audited(self, records: Vec<Record>) -> anyhow::Result<Audited> {
        let mut stored = packed::open(&self.head).map_err(|why| anyhow!("a head does not read: {why}"))?;
        for part in &self.parts {
            packed::take(&mut stored, part).map_err(|why| anyhow!("a part of an account does not read: {why}"))?;
        }
        packed::read_all(&mut stored);
        let rebuilt = domain::audit::rebuild(&records, self.today);
        Ok(Audited { records, stored, rebuilt, redemptions: self.redemptions, stray: self.stray })
    }
}

impl Export {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let all = store::everybody::list(&store).await?.into_iter();
        let all: Vec<_> = all.filter(|(program, _)| self.program.as_ref().is_none_or(|p| p == program)).collect();
        if all.is_empty() {
            bail!("there is nothing to export: nobody has a history here");
        }
        let (mut file, done) = self.begun(&store).await?;
        if !done.is_empty() {
            eprintln!("{} goes on behind {} partners", self.to.display(), done.len());
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} partners {eta}")?;
        let bar = ProgressBar::new(all.len() as u64).with_style(style);
        bar.inc(done.len() as u64);
        for (program, partner) in all.iter().filter(|whose| !done.contains(*whose)) {
            self.partner(&store, &mut file, program, partner).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut many = 0;
        for id in self.programs(&store).await? {
            let Some(programs) = store::programs::read(&store, &id).await? else { continue };
            let rewards = programs.all().iter().flat_map(|version| version.program.rewards.keys());
            for reward in rewards.collect::<BTreeSet<_>>() {
                let stock = store::cards::stock(&store, &id, reward).await?;
                write(&mut file, &Exported::Stock { program: id.clone(), reward: reward.clone(), stock })?;
                many += 1;
            }
        }
        write(&mut file, &Exported::End { partners: all.len() as u64, rewards: many })?;
        file.flush()?;
        file.get_ref().sync_all()?;
        let partners = all.iter().filter(|(_, partner)| !partner.starts_with('@')).count();
        println!("{}: {partners} partners", self.to.display());
        Ok(ExitCode::SUCCESS)
    }

    async fn programs(&self, store: &Store) -> anyhow::Result<Vec<ProgramId>> {
        let ids = store::programs::ids(store).await?.into_iter();
        let ids = ids.filter(|id| self.program.as_ref().is_none_or(|p| p == id));
        Ok(ids.map(|id| ProgramId::try_from(id.as_str())).collect::<Result<_, _>>()?)
    }

    /// The file as far as it is whole, and whose lines are in it.
    async fn begun(&self, store: &Store) -> anyhow::Result<(BufWriter<File>, BTreeSet<(String, String)>)> {
        let cannot = || format!("{} cannot be written", self.to.display());
        let mut done = BTreeSet::new();
        let mut versions = BTreeSet::new();
        if !self.to.exists() {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = BufWriter::new(options.open(&self.to).with_context(cannot)?);
            let (at, program) = (store.clock().now(), self.program.clone());
            write(&mut file, &Exported::Export { form: RECORD_FORM, at, program })?;
            self.versions(store, &mut file, versions).await?;
            return Ok((file, done));
        }
        let (mut whole, mut at, mut current) = (0, 0, None);
        for (line, end) in ExportedLines::open(&self.to)? {
            at = end;
            match line {
                Ok(Exported::Partner(stored)) => {
                    current = Some((stored.program.to_string(), stored.partner.to_string()));
                }
                Ok(Exported::Whole { .. }) => {
                    done.extend(current.take());
                    whole = at;
                }
                Ok(Exported::End { .. }) => bail!("{} is there, and whole; name another file", self.to.display()),
                Ok(Exported::Export { form, program, .. }) => {
                    if form != RECORD_FORM || program != self.program {
                        let of =
                            program.map_or_else(|| "every program".to_owned(), |program| format!("program {program}"));
                        bail!("{} is an export of {of}, in form {form}; name another file", self.to.display());
                    }
                    whole = at;
                }
                Ok(Exported::Version { program, version }) => {
                    versions.insert((program, version.number, version.published_at));
                    whole = at;
                }
                Ok(_) => {}
                // Where it was cut.
                Err(_) => break,
            }
        }
        if at == 0 {
            bail!("{} is there, and no export; name another file", self.to.display());
        }
        let mut file = OpenOptions::new().write(true).open(&self.to).with_context(cannot)?;
        file.set_len(whole).with_context(cannot)?;
        file.seek(SeekFrom::End(0)).with_context(cannot)?;
        let mut file = BufWriter::new(file);
        self.versions(store, &mut file, versions).await?;
        Ok((file, done))
    }

    /// Writes the versions that are not in the file. One that is in it was published here, or it is an export of somewhere else.
    async fn versions(
        &self,
        store: &Store,
        file: &mut BufWriter<File>,
        mut there: BTreeSet<(ProgramId, u32, Timestamp)>,
    ) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for program in self.programs(store).await? {
            for version in store::programs::stored(store, &program).await? {
                if !there.remove(&(program.clone(), version.number, version.published_at)) {
                    missing.push(Exported::Version { program: program.clone(), version });
                }
            }
        }
        if let Some((program, number, _)) = there.first() {
            let file = self.to.display();
            bail!(
                "{file} is an export of other tables: version {number} of {program} in it is not of these; name another file"
            );
        }
        missing.iter().try_for_each(|version| write(file, version))
    }

    async fn partner(
        &self,
        store: &Store,
        file: &mut BufWriter<File>,
        program: &str,
        partner: &str,
    ) -> anyhow::Result<()> {
        let (program, partner) = (ProgramId::try_from(program)?, PartnerId::try_from(partner)?);
        let now = store.clock().now();
        let audited = match engine::audit::partner(store, &program, &partner, now).await {
            Ok(audited) => audited,
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                let nothing = Audited {
                    records: Vec::new(),
                    stored: domain::ledger::Account::default(),
                    rebuilt: Ok(domain::ledger::Account::default()),
                    redemptions: Vec::new(),
                    stray: Vec::new(),
                };
                let unread = Some(error.to_string());
                let stored = Stored { unread, ..Stored::of(&program, &partner, &nothing, now) };
                write(file, &Exported::Partner(Box::new(stored)))?;
                return write(file, &Exported::Whole { records: 0 });
            }
        };
        write(file, &Exported::Partner(Box::new(Stored::of(&program, &partner, &audited, now))))?;
        let shared = engine::audit::stored_of(store, &program, &audited.records).await?;
        let records = audited.records.len() as u64;
        for record in audited.records {
            write(file, &Exported::Record(Box::new(record)))?;
        }
        for (id, deal) in shared.deals {
            write(file, &Exported::Deal { program: program.clone(), id, deal: deal.map(Box::new) })?;
        }
        for (id, one) in shared.opportunities {
            write(file, &Exported::Opportunity { program: program.clone(), id, opportunity: one.map(Box::new) })?;
        }
        for (part, pool) in shared.pools {
            write(file, &Exported::Pool { program: program.clone(), part, pool })?;
        }
        write(file, &Exported::Whole { records })?;
        // What is whole is in the file, whatever comes.
        Ok(file.flush()?)
    }
}

fn write(file: &mut impl Write, line: &Exported) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    Ok(file.write_all(b"\n")?)
}

/// The lines of an export, each with where it ends.
pub(crate) struct ExportedLines {
    reader: BufReader<File>,
    at: u64,
}

impl ExportedLines {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self { reader: BufReader::with_capacity(1 << 20, file), at: 0 })
    }
}

impl Iterator for ExportedLines {
    type Item = (anyhow::Result<Exported>, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        let length = match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(length) => length,
            Err(error) => return Some((Err(error.into()), self.at)),
        };
        let line = if bytes.last() == Some(&b'\n') {
            serde_json::from_slice(&bytes).map_err(anyhow::Error::from)
        } else {
            Err(anyhow!("the last line is cut"))
        };
        if line.is_ok() {
            self.at += length as u64;
        }
        Some((line, self.at))
    }
}

/// Records that bear on what partners share, and what is stored of it, spread over files by deal and opportunity: as many as fit
/// memory are looked at at once, however many there are.
pub(crate) struct Spread {
    folder: tempfile::TempDir,
    files: Vec<BufWriter<File>>,
}

/// Files that what is shared is spread over.
const FILES: usize = 64;

/// The file of a deal or an opportunity.
fn place(id: &str) -> usize {
    event::steady_hash(id.bytes()) as usize % FILES
}

impl Spread {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no room for what partners share")?;
        let file = |at: usize| Ok(BufWriter::new(File::create(folder.path().join(at.to_string()))?));
        let files = (0..FILES).map(file).collect::<anyhow::Result<_>>()?;
        Ok(Self { folder, files })
    }

    /// Takes a record, under its deal and under its opportunity: once where both stand in one file.
    pub(crate) fn record(&mut self, record: Record) -> anyhow::Result<()> {
        let Some(kind) = record.happened() else { return Ok(()) };
        let deal = kind.deal_id().map(|id| id.as_str());
        let opportunity = Opportunity::named_by(&record, &kind).map(|id| id.as_str());
        let pools = record.pools().map(|(part, ..)| place(&part.to_string()));
        let places: BTreeSet<usize> = deal.into_iter().chain(opportunity).map(place).chain(pools).collect();
        let line = Exported::Record(Box::new(record));
        for at in places {
            write(&mut self.files[at], &line)?;
        }
        Ok(())
    }

    /// Takes what is stored of a deal or an opportunity.
    pub(crate) fn stored(&mut self, line: &Exported) -> anyhow::Result<()> {
        match line {
            Exported::Deal { id, .. } => write(&mut self.files[place(id)], line),
            Exported::Opportunity { id, .. } => write(&mut self.files[place(id)], line),
            Exported::Pool { part, .. } => write(&mut self.files[place(&part.to_string())], line),
            _ => Ok(()),
        }
    }

    /// What was taken, file by file: each deal and each opportunity whole in one of them.
    pub(crate) fn files(mut self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Bucket>>> {
        for file in &mut self.files {
            file.flush()?;
        }
        let folder = self.folder;
        Ok((0..FILES).map(move |at| {
            let mut bucket = Bucket { at, records: BTreeMap::new(), stored: BTreeMap::new() };
            for (line, _) in ExportedLines::open(&folder.path().join(at.to_string()))? {
                match line? {
                    Exported::Record(record) => {
                        bucket.records.entry(record.identity.program.clone()).or_default().push(*record);
                    }
                    Exported::Deal { program, id, deal } => {
                        bucket.stored.entry(program).or_default().deals.insert(id, deal.map(|deal| *deal));
                    }
                    Exported::Opportunity { program, id, opportunity } => {
                        bucket.stored.entry(program).or_default().opportunities.insert(id, opportunity.map(|one| *one));
                    }
                    Exported::Pool { program, part, pool } => {
                        bucket.stored.entry(program).or_default().pools.insert(part, pool);
                    }
                    _ => {}
                }
            }
            Ok(bucket)
        }))
    }
}

/// What stands in one of the files, by program.
pub(crate) struct Bucket {
    at: usize,
    pub(crate) records: BTreeMap<ProgramId, Vec<Record>>,
    pub(crate) stored: BTreeMap<ProgramId, engine::audit::StoredShared>,
}

impl Bucket {
    /// Whether a deal or an opportunity stands in this file; a record that names both may stand in two.
    pub(crate) fn holds(&self, id: &str) -> bool {
        place(id) == self.at
    }
}
