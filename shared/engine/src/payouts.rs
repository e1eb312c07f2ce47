//! Payouts: what partners may have is set aside, partner by partner, so that a run that was cut short goes on where it was (M10).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::decide::PAYOUTS_MAX;
use domain::ledger::{Account, Asset, Bucket, Membership, Posting, Record};
use domain::payout::{self, Terms};
use event::ids::{PartnerId, ProgramId};
use event::money::{Money, minor_units, parse_currency};
use event::payout::{PayoutId, PayoutRun};
use event::{Event, Kind};
use jiff::civil::Date;
use program::{Program, Programs, Version};
use store::patience::Patience;
use store::{Store, StoreError, history};

use crate::load::{decided, load};
use crate::steps::{Step, catch_up, take};

/// So long a run waits before it looks again at what others were writing.
const BETWEEN: Duration = Duration::from_millis(100);

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
    /// Whom finance is to pay is not stated of the partner, or not what it withholds in a form that the program knows; what the partner
    /// has is kept for it (M47).
    NoPayee(i64),
    /// It was set aside in this run, and given up: another run pays it.
    GivenUp(i64),
    /// It was set aside in this run, and finance said what became of it.
    Ended(i64),
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
            | Payable::NoPayee(amount)
            | Payable::GivenUp(amount)
            | Payable::Ended(amount) => *amount,
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
    let named = named(store, programs, &program.id, partner, run).await?;
    let loaded = load(store, programs, partner, &[], now).await?;
    let decision = decided(store, programs, &loaded, now).await?;
    let account = &decision.state.account;
    let (mut found, mut since) = (Vec::new(), None);
    for currency in currencies(programs) {
        let (id, asset) = (PayoutId { run, currency }, Asset::Money(currency));
        if let Some(standing) = standing(account, id, named.get(&id)) {
            found.push((id, standing));
        } else if account.head.funds.contains_key(&asset) {
            if since.is_none() {
                since = Some(payable_since(store, &program.id, partner, run.until, &decision.records).await?);
            }
            let since = since.as_ref().and_then(|since| since.get(&asset)).copied().unwrap_or(0);
            found.push((id, judged(program, account, currency, since)?));
        }
    }
    Ok(found)
}

/// Every currency in which a partner may have been paid: those of the program's versions.
fn currencies(programs: &Programs) -> BTreeSet<&'static str> {
    let of_version = |version: &Version| {
        let own = std::iter::once(version.program.currency.clone());
        own.chain(version.program.rates.keys().cloned()).collect::<Vec<_>>()
    };
    let codes = programs.all().iter().flat_map(of_version);
    codes.filter_map(|code| parse_currency(&code).ok()).map(|currency| currency.code()).collect()
}

/// A payout that was set aside under its name.
struct Named {
    terms: Terms,
    amount: i64,
    given_up: bool,
}

/// The payouts of a run that were set aside. Read before the account is: what stands there then, the account knows.
async fn named(
    store: &Store,
    programs: &Programs,
    program: &ProgramId,
    partner: &PartnerId,
    run: PayoutRun,
) -> Result<BTreeMap<PayoutId, Named>, StoreError> {
    let mut all = BTreeMap::new();
    for currency in currencies(programs) {
        let id = PayoutId { run, currency };
        let Some(record) = history::record(store, &payout::reserved(program, partner, id)).await? else { continue };
        let given_up = history::record(store, &payout::cancelled(program, partner, id)).await?.is_some();
        let Some(terms) = terms_of(&record) else { continue };
        all.insert(id, Named { terms, amount: reserved(&record), given_up });
    }
    Ok(all)
}

/// What became of a payout, if there was one of this name.
fn standing(account: &Account, id: PayoutId, named: Option<&Named>) -> Option<Payable> {
    let open = account.head.funds(Asset::Money(id.currency)).payouts.get(&id.run);
    match (open, named) {
        (Some(amount), _) => Some(Payable::Stands(*amount)),
        (None, Some(Named { amount, given_up: true, .. })) => Some(Payable::GivenUp(*amount)),
        (None, Some(Named { amount, given_up: false, .. })) => Some(Payable::Ended(*amount)),
        (None, None) => None,
    }
}

/// How a record has a payout paid.
fn terms_of(record: &Record) -> Option<Terms> {
    match record.happened()? {
        Kind::PayoutReserved { amount, payee, withheld, .. } => Some(Terms { amount, payee, withheld }),
        _ => None,
    }
}

/// What a record set aside to be paid.
fn reserved(record: &Record) -> i64 {
    let aside = record.postings.iter().filter(|posting| matches!(posting.to, Bucket::InPayout(_)));
    aside.map(|posting| posting.amount).sum()
}

