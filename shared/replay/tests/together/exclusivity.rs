//! What is one partner's alone: earned, reviewed, warned of, lost, told (M23).

use domain::ledger::Outcome::{self, NoRule, Refused};
use domain::ledger::{Reason, Record, Scope};
use domain::tell::explain;
use laurel_replay::World;

use super::{assert_sound, publish};

const PROGRAM: &str = r#"
[exclusivity]
earn = { acv = "1000", within = "1 year" }
keep = { acv = "500", within = "1 quarter" }
review = "quarterly"
first_review = "1 quarter"
grace = "1 quarter"
lasts = "3 years"
needs = { tier = "oem" }
[ladder.sell.member]
rank = 1
[ladder.sell.oem]
rank = 2
enter = { deals = 1, within = "1 year" }
"#;

/// What is told of a record: first of which territory or vertical it is.
fn told(record: &Record) -> String {
    let sentence = explain(record, None).sentence;
    let of = Scope::of(&record.happened().expect("it reads")).expect("it is of one").to_string();
    let rest = sentence.strip_prefix(&of).and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or_else(|| panic!("{sentence}")).to_owned()
}

fn world_of(tables: &str) -> World {
    super::world_of(tables, "2026-01-05T12:00:00Z", ["p", "q"])
}

fn world() -> World {
    world_of(PROGRAM)
}

fn close(w: &mut World, partner: &str, amount: &str) {
    let (id, time) = (format!("d-{partner}-{}", w.records.len()), w.now.to_string());
    w.close(partner, &id, &time, amount);
}

