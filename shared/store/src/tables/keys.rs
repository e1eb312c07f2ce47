//! Every key and attribute name, once. Each part of a key is escaped, so no id can inject a separator.

use domain::decide::Awaited;
use domain::ledger::{Part, PoolPart};
use event::ids::{Identity, PartnerId, PersonId, ProgramId};
use event::{body_hash, steady_hash};

/// Partition key of the ledger: a record's identity, or what names something kept beside the records.
pub const ID: &str = "k";
/// Partition key of the state and of what waits.
pub const PK: &str = "pk";
/// Sort key of the state and of what waits.
pub const SK: &str = "sk";
/// Partition key of [`BY_HISTORY`]: whose history a record stands in, or beside.
pub const HISTORY: &str = "w";
/// Sort key of [`BY_HISTORY`]: a record's position; of what is kept beside, when it was kept, in milliseconds.
pub const PLACE: &str = "n";
/// The ledger's index of a partner's history: all attributes, for statements, audit and rebuild.
pub const BY_HISTORY: &str = "by_history";
/// The record's form; what is kept beside the records has none.
pub const FORM: &str = "f";
/// The head's version.
pub const POSITION: &str = "position";
/// Partition key of [`BY_ASIDE`].
pub const ASIDE: &str = "aside";
/// Sort key of [`BY_ASIDE`].
pub const KEPT_AT: &str = "kept_at";
/// The ledger's sparse index of what was kept beside: conflicts and rejections.
pub const BY_ASIDE: &str = "by_aside";
/// Partition key of [`BY_NAMED`]: whose event it is, by what its sender calls it.
pub const NAMED: &str = "named";
/// The ledger's sparse index of what was kept beside, by the event's name.
pub const BY_NAMED: &str = "by_named";
/// Partition key of [`BY_DUE`].
pub const DUE_SHARD: &str = "due_shard";
/// Sort key of [`BY_DUE`]: the day on which something becomes due.
pub const DUE_ON: &str = "due_on";
/// The state's sparse index of accounts by due day; keys only.
pub const BY_DUE: &str = "by_due";
/// Partition key of [`BY_AWAITED`]: what is awaited.
pub const WAITS_FOR: &str = "waits_for";
/// The index of held events by what they wait for, and by deadline.
pub const BY_AWAITED: &str = "by_awaited";
/// Partition key of [`BY_UNTIL`].
pub const WAITS_IN: &str = "waits_in";
/// Sort key of [`BY_UNTIL`] and [`BY_AWAITED`]: the deadline.
pub const UNTIL: &str = "until";
/// The index of held events by deadline, without their bodies.
pub const BY_UNTIL: &str = "by_until";
/// Partition key of [`BY_WHOSE`]: the partner.
pub const WHOSE: &str = "whose";
/// Sort key of [`BY_WHOSE`]: since when it waits.
pub const HELD_AT: &str = "held_at";
/// The index of held events by partner, without their bodies.
pub const BY_WHOSE: &str = "by_whose";
/// What the indexes by deadline and by partner hold of a held event beside its keys: everything but its body.
pub const SHOWN: [&str; 9] =
    ["identity", "partner", "awaits", "seen", "hash", "persons", "held_at", "until", "sent_at"];
/// A write counter.
pub const VERSION: &str = "version";
/// Seconds since 1970 after which the item may be dropped.
pub const EXPIRES_AT: &str = "expires_at";

/// Hex digits of a hash that stands in a key: 128 bits.
const HASH_DIGITS: usize = 32;

/// Due accounts are spread over this many partitions of the index.
pub const DUE_SHARDS: u32 = 8;

/// The parts, each escaped, with `#` between them.
fn join(parts: &[&str]) -> String {
    parts.iter().map(|part| part.replace('%', "%25").replace('#', "%23")).collect::<Vec<_>>().join("#")
}

/// A part of a sort key that may be long: DynamoDB takes 1,024 bytes, and escaping makes three bytes of one, so what is
/// longer than this is named by a hash.
const PART_BYTES_MAX: usize = 100;

fn short(part: &str) -> String {
    // What looks like such a hash is hashed, too.
    let plain = part.len() <= PART_BYTES_MAX && !part.starts_with('~');
    if plain { part.to_owned() } else { format!("~{}", &body_hash(part)[..HASH_DIGITS]) }
}

