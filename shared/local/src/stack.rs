//! The running stack: engine, functions, pollers and API, each as deployed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use award_points::AwardPoints;
use axum::Router;
use fulfil_redemptions::FulfilRedemptions;
use hyper_util::service::TowerToHyperService;
use read_accounts::ReadAccounts;
use receive_events::ReceiveEvents;
use redeem_rewards::{CardKeys, RedeemRewards};
use relay_changes::RelayChanges;
use review_partners::ReviewPartners;
use store::Store;
use store::cards::Sealer;
use store::tables::create_tables;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use worker::{Clients, Queue, Secret};

use crate::aws::{Aws, EngineError};
use crate::listen::accept;
use crate::names::{CARD_SECRET, queues};
use crate::options::{Options, open_store};
use crate::private::{hold_fast, remove, write_private};
use crate::tokens::{TokenError, Tokens};
use crate::{deliver, gateway};

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken.
    #[error("port {port} is taken: {source}")]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another stack has the data folder open.
    #[error("another `laurel serve` has {} open", .0.display())]
    InUse(PathBuf),
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tables could not be made.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A key could not be read or made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The card keys do not read.
    #[error(transparent)]
    Secret(#[from] worker::SecretError),
}

/// File of the data folder: where its AWS endpoint is, or was.
const ENDPOINT_FILE: &str = "endpoint";

/// Clients of the stack that runs, or ran last, on a data folder.
pub fn clients_of_folder(folder: &Path) -> Option<Clients> {
    let endpoint = std::fs::read_to_string(folder.join(ENDPOINT_FILE)).ok()?;
    Some(Clients::local(endpoint.trim()))
}

/// A running stack. Dropping it stops it.
pub struct Stack {
    /// The engine.
    pub aws: Aws,
    /// A store on it.
    pub store: Store,
    /// Clients on it.
    pub clients: Clients,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Seals cards.
    pub sealer: Sealer,
    /// What the gateway calls once a token is checked.
    pub routes: Router,
    review: ReviewPartners,
    http: std::net::SocketAddr,
    ready: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
    _lock: Option<std::fs::File>,
}

impl Stack {
    /// Starts engine, queues, tables, pollers and API.
    ///
    /// # Errors
    /// Every [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let lock = options.data.as_deref().map(open_data).transpose()?;
        let (clock, random) = (options.clock.clone(), options.random.clone());
        if let Some(folder) = &options.data {
            make_whole(folder, &options).await?;
        }
        let listener = listen(options.aws_port).await?;
        let aws = Aws::start(listener, options.data.as_deref(), clock.clone(), random.clone()).await?;
        if let Some(folder) = &options.data {
            let data = |source| StartError::Data { path: folder.clone(), source };
            write_private(&folder.join(ENDPOINT_FILE), aws.endpoint().as_bytes()).map_err(data)?;
        }
        let clients = Clients::local(&aws.endpoint());
        aws.make_queues(options.visibility).await?;
        let cards = Secret::new(clients.secretsmanager(), CARD_SECRET);
        let sealer = Sealer::from_ring(&cards.read().await?, random.clone())?;
        let store = open_store(&clients, clock.clone(), random.clone());
        create_tables(&store).await?;
        store::programs::check_form(&store).await?;
        store::cards::check(&store, &sealer).await?;
        store::programs::set_age_seconds(&store, 0).await?;
        let place = Place { aws: &aws, options: &options };
        let functions = place.functions();
        let review = functions.review.clone();
        let mut tasks = JoinSet::new();
        functions.start(&mut tasks, &aws, &clients, &options);
        let routes = place.api();
        let listener = listen(options.http_port).await?;
        let http = listener.local_addr().map_err(|source| StartError::Port { port: options.http_port, source })?;
        let ready = Arc::new(AtomicBool::new(false));
        let tokens = Tokens::open(options.data.as_deref(), &format!("http://{http}"), clock, &random)?;
        tasks.spawn(accept(
            listener,
            TowerToHyperService::new(gateway::app(routes.clone(), tokens.clone(), random, ready.clone())),
        ));
        Ok(Self { aws, store, clients, tokens, sealer, routes, review, http, ready, _tasks: tasks, _lock: lock })
    }

    /// Says at `/healthz` that everything is up, programs included.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Where the HTTP API is: `http://127.0.0.1:<port>`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Brings what became due to the queues now, as the schedule does.
    ///
    /// # Errors
    /// [`review_partners::ReviewError`].
    pub async fn sweep(&self) -> Result<(), review_partners::ReviewError> {
        let deadline = self.store.clock().instant() + Duration::from_secs(30);
        self.review.handle(review_partners::Trigger::Schedule(serde_json::Value::Null), deadline).await.map(|_| ())
    }
}

