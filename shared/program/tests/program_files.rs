//! Program files: the shipped ones are in good form, and each bad form is refused with its place and the way out.

use std::fmt::Write;
use std::sync::Arc;

use laurel_program::{Code, Diagnostic, Program, Programs, Severity, Version, check};

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");
const APEX: &str = include_str!("../../../infra/programs/apex.toml");
const PERX: &str = include_str!("../../../infra/programs/perx.toml");

#[test]
fn the_shipped_programs_are_in_good_form() {
    assert_eq!(check(HR), vec![]);
    assert_eq!(check(APEX), vec![]);
    assert!(check(PERX).iter().all(|d| d.severity == Severity::Warning));
}

/// The source document promotes at 5 deals and demotes below 10: the linter says who would bounce.
#[test]
fn an_oscillating_ladder_is_named_with_its_numbers() {
    let found = check(PERX);
    let messages: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "a partner steady at 5 deals within 1 year enters `reseller`, falls short of what keeps it (10 deals within 1 year), goes down and enters again, for ever"
        ]
    );
    assert_eq!(PERX.lines().nth(found[0].line - 1).map(|l| l.starts_with("keep = { all")), Some(true));
}

fn broken(from: &str, to: &str) -> Vec<Diagnostic> {
    assert!(HR.contains(from), "{from}");
    check(&HR.replacen(from, to, 1))
}

/// The message, the help and the text of the line of the first finding.
fn first(from: &str, to: &str) -> (Severity, String, Option<String>, String) {
    let text = HR.replacen(from, to, 1);
    let found = broken(from, to);
    let d = found.first().unwrap_or_else(|| panic!("nothing was found in {to}"));
    (d.severity, d.message.clone(), d.help.clone(), text.lines().nth(d.line - 1).unwrap_or_default().to_owned())
}

/// What a finding is about that is newer than a published version: the version is read, and the file is not published again.
#[test]
fn a_rule_that_no_event_meets_is_read_and_not_published() {
    let file = HR.replacen("outcome = \"won\", renewal = false", "outcome = \"wun\", acv = \"!= 0\"", 1);
    let program = Program::parse(&file).expect("a program");
    assert_eq!(program.rules.len(), Program::parse(HR).expect("a program").rules.len());
    let refused = Program::to_publish(&file).expect_err("not to be published");
    assert_eq!(refused.iter().map(|found| found.code).collect::<Vec<_>>(), [laurel_program::Code::NeverHolds]);
    assert_eq!(check(&file), refused);
}

