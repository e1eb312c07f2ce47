//! Who is new, who is back, who falls short, and what certificates say, at their edges: what a reader of the code held against them (M16,
//! M25, M29, M44).

use domain::ledger::Effect;
use domain::tell::{explain, onboarded, scoreboards};
use laurel_replay::World;

const HEAD: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
"/admin/*" = ["*"]
[earn.closed]
on = "deal.closed"
points = 10
"#;
fn prog(t: &str) -> String {
    format!("{HEAD}{t}")
}
fn world(t: &str, now: &str) -> World {
    let mut w = World::new(&prog(t), now);
    w.enrol("p");
    w
}
fn sound(w: &World) {
    assert_eq!(w.findings(), Vec::<String>::new(), "{}", w.ledger());
}
fn course(w: &mut World, c: &str, time: &str) {
    w.send(
        "course.completed",
        "p",
        &format!("c-{c}-{time}"),
        time,
        &format!(r#"{{"course_id":"{c}","level":101,"person_id":"ann"}}"#),
    );
}
fn grant(w: &mut World, who: &str, level: &str, time: &str, until: &str) {
    let u = if until.is_empty() { String::new() } else { format!(r#","valid_until":"{until}""#) };
    let l = if level.is_empty() { String::new() } else { format!(r#","level":{level}"#) };
    w.send(
        "certification.granted",
        "p",
        &format!("g-{who}-{level}-{time}"),
        time,
        &format!(r#"{{"certification_id":"sales","person_id":"{who}"{l}{u}}}"#),
    );
}
fn below(w: &World) -> Vec<(String, u32, u32)> {
    w.records
        .iter()
        .flat_map(|r| {
            r.effects
                .iter()
                .filter_map(|e| match e {
                    Effect::Reviewed { below: Some(b), .. } => Some((r.on.to_string(), b.times, b.of)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
const PRUNE: &str = r#"
[ladder.sell.member]
rank = 1
keep = { registrations = 1, within = "fiscal quarter" }
review = "quarterly"
first_review = "1 quarter"
prune_after = 2
"#;

fn enrol_again(w: &mut World, id: &str, motions: &str) {
    let t = w.now.to_string();
    w.send("partner.enrolled", "p", id, &t, &format!(r#"{{"name":"P","motions":[{motions}]}}"#));
}

#[test]
fn who_left_is_not_pruned() {
    let mut w = world(PRUNE, "2026-01-15T12:00:00Z");
    w.at("2026-11-01T12:00:00Z").catch_up();
    w.send("partner.offboarded", "p", "bye", "2026-11-01T12:00:00Z", r#"{"reason":"pruned"}"#);
    let before = below(&w);
    w.at("2028-11-01T12:00:00Z").catch_up();
    let after = below(&w);
    sound(&w);
    assert_eq!(before, after, "reviews after it left");
}

#[test]
fn who_is_back_is_counted_anew() {
    let mut w = world(PRUNE, "2026-01-15T12:00:00Z");
    w.at("2026-11-01T12:00:00Z").catch_up();
    w.send("partner.offboarded", "p", "bye", "2026-11-01T12:00:00Z", r#"{"reason":"pruned"}"#);
    w.at("2026-12-20T12:00:00Z");
    w.send("partner.enrolled", "p", "back", "2026-12-20T12:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
    let n = below(&w).len();
    w.at("2027-01-13T12:00:00Z").catch_up();
    let after = below(&w);
    sound(&w);
    assert_eq!(
        after[n..].to_vec(),
        Vec::<(String, u32, u32)>::new(),
        "enrolled anew on 2026-12-20, first_review = 1 quarter"
    );
}

#[test]
fn a_look_that_finds_it_productive_says_so_for_good() {
    let t = |n: u8| format!("[onboarding]\nproductive = {{ deals = {n}, within = \"1 year\" }}\nby = \"90 days\"\n");
    let mut w = world(&t(2), "2026-01-05T12:00:00Z");
    w.close("p", "d1", "2026-01-05T12:00:00Z", "100");
    w.publish(&prog(&t(1)), "2026-02-01T00:00:00Z");
    w.at("2026-06-01T12:00:00Z").catch_up();
    let told = w
        .records
        .iter()
        .filter(|r| r.kind == "onboarding.reviewed")
        .map(|r| explain(r, None).sentence)
        .collect::<Vec<_>>();
    assert_eq!(told, ["the partner is productive in the time that it had"]);
    assert!(onboarded(&w.programs, w.account("p"), w.now).expect("there").productive.is_some(), "{told:?}");
}

#[test]
fn in_a_row_is_in_a_row() {
    let plain = "[ladder.sell.member]\nrank = 1\n";
    let mut w = world(&PRUNE.replace("prune_after = 2", "prune_after = 3"), "2026-01-15T12:00:00Z");
    w.at("2026-11-01T12:00:00Z").catch_up();
    let n = below(&w).len();
    assert!(n >= 2, "{n}");
    w.publish(&prog(plain), "2026-12-01T00:00:00Z");
    w.at("2029-12-01T12:00:00Z").catch_up();
    w.publish(&prog(&PRUNE.replace("prune_after = 2", "prune_after = 3")), "2029-12-02T00:00:00Z");
    w.at("2030-01-15T12:00:00Z").catch_up();
    sound(&w);
    let after = below(&w)[n..].to_vec();
    assert_eq!(after.iter().map(|b| b.1).collect::<Vec<_>>(), [1], "{after:?}");
}

#[test]
fn the_lowest_tier_is_not_lost() {
    let v1 = r#"
[ladder.sell.member]
rank = 1
[ladder.sell.silver]
rank = 2
enter = { deals = 1, within = "1 month" }
keep = { deals = 1, within = "fiscal quarter" }
first_review = "1 quarter"
grace = "9 months"
review = "quarterly"
"#;
    let v2 = r#"
[ladder.sell.silver]
rank = 2
keep = { deals = 1, within = "fiscal quarter" }
first_review = "1 quarter"
review = "quarterly"
prune_after = 2
"#;
    let mut w = world(v1, "2026-01-15T12:00:00Z");
    w.close("p", "d1", "2026-01-15T12:00:00Z", "100");
    w.at("2026-11-15T12:00:00Z").catch_up();
    let b = &scoreboards(&w.programs, w.account("p"), w.now).expect("there")["sell"];
    assert!(b.demotes_on.is_some());
    w.publish(&prog(v2), "2026-11-16T00:00:00Z");
    w.at("2026-11-17T12:00:00Z").catch_up();
    let b = &scoreboards(&w.programs, w.account("p"), w.now).expect("there")["sell"];
    assert_eq!(b.demotes_on, None, "nothing is below silver: it is not lost");
}

#[test]
fn an_end_of_one_level_leaves_the_others() {
    let t = r#"
[ladder.sell.member]
rank = 1
[ladder.sell.expert]
rank = 2
enter = { certification = "sales", level = 201 }
keep = { certification = "sales", level = 201 }
review = "quarterly"
first_review = "1 quarter"
"#;
    let mut w = world(t, "2026-01-15T12:00:00Z");
    grant(&mut w, "ann", "101", "2026-01-15T12:00:00Z", "");
    w.at("2026-02-15T12:00:00Z");
    grant(&mut w, "ann", "201", "2026-02-15T12:00:00Z", "");
    assert_eq!(w.tier("p"), "expert");
    w.at("2026-03-15T12:00:00Z");
    w.send(
        "certification.expired",
        "p",
        "x",
        "2026-03-15T12:00:00Z",
        r#"{"certification_id":"sales","level":101,"person_id":"ann"}"#,
    );
    w.at("2026-12-15T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "expert", "the 101 certificate ran out, the 201 did not");
}

#[test]
fn what_runs_out_leaves_what_lasts() {
    let t = "[earn.x]\non = \"content.viewed\"\nneeds = { certification = \"sales\", level = 101 }\npoints = 5\nat_most = \"5 points per partner per day\"\n";
    let mut w = World::new(&prog(t).replace("\"/lms/*\"", "\"/cms/*\" = [\"*\"]\n\"/lms/*\""), "2026-01-15T12:00:00Z");
    w.enrol("p");
    grant(&mut w, "ann", "101", "2026-01-15T12:00:00Z", "");
    w.at("2026-02-15T12:00:00Z");
    grant(&mut w, "ann", "201", "2026-02-15T12:00:00Z", "2026-06-01T00:00:00Z");
    w.at("2026-07-15T12:00:00Z");
    let o = w.send(
        "content.viewed",
        "p",
        "v",
        "2026-07-15T12:00:00Z",
        r#"{"content_id":"k","person_id":"ann","seconds":60}"#,
    );
    assert_eq!(o, domain::ledger::Outcome::Awarded, "101 was granted for ever");
}

#[test]
fn empty_lists_are_refused() {
    for needs in ["{ course = [] }", "{ certification = [] }"] {
        let found = program::check(&prog(&format!(
            "[earn.x]\non = \"course.completed\"\nneeds = {needs}\npoints = 5\nat_most = \"5 points per partner per day\"\n"
        )));
        assert!(!found.is_empty(), "{needs}: nothing is found, and the rule is open to everybody");
    }
}

#[test]
fn a_level_below_is_no_level_above() {
    let found = program::check(&prog(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.silver]
rank = 2
enter = { certification = "sales", level = 101 }
[ladder.sell.gold]
rank = 3
enter = { certification = "sales", level = 301 }
"#,
    ));
    assert_eq!(found, [], "silver is held by who has 101");
}

#[test]
fn a_ladder_that_asks_a_higher_level_to_stay_oscillates() {
    let found = program::check(&prog(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { certification = "sales", level = 101 }
keep = { certification = "sales", level = 301 }
grace = "1 quarter"
"#,
    ));
    assert!(found.iter().any(|f| format!("{f:?}").contains("Oscillating")), "{found:?}");
}

#[test]
fn who_left_a_motion_is_not_pruned_from_it() {
    let mut w = world(PRUNE, "2026-01-15T12:00:00Z");
    w.at("2026-02-15T12:00:00Z");
    enrol_again(&mut w, "again", r#""refer""#);
    w.at("2028-02-15T12:00:00Z").catch_up();
    assert_eq!(below(&w), vec![], "it takes no part in sell since 2026-02-15");
}

#[test]
fn facts_said_anew_begin_nothing() {
    let t = "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\n";
    let mut w = world(t, "2026-01-05T12:00:00Z");
    w.at("2026-01-15T12:00:00Z");
    w.close("p", "d", "2026-01-15T12:00:00Z", "100");
    assert_eq!(onboarded(&w.programs, w.account("p"), w.now).expect("there").productive.expect("there").days, Some(10));
    w.at("2026-06-01T12:00:00Z");
    enrol_again(&mut w, "again", r#""sell""#);
    let o = onboarded(&w.programs, w.account("p"), w.now).expect("there");
    assert_eq!(o.productive.expect("there").days, Some(10), "{o:?}");
}

#[test]
fn facts_said_anew_shorten_nothing() {
    let t = "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\n";
    let mut w = world(t, "2026-01-05T12:00:00Z");
    w.at("2026-06-01T12:00:00Z");
    enrol_again(&mut w, "again", r#""sell""#);
    w.at("2026-06-03T12:00:00Z");
    w.close("p", "d", "2026-06-03T12:00:00Z", "100");
    let o = onboarded(&w.programs, w.account("p"), w.now).expect("there");
    assert_eq!(o.productive.expect("there").days, Some(149), "{o:?}");
}

#[test]
fn what_a_cap_refused_was_looked_at() {
    let t = "[reward.card]\nname = \"C\"\npoints = 100\n[earn.look]\non = \"reward.viewed\"\npoints = 1\nat_most = \"1 per partner per day\"\n";
    let mut w = World::new(&prog(t).replace("\"/lms/*\"", "\"/cms/*\" = [\"*\"]\n\"/lms/*\""), "2026-01-15T12:00:00Z");
    w.enrol("p");
    w.enrol("q");
    for n in 0..5 {
        let at = w.now.to_string();
        w.send("reward.viewed", "p", &format!("v{n}"), &at, r#"{"reward_id":"card","person_id":"ann"}"#);
    }
    let mut i = domain::tell::Interest::default();
    w.records.iter().for_each(|r| i.add(r));
    assert_eq!(i.rewards.values().next().expect("there").looks, 5);
}

#[test]
fn a_lower_certificate_takes_no_higher_one() {
    let t = "[ladder.sell.member]\nrank = 1\n[ladder.sell.expert]\nrank = 2\nenter = { certification = \"sales\", level = 301 }\n";
    let mut w = world(t, "2026-01-15T12:00:00Z");
    grant(&mut w, "ann", "301", "2026-01-15T12:00:00Z", "");
    w.at("2026-01-16T12:00:00Z");
    grant(&mut w, "ann", "101", "2026-01-16T12:00:00Z", "");
    assert_eq!(
        w.account("p").certified(&"sales".try_into().expect("there"), event::Level::of(301), w.now).expect("there"),
        1
    );
}

#[test]
fn a_course_that_a_cap_refused_trains() {
    let t = "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\ntrained = { course = [\"a\", \"b\"] }\n[earn.c]\non = \"course.completed\"\npoints = 1\nat_most = \"1 per partner per day\"\n";
    let mut w = world(t, "2026-01-05T12:00:00Z");
    course(&mut w, "a", "2026-01-05T12:00:00Z");
    course(&mut w, "b", "2026-01-05T12:00:00Z");
    assert!(onboarded(&w.programs, w.account("p"), w.now).expect("there").trained.is_some());
    sound(&w);
}

#[test]
fn who_is_back_signs_anew() {
    let t = "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\ntrained = { course = \"a\" }\n";
    let mut w = world(t, "2026-01-05T12:00:00Z");
    w.send("agreement.accepted", "p", "a1", "2026-01-05T12:00:00Z", r#"{"version":"1","person_id":"ann"}"#);
    w.at("2026-02-05T12:00:00Z");
    w.send("partner.offboarded", "p", "o", "2026-02-05T12:00:00Z", r#"{"reason":"x"}"#);
    w.at("2029-02-05T12:00:00Z");
    w.send(
        "partner.enrolled",
        "p",
        "b",
        "2029-02-05T12:00:00Z",
        r#"{"name":"P","motions":["sell"],"agreement_version":"2"}"#,
    );
    w.at("2029-02-08T12:00:00Z");
    course(&mut w, "a", "2029-02-08T12:00:00Z");
    let o = onboarded(&w.programs, w.account("p"), w.now).expect("there");
    assert_eq!(o.trained.expect("there").days, Some(3), "{o:?}");
}

/// A history that is known late, after its books have closed, tells the days that it took, and not when it was known.
#[test]
fn milestones_are_of_the_events_own_time() {
    let t = "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\ntrained = { course = \"a\" }\n";
    let mut w = world(t, "2026-01-05T12:00:00Z");
    w.at("2026-11-30T12:00:00Z");
    course(&mut w, "a", "2026-01-20T12:00:00Z");
    w.close("p", "d", "2026-05-10T12:00:00Z", "100");
    let o = onboarded(&w.programs, w.account("p"), w.now).expect("there");
    assert_eq!(o.trained.expect("trained").days, Some(15), "{o:?}");
    assert_eq!(o.productive.expect("productive").days, Some(125), "{o:?}");
    sound(&w);
}
