//! After every write: what one record, or the items of one transaction, must be like.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use domain::deal::Opportunity;
use domain::ledger::record_key;
use domain::ledger::{Asset, Bucket, Effect, Pool, PoolOf, Posting, PostingKind, Reason, Record, Trial, Verdict};
use domain::outbox::outbound;
use event::Kind;
use event::ids::{Identity, ProgramId};
use event::period::{Period, TargetPeriod};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use program::{PARTS_MAX, Program, Programs, Version};
use serde_json::Value;
use store::tables::keys;

use super::{CODE, Log, PERSON, is_hold, sort_key, status, whose};
use crate::aws::{LEDGER, STATE, WAITING};
use crate::table::item::{Item, KeyPart, attributes, number, size, text};
use crate::table::{Change, Dynamo};

/// No item of ours is larger, in bytes, but a version's file.
const ITEM_BYTES_MAX: usize = 6_000;

/// What a partner's records so far say.
#[derive(Debug, Default)]
pub(super) struct History {
    position: u64,
    sums: BTreeMap<Asset, i64>,
    buckets: BTreeMap<(Asset, Bucket), i64>,
    awards: BTreeSet<(String, String, String)>,
    /// Points that were ever set aside for redemptions.
    spent: i64,
    /// Of each record, the deal or the event that it is of.
    names: Vec<String>,
    /// By the record that gave and the rule: given and taken back, over all records of its deal.
    taken: BTreeMap<(String, String), [i64; 2]>,
}

/// What one record, after those before it, must be like.
pub(super) fn record(history: &mut History, record: &Record) -> Vec<(&'static str, Vec<String>)> {
    let found = vec![
        ("I9", i9_dense(history, record)),
        ("I1", i1_conserved(history, record)),
        ("I5", i5_no_overdraft(record)),
        ("I5", i5_owed_is_spent(history, record)),
        ("I15", i15_whole_amounts(record)),
        ("I21", i21_one_asset(record)),
        ("I19", i19_soonest_first(history, record)),
        ("I2", i2_awarded_once(history, record)),
        ("I14", i14_never_more_than_given(history, record)),
    ];
    history.position = record.position;
    found.into_iter().map(|(invariant, found)| (invariant, found.into_iter().collect())).collect()
}

fn place(record: &Record) -> String {
    format!("{} #{} {} {}", record.partner, record.position, record.kind, record.identity.id)
}

/// I9: positions are dense.
fn i9_dense(history: &History, record: &Record) -> Option<String> {
    let next = history.position + 1;
    (record.position != next).then(|| format!("{} stands at position {next}", place(record)))
}

/// I1: what a partner has is the sum of its entries.
fn i1_conserved(history: &mut History, record: &Record) -> Option<String> {
    for posting in &record.postings {
        *history.sums.entry(posting.asset).or_default() += posting.sum();
        for (bucket, by) in [(posting.from, -posting.amount), (posting.to, posting.amount)] {
            *history.buckets.entry((posting.asset, bucket)).or_default() += by;
        }
    }
    let sum = history.sums.get(&Asset::Points).copied().unwrap_or(0);
    let told = record.after.total();
    let mut sides = [0; 4];
    for ((_, bucket), amount) in history.buckets.iter().filter(|((asset, _), _)| *asset == Asset::Points) {
        match bucket {
            Bucket::Program | Bucket::Expired(_) | Bucket::Paid(_) => {}
            Bucket::Available(_) => sides[0] += amount,
            Bucket::Pending { .. } => sides[1] += amount,
            Bucket::Reserved(_) | Bucket::InPayout(_) => sides[2] += amount,
            Bucket::Owed => sides[3] -= amount,
        }
    }
    let after = [record.after.available, record.after.pending, record.after.reserved, record.after.owed];
    (told != sum || sides != after)
        .then(|| format!("{}: it says {after:?}, its entries {sides:?} and sum to {sum}", place(record)))
}

/// I5: nothing is below zero.
fn i5_no_overdraft(record: &Record) -> Option<String> {
    let after = [record.after.available, record.after.pending, record.after.reserved, record.after.owed];
    after.iter().any(|amount| *amount < 0).then(|| format!("{}: {after:?}", place(record)))
}

