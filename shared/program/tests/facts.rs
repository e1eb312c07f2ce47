//! What a program declares of partners, and what rules and criteria ask of them (M47): each broken form is refused where it stands, with
//! the way out.

use laurel_program::{Code, Diagnostic, Program, check};

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[facts]
type = "one of referral, reseller, OEM"
vertical = "text"
employees = "number"
[commission.c]
if = { partner.type = "reseller" }
rate = { by = "partner.type", table = { reseller = "10%" } }
[earn.e]
on = "deal.closed"
if = { "partner.employees" = ">= 100", partner.territory = "US-NY" }
points = { by = "partner.employees", bands = [{ from = "100", points = 10 }] }
at_most = "1 per partner per day"
[ladder.sell.member]
rank = 1
[ladder.sell.oem]
rank = 2
enter = { all = [{ partner.type = "OEM" }, { deals = 1, within = "1 year" }] }
"#;

#[test]
fn facts_are_declared_and_asked_for() {
    assert_eq!(check(PROGRAM), []);
}

#[test]
fn broken_forms_are_refused_where_they_stand() {
    use Code::{BadId, BadValue, NeverHolds, UnknownField, WrongType};
    let of = "type = \"one of referral, reseller, OEM\"";
    // what stands there; what it is broken to; the code; a part of message and help; a part of the line
    let rows = [
        (
            of,
            "type = \"a word\"",
            BadValue,
            "`a word` is no form of a fact; write \"one of referral, reseller\"",
            "type =",
        ),
        (of, "type = \"one of referral,\"", BadValue, "`` is no word", "type ="),
        (
            of,
            "type = \"one of OEM, reseller\"\nterritory = \"text\"",
            BadValue,
            "rules look at `partner.territory`",
            "territory",
        ),
        (
            of,
            "type = \"one of OEM, reseller\"\na123456789012345678901234567890123 = \"text\"",
            BadId,
            "at most 32 characters",
            "a123",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.typ = \"reseller\" }",
            UnknownField,
            "did you mean `partner.type`?",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.stars = \"5\" }",
            UnknownField,
            "declare it in [facts], as \"text\"",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.type = \"resseller\" }",
            NeverHolds,
            "did you mean `reseller`?",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.type = \">= 5\" }",
            NeverHolds,
            "one of the words referral, reseller, OEM",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.vertical = \">= 5\" }",
            NeverHolds,
            "declare it as a number",
            "if =",
        ),
        ("table = { reseller", "table = { resellers", NeverHolds, "did you mean `reseller`?", "rate ="),
        (
            "\"partner.employees\" = \">= 100\"",
            "\"partner.employees\" = \"many\"",
            NeverHolds,
            "write a number in quotes",
            "if =",
        ),
        ("by = \"partner.employees\"", "by = \"partner.type\"", NeverHolds, "is no number", "points ="),
        ("1 per partner per day", "1 per partner.type per day", BadValue, "", "at_most"),
        ("{ partner.type = \"OEM\" },", "{ partner.type = \"OM\" },", NeverHolds, "did you mean `OEM`?", "enter ="),
        (
            "{ partner.type = \"OEM\" },",
            "{ partner.tipe = \"OEM\" },",
            UnknownField,
            "did you mean `partner.type`?",
            "enter =",
        ),
        (
            "{ partner.type = \"OEM\" },",
            "{ partner.type = \"OEM\", points = 5, within = \"1 year\" },",
            BadValue,
            "stands apart",
            "enter =",
        ),
        (
            "\"partner.employees\" = \">= 100\"",
            "\"partner.employees\" = \"!= 120.0\"",
            NeverHolds,
            "write `120`, or `>= 120`",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.vertical = \" health\" }",
            NeverHolds,
            "1 to 64 visible characters",
            "if =",
        ),
        (
            "{ partner.type = \"reseller\" }",
            "{ partner.type = \"reseller\", \"partner.type\" = \"OEM\" }",
            WrongType,
            "`partner.type` is asked for twice",
            "if =",
        ),
        ("{ partner.type = \"reseller\" }", "{ partner = {} }", WrongType, "say what is asked of the partner", "if ="),
        (of, "type = \"one of OEM, reseller, OEM\"", BadValue, "`OEM` stands there twice", "type ="),
        (of, "type = \"one of OEM, >= 5\"", BadValue, "reads as a comparison", "type ="),
        (
            "employees = \"number\"",
            "employees = \"number\"\n[payouts]\npayee = \"partner.employees\"",
            BadValue,
            "no name to pay",
            "payee",
        ),
    ];
    for (from, to, code, said, line) in rows {
        assert!(PROGRAM.contains(from), "{from}");
        let text = PROGRAM.replacen(from, to, 1);
        let all = check(&text);
        let found = all.iter().find(|found| found.code == code).unwrap_or_else(|| panic!("{to}: {all:?}"));
        let told = format!("{} ({})", found.message, found.help.clone().unwrap_or_default());
        assert!(told.contains(said), "{to}: {told}");
        let at = text.lines().nth(found.line - 1).unwrap_or_default();
        assert!(at.contains(line), "{to}: {at}");
    }
}

