//! Targets at their edges: which are kept, and what counts to them (M09).

use laurel_replay::World;

use super::USD;

fn world(tables: &str) -> World {
    super::world_at("2", tables)
}

fn set(w: &mut World, id: &str, motion: &str, measure: &str, period: &str, value: &str) {
    let data = format!(r#"{{"motion":"{motion}","measure":"{measure}","period":"{period}","value":"{value}"}}"#);
    w.send("target.set", "p", id, "2026-03-01T00:00:00Z", &data);
}

/// "of more, those of the earliest periods are forgotten": the year that runs is no earlier than months of years ago.
#[test]
fn the_target_of_this_year_outlives_months_of_years_ago() {
    let mut w = world(
        "[commission.c]\nrate = \"10%\"\ntimes = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"0%\", by = \"0.5\" }] }]\n",
    );
    set(&mut w, "y", "sell", "acv", "2026", "1000000");
    for n in 0..24 {
        set(&mut w, &format!("m{n}"), "sell", "acv", &format!("{}-{:02}", 2023 + n / 12, n % 12 + 1), "1");
    }
    w.close("p", "d", "2026-03-02T15:00:00Z", "1000");
    assert_eq!(
        USD.amount(w.account("p").head.balance(USD).available),
        "50.00",
        "{:?}",
        w.account("p").profile.targets.keys().map(|k| k.period.to_string()).collect::<Vec<_>>()
    );
}

/// Twelve months of two measures and the year: the year's is told as taken, and is not there.
#[test]
fn a_target_that_was_taken_is_there() {
    let mut w = world("");
    for n in 0..24 {
        set(
            &mut w,
            &format!("m{n}"),
            "sell",
            if n % 2 == 0 { "acv" } else { "deals" },
            &format!("2026-{:02}", n / 2 + 1),
            "1",
        );
    }
    set(&mut w, "y", "sell", "acv", "2026", "1000000");
    let kept: Vec<String> = w.account("p").profile.targets.keys().map(|k| k.period.to_string()).collect();
    assert!(kept.contains(&"2026".to_owned()), "{:?} {kept:?}", w.last().reason);
}

/// I13: two amendments of a deal that earned nothing when it closed.
#[test]
fn the_order_of_two_amendments_does_not_matter() {
    let tables = "[earn.closed]\non = \"deal.closed\"\npoints = { by = \"acv\", bands = [{ from = \"1000\", points = 100 }] }\ntimes = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"50%\", by = \"2\" }] }]\n";
    let run = |order: [usize; 2]| {
        let mut w = world(tables);
        set(&mut w, "t", "sell", "acv", "2026", "1000");
        w.close("p", "d", "2026-03-02T09:00:00Z", "1");
        for at in order {
            let (acv, time) = [("900", "2026-03-02T10:00:00Z"), ("1000", "2026-03-02T11:00:00Z")][at];
            let data = format!(r#"{{"deal_id":"d","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
            w.send("deal.amended", "p", &format!("a{at}"), time, &data);
        }
        w.account("p").balance().available
    };
    assert_eq!(run([0, 1]), run([1, 0]));
}

/// "this deal counted", also at an amendment that earns first.
#[test]
fn an_amended_deal_counts_itself() {
    let tables = "[earn.closed]\non = \"deal.closed\"\npoints = { by = \"acv\", bands = [{ from = \"1000\", points = 100 }] }\ntimes = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"100%\", by = \"2\" }] }]\n";
    let mut w = world(tables);
    set(&mut w, "t", "sell", "acv", "2026", "1000");
    w.close("p", "d", "2026-03-02T09:00:00Z", "1");
    let data = r#"{"deal_id":"d","acv":{"amount":"1000","currency":"USD"}}"#;
    w.send("deal.amended", "p", "a", "2026-03-02T10:00:00Z", data);
    assert_eq!(w.account("p").balance().available, 200, "{}", w.ledger());
}
