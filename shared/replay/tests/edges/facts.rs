//! What goes by facts, targets and territories, in whatever order it becomes known: what readers of the code held against it.

use domain::ledger::Outcome;
use domain::ledger::{Asset, Balance};
use domain::tell::explain;
use laurel_replay::World;

const USD: Asset = Asset::Money("USD");

fn program(tables: &str) -> String {
    format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[program.rates]
EUR = "1.10"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
"/admin/*" = ["*"]
"/finance/*" = ["payout.*"]
{tables}"#
    )
}

fn world(tables: &str) -> World {
    World::new(&program(tables), "2026-03-02T15:00:00Z")
}

fn money(amount: &str) -> String {
    format!(r#"{{"amount":"{amount}","currency":"USD"}}"#)
}

fn of(w: &World, partner: &str) -> Balance {
    w.account(partner).head.balance(USD)
}

fn enrol(w: &mut World, partner: &str, id: &str, time: &str, facts: &str) -> Outcome {
    let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{facts}}}"#);
    w.send("partner.enrolled", partner, id, time, &data)
}

fn close(w: &mut World, partner: &str, deal: &str, amount: &str) -> Outcome {
    let time = w.now.to_string();
    w.close(partner, deal, &time, amount)
}

fn told(w: &World, at: usize) -> Vec<String> {
    let record = &w.records[at];
    let told = explain(record, w.programs.number(record.version()).map(|version| &*version.program));
    told.rules.into_iter().map(|rule| format!("{}: {}", rule.rule, rule.sentence)).collect()
}

