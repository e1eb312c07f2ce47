//! The terminal explains what the API explains, in the same words.

use serde_json::{Value, json};
use serve::{Serve, event, laurel, text};

#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_record_is_explained_at_the_terminal_as_by_the_api() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let enrolled =
        |who: &str| event("partner.enrolled", who, &format!("{who}-e"), &json!({ "name": who, "motions": ["sell"] }));
    let view = json!({ "content_id": "c", "person_id": "ann", "seconds": 45 });
    let of = |who: &str, id: &str, data: &Value| event("content.viewed", who, id, data).replace("/crm/test", "/cms/t");
    let nowhere = of("p", "elsewhere", &view).replace("hr-software", "nope");
    let rounds = [
        vec![enrolled("p"), enrolled("q")],
        vec![of("q", "taken", &view), event("deal.qualified", "q", "waits", &json!({ "deal_id": "unknown" }))],
        vec![
            // Of somebody else's identity, judged or held; with a name that is too long, twice; of no program.
            of("p", "taken", &view),
            event("deal.qualified", "p", "waits", &json!({ "deal_id": "unknown" })),
            of("p", "form", &json!({ "content_id": "c", "person_id": "ann", "seconds": "45" })),
            of("p", &format!("{}a", "x".repeat(200)), &view),
            of("p", &format!("{}b", "x".repeat(200)), &view),
            nowhere,
        ],
    ];
    for bodies in rounds {
        assert_eq!(serve.queue().send_all(&bodies).await, Vec::<usize>::new());
        serve.worked_off().await;
    }
    let folder = data.path().display().to_string();
    let args = ["token", "--partner", "p", "--program", "hr-software", "--scope", "read", "--data", &folder];
    let token = text(&laurel(&args).stdout).trim().to_owned();
    let asked = async |path: String| {
        let ask = reqwest::Client::new().get(format!("{}/v1/partners/p/{path}", serve.http)).bearer_auth(&token);
        let reply = ask.send().await.expect("an answer");
        (reply.status().as_u16(), reply.json::<Value>().await.expect("JSON"))
    };
    let long = format!("{}a", "x".repeat(200));
    for (source, id, outcome) in [
        ("/cms/t", "taken", "conflict"),
        ("/crm/test", "waits", "conflict"),
        ("/cms/t", "form", "rejected"),
        ("/cms/t", &*long, "rejected"),
    ] {
        let (status, told) = asked(format!("explanation?source={source}&id={id}")).await;
        assert_eq!((status, told["outcome"].as_str()), (200, Some(outcome)), "{id}: {told}");
        let said = laurel(&["explain", "p", source, id, "--json", "--endpoint", &serve.aws]);
        let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{}", text(&said.stderr)));
        for member in ["outcome", "points", "sentence", "at"] {
            assert_eq!(said[member], told[member], "{id}: {member}");
        }
    }
    let (_, rejected) = asked("events?outcome=rejected".to_owned()).await;
    assert_eq!(rejected["items"].as_array().map(Vec::len), Some(3), "{rejected}");
    let held = laurel(&["explain", "p", "/cms/t", "elsewhere", "--program", "nope", "--endpoint", &serve.aws]);
    assert!(held.status.success() && text(&held.stdout).contains("waits for program `nope`"), "{}", text(&held.stderr));
    let other = laurel(&["explain", "p", "/crm/test", "q-e", "--endpoint", &serve.aws]);
    assert!(text(&other.stderr).contains("the event is about partner q, not p"), "{}", text(&other.stderr));
    let (status, told) = asked("redemptions/none?limit=1".to_owned()).await;
    assert_eq!((status, told["code"].as_str()), (400, Some("bad_query")), "{told}");
}
