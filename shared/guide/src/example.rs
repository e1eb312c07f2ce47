//! `[[example]]`: what happens, and the ledger that it must make. A file whose examples fail is not published.

use std::ops::Range;

use jiff::civil::Date;
use program::{Code, Diagnostic, Severity};
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use crate::story::{Ground, Line, Step, Story, What, play};

/// Most examples of a file.
pub const EXAMPLES_MAX: usize = 100;
/// Most steps of an example.
pub const STEPS_MAX: usize = 200;

/// An example of a program file.
#[derive(Clone, Debug)]
pub struct Example {
    /// What it shows, for partners.
    pub name: String,
    /// What happens.
    pub story: Story,
    /// The ledger that the file says it makes; none: it says nothing.
    pub ledger: Option<Vec<String>>,
    /// Where it begins in the file.
    at: Range<usize>,
    /// Where its steps stand.
    steps: Vec<Range<usize>>,
    /// Where its ledger stands.
    ledger_at: Range<usize>,
}

#[derive(Deserialize)]
struct Tables {
    #[serde(default)]
    example: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    events: Vec<Spanned<toml::Table>>,
    until: Option<Spanned<String>>,
    ledger: Option<Spanned<Vec<String>>>,
}

/// The examples of a program file.
///
/// # Errors
/// What is no example in them.
pub fn read(text: &str) -> Result<Vec<Example>, Vec<Diagnostic>> {
    let tables: Tables = toml::from_str(text).map_err(|error| {
        let message = format!("in an example: {}", error.message().trim());
        let help = "write name, events and ledger, as infra/programs/README.md shows";
        vec![finding(Code::ExampleForm, text, error.span().unwrap_or(0..0), message, help.to_owned())]
    })?;
    if let Some(more) = tables.example.get(EXAMPLES_MAX) {
        let message = format!("a file has at most {EXAMPLES_MAX} examples");
        return Err(vec![finding(Code::ExampleForm, text, head(text, more), message, "leave some out".to_owned())]);
    }
    let (mut examples, mut found) = (Vec::new(), Vec::new());
    for table in tables.example {
        match example(text, table) {
            Ok(example) => examples.push(example),
            Err(fault) => found.push(fault),
        }
    }
    if found.is_empty() { Ok(examples) } else { Err(found) }
}

fn finding(code: Code, text: &str, span: Range<usize>, message: String, help: String) -> Diagnostic {
    Diagnostic::new((Severity::Error, code), text, span, message, Some(help))
}

/// The header of an example, which a reader looks for.
fn head(text: &str, table: &Spanned<Table>) -> Range<usize> {
    let start = table.span().start;
    start..text[start..].find('\n').map_or(text.len(), |end| start + end)
}

fn example(text: &str, table: Spanned<Table>) -> Result<Example, Diagnostic> {
    let at = head(text, &table);
    let Table { name, events, until, ledger } = table.into_inner();
    let wrong = |span: Range<usize>, message: String| {
        let help = "{ on = \"2026-03-14\", type = \"course.completed\", course_id = \"sales-101\", level = 101, person_id = \"dana\" }";
        finding(Code::ExampleForm, text, span, message, help.to_owned())
    };
    if events.is_empty() || events.len() > STEPS_MAX {
        return Err(wrong(at, format!("an example has 1 to {STEPS_MAX} events")));
    }
    let steps: Vec<Range<usize>> = events.iter().map(Spanned::span).collect();
    let read = events.into_iter().map(|event| {
        let span = event.span();
        step(event.into_inner()).map_err(|message| wrong(span, message))
    });
    let read = read.collect::<Result<Vec<Step>, Diagnostic>>()?;
    let until = until.map(|until| day(until.get_ref()).map_err(|message| wrong(until.span(), message))).transpose()?;
    let ledger_at = ledger.as_ref().map_or_else(|| at.clone(), Spanned::span);
    let ledger = ledger.map(Spanned::into_inner);
    Ok(Example { name, story: Story { steps: read, until }, ledger, at, steps, ledger_at })
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no day; write it as \"2026-03-14\""))
}

