//! What several partners share, draw on together, or have alone: deals (M34), budgets and benefits (N10, M22), territories (M23).

mod alone;
mod boards;
mod exclusivity;
mod influence;
mod ladders;
mod own;
mod paused;
mod pools;
mod shared_out;

use domain::ledger::{Asset, PoolOf};
use laurel_replay::World;

const USD: Asset = Asset::Money("USD");

/// When most of it begins.
const MARCH: &str = "2026-03-10T12:00:00Z";

const HEAD: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
rates = { EUR = "1.10" }
[sources]
"/crm/*" = ["*"]
"/admin/*" = ["*"]
"/finance/*" = ["*"]
"#;

/// 30 % of a deal are for who influenced it: 6 % for an endorsement, 9 % for an integration, 15 % for a part in the sale.
const INFLUENCE: &str = r#"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.source]
rate = "10%"
[commission.influence]
on = "deal.influenced"
rate = "10%"
"#;

/// A program with these tables, where these partners are enrolled.
fn world_of<P: AsRef<str>>(tables: &str, now: &str, partners: impl IntoIterator<Item = P>) -> World {
    let mut world = World::new(&[HEAD, tables].concat(), now);
    partners.into_iter().for_each(|partner| world.enrol(partner.as_ref()));
    world
}

/// Publishes the program with these tables.
fn publish(w: &mut World, tables: &str, effective_from: &str) {
    w.publish(&[HEAD, tables].concat(), effective_from);
}

/// A field of so many dollars.
fn usd(name: &str, amount: &str) -> String {
    format!(r#""{name}":{{"amount":"{amount}","currency":"USD"}}"#)
}

/// What is left of a budget or a benefit and what is drawn on it, all its periods and parts together.
fn pool(w: &World, named: &str) -> (i64, i64) {
    let is = |of: &PoolOf| match of {
        PoolOf::Budget(id, _) | PoolOf::Benefit(id, _) => id.as_str() == named,
        PoolOf::Exclusive(_) => false,
    };
    let parts = w.pools.iter().filter(|(part, _)| is(&part.pool.of));
    parts.fold((0, 0), |(left, drawn), (_, pool)| (left + pool.left, drawn + pool.drawn))
}

/// What an audit would find is nothing.
fn assert_sound(w: &World) {
    assert_eq!(w.findings(), Vec::<String>::new(), "{}", w.ledger());
}
