//! Leaderboards (M39): counted by the sweep now and then, shard by shard, and read with ties, without who would not be seen.

use std::collections::BTreeMap;

use ambient::Clock;
use laurel_tests::{TestStack, body};
use local::Options;
use serde_json::{Value, json};

const HR: &str = "hr-software";

fn event(kind: &str, who: &str, id: &str, data: &Value) -> String {
    body(kind, who, HR, "/crm/t", id, data)
}

fn won(who: &str, deal: &str) -> String {
    let acv = json!({ "amount": "100", "currency": "USD" });
    event("deal.closed", who, &format!("{deal}-won"), &json!({ "deal_id": deal, "outcome": "won", "acv": acv }))
}

fn enrolled(who: &str, unlisted: bool) -> String {
    let data = json!({ "name": format!("{} Inc", who.to_uppercase()), "motions": ["sell"], "unlisted": unlisted });
    event("partner.enrolled", who, &format!("{who}-enrolled"), &data)
}

/// What a partner sees: each place, what it has itself, and of how many.
async fn sees(test: &TestStack, who: &str) -> (Vec<String>, String, Value) {
    let api = test.api(Some(who), HR, &["read"]);
    let (status, told) = api.get("/v1/leaderboard?metric=deals").await;
    assert_eq!(status, 200, "{told}");
    let place = |one: &Value| {
        format!("{} {} {} {}", one["place"], one["partner_id"], one["name"], one["value"]).replace('"', "")
    };
    let items = told["items"].as_array().expect("places").iter().map(place).collect();
    (items, format!("{} {} {}", told["you"]["place"], told["you"]["value"], told["you"]["listed"]), told["of"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn m39_partners_see_who_is_ahead() {
    let test = TestStack::start().await;
    let mut deals = BTreeMap::from([("a", 3), ("b", 2), ("c", 2), ("d", 1), ("hidden", 5), ("idle", 0)]);
    let mut all: Vec<String> = deals.keys().map(|who| enrolled(who, *who == "hidden")).collect();
    for (who, many) in &deals {
        all.extend((0..*many).map(|n| won(who, &format!("{who}{n}"))));
    }
    test.send(&all).await;
    let nothing: (Vec<String>, String, Value) = (vec![], "null \"3\" true".to_owned(), json!(0));
    assert_eq!(sees(&test, "a").await, nothing, "not counted yet");
    test.stack.sweep().await.expect("a sweep");
    let counted =
        test.until("counted", async || Some(sees(&test, "d").await).filter(|(_, _, of)| *of == json!(4))).await;
    let places = ["1 a A Inc 3", "2 b B Inc 2", "2 c C Inc 2", "4 d D Inc 1"].map(str::to_owned).to_vec();
    assert_eq!(counted, (places.clone(), "4 \"1\" true".to_owned(), json!(4)));
    // Whoever would not be seen sees where it would stand.
    assert_eq!(sees(&test, "hidden").await.1, "1 \"5\" false");
    assert_eq!(sees(&test, "idle").await.1, "null \"0\" true");
    // Not counted anew at once: what came later shows in one's own line.
    test.send(&[won("d", "more"), won("d", "even-more")]).await;
    deals.insert("d", 3);
    test.stack.sweep().await.expect("a sweep");
    assert_eq!(sees(&test, "d").await, (places, "1 \"3\" true".to_owned(), json!(4)));
    // Staff see it, and are nobody on it.
    let staff = test.api(None, HR, &["read", "admin"]);
    let (status, told) = staff.get("/v1/leaderboard").await;
    assert_eq!((status, told["items"].as_array().map(Vec::len), &told["you"]), (200, Some(4), &Value::Null), "{told}");
    let (_, next) = staff.get("/v1/leaderboard?metric=deals&period=2031-Q1").await;
    assert_eq!((&next["of"], &next["from"], &next["to"]), (&json!(0), &json!("2031-01-01"), &json!("2031-03-31")));
    for (asked, status) in [
        ("metric=points", 422),
        ("period=2026", 422),
        ("period=soon", 422),
        ("motion=service", 422),
        ("metric=deals&when=now", 400),
    ] {
        let (found, told) = staff.get(&format!("/v1/leaderboard?{asked}")).await;
        assert_eq!(found, status, "{asked}: {told}");
    }
    let sender = test.api(Some("a"), HR, &["ingest"]);
    assert_eq!(sender.get("/v1/leaderboard").await.0, 403);
}

/// Many partners in one shard: what is counted goes along from one invocation to the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_leaderboard_of_many_is_counted_to_its_end() {
    let test = TestStack::with(Options { clock: Clock::system(), ..Options::default() }).await;
    let many = 900;
    let all: Vec<String> = (0..many).map(|n| enrolled(&format!("p{n}"), false)).collect();
    test.send(&all).await;
    let deals: Vec<String> = (0..many).step_by(7).map(|n| won(&format!("p{n}"), &format!("d{n}"))).collect();
    let of = deals.len();
    test.send(&deals).await;
    test.stack.sweep().await.expect("a sweep");
    let staff = test.api(None, HR, &["read", "admin"]);
    let told = test
        .until("counted", async || {
            let told = staff.get("/v1/leaderboard").await.1;
            (told["of"] == json!(of)).then_some(told)
        })
        .await;
    let items = told["items"].as_array().expect("places");
    assert_eq!((items.len(), items.iter().all(|one| one["place"] == 1)), (10, true), "{told}");
}
