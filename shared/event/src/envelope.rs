//! Events as senders write them: read strictly, so that what is judged is what was meant.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::catalogue::is_of_program;
use crate::ids::{EventId, Identity, PartnerId, PersonId, ProgramId, Source};
use crate::json::{Json, JsonError, members, quote, string};
use crate::planted::planted;
use crate::rejection::{Code, Faults, Rejection};
use crate::time::{EARLIEST, FUTURE_SECONDS_MAX, is_usual, parse_instant};
use crate::types::{Declared, Kind};

/// Largest body that is read, in bytes: SQS takes 1 MiB, a DynamoDB item 400 KB, an honest event 1 KB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What is known of a type that is not Laurel's, of the program of this id and for events of this time; `None`: it declares no such type.
pub type OwnTypes<'t> = dyn Fn(&ProgramId, &str, Timestamp) -> Option<Declared<'t>> + 't;

/// An event that can be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its identity, for ever.
    pub identity: Identity,
    /// The partner it is about: `subject`.
    pub partner: PartnerId,
    /// When it happened, says the sender.
    pub time: Timestamp,
    /// What happened, persons as pseudonyms once they are known.
    pub kind: Kind,
    /// The hash of its meaning: `type`, `subject`, `time` and `data` in canonical form, every person left blank, so that no
    /// name can be found by trying (I4, I28).
    pub hash: MeaningHash,
    /// Until when it was to wait, if it was held and is sent again. No part of what it means.
    pub held_until: Option<Timestamp>,
    /// What happened as it was sent, once pseudonyms stand in the place of persons.
    sent: Option<Box<Kind>>,
}

/// What is compared when an identity comes again (I4): the hash, which knows no persons, and their pseudonyms beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The hash of the event with persons left blank.
    pub hash: MeaningHash,
    /// The pseudonyms of the persons it names, in the order of its members.
    pub persons: Vec<PersonId>,
}

/// Where a body ends that is no event.
#[derive(Clone, Debug, PartialEq)]
pub enum Unreadable {
    /// No identity can be read: the message goes to quarantine.
    Quarantined {
        /// Why, in a sentence that holds nothing of the body.
        reason: String,
        /// Bytes from the start of the body, where that is known.
        offset: Option<usize>,
    },
    /// The identity can be read, the rest is not acceptable. Claims nothing: a corrected event is judged.
    Rejected {
        /// The identity as it stands in the body, unchecked: program, source, id.
        identity: [String; 3],
        /// The partner as it stands in the body, if there is one.
        partner: Option<String>,
        /// What is wrong.
        rejection: Box<Rejection>,
    },
}

impl Unreadable {
    /// The program of an event whose type Laurel does not know by itself: it may declare it.
    pub fn undeclared(&self) -> Option<&str> {
        let Unreadable::Rejected { identity: [program, ..], rejection, .. } = self else { return None };
        let is_of_type = |fault: &&Rejection| fault.code == Code::UnsupportedType;
        std::iter::once(&**rejection).chain(&rejection.also).find(is_of_type).map(|_| program.as_str())
    }

    /// Says of an unknown type which ones its program declares.
    pub fn declares(&mut self, types: &str) {
        let Unreadable::Rejected { rejection, .. } = self else { return };
        let Rejection { code, message, also, .. } = &mut **rejection;
        let own = std::iter::once((code, message)).chain(also.iter_mut().map(|one| (&mut one.code, &mut one.message)));
        for (_, message) in own.filter(|(code, _)| **code == Code::UnsupportedType) {
            *message = format!("{message}; the program declares {types}");
        }
    }
}

impl Event {
    /// Reads the body of one message. `now` bounds how far in the future an event may lie.
    ///
    /// # Errors
    /// [`Unreadable::Quarantined`] when no identity can be read, else [`Unreadable::Rejected`].
    pub fn parse(body: &str, now: Timestamp) -> Result<Self, Unreadable> {
        Self::parse_declared(body, now, &|_, _, _| None)
    }

