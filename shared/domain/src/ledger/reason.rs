//! Why: the reasons a record keeps, as values. Sentences are rendered when somebody reads them.

use event::ids::{RuleId, TierId};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::asset::Asset;

/// Why something earned nothing, was refused or waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// No rule of the program looks at this type.
    NoRuleForType,
    /// Rules look at it, none of them matched; the trials say why.
    NoRuleMatched,
    /// Every rule that matched had its cap used up.
    CapReached {
        /// The cap in the vendor's words.
        cap: String,
    },
    /// A rule that looks at it is paused on its day.
    RulePaused {
        /// The first day after the pause; none: nobody has said until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
    },
    /// Every rule that matched gives out of a budget of which too little is left (N10).
    BudgetSpent {
        /// The budget, with its period.
        budget: String,
    },
    /// Less is left of the budget than was to be taken out.
    BudgetShort {
        /// What is left, in words.
        is_left: String,
    },
    /// A slot of the benefit is the partner's (M22).
    SlotBooked {
        /// The slot, as `benefit stand of 2026-04`.
        slot: String,
    },
    /// A slot of the benefit is free again.
    SlotReleased {
        /// The slot.
        slot: String,
    },
    /// No slot of the benefit is left.
    NoSlotLeft {
        /// The slot.
        slot: String,
    },
    /// The partner has as many slots of the benefit as it may.
    SlotsHeld,
    /// The partner has no such slot.
    NoSlot,
    /// The slot's time is over.
    SlotOver,
    /// Nothing of it is held for its looks (M40).
    NothingHeld,
    /// It is the partner's alone from now on (M23).
    Exclusive {
        /// Until the end of the day before this one; none as long as nobody ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
    },
    /// It stays the partner's alone.
    ExclusiveKept,
    /// It is lost at the first review as of this day or later, unless it is kept.
    ExclusiveAtRisk {
        /// The day.
        until: Date,
        /// What keeps it, as `500000 acv within 1 year`.
        needs: String,
    },
    /// No review was due, or nothing has to be sold to keep it: it stays the partner's alone.
    ExclusiveUnreviewed,
    /// It is no longer the partner's alone: what keeps it is not met.
    ExclusiveLost {
        /// What keeps it, as `500000 acv within 1 year`.
        needs: String,
    },
    /// It is no longer the partner's alone: its time is over, or staff say so.
    ExclusiveOver,
    /// The day until which it was to be is over.
    ExclusivePast,
    /// It is another partner's alone.
    ExclusiveTaken,
    /// What earns it is not met.
    ExclusiveNotEarned {
        /// What earns it, as `500000 acv within 1 year`.
        needs: String,
    },
    /// It is not the partner's alone.
    NotExclusive,
    /// As many territories and verticals are the partner's alone as may be.
    ExclusiveMany,
    /// The partner was enrolled before; its facts are updated, nothing is awarded twice.
    AlreadyEnrolled,
    /// A later enrolment by its own time came before: that one counts.
    EnrolledLater,
    /// Points of an earlier award were taken back.
    TookBack {
        /// How many, those that are now owed included.
        points: i64,
        /// How many of them had expired unspent before, and cost nothing again.
        #[serde(default, skip_serializing_if = "is_zero")]
        expired: i64,
    },
    /// Commission of an earlier award was taken back; the postings say how much.
    CommissionTakenBack,
    /// The books of a target's period are open still: what a deal paid is brought to what was attained once they have closed (M09).
    BooksOpen,
    /// A partner that is new is productive by its day (M17).
    Productive,
    /// It is not (M17).
    OnboardingLate {
        /// What makes it so.
        needs: String,
    },
    /// It was late before, and still is not: an improvement plan is due (M17).
    PlanDue {
        /// What makes it so.
        needs: String,
    },
    /// As many criteria are attested of the partner as may be (M20).
    AttestedMany,
    /// As many targets are set for periods that are not over as may be (M09).
    TargetsMany,
    /// What a deal paid was brought to what its target was attained by in the end (M09).
    TruedUp,
    /// The customer paid: what waited for that is on its way to be payable.
    CustomerPaid,
    /// A payout reached the partner.
    PaidOut,
    /// A payout came back, and is payable again.
    PayoutReturned,
    /// No payout of this name is on its way to the partner.
    PayoutNotOpen,
    /// There is less to be paid out than was asked for.
    NotEnoughPayable,
    /// Who is paid, or what is withheld of it, is not stated so, or no longer.
    OtherPayee,
    /// The award was rated again and stays as it is.
    Unchanged,
    /// Older than the program's first version.
    NoProgram,
    /// The partner is suspended.
    PartnerSuspended,
    /// The partner left the program.
    PartnerOffboarded,
    /// Another partner has the opportunity to itself (M30, M31).
    OpportunityTaken {
        /// Until the end of the day before this one.
        until: Date,
    },
    /// The partner registered this opportunity before.
    OpportunityRegistered,
    /// The target is set (M09).
    TargetTaken,
    /// As many partners registered the opportunity as may.
    OpportunityFull,
    /// The deal's partner has no opportunity to itself by it.
    NoLease,
    /// Staff let the partner have the opportunity to itself until another day (M31).
    LeasedUntil {
        /// Until the end of the day before this one.
        until: Date,
    },
    /// The deal belongs to another partner.
    DealOfAnotherPartner,
    /// Nobody influences a deal of its own (M34).
    OwnDeal,
    /// The partner has a share in the deal, which is paid in its own history once the deal is closed (M34).
    ShareNoted,
    /// As many partners as may have a share in the deal, or the partner's was said as often as it may be.
    SharedByMany,
    /// More than there is of the deal would be shared.
    SharedAway,
    /// The deal was closed before: nobody has a share in what was sold.
    AfterClosing,
    /// The deal moved to another partner.
    DealMoved,
    /// The partner to whom the deal was to move has left the program.
    NewOwnerLeft,
    /// The deal was registered before.
    AlreadyRegistered,
    /// The deal was qualified before.
    AlreadyQualified,
    /// The deal was closed before.
    AlreadyClosed,
    /// The deal was lost; there is nothing to amend or reverse.
    DealLost,
    /// The deal was reversed before.
    AlreadyReversed,
    /// A later event that says otherwise was judged before (I24).
    Superseded,
    /// The currency is not the deal's.
    OtherCurrency {
        /// The deal's.
        deal: String,
        /// The event's.
        event: String,
    },
    /// There is no such reward.
    UnknownReward,
    /// The reward is no longer given.
    Retired,
    /// Too few points.
    NotEnoughPoints {
        /// What it costs.
        needed: i64,
        /// What there is.
        available: i64,
    },
    /// No card is left.
    OutOfStock {
        /// How many are left.
        left: i64,
    },
    /// A tier of at least this rank is needed.
    TierTooLow {
        /// The tier.
        needs: TierId,
    },
    /// Certificates, courses or an agreement are needed (M28).
    GateNotPassed {
        /// Everything that is needed and missing, as `course sales-101; certification seller`.
        needs: String,
    },
    /// The redemption is not in a state in which this can happen.
    WrongState {
        /// The state it is in.
        status: String,
    },
    /// The provider declined.
    Declined,
    /// The partner cancelled.
    Cancelled,
}

