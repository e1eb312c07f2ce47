//! From the file's words to campaigns and earning rules.

use std::collections::{BTreeMap, BTreeSet};

use event::catalogue;
use event::ids::{Motion, Name, RuleId, TierId};
use event::money::parse_decimal;
use event::no_own_name;
use event::period::Every;
use rust_decimal::Decimal;

use super::Word;
use super::rewards::gates;
use super::suspicions::suspicions;
use super::values::{caps, decimal, length, multiplier, parse_date, positive, whole_points};
use super::{
    Band, BudgetTable, CampaignTable, Conditions, Earn, FactorBand, PauseTable, PointsTable, Quoted, Scale, TierTable,
    TimesTable,
};
use crate::cap::CapUnit;
use crate::condition::{Condition, Test};
use crate::fact::{Facts, PARTNER, TERRITORY, fact};
use crate::findings::{Code, Findings, nearest};
use crate::own::{self, OwnEvents};
use crate::rule::{Attainment, COMMISSION, COMMISSION_STORED, Campaign, Gives, Pause, Points, Rule, Times, facts};

pub(crate) fn campaign(id: &str, table: &CampaignTable, f: &mut Findings<'_>) -> Option<Campaign> {
    let from = f.take(&["campaign", id, "from"], parse_date(&table.from));
    let until = f.take(&["campaign", id, "until"], parse_date(&table.until));
    let by = multiplier(&["campaign", id, "by"], &table.by, f);
    let (from, until) = (from?, until?);
    if from >= until {
        f.error(
            Code::CampaignDates,
            &["campaign", id, "until"],
            format!("ends on {until}, before it starts on {from}"),
            Some("`until` is the first day after the campaign".to_owned()),
        );
    }
    Some(Campaign { from, until, by: by? })
}

/// The days on which a rule gives nothing.
pub(crate) fn paused([table, id]: [&str; 2], pause: Option<&PauseTable>, f: &mut Findings<'_>) -> Option<Pause> {
    let (pause, path) = (pause?, [table, id, "paused"]);
    let from = f.take(&path, parse_date(&pause.from));
    let until = pause.until.as_ref().map(|until| f.take(&path, parse_date(until)));
    let (from, until) = (from?, until.map_or(Some(None), |until| until.map(Some))?);
    if let Some(until) = until.filter(|until| *until <= from) {
        let message = if until == from {
            format!("starts on {from} and ends before that day: it pauses nothing")
        } else {
            format!("ends on {until}, before it starts on {from}")
        };
        let help = "`until` is the first day after the pause; leave it out where nobody knows yet".to_owned();
        f.error(Code::PauseDates, &path, message, Some(help));
    }
    if pause.why.as_ref().is_some_and(|why| why.trim().is_empty()) {
        f.error(Code::BadValue, &path, "`why` says nothing", Some("say why, or leave it out".to_owned()));
    }
    Some(Pause { from, until, why: pause.why.clone() })
}

/// What the file declares that rules and criteria may look at.
pub(crate) struct Declared {
    pub(crate) facts: Facts,
    pub(crate) events: OwnEvents,
}

/// What a rule may name of the rest of the file.
pub(crate) struct Around<'a> {
    pub(crate) currency: &'a str,
    pub(crate) in_deals_currency: bool,
    pub(crate) shares_deals: bool,
    pub(crate) declared: &'a Declared,
    pub(crate) default_motion: Option<&'a Motion>,
    pub(crate) campaigns: &'a BTreeMap<String, CampaignTable>,
    pub(crate) budgets: &'a BTreeMap<Name, BudgetTable>,
    pub(crate) ladders: &'a BTreeMap<Motion, BTreeMap<TierId, TierTable>>,
}

impl Around<'_> {
    /// Whether a ladder, or the one of a motion, has a tier.
    pub(crate) fn has_tier(&self, motion: Option<&Motion>, tier: &TierId) -> bool {
        let wanted = |m: &Motion| motion.is_none_or(|wanted| wanted == m);
        self.ladders.iter().any(|(motion, tiers)| wanted(motion) && tiers.contains_key(tier))
    }
}

/// What staff say of awards that are held.
const SAY_OF_AWARDS: [&str; 2] = ["award.released", "award.withdrawn"];

