//! What an account shows, and what may be said of it late.

use std::collections::BTreeSet;

use super::*;
use domain::decide::{State, decide, more_parts, parts_to_show};
use domain::ledger::{Balance, Effect, FoldError, Part, packed};

const HEAD: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
counts_as_deal = ["deal.closed:won"]
"#;
const SOURCES: &str = r#"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
"#;
const CLOSED: &str = r#"
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = 100
"#;
const BASE: &str = "\n[ladder.sell.base]\nrank = 1\n";

/// An account as it is read to be shown: the head, then what is asked for, and nothing else.
fn shown(world: &World, partner: &str) -> State {
    let all = world.account(partner);
    let mut state = State::new(partner.try_into().expect("a partner"));
    state.account = Box::new(packed::open(&packed::head(all)).expect("a head"));
    let beside = packed::parts(all);
    let read = |state: &mut State, parts| {
        for part in parts {
            let content = beside.get(&part).cloned();
            packed::read(&mut state.account, part, content.as_deref()).expect("a part");
        }
    };
    let parts = parts_to_show(&world.programs, &state.account, world.now);
    read(&mut state, parts);
    let parts = more_parts(&world.programs, &state, world.now);
    read(&mut state, parts);
    state
}

/// A partner that closes a deal each day, with a hold, so that its head lets measures and lots go.
fn busy(extra: &str) -> World {
    let program = format!("{HEAD}{SOURCES}{CLOSED}hold = \"60 days\"\n{BASE}{extra}");
    let mut world = World::new(&program, "2026-03-01T09:30:00Z");
    world.enrol("p");
    for day in 0..60 {
        world.now = "2026-03-01T10:00:00Z".parse::<jiff::Timestamp>().expect("an instant")
            + jiff::SignedDuration::from_hours(24 * day);
        let now = world.now.to_string();
        world.close("p", &format!("d{day}"), &now, "100");
    }
    assert!(
        world.account("p").head.spilled >= 4,
        "measures and lots stand beside the head: {}",
        world.account("p").head.spilled
    );
    world
}

