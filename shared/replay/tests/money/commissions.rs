//! Commissions: rates, bases, tenors, bounds and corrections, each at its edges (M01-M07).

use domain::ledger::Outcome::{Applied, Awarded, NoRule, Refused};
use domain::ledger::{Asset, Balance};
use domain::tell::explain;
use laurel_replay::World;

use super::{USD, of, world};

const PERX: &str = include_str!("../../../../infra/programs/perx.toml");
const T: &str = "2026-03-02T14:00:00Z";

const BANDS: &str = r#"
[commission.referral]
rate = { by = "acv", bands = [{ from = "25000", rate = "3%" }, { from = "50000", rate = "5%" }, { from = "100000", rate = "7%" }] }
tenor = { "36 months" = "1.5" }
"#;

fn close(world: &mut World, deal: &str, more: &str) -> domain::ledger::Outcome {
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won",{more}}}"#);
    world.send("deal.closed", "p", &format!("{deal}-closed"), T, &data)
}

fn acv(amount: &str) -> String {
    format!(r#""acv":{{"amount":"{amount}","currency":"USD"}}"#)
}

/// The next minute: corrections are ordered by their own time.
fn next(world: &World) -> String {
    format!("2026-03-02T14:{:02}:00Z", world.records.len())
}

fn amend(world: &mut World, id: &str, amount: &str) -> domain::ledger::Outcome {
    let data = format!(r#"{{"deal_id":"d",{}}}"#, acv(amount));
    world.send("deal.amended", "p", id, &next(world), &data)
}

fn reverse(world: &mut World, id: &str, amount: Option<&str>) -> domain::ledger::Outcome {
    let part = amount.map(|amount| format!(r#","amount":{{"amount":"{amount}","currency":"USD"}}"#));
    let data = format!(r#"{{"deal_id":"d","reason":"x"{}}}"#, part.unwrap_or_default());
    world.send("deal.reversed", "p", id, &next(world), &data)
}

/// What is payable and what is accrued, in dollars.
fn dollars(world: &World) -> (String, String) {
    let Balance { available, pending, reserved: 0, owed: 0 } = of(world, USD) else { panic!("{:?}", of(world, USD)) };
    (USD.amount(available), USD.amount(pending))
}

fn payable(world: &World) -> String {
    dollars(world).0
}

fn told(world: &World) -> (String, Vec<String>) {
    let program = &world.programs.all()[0].program;
    let explained = explain(world.last(), Some(program));
    (explained.sentence, explained.rules.into_iter().map(|rule| rule.sentence).collect())
}

/// M01, M02: 7 % of US$100,000, times 1.5 for three years, is 10,500.00; reversing half of it takes half.
#[test]
fn m01_m02_a_referral_of_a_hundred_thousand_for_three_years() {
    let mut w = world(BANDS);
    assert_eq!(close(&mut w, "d", &format!(r#"{},"tenor_months":36"#, acv("100000"))), Awarded);
    assert_eq!(payable(&w), "10500.00");
    let words = "10500.00 USD: 7% of 100000 USD first-year value, 1.5 times for tenor 36 months";
    assert_eq!(told(&w), ("10500.00 USD for deal d by commission.referral".to_owned(), vec![words.to_owned()]));
    assert_eq!(reverse(&mut w, "half", Some("50000")), NoRule);
    assert_eq!(payable(&w), "5250.00");
    let words = "the deal's award is worth 5250.00 USD now; -5250.00 USD";
    assert_eq!(told(&w), ("5250.00 USD of an earlier commission was taken back".to_owned(), vec![words.to_owned()]));
    assert_eq!(reverse(&mut w, "rest", None), NoRule);
    assert_eq!(payable(&w), "0.00");
}

/// M01: each band from its own edge on; below the first nothing, and the reason says so.
#[test]
fn m01_bands_at_their_edges() {
    let pays = |amount: &str| {
        let mut w = world(BANDS);
        close(&mut w, "d", &acv(amount));
        payable(&w)
    };
    let paid = ["24999.99", "25000", "49999.99", "50000", "99999.99", "100000"].map(pays);
    assert_eq!(paid, ["0.00", "750.00", "1500.00", "2500.00", "5000.00", "7000.00"]);
    let mut w = world(BANDS);
    assert_eq!(close(&mut w, "d", &acv("24999.99")), NoRule);
    assert!(told(&w).1[0].contains("below its lowest band"), "{:?}", told(&w));
}

/// M04: what a reseller has slides with the size of the deal, from 10 % to 25 %, each part of it at its own rate: no deal that is larger
/// pays less.
#[test]
fn m04_a_resellers_commission_slides_with_the_deal() {
    let tables = r#"
[commission.reseller]
rate = { by = "acv", slices = [{ from = "0", rate = "10%" }, { from = "50000", rate = "15%" }, { from = "100000", rate = "25%" }] }
"#;
    let pays = |amount: &str| {
        let mut w = world(tables);
        close(&mut w, "d", &acv(amount));
        payable(&w)
    };
    let paid = ["10000", "50000", "50000.01", "100000", "200000"].map(pays);
    assert_eq!(paid, ["1000.00", "5000.00", "5000.00", "12500.00", "37500.00"]);
    let mut w = world(tables);
    close(&mut w, "d", &acv("200000"));
    assert_eq!(told(&w).1, ["37500.00 USD: 18.75% of 200000 USD first-year value"]);
    reverse(&mut w, "half", Some("100000"));
    assert_eq!(payable(&w), "18750.00", "half of it, at the rate that was paid");
}

/// M02: the longest tenor that is not above the contract's counts; what says nothing of its length is a year.
#[test]
fn m02_tenors_at_their_edges() {
    let tables = r#"
[commission.c]
rate = "10%"
tenor = { "13 months" = "1.1", "36 months" = "1.5" }
"#;
    let pays = |months: u32| {
        let mut w = world(tables);
        let tenor = if months == 0 { String::new() } else { format!(r#","tenor_months":{months}"#) };
        close(&mut w, "d", &format!("{}{tenor}", acv("1000")));
        payable(&w)
    };
    assert_eq!([0, 12, 13, 35, 36, 60].map(pays), ["100.00", "100.00", "110.00", "110.00", "150.00", "150.00"]);
}

/// A deal that is reversed in part is paid at the rate that it was paid at, or rated again, as the program says; one that is amended
/// likewise.
#[test]
fn corrections_at_the_rate_that_was_paid_or_rated_again() {
    let run = |settings: &str, steps: &[(&str, &str)]| {
        let mut w = world(&format!("{BANDS}[policy.commissions]\n{settings}"));
        close(&mut w, "d", &acv("100000"));
        for (at, (what, amount)) in steps.iter().enumerate() {
            let id = format!("step{at}");
            if *what == "amend" {
                amend(&mut w, &id, amount)
            } else {
                reverse(&mut w, &id, Some(amount))
            };
        }
        payable(&w)
    };
    let reversed = [("reverse", "50000")];
    assert_eq!(run("", &reversed), "3500.00");
    assert_eq!(run("reversed_deals = \"rated again\"", &reversed), "2500.00");
    let amended = [("amend", "50000")];
    assert_eq!(run("", &amended), "2500.00");
    assert_eq!(run("amended_deals = \"at the rate that was paid\"", &amended), "3500.00");
    // Amended first, then half of that reversed: of what the amendment came to.
    let both = [("amend", "60000"), ("reverse", "30000")];
    assert_eq!(run("", &both), "1500.00");
    assert_eq!(run("amended_deals = \"at the rate that was paid\"", &both), "2100.00");
    assert_eq!(run("reversed_deals = \"rated again\"", &both), "900.00");
    // Back to what it was: as if nothing had been.
    assert_eq!(run("", &[("amend", "50000"), ("amend", "100000")]), "7000.00");
}

/// A deal below the lowest band that comes to more is paid, with what multiplied it when it closed.
#[test]
fn a_deal_that_grows_into_its_first_band_is_paid() {
    let mut w = world(BANDS);
    close(&mut w, "d", &format!(r#"{},"tenor_months":36"#, acv("20000")));
    assert_eq!(payable(&w), "0.00");
    assert_eq!(amend(&mut w, "more", "30000"), Awarded);
    assert_eq!(payable(&w), "1350.00");
    assert!(told(&w).1[0].contains("worth 1350.00 USD now; +1350.00 USD"), "{:?}", told(&w));
}

/// Who is paid was decided when the deal closed: a promotion afterwards does not bring another commission, nor another rate.
#[test]
fn a_tier_reached_later_changes_no_commission_of_before() {
    let tables = r#"
[commission.referral]
tier = "referral"
rate = "5%"
[commission.reseller]
tier = ["reseller", "oem"]
rate = "15%"
[ladder.sell.referral]
rank = 1
[ladder.sell.reseller]
rank = 2
enter = { deals = 2, within = "1 year" }
[ladder.sell.oem]
rank = 3
enter = { deals = 20, within = "1 year" }
"#;
    let mut w = world(tables);
    close(&mut w, "d", &acv("1000"));
    let (_, rules) = told(&w);
    assert_eq!(rules[1], "`tier` is `referral`; the rule asks for `reseller or oem`");
    close(&mut w, "e", &acv("1000"));
    assert_eq!(payable(&w), "100.00");
    // Now a reseller.
    close(&mut w, "f", &acv("1000"));
    assert_eq!(payable(&w), "250.00");
    assert_eq!(amend(&mut w, "more", "3000"), Awarded);
    assert_eq!(payable(&w), "350.00");
}

/// What is held is accrued, becomes payable on its day, and pays back what is owed only then. What is reversed before costs nothing.
#[test]
fn held_commission_becomes_payable_on_its_day() {
    let mut w = world("[commission.c]\nrate = \"10%\"\nhold = \"30 days\"\n");
    close(&mut w, "d", &acv("1000"));
    close(&mut w, "e", &acv("500"));
    assert_eq!(dollars(&w), ("0.00".to_owned(), "150.00".to_owned()));
    assert_eq!(reverse(&mut w, "half", Some("500")), NoRule);
    assert_eq!(dollars(&w), ("0.00".to_owned(), "100.00".to_owned()));
    w.at("2026-03-31T23:00:00Z").catch_up();
    assert_eq!(dollars(&w), ("0.00".to_owned(), "100.00".to_owned()));
    w.at("2026-04-01T00:00:00Z").catch_up();
    assert_eq!(dollars(&w), ("100.00".to_owned(), "0.00".to_owned()));
    assert_eq!((&*w.last().kind, w.last().outcome), ("commission.released", Applied));
    let words = domain::tell::movement(w.last(), &w.last().postings[0], None);
    assert_eq!(words, "100.00 USD of commission is payable now");
}

/// M05: whatever multiplies, the program's highest rate cuts it.
#[test]
fn m05_the_program_pays_at_most_its_cap() {
    let tables = "[commission.c]\nrate = \"25%\"\ntenor = { \"36 months\" = \"1.5\" }\n[policy.commissions]\nat_most = \"30%\"\n";
    let mut w = world(tables);
    close(&mut w, "d", &format!(r#"{},"tenor_months":36"#, acv("1000")));
    assert_eq!(payable(&w), "300.00");
    let words =
        "300.00 USD: 25% of 1000 USD first-year value, 1.5 times for tenor 36 months, cut to 30% as the program's most";
    assert_eq!(told(&w).1, [words]);
    close(&mut w, "e", &acv("1000"));
    assert_eq!(payable(&w), "550.00");
    assert_eq!(told(&w).1, ["250.00 USD: 25% of 1000 USD first-year value"]);
}

/// M06, M07: of the total value, or of the lines of one revenue type, which scale with the deal.
#[test]
fn m06_m07_bases() {
    let tables = r#"
[commission.services]
base = "lines of services"
rate = "20%"
[commission.total]
base = "total value"
rate = "1%"
"#;
    let mut w = world(tables);
    let line = |kind: &str, amount: &str| {
        format!(r#"{{"revenue_type":"{kind}","amount":{{"amount":"{amount}","currency":"USD"}}}}"#)
    };
    let lines = [line("arr", "3000"), line("services", "400"), line("services", "100")].join(",");
    close(&mut w, "d", &format!(r#"{},"tenor_months":36,"lines":[{lines}]"#, acv("1000")));
    // A fifth of 500, and a hundredth of 3,500.
    assert_eq!(payable(&w), "135.00");
    reverse(&mut w, "half", Some("500"));
    assert_eq!(payable(&w), "67.50");
    let mut w = world(tables);
    close(&mut w, "d", &format!(r#"{},"tenor_months":36"#, acv("1000")));
    assert_eq!(payable(&w), "30.00");
}

/// Each slice at its own rate; exact, also where the whole does not divide.
#[test]
fn slices_each_at_their_own_rate() {
    let tables = "[commission.c]\nrate = { by = \"acv\", slices = [{ from = \"0\", rate = \"12%\" }, { from = \"100000\", rate = \"8%\" }] }\n";
    let pays = |amount: &str| {
        let mut w = world(tables);
        close(&mut w, "d", &acv(amount));
        payable(&w)
    };
    let paid = ["1", "99999.99", "100000", "100000.01", "150000"].map(pays);
    assert_eq!(paid, ["0.12", "12000.00", "12000.00", "12000.00", "16000.00"]);
}

/// In the program's currency at the rate of the version, or in the deal's own; rounded half away from zero, to what the currency has.
#[test]
fn currencies() {
    let close_in = |settings: &str, amount: &str, currency: &str| {
        let mut w = world(&format!("[commission.c]\nrate = \"5%\"\n[policy.commissions]\n{settings}"));
        close(&mut w, "d", &format!(r#""acv":{{"amount":"{amount}","currency":"{currency}"}}"#));
        w
    };
    let of_deal = "currency = \"of the deal\"\n";
    assert_eq!(payable(&close_in("", "1000", "EUR")), "55.00");
    assert_eq!(of(&close_in(of_deal, "1000", "EUR"), Asset::Money("EUR")).available, 5_000);
    assert_eq!(of(&close_in(of_deal, "1000", "EUR"), USD).available, 0);
    assert_eq!(of(&close_in(of_deal, "1010", "JPY"), Asset::Money("JPY")).available, 51);
    assert_eq!(of(&close_in(of_deal, "1009", "JPY"), Asset::Money("JPY")).available, 50);
    assert_eq!(payable(&close_in("", "0.10", "USD")), "0.01");
    assert_eq!(payable(&close_in("", "0.09", "USD")), "0.00");
}

/// M03 and caps by amount: the first two small deals, and so much a year; what a cap cuts is told.
#[test]
fn m03_caps_on_how_often_and_on_how_much() {
    let tables = r#"
[commission.pilot]
if = { acv = "< 25000" }
rate = "3%"
at_most = "twice per partner in all"
[commission.big]
if = { acv = ">= 25000" }
rate = "10%"
at_least = "2600"
at_most = "5000 USD per partner per year"
"#;
    let mut w = world(tables);
    assert_eq!(close(&mut w, "a", &acv("1000")), Awarded);
    assert_eq!(close(&mut w, "b", &acv("1000")), Awarded);
    assert_eq!(close(&mut w, "c", &acv("1000")), Refused);
    assert_eq!(payable(&w), "60.00");
    close(&mut w, "x", &acv("25000"));
    assert_eq!(payable(&w), "2660.00");
    close(&mut w, "y", &acv("40000"));
    assert_eq!(payable(&w), "5060.00");
    assert!(told(&w).1[0].contains("cut from 4000.00 by \"5000 USD per partner per year\""), "{:?}", told(&w));
    close(&mut w, "z", &acv("40000"));
    assert!(told(&w).1[0].contains("is used up (5000.00 USD so far)"), "{:?}", told(&w));
}

/// Who may not earn is paid nothing new, and what it was paid is taken back as of anybody.
#[test]
fn a_suspended_partner_is_paid_nothing_new() {
    let mut w = world("[commission.c]\nrate = \"10%\"\n");
    close(&mut w, "d", &acv("1000"));
    w.send("partner.suspended", "p", "s", T, r#"{"reason":"x"}"#);
    assert_eq!(close(&mut w, "e", &acv("1000")), Refused);
    amend(&mut w, "more", "2000");
    assert_eq!(payable(&w), "100.00");
    reverse(&mut w, "half", Some("1500"));
    assert_eq!(payable(&w), "50.00");
}

/// A lost deal pays nothing, whatever value it says.
#[test]
fn a_lost_deal_pays_nothing() {
    let mut w = world("[commission.c]\nrate = \"10%\"\n");
    let data = format!(r#"{{"deal_id":"d","outcome":"lost",{}}}"#, acv("1000"));
    assert_eq!(w.send("deal.closed", "p", "lost", T, &data), NoRule);
    assert_eq!(payable(&w), "0.00");
}

/// The shipped program's year of one partner, as a person reads it: a pilot, a referral with a tenor, a reversal.
#[test]
fn perx_pays_its_partners() {
    let mut w = World::new(PERX, "2026-09-15T04:00:00Z");
    w.enrol("p");
    close_at(&mut w, "d", "2026-09-15T03:00:00Z", r#""acv":{"amount":"100000","currency":"USD"},"tenor_months":36"#);
    close_at(&mut w, "small", "2026-09-15T03:10:00Z", r#""acv":{"amount":"20000","currency":"SGD"}"#);
    w.at("2026-10-15T04:00:00Z").catch_up();
    let half = r#"{"deal_id":"d","reason":"the customer took half","amount":{"amount":"50000","currency":"USD"}}"#;
    w.send("deal.reversed", "p", "half", "2026-10-15T03:00:00Z", half);
    insta::assert_snapshot!(w.ledger());
}

fn close_at(world: &mut World, deal: &str, time: &str, more: &str) {
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won",{more}}}"#);
    world.send("deal.closed", "p", &format!("{deal}-closed"), time, &data);
}

const AT_INVOICE: &str = "[commission.c]\nrate = \"10%\"\npayable = \"at the first invoice\"\n";

fn invoice(world: &mut World, id: &str) -> domain::ledger::Outcome {
    let amount = r#"{"amount":"500","currency":"USD"}"#;
    let data = format!(r#"{{"deal_id":"d","invoice_id":"{id}","amount":{amount}}}"#);
    world.send("invoice.paid", "p", id, &next(world), &data)
}

/// M10: accrued at closing, payable once the customer has paid; later invoices change nothing.
#[test]
fn m10_payable_at_the_first_invoice() {
    let mut w = world(AT_INVOICE);
    close(&mut w, "d", &acv("1000"));
    assert_eq!(dollars(&w), ("0.00".to_owned(), "100.00".to_owned()));
    let words = domain::tell::movement(w.last(), &w.last().postings[0], None);
    assert_eq!(words, "100.00 USD for deal d by \"commission.c\", payable once the customer has paid");
    // It is due on no day.
    w.at("2027-03-02T15:00:00Z").catch_up();
    assert_eq!(dollars(&w), ("0.00".to_owned(), "100.00".to_owned()));
    assert_eq!(invoice(&mut w, "i1"), NoRule);
    assert_eq!(w.last().reason, Some(domain::ledger::Reason::CustomerPaid));
    assert_eq!(dollars(&w), ("100.00".to_owned(), "0.00".to_owned()));
    invoice(&mut w, "i2");
    assert_eq!((w.last().postings.len(), dollars(&w)), (0, ("100.00".to_owned(), "0.00".to_owned())));
    // More of the deal is payable at once; less is taken from what is payable.
    amend(&mut w, "more", "1500");
    assert_eq!(dollars(&w), ("150.00".to_owned(), "0.00".to_owned()));
    reverse(&mut w, "void", None);
    assert_eq!(dollars(&w), ("0.00".to_owned(), "0.00".to_owned()));
}

/// In whatever order closing, invoice, amendment and reversal come, the same is payable; an invoice before its deal waits for it.
#[test]
fn m10_the_order_of_closing_and_invoice_does_not_matter() {
    let run = |order: [usize; 4], void: bool| {
        let mut w = world(AT_INVOICE);
        let at = |minute: u32| format!("2026-03-02T14:{minute:02}:00Z");
        let money = |amount: &str| format!(r#"{{"amount":"{amount}","currency":"USD"}}"#);
        let reversed = if void { String::new() } else { format!(r#","amount":{}"#, money("300")) };
        let all = [
            ("deal.closed", format!(r#"{{"deal_id":"d","outcome":"won","acv":{}}}"#, money("1000"))),
            ("invoice.paid", format!(r#"{{"deal_id":"d","invoice_id":"i","amount":{}}}"#, money("500"))),
            ("deal.amended", format!(r#"{{"deal_id":"d","acv":{}}}"#, money("1200"))),
            ("deal.reversed", format!(r#"{{"deal_id":"d","reason":"x"{reversed}}}"#)),
        ];
        for place in order {
            let (kind, data) = &all[place];
            w.send(kind, "p", kind, &at(u32::try_from(place).expect("few")), data);
        }
        assert!(w.held.is_empty(), "{}", w.ledger());
        dollars(&w)
    };
    for (void, expected) in [(false, "90.00"), (true, "0.00")] {
        for first in 0..4 {
            for second in (0..4).filter(|two| *two != first) {
                for third in (0..4).filter(|three| ![first, second].contains(three)) {
                    let fourth = 6 - first - second - third;
                    let order = [first, second, third, fourth];
                    assert_eq!(run(order, void), (expected.to_owned(), "0.00".to_owned()), "{order:?}");
                }
            }
        }
    }
}

/// With a hold it is held from the invoice on; whoever is suspended meanwhile loses nothing.
#[test]
fn m10_held_from_the_invoice_on_also_of_whoever_is_suspended() {
    let mut w = world(&format!("{AT_INVOICE}hold = \"10 days\"\n"));
    close(&mut w, "d", &acv("1000"));
    w.send("partner.suspended", "p", "s", T, r#"{"reason":"x"}"#);
    w.at("2026-04-01T00:00:00Z");
    let amount = r#"{"amount":"500","currency":"USD"}"#;
    let data = format!(r#"{{"deal_id":"d","invoice_id":"i","amount":{amount}}}"#);
    w.send("invoice.paid", "p", "i", "2026-04-01T00:00:00Z", &data);
    let words = domain::tell::movement(w.last(), &w.last().postings[0], None);
    assert_eq!(words, "100.00 USD for deal d by \"commission.c\": the customer paid, payable from 2026-04-11 on");
    w.at("2026-04-10T23:59:59Z").catch_up();
    assert_eq!(payable(&w), "0.00");
    w.at("2026-04-11T00:00:00Z").catch_up();
    assert_eq!(payable(&w), "100.00");
}

/// At the rate that was paid: neither the floor nor a rounded cent is taken for the rate, and it is rounded once.
#[test]
fn the_rate_that_was_paid_is_not_its_floor_nor_its_cents() {
    let run = |rule: &str, steps: &[(&str, Option<&str>)]| {
        let policy = "[policy.commissions]\nat_most = \"30%\"\namended_deals = \"at the rate that was paid\"\n";
        let mut w = world(&format!("[commission.c]\n{rule}\n{policy}"));
        for (at, (amount, reversed)) in steps.iter().enumerate() {
            match (at, reversed) {
                (0, _) => drop(close(&mut w, "d", &acv(amount))),
                (_, None) => drop(amend(&mut w, &format!("a{at}"), amount)),
                (_, Some(part)) => drop(reverse(&mut w, &format!("r{at}"), Some(part))),
            }
        }
        payable(&w)
    };
    let rate = "rate = \"2.5%\"";
    let floor = "rate = \"2.5%\"\nat_least = \"50\"";
    assert_eq!(run(floor, &[("1", None)]), "0.30", "no more of the base than the program pays");
    assert_eq!(run(floor, &[("1000", None)]), "50.00");
    for closed in ["1", "0.10", "0"] {
        assert_eq!(run(floor, &[(closed, None), ("100000", None)]), "2500.00", "{closed}");
        assert_eq!(run(rate, &[(closed, None), ("100000", None)]), "2500.00", "{closed}");
    }
    assert_eq!(run("rate = \"10%\"", &[("0.10", None), ("0.05", None), ("", Some("0.02"))]), "0.00");
    // The floor holds as long as anything is left of the deal, however it came to be so little.
    assert_eq!(run(floor, &[("4000", None), ("", Some("3000"))]), "50.00");
    assert_eq!(run(floor, &[("4000", None), ("1000", None)]), "50.00");
}

/// Rated again, a deal is paid by the rules that its new value meets, and by no other; tiers are those of the closing.
#[test]
fn a_deal_rated_again_meets_the_conditions_of_its_new_value() {
    let at = |closed: &str, amended: &str| {
        let mut w = World::new(PERX, "2026-09-15T04:00:00Z");
        w.enrol("p");
        let more = format!(r#"{},"tenor_months":36"#, acv(closed));
        close_at(&mut w, "d", "2026-09-15T03:00:00Z", &more);
        if closed != amended {
            let data = format!(r#"{{"deal_id":"d",{}}}"#, acv(amended));
            w.send("deal.amended", "p", "a", "2026-09-15T03:30:00Z", &data);
        }
        let net = |credit: &domain::deal::Credit| credit.net();
        let closed = w.deals.values().next().and_then(|deal| deal.closed.as_ref()).expect("closed");
        let of = |rule: &str| closed.credits.get(rule).map_or(0, net);
        [of("commission.pilot"), of("commission.referral"), of("commission.reseller")]
    };
    assert_eq!(at("20000", "20000"), [60_000, 0, 0]);
    assert_eq!(at("100000", "100000"), [0, 1_050_000, 0]);
    assert_eq!(at("20000", "100000"), at("100000", "100000"));
    assert_eq!(at("100000", "20000"), at("20000", "20000"));
}

/// A cap on how often is given back only where nothing of the award is left, what was forgiven of it included.
#[test]
fn a_cap_is_not_freed_of_what_was_forgiven() {
    let tables = r#"
[commission.c]
if = { renewal = false }
rate = "10%"
at_most = "once per partner in all"
[commission.other]
if = { renewal = true }
rate = "10%"
[policy]
reversed_awards = "free their caps"
[policy.commissions]
clawback = "forgiven"
"#;
    let mut w = world(tables);
    close(&mut w, "d", &acv("1000"));
    let payout: event::payout::PayoutId = "2026-03-02-USD".parse().expect("a payout");
    let money = event::money::Money::parse("100.00", "USD").expect("money");
    let partner = "p".try_into().expect("a partner");
    let event = domain::payout::reserve(&w.id(), &partner, payout, money.into(), w.now);
    assert_eq!(w.take_step(&event), Some(Applied));
    w.send("payout.settled", "p", "s", T, &format!(r#"{{"payout_id":"{payout}"}}"#));
    reverse(&mut w, "forgiven", Some("500"));
    close(&mut w, "e", &format!(r#"{},"renewal":true"#, acv("1000")));
    reverse(&mut w, "taken", Some("500"));
    amend(&mut w, "back", "1000");
    assert_eq!(close(&mut w, "f", &acv("1000")), Refused, "{}", w.ledger());
}

/// Bands are chosen by amounts to their last digit, and by a tenor that is left out as by a year.
#[test]
fn bands_look_at_what_was_said() {
    let kwd = r#"
[program]
id = "test"
name = "T"
currency = "KWD"
[sources]
"/crm/*" = ["*"]
[commission.c]
rate = { by = "acv", bands = [{ from = "0", rate = "1%" }, { from = "25000", rate = "10%" }] }
[commission.years]
rate = { by = "tenor_months", bands = [{ from = "12", rate = "5%" }] }
"#;
    let mut w = World::new(kwd, "2026-03-02T15:00:00Z");
    w.enrol("p");
    close(&mut w, "d", r#""acv":{"amount":"24999.996","currency":"KWD"}"#);
    assert_eq!(of(&w, Asset::Money("KWD")).available, 250_000 + 1_250_000);
}

/// What a figure came to is told with everything that made it: the cut, the floor, the exchange, what was taken beside.
#[test]
fn figures_are_told_with_all_that_made_them() {
    let tables = r#"
[commission.c]
rate = "25%"
tenor = { "36 months" = "1.5" }
[policy.commissions]
at_most = "30%"
"#;
    let mut w = world(tables);
    close(&mut w, "d", r#""acv":{"amount":"1000","currency":"EUR"},"tenor_months":36"#);
    let words = "330.00 USD: 25% of 1000 EUR first-year value, 1.5 times for tenor 36 months, cut to 30% as the program's most, \
                 at 1.10 USD for 1 EUR";
    assert_eq!(told(&w).1, [words.replace("1.10", "1.1")]);
    let mut w = world("[commission.c]\nrate = \"10%\"\nat_least = \"260\"\n");
    close(&mut w, "d", &acv("1000"));
    assert_eq!(told(&w).1, ["260.00 USD: 10% of 1000 USD first-year value, at least 260 USD"]);
    let mut w = world("[commission.c]\nbase = \"lines of services\"\nrate = \"10%\"\n");
    close(&mut w, "d", &acv("1000"));
    assert_eq!(told(&w).1, ["it matched, and comes to nothing: 10% of 0 USD lines of services"]);
    let tables = "[commission.a]\nrate = { by = \"acv\", bands = [{ from = \"0\", rate = \"10%\" }, { from = \"50000\", rate = \"1%\" }] }\n[commission.b]\nrate = \"1%\"\n";
    let mut w = world(tables);
    close(&mut w, "d", &acv("40000"));
    amend(&mut w, "more", "60000");
    assert_eq!(told(&w).0, "3200.00 USD was taken back for deal d, all in all");
    let mut w = world(
        "[commission.c]\ntier = \"gold\"\nrate = \"10%\"\n[ladder.service.base]\nrank = 1\n[ladder.service.gold]\nrank = 2\nenter = { deals = 1, within = \"1 year\" }\n",
    );
    close(&mut w, "d", &acv("1000"));
    assert_eq!(told(&w).1, ["`tier` is `none`; the rule asks for `gold`"]);
}

/// M08: an OEM's purchase order counts to its tier as a deal and pays no commission; a deal that closes counts and pays.
#[test]
fn m08_a_purchase_order_counts_to_the_tier_and_pays_nothing() {
    let mut w = World::new(PERX, "2026-03-02T15:00:00Z");
    w.enrol("p");
    let order = |w: &mut World, n: u32| {
        let data = format!(r#"{{"deal_id":"po{n}","amount":{{"amount":"110000","currency":"USD"}}}}"#);
        w.send("purchase_order.received", "p", &format!("po{n}"), T, &data)
    };
    for n in 0..4 {
        assert_eq!(order(&mut w, n), NoRule);
        assert_eq!(w.tier("p"), "referral");
    }
    order(&mut w, 4);
    assert_eq!(w.tier("p"), "reseller", "five orders, as five deals");
    assert_eq!(of(&w, USD), Balance::default());
    (5..15).for_each(|n| _ = order(&mut w, n));
    assert_eq!((w.tier("p"), of(&w, USD)), ("oem", Balance::default()));
}
