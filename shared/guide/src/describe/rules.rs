//! What earns points and money: each rule by its steps and its tiers, asked.

use domain::ledger::{Bucket, someday};
use event::ids::{Motion, TierId};
use jiff::ToSpan;
use program::{Base, Gives, Payable, Points, Rate, Rule, Times};
use rust_decimal::Decimal;

use super::of::Of;
use super::words::{capital, capped, each, grouped, head_of, named, rounded, shown, words};
use crate::page::{Block, Section, Table};
use crate::probe::{Case, ask, base_of, posted, tiers_of, within};

/// A row's name, and the case in which it is asked.
type Asked = (String, Case);

pub(super) fn points(of: &Of<'_>) -> Section {
    let mut plain = Table {
        caption: String::new(),
        why: None,
        columns: ["What you do", "Points", "Why"].map(str::to_owned).to_vec(),
        rows: Vec::new(),
    };
    let mut blocks = Vec::new();
    for rule in of.rules(false) {
        let rows = cases(of, rule);
        let tiers = tiers_of(of.program, rule);
        let what = of.doing(rule);
        if let ([(name, case)], []) = (rows.as_slice(), tiers.as_slice())
            && name.is_empty()
        {
            let points = ask(of.ground, rule, case).map_or("-".to_owned(), shown);
            let more: Vec<String> = [vec![points], limits(of, rule)].concat();
            plain.rows.push(vec![what.clone(), more.join(", "), rule.why.clone().unwrap_or_default()]);
            blocks.extend(attained(rule).map(|said| Block::Text(format!("{what}. {said}"))));
            continue;
        }
        let head = head_of(rule);
        let columns: Vec<String> = [vec![head, "Points".to_owned()], named(&tiers)].concat();
        let rows = rows.iter().map(|(name, case)| row(of, rule, name, case, &tiers)).collect();
        blocks.push(Block::Table(Table { caption: what, why: rule.why.clone(), columns, rows }));
        let limits = limits(of, rule);
        if !limits.is_empty() {
            blocks.push(Block::Note(format!("{}.", capital(&limits.join(", ")))));
        }
        blocks.extend(attained(rule).map(Block::Note));
    }
    if !plain.rows.is_empty() {
        blocks.insert(0, Block::Table(plain));
    }
    blocks.extend(of.rules(false).iter().flat_map(|rule| campaigns(of, rule)).map(Block::Text));
    Section { title: "How you earn points".to_owned(), blocks }
}

fn row(of: &Of<'_>, rule: &Rule, name: &str, case: &Case, tiers: &[(Motion, TierId)]) -> Vec<String> {
    let given = |case: &Case| ask(of.ground, rule, case).map_or("-".to_owned(), |given| each(given, case.steps));
    let by_tier = tiers.iter().map(|tier| given(&Case { tier: Some(tier.clone()), ..case.clone() }));
    [name.to_owned(), given(case)].into_iter().chain(by_tier).collect()
}

/// The rows of a rule: by the steps of its scale, or one.
pub(super) fn cases(of: &Of<'_>, rule: &Rule) -> Vec<Asked> {
    let value = |value: &str| Case { value: Some(value.to_owned()), ..Case::default() };
    // Of a band that the rule's own condition leaves nothing of, nothing is told.
    let steps = |from: Vec<Decimal>| -> Vec<Asked> {
        let tops = from.iter().skip(1).map(Some).chain([None]);
        let each = from.iter().zip(tops).filter_map(|(from, top)| {
            let inside = within(of.program, rule, *from, top.copied())?;
            Some((of.band(rule, *from, top.copied()), value(&inside)))
        });
        each.collect()
    };
    match &rule.gives {
        Gives::Points(Points::Fixed(_)) => vec![(String::new(), Case::default())],
        Gives::Points(Points::Bands { bands, .. }) => steps(bands.iter().map(|(from, _)| *from).collect()),
        Gives::Points(Points::Table { table, by }) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.sort_by_key(|key| (key.parse::<i64>().unwrap_or(i64::MAX), (*key).clone()));
            keys.into_iter().map(|key| (format!("{} {key}", words(by)), value(key))).collect()
        }
        Gives::Points(Points::Per { per, by, .. }) => {
            let told = if of.is_money(rule, by) { of.money(*per) } else { per.normalize().to_string() };
            // So many steps that what multiplies is seen, and the rule's own condition holds.
            let steps = [100, 1_000, 10_000, 100_000, 10, 5, 3, 2, 1].into_iter().find_map(|steps| {
                let so_much = per.checked_mul(Decimal::from(steps))?;
                let above = so_much.checked_add(*per)?;
                let inside = within(of.program, rule, so_much, Some(above))?;
                (inside.parse() == Ok(so_much)).then_some((steps, inside))
            });
            let Some((steps, inside)) = steps else { return Vec::new() };
            vec![(format!("for each {told} of {}", words(by)), Case { steps, ..value(&inside) })]
        }
        Gives::Money(commission) => match &commission.rate {
            Rate::Fixed(_) if rule.on == "deal.influenced" => {
                let kinds = ["endorsement", "integration_requirement", "active_in_sale"];
                let kinds = kinds.map(|kind| (words(kind), Case { kind: Some(kind), ..Case::default() }));
                kinds.into()
            }
            Rate::Fixed(_) if rule.on == "invoice.paid" => vec![("any invoice".to_owned(), Case::default())],
            Rate::Fixed(_) => vec![("any deal".to_owned(), Case::default())],
            Rate::Bands { bands, .. } => steps(bands.iter().map(|(from, _)| *from).collect()),
            Rate::Slices { slices, .. } => {
                let from: Vec<Decimal> = slices.iter().map(|(from, _)| *from).collect();
                // Up to the end of each slice; of the last, as much again.
                let last = from.last().and_then(|last| last.checked_mul(Decimal::TWO)).unwrap_or(Decimal::ONE_HUNDRED);
                let ends = from.iter().skip(1).copied().chain([last.max(Decimal::ONE_HUNDRED)]);
                let what = if rule.on == "invoice.paid" { "an invoice" } else { "a deal" };
                ends.map(|end| (format!("{what} of {}", of.money(end)), value(&end.to_string()))).collect()
            }
            Rate::Table { table, by } => {
                table.iter().map(|(key, _)| (format!("{} {key}", words(by)), value(key))).collect()
            }
        },
    }
}

