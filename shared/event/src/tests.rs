use jiff::Timestamp;

use crate::{BODY_BYTES_MAX, Code, Event, Unreadable};

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("now")
}

const GOOD: &str = r#"{"specversion":"1.0","id":"e-1","source":"/crm/acme","type":"deal.closed","subject":"p-1",
"program":"hr-software","time":"2026-03-14T09:30:00Z","datacontenttype":"application/json",
"data":{"deal_id":"D-1","outcome":"won","acv":{"amount":"48000.00","currency":"USD"},"tenor_months":36}}"#;

fn parse(body: &str) -> Result<Event, Unreadable> {
    Event::parse(body, now())
}

fn rejected(body: &str) -> (Code, String) {
    match parse(body) {
        Err(Unreadable::Rejected { rejection, .. }) => (rejection.code, rejection.field),
        other => panic!("{body}: {other:?}"),
    }
}

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

#[test]
fn a_good_event_is_read_whole() {
    let event = parse(GOOD).expect("event");
    assert_eq!(event.identity.to_string(), "hr-software /crm/acme e-1");
    assert_eq!(event.partner.as_str(), "p-1");
    assert_eq!(event.kind.name(), "deal.closed");
    assert_eq!(event.kind.total_value(), Some(rust_decimal::Decimal::new(144_000, 0)));
}

#[test]
fn one_meaning_one_hash() {
    let hash = parse(GOOD).expect("event").hash;
    let same = [
        with("\"time\":\"2026-03-14T09:30:00Z\"", "\"time\":\"2026-03-14T09:30:00+00:00\""),
        with("\"specversion\":\"1.0\"", "\"traceparent\":\"00-x\",\"specversion\":\"1.0\""),
        with("\"outcome\":\"won\",", "\n  \"outcome\" :  \"won\", "),
        with("{\"deal_id\":\"D-1\",\"outcome\":\"won\"", "{\"outcome\":\"won\",\"deal_id\":\"D-1\""),
        with("\"tenor_months\":36", "\"tenor_months\":36,\"undeclared\":1"),
    ];
    for body in same {
        assert_eq!(parse(&body).expect("event").hash, hash, "{body}");
    }
    let other = [
        with("\"p-1\"", "\"p-2\""),
        with("48000.00", "48000.01"),
        with("48000.00", "48000.0"),
        with("09:30:00Z", "09:30:01Z"),
    ];
    for body in other {
        assert_ne!(parse(&body).expect("event").hash, hash, "{body}");
    }
}

/// E3: what CloudEvents 1.0 allows means what it says, and what it forbids is refused.
#[test]
fn e3_cloud_events_as_the_specification_has_them() {
    use base64::Engine;
    let good = parse(GOOD).expect("event");
    let data = GOOD.split_once("\"data\":").and_then(|(_, data)| data.strip_suffix('}')).expect("data");
    let base64 = format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(data));
    let in_base64 = |value: &str| GOOD.replace(&format!("\"data\":{data}"), &format!("\"data_base64\":{value}"));
    let content = |kind: &str| with("\"application/json\"", &format!("\"{kind}\""));
    let same = [
        in_base64(&base64),
        in_base64(&format!("{base64},\"data\":null")),
        content("application/json; charset=utf-8"),
        content("Application/JSON"),
        content("text/json"),
        content("application/vnd.acme.deal+json;v=1"),
        with("\"application/json\"", "null"),
        with("\"specversion\"", "\"dataschema\":null,\"specversion\""),
        with("\"specversion\"", "\"traceparent\":\"00-x\",\"retries\":3,\"sampled\":true,\"specversion\""),
        with("2026-03-14T09:30:00Z", "2026-03-14t09:30:00z"),
    ];
    for body in same {
        assert_eq!(parse(&body).as_ref(), Ok(&good), "{body}");
    }
    let extension = |member: &str| with("\"specversion\"", &format!("{member},\"specversion\""));
    let not_json = base64::engine::general_purpose::STANDARD.encode("oops");
    let bad = [
        (with("\"data\":", &format!("\"data_base64\":{base64},\"data\":")), Code::BadForm, "data_base64"),
        (in_base64("\"%%%\""), Code::BadForm, "data_base64"),
        (in_base64("\"/w==\""), Code::BadForm, "data_base64"),
        (in_base64("7"), Code::BadForm, "data_base64"),
        (in_base64(&format!("\"{not_json}\"")), Code::BadForm, "data"),
        (in_base64("null"), Code::MissingField, "data"),
        (content("application/xml"), Code::BadForm, "datacontenttype"),
        (content("application/jsonp"), Code::BadForm, "datacontenttype"),
        (content("json"), Code::BadForm, "datacontenttype"),
        (extension("\"traceParent\":\"00-x\""), Code::BadForm, "traceParent"),
        (extension("\"trace_parent\":\"00-x\""), Code::BadForm, "trace_parent"),
        (extension("\"\":\"00-x\""), Code::BadForm, ""),
        (extension("\"trace\":{\"a\":1}"), Code::BadForm, "trace"),
        (extension("\"trace\":[1]"), Code::BadForm, "trace"),
        (with("09:30:00Z", "09:30:00+24:00"), Code::BadTime, "time"),
    ];
    for (body, code, field) in bad {
        assert_eq!(rejected(&body), (code, field.to_owned()), "{body}");
    }
}

