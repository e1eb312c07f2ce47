//! Published versions of one program, and which is in force when.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::Gather;
use event::ids::{Motion, RewardId, TierId};
use event::{Declared, Event, OwnType, Unreadable};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::ladder::Tier;
use crate::program::Program;
use crate::reward::Reward;

/// One published version: immutable, named by number and content.
#[derive(Clone, Debug)]
pub struct Version {
    /// 1, 2, 3 ... in the order of publishing.
    pub number: u32,
    /// SHA-256 of the file, in hex.
    pub hash: String,
    /// From when it is in force.
    pub effective_from: Timestamp,
    /// What the file says.
    pub program: Arc<Program>,
}

impl Version {
    /// SHA-256 of a program file's text, in hex.
    pub fn content_hash(text: &str) -> String {
        hex::encode(Sha256::digest(text))
    }
}

/// Since when each tier is reviewed as a version says.
type ReviewedSince = BTreeMap<Motion, BTreeMap<TierId, Timestamp>>;

/// The published versions of one program, at least one that stands.
#[derive(Clone, Debug)]
pub struct Programs {
    versions: Arc<[Version]>,
    /// Those that were withdrawn before they took effect.
    withdrawn: Arc<[Version]>,
    /// For each version, since when each tier is reviewed as it says.
    reviewed_since: Arc<[ReviewedSince]>,
}

impl Programs {
    /// The versions of one program in any order; `None` if there are none.
    pub fn new(versions: Vec<Version>) -> Option<Self> {
        (!versions.is_empty()).then(|| Self::of(versions))
    }

    fn of(mut versions: Vec<Version>) -> Self {
        versions.sort_by_key(|v| (v.effective_from, v.number));
        let mut reviewed_since: Vec<ReviewedSince> = Vec::with_capacity(versions.len());
        for (at, version) in versions.iter().enumerate() {
            // One that another replaced in the same instant was never in force.
            let before = versions[..at].iter().rposition(|before| before.effective_from < version.effective_from);
            let before = before.and_then(|at| Some((versions.get(at)?, reviewed_since.get(at)?)));
            let since = |motion: &Motion, tier: &Tier| {
                let (version, since) = before?;
                let old = version.program.ladders.get(motion)?.iter().find(|old| old.id == tier.id)?;
                let same = (old.keep.is_some(), old.review) == (tier.keep.is_some(), tier.review);
                since.get(motion)?.get(&tier.id).copied().filter(|_| same)
            };
            let of = |(motion, tiers): (&Motion, &Vec<Tier>)| {
                let each = tiers.iter();
                let each = each.map(|tier| (tier.id.clone(), since(motion, tier).unwrap_or(version.effective_from)));
                (motion.clone(), each.gather())
            };
            let all = version.program.ladders.iter().map(of).gather();
            reviewed_since.push(all);
        }
        Self { versions: versions.into(), withdrawn: [].into(), reviewed_since: reviewed_since.into() }
    }

    /// The same with one more version.
    pub fn with(&self, version: Version) -> Self {
        let versions = self.versions.iter().cloned().chain([version]).collect();
        Self { withdrawn: self.withdrawn.clone(), ..Self::of(versions) }
    }

    /// The same without a version that was withdrawn before it took effect; `None` if there is no other.
    pub fn without(&self, number: u32) -> Option<Self> {
        let (gone, rest): (Vec<_>, Vec<_>) = self.versions.iter().cloned().partition(|v| v.number == number);
        let withdrawn = self.withdrawn.iter().cloned().chain(gone).collect();
        Some(Self { withdrawn, ..Self::new(rest)? })
    }

    /// Since when a tier is reviewed, and as often, as this version says: from then on, also of those who held it before.
    pub fn reviewed_since(&self, version: &Version, motion: &Motion, tier: &TierId) -> Timestamp {
        let place = self.versions.iter().position(|other| other.number == version.number);
        let since = place.and_then(|place| self.reviewed_since.get(place)?.get(motion)?.get(tier).copied());
        since.unwrap_or(version.effective_from)
    }

    /// The version in force at `at`: the latest effective, and of two effective at once the later published.
    pub fn in_force(&self, at: Timestamp) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.effective_from <= at)
    }

    /// The version in force at `now`, or the first one if none is yet.
    pub fn current(&self, now: Timestamp) -> &Version {
        self.in_force(now).unwrap_or(&self.versions[0])
    }

    /// Every version by which something is decided from `now` on: the one in force, and those that take effect later.
    pub fn from(&self, now: Timestamp) -> impl Iterator<Item = &Version> {
        let current = self.current(now).number;
        self.versions.iter().filter(move |version| version.number == current || version.effective_from > now)
    }

    /// The version with this number, also of those that were withdrawn.
    pub fn number(&self, number: u32) -> Option<&Version> {
        self.versions.iter().chain(self.withdrawn.iter()).find(|version| version.number == number)
    }

    /// A reward as the newest version that has it says: one that was asked for is delivered, also where later versions have it no
    /// more.
    pub fn reward(&self, id: &RewardId) -> Option<&Reward> {
        self.versions.iter().rev().find_map(|version| version.program.rewards.get(id))
    }

    /// Reads the body of one message of this program: also of a type that it declares, as by `until`.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub fn parse(&self, body: &str, now: Timestamp, until: Timestamp) -> Result<Event, Unreadable> {
        let id = &self.versions[0].program.id;
        let read = Event::parse_declared(body, now, &|program, name, time| {
            Some(self).filter(|_| program == id)?.declares(name, time, until).map(Declared::So)
        });
        read.map_err(|mut unreadable| {
            let declared = self.current(now).program.events.keys().map(|name| &**name).collect::<Vec<_>>().join(", ");
            if !declared.is_empty() {
                unreadable.declares(&declared);
            }
            unreadable
        })
    }

    /// What the program declares of an event type of its own, for events of `time`: the version in force then, though a sender's clock
    /// may be ahead of this one, or the first one after it that declares the type, if it takes effect by `until`.
    pub fn declares(&self, name: &str, time: Timestamp, until: Timestamp) -> Option<&OwnType> {
        let of = |version: &'_ Version| version.program.events.contains_key(name);
        let then = self.in_force(time).filter(|version| of(version));
        let later = || self.versions.iter().find(|v| v.effective_from > time && v.effective_from <= until && of(v));
        then.or_else(later)?.program.events.get(name).map(|own| &own.form)
    }

    /// Whether the version with this number was withdrawn: by it nothing is decided, and nothing earned.
    pub fn is_withdrawn(&self, number: u32) -> bool {
        self.withdrawn.iter().any(|version| version.number == number)
    }

    /// Every version that was not withdrawn, oldest effective first.
    pub fn all(&self) -> &[Version] {
        &self.versions
    }
}
