//! Money: what commissions, shares of invoices and targets come to, and how it is paid out (M01-M10).

mod attained;
mod commissions;
mod facts;
mod invoices;
mod payouts;
mod shares;
mod targets;
mod true_up;

use domain::ledger::{Asset, Balance};
use laurel_replay::World;

const USD: Asset = Asset::Money("USD");

/// A program in dollars with these tables; a euro is `euro` dollars.
fn program(euro: &str, tables: &str) -> String {
    format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[program.rates]
EUR = "{euro}"
JPY = "0.0067"
[sources]
"/crm/*" = ["*"]
"/finance/*" = ["payout.*"]
{tables}"#
    )
}

/// Where one partner is enrolled, in March 2026.
fn world(tables: &str) -> World {
    world_at("1.10", tables)
}

fn world_at(euro: &str, tables: &str) -> World {
    let mut world = World::new(&program(euro, tables), "2026-03-02T15:00:00Z");
    world.enrol("p");
    world
}

/// An amount of money as events say it.
fn money(amount: &str, currency: &str) -> String {
    format!(r#"{{"amount":"{amount}","currency":"{currency}"}}"#)
}

fn of(world: &World, asset: Asset) -> Balance {
    world.account("p").head.balance(asset)
}
