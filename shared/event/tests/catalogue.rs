//! What derives from the catalogue is what is committed: samples, schemas and the reference page in `events/`.
//!
//! `LAUREL_EVENTS=write cargo test -p laurel-event --test catalogue` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use laurel_event::catalogue::{Row, is_of_program, rows};
use laurel_event::schema::{event_schema, form_words, sample};
use laurel_event::{Event, Form};
use md5::{Digest, Md5};
use serde_json::{Value, json};

fn events() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

/// The event as Lambda receives it: the one record of an SQS batch.
fn envelope(place: usize, row: &Row) -> Value {
    let body = sample(row).to_string();
    let id = format!("{:08}-0000-4000-8000-000000000001", place + 1);
    let sent = 1_772_000_000_000_u64 + 1_000 * place as u64;
    json!({ "Records": [{
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1", "SentTimestamp": sent.to_string(), "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": (sent + 500).to_string(),
        },
        "messageAttributes": {},
        "md5OfBody": hex::encode(Md5::digest(&body)),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:partner-events",
        "awsRegion": "us-east-1",
    }]})
}

/// The reference page.
fn reference() -> String {
    let mut page = "# Events\n\nWritten from the event catalogue (`shared/event/src/types/mod.rs`); change it there.\n\n\
        Each type has a sample, bare (`bare/TYPE.json`, to be sent as a message body or posted) and as Lambda receives it \
        (`TYPE.json`), and a JSON Schema (`schemas/TYPE.json`, also `cargo laurel schema event TYPE`). \
        Members that a type does not declare are neither stored nor part of its meaning.\n"
        .to_owned();
    for row in rows() {
        writeln!(page, "\n## {}\n\n{}\n\n| member | form | meaning |\n|---|---|---|", row.name, row.summary.trim())
            .expect("text");
        for member in row.members {
            let mark = if member.required { "" } else { "?" };
            writeln!(page, "| `{}`{mark} | {} | {} |", member.name, form_words(member.form), member.meaning.trim())
                .expect("text");
        }
    }
    page
}

fn hold(path: &str, text: &str) {
    let file = events().join(path);
    if std::env::var("LAUREL_EVENTS").is_ok_and(|word| word == "write") {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, text).expect("written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "events/{path} is not what the catalogue says; write it anew with LAUREL_EVENTS=write");
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("JSON"))
}

#[test]
fn what_is_committed_derives_from_the_catalogue() {
    for (place, row) in rows().iter().enumerate() {
        hold(&format!("bare/{}.json", row.name), &pretty(&sample(row)));
        hold(&format!("{}.json", row.name), &pretty(&envelope(place, row)));
        hold(&format!("schemas/{}.json", row.name), &pretty(&event_schema(row)));
    }
    hold("README.md", &reference());
    let there: BTreeSet<String> = std::fs::read_dir(events().join("bare"))
        .expect("samples")
        .map(|f| f.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(there.len(), rows().len(), "a sample of a type that is no more: {there:?}");
}

#[test]
fn every_sample_is_read_and_fits_its_schema() {
    let now = "2027-01-01T00:00:00Z".parse().expect("an instant");
    for row in rows() {
        let event = Event::parse(&sample(row).to_string(), now).unwrap_or_else(|e| panic!("{}: {e:?}", row.name));
        assert_eq!(event.kind.name(), row.name);
        let schema = jsonschema::validator_for(&event_schema(row)).expect("a schema");
        assert!(schema.is_valid(&sample(row)), "{}", row.name);
    }
}

/// What the reader refuses, the schema refuses: a required member left out, and a wrong form of each member.
#[test]
fn reader_and_schema_refuse_the_same() {
    let now = "2027-01-01T00:00:00Z".parse().expect("an instant");
    let mut tried = 0;
    for row in rows() {
        let schema = jsonschema::validator_for(&event_schema(row)).expect("a schema");
        for member in row.members.iter().filter(|m| m.form != Form::Any) {
            let mut bad = vec![json!(null), json!({ "x": 1 }), json!(-5), json!([1])];
            if !matches!(member.form, Form::Text | Form::Id | Form::Person) {
                bad.push(json!("\u{1}"));
            }
            for value in bad {
                let mut event = sample(row);
                if value.is_null() {
                    event["data"].as_object_mut().expect("an object").remove(member.name);
                } else {
                    event["data"][member.name] = value;
                }
                let (read, valid) = (Event::parse(&event.to_string(), now).is_ok(), schema.is_valid(&event));
                // What members must be to each other, no schema of ours says.
                let together = ["acv", "lines", "territory", "vertical", "event_source", "event_id"]
                    .contains(&member.name)
                    || is_of_program(row.name) && ["points", "amount"].contains(&member.name);
                assert!(read == valid || (together && valid), "{} {}: {event}", row.name, member.name);
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}
