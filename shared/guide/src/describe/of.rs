//! A program that is asked, and what is said of it everywhere.

use event::catalogue::{TOTAL_VALUE, row};
use program::{ATTESTED, Condition, Criteria, Criterion, Measure, Program, Rule, Test};
use rust_decimal::Decimal;

use super::words::{asked, grouped, in_short};
use crate::field;
use crate::probe::{judged, scale};
use crate::story::Ground;

/// A program that is asked.
pub(super) struct Of<'g> {
    pub(super) text: &'g str,
    pub(super) ground: &'g Ground,
    pub(super) program: &'g Program,
}

impl Of<'_> {
    /// The time zone, as the file names it.
    pub(super) fn zone(&self) -> String {
        let file: Option<toml::Table> = toml::from_str(self.text).ok();
        let zone = file.as_ref().and_then(|file| file.get("program")?.get("time_zone")?.as_str());
        zone.unwrap_or("UTC").to_owned()
    }

    pub(super) fn money(&self, amount: Decimal) -> String {
        format!("{} {}", grouped(&amount.normalize().to_string()), self.program.currency)
    }

    /// The rules of a kind, in the order of the file.
    pub(super) fn rules(&self, money: bool) -> Vec<&Rule> {
        let place = |rule: &Rule| {
            let [table, id] = rule.place();
            self.text.find(&format!("[{table}.{id}]")).unwrap_or(usize::MAX)
        };
        let mut rules: Vec<&Rule> =
            self.program.rules.values().filter(|rule| rule.commission().is_some() == money).collect();
        rules.sort_by_key(|rule| place(rule));
        rules
    }

    pub(super) fn is_money(&self, rule: &Rule, field: &str) -> bool {
        field == TOTAL_VALUE || field::is_money(self.program, judged(rule), field)
    }

    /// From one bound to another, in words.
    pub(super) fn band(&self, rule: &Rule, from: Decimal, to: Option<Decimal>) -> String {
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
    pub(super) fn doing(&self, rule: &Rule) -> String {
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
            other => row(other).map_or("Something of yours happens", |row| in_short(row.summary)),
        };
        let what = own.filter(|about| !about.is_empty()).unwrap_or_else(|| what.to_owned());
        let needs = rule.gates.iter().map(|gate| format!("you need {gate}"));
        let tiers = rule.commission().map(|commission| commission.tiers.as_slice()).unwrap_or_default();
        let tiers: Vec<&str> = tiers.iter().map(|tier| tier.as_str()).collect();
        let of_tiers = (!tiers.is_empty()).then(|| format!("as {}", tiers.join(" or ")));
        let all: Vec<String> = of_tiers.into_iter().chain(said).chain(needs).collect();
        if all.is_empty() { what } else { format!("{what} ({})", all.join(", ")) }
    }

    pub(super) fn condition(&self, rule: &Rule, condition: &Condition) -> String {
        let is_money = self.is_money(rule, &condition.field);
        asked(condition, |number| if is_money { self.money(number) } else { number.normalize().to_string() })
    }

    pub(super) fn criteria(&self, criteria: &Criteria) -> String {
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

    pub(super) fn criterion(&self, one: &Criterion) -> String {
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
        format!("{what} within {}", one.within.words())
    }
}
