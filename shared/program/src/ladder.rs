//! Tier ladders, one per motion: what promotes, what keeps, how it is reviewed (M12-M21).

use std::collections::BTreeSet;

use event::Level;
use event::ids::{CertificationId, TierId};
use event::time::Length;
use rust_decimal::Decimal;

use crate::condition::Condition;
use crate::window::Within;

/// One tier of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub id: TierId,
    /// 1 for where partners start; higher is better.
    pub rank: u32,
    /// What promotes to it; `None` for the first tier.
    pub enter: Option<Criteria>,
    /// What keeps it; `None` if it is never lost.
    pub keep: Option<Criteria>,
    /// How often it is reviewed.
    pub review: Review,
    /// Reviews start this long after entry, so that a new tier has time to be earned.
    pub first_review: Length,
    /// Between the warning and the demotion; `None` demotes at the first failed review.
    pub grace: Option<Length>,
    /// Whether whoever entered it within a window of `keep` is asked for that part of it only: the months from then on, the first
    /// among them.
    pub pro_rata: bool,
    /// Of the lowest tier alone, below which there is nothing: after so many failed reviews in a row the partner is due to be pruned
    /// (M16). Above zero.
    pub prune_after: Option<u32>,
}

/// How often a ladder is reviewed: as of the first day of each fiscal period, on the day its books close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// Each month.
    Monthly,
    /// Each fiscal quarter.
    Quarterly,
    /// Each fiscal year.
    Annually,
}

/// A tree of criteria.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criteria {
    /// One of them is enough.
    Any(Vec<Criteria>),
    /// All of them are needed.
    All(Vec<Criteria>),
    /// One measure over one window.
    One(Criterion),
    /// What is stated of the partner (M47), or attested (M20).
    Fact(Condition),
}

/// Most ways to meet criteria that are looked at.
const WAYS_MAX: usize = 1_000;

/// One measure over one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// What is measured.
    pub measure: Measure,
    /// Of certifications: the one that is counted, by the persons who hold it (M27); none: all of them.
    pub certification: Option<CertificationId>,
    /// Of that: the least level that counts (M25); none: any.
    pub level: Option<Level>,
    /// The least that is enough.
    pub least: Decimal,
    /// Over which months.
    pub within: Within,
}

/// Declares every measure once: its name, the word in the file, and the letter it is stored under.
macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident $word:literal $letter:literal,)*) => {
        /// What is measured per motion and month; kept whatever today's program asks, so that publishing never needs a rebuild.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Measure {
            $($(#[$doc])* $name,)*
            /// Events of the vendor's own that count to this.
            Own(OwnMeasure),
        }

        impl Measure {
            /// Every measure of Laurel's own.
            pub const ALL: &[Self] = &[$(Measure::$name),*];

            /// The word in the file.
            pub fn word(&self) -> &str {
                match self {
                    $(Measure::$name => $word,)*
                    Measure::Own(own) => own.as_str(),
                }
            }

            /// The letter it is stored under.
            pub fn letter(self) -> char {
                match self {
                    $(Measure::$name => $letter,)*
                    Measure::Own(_) => OWN_LETTER,
                }
            }
        }
    };
}

measures! {
    /// Deals that count (`counts_as_deal`).
    Deals "deals" 'd',
    /// Their annual contract value in the program's currency.
    Acv "acv" 'a',
    /// Accepted deal registrations (M21).
    Registrations "registrations" 'r',
    /// Qualified registrations (M36).
    Qualified "qualified" 'q',
    /// Successful projects (M19).
    Projects "projects" 'j',
    /// Certificates held now (M27); a level, not a flow.
    Certifications "certifications" 'c',
    /// Points awarded less points reversed.
    Points "points" 'p',
}

/// The letter before the name of a measure of the vendor's own.
pub(crate) const OWN_LETTER: char = 'x';

/// The name of what events of the vendor's own count to: 1 to 24 small letters, digits and hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnMeasure([u8; 24]);

impl OwnMeasure {
    /// By its name; `None` where it is none.
    pub fn new(name: &str) -> Option<Self> {
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let mut bytes = [0; 24];
        bytes.get_mut(..name.len()).filter(|_| fits)?.copy_from_slice(name.as_bytes());
        Some(Self(bytes))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl std::fmt::Debug for OwnMeasure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.word().to_owned()
    }
}

