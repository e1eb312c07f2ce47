//! A call that panics costs no other: calls run on a thread of their own, and a batch whose call broke is called again by
//! halves.
//!
//! Deployed functions are built to abort on a panic, so nothing unwinds. A thread that panics is left standing where it is, and
//! another takes its place with a handler of its own; what the first one held is lost to the process, which lives no longer than
//! Lambda lets it.

use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::sync::{Arc, Once};
use std::thread;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{Instrument, Span};

use crate::batch::{RECEIVES, failures};
use crate::settings::SettingsError;
use crate::telemetry::count;

/// Room for the deepest call, as the first thread of a process has it.
const STACK_BYTES: usize = 8 << 20;
/// Panics after which the rest of a batch is handed back: each leaves a thread standing.
const PANICS_MAX: u32 = 24;
/// Metric: messages whose call panicked.
const BROKEN: &str = "broken";

thread_local! {
    /// Told when this thread panics, which then stands still.
    static BROKE: Cell<Option<oneshot::Sender<()>>> = const { Cell::new(None) };
}

/// The call panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call panicked")]
pub struct Broke;

/// Why calls could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// The environment does not say what the handler needs.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system gave no thread.
    #[error(transparent)]
    Thread(#[from] io::Error),
}

struct Job<C, R> {
    call: C,
    span: Span,
    reply: oneshot::Sender<R>,
}

struct Thread<C, R> {
    jobs: mpsc::Sender<Job<C, R>>,
    broke: oneshot::Receiver<()>,
}

type Begin<C, R> = dyn Fn() -> Result<(Thread<C, R>, Made), ApartError> + Send + Sync;

/// What came of making a handler.
type Made = oneshot::Receiver<Result<(), ApartError>>;

/// A handler on a thread of its own, called with a `C` for an `R`, one call after the other.
pub struct Apart<C, R> {
    begin: Box<Begin<C, R>>,
    thread: Mutex<Option<Thread<C, R>>>,
    made: Mutex<Option<Made>>,
}

impl<C: Send + 'static, R: Send + 'static> Apart<C, R> {
    /// Has the handler made on its thread, beside whatever else begins ([`Self::made`]); again where a call of it panicked.
    ///
    /// # Errors
    /// [`ApartError::Thread`].
    pub fn start<H: 'static>(
        make: impl Fn() -> Result<H, SettingsError> + Send + Sync + 'static,
        handle: impl AsyncFn(&H, C) -> R + Send + Sync + 'static,
    ) -> Result<Self, ApartError> {
        leave_standing();
        let (make, handle) = (Arc::new(make), Arc::new(handle));
        let begin = Box::new(move || begin(make.clone(), handle.clone()));
        let (first, made) = begin()?;
        Ok(Self { begin, thread: Mutex::new(Some(first)), made: Mutex::new(Some(made)) })
    }

    /// Waits until the handler is made.
    ///
    /// # Errors
    /// [`ApartError`].
    pub async fn made(&self) -> Result<(), ApartError> {
        let Some(made) = self.made.lock().await.take() else { return Ok(()) };
        made.await.map_err(|_| io::Error::other("the thread ended"))?
    }

    /// One call.
    ///
    /// # Errors
    /// [`Broke`].
    pub async fn call(&self, call: C) -> Result<R, Broke> {
        let mut thread = self.thread.lock().await;
        if thread.is_none() {
            let begun = (self.begin)().inspect_err(|error| tracing::error!(%error, "calls cannot go on"));
            *thread = begun.ok().map(|(thread, _)| thread);
        }
        let Some(Thread { jobs, broke }) = thread.as_mut() else { return Err(Broke) };
        let (reply, replied) = oneshot::channel();
        let answer = async {
            jobs.send(Job { call, span: Span::current(), reply }).await.ok()?;
            replied.await.ok()
        };
        let answer = tokio::select! {
            answer = answer => answer,
            _ = broke => None,
        };
        if answer.is_none() {
            *thread = None;
        }
        answer.ok_or(Broke)
    }
}

