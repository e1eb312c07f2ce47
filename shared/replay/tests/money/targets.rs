//! Targets, and what multiplies by how far they are attained (M09).

use domain::ledger::Outcome::{self, Awarded, NoRule};
use domain::ledger::Reason;
use domain::tell::{explain, targets};
use laurel_replay::World;

use super::USD;

/// A fiscal year from July on; dollars by how far the year's target is attained, points by how far the quarter's is.
const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
fiscal_year_starts = "07-01"
rates = { EUR = "2" }
[sources]
"/crm/*" = ["*"]
[commission.c]
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.8" }, { from = "50%", by = "1" }, { from = "100%", by = "1.25" }] }]
[earn.closed]
on = "deal.closed"
points = 100
times = [{ attainment = "deals", per = "quarter", motion = "service", bands = [{ from = "150%", by = "2" }] }]
"#;

fn world() -> World {
    let mut world = World::new(PROGRAM, "2026-03-02T15:00:00Z");
    world.enrol("p");
    world
}

fn set(world: &mut World, id: &str, (motion, measure, period): (&str, &str, &str), value: &str) -> Outcome {
    let data = format!(r#"{{"motion":"{motion}","measure":"{measure}","period":"{period}","value":{value}}}"#);
    world.send("target.set", "p", id, "2026-03-01T00:00:00Z", &data)
}

/// Closes a deal of so much now; what it paid.
fn close(world: &mut World, deal: &str, amount: &str) -> String {
    let time = world.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{{"amount":"{amount}","currency":"USD"}}}}"#);
    let before = world.account("p").head.balance(USD).available;
    assert_eq!(world.send("deal.closed", "p", &format!("{deal}-closed"), &time, &data), Awarded);
    USD.amount(world.account("p").head.balance(USD).available - before)
}

/// What the explanation says of the commission.
fn told(world: &World) -> String {
    let rules = explain(world.last(), Some(&world.programs.all()[0].program)).rules;
    rules.into_iter().find(|rule| rule.rule.as_str() == "commission.c").expect("it was tried").sentence
}

