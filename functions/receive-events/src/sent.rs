//! How the events of a request are sent: one of the modes of CloudEvents' HTTP binding, each told by its content type.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use web::{Problem, media_type};

/// Most events of one request.
const BATCH_MAX: usize = 100;

/// What headers start with that are an event's attributes.
const ATTRIBUTE: &str = "ce-";

/// The bodies of the events of a request, each as it would stand on the queue.
pub(crate) enum Sent {
    /// One event: structured, or in binary mode.
    One(String),
    /// A batch.
    Batch(Vec<String>),
}

impl Sent {
    /// Reads them.
    ///
    /// # Errors
    /// A [`Problem`]: another content type (415), too many (413), or a body that is not what the mode says (400).
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        if headers.contains_key(header::CONTENT_ENCODING) {
            let detail = "send the body as it is, without Content-Encoding";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded", detail));
        }
        let text = std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8"))?;
        let is_binary = headers.keys().any(|name| name.as_str().starts_with(ATTRIBUTE));
        match media_type(headers).as_str() {
            "application/cloudevents+json" => one(text),
            "application/cloudevents-batch+json" => split(text).map(Self::Batch),
            // Without a type it is JSON, as everything that we take.
            json if is_binary && (json.is_empty() || event::is_json(json)) => binary(headers, text).map(Self::One),
            "application/json" => one(text),
            _ => {
                let detail = "send application/cloudevents+json, application/cloudevents-batch+json, or in binary mode \
                              (ce-specversion, ce-id, ... as headers) application/json";
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", detail))
            }
        }
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail)
}

fn one(text: &str) -> Result<Sent, Problem> {
    if text.trim_start().starts_with('[') {
        return Err(bad("the body is a list; send several events as application/cloudevents-batch+json"));
    }
    Ok(Sent::One(text.to_owned()))
}

fn split(text: &str) -> Result<Vec<String>, Problem> {
    let events: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| bad("the body is not a JSON array"))?;
    if events.len() > BATCH_MAX {
        let detail = format!("send at most {BATCH_MAX} events at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many", detail));
    }
    Ok(events.iter().map(|raw| raw.get().to_owned()).collect())
}

/// The same event with its attributes and its data in one object. An attribute that comes twice stands there twice, and is
/// refused like any other.
fn binary(headers: &HeaderMap, text: &str) -> Result<String, Problem> {
    let not_json = |error: serde_json::Error| {
        bad(format!("the body is not JSON, at line {} column {}", error.line(), error.column()))
    };
    let data = match text.trim() {
        "" => "null",
        data => serde_json::from_str::<&RawValue>(data).map_err(not_json)?.get(),
    };
    let mut members = Vec::new();
    for (name, value) in headers {
        if let Some(name) = attribute(name) {
            let not_utf8 = || bad(format!("the header of `{name}` is not UTF-8, percent-encoded where it must be"));
            let value = decoded(value.as_bytes()).ok_or_else(not_utf8)?;
            members.push(format!("{}:{}", json(&name), json(&value)));
        }
    }
    members.push(format!("\"data\":{data}"));
    Ok(format!("{{{}}}", members.join(",")))
}

/// The attribute that a header is, if it is one.
fn attribute(header: &HeaderName) -> Option<String> {
    match header.as_str() {
        "content-type" => Some("datacontenttype".to_owned()),
        header => header.strip_prefix(ATTRIBUTE).map(str::to_owned),
    }
}

/// The value of an attribute: without the quotes that a header may have, percent-decoded (HTTP binding, 3.1.3.2). `None` for what
/// is no UTF-8: two ids would become one.
fn decoded(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let text = inner.map_or_else(|| text.to_owned(), unescaped);
    percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A quoted string without its backslashes (RFC 9110, 5.6.4).
fn unescaped(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().expect("a value"));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn e3_attributes_in_headers_make_the_same_event() {
        let given = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "\"e %22one\\\"\""),
            ("ce-source", "/crm/Z%C3%BCrich"),
            ("accept", "*/*"),
        ];
        let Ok(Sent::One(body)) = Sent::read(&headers(&given), br#" {"deal_id":"D-1"} "#) else { panic!("one event") };
        let read: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let expected = serde_json::json!({
            "datacontenttype": "application/json", "specversion": "1.0", "id": "e \"one\"", "source": "/crm/Zürich",
            "data": { "deal_id": "D-1" },
        });
        assert_eq!(read, expected);
        for body in [&b"oops"[..], b"{} {}", b"{\"a\":", b"\xff"] {
            assert!(Sent::read(&headers(&given), body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn the_content_type_says_the_mode() {
        let of = |kind: &str, more: &[(&'static str, &str)], body: &str| {
            let given = [&[("content-type", kind)], more].concat();
            match Sent::read(&headers(&given), body.as_bytes()) {
                Ok(Sent::One(_)) => "one".to_owned(),
                Ok(Sent::Batch(all)) => format!("batch of {}", all.len()),
                Err(problem) => {
                    serde_json::to_value(problem).expect("JSON")["code"].as_str().expect("a code").to_owned()
                }
            }
        };
        let binary = [("ce-specversion", "1.0")];
        assert_eq!(of("application/cloudevents+json; charset=utf-8", &[], "{}"), "one");
        assert_eq!(of("Application/CloudEvents+JSON", &binary, "{}"), "one");
        assert_eq!(of("application/json", &[], "{}"), "one");
        assert_eq!(of("application/json", &[], " [{}]"), "bad_body");
        assert_eq!(of("application/cloudevents-batch+json", &binary, "[{},{}]"), "batch of 2");
        assert_eq!(of("application/cloudevents-batch+json", &[], "{}"), "bad_body");
        assert_eq!(of("text/json", &binary, "{}"), "one");
        assert_eq!(of("application/vnd.acme+json", &binary, ""), "one");
        assert_eq!(of("text/json", &[], "{}"), "wrong_content_type");
        assert_eq!(of("application/xml", &binary, "{}"), "wrong_content_type");
        assert_eq!(of("application/json", &[("content-encoding", "gzip")], "{}"), "encoded");
        assert_eq!(
            of("application/cloudevents-batch+json", &[], &format!("[{}]", vec!["{}"; 101].join(","))),
            "too_many"
        );
    }

    /// Two events whose ids are no UTF-8 became one: the second was a duplicate of the first, or in conflict with it.
    #[test]
    fn ids_that_are_no_utf8_become_one_id() {
        let of = |id: &str| {
            let given = [("content-type", "application/json"), ("ce-specversion", "1.0"), ("ce-id", id)];
            match Sent::read(&headers(&given), b"{}") {
                Ok(Sent::One(body)) => body,
                Ok(Sent::Batch(_)) => panic!("one event"),
                Err(_) => format!("refused {id}"),
            }
        };
        assert!(event::ids::EventId::try_from("order-\u{fffd}").is_ok(), "and it is an id");
        assert_ne!(of("order-%E9"), of("order-%E8"));
    }
}
