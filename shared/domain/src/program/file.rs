//! The program file as it is written, before any phrase is understood.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) program: Head,
    #[serde(default)]
    pub(super) sources: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) earn: BTreeMap<String, Earn>,
    #[serde(default)]
    pub(super) campaign: BTreeMap<String, CampaignTable>,
    #[serde(default)]
    pub(super) ladder: BTreeMap<String, BTreeMap<String, TierTable>>,
    #[serde(default)]
    pub(super) registration: RegistrationTable,
    #[serde(default)]
    pub(super) reward: BTreeMap<String, RewardTable>,
    #[serde(default)]
    pub(super) policy: PolicyTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) version: Option<u32>,
    pub(super) name: String,
    pub(super) currency: String,
    #[serde(default = "utc")]
    pub(super) time_zone: String,
    #[serde(default = "january")]
    pub(super) fiscal_year_starts: String,
    #[serde(default = "sell")]
    pub(super) default_motion: String,
    #[serde(default = "closed_won")]
    pub(super) counts_as_deal: Vec<String>,
    #[serde(default)]
    pub(super) rates: BTreeMap<String, Quoted>,
    pub(super) late_events: Option<String>,
    pub(super) periods_close: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}
fn january() -> String {
    "01-01".to_owned()
}
fn sell() -> String {
    "sell".to_owned()
}
fn closed_won() -> Vec<String> {
    vec!["deal.closed:won".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earn {
    pub(super) on: String,
    #[serde(default, rename = "if")]
    pub(super) conditions: BTreeMap<String, Word>,
    pub(super) points: PointsTable,
    #[serde(default)]
    pub(super) times: Vec<TimesTable>,
    #[serde(default)]
    pub(super) at_most: OneOrMany,
    pub(super) hold: Option<String>,
    pub(super) why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    pub(super) by: String,
    pub(super) bands: Option<Vec<Band>>,
    pub(super) table: Option<BTreeMap<String, i64>>,
    pub(super) per: Option<Quoted>,
    pub(super) points: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    pub(super) from: Quoted,
    pub(super) to: Option<Quoted>,
    pub(super) points: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimesTable {
    pub(super) tier: Option<String>,
    pub(super) motion: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) by: Option<Quoted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignTable {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) by: Quoted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TierTable {
    pub(super) rank: u32,
    pub(super) enter: Option<CriteriaTable>,
    pub(super) keep: Option<CriteriaTable>,
    pub(super) review: Option<String>,
    pub(super) first_review: Option<String>,
    pub(super) grace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CriteriaTable {
    pub(super) any: Option<Vec<CriteriaTable>>,
    pub(super) all: Option<Vec<CriteriaTable>>,
    pub(super) deals: Option<i64>,
    pub(super) acv: Option<Quoted>,
    pub(super) registrations: Option<i64>,
    pub(super) qualified: Option<i64>,
    pub(super) projects: Option<i64>,
    pub(super) certifications: Option<i64>,
    pub(super) points: Option<i64>,
    pub(super) within: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RegistrationTable {
    pub(super) required: bool,
    pub(super) exclusive_for: String,
    pub(super) second_registrant: String,
}

impl Default for RegistrationTable {
    fn default() -> Self {
        Self { required: false, exclusive_for: "90 days".to_owned(), second_registrant: "reject".to_owned() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RewardTable {
    pub(super) name: String,
    pub(super) points: i64,
    #[serde(default = "vouchers")]
    pub(super) provider: String,
    #[serde(default)]
    pub(super) at_most: OneOrMany,
    #[serde(default)]
    pub(super) needs: NeedsTable,
    #[serde(default)]
    pub(super) retired: bool,
}

fn vouchers() -> String {
    "vouchers".to_owned()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct NeedsTable {
    pub(super) tier: Option<String>,
    pub(super) certification: Option<String>,
    pub(super) course: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyTable {
    pub(super) expiry: String,
    pub(super) clawback: String,
    pub(super) held_events: HeldTable,
    pub(super) suspended_partners: String,
}

impl Default for PolicyTable {
    fn default() -> Self {
        Self {
            expiry: "never".to_owned(),
            clawback: "within balance, rest netted from future points".to_owned(),
            held_events: HeldTable { wait: "30 days".to_owned() },
            suspended_partners: "earn nothing".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldTable {
    #[serde(rename = "for")]
    pub(super) wait: String,
}

/// A decimal in quotes. A bare number would pass through a float, so it is refused.
pub(super) struct Quoted(pub(super) String);

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Quoted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal in quotes, as in \"1.25\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Quoted, E> {
                Ok(Quoted(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A condition's right side: text, a whole number, true or false.
pub(super) struct Word(pub(super) String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition, as in \"won\", \">= 30\" or true")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Word, E> {
                Ok(Word(flag.to_string()))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// One phrase or a list of them.
#[derive(Default)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read(PhantomData<()>);
        impl<'de> Visitor<'de> for Read {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cap, as in \"20 per partner per month\", or a list of caps")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = seq.next_element()? {
                    all.push(text);
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

/// A whole number, or a scale.
pub(super) enum PointsTable {
    Fixed(i64),
    Scale(Scale),
}

impl<'de> Deserialize<'de> for PointsTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = PointsTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole points, as in 50, or { by = \"acv\", bands = [...] }")
            }
            fn visit_i64<E: Error>(self, points: i64) -> Result<PointsTable, E> {
                Ok(PointsTable::Fixed(points))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PointsTable, A::Error> {
                Scale::deserialize(MapAccessDeserializer::new(map)).map(PointsTable::Scale)
            }
        }
        deserializer.deserialize_any(Read)
    }
}
