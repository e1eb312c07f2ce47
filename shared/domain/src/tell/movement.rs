//! What one movement of points or money means, in words that a partner understands.

use std::collections::BTreeMap;

use event::Kind;
use event::ids::RuleId;
use event::payout::PayoutId;
use program::Program;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ledger::{
    Account, Asset, Balance, Bucket, Effect, Funds, Posting, PostingKind, Record, Verdict, never, someday,
};

/// What a posting adds to the partner's total: points as a whole number, money as an amount with its currency.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// Points; none of money.
    pub points: i64,
    /// Money, with a sign where it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Sum>,
}

/// An amount of money as it is written: `{"amount": "-5250.00", "currency": "USD"}`.
#[derive(Clone, Debug, Serialize)]
pub struct Sum {
    /// The amount, with all of the currency's decimals.
    pub amount: String,
    /// ISO 4217.
    pub currency: &'static str,
}

/// How much of an asset, as it is written: points as a whole number, money as a decimal with all of the currency's decimals.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Amount {
    /// Points.
    Points(i64),
    /// Money, of the currency that stands beside.
    Money(String),
}

impl Amount {
    /// What a posting moved.
    pub fn of(posting: &Posting) -> Self {
        match posting.asset {
            Asset::Points => Amount::Points(posting.amount),
            Asset::Money(_) => Amount::Money(posting.asset.amount(posting.amount)),
        }
    }
}

impl Added {
    /// By a posting.
    pub fn by(posting: &Posting) -> Self {
        match posting.asset {
            Asset::Points => Self { points: posting.sum(), money: None },
            Asset::Money(currency) => {
                let amount = posting.asset.amount(posting.sum());
                Self { points: 0, money: Some(Sum { amount, currency }) }
            }
        }
    }
}

/// What is there of commissions in one currency, each a sum of money.
#[derive(Clone, Debug, Serialize)]
pub struct Commissions {
    /// Earned, payable later.
    pub accrued: String,
    /// Payable now.
    pub payable: String,
    /// On its way to the partner.
    pub in_payout: String,
    /// Paid out, ever.
    pub paid: String,
    /// Taken back after it was paid, and netted from what becomes payable next.
    pub owed: String,
}

/// Commissions of an account by currency; empty where it never had any.
pub fn commissions(account: &Account) -> BTreeMap<&'static str, Commissions> {
    let funds = account.head.funds.iter();
    let money = funds.filter_map(|(asset, funds)| match asset {
        Asset::Points => None,
        Asset::Money(currency) => Some((*currency, *asset, funds)),
    });
    let told = |(currency, asset, funds): (&'static str, Asset, &Funds)| {
        let Balance { available, pending, reserved, owed } = funds.balance();
        let sums = [available, pending, reserved, funds.paid, owed];
        let [payable, accrued, in_payout, paid, owed] = sums.map(|sum| asset.amount(sum));
        (currency, Commissions { accrued, payable, in_payout, paid, owed })
    };
    money.map(told).collect()
}

/// Payouts of an account that are on their way, and how much each is.
pub fn payouts(account: &Account) -> Vec<(PayoutId, Sum)> {
    let funds = account.head.funds.iter();
    let open = funds.filter_map(|(asset, funds)| match asset {
        Asset::Points => None,
        Asset::Money(currency) => Some(funds.payouts.iter().map(|(run, amount)| {
            let sum = Sum { amount: asset.amount(*amount), currency };
            (PayoutId { run: *run, currency }, sum)
        })),
    });
    open.flatten().collect()
}

/// What a record is about, as `deal D-17`, `course sales-101`: what a partner knows it by. `None` where its type says it all.
pub fn about(record: &Record) -> Option<String> {
    let kind = record.happened()?;
    let of_redemption = |kind: &Kind| kind.redemption_id().map(|id| format!("redemption {id}"));
    let of_deal = |kind: &Kind| kind.deal_id().map(|id| format!("deal {id}"));
    let of_payout = |kind: &Kind| kind.payout_id().map(|id| format!("payout {id}"));
    match &kind {
        Kind::CourseCompleted { course_id, .. } => Some(format!("course {course_id}")),
        Kind::ContentViewed { content_id, .. } => Some(format!("content {content_id}")),
        Kind::CertificationGranted { certification_id, .. } | Kind::CertificationExpired { certification_id, .. } => {
            Some(format!("certification {certification_id}"))
        }
        kind => of_deal(kind).or_else(|| of_redemption(kind)).or_else(|| of_payout(kind)),
    }
}

/// Whether an award is held for its looks (M40).
fn is_suspected(record: &Record, posting: &Posting) -> bool {
    let is_it =
        |effect: &Effect| matches!(effect, Effect::Suspected { rule, .. } if posting.rule.as_ref() == Some(rule));
    record.effects.iter().any(is_it)
}

