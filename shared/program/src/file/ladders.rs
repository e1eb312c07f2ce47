//! From the file's words to tier ladders.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{Motion, TierId};
use event::time::Length;
use rust_decimal::Decimal;

use super::rewards::{Ladders, gates, known_level};
use super::rules::{Declared, condition, known_fact};
use super::values::{decimal, length};
use super::{CriteriaTable, ExclusivityTable, OnboardingTable, Quoted, TierTable};
use crate::fact::{ATTESTED, PARTNER};
use crate::findings::{Code, Findings, nearest};
use crate::ladder::{Criteria, Criterion, Measure, Review, Tier};
use crate::policy::{Exclusivity, Onboarding};
use crate::window::Within;

/// Most failed reviews in a row after which a partner is pruned.
const PRUNE_AFTER_MAX: u32 = 24;
/// Most persons that a criterion asks to be certified.
const PERSONS_MAX: i64 = 10_000;

pub(crate) fn ladder(
    motion: &Motion,
    table: &BTreeMap<TierId, TierTable>,
    declared: &Declared,
    f: &mut Findings<'_>,
) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = table.iter().filter_map(|(id, t)| tier(motion, id, (t, declared), f)).collect();
    tiers.sort_by_key(|t| t.rank);
    for pair in tiers.windows(2).filter(|pair| pair[0].rank == pair[1].rank) {
        f.error(
            Code::SameRank,
            &["ladder", motion, &pair[1].id, "rank"],
            format!("`{}` and `{}` have the same rank", pair[0].id, pair[1].id),
            None,
        );
    }
    if let Some(first) = tiers.first() {
        let at = ["ladder", motion.as_str(), first.id.as_str()];
        if first.enter.is_some() {
            f.error(Code::LowestTier, &at, "the lowest tier is where partners start; it has nothing to enter", None);
        }
        if first.keep.is_some() && table[&first.id].prune_after.is_none() {
            let help = "say after how many failed reviews in a row they are to be pruned: prune_after = 2".to_owned();
            f.error(Code::LowestTier, &at, "below the lowest tier there is nothing to fall to", Some(help));
        }
        if first.grace.is_some() && first.prune_after.is_some() {
            let message = "`grace` is before a tier is lost; nothing is below the lowest, and `prune_after` counts";
            let at = [at[0], at[1], at[2], "prune_after"];
            f.error(Code::LowestTier, &at, message, Some("leave out `grace`".to_owned()));
        }
    }
    for above in tiers.iter().skip(1).filter(|tier| tier.prune_after.is_some()) {
        let message = "who falls short here goes down a tier; partners are pruned from the lowest";
        f.error(Code::LowestTier, &["ladder", motion, &above.id, "prune_after"], message, None);
    }
    tiers
}

fn tier(
    motion: &Motion,
    id: &TierId,
    (table, declared): (&TierTable, &Declared),
    f: &mut Findings<'_>,
) -> Option<Tier> {
    let at = |name| ["ladder", motion.as_str(), id.as_str(), name];
    let enter = table.enter.as_ref().and_then(|c| criteria(&at("enter"), c, declared, f));
    let keep = table.keep.as_ref().and_then(|c| criteria(&at("keep"), c, declared, f));
    let review = review(&at("review"), table.review.as_deref(), f)?;
    let window = keep.as_ref().map_or(12, Criteria::months);
    let first_review = match &table.first_review {
        Some(words) => length(&at("first_review"), words, f)?,
        None => Length { months: window, days: 0 },
    };
    let grace = match &table.grace {
        Some(words) => Some(length(&at("grace"), words, f)?),
        None => None,
    };
    if table.pro_rata && keep.is_none() {
        let message = "`pro_rata` is of what keeps a tier, and nothing does";
        f.error(Code::BadValue, &at("pro_rata"), message, Some("leave it out".to_owned()));
    }
    let pro_rata = table.pro_rata;
    let prune_after = prune_after(&at("prune_after"), table, f);
    Some(Tier { id: id.clone(), rank: table.rank, enter, keep, review, first_review, grace, pro_rata, prune_after })
}

