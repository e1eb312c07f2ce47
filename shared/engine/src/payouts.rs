//! Payouts: what partners may have is set aside, partner by partner, so that a run that was cut short goes on where it was (M10).

use std::collections::BTreeMap;

use domain::decide::PAYOUTS_MAX;
use domain::ledger::{Account, Asset, Bucket, Membership, Record};
use domain::payout;
use event::Event;
use event::ids::{PartnerId, ProgramId};
use event::money::{Money, minor_units};
use event::payout::{PayoutId, PayoutRun};
use jiff::civil::Date;
use program::{Program, Programs};
use store::patience::Patience;
use store::{Store, StoreError, history};

use crate::load::{decided, load};
use crate::steps::{Step, catch_up, take};

/// Records that are read at once where what is payable is looked for.
const PAGE: usize = 200;

/// What a run does with what a partner has in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payable {
    /// It is set aside, or would be.
    Pays(i64),
    /// It was set aside in this run before.
    Stands(i64),
    /// It is carried forward: less than the program pays out.
    BelowMinimum(i64),
    /// Nothing is payable.
    Nothing,
    /// The partner is suspended; what it has is kept for it.
    Suspended(i64),
    /// Too many payouts of the partner are on their way.
    TooMany(i64),
    /// It was set aside in this run, and given up: another run pays it.
    GivenUp(i64),
}

impl Payable {
    /// How much it is about, in minor units.
    pub fn amount(&self) -> i64 {
        match self {
            Payable::Nothing => 0,
            Payable::Pays(amount)
            | Payable::Stands(amount)
            | Payable::BelowMinimum(amount)
            | Payable::Suspended(amount)
            | Payable::TooMany(amount)
            | Payable::GivenUp(amount) => *amount,
        }
    }
}

/// What a run pays a partner in each currency, looked at only.
///
/// # Errors
/// Every [`StoreError`].
pub async fn look(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    run: PayoutRun,
) -> Result<Vec<(PayoutId, Payable)>, StoreError> {
    let now = store.clock().now();
    let programs = &store::programs::at(store, programs, now).await?;
    let program = &programs.current(now).program;
    let loaded = load(store, programs, partner, &[], now).await?;
    let account = decided(store, programs, &loaded, now).await?.state.account;
    let mut found = Vec::new();
    for asset in account.head.funds.keys().copied() {
        let Asset::Money(currency) = asset else { continue };
        let id = PayoutId { run, currency };
        let before = history::record(store, &payout::reserved(&program.id, partner, id)).await?;
        let payable = match before {
            Some(record) => {
                let given_up = history::record(store, &payout::cancelled(&program.id, partner, id)).await?.is_some();
                let amount = reserved(&record);
                if given_up { Payable::GivenUp(amount) } else { Payable::Stands(amount) }
            }
            None => {
                let since = since(store, &program.id, partner, (asset, run.until)).await?;
                judged(program, &account, asset, since)
            }
        };
        found.push((id, payable));
    }
    Ok(found)
}

/// What a record set aside to be paid.
fn reserved(record: &Record) -> i64 {
    let aside = record.postings.iter().filter(|posting| matches!(posting.to, Bucket::InPayout(_)));
    aside.map(|posting| posting.amount).sum()
}

fn judged(program: &Program, account: &Account, asset: Asset, since: i64) -> Payable {
    let funds = account.head.funds(asset);
    let available = funds.balance().available;
    let payable = available.min(available.saturating_sub(since));
    if payable <= 0 {
        return Payable::Nothing;
    }
    if account.head.membership() == Membership::Suspended {
        return Payable::Suspended(payable);
    }
    if payable < minimum(program, asset) {
        return Payable::BelowMinimum(payable);
    }
    if funds.payouts.len() >= PAYOUTS_MAX { Payable::TooMany(payable) } else { Payable::Pays(payable) }
}

/// The least that the program pays out of an asset; in a currency without a rate whatever there is.
fn minimum(program: &Program, asset: Asset) -> i64 {
    let Asset::Money(currency) = asset else { return 0 };
    let rate = program.rate(currency).filter(|rate| !rate.is_zero());
    let least = program.payouts.minimum.zip(rate).and_then(|(least, rate)| least.checked_div(rate));
    least.and_then(|least| minor_units(least, currency)).unwrap_or(0)
}

/// What became payable after a day, less what was taken out since.
async fn since(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    (asset, until): (Asset, Date),
) -> Result<i64, StoreError> {
    let (mut before, mut sum) = (None, 0_i64);
    loop {
        let page = history::page(store, program, partner, before, PAGE).await?;
        for record in &page.items {
            if record.on <= until {
                return Ok(sum);
            }
            for posting in record.postings.iter().filter(|posting| posting.asset == asset) {
                let is_payable = |bucket: Bucket| i64::from(matches!(bucket, Bucket::Available(_)));
                sum = sum.saturating_add(posting.amount * (is_payable(posting.to) - is_payable(posting.from)));
            }
        }
        let Some(next) = page.next else { return Ok(sum) };
        before = Some(next);
    }
}

