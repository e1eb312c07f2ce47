//! What deals are credited, what is taken back and comes back, and what stock moves with a redemption.

use domain::decide::Decision;
use domain::ledger::{Asset, Outcome, Reason};
use domain::redemption::{RedemptionStep, Wish};
use event::ids::PartnerId;
use event::{Event, ReleaseReason, Whole};
use laurel_replay::World;

use super::{FREE, amend, available, close, say, world};

/// What is forgiven is not seen when a deal rises again, and at its next fall: a rise settles it, a value said twice moves nothing.
#[test]
fn what_was_forgiven_is_settled_by_what_rises() {
    let card = "[reward.card]\nname = \"Card\"\npoints = 800\n[policy]\nclawback = \"within balance, rest forgiven\"\n";
    let mut world = world("", card);
    world.load_stock("card", 1);
    close(&mut world, "a", "1000");
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    // 200 are taken and 800 forgiven; 600 of these come back without points.
    amend(&mut world, "a", "0");
    amend(&mut world, "a", "600");
    close(&mut world, "b", "100");
    let steps = ["700", "700", "1000", "900"].map(|acv| {
        amend(&mut world, "a", acv);
        available(&world)
    });
    assert_eq!(steps, [100, 100, 300, 200]);
}

/// What one rule takes back is not what another one had to take: that is forgiven, and stays so.
#[test]
fn what_one_rule_takes_is_not_taken_by_another() {
    let second = "[earn.second]\non = \"deal.closed\"\nif = { outcome = \"won\" }\npoints = { by = \"acv\", per = \"1\", points = 1 }\n";
    let card =
        "[reward.card]\nname = \"Card\"\npoints = 1500\n[policy]\nclawback = \"within balance, rest forgiven\"\n";
    let mut world = world(second, card);
    world.load_stock("card", 1);
    close(&mut world, "a", "1000");
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    // 500 are taken of the first rule's; 500 of it and 1,000 of the second's are forgiven.
    amend(&mut world, "a", "0");
    assert_eq!(available(&world), 0);
    close(&mut world, "b", "300");
    amend(&mut world, "a", "0");
    assert_eq!(available(&world), 600);
}

