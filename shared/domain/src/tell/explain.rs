//! Explaining: sentences for what records keep as values. Rendered when somebody reads, never stored.

use std::collections::BTreeMap;

use event::ids::{RuleId, TierId};
use event::{Kind, PartnerFacts};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::movement::{about, movement};
use crate::earn::{NEEDS, SEEN_CHARS_MAX, in_data, terms};
use crate::ledger::{
    ATTESTED_MAX, Asset, Below, Effect, MISSING, Milestone, Outcome, Posting, PostingKind, Reason, Record, Scope,
    TARGETS_MAX, Trial, Verdict, someday,
};
use program::{Base, CapUnit, PARTNER, Pause, Program, Rule, WHOLE};

/// Why one event earned what it earned.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The event's source.
    pub source: String,
    /// The event's id.
    pub id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Points earned, less points taken back.
    pub points: i64,
    /// Commission earned, less what was taken back, by currency: `{"USD": "10500.00"}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub commissions: BTreeMap<Asset, String>,
    /// Why, in one sentence.
    pub sentence: String,
    /// The reason, where it earned nothing or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Every rule that was tried.
    pub rules: Vec<RuleExplanation>,
    /// Points it earned; where it earned none, what the best of its rules would have given, matched and uncapped.
    pub would_have_earned: i64,
    /// Tiers it changed, in sentences.
    pub tier_changes: Vec<String>,
    /// How far the partner has come with it that was new: `trained`, `productive` (M29).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<&'static str>,
    /// The program version it earned by.
    pub program_version: u32,
    /// The engine's edition.
    pub edition: u16,
    /// When it was decided.
    pub decided_at: String,
}

/// What one rule said.
#[derive(Clone, Debug, Serialize)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: RuleId,
    /// `gave`, `unmatched`, `capped` or `nothing`.
    pub verdict: &'static str,
    /// Points it gave.
    pub points: i64,
    /// Points it is worth for this event, matched and uncapped.
    pub would_have_earned: i64,
    /// What a commission rule paid, as `10500.00 USD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commission: Option<String>,
    /// What a commission rule is worth for this event, matched and uncapped, as `10500.00 USD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_have_paid: Option<String>,
    /// What came of it, in a sentence.
    pub sentence: String,
    /// The first condition that did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedCondition>,
    /// The vendor's own reason for the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A condition that did not hold, with the value seen.
#[derive(Clone, Debug, Serialize)]
pub struct FailedCondition {
    /// The field.
    pub field: String,
    /// What was asked of it.
    pub wanted: String,
    /// What it was.
    pub seen: Option<String>,
}

/// Explains a record, by the program version it earned by where that is known.
pub fn explain(record: &Record, program: Option<&Program>) -> Explanation {
    let rules: Vec<RuleExplanation> = record.trials.iter().map(|trial| explain_trial(record, trial, program)).collect();
    let points = earned(&record.postings);
    let commissions = paid(&record.postings);
    Explanation {
        source: record.identity.source.to_string(),
        id: record.identity.id.to_string(),
        kind: record.kind.to_string(),
        outcome: record.outcome,
        points,
        sentence: scope(record) + &headline(record, points, &commissions),
        commissions: commissions.into_iter().map(|(asset, amount)| (asset, asset.amount(amount))).collect(),
        reason: record.reason.clone(),
        would_have_earned: if points > 0 {
            points
        } else {
            rules.iter().map(|r| r.would_have_earned).max().unwrap_or(0)
        },
        rules,
        tier_changes: record.effects.iter().filter_map(tier_sentence).collect(),
        milestones: record.effects.iter().filter_map(Effect::milestone).map(Milestone::word).collect(),
        program_version: record.version(),
        edition: record.edition,
        decided_at: record.decided_at.to_string(),
    }
}

/// Points that postings brought or took, redemptions aside.
pub fn earned(postings: &[Posting]) -> i64 {
    sums(postings).filter(|(asset, _)| asset.is_points()).map(|(_, sum)| sum).sum()
}

