//! Programs that run and surprise somebody. What is an error here stops a publication, and never the reading of what was published:
//! a finding that is new must not stop a program that runs.

use std::collections::{BTreeMap, BTreeSet};

use event::OwnForm;
use event::ids::{Name, RuleId, TierId, matches_pattern};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::cap::{Cap, CapBy, CapUnit};
use crate::commission::{Commission, Rate};
use crate::fact::{FactForm, PARTNER};
use crate::findings::{Code, Diagnostic, Findings};
use crate::ladder::{Criteria, Criterion, Measure, Review, Tier};
use crate::own::{self, OwnEvent};
use crate::possible;
use crate::program::Program;
use crate::rule::{Attainment, Gives, Points, Rule, Times};
use crate::window::Within;

pub(crate) fn lint(program: &Program, text: &str) -> Vec<Diagnostic> {
    let mut f = Findings::new(text);
    for (motion, tiers) in &program.ladders {
        for (index, tier) in tiers.iter().enumerate().skip(1) {
            ladder_tier(motion, &tiers[..index], tier, &mut f);
        }
    }
    if !program.ladders.is_empty() && !program.ladders.contains_key(&program.default_motion) {
        f.warning(
            Code::MotionWithoutLadder,
            &["program", "default_motion"],
            format!("what names no motion counts in `{}`, which has no ladder", program.default_motion),
            format!("ladders: {}", program.ladders.keys().map(|motion| motion.as_str()).collect::<Vec<_>>().join(", ")),
        );
    }
    let motion = &program.exclusivity.motion;
    if *motion != program.default_motion && !program.ladders.is_empty() && !program.ladders.contains_key(motion) {
        f.warning(
            Code::MotionWithoutLadder,
            &["exclusivity", "motion"],
            format!("no ladder is of `{motion}`: nobody may be measured in it"),
            format!("ladders: {}", program.ladders.keys().map(|motion| motion.as_str()).collect::<Vec<_>>().join(", ")),
        );
    }
    let events = program.events.iter().filter_map(|(name, own)| Some(("event", name.as_str(), own.motion.as_ref()?)));
    let challenges = program.challenges.iter().map(|(id, one)| ("challenge", id.as_str(), &one.motion));
    for (table, id, motion) in events.chain(challenges) {
        let is_known = program.ladders.contains_key(motion) || *motion == program.default_motion;
        if !is_known && !program.ladders.is_empty() {
            f.warning(
                Code::MotionWithoutLadder,
                &[table, id, "motion"],
                format!("no ladder is of `{motion}`: nobody may be measured in it"),
                format!(
                    "ladders: {}",
                    program.ladders.keys().map(|motion| motion.as_str()).collect::<Vec<_>>().join(", ")
                ),
            );
        }
    }
    facts_asked(program, &mut f);
    for (source, _) in program.sources.iter().filter(|(source, _)| !source.starts_with('/') && !source.contains(':')) {
        f.warning(
            Code::SourceIsAName,
            &["sources", source],
            format!("`{source}` is the name of a system; what systems send under is a path or a URI"),
            format!("everything that one sends: \"/{source}/*\""),
        );
    }
    if program.exclusivity.keep.is_some() && program.exclusivity.grace.is_none() {
        f.warning(
            Code::DemotionWithoutWarning,
            &["exclusivity", "keep"],
            "an exclusivity is lost at the first review that it fails, without a warning",
            "warn first: grace = \"1 quarter\"",
        );
    }
    for id in program.budgets.keys().filter(|id| !program.rules.values().any(|rule| rule.budget.as_ref() == Some(*id)))
    {
        f.warning(
            Code::UnusedBudget,
            &["budget", id],
            format!("no rule gives out of `{id}`"),
            format!("let one: budget = \"{id}\""),
        );
    }
    drawn_at_once(program, &mut f);
    let sent =
        |name: &str| program.sources.iter().any(|(_, kinds)| kinds.iter().any(|kind| matches_pattern(kind, name)));
    for name in program.events.keys().filter(|name| !sent(name)) {
        f.warning(
            Code::UnsentEvent,
            &["event", name],
            format!("no source may send `{name}`"),
            format!("let one: \"/webinars/*\" = [\"{name}\"] in [sources]"),
        );
    }
    caps_of_nobody(program, &mut f);
    for rule in program.rules.values() {
        for (path, (message, help)) in possible::never(rule, program) {
            let [table, id] = rule.place();
            f.error(Code::NeverHolds, &[table, id, path.0, path.1], message, help);
        }
        if let Some(commission) = rule.commission() {
            commission_rate(program, rule, commission, &mut f);
        }
        if let Some((value, beside)) = out_of_line(rule) {
            let message =
                format!("what is given for {value} is a hundred times as much, or as little, as for {beside}");
            f.warning(
                Code::AmountOutOfLine,
                &[rule.place()[0], rule.place()[1], rule.key()],
                message,
                "look at the number once more",
            );
        }
        let per = matches!(rule.gives, Gives::Points(Points::Per { .. }));
        let bounded = rule.at_most.iter().any(|cap| cap.unit != CapUnit::Times) || !per;
        if !bounded {
            f.warning(
                Code::UnboundedPoints,
                &["earn", &rule.id, "points"],
                "one event can earn any number of points",
                "bound it: at_most = \"5000 points per partner per month\"",
            );
        }
    }
    f.found.sort_by_key(|found| found.severity);
    f.found
}

