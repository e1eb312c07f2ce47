//! From the file's words to a program, or to every error in them.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::check::{Diagnostic, Findings, from_reader, nearest};
use super::earning::{campaign, rule};
use super::file::{File, Head, NeedsTable, PolicyTable, Quoted, RewardTable};
use super::ladders::ladder;
use super::words::Cap;
use super::{Needs, Policy, Program, Registration, Reward, Tier};
use crate::event::SENT_TYPES;
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
    let slug = |id: &str| {
        id.len() <= 64
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !slug(&file.program.id) {
        f.error(
            &["program", "id"],
            "a program's id is a table key",
            Some("write small letters, digits and hyphens, as in \"hr-software\"".to_owned()),
        );
    }
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

pub(super) fn caps(path: &[&str], words: &[String], f: &mut Findings<'_>) -> Vec<Cap> {
    words.iter().filter_map(|w| f.take(path, Cap::parse(w))).collect()
}

pub(super) fn length(path: &[&str], words: &str, f: &mut Findings<'_>) -> Option<Length> {
    f.take(
        path,
        Length::parse(words)
            .ok_or_else(|| format!("`{words}` is no length; write \"30 days\", \"1 quarter\" or \"2 years\"")),
    )
}

pub(super) fn whole_points(path: &[&str], points: i64, f: &mut Findings<'_>) -> Option<i64> {
    if (0..=POINTS_MAX).contains(&points) {
        return Some(points);
    }
    f.take(path, Err(format!("points lie between 0 and {POINTS_MAX}")))
}

pub(super) fn decimal(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    f.take(path, parse_decimal(&quoted.0).map_err(|e| e.to_string()))
}

pub(super) fn positive(path: &[&str], quoted: &Quoted, f: &mut Findings<'_>) -> Option<Decimal> {
    let value = decimal(path, quoted, f)?;
    if value > Decimal::ZERO { Some(value) } else { f.take(path, Err("must be above zero".to_owned())) }
}
