//! The invariants, one checker each. A checker says what it found; nothing means it holds.

use std::collections::BTreeSet;

use domain::account::{Account, Balance};
use domain::ledger::{Posting, PostingKind, Record};
use domain::program::Programs;

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
    let deal = |r: &Record| {
        domain::json::Json::parse(&r.data).ok().and_then(|d| d.get("deal_id").map(domain::json::Json::plain))
    };
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

/// I10: the account is what its records add up to.
pub fn check_account(stored: &Account, records: &[Record]) -> Vec<String> {
    let mut rebuilt = Account::default();
    for record in records {
        if let Err(error) = rebuilt.apply(record) {
            return vec![format!("I10: record #{} does not apply: {error}", record.position)];
        }
    }
    // Items that were loaded and never touched are empty; they are not stored.
    let solid = |account: &Account| {
        let mut account = account.clone();
        account.measures.retain(|_, year| !year.is_empty());
        account.frequency.retain(|_, counts| !counts.is_empty());
        account
    };
    let (stored, rebuilt) = (solid(stored), solid(&rebuilt));
    if stored == rebuilt { vec![] } else { vec![format!("I10: stored {stored:#?}\nrebuilt {rebuilt:#?}")] }
}
