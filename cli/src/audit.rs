//! `audit`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use domain::audit::{check_account, check_records, check_redemptions, rebuild_shared_of};
use domain::ledger::{PoolPart, RECORD_FORM, Record};
use engine::audit::Audited;
use event::Kind;
use event::ids::{PartnerId, ProgramId};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use program::Programs;
use store::Store;
use store::cards::Sealer;
use store::programs::StoredVersion;
use store::tables::items::Stock;

use crate::connect::Connect;
use crate::export::{Exported, ExportedLines, Spread, Stored};
use crate::output::verdict;
use crate::show::{shown, table};

/// Prove that every account is what its records add up to.
///
/// Reads ledger and state. For each partner: the records' positions have no gap (I9), their entries sum to the balance (I1),
/// nothing is overdrawn (I5), awarded twice (I2) or taken back beyond its award (I14), points are whole (I15), every record
/// names a published program version (I11), the stored account is the sum of the records (I10), and redemptions stand where
/// their records left them (I6); nothing is stored that stands in no record. Deals and opportunities: no two records were decided
/// from one version (I25), and each is stored as its records add up (I26). For each reward: loaded = free + reserved + issued
/// (I18), and every card in stock or given opens with the card keys (where these may be read).
///
/// Partner by partner, in memory for the largest of them, however many there are. With --from it looks at what `laurel export` wrote,
/// cards aside; a large table is audited so, since an export that was cut short goes on.
#[derive(Args)]
pub(crate) struct Audit {
    /// What `laurel export --to FILE` wrote, instead of the tables.
    #[arg(long, conflicts_with = "aws")]
    from: Option<PathBuf>,
    /// One program only.
    #[arg(long)]
    program: Option<String>,
    /// One partner only.
    #[arg(long, requires = "program")]
    partner: Option<String>,
    /// Name or ARN of the secret with the card keys.
    #[arg(long, env = "CARD_SECRET", default_value = local::CARD_SECRET)]
    card_secret: String,
    /// Print JSON, one finding a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// How far apart the clocks of those who decide may be.
const SKEW: SignedDuration = SignedDuration::from_secs(10);

/// Something that does not hold.
struct Finding {
    program: String,
    /// The partner or the reward.
    of: String,
    what: String,
}

/// An audit on its way.
struct Auditing {
    found: Vec<Finding>,
    /// What partners share, of those that were looked at.
    shared: Spread,
    /// Sub-balances of pools that a record moves.
    pools: BTreeSet<(ProgramId, PoolPart)>,
    partners: usize,
    /// When it began: what was decided since may be read of one partner and not of another.
    began: Timestamp,
}

impl Auditing {
    fn new(began: Timestamp) -> anyhow::Result<Self> {
        let began = began.saturating_sub(SKEW)?;
        Ok(Self { found: Vec::new(), shared: Spread::new()?, pools: BTreeSet::new(), partners: 0, began })
    }

    fn find(&mut self, program: &str, of: &str, what: impl IntoIterator<Item = String>) {
        let finding = |what| Finding { program: program.to_owned(), of: of.to_owned(), what };
        self.found.extend(what.into_iter().map(finding));
    }

    /// Looks at one partner.
    fn partner(
        &mut self,
        programs: Option<&Programs>,
        (program, partner): (&ProgramId, &PartnerId),
        audited: Result<Audited, String>,
    ) -> anyhow::Result<()> {
        self.partners += usize::from(!partner.is_internal());
        let Some(programs) = programs else {
            self.find(program, partner, ["I11: the program has no published version".to_owned()]);
            return Ok(());
        };
        let audited = match audited {
            Ok(audited) => audited,
            // What does not read is a finding like any other.
            Err(what) => {
                self.find(program, partner, [what]);
                return Ok(());
            }
        };
        if partner.is_internal() {
            self.find(program, partner, publications(&audited.records, programs));
        }
        self.find(program, partner, findings(&audited, programs));
        let moved = audited.records.iter().flat_map(|record| record.pools());
        self.pools.extend(moved.map(|(part, ..)| (program.clone(), part.clone())));
        let began = self.began;
        let records = audited.records.into_iter().filter(|record| record.decided_at < began);
        for record in records.filter(engine::audit::names_what_is_shared) {
            self.shared.record(record)?;
        }
        Ok(())
    }
}

impl Audit {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let audited = match &self.from {
            Some(file) => self.file(file)?,
            None => self.tables().await?,
        };
        let verdict = verdict(audited.found.is_empty());
        self.print(&audited.found, audited.partners);
        Ok(verdict)
    }

