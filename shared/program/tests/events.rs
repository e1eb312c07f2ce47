//! Event types of the vendor's own in a program file: each broken form is refused where it stands, with the way out.

use laurel_program::{Code, Diagnostic, Program, Severity, check};

const HR: &str = include_str!("../../../infra/programs/hr-software.toml");

/// The finding of this code, or the first one, of the shipped program with `to` where `from` stood, and its line.
fn found(from: &str, to: &str, code: Code) -> Option<(Severity, Code, String, String)> {
    assert!(HR.contains(from), "{from}");
    let text = HR.replacen(from, to, 1);
    let all = check(&text);
    let one = all.iter().find(|one| one.code == code).or(all.first())?.clone();
    let said = format!("{} ({})", one.message, one.help.unwrap_or_default());
    Some((one.severity, one.code, said, text.lines().nth(one.line - 1).unwrap_or_default().to_owned()))
}

#[test]
fn broken_forms_are_refused_where_they_stand() {
    use Code::{BadId, BadValue, MissingKey, NeverHolds, UnknownEventType, UnknownField, UnknownKey, WrongType};
    let head = "[event.\"webinar.attended\"]";
    let fields = "fields = { webinar_id = \"id\", person_id = \"person\"";
    let silver = "{ registrations = 3, within = \"1 year\" }";
    // what stands there; what it is broken to; the code; a part of message and help; a part of the line
    let rows: [(&str, &str, Code, &str, &str); 23] = [
        (head, "[event.webinar]", BadId, "as in \"webinar.attended\"", "[event"),
        (head, "[event.\"Webinar.attended\"]", BadId, "small letters", "[event"),
        (head, "[event.\"deal.demoed\"]", BadId, "begin so are Laurel's own", "[event"),
        (head, "[event.\"content.viewed\"]", BadId, "begin so are Laurel's own", "[event"),
        (
            "\"person\", minutes",
            "\"persn\", minutes",
            BadValue,
            "is no form of a field; write \"id\", \"person\"",
            "fields",
        ),
        ("\"person\", minutes", "\"text\", minutes", BadValue, "ends in `person_id` is a person", "fields"),
        (fields, "fields = { webinar_id = \"id\", host = \"person\"", BadId, "`host_person_id`", "fields"),
        (fields, "fields = { webinar_id = \"id\", partner = \"id\"", BadId, "`subject`", "fields"),
        (fields, "fields = { \"webinar-id\" = \"id\", person_id = \"person\"", BadId, "underscores", "fields"),
        ("one of live, recorded\" }", "one of live, live\" }", BadValue, "stands there twice", "fields"),
        ("one of live, recorded\" }", "one of live,\" }", BadValue, "is no word", "fields"),
        ("fields = {", "# {", MissingKey, "fields", "[event"),
        ("minutes = \"number\"", "minutes = 5", WrongType, "", "fields"),
        ("counts = \"webinars\"  ", "counts = \"deals\"  ", BadValue, "give it another name", "counts"),
        ("counts = \"webinars\"  ", "counts = \"Web inars\"  ", BadValue, "as in \"webinars\"", "counts"),
        ("counts = \"webinars\"  ", "count = \"webinars\"  ", UnknownKey, "did you mean `counts`?", "count"),
        ("on = \"webinar.attended\"", "on = \"webinar.atended\"", UnknownEventType, "`webinar.attended`?", "on ="),
        (
            "on = \"webinar.attended\"",
            "on = \"workshop.held\"",
            UnknownEventType,
            "declare it: [event.\"workshop.held\"]",
            "on =",
        ),
        ("mode = \"live\", minutes", "mode = \"lively\", minutes", NeverHolds, "did you mean `live`?", "if ="),
        ("mode = \"live\", minutes", "modes = \"live\", minutes", UnknownField, "did you mean `mode`?", "if ="),
        ("once per person per webinar", "once per person per seminar", BadValue, "is not a cap", "at_most"),
        ("[\"webinar.attended\"]", "[\"webinars.attended\"]", UnknownEventType, "`webinar.attended`?", "/webinars"),
        (
            silver,
            "{ counts = { webinar = 3 }, within = \"1 year\" }",
            UnknownField,
            "did you mean `webinars`?",
            "enter",
        ),
    ];
    for (from, to, code, said, line) in rows {
        let (severity, found_code, message, at) = found(from, to, code).unwrap_or_else(|| panic!("nothing: {to}"));
        assert_eq!((severity, found_code), (Severity::Error, code), "{to}: {message}");
        assert!(message.contains(said), "{to}: {message}");
        assert!(at.contains(line), "{to}: {message}: {at}");
    }
}

