//! Rules that are paused by a date: they give nothing for what happens on those days, whatever comes of it later.

use domain::ledger::Outcome::{self, Awarded, NoRule};
use domain::ledger::{Asset, Balance, Reason, Record};
use domain::tell::explain;
use laurel_replay::World;

use super::{INFLUENCE, USD, assert_sound, publish, usd};

/// Paused for ten days of March, each rule of its own kind.
const RULES: &str = r#"
[earn.projects]
on = "project.completed"
points = 3
paused = { from = "2026-03-10", until = "2026-03-20", why = "We look into what projects are." }
[earn.closed]
on = "deal.closed"
if = { outcome = "won" }
points = 10
paused = { from = "2026-03-10", until = "2026-03-20" }
[commission.invoices]
on = "invoice.paid"
rate = "1%"
paused = { from = "2026-03-10", until = "2026-03-20" }
"#;

fn paused_sale() -> String {
    let pause = "paused = { from = \"2026-03-10\", until = \"2026-03-20\" }\n";
    let sharing = ["source", "influence"].iter().fold(INFLUENCE.to_owned(), |text, rule| {
        text.replace(&format!("[commission.{rule}]\n"), &format!("[commission.{rule}]\n{pause}"))
    });
    format!("{RULES}{sharing}")
}

fn world() -> World {
    super::world_of(&paused_sale(), "2026-03-01T12:00:00Z", ["p", "i"])
}

