//! Asking a rule: a short story in which everything is so that it gives, and what it gave.

use std::collections::BTreeMap;

use domain::ledger::{Asset, Posting, PostingKind, Record, Verdict};
use event::Form;
use event::catalogue::{TOTAL_VALUE, row};
use event::ids::{Motion, TierId};
use event::schema::{own_sample, sample};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use program::{
    Base, Condition, Criteria, Criterion, FactForm, Gate, Gives, Measure, PARTNER as FACT, Program, Rule, Test, Times,
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

use crate::field::{Field, field_of};
use crate::story::{DAYS_FROM_YEAR, DAYS_UNTIL_YEAR, Ground, PARTNER, Step, Story, What, play_holding};

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
    /// Of points for each step: how many steps the value holds; told is what one of them brings.
    pub(crate) steps: u32,
    /// Of influence: its kind.
    pub(crate) kind: Option<&'static str>,
}

/// What a rule gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    /// What it gives.
    pub(crate) asset: Asset,
    /// How much, in the asset's smallest unit, caps and budgets aside.
    pub(crate) amount: i64,
    /// The value of the deal or of the invoice that it was asked with, where it has one.
    pub(crate) value: Option<Decimal>,
    /// The months of the contract that it was asked with.
    pub(crate) months: u32,
}

/// A day on which nothing is special: no campaign runs where there is such a day, and nothing is locked.
pub(crate) fn plain_day(program: &Program) -> Date {
    plain(program, |_| true)
}

/// The same, on which a rule is not paused.
fn plain_day_of(program: &Program, rule: &Rule) -> Date {
    let paused = |day| program.rules.get(&rule.id).is_some_and(|rule| rule.paused_on(day).is_some());
    plain(program, |day| !paused(day))
}

fn plain(program: &Program, gives: impl Fn(Date) -> bool) -> Date {
    let usual = date(2026, 3, 2);
    let late = date(DAYS_UNTIL_YEAR - 20, 1, 1);
    let first = program.policy.locked_until.map_or(usual, |locked| locked.max(usual)).min(late);
    let runs = |day: Date| program.campaigns.values().any(|campaign| campaign.from <= day && day < campaign.until);
    let later = (1..1_500).filter_map(|weeks| first.checked_add((7 * weeks).days()).ok());
    let earlier = (1..1_500).filter_map(|weeks| usual.checked_sub((7 * weeks).days()).ok());
    let open = |day: &Date| program.policy.locked_until.is_none_or(|locked| *day > locked);
    let mut all = later.chain(earlier).filter(|day| day.year() > DAYS_FROM_YEAR && open(day));
    all.find(|day| !runs(*day) && gives(*day)).unwrap_or(first)
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

/// The event that a rule's conditions and its scale look at: of influence the deal's own closing.
pub(crate) fn judged(rule: &Rule) -> &str {
    if rule.on == "deal.influenced" { "deal.closed" } else { &rule.on }
}

/// What a rule gives in a case; `None` where no story of it can be told.
pub(crate) fn ask(ground: &Ground, rule: &Rule, case: &Case) -> Option<Given> {
    let (story, record) = record(ground, rule, case)?;
    let trial = record.trials.iter().find(|trial| trial.rule == rule.id)?;
    let amount = match trial.verdict {
        Verdict::Gave { .. } | Verdict::Capped { .. } | Verdict::Spent { .. } => trial.worth,
        // What is another's deal is rated anew with each word of it.
        Verdict::RatedAgain { .. } | Verdict::TruedUp { .. } => gave(&record, rule).map(|posting| posting.amount).sum(),
        Verdict::Unmatched { .. } | Verdict::Paused { .. } | Verdict::Nothing { .. } => return None,
    };
    let last = story.steps.last()?;
    let months = said(last, "tenor_months").and_then(|months| months.as_u64()?.try_into().ok()).unwrap_or(12);
    Some(Given { asset: trial.asset, amount, value: value_of(last), months })
}

/// What an event says under a name.
fn said<'s>(step: &'s Step, name: &str) -> Option<&'s Value> {
    let What::Event { data, .. } = &step.what else { return None };
    data.get(name)
}

