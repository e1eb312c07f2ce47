//! What happened: every event type, told once.

#[macro_use]
mod declare;
mod facts;
mod form;
mod own;
mod row;

pub use facts::{FACT_CHARS_MAX, FACT_NAME_CHARS_MAX, FACTS_MAX, PartnerFacts};
pub use form::{
    DealOutcome, Document, Form, Influence, Level, ProjectOutcome, ReleaseReason, RevenueLine, TEXT_CHARS_MAX, Whole,
};
pub use own::{
    Declared, OWN_FIELDS_MAX, OWN_NAME_CHARS_MAX, OWN_NUMBER_MAX, Own, OwnField, OwnForm, OwnType, names_person,
    no_own_name,
};
pub use row::{MemberRow, Row, Sample};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::ids::{
    CertificationId, ContentId, CourseId, DealId, InvoiceId, Motion, Name, OpportunityId, PartnerId, PersonId,
    ProjectId, RedemptionId, RewardId,
};
use crate::json::{Json, quote, separate};
use crate::money::{Money, parse_decimal};
use crate::payout::PayoutId;
use crate::period::TargetPeriod;
use crate::rejection::{Code, Faults, Rejection};
use form::{Member, Named};

types! {
    sent {
        /// A partner takes part in the program. Sent again, it updates the facts and awards nothing twice.
        PartnerEnrolled = "partner.enrolled", ("partner-17-enrolled", "/crm/acme", "2026-01-05T09:00:00Z") {
            /// The partner's name for people.
            name: String = r#""Northwind Partners""#,
            /// The sales motions it takes part in, as the program names them.
            motions: Vec<Motion> = r#"["sell"]"#,
            /// The agreement version it accepted.
            agreement_version: Option<String> = r#""2026-01""#,
            /// Its territory.
            territory: Option<Name> = r#""US""#,
            /// Its time zone, as an IANA name.
            timezone: Option<String> = r#""America/New_York""#,
            /// Facts about it in the vendor's own words, as the program's `[facts]` declare them (M47): at most 16 short texts by name. An enrolment says all of them anew.
            facts: Option<PartnerFacts> = r#"{"type":"reseller","vertical":"healthcare","employees":"120"}"#,
            /// Whether it stands on no leaderboard (M39).
            unlisted: bool,
        }
        /// A partner is suspended: it never redeems; whether it earns is policy.
        PartnerSuspended = "partner.suspended", ("partner-17-suspended", "/crm/acme", "2026-04-01T09:00:00Z") {
            /// Why.
            reason: String = r#""audit under way""#,
        }
        /// A suspension ends.
        PartnerReinstated = "partner.reinstated", ("partner-17-reinstated", "/crm/acme", "2026-04-08T09:00:00Z") {
            /// Why.
            reason: String = r#""audit passed""#,
        }
        /// A partner leaves the program.
        PartnerOffboarded = "partner.offboarded", ("partner-17-offboarded", "/crm/acme", "2026-05-01T09:00:00Z") {
            /// Why.
            reason: String = r#""contract ended""#,
        }
        /// Somebody accepted an agreement version for the partner (M43).
        AgreementAccepted = "agreement.accepted", ("agreement-17-2026-01", "/crm/acme", "2026-01-06T09:00:00Z") {
            /// The version.
            version: String = r#""2026-01""#,
            /// Who accepted it.
            person_id: PersonId = r#""dana@northwind.example""#,
        }
        /// A target was set (M09, M15).
        TargetSet = "target.set", ("target-17-2026", "/crm/acme", "2026-01-10T09:00:00Z") {
            /// The sales motion.
            motion: Motion = r#""sell""#,
            /// What is measured, as a criterion of a ladder names it.
            measure: Name = r#""acv""#,
            /// For which period: a fiscal year, named by the calendar year in which it begins, a fiscal quarter (`2026-Q3`) or a month (`2026-03`).
            period: TargetPeriod = r#""2026""#,
            /// The target, above zero; money in the program's currency.
            value: Json<'static> = r#""500000""#,
        }
        /// A purchase order came in; it may count as a deal (M08).
        PurchaseOrderReceived = "purchase_order.received", ("po-8850", "/crm/acme", "2026-03-20T09:00:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8850""#,
            /// Its amount.
            amount: Money = r#"{"amount":"120000.00","currency":"USD"}"#,
        }
        /// A territory or a vertical is the partner's alone (M23). Said again to who has it, it says anew until when.
        ExclusivityGranted = "exclusivity.granted", ("excl-17-ny", "/admin/channel", "2026-02-01T09:00:00Z") {
            /// The territory; or write a `vertical`.
            territory: Option<Name> = r#""US-NY""#,
            /// The vertical; or write a `territory`.
            vertical: Option<Name>,
            /// Until when: the day of this instant is the first on which it is free again. Left out, as long as the program says.
            until: Option<Timestamp> = r#""2031-01-01T00:00:00Z""#,
        }
        /// An exclusivity ends (M23).
        ExclusivityEnded = "exclusivity.ended", ("excl-17-ny-ended", "/admin/channel", "2026-04-02T09:00:00Z") {
            /// The territory; or write a `vertical`.
            territory: Option<Name> = r#""US-NY""#,
            /// The vertical; or write a `territory`.
            vertical: Option<Name>,
            /// Until when it was granted.
            until: Option<Timestamp>,
        }
        /// A slot of a benefit is taken (M22).
        BenefitBooked = "benefit.booked", ("benefit-17-04", "/admin/channel", "2026-03-02T09:00:00Z") {
            /// The benefit.
            benefit: Name = r#""launch-slot""#,
            /// The slot.
            slot: String = r#""2031-04""#,
        }
        /// A slot of a benefit is free again (M22).
        BenefitReleased = "benefit.released", ("benefit-17-04-released", "/admin/channel", "2026-03-09T09:00:00Z") {
            /// The benefit.
            benefit: Name = r#""launch-slot""#,
            /// The slot.
            slot: String = r#""2031-04""#,
        }
        /// A deal moves to another partner.
        DealReassigned = "deal.reassigned", ("crm-8841-reassigned", "/crm/acme", "2026-02-20T09:30:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// Whose it is from now on.
            to_partner: PartnerId = r#""partner-18""#,
        }
        /// Somebody looked at a reward (M44).
        RewardViewed = "reward.viewed", ("cms-41", "/cms/portal", "2026-03-02T11:05:00Z") {
            /// The reward.
            reward_id: RewardId = r#""starbucks-10""#,
            /// Who looked.
            person_id: Option<PersonId> = r#""dana@northwind.example""#,
        }
        /// A partner registers a deal for an opportunity (M21, M30).
        DealRegistered = "deal.registered", ("crm-8841-registered", "/crm/acme", "2026-01-20T15:00:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// The opportunity at the customer.
            opportunity_id: OpportunityId = r#""O-5001""#,
            /// The customer, for people.
            customer: String = r#""Contoso Ltd""#,
            /// Expected annual contract value.
            expected_acv: Option<Money> = r#"{"amount":"45000.00","currency":"USD"}"#,
            /// The sales motion.
            motion: Option<Motion> = r#""sell""#,
            /// Whether it is a public tender, which takes several registrants (M33).
            public_tender: bool,
            /// Who registered it.
            person_id: Option<PersonId> = r#""dana@northwind.example""#,
        }
        /// Staff let a partner have an opportunity to itself for longer, or for less long (M31).
        DealLeaseExtended = "deal.lease_extended", ("lease-8841", "/crm/acme", "2026-03-10T09:00:00Z") {
            /// The deal that the partner registered first for its opportunity.
            deal_id: DealId = r#""D-8841""#,
            /// Until when; the day of this instant is the first one on which others may register, unless it is over.
            until: Timestamp = r#""2026-06-01T00:00:00Z""#,
            /// Who says so.
            by: PersonId = r#""channel-manager""#,
        }
        /// A registered deal is qualified (M36).
        DealQualified = "deal.qualified", ("crm-8841-qualified", "/crm/acme", "2026-02-03T10:00:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
        }
        /// The partner had a part in another's deal (M34).
        DealInfluenced = "deal.influenced", ("crm-8841-influenced", "/crm/acme", "2026-02-10T10:00:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// In which way.
            kind: Influence = r#""endorsement""#,
            /// The share it is to have, in percent.
            share_percent: Option<Whole<0, 100>> = "20",
        }
        /// A deal is closed, won or lost.
        DealClosed = "deal.closed", ("crm-8841-won", "/crm/acme", "2026-03-14T09:30:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// How it ended.
            outcome: DealOutcome = r#""won""#,
            /// Annual contract value; needed where the deal is won.
            acv: Option<Money> = r#"{"amount":"48000.00","currency":"USD"}"#,
            /// Length of the contract, in months; 12 where it is left out.
            tenor_months: Option<Whole<1, 600>> = "36",
            /// The sales motion.
            motion: Option<Motion> = r#""sell""#,
            /// Revenue lines, each in the currency of `acv`; their sum is the total value.
            lines: Vec<RevenueLine>,
            /// Whether it renews an earlier contract (M37).
            renewal: bool,
        }
        /// The value of a won deal changed.
        DealAmended = "deal.amended", ("crm-8841-amended", "/crm/acme", "2026-03-25T09:30:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// Annual contract value from now on; what was reversed in part before is in it.
            acv: Money = r#"{"amount":"52000.00","currency":"USD"}"#,
        }
        /// A won deal is taken back, whole or in part.
        DealReversed = "deal.reversed", ("crm-8841-reversed", "/crm/acme", "2026-03-28T09:30:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// Why.
            reason: String = r#""customer withdrew within the cooling-off period""#,
            /// Annual value that is taken back of the one that was said last, or value where the deal has no annual one; all of it where it is left out.
            amount: Option<Money>,
        }
        /// A customer paid an invoice (M10).
        InvoicePaid = "invoice.paid", ("inv-301", "/crm/acme", "2026-04-14T09:30:00Z") {
            /// The deal.
            deal_id: DealId = r#""D-8841""#,
            /// The invoice.
            invoice_id: InvoiceId = r#""INV-301""#,
            /// What was paid.
            amount: Money = r#"{"amount":"48000.00","currency":"USD"}"#,
            /// Start of the period it is for.
            period_start: Option<Timestamp> = r#""2026-03-14T00:00:00Z""#,
            /// End of the period it is for.
            period_end: Option<Timestamp> = r#""2027-03-13T00:00:00Z""#,
        }
        /// A payout reached the partner (M10).
        PayoutSettled = "payout.settled", ("fin-2026-04-30-17", "/finance/erp", "2026-05-04T09:30:00Z") {
            /// The payout, as the run's file names it.
            payout_id: PayoutId = r#""2026-04-30-USD""#,
            /// What finance knows it by, as the bank's reference.
            reference: Option<String> = r#""SEPA 8841-17""#,
        }
        /// A payout came back: it is payable again.
        PayoutReturned = "payout.returned", ("fin-2026-04-30-17-back", "/finance/erp", "2026-05-06T09:30:00Z") {
            /// The payout, as the run's file names it.
            payout_id: PayoutId = r#""2026-04-30-USD""#,
            /// Why.
            reason: String = r#""account closed""#,
        }
        /// Somebody completed a course (M26).
        CourseCompleted = "course.completed", ("lms-77120", "/lms/academy", "2026-01-12T16:00:00Z") {
            /// The course.
            course_id: CourseId = r#""sales-101""#,
            /// Its level.
            level: Option<Level> = "101",
            /// Who completed it.
            person_id: PersonId = r#""dana@northwind.example""#,
            /// The score.
            score: Option<Whole<0, 1_000_000>> = "92",
        }
        /// Somebody was certified (M25, M27).
        CertificationGranted = "certification.granted", ("lms-77121", "/lms/academy", "2026-01-12T16:05:00Z") {
            /// The certification.
            certification_id: CertificationId = r#""sales-101""#,
            /// Its level.
            level: Option<Level> = "101",
            /// Who was certified.
            person_id: PersonId = r#""dana@northwind.example""#,
            /// Until when; for ever where it is left out.
            valid_until: Option<Timestamp> = r#""2028-01-12T00:00:00Z""#,
        }
        /// A certificate is no longer valid.
        CertificationExpired = "certification.expired", ("lms-88121", "/lms/academy", "2026-06-12T16:05:00Z") {
            /// The certification.
            certification_id: CertificationId = r#""sales-101""#,
            /// Its level.
            level: Option<Level> = "101",
            /// Who was certified.
            person_id: PersonId = r#""dana@northwind.example""#,
        }
        /// Somebody looked at content (M40).
        ContentViewed = "content.viewed", ("cms-31", "/cms/portal", "2026-03-02T11:00:00Z") {
            /// The content.
            content_id: ContentId = r#""battlecard-2026""#,
            /// Who looked.
            person_id: PersonId = r#""dana@northwind.example""#,
            /// For how long, in seconds.
            seconds: Option<Whole<0, 86_400>> = "45",
            /// The team of who looked.
            team: Option<String> = r#""field""#,
            /// The territory of who looked.
            territory: Option<Name> = r#""US-NY""#,
        }
        /// A service project ended (M19).
        ProjectCompleted = "project.completed", ("crm-p12-done", "/crm/acme", "2026-03-12T11:00:00Z") {
            /// The project.
            project_id: ProjectId = r#""P-12""#,
            /// How it ended.
            outcome: ProjectOutcome = r#""successful""#,
            /// The sales motion.
            motion: Option<Motion> = r#""service""#,
        }
        /// A person of the vendor attests a criterion (M20).
        AttestationRecorded = "attestation.recorded", ("att-17-1", "/admin/channel", "2026-03-12T12:00:00Z") {
            /// The criterion.
            criterion: Name = r#""strategic""#,
            /// What is attested: a text of at most 64 characters, a number from 0 on, `true` or `false`; a ladder may ask for it (M20). Of two the later by its own time counts.
            value: Json<'static> = "true",
            /// Who attests it.
            by: PersonId = r#""channel-manager""#,
        }
        /// What a partner earned and looked like gaming is its own after all (M40): it becomes available.
        AwardReleased = "award.released", ("award-17-cms-31", "/admin/channel", "2026-03-12T13:00:00Z") {
            /// The source of the event that earned it; left out with its id, all that is held for its looks.
            event_source: Option<Name> = r#""/cms/portal""#,
            /// The id of that event.
            event_id: Option<Name> = r#""cms-31""#,
            /// Who says so.
            by: PersonId = r#""channel-manager""#,
        }
        /// What a partner earned was gaming (M40): what is held of it is taken back.
        AwardWithdrawn = "award.withdrawn", ("award-17-cms-32", "/admin/channel", "2026-03-12T13:05:00Z") {
            /// The source of the event that earned it; left out with its id, all that is held for its looks.
            event_source: Option<Name> = r#""/cms/portal""#,
            /// The id of that event.
            event_id: Option<Name> = r#""cms-32""#,
            /// Who says so.
            by: PersonId = r#""channel-manager""#,
            /// Why.
            reason: String = r#""a script, not a reader""#,
        }
        /// A budget has more to give (N10). It stands in the history of the program itself: its subject is `@program`.
        BudgetFunded = "budget.funded", ("budget-launch-2026-q1", "/finance/erp", "2026-01-02T09:00:00Z") {
            /// The budget.
            budget: Name = r#""launch-fund""#,
            /// How many points, where it is of points.
            points: Option<Whole<1, 1_000_000_000_000>> = "50000",
            /// How much money, where it is of money.
            amount: Option<Money>,
            /// For which of its periods, as a target's; the one in which the event happened where it is left out.
            period: Option<TargetPeriod> = r#""2026-Q1""#,
        }
        /// A budget has less to give: what is left of it is taken out, and nothing that was drawn (N10). Its subject is `@program`.
        BudgetReduced = "budget.reduced", ("budget-launch-2026-q1-cut", "/finance/erp", "2026-02-02T09:00:00Z") {
            /// The budget.
            budget: Name = r#""launch-fund""#,
            /// By how many points, where it is of points.
            points: Option<Whole<1, 1_000_000_000_000>> = "5000",
            /// By how much money, where it is of money.
            amount: Option<Money>,
            /// Which of its periods, as a target's; the one in which the event happened where it is left out.
            period: Option<TargetPeriod> = r#""2026-Q1""#,
            /// Why.
            reason: String = r#""moved to the second quarter""#,
        }
    }
    internal {
        /// Held points become available.
        PointsReleased = "points.released" {
            /// The day they were due.
            due: Date,
        }
        /// Held commission becomes payable.
        CommissionReleased = "commission.released" {
            /// The day it was due.
            due: Date,
        }
        /// What is payable is set aside to be paid, in a payout run.
        PayoutReserved = "payout.reserved" {
            /// The payout it makes.
            payout_id: PayoutId,
            /// How much.
            amount: Money,
            /// Who is paid, as finance knows it.
            payee: Option<Name>,
            /// How much of it is withheld, and is not sent.
            withheld: Option<Money>,
        }
        /// A payout that was not sent is given up: it is payable again.
        PayoutCancelled = "payout.cancelled" {
            /// The payout.
            payout_id: PayoutId,
        }
        /// A payout was neither settled nor returned in the time that finance has for it.
        PayoutStanding = "payout.standing" {
            /// The payout.
            payout_id: PayoutId,
        }
        /// A lot runs out.
        PointsExpired = "points.expired" {
            /// The day it was due.
            due: Date,
        }
        /// The time for which a partner has an opportunity to itself comes to its end (M31).
        LeaseEnding = "lease.ending" {
            /// The deal that it registered.
            deal_id: DealId,
            /// The opportunity.
            opportunity_id: OpportunityId,
            /// The first day on which others may register.
            until: Date,
        }
        /// What a deal is worth, or who has a share in it, has changed: the partner's share in it is rated (M34).
        DealShared = "deal.shared" {
            /// The deal.
            deal_id: DealId,
        }
        /// The books of a target's period have closed: what a deal paid by it is brought to what was attained in the end (M09).
        DealTruedUp = "deal.trued_up" {
            /// The deal.
            deal_id: DealId,
            /// The day it was due.
            due: Date,
        }
        /// Another partner won the public tender for which this one was registered (M33).
        BidLost = "bid.lost" {
            /// The opportunity.
            opportunity_id: OpportunityId,
        }
        /// A partner's exclusivity is looked at: whether it is kept, and whether its time is over (M23).
        ExclusivityReviewed = "exclusivity.reviewed" {
            /// The territory.
            territory: Option<Name>,
            /// The vertical.
            vertical: Option<Name>,
            /// The day it was due.
            due: Date,
        }
        /// A partner that is new is looked at: whether it is productive by the day that the program says (M17).
        OnboardingReviewed = "onboarding.reviewed" {
            /// The day it was due.
            due: Date,
            /// Whether it was late before: what comes of it now is a plan.
            plan: bool,
        }
        /// A ladder is reviewed.
        TierReviewed = "tier.reviewed" {
            /// The day it was due.
            due: Date,
            /// The ladder.
            motion: Motion,
        }
        /// A partner asked for a reward.
        RedemptionRequested = "redemption.requested" {
            /// The redemption it makes.
            redemption_id: RedemptionId,
            /// The reward.
            reward_id: RewardId,
            /// How many.
            quantity: Whole<1, 1_000_000>,
        }
        /// The order went to the provider.
        RedemptionOrdering = "redemption.ordering" {
            /// The redemption.
            redemption_id: RedemptionId,
        }
        /// The provider delivered.
        RedemptionFulfilled = "redemption.fulfilled" {
            /// The redemption.
            redemption_id: RedemptionId,
        }
        /// A version of the program was published. It stands in the history of the program itself, at the version's number.
        ProgramPublished = "program.published" {
            /// SHA-256 of the file, in hex.
            content_hash: String,
            /// From when it is in force.
            effective_from: Timestamp,
            /// Who published it, says whoever did.
            actor: String,
            /// Whether that was proved.
            verified: bool,
            /// Why, says whoever did.
            reason: Option<String>,
            /// The file.
            file: Document,
        }
        /// A version that was published to take effect later never will. It stands in the history of the program itself.
        ProgramWithdrawn = "program.withdrawn" {
            /// The version's number.
            number: Whole<1, 1_000_000>,
            /// Who withdrew it, says whoever did.
            actor: String,
            /// Whether that was proved.
            verified: bool,
            /// Why, says whoever did.
            reason: Option<String>,
        }
        /// Points went back.
        RedemptionReleased = "redemption.released" {
            /// The redemption.
            redemption_id: RedemptionId,
            /// Why.
            reason: ReleaseReason,
        }
    }
}