#[test]
fn without_an_identity_it_is_quarantined() {
    let no_id = with("\"id\":\"e-1\",", "");
    let two_ids = with("\"id\":\"e-1\",", "\"id\":\"e-1\",\"id\":\"e-2\",");
    let number_id = with("\"id\":\"e-1\"", "\"id\":7");
    let large = with("\"D-1\"", &format!("\"{}\"", "x".repeat(BODY_BYTES_MAX)));
    for body in ["", "null", "[]", "7", "oops", "{\"id\":", &no_id, &two_ids, &number_id, &large] {
        assert!(matches!(parse(body), Err(Unreadable::Quarantined { .. })), "{body:.80}");
    }
    let Err(Unreadable::Quarantined { offset, .. }) = parse("{\"id\": oops}") else { panic!() };
    assert_eq!(offset, Some(7));
}

#[test]
fn every_bad_form_has_its_code_and_field() {
    let amount = "\"acv\":{\"amount\":\"48000.00\",\"currency\":\"USD\"}";
    let acv = |s: &str| with(amount, &format!("\"acv\":{s}"));
    let nested = format!("\"x\":{}{}", "[".repeat(200), "]".repeat(200));
    let wide = format!("\"x\":[{}]", vec!["0"; 10_000].join(","));
    let long = "x".repeat(129);
    let rows: Vec<(String, Code, &str)> = vec![
        (with("\"id\":\"e-1\"", "\"id\":\"\""), Code::BadId, "id"),
        (with("\"id\":\"e-1\"", "\"id\":\"a\\nb\""), Code::BadId, "id"),
        (with("\"p-1\"", &format!("\"{long}\"")), Code::BadId, "subject"),
        (with("\"p-1\"", "\"\""), Code::BadId, "subject"),
        (with("\"p-1\"", "\"@program\""), Code::ReservedPartner, "subject"),
        (with("deal.closed", "deal.exploded"), Code::UnsupportedType, "type"),
        (with("deal.closed", "budget.funded"), Code::ReservedPartner, "subject"),
        (with("\"1.0\"", "\"2.0\""), Code::UnsupportedVersion, "specversion"),
        (
            with("\"specversion\"", "\"dataschema\":\"https://x/v2\",\"specversion\""),
            Code::UnsupportedVersion,
            "dataschema",
        ),
        (with("/crm/acme", "urn:laurel:clock"), Code::ReservedSource, "source"),
        (with("2026-03-14T09:30:00Z", "2026-06-01T00:05:01Z"), Code::BadTime, "time"),
        (with("2026-03-14T09:30:00Z", "0001-01-01T00:00:00Z"), Code::BadTime, "time"),
        (with("2026-03-14T09:30:00Z", "9999-01-01T00:00:00Z"), Code::BadTime, "time"),
        (with("09:30:00Z", "09:30:00"), Code::BadTime, "time"),
        (with("09:30:00Z", "24:00:00Z"), Code::BadTime, "time"),
        (acv("{\"amount\":\"-1\",\"currency\":\"USD\"}"), Code::BadAmount, "data.acv.amount"),
        (acv("{\"amount\":48000.00,\"currency\":\"USD\"}"), Code::BadAmount, "data.acv.amount"),
        (acv("{\"amount\":\"12,5\",\"currency\":\"USD\"}"), Code::BadAmount, "data.acv.amount"),
        (acv("48000"), Code::BadAmount, "data.acv"),
        (acv("{\"amount\":\"10.50\",\"currency\":\"JPY\"}"), Code::BadCurrency, "data.acv.amount"),
        (acv("{\"amount\":\"10.50\"}"), Code::BadCurrency, "data.acv.currency"),
        (acv("{\"amount\":\"10.50\",\"currency\":\"usd\"}"), Code::BadCurrency, "data.acv.currency"),
        (acv("null"), Code::MissingField, "data.acv"),
        (with("\"outcome\":\"won\"", "\"outcome\":\"maybe\""), Code::BadValue, "data.outcome"),
        (with("\"tenor_months\":36", "\"tenor_months\":36.0"), Code::BadForm, "data.tenor_months"),
        (with("\"tenor_months\":36", "\"tenor_months\":0"), Code::BadValue, "data.tenor_months"),
        (with("\"tenor_months\":36", "\"tenor_months\":36,\"tenor_months\":12"), Code::DuplicateKey, "data"),
        (with("\"type\"", "\"type\":\"x\",\"type\""), Code::DuplicateKey, "type"),
        (with("\"tenor_months\":36", &nested), Code::TooComplex, "data"),
        (with("\"tenor_months\":36", &wide), Code::TooComplex, "data"),
        (with("\"data\":{", "\"data\":[],\"x\":{"), Code::BadForm, "data"),
    ];
    for (body, code, field) in rows {
        assert_eq!(rejected(&body), (code, field.to_owned()), "{body:.300}");
    }
}

