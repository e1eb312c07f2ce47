//! Publishing a version of a program: nothing to decide, and a record all the same, in the history of the program itself.

use event::ids::{Identity, PartnerId};
use event::{Document, Event, Kind};
use jiff::Timestamp;
use program::Version;

use crate::ledger::{Balance, EDITION, Outcome, Record, ReliedOn};

/// A version as it is published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The version.
    pub version: &'a Version,
    /// Its file.
    pub file: &'a str,
    /// Who published it, says whoever did; nothing proves it.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The record of a publication. Its position is the version's number.
pub fn publication(publication: Publication<'_>) -> Record {
    let Publication { version, file, actor, now } = publication;
    let program = &version.program;
    let kind = Kind::ProgramPublished {
        content_hash: version.hash.clone(),
        effective_from: version.effective_from,
        actor: actor.to_owned(),
        verified: false,
        file: Document(file.to_owned()),
    };
    let identity = Identity::internal(&program.id, "program", &[&version.number.to_string()]);
    let Event { identity, partner, time, kind, data, hash, .. } =
        Event::internal(identity, PartnerId::program(), now, kind);
    let today = program.calendar.day(now);
    Record {
        identity,
        partner,
        position: u64::from(version.number),
        kind: kind.name().to_owned(),
        time,
        data: data.canonical(),
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
