//! I27: no item grows without a bound, whatever there are ten thousand of.

use std::collections::BTreeMap;

use domain::decide::{Decision, State, decide, named};
use domain::ledger::{Account, Part, packed};
use event::Event;
use event::time::Month;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use laurel_replay::World;
use program::Measure;
use rust_decimal::Decimal;

const MANY: usize = 10_000;

/// Most bytes of one item; DynamoDB takes 400 KB, and each started KB is a unit to write.
const ITEM_BYTES_MAX: usize = 8 * 1024;
/// Most items beside the head that one event changes.
const PARTS_MAX: usize = 4;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
periods_close = "10 days after the quarter"
late_events = "book in the period of the event while it is open, else in the current one"
[sources]
"/crm/*" = ["partner.*", "deal.*", "project.completed"]
"/lms/*" = ["course.completed", "certification.*"]
"/cms/*" = ["content.viewed"]
"/webinars/*" = ["webinar.*"]
[event."webinar.attended"]
fields = { webinar_id = "id", person_id = "person" }
counts = "webinars"
[earn.webinar]
on = "webinar.attended"
points = 1
at_most = "once per person per webinar"
hold_if = [{ more_than = "1 per person per hour" }]
[earn.closed]
on = "deal.closed"
points = 1
at_most = "once per partner per deal"
[earn.reading]
on = "content.viewed"
points = 1
at_most = ["1 per person per content per year", "5 points per partner per day"]
[earn.training]
on = "course.completed"
points = 1
hold = "30 days"
at_most = "once per person per course"
[ladder.sell.member]
rank = 1
[ladder.sell.silver]
rank = 2
enter = { any = [{ deals = 1000000, within = "1 year" }, { certifications = 1000000 }] }
keep = { any = [{ deals = 1000000, within = "1 year" }] }
review = "quarterly"
"#;

/// One partner, decided event by event, all of it known; and the largest item, by family.
struct Partner {
    world: World,
    account: Account,
    deals: BTreeMap<event::ids::DealId, domain::deal::Deal>,
}

impl Partner {
    fn new() -> Self {
        let mut world = World::new(PROGRAM, "2026-01-01T12:00:00Z");
        world.enrol("p");
        let mut account = world.account("p").clone();
        packed::read_all(&mut account);
        Self { world, account, deals: BTreeMap::new() }
    }

    fn take(&mut self, event: Event, now: Timestamp) -> Decision {
        let events = [event];
        let mut state = State::of(events[0].partner.clone(), Box::new(std::mem::take(&mut self.account)));
        let named = named(&events);
        state.deals = named.deals.into_iter().map(|id| (id.clone(), self.deals.remove(&id))).collect();
        loop {
            let mut decision = decide(&self.world.programs, state, &events, now).expect("decided");
            if !decision.judgements.contains(&domain::decide::Judgement::Later) {
                self.account = std::mem::take(&mut *decision.state.account);
                self.deals
                    .extend(decision.state.deals.iter().filter_map(|(id, deal)| Some((id.clone(), deal.clone()?))));
                return decision;
            }
            state = std::mem::replace(&mut decision.state, State::new(events[0].partner.clone()));
        }
    }
}

