//! A strict JSON tree: numbers keep their text, a repeated key is an error, depth and size are bounded.
//!
//! `serde_json::Value` silently keeps the last of two equal keys and turns numbers into floats, so two events that a
//! person reads as different could hash alike. Here the text of a number is the number.

mod scan;

use std::borrow::Cow;

use litemap::LiteMap;

use crate::Gather;

use scan::{Scan, is_plain};

/// Deepest nesting accepted below the event's `data`, in levels.
pub const DEPTH_MAX: usize = 16;
/// Most values accepted in one event's `data`, containers included.
pub const VALUES_MAX: usize = 1_000;

/// One JSON value, numbers by their text. Texts are borrowed from what it was read of, as far as they can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly as it was written.
    Number(Cow<'a, str>),
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object; each key once.
    Map(LiteMap<Cow<'a, str>, Json<'a>>),
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

/// Room for the members that an object usually has.
const MEMBERS_USUAL: usize = 8;

impl<'a> Json<'a> {
    /// Reads one value.
    ///
    /// # Errors
    /// Every [`JsonError`]: no JSON, a repeated key, too deep, too many values.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut scan = Scan::of(text);
        let value = scan.value().filter(|_| scan.is_done()).ok_or_else(|| syntax(text))?;
        Self::of_value(value)
    }

    /// Reads the text of one value in good form.
    pub(crate) fn of_value(text: &'a str) -> Result<Self, JsonError> {
        read(&mut Scan::of(text), text, DEPTH_MAX, &mut VALUES_MAX.clone())
    }

    /// The same, of which nothing is borrowed.
    pub fn into_owned(self) -> Json<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Json::Null => Json::Null,
            Json::Bool(flag) => Json::Bool(flag),
            Json::Number(text) => Json::Number(owned(text)),
            Json::Text(text) => Json::Text(owned(text)),
            Json::List(items) => Json::List(items.into_iter().map(Json::into_owned).collect()),
            Json::Map(map) => Json::Map(map.into_iter().map(|(key, value)| (owned(key), value.into_owned())).gather()),
        }
    }

    /// The one text of this value: keys sorted, no white space, strings minimally escaped, numbers as they came.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The member `key` of an object; `None` for anything else, for a missing member and for `null`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
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
        self.clone().into_plain().into_owned()
    }

    /// The same, of a value that is not needed any more.
    pub fn into_plain(self) -> Cow<'a, str> {
        match self {
            Json::Text(text) | Json::Number(text) => text,
            Json::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            other @ (Json::Null | Json::List(_) | Json::Map(_)) => Cow::Owned(other.canonical()),
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(text) => out.push_str(text),
            Json::Text(text) => quote(text, out),
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
                    quote(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

pub(crate) fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// Writes a JSON string literal.
pub(crate) fn quote(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Serialising a `str` cannot fail.
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The members of a JSON object in the order they stand: the name, and the value still as text.
///
/// # Errors
/// [`JsonError::Syntax`]: no JSON, or no object.
pub(crate) fn members<'a>(text: &'a str, mut each: impl FnMut(Cow<'a, str>, &'a str)) -> Result<(), JsonError> {
    let mut scan = Scan::of(text);
    let broken = || syntax(text);
    let read = |name, scan: &mut Scan<'a>| {
        each(name, scan.value().ok_or_else(broken)?);
        Ok(())
    };
    scan.members(read, broken)?;
    if scan.is_done() { Ok(()) } else { Err(broken()) }
}

/// Reads the text of one JSON value in good form as a string; `None` where it is none.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    Scan::of(value).string()
}

/// What is wrong with a text that is no JSON, or not the JSON that is wanted, and where.
#[cold]
fn syntax(text: &str) -> JsonError {
    // What is in good form may still hold half of a surrogate pair, which is no text.
    let wrong = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
    let Some(error) = wrong.or_else(|| serde_json::from_str::<serde_json::Value>(text).err()) else {
        return JsonError::Syntax { offset: 0, message: "another kind of value is expected".to_owned() };
    };
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).replace("EOF while parsing", "it ends within");
    JsonError::Syntax { offset: (line_start + error.column().saturating_sub(1)).min(text.len()), message }
}

/// The next value of `text`.
fn read<'a>(scan: &mut Scan<'a>, text: &'a str, depth: usize, budget: &mut usize) -> Result<Json<'a>, JsonError> {
    *budget = budget.checked_sub(1).ok_or(JsonError::TooMany)?;
    let broken = || syntax(text);
    Ok(match scan.peek() {
        Some(b'{') => {
            let depth = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let mut map = LiteMap::with_capacity(MEMBERS_USUAL);
            let member = |key: Cow<'a, str>, scan: &mut Scan<'a>| {
                let value = read(scan, text, depth, budget)?;
                match map.try_insert(key, value) {
                    Some((key, _)) => Err(JsonError::DuplicateKey { key: key.into_owned() }),
                    None => Ok(()),
                }
            };
            scan.members(member, broken)?;
            Json::Map(map)
        }
        Some(b'[') => {
            let depth = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let mut list = Vec::new();
            scan.eat(b'[');
            while !scan.eat(b']') {
                list.push(read(scan, text, depth, budget)?);
                scan.eat(b',');
            }
            Json::List(list)
        }
        Some(b'"') => Json::Text(scan.string().ok_or_else(broken)?),
        Some(b't') => scan.value().map(|_| Json::Bool(true)).ok_or_else(broken)?,
        Some(b'f') => scan.value().map(|_| Json::Bool(false)).ok_or_else(broken)?,
        Some(b'n') => scan.value().map(|_| Json::Null).ok_or_else(broken)?,
        _ => Json::Number(Cow::Borrowed(scan.number().ok_or_else(broken)?)),
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