/// I5: nobody owes what was not spent. What went back to the partner after an order may have run out elsewhere than it came from.
fn i5_owed_is_spent(history: &mut History, record: &Record) -> Option<String> {
    let spends = |p: &&Posting| p.kind == PostingKind::Reservation && p.asset.is_points();
    history.spent += record.postings.iter().filter(spends).map(|p| p.amount).sum::<i64>();
    let (owed, spent) = (record.after.owed, history.spent);
    (owed > spent).then(|| format!("{}: {owed} are owed, and {spent} were ever spent", place(record)))
}

/// I15: amounts are whole and above zero.
fn i15_whole_amounts(record: &Record) -> Option<String> {
    let bad = record.postings.iter().find(|posting| posting.amount <= 0)?;
    Some(format!("{}: {bad}", place(record)))
}

/// I21: a posting moves its asset between its own buckets; no bucket but the program's and a debt is below zero.
fn i21_one_asset(record: &Record) -> Option<String> {
    let same = record.postings.iter().find(|posting| posting.from == posting.to)?;
    Some(format!("{}: {same}", place(record)))
}

/// I19: what is spent comes from the lot that ends first, and no lot gives more than it has.
fn i19_soonest_first(history: &mut History, record: &Record) -> Option<String> {
    let below = history.buckets.iter().find(|((_, bucket), amount)| {
        **amount < 0
            && matches!(
                bucket,
                Bucket::Available(_)
                    | Bucket::Pending { .. }
                    | Bucket::Reserved(_)
                    | Bucket::InPayout(_)
                    | Bucket::Paid(_)
                    | Bucket::Expired(_)
            )
    });
    if let Some(((asset, bucket), amount)) = below {
        return Some(format!("{}: {bucket} has {amount} {asset}", place(record)));
    }
    let spends = record.postings.iter().filter(|posting| posting.kind == PostingKind::Reservation);
    for posting in spends {
        let Bucket::Available(lot) = posting.from else { continue };
        let sooner = history.buckets.iter().find(|((asset, bucket), amount)| {
            *asset == posting.asset && **amount > 0 && matches!(bucket, Bucket::Available(other) if *other < lot)
        });
        if let Some(((_, bucket), amount)) = sooner {
            return Some(format!("{}: took of {lot} while {bucket} has {amount}", place(record)));
        }
    }
    None
}

/// I2: one award for each event and rule.
fn i2_awarded_once(history: &mut History, record: &Record) -> Option<String> {
    // What corrects an earlier award may come back in parts, to where each was.
    let awards = |posting: &&Posting| posting.kind == PostingKind::Accrual && posting.corrects.is_none();
    for posting in record.postings.iter().filter(awards) {
        let rule = posting.rule.as_ref().map(ToString::to_string).unwrap_or_default();
        if !history.awards.insert((record.identity.to_string(), rule, posting.to.to_string())) {
            return Some(format!("{}: a second award: {posting}", place(record)));
        }
    }
    None
}

/// I14: what is taken back names what it corrects, and is never more than was given for that deal by that rule.
fn i14_never_more_than_given(history: &mut History, record: &Record) -> Option<String> {
    let deal = record.happened().and_then(|kind| kind.deal_id().map(ToString::to_string));
    let name = deal.unwrap_or_else(|| record.identity.to_string());
    history.names.push(name.clone());
    let of_another = matches!(record.happened(), Some(Kind::AwardWithdrawn { .. }));
    for posting in &record.postings {
        let Some(rule) = &posting.rule else { continue };
        // What staff withdraw is of the event that they name.
        let corrected = posting.corrects.filter(|_| of_another).and_then(|at| usize::try_from(at).ok()?.checked_sub(1));
        let name = corrected.and_then(|at| history.names.get(at)).unwrap_or(&name).clone();
        let [given, taken] = history.taken.entry((name, rule.to_string())).or_default();
        if posting.kind == PostingKind::Reversal {
            *taken += posting.amount;
            if posting.corrects.is_none_or(|at| at == 0 || at >= record.position) {
                return Some(format!("{}: corrects nothing: {posting}", place(record)));
            }
        } else if posting.is_award() {
            *given += posting.amount;
        }
        if *taken > *given {
            return Some(format!("{}: {taken} of {given} by {rule} were taken back", place(record)));
        }
    }
    None
}

