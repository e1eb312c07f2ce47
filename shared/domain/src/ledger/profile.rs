//! What is said of a partner itself: who it is, what it accepted, and what it is to reach.

use std::collections::BTreeMap;

use event::PartnerFacts;
use event::ids::{IdError, Motion, Name};
use event::period::TargetPeriod;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::exclusive::{Exclusive, Scope};
use super::fact::{Fact, Stamp};
use super::suspect::Suspect;

/// What the enrolment says of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The motions it takes part in.
    #[serde(rename = "m")]
    pub motions: Vec<Motion>,
    /// Its territory.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<Name>,
    /// Its time zone.
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Its name for people, at most 48 characters of it.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it stands on no leaderboard (M39).
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// What is stated of it in the vendor's own words (M47).
    #[serde(rename = "s", default, skip_serializing_if = "PartnerFacts::is_empty")]
    pub stated: PartnerFacts,
}

/// So much of a partner's name is kept, in characters.
pub(super) const NAME_CHARS_MAX: usize = 48;

/// How far a partner has come that was new (M17, M29).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Milestone {
    /// It has every course, certification and agreement that the program asks for.
    #[serde(rename = "t")]
    Trained,
    /// It brings what the program asks for.
    #[serde(rename = "p")]
    Productive,
}

impl Milestone {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Milestone::Trained => "trained",
            Milestone::Productive => "productive",
        }
    }
}

/// Facts about a partner, written when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What the enrolment says.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Fact<Facts>>,
    /// The agreement version last accepted (M43).
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Fact<String>>,
    /// The enrolment with which its membership began, where a later one stated the facts anew.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Stamp>,
    /// When an agreement was accepted first, by its own time: where the way to being trained begins (M29).
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Timestamp>,
    /// How far it has come, and when, by the own time of the event that completed it (M29).
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reached: BTreeMap<Milestone, Timestamp>,
    /// What persons attest of it, by criterion (M20), at most [`ATTESTED_MAX`].
    #[serde(rename = "c", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attested: BTreeMap<Name, Fact<Name>>,
    /// Targets that were set (M09): the latest periods.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<TargetKey, Fact<Decimal>>,
    /// How far targets were attained in the end, by which deals are trued up (M09): the latest periods, at most [`TARGETS_MAX`].
    #[serde(rename = "e", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attained: BTreeMap<TargetKey, Ended>,
    /// What is held for its looks (M40), at most [`SUSPECTS_MAX`](super::suspect::SUSPECTS_MAX), by the day it is released.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
    /// What is the partner's alone (M23), at most [`EXCLUSIVE_MAX`].
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exclusive: BTreeMap<Scope, Exclusive>,
    /// When it was last said of a territory or a vertical that it is the partner's alone, or is so no longer: an older saying changes
    /// nothing (I24). Of those that are free again the latest [`EXCLUSIVE_MAX`].
    #[serde(rename = "y", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<Scope, Stamp>,
}

/// Most territories and verticals that are one partner's alone.
pub const EXCLUSIVE_MAX: usize = 32;

/// Most criteria of a partner that are attested.
pub const ATTESTED_MAX: usize = 64;

/// So many targets of a partner are kept, those first forgotten whose periods are over; of more no other is taken.
pub const TARGETS_MAX: usize = 128;

/// How far a target was attained when the books of its period had closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The first month of the period: by another version it may begin at another time.
    #[serde(rename = "m")]
    pub first: Month,
    /// The part of the target, 1 for all of it; none where none was set.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Decimal>,
}

/// What a target is set for. Written as `2026-Q3 acv sell`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetKey {
    /// In which period: written first, so that the earliest is the first to be forgotten.
    pub period: TargetPeriod,
    /// Of what.
    pub measure: Name,
    /// In which motion.
    pub motion: Motion,
}

impl From<TargetKey> for String {
    fn from(TargetKey { period, measure, motion }: TargetKey) -> Self {
        format!("{period} {measure} {motion}")
    }
}

