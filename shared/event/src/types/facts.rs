//! What is said of a partner in the vendor's own words: its type, vertical, size, overlap of customers (M47).

use crate::Gather;
use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::form::{Form, Member};
use crate::ids::{IdError, Name};
use crate::json::Json;
use crate::rejection::{Code, Faults, Rejection};

/// Most facts of a partner.
pub const FACTS_MAX: usize = 16;
/// Longest name of a fact, in characters.
pub const FACT_NAME_CHARS_MAX: usize = 32;
/// Longest value of a fact, in characters.
pub const FACT_CHARS_MAX: usize = 64;

/// Facts of a partner: a text by name, at most [`FACTS_MAX`]. Names and values are visible characters, as ids are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartnerFacts(LiteMap<Name, Name>);

impl PartnerFacts {
    /// No facts.
    pub fn none() -> &'static Self {
        static NONE: PartnerFacts = PartnerFacts(LiteMap::new());
        &NONE
    }

    /// What one of them says; `None` where nobody said it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Name::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.0.iter()
    }

    /// Adds one.
    pub fn insert(&mut self, name: Name, value: Name) {
        self.0.insert(name, value);
    }
}

fn short(text: &str, most: usize) -> Result<Name, String> {
    let name = Name::try_from(text).map_err(|error: IdError| error.to_string())?;
    match name.chars().count() {
        chars if chars > most => Err(format!("has {chars} characters, the limit is {most}")),
        _ => Ok(name),
    }
}

impl Member for PartnerFacts {
    const FORM: Form = Form::Facts;
    fn read(value: Option<&Json<'_>>, at: &str) -> Result<Self, Rejection> {
        const FORM: &str = "write texts by name, as in {\"type\":\"reseller\"}";
        let Some(Json::Map(members)) = value else { return Err(Rejection::form(at, FORM)) };
        if members.len() > FACTS_MAX {
            return Err(Rejection::form(at, &format!("has {} facts, the limit is {FACTS_MAX}", members.len())));
        }
        let (mut faults, mut facts) = (Faults::default(), Self::default());
        for (name, value) in members.iter() {
            let named = short(name, FACT_NAME_CHARS_MAX)
                .map_err(|error| Rejection::new(Code::BadId, at, format!("the name of a fact {error}")));
            let at = format!(
                "{at}.{}",
                name.chars().filter(|c| !c.is_control()).take(FACT_NAME_CHARS_MAX).collect::<String>()
            );
            let said = match value {
                Json::Text(text) => {
                    short(text, FACT_CHARS_MAX).map_err(|error| Rejection::new(Code::BadValue, &at, error))
                }
                _ => Err(Rejection::form(&at, "write a string")),
            };
            let (named, said) = (faults.keep(named), faults.keep(said));
            facts.0.extend(named.zip(said));
        }
        faults.told().map_or(Ok(facts), Err)
    }
    fn json(&self) -> Option<Json<'_>> {
        Some(Json::Map(
            self.iter().map(|(name, value)| (name.as_str().into(), Json::Text(value.as_str().into()))).gather(),
        ))
    }
}
