//! How often a rule or reward may count, in the vendor's words.

use event::ids::Label;
use event::period::Every;

/// How often a rule or reward may count: `"20 per partner per month"`, `"50 points per partner per month"`,
/// `"1 per person per content per week"`, `"once per person per course"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The phrase, as it stands in the file.
    pub words: String,
    /// The limit, above zero.
    pub limit: i64,
    /// Whether the limit counts points (else times).
    pub points: bool,
    /// Whose count it is.
    pub by: CapBy,
    /// The `data` field that splits the count, such as `course_id`.
    pub field: Option<String>,
    /// When it starts anew.
    pub every: Every,
    /// What it says but for limit and period: caps that say the same count the same.
    pub says: Label,
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
}

fn says(points: bool, by: CapBy, field: Option<&str>) -> Label {
    let unit = if points { "points" } else { "times" };
    let by = match by {
        CapBy::Partner => "partner",
        CapBy::Person => "person",
        CapBy::Team => "team",
    };
    let field = field.map(|field| format!(" per {}", field.trim_end_matches("_id")));
    format!("{unit} per {by}{}", field.unwrap_or_default()).into()
}

impl Cap {
    /// Reads a phrase.
    ///
    /// # Errors
    /// A sentence that says what form a cap has.
    pub fn parse(words: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{words}` is not a cap; write \"20 per partner per month\", \"50 points per partner per month\" or \"once per person per course\""
            )
        };
        let mut parts = words.split(" per ");
        let (limit, points) = match parts.next().map(|head| head.split(' ').collect::<Vec<_>>()).as_deref() {
            Some(["once"]) => (1, false),
            Some(["twice"]) => (2, false),
            Some([n]) => (n.parse().map_err(|_| bad())?, false),
            Some([n, "points" | "point"]) => (n.parse().map_err(|_| bad())?, true),
            _ => return Err(bad()),
        };
        let by = match parts.next() {
            Some("partner") => CapBy::Partner,
            Some("person") => CapBy::Person,
            Some("team") => CapBy::Team,
            _ => return Err(bad()),
        };
        let (mut field, mut every) = (None, Every::Ever);
        for part in parts {
            match (every_word(part), &field, every) {
                (Some(word), _, Every::Ever) => every = word,
                (None, None, Every::Ever) => field = Some(field_word(part).ok_or_else(bad)?),
                _ => return Err(bad()),
            }
        }
        if limit < 1 {
            return Err(bad());
        }
        if by == CapBy::Partner && field.is_none() && every == Every::Ever {
            return Err(format!(
                "`{words}` never starts anew and is not split by anything; say per what, as in \"{words} per year\""
            ));
        }
        let says = says(points, by, field.as_deref());
        Ok(Self { words: words.to_owned(), limit, points, by, field, every, says })
    }
}

fn every_word(word: &str) -> Option<Every> {
    Every::ALL.iter().copied().find(|every| !word.is_empty() && every.word() == word)
}

fn field_word(word: &str) -> Option<String> {
    let known = ["content", "course", "deal", "project", "certification", "reward", "opportunity", "invoice"];
    known.contains(&word).then(|| format!("{word}_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_in_the_vendors_words() {
        let cap = Cap::parse("50 points per partner per month").expect("cap");
        assert_eq!((cap.limit, cap.points, cap.by, cap.every), (50, true, CapBy::Partner, Every::Month));
        let cap = Cap::parse("1 per person per content per week").expect("cap");
        assert_eq!((cap.field.as_deref(), cap.every), (Some("content_id"), Every::Week));
        let cap = Cap::parse("once per person per course").expect("cap");
        assert_eq!((cap.limit, cap.field.as_deref(), cap.every), (1, Some("course_id"), Every::Ever));
        let cap = Cap::parse("twice per team per quarter").expect("cap");
        assert_eq!((cap.limit, cap.by, &*cap.says), (2, CapBy::Team, "times per team"));
        for bad in [
            "20",
            "20 per month",
            "0 per partner per month",
            "-1 per partner per month",
            "1 per person per moon",
            "1 per partner",
            "2.5 per partner per day",
        ] {
            assert!(Cap::parse(bad).is_err(), "{bad}");
        }
    }
}