/// # Errors
/// [`StoreError::Unsound`]: what is stated of the partner was not loaded.
fn judged(program: &Program, account: &Account, currency: &'static str, since: i64) -> Result<Payable, StoreError> {
    let funds = account.head.funds(Asset::Money(currency));
    let available = funds.balance().available;
    let payable = available.min(available.saturating_sub(since)).min(Money::minor_units_max(currency));
    if payable <= 0 {
        return Ok(Payable::Nothing);
    }
    if account.head.membership() == Membership::Suspended {
        return Ok(Payable::Suspended(payable));
    }
    if payable < minimum(program, currency) {
        return Ok(Payable::BelowMinimum(payable));
    }
    if funds.payouts.len() >= PAYOUTS_MAX {
        return Ok(Payable::TooMany(payable));
    }
    let terms = terms(program, account, (payable, currency))?;
    Ok(terms.map_or(Payable::NoPayee(payable), |_| Payable::Pays(payable)))
}

/// How so much is paid to a partner; none where whom finance is to pay is not stated of it.
fn terms(
    program: &Program,
    account: &Account,
    (amount, currency): (i64, &'static str),
) -> Result<Option<Terms>, StoreError> {
    let amount = Money::of_minor_units(amount, currency).map_err(|error| StoreError::Refused(error.to_string()))?;
    Ok(payout::terms(program, account, amount)?)
}

/// The least that the program pays out in a currency; without a rate whatever there is.
fn minimum(program: &Program, currency: &str) -> i64 {
    let rate = program.rate(currency).filter(|rate| !rate.is_zero());
    let least = program.payouts.minimum.zip(rate).and_then(|(least, rate)| least.checked_div(rate));
    least.and_then(|least| minor_units(least, currency)).unwrap_or(0)
}

/// What became payable after a day, in each currency, whatever was taken out since: what leaves draws on what was there first. What was
/// due by that day became payable on it, whenever that was written; what came back from a payout had been payable before.
async fn payable_since(
    store: &Store,
    program: &ProgramId,
    partner: &PartnerId,
    until: Date,
    unwritten: &[Record],
) -> Result<BTreeMap<Asset, i64>, StoreError> {
    let mut sums = BTreeMap::<Asset, i64>::new();
    let mut add = |record: &Record| {
        let was_due = record.booked <= until && matches!(record.happened(), Some(Kind::CommissionReleased { .. }));
        let new = |posting: &&Posting| {
            !was_due
                && matches!(posting.to, Bucket::Available(_))
                && !matches!(posting.from, Bucket::InPayout(_) | Bucket::Paid(_))
        };
        for posting in record.postings.iter().filter(new) {
            let sum = sums.entry(posting.asset).or_default();
            *sum = sum.saturating_add(posting.amount);
        }
    };
    unwritten.iter().for_each(&mut add);
    let mut before = None;
    loop {
        let page = history::page(store, program, partner, before, PAGE).await?;
        for record in &page.items {
            if record.on <= until {
                return Ok(sums);
            }
            add(record);
        }
        let Some(next) = page.next else { return Ok(sums) };
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
            let Some(event) = reserve(store, programs, partner, (id, amount)).await? else {
                moved = true;
                continue;
            };
            match take(store, programs, &event, patience, |_| ()).await {
                Ok(Step::Recorded(_)) => done.extend([(id, payable)]),
                Ok(Step::Existing(record)) => done.extend([(id, Payable::Stands(reserved(&record)))]),
                Ok(Step::Moot(_)) => moved = true,
                Err(error) if error.is_transient() => moved = true,
                Err(error) => return Err(error),
            }
        }
        if !moved {
            return Ok(done.into_iter().collect());
        }
        store.clock().sleep(BETWEEN).await;
    }
    Err(StoreError::Contention)
}

/// The step that sets so much of a currency aside.
async fn reserve(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    (id, amount): (PayoutId, i64),
) -> Result<Option<Event>, StoreError> {
    let now = store.clock().now();
    let programs = &store::programs::at(store, programs, now).await?;
    let program = &programs.current(now).program;
    let account = load(store, programs, partner, &[], now).await?.state.account;
    let terms = terms(program, &account, (amount, id.currency))?;
    Ok(terms.map(|terms| payout::reserve(&program.id, partner, id, terms, now)))
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

/// A payout of a run, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRun {
    /// Its name.
    pub id: PayoutId,
    /// What became of it.
    pub became: Payable,
    /// How it is paid, as was stated when it was set aside.
    pub terms: Terms,
}

/// The payouts of a partner in a run, whatever became of them.
///
/// # Errors
/// Every [`StoreError`].
pub async fn of_run(
    store: &Store,
    programs: &Programs,
    partner: &PartnerId,
    run: PayoutRun,
) -> Result<Vec<OfRun>, StoreError> {
    let now = store.clock().now();
    let programs = &store::programs::at(store, programs, now).await?;
    let mut named = named(store, programs, &programs.current(now).program.id, partner, run).await?;
    let account = load(store, programs, partner, &[], now).await?.state.account;
    let ids = currencies(programs).into_iter().map(|currency| PayoutId { run, currency });
    let of_run = ids.filter_map(|id| {
        let became = standing(&account, id, named.get(&id))?;
        Some(OfRun { id, became, terms: named.remove(&id)?.terms })
    });
    Ok(of_run.collect())
}