/// A ladder that asks one fact to enter and another to keep goes up and down for ever.
#[test]
fn a_ladder_that_oscillates_by_facts_is_warned_of() {
    let tables = r#"
[facts]
type = "one of reseller, OEM"
[ladder.sell.member]
rank = 1
[ladder.sell.oem]
rank = 2
enter = { deals = 1, within = "1 year" }
keep = { partner.type = "OEM" }
review = "quarterly"
first_review = "1 quarter"
grace = "1 quarter"
"#;
    let found: Vec<_> = program::check(&program(tables)).into_iter().map(|f| format!("{:?}", f.code)).collect();
    let mut w = world(tables);
    enrol(&mut w, "p", "e", "2026-03-02T15:00:00Z", r#"{"type":"reseller"}"#);
    let mut moves = Vec::new();
    for (n, now) in [
        "2026-04-02",
        "2026-07-12",
        "2026-10-12",
        "2027-01-12",
        "2027-04-12",
        "2027-07-12",
        "2027-10-12",
        "2028-01-12",
        "2028-04-12",
        "2028-07-12",
    ]
    .iter()
    .enumerate()
    {
        w.at(&format!("{now}T12:00:00Z")).catch_up();
        close(&mut w, "p", &format!("d{n}"), "10");
        moves.push(w.tier("p").to_owned());
    }
    let changes =
        w.records.iter().flat_map(|r| &r.effects).filter(|e| matches!(e, domain::ledger::Effect::Tier { .. })).count();
    assert!(found.iter().any(|c| c.contains("Oscillating")), "check: {found:?}, {changes} changes of tier: {moves:?}");
}

const TYPES: &str = r#"
[facts]
type = "one of referral, reseller"
[commission.c]
rate = { by = "partner.type", table = { referral = "5%", reseller = "10%" } }
"#;

/// What a share in a deal is paid by is told.
#[test]
fn an_explanation_of_a_share_says_what_it_went_by() {
    let mut w = world(
        r#"
[facts]
type = "one of ISV, agency"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.influence]
on = "deal.influenced"
if = { partner.type = "ISV" }
rate = "10%"
"#,
    );
    let time = w.now.to_string();
    w.enrol("o");
    enrol(&mut w, "i", "e1", &time, r#"{"type":"ISV"}"#);
    enrol(&mut w, "j", "e2", &time, r#"{"type":"agency"}"#);
    w.send("deal.registered", "o", "r", &time, r#"{"deal_id":"a","opportunity_id":"op","customer":"C"}"#);
    for partner in ["i", "j"] {
        w.send(
            "deal.influenced",
            partner,
            &format!("inf-{partner}"),
            &time,
            r#"{"deal_id":"a","kind":"active_in_sale"}"#,
        );
    }
    close(&mut w, "o", "a", "10000");
    let shares: Vec<_> = (0..w.records.len())
        .filter(|at| w.records[*at].kind == "deal.shared")
        .map(|at| (w.records[at].partner.to_string(), told(&w, at)))
        .collect();
    let of = |partner: &str| shares.iter().find(|(p, _)| p == partner).map(|(_, t)| t.clone()).expect("shared");
    assert!(of("i")[0].contains("partner.type is ISV"), "{:?}", of("i"));
    assert!(!of("j")[0].contains("it matched"), "{:?}", of("j"));
}

#[test]
fn who_is_not_what_a_share_asks_is_told_so() {
    let mut w = world(
        r#"
[facts]
type = "one of ISV, agency"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.influence]
on = "deal.influenced"
if = { partner.type = "ISV" }
rate = "10%"
"#,
    );
    let time = w.now.to_string();
    w.enrol("o");
    enrol(&mut w, "j", "e2", &time, r#"{"type":"agency"}"#);
    w.send("deal.registered", "o", "r", &time, r#"{"deal_id":"a","opportunity_id":"op","customer":"C"}"#);
    w.send("deal.influenced", "j", "inf", &time, r#"{"deal_id":"a","kind":"active_in_sale"}"#);
    close(&mut w, "o", "a", "10000");
    let at = w.records.iter().position(|r| r.kind == "deal.shared").expect("shared");
    assert!(!told(&w, at)[0].contains("it matched"), "{:?}", told(&w, at));
}

/// An explanation of a correction.
#[test]
fn an_amendment_says_what_was_stated_at_the_closing() {
    let mut w = world(TYPES);
    enrol(&mut w, "p", "e1", "2026-03-02T15:00:00Z", r#"{"type":"reseller"}"#);
    close(&mut w, "p", "a", "1000");
    let time = w.now.to_string();
    w.send("deal.amended", "p", "am", &time, &format!(r#"{{"deal_id":"a","acv":{}}}"#, money("2000")));
    let told = told(&w, w.records.len() - 1);
    assert!(told[0].contains("partner.type is reseller"), "{told:?}");
}

/// Enrolment and closing in one group, of a profile that leaves the head with it.
#[test]
fn a_large_profile_and_a_closing_in_one_group() {
    let names: Vec<String> = (0..16).map(|n| format!("fact-number-{n}-{}", "x".repeat(10))).collect();
    let facts = names.iter().map(|n| format!("{n} = \"text\"\n")).collect::<Vec<_>>().concat();
    let mut w = world(&format!(
        "[facts]\n{facts}[commission.c]\nif = {{ \"partner.{}\" = \"!= x\" }}\nrate = \"10%\"\n",
        names[0]
    ));
    let stated: Vec<String> = names.iter().map(|n| format!(r#""{n}":"{}""#, "é".repeat(64))).collect();
    let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{{{}}}}}"#, stated.join(","));
    let time = w.now.to_string();
    let enrol = w.event("partner.enrolled", "p", "e", &time, &data);
    let close = w.event(
        "deal.closed",
        "p",
        "c",
        &time,
        &format!(r#"{{"deal_id":"a","outcome":"won","acv":{}}}"#, money("1000")),
    );
    let again = w.event("partner.enrolled", "p", "e2", "2026-03-02T14:00:00Z", &data);
    let partner = enrol.partner.clone();
    w.decide_for(&partner, &[enrol, close, again]);
    assert_eq!(of(&w, "p").available, 10_000);
    assert_eq!(w.findings(), Vec::<String>::new());
}

use proptest::prelude::*;

const YEARLY: &str = r#"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.year]
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.8" }, { from = "50%", by = "1" }, { from = "100%", by = "1.25" }], true_up = true }]
[commission.month]
rate = "10%"
times = [{ attainment = "acv", per = "month", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
[commission.both]
rate = "10%"
times = [{ attainment = "acv", per = "month", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }, { attainment = "deals", per = "quarter", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
[commission.influence]
on = "deal.influenced"
rate = "10%"
times = [{ attainment = "acv", per = "quarter", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
"#;

fn versions(n: u8) -> String {
    let close = [
        "10 days after the quarter",
        "40 days after the month",
        "60 days after the quarter",
        "1 day after the month",
        "5 days after the month",
    ][usize::from(n % 5)];
    let zone = ["UTC", "Asia/Tokyo", "America/New_York"][usize::from(n / 5 % 3)];
    let start = ["01-01", "04-01", "02-01"][usize::from(n / 15 % 3)];
    program(YEARLY).replacen("currency = \"USD\"\n", &format!("currency = \"USD\"\nperiods_close = \"{close}\"\ntime_zone = \"{zone}\"\nfiscal_year_starts = \"{start}\"\n"), 1)
}

fn true_ups_wait(w: &World) -> Result<(), String> {
    for (id, deal) in &w.deals {
        let Some(closed) = &deal.closed else { continue };
        let own = closed.credits.iter().map(|(r, c)| (deal.owner.clone(), r.clone(), c.clone()));
        let others = deal
            .influencers
            .iter()
            .flat_map(|one| one.credits.iter().map(|(r, c)| (one.partner.clone(), r.clone(), c.clone())));
        for (partner, rule, credit) in own.chain(others) {
            let Some(up) = credit.true_up else { continue };
            let waits = w.outbox.iter().any(|sent| sent.event.partner == partner && matches!(&sent.event.kind, event::Kind::DealTruedUp { deal_id, due } if deal_id == id && *due == up.on));
            if !waits {
                return Err(format!("{id} {rule} of {partner} waits for {} and nothing comes", up.on));
            }
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Op {
    Close(u32),
    Amend(u8, u32),
    Reverse(u8, bool),
    Influence(u8),
    Suspend,
    Reinstate,
    Publish(u8),
    Wait(u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1u32..50).prop_map(Op::Close),
        2 => (any::<u8>(), 0u32..50).prop_map(|(a, b)| Op::Amend(a, b)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(a, b)| Op::Reverse(a, b)),
        2 => any::<u8>().prop_map(Op::Influence),
        1 => Just(Op::Suspend),
        1 => Just(Op::Reinstate),
        2 => any::<u8>().prop_map(Op::Publish),
        5 => (1u16..60).prop_map(Op::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// No credit waits for nothing, none is left, and all that was trued up goes by what was attained.
    #[test]
    fn no_credit_is_left_to_be_trued_up(ops in prop::collection::vec(op(), 1..25), first in any::<u8>()) {
        let mut w = World::new(&versions(first), "2026-01-15T15:00:00Z");
        w.enrol("p");
        w.enrol("q");
        for (n, (measure, period, value)) in [("acv", "2026", "9000"), ("acv", "2026-Q1", "3000"), ("acv", "2026-02", "1000"), ("acv", "2026-01", "1500"), ("deals", "2026-Q1", "3"), ("acv", "2026-Q2", "3000")].into_iter().enumerate() {
            for p in ["p", "q"] {
                let data = format!(r#"{{"motion":"sell","measure":"{measure}","period":"{period}","value":"{value}"}}"#);
                w.send("target.set", p, &format!("t{n}{p}"), "2026-01-15T00:00:00Z", &data);
            }
        }
        let mut deals = 0_u8;
        for (n, op) in ops.iter().enumerate() {
            let time = w.now.to_string();
            let of = |a: u8| if deals == 0 { 0 } else { a % deals };
            match op {
                Op::Close(v) => { close(&mut w, "p", &format!("d{deals}"), &(v * 100).to_string()); deals += 1; }
                Op::Amend(a, v) => { w.send("deal.amended", "p", &format!("o{n}"), &time, &format!(r#"{{"deal_id":"d{}","acv":{}}}"#, of(*a), money(&(v * 100).to_string()))); }
                Op::Reverse(a, whole) => {
                    let part = if *whole { String::new() } else { format!(r#","amount":{}"#, money("300")) };
                    w.send("deal.reversed", "p", &format!("o{n}"), &time, &format!(r#"{{"deal_id":"d{}","reason":"x"{part}}}"#, of(*a)));
                }
                Op::Influence(a) => { w.send("deal.influenced", "q", &format!("o{n}"), "2026-01-15T15:00:00Z", &format!(r#"{{"deal_id":"d{}","kind":"endorsement"}}"#, of(*a))); }
                Op::Suspend => { w.send("partner.suspended", "p", &format!("o{n}"), &time, r#"{"reason":"x"}"#); }
                Op::Reinstate => { w.send("partner.reinstated", "p", &format!("o{n}"), &time, r#"{"reason":"x"}"#); }
                Op::Publish(v) => { let at = (w.now + jiff::SignedDuration::from_hours(1)).to_string(); w.publish(&versions(*v), &at); w.now += jiff::SignedDuration::from_hours(2); }
                Op::Wait(days) => { w.now += jiff::SignedDuration::from_hours(i64::from(*days) * 24); w.catch_up(); }
            }
            prop_assert_eq!(true_ups_wait(&w), Ok(()));
        }
        for _ in 0..30 { w.now += jiff::SignedDuration::from_hours(24 * 30); w.catch_up(); }
        prop_assert_eq!(true_ups_wait(&w), Ok(()));
        for deal in w.deals.values() {
            if let Some(closed) = &deal.closed { prop_assert!(closed.credits.values().all(|c| c.true_up.is_none())); }
            prop_assert!(deal.influencers.iter().flat_map(|one| one.credits.values()).all(|c| c.true_up.is_none()));
        }
        prop_assert_eq!(w.findings(), Vec::<String>::new());
    }
}

fn alone(n: u8) -> String {
    let close =
        ["10 days after the quarter", "40 days after the month", "60 days after the quarter", "1 day after the month"]
            [usize::from(n % 4)];
    let zone = ["UTC", "Asia/Tokyo", "America/New_York"][usize::from(n / 4 % 3)];
    let review = ["monthly", "quarterly", "annually"][usize::from(n / 12 % 3)];
    let keep = if n.is_multiple_of(7) {
        String::new()
    } else {
        format!(
            "keep = {{ any = [{{ partner.type = \"OEM\" }}, {{ acv = \"500\", within = \"1 quarter\" }}] }}\nreview = \"{review}\"\nfirst_review = \"1 month\"\n{}",
            if n.is_multiple_of(2) { "grace = \"1 quarter\"\n" } else { "" }
        )
    };
    let lasts = if n.is_multiple_of(3) { "lasts = \"1 year\"\n" } else { "" };
    program(&format!("[facts]\ntype = \"one of OEM, ISV\"\n[exclusivity]\n{keep}{lasts}")).replacen(
        "currency = \"USD\"\n",
        &format!("currency = \"USD\"\nperiods_close = \"{close}\"\ntime_zone = \"{zone}\"\n"),
        1,
    )
}

#[derive(Clone, Debug)]
enum Do {
    Grant(bool, bool, Option<u16>, u16),
    End(bool, bool, u16),
    Off(bool, u16),
    Enrol(bool, bool, u16),
    Close(bool),
    Publish(u8),
    Wait(u16),
}

fn deed() -> impl Strategy<Value = Do> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), prop::option::of(0u16..200), 0u16..60).prop_map(|(a, b, c, d)| Do::Grant(a, b, c, d)),
        2 => (any::<bool>(), any::<bool>(), 0u16..60).prop_map(|(a, b, c)| Do::End(a, b, c)),
        1 => (any::<bool>(), 0u16..60).prop_map(|(a, b)| Do::Off(a, b)),
        2 => (any::<bool>(), any::<bool>(), 0u16..60).prop_map(|(a, b, c)| Do::Enrol(a, b, c)),
        2 => any::<bool>().prop_map(Do::Close),
        1 => any::<u8>().prop_map(Do::Publish),
        5 => (0u16..50).prop_map(Do::Wait),
    ]
}

fn alone_sound(w: &World) -> Result<(), String> {
    let mut holders = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (partner, account) in &w.accounts {
        for (of, held) in &account.profile.exclusive {
            holders.entry(of.to_string()).or_default().push(partner.to_string());
            let scope = |kind: &event::Kind| domain::ledger::Scope::of(kind);
            let comes = w.outbox.iter().any(|sent| {
                sent.event.partner == *partner
                    && scope(&sent.event.kind).as_ref() == Some(of)
                    && matches!(&sent.event.kind, event::Kind::ExclusivityReviewed { due, .. } if *due == held.look)
            });
            if !comes {
                return Err(format!("{of} of {partner} is looked at on {} and nothing comes", held.look));
            }
        }
    }
    for (of, all) in &holders {
        if all.len() > 1 {
            return Err(format!("{of} is of {all:?}"));
        }
    }
    for (part, pool) in &w.pools {
        let n = holders.get(&part.pool.to_string()).map_or(0, Vec::len);
        let _ = n;
        if pool.drawn > 1 || pool.drawn < 0 {
            return Err(format!("{pool:?}"));
        }
    }
    let drawn: i64 = w.pools.values().map(|p| p.drawn).sum();
    let held: i64 = holders.values().map(|v| i64::try_from(v.len()).expect("few")).sum();
    if drawn != held {
        return Err(format!("drawn {drawn}, held {held}"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn one_partner_has_a_territory_and_it_is_looked_at(deeds in prop::collection::vec(deed(), 1..30), first in any::<u8>()) {
        let mut w = World::new(&alone(first), "2026-01-15T15:00:00Z");
        w.enrol("p");
        w.enrol("q");
        for (n, deed) in deeds.iter().enumerate() {
            let who = |a: bool| if a { "p" } else { "q" };
            let ago = |w: &World, d: u16| (w.now - jiff::SignedDuration::from_hours(i64::from(d) * 6)).max("2026-01-15T16:00:00Z".parse().expect("a time")).min(w.now).to_string();
            let id = format!("o{n}");
            match deed {
                Do::Grant(a, t, until, d) => {
                    let until = until.map(|u| format!(r#","until":"{}""#, w.now + jiff::SignedDuration::from_hours(i64::from(u) * 24 - 240))).unwrap_or_default();
                    let time = ago(&w, *d);
                    w.send("exclusivity.granted", who(*a), &id, &time, &format!(r#"{{"territory":"{}"{until}}}"#, if *t { "X" } else { "Y" }));
                }
                Do::End(a, t, d) => { let time = ago(&w, *d); w.send("exclusivity.ended", who(*a), &id, &time, &format!(r#"{{"territory":"{}"}}"#, if *t { "X" } else { "Y" })); }
                Do::Off(a, d) => { let time = ago(&w, *d); w.send("partner.offboarded", who(*a), &id, &time, r#"{"reason":"x"}"#); }
                Do::Enrol(a, oem, d) => { let time = ago(&w, *d); enrol(&mut w, who(*a), &id, &time, if *oem { r#"{"type":"OEM"}"# } else { "{}" }); }
                Do::Close(a) => { close(&mut w, who(*a), &format!("d{n}"), "500"); }
                Do::Publish(v) => { let at = (w.now + jiff::SignedDuration::from_hours(1)).to_string(); w.publish(&alone(*v), &at); w.now += jiff::SignedDuration::from_hours(2); }
                Do::Wait(days) => { w.now += jiff::SignedDuration::from_hours(i64::from(*days) * 24); w.catch_up(); }
            }
            prop_assert_eq!(alone_sound(&w), Ok(()), "{:?}", deed);
        }
        prop_assert_eq!(w.findings(), Vec::<String>::new());
    }
}

/// Of two errands of one day the second finds nothing left to do.
#[test]
fn a_deal_is_trued_up_once_on_one_day() {
    const RULES: &str = r#"
[commission.both]
rate = "10%"
times = [{ attainment = "acv", per = "month", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }, { attainment = "acv", per = "quarter", bands = [{ from = "100%", by = "2" }], true_up = true }]
[commission.quarter]
rate = "1%"
times = [{ attainment = "acv", per = "quarter", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
"#;
    let file = program(RULES).replacen(
        "currency = \"USD\"\n",
        "currency = \"USD\"\nperiods_close = \"10 days after the month\"\n",
        1,
    );
    let mut w = World::new(&file, "2026-01-15T15:00:00Z");
    w.enrol("p");
    for (id, period) in [("m", "2026-01"), ("q", "2026-Q1")] {
        let data = format!(r#"{{"motion":"sell","measure":"acv","period":"{period}","value":"1000"}}"#);
        w.send("target.set", "p", id, "2026-01-05T00:00:00Z", &data);
    }
    close(&mut w, "p", "a", "500");
    w.at("2026-02-12T12:00:00Z").catch_up();
    close(&mut w, "p", "b", "500");
    w.at("2026-04-12T12:00:00Z").catch_up();
    let of_a: Vec<_> = w
        .records
        .iter()
        .enumerate()
        .filter(|(_, r)| r.kind == "deal.trued_up" && r.data.contains("\"a\""))
        .map(|(at, r)| (r.on.to_string(), r.reason.clone(), told(&w, at)))
        .collect();
    assert!(of_a.iter().all(|(_, _, rules)| !rules.is_empty()), "{of_a:#?}");
}

fn month(text: &str) -> event::time::Month {
    event::time::Month::of(format!("{text}-01").parse().expect("a day"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// In the end every credit goes by what was attained in the end, whatever versions say of books.
    #[test]
    fn in_the_end_deals_are_paid_by_what_was_attained(ops in prop::collection::vec(op(), 1..20), published in prop::collection::vec(0u8..5, 0..3)) {
        let mut w = World::new(&versions(0), "2026-01-15T15:00:00Z");
        w.enrol("p");
        w.enrol("q");
        let targets = [("acv", "2026", "9000"), ("acv", "2026-Q1", "3000"), ("acv", "2026-01", "1500"), ("acv", "2026-02", "1000"), ("acv", "2026-03", "1200"), ("deals", "2026-Q1", "3")];
        for (n, (measure, period, value)) in targets.into_iter().enumerate() {
            for p in ["p", "q"] {
                let data = format!(r#"{{"motion":"sell","measure":"{measure}","period":"{period}","value":"{value}"}}"#);
                w.send("target.set", p, &format!("t{n}{p}"), "2026-01-15T00:00:00Z", &data);
            }
        }
        let mut deals = 0_u8;
        for (n, op) in ops.iter().enumerate() {
            let time = w.now.to_string();
            let of = |a: u8| if deals == 0 { 0 } else { a % deals };
            let owner = |d: u8| if d % 3 == 2 { "q" } else { "p" };
            match op {
                Op::Close(v) => { close(&mut w, owner(deals), &format!("d{deals}"), &(v * 100).to_string()); deals += 1; }
                Op::Amend(a, v) => { w.send("deal.amended", owner(of(*a)), &format!("o{n}"), &time, &format!(r#"{{"deal_id":"d{}","acv":{}}}"#, of(*a), money(&(v * 100).to_string()))); }
                Op::Reverse(a, whole) => {
                    let part = if *whole { String::new() } else { format!(r#","amount":{}"#, money("300")) };
                    w.send("deal.reversed", owner(of(*a)), &format!("o{n}"), &time, &format!(r#"{{"deal_id":"d{}","reason":"x"{part}}}"#, of(*a)));
                }
                Op::Influence(a) => { let who = if owner(of(*a)) == "p" { "q" } else { "p" }; w.send("deal.influenced", who, &format!("o{n}"), "2026-01-15T15:00:00Z", &format!(r#"{{"deal_id":"d{}","kind":"endorsement"}}"#, of(*a))); }
                Op::Wait(days) => {
                    let then = w.now + jiff::SignedDuration::from_hours(i64::from(*days) * 6);
                    w.now = then.min("2026-03-30T00:00:00Z".parse().expect("a time"));
                    w.catch_up();
                }
                _ => {}
            }
        }
        w.at("2026-04-02T00:00:00Z").catch_up();
        for (n, v) in published.iter().enumerate() {
            w.publish(&versions(*v), &format!("2026-04-0{}T00:00:00Z", n + 3));
        }
        for _ in 0..100 { w.now += jiff::SignedDuration::from_hours(24 * 5); w.catch_up(); }
        prop_assert_eq!(w.findings(), Vec::<String>::new());
        for (id, deal) in &w.deals {
            let Some(closed) = &deal.closed else { continue };
            let m = closed.booked.to_string()[..7].to_owned();
            let at = |p: &str, measure, first: &str, last: &str| w.account(p).measured("sell", measure, month(first), month(last)).expect("known");
            let part = |seen: rust_decimal::Decimal, target: i64| seen / rust_decimal::Decimal::from(target);
            let halved = |full: bool| if full { rust_decimal::Decimal::ONE } else { rust_decimal::Decimal::new(5, 1) };
            let of_month = |p: &str| halved(part(at(p, program::Measure::Acv, &m, &m), match m.as_str() { "2026-01" => 1500, "2026-02" => 1000, _ => 1200 }) >= 1.into());
            let of_year = |p: &str| { let a = part(at(p, program::Measure::Acv, "2026-01", "2026-12"), 9000); if a >= 1.into() { rust_decimal::Decimal::new(125, 2) } else if a >= rust_decimal::Decimal::new(5, 1) { 1.into() } else { rust_decimal::Decimal::new(8, 1) } };
            let of_deals = |p: &str| halved(at(p, program::Measure::Deals, "2026-01", "2026-03") >= 3.into());
            let of_quarter = |p: &str| halved(part(at(p, program::Measure::Acv, "2026-01", "2026-03"), 3000) >= 1.into());
            let p = deal.owner.as_str();
            for (rule, credit) in closed.credits.iter() {
                let expected = match rule.as_str() { "commission.year" => of_year(p), "commission.month" => of_month(p), _ => of_month(p) * of_deals(p) };
                prop_assert_eq!(credit.factor.normalize(), expected.normalize(), "{} {} {}", id, rule, w.ledger());
                prop_assert_eq!(credit.net(), credit.worth, "{} {}", id, rule);
            }
            for one in &deal.influencers {
                for (rule, credit) in one.credits.iter() {
                    prop_assert_eq!(credit.factor.normalize(), of_quarter(&one.partner).normalize(), "{} {} of {} {}", id, rule, one.partner, w.ledger());
                    prop_assert_eq!(credit.net(), credit.worth, "{} {}", id, rule);
                }
            }
        }
    }
}

fn stated_rules(second: bool) -> String {
    let (form, bands) = if second {
        ("percent", r#"{ from = "0", rate = "7%" }, { from = "50", rate = "9%" }"#)
    } else {
        ("number", r#"{ from = "0", rate = "5%" }, { from = "100", rate = "10%" }"#)
    };
    program(&format!(
        r#"
[facts]
type = "one of referral, reseller, OEM"
employees = "{form}"
[commission.c]
if = {{ acv = ">= 500", partner.type = "one of reseller, OEM" }}
rate = {{ by = "partner.employees", bands = [{bands}] }}
[earn.e]
on = "deal.closed"
if = {{ outcome = "won", partner.type = "!= OEM" }}
points = {{ by = "partner.employees", per = "50", points = 3 }}
at_most = "1000000 points per partner per month"
"#
    ))
}

#[derive(Clone, Debug)]
enum Said {
    Enrol(u8, u16, u8),
    Close(u32),
    Amend(u8, u32),
    Reverse(u8, Option<u32>),
    Publish,
    Wait,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        3 => (any::<u8>(), 0u16..300, 0u8..10).prop_map(|(a, b, c)| Said::Enrol(a, b, c)),
        4 => (1u32..12).prop_map(Said::Close),
        3 => (any::<u8>(), 0u32..12).prop_map(|(a, b)| Said::Amend(a, b)),
        2 => (any::<u8>(), prop::option::of(1u32..5)).prop_map(|(a, b)| Said::Reverse(a, b)),
        1 => Just(Said::Publish),
        2 => Just(Said::Wait),
    ]
}

struct Sold {
    version: bool,
    kind: Option<&'static str>,
    employees: Option<u32>,
    said: i64,
    taken: i64,
    void: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn a_deal_goes_by_what_was_stated_when_it_was_judged(groups in prop::collection::vec(prop::collection::vec(said(), 1..5), 1..12)) {
        let mut w = World::new(&stated_rules(false), "2026-01-15T00:00:00Z");
        w.enrol("p");
        let partner = event::ids::PartnerId::try_from("p").expect("a partner");
        let (mut sold, mut facts, mut second, mut n) = (Vec::<Sold>::new(), (None, None), false, 0);
        let mut latest = w.now;
        for group in &groups {
            let mut events = Vec::new();
            // A group is judged in the order of its events' own times.
            let many = group.iter().take_while(|one| !matches!(one, Said::Publish)).count();
            let mut ordered: Vec<(jiff::Timestamp, &Said)> = Vec::new();
            for one in &group[..many] {
                n += 1;
                let ago = if let Said::Enrol(_, _, ago) = one { i64::from(*ago) } else { 0 };
                ordered.push((w.now + jiff::SignedDuration::from_secs(n) - jiff::SignedDuration::from_hours(ago), one));
            }
            ordered.sort_by_key(|(at, _)| *at);
            for (time, one) in ordered {
                n += 1;
                let at = time.to_string();
                match one {
                    Said::Enrol(kind, employees, _) => {
                        let at = time;
                        let kind = [None, Some("referral"), Some("reseller"), Some("OEM")][usize::from(kind % 4)];
                        let employees = (employees % 5 != 0).then_some(u32::from(*employees) % 101);
                        let all: Vec<String> = kind.iter().map(|k| format!(r#""type":"{k}""#)).chain(employees.iter().map(|e| format!(r#""employees":"{e}.0""#))).collect();
                        let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{{{}}}}}"#, all.join(","));
                        events.push(w.event("partner.enrolled", "p", &format!("o{n}"), &at.to_string(), &data));
                        if at >= latest { latest = at; facts = (kind, employees); }
                    }
                    Said::Close(v) => {
                        let deal = sold.len();
                        events.push(w.event("deal.closed", "p", &format!("o{n}"), &at, &format!(r#"{{"deal_id":"d{deal}","outcome":"won","acv":{}}}"#, money(&(v * 100).to_string()))));
                        let employees = facts.1.filter(|e| !second || *e <= 100);
                        sold.push(Sold { version: second, kind: facts.0, employees, said: i64::from(*v) * 100, taken: 0, void: false });
                    }
                    Said::Amend(a, v) if !sold.is_empty() => {
                        let deal = usize::from(*a) % sold.len();
                        events.push(w.event("deal.amended", "p", &format!("o{n}"), &at, &format!(r#"{{"deal_id":"d{deal}","acv":{}}}"#, money(&(v * 100).to_string()))));
                        (sold[deal].said, sold[deal].taken) = (i64::from(*v) * 100, 0);
                    }
                    Said::Reverse(a, part) if !sold.is_empty() => {
                        let deal = usize::from(*a) % sold.len();
                        let more = part.map(|p| format!(r#","amount":{}"#, money(&(p * 100).to_string()))).unwrap_or_default();
                        events.push(w.event("deal.reversed", "p", &format!("o{n}"), &at, &format!(r#"{{"deal_id":"d{deal}","reason":"x"{more}}}"#)));
                        match part { Some(p) => if !sold[deal].void { sold[deal].taken += i64::from(*p) * 100 }, None => sold[deal].void = true }
                    }
                    Said::Publish => break,
                    _ => {}
                }
            }
            w.now += jiff::SignedDuration::from_hours(1);
            w.decide_for(&partner, &events);
            if group.iter().any(|one| matches!(one, Said::Publish)) {
                second = !second;
                let at = (w.now + jiff::SignedDuration::from_secs(1)).to_string();
                w.publish(&stated_rules(second), &at);
                w.now += jiff::SignedDuration::from_hours(1);
            }
        }
        prop_assert_eq!(w.findings(), Vec::<String>::new());
        for (nth, s) in sold.iter().enumerate() {
            let id = event::ids::DealId::try_from(format!("d{nth}").as_str()).expect("an id");
            let deal = &w.deals[&id];
            let closed = deal.closed.as_ref().expect("closed");
            let net = |rule: &str| closed.credits.iter().find(|(r, _)| r.as_str() == rule).map_or(0, |(_, c)| c.net());
            let rate = match (s.version, s.employees) { (_, None) => 0, (false, Some(e)) => if e >= 100 { 10 } else { 5 }, (true, Some(e)) => if e >= 50 { 9 } else { 7 } };
            let pays = matches!(s.kind, Some("reseller" | "OEM")) && s.said >= 500;
            let void = s.void || (s.taken > 0 && s.taken >= s.said);
            let money = if pays && !void { (s.said - s.taken) * rate } else { 0 };
            prop_assert_eq!(net("commission.c"), money, "d{} {:?} {:?}: {}", nth, s.kind, s.employees, w.ledger());
            let points = if s.kind == Some("OEM") || void { 0 } else { i64::from(s.employees.unwrap_or(0) / 50 * 3) };
            prop_assert_eq!(net("e"), points, "d{} {:?} {:?}: {}", nth, s.kind, s.employees, w.ledger());
        }
    }
}

/// The same of the owner's closing: what a rate looks at, and nobody stated.
#[test]
fn a_rate_by_a_fact_that_nobody_stated_says_so() {
    let mut w = world(TYPES);
    enrol(&mut w, "p", "e1", "2026-03-02T15:00:00Z", "{}");
    close(&mut w, "p", "a", "1000");
    let told = told(&w, w.records.len() - 1);
    assert!(told[0].contains("partner.type"), "{told:?}");
}

/// A fact in one of several ways to keep hides no other.
#[test]
fn a_fact_among_what_keeps_hides_nothing() {
    let of = |keep: &str| {
        let tables = format!(
            "[facts]\ntype = \"one of reseller, OEM\"\n[ladder.sell.member]\nrank = 1\n[ladder.sell.oem]\nrank = 2\nenter = {{ all = [{{ partner.type = \"reseller\" }}, {{ deals = 1, within = \"1 year\" }}] }}\nkeep = {keep}\ngrace = \"1 quarter\"\n"
        );
        program::check(&program(&tables)).into_iter().map(|f| format!("{:?}", f.code)).collect::<Vec<_>>()
    };
    assert_eq!(of("{ deals = 5, within = \"1 year\" }"), ["OscillatingLadder"]);
    assert_eq!(of("{ any = [{ partner.type = \"OEM\" }, { deals = 5, within = \"1 year\" }] }"), ["OscillatingLadder"]);
}

/// Between two errands of one day a deal is reversed: deals of one period are paid by one attainment.
#[test]
fn deals_of_one_period_are_trued_up_by_one_attainment() {
    const RULES: &str = r#"
[commission.c]
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.8" }, { from = "100%", by = "1.25" }], true_up = true }]
"#;
    let mut w = World::new(&program(RULES), "2026-03-02T15:00:00Z");
    w.enrol("p");
    w.send(
        "target.set",
        "p",
        "t",
        "2026-01-05T00:00:00Z",
        r#"{"motion":"sell","measure":"acv","period":"2026","value":"3000"}"#,
    );
    for deal in ["a", "b", "c"] {
        close(&mut w, "p", deal, "1000");
    }
    w.at("2027-01-11T00:00:00Z");
    let at = w.outbox.iter().position(|s| s.event.kind.deal_id().is_some_and(|d| d.as_str() == "a")).expect("waits");
    let sent = w.outbox.remove(at);
    let partner = sent.event.partner.clone();
    w.decide_for(&partner, &[sent.event]);
    let time = w.now.to_string();
    w.send("deal.reversed", "p", "r", &time, r#"{"deal_id":"c","reason":"x"}"#);
    w.catch_up();
    let net: Vec<i64> = ["a", "b"]
        .iter()
        .map(|d| {
            let id = event::ids::DealId::try_from(*d).expect("id");
            w.deals[&id].closed.as_ref().expect("closed").credits.values().map(|c| c.net()).sum()
        })
        .collect();
    assert_eq!(net[0], net[1], "{}", w.ledger());
}

/// Also where a version opens books again.
#[test]
fn books_that_a_version_opens_again_change_no_attainment() {
    const RULES: &str = r#"
[commission.c]
rate = "10%"
times = [{ attainment = "acv", per = "month", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
"#;
    let file = |close: &str| {
        program(RULES).replacen(
            "currency = \"USD\"\n",
            &format!("currency = \"USD\"\nperiods_close = \"{close}\"\n"),
            1,
        )
    };
    let mut w = World::new(&file("5 days after the month"), "2026-01-15T15:00:00Z");
    w.enrol("p");
    w.send(
        "target.set",
        "p",
        "t",
        "2026-01-05T00:00:00Z",
        r#"{"motion":"sell","measure":"acv","period":"2026-01","value":"2000"}"#,
    );
    close(&mut w, "p", "a", "1000");
    w.at("2026-02-07T12:00:00Z").catch_up();
    w.publish(&file("60 days after the month"), "2026-02-10T00:00:00Z");
    w.at("2026-02-11T12:00:00Z");
    w.close("p", "b", "2026-01-20T00:00:00Z", "1000");
    w.at("2026-06-11T12:00:00Z").catch_up();
    let net: Vec<i64> = ["a", "b"]
        .iter()
        .map(|d| {
            let id = event::ids::DealId::try_from(*d).expect("id");
            w.deals[&id].closed.as_ref().expect("closed").credits.values().map(|c| c.net()).sum()
        })
        .collect();
    assert_eq!(net[0], net[1], "{}", w.ledger());
}
