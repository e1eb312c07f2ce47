//! Asking a rule: a short story in which everything is so that it gives, and what it gave.

use std::collections::BTreeMap;

use domain::ledger::{Asset, Posting, PostingKind, Record};
use event::catalogue::{TOTAL_VALUE, row};
use event::ids::{Motion, TierId};
use event::schema::{own_sample, sample};
use event::{Form, OwnForm};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use program::{
    Base, Comparison, Condition, Criteria, Criterion, Gate, Gives, Measure, PARTNER as FACT, Program, Rule, Test, Times,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::story::{Ground, PARTNER, Step, Story, What, play_holding};

/// Who has a part in stories of two.
pub(crate) const OTHER: &str = "other";

/// How a rule is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// The tier that the partner holds.
    pub(crate) tier: Option<(Motion, TierId)>,
    /// The value of the field that its scale looks at.
    pub(crate) value: Option<String>,
    /// The length of the contract, in months.
    pub(crate) months: Option<u32>,
    /// The day; some day on which no campaign runs.
    pub(crate) on: Option<Date>,
}

/// What a rule gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    /// What it gives.
    pub(crate) asset: Asset,
    /// How much, in the asset's smallest unit.
    pub(crate) amount: i64,
    /// The value of the deal or of the invoice that it was asked with, where it has one.
    pub(crate) value: Option<Decimal>,
}

/// A day on which nothing is special.
pub(crate) fn plain_day(program: &Program) -> Date {
    let first = program.policy.locked_until.map_or(date(2026, 3, 2), |locked| locked.max(date(2026, 3, 2)));
    let runs = |day: Date| program.campaigns.values().any(|campaign| campaign.from <= day && day < campaign.until);
    let days = (0..600).filter_map(|weeks| first.checked_add((7 * weeks).days()).ok());
    days.skip(1).find(|day| !runs(*day)).unwrap_or(first)
}

/// The field that the scale of a rule looks at.
pub(crate) fn scale(rule: &Rule) -> Option<&str> {
    match &rule.gives {
        Gives::Points(points) => points.by(),
        Gives::Money(commission) => match &commission.rate {
            program::Rate::Fixed(_) => None,
            program::Rate::Bands { by, .. } | program::Rate::Slices { by, .. } | program::Rate::Table { by, .. } => {
                Some(by)
            }
        },
    }
}

/// What a rule gives in a case; `None` where no story of it can be told.
pub(crate) fn ask(ground: &Ground, rule: &Rule, case: &Case) -> Option<Given> {
    let (story, record) = record(ground, rule, case)?;
    let asset = record.trials.iter().find(|trial| trial.rule == rule.id)?.asset;
    let amount = gave(&record, rule).map(|posting| posting.amount).sum();
    Some(Given { asset, amount, value: story.steps.last().and_then(value_of) })
}

/// The value that an event says, in the program's currency.
fn value_of(step: &Step) -> Option<Decimal> {
    let What::Event { data, .. } = &step.what else { return None };
    let said = data.get("acv").or_else(|| data.get("amount"))?;
    said.get("amount").unwrap_or(said).as_str()?.parse().ok()
}

/// What a rate is of, in a case.
pub(crate) fn base_of(base: &Base, value: Option<Decimal>, months: Option<u32>) -> Option<Decimal> {
    let value = value.filter(|value| !value.is_zero())?;
    match base {
        Base::Total => value.checked_mul(Decimal::from(months.unwrap_or(12)))?.checked_div(Decimal::from(12)),
        Base::FirstYear | Base::Invoiced | Base::Lines(_) => Some(value),
    }
}

/// The record of a case, and the first posting by which the rule gave.
pub(crate) fn posted(ground: &Ground, rule: &Rule, case: &Case) -> Option<(Record, Posting)> {
    let (_, record) = record(ground, rule, case)?;
    let posting = gave(&record, rule).next()?.clone();
    Some((record, posting))
}

fn gave<'r>(record: &'r Record, rule: &'r Rule) -> impl Iterator<Item = &'r Posting> {
    let by_it = record.postings.iter().filter(|posting| posting.rule.as_ref() == Some(&rule.id));
    by_it.filter(|posting| matches!(posting.kind, PostingKind::Accrual | PostingKind::Netting))
}