fn step(mut table: toml::Table) -> Result<Step, String> {
    let mut take = |name: &str| match table.remove(name) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` is a text in quotes")),
    };
    let on = day(&take("on")?.ok_or("a step says when it happens: on = \"2026-03-14\"")?)?;
    let (partner, kind, redeem) = (take("partner")?, take("type")?, take("redeem")?);
    let what = match (kind, redeem) {
        (Some(kind), None) => {
            let data: Map<String, Value> =
                table.into_iter().map(|(name, value)| Ok((name, plain(value)?))).collect::<Result<_, String>>()?;
            What::Event { kind, partner, data }
        }
        (None, Some(reward)) => {
            let quantity = match table.remove("quantity") {
                None => 1,
                Some(toml::Value::Integer(quantity)) => quantity,
                Some(_) => return Err("`quantity` is a whole number".to_owned()),
            };
            if let Some((name, _)) = table.into_iter().next() {
                return Err(format!("an order has no `{name}`; it has redeem and quantity"));
            }
            What::Redeem { partner, reward, quantity }
        }
        _ => return Err("a step has either a `type` of event, or `redeem` with a reward".to_owned()),
    };
    Ok(Step { on, what })
}

/// A value as a sender would send it.
fn plain(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Float(_) => return Err("a number with a point stands in quotes".to_owned()),
        toml::Value::Datetime(_) => return Err("a date stands in quotes".to_owned()),
        toml::Value::Array(all) => all.into_iter().map(plain).collect::<Result<_, _>>()?,
        toml::Value::Table(all) => {
            let members = all.into_iter().map(|(name, value)| Ok((name, plain(value)?)));
            Value::Object(members.collect::<Result<_, String>>()?)
        }
    })
}

impl Example {
    /// The ledger that it makes by a program.
    ///
    /// # Errors
    /// The finding, where a step of it cannot happen.
    pub fn play(&self, text: &str, ground: &Ground) -> Result<Vec<Line>, Diagnostic> {
        let played = play(ground, &self.story).map(|(lines, _)| lines);
        played.map_err(|wrong| {
            let span = self.steps.get(wrong.step).unwrap_or(&self.at).clone();
            let message = format!("`{}` cannot happen so: {}", self.name, wrong.message);
            let help = "send what the reference of events says, events/README.md".to_owned();
            finding(Code::ExampleFails, text, span, message, help)
        })
    }

    /// What is not so by a program.
    fn fault(&self, text: &str, ground: &Ground) -> Option<Diagnostic> {
        let lines = match self.play(text, ground) {
            Ok(lines) => lines,
            Err(fault) => return Some(fault),
        };
        let made: Vec<String> = lines.iter().map(Line::to_string).collect();
        let said = self.ledger.as_deref().unwrap_or_default();
        let parts = said.iter().zip(&made).position(|(said, made)| said != made);
        let message = match parts.or_else(|| (said.len() != made.len()).then(|| said.len().min(made.len()))) {
            None if self.ledger.is_some() => return None,
            None => format!("`{}` does not say which ledger it makes", self.name),
            Some(at) => match (said.get(at), made.get(at)) {
                (Some(said), Some(made)) => format!("`{}` says `{said}`, and it is `{made}`", self.name),
                (Some(said), None) => format!("`{}` says `{said}`, and there is no such line", self.name),
                (None, made) => format!("`{}` does not say `{}`", self.name, made.map_or("", String::as_str)),
            },
        };
        let lines: Vec<String> = made.iter().map(|line| format!("  {},\n", Value::from(line.as_str()))).collect();
        let help = format!("if that is meant:\nledger = [\n{}]", lines.concat());
        Some(finding(Code::ExampleFails, text, self.ledger_at.clone(), message, help))
    }
}

/// What is wrong with the examples of a program file: their form, and what they say of the ledger. `ground` is what `text` says.
pub fn faults(text: &str, ground: &Ground) -> Vec<Diagnostic> {
    match read(text) {
        Ok(examples) => examples.iter().filter_map(|example| example.fault(text, ground)).collect(),
        Err(found) => found,
    }
}
