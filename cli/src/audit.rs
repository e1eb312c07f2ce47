//! `audit`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use domain::audit::{check_account, check_records, check_redemptions};
use domain::ledger::Record;
use engine::audit::Audited;
use event::Kind;
use event::ids::{PartnerId, ProgramId};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;
use program::Programs;
use store::Store;
use store::cards::Sealer;

use crate::connect::Connect;
use crate::show::{shown, table};
use crate::verdict;

/// Prove that every account is what its records add up to.
///
/// Reads ledger and state. For each partner: the records' positions have no gap (I9), their entries sum to the balance (I1),
/// nothing is overdrawn (I5), awarded twice (I2) or taken back beyond its award (I14), points are whole (I15), every record
/// names a published program version (I11), the stored account is the sum of the records (I10), and redemptions stand where
/// their records left them (I6); nothing is stored that stands in no record. Deals and opportunities: no two records were decided
/// from one version (I25), and each is stored as its records add up (I26). For each reward: loaded = free + reserved + issued
/// (I18), and every card in stock or given opens with the card keys (where these may be read).
#[derive(Args)]
pub(crate) struct Audit {
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

impl Audit {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let everybody = self.everybody(&store).await?;
        let versions = self.versions(&store).await?;
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} partners {msg}")?;
        let bar = ProgressBar::new(everybody.len() as u64).with_style(style);
        let mut found = Vec::new();
        let mut shared = BTreeMap::new();
        let began = store.clock().now().saturating_sub(SKEW)?;
        for (program, partner) in &everybody {
            bar.inc(1);
            let Some(programs) = versions.get(program) else {
                let what = "I11: the program has no published version".to_owned();
                found.push(Finding { program: program.clone(), of: partner.clone(), what });
                continue;
            };
            let records = audit_partner(&store, programs, partner, &mut found).await?;
            let of_program: &mut Vec<Record> = shared.entry(program.clone()).or_default();
            // What was decided since the audit began may be read of one partner and not of another.
            let records = records.into_iter().filter(|record| record.decided_at < began);
            of_program.extend(records.filter(engine::rebuild::names_what_is_shared));
        }
        bar.finish_and_clear();
        if self.partner.is_none() {
            let sealer = self.sealer(&store).await;
            for (program, programs) in &versions {
                audit_stock(&store, programs, sealer.as_ref(), &mut found).await?;
                let records = shared.remove(program).unwrap_or_default();
                let id = ProgramId::try_from(program.as_str())?;
                let what = engine::audit::shared(&store, &id, &records).await?;
                let finding = |what| Finding { program: program.clone(), of: "deals".to_owned(), what };
                found.extend(what.into_iter().map(finding));
            }
        }
        let partners = everybody.iter().filter(|(_, partner)| !partner.starts_with('@')).count();
        let verdict = verdict(found.is_empty());
        self.print(&found, partners);
        Ok(verdict)
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

async fn audit_partner(
    store: &Store,
    programs: &Programs,
    partner: &str,
    found: &mut Vec<Finding>,
) -> anyhow::Result<Vec<Record>> {
    let now = store.clock().now();
    let program = &programs.current(now).program.id;
    let id = PartnerId::try_from(partner).context("a partner's key is no id")?;
    let (mut here, records) = match engine::audit::partner(store, program, &id, now).await {
        Ok(audited) if id.is_internal() => (publications(&audited.records, programs), Vec::new()),
        Ok(audited) => (findings(&audited, programs), audited.records),
        Err(error) if error.is_transient() => return Err(error.into()),
        // What does not read is a finding like any other.
        Err(error) => (vec![error.to_string()], Vec::new()),
    };
    let finding = |what| Finding { program: program.to_string(), of: partner.to_owned(), what };
    found.extend(here.drain(..).map(finding));
    Ok(records)
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
    let mut found = check_records(records, programs);
    let mut decide = BTreeSet::new();
    for record in records {
        let number = record.decided_by;
        match record.happened() {
            Some(Kind::ProgramPublished { content_hash, effective_from, .. }) => {
                decide.insert(number);
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
            _ => found.push(format!("I11: record {} is of no publication", record.position)),
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
        if stock.loaded != stock.free + stock.reserved + stock.issued {
            let what = format!("I18: {stock:?}");
            found.push(Finding { program: program.id.to_string(), of: reward.to_string(), what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::decide::{Publication, publication};
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
        let record = publication(Publication { version: &published, position: 1, actor: "a", now }, text);
        let stored = Programs::new(vec![at("2026-06-01T00:00:00Z")]).expect("a version");
        assert_ne!(publications(&[record], &stored), Vec::<String>::new());
    }
}
