//! A call that panics costs no other. A process of its own: a thread that is left standing holds the panic hook, which the usual
//! harness wants back at its end.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::Clock;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use laurel_worker::{Apart, ApartError, BatchError, Broke, SettingsError, apart, failures, messages};

fn batch(bodies: &[&str]) -> SqsEvent {
    let mut batch = SqsEvent::default();
    for body in bodies {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("m-{body}"));
        message.body = Some((*body).to_owned());
        batch.records.push(message);
    }
    batch
}

fn ids(reply: SqsBatchResponse) -> Vec<String> {
    reply.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

type Done = Arc<Mutex<Vec<String>>>;

/// Told if it is dropped.
struct Guard(Arc<AtomicU32>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A handler that panics at `panic`, leaves something behind that panics at `later`, hands back `again`, and has `bad` fail its whole
/// batch.
fn calls(made: Arc<AtomicU32>, done: Done) -> Apart<SqsEvent, Result<SqsBatchResponse, String>> {
    let make = move || Ok(made.fetch_add(1, Ordering::Relaxed));
    let handle = async move |_: &u32, batch: SqsEvent| {
        let mut handed_back = Vec::new();
        for message in messages(batch).map_err(|e| e.to_string())? {
            tokio::task::yield_now().await;
            match message.body.as_str() {
                "panic" => panic!("as it was told"),
                "later" => {
                    tokio::spawn(async { panic!("as it was told") });
                }
                "again" => handed_back.push(message.id),
                "bad" => return Err("bad".to_owned()),
                body => done.lock().expect("no panic within").push(format!("{body} {}", message.receive_count)),
            }
        }
        Ok(failures(handed_back))
    };
    Apart::start(make, handle).expect("a thread")
}

async fn a_call_that_panics_costs_no_other() {
    let (made, done) = (Arc::new(AtomicU32::new(0)), Done::default());
    let calls = calls(made.clone(), done.clone());
    let clock = Clock::system();
    let judge = async |bodies: &[&str]| {
        apart(batch(bodies), (&clock, clock.instant() + Duration::from_secs(60)), |batch| calls.call(batch))
            .await
            .map(ids)
    };
    let seen = || std::mem::take(&mut *done.lock().expect("no panic within"));

    assert_eq!(judge(&["a", "again", "b"]).await, Ok(vec!["m-again".to_owned()]));
    assert_eq!((seen(), made.load(Ordering::Relaxed)), (vec!["a 1".to_owned(), "b 1".to_owned()], 1));

    // What comes before the one that panics is done again, as it is when it is delivered again.
    let handed_back = judge(&["a", "panic", "again", "b"]).await;
    assert_eq!(handed_back, Ok(["m-panic", "m-again"].map(str::to_owned).to_vec()));
    assert_eq!(seen(), ["a 1", "a 2", "a 2", "b 2"]);
    assert_eq!(made.load(Ordering::Relaxed), 4, "once more after each panic");

    assert_eq!(judge(&["panic"]).await, Ok(vec!["m-panic".to_owned()]));
    assert_eq!(judge(&["bad", "a"]).await, Err(BatchError::Call("bad".to_owned())));
    assert_eq!(judge(&["c"]).await, Ok(Vec::new()));
    assert_eq!(judge(&["later"]).await, Ok(Vec::new()));
    clock.sleep(Duration::from_millis(50)).await;
    assert_eq!((seen(), made.load(Ordering::Relaxed)), (vec!["c 1".to_owned()], 5));
    // Nobody's call panicked meanwhile, and none is blamed.
    assert_eq!(judge(&["d"]).await, Ok(Vec::new()));
    assert_eq!((seen(), made.load(Ordering::Relaxed)), (vec!["d 1".to_owned()], 6));
}

/// What is left is handed back untried where no time is left; what no reply can name fails as a whole.
async fn a_batch_that_cannot_be_parted_is_handed_back() {
    let clock = Clock::system();
    let in_time = clock.instant() + Duration::from_secs(60);
    let calls = AtomicU32::new(0);
    let panics = |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<Result<SqsBatchResponse, String>, _>(Broke::default()))
    };
    let late = apart(batch(&["a", "b", "c"]), (&clock, clock.instant()), panics).await.map(ids);
    assert_eq!(late, Ok(["m-a", "m-b", "m-c"].map(str::to_owned).to_vec()));
    assert_eq!(calls.swap(0, Ordering::Relaxed), 1);
    for id in [None, Some(String::new())] {
        let mut nameless = batch(&["a", "b"]);
        nameless.records[1].message_id = id;
        assert!(matches!(apart(nameless, (&clock, in_time), panics).await, Err(BatchError::Nameless)));
    }
    calls.store(0, Ordering::Relaxed);
    let bodies: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let many = apart(batch(&bodies), (&clock, in_time), panics).await.map(ids).expect("a reply");
    assert_eq!(many.len(), 1_000);
    assert!(calls.load(Ordering::Relaxed) <= 20, "{calls:?} calls");
    // One of a thousand costs a handful of calls, not one for each.
    calls.store(0, Ordering::Relaxed);
    let one = |batch: SqsEvent| {
        calls.fetch_add(1, Ordering::Relaxed);
        let is_bad = batch.records.iter().any(|message| message.body.as_deref() == Some("700"));
        let reply = Ok::<_, String>(SqsBatchResponse::default());
        std::future::ready(if is_bad { Err(Broke::default()) } else { Ok(reply) })
    };
    let one = apart(batch(&bodies), (&clock, in_time), one).await.map(ids);
    assert_eq!(one, Ok(vec!["m-700".to_owned()]));
    assert!(calls.load(Ordering::Relaxed) <= 22, "{calls:?} calls");
}

/// A thread is left standing, not unwound, and a process ends that has left too many.
async fn a_process_ends_that_has_left_many_threads_standing() {
    let dropped = Arc::new(AtomicU32::new(0));
    let held = dropped.clone();
    let calls = Apart::<(), ()>::start(
        || Ok(()),
        async move |(), ()| {
            let guard = Guard(held.clone());
            tokio::task::yield_now().await;
            assert!(Arc::strong_count(&guard.0) == 0, "as it was told");
        },
    );
    let calls = calls.expect("a thread");
    let mut broke = 0;
    let error = loop {
        tokio::select! {
            error = calls.fails() => break error,
            called = calls.call(()) => {
                let Err(Broke(at)) = called else { panic!("it panics") };
                assert!(at.is_some_and(|at| at.contains("apart.rs")));
                broke += 1;
            }
        }
    };
    assert!(matches!(error, ApartError::WornOut(standing) if standing == broke), "{error}");
    assert_eq!((broke > 0, dropped.load(Ordering::Relaxed)), (true, 0), "nothing unwinds");
}

async fn a_handler_that_cannot_be_made_says_why() {
    let make = || Err::<(), _>(SettingsError::Missing("QUEUE_URL"));
    let calls = Apart::<(), ()>::start(make, async |(), ()| ()).expect("a thread");
    assert!(matches!(calls.fails().await, ApartError::Settings(_)));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The panics that it asks for are told nobody.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("calls") {
            tell(panic);
        }
    }));
    a_handler_that_cannot_be_made_says_why().await;
    a_call_that_panics_costs_no_other().await;
    a_batch_that_cannot_be_parted_is_handed_back().await;
    a_process_ends_that_has_left_many_threads_standing().await;
    println!("a call that panics costs no other: ok");
    ExitCode::SUCCESS
}
