//! What is stated of partners, and what goes by it: commissions, points, tiers (M47).

use domain::decide::Judgement;
use domain::ledger::Outcome::{Awarded, NoRule};
use domain::ledger::Record;
use domain::tell::{explain, scoreboards};
use domain::tier::Progress;
use laurel_replay::World;

use super::{USD, money, of, program};

/// Referral partners are paid less than resellers; whoever has many employees earns points; OEM partners stand on a ladder of their own.
const PROGRAM: &str = r#"
[facts]
type = "one of referral, reseller, OEM"
vertical = "text"
employees = "number"

[commission.referral]
if = { partner.type = "referral" }
rate = "5%"

[commission.of_resellers]
if = { acv = ">= 1000", partner.type = "one of reseller, OEM" }
rate = { by = "partner.type", table = { reseller = "10%", OEM = "2%" } }

[earn.size]
on = "deal.closed"
if = { outcome = "won", "partner.territory" = "!= US-CA" }
points = { by = "partner.employees", bands = [{ from = "100", points = 10 }, { from = "1000", points = 50 }] }

[earn.health]
on = "course.completed"
if = { partner.vertical = "healthcare" }
points = 7

[ladder.sell.member]
rank = 1
[ladder.sell.oem]
rank = 2
enter = { all = [{ partner.type = "OEM" }, { deals = 1, within = "1 year" }] }
keep = { partner.type = "OEM" }
review = "quarterly"
first_review = "1 quarter"
grace = "1 quarter"
"#;

fn world() -> World {
    World::new(
        &program("1.10", PROGRAM).replace("\"/crm/*\"", "\"/lms/*\" = [\"*\"]\n\"/crm/*\""),
        "2026-03-02T15:00:00Z",
    )
}

fn state(w: &mut World, id: &str, facts: &str) {
    let time = w.now.to_string();
    let data = format!(r#"{{"name":"P","motions":["sell"],"territory":"US-NY","facts":{facts}}}"#);
    w.send("partner.enrolled", "p", id, &time, &data);
}

fn close(w: &mut World, deal: &str, amount: &str) -> domain::ledger::Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{}}}"#, money(amount, "USD"));
    w.send("deal.closed", "p", &format!("{deal}-closed"), &time, &data)
}