/// Caps by what an event does not name: all of its kind count as one person's, team's or territory's.
fn caps_of_nobody(program: &Program, f: &mut Findings<'_>) {
    for rule in program.rules.values() {
        let [table, id] = rule.place();
        let at_most = rule.at_most.iter().map(|cap| (cap, "at_most"));
        let hold_if = rule.hold_if.iter().filter_map(|one| Some((one.counts()?, "hold_if")));
        for (cap, key) in at_most.chain(hold_if) {
            let (word, field) = match cap.by {
                CapBy::Partner => continue,
                CapBy::Person => ("person", None),
                CapBy::Team => ("team", Some("team")),
                CapBy::Territory => ("territory", Some("territory")),
            };
            if !own::names(&program.events, &rule.on, field) {
                let message = format!("{} names no {word}: all of them count as those of one", rule.on);
                f.warning(Code::CapOfNobody, &[table, id, key], message, "write \"... per partner ...\"");
            }
            let persons = own::persons(&program.events, &rule.on);
            if cap.by == CapBy::Person && persons.len() > 1 && !persons.contains(&"person_id") {
                let message = format!("{} names several persons, and `{}` is the one that counts", rule.on, persons[0]);
                let help = "name the one that is to count `person_id`";
                f.warning(Code::CapOfNobody, &[table, id, key], message, help);
            }
        }
    }
}

/// What no partner can be, and every criterion of a ladder asks.
fn facts_asked(program: &Program, f: &mut Findings<'_>) {
    let tiers =
        program.ladders.iter().flat_map(|(motion, tiers)| tiers.iter().map(move |tier| (motion.as_str(), tier)));
    let of_tiers = tiers.flat_map(|(motion, tier)| {
        let at = move |key| vec!["ladder", motion, tier.id.as_str(), key];
        [(at("enter"), &tier.enter), (at("keep"), &tier.keep)]
    });
    let exclusivity = &program.exclusivity;
    let of_exclusivity = [("earn", &exclusivity.earn), ("keep", &exclusivity.keep)]
        .map(|(key, criteria)| (vec!["exclusivity", key], criteria));
    let of_onboarding = program.onboarding.iter().map(|new| (vec!["onboarding", "productive"], &new.productive));
    let some = of_tiers.chain(of_exclusivity).filter_map(|(path, criteria)| Some((path, criteria.as_ref()?)));
    for (path, criteria) in some.chain(of_onboarding) {
        for asked in criteria.facts() {
            if let Some((message, help)) = possible::never_is_so(asked, program) {
                f.error(Code::NeverHolds, &path, message, help);
            }
        }
    }
}

/// Most sub-balances that one event may draw on: its decision is one transaction.
const DRAWN_MAX: usize = 60;
/// The same of what concerns deals: what corrects one gives back to as many again.
const DRAWN_BY_DEALS_MAX: usize = 30;

