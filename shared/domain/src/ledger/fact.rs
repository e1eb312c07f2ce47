//! Facts: ordered by the events' own time, not by arrival (I24).

use event::ids::Identity;
use event::steady_hash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When a fact was true, says its event; which of two at one instant counts is settled by a hash of the event's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(Timestamp, u32);

impl Stamp {
    /// The stamp of an event.
    pub fn of(time: Timestamp, identity: &Identity) -> Self {
        Self(time, steady_hash(identity.source.bytes().chain([0]).chain(identity.id.bytes())))
    }
}

/// A value and when it was said to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Since when.
    pub since: Stamp,
}

impl<T> Fact<T> {
    /// Puts a value in its place unless a later one stands there. Whether it took effect.
    pub(crate) fn learn(slot: &mut Option<Self>, value: T, since: Stamp) -> bool {
        let newer = slot.as_ref().is_none_or(|fact| fact.since <= since);
        if newer {
            *slot = Some(Self { value, since });
        }
        newer
    }
}
