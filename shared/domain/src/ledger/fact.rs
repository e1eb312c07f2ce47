//! Facts: ordered by the events' own time, not by arrival (I24).

use event::ids::Identity;
use event::{planted, steady_hash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When a fact was true, says its event; which of two at one instant counts is settled by a hash of the event's identity.
/// Written as seconds since 1970 and that hash: `1773480600/3054667830`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp(Timestamp, u32);

impl From<Stamp> for String {
    fn from(Stamp(time, hash): Stamp) -> Self {
        let (seconds, nanoseconds) = (time.as_second(), time.subsec_nanosecond());
        let fraction = if nanoseconds == 0 { String::new() } else { format!(".{nanoseconds:09}") };
        format!("{seconds}{fraction}/{hash}")
    }
}

impl TryFrom<String> for Stamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (time, hash) = text.split_once('/')?;
            let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
            let time = Timestamp::new(seconds.parse().ok()?, fraction.parse().ok()?).ok()?;
            Some(Self(time, hash.parse().ok()?))
        };
        read().ok_or_else(|| format!("`{text}` is no stamp"))
    }
}

impl Stamp {
    /// When it was.
    pub(crate) fn time(self) -> Timestamp {
        self.0
    }

    /// The stamp of an event.
    pub fn of(time: Timestamp, identity: &Identity) -> Self {
        Self(time, steady_hash(identity.source.bytes().chain([0]).chain(identity.id.bytes())))
    }
}

/// A value and when it was said to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The value.
    #[serde(rename = "v")]
    pub value: T,
    /// Since when.
    #[serde(rename = "s")]
    pub since: Stamp,
}

impl<T> Fact<T> {
    /// Puts a value in its place unless a later one stands there. Whether it took effect.
    pub(crate) fn learn(slot: &mut Option<Self>, value: T, since: Stamp) -> bool {
        let newer = planted("a fact by arrival") || slot.as_ref().is_none_or(|fact| fact.since <= since);
        if newer {
            *slot = Some(Self { value, since });
        }
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_as_it_was_written() {
        for time in ["2026-03-14T09:30:00Z", "2026-03-14T09:30:00.000000001Z", "2001-01-01T00:00:00.5Z"] {
            let stamp = Stamp(time.parse().expect("an instant"), 7);
            assert_eq!(Stamp::try_from(String::from(stamp)), Ok(stamp));
        }
        assert!(Stamp::try_from("soon/7".to_owned()).is_err());
    }
}