/// Budgets that the rules of one event draw on, with so many sub-balances that no transaction holds them.
fn drawn_at_once(program: &Program, f: &mut Findings<'_>) {
    let of_deals = ["deal.closed", "invoice.paid", "deal.influenced"];
    let on = |rule: &Rule| if of_deals.contains(&rule.on.as_str()) { "a deal".to_owned() } else { rule.on.clone() };
    let mut drawn: BTreeMap<String, BTreeSet<&Name>> = BTreeMap::new();
    for rule in program.rules.values() {
        drawn.entry(on(rule)).or_default().extend(&rule.budget);
    }
    for (what, budgets) in drawn {
        let parts = |id: &&&Name| program.budgets.get(**id).map_or(1, |budget| budget.parts);
        let sum: usize = budgets.iter().map(|id| usize::from(parts(&id))).sum();
        let most = if what == "a deal" { DRAWN_BY_DEALS_MAX } else { DRAWN_MAX };
        if let Some(largest) = budgets.iter().max_by_key(parts).filter(|_| sum > most) {
            let message = format!("the budgets of {what} have {sum} sub-balances, and one decision holds {most}");
            let help = "write fewer `parts`, or let several rules give out of one budget".to_owned();
            f.error(Code::BadValue, &["budget", largest, "parts"], message, Some(help));
        }
    }
}

/// What no version of a program may change: whose history it is, and in which currency that was measured.
pub fn breaks(before: &Program, after: &Program, text: &str) -> Vec<Diagnostic> {
    let mut f = Findings::new(text);
    if before.id != after.id {
        let message = format!("this is program `{}`, and the one before is `{}`", after.id, before.id);
        f.error(
            Code::OtherProgram,
            &["program", "id"],
            message,
            Some("compare two versions of one program".to_owned()),
        );
    } else if before.currency != after.currency {
        let message =
            format!("the program is in {}, and all that was measured in it is in {}", after.currency, before.currency);
        let help = format!(
            "keep {} and give a rate for {}, or begin a program of another id",
            before.currency, after.currency
        );
        f.error(Code::CurrencyChanged, &["program", "currency"], message, Some(help));
    }
    f.found
}

/// By how many times a figure may differ from those beside it before somebody is asked whether that is meant.
const OUT_OF_LINE: i64 = 100;

/// The first value for which a rule gives a hundred times as much, or as little, as for each value beside it; and one of those.
pub fn out_of_line(rule: &Rule) -> Option<(String, String)> {
    let mut steps: Vec<(String, Decimal)> = match &rule.gives {
        Gives::Points(Points::Bands { bands, .. }) => {
            bands.iter().map(|(from, points)| (from.to_string(), Decimal::from(*points))).collect()
        }
        Gives::Points(Points::Table { table, .. }) => {
            table.iter().map(|(value, points)| (value.clone(), Decimal::from(*points))).collect()
        }
        Gives::Money(commission) => match &commission.rate {
            Rate::Bands { bands: steps, .. } | Rate::Slices { slices: steps, .. } => {
                steps.iter().map(|(from, rate)| (from.to_string(), *rate)).collect()
            }
            Rate::Table { table, .. } => table.clone(),
            Rate::Fixed(_) => Vec::new(),
        },
        Gives::Points(Points::Fixed(_) | Points::Per { .. }) => Vec::new(),
    };
    // Rows of a table that are numbers stand beside each other as numbers do; words stand beside all others.
    let is_table = matches!(&rule.gives, Gives::Points(Points::Table { .. }))
        || rule.commission().is_some_and(|commission| matches!(commission.rate, Rate::Table { .. }));
    let number = |(value, _): &(String, Decimal)| value.parse::<Decimal>().ok();
    let ordered = !is_table || steps.iter().all(|step| number(step).is_some());
    if is_table && ordered {
        steps.sort_by_key(number);
    }
    let far = |one: Decimal, other: Decimal| {
        let (less, more) = (one.min(other), one.max(other));
        !less.is_zero() && more >= less.saturating_mul(Decimal::from(OUT_OF_LINE))
    };
    let found = (0..steps.len()).filter_map(|at| {
        let near = |other: &usize| *other != at && (!ordered || other.abs_diff(at) == 1);
        let beside: Vec<&(String, Decimal)> = (0..steps.len()).filter(near).map(|other| &steps[other]).collect();
        let is_far = !beside.is_empty() && beside.iter().all(|other| far(steps[at].1, other.1));
        is_far.then(|| (beside.len(), steps[at].0.clone(), beside[0].0.clone()))
    });
    // The one between two that it is far from, rather than those beside it.
    found.max_by_key(|(beside, ..)| *beside).map(|(_, value, beside)| (value, beside))
}

