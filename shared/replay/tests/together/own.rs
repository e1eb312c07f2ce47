//! Event types of the vendor's own: they earn, count to a ladder, are told and kept under pseudonyms like the built-in ones.

use domain::ledger::Outcome::{Awarded, NoRule, Refused};
use domain::ledger::{Outcome, Record};
use domain::tell::{explain, scoreboards};
use event::{Code, Event, Kind, Unreadable};
use laurel_replay::World;

use super::assert_sound;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "UTC"
[program.rates]
EUR = "2"
[sources]
"/crm/*" = ["*"]
"/webinars/*" = ["webinar.*"]
[event."webinar.attended"]
about = "Somebody attended a webinar."
fields = { webinar_id = "id", person_id = "person", minutes = "optional number", mode = "one of live, recorded", fee = "optional money", questions = "yes or no" }
counts = "webinars"
[event."webinar.hosted"]
fields = { webinar_id = "id", host_person_id = "person", guests = "number" }
counts = "webinars"
motion = "service"
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { counts = { webinars = 2 }, within = "1 year" }
[ladder.service.member]
rank = 1
[ladder.service.host]
rank = 2
enter = { counts = { webinars = 1 }, within = "1 year" }
[earn.attended]
on = "webinar.attended"
if = { mode = "live", minutes = ">= 30", questions = false }
points = 20
at_most = ["once per person per webinar", "60 points per partner per month"]
why = "Who listens, sells."
[earn.paid]
on = "webinar.attended"
if = { fee = ">= 100" }
points = { by = "fee", per = "10", points = 1 }
[earn.hosted]
on = "webinar.hosted"
points = { by = "guests", bands = [{ from = "0", points = 10 }, { from = "50", points = 100 }] }
"#;

fn world() -> World {
    let mut world = World::new(PROGRAM, "2026-03-02T12:00:00Z");
    world.enrol("p");
    world
}

fn attends(w: &mut World, id: &str, data: &str) -> Outcome {
    let time = w.now.to_string();
    w.send("webinar.attended", "p", id, &time, data)
}

fn last(w: &World) -> &Record {
    w.records.last().expect("a record")
}

fn points(w: &World) -> i64 {
    w.accounts["p"].balance().available
}

fn tier(w: &World, motion: &str) -> Option<String> {
    w.accounts["p"].head.tiers.get(motion).map(|held| held.tier.to_string())
}

