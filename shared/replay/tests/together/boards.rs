//! Leaderboards (M39): places with ties, in parts as in the whole, without who would not be seen.

use std::cmp::Reverse;

use domain::tell::{BOARD_VALUES_MAX, Board, Ranked, brought, open_periods, ranked};
use event::ids::PartnerId;
use laurel_replay::World;
use proptest::prelude::*;
use rust_decimal::Decimal;

const CHALLENGES: &str = r#"
[challenge.deals]
name = "Deals of the quarter"
metric = "deals"
per = "quarter"
[challenge.year]
name = "Points of the year"
metric = "points"
per = "year"
[earn.closed]
on = "deal.closed"
points = 7
"#;

fn id(n: usize) -> PartnerId {
    format!("p{n:05}").try_into().expect("a partner")
}

fn one(n: usize, value: i64) -> Ranked {
    Ranked { value: Reverse(value.into()), partner: id(n), name: String::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn a_board_in_parts_is_the_whole_one(values in proptest::collection::vec(1_i64..12, 0..60), shards in 1_usize..9, places in 1_usize..20) {
        let mut whole = Board::default();
        let mut parts = vec![Board::default(); shards];
        for (n, value) in values.iter().enumerate() {
            whole.add(one(n, *value), places);
            parts[n % shards].add(one(n, *value), places);
        }
        let mut merged = Board::default();
        for part in parts {
            // As it is kept and read.
            let text = serde_json::to_string(&part).expect("JSON");
            merged.merge(serde_json::from_str(&text).expect("a board"), places);
        }
        prop_assert_eq!(&merged, &whole);
        let naive = |value: i64| 1 + values.iter().filter(|other| **other > value).count() as u64;
        for (n, value) in values.iter().enumerate() {
            prop_assert_eq!(whole.place((*value).into()), Some(naive(*value)), "{}", n);
        }
        let mut sorted: Vec<(Reverse<i64>, usize)> = values.iter().enumerate().map(|(n, value)| (Reverse(*value), n)).collect();
        sorted.sort_unstable();
        let listed: Vec<(u64, PartnerId)> = whole.best().map(|(place, one)| (place, one.partner.clone())).collect();
        let wanted: Vec<(u64, PartnerId)> = sorted.iter().take(places).map(|(value, n)| (naive(value.0), id(*n))).collect();
        prop_assert_eq!(listed, wanted);
        prop_assert_eq!(whole.of(), values.len() as u64);
    }
}

/// Ten thousand partners with as many values: the item is bounded, and of who is far behind no place is made up.
#[test]
fn a_board_of_ten_thousand_is_bounded() {
    let mut parts = vec![Board::default(); 8];
    for n in 0..10_000 {
        // Most of what is small lies in one shard.
        let value = i64::try_from(n).expect("a number") + 1;
        parts[if n < 5_000 { 0 } else { n % 8 }].add(one(n, value), 10);
    }
    let mut whole = Board::default();
    for part in parts {
        assert!(serde_json::to_string(&part).expect("JSON").len() < 60_000);
        whole.merge(part, 10);
    }
    assert!(serde_json::to_string(&whole).expect("JSON").len() < 60_000);
    assert_eq!(whole.best().map(|(place, one)| (place, one.value.0)).next(), Some((1, Decimal::from(10_000))));
    let kept = i64::try_from(BOARD_VALUES_MAX).expect("a number");
    assert_eq!(whole.place(Decimal::from(10_000 - kept + 1)), Some(kept.unsigned_abs()));
    assert_eq!(whole.place(Decimal::from(10_000 - kept)), None, "told apart no more");
    assert_eq!(whole.place(Decimal::from(1)), None);
    assert_eq!(whole.of(), 10_000);
}

fn values(w: &World, challenge: &str) -> Vec<String> {
    let program = &w.programs.current(w.now).program;
    let challenge = &program.challenges[challenge];
    let mut told = Vec::new();
    for period in open_periods(&w.programs, challenge, w.now) {
        let mut board = Board::default();
        for (partner, account) in &w.accounts {
            let one =
                ranked(program, partner, account, (challenge.metric, &challenge.motion, period)).expect("measured");
            if let Some(one) = one {
                board.add(one, 10);
            }
        }
        let best: Vec<String> =
            board.best().map(|(place, one)| format!("{place} {} {}", one.partner, one.value.0)).collect();
        told.push(format!("{period}: {}", best.join(", ")));
    }
    told
}

fn enrol(w: &mut World, who: &str, more: &str) {
    let time = w.now.to_string();
    let data = format!(r#"{{"name":"{who}","motions":["sell"]{more}}}"#);
    w.send("partner.enrolled", who, &format!("{who}-{time}"), &time, &data);
}

/// Who leaves, is suspended or would not be seen is not listed; what is taken back counts no more; a period is counted until its books
/// have closed.
#[test]
fn who_is_listed_and_for_how_long() {
    let mut w = super::world_of(CHALLENGES, "2026-03-10T12:00:00Z", ["a", "b", "c"]);
    for (who, deal) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2"), ("c", "c1")] {
        w.close(who, deal, "2026-03-10T12:00:00Z", "1000");
    }
    assert_eq!(values(&w, "deals"), ["2026-Q1: 1 a 2, 1 b 2, 3 c 1"]);
    assert_eq!(values(&w, "year"), ["2026: 1 a 14, 1 b 14, 3 c 7"]);
    w.at("2026-04-02T12:00:00Z");
    w.send("deal.reversed", "a", "rev", "2026-04-02T12:00:00Z", r#"{"deal_id":"a1","reason":"r"}"#);
    enrol(&mut w, "b", r#","unlisted":true"#);
    assert_eq!(values(&w, "deals"), ["2026-Q2: ", "2026-Q1: 1 a 1, 1 c 1"], "the books of the first quarter are open");
    let (program, period) =
        (w.programs.current(w.now).program.clone(), "2026-Q1".to_owned().try_into().expect("a period"));
    let of = &program.challenges["deals"];
    let own = brought(&program, &w.accounts["b"], (of.metric, &of.motion, period));
    assert_eq!(own, Ok(Decimal::TWO), "who is not seen sees itself");
    w.at("2026-04-02T13:00:00Z");
    enrol(&mut w, "b", "");
    w.send("partner.suspended", "c", "sus", "2026-04-02T12:00:00Z", r#"{"reason":"r"}"#);
    assert_eq!(values(&w, "deals"), ["2026-Q2: ", "2026-Q1: 1 b 2, 2 a 1"]);
    w.send("partner.offboarded", "a", "off", "2026-04-02T12:00:00Z", r#"{"reason":"r"}"#);
    // They close on 11 April, on which day it is counted for the last time.
    w.at("2026-04-11T12:00:00Z").catch_up();
    assert_eq!(values(&w, "deals"), ["2026-Q2: ", "2026-Q1: 1 b 2"]);
    w.at("2026-04-12T12:00:00Z").catch_up();
    assert_eq!(values(&w, "deals"), ["2026-Q2: "]);
}