/// By how many times a figure may change before somebody is asked whether that is meant.
const LEAP: i64 = 10;

/// Something to ask about against the version before.
#[derive(Clone, Debug)]
pub struct Leap {
    /// The finding.
    pub finding: Diagnostic,
    /// Of a figure that leaps: of which rule, and where in it.
    pub figure: Option<(RuleId, Figure)>,
}

/// Which figure of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The only one of its key.
    Only,
    /// Of a band or a slice, by where it begins; or of a row of a table, by its value.
    Step(String),
    /// Of who holds a tier.
    Tier(TierId),
    /// Of a contract of so many months.
    Months(u32),
}

/// Figures by what must be the same to be compared, and which each is.
type Figures = BTreeMap<String, (Figure, Decimal)>;

/// Figures that are many times as much, or as little, as they were by the version before: a slip of the hand looks so. Compared is what
/// stands at the same place: a band by where it begins, a row of a table by its value, a multiplier by its tier or its campaign, a cap by
/// what it counts; what a commission or a payout is at least; what a reward costs, a currency is worth, an influence has.
pub fn leaps(before: &Program, after: &Program, text: &str) -> Vec<Leap> {
    let mut f = Findings::new(text);
    let mut figures = BTreeMap::new();
    for rule in after.rules.values() {
        let Some(old) = before.rules.get(&rule.id) else { continue };
        let [table, id] = rule.place();
        for (key, gave, gives) in [
            (rule.key(), gives(old), gives(rule)),
            ("times", times(&old.times), times(&rule.times)),
            ("tenor", tenor(old), tenor(rule)),
            ("at_least", at_least(old), at_least(rule)),
        ] {
            let both = gives.iter().filter_map(|(place, gives)| Some((place, gave.get(place)?.1, gives)));
            for (place, gave, (figure, gives)) in both {
                let what = if place.is_empty() { key.to_owned() } else { format!("{key} {place}") };
                let unit = if key == "rate" { "%" } else { "" };
                if leap_at(&[table, id, key], &format!("`{}`: {what}", rule.id), unit, gave, *gives, &mut f) {
                    figures.insert(f.found.len(), (rule.id.clone(), figure.clone()));
                }
            }
        }
        for cap in &rule.at_most {
            let same = |was: &&Cap| (was.unit, &was.says, was.every) == (cap.unit, &cap.says, cap.every);
            if let Some(was) = old.at_most.iter().find(same) {
                let (gave, gives) = (Decimal::from(was.limit), Decimal::from(cap.limit));
                let what = format!("`{}`: the cap \"{}\"", rule.id, cap.words);
                if let Some(times) = leap(gave, gives) {
                    let message = format!("{what}, where it was \"{}\": {times}", was.words);
                    f.warning(Code::PointsLeap, &[table, id, "at_most"], message, "look at the number once more");
                }
            }
        }
    }
    others_leap(before, after, &mut f);
    if let Some(locked) = before.policy.locked_until.filter(|locked| after.policy.locked_until < Some(*locked)) {
        let message = format!("what was locked until {locked} is open again: late events are booked there");
        f.warning(Code::LockMovedBack, &["program", "locked_until"], message, "leave the lock where it was, or later");
    }
    facts_changed(before, after, &mut f);
    events_changed(before, after, &mut f);
    if let (Some(gave), Some(gives)) = (before.payouts.minimum, after.payouts.minimum) {
        leap_at(&["payouts", "minimum"], "`payouts`: minimum", "", gave, gives, &mut f);
    }
    let all = f.found.into_iter().zip(1..);
    all.map(|(finding, place)| Leap { finding, figure: figures.remove(&place) }).collect()
}

/// Figures that are of no rule.
fn others_leap(before: &Program, after: &Program, f: &mut Findings<'_>) {
    for (id, campaign) in &after.campaigns {
        if let Some(was) = before.campaigns.get(id) {
            leap_at(&["campaign", id, "by"], &format!("campaign `{id}`: by"), "", was.by, campaign.by, f);
        }
    }
    for (id, reward) in &after.rewards {
        if let Some(was) = before.rewards.get(id) {
            let (cost, costs) = (Decimal::from(was.points), Decimal::from(reward.points));
            leap_at(&["reward", id, "points"], &format!("reward `{id}`: points"), "", cost, costs, f);
        }
    }
    for (currency, rate) in &after.rates {
        if let Some(was) = before.rates.get(currency) {
            leap_at(&["program", "rates", currency], &format!("rate of {currency}"), "", *was, *rate, f);
        }
    }
    if let (Some(was), Some(is)) = (&before.sharing, &after.sharing) {
        let percent = |points: u32| Decimal::new(points.into(), 2);
        leap_at(&["influence", "part"], "`influence`: part", "%", percent(was.part), percent(is.part), f);
    }
}

