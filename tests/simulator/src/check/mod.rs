//! The checkers: one function for each invariant, after every write (`step`), over everything now and then and at rest
//! (`whole`), and at rest alone (`rest`). A checker says what it found; nothing means that the invariant holds.

mod boards;
mod replayed;
mod rest;
mod step;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::ledger::{Record, record_key};
use event::ids::{PartnerId, ProgramId};
use event::{Event, Unreadable};
use jiff::Timestamp;
use program::Programs;
use serde_json::Value;

use crate::aws::{LEDGER, STATE, WAITING};
use crate::table::item::{Item, Key, KeyPart, attributes, text};
use crate::table::{Change, Dynamo};

pub(crate) use boards::m39_leaderboard;
pub(crate) use rest::at_rest;
pub(crate) use whole::Snapshot;

/// Begins every code of a card in a simulation, so that one is found wherever it stands.
pub(crate) const CODE: &str = "CODE-";
/// Ends the name of every person that senders name in a simulation.
pub(crate) const PERSON: &str = "@example.com";

/// A message that was given to the queue.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Its body.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// Records that one transaction wrote.
pub(crate) type Commit = Vec<Record>;

/// Every transaction that wrote records, in order: by the keys under which they stand in the ledger, which nothing changes (I9).
#[derive(Debug, Default)]
pub(crate) struct Log {
    commits: Vec<Vec<Key>>,
    of: BTreeMap<(ProgramId, PartnerId), Vec<Key>>,
    /// How many records of each type held.
    pub applied: BTreeMap<String, usize>,
}

impl Log {
    fn push(&mut self, records: &[Record]) {
        let mut commit = Vec::with_capacity(records.len());
        for record in records {
            let key: Key = (KeyPart::S(record_key(&record.identity)), None);
            self.of.entry((record.identity.program.clone(), record.partner.clone())).or_default().push(key.clone());
            commit.push(key);
            if record.holds() {
                *self.applied.entry(record.kind.to_string()).or_default() += 1;
            }
        }
        self.commits.push(commit);
    }

    /// How many records were written.
    pub(crate) fn records(&self) -> usize {
        self.commits.iter().map(Vec::len).sum()
    }

    /// I9: what was recorded stands, and reads.
    pub(crate) fn i9_gone(&self, table: &Dynamo) -> Vec<String> {
        let stands = |key: &&Key| table.item(LEDGER, key).is_some_and(|item| record(&item).is_ok());
        let gone = self.commits.iter().flatten().filter(|key| !stands(key));
        gone.map(|(key, _)| format!("`{}` was recorded and does not stand so", key.text())).collect()
    }

    /// What each transaction wrote.
    pub(crate) fn commits<'a>(&'a self, table: &'a Dynamo) -> impl Iterator<Item = Commit> + 'a {
        self.commits.iter().map(|keys| read_all(table, keys))
    }

    /// What was written of a partner.
    pub(crate) fn of_partner(&self, table: &Dynamo, program: &ProgramId, partner: &PartnerId) -> Vec<Record> {
        self.of.get(&(program.clone(), partner.clone())).map(|keys| read_all(table, keys)).unwrap_or_default()
    }
}

/// Records as they stand; [`Log::i9_gone`] finds those that do not.
fn read_all<'a>(table: &Dynamo, keys: impl IntoIterator<Item = &'a Key>) -> Vec<Record> {
    keys.into_iter().filter_map(|key| record(&table.item(LEDGER, key)?).ok()).collect()
}

/// What the checkers know of what has happened so far.
#[derive(Default)]
pub(crate) struct Watch {
    /// A hash over everything that happened, in its order.
    pub trace: u64,
    /// Shows whatever holds this text as it happens.
    pub shows: Option<String>,
    /// Writes so far.
    pub writes: u64,
    /// What was found.
    pub findings: Vec<String>,
    /// Which invariants have looked at something, and how often.
    pub looked: BTreeMap<&'static str, u64>,
    /// Requests so far, by function and operation.
    pub calls: BTreeMap<(&'static str, String), u64>,
    /// What was recorded.
    pub log: Log,
    /// Digests of the ledger, as it is and decided again.
    pub ledgers: [u64; 2],
    /// Every message that was sent.
    pub sent: Vec<Sent>,
    /// Publications, in order.
    pub programs: BTreeMap<ProgramId, Programs>,
    histories: BTreeMap<(ProgramId, PartnerId), step::History>,
    /// The first answer to each request for a reward.
    answers: HashMap<(String, String), (u16, String)>,
    /// Cards that belong to somebody: by their print, where.
    issued: HashMap<String, String>,
    /// Redemptions that are being ordered, by their id.
    ordering: HashSet<String>,
    /// What was put aside in the ledger: program, source and id of its event.
    asides: HashSet<[String; 3]>,
    /// Names that must stand nowhere but where they may.
    quiet: BTreeSet<String>,
}

impl Watch {
    /// Reads a message as whoever judged it at `at`: also of a type that its program declares.
    pub(crate) fn parse(&self, body: &str, at: Timestamp) -> Result<Event, Unreadable> {
        let read = Event::parse(body, at);
        let program = read.as_ref().err().and_then(Unreadable::undeclared);
        match program.and_then(|program| self.programs.get(program)) {
            Some(programs) => programs.parse(body, at, at),
            None => read,
        }
    }