/// The versions of a program with the one that a record publishes, or without the one it withdraws.
pub(super) fn published(record: &Record, before: Option<&Programs>) -> Option<Programs> {
    let (effective_from, file, hash) = match record.happened()? {
        Kind::ProgramPublished { effective_from, file, content_hash, .. } => (effective_from, file, content_hash),
        Kind::ProgramWithdrawn { .. } => return before?.without(record.decided_by),
        _ => return None,
    };
    let program = Arc::new(Program::parse(&file.0).ok()?);
    let version = Version { number: record.decided_by, hash, effective_from, program };
    match before {
        Some(before) => Some(before.with(version)),
        None => Programs::new(vec![version]),
    }
}

/// I9, I3: nothing in the ledger is ever changed, so no event is counted a second time.
pub(super) fn i9_appended(changes: &[Change]) -> Vec<String> {
    let changed = changes.iter().filter(|change| change.table == LEDGER && change.old.is_some());
    changed.map(|change| format!("`{}` of the ledger was written again", change.key.0.text())).collect()
}

/// I27: no item grows without a bound.
pub(super) fn i27_bounded(changes: &[Change]) -> Vec<String> {
    let large = |change: &&Change| {
        let version =
            change.key.0.text().contains("#urn:laurel:program#") || change.key.0.text().starts_with("program");
        !version && change.new.as_ref().is_some_and(|item| size(item) > ITEM_BYTES_MAX)
    };
    let bytes = |change: &Change| change.new.as_ref().map_or(0, size);
    changes.iter().filter(large).map(|change| format!("{:?} has {} bytes", change.key, bytes(change))).collect()
}

/// I17: the code of a card stands nowhere but sealed.
pub(super) fn i17_codes_sealed(changes: &[Change]) -> Vec<String> {
    let open = changes.iter().filter(|change| holds(change, CODE));
    open.map(|change| format!("{:?} of {} holds the code of a card", change.key, change.table)).collect()
}

/// I28: ledger and state name nobody; who a redemption is for stands beside it.
pub(super) fn i28_nobody_named(changes: &[Change]) -> Vec<String> {
    let named = changes.iter().filter(|change| change.table != WAITING && !sort_key(change).starts_with("redemption#"));
    let named = named.filter(|change| holds(change, PERSON));
    named.map(|change| format!("{:?} of {} names a person", change.key, change.table)).collect()
}

/// I28: what a person is called stays, until the person is erased: who is called two things counts as two.
pub(super) fn i28_called_one_thing(changes: &[Change]) -> Vec<String> {
    let is = |change: &&Change, family: &str| sort_key(change).starts_with(&format!("{family}#"));
    if changes.iter().any(|change| is(&change, keys::ERASED)) {
        return Vec::new();
    }
    let renamed = changes.iter().filter(|change| is(change, keys::PERSON));
    let renamed = renamed.filter(|change| change.old.is_some() && change.old != change.new);
    renamed.map(|change| format!("{:?} was {:?} and is {:?}", change.key, change.old, change.new)).collect()
}

fn holds(change: &Change, what: &str) -> bool {
    change.new.as_ref().is_some_and(|item| Value::Object(item.clone()).to_string().contains(what))
}

/// I16: one write is of one partner.
pub(super) fn i16_of_one_partner(changes: &[Change]) -> Option<String> {
    let mut partners: BTreeSet<String> =
        changes.iter().filter_map(whose).map(|pk| pk.trim_start_matches("partner#").to_owned()).collect();
    let histories =
        changes.iter().filter(|change| change.table == LEDGER).filter_map(|change| text(change.new.as_ref()?, "w"));
    // What is kept beside a history has a third part.
    partners.extend(histories.filter(|of| of.matches('#').count() == 1).map(str::to_owned));
    (partners.len() > 1).then(|| format!("one write is of {partners:?}"))
}