/// Commission that postings brought or took, by currency, in minor units.
pub fn paid(postings: &[Posting]) -> BTreeMap<Asset, i64> {
    let mut paid = BTreeMap::new();
    for (asset, sum) in sums(postings).filter(|(asset, _)| !asset.is_points()) {
        *paid.entry(asset).or_default() += sum;
    }
    paid.retain(|_, sum| *sum != 0);
    paid
}

fn sums(postings: &[Posting]) -> impl Iterator<Item = (Asset, i64)> {
    let counts = |p: &&Posting| match p.kind {
        PostingKind::Accrual | PostingKind::Netting | PostingKind::Reversal => true,
        // What is set aside, held, spent, paid or comes back was earned before.
        PostingKind::Release
        | PostingKind::Expiry
        | PostingKind::Reservation
        | PostingKind::Redemption
        | PostingKind::Cancellation
        | PostingKind::Payout => false,
    };
    postings.iter().filter(counts).map(|posting| (posting.asset, posting.sum()))
}

/// The territory or the vertical that a record is about: `territory US-NY: `.
fn scope(record: &Record) -> String {
    record.happened().and_then(|kind| Scope::of(&kind)).map(|of| format!("{of}: ")).unwrap_or_default()
}

fn headline(record: &Record, points: i64, commissions: &BTreeMap<Asset, i64>) -> String {
    let all = |wanted: fn(i64) -> bool| -> String {
        let those = commissions.iter().filter(|(_, sum)| wanted(**sum));
        those.map(|(asset, sum)| asset.told(sum.abs())).collect::<Vec<_>>().join(" and ")
    };
    let (given, taken) = (all(|sum| sum > 0), all(|sum| sum < 0));
    match (&record.reason, record.outcome) {
        (Some(Reason::CommissionTakenBack), _) if !taken.is_empty() => {
            format!("{taken} of an earlier commission was taken back")
        }
        (Some(reason), _) if !taken.is_empty() => format!("{}; {taken} of commission was taken back", sentence(reason)),
        (Some(reason), Outcome::Awarded) => format!("{}; {}", awarded(record, points, given, taken), sentence(reason)),
        (Some(reason), _) => sentence(reason),
        (None, Outcome::Awarded) => awarded(record, points, given, taken),
        (None, Outcome::Applied) if looked_at(record).is_some() => looked_at(record).unwrap_or_default(),
        // A step of Laurel's own: what it moved says what it is.
        (None, Outcome::Applied) if !record.postings.is_empty() => movement(record, &record.postings[0], None),
        (None, Outcome::Applied) => errand(record).unwrap_or_else(|| record.outcome.word().to_owned()),
        (None, outcome) => outcome.word().replace('_', " "),
    }
}

/// What staff said of awards that were held for their looks, and why (M40).
fn looked_at(record: &Record) -> Option<String> {
    let sum = |kind: PostingKind| -> i64 {
        record.postings.iter().filter(|posting| posting.kind == kind).map(|posting| posting.amount).sum()
    };
    Some(match record.happened()? {
        Kind::AwardReleased { .. } => {
            let released = Asset::Points.told(sum(PostingKind::Release));
            match sum(PostingKind::Netting) {
                0 => format!("{released} that were held are yours"),
                owed => format!("{released} that were held are yours, {owed} of them against what was owed"),
            }
        }
        Kind::AwardWithdrawn { reason, .. } => {
            format!("{} that were held are taken back: {reason}", Asset::Points.told(sum(PostingKind::Reversal)))
        }
        _ => return None,
    })
}

/// What an award gave, and what it took back of others.
fn awarded(record: &Record, points: i64, given: String, taken: String) -> String {
    // By what gave something here, also where a deal was rated again.
    let gave = |posting: &&Posting| posting.is_award();
    let mut rules: Vec<&str> = Vec::new();
    for rule in record.postings.iter().filter(gave).filter_map(|posting| posting.rule.as_ref()) {
        if !rules.contains(&rule.as_str()) {
            rules.push(rule.as_str());
        }
    }
    let about = about(record).map(|about| format!(" for {about}")).unwrap_or_default();
    let earned = (points > 0 || (given.is_empty() && taken.is_empty())).then(|| Asset::Points.told(points));
    let earned: Vec<String> = earned.into_iter().chain((!given.is_empty()).then_some(given)).collect();
    let lost = (points < 0).then(|| Asset::Points.told(-points));
    let lost: Vec<String> = lost.into_iter().chain((!taken.is_empty()).then_some(taken)).collect();
    let rules = rules.join(", ");
    match (earned.is_empty(), lost.is_empty()) {
        (false, true) => format!("{}{about} by {rules}", earned.join(" and ")),
        (false, false) => {
            format!("{}{about} by {rules}; {} was taken back", earned.join(" and "), lost.join(" and "))
        }
        (true, _) => format!("{} was taken back{about}, all in all", lost.join(" and ")),
    }
}

