//! Witnesses: of a warning, a short story that shows it, found by search and played by the code that decides.

use std::fmt::Write;

use domain::ledger::Asset;
use event::ids::{Motion, TierId};
use jiff::ToSpan;
use jiff::civil::Date;
use program::{Code, Criteria, Criterion, Diagnostic, Measure, Program, Rate, Rule, Tier};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use crate::probe::{
    Case, Given, ask, base_of, brings, enrolled, facts_of, held, measures_of, plain_day, scale, stated, story, tiers_of,
};
use crate::story::{Ground, Line, Step, Story, play, play_holding};

/// A story that shows what a warning says.
#[derive(Clone, Debug, Serialize)]
pub struct Witness {
    /// What it shows, in a sentence.
    pub shows: String,
    /// What happens, as an example of a program file writes it.
    #[serde(serialize_with = "as_texts")]
    pub events: Vec<Step>,
    /// The lines of the ledger that show it.
    #[serde(serialize_with = "as_texts")]
    pub ledger: Vec<Line>,
    #[serde(skip)]
    until: Option<Date>,
    /// Tiers that the partner holds in the last step, however it came by them: what leads there is no part of the story.
    #[serde(skip)]
    holding: Vec<(Motion, TierId)>,
}

fn as_texts<T: ToString, S: Serializer>(all: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(ToString::to_string))
}

impl Witness {
    /// Plays it once more: whether every line that it shows is in the ledger again, in this order.
    pub fn holds(&self, ground: &Ground) -> bool {
        let story = Story { steps: self.events.clone(), until: self.until };
        let Ok((lines, _)) = play_holding(ground, &story, &self.holding) else { return false };
        let mut made = lines.iter();
        self.ledger.iter().all(|shown| made.any(|line| line == shown))
    }

    fn of(mut shows: String, story: Story, ledger: Vec<Line>, holding: &[(Motion, TierId)]) -> Self {
        let tiers: Vec<String> = holding.iter().map(|(motion, tier)| format!("`{tier}` in {motion}")).collect();
        if !tiers.is_empty() {
            let _ = write!(shows, " (the partner is on {})", tiers.join(" and "));
        }
        Self { shows, events: story.steps, ledger, until: story.until, holding: holding.to_vec() }
    }
}

/// A witness of a warning; `None` where the search finds none.
pub fn witness(ground: &Ground, found: &Diagnostic) -> Option<Witness> {
    let program = ground.program();
    let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
    match (found.code, path.as_slice()) {
        (code, ["ladder", motion, tier, ..]) => {
            let (motion, tiers) = program.ladders.get_key_value(*motion)?;
            let at = tiers.iter().position(|one| one.id.as_str() == *tier)?;
            of_ladder(ground, code, motion, (&tiers[..at], &tiers[at]))
        }
        (code, ["earn", id, ..]) => of_rule(ground, code, program.rules.get(*id)?),
        (code, ["commission", id, ..]) => {
            of_rule(ground, code, program.rules.get(format!("commission.{id}").as_str())?)
        }
        _ => None,
    }
}

fn of_ladder(ground: &Ground, code: Code, motion: &Motion, (below, tier): (&[Tier], &Tier)) -> Option<Witness> {
    match code {
        Code::OscillatingLadder => {
            let mut plays = PLAYS_MAX;
            tier.enter.as_ref()?.ways().iter().find_map(|way| bounces(ground, motion, tier, way, &mut plays))
        }
        Code::DemotionWithoutWarning => lost_at_once(ground, motion, tier),
        Code::TierNeverHeld => below.iter().find_map(|lower| skipped(ground, motion, lower, tier)),
        Code::UnreachableTier => not_reached(ground, motion, tier),
        _ => None,
    }
}

/// Steady partners bring so much more than what enters, and no more is looked for.
const MORE_MAX: u32 = 30;
/// So many histories of years are played for one warning, at most.
const PLAYS_MAX: u32 = 40;
/// So many years a steady partner is looked at.
const YEARS: u32 = 5;