#[test]
fn a_newer_minor_version_is_accepted() {
    assert!(parse(&with("\"1.0\"", "\"1.1\"")).is_ok());
    assert!(parse(&with("\"specversion\"", "\"dataschema\":\"https://x/v1.7\",\"specversion\"")).is_ok());
    assert!(parse(&with("\"tenor_months\":36", "\"tenor_months\":36,\"mood\":{\"a\":[1.5e3]}")).is_ok());
}

#[test]
fn the_time_limit_is_exact() {
    assert!(parse(&with("2026-03-14T09:30:00Z", "2026-06-01T00:05:00Z")).is_ok());
    assert!(parse(&with("2026-03-14T09:30:00Z", "2000-01-01T00:00:00Z")).is_ok());
    assert_eq!(rejected(&with("2026-03-14T09:30:00Z", "1999-12-31T23:59:59Z")).0, Code::BadTime);
    // Whoever knows no now: days of the last year that there is cannot be reckoned with.
    let whenever = |time| Event::parse(&with("2026-03-14T09:30:00Z", time), Timestamp::MAX);
    assert!(whenever("8999-12-31T23:59:59Z").is_ok());
    assert!(matches!(whenever("9000-01-01T00:00:00Z"), Err(Unreadable::Rejected { .. })));
}

