//! Reading a file's form so that one slip hides no other: what does not fit is noted, looked away from, and the rest read again.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{File, plain};
use crate::findings::{Code, Diagnostic, Severity, from_reader};

/// Most faults of form that are told of one file.
const FAULTS_MAX: usize = 50;

/// What a file says, and what of it has no form.
pub(crate) struct Read {
    /// The file, as far as it has a form.
    pub(crate) file: Option<File>,
    /// The text without what has none, each byte where it was.
    pub(crate) text: String,
    /// What has none.
    pub(crate) found: Vec<Diagnostic>,
    /// Where the text was looked away from.
    pub(crate) away: Vec<Range<usize>>,
}

impl Read {
    /// Whether a finding stands where something was looked away from: that its value lacks what it needs says nothing new.
    pub(crate) fn is_of_a_slip(&self, finding: &Diagnostic) -> bool {
        let line = |at: usize| self.text.get(..at).map_or(0, |before| before.matches('\n').count() + 1);
        self.away.iter().any(|away| line(away.start) == finding.line)
    }
}

pub(crate) fn read(text: &str) -> Read {
    let mut left = Read { file: None, text: text.to_owned(), found: Vec::new(), away: Vec::new() };
    let mut gone: Vec<String> = Vec::new();
    while left.found.len() < FAULTS_MAX {
        let error = match toml::from_str(&left.text) {
            Ok(file) => {
                left.file = Some(file);
                left.found.extend(list_for_table(&left.text));
                break;
            }
            Err(error) => error,
        };
        let fault = from_reader(&left.text, &error);
        let (code, span) = (fault.code, fault.span.clone());
        // A key that was looked away from, or that another was meant to be, is missing because of that.
        let named = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
        let meant = fault.help.as_deref().filter(|help| help.starts_with("did you mean")).map(named);
        if code != Code::MissingKey || !gone.contains(&named(&fault.message)) {
            left.found.push(fault);
        }
        let Some((away, name)) = around(&left.text, &span) else { break };
        gone.extend(name.into_iter().chain(meant));
        let blank = |c: char| if matches!(c, '\n' | '\r') { c.to_string() } else { " ".repeat(c.len_utf8()) };
        let blanked: String = left.text[away.clone()].chars().map(blank).collect();
        if blanked == left.text[away.clone()] {
            break;
        }
        left.text.replace_range(away.clone(), &blanked);
        left.away.push(away);
    }
    left.found.sort_by_key(|fault| fault.span.start);
    left
}

/// A list that stands where a table belongs: TOML's reader takes its values for those of the table's keys, in their order.
fn list_for_table(text: &str) -> Option<Diagnostic> {
    plain::read(text).err()?;
    let mut spans = Vec::new();
    lists(&DeValue::Table(DeTable::parse(text).ok()?.into_inner()), &mut spans);
    let is_it = |span: &Range<usize>| {
        let mut table = text.to_owned();
        table.replace_range(span.clone(), "{}");
        plain::read(&table).is_ok()
    };
    let span = spans.into_iter().find(is_it).unwrap_or(0..0);
    let message = "a list cannot stand here; write a table".to_owned();
    Some(Diagnostic::new((Severity::Error, Code::WrongType), text, span, message, None))
}

/// Where lists stand.
fn lists(value: &DeValue<'_>, spans: &mut Vec<Range<usize>>) {
    let mut inside = |value: &Spanned<DeValue<'_>>| {
        if matches!(value.get_ref(), DeValue::Array(_)) {
            spans.push(value.span());
        }
        lists(value.get_ref(), spans);
    };
    match value {
        DeValue::Array(values) => values.iter().for_each(&mut inside),
        DeValue::Table(table) => table.values().for_each(&mut inside),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// What to look away from for a fault at `span`, and the key that it is: a key with its value, or a table from its header to the
/// next.
fn around(text: &str, span: &Range<usize>) -> Option<(Range<usize>, Option<String>)> {
    let line = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    if text[line..].starts_with('[') {
        let header = text[line..].split(']').next().unwrap_or_default();
        let below = format!("{header}.");
        let mut after = line;
        loop {
            after = text[after + 1..].find("\n[").map_or(text.len(), |at| after + 1 + at + 1);
            // What stands below it makes no table of it.
            if !text[after..].starts_with(&below) {
                break;
            }
        }
        let name = text[line..].trim_start_matches('[').split([']', '.']).next().unwrap_or_default().trim().to_owned();
        return Some((line..after, Some(name)));
    }
    let root = DeTable::parse(text).ok()?;
    let (mut entry, name) = innermost(root.get_ref(), span)?;
    // In a table on one line the comma goes with it.
    let rest = &text[entry.end..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest[blanks..].starts_with(',') {
        entry.end += blanks + 1;
    }
    entry.start = whole_key(text, entry.start);
    Some((entry, Some(name)))
}

/// Where a dotted key begins of which the last part begins at `start`.
fn whole_key(text: &str, mut start: usize) -> usize {
    while let Some(before) = text[..start].trim_end().strip_suffix('.') {
        let before = before.trim_end();
        let bare = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
        start = match before.strip_suffix('"') {
            Some(quoted) => quoted.rfind('"').unwrap_or(0),
            None => before.rfind(bare).map_or(0, |at| at + 1),
        };
    }
    start
}

/// The innermost key and value around `span`.
fn innermost(table: &DeTable<'_>, span: &Range<usize>) -> Option<(Range<usize>, String)> {
    table.iter().find_map(|(key, value)| {
        let inner = match value.get_ref() {
            DeValue::Table(inner) => innermost(inner, span),
            DeValue::Array(all) => all.iter().find_map(|one| match one.get_ref() {
                DeValue::Table(inner) => innermost(inner, span),
                _ => None,
            }),
            _ => None,
        };
        let own = key.span().start..value.span().end.max(key.span().end);
        let around = own.start <= span.start && span.end <= own.end;
        inner.or_else(|| around.then(|| (own, key.get_ref().to_string())))
    })
}
