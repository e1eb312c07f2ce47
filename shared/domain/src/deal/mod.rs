//! Deals and opportunities: what partners share. Both are folds of records (I26).

mod credit;
mod influence;
mod opportunity;

pub use credit::{Credit, Taken, TrueUp};
pub(crate) use credit::{VALUES, is_credited};
pub(crate) use influence::SAID_MAX;
pub use influence::{Influencer, Said};
pub use opportunity::Opportunity;

use event::ids::{Motion, OpportunityId, PartnerId, RuleId};
use event::json::Json;
use event::money::Money;
use event::time::Month;
use event::{DealOutcome, Kind, PartnerFacts, planted};
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::Measure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::{Effect, Fact, Record, Stamp};

/// So many partial reversals are told apart by their time; older ones count as one.
const REVERSALS_MAX: usize = 32;

/// One deal, as its records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Counts the records that changed it; every write is conditioned on it.
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
    /// Who influenced it, at most [`program::INFLUENCERS_MAX`] (M34).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub influencers: Vec<Influencer>,
    /// The customer, for people: whose customer it is says the deal's owner (M37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The place that it took on its opportunity, 1 for the first; 0 where it took none.
    #[serde(default, skip_serializing_if = "is_no_place")]
    pub place: u32,
    /// Whether it was first on its opportunity, and not in a public tender: price protection (M32).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub price_protected: bool,
    /// Whether it is for a public tender (M33).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tender: bool,
    /// When it was qualified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<Timestamp>,
    /// When the customer paid an invoice first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoiced: Option<Timestamp>,
    /// How it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Box<Closed>>,
    /// What was measured in the default motion, as long as nobody has said the deal's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplaced: Vec<Measured>,
    /// The annual value of the latest amendment by its own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended: Option<Fact<Money>>,
    /// What was taken back of its annual value, or of its total where it has none, in its own currency, since that was said last:
    /// partial reversals add up, and an amendment says the value with all that came before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reversed: Vec<Fact<Decimal>>,
    /// Whether it was reversed as a whole. One that was taken back in parts until nothing is left is void, too:
    /// [`Deal::is_void`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// What was measured in one motion and month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The motion.
    #[serde(rename = "o")]
    pub motion: Motion,
    /// The month.
    #[serde(rename = "m")]
    pub month: Month,
    /// How much of each measure.
    #[serde(rename = "b")]
    pub by: LiteMap<Measure, Decimal>,
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
    /// The program version that decided: whose rates hold where the other has none.
    pub decided_by: u32,
    /// The day it is booked on: its caps are those of that day's periods.
    pub booked: Date,
    /// The motion and month it is measured in; none where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<(Motion, Month)>,
    /// The deals it counted as when it closed.
    pub counted: Decimal,
    /// The deals it counts as now.
    pub counts: Decimal,
    /// What it adds to the ACV measure now, in the program's currency.
    pub measured_acv: Decimal,
    /// What was stated of the partner then that its rules look at (M47).
    #[serde(default, skip_serializing_if = "PartnerFacts::is_empty")]
    pub facts: PartnerFacts,
    /// What each rule has credited.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub credits: LiteMap<RuleId, Credit>,
}

impl Closed {
    /// The closing itself. `None` only if its record was written by another edition.
    pub(crate) fn happened(&self) -> Option<Kind> {
        Kind::read("deal.closed", &Json::parse(&self.data).ok()?).ok()
    }
}

impl Deal {
    fn new(owner: PartnerId) -> Self {
        Self {
            version: 0,
            owner,
            opportunity: None,
            motion: None,
            registered: None,
            influencers: Vec::new(),
            customer: None,
            place: 0,
            price_protected: false,
            tender: false,
            qualified: None,
            invoiced: None,
            closed: None,
            unplaced: Vec::new(),
            amended: None,
            reversed: Vec::new(),
            void: false,
        }
    }

