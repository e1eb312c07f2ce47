//! A loss of power: of each file, only what was synced is left, and nothing that was answered is missing.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use serve::{LAUREL, Serve, event, laurel, text};

mod serve;

/// Builds the library that keeps what is synced; whoever built the engine has a compiler for it.
fn shim(folder: &Path) -> String {
    let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power_cut/shim.c"), folder.join("shim.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-pthread", "-o"]).arg(&library).arg(source).arg("-ldl");
    let built = cc.output().expect("a C compiler");
    assert!(built.status.success(), "{}", text(&built.stderr));
    library.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_of_power_takes_nothing_that_was_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, kept] = ["data", "kept"].map(|name| folder.path().join(name));
    for path in [&data, &kept] {
        std::fs::create_dir(path).expect("made");
    }
    let mut watched = Command::new(LAUREL);
    watched.env("LD_PRELOAD", shim(folder.path())).env("LAUREL_KEEP_OF", &data).env("LAUREL_KEEP_IN", &kept);
    let serve = Serve::start_as(watched, &data, (0, 0)).await;

    let partners: Vec<String> = (0..5).map(|n| format!("p{n}")).collect();
    let enrolled =
        |p: &String| event("partner.enrolled", p, &format!("{p}-enrolled"), &json!({ "name": p, "motions": ["sell"] }));
    let won = |n: usize| {
        let data = json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": { "amount": "100", "currency": "USD" }, "motion": "sell", "renewal": true });
        event("deal.closed", &partners[n % 5], &format!("d{n}-won"), &data)
    };
    assert_eq!(serve.queue().send_all(&partners.iter().map(enrolled).collect::<Vec<_>>()).await, Vec::<usize>::new());
    assert_eq!(serve.queue().send_all(&(0..100).map(won).collect::<Vec<_>>()).await, Vec::<usize>::new());
    serve.worked_off().await;
    // One redeems, and is told so.
    let codes = folder.path().join("codes.txt");
    std::fs::write(&codes, "AAAA-1\nAAAA-2\n").expect("written");
    let loaded = laurel(&["codes", "load", "starbucks-10", &codes.display().to_string(), "--endpoint", &serve.aws]);
    assert!(loaded.status.success(), "{}", text(&loaded.stderr));
    let token = |partner: &str, scope: &str, of: &Path| {
        let of = of.display().to_string();
        let args = ["token", "--partner", partner, "--program", "hr-software", "--scope", scope, "--data", &of];
        text(&laurel(&args).stdout).trim().to_owned()
    };
    let ask = reqwest::Client::new().post(format!("{}/v1/partners/p0/redemptions", serve.http));
    let ask = ask.bearer_auth(token("p0", "redeem", &data)).header("idempotency-key", "k");
    let reply = ask
        .json(&json!({ "reward_id": "starbucks-10", "quantity": 1, "recipient": { "email": "dana@example.com" } }))
        .send()
        .await
        .expect("an answer");
    assert!(reply.status().is_success(), "{}", reply.status());
    let redemption: Value = reply.json().await.expect("JSON");
    // More is sent, and as soon as all of it was taken the power goes.
    assert_eq!(serve.queue().send_all(&(100..400).map(won).collect::<Vec<_>>()).await, Vec::<usize>::new());
    drop(serve);

    let serve = Serve::start(&kept).await;
    serve.worked_off().await;
    for (at, partner) in partners.iter().enumerate() {
        let spent = if at == 0 { redemption["points"].as_i64().expect("points") } else { 0 };
        let available = serve.available(&token(partner, "read", &kept), partner).await;
        assert_eq!(available, Some(80 * 100 - spent), "{partner}: 80 renewals of 100 points, {redemption}");
    }
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    assert!(audit.status.success(), "{}{}", text(&audit.stdout), text(&audit.stderr));
    // Its export has the redemption, and not who the card is for.
    let to = folder.path().join("export.jsonl");
    let exported = laurel(&["export", "--to", &to.display().to_string(), "--endpoint", &serve.aws]);
    let lines = std::fs::read_to_string(&to).expect("an export");
    assert!(exported.status.success() && lines.contains(redemption["id"].as_str().expect("an id")));
    assert!(!lines.contains("dana@example.com"));
}
