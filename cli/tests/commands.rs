//! The commands as a person runs them: `serve` killed and started again, `check`, `token`, `demo`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ambient::Clock;
use serde_json::{Value, json};
use serve::{LAUREL, REPOSITORY, Serve, event, laurel, text};
use worker::{Clients, Queue};

mod serve;

/// C10: what holds events, keys and cards is nobody else's to read.
#[cfg(unix)]
fn only_its_owner_reads(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().expect("a file").permissions());
        let name = entry.file_name();
        assert!(name == "lock" || mode.trailing_zeros() >= 6, "{} has mode {mode:o}", name.display());
    }
}

/// C7: a ring of card keys that is gone was made anew, and points were spent on cards that nobody can open.
#[tokio::test(flavor = "multi_thread")]
async fn c7_a_lost_ring_of_card_keys_is_refused_and_found() {
    let data = tempfile::tempdir().expect("a folder");
    let (keys, codes) = (data.path().join("card-keys.json"), data.path().join("codes.txt"));
    std::fs::write(&codes, "AAAA-1\nAAAA-2\n").expect("written");
    let load = |serve: &Serve| {
        laurel(&["codes", "load", "starbucks-10", &codes.display().to_string(), "--endpoint", &serve.aws])
    };
    let serve = Serve::start(data.path()).await;
    assert!(load(&serve).status.success(), "{}", text(&load(&serve).stderr));
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    assert!(audit.status.success(), "{}{}", text(&audit.stdout), text(&audit.stderr));
    // While it runs, the ring becomes another: what is loaded is refused, and what is there is found.
    let ring = std::fs::read_to_string(&keys).expect("a ring");
    let other = store::cards::Sealer::new_ring(&ambient::Random::system()).expect("a ring");
    let secret = worker::Secret::new(Clients::local(&serve.aws).secretsmanager(), local::CARD_SECRET);
    secret.write(&other).await.expect("written");
    let loaded = load(&serve);
    assert!(
        !loaded.status.success() && text(&loaded.stderr).contains("another key `first`"),
        "{}",
        text(&loaded.stderr)
    );
    let audit = laurel(&["audit", "--endpoint", &serve.aws, "--json"]);
    assert!(text(&audit.stdout).contains("2 cards, sealed with a key `first`, do not open"), "{}", text(&audit.stdout));
    // No points are spent on cards that nobody could open.
    let folder = data.path().display().to_string();
    let token =
        laurel(&["token", "--partner", "p", "--program", "hr-software", "--scope", "redeem", "--data", &folder]);
    let redeem = async || {
        let ask = reqwest::Client::new().post(format!("{}/v1/partners/p/redemptions", serve.http));
        let ask = ask.bearer_auth(text(&token.stdout).trim()).header("idempotency-key", "k");
        let reply = ask.json(&json!({ "reward_id": "starbucks-10", "quantity": 1 })).send().await.expect("an answer");
        (reply.status().as_u16(), reply.json::<Value>().await.expect("JSON")["code"].clone())
    };
    assert_eq!(redeem().await, (503, json!("no_card_keys")));
    secret.write(&ring).await.expect("written");
    assert_eq!(redeem().await, (404, json!("not_found")), "nobody enrolled `p`");
    drop(serve);
    // Gone: refused at the start, and fine with the ring that was there.
    std::fs::remove_file(&keys).expect("removed");
    let refused = laurel(&["serve", "--port", "0", "--aws-port", "0", "--data", &data.path().display().to_string()]);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("put back the ring"),
        "{}",
        text(&refused.stderr)
    );
    std::fs::write(&keys, ring).expect("put back");
    let mut serve = Serve::start(data.path()).await;
    // E5: a supervisor's signal is an end like Ctrl-C.
    let pid = serve.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(serve.child.wait().expect("ended").code(), Some(0));
}

