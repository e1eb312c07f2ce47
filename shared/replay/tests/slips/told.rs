//! What a person is told, and what is known of what was read.

use domain::decide::State;
use domain::ledger::{Head, Outcome, Reason, Record};
use domain::tell::{explain, movement, scoreboards, sentence};
use event::ids::PartnerId;
use laurel_replay::World;

use super::{BASE, GOLD, PROGRAM, available, close, say, world};

/// What a hold that waits for a partner is conditioned on.
#[test]
fn a_state_knows_the_positions_that_were_loaded() {
    let id = |text: &str| PartnerId::try_from(text).expect("a partner");
    let mut state = State::new(id("p"));
    state.account.head.position = 3;
    state.others.insert(id("q"), Head { position: 5, ..Head::default() });
    assert_eq!(["p", "q", "r"].map(|one| state.position_of(&id(one))), [Some(3), Some(5), None]);
}

#[test]
fn what_never_runs_out_is_never_due() {
    let mut world = world("", "");
    close(&mut world, "a", "100");
    assert_eq!((available(&world), world.account("p").due()), (100, None));
}

#[test]
fn a_person_looks_at_what_nobody_counted() {
    let needed: Vec<Outcome> = Outcome::ALL.into_iter().filter(|outcome| outcome.needs_a_person()).collect();
    assert_eq!(needed, [Outcome::Conflict, Outcome::Rejected, Outcome::Quarantined, Outcome::Broken]);
}

#[test]
fn a_record_of_a_later_edition_is_not_read() {
    let mut world = world("", "");
    close(&mut world, "a", "100");
    let read = |record: &Record| {
        let text = serde_json::to_string(record).expect("JSON");
        serde_json::from_str::<Record>(&text).map_err(|error| error.to_string())
    };
    let mut record = world.last().clone();
    assert_eq!(read(&record).as_ref(), Ok(&record));
    record.edition += 1;
    let why = read(&record).expect_err("a later edition");
    assert!(why.contains(&format!("is of edition {}", record.edition)), "{why}");
}

#[test]
fn an_explanation_says_what_there_was_to_earn() {
    let mut world = world("at_most = \"150 points per partner per month\"", "");
    close(&mut world, "a", "100");
    let first = movement(world.last(), &world.last().postings[0], None);
    assert_eq!(first, "100 points for deal a by \"closed\"", "it never runs out");
    let mut told = vec![explain(world.last(), None)];
    for deal in ["b", "c"] {
        close(&mut world, deal, "100");
        told.push(explain(world.last(), None));
    }
    let told: Vec<_> = told.iter().map(|told| (told.points, told.would_have_earned)).collect();
    assert_eq!(told, [(100, 100), (50, 50), (0, 100)], "whole, cut by its cap, and refused by it");
    let part = sentence(&Reason::TookBack { points: 60, expired: 50 });
    assert_eq!(part, "60 points of an earlier award were taken back; 50 of them had expired unspent");
}

#[test]
fn an_explanation_tells_every_change_of_a_tier() {
    let keep = "keep = { deals = 9, within = \"1 year\" }\nreview = \"monthly\"\nfirst_review = \"1 month\"\ngrace = \"1 quarter\"\n";
    let monthly = PROGRAM.replace("after the quarter", "after the month");
    let mut world = World::new(&format!("{monthly}{BASE}{GOLD}{keep}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    close(&mut world, "a", "100");
    world.at("2026-12-20T09:30:00Z").catch_up();
    let told: Vec<String> = world.records.iter().flat_map(|record| explain(record, None).tier_changes).collect();
    let warned = |as_of: &str| {
        format!(
            "sell: as of {as_of} below what keeps the tier (1 of 9 deals within 1 year); lost at the first review as of 2026-08-01 or later"
        )
    };
    let expected = [
        "sell: starts as base from 2026-03-14".to_owned(),
        "sell: base -> gold from 2026-03-14".to_owned(),
        warned("2026-05-01"),
        warned("2026-06-01"),
        warned("2026-07-01"),
        "sell: gold -> base from 2026-08-11, reviewed as of 2026-08-01 (1 of 9 deals within 1 year)".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_next_tier_is_the_one_above() {
    let mut world = world("", GOLD);
    let board = |world: &World| {
        let boards = scoreboards(&world.programs, world.account("p"), world.now).expect("boards");
        let board = &boards["sell"];
        (board.tier.to_string(), board.next.as_ref().map(ToString::to_string), board.to_next.len())
    };
    assert_eq!(board(&world), ("base".to_owned(), Some("gold".to_owned()), 2));
    close(&mut world, "a", "100");
    assert_eq!(board(&world), ("gold".to_owned(), None, 0));
}

#[test]
fn points_are_measured_in_the_motion_that_an_event_names() {
    let program = PROGRAM.replace("\"agreement.accepted\"", "\"agreement.accepted\", \"target.set\"");
    let rule = "[earn.planned]\non = \"target.set\"\npoints = 5\n[ladder.service.bronze]\nrank = 1\n";
    let mut world = World::new(&format!("{program}{rule}{BASE}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    let data = r#"{"motion":"service","measure":"acv","period":"2026","value":"500000"}"#;
    assert_eq!(say(&mut world, "target.set", data), Outcome::Awarded);
    let motions = world.account("p").measures.values().flat_map(|quarter| quarter.keys());
    assert_eq!(motions.map(ToString::to_string).collect::<Vec<_>>(), ["service"]);
}
