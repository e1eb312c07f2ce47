//! A record as it is stored: short names, and nothing twice. It stays within 1 KB for every built-in event up to a closing
//! with two lines, so that it costs two write units.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use event::MeaningHash;
use event::ids::{EventId, Identity, PartnerId, ProgramId, RuleId, Source};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::asset::Asset;
use super::balance::Balance;
use super::effect::Effect;
use super::outcome::Outcome;
use super::posting::Posting;
use super::reason::{Reason, Trial};
use super::record::{EDITION, RECORD_FORM, Record, ReliedOn, VersionRef};

/// Content hashes are kept to this many hex digits.
pub(crate) const HASH_DIGITS: usize = 16;

/// A record as it is stored. The partition key `k` is its identity and nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredRecord {
    /// Program, source and id.
    k: String,
    /// Whose history it stands in: program and partner.
    w: String,
    /// Position.
    n: u64,
    /// Type.
    y: String,
    /// Time.
    t: Timestamp,
    /// Data.
    d: String,
    /// Hash, in Base64 without padding.
    h: String,
    /// Outcome.
    o: Outcome,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    postings: Vec<Posting>,
    #[serde(rename = "e", default, skip_serializing_if = "Vec::is_empty")]
    effects: Vec<Effect>,
    #[serde(rename = "q", default, skip_serializing_if = "Vec::is_empty")]
    trials: Vec<Trial>,
    /// What its commission rules give.
    #[serde(rename = "m", default, skip_serializing_if = "Asset::is_points")]
    pays: Asset,
    /// Number and hash of the version it earned by, as `3:0123456789abcdef`.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    earned_by: Option<String>,
    /// The version that decided, where it is another.
    #[serde(rename = "vd", default, skip_serializing_if = "Option::is_none")]
    decided_by: Option<u32>,
    /// The version of the deal that was read.
    #[serde(rename = "rd", default, skip_serializing_if = "Option::is_none")]
    deal: Option<u64>,
    /// The version of the opportunity that was read.
    #[serde(rename = "ro", default, skip_serializing_if = "Option::is_none")]
    opportunity: Option<u64>,
    /// The position of the other partner that was read.
    #[serde(rename = "rp", default, skip_serializing_if = "Option::is_none")]
    other: Option<u64>,
    /// Until when it was to wait.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    held_until: Option<Timestamp>,
    /// The edition, where it is not the first.
    #[serde(rename = "ed", default = "first_edition", skip_serializing_if = "is_first_edition")]
    edition: u16,
    /// When it was decided.
    a: Timestamp,
    /// The day of that, the day it is booked on where that is another, and the first open day.
    c: Vec<Date>,
    /// Available, pending, reserved, owed.
    b: [i64; 4],
    /// The form of this record.
    #[serde(rename = "f")]
    form: u16,
}

/// How the names of commission rules begin, and how they begin where they are stored: no earning rule is named either way.
const COMMISSION: (&str, &str) = (program::COMMISSION, program::COMMISSION_STORED);

/// A name with another beginning.
fn renamed(rule: &RuleId, (from, to): (&str, &str)) -> Option<RuleId> {
    let rest = rule.strip_prefix(from)?;
    RuleId::try_from(format!("{to}{rest}")).ok()
}

/// Short names for what moved and was tried. All commission rules of a record give one asset, which stands in it once.
fn shortened(postings: &mut [Posting], trials: &mut [Trial]) -> Asset {
    for rule in postings.iter_mut().filter_map(|posting| posting.rule.as_mut()) {
        *rule = renamed(rule, COMMISSION).unwrap_or_else(|| rule.clone());
    }
    let mut pays = Asset::Points;
    for trial in trials {
        if let Some(short) = renamed(&trial.rule, COMMISSION) {
            (trial.rule, pays) = (short, trial.asset);
            trial.asset = Asset::Points;
        }
    }
    pays
}

/// The names as they stand in the program.
fn lengthened(postings: &mut [Posting], trials: &mut [Trial], pays: Asset) {
    let long = |rule: &RuleId| renamed(rule, (COMMISSION.1, COMMISSION.0));
    for rule in postings.iter_mut().filter_map(|posting| posting.rule.as_mut()) {
        *rule = long(rule).unwrap_or_else(|| rule.clone());
    }
    for trial in trials {
        if let Some(rule) = long(&trial.rule) {
            (trial.rule, trial.asset) = (rule, pays);
        }
    }
}

fn first_edition() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_first_edition(edition: &u16) -> bool {
    *edition == first_edition()
}

fn escape(part: &str) -> String {
    part.replace('%', "%25").replace('#', "%23")
}