/// A14: a disk that is full loses nothing: it is said, delivery waits, and what was answered is counted once there is room.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a14_a_full_disk_loses_nothing_and_is_told() {
    let data = tempfile::tempdir().expect("a folder");
    // No file may grow beyond 2 MB, and the process is told so instead of killed: as a full disk looks to it.
    let limited = "trap '' XFSZ; ulimit -S -f 2000; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", limited, "serve", LAUREL]);
    let log = data.path().join("log");
    command.stderr(std::fs::File::create(&log).expect("a log"));
    let serve = Serve::start_as(command, &data.path().join("data"), (0, 0)).await;
    let told = laurel(&[
        "token",
        "--program",
        "hr-software",
        "--scope",
        "read",
        "--scope",
        "admin",
        "--data",
        &data.path().join("data").display().to_string(),
    ]);
    let token = text(&told.stdout).trim().to_owned();
    let queue = serve.queue();
    let enrolled = json!({ "name": "Northwind", "motions": ["sell"], "more": "x" });
    queue.send(event("partner.enrolled", "p", "enrolled", &enrolled)).await.expect("sent");
    let viewed = |n: usize| {
        let data = json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": { "amount": "1", "currency": "USD" } });
        event("deal.closed", "p", &format!("e{n}"), &data)
    };
    // Until the disk is full: what is answered from then on is answered with an error.
    let mut taken = Vec::new();
    for n in 0.. {
        if queue.send(viewed(n)).await.is_ok() {
            taken.push(n);
        } else {
            break;
        }
        assert!(n < 5_000, "the disk is never full");
    }
    let said = || std::fs::read_to_string(&log).expect("a log");
    assert!(said().contains("the engine cannot write; delivery waits"), "{}", said());
    // More than the time of five deliveries passes.
    Clock::system().sleep(Duration::from_secs(12)).await;
    let room = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &serve.child.id().to_string()]).status();
    assert!(room.expect("prlimit runs").success());
    serve.worked_off().await;
    let dead = format!("{}-dead-letters", serve.queue_url());
    let dead = Clients::local(&serve.aws).sqs().receive_message().queue_url(dead).send().await.expect("answered");
    assert_eq!(dead.messages.unwrap_or_default().len(), 0, "put aside for a fault that is not theirs");
    let each = serve.available(&token, "p").await.expect("a balance");
    assert!(each >= i64::try_from(taken.len()).expect("few"), "{each} points of {} deals", taken.len());
    assert!(said().contains("the engine writes again"), "{}", said());
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    assert!(audit.status.success(), "{}{}", text(&audit.stdout), text(&audit.stderr));
}

/// What was put aside goes back to its queue, with its attributes, and is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a14_what_was_put_aside_is_sent_again() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let dead = Queue::new(Clients::local(&serve.aws).sqs(), &format!("{}-dead-letters", serve.queue_url()));
    let enrolled = json!({ "name": "Northwind", "motions": ["sell"] });
    dead.send(event("partner.enrolled", "p", "enrolled", &enrolled)).await.expect("sent");
    for n in 0..14 {
        let closed =
            json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": { "amount": "48000", "currency": "USD" } });
        dead.send(event("deal.closed", "p", &format!("e{n}"), &closed)).await.expect("sent");
    }
    let dry = laurel(&["redrive", "partner-events", "--endpoint", &serve.aws, "--dry-run"]);
    assert!(text(&dry.stdout).starts_with("15 messages wait"), "{}{}", text(&dry.stdout), text(&dry.stderr));
    let done = laurel(&["redrive", "partner-events", "--endpoint", &serve.aws]);
    assert!(
        text(&done.stdout).starts_with("15 messages were sent again"),
        "{}{}",
        text(&done.stdout),
        text(&done.stderr)
    );
    serve.worked_off().await;
    let token = laurel(&[
        "token",
        "--program",
        "hr-software",
        "--scope",
        "read",
        "--scope",
        "admin",
        "--data",
        &data.path().display().to_string(),
    ]);
    // The fifth deal makes the partner gold, and gold earns 1.25 times.
    assert_eq!(serve.available(text(&token.stdout).trim(), "p").await, Some(5 * 500 + 9 * 625));
    let wrong = laurel(&["redrive", "partner-events-dead-letters", "--endpoint", &serve.aws]);
    assert!(!wrong.status.success() && text(&wrong.stderr).contains("puts nothing aside"), "{}", text(&wrong.stderr));
    let none = laurel(&["redrive", "no-such-queue", "--endpoint", &serve.aws]);
    assert!(text(&none.stderr).contains("there is no queue `no-such-queue`"), "{}", text(&none.stderr));
}

/// Some commands said a dispatch failure, or that a queue is missing, where there was nothing at all.
#[test]
fn where_nothing_answers_every_command_says_how_to_start() {
    let commands: [&[&str]; 6] = [
        &["redrive", "partner-events"],
        &["codes", "rotate-key", "2027"],
        &["audit"],
        &["programs", "list"],
        &["events", "--outcome", "held"],
        &["statement", "p"],
    ];
    std::thread::scope(|side_by_side| {
        for command in commands {
            side_by_side.spawn(move || {
                let told = laurel(&[command, &["--endpoint", "http://127.0.0.1:9"]].concat());
                let said = text(&told.stderr);
                assert!(
                    !told.status.success() && said.contains("start `cargo laurel serve`, or name another --endpoint"),
                    "{command:?}: {said}"
                );
            });
        }
    });
}

