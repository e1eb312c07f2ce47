//! Every structural warning has a witness, and the witness holds.

use std::collections::BTreeSet;
use std::fmt::Write;

use insta::assert_snapshot;
use laurel_guide::story::Ground;
use laurel_guide::{Found, check};
use program::{Code, Severity};
use proptest::prelude::*;

const RISKS: [(&str, &str); 10] = [
    ("oscillating", include_str!("risks/oscillating.toml")),
    ("unreachable", include_str!("risks/unreachable.toml")),
    ("never-held", include_str!("risks/never-held.toml")),
    ("no-warning", include_str!("risks/no-warning.toml")),
    ("clocks", include_str!("risks/clocks.toml")),
    ("above-cap", include_str!("risks/above-cap.toml")),
    ("below-floor", include_str!("risks/below-floor.toml")),
    ("half", include_str!("risks/half.toml")),
    ("unbounded", include_str!("risks/unbounded.toml")),
    ("out-of-line", include_str!("risks/out-of-line.toml")),
];

fn told(found: &[Found]) -> String {
    let mut text = String::new();
    for Found { finding, witness } in found {
        writeln!(text, "{:?} {:?} line {}: {}", finding.severity, finding.code, finding.line, finding.message)
            .expect("text");
        if let Some(witness) = witness {
            writeln!(text, "  {}", witness.shows).expect("text");
            for step in &witness.events {
                writeln!(text, "    {step}").expect("text");
            }
            for line in &witness.ledger {
                writeln!(text, "      {line}").expect("text");
            }
        }
    }
    text
}

#[test]
fn each_risk_is_shown_by_a_story() {
    for (name, file) in RISKS {
        assert_snapshot!(name, told(&check(file)));
    }
}

#[test]
fn every_structural_warning_has_a_witness_that_holds() {
    let mut seen = BTreeSet::new();
    for (name, file) in RISKS {
        let ground = Ground::of(file).expect("a program");
        let warnings: Vec<Found> =
            check(file).into_iter().filter(|one| one.finding.severity == Severity::Warning).collect();
        assert!(!warnings.is_empty(), "{name} has no warning");
        for one in warnings {
            let witness = one.witness.unwrap_or_else(|| panic!("{name}: {:?} has no witness", one.finding.code));
            assert!(!witness.ledger.is_empty() || one.finding.code == Code::UnreachableTier, "{name} shows nothing");
            assert!(witness.holds(&ground), "{name}: {:?} does not hold", one.finding.code);
            seen.insert(one.finding.code);
        }
    }
    let structural = [
        Code::OscillatingLadder,
        Code::UnreachableTier,
        Code::TierNeverHeld,
        Code::DemotionWithoutWarning,
        Code::ContradictingClocks,
        Code::RateAboveCap,
        Code::RateOfHalf,
        Code::MarginBelowFloor,
        Code::UnboundedPoints,
        Code::AmountOutOfLine,
    ];
    assert_eq!(seen, structural.into());
}

/// A story that shows something else than the ledger has, or by another program, does not hold.
#[test]
fn a_witness_of_another_program_does_not_hold() {
    let (_, file) = RISKS[0];
    let witness = check(file).into_iter().find_map(|one| one.witness).expect("a witness");
    let well = file.replace("keep = { registrations = 6", "keep = { registrations = 4");
    assert!(!witness.holds(&Ground::of(&well).expect("a program")));
}

/// The ladder as its source states it: it is publishable, and whoever closes five to nine deals a year goes up and down (M12, M13).
#[test]
fn the_ladder_of_perx_bounces_from_five_to_nine_deals() {
    let perx = include_str!("../../../infra/programs/perx.toml");
    let found = check(perx);
    assert!(found.iter().all(|one| one.finding.severity == Severity::Warning), "{}", told(&found));
    let bounces = found.iter().find(|one| one.finding.code == Code::OscillatingLadder).expect("a warning");
    let witness = bounces.witness.as_ref().expect("a witness");
    assert!(
        witness.shows.contains("5 deals a year") && witness.shows.contains("up to 9 deals a year"),
        "{}",
        witness.shows
    );
    assert_eq!(witness.ledger.iter().filter(|line| line.what == "sell: up to reseller").count(), 2);
    assert!(witness.ledger.iter().any(|line| line.what == "sell: down to referral"));
    assert!(witness.events.iter().filter(|step| step.to_string().contains("deal.closed")).count() >= 10);
}

/// A ladder that a careful person would write: each tier asks for more than the one below, keeps for no more than it asks, warns first.
fn ladders() -> impl Strategy<Value = String> {
    let measure = prop::sample::select(vec!["deals", "registrations", "qualified", "projects"]);
    let window = prop::sample::select(vec!["1 year", "6 months", "1 quarter", "2 years", "fiscal year"]);
    let review = prop::sample::select(vec!["monthly", "quarterly", "annually"]);
    let steps = prop::collection::vec((1u32..6, 0u32..3, any::<bool>()), 1..5);
    (measure, window, review, steps, any::<bool>()).prop_map(|(measure, window, review, steps, all)| {
        // Of a fiscal year a review sees what of it is over: once a year that is all.
        let review = if window == "fiscal year" { "annually" } else { review };
        let mut text = "[program]\nid = \"well\"\nname = \"Well made\"\ncurrency = \"USD\"\n\n[sources]\n\"/crm/*\" = [\"partner.*\", \"deal.*\", \"project.*\", \"certification.*\"]\n\n[ladder.sell.start]\nrank = 1\n".to_owned();
        let mut least = 0;
        for (at, (more, less, certified)) in steps.into_iter().enumerate() {
            least += more;
            let keeps = least.saturating_sub(less).max(1);
            let criteria = |least: u32| {
                let counted = format!("{{ {measure} = {least}, within = \"{window}\" }}");
                let more = if certified { format!("{{ certification = \"expert\", persons = {} }}", at + 1) } else { format!("{{ acv = \"{}\", within = \"1 year\" }}", least * 10_000) };
                format!("{{ {} = [{counted}, {more}] }}", if all { "all" } else { "any" })
            };
            write!(
                text,
                "\n[ladder.sell.tier-{at}]\nrank = {}\nenter = {}\nkeep = {}\nreview = \"{review}\"\ngrace = \"1 quarter\"\n",
                at + 2,
                criteria(least),
                criteria(keeps)
            )
            .expect("text");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn well_made_ladders_give_no_warning(file in ladders()) {
        let found = check(&file);
        prop_assert!(found.is_empty(), "{file}\n{}", told(&found));
    }
}
