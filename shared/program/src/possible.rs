//! What an event type's members can hold, against what a rule asks of them: a rule that no event can meet is a slip of the hand.

use event::catalogue::{self, TOTAL_VALUE};
use event::ids::{EventId, Name, PSEUDONYM};
use event::money::parse_decimal;
use event::{FACT_CHARS_MAX, Form, OwnForm};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::commission::Rate;
use crate::condition::{Comparison, Condition, Test};
use crate::fact::{FactForm, fact};
use crate::findings::nearest;
use crate::program::Program;
use crate::rule::{Gives, Points, Rule};

/// Why a rule asks for what cannot be, and the way out.
type Never = (String, Option<String>);

/// Where in a rule: a key, and a key below it.
type Place<'a> = (&'a str, &'a str);

/// What of a rule no event can meet, or every event does.
pub(crate) fn never<'r>(rule: &'r Rule, program: &Program) -> Vec<(Place<'r>, Never)> {
    let conditions = rule.conditions.iter().filter_map(|condition| {
        let never = unmet(&condition.field, held(&rule.on, &condition.field, program)?, &condition.test)?;
        Some((("if", condition.field.as_str()), never))
    });
    let unscaled = match &rule.gives {
        Gives::Points(points) => unscaled(&rule.on, points, program),
        Gives::Money(commission) => unrated(&rule.on, &commission.rate, program),
    };
    conditions.chain(unscaled.map(|never| ((rule.key(), ""), never))).collect()
}

/// Why no partner, or every partner, is what a criterion asks.
pub(crate) fn never_is_so(asked: &Condition, program: &Program) -> Option<Never> {
    if let Some(form) = fact(&program.facts, &asked.field) {
        return unmet(&asked.field, Held::Fact(form), &asked.test);
    }
    match &asked.test {
        Test::Is(word) => sign(word),
        Test::OneOf(words) => words.iter().find_map(|word| sign(word)),
        Test::IsNot(_) | Test::Compare(..) => None,
    }
}

/// What a field can hold.
#[derive(Clone, Copy)]
enum Held<'f> {
    /// A member of an event.
    Member(Form),
    /// A fact of the partner.
    Fact(&'f FactForm),
    /// One of the words that the vendor declares.
    Words(&'f Vec<Name>),
}

/// What a field of an event type, or a fact of the partner, can hold; none where there is no such field.
fn held<'f>(on: &str, field: &str, program: &'f Program) -> Option<Held<'f>> {
    if let Some(form) = fact(&program.facts, field) {
        return Some(Held::Fact(form));
    }
    if let Some(own) = program.events.get(on) {
        let field = own.form.fields.iter().find(|own| *own.name == *field)?;
        return Some(match &field.form {
            OwnForm::Words(words) => Held::Words(words),
            form => Held::Member(form.plain()?),
        });
    }
    if field == TOTAL_VALUE {
        return Some(Held::Member(Form::Money));
    }
    let member = catalogue::row(on)?.members.iter().find(|member| member.name == field)?;
    Some(Held::Member(member.form))
}

/// Why a scale gives nothing, or a part of it does.
fn unscaled(on: &str, points: &Points, program: &Program) -> Option<Never> {
    match points {
        Points::Fixed(_) => None,
        Points::Table { by, table } => table_of(by, held(on, by, program)?, table.keys().map(String::as_str)),
        Points::Bands { by, bands } => {
            let form = held(on, by, program)?;
            let last = bands.last().map(|(from, _)| Test::Compare(Comparison::AtLeast, *from));
            no_number(by, form).or_else(|| last.and_then(|last| unmet(by, form, &last)))
        }
        Points::Per { by, per, .. } => {
            let form = held(on, by, program)?;
            no_number(by, form).or_else(|| unmet(by, form, &Test::Compare(Comparison::AtLeast, *per)))
        }
    }
}

/// Why a scale of rates gives nothing, or a part of it does.
fn unrated(on: &str, rate: &Rate, program: &Program) -> Option<Never> {
    let form = held(on, rate.by()?, program)?;
    match rate {
        Rate::Fixed(_) => None,
        Rate::Table { by, table } => table_of(by, form, table.iter().map(|(value, _)| value.as_str())),
        Rate::Bands { by, bands: steps } | Rate::Slices { by, slices: steps } => {
            let last = steps.last().map(|(from, _)| Test::Compare(Comparison::AtLeast, *from));
            no_number(by, form).or_else(|| last.and_then(|last| unmet(by, form, &last)))
        }
    }
}

