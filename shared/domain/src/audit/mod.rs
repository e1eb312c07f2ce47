//! The invariants over one partner's history, one checker each, for tests and for the audit of a live table.
//!
//! A checker says what it found; nothing means the invariant holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ledger::Outcome;
use crate::ledger::{Account, Balance};
use crate::ledger::{Effect, Posting, PostingKind, Record};
use crate::redemption::{Redemption, Status};
use event::Kind;
use event::ids::RedemptionId;
use event::json::Json;
use program::Programs;

/// I1, I2, I5, I9, I11, I14, I15, I19 over one partner's records in the order of their positions.
pub fn check_records(records: &[Record], programs: &Programs) -> Vec<String> {
    let mut found = Vec::new();
    let mut sum = 0_i64;
    let mut awards = BTreeSet::new();
    for (at, record) in records.iter().enumerate() {
        let place = format!("#{} {}", record.position, record.identity.id);
        if record.position != at as u64 + 1 {
            found.push(format!("I9: {place} stands at place {}", at + 1));
        }
        sum += record.postings.iter().map(Posting::sum).sum::<i64>();
        if record.after.total() != sum {
            found.push(format!("I1: {place}: the balance is {}, the entries sum to {sum}", record.after.total()));
        }
        let Balance { available, pending, reserved, owed } = record.after;
        if available < 0 || pending < 0 || reserved < 0 || owed < 0 {
            found.push(format!("I5: {place}: {:?}", record.after));
        }
        for posting in &record.postings {
            if posting.points <= 0 {
                found.push(format!("I15: {place}: a posting of {} points", posting.points));
            }
            let accrual = posting.kind == PostingKind::Accrual;
            if accrual && !awards.insert((record.identity.clone(), posting.rule.clone(), posting.to.to_string())) {
                found.push(format!("I2: {place}: a second award by {:?}", posting.rule));
            }
        }
        let known = record.version == 0
            || programs.number(record.version).is_some_and(|v| v.hash.starts_with(&record.program_hash));
        if !known {
            found.push(format!("I11: {place} names no published version"));
        }
    }
    found.extend(check_reversals(records));
    found
}

/// I14: what corrects an award names a record that is there and never exceeds what its deal was awarded by that rule.
fn check_reversals(records: &[Record]) -> Vec<String> {
    let deal = |r: &Record| Json::parse(&r.data).ok().and_then(|d| d.get("deal_id").map(Json::plain));
    let mut found = Vec::new();
    for record in records {
        let rules: BTreeSet<_> =
            record.postings.iter().filter(|p| is_award(p)).filter_map(|p| p.rule.clone()).collect();
        for rule in rules {
            // A deal that was amended upward has more than one award; together they bound what is taken back.
            let this = deal(record);
            let same = records.iter().filter(|r| r.position == record.position || (this.is_some() && deal(r) == this));
            let awarded: i64 = same
                .flat_map(|r| &r.postings)
                .filter(|p| is_award(p) && p.rule.as_ref() == Some(&rule))
                .map(|p| p.points)
                .sum();
            let corrections = records
                .iter()
                .flat_map(|r| &r.postings)
                .filter(|p| p.corrects == Some(record.position) && p.rule.as_ref() == Some(&rule));
            let taken: i64 = corrections.map(|p| p.points).sum();
            if taken > awarded {
                found.push(format!(
                    "I14: {taken} of {awarded} points of #{} by {rule} were taken back",
                    record.position
                ));
            }
        }
    }
    found
}

fn is_award(posting: &Posting) -> bool {
    posting.rule.is_some() && posting.corrects.is_none()
}

/// I6: every redemption stands where its records left it, and none is there without them.
pub fn check_redemptions(stored: &[Redemption], records: &[Record]) -> Vec<String> {
    let mut recorded: BTreeMap<RedemptionId, Status> = BTreeMap::new();
    for record in records.iter().filter(|r| r.outcome == Outcome::Applied) {
        let (id, status) = match record.happened() {
            Some(Kind::RedemptionRequested { redemption_id, .. }) => (redemption_id, Status::Reserved),
            Some(Kind::RedemptionOrdering { redemption_id }) => (redemption_id, Status::Ordering),
            Some(Kind::RedemptionFulfilled { redemption_id }) => (redemption_id, Status::Fulfilled),
            Some(Kind::RedemptionReleased { redemption_id, .. }) => (redemption_id, Status::Released),
            _ => continue,
        };
        let before = recorded.insert(id.clone(), status);
        if matches!(before, Some(Status::Fulfilled | Status::Released)) {
            return vec![format!("I6: redemption {id} moved on after it was {}", before.map_or("", Status::word))];
        }
    }
    let mut found = Vec::new();
    for redemption in stored {
        let word = recorded.remove(&redemption.id).map_or("nothing", Status::word);
        if word != redemption.status.word() {
            let status = redemption.status.word();
            found.push(format!("I6: redemption {}: stored {status}, its records say {word}", redemption.id));
        }
    }
    found.extend(recorded.into_keys().map(|id| format!("I6: redemption {id} is recorded and not stored")));
    found
}

/// The account that the records add up to (I10). Frequency counts that nobody has touched for longer than `kept` before
/// `now` are left out: the table drops them.
///
/// # Errors
/// What does not apply, as a finding.
pub fn rebuild(records: &[Record], now: Timestamp, kept: SignedDuration) -> Result<Account, String> {
    let mut account = Account::default();
    let mut touched = BTreeMap::new();
    for record in records {
        let applied = account.apply(record);
        applied.map_err(|error| format!("I10: record #{} does not apply: {error}", record.position))?;
        for effect in &record.effects {
            if let Effect::Frequency { item, .. } = effect {
                touched.insert(item.clone(), record.decided_at);
            }
        }
    }
    let since = now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
    account.frequency.retain(|key, _| key.period == "ever" || touched.get(key).is_none_or(|at| *at >= since));
    Ok(account)
}

/// I10: the stored account is what its records add up to.
pub fn check_account(stored: &Account, rebuilt: &Account) -> Vec<String> {
    // Items that were loaded and never touched are empty; they are not stored.
    let solid = |account: &Account| {
        let mut account = account.clone();
        account.measures.retain(|_, year| !year.is_empty());
        account.frequency.retain(|_, counts| !counts.is_empty());
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
    let (p, q) = (&stored.pending, &rebuilt.pending);
    compare("held points", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.measures, &rebuilt.measures);
    compare("measures", p == q, format!("{p:?}"), format!("{q:?}"));
    let (p, q) = (&stored.frequency, &rebuilt.frequency);
    compare("frequency counts", p == q, format!("{p:?}"), format!("{q:?}"));
    found
}