/// Something kept beside the ledger's records, named by what it is and a hash of it: two parts, where a record's key has
/// three.
pub fn kept(word: &str, hash: &str) -> String {
    join(&[word, hash])
}

/// What is kept beside a partner's history with one outcome: three parts, where a history's key has two.
pub fn beside(program: &str, partner: &str, outcome: &str) -> String {
    join(&[program, partner, outcome])
}

/// What is kept beside of one event of a partner: senders may write what they like for a name, so it is hashed.
pub fn named(program: &str, partner: &str, source: &str, id: &str) -> String {
    let parts = [program, partner, source, id].map(body_hash).concat();
    body_hash(&parts).chars().take(HASH_DIGITS).collect()
}

/// The partition of everything that is the partner's alone.
pub fn partner(program: &ProgramId, partner: &PartnerId) -> String {
    join(&["partner", program.as_str(), partner.as_str()])
}

/// The program's rows of one outcome that needs a person.
pub fn aside(program: &str, outcome: &str) -> String {
    join(&[outcome, program])
}

/// The partition of the due index that a partner is in.
pub fn due_shard(program: &ProgramId, partner: &PartnerId) -> String {
    due_shard_number(program, steady_hash(partner.bytes()) % DUE_SHARDS)
}

/// The due index's partition by number, 0 to [`DUE_SHARDS`] - 1.
pub fn due_shard_number(program: &ProgramId, shard: u32) -> String {
    join(&["due", program.as_str(), &shard.to_string()])
}

/// The due index's partition of redemptions that are not final.
pub fn standing(program: &ProgramId) -> String {
    join(&["standing", program.as_str()])
}

/// Sort key of the head item.
pub const HEAD: &str = "head";
/// The first parts of the sort keys of an account's parts.
pub const FAMILIES: [&str; 8] = ["certified", "counts", "course", "expired", "holder", "lots", "measures", "profile"];
/// The first part of the sort keys of pseudonyms.
pub const PERSON: &str = "person";
/// The first part of the sort keys of pseudonyms that are nobody's any more.
pub const ERASED: &str = "erased";

/// Sort key of a part of an account.
pub fn part(part: &Part) -> String {
    match part {
        Part::Lots => "lots".to_owned(),
        Part::Expired(lot) => join(&["expired", &lot.to_string()]),
        Part::Profile => "profile".to_owned(),
        Part::Course(id) => join(&["course", &short(id)]),
        Part::Holder(person, id) => join(&["holder", &short(person), &short(id)]),
        Part::Certified(None) => "certified".to_owned(),
        Part::Certified(Some(id)) => join(&["certified", &short(id)]),
        Part::Measures(quarter) => join(&["measures", &quarter.to_string()]),
        Part::Count(key) => join(&["counts", &key.period.to_string(), &short(&key.who), &key.bucket.to_string()]),
    }
}

/// Partition of an event of Laurel's own that is to be judged.
pub fn outbox(program: &ProgramId, id: &str) -> String {
    join(&["out", program.as_str(), id])
}

/// The partition, in the index by deadline, of what a program's records sent and was not judged yet.
pub fn sent_in(program: &ProgramId) -> String {
    join(&["out", program.as_str()])
}

/// Sort key of a person's pseudonym. Hashed: a key cannot be overwritten, so it must name nobody.
pub fn pseudonym(person: &PersonId) -> String {
    join(&[PERSON, &body_hash(person)[..HASH_DIGITS]])
}

/// Sort key of the note that a pseudonym is nobody's any more.
pub fn erased(pseudonym: &PersonId) -> String {
    join(&[ERASED, pseudonym])
}

/// Sort key of a redemption; ids are UUID v7, so they sort by time.
pub fn redemption(id: &str) -> String {
    join(&["redemption", id])
}

/// The partition of a program's leaderboards.
pub fn boards(program: &ProgramId) -> String {
    join(&["boards", program.as_str()])
}

/// How the sort keys of all shards of a leaderboard begin, behind which the shard's number stands; by what is measured, in which motion
/// and in which period.
pub fn board_shards([metric, motion, period]: [&str; 3]) -> String {
    format!("{}#", join(&["board", metric, motion, period]))
}

/// Sort key of when a program's leaderboards were counted last.
pub const BEGUN: &str = "begun";

