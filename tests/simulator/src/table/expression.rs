//! Condition, key condition, filter and update expressions, as far as Laurel writes them. Anything else is refused, so that
//! nothing passes here that was never looked at.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::item::Item;

/// A parsed condition.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
    /// Not.
    Not(Box<Condition>),
    /// The attribute is there.
    Exists(String),
    /// A comparison.
    Compare(Operand, &'static str, Operand),
    /// A text begins so.
    BeginsWith(String, Operand),
}

/// What is compared.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// An attribute.
    Name(String),
    /// A value of the request.
    Value(Value),
}

/// Names and values that an expression stands on.
pub(super) struct Terms<'a> {
    names: Option<&'a Map<String, Value>>,
    values: Option<&'a Map<String, Value>>,
}

impl<'a> Terms<'a> {
    /// Of a request, or of one action of a transaction.
    pub(super) fn of(request: &'a Value) -> Self {
        Self {
            names: request["ExpressionAttributeNames"].as_object(),
            values: request["ExpressionAttributeValues"].as_object(),
        }
    }

    pub(super) fn name(&self, word: &str) -> Result<String, String> {
        if !word.starts_with('#') {
            return Ok(word.to_owned());
        }
        let name = self.names.and_then(|names| names.get(word)).and_then(Value::as_str);
        name.map(str::to_owned).ok_or_else(|| format!("{word} is not defined"))
    }

    fn operand(&self, word: &str) -> Result<Operand, String> {
        if word.starts_with(':') {
            let value = self.values.and_then(|values| values.get(word)).cloned();
            return value.map(Operand::Value).ok_or_else(|| format!("{word} is not defined"));
        }
        self.name(word).map(Operand::Name)
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' => {
                rest = &rest[1..];
                continue;
            }
            '(' | ')' | ',' | '+' => 1,
            '<' | '>' | '=' => rest.find(|c| !"<>=".contains(c)).unwrap_or(rest.len()),
            _ => rest.find(|c| " (),<>=+".contains(c)).unwrap_or(rest.len()),
        };
        found.push(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    terms: &'a Terms<'a>,
}

/// Parses a condition.
///
/// # Errors
/// What of it is not known.
pub(super) fn condition(text: &str, terms: &Terms<'_>) -> Result<Condition, String> {
    let mut parser = Parser { words: words(text), at: 0, terms };
    let parsed = parser.or()?;
    if parser.at == parser.words.len() { Ok(parsed) } else { Err(format!("`{text}` goes on after its end")) }
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Result<&'a str, String> {
        let word = self.words.get(self.at).copied().ok_or("the expression ends early")?;
        self.at += 1;
        Ok(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn must(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { Err(format!("`{word}` is missing")) }
    }

    fn or(&mut self) -> Result<Condition, String> {
        let mut left = self.and()?;
        while self.take("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut left = self.one()?;
        while self.take("AND") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.take("NOT") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            self.must(")")?;
            return Ok(inner);
        }
        let word = self.next()?;
        match word {
            "attribute_exists" | "attribute_not_exists" => {
                self.must("(")?;
                let name = self.next().and_then(|name| self.terms.name(name))?;
                self.must(")")?;
                let exists = Condition::Exists(name);
                Ok(if word == "attribute_exists" { exists } else { Condition::Not(Box::new(exists)) })
            }
            "begins_with" => {
                self.must("(")?;
                let name = self.next().and_then(|name| self.terms.name(name))?;
                self.must(",")?;
                let start = self.next().and_then(|word| self.terms.operand(word))?;
                self.must(")")?;
                Ok(Condition::BeginsWith(name, start))
            }
            _ => {
                let left = self.terms.operand(word)?;
                let sign = match self.next()? {
                    "=" => "=",
                    "<>" => "<>",
                    "<" => "<",
                    "<=" => "<=",
                    ">" => ">",
                    ">=" => ">=",
                    other => return Err(format!("`{other}` is no comparison known here")),
                };
                let right = self.next().and_then(|word| self.terms.operand(word))?;
                Ok(Condition::Compare(left, sign, right))
            }
        }
    }
}

impl Operand {
    fn of<'a>(&'a self, item: &'a Item) -> Option<&'a Value> {
        match self {
            Operand::Name(name) => item.get(name),
            Operand::Value(value) => Some(value),
        }
    }
}

/// The order of two values of one type; none of different types.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left["S"].as_str(), right["S"].as_str()) {
        return Some(left.as_bytes().cmp(right.as_bytes()));
    }
    let number = |value: &Value| value["N"].as_str().and_then(|digits| digits.parse::<i128>().ok());
    Some(number(left)?.cmp(&number(right)?))
}

impl Condition {
    /// Whether an item, or nothing, fulfils it.
    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Condition::And(left, right) => left.holds(item) && right.holds(item),
            Condition::Or(left, right) => left.holds(item) || right.holds(item),
            Condition::Not(inner) => !inner.holds(item),
            Condition::Exists(name) => item.contains_key(name),
            Condition::BeginsWith(name, start) => {
                let text = item.get(name).and_then(|value| value["S"].as_str());
                let start = start.of(item).and_then(|value| value["S"].as_str());
                text.zip(start).is_some_and(|(text, start)| text.starts_with(start))
            }
            // A missing attribute fulfils no comparison: not `<>` either, as nothing of ours compares so.
            Condition::Compare(left, sign, right) => {
                let Some((left, right)) = left.of(item).zip(right.of(item)) else { return false };
                match *sign {
                    "=" => left == right || order(left, right) == Some(Ordering::Equal),
                    "<>" => left != right,
                    "<" => order(left, right) == Some(Ordering::Less),
                    "<=" => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
                    ">" => order(left, right) == Some(Ordering::Greater),
                    _ => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
                }
            }
        }
    }

    /// The value that the attribute must equal, where the condition says so: how a query names its partition.
    pub(super) fn equal_to(&self, name: &str) -> Option<&Value> {
        match self {
            Condition::And(left, right) => left.equal_to(name).or_else(|| right.equal_to(name)),
            Condition::Compare(Operand::Name(of), "=", Operand::Value(value)) if of == name => Some(value),
            _ => None,
        }
    }
}

/// Changes an item as an update expression says: `SET a = :x, b = :y` or `ADD #n :d, ...`.
///
/// # Errors
/// What of it is not known.
pub(super) fn update(text: &str, terms: &Terms<'_>, item: &mut Item) -> Result<(), String> {
    let mut parser = Parser { words: words(text), at: 0, terms };
    let adds = match parser.next()? {
        "SET" => false,
        "ADD" => true,
        other => return Err(format!("`{other}` is no update known here")),
    };
    loop {
        let name = parser.next().and_then(|name| terms.name(name))?;
        if !adds {
            parser.must("=")?;
        }
        let Operand::Value(value) = parser.next().and_then(|word| terms.operand(word))? else {
            return Err("an attribute is no value here".to_owned());
        };
        let new = if adds {
            let number = |value: &Value| value["N"].as_str().and_then(|digits| digits.parse::<i128>().ok());
            let by = number(&value).ok_or("ADD takes a number")?;
            let old = item.get(&name).map_or(Some(0), number).ok_or("ADD to what is no number")?;
            serde_json::json!({ "N": (old + by).to_string() })
        } else {
            value
        };
        item.insert(name, new);
        if !parser.take(",") {
            break;
        }
    }
    if parser.at == parser.words.len() { Ok(()) } else { Err(format!("`{text}` goes on after its end")) }
}