pub(crate) fn rule(id: &RuleId, table: &Earn, around: &Around<'_>, f: &mut Findings<'_>) -> Option<Rule> {
    let place = ["earn", id.as_str()];
    if id.starts_with(COMMISSION) || id.starts_with(COMMISSION_STORED) {
        let help = "give it another name".to_owned();
        f.error(
            Code::BadId,
            &place,
            format!("a name that begins with `{COMMISSION}` or `{COMMISSION_STORED}` is a commission's"),
            Some(help),
        );
    }
    let events = &around.declared.events;
    if catalogue::row(&table.on).is_none() && !events.contains_key(&*table.on) {
        let help = nearest(&table.on, &own::types(events)).map(|near| format!("did you mean `{near}`?"));
        let help =
            help.or_else(|| no_own_name(&table.on).is_none().then(|| format!("declare it: [event.\"{}\"]", table.on)));
        f.error(Code::UnknownEventType, &["earn", id, "on"], format!("`{}` is no event type", table.on), help);
        return None;
    }
    if catalogue::is_of_program(&table.on) {
        let message = format!("{} is of the program itself: nobody earns by it", table.on);
        f.error(Code::BadValue, &["earn", id, "on"], message, None);
    }
    if SAY_OF_AWARDS.contains(&table.on.as_str()) {
        let message = format!("{} says what an award is: nobody earns by it", table.on);
        f.error(Code::BadValue, &["earn", id, "on"], message, None);
    }
    let conditions = conditions(place, &table.on, &table.conditions, around.declared, f);
    let points = points(id, &table.on, &table.points, around.declared, f);
    let times: Vec<Times> = all_times(place, &table.times, around, f);
    if times.iter().any(Times::is_trued_up) {
        let message = "points are not trued up: what a target multiplies is what was attained before the event";
        f.error(Code::BadValue, &["earn", id, "times"], message, Some("leave `true_up` out".to_owned()));
    }
    let at_most = caps(&["earn", id, "at_most"], &table.at_most.0, &own::splits(events, &table.on), f);
    for cap in &at_most {
        if let CapUnit::Money(currency) = cap.unit {
            let message = format!("`{}` bounds {currency}, and this gives points", cap.words);
            f.error(Code::BadCurrency, &["earn", id, "at_most"], message, None);
        }
        if let Some(field) = &cap.field {
            known_field(&["earn", id, "at_most"], &table.on, field, events, f);
        }
    }
    let hold = table.hold.as_ref().and_then(|words| length(&["earn", id, "hold"], words, f));
    let (hold_if, held_for) = suspicions(id, table, events, f);
    for field in hold_if.iter().filter_map(|one| one.counts()?.field.as_ref()) {
        known_field(&["earn", id, "hold_if"], &table.on, field, events, f);
    }
    let points = points?;
    Some(Rule {
        id: id.clone(),
        on: table.on.clone(),
        gates: gates(&["earn", id, "needs"], &table.needs, around.ladders, f),
        facts: facts(&conditions, points.by()),
        conditions,
        gives: Gives::Points(points),
        times,
        at_most,
        budget: budget_of(place, table.budget.as_ref(), (true, around), f),
        hold,
        hold_if,
        held_for,
        paused: paused(place, table.paused.as_ref(), f),
        why: table.why.clone(),
    })
}

pub(crate) fn conditions(
    [table, id]: [&str; 2],
    on: &str,
    words: &Conditions,
    declared: &Declared,
    f: &mut Findings<'_>,
) -> Vec<Condition> {
    let each = words.0.iter().filter_map(|(name, word)| {
        let path = [table, id, "if", name];
        known(&path, on, name, declared, f);
        condition(&path, name, word, f)
    });
    each.collect()
}

/// What is asked of a field.
pub(crate) fn condition(path: &[&str], field: &str, word: &Word, f: &mut Findings<'_>) -> Option<Condition> {
    let test = f.take(path, Test::parse(&word.0))?;
    Some(Condition { field: field.to_owned(), words: word.0.clone(), test })
}

/// That a field of the event, or a fact of the partner, may be looked at.
pub(crate) fn known(path: &[&str], on: &str, name: &str, declared: &Declared, f: &mut Findings<'_>) {
    match name.strip_prefix(PARTNER) {
        Some(_) => known_fact(path, name, &declared.facts, f),
        None => known_field(path, on, name, &declared.events, f),
    }
}

/// That the program declares a fact.
pub(crate) fn known_fact(path: &[&str], field: &str, facts: &Facts, f: &mut Findings<'_>) {
    if fact(facts, field).is_some() {
        return;
    }
    let name = field.strip_prefix(PARTNER).unwrap_or(field);
    let known: Vec<&str> = facts.keys().map(Name::as_str).chain([TERRITORY]).collect();
    let help = nearest(name, &known).map_or_else(
        || {
            let forms = "\"text\", \"number\", \"percent\" or \"one of a, b\"";
            format!("declare it in [facts], as {forms}; known: {}", known.join(", "))
        },
        |near| format!("did you mean `{PARTNER}{near}`?"),
    );
    f.error(Code::UnknownField, path, format!("no fact `{name}` is declared in [facts]"), Some(help));
}

