//! From the file's words to a program, or to every error in them.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::check::{Diagnostic, Findings, from_reader, nearest};
use super::file::{
    Band, CampaignTable, CriteriaTable, Earn, File, Head, NeedsTable, PointsTable, PolicyTable, Quoted, RewardTable,
    Scale, TierTable, TimesTable,
};
use super::words::{Cap, Within, parse_date};
use super::{
    Campaign, Condition, Criteria, Criterion, Measure, Needs, Points, Policy, Program, Registration, Review, Reward,
    Rule, Test, Tier, Times,
};
use crate::event::{SENT_TYPES, fields_of};
use crate::money::{RATE_MAX, parse_currency, parse_decimal};
use crate::text::{ProgramId, matches_pattern};
use crate::time::{Calendar, Length};

/// Most points a rule may give at once: far above any program, far below an overflow.
const POINTS_MAX: i64 = 1_000_000_000;

pub(super) fn compile(text: &str) -> Result<Program, Vec<Diagnostic>> {
    let file: File = toml::from_str(text).map_err(|e| vec![from_reader(text, &e)])?;
    let mut findings = Findings::new(text);
    let program = program(file, &mut findings);
    match program {
        Some(program) if findings.found.is_empty() => Ok(program),
        _ => Err(findings.found),
    }
}

fn program(file: File, f: &mut Findings<'_>) -> Option<Program> {
    let id = f.take(&["program", "id"], ProgramId::try_from(file.program.id.clone()).map_err(|e| e.to_string()));
    let calendar = calendar(&file.program, f);
    let currency = f.take(&["program", "currency"], parse_currency(&file.program.currency).map_err(|e| e.to_string()));
    let rates = rates(&file.program, f);
    let sources = sources(&file.sources, f);
    let campaigns: BTreeMap<_, _> =
        file.campaign.iter().filter_map(|(id, c)| Some((id.clone(), campaign(id, c, f)?))).collect();
    let ladders: BTreeMap<_, _> =
        file.ladder.iter().map(|(motion, tiers)| (motion.clone(), ladder(motion, tiers, f))).collect();
    let rules: BTreeMap<_, _> =
        file.earn.iter().filter_map(|(id, e)| Some((id.clone(), rule(id, e, &campaigns, &ladders, f)?))).collect();
    let rewards: BTreeMap<_, _> = file.reward.iter().map(|(id, r)| (id.clone(), reward(id, r, &ladders, f))).collect();
    counts_as_deal(&file.program.counts_as_deal, f);
    let accept_second = match file.registration.second_registrant.as_str() {
        "reject" => Some(false),
        "accept and notify" => Some(true),
        _ => {
            f.take(&["registration", "second_registrant"], Err("write \"reject\" or \"accept and notify\"".to_owned()))
        }
    };
    let exclusive_for = length(&["registration", "exclusive_for"], &file.registration.exclusive_for, f);
    let policy = policy(&file.program, &file.policy, f);
    Some(Program {
        id: id?,
        version: file.program.version,
        name: file.program.name,
        currency: currency?.code().to_owned(),
        rates,
        calendar: calendar?,
        default_motion: file.program.default_motion,
        counts_as_deal: file.program.counts_as_deal,
        sources,
        rules,
        campaigns,
        ladders,
        registration: Registration {
            required: file.registration.required,
            exclusive_for: exclusive_for?,
            accept_second: accept_second?,
        },
        rewards,
        policy: policy?,
    })
}

fn calendar(head: &Head, f: &mut Findings<'_>) -> Option<Calendar> {
    let zone = TimeZone::get(&head.time_zone)
        .map_err(|_| format!("`{}` is no time zone; write an IANA name such as \"Asia/Singapore\"", head.time_zone));
    let zone = f.take(&["program", "time_zone"], zone);
    let start =
        head.fiscal_year_starts.strip_suffix("-01").and_then(|m| m.parse::<i8>().ok()).filter(|m| (1..=12).contains(m));
    let start = start.ok_or_else(|| "write the first day of a month as \"MM-01\", as in \"04-01\"".to_owned());
    Some(Calendar::new(zone?, f.take(&["program", "fiscal_year_starts"], start)?))
}

