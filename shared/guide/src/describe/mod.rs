//! The guide that partners read, written from a program file: what earns, what it brings, what keeps a tier.
//!
//! What a rule gives, what a reward costs, how long an opportunity is one's own and points last is asked of the code that decides, so that
//! the guide cannot say something else than what is done. What leads to a tier and keeps it, and how many of a benefit there are, is told
//! in the file's own figures.

mod of;
mod offers;
mod rules;
mod tiers;
mod words;

use event::catalogue::row;
use program::{Diagnostic, Program};
use serde_json::Value;

use crate::example;
use crate::page::{Block, Page, Section};
use crate::story::{Ground, Line, Step, What};
use of::Of;
use words::{in_short, words};

/// The guide of a program file.
///
/// # Errors
/// The errors of the file's form, and of its examples' form.
pub fn describe(text: &str) -> Result<Page, Vec<Diagnostic>> {
    let ground = Ground::of(text)?;
    let examples = example::read(text)?;
    let asked = ground.without_pauses();
    let of = Of { text, ground: &asked, program: ground.program() };
    let lead = format!(
        "Amounts are in {} where nothing else is said; days are those of {}. What is given, paid and asked for is what the program \
         itself answered.",
        of.program.currency,
        of.zone(),
    );
    let all = [
        rules::points(&of),
        rules::commissions(&of),
        tiers::ladders(&of),
        offers::rewards(&of),
        offers::benefits(&of),
        offers::deals(&of),
        offers::newcomers(&of),
        offers::challenges(&of),
        offers::lasting(&of),
        examples_shown(text, &ground, &examples),
    ];
    let sections = all.into_iter().filter(|section| !section.blocks.is_empty()).collect();
    Ok(Page { title: of.program.name.clone(), lead, sections })
}

fn examples_shown(text: &str, ground: &Ground, examples: &[example::Example]) -> Section {
    let shown = examples.iter().filter_map(|example| {
        let made: Vec<Line> = example.play(text, ground).ok()?;
        let mut made = made.into_iter().peekable();
        let mut lines = Vec::new();
        for step in &example.story.steps {
            while let Some(line) = made.next_if(|line| line.on < step.on) {
                lines.push((true, told(&line)));
            }
            lines.push((false, happened(ground.program(), step)));
        }
        lines.extend(made.map(|line| (true, told(&line))));
        Some(Block::Ledger { name: example.name.clone(), lines })
    });
    Section { title: "Examples".to_owned(), blocks: shown.collect() }
}

/// A step for people: `2026-03-14 deal.closed: deal D-1, outcome won, acv 48000`.
/// A line of a ledger for people: why something gave nothing, and not how that is called.
fn told(line: &Line) -> String {
    let nothing = [" gives nothing", " is refused"].iter().any(|said| line.what.contains(said));
    match &line.why {
        Some(why) if nothing => format!("{} nothing: {why}", line.on),
        Some(why) => format!("{} {why}", line.on),
        None => line.to_string(),
    }
}

/// A value without the marks of its form.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            all.iter().map(|(name, value)| format!("{} {}", words(name), plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// What happens, in the words of its type.
fn happened(program: &Program, step: &Step) -> String {
    let (What::Event { partner, .. } | What::Redeem { partner, .. }) = &step.what;
    let whose = partner.as_ref().map(|partner| format!("{partner}: ")).unwrap_or_default();
    match &step.what {
        What::Redeem { reward, quantity, .. } => format!("{} {whose}{quantity} {reward} ordered", step.on),
        What::Event { kind, data, .. } => {
            // How a deal closed says more than that it did.
            let outcome = data.get("outcome").and_then(Value::as_str).filter(|_| kind == "deal.closed");
            let members = data.iter().filter(|(name, _)| outcome.is_none() || *name != "outcome");
            let members = members.map(|(name, value)| format!("{} {}", words(name), plain(value)));
            let own = program.events.get(kind.as_str()).map(|own| own.form.about.as_str());
            let own = own.filter(|about| !about.is_empty());
            let what = own.or_else(|| row(kind).map(|row| row.summary)).map_or(kind.as_str(), in_short);
            let what = outcome.map_or_else(|| what.to_owned(), |outcome| format!("A deal is {outcome}"));
            format!("{} {whose}{what}: {}", step.on, members.collect::<Vec<_>>().join(", "))
        }
    }
}
