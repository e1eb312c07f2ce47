//! A change that is no movement and that the event's own data does not say.

use event::PartnerFacts;
use event::ids::{Label, Motion, OpportunityId, PartnerId, RuleId, TierId};
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::balance::Release;
use super::cap::CapKey;
use super::exclusive::{Exclusive, Scope};
use super::fact::Stamp;
use super::pool::PoolPart;
use super::profile::{Ended, Milestone, TargetKey};
use super::reason::is_zero;

/// What an event of Laurel's own is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// The partner is reminded that its lease ends.
    #[serde(rename = "l")]
    LeaseEnding {
        /// When.
        #[serde(rename = "t")]
        due: Timestamp,
        /// Who, where it is the partner to whom the deal moved.
        #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
        to: Option<PartnerId>,
    },
    /// A partner's share in a deal is rated.
    #[serde(rename = "s")]
    Share {
        /// The partner.
        #[serde(rename = "w")]
        to: PartnerId,
    },
    /// What a deal paid by how far targets were attained is brought to what they are attained by in the end.
    #[serde(rename = "u")]
    TrueUp {
        /// The day on which their books have closed.
        #[serde(rename = "d")]
        day: Date,
        /// When it begins.
        #[serde(rename = "t")]
        due: Timestamp,
        /// Of each rule, its other multipliers, multiplied.
        #[serde(rename = "r")]
        rest: LiteMap<RuleId, Decimal>,
    },
    /// What is the partner's alone is looked at.
    #[serde(rename = "x")]
    Exclusivity {
        /// What.
        #[serde(rename = "o")]
        of: Scope,
        /// The day.
        #[serde(rename = "d")]
        day: Date,
        /// When it begins.
        #[serde(rename = "t")]
        due: Timestamp,
    },
    /// A partner that is new is looked at.
    #[serde(rename = "o")]
    Onboarding {
        /// The day.
        #[serde(rename = "d")]
        day: Date,
        /// When it begins.
        #[serde(rename = "t")]
        due: Timestamp,
        /// Whether it was late before.
        #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
        plan: bool,
    },
    /// Staff are told that a payout is still on its way.
    #[serde(rename = "p")]
    PayoutStanding {
        /// When.
        #[serde(rename = "t")]
        due: Timestamp,
    },
    /// A bidder is told that another won the tender.
    #[serde(rename = "b")]
    BidLost {
        /// The bidder.
        #[serde(rename = "w")]
        to: PartnerId,
        /// The opportunity.
        #[serde(rename = "o")]
        opportunity: OpportunityId,
    },
}