/// I20: the deadline of what waits never moves.
pub(super) fn i20_deadline_stays(changes: &[Change]) -> Vec<String> {
    let until = |item: &Option<_>| item.as_ref().and_then(|item| text(item, "until").map(str::to_owned));
    let of = |item: &Option<_>| item.as_ref().and_then(|item| text(item, "awaits").map(str::to_owned));
    let awaits_reassignment = |item: &Option<_>| of(item).is_some_and(|awaits| awaits.starts_with("reassignment "));
    let moved = changes.iter().filter(|change| is_hold(change)).filter(|change| {
        // What turns out to wait for something else than a reassignment waits as long as anything that does.
        if awaits_reassignment(&change.old) && !awaits_reassignment(&change.new) {
            return false;
        }
        let (old, new) = (until(&change.old), until(&change.new));
        old.is_some() && new.is_some() && old != new
    });
    moved
        .map(|change| {
            format!("the deadline of {:?} moved from {:?} to {:?}", change.key, until(&change.old), until(&change.new))
        })
        .collect()
}

/// I8: what waits ends only when it is judged, or is kept as rejected.
pub(super) fn i8_hold_ends_judged(
    asides: &mut HashSet<[String; 3]>,
    table: &Dynamo,
    changes: &[Change],
) -> Vec<String> {
    let put_aside = changes.iter().filter_map(|change| change.new.as_ref().filter(|item| item.contains_key("aside")));
    asides.extend(
        put_aside.map(|item| ["program", "source", "id"].map(|name| text(item, name).unwrap_or_default().to_owned())),
    );
    let ended = changes.iter().filter(|change| is_hold(change) && change.new.is_none() && change.old.is_some());
    let ended = ended.filter(|change| {
        let identity = change.key.0.text().trim_start_matches("held#").to_owned();
        let judged = table.item(LEDGER, &(KeyPart::S(identity.clone()), None)).is_some();
        let [program, source, id] = identity.splitn(3, '#').collect::<Vec<_>>()[..] else { return true };
        let kept = asides.contains(&[program, source, id].map(str::to_owned));
        !judged && !kept
    });
    ended.map(|change| format!("{:?} waits no more and was not judged", change.key)).collect()
}

/// I8: what a record sends is written with it, and what was sent ends only when it is judged, or has nothing left to do.
pub(super) fn i8_sent(
    (table, programs): (&Dynamo, &BTreeMap<ProgramId, Programs>),
    now: Timestamp,
    changes: &[Change],
    (records, log): (&[Record], &Log),
) -> Vec<String> {
    let is_sent = |change: &&Change| change.table == WAITING && change.key.0.text().starts_with("out#");
    let written: BTreeSet<&str> = changes
        .iter()
        .filter(is_sent)
        .filter(|change| change.new.is_some())
        .map(|change| change.key.0.text())
        .collect();
    let sends = records.iter().flat_map(|record| outbound(record).into_iter().map(move |sent| (record, sent)));
    let key = |identity: &Identity| keys::outbox(&identity.program, &identity.id);
    let lost = sends.filter(|(_, sent)| !written.contains(key(&sent.event.identity).as_str()));
    let mut found: Vec<String> = lost
        .map(|(record, sent)| format!("{} sends {}, which is not written", place(record), sent.event.identity))
        .collect();
    for change in changes.iter().filter(is_sent).filter(|change| change.new.is_none()) {
        let Some(old) = &change.old else { continue };
        let identity = serde_dynamo::from_item(attributes(old)).ok().map(|Sent { identity }| identity);
        let judged = identity
            .as_ref()
            .is_some_and(|identity: &Identity| table.item(LEDGER, &(KeyPart::S(record_key(identity)), None)).is_some());
        // What was recorded of its partner, this write included.
        let own = || {
            let of = identity.as_ref().zip(text(old, "partner").and_then(|partner| partner.try_into().ok()));
            let mut own =
                of.map(|(identity, partner)| log.of_partner(table, &identity.program, &partner)).unwrap_or_default();
            own.extend(records.iter().filter(|record| text(old, "partner") == Some(record.partner.as_str())).cloned());
            own
        };
        // A lease that ends otherwise by now needs no reminder.
        let is_moot = match text(old, "kind") {
            Some("lease.ending") => lease_is_otherwise(table, now, old),
            Some("payout.standing") => payout_has_ended(&own(), old),
            Some("onboarding.reviewed") => asks_nothing(programs, &own(), old),
            Some("deal.trued_up") => is_trued_up(&own(), old),
            Some("exclusivity.reviewed") => is_looked_at_otherwise(&own(), old),
            _ => false,
        };
        if !judged && !is_moot {
            found.push(format!("{:?} was sent and is not judged", change.key));
        }
    }
    found
}