/// How often a year something happens, and how.
struct Flow<'c> {
    asked: &'c Criterion,
    times: u32,
    each: Decimal,
}

/// So much a year as a criterion asks within its window, and `more` times.
fn flow(asked: &Criterion, more: u32, deals: Option<u32>) -> Option<Flow<'_>> {
    let a_year =
        asked.least.checked_mul(Decimal::from(12))?.checked_div(Decimal::from(asked.within.months().max(1)))?;
    let whole = |number: Decimal| number.round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity).to_u32();
    Some(match asked.measure {
        Measure::Acv => {
            let times = deals.unwrap_or(4 + more);
            let of = Decimal::from(deals.unwrap_or(4));
            let each = a_year.checked_div(of)?.round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity);
            Flow { asked, times, each }
        }
        _ => Flow { asked, times: whole(a_year)?.checked_add(more)?, each: Decimal::ONE },
    })
}

/// A partner that goes on for years as one way to enter asks, and brings `more` of it each year.
fn steady(program: &Program, motion: &Motion, way: &[&Criteria], more: u32) -> Option<(Story, String)> {
    let start = plain_day(program);
    let (facts, attested) = stated(program, start, &facts_of(way))?;
    let mut steps = vec![enrolled(program, start, facts)];
    steps.extend(attested);
    let measures = measures_of(way);
    let deals = measures.iter().find(|one| one.measure == Measure::Deals);
    let deals = deals.and_then(|one| flow(one, more, None)).map(|flow| flow.times);
    let mut told = Vec::new();
    let mut later = Vec::new();
    for asked in &measures {
        if asked.measure == Measure::Certifications {
            for nth in 0..asked.least.to_u32()?.min(50) {
                steps.extend(brings(program, motion, asked, start, &format!("person-{nth}"))?);
            }
            continue;
        }
        if asked.measure == Measure::Deals && measures.iter().any(|one| one.measure == Measure::Acv) {
            // What is sold counts as deals, too.
            continue;
        }
        let Flow { asked, times, each } = flow(asked, more, deals)?;
        if times == 0 || times > 200 {
            return None;
        }
        let each = Criterion { least: each, ..asked.clone() };
        for nth in 0..times * YEARS {
            let day = start.checked_add(i64::from(nth * 365 / times + 30).days()).ok()?;
            later.extend(brings(program, motion, &each, day, &format!("{}-{}", asked.measure.word(), nth + 1))?);
        }
        told.push(match asked.measure {
            Measure::Acv => format!("{times} deals of {} a year", each.least),
            measure => format!("{times} {} a year", measure.word()),
        });
    }
    if later.is_empty() {
        return None;
    }
    later.sort_by_key(|step| step.on);
    let until = later.last()?.on.checked_add(2.years()).ok()?;
    steps.extend(later);
    Some((Story { steps, until: Some(until) }, told.join(" and ")))
}

/// The day on which a partner is up again that was down, and the lines until then.
fn up_again(lines: &[Line], motion: &Motion, tier: &Tier) -> Option<(Date, Vec<Line>)> {
    let of_ladder: Vec<&Line> = lines.iter().filter(|line| line.what.starts_with(&format!("{motion}: "))).collect();
    let up = format!("{motion}: up to {}", tier.id);
    let is_down = |line: &&&Line| line.what.starts_with(&format!("{motion}: down to "));
    let first = of_ladder.iter().position(|line| line.what == up)?;
    let down = first + of_ladder[first..].iter().position(|line| is_down(&line))?;
    let again = down + of_ladder[down..].iter().position(|line| line.what == up)?;
    let shown: Vec<Line> = of_ladder[first..=again].iter().map(|line| (*line).clone()).collect();
    Some((of_ladder[again].on, shown))
}