fn begin<H, C: Send + 'static, R: Send + 'static>(
    make: Arc<impl Fn() -> Result<H, SettingsError> + Send + Sync + 'static>,
    handle: Arc<impl AsyncFn(&H, C) -> R + Send + Sync + 'static>,
) -> Result<(Thread<C, R>, Made), ApartError> {
    let (jobs, mut waiting) = mpsc::channel::<Job<C, R>>(1);
    let (tell, broke) = oneshot::channel();
    let (ready, made) = oneshot::channel();
    thread::Builder::new().name("calls".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let make = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            // Some libraries want a runtime already when they are set up.
            let handler = runtime.block_on(async { make() })?;
            Ok((runtime, handler))
        };
        let (runtime, handler) = match make() {
            Ok(made) => made,
            Err(error) => {
                if let Err(Err(error)) = ready.send(Err(error)) {
                    tracing::error!(%error, "calls cannot go on");
                }
                return;
            }
        };
        BROKE.set(Some(tell));
        // Nobody waits for the handlers after the first.
        let _ = ready.send(Ok(()));
        runtime.block_on(async {
            while let Some(Job { call, span, reply }) = waiting.recv().await {
                // Who gave up waiting needs no answer.
                let _ = reply.send(handle(&handler, call).instrument(span).await);
            }
        });
    })?;
    Ok((Thread { jobs, broke }, made))
}

/// From now on a thread that panics and is one of these is left standing, whatever else panics ends as it would.
fn leave_standing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            tell(panic);
            if let Some(broke) = BROKE.take() {
                // Who called may be gone.
                let _ = broke.send(());
                loop {
                    thread::park();
                }
            }
        }));
    });
}

/// One batch by `call`; where that panics, each half of it by a call of its own, as if it were delivered again, and so on: a message whose
/// call panics alone is handed back, and no other on its account. After so many panics what is left is handed back untried.
///
/// # Errors
/// That of `call`: the whole batch is handed back.
pub async fn apart<E: Display, F>(batch: SqsEvent, call: impl Fn(SqsEvent) -> F) -> Result<SqsBatchResponse, E>
where
    F: Future<Output = Result<Result<SqsBatchResponse, E>, Broke>>,
{
    // No reply can name a part of what has no id: that fails as a whole, or not at all.
    let named = batch.records.iter().all(|message| message.message_id.as_ref().is_some_and(|id| !id.is_empty()));
    let (mut handed_back, mut broken, mut panics) = (Vec::new(), 0, 0);
    let mut left = vec![batch];
    while let Some(mut part) = left.pop() {
        let ids =
            |part: &SqsEvent| part.records.iter().filter_map(|message| message.message_id.clone()).collect::<Vec<_>>();
        if panics >= PANICS_MAX {
            handed_back.extend(ids(&part));
            continue;
        }
        match call(part.clone()).await {
            Ok(Ok(reply)) if panics == 0 => return Ok(reply),
            Ok(Ok(reply)) => {
                handed_back.extend(reply.batch_item_failures.into_iter().map(|failure| failure.item_identifier));
            }
            Ok(Err(error)) if panics == 0 || !named => return Err(error),
            Ok(Err(error)) => {
                tracing::warn!(%error, messages = part.records.len(), "messages are delivered again");
                handed_back.extend(ids(&part));
            }
            Err(Broke) => {
                panics += 1;
                if part.records.len() > 1 && named {
                    tracing::error!(
                        messages = part.records.len(),
                        "the call of messages panicked; each half is called by itself"
                    );
                    for message in part.records.iter_mut().filter(|_| panics == 1) {
                        let received = message.attributes.get(RECEIVES).and_then(|times| times.parse::<u32>().ok());
                        let again = received.unwrap_or(1).saturating_add(1).to_string();
                        message.attributes.insert(RECEIVES.to_owned(), again);
                    }
                    let mut later = SqsEvent::default();
                    later.records = part.records.split_off(part.records.len() / 2);
                    left.extend([later, part]);
                } else {
                    let message_id = part.records.first().and_then(|message| message.message_id.clone());
                    tracing::error!(message_id, "the call of a message panicked; it is delivered again");
                    broken += part.records.len() as u64;
                    handed_back.extend(ids(&part));
                }
            }
        }
    }
    count(&[(BROKEN, broken)].into());
    Ok(failures(handed_back))
}
