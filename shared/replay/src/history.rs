//! A history as it is committed: one JSON object a line, each with the instant it happens `at`, played in a [`World`] and
//! told as a ledger that a person reads.

use std::fmt::Write;
use std::path::Path;

use domain::decide::due_on;
use domain::ledger::{Asset, Balance, Effect, Errand, Outcome, Posting, Record};
use domain::payout;
use domain::tell::trial_sentence;
use domain::tier::next_review;
use event::Unreadable;
use event::ids::{PartnerId, RuleId};
use event::money::Money;
use jiff::Timestamp;
use program::Program;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::World;

/// One line of a history: when, and one of the things that can happen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Timestamp,
    /// An event, as a sender sends it.
    send: Option<Box<RawValue>>,
    /// A partner asks for a reward.
    redeem: Option<Redeem>,
    /// A redemption moves on.
    step: Option<Step>,
    /// A program file is published.
    publish: Option<Publish>,
    /// Cards of a reward are loaded.
    load: Option<Load>,
    /// A payout run sets aside what a partner may have.
    pay: Option<Pay>,
    /// A payout that was not sent is given up.
    give_up: Option<GiveUp>,
    /// Every account is brought to now.
    #[serde(default)]
    sweep: bool,
}

#[derive(Deserialize)]
struct Redeem {
    partner: String,
    reward: String,
    quantity: i64,
    key: String,
}

#[derive(Deserialize)]
struct Step {
    partner: String,
    key: String,
    to: String,
}

#[derive(Deserialize)]
struct Pay {
    partner: PartnerId,
    payout: String,
    amount: Money,
}

#[derive(Deserialize)]
struct GiveUp {
    partner: PartnerId,
    payout: String,
}

#[derive(Deserialize)]
struct Publish {
    file: String,
    from: String,
}

#[derive(Deserialize)]
struct Load {
    reward: String,
    pieces: i64,
}

/// Plays a history and tells it: below each line what it came to, then every record it left.
///
/// # Panics
/// If a line is in bad form, or a program file is not there.
pub fn play(lines: &str, programs: &Path) -> String {
    let mut player = played(lines, programs);
    player.close();
    player.text
}

/// The world that a history leaves.
///
/// # Panics
/// As [`play`].
pub fn world(lines: &str, programs: &Path) -> World {
    played(lines, programs).world.expect("a world")
}

fn played<'a>(lines: &str, programs: &'a Path) -> Player<'a> {
    let mut player = Player { world: None, text: String::new(), told: 0, programs };
    for (at, line) in lines.lines().enumerate() {
        let line: Line = serde_json::from_str(line).unwrap_or_else(|e| panic!("line {}: {e}", at + 1));
        player.play(&line);
    }
    player
}

struct Player<'a> {
    world: Option<World>,
    text: String,
    /// Records told so far.
    told: usize,
    programs: &'a Path,
}

