//! What deals paid is brought to what targets are attained by in the end, where the program asks for it (M09).

use domain::ledger::Outcome::{self, Awarded, NoRule};
use domain::ledger::{Reason, Record};
use domain::tell::{explain, movement};
use jiff::SignedDuration;
use laurel_replay::World;
use proptest::prelude::*;

use super::{USD, money, of, world};

/// Books close ten days after the quarter, unless the program says otherwise.
const YEARLY: &str = r#"
[commission.c]
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.8" }, { from = "50%", by = "1" }, { from = "100%", by = "1.25" }], true_up = true }]
"#;

fn target(w: &mut World, id: &str, period: &str, value: &str) {
    let data = format!(r#"{{"motion":"sell","measure":"acv","period":"{period}","value":"{value}"}}"#);
    w.send("target.set", "p", id, "2026-01-05T00:00:00Z", &data);
}

fn close(w: &mut World, deal: &str, amount: &str) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{}}}"#, money(amount, "USD"));
    w.send("deal.closed", "p", &format!("{deal}-closed"), &time, &data)
}

fn correct(w: &mut World, kind: &str, deal: &str, more: &str) -> Outcome {
    let time = w.now.to_string();
    w.send(kind, "p", &format!("{deal}-{kind}"), &time, &format!(r#"{{"deal_id":"{deal}",{more}}}"#))
}

/// What is to be paid, less what is owed.
fn has(w: &World) -> String {
    let balance = of(w, USD);
    USD.amount(balance.available + balance.pending - balance.owed)
}

fn to(w: &mut World, now: &str) {
    w.at(now).catch_up();
}

/// What was trued up: the day, the deal, what it came to and what the rule says of it.
fn trued_up(w: &World) -> Vec<String> {
    let told = |record: &Record| {
        let told = explain(record, w.programs.number(record.version()).map(|version| &*version.program));
        let rules: Vec<String> = told.rules.into_iter().map(|rule| rule.sentence).collect();
        format!("{} {}: {} | {}", record.on, record.data, told.sentence, rules.join(" | "))
    };
    w.records.iter().filter(|record| record.kind == "deal.trued_up").map(told).collect()
}

fn sound(w: &World) {
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// M09: paid by what was attained by then, and brought to what was attained in the end once the year's books have closed: more where
/// more was sold, the deal that was paid best as it was.
#[test]
fn m09_true_up_at_the_close_of_the_year() {
    let mut w = world(YEARLY);
    target(&mut w, "t", "2026", "10000");
    close(&mut w, "a", "4000");
    close(&mut w, "b", "4000");
    close(&mut w, "c", "4000");
    assert_eq!(has(&w), "1220.00", "320 at 40 %, 400 at 80 %, 500 at 120 %");
    to(&mut w, "2027-01-10T12:00:00Z");
    assert_eq!(trued_up(&w), Vec::<String>::new(), "the books are open still");
    to(&mut w, "2027-01-12T12:00:00Z");
    let told = [
        r#"2027-01-12 {"deal_id":"a","due":"2027-01-11"}: 180.00 USD for deal a by commission.c; it is paid by what its target was attained by in the end | the deal's award is worth 500.00 USD now, 1.25 times for 120% of the acv target of 2026; +180.00 USD"#,
        r#"2027-01-12 {"deal_id":"b","due":"2027-01-11"}: 100.00 USD for deal b by commission.c; it is paid by what its target was attained by in the end | the deal's award is worth 500.00 USD now, 1.25 times for 120% of the acv target of 2026; +100.00 USD"#,
        r#"2027-01-12 {"deal_id":"c","due":"2027-01-11"}: it is paid by what its target was attained by in the end | the deal's award is worth 500.00 USD now, 1.25 times for 120% of the acv target of 2026; +0.00 USD"#,
    ];
    assert_eq!(trued_up(&w), told);
    assert_eq!(has(&w), "1500.00", "10 % of 12,000, 1.25 times");
    let first = w.records.iter().find(|record| record.kind == "deal.trued_up").expect("there");
    assert_eq!(
        movement(first, &first.postings[0], None),
        "180.00 USD for deal a by \"commission.c\", trued up: 1.25 times for 120% of the acv target of 2026"
    );
    // What is reversed afterwards goes by the factor that it was trued up to.
    assert_eq!(
        correct(&mut w, "deal.reversed", "a", &format!(r#""reason":"x","amount":{}"#, money("2000", "USD"))),
        NoRule
    );
    assert_eq!(has(&w), "1250.00");
    correct(&mut w, "deal.amended", "b", &format!(r#""acv":{}"#, money("8000", "USD")));
    assert_eq!(has(&w), "1750.00");
    to(&mut w, "2028-01-12T12:00:00Z");
    assert_eq!(trued_up(&w).len(), 3, "once");
    sound(&w);
}

/// Less where a deal was reversed that others were paid by; what was paid already is owed.
#[test]
fn m09_true_up_takes_back_what_was_paid_too_much() {
    let mut w = world(YEARLY);
    target(&mut w, "t", "2026", "10000");
    close(&mut w, "big", "9000");
    close(&mut w, "b", "1000");
    assert_eq!(has(&w), "1025.00", "900 at 90 %, 125 at 100 %");
    correct(&mut w, "deal.reversed", "big", r#""reason":"x""#);
    assert_eq!(has(&w), "125.00");
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(has(&w), "80.00");
    let [gone, less] = &trued_up(&w)[..] else { panic!("{:?}", trued_up(&w)) };
    assert!(
        gone.ends_with(
            "the deal's award is worth 0.00 USD now, 0.8 times for 10% of the acv target of 2026; +0.00 USD"
        ),
        "{gone}"
    );
    assert!(
        less.contains("in the end; 45.00 USD of commission was taken back")
            && less.ends_with("worth 80.00 USD now, 0.8 times for 10% of the acv target of 2026; -45.00 USD"),
        "{less}"
    );
    assert_eq!(w.last().reason, Some(Reason::TruedUp));
    sound(&w);
}

/// What was attained is told also where it multiplies by one.
#[test]
fn a_true_up_to_the_plain_rate_says_why() {
    let mut w = world(YEARLY);
    target(&mut w, "t", "2026", "10000");
    close(&mut w, "a", "5000");
    close(&mut w, "b", "5000");
    correct(&mut w, "deal.reversed", "a", r#""reason":"x""#);
    to(&mut w, "2027-01-12T12:00:00Z");
    let told = &trued_up(&w)[1];
    assert!(told.ends_with("worth 500.00 USD now, 1 times for 50% of the acv target of 2026; -125.00 USD"), "{told}");
}

/// The others of its multipliers stay as they were: the tier of the closing, the campaign, the length of the contract.
#[test]
fn m09_true_up_leaves_the_other_multipliers() {
    let tables = r#"
[ladder.sell.basic]
rank = 1
[ladder.sell.gold]
rank = 2
enter = { deals = 2, within = "1 year" }
[commission.c]
rate = "10%"
tenor = { "36 months" = "1.5" }
times = [{ tier = "gold", by = "2" }, { attainment = "acv", per = "quarter", bands = [{ from = "200%", by = "1.1" }], true_up = true }]
"#;
    let mut w = world(tables);
    target(&mut w, "t", "2026-Q1", "1000");
    let acv = money("1000", "USD");
    let long = format!(r#"{{"deal_id":"a","outcome":"won","tenor_months":36,"acv":{acv}}}"#);
    w.send("deal.closed", "p", "a-closed", "2026-03-02T15:00:00Z", &long);
    close(&mut w, "b", "1000");
    assert_eq!((w.tier("p"), has(&w).as_str()), ("gold", "260.00"), "150 + 110");
    to(&mut w, "2026-04-11T12:00:00Z");
    assert_eq!(has(&w), "275.00", "165 + 110: as when it was no gold partner yet, 36 months, 200 %");
    let a = &trued_up(&w)[0];
    let times =
        "now, 1.5 times for what multiplied it when it was paid, 1.1 times for 200% of the acv target of 2026-Q1";
    assert!(a.contains(times), "{a}");
    sound(&w);
}

/// A target that is known only after the closing counts in the end; and so does none.
#[test]
fn a_target_that_is_known_late_counts_in_the_end() {
    let mut w = world(YEARLY);
    close(&mut w, "a", "1000");
    assert_eq!(has(&w), "100.00");
    w.at("2026-11-02T12:00:00Z");
    target(&mut w, "t", "2026", "1000");
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(has(&w), "125.00");
    close(&mut w, "b", "1000");
    to(&mut w, "2028-01-12T12:00:00Z");
    assert_eq!(has(&w), "225.00", "no target for 2027");
    sound(&w);
}

/// Caps and budgets bound what is given anew; what waits for the customer still waits.
#[test]
fn what_it_gives_anew_is_bounded_and_waits_as_the_rest_does() {
    let capped = YEARLY.replace("rate =", "at_most = \"550 USD per partner per year\"\nrate =");
    let mut w = world(&capped);
    target(&mut w, "t", "2026", "4000");
    close(&mut w, "a", "1000");
    close(&mut w, "b", "4000");
    assert_eq!(has(&w), "550.00", "80 at 25 %, 500 at 125 % cut to 470");
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(has(&w), "550.00");
    sound(&w);
    let waits = YEARLY.replace("rate =", "payable = \"at the first invoice\"\nrate =");
    let mut w = world(&waits);
    target(&mut w, "t", "2026", "4000");
    close(&mut w, "a", "1000");
    close(&mut w, "b", "4000");
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!((of(&w, USD).pending, of(&w, USD).available), (62_500, 0), "80 + 500, and 45 more");
    let paid = format!(r#"{{"deal_id":"a","invoice_id":"i","amount":{}}}"#, money("1000", "USD"));
    w.send("invoice.paid", "p", "i", "2027-01-12T12:00:00Z", &paid);
    assert_eq!((of(&w, USD).pending, of(&w, USD).available), (50_000, 12_500));
    sound(&w);
}

/// Who may not earn gains nothing by it, and loses what it was paid too much.
#[test]
fn who_left_gains_nothing_and_gives_back() {
    let run = |more: &str| {
        let mut w = world(YEARLY);
        target(&mut w, "t", "2026", "10000");
        close(&mut w, "a", "6000");
        close(&mut w, "b", more);
        w.at("2026-06-01T12:00:00Z");
        w.send("partner.offboarded", "p", "off", "2026-06-01T00:00:00Z", r#"{"reason":"x"}"#);
        if more == "1000" {
            correct(&mut w, "deal.reversed", "b", r#""reason":"x""#);
        }
        to(&mut w, "2027-01-12T12:00:00Z");
        sound(&w);
        (has(&w), w.last().reason.clone())
    };
    assert_eq!(
        run("4000"),
        ("1100.00".to_owned(), Some(Reason::PartnerOffboarded)),
        "600 stay, though 100 % was attained"
    );
    assert_eq!(run("1000").0, "600.00");
}

/// Of each version its own: what is published later changes nothing of what was paid, and has its own day.
#[test]
fn a_deal_is_trued_up_by_the_version_that_paid_it() {
    let mut w = world(YEARLY);
    target(&mut w, "t", "2026", "1000");
    close(&mut w, "a", "400");
    let later = super::program("1.10", &YEARLY.replace("1.25", "3").replace(", true_up = true", ""));
    w.publish(&later, "2026-04-01T00:00:00Z");
    w.at("2026-04-02T00:00:00Z");
    close(&mut w, "b", "600");
    assert_eq!(has(&w), "212.00", "32 at 40 %, 180 at 100 % of another version");
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(has(&w), "230.00", "40 at 1.25");
    assert_eq!(trued_up(&w).len(), 1);
    sound(&w);
}

/// Who left gains nothing: not even what a reversal took back before it left.
#[test]
fn who_left_gains_nothing_of_what_a_reversal_took_back() {
    let run = |left: bool| {
        let mut w = world(YEARLY);
        target(&mut w, "t", "2026", "10000");
        close(&mut w, "a", "4000");
        close(&mut w, "b", "10000");
        correct(&mut w, "deal.reversed", "a", &format!(r#""reason":"x","amount":{}"#, money("2000", "USD")));
        w.at("2026-06-01T12:00:00Z");
        if left {
            w.send("partner.offboarded", "p", "off", "2026-06-01T00:00:00Z", r#"{"reason":"x"}"#);
        }
        let before = has(&w);
        to(&mut w, "2027-01-12T12:00:00Z");
        sound(&w);
        (before, has(&w), trued_up(&w))
    };
    let (before, after, told) = run(true);
    assert_eq!(before, after, "{told:#?}");
}

/// Books that are open longer by a later version: the true-up waits for them.
#[test]
fn books_that_close_later_by_another_version() {
    let run = |publish: bool| {
        let mut w = world(YEARLY);
        target(&mut w, "t", "2026", "10000");
        close(&mut w, "a", "4000");
        if publish {
            let longer = super::program("1.10", YEARLY)
                .replace("currency = \"USD\"", "currency = \"USD\"\nperiods_close = \"60 days after the quarter\"");
            w.publish(&longer, "2026-12-01T00:00:00Z");
        }
        to(&mut w, "2027-01-12T12:00:00Z");
        assert_eq!(w.last().reason, Some(Reason::BooksOpen), "it is not trued up yet");
        let data = format!(r#"{{"deal_id":"late","outcome":"won","acv":{}}}"#, money("6000", "USD"));
        w.send("deal.closed", "p", "late-closed", "2026-12-20T12:00:00Z", &data);
        let booked = w.last().booked;
        to(&mut w, "2027-06-12T12:00:00Z");
        sound(&w);
        (booked, has(&w), trued_up(&w))
    };
    let (booked, has, told) = run(true);
    assert_eq!(booked.to_string(), "2026-12-20");
    assert_eq!(has, "1250.00", "10 % of 10,000, 1.25 times: {told:#?}");
}

/// Targets of later periods push the one out that is still to be trued up by.
#[test]
fn later_targets_do_not_push_it_out() {
    let mut w = world(YEARLY);
    target(&mut w, "t", "2026", "1000");
    close(&mut w, "a", "1000");
    assert_eq!(has(&w), "125.00");
    w.at("2026-12-15T12:00:00Z");
    for measure in ["acv", "deals", "points", "projects"] {
        for month in 1..=12 {
            let data = format!(r#"{{"motion":"sell","measure":"{measure}","period":"2027-{month:02}","value":"5"}}"#);
            w.send("target.set", "p", &format!("{measure}{month}"), "2026-12-15T00:00:00Z", &data);
        }
        for quarter in 1..=4 {
            let data = format!(r#"{{"motion":"sell","measure":"{measure}","period":"2027-Q{quarter}","value":"5"}}"#);
            w.send("target.set", "p", &format!("{measure}q{quarter}"), "2026-12-15T00:00:00Z", &data);
        }
    }
    to(&mut w, "2027-01-12T12:00:00Z");
    assert_eq!(has(&w), "125.00", "{:#?}", trued_up(&w));
}

/// A zone further west: the books are open when it is trued up.
#[test]
fn books_that_close_later_in_a_zone_further_west() {
    let of = |zone: &str| {
        super::program("1.10", YEARLY)
            .replace("currency = \"USD\"", &format!("currency = \"USD\"\ntime_zone = \"{zone}\""))
    };
    let mut w = World::new(&of("Asia/Tokyo"), "2026-03-02T15:00:00Z");
    w.enrol("p");
    target(&mut w, "t", "2026", "10000");
    close(&mut w, "a", "4000");
    w.publish(&of("America/New_York"), "2026-12-01T00:00:00Z");
    to(&mut w, "2027-01-10T16:00:00Z");
    let data = format!(r#"{{"deal_id":"late","outcome":"won","acv":{}}}"#, money("6000", "USD"));
    w.send("deal.closed", "p", "late-closed", "2026-12-20T12:00:00Z", &data);
    assert_eq!(w.last().booked.to_string(), "2026-12-20");
    to(&mut w, "2027-06-12T12:00:00Z");
    assert_eq!(has(&w), "1250.00", "{:#?}", trued_up(&w));
}

/// By targets of two periods: each close brings what has closed by then, and what the other is attained by until then.
#[test]
fn targets_of_two_periods_are_each_trued_up_at_their_close() {
    let both = YEARLY.replace(
        "], true_up = true }]",
        "], true_up = true }, { attainment = \"acv\", per = \"quarter\", bands = [{ from = \"100%\", by = \"2\" }], true_up = true }]",
    );
    let mut w = world(&both);
    target(&mut w, "year", "2026", "4000");
    target(&mut w, "quarter", "2026-Q1", "2000");
    close(&mut w, "a", "1000");
    close(&mut w, "b", "1000");
    assert_eq!(has(&w), "280.00", "80 at 25 % of the year, 100 x 2 at 50 % of it and 100 % of the quarter");
    to(&mut w, "2026-04-11T12:00:00Z");
    assert_eq!(has(&w), "400.00", "100 x 2 each");
    w.at("2026-06-01T12:00:00Z");
    close(&mut w, "c", "2000");
    to(&mut w, "2026-12-31T12:00:00Z");
    assert_eq!(has(&w), "650.00", "and 250 at 100 % of the year");
    to(&mut w, "2027-01-11T12:00:00Z");
    assert_eq!(has(&w), "750.00", "100 x 1.25 x 2 each");
    sound(&w);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// In whatever order deals close, are amended and reversed within the year: in the end each is paid by what was attained in the end,
    /// and all together what one deal of their sum is.
    #[test]
    fn in_the_end_all_are_paid_by_what_was_attained_in_the_end(
        target_of in 1u32..=400,
        deals in prop::collection::vec((1u32..=50, 0u32..=300, prop::option::of(0u32..=60), any::<bool>()), 1..9),
    ) {
        let mut w = world(YEARLY);
        target(&mut w, "t", "2026", &(target_of * 100).to_string());
        let mut left = 0;
        for (nth, (hundreds, day, amended, reversed)) in deals.iter().enumerate() {
            w.at(&("2026-03-03T12:00:00Z".parse::<jiff::Timestamp>().expect("a time") + SignedDuration::from_hours(i64::from(*day) * 24)).to_string().max(w.now.to_string()));
            let deal = format!("d{nth}");
            close(&mut w, &deal, &(hundreds * 100).to_string());
            let amended_to = amended.unwrap_or(*hundreds);
            if amended.is_some() {
                correct(&mut w, "deal.amended", &deal, &format!(r#""acv":{}"#, money(&(amended_to * 100).to_string(), "USD")));
            }
            if *reversed {
                correct(&mut w, "deal.reversed", &deal, r#""reason":"x""#);
            } else {
                left += amended_to;
            }
        }
        to(&mut w, "2027-01-12T12:00:00Z");
        let by = if left >= target_of { 125 } else if left * 2 >= target_of { 100 } else { 80 };
        let balance = of(&w, USD);
        // Ten percent of hundreds, in cents.
        prop_assert_eq!(balance.available - balance.owed, i64::from(left * by * 10));
        prop_assert_eq!(w.findings(), Vec::<String>::new());
        let undone = w.records.iter().filter(|record| record.outcome == Awarded && record.kind == "deal.closed").count();
        prop_assert!(trued_up(&w).len() >= undone);
    }
}

/// Of two rules of a deal, one by the month and one by the quarter, each is trued up when its own books have closed: a version came that
/// closes the month's sooner than the quarter's, where both closed on one day.
#[test]
fn m09_each_rule_waits_for_its_own_books() {
    const RULES: &str = r#"
[commission.month]
rate = "10%"
times = [{ attainment = "acv", per = "month", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
[commission.quarter]
rate = "1%"
times = [{ attainment = "acv", per = "quarter", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
"#;
    let file = super::program("1.10", RULES);
    let mut w = World::new(&file, "2026-01-15T15:00:00Z");
    w.enrol("p");
    target(&mut w, "m", "2026-01", "2000");
    target(&mut w, "q", "2026-Q1", "2000");
    close(&mut w, "a", "1000");
    assert_eq!(has(&w), "55.00", "half of either");
    close(&mut w, "b", "1000");
    assert_eq!(has(&w), "165.00");
    let monthly =
        file.replacen("currency = \"USD\"\n", "currency = \"USD\"\nperiods_close = \"40 days after the month\"\n", 1);
    assert_ne!(file, monthly);
    w.publish(&monthly, "2026-04-01T00:00:00Z");
    to(&mut w, "2026-04-12T12:00:00Z");
    assert_eq!(has(&w), "215.00", "the month's 50 more; the quarter's books are open until May");
    to(&mut w, "2026-05-12T12:00:00Z");
    assert_eq!(has(&w), "220.00");
    sound(&w);
}