/// An instant whose text in UTC nobody can read was taken, and its record was lost for whoever rebuilds.
#[test]
fn every_instant_that_is_taken_is_read_again() {
    let granted = |until: &str| {
        let data = format!(r#"{{"certification_id":"c","person_id":"ann","valid_until":"{until}"}}"#);
        let was = "{\"deal_id\":\"D-1\",\"outcome\":\"won\",\"acv\":{\"amount\":\"48000.00\",\"currency\":\"USD\"},\"tenor_months\":36}";
        with("deal.closed", "certification.granted").replace(was, &data)
    };
    for until in ["1900-01-01T00:00:00Z", "2027-01-01T00:00:00+14:00", "8999-12-31T23:59:59Z"] {
        let event = parse(&granted(until)).expect("an event");
        assert_eq!(parse(&event.body()).map(|again| again.hash), Ok(event.hash), "{until}");
    }
    for until in ["0000-01-01T00:00:00+01:00", "1899-12-31T23:59:59Z", "9000-01-01T00:00:00Z"] {
        assert_eq!(rejected(&granted(until)), (Code::BadTime, "data.valid_until".to_owned()), "{until}");
    }
}

/// C1, C2: every person is a pseudonym before anything is kept, and no name can be found by trying hashes.
#[test]
fn no_hash_and_no_member_names_a_person() {
    let body = |person: &str| {
        with("deal.closed", "attestation.recorded").replace(
            "{\"deal_id\":\"D-1\",\"outcome\":\"won\",\"acv\":{\"amount\":\"48000.00\",\"currency\":\"USD\"},\"tenor_months\":36}",
            &format!("{{\"criterion\":\"strategic\",\"value\":true,\"by\":\"{person}\",\"person_id\":\"{person}\"}}"),
        )
    };
    let (mut ann, bob) = (parse(&body("ann")).expect("event"), parse(&body("bob")).expect("event"));
    assert_eq!(ann.hash, bob.hash, "persons are blank in the hash");
    assert_ne!(ann.persons(), bob.persons(), "and stand beside it");
    let sent = ann.body();
    let name = |text: &str| crate::ids::PersonId::try_from(text).expect("a person");
    ann.pseudonymise(&[(name("ann"), name("person-1"))].into());
    assert_eq!(ann.kind.canonical(), r#"{"by":"person-1","criterion":"strategic","value":true}"#);
    assert_eq!(ann.persons(), [name("person-1")]);
    assert_eq!(ann.body(), sent, "sent again, it names whom it named");
}

/// What no member alone can say.
#[test]
fn members_must_fit_each_other() {
    let refused = |kind: &str, data: &str| {
        let data = crate::json::Json::parse(data).expect("JSON");
        let rejection = crate::Kind::read(kind, &data).expect_err("refused");
        (rejection.code, rejection.field)
    };
    let lines = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"1","currency":"USD"},"lines":[{"revenue_type":"x","amount":{"amount":"1","currency":"EUR"}}]}"#;
    assert_eq!(refused("deal.closed", lines), (Code::BadCurrency, "data.lines".to_owned()));
    for kind in ["exclusivity.granted", "exclusivity.ended"] {
        assert_eq!(refused(kind, "{}"), (Code::BadValue, "data.territory".to_owned()));
    }
    let moved = r#"{"deal_id":"d","to_partner":"@program"}"#;
    assert_eq!(refused("deal.reassigned", moved), (Code::ReservedPartner, "data.to_partner".to_owned()));
}

