//! A payout run at the terminal, from a look to the bank's word.

use serde_json::{Value, json};
use serve::{Serve, event, laurel, text};

#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

const PROGRAM: &str = r#"
[program]
id = "pays"
name = "Pays"
currency = "USD"
[program.rates]
EUR = "2"
[sources]
"/crm/*" = ["*"]
[commission.all]
rate = "10%"
[policy.commissions]
currency = "of the deal"
[payouts]
minimum = "50"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_looked_at_made_written_and_settled() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let file = data.path().join("pays.toml");
    std::fs::write(&file, PROGRAM).expect("written");
    let at = ["--endpoint", &*serve.aws];
    let run = |args: &[&str]| laurel(&[args, &at[..]].concat());
    let done = run(&["publish", &file.display().to_string(), "--effective-from", "2020-01-01T00:00:00Z", "--yes"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let of = |kind: &str, who: &str, id: &str, data: &Value| event(kind, who, id, data).replace("hr-software", "pays");
    let deal = |who: &str, id: &str, amount: &str, currency: &str| {
        let acv = json!({ "amount": amount, "currency": currency });
        of("deal.closed", who, id, &json!({ "deal_id": id, "outcome": "won", "acv": acv }))
    };
    let enrolled =
        |who: &str| of("partner.enrolled", who, &format!("{who}-e"), &json!({ "name": who, "motions": ["sell"] }));
    for bodies in [
        vec![enrolled("=big"), enrolled("small"), enrolled("tiny")],
        vec![
            deal("=big", "a", "1000", "USD"),
            deal("=big", "b", "250", "EUR"),
            deal("small", "c", "499.99", "USD"),
            deal("tiny", "t", "100", "USD"),
        ],
    ] {
        assert_eq!(serve.queue().send_all(&bodies).await, Vec::<usize>::new());
        serve.worked_off().await;
    }
    let today = ambient::Clock::system().now().to_string()[..10].to_owned();
    let payouts = |args: &[&str]| run(&[&["payouts"], args, &["--program", "pays"]].concat());
    let rows = |args: &[&str]| -> Vec<Value> {
        let said = payouts(&[args, &["--json"]].concat());
        assert!(said.status.success(), "{}", text(&said.stderr));
        text(&said.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let told = |rows: &[Value]| -> Vec<String> {
        let told = |row: &Value| {
            format!("{} {} {}", row["payout_id"], row["amount"]["amount"], row["status"]).replace('"', "")
        };
        rows.iter().map(told).collect()
    };
    let mut looked = told(&rows(&["run", "--until", &today, "--dry-run"]));
    looked.sort();
    let want = ["EUR 25.00 pays", "USD 10.00 below_minimum", "USD 100.00 pays", "USD 50.00 pays"];
    assert_eq!(looked, want.map(|line| format!("{today}-{line}")), "a tenth of 499.99 is 50.00, the minimum");
    let table = payouts(&["run", "--until", &today]);
    let table = text(&table.stdout);
    assert!(table.contains("set aside") && table.contains("USD pays: 2 of them, 150.00 USD"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 140), "{table}");
    let again = told(&rows(&["run", "--until", &today]));
    assert_eq!(again.iter().filter(|line| line.ends_with("stands")).count(), 3, "{again:?}");

    let csv = payouts(&["file", &today]);
    let lines: Vec<String> = text(&csv.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "payout_id,partner_id,payee,currency,amount,withheld,to_pay,status");
    assert!(lines.contains(&format!("{today}-USD,'=big,,USD,100.00,0.00,100.00,open")), "{lines:?}");
    assert!(text(&csv.stderr).contains("to be sent in USD: 2 payouts, 150.00 USD"), "{}", text(&csv.stderr));
    let settled = of("payout.settled", "=big", "fin-1", &json!({ "payout_id": format!("{today}-USD") }));
    assert_eq!(serve.queue().send_all(&[settled]).await, Vec::<usize>::new());
    serve.worked_off().await;
    let listed = text(&payouts(&["list"]).stdout);
    assert!(listed.contains("50.00 USD") && listed.contains("25.00 EUR"), "{listed}");
    let cancelled = text(&payouts(&["cancel", &today]).stdout);
    assert!(
        cancelled.contains("2 payouts given up, 25.00 EUR, 50.00 USD") && cancelled.contains("--number 2"),
        "{cancelled}"
    );
    let again = told(&rows(&["run", "--until", &today, "--number", "2"]));
    assert_eq!(again.iter().filter(|line| line.ends_with("pays")).count(), 2, "{again:?}");
    let statement = text(&run(&["statement", "=big", "--program", "pays"]).stdout);
    assert!(statement.contains("100.00 USD paid out"), "{statement}");

    for (args, says) in [
        (&["run", "--until", "2999-01-01"][..], "is still to come"),
        (&["run", "--until", "2019-01-01"], "is long ago"),
        (&["run", "--until", "soon"], "write a day as 2026-11-30"),
        (&["file", "2020-01-01"], "pays has no run 2020-01-01"),
        (&["file", "lately"], "write a run as 2026-11-30"),
        (&["cancel", "2020-01-01"], "nothing is on its way"),
    ] {
        let said = payouts(args);
        assert!(!said.status.success() && text(&said.stderr).contains(says), "{args:?}: {}", text(&said.stderr));
    }
    let audit = run(&["audit", "--program", "pays"]);
    assert!(audit.status.success(), "{}", text(&audit.stdout));
}