/// What a movement is, in a sentence without its amount's sign: `500 points for deal D-17 by "closed" (every sale counts), until the
/// end of 2028-03`. The rule is told with the vendor's own reason, where the program is known and gives one.
pub fn movement(record: &Record, posting: &Posting, program: Option<&Program>) -> String {
    let about = about(record).map(|about| format!(" for {about}")).unwrap_or_default();
    let why = |id| program.and_then(|program| program.rules.get(id)).and_then(|rule| rule.why.as_deref());
    let rule = posting.rule.as_ref().map_or_else(String::new, |id| match why(id) {
        Some(why) => format!(" by \"{id}\" ({why}){}", trued_up(record, id)),
        None => format!(" by \"{id}\"{}", trued_up(record, id)),
    });
    let amount = posting.asset.told(posting.amount);
    match (posting.kind, posting.from, posting.to) {
        (PostingKind::Accrual, _, Bucket::Expired(_)) => format!("{amount}{about}{rule}, in a lot that has run out"),
        (PostingKind::Accrual, _, Bucket::Pending { release, .. }) if is_suspected(record, posting) => {
            let until = if release == someday() { String::new() } else { format!("until {release} or ") };
            format!("{amount}{about}{rule}, held {until}until somebody has looked at it")
        }
        (PostingKind::Accrual, _, Bucket::Pending { release, .. }) if release == someday() => {
            format!("{amount}{about}{rule}, payable once the customer has paid")
        }
        (PostingKind::Release, _, Bucket::Pending { release, .. }) => {
            format!("{amount}{about}{rule}: the customer paid, payable from {release} on")
        }
        (PostingKind::Accrual, _, Bucket::Pending { release, .. }) => {
            format!("{amount}{about}{rule}, yours from {release} on")
        }
        (PostingKind::Accrual, _, to) => format!("{amount}{about}{rule}{}", lives(to)),
        (PostingKind::Netting, Bucket::Program, _) => format!("{amount}{about}{rule}, against what was owed"),
        (PostingKind::Netting, ..) => format!("{amount} against what was owed"),
        (PostingKind::Release, ..) if !posting.asset.is_points() => format!("{amount} of commission is payable now"),
        (PostingKind::Release, _, to) => format!("{amount} are yours now{}", lives(to)),
        (PostingKind::Expiry, ..) => format!("{amount} ran out unspent"),
        (PostingKind::Reversal, Bucket::Owed, _) => {
            let gone = if posting.asset.is_points() { "spent" } else { "paid, or on its way," };
            format!("{amount} taken back{about}{rule}: {gone} before, and owed now")
        }
        (PostingKind::Reversal, Bucket::Expired(_), _) => {
            format!("{amount} taken back{about}{rule}, of what had run out")
        }
        (PostingKind::Reversal, ..) => format!("{amount} taken back{about}{rule}"),
        (PostingKind::Reservation, _, Bucket::InPayout(run)) => {
            format!("{amount} on its way to you, in the run of {run}{}", withheld(record))
        }
        (PostingKind::Reservation, ..) => format!("{amount} set aside{about}"),
        (PostingKind::Redemption, ..) => format!("{amount} spent{about}"),
        (PostingKind::Payout, ..) if program.is_some_and(|program| program.payouts.withholding.is_some()) => {
            format!("{amount} paid out{about}, less what was withheld of it")
        }
        (PostingKind::Payout, ..) => format!("{amount} paid out{about}"),
        (PostingKind::Cancellation, Bucket::InPayout(run) | Bucket::Paid(run), _) => {
            format!("{amount} came back from the run of {run}, and is payable again")
        }
        (PostingKind::Cancellation, _, to) => format!("{amount} given back{about}{}", lives(to)),
    }
}

/// What of a payout is not sent: `; 180.00 USD of it is withheld`.
fn withheld(record: &Record) -> String {
    match record.happened() {
        Some(Kind::PayoutReserved { withheld: Some(withheld), .. }) => format!("; {withheld} of it is withheld"),
        _ => String::new(),
    }
}

/// By what a rule was trued up: `, trued up: 1.25 times for 120% of the acv target of 2026`.
fn trued_up(record: &Record, rule: &RuleId) -> String {
    let times = record.trials.iter().filter(|trial| trial.rule == *rule).find_map(|trial| match &trial.verdict {
        Verdict::TruedUp { times, .. } => Some(times),
        _ => None,
    });
    let told = |times: &Vec<(String, Decimal)>| {
        let times: Vec<String> = times.iter().map(|(name, by)| format!("{by} times for {name}")).collect();
        if times.is_empty() { ", trued up".to_owned() } else { format!(", trued up: {}", times.join(", ")) }
    };
    times.map(told).unwrap_or_default()
}

/// Until when what is in a lot may be spent.
fn lives(bucket: Bucket) -> String {
    match bucket {
        Bucket::Available(lot) if lot < never() => format!(", until the end of {lot}"),
        Bucket::Available(_)
        | Bucket::Program
        | Bucket::Pending { .. }
        | Bucket::Reserved(_)
        | Bucket::Owed
        | Bucket::InPayout(_)
        | Bucket::Paid(_)
        | Bucket::Expired(_) => String::new(),
    }
}