/// The story of a case, and the record that it ends with.
fn record(ground: &Ground, rule: &Rule, case: &Case) -> Option<(Story, Record)> {
    let story = story(ground.program(), rule, case)?;
    let tiers: Vec<_> = case.tier.clone().or_else(|| needed_tier(ground.program(), rule)).into_iter().collect();
    let (_, world) = play_holding(ground, &story, &tiers).ok()?;
    let tried = |record: &Record| record.trials.iter().any(|trial| trial.rule == rule.id);
    let last = world.records.into_iter().rfind(|record| record.partner.as_str() == PARTNER && tried(record));
    last.map(|record| (story, record))
}

/// A tier that the partner must hold for a rule to give.
fn needed_tier(program: &Program, rule: &Rule) -> Option<(Motion, TierId)> {
    let by_gate = rule.gates.iter().find_map(|gate| match gate {
        Gate::Tier(tier) => Some(tier),
        Gate::Certification(..) | Gate::Course(_) | Gate::Agreement(_) => None,
    });
    let tier = rule.commission().and_then(|commission| commission.tiers.first()).or(by_gate)?;
    Some((motion_of(program, tier)?, tier.clone()))
}

/// The ladder that has a tier.
pub(crate) fn motion_of(program: &Program, tier: &TierId) -> Option<Motion> {
    let has = |tiers: &Vec<program::Tier>| tiers.iter().any(|one| one.id == *tier);
    program.ladders.iter().find(|(_, tiers)| has(tiers)).map(|(motion, _)| motion.clone())
}

/// Tiers by which a rule gives more or less.
pub(crate) fn tiers_of(program: &Program, rule: &Rule) -> Vec<(Motion, TierId)> {
    let named = rule.times.iter().filter_map(|times| match times {
        Times::Tier { motion, tier, .. } => Some((motion.clone().or_else(|| motion_of(program, tier))?, tier.clone())),
        Times::Campaign(_) | Times::Attainment(_) => None,
    });
    named.collect()
}

/// A story in which everything is so that a rule gives, but for a tier that it asks for.
pub(crate) fn story(program: &Program, rule: &Rule, case: &Case) -> Option<Story> {
    let on = case.on.unwrap_or_else(|| plain_day(program));
    let before = on.checked_sub(7.days()).ok()?;
    let mut facts = Map::new();
    let of_partner = |condition: &&Condition| condition.field.starts_with(FACT);
    for condition in rule.conditions.iter().filter(of_partner) {
        facts.insert(condition.field[FACT.len()..].to_owned(), json!(meeting(&condition.test)?));
    }
    let by = scale(rule);
    if let (Some(name), Some(value)) = (by.and_then(|by| by.strip_prefix(FACT)), &case.value) {
        facts.insert(name.to_owned(), json!(value));
    }
    let mut steps = vec![enrolled(program, before, facts)];
    for gate in &rule.gates {
        steps.extend(opens(before, gate));
    }
    if let Some(budget) = &rule.budget {
        steps.push(funded(program, before, budget.as_str()));
    }
    let data = data(program, rule, case)?;
    let registered = json!({ "deal_id": "D-1", "opportunity_id": "O-1", "customer": "Contoso" });
    let whose = if rule.on == "deal.influenced" { Some(OTHER.to_owned()) } else { None };
    let known = ["deal.qualified", "deal.influenced"].contains(&rule.on.as_str()) || program.registration.required;
    if known && rule.on.starts_with("deal.") && rule.on != "deal.registered" {
        steps.push(of(whose.clone(), Step::event(before, "deal.registered", registered)));
    }
    let closed = |value: &str| json!({ "deal_id": "D-1", "outcome": "won", "acv": value });
    match rule.on.as_str() {
        "invoice.paid" => steps.push(Step::event(before, "deal.closed", closed("10000"))),
        "deal.influenced" => {
            steps.push(Step::event(before, "deal.influenced", data));
            let value = case.value.as_deref().filter(|_| by.is_some_and(|by| !by.starts_with(FACT)));
            let mut data = closed(value.unwrap_or("10000"));
            if let Some(months) = case.months {
                data["tenor_months"] = json!(months);
            }
            steps.push(of(whose, Step::event(on, "deal.closed", data)));
            return Some(Story { steps, until: Some(on) });
        }
        _ => {}
    }
    steps.push(Step::event(on, &rule.on, data));
    Some(Story { steps, until: None })
}

/// A step of another partner.
fn of(whose: Option<String>, mut step: Step) -> Step {
    if let What::Event { partner, .. } = &mut step.what {
        *partner = whose;
    }
    step
}