    /// Looks at what an export wrote.
    fn file(&self, file: &Path) -> anyhow::Result<Auditing> {
        let bytes = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?.len();
        let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")?;
        let bar = ProgressBar::new(bytes).with_style(style);
        let mut versions: BTreeMap<ProgramId, Vec<StoredVersion>> = BTreeMap::new();
        let mut programs: BTreeMap<ProgramId, Programs> = BTreeMap::new();
        let (mut audit, mut current, mut end) = (None, None::<(Box<Stored>, Vec<Record>)>, None);
        let (mut seen, mut rewards) = (BTreeSet::new(), 0);
        let no_export = || anyhow!("{} is no export: `laurel export --to FILE` writes one", file.display());
        let mut many = 0_u64;
        for (line, at) in ExportedLines::open(file)? {
            let line = line.with_context(|| format!("{} does not read behind byte {at}", file.display()))?;
            many += 1;
            if many.is_multiple_of(1_000) {
                bar.set_position(at);
            }
            if end.is_some() || (audit.is_some() && matches!(line, Exported::Export { .. })) {
                bail!("{} is more than one export", file.display());
            }
            match line {
                Exported::Export { form: RECORD_FORM, at, .. } => audit = Some(Auditing::new(at)?),
                Exported::Export { form, .. } => {
                    bail!("{} holds records of form {form}, and this laurel reads form {RECORD_FORM}", file.display())
                }
                Exported::Version { program, version } => {
                    programs.remove(&program);
                    versions.entry(program).or_default().push(version);
                }
                Exported::Partner(stored) => {
                    if let Some((before, _)) = current.replace((stored, Vec::new())) {
                        bail!("{} lacks the end of {}: export it again", file.display(), before.partner);
                    }
                }
                Exported::Record(record) => current.as_mut().ok_or_else(no_export)?.1.push(*record),
                line @ (Exported::Deal { .. } | Exported::Opportunity { .. } | Exported::Pool { .. }) => {
                    audit.as_mut().ok_or_else(no_export)?.shared.stored(&line)?;
                }
                Exported::Whole { records } => {
                    let (stored, read) = current.take().ok_or_else(no_export)?;
                    if read.len() as u64 != records {
                        bail!("{} lacks records of {}: export it again", file.display(), stored.partner);
                    }
                    let (program, partner) = (stored.program.clone(), stored.partner.clone());
                    if !seen.insert((program.clone(), partner.clone())) {
                        bail!("{} has {partner} of {program} twice: export it again", file.display());
                    }
                    if !self.is_asked(&program, &partner) {
                        continue;
                    }
                    if !programs.contains_key(&program) {
                        let of = versions.get(&program).map(Vec::as_slice).unwrap_or_default();
                        programs.extend(store::programs::of(of)?.map(|of| (program.clone(), of)));
                    }
                    let audited = match stored.unread.clone() {
                        Some(what) => Err(what),
                        None => stored.audited(read).map_err(|error| error.to_string()),
                    };
                    let audit = audit.as_mut().ok_or_else(no_export)?;
                    audit.partner(programs.get(&program), (&program, &partner), audited)?;
                }
                Exported::Stock { program, reward, stock } => {
                    rewards += 1;
                    if self.program.as_ref().is_none_or(|asked| program == *asked.as_str()) {
                        audit.as_mut().ok_or_else(no_export)?.find(&program, &reward, stock_differs(stock));
                    }
                }
                Exported::End { partners, rewards } => end = Some((partners, rewards)),
            }
        }
        bar.finish_and_clear();
        let mut audit = audit.ok_or_else(no_export)?;
        let Some(told) = end else {
            bail!("{} was cut short: `laurel export --to {0}` goes on with it", file.display());
        };
        if told != (seen.len() as u64, rewards) || current.is_some() {
            let lacks = "does not hold all the partners and rewards that its last line counts";
            bail!("{} {lacks}: export it again", file.display());
        }
        if audit.partners == 0 && (self.program.is_some() || self.partner.is_some()) {
            bail!("{} has no such partner or program; leave out --partner or --program to look at all", file.display());
        }
        if self.partner.is_none() {
            for bucket in std::mem::replace(&mut audit.shared, Spread::new()?).files()? {
                let bucket = bucket?;
                for (program, records) in &bucket.records {
                    let (rebuilt, found) = rebuild_shared_of(records, |id| bucket.holds(id));
                    let stored = bucket.stored.get(program).cloned().unwrap_or_default();
                    audit.find(program, "deals", found);
                    audit.find(program, "deals", stored.differs_from(&rebuilt));
                }
            }
        }
        Ok(audit)
    }

