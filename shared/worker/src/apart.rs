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
use std::time::Duration;

use ambient::{Clock, Instant};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{Instrument, Span};

use crate::batch::{RECEIVES, SENT, failures};
use crate::settings::SettingsError;
use crate::telemetry::count;

/// Room for the deepest call, as the first thread of a process has it.
const STACK_BYTES: usize = 8 << 20;
/// Panics of one batch after which the rest of it is handed back untried.
const PANICS_MAX: usize = 16;
/// Threads left standing with which a process takes no other call: each keeps a runtime and its connections, and a process may have
/// about a thousand files.
const STANDING_MAX: usize = 16;
/// Time that is kept for the reply.
const RESERVE: Duration = Duration::from_secs(2);
/// Metric: messages whose call panicked.
const BROKEN: &str = "broken";

thread_local! {
    /// Told where this thread panics, which then stands still.
    static BROKE: Cell<Option<oneshot::Sender<Broke>>> = const { Cell::new(None) };
}

/// The call panicked: where, if that is known. Never why, which may hold what nobody is to read (I17).
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the call panicked")]
pub struct Broke(pub Option<String>);

/// Why a batch failed as a whole.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError<E> {
    /// The call says so.
    #[error("{0}")]
    Call(E),
    /// It panicked, and has a message without an id, which no reply can name.
    #[error("the call of a batch panicked, and not every message of it has an id")]
    Nameless,
}

/// Why calls could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// The environment does not say what the handler needs.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system gave no thread.
    #[error(transparent)]
    Thread(#[from] io::Error),
    /// Too many calls panicked: the process ends, and another takes its place.
    #[error("{0} calls panicked, and each left its thread standing")]
    WornOut(usize),
}

struct Job<C, R> {
    call: C,
    span: Span,
    reply: oneshot::Sender<R>,
}

struct Thread<C, R> {
    jobs: mpsc::Sender<Job<C, R>>,
    broke: oneshot::Receiver<Broke>,
}

type Begin<C, R> = dyn Fn() -> Result<(Thread<C, R>, Made), ApartError> + Send + Sync;

/// What came of making a handler.
type Made = oneshot::Receiver<Result<(), ApartError>>;

/// A handler on a thread of its own, called with a `C` for an `R`, one call after the other.
pub struct Apart<C, R> {
    begin: Box<Begin<C, R>>,
    running: Mutex<Running<C, R>>,
    made: Mutex<Option<Made>>,
    ended: mpsc::Sender<ApartError>,
    ends: Mutex<mpsc::Receiver<ApartError>>,
}

struct Running<C, R> {
    thread: Option<Thread<C, R>>,
    standing: usize,
}

impl<C: Send + 'static, R: Send + 'static> Apart<C, R> {
    /// Has the handler made on its thread, beside whatever else begins ([`Self::fails`]); again where a call of it panicked.
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
        let (ended, ends) = mpsc::channel(1);
        let running = Mutex::new(Running { thread: Some(first), standing: 0 });
        Ok(Self { begin, running, made: Mutex::new(Some(made)), ended, ends: Mutex::new(ends) })
    }

    /// Waits until calls cannot go on: whoever runs a process on them ends it then.
    pub async fn fails(&self) -> ApartError {
        let made = self.made.lock().await.take();
        if let Some(made) = made
            && let Err(error) = made.await.unwrap_or_else(|_| Err(io::Error::other("the thread ended").into()))
        {
            return error;
        }
        match self.ends.lock().await.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// One call. It never ends where calls cannot go on ([`Self::fails`]): no message is blamed for it.
    ///
    /// # Errors
    /// [`Broke`].
    pub async fn call(&self, call: C) -> Result<R, Broke> {
        let mut running = self.running.lock().await;
        // What panicked between two calls is nobody's call.
        let idle = running.thread.as_mut().is_some_and(|thread| thread.broke.try_recv().is_ok());
        if idle {
            running.thread = None;
            running.standing += 1;
        }
        if running.standing >= STANDING_MAX {
            return self.end(ApartError::WornOut(running.standing)).await;
        }
        if running.thread.is_none() {
            match (self.begin)() {
                Ok((thread, _)) => running.thread = Some(thread),
                Err(error) => return self.end(error).await,
            }
        }
        let Some(Thread { jobs, broke }) = running.thread.as_mut() else { return std::future::pending().await };
        let (reply, replied) = oneshot::channel();
        let answer = async {
            jobs.send(Job { call, span: Span::current(), reply }).await.ok()?;
            replied.await.ok()
        };
        let broke = tokio::select! {
            Some(answer) = answer => return Ok(answer),
            broke = broke => broke,
        };
        running.thread = None;
        match broke {
            Ok(broke) => {
                running.standing += 1;
                Err(broke)
            }
            // It ended without a panic: its handler could not be made.
            Err(_) => self.end(io::Error::other("the thread ended").into()).await,
        }
    }

    async fn end(&self, error: ApartError) -> Result<R, Broke> {
        // One that was told before ends the process as well.
        let _ = self.ended.try_send(error);
        std::future::pending().await
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
                let _ = broke.send(Broke(panic.location().map(ToString::to_string)));
                loop {
                    thread::park();
                }
            }
        }));
    });
}

