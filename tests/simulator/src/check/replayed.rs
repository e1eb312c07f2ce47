//! I11: what was decided once is decided again, from nothing but the records before it, and comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use domain::ledger::{Account, Pool, PoolBalance, PoolOf, PoolPart, Reason, Record, Verdict};
use event::ids::{PartnerId, ProgramId, RewardId};
use event::json::Json;
use event::{Event, Kind};
use program::Programs;
use replay::World;

use super::{Commit, digest, step};

/// More pieces than anybody asks for: what a reward had left is in no record but of who got none.
const PLENTY: i64 = 1_000_000;

/// I11: every record is what `decide` makes of its event, by the versions that were published then. Beside it digests of the ledger
/// as it is, and as it was decided again.
pub(super) fn i11_decided_again(
    log: impl Iterator<Item = Commit>,
    programs: &BTreeMap<ProgramId, Programs>,
) -> (Vec<String>, [u64; 2]) {
    let mut ledgers = [0; 2];
    let mut worlds: BTreeMap<ProgramId, World> = BTreeMap::new();
    let mut found = Vec::new();
    for commit in log {
        let commit = &commit;
        let Some(first) = commit.first() else { continue };
        let program = &first.identity.program;
        if first.identity.source.is_internal() && first.partner.is_internal() {
            publish(&mut worlds, first);
            continue;
        }
        let Some(world) = worlds.get_mut(program) else {
            found.push(format!("{} was decided before its program was published", first.identity));
            continue;
        };
        let Some(rewards) = programs.get(program) else { continue };
        let records = again(world, rewards, commit, &mut found);
        // What it keeps for others, and nobody asks for here.
        world.records.clear();
        world.outbox.clear();
        for (ledger, records) in ledgers.iter_mut().zip([commit, &records]) {
            *ledger = records.iter().fold(*ledger, |so_far, record| digest(so_far, &format!("{record:?}")));
        }
        if !found.is_empty() {
            break;
        }
    }
    (found, ledgers)
}

fn publish(worlds: &mut BTreeMap<ProgramId, World>, record: &Record) {
    let program = &record.identity.program;
    let before = worlds.get(program).map(|world| world.programs.clone());
    let Some(programs) = step::published(record, before.as_ref()) else { return };
    let world = worlds.entry(program.clone()).or_insert_with(|| World::with(programs.clone(), record.decided_at));
    world.programs = programs;
    // A program has a history as a partner has.
    let own = world.accounts.entry(record.partner.clone()).or_insert_with(Account::in_memory);
    if let Err(error) = own.apply(record) {
        debug_assert!(false, "{error}");
    }
}

/// What stood in pools when a commit was decided, as far as it must have: who draws on one does not wait for another who does, so a
/// budget may have stood otherwise when it was read. What was drawn on each part was there, and what a record says was left. Slots,
/// and what is put into a budget, were as they are; of what is taken out of one by itself, each part that it is taken out of had so much.
fn stood(world: &World, commit: &Commit) -> BTreeMap<PoolPart, PoolBalance> {
    let is_budget = |part: &PoolPart| matches!(part.pool.of, PoolOf::Budget(..));
    let of_budgets = |record| Record::pools(record).filter(|(part, ..)| is_budget(part));
    if commit.iter().any(|record| record.partner.is_internal()) {
        // Who is refused beside others tells what they leave: there the pools are as they are.
        let is_short = |record: &Record| matches!(record.reason, Some(Reason::BudgetShort { .. }));
        if commit.len() > 1 && commit.iter().any(is_short) {
            return world.pools.clone();
        }
        // A part is emptied before another is taken from, by one record or the next: each had what is taken of it, and no more.
        let (mut so_far, mut fell) = (BTreeMap::<&PoolPart, i64>::new(), BTreeMap::<&PoolPart, i64>::new());
        let mut reduced = BTreeSet::new();
        for (part, funded, drawn) in commit.iter().flat_map(of_budgets) {
            let moved = so_far.entry(part).or_default();
            *moved += funded - drawn;
            let fell = fell.entry(part).or_default();
            *fell = (*fell).max(-*moved);
            reduced.extend((funded < 0 && drawn == 0).then_some(&part.pool));
        }
        let mut stood = world.pools.clone();
        for (part, balance) in stood.iter_mut().filter(|(part, _)| reduced.contains(&part.pool)) {
            balance.left = fell.get(part).copied().unwrap_or(0);
        }
        return stood;
    }
    // Each part by how far it fell below what it had at first, at most.
    let mut fell: BTreeMap<PoolPart, [i64; 2]> = BTreeMap::new();
    let mut so_far: BTreeMap<PoolPart, [i64; 2]> = BTreeMap::new();
    for (part, funded, drawn) in commit.iter().flat_map(of_budgets) {
        let moved = so_far.entry(part.clone()).or_default();
        *moved = [moved[0] + funded - drawn, moved[1] + drawn];
        let fell = fell.entry(part.clone()).or_default();
        *fell = [fell[0].max(-moved[0]), fell[1].max(-moved[1])];
    }
    so_far.clear();
    for record in commit {
        for trial in &record.trials {
            let Verdict::Spent { budget, left, .. } = &trial.verdict else { continue };
            let Some(pool) = step::named_pool(budget, trial.asset) else { continue };
            let sum = |of: &BTreeMap<PoolPart, [i64; 2]>| {
                of.iter().filter(|(part, _)| part.pool == pool).map(|(_, [left, _])| left).sum::<i64>()
            };
            let more = left - sum(&fell) - sum(&so_far);
            // In the part that is drawn on last.
            let last = pool.part(last_part(world, &record.partner, &pool));
            fell.entry(last).or_default()[0] += more.max(0);
        }
        for (part, funded, drawn) in of_budgets(record) {
            let moved = so_far.entry(part.clone()).or_default();
            *moved = [moved[0] + funded - drawn, moved[1] + drawn];
        }
    }
    let mut stood = world.pools.clone();
    stood.retain(|part, _| !is_budget(part));
    stood.extend(fell.into_iter().map(|(part, [left, drawn])| (part, PoolBalance { left, drawn, moves: 1 })));
    stood
}