/// Whether a payout was settled, came back or was given up.
fn payout_has_ended(own: &[Record], sent: &Item) -> bool {
    let data: Value = text(sent, "data").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let ends = ["payout.settled", "payout.returned", "payout.cancelled"];
    own.iter().any(|record| {
        let of = record.happened().and_then(|kind| kind.payout_id()).map(|id| id.to_string());
        ends.contains(&record.kind.as_str()) && record.holds() && data["payout_id"].as_str() == of.as_deref()
    })
}

/// Whether a version of the program asks nothing of who is new, or the partner left.
fn asks_nothing(programs: &BTreeMap<ProgramId, Programs>, own: &[Record], sent: &Item) -> bool {
    let Ok(Sent { identity }) = serde_dynamo::from_item(attributes(sent)) else { return false };
    let versions = programs.get(&identity.program).map_or(&[][..], Programs::all);
    versions.iter().any(|version| version.program.onboarding.is_none())
        || own.iter().any(|record| record.kind == "partner.offboarded" && record.holds())
}

/// Whether another errand of the same day has trued a deal up.
fn is_trued_up(own: &[Record], sent: &Item) -> bool {
    let data = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let asked = data(text(sent, "data").unwrap_or_default());
    own.iter().any(|record| record.kind == "deal.trued_up" && data(&record.data) == asked)
}

/// Whether what was one partner's alone is looked at on another day by now, or is so no longer.
fn is_looked_at_otherwise(own: &[Record], sent: &Item) -> bool {
    let data: Value = text(sent, "data").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let of = ["territory", "vertical"].into_iter().find_map(|word| Some(format!("{word} {}", data[word].as_str()?)));
    let mut said = own.iter().flat_map(|record| &record.effects).filter_map(|effect| match effect {
        Effect::Exclusive { of: scope, held, .. } if Some(scope.to_string()) == of => Some(held),
        _ => None,
    });
    let look = said.next_back().and_then(|held| Some(held.as_ref()?.look.to_string()));
    look.as_deref() != data["due"].as_str()
}

/// What was sent, as far as it is looked at.
#[derive(serde::Deserialize)]
struct Sent {
    identity: Identity,
}

/// Whether a reminder has nothing left to remind of.
fn lease_is_otherwise(table: &Dynamo, now: Timestamp, sent: &Item) -> bool {
    let data: Value = text(sent, "data").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let part = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let Ok(Sent { identity: Identity { program, .. } }) = serde_dynamo::from_item(attributes(sent)) else {
        return false;
    };
    let only = |pk: String| table.item(STATE, &(KeyPart::S(pk), Some(KeyPart::S(keys::ONLY.to_owned()))));
    let deal = only(keys::deal(&program, &part("deal_id")));
    let taken = only(keys::opportunity(&program, &part("opportunity_id")));
    let closed = deal.as_ref().is_some_and(|deal| deal.contains_key("closed"));
    let same = taken.is_some_and(|taken| {
        text(&taken, "until") == Some(&part("until")) && text(&taken, "deal") == Some(&part("deal_id"))
    }) && deal.as_ref().and_then(|deal| text(deal, "owner")) == text(sent, "partner");
    // Who comes too late reminds nobody of what is over, in whatever zone.
    let tomorrow = TimeZone::UTC.to_datetime(now).date().tomorrow().ok();
    let over = part("until").parse().ok().zip(tomorrow).is_none_or(|(until, tomorrow): (Date, Date)| until <= tomorrow);
    closed || !same || over
}

