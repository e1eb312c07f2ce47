//! The names of things: program, partner, source, event id. Checked once, where they enter.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use unicode_normalization::is_nfc;

/// Longest id accepted, in characters.
pub const ID_CHARS_MAX: usize = 128;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Longer than [`ID_CHARS_MAX`].
    #[error("has {0} characters, the limit is {ID_CHARS_MAX}")]
    TooLong(usize),
    /// A control character, a white space other than the blank, or a blank at either end.
    #[error("holds a character that cannot be seen: {0}")]
    Invisible(String),
    /// Not in Unicode's normalization form C: what looks alike would be two ids.
    #[error("is not in Unicode's normalization form C (NFC); compose its letters and accents")]
    NotComposed,
}

fn checked(text: &str) -> Result<(), IdError> {
    // What nearly all are: visible ASCII.
    if (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let chars = text.chars().count();
    if chars == 0 {
        return Err(IdError::Empty);
    }
    if chars > ID_CHARS_MAX {
        return Err(IdError::TooLong(chars));
    }
    let invisible = |c: &char| c.is_control() || (c.is_whitespace() && *c != ' ') || is_ignorable(*c);
    let at_an_end = |c: &char| *c == ' ' && (text.starts_with(' ') || text.ends_with(' '));
    match text.chars().find(|c| invisible(c) || at_an_end(c)) {
        Some(c) => Err(IdError::Invisible(c.escape_unicode().to_string())),
        None if text.is_ascii() || is_nfc(text) => Ok(()),
        None => Err(IdError::NotComposed),
    }
}

/// What is drawn as nothing (Unicode's `Default_Ignorable_Code_Point`): two ids that look alike must be alike.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A text that stands where it is while it is short, and is shared, not copied, when it is long.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Shared(SmolStr);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for Shared {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl std::ops::Deref for Shared {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Shared);

        impl $name {
            /// The text, as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::try_from(text.as_str())
            }
        }
        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<Self, IdError> {
                checked(text)?;
                Ok(Self(text.into()))
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }
        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A program's id, as the program file has it.
    ProgramId
);
id!(
    /// A partner's id: an event's `subject`.
    PartnerId
);
id!(
    /// Who sent an event: a CloudEvents `source`.
    Source
);
id!(
    /// A sender's own id for an event.
    EventId
);
id!(
    /// A deal, as the sender names it.
    DealId
);
id!(
    /// An opportunity at a customer, as the sender names it.
    OpportunityId
);
id!(
    /// A person at a partner: as the sender names it, or the pseudonym in its place.
    PersonId
);
id!(
    /// A course.
    CourseId
);
id!(
    /// A certification.
    CertificationId
);
id!(
    /// A piece of content.
    ContentId
);
id!(
    /// A service project.
    ProjectId
);
id!(
    /// An invoice.
    InvoiceId
);
id!(
    /// A reward of the program's catalogue.
    RewardId
);
id!(
    /// A redemption: our own, a UUID of version 7.
    RedemptionId
);
id!(
    /// A sales motion, as in `sell` or `service` (M19).
    Motion
);
id!(
    /// A tier, unique in its ladder.
    TierId
);
id!(
    /// An earning rule: `[earn.<id>]`.
    RuleId
);
id!(
    /// A name that is no key of ours: a measure, a period, a benefit, a criterion.
    Name
);