    fn is_asked(&self, program: &ProgramId, partner: &PartnerId) -> bool {
        self.program.as_ref().is_none_or(|asked| *program == asked.as_str())
            && self.partner.as_ref().is_none_or(|asked| *partner == asked.as_str())
    }

    /// Looks at the tables.
    async fn tables(&self) -> anyhow::Result<Auditing> {
        let store = self.connect.store().await?;
        let everybody = self.everybody(&store).await?;
        let versions = self.versions(&store).await?;
        // What is there by now has a record by now.
        let mut pools = Vec::new();
        for programs in versions.values().filter(|_| self.partner.is_none()) {
            let program = programs.current(store.clock().now()).program.id.clone();
            let parts = store::state::pool_parts(&store, &program).await?;
            pools.extend(parts.into_iter().map(|part| (program.clone(), part)));
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} partners {msg}")?;
        let bar = ProgressBar::new(everybody.len() as u64).with_style(style);
        let mut audit = Auditing::new(store.clock().now())?;
        for (program, partner) in &everybody {
            let id = PartnerId::try_from(partner.as_str()).context("a partner's key is no id")?;
            let program = ProgramId::try_from(program.as_str())?;
            let programs = versions.get(program.as_str());
            let audited = match engine::audit::partner(&store, &program, &id, store.clock().now()).await {
                Ok(audited) => Ok(audited),
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => Err(error.to_string()),
            };
            let is_nobody = |audited: &Audited| audited.records.is_empty() && audited.stored.head.position == 0;
            if self.partner.is_some() && audited.as_ref().is_ok_and(is_nobody) {
                bail!("the program {program} knows no partner {id}");
            }
            audit.partner(programs, (&program, &id), audited)?;
            bar.inc(1);
            if !audit.found.is_empty() {
                bar.set_message(format!("{} findings", audit.found.len()));
            }
        }
        bar.finish_and_clear();
        for (program, part) in pools {
            let stray = !audit.pools.contains(&(program.clone(), part.clone()));
            let what = stray.then(|| format!("I26: pool {part} is stored and stands in no record"));
            audit.find(&program, "pools", what);
        }
        if self.partner.is_none() {
            let sealer = self.sealer(&store).await;
            for programs in versions.values() {
                audit_stock(&store, programs, sealer.as_ref(), &mut audit.found).await?;
            }
            for bucket in std::mem::replace(&mut audit.shared, Spread::new()?).files()? {
                let bucket = bucket?;
                for (program, records) in &bucket.records {
                    let found = engine::audit::shared(&store, program, records, |id| bucket.holds(id)).await?;
                    audit.find(program, "deals", found);
                }
            }
        }
        Ok(audit)
    }

    /// The keys of the cards; none, and said so, where they may not be read.
    async fn sealer(&self, store: &Store) -> Option<Sealer> {
        let ring = async {
            let text = self.connect.secret(&self.card_secret)?.read().await?;
            anyhow::Ok(Sealer::from_ring(&text, store.random().clone())?)
        };
        match ring.await {
            Ok(sealer) => Some(sealer),
            Err(error) => {
                eprintln!("note: whether cards open is not looked at, since their keys cannot be read: {error:#}");
                None
            }
        }
    }

    async fn everybody(&self, store: &Store) -> anyhow::Result<Vec<(String, String)>> {
        if let (Some(program), Some(partner)) = (&self.program, &self.partner) {
            return Ok(vec![(program.clone(), partner.clone())]);
        }
        let all = store::everybody::list(store).await?.into_iter();
        Ok(all.filter(|(program, _)| self.program.as_ref().is_none_or(|p| p == program)).collect())
    }

    async fn versions(&self, store: &Store) -> anyhow::Result<BTreeMap<String, Programs>> {
        let mut versions = BTreeMap::new();
        for id in store::programs::ids(store).await? {
            if self.program.as_ref().is_some_and(|p| *p != id) {
                continue;
            }
            if let Some(programs) = store::programs::read(store, &ProgramId::try_from(id.as_str())?).await? {
                versions.insert(id, programs);
            }
        }
        match &self.program {
            Some(program) if !versions.contains_key(program) => bail!("the program {program} has no published version"),
            _ => Ok(versions),
        }
    }