fn say(world: &mut World, kind: &str, time: &str) -> Outcome {
    world.at(time);
    world.send(kind, "p", kind, time, r#"{"reason":"x"}"#)
}

/// The page of a partner whose measures had left the head could not be shown: its next review looks into months to come.
#[test]
fn the_page_of_a_busy_partner_shows_its_ladder() {
    let gold = "[ladder.sell.gold]\nrank = 2\nenter = { deals = 1, within = \"1 year\" }\nkeep = { deals = 1, within = \"1 year\" }\n";
    let mut world = busy(gold);
    world.at("2026-05-10T09:30:00Z").catch_up();
    let decision = decide(&world.programs, shown(&world, "p"), &[], world.now).expect("a sound account");
    let boards = domain::tell::scoreboards(&world.programs, &decision.state.account, world.now);
    assert!(boards.is_ok(), "{boards:?}");
}

/// The page of a partner whose lots had left the head could not be shown on the day one of them ran out.
#[test]
fn the_page_of_a_busy_partner_shows_what_ran_out_today() {
    let mut world = busy("[policy]\nexpiry = \"4 months after earning, at the end of the month\"\n");
    world.at("2026-07-15T09:30:00Z").catch_up();
    // March's lot ran out with July; nobody has recorded it yet.
    world.at("2026-08-01T09:30:00Z");
    let decision = decide(&world.programs, shown(&world, "p"), &[], world.now);
    assert!(decision.is_ok(), "{:?}", decision.err());
}

/// Whoever had left, or was suspended again since, earned by an older reinstatement.
#[test]
fn whoever_takes_no_part_earns_nothing_by_a_reinstatement() {
    let program = format!("{HEAD}{SOURCES}{CLOSED}{BASE}[earn.back]\non = \"partner.reinstated\"\npoints = 50\n");
    let run = |said: [(&str, &str); 2]| {
        let mut world = World::new(&program, "2026-03-14T09:30:00Z");
        world.enrol("p");
        let outcomes = said.map(|(kind, time)| say(&mut world, kind, time));
        (outcomes[1] == Outcome::Awarded, available(&world))
    };
    let (first, second) = ("2026-03-15T09:30:00Z", "2026-03-16T09:30:00Z");
    assert_eq!(run([("partner.offboarded", first), ("partner.reinstated", second)]), (false, 0));
    assert_eq!(run([("partner.suspended", second), ("partner.reinstated", first)]), (false, 0));
    assert_eq!(run([("partner.suspended", first), ("partner.reinstated", second)]), (true, 50));
}

/// Whoever left was promoted by an amendment of a deal of before.
#[test]
fn whoever_left_is_not_promoted() {
    let gold = "[ladder.sell.gold]\nrank = 2\nenter = { acv = \"1000\", within = \"1 year\" }\n";
    let mut world = World::new(&format!("{HEAD}{SOURCES}{CLOSED}{BASE}{gold}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.close("p", "d", "2026-03-14T09:30:00Z", "100");
    say(&mut world, "partner.offboarded", "2026-03-15T09:30:00Z");
    world.at("2026-03-16T09:30:00Z");
    let data = r#"{"deal_id":"d","acv":{"amount":"5000","currency":"USD"}}"#;
    assert_eq!(world.send("deal.amended", "p", "a", "2026-03-16T09:30:00Z", data), Outcome::NoRule);
    assert_eq!(world.tier("p"), "base");
}

/// A campaign lasted by the time zone of now.
#[test]
fn a_campaign_lasts_by_the_days_of_the_version_that_an_event_earns_by() {
    let campaign = "times = [{ campaign = \"summer\" }]\n[campaign.summer]\nfrom = \"2026-07-01\"\nuntil = \"2026-09-01\"\nby = \"2\"\n";
    let in_zone = |zone: &str| format!("{HEAD}time_zone = \"{zone}\"\n{SOURCES}{CLOSED}{campaign}{BASE}");
    let closed = "2026-08-31T20:00:00Z";
    let earned = |moves: bool| {
        let mut world = World::new(&in_zone("UTC"), "2026-08-30T09:30:00Z");
        world.enrol("p");
        if moves {
            world.publish(&in_zone("Asia/Singapore"), "2026-09-05T00:00:00Z");
        }
        world.at("2026-09-06T00:00:00Z");
        world.close("p", "d", closed, "100");
        assert_eq!(world.last().version(), 1, "it earns by version 1, in whose zone it is 31 August");
        world.account("p").balance().available
    };
    assert_eq!((earned(false), earned(true)), (200, 200));
}

/// Where books close late, the first review after a demotion was taken for the demotion, and the reviews after it did not happen.
#[test]
fn whoever_came_down_to_a_tier_is_reviewed_each_month_after_the_first_review() {
    // Monthly reviews, quarterly books that close late; whoever is silver has three months before the first review.
    let ladder = |id: &str, rank: u32, deals: u32, first: &str| {
        let needs = format!("{{ deals = {deals}, within = \"1 month\" }}");
        format!(
            "[ladder.sell.{id}]\nrank = {rank}\nenter = {needs}\nkeep = {needs}\nreview = \"monthly\"\nfirst_review = \"{first}\"\n"
        )
    };
    let (silver, gold) = (ladder("silver", 2, 1, "3 months"), ladder("gold", 3, 2, "1 month"));
    let program = format!("{HEAD}periods_close = \"60 days after the quarter\"\n{SOURCES}{CLOSED}{BASE}{silver}{gold}");
    let mut world = World::new(&program, "2026-03-20T09:30:00Z");
    world.enrol("p");
    // Two deals of March are gold, one of July keeps silver; nothing after that.
    for (deal, time) in [("a", "2026-03-20T09:30:00Z"), ("b", "2026-03-20T09:31:00Z"), ("c", "2026-07-20T09:30:00Z")] {
        world.at(time);
        world.close("p", deal, time, "100");
    }
    for day in ["2026-08-31T09:30:00Z", "2026-11-30T09:30:00Z"] {
        world.at(day).catch_up();
    }
    let as_of = |effect: &Effect| match effect {
        Effect::Reviewed { as_of, .. } | Effect::Tier { as_of: Some(as_of), .. } => Some(as_of.to_string()),
        _ => None,
    };
    let reviews: Vec<_> = world.records.iter().flat_map(|record| &record.effects).filter_map(as_of).collect();
    // Down to silver as of 1 May (held on 30 August, when the books of April closed); reviewed first as of 1 August, which it keeps,
    // and a month later as of 1 September, which nothing keeps: both are held on 30 November.
    let expected = ["2026-05-01", "2026-08-01", "2026-09-01"];
    assert_eq!((&reviews[..], world.tier("p")), (&expected.map(str::to_owned)[..], "base"), "{}", world.ledger());
}

/// A version that another replaced in the same instant took a review away that was due.
#[test]
fn a_version_that_was_never_in_force_takes_no_review_away() {
    let gold = |review: &str| {
        format!(
            "{HEAD}{SOURCES}{CLOSED}{BASE}[ladder.sell.gold]\nrank = 2\nenter = {{ deals = 1, within = \"1 year\" }}\nkeep = {{ deals = 9, within = \"1 year\" }}\nreview = \"{review}\"\nfirst_review = \"1 month\"\n"
        )
    };
    let tier = |slip: bool| {
        let mut world = World::new(&gold("quarterly"), "2026-03-14T09:30:00Z");
        world.enrol("p");
        world.close("p", "a", "2026-03-14T09:30:00Z", "100");
        assert_eq!(world.tier("p"), "gold");
        let soon = "2026-07-12T00:00:00Z";
        if slip {
            // Published by mistake, and put right by another version of the same instant: it never decides anything.
            world.publish(&gold("monthly"), soon);
        }
        world.publish(&gold("quarterly"), soon);
        world.at("2026-07-12T00:00:01Z").catch_up();
        world.tier("p").to_owned()
    };
    assert_eq!((tier(false), tier(true)), ("base".to_owned(), "base".to_owned()));
}

/// A deal that closed before its registration said its motion stayed measured in the default one.
#[test]
fn a_deal_is_measured_in_its_motion_in_any_order() {
    let program = format!(
        "{HEAD}{SOURCES}{CLOSED}{BASE}[ladder.service.base]\nrank = 1\n[ladder.service.gold]\nrank = 2\nenter = {{ deals = 1, within = \"1 year\" }}\n"
    );
    let run = |order: [usize; 2]| {
        let mut world = World::new(&program, "2026-03-14T09:30:00Z");
        world.send(
            "partner.enrolled",
            "p",
            "e",
            "2026-03-14T09:30:00Z",
            r#"{"name":"P","motions":["sell","service"]}"#,
        );
        world.at("2026-03-16T09:30:00Z");
        let events = [
            world.event(
                "deal.registered",
                "p",
                "r",
                "2026-03-15T09:30:00Z",
                r#"{"deal_id":"d","opportunity_id":"o","customer":"c","motion":"service"}"#,
            ),
            world.event(
                "deal.closed",
                "p",
                "c",
                "2026-03-16T09:30:00Z",
                r#"{"deal_id":"d","outcome":"won","acv":{"amount":"100","currency":"USD"}}"#,
            ),
        ];
        for at in order {
            world.judge(&[events[at].clone()]);
        }
        let closed = world.deals["d"].closed.as_ref().expect("closed");
        (
            world.deals["d"].motion.clone(),
            closed.measured.clone(),
            world.account("p").head.tiers.get("service").expect("a standing").tier.to_string(),
        )
    };
    assert_eq!(run([0, 1]), run([1, 0]));
}

/// What the README says of order: a deal that closes for one partner before its registration and its reassignment by another stays
/// that partner's, unless the program wants deals registered.
#[test]
fn a_reassigned_deal_waits_for_its_registration_where_that_is_required() {
    let program = |required: &str| {
        format!(
            "{HEAD}{SOURCES}{CLOSED}{BASE}[earn.registered]\non = \"deal.registered\"\npoints = 5\n[registration]\nrequired = {required}\n"
        )
    };
    let run = |required: &str, order: [usize; 3]| {
        let mut world = World::new(&program(required), "2026-03-14T09:30:00Z");
        world.enrol("p");
        world.enrol("q");
        world.at("2026-03-17T09:30:00Z");
        let events = [
            world.event(
                "deal.registered",
                "p",
                "r",
                "2026-03-15T09:30:00Z",
                r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#,
            ),
            world.event("deal.reassigned", "p", "m", "2026-03-16T09:30:00Z", r#"{"deal_id":"d","to_partner":"q"}"#),
            world.event(
                "deal.closed",
                "q",
                "c",
                "2026-03-17T09:30:00Z",
                r#"{"deal_id":"d","outcome":"won","acv":{"amount":"100","currency":"USD"}}"#,
            ),
        ];
        for at in order {
            world.judge(&[events[at].clone()]);
        }
        (world.account("p").balance().total(), world.account("q").balance().total())
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(run("true", order), (5, 100), "{order:?}");
    }
    assert_eq!(run("false", [0, 1, 2]), (5, 100));
    assert_eq!(run("false", [2, 0, 1]), (0, 100));
}

/// What was taken back of an award did not come back, since the award itself still filled its cap.
#[test]
fn what_comes_back_is_not_stopped_by_its_own_count() {
    let played = |policy: &str| {
        let program = format!(
            "{HEAD}{SOURCES}\n[earn.closed]\non = \"deal.closed\"\nif = {{ outcome = \"won\" }}\npoints = {{ by = \"acv\", per = \"1\", points = 1 }}\nat_most = \"1 per partner per month\"\n{BASE}[reward.card]\nname = \"Card\"\npoints = 150\n[policy]\nclawback = \"within balance, rest forgiven\"\nreversed_awards = \"{policy}\"\n"
        );
        let mut world = World::new(&program, "2026-03-14T09:30:00Z");
        world.enrol("p");
        world.load_stock("card", 1);
        world.close("p", "d", "2026-03-14T09:30:00Z", "200");
        assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
        world.step("p", "k", "ordering");
        world.step("p", "k", "fulfilled");
        let amend = |world: &mut World, time: &str, acv: &str| {
            world.at(time);
            let data = format!(r#"{{"deal_id":"d","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
            world.send("deal.amended", "p", time, time, &data);
        };
        amend(&mut world, "2026-03-14T09:31:00Z", "0");
        assert_eq!(world.account("p").balance().available, 0);
        amend(&mut world, "2026-03-14T09:32:00Z", "200");
        world.account("p").balance().available
    };
    assert_eq!(played("stay counted"), 50, "the 50 that were taken come back, the 150 that were forgiven never left");
    assert_eq!(played("free their caps"), 50);
}

/// An account of which only the head was read.
fn begun(world: &World, partner: &str) -> State {
    let mut state = State::new(partner.try_into().expect("a partner"));
    state.account = Box::new(packed::open(&packed::head(world.account(partner))).expect("a head"));
    state
}

/// What was read is not asked for once more, nor what stands in the head.
#[test]
fn what_is_there_is_not_asked_for() {
    let mut busy = busy("[policy]\nexpiry = \"4 months after earning, at the end of the month\"\n");
    busy.at("2026-07-15T09:30:00Z").catch_up();
    // March's lot runs out: what expired of it is asked for, too.
    busy.at("2026-08-01T09:30:00Z");
    let state = shown(&busy, "p");
    assert_eq!(parts_to_show(&busy.programs, &state.account, busy.now), BTreeSet::new());
    assert_eq!(more_parts(&busy.programs, &state, busy.now), BTreeSet::new());
    let mut new = World::new(&format!("{HEAD}{SOURCES}{CLOSED}{BASE}"), "2026-03-01T09:30:00Z");
    new.enrol("p");
    assert_eq!(parts_to_show(&new.programs, &begun(&new, "p").account, new.now), BTreeSet::new());
}

/// I25: what was not read is neither decided by nor written.
#[test]
fn what_was_not_read_is_not_written() {
    let world = busy("");
    let data = r#"{"name":"P","motions":["sell"]}"#;
    let again = [world.event("partner.enrolled", "p", "again", &world.now.to_string(), data)];
    let decided = decide(&world.programs, begun(&world, "p"), &again, world.now);
    assert!(matches!(decided, Err(FoldError::NotLoaded(_))), "{decided:?}");
    let decided = decide(&world.programs, shown(&world, "p"), &again, world.now);
    assert!(decided.is_ok(), "{decided:?}");
}

/// Lots that are all gone are written so where they stand beside the head, and do not come back.
#[test]
fn what_left_the_head_and_is_empty_again_is_written_so() {
    let mut world = busy("[policy]\nexpiry = \"4 months after earning, at the end of the month\"\n");
    world.at("2027-01-15T09:30:00Z").catch_up();
    assert_eq!(world.account("p").balance(), Balance::default());
    let parts = packed::parts(world.account("p"));
    assert_eq!(parts.get(&Part::Lots).map(String::as_str), Some("{}"));
}

/// A partner's own counts, split by nothing, stay in the head while persons, profile, measures and lots leave it.
#[test]
fn a_partners_own_counts_leave_the_head_last() {
    let world = busy("[earn.own]\non = \"deal.closed\"\npoints = 1\nat_most = \"1000 per partner per year\"\n");
    assert_eq!(world.account("p").frequency.iter().count(), 1);
    let beside = packed::parts(world.account("p"));
    assert!(!beside.keys().any(|part| matches!(part, Part::Count(_))), "{beside:?}");
}