/// M09: each band from its own edge on, the deal itself counted; without a target nothing multiplies.
#[test]
fn m09_accelerators_and_decelerators_by_attainment() {
    let mut w = world();
    assert_eq!(close(&mut w, "none", "1000"), "100.00");
    set(&mut w, "t", ("sell", "acv", "2025"), r#""10000""#);
    assert_eq!(close(&mut w, "a", "3999.99"), "320.00", "49.9999 %");
    assert_eq!(
        told(&w),
        "320.00 USD: 10% of 3999.99 USD first-year value, 0.8 times for 49.9% of the acv target of 2025"
    );
    assert_eq!(close(&mut w, "b", "0.01"), "0.00", "exactly half");
    assert_eq!(close(&mut w, "c", "4999.99"), "500.00", "99.9999 %");
    assert_eq!(close(&mut w, "d", "0.01"), "0.00");
    assert_eq!(close(&mut w, "e", "1000"), "125.00", "110 %");
    // Another year has another target, or none.
    w.at("2026-07-01T00:00:00Z");
    assert_eq!(close(&mut w, "f", "1000"), "100.00");
    // What was decided then stays: the deal is corrected at the factor that it was paid at.
    let data = r#"{"deal_id":"e","reason":"x","amount":{"amount":"500","currency":"USD"}}"#;
    assert_eq!(w.send("deal.reversed", "p", "half", "2026-07-01T00:00:00Z", data), NoRule);
    assert_eq!(told(&w), "the deal's award is worth 62.50 USD now; -62.50 USD");
}

/// Of a motion, a measure and a quarter: what another has attained is none of it.
#[test]
fn m09_a_target_is_of_its_own_motion_and_period() {
    let mut w = world();
    set(&mut w, "q3", ("service", "deals", "2025-Q3"), "2");
    let won = |w: &mut World, deal: &str, motion: &str| {
        let before = w.account("p").balance().available;
        let time = w.now.to_string();
        let acv = r#"{"amount":"1","currency":"USD"}"#;
        let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","motion":"{motion}","acv":{acv}}}"#);
        assert_eq!(w.send("deal.closed", "p", deal, &time, &data), Awarded);
        w.account("p").balance().available - before
    };
    let given = [("a", "service"), ("b", "service"), ("c", "sell"), ("d", "service")].map(|(d, m)| won(&mut w, d, m));
    assert_eq!(given, [100, 100, 100, 200]);
    w.at("2026-04-01T00:00:00Z");
    assert_eq!(won(&mut w, "e", "service"), 100);
}

/// A target is that of the latest event by its own time; the last of many are kept.
#[test]
fn targets_are_facts() {
    let mut w = world();
    let send = |w: &mut World, id: &str, time: &str, period: &str, value: &str| {
        let data = format!(r#"{{"motion":"sell","measure":"acv","period":"{period}","value":"{value}"}}"#);
        w.send("target.set", "p", id, time, &data)
    };
    send(&mut w, "b", "2026-02-02T00:00:00Z", "2025", "2000");
    assert_eq!(send(&mut w, "a", "2026-02-01T00:00:00Z", "2025", "1000"), NoRule);
    assert_eq!(w.last().reason, Some(Reason::Superseded));
    close(&mut w, "d", "1234.50");
    let shown = targets(&w.programs, w.account("p"), w.now).expect("what it measures is there");
    let [one] = shown.as_slice() else { panic!("{shown:?}") };
    let shown = serde_json::to_value(one).expect("JSON");
    let expected = serde_json::json!({
        "motion": "sell", "measure": "acv", "period": "2025", "from": "2025-07-01", "to": "2026-06-30",
        "seen": "1234.5", "target": "2000", "percent": "61.7",
    });
    assert_eq!(shown, expected);
    // What is to come waits for those that are over to be forgotten: none that counts still is.
    let kept = |w: &World| -> Vec<String> {
        w.account("p").profile.targets.keys().map(|key| key.period.to_string()).collect()
    };
    for year in 2030..2157 {
        assert_eq!(send(&mut w, &format!("y{year}"), "2026-02-03T00:00:00Z", &year.to_string(), "1"), NoRule);
    }
    assert_eq!(send(&mut w, "more", "2026-02-03T00:00:00Z", "2157", "1"), Outcome::Refused);
    assert_eq!(w.last().reason, Some(Reason::TargetsMany));
    assert_eq!(send(&mut w, "again", "2026-02-04T00:00:00Z", "2156", "2"), NoRule, "it is there");
    assert_eq!((kept(&w).len(), kept(&w)[0].as_str(), kept(&w)[127].as_str()), (128, "2025", "2156"));
    // The books of the fiscal year 2025 have closed whenever it began.
    w.at("2027-02-28T00:00:00Z");
    assert_eq!(send(&mut w, "early", "2027-02-28T00:00:00Z", "2157", "1"), Outcome::Refused);
    w.at("2027-03-01T12:00:00Z");
    assert_eq!(send(&mut w, "later", "2027-03-01T00:00:00Z", "2157", "1"), NoRule);
    assert_eq!((kept(&w).len(), kept(&w)[0].as_str(), kept(&w)[127].as_str()), (128, "2030", "2157"));
}

/// What is no target is rejected, and says what would be one.
#[test]
fn what_is_no_target_is_rejected() {
    let mut w = world();
    assert_eq!(set(&mut w, "t", ("sell", "acw", "2025"), "1"), Outcome::Rejected);
    assert_eq!(set(&mut w, "t", ("sel", "acv", "2025"), "1"), Outcome::Rejected, "a motion that nothing is in");
    let parse = |period: &str, value: &str| {
        let data = format!(r#"{{"motion":"sell","measure":"acv","period":"{period}","value":{value}}}"#);
        let json = event::json::Json::parse(&data).expect("JSON");
        event::Kind::read("target.set", &json).map(|_| ()).map_err(|rejection| rejection.message)
    };
    assert_eq!(parse("2025", "1"), Ok(()));
    assert_eq!(parse("2025-Q4", r#""0.5""#), Ok(()));
    for (period, value, said) in [
        ("FY25", "1", "write \"2026\", \"2026-Q3\" or \"2026-03\""),
        ("2025", "0", "a number above zero"),
        ("2025", "-1", "a number above zero"),
        ("2025", "true", "a number above zero"),
        ("2025", r#""12,5""#, "a number above zero"),
        ("2025", r#"{"amount":"1","currency":"USD"}"#, "a number above zero"),
    ] {
        let message = parse(period, value).expect_err("no target");
        assert!(message.contains(said), "{period} {value}: {message}");
    }
}
