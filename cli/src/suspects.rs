//! `suspects`: awards that look like gaming, and are held until somebody has looked at them (M40).

use std::process::ExitCode;

use clap::Args;
use domain::decide::{Needs, State};
use domain::ledger::{Effect, Part, Record, Suspect, is_held, someday, suspect_of};
use event::ids::PartnerId;

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{number, shown, table};

/// Records that are read at once.
const PAGE: usize = 500;

/// Awards that look like gaming, and are held until somebody has looked at them.
#[derive(Args)]
#[command(
    after_help = "Staff say what each of them is by an event under a source of theirs, `award.released` or `award.withdrawn`,\nwith the award's event as `event_source` and `event_id`, or with neither for all that is held of a partner.\n\nExample: laurel suspects --program hr-software"
)]
pub(crate) struct Suspects {
    /// Print JSON, one award a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

/// One that is held, with the record that says why.
struct Found {
    partner: PartnerId,
    held: Suspect,
    record: Record,
}

impl Suspects {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let now = store.clock().now();
        let program = programs.current(now).program.clone();
        let today = program.calendar.day(now);
        let bar = bar(partners.len())?;
        let mut all: Vec<Found> = Vec::new();
        for partner in partners {
            let mut state = State::new(partner.clone());
            *state.account = store::state::begun(&store, &program.id, &partner).await?;
            let needs = Needs { parts: [Part::Profile].into(), ..Needs::default() };
            store::state::fill(&store, &program.id, &needs, &mut state).await?;
            let suspects = state.account.profile.suspects.iter();
            let mut wanted: Vec<Suspect> = suspects.filter(|one| is_held(one, today)).cloned().collect();
            let mut before = None;
            while let Some(oldest) = wanted.iter().map(|one| one.position).min() {
                let page = store::history::page(&store, &program.id, &partner, before, PAGE).await?;
                for record in &page.items {
                    let name = suspect_of(&record.identity);
                    let (those, rest) = wanted.into_iter().partition(|one| one.event == name);
                    wanted = rest;
                    let those: Vec<Suspect> = those;
                    let found = |held| Found { partner: partner.clone(), held, record: record.clone() };
                    all.extend(those.into_iter().map(found));
                }
                before = page.next;
                if before.is_none() || page.items.last().is_some_and(|last| last.position <= oldest) {
                    break;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        all.sort_by(|a, b| {
            (&a.partner, a.held.position, &a.held.rule).cmp(&(&b.partner, b.held.position, &b.held.rule))
        });
        if self.json {
            for Found { partner, held, record } in &all {
                let line = serde_json::json!({
                    "partner_id": partner, "event_source": record.identity.source, "event_id": record.identity.id,
                    "type": record.kind, "time": record.time, "rule": held.rule, "points": held.points,
                    "why": why(record, held), "until": until(held),
                });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if all.is_empty() {
            println!("nothing of {} is held for its looks", program.id);
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(&["partner", "event", "points", "until", "what looks so"]);
        for Found { partner, held, record } in &all {
            rows.add_row([
                partner.to_string().into(),
                format!("{} {}", record.identity.source, record.identity.id).into(),
                number(held.points),
                until(held).unwrap_or_else(|| "looked at".to_owned()).into(),
                why(record, held).into(),
            ]);
        }
        println!("{}", shown(&rows));
        Ok(ExitCode::SUCCESS)
    }
}

/// The day on which time releases it; none where only a person does.
fn until(held: &Suspect) -> Option<String> {
    Some(held.release.day).filter(|day| *day != someday()).map(|day| day.to_string())
}

/// What looked like gaming.
fn why(record: &Record, held: &Suspect) -> String {
    let of = |effect: &Effect| match effect {
        Effect::Suspected { rule, why, .. } if *rule == held.rule => Some(why.clone()),
        _ => None,
    };
    record.effects.iter().find_map(of).unwrap_or_default()
}