#[test]
fn every_bad_form_is_refused_at_its_place() {
    // what stands there; what it is broken to; a part of the message; a part of the help; a part of the line
    let rows = [
        ("renewal = true", "lines = 1", "deal.closed has no field `lines`", "", "if ="),
        ("renewal = true", "tenor_months = \"<= 0\"", "`tenor_months` is never so", "from 1 to 600", "if ="),
        ("points = 50\n", "pionts = 50\n", "nothing reads `pionts` here", "did you mean `points`?", "pionts"),
        ("by = \"1.25\"", "by = 1.25", "a decimal in quotes", "", "by = 1.25"),
        (
            "points = 50\n",
            "points = 50\npaused = { from = \"2027-01-15\", until = \"2027-01-15\" }\n",
            "starts on 2027-01-15 and ends before that day",
            "the first day after the pause",
            "paused =",
        ),
        (
            "points = 50\n",
            "points = 50\npaused = { from = \"2027-02-30\" }\n",
            "`2027-02-30` is not a date",
            "",
            "paused =",
        ),
        // Conditions that no event meets were taken, and the rule gave nothing for ever.
        ("seconds = \">= 30\"", "seconds = \"=> 30\"", "`=> 30` is no comparison", "write `>= 30`", "if ="),
        (
            "outcome = \"won\", renewal = false",
            "outcome = \"wun\", renewal = false",
            "`outcome` is never `wun`",
            "did you mean `won`?",
            "if =",
        ),
        (
            "outcome = \"won\", renewal = false",
            "outcome = \"!= loost\", renewal = false",
            "every event meets this",
            "did you mean `lost`?",
            "if =",
        ),
        (
            "outcome = \"won\", renewal = true",
            "outcome = \"one of won, maybe\"",
            "`outcome` is never `maybe`",
            "it is one of",
            "if =",
        ),
        ("renewal = true", "renewal = \"yes\"", "`renewal` is never `yes`", "it is one of true, false", "if ="),
        ("renewal = true", "renewal = \"> 1\"", "`renewal` is no number, it is true or false", "", "if ="),
        ("renewal = true", "acv = \"< 0\"", "`acv` is never so", "`acv` is at least 0", "if ="),
        (
            "renewal = true",
            "acv = \"lots\"",
            "`acv` is never `lots`: it is an amount",
            "write `acv = \">= 100\"`",
            "if =",
        ),
        ("renewal = true", "line_items = 1", "has no field", "", "if ="),
        ("seconds = \">= 30\"", "seconds = \"one of >= 30, 5\"", "`>= 30` is no comparison", "write `>= 30`", "if ="),
        ("seconds = \">= 30\"", "content_id = \"book \"", "`content_id` is never `book `", "as it is sent", "if ="),
        (
            "by = \"level\", table = { 101 = 100, 201 = 200, 301 = 400 }",
            "by = \"level\", bands = [{ from = \"302\", points = 1 }]",
            "`level` is never so",
            "from 101 to 301",
            "points =",
        ),
        (
            "points = 100\n",
            "points = { by = \"acv\", table = { 1000 = 5 } }\n",
            "`acv` is an amount, and a table is of words",
            "write `bands`",
            "points =",
        ),
        ("seconds = \">= 30\"", "person_id = \"dana\"", "persons are kept under pseudonyms", "another field", "if ="),
        ("101 = 100", "1001 = 100", "`level` is never `1001`", "did you mean `101`?", "points ="),
        (
            "{ by = \"acv\", bands",
            "{ by = \"outcome\", bands",
            "`outcome` is no number, it is one of the words",
            "",
            "points =",
        ),
        (
            "rank = 1\n",
            "rank = \"one\"\n",
            "the text \"one\" cannot stand here; write a whole number, 0 or more",
            "",
            "rank",
        ),
        ("times = [", "times = 1 #", "the number 1 cannot stand here; write a list", "", "times"),
        (
            "required = false",
            "required = \"no\"",
            "the text \"no\" cannot stand here; write true or false",
            "",
            "required",
        ),
        // A tier that is not in form is there all the same for who names it.
        (
            "review = \"quarterly\"\ngrace = \"1 quarter\"\n\n# ----",
            "review = \"weekly\"\ngrace = \"1 quarter\"\n\n# ----",
            "write \"monthly\", \"quarterly\" or \"annually\"",
            "",
            "review",
        ),
        // B10: a slip of the hand gave as much as can be counted.
        ("by = \"1.25\"", "by = \"999999999999\"", "a multiplier is at most 1000", "", "by ="),
        ("currency = \"USD\"", "currency = \"usd\"", "is not a currency", "", "currency"),
        ("time_zone = \"America/New_York\"", "time_zone = \"Mars\"", "no time zone", "", "time_zone"),
        (
            "on = \"deal.registered\"",
            "on = \"deal.registred\"",
            "is no event type",
            "did you mean `deal.registered`?",
            "on =",
        ),
        (
            "{ seconds = \">= 30\" }",
            "{ second = \">= 30\" }",
            "has no field `second`",
            "did you mean `seconds`?",
            "second",
        ),
        ("{ seconds = \">= 30\" }", "{ seconds = \">= many\" }", "is not an amount", "", "seconds"),
        ("at_most = \"20 per partner per month\"", "at_most = \"20 per month\"", "is not a cap", "", "at_most"),
        (
            "{ from = \"50000\", points = 1500 }",
            "{ from = \"10000\", points = 1500 }",
            "overlaps",
            "rising order",
            "points =",
        ),
        (
            "{ from = \"10000\", points = 500 }",
            "{ from = \"10000\", to = \"40000\", points = 500 }",
            "there is a gap between 40000 and 50000",
            "",
            "points =",
        ),
        ("until = \"2026-09-01\"", "until = \"2026-06-01\"", "before it starts", "first day after", "until"),
        ("from = \"2026-07-01\"", "from = \"1 July\"", "is not a date", "", "from"),
        (
            "{ campaign = \"summer-push\" }",
            "{ campaign = \"summer-pusch\" }",
            "there is no [campaign.summer-pusch]",
            "did you mean `summer-push`?",
            "times",
        ),
        ("{ tier = \"gold\", by", "{ tier = \"golden\", by", "no ladder has a tier `golden`", "", "times"),
        ("registrations = 3, within", "visits = 3, within", "nothing reads `visits` here", "", "visits"),
        ("deals = 5, within = \"1 year\"", "deals = 5, within = \"4 years\"", "is not a window", "", "enter"),
        ("deals = 5, within = \"1 year\"", "deals = 5", "needs a window", "", "enter"),
        ("rank = 3", "rank = 2", "have the same rank", "", "rank"),
        (
            "second_registrant = \"reject\"",
            "second_registrant = \"maybe\"",
            "write \"reject\"",
            "",
            "second_registrant",
        ),
        ("needs = { tier = \"gold\" }", "needs = { tier = \"silber\" }", "no ladder has a tier `silber`", "", "needs"),
        ("points = 9000", "points = 0", "a reward costs between 1", "", "points = 0"),
        (
            "provider = \"vouchers\"",
            "provider = \"cash\"",
            "there is no provider `cash`",
            "write \"vouchers\"",
            "provider",
        ),
        ("expiry = \"24 months", "expiry = \"24 moons", "write \"never\"", "", "expiry"),
        ("clawback = \"within balance, rest netted", "clawback = \"never", "within balance", "", "clawback"),
        ("\"certification.*\"]", "\"certificates.*\"]", "matches no event type", "", "/lms/*"),
        ("GBP = \"1.27\"", "GBP = \"0\"", "must be above zero", "", "GBP"),
        ("GBP = \"1.27\"", "GBP = 1.27", "a decimal in quotes", "", "GBP"),
        ("GBP = \"1.27\"", "GBP = \"1000000000.01\"", "a rate is at most 1000000000", "", "GBP"),
        ("id = \"hr-software\"", "id = \"1-hr\"", "a program's id is a table key", "small letters", "id"),
        ("id = \"hr-software\"", "id = \"hr_software\"", "a program's id is a table key", "small letters", "id"),
        ("rank = 1\n", "rank = 1\nkeep = { deals = 1, within = \"1 year\" }\n", "the lowest tier", "", "sell.member"),
        ("rank = 1\n", "rank = 1\nprune_after = 2\n", "no review is failed", "keep = {", "prune_after"),
        (
            "rank = 1\n",
            "rank = 1\nkeep = { deals = 1, within = \"1 year\" }\nprune_after = 0\n",
            "between 1 and 24",
            "",
            "prune_after",
        ),
        (
            "rank = 1\n",
            "rank = 1\nkeep = { deals = 1, within = \"1 year\" }\nprune_after = 2\ngrace = \"1 month\"\n",
            "`grace` is before a tier is lost",
            "leave out",
            "prune_after",
        ),
        ("rank = 2\n", "rank = 2\nprune_after = 2\n", "goes down a tier", "", "prune_after"),
        (
            "enter = { any = [{ registrations = 3, within = \"1 year\" }, { deals = 1, within = \"1 year\" }] }",
            "enter = { any = [] }",
            "",
            "",
            "enter",
        ),
        (
            "enter = { any = [{ registrations = 3, within = \"1 year\" }, { deals = 1, within = \"1 year\" }] }",
            "enter = { all = [] }",
            "",
            "",
            "enter",
        ),
        ("expiry = \"24 months", "expiry = \"37 months", "36 months at most", "", "expiry"),
        ("expiry = \"24 months", "expiry = \"40 days", "36 months at most", "", "expiry"),
        ("periods_close = \"10 days", "periods_close = \"61 days", "60 days at most", "", "periods_close"),
        ("periods_close = \"10 days", "periods_close = \"1 month", "60 days at most", "", "periods_close"),
        ("points = 9000", "points = 1000000001", "a reward costs between 1", "", "points"),
        (
            "\"10 per partner per month\"",
            "\"10 points per partner per month\"",
            "counts pieces per partner",
            "",
            "at_most",
        ),
        ("\"10 per partner per month\"", "\"10 per partner per content\"", "counts pieces per partner", "", "at_most"),
        ("\"10 per partner per month\"", "\"10 per person per month\"", "counts pieces per partner", "", "at_most"),
        (
            "{ tier = \"gold\", by",
            "{ tier = \"gold\", motion = \"service\", by",
            "no ladder has a tier `gold`",
            "",
            "times",
        ),
    ];
    for (from, to, message, help, line) in rows {
        let (severity, m, h, l) = first(from, to);
        assert_eq!(severity, Severity::Error, "{to}: {m}");
        assert!(m.contains(message), "{to}: {m}");
        assert!(h.clone().unwrap_or_default().contains(help), "{to}: {h:?}");
        assert!(l.contains(line), "{to}: {l}");
    }
}