/// After how many failed reviews in a row a partner is due to be pruned (M16).
fn prune_after(path: &[&str], table: &TierTable, f: &mut Findings<'_>) -> Option<u32> {
    let times = table.prune_after?;
    let times = u32::try_from(times).ok().filter(|times| (1..=PRUNE_AFTER_MAX).contains(times));
    let times = times.ok_or_else(|| format!("it lies between 1 and {PRUNE_AFTER_MAX} failed reviews in a row"));
    let times = f.take(path, times)?;
    if table.keep.is_none() {
        let help = "say what is: keep = { deals = 1, within = \"fiscal quarter\" }".to_owned();
        f.error(Code::BadValue, path, "no review is failed where nothing is asked to stay", Some(help));
    }
    Some(times)
}

fn review(path: &[&str], words: Option<&str>, f: &mut Findings<'_>) -> Option<Review> {
    match words {
        Some("monthly") => Some(Review::Monthly),
        Some("quarterly") | None => Some(Review::Quarterly),
        Some("annually") => Some(Review::Annually),
        Some(_) => f.take(path, Err("write \"monthly\", \"quarterly\" or \"annually\"".to_owned())),
    }
}

/// What is one partner's alone (M23).
pub(crate) fn exclusivity(
    table: &ExclusivityTable,
    default_motion: Option<&Motion>,
    (ladders, declared): (&Ladders, &Declared),
    f: &mut Findings<'_>,
) -> Option<Exclusivity> {
    let at = |name| ["exclusivity", name];
    let earn = table.earn.as_ref().and_then(|c| criteria(&at("earn"), c, declared, f));
    let keep = table.keep.as_ref().and_then(|c| criteria(&at("keep"), c, declared, f));
    let mut time = |key, words: &Option<String>| words.as_ref().map(|words| length(&at(key), words, f));
    let (first_review, grace, lasts) =
        (time("first_review", &table.first_review), time("grace", &table.grace), time("lasts", &table.lasts));
    let window = keep.as_ref().map_or(3, Criteria::months);
    let of_reviews = [("review", &table.review), ("first_review", &table.first_review), ("grace", &table.grace)];
    for (key, _) in of_reviews.iter().filter(|(_, said)| said.is_some() && table.keep.is_none()) {
        let help = "say what keeps it: keep = { acv = \"100000\", within = \"1 year\" }".to_owned();
        f.error(
            Code::BadValue,
            &at(key),
            format!("`{key}` is of reviews, and nothing is asked to keep it"),
            Some(help),
        );
    }
    Some(Exclusivity {
        motion: table.motion.as_ref().or(default_motion)?.clone(),
        earn,
        keep,
        review: review(&at("review"), table.review.as_deref(), f)?,
        first_review: first_review.unwrap_or(Some(Length { months: window, days: 0 }))?,
        grace: grace.flatten(),
        lasts: lasts.flatten(),
        gates: gates(&at("needs"), &table.needs, ladders, f),
    })
}

/// What is asked of a partner that is new (M17).
pub(crate) fn onboarding(
    table: &OnboardingTable,
    default_motion: Option<&Motion>,
    (ladders, declared): (&Ladders, &Declared),
    f: &mut Findings<'_>,
) -> Option<Onboarding> {
    let at = |name| ["onboarding", name];
    let productive = criteria(&at("productive"), &table.productive, declared, f);
    let by = length(&at("by"), &table.by, f);
    let plan_after = table.plan_after.as_ref().map(|words| length(&at("plan_after"), words, f));
    let motion = table.motion.as_ref().or(default_motion)?.clone();
    if table.trained.tier.is_some() {
        let help = "trained = { course = \"sales-101\", certification = \"sales-pro\" }".to_owned();
        f.error(Code::BadValue, &at("trained"), "a tier is no training", Some(help));
    }
    let trained = gates(&at("trained"), &table.trained, ladders, f);
    Some(Onboarding { motion, productive: productive?, by: by?, plan_after: plan_after.flatten(), trained })
}