    /// The same of an event whose program nobody knows yet: a type that is not Laurel's is read as it looks, to wait for its program.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub fn parse_early(body: &str, now: Timestamp) -> Result<Self, Unreadable> {
        Self::parse_declared(body, now, &|_, _, _| Some(Declared::NotYet))
    }

    /// The same, where programs may declare types of their own.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub fn parse_declared(body: &str, now: Timestamp, own: &OwnTypes<'_>) -> Result<Self, Unreadable> {
        let quarantined = |reason: String, offset| Unreadable::Quarantined { reason, offset };
        if body.len() > BODY_BYTES_MAX {
            let reason = format!("the body has {} bytes, the limit is {BODY_BYTES_MAX}", body.len());
            return Err(quarantined(reason, None));
        }
        let envelope = Envelope::of(body).map_err(|error| match error {
            JsonError::Syntax { offset, message } => quarantined(message, Some(offset)),
            _ => quarantined("the body is not a JSON object".to_owned(), None),
        })?;
        let identity = envelope.identity().map_err(|reason| quarantined(reason, None))?;
        envelope.read(&identity, now, own).map_err(|rejection| Unreadable::Rejected {
            identity: identity.clone().map(Cow::into_owned),
            partner: envelope.text(Member::Subject).ok().map(Cow::into_owned),
            rejection: Box::new(rejection),
        })
    }

    /// The persons it names: as sent, or their pseudonyms.
    pub fn persons(&self) -> Vec<PersonId> {
        self.kind.persons()
    }

    /// What it means, once pseudonyms stand in the place of persons.
    pub fn meaning(&self) -> Meaning {
        Meaning { hash: self.hash, persons: self.persons() }
    }

    /// The persons it names as they were sent, whether or not pseudonyms stand in their place by now.
    pub fn persons_as_sent(&self) -> Vec<PersonId> {
        self.sent.as_ref().map_or_else(|| self.persons(), |sent| sent.persons())
    }

    /// Puts pseudonyms in the place of persons as they were sent, so that the ledger names nobody; twice is as once. The hash
    /// knows no persons and stays.
    pub fn pseudonymise(&mut self, names: &BTreeMap<PersonId, PersonId>) {
        let sent = self.sent.take().unwrap_or_else(|| Box::new(self.kind.clone()));
        self.kind = (*sent).clone();
        for person in self.kind.persons_mut() {
            if let Some(name) = names.get(person.as_str()).filter(|_| !planted("a person is not blanked")) {
                person.clone_from(name);
            }
        }
        self.sent = Some(sent);
    }

    /// The event as a body to be sent again: the same meaning, so the same hash.
    pub fn body(&self) -> String {
        let mut body = r#"{"data":"#.to_owned();
        self.sent.as_deref().unwrap_or(&self.kind).write(false, &mut body);
        let members = [
            ("id", self.identity.id.as_str()),
            ("program", self.identity.program.as_str()),
            ("source", self.identity.source.as_str()),
            ("specversion", "1.0"),
            ("subject", self.partner.as_str()),
            ("time", &self.time.to_string()),
            ("type", self.kind.name()),
        ];
        for (name, value) in members {
            body.push(',');
            quote(name, &mut body);
            body.push(':');
            quote(value, &mut body);
        }
        body.push('}');
        body
    }

    /// The event one of our own functions makes: a clock's, a redemption's, a derived one's.
    pub fn internal(identity: Identity, partner: PartnerId, time: Timestamp, kind: Kind) -> Self {
        let hash = meaning(&kind, &partner, time);
        Self { identity, partner, time, kind, hash, held_until: None, sent: None }
    }
}

/// SHA-256 over what an event means; written in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MeaningHash([u8; 32]);

impl MeaningHash {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for MeaningHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for MeaningHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for MeaningHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<MeaningHash> for String {
    fn from(hash: MeaningHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for MeaningHash {
    type Error = hex::FromHexError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// SHA-256 over what an event means, persons left blank. The identity is not in it: it is the key.
fn meaning(kind: &Kind, partner: &PartnerId, time: Timestamp) -> MeaningHash {
    let mut text = String::with_capacity(256);
    text.push('[');
    quote(kind.name(), &mut text);
    text.push(',');
    quote(partner, &mut text);
    text.push_str(",\"");
    // An instant has nothing to be escaped, and writing to a text does not fail.
    let _ = TIMES.print_timestamp(&time, &mut text);
    text.push_str("\",");
    kind.write(!planted("a person in the hash"), &mut text);
    text.push(']');
    MeaningHash::of(&text)
}

/// How instants stand in what is hashed.
const TIMES: DateTimePrinter = DateTimePrinter::new();

/// SHA-256 over a body as it came, in hex: how what was never read is told apart.
pub fn body_hash(body: &str) -> String {
    hex::encode(Sha256::digest(body))
}

/// A small hash that never changes with a toolchain (FNV-1a): for what is spread over partitions, and for order among equals.
pub fn steady_hash(bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes.into_iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

macro_rules! members {
    ($($member:ident = $name:literal,)*) => {
        /// A member of the envelope that means something here.
        #[derive(Clone, Copy)]
        enum Member {
            $($member,)*
        }

        impl Member {
            const ALL: &[Self] = &[$(Self::$member,)*];

            fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$member),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $name,)*
                }
            }
        }
    };
}

members! {
    Program = "program",
    Source = "source",
    Id = "id",
    SpecVersion = "specversion",
    DataSchema = "dataschema",
    Subject = "subject",
    Time = "time",
    ContentType = "datacontenttype",
    Type = "type",
    Data = "data",
    DataBase64 = "data_base64",
}

/// Members without a meaning here that are compared each with each.
const OTHERS_FEW: usize = 16;

/// The members of a body, each still as text.
#[derive(Default)]
struct Envelope<'a> {
    known: [Option<&'a str>; Member::ALL.len()],
    /// Those of `known` that are there twice, a bit for each.
    twice: u16,
    /// What means nothing here, in the order it stands.
    others: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Envelope<'a> {
    fn of(body: &'a str) -> Result<Self, JsonError> {
        let mut envelope = Self::default();
        members(body, |name, value| match Member::of(&name) {
            Some(member) if envelope.known[member as usize].is_none() => envelope.known[member as usize] = Some(value),
            Some(member) => envelope.twice |= 1 << member as usize,
            None => envelope.others.push((name, value)),
        })?;
        Ok(envelope)
    }

    /// A member; `null` is as good as absent (CloudEvents JSON format, 2.2).
    fn raw(&self, member: Member) -> Option<&'a str> {
        self.known[member as usize].filter(|raw| *raw != "null")
    }

