//! How often a rule or reward may count, in the vendor's words.

use event::ids::Label;
use event::money::Money;
use event::period::Every;

/// How often a rule or reward may count: `"20 per partner per month"`, `"50 points per partner per month"`,
/// `"1 per person per content per week"`, `"once per person per course"`, `"5000 USD per partner per year"`, `"twice per partner in all"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The phrase, as it stands in the file.
    pub words: String,
    /// The limit, above zero: times, points, or the currency's minor units.
    pub limit: i64,
    /// In what it counts.
    pub unit: CapUnit,
    /// Whose count it is.
    pub by: CapBy,
    /// The `data` field that splits the count, such as `course_id`.
    pub field: Option<String>,
    /// When it starts anew.
    pub every: Every,
    /// What it says but for limit and period: caps that say the same count the same.
    pub says: Label,
}

/// In what a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapUnit {
    /// How often.
    Times,
    /// How many points.
    Points,
    /// How much money of this currency.
    Money(&'static str),
}

/// Whose count a cap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapBy {
    /// The partner's.
    Partner,
    /// One person's at the partner.
    Person,
    /// One team's at the partner (the event's `team`).
    Team,
    /// One territory's at the partner (the event's `territory`).
    Territory,
}

fn says(unit: CapUnit, by: CapBy, field: Option<&str>) -> Label {
    let unit = match unit {
        CapUnit::Times => "times",
        CapUnit::Points => "points",
        CapUnit::Money(currency) => currency,
    };
    let by = match by {
        CapBy::Partner => "partner",
        CapBy::Person => "person",
        CapBy::Team => "team",
        CapBy::Territory => "territory",
    };
    // A field of the vendor's own by its whole name: it may have two that differ in this only.
    let field = field.map(|field| {
        format!(" per {}", field.strip_suffix("_id").filter(|word| SPLITS.contains(word)).unwrap_or(field))
    });
    format!("{unit} per {by}{}", field.unwrap_or_default()).into()
}

impl Cap {
    /// Reads a phrase; `fields` are those of the vendor's own event type that it is on, by which a cap may be split.
    ///
    /// # Errors
    /// A sentence that says what form a cap has.
    pub fn parse(whole: &str, fields: &[&str]) -> Result<Self, String> {
        let (words, in_all) = whole.strip_suffix(" in all").map_or((whole, false), |words| (words, true));
        let bad = || {
            format!(
                "`{whole}` is not a cap; write \"20 per partner per month\", \"50 points per partner per month\" or \"once per person per course\""
            )
        };
        let mut parts = words.split(" per ");
        let (limit, unit) = match parts.next().map(|head| head.split(' ').collect::<Vec<_>>()).as_deref() {
            Some(["once"]) => (1, CapUnit::Times),
            Some(["twice"]) => (2, CapUnit::Times),
            Some([n]) => (n.parse().map_err(|_| bad())?, CapUnit::Times),
            Some([n, "points" | "point"]) => (n.parse().map_err(|_| bad())?, CapUnit::Points),
            Some([n, currency]) => {
                let money = Money::parse(n, currency).map_err(|error| error.to_string())?;
                (money.minor_units().ok_or_else(bad)?, CapUnit::Money(money.currency()))
            }
            _ => return Err(bad()),
        };
        let by = match parts.next() {
            Some("partner") => CapBy::Partner,
            Some("person") => CapBy::Person,
            Some("team") => CapBy::Team,
            Some("territory") => CapBy::Territory,
            _ => return Err(bad()),
        };
        let (mut field, mut every) = (None, Every::Ever);
        for part in parts {
            match (every_word(part), &field, every) {
                (Some(word), _, Every::Ever) => every = word,
                (None, None, Every::Ever) => field = Some(field_word(part, fields).ok_or_else(bad)?),
                _ => return Err(bad()),
            }
        }
        if limit < 1 {
            return Err(bad());
        }
        if in_all && every != Every::Ever {
            return Err(bad());
        }
        if by == CapBy::Partner && field.is_none() && every == Every::Ever && !in_all {
            return Err(format!(
                "`{words}` never starts anew and is not split by anything; say per what, as in \"{words} per year\" or \"{words} in all\""
            ));
        }
        let says = says(unit, by, field.as_deref());
        Ok(Self { words: whole.to_owned(), limit, unit, by, field, every, says })
    }
}

/// What a cap of a built-in type may be split by.
const SPLITS: [&str; 8] = ["content", "course", "deal", "project", "certification", "reward", "opportunity", "invoice"];

fn every_word(word: &str) -> Option<Every> {
    Every::ALL.iter().copied().find(|every| !word.is_empty() && every.word() == word)
}

fn field_word(word: &str, fields: &[&str]) -> Option<String> {
    let own = |field: &&&str| **field == word || field.strip_suffix("_id") == Some(word);
    if let Some(own) = fields.iter().find(own) {
        return Some((*own).to_owned());
    }
    SPLITS.contains(&word).then(|| format!("{word}_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_in_the_vendors_words() {
        let cap = Cap::parse("50 points per partner per month", &[]).expect("cap");
        assert_eq!((cap.limit, cap.unit, cap.by, cap.every), (50, CapUnit::Points, CapBy::Partner, Every::Month));
        let cap = Cap::parse("1 per person per content per week", &[]).expect("cap");
        assert_eq!((cap.field.as_deref(), cap.every), (Some("content_id"), Every::Week));
        let cap = Cap::parse("once per person per course", &[]).expect("cap");
        assert_eq!((cap.limit, cap.field.as_deref(), cap.every), (1, Some("course_id"), Every::Ever));
        let cap = Cap::parse("twice per team per quarter", &[]).expect("cap");
        assert_eq!((cap.limit, cap.by, &*cap.says), (2, CapBy::Team, "times per team"));
        let cap = Cap::parse("9 points per territory per week", &[]).expect("cap");
        assert_eq!((cap.limit, cap.by, &*cap.says), (9, CapBy::Territory, "points per territory"));
        let cap = Cap::parse("5000.50 USD per partner per year", &[]).expect("cap");
        assert_eq!((cap.limit, cap.unit, &*cap.says), (500_050, CapUnit::Money("USD"), "USD per partner"));
        let cap = Cap::parse("twice per partner in all", &[]).expect("cap");
        assert_eq!((cap.limit, cap.every, &*cap.words), (2, Every::Ever, "twice per partner in all"));
        for bad in [
            "20",
            "2 per partner per month in all",
            "5.001 USD per partner per year",
            "5 pounds per partner per year",
            "20 per month",
            "0 per partner per month",
            "-1 per partner per month",
            "1 per person per moon",
            "1 per partner",
            "2.5 per partner per day",
        ] {
            assert!(Cap::parse(bad, &[]).is_err(), "{bad}");
        }
    }
}