/// Whether a form takes whatever another took.
fn takes_more(was: &OwnForm, now: &OwnForm) -> bool {
    match (was, now) {
        (OwnForm::Words(was), OwnForm::Words(now)) => was.iter().all(|word| now.contains(word)),
        (OwnForm::Words(_) | OwnForm::Id, OwnForm::Text) | (OwnForm::Words(_), OwnForm::Id) => true,
        (was, now) => was == now,
    }
}

/// What was sent of the vendor's own types and is taken no more, or looked at no more.
fn events_changed(before: &Program, after: &Program, f: &mut Findings<'_>) {
    for (name, old) in &before.events {
        let path = ["event", name];
        let Some(new) = after.events.get(name) else {
            let message =
                format!("`{name}` is declared no more: what happens from then on and is sent as such is rejected");
            f.warning(Code::EventChanged, &["event"], message, "leave it, as long as somebody sends it");
            continue;
        };
        let field = |of: &OwnEvent, name: &str| of.form.fields.iter().find(|field| *field.name == *name).cloned();
        for was in old.form.fields.iter().filter(|was| field(new, &was.name).is_none()) {
            let message = format!("`{name}` has no field `{}` any more: what is sent of it is not kept", was.name);
            f.warning(Code::EventChanged, &path, message, "leave it, if anybody looks at it");
        }
        for now in &new.form.fields {
            let was = field(old, &now.name);
            let said = match was {
                None if now.required => {
                    format!("`{name}` needs `{}` from then on: without it, it is rejected", now.name)
                }
                Some(was) if !takes_more(&was.form, &now.form) => {
                    format!("`{}` of `{name}` is of another form: what is sent in the old one is rejected", now.name)
                }
                Some(was) if now.required && !was.required => {
                    format!("`{name}` needs `{}` from then on: without it, it is rejected", now.name)
                }
                _ => continue,
            };
            f.warning(Code::EventChanged, &path, said, "tell whoever sends it first, or let it be optional");
        }
        if old.counts.is_some() && old.motion != new.motion {
            let word = |of: &OwnEvent| of.motion.as_ref().unwrap_or(&after.default_motion).to_string();
            let message = format!(
                "`{name}` counts in `{}`, and counted in `{}`: what was counted stays there",
                word(new),
                word(old)
            );
            f.warning(Code::EventChanged, &path, message, "leave it as it was, if a ladder asks for it");
        }
        if old.counts != new.counts {
            let word =
                |of: &OwnEvent| of.counts.map_or_else(|| "nothing".to_owned(), |counts| counts.word().to_owned());
            let message =
                format!("`{name}` counts to {}, and counted to {}: what was counted stays there", word(new), word(old));
            f.warning(Code::EventChanged, &path, message, "leave it as it was, if a ladder asks for it");
        }
    }
}

/// What was stated of partners and is not so any more: what was stated in another form is as if nobody had, and who is paid, or what is
/// withheld, may be another.
fn facts_changed(before: &Program, after: &Program, f: &mut Findings<'_>) {
    let mut ask = |path: &[&str], message: String, help: &str| f.warning(Code::FactChanged, path, message, help);
    for (name, was) in &before.facts {
        let path = ["facts", name.as_str()];
        match (was, after.facts.get(name)) {
            (_, None) => ask(
                &["facts"],
                format!("`{name}` is declared no more: rules see nothing of it"),
                "keep it as long as anything goes by it",
            ),
            (FactForm::Words(were), Some(FactForm::Words(are))) => {
                let gone: Vec<&str> = were.iter().filter(|word| !are.contains(word)).map(Name::as_str).collect();
                if !gone.is_empty() {
                    let message = format!("of whom {} is stated, nothing is from now on", gone.join(" or "));
                    ask(&path, message, "keep the word, or have those partners enrolled anew");
                }
            }
            (was, Some(is)) if was != is && *is != FactForm::Text => {
                ask(
                    &path,
                    "what was stated in another form is as if nobody had".to_owned(),
                    "have those partners enrolled anew",
                );
            }
            (_, Some(_)) => {}
        }
    }
    let of = |program: &Program| [program.payouts.payee.clone(), program.payouts.withholding.clone()];
    for (key, (was, is)) in ["payee", "withholding"].into_iter().zip(of(before).into_iter().zip(of(after))) {
        if was != is {
            let told = |name: Option<Name>| name.map_or("nothing".to_owned(), |name| format!("`{PARTNER}{name}`"));
            let message = format!("`{key}` goes by {} where it went by {}", told(is), told(was));
            ask(&["payouts", key], message, "look at it once more: the next run pays so");
        }
    }
}

