//! From the file's words to a program, or to every error in them.

use std::collections::BTreeMap;

use event::Gather;
use event::ids::{Motion, Name, ProgramId, matches_pattern};
use event::money::{RATE_MAX, parse_currency};
use event::time::Calendar;
use event::{FACT_NAME_CHARS_MAX, FACTS_MAX};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::challenges::challenges;
use super::commissions::{commission, least_of};
use super::events::events;
use super::ladders::{exclusivity, ladder, onboarding};
use super::plain;
use super::policy::{policy, registration, sharing};
use super::pools::{benefit, budget};
use super::rewards::reward;
use super::rules::{Around, Declared, campaign, known_fact, rule};
use super::shape;
use super::values::{length, positive};
use super::{File, Head, PayoutsTable};
use crate::fact::{FactForm, Facts, PARTNER, TERRITORY, fact};
use crate::findings::{Code, Diagnostic, Findings, nearest};
use crate::ladder::{Criteria, Tier};
use crate::own::{self, OwnEvents};
use crate::policy::Payouts;
use crate::program::Program;

pub(crate) fn compile(text: &str) -> Result<Program, Vec<Diagnostic>> {
    let mut read = shape::read(text);
    // Where keys are missing or of another type, what the rest says is no longer what was meant.
    let is_whole = read.found.iter().all(|fault| fault.code == Code::UnknownKey);
    let Some(file) = read.file.take().filter(|_| is_whole) else { return Err(read.found) };
    let mut findings = Findings::new(&read.text);
    let program = program(file, &mut findings);
    let mut found = findings.found;
    found.retain(|finding| !read.is_of_a_slip(finding));
    found.extend(read.found);
    found.sort_by_key(|finding| finding.span.start);
    match program {
        Some(program) if found.is_empty() => Ok(program),
        _ => Err(found),
    }
}

/// Reads a file that was published, with the first of what is wrong in it.
pub(crate) fn published(text: &str) -> Result<Program, String> {
    let file = plain::read(text)?;
    let mut findings = Findings::new(text);
    let program = program(file, &mut findings);
    match (program, findings.found.first()) {
        (Some(program), None) => Ok(program),
        (_, found) => Err(found.map_or_else(String::new, |finding| finding.message.clone())),
    }
}

