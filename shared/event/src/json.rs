//! A strict JSON tree: numbers keep their text, a repeated key is an error, depth and size are bounded.
//!
//! `serde_json::Value` silently keeps the last of two equal keys and turns numbers into floats, so two events that a
//! person reads as different could hash alike. Here the text of a number is the number.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Deepest nesting accepted below the event's `data`, in levels.
pub const DEPTH_MAX: usize = 16;
/// Most values accepted in one event's `data`, containers included.
pub const VALUES_MAX: usize = 1_000;

/// One JSON value, numbers by their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly as it was written.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object; each key once.
    Map(BTreeMap<String, Json>),
}

/// Why a text is no acceptable JSON value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all; `offset` counts bytes from the start.
    #[error("not JSON at byte {offset}: {message}")]
    Syntax {
        /// Bytes from the start of the text.
        offset: usize,
        /// What the reader expected.
        message: String,
    },
    /// The same key twice in one object.
    #[error("the key `{key}` is there twice")]
    DuplicateKey {
        /// The repeated key.
        key: String,
    },
    /// More than [`DEPTH_MAX`] levels.
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// More than [`VALUES_MAX`] values.
    #[error("more than {VALUES_MAX} values")]
    TooMany,
}

/// The members of an object in the order they stand, each still as text.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Read).map(Members)
    }
}

struct Elements<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<&'de RawValue>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element::<&'de RawValue>()? {
                    elements.push(element);
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_seq(Read).map(Elements)
    }
}

impl Json {
    /// Reads one value.
    ///
    /// # Errors
    /// Every [`JsonError`]: no JSON, a repeated key, too deep, too many values.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| syntax(text, &e))?;
        Self::from_raw(raw)
    }

    pub(crate) fn from_raw(raw: &RawValue) -> Result<Self, JsonError> {
        read(raw.get(), DEPTH_MAX, &mut VALUES_MAX.clone())
    }

    /// The one text of this value: keys sorted, no white space, strings minimally escaped, numbers as they came.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The member `key` of an object; `None` for anything else, for a missing member and for `null`.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Map(map) => map.get(key).filter(|value| **value != Json::Null),
            _ => None,
        }
    }

    /// A string's text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer written without fraction or exponent, if it fits 64 bits.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as a person would write it in a sentence: text without quotes, the rest as JSON.
    pub fn plain(&self) -> String {
        match self {
            Json::Text(text) => text.clone(),
            other => other.canonical(),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(text) => out.push_str(text),
            Json::Text(text) => out.push_str(&quote(text)),
            Json::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    separate(out, i);
                    item.write(out);
                }
                out.push(']');
            }
            Json::Map(map) => {
                out.push('{');
                for (i, (key, value)) in map.iter().enumerate() {
                    separate(out, i);
                    out.push_str(&quote(key));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// A JSON string literal; serialising a `str` cannot fail.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(crate) fn syntax(text: &str, error: &serde_json::Error) -> JsonError {
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    // What is said of a value of another kind quotes it.
    let full = if error.is_data() { "another kind of value is expected".to_owned() } else { error.to_string() };
    let message = full.split(" at line ").next().unwrap_or(&full).replace("EOF while parsing", "it ends within");
    JsonError::Syntax { offset: (line_start + error.column().saturating_sub(1)).min(text.len()), message }
}

fn read(text: &str, depth: usize, budget: &mut usize) -> Result<Json, JsonError> {
    *budget = budget.checked_sub(1).ok_or(JsonError::TooMany)?;
    let text = text.trim();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let depth = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let members: Members<'_> = serde_json::from_str(text).map_err(|e| syntax(text, &e))?;
            let mut map = BTreeMap::new();
            for (key, raw) in members.0 {
                let value = read(raw.get(), depth, budget)?;
                if map.insert(key.clone(), value).is_some() {
                    return Err(JsonError::DuplicateKey { key });
                }
            }
            Json::Map(map)
        }
        Some(b'[') => {
            let depth = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let elements: Elements<'_> = serde_json::from_str(text).map_err(|e| syntax(text, &e))?;
            let list = elements.0.iter().map(|raw| read(raw.get(), depth, budget)).collect::<Result<_, _>>()?;
            Json::List(list)
        }
        Some(b'"') => Json::Text(serde_json::from_str(text).map_err(|e| syntax(text, &e))?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_for_one_meaning() {
        let a = Json::parse(r#"{ "b" : [1, 2.50, "é\u00e9"], "a": null }"#).expect("json");
        let b = Json::parse("{\"a\":null,\n\"b\":[1,2.50,\"\\u00e9é\"]}").expect("json");
        assert_eq!(a.canonical(), b.canonical());
        assert_eq!(a.canonical(), r#"{"a":null,"b":[1,2.50,"éé"]}"#);
    }

    #[test]
    fn numbers_differ_by_their_text() {
        let wide = |n| Json::parse(n).expect("json").canonical();
        assert_ne!(wide("12345678901234567890123"), wide("12345678901234567890124"));
        assert_ne!(wide("1.0"), wide("1.00"));
    }

    #[test]
    fn hostile_shapes_are_refused_without_recursion() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(Json::parse(&nested(DEPTH_MAX + 1)), Err(JsonError::TooDeep));
        assert_eq!(Json::parse(&nested(200)), Err(JsonError::TooDeep));
        assert_eq!(Json::parse(&nested(30_000)), Err(JsonError::TooDeep));
        let wide = |n: usize| format!("[{}]", vec!["0"; n].join(","));
        assert!(Json::parse(&wide(VALUES_MAX - 1)).is_ok());
        assert_eq!(Json::parse(&wide(VALUES_MAX)), Err(JsonError::TooMany));
        assert_eq!(Json::parse(r#"{"a":{"k":1,"k":1}}"#), Err(JsonError::DuplicateKey { key: "k".into() }));
    }

    #[test]
    fn a_syntax_error_says_where() {
        let offset_of = |text| match Json::parse(text) {
            Err(JsonError::Syntax { offset, .. }) => offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(offset_of("{\"a\":\n  oops}"), 8);
        assert_eq!(offset_of(""), 0);
    }
}
