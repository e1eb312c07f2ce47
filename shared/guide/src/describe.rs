//! The guide that partners read, written from a program file: what earns, what it brings, what keeps a tier.
//!
//! What a rule gives, what a reward costs, how long an opportunity is one's own and points last is asked of the code that decides, so that
//! the guide cannot say something else than what is done. What leads to a tier and keeps it, and how many of a benefit there are, is told
//! in the file's own figures.

use std::fmt::Write;

use domain::ledger::{Asset, Bucket, Effect, Outcome, PostingKind, Reason, never, someday};
use event::catalogue::{TOTAL_VALUE, row};
use event::ids::{Motion, PartnerId, TierId};
use event::time::Length;
use jiff::ToSpan;
use program::{
    ATTESTED, Base, Cap, Comparison, Condition, Criteria, Criterion, Diagnostic, Gate, Gives, Measure, PARTNER as FACT,
    Payable, Points, Program, Rate, Review, Rule, Test, Tier, Times, Within,
};
use replay::World;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::json;

use crate::example;
use crate::field::is_money;
use crate::page::{Block, Page, Section, Table};
use crate::probe::{Case, Given, ask, base_of, enrolled, judged, opens, plain_day, posted, scale, tiers_of, within};
use crate::story::{Ground, Line, PARTNER, Step, Story, What, play};

/// The guide of a program file.
///
/// # Errors
/// The errors of the file's form, and of its examples' form.
pub fn describe(text: &str) -> Result<Page, Vec<Diagnostic>> {
    let ground = Ground::of(text)?;
    let examples = example::read(text)?;
    let of = Of { text, ground: &ground, program: ground.program() };
    let lead = format!(
        "Amounts are in {} where nothing else is said; days are those of {}. What is given, paid and asked for is what the program \
         itself answered.",
        of.program.currency,
        of.zone(),
    );
    let all = [
        of.points(),
        of.commissions(),
        of.ladders(),
        of.rewards(),
        of.benefits(),
        of.deals(),
        of.newcomers(),
        of.challenges(),
        of.lasting(),
        examples_shown(text, &ground, &examples),
    ];
    let sections = all.into_iter().filter(|section| !section.blocks.is_empty()).collect();
    Ok(Page { title: of.program.name.clone(), lead, sections })
}

/// A program that is asked.
struct Of<'g> {
    text: &'g str,
    ground: &'g Ground,
    program: &'g Program,
}

/// A row's name, and the case in which it is asked.
type Asked = (String, Case);