    fn is_twice(&self, member: Member) -> bool {
        self.twice & (1 << member as usize) != 0
    }

    fn text(&self, member: Member) -> Result<Cow<'a, str>, Rejection> {
        let raw = self.raw(member).ok_or_else(|| Rejection::missing(member.name()))?;
        string(raw).ok_or_else(|| Rejection::form(member.name(), "write a string"))
    }

    /// The identity as it stands. Twice the same member makes it unreadable.
    fn identity(&self) -> Result<[Cow<'a, str>; 3], String> {
        let read = |member: Member| {
            let name = member.name();
            if self.is_twice(member) {
                return Err(format!("`{name}` is there twice, so the event has no identity"));
            }
            self.text(member).map_err(|_| format!("`{name}` is not there as a string, so the event has no identity"))
        };
        Ok([read(Member::Program)?, read(Member::Source)?, read(Member::Id)?])
    }

    fn read(&self, identity: &[Cow<'_, str>; 3], now: Timestamp, own: &OwnTypes<'_>) -> Result<Event, Rejection> {
        self.no_duplicates()?;
        let [program, source, id] = identity;
        let mut faults = Faults::default();
        let program = faults.keep(ProgramId::try_from(&**program).map_err(|e| Rejection::id("program", &e)));
        let source = faults.keep(Source::try_from(&**source).map_err(|e| Rejection::id("source", &e)));
        let id = faults.keep(EventId::try_from(&**id).map_err(|e| Rejection::id("id", &e)));
        if source.as_ref().is_some_and(Source::is_internal) {
            let message = "sources that start with urn:laurel: are Laurel's own; send under your own source";
            faults.note(Rejection::new(Code::ReservedSource, "source", message));
        }
        faults.keep(self.version());
        let named = self.text(Member::Type);
        let partner = faults.keep(self.partner(named.as_ref().is_ok_and(|name| is_of_program(name))));
        let time = faults.keep(self.text(Member::Time).and_then(|text| check_time(&text, now)));
        faults.keep(self.content_type());
        let (type_name, data) = (faults.keep(named), faults.keep(self.data()));
        let own = |name: &str| own(program.as_ref()?, name, time.unwrap_or(now));
        let kind = type_name.zip(data).and_then(|(name, data)| faults.keep(Kind::sent(&name, &data, own(&name))));
        self.attributes(&mut faults);
        let all = (program, source, id, partner, time, kind);
        let (Some(program), Some(source), Some(id), Some(partner), Some(time), Some(kind)) = all else {
            return Err(faults.told().unwrap_or_else(|| Rejection::missing("data")));
        };
        if let Some(fault) = faults.told() {
            return Err(fault);
        }
        // As the catalogue writes it: what no type declares is not stored, at no depth, and makes no other meaning; nor does
        // another spelling of the same.
        let hash = meaning(&kind, &partner, time);
        let identity = Identity { program, source, id };
        Ok(Event { identity, partner, time, kind, hash, held_until: None, sent: None })
    }

    /// The partner, or the program itself where the event is of that.
    fn partner(&self, of_program: bool) -> Result<PartnerId, Rejection> {
        let partner = PartnerId::try_from(&*self.text(Member::Subject)?).map_err(|e| Rejection::id("subject", &e))?;
        match partner == PartnerId::program() {
            true if of_program => Ok(partner),
            false if of_program => {
                let message = "it is of the program itself; write the subject \"@program\"";
                Err(Rejection::new(Code::ReservedPartner, "subject", message))
            }
            _ if partner.is_internal() => Err(Rejection::reserved("subject")),
            _ => Ok(partner),
        }
    }

    fn no_duplicates(&self) -> Result<(), Rejection> {
        let known = || Member::ALL.iter().find(|member| self.is_twice(**member)).map(|member| member.name());
        let others = || {
            if self.others.len() <= OTHERS_FEW {
                let before = |at: usize| self.others[..at].iter().any(|(name, _)| *name == self.others[at].0);
                return (1..self.others.len()).find(|at| before(*at)).map(|at| &*self.others[at].0);
            }
            let mut names: Vec<&str> = self.others.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            names.windows(2).find(|two| two[0] == two[1]).map(|two| two[0])
        };
        known().or_else(others).map_or(Ok(()), |name| Err(Rejection::duplicate_key(name, name)))
    }

    /// CloudEvents 1.x, and version 1 of the schema where `dataschema` names one (`.../v1`, `.../v1.3`).
    fn version(&self) -> Result<(), Rejection> {
        let unsupported = |field| {
            let message = "only version 1 is supported: specversion \"1.0\", dataschema ending in /v1 or absent";
            Rejection::new(Code::UnsupportedVersion, field, message)
        };
        let specversion = self.text(Member::SpecVersion)?;
        if specversion.split('.').next() != Some("1") {
            return Err(unsupported("specversion"));
        }
        let Some(_) = self.raw(Member::DataSchema) else { return Ok(()) };
        let schema = self.text(Member::DataSchema)?;
        let last = schema.rsplit('/').next().unwrap_or_default();
        let major = last.strip_prefix('v').and_then(|v| v.split('.').next()?.parse::<u32>().ok());
        if major.is_some_and(|major| major != 1) { Err(unsupported("dataschema")) } else { Ok(()) }
    }

    /// Names and values that no attribute may have, those of extensions too (CloudEvents, "Attribute Naming Convention" and
    /// "Type System").
    fn attributes(&self, faults: &mut Faults) {
        for (name, raw) in &self.others {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
                faults.note(Rejection::form(&shown(name), "name attributes with lower-case letters and digits only"));
            } else if raw.starts_with(['{', '[']) {
                faults.note(Rejection::form(name, "write a string, a number or a boolean; objects belong into `data`"));
            }
        }
    }

    fn content_type(&self) -> Result<(), Rejection> {
        if self.raw(Member::ContentType).is_none() || is_json(&self.text(Member::ContentType)?) {
            return Ok(());
        }
        Err(Rejection::form("datacontenttype", "write \"application/json\" or leave it out"))
    }

    /// The text that `data_base64` holds.
    fn decoded(&self) -> Result<String, Rejection> {
        let bytes = STANDARD.decode(&*self.text(Member::DataBase64)?).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| {
            Rejection::form(Member::DataBase64.name(), "write the Base64 (RFC 4648, padded) of a JSON object")
        })
    }

    fn data(&self) -> Result<Json<'a>, Rejection> {
        let read = match (self.raw(Member::Data), self.raw(Member::DataBase64)) {
            (Some(_), Some(_)) => {
                return Err(Rejection::form(Member::DataBase64.name(), "send `data` or `data_base64`, not both"));
            }
            (Some(raw), None) => Json::of_value(raw),
            (None, Some(_)) => Json::parse(&self.decoded()?).map(Json::into_owned),
            (None, None) => return Err(Rejection::missing(Member::Data.name())),
        };
        match read {
            Ok(data @ Json::Map(_)) => Ok(data),
            Ok(_) => Err(Rejection::form("data", "write a JSON object")),
            Err(JsonError::DuplicateKey { key }) => Err(Rejection::duplicate_key("data", &key)),
            Err(JsonError::TooDeep | JsonError::TooMany) => Err(Rejection::new(
                Code::TooComplex,
                "data",
                "nested too deep or too many values; send what the type asks for",
            )),
            Err(error @ JsonError::Syntax { .. }) => Err(Rejection::form("data", &error.to_string())),
        }
    }
}

/// What can be shown of a name that a sender chose.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Whether a media type says JSON: `application/json`, `text/json` and every `+json`, in any case, whatever its parameters.
pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

fn check_time(text: &str, now: Timestamp) -> Result<Timestamp, Rejection> {
    let bad = |message: &str| Rejection::new(Code::BadTime, "time", message);
    let time = parse_instant(text).ok_or_else(|| {
        bad("write RFC 3339 with an offset, no leap second and at most 9 decimals, as in \"2026-03-14T09:30:00Z\"")
    })?;
    if time.as_second() > now.as_second() + FUTURE_SECONDS_MAX {
        return Err(bad("lies more than 5 minutes in the future"));
    }
    if time.as_second() < EARLIEST {
        return Err(bad("lies before the year 2000"));
    }
    if !is_usual(time) {
        return Err(bad("lies after the year 8999"));
    }
    Ok(time)
}