/// A short text of our own, or a copy of an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Label(Shared);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl std::borrow::Borrow<str> for Label {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.as_str().to_owned()
    }
}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Label {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// How the pseudonyms of persons begin.
pub const PSEUDONYM: &str = "person-";

impl From<&PersonId> for Label {
    fn from(person: &PersonId) -> Self {
        Self(person.0.clone())
    }
}

impl std::ops::Deref for Label {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Everything below this prefix is ours; events from outside may not use it.
pub const INTERNAL_SOURCES: &str = "urn:laurel:";

/// What partner ids that only Laurel itself uses start with.
const INTERNAL_PARTNERS: char = '@';

impl PartnerId {
    /// The program itself, in whose history its publications stand.
    pub fn program() -> Self {
        Self("@program".into())
    }

    /// Whether only Laurel itself may use this id.
    pub fn is_internal(&self) -> bool {
        self.0.starts_with(INTERNAL_PARTNERS)
    }
}

impl Source {
    /// Whether only Laurel itself may send under this source.
    pub fn is_internal(&self) -> bool {
        self.0.get(..INTERNAL_SOURCES.len()).is_some_and(|start| start.eq_ignore_ascii_case(INTERNAL_SOURCES))
    }
}

/// What an event is, for ever: one identity has one body and is judged once (I2, I4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The program it belongs to.
    pub program: ProgramId,
    /// Who sent it.
    pub source: Source,
    /// The sender's id.
    pub id: EventId,
}

impl Identity {
    /// An identity that Laurel itself gives: `urn:laurel:<family>`, `<part>/<part>...`. Parts are escaped so that no id can imitate
    /// another; what gets too long or cannot be seen is named by a hash (UUID v5).
    pub fn internal(program: &ProgramId, family: &str, parts: &[&str]) -> Self {
        let escape = |part: &&str| part.replace('%', "%25").replace('/', "%2F");
        let readable = parts.iter().map(escape).collect::<Vec<_>>().join("/");
        let id = match checked(&readable) {
            Ok(()) => readable,
            Err(_) => uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, readable.as_bytes()).to_string(),
        };
        Self {
            program: program.clone(),
            source: Source(format!("{INTERNAL_SOURCES}{family}").as_str().into()),
            id: EventId(id.as_str().into()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.program, self.source, self.id)
    }
}

/// Whether `text` matches `pattern`, in which a trailing `*` stands for any rest.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C3: characters that are drawn as nothing passed in ids. Compared with Unicode's own data.
    #[test]
    fn c3_what_is_drawn_as_nothing_is_in_no_id() {
        let class = regex_syntax::parse(r"\p{Default_Ignorable_Code_Point}").expect("a class");
        let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) = class.kind() else {
            panic!("no class: {class:?}")
        };
        let ignorable = |c: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), ignorable(c), "{}", c.escape_unicode());
        }
        assert!(PartnerId::try_from("partner\u{2066}-17").is_err());
    }

    /// C3: an id that looks like another is another spelling of the same letters, and refused.
    #[test]
    fn c3_ids_are_in_normalization_form_c() {
        for composed in ["Åre", "Café", "ảnh", "한국", "가", "क्षि", "שלום", "ﻻ"] {
            assert!(PartnerId::try_from(composed).is_ok(), "{composed}");
        }
        for other in ["A\u{30a}re", "Cafe\u{301}", "\u{212b}", "\u{1100}\u{1161}", "\u{2126}", "a\u{323}\u{301}\u{323}"]
        {
            assert_eq!(PartnerId::try_from(other), Err(IdError::NotComposed), "{other}");
        }
    }

    #[test]
    fn ids_at_the_edges() {
        let of = |n: usize| PartnerId::try_from("x".repeat(n));
        assert_eq!(of(0), Err(IdError::Empty));
        assert!(of(1).is_ok() && of(127).is_ok() && of(128).is_ok());
        assert_eq!(of(129), Err(IdError::TooLong(129)));
    }

    #[test]
    fn separators_are_allowed_and_invisible_characters_are_not() {
        for good in ["a#b/c", "p 1", "ÅÄÖ", "%23"] {
            assert!(PartnerId::try_from(good).is_ok(), "{good}");
        }
        for bad in ["a\nb", "a\u{0}", "a\u{200b}b", " a", "a ", "a\tb", "a\u{202e}b"] {
            assert!(matches!(PartnerId::try_from(bad), Err(IdError::Invisible(_))), "{bad:?}");
        }
    }

    #[test]
    fn our_sources_are_recognised_in_any_case() {
        let internal = |s: &str| Source::try_from(s).expect("source").is_internal();
        assert!(internal("urn:laurel:clock") && internal("URN:Laurel:x"));
        assert!(!internal("/crm/urn:laurel:") && !internal("urn:laurelx"));
    }

    #[test]
    fn blanks_alone_are_no_id() {
        for bad in [" ", "  "] {
            assert!(matches!(PartnerId::try_from(bad), Err(IdError::Invisible(_))), "{bad:?}");
        }
    }
}