fn correct(w: &mut World, kind: &str, deal: &str, more: &str) {
    let time = w.now.to_string();
    w.send(kind, "p", &format!("{deal}-{kind}-{time}"), &time, &format!(r#"{{"deal_id":"{deal}",{more}}}"#));
}

fn has(w: &World) -> (String, i64) {
    (USD.amount(of(w, USD).available), w.account("p").balance().available)
}

fn sound(w: &World) {
    assert_eq!(w.findings(), Vec::<String>::new());
}

fn told(w: &World, record: &Record) -> Vec<String> {
    let told = explain(record, w.programs.number(record.version()).map(|version| &*version.program));
    told.rules.into_iter().map(|rule| format!("{}: {}", rule.rule, rule.sentence)).collect()
}

/// M47: a rule, a rate and a scale of points go by what is stated of the partner; each says so.
#[test]
fn m47_partner_facts_in_rules_and_commissions() {
    let mut w = world();
    state(&mut w, "e1", r#"{"type":"reseller","employees":"250.0"}"#);
    assert_eq!(close(&mut w, "a", "5000"), Awarded);
    assert_eq!(has(&w), ("500.00".to_owned(), 10));
    let rules = told(&w, w.last());
    let expected = [
        "commission.of_resellers: 500.00 USD: 10% of 5000 USD first-year value; partner.type is reseller",
        "commission.referral: `partner.type` is `reseller`; the rule asks for `referral`",
        "size: 10 points; partner.employees is 250, partner.territory is US-NY",
    ];
    assert_eq!(rules, expected);
    // Another day it is stated anew: from then on, for what closes then.
    w.at("2026-04-02T15:00:00Z");
    state(&mut w, "e2", r#"{"type":"referral","employees":"1000"}"#);
    assert_eq!(close(&mut w, "b", "5000"), Awarded);
    assert_eq!(has(&w), ("750.00".to_owned(), 60));
    // Nobody says of a course what the vertical is.
    let time = w.now.to_string();
    let course = w.send("course.completed", "p", "c", &time, r#"{"course_id":"x","person_id":"dana"}"#);
    assert_eq!(course, NoRule);
    let seen = "health: `partner.vertical` is missing; the rule asks for `healthcare`";
    assert_eq!(told(&w, w.last()), [seen]);
    sound(&w);
}

/// What a deal is paid by was decided when it closed: a correction goes by what was stated of the partner then, whatever it is now.
#[test]
fn m47_a_deal_goes_by_what_was_stated_when_it_closed() {
    let mut w = world();
    state(&mut w, "e1", r#"{"type":"reseller","employees":"120"}"#);
    close(&mut w, "a", "5000");
    w.at("2026-04-02T15:00:00Z");
    state(&mut w, "e2", r#"{"type":"OEM","employees":"5"}"#);
    correct(&mut w, "deal.amended", "a", &format!(r#""acv":{}"#, money("8000", "USD")));
    assert_eq!(has(&w), ("800.00".to_owned(), 10), "10 %, as a reseller");
    w.at("2026-04-03T15:00:00Z");
    correct(&mut w, "deal.reversed", "a", &format!(r#""reason":"x","amount":{}"#, money("4000", "USD")));
    assert_eq!(has(&w), ("400.00".to_owned(), 10));
    w.at("2026-04-04T15:00:00Z");
    correct(&mut w, "deal.reversed", "a", r#""reason":"x""#);
    assert_eq!(has(&w), ("0.00".to_owned(), 0));
    // What fell short of a value is paid once it is worth it; what the partner was not is never paid.
    close(&mut w, "small", "500");
    assert_eq!(has(&w).0, "0.00");
    w.at("2026-05-02T15:00:00Z");
    state(&mut w, "e3", r#"{"type":"referral"}"#);
    correct(&mut w, "deal.amended", "small", &format!(r#""acv":{}"#, money("2000", "USD")));
    assert_eq!(has(&w).0, "40.00", "2 %, as an OEM, and nothing as a referral partner");
    sound(&w);
}

/// A criterion asks what the partner is: to enter, and to stay.
#[test]
fn m47_partner_facts_in_a_ladder() {
    let mut w = world();
    state(&mut w, "e1", r#"{"type":"referral"}"#);
    close(&mut w, "a", "5000");
    assert_eq!(w.tier("p"), "member");
    let boards = scoreboards(&w.programs, w.account("p"), w.now).expect("boards");
    let [Progress::Fact { fact, asked, stated, met: false }, Progress::Measured(deals)] = &boards["sell"].to_next[..]
    else {
        panic!("{:?}", boards["sell"].to_next)
    };
    assert_eq!(
        (fact.as_str(), asked.as_str(), stated.as_deref(), deals.met),
        ("partner.type", "OEM", Some("referral"), true)
    );
    w.at("2026-04-02T15:00:00Z");
    state(&mut w, "e2", r#"{"type":"OEM"}"#);
    assert_eq!(w.tier("p"), "oem", "with the event that says so");
    // Stated otherwise, it fails its reviews: warned, and down a quarter later.
    w.at("2026-08-02T15:00:00Z");
    state(&mut w, "e3", r#"{"type":"reseller"}"#);
    assert_eq!(w.tier("p"), "oem");
    w.at("2026-10-20T15:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "oem", "warned");
    w.at("2027-01-20T15:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member");
    sound(&w);
}

/// In whatever order they come, the latest by its own time counts (I24), as a whole: what it leaves out is stated no more.
#[test]
fn m47_the_latest_enrolment_counts_as_a_whole() {
    let mut w = world();
    w.at("2026-06-02T15:00:00Z");
    let enrol = |w: &mut World, id: &str, time: &str, facts: &str| {
        w.send("partner.enrolled", "p", id, time, &format!(r#"{{"name":"P","motions":["sell"]{facts}}}"#));
    };
    enrol(&mut w, "new", "2026-06-01T00:00:00Z", r#","facts":{"type":"reseller"}"#);
    enrol(&mut w, "old", "2026-05-01T00:00:00Z", r#","facts":{"type":"OEM","vertical":"healthcare"}"#);
    let facts = &w.account("p").profile.facts.as_ref().expect("enrolled").value.stated;
    assert_eq!((facts.get("type"), facts.get("vertical")), (Some("reseller"), None));
    enrol(&mut w, "newest", "2026-06-02T00:00:00Z", "");
    assert!(w.account("p").profile.facts.as_ref().expect("enrolled").value.stated.is_empty());
    sound(&w);
}

/// What the program does not take is rejected with everything that is wrong, and may be sent again in good form; what it does not
/// declare is nobody's business yet.
#[test]
fn m47_facts_that_the_program_does_not_take_are_rejected() {
    let mut w = world();
    let time = w.now.to_string();
    let data = r#"{"name":"P","motions":["sell"],"facts":{"type":"resseller","employees":"many","stars":"5"}}"#;
    let event = w.event("partner.enrolled", "p", "e", &time, data);
    let partner = event.partner.clone();
    let judged = w.decide_for(&partner, &[event]).judgements;
    let [Judgement::Rejected(rejection)] = &judged[..] else { panic!("{judged:?}") };
    assert_eq!(
        (rejection.field.as_str(), &*rejection.message),
        (
            "data.facts.employees",
            "write a number in quotes, without a sign or leading zeros, as in \"120\" or \"12.5\""
        )
    );
    let [also] = &rejection.also[..] else { panic!("{:?}", rejection.also) };
    let wrong = "write one of: referral, reseller, OEM; did you mean `reseller`?";
    assert_eq!((also.field.as_str(), &*also.message), ("data.facts.type", wrong));
    state(&mut w, "e", r#"{"type":"reseller","employees":"3","stars":"5"}"#);
    let facts = &w.account("p").profile.facts.as_ref().expect("enrolled").value.stated;
    assert_eq!((facts.get("type"), facts.get("stars")), (Some("reseller"), Some("5")));
    sound(&w);
}