impl Player<'_> {
    fn play(&mut self, line: &Line) {
        if let Some(publish) = &line.publish {
            self.publish(line.at, publish);
            return;
        }
        let world = self.world.as_mut().expect("a history begins with a program");
        world.now = line.at;
        let what = if let Some(raw) = &line.send {
            sent(world, raw.get())
        } else if let Some(Redeem { partner, reward, quantity, key }) = &line.redeem {
            let outcome = world.redeem(partner, reward, *quantity, key);
            format!("{partner} asks for {quantity} {reward} ({key}): {}", outcome.word())
        } else if let Some(Step { partner, key, to }) = &line.step {
            let outcome = world.step(partner, key, to);
            format!("redemption {key} is {to}: {}", outcome.map_or("moot", Outcome::word))
        } else if let Some(Pay { partner, payout, amount }) = &line.pay {
            let id = payout.parse().expect("a payout");
            let outcome = world.take_step(&payout::reserve(&world.id(), partner, id, (*amount).into(), world.now));
            format!("{amount} of {partner} for payout {payout}: {}", outcome.map_or("moot", Outcome::word))
        } else if let Some(GiveUp { partner, payout }) = &line.give_up {
            let id = payout.parse().expect("a payout");
            let outcome = world.take_step(&payout::cancel(&world.id(), partner, id, world.now));
            format!("payout {payout} of {partner} is given up: {}", outcome.map_or("moot", Outcome::word))
        } else if let Some(Load { reward, pieces }) = &line.load {
            world.load_stock(reward, *pieces);
            format!("{pieces} {reward} are loaded")
        } else {
            assert!(line.sweep, "a line says what happens");
            world.catch_up();
            "everybody is brought to now".to_owned()
        };
        writeln!(self.text, "{} {what}", line.at).expect("text");
        self.tell();
    }

    fn publish(&mut self, at: Timestamp, Publish { file, from }: &Publish) {
        let path = self.programs.join(file);
        let program = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        match &mut self.world {
            Some(world) => world.publish(&program, from),
            None => self.world = Some(World::of(&program, from, at)),
        }
        writeln!(self.text, "{at} {file} is published, in force from {from}").expect("text");
    }

    fn tell(&mut self) {
        let world = self.world.as_ref().expect("a world");
        for record in &world.records[self.told..] {
            let version = world.programs.number(record.version());
            tell(&mut self.text, record, version.map(|version| &*version.program));
        }
        self.told = world.records.len();
    }

    /// What everybody has at the end.
    fn close(&mut self) {
        let world = self.world.as_ref().expect("a world");
        writeln!(self.text, "---").expect("text");
        for (partner, account) in &world.accounts {
            let b = account.balance();
            let (programs, current) = (&world.programs, world.programs.current(world.now));
            let due = due_on(programs, current, account, current.program.calendar.day(world.now));
            let due = due.map_or("never".to_owned(), |day| day.to_string());
            writeln!(
                self.text,
                "{partner}: {} available, {} pending, {} reserved, {} owed; due {due}",
                b.available, b.pending, b.reserved, b.owed
            )
            .expect("text");
            for (lot, points) in &account.head.funds(Asset::Points).lots {
                writeln!(self.text, "    {points} points until the end of {lot}").expect("text");
            }
            for (asset, funds) in account.head.funds.iter().filter(|(asset, _)| !asset.is_points()) {
                writeln!(self.text, "    {}", commissions(*asset, funds.balance())).expect("text");
            }
            for (motion, held) in &account.head.tiers {
                let review = next_review(programs, current, motion, held);
                let review = review.map_or("none".to_owned(), |next| format!("{} as of {}", next.on, next.as_of));
                writeln!(self.text, "    {motion}: {} since {}, next review {review}", held.tier, held.since)
                    .expect("text");
            }
        }
        for (reward, free) in &world.stock {
            writeln!(self.text, "{reward}: {free} left").expect("text");
        }
        let mut waiting: Vec<_> = world.held.iter().map(|event| event.identity.id.to_string()).collect();
        waiting.sort();
        writeln!(self.text, "waiting: {}", waiting.join(" ")).expect("text");
    }
}

/// What there is of commissions in one currency.
fn commissions(asset: Asset, balance: Balance) -> String {
    let Balance { available, pending, reserved, owed } = balance;
    let sums = [("payable", available), ("accrued", pending), ("in a payout", reserved), ("owed", owed)];
    let sums = sums.map(|(word, amount)| format!("{} {word}", asset.amount(amount)));
    format!("{asset}: {}", sums.join(", "))
}

fn sent(world: &mut World, body: &str) -> String {
    match world.parse(body) {
        Ok(event) => {
            let kind = event.kind.name().to_owned();
            let (id, partner) = (event.identity.id.to_string(), event.partner.to_string());
            let outcome = world.judge(&[event])[0];
            format!("{kind} {id} of {partner}: {}", outcome.word())
        }
        Err(Unreadable::Quarantined { reason, offset }) => format!("quarantined: {reason} at {offset:?}"),
        Err(Unreadable::Rejected { identity, rejection, .. }) => {
            let code = serde_json::to_value(rejection.code).expect("a word");
            format!("{}: rejected, {}: {}", identity[2], code.as_str().unwrap_or_default(), rejection.message)
        }
    }
}

/// One record: what became of the event, what moved, what changed, what every rule said.
fn tell(text: &mut String, r: &Record, program: Option<&Program>) {
    let why = r.reason.as_ref().map(|reason| format!(" ({})", domain::tell::sentence(reason))).unwrap_or_default();
    let Record { partner, position, kind, booked, .. } = r;
    let version = r.version();
    let outcome = r.outcome.word();
    writeln!(
        text,
        "  {partner} #{position} {kind} {} -> {outcome}{why}; booked {booked}, version {version}",
        r.identity.id
    )
    .expect("text");
    for posting in &r.postings {
        writeln!(text, "    {}", moved(posting)).expect("text");
    }
    for effect in &r.effects {
        writeln!(text, "    {}", changed(effect)).expect("text");
    }
    for trial in &r.trials {
        writeln!(text, "    rule {}: {}", trial.rule, trial_sentence(r, trial, program)).expect("text");
    }
    let b = r.after;
    writeln!(text, "    = {} available, {} pending, {} reserved, {} owed", b.available, b.pending, b.reserved, b.owed)
        .expect("text");
}

fn moved(p: &Posting) -> String {
    let Posting { kind, amount, asset, from, to, .. } = p;
    let amount = asset.told(*amount);
    let rule = p.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let corrects = p.corrects.map(|at| format!(" correcting #{at}")).unwrap_or_default();
    format!("{} {amount} {from} -> {to}{rule}{corrects}", kind.word())
}

