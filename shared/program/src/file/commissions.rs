//! From the file's words to commission rules.

use std::collections::BTreeMap;

use event::ids::{RuleId, TierId};
use event::money::decimals;
use rust_decimal::Decimal;

use super::rewards::gates;
use super::rules::{Around, Declared, all_times, budget_of, conditions, known, known_field, paused, rising};
use super::values::{caps, length, positive, rate};
use super::{CommissionTable, CommissionsTable, Conditions, Quoted, RateBand, RateTable};
use crate::cap::{Cap, CapBy, CapUnit};
use crate::commission::{Base, Commission, CommissionPolicy, Payable, Rate};
use crate::condition::{Condition, Test};
use crate::fact::PARTNER;
use crate::findings::{Code, Findings};
use crate::rule::{COMMISSION, Gives, Rule, Times, facts};

/// What pays: the closing of a deal, which follows the deal through amendment and reversal, and each invoice that its customer pays.
const CLOSING: &str = "deal.closed";
const INVOICE: &str = "invoice.paid";
/// Who influenced a deal is paid of what its closing says, as its own partner is (M34).
const INFLUENCE: &str = "deal.influenced";

/// However often somebody tells of it, an invoice pays once.
const ONCE: &str = "once per partner per invoice";

/// Longest time that commission is held, in days: what is held stands in one item, by day and currency.
const HOLD_DAYS_MAX: i32 = 186;

/// Longest contract, in months.
const TENOR_MAX: u32 = 600;

