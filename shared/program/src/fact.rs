//! Facts about partners that the vendor's systems state at enrolment, and rules, criteria and commissions may look at as
//! `partner.<name>` (M47).

use std::collections::BTreeMap;

use event::ids::Name;
use event::money::parse_decimal;
use event::{FACT_CHARS_MAX, PartnerFacts};

use rust_decimal::Decimal;

use crate::findings::nearest;

/// How a rule names a fact of its partner: `partner.type`.
pub const PARTNER: &str = "partner.";

/// How a criterion names what a person attests of a partner: `attested.strategic` (M20).
pub const ATTESTED: &str = "attested.";

/// The fact that every enrolment may state, in a member of its own.
pub const TERRITORY: &str = "territory";

/// What a fact may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactForm {
    /// One of these words.
    Words(Vec<Name>),
    /// A decimal number, `"120"` or `"12.5"`: rules may compare it.
    Number,
    /// A part in percent, from `"0"` to `"100"`: rules may compare it.
    Percent,
    /// Any text.
    Text,
}

impl FactForm {
    /// Reads `"one of referral, reseller, OEM"`, `"number"`, `"percent"` or `"text"`.
    ///
    /// # Errors
    /// A sentence that says what a fact may be.
    pub fn parse(words: &str) -> Result<Self, String> {
        const HOW: &str = "write \"one of referral, reseller\", \"number\", \"percent\" or \"text\"";
        match words {
            "number" => Ok(FactForm::Number),
            "percent" => Ok(FactForm::Percent),
            "text" => Ok(FactForm::Text),
            _ => {
                let list =
                    words.strip_prefix("one of ").ok_or_else(|| format!("`{words}` is no form of a fact; {HOW}"))?;
                let word = |word: &str| {
                    let name = Name::try_from(word.trim()).ok().filter(|name| name.chars().count() <= FACT_CHARS_MAX);
                    name.ok_or_else(|| format!("`{}` is no word that a fact says", word.trim()))
                };
                let words: Vec<Name> = list.split(',').map(word).collect::<Result<_, _>>()?;
                let twice = words.iter().enumerate().find(|(at, word)| words[..*at].contains(word));
                if let Some((_, word)) = twice {
                    return Err(format!("`{word}` stands there twice; write it once"));
                }
                // Nobody could ask for it.
                let sign =
                    words.iter().find(|word| word.starts_with(['<', '>', '=', '!']) || word.starts_with("one of "));
                match sign {
                    Some(word) => Err(format!("`{word}` reads as a comparison; begin it with a letter")),
                    None => Ok(FactForm::Words(words)),
                }
            }
        }
    }

    /// Why a value is none of this form, and the way out; `None` where it is one.
    pub fn refuses(&self, value: &str) -> Option<String> {
        match self {
            FactForm::Words(words) if words.iter().all(|word| *word != value) => {
                let words: Vec<&str> = words.iter().map(Name::as_str).collect();
                let near = nearest(value, &words).map(|near| format!("; did you mean `{near}`?"));
                Some(format!("write one of: {}{}", words.join(", "), near.unwrap_or_default()))
            }
            FactForm::Number if parse_decimal(value).is_err() => {
                Some("write a number in quotes, without a sign or leading zeros, as in \"120\" or \"12.5\"".to_owned())
            }
            FactForm::Percent if percent(value).is_none() => {
                Some("write a part in percent in quotes, as in \"30\" or \"12.5\"".to_owned())
            }
            FactForm::Words(_) | FactForm::Number | FactForm::Percent | FactForm::Text => None,
        }
    }
}

/// A part in percent, as a fact states it: 30 of `"30"`. `None` of what is none, or lies beyond a hundred.
pub fn percent(value: &str) -> Option<Decimal> {
    parse_decimal(value).ok().filter(|percent| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent))
}

/// The facts that a program declares, by name.
pub type Facts = BTreeMap<Name, FactForm>;

/// What a rule's field looks at, if it is a fact of the partner and the program declares it.
pub fn fact<'f>(facts: &'f Facts, field: &str) -> Option<&'f FactForm> {
    let name = field.strip_prefix(PARTNER)?;
    if name == TERRITORY { Some(&FactForm::Text) } else { facts.get(name) }
}

/// What of stated facts the program does not take: each name, and why. Facts that it does not declare are nobody's business yet.
pub fn refused<'s>(facts: &Facts, stated: &'s PartnerFacts) -> Vec<(&'s Name, String)> {
    let elsewhere = || "state it in `data.territory`, beside `facts`".to_owned();
    let why = |name: &Name, value: &Name| {
        if **name == *TERRITORY { Some(elsewhere()) } else { facts.get(name)?.refuses(value) }
    };
    stated.iter().filter_map(|(name, value)| Some((name, why(name, value)?))).collect()
}
