//! The reference page and the schema for editors: as they are written, and what the schema takes and refuses.
//! `LAUREL_REFERENCE=write cargo test -p laurel-program --test reference` writes them anew.

use std::path::PathBuf;

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
