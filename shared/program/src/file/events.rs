//! From the file's words to event types of the vendor's own.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Label, Name};
use event::{FACT_CHARS_MAX, OWN_FIELDS_MAX, OwnField, OwnForm, OwnType, TEXT_CHARS_MAX, names_person, no_own_name};

use super::EventTable;
use crate::findings::{Code, Findings};
use crate::ladder::{Measure, OwnMeasure};
use crate::own::{OWN_MEASURES_MAX, OWN_TYPES_MAX, OwnEvent, OwnEvents};

/// Longest name of a field, in characters.
const FIELD_CHARS_MAX: usize = 32;

pub(crate) fn events(tables: &BTreeMap<String, EventTable>, f: &mut Findings<'_>) -> OwnEvents {
    if tables.len() > OWN_TYPES_MAX {
        let message = format!("{} event types are declared, and a program has at most {OWN_TYPES_MAX}", tables.len());
        f.error(Code::BadValue, &["event"], message, None);
    }
    let events: OwnEvents = tables.iter().map(|(name, table)| (name.as_str().into(), event(name, table, f))).gather();
    let counted: BTreeSet<Measure> = events.values().filter_map(|event| event.counts).gather();
    if counted.len() > OWN_MEASURES_MAX {
        let message = format!("they count to {} things, and a program has at most {OWN_MEASURES_MAX}", counted.len());
        let help = "let several types count to the same".to_owned();
        f.error(Code::BadValue, &["event"], message, Some(help));
    }
    events
}

/// A type as it is declared, whatever is wrong with it: who names it has found it.
fn event(name: &str, table: &EventTable, f: &mut Findings<'_>) -> OwnEvent {
    let at = |key| ["event", name, key];
    if let Some(why) = no_own_name(name) {
        f.error(Code::BadId, &["event", name], format!("`{name}` is no name for an event type"), Some(why.to_owned()));
    }
    if table.fields.len() > OWN_FIELDS_MAX {
        let message = format!("{} fields are declared, and a type has at most {OWN_FIELDS_MAX}", table.fields.len());
        f.error(Code::BadValue, &at("fields"), message, None);
    }
    let about = table.about.clone().unwrap_or_default();
    if about.chars().count() > TEXT_CHARS_MAX {
        f.error(Code::BadValue, &at("about"), format!("it has at most {TEXT_CHARS_MAX} characters"), None);
    }
    let fields = table.fields.iter().filter_map(|(field, words)| self::field(name, field, words, f)).collect();
    let counts = table.counts.as_ref().and_then(|word| f.take(&at("counts"), measure(word)));
    let form = OwnType { name: Label::from(name), about, fields };
    OwnEvent { form, counts, motion: table.motion.clone() }
}

/// What such events count to.
pub(crate) fn measure(word: &str) -> Result<Measure, String> {
    if let Some(built_in) = Measure::ALL.iter().find(|measure| measure.word() == word) {
        return Err(format!("`{}` is counted by Laurel's own types; give it another name", built_in.word()));
    }
    let how = || {
        format!("`{word}` is no name of a count; write 1 to 24 small letters, digits and hyphens, as in \"webinars\"")
    };
    OwnMeasure::new(word).map(Measure::Own).ok_or_else(how)
}

fn field(event: &str, name: &str, words: &str, f: &mut Findings<'_>) -> Option<OwnField> {
    let path = ["event", event, "fields", name];
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain || name.len() > FIELD_CHARS_MAX {
        let help = format!("write at most {FIELD_CHARS_MAX} small letters, digits and underscores");
        f.error(Code::BadId, &path, format!("`{name}` is no name of a field"), Some(help));
    }
    if name == "partner" {
        // `if = { partner.type = ... }` asks of the partner.
        let help = "the partner is the event's `subject`; name another field `other_partner`".to_owned();
        f.error(Code::BadId, &path, "rules read `partner` as the partner itself", Some(help));
    }
    let (required, form) = words.strip_prefix("optional ").map_or((true, words), |form| (false, form));
    let form = f.take(&path, form_of(form))?;
    match (form == OwnForm::Person, names_person(name)) {
        (true, false) => {
            let help = format!("name it `person_id` or `{}_person_id`", name.trim_end_matches("_id"));
            f.error(
                Code::BadId,
                &path,
                "a field that is a person ends in `person_id`, so that nobody mistakes it",
                Some(help),
            );
        }
        (false, true) => {
            let help = "write \"person\", or name the field otherwise".to_owned();
            f.error(Code::BadValue, &path, "a field that ends in `person_id` is a person", Some(help));
        }
        _ => {}
    }
    Some(OwnField { name: name.into(), form, required: required && form_needs(words) })
}

/// A flag that is left out says no.
fn form_needs(words: &str) -> bool {
    words != "yes or no"
}

fn form_of(words: &str) -> Result<OwnForm, String> {
    const HOW: &str = "write \"id\", \"person\", \"text\", \"number\", \"money\", \"yes or no\", \"time\", \"day\" or \
        \"one of live, recorded\", and \"optional\" before it where it may be left out";
    Ok(match words {
        "id" => OwnForm::Id,
        "person" => OwnForm::Person,
        "text" => OwnForm::Text,
        "number" => OwnForm::Number,
        "money" => OwnForm::Money,
        "yes or no" => OwnForm::Flag,
        "time" => OwnForm::Instant,
        "day" => OwnForm::Day,
        _ => {
            let list =
                words.strip_prefix("one of ").ok_or_else(|| format!("`{words}` is no form of a field; {HOW}"))?;
            let word = |word: &str| {
                let fits =
                    |name: &Name| name.chars().count() <= FACT_CHARS_MAX && !name.starts_with(['<', '>', '=', '!']);
                let name = Name::try_from(word.trim()).ok().filter(fits);
                name.ok_or_else(|| format!("`{}` is no word that a field says", word.trim()))
            };
            let words: Vec<Name> = list.split(',').map(word).collect::<Result<_, _>>()?;
            if let Some((_, twice)) = words.iter().enumerate().find(|(at, word)| words[..*at].contains(word)) {
                return Err(format!("`{twice}` stands there twice; write it once"));
            }
            OwnForm::Words(words)
        }
    })
}
