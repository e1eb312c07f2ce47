//! Ladders: reviews, windows, and what the lint says of them.

use super::*;
use domain::ledger::Effect;
use domain::tier::{Measured, Progress};

const LADDER: &str = r#"
[ladder.sell.gold]
rank = 2
enter = { any = [{ deals = 5, within = "1 year" }, { acv = "250000", within = "1 year" }] }
keep = { any = [{ deals = 5, within = "1 year" }, { acv = "200000", within = "1 year" }] }
review = "quarterly"
"#;

fn gold(ladder: &str) -> World {
    let mut world = World::new(&format!("{PROGRAM}{ladder}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.close("p", "big", "2026-03-14T09:30:00Z", "250000");
    assert_eq!(world.tier("p"), "gold");
    world
}

/// Demoted on the first day of a quarter while the books of the one before were open for ten days more.
#[test]
fn b7_a_review_is_held_when_the_books_have_closed() {
    let mut world = gold(LADDER);
    world.at("2027-04-01T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold");
    // A deal of March that comes in April is booked in March, and keeps the tier.
    world.at("2027-04-09T09:30:00Z");
    world.close("p", "late", "2027-03-31T12:00:00Z", "200000");
    world.at("2027-04-11T09:30:00Z").catch_up();
    assert_eq!((world.tier("p"), world.last().kind.as_str()), ("gold", "tier.reviewed"));
    let mut world = gold(LADDER);
    world.at("2027-04-11T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "base", "without it, it is lost on the day the books close");
}

/// Who earned the tier anew before the books closed was demoted, and stayed down.
#[test]
fn b7_whoever_earns_the_tier_anew_before_the_books_close_keeps_it() {
    let mut world = gold(LADDER);
    world.at("2027-04-05T09:30:00Z");
    world.close("p", "again", "2027-04-05T09:30:00Z", "250000");
    world.at("2027-05-30T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold");
}

/// Monthly reviews under quarterly books wait for these, too.
#[test]
fn b7_monthly_reviews_wait_for_quarterly_books() {
    let mut world = gold(&LADDER.replace("quarterly", "monthly"));
    world.at("2027-04-05T09:30:00Z");
    world.close("p", "late", "2027-03-31T12:00:00Z", "200000");
    world.at("2027-05-20T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold");
    let mut world = gold(&LADDER.replace("quarterly", "monthly"));
    world.at("2027-04-10T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold");
    world.at("2027-07-11T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "base", "as of 1 April: the books of March closed on 11 April");
}

/// A version that only adds a tier took away the review that was due: who was demoted depended on when the sweep came by.
#[test]
fn b7_a_review_is_held_whatever_else_a_version_changes() {
    let mut world = gold(LADDER);
    let platinum = "\n[ladder.sell.platinum]\nrank = 3\nenter = { acv = \"900000\", within = \"1 year\" }\n";
    world.publish(&format!("{PROGRAM}{LADDER}{platinum}"), "2027-04-12T00:00:00Z");
    world.at("2027-04-12T00:00:01Z").catch_up();
    assert_eq!(world.tier("p"), "base");
}

/// A review that is held late judges certificates as of its own day, not as of now.
#[test]
fn b7_a_late_review_judges_certificates_as_of_its_own_day() {
    let ladder = r#"
[ladder.sell.gold]
rank = 2
enter = { certifications = 1, within = "1 year" }
keep = { certifications = 1, within = "1 year" }
review = "quarterly"
"#;
    let program =
        format!("{PROGRAM}{ladder}").replace("\"deal.*\"]", "\"deal.*\"]\n\"/lms/*\" = [\"certification.*\"]");
    let played = |until: &str, held_at: &str| {
        let mut world = World::new(&program, "2026-03-14T09:30:00Z");
        world.enrol("p");
        let data = format!(r#"{{"certification_id":"c","person_id":"ann","valid_until":"{until}"}}"#);
        send(&mut world, "certification.granted", "c", &data);
        assert_eq!(world.tier("p"), "gold");
        world.at(held_at).catch_up();
        let reviews = world.records.iter().filter(|record| record.kind == "tier.reviewed").count();
        (world.tier("p").to_owned(), reviews)
    };
    // Valid on 1 April 2027, as of which it is reviewed first; nobody looks before 20 June.
    assert_eq!(played("2027-05-01T00:00:00Z", "2027-06-20T09:30:00Z"), ("gold".to_owned(), 1));
    assert_eq!(played("2027-03-31T00:00:00Z", "2027-06-20T09:30:00Z"), ("base".to_owned(), 1));
}

/// What keeps a tier that a later version added never reached those who held it, nor who left and came back.
#[test]
fn b6_a_ladder_that_changes_reaches_whoever_stands_on_it() {
    let keep = LADDER.lines().find(|line| line.starts_with("keep")).expect("a line");
    let without = LADDER.replace(keep, "").replace("review = \"quarterly\"\n", "");
    let mut world = gold(&without);
    world.at("2028-02-14T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold", "it asks for nothing");
    let now = world.now.to_string();
    world.send("partner.offboarded", "p", "left", &now, r#"{"reason":"sold"}"#);
    world.publish(&format!("{PROGRAM}{LADDER}"), "2028-02-15T00:00:00Z");
    world.at("2028-03-01T09:30:00Z");
    let now = world.now.to_string();
    world.send("partner.enrolled", "p", "again", &now, r#"{"name":"Test Partner","motions":["sell"]}"#);
    world.at("2028-04-10T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "gold", "the first period whose books close under it");
    world.at("2028-04-11T09:30:00Z").catch_up();
    assert_eq!(world.tier("p"), "base");
}

/// How far the criterion is met that measures value.
fn measured(all: &[Progress]) -> &Measured {
    let of_value = |one: &'_ Progress| matches!(one, Progress::Measured(one) if one.measure == program::Measure::Acv);
    match all.iter().find(|one| of_value(one)) {
        Some(Progress::Measured(one)) => one,
        _ => panic!("no criterion measures value: {all:?}"),
    }
}

/// "1 year" was 11 to 12 months, and nothing said so.
#[test]
fn b9_a_window_covers_the_time_it_names_and_says_its_days() {
    let mut world = World::new(&format!("{PROGRAM}{LADDER}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.close("p", "a", "2026-03-14T09:30:00Z", "150000");
    world.at("2027-03-13T09:30:00Z");
    world.close("p", "b", "2027-03-13T09:30:00Z", "100000");
    assert_eq!(world.tier("p"), "gold", "two deals within a year");
    let boards = domain::tell::scoreboards(&world.programs, world.account("p"), world.now).expect("boards");
    let board = &boards["sell"];
    let day = |text: &str| text.parse::<jiff::civil::Date>().expect("a day");
    let acv = measured(&board.to_stay);
    // The next review is as of 1 April 2028, held on the 11th; its window begins in April: till then, the one of today is shown.
    assert_eq!((board.reviewed_as_of, board.next_review), (Some(day("2028-04-01")), Some(day("2028-04-11"))));
    assert_eq!((acv.from, acv.to, acv.within.as_str()), (day("2026-03-01"), day("2027-03-31"), "1 year"));
    let boards = domain::tell::scoreboards(
        &world.programs,
        world.account("p"),
        "2027-04-02T00:00:00Z".parse().expect("an instant"),
    )
    .expect("boards");
    let acv = measured(&boards["sell"].to_stay);
    assert_eq!((acv.from, acv.to, acv.seen.is_zero()), (day("2027-04-01"), day("2028-03-31"), true));
}

/// The lint took a fiscal year for twelve months at every review.
#[test]
fn e1_a_fiscal_year_is_as_long_as_it_is_at_a_review() {
    let steady = |keep: &str, review: &str| {
        let keep = format!("keep = {{ deals = 4, within = \"{keep}\" }}");
        let ladder = format!(
            "[ladder.sell.gold]\nrank = 2\nenter = {{ deals = 4, within = \"1 year\" }}\n{keep}\nreview = \"{review}\"\ngrace = \"1 quarter\"\n"
        );
        program::check(&format!("{PROGRAM}{ladder}")).iter().any(|one| one.message.contains("steady"))
    };
    assert!(steady("fiscal year", "quarterly") && steady("fiscal year", "monthly"));
    assert!(!steady("fiscal year", "annually") && !steady("1 year", "quarterly"));
}

/// The lint missed ladders of alternatives; its witness, played, goes up and down.
#[test]
fn e1_the_witness_of_an_oscillating_ladder_oscillates() {
    let ladder = LADDER.replace("keep = { any = [{ deals = 5", "keep = { any = [{ deals = 6");
    let found = program::check(&format!("{PROGRAM}{ladder}"));
    let messages: Vec<&str> =
        found.iter().map(|one| one.message.as_str()).filter(|message| message.contains("steady")).collect();
    let witness = "a partner steady at 5 deals within 1 year enters `gold`, falls short of what keeps it (6 deals within 1 year or 200000 acv within 1 year), goes down and enters again, for ever";
    assert_eq!(messages, [witness]);
    let mut world = World::new(&format!("{PROGRAM}{ladder}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    for n in 0..25_i32 {
        let day = jiff::civil::date(2026, 3, 20).saturating_add(jiff::Span::new().days(n * 73));
        world.now = day.to_zoned(jiff::tz::TimeZone::UTC).expect("a day").timestamp();
        let now = world.now.to_string();
        world.close("p", &format!("d{n}"), &now, "1");
    }
    let tier = |effect: &Effect| match effect {
        Effect::Tier { to, .. } => Some(to.to_string()),
        Effect::Measured { .. }
        | Effect::Cap { .. }
        | Effect::Place { .. }
        | Effect::Lease { .. }
        | Effect::Moved { .. }
        | Effect::Won { .. }
        | Effect::Influences
        | Effect::Share { .. }
        | Effect::Stated { .. }
        | Effect::Attained { .. }
        | Effect::Suspected { .. }
        | Effect::Cleared { .. }
        | Effect::Trained
        | Effect::Productive
        | Effect::Sends(_)
        | Effect::Pool { .. }
        | Effect::Exclusive { .. }
        | Effect::Reviewed { .. } => None,
    };
    let tiers: Vec<String> = world.records.iter().flat_map(|record| record.effects.iter().filter_map(tier)).collect();
    assert_eq!(tiers[..5], ["base", "gold", "base", "gold", "base"], "five deals a year, one every 73 days");
}
