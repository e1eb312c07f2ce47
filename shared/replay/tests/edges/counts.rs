//! What is counted by minutes, hours and days, in the head or beside it.

use domain::ledger::packed;
use event::ids::PartnerId;
use laurel_replay::World;
use proptest::prelude::*;

const PROGRAM: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/cms/*" = ["*"]
[earn.reading]
on = "content.viewed"
points = 2
at_most = ["4 per person per day", "9 per partner per day", "2 per partner per content per day", "1 per person per content per minute", "40 points per partner per week"]
hold_if = [{ more_than = "3 per person per minute" }, { more_than = "10 per partner per hour" }, { more_than = "3 per person per day" }]
held_for = "14 days"
[earn.looking]
on = "content.viewed"
points = 1
at_most = ["6 per partner per minute", "3 per person per hour", "12 per partner per content per hour"]
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]
    /// Decided in groups or one by one, late, over midnight, and while a version moves the time zone: the same outcomes, postings, counts
    /// and items, and what is rebuilt is what is stored (I10, I25).
    #[test]
    fn groups_count_as_one_by_one(
        views in proptest::collection::vec((0_u8..5, 0_i64..5, 22_i64..26, 0_i64..3, 0_u8..4), 30..90),
        group in 2_usize..14,
        zone in prop::sample::select(vec!["Pacific/Kiritimati", "America/Los_Angeles", "UTC"]),
        moved_at in 10_usize..60,
    ) {
        let moved = PROGRAM.replace("currency = \"USD\"", &format!("currency = \"USD\"\ntime_zone = \"{zone}\""));
        let mut both = [(); 2].map(|()| {
            let mut world = World::new(PROGRAM, "2026-05-04T12:00:00Z");
            world.enrol("p");
            world
        });
        let p = PartnerId::try_from("p").expect("a partner");
        let mut seen = 0;
        for (nth, chunk) in views.chunks(group).enumerate() {
            let now = format!("2026-05-{:02}T{:02}:30:00Z", 11 + nth / 20, nth % 20);
            let is_moved = (seen..seen + chunk.len()).contains(&moved_at);
            for world in &mut both {
                world.at(&now);
                if is_moved {
                    world.publish(&moved, &now);
                }
            }
            let [one, many] = &mut both;
            let event = |(who, day, hour, minute, what): &(u8, i64, i64, i64, u8)| {
                seen += 1;
                let time = format!("2026-05-{:02}T{:02}:0{minute}:00Z", 5 + day + hour / 24, hour % 24);
                let data = format!(r#"{{"content_id":"c{what}","person_id":"person-{who}"}}"#);
                one.event("content.viewed", "p", &format!("v{seen}"), &time, &data)
            };
            let mut left: Vec<_> = chunk.iter().map(event).collect();
            while !left.is_empty() {
                let decided = many.decide_for(&p, &left);
                let before = left.len();
                for record in &decided.records {
                    if let Some(event) = left.iter().find(|event| event.identity == record.identity) {
                        one.decide_for(&p, std::slice::from_ref(event));
                    }
                    left.retain(|event| event.identity != record.identity);
                }
                prop_assert!(left.len() < before);
            }
            let told = |world: &World| -> Vec<_> {
                world.records.iter().map(|r| (r.identity.clone(), r.outcome, r.postings.clone(), r.effects.clone())).collect()
            };
            prop_assert_eq!(told(one), told(many));
            prop_assert_eq!(packed::head(one.account("p")), packed::head(many.account("p")));
            prop_assert_eq!(packed::parts(one.account("p")), packed::parts(many.account("p")));
        }
        for world in both {
            prop_assert_eq!(world.findings(), Vec::<String>::new());
        }
    }
}
