//! Publishing a version of a program, and withdrawing one before it takes effect: nothing to decide, and a record all the same, in
//! the history of the program itself.

use event::ids::{Identity, PartnerId};
use event::{Document, Event, Kind, Whole};
use jiff::Timestamp;
use program::Version;

use crate::ledger::{Balance, EDITION, Head, Outcome, Record, ReliedOn};

/// A version as it is published or withdrawn.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The version.
    pub version: &'a Version,
    /// The head of the program's own history, after which it is recorded.
    pub head: &'a Head,
    /// Who does it, and why.
    pub by: By<'a>,
    /// When.
    pub now: Timestamp,
}

/// Who publishes or withdraws, and why.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Who, says whoever does; nothing proves it.
    pub actor: &'a str,
    /// Why, for those who look at the version later; at most [`event::TEXT_CHARS_MAX`] characters.
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a str> for By<'a> {
    /// By an actor who says no reason.
    fn from(actor: &'a str) -> Self {
        Self { actor, reason: None }
    }
}

/// The record of a publication; `file` is the text of the version.
pub fn publication(publication: Publication<'_>, file: &str) -> Record {
    let Publication { version, by, .. } = publication;
    let kind = Kind::ProgramPublished {
        content_hash: version.hash.clone(),
        effective_from: version.effective_from,
        actor: by.actor.to_owned(),
        verified: false,
        reason: by.reason.map(str::to_owned),
        file: Document(file.to_owned()),
    };
    record(publication, &[&version.number.to_string()], kind)
}

/// The record of a withdrawal; `None` for a number that no version has.
pub fn withdrawal(publication: Publication<'_>) -> Option<Record> {
    let Publication { version, by, .. } = publication;
    let number = Whole::new(i64::from(version.number))?;
    let (actor, reason) = (by.actor.to_owned(), by.reason.map(str::to_owned));
    let kind = Kind::ProgramWithdrawn { number, actor, verified: false, reason };
    Some(record(publication, &[&version.number.to_string(), "withdrawn"], kind))
}

fn record(publication: Publication<'_>, identity: &[&str], kind: Kind) -> Record {
    let Publication { version, head, now, .. } = publication;
    let program = &version.program;
    let identity = Identity::internal(&program.id, "program", identity);
    let Event { identity, partner, time, kind, hash, .. } = Event::internal(identity, PartnerId::program(), now, kind);
    let day = program.calendar.day(now);
    let today = head.day.map_or(day, |before| before.max(day));
    Record {
        identity,
        partner,
        position: head.position + 1,
        kind: kind.name().into(),
        time,
        data: kind.canonical(),
        hash,
        outcome: Outcome::Applied,
        reason: None,
        postings: vec![],
        effects: vec![],
        trials: vec![],
        earned_by: None,
        decided_by: version.number,
        relied_on: ReliedOn::default(),
        held_until: None,
        edition: EDITION,
        decided_at: now,
        on: today,
        booked: today,
        open_from: today,
        after: Balance::default(),
    }
}