/// A reason as it is written: its code and whatever members it has. Reading it so takes a tenth of the code that a reader of
/// tagged enums takes in every function.
#[derive(Deserialize)]
struct Written {
    code: String,
    #[serde(default)]
    cap: String,
    #[serde(default)]
    budget: String,
    #[serde(default)]
    is_left: String,
    #[serde(default)]
    slot: String,
    #[serde(default)]
    points: i64,
    #[serde(default)]
    expired: i64,
    until: Option<Date>,
    #[serde(default)]
    deal: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    needed: i64,
    #[serde(default)]
    available: i64,
    #[serde(default)]
    left: i64,
    #[serde(default)]
    needs: String,
    #[serde(default)]
    status: String,
}

/// Between the things that are missing.
pub(crate) const MISSING: &str = "; ";

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Self::read(written).map_err(D::Error::custom)
    }
}

impl Reason {
    fn read(written: Written) -> Result<Self, String> {
        let Written {
            code,
            cap,
            budget,
            is_left,
            slot,
            points,
            expired,
            until,
            deal,
            event,
            needed,
            available,
            left,
            needs,
            status,
        } = written;
        Ok(match code.as_str() {
            "no_rule_for_type" => Reason::NoRuleForType,
            "no_rule_matched" => Reason::NoRuleMatched,
            "cap_reached" => Reason::CapReached { cap },
            "rule_paused" => Reason::RulePaused { until },
            "budget_spent" => Reason::BudgetSpent { budget },
            "budget_short" => Reason::BudgetShort { is_left },
            "slot_booked" => Reason::SlotBooked { slot },
            "slot_released" => Reason::SlotReleased { slot },
            "no_slot_left" => Reason::NoSlotLeft { slot },
            "slots_held" => Reason::SlotsHeld,
            "no_slot" => Reason::NoSlot,
            "nothing_held" => Reason::NothingHeld,
            "slot_over" => Reason::SlotOver,
            "exclusive" => Reason::Exclusive { until },
            "exclusive_kept" => Reason::ExclusiveKept,
            "exclusive_at_risk" => Reason::ExclusiveAtRisk { until: until.ok_or("`until` is missing")?, needs },
            "exclusive_unreviewed" => Reason::ExclusiveUnreviewed,
            "exclusive_lost" => Reason::ExclusiveLost { needs },
            "exclusive_past" => Reason::ExclusivePast,
            "exclusive_over" => Reason::ExclusiveOver,
            "exclusive_taken" => Reason::ExclusiveTaken,
            "exclusive_not_earned" => Reason::ExclusiveNotEarned { needs },
            "not_exclusive" => Reason::NotExclusive,
            "exclusive_many" => Reason::ExclusiveMany,
            "already_enrolled" => Reason::AlreadyEnrolled,
            "enrolled_later" => Reason::EnrolledLater,
            "took_back" => Reason::TookBack { points, expired },
            "commission_taken_back" => Reason::CommissionTakenBack,
            "books_open" => Reason::BooksOpen,
            "productive" => Reason::Productive,
            "onboarding_late" => Reason::OnboardingLate { needs },
            "plan_due" => Reason::PlanDue { needs },
            "attested_many" => Reason::AttestedMany,
            "targets_many" => Reason::TargetsMany,
            "trued_up" => Reason::TruedUp,
            "customer_paid" => Reason::CustomerPaid,
            "paid_out" => Reason::PaidOut,
            "payout_returned" => Reason::PayoutReturned,
            "payout_not_open" => Reason::PayoutNotOpen,
            "not_enough_payable" => Reason::NotEnoughPayable,
            "other_payee" => Reason::OtherPayee,
            "unchanged" => Reason::Unchanged,
            "no_program" => Reason::NoProgram,
            "partner_suspended" => Reason::PartnerSuspended,
            "partner_offboarded" => Reason::PartnerOffboarded,
            "opportunity_taken" => Reason::OpportunityTaken { until: until.ok_or("`until` is missing")? },
            "opportunity_registered" => Reason::OpportunityRegistered,
            "target_taken" => Reason::TargetTaken,
            "opportunity_full" => Reason::OpportunityFull,
            "no_lease" => Reason::NoLease,
            "leased_until" => Reason::LeasedUntil { until: until.ok_or("`until` is missing")? },
            "deal_of_another_partner" => Reason::DealOfAnotherPartner,
            "own_deal" => Reason::OwnDeal,
            "share_noted" => Reason::ShareNoted,
            "shared_by_many" => Reason::SharedByMany,
            "shared_away" => Reason::SharedAway,
            "after_closing" => Reason::AfterClosing,
            "deal_moved" => Reason::DealMoved,
            "new_owner_left" => Reason::NewOwnerLeft,
            "already_registered" => Reason::AlreadyRegistered,
            "already_qualified" => Reason::AlreadyQualified,
            "already_closed" => Reason::AlreadyClosed,
            "deal_lost" => Reason::DealLost,
            "already_reversed" => Reason::AlreadyReversed,
            "superseded" => Reason::Superseded,
            "other_currency" => Reason::OtherCurrency { deal, event },
            "unknown_reward" => Reason::UnknownReward,
            "retired" => Reason::Retired,
            "not_enough_points" => Reason::NotEnoughPoints { needed, available },
            "out_of_stock" => Reason::OutOfStock { left },
            "tier_too_low" => Reason::TierTooLow { needs: TierId::try_from(needs).map_err(|error| error.to_string())? },
            "gate_not_passed" => Reason::GateNotPassed { needs },
            "wrong_state" => Reason::WrongState { status },
            "declined" => Reason::Declined,
            "cancelled" => Reason::Cancelled,
            other => return Err(format!("`{other}` is no reason")),
        })
    }

