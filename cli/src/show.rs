//! Tables for people.

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use domain::tell::Explanation;

/// A table with these column heads.
pub(crate) fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(heads);
    if table.width().is_none() {
        // Not a terminal: wide enough to be read, narrow enough to be pasted.
        table.set_width(140);
    }
    table
}

/// A number, to the right.
pub(crate) fn number(value: i64) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

/// Points with their sign; nothing for none.
pub(crate) fn points(value: i64) -> Cell {
    let text = if value == 0 { "-".to_owned() } else { format!("{value:+}") };
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Prints an explanation, rule by rule.
pub(crate) fn explanation(e: &Explanation) {
    println!("{} {} ({}): {}, {} points", e.source, e.id, e.kind, e.outcome.word(), e.points);
    println!("  {}", e.sentence);
    println!("  judged at {} by program version {}, edition {}", e.decided_at, e.program_version, e.edition);
    for change in &e.tier_changes {
        println!("  tier: {change}");
    }
    if e.rules.is_empty() {
        return;
    }
    let mut table = table(&["rule", "verdict", "points", "would have earned", "because", "why the rule is there"]);
    for rule in &e.rules {
        let why = rule.why.clone().unwrap_or_default();
        table.add_row(vec![
            Cell::new(&rule.rule),
            Cell::new(rule.verdict),
            points(rule.points),
            number(rule.would_have_earned),
            Cell::new(&rule.sentence),
            Cell::new(why),
        ]);
    }
    println!("{table}");
}
