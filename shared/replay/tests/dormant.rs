//! Partners who were not seen for long: what was dropped of them is no zero.

use domain::decide::{State, decide, more_parts, named, needs};
use domain::ledger::{Account, CapKey, packed};
use event::Event;
use event::ids::PartnerId;
use jiff::tz::TimeZone;
use laurel_replay::World;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
periods_close = "10 days after the quarter"
late_events = "book in the period of the event while it is open, else in the current one"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = { by = "acv", per = "1", points = 1 }
at_most = "100 points per partner per month"
[earn.reading]
on = "content.viewed"
points = 1
hold = "30 days"
at_most = "1 per partner per content"
"#;

/// The state as a table gives it at `world.now`: parts whose time to live is over are gone.
fn load(world: &World, partner: &PartnerId, events: &[Event], ttl: bool) -> State {
    let whole = &world.accounts[partner];
    let today = TimeZone::UTC.to_datetime(world.now).date();
    let mut beside = packed::parts(whole);
    if ttl {
        beside.retain(|part, _| part.expires_on().is_none_or(|day| day > today));
    }
    let mut state = State::new(partner.clone());
    state.account = Box::new(packed::open(&packed::head(whole)).expect("a head"));
    let read = |account: &mut Account, parts: std::collections::BTreeSet<domain::ledger::Part>| {
        for part in parts {
            packed::read(account, part.clone(), beside.get(&part).map(String::as_str)).expect("a part");
        }
    };
    let asked = named(events);
    state.deals = asked.deals.iter().map(|id| (id.clone(), world.deals.get(id).cloned())).collect();
    state.opportunities = asked.opportunities.iter().map(|id| (id.clone(), None)).collect();
    let parts = needs(&world.programs, &state, events, world.now).parts;
    read(&mut state.account, parts);
    let more = more_parts(&world.programs, &state, world.now);
    read(&mut state.account, more);
    state
}

fn dormant() -> (World, Event, PartnerId) {
    let mut world = World::new(PROGRAM, "2026-03-14T12:00:00Z");
    world.enrol("p");
    // The cap of March is used up.
    world.close("p", "D1", "2026-03-14T11:00:00Z", "100");
    world.close("p", "D2", "2026-03-14T11:00:00Z", "50");
    // The books of the quarter close: its count leaves the head.
    world.at("2026-05-02T12:00:00Z").close("p", "D3", "2026-05-02T11:00:00Z", "1");
    // Nothing happens for long; then somebody amends.
    world.at("2028-06-01T12:00:00Z");
    let data = r#"{"deal_id":"D2","acv":{"amount":"90","currency":"USD"}}"#;
    let amended = world.event("deal.amended", "p", "D2-amended", "2028-06-01T11:00:00Z", data);
    (world, amended, "p".try_into().expect("a partner"))
}

/// A count whose time is over leaves nothing: whether its item was dropped yet or not, a decision is the same, and no cap is
/// exceeded.
#[test]
fn a_dropped_count_is_no_zero() {
    let (world, amended, partner) = dormant();
    let given = |ttl: bool| {
        let state = load(&world, &partner, std::slice::from_ref(&amended), ttl);
        let d = decide(&world.programs, state, std::slice::from_ref(&amended), world.now).expect("decided");
        d.records.last().expect("a record").postings.iter().filter(|p| p.is_award()).map(|p| p.amount).sum::<i64>()
    };
    assert_eq!((given(false), given(true)), (0, 0), "with the item still there, and dropped");
}

/// More than a year of contents in one item: DynamoDB takes 400 KB.
#[test]
fn a_yearly_count_by_value_is_bounded() {
    let mut account = Account::default();
    account.head.position = 1;
    (account.head.spilled, account.head.days_left) = (5, Some(jiff::civil::Date::MAX));
    for n in 0..10_000 {
        let key = CapKey::try_from(format!("reading|times per partner per course|2026-01..2026-12||{n:0>36}"))
            .expect("a key");
        account.frequency.set(key, 1);
    }
    let parts = packed::parts(&account);
    let most = parts.values().map(String::len).max().unwrap_or(0);
    assert!(most < 400 * 1024, "{} items, the largest of {most} bytes", parts.len());
}

/// What is decided of a sound partner is the same before and after a rebuild (I10).
#[test]
fn a_rebuild_changes_no_decision() {
    let mut world = World::new(PROGRAM, "2026-03-14T12:00:00Z");
    world.enrol("p");
    world.close("p", "D1", "2026-03-14T11:00:00Z", "100");
    world.close("p", "D2", "2026-03-14T11:00:00Z", "50");
    // Nothing happens for long: the count of March still stands in the head.
    world.at("2028-06-01T12:00:00Z");
    let data = r#"{"deal_id":"D2","acv":{"amount":"90","currency":"USD"}}"#;
    let amended = world.event("deal.amended", "p", "D2-amended", "2028-06-01T11:00:00Z", data);
    let partner: PartnerId = "p".try_into().expect("a partner");
    let given = |world: &World| {
        let state = load(world, &partner, std::slice::from_ref(&amended), true);
        let d = decide(&world.programs, state, std::slice::from_ref(&amended), world.now).expect("decided");
        d.records.last().expect("a record").postings.iter().filter(|p| p.is_award()).map(|p| p.amount).sum::<i64>()
    };
    let before = given(&world);
    let today = TimeZone::UTC.to_datetime(world.now).date();
    let rebuilt = domain::audit::rebuild(&world.records, today).expect("sound");
    world.accounts.insert(partner.clone(), rebuilt);
    assert_eq!((before, given(&world)), (0, 0), "before and after a rebuild");
}

/// A rebuild forgets a count with the day on which a table may have dropped its item; what stands in the head it keeps.
#[test]
fn a_rebuild_forgets_what_a_table_drops() {
    let (world, _, _) = dormant();
    let counts = |today: &str| {
        let rebuilt = domain::audit::rebuild(&world.records, today.parse().expect("a day")).expect("sound");
        rebuilt.frequency.iter().map(|(key, _)| key.period.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(counts("2027-08-15"), ["2026-03", "2026-05"]);
    assert_eq!(counts("2027-08-16"), ["2026-05"]);
    assert_eq!(counts("2030-01-01"), ["2026-05"], "it stands in the head");
}