    /// The stable word, as in an API error's `code`.
    pub fn code(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("code").and_then(|code| code.as_str()).unwrap_or("unknown").to_owned()
    }
}

/// One rule that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The rule.
    #[serde(rename = "r")]
    pub rule: RuleId,
    /// What it gives (or would have given) with multipliers, before caps, in the asset's smallest unit.
    #[serde(rename = "w", default, skip_serializing_if = "is_zero")]
    pub worth: i64,
    /// What it gives.
    #[serde(rename = "a", default, skip_serializing_if = "Asset::is_points")]
    pub asset: Asset,
    /// What came of it.
    #[serde(rename = "x")]
    pub verdict: Verdict,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// What came of trying a rule. How many points it gave, the postings say; what it asked for, the program's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It gave points: the postings say how many, fewer than it is worth where a cap cut them.
    #[serde(rename = "g")]
    Gave {
        /// The multipliers that applied, as `tier reseller` and `campaign q4-push`.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
        /// The cap that cut the points.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        cut_by: Option<String>,
    },
    /// The first condition that did not hold.
    #[serde(rename = "u")]
    Unmatched {
        /// The field.
        #[serde(rename = "f")]
        field: String,
        /// What it was, where the event's data does not say it: what the partner is, an amount in the program's currency.
        #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
        seen: Option<String>,
        /// Of a commission that asks for another value, the multipliers that apply once the deal has it.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
    },
    /// A cap was used up.
    #[serde(rename = "c")]
    Capped {
        /// The cap in the vendor's words.
        #[serde(rename = "c")]
        cap: String,
        /// How much of it was used before.
        #[serde(rename = "n")]
        used: i64,
        /// The multipliers that would have applied.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
    },
    /// Too little was left of its budget (N10).
    #[serde(rename = "b")]
    Spent {
        /// The budget, with its period.
        #[serde(rename = "c")]
        budget: String,
        /// How much was left of it.
        #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
        left: i64,
        /// The multipliers that would have applied.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
    },
    /// It is paused on the day of the event.
    #[serde(rename = "p")]
    Paused {
        /// The first day after the pause, where it is known.
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
    },
    /// The rule matched and is worth nothing here, such as an amount below its first band.
    #[serde(rename = "n")]
    Nothing {
        /// Of a commission, the multipliers that apply once the deal is worth more.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
    },
    /// A deal was rated again: this is what the rule is worth at its value now.
    #[serde(rename = "a")]
    RatedAgain {
        /// The multipliers that apply to a rule that was worth nothing before.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
        /// The budget that was short of it.
        #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
        short: Option<String>,
    },
    /// The books of a target's period have closed: this is what the rule is worth by what was attained in the end (M09).
    #[serde(rename = "t")]
    TruedUp {
        /// The multipliers that apply from now on.
        #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
        times: Vec<(String, Decimal)>,
        /// The budget that was short of it.
        #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
        short: Option<String>,
    },
}

/// Multipliers, multiplied.
pub(crate) fn factor(times: &[(String, Decimal)]) -> Decimal {
    times.iter().fold(Decimal::ONE, |product, (_, by)| product.saturating_mul(*by))
}

impl Verdict {
    /// The multipliers that applied.
    pub(crate) fn times(&self) -> &[(String, Decimal)] {
        match self {
            Verdict::Gave { times, .. }
            | Verdict::Capped { times, .. }
            | Verdict::Spent { times, .. }
            | Verdict::Nothing { times }
            | Verdict::Unmatched { times, .. }
            | Verdict::RatedAgain { times, .. }
            | Verdict::TruedUp { times, .. } => times,
            Verdict::Paused { .. } => &[],
        }
    }

    /// The multipliers that applied, multiplied.
    pub fn factor(&self) -> Decimal {
        factor(self.times())
    }
}