fn bounces(ground: &Ground, motion: &Motion, tier: &Tier, way: &[&Criteria], plays: &mut u32) -> Option<Witness> {
    let program = ground.program();
    let mut tried = |more: u32| {
        *plays = plays.checked_sub(1)?;
        let (story, told) = steady(program, motion, way, more)?;
        let (lines, _) = play(ground, &story).ok()?;
        let (on, shown) = up_again(&lines, motion, tier)?;
        let steps: Vec<Step> = story.steps.into_iter().filter(|step| step.on <= on).collect();
        Some((Story { steps, until: Some(on) }, told, shown))
    };
    let (from, (story, told, shown)) = (0..MORE_MAX).find_map(|more| tried(more).map(|found| (more, found)))?;
    let last = (from + 1..MORE_MAX).map_while(|more| tried(more).map(|found| (more, found.1))).last();
    let range = last.map(|(more, last)| {
        // Where the search ends there may be more.
        let word = if more + 1 == MORE_MAX || *plays == 0 { "at least " } else { "" };
        format!("; so does everybody up to {word}{last}")
    });
    let shows = format!("a partner with {told} goes up and down{}", range.unwrap_or_default());
    Some(Witness::of(shows, story, shown, &[]))
}

/// All that one way asks for, on one day.
fn at_once(program: &Program, motion: &Motion, way: &[&Criteria], on: Date) -> Option<Vec<Step>> {
    let (facts, attested) = stated(program, on, &facts_of(way))?;
    let mut steps = vec![enrolled(program, on, facts)];
    steps.extend(attested);
    for asked in measures_of(way) {
        let times = if asked.measure == Measure::Acv { 1 } else { asked.least.to_u32()? };
        if times > 200 {
            return None;
        }
        for nth in 1..=times {
            let name = format!("{}-{nth}", asked.measure.word());
            let mut all = brings(program, motion, asked, on, &name)?;
            if asked.measure == Measure::Certifications {
                ends_in_a_year(&mut all, on);
            }
            steps.extend(all);
        }
    }
    Some(steps)
}

fn ends_in_a_year(steps: &mut [Step], on: Date) {
    let Ok(until) = on.checked_add(1.year()) else { return };
    for step in steps {
        if let crate::story::What::Event { data, .. } = &mut step.what {
            data.insert("valid_until".to_owned(), format!("{until}T00:00:00Z").into());
        }
    }
}

fn of_motion(lines: &[Line], motion: &Motion) -> Vec<Line> {
    let of = format!("{motion}: ");
    lines.iter().filter(|line| line.what.starts_with(&of)).cloned().collect()
}

/// Whoever enters and does nothing more loses it without having been told before.
fn lost_at_once(ground: &Ground, motion: &Motion, tier: &Tier) -> Option<Witness> {
    let program = ground.program();
    let on = plain_day(program);
    tier.enter.as_ref()?.ways().iter().find_map(|way| {
        let steps = at_once(program, motion, way, on)?;
        let until = on.checked_add(6.years()).ok()?;
        let story = Story { steps, until: Some(until) };
        let (lines, _) = play(ground, &story).ok()?;
        let of_ladder = of_motion(&lines, motion);
        let up = of_ladder.iter().position(|line| line.what == format!("{motion}: up to {}", tier.id))?;
        let next = of_ladder.get(up + 1).filter(|line| line.what.contains(": down to "))?;
        let shows = format!("who enters `{}` and then rests is down on {}, and was not told before", tier.id, next.on);
        let story = Story { until: Some(next.on), ..story };
        Some(Witness::of(shows, story, of_ladder[up..=up + 1].to_vec(), &[]))
    })
}

/// Whoever reaches the lower tier is on the higher one at once.
fn skipped(ground: &Ground, motion: &Motion, lower: &Tier, tier: &Tier) -> Option<Witness> {
    let program = ground.program();
    let on = plain_day(program);
    lower.enter.as_ref()?.ways().iter().find_map(|way| {
        let story = Story { steps: at_once(program, motion, way, on)?, until: None };
        let (lines, _) = play(ground, &story).ok()?;
        let of_ladder = of_motion(&lines, motion);
        let up = |id: &TierId| of_ladder.iter().find(|line| line.what == format!("{motion}: up to {id}")).cloned();
        let reached = up(&tier.id).filter(|_| up(&lower.id).is_none())?;
        let shows = format!("who does all that `{}` asks for is on `{}`", lower.id, tier.id);
        Some(Witness::of(shows, story, vec![reached], &[]))
    })
}