/// The number that a target is; `None` if it is none, or not above zero.
pub fn target(value: &Json<'_>) -> Option<Decimal> {
    parse_decimal(&value.clone().into_plain()).ok().filter(|target| *target > Decimal::ZERO)
}

/// What is attested, as it is compared: `true`, `4.5`, `strategic`; `None` of what is none of these, or too long.
pub fn attested(value: &Json<'_>) -> Option<Name> {
    let plain = match value {
        Json::Text(text) => text.to_string(),
        Json::Bool(yes) => yes.to_string(),
        Json::Number(number) => parse_decimal(number).ok()?.normalize().to_string(),
        Json::Null | Json::List(_) | Json::Map(_) => return None,
    };
    Name::try_from(plain.as_str()).ok().filter(|name| name.chars().count() <= FACT_CHARS_MAX)
}

/// Months of a contract that says nothing of its length.
pub const TENOR_MONTHS: i64 = 12;

impl Kind {
    /// Reads the `data` of an event of type `name` that somebody sent: what only Laurel makes nobody sends. `own` is what is known of the
    /// type where it is not Laurel's.
    ///
    /// # Errors
    /// As [`Kind::read`]; a type that is Laurel's own.
    pub fn sent(name: &str, data: &Json<'_>, own: Option<Declared<'_>>) -> Result<Self, Rejection> {
        if ROWS.iter().any(|row| row.name == name) {
            return Self::read(name, data);
        }
        let own = match own {
            Some(Declared::So(own)) => Own::read(own, data)?,
            Some(Declared::NotYet) if no_own_name(name).is_none() => Own::stored(name, data)?,
            Some(Declared::NotYet) | None => return Err(unsupported(name)),
        };
        Ok(Kind::Own(Box::new(own)))
    }

