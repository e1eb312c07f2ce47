//! Money from end to end: events on the queue, commissions at the API, in the statement, in words.

use laurel_tests::{TestStack, body};
use serde_json::{Value, json};

/// M01, M02: a referral of US$100,000 for three years accrues 7 % x 1.5 = 10,500.00; half of the deal taken back takes 5,250.00 of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_referral_is_paid_and_half_of_it_taken_back() {
    let test = TestStack::start().await;
    let send = async |kind: &str, id: &str, data: Value| {
        test.send(&[body(kind, "p", "perx", "/crm/t", id, &data)]).await;
    };
    let api = test.api(Some("p"), "perx", &["read"]);
    let usd = async |what: &str| api.get("/v1/partners/p/commissions").await.1["balances"]["USD"][what].clone();
    send("partner.enrolled", "e", json!({ "name": "P", "motions": ["sell"] })).await;
    test.until("the partner", async || (api.get("/v1/partners/p").await.0 == 200).then_some(())).await;
    let (_, none) = api.get("/v1/partners/p/commissions").await;
    assert_eq!(none, json!({ "balances": {}, "items": [] }));

    let acv = json!({ "amount": "100000.00", "currency": "USD" });
    send("deal.closed", "won", json!({ "deal_id": "d", "outcome": "won", "acv": acv, "tenor_months": 36 })).await;
    // Held for thirty days from the day that it is booked on.
    test.until("the commission", async || (usd("accrued").await == "10500.00").then_some(())).await;
    let half = json!({ "deal_id": "d", "reason": "x", "amount": { "amount": "50000.00", "currency": "USD" } });
    let later = body("deal.reversed", "p", "perx", "/crm/t", "half", &half).replace("2026-03-14T", "2026-03-15T");
    test.send(&[later]).await;
    test.until("half of it", async || (usd("accrued").await == "5250.00").then_some(())).await;

    let (_, page) = api.get("/v1/partners/p/commissions?limit=1").await;
    let line = &page["items"][0];
    assert_eq!(
        page["balances"]["USD"],
        json!({ "accrued": "5250.00", "payable": "0.00", "in_payout": "0.00", "paid": "0.00", "owed": "0.00" })
    );
    assert_eq!(
        (&line["kind"], &line["asset"], &line["amount"]),
        (&json!("reversal"), &json!("USD"), &json!("5250.00"))
    );
    assert_eq!((&line["points"], &line["money"]), (&json!(0), &json!({ "amount": "-5250.00", "currency": "USD" })));
    assert_eq!(line["why"], "Who brings us a customer shares in the first year.");
    assert!(
        line["words"]
            .as_str()
            .is_some_and(|words| words.starts_with("5250.00 USD taken back for deal d by \"commission.referral\"")),
        "{line}"
    );
    let cursor = page["next_cursor"].as_str().expect("more");
    let (_, next) = api.get(&format!("/v1/partners/p/commissions?limit=1&cursor={cursor}")).await;
    assert_eq!(next["items"][0]["money"], json!({ "amount": "10500.00", "currency": "USD" }));
    // A list's cursor is its own.
    assert_eq!(api.get(&format!("/v1/partners/p/statement?cursor={cursor}")).await.0, 400);

    let (_, why) = api.get("/v1/partners/p/explanation?source=/crm/t&id=won").await;
    assert_eq!(why["commissions"], json!({ "USD": "10500.00" }));
    let rule = why["rules"].as_array().into_iter().flatten().find(|rule| rule["rule"] == "commission.referral");
    let rule = rule.expect("the rule");
    assert_eq!(rule["sentence"], "10500.00 USD: 7% of 100000.00 USD first-year value, 1.5 times for tenor 36 months");
    assert_eq!((&rule["points"], &rule["commission"]), (&json!(0), &json!("10500.00 USD")));
    let csv = api.request("GET", "/v1/partners/p/statement").header("accept", "text/csv").send().await.expect("csv");
    let csv = csv.text().await.expect("text");
    assert!(csv.contains(",reversal,0,-5250.00,USD,5250.00,"), "{csv}");
    // What it has of points is points still.
    let renewed = json!({ "deal_id": "e", "outcome": "won", "acv": acv, "renewal": true });
    send("deal.closed", "renewed", renewed).await;
    let pending = async || api.get("/v1/partners/p").await.1["balance"]["pending"].as_i64();
    test.until("its points", async || (pending().await == Some(1500)).then_some(())).await;
    assert_eq!(usd("accrued").await, "5250.00");
    // Nobody else's.
    assert_eq!(api.get("/v1/partners/q/commissions").await.0, 404);
}

/// M09, M10: a partner sees its target and how far it is; a share of an invoice is paid once, whoever tells of it how often.
#[tokio::test(flavor = "multi_thread")]
async fn targets_and_shares_of_invoices_at_the_api() {
    const PROGRAM: &str = r#"
[program]
id = "shares"
name = "Shares"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[commission.manage]
on = "invoice.paid"
rate = "10%"
for = "24 months"
why = "Who looks after customers shares in what they pay."
"#;
    let test = TestStack::start().await;
    test.publish(PROGRAM).await;
    let send = async |kind: &str, id: &str, data: Value| {
        test.send(&[body(kind, "p", "shares", "/crm/t", id, &data)]).await;
    };
    let api = test.api(Some("p"), "shares", &["read"]);
    send("partner.enrolled", "e", json!({ "name": "P", "motions": ["sell"] })).await;
    test.until("the partner", async || (api.get("/v1/partners/p").await.0 == 200).then_some(())).await;
    assert_eq!(api.get("/v1/partners/p").await.1.get("targets"), None);
    // Of the year that it is in, wherever it is.
    let year = api.get("/v1/partners/p").await.1["as_of"].as_str().expect("a time")[..4].to_owned();
    let target = json!({ "motion": "sell", "measure": "acv", "period": year, "value": "4000" });
    send("target.set", "t", target).await;
    let usd = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    send("deal.closed", "won", json!({ "deal_id": "d", "outcome": "won", "acv": usd("1500") })).await;
    let invoice = json!({ "deal_id": "d", "invoice_id": "i1", "amount": usd("200.50") });
    send("invoice.paid", "i", invoice.clone()).await;
    send("invoice.paid", "i-again", invoice).await;
    let last = "/v1/partners/p/explanation?source=/crm/t&id=i-again";
    test.until("the second telling", async || (api.get(last).await.1["outcome"] == "refused").then_some(())).await;
    let (_, page) = api.get("/v1/partners/p/commissions").await;
    assert_eq!(page["balances"]["USD"]["payable"], "20.05");
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    let (_, why) = api.get("/v1/partners/p/explanation?source=/crm/t&id=i").await;
    assert_eq!(why["rules"][0]["sentence"], "20.05 USD: 10% of 200.50 USD invoiced amount");
    let (_, partner) = api.get("/v1/partners/p").await;
    let shown = &partner["targets"][0];
    assert_eq!((&shown["target"], &shown["seen"], &shown["percent"]), (&json!("4000"), &json!("1500"), &json!("37.5")));
}