    /// Whether records of what happened change the deal that it names. Others only look at it.
    pub fn is_changed_by(kind: &Kind) -> bool {
        match kind {
            Kind::DealRegistered { .. }
            | Kind::DealQualified { .. }
            | Kind::DealClosed { .. }
            | Kind::DealAmended { .. }
            | Kind::DealReversed { .. }
            | Kind::DealReassigned { .. }
            | Kind::DealInfluenced { .. }
            | Kind::DealShared { .. }
            | Kind::DealTruedUp { .. }
            | Kind::InvoicePaid { .. } => true,
            Kind::Own(_)
            | Kind::AwardReleased { .. }
            | Kind::AwardWithdrawn { .. }
            | Kind::PartnerEnrolled { .. }
            | Kind::PartnerSuspended { .. }
            | Kind::PartnerReinstated { .. }
            | Kind::PartnerOffboarded { .. }
            | Kind::AgreementAccepted { .. }
            | Kind::TargetSet { .. }
            | Kind::PurchaseOrderReceived { .. }
            | Kind::ExclusivityGranted { .. }
            | Kind::ExclusivityEnded { .. }
            | Kind::BenefitBooked { .. }
            | Kind::BenefitReleased { .. }
            | Kind::BudgetFunded { .. }
            | Kind::BudgetReduced { .. }
            | Kind::RewardViewed { .. }
            | Kind::CourseCompleted { .. }
            | Kind::CertificationGranted { .. }
            | Kind::CertificationExpired { .. }
            | Kind::ContentViewed { .. }
            | Kind::ProjectCompleted { .. }
            | Kind::AttestationRecorded { .. }
            | Kind::DealLeaseExtended { .. }
            | Kind::LeaseEnding { .. }
            | Kind::ExclusivityReviewed { .. }
            | Kind::OnboardingReviewed { .. }
            | Kind::BidLost { .. }
            | Kind::PointsReleased { .. }
            | Kind::CommissionReleased { .. }
            | Kind::PayoutSettled { .. }
            | Kind::PayoutReturned { .. }
            | Kind::PayoutReserved { .. }
            | Kind::PayoutCancelled { .. }
            | Kind::PayoutStanding { .. }
            | Kind::PointsExpired { .. }
            | Kind::TierReviewed { .. }
            | Kind::ProgramPublished { .. }
            | Kind::ProgramWithdrawn { .. }
            | Kind::RedemptionRequested { .. }
            | Kind::RedemptionOrdering { .. }
            | Kind::RedemptionFulfilled { .. }
            | Kind::RedemptionReleased { .. } => false,
        }
    }

    /// Whether a record changed the deal that it names: of a deal that nobody knew an invoice says nothing, and an influence only where
    /// the program shares deals.
    pub fn is_changed_by_record(record: &Record, kind: &Kind) -> bool {
        let knew = record.relied_on.deal.is_some_and(|version| version > 0);
        let changes = match kind {
            Kind::InvoicePaid { .. } => knew,
            Kind::DealInfluenced { .. } => record.effects.contains(&Effect::Influences),
            kind => Self::is_changed_by(kind),
        };
        changes && record.holds()
    }

    /// The deal after a record that names it. A refusal changes nothing.
    pub fn fold(deal: Option<Self>, record: &Record) -> Option<Self> {
        match record.happened() {
            Some(kind) => Self::fold_what(deal, record, &kind),
            None => deal,
        }
    }