impl TryFrom<String> for Measure {
    type Error = String;
    fn try_from(word: String) -> Result<Self, String> {
        Measure::named(&word).ok_or_else(|| format!("`{word}` is no measure"))
    }
}

impl Measure {
    /// The one of this name: Laurel's, or the vendor's own.
    pub fn named(word: &str) -> Option<Self> {
        let built_in = Measure::ALL.iter().copied().find(|measure| measure.word() == word);
        built_in.or_else(|| OwnMeasure::new(word).map(Measure::Own))
    }
}

impl Criterion {
    /// It in words, as `5 deals within 1 year`.
    pub fn words(&self) -> String {
        let level = self.level.map_or_else(String::new, |level| format!(" at level {} or above", level.get()));
        match &self.certification {
            Some(id) if self.least == Decimal::ONE => format!("1 person certified {id}{level}"),
            Some(id) => format!("{} persons certified {id}{level}", self.least),
            None => format!("{} {} within {}", self.least, self.measure.word(), self.within.words()),
        }
    }
}

impl Criteria {
    /// It in words, as `5 deals within 1 year or 250000 acv within 1 year`.
    pub fn words(&self) -> String {
        let list = |parts: &[Criteria], word: &str| {
            let part = |part: &Criteria| match part {
                Criteria::One(_) | Criteria::Fact(_) => part.words(),
                Criteria::Any(_) | Criteria::All(_) => format!("({})", part.words()),
            };
            parts.iter().map(part).collect::<Vec<_>>().join(word)
        };
        match self {
            Criteria::One(one) => one.words(),
            Criteria::Fact(fact) => fact.sentence(),
            Criteria::Any(parts) => list(parts, " or "),
            Criteria::All(parts) => list(parts, " and "),
        }
    }

    /// Every way to meet it, each all that must be met together; the first thousand.
    pub fn ways(&self) -> Vec<Vec<&Criteria>> {
        match self {
            Criteria::One(_) | Criteria::Fact(_) => vec![vec![self]],
            Criteria::Any(parts) => parts.iter().flat_map(Criteria::ways).take(WAYS_MAX).collect(),
            Criteria::All(parts) => parts.iter().fold(vec![Vec::new()], |so_far, part| {
                let more = part.ways();
                let with_each =
                    |way: &Vec<_>| more.iter().map(|more| [way.as_slice(), more].concat()).collect::<Vec<_>>();
                so_far.iter().flat_map(with_each).take(WAYS_MAX).collect()
            }),
        }
    }

    /// Every measure in the tree.
    pub fn measures(&self) -> BTreeSet<Measure> {
        match self {
            Criteria::Any(list) | Criteria::All(list) => list.iter().flat_map(Criteria::measures).collect(),
            Criteria::One(one) => [one.measure].into(),
            Criteria::Fact(_) => BTreeSet::new(),
        }
    }

    /// Every certification that it names.
    pub fn certifications(&self) -> Vec<&CertificationId> {
        match self {
            Criteria::Any(list) | Criteria::All(list) => list.iter().flat_map(Criteria::certifications).collect(),
            Criteria::One(one) => one.certification.iter().collect(),
            Criteria::Fact(_) => Vec::new(),
        }
    }

    /// Everything that it asks of what is stated of the partner.
    pub fn facts(&self) -> Vec<&Condition> {
        match self {
            Criteria::Any(list) | Criteria::All(list) => list.iter().flat_map(Criteria::facts).collect(),
            Criteria::One(_) => Vec::new(),
            Criteria::Fact(fact) => vec![fact],
        }
    }

    /// The longest window in the tree, in months as the file names it.
    pub fn months(&self) -> i32 {
        match self {
            Criteria::Any(list) | Criteria::All(list) => list.iter().map(Criteria::months).max().unwrap_or(0),
            Criteria::One(one) => one.within.months(),
            Criteria::Fact(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Measure;

    #[test]
    fn every_measure_has_a_letter_of_its_own() {
        let own = [super::OWN_LETTER];
        let letters = Measure::ALL.iter().map(|measure| measure.letter()).chain(own);
        assert_eq!(letters.collect::<std::collections::BTreeSet<char>>().len(), Measure::ALL.len() + 1);
    }
}