/// Killed with 500 events in flight and started again on the same data: each is counted exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_serve_loses_nothing_and_doubles_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let partners: Vec<String> = (0..10).map(|n| format!("p{n}")).collect();
    let serve = Serve::start(data.path()).await;
    #[cfg(unix)]
    only_its_owner_reads(data.path());
    let enrolments: Vec<String> = partners
        .iter()
        .map(|p| event("partner.enrolled", p, &format!("{p}-enrolled"), &json!({ "name": p, "motions": ["sell"] })))
        .collect();
    assert_eq!(serve.queue().send_all(&enrolments).await, Vec::<usize>::new());
    let won = |n: usize| {
        let data = json!({ "deal_id": format!("d{n}"), "outcome": "won", "acv": { "amount": "100", "currency": "USD" }, "motion": "sell", "renewal": true });
        event("deal.closed", &partners[n % 10], &format!("d{n}-won"), &data)
    };
    let events: Vec<String> = (0..500).map(won).collect();
    assert_eq!(serve.queue().send_all(&events).await, Vec::<usize>::new(), "all 500 are accepted");
    drop(serve); // SIGKILL, with most of them in flight

    let serve = Serve::start(data.path()).await;
    // Half of them are sent again, as a sender does that did not see the answer.
    assert_eq!(serve.queue().send_all(&events[..250]).await, Vec::<usize>::new());
    serve.worked_off().await;
    let folder = data.path().to_string_lossy().into_owned();
    for partner in &partners {
        let token =
            laurel(&["token", "--partner", partner, "--program", "hr-software", "--scope", "read", "--data", &folder]);
        let token = text(&token.stdout).trim().to_owned();
        assert_eq!(serve.available(&token, partner).await, Some(50 * 100), "{partner}: 50 renewals of 100 points");
    }
    let audit = laurel(&["audit", "--endpoint", &serve.aws]);
    assert!(audit.status.success(), "{}{}", text(&audit.stdout), text(&audit.stderr));
    assert_eq!(text(&audit.stdout).trim(), "10 partners: no findings");
    let second = Command::new(LAUREL)
        .args(["serve", "--port", "0", "--aws-port", "0", "--data", &folder])
        .output()
        .expect("runs");
    assert!(
        !second.status.success() && text(&second.stderr).contains("another `laurel serve` has"),
        "one serve at a time"
    );
}

/// B12: a version that was to take effect later could be neither seen nor compared nor taken back.
#[tokio::test(flavor = "multi_thread")]
async fn b12_versions_are_listed_compared_and_withdrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(folder.path()).await;
    let run = |args: &[&str]| {
        let done = laurel(&[args, &["--endpoint", &serve.aws]].concat());
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let file = |name: &str, points: &str| {
        // Its examples say what was so.
        let (text, _) =
            include_str!("../../infra/programs/hr-software.toml").split_once("[[example]]").expect("examples");
        let text = text.replacen("points = 50\n", points, 1);
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("a path").to_owned()
    };
    let (next, other) = (file("next.toml", "points = 60\n"), file("other.toml", "points = 70\n"));
    let later = (Clock::system().now() + jiff::SignedDuration::from_hours(48)).to_string();
    let (code, told, why) = run(&["publish", &next, "--effective-from", &later]);
    assert!(code == Some(0) && told.contains("version 2 is in force from"), "{told}{why}");
    let (code, told, why) = run(&["publish", &other]);
    assert!(code == Some(1) && why.contains("version 2 is pending") && why.contains("--yes"), "{told}{why}");
    let (code, told, _) = run(&["publish", &other, "--yes"]);
    assert!(code == Some(0) && told.contains("version 2, published earlier, takes over"), "{told}");
    let (code, told, _) = run(&["programs", "diff", "hr-software", "2"]);
    assert!(code == Some(1) && told.contains("-points = 70") && told.contains("+points = 60"), "{told}");
    assert_eq!(run(&["programs", "diff", "hr-software", "3", "--file", &other]).0, Some(0));
    assert_eq!(run(&["programs", "show", "hr-software", "3"]).1, std::fs::read_to_string(&other).expect("read"));
    let standing = || {
        let (_, lines, _) = run(&["programs", "list", "--program", "hr-software", "--json"]);
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["standing"].clone());
        lines.filter_map(|word| word.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(standing(), ["past", "pending", "in_force"]);
    let (code, told, why) = run(&["programs", "withdraw", "hr-software", "2"]);
    assert!(code == Some(0) && told.contains("version 2 is withdrawn"), "{told}{why}");
    assert_eq!(standing(), ["past", "withdrawn", "in_force"]);
    let (code, _, why) = run(&["programs", "withdraw", "hr-software", "3"]);
    assert!(code == Some(1) && why.contains("publish another one instead"), "{why}");
    let (code, told, why) = run(&["audit"]);
    assert_eq!(code, Some(0), "{told}{why}");
}

/// Who publishes is told which deals are on their way; why it was done stands with the version.
#[tokio::test(flavor = "multi_thread")]
async fn publishing_says_what_becomes_of_deals_and_keeps_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(folder.path()).await;
    let queue = serve.queue();
    let enrolled = json!({ "name": "N", "motions": ["sell"] });
    queue.send(event("partner.enrolled", "p", "enrolled", &enrolled)).await.expect("sent");
    for deal in ["open", "won", "lost", "void"] {
        let data = json!({ "deal_id": deal, "opportunity_id": format!("o-{deal}"), "customer": "Contoso" });
        queue.send(event("deal.registered", "p", &format!("registered-{deal}"), &data)).await.expect("sent");
    }
    for (deal, outcome) in [("won", "won"), ("void", "won"), ("lost", "lost")] {
        let mut data = json!({ "deal_id": deal, "outcome": outcome });
        if outcome == "won" {
            data["acv"] = json!({ "amount": "100", "currency": "USD" });
        }
        queue.send(event("deal.closed", "p", &format!("closed-{deal}"), &data)).await.expect("sent");
    }
    let reversed = json!({ "deal_id": "void", "reason": "x" });
    queue.send(event("deal.reversed", "p", "reversed", &reversed)).await.expect("sent");
    serve.worked_off().await;
    let run = |args: &[&str]| {
        let done = laurel(&[args, &["--endpoint", &serve.aws]].concat());
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let (file, _) = include_str!("../../infra/programs/hr-software.toml").split_once("[[example]]").expect("examples");
    let path = folder.path().join("next.toml");
    std::fs::write(&path, file.replacen("points = 50\n", "points = 60\n", 1)).expect("written");
    let path = path.to_str().expect("a path");
    let long = "y".repeat(1_001);
    for none in ["", " ", "a\nb", &long] {
        let (code, _, why) = run(&["publish", path, "--reason", none]);
        assert!(code == Some(2) && why.contains("write a line of at most 1000 characters"), "{none:?}: {why}");
    }
    let later = (Clock::system().now() + jiff::SignedDuration::from_hours(48)).to_string();
    let (code, _, why) = run(&["publish", path, "--effective-from", &later, "--reason", "  More for registrations. "]);
    assert_eq!(code, Some(0), "{why}");
    let open = format!("1 open deal, of 1 partner: this version rates those that close from {later} on");
    let won = "1 won deal: corrections go by the version that each of them earned by";
    assert!(why.contains(&open) && why.contains(won) && !why.contains("customers pay"), "{why}");
    let (code, ..) = run(&["programs", "withdraw", "hr-software", "2", "--reason", "Finance said no."]);
    assert_eq!(code, Some(0));
    let (_, listed, _) = run(&["programs", "list", "--program", "hr-software", "--json"]);
    let second: Value = serde_json::from_str(listed.lines().nth(1).expect("a second")).expect("JSON");
    assert_eq!(
        (&second["reason"], &second["withdrawn_reason"]),
        (&json!("More for registrations."), &json!("Finance said no."))
    );
    let (_, table, _) = run(&["programs", "list"]);
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("registrations.") && words.contains("Finance"), "{table}");
    let (code, told, why) = run(&["audit"]);
    assert_eq!(code, Some(0), "{told}{why}");
}