/// The part of a budget that a partner draws on last.
fn last_part(world: &World, partner: &PartnerId, pool: &Pool) -> u8 {
    let PoolOf::Budget(id, _) = &pool.of else { return 0 };
    let came = world.programs.all().iter().filter(|version| version.effective_from <= world.now);
    let came = came.chain([world.programs.current(world.now)]);
    let parts = came.filter_map(|version| Some(version.program.budgets.get(id)?.parts)).max().unwrap_or(1);
    let first = event::steady_hash(partner.bytes()) % u32::from(parts);
    u8::try_from((first + u32::from(parts) - 1) % u32::from(parts)).unwrap_or_default()
}

fn again(world: &mut World, programs: &Programs, commit: &Commit, found: &mut Vec<String>) -> Commit {
    let first = &commit[0];
    world.now = first.decided_at;
    let left = commit.iter().find_map(|record| match record.reason {
        Some(Reason::OutOfStock { left }) => Some(left),
        _ => None,
    });
    let rewards = programs.all().iter().flat_map(|version| version.program.rewards.keys());
    let rewards: Vec<RewardId> = rewards.cloned().collect();
    world.stock.extend(rewards.into_iter().map(|id| (id, left.unwrap_or(PLENTY))));
    let mut events = Vec::new();
    for record in commit.iter().filter(|record| record.identity.source.as_str() != "urn:laurel:clock") {
        match event(programs, record) {
            Ok(event) => events.push(event),
            Err(why) => found.push(format!("{} #{}: {why}", record.partner, record.position)),
        }
    }
    let pools = world.pools.clone();
    world.pools = stood(world, commit);
    let decision = world.decide_for(&first.partner, &events);
    world.pools = pools;
    // What one transaction moves it moves at once: what one of its records draws may be what another gives back.
    let mut moved: BTreeMap<&PoolPart, [i64; 2]> = BTreeMap::new();
    for (part, funded, drawn) in commit.iter().flat_map(Record::pools) {
        let sums = moved.entry(part).or_default();
        *sums = [sums[0] + funded, sums[1] + drawn];
    }
    for (part, [funded, drawn]) in moved {
        let pool = world.pools.entry(part.clone()).or_default();
        match pool.moved(funded, drawn) {
            Ok(after) => *pool = after,
            Err(error) => found.push(format!("{part}: {error}")),
        }
    }
    if decision.records.len() != commit.len() {
        let kinds = |records: &[Record]| {
            records.iter().map(|record| format!("{} {}", record.kind, record.identity.id)).collect::<Vec<_>>()
        };
        found.push(format!(
            "{} #{}: decided {:?}, and again {:?} {:?}",
            first.partner,
            first.position,
            kinds(commit),
            kinds(&decision.records),
            decision.judgements
        ));
    }
    for (record, other) in commit.iter().zip(&decision.records).filter(|(record, other)| record != other) {
        found.push(format!(
            "{} #{} {}: {}",
            record.partner,
            record.position,
            record.kind,
            differ(&format!("{record:?}"), &format!("{other:?}"))
        ));
    }
    decision.records
}

/// The event of a record, and that its hash is that of its meaning, whoever it names (I28).
fn event(programs: &Programs, record: &Record) -> Result<Event, String> {
    let data = Json::parse(&record.data).map_err(|error| error.to_string())?;
    let kind = Kind::read(&record.kind, &data).map_err(|rejection| rejection.message)?;
    if kind.canonical() != record.data {
        return Err("its data is not as the catalogue writes it".to_owned());
    }
    let mut event = Event::internal(record.identity.clone(), record.partner.clone(), record.time, kind);
    event.hash = record.hash;
    event.held_until = record.held_until;
    if !record.identity.source.is_internal() {
        let sent = programs
            .parse(&event.body(), record.decided_at, record.decided_at)
            .map_err(|error| format!("{error:?}"))?;
        if sent.hash != record.hash {
            return Err("its hash is not that of its meaning with persons left blank".to_owned());
        }
    }
    Ok(event)
}

/// Where two texts part.
fn differ(first: &str, other: &str) -> String {
    let at = first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(60);
    let from = |text: &str| text.chars().skip(at).take(240).collect::<String>();
    format!("decided ...{}..., and again ...{}...", from(first), from(other))
}
