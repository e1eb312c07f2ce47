//! `tiers`: who stands where on each ladder, and how many would pass a review as things are, by the program in force or by another file
//! (M20).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use comfy_table::Cell;
use domain::decide::{Needs, State, parts_to_show};
use domain::tell::{Scoreboard, scoreboards};
use event::ids::{Motion, PartnerId, ProgramId, TierId};
use program::{Program, Programs, Version};
use store::Store;

use crate::everybody::{Everybody, Whose, bar};
use crate::file::program_of;
use crate::show::{number, shown, table};

/// Who stands where on each ladder, and how many would pass a review as things are.
#[derive(Args)]
pub(crate) struct Tiers {
    /// By this program file instead of the version in force: what its ladders would make of today's partners. It is not published.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Print JSON, one tier a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

/// The partners on one tier.
#[derive(Default)]
struct Count {
    partners: i64,
    keep: i64,
    warned: i64,
    prune: i64,
    rise: i64,
}

impl Tiers {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let now = store.clock().now();
        let in_force = &programs.current(now).program;
        let programs = match &self.file {
            Some(path) => with_file(&programs, path, now)?,
            None => programs.clone(),
        };
        let program = &programs.current(now).program;
        let bar = bar(partners.len())?;
        let mut counts: BTreeMap<(Motion, TierId), Count> = BTreeMap::new();
        for partner in &partners {
            for (motion, board) in boards(&store, &programs, &in_force.id, partner).await? {
                let count = counts.entry((motion, board.tier)).or_default();
                count.partners += 1;
                count.keep += i64::from(board.stays);
                count.warned +=
                    i64::from(board.demotes_on.is_some() || board.failed_reviews.is_some_and(|failed| failed > 0));
                let due = |(failed, after)| failed >= after;
                count.prune += i64::from(board.failed_reviews.zip(board.prune_after).is_some_and(due));
                count.rise += i64::from(board.reaches_next);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let rows = rows(program, counts);
        if self.json {
            for ((motion, tier), Count { partners, keep, warned, prune, rise }) in &rows {
                let line = serde_json::json!({
                    "motion": motion, "tier": tier, "partners": partners, "keep": keep, "fall_short": partners - keep,
                    "warned": warned, "to_prune": prune, "reach_next": rise,
                });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if rows.is_empty() {
            println!("{} has no ladder", program.id);
            return Ok(ExitCode::SUCCESS);
        }
        let prunes = program.ladders.values().flatten().any(|tier| tier.prune_after.is_some());
        let mut head = vec!["ladder", "tier", "partners", "would keep", "short", "warned", "rise"];
        head.extend(prunes.then_some("prune"));
        let mut lines = table(&head);
        for ((motion, tier), Count { partners, keep, warned, prune, rise }) in rows {
            let asks = program.ladders.get(&motion).and_then(|tiers| tiers.iter().find(|one| one.id == tier));
            // Where nothing is asked nobody passes, or fails.
            let of_all = |many: i64| match asks {
                Some(tier) if tier.keep.is_some() && partners > 0 => format!("{many} ({}%)", many * 100 / partners),
                Some(_) => String::new(),
                None => "no such tier".to_owned(),
            };
            let short =
                asks.filter(|tier| tier.keep.is_some()).map_or_else(|| Cell::new(""), |_| number(partners - keep));
            let mut row = vec![
                motion.to_string().into(),
                tier.to_string().into(),
                number(partners),
                Cell::new(of_all(keep)),
                short,
                number(warned),
                number(rise),
            ];
            row.extend(prunes.then(|| number(prune)));
            lines.add_row(row);
        }
        println!("{}", shown(&lines));
        Ok(ExitCode::SUCCESS)
    }
}

/// The versions of a program with a file in force as of now.
fn with_file(programs: &Programs, path: &Path, now: jiff::Timestamp) -> anyhow::Result<Programs> {
    let (file, text) = program_of(path)?;
    let own = &programs.current(now).program.id;
    if file.id != *own {
        bail!("{} is of the program {}, and not of {own}", path.display(), file.id);
    }
    let number = programs.all().iter().map(|version| version.number).max().unwrap_or(0) + 1;
    let hash = Version::content_hash(&text);
    Ok(programs.with(Version { number, hash, effective_from: now, program: Arc::new(file) }))
}

/// Where a partner stands, and what it would pass.
async fn boards(
    store: &Store,
    programs: &Programs,
    program: &ProgramId,
    partner: &PartnerId,
) -> anyhow::Result<BTreeMap<Motion, Scoreboard>> {
    let now = store.clock().now();
    let mut state = State::new(partner.clone());
    *state.account = store::state::begun(store, program, partner).await?;
    let parts = parts_to_show(programs, &state.account, now);
    store::state::fill(store, program, &Needs { parts, ..Needs::default() }, &mut state).await?;
    Ok(scoreboards(programs, &state.account, now)?)
}

/// Every tier of every ladder, from the highest down, and those that are no tier of it.
fn rows(program: &Program, mut counts: BTreeMap<(Motion, TierId), Count>) -> Vec<((Motion, TierId), Count)> {
    let mut rows = Vec::new();
    for (motion, tiers) in &program.ladders {
        for tier in tiers.iter().rev() {
            let key = (motion.clone(), tier.id.clone());
            let count = counts.remove(&key).unwrap_or_default();
            rows.push((key, count));
        }
    }
    rows.extend(counts);
    rows
}