/// One batch by `call`; where that panics, each half of it by a call of its own, as if it were delivered again, and so on: a message whose
/// call panics alone is handed back, and no other on its account. What is left when there is no time until `deadline`, or after many
/// panics, is handed back untried.
///
/// # Errors
/// [`BatchError`]: the whole batch is handed back.
pub async fn apart<E: Display, F>(
    mut batch: SqsEvent,
    (clock, deadline): (&Clock, Instant),
    call: impl Fn(SqsEvent) -> F,
) -> Result<SqsBatchResponse, BatchError<E>>
where
    F: Future<Output = Result<Result<SqsBatchResponse, E>, Broke>>,
{
    let Broke(at) = match call(batch.clone()).await {
        Ok(reply) => return reply.map_err(BatchError::Call),
        Err(broke) => broke,
    };
    tracing::error!(at, messages = batch.records.len(), "the call of a batch panicked");
    if batch.records.iter().any(|message| message.message_id.as_ref().is_none_or(String::is_empty)) {
        return Err(BatchError::Nameless);
    }
    let number = |message: &SqsMessage, name: &str| message.attributes.get(name).and_then(|n| n.parse::<u64>().ok());
    // Of two meanings under one identity the one that was sent first stands.
    batch.records.sort_by_key(|message| number(message, SENT));
    for message in &mut batch.records {
        let again = number(message, RECEIVES).unwrap_or(1).saturating_add(1);
        message.attributes.insert(RECEIVES.to_owned(), again.to_string());
    }
    let (mut handed_back, mut broken, mut panics) = (Vec::new(), 0, 1);
    let hand_back = |part: Vec<SqsMessage>| part.into_iter().filter_map(|message| message.message_id);
    // Each with whether it has panicked.
    let mut left = vec![(batch.records, true)];
    while let Some((mut part, panicked)) = left.pop() {
        if panicked && part.len() > 1 {
            let later = part.split_off(part.len() / 2);
            left.extend([(later, false), (part, false)]);
        } else if panicked {
            let message_id = part.first().and_then(|message| message.message_id.as_deref());
            tracing::error!(message_id, "the call of a message panicked; it is delivered again");
            broken += 1;
            handed_back.extend(hand_back(part));
        } else if panics >= PANICS_MAX || clock.instant() + RESERVE >= deadline {
            handed_back.extend(hand_back(part));
        } else {
            let mut some = SqsEvent::default();
            some.records.clone_from(&part);
            match call(some).await {
                Ok(Ok(reply)) => {
                    handed_back.extend(reply.batch_item_failures.into_iter().map(|failure| failure.item_identifier));
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, messages = part.len(), "messages are delivered again");
                    handed_back.extend(hand_back(part));
                }
                Err(Broke(at)) => {
                    panics += 1;
                    tracing::error!(at, messages = part.len(), "the call of a part of a batch panicked");
                    left.push((part, true));
                }
            }
        }
    }
    count(&[(BROKEN, broken)].into());
    Ok(failures(handed_back))
}