/// The last that is in good form, where one more is not.
#[test]
fn what_stands_at_an_edge_is_taken() {
    let rows = [
        ("seconds = \">= 30\"", "seconds = \"<= 30\""),
        ("renewal = true", "tenor_months = \"<= 1\""),
        ("GBP = \"1.27\"", "GBP = \"1000000000\""),
        ("points = 9000", "points = 1000000000"),
        ("expiry = \"24 months", "expiry = \"36 months"),
        ("periods_close = \"10 days", "periods_close = \"60 days"),
        ("seconds = \">= 30\"", "seconds = \">= 86400\""),
        ("seconds = \">= 30\"", "seconds = \"> 86399\""),
        ("seconds = \">= 30\"", "seconds = \"<= 0\""),
        ("seconds = \">= 30\"", "seconds = \"< 1\""),
        ("seconds = \">= 30\"", "seconds = \"86400\""),
        ("seconds = \">= 30\"", "content_id = \"a book\""),
        ("{ tier = \"gold\", by", "{ tier = \"gold\", motion = \"sell\", by"),
    ];
    for (from, to) in rows {
        let found: Vec<Diagnostic> = broken(from, to).into_iter().filter(|d| d.severity == Severity::Error).collect();
        assert_eq!(found, vec![], "{to}");
    }
    for beyond in [">= 86401", "> 86400", "<= -1", "< 0", "86401", "030"] {
        let found = broken("seconds = \">= 30\"", &format!("seconds = \"{beyond}\""));
        assert!(found.iter().any(|d| d.severity == Severity::Error), "{beyond}");
    }
}