fn unescape(part: &str) -> String {
    part.replace("%23", "#").replace("%25", "%")
}

/// The partition key of the record that has an identity. Parts are escaped, so no id can inject a separator.
pub fn record_key(identity: &Identity) -> String {
    [&*identity.program, &*identity.source, &*identity.id].map(escape).join("#")
}

/// The key of a partner's history.
pub fn history_key(program: &ProgramId, partner: &PartnerId) -> String {
    [&**program, &**partner].map(escape).join("#")
}

/// Program and partner of a history's key.
pub fn history_of(key: &str) -> Option<(ProgramId, PartnerId)> {
    let (program, partner) = key.split_once('#')?;
    Some((ProgramId::try_from(unescape(program)).ok()?, PartnerId::try_from(unescape(partner)).ok()?))
}

fn identity_of(key: &str) -> Option<Identity> {
    let mut parts = key.splitn(3, '#').map(unescape);
    let program = ProgramId::try_from(parts.next()?).ok()?;
    let source = Source::try_from(parts.next()?).ok()?;
    Some(Identity { program, source, id: EventId::try_from(parts.next()?).ok()? })
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredRecord::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(StoredRecord::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Record> for StoredRecord {
    fn from(mut record: Record) -> Self {
        let pays = shortened(&mut record.postings, &mut record.trials);
        let earned = record.earned_by.as_ref().map(|version| version.number);
        let Balance { available, pending, reserved, owed } = record.after;
        let booked = (record.booked != record.on).then_some(record.booked);
        Self {
            k: record_key(&record.identity),
            w: history_key(&record.identity.program, &record.partner),
            n: record.position,
            y: record.kind.into(),
            t: record.time,
            d: record.data,
            h: STANDARD_NO_PAD.encode(record.hash.bytes()),
            o: record.outcome,
            reason: record.reason,
            postings: record.postings,
            effects: record.effects,
            trials: record.trials,
            pays,
            earned_by: record.earned_by.map(|version| format!("{}:{}", version.number, version.hash)),
            decided_by: Some(record.decided_by).filter(|number| earned != Some(*number)),
            deal: record.relied_on.deal,
            opportunity: record.relied_on.opportunity,
            other: record.relied_on.partner,
            held_until: record.held_until,
            edition: record.edition,
            a: record.decided_at,
            c: [record.on, record.open_from].into_iter().chain(booked).collect(),
            b: [available, pending, reserved, owed],
            form: RECORD_FORM,
        }
    }
}

impl TryFrom<StoredRecord> for Record {
    type Error = String;
    fn try_from(mut stored: StoredRecord) -> Result<Self, String> {
        lengthened(&mut stored.postings, &mut stored.trials, stored.pays);
        if stored.form != RECORD_FORM {
            return Err(format!("is of form {}; this program reads form {RECORD_FORM}", stored.form));
        }
        if stored.edition > EDITION {
            return Err(format!("is of edition {}; this program knows edition {EDITION}", stored.edition));
        }
        let identity = identity_of(&stored.k).ok_or("has no identity in its key")?;
        let (_, partner) = history_of(&stored.w).ok_or("has no partner in its history's key")?;
        let earned_by = stored.earned_by.as_ref().and_then(|text| {
            let (number, hash) = text.split_once(':')?;
            Some(VersionRef { number: number.parse().ok()?, hash: hash.into() })
        });
        let decided_by = stored.decided_by.or(earned_by.as_ref().map(|version| version.number));
        let [on, open_from, booked @ ..] = stored.c.as_slice() else { return Err("has no days".to_owned()) };
        let [available, pending, reserved, owed] = stored.b;
        Ok(Self {
            identity,
            partner,
            position: stored.n,
            kind: stored.y.into(),
            time: stored.t,
            data: stored.d,
            hash: hash_of(&stored.h).ok_or("has no hash")?,
            outcome: stored.o,
            reason: stored.reason,
            postings: stored.postings,
            effects: stored.effects,
            trials: stored.trials,
            earned_by,
            decided_by: decided_by.ok_or("names no version that decided")?,
            held_until: stored.held_until,
            relied_on: ReliedOn { deal: stored.deal, opportunity: stored.opportunity, partner: stored.other },
            edition: stored.edition,
            decided_at: stored.a,
            on: *on,
            booked: booked.first().copied().unwrap_or(*on),
            open_from: *open_from,
            after: Balance { available, pending, reserved, owed },
        })
    }
}

/// Two thirds of the length of hex digits.
fn hash_of(base64_text: &str) -> Option<MeaningHash> {
    let bytes: [u8; 32] = STANDARD_NO_PAD.decode(base64_text).ok()?.try_into().ok()?;
    Some(bytes.into())
}