/// What Laurel had to tell by an event of its own.
fn errand(record: &Record) -> Option<String> {
    Some(match record.happened()? {
        Kind::LeaseEnding { opportunity_id, until, .. } => {
            format!("opportunity {opportunity_id} is yours alone until the day before {until}")
        }
        Kind::BudgetFunded { .. } | Kind::BudgetReduced { .. } => pools_told(record)?,
        Kind::BidLost { opportunity_id } => format!("another partner won the tender for opportunity {opportunity_id}"),
        Kind::PayoutStanding { payout_id } => {
            format!("payout {payout_id} is on its way still; finance was asked for an answer")
        }
        _ => return None,
    })
}

/// What was put into a pool, or taken out of it.
fn pools_told(record: &Record) -> Option<String> {
    let moved = record.pools().map(|(part, funded, _)| (&part.pool, funded));
    let (pool, funded) = moved.reduce(|(pool, sum), (_, funded)| (pool, sum.saturating_add(funded)))?;
    let word = if funded < 0 { "taken out of" } else { "put into" };
    Some(format!("{} {word} the {pool}", pool.told(funded.saturating_abs())))
}

fn explain_trial(record: &Record, trial: &Trial, program: Option<&Program>) -> RuleExplanation {
    let rule = program.and_then(|program| program.rules.get(&trial.rule));
    let (verdict, failed) = match &trial.verdict {
        Verdict::Gave { .. } => ("gave", None),
        Verdict::Unmatched { field, seen, .. } => {
            let (wanted, seen) = match seen {
                Some(gate) if field == NEEDS => (gate.clone(), None),
                _ => (wanted(rule, field), seen_of(record, field, seen.as_ref())),
            };
            ("unmatched", Some(FailedCondition { field: field.clone(), wanted, seen }))
        }
        Verdict::Capped { .. } => ("capped", None),
        Verdict::Spent { .. } => ("budget_spent", None),
        Verdict::Paused { .. } => ("paused", None),
        Verdict::Nothing { .. } => ("nothing", None),
        Verdict::RatedAgain { .. } => ("rated_again", None),
        Verdict::TruedUp { .. } => ("trued_up", None),
    };
    let (moved, is_points) = (moved_by(record, &trial.rule), trial.asset.is_points());
    RuleExplanation {
        rule: trial.rule.clone(),
        verdict,
        points: if is_points { moved } else { 0 },
        would_have_earned: if is_points { trial.worth } else { 0 },
        commission: (!is_points).then(|| trial.asset.told(moved)),
        would_have_paid: (!is_points).then(|| trial.asset.told(trial.worth)),
        sentence: trial_sentence(record, trial, program),
        failed,
        why: rule.and_then(|rule| rule.why.clone()),
    }
}

/// What a rule gave in a record, less what was taken back of it.
fn moved_by(record: &Record, rule: &RuleId) -> i64 {
    record.postings.iter().filter(|posting| posting.rule.as_ref() == Some(rule)).map(Posting::sum).sum()
}

/// What a field was: as a trial kept it, else as the event's data says.
fn seen_of(record: &Record, field: &str, kept: Option<&String>) -> Option<String> {
    let said = || Some(in_data(&record.happened()?, field)?.chars().take(SEEN_CHARS_MAX).collect());
    kept.cloned().or_else(said)
}

