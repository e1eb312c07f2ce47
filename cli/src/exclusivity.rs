//! `exclusivity`: which territories and verticals are one partner's alone, and whose (M23).

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use domain::ledger::{Exclusive, Scope};
use event::ids::{PartnerId, ProgramId};
use jiff::civil::Date;

use crate::everybody::{Everybody, Whose, bar};
use crate::show::{shown, table};

/// Which territories and verticals are one partner's alone, and whose.
#[derive(Args)]
pub(crate) struct Exclusivity {
    /// Print JSON, one of them a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whose: Whose,
}

impl Exclusivity {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Everybody { store, programs, partners } = self.whose.everybody().await?;
        let program: ProgramId = programs.current(store.clock().now()).program.id.clone();
        let bar = bar(partners.len())?;
        let mut all: BTreeMap<Scope, (PartnerId, Exclusive)> = BTreeMap::new();
        for partner in partners {
            let (account, _) = store::state::whole(&store, &program, &partner).await?;
            let held = account.profile.exclusive.into_iter();
            all.extend(held.map(|(scope, held)| (scope, (partner.clone(), held))));
            bar.inc(1);
        }
        bar.finish_and_clear();
        let day = |day: Option<Date>| day.map_or_else(String::new, |day| day.to_string());
        if self.json {
            for (scope, (partner, held)) in &all {
                let (of, name) = scope.parts();
                let line = serde_json::json!({
                    "of": of, "name": name, "partner_id": partner, "since": held.since, "until": held.until, "at_risk": held.warned,
                });
                println!("{line}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if all.is_empty() {
            println!("nothing of {program} is one partner's alone");
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(&["of", "name", "partner", "since", "free from", "lost unless kept by"]);
        for (scope, (partner, held)) in &all {
            let (of, name) = scope.parts();
            rows.add_row([
                of.to_owned(),
                name.to_string(),
                partner.to_string(),
                held.since.to_string(),
                day(held.until),
                day(held.warned),
            ]);
        }
        println!("{}", shown(&rows));
        Ok(ExitCode::SUCCESS)
    }
}