/// The most that one month can bring does not reach it.
fn not_reached(ground: &Ground, motion: &Motion, tier: &Tier) -> Option<Witness> {
    const DEALS: usize = 20;
    const WORTH: u32 = 10_000_000;
    let program = ground.program();
    let on = plain_day(program);
    let window = program::Within::parse("1 year").ok()?;
    let measure = Measure::Acv;
    let each = Criterion { measure, certification: None, level: None, least: Decimal::from(WORTH), within: window };
    let mut steps = Vec::new();
    for nth in 1..=DEALS {
        steps.extend(brings(program, motion, &each, on, &format!("deal-{nth}"))?);
    }
    let story = Story { steps, until: None };
    let (lines, _) = play(ground, &story).ok()?;
    let of_ladder = of_motion(&lines, motion);
    let up = format!("{motion}: up to {}", tier.id);
    let shows = format!("{DEALS} deals of {WORTH} each, and nobody is on `{}`", tier.id);
    (!of_ladder.iter().any(|line| line.what == up)).then(|| Witness::of(shows, story, of_ladder, &[]))
}

fn of_rule(ground: &Ground, code: Code, rule: &Rule) -> Option<Witness> {
    match code {
        Code::UnboundedPoints => {
            let case = Case { value: Some("999999999".to_owned()), ..Case::default() };
            given(ground, rule, &case, |what| format!("one event of 999999999 gives {what}"))
        }
        Code::AmountOutOfLine => out_of_line(ground, rule),
        Code::RateAboveCap | Code::MarginBelowFloor | Code::RateOfHalf => pays_much(ground, code, rule),
        _ => None,
    }
}

/// The story of a case, as the ledger of it tells what the rule gave.
pub(crate) fn given(ground: &Ground, rule: &Rule, case: &Case, shows: impl Fn(&str) -> String) -> Option<Witness> {
    let (story, shown, what) = told(ground, rule, case)?;
    Some(Witness::of(shows(&what), story, shown, &held(ground.program(), rule, case)))
}

/// What a rule gives in a case, as the ledger tells it: `500.00 USD`.
pub(crate) fn given_in_words(ground: &Ground, rule: &Rule, case: &Case) -> Option<String> {
    told(ground, rule, case).map(|(.., what)| what)
}

/// A case's story, the lines of its ledger that tell of the rule, and what the first of them moved.
fn told(ground: &Ground, rule: &Rule, case: &Case) -> Option<(Story, Vec<Line>, String)> {
    let story = story(ground.program(), rule, case)?;
    let holding = held(ground.program(), rule, case);
    let (lines, _) = play_holding(ground, &story, &holding).ok()?;
    let shown: Vec<Line> = lines.into_iter().filter(|line| is_by(&line.what, &rule.id)).collect();
    let what = shown.first()?.what.trim_start_matches('+').split(" by ").next().unwrap_or_default().to_owned();
    Some((story, shown, what))
}

/// Whether a line tells of what a rule moved, and not of one whose name begins so.
fn is_by(what: &str, rule: &str) -> bool {
    what.split(" by ").skip(1).any(|rest| rest.split([',', ' ']).next() == Some(rule))
}

/// An amount that is many times as much, or as little, as those beside it.
fn out_of_line(ground: &Ground, rule: &Rule) -> Option<Witness> {
    let (value, beside) = program::out_of_line(rule)?;
    let case = |value: &str| Case { value: Some(value.to_owned()), ..Case::default() };
    let other = ask(ground, rule, &case(&beside))?;
    let other = other.asset.told(other.amount);
    given(ground, rule, &case(&value), |what| format!("{value} gives {what}, and {beside} gives {other}"))
}

