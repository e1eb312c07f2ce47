//! What only a small slip in the deciding code would change: a sign, an edge, a condition left out. Each test fails for one of them.

mod credits;
mod told;

use domain::ledger::{Asset, Effect, Membership, Outcome, Reason};
use domain::tier::next_review;
use laurel_replay::World;

/// One point for each dollar of a won deal's annual value.
const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
counts_as_deal = ["deal.closed:won"]
periods_close = "10 days after the quarter"
[sources]
"/crm/*" = ["partner.*", "deal.*", "agreement.accepted"]
"/lms/*" = ["certification.*"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", per = "1", points = 1 }
"#;

const BASE: &str = "[ladder.sell.base]\nrank = 1\n";

/// A world on 14 March 2026, with lines more for the rule and for the file.
fn world(rule: &str, file: &str) -> World {
    let mut world = World::new(&format!("{PROGRAM}{rule}\n{BASE}{file}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world
}

fn a_minute_later(world: &mut World) -> String {
    world.now += jiff::SignedDuration::from_mins(1);
    world.now.to_string()
}

fn close(world: &mut World, deal: &str, acv: &str) -> Outcome {
    let now = a_minute_later(world);
    world.close("p", deal, &now, acv)
}

fn amend(world: &mut World, deal: &str, acv: &str) {
    let now = a_minute_later(world);
    let data = format!(r#"{{"deal_id":"{deal}","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
    world.send("deal.amended", "p", &format!("{deal} at {now}"), &now, &data);
}

fn say(world: &mut World, kind: &str, data: &str) -> Outcome {
    let now = a_minute_later(world);
    world.send(kind, "p", &format!("{kind} at {now}"), &now, data)
}

fn available(world: &World) -> i64 {
    world.account("p").balance().available
}

const FREE: &str = "[policy]\nreversed_awards = \"free their caps\"\n";

#[test]
fn a_condition_may_rule_a_value_out() {
    let mut world = world("[earn.tried]\non = \"deal.closed\"\nif = { outcome = \"!= won\" }\npoints = 7", "");
    close(&mut world, "a", "100");
    assert_eq!(available(&world), 100);
    say(&mut world, "deal.closed", r#"{"deal_id":"b","outcome":"lost"}"#);
    assert_eq!(available(&world), 107);
}

#[test]
fn who_is_suspended_may_earn_where_the_file_says_so() {
    let mut world = world("", "[policy]\nsuspended_partners = \"earn\"\n");
    say(&mut world, "partner.suspended", r#"{"reason":"audit"}"#);
    assert_eq!(close(&mut world, "a", "100"), Outcome::Awarded);
    assert_eq!(world.account("p").head.membership(), Membership::Suspended);
}

/// Whoever left and is back may be suspended again.
#[test]
fn who_is_back_may_be_suspended() {
    let mut world = world("", "");
    say(&mut world, "partner.offboarded", r#"{"reason":"ended"}"#);
    say(&mut world, "partner.enrolled", r#"{"name":"P","motions":["sell"]}"#);
    assert_eq!(world.account("p").head.membership(), Membership::Active);
    say(&mut world, "partner.suspended", r#"{"reason":"audit"}"#);
    assert_eq!(world.account("p").head.membership(), Membership::Suspended);
}

#[test]
fn a_fact_that_a_later_one_overtook_says_so() {
    let mut world = world("", "");
    let left = |world: &mut World, id: &str, time: &str| {
        world.send("partner.offboarded", "p", id, time, r#"{"reason":"ended"}"#);
        world.last().reason.clone()
    };
    assert_eq!(left(&mut world, "second", "2026-03-14T09:00:00Z"), Some(Reason::NoRuleForType));
    assert_eq!(left(&mut world, "first", "2026-03-14T08:00:00Z"), Some(Reason::Superseded));
    // An enrolment enrols, whenever it comes.
    let data = r#"{"name":"P","motions":["sell"]}"#;
    world.send("partner.enrolled", "p", "older", "2026-03-01T00:00:00Z", data);
    assert_eq!(world.last().reason, Some(Reason::EnrolledLater));
}

#[test]
fn influence_on_a_deal_that_nobody_knows_waits() {
    let mut world = world("", "");
    let influenced = r#"{"deal_id":"a","kind":"endorsement"}"#;
    assert_eq!(say(&mut world, "deal.influenced", influenced), Outcome::Held);
    close(&mut world, "a", "100");
    assert_eq!(say(&mut world, "deal.influenced", influenced), Outcome::NoRule);
}

#[test]
fn a_won_deal_is_measured_only_where_it_counts() {
    let measured = |counts: &str| {
        let program = PROGRAM.replace("counts_as_deal = [\"deal.closed:won\"]", counts);
        let mut world = World::new(&format!("{program}{BASE}"), "2026-03-14T09:30:00Z");
        world.enrol("p");
        close(&mut world, "a", "100");
        let cells = world.account("p").measures.values().flat_map(|quarter| quarter.values()).flatten();
        cells.filter(|((_, measure), _)| measure.word() == "deals").count()
    };
    assert_eq!(measured("counts_as_deal = [\"deal.closed:won\"]"), 1);
    assert_eq!(measured("counts_as_deal = [\"purchase_order.received\"]"), 0);
}

/// Points that are to be released today are there today.
#[test]
fn what_is_held_until_today_is_available() {
    let mut world = world("hold = \"10 days\"", "");
    let sums = |world: &World| (available(world), world.account("p").balance().pending);
    world.close("p", "early", "2026-03-04T09:30:00Z", "100");
    assert_eq!(sums(&world), (100, 0), "held for ten days, ten days ago");
    close(&mut world, "a", "100");
    close(&mut world, "b", "100");
    amend(&mut world, "b", "0");
    assert_eq!(sums(&world), (100, 100));
    world.at("2026-03-24T09:30:00Z");
    amend(&mut world, "a", "150");
    assert_eq!(sums(&world), (250, 0), "at once, not with the next decision");
    amend(&mut world, "b", "100");
    assert_eq!(sums(&world), (350, 0), "more of it, and what comes back, on the day of the release");
}

/// More of an award goes to the award's own lot as long as that lives, to its last month.
#[test]
fn more_of_an_award_joins_its_lot() {
    let mut world = world("", "[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n");
    close(&mut world, "a", "100");
    world.at("2026-04-20T09:30:00Z");
    amend(&mut world, "a", "150");
    let lots = &world.account("p").head.funds(Asset::Points).lots;
    let lots: Vec<_> = lots.iter().map(|(lot, points)| (lot.to_string(), *points)).collect();
    assert_eq!(lots, [("2026-04".to_owned(), 150)]);
}

#[test]
fn an_award_that_changes_counts_once() {
    for policy in ["", FREE] {
        let mut world = world("at_most = \"2 per partner per month\"", policy);
        close(&mut world, "a", "100");
        amend(&mut world, "a", "200");
        assert_eq!(close(&mut world, "b", "100"), Outcome::Awarded);
        assert_eq!(close(&mut world, "c", "100"), Outcome::Refused);
    }
}

#[test]
fn an_award_that_comes_back_counts_anew() {
    let mut world = world("at_most = \"1 per partner per month\"", FREE);
    close(&mut world, "a", "100");
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "100");
    assert_eq!(close(&mut world, "b", "100"), Outcome::Refused);
    assert_eq!(available(&world), 100);
}

#[test]
fn what_comes_back_and_what_is_new_share_a_cap() {
    let mut world = world("at_most = \"150 points per partner per month\"", FREE);
    close(&mut world, "a", "100");
    amend(&mut world, "a", "0");
    close(&mut world, "b", "100");
    amend(&mut world, "a", "1000");
    assert_eq!(available(&world), 150);
    assert_eq!(close(&mut world, "c", "500"), Outcome::Refused);
}

#[test]
fn what_comes_back_and_what_is_new_are_counted_together() {
    let mut world = world("at_most = \"1000 points per partner per month\"", FREE);
    close(&mut world, "a", "100");
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "300");
    close(&mut world, "b", "1000");
    assert_eq!(available(&world), 1000);
}

/// What was forgiven never left: it comes back first, without points.
#[test]
fn what_was_forgiven_is_not_given_twice() {
    let card = "[reward.card]\nname = \"Card\"\npoints = 800\n[policy]\nclawback = \"within balance, rest forgiven\"\n";
    let mut world = world("", card);
    world.load_stock("card", 1);
    close(&mut world, "a", "1000");
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    let steps = ["0", "500", "600", "550", "1000"].map(|acv| {
        amend(&mut world, "a", acv);
        available(&world)
    });
    assert_eq!(steps, [0, 0, 0, 0, 200]);
    amend(&mut world, "a", "1100");
    assert_eq!(available(&world), 300);
}

/// What a declined order gave back, and what ran out of it months ago, is taken before anything is owed.
#[test]
fn what_ran_out_months_ago_is_not_owed() {
    let card = "[reward.card]\nname = \"Card\"\npoints = 100\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = world("", card);
    world.load_stock("card", 1);
    close(&mut world, "a", "100");
    world.at("2026-04-29T09:30:00Z");
    world.redeem("p", "card", 1, "k");
    world.step("p", "k", "ordering");
    world.at("2026-05-02T09:30:00Z");
    world.step("p", "k", "declined");
    world.at("2026-11-02T09:30:00Z");
    say(&mut world, "deal.reversed", r#"{"deal_id":"a","reason":"returned"}"#);
    assert_eq!((available(&world), world.account("p").balance().owed), (0, 0));
}

#[test]
fn a_certificate_that_is_granted_again_counts_once() {
    let mut world = world("", "");
    for until in ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"] {
        let data = format!(r#"{{"certification_id":"pro","person_id":"ann","valid_until":"{until}"}}"#);
        let now = a_minute_later(&mut world);
        world.send("certification.granted", "p", until, &now, &data);
    }
    assert_eq!(world.account("p").certificates(world.now), Ok(1));
    // A world counts anew with every decision, a fold does not.
    let folded = domain::audit::rebuild(&world.records, jiff::civil::Date::MIN).expect("the records apply");
    assert_eq!(folded.certificates(world.now), Ok(1));
}

const GOLD: &str = "[ladder.sell.gold]\nrank = 2\nenter = { any = [{ deals = 1, within = \"1 year\" }, { acv = \"100\", within = \"1 year\" }] }\n";

/// Whoever meets two alternatives at once meets one of them.
#[test]
fn alternatives_may_all_be_met() {
    let mut world = world("", GOLD);
    close(&mut world, "a", "100");
    assert_eq!(world.tier("p"), "gold");
}

/// A multiplier of one motion's tier is none for a tier of that name on another ladder.
#[test]
fn a_tier_multiplies_in_its_motion() {
    let points = |motion: &str| {
        let times = format!("times = [{{ tier = \"gold\", motion = \"{motion}\", by = \"2\" }}]");
        let other = "[ladder.service.base]\nrank = 1\n[ladder.service.gold]\nrank = 2\nenter = { projects = 9, within = \"1 year\" }\n";
        let mut world = world(&times, &format!("{GOLD}{other}"));
        close(&mut world, "a", "100");
        close(&mut world, "b", "100");
        available(&world)
    };
    assert_eq!((points("sell"), points("service")), (300, 200));
}

/// Whoever is warned keeps the tier until the day that the warning named, however often it is reviewed before.
#[test]
fn a_warning_holds_until_its_day() {
    let keep = "keep = { deals = 9, within = \"1 year\" }\nreview = \"monthly\"\nfirst_review = \"1 month\"\ngrace = \"1 quarter\"\n";
    let monthly = PROGRAM.replace("after the quarter", "after the month");
    let mut world = World::new(&format!("{monthly}{BASE}{GOLD}{keep}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    close(&mut world, "a", "100");
    world.at("2026-12-20T09:30:00Z").catch_up();
    let reviews = world.records.iter().flat_map(|record| &record.effects).filter_map(|effect| match effect {
        Effect::Reviewed { as_of, demotes_on, .. } => Some(format!("{as_of} {}", demotes_on.expect("a warning"))),
        Effect::Tier { to, as_of: Some(as_of), .. } => Some(format!("{as_of} {to}")),
        _ => None,
    });
    let warned = |as_of: &str| format!("{as_of} 2026-08-01");
    let warned = ["2026-05-01", "2026-06-01", "2026-07-01"].map(warned);
    assert_eq!(reviews.collect::<Vec<_>>(), [&warned[..], &["2026-08-01 base".to_owned()]].concat());
}

/// A ladder that is reviewed from the day on which books close is reviewed with these books.
#[test]
fn reviews_begin_with_the_first_books_that_close_under_them() {
    let keep = "keep = { deals = 9, within = \"1 year\" }\nreview = \"quarterly\"\nfirst_review = \"1 month\"\n";
    let as_of = |effective: &str| {
        let mut world = World::new(&format!("{PROGRAM}{BASE}{GOLD}"), "2026-01-14T09:30:00Z");
        world.enrol("p");
        close(&mut world, "a", "100");
        world.publish(&format!("{PROGRAM}{BASE}{GOLD}{keep}"), effective);
        let current = world.programs.all().last().expect("a version");
        let (motion, held) = world.account("p").head.tiers.iter().next().expect("a standing");
        next_review(&world.programs, current, motion, held).expect("a review").as_of.to_string()
    };
    assert_eq!(as_of("2026-04-10T00:00:00Z"), "2026-04-01");
    assert_eq!(as_of("2026-04-11T00:00:00Z"), "2026-04-01", "the books of the first quarter close on this day");
    assert_eq!(as_of("2026-04-12T00:00:00Z"), "2026-07-01");
}
