//! Defects that were found by readers or by the simulation, each mended: a test is named after what was found.

mod credits;
mod deals;
mod late;
mod tiers;

use domain::ledger::Outcome;
use laurel_replay::World;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
counts_as_deal = ["deal.closed:won"]
[sources]
"/crm/*" = ["partner.*", "deal.*"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = 100
[earn.total]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "total_value", per = "1000", points = 1 }
[ladder.sell.base]
rank = 1
"#;

fn world() -> World {
    let mut world = World::new(PROGRAM, "2026-03-14T09:30:00Z");
    world.enrol("p");
    world
}

fn send(world: &mut World, kind: &str, id: &str, data: &str) -> Outcome {
    let time = world.now.to_string();
    world.send(kind, "p", id, &time, data)
}

const SERVICES: &str = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"0","currency":"USD"},"lines":[{"revenue_type":"services","amount":{"amount":"50000","currency":"USD"}}]}"#;

fn services(world: &mut World) {
    assert_eq!(send(world, "deal.closed", "closed", SERVICES), Outcome::Awarded);
    assert_eq!(available(world), 150);
}

fn available(world: &World) -> i64 {
    world.account("p").balance().available
}

fn deals(world: &World) -> String {
    let quarters = world.account("p").measures.values().flat_map(|quarter| quarter.values());
    let deals = quarters.flat_map(|cells| cells.iter()).filter(|((_, measure), _)| measure.word() == "deals");
    deals.map(|(_, count)| count.normalize().to_string()).collect::<Vec<_>>().join("+")
}

fn reversed(world: &mut World, id: &str, amount: &str) -> Outcome {
    let data = format!(r#"{{"deal_id":"d","reason":"returned","amount":{{"amount":"{amount}","currency":"USD"}}}}"#);
    send(world, "deal.reversed", id, &data)
}