pub(crate) fn known_field(path: &[&str], on: &str, name: &str, events: &OwnEvents, f: &mut Findings<'_>) {
    let known = own::fields(events, on);
    if !known.contains(&name) {
        let help = nearest(name, &known)
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        f.error(Code::UnknownField, path, format!("{on} has no field `{name}`"), Some(help));
    }
}

/// The budget that a rule of points, or of money, names.
pub(crate) fn budget_of(
    [table, id]: [&str; 2],
    named: Option<&Name>,
    (of_points, around): (bool, &Around<'_>),
    f: &mut Findings<'_>,
) -> Option<Name> {
    let (name, path) = (named?, [table, id, "budget"]);
    let Some(budget) = around.budgets.get(name) else {
        let known: Vec<&str> = around.budgets.keys().map(Name::as_str).collect();
        let help = nearest(name, &known).map(|near| format!("did you mean `{near}`?"));
        let help = help.or_else(|| (!known.is_empty()).then(|| format!("known: {}", known.join(", "))));
        f.error(Code::UnknownBudget, &path, format!("there is no [budget.{name}]"), help);
        return None;
    };
    // What it is of in bad form is told there.
    let is_known = budget.of == "points" || budget.of == around.currency;
    if is_known && (budget.of == "points") != of_points {
        let gives = if of_points { "points" } else { "money" };
        let message = format!("this gives {gives}, and `{name}` is a budget of {}", budget.of);
        f.error(Code::BadCurrency, &path, message, None);
    }
    Some(name.clone())
}

fn points(id: &str, on: &str, table: &PointsTable, declared: &Declared, f: &mut Findings<'_>) -> Option<Points> {
    let path = ["earn", id, "points"];
    let scale = match table {
        PointsTable::Fixed(points) => return whole_points(&path, *points, f).map(Points::Fixed),
        PointsTable::Scale(scale) => scale,
    };
    known(&path, on, &scale.by, declared, f);
    match scale {
        Scale { bands: Some(bands), table: None, per: None, points: None, .. } => {
            let each = |band: &Band, f: &mut Findings<'_>| {
                whole_points(&path, band.points, f);
                Some(band.points)
            };
            let bands = rising(&path, bands.iter().map(|band| (&band.from, band.to.as_ref(), band)), each, f)?;
            Some(Points::Bands { by: scale.by.clone(), bands })
        }
        Scale { bands: None, table: Some(table), per: None, points: None, .. } => {
            for points in table.values() {
                whole_points(&path, *points, f);
            }
            Some(Points::Table { by: scale.by.clone(), table: table.clone() })
        }
        Scale { bands: None, table: None, per: Some(per), points: Some(points), .. } => {
            let per = positive(&path, per, f);
            let points = whole_points(&path, *points, f);
            Some(Points::Per { by: scale.by.clone(), per: per?, points: points? })
        }
        _ => f.take(&path, Err("beside `by`, write either `bands`, or `table`, or `per` and `points`".to_owned())),
    }
}

