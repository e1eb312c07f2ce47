//! How large what is stored gets: a record within 1 KB costs two write units, and one more for the index.

use std::collections::BTreeMap;

use domain::ledger::{Account, CapKey, Effect, Outcome, Record, packed};
use event::catalogue::{Row, is_of_program, rows};
use event::{Event, Form};
use replay::World;
use serde_json::{Map, Value, json};
use store::tables::items::{Item, size, state_key, text};
use store::tables::keys;

const HR: &str = include_str!("../../infra/programs/hr-software.toml");
const PERX: &str = include_str!("../../infra/programs/perx.toml");
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
            "subject": if is_of_program(row.name) { "@program".to_owned() } else { (self.id)("partner") }, "program": "hr-software", "time": row.sample.time, "data": Value::Object(data),
        });
        Event::parse(&body.to_string(), NOW.parse().expect("an instant")).unwrap_or_else(|e| panic!("{e:?}: {body}"))
    }

    /// The largest record of each type, Laurel's own among them.
    fn sizes(&self, program: &str) -> BTreeMap<String, (usize, Outcome)> {
        // Any source may send anything here.
        let program =
            program.replace("[sources]", "[sources]\n\"/*\" = [\"*\"]").replace("\"perx\"", "\"hr-software\"");
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
            // What is given back was taken before.
            let taken = match this.name {
                "benefit.released" => Some("benefit.booked"),
                "exclusivity.ended" => Some("exclusivity.granted"),
                _ => None,
            };
            let events: Vec<Event> = taken.map(row).into_iter().chain([this]).map(|row| self.event(row)).collect();
            world.judge(&events);
            world.at("2029-06-01T00:00:00Z").catch_up();
            for record in &world.records {
                let bytes = size(&item(record));
                let most = found.entry(record.kind.to_string()).or_insert((0, record.outcome));
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
    let sizes = usual().sizes(HR);
    let missing: Vec<&str> = rows().iter().map(|row| row.name).filter(|name| !sizes.contains_key(*name)).collect();
    assert!(missing.is_empty(), "no record of {missing:?}");
    let longest = longest().sizes(HR);
    for (kind, (bytes, outcome)) in &sizes {
        let (most, _) = longest[kind];
        println!("{kind}: {bytes} bytes ({}); {most} with the longest names", outcome.word());
    }
    // Of a program that pays commissions, too.
    let paid = usual().sizes(PERX);
    println!(
        "with commissions, deal.closed: {} bytes, deal.reversed: {}",
        paid["deal.closed"].0, paid["deal.reversed"].0
    );
    let large: Vec<_> = sizes.iter().chain(&paid).filter(|(_, (bytes, _))| *bytes > KB).collect();
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
    let account = world.account("p");
    let lots = account.head.funds.values().map(|funds| funds.lots.len()).sum::<usize>();
    assert_eq!((lots, account.head.tiers.len()), (24, 4), "{:?}", account.head);
    let head = head_item(account);
    println!("head: {} bytes, {} sections beside it: {head:?}", size(&head), account.head.spilled);
    assert!(size(&head) <= KB, "the head has {} bytes", size(&head));
}

/// The head's item, under a program and a partner with as long an id as a CRM gives.
fn head_item(account: &Account) -> Item {
    let (program, partner) = ("hr-software-of-the-acme-corporation".try_into(), "p".repeat(36).try_into());
    let (program, partner) = (program.expect("a program"), partner.expect("a partner"));
    let mut item: Item = serde_dynamo::to_item(packed::head(account)).expect("an item");
    item.extend(state_key(&keys::partner(&program, &partner), keys::HEAD));
    item.insert(keys::DUE_SHARD.to_owned(), text(keys::due_shard(&program, &partner)));
    item.insert(keys::DUE_ON.to_owned(), text("2028-03-01"));
    item
}

/// D1: ten thousand of each of what senders name, and every item stays below what DynamoDB takes; nothing is lost on the way.
#[test]
fn ten_thousand_of_each_leave_every_item_bounded() {
    const MANY: usize = 10_000;
    let program = HR.replace("[sources]", "[sources]\n\"/*\" = [\"*\"]");
    let mut world = World::of(&program, "2020-01-01T00:00:00Z", "2026-03-01T12:00:00Z".parse().expect("an instant"));
    let now = "2026-03-01T11:00:00Z";
    world.send("partner.enrolled", "p", "e", now, r#"{"name":"P","motions":["sell"]}"#);
    let record = |account: &mut Account, event: &Event, position: u64| {
        // What an event says of the partner, and the counts it uses, without deciding it ten thousand times.
        let mut record = world.records[0].clone();
        (record.position, record.kind, record.data) = (position, event.kind.name().into(), event.kind.canonical());
        (record.identity, record.postings, record.trials) = (event.identity.clone(), vec![], vec![]);
        let person = event.persons().first().map(ToString::to_string).unwrap_or_default();
        let cap = |value: &str| CapKey::try_from(format!("course|times per person per course|ever|{person}|{value}"));
        let value = event.kind.member("course_id").map(|id| id.plain()).unwrap_or_default();
        record.effects = vec![Effect::Cap { key: cap(&value).expect("a cap"), by: 1 }];
        account.apply(&record).expect("it applies");
    };
    let event = |kind: &str, n: usize, data: Value| {
        let body = json!({ "specversion": "1.0", "id": format!("{kind}-{n}"), "source": "/lms/t", "type": kind, "subject": "p", "program": "hr-software", "time": now, "data": data });
        Event::parse(&body.to_string(), world.now).unwrap_or_else(|e| panic!("{e:?}"))
    };
    let mut account = Account::default();
    account.apply(&world.records[0]).expect("it applies");
    for n in 0..MANY {
        let day = 2_027 + n / 300;
        let granted = json!({ "certification_id": "pro", "person_id": format!("person-{n:012}"), "valid_until": format!("{day}-{:02}-{:02}T00:00:00Z", n / 28 % 12 + 1, n % 28 + 1) });
        record(&mut account, &event("certification.granted", n, granted), u64::try_from(3 * n + 2).expect("few"));
        let other = json!({ "certification_id": format!("certificate-{n}"), "person_id": "ann" });
        record(&mut account, &event("certification.granted", MANY + n, other), u64::try_from(3 * n + 3).expect("few"));
        let course = json!({ "course_id": format!("course-{n}"), "level": 101, "person_id": "ann" });
        record(&mut account, &event("course.completed", n, course), u64::try_from(3 * n + 4).expect("few"));
    }
    let parts = packed::parts(&account);
    let (largest, most) =
        parts.iter().map(|(part, content)| (part, content.len())).max_by_key(|(_, bytes)| *bytes).expect("parts");
    println!("{} items beside the head, the largest {largest:?} with {most} bytes", parts.len());
    assert!(size(&head_item(&account)) <= KB);
    assert!(most < 390 * KB, "{largest:?} has {most} bytes");
    let mut read = packed::open(&packed::head(&account)).expect("a head that reads");
    for content in parts.values() {
        packed::take(&mut read, content).expect("a part that reads");
    }
    assert_eq!(read, account);
}

/// What makes the second tier of a ladder be reached.
const REACHED: &str = "enter = { deals = 2, within = \"1 year\" }\nkeep = { deals = 1, within = \"1 year\" }\n";
