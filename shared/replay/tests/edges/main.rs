//! What must hold at the edges: of what rules, caps, versions and facts say, and of the order in which it becomes known.

mod counts;
mod criteria;
mod declared;
mod facts;
mod orders;
mod reviews;
mod rules;
mod short;
mod standing;
mod suspects;

use domain::ledger::Outcome;
use laurel_replay::World;

const TODAY: &str = "2026-05-15T10:00:00Z";

/// A world at noon of that day, where one partner is enrolled since January.
fn world_of(program: &str) -> World {
    let mut world = World::new(program, "2026-05-15T12:00:00Z");
    world.send("partner.enrolled", "p", "enrolled", "2026-01-05T09:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
    world
}

fn points(world: &World) -> i64 {
    world.account("p").balance().total()
}

fn amend(world: &mut World, id: &str, deal: &str, time: &str, acv: &str) -> Outcome {
    let data = format!(r#"{{"deal_id":"{deal}","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
    world.send("deal.amended", "p", id, time, &data)
}