/// Steps in rising order, without a gap: each with what `each` reads of it.
pub(crate) fn rising<'s, S: 's, T>(
    path: &[&str],
    steps: impl Iterator<Item = (&'s Quoted, Option<&'s Quoted>, &'s S)>,
    mut each: impl FnMut(&S, &mut Findings<'_>) -> Option<T>,
    f: &mut Findings<'_>,
) -> Option<Vec<(Decimal, T)>> {
    let mut bands = Vec::new();
    let mut ends = None;
    for (from, to, step) in steps {
        let from = decimal(path, from, f)?;
        let gives = each(step, f);
        if let Some((before, _)) = bands.last().filter(|(before, _)| *before >= from) {
            let message = format!("the band from {from} overlaps the one from {before}");
            f.error(Code::BandsOrder, path, message, Some("write bands in rising order".to_owned()));
        }
        if let Some(end) = ends.filter(|end| *end != from) {
            let word = if end < from { "a gap" } else { "an overlap" };
            f.error(
                Code::BandsGap,
                path,
                format!("there is {word} between {end} and {from}"),
                Some("let each `to` be the next `from`, or leave `to` out".to_owned()),
            );
        }
        ends = to.and_then(|to| decimal(path, to, f));
        bands.extend(gives.map(|gives| (from, gives)));
    }
    if ends.is_some() {
        f.error(
            Code::BandsGap,
            path,
            "the last band ends, so larger amounts fall through a gap",
            Some("leave `to` out of the last band".to_owned()),
        );
    }
    if bands.is_empty() {
        f.error(Code::BandsGap, path, "there is no band in it", None);
    }
    Some(bands)
}

/// The multipliers of a rule. Two of one target would multiply twice by what is attained once.
pub(crate) fn all_times(
    place: [&str; 2],
    tables: &[TimesTable],
    around: &Around<'_>,
    f: &mut Findings<'_>,
) -> Vec<Times> {
    let all: Vec<Times> = tables.iter().filter_map(|one| times(place, one, around, f)).collect();
    let of = |times: &Times| match times {
        Times::Attainment(one) => {
            ("target", format!("{} of a {} in {}", one.measure.word(), one.every.word(), one.motion))
        }
        Times::Campaign(id) => ("campaign", id.clone()),
        Times::Tier { motion, tier, .. } => ("tier", format!("{tier} {}", motion.as_deref().unwrap_or_default())),
    };
    let mut seen = BTreeSet::new();
    for (what, name) in all.iter().map(of) {
        if !seen.insert((what, name.clone())) {
            let message = format!("the {what} {} multiplies twice", name.trim_end());
            f.error(Code::BadValue, &[place[0], place[1], "times"], message, Some("write it once".to_owned()));
        }
    }
    all
}

fn times(place: [&str; 2], table: &TimesTable, around: &Around<'_>, f: &mut Findings<'_>) -> Option<Times> {
    let path = [place[0], place[1], "times"];
    match table {
        TimesTable { tier: Some(tier), motion, campaign: None, by: Some(by), attainment: None, per: None, bands: None, true_up: false } => {
            if !around.has_tier(motion.as_ref(), tier) {
                f.error(Code::UnknownTier, &path, format!("no ladder has a tier `{tier}`"), None);
            }
            let by = multiplier(&path, by, f)?;
            Some(Times::Tier { motion: motion.clone(), tier: tier.clone(), by })
        }
        TimesTable {
            tier: None,
            motion: None,
            campaign: Some(campaign),
            by: None,
            attainment: None,
            per: None,
            bands: None,
            true_up: false,
        } => {
            if !around.campaigns.contains_key(campaign) {
                let known: Vec<_> = around.campaigns.keys().collect();
                let help = nearest(campaign, &known).map(|near| format!("did you mean `{near}`?"));
                f.error(Code::UnknownCampaign, &path, format!("there is no [campaign.{campaign}]"), help);
            }
            Some(Times::Campaign(campaign.clone()))
        }
        TimesTable {
            tier: None,
            motion,
            campaign: None,
            by: None,
            attainment: Some(measure),
            per: Some(per),
            bands: Some(bands),
            true_up,
        } => {
            let motion = motion.as_ref().or(around.default_motion)?;
            let attainment = attainment(&path, (motion, measure, per), (bands, &around.declared.events), f)?;
            Some(Times::Attainment(Attainment { true_up: *true_up, ..attainment }))
        }
        _ => f.take(
            &path,
            Err("write { tier = \"...\", by = \"1.25\" }, { campaign = \"...\" } or { attainment = \"acv\", per = \"quarter\", bands = [{ from = \"100%\", by = \"1.2\" }] }".to_owned()),
        ),
    }
}

/// What is attained, in which period, and what multiplies from which part of the target on.
fn attainment(
    path: &[&str],
    (motion, measure, per): (&Motion, &str, &str),
    (bands, events): (&[FactorBand], &OwnEvents),
    f: &mut Findings<'_>,
) -> Option<Attainment> {
    let found = f.take(path, own::targeted(events, measure));
    let periods = [Every::Year, Every::Quarter, Every::Month];
    let every = periods.into_iter().find(|every| every.word() == per);
    let no_period = || format!("no target is set per `{per}`; write \"year\", \"quarter\" or \"month\"");
    let every = f.take(path, every.ok_or_else(no_period));
    let plain: Vec<(Quoted, &FactorBand)> = bands
        .iter()
        .filter_map(|band| {
            let number =
                band.from.0.strip_suffix('%').map(str::trim_end).filter(|number| parse_decimal(number).is_ok());
            let no_part = || format!("`{}` is no part of a target; write \"50%\"", band.from.0);
            Some((Quoted(f.take(path, number.map(str::to_owned).ok_or_else(no_part))?), band))
        })
        .collect();
    let factor = |band: &FactorBand, f: &mut Findings<'_>| multiplier(path, &band.by, f);
    let bands = rising(path, plain.iter().map(|(from, band)| (from, None, *band)), factor, f)?;
    let part = |(percent, by): (Decimal, Decimal)| Some((percent.checked_div(Decimal::ONE_HUNDRED)?, by));
    let bands = bands.into_iter().filter_map(part).collect();
    Some(Attainment { measure: found?, motion: motion.clone(), every: every?, bands, true_up: false })
}