fn changed(effect: &Effect) -> String {
    let day = |day: &Option<jiff::civil::Date>| day.map_or("never".to_owned(), |day| day.to_string());
    match effect {
        Effect::Measured { motion, month, by } => {
            let by: Vec<String> = by.iter().map(|(measure, by)| format!("{} {by:+}", measure.word())).collect();
            format!("{motion} {month}: {}", by.join(", "))
        }
        Effect::Cap { key, by } => format!("cap {key}: {by:+}"),
        Effect::Place { place, asks: Some(asks), .. } => format!("bidder {place} of {asks} that the tender asks for"),
        Effect::Place { place, tender: true, .. } => format!("bidder {place} for a public tender"),
        Effect::Place { place, until, .. } => {
            format!("takes place {place} of the opportunity, alone until {}", day(until))
        }
        Effect::Lease { opportunity, until } => format!("has opportunity {opportunity} alone until {until}"),
        Effect::Moved { opportunity, to, until } => {
            format!("its place on opportunity {opportunity} is {to}'s, alone until {}", day(until))
        }
        Effect::Won { opportunity } => format!("won the tender for opportunity {opportunity}"),
        Effect::Sends(Errand::LeaseEnding { due, to: Some(to) }) => format!("{to} is to be reminded at {due}"),
        Effect::Sends(Errand::LeaseEnding { due, to: None }) => format!("is to be reminded at {due}"),
        Effect::Influences => "has a share in the deal".to_owned(),
        Effect::Attained { key, ended } => {
            let part = ended.part.unwrap_or_default();
            format!("the target of {} was attained by {part}", String::from(key.clone()))
        }
        Effect::Suspected { rule, points, release, why, .. } => {
            format!("{points} points of {rule} are held until {} for {}: {why}", release.day, release.lot)
        }
        Effect::Cleared { event } => {
            format!("held no more: {}", event.as_ref().map_or("everything", |event| event.as_str()))
        }
        Effect::Trained => "is trained for the first time".to_owned(),
        Effect::Productive => "is productive for the first time".to_owned(),
        Effect::Stated { facts } => {
            let told: Vec<String> = facts.iter().map(|(name, said)| format!("{name} {said}")).collect();
            format!("is stated as {}", told.join(", "))
        }
        Effect::Share { points } => format!("its share is {points} of 10000"),
        Effect::Sends(Errand::Share { to }) => format!("has the share of {to} rated"),
        Effect::Sends(Errand::TrueUp { day, rest, .. }) => {
            let rules: Vec<&str> = rest.keys().map(RuleId::as_str).collect();
            format!("is trued up on {day}: {}", rules.join(", "))
        }
        Effect::Sends(Errand::Onboarding { due, .. }) => format!("is to be productive by {due}"),
        Effect::Sends(Errand::PayoutStanding { due }) => format!("is to be looked at again at {due}"),
        Effect::Exclusive { of, held: Some(held), .. } => {
            format!("has {of} alone until {}, looked at on {}", day(&held.until), held.look)
        }
        Effect::Exclusive { of, held: None, .. } => format!("has {of} alone no longer"),
        Effect::Sends(Errand::Exclusivity { of, day, .. }) => format!("has {of} looked at on {day}"),
        Effect::Pool { part, funded, drawn: 0, rule: _ } => format!("{} gets {}", part.pool, part.pool.told(*funded)),
        Effect::Pool { part, funded: 0, drawn, rule: _ } => {
            format!("draws {} on the {}", part.pool.told(*drawn), part.pool)
        }
        Effect::Pool { part, funded, drawn, rule: _ } => {
            let told = |amount: &i64| part.pool.told(*amount);
            format!("draws {} on the {}, which gets {}", told(drawn), part.pool, told(funded))
        }
        Effect::Sends(Errand::BidLost { to, opportunity }) => {
            format!("tells {to} of the end of opportunity {opportunity}")
        }
        Effect::Tier { motion, from, to, on, as_of, short } => {
            let from = from.as_ref().map_or("none", |tier| tier.as_str());
            format!(
                "{motion}: {from} -> {to} on {on}{}{}",
                as_of.map_or(String::new(), |as_of| format!(", reviewed as of {as_of}")),
                too_little(short)
            )
        }
        Effect::Reviewed { motion, as_of, demotes_on, below, short } => {
            let below = below.map_or(String::new(), |below| format!(", below {} of {} times", below.times, below.of));
            format!("{motion}: reviewed as of {as_of}, lost {}{below}{}", day(demotes_on), too_little(short))
        }
    }
}

fn too_little(short: &str) -> String {
    if short.is_empty() { String::new() } else { format!(", {short}") }
}
