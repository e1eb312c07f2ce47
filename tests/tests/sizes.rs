//! How large what is stored gets: a record within 1 KB costs two write units, and one more for the index.

use std::collections::BTreeMap;

use domain::ledger::{Outcome, Record};
use event::catalogue::{Row, rows};
use event::{Event, Form};
use replay::World;
use serde_json::{Map, Value, json};
use store::tables::items::{Item, size};

const HR: &str = include_str!("../../infra/programs/hr-software.toml");
const NOW: &str = "2026-12-01T12:00:00Z";
/// What DynamoDB writes for one unit.
const KB: usize = 1_024;

/// Names of a length, by what they name: one deal is the same in every event.
struct Names {
    id: Box<dyn Fn(&str) -> String>,
    source: String,
}

/// As long as an id of a CRM gets: a UUID.
fn usual() -> Names {
    Names { id: Box::new(|of| format!("{of:-<36}")), source: format!("/crm/{:-<59}", "acme") }
}

/// As long as an id may be, in characters that take four bytes each.
fn longest() -> Names {
    let first = |of: &str| char::from_u32(0x1F300 + event::steady_hash(of.bytes()) % 512).expect("a character");
    let id = move |of: &str| std::iter::once(first(of)).chain(std::iter::repeat('\u{1F600}')).take(128).collect();
    Names { id: Box::new(id), source: format!("/crm/{}", "\u{1F600}".repeat(123)) }
}

impl Names {
    /// The sample of a type, with these names.
    fn event(&self, row: &Row) -> Event {
        let mut data = Map::new();
        for member in row.members {
            let Some(example) = member.example.first() else { continue };
            let named = matches!(member.form, Form::Id | Form::Person) && member.name.ends_with("_id");
            let value =
                if named { json!((self.id)(member.name)) } else { serde_json::from_str(example).expect("JSON") };
            data.insert(member.name.to_owned(), value);
        }
        if row.name == "deal.closed" {
            let line = |kind: &str| json!({ "revenue_type": kind, "amount": data["acv"] });
            data.insert("lines".to_owned(), json!([line("subscription"), line("services")]));
        }
        let body = json!({
            "specversion": "1.0", "id": (self.id)(row.name), "source": self.source, "type": row.name,
            "subject": (self.id)("partner"), "program": "hr-software", "time": row.sample.time, "data": Value::Object(data),
        });
        Event::parse(&body.to_string(), NOW.parse().expect("an instant")).unwrap_or_else(|e| panic!("{e:?}: {body}"))
    }

    /// The largest record of each type, Laurel's own among them.
    fn sizes(&self) -> BTreeMap<String, (usize, Outcome)> {
        // Any source may send anything here.
        let program = HR.replace("[sources]", "[sources]\n\"/*\" = [\"*\"]");
        let row = |name: &str| rows().iter().find(|row| row.name == name).expect("a row");
        let mut found = BTreeMap::new();
        for this in rows() {
            let mut world = World::of(&program, "2020-01-01T00:00:00Z", NOW.parse().expect("an instant"));
            for before in ["partner.enrolled", "deal.registered", "deal.qualified", "deal.closed"] {
                if before == this.name || before.starts_with("deal.") && !this.name.starts_with("deal.") {
                    break;
                }
                world.judge(&[self.event(row(before))]);
            }
            world.judge(&[self.event(this)]);
            world.at("2029-06-01T00:00:00Z").catch_up();
            for record in &world.records {
                let bytes = size(&item(record));
                let most = found.entry(record.kind.clone()).or_insert((0, record.outcome));
                *most = (*most).max((bytes, record.outcome));
            }
        }
        found
    }
}

fn item(record: &Record) -> Item {
    serde_dynamo::to_item(record).expect("an item")
}

#[test]
fn a_record_of_any_built_in_event_is_within_1_kb() {
    let sizes = usual().sizes();
    let missing: Vec<&str> = rows().iter().map(|row| row.name).filter(|name| !sizes.contains_key(*name)).collect();
    assert!(missing.is_empty(), "no record of {missing:?}");
    let longest = longest().sizes();
    for (kind, (bytes, outcome)) in &sizes {
        let (most, _) = longest[kind];
        println!("{kind}: {bytes} bytes ({}); {most} with the longest names", outcome.word());
    }
    let large: Vec<_> = sizes.iter().filter(|(_, (bytes, _))| *bytes > KB).collect();
    assert!(large.is_empty(), "{large:?}");
}

/// A partner who has been there for long: two years of lots, four ladders, five persons who were counted this month.
#[test]
fn a_head_is_within_1_kb() {
    let ladder =
        |motion: &str| format!("[ladder.{motion}.member]\nrank = 1\n[ladder.{motion}.gold]\nrank = 2\n{REACHED}");
    let ladders = ["service", "refer", "build"].map(ladder).concat();
    let program = format!("{HR}\n{ladders}");
    let mut world = World::of(&program, "2020-01-01T00:00:00Z", "2026-01-15T12:00:00Z".parse().expect("an instant"));
    world.send(
        "partner.enrolled",
        "p",
        "e",
        "2026-01-15T11:00:00Z",
        r#"{"name":"P","motions":["sell","service","refer","build"]}"#,
    );
    for month in 0..24 {
        let now = format!("{}-{:02}-15T12:00:00Z", 2026 + month / 12, month % 12 + 1);
        world.at(&now);
        for motion in ["sell", "service", "refer", "build"] {
            let data = format!(
                r#"{{"deal_id":"{motion}-{month}","outcome":"won","motion":"{motion}","acv":{{"amount":"60000","currency":"USD"}}}}"#
            );
            world.send("deal.closed", "p", &format!("{motion}-{month}"), &now, &data);
        }
    }
    let now = world.now.to_string();
    for person in 0..5 {
        let data = format!(r#"{{"content_id":"c{person}","person_id":"person-{person:012}","seconds":60}}"#);
        world.send("content.viewed", "p", &format!("view-{person}"), &now, &data);
    }
    let head = &world.account("p").head;
    let lots = head.funds.values().map(|funds| funds.lots.len()).sum::<usize>();
    assert_eq!((lots, head.tiers.len()), (24, 4), "{head:?}");
    let bytes = size(&serde_dynamo::to_item(head).expect("an item"));
    println!("head: {bytes} bytes");
    assert!(bytes <= KB, "the head has {bytes} bytes");
}

/// What makes the second tier of a ladder be reached.
const REACHED: &str = "enter = { deals = 2, within = \"1 year\" }\nkeep = { deals = 1, within = \"1 year\" }\n";