#[test]
fn a_vendors_own_events_earn_and_count() {
    let mut w = world();
    let dana = r#"{"webinar_id":"w1","person_id":"dana","minutes":45,"mode":"live"}"#;
    assert_eq!((attends(&mut w, "a1", dana), points(&w)), (Awarded, 20));
    // Once per person per webinar, whoever tells of it again.
    assert_eq!((attends(&mut w, "a2", dana), points(&w)), (Refused, 20));
    let short = dana.replace("45", "29").replace("w1", "w2");
    assert_eq!(attends(&mut w, "a3", &short), NoRule);
    let asks = r#"{"webinar_id":"w3","person_id":"dana","minutes":45,"mode":"live","questions":true}"#;
    assert_eq!(attends(&mut w, "a4", asks), NoRule);
    // An amount is looked at in the program's currency.
    let paid = r#"{"webinar_id":"w4","person_id":"eve","mode":"recorded","fee":{"amount":"75.00","currency":"EUR"}}"#;
    assert_eq!((attends(&mut w, "a5", paid), points(&w)), (Awarded, 20 + 15));
    assert_eq!(tier(&w, "sell").as_deref(), Some("gold"));
    assert_eq!(tier(&w, "service"), None, "not in that motion");
    w.at("2026-03-03T12:00:00Z");
    let now = w.now.to_string();
    w.send("partner.enrolled", "p", "again", &now, r#"{"name":"P","motions":["sell","service"]}"#);
    let hosts = w.send("webinar.hosted", "p", "h1", &now, r#"{"webinar_id":"w5","host_person_id":"dana","guests":50}"#);
    assert_eq!((hosts, points(&w)), (Awarded, 135));
    assert_eq!(tier(&w, "service").as_deref(), Some("host"));
    assert_sound(&w);
}

#[test]
fn why_and_why_not_is_told_of_them() {
    let mut w = world();
    attends(&mut w, "a1", r#"{"webinar_id":"w1","person_id":"dana","minutes":20,"mode":"live"}"#);
    let program = w.programs.current(w.now).program.clone();
    let told = explain(last(&w), Some(&program));
    let rule = told.rules.iter().find(|rule| *rule.rule == *"attended").expect("the rule");
    assert_eq!((rule.verdict, rule.would_have_earned), ("unmatched", 20));
    assert_eq!(rule.sentence, "`minutes` is `20`; the rule asks for `>= 30`");
    assert_eq!(rule.why.as_deref(), Some("Who listens, sells."));
    let board = scoreboards(&w.programs, &w.accounts["p"], w.now).expect("scoreboards");
    let json = serde_json::to_string(&board).expect("JSON");
    assert!(json.contains(r#""measure":"webinars""#) && json.contains(r#""seen":"1""#), "{json}");
}

/// What a record holds is read without its program, whatever the type declares: the same persons, amounts and texts.
#[test]
fn a_record_is_read_as_the_event_was() {
    let mut w = world();
    let data = r#"{"webinar_id":"w1","person_id":"dana","minutes":45,"mode":"live","fee":{"amount":"1.50","currency":"EUR"},"stray":"x"}"#;
    attends(&mut w, "a1", data);
    let record = last(&w);
    assert!(!record.data.contains("stray"), "{}", record.data);
    assert!(record.data.contains(r#""questions":false"#), "{}", record.data);
    let event = w.event("webinar.attended", "p", "a1", &w.now.to_string(), data);
    let read = record.happened().expect("what happened");
    assert_eq!(read.persons().len(), 1);
    assert_eq!(read.amounts(), event.kind.amounts());
    assert_eq!(record.hash, event.hash);
    assert_eq!(read.canonical(), record.data);
    // Sent again from what was read, it means the same.
    let again = w.parse(&event.body()).expect("an event");
    assert_eq!((again.hash, again.kind), (event.hash, event.kind));
}

#[test]
fn a_person_is_no_part_of_the_hash() {
    let w = world();
    let of = |person: &str| {
        let data = format!(r#"{{"webinar_id":"w1","host_person_id":"{person}","guests":1}}"#);
        w.event("webinar.hosted", "p", "a1", &w.now.to_string(), &data).hash
    };
    assert_eq!(of("dana"), of("eve"));
}

fn refused(w: &World, kind: &str, data: &str) -> Vec<(Code, String)> {
    let body = format!(
        r#"{{"specversion":"1.0","id":"x","source":"/webinars/t","type":"{kind}","subject":"p","program":"test","time":"{}","data":{data}}}"#,
        w.now
    );
    match w.parse(&body) {
        Err(Unreadable::Rejected { rejection, .. }) => {
            let also = rejection.also.iter().map(|one| (one.code, one.field.clone()));
            std::iter::once((rejection.code, rejection.field.clone())).chain(also).collect()
        }
        other => panic!("{kind} {data}: {other:?}"),
    }
}

#[test]
fn bad_forms_are_refused_all_at_once() {
    let w = world();
    let all =
        refused(&w, "webinar.attended", r#"{"person_id":7,"minutes":-1,"mode":"maybe","fee":"1","questions":"no"}"#);
    let fields: Vec<&str> = all.iter().map(|(_, field)| field.as_str()).collect();
    let wanted = ["data.fee", "data.minutes", "data.mode", "data.person_id", "data.questions", "data.webinar_id"];
    assert_eq!(fields, wanted, "{all:?}");
    for kind in ["webinar.watched", "points.expired", "webinar"] {
        assert_eq!(refused(&w, kind, "{}"), [(Code::UnsupportedType, "type".to_owned())], "{kind}");
    }
    // A program's types are its own.
    let event = w.event(
        "webinar.hosted",
        "p",
        "a",
        &w.now.to_string(),
        r#"{"webinar_id":"w","host_person_id":"d","guests":1}"#,
    );
    let body = event.body().replace(r#""program":"test""#, r#""program":"other""#);
    assert!(w.parse(&body).is_err_and(|error| error.undeclared() == Some("other")));
    assert!(matches!(event.kind, Kind::Own(_)));
    assert!(Event::parse(&event.body(), w.now).is_err(), "nobody but the program knows it");
}

/// An event is read as the version of its own time declares its type, whenever it arrives; one that is older than the declaration as
/// the first version that has it.
#[test]
fn an_event_is_read_by_the_version_of_its_time() {
    let mut w = world();
    let more = PROGRAM.replace(r#"guests = "number" }"#, r#"guests = "number", room = "text" }"#);
    w.publish(&more, "2026-04-01T00:00:00Z");
    w.at("2026-05-01T00:00:00Z");
    let data = r#"{"webinar_id":"w","host_person_id":"d","guests":1}"#;
    assert_eq!(refused(&w, "webinar.hosted", data), [(Code::MissingField, "data.room".to_owned())]);
    let before = w.event("webinar.hosted", "p", "a", "2026-03-15T00:00:00Z", data);
    let with_room = data.replace('}', r#","room":"7"}"#);
    let same = w.event("webinar.hosted", "p", "a", "2026-03-15T00:00:00Z", &with_room);
    assert_eq!(before.hash, same.hash, "the type had no such field then");
}

#[test]
fn one_that_is_older_than_its_type_is_taken_and_earns_nothing() {
    let bare = PROGRAM.split("[event.").next().expect("a head").replace(r#"["webinar.*"]"#, r#"["content.*"]"#);
    let mut w = World::new(&bare, "2026-03-02T12:00:00Z");
    w.enrol("p");
    let data = r#"{"webinar_id":"w","host_person_id":"d","guests":1}"#;
    assert_eq!(refused(&w, "webinar.hosted", data), [(Code::UnsupportedType, "type".to_owned())]);
    w.publish(PROGRAM, "2026-04-01T00:00:00Z");
    assert_eq!(refused(&w, "webinar.hosted", data), [(Code::UnsupportedType, "type".to_owned())], "not in force yet");
    w.at("2026-05-01T00:00:00Z");
    assert_eq!(w.send("webinar.hosted", "p", "a", "2026-03-15T00:00:00Z", data), NoRule);
    assert_sound(&w);
}