    /// Reads the `data` of an event of type `name`, of a record's or of what Laurel sent itself. Of a type of a vendor's own it reads
    /// what stands there: it was read as its program declares it before.
    ///
    /// # Errors
    /// Every member in bad form; a type that Laurel does not know.
    pub fn read(name: &str, data: &Json<'_>) -> Result<Self, Rejection> {
        let Some(kind) = Self::members(name, data) else {
            let own = if no_own_name(name).is_none() { Own::stored(name, data) } else { Err(unsupported(name)) };
            return Ok(Kind::Own(Box::new(own?)));
        };
        let kind = kind?;
        kind.check()?;
        Ok(kind)
    }

    /// What members must be to each other.
    fn check(&self) -> Result<(), Rejection> {
        match self {
            Kind::DealClosed { outcome: DealOutcome::Won, acv: None, .. } => Err(Rejection::missing("data.acv")),
            Kind::DealClosed { acv, lines, .. } => {
                let currency = acv.map(Money::currency);
                if lines.iter().any(|line| Some(line.amount.currency()) != currency) {
                    let message = "every line must have the currency of `acv`";
                    return Err(Rejection::new(Code::BadCurrency, "data.lines", message));
                }
                Ok(())
            }
            Kind::DealReassigned { to_partner, .. } if to_partner.is_internal() => {
                Err(Rejection::reserved("data.to_partner"))
            }
            Kind::AttestationRecorded { value, .. } if attested(value).is_none() => {
                let message = "write a text of at most 64 characters, a number from 0 on, true or false";
                Err(Rejection::new(Code::BadValue, "data.value", message))
            }
            Kind::TargetSet { value, .. } if target(value).is_none() => {
                let message = "write a number above zero, as in \"500000\" or 12";
                Err(Rejection::new(Code::BadValue, "data.value", message))
            }
            Kind::BudgetFunded { points, amount, .. } | Kind::BudgetReduced { points, amount, .. } => {
                let nothing = amount.is_some_and(|amount| amount.amount().is_zero());
                if points.is_some() == amount.is_some() || nothing {
                    let message = "write either `points` or an `amount` above zero";
                    return Err(Rejection::new(Code::BadValue, "data.points", message));
                }
                Ok(())
            }
            Kind::AwardReleased { event_source, event_id, .. }
            | Kind::AwardWithdrawn { event_source, event_id, .. }
                if event_source.is_some() != event_id.is_some() =>
            {
                let message = "write both the source and the id of the event that earned it, or neither";
                Err(Rejection::new(Code::BadValue, "data.event_id", message))
            }
            Kind::ExclusivityGranted { territory, vertical, .. }
            | Kind::ExclusivityEnded { territory, vertical, .. }
                if territory.is_some() == vertical.is_some() =>
            {
                let message = "write either a territory or a vertical";
                Err(Rejection::new(Code::BadValue, "data.territory", message))
            }
            _ => Ok(()),
        }
    }

