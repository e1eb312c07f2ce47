//! At rest, when nothing is on its way: everything that was sent has come to something, and nothing stands still.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ledger::{Account, Effect, Record, record_key};
use event::Unreadable;
use event::ids::{DealId, PartnerId, ProgramId};
use jiff::Timestamp;

use super::{Snapshot, Watch, replayed};
use crate::aws::{Aws, LEDGER, STATE, WAITING, lock};
use crate::queues::dead_letters;
use crate::table::item::{KeyPart, number, text};

type Found = Vec<(&'static str, Vec<String>)>;

/// Queues that must hold nothing at rest.
const WORKED_OFF: [&str; 3] = ["partner-events", "redemptions", "partner-reviews"];

/// Everything that must hold at rest.
pub(crate) fn at_rest(aws: &Aws) -> Found {
    let now = aws.clock.now();
    let table = lock(&aws.table);
    let mut watch = lock(&aws.watch);
    let mut found = {
        let all = Snapshot::of(&table, now);
        let mut found = all.check(&table, &watch.programs, now);
        found.push(("I20", i20_nothing_stands_still(&table, &all, now)));
        found.push(("I3", i3_one_record(&table, &all)));
        found
    };
    found.push(("I9", watch.log.i9_gone(&table)));
    found.push(("I8", i8_nothing_lost(aws, &table, &watch)));
    found.push(("I4", i4_conflicts_kept(&table, &watch)));
    found.push(("I4", i4_repetitions_are_none(&table, &watch)));
    found.push(("I18", i18_cards(&table)));
    found.push(("I23", i23_shares(watch.log.commits(&table))));
    let (again, ledgers) = replayed::i11_decided_again(watch.log.commits(&table), &watch.programs);
    found.push(("I11", again));
    watch.ledgers = ledgers;
    found
}

/// What a message must have come to.
fn i8_nothing_lost(aws: &Aws, table: &crate::table::Dynamo, watch: &Watch) -> Vec<String> {
    let mut found = Vec::new();
    let now = aws.clock.now();
    let queues = lock(&aws.queues);
    for queue in WORKED_OFF {
        for name in [queue.to_owned(), dead_letters(queue)] {
            for message in queues.all(&name) {
                found.push(format!("{name} still holds {}", message.body));
            }
        }
    }
    let quarantined: BTreeSet<&str> = queues.all("quarantine").map(|message| message.body.as_str()).collect();
    let mut asides: HashMap<[String; 3], Vec<(String, String)>> = HashMap::new();
    for (_, item) in table.items(LEDGER).filter(|(_, item)| item.contains_key("aside")) {
        let part = |name| text(&item, name).unwrap_or_default().to_owned();
        asides.entry([part("program"), part("source"), part("id")]).or_default().push((part("outcome"), part("hash")));
    }
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    for sent in &watch.sent {
        match watch.parse(&sent.body, sent.at) {
            Err(Unreadable::Quarantined { .. }) => {
                let kept = if sent.body.is_empty() { " " } else { &sent.body };
                if !quarantined.contains(kept) {
                    found.push(format!("is not in quarantine: {}", sent.body));
                }
            }
            Err(Unreadable::Rejected { identity, .. }) => {
                // What was of the future when it came is no more when it comes again.
                let later = watch.parse(&sent.body, now).ok().map(|event| record_key(&event.identity));
                let judged =
                    later.as_ref().is_some_and(|key| table.item(LEDGER, &(KeyPart::S(key.clone()), None)).is_some());
                if !judged
                    && !asides.get(&identity).is_some_and(|all| all.iter().any(|(outcome, _)| outcome == "rejected"))
                {
                    found.push(format!("was rejected and is kept nowhere: {}", sent.body));
                }
                known.extend(later.map(|key| (key, true)));
            }
            Ok(event) => {
                let key = record_key(&event.identity);
                let record = table.item(LEDGER, &(KeyPart::S(key.clone()), None));
                let hash = record.and_then(|item| super::record(&item).ok()).map(|record| record.hash);
                let identity = [
                    event.identity.program.to_string(),
                    event.identity.source.to_string(),
                    event.identity.id.to_string(),
                ];
                let kept = asides
                    .get(&identity)
                    .is_some_and(|all| all.iter().any(|(_, hash)| *hash == event.hash.to_string()));
                if hash.as_ref() != Some(&event.hash) && !kept {
                    found.push(format!("came to nothing: {}", sent.body));
                }
                known.insert(key, true);
            }
        }
    }
    let records = table.items(LEDGER).filter(|(key, item)| item.contains_key("f") && !known.contains_key(key.0.text()));
    for (key, item) in records {
        let internal =
            super::record(&item).is_ok_and(|record| record.identity.source.as_str().starts_with("urn:laurel"));
        if !internal {
            found.push(format!("a record of what nobody sent: {}", key.0.text()));
        }
    }
    found
}

/// I4: of two meanings under one identity at most one is recorded, and another is kept as a conflict.
fn i4_conflicts_kept(table: &crate::table::Dynamo, watch: &Watch) -> Vec<String> {
    let mut meanings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sent in &watch.sent {
        if let Ok(event) = watch.parse(&sent.body, sent.at) {
            meanings.entry(record_key(&event.identity)).or_default().insert(event.hash.to_string());
        }
    }
    let kept: BTreeSet<(String, String)> = table
        .items(LEDGER)
        .filter(|(_, item)| item.contains_key("aside"))
        .map(|(_, item)| {
            let part = |name: &str| text(&item, name).unwrap_or_default().replace('%', "%25").replace('#', "%23");
            (
                format!("{}#{}#{}", part("program"), part("source"), part("id")),
                text(&item, "hash").unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let mut found = Vec::new();
    for (key, hashes) in meanings.iter().filter(|(_, hashes)| hashes.len() > 1) {
        let record = table.item(LEDGER, &(KeyPart::S(key.clone()), None)).and_then(|item| super::record(&item).ok());
        for hash in hashes {
            let recorded = record.as_ref().is_some_and(|record| record.hash.to_string() == *hash);
            if !recorded && !kept.contains(&(key.clone(), hash.clone())) {
                found.push(format!("{key}: a second meaning is neither recorded nor kept"));
            }
        }
    }
    found
}

/// I4: what means the same, persons too, is no conflict.
fn i4_repetitions_are_none(table: &crate::table::Dynamo, watch: &Watch) -> Vec<String> {
    let mut meanings: BTreeMap<[String; 3], BTreeSet<(String, Vec<String>)>> = BTreeMap::new();
    for event in watch.sent.iter().filter_map(|sent| watch.parse(&sent.body, sent.at).ok()) {
        let identity = &event.identity;
        let key = [identity.program.to_string(), identity.source.to_string(), identity.id.to_string()];
        let persons = event.persons().iter().map(ToString::to_string).collect();
        meanings.entry(key).or_default().insert((event.hash.to_string(), persons));
    }
    let conflicts = table.items(LEDGER).filter(|(_, item)| text(item, "outcome") == Some("conflict"));
    let none = conflicts.filter(|(_, item)| {
        let key = ["program", "source", "id"].map(|name| text(item, name).unwrap_or_default().to_owned());
        meanings.get(&key).is_some_and(|all| all.len() < 2)
    });
    none.map(|(_, item)| format!("{:?} was sent with one meaning and is kept as a conflict", text(&item, "id")))
        .collect()
}

/// I20: nothing waits past its deadline, no redemption stands, nothing that was due is undone.
fn i20_nothing_stands_still(table: &crate::table::Dynamo, all: &Snapshot, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    for (key, item) in table.items(WAITING).filter(|(key, _)| key.0.text().starts_with("held#")) {
        let until: Option<Timestamp> = text(&item, "until").and_then(|until| until.parse().ok());
        if until.is_none_or(|until| until <= now) {
            found.push(format!("{} waits since its deadline {until:?}", key.0.text()));
        } else if table.item(LEDGER, &(KeyPart::S(key.0.text().trim_start_matches("held#").to_owned()), None)).is_some()
        {
            found.push(format!("{} waits and was judged", key.0.text()));
        }
    }
    for (key, item) in table.items(WAITING).filter(|(key, _)| key.0.text().starts_with("out#")) {
        let due: Option<Timestamp> = text(&item, "until").and_then(|until| until.parse().ok());
        if due.is_none_or(|due| due <= now) {
            found.push(format!("{} was sent, is due since {due:?} and is not judged", key.0.text()));
        }
    }
    for redemption in all.redemptions.values().flatten().filter(|redemption| !redemption.status.is_final()) {
        found.push(format!("redemption {} stands at {}", redemption.id, redemption.status.word()));
    }
    let today = now.to_string();
    for ((pk, sk), item) in table.items(STATE) {
        let is_head = sk.as_ref().is_some_and(|sk| sk.text() == "head");
        if let Some(on) = text(&item, "due_on").filter(|on| is_head && *on < &today[..10]) {
            found.push(format!("{} was due on {on}", pk.text()));
        }
    }
    found.extend(all.undone(now));
    found
}

impl Snapshot {
    /// What the clock owes: points that should be available or gone by now.
    fn undone(&self, now: Timestamp) -> Vec<String> {
        let yesterday = now.checked_sub(jiff::SignedDuration::from_hours(48)).unwrap_or(now);
        let yesterday = jiff::tz::TimeZone::UTC.to_datetime(yesterday).date();
        let mut found = Vec::new();
        for (key, account) in self.accounts() {
            for (asset, pending) in &account.pending {
                let late = pending.keys().find(|release| release.day < yesterday);
                found.extend(late.map(|release| format!("{key}: {asset} held until {} are not released", release.day)));
            }
            for (asset, funds) in &account.head.funds {
                let over = funds
                    .lots
                    .iter()
                    .find(|(lot, amount)| **amount > 0 && lot.year() < 9999 && lot.plus(1).first_day() < yesterday);
                found.extend(over.map(|(lot, _)| format!("{key}: the lot {lot} of {asset} has not expired")));
            }
        }
        found
    }
}

/// I18: the free cards of a reward are those that its stock counts as free or reserved, and those issued are issued.
fn i18_cards(table: &crate::table::Dynamo) -> Vec<String> {
    let mut found = Vec::new();
    for ((pk, sk), item) in table.items(STATE).filter(|((_, sk), _)| sk.as_ref().is_some_and(|sk| sk.text() == "stock"))
    {
        let [free, reserved, issued] = ["free", "reserved", "issued"].map(|name| number(&item, name).unwrap_or(0));
        let count = |of: &str, start: &str| {
            let all = table
                .keys(of)
                .filter(|key| key.0 == *pk && key.1.as_ref().is_some_and(|sk| sk.text().starts_with(start)));
            i64::try_from(all.count()).unwrap_or(i64::MAX)
        };
        let (cards_free, cards_issued) = (count(WAITING, "free#"), count(STATE, "issued#"));
        if (cards_free, cards_issued) != (free + reserved, issued) {
            found.push(format!(
                "{} {sk:?}: {free} free, {reserved} reserved, {issued} issued; {cards_free} cards are free, {cards_issued} issued",
                pk.text()
            ));
        }
    }
    found
}

/// I23: the shares by which the partners of one deal were rated last sum to the whole.
fn i23_shares(log: impl Iterator<Item = super::Commit>) -> Vec<String> {
    let mut shares: BTreeMap<(ProgramId, DealId), BTreeMap<PartnerId, u32>> = BTreeMap::new();
    for record in log.flatten() {
        let deal = record.happened().and_then(|kind| kind.deal_id().cloned());
        let share = record.effects.iter().find_map(|effect| match effect {
            Effect::Share { points } => Some(*points),
            _ => None,
        });
        if let (Some(deal), Some(share)) = (deal, share) {
            shares.entry((record.identity.program, deal)).or_default().insert(record.partner, share);
        }
    }
    let bad = shares.into_iter().filter(|(_, of)| of.values().sum::<u32>() != program::WHOLE);
    bad.map(|((program, deal), of)| format!("deal {deal} of {program} is shared as {of:?}")).collect()
}

/// I3, I2: an identity has one record.
fn i3_one_record(table: &crate::table::Dynamo, all: &Snapshot) -> Vec<String> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    all.records.each(table, |record| {
        if !seen.insert(record_key(&record.identity)) {
            found.push(format!("{} has two records", record.identity));
        }
    });
    found
}

/// I24: what a partner is, is what the latest event said of it by its own time, in whatever order they came. Told apart from
/// the fold that the account makes.
pub(super) fn i24_facts(records: &[Record], stored: Option<&Account>) -> Vec<String> {
    let Some(stored) = stored else { return Vec::new() };
    let said = |kinds: &[&str]| {
        let said = records.iter().filter(|record| kinds.contains(&record.kind.as_str()));
        said.filter(|record| record.holds() || record.reason == Some(domain::ledger::Reason::Superseded))
            .max_by_key(|record| domain::ledger::Stamp::of(record.time, &record.identity))
    };
    let mut found = Vec::new();
    let standing = said(&["partner.suspended", "partner.reinstated"]);
    let suspended = standing.is_some_and(|record| record.kind == "partner.suspended");
    if stored.head.suspended.as_ref().is_some_and(|fact| fact.value) != suspended {
        found.push(format!("suspended is {:?}, and the latest event says {suspended}", stored.head.suspended));
    }
    let left = said(&["partner.offboarded"]).map(|record| domain::ledger::Stamp::of(record.time, &record.identity));
    if stored.head.left != left {
        found.push(format!("left is {:?}, and the latest event says {left:?}", stored.head.left));
    }
    found
}
