//! Invoices of which partners have a share, at their edges: of another currency, of other deals, late, void (M10).

use domain::audit::{check_account, check_records, rebuild};
use domain::ledger::Outcome::{self, Awarded, NoRule};
use domain::ledger::{Asset, Balance, Record};
use laurel_replay::World;

use super::{USD, money, of, program, world};

const EUR: Asset = Asset::Money("EUR");
const SHARE: &str = "[commission.share]\non = \"invoice.paid\"\nrate = \"10%\"\n";

fn close(w: &mut World, deal: &str, acv: &str) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{}}}"#, money(acv, "USD"));
    w.send("deal.closed", "p", &format!("c-{deal}"), &time, &data)
}

fn pay(w: &mut World, id: &str, deal: &str, invoice: &str, amount: &str, currency: &str) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","invoice_id":"{invoice}","amount":{}}}"#, money(amount, currency));
    w.send("invoice.paid", "p", id, &time, &data)
}

fn void(w: &mut World, id: &str, deal: &str) -> Outcome {
    let time = w.now.to_string();
    w.send("deal.reversed", "p", id, &time, &format!(r#"{{"deal_id":"{deal}","reason":"x"}}"#))
}

fn found(w: &World) -> Vec<String> {
    let records: Vec<Record> = w.records.iter().filter(|r| r.partner.as_str() == "p").cloned().collect();
    let mut found = check_records(&records, &w.programs);
    let rebuilt = rebuild(&records, jiff::civil::Date::MIN).expect("they apply");
    found.extend(check_account(w.account("p"), &rebuilt));
    found
}

/// I1/I14: `currency = "of the deal"`: a dollar deal with a euro invoice, and a reversal.
#[test]
fn shares_in_two_currencies_are_taken_back_in_each() {
    let mut w = world(&format!("{SHARE}[policy.commissions]\ncurrency = \"of the deal\"\n"));
    close(&mut w, "d", "1200");
    pay(&mut w, "i1", "d", "i1", "100", "USD");
    pay(&mut w, "i2", "d", "i2", "1000", "EUR");
    void(&mut w, "v", "d");
    let zero = Balance { available: 0, pending: 0, reserved: 0, owed: 0 };
    assert_eq!((of(&w, USD), of(&w, EUR), found(&w)), (zero, zero, vec![]), "{}", w.ledger());
}

/// The first invoice in euros, the second in dollars.
#[test]
fn the_money_of_a_deal_is_in_the_deals_currency() {
    let mut w = world(&format!("{SHARE}[policy.commissions]\ncurrency = \"of the deal\"\n"));
    close(&mut w, "d", "1200");
    pay(&mut w, "i2", "d", "i2", "1000", "EUR");
    assert_eq!(of(&w, EUR).available, 0, "the deal is in USD: nothing of it is paid in EUR\n{}", w.ledger());
}

/// Two invoices of two deals whose ids read the same side by side.
#[test]
fn invoices_of_two_deals_are_two() {
    let mut w = world(SHARE);
    close(&mut w, "D", "1200");
    close(&mut w, "D 1", "1200");
    assert_eq!(pay(&mut w, "a", "D 1", "2", "100", "USD"), Awarded);
    assert_eq!(pay(&mut w, "b", "D", "1 2", "100", "USD"), Awarded, "{}", w.ledger());
}

/// The same of a commission at closing: what the policy does there.
#[test]
fn control_a_closing_commission_frees_its_caps() {
    let tables = "[commission.c]\nrate = \"10%\"\nat_most = \"100 USD per partner per year\"\n[policy]\nreversed_awards = \"free their caps\"\n";
    let mut w = world(tables);
    close(&mut w, "d", "1000");
    void(&mut w, "v", "d");
    close(&mut w, "e", "1000");
    assert_eq!(of(&w, USD).available, 10_000);
}

/// A late invoice of a version that shares, when the version of now shares no more: the deal that nobody knows.
#[test]
fn an_invoice_of_a_deal_that_nobody_knows_pays_nothing() {
    let mut w = world(SHARE);
    w.publish(&program("1.10", ""), "2026-04-01T00:00:00Z");
    w.at("2026-04-02T00:00:00Z");
    let data = format!(r#"{{"deal_id":"d","invoice_id":"i1","amount":{}}}"#, money("1000", "USD"));
    w.send("invoice.paid", "p", "i1", "2026-03-20T00:00:00Z", &data);
    assert_eq!(of(&w, USD).available, 0, "no deal was won\n{}", w.ledger());
}

/// ... and what came of it is never taken back.
#[test]
fn an_invoice_of_an_unknown_deal_is_taken_back_with_the_deal() {
    let mut w = world(SHARE);
    w.publish(&program("1.10", ""), "2026-04-01T00:00:00Z");
    w.at("2026-04-02T00:00:00Z");
    let data = format!(r#"{{"deal_id":"d","invoice_id":"i1","amount":{}}}"#, money("1000", "USD"));
    w.send("invoice.paid", "p", "i1", "2026-03-20T00:00:00Z", &data);
    let data = format!(r#"{{"deal_id":"d","outcome":"won","acv":{}}}"#, money("1200", "USD"));
    w.send("deal.closed", "p", "c", "2026-03-10T00:00:00Z", &data);
    void(&mut w, "v", "d");
    assert_eq!(of(&w, USD).available, 0, "{}", w.ledger());
}

/// The customer paid the first invoice: that a cap refused the share in it changes nothing of that.
#[test]
fn a_cap_on_shares_does_not_undo_the_first_invoice() {
    let tables = format!(
        "{SHARE}at_most = \"10 USD per partner per year\"\n[commission.first]\nrate = {{ by = \"acv\", bands = [{{ from = \"1000\", rate = \"5%\" }}] }}\npayable = \"at the first invoice\"\n"
    );
    let mut w = world(&tables);
    close(&mut w, "other", "100");
    assert_eq!(pay(&mut w, "i0", "other", "i0", "100", "USD"), Awarded);
    close(&mut w, "d", "100");
    pay(&mut w, "i1", "d", "i1", "100", "USD");
    w.at("2026-03-03T15:00:00Z");
    let data = format!(r#"{{"deal_id":"d","acv":{}}}"#, money("2000", "USD"));
    w.send("deal.amended", "p", "a", "2026-03-03T15:00:00Z", &data);
    assert!(w.deals["d"].invoiced.is_some(), "the customer paid an invoice\n{}", w.ledger());
}

/// The customer has paid: told again under another id, at most the share is refused, and nothing else happens.
#[test]
fn the_first_invoice_is_the_earliest_however_often_it_is_told() {
    let run = |order: [usize; 2]| {
        let mut w = world(SHARE);
        close(&mut w, "d", "1200");
        let times = ["2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z"];
        for at in order {
            let data = format!(r#"{{"deal_id":"d","invoice_id":"i1","amount":{}}}"#, money("100", "USD"));
            w.send("invoice.paid", "p", &format!("e{at}"), times[at], &data);
        }
        w.deals["d"].invoiced
    };
    assert_eq!(run([0, 1]), run([1, 0]));
}

/// I13 of a deal that is void: the invoice comes before or after.
#[test]
fn a_void_deal_is_the_same_whatever_came_first() {
    let run = |order: [usize; 2]| {
        let mut w = world(SHARE);
        close(&mut w, "d", "1200");
        for at in order {
            if at == 0 {
                pay(&mut w, "i1", "d", "i1", "100", "USD");
            } else {
                void(&mut w, "v", "d");
            }
        }
        w.deals["d"].invoiced
    };
    assert_eq!(run([0, 1]), run([1, 0]));
}

/// What a rule at a lower worth than its peak: an invoice that comes between a partial void and back.
#[test]
fn shares_survive_void_and_back_with_forgiveness() {
    let mut w = world(&format!("{SHARE}[policy.commissions]\nclawback = \"forgiven\"\n"));
    close(&mut w, "d", "1200");
    pay(&mut w, "i1", "d", "i1", "100", "USD");
    let amount = event::money::Money::parse("6.00", "USD").expect("money");
    let payout = "2026-03-02-USD".parse().expect("a payout");
    w.at("2026-03-04T00:00:00Z");
    let paid = domain::payout::reserve(&w.id(), &"p".try_into().expect("a partner"), payout, amount.into(), w.now);
    let outcome = w.take_step(&paid);
    let rev = format!(r#"{{"deal_id":"d","reason":"x","amount":{}}}"#, money("1200", "USD"));
    w.send("deal.reversed", "p", "r1", "2026-03-04T00:00:00Z", &rev);
    let up = format!(r#"{{"deal_id":"d","acv":{}}}"#, money("700", "USD"));
    w.at("2026-03-05T00:00:00Z");
    w.send("deal.amended", "p", "a", "2026-03-05T00:00:00Z", &up);
    assert_eq!(found(&w), Vec::<String>::new(), "{outcome:?} {}", w.ledger());
    let b = of(&w, USD);
    assert_eq!(b.available + b.reserved - b.owed, 1000, "{}", w.ledger());
    let _ = NoRule;
}

/// A euro share that is held is taken back from where it is held.
#[test]
fn a_held_share_in_another_currency_does_not_become_payable_after_the_deal_is_void() {
    let mut w = world(&format!("{SHARE}hold = \"10 days\"\n[policy.commissions]\ncurrency = \"of the deal\"\n"));
    close(&mut w, "d", "1200");
    pay(&mut w, "i1", "d", "i1", "1", "USD");
    pay(&mut w, "i2", "d", "i2", "1000", "EUR");
    void(&mut w, "v", "d");
    w.at("2026-04-02T00:00:00Z").catch_up();
    assert_eq!(of(&w, EUR).available, 0, "{}", w.ledger());
}

fn net(w: &World, asset: Asset) -> i64 {
    let balance = of(w, asset);
    balance.available + balance.pending - balance.owed
}

/// What invoices paid in another currency by a later version is taken back in it.
#[test]
fn invoices_of_a_deal_are_paid_in_one_money() {
    let of = |currency: &str| {
        super::program(
            "1.10",
            &format!(
                "[policy.commissions]\ncurrency = \"{currency}\"\n[commission.c]\non = \"invoice.paid\"\nrate = \"10%\"\n"
            ),
        )
    };
    let mut w = World::new(&of("of the program"), "2026-03-02T15:00:00Z");
    w.enrol("p");
    let time = w.now.to_string();
    w.send(
        "deal.closed",
        "p",
        "c",
        &time,
        &format!(r#"{{"deal_id":"d","outcome":"won","acv":{}}}"#, money("1000", "EUR")),
    );
    w.send(
        "invoice.paid",
        "p",
        "i1",
        &time,
        &format!(r#"{{"deal_id":"d","invoice_id":"1","amount":{}}}"#, money("100", "EUR")),
    );
    w.publish(&of("of the deal"), "2026-04-01T00:00:00Z");
    w.at("2026-04-02T00:00:00Z");
    let time = w.now.to_string();
    w.send(
        "invoice.paid",
        "p",
        "i2",
        &time,
        &format!(r#"{{"deal_id":"d","invoice_id":"2","amount":{}}}"#, money("200", "EUR")),
    );
    let eur = domain::ledger::Asset::Money("EUR");
    assert_eq!((net(&w, USD), net(&w, eur)), (3_300, 0), "in dollars, as the first");
    w.send("deal.reversed", "p", "v", &time, r#"{"deal_id":"d","reason":"x"}"#);
    assert_eq!((net(&w, USD), net(&w, eur)), (0, 0), "{}", w.ledger());
}
