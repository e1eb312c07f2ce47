//! `export` and `audit --from`.

use std::path::Path;

use ambient::{Clock, Random};
use serde_json::{Value, json};
use serve::{Serve, event, laurel, text};

const PROGRAM: &str = include_str!("../../infra/programs/hr-software.toml");

#[expect(dead_code, reason = "shared with the tests of the commands")]
mod serve;

fn exported(serve: &Serve, to: &Path) -> std::process::Output {
    laurel(&["export", "--to", &to.display().to_string(), "--endpoint", &serve.aws])
}

/// What an audit of a file says, and whether it found anything.
fn audited(from: &Path, more: &[&str]) -> (bool, String) {
    let from = from.display().to_string();
    let output = laurel(&[&["audit", "--from", &from], more].concat());
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_audited_elsewhere_and_goes_on_where_it_was_cut() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let (whole, cut) = (data.path().join("whole.jsonl"), data.path().join("cut.jsonl"));
    let nothing = exported(&serve, &whole);
    assert!(
        !nothing.status.success() || !text(&nothing.stdout).contains(" 1 partners"),
        "only the programs' own histories"
    );
    let _ = std::fs::remove_file(&whole);
    let won = |partner: &str, deal: &str| {
        let data = json!({ "deal_id": deal, "outcome": "won", "acv": { "amount": "100", "currency": "USD" }, "motion": "sell" });
        event("deal.closed", partner, &format!("{deal}-won"), &data)
    };
    let mut events = Vec::new();
    for partner in ["p0", "p1", "p2"] {
        let enrolled = json!({ "name": partner, "motions": ["sell"] });
        events.push(event("partner.enrolled", partner, &format!("{partner}-enrolled"), &enrolled));
        let registered = json!({ "deal_id": format!("{partner}-d0"), "opportunity_id": "o", "customer": "c" });
        events.push(event("deal.registered", partner, &format!("{partner}-registered"), &registered));
        events.extend((0..5).map(|n| won(partner, &format!("{partner}-d{n}"))));
    }
    let moved = json!({ "deal_id": "p0-open", "to_partner": "p1" });
    let open = json!({ "deal_id": "p0-open", "opportunity_id": "p0-open", "customer": "c" });
    events.push(event("deal.registered", "p0", "open", &open));
    events.push(event("deal.reassigned", "p0", "moved", &moved));
    events.push(won("p1", "p0-open"));
    assert_eq!(serve.queue().send_all(&events).await, Vec::<usize>::new());
    serve.worked_off().await;

    let done = exported(&serve, &whole);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(audited(&whole, &[]), (true, "3 partners: no findings\n".to_owned()));
    assert_eq!(
        audited(&whole, &["--program", "hr-software", "--partner", "p1"]),
        (true, "1 partners: no findings\n".to_owned())
    );
    let again = exported(&serve, &whole);
    assert!(!again.status.success() && text(&again.stderr).contains("is there, and whole"), "{}", text(&again.stderr));

    // Cut anywhere, it is told, and goes on to the same.
    let bytes = std::fs::read(&whole).expect("an export");
    let lines: Vec<&str> = std::str::from_utf8(&bytes).expect("text").lines().collect();
    for part in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 3] {
        std::fs::write(&cut, &bytes[..part]).expect("written");
        let (good, told) = audited(&cut, &[]);
        assert!(!good && (told.contains("cut short") || told.contains("does not read")), "{part}: {told}");
        let done = exported(&serve, &cut);
        assert!(done.status.success(), "{part}: {}", text(&done.stderr));
        let of = |text: String| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let goes_on = of(std::fs::read_to_string(&cut).expect("an export"));
        assert_eq!(goes_on.len(), lines.len() - 1, "{part}");
        assert_eq!(audited(&cut, &[]), (true, "3 partners: no findings\n".to_owned()), "{part}");
    }

    // What was changed in it is found: points, a record left out, a deal.
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        change(&mut values);
        let text: Vec<String> = values.iter().map(Value::to_string).collect();
        std::fs::write(&cut, text.join("\n") + "\n").expect("written");
        audited(&cut, &[])
    };
    let first =
        |values: &[Value], kind: &str| values.iter().rposition(|value| value.get(kind).is_some()).expect("a line");
    // Begun later, it looks at all that partners share, and finds nothing in it.
    let (good, told) = changed(&|values| values[0]["export"]["at"] = json!("2100-01-01T00:00:00Z"));
    assert!(good, "{told}");
    let rewritten = |values: &mut [Value], of: &str, from: &str, to: &str| {
        let here = |line: &&mut Value| line["record"]["w"] == of && line.to_string().contains(from);
        let line = values.iter_mut().filter(here).last().expect("a record");
        *line = serde_json::from_str(&line.to_string().replace(from, to)).expect("JSON");
    };
    let (good, told) = changed(&|values| rewritten(values, "hr-software#@program", "points = 200", "points = 201"));
    assert!(!good && told.contains("I11: "), "a program: {told}");
    let (good, told) = changed(&|values| rewritten(values, "hr-software#p1", "200", "201"));
    assert!(!good && told.contains("findings"), "points: {told}");
    let (good, told) = changed(&|values| {
        let at = first(values, "record");
        values.remove(at);
    });
    assert!(!good && told.contains("lacks records"), "{told}");
    let (good, told) = changed(&|values| {
        // What was decided just before the export may be of one partner and not of another: this one was begun later.
        values[0]["export"]["at"] = json!("2100-01-01T00:00:00Z");
        let at = first(values, "deal");
        values[at]["deal"]["deal"]["version"] = json!(1);
        values[at]["deal"]["deal"]["owner"] = json!("somebody");
    });
    assert!(!good && told.contains("I26: deal"), "{told}");
    let (good, told) = changed(&|values| values[0]["export"]["form"] = json!(2));
    assert!(!good && told.contains("form 2"), "{told}");
    // Nobody is left out unnoticed.
    let (good, told) = changed(&|values| {
        let from = values.iter().position(|value| value["partner"]["partner"] == "p1").expect("a partner");
        let many = values[from..].iter().position(|value| value.get("whole").is_some()).expect("its end");
        values.drain(from..=from + many);
    });
    assert!(!good && told.contains("does not hold all the partners"), "{told}");
    let (good, told) = changed(&|values| {
        let at = values.iter().position(|value| value.get("whole").is_some()).expect("an end");
        values.remove(at);
    });
    assert!(!good && told.contains("lacks the end of"), "{told}");
    let (good, told) = changed(&|values| values.retain(|value| value.get("stock").is_none()));
    assert!(!good && told.contains("does not hold all the partners and rewards"), "{told}");
    let (good, told) = changed(&|values| values.extend(values.clone()));
    assert!(!good && told.contains("more than one export"), "{told}");
    for slip in [&["--program", "nope"][..], &["--program", "hr-software", "--partner", "nobody"]] {
        let (good, told) = audited(&whole, slip);
        assert!(!good && told.contains("has no such partner or program"), "{told}");
        let online = laurel(&[&["audit", "--endpoint", &serve.aws], slip].concat());
        assert!(!online.status.success(), "{}", text(&online.stdout));
    }
    // It goes on with what it is of, and nothing else.
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    let to = cut.display().to_string();
    let other = laurel(&["export", "--to", &to, "--program", "perx", "--endpoint", &serve.aws]);
    assert!(!other.status.success() && text(&other.stderr).contains("of every program"), "{}", text(&other.stderr));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let stranger = Serve::start(elsewhere.path()).await;
    let enrolled = event("partner.enrolled", "p9", "e", &json!({ "name": "P", "motions": ["sell"] }));
    assert_eq!(stranger.queue().send_all([enrolled]).await, Vec::<usize>::new());
    stranger.worked_off().await;
    let other = exported(&stranger, &cut);
    assert!(!other.status.success() && text(&other.stderr).contains("of other tables"), "{}", text(&other.stderr));
    std::fs::write(&cut, "no export\n").expect("written");
    assert!(audited(&cut, &[]).1.contains("does not read"));
    assert!(text(&exported(&serve, &cut).stderr).contains("is there, and no export"));
}

