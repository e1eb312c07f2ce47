//! `leaderboard`: partners beside each other by what a challenge measures, as things are (M39).

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use domain::decide::{Needs, State};
use domain::tell::{Board, days_of, parts_to_rank, ranked};
use event::period::TargetPeriod;
use program::{Challenge, Program};

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{number, shown, table};

/// Partners beside each other by what a challenge measures, as things are: the API shows what was counted last.
#[derive(Args)]
pub(crate) struct Leaderboard {
    /// The challenge, as the program's file names it; left out, the only one there is.
    #[arg(long)]
    challenge: Option<String>,
    /// The period, as 2026, 2026-Q2 or 2026-03; left out, the one of now.
    #[arg(long)]
    period: Option<String>,
    /// Print JSON, one partner a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

impl Leaderboard {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let now = store.clock().now();
        let program = programs.current(now).program.clone();
        let challenge = self.challenge(&program)?;
        let current = TargetPeriod::of(challenge.every, program.calendar.day(now), &program.calendar).map(|of| of.0);
        let asked = self.period.clone().map(TargetPeriod::try_from).transpose().map_err(anyhow::Error::msg)?;
        let period = asked.or(current).context("there is no such period")?;
        if period.every() != challenge.every {
            bail!("`{}` is by the {}, and {period} is none", challenge.id, challenge.every.word());
        }
        let bar = bar(partners.len())?;
        let mut board = Board::default();
        for partner in partners {
            let mut state = State::new(partner.clone());
            *state.account = store::state::begun(&store, &program.id, &partner).await?;
            let parts = parts_to_rank(&program, &state.account, &[period]);
            store::state::fill(&store, &program.id, &Needs { parts, ..Needs::default() }, &mut state).await?;
            if let Some(one) =
                ranked(&program, &partner, &state.account, (challenge.metric, &challenge.motion, period))?
            {
                board.add(one, challenge.places);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if self.json {
            for (place, one) in board.best() {
                let line = serde_json::json!({ "place": place, "partner_id": one.partner, "name": one.name, "value": one.value.0 });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let (from, to) = days_of(&program, period).context("there is no such period")?;
        println!("{}: {} from {from} to {to}", challenge.name, challenge.metric.word());
        let mut rows = table(&["place", "partner", "name", challenge.metric.word()]);
        for (place, one) in board.best() {
            let place = number(i64::try_from(place).unwrap_or(i64::MAX));
            let value = comfy_table::Cell::new(one.value.0).set_alignment(comfy_table::CellAlignment::Right);
            rows.add_row([place, one.partner.to_string().into(), one.name.clone().into(), value]);
        }
        println!("{}", shown(&rows));
        println!("of {} partners who brought something and would be seen", board.of());
        Ok(ExitCode::SUCCESS)
    }

    fn challenge<'p>(&self, program: &'p Program) -> anyhow::Result<&'p Challenge> {
        let known = || program.challenges.keys().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.challenge, program.challenges.values().next()) {
            (_, None) => {
                bail!("{} has no challenge: `[challenge.deals-of-the-quarter]` in its file would be one", program.id)
            }
            (Some(id), _) => {
                let found = program.challenges.get(id.as_str());
                found.with_context(|| format!("{} has no challenge `{id}`; it has {}", program.id, known()))
            }
            (None, Some(only)) if program.challenges.len() == 1 => Ok(only),
            (None, Some(_)) => bail!("say which: --challenge {}", known()),
        }
    }
}