/// Of a lot in which an award has nothing left, what expired was another's: it pays no debt.
#[test]
fn what_expired_of_another_award_pays_no_debt() {
    let card = "[reward.card]\nname = \"Card\"\npoints = 100\n[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n";
    let mut world = world("", card);
    world.load_stock("card", 1);
    close(&mut world, "a", "100");
    close(&mut world, "b", "100");
    amend(&mut world, "a", "0");
    // The hundred of b run out; those of a come back in a lot of now, and are spent.
    world.at("2026-05-02T09:30:00Z");
    amend(&mut world, "a", "100");
    assert_eq!(available(&world), 100);
    assert_eq!(world.redeem("p", "card", 1, "k"), Outcome::Applied);
    say(&mut world, "deal.reversed", r#"{"deal_id":"a","reason":"returned"}"#);
    assert_eq!((available(&world), world.account("p").balance().owed), (0, 100));
}

/// What comes back goes where it was, also as expired; more of the award goes where its latest part is.
#[test]
fn what_comes_back_does_not_say_where_the_award_is() {
    let mut world = world("", "[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n");
    close(&mut world, "a", "100");
    // A hundred have expired in April's lot; fifty more are June's.
    world.at("2026-05-02T09:30:00Z");
    let steps = ["150", "0", "150"].map(|acv| {
        amend(&mut world, "a", acv);
        available(&world)
    });
    assert_eq!(steps, [50, 0, 50]);
    world.at("2026-06-10T09:30:00Z");
    amend(&mut world, "a", "200");
    let lots = &world.account("p").head.funds(Asset::Points).lots;
    let lots: Vec<_> = lots.iter().map(|(lot, points)| (lot.to_string(), *points)).collect();
    assert_eq!(lots, [("2026-06".to_owned(), 100)]);
}

/// What came back and was held anew, was taken from there and comes back again is held until the same day.
#[test]
fn what_comes_back_is_held_no_longer_than_it_was() {
    let mut world =
        world("hold = \"10 days\"", "[policy]\nexpiry = \"1 month after earning, at the end of the month\"\n");
    close(&mut world, "a", "100");
    amend(&mut world, "a", "50");
    // Fifty were released and have expired; the other fifty are held until 12 May.
    world.at("2026-05-02T09:30:00Z");
    amend(&mut world, "a", "100");
    amend(&mut world, "a", "0");
    world.at("2026-05-05T09:30:00Z");
    amend(&mut world, "a", "100");
    assert_eq!(world.account("p").balance().pending, 50);
    world.at("2026-05-12T09:30:00Z").catch_up();
    assert_eq!(available(&world), 50);
}

/// A stored deal keeps nothing of what is held no longer, nor a head of an asset of which there is nothing.
#[test]
fn what_is_held_no_longer_is_not_noted() {
    let mut world = world("hold = \"10 days\"", "");
    let held = |world: &World, deal: &str| {
        let closed = world.deals[deal].closed.as_ref().expect("it is closed");
        closed.credits.values().map(|credit| credit.held.len()).sum::<usize>()
    };
    close(&mut world, "a", "100");
    assert_eq!(held(&world, "a"), 1);
    amend(&mut world, "a", "0");
    assert_eq!((held(&world, "a"), world.account("p").head.funds.is_empty()), (0, true), "all of it is taken back");
    close(&mut world, "b", "100");
    world.at("2026-03-24T09:30:00Z");
    amend(&mut world, "b", "150");
    assert_eq!(held(&world, "b"), 0, "it was released today");
}

/// A deal that is said to be worth the nothing that it is frees its cap no second time.
#[test]
fn what_is_worth_the_same_frees_no_cap() {
    let mut world = world("at_most = \"1 per partner per month\"", FREE);
    close(&mut world, "a", "100");
    amend(&mut world, "a", "0");
    assert_eq!(close(&mut world, "b", "100"), Outcome::Awarded);
    amend(&mut world, "a", "0");
    assert_eq!(close(&mut world, "c", "100"), Outcome::Refused);
}

/// Stock moves with every step, and a group sees what its first wishes took.
#[test]
fn every_step_of_a_redemption_moves_its_stock() {
    let mut world = world("", "[reward.card]\nname = \"Card\"\npoints = 10\n");
    let partner: PartnerId = "p".try_into().expect("a partner");
    world.load_stock("card", 2);
    close(&mut world, "a", "100");
    let wish = |key: &str| {
        let wish =
            Wish { reward_id: "card".try_into().expect("a reward"), quantity: Whole::new(1).expect("a quantity") };
        let id = format!("r-{key}").try_into().expect("an id");
        wish.event(&world.id(), &partner, key, id, world.now)
    };
    let wishes: [Event; 3] = ["k", "l", "m"].map(wish);
    let decision = world.decide_for(&partner, &wishes);
    let outcomes = [0, 1, 2].map(|at| decision.outcome(at));
    assert_eq!(outcomes, [Some(Outcome::Applied), Some(Outcome::Applied), Some(Outcome::Refused)]);
    assert_eq!(world.last().reason, Some(Reason::OutOfStock { left: 0 }));
    let moved = |decision: &Decision| -> Vec<(i64, i64, i64)> {
        decision.stock.iter().map(|stock| (stock.free, stock.reserved, stock.issued)).collect()
    };
    assert_eq!(moved(&decision), vec![(-1, 1, 0), (-1, 1, 0)]);
    let step = |world: &mut World, key: &str, step: RedemptionStep| {
        let id = format!("r-{key}").try_into().expect("an id");
        let event = step.event(&world.id(), &partner, &id, world.now);
        moved(&world.decide_for(&partner, &[event]))
    };
    assert_eq!(step(&mut world, "k", RedemptionStep::Ordering), vec![]);
    assert_eq!(step(&mut world, "k", RedemptionStep::Fulfilled), vec![(0, -1, 1)]);
    assert_eq!(step(&mut world, "l", RedemptionStep::Released(ReleaseReason::Cancelled)), vec![(1, -1, 0)]);
}