/// I18, I22: loaded = free + reserved + issued, none below zero.
pub(super) fn i18_stock(changes: &[Change]) -> Vec<String> {
    let stocks = changes.iter().filter(|change| change.table == STATE && sort_key(change) == "stock");
    let bad = stocks.filter_map(|change| {
        let item = change.new.as_ref()?;
        let [loaded, free, reserved, issued] =
            ["loaded", "free", "reserved", "issued"].map(|name| number(item, name).unwrap_or(0));
        let sound = loaded == free + reserved + issued && free >= 0 && reserved >= 0 && issued >= 0;
        (!sound).then(|| {
            format!("{}: loaded {loaded}, free {free}, reserved {reserved}, issued {issued}", change.key.0.text())
        })
    });
    bad.collect()
}

/// A sub-balance as it is stored: left, drawn, and how often it moved.
fn pool_item(item: Option<&Item>) -> [i64; 3] {
    ["left", "drawn", "moves"].map(|name| item.and_then(|item| number(item, name)).unwrap_or(0))
}

/// I22: a sub-balance is never below zero, and moves by what the records of the same write say.
pub(super) fn i22_pools(changes: &[Change], records: &[Record]) -> Vec<String> {
    let mut told: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for record in records {
        for (part, funded, drawn) in record.pools() {
            let sum = told.entry(keys::pool(&record.identity.program, part)).or_default();
            *sum = [sum[0] + funded - drawn, sum[1] + drawn, sum[2] + 1];
        }
    }
    let mut found = Vec::new();
    for change in changes.iter().filter(|change| change.table == STATE && change.key.0.text().starts_with("pool#")) {
        let (old, new) = (pool_item(change.old.as_ref()), pool_item(change.new.as_ref()));
        if new[0] < 0 || new[1] < 0 {
            found.push(format!("{} has {} left, and {} drawn", change.key.0.text(), new[0], new[1]));
        }
        let moved = [new[0] - old[0], new[1] - old[1], new[2] - old[2]];
        let told = told.remove(change.key.0.text()).unwrap_or_default();
        if moved != told {
            found.push(format!("{} moved by {moved:?}, and its records say {told:?}", change.key.0.text()));
        }
    }
    found.extend(told.keys().map(|pool| format!("{pool} did not move, and a record says so")));
    found
}

/// I22: what is refused for want of something in a pool is not there when that is written.
pub(super) fn i22_short(
    programs: &BTreeMap<ProgramId, Programs>,
    table: &Dynamo,
    changes: &[Change],
    records: &[Record],
) -> Vec<String> {
    let mut found = Vec::new();
    let stood = |record: &Record, pool: &Pool| {
        let of = |number| {
            let key = keys::pool(&record.identity.program, &pool.part(number));
            let key = (KeyPart::S(key), Some(KeyPart::S(keys::ONLY.to_owned())));
            let change = changes.iter().find(|change| change.table == STATE && change.key == key);
            let item = change.map_or_else(|| table.item(STATE, &key), |change| change.old.clone());
            pool_item(item.as_ref())
        };
        (0..PARTS_MAX).map(of).fold([0; 3], |sum, part| [sum[0] + part[0], sum[1] + part[1], sum[2] + part[2]])
    };
    for record in records {
        let verdicts = record.trials.iter().filter_map(|trial| match &trial.verdict {
            Verdict::Spent { budget, left, .. } => Some((budget, *left, trial.asset)),
            _ => None,
        });
        for (budget, said, asset) in verdicts {
            // Nothing else of this write may have moved it: then what stood before is what was seen.
            let moved = records.iter().flat_map(Record::pools).any(|(part, ..)| part.pool.to_string() == *budget);
            let Some(pool) = named_pool(budget, asset).filter(|_| !moved) else { continue };
            let there = stood(record, &pool)[0];
            if there > said {
                found.push(format!("{}: {said} were left of the {budget}, it says, and {there} are", place(record)));
            }
        }
        // As many as the version says by which it was decided, whatever stood in the pool.
        let slots_of = |kind: &Kind| {
            let Kind::BenefitBooked { benefit, .. } = kind else { return None };
            let version = programs.get(&record.identity.program)?.number(record.decided_by)?;
            version.program.benefits.get(benefit).map(|benefit| benefit.slots)
        };
        let full = matches!(record.reason, Some(Reason::NoSlotLeft { .. }));
        let kind = record.happened().filter(|_| full);
        if let Some((pool, slots)) = kind.and_then(|kind| Some((slots(&kind)?, slots_of(&kind)?))) {
            let PoolOf::Benefit(id, _) = &pool.of else { continue };
            let in_all = Pool { of: PoolOf::Benefit(id.clone(), None), ..pool.clone() };
            let taken = stood(record, &pool)[1] + stood(record, &in_all)[1];
            let moved =
                records.iter().flat_map(Record::pools).any(|(part, ..)| part.pool == pool || part.pool == in_all);
            if taken < slots && !moved {
                found.push(format!("{}: no slot was left, it says, and {taken} of {slots} were taken", place(record)));
            }
        }
    }
    found
}