/// File of the data folder while its engine is made for the first time.
const MAKING_FILE: &str = "making";
/// The engine's file, and what it puts beside it.
const ENGINE_FILES: [&str; 3] = ["engine.sqlite", "engine.sqlite-wal", "engine.sqlite-shm"];

/// Makes tables and queues of a new data folder on a port that nobody knows, before anything is answered on the real one. Where
/// that was cut short, nothing was answered yet, and it begins anew: half a table would never be made whole.
async fn make_whole(folder: &Path, options: &Options) -> Result<(), StartError> {
    let data = |source| StartError::Data { path: folder.to_owned(), source };
    let making = folder.join(MAKING_FILE);
    if making.exists() {
        for file in ENGINE_FILES {
            remove(&folder.join(file)).map_err(data)?;
        }
    } else if folder.join(ENGINE_FILES[0]).exists() {
        return Ok(());
    }
    write_private(&making, b"an engine that is not whole yet").map_err(data)?;
    hold_fast(folder).map_err(data)?;
    let (clock, random) = (options.clock.clone(), options.random.clone());
    let aws = Aws::start(listen(0).await?, Some(folder), clock.clone(), random.clone()).await?;
    aws.make_queues(options.visibility).await?;
    create_tables(&open_store(&Clients::local(&aws.endpoint()), clock, random)).await?;
    drop(aws);
    std::fs::remove_file(making).map_err(data)?;
    // Were it back after a loss of power, what was answered since would be begun anew.
    hold_fast(folder).map_err(data)
}

/// Where functions run, and what each is given, as the template gives it.
struct Place<'a> {
    aws: &'a Aws,
    options: &'a Options,
}

impl Place<'_> {
    fn clients(&self, function: &str) -> Clients {
        (self.options.clients)(&self.aws.endpoint(), function)
    }

    fn store(&self, clients: &Clients) -> Store {
        open_store(clients, self.options.clock.clone(), self.options.random.clone())
    }

    fn queue(&self, clients: &Clients, name: &str) -> Queue {
        Queue::new(clients.sqs(), &self.aws.queue_url(name))
    }

    fn functions(&self) -> deliver::Functions {
        let [award, fulfil, review, relay] =
            ["award-points", "fulfil-redemptions", "review-partners", "relay-changes"].map(|f| self.clients(f));
        deliver::Functions {
            award: AwardPoints::new(self.store(&award), self.queue(&award, queues::QUARANTINE)),
            fulfil: FulfilRedemptions::new(self.store(&fulfil)),
            review: ReviewPartners::new(
                self.store(&review),
                self.queue(&review, queues::PARTNER_REVIEWS),
                self.queue(&review, queues::PARTNER_EVENTS),
                self.queue(&review, queues::REDEMPTIONS),
            ),
            relay: RelayChanges::new(
                self.store(&relay),
                self.queue(&relay, queues::PARTNER_EVENTS),
                self.queue(&relay, queues::REDEMPTIONS),
                self.queue(&relay, queues::PARTNER_REVIEWS),
                Some((relay.eventbridge(), "laurel".to_owned())),
            ),
        }
    }

    /// The routes of all functions that the gateway calls.
    fn api(&self) -> Router {
        let [read, receive, redeem] =
            ["read-accounts", "receive-events", "redeem-rewards"].map(|function| self.clients(function));
        let cards = CardKeys::new(Secret::new(redeem.secretsmanager(), CARD_SECRET));
        let events = self.queue(&receive, queues::PARTNER_EVENTS);
        let routes = ReadAccounts::new(self.store(&read)).routes();
        let routes = routes.merge(ReceiveEvents::new(self.store(&receive), events).routes());
        let routes = routes.merge(RedeemRewards::new(self.store(&redeem), cards).routes());
        web::closed(routes, web::ClaimNames::default())
    }
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| StartError::Port { port, source })
}

/// Makes the data folder and takes its lock, which the system frees however this process ends.
fn open_data(path: &Path) -> Result<std::fs::File, StartError> {
    let data = |source| StartError::Data { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(data)?;
    let lock = std::fs::File::create(path.join("lock")).map_err(data)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(data(source)),
    }
}
