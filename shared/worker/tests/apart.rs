//! A call that panics costs no other. A process of its own: a thread that is left standing holds the panic hook, which the usual
//! harness wants back at its end.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use laurel_worker::{Apart, ApartError, Broke, SettingsError, apart, failures, messages};

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

/// A handler that panics at `panic`, hands back `again`, and has `bad` fail its whole batch.
fn calls(made: Arc<AtomicU32>, done: Done) -> Apart<SqsEvent, Result<SqsBatchResponse, String>> {
    let make = move || Ok(made.fetch_add(1, Ordering::Relaxed));
    let handle = async move |_: &u32, batch: SqsEvent| {
        let mut handed_back = Vec::new();
        for message in messages(batch).map_err(|e| e.to_string())? {
            tokio::task::yield_now().await;
            match message.body.as_str() {
                "panic" => panic!("as it was told"),
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
    calls.made().await.expect("a handler");
    let judge = async |bodies: &[&str]| apart(batch(bodies), |batch| calls.call(batch)).await.map(ids);
    let seen = || std::mem::take(&mut *done.lock().expect("no panic within"));

    assert_eq!(judge(&["a", "again", "b"]).await, Ok(vec!["m-again".to_owned()]));
    assert_eq!((seen(), made.load(Ordering::Relaxed)), (vec!["a 1".to_owned(), "b 1".to_owned()], 1));

    // What comes before the one that panics is done again, as it is when it is delivered again.
    let handed_back = judge(&["a", "panic", "again", "b"]).await;
    assert_eq!(handed_back, Ok(["m-panic", "m-again"].map(str::to_owned).to_vec()));
    assert_eq!(seen(), ["a 1", "a 2", "a 2", "b 2"]);
    assert_eq!(made.load(Ordering::Relaxed), 4, "once more after each panic");

    assert_eq!(judge(&["panic"]).await, Ok(vec!["m-panic".to_owned()]));
    assert_eq!(judge(&["bad", "a"]).await, Err("bad".to_owned()));
    assert_eq!(judge(&["c"]).await, Ok(Vec::new()));
    assert_eq!((seen(), made.load(Ordering::Relaxed)), (vec!["c 1".to_owned()], 5));
}

async fn a_handler_that_cannot_be_made_says_why() {
    let make = || Err::<(), _>(SettingsError::Missing("QUEUE_URL"));
    let calls = Apart::<(), ()>::start(make, async |(), ()| ()).expect("a thread");
    assert!(matches!(calls.made().await, Err(ApartError::Settings(_))));
    assert_eq!(calls.call(()).await, Err(Broke));
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
    println!("a call that panics costs no other: ok");
    ExitCode::SUCCESS
}
