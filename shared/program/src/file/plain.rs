//! Reading a file's form without saying where it goes wrong, as what was checked and published is read: TOML's own reader, which knows
//! where each value stands, is written anew for every table, and so a twentieth of a deployed function. What a table holds is looked up
//! by its names, one after the other: code that takes members in any order is 50 KB longer.

use std::borrow::Cow;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::File;

/// The file that a text is, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<File, String> {
    let root = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    File::deserialize(Plain(DeValue::Table(root.into_inner()))).map_err(|error| error.to_string())
}

/// A value of a file.
struct Plain<'v>(DeValue<'v>);

/// Of one type whoever reads them, so that going through them is built once.
type Key<'v> = Spanned<Cow<'v, str>>;
type Value<'v> = Spanned<DeValue<'v>>;

fn member<'v>((name, value): (Key<'v>, Value<'v>)) -> (String, Plain<'v>) {
    (name.into_inner().into_owned(), Plain(value.into_inner()))
}

fn item(value: Value<'_>) -> Plain<'_> {
    Plain(value.into_inner())
}

impl<'de> Plain<'de> {
    fn members(self) -> Result<DeTable<'de>, Error> {
        match self.0 {
            DeValue::Table(table) => Ok(table),
            _ => Err(Error::custom("a table is missing where one stands")),
        }
    }

    fn table<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.members()?.into_iter().map(member)))
    }

    fn array<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let DeValue::Array(values) = self.0 else { return Err(Error::custom("an array is missing where one stands")) };
        visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(item)))
    }
}

/// The members of a table in the order of its names.
struct Members<'v> {
    table: DeTable<'v>,
    names: &'static [&'static str],
    /// So many of the names were asked for.
    asked: usize,
    /// The one that was asked for last, if it is left out.
    absent: Option<&'static str>,
}

impl<'v> Members<'v> {
    fn of(value: Plain<'v>, names: &'static [&'static str]) -> Result<Self, Error> {
        Ok(Self { table: value.members()?, names, asked: 0, absent: None })
    }

    fn next(&mut self) -> Option<Plain<'v>> {
        let name = self.names.get(self.asked)?;
        self.asked += 1;
        let value = self.table.remove(*name);
        self.absent = value.is_none().then_some(name);
        value.map(item)
    }

    fn left_over(&self) -> Option<Error> {
        self.table.keys().next().map(|name| Error::unknown_field(name.get_ref(), self.names))
    }

    fn fault(&self, error: Error) -> Error {
        self.absent.map_or(error, Error::missing_field)
    }
}

impl<'de> SeqAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.next() {
            Some(value) => seed.deserialize(value).map(Some),
            // What may be left out is none; of the rest, what stands for it is the table's to say.
            None => Ok(seed.deserialize(Absent).ok()),
        }
    }
}

/// What is left out.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("it is left out"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
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
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut members = Members::of(self, names)?;
        match visitor.visit_seq(&mut members) {
            Ok(read) => members.left_over().map_or(Ok(read), Err),
            Err(error) => Err(members.fault(error)),
        }
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

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        enum identifier
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
        assert_eq!(read("[program]\nid = \"x\""), "missing field `name`");
        let all = "[program]\nid = \"x\"\nname = \"X\"\ncurrency = \"USD\"\n";
        assert_eq!(read(all), "");
        assert!(read(&format!("{all}idd = \"x\"")).contains("unknown field `idd`"));
        assert!(read(&format!("{all}[earm.x]\non = \"x\"")).contains("unknown field `earm`"));
    }
}
