//! Budgets at the terminal: funded once for each id, reduced by what is left, listed (N10).

use serde_json::{Value, json};
use serve::{Serve, event, laurel, text};

#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_funded_drawn_and_listed() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let at = ["--endpoint", &*serve.aws, "--program", "hr-software"];
    let budgets = |args: &[&str]| laurel(&[&["budgets"], args, &at[..]].concat());
    let list = || -> Value {
        let said = budgets(&["list", "--json"]);
        assert!(said.status.success(), "{}", text(&said.stderr));
        serde_json::from_str(text(&said.stdout).trim()).expect("one budget")
    };
    assert!(text(&budgets(&["list"]).stdout).contains("not funded"));
    let fund =
        |id: &str, points: &str| budgets(&["fund", "launch-fund", points, "--id", id, "--source", "/finance/staff"]);
    let done = fund("one", "1200");
    assert!(text(&done.stdout).starts_with("1200 points put into the budget launch-fund of "), "{done:?}");
    let again = fund("one", "1200");
    assert!(again.status.success() && text(&again.stdout).starts_with("done before, on "), "{again:?}");
    let other = fund("one", "1300");
    assert!(!other.status.success() && text(&other.stderr).contains("names something else"), "{other:?}");
    for (deal, points) in [("large", 1000), ("larger", 200)] {
        let acv = json!({ "amount": "100000", "currency": "USD" });
        let enrolled =
            event("partner.enrolled", deal, &format!("e-{deal}"), &json!({ "name": "N", "motions": ["sell"] }));
        let closed = event("deal.closed", deal, deal, &json!({ "deal_id": deal, "outcome": "won", "acv": acv }));
        for body in [enrolled, closed] {
            assert_eq!(serve.queue().send_all(&[body]).await, Vec::<usize>::new());
            serve.worked_off().await;
        }
        let explained = laurel(&[&["explain", deal, "/crm/test", deal], &at[..]].concat());
        let explained = text(&explained.stdout);
        assert!(explained.contains(&format!("{points} points")), "{explained}");
    }
    let row = list();
    assert_eq!(
        (&row["funded"], &row["drawn"], &row["left"], &row["low"]),
        (&json!("1200"), &json!("1200"), &json!("0"), &json!(true)),
        "{row}"
    );
    let table = text(&budgets(&["list"]).stdout);
    assert!(table.contains("low") && table.contains("1200 points"), "{table}");

    fund("two", "500");
    let reduce = |points: &str, id: &str| {
        let reason = ["--reason", "moved"];
        budgets(&[&["reduce", "launch-fund", points, "--id", id, "--source", "/finance/staff"][..], &reason].concat())
    };
    let more = reduce("501", "cut-1");
    assert!(!more.status.success() && text(&more.stderr).contains("no more than 500 points are left"), "{more:?}");
    // What was refused stays so: nobody who tries again books a reduction that never was.
    for points in ["501", "5"] {
        let again = reduce(points, "cut-1");
        assert!(!again.status.success() && text(&again.stderr).contains("write another --id"), "{again:?}");
    }
    let less = reduce("100", "cut-2");
    assert!(text(&less.stdout).starts_with("100 points taken out of the budget"), "{less:?}");
    assert_eq!(list()["left"], "400");
    for (args, says) in [
        (
            &["fund", "lunch", "1", "--id", "x", "--source", "/finance/staff"][..],
            "has no budget `lunch`; it has launch-fund",
        ),
        (&["fund", "launch-fund", "1.5", "--id", "x", "--source", "/finance/staff"], "takes a whole number"),
        (&["fund", "launch-fund", "0", "--id", "x", "--source", "/finance/staff"], "data.points"),
        (
            &["fund", "launch-fund", "1", "--id", "x", "--source", "/cms/staff"],
            "the program takes budget.funded from /finance/*",
        ),
        (
            &["fund", "launch-fund", "1", "--id", "x", "--source", "/finance/staff", "--period", "2026"],
            "a period of `launch-fund` is a quarter",
        ),
        (&["list", "--period", "soon"], "write 2026, 2026-Q3 or 2026-03"),
    ] {
        let said = budgets(args);
        assert!(!said.status.success() && text(&said.stderr).contains(says), "{args:?}: {}", text(&said.stderr));
    }
    assert!(text(&budgets(&["list", "--period", "2026"]).stdout).contains("has no budget of 2026"));
    // What a program is funded with stands in its own history, beside its versions.
    let listed = laurel(&["programs", "list", "--endpoint", &*serve.aws]);
    assert!(listed.status.success() && text(&listed.stdout).contains("hr-software"), "{listed:?}");
    let file = data.path().join("next.toml");
    // Its examples say what was so.
    let (next, _) = include_str!("../../infra/programs/hr-software.toml").split_once("[[example]]").expect("examples");
    let next = next.replacen("points = 50", "points = 51", 1);
    std::fs::write(&file, next).expect("written");
    let published = laurel(&["publish", &file.display().to_string(), "--yes", "--endpoint", &*serve.aws]);
    assert!(text(&published.stdout).contains("version 2"), "{published:?}");
    let audit = laurel(&["audit", "--endpoint", &*serve.aws]);
    assert!(audit.status.success(), "{}", text(&audit.stdout));
    let export = data.path().join("all.jsonl");
    let export = export.display().to_string();
    assert!(laurel(&["export", "--to", &export, "--endpoint", &*serve.aws]).status.success());
    let audit = laurel(&["audit", "--from", &export]);
    assert!(audit.status.success(), "{}", text(&audit.stdout));
}
