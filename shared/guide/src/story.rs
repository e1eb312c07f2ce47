//! A story: what happens to a partner, as a program file tells it, and the ledger that it makes.
//!
//! An `[[example]]` of the file is one, and so is the witness of a warning: each is played by the code that decides on AWS, and told in
//! the same lines: the events of a witness may be pasted into the file as an example, where it does not begin on a tier.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use domain::decide::{due_on, states};
use domain::ledger::{
    Account, Asset, Bucket, Effect, Outcome, Posting, PostingKind, Reason, Record, Reviewed, Standing,
};
use domain::tell::{sentence, trial_sentence};
use event::Unreadable;
use event::catalogue::is_of_program;
use event::ids::{Motion, PartnerId, TierId, matches_pattern};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use program::{Diagnostic, Program, Programs, Version, too_large};
use replay::World;
use serde_json::{Map, Value, json};

use crate::field::{fields_of, is_money};

/// Of whom a story is that names nobody.
pub const PARTNER: &str = "partner";
/// Most days that a story lasts: longer than any window, contract or expiry that a year's example has to reach.
const DAYS_MAX: i32 = 366 * 12;

/// A story happens in these years: what reaches beyond is no date that anybody means, and ends what a calendar holds.
pub(crate) const DAYS_FROM_YEAR: i16 = 1970;
/// The first year in which none does any more.
pub(crate) const DAYS_UNTIL_YEAR: i16 = 9000;

/// What happens, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// What happens.
    pub steps: Vec<Step>,
    /// Until when what comes by itself is told: releases, reviews, expiries. The last step's day where it says nothing.
    pub until: Option<Date>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The day, in the program's time zone: at noon.
    pub on: Date,
    /// What.
    pub what: What,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A partner's event, with its members as a program file writes them: money as `"48000"` in the program's currency, or `"48000 EUR"`.
    Event {
        /// Its type.
        kind: String,
        /// Whose; [`PARTNER`] where it says nobody.
        partner: Option<String>,
        /// Its members.
        data: Map<String, Value>,
    },
    /// A partner asks for a reward, and is sent it.
    Redeem {
        /// Whose points.
        partner: Option<String>,
        /// The reward.
        reward: String,
        /// How many.
        quantity: i64,
    },
}

/// A step that cannot happen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which of the steps.
    pub step: usize,
    /// Why.
    pub message: String,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day it was decided on, in the program's time zone.
    pub on: Date,
    /// What moved or changed.
    pub what: String,
    /// Of what tells a reason by its code, the reason in a sentence for people.
    pub why: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.on, self.what)
    }
}

impl Step {
    /// An event of [`PARTNER`].
    pub fn event(on: Date, kind: &str, data: Value) -> Self {
        let data = data.as_object().cloned().unwrap_or_default();
        Self { on, what: What::Event { kind: kind.to_owned(), partner: None, data } }
    }

    fn partner(&self) -> &str {
        let (What::Event { partner, .. } | What::Redeem { partner, .. }) = &self.what;
        partner.as_deref().unwrap_or(PARTNER)
    }

    /// Whether it enrols somebody.
    fn enrols(&self) -> bool {
        matches!(&self.what, What::Event { kind, .. } if kind == "partner.enrolled")
    }
}

/// As a program file writes it: one line of an example's `events`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ on = \"{}\"", self.on)?;
        let (What::Event { partner, .. } | What::Redeem { partner, .. }) = &self.what;
        if let Some(partner) = partner {
            write!(f, ", partner = {}", in_toml(&json!(partner)))?;
        }
        match &self.what {
            What::Event { kind, data, .. } => {
                write!(f, ", type = \"{kind}\"")?;
                data.iter().try_for_each(|(name, value)| write!(f, ", {name} = {}", in_toml(value)))?;
            }
            What::Redeem { reward, quantity, .. } => write!(f, ", redeem = \"{reward}\", quantity = {quantity}")?,
        }
        f.write_str(" }")
    }
}

