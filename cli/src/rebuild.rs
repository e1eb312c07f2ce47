//! `rebuild`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use engine::rebuild::Rebuilt;
use event::ids::{PartnerId, ProgramId};
use indicatif::{ProgressBar, ProgressStyle};

use crate::connect::Connect;
use crate::output::verdict;
use crate::show::{number, shown, table};

/// What no record holds, and where it comes from instead.
const NOT_RESTORED: [(&str, &str); 6] = [
    (
        "cards and stock",
        "load again only codes that were never given out: those of fulfilled redemptions are gone with the state",
    ),
    ("keys of cards", "they are in the secret, and nowhere else"),
    (
        "pseudonyms of persons",
        "a person who comes again is somebody new, with caps of their own; events sent again are duplicates all the same",
    ),
    ("recipients of redemptions", "ask the partner"),
    ("events that wait", "have their senders send them again"),
    ("notes of the quarantine", "the messages are in its queue"),
];

/// Write the state anew from the ledger alone, and say what no record holds.
///
/// Reads every record, and writes program versions, accounts, redemptions, deals, opportunities and what records sent as the records add up,
/// where they are not so yet: into an empty table, or over one that `laurel audit` finds at odds. Nobody else may write
/// meanwhile: pause the consumers first. It can be run again at any time.
#[derive(Args)]
pub(crate) struct Rebuild {
    /// One program only.
    #[arg(long)]
    program: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

impl Rebuild {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let mut programs: BTreeMap<String, Vec<PartnerId>> = BTreeMap::new();
        for (program, partner) in store::everybody::list(&store).await? {
            if self.program.as_ref().is_none_or(|wanted| *wanted == program) {
                programs.entry(program).or_default().push(PartnerId::try_from(partner)?);
            }
        }
        if let Some(wanted) = self.program.as_ref().filter(|_| programs.is_empty()) {
            bail!("the ledger has no record of a program {wanted}");
        }
        let all = programs.values().flatten().filter(|partner| !partner.is_internal()).count();
        let bar =
            ProgressBar::new(all as u64).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} partners")?);
        let heads = [
            "program",
            "versions",
            "partners",
            "records",
            "redemptions",
            "deals",
            "opportunities",
            "to be judged",
            "accounts written",
        ];
        let mut rows = table(&heads);
        let mut findings = Vec::new();
        for (program, partners) in programs {
            let id = ProgramId::try_from(program.as_str())?;
            let before = bar.position();
            let done =
                engine::rebuild::program(&store, &id, &partners, |at| bar.set_position(before + at as u64)).await?;
            let Rebuilt { versions, partners, records, redemptions, deals, opportunities, sent, written, .. } = done;
            let counts = [versions, partners, records, redemptions, deals, opportunities, sent, written];
            let counts = counts.map(|count| number(i64::try_from(count).unwrap_or(i64::MAX)));
            rows.add_row([comfy_table::Cell::new(&program)].into_iter().chain(counts));
            findings.extend(done.findings.into_iter().map(|what| format!("{program}: {what}")));
        }
        bar.finish_and_clear();
        let verdict = verdict(findings.is_empty());
        println!("{}", shown(&rows));
        println!("\nNo record holds these; they stay as they are in the table:");
        for (what, instead) in NOT_RESTORED {
            println!("  {what}: {instead}");
        }
        for what in &findings {
            eprintln!("{what}");
        }
        Ok(verdict)
    }
}
