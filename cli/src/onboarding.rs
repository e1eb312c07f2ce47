//! `onboarding`: who is new, and how long each took to be trained and to become productive (M17, M29).

use std::process::ExitCode;

use clap::Args;
use domain::decide::{Needs, State};
use domain::ledger::{Membership, Part};
use domain::tell::{Onboarded, Reached, onboarded};
use event::ids::PartnerId;
use jiff::civil::Date;

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{shown, table};

/// How long partners took from the agreement to being trained, and from enrolment to being productive.
#[derive(Args)]
pub(crate) struct Onboarding {
    /// Only of partners that were enrolled on this day or later.
    #[arg(long)]
    since: Option<Date>,
    /// Print JSON, one partner a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

impl Onboarding {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let now = store.clock().now();
        let program = programs.current(now).program.clone();
        let bar = bar(partners.len())?;
        let mut all: Vec<(PartnerId, Membership, Onboarded)> = Vec::new();
        for partner in partners {
            let mut state = State::new(partner.clone());
            *state.account = store::state::begun(&store, &program.id, &partner).await?;
            let needs = Needs { parts: [Part::Profile].into(), ..Needs::default() };
            store::state::fill(&store, &program.id, &needs, &mut state).await?;
            let is_asked = |one: &Onboarded| self.since.is_none_or(|since| one.enrolled >= since);
            if let Some(one) = onboarded(&programs, &state.account, now).filter(is_asked) {
                all.push((partner, state.account.head.membership(), one));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        all.sort_by(|(a, _, one), (b, _, other)| (one.enrolled, a).cmp(&(other.enrolled, b)));
        if self.json {
            for (partner, status, one) in &all {
                let mut line = serde_json::to_value(one)?;
                line["partner_id"] = partner.to_string().into();
                line["status"] = serde_json::to_value(status)?;
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if program.onboarding.is_none() {
            println!("{} asks nothing of who is new: `[onboarding]` in its file would", program.id);
            return Ok(ExitCode::SUCCESS);
        }
        let asks_training = program.onboarding.as_ref().is_some_and(|onboarding| !onboarding.trained.is_empty());
        let mut head = vec!["partner", "status", "enrolled", "signed"];
        head.extend(asks_training.then_some("trained"));
        head.push("productive");
        let mut rows = table(&head);
        for (partner, status, one) in &all {
            let mut row = vec![
                partner.to_string(),
                format!("{status:?}").to_lowercase(),
                one.enrolled.to_string(),
                one.signed.map_or_else(String::new, |day| day.to_string()),
            ];
            row.extend(asks_training.then(|| told(one.trained)));
            row.push(told(one.productive));
            rows.add_row(row);
        }
        println!("{}", shown(&rows));
        let halves = [
            ("trained", asks_training, of(&all, |one| one.trained)),
            ("productive", true, of(&all, |one| one.productive)),
        ];
        for (word, _, days) in halves.into_iter().filter(|(_, asked, _)| *asked) {
            println!("{}", half(word, days, all.len()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The days that partners took, the fewest first.
fn of(all: &[(PartnerId, Membership, Onboarded)], what: impl Fn(&Onboarded) -> Option<Reached>) -> Vec<i64> {
    let mut days: Vec<i64> = all.iter().filter_map(|(_, _, one)| what(one)?.days).collect();
    days.sort_unstable();
    days
}

/// A milestone in a cell: after how many days, or, where that is not known, when.
fn told(reached: Option<Reached>) -> String {
    let told = |at: Reached| at.days.map_or_else(|| at.on.to_string(), |days| format!("{days} days"));
    reached.map_or_else(|| "not yet".to_owned(), told)
}

/// How long half of those took that have come so far.
fn half(word: &str, days: Vec<i64>, of: usize) -> String {
    match days.get(days.len().saturating_sub(1) / 2) {
        Some(median) => format!("{word}: {} of {of}; half of them within {median} days", days.len()),
        None => format!("{word}: none of {of} yet"),
    }
}