    /// Notes something for the trace.
    pub(crate) fn trace(&mut self, what: &str) {
        if self.shows.as_ref().is_some_and(|text| what.contains(text)) {
            println!("{what}");
        }
        self.trace = digest(self.trace, what);
    }

    fn found(&mut self, invariant: &'static str, found: impl IntoIterator<Item = String>) {
        *self.looked.entry(invariant).or_default() += 1;
        for text in found {
            let text = format!("{invariant}: {text}");
            if self.quiet.insert(text.clone()) {
                self.findings.push(text);
            }
        }
    }

    /// Takes over what a checker of a whole found.
    pub(crate) fn add(&mut self, found: Vec<(&'static str, Vec<String>)>) {
        for (invariant, found) in found {
            self.found(invariant, found);
        }
    }

    /// One write: all of a transaction, or one item.
    pub(crate) fn written(&mut self, by: &str, now: Timestamp, table: &Dynamo, changes: &[Change]) {
        self.writes += 1;
        for change in changes {
            let new = change.new.as_ref().map(|item| Value::Object(item.clone()).to_string()).unwrap_or_default();
            self.trace(&format!("{by} {} {:?} {new}", change.table, change.key));
        }
        self.found("I9", step::i9_appended(changes));
        self.found("I27", step::i27_bounded(changes));
        self.found("I17", step::i17_codes_sealed(changes));
        self.found("I28", step::i28_nobody_named(changes));
        self.found("I28", step::i28_called_one_thing(changes));
        self.found("I16", step::i16_of_one_partner(changes));
        self.found("I20", step::i20_deadline_stays(changes));
        let ended = step::i8_hold_ends_judged(&mut self.asides, table, changes);
        self.found("I8", ended);
        self.found("I18", step::i18_stock(changes));
        self.found("I26", step::i26_owner_is_known(table, changes));
        self.found("I6", step::i6_redemption_steps(changes));
        let cards = step::i6_cards(&mut self.issued, &mut self.ordering, changes);
        self.found("I6", cards);
        let records = records(changes, &mut self.findings);
        self.found("I8", step::i8_sent((table, &self.programs), now, changes, (&records, &self.log)));
        for record in &records {
            if let Some(program) = step::published(record, self.programs.get(&record.identity.program)) {
                self.programs.insert(record.identity.program.clone(), program);
            }
        }
        self.found("I22", step::i22_pools(changes, &records));
        self.found("I22", step::i22_short(&self.programs, table, changes, &records));
        self.found("I22", step::i22_drawn(&self.programs, &records));
        for record in &records {
            let history = self.histories.entry((record.identity.program.clone(), record.partner.clone())).or_default();
            let found = step::record(history, record);
            self.add(found);
        }
        self.found("I25", step::i25_relied_on(table, changes, &records));
        self.found("I10", step::i10_head_moves(&records, changes));
        if !records.is_empty() {
            self.log.push(&records);
        }
    }

    /// The bus was told something.
    pub(crate) fn noticed(&mut self, request: &Value) {
        let text = request.to_string();
        self.trace(&text);
        self.found("I17", text.contains(CODE).then(|| "a notice holds the code of a card".to_owned()));
        self.found("I28", text.contains(PERSON).then(|| "a notice names a person".to_owned()));
    }

    /// A queue answered something.
    pub(crate) fn told(&mut self, operation: &str, answer: &Value) {
        self.trace(&format!("{operation} {answer}"));
    }

    /// A partner's request was answered for good.
    pub(crate) fn answered(&mut self, partner: &str, key: &str, status: u16, body: &str) {
        self.trace(&format!("{partner} {key} {status} {body}"));
        let first =
            self.answers.entry((partner.to_owned(), key.to_owned())).or_insert_with(|| (status, body.to_owned()));
        let other = (first.0, first.1.as_str()) != (status, body);
        let found = other.then(|| {
            format!("{partner} asked under {key} and was told {} {}, and later {status} {body}", first.0, first.1)
        });
        self.found("I7", found);
    }
}

/// The records among what was written.
fn records(changes: &[Change], findings: &mut Vec<String>) -> Vec<Record> {
    let mut found = Vec::new();
    for item in changes.iter().filter(|change| change.table == LEDGER).filter_map(|change| change.new.as_ref()) {
        if item.contains_key("f") {
            match record(item) {
                Ok(record) => found.push(record),
                Err(why) => findings.push(format!("I10: a record does not read: {why}")),
            }
        }
    }
    found
}

pub(crate) fn record(item: &Item) -> Result<Record, String> {
    serde_dynamo::from_item(attributes(item)).map_err(|error| error.to_string())
}

/// Of whom a state item is: program and partner.
fn whose(change: &Change) -> Option<&str> {
    let pk = change.key.0.text();
    (change.table == STATE && pk.starts_with("partner#")).then_some(pk)
}

fn is_hold(change: &Change) -> bool {
    change.table == WAITING && change.key.0.text().starts_with("held#")
}

fn sort_key(change: &Change) -> &str {
    change.key.1.as_ref().map_or("", |key| key.text())
}

fn status(item: Option<&Item>) -> Option<&str> {
    text(item?, "status")
}

/// Goes on with a digest (FNV-1a).
fn digest(so_far: u64, text: &str) -> u64 {
    text.bytes().chain([0]).fold(so_far, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
