//! What is taken back of an award, and what comes back.

use super::*;
use domain::ledger::Reason;

/// An order that was declined after the month's end gave its points back into a lot that had run out.
#[test]
fn b5_points_that_go_back_live_as_long_as_the_policy_says() {
    let reward = "\n[reward.card]\nname = \"Card\"\npoints = 100\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let played = |more: &str| {
        let mut world = World::new(&format!("{PROGRAM}{reward}{more}"), "2026-03-14T09:30:00Z");
        world.enrol("p");
        services(&mut world);
        world.load_stock("card", 1);
        world.at("2026-04-29T09:30:00Z");
        assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
        world.step("p", "k", "ordering");
        world.at("2026-05-02T09:30:00Z");
        world.step("p", "k", "declined");
        let mut left = Vec::new();
        for day in ["2026-05-03T09:30:00Z", "2026-06-15T09:30:00Z", "2026-07-02T09:30:00Z"] {
            world.at(day).catch_up();
            left.push(available(&world));
        }
        left
    };
    assert_eq!(played(""), [100, 100, 0], "30 days, to the end of that month");
    assert_eq!(played("returned_points = { for = \"1 day\" }\n"), [100, 0, 0], "to the end of the month");
}

/// Points that had expired unspent were taken again by a reversal, as a debt.
#[test]
fn b4_what_expired_unspent_is_not_taken_again() {
    let mut world = expiring();
    assert_eq!(world.last().reason, Some(Reason::TookBack { points: 150, expired: 150 }));
    let after = world.account("p").balance();
    assert_eq!((after.available, after.owed), (0, 0));
    let sentence = domain::tell::sentence(world.last().reason.as_ref().expect("a reason"));
    assert_eq!(sentence, "150 points of an earlier award were taken back; they had expired unspent");
    // What is earned later is not netted.
    send(&mut world, "deal.closed", "e", &SERVICES.replace(r#""d""#, r#""e""#));
    assert_eq!(available(&world), 150);
}

fn expiring() -> World {
    let policy = "\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = World::new(&format!("{PROGRAM}{policy}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    services(&mut world);
    world.at("2026-05-02T09:30:00Z");
    send(&mut world, "deal.reversed", "all", r#"{"deal_id":"d","reason":"returned"}"#);
    world
}

/// A reversal of a deal whose points ran out more than ten years ago was never judged: what had expired of its lot was not loaded.
#[test]
fn b4_a_deal_of_long_ago_is_reversed() {
    let policy = "\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = World::new(&format!("{PROGRAM}{policy}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    services(&mut world);
    // One month later others run out.
    world.at("2026-04-14T09:30:00Z");
    send(&mut world, "deal.closed", "e", &SERVICES.replace(r#""d""#, r#""e""#));
    world.at("2046-05-02T09:30:00Z");
    let reversed = |deal: &str| format!(r#"{{"deal_id":"{deal}","reason":"returned"}}"#);
    for deal in ["d", "e"] {
        assert_eq!(send(&mut world, "deal.reversed", &format!("{deal}-all"), &reversed(deal)), Outcome::NoRule);
        assert_eq!(world.last().reason, Some(Reason::TookBack { points: 150, expired: 150 }));
    }
    // So is one that was told of this late, together with its closing.
    let closed = world.event("deal.closed", "p", "f", "2026-04-15T09:30:00Z", &SERVICES.replace(r#""d""#, r#""f""#));
    let void = world.event("deal.reversed", "p", "f-all", "2026-04-16T09:30:00Z", &reversed("f"));
    assert_eq!(world.decide_for(&"p".try_into().expect("a partner"), &[closed, void]).records.len(), 2);
}

/// Amending down and up again after points expired gave them anew: they come back as what they were.
#[test]
fn b4_what_expired_comes_back_as_expired() {
    let policy = "\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = World::new(&format!("{PROGRAM}{policy}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    let closing = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"50000","currency":"USD"}}"#;
    assert_eq!(send(&mut world, "deal.closed", "closed", closing), Outcome::Awarded);
    world.at("2026-05-02T09:30:00Z");
    let amended = |world: &mut World, id: &str, to: &str| {
        world.now += jiff::SignedDuration::from_mins(1);
        let data = format!(r#"{{"deal_id":"d","acv":{{"amount":"{to}","currency":"USD"}}}}"#);
        send(world, "deal.amended", id, &data);
        (world.account("p").balance(), world.last().reason.clone())
    };
    let (after, reason) = amended(&mut world, "a", "20000");
    assert_eq!((after.available, after.owed, reason), (0, 0, Some(Reason::TookBack { points: 30, expired: 30 })));
    let (after, reason) = amended(&mut world, "aa", "50000");
    assert_eq!((after.available, after.owed, reason), (0, 0, Some(Reason::Unchanged)));
    // What is new is given; all of it is taken, of each lot what the rule gave there.
    let (after, _) = amended(&mut world, "aaa", "60000");
    assert_eq!((after.available, after.owed), (10, 0));
    let (after, reason) = amended(&mut world, "aaaa", "0");
    assert_eq!((after.available, after.owed, reason), (0, 0, Some(Reason::TookBack { points: 60, expired: 50 })));
}

/// What was taken back and given again later, in another lot, is taken of that one: the first draft of the mend took all of it of the
/// lot that had expired, and left another rule's points to be owed.
#[test]
fn b4_each_rule_takes_of_each_lot_what_it_put_there() {
    let policy = "\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = World::new(&format!("{PROGRAM}{policy}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.close("p", "d", "2026-03-14T09:30:00Z", "50000");
    let amended = |world: &mut World, id: &str, to: &str| {
        let data = format!(r#"{{"deal_id":"d","acv":{{"amount":"{to}","currency":"USD"}}}}"#);
        send(world, "deal.amended", id, &data);
    };
    world.at("2026-03-15T09:30:00Z");
    amended(&mut world, "down", "20000");
    world.at("2026-05-02T09:30:00Z");
    amended(&mut world, "up", "50000");
    assert_eq!(available(&world), 30, "120 have expired, 30 come back in a lot of now");
    world.at("2026-05-03T09:30:00Z");
    send(&mut world, "deal.reversed", "all", r#"{"deal_id":"d","reason":"returned"}"#);
    assert_eq!(world.last().reason, Some(Reason::TookBack { points: 150, expired: 120 }));
    let after = world.account("p").balance();
    assert_eq!((after.available, after.owed), (0, 0));
}

/// One point for each dollar of annual value; points run out at the end of the month after the one in which they are earned.
fn by_the_dollar() -> World {
    by_the_dollar_held("")
}

/// The same, with a line more about when points are released.
fn by_the_dollar_held(hold: &str) -> World {
    let rule = r#"points = { by = "total_value", per = "1000", points = 1 }"#;
    let program =
        PROGRAM.replace("points = 100\n", &format!("points = {{ by = \"acv\", per = \"1\", points = 1 }}\n{hold}\n"));
    let program = program.replace(rule, "points = 0").replace("points = 0", rule);
    let policy = "\n[reward.card]\nname = \"Card\"\npoints = 100\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = World::new(&format!("{program}{policy}"), "2026-03-14T09:30:00Z");
    world.enrol("p");
    world.load_stock("card", 1);
    world
}

fn a_minute_later(world: &mut World) -> String {
    world.now += jiff::SignedDuration::from_mins(1);
    world.now.to_string()
}

fn close(world: &mut World, deal: &str, acv: &str) {
    let now = a_minute_later(world);
    world.close("p", deal, &now, acv);
}

fn amend(world: &mut World, deal: &str, acv: &str) {
    let now = a_minute_later(world);
    let data = format!(r#"{{"deal_id":"{deal}","acv":{{"amount":"{acv}","currency":"USD"}}}}"#);
    world.send("deal.amended", "p", &format!("{deal} at {now}"), &now, &data);
}

fn void(world: &mut World, deal: &str) {
    let now = a_minute_later(world);
    let data = format!(r#"{{"deal_id":"{deal}","reason":"returned"}}"#);
    world.send("deal.reversed", "p", &format!("{deal} void"), &now, &data);
}

fn sums(world: &World) -> (i64, i64) {
    let balance = world.account("p").balance();
    (balance.available, balance.owed)
}

/// Points that a declined order gave back ran out in another lot than their award's, and were owed.
#[test]
fn b4_what_a_declined_order_gave_back_and_expired_is_not_owed() {
    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    world.at("2026-04-29T09:30:00Z");
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    world.step("p", "k", "ordering");
    world.at("2026-05-02T09:30:00Z");
    world.step("p", "k", "declined");
    world.at("2026-07-02T09:30:00Z");
    void(&mut world, "a");
    assert_eq!(sums(&world), (0, 0));
}

/// What was held beyond the end of its lot was taken out of what had expired there of another award, which was owed later: found by
/// the simulation (I5).
#[test]
fn b4_what_is_held_has_not_expired() {
    let mut world = by_the_dollar_held("hold = \"60 days\"");
    close(&mut world, "a", "100000");
    close(&mut world, "b", "100000");
    world.at("2026-05-02T09:30:00Z").catch_up();
    let sums = |world: &World| {
        let balance = world.account("p").balance();
        (balance.available, balance.pending, balance.owed)
    };
    assert_eq!(sums(&world), (0, 200_000, 0), "what was not held has expired");
    void(&mut world, "a");
    assert_eq!(sums(&world), (0, 100_000, 0));
    void(&mut world, "b");
    assert_eq!(sums(&world), (0, 0, 0));
    // Once it was released it lives as long as what comes back does, and has expired after that.
    let mut world = by_the_dollar_held("hold = \"60 days\"");
    close(&mut world, "a", "100000");
    close(&mut world, "b", "100000");
    world.at("2026-06-20T09:30:00Z").catch_up();
    assert_eq!(sums(&world), (200_000, 0, 0));
    world.at("2026-07-20T09:30:00Z").catch_up();
    assert_eq!(sums(&world), (0, 0, 0));
    void(&mut world, "a");
    void(&mut world, "b");
    assert_eq!(sums(&world), (0, 0, 0));
}

/// What came back was held anew, and a reversal owed it instead of taking it from where it was held: found by the simulation (I5).
#[test]
fn b4_what_came_back_and_is_held_is_taken_from_there() {
    let mut world = by_the_dollar_held("hold = \"30 days\"");
    close(&mut world, "a", "130");
    amend(&mut world, "a", "100");
    world.at("2026-05-02T09:30:00Z").catch_up();
    assert_eq!(sums(&world), (0, 0), "100 were released and have expired");
    amend(&mut world, "a", "130");
    assert_eq!(world.account("p").balance().pending, 30);
    void(&mut world, "a");
    assert_eq!(world.account("p").balance(), domain::ledger::Balance::default(), "nothing is left, and nothing owed");
}

/// Amending down and up is nothing: what comes back is what was taken last, where it was.
#[test]
fn b4_amending_down_and_up_again_is_nothing() {
    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    amend(&mut world, "a", "50");
    world.at("2026-05-02T09:30:00Z").catch_up();
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "50");
    assert_eq!(sums(&world), (0, 0), "what had expired is alive again");

    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    world.at("2026-04-20T09:30:00Z");
    close(&mut world, "b", "100");
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "100");
    world.at("2026-05-02T09:30:00Z").catch_up();
    assert_eq!(sums(&world), (100, 0), "another deal's points live as long as before");
}

/// In steps, too: what expired comes back as that until all of it is back, and only then what was alive when it was taken.
#[test]
fn b4_what_was_taken_last_comes_back_first_in_every_step() {
    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    amend(&mut world, "a", "50");
    world.at("2026-05-02T09:30:00Z").catch_up();
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "30");
    assert_eq!(sums(&world), (0, 0));
    amend(&mut world, "a", "60");
    assert_eq!(sums(&world), (10, 0), "20 more as expired, and 10 of what was alive");
    amend(&mut world, "a", "100");
    assert_eq!(sums(&world), (50, 0));
}

/// What was withheld from a suspended partner was given later, by amending down and up.
#[test]
fn b2_what_was_withheld_is_not_given_later() {
    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    let now = a_minute_later(&mut world);
    world.send("partner.suspended", "p", "s", &now, r#"{"reason":"audit"}"#);
    amend(&mut world, "a", "150");
    let now = a_minute_later(&mut world);
    world.send("partner.reinstated", "p", "r", &now, r#"{"reason":"cleared"}"#);
    amend(&mut world, "a", "120");
    amend(&mut world, "a", "150");
    assert_eq!(sums(&world), (100, 0));
    amend(&mut world, "a", "160");
    assert_eq!(sums(&world), (110, 0), "what is new is given");
}

/// A closing that is booked in a lot that has run out, and its reversal, in one group.
#[test]
fn b4_a_group_loads_what_its_own_closing_needs() {
    let mut world = by_the_dollar();
    world.at("2026-04-05T09:30:00Z");
    let acv = r#"{"deal_id":"d","outcome":"won","acv":{"amount":"100","currency":"USD"}}"#;
    let closed = world.event("deal.closed", "p", "c", "2026-01-10T00:00:00Z", acv);
    let void = world.event("deal.reversed", "p", "v", "2026-01-11T00:00:00Z", r#"{"deal_id":"d","reason":"x"}"#);
    let decision = world.decide_for(&"p".try_into().expect("a partner"), &[closed, void]);
    // What the closing earned had run out already.
    let kinds: Vec<&str> = decision.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["deal.closed", "points.expired", "deal.reversed"]);
    assert_eq!(sums(&world), (0, 0));
}

/// Whether a deal whose points were taken back frees its cap was nowhere said: it is a setting.
#[test]
fn b13_what_is_taken_back_frees_its_cap_where_the_file_says_so() {
    let played = |policy: &str| {
        let capped = PROGRAM.replace("points = 100\n", "points = 100\nat_most = \"1 per partner per month\"\n");
        let per_month = capped.replace("points = { by = \"total_value\", per = \"1000\", points = 1 }", "points = { by = \"total_value\", per = \"1000\", points = 1 }\nat_most = \"50 points per partner per month\"");
        let mut world = World::new(&format!("{per_month}{policy}"), "2026-03-14T09:30:00Z");
        world.enrol("p");
        close(&mut world, "a", "50000");
        void(&mut world, "a");
        close(&mut world, "b", "30000");
        let after = sums(&world).0;
        // Amended down and up again, it takes no more than the cap leaves.
        amend(&mut world, "b", "10000");
        close(&mut world, "c", "40000");
        amend(&mut world, "b", "30000");
        (after, sums(&world).0)
    };
    assert_eq!(played(""), (0, 0), "they stay used");
    assert_eq!(
        played("\n[policy]\nreversed_awards = \"free their caps\"\n"),
        (130, 150),
        "100 once, and 50 by the dollar"
    );
}

/// An award that was amended up after a reversal in part was "1000 points by " nothing, and a statement spoke of buckets.
#[test]
fn b11_a_movement_is_told_in_words() {
    let mut world = by_the_dollar();
    close(&mut world, "a", "100");
    amend(&mut world, "a", "40");
    amend(&mut world, "a", "120");
    let told = |record: &domain::ledger::Record| {
        let words = record.postings.iter().map(|posting| domain::tell::movement(record, posting, None));
        (domain::tell::explain(record, None).sentence, words.collect::<Vec<_>>())
    };
    let (sentence, words) = told(world.last());
    assert_eq!(sentence, "80 points for deal a by closed");
    assert_eq!(
        words,
        [
            r#"60 points for deal a by "closed", until the end of 2026-04"#,
            r#"20 points for deal a by "closed", until the end of 2026-04"#
        ]
    );
    void(&mut world, "a");
    assert_eq!(told(world.last()).1, [r#"120 points taken back for deal a by "closed""#]);
}