/// What is published to take effect later is compared with the version that it takes over from; a pause that begins before its version,
/// and a file that is pending already, are told.
#[tokio::test(flavor = "multi_thread")]
async fn publishing_compares_with_the_version_that_it_takes_over_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(folder.path()).await;
    let (file, _) = include_str!("../../infra/programs/hr-software.toml").split_once("[[example]]").expect("examples");
    let publish = |points: &str, more: &[&str]| {
        let path = folder.path().join("next.toml");
        std::fs::write(&path, file.replacen("points = 50\n", points, 1)).expect("written");
        let path = path.to_str().expect("a path").to_owned();
        let done = laurel(&[&["publish", &path, "--endpoint", &serve.aws][..], more].concat());
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let day = |days: i64| (Clock::system().now() + jiff::SignedDuration::from_hours(24 * days)).to_string();
    let (soon, later) = (day(30), day(60));
    let (code, _, why) = publish("points = 400\n", &["--effective-from", &soon]);
    assert!(code == Some(0) && why.contains("compared with version 1"), "{why}");
    // Forty, which version 1 gave nearly, are a tenth of what version 2 gives by then.
    let (code, _, why) = publish("points = 40\n", &["--effective-from", &later]);
    assert!(code == Some(1) && why.contains("compared with version 2"), "{why}");
    assert!(why.contains("points = 40 where it was 400"), "{why}");
    let shows = "what gave 400 points by the version before gives 40 points by this one";
    assert!(why.split_whitespace().collect::<Vec<_>>().join(" ").contains(shows), "{why}");
    let (code, told, _) = publish("points = 400\n", &["--yes", "--reason", "At once."]);
    assert!(code == Some(0) && told.contains("nothing was published, and the reason is not kept"), "{told}");
    assert!(told.contains("name a time with --effective-from"), "{told}");
    let (code, _, why) = publish("points = 50\npaused = { from = \"2021-01-01\" }\n", &["--yes"]);
    let note = "is paused from 2021-01-01 on, and this version takes effect on";
    assert!(code == Some(0) && why.contains(note), "{why}");
}

