//! `statement`, `explain`, `events`: what the API shows, at the terminal.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use comfy_table::Cell;
use domain::decide::{Needs, State, parts_to_show};
use domain::ledger::{Balance, Outcome};
use domain::tell::{Added, Amount, Commissions, commissions};
use event::ids::{EventId, Identity, PartnerId, ProgramId, Source};
use event::json::Json;
use store::beside::Beside;
use store::holds::{Hold, Of};

use crate::connect::Connect;
use crate::show::{adds, explanation, number, shown, table};

/// Rows of one table.
const ROWS_MAX: i32 = 1_000;

/// Show a partner's statement.
#[derive(Args)]
pub(crate) struct Statement {
    /// The partner.
    partner: String,
    /// The program.
    #[arg(long, default_value = "hr-software")]
    program: String,
    /// Records to show, newest first.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON, one movement a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Statement {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let (program, partner) =
            (ProgramId::try_from(self.program.as_str())?, PartnerId::try_from(self.partner.as_str())?);
        let mut state = State::new(partner.clone());
        *state.account = store::state::begun(&store, &program, &partner).await?;
        let programs = store::programs::read(&store, &program).await?;
        let Some(programs) = programs else { bail!("the program {program} has no published version (--program)") };
        if state.account.head.position == 0 {
            bail!("{program} knows no partner `{partner}`")
        }
        let parts = parts_to_show(&programs, &state.account, store.clock().now());
        store::state::fill(&store, &program, &Needs { parts, ..Needs::default() }, &mut state).await?;
        let account = &state.account;
        let page = store::history::page(&store, &program, &partner, None, self.limit).await?;
        let mut rows = table(&["#", "booked", "adds", "what", "available", "pending"]);
        for record in &page.items {
            let version = programs.number(record.version());
            for posting in record.postings.iter().rev() {
                let words = domain::tell::movement(record, posting, version.map(|version| &*version.program));
                if self.json {
                    let added = Added::by(posting);
                    let line = serde_json::json!({
                        "position": record.position, "booked": record.booked, "kind": posting.kind, "points": added.points,
                        "money": added.money, "asset": posting.asset, "amount": Amount::of(posting), "from": posting.from, "to": posting.to, "rule": posting.rule,
                        "source": record.identity.source, "id": record.identity.id, "about": domain::tell::about(record),
                        "words": words, "balance": record.after,
                    });
                    println!("{line}");
                    continue;
                }
                rows.add_row(vec![
                    Cell::new(record.position),
                    Cell::new(record.booked),
                    adds(posting),
                    Cell::new(words),
                    number(record.after.available),
                    number(record.after.pending),
                ]);
            }
        }
        if self.json {
            return Ok(ExitCode::SUCCESS);
        }
        println!("{}", shown(&rows));
        let Balance { available, pending, reserved, owed } = account.balance();
        println!("{partner}: {available} available, {pending} pending, {reserved} reserved, {owed} owed");
        for (currency, Commissions { accrued, payable, in_payout, paid, owed }) in commissions(account) {
            println!(
                "commissions in {currency}: {payable} payable, {accrued} accrued, {in_payout} in a payout, {paid} paid, {owed} owed"
            );
        }
        if page.next.is_some() {
            println!("older records are not shown; ask for more with --limit");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Explain what became of one event.
#[derive(Args)]
pub(crate) struct Explain {
    /// The partner.
    partner: String,
    /// The event's source.
    source: String,
    /// The event's id.
    id: String,
    /// The program.
    #[arg(long, default_value = "hr-software")]
    program: String,
    /// Print JSON, as the API does.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Explain {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str())?;
        // What is no identity has no record, and may have been rejected for just that.
        let record = match (Source::try_from(self.source.as_str()), EventId::try_from(self.id.as_str())) {
            (Ok(source), Ok(id)) => {
                store::history::record(&store, &Identity { program: program.clone(), source, id }).await?
            }
            _ => None,
        };
        match record {
            Some(record) if record.partner.as_str() == self.partner => {
                let programs = store::programs::read(&store, &program).await?;
                let version = programs.as_ref().and_then(|programs| programs.number(record.version()));
                let told = domain::tell::explain(&record, version.map(|v| &*v.program));
                if self.json {
                    println!("{}", serde_json::to_string(&told)?);
                } else {
                    explanation(&told);
                }
                Ok(ExitCode::SUCCESS)
            }
            other => self.not_judged(&store, &program, other.map(|record| record.partner)).await,
        }
    }

    /// What became of an event that has no record: it waits, or was not acceptable.
    async fn not_judged(
        &self,
        store: &store::Store,
        program: &ProgramId,
        about: Option<PartnerId>,
    ) -> anyhow::Result<ExitCode> {
        let partner = PartnerId::try_from(self.partner.as_str())?;
        let found = store::beside::find(store, program, &partner, (&self.source, &self.id)).await?;
        let (outcome, at, sentence, detail) = match (found, about) {
            (None, Some(other)) => bail!("the event is about partner {other}, not {partner}"),
            (None, None) => bail!("{program} knows no event {} {} about {partner}", self.source, self.id),
            (Some(Beside::Held(hold)), _) => {
                let until = format!("waits for {} until {:.0}", hold.awaited(), hold.until);
                (Outcome::Held, hold.held_at, hold.sentence(), until)
            }
            (Some(Beside::Kept(kept)), _) => {
                let faults = kept.rejection.iter().flat_map(|first| std::iter::once(first).chain(&first.also));
                let faults: Vec<String> = faults.map(|one| format!("{}: {}", one.field, one.message)).collect();
                let differs = difference(store, &kept).await?;
                let detail = if faults.is_empty() { differs } else { faults.join("\n  ") };
                (kept.outcome, kept.kept_at, kept.sentence(), detail)
            }
        };
        if self.json {
            let told = serde_json::json!({ "source": self.source, "id": self.id, "outcome": outcome, "points": 0, "at": at, "sentence": sentence });
            println!("{told}");
        } else {
            println!("{} {}: {}, {at:.0}", self.source, self.id, outcome.word());
            println!("  {detail}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What needs a person.
#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// Same identity, another meaning.
    Conflict,
    /// Waiting for a deal, a partner, a rate or a program.
    Held,
    /// Bad form.
    Rejected,
    /// No identity can be read.
    Quarantined,
}

/// List events that need a person.
#[derive(Args)]
pub(crate) struct Events {
    /// Which of them.
    #[arg(long, value_enum)]
    outcome: Wanted,
    /// One program only.
    #[arg(long)]
    program: Option<String>,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Events {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = self.connect.store().await?;
        let programs = match &self.program {
            Some(program) => vec![program.clone()],
            None => store::programs::ids(&store).await?,
        };
        match self.outcome {
            Wanted::Quarantined => self.quarantined(&store).await?,
            Wanted::Held => self.held(&store, &programs).await?,
            Wanted::Conflict => self.kept(&store, &programs, "conflict").await?,
            Wanted::Rejected => self.kept(&store, &programs, "rejected").await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn kept(&self, store: &store::Store, programs: &[String], outcome: &str) -> anyhow::Result<()> {
        let mut rows = table(&["program", "partner", "source", "id", "kept at", "why", "hash", "first hash"]);
        let mut kept = Vec::new();
        for program in programs {
            kept.extend(store::aside::list(store, program, outcome, ROWS_MAX).await?);
        }
        if self.program.is_none() {
            let most = ROWS_MAX.unsigned_abs() as usize;
            kept.extend(store::aside::of_others(store, programs, outcome, most).await?);
        }
        for kept in kept {
            if self.json {
                println!("{}", serde_json::to_string(&kept)?);
                continue;
            }
            let differs = difference(store, &kept).await?;
            let why = kept.rejection.as_ref().map_or(differs, |r| format!("{}: {}", r.field, r.message));
            let first = kept.first_hash.map(|hash| format!("{hash:.12}")).unwrap_or_default();
            rows.add_row([
                &kept.program,
                kept.partner.as_deref().unwrap_or("?"),
                &kept.source,
                &kept.id,
                &kept.kept_at.to_string(),
                &why,
                &format!("{:.12}", kept.hash),
                &first,
            ]);
        }
        self.print(&rows);
        Ok(())
    }

    async fn held(&self, store: &store::Store, programs: &[String]) -> anyhow::Result<()> {
        let mut rows = table(&["program", "partner", "source", "id", "waits for", "held at", "until"]);
        for hold in self.holds(store, programs).await? {
            let (program, waits_for) = (&hold.identity.program, hold.awaited());
            if self.json {
                let shown = serde_json::json!({ "program": program, "partner": hold.partner, "source": hold.identity.source, "id": hold.identity.id, "awaits": hold.awaits, "held_at": hold.held_at, "until": hold.until });
                println!("{shown}");
                continue;
            }
            let (source, id) = (&hold.identity.source, &hold.identity.id);
            rows.add_row(
                [
                    program.as_str(),
                    &hold.partner,
                    source,
                    id,
                    &waits_for,
                    &hold.held_at.to_string(),
                    &hold.until.to_string(),
                ]
                .map(str::to_owned),
            );
        }
        self.print(&rows);
        Ok(())
    }

    /// Events that wait in these programs, and those whose program is not published: of the program asked for, or all.
    async fn holds(&self, store: &store::Store, programs: &[String]) -> anyhow::Result<Vec<Hold>> {
        let programs = programs.iter().map(|id| ProgramId::try_from(id.as_str())).collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::new();
        for of in programs.iter().map(Of::Program).chain([Of::Unknown]) {
            let mut page = store::holds::page(store, of, None).await?;
            loop {
                found.extend(page.items.into_iter().collect::<Result<Vec<_>, _>>()?);
                let Some(start) = page.next else { break };
                page = store::holds::page(store, of, Some(&start)).await?;
            }
        }
        found.retain(|hold| self.program.as_ref().is_none_or(|wanted| *wanted == *hold.identity.program));
        Ok(found)
    }

    async fn quarantined(&self, store: &store::Store) -> anyhow::Result<()> {
        let mut rows = table(&["message", "bytes", "why", "at byte", "kept at"]);
        for note in store::aside::quarantined(store, ROWS_MAX).await? {
            if self.json {
                println!("{}", serde_json::to_string(&note)?);
                continue;
            }
            let offset = note.offset.map(|o| o.to_string()).unwrap_or_default();
            rows.add_row([&note.message_id, &note.bytes.to_string(), &note.reason, &offset, &note.kept_at.to_string()]);
        }
        self.print(&rows);
        Ok(())
    }

    fn print(&self, rows: &comfy_table::Table) {
        if !self.json {
            println!("{}", shown(rows));
            println!("{} rows", rows.row_iter().count());
        }
    }
}

/// What a conflict says otherwise than the event that has its identity.
async fn difference(store: &store::Store, kept: &store::aside::Aside) -> anyhow::Result<String> {
    let Some(data) = kept.data.as_ref() else { return Ok(String::new()) };
    let identity = Identity {
        program: ProgramId::try_from(kept.program.as_str())?,
        source: Source::try_from(kept.source.as_str())?,
        id: EventId::try_from(kept.id.as_str())?,
    };
    let Some(first) = store::history::record(store, &identity).await? else {
        return Ok("the first event is still held".to_owned());
    };
    let (Ok(Json::Map(before)), Ok(Json::Map(now))) = (Json::parse(&first.data), Json::parse(data)) else {
        return Ok(String::new());
    };
    let names: std::collections::BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let shown = |value: Option<&Json<'_>>| value.map_or("nothing".to_owned(), Json::plain);
    let mut differs: Vec<String> = Vec::new();
    if kept.partner.as_deref() != Some(first.partner.as_str()) {
        differs.push(format!("subject: first {}, now {}", first.partner, kept.partner.as_deref().unwrap_or("?")));
    }
    let changed = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    differs
        .extend(changed.map(|name| format!("{name}: first {}, now {}", shown(before.get(name)), shown(now.get(name)))));
    Ok(if differs.is_empty() { "type or time differ".to_owned() } else { differs.join("; ") })
}
