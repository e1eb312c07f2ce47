//! Tables for people.

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use domain::ledger::Posting;
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

/// Narrower than this, a table breaks its words.
const WIDTH_MIN: u16 = 60;

/// A table as it fits the terminal: where it is too narrow for columns, each row as lines of their own.
pub(crate) fn shown(table: &Table) -> String {
    let is_narrow = table.width().is_some_and(|width| width < WIDTH_MIN);
    let Some(heads) = table.header().filter(|_| is_narrow) else { return table.to_string() };
    let heads: Vec<String> = heads.cell_iter().map(Cell::content).collect();
    let row = |row: &comfy_table::Row| {
        let cells = heads.iter().zip(row.cell_iter()).map(|(head, cell)| (head, cell.content()));
        let lines = cells.filter(|(_, text)| !text.is_empty()).map(|(head, text)| format!("{head}: {text}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    table.row_iter().map(row).collect::<Vec<_>>().join("\n\n")
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

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// What a movement adds, with its sign: points, or money with its currency.
pub(crate) fn adds(posting: &Posting) -> Cell {
    let sum = posting.sum();
    if posting.asset.is_points() || sum == 0 {
        return points(sum);
    }
    let sign = if sum > 0 { "+" } else { "" };
    Cell::new(format!("{sign}{}", posting.asset.told(sum))).set_alignment(CellAlignment::Right)
}

/// Prints an explanation, rule by rule.
pub(crate) fn explanation(e: &Explanation) {
    let money = e.commissions.iter().map(|(asset, amount)| format!(", {amount} {asset} of commission"));
    let money: String = money.collect();
    println!("{} {} ({}): {}, {} points{money}", e.source, e.id, e.kind, e.outcome.word(), e.points);
    println!("  {}", e.sentence);
    println!("  judged at {} by program version {}, edition {}", e.decided_at, e.program_version, e.edition);
    for change in &e.tier_changes {
        println!("  tier: {change}");
    }
    for milestone in &e.milestones {
        println!("  the partner is {milestone} for the first time");
    }
    if e.rules.is_empty() {
        return;
    }
    let mut table = table(&["rule", "verdict", "gave", "would have earned", "because", "why the rule is there"]);
    for rule in &e.rules {
        let why = rule.why.clone().unwrap_or_default();
        table.add_row(vec![
            Cell::new(&rule.rule),
            Cell::new(rule.verdict),
            rule.commission.as_ref().map_or_else(|| points(rule.points), |paid| right(paid)),
            rule.would_have_paid.as_ref().map_or_else(|| number(rule.would_have_earned), |paid| right(paid)),
            Cell::new(&rule.sentence),
            Cell::new(why),
        ]);
    }
    println!("{}", shown(&table));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E5: on a narrow terminal every letter had a line of its own.
    #[test]
    fn e5_a_narrow_terminal_gets_lines_instead_of_columns() {
        let rows = |width| {
            let mut rows = table(&["#", "points", "what", "why"]);
            rows.set_width(width);
            rows.add_row(["1", "+500", "500 points for deal D-8841 by \"closed\"", ""]);
            rows.add_row(["2", "+2", "2 points for content battlecard", "reading"]);
            shown(&rows)
        };
        let narrow = "#: 1\npoints: +500\nwhat: 500 points for deal D-8841 by \"closed\"\n\n\
                      #: 2\npoints: +2\nwhat: 2 points for content battlecard\nwhy: reading";
        assert_eq!(rows(30), narrow);
        let wide = rows(80);
        assert!(
            wide.contains("500 points for deal D-8841") && wide.lines().all(|line| line.chars().count() <= 80),
            "{wide}"
        );
    }
}
