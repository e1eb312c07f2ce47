//! What a function is told by its environment. Each name stands once, here and in the template.

use std::time::Duration;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An environment variable is missing.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// An environment variable does not read.
    #[error("the environment variable {name} does not read: {why}")]
    Unreadable {
        /// Its name.
        name: &'static str,
        /// What it should be.
        why: &'static str,
    },
}

/// Everything any function may be told. A function asks for what it needs, and fails at its start if that is missing.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `LEDGER_TABLE`: name of the append-only table.
    pub ledger_table: Option<String>,
    /// `STATE_TABLE`: name of the table of what records add up to.
    pub state_table: Option<String>,
    /// `WAITING_TABLE`: name of the table of what waits.
    pub waiting_table: Option<String>,
    /// `PARTNER_EVENTS_QUEUE_URL`: where events go in.
    pub partner_events_queue: Option<String>,
    /// `REDEMPTIONS_QUEUE_URL`: what is to be fulfilled.
    pub redemptions_queue: Option<String>,
    /// `PARTNER_REVIEWS_QUEUE_URL`: partners on whom something is due.
    pub partner_reviews_queue: Option<String>,
    /// `QUARANTINE_QUEUE_URL`: messages of which no identity can be read.
    pub quarantine_queue: Option<String>,
    /// `EVENT_BUS`: name of the bus for notices; none are sent if it is not set.
    pub event_bus: Option<String>,
    /// `PROGRAM_AGE_SECONDS_MAX`: how long read program versions may be used; 60 if not set.
    pub program_age_max: Duration,
    /// `CARD_SECRET`: name or ARN of the secret that holds the keys of voucher cards.
    pub card_secret: Option<String>,
}

/// How long read program versions may be used where nothing is said.
const PROGRAM_AGE_MAX: Duration = Duration::from_secs(60);

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`] for a number that is none.
    pub fn from_env() -> Result<Self, SettingsError> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let program_age_max = match text("PROGRAM_AGE_SECONDS_MAX") {
            None => PROGRAM_AGE_MAX,
            Some(seconds) => Duration::from_secs(seconds.parse().map_err(|_| SettingsError::Unreadable {
                name: "PROGRAM_AGE_SECONDS_MAX",
                why: "write whole seconds",
            })?),
        };
        Ok(Self {
            ledger_table: text("LEDGER_TABLE"),
            state_table: text("STATE_TABLE"),
            waiting_table: text("WAITING_TABLE"),
            partner_events_queue: text("PARTNER_EVENTS_QUEUE_URL"),
            redemptions_queue: text("REDEMPTIONS_QUEUE_URL"),
            partner_reviews_queue: text("PARTNER_REVIEWS_QUEUE_URL"),
            quarantine_queue: text("QUARANTINE_QUEUE_URL"),
            event_bus: text("EVENT_BUS"),
            program_age_max,
            card_secret: text("CARD_SECRET"),
        })
    }

    /// The names of the tables (ledger, state, what waits), and how long read programs may be used.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn tables(&self) -> Result<([String; 3], Duration), SettingsError> {
        let ledger = Self::need(self.ledger_table.as_deref(), "LEDGER_TABLE")?;
        let state = Self::need(self.state_table.as_deref(), "STATE_TABLE")?;
        let waiting = Self::need(self.waiting_table.as_deref(), "WAITING_TABLE")?;
        Ok(([ledger, state, waiting].map(str::to_owned), self.program_age_max))
    }

    /// A setting that must be there.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn need<'a, T: ?Sized>(value: Option<&'a T>, name: &'static str) -> Result<&'a T, SettingsError> {
        value.ok_or(SettingsError::Missing(name))
    }
}
