//! Budgets, benefits and exclusivity of a program file: each broken form is refused where it stands, with the way out (N10, M22, M23).

use laurel_program::{Code, Severity, check};

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");

/// The first finding of the shipped program with `to` where `from` stood, and its line.
fn found(from: &str, to: &str) -> Option<(Severity, Code, String, String)> {
    assert!(HR.contains(from), "{from}");
    let text = HR.replacen(from, to, 1);
    let one = check(&text).into_iter().next()?;
    let said = format!("{} ({})", one.message, one.help.unwrap_or_default());
    Some((one.severity, one.code, said, text.lines().nth(one.line - 1).unwrap_or_default().to_owned()))
}

#[test]
fn broken_forms_are_refused_where_they_stand() {
    use Code::{
        BadCurrency, BadValue, DemotionWithoutWarning, MotionWithoutLadder, UnknownBudget, UnknownKey, UnknownTier,
        UnusedBudget, WrongType,
    };
    let of = "of = \"points\"                       # or";
    let exclusivity = "# ---- deals ---";
    let settings = |words: &str| format!("[exclusivity]\n{words}\n# ---- deals ---");
    // what stands there; what it is broken to; the code; a part of message and help; a part of the line
    let rows: [(&str, &str, Code, &str, &str); 22] = [
        (of, "of = \"EUR\" # or", BadValue, "write \"points\" or \"USD\"", "of ="),
        (of, "of = \"USD\" # or", BadCurrency, "this gives points, and `launch-fund` is a budget of USD", "budget ="),
        (
            "per = \"quarter\"                     # each",
            "per = \"week\" # each",
            BadValue,
            "write \"year\", \"quarter\" or \"month\"",
            "per =",
        ),
        (
            "when_short = \"give what is left\"",
            "when_short = \"wait\"",
            BadValue,
            "or \"give nothing\"",
            "when_short =",
        ),
        (
            "returned = \"to its own period\"",
            "returned = \"never\"",
            BadValue,
            "\"to the current period\"",
            "returned =",
        ),
        ("low = \"10%\"", "low = \"10\"", BadValue, "is no rate", "low ="),
        ("low = \"10%\"", "low = 0.1", WrongType, "a decimal in quotes", "low ="),
        ("parts = 2 ", "parts = 17 ", BadValue, "1 to 16 sub-balances", "parts ="),
        ("parts = 2 ", "part = 2 ", UnknownKey, "did you mean `parts`?", "part ="),
        (
            "budget = \"launch-fund\"",
            "budget = \"lunch-fund\"",
            UnknownBudget,
            "did you mean `launch-fund`?",
            "budget =",
        ),
        ("budget = \"launch-fund\"\n", "", UnusedBudget, "no rule gives out of `launch-fund`", "[budget.launch-fund]"),
        ("slots = 2", "slots = 0", BadValue, "1 to 1000000 slots", "slots ="),
        ("slots = 2", "slots = 2\nat_most = 3", BadValue, "no more than there are", "at_most ="),
        (
            "slots = 2",
            "slots = 2\nneeds = { tier = \"golden\" }",
            UnknownTier,
            "no ladder has a tier `golden`",
            "needs =",
        ),
        ("on = \"deal.qualified\"", "on = \"budget.funded\"", BadValue, "nobody earns by it", "on ="),
        (
            exclusivity,
            &settings("keep = { acv = \"1\", within = \"1 year\" }"),
            DemotionWithoutWarning,
            "grace = ",
            "keep =",
        ),
        (exclusivity, &settings("keep = { acv = \"1\" }"), BadValue, "needs a window", "keep ="),
        (exclusivity, &settings("grace = \"1 quarter\""), BadValue, "nothing is asked to keep it", "grace ="),
        (exclusivity, &settings("lasts = \"long\""), BadValue, "is no length", "lasts ="),
        (exclusivity, &settings("needs = { tier = \"oem\" }"), UnknownTier, "no ladder has a tier `oem`", "needs ="),
        (
            exclusivity,
            &settings("keep = { deals = 1, within = \"1 year\" }\nreview = \"daily\""),
            BadValue,
            "\"monthly\"",
            "review =",
        ),
        (exclusivity, &settings("motion = \"sel\""), MotionWithoutLadder, "no ladder is of `sel`", "motion ="),
    ];
    for (from, to, code, says, line) in rows {
        let (_, found, said, at) = found(from, to).unwrap_or_else(|| panic!("{to}: nothing is found"));
        assert!(found == code && said.contains(says) && at.contains(line), "{to}: {found:?} {said} at `{at}`");
    }
}

/// One decision is one transaction: what one event may draw on is bounded, and what corrects a deal gives back to as many again.
#[test]
fn one_event_draws_on_no_more_than_a_transaction_holds() {
    let many = |on: &str, budgets: u32| {
        let table = |n| {
            format!(
                "[budget.b{n}]\nof = \"points\"\nparts = 15\n[earn.r{n}]\non = \"{on}\"\npoints = 1\nbudget = \"b{n}\"\n"
            )
        };
        let tables: String = (0..budgets).map(table).collect();
        let found = check(&HR.replacen("budget = \"launch-fund\"\n", "", 1).replacen(
            "# ---- tiers",
            &format!("{tables}# ---- tiers"),
            1,
        ));
        found.into_iter().find(|found| found.severity == Severity::Error).map(|found| found.message)
    };
    assert_eq!((many("deal.closed", 2), many("content.viewed", 4)), (None, None));
    let told = many("deal.closed", 3).expect("too many");
    assert_eq!(told, "the budgets of a deal have 45 sub-balances, and one decision holds 30");
    assert!(many("content.viewed", 5).expect("too many").contains("the budgets of content.viewed have 75"));
}
