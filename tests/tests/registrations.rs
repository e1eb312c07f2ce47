//! Registrations from end to end: what is sent to others, what a deal's page shows, what a rebuild writes again (M31-M33).

use laurel_tests::{TestStack, body};
use serde_json::{Value, json};

const PROGRAM: &str = r#"
[program]
id = "tenders"
name = "Tenders"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[registration]
exclusive_for = "999 years"
remind = "998 years"
public_tender = { bidders = 2 }
"#;

/// M33: when one has won a public tender, the others hear of it, each once, in its own history; M32, M31: a deal's page shows its place,
/// price protection and lease, to its partner only.
#[tokio::test(flavor = "multi_thread")]
async fn a_tender_is_won_and_the_others_are_told() {
    let test = TestStack::start().await;
    test.publish(PROGRAM).await;
    let send = async |kind: &str, partner: &str, id: &str, data: Value| {
        test.send(&[body(kind, partner, "tenders", "/crm/t", id, &data)]).await;
    };
    let api = |partner: &'static str| test.api(Some(partner), "tenders", &["read"]);
    for partner in ["p", "q", "r"] {
        send("partner.enrolled", partner, &format!("e-{partner}"), json!({ "name": "P", "motions": ["sell"] })).await;
    }
    let registered = |deal: &str, opportunity: &str, tender: bool| json!({ "deal_id": deal, "opportunity_id": opportunity, "customer": "City", "public_tender": tender });
    for partner in ["p", "q", "r"] {
        send("deal.registered", partner, &format!("r-{partner}"), registered(&format!("d-{partner}"), "o", true)).await;
    }
    send("deal.registered", "p", "own", registered("own", "mine", false)).await;
    let page = async |partner: &'static str, deal: &str| {
        api(partner).get(&format!("/v1/partners/{partner}/deals/{deal}")).await
    };
    test.until("the registrations", async || (page("p", "own").await.0 == 200).then_some(())).await;
    let (_, tender) = page("q", "d-q").await;
    assert_eq!(
        (&tender["place"], &tender["price_protected"], tender.get("exclusive_until")),
        (&json!(2), &json!(false), None)
    );
    assert_eq!(
        (&tender["public_tender"], &tender["customer"]),
        (&json!({ "bidders": 3, "asks": 2, "won_by_another": false }), &json!("City"))
    );
    let (_, own) = page("p", "own").await;
    assert_eq!((&own["place"], &own["price_protected"]), (&json!(1), &json!(true)));
    assert!(own["exclusive_until"].as_str().is_some_and(|day| day.starts_with("3025-")), "{own}");
    assert_eq!(page("q", "own").await.0, 404, "another partner's deal is none");
    assert_eq!(page("q", "none").await.0, 404);

    let acv = json!({ "amount": "100.00", "currency": "USD" });
    send("deal.closed", "q", "won", json!({ "deal_id": "d-q", "outcome": "won", "acv": acv })).await;
    let lost = async |partner: &'static str| {
        let (_, list) = api(partner).get(&format!("/v1/partners/{partner}/events?outcome=applied")).await;
        let rows = list["items"].as_array().cloned().unwrap_or_default();
        rows.into_iter().filter(|row| row["type"] == "bid.lost").count()
    };
    test.until("the others are told", async || (lost("p").await == 1 && lost("r").await == 1).then_some(())).await;
    assert_eq!(lost("q").await, 0);
    let (_, closed) = page("q", "d-q").await;
    assert_eq!(closed["closed"], json!({ "at": "2026-03-14T09:30:00Z", "won": true, "acv": acv, "reversed": false }));

    // What is still to be judged, the reminder of the lease, stands beside the ledger; a rebuild writes it again if it is lost.
    let store = &test.stack.store;
    let program = "tenders".try_into().expect("a program");
    let far = "5000-01-01T00:00:00Z".parse().expect("an instant");
    let due = async || store::outbox::page(store, &program, far, None).await.expect("a page").items;
    let [reminder] = &due().await[..] else { panic!("{:?}", due().await) };
    store::outbox::end(store, &reminder.identity).await.expect("lost");
    assert!(due().await.is_empty());
    let partners = ["p", "q", "r"].map(|partner| partner.try_into().expect("a partner"));
    let rebuilt = engine::rebuild::program(store, &program, &partners, |_| ()).await.expect("rebuilt");
    assert_eq!((rebuilt.sent, rebuilt.findings), (1, vec![]));
    let [again] = &due().await[..] else { panic!("{:?}", due().await) };
    assert_eq!((&again.identity, again.until), (&reminder.identity, reminder.until));
    // Its time has not come: whoever asks for it leaves it as it is.
    let programs = store::programs::read(store, &program).await.expect("read").expect("published");
    let patience = store::patience::Patience::until(store.clock().instant() + std::time::Duration::from_secs(5));
    let early =
        engine::outbox::judge(store, &programs, &program, &again.identity.id, patience).await.expect("looked at");
    assert!(early.is_none());
    assert_eq!(due().await.len(), 1);
}
