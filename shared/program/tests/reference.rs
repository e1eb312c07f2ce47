//! The reference page and the schema for editors: as they are written, and what the schema takes and refuses.
//! `LAUREL_REFERENCE=write cargo test -p laurel-program --test reference` writes them anew.

use std::path::PathBuf;

use std::collections::{BTreeMap, BTreeSet};

use event::period::Every;
use laurel_program::check;
use laurel_program::reference::{reference, schema};
use serde_json::Value;

fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/programs")
}

const MARK: &str =
    "<!-- Every key: written by LAUREL_REFERENCE=write cargo test -p laurel-program --test reference -->\n";

fn as_written(file: &str, text: &str) {
    let path = programs().join(file);
    if std::env::var("LAUREL_REFERENCE").is_ok_and(|word| word == "write") {
        std::fs::write(&path, text).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "infra/programs/{file} is not what the reader takes; write it anew with LAUREL_REFERENCE=write"
    );
}

#[test]
fn the_page_and_the_schema_are_as_written() {
    let page = std::fs::read_to_string(programs().join("README.md")).expect("the page");
    let (head, _) = page.split_once(MARK).expect("where the keys begin");
    as_written("README.md", &format!("{head}{MARK}{}", reference()));
    as_written("program.schema.json", &(serde_json::to_string_pretty(&schema()).expect("JSON") + "\n"));
}

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).expect("TOML")).expect("JSON")
}

#[test]
fn the_schema_takes_what_is_in_good_form() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for file in ["apex.toml", "hr-software.toml", "perx.toml"] {
        let text = std::fs::read_to_string(programs().join(file)).expect("a program");
        let found: Vec<String> =
            validator.iter_errors(&json(&text)).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(found.is_empty(), "{file}: {found:?}");
        assert!(text.starts_with("#:schema ./program.schema.json\n"), "{file} names no schema");
    }
    for file in std::fs::read_dir(programs().join("../../tests/corpus/programs")).expect("programs") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a program");
        let found: Vec<String> =
            validator.iter_errors(&json(&text)).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_an_editor_should_underline() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let good = std::fs::read_to_string(programs().join("hr-software.toml")).expect("a program");
    for (was, is) in [
        ("points = 150", "points = \"150\""),
        ("points = 150", "point = 150"),
        ("by = \"1.25\"", "by = 1.25"),
        ("grace = \"1 quarter\"", "grace = \"one quarter\""),
        ("second_registrant = \"reject\"", "second_registrant = \"refuse\""),
        ("review = \"quarterly\"", "review = \"weekly\""),
        ("[earn.qualified]", "[earns.qualified]"),
        ("currency = \"USD\"\n", ""),
        ("from = \"2026-07-01\"", "from = 2026"),
    ] {
        let text = good.replacen(was, is, 1);
        assert!(text != good, "{was} is not there");
        assert!(!validator.is_valid(&json(&text)), "{was} -> {is}");
    }
}

/// A key of words, in a program that has its table.
struct OfWords {
    program: toml::Table,
    way: Vec<String>,
    words: Vec<String>,
}

fn table_at<'t>(mut value: &'t mut toml::Value, way: &[String]) -> &'t mut toml::Table {
    for step in way {
        value = match value {
            toml::Value::Array(list) => &mut list[step.parse::<usize>().expect("a place")],
            other => other.get_mut(step).expect("there"),
        };
    }
    value.as_table_mut().expect("a table")
}

/// Every table of a program beside its definition in the schema.
fn tables(
    schema: &Value,
    of: &Value,
    value: &toml::Value,
    way: &mut Vec<String>,
    found: &mut Vec<(String, Vec<String>)>,
) {
    if let Some(name) = of["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/")) {
        if value.is_table() {
            found.push((name.to_owned(), way.clone()));
        }
        return tables(schema, &schema["definitions"][name], value, way, found);
    }
    for option in of["anyOf"].as_array().into_iter().flatten() {
        tables(schema, option, value, way, found);
    }
    match value {
        toml::Value::Table(members) => {
            for (key, member) in members {
                let of = of["properties"].get(key).unwrap_or(&of["additionalProperties"]);
                way.push(key.clone());
                tables(schema, of, member, way, found);
                way.pop();
            }
        }
        toml::Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                way.push(place.to_string());
                tables(schema, &of["items"], item, way, found);
                way.pop();
            }
        }
        _ => {}
    }
}