/// Asks about one figure, where it leaps; whether it does.
fn leap_at(path: &[&str], what: &str, unit: &str, gave: Decimal, gives: Decimal, f: &mut Findings<'_>) -> bool {
    let Some(times) = leap(gave, gives) else { return false };
    let (gave, gives) = (gave.normalize(), gives.normalize());
    let message = format!("{what} = {gives}{unit} where it was {gave}{unit}: {times}");
    f.warning(Code::PointsLeap, path, message, "look at the number once more");
    true
}

/// By how many times one figure is another, in words; `None` where that is no leap.
fn leap(gave: Decimal, gives: Decimal) -> Option<String> {
    let (less, more) = (gave.min(gives), gave.max(gives));
    if less.is_zero() || more < less.saturating_mul(Decimal::from(LEAP)) {
        return None;
    }
    let times = more.checked_div(less).map(|times| times.round_dp_with_strategy(1, RoundingStrategy::ToZero));
    let times = times.map_or("very many".to_owned(), |times| times.normalize().to_string());
    Some(format!("{times} times as {}", if gives > gave { "much" } else { "little" }))
}

/// From this rate on a vendor shares more than it keeps (M06).
const HALF: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// The highest rate of a commission, with everything that multiplies it, against what the program allows.
fn commission_rate(program: &Program, rule: &Rule, commission: &Commission, f: &mut Findings<'_>) {
    let [table, id] = rule.place();
    let Some(rate) = commission.rate.all().into_iter().max() else { return };
    // A contract of at least a month has the first factor where that begins so early.
    let from_the_start = commission.tenor.first().is_some_and(|(months, _)| *months <= 1);
    let plain = (!from_the_start).then_some(Decimal::ONE);
    let longest = commission.tenor.iter().map(|(_, by)| *by).chain(plain).max().unwrap_or(Decimal::ONE);
    // Nobody holds two tiers of a ladder: of tiers the highest counts; campaigns may run at once.
    let tiers = rule.times.iter().filter_map(|times| if let Times::Tier { by, .. } = times { Some(*by) } else { None });
    let campaigns = rule.times.iter().filter_map(|times| match times {
        Times::Campaign(id) => program.campaigns.get(id).map(|campaign| campaign.by),
        Times::Attainment(attainment) => attainment.bands.iter().map(|(_, by)| *by).max(),
        Times::Tier { .. } => None,
    });
    let factors = tiers.max().into_iter().chain(campaigns).filter(|by| *by > Decimal::ONE);
    let factor = factors.fold(longest, Decimal::saturating_mul);
    let highest = rate.saturating_mul(factor);
    let percent = |rate: Decimal| format!("{}%", rate.saturating_mul(Decimal::ONE_HUNDRED).normalize());
    let comes_to = || {
        let times = if factor == Decimal::ONE { None } else { Some(factor.normalize()) };
        let times = times.map(|factor| format!(" ({} times {factor})", percent(rate))).unwrap_or_default();
        format!("{}{times}", percent(highest))
    };
    // What is cut is not paid.
    let paid = program.policy.commissions.at_most.map_or(highest, |most| most.min(highest));
    if let Some((margin, floor)) = program.policy.commissions.margin.filter(|(margin, floor)| margin - paid < *floor) {
        f.warning(
            Code::MarginBelowFloor,
            &[table, id, "rate"],
            format!(
                "it pays up to {}, and leaves {} of a margin of {}: less than the floor of {}",
                percent(paid),
                percent(margin - paid),
                percent(margin),
                percent(floor)
            ),
            "lower it, or `margin_floor` in [policy.commissions]",
        );
    }
    match program.policy.commissions.at_most {
        Some(most) if highest > most => f.warning(
            Code::RateAboveCap,
            &[table, id, "rate"],
            format!("it comes to {}, and the program pays at most {}", comes_to(), percent(most)),
            "partners will see a rate that is cut; lower it, or raise `at_most` in [policy.commissions]",
        ),
        None if highest >= HALF => f.warning(
            Code::RateOfHalf,
            &[table, id, "rate"],
            format!("it comes to {}: half of the business or more is the partner's", comes_to()),
            "if that is meant, say so: at_most = \"60%\" in [policy.commissions]",
        ),
        Some(_) | None => {}
    }
}