/// The pool that is called so in words, as `budget fund of 2026-01..2026-03`.
pub(super) fn named_pool(words: &str, asset: Asset) -> Option<Pool> {
    let words = words.strip_prefix("budget ")?;
    let (name, period) = words.split_once(" of ").unwrap_or((words, "ever"));
    let of = PoolOf::Budget(name.try_into().ok()?, asset);
    Some(Pool { of, period: Period::try_from(period.to_owned()).ok()? })
}

/// The pool of a slot, where there are so many by the month.
fn slots(kind: &Kind) -> Option<Pool> {
    let Kind::BenefitBooked { benefit, slot } = kind else { return None };
    let slot = TargetPeriod::try_from(slot.clone()).ok()?;
    Some(Pool { of: PoolOf::Benefit(benefit.clone(), Some(slot)), period: Period::Ever })
}

/// I22: what a rule gave at first out of a budget is drawn on it, as much as that; what is taken back of what was drawn goes back.
pub(super) fn i22_drawn(programs: &BTreeMap<ProgramId, Programs>, records: &[Record]) -> Vec<String> {
    let mut found = Vec::new();
    for record in records {
        let Some(programs) = programs.get(&record.identity.program) else { continue };
        let version = record.earned_by.as_ref().and_then(|version| programs.number(version.number));
        let has_budget = |trial: &Trial| {
            let rule = version.and_then(|version| version.program.rules.get(&trial.rule));
            rule.is_some_and(|rule| rule.budget.is_some())
        };
        let gave = |trial: &&Trial| matches!(trial.verdict, Verdict::Gave { .. });
        for trial in record.trials.iter().filter(gave).filter(|trial| has_budget(trial)) {
            let of_rule = record.postings.iter().filter(|posting| posting.rule.as_ref() == Some(&trial.rule));
            let given: i64 = of_rule.filter(|posting| posting.is_award()).map(|posting| posting.amount).sum();
            let drawn = record.effects.iter().filter_map(|effect| match effect {
                Effect::Pool { drawn, rule: Some(rule), .. } if *rule == trial.rule => Some(*drawn),
                _ => None,
            });
            let drawn: i64 = drawn.sum();
            if given != drawn {
                found.push(format!("{}: {} gave {given}, and drew {drawn}", place(record), trial.rule));
            }
        }
    }
    found
}

/// I26: a deal belongs to a partner that is known.
pub(super) fn i26_owner_is_known(table: &Dynamo, changes: &[Change]) -> Vec<String> {
    let deals = changes.iter().filter(|change| change.table == STATE && change.key.0.text().starts_with("deal#"));
    let stray = deals.filter_map(|change| {
        let owner = text(change.new.as_ref()?, "owner")?;
        let program = change.key.0.text().split('#').nth(1)?;
        let head = (KeyPart::S(format!("partner#{program}#{owner}")), Some(KeyPart::S("head".to_owned())));
        let known = table.item(STATE, &head).is_some();
        (!known).then(|| format!("{} belongs to {owner}, whom nobody knows", change.key.0.text()))
    });
    stray.collect()
}