#[test]
fn what_would_surprise_is_a_warning() {
    let rows = [
        (
            "review = \"quarterly\"\ngrace = \"1 quarter\"\n\n[ladder.sell.gold]",
            "review = \"quarterly\"\n\n[ladder.sell.gold]",
            "without a warning",
        ),
        (
            "points = { by = \"level\", table = { 101 = 100, 201 = 200, 301 = 400 } }\nat_most = \"once per person per course\"",
            "points = { by = \"score\", per = \"1\", points = 1 }",
            "any number of points",
        ),
        (
            "enter = { any = [{ deals = 5, within = \"1 year\" }, { acv = \"250000\", within = \"1 year\" }] }\n",
            "",
            "nothing leads to `gold`",
        ),
        (
            "enter = { any = [{ deals = 5, within = \"1 year\" }, { acv = \"250000\", within = \"1 year\" }] }",
            "enter = { any = [{ registrations = 3, within = \"1 year\" }, { deals = 1, within = \"1 year\" }] }",
            "`silver` is never held",
        ),
    ];
    for (from, to, message) in rows {
        let found = broken(from, to);
        assert!(found.iter().all(|d| d.severity == Severity::Warning), "{to}: {found:?}");
        assert!(found.iter().any(|d| d.message.contains(message)), "{message}: {found:?}");
    }
}