/// A change. What the event itself says (who enrolled, who is certified, how a deal ended) is no effect: it is folded from
/// the record's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Measures of the tier ladders moved.
    #[serde(rename = "m")]
    Measured {
        /// The motion.
        #[serde(rename = "o")]
        motion: Motion,
        /// The month they are booked in.
        #[serde(rename = "t")]
        month: Month,
        /// By how much each; may be negative.
        #[serde(rename = "b")]
        by: LiteMap<Measure, Decimal>,
    },
    /// A cap was used.
    #[serde(rename = "c")]
    Cap {
        /// Which count.
        #[serde(rename = "k")]
        key: CapKey,
        /// By how much.
        #[serde(rename = "n")]
        by: i64,
    },
    /// A deal took a place on its opportunity (M30, M31).
    #[serde(rename = "p")]
    Place {
        /// 1 for the first, who has it to itself; 2 for the second ...
        #[serde(rename = "n")]
        place: u32,
        /// Of the first: the first day on which the opportunity is free again.
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
        /// In a public tender: how many bidders it asks for (M33).
        #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
        asks: Option<u32>,
        /// Whether it is one of a public tender's (M33).
        #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
        tender: bool,
    },
    /// What the deal has of its opportunity moves to another partner with it.
    #[serde(rename = "v")]
    Moved {
        /// The opportunity.
        #[serde(rename = "o")]
        opportunity: OpportunityId,
        /// The partner.
        #[serde(rename = "w")]
        to: PartnerId,
        /// Where the opportunity is the partner's alone: the first day on which it is free again.
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
    },
    /// The partner won the public tender for an opportunity (M33).
    #[serde(rename = "w")]
    Won {
        /// The opportunity.
        #[serde(rename = "o")]
        opportunity: OpportunityId,
    },
    /// The partner has an opportunity to itself until another day (M31).
    #[serde(rename = "l")]
    Lease {
        /// The opportunity.
        #[serde(rename = "o")]
        opportunity: OpportunityId,
        /// The first day on which it is free again.
        #[serde(rename = "u")]
        until: Date,
    },
    /// The partner influenced a deal that is another's, and has a share in it (M34).
    #[serde(rename = "i")]
    Influences,
    /// By what share of a deal the partner is paid, where others have one too (I23).
    #[serde(rename = "h")]
    Share {
        /// In basis points.
        #[serde(rename = "n")]
        points: u32,
    },
    /// What is stated of the partner that its rules looked at (M47): what comes of a deal goes by it, whatever is stated later.
    #[serde(rename = "f")]
    Stated {
        /// The facts.
        #[serde(rename = "v")]
        facts: PartnerFacts,
    },
    /// How far a target was attained when the books of its period had closed: what is trued up by it from now on goes by that, whatever
    /// becomes known later (M09).
    #[serde(rename = "a")]
    Attained {
        /// What for.
        #[serde(rename = "k")]
        key: TargetKey,
        /// How far.
        #[serde(rename = "n")]
        ended: Ended,
    },
    /// An event of Laurel's own comes of it: written beside the record, and judged in its turn in the history of whom it is for.
    #[serde(rename = "s")]
    Sends(Errand),
    /// A sub-balance of a pool moved (N10, M22).
    #[serde(rename = "q")]
    Pool {
        /// The sub-balance.
        #[serde(rename = "k")]
        part: PoolPart,
        /// How much more was put into it; below zero what was taken out.
        #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
        funded: i64,
        /// How much more is drawn on it; below zero what was given back.
        #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
        drawn: i64,
        /// The rule that drew.
        #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
        rule: Option<RuleId>,
    },
    /// A territory or a vertical is the partner's alone, or is so no longer (M23).
    #[serde(rename = "x")]
    Exclusive {
        /// What.
        #[serde(rename = "o")]
        of: Scope,
        /// When that was said last, by the events' own time.
        #[serde(rename = "t")]
        said: Stamp,
        /// How it is from now on; none where it is free.
        #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
        held: Option<Exclusive>,
    },
    /// The partner holds another tier.
    #[serde(rename = "t")]
    Tier {
        /// The ladder.
        #[serde(rename = "o")]
        motion: Motion,
        /// The tier before; none at enrolment.
        #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
        from: Option<TierId>,
        /// The tier from now on.
        #[serde(rename = "i")]
        to: TierId,
        /// From this day.
        #[serde(rename = "s")]
        on: Date,
        /// The day as of which it was reviewed, where a review brought it down.
        #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
        as_of: Option<Date>,
        /// What was too little then, in words: `1 of 10 deals within 1 year`.
        #[serde(rename = "w", default, skip_serializing_if = "String::is_empty")]
        short: String,
    },
    /// What a rule gave looks like gaming, and is held (M40).
    #[serde(rename = "y")]
    Suspected {
        /// The rule.
        #[serde(rename = "r")]
        rule: RuleId,
        /// How many points.
        #[serde(rename = "n")]
        points: i64,
        /// When time releases it, and into which lot.
        #[serde(rename = "d")]
        release: Release,
        /// In which motion it counts then.
        #[serde(rename = "o")]
        motion: Motion,
        /// What looks so, in the vendor's words.
        #[serde(rename = "w")]
        why: String,
    },
    /// A person said of awards that are held for their looks what they are (M40).
    #[serde(rename = "z")]
    Cleared {
        /// Of which event, by a hash of its identity; none: of all.
        #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
        event: Option<Label>,
    },
    /// The partner is trained for the first time, by the event's own time (M29).
    #[serde(rename = "g")]
    Trained,
    /// The partner is productive for the first time, by the event's own time (M29).
    #[serde(rename = "b")]
    Productive,
    /// A review that changed no tier.
    #[serde(rename = "r")]
    Reviewed {
        /// The ladder.
        #[serde(rename = "o")]
        motion: Motion,
        /// The day as of which it was reviewed: what happened before counts.
        #[serde(rename = "r")]
        as_of: Date,
        /// The tier is lost at the first review as of this day or later, unless it is kept.
        #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
        demotes_on: Option<Date>,
        /// Where nothing is below the tier: how often in a row less was there than is asked (M16).
        #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
        below: Option<Below>,
        /// What was too little, in words: `1 of 10 deals within 1 year`; empty where it was enough.
        #[serde(rename = "w", default, skip_serializing_if = "String::is_empty")]
        short: String,
    },
}

impl Effect {
    /// How far the partner has come with it, if it is that. Each is an effect of its own, without a value: a closing that makes a partner
    /// productive has few bytes left of its bound.
    pub fn milestone(&self) -> Option<Milestone> {
        match self {
            Effect::Trained => Some(Milestone::Trained),
            Effect::Productive => Some(Milestone::Productive),
            _ => None,
        }
    }
}

/// Failed reviews in a row of the lowest tier (M16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// How many, from 1 on.
    #[serde(rename = "n")]
    pub times: u32,
    /// After how many the partner is due to be pruned.
    #[serde(rename = "o")]
    pub of: u32,
}

impl Below {
    /// Whether the partner is due to be pruned.
    pub fn is_due(self) -> bool {
        self.times >= self.of
    }
}