/// Sets aside what a run pays a partner, in each currency; a run that is made again changes nothing that stands.
///
/// # Errors
/// Every [`StoreError`]; [`StoreError::Contention`] when what is payable kept moving until patience ended.
pub async fn run(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    run: PayoutRun,
    patience: Patience,
) -> Result<Vec<(PayoutId, Payable)>, StoreError> {
    catch_up(store, programs, partner, patience).await?;
    let mut done = BTreeMap::new();
    // What was taken back, or set aside by somebody else, between the look and the step is looked at again.
    while !patience.is_over(store.clock()) {
        let mut moved = false;
        for (id, payable) in look(store, programs, partner, run).await? {
            let Payable::Pays(amount) = payable else {
                done.entry(id).or_insert(payable);
                continue;
            };
            match take(store, programs, &reserve(store, programs, partner, id, amount), patience, |_| ()).await? {
                Step::Recorded(_) => done.extend([(id, payable)]),
                Step::Existing(record) => done.extend([(id, Payable::Stands(reserved(&record)))]),
                Step::Moot(_) => moved = true,
            }
        }
        if !moved {
            return Ok(done.into_iter().collect());
        }
    }
    Err(StoreError::Contention)
}

/// The step that sets so much of a currency aside.
fn reserve(store: &Store, programs: &Programs, partner: &PartnerId, id: PayoutId, amount: i64) -> Event {
    let now = store.clock().now();
    payout::reserve(&programs.current(now).program.id, partner, id, Money::of_minor_units(amount, id.currency), now)
}

/// A payout that is on its way, and how much of it.
pub type Open = (PayoutId, i64);

/// The payouts of a partner that are on their way.
///
/// # Errors
/// Every [`StoreError`].
pub async fn open(store: &Store, programs: &Programs, partner: &PartnerId) -> Result<Vec<Open>, StoreError> {
    let now = store.clock().now();
    let programs = &store::programs::at(store, programs, now).await?;
    let loaded = load(store, programs, partner, &[], now).await?;
    let funds = loaded.state.account.head.funds.iter();
    let of = funds.filter_map(|(asset, funds)| match asset {
        Asset::Points => None,
        Asset::Money(currency) => {
            Some(funds.payouts.iter().map(|(run, amount)| (PayoutId { run: *run, currency }, *amount)))
        }
    });
    Ok(of.flatten().collect())
}

/// Gives a partner's payouts of a run up: what was set aside is payable again. How many that were.
///
/// # Errors
/// Every [`StoreError`].
pub async fn cancel(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    run: PayoutRun,
    patience: Patience,
) -> Result<Vec<Open>, StoreError> {
    let now = store.clock().now();
    let program = programs.current(now).program.id.clone();
    let mut given_up = Vec::new();
    for (id, amount) in open(store, programs, partner).await? {
        if id.run != run {
            continue;
        }
        let event = payout::cancel(&program, partner, id, now);
        if let Step::Recorded(_) = take(store, programs, &event, patience, |_| ()).await? {
            given_up.push((id, amount));
        }
    }
    Ok(given_up)
}

/// What became of a payout of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// On its way.
    Open,
    /// Given up before it was sent.
    GivenUp,
    /// It ended as finance says: paid, or returned.
    Ended,
}

/// The payouts of a partner in a run, whatever became of them: how much, and whether it is on its way still.
///
/// # Errors
/// Every [`StoreError`].
pub async fn of_run(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    run: PayoutRun,
) -> Result<Vec<(PayoutId, i64, Status)>, StoreError> {
    let now = store.clock().now();
    let programs = &store::programs::at(store, programs, now).await?;
    let program = programs.current(now).program.id.clone();
    let loaded = load(store, programs, partner, &[], now).await?;
    let mut found = Vec::new();
    for (asset, funds) in &loaded.state.account.head.funds {
        let Asset::Money(currency) = *asset else { continue };
        let id = PayoutId { run, currency };
        let Some(record) = history::record(store, &payout::reserved(&program, partner, id)).await? else { continue };
        let cancelled = payout::cancelled(&program, partner, id);
        let status = match funds.payouts.contains_key(&run) {
            true => Status::Open,
            false if history::record(store, &cancelled).await?.is_some() => Status::GivenUp,
            false => Status::Ended,
        };
        found.push((id, reserved(&record), status));
    }
    Ok(found)
}
