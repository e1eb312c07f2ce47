//! What must hold at the edges of what rules, caps, versions and facts say.

use domain::ledger::Outcome::{self, Applied, Awarded, NoRule, Refused};
use domain::ledger::{Effect, Membership};
use laurel_replay::World;

use super::{TODAY, amend, points, world_of};

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "Asia/Singapore"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", bands = [{ from = "1", points = 100 }, { from = "1000", points = 1000 }] }
at_most = "600 points per partner per month"
[earn.reading]
on = "content.viewed"
points = 5
at_most = "7 points per partner per month"
[ladder.sell.base]
rank = 1
[reward.card]
name = "Card"
points = 10
[policy]
expiry = "3 months after earning, at the end of the month"
"#;

fn view(world: &mut World, n: u32, time: &str) -> Outcome {
    let data = format!(r#"{{"content_id":"c{n}","person_id":"ann"}}"#);
    world.send("content.viewed", "p", &format!("v{n}"), time, &data)
}

/// A5: a reward capped per day or week can be redeemed.
#[test]
fn a_reward_capped_per_week_can_be_redeemed() {
    for every in ["week", "day"] {
        let capped =
            PROGRAM.replace("points = 10\n", &format!("points = 10\nat_most = \"1 per partner per {every}\"\n"));
        let mut world = world_of(&capped);
        world.load_stock("card", 5);
        world.close("p", "d", TODAY, "1");
        assert_eq!(world.redeem("p", "card", 1, "k"), Applied, "{every}");
        assert_eq!(world.redeem("p", "card", 1, "l"), Refused, "{every}");
        world.step("p", "k", "cancelled");
        assert_eq!(world.redeem("p", "card", 1, "m"), Applied, "{every}: the cap is given back");
    }
}

/// A6: after a move west everything is still decided: frequency of the day that is kept, year that is kept.
#[test]
fn a_move_west_leaves_the_day_loaded() {
    let program = PROGRAM
        .replace("time_zone =", "late_events = \"book in the current period\"\ntime_zone =")
        .replace("7 points per partner per month", "7 points per person per day");
    let mut world = world_of(&program);
    world.close("p", "d", TODAY, "1");
    world.at("2026-06-09T17:00:00Z");
    view(&mut world, 1, "2026-06-09T16:30:00Z");
    world.publish(&program.replace("Asia/Singapore", "America/Los_Angeles"), "2026-06-09T18:00:00Z");
    world.at("2026-06-09T19:00:00Z");
    assert_eq!(view(&mut world, 2, "2026-06-09T18:30:00Z"), Awarded);
}

#[test]
fn a_move_west_at_new_year_leaves_the_year_loaded() {
    let program = PROGRAM.replace("time_zone =", "late_events = \"book in the current period\"\ntime_zone =");
    let mut world = world_of(&program);
    world.at("2026-12-31T17:00:00Z");
    view(&mut world, 1, "2026-12-31T16:30:00Z");
    world.publish(&program.replace("Asia/Singapore", "America/Los_Angeles"), "2026-12-31T18:00:00Z");
    world.at("2026-12-31T19:00:00Z");
    assert_eq!(world.close("p", "e", "2026-12-31T18:30:00Z", "1"), Awarded);
}

/// B2: caps are those of the award's own period, also when that period is closed.
#[test]
fn a_closed_month_keeps_its_cap() {
    let mut world = world_of(PROGRAM);
    world.close("p", "d", TODAY, "5000");
    assert_eq!(points(&world), 600, "cut by the cap of May");
    world.at("2026-07-15T12:00:00Z");
    amend(&mut world, "down", "d", "2026-07-15T10:00:00Z", "1");
    assert_eq!(points(&world), 100);
    amend(&mut world, "up", "d", "2026-07-15T11:00:00Z", "5000");
    assert_eq!(points(&world), 600, "down and up gains nothing");
}

#[test]
fn a_closed_month_keeps_its_cap_on_how_often() {
    let mut world = world_of(
        &PROGRAM
            .replace("600 points per partner per month", "1 per partner per month")
            .replace("\"1\", points = 100", "\"100\", points = 100"),
    );
    for deal in ["a", "b", "c", "d"] {
        world.close("p", deal, TODAY, "1");
    }
    world.at("2026-07-15T12:00:00Z");
    for deal in ["a", "b", "c", "d"] {
        amend(&mut world, &format!("{deal}-up"), deal, "2026-07-15T10:00:00Z", "100");
    }
    assert_eq!(points(&world), 100, "one a month");
}

/// A version that opens a month again does not empty its caps.
#[test]
fn a_month_that_opens_again_keeps_its_caps() {
    let monthly = PROGRAM.replace("time_zone =", "periods_close = \"5 days after the month\"\ntime_zone =");
    let mut world = world_of(&monthly);
    view(&mut world, 1, TODAY);
    view(&mut world, 2, TODAY);
    assert_eq!(points(&world), 7);
    world.at("2026-06-10T12:00:00Z");
    world.close("p", "d", "2026-06-10T10:00:00Z", "1");
    assert_eq!(points(&world), 107);
    world.publish(PROGRAM, "2026-06-10T13:00:00Z");
    world.at("2026-06-10T15:00:00Z");
    let late = view(&mut world, 3, "2026-05-20T10:00:00Z");
    assert_eq!((world.last().booked.to_string().as_str(), late, points(&world)), ("2026-05-20", Refused, 107));
}

/// A fiscal year that starts in another month starts its caps anew.
#[test]
fn a_moved_fiscal_year_has_quarters_of_its_own() {
    let program = PROGRAM.replace("7 points per partner per month", "7 points per partner per quarter");
    let mut world = World::new(&program, "2026-03-20T12:00:00Z");
    world.send("partner.enrolled", "p", "enrolled", "2026-01-05T09:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
    view(&mut world, 1, "2026-03-20T10:00:00Z");
    view(&mut world, 2, "2026-03-20T10:00:00Z");
    assert_eq!(points(&world), 7);
    world.publish(
        &program.replace("time_zone =", "fiscal_year_starts = \"04-01\"\ntime_zone ="),
        "2026-04-01T00:00:00Z",
    );
    world.at("2026-04-20T12:00:00Z");
    assert_eq!(view(&mut world, 3, "2026-04-20T10:00:00Z"), Awarded, "another quarter");
}

/// C1, I28: members that nobody declares are not stored, at no depth, and make no other meaning.
#[test]
fn nested_members_are_not_stored() {
    let mut world = world_of(PROGRAM);
    let line = |who: &str| {
        format!(
            r#"{{"deal_id":"d","outcome":"won","acv":{{"amount":"5","currency":"USD"{who}}},"lines":[{{"revenue_type":"x","amount":{{"amount":"5","currency":"USD"}}{who}}}]}}"#
        )
    };
    let who = r#","sold_by":"dana@example.com""#;
    let (with, without) = (
        world.event("deal.closed", "p", "h", TODAY, &line(who)).hash,
        world.event("deal.closed", "p", "h", TODAY, &line("")).hash,
    );
    world.send("deal.closed", "p", "c", TODAY, &line(who));
    let stored = serde_json::to_string(&world.records).expect("JSON");
    assert!(!stored.contains("dana"), "{stored}");
    assert_eq!(with, without);
}

/// "within balance, rest forgiven": what was forgiven stays forgiven.
#[test]
fn what_was_forgiven_is_not_taken_later() {
    let program = PROGRAM
        .replace("[policy]", "[policy]\nclawback = \"within balance, rest forgiven\"")
        .replace("600 points per partner per month", "9000 points per partner per month")
        .replace("points = 10\n", "points = 1000\n");
    let mut world = world_of(&program);
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "5000");
    world.redeem("p", "card", 1, "k");
    amend(&mut world, "down", "d", "2026-05-15T10:10:00Z", "1");
    assert_eq!(world.account("p").balance().available, 0, "900 are forgiven");
    world.close("p", "e", TODAY, "5000");
    assert_eq!(world.account("p").balance().available, 1000);
    amend(&mut world, "same", "d", "2026-05-15T10:20:00Z", "1");
    assert_eq!(world.account("p").balance().available, 1000, "an amendment to the same value moves nothing");
}

/// An amendment to the value it has moves nothing, however large the value.
#[test]
fn a_large_total_is_not_nothing() {
    let program = PROGRAM
        .replace(r#"by = "acv", bands"#, r#"by = "total_value", bands"#)
        .replace("600 points per partner per month", "9000 points per partner per month");
    let mut world = world_of(&program.replace("time_zone =", "rates = { IRR = \"0.00002\" }\ntime_zone ="));
    // 6 billion dollars in rial.
    let data =
        r#"{"deal_id":"d","outcome":"won","tenor_months":60,"acv":{"amount":"300000000000000","currency":"IRR"}}"#;
    world.send("deal.closed", "p", "c", TODAY, data);
    assert_eq!(points(&world), 1000);
    let data = r#"{"deal_id":"d","acv":{"amount":"300000000000000","currency":"IRR"}}"#;
    world.send("deal.amended", "p", "a", TODAY, data);
    assert_eq!(points(&world), 1000, "{}", world.ledger());
}

/// A rule's id that a later version gives to another type is another rule.
#[test]
fn a_reused_rule_id_does_not_mix_credits() {
    let program = PROGRAM.replace("600 points per partner per month", "9000 points per partner per month");
    let v2 = program.replace(
        "[earn.closed]\non = \"deal.closed\"\nif = { outcome = \"won\" }\npoints = { by = \"acv\", bands = [{ from = \"1\", points = 100 }, { from = \"1000\", points = 1000 }] }",
        "[earn.closed]\non = \"deal.amended\"\npoints = 50",
    );
    assert_ne!(v2, program);
    let mut world = world_of(&program);
    world.close("p", "d", TODAY, "1");
    world.publish(&v2, "2026-05-16T00:00:00Z");
    world.at("2026-05-17T12:00:00Z");
    amend(&mut world, "a", "d", "2026-05-17T10:00:00Z", "2");
    assert_eq!(points(&world), 150);
    amend(&mut world, "b", "d", "2026-05-17T11:00:00Z", "3");
    assert_eq!(points(&world), 200, "{}", world.ledger());
}

/// A rule and a reward have counts of their own.
#[test]
fn a_rule_named_as_a_reward_counts_apart() {
    let program = PROGRAM
        .replace("[earn.reading]", "[earn.\"reward card\"]")
        .replace("7 points per partner per month", "3 per partner per month")
        .replace("points = 10\n", "points = 10\nat_most = \"3 per partner per month\"\n");
    let mut world = world_of(&program);
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "1");
    for n in 1..=3 {
        view(&mut world, n, TODAY);
    }
    assert_eq!(world.redeem("p", "card", 1, "k"), Applied, "nothing was redeemed yet");
}

/// Whoever left is back by enrolling, not by the end of a suspension.
#[test]
fn a_reinstatement_brings_nobody_back() {
    let mut world = world_of(PROGRAM);
    world.send("partner.suspended", "p", "s", "2026-05-10T00:00:00Z", r#"{"reason":"x"}"#);
    world.send("partner.offboarded", "p", "o", "2026-05-11T00:00:00Z", r#"{"reason":"x"}"#);
    world.send("partner.reinstated", "p", "r", "2026-05-12T00:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(world.account("p").head.membership(), Membership::Offboarded);
}

#[test]
fn a_suspension_does_not_let_whoever_left_earn() {
    let mut world = world_of(&PROGRAM.replace("[policy]", "[policy]\nsuspended_partners = \"earn\""));
    world.send("partner.offboarded", "p", "o", "2026-05-11T00:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(world.close("p", "d", TODAY, "1"), Refused);
    world.send("partner.suspended", "p", "s", "2026-05-12T00:00:00Z", r#"{"reason":"x"}"#);
    assert_eq!(world.close("p", "e", TODAY, "1"), Refused, "it left");
}

/// I24: two facts of one instant come out the same in either order.
#[test]
fn facts_of_one_instant_do_not_go_by_arrival() {
    let run = |first: usize| {
        let mut world = world_of(PROGRAM);
        let body = |source: &str, id: &str, kind: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"{kind}","subject":"p","program":"test","time":"2026-05-10T00:00:00Z","data":{{"reason":"x"}}}}"#
            )
        };
        let bodies = [body("/crm/a", "b1", "partner.suspended"), body("/crm/ab", "1", "partner.reinstated")];
        for at in [first, 1 - first] {
            let event = event::Event::parse(&bodies[at], world.now).expect("event");
            world.judge(&[event]);
        }
        world.account("p").head.membership()
    };
    assert_eq!(run(0), run(1));
}

/// A motion named twice is one motion.
#[test]
fn a_motion_named_twice_is_entered_once() {
    let mut world = World::new(PROGRAM, "2026-05-15T12:00:00Z");
    world.send("partner.enrolled", "p", "e", TODAY, r#"{"name":"P","motions":["sell","sell"]}"#);
    let tiers = world.last().effects.iter().filter(|e| matches!(e, Effect::Tier { .. })).count();
    assert_eq!(tiers, 1, "{:?}", world.last().effects);
}

/// A tier that a new version renames does not keep its holder out of the ladder.
#[test]
fn a_renamed_lowest_tier_sticks_nobody() {
    let v1 = PROGRAM.replace("points = 10\n", "points = 10\nneeds = { tier = \"base\" }\n");
    let v2 = v1.replace("ladder.sell.base", "ladder.sell.bronze").replace("tier = \"base\"", "tier = \"bronze\"");
    let mut world = world_of(&v1);
    world.load_stock("card", 5);
    world.close("p", "d", TODAY, "1");
    assert_eq!(world.redeem("p", "card", 1, "k"), Applied);
    world.publish(&v2, "2026-05-16T00:00:00Z");
    world.at("2026-05-17T12:00:00Z");
    world.close("p", "e", "2026-05-17T10:00:00Z", "1");
    assert_eq!(world.redeem("p", "card", 1, "l"), Applied, "{:?}, holds {}", world.last().reason, world.tier("p"));
}

/// A zero reversal takes nothing back.
#[test]
fn reversing_nothing_takes_nothing() {
    let program = PROGRAM.replace("if = { outcome = \"won\" }", "if = { outcome = \"won\", acv = \"1000\" }");
    let mut world = world_of(&program);
    world.close("p", "d", TODAY, "1000");
    let before = points(&world);
    let data = r#"{"deal_id":"d","reason":"x","amount":{"amount":"0.00","currency":"USD"}}"#;
    world.send("deal.reversed", "p", "v", TODAY, data);
    assert_eq!((before, points(&world)), (600, 600));
}

/// Points within the bounds of the file never overflow a balance.
#[test]
#[should_panic(expected = "a sound account: Overflow")]
fn a_balance_never_overflows() {
    let program = PROGRAM
        .replace(
            r#"points = { by = "acv", bands = [{ from = "1", points = 100 }, { from = "1000", points = 1000 }] }"#,
            r#"points = { by = "acv", per = "1", points = 8000 }"#,
        )
        .replace("at_most = \"600 points per partner per month\"\n", "");
    let mut world = world_of(&program);
    world.close("p", "d", "2026-04-15T10:00:00Z", "999999999999999");
    world.close("p", "e", TODAY, "999999999999999");
    assert!(points(&world) > 0);
}

/// Whoever is suspended or left earns nothing: not by an amendment either.
#[test]
fn an_amendment_earns_nothing_for_whoever_left() {
    for (kind, program) in [
        ("partner.offboarded", PROGRAM.to_owned()),
        ("partner.suspended", PROGRAM.to_owned()),
        (
            "partner.offboarded",
            PROGRAM.replace("[policy]", "[earn.growth]\non = \"deal.amended\"\npoints = 50\n[policy]"),
        ),
    ] {
        let mut world = world_of(&program);
        world.close("p", "d", TODAY, "1");
        world.send(kind, "p", "o", "2026-05-15T10:10:00Z", r#"{"reason":"x"}"#);
        assert_eq!(points(&world), 100);
        amend(&mut world, "up", "d", "2026-05-15T11:00:00Z", "5000");
        assert!(points(&world) <= 100, "{kind}: {}", world.ledger());
    }
}

/// "60 days after the month": a month stays open for 60 days after its end.
#[test]
fn a_month_is_open_as_long_as_the_file_says() {
    let program = PROGRAM.replace("time_zone =", "periods_close = \"60 days after the month\"\ntime_zone =");
    let mut world = world_of(&program);
    world.at("2026-06-10T12:00:00Z");
    world.close("p", "d", "2026-04-20T10:00:00Z", "1");
    assert_eq!(world.last().booked.to_string(), "2026-04-20", "April ended 41 days ago");
}

/// A member that is `null` is not there, so it makes no other meaning; nor does a flag left out.
#[test]
fn null_is_nothing() {
    let world = world_of(PROGRAM);
    let hash = |data: &str| world.event("deal.registered", "p", "h", TODAY, data).hash;
    let plain = hash(r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#);
    assert_eq!(plain, hash(r#"{"deal_id":"d","opportunity_id":"o","customer":"c","motion":null}"#), "null");
    assert_eq!(plain, hash(r#"{"deal_id":"d","opportunity_id":"o","customer":"c","public_tender":false}"#), "false");
}

/// A deal keeps the rate it was closed at: a version that drops the rate keeps no reversal waiting.
#[test]
fn a_reversal_goes_by_the_rate_of_its_deal() {
    let with = PROGRAM.replace("time_zone =", "rates = { EUR = \"2\" }\ntime_zone =");
    let mut world = world_of(&with);
    let data = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"400","currency":"EUR"}}"#;
    assert_eq!(world.send("deal.closed", "p", "c", TODAY, data), Awarded);
    world.publish(PROGRAM, "2026-05-16T00:00:00Z");
    world.at("2026-05-20T12:00:00Z");
    let data = r#"{"deal_id":"d","reason":"x","amount":{"amount":"400","currency":"EUR"}}"#;
    let outcome = world.send("deal.reversed", "p", "v", "2026-05-20T10:00:00Z", data);
    assert_eq!((outcome, points(&world)), (NoRule, 0));
}

/// `+00:00` and `Z` are one instant, wherever they stand.
#[test]
fn one_instant_is_one_meaning() {
    let world = world_of(PROGRAM);
    let hash = |until: &str| {
        world
            .event(
                "certification.granted",
                "p",
                "h",
                TODAY,
                &format!(r#"{{"certification_id":"c","person_id":"a","valid_until":"{until}"}}"#),
            )
            .hash
    };
    assert_eq!(hash("2028-01-01T00:00:00Z"), hash("2028-01-01T00:00:00+00:00"));
}

/// M40: content counts by partner, person, team and territory, each cap by itself and with its own frequency; why not is told.
#[test]
fn m40_content_is_capped_by_person_team_and_territory() {
    let program = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/cms/*" = ["*"]
[earn.reading]
on = "content.viewed"
points = 1
at_most = [
  "1 per person per content per week",
  "2 per team per day",
  "4 per territory per month",
  "20 points per partner per quarter",
]
"#;
    let mut world = World::new(program, "2026-05-04T12:00:00Z");
    world.enrol("p");
    let mut look = |day: &str, who: &str, what: &str, team: &str, territory: &str| {
        let at = format!("2026-05-{day}T12:00:00Z");
        world.at(&at);
        let data = format!(
            r#"{{"content_id":"{what}","person_id":"{who}","team":"{team}"{}}}"#,
            if territory.is_empty() { String::new() } else { format!(r#","territory":"{territory}""#) }
        );
        let outcome = world.send("content.viewed", "p", &format!("{day}{who}{what}{team}{territory}"), &at, &data);
        let why = world.last().reason.as_ref().map(domain::tell::sentence);
        (outcome, why.unwrap_or_default())
    };
    let capped = |words: &str| (Refused, format!("the cap \"{words}\" is reached"));
    let given = (Awarded, String::new());
    assert_eq!(look("05", "ann", "a", "field", "US"), given);
    assert_eq!(look("05", "ann", "a", "inside", "DE"), capped("1 per person per content per week"));
    assert_eq!(look("05", "bob", "a", "field", "US"), given);
    assert_eq!(look("05", "cem", "a", "field", "US"), capped("2 per team per day"));
    assert_eq!(look("06", "cem", "a", "field", "US"), given);
    assert_eq!(look("06", "cem", "b", "field", "US"), given);
    assert_eq!(look("07", "ann", "b", "other", "US"), capped("4 per territory per month"));
    assert_eq!(look("07", "ann", "b", "other", "DE"), given);
    // Who names no territory is of none, and those count together.
    for (n, who) in ["eve", "fay", "gus", "hal"].iter().enumerate() {
        assert_eq!(look(&format!("{:02}", 8 + n), who, "c", "far", ""), given, "{who}");
    }
    assert_eq!(look("13", "ida", "c", "far", ""), capped("4 per territory per month"));
    assert_eq!(world.findings(), Vec::<String>::new());
}

/// M44: which rewards partners look at and ask for: looks and orders, by whom, who only looked, and what was refused.
#[test]
fn m44_interest_in_rewards() {
    let program = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/cms/*" = ["*"]
[earn.closed]
on = "deal.closed"
points = 10
[reward.card]
name = "Card"
points = 4
[reward.mug]
name = "Mug"
points = 100
"#;
    let mut world = World::new(program, "2026-05-02T12:00:00Z");
    for partner in ["p", "q", "r"] {
        world.enrol(partner);
    }
    let time = "2026-05-02T12:00:00Z";
    let look = |world: &mut World, partner: &str, reward: &str, id: &str| {
        let data = format!(r#"{{"reward_id":"{reward}","person_id":"ann"}}"#);
        world.send("reward.viewed", partner, id, time, &data)
    };
    for (partner, reward, id) in [("p", "card", "1"), ("p", "card", "2"), ("q", "card", "3"), ("q", "mug", "4")] {
        look(&mut world, partner, reward, id);
    }
    world.close("p", "d", time, "1000");
    world.load_stock("card", 5);
    assert_eq!(world.redeem("p", "card", 2, "k"), Applied);
    assert_eq!(world.redeem("p", "mug", 1, "l"), Refused);
    let mut interest = domain::tell::Interest::default();
    world.records.iter().for_each(|record| interest.add(record));
    let told = |reward: &str| {
        let wanted = &interest.rewards[reward];
        (wanted.looks, wanted.looked.len(), wanted.pieces, wanted.ordered.len(), wanted.only_looked(), wanted.refused)
    };
    assert_eq!(told("card"), (3, 2, 2, 1, 1, 0));
    assert_eq!(told("mug"), (1, 1, 0, 0, 1, 1));
}

/// Points live to the end of a month, a fiscal quarter or a fiscal year, as the program says, and are gone on the day after.
#[test]
fn points_live_to_the_end_of_a_period() {
    for (expiry, last) in [
        ("at the end of the month", "2026-08-31"),
        ("at the end of the quarter", "2026-09-30"),
        ("at the end of the year", "2027-06-30"),
        ("3 months after earning, at the end of the month", "2026-11-30"),
        ("3 months after earning, at the end of the quarter", "2026-12-31"),
        ("1 year after earning, at the end of the year", "2028-06-30"),
    ] {
        let program = PROGRAM.replace("time_zone", "fiscal_year_starts = \"07-01\"\ntime_zone");
        let program = program.replace("3 months after earning, at the end of the month", expiry);
        let mut world = world_of(&program);
        world.at("2026-08-10T03:00:00Z");
        assert_eq!(view(&mut world, 1, "2026-08-10T02:00:00Z"), Awarded);
        let until = |world: &mut World, time: &str| {
            world.at(time);
            world.catch_up();
            points(world)
        };
        // Days are those of Singapore: its midnight is four in the afternoon of the day before.
        assert_eq!(until(&mut world, &format!("{last}T15:59:59Z")), 5, "{expiry}");
        assert_eq!(until(&mut world, &format!("{last}T16:00:00Z")), 0, "{expiry}");
    }
}