    fn print(&self, found: &[Finding], partners: usize) {
        let mut rows = table(&["program", "of", "what"]);
        for Finding { program, of, what } in found {
            if self.json {
                println!("{}", serde_json::json!({ "program": program, "of": of, "what": what }));
            }
            rows.add_row([program, of, what]);
        }
        if self.json {
            return;
        }
        if found.is_empty() {
            println!("{partners} partners: no findings");
        } else {
            println!("{}\n{partners} partners: {} findings", shown(&rows), found.len());
        }
    }
}

/// What of a partner's account does not hold.
fn findings(audited: &Audited, programs: &Programs) -> Vec<String> {
    let Audited { records, stored, rebuilt, redemptions, .. } = audited;
    let mut found = check_records(records, programs);
    found.extend(audited.strays());
    found.extend(check_redemptions(redemptions, records));
    match rebuilt {
        Err(what) => found.push(what.clone()),
        Ok(rebuilt) => found.extend(check_account(stored, rebuilt)),
    }
    found
}

/// What of a program's own history does not hold: each version is what was published, and decides unless it was withdrawn.
fn publications(records: &[Record], programs: &Programs) -> Vec<String> {
    let mut found = Vec::new();
    let mut decide = BTreeSet::new();
    for record in records {
        let number = record.decided_by;
        match record.happened() {
            Some(Kind::ProgramPublished { content_hash, effective_from, file, .. }) => {
                decide.insert(number);
                if program::Version::content_hash(&file.0) != content_hash {
                    found.push(format!("I11: the record of version {number} holds another file than was published"));
                }
                let as_published = |version: &program::Version| {
                    version.hash == content_hash && version.effective_from == effective_from
                };
                if !programs.number(number).is_some_and(as_published) {
                    found.push(format!("I11: version {number} is not what was published"));
                }
            }
            Some(Kind::ProgramWithdrawn { .. }) => {
                decide.remove(&number);
            }
            Some(Kind::BudgetFunded { .. } | Kind::BudgetReduced { .. }) => {}
            _ => found.push(format!("I11: record {} is of nothing that a program does", record.position)),
        }
    }
    let stored: BTreeSet<u32> = programs.all().iter().map(|version| version.number).collect();
    for number in stored.symmetric_difference(&decide) {
        found.push(format!("I11: version {number} decides otherwise than was published and withdrawn"));
    }
    found
}

async fn audit_stock(
    store: &Store,
    programs: &Programs,
    sealer: Option<&Sealer>,
    found: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let program = &programs.current(store.clock().now()).program;
    // Cards of rewards that a later version has no more are given, too.
    let rewards = programs.all().iter().flat_map(|version| version.program.rewards.keys());
    for reward in rewards.collect::<BTreeSet<_>>() {
        if let Some(sealer) = sealer {
            for (key, cards) in store::cards::unopened(store, &program.id, reward, sealer).await? {
                let what = format!("{cards} cards, sealed with a key `{key}`, do not open with the card keys");
                found.push(Finding { program: program.id.to_string(), of: reward.to_string(), what });
            }
        }
        let stock = store::cards::stock(store, &program.id, reward).await?;
        let finding = |what| Finding { program: program.id.to_string(), of: reward.to_string(), what };
        found.extend(stock_differs(stock).map(finding));
    }
    Ok(())
}

/// What of a reward's stock does not hold (I18).
fn stock_differs(stock: Stock) -> Option<String> {
    (stock.loaded != stock.free + stock.reserved + stock.issued).then(|| format!("I18: {stock:?}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::decide::{Publication, publication};
    use domain::ledger::Head;
    use program::{Program, Version};

    use super::*;

    /// A version in the table that is in force from another day on than was published decides otherwise, and nothing said so.
    #[test]
    fn a_version_in_force_from_another_day_is_no_finding() {
        let text = include_str!("../../infra/programs/hr-software.toml");
        let program = Arc::new(Program::parse(text).expect("in good form"));
        let at = |from: &str| Version {
            number: 1,
            hash: Version::content_hash(text),
            effective_from: from.parse().expect("an instant"),
            program: program.clone(),
        };
        let published = at("2026-01-01T00:00:00Z");
        let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let record =
            publication(Publication { version: &published, head: &Head::default(), by: "a".into(), now }, text);
        let stored = Programs::new(vec![at("2026-06-01T00:00:00Z")]).expect("a version");
        assert_ne!(publications(&[record], &stored), Vec::<String>::new());
    }
}