/// The figures of what a rule gives.
fn gives(rule: &Rule) -> Figures {
    let commission = match &rule.gives {
        Gives::Points(points) => return self::points(points),
        Gives::Money(commission) => commission,
    };
    let percent = |rate: &Decimal| rate.saturating_mul(Decimal::ONE_HUNDRED);
    match &commission.rate {
        Rate::Fixed(rate) => only(percent(rate)),
        Rate::Bands { by, bands: steps } | Rate::Slices { by, slices: steps } => {
            steps.iter().map(|(from, rate)| step(by, Some(from), &from.to_string(), percent(rate))).collect()
        }
        Rate::Table { by, table } => table.iter().map(|(value, rate)| step(by, None, value, percent(rate))).collect(),
    }
}

fn only(figure: Decimal) -> Figures {
    BTreeMap::from([(String::new(), (Figure::Only, figure))])
}

/// One figure of a scale: of a band by where it begins, or of a row of a table.
fn step(by: &str, from: Option<&Decimal>, value: &str, figure: Decimal) -> (String, (Figure, Decimal)) {
    let place = if from.is_some() { format!("by {by} from {value}") } else { format!("by {by} {value}") };
    (place, (Figure::Step(value.to_owned()), figure))
}

/// The figures of a rule's points.
fn points(points: &Points) -> Figures {
    match points {
        Points::Fixed(points) => only(Decimal::from(*points)),
        Points::Bands { by, bands } => {
            let each = bands.iter();
            each.map(|(from, points)| step(by, Some(from), &from.to_string(), Decimal::from(*points))).collect()
        }
        Points::Table { by, table } => {
            table.iter().map(|(value, points)| step(by, None, value, Decimal::from(*points))).collect()
        }
        Points::Per { by, per, points } => {
            let each = Decimal::from(*points).checked_div(*per);
            each.map(|each| (format!("for each 1 of {by}"), (Figure::Only, each))).into_iter().collect()
        }
    }
}

/// The factors of a rule's multipliers, by tier and by what is attained.
fn times(times: &[Times]) -> Figures {
    let factors = |one: &Times| match one {
        Times::Tier { tier, by, .. } => vec![(format!("by tier {tier}"), (Figure::Tier(tier.clone()), *by))],
        Times::Attainment(Attainment { measure, bands, .. }) => {
            let percent = |from: &Decimal| from.saturating_mul(Decimal::ONE_HUNDRED).normalize();
            let told = |from| format!("by {} attained from {}%", measure.word(), percent(from));
            bands.iter().map(|(from, by)| (told(from), (Figure::Only, *by))).collect()
        }
        Times::Campaign(_) => Vec::new(),
    };
    times.iter().flat_map(factors).collect()
}

/// The factors of a commission's tenors (M02), by their months.
fn tenor(rule: &Rule) -> Figures {
    let steps = rule.commission().into_iter().flat_map(|commission| &commission.tenor);
    steps.map(|(months, by)| (format!("from {months} months"), (Figure::Months(*months), *by))).collect()
}

/// What a commission is at least.
fn at_least(rule: &Rule) -> Figures {
    rule.commission().and_then(|commission| commission.at_least).map(only).unwrap_or_default()
}

