//! Every structural warning has a witness, and the witness holds.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use domain::decide::budgets;
use domain::ledger::PoolBalance;
use insta::assert_snapshot;
use jiff::Timestamp;
use jiff::civil::date;
use laurel_guide::story::Ground;
use laurel_guide::{Found, Stands, check, soon_spent};
use program::{Code, Program, Programs, Severity, Version};
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

/// A program before and after somebody changed it.
const BEFORE: &str = r#"
[program]
id = "leaps"
name = "Leaps"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[budget.fund]
of = "points"
per = "quarter"
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 2, within = "1 year" }
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", bands = [{ from = "1", points = 10 }, { from = "1000", points = 100 }] }
budget = "fund"
[earn.registered]
on = "deal.registered"
points = 5
times = [{ tier = "gold", by = "1.2" }]
at_most = "100 points per partner per month"
[commission.base]
rate = { by = "acv", bands = [{ from = "1", rate = "3%" }, { from = "25000", rate = "5%" }] }
tenor = { "36 months" = "1.5" }
"#;

/// What leaps against the version before, each with its story, which holds.
fn leapt(from: &str, to: &str) -> Vec<Found> {
    assert!(BEFORE.contains(from), "{from}");
    let text = BEFORE.replacen(from, to, 1);
    let (before, after) = (Ground::of(BEFORE).expect("a program"), Ground::of(&text).expect("a program"));
    let found: Vec<Found> = program::leaps(before.program(), after.program(), &text)
        .into_iter()
        .map(|leap| laurel_guide::leapt(leap, Some(&before), &after))
        .collect();
    for one in &found {
        let witness = one.witness.as_ref().unwrap_or_else(|| panic!("{} has no story", one.finding.message));
        assert!(witness.holds(&after) && !witness.holds(&before), "{}", witness.shows);
    }
    found
}

#[test]
fn a_leap_is_shown_by_what_gave_so_much_before() {
    for (name, from, to) in [
        ("leap-band", "points = 100 }", "points = 10000 }"),
        ("leap-tier", "by = \"1.2\"", "by = \"12\""),
        ("leap-rate", "rate = \"5%\"", "rate = \"50%\""),
        ("leap-tenor", "\"1.5\"", "\"15\""),
    ] {
        assert_snapshot!(name, told(&leapt(from, to)));
    }
}

/// Each figure that leaps has a story of its own, and what a cap leaves as it was is no leap.
#[test]
fn each_leap_has_its_own_story() {
    let found = leapt(
        "{ from = \"1\", points = 10 }, { from = \"1000\", points = 100 }",
        "{ from = \"1\", points = 100 }, { from = \"1000\", points = 10000 }",
    );
    let shows: Vec<String> = found.into_iter().filter_map(|one| Some(one.witness?.shows)).collect();
    assert_eq!(
        shows,
        [
            "what gave 10 points by the version before gives 100 points by this one",
            "what gave 100 points by the version before gives 10000 points by this one"
        ]
    );
    let capped =
        BEFORE.replacen("[commission.base]\n", "[commission.base]\nat_most = \"500 USD per partner per year\"\n", 1);
    let text = capped.replacen("\"5%\"", "\"50%\"", 1);
    let (before, after) = (Ground::of(&capped).expect("a program"), Ground::of(&text).expect("a program"));
    for leap in program::leaps(before.program(), after.program(), &text) {
        let one = laurel_guide::leapt(leap, Some(&before), &after);
        assert!(one.witness.is_none(), "{:?}", one.witness);
    }
}

/// A budget that a month of what it gives exhausts is told with its numbers: as it is drawn, and as it will be by the new rates.
#[test]
fn a_budget_that_a_month_exhausts_is_told() {
    let versions = |text: &str| {
        let version = Version {
            number: 1,
            hash: Version::content_hash(text),
            effective_from: Timestamp::MIN,
            program: Arc::new(Program::parse(text).expect("a program")),
        };
        Programs::new(vec![version]).expect("a version")
    };
    let known = versions(BEFORE);
    let now: Timestamp = "2026-01-21T12:00:00Z".parse().expect("an instant");
    let spent = |after: &str, left: i64, drawn: i64| {
        let [of] = <[_; 1]>::try_from(budgets(&known, now, None)).expect("one budget");
        let stands = Stands { of, balance: PoolBalance { left, drawn, moves: 1 }, funded: date(2026, 1, 1) };
        let (before, ground) = (Ground::of(BEFORE).expect("a program"), Ground::of(after).expect("a program"));
        let found = soon_spent(Some(&before), (&ground, after), &[stands], date(2026, 1, 21));
        found.into_iter().map(|one| one.message).collect::<Vec<_>>()
    };
    // 40 points a day.
    let told = "nothing is left of the budget fund of 2026-01..2026-03 on 2026-02-20 at this pace: 800 points of 2000 points are drawn, and 1200 points are left";
    assert_eq!(spent(BEFORE, 1_200, 800), [told]);
    assert_eq!(spent(BEFORE, 1_300, 800), Vec::<String>::new());
    // Deals of a thousand give three times as much: a hundred and twenty a day.
    let dear = BEFORE.replacen("points = 100 }", "points = 300 }", 1);
    let told = "nothing is left of the budget fund of 2026-01..2026-03 on 2026-02-10 already where `closed` draws all of it, which gives 3 times as much by this version: 800 points of 3200 points are drawn, and 2400 points are left";
    assert_eq!(spent(&dear, 2_400, 800), [told]);
    // What is paused today draws nothing, and what gives a hair more is told as it is.
    let paused = dear.replacen("budget = \"fund\"\n", "budget = \"fund\"\npaused = { from = \"2026-01-01\" }\n", 1);
    assert_eq!(spent(&paused, 2_400, 800), Vec::<String>::new());
    let hair = BEFORE.replacen("points = 100 }", "points = 101 }", 1);
    assert!(!spent(&hair, 1_200, 800)[0].contains(" 1 times"), "{:?}", spent(&hair, 1_200, 800));
    assert_eq!(
        spent(
            &BEFORE.replacen("budget = \"fund\"\n", "", 1).replacen(
                "[budget.fund]\nof = \"points\"\nper = \"quarter\"\n",
                "",
                1
            ),
            1_200,
            800
        ),
        Vec::<String>::new()
    );
}