impl TryFrom<String> for TargetKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let period = TargetPeriod::try_from(part())?;
        let bad = |error: IdError| error.to_string();
        Ok(Self { period, measure: part().try_into().map_err(bad)?, motion: part().try_into().map_err(bad)? })
    }
}

impl Profile {
    /// Takes over an enrolment of a partner that left last at `left`, if it did: the first one after that began what it is in now.
    /// False if a later one stated the facts before (I24).
    pub(super) fn enrol(&mut self, said: Facts, since: Stamp, left: Option<Stamp>) -> bool {
        let of_now = |stamp: &Stamp| left.is_none_or(|left| *stamp > left);
        let mut began = self.began();
        if of_now(&since) {
            began = Some(began.filter(of_now).map_or(since, |began| began.min(since)));
        }
        let newer = Fact::learn(&mut self.facts, said, since);
        self.since = began.filter(|began| self.stated() != Some(*began));
        newer
    }

    /// The enrolment with which a membership began, as far as that is known; it may have ended since.
    pub(crate) fn began(&self) -> Option<Stamp> {
        self.since.or(self.stated())
    }

    fn stated(&self) -> Option<Stamp> {
        self.facts.as_ref().map(|facts| facts.since)
    }

    /// Takes over an agreement. False if a later one was accepted before.
    pub(super) fn accept(&mut self, version: &str, since: Stamp) -> bool {
        let signed = self.signed.get_or_insert(since.time());
        *signed = since.time().min(*signed);
        Fact::learn(&mut self.agreement, version.to_owned(), since)
    }

    /// Takes over how something is the partner's alone, or that it is free.
    pub(super) fn say(&mut self, of: &Scope, said: Stamp, held: Option<&Exclusive>) {
        self.said.insert(of.clone(), said);
        match held {
            Some(held) => self.exclusive.insert(of.clone(), held.clone()),
            None => self.exclusive.remove(of),
        };
        if self.said.len() > self.exclusive.len() + EXCLUSIVE_MAX {
            let free = self.said.iter().filter(|(of, _)| !self.exclusive.contains_key(of));
            let oldest = free.min_by_key(|(_, said)| **said).map(|(of, _)| of.clone());
            oldest.map(|of| self.said.remove(&of));
        }
    }

    /// Whether there is room on a day for a target, beside those of periods that are not over.
    pub(crate) fn takes(&self, key: &TargetKey, day: Date) -> bool {
        let stay = self.targets.keys().filter(|kept| !kept.period.is_over(day)).count();
        self.targets.contains_key(key) || stay < TARGETS_MAX
    }

    /// Takes over how far a target was attained in the end.
    pub(super) fn attain(&mut self, key: TargetKey, ended: Ended) {
        self.attained.insert(key, ended);
        while self.attained.len() > TARGETS_MAX {
            self.attained.pop_first();
        }
    }

    /// Takes over what is attested. False if a later event attested otherwise before.
    pub(super) fn attest(&mut self, criterion: &Name, value: Name, since: Stamp) -> bool {
        let mut slot = self.attested.remove(criterion);
        let newer = Fact::learn(&mut slot, value, since);
        self.attested.extend(slot.map(|fact| (criterion.clone(), fact)));
        newer
    }

    /// Takes over a target on a day. False if a later event set it otherwise before.
    pub(super) fn set(&mut self, key: TargetKey, target: Decimal, since: Stamp, day: Date) -> bool {
        let mut slot = self.targets.remove(&key);
        let newer = Fact::learn(&mut slot, target.normalize(), since);
        // What is forgotten makes room for this one, not this one for what is over.
        while self.targets.len() >= TARGETS_MAX {
            let over = self.targets.keys().find(|kept| kept.period.is_over(day)).cloned();
            let first = over.or_else(|| self.targets.keys().next().cloned());
            first.map(|first| self.targets.remove(&first));
        }
        self.targets.extend(slot.map(|fact| (key, fact)));
        newer
    }
}