/// Partition of a deal.
pub fn deal(program: &ProgramId, id: &str) -> String {
    join(&["deal", program.as_str(), id])
}

/// How the partitions of a program's deals begin.
pub fn deals(program: &ProgramId) -> String {
    format!("{}#", join(&["deal", program.as_str()]))
}

/// Partition of an opportunity.
pub fn opportunity(program: &ProgramId, id: &str) -> String {
    join(&["opportunity", program.as_str(), id])
}

/// Partition of a sub-balance of a pool: each its own, so that they are not written in one place.
pub fn pool(program: &ProgramId, part: &PoolPart) -> String {
    join(&["pool", program.as_str(), &part.to_string()])
}

/// How the partitions of a program's pools begin.
pub fn pools(program: &ProgramId) -> String {
    format!("{}#", join(&["pool", program.as_str()]))
}

/// The sub-balance that a partition is of.
pub fn pool_part(pk: &str) -> Option<PoolPart> {
    let part = pk.splitn(3, '#').nth(2)?;
    part.replace("%23", "#").replace("%25", "%").parse().ok()
}

/// Sort key of items that are alone in their partition.
pub const ONLY: &str = "-";

/// Partition of a reward: its stock and its cards.
pub fn reward(program: &ProgramId, id: &str) -> String {
    join(&["reward", program.as_str(), id])
}

/// Sort key of a reward's stock.
pub const STOCK: &str = "stock";

/// Sort key of a free card.
pub fn free_card(print: &str) -> String {
    join(&["free", print])
}

/// The first part of the sort keys of cards that were given.
pub const ISSUED: &str = "issued#";

/// Sort key of the setting that says which key of this name has sealed cards here.
pub fn card_key(name: &str) -> String {
    join(&["card-key", name])
}

/// Partition key of the mark that a code was loaded, whatever the reward: a card is given once.
pub fn card_print(print: &str) -> String {
    join(&["card", print])
}

/// Sort key of a card that belongs to a redemption.
pub fn issued_card(redemption: &str, piece: i64) -> String {
    join(&["issued", redemption, &piece.to_string()])
}

/// Partition of a program's versions.
pub fn program(program: &str) -> String {
    join(&["program", program])
}

/// Sort key of a version; zero-padded, so that versions sort by number.
pub fn version(number: u32) -> String {
    format!("version#{number:010}")
}

/// Partition of the list of programs.
pub const PROGRAMS: &str = "programs";

/// Partition of [`BY_AWAITED`]: everybody who waits for a deal, a partner, a rate or a program.
pub fn awaited(program: &ProgramId, awaits: &Awaited) -> String {
    match awaits {
        Awaited::Partner(id) => join(&["held", program, "partner", id]),
        Awaited::Deal(id) => join(&["held", program, "deal", id]),
        Awaited::Reassignment(id) => join(&["held", program, "reassignment", id]),
        Awaited::Booking(id) => join(&["held", program, "booking", id]),
        Awaited::Rate(currency) => join(&["held", program, "rate", currency]),
        Awaited::Program => join(&["held", program, "program"]),
    }
}

/// Partition of a held event: its identity.
pub fn hold(identity: &Identity) -> String {
    join(&["held", &identity.program, &identity.source, &identity.id])
}

/// Partition of [`BY_UNTIL`] with a program's held events.
pub fn waits_in_program(program: &ProgramId) -> String {
    join(&["held", program])
}

/// Partition of [`BY_UNTIL`] with the events whose program is not published. One for all: nobody lists such programs.
pub const WAITS_FOR_PROGRAM: &str = "held";

/// Partition of [`BY_UNTIL`] for an event that waits.
pub fn waits_in(program: &ProgramId, awaits: &Awaited) -> String {
    match awaits {
        Awaited::Program => WAITS_FOR_PROGRAM.to_owned(),
        Awaited::Partner(_) | Awaited::Deal(_) | Awaited::Reassignment(_) | Awaited::Booking(_) | Awaited::Rate(_) => {
            waits_in_program(program)
        }
    }
}

/// Partition of the quarantine's index.
pub const QUARANTINE: &str = "quarantine";

