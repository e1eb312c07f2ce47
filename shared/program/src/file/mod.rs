//! The program file as it is written, before any phrase is understood.

mod challenges;
mod commissions;
mod compile;
mod events;
mod ladders;
mod plain;
mod policy;
mod pools;
mod rewards;
mod rules;
mod shape;
mod suspicions;
mod values;

pub(crate) use compile::{compile, published};

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use event::ids::{CertificationId, CourseId, Motion, Name, RewardId, RuleId, TierId};
use serde::Deserialize;
use serde::de::{
    Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
};

use crate::fact::PARTNER;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) program: Head,
    #[serde(default)]
    pub(crate) sources: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) facts: BTreeMap<Name, String>,
    #[serde(default)]
    pub(crate) event: BTreeMap<String, EventTable>,
    #[serde(default)]
    pub(crate) earn: BTreeMap<RuleId, Earn>,
    #[serde(default)]
    pub(crate) commission: BTreeMap<RuleId, CommissionTable>,
    #[serde(default)]
    pub(crate) budget: BTreeMap<Name, BudgetTable>,
    #[serde(default)]
    pub(crate) benefit: BTreeMap<Name, BenefitTable>,
    #[serde(default)]
    pub(crate) campaign: BTreeMap<String, CampaignTable>,
    #[serde(default)]
    pub(crate) challenge: BTreeMap<Name, ChallengeTable>,
    #[serde(default)]
    pub(crate) ladder: BTreeMap<Motion, BTreeMap<TierId, TierTable>>,
    #[serde(default)]
    pub(crate) exclusivity: ExclusivityTable,
    pub(crate) onboarding: Option<OnboardingTable>,
    #[serde(default)]
    pub(crate) registration: RegistrationTable,
    pub(crate) influence: Option<InfluenceTable>,
    #[serde(default)]
    pub(crate) reward: BTreeMap<RewardId, RewardTable>,
    #[serde(default)]
    pub(crate) policy: PolicyTable,
    #[serde(default)]
    pub(crate) payouts: PayoutsTable,
    /// Stories with the ledgers they make: read where they are played, and looked at by nothing that decides.
    #[serde(rename = "example")]
    _example: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventTable {
    pub(crate) about: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) counts: Option<String>,
    pub(crate) motion: Option<Motion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PayoutsTable {
    pub(crate) minimum: Option<Quoted>,
    pub(crate) payee: Option<String>,
    pub(crate) withholding: Option<String>,
    pub(crate) answered_within: String,
}

