//! What records hold for its looks, and let go (M40).

use event::MeaningHash;
use event::ids::{Identity, Label};

use super::effect::Effect;
use super::record::Record;
use super::stored::{HASH_DIGITS, record_key};
use super::suspect::{Suspect, is_held};

/// What an event is found by among them.
pub fn suspect_of(identity: &Identity) -> Label {
    MeaningHash::of(&record_key(identity)).to_string().get(..HASH_DIGITS).unwrap_or_default().into()
}

/// Those of a record.
fn of(record: &Record) -> impl Iterator<Item = Suspect> {
    record.effects.iter().filter_map(|effect| match effect {
        Effect::Suspected { rule, points, release, motion, .. } => Some(Suspect {
            release: *release,
            event: suspect_of(&record.identity),
            rule: rule.clone(),
            motion: motion.clone(),
            position: record.position,
            points: *points,
        }),
        _ => None,
    })
}

/// Takes over what a record holds, and what it lets go: what time has released is held no more.
pub(super) fn fold(all: &mut Vec<Suspect>, record: &Record) {
    all.extend(of(record));
    for effect in &record.effects {
        if let Effect::Cleared { event } = effect {
            all.retain(|one| !one.is_of(event.as_ref()));
        }
    }
    all.retain(|one| is_held(one, record.on));
    all.sort();
}
