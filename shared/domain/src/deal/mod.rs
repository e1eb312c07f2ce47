//! Deals and opportunities: what partners share. Each is a set of facts, so the order of arrival does not matter (I13).

mod opportunity;

pub use opportunity::Opportunity;

use std::collections::BTreeMap;

use event::ids::Motion;
use event::ids::{EventId, OpportunityId, PartnerId, RuleId};
use event::json::Json;
use event::money::Money;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One deal, as its events say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Counts writes; every write is conditioned on it.
    pub version: u64,
    /// The partner whose deal it is.
    pub owner: PartnerId,
    /// The opportunity it was registered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity: Option<OpportunityId>,
    /// Its sales motion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<Motion>,
    /// When it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<Timestamp>,
    /// Whether it was first on its opportunity: price protection (M32).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub price_protected: bool,
    /// When it was qualified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<Timestamp>,
    /// How it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The latest amendment by its own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended: Option<Amended>,
    /// What was taken back of its value, in its own currency; partial reversals add up.
    #[serde(default)]
    pub reversed: Decimal,
    /// Whether all of it was reversed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// How a deal closed and what it was credited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When, says the sender.
    pub at: Timestamp,
    /// Won, or lost.
    pub won: bool,
    /// Annual contract value as closed; none for a lost deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acv: Option<Money>,
    /// Total value as closed, in the deal's currency.
    pub total: Decimal,
    /// The closing event's `data`, for rating it again.
    pub data: String,
    /// The program version it earned by.
    pub version: u32,
    /// Units of the program's currency for one of the deal's.
    pub rate: Decimal,
    /// The motion and month it is measured in.
    pub measured: (Motion, Month),
    /// The deals it counts as: 1, or 0 where the program does not count it.
    pub counts: i64,
    /// What it adds to the ACV measure now, in the program's currency.
    pub measured_acv: Decimal,
    /// What each rule has credited, reversals deducted.
    pub credits: BTreeMap<RuleId, Credit>,
}

/// What one rule credited to a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Points now credited.
    pub points: i64,
    /// What the rule is worth at the deal's value now, before caps.
    pub worth: i64,
    /// The record that awarded them.
    pub position: u64,
    /// The multipliers that applied at the award, multiplied.
    pub factor: Decimal,
    /// When they are released; none if they were available at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Date>,
    /// Their lot.
    pub lot: Month,
}

/// A deal's value, corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amended {
    /// When, says the sender.
    pub at: Timestamp,
    /// The amending event, to order two at one instant.
    pub id: EventId,
    /// The value from then on.
    pub acv: Money,
}

impl Deal {
    /// A deal nobody has said anything about yet.
    pub fn new(owner: PartnerId) -> Self {
        Self {
            version: 0,
            owner,
            opportunity: None,
            motion: None,
            registered: None,
            price_protected: false,
            qualified: None,
            closed: None,
            amended: None,
            reversed: Decimal::ZERO,
            void: false,
        }
    }

    /// The annual value that counts now, in the deal's currency: as amended last, less what was reversed; zero if void.
    pub fn effective_acv(&self) -> Decimal {
        let Some(acv) = self.closed.as_ref().and_then(|c| c.acv) else { return Decimal::ZERO };
        if self.void {
            return Decimal::ZERO;
        }
        let value = self.amended.as_ref().map_or(acv, |a| a.acv).amount();
        value.saturating_sub(self.reversed).max(Decimal::ZERO)
    }

    /// The total value that counts now: the closing total in proportion to the annual value.
    pub fn effective_total(&self) -> Decimal {
        let Some(closed) = &self.closed else { return Decimal::ZERO };
        let acv = closed.acv.map_or(Decimal::ZERO, Money::amount);
        let scaled = closed.total.checked_mul(self.effective_acv()).and_then(|v| v.checked_div(acv));
        scaled.unwrap_or(Decimal::ZERO)
    }

    /// The closing event's `data`.
    pub(crate) fn closing_data(&self) -> Json {
        let text = self.closed.as_ref().map_or("{}", |c| c.data.as_str());
        Json::parse(text).unwrap_or(Json::Null)
    }
}