#[test]
fn several_errors_are_found_at_once() {
    let text = HR.replace("points = 9000", "points = 0").replace("rank = 3", "rank = 2");
    assert_eq!(Program::parse(&text).expect_err("two errors").len(), 2);
}

/// Every file of `diagnostics/`, with what `check` finds in it.
#[test]
fn findings_in_program_files() {
    let folder = format!("{}/tests/diagnostics", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("files").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let program = std::fs::read_to_string(&file).expect("a program");
        writeln!(text, "{}", file.file_name().expect("a name").to_string_lossy()).expect("text");
        for d in check(&program) {
            let severity = format!("{:?}", d.severity).to_lowercase();
            let help = d.help.map(|help| format!("\n    help: {help}")).unwrap_or_default();
            let line = program.lines().nth(d.line - 1).unwrap_or_default().trim();
            let code = serde_json::to_value(d.code).expect("JSON");
            let code = code.as_str().expect("a word");
            writeln!(text, "  {severity} {code} {}:{} {}{help}\n    | {line}", d.line, d.column, d.message)
                .expect("text");
        }
    }
    insta::assert_snapshot!(text);
}

/// A measure that is declared can be asked for.
#[test]
fn every_measure_is_read_in_a_ladder() {
    for measure in laurel_program::Measure::ALL {
        let word = measure.word();
        let within = if *measure == laurel_program::Measure::Certifications { "" } else { ", within = \"1 year\"" };
        let least = if *measure == laurel_program::Measure::Acv { "\"1\"" } else { "1" };
        let tier = format!("[ladder.sell.top]\nrank = 9\nenter = {{ {word} = {least}{within} }}\n");
        let file = format!(
            "[program]\nid = \"t\"\nname = \"T\"\ncurrency = \"USD\"\n[sources]\n\"/x/*\" = [\"*\"]\n[ladder.sell.low]\nrank = 1\n{tier}"
        );
        let read = laurel_program::Program::parse(&file).unwrap_or_else(|found| panic!("{word}: {found:?}"));
        let enter = read.ladders.values().flatten().find_map(|tier| tier.enter.clone());
        assert!(format!("{enter:?}").contains(&format!("{measure:?}")), "{word}: {enter:?}");
    }
}

/// E2: 50 points became 50,000, and nothing said so.
#[test]
fn e2_points_that_leap_are_named() {
    let before = Program::parse(HR).expect("in good form");
    let leap = |from: &str, to: &str| {
        assert!(HR.contains(from), "{from}");
        let text = HR.replacen(from, to, 1);
        let found = leaps(&before, &Program::parse(&text).expect("in good form"), &text);
        let line = |d: &Diagnostic| text.lines().nth(d.line - 1).unwrap_or_default().to_owned();
        found.iter().map(|d| (d.message.clone(), line(d))).collect::<Vec<_>>()
    };
    let expected = ("`registration`: points = 50000 where it was 50: 1000 times as much", "points = 50000");
    assert_eq!(leap("points = 50\n", "points = 50000\n"), [(expected.0.to_owned(), expected.1.to_owned())]);
    assert_eq!(leap("points = 50\n", "points = 5\n").len(), 1, "ten times as little");
    assert_eq!(leap("points = 50\n", "points = 499\n"), []);
    assert_eq!(leap("points = 50\n", "points = 0\n"), [], "taking a rule out of use is meant");
}