/// Of slices: the share of each part, which is what a unit more brings.
fn slices(of: &Of<'_>, rule: &Rule) -> Option<String> {
    let Rate::Slices { slices, .. } = &rule.commission()?.rate else { return None };
    let tops = slices.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
    let told = slices.iter().zip(tops).filter_map(|((from, _), top)| {
        let end = top.or_else(|| from.checked_add(Decimal::from(100_000)))?;
        let share = share_between(of, rule, *from, end)?;
        Some(match top {
            Some(top) if *from < Decimal::ONE => format!("{share}% of the first {}", of.money(top)),
            Some(top) => format!("{share}% of what is between {} and {}", of.money(*from), of.money(top)),
            None => format!("{share}% of what is above {}", of.money(*from)),
        })
    });
    Some(told.collect::<Vec<_>>().join(", "))
}

/// The share of what lies between two values: what the one brings more than the other.
fn share_between(of: &Of<'_>, rule: &Rule, from: Decimal, to: Decimal) -> Option<Decimal> {
    let paid = |value: Decimal| -> Option<Decimal> {
        let case = Case { value: Some(value.normalize().to_string()), ..Case::default() };
        let given = ask(of.ground, rule, &case)?;
        given.asset.amount(given.amount).parse().ok()
    };
    let before = if from.is_zero() { Decimal::ZERO } else { paid(from)? };
    let more = paid(to)?.checked_sub(before)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(rounded(more.checked_div(to.checked_sub(from)?)?, 3))
}

/// How often, and when it is the partner's.
fn limits(of: &Of<'_>, rule: &Rule) -> Vec<String> {
    let caps = rule.at_most.iter().map(|cap| format!("at most {}", capped(cap)));
    let cases = cases(of, rule).into_iter().rev().filter(|_| rule.hold.is_some());
    let pending = cases.map(|(_, case)| case).find_map(|case| pending(of, rule, &case));
    let budget = rule.budget.as_ref().map(|_| "as long as its budget lasts".to_owned());
    let paused = rule.paused.as_ref().map(|pause| {
        let why = pause.why.as_ref().map(|why| format!(" ({})", why.trim_end_matches('.'))).unwrap_or_default();
        format!("nothing {}{why}", pause.words())
    });
    caps.chain(pending).chain(budget).chain(paused).collect()
}

/// After how many days what a rule gives is the partner's.
fn pending(of: &Of<'_>, rule: &Rule, case: &Case) -> Option<String> {
    let (record, posting) = posted(of.ground, rule, case)?;
    let Bucket::Pending { release, .. } = posting.to else { return None };
    // What waits for the customer's payment has no day yet: its hold begins then.
    if release == someday() {
        return rule.hold.map(|hold| format!("yours {hold} after that"));
    }
    let days = record.booked.until(release).ok()?.get_days();
    Some(format!("yours after {days} days"))
}