    /// The same, of a record of `kind`.
    pub(crate) fn fold_what(deal: Option<Self>, record: &Record, kind: &Kind) -> Option<Self> {
        if !Self::is_changed_by_record(record, kind) {
            return deal;
        }
        let mut deal = deal.unwrap_or_else(|| Self::new(record.partner.clone()));
        deal.version += 1;
        let shared = matches!(kind, Kind::DealShared { .. } | Kind::DealTruedUp { .. });
        let rates = matches!(kind, Kind::DealClosed { .. } | Kind::DealAmended { .. } | Kind::DealReversed { .. })
            || shared && deal.owner == record.partner;
        let closes = matches!(kind, Kind::DealClosed { .. });
        match kind {
            Kind::DealRegistered { opportunity_id, motion, customer, .. } => {
                deal.customer = Some(customer.clone());
                deal.registered = Some(record.time);
                deal.opportunity = Some(opportunity_id.clone());
                (deal.place, deal.tender) = Opportunity::place(record);
                deal.price_protected = deal.place == 1 && !deal.tender;
                if deal.motion.is_none() {
                    if let Some((closed, to)) = deal.closed.as_mut().zip(motion.as_ref()) {
                        closed.measured = closed.measured.take().map(|(_, month)| (to.clone(), month));
                    }
                    deal.motion.clone_from(motion);
                }
            }
            Kind::DealInfluenced { kind, share_percent, .. } => {
                let share = share_percent.and_then(|percent| u32::try_from(percent.get() * 100).ok());
                let since = Stamp::of(record.time, &record.identity);
                deal.influence(&record.partner, Said { kind: *kind, share, since });
            }
            Kind::DealShared { .. } | Kind::DealTruedUp { .. } => {
                let owner = deal.owner.clone();
                let mut others = deal.influencers.iter_mut().filter(|one| one.partner != owner);
                if let Some(one) = others.find(|one| one.partner == record.partner) {
                    let first = !std::mem::replace(&mut one.rated, true);
                    if first {
                        one.facts = record.stated().clone();
                    }
                    Credit::fold(&mut one.credits, record, first);
                }
            }
            Kind::DealQualified { .. } => deal.qualified = Some(record.time),
            Kind::InvoicePaid { .. } => {
                deal.invoiced = Some(deal.invoiced.map_or(record.time, |first| first.min(record.time)));
                if let Some(closed) = &mut deal.closed {
                    Credit::release(&mut closed.credits, record);
                    Credit::share(&mut closed.credits, record);
                }
            }
            Kind::DealReassigned { to_partner, .. } => {
                // What it measured stays with whom it was measured for.
                deal.unplaced.clear();
                deal.owner = to_partner.clone();
            }
            closing @ Kind::DealClosed { outcome, acv, motion, .. } => {
                deal.motion = motion.clone().or(deal.motion);
                // What was said of a time after it counts for nothing.
                for one in &mut deal.influencers {
                    one.said.retain(|said| said.since.time() <= record.time);
                }
                deal.influencers.retain(|one| !one.said.is_empty());
                deal.closed = Some(Box::new(Closed {
                    at: record.time,
                    won: *outcome == DealOutcome::Won,
                    acv: acv.filter(|_| *outcome == DealOutcome::Won),
                    total: closing.total_value().unwrap_or_default(),
                    data: record.data.clone(),
                    version: record.version(),
                    decided_by: record.decided_by,
                    booked: record.booked,
                    measured: None,
                    counted: Decimal::ZERO,
                    counts: Decimal::ZERO,
                    measured_acv: Decimal::ZERO,
                    facts: record.stated().clone(),
                    credits: LiteMap::new(),
                }));
            }
            Kind::DealAmended { acv, .. } => {
                let learned = deal.amend(*acv, Stamp::of(record.time, &record.identity));
                debug_assert!(learned, "an older amendment is refused");
            }
            Kind::DealReversed { amount, .. } => {
                let learned = deal.reverse(*amount, Stamp::of(record.time, &record.identity));
                debug_assert!(learned, "a reversal from before an amendment is refused");
            }
            other => debug_assert!(false, "{} changes a deal, and nothing says how", other.name()),
        }
        match &deal.motion {
            Some(_) => deal.unplaced.clear(),
            None => record.effects.iter().for_each(|effect| note_unplaced(&mut deal.unplaced, effect)),
        }
        if let Some(closed) = deal.closed.as_mut().filter(|_| rates) {
            closed.take_measures(record, deal.motion.as_ref());
            if closes {
                closed.counted = closed.counts;
            }
            Credit::fold(&mut closed.credits, record, closes);
        }
        Some(deal)
    }

    /// Takes over an annual value said at `since`: with it, what was reversed in part before. False if a later one was said.
    pub(crate) fn amend(&mut self, acv: Money, since: Stamp) -> bool {
        if planted("an amendment by arrival") {
            self.amended = None;
        }
        let learned = Fact::learn(&mut self.amended, acv, since);
        if learned {
            self.reversed.retain(|reversal| reversal.since > since);
        }
        learned
    }

    /// Takes back a part of its value at `since`, or all of it. False if the part stands in an annual value said later.
    pub(crate) fn reverse(&mut self, amount: Option<Money>, since: Stamp) -> bool {
        let Some(amount) = amount else {
            self.void = true;
            self.reversed.clear();
            return true;
        };
        if self.amended.as_ref().is_some_and(|amended| since < amended.since) {
            return false;
        }
        let place = self.reversed.partition_point(|reversal| reversal.since <= since);
        self.reversed.insert(place, Fact { value: amount.amount(), since });
        if self.reversed.len() > REVERSALS_MAX {
            let first = self.reversed.remove(0).value;
            self.reversed[0].value = self.reversed[0].value.saturating_add(first);
        }
        true
    }

    /// What was taken back in parts.
    fn taken(&self) -> Decimal {
        self.reversed.iter().fold(Decimal::ZERO, |sum, reversal| sum.saturating_add(reversal.value))
    }