/// E2: forms that pass and are surely not meant.
#[test]
fn e2_what_is_surely_not_meant_is_found() {
    let (severity, message, help, line) = first("CAD = \"0.73\"", "USD = \"2\"");
    assert_eq!((severity, help.as_deref()), (Severity::Error, Some("leave it out")));
    assert!(message.contains("own currency") && line.starts_with("USD"), "{message} at {line}");
    let (severity, message, help, line) = first("default_motion = \"sell\"", "default_motion = \"lend\"");
    assert_eq!(severity, Severity::Warning);
    assert!(
        message.contains("`lend`, which has no ladder") && line.starts_with("default_motion"),
        "{message} at {line}"
    );
    assert!(help.is_some_and(|help| help.contains("sell")));
    let (severity, message, help, line) = first("\"/cms/*\"", "\"cms\"");
    assert_eq!((severity, help.as_deref()), (Severity::Warning, Some("everything that one sends: \"/cms/*\"")));
    assert!(message.contains("a path or a URI") && line.starts_with("\"cms\""), "{message} at {line}");
}

/// `laurel check --against` and `publish` fell over two files that are in good form each.
#[test]
fn a_leap_that_is_too_far_to_divide_is_a_panic() {
    let per = |per: &str, points: &str| {
        let text = HR.replacen(
            "points = 50\n",
            &format!("points = {{ by = \"expected_acv\", per = \"{per}\", points = {points} }}\n"),
            1,
        );
        let program = Program::parse(&text).unwrap_or_else(|found| panic!("{found:?}"));
        (program, text)
    };
    let (before, _) = per("100000000000000", "1");
    let (after, text) = per("0.000000000001", "1000000");
    let found = leaps(&before, &after, &text);
    assert_eq!(found.len(), 1);
}

/// Only the dearest band is looked at, and no multiplier.
#[test]
fn rules_that_leap_below_their_highest_band_or_by_a_multiplier_are_not_named() {
    let before = Program::parse(HR).expect("in good form");
    let leap = |from: &str, to: &str| {
        assert!(HR.contains(from), "{from}");
        let text = HR.replacen(from, to, 1);
        leaps(&before, &Program::parse(&text).expect("in good form"), &text).len()
    };
    let band = leap("{ from = \"0.01\", points = 200 }", "{ from = \"0.01\", points = 2 }");
    let times = leap("{ tier = \"gold\", by = \"1.25\" }", "{ tier = \"gold\", by = \"125\" }");
    assert_eq!((band, times), (1, 1), "a hundred times as few for every small deal; a hundred times as many for gold");
}

/// Points for an event and points for each unit of an amount are no two numbers of one kind.
#[test]
fn what_cannot_be_compared_is_called_a_leap() {
    let before = Program::parse(HR).expect("in good form");
    let text = HR.replacen("points = 50\n", "points = { by = \"expected_acv\", per = \"1000\", points = 1 }\n", 1);
    let found = leaps(&before, &Program::parse(&text).expect("in good form"), &text);
    assert_eq!(found.iter().map(|d| d.message.clone()).collect::<Vec<_>>(), Vec::<String>::new());
}

/// Whatever is cut out of or put into a file, looking at it ends with findings.
#[test]
fn no_slip_of_form_is_a_panic() {
    let places: Vec<usize> = HR.char_indices().map(|(at, _)| at).step_by(11).collect();
    for put in ["", "[", "]", "\n[", "é = \"", "{", "\"", "=", ",", "\n[[x]]\n", "1", "\r"] {
        for at in &places {
            let next = HR[*at..].chars().next().map_or(0, char::len_utf8);
            let text = format!("{}{put}{}", &HR[..*at], &HR[at + next..]);
            let found = laurel_program::check(&text);
            for one in found {
                assert!(one.span.end >= one.span.start);
            }
        }
    }
}

