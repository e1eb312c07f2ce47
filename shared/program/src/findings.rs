//! What is wrong with a program file, and where.

use std::ops::Range;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

/// Whether a finding stops the program from being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not a program.
    Error,
    /// The program would run, and somebody would be surprised.
    Warning,
}

/// One finding in a program file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Bytes of the file it is about.
    pub span: Range<usize>,
    /// 1-based line of the start of `span`.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
}

impl Diagnostic {
    pub(crate) fn new(
        severity: Severity,
        text: &str,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self { severity, message, help, span, line, column }
    }
}

/// Where the value at `path` stands; where it is missing, the nearest table around it.
pub(crate) fn locate(text: &str, path: &[&str]) -> Range<usize> {
    let Ok(root) = DeTable::parse(text) else { return 0..0 };
    let mut table = root.get_ref();
    let mut span = 0..text.lines().next().map_or(0, str::len);
    for name in path {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { return span };
        match value.get_ref() {
            DeValue::Table(inner) => {
                // A table's own span is all of it; its name is what a reader looks for.
                span = key.span();
                table = inner;
            }
            _ => return value.span(),
        }
    }
    span
}

/// The error of the TOML reader as a finding, with the nearest known key where one was mistyped.
pub(crate) fn from_reader(text: &str, error: &toml::de::Error) -> Diagnostic {
    let message = error.message().trim().to_owned();
    let help = unknown_field(&message).map(|(wrong, known)| match nearest(&wrong, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    });
    Diagnostic::new(Severity::Error, text, error.span().unwrap_or(0..0), message, help)
}

/// Serde's sentence: unknown field `x`, expected one of `a`, `b`.
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (wrong, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((wrong.to_owned(), known))
}

/// The known word nearest to a mistyped one, if one is near.
pub(crate) fn nearest<'a>(wrong: &str, known: &'a [impl AsRef<str>]) -> Option<&'a str> {
    let distance = |word: &str| strsim::damerau_levenshtein(wrong, word);
    let best = known.iter().map(AsRef::as_ref).min_by_key(|word| distance(word))?;
    (distance(best) <= 1 + wrong.chars().count() / 3).then_some(best)
}

/// Collects the errors of one file.
pub(crate) struct Findings<'a> {
    text: &'a str,
    pub(crate) found: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn error(&mut self, path: &[&str], message: impl Into<String>, help: Option<String>) {
        self.push(Severity::Error, path, message.into(), help);
    }

    pub(crate) fn warning(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.push(Severity::Warning, path, message.into(), Some(help.into()));
    }

    fn push(&mut self, severity: Severity, path: &[&str], message: String, help: Option<String>) {
        let span = locate(self.text, path);
        self.found.push(Diagnostic::new(severity, self.text, span, message, help));
    }

    /// The value, or the finding that there is none.
    pub(crate) fn take<T>(&mut self, path: &[&str], result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.error(path, message, None)).ok()
    }
}