/// The partner takes part, in every motion.
pub(crate) fn enrolled(program: &Program, on: Date, facts: Map<String, Value>) -> Step {
    let motions: Vec<&str> = program.motions().into_iter().map(|motion| motion.as_str()).collect();
    let mut data = json!({ "name": "Example Partner", "motions": motions });
    if !facts.is_empty() {
        data["facts"] = Value::Object(facts);
    }
    Step::event(on, "partner.enrolled", data)
}

fn funded(program: &Program, on: Date, budget: &str) -> Step {
    let of_money = program.budgets.iter().find(|(id, _)| id.as_str() == budget).and_then(|(_, budget)| budget.currency);
    let data = match of_money {
        Some(currency) => json!({ "budget": budget, "amount": format!("1000000 {currency}") }),
        None => json!({ "budget": budget, "points": 1_000_000 }),
    };
    Step::event(on, "budget.funded", data)
}

/// What opens a gate, but for a tier.
pub(crate) fn opens(on: Date, gate: &Gate) -> Option<Step> {
    Some(match gate {
        Gate::Certification(id, level) => {
            let mut data = json!({ "certification_id": id, "person_id": "dana" });
            if let Some(level) = level {
                data["level"] = json!(level.get());
            }
            Step::event(on, "certification.granted", data)
        }
        Gate::Course(id) => Step::event(on, "course.completed", json!({ "course_id": id, "person_id": "dana" })),
        Gate::Agreement(versions) => {
            Step::event(on, "agreement.accepted", json!({ "version": versions.first()?, "person_id": "dana" }))
        }
        Gate::Tier(_) => return None,
    })
}

/// A value that meets a test, as text.
fn meeting(test: &Test) -> Option<String> {
    Some(match test {
        Test::Is(word) => word.clone(),
        Test::OneOf(words) => words.first()?.clone(),
        Test::IsNot(word) => if word == "true" {
            "false"
        } else if word == "false" {
            "true"
        } else {
            "another"
        }
        .to_owned(),
        Test::Compare(Comparison::AtLeast | Comparison::AtMost, number) => number.to_string(),
        Test::Compare(Comparison::MoreThan, number) => number.checked_add(Decimal::ONE)?.to_string(),
        Test::Compare(Comparison::LessThan, number) => {
            let less = number.checked_sub(Decimal::ONE)?;
            if less > Decimal::ZERO { less } else { number.checked_div(Decimal::TWO)? }.to_string()
        }
    })
}

/// What the lines of a deal come to that a rule pays of.
const LINE: &str = "10000";

/// What an event says so that a rule gives.
fn data(program: &Program, rule: &Rule, case: &Case) -> Option<Value> {
    let mut data = match (row(&rule.on), program.events.get(rule.on.as_str())) {
        (Some(row), _) => {
            let mut data = sample(row)["data"].as_object()?.clone();
            data.retain(|name, _| row.members.iter().any(|member| member.name == name && member.required));
            data
        }
        (None, Some(own)) => own_sample(&own.form, ("", ""))["data"].as_object()?.clone(),
        (None, None) => return None,
    };
    data.entry("deal_id").and_modify(|id| *id = json!("D-1"));
    data.entry("opportunity_id").and_modify(|id| *id = json!("O-1"));
    if rule.on == "deal.closed" {
        data.insert("acv".to_owned(), json!("10000"));
    }
    let of_event = |condition: &&Condition| !condition.field.starts_with(FACT);
    for condition in rule.conditions.iter().filter(of_event) {
        set(program, rule, &mut data, &condition.field, &meeting(&condition.test)?);
    }
    if let (Some(by), Some(value)) = (scale(rule).filter(|by| !by.starts_with(FACT)), &case.value) {
        set(program, rule, &mut data, by, value);
    }
    if let Some(Base::Lines(kind)) = rule.commission().map(|commission| &commission.base) {
        let amount = json!({ "amount": LINE, "currency": program.currency });
        data.insert("lines".to_owned(), json!([{ "revenue_type": kind, "amount": amount }]));
        data.insert("acv".to_owned(), json!(LINE));
    }
    if let Some(months) = case.months.filter(|_| rule.on == "deal.closed") {
        data.insert("tenor_months".to_owned(), json!(months));
    }
    Some(Value::Object(data))
}