/// A value as TOML writes it on one line.
fn in_toml(value: &Value) -> String {
    match value {
        // A basic string of TOML escapes as JSON does.
        Value::Array(all) => format!("[{}]", all.iter().map(in_toml).collect::<Vec<_>>().join(", ")),
        Value::Object(all) => {
            let members = all.iter().map(|(name, value)| format!("{} = {}", json!(name), in_toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A program to play stories by.
#[derive(Clone, Debug)]
pub struct Ground {
    programs: Programs,
}

impl Ground {
    /// By a program file.
    ///
    /// # Errors
    /// That it is too large, or the errors of its form.
    pub fn of(text: &str) -> Result<Self, Vec<Diagnostic>> {
        if let Some(too_large) = too_large(text) {
            return Err(vec![too_large]);
        }
        let program = Arc::new(Program::parse(text)?);
        let hash = Version::content_hash(text);
        let version = Version { number: 1, hash, effective_from: Timestamp::MIN, program };
        Ok(Self { programs: Programs::new(vec![version]).ok_or_else(Vec::new)? })
    }

    /// The same, in which no rule is paused: what a rule gives is asked so, and its pause is told beside.
    pub(crate) fn without_pauses(&self) -> Self {
        let version = &self.programs.all()[0];
        let mut program = Program::clone(&version.program);
        program.rules.values_mut().for_each(|rule| rule.paused = None);
        let version = Version { program: Arc::new(program), ..version.clone() };
        Self { programs: Programs::new(vec![version]).unwrap_or_else(|| self.programs.clone()) }
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.programs.all()[0].program
    }
}

/// Plays a story: the ledger that it makes, and the world that it leaves.
///
/// Who is not enrolled in it is enrolled the day before, in every motion; that is not told.
///
/// # Errors
/// [`Wrong`]: the first step that cannot happen.
pub fn play(ground: &Ground, story: &Story) -> Result<(Vec<Line>, World), Wrong> {
    play_holding(ground, story, &[])
}

/// Plays a story in whose last step the partner holds these tiers, however it came by them.
pub(crate) fn play_holding(
    ground: &Ground,
    story: &Story,
    tiers: &[(Motion, TierId)],
) -> Result<(Vec<Line>, World), Wrong> {
    let program = ground.program();
    let Some(first) = story.steps.iter().map(|step| step.on).min() else {
        return Err(Wrong { step: 0, message: "nothing happens: write at least one event".to_owned() });
    };
    let days_of = story.steps.iter().map(|step| step.on).chain(story.until);
    if let Some(odd) = days_of.clone().find(|day| !(DAYS_FROM_YEAR..DAYS_UNTIL_YEAR).contains(&day.year())) {
        let message = format!("{odd} is no day of a story; it lies between {DAYS_FROM_YEAR} and {DAYS_UNTIL_YEAR}");
        return Err(Wrong { step: story.steps.iter().position(|step| step.on == odd).unwrap_or(0), message });
    }
    let begins = noon(program, first);
    let days = |day: Date| first.until(day).map_or(i32::MAX, |span| span.get_days());
    let mut world = World::with(ground.programs.clone(), begins - SignedDuration::from_hours(24));
    for partner in story.steps.iter().map(Step::partner).collect::<BTreeSet<_>>() {
        if !story.steps.iter().any(|step| step.enrols() && step.partner() == partner) {
            enrol(&mut world, program, partner).map_err(|message| Wrong { step: 0, message })?;
        }
    }
    for reward in program.rewards.keys() {
        world.load_stock(reward, 1_000_000);
    }
    let mut told = world.records.len();
    let mut lines = Vec::new();
    for (at, step) in story.steps.iter().enumerate() {
        let wrong = |message: String| Wrong { step: at, message };
        let noon = noon(program, step.on);
        if noon < world.now {
            return Err(wrong(format!("{} lies before the step before it; write them in their order", step.on)));
        }
        if days(step.on) > DAYS_MAX {
            return Err(wrong(format!("{} lies more than twelve years after the first day", step.on)));
        }
        pass(&mut world, program, step.on);
        tell(&world, program, &mut told, &mut lines);
        world.now = noon;
        if at + 1 == story.steps.len() {
            hold(&mut world, tiers, step.on);
        }
        let waits = happen(&mut world, program, at, step).map_err(wrong)?;
        tell(&world, program, &mut told, &mut lines);
        if let Some(what) = waits {
            lines.push(Line { on: step.on, what, why: None });
        }
    }
    if let Some(until) = story.until {
        if story.steps.last().is_some_and(|last| until < last.on) {
            let message = format!("`until` is {until}, before the last of what happens");
            return Err(Wrong { step: story.steps.len() - 1, message });
        }
        if days(until) > DAYS_MAX {
            let message = format!("{until} lies more than twelve years after the first day");
            return Err(Wrong { step: story.steps.len() - 1, message });
        }
        pass(&mut world, program, until.tomorrow().unwrap_or(until));
        tell(&world, program, &mut told, &mut lines);
    }
    Ok((lines, world))
}

fn hold(world: &mut World, tiers: &[(Motion, TierId)], since: Date) {
    let partner = PartnerId::try_from(PARTNER).ok();
    let Some(account) = partner.and_then(|partner| world.accounts.get_mut(&partner)) else { return };
    for (motion, tier) in tiers {
        stand(account, motion, tier, since);
    }
}

/// Has a partner hold a tier.
pub(crate) fn stand(account: &mut Account, motion: &Motion, tier: &TierId, since: Date) {
    let standing = Standing { tier: tier.clone(), since, reviewed: Reviewed::default(), demotes_on: None, below: 0 };
    account.head.tiers.insert(motion.clone(), standing);
}

/// Noon of a day in the program's time zone.
fn noon(program: &Program, day: Date) -> Timestamp {
    program.calendar.start_of(day) + SignedDuration::from_hours(12)
}

/// Whether anybody may be enrolled: else nothing is of any partner, and all that is sent waits.
pub(crate) fn may_enrol(program: &Program) -> bool {
    program.sources.iter().any(|(_, kinds)| kinds.iter().any(|kind| matches_pattern(kind, "partner.enrolled")))
}

fn enrol(world: &mut World, program: &Program, partner: &str) -> Result<(), String> {
    if !may_enrol(program) {
        return Err("no source may send `partner.enrolled`, so that nobody takes part: say so in [sources]".to_owned());
    }
    let motions: Vec<&str> = program.motions().into_iter().map(|motion| motion.as_str()).collect();
    let data = json!({ "name": "Example Partner", "motions": motions });
    let body = body(program, "partner.enrolled", (partner, "enrolled"), world.now, &data);
    world.judge(&[world.parse(&body).map_err(unread)?]);
    Ok(())
}

/// Everything that comes by itself up to the end of the day before `day`, each on its own.
fn pass(world: &mut World, program: &Program, day: Date) {
    let current = world.programs.current(world.now).clone();
    loop {
        let today = program.calendar.day(world.now);
        let of_accounts =
            world.accounts.values().filter_map(|account| due_on(&world.programs, &current, account, today));
        let sent = world.outbox.iter().map(|sent| program.calendar.day(sent.due));
        let after = |due: Date| if due > today { due } else { today.tomorrow().unwrap_or(Date::MAX) };
        let Some(next) = of_accounts.chain(sent).map(after).min().filter(|next| *next < day) else { return };
        // The end of it: what is due at some hour of the day is due by then.
        world.now = program.calendar.start_of(next.tomorrow().unwrap_or(next)) - SignedDuration::from_secs(1);
        world.catch_up();
    }
}

/// What waits in words, where the step only does that.
fn happen(world: &mut World, program: &Program, at: usize, step: &Step) -> Result<Option<String>, String> {
    let partner = step.partner();
    match &step.what {
        What::Event { kind, data, .. } => {
            let data = members(program, kind, data)?;
            let id = format!("example-{}", at + 1);
            let event = world.parse(&body(program, kind, (partner, &id), world.now, &data)).map_err(unread)?;
            if !program.accepts(&event.identity.source, kind) {
                return Err(format!("no source may send `{kind}`: say so in [sources]"));
            }
            // What a sender would be told at once.
            states(program, &event).map_err(|rejection| rejection.message)?;
            let outcome = world.judge(&[event])[0];
            if outcome == Outcome::Rejected {
                return Err(format!("the program takes no such {kind}"));
            }
            Ok((outcome == Outcome::Held).then(|| format!("{kind} waits")))
        }
        What::Redeem { reward, quantity, .. } => {
            if !program.rewards.contains_key(reward.as_str()) {
                let known: Vec<&str> = program.rewards.keys().map(|id| id.as_str()).collect();
                return Err(format!("there is no reward `{reward}`; there are: {}", known.join(", ")));
            }
            if PartnerId::try_from(partner).is_err() || !(1..=10).contains(quantity) {
                return Err("an order is of 1 to 10 pieces, and of a partner".to_owned());
            }
            let key = format!("example-{}", at + 1);
            if world.redeem(partner, reward, *quantity, &key) == Outcome::Applied {
                world.step(partner, &key, "ordering");
                world.step(partner, &key, "fulfilled");
            }
            Ok(None)
        }
    }
}

fn unread(fault: Unreadable) -> String {
    match fault {
        Unreadable::Quarantined { reason, .. } => reason,
        Unreadable::Rejected { rejection, .. } => rejection.message,
    }
}

/// An event as a sender sends it, from a source that may.
fn body(program: &Program, kind: &str, (partner, id): (&str, &str), at: Timestamp, data: &Value) -> String {
    let may = |kinds: &Vec<String>| kinds.iter().any(|one| matches_pattern(one, kind));
    let source = program.sources.iter().find(|(_, kinds)| may(kinds));
    let source = source.map_or_else(|| "/example".to_owned(), |(source, _)| source.replace('*', "example"));
    let subject = if is_of_program(kind) { "@program" } else { partner };
    json!({
        "specversion": "1.0", "id": format!("{partner}-{id}"), "source": source, "type": kind, "subject": subject,
        "program": program.id, "time": at.to_string(), "data": data,
    })
    .to_string()
}

/// Members as a sender sends them: money, which a file writes as one text, with its currency.
fn members(program: &Program, kind: &str, data: &Map<String, Value>) -> Result<Value, String> {
    let known = fields_of(program, kind).ok_or_else(|| format!("there is no event type `{kind}`"))?;
    // A sender may say more than is looked at; in an example it is a slip.
    if let Some(other) = data.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("{kind} has no `{other}`; it has: {}", known.join(", ")));
    }
    let member = |(name, value): (&String, &Value)| {
        let money = value.as_str().filter(|_| is_money(program, kind, name)).map(|text| {
            let (amount, currency) = text.split_once(' ').unwrap_or((text, &program.currency));
            json!({ "amount": amount, "currency": currency })
        });
        (name.clone(), money.unwrap_or_else(|| value.clone()))
    };
    Ok(Value::Object(data.iter().map(member).collect()))
}

/// The lines of the records that were not told yet.
fn tell(world: &World, program: &Program, told: &mut usize, lines: &mut Vec<Line>) {
    for record in &world.records[*told..] {
        let whose = Some(record.partner.as_str()).filter(|partner| ![PARTNER, "@program"].contains(partner));
        let whose = whose.map(|partner| format!("{partner}: ")).unwrap_or_default();
        let why = why(record, program);
        lines.extend(said(record, program).into_iter().map(|what| {
            let why = why.clone().filter(|_| what.starts_with(record.kind.as_str()));
            Line { on: record.on, what: whose.clone() + &what, why }
        }));
    }
    *told = world.records.len();
}

/// Why a record gave nothing, in a sentence: of one rule that was tried, what it asked for.
fn why(record: &Record, program: &Program) -> Option<String> {
    let reason = record.reason.as_ref()?;
    Some(match (reason, record.trials.as_slice()) {
        (Reason::NoRuleMatched | Reason::RulePaused { .. }, [trial]) => trial_sentence(record, trial, Some(program)),
        _ => sentence(reason),
    })
}

/// What a record says, a line for each thing that moved or changed.
fn said(record: &Record, program: &Program) -> Vec<String> {
    // What moved alike out of several lots is one thing.
    let mut sums: Vec<(Asset, String, String, i64)> = Vec::new();
    for posting in &record.postings {
        let Some((before, after)) = moved(record, posting) else { continue };
        let alike =
            |sum: &&mut (Asset, String, String, i64)| (sum.0, &sum.1, &sum.2) == (posting.asset, &before, &after);
        match sums.iter_mut().find(alike) {
            Some(sum) => sum.3 += posting.amount,
            None => sums.push((posting.asset, before, after, posting.amount)),
        }
    }
    let mut said: Vec<String> =
        sums.into_iter().map(|(asset, before, after, sum)| format!("{before}{}{after}", asset.told(sum))).collect();
    said.extend(record.effects.iter().filter_map(|effect| changed(effect, program)));
    let silent = said.is_empty();
    let kind = &record.kind;
    match (&record.reason, record.outcome) {
        (Some(reason), Outcome::Refused | Outcome::Rejected) => {
            said.push(format!("{kind} is refused: {}", reason.code()));
        }
        // What nobody meant to earn by.
        (Some(Reason::NoRuleForType), _) => {}
        // What somebody sent; else it is a step of Laurel's own.
        (Some(reason), _) if silent && fields_of(program, kind).is_some() => {
            said.push(format!("{kind} gives nothing: {}", reason.code()));
        }
        (Some(reason), _) if silent => said.push(format!("{kind}: {}", reason.code())),
        (_, Outcome::NoRule) if silent => said.push(format!("{kind} gives nothing")),
        _ => {}
    }
    said
}

/// What is said before and after the amount that moved.
fn moved(record: &Record, posting: &Posting) -> Option<(String, String)> {
    let by = posting.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let is_points = posting.asset == Asset::Points;
    let (before, after) = match (posting.kind, posting.to) {
        (PostingKind::Accrual, Bucket::Pending { .. }) if is_points => ("+", format!("{by}, pending")),
        (PostingKind::Accrual, Bucket::Pending { .. }) => ("+", format!("{by}, accrued")),
        (PostingKind::Accrual, _) => ("+", by),
        (PostingKind::Netting, _) => ("", format!("{by} pay back what is owed")),
        (PostingKind::Release, Bucket::Pending { .. }) => return None,
        (PostingKind::Release, _) if is_points => ("", format!("{by} are released")),
        (PostingKind::Release, _) => ("", format!("{by} become payable")),
        (PostingKind::Expiry, _) => ("-", " run out".to_owned()),
        (PostingKind::Reversal, Bucket::Owed) => ("-", format!("{by} taken back, owed")),
        (PostingKind::Reversal, _) => ("-", format!("{by} taken back")),
        (PostingKind::Redemption, _) => ("-", " spent".to_owned()),
        (PostingKind::Cancellation, _) => ("", " come back".to_owned()),
        (PostingKind::Payout, _) if record.outcome == Outcome::Applied => ("", " paid out".to_owned()),
        (PostingKind::Reservation | PostingKind::Payout, _) => return None,
    };
    Some((before.to_owned(), after))
}

fn changed(effect: &Effect, program: &Program) -> Option<String> {
    match effect {
        Effect::Tier { motion, from, to, .. } => {
            let rank = |tier: &str| {
                let tiers = program.ladders.get(motion)?;
                tiers.iter().find(|one| &*one.id == tier).map(|one| one.rank)
            };
            let below = from.as_ref().and_then(|from| Some(rank(from)? > rank(to)?)).unwrap_or(false);
            // Where everybody begins is no news.
            from.as_ref()?;
            Some(format!("{motion}: {} {to}", if below { "down to" } else { "up to" }))
        }
        Effect::Reviewed { motion, demotes_on: Some(day), .. } => {
            Some(format!("{motion}: too little, lost from {day} on"))
        }
        Effect::Reviewed { motion, below: Some(below), .. } => {
            Some(format!("{motion}: too little, {} of {} times", below.times, below.of))
        }
        Effect::Suspected { rule, points, .. } => Some(format!("{} by {rule} are held", Asset::Points.told(*points))),
        Effect::Place { place, .. } if *place > 1 => Some(format!("place {place} on the opportunity")),
        Effect::Exclusive { of, held: Some(_), .. } => Some(format!("{of} is its alone")),
        Effect::Exclusive { of, held: None, .. } => Some(format!("{of} is its alone no longer")),
        // What moves counts and caps, and what is sent to be judged later, is told by what comes of it.
        Effect::Reviewed { .. }
        | Effect::Place { .. }
        | Effect::Measured { .. }
        | Effect::Cap { .. }
        | Effect::Moved { .. }
        | Effect::Won { .. }
        | Effect::Lease { .. }
        | Effect::Influences
        | Effect::Share { .. }
        | Effect::Stated { .. }
        | Effect::Attained { .. }
        | Effect::Sends(_)
        | Effect::Pool { .. }
        | Effect::Cleared { .. }
        | Effect::Trained
        | Effect::Productive => None,
    }
}