fn campaigns(of: &Of<'_>, rule: &Rule) -> Vec<String> {
    let Some((name, case)) = cases(of, rule).into_iter().next() else { return Vec::new() };
    let named = rule.times.iter().filter_map(|times| match times {
        Times::Campaign(id) => Some((id, of.program.campaigns.get(id)?)),
        Times::Tier { .. } | Times::Attainment(_) => None,
    });
    let named: Vec<_> = named.collect();
    let told = named.iter().filter_map(|(id, campaign)| {
        // A day of it on which no other multiplies the rule.
        let others = || named.iter().filter(|(other, _)| other != id).map(|(_, other)| other);
        let days = (0..3_660).filter_map(|days| campaign.from.checked_add(days.days()).ok());
        let mut alone = days.take_while(|day| *day < campaign.until);
        let day = alone.find(|day| !others().any(|other| other.from <= *day && *day < other.until))?;
        let usual = ask(of.ground, rule, &case)?;
        let then = ask(of.ground, rule, &Case { on: Some(day), ..case.clone() })?;
        let last = campaign.until.yesterday().ok()?;
        let which = if name.is_empty() { String::new() } else { format!(" ({name})") };
        let (from, what) = (campaign.from, of.doing(rule));
        let (then, usual) = (each(then, case.steps), each(usual, case.steps));
        // Where it runs on every day that can be asked, there is no other to tell.
        let instead = if then == usual { String::new() } else { format!(" instead of {usual}") };
        Some(format!("{id}, {from} to {last}: {what}{which}: {then}{instead}."))
    });
    told.collect()
}

pub(super) fn commissions(of: &Of<'_>) -> Section {
    let mut blocks = Vec::new();
    for rule in of.rules(true) {
        let Some(commission) = rule.commission() else { continue };
        let tiers = tiers_of(of.program, rule);
        let columns = [vec![head_of(rule), "You are paid".to_owned()], named(&tiers)].concat();
        let rows = cases(of, rule).into_iter().map(|(name, case)| {
            let cells = |case: &Case| paid(of, rule, case);
            let by_tier = tiers.iter().map(|tier| cells(&Case { tier: Some(tier.clone()), ..case.clone() }));
            [name, cells(&case)].into_iter().chain(by_tier).collect()
        });
        let mut rows: Vec<Vec<String>> = rows.collect();
        if let Some((_, case)) = cases(of, rule).into_iter().next_back() {
            for (months, _) in &commission.tenor {
                let long = Case { months: Some(*months), ..case.clone() };
                let by_tier =
                    tiers.iter().map(|tier| paid(of, rule, &Case { tier: Some(tier.clone()), ..long.clone() }));
                let name = format!("a contract of {months} months or more");
                rows.push([name, paid(of, rule, &long)].into_iter().chain(by_tier).collect());
            }
        }
        blocks.push(Block::Table(Table { caption: of.doing(rule), why: rule.why.clone(), columns, rows }));
        let base = match (&commission.base, rule.on.as_str()) {
            (Base::FirstYear, "invoice.paid") | (Base::Invoiced, _) => "of what the customer paid",
            (Base::FirstYear, _) => "of the value of the first year",
            (Base::Total, _) => "of the value of the whole contract",
            (Base::Lines(kind), _) => &format!("of the lines of {kind}"),
        };
        let when = match commission.payable {
            Payable::AtFirstInvoice => Some("payable once the customer has paid the first invoice".to_owned()),
            Payable::AtClosing => None,
        };
        let least = commission.at_least.map(|least| format!("{} at least where it is anything", of.money(least)));
        let lasts = commission.lasts.map(|lasts| format!("for {lasts} after the deal was closed"));
        let parts: Vec<String> = [slices(of, rule), Some(base.to_owned()), least, when, lasts]
            .into_iter()
            .flatten()
            .chain(limits(of, rule))
            .collect();
        blocks.push(Block::Note(format!("{}.", capital(&parts.join(", ")))));
        blocks.extend(attained(rule).map(Block::Note));
    }
    blocks.extend(of.rules(true).iter().flat_map(|rule| campaigns(of, rule)).map(Block::Text));
    Section { title: "Commissions".to_owned(), blocks }
}

/// What a commission pays in a case, as a share and as an amount of an example.
fn paid(of: &Of<'_>, rule: &Rule, case: &Case) -> String {
    let Some(given) = ask(of.ground, rule, case) else { return "-".to_owned() };
    let told = format!("{} {}", grouped(&given.asset.amount(given.amount)), given.asset);
    let amount: Decimal = given.asset.amount(given.amount).parse().unwrap_or_default();
    let base = rule.commission().and_then(|one| base_of(&one.base, &given));
    let share = base.and_then(|base| amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(base));
    match share.zip(base) {
        Some((share, base)) => format!("{}%, as {told} of {}", rounded(share, 3), of.money(base)),
        None => told,
    }
}

/// What a target that is attained multiplies.
fn attained(rule: &Rule) -> Option<String> {
    let attainment = rule.times.iter().find_map(|times| match times {
        Times::Attainment(attainment) => Some(attainment),
        Times::Tier { .. } | Times::Campaign(_) => None,
    })?;
    let bands = attainment.bands.iter().map(|(from, by)| {
        let percent = from.checked_mul(Decimal::ONE_HUNDRED).unwrap_or_default().normalize();
        format!("from {percent}% of it times {}", by.normalize())
    });
    let bands = bands.collect::<Vec<_>>().join(", ");
    let measure = attainment.measure.word();
    Some(format!("Where a target of {measure} is set for your {}: {bands}.", attainment.every.word()))
}
