//! The ladders: what leads to each tier, what keeps it, what it brings.

use event::time::Length;
use program::{Gate, Review, Rule, Tier};

use super::of::Of;
use super::words::capital;
use crate::page::{Block, Section, Table};
use crate::probe::tiers_of;

pub(super) fn ladders(of: &Of<'_>) -> Section {
    let mut blocks = Vec::new();
    for (motion, tiers) in &of.program.ladders {
        let columns = ["Tier", "What leads to it", "What keeps it", "Looked at", "What it brings"];
        let rows = tiers.iter().map(|tier| {
            let enter = tier.enter.as_ref().map_or("where everybody begins".to_owned(), |all| of.criteria(all));
            let keep = tier.keep.as_ref().map_or("nothing more".to_owned(), |all| of.criteria(all));
            vec![tier.id.to_string(), enter, keep, looked_at(tier), brings(of, tier)]
        });
        let rows = rows.collect();
        let caption = capital(motion);
        blocks.push(Block::Table(Table { caption, why: None, columns: columns.map(str::to_owned).to_vec(), rows }));
    }
    Section { title: "Tiers".to_owned(), blocks }
}

fn brings(of: &Of<'_>, tier: &Tier) -> String {
    let needs = |gates: &[Gate]| gates.contains(&Gate::Tier(tier.id.clone()));
    let rules = of.program.rules.values();
    let paid = rules.clone().filter(|rule| rule.commission().is_some_and(|one| one.tiers.contains(&tier.id)));
    let more = rules.filter(|rule| tiers_of(of.program, rule).iter().any(|(_, id)| *id == tier.id));
    let rewards = of.program.rewards.values().filter(|reward| needs(&reward.gates));
    let benefits = of.program.benefits.values().filter(|benefit| needs(&benefit.gates));
    let doing = |rule: &Rule| {
        let what = of.doing(rule);
        let what = what.split(" (").next().unwrap_or_default().to_owned();
        what.strip_prefix("You ").map_or_else(|| what.clone(), |rest| format!("you {rest}"))
    };
    let (mut is_paid, mut has_more): (Vec<String>, Vec<String>) =
        (paid.map(doing).collect(), more.map(doing).collect());
    is_paid.dedup();
    has_more.dedup();
    let all: Vec<String> = is_paid
        .into_iter()
        .map(|what| format!("a commission when {what}"))
        .chain(has_more.into_iter().map(|what| format!("more when {what}")))
        .chain(rewards.map(|reward| reward.name.clone()))
        .chain(benefits.map(|benefit| benefit.name.clone()))
        .collect();
    all.join(", ")
}

fn looked_at(tier: &Tier) -> String {
    if tier.keep.is_none() {
        return String::new();
    }
    let often = match tier.review {
        Review::Monthly => "each month",
        Review::Quarterly => "each quarter",
        Review::Annually => "each year",
    };
    let first = if tier.first_review == (Length { months: 0, days: 0 }) {
        String::new()
    } else {
        format!(", first after {}", tier.first_review)
    };
    let grace = tier.grace.map(|grace| format!("; who falls short is told, and has {grace}")).unwrap_or_default();
    let pruned = tier.prune_after.map(|times| format!("; after {times} times in a row we part")).unwrap_or_default();
    format!("{often}{first}{grace}{pruned}")
}