#[test]
fn texts_and_values_have_a_length() {
    let read = |kind: &str, data: String| {
        let data = crate::json::Json::parse(&data).expect("JSON");
        crate::Kind::read(kind, &data).map(|kind| kind.canonical()).map_err(|rejection| rejection.code)
    };
    let reason = |chars: usize| read("partner.suspended", format!(r#"{{"reason":"{}"}}"#, "x".repeat(chars)));
    assert!(reason(1_000).is_ok());
    assert_eq!(reason(1_001), Err(Code::BadForm));
    let value = |chars: usize| {
        let data = format!(r#"{{"by":"ann","criterion":"c","value":"{}"}}"#, "x".repeat(chars - 2));
        read("attestation.recorded", data)
    };
    assert!(value(66).is_ok(), "its quotes counted");
    assert_eq!(value(67), Err(Code::BadValue), "what is attested is compared, and short");
    assert_eq!(value(1_000), Err(Code::BadValue));
    assert_eq!(value(1_001), Err(Code::BadForm));
}

/// What a type declares is what its variant holds: reading the written data gives the same event.
#[test]
fn every_type_reads_what_it_writes() {
    for row in crate::catalogue::rows() {
        let members = row.members.iter().flat_map(|m| m.example.iter().map(move |e| format!("\"{}\":{e}", m.name)));
        let data = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        let data = crate::json::Json::parse(&data).expect("JSON");
        let kind = crate::Kind::read(row.name, &data).unwrap_or_else(|e| panic!("{}: {e:?}", row.name));
        assert_eq!(kind.name(), row.name);
        assert_eq!(kind.canonical(), data.canonical(), "{}", row.name);
        for member in row.members.iter().filter(|m| m.required) {
            let crate::json::Json::Map(mut map) = data.clone() else { panic!("an object") };
            map.remove(member.name);
            let bad = crate::Kind::read(row.name, &crate::json::Json::Map(map)).expect_err("a member is missing");
            assert_eq!((bad.code, bad.field), (Code::MissingField, format!("data.{}", member.name)));
        }
    }
}

/// I17, I28: why a body is no event says nothing of what stands in it.
#[test]
fn a_reason_holds_nothing_of_the_body() {
    for body in
        [r#""dana@northwind.example has bought""#, "4155550123", r#"{"program":"p","source":"/s","id":4155550123}"#]
    {
        let Err(Unreadable::Quarantined { reason, .. }) = Event::parse(body, Timestamp::MAX) else { panic!("{body}") };
        assert!(!reason.contains("dana") && !reason.contains("4155550123"), "{reason}");
    }
}

/// I28: pseudonyms are of whoever was sent; put in twice, they are the same, and the body sent again names whom it named.
#[test]
fn pseudonyms_twice_are_as_once() {
    let body = r#"{"specversion":"1.0","id":"v","source":"/cms/t","type":"content.viewed","subject":"p","program":"t","time":"2026-03-14T09:30:00Z","data":{"content_id":"c","person_id":"ann"}}"#;
    let mut event = parse(body).expect("an event");
    let as_sent = event.body();
    for round in 0..2 {
        let sent = event.persons_as_sent();
        assert_eq!(sent.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["ann"], "{round}");
        let names = sent.into_iter().map(|person| (person, "person-1".try_into().expect("a name"))).collect();
        event.pseudonymise(&names);
        assert_eq!(event.persons().iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["person-1"], "{round}");
        assert_eq!(event.body(), as_sent, "{round}");
    }
}

#[test]
fn the_size_limit_is_exact() {
    let of = |bytes: usize| format!("{GOOD}{}", " ".repeat(bytes - GOOD.len()));
    assert!(parse(&of(BODY_BYTES_MAX)).is_ok());
    assert!(matches!(parse(&of(BODY_BYTES_MAX + 1)), Err(Unreadable::Quarantined { .. })));
}

#[test]
fn a_message_holds_no_control_character() {
    let twice = with("\"tenor_months\":36", "\"x\\u0007y\":1,\"x\\u0007y\":2");
    let Err(Unreadable::Rejected { rejection, .. }) = parse(&twice) else { panic!("a key is there twice") };
    assert_eq!(rejection.message, "the key `xy` is there twice; send it once");
}

/// I28: whoever a type names, whether it must or may: the ledger keeps a pseudonym.
#[test]
fn every_person_that_a_type_names_is_replaced() {
    let mut named = 0;
    for row in crate::catalogue::rows() {
        let body = crate::schema::sample(row).to_string();
        let mut event = Event::parse(&body, Timestamp::MAX).unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        let persons = event.persons_as_sent();
        named += persons.len();
        let name = || crate::ids::PersonId::try_from("person-1").expect("a name");
        event.pseudonymise(&persons.iter().map(|person| (person.clone(), name())).collect());
        assert_eq!(event.persons(), vec![name(); persons.len()], "{}", row.name);
    }
    assert!(named >= 8, "{named} persons in all samples");
}

#[test]
fn a_day_is_read_as_it_was_written() {
    let read = |data: &str| {
        let data = crate::json::Json::parse(data).expect("JSON");
        crate::Kind::read("points.expired", &data).map(|kind| kind.canonical()).map_err(|rejection| rejection.code)
    };
    let data = r#"{"due":"2026-05-01"}"#;
    assert_eq!(read(data), Ok(data.to_owned()));
    assert_eq!(read(r#"{"due":"1 May"}"#), Err(Code::BadTime));
}

/// What Laurel makes itself is no event of anybody's, whatever its source and its data.
#[test]
fn nobody_sends_what_only_laurel_makes() {
    let members = r#"{"deal_id":"d","opportunity_id":"o","payout_id":"2026-11-30-USD","amount":{"amount":"4","currency":"USD"},"due":"2027-01-11","until":"2027-01-11","territory":"t","motion":"sell","redemption_id":"r","reward_id":"card","quantity":1,"reason":"declined","version":1,"number":1,"sha256":"s","author":"a"}"#;
    let data = crate::json::Json::parse(members).expect("JSON");
    let mut read = 0;
    for name in crate::types::INTERNAL {
        read += usize::from(crate::Kind::read(name, &data).is_ok());
        let body = format!(
            r#"{{"specversion":"1.0","id":"x","source":"/crm/x","type":"{name}","subject":"p","program":"test","time":"2026-03-02T15:00:00Z","data":{members}}}"#
        );
        let told = Event::parse(&body, Timestamp::MAX).expect_err("it is Laurel's own");
        let Unreadable::Rejected { rejection, .. } = told else { panic!("{name}: {told:?}") };
        assert_eq!((rejection.code, &*rejection.field), (Code::UnsupportedType, "type"), "{name}");
    }
    assert!(
        read >= 15,
        "only {read} of {} are in good form here, and would be refused for that",
        crate::types::INTERNAL.len()
    );
}