fn ladder_tier(motion: &str, below: &[Tier], tier: &Tier, f: &mut Findings<'_>) {
    let at = |name| ["ladder", motion, tier.id.as_str(), name];
    if tier.enter.is_none() {
        f.warning(
            Code::UnreachableTier,
            &at("enter"),
            format!("nothing leads to `{}`", tier.id),
            "say what promotes: enter = { deals = 5, within = \"1 year\" }",
        );
    }
    if tier.keep.is_some() && tier.grace.is_none() {
        f.warning(
            Code::DemotionWithoutWarning,
            &at("keep"),
            format!("`{}` is lost at the first failed review, without a warning", tier.id),
            "give time: grace = \"1 quarter\"",
        );
    }
    if let Some((enter, keep)) = tier.enter.as_ref().zip(tier.keep.as_ref())
        && let Some(way) = way_that_does_not_keep(enter, keep, tier.review)
    {
        let way: Vec<String> = way.iter().map(|one| one.words()).collect();
        let message = format!(
            "a partner steady at {} enters `{}`, falls short of what keeps it ({}), goes down and enters again, for ever",
            way.join(" and "),
            tier.id,
            keep.words()
        );
        f.warning(
            Code::OscillatingLadder,
            &at("keep"),
            message,
            "ask for no more to keep than every way to enter brings",
        );
    }
    let easier = |lower: &&Tier| {
        lower
            .enter
            .as_ref()
            .zip(tier.enter.as_ref())
            .is_some_and(|(low, high)| implies(high, low) && implies(low, high))
    };
    if let Some(lower) = below.iter().find(easier) {
        f.warning(
            Code::TierNeverHeld,
            &at("enter"),
            format!("`{}` is never held: whoever reaches it reaches `{}` at once", lower.id, tier.id),
            "ask for more to enter the higher tier",
        );
    }
}

/// A way to enter that does not keep, if somebody goes on as they entered: all that must be met together.
fn way_that_does_not_keep<'c>(enter: &'c Criteria, keep: &Criteria, review: Review) -> Option<Vec<&'c Criteria>> {
    enter.ways().into_iter().find(|way| !keeps(way, keep, review))
}

fn keeps(way: &[&Criteria], keep: &Criteria, review: Review) -> bool {
    match keep {
        Criteria::Any(parts) => parts.iter().any(|part| keeps(way, part, review)),
        Criteria::All(parts) => parts.iter().all(|part| keeps(way, part, review)),
        Criteria::One(asked) => {
            way.iter().any(|part| matches!(part, Criteria::One(one) if goes_on_to_bring(one, asked, review)))
        }
        // What a partner is, it goes on to be.
        Criteria::Fact(asked) => way.iter().any(|part| matches!(part, Criteria::Fact(is) if is.implies(asked))),
    }
}

/// Whether who goes on as `one` says brings what is asked: as much in as long a window, or as much a month.
fn goes_on_to_bring(one: &Criterion, asked: &Criterion, review: Review) -> bool {
    // A review within a fiscal year sees what of it is over.
    let seen = match (asked.within, review) {
        (Within::FiscalYear | Within::FiscalQuarter, Review::Monthly) => 1,
        (Within::FiscalYear, Review::Quarterly) => 3,
        (within, _) => within.months(),
    };
    let (brings, asks) = (Decimal::from(one.within.months()), Decimal::from(seen));
    let enough = one.least >= asked.least && (one.measure == Measure::Certifications || asks >= brings);
    let rate = one.least.saturating_mul(asks) >= asked.least.saturating_mul(brings);
    one.measure == asked.measure
        && (asked.certification.is_none() || one.certification == asked.certification)
        && one.level >= asked.level
        && (enough || (rate && one.measure != Measure::Certifications))
}

/// Whether meeting `a` surely meets `b`: said only where it is plain, so that the warning is never wrong.
fn implies(a: &Criteria, b: &Criteria) -> bool {
    match (a, b) {
        (Criteria::Any(list), _) => list.iter().all(|part| implies(part, b)),
        (_, Criteria::Any(list)) => list.iter().any(|part| implies(a, part)),
        (Criteria::All(list), _) => list.iter().any(|part| implies(part, b)),
        (_, Criteria::All(list)) => list.iter().all(|part| implies(a, part)),
        (Criteria::Fact(a), Criteria::Fact(b)) => a.implies(b),
        (Criteria::Fact(_), Criteria::One(_)) | (Criteria::One(_), Criteria::Fact(_)) => false,
        (Criteria::One(a), Criteria::One(b)) => {
            let of_same = a.measure == b.measure && a.certification == b.certification && a.within == b.within;
            of_same && a.level >= b.level && a.least >= b.least
        }
    }
}