/// A program's currency changed, and what had been measured in dollars counted as euros.
#[test]
fn no_version_changes_whose_history_it_is_or_its_currency() {
    let before = Program::parse(HR).expect("in good form");
    let found = |from: &str, to: &str| {
        assert!(HR.contains(from), "{from}");
        let text = HR.replacen(from, to, 1);
        let found = laurel_program::breaks(&before, &Program::parse(&text).expect("in good form"), &text);
        found.into_iter().map(|found| (found.code, found.severity)).collect::<Vec<_>>()
    };
    assert_eq!(found("currency = \"USD\"", "currency = \"JPY\""), [(Code::CurrencyChanged, Severity::Error)]);
    assert_eq!(found("id = \"hr-software\"", "id = \"other\""), [(Code::OtherProgram, Severity::Error)]);
    assert_eq!(found("rank = 1", "rank = 0"), []);
}

/// A file that no version can hold was in good form, and could not be published.
#[test]
fn a_file_has_a_size() {
    let of = |bytes: usize| format!("{HR}\n#{}", "x".repeat(bytes - HR.len() - 2));
    let codes = |text: &str| laurel_program::check(text).into_iter().map(|found| found.code).collect::<Vec<_>>();
    assert!(Program::to_publish(&of(laurel_program::FILE_BYTES_MAX)).is_ok());
    let large = of(laurel_program::FILE_BYTES_MAX + 1);
    assert!(codes(&large).contains(&Code::TooLarge) && Program::to_publish(&large).is_err());
}

#[test]
fn ids_and_times_that_no_event_has_are_refused() {
    let codes = |found: Vec<Diagnostic>| found.into_iter().map(|found| found.code).collect::<Vec<_>>();
    let id = |chars: usize| codes(broken("seconds = \">= 30\"", &format!("content_id = \"{}\"", "x".repeat(chars))));
    assert_eq!((id(128), id(129)), (vec![], vec![Code::NeverHolds]));
    let until = |time: &str| {
        let rule = format!(
            "\n[earn.certified]\non = \"certification.granted\"\nif = {{ valid_until = \"{time}\" }}\npoints = 1\n"
        );
        codes(check(&format!("{HR}{rule}")))
    };
    assert_eq!(until("2028-01-12T00:00:00Z"), vec![]);
    assert_eq!(until("2028-01-12T00:00:00+00:00"), vec![Code::NeverHolds], "times are kept in UTC, as Z");
}

/// Going on as one entered keeps, if it brings as much in as long a window, or as much a month; certificates are held, whatever the
/// window.
#[test]
fn a_ladder_oscillates_only_where_going_on_does_not_keep() {
    let oscillates = |enter: &str, keep: &str| {
        let tier = format!("rank = 2\nenter = {{ {enter} }}\nkeep = {{ {keep} }}\ngrace = \"1 quarter\"\n");
        let file = format!(
            "[program]\nid = \"t\"\nname = \"T\"\ncurrency = \"USD\"\n[sources]\n\"/x/*\" = [\"*\"]\n[ladder.sell.low]\nrank = 1\n[ladder.sell.high]\n{tier}"
        );
        let found = check(&file);
        assert!(found.iter().all(|found| found.severity == Severity::Warning), "{found:?}");
        found.iter().any(|found| found.code == Code::OscillatingLadder)
    };
    let deals = |count: u32, within: &str| format!("deals = {count}, within = \"{within}\"");
    let held = |count: u32, within: &str| format!("certifications = {count}, within = \"{within}\"");
    assert!(!oscillates(&deals(5, "1 year"), &deals(10, "2 years")), "five a year are ten in two");
    assert!(oscillates(&deals(5, "1 year"), &deals(11, "2 years")));
    assert!(!oscillates(&held(2, "1 year"), &held(2, "1 month")), "two are two");
    assert!(oscillates(&held(2, "1 year"), &held(3, "2 years")), "two are not three in any time");
}

