//! JSON Schema (draft-07) of an event type, for editors and for senders who check before they send.

use serde_json::{Map, Value, json};

use crate::catalogue::{MemberRow, Row, is_of_program};
use crate::ids::ID_CHARS_MAX;
use crate::types::{FACT_CHARS_MAX, FACT_NAME_CHARS_MAX, FACTS_MAX, Form, OwnField, OwnForm, OwnType, TEXT_CHARS_MAX};

/// The schema of a whole event of this type.
pub fn event_schema(row: &Row) -> Value {
    whole_schema((row.name, row.summary.trim()), subject(row), data_schema(row), sample(row))
}

/// The schema of a whole event of a type that a program declares.
pub fn own_schema(own: &OwnType, (program, source): (&str, &str)) -> Value {
    let about = if own.about.is_empty() { "A type of the vendor's own." } else { &own.about };
    let properties: Map<String, Value> =
        own.fields.iter().map(|field| (field.name.to_string(), own_form_schema(&field.form))).collect();
    let required: Vec<&str> = own.fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
    let data = json!({ "type": "object", "required": required, "properties": properties });
    whole_schema((&own.name, about), subject_schema(), data, own_sample(own, (program, source)))
}

fn whole_schema((name, about): (&str, &str), subject: Value, data: Value, sample: Value) -> Value {
    let id = || json!({ "type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX });
    let with = |mut schema: Value, about: &str| {
        schema["description"] = about.into();
        schema
    };
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": name,
        "description": about,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "program", "time", "data"],
        "properties": {
            "specversion": { "type": "string", "pattern": "^1\\." },
            "id": with(id(), "The sender's id for the event; with program and source its identity, for ever."),
            "source": with(id(), "Who sends it, as in /crm/acme."),
            "type": { "const": name },
            "subject": subject,
            "program": with(id(), "The program it belongs to."),
            "time": { "type": "string", "format": "date-time", "description": "When it happened: RFC 3339 with an offset." },
            "datacontenttype": { "type": "string", "pattern": "^application/json" },
            "data": data,
        },
        "examples": [sample],
    })
}

fn subject(row: &Row) -> Value {
    if is_of_program(row.name) {
        return json!({ "const": "@program", "description": "The program itself." });
    }
    subject_schema()
}

fn subject_schema() -> Value {
    let mut schema = form_schema(Form::Id);
    schema["description"] = "The partner it is about.".into();
    schema
}

fn own_form_schema(form: &OwnForm) -> Value {
    let schema = form.plain().map(form_schema);
    match form {
        OwnForm::Words(words) => json!({ "type": "string", "enum": words }),
        OwnForm::Person => {
            let mut schema = schema.unwrap_or_default();
            schema["description"] = "A person; kept as a pseudonym only.".into();
            schema
        }
        _ => schema.unwrap_or_default(),
    }
}

fn data_schema(row: &Row) -> Value {
    let properties: Map<String, Value> = row
        .members
        .iter()
        .map(|member| {
            let mut schema = form_schema(member.form);
            schema["description"] = member.meaning.trim().into();
            (member.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = row.members.iter().filter(|m| m.required).map(|m| m.name).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn form_schema(form: Form) -> Value {
    match form {
        Form::Id | Form::Person => json!({ "type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX }),
        Form::Text => json!({ "type": "string", "maxLength": TEXT_CHARS_MAX }),
        Form::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::Numbers(numbers) => json!({ "type": "integer", "enum": numbers }),
        Form::Words(words) => json!({ "type": "string", "enum": words }),
        Form::Flag => json!({ "type": "boolean", "default": false }),
        Form::Instant => json!({ "type": "string", "format": "date-time" }),
        Form::Day => json!({ "type": "string", "format": "date" }),
        Form::Money => money_schema(),
        Form::Ids => json!({ "type": "array", "items": form_schema(Form::Id) }),
        Form::Lines => json!({ "type": "array", "items": {
            "type": "object",
            "required": ["revenue_type", "amount"],
            "properties": { "revenue_type": form_schema(Form::Text), "amount": money_schema() },
        }}),
        Form::Facts => json!({
            "type": "object",
            "maxProperties": FACTS_MAX,
            "propertyNames": { "minLength": 1, "maxLength": FACT_NAME_CHARS_MAX },
            "additionalProperties": { "type": "string", "minLength": 1, "maxLength": FACT_CHARS_MAX },
        }),
        Form::Any => json!({}),
    }
}

fn money_schema() -> Value {
    json!({
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {
            "amount": { "type": "string", "pattern": "^(0|[1-9][0-9]{0,14})(\\.[0-9]+)?$" },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        },
    })
}

/// The type's sample: a whole event in good form.
pub fn sample(row: &Row) -> Value {
    let example = |member: &MemberRow| {
        let text = member.example.first()?;
        Some((member.name.to_owned(), serde_json::from_str(text).ok()?))
    };
    let data: Map<String, Value> = row.members.iter().filter_map(example).collect();
    json!({
        "specversion": "1.0", "id": row.sample.id, "source": row.sample.source, "type": row.name,
        "subject": if is_of_program(row.name) { "@program" } else { "partner-17" },
        "program": "hr-software", "time": row.sample.time, "datacontenttype": "application/json", "data": data,
    })
}

/// An event in good form of a type that a program declares, with everything it may say.
pub fn own_sample(own: &OwnType, (program, source): (&str, &str)) -> Value {
    let example = |field: &OwnField| match &field.form {
        OwnForm::Id => json!(format!("{}-1", field.name.trim_end_matches("_id"))),
        OwnForm::Person => json!("dana@northwind.example"),
        OwnForm::Text => json!("a text"),
        OwnForm::Number => json!(45),
        OwnForm::Money => json!({ "amount": "100.00", "currency": "USD" }),
        OwnForm::Flag => json!(true),
        OwnForm::Instant => json!("2026-03-12T11:00:00Z"),
        OwnForm::Day => json!("2026-03-12"),
        OwnForm::Words(words) => json!(words.first()),
    };
    let data: Map<String, Value> = own.fields.iter().map(|field| (field.name.to_string(), example(field))).collect();
    json!({
        "specversion": "1.0", "id": format!("{}-1", own.name), "source": source, "type": own.name,
        "subject": "partner-17", "program": program, "time": "2026-03-12T11:00:00Z",
        "datacontenttype": "application/json", "data": data,
    })
}

/// A form in words, for the reference page.
pub fn form_words(form: Form) -> String {
    match form {
        Form::Id => format!("id, 1 to {ID_CHARS_MAX} visible characters"),
        Form::Person => "person's id; kept as a pseudonym only".to_owned(),
        Form::Text => format!("text, at most {TEXT_CHARS_MAX} characters"),
        Form::Whole(least, most) => format!("whole number, {least} to {most}"),
        Form::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Form::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Form::Flag => "`true` or `false`; left out, it is false".to_owned(),
        Form::Instant => "instant, RFC 3339 with an offset".to_owned(),
        Form::Day => "day, as 2026-03-14".to_owned(),
        Form::Money => "money, `{\"amount\":\"48000.00\",\"currency\":\"USD\"}`".to_owned(),
        Form::Ids => "list of ids".to_owned(),
        Form::Lines => "list of `{\"revenue_type\", \"amount\"}`".to_owned(),
        Form::Facts => format!("at most {FACTS_MAX} texts of at most {FACT_CHARS_MAX} characters by name"),
        Form::Any => "any JSON value".to_owned(),
    }
}