/// Sets a member to what a text says, in the member's form.
fn set(program: &Program, rule: &Rule, data: &mut Map<String, Value>, field: &str, text: &str) {
    // The total of a contract of one year is what a year is worth.
    let field = if field == TOTAL_VALUE { "acv" } else { field };
    let built_in = row(&rule.on).and_then(|row| row.members.iter().find(|member| member.name == field));
    let own = program.events.get(rule.on.as_str());
    let own = own.and_then(|own| own.form.fields.iter().find(|one| &*one.name == field));
    let is_number = matches!(built_in.map(|one| one.form), Some(Form::Whole(..) | Form::Numbers(_)))
        || matches!(own.map(|one| &one.form), Some(OwnForm::Number));
    let is_flag = matches!(built_in.map(|one| one.form), Some(Form::Flag))
        || matches!(own.map(|one| &one.form), Some(OwnForm::Flag));
    let number = text.parse::<i64>().ok().filter(|_| is_number);
    let flag = text.parse::<bool>().ok().filter(|_| is_flag);
    let value = number.map(Value::from).or(flag.map(Value::from)).unwrap_or_else(|| json!(text));
    data.insert(field.to_owned(), value);
}

/// What brings a partner so much of a measure in a motion, in one step or several of one day; `None` where no story knows how.
pub(crate) fn brings(program: &Program, motion: &Motion, asked: &Criterion, on: Date, name: &str) -> Option<Vec<Step>> {
    let motion = motion.as_str();
    let registered = || {
        let data = json!({ "deal_id": name, "opportunity_id": name, "customer": "Contoso", "motion": motion });
        Step::event(on, "deal.registered", data)
    };
    let sold = |value: &str| {
        let as_deal =
            program.counts_as_deal.iter().find(|one| ["deal.closed:won", "deal.closed"].contains(&one.as_str()));
        let data = json!({ "deal_id": name, "outcome": "won", "acv": value, "motion": motion });
        let closed = Step::event(on, "deal.closed", data);
        let before = program.registration.required.then(registered);
        as_deal.map(|_| before.into_iter().chain([closed]).collect::<Vec<_>>())
    };
    Some(match asked.measure {
        Measure::Deals => sold("1")?,
        Measure::Acv => sold(&asked.least.to_string())?,
        Measure::Registrations => vec![registered()],
        Measure::Qualified => vec![registered(), Step::event(on, "deal.qualified", json!({ "deal_id": name }))],
        Measure::Projects => {
            let data = json!({ "project_id": name, "outcome": "successful", "motion": motion });
            vec![Step::event(on, "project.completed", data)]
        }
        Measure::Certifications => {
            let id = asked.certification.as_ref().map_or("any", |id| id.as_str());
            let mut data = json!({ "certification_id": id, "person_id": name });
            if let Some(level) = asked.level {
                data["level"] = json!(level.get());
            }
            vec![Step::event(on, "certification.granted", data)]
        }
        Measure::Points | Measure::Own(_) => return None,
    })
}

/// The facts and the attestations that conditions of a ladder ask for.
pub(crate) fn stated(on: Date, facts: &[&Condition]) -> Option<(Map<String, Value>, Vec<Step>)> {
    let (mut stated, mut attested) = (BTreeMap::new(), Vec::new());
    for condition in facts {
        let value = meeting(&condition.test)?;
        match (condition.field.strip_prefix(FACT), condition.field.strip_prefix(program::ATTESTED)) {
            (Some(name), _) => {
                stated.insert(name.to_owned(), json!(value));
            }
            (None, Some(criterion)) => {
                let value = value.parse::<i64>().map_or_else(|_| json!(value), Value::from);
                let data = json!({ "criterion": criterion, "value": value, "by": "channel-manager" });
                attested.push(Step::event(on, "attestation.recorded", data));
            }
            (None, None) => return None,
        }
    }
    Some((stated.into_iter().collect(), attested))
}

/// All that one way of meeting criteria asks for at once.
pub(crate) fn facts_of<'c>(way: &[&'c Criteria]) -> Vec<&'c Condition> {
    way.iter().filter_map(|part| if let Criteria::Fact(fact) = part { Some(fact) } else { None }).collect()
}

/// The measures that one way of meeting criteria asks for.
pub(crate) fn measures_of<'c>(way: &[&'c Criteria]) -> Vec<&'c Criterion> {
    way.iter().filter_map(|part| if let Criteria::One(one) = part { Some(one) } else { None }).collect()
}
