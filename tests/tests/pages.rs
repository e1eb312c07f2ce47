//! Pages that people read agree with the code.

use std::collections::BTreeSet;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The first text in quotes after each `start`, if nothing but arguments stands before it; a pointer is passed over.
fn words(source: &str, start: &str) -> Vec<String> {
    let code = |rest: &str| {
        let call = rest.split(';').next()?;
        let mut texts = call.split('"').skip(1).step_by(2);
        texts
            .find(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            .map(str::to_owned)
    };
    source.split(start).skip(1).filter_map(code).collect()
}

/// The variants of an enum in a source, as they are written in JSON.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub enum {name} {{")).expect("the enum");
    let body = &source[start..start + source[start..].find("\n}").expect("its end")];
    let named = body.lines().filter_map(|line| line.strip_prefix("    ")?.trim_end_matches([',', ' ', '{']).into());
    let named = named.filter(|line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase()));
    named.map(|name| laurel_tests::template::kebab(name).replace('-', "_")).collect()
}

/// E8: every code that a caller can meet is explained, and nothing else.
#[test]
fn e8_every_problem_is_explained() {
    let read = |path: &str| std::fs::read_to_string(format!("{ROOT}/{path}")).expect("a page");
    let page = read("shared/web/PROBLEMS.md");
    let told: Vec<String> =
        page.lines().filter_map(|l| Some(l.strip_prefix("| `")?.split('`').next()?.to_owned())).collect();
    let explained: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(explained.len(), told.len(), "each once");
    let folders = ["functions", "shared/web/src", "shared/local/src"];
    let all: Vec<String> =
        folders.iter().flat_map(|folder| laurel_tests::sources(&format!("{ROOT}/{folder}"))).collect();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for source in &all {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default().replace("fn problem(", "");
        for start in ["Problem::new(", "Self::new(StatusCode", "Problem::value(", "Self::value(", "problem(", " fault("]
        {
            met.extend(words(&source, start));
        }
    }
    met.extend(variants(&read("shared/event/src/rejection.rs"), "Code"));
    // What a redemption is refused for: reasons of the ledger.
    let reasons: BTreeSet<String> =
        variants(&read("shared/domain/src/ledger/reason.rs"), "Reason").into_iter().collect();
    let refused = explained.intersection(&reasons).cloned().collect::<Vec<_>>();
    let expected = [
        "cap_reached",
        "gate_not_passed",
        "no_program",
        "not_enough_points",
        "out_of_stock",
        "partner_offboarded",
        "partner_suspended",
        "retired",
        "tier_too_low",
        "unknown_reward",
        "wrong_state",
    ];
    assert_eq!(refused, expected);
    met.extend(refused);
    assert_eq!(explained, met, "left: what the page explains; right: what the code says");
}