/// The case in which a commission pays the most of a deal.
fn pays_much(ground: &Ground, code: Code, rule: &Rule) -> Option<Witness> {
    let program = ground.program();
    let commission = rule.commission()?;
    let by_value = scale(rule).is_some_and(|by| !by.starts_with(program::PARTNER));
    let values: Vec<Option<String>> = match &commission.rate {
        Rate::Bands { bands: steps, .. } | Rate::Slices { slices: steps, .. } if by_value => {
            steps.iter().map(|(from, _)| Some(from.max(&Decimal::ONE_HUNDRED).to_string())).rev().collect()
        }
        Rate::Table { table, .. } => table.iter().map(|(value, _)| Some(value.clone())).collect(),
        _ => vec![None],
    };
    let months: Vec<Option<u32>> =
        commission.tenor.iter().rev().map(|(months, _)| Some(*months)).chain([None]).collect();
    let own = commission.tiers.iter().filter_map(|tier| Some((crate::probe::motion_of(program, tier)?, tier.clone())));
    let tiers: Vec<_> = tiers_of(program, rule).into_iter().chain(own).map(Some).chain([None]).collect();
    let policy = &program.policy.commissions;
    let is_it = |part: Decimal| match code {
        Code::RateAboveCap => policy.at_most.is_some_and(|most| rounded(part, 4) == rounded(most, 4)),
        Code::MarginBelowFloor => policy.margin.is_some_and(|(margin, floor)| margin - part < floor),
        _ => part >= Decimal::new(5, 1),
    };
    for tier in &tiers {
        for value in &values {
            for months in &months {
                let case = Case { tier: tier.clone(), value: value.clone(), months: *months, ..Case::default() };
                let Some((given_now, base, part)) = part_of(ground, rule, &case) else { continue };
                if given_now.asset != Asset::Points && is_it(part) {
                    let long = months.map(|months| format!(" over {months} months")).unwrap_or_default();
                    let share = rounded(part.checked_mul(Decimal::ONE_HUNDRED)?, 1);
                    let worth = given_now.asset.told(given_now.amount);
                    let told = |what: &str| {
                        // Its caps are another thing than its rate.
                        let cut = if what == worth { "" } else { ", before its caps" };
                        format!("a deal of {base}{long} pays {worth}, {share}% of it{cut}")
                    };
                    return given(ground, rule, &case, told);
                }
            }
        }
    }
    None
}

fn rounded(part: Decimal, places: u32) -> Decimal {
    part.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// What a commission pays in a case, of what, and which part of it that is.
fn part_of(ground: &Ground, rule: &Rule, case: &Case) -> Option<(Given, Decimal, Decimal)> {
    let given = ask(ground, rule, case)?;
    let base = base_of(&rule.commission()?.base, &given)?;
    let paid: Decimal = given.asset.amount(given.amount).parse().ok()?;
    Some((given, base, paid.checked_div(base)?))
}

/// The clocks of a ladder that say goodbye to a newcomer before its improvement plan is due (M16, M17).
pub(crate) fn contradicting_clocks(ground: &Ground) -> Option<(Vec<String>, String, Witness)> {
    let program = ground.program();
    program.onboarding.as_ref()?.plan_after?;
    let on = plain_day(program);
    let steps = vec![enrolled(program, on, serde_json::Map::new())];
    let story = Story { steps, until: Some(on.checked_add(4.years()).ok()?) };
    let (lines, _) = play(ground, &story).ok()?;
    let plan = lines.iter().find(|line| line.what.ends_with(": plan_due"))?;
    program.ladders.iter().find_map(|(motion, tiers)| {
        let lowest = tiers.first()?;
        let times = lowest.prune_after?;
        let gone = format!("{motion}: too little, {times} of {times} times");
        let gone = lines.iter().find(|line| line.what == gone).filter(|gone| gone.on < plan.on)?;
        let shown = vec![gone.clone(), plan.clone()];
        let path = ["ladder", motion.as_str(), lowest.id.as_str(), "prune_after"].map(str::to_owned).to_vec();
        let message = format!(
            "staff are told on {} to part from a newcomer of {on}, and on {} to give it an improvement plan",
            gone.on, plan.on
        );
        let shows = "a newcomer that brings nothing".to_owned();
        let story = Story { until: Some(plan.on), ..story.clone() };
        Some((path, message, Witness::of(shows, story, shown, &[])))
    })
}