fn table_of<'a>(by: &str, form: Held<'_>, mut values: impl Iterator<Item = &'a str>) -> Option<Never> {
    if matches!(form, Held::Member(Form::Money)) {
        return Some((format!("`{by}` is an amount, and a table is of words"), Some("write `bands`".to_owned())));
    }
    values.find_map(|value| no_value(by, form, value))
}

/// Why no event, or every event, meets a condition on a field of this form.
fn unmet(field: &str, form: Held<'_>, test: &Test) -> Option<Never> {
    match test {
        Test::Is(word) => sign(word).or_else(|| no_value(field, form, word)),
        Test::IsNot(word) => {
            let (why, help) = no_value(field, form, word)?;
            Some((format!("every event meets this: {why}"), help))
        }
        Test::OneOf(words) => words.iter().find_map(|word| sign(word).or_else(|| no_value(field, form, word))),
        Test::Compare(comparison, wanted) => no_number(field, form).or_else(|| {
            let (least, most) = range(form)?;
            let out = match comparison {
                Comparison::AtLeast => most.is_some_and(|most| *wanted > most),
                Comparison::MoreThan => most.is_some_and(|most| *wanted >= most),
                Comparison::AtMost => *wanted < least,
                Comparison::LessThan => *wanted <= least,
            };
            out.then(|| (never_is(field), Some(bounds(field, least, most))))
        }),
    }
}

/// Why a value cannot stand in a field of this form.
fn no_value(field: &str, form: Held<'_>, word: &str) -> Option<Never> {
    let form = match form {
        Held::Member(form) => form,
        Held::Fact(FactForm::Words(words)) | Held::Words(words) => {
            return among(field, &words.iter().map(Name::as_str).collect::<Vec<_>>(), word);
        }
        Held::Fact(form) => return unstated(field, form, word),
    };
    match form {
        Form::Words(words) => among(field, words, word),
        Form::Flag => among(field, &["true", "false"], word),
        Form::Numbers(numbers) => {
            let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            among(field, &words.iter().map(String::as_str).collect::<Vec<_>>(), word)
        }
        Form::Whole(least, most) => {
            let fits =
                word.parse::<i64>().is_ok_and(|number| number.to_string() == word && (least..=most).contains(&number));
            let (least, most) = (Decimal::from(least), Decimal::from(most));
            (!fits).then(|| (format!("`{field}` is never `{word}`"), Some(bounds(field, least, Some(most)))))
        }
        Form::Person => (!word.starts_with(PSEUDONYM)).then(|| {
            let help = "look at another field, or name a pseudonym from a statement".to_owned();
            (format!("`{field}` is never `{word}`: persons are kept under pseudonyms"), Some(help))
        }),
        Form::Money => {
            let fits = parse_decimal(word).is_ok_and(|amount| !amount.is_sign_negative());
            (!fits).then(|| {
                (format!("`{field}` is never `{word}`: it is an amount"), Some(format!("write `{field} = \">= 100\"`")))
            })
        }
        Form::Ids | Form::Lines | Form::Facts => {
            Some((format!("`{field}` is a list, and never `{word}`"), Some("look at another field".to_owned())))
        }
        Form::Instant => {
            let as_kept = word.parse::<Timestamp>().ok().map(|time| time.to_string());
            let help = as_kept
                .as_ref()
                .map_or_else(|| "write it as 2026-03-14T09:30:00Z".to_owned(), |time| format!("write `{time}`"));
            (as_kept.as_deref() != Some(word)).then(|| (format!("`{field}` is a time, and never `{word}`"), Some(help)))
        }
        Form::Day => {
            let fits = word.parse::<Date>().is_ok_and(|day| day.to_string() == word);
            (!fits)
                .then(|| (format!("`{field}` is a day, and never `{word}`"), Some("write it as 2026-03-14".to_owned())))
        }
        Form::Id => EventId::try_from(word)
            .is_err()
            .then(|| (format!("`{field}` is never `{word}`"), Some("write an id as it is sent".to_owned()))),
        Form::Text | Form::Any => None,
    }
}

