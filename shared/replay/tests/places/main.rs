//! Who has an opportunity to itself, for how long, and who else may register (M30-M33).

mod leases;
mod registrations;

use domain::ledger::Outcome;
use laurel_replay::World;

/// Partners p0 to p9, on 2 March 2026 at noon in Singapore, in a program with this `[registration]`.
fn world(registration: &str) -> World {
    let text = format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "Asia/Singapore"
[sources]
"/crm/*" = ["*"]
[earn.registered]
on = "deal.registered"
points = 50
[registration]
{registration}"#
    );
    let mut world = World::new(&text, "2026-03-02T04:00:00Z");
    (0..10).for_each(|n| world.enrol(&format!("p{n}")));
    world
}

/// The partner registers a deal of its own for opportunity `o`.
fn register(w: &mut World, partner: &str, deal: &str, tender: bool) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","opportunity_id":"o","customer":"Contoso","public_tender":{tender}}}"#);
    let id = format!("r-{deal}-{}", w.records.len());
    w.send("deal.registered", partner, &id, &time, &data)
}

fn extend(w: &mut World, partner: &str, deal: &str, id: &str, time: &str, until: &str) -> Outcome {
    let data = format!(r#"{{"deal_id":"{deal}","until":"{until}","by":"ann"}}"#);
    w.send("deal.lease_extended", partner, id, time, &data)
}

fn close(w: &mut World, partner: &str, deal: &str, outcome: &str) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"{outcome}","acv":{{"amount":"1","currency":"USD"}}}}"#);
    w.send("deal.closed", partner, &format!("c-{deal}"), &time, &data)
}