async fn filled(data: &Path) -> Serve {
    let serve = Serve::start(data).await;
    let mut events = Vec::new();
    for partner in ["p0", "p1", "p2"] {
        let enrolled = json!({ "name": partner, "motions": ["sell"] });
        events.push(event("partner.enrolled", partner, &format!("{partner}-enrolled"), &enrolled));
    }
    assert_eq!(serve.queue().send_all(&events).await, Vec::<usize>::new());
    serve.worked_off().await;
    serve
}

/// The lines of a file, and how many are before the first partner.
fn lines(file: &Path) -> (Vec<String>, usize) {
    let lines: Vec<String> = std::fs::read_to_string(file).expect("an export").lines().map(str::to_owned).collect();
    let first = lines.iter().position(|line| line.starts_with("{\"partner\"")).expect("a partner");
    (lines, first)
}

/// A process that was killed while it wrote the versions goes on with them.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_cut_among_the_versions_goes_on_with_them() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = filled(data.path()).await;
    let (whole, cut) = (data.path().join("whole.jsonl"), data.path().join("cut.jsonl"));
    assert!(exported(&serve, &whole).status.success());
    assert_eq!(audited(&whole, &[]), (true, "3 partners: no findings\n".to_owned()));
    let (all, versions) = lines(&whole);
    for left in 1..versions {
        std::fs::write(&cut, all[..left].join("\n") + "\n").expect("written");
        assert!(exported(&serve, &cut).status.success());
        assert_eq!(
            audited(&cut, &[]),
            (true, "3 partners: no findings\n".to_owned()),
            "cut behind line {left} of {versions}"
        );
    }
}

/// What is published between an export and its end is in it.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_goes_on_knows_versions_that_came_meanwhile() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = filled(data.path()).await;
    let (whole, cut) = (data.path().join("whole.jsonl"), data.path().join("cut.jsonl"));
    assert!(exported(&serve, &whole).status.success());
    let (all, _) = lines(&whole);
    let first_whole = all.iter().position(|line| line.starts_with("{\"whole\"")).expect("a partner");
    std::fs::write(&cut, all[..=first_whole].join("\n") + "\n").expect("written");
    let clients = worker::Clients::local(&serve.aws);
    let store = local::open_store(&clients, Clock::system(), Random::system());
    let two = PROGRAM.replace("points = 150", "points = 151");
    let published = store::programs::publish(&store, &two, None, "test").await.expect("published");
    assert!(published.is_new);
    let at = published.effective_from;
    while Clock::system().now() <= at {
        Clock::system().sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut enrolled: Value =
        serde_json::from_str(&event("partner.enrolled", "p2", "again", &json!({ "name": "P", "motions": ["sell"] })))
            .expect("JSON");
    enrolled["time"] = json!(Clock::system().now());
    assert_eq!(serve.queue().send_all([enrolled.to_string()]).await, Vec::<usize>::new());
    serve.worked_off().await;
    assert!(exported(&serve, &cut).status.success());
    assert_eq!(audited(&cut, &[]), (true, "3 partners: no findings\n".to_owned()));
}
