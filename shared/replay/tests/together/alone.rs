//! Exclusivity at its edges: what is said late, again, before and after leaving (M23, I13, I24).

use domain::ledger::Outcome::{self, NoRule, Refused};
use domain::ledger::{Membership, Reason};
use domain::tell::explain;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use laurel_replay::World;

use super::{assert_sound, publish, usd};

const KEEP: &str = r#"
[exclusivity]
keep = { acv = "500", within = "1 quarter" }
review = "quarterly"
first_review = "1 quarter"
grace = "1 quarter"
"#;

fn world_of(tables: &str) -> World {
    super::world_of(tables, "2026-01-05T12:00:00Z", ["p", "q"])
}

fn say(w: &mut World, partner: &str, kind: &str, id: &str, time: &str, more: &str) -> (Outcome, String) {
    let data = format!(r#"{{"territory":"US-NY"{more}}}"#);
    let outcome = w.send(&format!("exclusivity.{kind}"), partner, id, time, &data);
    (outcome, explain(w.last(), None).sentence.replace("territory US-NY: ", ""))
}

fn has(w: &World, partner: &str) -> bool {
    !w.account(partner).profile.exclusive.is_empty()
}

fn until(w: &World, partner: &str) -> Option<String> {
    w.account(partner).profile.exclusive.values().next().map(|h| format!("{:?} since {}", h.until, h.since))
}

fn looks(w: &World) -> Vec<String> {
    let looks = w.records.iter().filter(|record| record.kind == "exclusivity.reviewed");
    looks
        .map(|record| {
            format!(
                "{} {} {}",
                record.partner,
                record.on,
                explain(record, None).sentence.replace("territory US-NY: ", "")
            )
        })
        .collect()
}

fn to(w: &mut World, now: &str) {
    w.at(now).catch_up();
}

/// What ends it ends it, also where that becomes known only after the day.
#[test]
fn an_end_that_is_known_after_its_day_ends_it() {
    let run = |judged: &str| {
        let mut w = world_of("");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", r#","until":"2029-01-01T00:00:00Z""#);
        w.at(judged);
        let said = say(&mut w, "p", "granted", "g2", "2026-02-01T12:00:00Z", r#","until":"2026-02-03T00:00:00Z""#);
        to(&mut w, "2026-02-10T12:00:00Z");
        assert_sound(&w);
        (has(&w, "p"), said)
    };
    let (timely, late) = (run("2026-02-01T12:00:00Z"), run("2026-02-04T12:00:00Z"));
    assert_eq!(timely.0, late.0, "timely {timely:?}, late {late:?}");
}

/// What was said last by its own time holds, whatever is known first (I24).
#[test]
fn the_order_of_sayings_does_not_matter() {
    let says = [
        ("granted", "g1", "2026-01-06T00:00:00Z", r#","until":"2028-01-01T00:00:00Z""#),
        ("granted", "g2", "2026-01-07T00:00:00Z", r#","until":"2029-01-01T00:00:00Z""#),
        ("ended", "e3", "2026-01-08T00:00:00Z", ""),
    ];
    let mut ends = std::collections::BTreeMap::<String, Vec<String>>::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut w = world_of("");
        w.at("2026-01-09T00:00:00Z");
        for at in order {
            let (kind, id, time, more) = says[at];
            say(&mut w, "p", kind, id, time, more);
        }
        assert_sound(&w);
        ends.entry(format!("{:?}", until(&w, "p"))).or_default().push(order.map(|at| says[at].1).join(" "));
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
}

/// Whoever comes next is not kept out by what is older than the end.
#[test]
fn an_older_grant_does_not_bring_back_what_was_ended() {
    let mut w = world_of("");
    say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
    w.at("2026-01-09T00:00:00Z");
    say(&mut w, "p", "ended", "e3", "2026-01-08T00:00:00Z", "");
    let late = say(&mut w, "p", "granted", "g2", "2026-01-07T00:00:00Z", "");
    let q = say(&mut w, "q", "granted", "q", "2026-01-09T00:00:00Z", "");
    assert_eq!((late.0, q.0), (Refused, NoRule), "late {late:?} q {q:?}");
}

fn left_and_back(w: &World, end: &str) -> [event::Event; 2] {
    [
        w.event("partner.offboarded", "p", "left", "2026-01-06T12:00:00Z", r#"{"reason":"r"}"#),
        w.event("partner.enrolled", "p", "back", end, r#"{"name":"Test Partner","motions":["sell"]}"#),
    ]
}

/// Leaving ends it, also where the partner is back before anybody looked.
#[test]
fn who_left_and_is_back_in_one_breath_has_nothing_alone() {
    let run = |together: bool| {
        let mut w = world_of("");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        w.at("2026-01-06T13:00:00Z");
        let [left, back] = left_and_back(&w, "2026-01-06T12:30:00Z");
        // As the function does for a group of one partner's: one decision; the errand is judged afterwards.
        if together {
            w.decide_for(&"p".try_into().expect("p"), &[left, back]);
            to(&mut w, "2026-01-06T14:00:00Z");
        } else {
            w.judge(&[left]);
            w.judge(&[back]);
        }
        assert_sound(&w);
        (has(&w, "p"), looks(&w))
    };
    let (apart, together) = (run(false), run(true));
    assert_eq!(apart.0, together.0, "apart {apart:?} together {together:?}");
}

/// Leaving ends it, also where the return is known first.
#[test]
fn leaving_that_is_known_late_ends_it() {
    let run = |flip: bool| {
        let mut w = world_of("");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        w.at("2026-01-06T13:00:00Z");
        let mut both = left_and_back(&w, "2026-01-06T12:30:00Z");
        if flip {
            both.reverse();
        }
        for one in both {
            w.judge(&[one]);
        }
        assert_sound(&w);
        has(&w, "p")
    };
    assert_eq!(run(false), run(true), "in order / flipped");
}

/// A rule that gives points for a grant takes nothing from what is told of it.
#[test]
fn a_rule_that_gives_points_for_it_hides_nothing() {
    let rule = "[earn.excl]\non = \"exclusivity.granted\"\npoints = 10\n[earn.excl-end]\non = \"exclusivity.ended\"\npoints = 10\n";
    let mut w = world_of(rule);
    let g = say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
    let granted = w.last().clone();
    w.at("2026-01-06T12:00:00Z");
    let e = say(&mut w, "p", "ended", "e1", "2026-01-06T12:00:00Z", "");
    let ended = w.last().clone();
    assert_sound(&w);
    assert!(
        matches!(granted.reason, Some(Reason::Exclusive { .. })) && matches!(ended.reason, Some(Reason::ExclusiveOver)),
        "granted {g:?} {:?}, ended {e:?} {:?}",
        granted.reason,
        ended.reason
    );
}

/// Another version may review it sooner: it is looked at each quarter.
#[test]
fn a_version_that_reviews_sooner_is_noticed() {
    let mut w = world_of(&KEEP.replace("first_review = \"1 quarter\"", "first_review = \"10 years\""));
    say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
    publish(&mut w, KEEP, "2026-03-01T00:00:00Z");
    for day in ["2026-07-12", "2026-10-12", "2027-01-12", "2027-04-12", "2028-01-12", "2030-01-12"] {
        to(&mut w, &format!("{day}T12:00:00Z"));
    }
    assert!(!has(&w, "p"), "sold nothing, four years after; {:?} {:?}", looks(&w), w.account("p").profile.exclusive);
}

/// It is reviewed by the time of its grant, whenever that becomes known.
#[test]
fn a_grant_that_is_known_late_is_reviewed_on_time() {
    let run = |judged: &str| {
        let mut w = world_of(&format!("{KEEP}lasts = \"3 years\"\n"));
        w.at(judged);
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        for day in ["2026-07-12", "2026-10-12", "2027-01-12"] {
            to(&mut w, &format!("{day}T12:00:00Z"));
        }
        (until(&w, "p"), looks(&w))
    };
    assert_eq!(run("2026-01-05T12:00:00Z"), run("2026-04-20T12:00:00Z"));
}

/// What ends it ends it, also where that becomes known only after the day.
#[test]
fn an_older_grant_does_not_bring_back_what_is_over() {
    let run = |late: bool| {
        let mut w = world_of("");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        w.at("2026-01-08T00:00:00Z");
        let older =
            |w: &mut World| say(w, "p", "granted", "g2", "2026-01-06T00:00:00Z", r#","until":"2030-01-01T00:00:00Z""#);
        if !late {
            older(&mut w);
        }
        say(&mut w, "p", "granted", "g3", "2026-01-07T00:00:00Z", r#","until":"2026-01-10T00:00:00Z""#);
        to(&mut w, "2026-01-11T00:00:00Z");
        if late {
            older(&mut w);
        }
        until(&w, "p")
    };
    assert_eq!(run(false), run(true));
}

// ---- second batch ----

/// What ends it ends it, also where that becomes known only after the day.
#[test]
fn a_grant_of_before_it_left_is_over() {
    let run = |late: bool| {
        let mut w = world_of("");
        w.at("2026-01-06T13:00:00Z");
        let grant = |w: &mut World| say(w, "p", "granted", "g", "2026-01-06T11:00:00Z", "");
        if !late {
            grant(&mut w);
        }
        for one in left_and_back(&w, "2026-01-06T12:30:00Z") {
            w.judge(&[one]);
        }
        if late {
            grant(&mut w);
        }
        assert_sound(&w);
        has(&w, "p")
    };
    assert_eq!(run(false), run(true), "in order / late");
}

/// What ends it ends it, also where that becomes known only after the day.
#[test]
fn what_is_said_again_puts_no_review_off() {
    let mut w = world_of(&KEEP.replace("grace = \"1 quarter\"\n", ""));
    say(&mut w, "p", "granted", "g", "2026-01-05T12:00:00Z", "");
    w.at("2026-07-11T00:00:05Z");
    let time = w.now.to_string();
    say(&mut w, "p", "granted", "again", &time, r#","until":"2029-01-01T00:00:00Z""#);
    w.catch_up();
    assert!(!has(&w, "p"), "the books closed on this day, and nothing was sold: {:?}", looks(&w));
}

/// One errand for a day, however often the same is said; what waits after the end is moot.
#[test]
fn it_is_looked_at_once_however_often_it_is_said() {
    let mut w = world_of(&KEEP.replace("first_review = \"1 quarter\"", "first_review = \"100 years\""));
    for n in 0..50 {
        say(&mut w, "p", "granted", &format!("g{n}"), &format!("2026-01-05T12:00:{n:02}Z"), "");
    }
    say(&mut w, "p", "ended", "e", "2026-01-05T12:01:00Z", "");
    assert_sound(&w);
    assert!(w.outbox.len() <= 1, "{} wait until {:?}", w.outbox.len(), w.outbox.last().map(|sent| sent.due));
}

/// Random histories: never do two have it, never is it longer than its day, never whoever left; it is always looked at again.
#[test]
fn whatever_happens_it_is_one_partners_and_looked_at() {
    let mut seed = 7u64;
    let mut next = move |n: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((seed >> 33) % u64::from(n)).expect("below n")
    };
    let hours = |hours: i64| SignedDuration::from_hours(hours);
    let other = "[exclusivity]\nlasts = \"1 month\"\nfirst_review = \"1 week\"\nreview = \"monthly\"\nkeep = { deals = 1, within = \"1 month\" }\n";
    for round in 0..150 {
        let mut w = world_of(KEEP);
        for step in 0..60 {
            w.now += hours(6 * i64::from(next(60)));
            let time = (w.now - hours(i64::from(next(100)))).to_string();
            let until = (w.now + hours(24 * (i64::from(next(200)) - 10))).to_string();
            let partner = if next(2) == 0 { "p" } else { "q" };
            let of = match next(3) {
                0 => r#"{"territory":"A""#,
                1 => r#"{"territory":"B""#,
                _ => r#"{"vertical":"A""#,
            };
            let (kind, data) = match next(12) {
                0..=3 => ("exclusivity.granted", format!("{of}}}")),
                4..=5 => ("exclusivity.granted", format!(r#"{of},"until":"{until}"}}"#)),
                6 => ("exclusivity.ended", format!("{of}}}")),
                7 => ("deal.closed", format!(r#"{{"deal_id":"d{step}","outcome":"won",{}}}"#, usd("acv", "400"))),
                8 => ("partner.offboarded", r#"{"reason":"r"}"#.to_owned()),
                9 => ("partner.enrolled", r#"{"name":"T","motions":["sell"]}"#.to_owned()),
                10 => {
                    let tables = ["", KEEP, other][usize::try_from(next(3)).expect("small")];
                    let now = w.now.to_string();
                    publish(&mut w, tables, &now);
                    continue;
                }
                _ => {
                    w.catch_up();
                    continue;
                }
            };
            w.send(kind, partner, &format!("x{step}"), &time, &data);
        }
        w.catch_up();
        assert_sound(&w);
        let today = w.now.to_zoned(TimeZone::UTC).date();
        let [p, q] = ["p", "q"].map(|partner| w.account(partner));
        assert!(p.profile.exclusive.keys().all(|of| !q.profile.exclusive.contains_key(of)), "round {round}");
        for account in [p, q] {
            for held in account.profile.exclusive.values() {
                assert!(held.until.is_none_or(|until| until > today), "round {round}: {held:?} on {today}");
                assert!(held.look > today, "round {round}: no look to come, {held:?} on {today}");
            }
            let left = account.head.membership() == Membership::Offboarded;
            assert!(!left || account.profile.exclusive.is_empty(), "round {round}: it left, and has {today}");
        }
    }
}

/// A look between two reviews takes no warning away: who falls short year after year loses it at the second review.
#[test]
fn a_look_at_which_nothing_is_reviewed_keeps_the_warning() {
    let mut w = world_of(&KEEP.replace("review = \"quarterly\"", "review = \"annually\""));
    say(&mut w, "p", "granted", "g", "2026-01-05T12:00:00Z", "");
    to(&mut w, "2027-01-12T12:00:00Z");
    let warned = |w: &World| w.account("p").profile.exclusive.values().next().and_then(|held| held.warned);
    let day = warned(&w).expect("nothing was sold: it is warned");
    to(&mut w, "2027-04-12T12:00:00Z");
    assert!(
        looks(&w).last().is_some_and(|look| look.ends_with("no review of it was due: it stays the partner's alone"))
    );
    assert_eq!(warned(&w), Some(day));
    to(&mut w, "2028-01-12T12:00:00Z");
    assert!(!has(&w, "p"), "{:?}", looks(&w));
    assert_sound(&w);
}

/// Whatever the settings: who sells nothing loses it, after a warning where there is a grace; who sells enough each month keeps it.
#[test]
fn who_falls_short_loses_it_and_who_does_not_keeps_it() {
    for review in ["monthly", "quarterly", "annually"] {
        for grace in ["", "grace = \"1 month\"\n", "grace = \"1 year\"\n"] {
            for first in ["1 month", "1 quarter", "2 years"] {
                let settings = format!(
                    "[exclusivity]\nkeep = {{ acv = \"500\", within = \"1 quarter\" }}\nreview = \"{review}\"\nfirst_review = \"{first}\"\n{grace}"
                );
                let mut w = world_of(&settings);
                for (partner, of) in [("p", "A"), ("q", "B")] {
                    let data = format!(r#"{{"territory":"{of}"}}"#);
                    w.send("exclusivity.granted", partner, of, "2026-01-05T12:00:00Z", &data);
                }
                for month in 1..=72 {
                    let time = format!("{}-{:02}-15T12:00:00Z", 2026 + month / 12, month % 12 + 1);
                    to(&mut w, &time);
                    w.close("q", &format!("d{month}"), &time, "500");
                }
                let warned = looks(&w).iter().any(|look| look.starts_with('p') && look.contains("it is lost at"));
                assert!(!has(&w, "p") && warned != grace.is_empty(), "{settings}{:?}", looks(&w));
                assert!(has(&w, "q"), "{settings}{:?}", looks(&w));
                assert_sound(&w);
            }
        }
    }
}

fn zone(w_tables: &str, zone: &str) -> String {
    [
        super::HEAD.replace("currency = \"USD\"", &format!("currency = \"USD\"\ntime_zone = \"{zone}\"")).as_str(),
        w_tables,
    ]
    .concat()
}

/// Moved to a zone further west, it still ends on its day.
#[test]
fn a_time_zone_further_west_ends_it_too() {
    let mut w = World::new(&zone("", "Asia/Tokyo"), "2026-01-05T12:00:00Z");
    w.enrol("p");
    say(&mut w, "p", "granted", "g", "2026-01-05T12:00:00Z", r#","until":"2026-03-01T00:00:00+09:00""#);
    w.publish(&zone("", "America/New_York"), "2026-02-01T00:00:00Z");
    for day in [
        "2026-02-28T15:30:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-05T12:00:00Z",
        "2027-03-05T12:00:00Z",
        "2028-03-05T12:00:00Z",
    ] {
        to(&mut w, day);
    }
    assert!(!has(&w, "p"), "{:?} {:?} {}", looks(&w), w.account("p").profile.exclusive, w.outbox.len());
}

/// The same of a review.
#[test]
fn a_time_zone_further_west_reviews_it_too() {
    let mut w = World::new(&zone(KEEP, "Asia/Tokyo"), "2026-01-05T12:00:00Z");
    w.enrol("p");
    say(&mut w, "p", "granted", "g", "2026-01-05T12:00:00Z", "");
    w.publish(&zone(KEEP, "America/New_York"), "2026-05-01T00:00:00Z");
    for month in 1..=48 {
        for day in ["09", "10", "11", "12"] {
            for hour in ["15:30", "20:00"] {
                to(&mut w, &format!("{}-{:02}-{day}T{hour}:00Z", 2026 + month / 12, month % 12 + 1));
            }
        }
    }
    assert!(!has(&w, "p"), "{:?} {:?} {}", looks(&w), w.account("p").profile.exclusive, w.outbox.len());
}

/// Who left and is back must earn it anew, in one decision or in three.
#[test]
fn who_left_and_is_back_earns_it_anew_however_grouped() {
    let run = |together: bool| {
        let mut w = world_of("[exclusivity]\nearn = { acv = \"1000\", within = \"1 quarter\" }\n");
        w.close("p", "d", "2026-01-05T12:00:00Z", "1000");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        w.at("2027-01-06T13:00:00Z").catch_up();
        let left = w.event("partner.offboarded", "p", "left", "2027-01-06T12:00:00Z", r#"{"reason":"r"}"#);
        let back = w.event(
            "partner.enrolled",
            "p",
            "back",
            "2027-01-06T12:30:00Z",
            r#"{"name":"Test Partner","motions":["sell"]}"#,
        );
        let again = w.event("exclusivity.granted", "p", "again", "2027-01-06T12:45:00Z", r#"{"territory":"US-NY"}"#);
        if together {
            w.decide_for(&"p".try_into().expect("p"), &[left, back, again]);
            to(&mut w, "2027-01-06T14:00:00Z");
        } else {
            w.judge(&[left]);
            w.judge(&[back]);
            w.judge(&[again]);
        }
        assert_sound(&w);
        (has(&w, "p"), until(&w, "p"))
    };
    assert_eq!(run(false), run(true), "apart / together");
}

/// A grant of before the loss does not bring it back.
#[test]
fn a_grant_of_before_the_loss_does_not_bring_it_back() {
    let run = |late: bool| {
        let mut w = world_of(&KEEP.replace("grace = \"1 quarter\"\n", ""));
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        w.at("2026-07-02T00:00:00Z");
        let again =
            |w: &mut World| say(w, "p", "granted", "g2", "2026-07-01T00:00:00Z", r#","until":"2029-01-01T00:00:00Z""#);
        if !late {
            again(&mut w);
        }
        to(&mut w, "2026-07-12T00:00:00Z");
        if late {
            again(&mut w);
        }
        assert_sound(&w);
        (has(&w, "p"), looks(&w))
    };
    assert_eq!(run(false), run(true), "in time / late");
}

/// What is not reviewed is not reviewed: the first review comes when the settings say so.
#[test]
fn settings_that_come_later_have_their_first_review() {
    let run = |published: &str| {
        let mut w = world_of("");
        say(&mut w, "p", "granted", "g1", "2026-01-05T12:00:00Z", "");
        for day in ["2026-04-12", "2026-07-12", "2026-10-12"] {
            if published < day && w.programs.all().len() == 1 {
                publish(
                    &mut w,
                    &KEEP
                        .replace("grace = \"1 quarter\"\n", "")
                        .replace("first_review = \"1 quarter\"", "first_review = \"2 years\""),
                    &format!("{published}T00:00:00Z"),
                );
            }
            to(&mut w, &format!("{day}T00:00:00Z"));
        }
        to(&mut w, "2027-04-12T00:00:00Z");
        assert_sound(&w);
        (has(&w, "p"), looks(&w))
    };
    assert_eq!(run("2026-02-01").0, run("2026-09-01").0, "{:?}\n{:?}", run("2026-02-01"), run("2026-09-01"));
}

/// Granted after it is back, known before it is known that it left: as if all came in order, in one decision or in two.
#[test]
fn granted_after_it_is_back_and_known_first() {
    let run = |together: bool| {
        let mut w = world_of("");
        w.at("2026-01-06T13:00:00Z");
        say(&mut w, "p", "granted", "g", "2026-01-06T12:45:00Z", "");
        let [left, back] = left_and_back(&w, "2026-01-06T12:30:00Z");
        if together {
            w.decide_for(&"p".try_into().expect("p"), &[left, back]);
            w.catch_up();
        } else {
            w.judge(&[left]);
            w.judge(&[back]);
        }
        assert_sound(&w);
        (has(&w, "p"), looks(&w))
    };
    assert_eq!(run(false).0, run(true).0, "apart / together");
}
