//! What is wrong with a program file, and where.

use std::borrow::Cow;
use std::ops::Range;

use jiff::civil::Date;
use serde::Serialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Whether a finding stops the program from being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not a program.
    Error,
    /// The program would run, and somebody would be surprised.
    Warning,
}

/// A stable word for each kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The file is no TOML.
    NotToml,
    /// The file cannot be read.
    Unreadable,
    /// A key that nothing reads.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of another type than the key takes.
    WrongType,
    /// A value that is none of the words or forms that can stand there, or out of its range.
    BadValue,
    /// The program's id is no table key.
    BadId,
    /// No ISO 4217 currency.
    BadCurrency,
    /// A rate for the program's own currency.
    OwnCurrency,
    /// No event type, or no pattern of one.
    UnknownEventType,
    /// The event type has no such field.
    UnknownField,
    /// No ladder has this tier.
    UnknownTier,
    /// There is no such campaign.
    UnknownCampaign,
    /// There is no such budget.
    UnknownBudget,
    /// Nothing is left of a budget within a month.
    BudgetSoonSpent,
    /// No rule gives out of a budget.
    UnusedBudget,
    /// A type is declared that no source may send.
    UnsentEvent,
    /// There is no such provider of rewards.
    UnknownProvider,
    /// A rule asks of a field what no event can hold, or what every event does.
    NeverHolds,
    /// A campaign ends before it starts.
    CampaignDates,
    /// A pause that ends before it starts.
    PauseDates,
    /// Bands are not in rising order.
    BandsOrder,
    /// Bands leave a gap, overlap, or are none.
    BandsGap,
    /// Two tiers of one ladder have the same rank.
    SameRank,
    /// The lowest tier has something to enter or keep.
    LowestTier,
    /// Events that name no motion count where there is no ladder.
    MotionWithoutLadder,
    /// A source pattern that no path or URI matches.
    SourceIsAName,
    /// A cap is by what the event does not name.
    CapOfNobody,
    /// One event can earn any number of points.
    UnboundedPoints,
    /// Nothing leads to a tier.
    UnreachableTier,
    /// A tier is lost without a warning.
    DemotionWithoutWarning,
    /// A steady partner goes up and down for ever.
    OscillatingLadder,
    /// Whoever reaches a tier reaches a higher one at once.
    TierNeverHeld,
    /// An amount is many times as much, or as little, as those beside it.
    AmountOutOfLine,
    /// Two clocks end in another order than they are meant: a newcomer is to be parted from before its plan is due.
    ContradictingClocks,
    /// A rule gives many times as much, or as little, as before.
    PointsLeap,
    /// What finance had locked is open again.
    LockMovedBack,
    /// A type of the vendor's own is taken otherwise from now on.
    EventChanged,
    /// What was stated of partners, or who is paid by it, is another thing from now on.
    FactChanged,
    /// A commission comes to more than the program allows, and is cut.
    RateAboveCap,
    /// A commission comes to half of the business or more.
    RateOfHalf,
    /// A commission leaves less of the vendor's margin than its floor (M08).
    MarginBelowFloor,
    /// Shares do not sum to the whole (I23).
    SharesSum,
    /// An example that is none.
    ExampleForm,
    /// An example makes another ledger than it says, or cannot happen.
    ExampleFails,
    /// The file has more bytes than a version can hold.
    TooLarge,
    /// It is another program than the one before.
    OtherProgram,
    /// It is in another currency than before.
    CurrencyChanged,
}

/// One finding in a program file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Bytes of the file it is about.
    pub span: Range<usize>,
    /// The keys of what it is about, from the file's first level on; empty where it is about no key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// 1-based line of the start of `span`.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
}

impl Diagnostic {
    /// A finding about the value at `path`, or about the table nearest to it.
    pub fn at(kind: (Severity, Code), text: &str, path: &[&str], message: String, help: Option<String>) -> Self {
        let keys = path.iter().map(|&key| key.to_owned()).collect();
        Self { path: keys, ..Self::new(kind, text, locate(text, path), message, help) }
    }