/// Why nobody states a number or a text so.
fn unstated(field: &str, form: &FactForm, word: &str) -> Option<Never> {
    let never = || format!("`{field}` is never `{word}`");
    if let Some(why) = form.refuses(word) {
        return Some((never(), Some(why)));
    }
    let is_number = matches!(form, FactForm::Number | FactForm::Percent);
    let number = parse_decimal(word).ok().filter(|_| is_number).map(|number| number.normalize().to_string());
    if let Some(number) = number.filter(|number| number != word) {
        // What is stated is compared as it is written shortest.
        return Some((never(), Some(format!("write `{number}`, or `>= {number}`"))));
    }
    let fits = Name::try_from(word).is_ok_and(|name| name.chars().count() <= FACT_CHARS_MAX);
    (!fits).then(|| (never(), Some(format!("a fact is of 1 to {FACT_CHARS_MAX} visible characters"))))
}

/// Why a field of this form is no number.
fn no_number(field: &str, form: Held<'_>) -> Option<Never> {
    let form = match form {
        Held::Member(form) => form,
        Held::Fact(FactForm::Number | FactForm::Percent) => return None,
        Held::Fact(FactForm::Words(words)) | Held::Words(words) => {
            let words = words.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
            return Some((format!("`{field}` is no number, it is one of the words {words}"), None));
        }
        Held::Fact(FactForm::Text) => {
            let help = Some("declare it as a number in [facts]".to_owned());
            return Some((format!("`{field}` is no number, it is a text"), help));
        }
    };
    let what = match form {
        Form::Whole(..) | Form::Numbers(_) | Form::Money | Form::Id | Form::Text | Form::Any => return None,
        Form::Words(words) => format!("one of the words {}", words.join(", ")),
        Form::Flag => "true or false".to_owned(),
        Form::Person => "a person".to_owned(),
        Form::Instant => "a time".to_owned(),
        Form::Day => "a day".to_owned(),
        Form::Ids | Form::Lines | Form::Facts => "a list".to_owned(),
    };
    Some((format!("`{field}` is no number, it is {what}"), None))
}

/// A sign that is none: who mistypes `>=` would ask for a text.
fn sign(word: &str) -> Option<Never> {
    let known = [">=", "<=", ">", "<", "!="].iter().find_map(|sign| word.strip_prefix(sign));
    let wrong = ["=>", "=<", "==", "≥", "≤", "≠", "<>", "="].iter().find_map(|sign| word.strip_prefix(sign));
    let rest = known.or(wrong)?.trim();
    let help = format!("write `>= {rest}`, `> {rest}`, `<= {rest}`, `< {rest}`, `!= {rest}`, or `{rest}` alone");
    (known.is_some() || parse_decimal(rest).is_ok()).then(|| (format!("`{word}` is no comparison"), Some(help)))
}

fn among(field: &str, words: &[&str], word: &str) -> Option<Never> {
    let help = || match nearest(word, words) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it is one of {}", words.join(", ")),
    };
    (!words.contains(&word)).then(|| (format!("`{field}` is never `{word}`"), Some(help())))
}

fn never_is(field: &str) -> String {
    format!("`{field}` is never so")
}

fn bounds(field: &str, least: Decimal, most: Option<Decimal>) -> String {
    most.map_or_else(|| format!("`{field}` is at least {least}"), |most| format!("`{field}` is from {least} to {most}"))
}

/// The least and the most that a number of this form can be.
fn range(form: Held<'_>) -> Option<(Decimal, Option<Decimal>)> {
    let form = match form {
        Held::Member(form) => form,
        Held::Fact(FactForm::Percent) => return Some((Decimal::ZERO, Some(Decimal::ONE_HUNDRED))),
        Held::Fact(FactForm::Number) => return Some((Decimal::ZERO, None)),
        Held::Fact(FactForm::Words(_) | FactForm::Text) | Held::Words(_) => return None,
    };
    match form {
        Form::Whole(least, most) => Some((least.into(), Some(most.into()))),
        Form::Numbers(numbers) => {
            Some((Decimal::from(*numbers.iter().min()?), numbers.iter().max().map(|n| (*n).into())))
        }
        Form::Money => Some((Decimal::ZERO, None)),
        Form::Id
        | Form::Person
        | Form::Text
        | Form::Words(_)
        | Form::Flag
        | Form::Instant
        | Form::Day
        | Form::Ids
        | Form::Lines
        | Form::Facts
        | Form::Any => None,
    }
}