/// I25: what a record relied on outside its partner's account is what stood there when it was written, and nothing that its event
/// names is left out.
pub(super) fn i25_relied_on(table: &Dynamo, changes: &[Change], records: &[Record]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for record in records.iter().filter(|record| !record.partner.is_internal()) {
        let Some(kind) = record.happened() else { continue };
        let (program, relied_on) = (&record.identity.program, record.relied_on);
        let other = kind.other_partner().filter(|other| **other != record.partner);
        let named = [
            (kind.deal_id().map(|id| keys::deal(program, id)), keys::ONLY, keys::VERSION, relied_on.deal),
            (
                Opportunity::named_by(record, &kind).map(|id| keys::opportunity(program, id)),
                keys::ONLY,
                keys::VERSION,
                relied_on.opportunity,
            ),
            (other.map(|id| keys::partner(program, id)), keys::HEAD, keys::POSITION, relied_on.partner),
        ];
        for (pk, sk, counter, relied_on) in named {
            // A later record of the same decision goes on from the one before.
            let Some(pk) = pk.filter(|pk| seen.insert(pk.clone())) else { continue };
            let key = (KeyPart::S(pk.clone()), Some(KeyPart::S(sk.to_owned())));
            let change = changes.iter().find(|change| change.table == STATE && change.key == key);
            let before = change.map_or_else(|| table.item(STATE, &key), |change| change.old.clone());
            let stood = before.as_ref().and_then(|item| number(item, counter)).unwrap_or(0);
            if relied_on != u64::try_from(stood).ok() {
                found.push(format!("{}: relied on {pk} at {relied_on:?}, which stood at {stood}", place(record)));
            }
        }
    }
    found
}

/// I6: a redemption moves on one step at a time, and what is final stays.
pub(super) fn i6_redemption_steps(changes: &[Change]) -> Vec<String> {
    let moved = changes.iter().filter(|change| whose(change).is_some() && sort_key(change).starts_with("redemption#"));
    let bad = moved.filter_map(|change| {
        let (old, new) = (status(change.old.as_ref()), status(change.new.as_ref()));
        let fine = old == new
            || matches!(
                (old, new),
                (None, Some("reserved"))
                    | (Some("reserved"), Some("ordering" | "released"))
                    | (Some("ordering"), Some("fulfilled" | "released"))
            );
        (!fine).then(|| format!("{} went from {old:?} to {new:?}", sort_key(change)))
    });
    bad.collect()
}

/// I6, I18: a card belongs to one piece of one redemption that is being ordered, and is free no more.
pub(super) fn i6_cards(
    issued: &mut HashMap<String, String>,
    ordering: &mut HashSet<String>,
    changes: &[Change],
) -> Vec<String> {
    for change in changes.iter().filter(|change| whose(change).is_some()) {
        let Some(id) = sort_key(change).strip_prefix("redemption#") else { continue };
        if status(change.new.as_ref()) == Some("ordering") {
            ordering.insert(id.to_owned());
        } else {
            ordering.remove(id);
        }
    }
    let mut found = Vec::new();
    for change in changes.iter().filter(|change| change.table == STATE && sort_key(change).starts_with("issued#")) {
        let Some(print) = change.new.as_ref().and_then(|item| text(item, "print")) else { continue };
        let place = sort_key(change).to_owned();
        if change.old.is_some() {
            found.push(format!("{place} got a second card"));
        }
        if let Some(other) = issued.insert(print.to_owned(), place.clone()) {
            found.push(format!("one card is of {other} and of {place}"));
        }
        let id = place.split('#').nth(1).unwrap_or_default().to_owned();
        if !ordering.contains(&id) {
            found.push(format!("{place} was issued for what is not being ordered"));
        }
    }
    for change in changes
        .iter()
        .filter(|change| change.table == WAITING && sort_key(change).starts_with("free#") && change.new.is_none())
    {
        let print = change.old.as_ref().and_then(|item| text(item, "print")).unwrap_or_default();
        if !issued.contains_key(print) {
            found.push("a free card is gone and nobody has it".to_owned());
        }
    }
    found
}

/// I10: records come with the head that counts them.
pub(super) fn i10_head_moves(records: &[Record], changes: &[Change]) -> Option<String> {
    let last = records.iter().map(|record| record.position).max()?;
    let head = changes.iter().find(|change| whose(change).is_some() && sort_key(change) == "head");
    let position = head.and_then(|head| number(head.new.as_ref()?, "position"));
    (position != i64::try_from(last).ok())
        .then(|| format!("records up to #{last} were written with a head at {position:?}"))
}
