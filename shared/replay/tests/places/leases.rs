//! Leases and tenders where they meet reassignments, corrections and each other (M30-M33).

use domain::ledger::Outcome::{self, Awarded, NoRule, Refused};
use laurel_replay::World;

use super::{close, extend, register, world};

fn reassign(w: &mut World, from: &str, deal: &str, to: &str) -> Outcome {
    let time = w.now.to_string();
    let data = format!(r#"{{"deal_id":"{deal}","to_partner":"{to}"}}"#);
    w.send("deal.reassigned", from, &format!("m-{deal}-{to}"), &time, &data)
}

fn of_type(w: &World, kind: &str) -> Vec<String> {
    let records = w.records.iter().filter(|record| record.kind == kind);
    records.map(|record| record.partner.to_string()).collect()
}

/// "Who registers an opportunity first has it to itself for a while": also from who says `public_tender`.
#[test]
fn a_tender_does_not_break_a_lease() {
    let mut w = world("exclusive_for = \"90 days\"\nsecond_registrant = \"reject\"");
    assert_eq!(register(&mut w, "p0", "d0", false), Awarded);
    assert_eq!(
        register(&mut w, "p1", "d1", true),
        Refused,
        "the opportunity is p0's alone until {}",
        w.opportunities["o"].until
    );
}

/// "nobody with a lease": a lease that nobody has keeps nobody out.
#[test]
fn a_tender_is_no_lease() {
    let mut w = world("exclusive_for = \"90 days\"\nsecond_registrant = \"reject\"");
    register(&mut w, "p0", "d0", true);
    assert_eq!(register(&mut w, "p1", "d1", false), Awarded, "nobody has a lease: {:?}", w.last().reason);
}

/// A holder of a lease did not bid, and is told of no lost bid.
#[test]
fn who_has_a_lease_lost_no_bid() {
    let mut w = world("");
    register(&mut w, "p0", "d0", false);
    register(&mut w, "p1", "d1", true);
    close(&mut w, "p1", "d1", "won");
    assert_eq!(of_type(&w, "bid.lost"), Vec::<String>::new());
}

/// "when one has won, each of the others is told": a tender that lasts longer than a lease would.
#[test]
fn a_tender_outlasts_what_would_be_a_lease() {
    let mut w = world("exclusive_for = \"30 days\"\npublic_tender = { bidders = 3 }");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    w.at("2026-04-02T04:00:00Z");
    register(&mut w, "p2", "d2", true);
    close(&mut w, "p2", "d2", "won");
    assert_eq!(of_type(&w, "bid.lost"), ["p0", "p1"], "registrants {:?}", w.opportunities["o"].registrants);
}

/// ... and each registration says how many there are.
#[test]
fn a_tender_counts_all_bidders() {
    let mut w = world("exclusive_for = \"30 days\"\npublic_tender = { bidders = 3 }");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    w.at("2026-04-02T04:00:00Z");
    register(&mut w, "p2", "d2", true);
    assert_eq!(w.deals["d2"].place, 3);
}

/// The order of a bidder's registration and its winning.
#[test]
fn who_wins_before_its_registration_came_tells_the_others() {
    let run = |order: [usize; 2]| {
        let mut w = world("");
        register(&mut w, "p0", "d0", true);
        for at in order {
            if at == 0 {
                register(&mut w, "p1", "d1", true);
            } else {
                close(&mut w, "p1", "d1", "won");
            }
        }
        of_type(&w, "bid.lost")
    };
    assert_eq!(run([0, 1]), run([1, 0]));
}

/// Who registers late for a tender that is won.
#[test]
fn who_bids_after_the_winner_is_told_too() {
    let mut w = world("");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    close(&mut w, "p1", "d1", "won");
    // Its registration is of before the winning, and comes late.
    let data = r#"{"deal_id":"d2","opportunity_id":"o","customer":"Contoso","public_tender":true}"#;
    let outcome = w.send("deal.registered", "p2", "late", "2026-03-02T03:00:00Z", data);
    let told = of_type(&w, "bid.lost");
    assert!(outcome == Refused || told.contains(&"p2".to_owned()), "{outcome:?}, told {told:?}");
}

/// A winner is told of no lost bid.
#[test]
fn a_winner_lost_no_bid() {
    let mut w = world("");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    close(&mut w, "p0", "d0", "won");
    close(&mut w, "p1", "d1", "won");
    assert_eq!(of_type(&w, "bid.lost"), ["p1"]);
}

/// A deal that was reassigned: whose lease it is now is reminded, and nobody else.
#[test]
fn the_reminder_of_a_reassigned_deal_goes_to_whose_it_is() {
    let mut w = world("exclusive_for = \"30 days\"\nremind = \"3 days\"");
    register(&mut w, "p0", "d0", false);
    assert_eq!(reassign(&mut w, "p0", "d0", "p1"), NoRule);
    w.at("2026-03-29T04:00:00Z").catch_up();
    assert_eq!(of_type(&w, "lease.ending"), ["p1"], "the deal is {}'s", w.deals["d0"].owner);
}

/// Staff extend the lease of a deal that was reassigned.
#[test]
fn the_lease_of_a_reassigned_deal_is_extended() {
    let mut w = world("exclusive_for = \"30 days\"");
    register(&mut w, "p0", "d0", false);
    reassign(&mut w, "p0", "d0", "p1");
    let time = w.now.to_string();
    assert_eq!(
        extend(&mut w, "p1", "d0", "x", &time, "2026-06-01T00:00:00Z"),
        NoRule,
        "{:?}; holder {}, owner {}, protected {}",
        w.last().reason,
        w.opportunities["o"].holder,
        w.deals["d0"].owner,
        w.deals["d0"].price_protected
    );
}

/// A bid that was reassigned: whose it is now is told that it is lost.
#[test]
fn a_lost_bid_is_told_to_whose_it_is() {
    let mut w = world("");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    reassign(&mut w, "p0", "d0", "p2");
    close(&mut w, "p1", "d1", "won");
    assert_eq!(of_type(&w, "bid.lost"), ["p2"]);
}

/// A bid that was reassigned and wins: who gave it away lost none.
#[test]
fn a_bid_that_won_was_not_lost_by_whose_it_was() {
    let mut w = world("");
    register(&mut w, "p0", "d0", true);
    register(&mut w, "p1", "d1", true);
    reassign(&mut w, "p0", "d0", "p2");
    close(&mut w, "p2", "d0", "won");
    assert_eq!(of_type(&w, "bid.lost"), ["p1"]);
}

/// One reminder for one end: staff say the same day again.
#[test]
fn one_reminder_of_one_end() {
    let mut w = world("exclusive_for = \"30 days\"\nremind = \"3 days\"");
    register(&mut w, "p0", "d0", false);
    assert_eq!(w.opportunities["o"].until.to_string(), "2026-04-01");
    assert_eq!(extend(&mut w, "p0", "d0", "x", "2026-03-02T04:00:00Z", "2026-04-01T12:00:00+08:00"), NoRule);
    w.at("2026-03-29T04:00:00Z").catch_up();
    assert_eq!(of_type(&w, "lease.ending"), ["p0"]);
}

/// ... or go back to it.
#[test]
fn one_reminder_of_one_end_that_was_moved_and_moved_back() {
    let mut w = world("exclusive_for = \"30 days\"\nremind = \"3 days\"");
    register(&mut w, "p0", "d0", false);
    extend(&mut w, "p0", "d0", "x", "2026-03-02T03:59:00Z", "2026-05-01T12:00:00+08:00");
    extend(&mut w, "p0", "d0", "y", "2026-03-02T04:00:00Z", "2026-04-01T12:00:00+08:00");
    w.at("2026-03-29T04:00:00Z").catch_up();
    assert_eq!(of_type(&w, "lease.ending"), ["p0"]);
}

/// I24: an extension of a lease that is over is said before the new lease, and comes after it: what was said last holds.
#[test]
fn an_older_extension_does_not_shorten_a_newer_lease() {
    let mut w = world("exclusive_for = \"30 days\"");
    register(&mut w, "p0", "d0", false);
    w.at("2026-04-10T04:00:00Z");
    assert_eq!(register(&mut w, "p0", "d9", false), Awarded);
    let until = w.opportunities["o"].until;
    extend(&mut w, "p0", "d0", "x", "2026-03-30T04:00:00Z", "2026-04-15T00:00:00+08:00");
    assert_eq!(w.opportunities["o"].until, until, "said on 2026-03-30; the lease is of 2026-04-10");
}

/// A deal whose lease ended long ago extends no lease of another deal.
#[test]
fn a_deal_of_an_older_lease_has_no_lease() {
    let mut w = world("exclusive_for = \"30 days\"");
    register(&mut w, "p0", "d0", false);
    w.at("2026-04-02T04:00:00Z");
    register(&mut w, "p1", "d1", false);
    w.at("2026-05-10T04:00:00Z");
    register(&mut w, "p0", "d9", true);
    let time = w.now.to_string();
    assert_eq!(extend(&mut w, "p0", "d0", "x", &time, "2026-12-01T00:00:00Z"), Refused, "{:?}", w.opportunities["o"]);
}

/// The owner of a deal with a lease left: is it reminded?
#[test]
fn a_reminder_is_of_a_deal_of_the_partners_own() {
    let mut w = world("exclusive_for = \"30 days\"\nremind = \"3 days\"");
    register(&mut w, "p0", "d0", false);
    reassign(&mut w, "p0", "d0", "p1");
    w.at("2026-03-29T04:00:00Z").catch_up();
    let others = w.records.iter().filter(|r| r.kind == "lease.ending" && w.deals["d0"].owner != r.partner).count();
    assert_eq!(others, 0, "p0 hears of a deal that is another's by now (I16)");
}

/// Whoever gave its deal away may register another for the opportunity as anybody may, or is told whose it is: not that it has it.
#[test]
fn who_takes_a_deal_over_may_not_be_kept_out_by_whom_it_took_it_from() {
    let mut w = world("exclusive_for = \"30 days\"");
    register(&mut w, "p0", "d0", false);
    reassign(&mut w, "p0", "d0", "p1");
    // The lease is of the deal: its holder is whose the deal is.
    assert_eq!(w.opportunities["o"].holder, w.deals["d0"].owner);
}