/// Ten thousand events of one kind, an hour apart: the head stays small, and so does every other item.
fn stays_small(what: &str, kind: &str, data: impl Fn(usize) -> String) -> Account {
    let mut partner = Partner::new();
    let mut now = partner.world.now;
    let (mut changed_last, mut outcomes) = (0, BTreeMap::<&str, usize>::new());
    for n in 0..MANY {
        now += SignedDuration::from_hours(1);
        partner.world.now = now;
        let event = partner.world.event(kind, "p", &format!("{kind}-{n}"), &now.to_string(), &data(n));
        let before = (n + 1 == MANY).then(|| packed::parts(&partner.account));
        let decision = partner.take(event, now);
        *outcomes.entry(decision.outcome(0).map_or("-", |outcome| outcome.word())).or_default() += 1;
        if let Some(before) = before {
            let after = packed::parts(&partner.account);
            changed_last = after.iter().filter(|(part, content)| before.get(part) != Some(content)).count();
        }
    }
    let head = packed::head(&partner.account);
    let head = serde_json::to_string(&head).expect("JSON").len();
    let parts = packed::parts(&partner.account);
    let (largest, bytes): (&Part, usize) =
        parts.iter().map(|(part, content)| (part, content.len())).max_by_key(|(_, bytes)| *bytes).expect("a part");
    println!(
        "{what}: head {head} bytes, {} items, the largest of {bytes} bytes, {changed_last} changed by the last; {outcomes:?}",
        parts.len()
    );
    assert!(head <= 1024, "{what}: the head has {head} bytes");
    assert!(bytes <= ITEM_BYTES_MAX, "{what}: {largest:?} has {bytes} bytes");
    assert!(changed_last <= PARTS_MAX, "{what}: {changed_last} items change");
    partner.account
}

#[test]
fn persons_with_certificates() {
    stays_small("persons with certificates", "certification.granted", |n| {
        format!(r#"{{"certification_id":"pro","person_id":"person-{n}","valid_until":"2030-01-01T00:00:00Z"}}"#)
    });
}

/// Each at a level of its own, until a day of its own.
#[test]
fn persons_with_certificates_of_all_levels() {
    stays_small("persons with certificates of all levels", "certification.granted", |n| {
        let until = date(2028, 1, 1).saturating_add(jiff::Span::new().days(i64::try_from(n % 1_000).expect("days")));
        let level = [101, 201, 301][n % 3];
        format!(
            r#"{{"certification_id":"pro","person_id":"person-{n}","level":{level},"valid_until":"{until}T00:00:00Z"}}"#
        )
    });
}

/// What the vendor declares itself, as content is: persons, ids, and what it counts to.
#[test]
fn events_of_the_vendors_own() {
    stays_small("events of the vendor's own", "webinar.attended", |n| {
        format!(r#"{{"webinar_id":"w{n}","person_id":"person-{}"}}"#, n % 977)
    });
}

#[test]
fn certifications_of_one_person() {
    stays_small("certifications of one person", "certification.granted", |n| {
        format!(r#"{{"certification_id":"c{n}","person_id":"dana"}}"#)
    });
}

#[test]
fn courses() {
    stays_small("courses", "course.completed", |n| format!(r#"{{"course_id":"c{n}","level":101,"person_id":"dana"}}"#));
}

#[test]
fn contents_of_one_person() {
    stays_small("contents of one person", "content.viewed", |n| {
        format!(r#"{{"content_id":"c{n}","person_id":"dana","seconds":45}}"#)
    });
}

#[test]
fn persons_of_one_content() {
    stays_small("persons of one content", "content.viewed", |n| {
        format!(r#"{{"content_id":"c","person_id":"person-{n}","seconds":45}}"#)
    });
}

#[test]
fn deals() {
    stays_small("deals", "deal.closed", |n| {
        format!(r#"{{"deal_id":"D{n}","outcome":"won","acv":{{"amount":"1","currency":"USD"}}}}"#)
    });
}

#[test]
fn motions_that_senders_make_up() {
    let account = stays_small("motions", "deal.closed", |n| {
        format!(
            r#"{{"deal_id":"D{n}","outcome":"won","acv":{{"amount":"1","currency":"USD"}},"motion":"{}"}}"#,
            if n % 1_000 == 999 { "sell".to_owned() } else { format!("m{n}") }
        )
    });
    // A ladder's own is measured all the same.
    let first = Month::of(date(2026, 1, 1));
    assert_eq!(account.measured("sell", Measure::Deals, first, first.plus(24)), Ok(Decimal::from(MANY / 1_000)));
}
