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
    /// Who does it, says whoever does; nothing proves it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The record of a publication; `file` is the text of the version.
pub fn publication(publication: Publication<'_>, file: &str) -> Record {
    let Publication { version, actor, .. } = publication;
    let kind = Kind::ProgramPublished {
        content_hash: version.hash.clone(),
        effective_from: version.effective_from,
        actor: actor.to_owned(),
        verified: false,
        file: Document(file.to_owned()),
    };
    record(publication, &[&version.number.to_string()], kind)
}

/// The record of a withdrawal; `None` for a number that no version has.
pub fn withdrawal(publication: Publication<'_>) -> Option<Record> {
    let Publication { version, actor, .. } = publication;
    let number = Whole::new(i64::from(version.number))?;
    let kind = Kind::ProgramWithdrawn { number, actor: actor.to_owned(), verified: false };
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