/// The keys of words that the schema tells, by table and key, each in a shipped program or one of the corpus that has the table, and the
/// key where one has.
fn of_words(schema: &Value) -> BTreeMap<String, OfWords> {
    let folder = programs();
    let shipped = ["apex.toml", "hr-software.toml", "perx.toml"].map(|file| folder.join(file));
    let corpus = std::fs::read_dir(folder.join("../../tests/corpus/programs")).expect("programs");
    let corpus = corpus.map(|file| file.expect("a file").path());
    let mut keys = BTreeMap::new();
    for path in shipped.into_iter().chain(corpus) {
        let text = std::fs::read_to_string(path).expect("a program");
        let program: toml::Table = toml::from_str(&text).expect("TOML");
        let mut found = Vec::new();
        tables(schema, schema, &toml::Value::Table(program.clone()), &mut Vec::new(), &mut found);
        for (name, way) in found {
            let properties = schema["definitions"][&name]["properties"].as_object().expect("properties");
            for (key, property) in properties {
                let Some(words) = property["enum"].as_array() else { continue };
                let words = words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
                let mut whole = toml::Value::Table(program.clone());
                let has = table_at(&mut whole, &way).contains_key(key);
                let way = way.iter().chain([key]).cloned().collect();
                let name = format!("{name}.{key}");
                if has || !keys.contains_key(&name) {
                    keys.insert(name, OfWords { program: program.clone(), way, words });
                }
            }
        }
    }
    keys
}

/// What is found at the key once it says `word`.
fn said(key: &OfWords, word: &str) -> Vec<String> {
    let mut program = toml::Value::Table(key.program.clone());
    let (last, way) = key.way.split_last().expect("a key");
    table_at(&mut program, way).insert(last.clone(), word.into());
    let found = check(&toml::to_string(&program).expect("TOML"));
    let told = found.into_iter().map(|found| format!("{} {}", found.message, found.help.unwrap_or_default()));
    told.filter(|told| told.contains(word) || key.words.iter().any(|word| told.contains(&format!("\"{word}\""))))
        .collect()
}

/// What stands in quotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A key of words lists in the reference what its reader takes, and its reader names them where it is told something else.
#[test]
fn the_words_of_the_reference_are_the_words_of_the_reader() {
    let schema = schema();
    let keys = of_words(&schema);
    let definitions = schema["definitions"].as_object().expect("definitions");
    let all = definitions.iter().flat_map(|(table, definition)| {
        let properties = definition["properties"].as_object().into_iter().flatten();
        properties.filter(|(_, of)| of.get("enum").is_some()).map(move |(key, _)| format!("{table}.{key}"))
    });
    assert_eq!(keys.keys().cloned().collect::<BTreeSet<_>>(), all.collect(), "left: what some program has a table for");
    for (name, key) in keys {
        let words: BTreeSet<String> = key.words.iter().cloned().collect();
        let refused: Vec<String> = said(&key, "nonsense").into_iter().filter(|told| told.contains("write")).collect();
        let [told] = &refused[..] else { panic!("{name} = \"nonsense\": {refused:?}") };
        assert_eq!(quoted(told), words, "left: what the reader says of {name}; right: the reference");
        for word in &key.words {
            assert!(!said(&key, word).contains(told), "{name} = \"{word}\" is not read");
        }
    }
}

#[test]
fn the_reference_names_every_period_of_caps() {
    let schema = schema();
    let told = schema["definitions"]["earn"]["properties"]["at_most"]["description"].as_str().expect("a description");
    for every in Every::ALL.iter().filter(|every| **every != Every::Ever) {
        assert!(told.contains(every.word()), "{told}: {}", every.word());
    }
}
