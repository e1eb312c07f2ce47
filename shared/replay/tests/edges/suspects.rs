//! What looks like gaming is held with a reason until a person or time releases it, and never twice (M40).

use std::collections::BTreeMap;

use domain::ledger::Outcome::{Applied, Awarded, Refused};
use domain::ledger::{Asset, Bucket, Outcome, SUSPECTS_MAX, Suspect, packed};
use domain::tell::explain;
use laurel_replay::World;
use proptest::prelude::*;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/cms/*" = ["*"]
"/admin/*" = ["*"]
[earn.reading]
on = "content.viewed"
points = 2
hold_if = [{ more_than = "3 per person per minute" }, { more_than = "10 per partner per hour" }]
held_for = "14 days"
[earn.registration]
on = "deal.registered"
points = 50
hold_if = [{ less_than = "25% of registrations qualified", from = 4, within = "6 months" }]
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { points = 300, within = "1 year" }
keep = { points = 300, within = "1 year" }
grace = "1 quarter"
[policy]
expiry = "12 months after earning, at the end of the month"
"#;

fn world() -> World {
    let mut world = World::new(PROGRAM, "2026-05-04T12:00:00Z");
    world.enrol("p");
    world
}

fn view(w: &mut World, who: &str, what: &str, time: &str) -> Outcome {
    let data = format!(r#"{{"content_id":"{what}","person_id":"{who}"}}"#);
    w.at(time);
    w.send("content.viewed", "p", &format!("{who}-{what}"), time, &data)
}

fn says(w: &mut World, kind: &str, id: &str, of: Option<(&str, &str)>) -> Outcome {
    let of = of.map_or_else(String::new, |(source, id)| format!(r#""event_source":"{source}","event_id":"{id}","#));
    let data = format!(r#"{{{of}"by":"channel-manager","reason":"looked"}}"#);
    let time = w.now.to_string();
    // The catalogue's own source for staff.
    let body = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/admin/t","type":"{kind}","subject":"p","program":"test","time":"{time}","data":{data}}}"#
    );
    let event = w.parse(&body).expect("an event");
    w.judge(&[event])[0]
}

fn has(w: &World) -> (i64, i64) {
    let balance = w.accounts["p"].balance();
    (balance.available, balance.pending)
}

fn why(w: &World) -> String {
    let told = explain(w.last(), Some(&w.programs.current(w.now).program));
    told.rules.first().map(|rule| rule.sentence.clone()).unwrap_or_default()
}

#[test]
fn nobody_reads_so_fast() {
    let mut w = world();
    for n in 0..3 {
        assert_eq!(view(&mut w, "ann", &format!("c{n}"), &format!("2026-05-05T09:30:{:02}Z", n * 10)), Awarded);
    }
    assert_eq!(has(&w), (6, 0));
    assert_eq!(view(&mut w, "ann", "c3", "2026-05-05T09:30:40Z"), Awarded);
    assert_eq!(has(&w), (6, 2));
    assert_eq!(
        why(&w),
        "2 points, held at first, until 2026-05-19 or until somebody has looked at it: more than 3 per person per minute"
    );
    // Another person, and the next minute.
    view(&mut w, "bob", "c3", "2026-05-05T09:30:50Z");
    view(&mut w, "ann", "c4", "2026-05-05T09:31:00Z");
    assert_eq!(has(&w), (10, 2));
    // One that is late counts in its own minute.
    let late = r#"{"content_id":"c9","person_id":"ann"}"#;
    w.send("content.viewed", "p", "late", "2026-05-05T09:30:59Z", late);
    assert_eq!(has(&w), (10, 4));
    assert_eq!(says(&mut w, "award.released", "r1", Some(("/cms/test", "ann-c3"))), Applied);
    assert_eq!(has(&w), (12, 2));
    assert_eq!(says(&mut w, "award.released", "r2", Some(("/cms/test", "ann-c3"))), Refused, "once");
    assert_eq!(says(&mut w, "award.withdrawn", "r3", Some(("/cms/test", "ann-c3"))), Refused);
    assert_eq!(says(&mut w, "award.withdrawn", "r4", Some(("/cms/test", "late"))), Applied);
    assert_eq!(has(&w), (12, 0));
    assert_eq!(says(&mut w, "award.released", "r5", None), Refused, "nothing is held any more");
    assert_eq!(w.findings(), Vec::<String>::new());
}

#[test]
fn time_releases_what_nobody_looked_at() {
    let mut w = world();
    for n in 0..5 {
        view(&mut w, "ann", &format!("c{n}"), &format!("2026-05-05T09:30:{:02}Z", n * 10));
    }
    assert_eq!(has(&w), (6, 4));
    w.at("2026-05-18T23:00:00Z").catch_up();
    assert_eq!(has(&w), (6, 4));
    w.at("2026-05-19T00:00:01Z").catch_up();
    assert_eq!(has(&w), (10, 0));
    assert_eq!(says(&mut w, "award.withdrawn", "w", None), Refused, "time was first");
    assert_eq!(w.accounts["p"].profile.suspects, []);
    assert_eq!(w.findings(), Vec::<String>::new());
}

fn register(w: &mut World, n: usize, time: &str) -> Outcome {
    w.at(time);
    let data = format!(r#"{{"deal_id":"d{n}","opportunity_id":"o{n}","customer":"C"}}"#);
    w.send("deal.registered", "p", &format!("reg{n}"), time, &data)
}

#[test]
fn who_registers_and_never_qualifies_is_held_until_somebody_looks() {
    let mut w = world();
    for n in 0..3 {
        register(&mut w, n, &format!("2026-05-05T09:0{n}:00Z"));
    }
    assert_eq!(has(&w), (150, 0), "too few to tell");
    register(&mut w, 3, "2026-05-05T10:00:00Z");
    assert_eq!(has(&w), (150, 50));
    assert_eq!(
        why(&w),
        "50 points, held at first, until somebody has looked at it: less than 25% of registrations qualified within 6 months"
    );
    // It counts to no tier before it is released.
    register(&mut w, 4, "2026-05-06T10:00:00Z");
    register(&mut w, 5, "2026-05-06T11:00:00Z");
    assert_eq!((has(&w), w.tier("p")), ((150, 150), "member"));
    w.at("2026-05-07T09:00:00Z");
    let time = w.now.to_string();
    w.send("deal.qualified", "p", "q", &time, r#"{"deal_id":"d0"}"#);
    // One of seven is too little, two of eight are a quarter.
    register(&mut w, 6, "2026-05-08T10:00:00Z");
    assert_eq!(has(&w), (150, 200));
    w.at("2026-05-08T11:00:00Z");
    let time = w.now.to_string();
    w.send("deal.qualified", "p", "q1", &time, r#"{"deal_id":"d1"}"#);
    register(&mut w, 7, "2026-05-09T10:00:00Z");
    assert_eq!(has(&w), (200, 200));
    // Nobody looks for two years: it stays held. Then it lives as long as what comes back does.
    w.at("2028-05-09T10:00:00Z").catch_up();
    assert_eq!(has(&w), (0, 200), "what was available ran out");
    assert_eq!(says(&mut w, "award.withdrawn", "w", Some(("/crm/test", "reg6"))), Applied);
    assert_eq!(says(&mut w, "award.released", "r", None), Applied);
    assert_eq!(has(&w), (150, 0));
    let may = event::time::Month::of(jiff::civil::date(2028, 5, 1));
    let counted = w.accounts["p"].measured("sell", program::Measure::Points, may, may);
    assert_eq!(counted, Ok(150.into()), "from now on");
    w.at("2028-06-30T10:00:00Z").catch_up();
    assert_eq!(has(&w), (150, 0));
    w.at("2028-07-01T10:00:00Z").catch_up();
    assert_eq!(has(&w), (0, 0));
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// A debt is paid back by what is the partner's, and not by what may be taken back.
#[test]
fn what_is_held_pays_no_debt_before_it_is_released() {
    let program = PROGRAM.replace("[earn.registration]", "[earn.closed]\non = \"deal.closed\"\npoints = 20\n[reward.card]\nname = \"Card\"\npoints = 20\n[earn.registration]");
    let mut w = World::new(&program, "2026-05-04T12:00:00Z");
    w.enrol("p");
    w.load_stock("card", 1);
    w.close("p", "d", "2026-05-04T12:00:00Z", "1000");
    assert_eq!(w.redeem("p", "card", 1, "k"), Applied);
    w.step("p", "k", "ordering");
    w.step("p", "k", "fulfilled");
    w.at("2026-05-05T09:00:00Z");
    w.send("deal.reversed", "p", "rev", "2026-05-05T09:00:00Z", r#"{"deal_id":"d","reason":"r"}"#);
    assert_eq!(w.accounts["p"].balance().owed, 20);
    for n in 0..5 {
        view(&mut w, "ann", &format!("c{n}"), &format!("2026-05-05T09:30:{:02}Z", n * 10));
    }
    let balance = w.accounts["p"].balance();
    assert_eq!((balance.available, balance.pending, balance.owed), (0, 4, 14));
    assert_eq!(says(&mut w, "award.withdrawn", "w", Some(("/cms/test", "ann-c3"))), Applied);
    assert_eq!(says(&mut w, "award.released", "r", Some(("/cms/test", "ann-c4"))), Applied);
    let balance = w.accounts["p"].balance();
    assert_eq!((balance.available, balance.pending, balance.owed), (0, 0, 12));
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// A flood leaves the item bounded: once as much is held as may be, more gives nothing until somebody has looked.
#[test]
fn a_flood_is_held_in_a_bounded_item() {
    let mut w = world();
    for n in 0..400 {
        let (minute, second) = (n / 60, n % 60);
        view(&mut w, "ann", &format!("c{n}"), &format!("2026-05-05T09:{minute:02}:{second:02}Z"));
    }
    let account = &w.accounts["p"];
    let suspects = &account.profile.suspects;
    assert_eq!(suspects.len(), SUSPECTS_MAX);
    let held: i64 = suspects.iter().map(|one| one.points).sum();
    // Three in the first minute; then the minute, or the hour, has too many.
    assert_eq!((held, account.balance().available), (64, 6));
    assert_eq!(why(&w), "the cap \"32 awards held for their looks\" is used up (32 so far)");
    assert_eq!(says(&mut w, "award.withdrawn", "w", None), Applied);
    assert_eq!(has(&w), (6, 0));
    view(&mut w, "ann", "more", "2026-05-05T09:06:41Z");
    assert_eq!(has(&w), (6, 2));
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// On the day on which time releases a flood nothing is full any more, also where an event is the first to look.
#[test]
fn what_time_releases_makes_room_for_the_event_that_comes_then() {
    let mut w = world();
    for n in 0..60 {
        view(&mut w, "ann", &format!("c{n}"), &format!("2026-05-05T09:00:{n:02}Z"));
    }
    assert_eq!((w.accounts["p"].profile.suspects.len(), has(&w)), (SUSPECTS_MAX, (6, 64)));
    assert_eq!(view(&mut w, "ann", "then", "2026-05-19T09:00:00Z"), Awarded);
    assert_eq!(has(&w), (72, 0));
    assert_eq!(w.findings(), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    /// Minutes and hours are counted as they are, in whatever order what happened in them becomes known, and whether their day stands in the
    /// head or beside it.
    #[test]
    fn minutes_count_whether_their_day_is_in_the_head_or_beside_it(
        views in proptest::collection::vec((0_u8..4, 0_i64..4, 0_i64..5, 0_i64..4), 60..160),
        group in 1_usize..12,
    ) {
        let mut w = world();
        w.at("2026-05-09T12:00:00Z");
        let (mut minutes, mut hours) = (BTreeMap::new(), BTreeMap::<_, i64>::new());
        let mut held = 0;
        let mut ids = 0..;
        for views in views.chunks(group) {
            let mut events = Vec::new();
            let mut expected = Vec::new();
            for (who, day, hour, minute) in views {
                let at = format!("2026-05-0{}T{:02}:0{minute}:00Z", day + 5, hour + 9);
                let counts = |of: i64, most: i64| of >= most;
                let of_minute = minutes.entry((*who, *day, *hour, *minute)).or_insert(0_i64);
                let of_hour = hours.entry((*day, *hour)).or_default();
                let looks_bad = counts(*of_minute, 3) || counts(*of_hour, 10);
                if looks_bad && held == i64::try_from(SUSPECTS_MAX).expect("few") {
                    continue;
                }
                held += i64::from(looks_bad);
                (*of_minute, *of_hour) = (*of_minute + 1, *of_hour + 1);
                let id = ids.next().expect("a number");
                let data = format!(r#"{{"content_id":"c{id}","person_id":"person{who}"}}"#);
                events.push(w.event("content.viewed", "p", &format!("v{id}"), &at, &data));
                expected.push(looks_bad);
            }
            let before = w.records.len();
            w.judge(&events);
            let pending: Vec<bool> =
                w.records[before..].iter().map(|r| r.postings.iter().any(|p| matches!(p.to, Bucket::Pending { .. }))).collect();
            prop_assert_eq!(pending, expected);
        }
        let account = &w.accounts["p"];
        prop_assert!(account.head.days_left.is_some(), "so many do not fit the head");
        let head = packed::head(account);
        prop_assert!(serde_json::to_string(&head).expect("JSON").len() < packed::HEAD_BYTES_MAX + 200);
        prop_assert_eq!(w.findings(), Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    /// Whatever is seen, released, withdrawn and waited for: each award is counted once, and what is told of is what is held.
    #[test]
    fn nothing_is_released_twice_or_lost(steps in proptest::collection::vec((0_u8..6, 0_u8..40, 1_i64..200_000), 1..60)) {
        let mut w = world();
        let (mut views, mut withdrawn, mut refused) = (0_i64, 0_i64, 0_i64);
        for (nth, (what, which, later)) in steps.into_iter().enumerate() {
            w.now += jiff::SignedDuration::from_secs(if what < 4 { later % 30 } else { later });
            let time = w.now.to_string();
            match what {
                0..=3 => {
                    let data = format!(r#"{{"content_id":"c{nth}","person_id":"ann"}}"#);
                    refused += i64::from(w.send("content.viewed", "p", &format!("v{views}"), &time, &data) == Refused);
                    views += 1;
                }
                kind => {
                    let of = format!("v{}", i64::from(which) % views.max(1));
                    let of = (which < 36).then_some(("/cms/test", of.as_str()));
                    let before = w.accounts["p"].balance().total();
                    let kind = if kind == 4 { "award.released" } else { "award.withdrawn" };
                    let outcome = says(&mut w, kind, &format!("s{nth}"), of);
                    let lost = before - w.accounts["p"].balance().total();
                    prop_assert!(lost >= 0 && (kind == "award.withdrawn" || lost == 0));
                    prop_assert_eq!(lost > 0, kind == "award.withdrawn" && outcome == Applied);
                    withdrawn += lost;
                }
            }
            w.catch_up();
            let account = &w.accounts["p"];
            prop_assert_eq!(account.balance().total(), 2 * (views - refused) - withdrawn);
            let held: i64 = account.profile.suspects.iter().map(|one: &Suspect| one.points).sum();
            prop_assert_eq!(held, account.head.funds(Asset::Points).pending);
        }
        prop_assert_eq!(w.findings(), Vec::<String>::new());
    }
}