/// Sends an event of a territory at the clock's time; what became of it, in a sentence.
fn territory(w: &mut World, partner: &str, kind: &str, more: &str) -> (Outcome, String) {
    let (id, time) = (format!("{kind}-{partner}-{}", w.records.len()), w.now.to_string());
    let data = format!(r#"{{"territory":"US-NY"{more}}}"#);
    let outcome = w.send(&format!("exclusivity.{kind}"), partner, &id, &time, &data);
    (outcome, told(w.last()))
}

fn has(w: &World, partner: &str) -> bool {
    !w.account(partner).profile.exclusive.is_empty()
}

/// What was told of looks at it, by their days; without those at which no review was due.
fn looks(w: &World) -> Vec<String> {
    let due = |record: &&Record| record.reason != Some(Reason::ExclusiveUnreviewed);
    let looks = w.records.iter().filter(|record| record.kind == "exclusivity.reviewed").filter(due);
    looks.map(|record| format!("{} {} {}", record.partner, record.on, told(record))).collect()
}

fn to(w: &mut World, now: &str) {
    w.at(now).catch_up();
}

/// M23: it is granted to who has earned it, one partner at a time; kept as long as enough is sold, warned of, and lost; then another may
/// have it.
#[test]
fn m23_exclusivity_is_earned_reviewed_and_lost_on_shortfall() {
    let mut w = world();
    assert_eq!(territory(&mut w, "p", "granted", ""), (Refused, "the tier oem is needed".to_owned()));
    close(&mut w, "p", "999");
    let short = "what earns it is not met: 1000 acv within 1 year";
    assert_eq!(territory(&mut w, "p", "granted", ""), (Refused, short.to_owned()));
    close(&mut w, "p", "1");
    let granted = "it is the partner's alone until the day before 2029-01-05";
    assert_eq!(territory(&mut w, "p", "granted", ""), (NoRule, granted.to_owned()));
    close(&mut w, "q", "5000");
    assert_eq!(territory(&mut w, "q", "granted", ""), (Refused, "it is another partner's alone".to_owned()));
    assert_sound(&w);
    // Granted in the first quarter, the first that is judged is the second.
    to(&mut w, "2026-05-05T12:00:00Z");
    close(&mut w, "p", "500");
    to(&mut w, "2026-07-11T12:00:00Z");
    assert_eq!(looks(&w), ["p 2026-07-11 it was reviewed, and stays the partner's alone"]);
    to(&mut w, "2026-10-11T12:00:00Z");
    let risk = "what keeps it is not met (500 acv within 3 months): it is lost at the first review as of 2027-01-01 or later, unless it is kept by then";
    assert_eq!(looks(&w)[1..], [format!("p 2026-10-11 {risk}")]);
    assert!(has(&w, "p"));
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(
        looks(&w)[2..],
        ["p 2027-01-12 what keeps it is not met (500 acv within 3 months): it is the partner's alone no longer"]
    );
    assert!(!has(&w, "p"));
    close(&mut w, "q", "5000");
    assert_eq!(territory(&mut w, "q", "granted", "").0, NoRule);
    assert_sound(&w);
}

/// What is sold anew by the time of the review counts: it is kept, and the warning is over.
#[test]
fn m23_a_warning_ends_with_what_is_sold() {
    let mut w = world();
    close(&mut w, "p", "1000");
    territory(&mut w, "p", "granted", "");
    to(&mut w, "2026-07-11T12:00:00Z");
    assert!(looks(&w)[0].contains("lost at the first review as of 2026-10-01"), "{:?}", looks(&w));
    to(&mut w, "2026-10-05T12:00:00Z");
    close(&mut w, "p", "500");
    to(&mut w, "2026-10-11T12:00:00Z");
    assert!(looks(&w)[1].ends_with("stays the partner's alone"), "{:?}", looks(&w));
    to(&mut w, "2027-01-11T12:00:00Z");
    assert!(looks(&w)[2].ends_with("stays the partner's alone"), "{:?}", looks(&w));
    assert_sound(&w);
}

/// It ends on its day; staff may say another, the later saying by its own time; and may end it.
#[test]
fn m23_it_ends_on_its_day_or_when_staff_say_so() {
    // Nothing is asked to keep it.
    let reviews = PROGRAM.find("keep =").zip(PROGRAM.find("lasts =")).map(|(from, to)| &PROGRAM[from..to]);
    let mut w = world_of(&PROGRAM.replace(reviews.expect("reviews"), ""));
    close(&mut w, "p", "1000");
    let until = |day: &str| format!(r#","until":"{day}T00:00:00Z""#);
    assert_eq!(
        territory(&mut w, "p", "granted", &until("2026-01-05")),
        (Refused, "the day until which it was to be is over".to_owned())
    );
    territory(&mut w, "p", "granted", &until("2026-03-01"));
    w.at("2026-01-06T12:00:00Z");
    let longer = territory(&mut w, "p", "granted", &until("2026-04-01"));
    assert_eq!(longer.1, "it is the partner's alone until the day before 2026-04-01");
    let data = r#"{"territory":"US-NY","until":"2026-02-01T00:00:00Z"}"#;
    let late = w.send("exclusivity.granted", "p", "late", "2026-01-05T13:00:00Z", data);
    assert_eq!(
        (late, told(w.last()).as_str()),
        (Refused, "another event says otherwise and counts: of a later time, or of the same instant")
    );
    to(&mut w, "2026-03-02T12:00:00Z");
    assert!(has(&w, "p") && looks(&w).is_empty(), "{:?}", looks(&w));
    to(&mut w, "2026-04-01T00:00:00Z");
    assert_eq!(looks(&w), ["p 2026-04-01 it is the partner's alone no longer"]);
    close(&mut w, "q", "1000");
    assert_eq!(territory(&mut w, "q", "granted", "").0, NoRule);
    w.at("2026-04-02T12:00:00Z");
    assert_eq!(territory(&mut w, "q", "ended", ""), (NoRule, "it is the partner's alone no longer".to_owned()));
    assert!(!has(&w, "q"));
    // What was sent before finds nothing left to do.
    to(&mut w, "2029-05-01T00:00:00Z");
    assert_eq!(looks(&w).len(), 1);
    assert_sound(&w);
}

/// Whoever leaves has nothing alone any more; a vertical and a territory of one name are two.
#[test]
fn m23_who_leaves_has_nothing_alone() {
    let mut w = world();
    close(&mut w, "p", "1000");
    close(&mut w, "q", "1000");
    territory(&mut w, "p", "granted", "");
    let time = w.now.to_string();
    assert_eq!(w.send("exclusivity.granted", "q", "v", &time, r#"{"vertical":"US-NY"}"#), NoRule);
    assert_sound(&w);
    w.at("2026-01-06T12:00:00Z").send("partner.offboarded", "p", "left", "2026-01-06T12:00:00Z", r#"{"reason":"r"}"#);
    assert!(!has(&w, "p") && has(&w, "q"), "{}", w.ledger());
    assert_eq!(territory(&mut w, "q", "granted", "").0, NoRule);
    assert_sound(&w);
}

/// A program that says nothing of it has it all the same: one partner's at a time, as long as staff say.
#[test]
fn m23_without_settings_staff_say_so() {
    let start = PROGRAM.find("[exclusivity]").expect("settings");
    let mut w = world_of(&PROGRAM[..start]);
    assert_eq!(territory(&mut w, "p", "granted", ""), (NoRule, "it is the partner's alone".to_owned()));
    assert_eq!(territory(&mut w, "q", "granted", "").0, Refused);
    to(&mut w, "2030-01-01T00:00:00Z");
    assert!(has(&w, "p"));
    // Settings that come later hold from the next review on.
    publish(&mut w, PROGRAM, "2030-01-01T00:00:00Z");
    for quarter in ["2031-01-12T00:00:00Z", "2031-04-12T00:00:00Z"] {
        to(&mut w, quarter);
    }
    assert!(!has(&w, "p"), "{:?}", looks(&w));
    assert_sound(&w);
}
