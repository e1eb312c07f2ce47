//! Events of one group come to what they come to one by one: which of them a delivery brings together is nobody's business.

use event::Event;
use event::ids::PartnerId;
use laurel_replay::World;
use proptest::prelude::*;

const CARD: &str = "\n[reward.card]\nname = \"Card\"\npoints = 50\n";

fn program(expiry: &str) -> String {
    format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
counts_as_deal = ["deal.closed:won"]
[sources]
"/crm/*" = ["partner.*", "deal.*"]
[earn.total]
on = "deal.closed"
if = {{ outcome = "won" }}
points = {{ by = "acv", per = "1000", points = 1 }}
at_most = "120 points per partner per month"
[ladder.sell.base]
rank = 1
[policy]
expiry = "{expiry} after earning, at the end of the month"
{CARD}"#
    )
}

fn partner() -> PartnerId {
    "p".try_into().expect("a partner")
}

/// Where an account begins: how soon points run out, when its deal was closed, and for how much.
#[derive(Clone, Copy, Debug)]
struct Start {
    expiry: &'static str,
    closed: &'static str,
    acv: &'static str,
}

/// A partner in whose account something was earned, and spent where there was anything.
fn begun(start: Start) -> World {
    let mut world = World::new(&program(start.expiry), "2026-01-05T09:30:00Z");
    world.enrol("p");
    world.load_stock("card", 1);
    world.at(start.closed);
    world.close("p", "d", start.closed, start.acv);
    if start.acv != "0" {
        assert_eq!(world.redeem("p", "card", 1, "k"), domain::ledger::Outcome::Applied);
        world.step("p", "k", "ordering");
        world.step("p", "k", "fulfilled");
    }
    world
}

fn told(world: &World, (kind, id, time, deal, acv): (&str, &str, &str, &str, u32)) -> Event {
    let amount = format!(r#"{{"amount":"{acv}","currency":"USD"}}"#);
    let data = match kind {
        "deal.closed" => format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{amount}}}"#),
        "deal.amended" => format!(r#"{{"deal_id":"{deal}","acv":{amount}}}"#),
        _ => format!(r#"{{"deal_id":"{deal}","reason":"returned"}}"#),
    };
    world.event(kind, "p", id, time, &data)
}

/// What the account holds and owes once the events were judged at `now`, in one group or one by one.
fn after(start: Start, now: &str, events: &[(&str, &str, &str, &str, u32)], together: bool) -> (i64, i64, i64) {
    let mut world = begun(start);
    world.at(now);
    let mut all: Vec<Event> = events.iter().map(|one| told(&world, *one)).collect();
    all.sort_by_key(|event| (event.time, event.identity.clone()));
    if together {
        world.decide_for(&partner(), &all);
    } else {
        for event in &all {
            world.decide_for(&partner(), std::slice::from_ref(event));
        }
    }
    world.catch_up();
    let account = world.account("p");
    let expired = account.expired.values().flat_map(|lots| lots.values()).sum();
    (account.balance().available, account.balance().owed, expired)
}

/// Points that were put into a lot that had run out lived on until the next decision, and a reversal in the same group drew on them:
/// the debt was another one by one.
#[test]
fn a_late_closing_pays_no_debt_of_its_neighbour() {
    let events = [
        ("deal.closed", "late", "2026-01-07T09:30:00Z", "f", 50_000),
        ("deal.reversed", "all", "2026-04-04T09:30:00Z", "d", 0),
    ];
    // The lot of the late closing has run out, and that of the award that is taken back has not.
    let start = Start { expiry: "1 month", closed: "2026-03-20T09:30:00Z", acv: "50000" };
    for together in [true, false] {
        assert_eq!(after(start, "2026-04-05T09:30:00Z", &events, together), (0, 50, 50));
    }
}

/// What an amendment puts into a lot that has run out, or gives back as expired, was not loaded for what came behind it.
#[test]
fn corrections_of_one_deal_in_one_group_load_what_they_make() {
    let events = [
        ("deal.amended", "up", "2026-01-08T09:30:00Z", "d", 90_000),
        ("deal.amended", "down", "2026-01-09T09:30:00Z", "d", 0),
        ("deal.amended", "again", "2026-01-10T09:30:00Z", "d", 70_000),
        ("deal.reversed", "all", "2026-01-11T09:30:00Z", "d", 0),
    ];
    for now in ["2026-02-05T09:30:00Z", "2026-04-05T09:30:00Z", "2026-09-05T09:30:00Z", "2046-09-05T09:30:00Z"] {
        for acv in ["0", "50000"] {
            let start = Start { expiry: "1 month", closed: "2026-01-05T09:30:00Z", acv };
            assert_eq!(after(start, now, &events, true), after(start, now, &events, false), "{now} {acv}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    /// Whatever is told of two deals, whenever, by whatever expiry.
    #[test]
    fn a_group_comes_to_what_its_events_come_to(
        expiry in prop::sample::select(vec!["1 month", "2 months", "6 months"]),
        closed in prop::sample::select(vec!["2026-01-05T09:30:00Z", "2026-03-20T09:30:00Z"]),
        acv in prop::sample::select(vec!["0", "50000"]),
        now in prop::sample::select(vec!["2026-03-28T09:30:00Z", "2026-04-05T09:30:00Z", "2026-09-05T09:30:00Z", "2040-01-05T09:30:00Z"]),
        told in prop::collection::vec((0_usize..3, 7_u32..28, 1_u32..4, 0_usize..2, 0_u32..90), 2..6),
    ) {
        let texts: Vec<(String, String)> = told.iter().enumerate()
            .map(|(at, (_, day, month, _, _))| (format!("e{at}"), format!("2026-{month:02}-{day:02}T09:30:00Z")))
            .collect();
        let events: Vec<_> = told.iter().zip(&texts).map(|((kind, _, _, deal, thousands), (id, time))| {
            let kind = ["deal.closed", "deal.amended", "deal.reversed"][*kind];
            (kind, id.as_str(), time.as_str(), ["d", "f"][*deal], thousands * 1_000)
        }).collect();
        let start = Start { expiry, closed, acv };
        prop_assert_eq!(after(start, now, &events, true), after(start, now, &events, false));
    }
}
