//! What is one partner's alone: a territory or a vertical (M23).

use std::fmt;
use std::str::FromStr;

use event::Kind;
use event::ids::Name;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is exclusive, as text: `territory US-NY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// A territory.
    Territory(Name),
    /// A vertical.
    Vertical(Name),
}

impl Scope {
    /// What an event is about.
    pub fn of(kind: &Kind) -> Option<Self> {
        let (Kind::ExclusivityGranted { territory, vertical, .. }
        | Kind::ExclusivityEnded { territory, vertical, .. }
        | Kind::ExclusivityReviewed { territory, vertical, .. }) = kind
        else {
            return None;
        };
        territory.clone().map(Scope::Territory).or_else(|| vertical.clone().map(Scope::Vertical))
    }

    /// The word for what it is, and its name.
    pub fn parts(&self) -> (&'static str, &Name) {
        match self {
            Scope::Territory(name) => ("territory", name),
            Scope::Vertical(name) => ("vertical", name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, name) = self.parts();
        write!(f, "{word} {name}")
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is neither a territory nor a vertical");
        let (word, name) = text.split_once(' ').ok_or_else(bad)?;
        let name = Name::try_from(name).map_err(|_| bad())?;
        match word {
            "territory" => Ok(Scope::Territory(name)),
            "vertical" => Ok(Scope::Vertical(name)),
            _ => Err(bad()),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How a partner has something alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusive {
    /// Since this day.
    #[serde(rename = "s")]
    pub since: Date,
    /// The first day on which it is free again; none as long as nobody ends it.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The day as of which it was reviewed last.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Date>,
    /// Warned: lost at the first review as of this day or later, unless it is kept.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Date>,
    /// The day on which it is looked at next.
    #[serde(rename = "l")]
    pub look: Date,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_as_it_was_written() {
        for text in ["territory US-NY", "vertical health care"] {
            assert_eq!(text.parse::<Scope>().map(|scope| scope.to_string()), Ok(text.to_owned()));
        }
        for bad in ["", "territory", "territory ", "region US"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