#[test]
fn the_schema_of_a_declared_type_is_printed() {
    let told = laurel(&["schema", "event", "webinar.attended", "--program", "infra/programs/hr-software.toml"]);
    let schema: Value = serde_json::from_slice(&told.stdout).expect("a schema");
    assert_eq!(schema["properties"]["data"]["required"], json!(["minutes", "mode", "person_id", "webinar_id"]));
    assert_eq!(schema["properties"]["data"]["properties"]["mode"]["enum"], json!(["live", "recorded"]));
    assert_eq!(schema["examples"][0]["program"], "hr-software");
    let unknown = laurel(&["schema", "event", "webinar.attended"]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("--program FILE"), "{}", text(&unknown.stderr));
}

#[test]
fn the_schema_for_editors_is_the_one_beside_the_programs() {
    let told = laurel(&["schema", "program"]);
    let shipped = std::fs::read_to_string(format!("{REPOSITORY}/infra/programs/program.schema.json")).expect("a file");
    assert_eq!(text(&told.stdout).trim_end(), shipped.trim_end());
}

/// The guide is written in both forms, and what another file changes for partners is told alone.
#[test]
fn the_guide_and_what_changes_in_it_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("guide.html").display().to_string();
    let file = "infra/programs/hr-software.toml";
    let guide = laurel(&["describe", file]);
    let guide = text(&guide.stdout);
    assert!(guide.starts_with("# ") && guide.contains("Starbucks"), "{guide}");
    assert!(laurel(&["describe", file, "--as", "html", "--to", &page]).status.success());
    let html = std::fs::read_to_string(&page).expect("a page");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Starbucks"), "{html}");
    let next = folder.path().join("next.toml");
    let was = std::fs::read_to_string(format!("{REPOSITORY}/{file}")).expect("a program");
    let (was, _) = was.split_once("[[example]]").expect("examples");
    std::fs::write(&next, was.replacen("points = 150", "points = 175", 1)).expect("written");
    let next = next.display().to_string();
    let changes = laurel(&["describe", &next, "--against", file]);
    let changes = text(&changes.stdout);
    assert!(changes.contains("150") && changes.contains("175"), "{changes}");
    assert!(changes.len() < guide.len() / 2, "no more than what changes: {changes}");
    let missing = laurel(&["describe", "nowhere.toml"]);
    assert!(!missing.status.success() && text(&missing.stderr).contains("nowhere.toml"), "{}", text(&missing.stderr));
}

/// An account that was restored from before is at odds with the ledger, is written anew from it, and is audited clean again.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_puts_right_what_an_audit_finds() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let queue = serve.queue();
    queue.send(event("partner.enrolled", "p", "e", &json!({ "name": "P", "motions": ["sell"] }))).await.expect("sent");
    serve.worked_off().await;
    let db = Clients::local(&serve.aws).dynamodb();
    let head = async || {
        let all = db.scan().table_name(local::STATE_TABLE).send().await.expect("read").items.unwrap_or_default();
        let head = all.into_iter().find(|item| {
            let text = |name: &str| item.get(name)?.as_s().ok().map(String::as_str);
            (text("pk"), text("sk")) == (Some("partner#hr-software#p"), Some("head"))
        });
        head.expect("a head")
    };
    let before = head().await;
    let won = json!({ "deal_id": "d", "outcome": "won", "acv": { "amount": "5000", "currency": "USD" } });
    queue.send(event("deal.closed", "p", "d", &won)).await.expect("sent");
    serve.worked_off().await;
    let audit = || laurel(&["audit", "--endpoint", &serve.aws]);
    assert!(audit().status.success(), "{}", text(&audit().stdout));
    let right = head().await;
    db.put_item().table_name(local::STATE_TABLE).set_item(Some(before)).send().await.expect("put back");
    assert_eq!(audit().status.code(), Some(1), "{}", text(&audit().stdout));
    let rebuilt = laurel(&["rebuild", "--program", "hr-software", "--endpoint", &serve.aws]);
    let told = text(&rebuilt.stdout);
    assert!(rebuilt.status.success() && told.contains("No record holds these"), "{told}{}", text(&rebuilt.stderr));
    assert_eq!(head().await, right);
    assert!(audit().status.success(), "{}", text(&audit().stdout));
}

