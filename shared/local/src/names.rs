//! The names of the local stack: its queues, tables and secret, as the template has them.

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

/// Name of the table of what records add up to.
pub const STATE_TABLE: &str = "laurel-state";

/// Name of the table of what waits.
pub const WAITING_TABLE: &str = "laurel-waiting";

/// Name of the secret with the keys of voucher cards.
pub const CARD_SECRET: &str = "laurel-card-keys";
