//! Items as DynamoDB's JSON has them, and their keys.

use std::sync::Arc;

use serde_json::{Map, Value};

/// An item: attribute names to typed values, as `{"pk": {"S": "..."}}`.
pub type Item = Map<String, Value>;

/// An item as it is kept: as text, which takes a tenth of the room of its tree, and is one for a table and what is whole of it in an
/// index.
#[derive(Clone, Debug)]
pub(super) struct Kept(Arc<str>);

impl Kept {
    pub(super) fn of(item: &Item) -> Self {
        Self(serde_json::to_string(item).unwrap_or_default().into())
    }

    pub(super) fn item(&self) -> Item {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// One attribute of a key. Numbers sort as numbers, texts by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPart {
    /// A number; whole, since no key of ours is another.
    N(i128),
    /// A text.
    S(String),
}

/// A primary key.
pub type Key = (KeyPart, Option<KeyPart>);

impl KeyPart {
    /// The attribute's value, if it can stand in a key.
    pub fn of(value: &Value) -> Option<Self> {
        match (value.get("S"), value.get("N")) {
            (Some(Value::String(text)), _) if !text.is_empty() => Some(Self::S(text.clone())),
            (_, Some(Value::String(digits))) => digits.parse().ok().map(Self::N),
            _ => None,
        }
    }

    /// As the protocol has it.
    pub fn value(&self) -> Value {
        match self {
            Self::N(number) => serde_json::json!({ "N": number.to_string() }),
            Self::S(text) => serde_json::json!({ "S": text }),
        }
    }

    /// Bytes in a key.
    pub fn bytes(&self) -> usize {
        match self {
            Self::N(_) => 8,
            Self::S(text) => text.len(),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::N(_) => "",
            Self::S(text) => text,
        }
    }
}

/// How large DynamoDB counts an item.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|map| map.iter().next()) else { return 1 };
    match (kind.as_str(), value) {
        ("S" | "B", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.trim_start_matches('-').len().div_ceil(2) + 1,
        ("L", Value::Array(list)) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        ("M", Value::Object(map)) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        _ => 1,
    }
}

/// A text attribute.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// A whole number.
pub fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.get("N")?.as_str()?.parse().ok()
}

/// As the crate that reads items has it.
pub fn attributes(item: &Item) -> serde_dynamo::Item {
    item.iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect::<std::collections::HashMap<_, _>>()
        .into()
}

fn attribute(value: &Value) -> serde_dynamo::AttributeValue {
    use serde_dynamo::AttributeValue as A;
    let Some((kind, value)) = value.as_object().and_then(|map| map.iter().next()) else { return A::Null(true) };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => A::S(text.clone()),
        ("N", Value::String(digits)) => A::N(digits.clone()),
        ("BOOL", Value::Bool(is)) => A::Bool(*is),
        ("L", Value::Array(list)) => A::L(list.iter().map(attribute).collect()),
        ("M", Value::Object(map)) => A::M(map.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()),
        _ => A::Null(true),
    }
}