fn rates(head: &Head, f: &mut Findings<'_>) -> BTreeMap<String, Decimal> {
    let mut rates = BTreeMap::new();
    for (code, rate) in &head.rates {
        let path = ["program", "rates", code.as_str()];
        if let Err(e) = parse_currency(code) {
            f.error(&path, e.to_string(), None);
        }
        if let Some(rate) = positive(&path, rate, f) {
            if rate > Decimal::from(RATE_MAX) {
                f.error(&path, format!("a rate is at most {RATE_MAX}"), None);
            }
            rates.insert(code.clone(), rate);
        }
    }
    rates
}

fn sources(table: &BTreeMap<String, Vec<String>>, f: &mut Findings<'_>) -> Vec<(String, Vec<String>)> {
    for (source, kinds) in table {
        for kind in kinds.iter().filter(|k| !SENT_TYPES.iter().any(|known| matches_pattern(k, known))) {
            let help = nearest(kind, &SENT_TYPES).map(|near| format!("did you mean `{near}`?"));
            f.error(&["sources", source], format!("`{kind}` matches no event type"), help);
        }
    }
    table.clone().into_iter().collect()
}

fn counts_as_deal(entries: &[String], f: &mut Findings<'_>) {
    const KNOWN: [&str; 3] = ["deal.closed:won", "deal.closed", "purchase_order.received"];
    for entry in entries.iter().filter(|e| !KNOWN.contains(&e.as_str())) {
        f.error(
            &["program", "counts_as_deal"],
            format!("`{entry}` cannot count as a deal"),
            Some(format!("known: {}", KNOWN.join(", "))),
        );
    }
}

fn campaign(id: &str, table: &CampaignTable, f: &mut Findings<'_>) -> Option<Campaign> {
    let from = f.take(&["campaign", id, "from"], parse_date(&table.from));
    let until = f.take(&["campaign", id, "until"], parse_date(&table.until));
    let by = positive(&["campaign", id, "by"], &table.by, f);
    let (from, until) = (from?, until?);
    if from >= until {
        f.error(
            &["campaign", id, "until"],
            format!("ends on {until}, before it starts on {from}"),
            Some("`until` is the first day after the campaign".to_owned()),
        );
    }
    Some(Campaign { from, until, by: by? })
}