#[test]
fn check_speaks_of_line_column_and_way_out() {
    let good = laurel(&["check", "infra/programs/hr-software.toml"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    let warned = laurel(&["check", "infra/programs/perx.toml"]);
    assert!(warned.status.success() && text(&warned.stderr).contains("perx.toml:"), "{}", text(&warned.stderr));
    assert!(!laurel(&["check", "--strict", "infra/programs/perx.toml"]).status.success());

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.toml");
    let broken = std::fs::read_to_string(format!("{REPOSITORY}/infra/programs/hr-software.toml"))
        .expect("file")
        .replace("points = 50\n", "pionts = 50\n");
    std::fs::write(&file, broken).expect("written");
    let bad = laurel(&["check", &file.to_string_lossy()]);
    assert_eq!(bad.status.code(), Some(1));
    let said = text(&bad.stderr);
    for part in ["nothing reads `pionts` here", "did you mean `points`?", "broken.toml:"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let found: Value =
        serde_json::from_slice(&laurel(&["check", "--json", &file.to_string_lossy()]).stdout).expect("json");
    assert_eq!((found[0]["severity"].as_str(), found[0]["column"].as_u64()), (Some("error"), Some(1)));
}

/// E5: `explain` said that an event was not judged, and not why: it was rejected, or waits.
#[tokio::test(flavor = "multi_thread")]
async fn e5_an_event_without_a_record_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(folder.path()).await;
    let closed = json!({ "deal_id": "D-1", "outcome": "won", "acv": { "amount": "x", "currency": "USD" } });
    let early = json!({ "deal_id": "D-1", "outcome": "lost" });
    for body in [event("deal.closed", "p", "bad", &closed), event("deal.closed", "p", "early", &early)] {
        serve.queue().send(worker::Outgoing { body, attribute: None }).await.expect("sent");
    }
    serve.worked_off().await;
    let explain = |id: &str, more: &[&str]| {
        let source =
            serde_json::from_str::<Value>(&event("deal.closed", "p", id, &early)).expect("JSON")["source"].clone();
        let args = [&["explain", "p", source.as_str().expect("text"), id, "--endpoint", &serve.aws], more].concat();
        let done = laurel(&args);
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    let (code, told) = explain("bad", &[]);
    assert!(code == Some(0) && told.contains("rejected") && told.contains("data.acv.amount"), "{told}");
    let (code, told) = explain("early", &["--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert!(code == Some(0) && told["outcome"] == "held", "{told}");
    assert!(told["sentence"].as_str().is_some_and(|s| s.starts_with("waits for ")), "{told}");
    let (code, told) = explain("never-sent", &[]);
    assert!(code == Some(1) && told.contains("knows no event"), "{told}");
}

/// A `serve` that was killed while it made its data folder left tables that no later start made whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_killed_is_begun_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    for ms in [20, 40, 60, 80, 100, 130, 160, 200, 250, 300] {
        let mut command = Command::new(LAUREL);
        command.args(["serve", "--port", "0", "--aws-port", "0", "--data", &data]).current_dir(REPOSITORY);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("starts");
        Clock::system().sleep(Duration::from_millis(ms)).await;
        // One that has ended already cannot be killed.
        let _ = child.kill();
        child.wait().expect("ended");
    }
    let serve = Serve::start(folder.path()).await;
    let enrolled = event("partner.enrolled", "p", "p-enrolled", &json!({ "name": "p", "motions": ["sell"] }));
    serve.queue().send(worker::Outgoing { body: enrolled, attribute: None }).await.expect("sent");
    serve.worked_off().await;
    for args in
        [&["events", "--outcome", "held"][..], &["events", "--outcome", "rejected"], &["statement", "p"], &["audit"]]
    {
        let done = laurel(&[args, &["--endpoint", &serve.aws]].concat());
        assert!(done.status.success(), "{args:?}: {}{}", text(&done.stdout), text(&done.stderr));
    }
}

/// C10: a token was made for any program.
#[tokio::test(flavor = "multi_thread")]
async fn c10_a_token_is_for_a_program_that_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    let token = |program: &str| laurel(&["token", "--program", program, "--scope", "read", "--data", &data]);
    let serve = Serve::start(folder.path()).await;
    assert!(token("hr-software").status.success());
    let refused = token("hr-sofware");
    let why = text(&refused.stderr);
    assert!(refused.status.code() == Some(1) && refused.stdout.is_empty(), "{why}");
    assert!(why.contains("no program `hr-sofware`; published here: apex, hr-software, perx"), "{why}");
    drop(serve);
    assert!(token("hr-software").status.success(), "nobody runs, so nobody can say");
}

/// E2: `--json` printed nothing for a file that is not there.
#[test]
fn e2_check_prints_json_whatever_is_wrong() {
    for (path, code) in [("no/such.toml", "unreadable"), ("Cargo.toml", "unknown_key")] {
        let done = laurel(&["check", path, "--json"]);
        let found: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let codes: Vec<_> = found.as_array().expect("findings").iter().map(|one| &one["code"]).collect();
        assert!(done.status.code() == Some(1) && codes.contains(&&json!(code)), "{path}: {found}");
        assert!(found[0]["line"].is_u64() && found[0]["message"].is_string(), "{found}");
    }
    let file = "infra/programs/hr-software.toml";
    let done = laurel(&["check", file, "--against", file]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn a_command_without_a_stack_says_the_way_out() {
    // Where nothing listens.
    let lost = laurel(&["statement", "p", "--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(lost.status.code(), Some(1));
    assert!(text(&lost.stderr).contains("start `cargo laurel serve`"), "{}", text(&lost.stderr));
}

#[test]
fn the_demo_shows_points_a_promotion_and_a_card() {
    let demo = laurel(&["demo"]);
    let said = text(&demo.stdout);
    assert!(demo.status.success(), "{}", text(&demo.stderr));
    for part in
        ["by closed", "member -> silver", "the card's code: DEMO-STAR-000", "referral -> reseller", "conflict", "+302"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
}

/// Duplicates, kills and lost replies are shown, and both ledgers are one; the same seed is the same torture.
#[test]
fn the_torture_ends_in_equal_ledgers() {
    let played = || laurel(&["demo", "--torture", "--seed", "5"]);
    let (first, second) = (played(), played());
    let said = text(&first.stdout);
    assert!(first.status.success(), "{said}{}", text(&first.stderr));
    assert_eq!(said, text(&second.stdout));
    for shown in ["redelivered message", "killed process", "lost reply", "Equal: nothing was lost"] {
        assert!(said.contains(shown), "{shown} is not in: {said}");
    }
    let digest =
        |start: &str| said.lines().find_map(|line| line.strip_prefix(start)).map(|rest| rest.trim().to_owned());
    let (ledger, again) = (digest("The ledger as it is:"), digest("The same events in one quiet pass:"));
    assert!(ledger.is_some() && ledger == again, "{said}");
    assert_eq!(text(&first.stderr), "");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

/// Which territories and verticals are one partner's alone, and whose.
#[tokio::test(flavor = "multi_thread")]
async fn whose_a_territory_is_is_listed() {
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let at = ["--endpoint", &*serve.aws, "--program", "hr-software"];
    let listed = |more: &[&str]| text(&laurel(&[&["exclusivity"], more, &at[..]].concat()).stdout);
    assert_eq!(listed(&[]).trim(), "nothing of hr-software is one partner's alone");
    let enrolled =
        |who: &str| event("partner.enrolled", who, &format!("{who}-e"), &json!({ "name": who, "motions": ["sell"] }));
    let granted = |who: &str, id: &str, what: &serde_json::Value| {
        event("exclusivity.granted", who, id, what).replace("\"/crm/test\"", "\"/admin/channel\"")
    };
    for bodies in [
        vec![enrolled("a"), enrolled("b")],
        vec![
            granted("a", "g1", &json!({ "territory": "US-NY" })),
            granted("b", "g2", &json!({ "vertical": "banks", "until": "2999-01-01T00:00:00Z" })),
        ],
    ] {
        assert_eq!(serve.queue().send_all(&bodies).await, Vec::<usize>::new());
        serve.worked_off().await;
    }
    let table = listed(&[]);
    let rows: Vec<&str> = table.lines().filter(|line| line.contains("US-NY") || line.contains("banks")).collect();
    let [ny, banks] = rows[..] else { panic!("{table}") };
    assert!(ny.contains("territory") && ny.contains(" a "), "{ny}");
    assert!(banks.contains("vertical") && banks.contains(" b ") && banks.contains("2998-12-31"), "{banks}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let lines: Vec<serde_json::Value> =
        listed(&["--json"]).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines[0]["name"].clone(), lines[0]["partner_id"].clone()), (json!("US-NY"), json!("a")));
}

/// Who stands where, and who would pass: by the ladder in force, and by one that is only tried.
#[tokio::test(flavor = "multi_thread")]
async fn how_many_would_pass_is_told() {
    const PROGRAM: &str = r#"
[program]
id = "ladder"
name = "Ladder"
currency = "USD"
[sources]
"/crm/*" = ["*"]
[ladder.sell.member]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 1, within = "3 years" }
keep = { deals = 2, within = "3 years" }
review = "annually"
first_review = "1 year"
grace = "1 quarter"
[onboarding]
productive = { deals = 2, within = "3 years" }
by = "90 days"
[challenge.deals]
name = "Deals"
metric = "deals"
per = "month"
[earn.agreed]
on = "agreement.accepted"
points = 5
hold_if = [{ more_than = "1 per partner per month" }]
"#;
    let data = tempfile::tempdir().expect("a folder");
    let serve = Serve::start(data.path()).await;
    let (file, next) = (data.path().join("ladder.toml"), data.path().join("next.toml"));
    std::fs::write(&file, PROGRAM).expect("written");
    std::fs::write(&next, PROGRAM.replace("deals = 2", "deals = 1").replace("gold", "silver")).expect("written");
    let at = ["--endpoint", &*serve.aws];
    let path = file.display().to_string();
    let publish = ["publish", &*path, "--effective-from", "2020-01-01T00:00:00Z", "--yes"];
    let done = laurel(&[&publish[..], &at[..]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let of = |kind: &str, who: &str, id: &str, data: &serde_json::Value| {
        event(kind, who, id, data).replace("hr-software", "ladder")
    };
    let deal = |who: &str, id: &str| {
        let acv = json!({ "amount": "10", "currency": "USD" });
        of("deal.closed", who, id, &json!({ "deal_id": id, "outcome": "won", "acv": acv }))
    };
    let enrolled = |who: &str| of("partner.enrolled", who, who, &json!({ "name": who, "motions": ["sell"] }));
    for bodies in
        [vec![enrolled("a"), enrolled("b"), enrolled("c")], vec![deal("a", "a1"), deal("a", "a2"), deal("b", "b1")]]
    {
        assert_eq!(serve.queue().send_all(&bodies).await, Vec::<usize>::new());
        serve.worked_off().await;
    }
    let tiers = |more: &[&str]| {
        let done = laurel(&[&["tiers", "--program", "ladder"], more, &at[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let rows = |more: &[&str]| -> Vec<String> {
        let all = tiers(&[more, &["--json"]].concat());
        let row = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            format!("{} {} {} {}", row["tier"], row["partners"], row["keep"], row["reach_next"]).replace('"', "")
        };
        all.lines().map(row).collect()
    };
    assert_eq!(rows(&[]), ["gold 2 1 0", "member 1 1 0"]);
    assert!(tiers(&[]).contains("1 (50%)"), "{}", tiers(&[]));
    let next = next.display().to_string();
    assert_eq!(rows(&["--file", &next]), ["silver 0 0 0", "member 1 1 0", "gold 2 2 0"]);
    assert!(tiers(&["--file", &next]).contains("no such tier"));
    let new = |more: &[&str]| {
        let done = laurel(&[&["onboarding", "--program", "ladder"], more, &at[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    assert!(new(&[]).contains("productive: 1 of 3; half of them within"), "{}", new(&[]));
    assert!(!new(&[]).contains("trained:"), "nothing is asked of training");
    assert_eq!(new(&["--json", "--since", "2200-01-01"]), "");
    let lines = new(&["--json"]);
    let productive = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        (row["partner_id"].to_string().replace('"', ""), row["productive"]["on"].is_string())
    };
    let rows: std::collections::BTreeMap<String, bool> = lines.lines().map(productive).collect();
    assert_eq!(rows, [("a", true), ("b", false), ("c", false)].map(|(who, on)| (who.to_owned(), on)).into());
    let viewed = |who: &str, id: &str| of("reward.viewed", who, id, &json!({ "reward_id": "mug" }));
    assert_eq!(
        serve.queue().send_all(&[viewed("a", "v1"), viewed("a", "v2"), viewed("b", "v3")]).await,
        Vec::<usize>::new()
    );
    serve.worked_off().await;
    let wanted = |more: &[&str]| {
        let done = laurel(&[&["interest", "--program", "ladder", "--json"], more, &at[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let row: serde_json::Value = serde_json::from_str(&wanted(&[])).expect("one reward");
    assert_eq!((&row["reward_id"], &row["looks"], &row["only_looked"]), (&json!("mug"), &json!(3), &json!(2)));
    assert_eq!(wanted(&["--since", "2200-01-01"]), "");
    let board = laurel(&[&["leaderboard", "--program", "ladder", "--json"], &at[..]].concat());
    let board = text(&board.stdout);
    let place = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        format!("{} {} {}", row["place"], row["partner_id"], row["value"]).replace('"', "")
    };
    assert_eq!(board.lines().map(place).collect::<Vec<_>>(), ["1 a 2", "2 b 1"]);
    // What looks like gaming is listed until somebody has looked.
    let agreed = |id: &str| of("agreement.accepted", "a", id, &json!({ "version": id, "person_id": "dana" }));
    let held = || {
        let done = laurel(&[&["suspects", "--program", "ladder", "--json"], &at[..]].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let rows = text(&done.stdout);
        let row = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let [partner, id, points, why] =
                ["partner_id", "event_id", "points", "why"].map(|key| row[key].to_string());
            format!("{partner} {id} {points} {why} {}", row["until"]).replace('"', "")
        };
        rows.lines().map(row).collect::<Vec<_>>()
    };
    for id in ["g1", "g2", "g3"] {
        assert_eq!(serve.queue().send_all(&[agreed(id)]).await, Vec::<usize>::new());
        serve.worked_off().await;
    }
    let why = "5 more than 1 per partner per month null";
    assert_eq!(held(), [format!("a g2 {why}"), format!("a g3 {why}")]);
    let source: serde_json::Value = serde_json::from_str(&agreed("g2")).expect("JSON");
    let released = json!({ "event_source": source["source"], "event_id": "g2", "by": "channel-manager" });
    let released = of("award.released", "a", "r1", &released);
    assert_eq!(serve.queue().send_all(&[released]).await, Vec::<usize>::new());
    serve.worked_off().await;
    assert_eq!(held(), [format!("a g3 {why}")]);
    let shown = laurel(&[&["suspects", "--program", "ladder"], &at[..]].concat());
    let shown = text(&shown.stdout);
    assert!(shown.contains("until") && shown.lines().all(|line| line.chars().count() <= 140), "{shown}");
}
