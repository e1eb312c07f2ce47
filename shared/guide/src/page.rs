//! A page of sections, texts and tables: as Markdown, as one HTML file, and what differs between two.

use std::fmt::Write;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is, in a few sentences.
    pub lead: String,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A section of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// What stands in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A sentence on the table before it.
    Note(String),
    /// A table.
    Table(Table),
    /// Lines as a ledger has them, under a name.
    Ledger {
        /// What they show.
        name: String,
        /// What happens, and what comes of it below, told apart by the flag.
        lines: Vec<(bool, String)>,
    },
}

/// A table. What its first column says names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it is of.
    pub caption: String,
    /// Why, in the vendor's words.
    pub why: Option<String>,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each of as many cells as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Page {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", plain(&self.title), plain(&self.lead));
        for section in &self.sections {
            let _ = write!(text, "\n## {}\n", plain(&section.title));
            for block in &section.blocks {
                text.push('\n');
                match block {
                    Block::Text(words) | Block::Note(words) => {
                        let _ = writeln!(text, "{}", plain(words));
                    }
                    Block::Table(table) => table.markdown(&mut text),
                    Block::Ledger { name, lines } => {
                        let _ = writeln!(text, "**{}**\n\n```text", plain(name));
                        for (is_made, line) in lines {
                            // Nothing in a line ends the block that it stands in.
                            let line = line.replace(['\n', '\r'], " ").replace("```", "'''");
                            let _ = writeln!(text, "{}{line}", if *is_made { "    " } else { "" });
                        }
                        text.push_str("```\n");
                    }
                }
            }
        }
        text
    }

    /// As one HTML file that needs no other: for a screen of any width, light or dark, and for paper.
    pub fn html(&self) -> String {
        let mut text = String::from(HEAD);
        let _ =
            write!(text, "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>", escaped(&self.title));
        let _ = write!(text, "<h1>{}</h1>\n<p>{}</p>\n<nav><ul>", escaped(&self.title), escaped(&self.lead));
        for (at, section) in self.sections.iter().enumerate() {
            let _ = write!(text, "<li><a href=\"#s{at}\">{}</a></li>", escaped(&section.title));
        }
        text.push_str("</ul></nav></header>\n<main>\n");
        for (at, section) in self.sections.iter().enumerate() {
            let _ = writeln!(text, "<section id=\"s{at}\"><h2>{}</h2>", escaped(&section.title));
            for block in &section.blocks {
                match block {
                    Block::Text(words) | Block::Note(words) => {
                        let _ = writeln!(text, "<p>{}</p>", escaped(words));
                    }
                    Block::Table(table) => table.html(&mut text),
                    Block::Ledger { name, lines } => {
                        let _ = write!(text, "<figure><figcaption>{}</figcaption><ol>", escaped(name));
                        for (is_made, line) in lines {
                            let class = if *is_made { " class=\"made\"" } else { "" };
                            let _ = write!(text, "<li{class}>{}</li>", escaped(line));
                        }
                        text.push_str("</ol></figure>\n");
                    }
                }
            }
            text.push_str("</section>\n");
        }
        text.push_str("</main>\n</body>\n</html>\n");
        text
    }

    fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.sections.iter().flat_map(|section| {
            let tables = section
                .blocks
                .iter()
                .filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None });
            tables.map(|table| (section.title.as_str(), table))
        })
    }

    /// The sentences of a section, each with the caption of the table that it is a note of.
    fn texts(&self, section: &str) -> Vec<(&str, &str)> {
        let mut caption = "";
        let of = self.sections.iter().filter(|one| one.title == section).flat_map(|one| &one.blocks);
        let told = of.filter_map(|block| match block {
            Block::Text(text) => Some(("", text.as_str())),
            Block::Note(text) => Some((caption, text.as_str())),
            Block::Table(table) => {
                caption = &table.caption;
                None
            }
            Block::Ledger { .. } => None,
        });
        told.collect()
    }

    /// What this page says that the one before does not say so: a section for each, nothing where they say the same.
    pub fn against(&self, before: &Page) -> Page {
        let mut sections: Vec<Section> = Vec::new();
        let mut add = |title: &str, block: Block| match sections.iter_mut().find(|section| section.title == title) {
            Some(section) => section.blocks.push(block),
            None => sections.push(Section { title: title.to_owned(), blocks: vec![block] }),
        };
        let find = |page: &Page, title: &str, caption: &str| {
            page.tables().find(|(one, table)| *one == title && table.caption == caption).map(|(_, table)| table.clone())
        };
        for (title, table) in self.tables() {
            let rows = match find(before, title, &table.caption) {
                Some(old) => table.differences(&old),
                None => table.rows.iter().map(|row| new_row(row)).collect(),
            };
            if !rows.is_empty() {
                add(title, Block::Table(changes(&table.caption, rows)));
            }
        }
        for (title, table) in before.tables() {
            if find(self, title, &table.caption).is_none() {
                let rows = table.rows.iter().map(|row| gone_row(row)).collect();
                add(title, Block::Table(changes(&table.caption, rows)));
            }
        }
        let titles = self.sections.iter().chain(&before.sections).map(|section| section.title.as_str());
        let mut seen = Vec::new();
        for title in titles {
            if seen.contains(&title) {
                continue;
            }
            seen.push(title);
            let (is, was) = (self.texts(title), before.texts(title));
            let mut gone: Vec<_> = was.iter().filter(|text| !is.contains(text)).collect();
            let of = |caption: &str| if caption.is_empty() { String::new() } else { format!("{caption}. ") };
            for (caption, text) in is.iter().filter(|text| !was.contains(text)) {
                // What is said of the same table is said instead of it.
                let instead = gone.iter().position(|(other, _)| !caption.is_empty() && other == caption);
                let told = match instead.map(|at| gone.remove(at)) {
                    Some((_, before)) => format!("{}Before: {before} From then on: {text}", of(caption)),
                    None => format!("{}New: {text}", of(caption)),
                };
                add(title, Block::Text(told));
            }
            for (caption, text) in gone {
                add(title, Block::Text(format!("{}No longer: {text}", of(caption))));
            }
        }
        let lead = if sections.is_empty() {
            "Nothing changes for partners."
        } else {
            "What changes for partners, and nothing else."
        };
        Page { title: format!("{}: what changes", self.title), lead: lead.to_owned(), sections }
    }
}