impl Default for PayoutsTable {
    fn default() -> Self {
        Self { minimum: None, payee: None, withholding: None, answered_within: "14 days".to_owned() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) version: Option<u32>,
    pub(crate) name: String,
    pub(crate) currency: String,
    #[serde(default = "utc")]
    pub(crate) time_zone: String,
    #[serde(default = "january")]
    pub(crate) fiscal_year_starts: String,
    pub(crate) default_motion: Option<Motion>,
    #[serde(default = "closed_won")]
    pub(crate) counts_as_deal: Vec<String>,
    #[serde(default)]
    pub(crate) rates: BTreeMap<String, Quoted>,
    pub(crate) late_events: Option<String>,
    pub(crate) periods_close: Option<String>,
    pub(crate) locked_until: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}
fn january() -> String {
    "01-01".to_owned()
}
fn closed_won() -> Vec<String> {
    vec!["deal.closed:won".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Earn {
    pub(crate) on: String,
    #[serde(default, rename = "if")]
    pub(crate) conditions: Conditions,
    #[serde(default)]
    pub(crate) needs: NeedsTable,
    pub(crate) points: PointsTable,
    #[serde(default)]
    pub(crate) times: Vec<TimesTable>,
    #[serde(default)]
    pub(crate) at_most: OneOrMany,
    pub(crate) budget: Option<Name>,
    pub(crate) hold: Option<String>,
    #[serde(default)]
    pub(crate) hold_if: Vec<SuspicionTable>,
    pub(crate) held_for: Option<String>,
    pub(crate) paused: Option<PauseTable>,
    pub(crate) why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseTable {
    pub(crate) from: String,
    pub(crate) until: Option<String>,
    pub(crate) why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuspicionTable {
    pub(crate) more_than: Option<String>,
    pub(crate) less_than: Option<String>,
    pub(crate) from: Option<i64>,
    pub(crate) within: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommissionTable {
    #[serde(default = "closed")]
    pub(crate) on: String,
    #[serde(default, rename = "if")]
    pub(crate) conditions: Conditions,
    #[serde(default)]
    pub(crate) needs: NeedsTable,
    #[serde(default)]
    pub(crate) tier: OneOrMany,
    pub(crate) base: Option<String>,
    pub(crate) rate: RateTable,
    #[serde(default)]
    pub(crate) tenor: BTreeMap<String, Quoted>,
    #[serde(default)]
    pub(crate) times: Vec<TimesTable>,
    #[serde(default = "at_closing")]
    pub(crate) payable: String,
    #[serde(rename = "for")]
    pub(crate) lasts: Option<String>,
    pub(crate) at_least: Option<Quoted>,
    #[serde(default)]
    pub(crate) at_most: OneOrMany,
    pub(crate) budget: Option<Name>,
    pub(crate) hold: Option<String>,
    pub(crate) paused: Option<PauseTable>,
    pub(crate) why: Option<String>,
}

fn closed() -> String {
    "deal.closed".to_owned()
}
fn at_closing() -> String {
    "at closing".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateScale {
    pub(crate) by: String,
    pub(crate) bands: Option<Vec<RateBand>>,
    pub(crate) slices: Option<Vec<RateBand>>,
    pub(crate) table: Option<BTreeMap<String, Quoted>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateBand {
    pub(crate) from: Quoted,
    pub(crate) to: Option<Quoted>,
    pub(crate) rate: Quoted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    pub(crate) by: String,
    pub(crate) bands: Option<Vec<Band>>,
    pub(crate) table: Option<BTreeMap<String, i64>>,
    pub(crate) per: Option<Quoted>,
    pub(crate) points: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Band {
    pub(crate) from: Quoted,
    pub(crate) to: Option<Quoted>,
    pub(crate) points: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimesTable {
    pub(crate) tier: Option<TierId>,
    pub(crate) motion: Option<Motion>,
    pub(crate) campaign: Option<String>,
    pub(crate) by: Option<Quoted>,
    pub(crate) attainment: Option<String>,
    pub(crate) per: Option<String>,
    pub(crate) bands: Option<Vec<FactorBand>>,
    #[serde(default)]
    pub(crate) true_up: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorBand {
    pub(crate) from: Quoted,
    pub(crate) by: Quoted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetTable {
    pub(crate) of: String,
    pub(crate) per: Option<String>,
    #[serde(default = "what_is_left")]
    pub(crate) when_short: String,
    #[serde(default = "to_its_own")]
    pub(crate) returned: String,
    #[serde(default = "a_tenth")]
    pub(crate) low: Quoted,
    #[serde(default = "one")]
    pub(crate) parts: i64,
}

fn what_is_left() -> String {
    "give what is left".to_owned()
}
fn to_its_own() -> String {
    "to its own period".to_owned()
}
fn a_tenth() -> Quoted {
    Quoted("10%".to_owned())
}
fn one() -> i64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenefitTable {
    pub(crate) name: String,
    pub(crate) slots: i64,
    pub(crate) per: Option<String>,
    #[serde(default)]
    pub(crate) needs: NeedsTable,
    #[serde(default = "one")]
    pub(crate) at_most: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignTable {
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) by: Quoted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChallengeTable {
    pub(crate) name: String,
    pub(crate) metric: String,
    pub(crate) per: String,
    pub(crate) motion: Option<Motion>,
    #[serde(default = "ten")]
    pub(crate) places: i64,
}

fn ten() -> i64 {
    10
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierTable {
    pub(crate) rank: u32,
    pub(crate) enter: Option<CriteriaTable>,
    pub(crate) keep: Option<CriteriaTable>,
    pub(crate) review: Option<String>,
    pub(crate) first_review: Option<String>,
    pub(crate) grace: Option<String>,
    #[serde(default)]
    pub(crate) pro_rata: bool,
    pub(crate) prune_after: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CriteriaTable {
    pub(crate) any: Option<Vec<CriteriaTable>>,
    pub(crate) all: Option<Vec<CriteriaTable>>,
    pub(crate) deals: Option<i64>,
    pub(crate) acv: Option<Quoted>,
    pub(crate) registrations: Option<i64>,
    pub(crate) qualified: Option<i64>,
    pub(crate) projects: Option<i64>,
    pub(crate) certifications: Option<i64>,
    pub(crate) points: Option<i64>,
    #[serde(default)]
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) within: Option<String>,
    #[serde(default)]
    pub(crate) partner: BTreeMap<String, Word>,
    #[serde(default)]
    pub(crate) attested: BTreeMap<String, Word>,
    pub(crate) certification: Option<CertificationId>,
    pub(crate) persons: Option<i64>,
    pub(crate) level: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExclusivityTable {
    pub(crate) motion: Option<Motion>,
    pub(crate) earn: Option<CriteriaTable>,
    pub(crate) keep: Option<CriteriaTable>,
    pub(crate) review: Option<String>,
    pub(crate) first_review: Option<String>,
    pub(crate) grace: Option<String>,
    pub(crate) lasts: Option<String>,
    pub(crate) needs: NeedsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnboardingTable {
    pub(crate) motion: Option<Motion>,
    pub(crate) productive: CriteriaTable,
    pub(crate) by: String,
    pub(crate) plan_after: Option<String>,
    #[serde(default)]
    pub(crate) trained: NeedsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegistrationTable {
    pub(crate) required: bool,
    pub(crate) exclusive_for: String,
    pub(crate) remind: OneOrMany,
    pub(crate) second_registrant: String,
    pub(crate) third_registrant: Option<String>,
    pub(crate) further_registrants: Option<String>,
    pub(crate) public_tender: Option<TenderTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfluenceTable {
    pub(crate) part: Quoted,
    pub(crate) endorsement: Quoted,
    pub(crate) integration_requirement: Quoted,
    pub(crate) active_in_sale: Quoted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenderTable {
    pub(crate) bidders: u32,
}

impl Default for RegistrationTable {
    fn default() -> Self {
        Self {
            required: false,
            exclusive_for: "90 days".to_owned(),
            remind: OneOrMany::default(),
            second_registrant: "reject".to_owned(),
            third_registrant: None,
            further_registrants: None,
            public_tender: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewardTable {
    pub(crate) name: String,
    pub(crate) points: i64,
    #[serde(default = "vouchers")]
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) at_most: OneOrMany,
    #[serde(default)]
    pub(crate) needs: NeedsTable,
    #[serde(default)]
    pub(crate) retired: bool,
}

fn vouchers() -> String {
    crate::reward::Provider::Vouchers.word().to_owned()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct NeedsTable {
    pub(crate) tier: Option<TierId>,
    pub(crate) certification: Option<OneOrMany<CertificationId>>,
    pub(crate) level: Option<i64>,
    pub(crate) course: Option<OneOrMany<CourseId>>,
    pub(crate) agreement: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyTable {
    pub(crate) expiry: String,
    pub(crate) clawback: String,
    pub(crate) held_events: ForTable,
    pub(crate) reassigned_deals: WithinTable,
    pub(crate) reversed_awards: String,
    pub(crate) returned_points: ForTable,
    pub(crate) suspended_partners: String,
    pub(crate) commissions: CommissionsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CommissionsTable {
    pub(crate) at_most: Option<Quoted>,
    pub(crate) gross_margin: Option<Quoted>,
    pub(crate) margin_floor: Option<Quoted>,
    pub(crate) currency: String,
    pub(crate) amended_deals: String,
    pub(crate) reversed_deals: String,
    pub(crate) clawback: String,
}

impl Default for CommissionsTable {
    fn default() -> Self {
        Self {
            at_most: None,
            gross_margin: None,
            margin_floor: None,
            currency: "of the program".to_owned(),
            amended_deals: "rated again".to_owned(),
            reversed_deals: "at the rate that was paid".to_owned(),
            clawback: "netted from what becomes payable next".to_owned(),
        }
    }
}

impl Default for PolicyTable {
    fn default() -> Self {
        Self {
            expiry: "never".to_owned(),
            clawback: "within balance, rest netted from future points".to_owned(),
            held_events: ForTable { time: "30 days".to_owned() },
            reversed_awards: "stay counted".to_owned(),
            reassigned_deals: WithinTable { time: "1 day".to_owned() },
            returned_points: ForTable { time: "30 days".to_owned() },
            suspended_partners: "earn nothing".to_owned(),
            commissions: CommissionsTable::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForTable {
    #[serde(rename = "for")]
    pub(crate) time: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithinTable {
    #[serde(rename = "within")]
    pub(crate) time: String,
}

/// A decimal in quotes. A bare number would pass through a float, so it is refused.
pub(crate) struct Quoted(pub(crate) String);

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
#[derive(Clone)]
pub(crate) struct Word(pub(crate) String);

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

/// Conditions by field. What is asked of the partner stands below `partner`: `{ outcome = "won", partner.type = "reseller" }`.
#[derive(Clone, Default)]
pub(crate) struct Conditions(pub(crate) BTreeMap<String, Word>);

/// What is asked of a field, if nothing is asked of it yet, in whichever way it is written.
fn once<E: Error>(all: &mut BTreeMap<String, Word>, field: String, word: Word) -> Result<(), E> {
    if all.contains_key(&field) {
        return Err(E::custom(format!("`{field}` is asked for twice; write it once")));
    }
    all.insert(field, word);
    Ok(())
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Conditions;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("conditions by field, as in { outcome = \"won\" }")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conditions, A::Error> {
                let mut all = BTreeMap::new();
                while let Some(field) = map.next_key::<String>()? {
                    if field == "partner" {
                        let facts: BTreeMap<String, Word> = map.next_value()?;
                        if facts.is_empty() {
                            return Err(A::Error::custom(
                                "say what is asked of the partner: { partner.type = \"reseller\" }",
                            ));
                        }
                        for (name, word) in facts {
                            once(&mut all, format!("{PARTNER}{name}"), word)?;
                        }
                    } else {
                        once(&mut all, field, map.next_value()?)?;
                    }
                }
                Ok(Conditions(all))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// One phrase or a list of them.
pub(crate) struct OneOrMany<T = String>(pub(crate) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or a list of them")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(text.into_deserializer()).map(|one| OneOrMany(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany<T>, A::Error> {
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
pub(crate) enum PointsTable {
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

/// A rate, or a scale of rates.
pub(crate) enum RateTable {
    Fixed(Quoted),
    Scale(RateScale),
}

impl<'de> Deserialize<'de> for RateTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RateTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate in quotes, as in \"7%\", or { by = \"acv\", bands = [...] }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RateTable, E> {
                Ok(RateTable::Fixed(Quoted(text.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RateTable, A::Error> {
                RateScale::deserialize(MapAccessDeserializer::new(map)).map(RateTable::Scale)
            }
        }
        deserializer.deserialize_any(Read)
    }
}