impl Of<'_> {
    /// The time zone, as the file names it.
    fn zone(&self) -> String {
        let file: Option<toml::Table> = toml::from_str(self.text).ok();
        let zone = file.as_ref().and_then(|file| file.get("program")?.get("time_zone")?.as_str());
        zone.unwrap_or("UTC").to_owned()
    }

    fn money(&self, amount: Decimal) -> String {
        format!("{} {}", grouped(&amount.normalize().to_string()), self.program.currency)
    }

    /// The rules of a kind, in the order of the file.
    fn rules(&self, money: bool) -> Vec<&Rule> {
        let place = |rule: &Rule| {
            let [table, id] = rule.place();
            self.text.find(&format!("[{table}.{id}]")).unwrap_or(usize::MAX)
        };
        let mut rules: Vec<&Rule> =
            self.program.rules.values().filter(|rule| rule.commission().is_some() == money).collect();
        rules.sort_by_key(|rule| place(rule));
        rules
    }

    // ---- points ------------------------------------------------------------------------------------------------

    fn points(&self) -> Section {
        let mut plain = Table {
            caption: String::new(),
            why: None,
            columns: ["What you do", "Points", "Why"].map(str::to_owned).to_vec(),
            rows: Vec::new(),
        };
        let mut blocks = Vec::new();
        for rule in self.rules(false) {
            let rows = self.cases(rule);
            let tiers = tiers_of(self.program, rule);
            let what = self.doing(rule);
            if let ([(name, case)], []) = (rows.as_slice(), tiers.as_slice())
                && name.is_empty()
            {
                let points = ask(self.ground, rule, case).map_or("-".to_owned(), shown);
                let more: Vec<String> = [vec![points], self.limits(rule)].concat();
                plain.rows.push(vec![what.clone(), more.join(", "), rule.why.clone().unwrap_or_default()]);
                blocks.extend(Self::attained(rule).map(|said| Block::Text(format!("{what}. {said}"))));
                continue;
            }
            let head = head_of(rule);
            let columns: Vec<String> = [vec![head, "Points".to_owned()], named(&tiers)].concat();
            let rows = rows.iter().map(|(name, case)| self.row(rule, name, case, &tiers)).collect();
            blocks.push(Block::Table(Table { caption: what, why: rule.why.clone(), columns, rows }));
            let limits = self.limits(rule);
            if !limits.is_empty() {
                blocks.push(Block::Text(format!("{}.", capital(&limits.join(", ")))));
            }
            blocks.extend(Self::attained(rule).map(Block::Text));
        }
        if !plain.rows.is_empty() {
            blocks.insert(0, Block::Table(plain));
        }
        blocks.extend(self.rules(false).iter().flat_map(|rule| self.campaigns(rule)).map(Block::Text));
        Section { title: "How you earn points".to_owned(), blocks }
    }

    fn row(&self, rule: &Rule, name: &str, case: &Case, tiers: &[(Motion, TierId)]) -> Vec<String> {
        let given = |case: &Case| ask(self.ground, rule, case).map_or("-".to_owned(), |given| each(given, case.steps));
        let by_tier = tiers.iter().map(|tier| given(&Case { tier: Some(tier.clone()), ..case.clone() }));
        [name.to_owned(), given(case)].into_iter().chain(by_tier).collect()
    }

    /// The rows of a rule: by the steps of its scale, or one.
    fn cases(&self, rule: &Rule) -> Vec<Asked> {
        let value = |value: &str| Case { value: Some(value.to_owned()), ..Case::default() };
        // Of a band that the rule's own condition leaves nothing of, nothing is told.
        let steps = |from: Vec<Decimal>| -> Vec<Asked> {
            let tops = from.iter().skip(1).map(Some).chain([None]);
            let each = from.iter().zip(tops).filter_map(|(from, top)| {
                let inside = within(self.program, rule, *from, top.copied())?;
                Some((self.band(rule, *from, top.copied()), value(&inside)))
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
                let told = if self.is_money(rule, by) { self.money(*per) } else { per.normalize().to_string() };
                // So many steps that what multiplies is seen, and the rule's own condition holds.
                let steps = [100, 1_000, 10_000, 100_000, 10, 5, 3, 2, 1].into_iter().find_map(|steps| {
                    let so_much = per.checked_mul(Decimal::from(steps))?;
                    let above = so_much.checked_add(*per)?;
                    let inside = within(self.program, rule, so_much, Some(above))?;
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
                    let last =
                        from.last().and_then(|last| last.checked_mul(Decimal::TWO)).unwrap_or(Decimal::ONE_HUNDRED);
                    let ends = from.iter().skip(1).copied().chain([last.max(Decimal::ONE_HUNDRED)]);
                    let what = if rule.on == "invoice.paid" { "an invoice" } else { "a deal" };
                    ends.map(|end| (format!("{what} of {}", self.money(end)), value(&end.to_string()))).collect()
                }
                Rate::Table { table, by } => {
                    table.iter().map(|(key, _)| (format!("{} {key}", words(by)), value(key))).collect()
                }
            },
        }
    }

    /// Of slices: the share of each part, which is what a unit more brings.
    fn slices(&self, rule: &Rule) -> Option<String> {
        let Rate::Slices { slices, .. } = &rule.commission()?.rate else { return None };
        let tops = slices.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
        let told = slices.iter().zip(tops).filter_map(|((from, _), top)| {
            let end = top.or_else(|| from.checked_add(Decimal::from(100_000)))?;
            let share = self.share_between(rule, *from, end)?;
            Some(match top {
                Some(top) if *from < Decimal::ONE => format!("{share}% of the first {}", self.money(top)),
                Some(top) => format!("{share}% of what is between {} and {}", self.money(*from), self.money(top)),
                None => format!("{share}% of what is above {}", self.money(*from)),
            })
        });
        Some(told.collect::<Vec<_>>().join(", "))
    }

    /// The share of what lies between two values: what the one brings more than the other.
    fn share_between(&self, rule: &Rule, from: Decimal, to: Decimal) -> Option<Decimal> {
        let paid = |value: Decimal| -> Option<Decimal> {
            let case = Case { value: Some(value.normalize().to_string()), ..Case::default() };
            let given = ask(self.ground, rule, &case)?;
            given.asset.amount(given.amount).parse().ok()
        };
        let before = if from.is_zero() { Decimal::ZERO } else { paid(from)? };
        let more = paid(to)?.checked_sub(before)?.checked_mul(Decimal::ONE_HUNDRED)?;
        Some(rounded(more.checked_div(to.checked_sub(from)?)?, 3))
    }

    fn is_money(&self, rule: &Rule, field: &str) -> bool {
        field == TOTAL_VALUE || is_money(self.program, judged(rule), field)
    }

    /// From one bound to another, in words.
    fn band(&self, rule: &Rule, from: Decimal, to: Option<Decimal>) -> String {
        let is_value = scale(rule).is_some_and(|by| self.is_money(rule, by));
        let told = |value: Decimal| if is_value { self.money(value) } else { value.normalize().to_string() };
        // Less than a whole unit is no bound that anybody means.
        match (from < Decimal::ONE, to) {
            (true, None) => "any".to_owned(),
            (true, Some(to)) => format!("below {}", told(to)),
            (false, None) => format!("{} or more", told(from)),
            (false, Some(to)) => format!("{} to below {}", told(from), told(to)),
        }
    }

    /// What somebody does so that a rule gives.
    fn doing(&self, rule: &Rule) -> String {
        let mut said = Vec::new();
        let (mut won, mut renews) = (false, None);
        for condition in &rule.conditions {
            match (condition.field.as_str(), &condition.test) {
                ("outcome", Test::Is(word)) if ["won", "successful"].contains(&word.as_str()) => won = true,
                ("renewal", Test::Is(word)) => renews = Some(word == "true"),
                _ => said.push(self.condition(rule, condition)),
            }
        }
        let own = self.program.events.get(rule.on.as_str()).map(|own| own.form.about.trim_end_matches('.').to_owned());
        let what = match rule.on.as_str() {
            "deal.registered" => "You register a deal",
            "deal.qualified" => "A deal that you registered is qualified",
            "deal.closed" => match (won, renews) {
                (true, Some(true)) => "A customer renews",
                (true, Some(false)) => "You win a deal with new business",
                (true, None) => "You win a deal",
                (false, _) if rule.commission().is_some() => "You win a deal",
                (false, _) => "A deal is closed",
            },
            "deal.influenced" => "You help another partner win a deal",
            "purchase_order.received" => "A purchase order comes in",
            "invoice.paid" => "Your customer pays an invoice",
            "course.completed" => "Somebody of yours completes a course",
            "certification.granted" => "Somebody of yours is certified",
            "content.viewed" => "Somebody of yours looks at content",
            "project.completed" if won => "You complete a project successfully",
            "project.completed" => "You complete a project",
            "agreement.accepted" => "You accept the agreement",
            "partner.enrolled" => "You join",
            other => row(other).map_or("Something of yours happens", |row| {
                row.summary.trim().split(" (M").next().unwrap_or_default().trim_end_matches('.')
            }),
        };
        let what = own.filter(|about| !about.is_empty()).unwrap_or_else(|| what.to_owned());
        let needs = rule.gates.iter().map(|gate| format!("you need {gate}"));
        let tiers = rule.commission().map(|commission| commission.tiers.as_slice()).unwrap_or_default();
        let tiers: Vec<&str> = tiers.iter().map(|tier| tier.as_str()).collect();
        let of_tiers = (!tiers.is_empty()).then(|| format!("as {}", tiers.join(" or ")));
        let all: Vec<String> = of_tiers.into_iter().chain(said).chain(needs).collect();
        if all.is_empty() { what } else { format!("{what} ({})", all.join(", ")) }
    }

    fn condition(&self, rule: &Rule, condition: &Condition) -> String {
        let is_money = self.is_money(rule, &condition.field);
        asked(condition, |number| if is_money { self.money(number) } else { number.normalize().to_string() })
    }

    /// How often, and when it is the partner's.
    fn limits(&self, rule: &Rule) -> Vec<String> {
        let caps = rule.at_most.iter().map(|cap| format!("at most {}", capped(cap)));
        let cases = self.cases(rule).into_iter().rev().filter(|_| rule.hold.is_some());
        let pending = cases.map(|(_, case)| case).find_map(|case| self.pending(rule, &case));
        let budget = rule.budget.as_ref().map(|_| "as long as its budget lasts".to_owned());
        caps.chain(pending).chain(budget).collect()
    }

    /// After how many days what a rule gives is the partner's.
    fn pending(&self, rule: &Rule, case: &Case) -> Option<String> {
        let (record, posting) = posted(self.ground, rule, case)?;
        let Bucket::Pending { release, .. } = posting.to else { return None };
        // What waits for the customer's payment has no day yet: its hold begins then.
        if release == someday() {
            return rule.hold.map(|hold| format!("yours {hold} after that"));
        }
        let days = record.booked.until(release).ok()?.get_days();
        Some(format!("yours after {days} days"))
    }

    fn campaigns(&self, rule: &Rule) -> Vec<String> {
        let Some((name, case)) = self.cases(rule).into_iter().next() else { return Vec::new() };
        let named = rule.times.iter().filter_map(|times| match times {
            Times::Campaign(id) => Some((id, self.program.campaigns.get(id)?)),
            Times::Tier { .. } | Times::Attainment(_) => None,
        });
        let named: Vec<_> = named.collect();
        let told = named.iter().filter_map(|(id, campaign)| {
            // A day of it on which no other multiplies the rule.
            let others = || named.iter().filter(|(other, _)| other != id).map(|(_, other)| other);
            let days = (0..3_660).filter_map(|days| campaign.from.checked_add(days.days()).ok());
            let mut alone = days.take_while(|day| *day < campaign.until);
            let day = alone.find(|day| !others().any(|other| other.from <= *day && *day < other.until))?;
            let usual = ask(self.ground, rule, &case)?;
            let then = ask(self.ground, rule, &Case { on: Some(day), ..case.clone() })?;
            let last = campaign.until.yesterday().ok()?;
            let which = if name.is_empty() { String::new() } else { format!(" ({name})") };
            let (from, what) = (campaign.from, self.doing(rule));
            let (then, usual) = (each(then, case.steps), each(usual, case.steps));
            // Where it runs on every day that can be asked, there is no other to tell.
            let instead = if then == usual { String::new() } else { format!(" instead of {usual}") };
            Some(format!("{id}, {from} to {last}: {what}{which}: {then}{instead}."))
        });
        told.collect()
    }

    // ---- commissions -------------------------------------------------------------------------------------------

    fn commissions(&self) -> Section {
        let mut blocks = Vec::new();
        for rule in self.rules(true) {
            let Some(commission) = rule.commission() else { continue };
            let tiers = tiers_of(self.program, rule);
            let columns = [vec![head_of(rule), "You are paid".to_owned()], named(&tiers)].concat();
            let rows = self.cases(rule).into_iter().map(|(name, case)| {
                let cells = |case: &Case| self.paid(rule, case);
                let by_tier = tiers.iter().map(|tier| cells(&Case { tier: Some(tier.clone()), ..case.clone() }));
                [name, cells(&case)].into_iter().chain(by_tier).collect()
            });
            let mut rows: Vec<Vec<String>> = rows.collect();
            if let Some((_, case)) = self.cases(rule).into_iter().next_back() {
                for (months, _) in &commission.tenor {
                    let long = Case { months: Some(*months), ..case.clone() };
                    let by_tier =
                        tiers.iter().map(|tier| self.paid(rule, &Case { tier: Some(tier.clone()), ..long.clone() }));
                    let name = format!("a contract of {months} months or more");
                    rows.push([name, self.paid(rule, &long)].into_iter().chain(by_tier).collect());
                }
            }
            blocks.push(Block::Table(Table { caption: self.doing(rule), why: rule.why.clone(), columns, rows }));
            let of = match (&commission.base, rule.on.as_str()) {
                (Base::FirstYear, "invoice.paid") | (Base::Invoiced, _) => "of what the customer paid",
                (Base::FirstYear, _) => "of the value of the first year",
                (Base::Total, _) => "of the value of the whole contract",
                (Base::Lines(kind), _) => &format!("of the lines of {kind}"),
            };
            let when = match commission.payable {
                Payable::AtFirstInvoice => Some("payable once the customer has paid the first invoice".to_owned()),
                Payable::AtClosing => None,
            };
            let least = commission.at_least.map(|least| format!("{} at least where it is anything", self.money(least)));
            let lasts = commission.lasts.map(|lasts| format!("for {lasts} after the deal was closed"));
            let parts: Vec<String> = [self.slices(rule), Some(of.to_owned()), least, when, lasts]
                .into_iter()
                .flatten()
                .chain(self.limits(rule))
                .collect();
            blocks.push(Block::Text(format!("{}.", capital(&parts.join(", ")))));
            blocks.extend(Self::attained(rule).map(Block::Text));
        }
        blocks.extend(self.rules(true).iter().flat_map(|rule| self.campaigns(rule)).map(Block::Text));
        Section { title: "Commissions".to_owned(), blocks }
    }

    /// What a commission pays in a case, as a share and as an amount of an example.
    fn paid(&self, rule: &Rule, case: &Case) -> String {
        let Some(given) = ask(self.ground, rule, case) else { return "-".to_owned() };
        let told = format!("{} {}", grouped(&given.asset.amount(given.amount)), given.asset);
        let amount: Decimal = given.asset.amount(given.amount).parse().unwrap_or_default();
        let base = rule.commission().and_then(|one| base_of(&one.base, &given));
        let share = base.and_then(|base| amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(base));
        match share.zip(base) {
            Some((share, base)) => format!("{}%, as {told} of {}", rounded(share, 3), self.money(base)),
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

    // ---- tiers -------------------------------------------------------------------------------------------------

    fn ladders(&self) -> Section {
        let mut blocks = Vec::new();
        for (motion, tiers) in &self.program.ladders {
            let columns = ["Tier", "What leads to it", "What keeps it", "Looked at", "What it brings"];
            let rows = tiers.iter().map(|tier| {
                let enter = tier.enter.as_ref().map_or("where everybody begins".to_owned(), |all| self.criteria(all));
                let keep = tier.keep.as_ref().map_or("nothing more".to_owned(), |all| self.criteria(all));
                vec![tier.id.to_string(), enter, keep, looked_at(tier), self.brings(tier)]
            });
            let rows = rows.collect();
            let caption = capital(motion);
            blocks.push(Block::Table(Table { caption, why: None, columns: columns.map(str::to_owned).to_vec(), rows }));
        }
        Section { title: "Tiers".to_owned(), blocks }
    }

    fn criteria(&self, criteria: &Criteria) -> String {
        let part = |part: &Criteria| match part {
            Criteria::Any(_) | Criteria::All(_) => format!("({})", self.criteria(part)),
            Criteria::One(_) | Criteria::Fact(_) => self.criteria(part),
        };
        let list = |parts: &[Criteria], word: &str| parts.iter().map(part).collect::<Vec<_>>().join(word);
        match criteria {
            Criteria::Any(parts) => list(parts, " or "),
            Criteria::All(parts) => list(parts, " and "),
            Criteria::One(one) => self.criterion(one),
            Criteria::Fact(fact) => {
                let told = asked(fact, |number| number.normalize().to_string());
                if fact.field.starts_with(ATTESTED) { format!("{told}, as we attest") } else { told }
            }
        }
    }

    fn criterion(&self, one: &Criterion) -> String {
        let within = match one.within {
            Within::Rolling(_) | Within::FiscalYear | Within::FiscalQuarter => format!("within {}", one.within.words()),
        };
        let many = |word: &str| if one.least == Decimal::ONE { word.to_owned() } else { format!("{word}s") };
        let least = grouped(&one.least.normalize().to_string());
        let what = match (one.measure, &one.certification) {
            (Measure::Certifications, _) | (_, Some(_)) => return one.words(),
            (Measure::Acv, _) => format!("{} of annual business", self.money(one.least)),
            (Measure::Deals, _) => format!("{least} {}", many("deal")),
            (Measure::Registrations, _) => format!("{least} registered {}", many("deal")),
            (Measure::Qualified, _) => format!("{least} qualified {}", many("deal")),
            (Measure::Projects, _) => format!("{least} successful {}", many("project")),
            (Measure::Points, _) => format!("{least} points"),
            (Measure::Own(own), _) => format!("{least} {}", own.as_str()),
        };
        format!("{what} {within}")
    }

    fn brings(&self, tier: &Tier) -> String {
        let needs = |gates: &[Gate]| gates.contains(&Gate::Tier(tier.id.clone()));
        let rules = self.program.rules.values();
        let paid = rules.clone().filter(|rule| rule.commission().is_some_and(|one| one.tiers.contains(&tier.id)));
        let more = rules.filter(|rule| tiers_of(self.program, rule).iter().any(|(_, id)| *id == tier.id));
        let rewards = self.program.rewards.values().filter(|reward| needs(&reward.gates));
        let benefits = self.program.benefits.values().filter(|benefit| needs(&benefit.gates));
        let doing = |rule: &Rule| {
            let what = self.doing(rule);
            let what = what.split(" (").next().unwrap_or_default().to_owned();
            what.strip_prefix("You ").map_or_else(|| what.clone(), |rest| format!("you {rest}"))
        };
        let (mut is_paid, mut has_more): (Vec<String>, Vec<String>) =
            (paid.map(doing).collect(), more.map(doing).collect());
        is_paid.dedup();
        has_more.dedup();
        let all: Vec<String> = is_paid
            .into_iter()
            .map(|what| format!("a commission when {what}"))
            .chain(has_more.into_iter().map(|what| format!("more when {what}")))
            .chain(rewards.map(|reward| reward.name.clone()))
            .chain(benefits.map(|benefit| benefit.name.clone()))
            .collect();
        all.join(", ")
    }

    // ---- rewards and benefits ----------------------------------------------------------------------------------

    fn rewards(&self) -> Section {
        let open = self.program.rewards.values().filter(|reward| !reward.retired);
        let rows: Vec<Vec<String>> = open
            .map(|reward| {
                let price = self.price(&reward.id, &reward.gates).map_or("-".to_owned(), points);
                let caps: Vec<String> = reward.at_most.iter().map(capped).collect();
                vec![reward.name.clone(), price, caps.join(", "), gates(&reward.gates)]
            })
            .collect();
        let columns = ["Reward", "Points", "How often", "What you need first"].map(str::to_owned).to_vec();
        let table = Block::Table(Table { caption: String::new(), why: None, columns, rows });
        let blocks = if self.program.rewards.values().any(|reward| !reward.retired) { vec![table] } else { Vec::new() };
        Section { title: "What your points buy".to_owned(), blocks }
    }

    /// What is set aside for one piece of a reward.
    fn price(&self, reward: &str, gates: &[Gate]) -> Option<i64> {
        let mut world = self.ready(gates)?;
        world.load_stock(reward, 1);
        if world.redeem(PARTNER, reward, 1, "asked") != Outcome::Applied {
            return None;
        }
        let set_aside = |record: &domain::ledger::Record| -> i64 {
            let of = record.postings.iter().filter(|posting| posting.kind == PostingKind::Reservation);
            of.map(|posting| posting.amount).sum()
        };
        world.records.last().map(set_aside)
    }

    /// A world in which the partner has everything that gates ask for, and many points.
    fn ready(&self, gates: &[Gate]) -> Option<World> {
        let on = plain_day(self.program);
        let before = on.checked_sub(1.days()).ok()?;
        let mut steps = vec![enrolled(self.program, before, serde_json::Map::new())];
        steps.extend(gates.iter().filter_map(|gate| opens(before, gate)));
        let (_, mut world) = play(self.ground, &Story { steps, until: None }).ok()?;
        let partner = PartnerId::try_from(PARTNER).ok()?;
        let account = world.accounts.get_mut(&partner)?;
        account.head.funds.entry(Asset::Points).or_insert_with(Default::default).lots.insert(never(), 1_000_000_000);
        for gate in gates {
            if let Gate::Tier(tier) = gate {
                let motion = crate::probe::motion_of(self.program, tier)?;
                crate::story::stand(account, &motion, tier, before);
            }
        }
        Some(world)
    }

    fn benefits(&self) -> Section {
        let rows: Vec<Vec<String>> = self
            .program
            .benefits
            .values()
            .map(|benefit| {
                let per = benefit.every.word();
                let per = if per.is_empty() { "in all".to_owned() } else { format!("per {per}") };
                let own = format!("{} each", benefit.at_most);
                vec![benefit.name.clone(), format!("{} {per}", benefit.slots), own, gates(&benefit.gates)]
            })
            .collect();
        let columns = ["Benefit", "How many", "Of them", "What you need first"].map(str::to_owned).to_vec();
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            blocks.push(Block::Table(Table { caption: String::new(), why: None, columns, rows }));
        }
        let alone = &self.program.exclusivity;
        let parts = [
            alone.earn.as_ref().map(|all| format!("It is earned by {}", self.criteria(all))),
            alone.keep.as_ref().map(|all| format!("It is kept by {}", self.criteria(all))),
            alone.lasts.map(|lasts| format!("It lasts {lasts} where nothing else is said")),
            (!alone.gates.is_empty()).then(|| format!("You need {}", gates(&alone.gates))),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            blocks.push(Block::Text(format!("A territory or a vertical may be yours alone. {}.", parts.join(". "))));
        }
        Section { title: "Benefits".to_owned(), blocks }
    }

    // ---- deals -------------------------------------------------------------------------------------------------

    fn deals(&self) -> Section {
        let on = plain_day(self.program);
        let registered = |deal: &str| json!({ "deal_id": deal, "opportunity_id": "O-1", "customer": "Contoso" });
        let first = Step::event(on, "deal.registered", registered("D-1"));
        let mut second = Step::event(on, "deal.registered", registered("D-2"));
        if let What::Event { partner, .. } = &mut second.what {
            *partner = Some(crate::probe::OTHER.to_owned());
        }
        let story = Story { steps: vec![first, second], until: on.checked_add(1.year()).ok() };
        let Ok((_, world)) = play(self.ground, &story) else { return Section::default() };
        let alone = world.records.iter().flat_map(|record| &record.effects).find_map(|effect| match effect {
            Effect::Place { place: 1, until: Some(until), .. } => Some(*until),
            _ => None,
        });
        let others = world
            .records
            .iter()
            .find(|record| record.partner.as_str() == crate::probe::OTHER && record.kind == *"deal.registered");
        let taken = others.is_some_and(|record| matches!(record.reason, Some(Reason::OpportunityTaken { .. })));
        let mut said = Vec::new();
        if let Some(days) = alone.and_then(|until| on.until(until).ok()).map(|span| span.get_days()) {
            said.push(format!("Whoever registers an opportunity first has it alone for {days} days."));
        }
        said.push(
            if taken {
                "Who comes second is refused."
            } else {
                "Who comes second may register it too; the first is told."
            }
            .to_owned(),
        );
        let reminded = world.records.iter().filter(|record| record.kind == *"lease.ending");
        let before: Vec<String> =
            reminded.filter_map(|record| Some(format!("{} days", record.on.until(alone?).ok()?.get_days()))).collect();
        if !before.is_empty() {
            said.push(format!("It is reminded {} before that ends.", before.join(" and ")));
        }
        if self.program.registration.required {
            said.push("Only a deal that was registered counts when it is closed.".to_owned());
        }
        if let Some(bidders) = self.program.registration.bidders {
            said.push(format!("A public tender takes bidders side by side, and asks for {bidders}."));
        }
        Section { title: "Registering deals".to_owned(), blocks: vec![Block::Text(said.join(" "))] }
    }

    fn newcomers(&self) -> Section {
        let Some(new) = &self.program.onboarding else { return Section::default() };
        let mut said = format!("Who is new has {} for {}.", new.by, self.criteria(&new.productive));
        if let Some(after) = new.plan_after {
            let _ = write!(said, " {} later we make a plan together.", capital(&after.to_string()));
        }
        if !new.trained.is_empty() {
            let _ = write!(said, " You are trained with {}.", gates(&new.trained));
        }
        Section { title: "When you are new".to_owned(), blocks: vec![Block::Text(said)] }
    }

    fn challenges(&self) -> Section {
        let told = self.program.challenges.values().map(|one| {
            let (measure, every) = (one.metric.word(), one.every.word());
            Block::Text(format!("{}: the {} partners with the most {measure} of each {every}.", one.name, one.places))
        });
        Section { title: "Challenges".to_owned(), blocks: told.collect() }
    }

    /// How long points live.
    fn lasting(&self) -> Section {
        let mut said = Vec::new();
        let asked = self.rules(false).into_iter().find_map(|rule| {
            let (_, case) = self.cases(rule).into_iter().next()?;
            posted(self.ground, rule, &case)
        });
        if let Some((record, posting)) = asked {
            let lot = match posting.to {
                Bucket::Available(lot) | Bucket::Pending { lot, .. } => Some(lot),
                _ => None,
            };
            match lot {
                Some(lot) if lot == never() => said.push("Points do not run out.".to_owned()),
                Some(lot) => {
                    let last = lot.first_day().last_of_month();
                    said.push(format!("Points of {} can be spent until {last}.", record.booked));
                }
                None => {}
            }
        }
        let blocks = if said.is_empty() { Vec::new() } else { vec![Block::Text(said.join(" "))] };
        Section { title: "How long points last".to_owned(), blocks }
    }
}

fn examples_shown(text: &str, ground: &Ground, examples: &[example::Example]) -> Section {
    let shown = examples.iter().filter_map(|example| {
        let made: Vec<Line> = example.play(text, ground).ok()?;
        let mut made = made.into_iter().peekable();
        let mut lines = Vec::new();
        for step in &example.story.steps {
            while let Some(line) = made.next_if(|line| line.on < step.on) {
                lines.push((true, line.to_string()));
            }
            lines.push((false, happened(step)));
        }
        lines.extend(made.map(|line| (true, line.to_string())));
        Some(Block::Ledger { name: example.name.clone(), lines })
    });
    Section { title: "Examples".to_owned(), blocks: shown.collect() }
}

/// A step for people: `2026-03-14 deal.closed: deal D-1, outcome won, acv 48000`.
fn happened(step: &Step) -> String {
    let (What::Event { partner, .. } | What::Redeem { partner, .. }) = &step.what;
    let whose = partner.as_ref().map(|partner| format!("{partner}: ")).unwrap_or_default();
    match &step.what {
        What::Redeem { reward, quantity, .. } => format!("{} {whose}{quantity} {reward} ordered", step.on),
        What::Event { kind, data, .. } => {
            let members = data.iter().map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{} {value}", words(name))
            });
            format!("{} {whose}{kind}: {}", step.on, members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A condition for people; numbers are told by `number`.
fn asked(condition: &Condition, number: impl Fn(Decimal) -> String) -> String {
    let field = words(&condition.field);
    match &condition.test {
        Test::Is(word) if word == "true" => field,
        Test::Is(word) if word == "false" => format!("no {field}"),
        Test::Is(word) => format!("{field} {word}"),
        Test::IsNot(word) => format!("{field} other than {word}"),
        Test::OneOf(all) => format!("{field} {}", all.join(" or ")),
        Test::Compare(Comparison::AtLeast, least) => format!("{field} {} or more", number(*least)),
        Test::Compare(Comparison::MoreThan, least) => format!("{field} above {}", number(*least)),
        Test::Compare(Comparison::AtMost, most) => format!("{field} {} or less", number(*most)),
        Test::Compare(Comparison::LessThan, most) => format!("{field} below {}", number(*most)),
    }
}

/// The head of the first column of a rule's table.
fn head_of(rule: &Rule) -> String {
    match scale(rule) {
        None => "Which".to_owned(),
        Some("acv") => "Value of a year".to_owned(),
        Some(TOTAL_VALUE) => "Value of the contract".to_owned(),
        Some(by) => capital(&words(by)),
    }
}

fn named(tiers: &[(Motion, TierId)]) -> Vec<String> {
    tiers.iter().map(|(_, tier)| format!("as {tier}")).collect()
}

fn looked_at(tier: &Tier) -> String {
    if tier.keep.is_none() {
        return String::new();
    }
    let often = match tier.review {
        Review::Monthly => "each month",
        Review::Quarterly => "each quarter",
        Review::Annually => "each year",
    };
    let first = if tier.first_review == (Length { months: 0, days: 0 }) {
        String::new()
    } else {
        format!(", first after {}", tier.first_review)
    };
    let grace = tier.grace.map(|grace| format!("; who falls short is told, and has {grace}")).unwrap_or_default();
    let pruned = tier.prune_after.map(|times| format!("; after {times} times in a row we part")).unwrap_or_default();
    format!("{often}{first}{grace}{pruned}")
}

fn gates(gates: &[Gate]) -> String {
    gates.iter().map(Gate::to_string).collect::<Vec<_>>().join(", ")
}

/// A cap for partners: whose count it is, where it is not theirs as a whole.
fn capped(cap: &Cap) -> String {
    cap.words.replace(" per partner", "")
}

/// A field for people.
fn words(field: &str) -> String {
    let field = field.trim_start_matches(FACT).trim_start_matches(ATTESTED);
    let named = match field {
        "acv" => "value of a year",
        TOTAL_VALUE => "value of the contract",
        "deal_id" => "deal",
        "tenor_months" => "months",
        other => other.trim_end_matches("_id"),
    };
    named.replace('_', " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn shown(given: Given) -> String {
    if given.asset == Asset::Points {
        points(given.amount)
    } else {
        format!("{} {}", grouped(&given.asset.amount(given.amount)), given.asset)
    }
}

/// What one step of so many brings.
fn each(given: Given, steps: u32) -> String {
    if steps <= 1 {
        return shown(given);
    }
    let one = Decimal::from(given.amount).checked_div(Decimal::from(steps)).unwrap_or_default();
    grouped(&rounded(one, 4).to_string())
}

/// A figure for people, half away from zero.
fn rounded(figure: Decimal, places: u32) -> Decimal {
    figure.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}

fn points(points: i64) -> String {
    grouped(&points.to_string())
}

/// A number with its thousands apart.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let rest = rest.map(|rest| format!(".{rest}")).unwrap_or_default();
    format!("{sign}{text}{rest}")
}