/// Partition of settings that every function reads.
pub const SETTINGS: &str = "settings";

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ledger::{FrequencyKey, record_key};

    fn identity(program: &str, source: &str, id: &str) -> Identity {
        let all = (program.try_into(), source.try_into(), id.try_into());
        Identity { program: all.0.expect("program"), source: all.1.expect("source"), id: all.2.expect("id") }
    }

    #[test]
    fn separators_cannot_inject() {
        assert_ne!(record_key(&identity("p", "/crm#a", "1")), record_key(&identity("p", "/crm", "a#1")));
        assert_ne!(record_key(&identity("p", "/crm%23a", "1")), record_key(&identity("p", "/crm#a", "1")));
        let p = |a: &str, b: &str| partner(&a.try_into().expect("program"), &b.try_into().expect("partner"));
        assert_ne!(p("a#b", "c"), p("a", "b#c"));
    }

    #[test]
    fn the_longest_identity_fits_a_partition_key() {
        let worst = "\u{10000}".repeat(128);
        let hashes = "#".repeat(128);
        assert!(record_key(&identity(&worst, &worst, &worst)).len() <= 2048);
        assert!(record_key(&identity(&hashes, &hashes, &hashes)).len() <= 2048);
    }

    #[test]
    fn what_is_awaited_fits_a_partition_key() {
        for worst in ["\u{10000}".repeat(128), "#".repeat(128)] {
            let program = worst.as_str().try_into().expect("a program");
            let partner = Awaited::Partner(worst.as_str().try_into().expect("a partner"));
            let deal = Awaited::Deal(worst.as_str().try_into().expect("a deal"));
            let moved = Awaited::Reassignment(worst.as_str().try_into().expect("a deal"));
            for awaits in [partner, deal, moved, Awaited::Rate("EUR".to_owned()), Awaited::Program] {
                assert!(awaited(&program, &awaits).len() <= 2_048);
            }
        }
    }

    /// What `whole` reads is every part: one that is of no family would be missing in an audit and lost in a rebuild.
    #[test]
    fn every_part_is_of_a_family() {
        let month = event::time::Month::of(jiff::civil::date(2026, 1, 1));
        let id = |text: &str| text.to_owned();
        let period = domain::ledger::CapKey::try_from("a|b|ever".to_owned()).expect("a key").period;
        let parts = [
            Part::Lots,
            Part::Expired(month),
            Part::Profile,
            Part::Course(id("c").try_into().expect("a course")),
            Part::Holder(id("p").try_into().expect("a person"), id("c").try_into().expect("a certification")),
            Part::Certified(None),
            Part::Measures(month),
            Part::Count(FrequencyKey { who: id("w").into(), period, bucket: 0 }),
        ];
        for one in &parts {
            match one {
                // A new part is to be added above.
                Part::Lots
                | Part::Expired(_)
                | Part::Profile
                | Part::Course(_)
                | Part::Holder(..)
                | Part::Certified(_)
                | Part::Measures(_)
                | Part::Count(_) => {}
            }
            let key = part(one);
            assert!(FAMILIES.iter().any(|family| key.starts_with(family)), "{key}");
        }
        assert_eq!(parts.len(), FAMILIES.len());
    }

    #[test]
    fn the_longest_names_fit_a_sort_key() {
        for worst in ["\u{10000}".repeat(128), "#".repeat(128), "#".repeat(PART_BYTES_MAX)] {
            let sent = identity("p", &worst[..worst.len().min(512)], "1");
            let sent = Identity { id: worst.chars().take(128).collect::<String>().try_into().expect("id"), ..sent };
            assert!(hold(&sent).len() <= 2_048);
            let team = format!("team {}", worst.repeat(8));
            let key = FrequencyKey {
                who: team.into(),
                period: domain::ledger::CapKey::try_from("a|b|ever".to_owned()).expect("a key").period,
                bucket: 0,
            };
            assert!(part(&Part::Count(key)).len() <= 1_024);
            let named = |text: &str| text.chars().take(128).collect::<String>();
            let course = named(&worst).try_into().expect("a course");
            assert!(part(&Part::Course(course)).len() <= 1_024);
        }
    }

    #[test]
    fn a_partners_shard_never_changes() {
        let (program, partner) =
            ("hr-software".try_into().expect("program"), "partner-17".try_into().expect("partner"));
        assert_eq!(due_shard(&program, &partner), "due#hr-software#0");
    }
}