/// What a tier asks beside what is measured (M20, M27).
#[test]
fn criteria_of_persons_and_attestations() {
    let enter = "{ all = [{ partner.type = \"OEM\" }, { deals = 1, within = \"1 year\" }] }";
    let with = |criteria: &str| check(&PROGRAM.replacen(enter, criteria, 1));
    for good in [
        "{ certification = \"expert-301\", persons = 2 }",
        "{ certification = \"expert-301\", attested.nps = \">= 40\" }",
        "{ any = [{ attested.strategic = true }, { certifications = 5 }] }",
    ] {
        assert_eq!(with(good), [], "{good}");
    }
    for (broken, said) in [
        ("{ persons = 2 }", "say what they hold"),
        ("{ certification = \"x\", persons = 0 }", "between 1 and 10000"),
        ("{ level = 301 }", "say what they hold"),
        ("{ certification = \"x\", level = 300 }", "there is no level 300"),
        ("{ certification = \"x\", deals = 5, within = \"1 year\" }", "stands apart"),
        ("{ attested.nps = \">= many\" }", "is not an amount"),
        ("{ attested = true }", "write a table"),
    ] {
        let found = with(broken);
        assert!(found.iter().any(|one| one.message.contains(said)), "{broken}: {found:?}");
    }
    let new = |words: &str| check(&format!("{PROGRAM}[onboarding]\n{words}"));
    assert_eq!(
        new("productive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\nplan_after = \"6 months\"\n"),
        []
    );
    for (words, said) in [
        ("productive = { deals = 1, within = \"1 year\" }\n", "`by` is missing"),
        ("by = \"90 days\"\n", "`productive` is missing"),
        ("productive = { deals = 1 }\nby = \"90 days\"\n", "needs a window"),
        ("productive = { deals = 1, within = \"1 year\" }\nby = \"soon\"\n", "is no length"),
        ("productive = { partner.type = \"OM\" }\nby = \"90 days\"\n", "never `OM`"),
        (
            "productive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\ntrained = { tier = \"gold\" }\n",
            "a tier is no training",
        ),
    ] {
        let found = new(words);
        assert!(found.iter().any(|one| one.message.contains(said)), "{words}: {found:?}");
    }
    let late = with(&format!("{enter}\npro_rata = true"));
    assert!(late.iter().any(|one| one.message.contains("nothing does")), "{late:?}");
}

#[test]
fn more_facts_than_an_enrolment_states_are_refused() {
    let many: Vec<String> = (0..17).map(|n| format!("f{n} = \"text\"\n")).collect();
    let text = PROGRAM.replacen("vertical = \"text\"\n", &many.concat(), 1);
    assert!(check(&text).iter().any(|found| found.message.contains("states at most 16")), "{:?}", check(&text));
}

/// A version in which what was stated is another thing asks before it is published.
#[test]
fn a_fact_that_changes_is_asked_about() {
    let paying = format!("{PROGRAM}[payouts]\npayee = \"partner.vertical\"\n");
    let asked = |from: &str, to: &str| {
        let read = |text: &str| Program::parse(text).expect("in good form");
        let after = paying.replacen(from, to, 1);
        assert_ne!(after, paying);
        leaps(&read(&paying), &read(&after), &after).into_iter().map(|one| one.message).collect::<Vec<_>>()
    };
    for (from, to, said) in [
        ("one of referral, reseller, OEM\"", "one of reseller, OEM\"", "of whom referral is stated"),
        ("employees = \"number\"", "employees = \"percent\"", "in another form is as if nobody had"),
        (
            "payee = \"partner.vertical\"",
            "payee = \"partner.territory\"",
            "goes by `partner.territory` where it went by `partner.vertical`",
        ),
        ("payee = \"partner.vertical\"", "minimum = \"5\"", "goes by nothing"),
    ] {
        let found = asked(from, to);
        assert!(found.iter().any(|one| one.contains(said)), "{to}: {found:?}");
    }
    assert_eq!(asked("employees = \"number\"", "employees = \"number\"\nstars = \"text\""), Vec::<String>::new());
}

/// What leaps between two programs.
fn leaps(before: &Program, after: &Program, text: &str) -> Vec<Diagnostic> {
    laurel_program::leaps(before, after, text).into_iter().map(|leap| leap.finding).collect()
}