/// The value that an event says, in the program's currency.
fn value_of(step: &Step) -> Option<Decimal> {
    let said = said(step, "acv").or_else(|| said(step, "amount"))?;
    said.get("amount").unwrap_or(said).as_str()?.parse().ok()
}

/// What a rate is of, in a case.
pub(crate) fn base_of(base: &Base, given: &Given) -> Option<Decimal> {
    let value = given.value.filter(|value| !value.is_zero())?;
    match base {
        Base::Total => value.checked_mul(Decimal::from(given.months))?.checked_div(Decimal::from(12)),
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
    let tiers = held(ground.program(), rule, case);
    let (_, world) = play_holding(ground, &story, &tiers).ok()?;
    let tried = |record: &Record| record.trials.iter().any(|trial| trial.rule == rule.id);
    let last = world.records.into_iter().rfind(|record| record.partner.as_str() == PARTNER && tried(record));
    last.map(|record| (story, record))
}

/// The tiers that the partner holds in a case: those that the rule asks for, and the case's own.
pub(crate) fn held(program: &Program, rule: &Rule, case: &Case) -> Vec<(Motion, TierId)> {
    let by_gates = rule.gates.iter().filter_map(|gate| match gate {
        Gate::Tier(tier) => Some(tier),
        Gate::Certification(..) | Gate::Course(_) | Gate::Agreement(_) => None,
    });
    let asked = rule.commission().and_then(|commission| commission.tiers.first());
    let needed = by_gates.chain(asked).filter_map(|tier| Some((motion_of(program, tier)?, tier.clone())));
    // Of one ladder a partner holds one tier: the case's own, or the one that pays.
    needed.chain(case.tier.clone()).collect::<BTreeMap<_, _>>().into_iter().collect()
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
    let on = case.on.unwrap_or_else(|| plain_day_of(program, rule));
    let before = on.checked_sub(7.days()).ok()?;
    let mut facts = Map::new();
    let of_partner = |condition: &&Condition| condition.field.starts_with(FACT);
    for condition in rule.conditions.iter().filter(of_partner) {
        let name = &condition.field[FACT.len()..];
        facts.insert(name.to_owned(), json!(meeting(&condition.test, fact_form(program, name))?));
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
    let known = ["deal.qualified", "deal.influenced"].contains(&rule.on.as_str())
        || (program.registration.required && ["deal.closed", "invoice.paid"].contains(&rule.on.as_str()));
    if known {
        steps.push(of(whose.clone(), Step::event(before, "deal.registered", registered)));
    }
    if rule.on == "invoice.paid" {
        let closed = json!({ "deal_id": "D-1", "outcome": "won", "acv": AMOUNT });
        steps.push(Step::event(before, "deal.closed", closed));
    }
    if rule.on == "deal.influenced" {
        let kind = case.kind.unwrap_or("endorsement");
        steps.push(Step::event(before, "deal.influenced", json!({ "deal_id": "D-1", "kind": kind })));
        steps.push(of(whose, Step::event(on, judged(rule), data)));
        return Some(Story { steps, until: Some(on) });
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
    let mut facts = facts;
    if let Some(territory) = facts.remove(program::TERRITORY) {
        data[program::TERRITORY] = territory;
    }
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

/// What a field may hold, as far as a value for it must be found.
enum Holds {
    /// One of these.
    These(Vec<String>),
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Any text.
    Text,
}

fn fact_form(program: &Program, name: &str) -> Holds {
    match program.facts.iter().find(|(one, _)| one.as_str() == name).map(|(_, form)| form) {
        Some(FactForm::Words(words)) => Holds::These(words.iter().map(ToString::to_string).collect()),
        Some(FactForm::Number | FactForm::Percent) => Holds::Number,
        Some(FactForm::Text) | None => Holds::Text,
    }
}

/// The form of a field that a rule looks at.
fn field_form(program: &Program, rule: &Rule, field: &str) -> Holds {
    if field == TOTAL_VALUE {
        return Holds::Number;
    }
    match field_of(program, judged(rule), field) {
        Some(Field::BuiltIn(Form::Words(words))) => Holds::These(words.iter().map(|&word| word.to_owned()).collect()),
        Some(Field::BuiltIn(Form::Numbers(numbers))) => Holds::These(numbers.iter().map(i64::to_string).collect()),
        Some(Field::BuiltIn(Form::Whole(..))) => Holds::Whole,
        Some(Field::BuiltIn(Form::Money)) => Holds::Number,
        Some(Field::BuiltIn(Form::Flag)) => Holds::These(["true", "false"].map(str::to_owned).to_vec()),
        Some(Field::Words(words)) => Holds::These(words.iter().map(ToString::to_string).collect()),
        Some(Field::BuiltIn(_)) | None => Holds::Text,
    }
}

fn meets(test: &Test, text: &str) -> bool {
    match test {
        Test::Is(word) => text == word,
        Test::IsNot(word) => text != word,
        Test::OneOf(words) => words.iter().any(|word| word == text),
        Test::Compare(comparison, wanted) => text.parse().is_ok_and(|seen| comparison.holds(seen, *wanted)),
    }
}

/// A value that meets a test, as text.
fn meeting(test: &Test, form: Holds) -> Option<String> {
    let mut all: Vec<String> = match test {
        Test::Is(word) => vec![word.clone()],
        Test::OneOf(words) => words.clone(),
        Test::IsNot(_) => Vec::new(),
        Test::Compare(_, number) => around(*number),
    };
    match form {
        Holds::These(words) => all = words,
        Holds::Whole => all.retain(|text| text.parse::<u64>().is_ok()),
        Holds::Number => all.retain(|text| text.parse::<Decimal>().is_ok_and(|number| !number.is_sign_negative())),
        Holds::Text => all.push("another".to_owned()),
    }
    if matches!(test, Test::IsNot(_)) {
        all.extend(["1", "2"].map(str::to_owned));
    }
    all.into_iter().find(|text| meets(test, text))
}

/// Numbers near another, which a comparison with it tells apart.
fn around(number: Decimal) -> Vec<String> {
    let one = Decimal::ONE;
    let near = [
        Some(number),
        number.checked_add(one),
        number.checked_sub(one),
        Some(number.ceil()),
        Some(number.floor()),
        number.checked_div(Decimal::TWO),
    ];
    near.into_iter().flatten().map(|number| number.normalize().to_string()).collect()
}

/// A value of the field of a rule's scale: at or above `from`, below `to`, such that the rule's own condition on it holds; of money one
/// that people mean where there is one.
pub(crate) fn within(program: &Program, rule: &Rule, from: Decimal, to: Option<Decimal>) -> Option<String> {
    let by = scale(rule)?;
    let asked = rule.conditions.iter().filter(|condition| condition.field == by).map(|condition| &condition.test);
    let asked: Vec<&Test> = asked.collect();
    let form = field_form(program, rule, by);
    let small = [Decimal::new(1, 2), Decimal::ONE, Decimal::from(100), Decimal::from(1_000)];
    let middle = to.and_then(|to| from.checked_add(to)?.checked_div(Decimal::TWO));
    let below = to.and_then(|to| to.checked_sub(Decimal::new(1, 2)));
    let mut all: Vec<Decimal> = if from < Decimal::ONE {
        [small[3], small[2], small[1]].into_iter().chain(middle).chain(below).chain([small[0]]).collect()
    } else {
        [from].into_iter().chain(middle).chain(below).collect()
    };
    for test in &asked {
        if let Test::Compare(_, number) = test {
            all.extend(around(*number).iter().filter_map(|text| text.parse::<Decimal>().ok()));
        }
    }
    let fits = |number: &Decimal| {
        let whole = !matches!(form, Holds::Whole) || number.fract().is_zero();
        whole && *number >= from && *number > Decimal::ZERO && to.is_none_or(|to| *number < to)
    };
    let mut texts = all.into_iter().filter(fits).map(|number| number.normalize().to_string());
    texts.find(|text| asked.iter().all(|test| meets(test, text)))
}

/// What the lines of a deal come to that a rule pays of, and amounts that nobody asks for.
const AMOUNT: &str = "10000";

/// What an event says so that a rule gives.
fn data(program: &Program, rule: &Rule, case: &Case) -> Option<Value> {
    let kind = judged(rule);
    let mut data = match (row(kind), program.events.get(kind)) {
        (Some(row), _) => {
            let mut data = sample(row)["data"].as_object()?.clone();
            data.retain(|name, _| row.members.iter().any(|member| member.name == name && member.required));
            data
        }
        (None, Some(own)) => {
            let mut data = own_sample(&own.form, ("", ""))["data"].as_object()?.clone();
            data.retain(|name, _| own.form.fields.iter().any(|field| *field.name == **name && field.required));
            data
        }
        (None, None) => return None,
    };
    // Samples are in a currency of their own.
    for value in data.values_mut().filter(|value| value.get("currency").is_some()) {
        *value = json!(AMOUNT);
    }
    data.entry("deal_id").and_modify(|id| *id = json!("D-1"));
    data.entry("opportunity_id").and_modify(|id| *id = json!("O-1"));
    if kind == "deal.closed" {
        data.insert("acv".to_owned(), json!(AMOUNT));
    }
    let by = scale(rule).filter(|by| !by.starts_with(FACT));
    let mut total = None;
    let of_event = |condition: &&Condition| !condition.field.starts_with(FACT);
    for condition in rule.conditions.iter().filter(of_event) {
        let text = meeting(&condition.test, field_form(program, rule, &condition.field))?;
        if condition.field == TOTAL_VALUE {
            total = Some(text);
        } else {
            set(program, rule, &mut data, &condition.field, &text);
        }
    }
    if let Some(months) = case.months.filter(|_| kind == "deal.closed") {
        data.insert("tenor_months".to_owned(), json!(months));
    }
    match (by, &case.value) {
        (Some(TOTAL_VALUE), Some(value)) => total = Some(value.clone()),
        (Some(by), Some(value)) => set(program, rule, &mut data, by, value),
        _ => {}
    }
    let lines = match rule.commission().map(|commission| &commission.base) {
        Some(Base::Lines(kind)) => Some(kind.clone()),
        _ => None,
    };
    if let Some(total) = total.and_then(|total| total.parse::<Decimal>().ok()) {
        let months = data.get("tenor_months").and_then(Value::as_u64).unwrap_or(12);
        let year = if lines.is_some() { Some(total) } else { a_year_of(total, months) };
        data.insert("acv".to_owned(), json!(year?.normalize().to_string()));
    }
    if let Some(kind) = lines {
        let amount = data.get("acv").and_then(Value::as_str).unwrap_or(AMOUNT).to_owned();
        let amount = json!({ "amount": amount, "currency": program.currency });
        data.insert("lines".to_owned(), json!([{ "revenue_type": kind, "amount": amount }]));
    }
    Some(Value::Object(data))
}

/// What a contract is worth a year that is worth so much in all.
fn a_year_of(total: Decimal, months: u64) -> Option<Decimal> {
    let year = total.checked_mul(Decimal::from(12))?.checked_div(Decimal::from(months.max(1)))?;
    Some(year.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// Sets a member to what a text says, in the member's form.
fn set(program: &Program, rule: &Rule, data: &mut Map<String, Value>, field: &str, text: &str) {
    let form = match field_of(program, judged(rule), field) {
        Some(Field::BuiltIn(form)) => Some(form),
        Some(Field::Words(_)) | None => None,
    };
    let is_number = matches!(form, Some(Form::Whole(..) | Form::Numbers(_)));
    let is_flag = matches!(form, Some(Form::Flag));
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
pub(crate) fn stated(program: &Program, on: Date, facts: &[&Condition]) -> Option<(Map<String, Value>, Vec<Step>)> {
    let (mut stated, mut attested) = (BTreeMap::new(), Vec::new());
    for condition in facts {
        let form = condition.field.strip_prefix(FACT).map_or(Holds::Text, |name| fact_form(program, name));
        let value = meeting(&condition.test, form)?;
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
