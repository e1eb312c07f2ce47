//! From the file's words to campaigns and earning rules.

use std::collections::BTreeMap;

use event::catalogue;
use event::ids::{Motion, RuleId, TierId};

use super::values::{caps, decimal, length, multiplier, parse_date, positive, whole_points};
use super::{Band, CampaignTable, Earn, PointsTable, Scale, TierTable, TimesTable};
use crate::condition::{Condition, Test};
use crate::findings::{Code, Findings, nearest};
use crate::rule::{Campaign, Points, Rule, Times};

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

pub(crate) fn rule(
    id: &RuleId,
    table: &Earn,
    campaigns: &BTreeMap<String, CampaignTable>,
    ladders: &BTreeMap<Motion, BTreeMap<TierId, TierTable>>,
    f: &mut Findings<'_>,
) -> Option<Rule> {
    if catalogue::row(&table.on).is_none() {
        let help = nearest(&table.on, &catalogue::names()).map(|near| format!("did you mean `{near}`?"));
        f.error(Code::UnknownEventType, &["earn", id, "on"], format!("`{}` is no event type", table.on), help);
        return None;
    }
    let conditions = table.conditions.iter().filter_map(|(name, word)| {
        let path = ["earn", id.as_str(), "if", name];
        known_field(&path, &table.on, name, f);
        let test = f.take(&path, Test::parse(&word.0))?;
        Some(Condition { field: name.clone(), words: word.0.clone(), test })
    });
    let conditions = conditions.collect();
    let points = points(id, &table.on, &table.points, f);
    let times = table.times.iter().filter_map(|t| times(id, t, campaigns, ladders, f)).collect();
    let at_most = caps(&["earn", id, "at_most"], &table.at_most.0, f);
    for cap in &at_most {
        if let Some(field) = &cap.field {
            known_field(&["earn", id, "at_most"], &table.on, field, f);
        }
    }
    let hold = table.hold.as_ref().and_then(|words| length(&["earn", id, "hold"], words, f));
    Some(Rule {
        id: id.clone(),
        on: table.on.clone(),
        conditions,
        points: points?,
        times,
        at_most,
        hold,
        why: table.why.clone(),
    })
}

fn known_field(path: &[&str], on: &str, name: &str, f: &mut Findings<'_>) {
    let known = catalogue::rule_fields(on);
    if !known.contains(&name) {
        let help = nearest(name, &known)
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        f.error(Code::UnknownField, path, format!("{on} has no field `{name}`"), Some(help));
    }
}

fn points(id: &str, on: &str, table: &PointsTable, f: &mut Findings<'_>) -> Option<Points> {
    let path = ["earn", id, "points"];
    let scale = match table {
        PointsTable::Fixed(points) => return whole_points(&path, *points, f).map(Points::Fixed),
        PointsTable::Scale(scale) => scale,
    };
    known_field(&path, on, &scale.by, f);
    match scale {
        Scale { bands: Some(bands), table: None, per: None, points: None, .. } => self::bands(&path, scale, bands, f),
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

fn bands(path: &[&str], scale: &Scale, table: &[Band], f: &mut Findings<'_>) -> Option<Points> {
    let mut bands = Vec::new();
    let mut ends = None;
    for band in table {
        let from = decimal(path, &band.from, f)?;
        whole_points(path, band.points, f);
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
        ends = band.to.as_ref().and_then(|to| decimal(path, to, f));
        bands.push((from, band.points));
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
        f.error(Code::BandsGap, path, "`bands` is empty", None);
    }
    Some(Points::Bands { by: scale.by.clone(), bands })
}

fn times(
    id: &str,
    table: &TimesTable,
    campaigns: &BTreeMap<String, CampaignTable>,
    ladders: &BTreeMap<Motion, BTreeMap<TierId, TierTable>>,
    f: &mut Findings<'_>,
) -> Option<Times> {
    let path = ["earn", id, "times"];
    match table {
        TimesTable { tier: Some(tier), motion, campaign: None, by: Some(by) } => {
            let in_motion = |m: &Motion| motion.as_ref().is_none_or(|wanted| wanted == m);
            if !ladders.iter().any(|(m, tiers)| in_motion(m) && tiers.contains_key(tier)) {
                f.error(Code::UnknownTier, &path, format!("no ladder has a tier `{tier}`"), None);
            }
            let by = multiplier(&path, by, f)?;
            Some(Times::Tier { motion: motion.clone(), tier: tier.clone(), by })
        }
        TimesTable { tier: None, motion: None, campaign: Some(campaign), by: None } => {
            if !campaigns.contains_key(campaign) {
                let known: Vec<_> = campaigns.keys().collect();
                let help = nearest(campaign, &known).map(|near| format!("did you mean `{near}`?"));
                f.error(Code::UnknownCampaign, &path, format!("there is no [campaign.{campaign}]"), help);
            }
            Some(Times::Campaign(campaign.clone()))
        }
        _ => f.take(&path, Err("write { tier = \"...\", by = \"1.25\" } or { campaign = \"...\" }".to_owned())),
    }
}
