//! What an event type's members can hold, against what a rule asks of them: a rule that no event can meet is a slip of the hand.

use event::Form;
use event::catalogue::{self, TOTAL_VALUE};
use rust_decimal::Decimal;

use crate::condition::{Comparison, Test};
use crate::findings::nearest;

/// Why a rule asks for what cannot be, and the way out.
pub(super) type Never = (String, Option<String>);

/// What a field of an event type looks like; none where there is no such field.
pub(super) fn form(on: &str, field: &str) -> Option<Form> {
    if field == TOTAL_VALUE {
        return Some(Form::Money);
    }
    catalogue::row(on)?.members.iter().find(|member| member.name == field).map(|member| member.form)
}

/// Why no event, or every event, meets a condition on a field of this form.
pub(super) fn never(field: &str, form: Form, test: &Test) -> Option<Never> {
    match test {
        Test::Is(word) => sign(word).or_else(|| no_value(field, form, word)),
        Test::IsNot(word) => sign(word).or_else(|| {
            let (why, help) = no_value(field, form, word)?;
            Some((format!("every event meets this: {why}"), help))
        }),
        Test::OneOf(words) => words.iter().find_map(|word| no_value(field, form, word)),
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
pub(super) fn no_value(field: &str, form: Form, word: &str) -> Option<Never> {
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
        Form::Person => Some((
            format!("`{field}` is never `{word}`: persons are kept under pseudonyms"),
            Some("look at another field".to_owned()),
        )),
        Form::Money => {
            Some((format!("`{field}` is an amount, which is compared"), Some(format!("write `{field} = \">= ...\"`"))))
        }
        Form::Id | Form::Text | Form::Instant | Form::Day | Form::Ids | Form::Lines | Form::Any => None,
    }
}

/// Why a field of this form is no number.
pub(super) fn no_number(field: &str, form: Form) -> Option<Never> {
    let what = match form {
        Form::Whole(..) | Form::Numbers(_) | Form::Money | Form::Id | Form::Text | Form::Any => return None,
        Form::Words(words) => format!("one of the words {}", words.join(", ")),
        Form::Flag => "true or false".to_owned(),
        Form::Person => "a person".to_owned(),
        Form::Instant => "a time".to_owned(),
        Form::Day => "a day".to_owned(),
        Form::Ids | Form::Lines => "a list".to_owned(),
    };
    Some((format!("`{field}` is no number, it is {what}"), None))
}

/// A sign that is none: who mistypes `>=` would ask for a text.
fn sign(word: &str) -> Option<Never> {
    let rest = word.trim_start_matches(['=', '<', '>', '!', '~', '≥', '≤', '≠']);
    let help = || format!("write `>= {0}`, `> {0}`, `<= {0}`, `< {0}`, `!= {0}`, or `{0}` alone", rest.trim());
    (rest.len() < word.len()).then(|| (format!("`{word}` is no comparison"), Some(help())))
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
fn range(form: Form) -> Option<(Decimal, Option<Decimal>)> {
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
        | Form::Any => None,
    }
}
