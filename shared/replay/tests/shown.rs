//! What an account is shown as where the clock of who reads is not that of who wrote.

use std::collections::BTreeMap;

use domain::decide::{State, decide, more_parts, parts_to_show};
use domain::ledger::{FoldError, packed};
use domain::tell::{Scoreboard, scoreboards};
use event::ids::{Motion, PartnerId};
use jiff::Timestamp;
use laurel_replay::World;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "ZONE"
counts_as_deal = ["deal.closed:won"]
periods_close = "10 days after the quarter"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", per = "1", points = 1 }
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 5, within = "1 year" }
"#;

/// What `GET /v1/partners/{id}` shows, read part by part as `read_accounts::partner::current_account` reads it.
fn shown(world: &World, partner: &str, now: Timestamp) -> Result<BTreeMap<Motion, Scoreboard>, FoldError> {
    let partner: PartnerId = partner.try_into().expect("a partner");
    let whole = &world.accounts[&partner];
    let beside = packed::parts(whole);
    let mut state = State::of(partner, Box::new(packed::open(&packed::head(whole)).expect("a head")));
    let parts = parts_to_show(&world.programs, &state.account, now);
    for part in parts {
        packed::read(&mut state.account, part.clone(), beside.get(&part).map(String::as_str)).expect("a part");
    }
    for part in more_parts(&world.programs, &state, now) {
        packed::read(&mut state.account, part.clone(), beside.get(&part).map(String::as_str)).expect("a part");
    }
    let decision = decide(&world.programs, state, &[], now)?;
    scoreboards(&world.programs, &decision.state.account, now)
}

fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

/// The clock of who reads is three seconds behind that of who wrote, at the start of a quarter.
#[test]
fn an_account_is_shown_where_the_readers_clock_is_behind() {
    let mut world = World::new(&PROGRAM.replace("ZONE", "UTC"), "2026-03-31T12:00:00Z");
    world.enrol("p");
    world.at("2026-04-01T00:00:01Z");
    world.close("p", "d", "2026-04-01T00:00:00Z", "100");
    let boards = shown(&world, "p", at("2026-03-31T23:59:58Z"));
    assert!(boards.is_ok(), "{boards:?}");
}

/// A version moves the time zone westward on the first day of a quarter: no day goes back, and all are shown.
#[test]
fn an_account_is_shown_where_a_version_moves_the_time_zone() {
    let mut world = World::new(&PROGRAM.replace("ZONE", "Pacific/Auckland"), "2026-03-30T12:00:00Z");
    world.enrol("p");
    world.at("2026-03-31T12:00:00Z"); // 1 April in Auckland
    world.close("p", "d", "2026-03-31T12:00:00Z", "100");
    world.publish(&PROGRAM.replace("ZONE", "America/Los_Angeles"), "2026-03-31T13:00:00Z");
    for hour in ["2026-03-31T12:30:00Z", "2026-03-31T14:00:00Z", "2026-04-01T06:00:00Z", "2026-04-01T08:00:00Z"] {
        let boards = shown(&world, "p", at(hour));
        assert!(boards.is_ok(), "at {hour}: {boards:?}");
    }
}

/// A version with a shorter window takes effect between the reader's clock and the writer's.
#[test]
fn an_account_is_shown_where_the_readers_clock_is_behind_a_version() {
    let program = PROGRAM.replace("ZONE", "UTC");
    let mut world = World::new(&program.replace("1 year", "3 years"), "2026-05-01T12:00:00Z");
    world.enrol("p");
    world.publish(&program, "2026-05-02T00:00:00Z");
    world.at("2026-05-02T00:00:01Z");
    world.close("p", "d", "2026-05-02T00:00:00Z", "100");
    let boards = shown(&world, "p", at("2026-05-01T23:59:58Z"));
    assert!(boards.is_ok(), "{boards:?}");
}