#[test]
fn good_forms_are_taken() {
    let silver = "{ registrations = 3, within = \"1 year\" }";
    for (from, to) in [
        ("mode = \"one of live, recorded\"", "mode = \"optional one of live, recorded\", fee = \"optional money\""),
        (silver, "{ counts = { webinars = 3 }, within = \"fiscal quarter\" }"),
        (
            "[{ tier = \"gold\", by = \"1.25\" }",
            "[{ attainment = \"webinars\", per = \"quarter\", bands = [{ from = \"0%\", by = \"1\" }] }",
        ),
        ("\"once per person per webinar\"", "\"3 per partner per mode per week\""),
    ] {
        assert_eq!(check(&HR.replace(from, to)), [], "{to}");
    }
    let unsent = found("\"/webinars/*\" = [\"webinar.attended\"]\n", "", Code::UnsentEvent).expect("a warning");
    assert_eq!((unsent.0, unsent.1), (Severity::Warning, Code::UnsentEvent), "{unsent:?}");
}

/// A cap by what an event does not name counts all of them as one's: that is told.
#[test]
fn a_cap_of_nobody_is_told() {
    let webinar = "[\"once per person per webinar\", \"200 points per partner per quarter\"]";
    for (from, to, part) in [
        (webinar, "\"2 per team per week\"", "webinar.attended names no team"),
        ("\"20 per partner per month\"", "\"2 per territory per week\"", "deal.registered names no territory"),
        ("points = 150\n", "points = 150\nat_most = \"2 per person per week\"\n", "deal.qualified names no person"),
    ] {
        let (severity, code, said, at) = found(from, to, Code::CapOfNobody).expect("a warning");
        assert_eq!((severity, code, at.contains("at_most")), (Severity::Warning, Code::CapOfNobody, true), "{said}");
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(check(&HR.replacen("50 points per partner per month", "50 points per territory per month", 1)), []);
}

/// What looks like gaming (M40): each broken form is refused where it stands.
#[test]
fn broken_suspicions_are_refused_where_they_stand() {
    use Code::{BadValue, UnknownKey, WrongType};
    let fast = "hold_if = [{ more_than = \"10 per person per minute\" }]";
    let ratio = "hold_if = [{ less_than = \"10% of registrations qualified\", from = 10, within = \"6 months\" }]";
    let closed = "if = { outcome = \"won\", renewal = false }\n";
    let rows: [(&str, &str, Code, &str, &str); 15] = [
        (fast, "hold_if = [{ more_than = \"10 per person\" }]", BadValue, "is no frequency", "hold_if"),
        (
            fast,
            "hold_if = [{ more_than = \"10 points per person per minute\" }]",
            BadValue,
            "is no frequency",
            "hold_if",
        ),
        (fast, "hold_if = [{ more_than = \"ten per person per minute\" }]", BadValue, "is not a cap", "hold_if"),
        (fast, "hold_if = \"10 per person per minute\"", WrongType, "", "hold_if"),
        (fast, "hold_if = [{ more = \"10 per person per minute\" }]", UnknownKey, "known here: more_than", "hold_if"),
        (
            fast,
            "hold_if = [{ more_than = \"10 per person per minute\", from = 2 }]",
            BadValue,
            "write { more_than",
            "hold_if",
        ),
        (fast, "# {", BadValue, "nothing does", "held_for"),
        (
            ratio,
            "hold_if = [{ less_than = \"10% of registrations\", within = \"6 months\" }]",
            BadValue,
            "no target is set",
            "hold_if",
        ),
        (
            ratio,
            "hold_if = [{ less_than = \"10 of registrations qualified\", within = \"6 months\" }]",
            BadValue,
            "is no rate",
            "hold_if",
        ),
        (
            ratio,
            "hold_if = [{ less_than = \"10% of registrations qualified\" }]",
            BadValue,
            "write { more_than",
            "hold_if",
        ),
        (
            ratio,
            "hold_if = [{ less_than = \"10% of registrations qualified\", from = 0, within = \"6 months\" }]",
            BadValue,
            "at least 1",
            "hold_if",
        ),
        (
            ratio,
            "hold_if = [{ less_than = \"10% of calls qualified\", within = \"6 months\" }]",
            BadValue,
            "no target is set for `calls`",
            "hold_if",
        ),
        ("held_for = \"14 days\"", "held_for = \"a while\"", BadValue, "is no length", "held_for"),
        (closed, &format!("{closed}{fast}\n"), BadValue, "follows its deal", "hold_if"),
        (fast, &format!("budget = \"launch-fund\"\n{fast}"), BadValue, "out of no budget", "hold_if"),
    ];
    for (from, to, code, said, line) in rows {
        let (severity, found_code, message, at) = found(from, to, code).unwrap_or_else(|| panic!("nothing: {to}"));
        assert_eq!((severity, found_code), (Severity::Error, code), "{to}: {message}");
        assert!(message.contains(said), "{to}: {message}");
        assert!(at.contains(line), "{to}: {message}: {at}");
    }
    let reward = found("\"10 per partner per month\"", "\"2 per partner per minute\"", BadValue).expect("an error");
    assert!(reward.2.contains("by the day or longer"), "{reward:?}");
}

/// A challenge (M39): each broken form is refused where it stands.
#[test]
fn broken_challenges_are_refused_where_they_stand() {
    use Code::{BadValue, MissingKey, UnknownKey};
    let twin = "[challenge.twin]\nname = \"Twin\"\nmetric = \"deals\"\nper = \"quarter\"\n";
    let head = "[challenge.deals-of-the-quarter]";
    let rows: [(&str, &str, Code, &str, &str); 8] = [
        (
            "metric = \"deals\"",
            "metric = \"calls\"",
            BadValue,
            "partners are not compared by `calls`; write one of: deals",
            "metric",
        ),
        ("metric = \"deals\"", "metric = \"certifications\"", BadValue, "not compared by", "metric"),
        ("metric = \"deals\"", "metrics = \"deals\"", UnknownKey, "did you mean `metric`?", "metrics"),
        ("per = \"quarter\"\nplaces", "per = \"week\"\nplaces", BadValue, "\"year\", \"quarter\" or \"month\"", "per"),
        ("per = \"quarter\"\nplaces", "places", MissingKey, "per", "[challenge"),
        ("places = 10", "places = 0", BadValue, "1 to 100 places", "places"),
        ("places = 10", "places = 101", BadValue, "1 to 100 places", "places"),
        (head, &format!("{twin}{head}"), BadValue, "is of the same as `deals-of-the-quarter`", "[challenge.twin]"),
    ];
    for (from, to, code, said, line) in rows {
        let (severity, found_code, message, at) = found(from, to, code).unwrap_or_else(|| panic!("nothing: {to}"));
        assert_eq!((severity, found_code), (Severity::Error, code), "{to}: {message}");
        assert!(message.contains(said), "{to}: {message}");
        assert!(at.contains(line), "{to}: {message}: {at}");
    }
    assert_eq!(check(&HR.replacen("metric = \"deals\"", "metric = \"webinars\"", 1)), []);
}

/// What a new version takes otherwise is told before it is published.
#[test]
fn what_is_sent_is_not_changed_in_silence() {
    let before = Program::parse(HR).expect("a program");
    let told = |from: &str, to: &str| {
        let text = HR.replacen(from, to, 1);
        let after = Program::parse(&text).unwrap_or_else(|found| panic!("{to}: {found:?}"));
        let found = leaps(&before, &after, &text);
        found.into_iter().map(|one| (one.code, one.message)).collect::<Vec<_>>()
    };
    for (from, to, part) in [
        ("minutes = \"number\", mode", "minutes = \"number\", room = \"text\", mode", "needs `room` from then on"),
        ("mode = \"one of live, recorded\"", "mode = \"one of live, recorded, both\"", ""),
        ("mode = \"one of live, recorded\"", "mode = \"one of live, both\"", "is of another form"),
        (
            "webinar_id = \"id\", person_id",
            "webinar_id = \"id\", manager_person_id = \"optional person\", person_id",
            "",
        ),
        ("counts = \"webinars\"  ", "counts = \"seminars\"  ", "counts to seminars, and counted to webinars"),
    ] {
        let found = told(from, to);
        match part {
            "" => assert_eq!(found, [], "{to}"),
            part => assert!(
                matches!(&found[..], [(Code::EventChanged, message)] if message.contains(part)),
                "{to}: {found:?}"
            ),
        }
    }
    let gone = HR
        .replacen("[event.\"webinar.attended\"]", "[event.\"seminar.attended\"]", 1)
        .replace("webinar.attended", "seminar.attended");
    let after = Program::parse(&gone).expect("a program");
    let found = leaps(&before, &after, &gone);
    assert!(found.iter().any(|one| one.message.contains("declared no more")), "{found:?}");
}

/// What leaps between two programs.
fn leaps(before: &Program, after: &Program, text: &str) -> Vec<Diagnostic> {
    laurel_program::leaps(before, after, text).into_iter().map(|leap| leap.finding).collect()
}
