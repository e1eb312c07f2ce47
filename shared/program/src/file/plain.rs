//! Reading a file's form without saying where it goes wrong, as what was checked and published is read: TOML's own reader, which knows
//! where each value stands, is written anew for every table, and so a twentieth of a deployed function.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::{DeTable, DeValue};

use super::File;

/// The file that a text is, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<File, String> {
    let root = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    File::deserialize(Plain(DeValue::Table(root.into_inner()))).map_err(|error| error.to_string())
}

/// A value of a file.
struct Plain<'v>(DeValue<'v>);

impl<'de> Plain<'de> {
    fn table<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let DeValue::Table(table) = self.0 else { return Err(Error::custom("a table is missing where one stands")) };
        let members = table.into_iter();
        visitor.visit_map(MapDeserializer::new(
            members.map(|(key, value)| (key.into_inner().into_owned(), Plain(value.into_inner()))),
        ))
    }

    fn array<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let DeValue::Array(values) = self.0 else { return Err(Error::custom("an array is missing where one stands")) };
        visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(|value| Plain(value.into_inner()))))
    }
}

impl<'v> IntoDeserializer<'v> for Plain<'v> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Plain<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            DeValue::String(text) => visitor.visit_string(text.into_owned()),
            DeValue::Integer(number) => {
                let whole = i64::from_str_radix(number.as_str(), number.radix());
                visitor.visit_i64(whole.map_err(|_| Error::custom("a number that is too large"))?)
            }
            DeValue::Float(_) => Err(Error::custom("a number with a point stands in quotes")),
            DeValue::Boolean(yes) => visitor.visit_bool(yes),
            DeValue::Datetime(_) => Err(Error::custom("a date stands in quotes")),
            DeValue::Array(_) => self.array(visitor),
            DeValue::Table(_) => self.table(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.table(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.table(visitor)
    }

    // No key is of one: amounts and rates stand in quotes.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.array(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn numbers_are_those_of_the_other_reader() {
        for number in ["0xFF", "0o17", "0b101", "1_000", "+5", "-5", "-0", "9223372036854775807", "9223372036854775808"]
        {
            let text = format!("n = {number}");
            let other = toml::from_str::<BTreeMap<String, i64>>(&text).ok();
            let root = DeTable::parse(&text).expect("TOML").into_inner();
            assert_eq!(BTreeMap::<String, i64>::deserialize(Plain(DeValue::Table(root))).ok(), other, "{number}");
        }
    }

    #[test]
    fn what_stands_nowhere_is_told() {
        let read = |text: &str| super::read(text).err().unwrap_or_default();
        assert!(read("x = [").contains("unclosed array"), "{}", read("x = ["));
        assert_eq!(read("program = []"), "a table is missing where one stands");
        assert!(read("[program]\nid = 2026-01-01").contains("a date stands in quotes"));
        assert!(read("[program]\nid = 1.5").contains("a number with a point stands in quotes"));
        assert!(read("[program]\nidd = \"x\"").contains("unknown field `idd`"));
    }
}
