//! The invariants over histories, one checker each, for tests and for the audit of a live table; and what records add up to.
//!
//! A checker says what it found; nothing means the invariant holds.

mod rebuild;

pub use rebuild::{Shared, rebuild, rebuild_redemptions, rebuild_shared, rebuild_shared_of};

use std::collections::{BTreeMap, BTreeSet};

use event::ids::{DealId, RuleId};
use program::Programs;

use crate::ledger::packed;
use crate::ledger::{Account, Asset, Balance, PostingKind, Record, Release};
use crate::redemption::Redemption;

/// I1, I2, I5, I9, I11, I14, I15, I21 over one partner's records in the order of their positions.
pub fn check_records(records: &[Record], programs: &Programs) -> Vec<String> {
    let mut found = Vec::new();
    let mut sums: BTreeMap<Asset, i64> = BTreeMap::new();
    let mut awards = BTreeSet::new();
    for (at, record) in records.iter().enumerate() {
        let place = format!("#{} {}", record.position, record.identity.id);
        if record.position != at as u64 + 1 {
            found.push(format!("I9: {place} stands at place {}", at + 1));
        }
        for posting in &record.postings {
            *sums.entry(posting.asset).or_default() += posting.sum();
        }
        let sum = sums.get(&Asset::Points).copied().unwrap_or(0);
        if record.after.total() != sum {
            found.push(format!("I1: {place}: the balance is {}, the entries sum to {sum}", record.after.total()));
        }
        let Balance { available, pending, reserved, owed } = record.after;
        if available < 0 || pending < 0 || reserved < 0 || owed < 0 {
            found.push(format!("I5: {place}: {:?}", record.after));
        }
        for posting in &record.postings {
            if posting.amount <= 0 {
                found.push(format!("I15: {place}: a posting of {}", posting.amount));
            }
            // What corrects an earlier award may come back in parts, to where each was.
            let accrual = posting.kind == PostingKind::Accrual && posting.corrects.is_none();
            if accrual && !awards.insert((record.identity.clone(), posting.rule.clone(), posting.to.to_string())) {
                found.push(format!("I2: {place}: a second award by {:?}", posting.rule));
            }
        }
        let published = |number, hash: &str| programs.number(number).is_some_and(|v| v.hash.starts_with(hash));
        let earned = record.earned_by.as_ref().is_none_or(|v| published(v.number, &v.hash));
        if !earned || !published(record.decided_by, "") {
            found.push(format!("I11: {place} names no published version"));
        }
        let by = [record.decided_by, record.version()];
        if !record.partner.is_internal() && by.iter().any(|number| programs.is_withdrawn(*number)) {
            found.push(format!("I11: {place} was decided by a version that was withdrawn"));
        }
    }
    found.extend(check_reversals(records));
    found
}

/// I14: what corrects an award names a record that is there and never exceeds what its deal was awarded by that rule.
fn check_reversals(records: &[Record]) -> Vec<String> {
    let deals: Vec<Option<DealId>> = records.iter().map(|r| r.happened()?.deal_id().cloned()).collect();
    let mut taken: BTreeMap<(u64, &RuleId, Asset), i64> = BTreeMap::new();
    let corrections = records.iter().flat_map(|r| &r.postings).filter(|p| p.kind == PostingKind::Reversal);
    for posting in corrections {
        if let (Some(position), Some(rule)) = (posting.corrects, &posting.rule) {
            *taken.entry((position, rule, posting.asset)).or_default() += posting.amount;
        }
    }
    let mut found = Vec::new();
    for ((position, rule, asset), taken) in taken {
        let Some(at) = records.iter().position(|record| record.position == position) else {
            found.push(format!("I14: what corrects #{position} corrects nothing"));
            continue;
        };
        // A deal that was amended upward has more than one award; together they bound what is taken back.
        let same =
            (0..records.len()).filter(|other| *other == at || (deals[at].is_some() && deals[*other] == deals[at]));
        let awarded: i64 = same
            .flat_map(|other| &records[other].postings)
            .filter(|p| p.is_award() && p.asset == asset && p.rule.as_ref() == Some(rule))
            .map(|p| p.amount)
            .sum();
        if taken > awarded {
            let (taken, awarded) = (asset.told(taken), asset.amount(awarded));
            found.push(format!("I14: {taken} of {awarded} of #{position} by {rule} were taken back"));
        }
    }
    found
}

/// I6: every redemption stands where its records left it, and none is there without them.
pub fn check_redemptions(stored: &[Redemption], records: &[Record]) -> Vec<String> {
    let (mut rebuilt, mut found) = rebuild_redemptions(records);
    for redemption in stored {
        let word = rebuilt.remove(&redemption.id).map_or("nothing", |r| r.status.word());
        if word != redemption.status.word() {
            let status = redemption.status.word();
            found.push(format!("I6: redemption {}: stored {status}, its records say {word}", redemption.id));
        }
    }
    found.extend(rebuilt.into_keys().map(|id| format!("I6: redemption {id} is recorded and not stored")));
    found
}

/// I10: the stored account is what its records add up to; I5: what is held for its looks is pending (M40).
pub fn check_account(stored: &Account, rebuilt: &Account) -> Vec<String> {
    // Items that were loaded and never touched are empty; they are not stored.
    let solid = |account: &Account| {
        let mut account = account.clone();
        account.measures.retain(|_, quarter| !quarter.is_empty());
        account.holders.retain(|_, held| !held.is_empty());
        account
    };
    let (stored, rebuilt) = (solid(stored), solid(rebuilt));
    let mut found = Vec::new();
    let mut compare = |what: &str, same: bool, stored: String, rebuilt: String| {
        if !same {
            found.push(format!("I10: {what}: stored {stored}, the records add up to {rebuilt}"));
        }
    };
    let (old, new) = (&stored.head, &rebuilt.head);
    compare("the position", old.position == new.position, old.position.to_string(), new.position.to_string());
    let (before, after) = (stored.balance(), rebuilt.balance());
    compare("the balance", before == after, format!("{before:?}"), format!("{after:?}"));
    if before == after && old.position == new.position {
        compare("the head", old == new, format!("{old:?}"), format!("{new:?}"));
    }
    let (p, q) = (&stored.profile, &rebuilt.profile);
    compare("the profile", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.courses, &rebuilt.courses);
    compare("courses", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.holders, &rebuilt.holders);
    compare("certificates", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.pending, &rebuilt.pending);
    compare("held points", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.measures, &rebuilt.measures);
    compare("measures", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.frequency, &rebuilt.frequency);
    compare("frequency counts", p == q, format!("{p:?}"), format!("{q:?}"));
    let mut held: BTreeMap<Release, i64> = BTreeMap::new();
    for one in &stored.profile.suspects {
        *held.entry(one.release).or_default() += one.points;
    }
    let pending = |release: &Release| stored.pending.get(&Asset::Points).and_then(|held| held.get(release)).copied();
    for (release, points) in held.iter().filter(|(release, points)| pending(release).unwrap_or(0) < **points) {
        found.push(format!("I5: {points} points are held for their looks until {}, and less is pending", release.day));
    }
    // Whatever was not named above: the same, byte for byte.
    if found.is_empty()
        && (packed::head(&stored), packed::parts(&stored)) != (packed::head(&rebuilt), packed::parts(&rebuilt))
    {
        let (stored, rebuilt) = (packed::parts(&stored), packed::parts(&rebuilt));
        found.push(format!("I10: stored {stored:?}, the records add up to {rebuilt:?}"));
    }
    found
}