    /// Its annual value, as amended last, whatever was taken back of it.
    fn annual(&self) -> Decimal {
        let closed = self.closed.as_ref().and_then(|closed| closed.acv);
        closed.map_or(Decimal::ZERO, |acv| self.amended.as_ref().map_or(acv, |fact| fact.value).amount())
    }

    /// What is taken back in parts: the annual value; of a deal that closed without one, its total.
    fn reversible(&self) -> Decimal {
        let annual = self.annual();
        let total =
            self.closed.as_ref().filter(|_| self.amended.is_none()).map_or(Decimal::ZERO, |closed| closed.total);
        if annual.is_zero() { total } else { annual }
    }

    /// Whether nothing of it is left: it was reversed as a whole, or in parts until all was taken back.
    pub fn is_void(&self) -> bool {
        self.void || (!self.taken().is_zero() && self.taken() >= self.reversible())
    }

    /// Whether nothing of it is left, or it was amended to nothing.
    pub fn is_nothing(&self) -> bool {
        self.is_void() || (self.amended.is_some() && self.annual().is_zero())
    }

    /// Its annual and total value as said last, whatever was reversed of it, in the deal's currency.
    pub fn said(&self) -> (Decimal, Decimal) {
        let Some(closed) = &self.closed else { return (Decimal::ZERO, Decimal::ZERO) };
        (self.annual(), closed.total_at(self.annual()))
    }

    /// The annual value that counts now, in the deal's currency: as amended last, less what was reversed; zero if void.
    pub fn effective_acv(&self) -> Decimal {
        if self.is_void() { Decimal::ZERO } else { self.annual().saturating_sub(self.taken()).max(Decimal::ZERO) }
    }

    /// The total value that counts now: the closing total in proportion to the annual value; where there was none, less what was
    /// reversed; zero if void.
    pub fn effective_total(&self) -> Decimal {
        let Some(closed) = self.closed.as_ref().filter(|_| !self.is_void()) else { return Decimal::ZERO };
        if closed.acv.is_none_or(|acv| acv.amount().is_zero()) {
            let taken = if self.amended.is_none() { self.taken() } else { Decimal::ZERO };
            return closed.total.saturating_sub(taken).max(Decimal::ZERO);
        }
        closed.total_at(self.effective_acv())
    }
}

/// A value, in proportion to how another changed: exact where the product fits, else to 28 digits. Nothing changes in proportion to
/// nothing.
pub(crate) fn in_proportion(value: Decimal, now: Decimal, before: Decimal) -> Decimal {
    if now == before || before.is_zero() {
        return value;
    }
    let exact = value.checked_mul(now).and_then(|v| v.checked_div(before));
    let rounded = || now.checked_div(before).and_then(|part| value.checked_mul(part));
    exact.or_else(rounded).unwrap_or(Decimal::ZERO)
}

impl Closed {
    /// The total value at an annual value of `acv`: the closing total in proportion.
    fn total_at(&self, acv: Decimal) -> Decimal {
        in_proportion(self.total, acv, self.acv.map_or(Decimal::ZERO, Money::amount))
    }

    /// Adds what a record measured: the deals it counts as, and its ACV.
    fn take_measures(&mut self, record: &Record, of: Option<&Motion>) {
        for effect in &record.effects {
            let Effect::Measured { motion, month, by } = effect else { continue };
            // What was measured before the deal's motion was said goes from where it was, with the record that says it.
            if self.measured.is_none() && of.is_some_and(|of| of != motion) {
                continue;
            }
            self.measured.get_or_insert_with(|| (motion.clone(), *month));
            let of = |measure| by.get(&measure).copied().unwrap_or_default();
            self.counts += of(Measure::Deals);
            self.measured_acv += of(Measure::Acv);
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_no_place(place: &u32) -> bool {
    *place == 0
}

/// Adds what an effect measured to what is in no motion that anybody has said.
fn note_unplaced(unplaced: &mut Vec<Measured>, effect: &Effect) {
    let Effect::Measured { motion, month, by } = effect else { return };
    let at = unplaced.iter().position(|one| (&one.motion, one.month) == (motion, *month)).unwrap_or_else(|| {
        unplaced.push(Measured { motion: motion.clone(), month: *month, by: LiteMap::new() });
        unplaced.len() - 1
    });
    let sums = &mut unplaced[at].by;
    for (measure, by) in by {
        let sum = sums.entry(*measure).or_default();
        *sum = sum.saturating_add(*by).normalize();
    }
    sums.retain(|_, sum| !sum.is_zero());
    unplaced.retain(|one| !one.by.is_empty());
}
