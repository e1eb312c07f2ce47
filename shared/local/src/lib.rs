//! The embedded stack: DynamoDB and SQS engines in the process, pollers that deliver as SQS and Lambda do, the HTTP API.
//!
//! For the command line and the tests only. The functions are the deployed ones; nothing here decides.

mod engine;
mod gateway;
mod journal;
mod pollers;
mod relay;
mod secrets;
mod tokens;

pub use engine::{Engine, EngineError};
pub use tokens::{Claims, TokenError, Tokens};

use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::{Clock, Random};
use award_points::AwardPoints;
use fulfil_redemptions::FulfilRedemptions;
use redeem_rewards::{CardKeys, RedeemRewards};
use relay_changes::RelayChanges;
use review_partners::ReviewPartners;
use store::{Sealer, Store, StoreSettings, create_tables};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use worker::{Clients, Queue, Secret};

/// The queues of the stack, as the template has them.
pub mod queues {
    /// Events go in here.
    pub const PARTNER_EVENTS: &str = "partner-events";
    /// Events that cannot be committed end here.
    pub const PARTNER_EVENTS_DEAD: &str = "partner-events-dead-letters";
    /// Redemptions to be fulfilled.
    pub const REDEMPTIONS: &str = "redemptions";
    /// Redemptions that cannot be fulfilled.
    pub const REDEMPTIONS_DEAD: &str = "redemptions-dead-letters";
    /// Partners on whom something is due.
    pub const PARTNER_REVIEWS: &str = "partner-reviews";
    /// Reviews that fail.
    pub const PARTNER_REVIEWS_DEAD: &str = "partner-reviews-dead-letters";
    /// Messages of which no identity can be read.
    pub const QUARANTINE: &str = "quarantine";
    /// Changes that could not be relayed.
    pub const RELAY_FAILURES: &str = "relay-failures";
    /// What the bus was told.
    pub const NOTICES: &str = "notices";
}

/// Name of the append-only table.
pub const LEDGER_TABLE: &str = "laurel-ledger";
/// Name of the working table.
pub const STATE_TABLE: &str = "laurel-state";
/// Name of the secret with the keys of voucher cards.
pub const CARD_SECRET: &str = "laurel-card-keys";

/// How to start the stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where data lies; in memory if absent.
    pub data: Option<PathBuf>,
    /// Port of the AWS endpoint; 0 for any free one.
    pub aws_port: u16,
    /// Port of the HTTP API; 0 for any free one.
    pub http_port: u16,
    /// How long a delivered message stays invisible.
    pub visibility: Duration,
    /// How often the sweep runs; never if absent.
    pub sweep_every: Option<Duration>,
    /// Makes a function's clients, from the endpoint and the function's name; tests listen in here.
    pub clients: fn(&str, &str) -> Clients,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: None,
            aws_port: 0,
            http_port: 0,
            visibility: Duration::from_secs(10),
            sweep_every: Some(Duration::from_secs(5)),
            clients: |endpoint, _| Clients::local(endpoint),
            clock: Clock::system(),
            random: Random::system(),
        }
    }
}

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

/// A running stack. Dropping it stops it.
pub struct Stack {
    /// The engine.
    pub engine: Engine,
    /// A store on it.
    pub store: Store,
    /// Clients on it.
    pub clients: Clients,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Seals cards.
    pub sealer: Sealer,
    review: ReviewPartners,
    http: std::net::SocketAddr,
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
        let listener = listen(options.aws_port).await?;
        let engine = Engine::start(listener, options.data.as_deref(), clock.clone(), random.clone()).await?;
        let clients = Clients::local(&engine.endpoint());
        engine.make_queues(options.visibility).await?;
        let tokens = Tokens::open(options.data.as_deref(), clock.clone(), &random)?;
        let cards = Secret::new(clients.secretsmanager(), CARD_SECRET);
        let sealer = Sealer::from_ring(&cards.read().await?, random.clone())?;
        let store = open_store(&clients, clock, random);
        create_tables(&store).await?;
        store.set_program_age_seconds(0).await?;
        let place = Place { engine: &engine, options: &options };
        let functions = place.functions();
        let review = functions.review.clone();
        let mut tasks = JoinSet::new();
        functions.start(&mut tasks, &engine, &clients, &options);
        let api = place.api();
        let listener = listen(options.http_port).await?;
        let http = listener.local_addr().map_err(|source| StartError::Port { port: options.http_port, source })?;
        let app = gateway::app(api.router(), tokens.clone());
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the HTTP API stopped");
            }
        });
        Ok(Self { engine, store, clients, tokens, sealer, review, http, _tasks: tasks, _lock: lock })
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

/// Where functions run, and what each is given, as the template gives it.
struct Place<'a> {
    engine: &'a Engine,
    options: &'a Options,
}

impl Place<'_> {
    fn clients(&self, function: &str) -> Clients {
        (self.options.clients)(&self.engine.endpoint(), function)
    }

    fn store(&self, clients: &Clients) -> Store {
        open_store(clients, self.options.clock.clone(), self.options.random.clone())
    }

    fn queue(&self, clients: &Clients, name: &str) -> Queue {
        Queue::new(clients.sqs(), &self.engine.queue_url(name))
    }

    fn functions(&self) -> pollers::Functions {
        let [award, fulfil, review, relay] =
            ["award-points", "fulfil-redemptions", "review-partners", "relay-changes"].map(|f| self.clients(f));
        pollers::Functions {
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
                Some((relay.eventbridge(), "laurel".to_owned())),
            ),
        }
    }

    fn api(&self) -> RedeemRewards {
        let clients = self.clients("redeem-rewards");
        let cards = CardKeys::new(Secret::new(clients.secretsmanager(), CARD_SECRET));
        RedeemRewards::new(self.store(&clients), self.queue(&clients, queues::PARTNER_EVENTS), cards)
    }
}

/// A store on an engine of this machine: its tables, and programs read anew each time.
pub fn open_store(clients: &Clients, clock: Clock, random: Random) -> Store {
    let settings = StoreSettings {
        ledger_table: LEDGER_TABLE.to_owned(),
        state_table: STATE_TABLE.to_owned(),
        program_age_max: Duration::ZERO,
    };
    Store::new(clients.dynamodb(), settings, clock, random)
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
