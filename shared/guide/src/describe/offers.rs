//! What a partner may have beside: rewards, benefits, opportunities to itself, a while to begin, a place on a board.

use std::fmt::Write;

use domain::ledger::{Asset, Bucket, Effect, Outcome, PostingKind, Reason, never};
use event::ids::PartnerId;
use jiff::ToSpan;
use program::Gate;
use replay::World;
use serde_json::json;

use super::of::Of;
use super::rules::cases;
use super::words::{capital, capped, gates, whole};
use crate::page::{Block, Section, Table};
use crate::probe::{OTHER, enrolled, motion_of, opens, plain_day, posted};
use crate::story::{PARTNER, Step, Story, What, play, stand};

pub(super) fn rewards(of: &Of<'_>) -> Section {
    let open = of.program.rewards.values().filter(|reward| !reward.retired);
    let rows: Vec<Vec<String>> = open
        .map(|reward| {
            let price = price(of, &reward.id, &reward.gates).map_or("-".to_owned(), whole);
            let caps: Vec<String> = reward.at_most.iter().map(capped).collect();
            vec![reward.name.clone(), price, caps.join(", "), gates(&reward.gates)]
        })
        .collect();
    let columns = ["Reward", "Points", "How often", "What you need first"].map(str::to_owned).to_vec();
    let table = Block::Table(Table { caption: String::new(), why: None, columns, rows });
    let blocks = if of.program.rewards.values().any(|reward| !reward.retired) { vec![table] } else { Vec::new() };
    Section { title: "What your points buy".to_owned(), blocks }
}

/// What is set aside for one piece of a reward.
fn price(of: &Of<'_>, reward: &str, gates: &[Gate]) -> Option<i64> {
    let mut world = ready(of, gates)?;
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
fn ready(of: &Of<'_>, gates: &[Gate]) -> Option<World> {
    let on = plain_day(of.program);
    let before = on.checked_sub(1.days()).ok()?;
    let mut steps = vec![enrolled(of.program, before, serde_json::Map::new())];
    steps.extend(gates.iter().filter_map(|gate| opens(before, gate)));
    let (_, mut world) = play(of.ground, &Story { steps, until: None }).ok()?;
    let partner = PartnerId::try_from(PARTNER).ok()?;
    let account = world.accounts.get_mut(&partner)?;
    account.head.funds.entry(Asset::Points).or_insert_with(Default::default).lots.insert(never(), 1_000_000_000);
    for gate in gates {
        if let Gate::Tier(tier) = gate {
            let motion = motion_of(of.program, tier)?;
            stand(account, &motion, tier, before);
        }
    }
    Some(world)
}

pub(super) fn benefits(of: &Of<'_>) -> Section {
    let rows: Vec<Vec<String>> = of
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
    let alone = &of.program.exclusivity;
    let parts = [
        alone.earn.as_ref().map(|all| format!("It is earned by {}", of.criteria(all))),
        alone.keep.as_ref().map(|all| format!("It is kept by {}", of.criteria(all))),
        alone.lasts.map(|lasts| format!("It lasts {lasts} where nothing else is said")),
        (!alone.gates.is_empty()).then(|| format!("You need {}", gates(&alone.gates))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        blocks.push(Block::Text(format!("A territory or a vertical may be yours alone. {}.", parts.join(". "))));
    }
    Section { title: "Benefits".to_owned(), blocks }
}

pub(super) fn deals(of: &Of<'_>) -> Section {
    let on = plain_day(of.program);
    let registered = |deal: &str| json!({ "deal_id": deal, "opportunity_id": "O-1", "customer": "Contoso" });
    let first = Step::event(on, "deal.registered", registered("D-1"));
    let mut second = Step::event(on, "deal.registered", registered("D-2"));
    if let What::Event { partner, .. } = &mut second.what {
        *partner = Some(OTHER.to_owned());
    }
    let story = Story { steps: vec![first, second], until: on.checked_add(1.year()).ok() };
    let Ok((_, world)) = play(of.ground, &story) else { return Section::default() };
    let alone = world.records.iter().flat_map(|record| &record.effects).find_map(|effect| match effect {
        Effect::Place { place: 1, until: Some(until), .. } => Some(*until),
        _ => None,
    });
    let others =
        world.records.iter().find(|record| record.partner.as_str() == OTHER && record.kind == *"deal.registered");
    let taken = others.is_some_and(|record| matches!(record.reason, Some(Reason::OpportunityTaken { .. })));
    let mut said = Vec::new();
    if let Some(days) = alone.and_then(|until| on.until(until).ok()).map(|span| span.get_days()) {
        said.push(format!("Whoever registers an opportunity first has it alone for {days} days."));
    }
    said.push(
        if taken { "Who comes second is refused." } else { "Who comes second may register it too; the first is told." }
            .to_owned(),
    );
    let reminded = world.records.iter().filter(|record| record.kind == *"lease.ending");
    let before: Vec<String> =
        reminded.filter_map(|record| Some(format!("{} days", record.on.until(alone?).ok()?.get_days()))).collect();
    if !before.is_empty() {
        said.push(format!("It is reminded {} before that ends.", before.join(" and ")));
    }
    if of.program.registration.required {
        said.push("Only a deal that was registered counts when it is closed.".to_owned());
    }
    if let Some(bidders) = of.program.registration.bidders {
        said.push(format!("A public tender takes bidders side by side, and asks for {bidders}."));
    }
    Section { title: "Registering deals".to_owned(), blocks: vec![Block::Text(said.join(" "))] }
}

pub(super) fn newcomers(of: &Of<'_>) -> Section {
    let Some(new) = &of.program.onboarding else { return Section::default() };
    let mut said = format!("Who is new has {} for {}.", new.by, of.criteria(&new.productive));
    if let Some(after) = new.plan_after {
        let _ = write!(said, " {} later we make a plan together.", capital(&after.to_string()));
    }
    if !new.trained.is_empty() {
        let _ = write!(said, " You are trained with {}.", gates(&new.trained));
    }
    Section { title: "When you are new".to_owned(), blocks: vec![Block::Text(said)] }
}

pub(super) fn challenges(of: &Of<'_>) -> Section {
    let told = of.program.challenges.values().map(|one| {
        let (measure, every) = (one.metric.word(), one.every.word());
        Block::Text(format!("{}: the {} partners with the most {measure} of each {every}.", one.name, one.places))
    });
    Section { title: "Challenges".to_owned(), blocks: told.collect() }
}

/// How long points live.
pub(super) fn lasting(of: &Of<'_>) -> Section {
    let mut said = Vec::new();
    let asked = of.rules(false).into_iter().find_map(|rule| {
        let (_, case) = cases(of, rule).into_iter().next()?;
        posted(of.ground, rule, &case)
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
                let booked = record.booked;
                said.push(match of.program.policy.expiry {
                    Some(expiry) => {
                        format!("Points live {}: those of {booked} can be spent until {last}.", expiry.words())
                    }
                    None => format!("Points of {booked} can be spent until {last}."),
                });
            }
            None => {}
        }
    }
    let blocks = if said.is_empty() { Vec::new() } else { vec![Block::Text(said.join(" "))] };
    Section { title: "How long points last".to_owned(), blocks }
}