/// What a rule asks of a field, in the vendor's words.
fn wanted(rule: Option<&Rule>, field: &str) -> String {
    let tiers = rule.and_then(Rule::commission).filter(|_| field == "tier").map(|commission| &commission.tiers);
    if let Some(tiers) = tiers {
        return tiers.iter().map(TierId::as_str).collect::<Vec<_>>().join(" or ");
    }
    let share = rule.and_then(Rule::commission).filter(|commission| commission.base == Base::Invoiced);
    match (field, share.map(|share| share.lasts)) {
        ("on", Some(_)) => return "no commission at closing".to_owned(),
        ("for", Some(Some(lasts))) => return format!("invoices within {lasts} of the closing"),
        ("deal", Some(_)) => return "a deal that stands".to_owned(),
        _ => {}
    }
    let condition = rule.and_then(|rule| rule.conditions.iter().find(|condition| condition.field == field));
    condition.map_or_else(|| "something else".to_owned(), |condition| condition.words.clone())
}

/// What is stated of the partner that a rule went by.
fn facts_told(stated: &PartnerFacts, rule: Option<&Rule>) -> String {
    let names = rule.into_iter().flat_map(|rule| &rule.facts);
    let told = names.map(|name| match stated.get(name) {
        Some(said) => format!("{PARTNER}{name} is {said}"),
        None => format!("{PARTNER}{name} is not stated"),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// Why what a rule gave is held for its looks, and until when (M40).
fn held_told(record: &Record, trial: &Trial) -> String {
    let held = record.effects.iter().find_map(|effect| match effect {
        Effect::Suspected { rule, release, why, .. } if *rule == trial.rule => Some((release.day, why)),
        _ => None,
    });
    match held {
        Some((day, why)) if day == someday() => format!(", held at first, until somebody has looked at it: {why}"),
        Some((day, why)) => format!(", held at first, until {day} or until somebody has looked at it: {why}"),
        None => String::new(),
    }
}

/// What came of trying a rule, in a sentence; with the words of the program where it is known.
pub fn trial_sentence(record: &Record, trial: &Trial, program: Option<&Program>) -> String {
    let (asset, moved) = (trial.asset, moved_by(record, &trial.rule));
    let rule = program.and_then(|program| program.rules.get(&trial.rule));
    match &trial.verdict {
        Verdict::Gave { times, cut_by } => {
            let times = times_told(times);
            let worth = asset.amount(trial.worth);
            let cut = cut_by.as_ref().map(|cap| format!(", cut from {worth} by \"{cap}\"")).unwrap_or_default();
            let (terms, after) = commission_terms(record, (trial, rule), program).unwrap_or_default();
            let share = share_told(record, rule);
            let held = held_told(record, trial);
            let facts = facts_told(record.stated_now(), rule);
            format!("{}{terms}{times}{share}{after}{cut}{held}{facts}", asset.told(moved))
        }
        // Of what a commission paid when the deal closed.
        Verdict::Unmatched { field, .. } if field == "on" => {
            "this commission was of the deal's closing, and pays none of its invoices".to_owned()
        }
        Verdict::Unmatched { field, seen: Some(gate), .. } if field == NEEDS => {
            format!("the rule is for who has {gate}")
        }
        Verdict::Unmatched { field, seen, .. } => {
            let seen = seen_of(record, field, seen.as_ref()).map_or("missing".to_owned(), |s| format!("`{s}`"));
            format!("`{field}` is {seen}; the rule asks for `{}`", wanted(rule, field))
        }
        Verdict::Capped { cap, used, .. } => {
            format!("the cap \"{cap}\" is used up ({} so far)", used_told(rule, cap, *used))
        }
        Verdict::Spent { budget, left, .. } if *left > 0 => {
            let (left, worth) = (asset.told(*left), asset.told(trial.worth));
            format!("it is worth {worth}, and the {budget} has no more than {left} left")
        }
        Verdict::Spent { budget, .. } => format!("nothing is left of the {budget}"),
        Verdict::Paused { until } => {
            let pause = rule.and_then(|rule| rule.paused.as_ref());
            let when = pause.map_or_else(|| paused_until(*until), Pause::words);
            let why = pause.and_then(|pause| pause.why.as_ref()).map(|why| format!(": {why}")).unwrap_or_default();
            format!("the rule is paused {when}{why}")
        }
        Verdict::Nothing { .. } => match commission_terms(record, (trial, rule), program) {
            Some((terms, _)) if !terms.starts_with(": 0%") => format!("it matched, and comes to nothing{terms}"),
            Some(_) | None => {
                let why = "it matched, and gives nothing for this value (below its lowest band, or not in its table)";
                format!("{why}{}", facts_told(record.stated_now(), rule))
            }
        },
        Verdict::RatedAgain { short, times } | Verdict::TruedUp { short, times } => {
            let sign = if moved < 0 { "-" } else { "+" };
            let moved = asset.told(moved.saturating_abs());
            let share = share_told(record, rule);
            let short = short.as_ref().map(|budget| format!("; the {budget} had no more")).unwrap_or_default();
            let times = times_told(times);
            // Of a correction it was stated when the deal closed.
            let facts = facts_told(record.stated(), rule);
            format!(
                "the deal's award is worth {} now{times}{share}; {sign}{moved}{short}{facts}",
                asset.told(trial.worth)
            )
        }
    }
}

/// The end of a pause in words, where the rule is not known.
fn paused_until(until: Option<Date>) -> String {
    let last = until.and_then(|until| until.yesterday().ok());
    last.map_or_else(|| "until another version says otherwise".to_owned(), |last| format!("until the end of {last}"))
}

/// What multiplied it: `, 1.2 times for tier gold`.
fn times_told(times: &[(String, Decimal)]) -> String {
    times.iter().map(|(name, by)| format!(", {by} times for {name}")).collect::<Vec<_>>().concat()
}

/// The partner's share in the deal by which a commission was paid, in basis points.
fn share_of(record: &Record, rule: Option<&Rule>) -> u32 {
    let share = record.effects.iter().find_map(|effect| match effect {
        Effect::Share { points } => Some(*points),
        _ => None,
    });
    let of_deal = rule.and_then(Rule::commission).is_some_and(|commission| commission.base != Base::Invoiced);
    share.filter(|_| of_deal).unwrap_or(WHOLE)
}

/// It in words, where others have one too: `, for a share of 94% in the deal`.
fn share_told(record: &Record, rule: Option<&Rule>) -> String {
    let share = share_of(record, rule);
    let percent = Decimal::from(share).checked_div(Decimal::ONE_HUNDRED).unwrap_or_default().normalize();
    if share < WHOLE { format!(", for a share of {percent}% in the deal") } else { String::new() }
}

/// What a commission is a rate of, and what bounds it: `: 7% of 100000.00 USD first-year value`.
fn commission_terms(
    record: &Record,
    (trial, rule): (&Trial, Option<&Rule>),
    program: Option<&Program>,
) -> Option<(String, String)> {
    let (program, commission) = (program?, rule?.commission()?);
    let (terms, after) = terms(
        program,
        commission,
        (&record.happened()?, record.stated_now()),
        (trial.verdict.factor(), share_of(record, rule)),
    )?;
    Some((format!(": {terms}"), after))
}

/// How much of a cap is used, in its own unit.
fn used_told(rule: Option<&Rule>, words: &str, used: i64) -> String {
    let cap = rule.and_then(|rule| rule.at_most.iter().find(|cap| cap.words == words));
    match cap.map(|cap| cap.unit) {
        Some(CapUnit::Money(currency)) => Asset::Money(currency).told(used),
        Some(CapUnit::Times | CapUnit::Points) | None => used.to_string(),
    }
}

fn tier_sentence(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Tier { motion, from: Some(from), to, on, as_of: None, .. } => {
            Some(format!("{motion}: {from} -> {to} from {on}"))
        }
        Effect::Tier { motion, from: Some(from), to, on, as_of: Some(as_of), short } => {
            Some(format!("{motion}: {from} -> {to} from {on}, reviewed as of {as_of}{}", in_brackets(short)))
        }
        Effect::Tier { motion, from: None, to, on, .. } => Some(format!("{motion}: starts as {to} from {on}")),
        Effect::Reviewed { motion, as_of, below: Some(below), short, .. } => {
            let Below { times, of } = *below;
            let due = if below.is_due() { "due to be pruned".to_owned() } else { format!("to be pruned after {of}") };
            let short = in_brackets(short);
            Some(format!("{motion}: as of {as_of} below what is asked of everybody{short}, {times} in a row; {due}"))
        }
        Effect::Reviewed { motion, as_of, demotes_on: Some(day), short, .. } => Some(format!(
            "{motion}: as of {as_of} below what keeps the tier{}; lost at the first review as of {day} or later",
            in_brackets(short)
        )),
        _ => None,
    }
}

fn in_brackets(short: &str) -> String {
    if short.is_empty() { String::new() } else { format!(" ({short})") }
}

/// A reason in a sentence that a partner can read. Names no other partner (I16).
pub fn sentence(reason: &Reason) -> String {
    match reason {
        Reason::NoRuleForType => "no rule of the program looks at events of this type".to_owned(),
        Reason::NoRuleMatched => "no rule matched".to_owned(),
        Reason::CapReached { cap } => format!("the cap \"{cap}\" is reached"),
        Reason::RulePaused { until } => format!("a rule that looks at it is paused {}", paused_until(*until)),
        Reason::BudgetSpent { budget } => format!("too little is left of the {budget}"),
        Reason::BudgetShort { is_left } => format!("no more than {is_left} are left of the budget"),
        Reason::SlotBooked { slot } => format!("a slot is the partner's: {slot}"),
        Reason::SlotReleased { slot } => format!("a slot is free again: {slot}"),
        Reason::NoSlotLeft { slot } => format!("no slot is left: {slot}"),
        Reason::SlotsHeld => "the partner has as many slots of it as it may".to_owned(),
        Reason::NoSlot => "the partner has no such slot".to_owned(),
        Reason::NothingHeld => "nothing of it is held: it was released or withdrawn before, or was never held".to_owned(),
        Reason::SlotOver => "the time of the slot is over".to_owned(),
        Reason::Exclusive { until: Some(until) } => format!("it is the partner's alone until the day before {until}"),
        Reason::Exclusive { until: None } => "it is the partner's alone".to_owned(),
        Reason::ExclusiveKept => "it was reviewed, and stays the partner's alone".to_owned(),
        Reason::ExclusiveUnreviewed => "no review of it was due: it stays the partner's alone".to_owned(),
        Reason::ExclusivePast => "the day until which it was to be is over".to_owned(),
        Reason::ExclusiveAtRisk { until, needs } => format!(
            "what keeps it is not met ({needs}): it is lost at the first review as of {until} or later, unless it is kept by then"
        ),
        Reason::ExclusiveLost { needs } => {
            format!("what keeps it is not met ({needs}): it is the partner's alone no longer")
        }
        Reason::ExclusiveOver => "it is the partner's alone no longer".to_owned(),
        Reason::ExclusiveTaken => "it is another partner's alone".to_owned(),
        Reason::ExclusiveNotEarned { needs } => format!("what earns it is not met: {needs}"),
        Reason::NotExclusive => "it is not the partner's alone".to_owned(),
        Reason::ExclusiveMany => "as many territories and verticals are the partner's alone as may be".to_owned(),
        Reason::EnrolledLater => "a later enrolment of the partner is known, and counts".to_owned(),
        Reason::AlreadyEnrolled => "the partner was enrolled before; its facts are updated".to_owned(),
        Reason::TookBack { points, expired: 0 } => format!("{points} points of an earlier award were taken back"),
        Reason::TookBack { points, expired } if points == expired => {
            format!("{points} points of an earlier award were taken back; they had expired unspent")
        }
        Reason::TookBack { points, expired } => {
            format!("{points} points of an earlier award were taken back; {expired} of them had expired unspent")
        }
        Reason::BooksOpen => {
            "the books of its target's period are open still: it is trued up once they have closed".to_owned()
        }
        Reason::Productive => "the partner is productive in the time that it had".to_owned(),
        Reason::OnboardingLate { needs } => format!("its time to be productive is over, and this is not met: {needs}"),
        Reason::PlanDue { needs } => format!("an improvement plan is due: this is not met still: {needs}"),
        Reason::AttestedMany => {
            format!("{ATTESTED_MAX} criteria are attested of the partner, and no more are kept")
        }
        Reason::TargetsMany => {
            format!("{TARGETS_MAX} targets are set for periods that are not over; there is room once some are")
        }
        Reason::TruedUp => "it is paid by what its target was attained by in the end".to_owned(),
        Reason::CommissionTakenBack => "commission of an earlier award was taken back".to_owned(),
        Reason::CustomerPaid => "the customer paid, for which commission of the deal had waited".to_owned(),
        Reason::PaidOut => "the payout reached the partner".to_owned(),
        Reason::PayoutReturned => "the payout came back, and is payable again".to_owned(),
        Reason::PayoutNotOpen => "no payout of this name is on its way".to_owned(),
        Reason::OtherPayee => "who is paid, or what is withheld, was stated otherwise meanwhile".to_owned(),
        Reason::NotEnoughPayable => "less is payable than was to be paid".to_owned(),
        Reason::Unchanged => "the deal was rated again and earns what it earned".to_owned(),
        Reason::NoProgram => "the event is older than the program's first version".to_owned(),
        Reason::PartnerSuspended => "the partner is suspended".to_owned(),
        Reason::PartnerOffboarded => "the partner has left the program".to_owned(),
        Reason::OpportunityTaken { until } => {
            format!("another partner registered this opportunity first and has it to itself until {until}")
        }
        Reason::OpportunityFull => "as many partners as may registered this opportunity before".to_owned(),
        Reason::NoLease => "no opportunity is the partner's alone by this deal".to_owned(),
        Reason::LeasedUntil { until } => format!("others may register the opportunity from {until} on, and not before"),
        Reason::TargetTaken => "the target is set".to_owned(),
        Reason::OpportunityRegistered => "you registered this opportunity before".to_owned(),
        Reason::DealOfAnotherPartner => "the deal belongs to another partner".to_owned(),
        Reason::OwnDeal => "the deal is the partner's own".to_owned(),
        Reason::SharedByMany => {
            "as many partners as may have a share in the deal already, or this one's was said as often as it may be"
                .to_owned()
        }
        Reason::SharedAway => "more than there is of the deal would be shared".to_owned(),
        Reason::ShareNoted => {
            "the partner has a share in the deal: what it is paid for that stands in its own history once the deal is closed"
                .to_owned()
        }
        Reason::AfterClosing => "the deal was closed before; what is said of it now changes nobody's share".to_owned(),
        Reason::DealMoved => {
            "the deal moved to another partner; what it earns from now on is that partner's".to_owned()
        }
        Reason::NewOwnerLeft => "the partner to whom the deal was to move has left the program".to_owned(),
        Reason::AlreadyRegistered => "the deal was registered before".to_owned(),
        Reason::AlreadyQualified => "the deal was qualified before".to_owned(),
        Reason::AlreadyClosed => "the deal was closed before".to_owned(),
        Reason::DealLost => "the deal was lost".to_owned(),
        Reason::AlreadyReversed => "the deal was reversed before".to_owned(),
        Reason::Superseded => "another event says otherwise and counts: of a later time, or of the same instant".to_owned(),
        Reason::OtherCurrency { deal, event } => format!("the deal is in {deal}, this is in {event}"),
        Reason::UnknownReward => "there is no such reward".to_owned(),
        Reason::Retired => "the reward is no longer given".to_owned(),
        Reason::NotEnoughPoints { needed, available } => format!("it costs {needed} points, {available} are available"),
        Reason::OutOfStock { left } => format!("{left} are left in stock"),
        Reason::TierTooLow { needs } => format!("the tier {needs} is needed"),
        Reason::GateNotPassed { needs } if needs.contains(MISSING) => format!("needed first: {needs}"),
        Reason::GateNotPassed { needs } => format!("{needs} is needed first"),
        Reason::WrongState { status } => format!("the redemption is {status}"),
        Reason::Declined => "the provider declined; the points are back".to_owned(),
        Reason::Cancelled => "cancelled; the points are back".to_owned(),
    }
}