fn program(file: File, f: &mut Findings<'_>) -> Option<Program> {
    let slug = |id: &str| {
        id.len() <= 64
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !slug(&file.program.id) {
        f.error(
            Code::BadId,
            &["program", "id"],
            "a program's id is a table key",
            Some("write small letters, digits and hyphens, as in \"hr-software\"".to_owned()),
        );
    }
    let id = f.take(&["program", "id"], ProgramId::try_from(file.program.id.clone()).map_err(|e| e.to_string()));
    let calendar = calendar(&file.program, f);
    let default_motion = file.program.default_motion.clone().map_or_else(|| Motion::try_from("sell"), Ok);
    let default_motion = f.take(&["program", "default_motion"], default_motion.map_err(|e| e.to_string()));
    let currency = f.take(&["program", "currency"], parse_currency(&file.program.currency).map_err(|e| e.to_string()));
    let rates = rates(&file.program, f);
    let declared = Declared { facts: facts(&file.facts, f), events: events(&file.event, f) };
    let sources = sources(&file.sources, &declared.events, f);
    let campaigns: BTreeMap<_, _> =
        file.campaign.iter().filter_map(|(id, c)| Some((id.clone(), campaign(id, c, f)?))).gather();
    let ladders: BTreeMap<_, _> =
        file.ladder.iter().map(|(motion, tiers)| (motion.clone(), ladder(motion, tiers, &declared, f))).gather();
    let tiers = ladders.values().flatten();
    let promoting = tiers.filter_map(|tier: &Tier| tier.enter.as_ref()).flat_map(Criteria::measures).gather();
    let around = Around {
        currency: &file.program.currency,
        in_deals_currency: file.policy.commissions.currency == "of the deal",
        default_motion: default_motion.as_ref(),
        shares_deals: file.influence.is_some(),
        declared: &declared,
        campaigns: &file.campaign,
        budgets: &file.budget,
        ladders: &file.ladder,
    };
    let mut rules: BTreeMap<_, _> =
        file.earn.iter().filter_map(|(id, e)| Some((id.clone(), rule(id, e, &around, f)?))).gather();
    let pays = file.commission.iter().filter_map(|(id, table)| commission(id, table, &around, f));
    rules.extend(pays.map(|rule| (rule.id.clone(), rule)));
    let budgets = file.budget.iter().filter_map(|(id, table)| Some((id.clone(), budget(id, table, &around, f)?)));
    let budgets = budgets.gather();
    let benefits =
        file.benefit.iter().filter_map(|(id, table)| Some((id.clone(), benefit(id, table, &file.ladder, f)?)));
    let benefits = benefits.gather();
    let challenges = challenges(&file.challenge, (&declared, default_motion.as_ref()), f);
    let exclusivity = exclusivity(&file.exclusivity, default_motion.as_ref(), (&file.ladder, &declared), f);
    let onboarding = file
        .onboarding
        .as_ref()
        .and_then(|table| onboarding(table, default_motion.as_ref(), (&file.ladder, &declared), f));
    let rewards: BTreeMap<_, _> =
        file.reward.iter().map(|(id, r)| (id.clone(), reward(id, r, &file.ladder, f))).gather();
    counts_as_deal(&file.program.counts_as_deal, f);
    let registration = registration(&file.registration, f);
    let sharing = file.influence.as_ref().map(|table| sharing(table, f));
    let policy = policy(&file.program, &file.policy, f);
    let payouts = payouts(&file.payouts, &file.program.currency, &declared.facts, f);
    Some(Program {
        id: id?,
        version: file.program.version,
        name: file.program.name,
        currency: currency?.code().to_owned(),
        rates,
        calendar: calendar?,
        default_motion: default_motion?,
        counts_as_deal: file.program.counts_as_deal,
        sources,
        facts: declared.facts,
        events: declared.events,
        rules,
        budgets,
        benefits,
        challenges,
        exclusivity: exclusivity?,
        onboarding,
        campaigns,
        promoting,
        ladders,
        registration: registration?,
        sharing: sharing.flatten(),
        rewards,
        policy: policy?,
        payouts: payouts?,
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
            f.error(Code::BadCurrency, &path, e.to_string(), None);
        }
        if *code == head.currency {
            let message = format!("{code} is the program's own currency: one of it is one, whatever stands here");
            f.error(Code::OwnCurrency, &path, message, Some("leave it out".to_owned()));
        }
        if let Some(rate) = positive(&path, rate, f) {
            if rate > Decimal::from(RATE_MAX) {
                f.error(Code::BadValue, &path, format!("a rate is at most {RATE_MAX}"), None);
            }
            rates.insert(code.clone(), rate);
        }
    }
    rates
}

fn sources(
    table: &BTreeMap<String, Vec<String>>,
    events: &OwnEvents,
    f: &mut Findings<'_>,
) -> Vec<(String, Vec<String>)> {
    for (source, kinds) in table {
        let names = own::types(events);
        for kind in kinds.iter().filter(|k| !names.iter().any(|known| matches_pattern(k, known))) {
            let help = nearest(kind, &names).map(|near| format!("did you mean `{near}`?"));
            f.error(Code::UnknownEventType, &["sources", source], format!("`{kind}` matches no event type"), help);
        }
    }
    table.clone().into_iter().collect()
}

/// What a payout run pays.
fn payouts(table: &PayoutsTable, currency: &str, facts: &Facts, f: &mut Findings<'_>) -> Option<Payouts> {
    let minimum = table.minimum.as_ref().and_then(|least| least_of(&["payouts", "minimum"], least, currency, f));
    let answered_within = length(&["payouts", "answered_within"], &table.answered_within, f);
    let mut named = |key: &'static str, field: &Option<String>| {
        let field = field.as_ref()?;
        let path = ["payouts", key];
        let name = field.strip_prefix(PARTNER).and_then(|name| Name::try_from(name).ok());
        let no_fact =
            || format!("`{field}` is no fact of a partner; write \"{PARTNER}{key}\", and declare `{key}` in [facts]");
        let name = f.take(&path, name.ok_or_else(no_fact))?;
        known_fact(&path, field, facts, f);
        let is_part = matches!(fact(facts, field), Some(FactForm::Percent) | None);
        if key == "withholding" && !is_part {
            let help = Some(format!("declare it: `{name} = \"percent\"` in [facts]"));
            f.error(Code::BadValue, &path, format!("`{field}` is no part in percent"), help);
        }
        if key == "payee" && matches!(fact(facts, field), Some(FactForm::Number | FactForm::Percent)) {
            let help = Some(format!("declare it: `{name} = \"text\"` in [facts]"));
            f.error(Code::BadValue, &path, format!("`{field}` is a number, and is no name to pay"), help);
        }
        Some(name)
    };
    let (payee, withholding) = (named("payee", &table.payee), named("withholding", &table.withholding));
    Some(Payouts { minimum, payee, withholding, answered_within: answered_within? })
}

/// What is stated of partners.
fn facts(table: &BTreeMap<Name, String>, f: &mut Findings<'_>) -> Facts {
    if table.len() > FACTS_MAX {
        let message = format!("{} facts are declared, and an enrolment states at most {FACTS_MAX}", table.len());
        f.error(Code::BadValue, &["facts"], message, None);
    }
    let mut facts = Facts::new();
    for (name, words) in table {
        let path = ["facts", name.as_str()];
        if **name == *TERRITORY {
            let message = "an enrolment states the territory in a member of its own";
            f.error(
                Code::BadValue,
                &path,
                message,
                Some(format!("leave it out: rules look at `{PARTNER}{TERRITORY}`")),
            );
        }
        if name.chars().count() > FACT_NAME_CHARS_MAX {
            f.error(
                Code::BadId,
                &path,
                format!("the name of a fact has at most {FACT_NAME_CHARS_MAX} characters"),
                None,
            );
        }
        facts.extend(f.take(&path, FactForm::parse(words)).map(|form| (name.clone(), form)));
    }
    facts
}

fn counts_as_deal(entries: &[String], f: &mut Findings<'_>) {
    const KNOWN: [&str; 3] = ["deal.closed:won", "deal.closed", "purchase_order.received"];
    for entry in entries.iter().filter(|e| !KNOWN.contains(&e.as_str())) {
        f.error(
            Code::UnknownEventType,
            &["program", "counts_as_deal"],
            format!("`{entry}` cannot count as a deal"),
            Some(format!("known: {}", KNOWN.join(", "))),
        );
    }
}