    /// A finding at `span`, bytes of `text`.
    pub fn new(
        (severity, code): (Severity, Code),
        text: &str,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self { severity, code, message, help, span, path: Vec::new(), line, column }
    }
}

/// Where the value at `path` stands; where it is missing, the nearest table around it.
/// A key of a table, and its value.
type Entry<'t> = (&'t Spanned<Cow<'t, str>>, &'t Spanned<DeValue<'t>>);

fn entry<'t>(table: &'t DeTable<'t>, name: &str) -> Option<Entry<'t>> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

/// What stands in a table of its own, as `type` does in `partner.type = "reseller"`.
fn below<'t>(table: &'t DeTable<'t>, name: &str) -> Option<Entry<'t>> {
    let (first, rest) = name.split_once('.')?;
    entry(entry(table, first)?.1.get_ref().as_table()?, rest)
}

pub(crate) fn locate(text: &str, path: &[&str]) -> Range<usize> {
    let Ok(root) = DeTable::parse(text) else { return 0..0 };
    let mut table = root.get_ref();
    let mut span = 0..text.lines().next().map_or(0, str::len);
    for name in path {
        let Some((key, value)) = entry(table, name).or_else(|| below(table, name)) else { return span };
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
    let code = match message.split('`').next().unwrap_or_default() {
        "unknown field " => Code::UnknownKey,
        "missing field " => Code::MissingKey,
        _ if DeTable::parse(text).is_err() => Code::NotToml,
        _ => Code::WrongType,
    };
    let span = error.span().unwrap_or(0..0);
    // TOML has dates of its own, which its reader takes for tables.
    let written = text.get(span.clone()).unwrap_or_default();
    let date = written.get(..10).filter(|date| date.parse::<Date>().is_ok());
    let said = date.map_or_else(|| in_words(&message), |date| format!("a date stands in quotes: \"{date}\""));
    Diagnostic::new((Severity::Error, code), text, span, said, help)
}

/// What the reader says, for whoever writes a program and knows nothing of its types.
fn in_words(message: &str) -> String {
    let named = || message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("unknown field `") {
        return format!("nothing reads `{}` here", named());
    }
    if message.starts_with("missing field `") {
        return format!("`{}` is missing", named());
    }
    if message.starts_with("invalid length") && message.contains("expected struct ") {
        return "a list cannot stand here; write a table".to_owned();
    }
    let said = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, wanted)) = said.and_then(|said| said.split_once(", expected ")) else { return message.to_owned() };
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) => {
            let digits = number.split(" as ").next().unwrap_or(number);
            format!("the number {}", digits.trim_matches('`'))
        }
        Some(("floating", point)) => format!("the number {}", point.trim_start_matches("point ").trim_matches('`')),
        Some(("boolean", word)) => word.trim_matches('`').to_owned(),
        _ if found == "sequence" => "a list".to_owned(),
        _ if found == "map" => "a table".to_owned(),
        _ => found.to_owned(),
    };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "a string" | "str" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list, as in [...]",
        "a map" => "a table",
        wanted if wanted.starts_with("struct ") => "a table",
        wanted => wanted,
    };
    format!("{found} cannot stand here; write {wanted}")
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

    pub(crate) fn error(&mut self, code: Code, path: &[&str], message: impl Into<String>, help: Option<String>) {
        self.push((Severity::Error, code), path, message.into(), help);
    }

    pub(crate) fn warning(&mut self, code: Code, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.push((Severity::Warning, code), path, message.into(), Some(help.into()));
    }

    fn push(&mut self, kind: (Severity, Code), path: &[&str], message: String, help: Option<String>) {
        self.found.push(Diagnostic::at(kind, self.text, path, message, help));
    }

    /// The value, or the finding that there is none.
    pub(crate) fn take<T>(&mut self, path: &[&str], result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.error(Code::BadValue, path, message, None)).ok()
    }
}
