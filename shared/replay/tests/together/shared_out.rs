//! Shares and pools at their edges: whichever is known first, whatever a later version says, whatever stands in one group.

use domain::decide::Judgement;
use domain::ledger::Asset;
use domain::ledger::Outcome::{self, *};
use domain::tell::explain;
use event::Event;

use laurel_replay::World;

use super::{INFLUENCE, MARCH, USD, assert_sound, pool, publish, usd};

fn world_of(tables: &str) -> World {
    super::world_of(tables, MARCH, ["p", "q", "r", "i0", "i1", "i2"])
}

fn day(d: &str) -> String {
    format!("2026-{d}T12:00:00Z")
}

fn has(w: &World, partner: &str) -> i64 {
    let b = w.account(partner).head.balance(USD);
    b.available + b.pending - b.owed
}

fn register(w: &mut World, partner: &str, deal: &str) {
    let data = format!(r#"{{"deal_id":"{deal}","opportunity_id":"o-{deal}","customer":"c"}}"#);
    w.send("deal.registered", partner, &format!("{deal}-reg"), &day("03-01"), &data);
}

fn influence(w: &mut World, partner: &str, id: &str, at: &str, more: &str) -> Outcome {
    w.send("deal.influenced", partner, id, &day(at), &format!(r#"{{"deal_id":"d",{more}}}"#))
}

fn fund(w: &mut World, id: &str, at: &str, data: &str) -> Outcome {
    w.send("budget.funded", "@program", id, &day(at), data)
}

// ---------- influence

/// p gives its deal away on the 2nd and helps to sell it on the 3rd: whichever is known first.
#[test]
fn who_gave_a_deal_away_may_influence_it_whichever_is_known_first() {
    let run = |order: [usize; 2]| {
        let mut w = world_of(INFLUENCE);
        register(&mut w, "p", "d");
        for step in order {
            match step {
                0 => w.send("deal.reassigned", "p", "move", &day("03-02"), r#"{"deal_id":"d","to_partner":"q"}"#),
                _ => influence(&mut w, "p", "inf", "03-03", r#""kind":"endorsement""#),
            };
        }
        w.close("q", "d", &day("03-05"), "1000");
        assert_sound(&w);
        ["p", "q"].map(|who| has(&w, who))
    };
    assert_eq!(run([0, 1]), [600, 9_400]);
    assert_eq!(run([1, 0]), [600, 9_400], "the influence came before the reassignment");
}

/// What is said after the closing counts for nothing, and takes nothing from who said it in time.
#[test]
fn a_share_said_after_the_closing_takes_none_from_who_said_it_before() {
    let run = |order: [usize; 2]| {
        let mut w = world_of(INFLUENCE);
        register(&mut w, "p", "d");
        w.close("p", "d", &day("03-05"), "1000");
        for step in order {
            match step {
                0 => influence(&mut w, "i0", "after", "03-06", r#""kind":"endorsement","share_percent":60"#),
                _ => influence(&mut w, "i1", "before", "03-02", r#""kind":"endorsement","share_percent":20"#),
            };
        }
        assert_sound(&w);
        ["p", "i0", "i1"].map(|who| has(&w, who))
    };
    assert_eq!(run([1, 0]), [8_000, 0, 2_000]);
    assert_eq!(run([0, 1]), [8_000, 0, 2_000], "i0 has no share, and i1 is refused for it");
}

/// The share that was said of who owns the deal by now is no share any more: it refuses nobody.
#[test]
fn the_owners_former_share_takes_none_from_others() {
    let mut w = world_of(INFLUENCE);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement","share_percent":60"#);
    w.send("deal.reassigned", "p", "move", &day("03-03"), r#"{"deal_id":"d","to_partner":"i0"}"#);
    let outcome = influence(&mut w, "i1", "b", "03-04", r#""kind":"endorsement","share_percent":20"#);
    w.close("i0", "d", &day("03-05"), "1000");
    assert_eq!((["i0", "i1"].map(|who| has(&w, who)), outcome), ([8_000, 2_000], NoRule), "{:?}", w.ledger());
}

/// The owner that influenced the deal before it was its own is credited once.
#[test]
fn the_owners_credits_are_not_kept_twice() {
    let mut w = world_of(INFLUENCE);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement""#);
    w.send("deal.reassigned", "p", "move", &day("03-03"), r#"{"deal_id":"d","to_partner":"i0"}"#);
    w.close("i0", "d", &day("03-05"), "1000");
    influence(&mut w, "i1", "late", "03-04", r#""kind":"endorsement""#);
    assert_sound(&w);
    let own = w.deals["d"].influencers.iter().find(|one| one.partner.as_str() == "i0").expect("it influenced");
    assert!(own.credits.is_empty() && !own.rated, "the deal holds what its owner has twice: {:?}", own.credits);
}

/// Nobody is sent the same errand twice by one record.
#[test]
fn the_owner_is_told_once_of_a_late_influence() {
    let mut w = world_of(INFLUENCE);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement""#);
    w.send("deal.reassigned", "p", "move", &day("03-03"), r#"{"deal_id":"d","to_partner":"i0"}"#);
    w.close("i0", "d", &day("03-05"), "1000");
    influence(&mut w, "i1", "late", "03-04", r#""kind":"endorsement""#);
    let told = w.records.iter().filter(|r| r.kind == "deal.shared" && r.partner.as_str() == "i0").count();
    assert_eq!(told, 1);
}

/// The floor lifted a share, and the explanation says so.
#[test]
fn the_floor_of_a_share_is_explained() {
    let program = INFLUENCE
        .replace("[commission.source]\nrate = \"10%\"", "[commission.source]\nrate = \"10%\"\nat_least = \"80\"");
    let mut w = world_of(&program);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement","share_percent":50"#);
    w.close("p", "d", &day("03-05"), "1000");
    assert_eq!(has(&w, "p"), 8_000, "half of 100.00 is lifted to 80.00");
    let closing = w.records.iter().find(|r| r.kind == "deal.closed").expect("closed");
    let told = explain(closing, Some(&w.programs.all()[0].program)).rules[0].sentence.clone();
    assert!(told.contains("at least 80"), "{told}");
}

/// And where it lifts nothing, it is not named as the reason.
#[test]
fn the_programs_most_of_a_share_is_explained() {
    let program = INFLUENCE.replace(
        "[commission.source]\nrate = \"10%\"",
        "[policy.commissions]\nat_most = \"15%\"\n[commission.source]\nrate = \"10%\"\nat_least = \"200\"",
    );
    let mut w = world_of(&program);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement","share_percent":50"#);
    w.close("p", "d", &day("03-05"), "2000");
    // 10% of 2000 is 200: its half is 100, lifted to 200, cut to half of 15% of 2000: 150.
    assert_eq!(has(&w, "p"), 15_000);
    let closing = w.records.iter().find(|r| r.kind == "deal.closed").expect("closed");
    let told = explain(closing, Some(&w.programs.all()[0].program)).rules[0].sentence.clone();
    assert!(told.contains("at least 200") && told.contains("at most"), "{told}");
}

/// Eight others may have a share: whose deal it is by now is none of them.
#[test]
fn eight_others_may_influence_the_deal_of_who_influenced_it_before() {
    let mut w = world_of(INFLUENCE);
    for n in 3..9 {
        w.enrol(&format!("i{n}"));
    }
    register(&mut w, "p", "d");
    for n in 0..8 {
        influence(&mut w, &format!("i{n}"), &format!("a{n}"), "03-02", r#""kind":"endorsement""#);
    }
    w.send("deal.reassigned", "p", "move", &day("03-03"), r#"{"deal_id":"d","to_partner":"i0"}"#);
    assert_eq!(influence(&mut w, "i8", "b", "03-04", r#""kind":"endorsement""#), NoRule, "seven others have a share");
}

/// What was said after the closing, and counts for nothing, uses up nothing.
#[test]
fn eight_that_came_after_the_closing_keep_out_nobody_who_came_before() {
    let mut w = world_of(INFLUENCE);
    for n in 3..9 {
        w.enrol(&format!("i{n}"));
    }
    register(&mut w, "p", "d");
    w.close("p", "d", &day("03-05"), "1000");
    for n in 1..9 {
        influence(&mut w, &format!("i{n}"), &format!("a{n}"), "03-06", r#""kind":"endorsement""#);
    }
    influence(&mut w, "i0", "b", "03-02", r#""kind":"endorsement""#);
    assert_eq!(has(&w, "i0"), 600);
}

/// Whether a share is paid at all is decided when there is one: not when a deal was amended in which the partner had none.
#[test]
fn whether_a_share_is_paid_is_decided_when_there_is_one() {
    let run = |amended: bool| {
        let tiers = "[earn.course]\non = \"deal.qualified\"\npoints = 7\n[ladder.sell.base]\nrank = 1\n[ladder.sell.gold]\nrank = 2\nenter = { points = 7, within = \"1 year\" }\n";
        let program = [INFLUENCE, tiers]
            .concat()
            .replace("on = \"deal.influenced\"\n", "on = \"deal.influenced\"\ntier = \"gold\"\n");
        let mut w = world_of(&program);
        register(&mut w, "p", "d");
        w.close("p", "d", &day("03-05"), "1000");
        influence(&mut w, "i0", "after", "03-06", r#""kind":"endorsement""#);
        if amended {
            w.send("deal.amended", "p", "am", &day("03-07"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "1000")));
        }
        register(&mut w, "i0", "e");
        w.send("deal.qualified", "i0", "gold", &day("03-08"), r#"{"deal_id":"e"}"#);
        influence(&mut w, "i0", "before", "03-02", r#""kind":"endorsement""#);
        has(&w, "i0")
    };
    assert_eq!(run(false), 600);
    assert_eq!(run(true), 600, "the amendment changed nothing, and decided that i0 has no share");
}

/// (Held.) What was paid out of a share is owed, or forgiven and still drawn.
#[test]
fn held_a_share_that_was_paid_out_is_taken_back() {
    for (words, owed, drawn) in [("netted from what becomes payable next", 600, 0), ("forgiven", 0, 600)] {
        let budget = "budget = \"fund\"\n[budget.fund]\nof = \"USD\"\nparts = 3\n";
        let program = format!("{}[policy.commissions]\nclawback = \"{words}\"\n", [INFLUENCE, budget].concat());
        let mut w = world_of(&program);
        fund(&mut w, "f", "03-01", r#"{"budget":"fund","amount":{"amount":"100.00","currency":"USD"}}"#);
        register(&mut w, "p", "d");
        influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement""#);
        w.close("p", "d", &day("03-05"), "1000");
        assert_eq!(pool(&w, "fund").1, 600);
        let money = event::money::Money::parse("6.00", "USD").expect("money");
        let payout: event::payout::PayoutId = "2026-03-10-USD".parse().expect("an id");
        let step = domain::payout::reserve(&w.id(), &"i0".try_into().expect("a partner"), payout, money.into(), w.now);
        assert_eq!(w.take_step(&step), Some(Applied));
        w.send("payout.settled", "i0", "s", &day("03-09"), r#"{"payout_id":"2026-03-10-USD","reason":"x"}"#);
        w.send("deal.reversed", "p", "rev", &day("03-09"), r#"{"deal_id":"d","reason":"x"}"#);
        assert_sound(&w);
        assert_eq!((w.account("i0").head.balance(USD).owed, pool(&w, "fund").1), (owed, drawn), "{words}");
    }
}

/// Who has a share and says so again after the closing is not told that nobody has one.
#[test]
fn who_has_a_share_is_not_told_that_nobody_has() {
    let mut w = world_of(INFLUENCE);
    register(&mut w, "p", "d");
    influence(&mut w, "i0", "a", "03-02", r#""kind":"endorsement""#);
    w.close("p", "d", &day("03-05"), "1000");
    influence(&mut w, "i0", "b", "03-06", r#""kind":"active_in_sale""#);
    assert_eq!(has(&w, "i0"), 600);
    let told = explain(w.last(), None).sentence;
    assert!(!told.contains("nobody has a share"), "{told}");
}

// ---------- pools

const BUDGET: &str = r#"
[budget.launch]
of = "points"
[earn.closed]
on = "deal.closed"
points = { by = "acv", per = "100", points = 1 }
budget = "launch"
"#;

fn invoice(w: &mut World, partner: &str, deal: &str, id: &str, at: &str, amount: &str) -> Outcome {
    let data = format!(r#"{{"deal_id":"{deal}","invoice_id":"{id}",{}}}"#, usd("amount", amount));
    w.send("invoice.paid", partner, id, &day(at), &data)
}

const MANAGE: &str = r#"
[budget.fund]
of = "USD"
[commission.manage]
on = "invoice.paid"
rate = "10%"
budget = "fund"
"#;

/// A commission of invoices that came with a later version than the deal's own draws what it gives again on its budget.
#[test]
fn a_share_of_invoices_given_again_is_drawn_again_where_a_later_version_has_the_rule() {
    let v1 = "[commission.source]\nrate = \"1%\"\n".to_owned();
    let mut w = world_of(&v1);
    w.close("p", "d", &day("03-02"), "1000");
    publish(&mut w, &format!("{v1}{MANAGE}"), "2026-03-03T00:00:00Z");
    fund(&mut w, "f", "03-04", r#"{"budget":"fund","amount":{"amount":"100.00","currency":"USD"}}"#);
    assert_eq!(invoice(&mut w, "p", "d", "i1", "03-05", "1000"), Awarded);
    assert_eq!(pool(&w, "fund"), (0, 10_000));
    w.send(
        "deal.reversed",
        "p",
        "rev",
        &day("03-06"),
        &format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "1000")),
    );
    assert_eq!(pool(&w, "fund"), (10_000, 0));
    w.send("deal.amended", "p", "am", &day("03-07"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "1000")));
    let given: i64 = w
        .records
        .iter()
        .flat_map(|r| &r.postings)
        .filter(|p| p.rule.as_ref().is_some_and(|r| r.as_str() == "commission.manage"))
        .map(|p| p.sum())
        .sum();
    assert_eq!(given, 10_000, "it stands again");
    assert_eq!(pool(&w, "fund"), (0, 10_000), "100.00 were given out of the budget and are not drawn on it");
}

/// The other way round: what never came out of a budget is not drawn on it when it is given again.
#[test]
fn a_share_of_invoices_that_no_budget_gave_is_given_again_without_one() {
    let v1 = format!("[commission.source]\nrate = \"1%\"\n{MANAGE}");
    let mut w = world_of(&v1);
    w.close("p", "d", &day("03-02"), "1000");
    publish(&mut w, &v1.replace("budget = \"fund\"\n", ""), "2026-03-03T00:00:00Z");
    assert_eq!(invoice(&mut w, "p", "d", "i1", "03-05", "1000"), Awarded);
    let before = has(&w, "p");
    w.send(
        "deal.reversed",
        "p",
        "rev",
        &day("03-06"),
        &format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "1000")),
    );
    w.send("deal.amended", "p", "am", &day("03-07"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "1000")));
    assert_eq!(has(&w, "p"), before, "the empty budget, which never gave it, keeps it");
}

fn group(w: &mut World, partner: &str, events: &[Event]) -> Vec<Judgement> {
    w.decide_for(&partner.try_into().expect("a partner"), events).judgements
}

fn closing_to_amendment(w: &World, days: [&str; 4]) -> Vec<Event> {
    let e = |kind: &str, id: &str, at: &str, data: String| w.event(kind, "p", id, &day(at), &data);
    vec![
        e("deal.closed", "c", days[0], format!(r#"{{"deal_id":"d","outcome":"won",{}}}"#, usd("acv", "1000"))),
        e("invoice.paid", "i", days[1], format!(r#"{{"deal_id":"d","invoice_id":"i",{}}}"#, usd("amount", "1000"))),
        e("deal.reversed", "r", days[2], format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "1000"))),
        e("deal.amended", "a", days[3], format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "1000"))),
    ]
}

/// I25: a closing, its invoice, its reversal and an amendment of another month, all late and in one group.
#[test]
fn i25_a_group_amends_in_another_month_than_it_invoices() {
    let program = MANAGE.replace("of = \"USD\"", "of = \"USD\"\nper = \"month\"");
    let mut w = world_of(&program);
    fund(&mut w, "f", "01-04", r#"{"budget":"fund","amount":{"amount":"100.00","currency":"USD"}}"#);
    let events = closing_to_amendment(&w, ["01-05", "01-06", "01-07", "02-05"]);
    group(&mut w, "p", &events);
    assert_sound(&w);
}

/// I25: the same where another version has another budget by the time of the invoice.
#[test]
fn i25_a_group_closes_and_invoices_by_versions_of_other_budgets() {
    let v1 = MANAGE;
    let mut w = world_of(v1);
    publish(
        &mut w,
        &v1.replace("budget.fund]", "budget.other]").replace("budget = \"fund\"", "budget = \"other\""),
        "2026-03-03T00:00:00Z",
    );
    fund(&mut w, "f", "03-04", r#"{"budget":"other","amount":{"amount":"100.00","currency":"USD"}}"#);
    let events = closing_to_amendment(&w, ["03-02", "03-05", "03-06", "03-07"]);
    group(&mut w, "p", &events);
    assert_sound(&w);
}

/// What was put into a budget stays in it when a version that was to hold it in more parts is withdrawn.
#[test]
fn a_version_that_is_withdrawn_takes_nothing_out_of_a_budget() {
    let v1 = BUDGET;
    let mut w = world_of(v1);
    publish(&mut w, &v1.replace("of = \"points\"", "of = \"points\"\nparts = 7"), "2026-06-01T00:00:00Z");
    assert_eq!(fund(&mut w, "f", "03-04", r#"{"budget":"launch","points":700}"#), Applied);
    w.programs = w.programs.without(2).expect("another");
    w.close("p", "d", &day("03-05"), "70000");
    assert_eq!(pool(&w, "launch"), (0, 700), "{}", w.ledger());
}

/// What a budget was short of is not made up for later, by whatever is said of the deal later.
#[test]
fn what_a_budget_was_short_of_is_not_made_up_for_by_somebody_elses_influence() {
    let mut w = world_of(&format!("{BUDGET}{INFLUENCE}"));
    fund(&mut w, "f", "03-01", r#"{"budget":"launch","points":100}"#);
    w.close("p", "d", &day("03-03"), "10000");
    w.send(
        "deal.reversed",
        "p",
        "rev",
        &day("03-04"),
        &format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "4000")),
    );
    w.close("q", "e", &day("03-05"), "4000");
    assert_eq!(pool(&w, "launch"), (0, 100));
    w.send("deal.amended", "p", "am", &day("03-06"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "10000")));
    let points = |w: &World| w.account("p").head.balance(Asset::Points).available;
    assert_eq!(points(&w), 60, "nothing is there");
    fund(&mut w, "g", "03-07", r#"{"budget":"launch","points":100}"#);
    influence(&mut w, "i0", "late", "03-02", r#""kind":"endorsement""#);
    assert_eq!(points(&w), 60);
}

/// What a reversal gave back to the current period, its amendment finds there.
#[test]
fn what_went_back_to_the_current_period_is_drawn_again() {
    let program =
        BUDGET.replace("of = \"points\"", "of = \"points\"\nper = \"quarter\"\nreturned = \"to the current period\"");
    let mut w = world_of(&program);
    fund(&mut w, "f", "03-01", r#"{"budget":"launch","points":100}"#);
    w.close("p", "d", &day("03-03"), "10000");
    w.at("2026-06-10T12:00:00Z");
    w.send(
        "deal.reversed",
        "p",
        "rev",
        &day("06-08"),
        &format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "4000")),
    );
    w.send("deal.amended", "p", "am", &day("06-09"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "10000")));
    assert_eq!((w.account("p").head.balance(Asset::Points).available, pool(&w, "launch")), (100, (0, 100)));
}

/// The same of invoices: what went back to its own period is there to be drawn again.
#[test]
fn what_invoices_gave_back_to_their_own_period_is_drawn_again() {
    let program = format!("[commission.source]\nrate = \"1%\"\n{MANAGE}")
        .replace("of = \"USD\"", "of = \"USD\"\nper = \"month\"");
    let mut w = world_of(&program);
    w.close("p", "d", &day("02-02"), "1000");
    fund(&mut w, "f", "02-04", r#"{"budget":"fund","amount":{"amount":"100.00","currency":"USD"}}"#);
    assert_eq!(invoice(&mut w, "p", "d", "i1", "02-05", "1000"), Awarded);
    let before = has(&w, "p");
    w.send(
        "deal.reversed",
        "p",
        "rev",
        &day("03-06"),
        &format!(r#"{{"deal_id":"d","reason":"x",{}}}"#, usd("amount", "1000")),
    );
    assert_eq!(pool(&w, "fund"), (10_000, 0));
    w.send("deal.amended", "p", "am", &day("03-07"), &format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "1000")));
    assert_eq!((has(&w, "p"), pool(&w, "fund")), (before, (0, 10_000)));
}

const STAND: &str = r#"
[earn.viewed]
on = "deal.closed"
points = 1
[benefit.stand]
name = "Stand"
slots = 1
per = "month"
"#;

fn slot(w: &mut World, partner: &str, kind: &str, slot: &str, at: &str) -> Outcome {
    let id = format!("{partner}-{kind}-{slot}-{at}-{}", w.records.len());
    w.send(&format!("benefit.{kind}"), partner, &id, &day(at), &format!(r#"{{"benefit":"stand","slot":"{slot}"}}"#))
}

/// A slot that is booked and given back is free, whichever of the two is known first.
#[test]
fn a_slot_that_was_given_back_is_free_whichever_is_known_first() {
    let run = |order: [usize; 2]| {
        let mut w = world_of(STAND);
        for step in order {
            match step {
                0 => slot(&mut w, "p", "booked", "2026-04", "03-02"),
                _ => slot(&mut w, "p", "released", "2026-04", "03-03"),
            };
        }
        slot(&mut w, "q", "booked", "2026-04", "03-04")
    };
    assert_eq!(run([0, 1]), NoRule);
    assert_eq!(run([1, 0]), NoRule, "the release was known first, and is lost for good");
}

/// Whoever has a slot keeps it and can give it back, whatever a later version says of its periods.
#[test]
fn a_slot_is_given_back_after_its_periods_changed() {
    let mut w = world_of(STAND);
    assert_eq!(slot(&mut w, "p", "booked", "2026-04", "03-02"), NoRule);
    publish(&mut w, &STAND.replace("per = \"month\"", "per = \"quarter\""), "2026-03-03T00:00:00Z");
    assert_eq!(slot(&mut w, "p", "released", "2026-04", "03-04"), NoRule);
}

/// A later version that begins its year elsewhere does not have the slots of a year twice.
#[test]
fn slots_of_a_year_survive_another_fiscal_year() {
    let v1 = STAND.replace("per = \"month\"", "per = \"year\"");
    let mut w = world_of(&v1);
    assert_eq!(slot(&mut w, "p", "booked", "2026", "03-02"), NoRule);
    publish(
        &mut w,
        &v1.replace("currency = \"USD\"", "currency = \"USD\"\nfiscal_year_starts = \"02-01\""),
        "2026-03-03T00:00:00Z",
    );
    let again = slot(&mut w, "q", "booked", "2026", "03-04");
    let back = slot(&mut w, "p", "released", "2026", "03-05");
    assert_eq!((again, back), (Refused, NoRule));
}

/// An amount above the most that a budget holds is told as what it is.
#[test]
fn too_much_for_a_budget_is_told() {
    let mut w = world_of(MANAGE);
    let event = w.event(
        "budget.funded",
        "@program",
        "f",
        &day("03-04"),
        r#"{"budget":"fund","amount":{"amount":"20000000000000.00","currency":"USD"}}"#,
    );
    let judged = group(&mut w, "@program", &[event]);
    let Judgement::Rejected(rejection) = &judged[0] else { panic!("{judged:?}") };
    assert!(format!("{rejection:?}").contains("at most"), "{rejection:?}");
}
