//! Examples of a program file: what they say is what is made, or the file is not good.

use std::fmt::Write;

use insta::assert_snapshot;
use laurel_guide::check;
use program::Code;

const GOOD: &str = include_str!("examples/good.toml");

fn faults(file: &str) -> Vec<(Code, usize, String, String)> {
    let found = check(file).into_iter().map(|one| one.finding);
    found.map(|one| (one.code, one.line, one.message, one.help.unwrap_or_default())).collect()
}

#[test]
fn examples_that_say_what_is_made_are_good() {
    assert_eq!(faults(GOOD), []);
}

/// What an example says wrongly is told with its place, and with the ledger as it is: a line that differs, one too few, one too many,
/// none at all.
#[test]
fn an_example_that_says_something_else_is_an_error() {
    let other = [
        GOOD.replace("2026-02-05 +200 points", "2026-02-05 +300 points"),
        GOOD.replace("  \"2026-02-03 +100 points by training\",\n", ""),
        GOOD.replace(
            "  \"2027-03-01 -150 points run out\",\n",
            "  \"2027-03-01 -150 points run out\",\n  \"2027-03-02 more\",\n",
        ),
        GOOD.split("ledger = [").next().expect("a head").to_owned(),
        GOOD.replace("201 = 200", "201 = 250"),
    ];
    let mut told = String::new();
    for file in other {
        let found = faults(&file);
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [Code::ExampleFails], "{found:?}");
        write!(told, "line {}: {}\n{}\n\n", found[0].1, found[0].2, found[0].3).expect("text");
    }
    assert_snapshot!(told);
}

#[test]
fn what_is_no_example_is_told_where_it_stands() {
    let event = "{ on = \"2026-02-03\", type = \"course.completed\", course_id = \"sales-101\", level = 101, person_id = \"dana\" }";
    let slips = [
        ("2026-02-03", "a day"),
        ("on = \"2026-02-03\", ", ""),
        ("level = 101", "level = 1.5"),
        ("level = 101", "level = 102"),
        ("course.completed", "course.complete"),
        ("type = \"course.completed\"", "typ = \"course.completed\""),
        ("type = \"course.completed\"", "type = \"content.viewed\""),
        ("type = \"course.completed\"", "redeem = \"card\""),
        ("person_id = \"dana\"", "person_id = 2026-02-03"),
        ("\"2026-02-03\"", "\"2026-02-09\""),
    ];
    let mut told = String::new();
    for (was, is) in slips {
        let found = faults(&GOOD.replacen(event, &event.replacen(was, is, 1), 1));
        assert!(matches!(found[0].0, Code::ExampleForm | Code::ExampleFails), "{was} {is}: {found:?}");
        write!(told, "{was} -> {is}\n  line {}: {}\n", found[0].1, found[0].2).expect("text");
    }
    for (was, is) in [
        ("name = \"A course counts once\"", "nam = \"x\""),
        ("until = \"2027-03-01\"", "until = \"soon\""),
        ("redeem = \"card\" }", "redeem = \"cart\" }"),
        ("quantity = 9", "quantity = 11"),
    ] {
        let found = faults(&GOOD.replacen(was, is, 1));
        assert!(matches!(found[0].0, Code::ExampleForm | Code::ExampleFails), "{was} {is}: {found:?}");
        write!(told, "{was} -> {is}\n  line {}: {}\n", found[0].1, found[0].2).expect("text");
    }
    assert_snapshot!(told);
}

/// A program with examples is read by what decides as one without.
#[test]
fn examples_are_nothing_to_what_decides() {
    let published = program::Program::published(GOOD).expect("a program");
    let plain = GOOD.split("[[example]]").next().expect("a head");
    assert_eq!(format!("{published:?}"), format!("{:?}", program::Program::published(plain).expect("a program")));
    let odd = format!("{plain}[[example]]\nx = 1.5\ny = 2026-01-01\n");
    assert!(program::Program::published(&odd).is_ok());
}

/// What the reference has a newcomer begin with is in good form, and its example holds.
#[test]
fn the_program_of_the_reference_is_good() {
    let page = include_str!("../../../infra/programs/README.md");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(faults(blocks[0]), []);
}

/// A program unlike the shipped ones, written by somebody who had the reference and nothing else: a year from July, four tiers that ask
/// for sales and certificates, a commission by slices and one by what the partner is.
#[test]
fn a_program_written_from_the_reference_is_good() {
    assert_eq!(faults(include_str!("examples/hardware.toml")), []);
}