fn criteria(path: &[&str], table: &CriteriaTable, declared: &Declared, f: &mut Findings<'_>) -> Option<Criteria> {
    known_counts(path, table, declared, f);
    let mut list = |items: &[CriteriaTable]| -> Vec<Criteria> {
        items.iter().filter_map(|c| criteria(path, c, declared, f)).collect()
    };
    let asks_who = !table.partner.is_empty() || !table.attested.is_empty();
    if asks_who || table.certification.is_some() || table.persons.is_some() || table.level.is_some() {
        let mut asked = Vec::new();
        for (prefix, (name, word)) in
            table.partner.iter().map(|of| (PARTNER, of)).chain(table.attested.iter().map(|of| (ATTESTED, of)))
        {
            let field = format!("{prefix}{name}");
            if prefix == PARTNER {
                known_fact(path, &field, &declared.facts, f);
            }
            asked.extend(condition(path, &field, word, f).map(Criteria::Fact));
        }
        asked.extend(certified(path, table, f));
        let alone = table.any.is_none() && table.all.is_none() && measured(table).is_empty() && table.within.is_none();
        return match (alone, asked.len()) {
            (_, 0) => None,
            (true, 1) => asked.pop(),
            (true, _) => Some(Criteria::All(asked)),
            (false, _) => f.take(path, Err("what is measured over a window stands apart from what the partner is: { all = [{ partner.type = \"reseller\" }, { deals = 5, within = \"1 year\" }] }".to_owned())),
        };
    }
    let measured = measured(table);
    match (&table.any, &table.all, measured.as_slice(), &table.within) {
        (Some(any), None, [], None) if !any.is_empty() => Some(Criteria::Any(list(any))),
        (None, Some(all), [], None) if !all.is_empty() => Some(Criteria::All(list(all))),
        (None, None, [(measure, least)], within) => {
            let least = decimal(path, least, f)?;
            let within = match (measure, within) {
                (Measure::Certifications, None) => Within::Rolling(1),
                (_, None) => f.take(path, Err(format!("`{}` needs a window: within = \"1 year\"", measure.word())))?,
                (_, Some(words)) => f.take(path, Within::parse(words))?,
            };
            Some(Criteria::One(Criterion { measure: *measure, certification: None, level: None, least, within }))
        }
        _ => f.take(path, Err("write one of { any = [...] }, { all = [...] } or one measure with its window, as in { deals = 5, within = \"1 year\" }".to_owned())),
    }
}

/// How many persons hold a certification.
fn certified(path: &[&str], table: &CriteriaTable, f: &mut Findings<'_>) -> Option<Criteria> {
    if table.certification.is_none() && (table.persons.is_some() || table.level.is_some()) {
        let key = if table.persons.is_some() { "persons" } else { "level" };
        let message = format!(
            "`{key}` is of one certification: say what they hold: {{ certification = \"sales-pro\", level = 201, persons = 2 }}"
        );
        return f.take(path, Err(message));
    }
    let level = match table.level {
        Some(number) => Some(known_level(path, number, f)?),
        None => None,
    };
    let certification = Some(table.certification.clone()?);
    let persons = table.persons.unwrap_or(1);
    let fits = (1..=PERSONS_MAX).contains(&persons);
    let persons =
        f.take(path, if fits { Ok(persons) } else { Err(format!("`persons` lies between 1 and {PERSONS_MAX}")) })?;
    let (measure, least) = (Measure::Certifications, Decimal::from(persons));
    Some(Criteria::One(Criterion { measure, certification, level, least, within: Within::Rolling(1) }))
}

fn measured(table: &CriteriaTable) -> Vec<(Measure, Quoted)> {
    let whole = |n: Option<i64>| n.map(|n| Quoted(n.to_string()));
    let all = [
        (Measure::Deals, whole(table.deals)),
        (Measure::Acv, table.acv.as_ref().map(|q| Quoted(q.0.clone()))),
        (Measure::Registrations, whole(table.registrations)),
        (Measure::Qualified, whole(table.qualified)),
        (Measure::Projects, whole(table.projects)),
        (Measure::Certifications, whole(table.certifications)),
        (Measure::Points, whole(table.points)),
    ];
    let own = table.counts.iter().filter_map(|(word, least)| Some((Measure::named(word)?, whole(Some(*least)))));
    all.into_iter().chain(own).filter_map(|(measure, least)| Some((measure, least?))).collect()
}

/// That events of the vendor's own count to what a criterion asks for.
fn known_counts(path: &[&str], table: &CriteriaTable, declared: &Declared, f: &mut Findings<'_>) {
    let known: BTreeSet<Measure> = declared.events.values().filter_map(|event| event.counts).gather();
    for (word, least) in &table.counts {
        if *least < 1 {
            f.error(Code::BadValue, path, format!("`{word}` is asked for {least} times, which everybody has"), None);
        }
        if known.iter().all(|known| known.word() != word) {
            let words: Vec<&str> = known.iter().map(Measure::word).collect();
            let help = nearest(word, &words).map(|near| format!("did you mean `{near}`?"));
            let help = help
                .or_else(|| Some(format!("let a type count to it: [event.\"webinar.attended\"] counts = \"{word}\"")));
            f.error(Code::UnknownField, path, format!("no event counts to `{word}`"), help);
        }
    }
}