    /// The persons it names, in the order of its members.
    pub fn persons(&self) -> Vec<PersonId> {
        let mut found = Vec::new();
        self.each_member(|_, member| found.extend(member.named().person().cloned()));
        found
    }

    /// The person whose it is: the first that it names; of a type of a vendor's own the one in `person_id`, where there is one.
    pub fn person(&self) -> Option<PersonId> {
        let mut found = match self {
            Kind::Own(_) => self.shown("person_id").and_then(|member| member.named().person().cloned()),
            _ => None,
        };
        self.each_member(|_, member| found = found.take().or_else(|| member.named().person().cloned()));
        found
    }

    /// A member of its data, by its name. `None` where it is not there.
    pub fn member(&self, name: &str) -> Option<Json<'_>> {
        self.shown(name)?.json()
    }

    /// A member of its data as a number, by its name. `None` where it is not there, or none.
    pub fn number(&self, name: &str) -> Option<Decimal> {
        self.shown(name)?.number()
    }

    fn shown(&self, name: &str) -> Option<&dyn Shown> {
        let mut found = None;
        self.each_member(|of, member| {
            if of == name {
                found = Some(member);
            }
        });
        found
    }

    /// The event's `data` in canonical form: the members that the type declares and that are there, sorted by name.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(128);
        self.write(false, &mut text);
        text
    }

    /// Writes the event's `data` in canonical form, persons left blank where that is asked.
    pub(crate) fn write(&self, blank: bool, out: &mut String) {
        let mut members: [Option<(&str, &dyn Shown)>; MEMBERS_MAX] = [None; MEMBERS_MAX];
        let mut many = 0;
        self.each_member(|name, member| {
            members[many] = Some((name, member));
            many += 1;
        });
        let members = &mut members[..many];
        members.sort_unstable_by_key(|member| member.map(|(name, _)| name));
        out.push('{');
        let mut written = 0;
        for (name, member) in members.iter().flatten() {
            let from = out.len();
            separate(out, written);
            quote(name, out);
            out.push(':');
            if blank && member.named().person().is_some() {
                quote("", out);
            } else if !member.write(out) {
                out.truncate(from);
                continue;
            }
            written += 1;
        }
        out.push('}');
    }

    /// The deal it names, if it names one.
    pub fn deal_id(&self) -> Option<&DealId> {
        self.first_named(|named| if let Named::Deal(id) = named { Some(id) } else { None })
    }

    /// The opportunity that it is about, if it is about one. That a bid was lost tells of one, and nothing is asked of it.
    pub fn opportunity_id(&self) -> Option<&OpportunityId> {
        if let Kind::BidLost { .. } = self {
            return None;
        }
        self.first_named(|named| if let Named::Opportunity(id) = named { Some(id) } else { None })
    }

    /// The partner it names beside its own, if it names one.
    pub fn other_partner(&self) -> Option<&PartnerId> {
        self.first_named(|named| if let Named::Partner(id) = named { Some(id) } else { None })
    }

    /// The redemption it is a step of, if it is one's.
    pub fn redemption_id(&self) -> Option<&RedemptionId> {
        self.first_named(|named| if let Named::Redemption(id) = named { Some(id) } else { None })
    }

    /// The payout it is a step of, if it is one's.
    pub fn payout_id(&self) -> Option<PayoutId> {
        self.first_named(|named| if let Named::Payout(id) = named { Some(id) } else { None })
    }

    /// The sales motion it names, if it names one.
    pub fn motion(&self) -> Option<&Motion> {
        self.first_named(|named| if let Named::Motion(motion) = named { Some(motion) } else { None })
    }

    /// Total contract value in the deal's currency: the sum of the lines, or ACV times tenor in years where there are
    /// none. `None` if it has no value or does not fit.
    pub fn total_value(&self) -> Option<Decimal> {
        let Kind::DealClosed { acv, tenor_months, lines, .. } = self else { return None };
        if !lines.is_empty() {
            return lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount.amount()));
        }
        let months = Decimal::from(tenor_months.map_or(TENOR_MONTHS, Whole::get));
        acv.as_ref()?.amount().checked_mul(months)?.checked_div(Decimal::from(12))
    }
}