pub(crate) fn commission(
    id: &RuleId,
    table: &CommissionTable,
    around: &Around<'_>,
    f: &mut Findings<'_>,
) -> Option<Rule> {
    let place = ["commission", id.as_str()];
    let at = |key| [place[0], place[1], key];
    if ![CLOSING, INVOICE, INFLUENCE].contains(&table.on.as_str()) {
        let message = format!("commissions are for deals that are won: `{}` pays none", table.on);
        let help = format!(
            "write \"{CLOSING}\", or leave it out; \"{INVOICE}\" pays at each invoice, \"{INFLUENCE}\" who influenced a deal"
        );
        f.error(Code::BadValue, &at("on"), message, Some(help));
        return None;
    }
    let of_invoices = table.on == INVOICE;
    // Who influenced a deal is paid of its closing.
    let looks_at = if table.on == INFLUENCE { CLOSING } else { &table.on };
    let (kind, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        table.conditions.0.clone().into_iter().partition(|(field, _)| table.on == INFLUENCE && field == "kind");
    let mut conditions = conditions(place, looks_at, &Conditions(rest), around.declared, f);
    conditions.extend(super::rules::conditions(place, INFLUENCE, &Conditions(kind), around.declared, f));
    if table.conditions.0.get("outcome").is_some_and(|word| word.0 != "won") {
        let message = "commissions are for deals that are won";
        let help = "leave `outcome` out; points may be given for others, in [earn.*]".to_owned();
        f.error(Code::BadValue, &["commission", id.as_str(), "if", "outcome"], message, Some(help));
    }
    if !of_invoices && !table.conditions.0.contains_key("outcome") {
        let (field, words) = ("outcome".to_owned(), "won".to_owned());
        conditions.insert(0, Condition { field, test: Test::Is(words.clone()), words });
    }
    let tiers = tiers(&at("tier"), &table.tier.0, around, f);
    let base = base(&at("base"), table, f);
    let rate = self::rate_table(&at("rate"), looks_at, &table.rate, around.declared, f);
    let tenor = tenor(&at("tenor"), table, f);
    let lasts = table.lasts.as_ref().and_then(|words| length(&at("for"), words, f));
    only_for_one(place, table, f);
    let factors: Vec<Times> = all_times(place, &table.times, around, f);
    if of_invoices && factors.iter().any(Times::is_trued_up) {
        let message = "what invoices pay is not trued up: each is paid by what was attained by then";
        f.error(Code::BadValue, &at("times"), message, Some("leave `true_up` out".to_owned()));
    }
    let payable = match table.payable.as_str() {
        "at closing" => Ok(Payable::AtClosing),
        "at the first invoice" => Ok(Payable::AtFirstInvoice),
        _ => Err("write \"at closing\" or \"at the first invoice\"".to_owned()),
    };
    let payable = f.take(&at("payable"), payable);
    let at_least = table.at_least.as_ref().map(|least| least_of(&at("at_least"), least, around.currency, f));
    let mut at_most = caps(&at("at_most"), &table.at_most.0, &[], f);
    bounds(place, looks_at, &at_most, at_least.is_some(), around, f);
    if table.on == INFLUENCE && !around.shares_deals {
        let message = "the program shares no deal with who influenced it";
        f.error(Code::BadValue, &at("on"), message, Some("say how, in [influence]".to_owned()));
    }
    if of_invoices && !at_most.iter().any(|cap| cap.words == ONCE) {
        at_most.insert(0, f.take(&at("at_most"), Cap::parse(ONCE, &[]))?);
    }
    let hold = table.hold.as_ref().and_then(|words| length(&at("hold"), words, f));
    if hold.is_some_and(|hold| hold.months * 31 + hold.days > HOLD_DAYS_MAX) {
        let message = format!("commission is held for at most {HOLD_DAYS_MAX} days");
        f.error(Code::BadValue, &at("hold"), message, Some("write \"90 days\" or \"6 months\"".to_owned()));
    }
    let budget = budget_of(place, table.budget.as_ref(), (false, around), f);
    let name = RuleId::try_from(format!("{COMMISSION}{id}"));
    if let Err(error) = &name {
        f.error(Code::BadId, &place, format!("the name of a commission {error}"), None);
    }
    let name = name.ok();
    let commission =
        Commission { tiers, base: base?, rate: rate?, tenor, payable: payable?, at_least: at_least.flatten(), lasts };
    Some(Rule {
        id: name?,
        on: table.on.clone(),
        gates: gates(&at("needs"), &table.needs, around.ladders, f),
        facts: facts(&conditions, commission.rate.by()),
        conditions,
        gives: Gives::Money(commission),
        times: factors,
        at_most,
        budget,
        hold,
        hold_if: Vec::new(),
        held_for: None,
        paused: paused(place, table.paused.as_ref(), f),
        why: table.why.clone(),
    })
}

/// What it is a rate of: said, or what goes without saying.
fn base(path: &[&str], table: &CommissionTable, f: &mut Findings<'_>) -> Option<Base> {
    let of_invoices = table.on == INVOICE;
    let plain = if of_invoices { Base::Invoiced } else { Base::FirstYear };
    let Some(words) = &table.base else { return Some(plain) };
    let base = f.take(path, Base::parse(words))?;
    if (base == Base::Invoiced) != of_invoices {
        let message = format!("`{words}` is not said of what {} looks at", table.on);
        f.error(Code::BadValue, path, message, Some(format!("write \"{}\", or leave it out", plain.words())));
    }
    Some(base)
}

/// What is said only of closings, or only of invoices.
fn only_for_one([first, id]: [&str; 2], table: &CommissionTable, f: &mut Findings<'_>) {
    let closings = "an invoice is paid already, and says nothing of the length of a contract: leave it out";
    let of_closing = [("tenor", !table.tenor.is_empty()), ("payable", table.payable != super::at_closing())];
    let wrong: Vec<(&str, &str)> = if table.on == INVOICE {
        of_closing.into_iter().filter(|(_, said)| *said).map(|(key, _)| (key, closings)).collect()
    } else {
        if table.on == INFLUENCE && table.payable != super::at_closing() {
            let help = "it is payable once the deal is closed, or after its `hold`: leave it out".to_owned();
            f.error(
                Code::BadValue,
                &[first, id, "payable"],
                format!("`payable` is not said of {}", table.on),
                Some(help),
            );
        }
        let invoices =
            "how long invoices pay; this pays when the deal closes: write on = \"invoice.paid\", or leave it out";
        table.lasts.iter().map(|_| ("for", invoices)).collect()
    };
    for (key, help) in wrong {
        let message = format!("`{key}` is not said of {}", table.on);
        f.error(Code::BadValue, &[first, id, key], message, Some(help.to_owned()));
    }
}

fn tiers(path: &[&str], words: &[String], around: &Around<'_>, f: &mut Findings<'_>) -> Vec<TierId> {
    let mut tiers = Vec::new();
    for word in words {
        let tier = TierId::try_from(word.as_str()).ok().filter(|tier| around.has_tier(None, tier));
        match tier {
            Some(tier) => tiers.push(tier),
            None => f.error(Code::UnknownTier, path, format!("no ladder has a tier `{word}`"), None),
        }
    }
    tiers
}

fn rate_table(path: &[&str], on: &str, table: &RateTable, declared: &Declared, f: &mut Findings<'_>) -> Option<Rate> {
    let scale = match table {
        RateTable::Fixed(fixed) => return rate(path, fixed, f).map(Rate::Fixed),
        RateTable::Scale(scale) => scale,
    };
    known(path, on, &scale.by, declared, f);
    let by = scale.by.clone();
    if scale.slices.is_some() && by.starts_with(PARTNER) {
        let message = format!("a deal has no slices by `{by}`");
        f.error(Code::BadValue, path, message, Some("write `bands`".to_owned()));
    }
    let mut steps = |steps: &[RateBand]| {
        let each = |band: &RateBand, f: &mut Findings<'_>| rate(path, &band.rate, f);
        let steps = steps.iter().map(|band| (&band.from, band.to.as_ref(), band));
        rising(path, steps, each, f)
    };
    match (&scale.bands, &scale.slices, &scale.table) {
        (Some(bands), None, None) => Some(Rate::Bands { by, bands: steps(bands)? }),
        (None, Some(slices), None) => Some(Rate::Slices { by, slices: steps(slices)? }),
        (None, None, Some(table)) => {
            let row = |(value, quoted): (&String, &Quoted)| Some((value.clone(), rate(path, quoted, f)?));
            Some(Rate::Table { by, table: table.iter().filter_map(row).collect() })
        }
        _ => f.take(path, Err("beside `by`, write either `bands`, or `slices`, or `table`".to_owned())),
    }
}

fn tenor(path: &[&str], table: &CommissionTable, f: &mut Findings<'_>) -> Vec<(u32, Decimal)> {
    let mut tenor = Vec::new();
    for (words, by) in &table.tenor {
        let months = words.strip_suffix(" months").and_then(|months| months.parse().ok());
        let months =
            months.filter(|months: &u32| (1..=TENOR_MAX).contains(months) && *words == format!("{months} months"));
        let months = f.take(path, months.ok_or_else(|| format!("`{words}` is no tenor; write \"36 months\"")));
        tenor.extend(months.zip(super::values::multiplier(path, by, f)));
    }
    tenor.sort_by_key(|(months, _)| *months);
    tenor
}

/// An amount of the program's currency, above zero.
pub(crate) fn least_of(path: &[&str], least: &Quoted, currency: &str, f: &mut Findings<'_>) -> Option<Decimal> {
    let least = positive(path, least, f)?;
    let fits = least.scale() <= decimals(currency);
    f.take(path, if fits { Ok(least) } else { Err(format!("{currency} has fewer decimals")) })
}

/// A commission is bounded in its own asset, and by amount only in the currency that it is paid in.
fn bounds(place: [&str; 2], on: &str, caps: &[Cap], has_floor: bool, around: &Around<'_>, f: &mut Findings<'_>) {
    for cap in caps {
        if cap.by != CapBy::Partner {
            let message = format!("`{}` counts by person, team or territory, and {on} names none", cap.words);
            f.error(
                Code::BadValue,
                &[place[0], place[1], "at_most"],
                message,
                Some("write \"... per partner ...\"".to_owned()),
            );
        }
        if let Some(field) = &cap.field {
            known_field(&[place[0], place[1], "at_most"], on, field, &around.declared.events, f);
        }
    }
    let amounts = |cap: &&Cap| cap.unit != CapUnit::Times;
    let key = if has_floor { "at_least" } else { "at_most" };
    if around.in_deals_currency && (has_floor || caps.iter().any(|cap| amounts(&cap))) {
        let message = "commissions are paid in the deal's currency, and this is an amount of the program's";
        let help = "leave it out, or write currency = \"of the program\" in [policy.commissions]".to_owned();
        f.error(Code::BadCurrency, &[place[0], place[1], key], message, Some(help));
        return;
    }
    for cap in caps.iter().filter(amounts) {
        let own = matches!(cap.unit, CapUnit::Money(currency) if currency == around.currency);
        if !own {
            let message = format!("`{}` bounds another asset; this pays {}", cap.words, around.currency);
            let help = format!("write \"5000 {} per partner per year\", or how often", around.currency);
            f.error(Code::BadCurrency, &[place[0], place[1], "at_most"], message, Some(help));
        }
    }
}

pub(crate) fn policy(table: &CommissionsTable, f: &mut Findings<'_>) -> Option<CommissionPolicy> {
    let at = |key| ["policy", "commissions", key];
    let mut one_of = |key, said: &str, no: &str, yes: &str| {
        let known = [(no, false), (yes, true)].into_iter().find(|(words, _)| *words == said);
        f.take(&at(key), known.map(|(_, flag)| flag).ok_or_else(|| format!("write \"{no}\" or \"{yes}\"")))
    };
    let (paid, again) = ("at the rate that was paid", "rated again");
    let in_deals_currency = one_of("currency", &table.currency, "of the program", "of the deal");
    let amended_again = one_of("amended_deals", &table.amended_deals, paid, again);
    let reversed_again = one_of("reversed_deals", &table.reversed_deals, paid, again);
    let owe_the_rest = one_of("clawback", &table.clawback, "forgiven", "netted from what becomes payable next");
    let at_most = table.at_most.as_ref().map(|most| rate(&at("at_most"), most, f));
    let margin = match (&table.gross_margin, &table.margin_floor) {
        (Some(margin), Some(floor)) => rate(&at("gross_margin"), margin, f).zip(rate(&at("margin_floor"), floor, f)),
        (None, None) => None,
        (Some(_), None) => {
            f.take(&at("gross_margin"), Err("write beside it what is to be left: margin_floor = \"40%\"".to_owned()))
        }
        (None, Some(_)) => {
            f.take(&at("margin_floor"), Err("write beside it what it is of: gross_margin = \"80%\"".to_owned()))
        }
    };
    if margin.is_some_and(|(margin, floor)| floor >= margin) {
        let message = "nothing is left for commissions: the floor is as high as the margin";
        f.error(Code::BadValue, &at("margin_floor"), message, Some("write less than gross_margin".to_owned()));
    }
    Some(CommissionPolicy {
        at_most: at_most.flatten(),
        margin,
        in_deals_currency: in_deals_currency?,
        amended_again: amended_again?,
        reversed_again: reversed_again?,
        owe_the_rest: owe_the_rest?,
    })
}