fn rule(
    id: &str,
    table: &Earn,
    campaigns: &BTreeMap<String, Campaign>,
    ladders: &BTreeMap<String, Vec<Tier>>,
    f: &mut Findings<'_>,
) -> Option<Rule> {
    if !SENT_TYPES.contains(&table.on.as_str()) {
        let help = nearest(&table.on, &SENT_TYPES).map(|near| format!("did you mean `{near}`?"));
        f.error(&["earn", id, "on"], format!("`{}` is no event type", table.on), help);
        return None;
    }
    let conditions = table.conditions.iter().filter_map(|(name, word)| {
        let path = ["earn", id, "if", name];
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
        id: id.to_owned(),
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
    let known = fields_of(on);
    if !known.contains(&name) {
        let help = nearest(name, known)
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        f.error(path, format!("{on} has no field `{name}`"), Some(help));
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
        match bands.last() {
            Some((before, _)) if *before >= from => f.error(
                path,
                format!("the band from {from} overlaps the one from {before}"),
                Some("write bands in rising order".to_owned()),
            ),
            _ => {}
        }
        if let Some(end) = ends.filter(|end| *end != from) {
            let word = if end < from { "a gap" } else { "an overlap" };
            f.error(
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
            path,
            "the last band ends, so larger amounts fall through a gap",
            Some("leave `to` out of the last band".to_owned()),
        );
    }
    if bands.is_empty() {
        f.error(path, "`bands` is empty", None);
    }
    Some(Points::Bands { by: scale.by.clone(), bands })
}

fn times(
    id: &str,
    table: &TimesTable,
    campaigns: &BTreeMap<String, Campaign>,
    ladders: &BTreeMap<String, Vec<Tier>>,
    f: &mut Findings<'_>,
) -> Option<Times> {
    let path = ["earn", id, "times"];
    match table {
        TimesTable { tier: Some(tier), motion, campaign: None, by: Some(by) } => {
            let in_motion = |m: &String| motion.as_ref().is_none_or(|wanted| wanted == m);
            if !ladders.iter().any(|(m, tiers)| in_motion(m) && tiers.iter().any(|t| t.id == *tier)) {
                f.error(&path, format!("no ladder has a tier `{tier}`"), None);
            }
            let by = positive(&path, by, f)?;
            Some(Times::Tier { motion: motion.clone(), tier: tier.clone(), by })
        }
        TimesTable { tier: None, motion: None, campaign: Some(campaign), by: None } => {
            if !campaigns.contains_key(campaign) {
                let known: Vec<_> = campaigns.keys().collect();
                let help = nearest(campaign, &known).map(|near| format!("did you mean `{near}`?"));
                f.error(&path, format!("there is no [campaign.{campaign}]"), help);
            }
            Some(Times::Campaign(campaign.clone()))
        }
        _ => f.take(&path, Err("write { tier = \"...\", by = \"1.25\" } or { campaign = \"...\" }".to_owned())),
    }
}

fn ladder(motion: &str, table: &BTreeMap<String, TierTable>, f: &mut Findings<'_>) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = table.iter().filter_map(|(id, t)| tier(motion, id, t, f)).collect();
    tiers.sort_by_key(|t| t.rank);
    for pair in tiers.windows(2).filter(|pair| pair[0].rank == pair[1].rank) {
        f.error(
            &["ladder", motion, &pair[1].id, "rank"],
            format!("`{}` and `{}` have the same rank", pair[0].id, pair[1].id),
            None,
        );
    }
    if let Some(first) = tiers.first().filter(|t| t.enter.is_some() || t.keep.is_some()) {
        f.error(
            &["ladder", motion, &first.id],
            "the lowest tier is where partners start; it has nothing to enter or keep",
            None,
        );
    }
    tiers
}

fn tier(motion: &str, id: &str, table: &TierTable, f: &mut Findings<'_>) -> Option<Tier> {
    let at = |name| ["ladder", motion, id, name];
    let enter = table.enter.as_ref().and_then(|c| criteria(&at("enter"), c, f));
    let keep = table.keep.as_ref().and_then(|c| criteria(&at("keep"), c, f));
    let review = match table.review.as_deref() {
        Some("monthly") => Review::Monthly,
        Some("quarterly") | None => Review::Quarterly,
        Some("annually") => Review::Annually,
        Some(_) => f.take(&at("review"), Err("write \"monthly\", \"quarterly\" or \"annually\"".to_owned()))?,
    };
    let window = keep.as_ref().map_or(12, Criteria::months_max);
    let first_review = match &table.first_review {
        Some(words) => length(&at("first_review"), words, f)?,
        None => Length { months: window, days: 0 },
    };
    let grace = match &table.grace {
        Some(words) => Some(length(&at("grace"), words, f)?),
        None => None,
    };
    Some(Tier { id: id.to_owned(), rank: table.rank, enter, keep, review, first_review, grace })
}

fn criteria(path: &[&str], table: &CriteriaTable, f: &mut Findings<'_>) -> Option<Criteria> {
    let mut list =
        |items: &[CriteriaTable]| -> Vec<Criteria> { items.iter().filter_map(|c| criteria(path, c, f)).collect() };
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
            Some(Criteria::One(Criterion { measure: *measure, least, within }))
        }
        _ => f.take(path, Err("write one of { any = [...] }, { all = [...] } or one measure with its window, as in { deals = 5, within = \"1 year\" }".to_owned())),
    }
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
    all.into_iter().filter_map(|(measure, least)| Some((measure, least?))).collect()
}

impl Criteria {
    /// The longest window in the tree, in months.
    pub(crate) fn months_max(&self) -> i32 {
        match self {
            Criteria::Any(list) | Criteria::All(list) => list.iter().map(Criteria::months_max).max().unwrap_or(0),
            Criteria::One(one) => one.within.months_max(),
        }
    }
}

fn reward(id: &str, table: &RewardTable, ladders: &BTreeMap<String, Vec<Tier>>, f: &mut Findings<'_>) -> Reward {
    if table.points < 1 || table.points > POINTS_MAX {
        f.error(&["reward", id, "points"], format!("a reward costs between 1 and {POINTS_MAX} points"), None);
    }
    if table.provider != "vouchers" {
        f.error(
            &["reward", id, "provider"],
            format!("there is no provider `{}`", table.provider),
            Some("known: vouchers".to_owned()),
        );
    }
    let NeedsTable { tier, certification, course } = &table.needs;
    if let Some(tier) = tier.as_ref().filter(|tier| !ladders.values().flatten().any(|t| t.id == **tier)) {
        f.error(&["reward", id, "needs"], format!("no ladder has a tier `{tier}`"), None);
    }
    let at_most = caps(&["reward", id, "at_most"], &table.at_most.0, f);
    if at_most.iter().any(|cap| cap.points || cap.field.is_some() || cap.scope != super::Scope::Partner) {
        f.error(
            &["reward", id, "at_most"],
            "a reward's cap counts pieces per partner, as in \"2 per partner per month\"",
            None,
        );
    }
    let needs = Needs { tier: tier.clone(), certification: certification.clone(), course: course.clone() };
    Reward { id: id.to_owned(), name: table.name.clone(), points: table.points, at_most, needs, retired: table.retired }
}

fn policy(head: &Head, table: &PolicyTable, f: &mut Findings<'_>) -> Option<Policy> {
    let expiry = match table.expiry.as_str() {
        "never" => Ok(None),
        words => {
            let months = words.strip_suffix(" after earning, at the end of the month").and_then(Length::parse);
            let months = months.filter(|l| l.days == 0 && l.months <= 36).map(|l| Some(l.months));
            months.ok_or_else(|| {
                "write \"never\" or \"24 months after earning, at the end of the month\" (36 months at most)".to_owned()
            })
        }
    };
    let owe_the_rest =
        match table.clawback.as_str() {
            "within balance, rest netted from future points" => Ok(true),
            "within balance, rest forgiven" => Ok(false),
            _ => Err("write \"within balance, rest netted from future points\" or \"within balance, rest forgiven\""
                .to_owned()),
        };
    let suspended_earn = match table.suspended_partners.as_str() {
        "earn nothing" => Ok(false),
        "earn" => Ok(true),
        _ => Err("write \"earn nothing\" or \"earn\"".to_owned()),
    };
    let book_in_own_period = match head.late_events.as_deref() {
        Some("book in the period of the event while it is open, else in the current one") | None => Ok(true),
        Some("book in the current period") => Ok(false),
        Some(_) => Err("write \"book in the period of the event while it is open, else in the current one\" or \"book in the current period\"".to_owned()),
    };
    let close = head.periods_close.as_deref().unwrap_or("10 days after the quarter");
    let (length, quarter) = match close.split_once(" after the ") {
        Some((length, "quarter")) => (Length::parse(length), true),
        Some((length, "month")) => (Length::parse(length), false),
        _ => (None, true),
    };
    let closes = length.filter(|l| l.months == 0 && l.days <= 60).ok_or_else(|| {
        "write \"10 days after the quarter\" or \"5 days after the month\" (60 days at most)".to_owned()
    });
    Some(Policy {
        expiry_months: f.take(&["policy", "expiry"], expiry)?,
        owe_the_rest: f.take(&["policy", "clawback"], owe_the_rest)?,
        held_for: self::length(&["policy", "held_events"], &table.held_events.wait, f)?,
        suspended_earn: f.take(&["policy", "suspended_partners"], suspended_earn)?,
        book_in_own_period: f.take(&["program", "late_events"], book_in_own_period)?,
        period_is_quarter: quarter,
        periods_close_after: f.take(&["program", "periods_close"], closes)?,
    })
}

fn caps(path: &[&str], words: &[String], f: &mut Findings<'_>) -> Vec<Cap> {
    words.iter().filter_map(|w| f.take(path, Cap::parse(w))).collect()
}

fn length(path: &[&str], words: &str, f: &mut Findings<'_>) -> Option<Length> {
    f.take(
        path,
        Length::parse(words)
            .ok_or_else(|| format!("`{words}` is no length; write \"30 days\", \"1 quarter\" or \"2 years\"")),
    )
}

fn whole_points(path: &[&str], points: i64, f: &mut Findings<'_>) -> Option<i64> {
    if (0..=POINTS_MAX).contains(&points) {
        return Some(points);
    }
    f.take(path, Err(format!("points lie between 0 and {POINTS_MAX}")))
}

fn decimal(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    f.take(path, parse_decimal(&quoted.0).map_err(|e| e.to_string()))
}

fn positive(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    let value = decimal(path, quoted, f)?;
    if value > Decimal::ZERO { Some(value) } else { f.take(path, Err("must be above zero".to_owned())) }
}