fn changes(caption: &str, rows: Vec<Vec<String>>) -> Table {
    let columns = ["What", "Which", "Before", "From then on"].map(str::to_owned).to_vec();
    Table { caption: caption.to_owned(), why: None, columns, rows }
}

const NONE: &str = "-";

fn new_row(row: &[String]) -> Vec<String> {
    vec![row[0].clone(), "new".to_owned(), NONE.to_owned(), row[1..].join("; ")]
}

fn gone_row(row: &[String]) -> Vec<String> {
    vec![row[0].clone(), "gone".to_owned(), row[1..].join("; "), NONE.to_owned()]
}

impl Table {
    fn differences(&self, old: &Table) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for row in &self.rows {
            let Some(was) = old.rows.iter().find(|was| was[0] == row[0]) else {
                rows.push(new_row(row));
                continue;
            };
            for (at, column) in self.columns.iter().enumerate().skip(1) {
                let before = old.columns.iter().position(|one| one == column).map_or(NONE, |at| was[at].as_str());
                if before != row[at] {
                    rows.push(vec![row[0].clone(), column.clone(), before.to_owned(), row[at].clone()]);
                }
            }
            for (at, column) in old.columns.iter().enumerate().skip(1) {
                if !self.columns.contains(column) {
                    rows.push(vec![row[0].clone(), column.clone(), was[at].clone(), NONE.to_owned()]);
                }
            }
        }
        let is_gone = |was: &&Vec<String>| !self.rows.iter().any(|row| row[0] == was[0]);
        rows.extend(old.rows.iter().filter(is_gone).map(|was| gone_row(was)));
        rows
    }

    fn markdown(&self, text: &mut String) {
        if !self.caption.is_empty() {
            let _ = writeln!(text, "**{}**\n", plain(&self.caption));
        }
        if let Some(why) = &self.why {
            let _ = writeln!(text, "{}\n", plain(why));
        }
        let row = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>().join(" | "))
        };
        text.push_str(&row(&self.columns));
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        self.rows.iter().for_each(|cells| text.push_str(&row(cells)));
    }

    fn html(&self, text: &mut String) {
        text.push_str("<div class=\"table\">");
        if !self.caption.is_empty() {
            let _ = write!(text, "<h3>{}</h3>", escaped(&self.caption));
        }
        if let Some(why) = &self.why {
            let _ = write!(text, "<p class=\"why\">{}</p>", escaped(why));
        }
        text.push_str("<table><thead><tr>");
        for column in &self.columns {
            let _ = write!(text, "<th scope=\"col\">{}</th>", escaped(column));
        }
        text.push_str("</tr></thead><tbody>");
        for cells in &self.rows {
            text.push_str("<tr>");
            for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
                // On a phone each cell says of which column it is.
                let (open, close) = if at == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
                let class = if is_figure(cell) { " class=\"n\"" } else { "" };
                let _ = write!(text, "<{open}{class} data-of=\"{}\">{}</{close}>", escaped(column), escaped(cell));
            }
            text.push_str("</tr>");
        }
        text.push_str("</tbody></table></div>\n");
    }
}

/// Whether a cell holds one figure, with its unit perhaps.
fn is_figure(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit()) && cell.split_whitespace().count() <= 2
}

/// What Markdown would take for its own.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '|' | '<' | '>' | '[' | ']' | '#' => plain.extend(['\\', c]),
            _ => plain.push(c),
        }
    }
    plain
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n";
const STYLE: &str = include_str!("page.css");
