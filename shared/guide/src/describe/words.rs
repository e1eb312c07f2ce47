//! Words and figures for people.

use domain::ledger::Asset;
use event::catalogue::TOTAL_VALUE;
use event::ids::{Motion, TierId};
use program::{ATTESTED, Cap, Comparison, Condition, Gate, PARTNER as FACT, Rule, Test};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::probe::{Given, scale};

/// A condition for people; numbers are told by `number`.
pub(super) fn asked(condition: &Condition, number: impl Fn(Decimal) -> String) -> String {
    let field = words(&condition.field);
    match &condition.test {
        Test::Is(word) if word == "true" => field,
        Test::Is(word) if word == "false" => format!("no {field}"),
        Test::Is(word) => format!("{field} {word}"),
        Test::IsNot(word) => format!("{field} other than {word}"),
        Test::OneOf(all) => format!("{field} {}", all.join(" or ")),
        Test::Compare(Comparison::AtLeast, least) => format!("{field} {} or more", number(*least)),
        Test::Compare(Comparison::MoreThan, least) => format!("{field} above {}", number(*least)),
        Test::Compare(Comparison::AtMost, most) => format!("{field} {} or less", number(*most)),
        Test::Compare(Comparison::LessThan, most) => format!("{field} below {}", number(*most)),
    }
}

/// The head of the first column of a rule's table.
pub(super) fn head_of(rule: &Rule) -> String {
    match scale(rule) {
        None => "Which".to_owned(),
        Some("acv") => "Value of a year".to_owned(),
        Some(TOTAL_VALUE) => "Value of the contract".to_owned(),
        Some(by) => capital(&words(by)),
    }
}

pub(super) fn named(tiers: &[(Motion, TierId)]) -> Vec<String> {
    tiers.iter().map(|(_, tier)| format!("as {tier}")).collect()
}

pub(super) fn gates(gates: &[Gate]) -> String {
    gates.iter().map(Gate::to_string).collect::<Vec<_>>().join(", ")
}

/// A cap for partners: whose count it is, where it is not theirs as a whole.
pub(super) fn capped(cap: &Cap) -> String {
    cap.words.replace(" per partner", "")
}

/// The first sentence of what is said of an event type, without its end and without the mechanism that it serves.
pub(super) fn in_short(about: &str) -> &str {
    let first = about.trim().split(". ").next().unwrap_or_default();
    first.split(" (M").next().and_then(|text| text.split(" (N").next()).unwrap_or_default().trim_end_matches('.')
}

/// A field for people.
pub(super) fn words(field: &str) -> String {
    let field = field.trim_start_matches(FACT).trim_start_matches(ATTESTED);
    let named = match field {
        "acv" => "value of a year",
        TOTAL_VALUE => "value of the contract",
        "deal_id" => "deal",
        "tenor_months" => "months",
        other => other.trim_end_matches("_id"),
    };
    named.replace('_', " ")
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

pub(super) fn shown(given: Given) -> String {
    if given.asset == Asset::Points {
        whole(given.amount)
    } else {
        format!("{} {}", grouped(&given.asset.amount(given.amount)), given.asset)
    }
}

/// What one step of so many brings.
pub(super) fn each(given: Given, steps: u32) -> String {
    if steps <= 1 {
        return shown(given);
    }
    let one = Decimal::from(given.amount).checked_div(Decimal::from(steps)).unwrap_or_default();
    grouped(&rounded(one, 4).to_string())
}

/// A figure for people, half away from zero.
pub(super) fn rounded(figure: Decimal, places: u32) -> Decimal {
    figure.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// A whole number.
pub(super) fn whole(number: i64) -> String {
    grouped(&number.to_string())
}

/// A number with its thousands apart.
pub(super) fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let rest = rest.map(|rest| format!(".{rest}")).unwrap_or_default();
    format!("{sign}{text}{rest}")
}
