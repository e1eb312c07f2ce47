//! Amending away and back moves nothing, under any caps.

use laurel_replay::World;
use proptest::prelude::*;

const CAPS: [&str; 12] = [
    "1 per partner per month",
    "2 per partner per quarter",
    "130 points per partner per month",
    "700 points per partner per year",
    "1 per partner per day",
    "250 points per partner per deal",
    "1 per person per deal",
    "90 points per person per month",
    "300 points per team per quarter",
    "once per person",
    "400 points per person",
    "60 points per partner per deal per month",
];

fn program(caps: &[usize], more: &[usize], hold: bool) -> String {
    let at = |set: &[usize]| {
        if set.is_empty() {
            String::new()
        } else {
            format!("at_most = [{}]\n", set.iter().map(|i| format!("{:?}", CAPS[*i])).collect::<Vec<_>>().join(","))
        }
    };
    format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["partner.*", "deal.*"]
[earn.closed]
on = "deal.closed"
points = {{ by = "acv", bands = [{{ from = "1", points = 10 }}, {{ from = "1000", points = 100 }}, {{ from = "10000", points = 1000 }}] }}
{}
[earn.bonus]
on = "deal.closed"
if = {{ acv = ">= 5000" }}
points = {{ by = "total_value", per = "1000", points = 10 }}
{}{}
[ladder.sell.base]
rank = 1
"#,
        at(caps),
        if hold { "hold = \"30 days\"\n" } else { "" },
        at(more)
    )
}

fn acv() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0u32), Just(1), Just(999), Just(1000), 1..30_000u32]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn away_and_back(caps in prop::collection::vec(0..12usize, 0..4), more in prop::collection::vec(0..12usize, 0..3), hold in any::<bool>(),
        closed in prop::collection::vec(acv(), 1..4), amends in prop::collection::vec((0..4usize, acv()), 0..12)) {
        let mut w = World::new(&program(&caps, &more, hold), "2026-05-15T12:00:00Z");
        w.send("partner.enrolled", "p", "e", "2026-05-01T00:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
        for (n, a) in closed.iter().enumerate() { w.close("p", &format!("d{n}"), "2026-05-14T12:00:00Z", &a.to_string()); }
        let before = w.account("p").balance();
        let mut seq = 0;
        let mut amend = |w: &mut World, n: usize, a: u32| {
            seq += 1;
            let data = format!(r#"{{"deal_id":"d{n}","acv":{{"amount":"{a}","currency":"USD"}}}}"#);
            w.send("deal.amended", "p", &format!("a{seq}"), &format!("2026-05-15T10:{seq:02}:00Z"), &data);
        };
        for (n, a) in &amends { if *n < closed.len() { amend(&mut w, *n, *a); } }
        for (n, a) in closed.iter().enumerate() { amend(&mut w, n, *a); }
        let after = w.account("p").balance();
        prop_assert_eq!(before, after, "{}\n{}", program(&caps, &more, hold), w.ledger());
    }
}