/// Most members that a type declares.
const MEMBERS_MAX: usize = 16;

const _: () = {
    let mut at = 0;
    while at < ROWS.len() {
        assert!(ROWS[at].members.len() <= MEMBERS_MAX, "a type declares more members than are written");
        at += 1;
    }
};

/// A member as it is told to others.
trait Shown {
    /// Writes its JSON; false where it is left out.
    fn write(&self, out: &mut String) -> bool;

    /// Its JSON; `None` where it is left out.
    fn json(&self) -> Option<Json<'_>>;

    /// It as a number; `None` where it is left out, or none.
    fn number(&self) -> Option<Decimal>;

    /// What it names.
    fn named(&self) -> Named<'_>;
}

impl<T: Member> Shown for T {
    fn write(&self, out: &mut String) -> bool {
        Member::write(self, out)
    }

    fn json(&self) -> Option<Json<'_>> {
        Member::json(self)
    }

    fn number(&self) -> Option<Decimal> {
        Member::number(self)
    }

    fn named(&self) -> Named<'_> {
        Member::named(self)
    }
}

fn unsupported(name: &str) -> Rejection {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let message = format!(
        "`{shown}` is not a type Laurel knows, and the program declares no such event; Laurel knows {}",
        known.join(", ")
    );
    Rejection::new(Code::UnsupportedType, "type", message)
}
