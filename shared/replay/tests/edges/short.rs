//! What is told of what is missing: of a tier that is lost, and of a reward that is not to be had yet.

use domain::ledger::{Effect, Outcome};
use domain::tell::explain;
use laurel_replay::World;

const HEAD: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
[earn.closed]
on = "deal.closed"
points = 10
"#;

const LADDER: &str = r#"
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
review = "quarterly"
first_review = "1 month"
enter = { deals = 2, within = "1 year" }
"#;

/// What is told of a partner with two deals of 1,000 that loses its tier; and how many bytes of it stand in the record.
fn lost(facts: &str, keep: &str, stated: &str) -> (String, usize) {
    let mut w = World::new(&format!("{HEAD}{facts}{LADDER}keep = {keep}\n"), "2026-01-15T12:00:00Z");
    let data = format!(r#"{{"name":"P","motions":["sell"]{stated}}}"#);
    w.send("partner.enrolled", "p", "e", "2026-01-15T12:00:00Z", &data);
    for n in 0..2 {
        let time = format!("2026-01-1{}T12:00:00Z", n + 6);
        w.at(&time).close("p", &format!("d{n}"), &time, "1000");
    }
    assert_eq!(w.tier("p"), "gold");
    w.at("2026-06-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member", "{}", w.ledger());
    let bytes =
        w.last().effects.iter().map(|effect| if let Effect::Tier { short, .. } = effect { short.len() } else { 0 });
    let bytes = bytes.max().unwrap_or_default();
    let told = explain(w.last(), None).tier_changes.concat();
    (told.split_once(" (").map_or(String::new(), |(_, short)| short.trim_end_matches(')').to_owned()), bytes)
}

/// Alternatives are told as such, what is met is not told, and only what has a window names one.
#[test]
fn what_was_too_little_is_told_as_it_was_asked() {
    let [two, three] = ["{ deals = 2, within = \"1 year\" }", "{ deals = 3, within = \"1 year\" }"];
    let acv = "{ acv = \"999000\", within = \"1 year\" }";
    for (keep, told) in [
        (format!("{{ all = [{{ any = [{two}, {acv}] }}, {three}] }}"), "2 of 3 deals within 1 year"),
        (format!("{{ any = [{three}, {acv}] }}"), "2 of 3 deals within 1 year or 2000 of 999000 acv within 1 year"),
        (
            format!("{{ any = [{{ all = [{two}, {acv}] }}, {{ certifications = 2 }}] }}"),
            "(2000 of 999000 acv within 1 year) or 0 of 2 certifications",
        ),
    ] {
        assert_eq!(lost("", &keep, "").0, told, "{keep}");
    }
    let facts = "[facts]\ntype = \"one of referral, reseller\"\n";
    let stated = r#","facts":{"type":"referral"}"#;
    assert_eq!(
        lost(facts, "{ partner.type = \"!= referral\" }", stated).0,
        "partner.type is referral, asked is != referral"
    );
    assert_eq!(lost(facts, "{ partner.type = \"reseller\" }", "").0, "partner.type is not stated, asked is reseller");
}

/// However much is asked, a record holds a bounded part of the words of it.
#[test]
fn what_was_too_little_is_told_within_bounds() {
    let words: Vec<String> = (0..1_000).map(|n| format!("w{n}")).collect();
    let facts = ["f0", "f1", "f2", "f3", "f4", "f5"].map(|fact| format!("{fact} = \"text\"")).join("\n");
    let keep: Vec<String> = (0..6).map(|n| format!("{{ partner.f{n} = \"one of {}\" }}", words.join(", "))).collect();
    let (told, bytes) = lost(&format!("[facts]\n{facts}\n"), &format!("{{ all = [{}] }}", keep.join(", ")), "");
    assert!(told.starts_with("partner.f0 is not stated, asked is one of w0, w1, ") && told.ends_with('…'), "{told}");
    assert!((400..500).contains(&bytes), "{bytes} bytes");
}

/// Every gate that is shut is told, a tier among others, too.
#[test]
fn every_gate_that_is_shut_is_told() {
    for (needs, told) in [
        ("course = \"apex\", tier = \"gold\"", "needed first: course apex; tier gold"),
        ("tier = \"gold\", agreement = \"2026-01\"", "needed first: tier gold; agreement 2026-01"),
        ("tier = \"gold\"", "the tier gold is needed"),
        ("course = \"research and development\"", "course research and development is needed first"),
    ] {
        let reward = format!("[reward.card]\nname = \"Card\"\npoints = 1\nneeds = {{ {needs} }}\n");
        let mut w = World::new(&format!("{HEAD}{LADDER}{reward}"), "2026-01-15T12:00:00Z");
        w.enrol("p");
        w.load_stock("card", 10);
        w.close("p", "d", "2026-01-15T12:00:00Z", "1000");
        assert_eq!(w.redeem("p", "card", 1, "k"), Outcome::Refused);
        assert_eq!(explain(w.last(), None).sentence, told, "{needs}");
    }
}