#[test]
fn versions_that_were_withdrawn_stay_known() {
    let version = |number: u32, from: &str| Version {
        number,
        hash: Version::content_hash(HR),
        effective_from: from.parse().expect("an instant"),
        program: Arc::new(Program::parse(HR).expect("in good form")),
    };
    let (new_year, june) = ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z");
    let both = Programs::new(vec![version(1, new_year), version(2, june)]).expect("versions");
    let left = both.without(2).expect("the first").with(version(3, june));
    assert_eq!([1, 2, 3].map(|number| left.is_withdrawn(number)), [false, true, false]);
    assert_eq!(left.number(2).map(|version| version.number), Some(2), "records name it");
    // The third is replaced in the instant in which it takes effect.
    let left = left.with(version(4, june));
    let from = |now: &str| {
        let now = now.parse().expect("an instant");
        left.from(now).map(|version| version.number).collect::<Vec<_>>()
    };
    assert_eq!(from("2026-05-31T23:59:59Z"), [1, 3, 4]);
    assert_eq!(from(june), [4]);
}

#[test]
fn so_many_faults_of_form_are_told() {
    let keys = (0..60).map(|n| format!("unknown{n} = {n}\n")).collect::<Vec<_>>().concat();
    let found = check(&HR.replacen("[program]\n", &format!("[program]\n{keys}"), 1));
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|found| found.code == Code::UnknownKey));
}

/// What stands below a table that lacks a key makes no second table of it.
#[test]
fn a_table_goes_with_what_stands_below_it() {
    let rules = "[earn.second]\npoints = 7\n[earn.second.if]\noutcome = \"won\"\n[earn.third]\non = \"deal.closed\"\npoints = 7\n";
    let file =
        format!("[program]\nid = \"t\"\nname = \"T\"\ncurrency = \"USD\"\n[sources]\n\"/x/*\" = [\"*\"]\n{rules}");
    let found: Vec<(Code, String)> = check(&file).into_iter().map(|found| (found.code, found.message)).collect();
    assert_eq!(found, [(Code::MissingKey, "`on` is missing".to_owned())]);
}

#[test]
fn every_fault_in_a_list_of_tables_is_told() {
    let band = "{ from = \"0.01\", points = 200 },\n  { from = \"10000\", points = 500 },";
    let slips = "{ foo = 1, from = \"0.01\", points = 200 },\n  { bar = 2, from = \"10000\", points = 500 },";
    let found: Vec<String> = broken(band, slips).into_iter().map(|found| found.message).collect();
    assert_eq!(found, ["nothing reads `foo` here", "nothing reads `bar` here"]);
}

/// What leaps between two programs.
fn leaps(before: &Program, after: &Program, text: &str) -> Vec<Diagnostic> {
    laurel_program::leaps(before, after, text).into_iter().map(|leap| leap.finding).collect()
}

/// Every figure that partners or finance would notice ten times as large, or as small, is asked about.
#[test]
fn figures_of_no_rule_leap_too() {
    for (file, from, to, told) in [
        (HR, "by = \"2\"\n", "by = \"20\"\n", "campaign `summer-push`: by = 20 where it was 2: 10 times as much"),
        (
            HR,
            "points = 500\n",
            "points = 5\n",
            "reward `starbucks-10`: points = 5 where it was 500: 100 times as little",
        ),
        (HR, "EUR = \"1.08\"", "EUR = \"10.8\"", "rate of EUR = 10.8 where it was 1.08: 10 times as much"),
        (APEX, "part = \"30%\"", "part = \"3%\"", "`influence`: part = 3% where it was 30%: 10 times as little"),
        (
            HR,
            "50 points per partner per month",
            "5000 points per partner per month",
            "`reading`: the cap \"5000 points per partner per month\", where it was \"50 points per partner per month\": 100 times as much",
        ),
    ] {
        assert!(file.contains(from), "{from}");
        let text = file.replace(from, to);
        let (before, after) = (Program::parse(file).expect("a program"), Program::parse(&text).expect("a program"));
        let found: Vec<String> = leaps(&before, &after, &text).into_iter().map(|one| one.message).collect();
        assert!(found.iter().any(|message| message == told), "{found:?}");
    }
}
