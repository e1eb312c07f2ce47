//! Deals that several partners share: who sourced them and who influenced them, each paid in its own history (M34, I23).

use std::collections::BTreeMap;

use domain::ledger::Outcome::{self, Applied, Awarded, Held, NoRule, Refused};
use domain::ledger::{Balance, Effect, Reason};
use domain::tell::explain;
use event::Event;
use laurel_replay::World;

use super::{INFLUENCE, MARCH, USD, assert_sound, publish, usd};

/// Whoever influences a deal is paid a share, and has points.
fn program() -> String {
    format!("{INFLUENCE}[earn.influenced]\non = \"deal.influenced\"\npoints = 7\n")
}

/// With these tables, partners `i0` to `i8`, and `p`, who registered deal `d`.
fn world_of(tables: &str) -> World {
    let mut world = super::world_of(tables, MARCH, (0..9).map(|n| format!("i{n}")).chain(["p".to_owned()]));
    let data = r#"{"deal_id":"d","opportunity_id":"o","customer":"c"}"#;
    world.send("deal.registered", "p", "registered", "2026-03-01T12:00:00Z", data);
    world
}

fn world() -> World {
    world_of(&program())
}

fn influence(w: &mut World, partner: &str, kind: &str, hour: u32) -> Outcome {
    let time = format!("2026-03-02T{hour:02}:00:00Z");
    w.send("deal.influenced", partner, &format!("{partner}-{hour}"), &time, &format!(r#"{{"deal_id":"d",{kind}}}"#))
}

const ENDORSED: &str = r#""kind":"endorsement""#;
const INTEGRATED: &str = r#""kind":"integration_requirement""#;
const ACTIVE: &str = r#""kind":"active_in_sale""#;

fn close(w: &mut World, amount: &str) -> Outcome {
    w.close("p", "d", "2026-03-05T12:00:00Z", amount)
}

fn correct(w: &mut World, kind: &str, day: u32, more: &str) -> Outcome {
    let time = format!("2026-03-{day:02}T12:00:00Z");
    w.send(kind, "p", &format!("{kind}-{day}"), &time, &format!(r#"{{"deal_id":"d",{more}}}"#))
}

/// What a partner has of dollars.
fn has(w: &World, partner: &str) -> String {
    let Balance { available, pending: 0, reserved: 0, owed: 0 } = w.account(partner).head.balance(USD) else {
        panic!("{:?}", w.account(partner).head.balance(USD))
    };
    USD.amount(available)
}

/// The share of each partner by which it was rated last, in basis points.
fn shares(w: &World) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for record in &w.records {
        for effect in &record.effects {
            if let Effect::Share { points } = effect {
                shares.insert(record.partner.to_string(), *points);
            }
        }
    }
    shares
}

/// M34: three kinds of influence, each with its share of the deal, the rest the partner's whose deal it is; each paid in its own history,
/// and each told by which share.
#[test]
fn m34_three_kinds_of_influence() {
    let mut w = world();
    assert_eq!(influence(&mut w, "i0", ENDORSED, 1), Awarded, "seven points, at once");
    assert_eq!(influence(&mut w, "i1", INTEGRATED, 2), Awarded);
    assert_eq!(influence(&mut w, "i2", ACTIVE, 3), Awarded);
    assert_eq!(has(&w, "i0"), "0.00");
    assert_eq!(close(&mut w, "100000"), Awarded);
    assert_eq!(["p", "i0", "i1", "i2"].map(|partner| has(&w, partner)), ["7000.00", "600.00", "900.00", "1500.00"]);
    let expected = [("p", 7_000), ("i0", 600), ("i1", 900), ("i2", 1_500)].map(|(who, share)| (who.to_owned(), share));
    assert_eq!(shares(&w), expected.into());
    let program = &w.programs.all()[0].program;
    let told = |partner: &str, kind: &str| {
        let record = w.records.iter().rfind(|record| record.partner.as_str() == partner && record.kind == kind);
        explain(record.expect("a record"), Some(program)).rules.into_iter().next().expect("a rule").sentence
    };
    let words = "7000.00 USD: 10% of 100000 USD first-year value, for a share of 70% in the deal";
    assert_eq!(told("p", "deal.closed"), words);
    let words = "the deal's award is worth 600.00 USD now, for a share of 6% in the deal; +600.00 USD";
    assert_eq!(told("i0", "deal.shared"), words);
    assert_sound(&w);
}

/// Whoever amends or reverses a deal changes what everybody has of it; of a deal that is void nobody has anything.
#[test]
fn m34_corrections_are_followed_by_everybody() {
    let mut w = world();
    influence(&mut w, "i0", ENDORSED, 1);
    influence(&mut w, "i2", ACTIVE, 2);
    close(&mut w, "100000");
    let all = |w: &World| ["p", "i0", "i2"].map(|partner| has(w, partner));
    assert_eq!(all(&w), ["7900.00", "600.00", "1500.00"]);
    correct(&mut w, "deal.amended", 6, &usd("acv", "200000"));
    assert_eq!(all(&w), ["15800.00", "1200.00", "3000.00"]);
    correct(&mut w, "deal.reversed", 7, &format!(r#""reason":"x",{}"#, usd("amount", "50000")));
    assert_eq!(all(&w), ["11850.00", "900.00", "2250.00"]);
    assert_eq!(w.last().reason, Some(Reason::CommissionTakenBack));
    correct(&mut w, "deal.reversed", 8, r#""reason":"x""#);
    assert_eq!(all(&w), ["0.00", "0.00", "0.00"]);
    assert_sound(&w);
}

/// Several of one kind share what the kind has, the odd basis points with who was first; nothing is made or lost (I23).
#[test]
fn i23_shares_sum_to_the_whole() {
    for many in 1..=8_usize {
        let mut w = world();
        for n in (0..many).rev() {
            influence(&mut w, &format!("i{n}"), ENDORSED, u32::try_from(n).expect("few"));
        }
        close(&mut w, "99999.99");
        let shares = shares(&w);
        assert_eq!(shares.values().sum::<u32>(), 10_000, "{shares:?}");
        assert_eq!((shares.len(), shares["p"]), (many + 1, 9_400));
        let each: Vec<u32> = (0..many).map(|n| shares[&format!("i{n}")]).collect();
        assert!(each.is_sorted_by(|first, next| first >= next && first - next <= 1), "{each:?}");
        assert_sound(&w);
    }
}

/// What is said of one partner counts before what the program says of its kind; more than there is is refused.
#[test]
fn a_share_may_be_said() {
    let said = |percent: u32| format!(r#"{ENDORSED},"share_percent":{percent}"#);
    let mut w = world();
    assert_eq!(influence(&mut w, "i0", &said(50), 1), Awarded);
    assert_eq!(influence(&mut w, "i1", &said(20), 2), Awarded);
    assert_eq!(influence(&mut w, "i2", &said(1), 3), Refused);
    assert_eq!(w.last().reason, Some(Reason::SharedAway));
    influence(&mut w, "i3", ACTIVE, 4);
    // Said again, it is what was said last by the events' own time, in whatever order that comes.
    influence(&mut w, "i0", &said(10), 5);
    influence(&mut w, "i0", &said(30), 0);
    close(&mut w, "1000");
    let expected =
        [("p", 5_500), ("i0", 1_000), ("i1", 2_000), ("i3", 1_500)].map(|(who, share)| (who.to_owned(), share));
    assert_eq!(shares(&w), expected.into());
    assert_sound(&w);
}

/// Nobody influences its own deal; eight others at most; and nobody what was sold before.
#[test]
fn who_has_no_share() {
    let mut w = world();
    // It may have overtaken the deal's reassignment.
    assert_eq!(influence(&mut w, "p", ENDORSED, 1), Held);
    close(&mut w, "1000");
    assert_eq!(w.last().reason, Some(Reason::OwnDeal));
    let mut w = world();
    for n in 0..8 {
        assert_eq!(influence(&mut w, &format!("i{n}"), ENDORSED, n), Awarded);
    }
    assert_eq!(influence(&mut w, "i8", ENDORSED, 9), Refused);
    assert_eq!(w.last().reason, Some(Reason::SharedByMany));
    let mut w = world();
    close(&mut w, "1000");
    let late = format!(r#"{{"deal_id":"d",{ENDORSED}}}"#);
    assert_eq!(w.send("deal.influenced", "i0", "late", "2026-03-06T00:00:00Z", &late), Awarded, "the points");
    assert_eq!((has(&w, "p"), has(&w, "i0"), shares(&w).len()), ("100.00".to_owned(), "0.00".to_owned(), 0));
    // A program that shares nothing pays the whole to whose deal it is.
    let none = program().replace("[influence]\npart = \"30%\"\nendorsement = \"20%\"\nintegration_requirement = \"30%\"\nactive_in_sale = \"50%\"\n", "");
    let none = none.replace("[commission.influence]\non = \"deal.influenced\"\nrate = \"10%\"\n", "");
    let mut w = world_of(&none);
    influence(&mut w, "i0", ENDORSED, 1);
    close(&mut w, "1000");
    assert_eq!((has(&w, "p"), w.outbox.len()), ("100.00".to_owned(), 0));
    assert_sound(&w);
}

/// By tier, by kind, with caps and holds of its own; whether it is paid at all is decided when its share is rated first.
#[test]
fn a_share_is_rated_as_a_commission_is() {
    let rules = r#"
[commission.influence]
on = "deal.influenced"
if = { kind = "!= integration_requirement", acv = ">= 1000" }
tier = "gold"
rate = { by = "acv", bands = [{ from = "1000", rate = "10%" }, { from = "5000", rate = "20%" }] }
at_most = "90 USD per partner per quarter"
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { points = 7, within = "1 year" }
"#;
    let program = program().replace("[commission.influence]\non = \"deal.influenced\"\nrate = \"10%\"\n", rules);
    let mut w = world_of(&program);
    influence(&mut w, "i0", ENDORSED, 1);
    influence(&mut w, "i1", INTEGRATED, 2);
    close(&mut w, "500");
    assert_eq!((has(&w, "i0"), has(&w, "i1")), ("0.00".to_owned(), "0.00".to_owned()));
    correct(&mut w, "deal.amended", 6, &usd("acv", "1000"));
    assert_eq!(
        (has(&w, "i0"), has(&w, "i1")),
        ("6.00".to_owned(), "0.00".to_owned()),
        "a deal that grows into it pays"
    );
    correct(&mut w, "deal.amended", 7, &usd("acv", "10000"));
    assert_eq!(has(&w, "i0"), "90.00", "120.00, cut by its cap");
    assert_sound(&w);
}

/// In whatever order what happened becomes known, everybody has the same in the end: also where an influence is told of after the closing
/// and its corrections.
#[test]
fn the_order_in_which_it_becomes_known_does_not_matter() {
    let all = |w: &World| -> Vec<Event> {
        let event = |kind: &str, partner: &str, id: &str, day: u32, data: String| {
            w.event(kind, partner, id, &format!("2026-03-{day:02}T12:00:00Z"), &data)
        };
        vec![
            event("deal.influenced", "i0", "a", 2, format!(r#"{{"deal_id":"d",{ENDORSED}}}"#)),
            event("deal.influenced", "i1", "b", 3, format!(r#"{{"deal_id":"d",{ENDORSED}}}"#)),
            event("deal.influenced", "i2", "c", 4, format!(r#"{{"deal_id":"d",{ACTIVE}}}"#)),
            event(
                "deal.closed",
                "p",
                "d",
                5,
                format!(r#"{{"deal_id":"d","outcome":"won",{}}}"#, usd("acv", "12345.67")),
            ),
            event("deal.amended", "p", "e", 6, format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "23456.78"))),
            event(
                "deal.reversed",
                "p",
                "f",
                7,
                format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "3456.78")),
            ),
        ]
    };
    let run = |order: &[usize]| {
        let mut w = world();
        let events = all(&w);
        for at in order {
            w.judge(&[events[*at].clone()]);
        }
        assert!(w.held.is_empty() && w.outbox.is_empty(), "{}", w.ledger());
        assert_sound(&w);
        let money = ["p", "i0", "i1", "i2"].map(|partner| has(&w, partner));
        (money, shares(&w), w.deals["d"].influencers.len())
    };
    let straight = run(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(straight.0, ["1580.00", "60.00", "60.00", "300.00"], "79, 3, 3 and 15 % of a tenth of 20,000");
    let mut orders = vec![vec![]];
    for _ in 0..6 {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..6)
                    .filter(|next| !order.contains(next))
                    .map(|next| [order.clone(), vec![next]].concat())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        assert_eq!(run(&order), straight, "{order:?}");
    }
}

/// The errand of whoever left is judged all the same: it takes back, and gives nothing new.
#[test]
fn whoever_is_suspended_gains_nothing_by_a_share() {
    let mut w = world();
    influence(&mut w, "i0", ENDORSED, 1);
    w.send("partner.suspended", "i0", "s", "2026-03-04T00:00:00Z", r#"{"reason":"x"}"#);
    close(&mut w, "1000");
    assert_eq!((has(&w, "i0"), has(&w, "p")), ("0.00".to_owned(), "94.00".to_owned()));
    let shared = w.records.iter().find(|record| record.kind == "deal.shared").expect("it is judged");
    assert_eq!((shared.outcome, shared.reason.clone()), (NoRule, Some(Reason::PartnerSuspended)));
    assert_ne!(shared.outcome, Applied);
    assert_sound(&w);
}

/// What is said again after the closing changes nobody's share, also where the closing becomes known after it.
#[test]
fn what_is_said_after_the_closing_changes_no_share() {
    let run = |order: [usize; 3]| {
        let mut w = world();
        for step in order {
            match step {
                0 => influence(&mut w, "i0", ENDORSED, 1),
                1 => close(&mut w, "1000"),
                _ => {
                    let again = format!(r#"{{"deal_id":"d",{ACTIVE}}}"#);
                    w.send("deal.influenced", "i0", "again", "2026-03-06T00:00:00Z", &again)
                }
            };
        }
        assert_sound(&w);
        (["p", "i0"].map(|partner| has(&w, partner)), shares(&w))
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (money, shares) = run(order);
        assert_eq!(money, ["94.00", "6.00"], "{order:?}");
        assert_eq!(shares.values().sum::<u32>(), 10_000, "{order:?}");
    }
}

/// I23: a version that shares more between what was said and the closing leaves nobody more than there is.
#[test]
fn i23_no_version_shares_more_than_there_is() {
    let mut w = world();
    influence(&mut w, "i0", &format!(r#"{ENDORSED},"share_percent":70"#), 1);
    influence(&mut w, "i1", ACTIVE, 2);
    influence(&mut w, "i2", INTEGRATED, 3);
    publish(&mut w, &program().replace("part = \"30%\"", "part = \"100%\""), "2026-03-04T00:00:00Z");
    close(&mut w, "1000");
    let shares = shares(&w);
    assert_eq!((shares.values().sum::<u32>(), shares["i0"], shares["p"]), (10_000, 7_000, 0), "{shares:?}");
    let all: i64 = ["p", "i0", "i1", "i2"].map(|who| w.account(who).head.balance(USD).available).iter().sum();
    assert_eq!(all, 10_000, "100.00 USD in all: a tenth of a thousand");
    assert_sound(&w);
}

/// M47: who influenced a deal is paid by what was stated of it when its share was rated first, not of the partner whose deal it is, and
/// not what is stated later.
#[test]
fn m47_an_influencer_is_paid_by_what_is_stated_of_it() {
    let tables = program().replacen(
        "on = \"deal.influenced\"\nrate",
        "on = \"deal.influenced\"\nif = { partner.type = \"one of ISV, OEM\" }\nrate",
        1,
    );
    assert!(tables.contains("partner.type"), "{tables}");
    let mut w = world_of(&format!("{tables}[facts]\ntype = \"one of ISV, OEM, agency\"\n"));
    let mut n = 0;
    let mut state = |w: &mut World, partner: &str, kind: &str| {
        n += 1;
        let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{{"type":"{kind}"}}}}"#);
        let time = w.now + jiff::SignedDuration::from_secs(n);
        w.send("partner.enrolled", partner, &format!("s{n}"), &time.to_string(), &data);
    };
    state(&mut w, "p", "ISV");
    state(&mut w, "i1", "OEM");
    state(&mut w, "i2", "agency");
    for (hour, partner) in (4..).zip(["i0", "i1", "i2"]) {
        influence(&mut w, partner, ENDORSED, hour);
    }
    close(&mut w, "100000");
    let all = |w: &World| ["i0", "i1", "i2"].map(|partner| has(w, partner));
    assert_eq!(all(&w), ["0.00", "200.00", "0.00"], "of i0 nothing is stated");
    state(&mut w, "i1", "agency");
    state(&mut w, "i2", "OEM");
    correct(&mut w, "deal.amended", 9, &usd("acv", "200000"));
    assert_eq!(all(&w), ["0.00", "400.00", "0.00"], "that was decided");
    assert_sound(&w);
}