fn done(w: &mut World, time: &str) -> Outcome {
    w.at(time);
    w.send("project.completed", "p", time, time, r#"{"project_id":"x","outcome":"successful"}"#)
}

fn sentences(w: &World) -> Vec<String> {
    explain(w.last(), Some(&w.programs.all()[0].program)).rules.into_iter().map(|rule| rule.sentence).collect()
}

fn paid(w: &World, partner: &str) -> String {
    let Balance { available, pending: 0, reserved: 0, owed: 0 } = w.account(partner).head.balance(USD) else {
        panic!("{:?}", w.account(partner).head.balance(USD))
    };
    USD.amount(available)
}

fn points(w: &World) -> i64 {
    w.account("p").head.balance(Asset::Points).available
}

#[test]
fn a_rule_gives_before_its_pause_and_after_it() {
    let mut w = world();
    assert_eq!(done(&mut w, "2026-03-09T23:59:59Z"), Awarded);
    assert_eq!(done(&mut w, "2026-03-10T00:00:00Z"), NoRule);
    let until = "2026-03-20".parse().ok();
    assert_eq!(w.last().reason, Some(Reason::RulePaused { until }));
    let told = "the rule is paused from 2026-03-10 to 2026-03-19: We look into what projects are.";
    assert_eq!(sentences(&w), [told]);
    assert_eq!(explain(w.last(), None).sentence, "a rule that looks at it is paused until the end of 2026-03-19");
    assert_eq!(done(&mut w, "2026-03-19T23:59:59Z"), NoRule);
    assert_eq!(done(&mut w, "2026-03-20T00:00:00Z"), Awarded);
    assert_sound(&w);
}

/// It goes by the day on which it happened, and not by when it is told.
#[test]
fn what_comes_late_is_of_its_own_day() {
    let mut w = world();
    w.at("2026-03-12T12:00:00Z");
    let data = r#"{"project_id":"x","outcome":"successful"}"#;
    assert_eq!(w.send("project.completed", "p", "late", "2026-03-09T12:00:00Z", data), Awarded);
    w.at("2026-03-21T12:00:00Z");
    assert_eq!(w.send("project.completed", "p", "later", "2026-03-19T12:00:00Z", data), NoRule);
}

/// A pause that nobody has ended lasts until another version says otherwise.
#[test]
fn a_pause_without_an_end() {
    let rule = "[earn.projects]\non = \"project.completed\"\npoints = 3\n";
    let mut w =
        super::world_of(&format!("{rule}paused = {{ from = \"2026-03-10\" }}\n"), "2026-03-01T12:00:00Z", ["p"]);
    assert_eq!(done(&mut w, "2026-03-09T12:00:00Z"), Awarded);
    assert_eq!(done(&mut w, "2026-08-10T12:00:00Z"), NoRule);
    assert_eq!(sentences(&w), ["the rule is paused from 2026-03-10 on"]);
    publish(&mut w, rule, "2026-08-11T00:00:00Z");
    assert_eq!(done(&mut w, "2026-08-10T23:00:00Z"), NoRule);
    assert_eq!(done(&mut w, "2026-08-11T12:00:00Z"), Awarded);
}

/// A deal that closed meanwhile pays nobody, whatever it is amended to once the pause is over; one that closed before is corrected as
/// ever, also during the pause.
#[test]
fn a_deal_of_the_pause_pays_nobody_later() {
    let mut w = world();
    let influence = |w: &mut World, deal: &str, time: &str| {
        let registered = format!(r#"{{"deal_id":"{deal}","opportunity_id":"o-{deal}","customer":"c"}}"#);
        w.send("deal.registered", "p", &format!("registered-{deal}"), time, &registered);
        let data = format!(r#"{{"deal_id":"{deal}","kind":"endorsement"}}"#);
        w.send("deal.influenced", "i", &format!("influenced-{deal}"), time, &data);
    };
    influence(&mut w, "before", "2026-03-01T12:00:00Z");
    influence(&mut w, "within", "2026-03-01T12:00:00Z");
    w.at("2026-03-09T12:00:00Z");
    w.close("p", "before", "2026-03-09T12:00:00Z", "1000");
    let all = |w: &World| ["p", "i"].map(|partner| paid(w, partner));
    assert_eq!(all(&w), ["94.00", "6.00"]);
    w.at("2026-03-12T12:00:00Z");
    w.close("p", "within", "2026-03-12T12:00:00Z", "1000");
    assert_eq!((all(&w), points(&w)), (["94.00", "6.00"].map(str::to_owned), 10));
    let amend = |w: &mut World, deal: &str, time: &str| {
        w.at(time);
        let data = format!(r#"{{"deal_id":"{deal}",{}}}"#, usd("acv", "2000"));
        w.send("deal.amended", "p", &format!("amended-{deal}-{time}"), time, &data)
    };
    amend(&mut w, "within", "2026-03-15T12:00:00Z");
    amend(&mut w, "before", "2026-03-15T12:00:00Z");
    assert_eq!(all(&w), ["188.00", "12.00"]);
    amend(&mut w, "within", "2026-03-25T12:00:00Z");
    assert_eq!((all(&w), points(&w)), (["188.00", "12.00"].map(str::to_owned), 10));
    // What its customer pays is of the day on which it is paid.
    let invoice = |w: &mut World, day: u32| {
        let time = format!("2026-03-{day}T12:00:00Z");
        w.at(&time);
        let data = format!(r#"{{"deal_id":"within","invoice_id":"i{day}",{}}}"#, usd("amount", "100"));
        w.send("invoice.paid", "p", &format!("invoice-{day}"), &time, &data)
    };
    assert_eq!(invoice(&mut w, 19), NoRule);
    assert_eq!(invoice(&mut w, 20), Awarded);
    assert_sound(&w);
}

/// A rule of which nobody can count what it would give is stopped by its pause, too.
#[test]
fn a_pause_stops_a_rule_that_gives_too_much() {
    let rules = "[earn.closed]\non = \"deal.closed\"\npoints = { by = \"acv\", per = \"0.01\", points = 1000000000 }\npaused = { from = \"2026-03-10\" }\n";
    let mut w = super::world_of(rules, "2026-03-12T12:00:00Z", ["p"]);
    assert_eq!(w.close("p", "d", "2026-03-12T12:00:00Z", "999999999999"), NoRule);
    assert_eq!(w.last().reason, Some(Reason::RulePaused { until: None }));
}

/// What a rule would not have given anyway is told as that, and of several pauses the one that ends last.
#[test]
fn a_pause_is_named_only_where_it_withholds_something() {
    let rule = |id: &str, outcome: &str, until: &str| {
        format!(
            "[earn.{id}]\non = \"deal.closed\"\nif = {{ outcome = \"{outcome}\" }}\npoints = 10\npaused = {{ from = \"2026-03-10\", until = \"{until}\" }}\n"
        )
    };
    let rules = [rule("a", "lost", "2026-09-01"), rule("b", "won", "2026-03-15"), rule("c", "won", "2026-06-01")];
    let mut w = super::world_of(&rules.concat(), "2026-03-12T12:00:00Z", ["p"]);
    assert_eq!(w.close("p", "d", "2026-03-12T12:00:00Z", "100"), NoRule);
    assert_eq!(w.last().reason, Some(Reason::RulePaused { until: "2026-06-01".parse().ok() }));
    let told = explain(w.last(), Some(&w.programs.all()[0].program)).rules;
    let verdicts: Vec<_> = told.iter().map(|rule| (rule.verdict, rule.would_have_earned)).collect();
    assert_eq!(verdicts, [("unmatched", 10), ("paused", 10), ("paused", 10)]);
}

/// A commission that comes to nothing in its pause, or whose condition on the value does not hold, comes to nothing later either.
#[test]
fn a_value_that_rises_after_the_pause_earns_nothing() {
    let pause = "paused = { from = \"2026-03-10\", until = \"2026-03-20\" }\n";
    let rules = format!(
        "[commission.bands]\nrate = {{ by = \"acv\", bands = [{{ from = \"5000\", rate = \"10%\" }}] }}\n{pause}[commission.asks]\nif = {{ acv = \">= 5000\" }}\nrate = \"10%\"\n{pause}[earn.large]\non = \"deal.closed\"\nif = {{ outcome = \"won\", acv = \">= 5000\" }}\npoints = 7\n{pause}"
    );
    let mut w = super::world_of(&rules, "2026-03-12T12:00:00Z", ["p"]);
    w.close("p", "d", "2026-03-12T12:00:00Z", "100");
    w.at("2026-03-25T12:00:00Z");
    let data = format!(r#"{{"deal_id":"d",{}}}"#, usd("acv", "50000"));
    assert_eq!(w.send("deal.amended", "p", "amended", "2026-03-25T12:00:00Z", &data), NoRule);
    assert_eq!((paid(&w, "p"), points(&w)), ("0.00".to_owned(), 0));
    let told: Vec<_> = explain(w.last(), Some(&w.programs.all()[0].program)).rules;
    let told: Vec<_> = told.iter().map(|rule| (rule.rule.as_str(), rule.verdict)).collect();
    assert_eq!(told, [("commission.asks", "paused"), ("commission.bands", "paused"), ("large", "paused")]);
    assert_sound(&w);
}

/// An invoice that was told of in the pause is the same one when it is told again under another id after it.
#[test]
fn an_invoice_of_the_pause_pays_nothing_when_it_is_told_again() {
    let mut w = world();
    w.close("p", "d", "2026-03-01T12:00:00Z", "1000");
    let before = paid(&w, "p");
    let invoice = |w: &mut World, id: &str, time: &str| {
        w.at(time);
        let data = format!(r#"{{"deal_id":"d","invoice_id":"i1",{}}}"#, usd("amount", "100"));
        w.send("invoice.paid", "p", id, time, &data)
    };
    assert_eq!(invoice(&mut w, "a", "2026-03-12T12:00:00Z"), NoRule);
    assert_eq!(invoice(&mut w, "b", "2026-03-13T12:00:00Z"), NoRule);
    assert_eq!(invoice(&mut w, "c", "2026-03-25T12:00:00Z"), Outcome::Refused);
    assert_eq!(paid(&w, "p"), before);
    assert_sound(&w);
}

/// Points that are held beyond the end of their lot live on for a while once they are released.
#[test]
fn points_are_not_released_into_a_lot_that_has_run_out() {
    let rules = "[earn.projects]\non = \"project.completed\"\npoints = 100\nhold = \"30 days\"\n[policy]\nexpiry = \"at the end of the month\"\n";
    let mut w = super::world_of(rules, "2026-03-12T12:00:00Z", ["p"]);
    assert_eq!(done(&mut w, "2026-03-12T12:00:00Z"), Awarded);
    let available = |w: &mut World, time: &str| {
        w.at(time);
        w.catch_up();
        points(w)
    };
    assert_eq!(available(&mut w, "2026-04-10T12:00:00Z"), 0);
    assert_eq!(available(&mut w, "2026-04-11T12:00:00Z"), 100);
    // As long as what comes back does: 30 days, to the end of that month.
    assert_eq!(available(&mut w, "2026-05-31T12:00:00Z"), 100);
    assert_eq!(available(&mut w, "2026-06-01T12:00:00Z"), 0);
    assert_sound(&w);
}

/// What a record says of commissions is of one money, also where one of them is paused: found by histories of random programs.
#[test]
fn a_paused_commission_is_told_in_the_money_of_the_others() {
    let rules = "[commission.base]\nrate = \"10%\"\n[commission.more]\nrate = \"5%\"\npaused = { from = \"2026-03-10\" }\n[policy.commissions]\ncurrency = \"of the deal\"\n";
    let mut w = super::world_of(rules, "2026-03-12T12:00:00Z", ["p"]);
    let data = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"100","currency":"EUR"}}"#;
    w.send("deal.closed", "p", "closed", "2026-03-12T12:00:00Z", data);
    w.send("deal.reversed", "p", "reversed", "2026-03-12T12:00:00Z", r#"{"deal_id":"d","reason":"x"}"#);
    for record in w.records.iter().filter(|record| record.kind.as_str().starts_with("deal.")) {
        assert_eq!(record.trials.iter().map(|trial| trial.asset).collect::<Vec<_>>(), [Asset::Money("EUR"); 2]);
        let stored = serde_json::to_string(record).expect("it is in good form");
        assert_eq!(serde_json::from_str::<Record>(&stored).expect("it reads"), *record);
    }
    assert_sound(&w);
}
